/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_freshness.c - fresh, stale or unknown: the judgement alone, the jobs it
 * looks at, and what materialize leaves in the ledger for it.
 *
 * A check that cannot fail is none: each way in which one once could not is a
 * test here.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "engine/freshness.h"
#include "tests/shop.h"
#include "tests/support.h"

#define HOUR (INT64_C(3600) * LDR_SECOND)
#define NOW "2024-06-01T00:00:00Z"

/* ------------------------------------------------------------ the judgement */

/* A view that is as fresh as it may be. */
static ldr_facts
good(void)
{
    larder_time now = shop_time(NOW);

    return (ldr_facts){.view = "v",
        .now = now,
        .online = true,
        .materialized = true,
        .newest_event = now - 2 * HOUR,
        .arrived = now - HOUR,
        .ran = now,
        .max_skew_us = LDR_SECOND,
        .max_us = 24 * HOUR};
}

static void
expect(const ldr_facts *facts, larder_freshness_status status, const char *part)
{
    larder_view_freshness out = {.status = LARDER_FRESH};

    ldr_freshness_judge(facts, &out);
    ck_assert_msg(out.status == status, "%s: %s",
        larder_freshness_name(out.status), out.reason);
    ck_assert_msg(strstr(out.reason, part) != NULL, "%s", out.reason);
    ck_assert_int_eq(out.reason[0] == '\0', part[0] == '\0');
}

START_TEST(ages_are_of_what_is_stored)
{
    ldr_facts facts = good();
    larder_view_freshness out = {0};

    expect(&facts, LARDER_FRESH, "");
    ldr_freshness_judge(&facts, &out);
    ck_assert_int_eq(out.event_age_us, 2 * HOUR);
    ck_assert_int_eq(out.arrival_age_us, HOUR);
    ck_assert_int_eq(out.run_age_us, 0);
    ck_assert_int_eq(out.max_us, 24 * HOUR);
}
END_TEST

START_TEST(the_limit_is_the_last_age_that_is_fresh)
{
    ldr_facts facts = good();

    facts.newest_event = facts.now - facts.max_us;
    expect(&facts, LARDER_FRESH, "");
    facts.newest_event--;
    expect(&facts, LARDER_STALE, "freshness: max allows 1d");
    facts.asked = true;
    expect(&facts, LARDER_STALE, "--max-staleness allows 1d");
    facts.warn_us = HOUR;
    facts.newest_event += HOUR;
    expect(&facts, LARDER_FRESH, "23h old; freshness: warn is 1h");
}
END_TEST

START_TEST(a_fact_that_is_absent_is_never_made_up)
{
    ldr_facts facts = good();
    larder_view_freshness out = {.event_age_us = 0};

    facts.newest_event = LARDER_TIME_MIN;
    facts.arrived = LARDER_TIME_MIN;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "no row of it");
    facts.ran = LARDER_TIME_MIN;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "does not tell its newest event");
    ldr_freshness_judge(&facts, &out);
    ck_assert_int_eq(out.event_age_us, -1);
    ck_assert_int_eq(out.arrival_age_us, -1);
    ck_assert_int_eq(out.run_age_us, -1);
}
END_TEST

START_TEST(what_cannot_be_judged_is_unknown_by_name)
{
    ldr_facts facts = good();

    facts.max_us = 0;
    facts.warn_us = HOUR;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "'freshness: {max: 24h}'");
    facts = good();
    facts.changed = true;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "definition has changed");
    facts.materialized = false;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "larder materialize -V v");
    facts.online = false;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "'online: false'");
}
END_TEST

START_TEST(a_moment_of_the_future_is_a_wrong_clock)
{
    ldr_facts facts = good();

    facts.ran = facts.now + facts.max_skew_us;
    expect(&facts, LARDER_FRESH, "");
    facts.ran++;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "one of two clocks is wrong");
    facts = good();
    facts.newest_event = facts.now + HOUR;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN,
        "newest event is of 2024-06-01T01:00:00Z, and now is "
        "2024-06-01T00:00:00Z");
}
END_TEST

START_TEST(a_run_that_is_overdue_is_stale)
{
    ldr_facts facts = good();

    facts.job = "six";
    facts.run_max_us = 6 * HOUR;
    facts.ran = facts.now - 6 * HOUR;
    expect(&facts, LARDER_FRESH, "");
    facts.ran--;
    expect(&facts, LARDER_STALE, "job 'six' promises one within 6h");
    facts.ran = LARDER_TIME_MIN;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "no run that left nothing out");
    facts.run_max_us = 0;
    expect(&facts, LARDER_FRESHNESS_UNKNOWN, "names no moment");
}
END_TEST

START_TEST(stale_by_one_fact_is_stale_whatever_the_other_is)
{
    ldr_facts facts = good();

    facts.job = "six";
    facts.run_max_us = 6 * HOUR;
    facts.ran = facts.now - 7 * HOUR;
    facts.max_us = 0; /* event age cannot be judged, and the run is late */
    expect(&facts, LARDER_STALE, "job 'six'");
    facts = good();
    facts.job = "never";
    facts.newest_event -= 30 * HOUR;
    expect(&facts, LARDER_STALE, "freshness: max");
}
END_TEST

/* ------------------------------------------------------------------ the jobs
 */

static const struct {
    ldr_job job;
    int64_t wait; /* 0: it brings view v nothing */
} one_job[] = {
    {{.run = "materialize", .every_us = 10 * HOUR}, 11 * HOUR},
    {{.run = "materialize --full", .every_us = 10 * HOUR}, 11 * HOUR},
    {{.run = "materialize", .every_us = 6 * HOUR, .timeout_us = HOUR},
        7 * HOUR},
    {{.run = "materialize",
         .every_us = 6 * HOUR,
         .timeout_us = HOUR,
         .jitter_us = HOUR},
        8 * HOUR},
    {{.run = "materialize -V v", .cron = "0 */5 * * *", .timeout_us = HOUR},
        6 * HOUR},
    {{.run = "materialize -V u,V", .every_us = 10 * HOUR}, 11 * HOUR},
    {{.run = "materialize -Vv", .every_us = 10 * HOUR}, 11 * HOUR},
    {{.run = "materialize --views=u,v", .every_us = 10 * HOUR}, 11 * HOUR},
    {{.run = "materialize -V u --views v", .every_us = 10 * HOUR}, 11 * HOUR},
    {{.run = "materialize-incremental 2024-01-01", .every_us = 10 * HOUR},
        11 * HOUR},
    {{.run = "materialize -V u,vv", .every_us = HOUR}, 0},
    {{.run = "materialize --dry-run", .every_us = HOUR}, 0},
    {{.run = "materialize 2024-01-01 2024-02-01", .every_us = HOUR}, 0},
    {{.run = "freshness", .every_us = HOUR}, 0},
    {{.run = "materialized", .every_us = HOUR}, 0},
};

START_TEST(a_job_promises_a_run_of_what_it_brings_up_to_date)
{
    ldr_definitions all = {.jobs = &one_job[_i].job, .n_jobs = 1};
    int64_t wait = -1;
    const ldr_job *job = ldr_freshness_job(&all, "v", &wait);

    ck_assert_msg(wait == one_job[_i].wait, "%s", one_job[_i].job.run);
    ck_assert_int_eq(job != NULL, one_job[_i].wait > 0);
}
END_TEST

START_TEST(the_most_frequent_job_is_the_promise)
{
    const ldr_job jobs[] = {{.run = "materialize", .cron = "0 0 30 2 *"},
        {.run = "materialize --full", .cron = "0 3 * * 1"},
        {.run = "materialize", .every_us = 10 * HOUR},
        {.run = "materialize", .every_us = 20 * HOUR}};
    ldr_definitions all = {.jobs = jobs, .n_jobs = 4};
    int64_t wait;

    ck_assert_ptr_eq(ldr_freshness_job(&all, "v", &wait), &jobs[2]);
    ck_assert_int_eq(wait, 11 * HOUR);
    all.n_jobs = 1; /* one that never runs is not the lack of one */
    ck_assert_ptr_eq(ldr_freshness_job(&all, "v", &wait), &jobs[0]);
    ck_assert_int_eq(wait, 0);
}
END_TEST

/* -------------------------------------------------------------- the journeys
 */

#define SOURCE                                                                 \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n    schema:\n"                         \
    "      - {name: id, type: int64}\n      - {name: a, type: float64}\n"      \
    "  - {name: hp, kind: push, batch_source: h}\n"                            \
    "feature_views:\n"
#define VIEW(more)                                                             \
    "  - {name: v, entities: [e], source: h, freshness: {max: 24h},\n"         \
    "     " more "features: [{name: a, type: float64}]}\n"
#define WINDOWED                                                               \
    "  - {name: w, entities: [e], source: h, freshness: {max: 24h},\n"         \
    "     features: [{name: s, type: float64, aggregate: sum, column: a,\n"    \
    "       window: 7d}]}\n"
#define OFFLINE                                                                \
    "  - {name: x, entities: [e], source: h, online: false,\n"                 \
    "     freshness: {max: 24h}, features: [{name: a, type: float64}]}\n"

static const char plain[] = SOURCE VIEW("");
static const char windowed[] = SOURCE WINDOWED;
static const char three[] = SOURCE VIEW("") WINDOWED OFFLINE;
static const char may_be_empty[] = SOURCE VIEW("allow_empty: true, ");

static const char rows[] = "id,a,ts,cts\n"
                           "1,1,2024-05-30T00:00:00Z,2024-05-30T01:00:00Z\n"
                           "1,2,2024-05-31T12:00:00Z,2024-05-31T13:00:00Z\n"
                           "2,3,2024-05-31T06:00:00Z,2024-05-31T18:00:00Z\n"
                           "2,5,2024-06-01T06:00:00Z,2024-05-31T19:00:00Z\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop s;

static void
open_shop(int pair, const char *features)
{
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s (%s)",
        s.err.message, s.err.hint);
    s.call.now = shop_time(NOW);
}

static void
ingest(const char *csv)
{
    larder_ingested counts;

    ck_assert_msg(
        shop_ingest(&s, "h", csv, &counts) == LARDER_OK, "%s", s.err.message);
}

static void
materialize(void)
{
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
}

/* "fresh event=12h arrival=6h run=0s" of one view, and a part of its reason. */
static void
told(const char *view, const char *words, const char *reason)
{
    larder_freshness_options options = {.views = &view, .n_views = 1};
    larder_freshness_report report = {0};
    const larder_view_freshness *v;
    char ages[3][40] = {"-", "-", "-"}, text[200];

    ck_assert_msg(larder_freshness(
                      s.store, &s.call, &options, &report, &s.err) == LARDER_OK,
        "%s", s.err.message);
    ck_assert_uint_eq(report.n_views, 1);
    v = &report.views[0];
    if (v->event_age_us >= 0)
        ldr_duration_print(v->event_age_us, ages[0]);
    if (v->arrival_age_us >= 0)
        ldr_duration_print(v->arrival_age_us, ages[1]);
    if (v->run_age_us >= 0)
        ldr_duration_print(v->run_age_us, ages[2]);
    snprintf(text, sizeof text, "%s event=%s arrival=%s run=%s",
        larder_freshness_name(v->status), ages[0], ages[1], ages[2]);
    ck_assert_str_eq(text, words);
    ck_assert_msg(strstr(v->reason, reason) != NULL, "%s", v->reason);
    larder_freshness_report_release(&report);
}

START_TEST(the_ledger_tells_the_ages)
{
    open_shop(_i, plain);
    ingest(rows);
    materialize();
    /* The row of the future is not online. */
    told("v", "fresh event=12h arrival=6h run=0s", "");
    if (_i == 1)
        shop_reopen(&s);
    s.call.now += 11 * HOUR;
    told("v", "fresh event=23h arrival=17h run=11h", "");
    materialize();
    told("v", "fresh event=5h arrival=16h run=0s", ""); /* its time has come */
    s.call.now += 30 * HOUR;
    told("v", "stale event=1d11h arrival=1d22h run=1d6h", "1d11h old");
    shop_close(&s);
}
END_TEST

START_TEST(so_it_does_of_windows)
{
    larder_materialize_options full = {.full = true};

    open_shop(_i, windowed);
    ingest(rows);
    materialize(); /* all derived */
    told("w", "fresh event=12h arrival=6h run=0s", "");
    ingest("id,a,ts,cts\n1,9,2024-05-31T15:00:00Z,2024-05-31T23:00:00Z\n");
    s.call.now += HOUR;
    materialize(); /* the keys that new rows touch */
    told("w", "fresh event=10h arrival=2h run=0s", "");
    ck_assert_int_eq(shop_materialize(&s, &full, NULL), LARDER_OK);
    told("w", "fresh event=10h arrival=2h run=0s", "");
    shop_close(&s);
}
END_TEST

/* Last-updated was once made up: "now" where nothing was known. */
START_TEST(what_was_never_materialized_is_unknown)
{
    open_shop(_i, three);
    told("v", "unknown event=- arrival=- run=-", "not materialized yet");
    told("w", "unknown event=- arrival=- run=-", "not materialized yet");
    told("x", "unknown event=- arrival=- run=-", "'online: false'");
    shop_close(&s);
}
END_TEST

/* A run that reads nothing does not make what is there any younger. */
START_TEST(runs_without_rows_do_not_make_it_fresh)
{
    larder_materialize_options dry = {.dry_run = true};

    open_shop(_i, plain);
    materialize(); /* a first run of nothing is a failed one */
    told("v", "unknown event=- arrival=- run=-", "not materialized yet");
    ingest(rows);
    ck_assert_int_eq(shop_materialize(&s, &dry, NULL), LARDER_OK);
    told("v", "unknown event=- arrival=- run=-", "not materialized yet");
    materialize();
    for (int day = 0; day < 3; day++) {
        s.call.now += SHOP_DAY;
        materialize();
    }
    told("v", "stale event=2d18h arrival=3d5h run=0s", "freshness: max");
    shop_close(&s);
}
END_TEST

START_TEST(a_view_without_any_row_is_unknown)
{
    open_shop(_i, may_be_empty);
    materialize();
    told("v", "unknown event=- arrival=- run=0s", "no row of it");
    shop_close(&s);
}
END_TEST

/* Times without a zone once ended in an exception that meant fresh. */
START_TEST(a_clock_that_went_back_is_unknown)
{
    open_shop(_i, plain);
    ingest(rows);
    materialize();
    s.call.now -= HOUR;
    told("v", "unknown event=11h arrival=5h run=-", "clocks is wrong");
    shop_close(&s);
}
END_TEST

/* Without views to look at the answer once was: nothing is stale. */
START_TEST(no_view_at_all_is_no_success)
{
    larder_freshness_options options = {0};
    larder_freshness_report report = {0};

    open_shop(_i, SOURCE OFFLINE);
    ck_assert_int_eq(
        larder_freshness(s.store, &s.call, &options, &report, &s.err),
        LARDER_NOT_FOUND);
    ck_assert_uint_eq(report.n_views + report.n_fresh, 0);
    shop_close(&s);
}
END_TEST

/* Views that could not be looked at once were not counted. */
START_TEST(each_view_is_counted_as_one_of_three)
{
    larder_freshness_options options = {.max_staleness_us = 24 * HOUR};
    larder_freshness_report report = {0};
    const char *only = "v", *unknown = "y";
    larder_materialize_options narrow = {.views = &only, .n_views = 1};

    open_shop(_i, three);
    ingest(rows);
    ck_assert_int_eq(shop_materialize(&s, &narrow, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_freshness(s.store, &s.call, &options, &report, &s.err),
        LARDER_OK);
    ck_assert_uint_eq(report.n_views, 2);
    ck_assert_uint_eq(report.n_fresh, 1);
    ck_assert_uint_eq(report.n_stale, 0);
    ck_assert_uint_eq(report.n_unknown, 1);
    ck_assert_ptr_null(report.fallback);
    larder_freshness_report_release(&report);
    options = (larder_freshness_options){.views = &unknown, .n_views = 1};
    ck_assert_int_eq(
        larder_freshness(s.store, &s.call, &options, &report, &s.err),
        LARDER_NOT_FOUND);
    shop_close(&s);
}
END_TEST

START_TEST(a_changed_definition_is_unknown_until_it_is_materialized)
{
    open_shop(_i, plain);
    ingest(rows);
    materialize();
    ck_assert_int_eq(
        shop_apply(&s, SOURCE "  - {name: v, entities: [e], source: h,\n"
                              "     freshness: {max: 24h}, features: [\n"
                              "     {name: a, type: float64}, {name: b, type: "
                              "float64, from: a}]}\n"),
        LARDER_OK);
    told("v", "unknown event=12h arrival=6h run=0s", "definition has changed");
    materialize();
    told("v", "fresh event=12h arrival=6h run=0s", "");
    shop_close(&s);
}
END_TEST

START_TEST(a_range_moves_no_run)
{
    larder_materialize_options range = {.range = true,
        .from = shop_time("2024-05-30T00:00:00Z"),
        .to = shop_time("2024-05-31T07:00:00Z")};

    open_shop(_i, plain);
    ingest(rows);
    ck_assert_int_eq(shop_materialize(&s, &range, NULL), LARDER_OK);
    told("v", "fresh event=18h arrival=6h run=-", "");
    s.call.now += HOUR;
    materialize();
    told("v", "fresh event=13h arrival=7h run=0s", "");
    s.call.now += HOUR;
    ck_assert_int_eq(shop_materialize(&s, &range, NULL), LARDER_OK);
    told("v", "fresh event=14h arrival=8h run=1h", "");
    shop_close(&s);
}
END_TEST

/* Without a created time nobody knows when what is there came. */
START_TEST(arrival_is_of_the_run_that_found_a_row)
{
    open_shop(_i, "entities:\n  - {name: e, join_key: id, type: int64}\n"
                  "sources:\n  - {name: h, timestamp_field: ts, schema: [\n"
                  "     {name: id, type: int64}, {name: a, type: float64}]}\n"
                  "feature_views:\n" VIEW(""));
    ingest("id,a,ts\n1,1,2024-05-31T12:00:00Z\n");
    materialize();
    told("v", "fresh event=12h arrival=- run=0s", "");
    ingest("id,a,ts\n1,2,2024-05-31T13:00:00Z\n");
    s.call.now += HOUR;
    materialize();
    told("v", "fresh event=12h arrival=0s run=0s", "");
    s.call.now += HOUR;
    materialize();
    told("v", "fresh event=13h arrival=1h run=0s", "");
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("freshness");
    TCase *alone = tcase_create("judgement"), *whole = tcase_create("journeys");
    const int n = 2;

    tcase_add_test(alone, ages_are_of_what_is_stored);
    tcase_add_test(alone, the_limit_is_the_last_age_that_is_fresh);
    tcase_add_test(alone, a_fact_that_is_absent_is_never_made_up);
    tcase_add_test(alone, what_cannot_be_judged_is_unknown_by_name);
    tcase_add_test(alone, a_moment_of_the_future_is_a_wrong_clock);
    tcase_add_test(alone, a_run_that_is_overdue_is_stale);
    tcase_add_test(alone, stale_by_one_fact_is_stale_whatever_the_other_is);
    tcase_add_loop_test(alone,
        a_job_promises_a_run_of_what_it_brings_up_to_date, 0,
        sizeof one_job / sizeof *one_job);
    tcase_add_test(alone, the_most_frequent_job_is_the_promise);
    tcase_add_loop_test(whole, the_ledger_tells_the_ages, 0, n);
    tcase_add_loop_test(whole, so_it_does_of_windows, 0, n);
    tcase_add_loop_test(whole, what_was_never_materialized_is_unknown, 0, n);
    tcase_add_loop_test(whole, runs_without_rows_do_not_make_it_fresh, 0, n);
    tcase_add_loop_test(whole, a_view_without_any_row_is_unknown, 0, n);
    tcase_add_loop_test(whole, a_clock_that_went_back_is_unknown, 0, n);
    tcase_add_loop_test(whole, no_view_at_all_is_no_success, 0, n);
    tcase_add_loop_test(whole, each_view_is_counted_as_one_of_three, 0, n);
    tcase_add_loop_test(
        whole, a_changed_definition_is_unknown_until_it_is_materialized, 0, n);
    tcase_add_loop_test(whole, a_range_moves_no_run, 0, n);
    tcase_add_loop_test(whole, arrival_is_of_the_run_that_found_a_row, 0, n);
    suite_add_tcase(suite, alone);
    suite_add_tcase(suite, whole);
    return support_run(suite);
}
