/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_encode.c - values of columns in PostgreSQL's binary form.
 *
 * What PostgreSQL cannot hold is refused here, before it was sent: a NUL in a
 * text, a moment outside the years 0001 to 9999.
 */
#include "postgres_cells.h"

#include <stdlib.h>
#include <string.h>

/* No value of PostgreSQL's is greater. */
#define MOST_BYTES ((size_t)1 << 30)

larder_status
postgres_bytes_room(postgres_bytes *bytes, size_t more, larder_error *err)
{
    size_t need = bytes->size + more;
    char *grown;

    if (need <= bytes->room)
        return LARDER_OK;
    need = need < 4096 ? 4096 : need + need / 2;
    grown = realloc(bytes->bytes, need);
    if (grown == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    bytes->bytes = grown;
    bytes->room = need;
    return LARDER_OK;
}

void
postgres_bytes_release(postgres_bytes *bytes)
{
    free(bytes->bytes);
    *bytes = (postgres_bytes){0};
}

void
postgres_put16(char *at, uint16_t value)
{
    at[0] = (char)(value >> 8);
    at[1] = (char)(value & 0xff);
}

void
postgres_put32(char *at, uint32_t value)
{
    postgres_put16(at, (uint16_t)(value >> 16));
    postgres_put16(at + 2, (uint16_t)(value & 0xffff));
}

void
postgres_put64(char *at, uint64_t value)
{
    postgres_put32(at, (uint32_t)(value >> 32));
    postgres_put32(at + 4, (uint32_t)(value & UINT32_MAX));
}

/* Room is there for all of these. */
static void
add32(postgres_bytes *bytes, uint32_t value)
{
    postgres_put32(bytes->bytes + bytes->size, value);
    bytes->size += 4;
}

static void
add64(postgres_bytes *bytes, uint64_t value)
{
    postgres_put64(bytes->bytes + bytes->size, value);
    bytes->size += 8;
}

static inline bool
is_null(const larder_column *column, size_t row)
{
    return column->valid != NULL &&
           (column->valid[row >> 3] & (1u << (row & 7u))) == 0;
}

static larder_status
write_time(postgres_bytes *bytes, larder_time time, larder_error *err)
{
    if (time < LARDER_TIME_MIN || time > LARDER_TIME_MAX)
        return larder_fail(err, LARDER_INVALID,
            "the moment %lld (microseconds since 1970) is outside the years "
            "0001 to 9999",
            (long long)time);
    add32(bytes, 8);
    add64(bytes, (uint64_t)(time - POSTGRES_EPOCH));
    return LARDER_OK;
}

static larder_status
write_text(postgres_bytes *bytes, const larder_column *column, size_t row,
    larder_error *err)
{
    size_t begin = (size_t)column->offsets[row];
    size_t size = (size_t)column->offsets[row + 1] - begin;
    const char *text = size == 0 ? "" : (const char *)column->values + begin;
    larder_status rc;

    if (size >= MOST_BYTES)
        return larder_fail(err, LARDER_LIMIT,
            "a value of %zu bytes; PostgreSQL holds less than 1 GiB", size);
    if (column->type == LARDER_STRING && memchr(text, '\0', size) != NULL)
        return larder_fail(err, LARDER_INVALID,
            "a text holds a NUL byte, which PostgreSQL cannot store; the type "
            "bytes can");
    rc = postgres_bytes_room(bytes, size + 4, err);
    if (rc != LARDER_OK)
        return rc;
    add32(bytes, (uint32_t)size);
    memcpy(bytes->bytes + bytes->size, text, size);
    bytes->size += size;
    return LARDER_OK;
}

/* Dimensions, a flag for nulls, the type; then size and lower bound of the one
 * dimension, where there are items. */
static larder_status
write_list(postgres_bytes *bytes, const larder_column *column, size_t row,
    larder_error *err)
{
    size_t begin = (size_t)column->offsets[row];
    size_t end = (size_t)column->offsets[row + 1];
    size_t at = bytes->size;
    larder_status rc = postgres_bytes_room(bytes, 24, err);

    if (rc != LARDER_OK)
        return rc;
    bytes->size += 4;
    add32(bytes, begin != end);
    add32(bytes, 1);
    add32(bytes, postgres_declared(column->items->type));
    if (begin != end) {
        add32(bytes, (uint32_t)(end - begin));
        add32(bytes, 1);
    }
    for (size_t i = begin; i < end && rc == LARDER_OK; i++)
        rc = postgres_encode(bytes, column->items, i, err);
    if (bytes->size - at >= MOST_BYTES)
        return larder_fail(err, LARDER_LIMIT,
            "a list of %zu items; PostgreSQL holds less than 1 GiB",
            end - begin);
    postgres_put32(bytes->bytes + at, (uint32_t)(bytes->size - at - 4));
    return rc;
}

static uint32_t
bits32(const larder_column *column, size_t row)
{
    uint32_t bits;

    memcpy(&bits, (const char *)column->values + row * 4, 4);
    return bits;
}

static uint64_t
bits64(const larder_column *column, size_t row)
{
    uint64_t bits;

    memcpy(&bits, (const char *)column->values + row * 8, 8);
    return bits;
}

larder_status
postgres_encode(postgres_bytes *bytes, const larder_column *column, size_t row,
    larder_error *err)
{
    larder_status rc = postgres_bytes_room(bytes, 16, err);

    if (rc != LARDER_OK)
        return rc;
    if (is_null(column, row)) {
        add32(bytes, UINT32_MAX);
        return LARDER_OK;
    }
    switch ((int)column->type) {
    case LARDER_BOOL:
        add32(bytes, 1);
        bytes->bytes[bytes->size++] =
            (((const uint8_t *)column->values)[row >> 3] >> (row & 7u)) & 1;
        return LARDER_OK;
    case LARDER_INT32:
    case LARDER_FLOAT32:
        add32(bytes, 4);
        add32(bytes, bits32(column, row));
        return LARDER_OK;
    case LARDER_INT64:
    case LARDER_FLOAT64:
        add32(bytes, 8);
        add64(bytes, bits64(column, row));
        return LARDER_OK;
    case LARDER_TIMESTAMP:
        return write_time(bytes, ((const int64_t *)column->values)[row], err);
    case LARDER_STRING:
    case LARDER_BYTES:
        return write_text(bytes, column, row, err);
    default:
        return write_list(bytes, column, row, err);
    }
}

larder_status
postgres_copy_head(postgres_bytes *bytes, larder_error *err)
{
    static const char head[19] = "PGCOPY\n\377\r\n"; /* the rest is 0 */
    larder_status rc = postgres_bytes_room(bytes, sizeof head, err);

    if (rc != LARDER_OK)
        return rc;
    memcpy(bytes->bytes + bytes->size, head, sizeof head);
    bytes->size += sizeof head;
    return LARDER_OK;
}

larder_status
postgres_copy_tail(postgres_bytes *bytes, larder_error *err)
{
    larder_status rc = postgres_bytes_room(bytes, 2, err);

    if (rc != LARDER_OK)
        return rc;
    postgres_put16(bytes->bytes + bytes->size, UINT16_MAX);
    bytes->size += 2;
    return LARDER_OK;
}
