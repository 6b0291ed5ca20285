/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_table.c - a feature view seen as a storage table.
 */
#include "definition/table.h"

#include <stdlib.h>
#include <string.h>

#include "definition/load.h"
#include "definition/validate.h"
#include "tests/support.h"
#include "tests/told.h"

static ldr_arena arena;
static ldr_definitions all;

#define FEATURES "features: [{name: a, type: int64}, {name: b, type: float64}]"
#define SOURCE "table: t, timestamp_field: ts"

/* The view 'v' of a source and a view's further keys. */
static const ldr_view *
view_of(const char *entity, const char *source, const char *view)
{
    static told words;
    larder_call call = told_call(&words);
    ldr_faults faults = {.call = &call};
    char text[2000];

    words.size = 0;
    snprintf(text, sizeof text,
        "entities: [%s]\nsources: [{name: s, %s}]\nfeature_views: [{name: v, "
        "entities: [e], source: s, %s}]\n",
        entity, source, view);
    ck_assert_int_eq(
        ldr_load_text("text", text, strlen(text), &arena, &faults, &all, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
    ck_assert_msg(faults.n_errors == 0, "%s", words.text);
    return &all.views[0];
}

#define ENTITY "{name: e, type: string}"

static void
hash_of(const char *entity, const char *source, const char *view, char hex[33])
{
    ck_assert_int_eq(
        ldr_view_hash(view_of(entity, source, view), hex, NULL), LARDER_OK);
    ck_assert_uint_eq(strlen(hex), 32);
}

static void
set_up(void)
{
    arena = (ldr_arena){0};
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
}

START_TEST(what_decides_a_rows_bytes_changes_the_hash)
{
    static const char *const changed[][3] = {
        {"{name: e, type: int64}", SOURCE, FEATURES},
        {"{name: e, join_key: f, type: string}", SOURCE, FEATURES},
        {ENTITY, "table: u, timestamp_field: ts", FEATURES},
        {ENTITY, "query: t, timestamp_field: ts", FEATURES},
        {ENTITY, "table: t, timestamp_field: at", FEATURES},
        {ENTITY, SOURCE ", created_timestamp_column: made", FEATURES},
        {ENTITY, SOURCE ", timestamp_unit: ms", FEATURES},
        {ENTITY, SOURCE ", timezone: \"+01:00\"", FEATURES},
        {ENTITY, SOURCE ", date_is: end_of_day", FEATURES},
        {ENTITY, SOURCE ", replace_on: []", FEATURES},
        {ENTITY, SOURCE ", replace_on: [a]", FEATURES},
        {ENTITY, SOURCE,
            "features: [{name: b, type: float64}, {name: a, type: int64}]"},
        {ENTITY, SOURCE,
            "features: [{name: a, type: int64}, {name: b, type: float32}]"},
        {ENTITY, SOURCE,
            "features: [{name: a, type: int64}, {name: b, type: float64, "
            "from: c}]"},
        {ENTITY, SOURCE, "features: [{name: a, type: int64}]"},
    };
    char hex[sizeof changed / sizeof *changed + 1][33];

    hash_of(ENTITY, SOURCE, FEATURES, hex[0]);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        hash_of(changed[i][0], changed[i][1], changed[i][2], hex[i + 1]);
        for (size_t j = 0; j <= i; j++)
            ck_assert_msg(
                strcmp(hex[i + 1], hex[j]) != 0, "%zu and %zu are equal", i, j);
    }
}
END_TEST

START_TEST(names_words_and_ages_do_not_change_the_hash)
{
    char a[33], b[33];

    hash_of(ENTITY, SOURCE, FEATURES, a);
    hash_of("{name: e, type: string, description: x}",
        SOURCE ", owner: me, arrival_slack: 2h",
        "ttl: 7d, online: false, freshness: {max: 1d}, tags: {a: b}, features: "
        "[{name: x, from: a, type: int64, range: [0, 1]}, {name: b, type: "
        "float64, default: 1}]",
        b);
    ck_assert_str_eq(a, b);
    /* It stays: another one would fill every online store anew. */
    ck_assert_str_eq(a, "5a4e7b77ea7fdab80050b776b032aaea");
}
END_TEST

#define WINDOWS                                                                \
    "features: [{name: a, type: int64}, {name: b, type: float64, aggregate: "  \
    "sum, column: c, window: 7d}, {name: d, type: int64, aggregate: count, "   \
    "window: 30d, where: \"a > 1\"}]"

START_TEST(what_a_window_is_made_of_changes_the_hash)
{
    static const char *const changed[][2] = {{"sum", "mean"},
        {"column: c", "column: e"}, {"window: 7d", "window: 8d"},
        {"window: 7d", "window: 7d, offset: 1d"},
        {"window: 7d", "window: 7d, where: \"c > 1\""}, {"a > 1", "a > 2"},
        {"a > 1", "a > 11"}, {"type: float64", "type: float32"},
        {", where: \"a > 1\"", ""},
        {"{name: b, type: float64, aggregate: sum, column: c, window: 7d}",
            "{name: b, type: float64, from: c}"},
        {"sum, column: c", "count_distinct, column: a"},
        {"float64, aggregate: sum", "int64, aggregate: sum"},
        {"features:", "max_window_events: 10, features:"}};
    char hex[sizeof changed / sizeof *changed + 1][33], text[1000];

    hash_of(ENTITY, SOURCE, WINDOWS, hex[0]);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        const char *at = strstr(WINDOWS, changed[i][0]);

        ck_assert_ptr_nonnull(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - WINDOWS), WINDOWS,
            changed[i][1], at + strlen(changed[i][0]));
        if (strstr(text, "float64, aggregate: count_distinct") != NULL)
            memcpy(strstr(text, "float64, aggregate"), "int64,  ", 8);
        hash_of(ENTITY, SOURCE, text, hex[i + 1]);
        for (size_t j = 0; j <= i; j++)
            ck_assert_msg(
                strcmp(hex[i + 1], hex[j]) != 0, "%zu and %zu are equal", i, j);
    }
}
END_TEST

START_TEST(names_words_and_blanks_of_a_window_do_not_change_the_hash)
{
    char a[33], b[33], c[33];

    hash_of(ENTITY, SOURCE, WINDOWS, a);
    hash_of(ENTITY, SOURCE,
        "ttl: 1d, features: [{name: a, type: int64}, {name: other, type: "
        "float64, aggregate: sum, column: c, window: 168h, offset: 0s, "
        "description: x}, {name: d, type: int64, aggregate: count, window: "
        "30d, where: \"  a   >\\n1 \"}]",
        b);
    ck_assert_str_eq(a, b);
    /* It stays: another one would fill every online store anew. */
    ck_assert_str_eq(a, "f8331ef5a0130962802e25d9b71e3fd0");
    hash_of(ENTITY, SOURCE,
        "features: [{name: a, type: string}, {name: b, type: int64, "
        "aggregate: count, window: 1d, where: \"a = 'x  y'\"}]",
        b);
    hash_of(ENTITY, SOURCE,
        "features: [{name: a, type: string}, {name: b, type: int64, "
        "aggregate: count, window: 1d, where: \"a = 'x y'\"}]",
        c);
    ck_assert_str_ne(b, c);
}
END_TEST

START_TEST(the_types_that_a_filter_reads_change_the_hash)
{
    static const char source[] =
        "timestamp_field: ts, schema: [{name: e, type: string}, {name: a, "
        "type: %s}]";
    static const char view[] = "features: [{name: n, type: int64, aggregate: "
                               "count, window: 7d, where: \"a > 1\"}]";
    char text[200], a[33], b[33];

    snprintf(text, sizeof text, source, "float32");
    hash_of(ENTITY, text, view, a);
    snprintf(text, sizeof text, source, "float64");
    hash_of(ENTITY, text, view, b);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(events_are_the_columns_of_windows_and_then_of_filters)
{
    const ldr_view *view = view_of(ENTITY,
        "timestamp_field: ts, schema: [{name: e, type: string}, {name: a, "
        "type: int32}, {name: b, type: float32}, {name: c, type: string}]",
        "features: [{name: plain, type: int32, from: a}, {name: n, type: "
        "int64, aggregate: count, window: 7d, where: \"c = 'x' and a > 1\"}, "
        "{name: s, type: float64, aggregate: sum, column: b, window: 7d}, "
        "{name: m, type: int32, aggregate: max, column: a, window: 1d}, {name: "
        "t, type: float64, aggregate: mean, column: b, window: 1d}]");
    larder_field *columns = NULL;
    size_t n = 0;

    ck_assert_int_eq(
        ldr_view_events(view, &arena, &columns, &n, NULL), LARDER_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(columns[0].name, "b");
    ck_assert_int_eq(columns[0].type, LARDER_FLOAT32);
    ck_assert_str_eq(columns[1].name, "a");
    ck_assert_int_eq(columns[1].type, LARDER_INT32);
    ck_assert_str_eq(columns[2].name, "c");
    ck_assert_int_eq(columns[2].type, LARDER_STRING);
    ck_assert_int_eq(ldr_view_columns(view, &arena, &columns, NULL), LARDER_OK);
    ck_assert_str_eq(columns[0].name, "a");
    ck_assert_str_eq(columns[1].name, "ts");
    ck_assert_int_eq(columns[1].type, LARDER_TIMESTAMP);
    ck_assert_str_eq(columns[2].name, "b");
    ck_assert_int_eq(columns[2].type, LARDER_FLOAT32);
    view = view_of(ENTITY, SOURCE, FEATURES);
    ck_assert_int_eq(
        ldr_view_events(view, &arena, &columns, &n, NULL), LARDER_OK);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_table_is_of_a_project_a_view_its_hash_and_build)
{
    larder_table_id ids[] = {ldr_view_table("p", "v", "h", 1),
        ldr_view_table("p", "v", "h", 2), ldr_view_table("p", "v", "i", 1),
        ldr_view_table("p", "w", "h", 1), ldr_view_table("q", "v", "h", 1),
        ldr_view_table("pv", "", "h", 1), ldr_view_table("p", "vh", "", 1)};
    larder_table_id again = ldr_view_table("p", "v", "h", 1);

    ck_assert_mem_eq(ids[0].bytes, again.bytes, LARDER_TABLE_BYTES);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_mem_ne(ids[i].bytes, ids[j].bytes, LARDER_TABLE_BYTES);
}
END_TEST

START_TEST(a_backend_sees_the_source_and_the_columns_of_the_features)
{
    const ldr_view *view = view_of(ENTITY,
        "timestamp_field: ts, created_timestamp_column: made, timezone: "
        "\"+01:00\", schema: [{name: e, type: string}, {name: a, type: int32}]",
        "features: [{name: x, from: a, type: int64}, {name: a, type: int32}]");
    larder_field *columns = NULL;
    larder_table table;

    ldr_source_table(view->source, &table);
    ck_assert_str_eq(table.name, "s");
    ck_assert_ptr_null(table.query);
    ck_assert(table.owned);
    ck_assert_uint_eq(table.schema->n_fields, 4);
    ck_assert_uint_eq(table.n_key, 1);
    ck_assert_str_eq(table.key[0], "e");
    ck_assert_str_eq(table.event, "ts");
    ck_assert_str_eq(table.created, "made");
    ck_assert_int_eq(table.naive_offset_minutes, 60);
    ck_assert_int_eq(ldr_view_columns(view, &arena, &columns, NULL), LARDER_OK);
    ck_assert_str_eq(columns[0].name, "a");
    ck_assert_int_eq(columns[0].type, LARDER_INT64);
    ck_assert_str_eq(columns[1].name, "a");
    ck_assert_int_eq(columns[1].type, LARDER_INT32);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("table");
    TCase *tables = tcase_create("tables");

    tcase_add_checked_fixture(tables, set_up, tear_down);
    tcase_add_test(tables, what_decides_a_rows_bytes_changes_the_hash);
    tcase_add_test(tables, names_words_and_ages_do_not_change_the_hash);
    tcase_add_test(tables, what_a_window_is_made_of_changes_the_hash);
    tcase_add_test(
        tables, names_words_and_blanks_of_a_window_do_not_change_the_hash);
    tcase_add_test(tables, the_types_that_a_filter_reads_change_the_hash);
    tcase_add_test(
        tables, events_are_the_columns_of_windows_and_then_of_filters);
    tcase_add_test(tables, a_table_is_of_a_project_a_view_its_hash_and_build);
    tcase_add_test(
        tables, a_backend_sees_the_source_and_the_columns_of_the_features);
    suite_add_tcase(suite, tables);
    return support_run(suite);
}
