/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - threads that answer what would keep the receiving thread: writes,
 * and reads of a store across a network.
 */
#ifndef SERVE_POOL_H
#define SERVE_POOL_H

#include "serve/serve.h"

/* The connection of a request whose answer is ready goes on. */
typedef void pool_done(struct request *request);

larder_status pool_open(struct serve *serve, unsigned first_shard,
    pool_done *done, struct pool **out, larder_error *err);
/* False: as many are waiting as may, or the pool was stopped. */
bool pool_add(struct pool *pool, struct request *request);
/* After the last request was answered; no other is taken. */
void pool_stop(struct pool *pool);
void pool_close(struct pool *pool);

#endif
