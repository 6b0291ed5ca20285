/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online_redis.h - what the rooms of the online store in Redis share.
 *
 * An entity is a hash under prefix and key; a field is the 8 bytes of a table,
 * its value the row. Beside them is the canary: a key that holds the format and
 * a random name of the store. Nothing is believed to be absent unless the
 * canary is there.
 */
#ifndef BACKENDS_ONLINE_REDIS_H
#define BACKENDS_ONLINE_REDIS_H

#include "redis.h"

#define REDIS_CANARY_ROOM 160u /* prefix, tag and name */

typedef struct redis_window redis_window;

typedef struct redis_store {
    redis_options options;
    redis_route *route;
    char canary[48];      /* what it holds; "": not known yet */
    bool functions_ready; /* loaded, as far as this process knows */
    redis_window *window; /* of a scan; or NULL */
    /* kept from one get to the next */
    larder_bytes *words;
    redis_job *jobs;
    unsigned char *bytes;
    size_t room_words, room_jobs, room_bytes;
} redis_store;

/* memcmp, then the shorter first. */
int redis_compare(larder_bytes a, larder_bytes b);
/* UNAVAILABLE: a reply that Redis does not give. */
larder_status redis_senseless(
    const redis_store *store, const char *which, larder_error *err);

/* ------------------------------------------------------------------ canary */

/* Which canary speaks for the rows of this key, which has no prefix yet. */
size_t redis_store_canary_of(const redis_store *store, larder_bytes key);
/* Its key; gives the size. */
size_t redis_canary_key(const redis_store *store, size_t canary,
    unsigned char room[REDIS_CANARY_ROOM]);
/* Is this key, prefix and all, a canary's? */
bool redis_canary_is(const redis_store *store, larder_bytes key);
/* What GET of a canary gave: UNAVAILABLE if it is not what was there when the
 * store was opened. */
larder_status redis_canary_judge(
    redis_store *store, const redisReply *reply, larder_error *err);
/* Nothing is believed of it any more; `what` says why. UNAVAILABLE. */
larder_status redis_canary_missing(
    const redis_store *store, const char *what, larder_error *err);
/* Learn what the canary holds; NOT_FOUND. With `create` make it if there is no
 * key of the store at all. */
larder_status redis_canary_open(redis_store *store, bool create,
    const larder_call *call, larder_error *err);
larder_status redis_canary_remove(
    redis_store *store, const larder_call *call, larder_error *err);

/* ----------------------------------------------------------------- methods */

/* The functions are loaded; before the first call of one. */
larder_status redis_store_ready(
    redis_store *store, const larder_call *call, larder_error *err);
/* Is this row stored, to the byte? */
larder_status redis_store_holds(redis_store *store, const larder_call *call,
    const larder_put *put, bool *out, larder_error *err);
/* Forget what a scan kept: rows are about to change. */
void redis_store_forget(redis_store *store);

larder_status redis_put(void *self, const larder_call *call,
    const larder_put *rows, size_t n_rows, larder_outcome *outcomes,
    larder_error *err);
larder_status redis_scan(void *self, const larder_call *call,
    const larder_bytes *after_key, const larder_table_id *after_table,
    size_t limit, larder_each *each, bool *more, larder_error *err);
larder_status redis_sweep(void *self, const larder_call *call,
    larder_table_id table, size_t max_keys, unsigned char *cursor,
    size_t *n_cursor, uint64_t *removed, larder_error *err);
larder_status redis_destroy(
    void *self, const larder_call *call, larder_error *err);

#endif
