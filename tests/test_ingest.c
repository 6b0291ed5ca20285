/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ingest.c - rows into history, read, sorted and written by one thread or
 * by three that wait for each other: the same rows, the same failures.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "definition/table.h"
#include "engine/channel.h"
#include "engine/ingest.h"
#include "engine/parallel.h"
#include "larder_backend.h"
#include "storage/backend.h"
#include "tests/support.h"

#define ROWS 60000u /* several batches, of which a channel holds four */
#define BATCH 5000u

static const larder_field fields[] = {{"k", LARDER_INT64}, {"v", LARDER_INT64},
    {"s", LARDER_STRING}, {"ts", LARDER_TIMESTAMP}};
static const char *const key[] = {"k"};
static const ldr_source source = {.about = {.name = "src"},
    .table = "src",
    .owned = true,
    .schema = {fields, 4},
    .timestamp_field = "ts",
    .key = key,
    .n_key = 1};

static atomic_int moment; /* of the clock below; the deadline is 1 */
static larder_call call;
static ldr_offline *store;

static int64_t
look_at_clock(void)
{
    return atomic_load(&moment);
}

static void
open_store(int n_threads)
{
    static const ldr_backends none = {NULL, NULL, NULL};
    const larder_offline_ops *ops = NULL;
    larder_table table;

    atomic_store(&moment, 0);
    call = (larder_call){.now = 1,
        .n_threads = (unsigned)n_threads,
        .monotonic = look_at_clock,
        .deadline = 1};
    ldr_source_table(&source, &table);
    ck_assert_int_eq(
        ldr_backend_offline(&none, "memory", &ops, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_open(ops, NULL, true, &call, &store, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_create(store, &call, &table, NULL, NULL, 0, NULL),
        LARDER_OK);
}

/* ROWS rows in no order. What happens at a row: */
typedef struct source_rows {
    size_t n_given;
    size_t fail_at, null_at, stop_at; /* 0: nowhere */
} source_rows;

static larder_status
append_row(larder_batch *batch, size_t i, bool null_key, larder_error *err)
{
    char text[32];
    size_t size = (size_t)snprintf(text, sizeof text, "text %zu", i % 13);
    larder_status rc;

    rc = null_key ? larder_column_append_null(&batch->columns[0], err)
                  : larder_column_append_integer(
                        &batch->columns[0], (int64_t)(i * 7919 % ROWS), err);
    LARDER_TRY(rc);
    LARDER_TRY(
        larder_column_append_integer(&batch->columns[1], (int64_t)i, err));
    LARDER_TRY(larder_column_append_text(
        &batch->columns[2], (larder_bytes){text, size}, err));
    LARDER_TRY(larder_column_append_integer(
        &batch->columns[3], (int64_t)(i % 28) * 1000000, err));
    batch->n_rows++;
out:
    return rc;
}

static larder_status
rows_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    source_rows *rows = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&batch, self->schema, err));
    while (batch.n_rows < BATCH && rows->n_given < ROWS) {
        size_t row = ++rows->n_given;

        if (row == rows->fail_at)
            LARDER_TRY(larder_fail(err, LARDER_CORRUPT, "row %zu is bad", row));
        if (row == rows->stop_at)
            atomic_store(&moment, 2);
        LARDER_TRY(append_row(&batch, row, row == rows->null_at, err));
    }
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static void
rows_close(larder_stream *self)
{
    *self = (larder_stream){0};
}

static larder_status
ingest(source_rows rows, larder_ingested *done, larder_error *err)
{
    larder_stream stream = {.schema = &source.schema,
        .next = rows_next,
        .close = rows_close,
        .state = &rows};
    larder_status rc;

    *done = (larder_ingested){0};
    *err = (larder_error){0};
    rc = ldr_ingest(store, &source, NULL, &call, &stream, done, err);
    ck_assert(stream.next != NULL); /* still the caller's to close */
    larder_stream_close(&stream);
    return rc;
}

static void
expect_added(uint64_t added)
{
    larder_ingested done;
    larder_error err;

    atomic_store(&moment, 0);
    ck_assert_msg(
        ingest((source_rows){0}, &done, &err) == LARDER_OK, "%s", err.message);
    ck_assert_uint_eq(done.read, ROWS);
    ck_assert_uint_eq(done.added, added);
    ck_assert_uint_eq(done.duplicate, ROWS - added);
}

START_TEST(rows_are_added_once_whatever_the_number_of_threads)
{
    open_store(_i);
    expect_added(ROWS);
    expect_added(0);
    ldr_offline_close(store);
}
END_TEST

START_TEST(rows_beyond_the_memory_are_added_too)
{
    open_store(_i);
    call.memory_bytes = (size_t)1 << 20;
    expect_added(ROWS);
    ldr_offline_close(store);
}
END_TEST

START_TEST(a_stream_that_fails_late_is_told_and_nothing_is_added)
{
    larder_ingested done;
    larder_error err;

    open_store(_i);
    ck_assert_int_eq(
        ingest((source_rows){.fail_at = ROWS}, &done, &err), LARDER_CORRUPT);
    ck_assert_str_eq(err.message, "row 60000 is bad");
    ck_assert_uint_eq(done.added, 0);
    expect_added(ROWS);
    ldr_offline_close(store);
}
END_TEST

START_TEST(a_null_key_is_told_by_row_and_nothing_is_added)
{
    larder_ingested done;
    larder_error err;

    open_store(_i);
    ck_assert_int_eq(
        ingest((source_rows){.null_at = 41234}, &done, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "row 41234 has no 'k'"));
    expect_added(ROWS);
    ldr_offline_close(store);
}
END_TEST

START_TEST(a_deadline_stops_all_threads)
{
    larder_ingested done;
    larder_error err;

    open_store(_i);
    ck_assert_int_eq(ingest((source_rows){.stop_at = ROWS / 2}, &done, &err),
        LARDER_DEADLINE);
    expect_added(ROWS);
    ldr_offline_close(store);
}
END_TEST

START_TEST(a_store_that_fails_is_what_is_told)
{
    larder_ingested done;
    larder_error err;

    open_store(_i);
    ldr_offline_fault(store, 1, LARDER_IO);
    ck_assert_int_eq(ingest((source_rows){0}, &done, &err), LARDER_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "a planted fault"));
    expect_added(ROWS);
    ldr_offline_close(store);
}
END_TEST

/* ------------------------------------------------------------- the channel */

static const larder_field number[] = {{"n", LARDER_INT64}};
static const larder_schema schema = {number, 1};

typedef struct talk {
    ldr_channel channel;
    unsigned n_given, n_taken, wanted;
    larder_status given, taken;
} talk;

static void
give_rows(talk *t, unsigned n_batches)
{
    bool going = true;

    for (unsigned i = 0; i < n_batches && going; i++) {
        larder_batch batch = {0};

        ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
        ck_assert_int_eq(
            larder_column_append_integer(&batch.columns[0], i, NULL),
            LARDER_OK);
        batch.n_rows = 1;
        going = ldr_channel_give(&t->channel, &batch);
        t->n_given += going;
    }
    ldr_channel_end(&t->channel, t->given,
        &(larder_error){.status = t->given, .message = "the giver's words"});
}

static void
take_rows(talk *t)
{
    larder_stream stream;
    larder_error err = {0};

    ldr_channel_stream(&t->channel, &stream);
    while (t->n_taken < t->wanted) {
        larder_batch batch = {0};

        t->taken = larder_stream_next(&stream, &batch, &err);
        if (t->taken != LARDER_OK || batch.n_rows == 0)
            break;
        ck_assert_int_eq(
            larder_column_value(&batch.columns[0], 0).as.integer, t->n_taken);
        t->n_taken++;
        larder_batch_release(&batch);
    }
    if (t->taken != LARDER_OK)
        ck_assert_str_eq(err.message, "the giver's words");
    larder_stream_close(&stream);
}

static void
talk_part(void *context, unsigned part)
{
    if (part == 0)
        give_rows(context, 100);
    else
        take_rows(context);
}

static void
let_talk(talk *t)
{
    ck_assert_int_eq(ldr_channel_init(&t->channel, &schema, NULL), LARDER_OK);
    ck_assert(ldr_parallel_together(2, talk_part, t));
    ldr_channel_release(&t->channel);
}

START_TEST(a_channel_hands_over_all_batches_in_order)
{
    talk t = {.wanted = UINT32_MAX};

    let_talk(&t);
    ck_assert_uint_eq(t.n_given, 100);
    ck_assert_uint_eq(t.n_taken, 100);
    ck_assert_int_eq(t.taken, LARDER_OK);
}
END_TEST

START_TEST(a_taker_that_leaves_stops_the_giver)
{
    talk t = {.wanted = 3};

    let_talk(&t);
    ck_assert_uint_eq(t.n_taken, 3);
    ck_assert_uint_le(t.n_given, 3 + LDR_CHANNEL_BATCHES);
}
END_TEST

START_TEST(a_giver_that_fails_fails_the_taker_after_its_last_batch)
{
    talk t = {.wanted = UINT32_MAX, .given = LARDER_CORRUPT};

    let_talk(&t);
    ck_assert_uint_eq(t.n_taken, 100);
    ck_assert_int_eq(t.taken, LARDER_CORRUPT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ingest");
    TCase *rows = tcase_create("rows"), *channel = tcase_create("channel");

    tcase_add_loop_test(
        rows, rows_are_added_once_whatever_the_number_of_threads, 1, 3);
    tcase_add_loop_test(rows, rows_beyond_the_memory_are_added_too, 1, 3);
    tcase_add_loop_test(
        rows, a_stream_that_fails_late_is_told_and_nothing_is_added, 1, 3);
    tcase_add_loop_test(
        rows, a_null_key_is_told_by_row_and_nothing_is_added, 1, 3);
    tcase_add_loop_test(rows, a_deadline_stops_all_threads, 1, 3);
    tcase_add_loop_test(rows, a_store_that_fails_is_what_is_told, 1, 3);
    tcase_add_test(channel, a_channel_hands_over_all_batches_in_order);
    tcase_add_test(channel, a_taker_that_leaves_stops_the_giver);
    tcase_add_test(
        channel, a_giver_that_fails_fails_the_taker_after_its_last_batch);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, channel);
    return support_run(suite);
}
