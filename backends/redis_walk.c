/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_walk.c - all keys that begin with a prefix, some at a time.
 *
 * A server alone is walked by SCAN. Its cursor means nothing to another server,
 * nor to the same one after a restart: the walk then begins again. In a cluster
 * keys move while one looks, from a node that was not asked yet to one that
 * was: so it is walked slot by slot, and a slot that is being moved is read
 * where it comes from, then where it goes. No key that is there all the time is
 * missed; one may come twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_route.h"

#define FIRST_SLOTS 16u /* a step; then as many as give `count` keys */
#define MOST_SLOTS 512u
#define STEPS 8u /* of one call */
/* Of one slot. As many as a reply may have. */
#define SLOT_KEYS "1000000"

typedef struct walking {
    redis_route *route;
    redis_effort effort;
    redis_walk *walk;
    larder_bytes prefix;
    size_t count, n_seen;
    larder_status (*visit)(void *context, larder_bytes key, larder_error *err);
    void *context;
} walking;

/* ------------------------------------------------------------ conversation */

/* Send commands to a node and read all replies. *done is false after a trouble
 * that may pass: nothing is in `replies` then. */
static larder_status
talk(walking *self, size_t node, redis_link **link, size_t n_commands,
    larder_status (*add)(
        walking *self, redis_link *link, size_t i, larder_error *err),
    redisReply **replies, bool *done, larder_error *err)
{
    redis_route *route = self->route;
    larder_call part = redis_route_part(route, &self->effort);
    larder_error trouble = {0};
    size_t n_replies = 0;
    larder_status rc;

    *done = false;
    rc = redis_route_link(route, &self->effort, &part, node, link, err);
    if (rc != LARDER_OK || *link == NULL)
        return rc;
    for (size_t i = 0; i < n_commands; i++)
        LARDER_TRY(add(self, *link, i, &trouble));
    LARDER_TRY(redis_send(*link, &part, &trouble));
    for (; n_replies < n_commands; n_replies++)
        LARDER_TRY(redis_reply(*link, &part, &replies[n_replies], &trouble));
    *done = true;
    return LARDER_OK;
out:
    while (n_replies > 0) {
        freeReplyObject(replies[--n_replies]);
        replies[n_replies] = NULL;
    }
    redis_route_drop(route, node);
    return redis_effort_keep(&self->effort, &trouble, err);
}

/* An error reply: wait and look again (LARDER_OK), or stop. */
static larder_status
heed(walking *self, const redis_link *link, const redisReply *reply,
    larder_error *err)
{
    larder_error trouble = {0};
    larder_status rc = redis_fail(link, reply, &trouble);

    self->route->stale = self->route->options->kind != REDIS_SINGLE;
    if (redis_error_kind(reply) != REDIS_OTHER)
        return redis_effort_keep(&self->effort, &trouble, err);
    if (err != NULL)
        *err = trouble;
    return rc;
}

/* Canaries are visited, and not counted: an empty store has one a slot. */
static bool
is_canary(const walking *self, const redisReply *key)
{
    char tag[REDIS_TAG_ROOM];
    size_t size = redis_route_canary_tag(self->route, self->walk->slot, tag);

    return size > 0 && key->len > self->prefix.size + size &&
           memcmp(key->str + self->prefix.size, tag, size) == 0;
}

static larder_status
visit_keys(walking *self, const redisReply *keys, larder_error *err)
{
    size_t n_prefix = self->prefix.size;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < keys->elements && rc == LARDER_OK; i++) {
        const redisReply *key = keys->element[i];

        if (key->type != REDIS_REPLY_STRING || key->len < n_prefix ||
            (n_prefix > 0 &&
                memcmp(key->str, self->prefix.data, n_prefix) != 0))
            continue;
        self->n_seen += !is_canary(self, key);
        rc =
            self->visit(self->context, (larder_bytes){key->str, key->len}, err);
    }
    return rc;
}

static larder_status
fail_senseless(const char *command, larder_error *err)
{
    return larder_fail(err, LARDER_UNAVAILABLE,
        "the server's reply to %s makes no sense", command);
}

/* -------------------------------------------------------------------- SCAN */

/* The prefix as a pattern: what means something in one stands for itself. */
static size_t
escape(larder_bytes prefix, char *pattern)
{
    const char *bytes = prefix.data;
    size_t size = 0;

    for (size_t i = 0; i < prefix.size; i++) {
        if (memchr("*?[]\\^-", bytes[i], 7) != NULL)
            pattern[size++] = '\\';
        pattern[size++] = bytes[i];
    }
    pattern[size++] = '*';
    return size;
}

static larder_status
add_scan(walking *self, redis_link *link, size_t i, larder_error *err)
{
    char cursor[24], count[24], *pattern;
    larder_bytes words[] = {redis_word("SCAN"), {cursor, 0},
        redis_word("MATCH"), {NULL, 0}, redis_word("COUNT"), {count, 0}};
    larder_bytes info[] = {redis_word("INFO"), redis_word("server")};
    larder_status rc;

    if (i == 0)
        return redis_command(link, 2, info, err);
    pattern = malloc(2 * self->prefix.size + 1);
    if (pattern == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    words[1].size = (size_t)snprintf(
        cursor, sizeof cursor, "%llu", (unsigned long long)self->walk->cursor);
    words[3] = (larder_bytes){pattern, escape(self->prefix, pattern)};
    words[5].size = (size_t)snprintf(count, sizeof count, "%zu", self->count);
    rc = redis_command(link, 6, words, err);
    free(pattern);
    return rc;
}

/* A number for the server's run_id, which a restart changes. */
static uint64_t
server_of(const redisReply *info)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    const char *at = NULL;

    if (info->type == REDIS_REPLY_STRING)
        at = strstr(info->str, "run_id:");
    for (; at != NULL && *at != '\0' && *at != '\r'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return hash | 1;
}

static bool
read_cursor(const redisReply *reply, uint64_t *out)
{
    uint64_t cursor = 0;

    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->len > 20)
        return false;
    for (size_t i = 0; i < reply->len; i++) {
        if (reply->str[i] < '0' || reply->str[i] > '9')
            return false;
        cursor = cursor * 10 + (unsigned)(reply->str[i] - '0');
    }
    *out = cursor;
    return true;
}

/* What INFO and SCAN said; *done false: not yet, look again. */
static larder_status
take_scan(walking *self, const redis_link *link, redisReply **replies,
    bool *done, larder_error *err)
{
    redis_walk *walk = self->walk;
    const redisReply *scan = replies[1];
    uint64_t cursor, server;
    larder_status rc;

    *done = false;
    for (size_t i = 0; i < 2; i++)
        if (replies[i]->type == REDIS_REPLY_ERROR)
            return heed(self, link, replies[i], err);
    if (scan->type != REDIS_REPLY_ARRAY || scan->elements != 2 ||
        scan->element[1]->type != REDIS_REPLY_ARRAY ||
        !read_cursor(scan->element[0], &cursor))
        return fail_senseless("SCAN", err);
    server = server_of(replies[0]);
    if (walk->cursor != 0 && server != walk->server) {
        walk->cursor = 0; /* it is another's */
        return LARDER_OK;
    }
    rc = visit_keys(self, scan->element[1], err);
    if (rc != LARDER_OK)
        return rc;
    walk->server = server;
    walk->cursor = cursor;
    walk->done = cursor == 0;
    *done = true;
    return LARDER_OK;
}

static larder_status
step_scan(walking *self, bool *done, larder_error *err)
{
    redisReply *replies[2] = {NULL, NULL};
    redis_link *link = NULL;
    larder_status rc = talk(self, 0, &link, 2, add_scan, replies, done, err);

    if (rc == LARDER_OK && *done)
        rc = take_scan(self, link, replies, done, err);
    else
        self->route->stale = self->route->options->kind != REDIS_SINGLE;
    freeReplyObject(replies[0]);
    freeReplyObject(replies[1]);
    return rc;
}

/* ------------------------------------------------------------- slot by slot */

/* Command 2n lists the n-th slot from walk->slot; 2n + 1 asks for a key of it
 * that nobody has: a node where the slot does not rest says so. */
static larder_status
add_slot(walking *self, redis_link *link, size_t i, larder_error *err)
{
    unsigned slot = self->walk->slot + (unsigned)(i / 2);
    size_t n_prefix = self->prefix.size;
    char text[REDIS_TAG_ROOM], *key;
    larder_bytes list[] = {redis_word("CLUSTER"), redis_word("GETKEYSINSLOT"),
        {text, 0}, redis_word(SLOT_KEYS)};
    larder_bytes probe[] = {redis_word("EXISTS"), {NULL, 0}};
    larder_status rc;

    if (i % 2 == 0) {
        list[2].size = (size_t)snprintf(text, sizeof text, "%u", slot);
        return redis_command(link, 4, list, err);
    }
    key = malloc(n_prefix + REDIS_TAG_ROOM);
    if (key == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    if (n_prefix > 0)
        memcpy(key, self->prefix.data, n_prefix);
    probe[1].data = key;
    probe[1].size =
        n_prefix + redis_route_canary_tag(self->route, slot, key + n_prefix);
    rc = redis_command(link, 2, probe, err);
    free(key);
    return rc;
}

/* Slots in a row that one node has, as many as this step may take. */
static size_t
count_slots(const walking *self)
{
    const redis_slots *slots = &self->route->slots;
    unsigned from = self->walk->slot, n = 1;

    while (n < self->walk->n_slots && from + n < REDIS_N_SLOTS &&
           slots->owner[from + n] == slots->owner[from])
        n++;
    return n;
}

/* A slot on its way: what came before is there, the rest where it goes. */
static larder_status
list_target(walking *self, const redis_moved *to, bool *done, larder_error *err)
{
    redisReply *reply = NULL;
    redis_link *link = NULL;
    size_t node;
    larder_status rc =
        redis_slots_node(&self->route->slots, to->host, to->port, &node, err);

    if (rc == LARDER_OK)
        rc = talk(self, node, &link, 1, add_slot, &reply, done, err);
    if (rc != LARDER_OK || !*done)
        return rc;
    if (reply->type == REDIS_REPLY_ARRAY)
        rc = visit_keys(self, reply, err);
    else
        rc = reply->type == REDIS_REPLY_ERROR
                 ? heed(self, link, reply, err)
                 : fail_senseless("CLUSTER GETKEYSINSLOT", err);
    *done = reply->type == REDIS_REPLY_ARRAY;
    freeReplyObject(reply);
    return rc;
}

/* The two replies for the slot at walk->slot, which *done passes. */
static larder_status
take_slot(walking *self, size_t node, const redis_link *link,
    redisReply **replies, bool *done, larder_error *err)
{
    const redisReply *list = replies[0], *probe = replies[1];
    redis_error kind = REDIS_OTHER;
    redis_moved to;
    larder_status rc;

    *done = false;
    if (list->type == REDIS_REPLY_ERROR)
        return heed(self, link, list, err);
    if (list->type != REDIS_REPLY_ARRAY)
        return fail_senseless("CLUSTER GETKEYSINSLOT", err);
    if (probe->type == REDIS_REPLY_ERROR) {
        kind = redis_error_kind(probe);
        if (kind != REDIS_ASK ||
            !redis_moved_read(probe, self->route->slots.nodes[node].host, &to))
            return heed(self, link, probe, err);
    }
    rc = visit_keys(self, list, err);
    *done = rc == LARDER_OK;
    if (rc == LARDER_OK && kind == REDIS_ASK)
        rc = list_target(self, &to, done, err);
    if (rc == LARDER_OK && *done) {
        self->walk->slot++;
        self->walk->done = self->walk->slot == REDIS_N_SLOTS;
    }
    return rc;
}

/* As many slots as one step takes. *done: at least one. */
static larder_status
step_slots(walking *self, bool *done, larder_error *err)
{
    redis_walk *walk = self->walk;
    redisReply **replies;
    redis_link *link = NULL;
    unsigned owner = self->route->slots.owner[walk->slot];
    size_t n_slots = count_slots(self);
    larder_status rc;

    *done = false;
    if (owner == 0) {
        (void)larder_fail(&self->effort.last, LARDER_UNAVAILABLE,
            "no node of the Redis Cluster serves slot %u", walk->slot);
        self->route->stale = true;
        return LARDER_OK;
    }
    replies = calloc(2 * n_slots, sizeof(redisReply *));
    if (replies == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    rc =
        talk(self, owner - 1, &link, 2 * n_slots, add_slot, replies, done, err);
    self->route->stale = self->route->stale || !*done;
    if (rc == LARDER_OK && *done) {
        bool more = true;
        size_t n_done = 0;

        for (; n_done < n_slots && rc == LARDER_OK && more; n_done += more)
            rc = take_slot(
                self, owner - 1, link, replies + 2 * n_done, &more, err);
        *done = n_done > 0;
    }
    for (size_t i = 0; i < 2 * n_slots; i++)
        freeReplyObject(replies[i]);
    free(replies);
    return rc;
}

/* Next time more slots, or fewer. */
static void
adjust(const walking *self)
{
    redis_walk *walk = self->walk;

    if (self->n_seen > self->count && walk->n_slots > 1)
        walk->n_slots /= 2;
    else if (self->n_seen <= self->count / 2 && walk->n_slots < MOST_SLOTS)
        walk->n_slots *= 2;
}

/* ------------------------------------------------------------------- steps */

larder_status
redis_walk_next(redis_route *route, const larder_call *call, redis_walk *walk,
    larder_bytes prefix, size_t count,
    larder_status (*visit)(void *context, larder_bytes key, larder_error *err),
    void *context, larder_error *err)
{
    walking self = {.route = route,
        .walk = walk,
        .prefix = prefix,
        .count = count > 0 ? count : 1,
        .visit = visit,
        .context = context};
    bool by_slot = route->options->kind == REDIS_CLUSTER;
    unsigned n_left = by_slot ? STEPS : 1; /* through slots without a key */
    larder_status rc = LARDER_OK;

    if (walk->n_slots == 0 || walk->n_slots > MOST_SLOTS)
        walk->n_slots = FIRST_SLOTS;
    if (walk->slot >= REDIS_N_SLOTS)
        walk->done = true;
    redis_effort_begin(&self.effort, call);
    while (n_left > 0 && self.n_seen == 0 && !walk->done) {
        bool done = false;

        LARDER_TRY(redis_route_know(route, &self.effort, err));
        LARDER_TRY(by_slot ? step_slots(&self, &done, err)
                           : step_scan(&self, &done, err));
        if (!done)
            LARDER_TRY(redis_effort_pause(&self.effort, err));
        n_left -= done;
        adjust(&self);
    }
out:
    return rc;
}
