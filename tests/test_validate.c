/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_validate.c - names resolve, types agree; every fault has its place.
 *
 * tests/cases/faults holds definition files and, beside each, exactly what is
 * told of it.
 */
#include "definition/validate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "definition/load.h"
#include "tests/support.h"
#include "tests/told.h"

static ldr_arena arena;
static told words;
static larder_call call;
static ldr_faults faults;
static ldr_definitions all;

static void
set_up(void)
{
    arena = (ldr_arena){0};
    words = (told){.size = 0};
    call = told_call(&words);
    faults = (ldr_faults){.call = &call};
    all = (ldr_definitions){0};
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
}

/* Load and validate a text under a name. */
static void
check_text(const char *name, const char *text)
{
    ck_assert_int_eq(
        ldr_load_text(name, text, strlen(text), &arena, &faults, &all, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
}

static void
check_good(const char *text)
{
    check_text("good.yaml", text);
    ck_assert_str_eq(words.text, "");
}

/* ------------------------------------------------------------------- cases */

static char *
case_path(const char *name, const char *end)
{
    const char *top = getenv("srcdir");
    char *path = malloc(4096);

    ck_assert_ptr_nonnull(path);
    snprintf(path, 4096, "%s/tests/cases/faults/%s%s", top != NULL ? top : ".",
        name, end);
    return path;
}

/* One pair of files. With LARDER_ACCEPT set what is told is written down. */
static void
run_case(const char *name)
{
    char *yaml = case_path(name, ".yaml"), *expect = case_path(name, ".expect");
    char *text = support_read(yaml), *expected;
    char shown[300];

    snprintf(shown, sizeof shown, "%s.yaml", name);
    check_text(shown, text);
    if (getenv("LARDER_ACCEPT") != NULL) {
        FILE *file = fopen(expect, "wb");

        ck_assert_ptr_nonnull(file);
        fputs(words.text, file);
        fclose(file);
    }
    expected = support_read(expect);
    ck_assert_msg(strcmp(words.text, expected) == 0,
        "%s.yaml: expected\n%.1500s\ntold\n%.1500s", name, expected, words.text);
    ck_assert_uint_gt(faults.n_errors, 0);
    free(expected);
    free(text);
    free(expect);
    free(yaml);
}

START_TEST(each_case_tells_exactly_its_faults)
{
    char *path = case_path("", "");
    DIR *folder = opendir(path);
    const struct dirent *entry;
    size_t n_cases = 0;

    ck_assert_msg(folder != NULL, "no folder %s", path);
    while ((entry = readdir(folder)) != NULL) {
        char name[256];
        size_t size = strlen(entry->d_name);

        if (size < 6 || strcmp(entry->d_name + size - 5, ".yaml") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)size - 5, entry->d_name);
        tear_down();
        set_up();
        run_case(name);
        n_cases++;
    }
    closedir(folder);
    free(path);
    ck_assert_uint_ge(n_cases, 18);
}
END_TEST

/* ------------------------------------------------------------------- filled */

#define HEAD                                                                   \
    "entities:\n"                                                              \
    "  - {name: hcp, join_key: hcp_id, type: string}\n"                        \
    "  - {name: Brand, type: int64}\n"                                         \
    "sources:\n"                                                               \
    "  - name: activity\n"                                                     \
    "    timestamp_field: ts\n"                                                \
    "    created_timestamp_column: made\n"                                     \
    "    schema: [{name: score, type: float32}, {name: hcp_id, type: "         \
    "string}, {name: Brand, type: int64}]\n"                                   \
    "  - {name: foreign, timestamp_field: at, table: public.t}\n"

START_TEST(references_resolve_whatever_the_case_and_take_the_defined_spelling)
{
    const ldr_view *view;
    const ldr_service *service;

    check_good(
        HEAD "feature_views:\n"
             "  - name: Scores\n"
             "    entities: [HCP, brand]\n"
             "    source: ACTIVITY\n"
             "    features: [{name: Score, type: float64, from: score}]\n"
             "feature_services:\n"
             "  - {name: s, features: [\"scores:SCORE\"]}\n");
    view = ldr_find_view(&all, "scores");
    ck_assert_ptr_nonnull(view);
    ck_assert_ptr_eq(view->source, ldr_find_source(&all, "activity"));
    ck_assert_str_eq(view->source_name, "activity");
    ck_assert_str_eq(view->entity_names[0], "hcp");
    ck_assert_str_eq(view->entity_names[1], "Brand");
    ck_assert_ptr_eq(view->entities[1], ldr_find_entity(&all, "BRAND"));
    service = ldr_find_service(&all, "S");
    ck_assert_ptr_eq(service->items[0].view, view);
    ck_assert_str_eq(service->items[0].view_name, "Scores");
    ck_assert_str_eq(service->items[0].feature_name, "Score");
    ck_assert_ptr_null(ldr_find_view(&all, "score"));
    ck_assert_ptr_null(ldr_find_job(&all, "s"));
}
END_TEST

START_TEST(join_keys_are_in_name_order_and_a_key_follows_the_schema)
{
    const ldr_view *view;
    const ldr_source *source;

    check_good(HEAD "feature_views:\n"
                    "  - {name: a, entities: [hcp, Brand], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n"
                    "  - {name: b, entities: [hcp], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n"
                    "  - {name: c, entities: [Brand], source: foreign,\n"
                    "     features: [{name: x, type: bytes}]}\n");
    view = ldr_find_view(&all, "a");
    ck_assert_uint_eq(view->n_keys, 2);
    ck_assert_str_eq(view->keys[0].name, "Brand");
    ck_assert_int_eq(view->keys[0].type, LARDER_INT64);
    ck_assert_str_eq(view->keys[1].name, "hcp_id");
    source = ldr_find_source(&all, "activity");
    ck_assert_uint_eq(source->n_key, 2);
    ck_assert_str_eq(source->key[0], "hcp_id");
    ck_assert_str_eq(source->key[1], "Brand");
    ck_assert(!source->key_written);
    ck_assert_str_eq(source->table, "activity");
    ck_assert_uint_eq(ldr_find_source(&all, "foreign")->n_key, 0);
}
END_TEST

START_TEST(time_columns_that_are_not_listed_come_last)
{
    const ldr_source *source;

    check_good("sources:\n"
               "  - {name: a, timestamp_field: ts, created_timestamp_column: "
               "made, key: [id], schema: [{name: made, type: timestamp}, "
               "{name: id, type: int64}]}\n");
    source = ldr_find_source(&all, "a");
    ck_assert_uint_eq(source->schema.n_fields, 3);
    ck_assert_str_eq(source->schema.fields[0].name, "made");
    ck_assert_str_eq(source->schema.fields[2].name, "ts");
    ck_assert_int_eq(source->schema.fields[2].type, LARDER_TIMESTAMP);
    ck_assert_str_eq(source->key[0], "id");
    ck_assert(source->key_written);
}
END_TEST

START_TEST(a_view_may_have_no_entities)
{
    const ldr_view *view;

    check_good(HEAD "feature_views:\n"
                    "  - {name: a, entities: [], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n");
    view = ldr_find_view(&all, "a");
    ck_assert_uint_eq(view->n_keys, 0);
    ck_assert_uint_eq(ldr_find_source(&all, "activity")->n_key, 0);
}
END_TEST

START_TEST(a_service_may_ask_for_a_view_under_two_names)
{
    const ldr_service *service;

    check_good(HEAD
        "feature_views:\n"
        "  - {name: v, entities: [hcp], source: activity,\n"
        "     features: [{name: score, type: float32}, {name: Brand, type: "
        "int64}]}\n"
        "feature_services:\n"
        "  - name: s\n"
        "    features:\n"
        "      - \"v:Brand\"\n"
        "      - {view: v, as: other, join_key_map: {hcp_id: other_id}, "
        "features: [Brand, score]}\n"
        "      - \"v:score\"\n"
        "      - {view: v, as: third}\n");
    service = ldr_find_service(&all, "s");
    ck_assert_uint_eq(service->n_items, 5);
    ck_assert_str_eq(service->items[1].alias, "other");
    ck_assert_str_eq(service->items[1].feature_name, "Brand");
    ck_assert_str_eq(service->items[2].feature_name, "score");
    ck_assert_str_eq(service->items[2].join_key_map[0].value, "other_id");
    ck_assert_str_eq(service->items[3].feature_name, "score");
    ck_assert_ptr_null(service->items[3].alias);
    ck_assert_ptr_null(service->items[4].feature_name);
}
END_TEST

START_TEST(what_a_broken_file_may_hold_is_not_called_unknown)
{
    char text[] = "entities:\n  - {name: hcp, type: string}\n"
                  "feature_views:\n"
                  "  - {name: v, entities: [brand, hpc], source: lost, "
                  "features: [{name: a, type: bool}]}\n";

    ck_assert_int_eq(ldr_load_text("a.yaml", text, strlen(text), &arena,
                         &faults, &all, NULL),
        LARDER_OK);
    all.incomplete = true;
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
    ck_assert_str_eq(words.text,
        "a.yaml:4:33: error: unknown entity 'hpc' in feature view 'v'\n"
        "    hint: did you mean 'hcp'?\n");
}
END_TEST

/* ----------------------------------------------------------------- windows */

#define YOURS                                                                  \
    "entities: [{name: hcp, join_key: hcp_id, type: string}]\n"                \
    "sources:\n"                                                               \
    "  - {name: foreign, timestamp_field: at, table: public.t}\n"

START_TEST(a_windowed_feature_knows_its_column_filter_and_time)
{
    const ldr_feature *feature;
    const ldr_view *view;
    const size_t *columns;
    size_t n = 0;

    check_good(
        HEAD "feature_views:\n"
             "  - name: v\n"
             "    entities: [hcp]\n"
             "    source: activity\n"
             "    features:\n"
             "      - {name: score, type: float32}\n"
             "      - {name: s, type: float64, aggregate: sum, column: score, "
             "window: 30d}\n"
             "      - {name: n, type: int64, aggregate: count, window: 7d, "
             "offset: 30d, where: \"score > 0.5 and Brand = 3\"}\n");
    view = ldr_find_view(&all, "v");
    ck_assert_int_eq(view->window_us, INT64_C(37) * 86400 * 1000000);
    ck_assert_uint_eq(view->filter_columns.n_fields, 5);
    ck_assert_str_eq(view->filter_columns.fields[4].name, "made");
    feature = &view->features[0];
    ck_assert_int_eq(feature->aggregate, LDR_AGGREGATE_NONE);
    ck_assert_ptr_null(feature->column);
    feature = &view->features[1];
    ck_assert_int_eq(feature->aggregate, LDR_AGGREGATE_SUM);
    ck_assert_int_eq(feature->column_type, LARDER_FLOAT32);
    ck_assert_str_eq(feature->from, "score");
    ck_assert_int_eq(feature->window_us, INT64_C(30) * 86400 * 1000000);
    ck_assert_int_eq(feature->offset_us, 0);
    ck_assert_ptr_null(feature->filter);
    feature = &view->features[2];
    ck_assert_int_eq(feature->aggregate, LDR_AGGREGATE_COUNT);
    ck_assert_int_eq(feature->column_type, 0);
    ck_assert_str_eq(feature->from, "ts");
    ck_assert_ptr_nonnull(feature->filter);
    columns = ldr_expression_columns(feature->filter, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(columns[0], 0);
    ck_assert_uint_eq(columns[1], 2);
}
END_TEST

START_TEST(a_view_without_windows_keeps_no_events)
{
    check_good(HEAD "feature_views:\n"
                    "  - {name: a, entities: [], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n");
    ck_assert_int_eq(all.views[0].window_us, 0);
    ck_assert_uint_eq(all.views[0].filter_columns.n_fields, 0);
}
END_TEST

START_TEST(windows_that_reach_past_all_time_stay_in_bounds)
{
    check_good(HEAD
        "feature_views:\n"
        "  - {name: a, entities: [], source: activity, features: [{name: n, "
        "type: int64, aggregate: count, window: 3650000d, offset: "
        "3650000d}]}\n");
    ck_assert_int_eq(
        all.views[0].window_us, INT64_C(7300000) * 86400 * 1000000);
}
END_TEST

START_TEST(every_aggregate_takes_each_type_it_may_have)
{
    check_good(
        "entities: [{name: e, type: string}]\n"
        "sources:\n"
        "  - {name: s, timestamp_field: ts, schema: [{name: e, type: string}, "
        "{name: i, type: int32}, {name: j, type: int64}, {name: x, type: "
        "float32}, {name: b, type: bool}, {name: y, type: bytes}]}\n"
        "feature_views:\n"
        "  - name: v\n"
        "    entities: [e]\n"
        "    source: s\n"
        "    features:\n"
        "      - {name: a1, type: int32, aggregate: count, window: 1d}\n"
        "      - {name: a2, type: int64, aggregate: count, column: y, window: "
        "1d}\n"
        "      - {name: a3, type: int32, aggregate: count_distinct, column: e, "
        "window: 1d}\n"
        "      - {name: b1, type: int64, aggregate: sum, column: i, window: "
        "1d}\n"
        "      - {name: b2, type: int32, aggregate: sum, column: j, window: "
        "1d}\n"
        "      - {name: b3, type: float64, aggregate: sum, column: j, window: "
        "1d}\n"
        "      - {name: b4, type: float32, aggregate: sum, column: x, window: "
        "1d}\n"
        "      - {name: c1, type: float32, aggregate: mean, column: i, window: "
        "1d}\n"
        "      - {name: c2, type: float64, aggregate: stddev, column: x, "
        "window: 1d}\n"
        "      - {name: d1, type: bool, aggregate: max, column: b, window: "
        "1d}\n"
        "      - {name: d2, type: bytes, aggregate: first, column: y, window: "
        "1d}\n"
        "      - {name: d3, type: timestamp, aggregate: last, column: ts, "
        "window: 1d}\n"
        "      - {name: d4, type: string, aggregate: min, column: e, window: "
        "1d}\n");
    ck_assert_uint_eq(all.views[0].n_features, 13);
}
END_TEST

/* The type of the column of feature i of the view. */
static larder_type
column_type(size_t i)
{
    return all.views[0].features[i].column_type;
}

START_TEST(a_table_of_yours_has_the_types_that_the_features_say)
{
    const larder_schema *columns;

    check_good(YOURS
        "feature_views:\n"
        "  - name: v\n"
        "    entities: [hcp]\n"
        "    source: foreign\n"
        "    features:\n"
        "      - {name: a, type: int64, aggregate: sum, column: n, window: "
        "1d}\n"
        "      - {name: b, type: float64, aggregate: mean, column: n, window: "
        "1d}\n"
        "      - {name: c, type: float32, aggregate: sum, column: x, window: "
        "1d}\n"
        "      - {name: d, type: int64, aggregate: count, column: x, window: "
        "1d}\n"
        "      - {name: e, type: int64, aggregate: count_distinct, column: "
        "city, window: 1d}\n"
        "      - {name: city, type: string}\n"
        "      - {name: g, type: int32, aggregate: max, column: m, window: "
        "1d}\n"
        "      - {name: h, type: int64, aggregate: sum, column: m, window: 1d, "
        "where: \"city = 'x' and m > 1\"}\n"
        "      - {name: i, type: int64, aggregate: count, window: 1d}\n"
        "      - {name: l, type: list<int64>, from: l}\n");
    ck_assert_int_eq(column_type(0), LARDER_INT64);
    ck_assert_int_eq(column_type(1), LARDER_INT64);
    ck_assert_int_eq(column_type(2), LARDER_FLOAT64);
    ck_assert_int_eq(column_type(3), LARDER_FLOAT64);
    ck_assert_int_eq(column_type(4), LARDER_STRING);
    ck_assert_int_eq(column_type(6), LARDER_INT32);
    ck_assert_int_eq(column_type(7), LARDER_INT32);
    ck_assert_str_eq(all.views[0].features[8].from, "at");
    columns = &all.views[0].filter_columns;
    ck_assert_uint_eq(columns->n_fields, 4);
    ck_assert_str_eq(columns->fields[2].name, "city");
    ck_assert_int_eq(columns->fields[2].type, LARDER_STRING);
    ck_assert_int_eq(columns->fields[3].type, LARDER_INT32);
}
END_TEST

START_TEST(a_feature_is_found_by_the_name_it_once_had)
{
    const ldr_view *view;
    const ldr_service *service;

    check_good(YOURS
        "feature_views:\n"
        "  - {name: v, entities: [hcp], source: foreign, features: [{name: a, "
        "type: int64}, {name: b, type: int64, renamed_from: Old}]}\n"
        "feature_services:\n"
        "  - {name: s, features: [\"v:B\", \"v:OLD\"]}\n");
    view = &all.views[0];
    ck_assert_ptr_eq(ldr_find_feature_once(view, "old"), &view->features[1]);
    ck_assert_ptr_eq(ldr_find_feature_once(view, "A"), &view->features[0]);
    ck_assert_ptr_null(ldr_find_feature_once(view, "c"));
    ck_assert_ptr_null(ldr_find_feature(view, "old"));
    service = &all.services[0];
    ck_assert_str_eq(service->items[0].feature_name, "b");
    ck_assert_str_eq(service->items[1].feature_name, "Old");
}
END_TEST

/* ---------------------------------------------------------------- on demand */

START_TEST(a_push_source_stands_for_the_history_it_extends)
{
    const ldr_source *push;

    check_good(HEAD "  - {name: pushed, kind: push, batch_source: Activity}\n"
                    "feature_views:\n"
                    "  - {name: v, entities: [hcp], source: PUSHED,\n"
                    "     features: [{name: score, type: float32}]}\n");
    push = ldr_find_source(&all, "pushed");
    ck_assert_int_eq(push->kind, LDR_SOURCE_PUSH);
    ck_assert_ptr_eq(push->batch_source, ldr_find_source(&all, "activity"));
    ck_assert_str_eq(push->batch_source_name, "activity");
    ck_assert(!push->owned);
    ck_assert_ptr_eq(all.views[0].source, push->batch_source);
    ck_assert_str_eq(all.views[0].source_name, "pushed");
    ck_assert_uint_eq(push->batch_source->n_key, 1);
}
END_TEST

#define ON_DEMAND                                                              \
    YOURS "  - {name: ask, kind: request, schema: [{name: n, type: int32}, "   \
          "{name: "                                                            \
          "score, type: float64}]}\n"                                          \
          "feature_views:\n"                                                   \
          "  - {name: v, entities: [hcp], source: foreign, features: [{name: " \
          "score, type: float64}, {name: l, type: list<int64>}, {name: "       \
          "event_timestamp, type: int64}, {name: as_of, type: int64}]}\n"      \
          "on_demand_feature_views:\n"

/* Where a column of on-demand view 'o' comes from: "input.feature". */
static const char *
origin(const char *name)
{
    static char spot[60];
    const ldr_on_demand *view = ldr_find_on_demand(&all, "o");
    size_t at = 0;

    while (at < view->columns.n_fields &&
           strcmp(view->columns.fields[at].name, name) != 0)
        at++;
    if (at == view->columns.n_fields)
        return "none";
    if (view->from[at].input == SIZE_MAX)
        return "as_of";
    snprintf(spot, sizeof spot, "%zu.%s", view->from[at].input,
        view->from[at].feature == SIZE_MAX ? "event" : "");
    if (view->from[at].feature != SIZE_MAX)
        snprintf(spot, sizeof spot, "%zu.%zu", view->from[at].input,
            view->from[at].feature);
    return spot;
}

START_TEST(expressions_name_features_columns_and_times)
{
    const ldr_on_demand *view;

    check_good(ON_DEMAND
        "  - {name: o, inputs: [V, ASK, p], features: [{name: x, type: "
        "float64, expr: \"v__score + ask__score * n + q\"}]}\n"
        "  - {name: p, inputs: [v], features: [{name: q, type: int64, expr: "
        "v__as_of}]}\n");
    view = ldr_find_on_demand(&all, "O");
    ck_assert_ptr_eq(view->inputs[0].view, ldr_find_view(&all, "v"));
    ck_assert_ptr_eq(view->inputs[1].request, ldr_find_source(&all, "ask"));
    ck_assert_ptr_eq(view->inputs[2].on_demand, ldr_find_on_demand(&all, "p"));
    ck_assert_str_eq(view->inputs[0].name, "v");
    ck_assert_str_eq(origin("n"), "1.0");
    ck_assert_str_eq(origin("ask__n"), "1.0");
    ck_assert_str_eq(origin("q"), "2.0");
    ck_assert_str_eq(origin("p__q"), "2.0");
    ck_assert_str_eq(origin("score"), "none");
    ck_assert_str_eq(origin("v__score"), "0.0");
    ck_assert_str_eq(origin("ask__score"), "1.1");
    ck_assert_str_eq(origin("l"), "none");
    ck_assert_str_eq(origin("v__l"), "none");
    ck_assert_str_eq(origin("as_of"), "as_of");
    ck_assert_str_eq(origin("v__as_of"), "0.3");
    ck_assert_str_eq(origin("v__event_timestamp"), "0.event");
    ck_assert_str_eq(origin("event_timestamp"), "0.2");
    ck_assert_str_eq(origin("p__event_timestamp"), "none");
    ck_assert_ptr_nonnull(view->features[0].expression);
    ck_assert_str_eq(view->features[0].feature.from, "x");
    ck_assert(view->features[0].feature.nullable);
}
END_TEST

START_TEST(a_service_asks_for_on_demand_features_as_for_others)
{
    const ldr_service *service;

    check_good(ON_DEMAND
        "  - {name: o, inputs: [v], features: [{name: x, type: float64, expr: "
        "score}, {name: y, type: float64, expr: score}]}\n"
        "feature_services:\n"
        "  - {name: s, features: [\"O:Y\", v]}\n"
        "  - {name: t, features: [{view: o, features: [x, y]}]}\n"
        "  - {name: u, features: [o]}\n");
    service = ldr_find_service(&all, "s");
    ck_assert_ptr_eq(
        service->items[0].on_demand, ldr_find_on_demand(&all, "o"));
    ck_assert_ptr_null(service->items[0].view);
    ck_assert_str_eq(service->items[0].view_name, "o");
    ck_assert_str_eq(service->items[0].feature_name, "y");
    ck_assert_ptr_null(service->items[1].on_demand);
    ck_assert_uint_eq(ldr_find_service(&all, "t")->n_items, 2);
    ck_assert_ptr_null(ldr_find_service(&all, "u")->items[0].feature_name);
}
END_TEST

/* On-demand views o0, o1, ..., each made of the one before. */
static void
check_chain(int n)
{
    static char text[20000];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", ON_DEMAND);

    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            i == 0 ? "  - {name: o%d, inputs: [ask], features: [{name: x%d, "
                     "type: float64, expr: score}]}\n"
                   : "  - {name: o%d, inputs: [o%d], features: [{name: x, "
                     "type: float64, expr: x}]}\n",
            i, i == 0 ? 0 : i - 1);
    memcpy(strstr(text, "{name: x0,"), "{name: x ,", 10);
    check_text("a.yaml", text);
}

START_TEST(on_demand_views_stand_on_sixteen_others_in_a_row)
{
    check_chain(17);
    ck_assert_str_eq(words.text, "");
    tear_down();
    set_up();
    check_chain(18);
    ck_assert_str_eq(words.text,
        "a.yaml:25:12: error: on-demand view 'o17' stands on more than 16 "
        "others in a row\n"
        "    hint: compute some of them in one view\n");
}
END_TEST

START_TEST(a_long_row_and_a_great_circle_are_told_once)
{
    static char text[100000];
    size_t used =
        (size_t)snprintf(text, sizeof text, "%s", "on_demand_feature_views:\n");

    for (int i = 0; i < 500; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            "  - {name: o%d, inputs: [o%d], features: [{name: x, type: int64, "
            "expr: x}]}\n",
            i, (i + 1) % 500);
    check_text("a.yaml", text);
    ck_assert_uint_eq(faults.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(words.text,
        "a.yaml:2:25: error: on-demand view 'o0' is made of itself: o0 -> o1 "
        "-> o2 -> "));
    ck_assert_ptr_nonnull(strstr(words.text, "..."));
}
END_TEST

START_TEST(too_many_inputs_and_their_columns_are_refused_by_name)
{
    static char text[200000];
    size_t used = (size_t)snprintf(text, sizeof text, "sources:\n");

    for (int i = 0; i < 65; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
            "  - {name: r%d, kind: request, schema: [", i);
        for (int k = 0; k < (i < 3 ? 800 : 1); k++)
            used += (size_t)snprintf(text + used, sizeof text - used,
                "%s{name: c%d_%d, type: int64}", k == 0 ? "" : ", ", i, k);
        used += (size_t)snprintf(text + used, sizeof text - used, "]}\n");
    }
    used += (size_t)snprintf(text + used, sizeof text - used,
        "on_demand_feature_views:\n"
        "  - {name: a, features: [{name: x, type: int64, expr: c0_0}], inputs: "
        "[r0, r1, r2]}\n"
        "  - {name: b, features: [{name: x, type: int64, expr: c0_0}], inputs: "
        "[r0");
    for (int i = 1; i < 65; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", r%d", i);
    snprintf(text + used, sizeof text - used, "]}\n");
    check_text("a.yaml", text);
    ck_assert_str_eq(words.text,
        "a.yaml:69:71: error: on-demand view 'b' has 65 inputs; at most 64 are "
        "read\n"
        "    hint: split the view\n"
        "a.yaml:68:71: error: the inputs of on-demand view 'a' have more than "
        "4096 columns by all their names\n"
        "    hint: name fewer inputs\n");
}
END_TEST

START_TEST(too_many_columns_are_refused_by_name)
{
    static char text[100000];
    size_t used = (size_t)snprintf(text, sizeof text,
        "sources:\n  - {name: a, timestamp_field: ts, key: [], schema: [");

    for (int i = 0; i < 1001; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            "%s{name: c%d, type: int64}", i == 0 ? "" : ", ", i);
    snprintf(text + used, sizeof text - used, "]}\n");
    check_text("a.yaml", text);
    ck_assert_str_eq(words.text,
        "a.yaml:2:53: error: source 'a' has 1002 columns; at most 1000 are "
        "kept\n");
}
END_TEST

static void
add_window_tests(TCase *windows)
{
    tcase_add_checked_fixture(windows, set_up, tear_down);
    tcase_add_test(
        windows, a_windowed_feature_knows_its_column_filter_and_time);
    tcase_add_test(windows, a_view_without_windows_keeps_no_events);
    tcase_add_test(windows, windows_that_reach_past_all_time_stay_in_bounds);
    tcase_add_test(windows, every_aggregate_takes_each_type_it_may_have);
    tcase_add_test(
        windows, a_table_of_yours_has_the_types_that_the_features_say);
    tcase_add_test(windows, a_feature_is_found_by_the_name_it_once_had);
}

static void
add_on_demand_tests(TCase *on_demand)
{
    tcase_add_checked_fixture(on_demand, set_up, tear_down);
    tcase_add_test(on_demand, a_push_source_stands_for_the_history_it_extends);
    tcase_add_test(on_demand, expressions_name_features_columns_and_times);
    tcase_add_test(
        on_demand, a_service_asks_for_on_demand_features_as_for_others);
    tcase_add_test(on_demand, on_demand_views_stand_on_sixteen_others_in_a_row);
    tcase_add_test(on_demand, a_long_row_and_a_great_circle_are_told_once);
    tcase_add_test(
        on_demand, too_many_inputs_and_their_columns_are_refused_by_name);
}

int
main(void)
{
    Suite *suite = suite_create("validate");
    TCase *cases = tcase_create("cases"), *filled = tcase_create("filled");
    TCase *windows = tcase_create("windows"),
          *on_demand = tcase_create("on demand");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, each_case_tells_exactly_its_faults);
    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(filled, set_up, tear_down);
    tcase_add_test(filled,
        references_resolve_whatever_the_case_and_take_the_defined_spelling);
    tcase_add_test(
        filled, join_keys_are_in_name_order_and_a_key_follows_the_schema);
    tcase_add_test(filled, time_columns_that_are_not_listed_come_last);
    tcase_add_test(filled, a_view_may_have_no_entities);
    tcase_add_test(filled, a_service_may_ask_for_a_view_under_two_names);
    tcase_add_test(filled, what_a_broken_file_may_hold_is_not_called_unknown);
    tcase_add_test(filled, too_many_columns_are_refused_by_name);
    suite_add_tcase(suite, filled);
    add_window_tests(windows);
    suite_add_tcase(suite, windows);
    add_on_demand_tests(on_demand);
    suite_add_tcase(suite, on_demand);
    return support_run(suite);
}
