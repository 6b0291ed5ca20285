/* SPDX-License-Identifier: Apache-2.0 */
/*
 * column.c - one column: make, grow, append, release.
 *
 * A column grows by doubling and keeps its memory when cleared, so what is used
 * again soon allocates nothing. `valid` is made with the first null (or by a
 * reserve) and written with every row from then on; what lies beyond n_rows in
 * any buffer means nothing.
 */
#include "data/column.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"

#define FIRST_ROWS ((size_t)64)
#define FIRST_BYTES ((size_t)256)

static larder_status
out_of_memory(size_t size, larder_error *err)
{
    return larder_fail(
        err, LARDER_NOMEM, "out of memory for a column of %zu bytes", size);
}

larder_status
ldr_column_init(larder_column *column, larder_type type, larder_error *err)
{
    larder_column made = {.type = type};

    if (!ldr_type_is_list(type) && !ldr_type_is_text(type) &&
        type != LARDER_BOOL && ldr_type_width(type) == 0)
        return larder_fail(
            err, LARDER_INVALID, "%u is not a type of values", (unsigned)type);
    if (ldr_type_is_list(type)) {
        made.items = calloc(1, sizeof *made.items);
        if (made.items == NULL)
            return out_of_memory(sizeof *made.items, err);
        made.items->type = ldr_type_item(type);
    }
    *column = made;
    return LARDER_OK;
}

void
ldr_column_clear(larder_column *column)
{
    column->n_rows = 0;
    column->n_nulls = 0;
    if (column->items != NULL)
        ldr_column_clear(column->items);
}

void
ldr_column_release(larder_column *column)
{
    if (column->items != NULL)
        ldr_column_release(column->items);
    free(column->items);
    free(column->valid);
    free(column->values);
    free(column->offsets);
    *column = (larder_column){0};
}

/* ----------------------------------------------------------------- growing */

/* Give *buffer `size` bytes; it stays as it was when there is no memory. */
static larder_status
resize(void **buffer, size_t size, larder_error *err)
{
    void *grown = realloc(*buffer, size);

    if (grown == NULL)
        return out_of_memory(size, err);
    *buffer = grown;
    return LARDER_OK;
}

static larder_status
resize_bits(uint8_t **bits, size_t from_rows, size_t to_rows, int fill,
    larder_error *err)
{
    uint8_t *grown = realloc(*bits, to_rows / 8);

    if (grown == NULL)
        return out_of_memory(to_rows / 8, err);
    memset(grown + from_rows / 8, fill, (to_rows - from_rows) / 8);
    *bits = grown;
    return LARDER_OK;
}

static larder_status
resize_offsets(larder_column *column, size_t room, larder_error *err)
{
    void *offsets = column->offsets;
    bool first = offsets == NULL;
    larder_status rc = resize(&offsets, (room + 1) * sizeof(int64_t), err);

    if (rc != LARDER_OK)
        return rc;
    column->offsets = offsets;
    if (first)
        column->offsets[0] = 0;
    return LARDER_OK;
}

static larder_status
resize_values(larder_column *column, size_t room, larder_error *err)
{
    size_t width = ldr_type_width(column->type);

    if (column->type == LARDER_BOOL) {
        uint8_t *bits = column->values;
        larder_status rc = resize_bits(&bits, column->room_rows, room, 0, err);

        column->values = bits;
        return rc;
    }
    if (width != 0)
        return resize(&column->values, room * width, err);
    return resize_offsets(column, room, err);
}

/* Room for n_rows more; room_rows is a multiple of 64, for the bits' sake. */
larder_status
ldr_column_grow_rows(larder_column *column, size_t n_rows, larder_error *err)
{
    size_t room = column->room_rows * 2, need;
    larder_status rc;

    if (n_rows > LDR_COLUMN_MOST_ROWS - column->n_rows)
        return larder_fail(err, LARDER_LIMIT, "a column holds at most %zu rows",
            (size_t)LDR_COLUMN_MOST_ROWS);
    need = (column->n_rows + n_rows + 63) / 64 * 64;
    if (need <= column->room_rows)
        return LARDER_OK;
    if (room < need)
        room = need < FIRST_ROWS ? FIRST_ROWS : need;
    rc = resize_values(column, room, err);
    if (rc == LARDER_OK && column->valid != NULL)
        rc = resize_bits(&column->valid, column->room_rows, room, 0xff, err);
    if (rc == LARDER_OK)
        column->room_rows = room;
    return rc;
}

static inline larder_status
one_more_row(larder_column *column, larder_error *err)
{
    return column->n_rows < column->room_rows
               ? LARDER_OK
               : ldr_column_grow_rows(column, 1, err);
}

/* Room for so much more text. */
larder_status
ldr_column_grow_text(larder_column *column, size_t n_bytes, larder_error *err)
{
    size_t used = ldr_column_contents(column), room = column->room_bytes * 2;
    larder_status rc;

    if (n_bytes > LDR_COLUMN_MOST_TEXT - used)
        return larder_fail(err, LARDER_LIMIT,
            "a column holds at most %zu bytes of text",
            (size_t)LDR_COLUMN_MOST_TEXT);
    if (used + n_bytes <= column->room_bytes)
        return LARDER_OK;
    if (room < used + n_bytes)
        room = used + n_bytes;
    if (room < FIRST_BYTES)
        room = FIRST_BYTES;
    rc = resize(&column->values, room, err);
    if (rc == LARDER_OK)
        column->room_bytes = room;
    return rc;
}

/* From now on each row has its bit. */
larder_status
ldr_column_make_valid(larder_column *column, larder_error *err)
{
    if (column->valid != NULL || column->room_rows == 0)
        return LARDER_OK;
    return resize_bits(&column->valid, 0, column->room_rows, 0xff, err);
}

larder_status
larder_column_reserve(
    larder_column *column, size_t n_rows, size_t n_bytes, larder_error *err)
{
    larder_status rc = ldr_column_grow_rows(column, n_rows, err);

    if (rc == LARDER_OK)
        rc = ldr_column_make_valid(column, err);
    if (rc == LARDER_OK && ldr_type_is_text(column->type) && n_bytes != 0)
        rc = ldr_column_grow_text(column, n_bytes, err);
    return rc;
}

/* --------------------------------------------------------------- appending */

/* The row whose value was just written is there. */
static inline void
count_row(larder_column *column)
{
    if (column->valid != NULL)
        ldr_bit_set(column->valid, column->n_rows, true);
    column->n_rows++;
}

static larder_status
wrong_type(const larder_column *column, const char *what, larder_error *err)
{
    return larder_fail(err, LARDER_INVALID, "a column of %s cannot hold %s",
        larder_type_name(column->type), what);
}

larder_status
larder_column_append_integer(
    larder_column *column, int64_t value, larder_error *err)
{
    larder_status rc = one_more_row(column, err);

    if (rc != LARDER_OK)
        return rc;
    if (column->type == LARDER_INT64 || column->type == LARDER_TIMESTAMP) {
        ((int64_t *)column->values)[column->n_rows] = value;
    } else if (column->type == LARDER_INT32) {
        if (value < INT32_MIN || value > INT32_MAX)
            return larder_fail(err, LARDER_INVALID,
                "%lld is beyond int32 (-2147483648 to 2147483647)",
                (long long)value);
        ((int32_t *)column->values)[column->n_rows] = (int32_t)value;
    } else if (column->type == LARDER_BOOL) {
        ldr_bit_set(column->values, column->n_rows, value != 0);
    } else {
        return wrong_type(column, "an integer", err);
    }
    count_row(column);
    return LARDER_OK;
}

larder_status
larder_column_append_real(
    larder_column *column, double value, larder_error *err)
{
    larder_status rc = one_more_row(column, err);

    if (rc != LARDER_OK)
        return rc;
    if (column->type == LARDER_FLOAT64)
        ((double *)column->values)[column->n_rows] = value;
    else if (column->type == LARDER_FLOAT32)
        ((float *)column->values)[column->n_rows] = (float)value;
    else
        return wrong_type(column, "a real number", err);
    count_row(column);
    return LARDER_OK;
}

/* Room for the text, which may be the column's own. */
static larder_status
grow_for(larder_column *column, larder_bytes *text, larder_error *err)
{
    uintptr_t own = (uintptr_t)column->values, at = (uintptr_t)text->data;
    bool is_own = at >= own && at - own < column->room_bytes;
    larder_status rc = ldr_column_grow_text(column, text->size, err);

    if (rc == LARDER_OK && is_own)
        text->data = (const char *)column->values + (at - own);
    return rc;
}

larder_status
larder_column_append_text(
    larder_column *column, larder_bytes text, larder_error *err)
{
    larder_status rc = one_more_row(column, err);
    size_t used;

    if (rc != LARDER_OK)
        return rc;
    if (!ldr_type_is_text(column->type))
        return wrong_type(column, "text", err);
    used = ldr_column_contents(column);
    if (text.size > column->room_bytes - used) {
        rc = grow_for(column, &text, err);
        if (rc != LARDER_OK)
            return rc;
    }
    if (text.size != 0)
        memcpy((char *)column->values + used, text.data, text.size);
    column->offsets[column->n_rows + 1] = (int64_t)(used + text.size);
    count_row(column);
    return LARDER_OK;
}

larder_status
larder_column_append_null(larder_column *column, larder_error *err)
{
    larder_status rc = one_more_row(column, err);
    size_t row = column->n_rows;

    if (rc == LARDER_OK)
        rc = ldr_column_make_valid(column, err);
    if (rc != LARDER_OK)
        return rc;
    if (column->type == LARDER_BOOL)
        ldr_bit_set(column->values, row, false);
    else if (column->offsets != NULL)
        column->offsets[row + 1] = column->offsets[row];
    else if (ldr_type_width(column->type) == 4)
        ((int32_t *)column->values)[row] = 0;
    else
        ((int64_t *)column->values)[row] = 0;
    ldr_bit_set(column->valid, row, false);
    column->n_nulls++;
    column->n_rows++;
    return LARDER_OK;
}

larder_status
ldr_column_close_list(larder_column *column, larder_error *err)
{
    larder_status rc = one_more_row(column, err);

    if (rc != LARDER_OK)
        return rc;
    column->offsets[column->n_rows + 1] = (int64_t)column->items->n_rows;
    count_row(column);
    return LARDER_OK;
}

static larder_status
append_list(larder_column *column, const larder_value *value, larder_error *err)
{
    const larder_column *items = value->as.list.items;
    size_t begin = value->as.list.begin, end = value->as.list.end;
    larder_status rc = LARDER_OK;

    if (begin < end && items->type != column->items->type)
        return wrong_type(column, larder_type_name(items->type), err);
    if (begin < end)
        rc = ldr_column_copy(column->items, items, begin, end - begin, err);
    if (rc == LARDER_OK)
        rc = ldr_column_close_list(column, err);
    if (rc != LARDER_OK)
        ldr_column_truncate(column, column->n_rows);
    return rc;
}

larder_status
larder_column_append(
    larder_column *column, const larder_value *value, larder_error *err)
{
    if (value->null)
        return larder_column_append_null(column, err);
    if (value->type != column->type)
        return wrong_type(column, larder_type_name(value->type), err);
    switch (value->type) {
    case LARDER_BOOL:
        return larder_column_append_integer(column, value->as.boolean, err);
    case LARDER_INT32:
    case LARDER_INT64:
    case LARDER_TIMESTAMP:
        return larder_column_append_integer(column, value->as.integer, err);
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        return larder_column_append_real(column, value->as.real, err);
    case LARDER_STRING:
    case LARDER_BYTES:
        return larder_column_append_text(column, value->as.text, err);
    case LARDER_LIST:
    case LARDER_BOOL_LIST:
    case LARDER_INT32_LIST:
    case LARDER_INT64_LIST:
    case LARDER_FLOAT32_LIST:
    case LARDER_FLOAT64_LIST:
    case LARDER_STRING_LIST:
    case LARDER_BYTES_LIST:
    case LARDER_TIMESTAMP_LIST:
        break;
    }
    return append_list(column, value, err);
}

void
ldr_column_truncate(larder_column *column, size_t n_rows)
{
    assert(n_rows <= column->n_rows);
    for (size_t row = n_rows; row < column->n_rows; row++)
        if (ldr_column_is_null(column, row))
            column->n_nulls--;
    column->n_rows = n_rows;
    if (column->items != NULL) {
        size_t kept = n_rows == 0 ? 0 : (size_t)column->offsets[n_rows];

        ldr_column_truncate(column->items, kept);
    }
}
