/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_decode.c - values in PostgreSQL's binary form into columns.
 *
 * What Larder wrote comes back as it was, to the bit. What a user stored may be
 * of another type than the one wanted: what has one meaning there is read, all
 * else is refused by name.
 */
#include "postgres_cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OF_DAY (POSTGRES_DAY - 1)

static uint32_t
get32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;

    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t
get64(const char *at)
{
    return (uint64_t)get32(at) << 32 | get32(at + 4);
}

/* Say which column of which table does not hold what it should. */
static larder_status
refuse(const postgres_reading *reading, const char *what, larder_error *err)
{
    return larder_fail(err, LARDER_INVALID,
        "%s, column '%s': %s cannot be read as %s", reading->words,
        reading->name, what, larder_type_name(reading->type));
}

static larder_status
refuse_value(const postgres_reading *reading, const larder_value *value,
    larder_error *err)
{
    char text[64], what[80];
    size_t size = larder_value_print(value, text, sizeof text - 1);

    if (size >= sizeof text)
        size = 0;
    text[size] = '\0';
    (void)snprintf(what, sizeof what, "the value '%s'", text);
    return refuse(reading, what, err);
}

static larder_status
damaged(const postgres_reading *reading, larder_error *err)
{
    return larder_fail(err, LARDER_CORRUPT,
        "%s, column '%s': the server sent a value of a wrong size",
        reading->words, reading->name);
}

/* ----------------------------------------------------------------- numbers */

/* A bool or an integer, whose size is one of these. */
static bool
get_integer(const char *bytes, int size, int64_t *out)
{
    switch (size) {
    case 1:
        *out = bytes[0] != 0;
        return true;
    case 2:
        *out = (int16_t)(get32((const char[4]){0, 0, bytes[0], bytes[1]}));
        return true;
    case 4:
        *out = (int32_t)get32(bytes);
        return true;
    case 8:
        *out = (int64_t)get64(bytes);
        return true;
    default:
        return false;
    }
}

static bool
get_real(const char *bytes, int size, double *out)
{
    uint64_t wide;
    uint32_t narrow;
    float single;

    if (size == 4) {
        narrow = get32(bytes);
        memcpy(&single, &narrow, 4);
        *out = (double)single;
        return true;
    }
    if (size != 8)
        return false;
    wide = get64(bytes);
    memcpy(out, &wide, 8);
    return true;
}

/* ------------------------------------------------------------------- times */

/* An integer of the user's unit, floored. False: out of range. */
static bool
scale_integer(larder_time_unit unit, int64_t value, larder_time *out)
{
    int64_t factor = 1;

    switch (unit) {
    case LARDER_UNIT_US:
        break;
    case LARDER_UNIT_S:
        factor = 1000000;
        break;
    case LARDER_UNIT_MS:
        factor = 1000;
        break;
    case LARDER_UNIT_NS:
        value = value / 1000 - (value % 1000 < 0);
        break;
    }
    if (value < LARDER_TIME_MIN / factor || value > LARDER_TIME_MAX / factor)
        return false;
    *out = value * factor;
    return true;
}

static bool
scale_real(larder_time_unit unit, double value, larder_time *out)
{
    static const double factors[] = {[LARDER_UNIT_US] = 1,
        [LARDER_UNIT_S] = 1e6,
        [LARDER_UNIT_MS] = 1e3,
        [LARDER_UNIT_NS] = 1e-3};
    double us = floor(value * factors[unit]);

    if (!(us >= (double)LARDER_TIME_MIN && us <= 253402300799999000.0))
        return false;
    *out = (larder_time)us;
    return true;
}

/* What stands `at` microseconds after 2000, as a moment. */
static larder_status
place(const postgres_reading *reading, int64_t at, int32_t offset_minutes,
    larder_time *out, larder_error *err)
{
    int64_t offset = (int64_t)offset_minutes * 60000000;

    if (at == INT64_MAX || at == INT64_MIN)
        return refuse(reading,
            at < 0 ? "the moment '-infinity'" : "the moment 'infinity'", err);
    if (at < LARDER_TIME_MIN - POSTGRES_EPOCH + offset ||
        at > LARDER_TIME_MAX - POSTGRES_EPOCH + offset)
        return refuse(reading, "a moment outside the years 0001 to 9999", err);
    *out = at + POSTGRES_EPOCH - offset;
    return LARDER_OK;
}

static larder_status
read_date(const postgres_reading *reading, const char *bytes, larder_time *out,
    larder_error *err)
{
    int32_t day = (int32_t)get32(bytes);
    larder_status rc;

    if (day == INT32_MAX || day == INT32_MIN)
        return refuse(reading,
            day < 0 ? "the date '-infinity'" : "the date 'infinity'", err);
    rc = place(
        reading, day * POSTGRES_DAY, reading->naive_offset_minutes, out, err);
    if (rc == LARDER_OK && reading->ends_day)
        *out += OF_DAY;
    return rc;
}

static larder_status
refuse_naive(const postgres_reading *reading, larder_error *err)
{
    (void)larder_fail(err, LARDER_INVALID,
        "%s, column '%s' holds times without a zone", reading->words,
        reading->name);
    larder_hint(err, "say which zone in the source: `timezone: UTC`");
    return LARDER_INVALID;
}

/* YYYY-MM-DD alone. */
static bool
is_date(const char *text, int size)
{
    return size == 10 && text[4] == '-' && text[7] == '-';
}

static larder_status
parse_time(const postgres_reading *reading, const char *bytes, int size,
    larder_time *out, larder_error *err)
{
    larder_status rc = larder_time_parse((larder_bytes){bytes, (size_t)size},
        reading->naive_offset_minutes, out, err);

    if (rc != LARDER_OK)
        larder_context(err, "%s, column '%s'", reading->words, reading->name);
    else if (reading->ends_day && is_date(bytes, size))
        *out += OF_DAY;
    return rc;
}

larder_status
postgres_time_read(const postgres_reading *reading, const char *bytes, int size,
    larder_time *out, larder_error *err)
{
    larder_value number = {.type = LARDER_INT64};
    bool naive = reading->naive_offset_minutes == LARDER_NAIVE_REFUSED;

    switch ((int)reading->family) {
    case POSTGRES_ZONED:
        return size != 8 ? damaged(reading, err)
                         : place(reading, (int64_t)get64(bytes), 0, out, err);
    case POSTGRES_NAIVE:
    case POSTGRES_DATE:
        if (naive)
            return refuse_naive(reading, err);
        if (reading->family == POSTGRES_DATE)
            return size != 4 ? damaged(reading, err)
                             : read_date(reading, bytes, out, err);
        return size != 8 ? damaged(reading, err)
                         : place(reading, (int64_t)get64(bytes),
                               reading->naive_offset_minutes, out, err);
    case POSTGRES_INTEGER:
        if (!get_integer(bytes, size, &number.as.integer))
            return damaged(reading, err);
        return scale_integer(reading->unit, number.as.integer, out)
                   ? LARDER_OK
                   : refuse_value(reading, &number, err);
    case POSTGRES_REAL:
        number.type = LARDER_FLOAT64;
        if (!get_real(bytes, size, &number.as.real))
            return damaged(reading, err);
        return scale_real(reading->unit, number.as.real, out)
                   ? LARDER_OK
                   : refuse_value(reading, &number, err);
    case POSTGRES_TEXT:
        return parse_time(reading, bytes, size, out, err);
    default:
        return refuse(reading, "a value of its type", err);
    }
}

/* ------------------------------------------------------------------ values */

static larder_status
parse(const postgres_reading *reading, const char *bytes, int size,
    larder_column *column, larder_error *err)
{
    larder_status rc =
        larder_value_parse(column, (larder_bytes){bytes, (size_t)size},
            reading->naive_offset_minutes, err);

    if (rc != LARDER_OK)
        larder_context(err, "%s, column '%s'", reading->words, reading->name);
    return rc;
}

/* A real that is an int64 too. */
static bool
is_whole(double real)
{
    return real >= -0x1p63 && real < 0x1p63 && real == floor(real);
}

static larder_status
read_integer(const postgres_reading *reading, const char *bytes, int size,
    larder_column *column, larder_error *err)
{
    larder_value number = {.type = LARDER_INT64};
    larder_status rc;
    double real;

    if (reading->family == POSTGRES_REAL) {
        if (!get_real(bytes, size, &real))
            return damaged(reading, err);
        if (!is_whole(real)) {
            number = (larder_value){.type = LARDER_FLOAT64, .as.real = real};
            return refuse_value(reading, &number, err);
        }
        number.as.integer = (int64_t)real;
    } else if (!get_integer(bytes, size, &number.as.integer)) {
        return damaged(reading, err);
    }
    if (reading->type == LARDER_BOOL &&
        (number.as.integer < 0 || number.as.integer > 1))
        return refuse_value(reading, &number, err);
    rc = larder_column_append_integer(column, number.as.integer, err);
    return rc == LARDER_INVALID ? refuse_value(reading, &number, err) : rc;
}

static larder_status
read_real(const postgres_reading *reading, const char *bytes, int size,
    larder_column *column, larder_error *err)
{
    int64_t integer = 0;
    double real = 0;

    if (reading->family == POSTGRES_REAL) {
        if (!get_real(bytes, size, &real))
            return damaged(reading, err);
    } else {
        if (!get_integer(bytes, size, &integer))
            return damaged(reading, err);
        real = (double)integer;
    }
    return larder_column_append_real(column, real, err);
}

static bool
is_ascii(const char *text, int size)
{
    unsigned char all = 0;

    for (int i = 0; i < size; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

/* What is no text is spelt as Larder spells it. */
static larder_status
read_as_text(const postgres_reading *reading, const char *bytes, int size,
    larder_column *column, larder_error *err)
{
    larder_value value = {.type = LARDER_INT64};
    postgres_reading own = *reading;
    char text[64];
    larder_status rc = LARDER_OK;

    if (reading->family == POSTGRES_REAL) {
        value.type = size == 4 ? LARDER_FLOAT32 : LARDER_FLOAT64;
        if (!get_real(bytes, size, &value.as.real))
            return damaged(reading, err);
    } else if (reading->family == POSTGRES_BOOL) {
        value = (larder_value){
            .type = LARDER_BOOL, .as.boolean = size == 1 && bytes[0] != 0};
    } else if (reading->family == POSTGRES_INTEGER) {
        if (!get_integer(bytes, size, &value.as.integer))
            return damaged(reading, err);
    } else {
        value.type = own.type = LARDER_TIMESTAMP;
        LARDER_TRY(
            postgres_time_read(&own, bytes, size, &value.as.integer, err));
    }
    rc = larder_column_append_text(column,
        (larder_bytes){text, larder_value_print(&value, text, sizeof text)},
        err);
out:
    return rc;
}

static larder_status
read_text(const postgres_reading *reading, const char *bytes, int size,
    larder_column *column, larder_error *err)
{
    if (reading->family == POSTGRES_BYTES || reading->family == POSTGRES_ARRAY)
        return refuse(reading,
            reading->family == POSTGRES_BYTES ? "bytes" : "an array", err);
    if (reading->family != POSTGRES_TEXT)
        return read_as_text(reading, bytes, size, column, err);
    if (is_ascii(bytes, size))
        return larder_column_append_text(
            column, (larder_bytes){bytes, (size_t)size}, err);
    return parse(reading, bytes, size, column, err);
}

static larder_status
read_item(const postgres_reading *reading, const char *bytes, int size,
    larder_column *column, larder_error *err)
{
    postgres_family family = reading->family;
    larder_time time = 0;
    larder_status rc;

    if (reading->type == LARDER_STRING)
        return read_text(reading, bytes, size, column, err);
    if (reading->type == LARDER_BYTES)
        return family != POSTGRES_BYTES && family != POSTGRES_TEXT
                   ? refuse(reading, "a value of its type", err)
                   : larder_column_append_text(
                         column, (larder_bytes){bytes, (size_t)size}, err);
    if (reading->type == LARDER_TIMESTAMP) {
        rc = postgres_time_read(reading, bytes, size, &time, err);
        return rc == LARDER_OK ? larder_column_append_integer(column, time, err)
                               : rc;
    }
    if (family == POSTGRES_TEXT)
        return parse(reading, bytes, size, column, err);
    if (family != POSTGRES_BOOL && family != POSTGRES_INTEGER &&
        family != POSTGRES_REAL)
        return refuse(reading, "a value of its type", err);
    if (reading->type == LARDER_FLOAT32 || reading->type == LARDER_FLOAT64)
        return read_real(reading, bytes, size, column, err);
    return read_integer(reading, bytes, size, column, err);
}

/* ------------------------------------------------------------------- lists */

void
postgres_items_release(postgres_items *items)
{
    larder_batch_release(&items->batch);
    *items = (postgres_items){0};
}

/* The scratch column, empty and of this type. */
static larder_status
clear_items(postgres_items *items, larder_type type, larder_error *err)
{
    if (items->field.type == type) {
        larder_batch_clear(&items->batch);
        return LARDER_OK;
    }
    larder_batch_release(&items->batch);
    items->field = (larder_field){"item", type};
    items->schema = (larder_schema){&items->field, 1};
    return larder_batch_init(&items->batch, &items->schema, err);
}

/* Number of items, and where they begin; false: it is no such array. */
static bool
open_array(const char *bytes, int size, uint32_t *n, int *begin, Oid *item)
{
    *n = 0;
    *begin = 12;
    if (size < 12)
        return false;
    *item = get32(bytes + 8);
    if (get32(bytes) == 0)
        return true;
    if (get32(bytes) != 1 || size < 20)
        return false;
    *n = get32(bytes + 12);
    *begin = 20;
    return true;
}

static larder_status
read_items(const postgres_reading *item, const char *bytes, int size, int at,
    uint32_t n, larder_column *column, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (uint32_t i = 0; i < n && rc == LARDER_OK; i++) {
        int length;

        if (size - at < 4)
            return damaged(item, err);
        length = (int)get32(bytes + at);
        at += 4;
        if (length < 0) {
            rc = larder_column_append_null(column, err);
            continue;
        }
        if (size - at < length)
            return damaged(item, err);
        rc = read_item(item, bytes + at, length, column, err);
        at += length;
    }
    return rc;
}

static larder_status
read_list(const postgres_reading *reading, const char *bytes, int size,
    postgres_items *items, larder_column *column, larder_error *err)
{
    postgres_reading item = *reading;
    larder_value list = {.type = reading->type};
    uint32_t n = 0;
    int begin = 0;
    larder_status rc = LARDER_OK;

    if (reading->family == POSTGRES_TEXT)
        return parse(reading, bytes, size, column, err);
    if (reading->family != POSTGRES_ARRAY)
        return refuse(reading, "a value that is no array", err);
    if (!open_array(bytes, size, &n, &begin, &item.given))
        return refuse(reading, "an array of several dimensions", err);
    item.family = postgres_family_of(item.given);
    item.type = (larder_type)((unsigned)reading->type & ~(unsigned)LARDER_LIST);
    LARDER_TRY(clear_items(items, item.type, err));
    LARDER_TRY(read_items(
        &item, bytes, size, begin, n, &items->batch.columns[0], err));
    list.as.list.items = &items->batch.columns[0];
    list.as.list.end = n;
    rc = larder_column_append(column, &list, err);
out:
    return rc;
}

/* This is run for each cell of each row, so the plain cases come first. */
larder_status
postgres_cell_read(const postgres_reading *reading, const char *bytes, int size,
    postgres_items *items, larder_column *column, larder_error *err)
{
    double real;

    if (bytes == NULL)
        return larder_column_append_null(column, err);
    if (reading->type == LARDER_FLOAT64 && reading->given == 701 &&
        get_real(bytes, size, &real))
        return larder_column_append_real(column, real, err);
    if (reading->type == LARDER_INT64 && reading->given == 20 && size == 8)
        return larder_column_append_integer(column, (int64_t)get64(bytes), err);
    if (((unsigned)reading->type & (unsigned)LARDER_LIST) != 0)
        return read_list(reading, bytes, size, items, column, err);
    return read_item(reading, bytes, size, column, err);
}
