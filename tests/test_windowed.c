/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_windowed.c - windowed features in a join: each rule, one at a time.
 *
 * oracle_windowed_join.c tries them on random history.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/allocations.h"
#include "tests/shop.h"
#include "tests/support.h"

#define SOURCE                                                                 \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n"
#define SCHEMA                                                                 \
    "    schema:\n"                                                            \
    "      - {name: id, type: int64}\n      - {name: a, type: int64}\n"        \
    "      - {name: g, type: int32}\n      - {name: s, type: string}\n"        \
    "      - {name: ts, type: timestamp}\n"                                    \
    "      - {name: cts, type: timestamp}\n"
#define VIEW "feature_views:\n  - name: v\n    entities: [e]\n    source: h\n"
#define COUNT "      - {name: n2, type: int64, aggregate: count, window: 2d}\n"
#define SUM                                                                    \
    "      - {name: s2, type: int64, aggregate: sum, column: a, window: 2d}\n"

static const char plain_yaml[] = SOURCE SCHEMA VIEW
    "    ttl: 1d\n    features:\n" COUNT SUM "      - {name: g, type: int32}\n";
static const char corrected_yaml[] =
    SOURCE "    replace_on: [s]\n" SCHEMA VIEW "    features:\n" COUNT SUM;
static const char filtered_yaml[] = SOURCE SCHEMA VIEW
    "    features:\n"
    "      - {name: big, type: int64, aggregate: count, window: 2d,\n"
    "         where: \"a >= 20 and g is not null\"}\n"
    "      - {name: last, type: string, aggregate: last, column: s,\n"
    "         window: 2d, offset: 1d, where: \"s <> 'x'\"}\n";
static const char keyless_yaml[] =
    "sources:\n  - name: h\n    timestamp_field: ts\n    key: []\n"
    "    schema: [{name: a, type: int64}, {name: ts, type: timestamp}]\n"
    "feature_views:\n  - name: v\n    source: h\n    entities: []\n"
    "    features:\n" SUM;

static const char rows[] = "id,a,g,s,ts,cts\n"
                           "1,10,1,x,2024-05-10T00:00:00Z,\n"
                           "1,20,2,y,2024-05-11T00:00:00Z,\n"
                           "1,30,,z,2024-05-12T00:00:00Z,\n"
                           "2,7,,,2024-05-10T00:00:00Z,\n";

static const char *const stores[] = {"memory", "sqlite"};
static const char *offline;
static shop s;

static void
open_with(const char *yaml, const char *csv)
{
    shop_open(&s, offline, "memory");
    ck_assert_msg(shop_apply(&s, yaml) == LARDER_OK, "%s (%s)", s.err.message,
        s.err.hint);
    ck_assert_msg(
        shop_ingest(&s, "h", csv, NULL) == LARDER_OK, "%s", s.err.message);
}

static void
expect_as(
    bool as_known, const char *spine, const char *ref, const char *expected)
{
    char *found;

    for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
        s.call.n_threads = n_threads;
        found = shop_join(&s, spine, ref, as_known);
        ck_assert_str_eq(found, expected);
        free(found);
    }
}

static void
expect(const char *spine, const char *ref, const char *expected)
{
    expect_as(false, spine, ref, expected);
}

/* ---------------------------------------------------------------- the rules */

START_TEST(a_window_is_open_at_its_old_end_and_closed_at_the_moment)
{
    offline = stores[_i];
    open_with(plain_yaml, rows);
    expect("id,event_timestamp\n"
           "1,2024-05-11T23:59:59.999999Z\n"
           "1,2024-05-12T00:00:00Z\n"
           "1,2024-05-12T23:59:59.999999Z\n"
           "1,2024-05-13T00:00:00Z\n"
           "1,2024-05-10T23:59:59.999999Z\n",
        "v:s2",
        "id,event_timestamp,s2\n"
        "1,2024-05-11T23:59:59.999999Z,30\n"
        "1,2024-05-12T00:00:00Z,50\n"
        "1,2024-05-12T23:59:59.999999Z,50\n"
        "1,2024-05-13T00:00:00Z,30\n"
        "1,2024-05-10T23:59:59.999999Z,10\n");
    shop_close(&s);
}
END_TEST

START_TEST(before_the_first_row_all_is_null_and_after_it_a_count_is_zero)
{
    offline = stores[_i];
    open_with(plain_yaml, rows);
    expect("id,event_timestamp\n"
           "1,2024-05-09T00:00:00Z\n"
           "1,2024-05-30T00:00:00Z\n"
           "3,2024-05-30T00:00:00Z\n"
           ",2024-05-30T00:00:00Z\n"
           "2,2024-05-11T00:00:00Z\n",
        "v",
        "id,event_timestamp,n2,s2,g\n"
        "1,2024-05-09T00:00:00Z,,,\n"
        "1,2024-05-30T00:00:00Z,0,,\n"
        "3,2024-05-30T00:00:00Z,,,\n"
        ",2024-05-30T00:00:00Z,,,\n"
        "2,2024-05-11T00:00:00Z,1,7,\n");
    shop_close(&s);
}
END_TEST

START_TEST(the_ttl_is_for_plain_features)
{
    offline = stores[_i];
    open_with(plain_yaml, rows);
    expect("id,event_timestamp\n1,2024-05-12T00:00:00Z\n"
           "1,2024-05-12T12:00:00Z\n1,2024-05-13T12:00:00Z\n"
           "1,2024-05-11T12:00:00Z\n",
        "v",
        "id,event_timestamp,n2,s2,g\n1,2024-05-12T00:00:00Z,2,50,\n"
        "1,2024-05-12T12:00:00Z,2,50,\n1,2024-05-13T12:00:00Z,1,30,\n"
        "1,2024-05-11T12:00:00Z,2,30,2\n");
    shop_close(&s);
}
END_TEST

START_TEST(the_report_tells_rows_before_the_first_from_empty_windows)
{
    static const char *const refs[] = {"v:n2"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 1},
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};
    shop_joined joined;

    offline = stores[_i];
    open_with(plain_yaml, rows);
    ck_assert_int_eq(shop_ask(&s, &options,
                         "id,event_timestamp\n1,2024-05-09T00:00:00Z\n"
                         "1,2024-05-30T00:00:00Z\n9,2024-05-30T00:00:00Z\n"
                         ",2024-05-30T00:00:00Z\n",
                         LARDER_CSV, &joined),
        LARDER_OK);
    ck_assert_uint_eq(joined.rows, 4);
    ck_assert_uint_eq(joined.null_keys, 1);
    ck_assert_uint_eq(joined.before_first, 2);
    ck_assert_uint_eq(joined.nulls, 3);
    ck_assert_uint_eq(joined.expired, 0);
    shop_joined_release(&joined);
    shop_close(&s);
}
END_TEST

START_TEST(filters_choose_events_and_not_whether_there_are_any)
{
    offline = stores[_i];
    open_with(filtered_yaml, rows);
    expect("id,event_timestamp\n1,2024-05-10T00:00:00Z\n"
           "1,2024-05-11T12:00:00Z\n1,2024-05-12T00:00:00Z\n"
           "2,2024-05-10T00:00:00Z\n",
        "v",
        "id,event_timestamp,big,last\n1,2024-05-10T00:00:00Z,0,\n"
        "1,2024-05-11T12:00:00Z,1,\n1,2024-05-12T00:00:00Z,1,y\n"
        "2,2024-05-10T00:00:00Z,0,\n");
    shop_close(&s);
}
END_TEST

static const char versions[] =
    "id,a,g,s,ts,cts\n"
    "1,1,1,x,2024-05-10T00:00:00Z,2024-05-10T00:00:00Z\n"
    "1,2,1,x,2024-05-10T00:00:00Z,2024-05-12T00:00:00Z\n"
    "1,4,1,,2024-05-10T00:00:00Z,2024-05-10T00:00:00Z\n"
    "1,8,1,,2024-05-10T00:00:00Z,\n"
    "1,16,1,x,2024-05-11T00:00:00Z,2024-05-10T12:00:00Z\n";
static const char moments[] = "id,event_timestamp\n1,2024-05-10T00:00:00Z\n"
                              "1,2024-05-11T00:00:00Z\n"
                              "1,2024-05-11T12:00:00Z\n"
                              "1,2024-05-12T12:00:00Z\n";

START_TEST(versions_of_an_event_count_once)
{
    offline = stores[_i];
    open_with(corrected_yaml, versions);
    expect(moments, "v",
        "id,event_timestamp,n2,s2\n1,2024-05-10T00:00:00Z,2,6\n"
        "1,2024-05-11T00:00:00Z,3,22\n1,2024-05-11T12:00:00Z,3,22\n"
        "1,2024-05-12T12:00:00Z,1,16\n");
    shop_close(&s);
}
END_TEST

START_TEST(as_known_a_correction_counts_from_when_it_came)
{
    offline = stores[_i];
    open_with(corrected_yaml, versions);
    expect_as(true, moments, "v",
        "id,event_timestamp,n2,s2\n1,2024-05-10T00:00:00Z,2,5\n"
        "1,2024-05-11T00:00:00Z,3,21\n1,2024-05-11T12:00:00Z,3,21\n"
        "1,2024-05-12T12:00:00Z,1,16\n");
    shop_close(&s);
}
END_TEST

START_TEST(as_known_an_older_row_may_be_the_first_known)
{
    offline = stores[_i];
    open_with(plain_yaml, "id,a,g,s,ts,cts\n"
                          "1,1,,,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z\n"
                          "1,2,,,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z\n"
                          "2,3,,,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z\n"
                          "2,4,,,2024-05-02T00:00:00Z,\n");
    expect_as(true,
        "id,event_timestamp\n1,2024-05-20T00:00:00Z\n"
        "2,2024-05-20T00:00:00Z\n2,2024-06-20T00:00:00Z\n",
        "v:n2",
        "id,event_timestamp,n2\n1,2024-05-20T00:00:00Z,0\n"
        "2,2024-05-20T00:00:00Z,\n2,2024-06-20T00:00:00Z,0\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_view_without_entities_has_one_key)
{
    offline = stores[_i];
    open_with(keyless_yaml, "a,ts\n1,2024-05-01T00:00:00Z\n"
                            "2,2024-05-10T00:00:00Z\n4,2024-05-11T00:00:00Z\n");
    expect("event_timestamp\n2024-05-11T12:00:00Z\n2024-04-01T00:00:00Z\n"
           "2024-05-10T00:00:00Z\n2024-05-05T00:00:00Z\n",
        "v",
        "event_timestamp,s2\n2024-05-11T12:00:00Z,6\n2024-04-01T00:00:00Z,\n"
        "2024-05-10T00:00:00Z,2\n2024-05-05T00:00:00Z,\n");
    shop_close(&s);
}
END_TEST

START_TEST(times_at_the_ends_of_time_have_windows_too)
{
    offline = stores[_i];
    open_with(keyless_yaml, "a,ts\n1,0001-01-01T00:00:00Z\n"
                            "2,9999-12-31T23:59:59.999999Z\n");
    expect("event_timestamp\n0001-01-01T00:00:00Z\n"
           "9999-12-31T23:59:59.999999Z\n0001-01-02T00:00:00Z\n",
        "v",
        "event_timestamp,s2\n0001-01-01T00:00:00Z,1\n"
        "9999-12-31T23:59:59.999999Z,2\n0001-01-02T00:00:00Z,1\n");
    shop_close(&s);
}
END_TEST

START_TEST(an_on_demand_feature_reads_windows)
{
    offline = stores[_i];
    open_with(SOURCE SCHEMA VIEW
        "    features:\n" COUNT SUM
        "on_demand_feature_views:\n  - name: d\n    inputs: [v]\n"
        "    features: [{name: each, type: float64, expr: \"s2 / n2\"}]\n",
        rows);
    expect("id,event_timestamp\n1,2024-05-12T00:00:00Z\n"
           "1,2024-05-20T00:00:00Z\n",
        "d",
        "id,event_timestamp,each\n1,2024-05-12T00:00:00Z,25.0\n"
        "1,2024-05-20T00:00:00Z,\n");
    shop_close(&s);
}
END_TEST

START_TEST(without_a_spine_history_asks_for_its_own_windows)
{
    static const char *const refs[] = {"v:n2", "v:s2"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 2},
        .range = true,
        .from = shop_time("2024-05-10T12:00:00Z"),
        .to = shop_time("2024-06-01T00:00:00Z")};
    shop_joined joined;

    offline = stores[_i];
    open_with(plain_yaml, rows);
    ck_assert_msg(
        shop_ask(&s, &options, NULL, LARDER_CSV, &joined) == LARDER_OK, "%s",
        s.err.message);
    ck_assert_str_eq(joined.text,
        "id,event_timestamp,n2,s2\n1,2024-05-11T00:00:00Z,2,30\n"
        "1,2024-05-12T00:00:00Z,2,50\n");
    shop_joined_release(&joined);
    shop_close(&s);
}
END_TEST

/* ----------------------------------------------------------------- failures */

static larder_status
ask(const char *spine)
{
    static const char *const refs[] = {"v"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 1},
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};
    shop_joined joined = {0};
    larder_status rc = shop_ask(&s, &options, spine, LARDER_CSV, &joined);

    shop_joined_release(&joined);
    return rc;
}

START_TEST(a_sum_that_does_not_fit_names_view_and_feature)
{
    offline = stores[_i];
    open_with(plain_yaml,
        "id,a,g,s,ts,cts\n1,9223372036854775807,,,2024-05-10T00:00:00Z,\n"
        "1,1,,,2024-05-11T00:00:00Z,\n");
    ck_assert_int_eq(
        ask("id,event_timestamp\n1,2024-05-10T12:00:00Z\n"), LARDER_OK);
    ck_assert_int_eq(
        ask("id,event_timestamp\n1,2024-05-11T12:00:00Z\n"), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "'v'"));
    ck_assert_ptr_nonnull(strstr(s.err.message, "s2"));
    shop_close(&s);
}
END_TEST

START_TEST(a_window_that_nobody_asked_for_fails_no_join)
{
    offline = stores[_i];
    open_with(plain_yaml,
        "id,a,g,s,ts,cts\n1,9223372036854775807,,,2024-05-10T00:00:00Z,\n"
        "1,1,7,,2024-05-11T00:00:00Z,\n");
    expect("id,event_timestamp\n1,2024-05-11T12:00:00Z\n", "v:n2",
        "id,event_timestamp,n2\n1,2024-05-11T12:00:00Z,2\n");
    expect("id,event_timestamp\n1,2024-05-11T12:00:00Z\n", "v:g",
        "id,event_timestamp,g\n1,2024-05-11T12:00:00Z,7\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_join_that_is_cancelled_stops)
{
    static const volatile int yes = 1;

    offline = stores[_i];
    open_with(plain_yaml, rows);
    s.call.cancel = &yes;
    ck_assert_int_eq(ask("id,event_timestamp\n1,2024-05-10T12:00:00Z\n"),
        LARDER_INTERRUPTED);
    s.call.cancel = NULL;
    shop_close(&s);
}
END_TEST

/* All of it but the spine's file, which is there already. */
static larder_status
join_file(FILE *file)
{
    static const char *const refs[] = {"v"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 1},
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};
    larder_text_options text = {.name = "spine", .format = LARDER_CSV};
    larder_stream spine = {0}, joined = {0};
    larder_batch batch = {0};
    larder_status rc;

    rewind(file);
    LARDER_TRY(larder_text_read(file, &text, &s.call, &spine, &s.err));
    LARDER_TRY(
        larder_join(s.store, &s.call, &options, &spine, &joined, &s.err));
    do {
        larder_batch_release(&batch);
        LARDER_TRY(larder_stream_next(&joined, &batch, &s.err));
    } while (batch.n_rows > 0);
out:
    larder_batch_release(&batch);
    larder_stream_close(&joined);
    larder_stream_close(&spine);
    return rc;
}

START_TEST(each_allocation_may_be_refused)
{
    FILE *file = tmpfile();
    bool refused = true;

    offline = stores[_i];
    open_with(filtered_yaml, rows);
    fputs("id,event_timestamp\n1,2024-05-10T12:00:00Z\n"
          "2,2024-05-12T00:00:00Z\n",
        file);
    ck_assert_int_eq(join_file(file), LARDER_OK);
    for (size_t n = 1; refused; n += 1 + n / 40) {
        larder_status rc;

        allocations_refuse(n, false);
        rc = join_file(file);
        refused = allocations_grant();
        if (rc != LARDER_OK && rc != LARDER_NOMEM)
            ck_abort_msg("allocation %zu: %s: %s", n, larder_status_name(rc),
                s.err.message);
    }
    ck_assert_int_eq(join_file(file), LARDER_OK);
    fclose(file);
    shop_close(&s);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        a_window_is_open_at_its_old_end_and_closed_at_the_moment,
        before_the_first_row_all_is_null_and_after_it_a_count_is_zero,
        the_ttl_is_for_plain_features,
        the_report_tells_rows_before_the_first_from_empty_windows,
        filters_choose_events_and_not_whether_there_are_any,
        versions_of_an_event_count_once,
        as_known_a_correction_counts_from_when_it_came,
        as_known_an_older_row_may_be_the_first_known,
        a_view_without_entities_has_one_key,
        times_at_the_ends_of_time_have_windows_too,
        an_on_demand_feature_reads_windows,
        without_a_spine_history_asks_for_its_own_windows,
        a_sum_that_does_not_fit_names_view_and_feature,
        a_window_that_nobody_asked_for_fails_no_join,
        a_join_that_is_cancelled_stops,
        each_allocation_may_be_refused,
    };
    Suite *suite = suite_create("windowed");
    TCase *tcase = tcase_create("windowed");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(tcase, tests[i], 0, 2);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
