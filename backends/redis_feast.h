/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_feast.h - rows as fields of hashes, in Redis: the methods of an online
 * store that `layout: feast` needs. They know nothing of Feast but the first
 * two fields (larder_backend.h).
 */
#ifndef BACKENDS_REDIS_FEAST_H
#define BACKENDS_REDIS_FEAST_H

#include "redis.h"

extern const redis_function redis_feast_put; /* redis_feast_put.c */

/* larder_online_ops; `self` is a struct redis_store. */
larder_status redis_feast_get_hashes(void *self, const larder_call *call,
    const larder_hash_want *wants, size_t n_wants, larder_hash_found *found,
    larder_error *err);
larder_status redis_feast_put_hashes(void *self, const larder_call *call,
    const larder_hash_put *puts, size_t n_puts, larder_outcome *outcomes,
    larder_error *err);
larder_status redis_feast_scan_hashes(void *self, const larder_call *call,
    larder_bytes head, size_t max_keys, unsigned char *cursor, size_t *n_cursor,
    larder_each_key *each, larder_error *err);

#endif
