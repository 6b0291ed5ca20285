/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.c - the stores this library was built with.
 *
 * The only file that looks at what configure found. A new store is one line in
 * builtin.h and one here.
 */
#include "builtin.h"

#include "config.h"

static const larder_offline_ops *const offline[] = {
#ifdef HAVE_SQLITE
    &ldr_offline_sqlite_ops,
#endif
#ifdef HAVE_POSTGRES
    &ldr_offline_postgres_ops,
#endif
    &ldr_offline_memory_ops, NULL};

static const larder_online_ops *const online[] = {
#ifdef HAVE_LMDB
    &ldr_online_lmdb_ops,
#endif
#ifdef HAVE_REDIS
    &ldr_online_redis_ops,
#endif
    &ldr_online_memory_ops, NULL};

static const larder_registry_ops *const registry[] = {
#ifdef HAVE_SQLITE
    &ldr_registry_sqlite_ops,
#endif
#ifdef HAVE_POSTGRES
    &ldr_registry_postgres_ops,
#endif
    &ldr_registry_memory_ops, NULL};

const larder_offline_ops *const *
larder_offline_backends(void)
{
    return offline;
}

const larder_online_ops *const *
larder_online_backends(void)
{
    return online;
}

const larder_registry_ops *const *
larder_registry_backends(void)
{
    return registry;
}

static const larder_dialect *const dialects[] = {
    &ldr_dialect_duckdb, &ldr_dialect_postgres, NULL};

const larder_dialect *const *
larder_dialects(void)
{
    return dialects;
}
