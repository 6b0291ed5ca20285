/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_slots.h - which slot of a Redis Cluster a key is in, and which node has
 * which slots.
 *
 * Pure: replies come in, nothing is sent. What a server says is bounded and
 * checked, because a reply is outside bytes.
 */
#ifndef BACKENDS_REDIS_SLOTS_H
#define BACKENDS_REDIS_SLOTS_H

#include "redis.h"

#define REDIS_N_SLOTS 16384u
#define REDIS_MAX_NODES 1000u /* of a cluster: Redis' own advice */

/* By Redis' rule: CRC16 (XMODEM) of the key, or, where the first '{' has a '}'
 * after it, of what is between them if that is not empty. */
unsigned redis_slot_of(larder_bytes key);

/* The primaries, each once, and whose each slot is. {0}: nothing is known. */
typedef struct redis_slots {
    redis_address *nodes;
    size_t n_nodes, room;
    uint16_t owner[REDIS_N_SLOTS]; /* 1 + index in nodes; 0: nobody's */
} redis_slots;

void redis_slots_release(redis_slots *slots);

/* The reply to CLUSTER SLOTS of a node that was reached as `host`, which stands
 * where the node names none. UNAVAILABLE (it does not make sense), NOMEM. */
larder_status redis_slots_read(const redisReply *reply, const char *host,
    redis_slots *out, larder_error *err);

/* Index in nodes, added if it is not there. LIMIT, NOMEM. */
larder_status redis_slots_node(redis_slots *slots, larder_bytes host,
    unsigned port, size_t *index, larder_error *err);

/* "MOVED 3999 127.0.0.1:6381" and "ASK ...", from a node reached as `host`: the
 * slot, and where to (host.data lies in the reply, or is `host`). False: not of
 * that form. */
typedef struct redis_moved {
    unsigned slot, port;
    larder_bytes host;
} redis_moved;
bool redis_moved_read(
    const redisReply *reply, const char *host, redis_moved *out);

/* A tag of decimal digits in each slot: "PREFIX{tag}" is in slot `slot`,
 * whatever PREFIX is, as long as it has no '{'. */
typedef struct redis_tags {
    uint32_t of_slot[REDIS_N_SLOTS];
} redis_tags;
void redis_tags_fill(redis_tags *tags);

#endif
