/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_materialize.c - from history to online and back, on every pair of
 * stores.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/builtin.h"
#include "larder_backend.h"
#include "tests/online.h"
#include "tests/shop.h"
#include "tests/support.h"

#define HEAD                                                                   \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n    schema:\n"                         \
    "      - {name: id, type: int64}\n      - {name: a, type: int64}\n"        \
    "      - {name: b, type: string}\n"

#define VIEW                                                                   \
    "feature_views:\n  - name: v\n    entities: [e]\n    source: h\n"          \
    "    ttl: 7d\n    features:\n"

static const char plain[] = HEAD VIEW
    "      - {name: a, type: int64}\n      - {name: b, type: string}\n";
static const char only_a[] = HEAD VIEW "      - {name: a, type: int64}\n";
static const char with_default[] =
    HEAD VIEW "      - {name: a, type: int64, default: 7}\n"
              "      - {name: b, type: string}\n";

static const char warning[] = HEAD VIEW
    "      - {name: a, type: int64, range: [0, 15], nullable: false}\n"
    "      - {name: b, type: string}\n";
static const char refusing[] =
    HEAD VIEW "      - {name: a, type: int64, range: [0, 15],\n"
              "         on_violation: refuse}\n"
              "      - {name: b, type: string}\n";

static const char rows[] = "id,a,b,ts,cts\n"
                           "1,10,x,2024-05-30T00:00:00Z,2024-05-30T01:00:00Z\n"
                           "1,11,y,2024-05-31T00:00:00Z,2024-05-31T01:00:00Z\n"
                           "2,20,,2024-05-20T00:00:00Z,2024-05-20T01:00:00Z\n"
                           "3,,z,2024-05-31T12:00:00Z,\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop s;

static void
open_with_rows(int pair)
{
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    ck_assert_msg(shop_apply(&s, plain) == LARDER_OK, "%s", s.err.message);
    ck_assert_msg(
        shop_ingest(&s, "h", rows, NULL) == LARDER_OK, "%s", s.err.message);
}

static void
expect(int64_t key, const char *ref, const char *expected)
{
    char *found = shop_get(&s, key, ref);

    ck_assert_str_eq(found, expected);
    free(found);
}

static void
materialize_ok(void)
{
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
}

START_TEST(each_status_is_told_with_its_event_time)
{
    open_with_rows(_i);
    materialize_ok();
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    expect(1, "v:b", "y PRESENT 2024-05-31T00:00:00Z");
    expect(2, "v:a", "null OUTSIDE_MAX_AGE 2024-05-20T00:00:00Z");
    expect(3, "v:a", "null NULL_VALUE 2024-05-31T12:00:00Z");
    expect(9, "v:a", "null NOT_FOUND -");
    shop_close(&s);
}
END_TEST

START_TEST(ttl_ends_with_the_microsecond_after_it)
{
    open_with_rows(_i);
    materialize_ok();
    s.call.now = shop_time("2024-05-27T00:00:00Z");
    expect(2, "v:b", "null NULL_VALUE 2024-05-20T00:00:00Z");
    expect(2, "v:a", "20 PRESENT 2024-05-20T00:00:00Z");
    s.call.now++;
    expect(2, "v:a", "null OUTSIDE_MAX_AGE 2024-05-20T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_view_nobody_materialized_is_an_error_by_name)
{
    open_with_rows(_i);
    expect(1, "v:a", "error: feature view 'v' is not materialized yet");
    shop_close(&s);
}
END_TEST

START_TEST(a_second_run_reads_nothing_new)
{
    larder_run_report report = {0};

    open_with_rows(_i);
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].read, 3);
    ck_assert_uint_eq(report.views[0].written, 3);
    ck_assert_uint_eq(report.views[0].expired, 1);
    larder_run_report_release(&report);
    s.call.now += SHOP_DAY;
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].read, 0);
    ck_assert(!report.views[0].failed_empty);
    larder_run_report_release(&report);
    shop_close(&s);
}
END_TEST

START_TEST(a_late_row_is_found_however_old_it_is)
{
    larder_run_report report = {0};

    open_with_rows(_i);
    materialize_ok();
    s.call.now += SHOP_DAY;
    ck_assert_int_eq(shop_ingest(&s, "h",
                         "id,a,b,ts,cts\n4,40,w,2024-01-01T00:00:00Z,\n"
                         "1,9,old,2024-05-29T00:00:00Z,\n",
                         NULL),
        LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].read, 2);
    ck_assert_uint_eq(report.views[0].late, 2);
    ck_assert_uint_eq(report.views[0].written, 1);
    ck_assert_uint_eq(report.views[0].older, 1);
    larder_run_report_release(&report);
    expect(4, "v:a", "null OUTSIDE_MAX_AGE 2024-01-01T00:00:00Z");
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_row_from_the_future_is_read_when_its_time_comes)
{
    open_with_rows(_i);
    ck_assert_int_eq(shop_ingest(&s, "h",
                         "id,a,b,ts,cts\n1,99,f,2024-06-01T00:05:00Z,\n", NULL),
        LARDER_OK);
    materialize_ok();
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    s.call.now = shop_time("2024-06-01T00:05:00Z");
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    materialize_ok();
    expect(1, "v:a", "99 PRESENT 2024-06-01T00:05:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_correction_replaces_a_row_of_the_same_event_time)
{
    open_with_rows(_i);
    materialize_ok();
    ck_assert_int_eq(
        shop_ingest(&s, "h",
            "id,a,b,ts,cts\n1,12,c,2024-05-31T00:00:00Z,2024-05-31T02:00:00Z\n",
            NULL),
        LARDER_OK);
    materialize_ok();
    expect(1, "v:a", "12 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_changed_view_is_served_from_the_old_build_until_the_new_is_whole)
{
    open_with_rows(_i);
    ck_assert_int_eq(shop_apply(&s, only_a), LARDER_OK);
    materialize_ok();
    ck_assert_int_eq(shop_apply(&s, plain), LARDER_OK);
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    expect(1, "v:b", "error: feature 'v:b' is not materialized yet");
    materialize_ok();
    expect(1, "v:b", "y PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_narrower_run_fills_a_new_build_but_never_moves_to_it)
{
    larder_materialize_options narrow = {.range = true,
        .from = shop_time("2024-05-31T06:00:00Z"),
        .to = shop_time("2024-06-01T00:00:00Z")};

    open_with_rows(_i);
    ck_assert_int_eq(shop_apply(&s, only_a), LARDER_OK);
    materialize_ok();
    ck_assert_int_eq(shop_apply(&s, plain), LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, &narrow, NULL), LARDER_OK);
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    expect(3, "v:b", "error: feature 'v:b' is not materialized yet");
    materialize_ok();
    expect(1, "v:b", "y PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_first_run_over_a_range_leaves_the_rest_to_the_next)
{
    larder_materialize_options range = {.range = true,
        .from = shop_time("2024-05-31T00:00:00Z"),
        .to = shop_time("2024-05-31T00:00:00Z")};
    larder_run_report report = {0};

    open_with_rows(_i);
    ck_assert_int_eq(shop_materialize(&s, &range, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].read, 1);
    larder_run_report_release(&report);
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    expect(3, "v:b", "null NOT_FOUND -");
    materialize_ok();
    expect(3, "v:b", "z PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_full_run_fills_a_new_build_with_the_same_rows)
{
    larder_materialize_options full = {.full = true};
    larder_run_report report = {0};

    open_with_rows(_i);
    materialize_ok();
    ck_assert_int_eq(shop_materialize(&s, &full, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].written, 3);
    larder_run_report_release(&report);
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_first_run_that_reads_nothing_is_no_success)
{
    larder_run_report report = {0};

    shop_open(&s, pairs[_i][0], pairs[_i][1]);
    ck_assert_int_eq(shop_apply(&s, plain), LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert(report.views[0].failed_empty);
    larder_run_report_release(&report);
    expect(1, "v:a", "error: feature view 'v' is not materialized yet");
    shop_close(&s);
}
END_TEST

START_TEST(a_dry_run_counts_and_writes_nothing)
{
    larder_materialize_options dry = {.dry_run = true};
    larder_run_report report = {0};

    open_with_rows(_i);
    ck_assert_int_eq(shop_materialize(&s, &dry, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].read, 3);
    ck_assert_uint_eq(report.views[0].written, 0);
    larder_run_report_release(&report);
    expect(1, "v:a", "error: feature view 'v' is not materialized yet");
    shop_close(&s);
}
END_TEST

START_TEST(a_default_is_served_beside_the_status_that_says_why)
{
    open_with_rows(_i);
    ck_assert_int_eq(shop_apply(&s, with_default), LARDER_OK);
    materialize_ok();
    expect(3, "v:a", "7 NULL_VALUE 2024-05-31T12:00:00Z");
    expect(9, "v:a", "7 NOT_FOUND -");
    expect(2, "v:a", "null OUTSIDE_MAX_AGE 2024-05-20T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(rows_that_break_a_contract_are_counted_and_told)
{
    larder_run_report report = {0};
    const larder_violation *v;

    open_with_rows(_i); /* before anything was promised */
    ck_assert_int_eq(shop_apply(&s, warning), LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    v = report.views[0].violations;
    ck_assert_uint_eq(report.views[0].n_violations, 2);
    ck_assert_str_eq(v[0].feature, "a");
    ck_assert_uint_eq(v[0].count, 1);
    ck_assert_uint_eq(v[1].count, 1);
    larder_run_report_release(&report);
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].n_violations, 0);
    larder_run_report_release(&report);
    shop_close(&s);
}
END_TEST

START_TEST(a_contract_that_refuses_keeps_rows_from_going_online)
{
    open_with_rows(_i);
    ck_assert_int_eq(shop_apply(&s, refusing), LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "'a'"));
    expect(1, "v:a", "error: feature view 'v' is not materialized yet");
    shop_close(&s);
}
END_TEST

START_TEST(a_clock_turned_back_moves_no_watermark_back)
{
    open_with_rows(_i);
    materialize_ok();
    s.call.now -= 10 * SHOP_DAY;
    materialize_ok();
    s.call.now += 10 * SHOP_DAY;
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(online_equals_the_join_at_the_same_moment)
{
    char *joined;

    open_with_rows(_i);
    materialize_ok();
    joined = shop_join(&s,
        "id,event_timestamp\n1,2024-06-01T00:00:00Z\n"
        "2,2024-06-01T00:00:00Z\n3,2024-06-01T00:00:00Z\n",
        "v:b", false);
    ck_assert_str_eq(joined,
        "id,event_timestamp,b\n1,2024-06-01T00:00:00Z,y\n"
        "2,2024-06-01T00:00:00Z,\n3,2024-06-01T00:00:00Z,z\n");
    free(joined);
    expect(1, "v:b", "y PRESENT 2024-05-31T00:00:00Z");
    expect(3, "v:b", "z PRESENT 2024-05-31T12:00:00Z");
    shop_close(&s);
}
END_TEST

/* ------------------------------------------- a store that is never at rest */

/* The memory store, into which somebody appends just after a snapshot began. */
static larder_offline_ops restless;
static const larder_table *seen_table;
static bool strike;

static larder_status
restless_describe(void *self, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err)
{
    seen_table = table;
    return ldr_offline_memory_ops.describe(self, call, table, out, err);
}

static larder_status
restless_begin(
    void *self, const larder_call *call, unsigned n_readers, larder_error *err)
{
    larder_status rc = ldr_offline_memory_ops.begin(self, call, n_readers, err);
    larder_batch batch = {0};
    larder_stream rows_in = {0};
    larder_appended appended;

    if (rc != LARDER_OK || !strike)
        return rc;
    strike = false;
    ck_assert_int_eq(
        larder_batch_init(&batch, seen_table->schema, err), LARDER_OK);
    for (size_t c = 0; c < batch.schema->n_fields; c++) {
        larder_value value = {.type = batch.columns[c].type,
            .as.integer = c == 0 ? 77 : shop_time("2024-05-31T00:00:00Z")};

        value.null = value.type == LARDER_STRING;
        ck_assert_int_eq(
            larder_column_append(&batch.columns[c], &value, err), LARDER_OK);
    }
    batch.n_rows = 1;
    ck_assert_int_eq(larder_stream_of(&batch, &rows_in, err), LARDER_OK);
    rc = ldr_offline_memory_ops.append(
        self, call, seen_table, &rows_in, &appended, err);
    larder_stream_close(&rows_in);
    return rc;
}

START_TEST(a_row_that_arrives_while_a_run_begins_is_read_by_the_next)
{
    const larder_offline_ops *own[] = {&restless, NULL};

    restless = ldr_offline_memory_ops;
    restless.type = "restless";
    restless.describe = restless_describe;
    restless.begin = restless_begin;
    shop_open(&s, "memory", "memory");
    support_write(s.folder, "feature_store.yaml",
        "project: shop\nregistry: {type: memory}\n"
        "offline_store: {type: restless}\nonline_store: {type: memory}\n");
    s.offline_backends = own;
    shop_reopen(&s);
    ck_assert_int_eq(shop_apply(&s, plain), LARDER_OK);
    ck_assert_int_eq(shop_ingest(&s, "h", rows, NULL), LARDER_OK);
    strike = true;
    materialize_ok();
    ck_assert(!strike);
    materialize_ok();
    expect(77, "v:b", "null NULL_VALUE 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

/* --------------------------------------------------- stores on disk only */

static void
many_rows(void)
{
    char *csv = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);

    fprintf(file, "id,a,b,ts,cts\n");
    for (int i = 0; i < 60000; i++)
        fprintf(file, "%d,%d,t,2024-05-31T00:00:00Z,\n", i + 100, i);
    fclose(file);
    ck_assert_msg(
        shop_ingest(&s, "h", csv, NULL) == LARDER_OK, "%s", s.err.message);
    free(csv);
}

/* How many rows the online store holds, positions apart; the shop's own
 * store is closed meanwhile, as LMDB is opened once in a process. */
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

START_TEST(builds_nobody_reads_are_swept_an_hour_after_the_switch)
{
    larder_materialize_options full = {.full = true};
    uint64_t digest;

    open_with_rows(1);
    materialize_ok();
    ck_assert_int_eq(shop_materialize(&s, &full, NULL), LARDER_OK);
    ck_assert_uint_eq(stored_rows(&digest), 6);
    s.call.now += INT64_C(3599000000);
    materialize_ok();
    ck_assert_uint_eq(stored_rows(&digest), 6);
    s.call.now += INT64_C(2000000);
    materialize_ok();
    ck_assert_uint_eq(stored_rows(&digest), 3);
    expect(1, "v:a", "11 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

/* Ends the process just before the last commit of a run. */
static void
die_late(void *context, const larder_progress *progress)
{
    (void)context;
    (void)progress;
    raise(SIGKILL);
}

START_TEST(what_a_killed_full_run_filled_is_swept_too)
{
    larder_materialize_options full = {.full = true};
    uint64_t digest;
    pid_t child;
    int status;

    open_with_rows(1);
    many_rows();
    materialize_ok();
    larder_close(s.store);
    s.store = NULL;
    child = fork();
    if (child == 0) {
        shop_reopen(&s);
        s.call.progress = die_late;
        (void)shop_materialize(&s, &full, NULL);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    shop_reopen(&s);
    ck_assert_uint_gt(stored_rows(&digest), 60003);
    materialize_ok();
    s.call.now += SHOP_DAY;
    materialize_ok();
    ck_assert_uint_eq(stored_rows(&digest), 60003);
    shop_close(&s);
}
END_TEST

/* The same rows in any order, batching and repetition. */
START_TEST(the_same_rows_in_any_order_give_the_same_bytes_online)
{
    static const char head[] = "id,a,b,ts,cts\n";
    uint64_t random = 42, first = 0, digest;
    char text[32][64];

    for (int i = 0; i < 32; i++)
        snprintf(text[i], sizeof text[i],
            "%d,%d,%c,2024-05-%02dT00:00:00Z,%s\n", i % 3, i % 5, 'a' + i % 4,
            10 + i % 4, i % 3 == 0 ? "" : "2024-05-30T00:00:00Z");
    for (int round = 0; round < 5; round++) {
        shop_open(&s, "sqlite", "lmdb");
        ck_assert_int_eq(shop_apply(&s, plain), LARDER_OK);
        for (int batch = 0; batch < 40; batch++) {
            char csv[4096];
            size_t used = (size_t)snprintf(csv, sizeof csv, "%s", head);

            for (size_t i = 0; i < 1 + support_below(&random, 8); i++)
                used += (size_t)snprintf(csv + used, sizeof csv - used, "%s",
                    text[batch < 32 ? (batch * 7 + round) % 32
                                    : (int)support_below(&random, 32)]);
            ck_assert_int_eq(shop_ingest(&s, "h", csv, NULL), LARDER_OK);
            if (support_below(&random, 3) == 0)
                materialize_ok();
        }
        materialize_ok();
        ck_assert_uint_eq(stored_rows(&digest), 3);
        if (round == 0)
            first = digest;
        ck_assert_uint_eq(digest, first);
        shop_close(&s);
    }
}
END_TEST

/* Ends the process in the middle of a run, once some chunks are in. */
static void
die_at_some_progress(void *context, const larder_progress *progress)
{
    (void)context;
    if (progress->done > 30000)
        raise(SIGKILL);
}

START_TEST(a_killed_run_is_made_good_by_the_next_one)
{
    larder_run_report report = {0};
    pid_t child;
    int status;

    open_with_rows(1);
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
    expect(1, "v:a", "error: feature view 'v' is not materialized yet");
    ck_assert_int_eq(shop_materialize(&s, NULL, &report), LARDER_OK);
    ck_assert_uint_eq(report.views[0].read, 60003);
    ck_assert_uint_ge(report.views[0].unchanged, 16384);
    ck_assert_uint_eq(
        report.views[0].unchanged + report.views[0].written, 60003);
    larder_run_report_release(&report);
    expect(60099, "v:a", "59999 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

/* Another process takes the view over while ours is under way. */
static void
let_another_run(void *context, const larder_progress *progress)
{
    static bool done;
    pid_t child;
    int status;

    (void)context;
    if (done || progress->done < 20000)
        return;
    done = true;
    child = fork();
    if (child == 0) {
        shop other = {.folder = s.folder, .call = s.call};

        other.call.progress = NULL;
        shop_reopen(&other);
        _exit(shop_materialize(&other, NULL, NULL) == LARDER_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(of_two_runs_at_once_the_later_wins_and_the_other_says_so)
{
    open_with_rows(1);
    many_rows();
    s.call.progress = let_another_run;
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_CONFLICT);
    s.call.progress = NULL;
    expect(60099, "v:a", "59999 PRESENT 2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("materialize");
    TCase *each = tcase_create("each pair of stores");
    TCase *disk = tcase_create("stores on disk");
    const TTest *const tests[] = {each_status_is_told_with_its_event_time,
        ttl_ends_with_the_microsecond_after_it,
        a_view_nobody_materialized_is_an_error_by_name,
        a_second_run_reads_nothing_new, a_late_row_is_found_however_old_it_is,
        a_row_from_the_future_is_read_when_its_time_comes,
        a_correction_replaces_a_row_of_the_same_event_time,
        a_changed_view_is_served_from_the_old_build_until_the_new_is_whole,
        a_narrower_run_fills_a_new_build_but_never_moves_to_it,
        a_first_run_over_a_range_leaves_the_rest_to_the_next,
        a_full_run_fills_a_new_build_with_the_same_rows,
        a_first_run_that_reads_nothing_is_no_success,
        a_dry_run_counts_and_writes_nothing,
        a_default_is_served_beside_the_status_that_says_why,
        rows_that_break_a_contract_are_counted_and_told,
        a_contract_that_refuses_keeps_rows_from_going_online,
        a_clock_turned_back_moves_no_watermark_back,
        online_equals_the_join_at_the_same_moment};

    tcase_set_timeout(disk, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(each, tests[i], 0, 2);
    tcase_add_test(
        disk, a_row_that_arrives_while_a_run_begins_is_read_by_the_next);
    tcase_add_test(
        disk, builds_nobody_reads_are_swept_an_hour_after_the_switch);
    tcase_add_test(disk, the_same_rows_in_any_order_give_the_same_bytes_online);
    tcase_add_test(disk, what_a_killed_full_run_filled_is_swept_too);
    tcase_add_test(disk, a_killed_run_is_made_good_by_the_next_one);
    tcase_add_test(
        disk, of_two_runs_at_once_the_later_wins_and_the_other_says_so);
    suite_add_tcase(suite, each);
    suite_add_tcase(suite, disk);
    return support_run(suite);
}
