/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_keyed.c - of rows, those of certain keys and times and no others.
 */
#include <check.h>
#include <stdlib.h>

#include "data/batch.h"
#include "storage/keyed.h"
#include "tests/offline.h"
#include "tests/rows.h"
#include "tests/support.h"

#define ROWS 3000

static const larder_field fields[] = {
    {"k", LARDER_STRING}, {"n", LARDER_INT32}, {"v", LARDER_FLOAT64}};
static const larder_schema row_schema = {fields, 3};
static const larder_schema key_schema = {fields, 2};

static larder_batch
some_rows(const larder_schema *schema, size_t n_rows, uint64_t *state)
{
    larder_batch batch = {0};

    ck_assert_int_eq(larder_batch_init(&batch, schema, NULL), LARDER_OK);
    rows_fill(&batch, n_rows, state);
    return batch;
}

static bool
same_key(
    const larder_batch *a, size_t row_a, const larder_batch *b, size_t row_b)
{
    for (size_t i = 0; i < key_schema.n_fields; i++) {
        larder_value x = larder_column_value(&a->columns[i], row_a);
        larder_value y = larder_column_value(&b->columns[i], row_b);

        if (!ldr_value_same(&x, &y))
            return false;
    }
    return true;
}

static size_t
find(const larder_batch *keys, const larder_batch *rows, size_t row)
{
    size_t i = 0;

    while (i < keys->n_rows && !same_key(keys, i, rows, row))
        i++;
    return i;
}

/* Keys without nulls, each once. */
static larder_batch
some_keys(size_t n_keys, uint64_t *state)
{
    larder_batch drawn = some_rows(&key_schema, n_keys, state), keys = {0};

    ck_assert_int_eq(larder_batch_init(&keys, &key_schema, NULL), LARDER_OK);
    for (size_t i = 0; i < drawn.n_rows; i++)
        if (!ldr_column_is_null(&drawn.columns[0], i) &&
            !ldr_column_is_null(&drawn.columns[1], i) &&
            find(&keys, &drawn, i) == keys.n_rows)
            ck_assert_int_eq(
                ldr_batch_copy(&keys, &drawn, i, 1, NULL), LARDER_OK);
    larder_batch_release(&drawn);
    return keys;
}

START_TEST(rows_of_the_keys_come_in_their_order_and_no_others)
{
    uint64_t state = (uint64_t)_i;
    larder_batch keys = some_keys((size_t)_i * 4, &state);
    larder_batch rows = some_rows(&row_schema, ROWS, &state), copy = {0};
    larder_batch batch = {0};
    larder_scan scan = {.keys = &keys};
    larder_stream stream = {0};
    size_t at = 0;

    ck_assert_int_eq(larder_batch_init(&copy, &row_schema, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_batch_copy(&copy, &rows, 0, ROWS, NULL), LARDER_OK);
    ck_assert_int_eq(larder_stream_of(&copy, &stream, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_keyed(&stream, &scan, false, &stream, NULL), LARDER_OK);
    for (;;) {
        ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
        if (batch.n_rows == 0)
            break;
        for (size_t i = 0; i < batch.n_rows; i++, at++) {
            while (at < ROWS && find(&keys, &rows, at) == keys.n_rows)
                at++;
            if (at == ROWS || !rows_same(&batch, i, &rows, at))
                ck_abort_msg("row %zu is another", at);
        }
        larder_batch_release(&batch);
    }
    for (; at < ROWS; at++)
        if (find(&keys, &rows, at) != keys.n_rows)
            ck_abort_msg("row %zu is missing", at);
    larder_stream_close(&stream);
    larder_batch_release(&batch);
    larder_batch_release(&rows);
    larder_batch_release(&keys);
}
END_TEST

/* What is left of rows of key, event; each key counts from 20 to 30. */
static char *
keep(const char *words, bool one_before, bool in_order)
{
    static const larder_field timed[] = {
        {"k", LARDER_INT64}, {"event", LARDER_TIMESTAMP}};
    static const larder_schema timed_schema = {timed, 2},
                               id_schema = {timed, 1};
    static const larder_time from[] = {20, 20}, to[] = {30, 30};
    larder_batch keys = offline_batch(&id_schema, "2;1");
    larder_scan scan = {.keys = &keys,
        .keys_from = from,
        .keys_to = to,
        .one_before = one_before};
    larder_stream stream = offline_stream(&timed_schema, words);
    char *kept;

    ck_assert_int_eq(
        ldr_keyed(&stream, &scan, in_order, &stream, NULL), LARDER_OK);
    kept = offline_words(&stream, false);
    larder_batch_release(&keys);
    return kept;
}

START_TEST(the_row_before_a_key_s_times_is_known_in_order_alone)
{
    const char *words = "1,31;1,30;1,20;1,19;1,19;1,18;2,7;2,6;3,25";

    offline_expect(keep(words, false, true), "1,30;1,20");
    offline_expect(keep(words, true, true), "1,30;1,20;1,19;1,19;2,7");
    offline_expect(
        keep(words, true, false), "1,30;1,20;1,19;1,19;1,18;2,7;2,6");
    offline_expect(keep("", true, true), "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("keyed");
    TCase *tests = tcase_create("keyed");

    tcase_add_loop_test(
        tests, rows_of_the_keys_come_in_their_order_and_no_others, 0, 12);
    tcase_add_test(tests, the_row_before_a_key_s_times_is_known_in_order_alone);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
