/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch.c - columns and batches: appended, copied, gathered, compared.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "rows.h"
#include "support.h"

#define N_ROWS 300u

static larder_bytes
text(const char *words)
{
    return (larder_bytes){words, strlen(words)};
}

static larder_batch
random_batch(size_t n_rows, uint64_t seed)
{
    larder_batch batch = {0};

    ck_assert_int_eq(
        larder_batch_init(&batch, rows_every_type(), NULL), LARDER_OK);
    rows_fill(&batch, n_rows, &seed);
    return batch;
}

static size_t
count_nulls(const larder_column *column)
{
    size_t n_nulls = 0;

    for (size_t row = 0; row < column->n_rows; row++)
        n_nulls += ldr_column_is_null(column, row);
    return n_nulls;
}

START_TEST(types_have_names_and_are_found_by_them)
{
    const larder_schema *schema = rows_every_type();

    for (size_t i = 0; i < schema->n_fields; i++) {
        larder_type type = schema->fields[i].type;

        ck_assert_int_eq(larder_type_find(larder_type_name(type)), type);
    }
    ck_assert_str_eq(larder_type_name(LARDER_INT64_LIST), "list<int64>");
    ck_assert_int_eq(larder_type_find("list<list<int64>>"), 0);
    ck_assert_int_eq(larder_type_find("Int64"), 0);
    ck_assert_int_eq(ldr_type_item(LARDER_STRING_LIST), LARDER_STRING);
    ck_assert_int_eq(ldr_type_item(LARDER_BOOL), LARDER_BOOL);
    ck_assert(ldr_type_is_key(LARDER_BOOL));
    ck_assert(!ldr_type_is_key(LARDER_FLOAT64));
    ck_assert(!ldr_type_is_key(LARDER_INT64_LIST));
}
END_TEST

START_TEST(schemas_are_copied_found_in_and_compared)
{
    ldr_arena arena = {0};
    larder_schema copy = {0};
    larder_schema shorter = {rows_every_type()->fields, 15};

    ck_assert_int_eq(
        ldr_schema_copy(rows_every_type(), &arena, &copy, NULL), LARDER_OK);
    ck_assert(ldr_schema_equal(&copy, rows_every_type()));
    ck_assert(!ldr_schema_equal(&copy, &shorter));
    ck_assert_uint_eq(ldr_schema_find(&copy, "c15"), 15);
    ck_assert_uint_eq(ldr_schema_find(&shorter, "c15"), LDR_NO_FIELD);
    ck_assert_uint_eq(ldr_schema_find(&copy, "C15"), LDR_NO_FIELD);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(a_batch_of_an_unknown_type_is_refused_by_column)
{
    larder_field fields[] = {{"good", LARDER_INT64_LIST}, {"odd", LARDER_LIST}};
    larder_schema schema = {fields, 2};
    larder_batch batch = {0};
    larder_error err = {0};

    ck_assert_int_eq(larder_batch_init(&batch, &schema, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "column 'odd'"));
    ck_assert_ptr_null(batch.columns);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(values_come_back_as_they_were_appended)
{
    larder_batch batch = random_batch(N_ROWS, 1);
    larder_batch again = {0};
    size_t n_refused = 0;

    ck_assert_int_eq(
        larder_batch_init(&again, rows_every_type(), NULL), LARDER_OK);
    for (size_t i = 0; i < batch.schema->n_fields; i++)
        for (size_t row = 0; row < N_ROWS; row++) {
            larder_value value = larder_column_value(&batch.columns[i], row);

            n_refused += larder_column_append(
                             &again.columns[i], &value, NULL) != LARDER_OK;
        }
    ck_assert_uint_eq(n_refused, 0);
    ldr_batch_finish(&again);
    ck_assert_uint_eq(again.n_rows, N_ROWS);
    for (size_t row = 0; row < N_ROWS; row++)
        ck_assert(rows_same(&batch, row, &again, row));
    for (size_t i = 0; i < batch.schema->n_fields; i++)
        ck_assert_uint_eq(
            again.columns[i].n_nulls, count_nulls(&batch.columns[i]));
    larder_batch_release(&batch);
    larder_batch_release(&again);
}
END_TEST

START_TEST(a_null_row_holds_zero_and_empty_text)
{
    larder_batch batch = {0};

    ck_assert_int_eq(
        larder_batch_init(&batch, rows_every_type(), NULL), LARDER_OK);
    for (size_t i = 0; i < batch.schema->n_fields; i++)
        ck_assert_int_eq(
            larder_column_append_null(&batch.columns[i], NULL), LARDER_OK);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(ldr_column_integer(&batch.columns[i], 0), 0);
    for (size_t i = 3; i < 5; i++)
        ck_assert(ldr_column_real(&batch.columns[i], 0) == 0.0);
    ck_assert_uint_eq(ldr_column_text(&batch.columns[5], 0).size, 0);
    ck_assert_int_eq(batch.columns[15].offsets[1], 0);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(a_value_of_another_type_is_refused)
{
    larder_column column = {0};
    larder_value value = {.type = LARDER_FLOAT64, .as.real = 1};
    larder_value null = {.type = LARDER_STRING, .null = true};
    larder_error err = {0};

    ck_assert_int_eq(ldr_column_init(&column, LARDER_INT32, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append(&column, &value, &err), LARDER_INVALID);
    ck_assert_str_eq(err.message, "a column of int32 cannot hold float64");
    ck_assert_int_eq(
        larder_column_append_text(&column, text("1"), &err), LARDER_INVALID);
    ck_assert_int_eq(
        larder_column_append_integer(&column, INT64_C(1) << 31, &err),
        LARDER_INVALID);
    ck_assert_str_eq(
        err.message, "2147483648 is beyond int32 (-2147483648 to 2147483647)");
    ck_assert_uint_eq(column.n_rows, 0);
    ck_assert_int_eq(larder_column_append(&column, &null, &err), LARDER_OK);
    ldr_column_release(&column);
}
END_TEST

/* Buffers and their sizes; a cleared batch keeps both. */
static size_t
same_buffers(const larder_batch *a, const larder_column *b)
{
    size_t n_same = 0;

    for (size_t i = 0; i < a->schema->n_fields; i++)
        n_same += a->columns[i].values == b[i].values &&
                  a->columns[i].offsets == b[i].offsets &&
                  a->columns[i].valid == b[i].valid;
    return n_same;
}

START_TEST(a_cleared_batch_is_filled_again_without_growing)
{
    larder_batch batch = random_batch(N_ROWS, 2), same;
    larder_column before[16];
    size_t bytes = ldr_batch_bytes(&batch);
    uint64_t seed = 2;

    memcpy(before, batch.columns, sizeof before);
    larder_batch_clear(&batch);
    ck_assert_uint_eq(batch.n_rows, 0);
    rows_fill(&batch, N_ROWS, &seed);
    ck_assert_uint_eq(same_buffers(&batch, before), 16);
    ck_assert_uint_eq(ldr_batch_bytes(&batch), bytes);
    same = random_batch(N_ROWS, 2);
    for (size_t row = 0; row < N_ROWS; row++)
        ck_assert(rows_same(&batch, row, &same, row));
    larder_batch_release(&batch);
    larder_batch_release(&same);
}
END_TEST

START_TEST(reserved_rows_do_not_move_a_buffer)
{
    larder_column column = {0};
    void *values, *valid;

    ck_assert_int_eq(ldr_column_init(&column, LARDER_STRING, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_reserve(&column, 1000, 5000, NULL), LARDER_OK);
    values = column.values;
    valid = column.valid;
    for (size_t i = 0; i < 1000; i++)
        ck_assert_int_eq(i % 2 == 0 ? larder_column_append_text(
                                          &column, text("0123456789"), NULL)
                                    : larder_column_append_null(&column, NULL),
            LARDER_OK);
    ck_assert_ptr_eq(column.values, values);
    ck_assert_ptr_eq(column.valid, valid);
    ck_assert_uint_eq(column.n_nulls, 500);
    ldr_column_release(&column);
}
END_TEST

START_TEST(a_size_no_memory_can_hold_is_a_limit)
{
    larder_column column = {0};
    larder_error err = {0};

    ck_assert_int_eq(ldr_column_init(&column, LARDER_STRING, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_reserve(&column, SIZE_MAX / 8, 0, &err), LARDER_LIMIT);
    ck_assert_int_eq(
        larder_column_reserve(&column, 1, SIZE_MAX / 2, &err), LARDER_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "bytes of text"));
    ldr_column_release(&column);
}
END_TEST

START_TEST(a_column_can_be_appended_its_own_text)
{
    larder_column column = {0};

    ck_assert_int_eq(ldr_column_init(&column, LARDER_STRING, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append_text(&column, text("hello"), NULL), LARDER_OK);
    for (size_t i = 0; i < 300; i++) {
        larder_value own = larder_column_value(&column, i);

        ck_assert_int_eq(larder_column_append(&column, &own, NULL), LARDER_OK);
    }
    ck_assert_mem_eq(ldr_column_text(&column, 300).data, "hello", 5);
    ldr_column_release(&column);
}
END_TEST

START_TEST(ranges_of_rows_are_copied_whatever_their_place)
{
    larder_batch from = random_batch(N_ROWS, 3), to = random_batch(0, 0);
    size_t at[N_ROWS], n = 0;
    uint64_t seed = 4;

    while (n < N_ROWS - 40) {
        size_t begin = support_below(&seed, N_ROWS - 40);
        size_t size = support_below(&seed, 40);

        if (size > N_ROWS - n)
            size = N_ROWS - n;
        ck_assert_int_eq(
            ldr_batch_copy(&to, &from, begin, size, NULL), LARDER_OK);
        for (size_t i = 0; i < size; i++)
            at[n++] = begin + i;
    }
    ck_assert_uint_eq(to.n_rows, n);
    for (size_t row = 0; row < n; row++)
        ck_assert(rows_same(&to, row, &from, at[row]));
    for (size_t i = 0; i < to.schema->n_fields; i++)
        ck_assert_uint_eq(to.columns[i].n_nulls, count_nulls(&to.columns[i]));
    larder_batch_release(&from);
    larder_batch_release(&to);
}
END_TEST

static bool
all_null(const larder_batch *batch, size_t row)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        if (!ldr_column_is_null(&batch->columns[i], row))
            return false;
    return true;
}

START_TEST(rows_are_gathered_by_index_and_no_row_is_null)
{
    larder_batch from = random_batch(N_ROWS, 5), to = random_batch(10, 6);
    size_t rows[300];
    uint64_t seed = 7;

    for (size_t i = 0; i < 300; i++)
        rows[i] = support_below(&seed, 9) == 0 ? SIZE_MAX
                                               : support_below(&seed, N_ROWS);
    for (size_t i = 0; i < to.schema->n_fields; i++)
        ck_assert_int_eq(ldr_column_gather(
                             &to.columns[i], &from.columns[i], rows, 300, NULL),
            LARDER_OK);
    ldr_batch_finish(&to);
    for (size_t row = 0; row < 300; row++)
        if (rows[row] == SIZE_MAX)
            ck_assert(all_null(&to, 10 + row));
        else
            ck_assert(rows_same(&to, 10 + row, &from, rows[row]));
    for (size_t i = 0; i < to.schema->n_fields; i++)
        ck_assert_uint_eq(to.columns[i].n_nulls, count_nulls(&to.columns[i]));
    larder_batch_release(&from);
    larder_batch_release(&to);
}
END_TEST

START_TEST(half_a_row_can_be_taken_back)
{
    larder_batch batch = random_batch(50, 8), same = random_batch(80, 8);
    uint64_t seed = 9;

    for (size_t i = 0; i < batch.schema->n_fields; i++) {
        larder_column *column = &batch.columns[i];

        for (size_t row = 0; row < 20; row++)
            rows_append(column, &seed);
        if (column->items != NULL)
            rows_append(column->items, &seed); /* of a list never closed */
        ldr_column_truncate(column, 50);
        ck_assert_uint_eq(column->n_nulls, count_nulls(column));
        ck_assert_int_eq(
            ldr_column_copy(column, &same.columns[i], 50, 30, NULL), LARDER_OK);
    }
    ldr_batch_finish(&batch);
    for (size_t row = 0; row < 80; row++)
        ck_assert(rows_same(&batch, row, &same, row));
    larder_batch_release(&batch);
    larder_batch_release(&same);
}
END_TEST

START_TEST(reals_are_ordered_in_one_line)
{
    const double line[] = {-(double)INFINITY, -1e300, -1.5, -0x1p-1074, -0.0,
        0.0, 0x1p-1074, 1.5, 1e300, (double)INFINITY, (double)NAN};
    size_t n = sizeof line / sizeof line[0];

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            larder_value a = {.type = LARDER_FLOAT64, .as.real = line[i]};
            larder_value b = {.type = LARDER_FLOAT64, .as.real = line[j]};

            ck_assert_int_eq(ldr_value_order(&a, &b), (i > j) - (i < j));
            ck_assert_int_eq(ldr_value_same(&a, &b), i == j);
        }
    ck_assert_uint_eq(ldr_real_rank(-(double)NAN), ldr_real_rank((double)NAN));
}
END_TEST

/* Of three values: is the order the reverse of itself, nulls first, and does
 * it carry over? */
static bool
orders_well(const larder_value *a, const larder_value *b, const larder_value *c)
{
    int order = ldr_value_order(a, b);

    if (order != -ldr_value_order(b, a))
        return false;
    if (a->null && order != (b->null ? 0 : -1))
        return false;
    return order > 0 || ldr_value_order(b, c) > 0 || ldr_value_order(a, c) <= 0;
}

START_TEST(values_have_one_order_with_nulls_first)
{
    larder_batch batch = random_batch(60, 10);
    size_t n_wrong = 0;

    for (size_t i = 0; i < batch.schema->n_fields; i++)
        for (size_t x = 0; x < 60; x++)
            for (size_t y = 0; y < 60; y++) {
                larder_column *column = &batch.columns[i];
                larder_value a = larder_column_value(column, x);
                larder_value b = larder_column_value(column, y);
                larder_value c = larder_column_value(column, (x + y) % 60);

                n_wrong += !orders_well(&a, &b, &c);
            }
    ck_assert_uint_eq(n_wrong, 0);
    larder_batch_release(&batch);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tcase = tcase_create("batch");

    tcase_add_test(tcase, types_have_names_and_are_found_by_them);
    tcase_add_test(tcase, schemas_are_copied_found_in_and_compared);
    tcase_add_test(tcase, a_batch_of_an_unknown_type_is_refused_by_column);
    tcase_add_test(tcase, values_come_back_as_they_were_appended);
    tcase_add_test(tcase, a_null_row_holds_zero_and_empty_text);
    tcase_add_test(tcase, a_value_of_another_type_is_refused);
    tcase_add_test(tcase, a_cleared_batch_is_filled_again_without_growing);
    tcase_add_test(tcase, reserved_rows_do_not_move_a_buffer);
    tcase_add_test(tcase, a_size_no_memory_can_hold_is_a_limit);
    tcase_add_test(tcase, a_column_can_be_appended_its_own_text);
    tcase_add_test(tcase, ranges_of_rows_are_copied_whatever_their_place);
    tcase_add_test(tcase, rows_are_gathered_by_index_and_no_row_is_null);
    tcase_add_test(tcase, half_a_row_can_be_taken_back);
    tcase_add_test(tcase, reals_are_ordered_in_one_line);
    tcase_add_test(tcase, values_have_one_order_with_nulls_first);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
