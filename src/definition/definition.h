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
#include "expression/expression.h"
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

typedef enum ldr_source_kind {
    LDR_SOURCE_BATCH,  /* a table or query in the offline store */
    LDR_SOURCE_PUSH,   /* rows handed in by programs, for a batch source */
    LDR_SOURCE_REQUEST /* values that come with the question: `schema` */
} ldr_source_kind;

typedef struct ldr_source {
    ldr_about about;
    ldr_source_kind kind;
    const char *batch_source_name; /* push: whose history it extends */
    const struct ldr_source *batch_source;
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

#define LDR_AGGREGATE_MAP(X)                                                   \
    X(COUNT, "count")                                                          \
    X(SUM, "sum")                                                              \
    X(MEAN, "mean")                                                            \
    X(MIN, "min")                                                              \
    X(MAX, "max")                                                              \
    X(STDDEV, "stddev")                                                        \
    X(FIRST, "first")                                                          \
    X(LAST, "last")                                                            \
    X(COUNT_DISTINCT, "count_distinct")

typedef enum ldr_aggregate {
    LDR_AGGREGATE_NONE, /* a plain feature: the newest row's value */
#define LDR_AGGREGATE_ENUM(name, text) LDR_AGGREGATE_##name,
    LDR_AGGREGATE_MAP(LDR_AGGREGATE_ENUM)
#undef LDR_AGGREGATE_ENUM
} ldr_aggregate;

/* "count_distinct"; "" of none. */
const char *ldr_aggregate_name(ldr_aggregate aggregate);

typedef struct ldr_feature {
    const char *name;
    larder_type type;
    /* The source's column; equal to name by default. Of a windowed feature
     * `column`, or the event time where it has none. */
    const char *from;
    /* Windowed: over events with t - offset - window < ts <= t - offset. */
    ldr_aggregate aggregate;
    const char *column;      /* NULL: count counts events */
    larder_type column_type; /* as history has it; 0 without a column */
    int64_t window_us, offset_us;
    const char *where;      /* as written; NULL: all events */
    ldr_expression *filter; /* `where` over the view's event columns */
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
#define LDR_INPUTS_MAX 64u          /* of an on-demand view */
#define LDR_INPUT_COLUMNS_MAX 4096u /* that its expressions may name */
#define LDR_ON_DEMAND_DEPTH_MAX 16u /* on-demand views in a row */

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
    /* A view with a windowed feature keeps its key's events of the longest
     * window and offset together, this long; else 0. */
    int64_t window_us;
    /* What `where` may name: the columns of an owned source's schema, or those
     * that the view's features name where the source declares none. */
    larder_schema filter_columns;
} ldr_view;

typedef struct ldr_on_demand ldr_on_demand;

/* What an on-demand view reads: one of these. */
typedef struct ldr_input {
    const char *name; /* the object's own, when it is found */
    const ldr_view *view;
    const ldr_on_demand *on_demand;
    const ldr_source *request;
    ldr_place place;
} ldr_input;

/* Where a column that expressions may name comes from. */
typedef struct ldr_input_column {
    size_t input;   /* in inputs; SIZE_MAX: as_of */
    size_t feature; /* of that input; SIZE_MAX: its event timestamp */
} ldr_input_column;

typedef struct ldr_derived {
    ldr_feature feature; /* name, type, words; `from` is not used */
    const char *text;    /* the expression as written */
    ldr_expression *expression;
} ldr_derived;

struct ldr_on_demand {
    ldr_about about;
    const ldr_input *inputs; /* as written */
    size_t n_inputs;
    /* What expressions may name, by name: features of the inputs, plain and
     * as INPUT__feature, request columns the same way, as_of, and
     * VIEW__event_timestamp. A name that two inputs have is not among them but
     * as INPUT__feature; nor are lists and bytes. */
    larder_schema columns;
    const ldr_input_column *from; /* of each column */
    const ldr_derived *features;  /* as written */
    size_t n_features;
};

/* One thing a service asks for. */
typedef struct ldr_service_item {
    const char *view_name;
    const char *feature_name;    /* NULL: all of the view */
    const char *alias;           /* NULL: the view's own name */
    const ldr_tag *join_key_map; /* join key -> spine column */
    size_t n_join_key_map;
    const ldr_view *view;           /* or ... */
    const ldr_on_demand *on_demand; /* ... this: without alias and map */
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
    const ldr_on_demand *on_demands;
    size_t n_on_demands;
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
const ldr_on_demand *ldr_find_on_demand(
    const ldr_definitions *all, const char *name);
const ldr_service *ldr_find_service(
    const ldr_definitions *all, const char *name);
const ldr_job *ldr_find_job(const ldr_definitions *all, const char *name);
const ldr_feature *ldr_find_feature(const ldr_view *view, const char *name);
/* NULL, or the feature under the name it has or, if none has it, once had. */
const ldr_feature *ldr_find_feature_once(
    const ldr_view *view, const char *name);

#endif
