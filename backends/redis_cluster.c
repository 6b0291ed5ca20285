/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_cluster.c - learning the map of a Redis Cluster: which primary serves
 * which slots.
 *
 * Any node may be asked. Nodes that failed last are asked last, and each look
 * begins at another one, so that a node which is cut off and tells an old story
 * is not believed for ever.
 */
#include "redis_route.h"

#include <stdlib.h>

/* The new map, in place of the old: nodes keep their numbers, and those that
 * serve nothing any more lose their connection. */
static larder_status
adopt(redis_route *route, redis_slots *found, larder_error *err)
{
    uint16_t number[REDIS_MAX_NODES] = {0};
    larder_status rc = LARDER_OK;
    size_t index;

    for (size_t i = 0; i < found->n_nodes; i++) {
        const redis_address *node = &found->nodes[i];

        LARDER_TRY(redis_slots_node(
            &route->slots, redis_word(node->host), node->port, &index, err));
        number[i] = (uint16_t)(index + 1);
    }
    for (size_t i = 0; i < REDIS_N_SLOTS; i++)
        route->slots.owner[i] =
            found->owner[i] == 0 ? 0 : number[found->owner[i] - 1];
    for (size_t i = 0; i < route->slots.n_nodes; i++)
        if (route->links[i] != NULL && !redis_route_serves(route, i))
            redis_route_drop(route, i);
    route->stale = false;
    route->n_moved = 0;
out:
    return rc;
}

static bool
serves_any(const redis_slots *slots)
{
    for (size_t i = 0; i < REDIS_N_SLOTS; i++)
        if (slots->owner[i] != 0)
            return true;
    return false;
}

/* What a node said: its map is taken over, or its trouble is kept. */
static larder_status
hear(redis_route *route, redis_effort *effort, const redis_address *address,
    const redis_link *link, const redisReply *reply, larder_error *err)
{
    const char *host = address->host != NULL ? address->host : "127.0.0.1";
    redis_slots *found;
    larder_error trouble = {0};
    larder_status rc = LARDER_OK;

    if (reply->type == REDIS_REPLY_ERROR) {
        rc = redis_fail(link, reply, &trouble);
        if (redis_error_kind(reply) != REDIS_OTHER)
            return redis_effort_keep(effort, &trouble, err);
        if (err != NULL)
            *err = trouble; /* it is no cluster, or we have no right */
        larder_hint(err,
            "redis_type: redis_cluster needs servers with "
            "'cluster-enabled yes' and the right to CLUSTER SLOTS");
        return rc;
    }
    found = calloc(1, sizeof *found);
    if (found == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    rc = redis_slots_read(reply, host, found, &trouble);
    if (rc == LARDER_OK && !serves_any(found))
        rc = larder_fail(&trouble, LARDER_UNAVAILABLE,
            "no node of the Redis Cluster has a slot");
    if (rc == LARDER_OK) {
        effort->n_deaf = 0;
        rc = adopt(route, found, err);
    } else {
        larder_context(&trouble, "%s:%u", host, address->port);
        rc = redis_effort_keep(effort, &trouble, err);
    }
    redis_slots_release(found);
    free(found);
    return rc;
}

/* Ask over a connection that stays open either way; NULL: over one that does
 * not. `answered`: whatever it said, it is there. */
static larder_status
ask(redis_route *route, redis_effort *effort, const redis_address *address,
    const larder_call *part, redis_link *link, bool *answered,
    larder_error *err)
{
    const larder_bytes words[] = {redis_word("CLUSTER"), redis_word("SLOTS")};
    larder_error trouble = {0};
    redisReply *reply = NULL;
    larder_status rc = redis_ask(link, part, 2, words, &reply, &trouble);

    if (rc != LARDER_OK)
        return redis_effort_keep(effort, &trouble, err);
    *answered = true;
    rc = hear(route, effort, address, link, reply, err);
    freeReplyObject(reply);
    return rc;
}

static larder_status
ask_node(redis_route *route, redis_effort *effort, size_t node, bool *answered,
    larder_error *err)
{
    larder_call part = redis_route_part(route, effort);
    redis_link *link = NULL;
    /* Of its own: the map may grow while it is read. */
    redis_address address = *redis_route_address(route, node);
    larder_status rc = redis_route_link(route, effort, &part, node, &link, err);

    if (rc != LARDER_OK || link == NULL)
        return rc;
    rc = ask(route, effort, &address, &part, link, answered, err);
    if (route->links[node] != NULL && !redis_link_alive(link)) {
        redis_route_drop(route, node);
        route->doubted[node] = true;
    }
    return rc;
}

/* One of the addresses in the options; it may be no node of the map. */
static larder_status
ask_address(redis_route *route, redis_effort *effort,
    const redis_address *address, bool *answered, larder_error *err)
{
    larder_call part = redis_route_part(route, effort);
    redis_link *link = NULL;
    larder_status rc =
        redis_route_reach(route->options, address, effort, &part, &link, err);

    if (rc == LARDER_OK && link != NULL)
        rc = ask(route, effort, address, &part, link, answered, err);
    redis_link_close(link);
    return rc;
}

/* Candidate i: first the nodes that are well, then the options' addresses, then
 * the nodes that failed last. */
static larder_status
ask_candidate(redis_route *route, redis_effort *effort, size_t i,
    size_t n_known, bool *answered, larder_error *err)
{
    size_t n_addresses = route->options->n_addresses, at;

    if (i >= n_known && i < n_known + n_addresses) {
        at = (i - n_known + route->n_asked) % n_addresses;
        return ask_address(
            route, effort, &route->options->addresses[at], answered, err);
    }
    at = (i < n_known ? i : i - n_known - n_addresses);
    at = (at + route->n_asked) % n_known;
    if (route->doubted[at] == (i < n_known))
        return LARDER_OK;
    return ask_node(route, effort, at, answered, err);
}

larder_status
redis_cluster_learn(redis_route *route, redis_effort *effort, larder_error *err)
{
    size_t n_known = route->slots.n_nodes;
    size_t n_candidates = 2 * n_known + route->options->n_addresses;
    bool answered = false;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_candidates && route->stale; i++) {
        if (redis_effort_is_over(effort))
            break;
        LARDER_TRY(ask_candidate(route, effort, i, n_known, &answered, err));
    }
out:
    route->n_asked++;
    effort->n_deaf = answered ? 0 : effort->n_deaf + 1;
    return rc;
}
