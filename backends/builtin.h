/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.h - the tables of methods of the stores that come with Larder.
 *
 * Each is defined in its own file; builtin.c lists those that were compiled in.
 */
#ifndef BACKENDS_BUILTIN_H
#define BACKENDS_BUILTIN_H

#include "larder_backend.h"

extern const larder_offline_ops ldr_offline_memory_ops;
extern const larder_offline_ops ldr_offline_postgres_ops;
extern const larder_offline_ops ldr_offline_sqlite_ops;

extern const larder_online_ops ldr_online_memory_ops;
extern const larder_online_ops ldr_online_lmdb_ops;
extern const larder_online_ops ldr_online_redis_ops;

extern const larder_registry_ops ldr_registry_memory_ops;
extern const larder_registry_ops ldr_registry_postgres_ops;
extern const larder_registry_ops ldr_registry_sqlite_ops;

extern const larder_dialect ldr_dialect_duckdb;
extern const larder_dialect ldr_dialect_postgres;

#endif
