/* SPDX-License-Identifier: Apache-2.0 */
/*
 * definition.h - entity, source, feature view, service, job: plain structs.
 *
 * What the user declared, resolved by validate.c, never changed afterwards. All
 * of it lives in one arena. Arrays are sorted by name (features and schemas
 * keep the order written: it is part of the meaning).
 */
#ifndef LDR_DEFINITION_H
#define LDR_DEFINITION_H

#include "base/arena.h"
#include "definition/yaml.h"
#include "larder.h"
#include "larder_backend.h"

/* What is so where nothing is written. */
#define LDR_ARRIVAL_SLACK INT64_C(3600000000) /* 1h */
#define LDR_MAX_SKEW INT64_C(300000000)       /* 5m */
#define LDR_MAX_WINDOW_EVENTS 4096u

typedef struct ldr_tag {
    const char *name, *value;
} ldr_tag;

/* What every object has. */
typedef struct ldr_about {
    const char *name;
    const char *description; /* NULL: none */
    const char *owner;       /* NULL: none */
    const ldr_tag *tags;     /* sorted by name */
    size_t n_tags;
    ldr_place place;      /* of the name */
    const ldr_yaml *yaml; /* as written, for the places of its keys */
} ldr_about;

typedef struct ldr_entity {
    ldr_about about;
    larder_field join_key; /* column name and type */
} ldr_entity;

typedef struct ldr_source {
    ldr_about about;
    const char *table; /* where rows are; for owned sources the source's name */
    const char *query; /* instead of table */
    bool owned;        /* has a schema */
    larder_schema
        schema; /* owned: as written, time columns added when absent */
    const char *timestamp_field;
    const char *created;    /* NULL: none */
    const char *const *key; /* clustering order; resolved when not written */
    size_t n_key;
    bool key_written;
    const char *const *replace_on;
    size_t n_replace_on;
    bool has_replace_on;
    int64_t arrival_slack_us;     /* default 1h */
    int64_t expected_interval_us; /* 0: not said */
    int64_t max_skew_us;          /* default 5m */
    const char *timezone;         /* NULL: naive text is refused */
    int32_t naive_offset_minutes;
    larder_time_unit unit;
    bool date_is_end_of_day;
} ldr_source;

typedef struct ldr_feature {
    const char *name;
    larder_type type;
    const char *from; /* the source's column; equal to name by default */
    const char *description, *unit, *renamed_from; /* NULL: none */
    const ldr_tag *tags;
    size_t n_tags;
    bool has_range;
    double range_low, range_high;
    bool nullable;             /* default true */
    const char *const *values; /* allowed ones, as written */
    size_t n_values;
    bool refuse;              /* on_violation: refuse */
    const char *default_text; /* NULL: none; parses as `type` (validated) */
    ldr_place place;
    const ldr_yaml *yaml;
} ldr_feature;

/* Limits that validate.c enforces (R14). */
#define LDR_VIEW_KEYS_MAX 16u
#define LDR_VIEW_FEATURES_MAX 1024u

typedef struct ldr_view {
    ldr_about about;
    const ldr_entity *const *entities; /* as written */
    const char *const *entity_names;
    size_t n_entities;
    const larder_field *keys; /* join keys in name order (R2) */
    size_t n_keys;
    const ldr_source *source;
    const char *source_name;
    bool has_ttl;
    int64_t ttl_us;
    bool online; /* default true */
    bool allow_empty;
    int64_t lookback_us;                         /* 0: not said */
    int64_t retain_us;                           /* 0: for ever */
    int64_t freshness_warn_us, freshness_max_us; /* 0: not said */
    uint32_t max_window_events;
    const ldr_feature *features; /* as written */
    size_t n_features;
} ldr_view;

/* One thing a service asks for. */
typedef struct ldr_service_item {
    const char *view_name;
    const char *feature_name;    /* NULL: all of the view */
    const char *alias;           /* NULL: the view's own name */
    const ldr_tag *join_key_map; /* join key -> spine column */
    size_t n_join_key_map;
    const ldr_view *view;
    ldr_place place;
    const ldr_yaml *yaml;
} ldr_service_item;

typedef struct ldr_service {
    ldr_about about;
    const ldr_service_item *items; /* as written: order is pinned */
    size_t n_items;
} ldr_service;

typedef struct ldr_job {
    ldr_about about;
    const char *run;  /* "materialize --full" */
    int64_t every_us; /* or ... */
    const char *cron; /* ... five fields */
    const char *timezone;
    int64_t timeout_us, jitter_us;
    uint32_t retries;
    const char *const *alerts; /* as written, "log" or "webhook: ${URL}" */
    size_t n_alerts;
} ldr_job;

typedef struct ldr_definitions {
    const ldr_entity *entities;
    size_t n_entities;
    const ldr_source *sources;
    size_t n_sources;
    const ldr_view *views;
    size_t n_views;
    const ldr_service *services;
    size_t n_services;
    const ldr_job *jobs;
    size_t n_jobs;
    bool incomplete; /* a file or object could not be read: what it held is
                      * unknown, so a name that is not here may be there */
} ldr_definitions;

/* By name, case ignored; NULL. */
const ldr_entity *ldr_find_entity(const ldr_definitions *all, const char *name);
const ldr_source *ldr_find_source(const ldr_definitions *all, const char *name);
const ldr_view *ldr_find_view(const ldr_definitions *all, const char *name);
const ldr_service *ldr_find_service(
    const ldr_definitions *all, const char *name);
const ldr_job *ldr_find_job(const ldr_definitions *all, const char *name);
const ldr_feature *ldr_find_feature(const ldr_view *view, const char *name);

#endif
