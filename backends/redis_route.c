/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_route.c - the servers of one store: their connections, how long a call
 * may try, and looking for them again.
 *
 * What a call does with them is in redis_run.c; who serves what, in
 * redis_cluster.c and redis_sentinel.c.
 */
#include "redis_route.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without a deadline a call tries for so long. */
#define DEFAULT_EFFORT_US INT64_C(10000000)
#define FIRST_PAUSE_MS 10u
#define LONGEST_PAUSE_MS 200u
/* A server that says nothing for so long may be dead where others could stand
 * in for it; twice as long each time. */
#define PATIENCE_US INT64_C(1000000)
/* Nothing at all answered so many times in a row: it is down. */
#define MAX_DEAF 3u

larder_bytes
redis_word(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* ---------------------------------------------------------------- efforts */

static int64_t
read_clock(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
redis_effort_begin(redis_effort *effort, const larder_call *call)
{
    *effort = (redis_effort){.call = *call};
    if (call->monotonic == NULL) {
        effort->call.monotonic = read_clock;
        effort->call.deadline = 0;
    }
    if (effort->call.deadline == 0)
        effort->call.deadline = effort->call.monotonic() + DEFAULT_EFFORT_US;
}

larder_status
redis_effort_keep(
    redis_effort *effort, const larder_error *trouble, larder_error *err)
{
    if (trouble->status != LARDER_UNAVAILABLE &&
        trouble->status != LARDER_DEADLINE) {
        if (err != NULL)
            *err = *trouble;
        return trouble->status;
    }
    effort->n_late += trouble->status == LARDER_DEADLINE;
    effort->last = *trouble;
    return LARDER_OK;
}

/* Time is over: what stood in the way says more than that. */
static larder_status
give_up(const redis_effort *effort, larder_error *err)
{
    if (effort->last.status == LARDER_OK)
        return larder_fail(
            err, LARDER_DEADLINE, "the deadline of the call has passed");
    if (err != NULL)
        *err = effort->last;
    return effort->last.status;
}

bool
redis_effort_is_over(const redis_effort *effort)
{
    return larder_call_check(&effort->call, NULL) != LARDER_OK;
}

larder_status
redis_effort_pause(redis_effort *effort, larder_error *err)
{
    unsigned doublings = effort->n_pauses < 8 ? effort->n_pauses : 8;
    int64_t nap_us, left_us;
    struct timespec span = {0};
    larder_error late = {0};
    larder_status rc = larder_call_check(&effort->call, &late);

    if (rc == LARDER_DEADLINE || effort->n_deaf >= MAX_DEAF)
        return give_up(effort, err);
    if (rc != LARDER_OK)
        return redis_effort_keep(effort, &late, err);
    nap_us = (int64_t)FIRST_PAUSE_MS << doublings;
    if (nap_us > LONGEST_PAUSE_MS)
        nap_us = LONGEST_PAUSE_MS;
    nap_us *= 1000;
    left_us = effort->call.deadline - effort->call.monotonic();
    if (nap_us > left_us)
        nap_us = left_us > 0 ? left_us : 0;
    span.tv_nsec = (long)(nap_us * 1000);
    (void)nanosleep(&span, NULL);
    effort->n_pauses++;
    return LARDER_OK;
}

/* ---------------------------------------------------------------- servers */

size_t
redis_route_n_nodes(const redis_route *route)
{
    return route->options->kind == REDIS_SINGLE ? 1 : route->slots.n_nodes;
}

const redis_address *
redis_route_address(const redis_route *route, size_t node)
{
    return route->options->kind == REDIS_SINGLE ? &route->options->addresses[0]
                                                : &route->slots.nodes[node];
}

bool
redis_route_node_of(const redis_route *route, larder_bytes key, size_t *node)
{
    unsigned owner;

    if (route->options->kind != REDIS_CLUSTER) {
        *node = 0;
        return redis_route_n_nodes(route) > 0;
    }
    owner = route->slots.owner[redis_slot_of(key)];
    *node = owner == 0 ? 0 : owner - 1;
    return owner != 0;
}

bool
redis_route_serves(const redis_route *route, size_t node)
{
    if (route->options->kind != REDIS_CLUSTER)
        return true;
    for (size_t i = 0; i < REDIS_N_SLOTS; i++)
        if (route->slots.owner[i] == node + 1)
            return true;
    return false;
}

void
redis_route_drop(redis_route *route, size_t node)
{
    redis_link_close(route->links[node]);
    route->links[node] = NULL;
    route->n_owed[node] = 0;
}

larder_call
redis_route_part(const redis_route *route, const redis_effort *effort)
{
    larder_call part = effort->call;
    unsigned doublings = effort->n_late < 3 ? effort->n_late : 3;
    int64_t until = part.monotonic() + (PATIENCE_US << doublings);

    if (route->options->kind != REDIS_SINGLE && until < part.deadline)
        part.deadline = until;
    return part;
}

larder_status
redis_route_reach(const redis_options *options, const redis_address *address,
    redis_effort *effort, const larder_call *call, redis_link **out,
    larder_error *err)
{
    larder_error trouble = {0};
    bool refused = false;
    larder_status rc =
        redis_link_open(options, address, call, &refused, out, &trouble);

    if (rc == LARDER_OK)
        return LARDER_OK;
    *out = NULL;
    if (!refused)
        return redis_effort_keep(effort, &trouble, err);
    if (err != NULL)
        *err = trouble;
    return rc;
}

larder_status
redis_route_link(redis_route *route, redis_effort *effort,
    const larder_call *call, size_t node, redis_link **out, larder_error *err)
{
    redis_link **link = &route->links[node];
    larder_status rc;

    if (*link != NULL && !redis_link_alive(*link))
        redis_route_drop(route, node);
    if (*link == NULL) {
        rc = redis_route_reach(route->options, redis_route_address(route, node),
            effort, call, link, err);
        if (rc != LARDER_OK)
            return rc;
        route->doubted[node] = *link == NULL;
        route->n_opened++;
        if (route->options->kind == REDIS_SINGLE)
            effort->n_deaf = *link == NULL ? effort->n_deaf + 1 : 0;
    }
    *out = *link;
    return LARDER_OK;
}

/* ------------------------------------------------------------ open, close */

larder_status
redis_route_learn(redis_route *route, redis_effort *effort, larder_error *err)
{
    if (!route->stale)
        return LARDER_OK;
    switch (route->options->kind) {
    case REDIS_SINGLE:
        route->stale = false;
        break;
    case REDIS_CLUSTER:
        return redis_cluster_learn(route, effort, err);
    case REDIS_SENTINEL:
        return redis_sentinel_learn(route, effort, err);
    }
    return LARDER_OK;
}

void
redis_route_tidy(redis_route *route)
{
    if (route->slots.n_nodes <= REDIS_MAX_NODES / 2)
        return;
    for (size_t i = 0; i < route->slots.n_nodes; i++)
        redis_route_drop(route, i);
    redis_slots_release(&route->slots);
    route->stale = true;
}

larder_status
redis_route_know(redis_route *route, redis_effort *effort, larder_error *err)
{
    larder_status rc = redis_route_learn(route, effort, err);

    while (rc == LARDER_OK && route->stale) {
        rc = redis_effort_pause(effort, err);
        if (rc == LARDER_OK)
            rc = redis_route_learn(route, effort, err);
    }
    return rc;
}

/* A single server that does not answer is told now rather than later. */
static larder_status
reach_single(redis_route *route, redis_effort *effort, larder_error *err)
{
    larder_call part = redis_route_part(route, effort);
    redis_link *link = NULL;
    larder_status rc = redis_route_link(route, effort, &part, 0, &link, err);

    while (rc == LARDER_OK && link == NULL) {
        rc = redis_effort_pause(effort, err);
        if (rc == LARDER_OK)
            rc = redis_route_link(route, effort, &part, 0, &link, err);
    }
    return rc;
}

larder_status
redis_route_open(const redis_options *options, const larder_call *call,
    redis_route **out, larder_error *err)
{
    redis_route *route = calloc(1, sizeof *route);
    redis_effort effort;
    larder_status rc = LARDER_OK;

    if (route == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    route->options = options;
    route->stale = options->kind != REDIS_SINGLE;
    redis_effort_begin(&effort, call);
    if (options->kind == REDIS_CLUSTER) {
        route->tags = malloc(sizeof *route->tags);
        if (route->tags == NULL) {
            rc = larder_fail(err, LARDER_NOMEM, "out of memory");
            goto out;
        }
        redis_tags_fill(route->tags);
    }
    LARDER_TRY(options->kind == REDIS_SINGLE
                   ? reach_single(route, &effort, err)
                   : redis_route_know(route, &effort, err));
    *out = route;
    route = NULL;
out:
    redis_route_close(route);
    return rc;
}

void
redis_route_close(redis_route *route)
{
    if (route == NULL)
        return;
    for (size_t i = 0; i < REDIS_MAX_NODES; i++)
        redis_link_close(route->links[i]);
    redis_slots_release(&route->slots);
    free(route->tags);
    free(route->progress);
    free(route->keys);
    free(route);
}

/* -------------------------------------------------------------- canaries */

size_t
redis_route_n_canaries(const redis_route *route)
{
    return route->options->kind == REDIS_CLUSTER ? REDIS_N_SLOTS : 1;
}

size_t
redis_route_canary_of(const redis_route *route, larder_bytes key)
{
    return route->options->kind == REDIS_CLUSTER ? redis_slot_of(key) : 0;
}

size_t
redis_route_canary_tag(
    const redis_route *route, size_t canary, char tag[REDIS_TAG_ROOM])
{
    char digits[10];
    size_t n_digits = 0, size = 0;

    if (route->options->kind != REDIS_CLUSTER)
        return 0;
    for (uint32_t rest = route->tags->of_slot[canary]; rest > 0; rest /= 10)
        digits[n_digits++] = (char)('0' + rest % 10);
    tag[size++] = '{';
    while (n_digits > 0)
        tag[size++] = digits[--n_digits];
    tag[size++] = '}';
    return size;
}

/* ------------------------------------------------------------------- each */

larder_status
redis_route_each(redis_route *route, const larder_call *call,
    larder_status (*visit)(void *context, redis_link *link,
        const larder_call *call, larder_error *err),
    void *context, larder_error *err)
{
    redis_effort effort;
    larder_status rc = LARDER_OK;

    redis_effort_begin(&effort, call);
    route->stale = true;
    LARDER_TRY(redis_route_know(route, &effort, err));
    for (size_t i = 0; i < redis_route_n_nodes(route); i++) {
        larder_call part = redis_route_part(route, &effort);
        redis_link *link = NULL;

        if (!redis_route_serves(route, i))
            continue;
        LARDER_TRY(redis_route_link(route, &effort, &part, i, &link, err));
        if (link == NULL) {
            rc = redis_effort_pause(&effort, err);
            route->stale = true;
            if (rc == LARDER_OK)
                rc = redis_route_know(route, &effort, err);
            if (rc != LARDER_OK)
                goto out;
            i--; /* again, if it still serves */
            continue;
        }
        rc = visit(context, link, &effort.call, err);
        if (rc != LARDER_OK) {
            redis_route_drop(route, i); /* with what it may still say */
            goto out;
        }
    }
out:
    return rc;
}
