/* SPDX-License-Identifier: Apache-2.0 */
/*
 * column_copy.c - rows of one column to the end of another: a range of them, or
 * any by index, of one column or of several.
 *
 * On failure the target has the rows it had.
 */
#include <assert.h>
#include <string.h>

#include "data/batch.h"
#include "data/column.h"
#include "data/schema.h"

static void
copy_bits(uint8_t *to, size_t to_at, const uint8_t *from, size_t from_at,
    size_t n_bits)
{
    if (n_bits >= 8 && to_at % 8 == 0 && from_at % 8 == 0) {
        size_t whole = n_bits / 8;

        memcpy(to + to_at / 8, from + from_at / 8, whole);
        to_at += whole * 8;
        from_at += whole * 8;
        n_bits -= whole * 8;
    }
    for (size_t i = 0; i < n_bits; i++)
        ldr_bit_set(to, to_at + i, ldr_bit(from, from_at + i));
}

static size_t
nulls_between(const larder_column *column, size_t row, size_t n_rows)
{
    size_t n_nulls = 0;

    if (column->valid == NULL || column->n_nulls == 0)
        return 0;
    for (size_t i = row; i < row + n_rows; i++)
        n_nulls += !ldr_bit(column->valid, i);
    return n_nulls;
}

/* Bits for n_rows rows about to be counted; room is there. */
static larder_status
copy_valid(larder_column *to, const larder_column *from, size_t row,
    size_t n_rows, larder_error *err)
{
    size_t n_nulls = nulls_between(from, row, n_rows);
    larder_status rc = LARDER_OK;

    if (n_nulls != 0)
        rc = ldr_column_make_valid(to, err);
    if (rc != LARDER_OK || to->valid == NULL)
        return rc;
    if (n_nulls != 0)
        copy_bits(to->valid, to->n_rows, from->valid, row, n_rows);
    else
        for (size_t i = 0; i < n_rows; i++)
            ldr_bit_set(to->valid, to->n_rows + i, true);
    to->n_nulls += n_nulls;
    return LARDER_OK;
}

/* The offsets of n_rows rows, moved so that the first begins at `base`. */
static void
copy_offsets(larder_column *to, const larder_column *from, size_t row,
    size_t n_rows, size_t base)
{
    int64_t shift = (int64_t)base - from->offsets[row];

    for (size_t i = 1; i <= n_rows; i++)
        to->offsets[to->n_rows + i] = from->offsets[row + i] + shift;
}

/* What the rows point at: text, or a list's items. */
static larder_status
copy_contents(larder_column *to, const larder_column *from, size_t row,
    size_t n_rows, larder_error *err)
{
    size_t begin = (size_t)from->offsets[row];
    size_t size = (size_t)from->offsets[row + n_rows] - begin;
    size_t base = ldr_column_contents(to);
    larder_status rc;

    if (to->items != NULL) {
        rc = ldr_column_copy(to->items, from->items, begin, size, err);
    } else {
        rc = ldr_column_grow_text(to, size, err);
        if (rc == LARDER_OK && size != 0)
            memcpy((char *)to->values + base,
                (const char *)from->values + begin, size);
    }
    if (rc == LARDER_OK)
        copy_offsets(to, from, row, n_rows, base);
    return rc;
}

larder_status
ldr_column_copy(larder_column *to, const larder_column *from, size_t row,
    size_t n_rows, larder_error *err)
{
    size_t width = ldr_type_width(to->type);
    larder_status rc = LARDER_OK;

    assert(to->type == from->type);
    if (n_rows == 0)
        return LARDER_OK;
    LARDER_TRY(ldr_column_grow_rows(to, n_rows, err));
    if (to->offsets != NULL)
        LARDER_TRY(copy_contents(to, from, row, n_rows, err));
    else if (to->type == LARDER_BOOL)
        copy_bits(to->values, to->n_rows, from->values, row, n_rows);
    else
        memcpy((char *)to->values + to->n_rows * width,
            (const char *)from->values + row * width, n_rows * width);
    LARDER_TRY(copy_valid(to, from, row, n_rows, err));
    to->n_rows += n_rows;
out:
    if (rc != LARDER_OK)
        ldr_column_truncate(to, to->n_rows);
    return rc;
}

/* Where a row by index lies: its column, and its place there. */
static inline const larder_column *
part_of(const larder_column *const *from, size_t row)
{
    return from[row >> LDR_PART_SHIFT];
}

static inline size_t
place_of(size_t row)
{
    return row & (((size_t)1 << LDR_PART_SHIFT) - 1);
}

static inline bool
is_there(const larder_column *const *from, size_t row)
{
    return row != SIZE_MAX &&
           !ldr_column_is_null(part_of(from, row), place_of(row));
}

static bool
all_there(const larder_column *const *from, size_t n_parts, const size_t *rows,
    size_t n_rows)
{
    for (size_t p = 0; p < n_parts; p++)
        if (from[p] != NULL && from[p]->n_nulls != 0)
            return false;
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i] == SIZE_MAX)
            return false;
    return true;
}

static larder_status
gather_valid(larder_column *to, const larder_column *const *from,
    size_t n_parts, const size_t *rows, size_t n_rows, larder_error *err)
{
    bool all = all_there(from, n_parts, rows, n_rows);
    larder_status rc = LARDER_OK;
    size_t i = 0;

    if (!all)
        rc = ldr_column_make_valid(to, err);
    if (rc != LARDER_OK || to->valid == NULL)
        return rc;
    for (; to->n_rows % 8 == 0 && i + 8 <= n_rows; i += 8) {
        unsigned bits = 0;

        for (unsigned k = 0; k < 8; k++)
            bits |= (unsigned)(all || is_there(from, rows[i + k])) << k;
        to->valid[(to->n_rows + i) / 8] = (uint8_t)bits;
        to->n_nulls += 8u - (unsigned)__builtin_popcount(bits);
    }
    for (; i < n_rows; i++) {
        bool there = all || is_there(from, rows[i]);

        ldr_bit_set(to->valid, to->n_rows + i, there);
        to->n_nulls += !there;
    }
    return rc;
}

/* Most columns are words of few parts, read from all over them: so nothing else
 * is looked up on the way. */
#define FEW_PARTS 64u

static void
gather_words(uint64_t *out, const larder_column *const *from, size_t n_parts,
    const size_t *rows, size_t n_rows)
{
    const uint64_t *values[FEW_PARTS];

    for (size_t p = 0; p < n_parts; p++)
        values[p] = from[p] == NULL ? NULL : from[p]->values;
    for (size_t i = 0; i < n_rows; i++) {
        size_t row = rows[i];

        out[i] = row == SIZE_MAX ? 0
                                 : values[row >> LDR_PART_SHIFT][place_of(row)];
    }
}

static void
gather_fixed(larder_column *to, const larder_column *const *from,
    size_t n_parts, const size_t *rows, size_t n_rows)
{
    if (to->type == LARDER_BOOL) {
        for (size_t i = 0; i < n_rows; i++)
            ldr_bit_set(to->values, to->n_rows + i,
                rows[i] != SIZE_MAX &&
                    ldr_bit(part_of(from, rows[i])->values, place_of(rows[i])));
    } else if (ldr_type_width(to->type) == 4) {
        uint32_t *out = (uint32_t *)to->values + to->n_rows;

        for (size_t i = 0; i < n_rows; i++)
            out[i] = rows[i] == SIZE_MAX
                         ? 0
                         : ((const uint32_t *)part_of(from, rows[i])
                                   ->values)[place_of(rows[i])];
    } else {
        gather_words((uint64_t *)to->values + to->n_rows, from, n_parts, rows,
            n_rows);
    }
}

/* Text or items of one row after the other; offsets as they come. */
static larder_status
gather_contents(larder_column *to, const larder_column *const *from,
    const size_t *rows, size_t n_rows, larder_error *err)
{
    size_t end = ldr_column_contents(to);

    for (size_t i = 0; i < n_rows; i++) {
        size_t size = 0;

        if (rows[i] != SIZE_MAX) {
            const larder_column *part = part_of(from, rows[i]);
            const int64_t *ends = part->offsets + place_of(rows[i]);
            size_t begin = (size_t)ends[0];
            larder_status rc = LARDER_OK;

            size = (size_t)ends[1] - begin;
            if (to->items != NULL)
                rc = ldr_column_copy(to->items, part->items, begin, size, err);
            else if (size != 0)
                memcpy((char *)to->values + end,
                    (const char *)part->values + begin, size);
            if (rc != LARDER_OK)
                return rc;
        }
        end += size;
        to->offsets[to->n_rows + i + 1] = (int64_t)end;
    }
    return LARDER_OK;
}

/* Bytes of text in the rows; SIZE_MAX past what a column may hold. */
static size_t
bytes_of_rows(
    const larder_column *const *from, const size_t *rows, size_t n_rows)
{
    size_t total = 0;

    for (size_t i = 0; i < n_rows; i++) {
        if (rows[i] != SIZE_MAX) {
            const int64_t *ends =
                part_of(from, rows[i])->offsets + place_of(rows[i]);

            total += (size_t)(ends[1] - ends[0]);
        }
        if (total > LDR_COLUMN_MOST_TEXT)
            return SIZE_MAX;
    }
    return total;
}

larder_status
ldr_column_gather_parts(larder_column *to, const larder_column *const *from,
    size_t n_parts, const size_t *rows, size_t n_rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (n_rows == 0)
        return LARDER_OK;
    LARDER_TRY(ldr_column_grow_rows(to, n_rows, err));
    if (to->offsets == NULL) {
        gather_fixed(to, from, n_parts, rows, n_rows);
    } else {
        if (to->items == NULL)
            LARDER_TRY(ldr_column_grow_text(
                to, bytes_of_rows(from, rows, n_rows), err));
        LARDER_TRY(gather_contents(to, from, rows, n_rows, err));
    }
    LARDER_TRY(gather_valid(to, from, n_parts, rows, n_rows, err));
    to->n_rows += n_rows;
out:
    if (rc != LARDER_OK)
        ldr_column_truncate(to, to->n_rows);
    return rc;
}

larder_status
ldr_column_gather(larder_column *to, const larder_column *from,
    const size_t *rows, size_t n_rows, larder_error *err)
{
    assert(to->type == from->type && to != from);
    return ldr_column_gather_parts(to, &from, 1, rows, n_rows, err);
}
