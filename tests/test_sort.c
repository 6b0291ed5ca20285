/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sort.c - sorted streams, in memory and spilled, against qsort().
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data/batch.h"
#include "data/schema.h"
#include "data/sort.h"
#include "data/spill.h"
#include "data/stream.h"
#include "rows.h"
#include "support.h"

#define N_TYPES 16u
#define ID N_TYPES /* a last column that numbers the rows */
#define MOST_BY 4u

/* ----------------------------------------------------------------- support */

/* Every type, and the row's number. */
static const larder_schema *
numbered_schema(void)
{
    static larder_field fields[N_TYPES + 1];
    static larder_schema schema = {fields, N_TYPES + 1};

    memcpy(fields, rows_every_type()->fields, N_TYPES * sizeof fields[0]);
    fields[ID] = (larder_field){"id", LARDER_INT64};
    return &schema;
}

static larder_batch
numbered_rows(size_t n_rows, uint64_t seed)
{
    larder_batch batch = {0};

    ck_assert_int_eq(
        larder_batch_init(&batch, numbered_schema(), NULL), LARDER_OK);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t i = 0; i < N_TYPES; i++)
            rows_append(&batch.columns[i], &seed);
        if (larder_column_append_integer(
                &batch.columns[ID], (int64_t)row, NULL) != LARDER_OK)
            ck_abort();
    }
    ldr_batch_finish(&batch);
    return batch;
}

/* Gives a batch piece by piece; `cancel` is set after so many pieces. */
typedef struct pieces {
    const larder_batch *batch;
    size_t at, n_rows;
    size_t n_until_cancel;
    int cancel;
    int n_closed;
} pieces;

static larder_status
pieces_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    pieces *state = self->state;
    larder_batch made = {0};
    size_t left = state->batch->n_rows - state->at;
    size_t n = left < state->n_rows ? left : state->n_rows;

    if (state->n_until_cancel != 0 && --state->n_until_cancel == 0)
        state->cancel = 1;
    ck_assert_int_eq(larder_batch_init(&made, self->schema, err), LARDER_OK);
    ck_assert_int_eq(
        ldr_batch_copy(&made, state->batch, state->at, n, err), LARDER_OK);
    state->at += n;
    *out = made;
    return LARDER_OK;
}

static void
pieces_close(larder_stream *self)
{
    ((pieces *)self->state)->n_closed++;
    *self = (larder_stream){0};
}

static larder_stream
stream_of(pieces *state)
{
    return (larder_stream){.schema = state->batch->schema,
        .next = pieces_next,
        .close = pieces_close,
        .state = state};
}

/* Sort a batch given in pieces of 50 rows. */
static larder_status
sort_pieces(const larder_batch *batch, const ldr_sort_column *by, size_t n_by,
    const larder_call *call, ldr_sorted **out, larder_error *err)
{
    pieces state = {.batch = batch, .n_rows = 50};
    larder_stream input = stream_of(&state);
    larder_status rc = ldr_sort(&input, by, n_by, call, out, err);

    ck_assert_int_eq(state.n_closed, 1);
    return rc;
}

/* qsort() knows no context. */
static struct {
    const larder_batch *batch;
    const ldr_sort_column *by;
    size_t n_by;
} sorting;

static int
compare_rows(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    for (size_t i = 0; i < sorting.n_by; i++) {
        const larder_column *column =
            &sorting.batch->columns[sorting.by[i].column];
        larder_value v = larder_column_value(column, x);
        larder_value w = larder_column_value(column, y);
        int order = ldr_value_order(&v, &w);

        if (order != 0)
            return sorting.by[i].descending ? -order : order;
    }
    return (x > y) - (x < y);
}

/* The stream gives each row once, in the order qsort() finds. */
static void
expect_sorted(ldr_sorted *sorted, const larder_batch *batch,
    const ldr_sort_column *by, size_t n_by)
{
    size_t *rows = malloc((batch->n_rows + 1) * sizeof *rows);
    larder_stream stream = {0};
    ldr_cursor cursor = {0};
    size_t at = 0;

    ck_assert_ptr_nonnull(rows);
    for (size_t i = 0; i < batch->n_rows; i++)
        rows[i] = i;
    sorting.batch = batch;
    sorting.by = by;
    sorting.n_by = n_by;
    qsort(rows, batch->n_rows, sizeof *rows, compare_rows);
    ck_assert_int_eq(ldr_sorted_read(sorted, &stream, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_cursor_start(&cursor, &stream, NULL), LARDER_OK);
    for (; !cursor.ended; at++) {
        if (at == batch->n_rows ||
            !rows_same(&cursor.batch, cursor.row, batch, rows[at]))
            ck_abort_msg("row %zu is another than expected", at);
        if (ldr_cursor_next(&cursor, NULL) != LARDER_OK)
            ck_abort_msg("row %zu could not be read", at);
    }
    ck_assert_uint_eq(at, batch->n_rows);
    ldr_cursor_release(&cursor);
    larder_stream_close(&stream);
    free(rows);
}

static size_t
random_order(ldr_sort_column by[MOST_BY], uint64_t *seed)
{
    size_t n_by = 1 + support_below(seed, MOST_BY);

    for (size_t i = 0; i < n_by; i++) {
        by[i].column = support_below(seed, N_TYPES);
        by[i].descending = support_below(seed, 2) == 0;
    }
    return n_by;
}

static void
sort_and_compare(const larder_batch *batch, const ldr_sort_column *by,
    size_t n_by, size_t memory_bytes)
{
    larder_call call = {.memory_bytes = memory_bytes};
    ldr_sorted *sorted = NULL;

    ck_assert_int_eq(
        sort_pieces(batch, by, n_by, &call, &sorted, NULL), LARDER_OK);
    expect_sorted(sorted, batch, by, n_by);
    ldr_sorted_free(sorted);
}

/* ------------------------------------------------------------------- order */

START_TEST(each_single_column_sorts_as_its_values_do)
{
    uint64_t seed = (uint64_t)_i;
    larder_batch batch = numbered_rows(500, seed);

    for (int descending = 0; descending < 2; descending++) {
        ldr_sort_column by = {(size_t)_i, descending != 0};

        sort_and_compare(&batch, &by, 1, 0);
    }
    larder_batch_release(&batch);
}
END_TEST

START_TEST(random_orders_of_rows_in_memory_are_those_of_qsort)
{
    uint64_t seed = 1000 + (uint64_t)_i;
    ldr_sort_column by[MOST_BY];
    larder_batch batch = numbered_rows(support_below(&seed, 600), seed);
    size_t n_by = random_order(by, &seed);

    sort_and_compare(&batch, by, n_by, 0);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(random_orders_of_spilled_rows_are_those_of_qsort)
{
    uint64_t seed = 2000 + (uint64_t)_i;
    ldr_sort_column by[MOST_BY];
    larder_batch batch = numbered_rows(600, seed);
    size_t n_by = random_order(by, &seed);

    /* a run each piece or two: about twelve, in blocks of a few rows */
    sort_and_compare(&batch, by, n_by, 100000);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(more_runs_than_one_merge_takes_are_merged_in_passes)
{
    ldr_sort_column by[] = {{0, false}, {5, true}};
    larder_batch batch = numbered_rows(3300, 3); /* 66 runs, one row a block */

    sort_and_compare(&batch, by, 2, 1000);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(equal_rows_stay_in_their_order)
{
    ldr_sort_column by = {0, _i != 0};
    larder_batch batch = numbered_rows(1000, 4);

    sort_and_compare(&batch, &by, 1, 0);
    sort_and_compare(&batch, &by, 1, 100000);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(an_order_by_nothing_is_that_of_the_input)
{
    larder_batch batch = numbered_rows(1000, 5);

    sort_and_compare(&batch, NULL, 0, 0);
    sort_and_compare(&batch, NULL, 0, 50000);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(no_rows_are_sorted_too)
{
    ldr_sort_column by = {0, false};
    larder_batch batch = numbered_rows(0, 6);

    sort_and_compare(&batch, &by, 1, 0);
    larder_batch_release(&batch);
}
END_TEST

/* Texts of one letter, a to the power of 1 to n: each begins the next. */
static larder_batch
ladder(size_t n_rows, uint64_t seed)
{
    static const larder_field field = {"text", LARDER_STRING};
    static const larder_schema schema = {&field, 1};
    larder_batch batch = {0};
    char text[600];

    memset(text, 'a', sizeof text);
    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    for (size_t i = 0; i < n_rows; i++) {
        size_t size = support_below(&seed, sizeof text);

        if (larder_column_append_text(&batch.columns[0],
                (larder_bytes){text, size}, NULL) != LARDER_OK)
            ck_abort();
    }
    ldr_batch_finish(&batch);
    return batch;
}

START_TEST(texts_that_begin_one_another_are_sorted_by_length)
{
    ldr_sort_column by = {0, _i != 0};
    larder_batch batch = ladder(2000, 7);

    sort_and_compare(&batch, &by, 1, 0);
    sort_and_compare(&batch, &by, 1, 60000);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(many_integers_of_any_range_are_sorted)
{
    static const larder_field fields[] = {
        {"key", LARDER_INT64}, {"at", LARDER_TIMESTAMP}};
    static const larder_schema schema = {fields, 2};
    const ldr_sort_column by[] = {{0, false}, {1, true}};
    const size_t ranges[] = {1, 7, 300, 70000, SIZE_MAX};
    larder_batch batch = {0};
    uint64_t seed = 8;

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    for (size_t i = 0; i < 30000; i++) {
        int64_t key = (int64_t)support_below(&seed, ranges[_i]);
        int64_t at = (int64_t)support_below(&seed, 1000000) - 500000;

        if (larder_column_append_integer(&batch.columns[0], key, NULL) != 0 ||
            larder_column_append_integer(&batch.columns[1], at, NULL) != 0)
            ck_abort();
    }
    ldr_batch_finish(&batch);
    sort_and_compare(&batch, by, 2, 0);
    larder_batch_release(&batch);
}
END_TEST

/* --------------------------------------------------------------- re-reading */

START_TEST(sorted_rows_are_read_again_and_twice_at_once)
{
    ldr_sort_column by = {2, false};
    larder_call call = {.memory_bytes = _i == 0 ? 0 : 100000};
    larder_batch batch = numbered_rows(1000, 9), all[2] = {{0}, {0}};
    larder_stream streams[2] = {{0}, {0}};
    ldr_sorted *sorted = NULL;

    ck_assert_int_eq(
        sort_pieces(&batch, &by, 1, &call, &sorted, NULL), LARDER_OK);
    expect_sorted(sorted, &batch, &by, 1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ldr_sorted_read(sorted, &streams[i], NULL), LARDER_OK);
    ck_assert_int_eq(ldr_stream_collect(&streams[0], &all[0], NULL), LARDER_OK);
    ck_assert_int_eq(ldr_stream_collect(&streams[1], &all[1], NULL), LARDER_OK);
    ck_assert_uint_eq(all[0].n_rows, 1000);
    for (size_t row = 0; row < 1000; row++)
        ck_assert(rows_same(&all[0], row, &all[1], row));
    for (int i = 0; i < 2; i++) {
        larder_batch_release(&all[i]);
        larder_stream_close(&streams[i]);
    }
    expect_sorted(sorted, &batch, &by, 1);
    ldr_sorted_free(sorted);
    larder_batch_release(&batch);
}
END_TEST

/* ---------------------------------------------------------------- failures */

START_TEST(the_callers_wish_to_stop_is_heard_while_collecting)
{
    larder_batch batch = numbered_rows(1000, 10);
    pieces state = {.batch = &batch, .n_rows = 100, .n_until_cancel = 3};
    larder_stream input = stream_of(&state);
    larder_call call = {.cancel = &state.cancel};
    ldr_sort_column by = {2, false};
    ldr_sorted *sorted = NULL;

    ck_assert_int_eq(
        ldr_sort(&input, &by, 1, &call, &sorted, NULL), LARDER_INTERRUPTED);
    ck_assert_uint_eq(state.at, 300);
    ck_assert_int_eq(state.n_closed, 1);
    ck_assert_ptr_null(sorted);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(the_callers_wish_to_stop_is_heard_while_reading)
{
    int cancel = 0;
    larder_call call = {
        .cancel = &cancel, .memory_bytes = _i == 0 ? 0 : 100000};
    larder_batch batch = numbered_rows(1000, 11), out = {0};
    larder_stream stream = {0};
    ldr_sort_column by = {2, false};
    ldr_sorted *sorted = NULL;

    ck_assert_int_eq(
        sort_pieces(&batch, &by, 1, &call, &sorted, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_sorted_read(sorted, &stream, NULL), LARDER_OK);
    cancel = 1;
    ck_assert_int_eq(
        larder_stream_next(&stream, &out, NULL), LARDER_INTERRUPTED);
    cancel = 0;
    ck_assert_int_eq(larder_stream_next(&stream, &out, NULL), LARDER_OK);
    ck_assert_uint_gt(out.n_rows, 0);
    larder_batch_release(&out);
    larder_stream_close(&stream);
    ldr_sorted_free(sorted);
    larder_batch_release(&batch);
}
END_TEST

static size_t
count_files(const char *folder)
{
    DIR *open = opendir(folder);
    const struct dirent *entry;
    size_t n = 0;

    ck_assert_ptr_nonnull(open);
    while ((entry = readdir(open)) != NULL)
        n += entry->d_name[0] != '.';
    closedir(open);
    return n;
}

START_TEST(spilled_rows_have_no_name_in_the_folder_asked_for)
{
    char *folder = support_folder();
    larder_call call = {.memory_bytes = 100000, .temporary = folder};
    larder_batch batch = numbered_rows(1000, 12);
    ldr_sort_column by = {2, false};
    ldr_sorted *sorted = NULL;

    ck_assert_int_eq(
        sort_pieces(&batch, &by, 1, &call, &sorted, NULL), LARDER_OK);
    ck_assert_uint_eq(count_files(folder), 0);
    expect_sorted(sorted, &batch, &by, 1);
    ldr_sorted_free(sorted);
    larder_batch_release(&batch);
    support_remove(folder);
    free(folder);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named_with_the_remedy)
{
    larder_call call = {.memory_bytes = 1000, .temporary = "/nowhere/at all"};
    larder_batch batch = numbered_rows(300, 13);
    ldr_sort_column by = {2, false};
    ldr_sorted *sorted = NULL;
    larder_error err = {0};

    ck_assert_int_eq(
        sort_pieces(&batch, &by, 1, &call, &sorted, &err), LARDER_IO);
    ck_assert_str_eq(err.message,
        "temporary folder '/nowhere/at all': cannot create a file of rows: No "
        "such file or directory");
    ck_assert_ptr_nonnull(strstr(err.hint, "--memory"));
    ck_assert_ptr_null(sorted);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(a_full_folder_is_told_from_other_failures)
{
    larder_call call = {.memory_bytes = 10000};
    larder_batch batch = numbered_rows(1000, 14);
    ldr_sort_column by = {2, false};
    ldr_sorted *sorted = NULL;
    larder_error err = {0};
    struct rlimit before, small;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 20000;
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(
        sort_pieces(&batch, &by, 1, &call, &sorted, &err), LARDER_IO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_ptr_nonnull(
        strstr(err.message, "temporary folder '/tmp' is full: "));
    ck_assert_ptr_null(sorted);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(each_changed_byte_of_a_spill_is_seen)
{
    larder_batch batch = numbered_rows(3, 15), back = {0};
    ldr_spill spill = LDR_NO_SPILL;
    ldr_buffer scratch = {0};
    size_t n_missed = 0;

    ck_assert_int_eq(ldr_spill_open(&spill, NULL, NULL), LARDER_OK);
    ck_assert_int_eq(larder_batch_init(&back, batch.schema, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_spill_write(&spill, &batch, &scratch, NULL), LARDER_OK);
    for (off_t i = 0; i < (off_t)spill.n_bytes; i++) {
        uint64_t at = 0;
        unsigned char byte;

        ck_assert(pread(spill.file, &byte, 1, i) == 1);
        byte ^= 0x10;
        ck_assert(pwrite(spill.file, &byte, 1, i) == 1);
        n_missed += ldr_spill_read(&spill, &at, &back, &scratch, NULL) !=
                    LARDER_CORRUPT;
        byte ^= 0x10;
        ck_assert(pwrite(spill.file, &byte, 1, i) == 1);
    }
    ck_assert_uint_eq(n_missed, 0);
    ck_assert_int_eq(
        ldr_spill_read(&spill, &(uint64_t){0}, &back, &scratch, NULL),
        LARDER_OK);
    ck_assert_uint_eq(back.n_rows, 3);
    ldr_spill_close(&spill);
    ldr_spill_close(&spill);
    ldr_buffer_free(&scratch);
    larder_batch_release(&batch);
    larder_batch_release(&back);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sort");
    TCase *tcase = tcase_create("sort");

    tcase_add_loop_test(
        tcase, each_single_column_sorts_as_its_values_do, 0, (int)N_TYPES);
    tcase_add_loop_test(
        tcase, random_orders_of_rows_in_memory_are_those_of_qsort, 0, 25);
    tcase_add_loop_test(
        tcase, random_orders_of_spilled_rows_are_those_of_qsort, 0, 15);
    tcase_add_test(tcase, more_runs_than_one_merge_takes_are_merged_in_passes);
    tcase_add_loop_test(tcase, equal_rows_stay_in_their_order, 0, 2);
    tcase_add_test(tcase, an_order_by_nothing_is_that_of_the_input);
    tcase_add_test(tcase, no_rows_are_sorted_too);
    tcase_add_loop_test(
        tcase, texts_that_begin_one_another_are_sorted_by_length, 0, 2);
    tcase_add_loop_test(tcase, many_integers_of_any_range_are_sorted, 0, 5);
    tcase_add_loop_test(
        tcase, sorted_rows_are_read_again_and_twice_at_once, 0, 2);
    tcase_add_test(tcase, the_callers_wish_to_stop_is_heard_while_collecting);
    tcase_add_loop_test(
        tcase, the_callers_wish_to_stop_is_heard_while_reading, 0, 2);
    tcase_add_test(tcase, spilled_rows_have_no_name_in_the_folder_asked_for);
    tcase_add_test(tcase, a_folder_that_is_not_there_is_named_with_the_remedy);
    tcase_add_test(tcase, a_full_folder_is_told_from_other_failures);
    tcase_add_test(tcase, each_changed_byte_of_a_spill_is_seen);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
