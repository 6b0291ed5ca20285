/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_route.h - what the rooms of the route share: the servers it knows, its
 * connections, and an effort, which is what one call may still try.
 *
 * A trouble that may pass (a server that is down, loading or failing over) is
 * kept in the effort, and the function gives LARDER_OK without what was asked
 * for; whatever else went wrong is a status as everywhere.
 */
#ifndef BACKENDS_REDIS_ROUTE_H
#define BACKENDS_REDIS_ROUTE_H

#include "redis.h"
#include "redis_slots.h"

/* What is known of one job while a run lasts. */
typedef struct redis_progress {
    uint32_t before; /* 1 + the job before it about the same key; 0: none */
    uint16_t node;   /* where it goes or went */
    uint8_t hops;    /* MOVED and ASK in a row */
    uint8_t state;   /* redis_run.c */
    bool asking;     /* told to go to `node`, this once */
} redis_progress;

struct redis_route {
    const redis_options *options; /* of the store, which outlives the route */
    /* Cluster: the map. Sentinel: one node, the primary. Single: unused. A node
     * keeps its number as long as a run lasts. */
    redis_slots slots;
    redis_link *links[REDIS_MAX_NODES]; /* by number of the node; or NULL */
    uint32_t n_owed[REDIS_MAX_NODES];   /* replies still to be read */
    bool doubted[REDIS_MAX_NODES];      /* it failed last: asked last */
    unsigned n_opened;                  /* connections to nodes, ever */
    bool stale;                         /* look again who has what */
    unsigned n_moved;                   /* MOVED since the map was learnt */
    size_t n_asked;   /* begins the next look at another address */
    redis_tags *tags; /* cluster */
    redis_progress *progress;
    size_t n_progress;
    uint32_t *keys; /* a table of 1 + the last job about a key; redis_run.c */
    size_t n_keys;
};

/* ---------------------------------------------------------------- efforts */

typedef struct redis_effort {
    larder_call call; /* the caller's, always with a clock and a deadline */
    unsigned n_pauses;
    unsigned n_late;   /* servers that said nothing for their part of it */
    unsigned n_deaf;   /* looks in a row at which nothing at all answered */
    larder_error last; /* LARDER_OK: nothing stood in the way yet */
} redis_effort;

void redis_effort_begin(redis_effort *effort, const larder_call *call);
/* The same call, for one server: where another could stand in for it, a part of
 * the time that is left. */
larder_call redis_route_part(
    const redis_route *route, const redis_effort *effort);
/* The deadline has passed, or the caller wants no more. */
bool redis_effort_is_over(const redis_effort *effort);
/* Does the caller go on after this? Then it is kept; else it is in *err and the
 * status is its own. INTERRUPTED and NOMEM never pass. */
larder_status redis_effort_keep(
    redis_effort *effort, const larder_error *trouble, larder_error *err);
/* Wait a little, each time longer. When time is over, or nothing answers any
 * more, it fails with what stood in the way last. */
larder_status redis_effort_pause(redis_effort *effort, larder_error *err);

/* ---------------------------------------------------------------- servers */

size_t redis_route_n_nodes(const redis_route *route);
const redis_address *redis_route_address(const redis_route *route, size_t node);
/* Who serves the slot of this key; false: nobody. */
bool redis_route_node_of(
    const redis_route *route, larder_bytes key, size_t *node);
bool redis_route_serves(const redis_route *route, size_t node);

/* A connection to the node, alive; *out is NULL after a trouble that may pass.
 * `call`: redis_route_part(). */
larder_status redis_route_link(redis_route *route, redis_effort *effort,
    const larder_call *call, size_t node, redis_link **out, larder_error *err);
/* The same to any address, with options of its own; close it. */
larder_status redis_route_reach(const redis_options *options,
    const redis_address *address, redis_effort *effort, const larder_call *call,
    redis_link **out, larder_error *err);
/* Close it: it failed, or replies on it are not wanted any more. */
void redis_route_drop(redis_route *route, size_t node);

/* Find out anew who has what (cluster, sentinel), if `route->stale`; it stays
 * so after a trouble that may pass. */
larder_status redis_route_learn(
    redis_route *route, redis_effort *effort, larder_error *err);
/* Before a call: forget a map with very many nodes that are long gone. */
void redis_route_tidy(redis_route *route);
/* Learn, pausing until it succeeds. */
larder_status redis_route_know(
    redis_route *route, redis_effort *effort, larder_error *err);

/* redis_cluster.c, redis_sentinel.c: as redis_route_learn(). */
larder_status redis_cluster_learn(
    redis_route *route, redis_effort *effort, larder_error *err);
larder_status redis_sentinel_learn(
    redis_route *route, redis_effort *effort, larder_error *err);

/* A word of a command. */
larder_bytes redis_word(const char *text);

#endif
