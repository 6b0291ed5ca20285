/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_run.c - jobs to the servers that have their keys, and what those say.
 *
 * A run goes in rounds. Each sends every job that is left to where its key
 * lives, one pipeline a server, and only then reads. What was answered is done;
 * the rest goes on in the next round, after a pause if only time can help. Of
 * jobs about one key that are not idempotent the next is sent when the one
 * before it is done, so that no answer between them can change their order.
 */
#include <stdlib.h>
#include <string.h>

#include "redis_route.h"

/* After so many MOVED and ASK in a row a job waits before it goes on. */
#define MAX_HOPS 5u
/* After so many MOVED the map is learnt anew rather than slot by slot. */
#define MAX_MOVED 16u

enum job_state { WAITING, PLACED, SENT, DONE };

typedef struct running {
    redis_route *route;
    redis_effort effort;
    redis_job *jobs;
    size_t n_jobs, n_left;
    bool idempotent;
    unsigned n_lost; /* connections */
    bool pause;      /* only time can help */
} running;

/* ------------------------------------------------------------- same keys */

static uint32_t
hash_of(larder_bytes key)
{
    const unsigned char *bytes = key.data;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static larder_bytes
key_of(const redis_job *job)
{
    return job->words[job->key];
}

static bool
is_same(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Which job is the one before it about the same key. */
static void
link_keys(running *self)
{
    redis_route *route = self->route;
    size_t mask = route->n_keys - 1;

    memset(route->keys, 0, route->n_keys * sizeof *route->keys);
    for (size_t i = 0; i < self->n_jobs; i++) {
        larder_bytes key = key_of(&self->jobs[i]);
        size_t at = hash_of(key) & mask;

        while (route->keys[at] != 0 &&
               !is_same(key_of(&self->jobs[route->keys[at] - 1]), key))
            at = (at + 1) & mask;
        route->progress[i].before = route->keys[at];
        route->keys[at] = (uint32_t)(i + 1);
    }
}

/* Room for so many jobs, kept for the next run. */
static larder_status
make_room(redis_route *route, size_t n_jobs, larder_error *err)
{
    size_t n_keys = 16;
    redis_progress *progress;
    uint32_t *keys;

    if (n_jobs > UINT32_MAX / 4)
        return larder_fail(err, LARDER_LIMIT, "%zu commands at once", n_jobs);
    if (n_jobs <= route->n_progress)
        return LARDER_OK;
    while (n_keys < 2 * n_jobs)
        n_keys *= 2;
    progress = realloc(route->progress, n_jobs * sizeof *progress);
    if (progress != NULL)
        route->progress = progress;
    keys = realloc(route->keys, n_keys * sizeof *keys);
    if (keys != NULL)
        route->keys = keys;
    if (progress == NULL || keys == NULL) {
        route->n_progress = 0;
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    route->n_progress = n_jobs;
    route->n_keys = n_keys;
    return LARDER_OK;
}

/* --------------------------------------------------------------- sending */

/* Say where each job goes that may go now; those of the cluster's slots that
 * nobody serves wait. */
static void
place(running *self)
{
    redis_route *route = self->route;

    for (size_t i = 0; i < self->n_jobs; i++) {
        redis_progress *job = &route->progress[i];
        size_t node;

        if (job->state != WAITING ||
            (job->before != 0 &&
                route->progress[job->before - 1].state != DONE))
            continue;
        if (!job->asking) {
            if (!redis_route_node_of(route, key_of(&self->jobs[i]), &node)) {
                (void)larder_fail(&self->effort.last, LARDER_UNAVAILABLE,
                    "no node of the Redis Cluster serves slot %u",
                    redis_slot_of(key_of(&self->jobs[i])));
                route->stale = true;
                self->pause = true;
                continue;
            }
            job->node = (uint16_t)node;
        }
        job->state = PLACED;
        route->n_owed[job->node]++;
    }
}

/* Its connection is another one now: what was read over the last is read again,
 * in the next round. */
static void
retract_reads(running *self, size_t node)
{
    for (size_t i = 0; i < self->n_jobs; i++) {
        redis_progress *job = &self->route->progress[i];

        if (job->node != node || job->state != DONE || !self->jobs[i].reads)
            continue;
        freeReplyObject(self->jobs[i].reply);
        self->jobs[i].reply = NULL;
        job->state = WAITING;
        self->n_left++;
    }
}

/* What went to this node and was not answered goes again, if it may. */
static larder_status
take_back(
    running *self, size_t node, const larder_error *trouble, larder_error *err)
{
    redis_route *route = self->route;
    bool was_sent = false;
    larder_status rc;

    for (size_t i = 0; i < self->n_jobs; i++) {
        redis_progress *job = &route->progress[i];

        if (job->node != node || (job->state != SENT && job->state != PLACED))
            continue;
        was_sent = was_sent || (job->state == SENT && !self->jobs[i].reads);
        self->jobs[i].again = self->jobs[i].again || job->state == SENT;
        job->state = WAITING;
        job->asking = false;
    }
    retract_reads(self, node);
    redis_route_drop(route, node);
    self->pause = self->pause || self->n_lost++ > 0; /* the first: idle */
    route->doubted[node] = true;
    route->stale = route->options->kind != REDIS_SINGLE;
    rc = redis_effort_keep(&self->effort, trouble, err);
    if (rc != LARDER_OK || self->idempotent || !was_sent)
        return rc;
    if (err != NULL)
        *err = *trouble;
    larder_hint(err, "what was sent may have been done, or not: look first");
    return trouble->status;
}

/* How long one server may be silent. What cannot be sent again is waited for.
 */
static larder_call
part_of(const running *self)
{
    return self->idempotent ? redis_route_part(self->route, &self->effort)
                            : self->effort.call;
}

/* Put the node's jobs on its connection; *n_bytes is about what they take. */
static larder_status
add_jobs(running *self, size_t node, redis_link *link, int64_t *n_bytes,
    larder_error *err)
{
    static const char asking[] = "ASKING";
    const larder_bytes ask = {asking, sizeof asking - 1};
    redis_route *route = self->route;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < self->n_jobs; i++) {
        redis_progress *job = &route->progress[i];

        if (job->node != node || job->state != PLACED)
            continue;
        if (job->asking)
            LARDER_TRY(redis_command(link, 1, &ask, err));
        LARDER_TRY(redis_command(
            link, self->jobs[i].n_words, self->jobs[i].words, err));
        for (size_t j = 0; j < self->jobs[i].n_words; j++)
            *n_bytes += (int64_t)self->jobs[i].words[j].size;
        job->state = SENT;
    }
out:
    return rc;
}

static larder_status
send_to(running *self, size_t node, larder_error *err)
{
    redis_route *route = self->route;
    larder_call part = redis_route_part(route, &self->effort);
    larder_error trouble = {0};
    redis_link *link = NULL;
    unsigned n_opened = route->n_opened;
    uint32_t n_owed = route->n_owed[node];
    int64_t n_bytes = 0;
    larder_status rc;

    rc = redis_route_link(route, &self->effort, &part, node, &link, err);
    if (rc != LARDER_OK)
        return rc;
    if (link == NULL) {
        self->pause = true;
        trouble = self->effort.last;
        return take_back(self, node, &trouble, err);
    }
    if (route->n_opened != n_opened)
        retract_reads(self, node);
    route->n_owed[node] = n_owed; /* dropping a dead connection forgot it */
    rc = add_jobs(self, node, link, &n_bytes, &trouble);
    if (rc == LARDER_OK) {
        part = part_of(self);
        part.deadline += n_bytes; /* 1 MB/s is slow, and no silence */
        if (part.deadline > self->effort.call.deadline)
            part.deadline = self->effort.call.deadline;
        rc = redis_send(link, &part, &trouble);
    }
    return rc == LARDER_OK ? rc : take_back(self, node, &trouble, err);
}

/* --------------------------------------------------------------- reading */

/* Sent elsewhere: where to, from now on or this once. */
static larder_status
follow(running *self, redis_progress *job, const redisReply *reply,
    bool for_good, larder_error *err)
{
    redis_route *route = self->route;
    const redis_address *from = redis_route_address(route, job->node);
    size_t n_known = route->slots.n_nodes, to;
    redis_moved moved;
    larder_status rc;

    if (!redis_moved_read(
            reply, from->host != NULL ? from->host : "127.0.0.1", &moved))
        return larder_fail(err, LARDER_UNAVAILABLE,
            "%s:%u answers what makes no sense: %.80s", from->host, from->port,
            reply->str);
    if (++job->hops > MAX_HOPS) {
        (void)larder_fail(&self->effort.last, LARDER_UNAVAILABLE,
            "the nodes of the Redis Cluster do not agree who serves slot %u",
            moved.slot);
        job->hops = 0;
        self->pause = true;
        route->stale = true;
    }
    rc = redis_slots_node(&route->slots, moved.host, moved.port, &to, err);
    if (rc != LARDER_OK)
        return rc;
    if (for_good) {
        route->slots.owner[moved.slot] = (uint16_t)(to + 1);
        if (to >= n_known || ++route->n_moved >= MAX_MOVED)
            route->stale = true;
    } else {
        job->asking = true;
        job->node = (uint16_t)to;
    }
    return LARDER_OK;
}

/* An error reply: what there is to do about it. */
static larder_status
heed(running *self, redis_progress *job, redis_link *link,
    const redisReply *reply, bool *load, larder_error *err)
{
    redis_route *route = self->route;
    redis_error kind = redis_error_kind(reply);
    bool single = route->options->kind == REDIS_SINGLE;
    larder_error trouble = {0};
    larder_status rc = redis_fail(link, reply, &trouble);

    job->state = WAITING;
    job->asking = false;
    if (route->options->kind == REDIS_CLUSTER &&
        (kind == REDIS_MOVED || kind == REDIS_ASK))
        return follow(self, job, reply, kind == REDIS_MOVED, err);
    if (kind == REDIS_NO_FUNCTION && job->hops < MAX_HOPS) {
        job->hops++;
        *load = true;
        return LARDER_OK;
    }
    if (kind == REDIS_AGAIN || (kind == REDIS_ELSEWHERE && !single)) {
        self->pause = true;
        route->stale = !single;
        return redis_effort_keep(&self->effort, &trouble, err);
    }
    if (kind == REDIS_NO_FUNCTION && self->effort.last.status != LARDER_OK)
        trouble = self->effort.last; /* why it could not be loaded */
    if (err != NULL)
        *err = trouble;
    if (kind == REDIS_MOVED || kind == REDIS_ASK)
        larder_hint(err, "it is a node of a Redis Cluster: say 'redis_type: "
                         "redis_cluster'");
    return trouble.status == LARDER_OK ? rc : trouble.status;
}

/* The reply to one job, and to the ASKING before it. */
static larder_status
read_job(running *self, size_t i, redis_link *link, const larder_call *part,
    redisReply **reply, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (self->route->progress[i].asking) {
        LARDER_TRY(redis_reply(link, part, reply, err));
        freeReplyObject(*reply);
        *reply = NULL;
    }
    LARDER_TRY(redis_reply(link, part, reply, err));
out:
    return rc;
}

/* Read all that the node owes; the first failure is told at the end, so that
 * the connection is left clean. */
static larder_status
read_from(running *self, size_t node, larder_error *err)
{
    redis_route *route = self->route;
    redis_link *link = route->links[node];
    larder_status failed = LARDER_OK, rc;
    larder_error trouble = {0};
    bool load = false;

    for (size_t i = 0; i < self->n_jobs; i++) {
        redis_progress *job = &route->progress[i];
        larder_call part;
        redisReply *reply = NULL;

        if (job->node != node || job->state != SENT)
            continue;
        part = part_of(self);
        rc = read_job(self, i, link, &part, &reply, &trouble);
        if (rc != LARDER_OK)
            return failed != LARDER_OK ? failed
                                       : take_back(self, node, &trouble, err);
        if (reply->type == REDIS_REPLY_ERROR) {
            larder_error *why = failed == LARDER_OK ? err : NULL;

            rc = heed(self, job, link, reply, &load, why);
            if (failed == LARDER_OK)
                failed = rc;
            freeReplyObject(reply);
            continue;
        }
        self->jobs[i].reply = reply;
        job->state = DONE;
        self->n_left--;
    }
    route->n_owed[node] = 0;
    if (failed != LARDER_OK || !load)
        return failed;
    rc = redis_functions_load(link, &self->effort.call, &trouble);
    return rc == LARDER_OK ? rc : take_back(self, node, &trouble, err);
}

/* ------------------------------------------------------------------- run */

static larder_status
go_round(running *self, larder_error *err)
{
    redis_route *route = self->route;
    larder_status rc = LARDER_OK;

    place(self);
    for (size_t i = 0; i < redis_route_n_nodes(route); i++) {
        if (route->n_owed[i] > 0)
            LARDER_TRY(send_to(self, i, err));
    }
    for (size_t i = 0; i < redis_route_n_nodes(route); i++) {
        if (route->n_owed[i] > 0)
            LARDER_TRY(read_from(self, i, err));
    }
out:
    return rc;
}

static larder_status
go_rounds(running *self, larder_error *err)
{
    larder_status rc = LARDER_OK;

    while (self->n_left > 0) {
        if (self->pause || redis_effort_is_over(&self->effort))
            LARDER_TRY(redis_effort_pause(&self->effort, err));
        LARDER_TRY(redis_route_learn(self->route, &self->effort, err));
        self->pause = self->route->stale;
        if (!self->pause)
            LARDER_TRY(go_round(self, err));
    }
out:
    return rc;
}

/* Connections with replies nobody reads any more are of no use. */
static void
clean_up(running *self, bool failed)
{
    for (size_t i = 0; i < redis_route_n_nodes(self->route); i++)
        if (self->route->n_owed[i] > 0)
            redis_route_drop(self->route, i);
    for (size_t i = 0; failed && i < self->n_jobs; i++) {
        freeReplyObject(self->jobs[i].reply);
        self->jobs[i].reply = NULL;
    }
}

larder_status
redis_route_run(redis_route *route, const larder_call *call, redis_job *jobs,
    size_t n_jobs, bool idempotent, larder_error *err)
{
    running self = {.route = route,
        .jobs = jobs,
        .n_jobs = n_jobs,
        .n_left = n_jobs,
        .idempotent = idempotent};
    larder_status rc;

    for (size_t i = 0; i < n_jobs; i++)
        jobs[i].reply = NULL;
    for (size_t i = 0; i < n_jobs; i++)
        jobs[i].again = false;
    rc = make_room(route, n_jobs, err);
    if (rc != LARDER_OK)
        return rc;
    if (n_jobs > 0)
        memset(route->progress, 0, n_jobs * sizeof *route->progress);
    if (n_jobs > 1 && !idempotent)
        link_keys(&self);
    redis_route_tidy(route);
    redis_effort_begin(&self.effort, call);
    rc = go_rounds(&self, err);
    clean_up(&self, rc != LARDER_OK);
    return rc;
}
