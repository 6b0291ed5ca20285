/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_sentinel.c - asking the sentinels who is the primary, and asking that
 * server whether it agrees.
 *
 * The first sentinel that names a server which says it is a primary is
 * believed. After a failover sentinels and servers agree within a moment; until
 * then there is no primary.
 */
#include "redis_route.h"

#include <string.h>

/* What a sentinel is entered with. */
static redis_options
entry_of(const redis_options *options)
{
    redis_options entry = *options;

    entry.username = options->sentinel_username;
    entry.password = options->sentinel_password;
    entry.database = 0;
    return entry;
}

/* Host and port of its answer. */
static bool
read_address(const redisReply *reply, larder_bytes *host, unsigned *port)
{
    const redisReply *name, *number;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return false;
    name = reply->element[0];
    number = reply->element[1];
    if (name->type != REDIS_REPLY_STRING || name->len == 0 || name->len > 253 ||
        memchr(name->str, '\0', name->len) != NULL ||
        number->type != REDIS_REPLY_STRING || number->len == 0 ||
        number->len > 5)
        return false;
    *host = (larder_bytes){name->str, name->len};
    *port = 0;
    for (size_t i = 0; i < number->len; i++) {
        if (number->str[i] < '0' || number->str[i] > '9')
            return false;
        *port = *port * 10 + (unsigned)(number->str[i] - '0');
    }
    return *port > 0 && *port <= 65535;
}

/* The primary is now at this address; whatever was known before is not. */
static larder_status
move_to(redis_route *route, larder_bytes host, unsigned port, larder_error *err)
{
    redis_slots slots = {0};
    size_t index;
    larder_status rc;

    if (route->slots.n_nodes == 1) {
        const redis_address *now = &route->slots.nodes[0];

        if (now->port == port && strlen(now->host) == host.size &&
            memcmp(now->host, host.data, host.size) == 0)
            return LARDER_OK;
    }
    rc = redis_slots_node(&slots, host, port, &index, err);
    if (rc != LARDER_OK)
        return rc;
    redis_route_drop(route, 0);
    redis_slots_release(&route->slots);
    route->slots = slots;
    return LARDER_OK;
}

/* Does the server itself say that it is a primary? */
static larder_status
verify(redis_route *route, redis_effort *effort, larder_error *err)
{
    const larder_bytes role = redis_word("ROLE");
    const redis_address *address = &route->slots.nodes[0];
    larder_call part = redis_route_part(route, effort);
    larder_error trouble = {0};
    redis_link *link = NULL;
    redisReply *reply = NULL;
    larder_status rc = redis_route_link(route, effort, &part, 0, &link, err);

    if (rc != LARDER_OK || link == NULL)
        return rc;
    rc = redis_ask(link, &part, 1, &role, &reply, &trouble);
    if (rc == LARDER_OK && reply->type == REDIS_REPLY_ERROR) {
        rc = redis_fail(link, reply, &trouble);
        if (redis_error_kind(reply) == REDIS_OTHER) {
            if (err != NULL)
                *err = trouble;
            freeReplyObject(reply);
            return rc;
        }
    } else if (rc == LARDER_OK) {
        route->stale =
            !(reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
                reply->element[0]->type == REDIS_REPLY_STRING &&
                strcmp(reply->element[0]->str, "master") == 0);
        if (route->stale)
            rc = larder_fail(&trouble, LARDER_UNAVAILABLE,
                "%s:%u, which a sentinel calls the primary of '%s', is none "
                "yet",
                address->host, address->port, route->options->master);
    }
    freeReplyObject(reply);
    if (rc == LARDER_OK)
        return LARDER_OK;
    redis_route_drop(route, 0);
    return redis_effort_keep(effort, &trouble, err);
}

/* What a sentinel said. */
static larder_status
hear(redis_route *route, redis_effort *effort, const redis_address *address,
    const redis_link *link, const redisReply *reply, larder_error *err)
{
    larder_error trouble = {0};
    larder_bytes host;
    unsigned port;
    larder_status rc;

    if (reply->type == REDIS_REPLY_ERROR) {
        rc = redis_fail(link, reply, &trouble);
        if (redis_error_kind(reply) != REDIS_OTHER)
            return redis_effort_keep(effort, &trouble, err);
        if (err != NULL)
            *err = trouble;
        larder_hint(err, "redis_type: redis_sentinel needs the addresses of "
                         "sentinels, not of servers");
        return rc;
    }
    if (reply->type == REDIS_REPLY_NIL) {
        (void)larder_fail(&trouble, LARDER_UNAVAILABLE,
            "the sentinel %s:%u knows no primary '%s'", address->host,
            address->port, route->options->master);
        larder_hint(&trouble, "sentinel_master: the name that the sentinels "
                              "monitor it by");
        return redis_effort_keep(effort, &trouble, err);
    }
    if (!read_address(reply, &host, &port)) {
        (void)larder_fail(&trouble, LARDER_UNAVAILABLE,
            "%s:%u does not answer as a sentinel does", address->host,
            address->port);
        return redis_effort_keep(effort, &trouble, err);
    }
    rc = move_to(route, host, port, err);
    return rc != LARDER_OK ? rc : verify(route, effort, err);
}

static larder_status
ask(redis_route *route, redis_effort *effort, const redis_address *address,
    bool *answered, larder_error *err)
{
    const larder_bytes words[] = {redis_word("SENTINEL"),
        redis_word("get-master-addr-by-name"),
        redis_word(route->options->master)};
    redis_options entry = entry_of(route->options);
    larder_call part = redis_route_part(route, effort);
    larder_error trouble = {0};
    redisReply *reply = NULL;
    redis_link *link = NULL;
    larder_status rc =
        redis_route_reach(&entry, address, effort, &part, &link, err);

    if (rc != LARDER_OK || link == NULL)
        return rc;
    rc = redis_ask(link, &part, 3, words, &reply, &trouble);
    if (rc != LARDER_OK) {
        rc = redis_effort_keep(effort, &trouble, err);
    } else {
        *answered = true;
        rc = hear(route, effort, address, link, reply, err);
    }
    freeReplyObject(reply);
    redis_link_close(link);
    return rc;
}

larder_status
redis_sentinel_learn(
    redis_route *route, redis_effort *effort, larder_error *err)
{
    size_t n_addresses = route->options->n_addresses;
    bool answered = false;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_addresses && route->stale; i++) {
        size_t at = (i + route->n_asked) % n_addresses;

        if (redis_effort_is_over(effort))
            break;
        LARDER_TRY(
            ask(route, effort, &route->options->addresses[at], &answered, err));
    }
out:
    route->n_asked++;
    effort->n_deaf = answered ? 0 : effort->n_deaf + 1;
    return rc;
}
