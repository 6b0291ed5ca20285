/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_print.c - definitions to canonical YAML, which reads back as itself.
 */
#include "definition/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "definition/load.h"
#include "definition/validate.h"
#include "tests/support.h"
#include "tests/told.h"

#define N_RANDOM 300

static ldr_arena arena;
static told words;
static larder_call call;
static ldr_faults faults;

static void
set_up(void)
{
    arena = (ldr_arena){0};
    words.size = words.n_told = 0;
    words.text[0] = '\0';
    call = told_call(&words);
    faults = (ldr_faults){.call = &call};
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
}

/* A text without faults to definitions. */
static ldr_definitions
load(const char *text)
{
    ldr_definitions all = {0};

    ck_assert_int_eq(
        ldr_load_text("text", text, strlen(text), &arena, &faults, &all, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
    ck_assert_msg(faults.n_errors == 0, "%s\nof\n%s", words.text, text);
    return all;
}

static char *
print(const ldr_definitions *all)
{
    char *text = NULL;
    size_t size = 0;

    ck_assert_int_eq(ldr_print_all(all, &text, &size, NULL), LARDER_OK);
    ck_assert_uint_eq(strlen(text), size);
    return text;
}

/* The text of what a text says; the second time it is the same. */
static char *
print_text(const char *text)
{
    ldr_definitions all = load(text);
    char *first = print(&all), *second;

    all = load(first);
    second = print(&all);
    ck_assert_str_eq(second, first);
    free(second);
    return first;
}

static void
prints_as(const char *text, const char *expected)
{
    char *printed = print_text(text);

    ck_assert_str_eq(printed, expected);
    free(printed);
}

START_TEST(defaults_are_left_out_and_objects_sorted)
{
    prints_as("jobs:\n"
              "  - {name: j, run: materialize, every: 168h, retries: 0, tags: "
              "{}}\n"
              "entities:\n"
              "  - {name: b, join_key: b, type: string}\n"
              "  - {tags: {z: 1, a: x}, type: int64, name: a, join_key: c}\n",
        "entities:\n"
        "  - name: a\n"
        "    join_key: c\n"
        "    type: int64\n"
        "    tags: {a: x, z: \"1\"}\n"
        "  - name: b\n"
        "    type: string\n"
        "jobs:\n"
        "  - name: j\n"
        "    run: materialize\n"
        "    every: 7d\n");
}
END_TEST

/* The keys of a mapping come in the order the loader lists them in. */
static void
in_order(const char *level, const ldr_yaml *mapping)
{
    size_t n_docs = 0, at = 0;
    const ldr_key_doc *docs = ldr_key_docs(&n_docs);

    for (size_t i = 0; i < n_docs && at < mapping->n_items; i++)
        if (strcmp(docs[i].level, level) == 0 &&
            strcmp(docs[i].key, mapping->keys[at].text) == 0)
            at++;
    ck_assert_msg(at == mapping->n_items, "'%s' is out of order in %s",
        at < mapping->n_items ? mapping->keys[at].text : "", level);
}

static void
objects_in_order(const char *level, const ldr_yaml *list)
{
    const ldr_yaml *features;

    for (size_t i = 0; i < list->n_items; i++) {
        in_order(level, &list->items[i]);
        features = ldr_yaml_find(&list->items[i], "features");
        for (size_t j = 0; features != NULL && j < features->n_items; j++)
            if (features->items[j].kind == LDR_YAML_MAPPING)
                in_order(strcmp(level, "view") == 0        ? "feature"
                         : strcmp(level, "on_demand") == 0 ? "derived"
                                                           : "item",
                    &features->items[j]);
    }
}

START_TEST(every_key_is_printed_in_the_order_of_the_loaders_table)
{
    static const char text[] =
        "entities:\n"
        "  - name: e\n"
        "    join_key: e_id\n"
        "    type: string\n"
        "    description: d\n"
        "    owner: o\n"
        "    tags: {t: v}\n"
        "sources:\n"
        "  - name: asked\n"
        "    kind: request\n"
        "    schema:\n"
        "      - {name: x, type: float64}\n"
        "    description: d\n"
        "  - name: foreign\n"
        "    table: public.t\n"
        "    timestamp_field: event time\n"
        "    timestamp_unit: ns\n"
        "    timezone: UTC\n"
        "    date_is: end_of_day\n"
        "    arrival_slack: 2h\n"
        "    expected_interval: 1d\n"
        "    max_skew: 1m\n"
        "  - name: owned\n"
        "    schema:\n"
        "      - {name: e_id, type: string}\n"
        "      - {name: x, type: list<float64>}\n"
        "      - {name: ts, type: timestamp}\n"
        "      - {name: made, type: timestamp}\n"
        "    timestamp_field: ts\n"
        "    created_timestamp_column: made\n"
        "    key: [e_id]\n"
        "    replace_on: []\n"
        "  - name: pushed\n"
        "    kind: push\n"
        "    batch_source: owned\n"
        "    owner: o\n"
        "feature_views:\n"
        "  - name: v\n"
        "    entities: [e]\n"
        "    source: foreign\n"
        "    ttl: 1h30m\n"
        "    online: false\n"
        "    allow_empty: true\n"
        "    freshness: {warn: 12h, max: 1d}\n"
        "    lookback: 2d\n"
        "    retain: 28d\n"
        "    max_window_events: 10\n"
        "    features:\n"
        "      - {name: f, type: float64, from: g, nullable: false, range: "
        "[-1.5, inf], values: [1, 2], on_violation: refuse, default: 1, unit: "
        "EUR, renamed_from: h, description: d, tags: {t: v}}\n"
        "      - {name: g, type: int64, aggregate: count, "
        "column: g, window: 7d, offset: 1d, where: \"g > 1 and not g = 2 or g "
        "in (3, 4)\", "
        "unit: EUR}\n"
        "  - name: w\n"
        "    entities: [e]\n"
        "    source: pushed\n"
        "    features:\n"
        "      - {name: all, type: int64, aggregate: count, window: 90d}\n"
        "on_demand_feature_views:\n"
        "  - name: o\n"
        "    inputs: [v, asked]\n"
        "    features:\n"
        "      - {name: q, type: float64, expr: f + x, default: 1, unit: EUR, "
        "description: d, tags: {t: v}}\n"
        "      - {name: z, type: bool, expr: v__event_timestamp < as_of}\n"
        "    description: d\n"
        "    owner: o\n"
        "    tags: {t: v}\n"
        "feature_services:\n"
        "  - name: s\n"
        "    features:\n"
        "      - \"o:q\"\n"
        "      - v\n"
        "      - {view: v, as: w, join_key_map: {e_id: other}}\n"
        "      - {view: v, as: z, features: [f]}\n"
        "jobs:\n"
        "  - name: c\n"
        "    run: materialize --full\n"
        "    cron: \"0 3 * * 1\"\n"
        "    timezone: \"+05:30\"\n"
        "    timeout: 1h\n"
        "    jitter: 5m\n"
        "    retries: 3\n"
        "    alert: [log, {webhook: \"${URL}\"}]\n";
    const ldr_yaml *root = NULL;

    prints_as(text, text);
    ck_assert_int_eq(ldr_yaml_parse("text", text, strlen(text), &arena, &faults,
                         &root, NULL),
        LARDER_OK);
    in_order("repository", root);
    objects_in_order("entity", ldr_yaml_find(root, "entities"));
    objects_in_order("source", ldr_yaml_find(root, "sources"));
    objects_in_order("view", ldr_yaml_find(root, "feature_views"));
    objects_in_order(
        "on_demand", ldr_yaml_find(root, "on_demand_feature_views"));
    objects_in_order("service", ldr_yaml_find(root, "feature_services"));
    objects_in_order("job", ldr_yaml_find(root, "jobs"));
}
END_TEST

START_TEST(texts_that_could_be_something_else_are_quoted)
{
    prints_as("entities:\n"
              "  - {name: \"no\", type: string, description: \"\", owner: "
              "\"null\", tags: {a: \"1\", b: \"x: y\", c: \" x\", d: \"é\", e: "
              "\"a\\\"b\\\\c\", f: \"\\x01\\t\\x7f\\u0085\\u2028\\uFEFF\", g: "
              "2026-01-01, h: a-b/c.d, i: True}}\n",
        "entities:\n"
        "  - name: \"no\"\n"
        "    type: string\n"
        "    description: \"\"\n"
        "    owner: \"null\"\n"
        "    tags: {a: \"1\", b: \"x: y\", c: \" x\", d: \"é\", e: "
        "\"a\\\"b\\\\c\", f: \"\\x01\\t\\x7F\\x85\\u2028\\uFEFF\", g: "
        "\"2026-01-01\", h: a-b/c.d, i: \"True\"}\n");
}
END_TEST

START_TEST(lines_stay_lines_where_they_read_back_the_same)
{
    prints_as("sources:\n"
              "  - {name: a, timestamp_field: t, query: \"SELECT *\\n\\n  FROM "
              "x\\n\"}\n"
              "  - {name: b, timestamp_field: t, query: \"SELECT *\\nFROM "
              "x\"}\n"
              "  - {name: c, timestamp_field: t, query: \"SELECT * \\nFROM "
              "x\"}\n"
              "  - {name: d, timestamp_field: t, query: \" SELECT *\\nFROM "
              "x\\n\\n\"}\n",
        "sources:\n"
        "  - name: a\n"
        "    query: |\n"
        "      SELECT *\n"
        "\n"
        "        FROM x\n"
        "    timestamp_field: t\n"
        "  - name: b\n"
        "    query: |-\n"
        "      SELECT *\n"
        "      FROM x\n"
        "    timestamp_field: t\n"
        "  - name: c\n"
        "    query: \"SELECT * \\nFROM x\"\n"
        "    timestamp_field: t\n"
        "  - name: d\n"
        "    query: \" SELECT *\\nFROM x\\n\\n\"\n"
        "    timestamp_field: t\n");
}
END_TEST

START_TEST(entries_of_one_view_are_one_entry_when_they_are_neighbours)
{
    prints_as("entities: []\n"
              "sources: [{name: s, timestamp_field: t, table: t}]\n"
              "feature_views: [{name: v, entities: [], source: s, features: "
              "[{name: a, type: bool}, {name: b, type: bool}, {name: c, type: "
              "bool}]}]\n"
              "feature_services:\n"
              "  - {name: x, features: [{view: v, features: [b, a]}, {view: "
              "v, as: w, features: [a]}, {view: v, as: w, features: [b]}, "
              "\"v:c\", {view: v, as: w, features: [c]}]}\n",
        "sources:\n"
        "  - name: s\n"
        "    table: t\n"
        "    timestamp_field: t\n"
        "feature_views:\n"
        "  - name: v\n"
        "    entities: []\n"
        "    source: s\n"
        "    features:\n"
        "      - {name: a, type: bool}\n"
        "      - {name: b, type: bool}\n"
        "      - {name: c, type: bool}\n"
        "feature_services:\n"
        "  - name: x\n"
        "    features:\n"
        "      - \"v:b\"\n"
        "      - \"v:a\"\n"
        "      - {view: v, as: w, features: [a, b]}\n"
        "      - \"v:c\"\n"
        "      - {view: v, as: w, features: [c]}\n");
}
END_TEST

START_TEST(an_object_is_a_file_of_its_own)
{
    ldr_definitions all = load("entities:\n"
                               "  - {name: a, type: string}\n"
                               "  - {name: b, type: string}\n"
                               "jobs: [{name: j, run: x, every: 1h}]\n");
    char *text = NULL;
    size_t size = 0;

    ck_assert_int_eq(
        ldr_print_object(LARDER_ENTITIES, &all.entities[1], &text, &size, NULL),
        LARDER_OK);
    ck_assert_str_eq(text, "entities:\n  - name: b\n    type: string\n");
    free(text);
    ck_assert_int_eq(
        ldr_print_object(LARDER_JOBS, &all.jobs[0], &text, &size, NULL),
        LARDER_OK);
    ck_assert_str_eq(text, "jobs:\n  - name: j\n    run: x\n    every: 1h\n");
    free(text);
}
END_TEST

START_TEST(nothing_is_printed_of_nothing)
{
    prints_as("", "");
}
END_TEST

START_TEST(the_example_repository_reads_back_as_itself)
{
    const char *top = getenv("srcdir");
    ldr_definitions all = {0};
    char path[4096], *text;

    snprintf(path, sizeof path, "%s/feature_repo", top != NULL ? top : ".");
    ck_assert_int_eq(
        ldr_load_folder(path, &arena, &faults, &all, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
    ck_assert_str_eq(words.text, "");
    ck_assert_uint_eq(all.n_entities, 5);
    ck_assert_uint_eq(all.n_views, 4);
    text = print(&all);
    prints_as(text, text);
    free(text);
}
END_TEST

/* ------------------------------------------------------- random definitions */

typedef struct text {
    char bytes[32768];
    size_t size;
} text;

static text made;
static uint64_t state;

static LARDER_PRINTF(1, 2) void put(const char *format, ...)
{
    size_t room = sizeof made.bytes - made.size;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(made.bytes + made.size, room, format, arguments);
    va_end(arguments);
    ck_assert_int_ge(size, 0);
    ck_assert_uint_lt((size_t)size, room);
    made.size += (size_t)size;
}

static bool
chance(void)
{
    return support_below(&state, 3) == 0;
}

/* Some text in quotes, with all that may be in one. */
static void
put_text(void)
{
    static const char *const pieces[] = {"a", "B c", " ", "  ", "\\n", "\\\"",
        "\\\\", "é", "\\u2029", "\\x07", "\\t", ":", ": ", "#", " #", "-", "{",
        "]", ",", "'", "yes", "null", "1", "|", ">", "%", "@", "`", "&x", "*x",
        "!", "\\r", "日本", "\\u0085", "${X}", "\\U0001F600"};
    size_t n = support_below(&state, 6);

    put("\"");
    while (n-- > 0)
        put("%s",
            pieces[support_below(&state, sizeof pieces / sizeof *pieces)]);
    put("\"");
}

static void
put_about(void)
{
    if (chance()) {
        put(", description: ");
        put_text();
    }
    if (chance()) {
        put(", owner: ");
        put_text();
    }
    if (chance()) {
        put(", tags: {x%zu: ", support_below(&state, 9));
        put_text();
        put(", \"y z\": ");
        put_text();
        put("}");
    }
}

static void
put_some(const char *key, const char *const *values, size_t n_values)
{
    if (chance())
        put(", %s: %s", key, values[support_below(&state, n_values)]);
}

static void
put_duration(const char *key)
{
    static const char *const units[] = {"us", "ms", "s", "m", "h", "d", "w"};

    if (chance())
        put(", %s: %zu%s", key, 1 + support_below(&state, 100),
            units[support_below(&state, 7)]);
}

static void
put_sources(void)
{
    static const char *const units[] = {"s", "ms", "us", "ns"};
    static const char *const zones[] = {"UTC", "Z", "\"-03:30\"", "\"+14:00\""};
    static const char *const dates[] = {"start_of_day", "end_of_day"};

    put("sources:\n");
    for (size_t i = 0; i < 3; i++) {
        put("  - {name: s%zu, timestamp_field: ts", i);
        if (chance())
            put(", created_timestamp_column: made");
        if (i == 0) {
            put(", schema: [{name: e1, type: string}, {name: e0, type: int64}, "
                "{name: c0, type: float32}, {name: c1, type: list<string>}]");
            if (chance())
                put(", key: [e0]");
            if (chance())
                put(", replace_on: [c0]");
        } else if (chance()) {
            put(", query: ");
            made.size += (size_t)snprintf(made.bytes + made.size, 10, "\"x");
            put("\\n y\"");
        } else {
            put(", table: t");
        }
        if (i > 0)
            put_some("timestamp_unit", units, 4);
        put_some("timezone", zones, 4);
        put_some("date_is", dates, 2);
        put_duration("arrival_slack");
        put_duration("max_skew");
        put_about();
        put("}\n");
    }
    put("  - {name: r, kind: request, schema: [{name: x, type: float64}]");
    put_about();
    put("}\n  - {name: p, kind: push, batch_source: S0");
    put_about();
    put("}\n");
}

static void
put_feature(size_t i, bool owned)
{
    static const char *const types[] = {"bool", "int32", "int64", "float32",
        "float64", "string", "bytes", "timestamp", "list<int64>"};
    static const char *const truths[] = {"true", "false"};
    static const char *const violations[] = {"warn", "refuse"};
    size_t type = owned ? 3 + i % 2 : support_below(&state, 9);

    put("{name: f%zu, type: %s", i, types[type]);
    if (owned || chance())
        put(", from: c0");
    put_some("nullable", truths, 2);
    put_some("on_violation", violations, 2);
    if (type >= 1 && type <= 4 && chance())
        put(", range: [%zu, 1e%zu]", support_below(&state, 10),
            1 + support_below(&state, 30));
    if (type >= 1 && type <= 4 && chance())
        put(", values: [1, \"2\"], default: %zu", support_below(&state, 10));
    if (type == 5 && chance()) {
        put(", values: [");
        put_text();
        put("], default: ");
        put_text();
    }
    if (chance()) {
        put(", unit: ");
        put_text();
        put(", description: ");
        put_text();
        put(", renamed_from: old%zu, tags: {a: ", i);
        put_text();
        put("}");
    }
    put("}");
}

/* Windowed features of one column. */
static void
put_windowed(const char *column)
{
    static const char *const aggregates[] = {
        "mean", "stddev", "sum", "count", "count_distinct", "last"};
    size_t which = support_below(&state, 6);
    const char *type = which < 3 ? "float64" : which < 5 ? "int32" : "float32";

    put(", {name: w0, type: %s, aggregate: %s, column: %s, window: %zuh", type,
        aggregates[which], column, 1 + support_below(&state, 1000));
    put_duration("offset");
    if (chance()) {
        put(", where: ");
        switch (support_below(&state, 4)) {
        case 0:
            put("%s > 1", column);
            break;
        case 1:
            put("\"%s <\\n 2 or\\t%s = 3\"", column, column);
            break;
        case 2:
            put("'%s is null'", column);
            break;
        default:
            put("\"\\\"%s\\\" > 1\"", column);
        }
    }
    if (chance()) {
        put(", description: ");
        put_text();
    }
    put("}, {name: w1, type: float32, aggregate: max, column: %s, window: 1d}",
        column);
}

static void
put_on_demands(void)
{
    static const char *const exprs[] = {"x + 1", "\"x  *\\t2\"",
        "\"case when x > 1 then x else 2 end\"", "'r__x / 3'", "x"};

    put("on_demand_feature_views:\n");
    for (size_t i = 0; i < 3; i++) {
        put("  - {name: o%zu, inputs: [r, v%zu%s], features: [", i, i,
            i > 0 ? ", O0" : "");
        put("{name: d%zu, type: float64, expr: %s", i,
            exprs[support_below(&state, 5)]);
        if (chance())
            put(", default: 3, unit: ");
        else
            put(", description: ");
        put_text();
        put("}]");
        put_about();
        put("}\n");
    }
}

static void
put_views(void)
{
    static const char *const truths[] = {"true", "false"};

    put("feature_views:\n");
    for (size_t i = 0; i < 4; i++) {
        size_t n_features = 1 + support_below(&state, 4);

        put("  - {name: v%zu, entities: [%s], source: ", i,
            i == 1 ? "" : "e1, E0");
        if (i == 3)
            put("P");
        else
            put("s%zu", i);
        put_duration("ttl");
        put_some("online", truths, 2);
        put_some("allow_empty", truths, 2);
        if (chance())
            put(", freshness: {max: %zuh}", 1 + support_below(&state, 100));
        put_duration("lookback");
        put_duration("retain");
        put_about();
        put(", features: [");
        for (size_t j = 0; j < n_features; j++) {
            put("%s", j == 0 ? "" : ", ");
            put_feature(j, i % 3 == 0);
        }
        if (i % 3 == 0 || chance())
            put_windowed(i % 3 == 0 ? "c0" : "w");
        put("]}\n");
    }
}

static void
put_rest(void)
{
    static const char *const alerts[] = {
        "[log]", "[log, {webhook: \"${URL}\"}]", "[]"};

    put("feature_services:\n");
    put("  - {name: x, features: [v0, o2, \"O0:D0\", \"v1:f0\", {view: v0, as: "
        "w, "
        "join_key_map: {e1: other}}]");
    put_about();
    put("}\n  - {name: y, features: [{view: v2, features: [f0]}, {view: v3, "
        "as: "
        "\"y\", features: [f0]}]}\n"
        "jobs:\n");
    for (size_t i = 0; i < 2; i++) {
        put("  - {name: j%zu, run: \"x --y\", %s", i,
            i == 0 ? "every: 90m" : "cron: \"0 3 * * 1\"");
        put_duration("timeout");
        put_duration("jitter");
        put_some("alert", alerts, 3);
        put_about();
        put("}\n");
    }
}

START_TEST(random_definitions_read_back_as_themselves)
{
    for (size_t i = 0; i < N_RANDOM; i++) {
        char *printed;

        state = i;
        made.size = 0;
        put("entities:\n  - {name: e1, type: string");
        put_about();
        put("}\n  - {name: E0, join_key: e0, type: int64}\n");
        put_sources();
        put_views();
        put_on_demands();
        put_rest();
        printed = print_text(made.bytes);
        free(printed);
        tear_down();
        set_up();
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("print");
    TCase *forms = tcase_create("forms");

    tcase_add_checked_fixture(forms, set_up, tear_down);
    tcase_add_test(forms, defaults_are_left_out_and_objects_sorted);
    tcase_add_test(
        forms, every_key_is_printed_in_the_order_of_the_loaders_table);
    tcase_add_test(forms, texts_that_could_be_something_else_are_quoted);
    tcase_add_test(forms, lines_stay_lines_where_they_read_back_the_same);
    tcase_add_test(
        forms, entries_of_one_view_are_one_entry_when_they_are_neighbours);
    tcase_add_test(forms, an_object_is_a_file_of_its_own);
    tcase_add_test(forms, nothing_is_printed_of_nothing);
    tcase_add_test(forms, the_example_repository_reads_back_as_itself);
    tcase_add_test(forms, random_definitions_read_back_as_themselves);
    suite_add_tcase(suite, forms);
    return support_run(suite);
}
