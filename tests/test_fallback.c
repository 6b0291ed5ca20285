/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fallback.c - two online stores as one: who answers when, what a failing
 * one costs, and how both are kept up to date.
 *
 * Both are memory stores behind doors (doors.h); the clock is theirs.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "larder_backend.h"
#include "tests/allocations.h"
#include "tests/doors.h"
#include "tests/shop.h"
#include "tests/support.h"

#define MS INT64_C(1000)
#define HOUR INT64_C(3600000000)

/* ----------------------------------------------------------------- the shop */

static const char features[] =
    "entities:\n"
    "  - {name: customer, join_key: id, type: int64}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts,\n"
    "     schema: [{name: id, type: int64}, {name: a, type: int64}]}\n"
    "  - {name: handed, kind: push, batch_source: h}\n"
    "feature_views:\n"
    "  - {name: v, entities: [customer], source: h,\n"
    "     features: [{name: a, type: int64}]}\n"
    "  - {name: w, entities: [customer], source: h,\n"
    "     features: [{name: b, type: int64, from: a}]}\n";

static shop s;
static larder_reader *reader;
static larder_answer answer;
static char told[1024]; /* the last diagnostic */

static void
note(void *context, const larder_diagnostic *diagnostic)
{
    (void)context;
    snprintf(told, sizeof told, "%s: %s",
        diagnostic->warning ? "warning" : "error", diagnostic->message);
}

static void
configure(const char *more)
{
    char yaml[512];

    snprintf(yaml, sizeof yaml,
        "project: shop\n"
        "registry: {type: memory}\n"
        "offline_store: {type: memory}\n"
        "online_store: {type: first, fallback: {type: other}%s}\n",
        more);
    support_write(s.folder, "feature_store.yaml", yaml);
    shop_reopen(&s);
}

static void
set_up(void)
{
    told[0] = '\0';
    shop_open(&s, "memory", "memory");
    s.call.monotonic = doors_tick;
    s.call.diagnostic = note;
    s.online_backends = doors_backends();
    configure("");
}

static void
tear_down(void)
{
    larder_answer_release(&answer);
    larder_reader_close(reader);
    reader = NULL;
    shop_close(&s);
}

static void
shut(int which, larder_status status)
{
    atomic_store(&doors[which].refuses, (int)status);
}

static void
let_in(int which)
{
    shut(which, LARDER_OK);
}

static unsigned
gets(int which)
{
    return atomic_load(&doors[which].gets);
}

static void
add_row(int id, int64_t a, const char *ts)
{
    char csv[128];

    snprintf(csv, sizeof csv, "id,a,ts\n%d,%lld,%s\n", id, (long long)a, ts);
    ck_assert_msg(
        shop_ingest(&s, "h", csv, NULL) == LARDER_OK, "%s", s.err.message);
}

static void
materialize(void)
{
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
}

static void
fill(void)
{
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s", s.err.message);
    add_row(1, 10, "2024-05-31T00:00:00Z");
    add_row(2, 20, "2024-05-31T00:00:00Z");
    materialize();
}

static larder_status
try_reader(void)
{
    static const char *const refs[] = {"v:a", "w:b"};
    const larder_features wanted = {.refs = refs, .n_refs = 2};

    return larder_reader_open(s.store, &s.call, &wanted, &reader, &s.err);
}

static void
open_reader(void)
{
    ck_assert_msg(try_reader() == LARDER_OK, "%s", s.err.message);
}

static larder_status
read_one(int64_t id)
{
    larder_batch keys = {0};
    larder_value key = {.type = LARDER_INT64, .as.integer = id};
    larder_status rc;

    ck_assert_int_eq(
        larder_batch_init(&keys, larder_reader_keys(reader), NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append(&keys.columns[0], &key, NULL), LARDER_OK);
    keys.n_rows = 1;
    rc = larder_reader_get(reader, &s.call, &keys, &answer, &s.err);
    larder_batch_release(&keys);
    return rc;
}

/* Both views' value of a key; -1: not found. */
static int64_t
value_of(size_t feature)
{
    larder_value value =
        larder_column_value(&answer.values.columns[feature], 0);

    return value.null ? -1 : value.as.integer;
}

static void
answers(int64_t id, int64_t value, const char *store)
{
    ck_assert_msg(read_one(id) == LARDER_OK, "%s", s.err.message);
    ck_assert_int_eq(value_of(0), value);
    ck_assert_int_eq(value_of(1), value);
    ck_assert_str_eq(answer.store, store);
    ck_assert_int_eq(answer.fallback, strcmp(store, "other") == 0);
    ck_assert_int_eq(answer.reason != NULL, answer.fallback);
}

static void
fails(int64_t id, larder_status status, const char *words)
{
    s.err = (larder_error){0};
    ck_assert_int_eq(read_one(id), status);
    ck_assert_msg(strstr(s.err.message, words) != NULL, "%s", s.err.message);
}

/* ------------------------------------------------------------------ reading */

START_TEST(a_healthy_primary_answers_alone)
{
    unsigned before;

    fill();
    before = gets(1);
    open_reader();
    answers(1, 10, "first");
    answers(3, -1, "first");
    ck_assert_uint_eq(gets(1), before);
    ck_assert_int_eq(answer.until, s.call.now);
}
END_TEST

/* Each way in which a store fails, and a request does not. */
START_TEST(the_fallback_answers_where_the_primary_fails)
{
    static const larder_status failures[] = {LARDER_UNAVAILABLE, LARDER_IO,
        LARDER_BUSY, LARDER_CORRUPT,
        LARDER_DEADLINE /* the store's own: the call has none */};

    fill();
    open_reader();
    shut(0, failures[_i]);
    answers(1, 10, "other");
    ck_assert_ptr_nonnull(strstr(answer.reason, "online store 'first'"));
    ck_assert_ptr_nonnull(strstr(answer.reason, "the door is shut"));
    answers(3, -1, "other");
    let_in(0);
    answers(1, 10, "first");
}
END_TEST

START_TEST(a_process_that_begins_without_the_primary_is_served)
{
    fill();
    shut(0, LARDER_UNAVAILABLE);
    open_reader();
    answers(2, 20, "other");
    let_in(0);
    answers(2, 20, "first");
}
END_TEST

START_TEST(both_down_is_an_error_that_names_both)
{
    larder_answer empty = {0};

    fill();
    open_reader();
    shut(0, LARDER_UNAVAILABLE);
    shut(1, LARDER_IO);
    fails(1, LARDER_UNAVAILABLE,
        "no online store answers: online store 'first': the door is shut; the "
        "fallback: online store 'other': the door is shut");
    ck_assert_mem_eq(&answer, &empty, sizeof empty); /* no empty values */
    let_in(1);
    answers(1, 10, "other");
}
END_TEST

START_TEST(a_request_that_is_wrong_is_not_asked_twice)
{
    larder_batch keys = {0};
    unsigned before;

    fill();
    before = gets(1);
    open_reader();
    ck_assert_int_eq(
        larder_batch_init(&keys, larder_reader_keys(reader), NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append_null(&keys.columns[0], NULL), LARDER_OK);
    keys.n_rows = 1;
    ck_assert_int_eq(larder_reader_get(reader, &s.call, &keys, &answer, &s.err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "has no 'id'"));
    ck_assert_uint_eq(gets(1), before);
    larder_batch_release(&keys);
}
END_TEST

START_TEST(a_line_cut_in_the_middle_mixes_nothing)
{
    fill();
    shut(0, LARDER_UNAVAILABLE); /* the fallback is one row ahead */
    add_row(1, 11, "2024-05-31T01:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_UNAVAILABLE);
    let_in(0);
    open_reader();
    answers(1, 10, "first");
    doors[0].breaks_off = 1; /* v comes, w does not */
    answers(1, 11, "other");
    doors[0].breaks_off = 0;
    answers(1, 10, "first");
}
END_TEST

START_TEST(a_damaged_row_is_a_failed_store_for_that_request_alone)
{
    fill();
    open_reader();
    doors[0].corrupts = true;
    for (int i = 0; i < 20; i++) {
        unsigned before = gets(0);

        answers(1, 10, "other");
        ck_assert_uint_gt(gets(0), before); /* the circuit stays closed */
    }
    ck_assert_ptr_nonnull(strstr(answer.reason, "feature view '"));
    doors[0].corrupts = false;
    answers(1, 10, "first");
}
END_TEST

START_TEST(a_view_that_is_not_materialized_is_no_failure_of_a_store)
{
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    add_row(1, 10, "2024-05-31T00:00:00Z");
    shut(0, LARDER_UNAVAILABLE); /* only the fallback is filled */
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_UNAVAILABLE);
    let_in(0);
    ck_assert_int_eq(try_reader(), LARDER_NOT_FOUND);
    ck_assert_str_eq(s.err.message, "feature view 'v' is not materialized yet");
}
END_TEST

START_TEST(a_fallback_without_a_position_for_the_view_is_not_believed)
{
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    add_row(1, 10, "2024-05-31T00:00:00Z");
    shut(1, LARDER_UNAVAILABLE); /* only the primary is filled */
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_UNAVAILABLE);
    let_in(1);
    open_reader();
    answers(1, 10, "first");
    shut(0, LARDER_UNAVAILABLE);
    fails(1, LARDER_UNAVAILABLE,
        "the fallback: feature view 'v' is not materialized yet");
}
END_TEST

START_TEST(an_older_fallback_says_how_old_it_is)
{
    larder_time filled;

    fill();
    filled = s.call.now;
    s.call.now += HOUR;
    add_row(1, 11, "2024-05-31T01:00:00Z");
    shut(1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_UNAVAILABLE);
    let_in(1);
    open_reader();
    answers(1, 11, "first");
    ck_assert_int_eq(answer.until, s.call.now);
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 10, "other");
    ck_assert_int_eq(answer.until, filled);
}
END_TEST

START_TEST(a_fallback_past_max_fallback_age_is_refused)
{
    configure(", max_fallback_age: 1h");
    fill();
    open_reader();
    shut(0, LARDER_UNAVAILABLE);
    s.call.now += HOUR;
    answers(1, 10, "other"); /* exactly that old is not too old */
    s.call.now++;
    fails(1, LARDER_UNAVAILABLE,
        "materialized up to 2024-06-01T00:00:00Z, longer ago than the 1h of "
        "max_fallback_age");
    let_in(0); /* the primary may be as old as it likes */
    doors_later(HOUR);
    answers(1, 10, "first");
    shut(0, LARDER_UNAVAILABLE); /* brought up to date, it answers again */
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_UNAVAILABLE);
    doors_later(2000 * MS);
    answers(1, 10, "other");
}
END_TEST

START_TEST(a_fallback_reads_the_build_it_has)
{
    fill();
    shut(0, LARDER_UNAVAILABLE); /* only the fallback moves to a new build */
    ck_assert_int_eq(
        shop_materialize(&s, &(larder_materialize_options){.full = true}, NULL),
        LARDER_UNAVAILABLE);
    let_in(0);
    open_reader();
    answers(1, 10, "first");
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 10, "other");
    answers(2, 20, "other");
}
END_TEST

START_TEST(a_primary_that_comes_back_is_looked_at_anew)
{
    fill();
    open_reader();
    answers(1, 10, "first");
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 10, "other");
    let_in(0);
    add_row(1, 11, "2024-05-31T01:00:00Z"); /* goes into another build */
    ck_assert_int_eq(
        shop_materialize(&s, &(larder_materialize_options){.full = true}, NULL),
        LARDER_OK);
    answers(1, 11, "first"); /* not a second later */
}
END_TEST

/* --------------------------------------------------------- time and circuit */

START_TEST(a_primary_that_hangs_costs_its_read_timeout)
{
    fill();
    open_reader();
    doors[0].hangs = true;
    answers(1, 10, "other");
    ck_assert_int_eq(doors[0].waited, 20 * MS);
    ck_assert_ptr_nonnull(
        strstr(answer.reason, "online store 'first': no answer within 20ms"));
}
END_TEST

START_TEST(to_get_ready_the_primary_has_a_second)
{
    fill();
    doors[0].hangs = true;
    open_reader();
    ck_assert_int_eq(doors[0].waited, 1000 * MS);
    answers(1, 10, "other");
    ck_assert_int_eq(doors[0].waited, 20 * MS);
}
END_TEST

START_TEST(read_timeout_is_configured)
{
    configure(", read_timeout: 7ms");
    fill();
    open_reader();
    doors[0].hangs = true;
    answers(1, 10, "other");
    ck_assert_int_eq(doors[0].waited, 7 * MS);
}
END_TEST

START_TEST(a_hanging_primary_leaves_the_fallback_half_of_the_calls_time)
{
    static const int64_t left[][2] = {{10, 5}, {30, 15}, {40, 20}, {99, 20}};

    fill();
    open_reader();
    doors[0].hangs = true;
    s.call.deadline = doors_tick() + left[_i][0] * MS;
    answers(1, 10, "other");
    ck_assert_int_eq(doors[0].waited, left[_i][1] * MS);
    ck_assert_int_lt(doors_tick(), s.call.deadline);
}
END_TEST

START_TEST(the_calls_own_deadline_is_never_exceeded)
{
    fill();
    open_reader();
    doors[0].hangs = doors[1].hangs = true;
    s.call.deadline = doors_tick() + 100 * MS;
    fails(1, LARDER_DEADLINE, "no online store answers: online store 'first'");
    ck_assert_ptr_nonnull(strstr(s.err.message, "the fallback: "));
    ck_assert_int_eq(doors_tick(), s.call.deadline);
    doors[0].hangs = doors[1].hangs = false;
    fails(1, LARDER_DEADLINE, "the deadline of the call has passed");
    s.call.deadline = 0;
    answers(1, 10, "first"); /* and nobody was blamed for it */
}
END_TEST

START_TEST(the_circuit_opens_after_five_failures_and_is_probed)
{
    unsigned before;

    fill();
    open_reader();
    shut(0, LARDER_UNAVAILABLE);
    for (int i = 0; i < 5; i++) {
        before = gets(0);
        answers(1, 10, "other");
        ck_assert_uint_eq(gets(0), before + 1);
    }
    before = gets(0);
    for (int i = 0; i < 100; i++) {
        doors_later(2 * MS);
        answers(1, 10, "other");
    }
    ck_assert_uint_eq(gets(0), before); /* left alone for 250 ms */
    ck_assert_ptr_nonnull(strstr(answer.reason,
        "online store 'first' failed 5 times in a row, and is tried again "
        "each 250 ms"));
    doors_later(50 * MS);
    answers(1, 10, "other");
    ck_assert_uint_eq(gets(0), before + 1); /* a probe, and no other */
    let_in(0);
    doors_later(249 * MS);
    answers(1, 10, "other");
    doors_later(1 * MS);
    answers(1, 10, "first");
    answers(1, 10, "first");
}
END_TEST

START_TEST(a_success_in_between_begins_the_count_anew)
{
    fill();
    open_reader();
    for (int i = 0; i < 30; i++) {
        shut(0, i % 5 == 4 ? LARDER_OK : LARDER_UNAVAILABLE);
        answers(1, 10, i % 5 == 4 ? "first" : "other");
    }
}
END_TEST

START_TEST(a_probe_that_hangs_costs_its_time_once_in_250_ms)
{
    int64_t cost = 0;

    fill();
    open_reader();
    doors[0].hangs = true;
    for (int i = 0; i < 1000; i++) {
        int64_t before = doors_tick();

        answers(1, 10, "other");
        cost += doors_tick() - before;
        doors_later(1 * MS);
    }
    /* five to open, then one each 250 ms and its own 20 of about a second */
    ck_assert_int_le(cost, (5 + 4) * 20 * MS);
}
END_TEST

START_TEST(without_a_clock_the_primary_is_always_asked)
{
    unsigned before;

    fill();
    s.call.monotonic = NULL;
    open_reader();
    shut(0, LARDER_UNAVAILABLE);
    before = gets(0);
    for (int i = 0; i < 20; i++)
        answers(1, 10, "other");
    ck_assert_uint_ge(gets(0), before + 20);
    let_in(0);
    answers(1, 10, "first");
}
END_TEST

START_TEST(the_circuit_is_one_for_all_readers_of_a_store)
{
    larder_reader *one;
    unsigned before;

    fill();
    open_reader();
    one = reader;
    shut(0, LARDER_UNAVAILABLE);
    for (int i = 0; i < 5; i++)
        answers(1, 10, "other");
    before = gets(0);
    open_reader();
    answers(2, 20, "other");
    ck_assert_uint_eq(gets(0), before);
    larder_reader_close(one);
}
END_TEST

START_TEST(an_answer_used_again_needs_no_memory_whoever_answers)
{
    larder_batch keys = {0};
    larder_value key = {.type = LARDER_INT64, .as.integer = 1};
    size_t made = 0;

    fill();
    open_reader();
    ck_assert_int_eq(
        larder_batch_init(&keys, larder_reader_keys(reader), NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append(&keys.columns[0], &key, NULL), LARDER_OK);
    keys.n_rows = 1;
    answers(1, 10, "first");
    shut(0, LARDER_UNAVAILABLE);
    for (int i = 0; i < 6; i++)
        answers(1, 10, "other"); /* both are ready, and the circuit is open */
    for (int i = 0; i < 20; i++) {
        size_t before = allocations_made();
        larder_status rc =
            larder_reader_get(reader, &s.call, &keys, &answer, NULL);

        made += allocations_made() - before;
        ck_assert_int_eq(rc, LARDER_OK);
    }
    let_in(0);
    doors_later(250 * MS);
    answers(1, 10, "first");
    for (int i = 0; i < 20; i++) {
        size_t before = allocations_made();
        larder_status rc =
            larder_reader_get(reader, &s.call, &keys, &answer, NULL);

        made += allocations_made() - before;
        ck_assert_int_eq(rc, LARDER_OK);
    }
    ck_assert_uint_eq(made, 0);
    larder_batch_release(&keys);
}
END_TEST

/* Open, read from the primary, then from the fallback. */
static larder_status
read_both(const larder_features *wanted, int64_t *sum)
{
    larder_reader *own = NULL;
    larder_batch keys = {0};
    larder_answer given = {0};
    larder_status rc;

    *sum = 0;
    LARDER_TRY(larder_reader_open(s.store, &s.call, wanted, &own, &s.err));
    LARDER_TRY(larder_batch_init(&keys, larder_reader_keys(own), &s.err));
    LARDER_TRY(larder_column_append_integer(&keys.columns[0], 2, &s.err));
    keys.n_rows = 1;
    for (int side = 0; side < 2; side++) {
        shut(0, side == 0 ? LARDER_OK : LARDER_UNAVAILABLE);
        LARDER_TRY(larder_reader_get(own, &s.call, &keys, &given, &s.err));
        *sum += larder_column_value(&given.values.columns[1], 0).as.integer;
    }
out:
    larder_answer_release(&given);
    larder_batch_release(&keys);
    larder_reader_close(own);
    let_in(0);
    return rc;
}

START_TEST(whatever_memory_is_refused_nothing_is_half_an_answer)
{
    static const char *const refs[] = {"v:a", "w:b"};
    const larder_features wanted = {.refs = refs, .n_refs = 2};
    larder_status rc = LARDER_NOMEM;
    size_t n = 0;

    fill();
    for (bool refused = true; refused; n++) {
        int64_t sum;

        doors_later(HOUR); /* no circuit */
        allocations_refuse(n + 1, false);
        rc = read_both(&wanted, &sum);
        refused = allocations_grant();
        if (rc != (refused ? LARDER_NOMEM : LARDER_OK) ||
            (rc == LARDER_OK && sum != 40))
            ck_abort_msg("allocation %zu: %s %s", n, larder_status_name(rc),
                s.err.message);
    }
    ck_assert_uint_gt(n, 30);
}
END_TEST

/* ------------------------------------------------------------------ writing */

static const larder_materialized *
reported(const larder_run_report *report, const char *view, bool fallback)
{
    for (size_t i = 0; i < report->n_views; i++)
        if (strcmp(report->views[i].view, view) == 0 &&
            report->views[i].fallback == fallback)
            return &report->views[i];
    ck_abort_msg("'%s' is not in the report", view);
}

START_TEST(materialize_keeps_both_up_to_date)
{
    larder_run_report report = {0};

    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    add_row(1, 10, "2024-05-31T00:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.n_views, 4);
    ck_assert_str_eq(report.fallback.store, "other");
    ck_assert_int_eq(report.fallback.failure.status, LARDER_OK);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(
            reported(&report, i % 2 == 0 ? "v" : "w", i > 1)->written, 1);
    larder_run_report_release(&report);
}
END_TEST

START_TEST(a_failing_fallback_is_told_and_caught_up_by_its_own_mark)
{
    larder_run_report report = {0};

    fill();
    shut(1, LARDER_UNAVAILABLE);
    add_row(1, 11, "2024-05-31T01:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(s.err.message, "the fallback: "));
    ck_assert_ptr_nonnull(strstr(s.err.message, "online store 'other'"));
    ck_assert_int_eq(report.fallback.failure.status, LARDER_UNAVAILABLE);
    ck_assert_uint_eq(reported(&report, "v", false)->written, 1);
    larder_run_report_release(&report);
    open_reader();
    answers(1, 11, "first"); /* the primary's work stands */

    let_in(1);
    add_row(2, 21, "2024-05-31T01:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(reported(&report, "v", false)->read, 1);
    ck_assert_uint_eq(reported(&report, "v", true)->read, 2);
    larder_run_report_release(&report);
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 11, "other");
    answers(2, 21, "other");
}
END_TEST

START_TEST(a_failing_primary_does_not_keep_the_fallback_behind)
{
    const larder_status failure =
        _i == 0 ? LARDER_UNAVAILABLE : LARDER_DEADLINE;
    larder_run_report report = {0};

    fill();
    shut(0, failure);
    add_row(1, 11, "2024-05-31T01:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), failure);
    ck_assert_ptr_nonnull(strstr(s.err.message, "online store 'first'"));
    ck_assert_int_eq(report.fallback.failure.status, LARDER_OK);
    ck_assert_uint_eq(reported(&report, "v", true)->written, 1);
    larder_run_report_release(&report);
    open_reader();
    answers(1, 11, "other");
    let_in(0);
    answers(1, 10, "first"); /* what it has, and as what it has */
    materialize();
    doors_later(2000 * MS);
    answers(1, 11, "first");
}
END_TEST

static larder_status
push(larder_push_to to, const char *csv, larder_pushed *report)
{
    larder_source_shape shape;
    larder_text_options options = {.name = "rows", .format = LARDER_CSV};
    larder_stream rows = {0};
    FILE *file = tmpfile();
    larder_status rc;

    ck_assert_ptr_nonnull(file);
    fputs(csv, file);
    rewind(file);
    ck_assert_int_eq(
        larder_source_columns(s.store, &s.call, "handed", &shape, &s.err),
        LARDER_OK);
    options.schema = shape.schema;
    options.naive_offset_minutes = shape.naive_offset_minutes;
    ck_assert_int_eq(
        larder_text_read(file, &options, &s.call, &rows, &s.err), LARDER_OK);
    rc = larder_push(s.store, &s.call, "handed", to, &rows, report, &s.err);
    larder_stream_close(&rows);
    fclose(file);
    return rc;
}

START_TEST(push_goes_to_both)
{
    larder_pushed report = {0};
    const larder_push_to to = _i == 0 ? LARDER_PUSH_BOTH : LARDER_PUSH_ONLINE;

    fill();
    ck_assert_msg(
        push(to, "id,a,ts\n1,12,2024-05-31T02:00:00Z\n", &report) == LARDER_OK,
        "%s", s.err.message);
    ck_assert_str_eq(report.fallback.store, "other");
    ck_assert_int_eq(report.fallback.failure.status, LARDER_OK);
    ck_assert_uint_eq(report.n_views, 2);
    larder_pushed_release(&report);
    open_reader();
    answers(1, 12, "first");
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 12, "other");
}
END_TEST

START_TEST(of_a_push_to_both_a_failing_fallback_is_told)
{
    larder_pushed report = {0};

    fill();
    shut(1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(
        push(LARDER_PUSH_BOTH, "id,a,ts\n1,12,2024-05-31T02:00:00Z\n", &report),
        LARDER_OK);
    ck_assert_int_eq(report.fallback.failure.status, LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(
        strstr(report.fallback.failure.message, "the fallback: "));
    larder_pushed_release(&report);
    let_in(1);
    materialize(); /* history has the rows */
    open_reader();
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 12, "other");
}
END_TEST

START_TEST(a_push_to_online_alone_fails_where_the_fallback_does)
{
    larder_pushed report = {0};
    const char *csv = "id,a,ts\n1,12,2024-05-31T02:00:00Z\n";

    fill();
    shut(1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(
        push(LARDER_PUSH_ONLINE, csv, &report), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(s.err.message, "the fallback: "));
    larder_pushed_release(&report);
    let_in(1);
    ck_assert_int_eq(push(LARDER_PUSH_ONLINE, csv, &report), LARDER_OK);
    larder_pushed_release(&report);
    open_reader();
    shut(0, LARDER_UNAVAILABLE);
    answers(1, 12, "other");
}
END_TEST

START_TEST(apply_does_not_wait_for_a_fallback_that_is_away)
{
    shut(1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    ck_assert_str_eq(
        told, "warning: the fallback: online store 'other': the door is shut");
    shut(1, LARDER_INVALID);
    ck_assert_int_eq(shop_apply(&s, features), LARDER_INVALID);
}
END_TEST

START_TEST(teardown_takes_both_or_says_which_it_cannot)
{
    fill();
    shut(1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(
        larder_teardown(s.store, &s.call, &s.err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(s.err.message, "online store 'other'"));
    let_in(1);
    ck_assert_msg(larder_teardown(s.store, &s.call, &s.err) == LARDER_OK, "%s",
        s.err.message);
}
END_TEST

START_TEST(both_are_proved)
{
    larder_proved report = {0};
    const larder_prove_options options = {0};
    larder_pushed pushed = {0};

    fill();
    /* A row that no history has, in the fallback alone. */
    shut(0, LARDER_UNAVAILABLE);
    ck_assert_int_eq(push(LARDER_PUSH_ONLINE,
                         "id,a,ts\n1,12,2024-05-31T02:00:00Z\n", &pushed),
        LARDER_UNAVAILABLE);
    larder_pushed_release(&pushed);
    let_in(0);
    ck_assert_msg(
        larder_prove(s.store, &s.call, &options, &report, &s.err) == LARDER_OK,
        "%s", s.err.message);
    ck_assert_str_eq(report.fallback, "other");
    ck_assert_uint_eq(report.n_views, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(report.views[i].fallback, i > 1);
        ck_assert_uint_eq(report.views[i].different, i > 1 ? 1 : 0);
    }
    ck_assert(report.difference.fallback);
    ck_assert_str_eq(report.difference.view, "v");
    larder_proved_release(&report);
}
END_TEST

START_TEST(without_a_fallback_nothing_is_said_of_one)
{
    larder_run_report report = {0};

    support_write(s.folder, "feature_store.yaml",
        "project: shop\nregistry: {type: memory}\n"
        "offline_store: {type: memory}\nonline_store: {type: first}\n");
    shop_reopen(&s);
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    add_row(1, 10, "2024-05-31T00:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.n_views, 2);
    ck_assert_ptr_null(report.fallback.store);
    larder_run_report_release(&report);
    open_reader();
    ck_assert_int_eq(read_one(1), LARDER_OK);
    ck_assert_ptr_null(answer.store);
    shut(0, LARDER_UNAVAILABLE);
    fails(1, LARDER_UNAVAILABLE, "online store 'first': the door is shut");
}
END_TEST

/* ----------------------------------------------------------------- at random
 */

#define KEYS 5

/* What each store has, by the runs that came to an end there. */
typedef struct model {
    int64_t history[KEYS];
    int64_t held[2][KEYS]; /* -1: no row */
    bool filled[2];
    uint64_t random;
    int64_t next;
} model;

static void
shut_at_random(model *m, int which)
{
    door *d = &doors[which];
    size_t how = support_below(&m->random, 10);

    let_in(which);
    d->hangs = how == 6;
    d->corrupts = how == 7;
    d->breaks_off = how == 8 ? 1 : 0;
    if (how == 9)
        shut(which, LARDER_UNAVAILABLE);
}

static bool
is_well(int which)
{
    const door *d = &doors[which];

    return atomic_load(&d->refuses) == LARDER_OK && !d->hangs && !d->corrupts &&
           d->breaks_off == 0;
}

static void
mend(int which)
{
    let_in(which);
    doors[which].hangs = doors[which].corrupts = false;
    doors[which].breaks_off = 0;
}

/* Rows at random, then a run with either store away or none. */
static void
write_at_random(model *m)
{
    size_t away = support_below(&m->random, 4);

    for (size_t i = support_below(&m->random, 3); i > 0; i--) {
        int key = (int)support_below(&m->random, KEYS);
        char ts[33];

        larder_time_print(
            shop_time("2024-05-01T00:00:00Z") + m->next * 1000000, ts);
        m->history[key] = m->next++;
        add_row(key, m->history[key], ts);
    }
    mend(0);
    mend(1);
    if (away < 2)
        shut((int)away, LARDER_UNAVAILABLE);
    s.call.now += 1000000;
    ck_assert_int_eq(
        shop_materialize(
            &s, &(larder_materialize_options){.allow_empty = true}, NULL),
        away < 2 ? LARDER_UNAVAILABLE : LARDER_OK);
    mend(0);
    mend(1);
    for (size_t which = 0; which < 2; which++)
        if (which != away) {
            memcpy(m->held[which], m->history, sizeof m->history);
            m->filled[which] = true;
        }
}

/* Every answer is what one store holds, the one it names; none comes only when
 * none can. */
static void
read_at_random(model *m)
{
    int key = (int)support_below(&m->random, KEYS);
    larder_status rc;

    s.call.deadline = doors_tick() + 50 * MS;
    rc = read_one(key);
    s.call.deadline = 0;
    if (rc != LARDER_OK) {
        ck_assert_int_eq(
            rc, doors[1].hangs ? LARDER_DEADLINE : LARDER_UNAVAILABLE);
        if (is_well(1) && m->filled[1])
            ck_abort_msg("the fallback was well: %s", s.err.message);
        return;
    }
    ck_assert(answer.fallback || atomic_load(&doors[0].refuses) == LARDER_OK);
    for (size_t f = 0; f < 2; f++)
        if (value_of(f) != m->held[answer.fallback][key])
            ck_abort_msg("key %d: %lld, not the %lld of '%s'", key,
                (long long)value_of(f),
                (long long)m->held[answer.fallback][key], answer.store);
}

START_TEST(whatever_fails_each_answer_is_what_one_store_holds)
{
    model m = {.random = (uint64_t)_i * 7919 + 1};

    for (int i = 0; i < KEYS; i++)
        m.history[i] = m.held[0][i] = m.held[1][i] = -1;
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    m.history[0] = m.next++;
    add_row(0, 0, "2024-05-01T00:00:00Z");
    materialize();
    m.held[0][0] = m.held[1][0] = 0;
    m.filled[0] = m.filled[1] = true;
    open_reader();
    for (int round = 0; round < 60; round++) {
        write_at_random(&m);
        for (int i = 0; i < 12; i++) {
            if (support_below(&m.random, 3) == 0)
                shut_at_random(&m, 0);
            if (support_below(&m.random, 6) == 0)
                shut_at_random(&m, 1);
            doors_later((int64_t)support_below(&m.random, 400) * MS);
            read_at_random(&m);
        }
    }
}
END_TEST

/* ------------------------------------------------------------------ together
 */

typedef struct worker {
    pthread_t thread;
    unsigned n_primary, n_fallback, n_wrong;
} worker;

static atomic_bool over;

static void
read_as_worker(worker *w, larder_reader *own, larder_call *call,
    const larder_batch *keys, larder_answer *given)
{
    larder_error err = {0};

    while (!atomic_load(&over)) {
        larder_status rc = larder_reader_get(own, call, keys, given, &err);

        w->n_wrong +=
            rc != LARDER_OK || given->values.n_rows != 2 ||
            larder_column_value(&given->values.columns[0], 1).as.integer !=
                (given->fallback ? 21 : 20);
        w->n_primary += rc == LARDER_OK && !given->fallback;
        w->n_fallback += rc == LARDER_OK && given->fallback;
        doors_later(100);
    }
}

static void *
work(void *context)
{
    static const char *const refs[] = {"v:a", "w:b"};
    const larder_features wanted = {.refs = refs, .n_refs = 2};
    worker *w = context;
    larder_call call = s.call;
    larder_reader *own = NULL;
    larder_batch keys = {0};
    larder_answer given = {0};

    w->n_wrong = 1;
    if (larder_reader_open(s.store, &call, &wanted, &own, NULL) == LARDER_OK &&
        larder_batch_init(&keys, larder_reader_keys(own), NULL) == LARDER_OK &&
        larder_column_append_integer(&keys.columns[0], 1, NULL) == LARDER_OK &&
        larder_column_append_integer(&keys.columns[0], 2, NULL) == LARDER_OK) {
        keys.n_rows = 2;
        w->n_wrong = 0;
        read_as_worker(w, own, &call, &keys, &given);
    }
    larder_answer_release(&given);
    larder_batch_release(&keys);
    larder_reader_close(own);
    return NULL;
}

START_TEST(threads_that_share_the_stores_see_one_of_them_each_time)
{
    worker workers[4] = {{0}};

    fill();
    shut(0, LARDER_UNAVAILABLE); /* the stores differ */
    add_row(2, 21, "2024-05-31T01:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_UNAVAILABLE);
    let_in(0);
    atomic_store(&over, false);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < 40; i++) {
        unsigned before[2] = {gets(0), gets(1)};
        int whose = i % 2;

        shut(0, whose == 0 ? LARDER_OK : LARDER_UNAVAILABLE);
        while (gets(whose) < before[whose] + 50)
            doors_later(1);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_uint_eq(workers[i].n_wrong, 0);
    }
    ck_assert_uint_gt(workers[0].n_primary + workers[1].n_primary, 0);
    ck_assert_uint_gt(workers[0].n_fallback + workers[1].n_fallback, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fallback");
    TCase *reads = tcase_create("reading");
    TCase *times = tcase_create("time and circuit");
    TCase *writes = tcase_create("writing");
    TCase *random = tcase_create("at random");

    tcase_add_checked_fixture(reads, set_up, tear_down);
    tcase_add_test(reads, a_healthy_primary_answers_alone);
    tcase_add_loop_test(
        reads, the_fallback_answers_where_the_primary_fails, 0, 5);
    tcase_add_test(reads, a_process_that_begins_without_the_primary_is_served);
    tcase_add_test(reads, both_down_is_an_error_that_names_both);
    tcase_add_test(reads, a_request_that_is_wrong_is_not_asked_twice);
    tcase_add_test(reads, a_line_cut_in_the_middle_mixes_nothing);
    tcase_add_test(
        reads, a_damaged_row_is_a_failed_store_for_that_request_alone);
    tcase_add_test(
        reads, a_view_that_is_not_materialized_is_no_failure_of_a_store);
    tcase_add_test(
        reads, a_fallback_without_a_position_for_the_view_is_not_believed);
    tcase_add_test(reads, an_older_fallback_says_how_old_it_is);
    tcase_add_test(reads, a_fallback_past_max_fallback_age_is_refused);
    tcase_add_test(reads, a_fallback_reads_the_build_it_has);
    tcase_add_test(reads, a_primary_that_comes_back_is_looked_at_anew);
    suite_add_tcase(suite, reads);
    tcase_add_checked_fixture(times, set_up, tear_down);
    tcase_add_test(times, a_primary_that_hangs_costs_its_read_timeout);
    tcase_add_test(times, to_get_ready_the_primary_has_a_second);
    tcase_add_test(times, read_timeout_is_configured);
    tcase_add_loop_test(times,
        a_hanging_primary_leaves_the_fallback_half_of_the_calls_time, 0, 4);
    tcase_add_test(times, the_calls_own_deadline_is_never_exceeded);
    tcase_add_test(times, the_circuit_opens_after_five_failures_and_is_probed);
    tcase_add_test(times, a_success_in_between_begins_the_count_anew);
    tcase_add_test(times, a_probe_that_hangs_costs_its_time_once_in_250_ms);
    tcase_add_test(times, without_a_clock_the_primary_is_always_asked);
    tcase_add_test(times, the_circuit_is_one_for_all_readers_of_a_store);
    tcase_add_test(times, an_answer_used_again_needs_no_memory_whoever_answers);
    tcase_add_test(times, whatever_memory_is_refused_nothing_is_half_an_answer);
    suite_add_tcase(suite, times);
    tcase_add_checked_fixture(writes, set_up, tear_down);
    tcase_add_test(writes, materialize_keeps_both_up_to_date);
    tcase_add_test(
        writes, a_failing_fallback_is_told_and_caught_up_by_its_own_mark);
    tcase_add_loop_test(
        writes, a_failing_primary_does_not_keep_the_fallback_behind, 0, 2);
    tcase_add_loop_test(writes, push_goes_to_both, 0, 2);
    tcase_add_test(writes, of_a_push_to_both_a_failing_fallback_is_told);
    tcase_add_test(
        writes, a_push_to_online_alone_fails_where_the_fallback_does);
    tcase_add_test(writes, apply_does_not_wait_for_a_fallback_that_is_away);
    tcase_add_test(writes, teardown_takes_both_or_says_which_it_cannot);
    tcase_add_test(writes, both_are_proved);
    tcase_add_test(writes, without_a_fallback_nothing_is_said_of_one);
    suite_add_tcase(suite, writes);
    tcase_add_checked_fixture(random, set_up, tear_down);
    tcase_add_loop_test(
        random, whatever_fails_each_answer_is_what_one_store_holds, 0, 20);
    tcase_add_test(
        random, threads_that_share_the_stores_see_one_of_them_each_time);
    suite_add_tcase(suite, random);
    return support_run(suite);
}
