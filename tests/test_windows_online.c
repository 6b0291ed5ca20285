/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_windows_online.c - windowed features from history to online and back:
 * values that decay by themselves, rows that are the same whatever the order
 * history came in, and entities with too many events.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/builtin.h"
#include "data/batch.h"
#include "larder_backend.h"
#include "tests/online.h"
#include "tests/shop.h"
#include "tests/support.h"

#define HEAD                                                                   \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n    schema:\n"                         \
    "      - {name: id, type: int64}\n      - {name: a, type: int64}\n"        \
    "      - {name: b, type: string}\n      - {name: x, type: float64}\n"

#define VIEW                                                                   \
    "feature_views:\n  - name: v\n    entities: [e]\n    source: h\n"          \
    "    ttl: 2d\n    features:\n"

#define PLAIN "      - {name: b, type: string}\n"

#define WEEK                                                                   \
    "      - {name: n7, type: int64, aggregate: count, window: 7d}\n"          \
    "      - {name: s7, type: int64, aggregate: sum, column: a, window: 7d}\n"

#define MORE                                                                   \
    "      - {name: s1, type: int64, aggregate: sum, column: a, window: 1d}\n" \
    "      - {name: m7, type: float64, aggregate: mean, column: x,\n"          \
    "         window: 7d}\n"                                                   \
    "      - {name: lo7, type: int64, aggregate: min, column: a, window: "     \
    "7d}\n"                                                                    \
    "      - {name: hi7, type: int64, aggregate: max, column: a, window: "     \
    "7d}\n"                                                                    \
    "      - {name: b7, type: string, aggregate: last, column: b,\n"           \
    "         window: 7d}\n"                                                   \
    "      - {name: d7, type: int64, aggregate: count_distinct, column: b,\n"  \
    "         window: 7d}\n"                                                   \
    "      - {name: s7b, type: int64, aggregate: sum, column: a, window: "     \
    "7d,\n"                                                                    \
    "         offset: 7d}\n"

#define PICKY                                                                  \
    "      - {name: w3, type: int64, aggregate: count, window: 3d,\n"          \
    "         where: \"a > 0 and b <> 'e7'\"}\n"                               \
    "      - {name: f3, type: int64, aggregate: first, column: a,\n"           \
    "         window: 3d, where: \"x >= 10\", offset: 1d}\n"                   \
    "      - {name: dev, type: float64, aggregate: stddev, column: a,\n"       \
    "         window: 5d}\n"

static const char corrected[] =
    "entities:\n  - {name: e, join_key: id, type: int64}\n"
    "sources:\n  - name: h\n    timestamp_field: ts\n"
    "    created_timestamp_column: cts\n    replace_on: []\n    schema:\n"
    "      - {name: id, type: int64}\n      - {name: a, type: int64}\n"
    "      - {name: b, type: string}\n      - {name: x, type: float64}\n" VIEW
        PLAIN WEEK MORE PICKY;
static const char weekly[] = HEAD VIEW PLAIN WEEK;
static const char all[] = HEAD VIEW PLAIN WEEK MORE PICKY;
static const char few[] =
    HEAD "feature_views:\n  - name: v\n    entities: [e]\n    source: h\n"
         "    max_window_events: 4\n    features:\n" PLAIN WEEK;
static const char with_default[] =
    HEAD VIEW "      - {name: s7, type: int64, aggregate: sum, column: a,\n"
              "         window: 7d, default: 5}\n";

static const char rows[] =
    "id,a,b,x,ts,cts\n"
    "1,10,p,0.1,2024-05-30T00:00:00Z,2024-05-30T01:00:00Z\n"
    "1,11,q,0.2,2024-05-31T00:00:00Z,2024-05-31T01:00:00Z\n"
    "1,,q,,2024-05-31T12:00:00Z,\n"
    "1,7,r,0.5,2024-05-20T00:00:00Z,\n"
    "2,20,,1,2024-05-01T00:00:00Z,2024-05-20T01:00:00Z\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop s;

static void
apply_ok(const char *features)
{
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s (%s)",
        s.err.message, s.err.hint);
}

static void
ingest_ok(const char *csv)
{
    ck_assert_msg(
        shop_ingest(&s, "h", csv, NULL) == LARDER_OK, "%s", s.err.message);
}

static larder_materialized
materialize_with(const larder_materialize_options *options)
{
    larder_run_report report = {0};
    larder_materialized first;

    ck_assert_msg(shop_materialize(&s, options, &report) == LARDER_OK, "%s",
        s.err.message);
    first = report.views[0];
    larder_run_report_release(&report);
    return first;
}

static larder_materialized
materialize_ok(void)
{
    return materialize_with(NULL);
}

static void
open_with_rows(int pair, const char *features)
{
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    apply_ok(features);
    ingest_ok(rows);
}

static void
expect(int64_t key, const char *ref, const char *expected)
{
    char *found = shop_get(&s, key, ref);

    ck_assert_str_eq(found, expected);
    free(found);
}

/* ------------------------------------------------------------------ values */

START_TEST(each_aggregate_is_served_with_the_newest_rows_time)
{
    larder_materialized m;

    open_with_rows(_i, all);
    m = materialize_ok();
    ck_assert_uint_eq(m.read, 2);
    ck_assert_uint_eq(m.written, 2);
    ck_assert_uint_eq(m.expired, 1);
    ck_assert_uint_eq(m.over_limit, 0);
    expect(1, "v:n7", "3 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:s1", "null NULL_VALUE 2024-05-31T12:00:00Z");
    expect(1, "v:m7", "0.15000000000000002 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:lo7", "10 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:hi7", "11 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:b7", "q PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:d7", "2 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:s7b", "7 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:b", "q PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

static void
expect_in_join(const char *ref, const char *expected)
{
    char *found = shop_join(
        &s, "id,event_timestamp\n1,2024-06-01T00:00:00Z\n", ref, false);

    ck_assert_str_eq(found + strlen(found) - strlen(expected), expected);
    free(found);
}

/* By the window's own column the rows would come in another order: of the
 * view's columns the nulls of b decide. */
START_TEST(tied_rows_have_one_order_for_windows_and_plain_features)
{
    static const char tied[] = "id,a,b,x,ts,cts\n"
                               "1,1,q,1,2024-05-31T00:00:00Z,\n"
                               "1,5,,2,2024-05-31T00:00:00Z,\n"
                               "1,3,,3,2024-05-31T00:00:00Z,\n";
    char *told;

    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    apply_ok(HEAD VIEW "      - {name: a, type: int64}\n"
                       "      - {name: la, type: int64, aggregate: last,\n"
                       "         column: a, window: 7d}\n"
                       "      - {name: fa, type: int64, aggregate: first,\n"
                       "         column: a, window: 7d}\n" PLAIN);
    ingest_ok(tied);
    materialize_ok();
    expect_in_join("v:a", ",1\n");
    expect_in_join("v:la", ",1\n");
    expect_in_join("v:fa", ",3\n");
    expect(1, "v:a", "1 PRESENT 2024-05-31T00:00:00Z");
    expect(1, "v:la", "1 PRESENT 2024-05-31T00:00:00Z");
    expect(1, "v:fa", "3 PRESENT 2024-05-31T00:00:00Z");
    told = shop_explain(&s,
        &(larder_join_options){.naive_offset_minutes = LARDER_NAIVE_REFUSED,
            .spine_format = LARDER_CSV},
        "id,event_timestamp\n1,2024-06-01T00:00:00Z\n", 1, "v:la");
    ck_assert_str_eq(told, "2024-05-31T00:00:00Z - 1 counted\n"
                           "2024-05-31T00:00:00Z - 5 counted\n"
                           "2024-05-31T00:00:00Z - 3 counted\n");
    free(told);
    shop_close(&s);
}
END_TEST

START_TEST(the_first_moment_of_all_is_one)
{
    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    apply_ok(HEAD "feature_views:\n  - name: v\n    entities: [e]\n"
                  "    source: h\n    features:\n" PLAIN WEEK
                  "on_demand_feature_views:\n  - {name: o, inputs: [v],\n"
                  "     features: [{name: t, type: timestamp,\n"
                  "       expr: v__event_timestamp}]}\n");
    ingest_ok("id,a,b,x,ts,cts\n1,1,q,1,0001-01-01T00:00:00Z,\n");
    materialize_ok();
    expect(1, "v:b", "q PRESENT 0001-01-01T00:00:00Z");
    expect(1, "v:n7", "0 PRESENT 0001-01-01T00:00:00Z");
    expect(1, "o:t", "0001-01-01T00:00:00Z PRESENT 0001-01-01T00:00:00Z");
    expect(2, "v:b", "null NOT_FOUND -");
    expect(2, "o:t", "null NULL_VALUE -");
    shop_close(&s);
}
END_TEST

START_TEST(an_on_demand_feature_is_explained_by_all_it_names)
{
    static const char features[] = HEAD
        "  - {name: ask, kind: request, schema: [{name: q, type: int64}]}\n"
        "feature_views:\n  - name: v\n    entities: [e]\n"
        "    source: h\n    features:\n" PLAIN WEEK
        "on_demand_feature_views:\n  - {name: o, inputs: [v, ask],\n"
        "     features: [{name: t, type: int64, expr: s7 * q}]}\n";
    char *told;

    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    apply_ok(features);
    ingest_ok(rows);
    told = shop_explain(&s,
        &(larder_join_options){.naive_offset_minutes = LARDER_NAIVE_REFUSED,
            .spine_format = LARDER_CSV},
        "id,event_timestamp,q\n2,2024-06-01T00:00:00Z,7\n"
        "1,2024-06-01T00:00:00Z,3\n",
        2, "o:t");
    ck_assert_str_eq(told,
        "2024-06-01T00:00:00Z - 63 result\n"
        "- - 3 request\n"
        "2024-05-31T00:00:00Z 2024-05-31T01:00:00Z 21 input\n");
    free(told);
    shop_close(&s);
}
END_TEST

START_TEST(ttl_limits_plain_features_alone)
{
    open_with_rows(_i, all);
    materialize_ok();
    expect(2, "v:b", "null OUTSIDE_MAX_AGE 2024-05-01T00:00:00Z");
    expect(2, "v:n7", "0 PRESENT 2024-05-01T00:00:00Z");
    expect(2, "v:s7", "null NULL_VALUE 2024-05-01T00:00:00Z");
    expect(9, "v:n7", "null NOT_FOUND -");
    shop_close(&s);
}
END_TEST

START_TEST(a_default_stands_beside_what_says_why)
{
    open_with_rows(_i, with_default);
    materialize_ok();
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    expect(2, "v:s7", "5 NULL_VALUE 2024-05-01T00:00:00Z");
    expect(9, "v:s7", "5 NOT_FOUND -");
    shop_close(&s);
}
END_TEST

START_TEST(a_clock_behind_the_row_sees_it_at_age_zero)
{
    open_with_rows(_i, weekly);
    materialize_ok();
    s.call.now = shop_time("2020-01-01T00:00:00Z");
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

/* -------------------------------------------------------------------- decay */

typedef struct event {
    int64_t key, value;
    larder_time time;
} event;

#define N_EVENTS 300u
#define N_KEYS 5u

static void
make_events(event *events, uint64_t *random)
{
    larder_time begin = shop_time("2024-05-15T00:00:00Z");

    for (size_t i = 0; i < N_EVENTS; i++)
        events[i] = (event){.key = (int64_t)support_below(random, N_KEYS),
            .value = (int64_t)support_below(random, 100) - 50,
            .time = begin + (larder_time)support_below(random, 16) * SHOP_DAY +
                    (larder_time)support_below(random, 3) - 1};
}

static char *
csv_of(const event *events, size_t begin, size_t end)
{
    char *csv = NULL, time[33];
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);

    fprintf(file, "id,a,b,x,ts,cts\n");
    for (size_t i = begin; i < end; i++) {
        larder_time_print(events[i].time, time);
        fprintf(file, "%lld,%lld,e%zu,%zu,%s,\n", (long long)events[i].key,
            (long long)events[i].value, i, i, time);
    }
    fclose(file);
    return csv;
}

/* Slow and obvious. */
static void
expect_sum(const event *events, size_t n, int64_t key, larder_time t)
{
    larder_time newest = LARDER_TIME_MIN;
    int64_t sum = 0;
    size_t n_in = 0;
    char expected[128], time[33];

    for (size_t i = 0; i < n; i++) {
        if (events[i].key != key || events[i].time > t)
            continue;
        if (events[i].time > newest)
            newest = events[i].time;
        if (events[i].time <= t - 7 * SHOP_DAY)
            continue;
        sum += events[i].value;
        n_in++;
    }
    larder_time_print(newest, time);
    s.call.now = t;
    if (n_in == 0)
        snprintf(expected, sizeof expected, "null NULL_VALUE %s", time);
    else
        snprintf(
            expected, sizeof expected, "%lld PRESENT %s", (long long)sum, time);
    expect(key, "v:s7", expected);
    snprintf(expected, sizeof expected, "%zu PRESENT %s", n_in, time);
    expect(key, "v:n7", expected);
}

START_TEST(values_leave_the_window_by_themselves_to_the_microsecond)
{
    static event events[N_EVENTS];
    uint64_t random = 7;
    char *csv;

    make_events(events, &random);
    csv = csv_of(events, 0, N_EVENTS);
    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    apply_ok(weekly);
    ingest_ok(csv);
    materialize_ok();
    for (int day = 0; day < 9; day++)
        for (int64_t key = 0; key < (int64_t)N_KEYS; key++)
            for (int edge = -1; edge < 2; edge++)
                expect_sum(events, N_EVENTS, key,
                    shop_time("2024-05-31T00:00:00Z") + 1 + day * SHOP_DAY +
                        edge + 1);
    free(csv);
    shop_close(&s);
}
END_TEST

/* What a join gives for one key and moment. */
static char *
joined(int64_t key, larder_time t, const char *ref)
{
    char spine[128], time[33], *text, *value, *end;

    larder_time_print(t, time);
    snprintf(spine, sizeof spine, "id,event_timestamp\n%lld,%s\n",
        (long long)key, time);
    text = shop_join(&s, spine, ref, false);
    value = strchr(text, '\n') + 1;
    value = strchr(strchr(value, ',') + 1, ',') + 1;
    end = strchr(value, '\n');
    memmove(text, value, (size_t)(end - value));
    text[end - value] = '\0';
    return text;
}

START_TEST(each_feature_equals_the_join_at_the_same_moment)
{
    static const char *const refs[] = {"v:b", "v:n7", "v:s7", "v:s1", "v:m7",
        "v:lo7", "v:hi7", "v:b7", "v:d7", "v:s7b", "v:w3", "v:f3", "v:dev"};
    static event events[N_EVENTS];
    uint64_t random = 11;
    char *csv;

    make_events(events, &random);
    csv = csv_of(events, 0, N_EVENTS);
    shop_open(&s, pairs[_i / 2][0], pairs[_i / 2][1]);
    apply_ok(_i % 2 == 0 ? all : corrected);
    ingest_ok(csv);
    free(csv);
    materialize_ok();
    for (int64_t key = 0; key < (int64_t)N_KEYS; key++)
        for (size_t f = 0; f < sizeof refs / sizeof *refs; f++)
            for (int day = 0; day < 12; day += 3) {
                char *value, *found;
                larder_time t = shop_time("2024-06-01T00:00:00Z") +
                                day * SHOP_DAY + (day - 6) / 3;

                value = joined(key, t, refs[f]);
                s.call.now = t;
                found = shop_get(&s, key, refs[f]);
                *strchr(found, ' ') = '\0';
                ck_assert_str_eq(
                    strcmp(found, "null") == 0 ? "" : found, value);
                free(found);
                free(value);
            }
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------- what is late */

START_TEST(a_late_event_reaches_the_window_with_the_next_run)
{
    larder_materialized m;

    open_with_rows(_i, weekly);
    materialize_ok();
    s.call.now += SHOP_DAY / 4;
    ingest_ok("id,a,b,x,ts,cts\n1,100,late,,2024-05-29T00:00:00Z,\n");
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    m = materialize_ok();
    ck_assert_uint_eq(m.read, 1);
    ck_assert_uint_eq(m.late, 1);
    ck_assert_uint_eq(m.written, 1);
    expect(1, "v:s7", "121 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:b", "q PRESENT 2024-05-31T12:00:00Z");
    m = materialize_ok();
    ck_assert_uint_eq(m.read, 0);
    shop_close(&s);
}
END_TEST

START_TEST(an_event_too_old_for_any_window_changes_nothing)
{
    larder_materialized m;

    open_with_rows(_i, weekly);
    materialize_ok();
    ingest_ok("id,a,b,x,ts,cts\n1,100,late,,2024-05-01T00:00:00Z,\n");
    m = materialize_ok();
    ck_assert_uint_eq(m.read, 1);
    ck_assert_uint_eq(m.unchanged, 1);
    ck_assert_uint_eq(m.written, 0);
    shop_close(&s);
}
END_TEST

START_TEST(an_event_from_the_future_counts_when_its_time_comes)
{
    open_with_rows(_i, weekly);
    ingest_ok("id,a,b,x,ts,cts\n1,1000,f,,2024-06-01T00:05:00Z,\n");
    materialize_ok();
    s.call.now = shop_time("2024-06-01T00:05:00Z");
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    materialize_ok();
    expect(1, "v:s7", "1021 PRESENT 2024-06-01T00:05:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_clock_turned_back_takes_no_event_away)
{
    open_with_rows(_i, weekly);
    materialize_ok();
    ingest_ok("id,a,b,x,ts,cts\n1,100,late,,2024-05-27T00:00:00Z,\n");
    s.call.now -= 3 * SHOP_DAY;
    materialize_ok();
    s.call.now += 3 * SHOP_DAY;
    expect(1, "v:s7", "121 PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_range_chooses_entities_and_not_their_events)
{
    larder_materialize_options range = {.range = true,
        .from = shop_time("2024-05-31T00:00:00Z"),
        .to = shop_time("2024-05-31T06:00:00Z")};
    larder_materialized m;

    open_with_rows(_i, weekly);
    m = materialize_with(&range);
    ck_assert_uint_eq(m.read, 1);
    ck_assert_uint_eq(m.written, 1);
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    expect(2, "v:n7", "null NOT_FOUND -");
    materialize_ok();
    expect(2, "v:n7", "0 PRESENT 2024-05-01T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_dry_run_counts_and_writes_nothing)
{
    larder_materialize_options dry = {.dry_run = true};
    larder_materialized m;

    open_with_rows(_i, weekly);
    m = materialize_with(&dry);
    ck_assert_uint_eq(m.read, 2);
    ck_assert_uint_eq(m.written, 0);
    expect(1, "v:s7", "error: feature view 'v' is not materialized yet");
    shop_close(&s);
}
END_TEST

/* ---------------------------------------------------------- too many events */

START_TEST(an_entity_over_the_limit_says_so_and_the_others_go_on)
{
    larder_materialized m;

    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    apply_ok(few);
    ingest_ok("id,a,b,x,ts,cts\n"
              "1,1,p,,2024-05-31T01:00:00Z,\n1,1,p,,2024-05-31T02:00:00Z,\n"
              "1,1,p,,2024-05-31T03:00:00Z,\n1,1,p,,2024-05-31T04:00:00Z,\n"
              "1,1,r,,2024-05-31T05:00:00Z,\n2,2,q,,2024-05-31T00:00:00Z,\n"
              "3,1,p,,2024-05-31T01:00:00Z,\n3,1,p,,2024-05-31T02:00:00Z,\n"
              "3,1,p,,2024-05-31T03:00:00Z,\n3,1,p,,2024-05-31T04:00:00Z,\n");
    m = materialize_ok();
    ck_assert_uint_eq(m.written, 3);
    ck_assert_uint_eq(m.over_limit, 1);
    expect(2, "v:s7", "2 PRESENT 2024-05-31T00:00:00Z");
    expect(3, "v:s7", "4 PRESENT 2024-05-31T04:00:00Z");
    expect(1, "v:b", "r PRESENT 2024-05-31T05:00:00Z");
    expect(1, "v:s7",
        "error: feature view 'v', key row 1: more events in the longest "
        "window than 4 (max_window_events), or than a row holds");
    ck_assert_int_eq(s.err.status, LARDER_LIMIT);
    ck_assert_ptr_nonnull(strstr(s.err.hint, "raise max_window_events"));
    shop_close(&s);
}
END_TEST

START_TEST(an_entity_comes_back_below_the_limit_with_its_next_event)
{
    larder_materialized m;

    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    apply_ok(few);
    ingest_ok("id,a,b,x,ts,cts\n"
              "1,1,p,,2024-05-01T01:00:00Z,\n1,1,p,,2024-05-01T02:00:00Z,\n"
              "1,1,p,,2024-05-01T03:00:00Z,\n1,1,p,,2024-05-01T04:00:00Z,\n"
              "1,1,r,,2024-05-01T05:00:00Z,\n");
    ck_assert_uint_eq(materialize_ok().over_limit, 1);
    ingest_ok("id,a,b,x,ts,cts\n1,3,p,,2024-05-31T01:00:00Z,\n");
    m = materialize_ok();
    ck_assert_uint_eq(m.over_limit, 0);
    expect(1, "v:s7", "3 PRESENT 2024-05-31T01:00:00Z");
    shop_close(&s);
}
END_TEST

/* --------------------------------------------------------- changed views */

START_TEST(
    windows_both_definitions_have_are_served_until_the_new_build_is_whole)
{
    open_with_rows(_i, weekly);
    materialize_ok();
    apply_ok(all);
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:b", "q PRESENT 2024-05-31T12:00:00Z");
    expect(1, "v:hi7", "error: feature 'v:hi7' is not materialized yet");
    ck_assert_uint_eq(materialize_ok().written, 2);
    expect(1, "v:hi7", "11 PRESENT 2024-05-31T12:00:00Z");
    apply_ok(weekly);
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_full_run_fills_a_new_build_with_the_same_values)
{
    larder_materialize_options full = {.full = true};

    open_with_rows(_i, weekly);
    materialize_ok();
    ck_assert_uint_eq(materialize_with(&full).written, 2);
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

/* ----------------------------------------------------- bytes of the store */

/* What the online store holds, positions apart; the shop's own store is closed
 * meanwhile, as LMDB is opened once in a process. */
static size_t
stored_rows(uint64_t *digest)
{
    char path[512];
    const char *options[] = {"path", path, NULL};
    online_items items = {0};
    online store;
    size_t n = 0;

    larder_close(s.store);
    s.store = NULL;
    snprintf(path, sizeof path, "%s/online", s.folder);
    store = online_must_open("lmdb", options, false);
    online_dump(&store, 1000, &items);
    *digest = 0;
    for (size_t i = 0; i < items.n_items; i++) {
        const online_item *item = &items.items[i];
        uint64_t sum = 0;

        if (memcmp(item->key, "\0\0\0\0", 4) == 0)
            continue; /* a position speaks of runs, not of rows */
        for (size_t b = 0; b < item->n_row; b++)
            sum = sum * 31 + item->row[b];
        for (size_t b = 0; b < item->n_key; b++)
            sum = sum * 31 + item->key[b];
        *digest += sum;
        n++;
    }
    online_items_free(&items);
    online_close(&store);
    shop_reopen(&s);
    return n;
}

START_TEST(the_same_rows_in_any_order_give_the_same_bytes_online)
{
    static event events[N_EVENTS];
    uint64_t random = 42, first = 0, digest;

    make_events(events, &random);
    for (int round = 0; round < 4; round++) {
        size_t order[N_EVENTS];

        for (size_t i = 0; i < N_EVENTS; i++)
            order[i] = i;
        for (size_t i = N_EVENTS; round > 0 && i > 1; i--) {
            size_t j = support_below(&random, i), at = order[i - 1];

            order[i - 1] = order[j];
            order[j] = at;
        }
        shop_open(&s, "sqlite", "lmdb");
        apply_ok(all);
        for (size_t at = 0; at < N_EVENTS;) {
            size_t n = round == 0 ? N_EVENTS : 1 + support_below(&random, 60);
            char *csv = NULL, *one;
            size_t size = 0;
            FILE *file = open_memstream(&csv, &size);

            fprintf(file, "id,a,b,x,ts,cts\n");
            for (size_t i = 0; i < n; i++) {
                /* now and then one that was there before */
                size_t from = at < N_EVENTS ? at++ : N_EVENTS - 1;

                if (from > 0 && support_below(&random, 9) == 0)
                    from = support_below(&random, from);
                one = csv_of(events, order[from], order[from] + 1);
                fprintf(file, "%s", strchr(one, '\n') + 1);
                free(one);
                one = csv_of(events, order[at - 1], order[at - 1] + 1);
                fprintf(file, "%s", strchr(one, '\n') + 1);
                free(one);
            }
            fclose(file);
            ingest_ok(csv);
            free(csv);
            if (support_below(&random, 2) == 0)
                materialize_ok();
        }
        materialize_ok();
        ck_assert_uint_eq(stored_rows(&digest), N_KEYS);
        if (round == 0)
            first = digest;
        ck_assert_uint_eq(digest, first);
        shop_close(&s);
    }
}
END_TEST

START_TEST(threads_change_no_byte)
{
    uint64_t digests[2];

    for (unsigned i = 0; i < 2; i++) {
        static event events[N_EVENTS];
        uint64_t random = 3;
        char *csv;

        make_events(events, &random);
        for (size_t e = 0; e < N_EVENTS; e++)
            events[e].key = (int64_t)e % 100;
        csv = csv_of(events, 0, N_EVENTS);
        shop_open(&s, "sqlite", "lmdb");
        s.call.n_threads = i == 0 ? 1 : 4;
        apply_ok(all);
        ingest_ok(csv);
        materialize_ok();
        ck_assert_uint_eq(stored_rows(&digests[i]), 100);
        free(csv);
        shop_close(&s);
    }
    ck_assert_uint_eq(digests[0], digests[1]);
}
END_TEST

static void
many_rows(void)
{
    char *csv = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);

    fprintf(file, "id,a,b,x,ts,cts\n");
    for (int i = 0; i < 60000; i++)
        fprintf(file, "%d,%d,t,,2024-05-%02dT00:00:00Z,\n", i % 30000 + 100, i,
            30 + i / 30000);
    fclose(file);
    ingest_ok(csv);
    free(csv);
}

/* Ends the process in the middle of a run, once some chunks are in. */
static void
die_at_some_progress(void *context, const larder_progress *progress)
{
    (void)context;
    if (progress->done > 20000)
        raise(SIGKILL);
}

START_TEST(a_killed_run_is_made_good_by_the_next_one)
{
    larder_materialized m;
    pid_t child;
    int status;

    open_with_rows(1, weekly);
    many_rows();
    larder_close(s.store);
    s.store = NULL;
    child = fork();
    if (child == 0) {
        shop_reopen(&s);
        s.call.progress = die_at_some_progress;
        (void)shop_materialize(&s, NULL, NULL);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    shop_reopen(&s);
    expect(1, "v:s7", "error: feature view 'v' is not materialized yet");
    /* What is in already is of older history for one of them. */
    ingest_ok("id,a,b,x,ts,cts\n100,5,late,,2024-05-29T00:00:00Z,\n");
    m = materialize_ok();
    ck_assert_uint_eq(m.read, 30002);
    ck_assert_uint_ge(m.unchanged, 16000);
    ck_assert_uint_eq(m.unchanged + m.written, 30002);
    expect(100, "v:s7", "30005 PRESENT 2024-05-31T00:00:00Z");
    expect(101, "v:s7", "30002 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

/* --------------------------------------------- somebody who comes between */

/* The memory store; just before a row goes in, somebody else's is there. */
static larder_online_ops restless;
static unsigned strikes;

static larder_status
restless_put(void *self, const larder_call *call, const larder_put *puts,
    size_t n_puts, larder_outcome *outcomes, larder_error *err)
{
    for (size_t i = 0; i < n_puts && strikes > 0; i++) {
        unsigned char bytes[64] = {0};
        larder_put other = puts[i];
        larder_outcome outcome;

        if (memcmp(other.key.data, "\0\0\0\0", 4) == 0)
            continue; /* a position */
        strikes--;
        memcpy(bytes, other.row.data, LARDER_ROW_HEAD_BYTES);
        bytes[LARDER_ROW_VERSION_BYTES] ^= (unsigned char)(1 + strikes % 200);
        other.row = (larder_bytes){bytes, sizeof bytes};
        ck_assert_int_eq(
            ldr_online_memory_ops.put(self, call, &other, 1, &outcome, err),
            LARDER_OK);
        ck_assert_int_eq(outcome, LARDER_WRITTEN);
    }
    return ldr_online_memory_ops.put(self, call, puts, n_puts, outcomes, err);
}

static void
open_restless(void)
{
    static const larder_online_ops *own[] = {&restless, NULL};

    restless = ldr_online_memory_ops;
    restless.type = "restless";
    restless.put = restless_put;
    strikes = 0;
    shop_open(&s, "memory", "memory");
    support_write(s.folder, "feature_store.yaml",
        "project: shop\nregistry: {type: memory}\n"
        "offline_store: {type: memory}\nonline_store: {type: restless}\n");
    s.online_backends = own;
    shop_reopen(&s);
    apply_ok(weekly);
    ingest_ok(rows);
}

START_TEST(a_row_somebody_put_meanwhile_is_derived_again)
{
    larder_materialized m;

    open_restless();
    strikes = 2; /* both entities' first rows */
    m = materialize_ok();
    ck_assert_uint_eq(strikes, 0);
    ck_assert_uint_eq(m.written, 2);
    expect(1, "v:s7", "21 PRESENT 2024-05-31T12:00:00Z");
    ingest_ok("id,a,b,x,ts,cts\n1,100,late,,2024-05-29T00:00:00Z,\n");
    strikes = 5; /* five rounds */
    m = materialize_ok();
    ck_assert_uint_eq(strikes, 0);
    ck_assert_uint_eq(m.written, 1);
    expect(1, "v:s7", "121 PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_row_somebody_puts_again_and_again_is_given_up_by_name)
{
    open_restless();
    materialize_ok();
    ingest_ok("id,a,b,x,ts,cts\n1,100,late,,2024-05-29T00:00:00Z,\n");
    strikes = 1000;
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(s.err.message, "max_rounds"));
    strikes = 0;
    /* The ledger did not move: the next run brings it. */
    ck_assert_uint_eq(materialize_ok().written, 1);
    expect(1, "v:s7", "121 PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("windows online");
    TCase *each = tcase_create("each pair of stores");
    TCase *one = tcase_create("one pair of stores");
    const TTest *const tests[] = {
        each_aggregate_is_served_with_the_newest_rows_time,
        tied_rows_have_one_order_for_windows_and_plain_features,
        the_first_moment_of_all_is_one,
        an_on_demand_feature_is_explained_by_all_it_names,
        ttl_limits_plain_features_alone, a_default_stands_beside_what_says_why,
        a_clock_behind_the_row_sees_it_at_age_zero,
        values_leave_the_window_by_themselves_to_the_microsecond,
        a_late_event_reaches_the_window_with_the_next_run,
        an_event_too_old_for_any_window_changes_nothing,
        an_event_from_the_future_counts_when_its_time_comes,
        a_clock_turned_back_takes_no_event_away,
        a_range_chooses_entities_and_not_their_events,
        a_dry_run_counts_and_writes_nothing,
        an_entity_over_the_limit_says_so_and_the_others_go_on,
        an_entity_comes_back_below_the_limit_with_its_next_event,
        windows_both_definitions_have_are_served_until_the_new_build_is_whole,
        a_full_run_fills_a_new_build_with_the_same_values};
    const TTest *const alone[] = {
        the_same_rows_in_any_order_give_the_same_bytes_online,
        threads_change_no_byte, a_killed_run_is_made_good_by_the_next_one,
        a_row_somebody_put_meanwhile_is_derived_again,
        a_row_somebody_puts_again_and_again_is_given_up_by_name};

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(each, tests[i], 0, 2);
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        tcase_add_test(one, alone[i]);
    tcase_add_loop_test(
        one, each_feature_equals_the_join_at_the_same_moment, 0, 4);
    suite_add_tcase(suite, each);
    suite_add_tcase(suite, one);
    return support_run(suite);
}
