/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_bindings.c - what is bound to a statement.
 */
#include "postgres_cells.h"

#include <stdlib.h>
#include <string.h>

void
postgres_bindings_release(postgres_bindings *bindings)
{
    for (int i = 0; i < bindings->n_values; i++)
        free(bindings->kept[i]);
    free(bindings->kept);
    free(bindings->values);
    *bindings = (postgres_bindings){0};
}

static bool
grow(postgres_bindings *bindings)
{
    int room = bindings->room == 0 ? 8 : bindings->room * 2;
    postgres_value *values;
    void **kept;

    if (bindings->n_values < bindings->room)
        return true;
    values = realloc(bindings->values, (size_t)room * sizeof *values);
    if (values == NULL)
        return false;
    bindings->values = values;
    kept = realloc(bindings->kept, (size_t)room * sizeof(void *));
    if (kept == NULL)
        return false;
    bindings->kept = kept;
    bindings->room = room;
    return true;
}

/* Takes the bytes over; NULL is no memory. */
static int
keep(postgres_bindings *bindings, Oid type, void *bytes, size_t size)
{
    if (bytes == NULL || !grow(bindings)) {
        free(bytes);
        bindings->failed = true;
        return 0;
    }
    bindings->kept[bindings->n_values] = bytes;
    bindings->values[bindings->n_values] =
        (postgres_value){.type = type, .bytes = bytes, .size = (int)size};
    return ++bindings->n_values;
}

int
postgres_bind(
    postgres_bindings *bindings, Oid type, const void *bytes, size_t size)
{
    void *copy = malloc(size + 1);

    if (copy != NULL && size != 0)
        memcpy(copy, bytes, size);
    return keep(bindings, type, copy, size);
}

int
postgres_bind_int64(postgres_bindings *bindings, int64_t value)
{
    char bytes[8];

    postgres_put64(bytes, (uint64_t)value);
    return postgres_bind(bindings, 20, bytes, sizeof bytes);
}

int
postgres_bind_least(postgres_bindings *bindings, const postgres_shape *shape,
    const postgres_cell *cell, larder_time time)
{
    unsigned char bytes[8];
    int size = postgres_shape_least(shape, cell, time, bytes);

    return postgres_bind(
        bindings, postgres_shape_time_type(cell), bytes, (size_t)size);
}

int
postgres_bind_greatest(postgres_bindings *bindings, const postgres_shape *shape,
    const postgres_cell *cell, larder_time time)
{
    unsigned char bytes[8];
    int size = postgres_shape_greatest(shape, cell, time, bytes);

    return postgres_bind(
        bindings, postgres_shape_time_type(cell), bytes, (size_t)size);
}

/* ------------------------------------------------------------------- arrays */

/* Dimensions, a flag for nulls, the type, size and lower bound. */
static bool
begin_array(postgres_bytes *bytes, Oid item, size_t n)
{
    if (postgres_bytes_room(bytes, 20, NULL) != LARDER_OK)
        return false;
    postgres_put32(bytes->bytes, n != 0);
    postgres_put32(bytes->bytes + 4, 1);
    postgres_put32(bytes->bytes + 8, item);
    postgres_put32(bytes->bytes + 12, (uint32_t)n);
    postgres_put32(bytes->bytes + 16, 1);
    bytes->size = n != 0 ? 20 : 12;
    return true;
}

int
postgres_bind_array(postgres_bindings *bindings, const larder_column *column,
    size_t row, size_t n_rows)
{
    postgres_bytes bytes = {0};
    bool whole = begin_array(&bytes, postgres_declared(column->type), n_rows);

    for (size_t i = row; whole && i < row + n_rows; i++)
        whole = postgres_encode(&bytes, column, i, NULL) == LARDER_OK;
    if (!whole || bytes.size > INT32_MAX)
        postgres_bytes_release(&bytes);
    return keep(
        bindings, postgres_array_of(column->type), bytes.bytes, bytes.size);
}

int
postgres_bind_moments(postgres_bindings *bindings, const postgres_shape *shape,
    const postgres_cell *cell, const larder_time *times, const size_t *rows,
    size_t n_rows, bool greatest)
{
    Oid type = postgres_shape_time_type(cell);
    postgres_bytes bytes = {0};
    bool whole = begin_array(&bytes, type, n_rows);

    for (size_t i = 0; whole && i < n_rows; i++) {
        unsigned char value[8];
        larder_time time = times[rows == NULL ? i : rows[i]];
        int size = greatest ? postgres_shape_greatest(shape, cell, time, value)
                            : postgres_shape_least(shape, cell, time, value);

        whole = postgres_bytes_room(&bytes, 12, NULL) == LARDER_OK;
        if (!whole)
            break;
        postgres_put32(bytes.bytes + bytes.size, (uint32_t)size);
        memcpy(bytes.bytes + bytes.size + 4, value, (size_t)size);
        bytes.size += 4 + (size_t)size;
    }
    if (!whole || bytes.size > INT32_MAX)
        postgres_bytes_release(&bytes);
    return keep(
        bindings, postgres_array_of_type(type), bytes.bytes, bytes.size);
}
