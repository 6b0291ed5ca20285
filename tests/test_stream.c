/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream.c - pull streams: one batch, select, concat, collect, cursor.
 */
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "data/stream.h"
#include "rows.h"
#include "support.h"

static larder_batch
random_batch(size_t n_rows, uint64_t seed)
{
    larder_batch batch = {0};

    ck_assert_int_eq(
        larder_batch_init(&batch, rows_every_type(), NULL), LARDER_OK);
    rows_fill(&batch, n_rows, &seed);
    return batch;
}

static larder_stream
stream_of(larder_batch batch)
{
    larder_stream stream = {0};

    ck_assert_int_eq(larder_stream_of(&batch, &stream, NULL), LARDER_OK);
    ck_assert_ptr_null(batch.columns);
    return stream;
}

/* A stream that has nothing but a failure, and counts its closing. */
static larder_status
broken_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    (void)self;
    (void)out;
    return larder_fail(err, LARDER_UNAVAILABLE, "the store went away");
}

static void
broken_close(larder_stream *self)
{
    ++*(int *)self->state;
    *self = (larder_stream){0};
}

static larder_stream
broken(int *n_closed)
{
    return (larder_stream){.schema = rows_every_type(),
        .next = broken_next,
        .close = broken_close,
        .state = n_closed};
}

START_TEST(a_stream_of_one_batch_gives_it_once)
{
    larder_stream stream = stream_of(random_batch(5, 1));
    larder_batch batch = {0};

    ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
    ck_assert_uint_eq(batch.n_rows, 5);
    larder_batch_release(&batch);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
        ck_assert_uint_eq(batch.n_rows, 0);
        ck_assert_ptr_null(batch.columns);
    }
    larder_stream_close(&stream);
}
END_TEST

START_TEST(a_batch_never_pulled_is_released_with_its_stream)
{
    larder_stream stream = stream_of(random_batch(5, 1));

    larder_stream_close(&stream);
    larder_stream_close(&stream);
    ck_assert_ptr_null(stream.state);
}
END_TEST

START_TEST(a_closed_stream_says_so_and_leaves_the_batch_alone)
{
    larder_stream stream = {0};
    larder_batch batch = {.n_rows = 42};
    larder_error err = {0};

    larder_stream_close(&stream);
    ck_assert_int_eq(larder_stream_next(&stream, &batch, &err), LARDER_INVALID);
    ck_assert_str_eq(err.message, "the stream of rows is closed");
    ck_assert_uint_eq(batch.n_rows, 42);
}
END_TEST

START_TEST(columns_are_selected_in_any_order_and_more_than_once)
{
    const size_t indexes[] = {7, 13, 0, 13, 7};
    larder_batch same = random_batch(30, 2), batch = {0};
    larder_stream input = stream_of(random_batch(30, 2)), stream = {0};

    ck_assert_int_eq(
        ldr_stream_select(&input, indexes, 5, &stream, NULL), LARDER_OK);
    ck_assert_ptr_null(input.state);
    ck_assert_uint_eq(stream.schema->n_fields, 5);
    ck_assert_str_eq(stream.schema->fields[1].name, "c13");
    ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
    ck_assert_uint_eq(batch.n_rows, 30);
    ck_assert_ptr_eq(batch.schema, stream.schema);
    for (size_t i = 0; i < 5; i++)
        for (size_t row = 0; row < 30; row++) {
            larder_value a = larder_column_value(&batch.columns[i], row);
            larder_value b =
                larder_column_value(&same.columns[indexes[i]], row);

            ck_assert(ldr_value_same(&a, &b));
        }
    larder_batch_release(&batch);
    ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
    ck_assert_uint_eq(batch.n_rows, 0);
    larder_stream_close(&stream);
    larder_batch_release(&same);
}
END_TEST

START_TEST(no_column_at_all_still_counts_rows)
{
    larder_batch batch = {0};
    larder_stream input = stream_of(random_batch(30, 2)), stream = {0};

    ck_assert_int_eq(
        ldr_stream_select(&input, NULL, 0, &stream, NULL), LARDER_OK);
    ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
    ck_assert_uint_eq(batch.n_rows, 30);
    larder_batch_release(&batch);
    larder_stream_close(&stream);
}
END_TEST

START_TEST(streams_are_concatenated_and_empty_ones_skipped)
{
    larder_stream inputs[] = {stream_of(random_batch(0, 0)),
        stream_of(random_batch(7, 3)), stream_of(random_batch(0, 0)),
        stream_of(random_batch(9, 4)), stream_of(random_batch(0, 0))};
    larder_stream stream = {0};
    larder_batch all = {0}, first = random_batch(7, 3);
    larder_batch second = random_batch(9, 4);

    ck_assert_int_eq(ldr_stream_concat(inputs, 5, &stream, NULL), LARDER_OK);
    ck_assert_ptr_null(inputs[3].state);
    ck_assert_int_eq(ldr_stream_collect(&stream, &all, NULL), LARDER_OK);
    ck_assert_uint_eq(all.n_rows, 16);
    for (size_t row = 0; row < 7; row++)
        ck_assert(rows_same(&all, row, &first, row));
    for (size_t row = 0; row < 9; row++)
        ck_assert(rows_same(&all, 7 + row, &second, row));
    larder_batch_release(&all);
    larder_stream_close(&stream);
    larder_batch_release(&first);
    larder_batch_release(&second);
}
END_TEST

START_TEST(streams_of_other_columns_are_not_concatenated)
{
    const size_t index = 2;
    int n_closed = 0;
    larder_stream other = stream_of(random_batch(3, 1)), stream = {0};
    larder_stream inputs[2] = {broken(&n_closed), {0}};
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_stream_select(&other, &index, 1, &inputs[1], NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_stream_concat(inputs, 2, &stream, &err), LARDER_INVALID);
    ck_assert_str_eq(err.message, "stream 2 has other columns than the first");
    ck_assert_int_eq(n_closed, 1);
    ck_assert_ptr_null(inputs[1].state);
    ck_assert_ptr_null(stream.state);
}
END_TEST

START_TEST(a_failure_passes_through_each_operator)
{
    const size_t index = 0;
    int n_closed = 0;
    larder_stream input = broken(&n_closed), selected = {0}, stream = {0};
    larder_batch all = {.n_rows = 42};
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_stream_select(&input, &index, 1, &selected, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_stream_concat(&selected, 1, &stream, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_stream_collect(&stream, &all, &err), LARDER_UNAVAILABLE);
    ck_assert_str_eq(err.message, "the store went away");
    ck_assert_uint_eq(all.n_rows, 42);
    larder_stream_close(&stream);
    ck_assert_int_eq(n_closed, 1);
}
END_TEST

START_TEST(a_cursor_meets_each_row_once)
{
    larder_stream inputs[] = {stream_of(random_batch(3, 5)),
        stream_of(random_batch(1, 6)), stream_of(random_batch(2, 7))};
    larder_stream stream = {0};
    ldr_cursor cursor = {0};
    size_t n_rows = 0;

    ck_assert_int_eq(ldr_stream_concat(inputs, 3, &stream, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_cursor_start(&cursor, &stream, NULL), LARDER_OK);
    for (; !cursor.ended; n_rows++) {
        ck_assert_uint_lt(cursor.row, cursor.batch.n_rows);
        ck_assert_int_eq(ldr_cursor_next(&cursor, NULL), LARDER_OK);
    }
    ck_assert_uint_eq(n_rows, 6);
    ck_assert_int_eq(ldr_cursor_next(&cursor, NULL), LARDER_OK);
    ck_assert(cursor.ended);
    ldr_cursor_release(&cursor);
    larder_stream_close(&stream);
}
END_TEST

START_TEST(a_cursor_on_a_failure_has_no_row)
{
    int n_closed = 0;
    larder_stream stream = broken(&n_closed);
    ldr_cursor cursor = {0};

    ck_assert_int_eq(
        ldr_cursor_start(&cursor, &stream, NULL), LARDER_UNAVAILABLE);
    ck_assert(cursor.ended);
    ldr_cursor_release(&cursor);
    larder_stream_close(&stream);
    ck_assert_int_eq(n_closed, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tcase = tcase_create("stream");

    tcase_add_test(tcase, a_stream_of_one_batch_gives_it_once);
    tcase_add_test(tcase, a_batch_never_pulled_is_released_with_its_stream);
    tcase_add_test(tcase, a_closed_stream_says_so_and_leaves_the_batch_alone);
    tcase_add_test(tcase, columns_are_selected_in_any_order_and_more_than_once);
    tcase_add_test(tcase, no_column_at_all_still_counts_rows);
    tcase_add_test(tcase, streams_are_concatenated_and_empty_ones_skipped);
    tcase_add_test(tcase, streams_of_other_columns_are_not_concatenated);
    tcase_add_test(tcase, a_failure_passes_through_each_operator);
    tcase_add_test(tcase, a_cursor_meets_each_row_once);
    tcase_add_test(tcase, a_cursor_on_a_failure_has_no_row);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
