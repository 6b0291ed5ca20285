/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_events.c - the events that a windowed view looks at.
 *
 * Rows and events are words, as in offline.h; times are small numbers. A row is
 * "event,created,v,g,s": what a scan gives after the key.
 */
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "engine/events.h"
#include "tests/offline.h"

static const larder_field history_fields[] = {{"id", LARDER_INT64},
    {"v", LARDER_INT64}, {"g", LARDER_INT32}, {"s", LARDER_STRING},
    {"at", LARDER_TIMESTAMP}};
static const larder_schema history = {history_fields, 5};
static const larder_field row_fields[] = {{"event", LARDER_TIMESTAMP},
    {"created", LARDER_TIMESTAMP}, {"v", LARDER_INT64}, {"g", LARDER_INT32},
    {"s", LARDER_STRING}};
static const larder_schema row_schema = {row_fields, 5};

static ldr_arena arena;
static ldr_source source;
static ldr_feature features[4];
static ldr_view view;
static ldr_event_plan plan;
static ldr_gathering *gathering;

static void
must(larder_status rc, const larder_error *err)
{
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s", larder_status_name(rc), err->message);
}

static void
set_up(void)
{
    source = (ldr_source){.about = {.name = "history"},
        .owned = true,
        .schema = history,
        .timestamp_field = "at"};
    view = (ldr_view){.about = {.name = "view"},
        .keys = history_fields,
        .n_keys = 1,
        .source = &source,
        .features = features,
        .filter_columns = history};
    features[0] = (ldr_feature){.name = "sum",
        .type = LARDER_INT64,
        .aggregate = LDR_AGGREGATE_SUM,
        .column = "v",
        .column_type = LARDER_INT64,
        .window_us = 10};
}

static void
tear_down(void)
{
    ldr_gathering_free(gathering);
    gathering = NULL;
    ldr_arena_free(&arena);
}

static void
add_where(size_t feature, const char *where)
{
    ldr_expression_fault fault;
    larder_error err = {0};

    features[feature].where = where;
    must(ldr_expression_parse((larder_bytes){where, strlen(where)}, &history,
             &arena, &features[feature].filter, &fault, &err),
        &err);
}

static void
make(size_t n_features)
{
    larder_error err = {0};

    view.n_features = n_features;
    must(ldr_event_plan_make(&view, &arena, &plan, &err), &err);
    must(ldr_gathering_new(&plan, &gathering, &err), &err);
    ldr_gathering_start(gathering);
}

/* A view whose events are "event,v,g,s", replaced by these columns. */
static void
make_wide(const char *const *replace_on, size_t n_replace_on)
{
    features[1] = (ldr_feature){.name = "first",
        .type = LARDER_INT32,
        .aggregate = LDR_AGGREGATE_FIRST,
        .column = "g",
        .column_type = LARDER_INT32,
        .window_us = 10};
    features[2] = (ldr_feature){.name = "last",
        .type = LARDER_STRING,
        .aggregate = LDR_AGGREGATE_LAST,
        .column = "s",
        .column_type = LARDER_STRING,
        .window_us = 10};
    source.has_replace_on = replace_on != NULL;
    source.replace_on = replace_on;
    source.n_replace_on = n_replace_on;
    make(3);
}

/* Add rows of the schema, newest first. */
static void
add_rows(const larder_schema *schema, const char *words)
{
    larder_batch batch = offline_batch(schema, words);
    larder_error err = {0};

    must(ldr_gathering_add_rows(gathering, &batch, 0, 0, batch.n_rows, &err),
        &err);
    larder_batch_release(&batch);
}

static void
add(const char *words)
{
    add_rows(&row_schema, words);
}

static char *
finish(larder_time known_by)
{
    larder_batch copy = {0};
    larder_stream stream = {0};
    larder_error err = {0};
    ldr_events events;

    must(ldr_gathering_finish(gathering, known_by, &events, &err), &err);
    ck_assert_uint_eq(events.event, 0);
    must(larder_batch_init(&copy, events.batch->schema, &err), &err);
    must(ldr_batch_copy(&copy, events.batch, events.begin,
             events.end - events.begin, &err),
        &err);
    must(larder_stream_of(&copy, &stream, &err), &err);
    return offline_words(&stream, false);
}

static void
expect(const char *words)
{
    offline_expect(finish(LARDER_TIME_MAX), words);
}

/* ---------------------------------------------------------------- the plan */

START_TEST(a_column_that_two_features_look_at_is_read_once)
{
    features[1] = features[0];
    features[1].name = "mean";
    features[1].aggregate = LDR_AGGREGATE_MEAN;
    features[1].window_us = 100;
    features[1].offset_us = 7;
    make(2);
    ck_assert_uint_eq(plan.n_windows, 2);
    ck_assert_uint_eq(plan.n_values, 1);
    ck_assert_uint_eq(plan.n_scanned, 1);
    ck_assert_str_eq(plan.scanned[0].name, "v");
    ck_assert_uint_eq(plan.windows[0].column, 1);
    ck_assert_uint_eq(plan.windows[1].column, 1);
    ck_assert_str_eq(plan.windows[1].name, "mean");
    ck_assert_int_eq(plan.span_us, 107);
}
END_TEST

START_TEST(a_plain_feature_is_no_window)
{
    features[1] = features[0];
    features[0] = (ldr_feature){.name = "v", .from = "v", .type = LARDER_INT64};
    make(2);
    ck_assert_uint_eq(plan.n_windows, 1);
    ck_assert_uint_eq(plan.features[0], 1);
}
END_TEST

START_TEST(equal_filters_are_asked_once_and_bring_their_columns)
{
    features[0].column = NULL;
    features[0].aggregate = LDR_AGGREGATE_COUNT;
    features[1] = features[2] = features[0];
    add_where(0, "g > 0");
    add_where(1, "s = 'a'");
    add_where(2, "g > 0");
    make(3);
    ck_assert_uint_eq(plan.n_values, 0);
    ck_assert_uint_eq(plan.n_filters, 2);
    ck_assert_uint_eq(plan.n_scanned, 2);
    ck_assert_str_eq(plan.scanned[0].name, "g");
    ck_assert_str_eq(plan.scanned[1].name, "s");
    ck_assert_uint_eq(plan.windows[0].column, LDR_NO_COLUMN);
    ck_assert_uint_eq(plan.windows[0].filter, 1);
    ck_assert_uint_eq(plan.windows[1].filter, 2);
    ck_assert_uint_eq(plan.windows[2].filter, 1);
}
END_TEST

START_TEST(a_row_online_has_plain_features_then_events_as_lists)
{
    larder_field *stored;
    size_t n = 0;
    larder_error err = {0};

    features[1] =
        (ldr_feature){.name = "now", .from = "g", .type = LARDER_INT32};
    add_where(0, "g > 0");
    make(2);
    must(ldr_event_plan_stored(&plan, &arena, &stored, &n, &err), &err);
    ck_assert_uint_eq(n, 4);
    ck_assert_str_eq(stored[0].name, "g");
    ck_assert_int_eq(stored[0].type, LARDER_INT32);
    ck_assert_int_eq(stored[1].type, LARDER_TIMESTAMP_LIST);
    ck_assert_str_eq(stored[2].name, "v");
    ck_assert_int_eq(stored[2].type, LARDER_INT64_LIST);
    ck_assert_int_eq(stored[3].type, LARDER_BOOL_LIST);
}
END_TEST

/* ---------------------------------------------------------------- the order */

START_TEST(events_ascend_by_event_then_created_with_null_least)
{
    make_wide(NULL, 0);
    add("9,5,1,1,a;7,8,2,1,a;7,3,3,1,a;7,,4,1,a;2,9,,,");
    ck_assert_uint_eq(ldr_gathering_count(gathering), 5);
    expect("2,,,;7,4,1,a;7,3,1,a;7,2,1,a;9,1,1,a");
}
END_TEST

START_TEST(tied_rows_come_by_their_bytes_whatever_order_they_came_in)
{
    static const char *const orders[] = {"5,1,,1,a;5,1,,,a;5,1,,1,;5,1,,2,a",
        "5,1,,2,a;5,1,,1,;5,1,,,a;5,1,,1,a",
        "5,1,,1,;5,1,,2,a;5,1,,1,a;5,1,,,a"};

    make_wide(NULL, 0);
    for (size_t i = 0; i < 3; i++) {
        ldr_gathering_start(gathering);
        add(orders[i]);
        expect("5,,1,;5,,,a;5,,1,a;5,,2,a");
    }
}
END_TEST

START_TEST(rows_alike_in_all_that_is_read_are_two_events)
{
    make_wide(NULL, 0);
    add("5,1,1,1,a;5,1,1,1,a");
    expect("5,1,1,a;5,1,1,a");
}
END_TEST

START_TEST(starting_forgets_the_key_before)
{
    make_wide(NULL, 0);
    add("5,1,1,1,a");
    expect("5,1,1,a");
    ldr_gathering_start(gathering);
    ck_assert_uint_eq(ldr_gathering_count(gathering), 0);
    expect("");
    add("4,1,2,2,b");
    expect("4,2,2,b");
}
END_TEST

START_TEST(columns_behind_those_that_are_read_are_let_be)
{
    larder_batch batch = offline_batch(&row_schema, "5,1,25,1,a");
    larder_error err = {0};

    make(1);
    must(ldr_gathering_add(gathering, &batch, 0, 0, &err), &err);
    expect("5,25");
    larder_batch_release(&batch);
}
END_TEST

/* -------------------------------------------------------------- corrections */

START_TEST(of_versions_only_the_greatest_counts)
{
    static const char *const on[] = {"g"};

    make_wide(on, 1);
    add("8,1,1,1,a;5,9,2,1,a;5,8,3,2,a;5,7,4,1,b;5,,5,3,c");
    expect("5,5,3,c;5,3,2,a;5,2,1,a;8,1,1,a");
}
END_TEST

START_TEST(null_equals_null_among_versions)
{
    static const char *const on[] = {"g", "s"};

    make_wide(on, 2);
    add("5,9,1,,a;5,8,2,,a;5,7,3,,;5,6,4,,");
    expect("5,3,,;5,1,,a");
}
END_TEST

START_TEST(replacing_on_nothing_leaves_one_event_a_moment)
{
    static const char *const on[] = {"none"};

    make_wide(on, 0);
    add("8,1,1,1,a;5,9,2,1,a;5,9,3,2,b;5,7,4,3,c");
    expect("5,3,2,b;8,1,1,a");
}
END_TEST

START_TEST(without_replace_on_every_row_is_an_event)
{
    make_wide(NULL, 0);
    add("5,9,2,1,a;5,8,3,1,a");
    expect("5,3,1,a;5,2,1,a");
}
END_TEST

START_TEST(key_and_event_time_decide_nothing_among_versions)
{
    static const char *const on[] = {"at", "id", "g"};

    make_wide(on, 3);
    ck_assert_uint_eq(plan.n_replace_on, 1);
    ck_assert_uint_eq(plan.n_scanned, 3);
    add("5,9,2,1,a;5,8,3,1,a");
    expect("5,2,1,a");
}
END_TEST

/* ---------------------------------------------------------------- knowledge */

START_TEST(what_was_not_known_yet_is_not_there)
{
    static const char *const on[] = {"g"};

    make_wide(on, 1);
    add("8,20,1,1,a;5,12,2,1,a;5,11,3,1,b;3,,4,1,a");
    ck_assert_uint_eq(ldr_gathering_known(gathering, 10), 0);
    offline_expect(finish(10), "");
    ck_assert_uint_eq(ldr_gathering_known(gathering, 11), 1);
    offline_expect(finish(11), "5,3,1,b");
    ck_assert_uint_eq(ldr_gathering_known(gathering, 12), 2);
    offline_expect(finish(12), "5,2,1,a");
    offline_expect(finish(20), "5,2,1,a;8,1,1,a");
    expect("3,4,1,a;5,2,1,a;8,1,1,a");
}
END_TEST

/* ------------------------------------------------------------------ filters */

START_TEST(filters_are_columns_of_the_events)
{
    features[1] = features[0];
    add_where(0, "g > 1");
    add_where(1, "s = 'a'");
    make(2);
    add("8,1,1,1,a;7,1,2,2,b;6,1,3,,");
    expect("6,3,,;7,2,true,false;8,1,false,true");
}
END_TEST

START_TEST(a_filter_knows_rows_that_are_added_later)
{
    add_where(0, "g > 1");
    make(1);
    add_rows(&(larder_schema){row_fields, 4}, "8,1,1,1;7,1,2,2");
    expect("7,2,true;8,1,false");
    add_rows(&(larder_schema){row_fields, 4}, "6,1,3,3");
    expect("6,3,true;7,2,true;8,1,false");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("events");
    TCase *tcase = tcase_create("events");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_column_that_two_features_look_at_is_read_once);
    tcase_add_test(tcase, a_plain_feature_is_no_window);
    tcase_add_test(tcase, equal_filters_are_asked_once_and_bring_their_columns);
    tcase_add_test(tcase, a_row_online_has_plain_features_then_events_as_lists);
    tcase_add_test(tcase, events_ascend_by_event_then_created_with_null_least);
    tcase_add_test(
        tcase, tied_rows_come_by_their_bytes_whatever_order_they_came_in);
    tcase_add_test(tcase, rows_alike_in_all_that_is_read_are_two_events);
    tcase_add_test(tcase, starting_forgets_the_key_before);
    tcase_add_test(tcase, columns_behind_those_that_are_read_are_let_be);
    tcase_add_test(tcase, of_versions_only_the_greatest_counts);
    tcase_add_test(tcase, null_equals_null_among_versions);
    tcase_add_test(tcase, replacing_on_nothing_leaves_one_event_a_moment);
    tcase_add_test(tcase, without_replace_on_every_row_is_an_event);
    tcase_add_test(tcase, key_and_event_time_decide_nothing_among_versions);
    tcase_add_test(tcase, what_was_not_known_yet_is_not_there);
    tcase_add_test(tcase, filters_are_columns_of_the_events);
    tcase_add_test(tcase, a_filter_knows_rows_that_are_added_later);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
