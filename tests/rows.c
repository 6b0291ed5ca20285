/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c - random rows of every type, for tests of what carries rows.
 */
#include "rows.h"

#include <math.h>

#include "data/batch.h"
#include "data/schema.h"
#include "support.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

static const larder_field every_field[] = {
    {"c0", LARDER_BOOL},
    {"c1", LARDER_INT32},
    {"c2", LARDER_INT64},
    {"c3", LARDER_FLOAT32},
    {"c4", LARDER_FLOAT64},
    {"c5", LARDER_STRING},
    {"c6", LARDER_BYTES},
    {"c7", LARDER_TIMESTAMP},
    {"c8", LARDER_BOOL_LIST},
    {"c9", LARDER_INT32_LIST},
    {"c10", LARDER_INT64_LIST},
    {"c11", LARDER_FLOAT32_LIST},
    {"c12", LARDER_FLOAT64_LIST},
    {"c13", LARDER_STRING_LIST},
    {"c14", LARDER_BYTES_LIST},
    {"c15", LARDER_TIMESTAMP_LIST},
};

const larder_schema *
rows_every_type(void)
{
    static const larder_schema schema = {every_field, N_OF(every_field)};

    return &schema;
}

/* Check's own asserts are too slow for each value. */
static void
must(larder_status rc)
{
    if (rc != LARDER_OK)
        ck_abort_msg("no random row: %s", larder_status_name(rc));
}

static int64_t
random_integer(larder_type type, uint64_t *state)
{
    static const int64_t odd[] = {0, 1, -1, 255, 256, -256, INT32_MAX,
        INT32_MIN, INT64_MAX, INT64_MIN, LARDER_TIME_MIN, LARDER_TIME_MAX};
    size_t n_odd = type == LARDER_INT32 ? 8 : N_OF(odd);

    if (type == LARDER_BOOL)
        return (int64_t)support_below(state, 2);
    if (support_below(state, 2) == 0)
        return odd[support_below(state, n_odd)];
    if (type == LARDER_INT32)
        return (int32_t)(uint32_t)support_random(state);
    return (int64_t)support_below(state, 1000);
}

static double
random_real(uint64_t *state)
{
    static const double odd[] = {0.0, -0.0, 1.5, -1.5, 1e30, -1e30, 0x1p-140};
    size_t choice = support_below(state, N_OF(odd) + 5);

    if (choice < N_OF(odd))
        return odd[choice];
    if (choice == N_OF(odd))
        return (double)INFINITY;
    if (choice == N_OF(odd) + 1)
        return (double)-INFINITY;
    if (choice == N_OF(odd) + 2)
        return (double)NAN;
    return ((double)support_below(state, 2000) - 1000) / 8;
}

static void
append_text(larder_column *column, uint64_t *state)
{
    static const char letters[] = {'a', 'b', 'z', '\x7f', '\xff', '\0'};
    size_t n_letters = column->type == LARDER_BYTES ? 6 : 4;
    char text[40] = "patient_0000000";
    size_t size = support_below(state, 12);
    size_t begin = support_below(state, 3) == 0 ? 15 : 0;

    for (size_t i = 0; i < size; i++)
        text[begin + i] = letters[support_below(state, n_letters)];
    ck_assert_int_eq(larder_column_append_text(
                         column, (larder_bytes){text, begin + size}, NULL),
        LARDER_OK);
}

static void
append_list(larder_column *column, uint64_t *state)
{
    size_t n_items = support_below(state, 20);

    for (size_t i = 0; i < n_items; i++)
        rows_append(column->items, state);
    must(ldr_column_close_list(column, NULL));
}

void
rows_append(larder_column *column, uint64_t *state)
{
    larder_status rc = LARDER_OK;

    if (support_below(state, 8) == 0)
        rc = larder_column_append_null(column, NULL);
    else if (ldr_type_is_list(column->type))
        append_list(column, state);
    else if (ldr_type_is_text(column->type))
        append_text(column, state);
    else if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64)
        rc = larder_column_append_real(column, random_real(state), NULL);
    else
        rc = larder_column_append_integer(
            column, random_integer(column->type, state), NULL);
    must(rc);
}

void
rows_fill(larder_batch *batch, size_t n_rows, uint64_t *state)
{
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < batch->schema->n_fields; i++)
            rows_append(&batch->columns[i], state);
    ldr_batch_finish(batch);
}

bool
rows_same(
    const larder_batch *a, size_t row_a, const larder_batch *b, size_t row_b)
{
    for (size_t i = 0; i < a->schema->n_fields; i++) {
        larder_value x = larder_column_value(&a->columns[i], row_a);
        larder_value y = larder_column_value(&b->columns[i], row_b);

        if (!ldr_value_same(&x, &y))
            return false;
    }
    return true;
}
