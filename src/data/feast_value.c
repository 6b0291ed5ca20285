/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feast_value.c - one value as the bytes of a feast.types.Value, and back (see
 * feast_row.h).
 *
 * A Value holds one field, whose number says the type: a list has ten more than
 * its items, and is a message of them. Zeros are written, since being there is
 * what tells a value from a null, which is no bytes at all.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/bytes.h"
#include "data/column.h"
#include "data/feast_row.h"
#include "data/protobuf.h"
#include "data/schema.h"
#include "data/text.h"

/* Numbers of fields, which are numbers of types. */
enum {
    OF_BYTES = 1,
    OF_STRING = 2,
    OF_INT32 = 3,
    OF_INT64 = 4,
    OF_DOUBLE = 5,
    OF_FLOAT = 6,
    OF_BOOL = 7,
    OF_TIMESTAMP = 8,
    OF_NULL = 19,
    LIST = 10 /* more than its items */
};

/* How Feast spells a null timestamp: NaT, as pandas has it. */
#define NOT_A_TIME INT64_MIN

static unsigned
number_of(larder_type item)
{
    switch ((unsigned)item) {
    case LARDER_BYTES:
        return OF_BYTES;
    case LARDER_STRING:
        return OF_STRING;
    case LARDER_INT32:
        return OF_INT32;
    case LARDER_INT64:
        return OF_INT64;
    case LARDER_FLOAT64:
        return OF_DOUBLE;
    case LARDER_FLOAT32:
        return OF_FLOAT;
    case LARDER_BOOL:
        return OF_BOOL;
    }
    return OF_TIMESTAMP;
}

/* ----------------------------------------------------------------- writing */

static uint32_t
float_bits(double real)
{
    float value = (float)real;
    uint32_t bits;

    if (isnan(value))
        return UINT32_C(0x7fc00000);
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t
double_bits(double value)
{
    uint64_t bits;

    if (isnan(value))
        return UINT64_C(0x7ff8000000000000);
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static ldr_wire
wire_of(larder_type item)
{
    if (ldr_type_is_text(item))
        return LDR_WIRE_BYTES;
    if (item == LARDER_FLOAT64)
        return LDR_WIRE_64;
    return item == LARDER_FLOAT32 ? LDR_WIRE_32 : LDR_WIRE_VARINT;
}

/* A number without its tag. */
static larder_status
put_number(
    ldr_buffer *out, const larder_column *column, size_t row, larder_error *err)
{
    larder_status rc;

    if (column->type != LARDER_FLOAT64 && column->type != LARDER_FLOAT32) {
        int64_t value = ldr_column_integer(column, row);

        if (column->type == LARDER_TIMESTAMP)
            value = ldr_time_seconds(value);
        return ldr_varint_put(out, (uint64_t)value, err);
    }
    LARDER_TRY(ldr_buffer_reserve(out, 8, err));
    if (column->type == LARDER_FLOAT64) {
        ldr_put_le64(
            out->data + out->size, double_bits(ldr_column_real(column, row)));
        out->size += 8;
    } else {
        ldr_put_le32(
            out->data + out->size, float_bits(ldr_column_real(column, row)));
        out->size += 4;
    }
out:
    return rc;
}

static larder_status
put_items(ldr_buffer *out, const larder_column *items, size_t begin, size_t end,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = begin; i < end; i++) {
        if (ldr_column_is_null(items, i)) {
            rc = larder_fail(err, LARDER_INVALID,
                "Feast has no null inside of a list: the list cannot be "
                "written in its layout");
            goto out;
        }
        if (ldr_type_is_text(items->type))
            LARDER_TRY(
                ldr_wire_put_bytes(out, 1, ldr_column_text(items, i), err));
        else
            LARDER_TRY(put_number(out, items, i, err));
    }
out:
    return rc;
}

/* The bytes behind `begin` become those of a field, its length before them. */
static larder_status
enclose(ldr_buffer *out, size_t begin, unsigned id, larder_error *err)
{
    unsigned char head[2 * LDR_VARINT_BYTES];
    size_t size = out->size - begin;
    size_t n = ldr_varint_write((uint64_t)id << 3 | LDR_WIRE_BYTES, head);
    larder_status rc;

    n += ldr_varint_write(size, head + n);
    LARDER_TRY(ldr_buffer_reserve(out, n, err));
    memmove(out->data + begin + n, out->data + begin, size);
    memcpy(out->data + begin, head, n);
    out->size += n;
out:
    return rc;
}

static larder_status
put_list(
    ldr_buffer *out, const larder_column *column, size_t row, larder_error *err)
{
    const larder_column *items = column->items;
    size_t from = (size_t)column->offsets[row];
    size_t end = (size_t)column->offsets[row + 1], begin = out->size;
    larder_status rc;

    LARDER_TRY(put_items(out, items, from, end, err));
    if (end > from && !ldr_type_is_text(items->type)) /* numbers are packed */
        LARDER_TRY(enclose(out, begin, 1, err));
    LARDER_TRY(enclose(out, begin, number_of(items->type) + LIST, err));
out:
    return rc;
}

larder_status
ldr_feast_value_write(
    const larder_column *column, size_t row, ldr_buffer *out, larder_error *err)
{
    unsigned id = number_of(column->type);
    size_t before = out->size;
    larder_status rc = LARDER_OK;

    if (ldr_column_is_null(column, row))
        return LARDER_OK;
    if (ldr_type_is_list(column->type)) {
        LARDER_TRY(put_list(out, column, row, err));
    } else if (ldr_type_is_text(column->type)) {
        LARDER_TRY(
            ldr_wire_put_bytes(out, id, ldr_column_text(column, row), err));
    } else {
        LARDER_TRY(ldr_wire_put(out, id, wire_of(column->type), err));
        LARDER_TRY(put_number(out, column, row, err));
    }
out:
    if (rc != LARDER_OK)
        out->size = before;
    return rc;
}

/* ----------------------------------------------------------------- reading */

static larder_status
garbage(larder_error *err)
{
    return larder_fail(
        err, LARDER_CORRUPT, "it is no serialized feast.types.Value");
}

static larder_status
other_type(uint64_t id, larder_type type, larder_error *err)
{
    return larder_fail(err, LARDER_CORRUPT,
        "it is of Feast's type %llu where one of %s is right",
        (unsigned long long)id, larder_type_name(type));
}

static larder_status
take_seconds(int64_t seconds, larder_column *out, larder_error *err)
{
    if (seconds == NOT_A_TIME)
        return larder_column_append_null(out, err);
    if (seconds < LARDER_TIME_MIN / LDR_SECOND ||
        seconds > LARDER_TIME_MAX / LDR_SECOND)
        return larder_fail(err, LARDER_CORRUPT,
            "it is a time outside of the years 0001 to 9999");
    return larder_column_append_integer(out, seconds * LDR_SECOND, err);
}

static larder_status
take_text(larder_bytes text, larder_column *out, larder_error *err)
{
    size_t bad;

    if (out->type == LARDER_STRING && !ldr_utf8_valid(text, &bad))
        return larder_fail(err, LARDER_CORRUPT,
            "it is no UTF-8 without NUL, from byte %zu on", bad);
    return larder_column_append_text(out, text, err);
}

static larder_status
take_integer(
    unsigned id, uint64_t number, larder_column *out, larder_error *err)
{
    /* Negative ones take ten bytes; more than 32 bits are cut, as protobuf
     * does. */
    int64_t value =
        id == OF_INT32 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;

    if (out->type == LARDER_INT32 && (value < INT32_MIN || value > INT32_MAX))
        return larder_fail(err, LARDER_CORRUPT, "it does not fit an int32");
    return larder_column_append_integer(out, value, err);
}

static larder_status
take_real(unsigned id, uint64_t number, larder_column *out, larder_error *err)
{
    double value;

    if (id == OF_FLOAT) {
        uint32_t bits = (uint32_t)number;
        float narrow;

        memcpy(&narrow, &bits, sizeof narrow);
        return larder_column_append_real(out, (double)narrow, err);
    }
    memcpy(&value, &number, sizeof value);
    if (out->type == LARDER_FLOAT32 && isfinite(value) &&
        (fabs(value) > (double)FLT_MAX || (double)(float)value != value))
        return larder_fail(
            err, LARDER_CORRUPT, "it is a double that no float32 is equal to");
    return larder_column_append_real(out, value, err);
}

/* May a feature of this type be read from a field of that? */
static bool
may_read(larder_type item, unsigned id)
{
    if (item == LARDER_INT32 || item == LARDER_INT64)
        return id == OF_INT32 || id == OF_INT64;
    if (item == LARDER_FLOAT32 || item == LARDER_FLOAT64)
        return id == OF_FLOAT || id == OF_DOUBLE;
    return id == number_of(item);
}

static ldr_wire
wire_of_field(unsigned id)
{
    if (id == OF_BYTES || id == OF_STRING)
        return LDR_WIRE_BYTES;
    if (id == OF_DOUBLE)
        return LDR_WIRE_64;
    return id == OF_FLOAT ? LDR_WIRE_32 : LDR_WIRE_VARINT;
}

/* A value, or an item, of the type a field's number says. */
static larder_status
take_value(unsigned id, const ldr_wire_field *field, larder_column *out,
    larder_error *err)
{
    if (field->wire != wire_of_field(id))
        return garbage(err);
    switch (id) {
    case OF_BYTES:
    case OF_STRING:
        return take_text(field->bytes, out, err);
    case OF_DOUBLE:
    case OF_FLOAT:
        return take_real(id, field->number, out, err);
    case OF_BOOL:
        return larder_column_append_integer(out, field->number != 0, err);
    case OF_TIMESTAMP:
        return take_seconds((int64_t)field->number, out, err);
    }
    return take_integer(id, field->number, out, err);
}

/* Numbers one after the other. */
static larder_status
take_packed(
    unsigned id, larder_bytes packed, larder_column *items, larder_error *err)
{
    ldr_wire_field item = {.wire = wire_of_field(id)};
    size_t width = id == OF_DOUBLE ? 8 : id == OF_FLOAT ? 4 : 0;
    larder_status rc = LARDER_OK;

    while (packed.size > 0) {
        const unsigned char *at = packed.data;

        if (width == 0) {
            if (!ldr_varint_take(&packed, &item.number))
                return garbage(err);
        } else {
            if (packed.size < width)
                return garbage(err);
            item.number = width == 8 ? ldr_get_le64(at) : ldr_get_le32(at);
            packed = (larder_bytes){at + width, packed.size - width};
        }
        LARDER_TRY(take_value(id, &item, items, err));
    }
out:
    return rc;
}

static larder_status
take_list(unsigned id, larder_bytes list, larder_column *out, larder_error *err)
{
    bool text = id == OF_BYTES || id == OF_STRING;
    larder_status rc = LARDER_OK;

    while (list.size > 0) {
        ldr_wire_field field;

        if (!ldr_wire_take(&list, &field)) {
            rc = garbage(err);
            goto out;
        }
        if (field.id != 1)
            continue; /* of a later Feast */
        if (field.wire == LDR_WIRE_BYTES && !text)
            LARDER_TRY(take_packed(id, field.bytes, out->items, err));
        else
            LARDER_TRY(take_value(id, &field, out->items, err));
    }
    LARDER_TRY(ldr_column_close_list(out, err));
out:
    if (rc != LARDER_OK)
        ldr_column_truncate(out, out->n_rows);
    return rc;
}

/* The field that says the value: of several the last. id 0: none does. */
static bool
find_field(larder_bytes value, ldr_wire_field *found)
{
    *found = (ldr_wire_field){0};
    while (value.size > 0)
        if (!ldr_wire_take(&value, found))
            return false;
    return true;
}

larder_status
ldr_feast_value_read(
    larder_bytes value, larder_column *column, larder_error *err)
{
    larder_type item = ldr_type_item(column->type);
    bool list = ldr_type_is_list(column->type);
    ldr_wire_field field;
    unsigned id;

    if (!find_field(value, &field))
        return garbage(err);
    if (field.id == 0 || field.id == OF_NULL)
        return larder_column_append_null(column, err);
    if (field.id > OF_NULL || (list && field.id <= LIST))
        return other_type(field.id, column->type, err);
    id = (unsigned)field.id - (list ? (unsigned)LIST : 0u);
    if (!may_read(item, id))
        return other_type(field.id, column->type, err);
    if (!list)
        return take_value(id, &field, column, err);
    if (field.wire != LDR_WIRE_BYTES)
        return garbage(err);
    return take_list(id, field.bytes, column, err);
}
