/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - feature_store.yaml: which stores, with which options.
 *
 * Feast's spellings are read too (design 8). ${NAME}, ${NAME:-default},
 * ${NAME:?why} and ${file:PATH} are expanded in scalar values after parsing;
 * options that held one are secret: they never appear in a message.
 */
#ifndef LDR_CONFIG_H
#define LDR_CONFIG_H

#include "base/arena.h"
#include "definition/yaml.h"
#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_option {
    const char *name, *value;
    const char *written; /* as in the file, "${NAME}"; NULL: as the value */
    bool secret;
    ldr_place place;
} ldr_option;

/* The public, opaque larder_options of a backend's open(). Paths (`path`) are
 * made absolute against the file's folder. */
struct larder_options {
    const ldr_option *options;
    size_t n_options;
    const char *section; /* "online_store" */
    ldr_place place;
};

typedef struct ldr_store_config {
    const char *type;         /* "sqlite" */
    const char *type_written; /* "${NAME}": a variable held it; else NULL */
    larder_options options;
} ldr_store_config;

#define LDR_READ_TIMEOUT_US INT64_C(20000)

typedef struct ldr_config {
    const char *path;   /* of the file */
    const char *folder; /* its folder: the repository */
    const char *project;
    ldr_store_config registry, offline, online;
    ldr_store_config fallback; /* of `online`; type NULL: there is none */
    int64_t read_timeout_us;   /* of a read of `online`, beside a fallback */
    bool has_max_fallback_age;
    int64_t max_fallback_age_us;
    bool has_default_ttl;
    int64_t default_ttl_us; /* defaults: {ttl: 24h} */
} ldr_config;

/* INVALID (all faults told first; err holds the first), NOT_FOUND, IO, NOMEM.
 * `variable` as in larder_open_options. */
larder_status ldr_config_load(const char *path,
    const char *(*variable)(void *context, const char *name), void *context,
    const larder_call *call, ldr_arena *arena, ldr_config *out,
    larder_error *err);
/* The same with all stores in memory: what is written of stores is passed over,
 * variables and all. */
larder_status ldr_config_load_in_memory(const char *path,
    const char *(*variable)(void *context, const char *name), void *context,
    const larder_call *call, ldr_arena *arena, ldr_config *out,
    larder_error *err);
/* Does the online store, or its fallback, say `layout: feast`? */
bool ldr_config_is_feast(const ldr_config *config);

#endif
