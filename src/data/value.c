/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - one value: read from a column, put before or after another.
 */
#include <string.h>

#include "data/batch.h"
#include "data/column.h"
#include "data/schema.h"

int64_t
ldr_column_integer(const larder_column *column, size_t row)
{
    if (column->type == LARDER_BOOL)
        return ldr_bit(column->values, row);
    if (column->type == LARDER_INT32)
        return ((const int32_t *)column->values)[row];
    return ((const int64_t *)column->values)[row];
}

double
ldr_column_real(const larder_column *column, size_t row)
{
    if (column->type == LARDER_FLOAT32)
        return (double)((const float *)column->values)[row];
    return ((const double *)column->values)[row];
}

larder_bytes
ldr_column_text(const larder_column *column, size_t row)
{
    int64_t begin = column->offsets[row];
    size_t size = (size_t)(column->offsets[row + 1] - begin);

    if (size == 0)
        return (larder_bytes){"", 0};
    return (larder_bytes){(const char *)column->values + begin, size};
}

larder_value
larder_column_value(const larder_column *column, size_t row)
{
    larder_value value = {.type = column->type};

    if (ldr_column_is_null(column, row)) {
        value.null = true;
        return value;
    }
    switch (column->type) {
    case LARDER_BOOL:
        value.as.boolean = ldr_bit(column->values, row);
        break;
    case LARDER_INT32:
    case LARDER_INT64:
    case LARDER_TIMESTAMP:
        value.as.integer = ldr_column_integer(column, row);
        break;
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        value.as.real = ldr_column_real(column, row);
        break;
    case LARDER_STRING:
    case LARDER_BYTES:
        value.as.text = ldr_column_text(column, row);
        break;
    case LARDER_LIST:
    case LARDER_BOOL_LIST:
    case LARDER_INT32_LIST:
    case LARDER_INT64_LIST:
    case LARDER_FLOAT32_LIST:
    case LARDER_FLOAT64_LIST:
    case LARDER_STRING_LIST:
    case LARDER_BYTES_LIST:
    case LARDER_TIMESTAMP_LIST:
        value.as.list.items = column->items;
        value.as.list.begin = (size_t)column->offsets[row];
        value.as.list.end = (size_t)column->offsets[row + 1];
        break;
    }
    return value;
}

static int
order_of(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
text_order(larder_bytes a, larder_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

    return order != 0 ? (order > 0) - (order < 0) : order_of(a.size, b.size);
}

static int
list_order(const larder_value *a, const larder_value *b)
{
    size_t i = a->as.list.begin, j = b->as.list.begin;

    for (; i < a->as.list.end && j < b->as.list.end; i++, j++) {
        larder_value x = larder_column_value(a->as.list.items, i);
        larder_value y = larder_column_value(b->as.list.items, j);
        int order = ldr_value_order(&x, &y);

        if (order != 0)
            return order;
    }
    return order_of(a->as.list.end - i, b->as.list.end - j);
}

int
ldr_value_order(const larder_value *a, const larder_value *b)
{
    if (a->null || b->null)
        return b->null - a->null;
    if (a->type != b->type)
        return order_of(a->type, b->type);
    if (ldr_type_is_text(a->type))
        return text_order(a->as.text, b->as.text);
    if (ldr_type_is_list(a->type))
        return list_order(a, b);
    if (a->type == LARDER_FLOAT32 || a->type == LARDER_FLOAT64)
        return order_of(ldr_real_rank(a->as.real), ldr_real_rank(b->as.real));
    if (a->type == LARDER_BOOL)
        return order_of(a->as.boolean, b->as.boolean);
    return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
}

bool
ldr_value_same(const larder_value *a, const larder_value *b)
{
    return ldr_value_order(a, b) == 0;
}
