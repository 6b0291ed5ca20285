/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_keys.h - the one list of keys that may be written, for load.c and
 * load_nested.c alone.
 *
 * A row is X(level, key, reader, struct, field, also, required, takes, help).
 * The order is that of the canonical text. `also` is NONE where the reader
 * fills nothing beside the field.
 */
#ifndef LDR_LOAD_KEYS_H
#define LDR_LOAD_KEYS_H

/* clang-format off */
#define ABOUT_KEYS(X, level, type)                                             \
    X(level, description, ldr_read_text, type, about.description, NONE, false, \
      "a text", "What it is, for people and for search.")                      \
    X(level, owner, ldr_read_text, type, about.owner, NONE, false,             \
      "a text", "Who answers for it.")                                         \
    X(level, tags, ldr_read_tags, type, about.tags, ALSO(type, about.n_tags),  \
      false, "a mapping of names to texts", "Labels, for search.")

#define NAME_KEY(X, level, type)                                               \
    X(level, name, ldr_read_name, type, about.name, NONE, true,                \
      "a name", "What it is called; unique in its kind, whatever the case.")

#define REPOSITORY_KEYS(X)                                                     \
    X(repository, entities, read_section, struct loading, sections[0], NONE,   \
      false, "a list of entities", "What features are about, and its key.")    \
    X(repository, sources, read_section, struct loading, sections[1], NONE,    \
      false, "a list of sources",                                              \
      "Tables of history, and what comes with a push or a question.")          \
    X(repository, feature_views, read_section, struct loading, sections[2],    \
      NONE, false, "a list of feature views",                                  \
      "Features read from one source.")                                        \
    X(repository, on_demand_feature_views, read_section, struct loading,       \
      sections[3], NONE, false, "a list of on-demand views",                   \
      "Features computed from others when they are asked for.")                \
    X(repository, feature_services, read_section, struct loading, sections[4], \
      NONE, false, "a list of feature services",                               \
      "Features asked for together, in a pinned order.")                       \
    X(repository, jobs, read_section, struct loading, sections[5], NONE, false,\
      "a list of jobs", "What runs on a timetable.")

#define ENTITY_KEYS(X)                                                         \
    NAME_KEY(X, entity, ldr_entity)                                            \
    X(entity, join_key, ldr_read_name, ldr_entity, join_key.name, NONE, false, \
      "a name", "The column that holds the key. Default: the entity's name.")  \
    X(entity, type, ldr_read_type, ldr_entity, join_key.type, NONE, true,      \
      "a type", "Of the key: bool, int32, int64, string, bytes, timestamp.")   \
    ABOUT_KEYS(X, entity, ldr_entity)

#define SOURCE_KEYS(X)                                                         \
    NAME_KEY(X, source, ldr_source)                                            \
    X(source, kind, ldr_read_source_kind, ldr_source, kind, NONE, false,       \
      "batch, push or request",                                                \
      "batch: a table of history. push: rows handed in by programs. request: " \
      "values that come with the question. Default: batch.")                   \
    X(source, batch_source, ldr_read_name, ldr_source, batch_source_name,      \
      NONE, false, "the name of a source",                                     \
      "Of a push source: the batch source, with `schema`, whose history it "   \
      "extends.")                                                              \
    X(source, table, ldr_read_word, ldr_source, table, NONE, false,            \
      "the name of a table", "A table of yours, read where it is. With "       \
      "`schema` it is the source's own name, and may be left out.")            \
    X(source, query, ldr_read_text, ldr_source, query, NONE, false,            \
      "a SELECT", "Stands for a table; instead of `table`.")                   \
    X(source, schema, ldr_read_schema, ldr_source, schema.fields,                  \
      ALSO(ldr_source, schema.n_fields), false, "a list of columns",           \
      "Makes Larder create the table and own it. The time columns are added "  \
      "at the end where they are not listed. Of a request source: what is "    \
      "asked with.")                                                           \
    X(source, timestamp_field, ldr_read_word, ldr_source, timestamp_field,     \
      NONE, false, "a column",                                                 \
      "When the event happened. A batch source needs it.")                     \
    X(source, created_timestamp_column, ldr_read_word, ldr_source, created,    \
      NONE, false, "a column",                                                 \
      "When the row was written; the later one wins between equal events.")    \
    X(source, timestamp_unit, ldr_read_unit, ldr_source, unit, NONE, false,    \
      "s, ms, us or ns", "Of integer times in a table of yours. "              \
      "Default: us.")                                                          \
    X(source, timezone, ldr_read_timezone, ldr_source, timezone,               \
      ALSO(ldr_source, naive_offset_minutes), false,                           \
      "UTC or an offset such as \"+05:30\"",                                   \
      "Of times written without one. Default: such times are refused.")        \
    X(source, date_is, ldr_read_date_is, ldr_source, date_is_end_of_day, NONE, \
      false, "start_of_day or end_of_day",                                     \
      "The moment a bare date means. Default: start_of_day.")                  \
    X(source, key, ldr_read_source_key, ldr_source, key,                       \
      ALSO(ldr_source, n_key), false, "a list of columns",                     \
      "The order rows of an owned table are kept in. Default: the join keys "  \
      "of its views, in schema order.")                                        \
    X(source, replace_on, ldr_read_replace_on, ldr_source, replace_on,         \
      ALSO(ldr_source, n_replace_on), false, "a list of columns, or []",       \
      "Rows equal in key, event time and these are versions of one event: "    \
      "the newest counts. Default: every row is an event.")                    \
    X(source, arrival_slack, ldr_read_duration, ldr_source, arrival_slack_us,  \
      NONE, false, "a duration", "How much later than its created time a row " \
      "of a table of yours may become visible. Default: 1h.")                  \
    X(source, expected_interval, ldr_read_duration, ldr_source,                \
      expected_interval_us, NONE, false, "a duration",                         \
      "How often rows come; a shorter ttl of a view is warned about.")         \
    X(source, max_skew, ldr_read_duration, ldr_source, max_skew_us, NONE,      \
      false, "a duration",                                                     \
      "How far in the future a pushed row may lie. Default: 5m.")              \
    ABOUT_KEYS(X, source, ldr_source)

#define COLUMN_KEYS(X)                                                         \
    X(column, name, ldr_read_name, larder_field, name, NONE, true,             \
      "a name", "The column.")                                                 \
    X(column, type, ldr_read_type, larder_field, type, NONE, true,             \
      "a type", "What it holds.")

#define VIEW_KEYS(X)                                                           \
    NAME_KEY(X, view, ldr_view)                                                \
    X(view, entities, ldr_read_names, ldr_view, entity_names,                  \
      ALSO(ldr_view, n_entities), true, "a list of entities, or []",           \
      "Whose features these are; [] for one row that stands for all.")         \
    X(view, source, ldr_read_name, ldr_view, source_name, NONE, true,          \
      "the name of a source", "Where the history is.")                         \
    X(view, ttl, ldr_read_duration, ldr_view, ttl_us,                          \
      ALSO(ldr_view, has_ttl), false, "a duration",                            \
      "How old a value may be, that age included. Default: any age.")          \
    X(view, online, ldr_read_bool, ldr_view, online, NONE, false,              \
      "true or false", "Is it materialized? Default: true.")                   \
    X(view, allow_empty, ldr_read_bool, ldr_view, allow_empty, NONE, false,    \
      "true or false",                                                         \
      "May a first or full run read no row? Default: false.")                  \
    X(view, freshness, ldr_read_freshness, ldr_view, freshness_warn_us, NONE,      \
      false, "a mapping of warn and max", "How old the newest event may be.")  \
    X(view, lookback, ldr_read_duration, ldr_view, lookback_us, NONE, false,   \
      "a duration",                                                            \
      "How far back each run reads again where rows have no created time.")    \
    X(view, retain, ldr_read_duration, ldr_view, retain_us, NONE, false,       \
      "a duration", "How long history is kept. Default: for ever.")            \
    X(view, max_window_events, ldr_read_max_events, ldr_view,                  \
      max_window_events, NONE, false, "a number from 1 to 1000000",            \
      "Events of one key that an online row may hold. Default: 4096.")         \
    X(view, features, ldr_read_features, ldr_view, features,                       \
      ALSO(ldr_view, n_features), true, "a list of features",                  \
      "What is served, in this order.")                                        \
    ABOUT_KEYS(X, view, ldr_view)

#define FRESHNESS_KEYS(X)                                                      \
    X(freshness, warn, ldr_read_duration, ldr_view, freshness_warn_us, NONE,   \
      false, "a duration", "Older than this is worth a warning.")              \
    X(freshness, max, ldr_read_duration, ldr_view, freshness_max_us, NONE,     \
      false, "a duration", "Older than this is stale.")

#define FEATURE_KEYS(X)                                                        \
    X(feature, name, ldr_read_name, ldr_feature, name, NONE, true,             \
      "a name", "What it is called; unique in its view.")                      \
    X(feature, type, ldr_read_type, ldr_feature, type, NONE, true,             \
      "a type", "What it holds. An int32 column may be read as int64, a "      \
      "float32 one as float64; else the column has this type.")                \
    X(feature, from, ldr_read_word, ldr_feature, from, NONE, false,            \
      "a column", "Of the source. Default: the one of the feature's name.")    \
    X(feature, aggregate, ldr_read_aggregate, ldr_feature, aggregate, NONE,    \
      false, "count, sum, mean, min, max, stddev, first, last or "             \
      "count_distinct",                                                        \
      "Makes it a windowed feature: this of the events in its window.")        \
    X(feature, column, ldr_read_word, ldr_feature, column, NONE, false,        \
      "a column", "Of the source, what is aggregated; nulls are left out. "    \
      "`count` without it counts events.")                                     \
    X(feature, window, ldr_read_duration, ldr_feature, window_us, NONE, false, \
      "a duration",                                                            \
      "How far the window reaches back from the moment asked.")                \
    X(feature, offset, ldr_read_offset, ldr_feature, offset_us, NONE, false,   \
      "a duration, or 0s", "How much earlier the window ends. Default: 0s.")   \
    X(feature, where, ldr_read_text, ldr_feature, where, NONE, false,          \
      "an expression that is true or false",                                   \
      "Over the source's columns: events of which it is not true are left "    \
      "out. Default: all count.")                                              \
    X(feature, nullable, ldr_read_bool, ldr_feature, nullable, NONE, false,    \
      "true or false", "May a stored value be null? Default: true.")           \
    X(feature, range, ldr_read_range, ldr_feature, range_low, NONE, false,     \
      "[low, high], two numbers", "Numbers that are allowed, both included.")  \
    X(feature, values, ldr_read_values, ldr_feature, values,                   \
      ALSO(ldr_feature, n_values), false, "a list of values",                  \
      "The only ones allowed.")                                                \
    X(feature, on_violation, ldr_read_on_violation, ldr_feature, refuse, NONE, \
      false, "warn or refuse",                                                 \
      "What a value does that is not allowed. Default: warn.")                 \
    X(feature, default, ldr_read_text, ldr_feature, default_text, NONE, false, \
      "a value",                                                               \
      "Served beside NULL_VALUE and NOT_FOUND; a join gives null. "            \
      "Default: null is served.")                                              \
    X(feature, unit, ldr_read_text, ldr_feature, unit, NONE, false,            \
      "a text", "Of the value, for people.")                                   \
    X(feature, renamed_from, ldr_read_name, ldr_feature, renamed_from, NONE,   \
      false, "a name", "What it was called in an earlier generation.")         \
    X(feature, description, ldr_read_text, ldr_feature, description, NONE,     \
      false, "a text", "What it is, for people and for search.")               \
    X(feature, tags, ldr_read_tags, ldr_feature, tags,                         \
      ALSO(ldr_feature, n_tags), false, "a mapping of names to texts",         \
      "Labels, for search.")

#define ON_DEMAND_KEYS(X)                                                      \
    NAME_KEY(X, on_demand, ldr_on_demand)                                      \
    X(on_demand, inputs, ldr_read_inputs, ldr_on_demand, inputs,                   \
      ALSO(ldr_on_demand, n_inputs), true,                                     \
      "a list of feature views, on-demand views and request sources",          \
      "Whose features and columns the expressions may name.")                  \
    X(on_demand, features, ldr_read_derived, ldr_on_demand, features,              \
      ALSO(ldr_on_demand, n_features), true, "a list of features",             \
      "What is computed, in this order.")                                      \
    ABOUT_KEYS(X, on_demand, ldr_on_demand)

#define DERIVED_KEYS(X)                                                        \
    X(derived, name, ldr_read_name, ldr_derived, feature.name, NONE, true,     \
      "a name", "What it is called; unique in its view.")                      \
    X(derived, type, ldr_read_type, ldr_derived, feature.type, NONE, true,     \
      "a type", "What it holds. An int64 expression may be int32 or float64, " \
      "a float64 one float32; else the expression has this type.")             \
    X(derived, expr, ldr_read_text, ldr_derived, text, NONE, true,             \
      "an expression", "Over the columns of the inputs.")                      \
    X(derived, default, ldr_read_text, ldr_derived, feature.default_text,      \
      NONE, false, "a value",                                                  \
      "Served beside NULL_VALUE and NOT_FOUND; a join gives null. "            \
      "Default: null is served.")                                              \
    X(derived, unit, ldr_read_text, ldr_derived, feature.unit, NONE, false,    \
      "a text", "Of the value, for people.")                                   \
    X(derived, description, ldr_read_text, ldr_derived, feature.description,   \
      NONE, false, "a text", "What it is, for people and for search.")         \
    X(derived, tags, ldr_read_tags, ldr_derived, feature.tags,                 \
      ALSO(ldr_derived, feature.n_tags), false,                                \
      "a mapping of names to texts", "Labels, for search.")

#define SERVICE_KEYS(X)                                                        \
    NAME_KEY(X, service, ldr_service)                                          \
    X(service, features, ldr_read_items, ldr_service, items,                       \
      ALSO(ldr_service, n_items), true,                                        \
      "a list of VIEW, \"VIEW:FEATURE\" or {view: VIEW}",                      \
      "What is answered, in this order.")                                      \
    ABOUT_KEYS(X, service, ldr_service)

#define ITEM_KEYS(X)                                                           \
    X(item, view, ldr_read_name, struct item, part.view_name, NONE, true,      \
      "the name of a view", "Whose features.")                                 \
    X(item, as, ldr_read_name, struct item, part.alias, NONE, false,           \
      "a name", "The view's name in this service: features are called "        \
      "AS__FEATURE.")                                                          \
    X(item, join_key_map, ldr_read_tags, struct item, part.join_key_map,       \
      ALSO(struct item, part.n_join_key_map), false,                           \
      "a mapping of join keys to columns",                                     \
      "Columns that hold the keys. Default: those named as the join keys.")    \
    X(item, features, ldr_read_names, struct item, features,                   \
      ALSO(struct item, n_features), false, "a list of features",              \
      "Of the view. Default: all.")

#define JOB_KEYS(X)                                                            \
    NAME_KEY(X, job, ldr_job)                                                  \
    X(job, run, ldr_read_word, ldr_job, run, NONE, true,                       \
      "a command", "With its options, such as `materialize --full`.")          \
    X(job, every, ldr_read_duration, ldr_job, every_us, NONE, false,           \
      "a duration", "How often; this or `cron`.")                              \
    X(job, cron, ldr_read_cron, ldr_job, cron, NONE, false,                    \
      "five fields", "Minute, hour, day of month, month, day of week.")        \
    X(job, timezone, ldr_read_timezone, ldr_job, timezone, NONE, false,        \
      "UTC or an offset such as \"+05:30\"", "Of `cron`. Default: UTC.")       \
    X(job, timeout, ldr_read_duration, ldr_job, timeout_us, NONE, false,       \
      "a duration", "A longer run is stopped. Default: never.")                \
    X(job, jitter, ldr_read_duration, ldr_job, jitter_us, NONE, false,         \
      "a duration", "Start later by up to this. Default: on time.")            \
    X(job, retries, ldr_read_retries, ldr_job, retries, NONE, false,           \
      "a number from 0 to 100", "Further tries after a failure. Default: 0.")  \
    X(job, alert, ldr_read_alerts, ldr_job, alerts, ALSO(ldr_job, n_alerts),   \
      false, "a list of log and {webhook: \"${URL}\"}",                        \
      "Who is told of a failure. Default: nobody.")                            \
    ABOUT_KEYS(X, job, ldr_job)

#define ALL_KEYS(X)                                                            \
    REPOSITORY_KEYS(X)                                                         \
    ENTITY_KEYS(X)                                                             \
    SOURCE_KEYS(X)                                                             \
    COLUMN_KEYS(X)                                                             \
    VIEW_KEYS(X)                                                               \
    FRESHNESS_KEYS(X)                                                          \
    FEATURE_KEYS(X)                                                            \
    ON_DEMAND_KEYS(X)                                                          \
    DERIVED_KEYS(X)                                                            \
    SERVICE_KEYS(X)                                                            \
    ITEM_KEYS(X)                                                               \
    JOB_KEYS(X)
/* clang-format on */

#endif
