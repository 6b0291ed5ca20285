/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values.c - columns to vectors, and a vector to a column.
 *
 * Columns that lie as vectors do are lent; NaN and infinities in them become
 * faults, so that no function meets one.
 */
#include "expression/evaluate.h"

#include <assert.h>

#include "data/batch.h"
#include "data/column.h"

/* ------------------------------------------------------------------ reading */

/* True: some row is null, and the slot's state says which. */
static bool
load_nulls(const larder_column *column, size_t begin, size_t n, ldr_slot *slot)
{
    uint8_t some = 0;

    if (column->valid == NULL || column->n_nulls == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        slot->state[i] = !ldr_bit(column->valid, begin + i);
        some |= slot->state[i];
    }
    return some != 0;
}

static void
load_floats(const float *from, size_t n, ldr_slot *slot)
{
    for (size_t i = 0; i < n; i++)
        slot->reals[i] = (double)from[i];
}

/* NaN and infinities to faults; where there are any, `from` is copied first. */
static const double *
settle(const double *from, size_t n, ldr_slot *slot)
{
    uint64_t beyond = 0;

    for (size_t i = 0; i < n; i++)
        beyond |= ldr_real_beyond(from[i]);
    if (beyond < LDR_REAL_BEYOND)
        return from;
    if (from != slot->reals)
        memcpy(slot->reals, from, n * sizeof *from);
    for (size_t i = 0; i < n; i++)
        if (ldr_real_beyond(slot->reals[i]) >= LDR_REAL_BEYOND) {
            slot->reals[i] = 0;
            ldr_slot_fault(slot, n, i);
        }
    return slot->reals;
}

static void
load_texts(const larder_column *column, size_t begin, size_t n, ldr_slot *slot)
{
    const char *bytes = column->values;

    for (size_t i = 0; i < n; i++) {
        int64_t from = column->offsets[begin + i];
        int64_t to = column->offsets[begin + i + 1];

        slot->texts[i] =
            (larder_bytes){from == to ? "" : bytes + from, (size_t)(to - from)};
    }
}

/* check.c lets nothing else through. */
void
ldr_vector_load(const larder_column *column, size_t begin, size_t n,
    ldr_slot *slot, ldr_vector *out)
{
    slot->has_nulls = load_nulls(column, begin, n, slot);
    out->values = slot->values;
    if (column->type == LARDER_INT64 || column->type == LARDER_TIMESTAMP) {
        out->integers = (const int64_t *)column->values + begin;
    } else if (column->type == LARDER_FLOAT64) {
        out->reals = settle((const double *)column->values + begin, n, slot);
    } else if (column->type == LARDER_FLOAT32) {
        load_floats((const float *)column->values + begin, n, slot);
        settle(slot->reals, n, slot);
    } else if (column->type == LARDER_INT32) {
        for (size_t i = 0; i < n; i++)
            slot->integers[i] = ((const int32_t *)column->values)[begin + i];
    } else if (column->type == LARDER_BOOL) {
        for (size_t i = 0; i < n; i++)
            slot->truths[i] = ldr_bit(column->values, begin + i);
    } else {
        assert(column->type == LARDER_STRING);
        load_texts(column, begin, n, slot);
    }
    out->state = slot->has_nulls ? slot->state : NULL;
}

/* ------------------------------------------------------------------ writing */

static bool
is_there(const ldr_vector *from, size_t i)
{
    return from->state == NULL || from->state[i] == 0;
}

/* Values that lie in a column as they do in a vector, or int64 as float64;
 * nulls are zero. */
static void
put_wide(const ldr_vector *from, larder_type type, size_t n, larder_column *out)
{
    void *to = (char *)out->values + out->n_rows * sizeof(int64_t);

    if (out->type == LARDER_FLOAT64 && type == LARDER_INT64) {
        double *reals = to;

        for (size_t i = 0; i < n; i++)
            reals[i] = (double)from->integers[i];
    } else {
        memcpy(to, from->values, n * sizeof(int64_t));
    }
    for (size_t i = 0; from->state != NULL && i < n; i++)
        if (from->state[i] != 0)
            memset((char *)to + i * sizeof(int64_t), 0, sizeof(int64_t));
}

/* Does row i fit the column's type? */
static bool
fits_narrow(const ldr_vector *from, size_t i, const larder_column *out)
{
    if (out->type == LARDER_INT32)
        return from->integers[i] >= INT32_MIN && from->integers[i] <= INT32_MAX;
    if (out->type == LARDER_FLOAT32)
        return ldr_real_beyond((double)(float)from->reals[i]) < LDR_REAL_BEYOND;
    return true;
}

/* int64 as int32, float64 as float32, bool. */
static larder_status
append_narrow(const ldr_vector *from, size_t n, larder_column *out,
    uint64_t *made_null, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n && rc == LARDER_OK; i++) {
        if (!is_there(from, i)) {
            rc = larder_column_append_null(out, err);
        } else if (!fits_narrow(from, i, out)) {
            rc = larder_column_append_null(out, err);
            *made_null += 1;
        } else if (out->type == LARDER_FLOAT32) {
            rc = larder_column_append_real(out, from->reals[i], err);
        } else {
            rc = larder_column_append_integer(out,
                out->type == LARDER_BOOL ? from->truths[i] : from->integers[i],
                err);
        }
    }
    return rc;
}

static larder_status
append_texts(
    const ldr_vector *from, size_t n, larder_column *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n && rc == LARDER_OK; i++)
        rc = is_there(from, i)
                 ? larder_column_append_text(out, from->texts[i], err)
                 : larder_column_append_null(out, err);
    return rc;
}

/* The bits of n new rows, all there but for those of `state`. */
static void
count_rows(larder_column *out, const uint8_t *state, size_t n)
{
    size_t i = 0;

    if (out->valid != NULL && state == NULL && out->n_rows % 8 == 0) {
        memset(out->valid + out->n_rows / 8, 0xff, n / 8);
        i = n / 8 * 8;
    }
    for (; out->valid != NULL && i < n; i++) {
        bool null = state != NULL && state[i] != 0;

        ldr_bit_set(out->valid, out->n_rows + i, !null);
        out->n_nulls += null;
    }
    out->n_rows += n;
}

static void
count_faults(const uint8_t *state, size_t n, uint64_t *made_null)
{
    for (size_t i = 0; state != NULL && i < n; i++)
        *made_null += state[i] == LDR_ROW_MADE_NULL;
}

static larder_status
append_nulls(size_t n, larder_column *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n && rc == LARDER_OK; i++)
        rc = larder_column_append_null(out, err);
    return rc;
}

larder_status
ldr_vector_append(const ldr_vector *from, larder_type type, size_t n,
    larder_column *out, uint64_t *made_null, larder_error *err)
{
    larder_status rc = LARDER_OK;

    count_faults(from->state, n, made_null);
    if (type == 0)
        return append_nulls(n, out, err);
    if (type == LARDER_STRING)
        return append_texts(from, n, out, err);
    rc = ldr_column_grow_rows(out, n, err);
    if (rc == LARDER_OK && from->state != NULL)
        rc = ldr_column_make_valid(out, err);
    if (rc != LARDER_OK)
        return rc;
    if (out->type == LARDER_INT32 || out->type == LARDER_FLOAT32 ||
        out->type == LARDER_BOOL)
        return append_narrow(from, n, out, made_null, err);
    put_wide(from, type, n, out);
    count_rows(out, from->state, n);
    return LARDER_OK;
}
