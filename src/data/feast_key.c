/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feast_key.c - an entity key as Feast spells it in Redis, and back.
 *
 * The width of an integer is part of the key: int32 1001 and int64 1001 are two
 * entities, to Feast as to us.
 */
#include "data/feast_key.h"

#include <string.h>

#include "base/time.h"
#include "data/bytes.h"
#include "data/schema.h"
#include "data/text.h"

/* Feast's numbers of types that keys can have. */
enum {
    FEAST_BYTES = 1,
    FEAST_STRING = 2,
    FEAST_INT32 = 3,
    FEAST_INT64 = 4,
    FEAST_TIMESTAMP = 8
};

/* Of a view without entities. */
static const larder_field dummy = {"__dummy_id", LARDER_STRING};

/* 0: Feast has no keys of that type. */
static uint32_t
feast_type(larder_type type)
{
    switch ((unsigned)type) {
    case LARDER_BYTES:
        return FEAST_BYTES;
    case LARDER_STRING:
        return FEAST_STRING;
    case LARDER_INT32:
        return FEAST_INT32;
    case LARDER_INT64:
        return FEAST_INT64;
    case LARDER_TIMESTAMP:
        return FEAST_TIMESTAMP;
    }
    return 0;
}

/* ------------------------------------------------------- what is in common */

static larder_status
put_word(ldr_buffer *out, uint32_t word, larder_error *err)
{
    larder_status rc = ldr_buffer_reserve(out, 4, err);

    if (rc != LARDER_OK)
        return rc;
    ldr_put_le32(out->data + out->size, word);
    out->size += 4;
    return LARDER_OK;
}

static larder_status
put_bytes(ldr_buffer *out, larder_bytes bytes, larder_error *err)
{
    larder_status rc = ldr_buffer_reserve(out, bytes.size, err);

    if (rc != LARDER_OK || bytes.size == 0)
        return rc;
    memcpy(out->data + out->size, bytes.data, bytes.size);
    out->size += bytes.size;
    return LARDER_OK;
}

static larder_status
put_head(ldr_buffer *out, unsigned version, const larder_field *parts,
    size_t n_parts, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (version == 3)
        LARDER_TRY(put_word(out, (uint32_t)n_parts, err));
    for (size_t i = 0; i < n_parts; i++) {
        larder_bytes name = {parts[i].name, strlen(parts[i].name)};

        LARDER_TRY(put_word(out, FEAST_STRING, err));
        if (version == 3)
            LARDER_TRY(put_word(out, (uint32_t)name.size, err));
        LARDER_TRY(put_bytes(out, name, err));
    }
out:
    return rc;
}

static larder_status
check_parts(unsigned version, const larder_field *parts, size_t n_parts,
    larder_error *err)
{
    if (version != 2 && version != 3)
        return larder_fail(err, LARDER_INVALID,
            "entity_key_serialization_version is 2 or 3, not %u", version);
    for (size_t i = 0; i < n_parts; i++)
        if (feast_type(parts[i].type) == 0)
            return larder_fail(err, LARDER_INVALID,
                "Feast has no keys of type %s: join key '%s' cannot be written "
                "in its layout",
                larder_type_name(parts[i].type), parts[i].name);
    return LARDER_OK;
}

larder_status
ldr_feast_keys_init(ldr_feast_keys *keys, unsigned version, const char *project,
    const larder_field *parts, size_t n_parts, ldr_arena *arena,
    larder_error *err)
{
    larder_type *types = ldr_arena_array(arena, n_parts + 1, sizeof *types);
    const char *tail = ldr_arena_copy(arena, project);
    const char *head = NULL;
    ldr_buffer bytes = {0};
    larder_status rc = check_parts(version, parts, n_parts, err);

    if (rc == LARDER_OK)
        rc = n_parts == 0 ? put_head(&bytes, version, &dummy, 1, err)
                          : put_head(&bytes, version, parts, n_parts, err);
    if (rc == LARDER_OK) {
        head = ldr_arena_copy_n(arena, bytes.data, bytes.size);
        if (types == NULL || tail == NULL || head == NULL)
            rc = larder_fail(err, LARDER_NOMEM, "no memory for Feast's keys");
    }
    if (rc == LARDER_OK) {
        for (size_t i = 0; i < n_parts; i++)
            types[i] = parts[i].type;
        *keys = (ldr_feast_keys){
            .entity_set = ldr_entity_set_id(parts, n_parts),
            .types = types,
            .n_parts = n_parts,
            .head = {head, bytes.size},
            .tail = {tail, strlen(tail)},
        };
    }
    ldr_buffer_free(&bytes);
    return rc;
}

/* ----------------------------------------------------------------- writing */

static larder_status
put_integer(ldr_buffer *out, uint32_t type, uint64_t value, larder_error *err)
{
    unsigned char bytes[8];
    uint32_t width = type == FEAST_INT32 ? 4 : 8;
    larder_status rc;

    ldr_put_le64(bytes, value);
    LARDER_TRY(put_word(out, width, err));
    LARDER_TRY(put_bytes(out, (larder_bytes){bytes, width}, err));
out:
    return rc;
}

static larder_status
put_part(ldr_buffer *out, const larder_value *part, larder_error *err)
{
    uint32_t type = feast_type(part->type);
    int64_t integer = part->as.integer;
    larder_status rc;

    LARDER_TRY(put_word(out, type, err));
    if (ldr_type_is_text(part->type)) {
        LARDER_TRY(put_word(out, (uint32_t)part->as.text.size, err));
        LARDER_TRY(put_bytes(out, part->as.text, err));
        goto out;
    }
    if (type == FEAST_TIMESTAMP && integer % LDR_SECOND != 0) {
        rc = larder_fail(err, LARDER_INVALID,
            "a key of type timestamp has whole seconds in Feast's layout");
        goto out;
    }
    if (type == FEAST_TIMESTAMP)
        integer /= LDR_SECOND;
    LARDER_TRY(put_integer(out, type, (uint64_t)integer, err));
out:
    return rc;
}

static larder_status
put_parts(const ldr_feast_keys *keys, larder_bytes rest, ldr_buffer *out,
    larder_error *err)
{
    unsigned char room[LARDER_KEY_MAX];
    larder_status rc = LARDER_OK;

    if (keys->n_parts == 0) {
        larder_value part = {.type = LARDER_STRING, .as.text = {room, 0}};

        return put_part(out, &part, err);
    }
    for (size_t i = 0; i < keys->n_parts; i++) {
        larder_value part = {.type = keys->types[i]};

        if (!ldr_key_take(&rest, room, &part)) {
            rc = larder_fail(err, LARDER_CORRUPT,
                "a key is not what its entity's keys look like");
            goto out;
        }
        LARDER_TRY(put_part(out, &part, err));
    }
out:
    return rc;
}

larder_status
ldr_feast_key_write(const ldr_feast_keys *keys, larder_bytes key,
    ldr_buffer *out, larder_error *err)
{
    size_t before = out->size;
    larder_bytes rest;
    larder_status rc = LARDER_OK;

    if (key.size < LDR_KEY_HEAD_BYTES || key.size > LARDER_KEY_MAX)
        return larder_fail(
            err, LARDER_CORRUPT, "a key has no entity set before it");
    rest = (larder_bytes){(const unsigned char *)key.data + LDR_KEY_HEAD_BYTES,
        key.size - LDR_KEY_HEAD_BYTES};
    LARDER_TRY(put_bytes(out, keys->head, err));
    LARDER_TRY(put_parts(keys, rest, out, err));
    LARDER_TRY(put_bytes(out, keys->tail, err));
out:
    if (rc != LARDER_OK)
        out->size = before;
    return rc;
}

/* ----------------------------------------------------------------- reading */

static bool
take(larder_bytes *rest, size_t size, const unsigned char **out)
{
    if (size > rest->size)
        return false;
    *out = rest->data;
    *rest = (larder_bytes){*out + size, rest->size - size};
    return true;
}

static bool
take_exactly(larder_bytes *rest, larder_bytes expected)
{
    const unsigned char *bytes;

    return take(rest, expected.size, &bytes) &&
           (expected.size == 0 ||
               memcmp(bytes, expected.data, expected.size) == 0);
}

static bool
read_seconds(int64_t seconds, larder_value *part)
{
    if (seconds < LARDER_TIME_MIN / LDR_SECOND ||
        seconds > LARDER_TIME_MAX / LDR_SECOND)
        return false;
    part->as.integer = seconds * LDR_SECOND;
    return true;
}

/* The value of a part whose type and length were read. */
static bool
read_value(const unsigned char *bytes, size_t size, larder_value *part)
{
    size_t bad;

    if (ldr_type_is_text(part->type)) {
        part->as.text = (larder_bytes){bytes, size};
        return part->type == LARDER_BYTES ||
               ldr_utf8_valid(part->as.text, &bad);
    }
    if (size != (part->type == LARDER_INT32 ? 4u : 8u))
        return false;
    if (part->type == LARDER_INT32) {
        part->as.integer = (int32_t)ldr_get_le32(bytes);
        return true;
    }
    part->as.integer = (int64_t)ldr_get_le64(bytes);
    return part->type != LARDER_TIMESTAMP ||
           read_seconds(part->as.integer, part);
}

static bool
take_part(larder_bytes *rest, larder_value *part)
{
    const unsigned char *word, *bytes;
    size_t size;

    if (!take(rest, 4, &word) || ldr_get_le32(word) != feast_type(part->type) ||
        !take(rest, 4, &word))
        return false;
    size = ldr_get_le32(word);
    return take(rest, size, &bytes) && read_value(bytes, size, part);
}

bool
ldr_feast_key_read(const ldr_feast_keys *keys, larder_bytes feast, ldr_key *key)
{
    larder_bytes rest = feast;
    bool null;

    if (!take_exactly(&rest, keys->head))
        return false;
    ldr_key_start(key, keys->entity_set);
    if (keys->n_parts == 0) {
        larder_value part = {.type = LARDER_STRING};

        return take_part(&rest, &part) && part.as.text.size == 0 &&
               take_exactly(&rest, keys->tail) && rest.size == 0 &&
               ldr_key_encode(key, NULL, 0, 0, &null, NULL) == LARDER_OK;
    }
    for (size_t i = 0; i < keys->n_parts; i++) {
        larder_value part = {.type = keys->types[i]};

        if (!take_part(&rest, &part) ||
            ldr_key_add(key, &part, NULL) != LARDER_OK)
            return false;
    }
    return take_exactly(&rest, keys->tail) && rest.size == 0;
}
