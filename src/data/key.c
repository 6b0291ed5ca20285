/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.c - entity keys as bytes: typed, length-safe, sorting as the values do.
 *
 * memcmp of two keys of the same parts puts them as ldr_value_order() puts the
 * values, part after part: false before true, numbers by value, text by bytes.
 */
#include "data/key.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/batch.h"
#include "data/bytes.h"
#include "data/schema.h"

#define NO_PARTS 0x00u
#define ESCAPED 0xffu /* after a 00 that is text */
#define CLOSED 0x00u  /* after the 00 that ends it */

/* ---------------------------------------------------------------- encoding */

static larder_status
too_long(larder_error *err)
{
    return larder_fail(err, LARDER_LIMIT,
        "an entity key is longer than LARDER_KEY_MAX, %u bytes",
        LARDER_KEY_MAX);
}

static larder_status
add_byte(ldr_key *key, unsigned byte, larder_error *err)
{
    if (key->size == LARDER_KEY_MAX)
        return too_long(err);
    key->bytes[key->size++] = (unsigned char)byte;
    return LARDER_OK;
}

static larder_status
add_integer(ldr_key *key, int64_t value, larder_error *err)
{
    if (LARDER_KEY_MAX - key->size < 8)
        return too_long(err);
    ldr_put_ordered(key->bytes + key->size, value);
    key->size += 8;
    return LARDER_OK;
}

static larder_status
add_text(ldr_key *key, larder_bytes text, larder_error *err)
{
    const unsigned char *in = text.data;
    unsigned char *out = key->bytes + key->size;
    unsigned char *end = key->bytes + LARDER_KEY_MAX;

    for (size_t i = 0; i < text.size; i++) {
        if (end - out < 2)
            return too_long(err);
        *out++ = in[i];
        if (in[i] == 0)
            *out++ = ESCAPED;
    }
    if (end - out < 2)
        return too_long(err);
    *out++ = 0;
    *out++ = CLOSED;
    key->size = (size_t)(out - key->bytes);
    return LARDER_OK;
}

static larder_status
add_value(ldr_key *key, const larder_value *part, larder_error *err)
{
    if (part->type == LARDER_BOOL)
        return add_byte(key, part->as.boolean, err);
    if (ldr_type_is_text(part->type))
        return add_text(key, part->as.text, err);
    return add_integer(key, part->as.integer, err);
}

larder_status
ldr_key_add(ldr_key *key, const larder_value *part, larder_error *err)
{
    size_t before = key->size;
    larder_status rc;

    if (!ldr_type_is_key(part->type))
        return larder_fail(err, LARDER_INVALID,
            "%s cannot be part of a key; bool, int32, int64, string, bytes and "
            "timestamp can",
            larder_type_name(part->type));
    if (part->null)
        return larder_fail(
            err, LARDER_INVALID, "a part of the key is null; give it a value");
    rc = add_byte(key, (unsigned)part->type, err);
    if (rc == LARDER_OK)
        rc = add_value(key, part, err);
    if (rc != LARDER_OK)
        key->size = before;
    return rc;
}

void
ldr_key_start(ldr_key *key, uint32_t entity_set)
{
    ldr_put_be32(key->bytes, entity_set);
    key->size = LDR_KEY_HEAD_BYTES;
}

larder_status
ldr_key_encode(ldr_key *key, const larder_column *const *columns,
    size_t n_columns, size_t row, bool *null, larder_error *err)
{
    size_t before = key->size;
    larder_status rc = LARDER_OK;
    bool found = false;

    if (n_columns == 0)
        rc = add_byte(key, NO_PARTS, err);
    for (size_t i = 0; i < n_columns && rc == LARDER_OK && !found; i++) {
        larder_value part = larder_column_value(columns[i], row);

        if (part.null)
            found = true;
        else
            rc = ldr_key_add(key, &part, err);
    }
    if (rc != LARDER_OK || found)
        key->size = before;
    if (rc == LARDER_OK)
        *null = found;
    return rc;
}

/* ---------------------------------------------------------------- decoding */

/* What is left of a key to be read. */
typedef struct reading {
    const unsigned char *at, *end;
} reading;

static bool
read_integer(reading *rest, larder_type type, int64_t *out)
{
    if (rest->end - rest->at < 8)
        return false;
    *out = ldr_get_ordered(rest->at);
    rest->at += 8;
    return type != LARDER_INT32 || (*out >= INT32_MIN && *out <= INT32_MAX);
}

static bool
read_bool(reading *rest, bool *out)
{
    if (rest->at == rest->end || *rest->at > 1)
        return false;
    *out = *rest->at++ == 1;
    return true;
}

/* Into `room`, which holds as much as any key. */
static bool
read_text(reading *rest, unsigned char *room, size_t *size)
{
    *size = 0;
    while (rest->end - rest->at >= 2) {
        unsigned char byte = *rest->at++;

        if (byte == 0) {
            unsigned char after = *rest->at++;

            if (after == CLOSED)
                return true;
            if (after != ESCAPED)
                return false;
        }
        room[(*size)++] = byte;
    }
    return false;
}

static bool
read_part(reading *rest, unsigned char *room, larder_value *part)
{
    if (rest->at == rest->end || *rest->at != (unsigned)part->type)
        return false;
    rest->at++;
    if (part->type == LARDER_BOOL)
        return read_bool(rest, &part->as.boolean);
    if (ldr_type_is_text(part->type)) {
        part->as.text.data = room;
        return read_text(rest, room, &part->as.text.size);
    }
    return read_integer(rest, part->type, &part->as.integer);
}

bool
ldr_key_take(larder_bytes *rest, unsigned char *room, larder_value *part)
{
    reading left = {.at = rest->data};

    left.end = left.at + rest->size;
    if (!read_part(&left, room, part))
        return false;
    *rest = (larder_bytes){left.at, (size_t)(left.end - left.at)};
    return true;
}

static larder_status
corrupt(larder_error *err)
{
    return larder_fail(err, LARDER_CORRUPT,
        "stored key is damaged: it is not what its entity's keys look like");
}

static larder_status
decode_parts(reading *rest, larder_column *const *columns, size_t n_columns,
    larder_error *err)
{
    unsigned char room[LARDER_KEY_MAX];
    larder_status rc = LARDER_OK;

    if (n_columns == 0 && (rest->at == rest->end || *rest->at++ != NO_PARTS))
        return corrupt(err);
    for (size_t i = 0; i < n_columns && rc == LARDER_OK; i++) {
        larder_value part = {.type = columns[i]->type};

        if (!read_part(rest, room, &part))
            return corrupt(err);
        rc = larder_column_append(columns[i], &part, err);
    }
    if (rc == LARDER_OK && rest->at != rest->end)
        return corrupt(err);
    return rc;
}

larder_status
ldr_key_decode(larder_bytes key, larder_column *const *columns,
    size_t n_columns, larder_error *err)
{
    reading rest = {.at = key.data};
    size_t before = n_columns == 0 ? 0 : columns[0]->n_rows;
    larder_status rc;

    if (key.size == 0 || key.size > LARDER_KEY_MAX)
        return corrupt(err);
    rest.end = rest.at + key.size;
    rc = decode_parts(&rest, columns, n_columns, err);
    for (size_t i = 0; i < n_columns && rc != LARDER_OK; i++)
        if (columns[i]->n_rows > before)
            ldr_column_truncate(columns[i], before);
    return rc;
}

/* -------------------------------------------------------------- entity sets */

/* The first part in name order after `last` (NULL: of all). */
static const larder_field *
next_part(const larder_field *parts, size_t n_parts, const larder_field *last)
{
    const larder_field *next = NULL;

    for (size_t i = 0; i < n_parts; i++) {
        if (last != NULL && strcmp(parts[i].name, last->name) <= 0)
            continue;
        if (next == NULL || strcmp(parts[i].name, next->name) < 0)
            next = &parts[i];
    }
    return next;
}

uint32_t
ldr_entity_set_id(const larder_field *parts, size_t n_parts)
{
    const larder_field *part = next_part(parts, n_parts, NULL);
    uint64_t hash = XXH3_64bits("", 0);

    for (; part != NULL; part = next_part(parts, n_parts, part))
        hash = XXH3_64bits_withSeed(
            part->name, strlen(part->name), hash + (uint64_t)part->type);
    return (uint32_t)(hash ^ hash >> 32);
}
