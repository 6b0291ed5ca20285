/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feast_row.c - an online row as fields of Feast's hash, and back.
 *
 * The mark ends in a copy of the event time's bytes. Who writes the row without
 * knowing of marks, as Feast does, leaves one behind that no longer agrees, and
 * so is none.
 */
#include "data/feast_row.h"

#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/bytes.h"
#include "data/protobuf.h"
#include "data/schema.h"

#define NANOS 1000 /* in a microsecond */
#define MARK_BYTES 24u

/* ------------------------------------------------------------------- names */

static uint32_t
rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32u - by);
}

static uint32_t
scramble(uint32_t block)
{
    return rotate(block * UINT32_C(0xcc9e2d51), 15) * UINT32_C(0x1b873593);
}

uint32_t
ldr_murmur3(const void *data, size_t size)
{
    const unsigned char *at = data;
    uint32_t hash = 0, rest = 0;
    size_t n_blocks = size / 4;

    for (size_t i = 0; i < n_blocks; i++) {
        hash ^= scramble(ldr_get_le32(at + 4 * i));
        hash = rotate(hash, 13) * 5u + UINT32_C(0xe6546b64);
    }
    for (size_t i = size; i-- > 4 * n_blocks;)
        rest = rest << 8 | at[i];
    hash ^= scramble(rest) ^ (uint32_t)size;
    hash = (hash ^ hash >> 16) * UINT32_C(0x85ebca6b);
    hash = (hash ^ hash >> 13) * UINT32_C(0xc2b2ae35);
    return hash ^ hash >> 16;
}

/* Of text in two parts, as one of `of` bytes at most. */
#define NAME_ROOM 256u

void
ldr_feast_name(const char *view, const char *feature,
    unsigned char name[LDR_FEAST_NAME_BYTES])
{
    char text[NAME_ROOM];
    size_t n_view = strlen(view), n_feature = strlen(feature);

    if (n_view > NAME_ROOM / 2 - 1)
        n_view = NAME_ROOM / 2 - 1; /* names are of 48 bytes at most */
    if (n_feature > NAME_ROOM / 2)
        n_feature = NAME_ROOM / 2;
    memcpy(text, view, n_view);
    text[n_view] = ':';
    memcpy(text + n_view + 1, feature, n_feature);
    ldr_put_le32(name, ldr_murmur3(text, n_view + 1 + n_feature));
}

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for Feast's layout");
}

static larder_status
make_names(ldr_feast_row *shape, ldr_arena *arena, larder_error *err)
{
    size_t n = shape->features.n_fields + LDR_FEAST_FEATURES;
    larder_bytes *names = ldr_arena_array(arena, n, sizeof *names);
    unsigned char *bytes = ldr_arena_array(arena, n, LDR_FEAST_NAME_BYTES);
    char *time = ldr_arena_printf(arena, "_ts:%s", shape->view);
    char *mark = ldr_arena_printf(arena, "_lc:%s", shape->view);

    if (names == NULL || bytes == NULL || time == NULL || mark == NULL)
        return no_memory(err);
    names[LDR_FEAST_TIME] = (larder_bytes){time, strlen(time)};
    names[LDR_FEAST_MARK] = (larder_bytes){mark, strlen(mark)};
    for (size_t i = LDR_FEAST_FEATURES; i < n; i++) {
        unsigned char *name = bytes + LDR_FEAST_NAME_BYTES * i;

        ldr_feast_name(shape->view,
            shape->features.fields[i - LDR_FEAST_FEATURES].name, name);
        names[i] = (larder_bytes){name, LDR_FEAST_NAME_BYTES};
    }
    shape->names = names;
    shape->n_names = n;
    return LARDER_OK;
}

larder_status
ldr_feast_row_init(ldr_feast_row *shape, const char *view,
    const larder_schema *features, ldr_arena *arena, larder_error *err)
{
    ldr_feast_row made = {.view = ldr_arena_copy(arena, view)};
    larder_type *types =
        ldr_arena_array(arena, features->n_fields + 1, sizeof *types);
    larder_status rc;

    if (made.view == NULL || types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < features->n_fields; i++)
        types[i] = features->fields[i].type;
    LARDER_TRY(ldr_schema_copy(features, arena, &made.features, err));
    LARDER_TRY(ldr_row_layout_init(
        &made.layout, types, features->n_fields, arena, err));
    LARDER_TRY(make_names(&made, arena, err));
    *shape = made;
out:
    return rc;
}

/* -------------------------------------------------------------------- time */

size_t
ldr_feast_time_write(
    larder_time time, unsigned char bytes[LDR_FEAST_TIME_BYTES])
{
    int64_t micros = time % LDR_SECOND, seconds = time / LDR_SECOND;
    size_t n = 0;

    if (micros < 0) {
        micros += LDR_SECOND;
        seconds--;
    }
    if (seconds != 0) {
        bytes[n++] = 1u << 3 | LDR_WIRE_VARINT;
        n += ldr_varint_write((uint64_t)seconds, bytes + n);
    }
    if (micros != 0) {
        bytes[n++] = 2u << 3 | LDR_WIRE_VARINT;
        n += ldr_varint_write((uint64_t)micros * NANOS, bytes + n);
    }
    return n;
}

bool
ldr_feast_time_read(larder_bytes bytes, larder_time *out)
{
    int64_t seconds = 0, nanos = 0, time;

    while (bytes.size > 0) {
        ldr_wire_field field;

        if (!ldr_wire_take(&bytes, &field))
            return false;
        if (field.id > 2)
            continue;
        if (field.wire != LDR_WIRE_VARINT)
            return false;
        if (field.id == 1)
            seconds = (int64_t)field.number;
        else
            nanos = (int64_t)field.number;
    }
    if (nanos < 0 || nanos >= LDR_SECOND * NANOS ||
        seconds < LARDER_TIME_MIN / LDR_SECOND ||
        seconds > LARDER_TIME_MAX / LDR_SECOND)
        return false;
    time = seconds * LDR_SECOND + nanos / NANOS; /* finer is floored */
    *out = time;
    return true;
}

/* -------------------------------------------------------------------- mark */

static void
write_mark(const ldr_feast_mark *mark, unsigned char bytes[MARK_BYTES])
{
    ldr_put_be64(bytes, mark->build);
    memset(bytes + 8, 0, 8);
    if (mark->created != LDR_NO_CREATED)
        ldr_put_ordered(bytes + 8, mark->created);
    memcpy(bytes + 16, mark->table.bytes, LARDER_TABLE_BYTES);
}

bool
ldr_feast_mark_read(larder_bytes mark, larder_bytes time, ldr_feast_mark *out)
{
    static const unsigned char none[8];
    const unsigned char *bytes = mark.data;

    if (mark.data == NULL || time.data == NULL ||
        mark.size != MARK_BYTES + time.size ||
        (time.size > 0 &&
            memcmp(bytes + MARK_BYTES, time.data, time.size) != 0))
        return false;
    out->build = ldr_get_be64(bytes);
    out->created = LDR_NO_CREATED;
    if (memcmp(bytes + 8, none, sizeof none) != 0)
        out->created = ldr_get_ordered(bytes + 8);
    memcpy(out->table.bytes, bytes + 16, LARDER_TABLE_BYTES);
    return true;
}

/* --------------------------------------------------------------------- rows */

static larder_status
put_marks(larder_bytes row, ldr_feast_mark mark, ldr_buffer *out, size_t *ends,
    larder_error *err)
{
    unsigned char *at;
    size_t n;
    larder_status rc;

    LARDER_TRY(
        ldr_buffer_reserve(out, MARK_BYTES + 2 * LDR_FEAST_TIME_BYTES, err));
    at = out->data + out->size;
    n = ldr_feast_time_write(ldr_row_event(row), at);
    mark.created = ldr_row_created(row);
    write_mark(&mark, at + n);
    memcpy(at + n + MARK_BYTES, at, n);
    ends[LDR_FEAST_TIME] = out->size + n;
    out->size += 2 * n + MARK_BYTES;
    ends[LDR_FEAST_MARK] = out->size;
out:
    return rc;
}

larder_status
ldr_feast_row_write(const ldr_feast_row *shape, larder_bytes row,
    ldr_feast_mark mark, larder_batch *room, ldr_buffer *out, size_t *ends,
    larder_error *err)
{
    size_t before = out->size;
    larder_status rc;

    LARDER_TRY(put_marks(row, mark, out, ends, err));
    for (size_t i = 0; i < shape->features.n_fields; i++) {
        larder_column *column = &room->columns[i];

        ldr_column_clear(column);
        LARDER_TRY(ldr_row_read(&shape->layout, row, i, column, err));
        rc = ldr_feast_value_write(column, 0, out, err);
        if (rc != LARDER_OK)
            larder_context(err, "feature '%s:%s'", shape->view,
                shape->features.fields[i].name);
        LARDER_TRY(rc);
        ends[LDR_FEAST_FEATURES + i] = out->size;
    }
out:
    if (rc != LARDER_OK)
        out->size = before;
    return rc;
}

static larder_status
read_features(const ldr_feast_row *shape, const larder_bytes *values,
    larder_batch *room, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < shape->features.n_fields; i++) {
        ldr_column_clear(&room->columns[i]);
        rc = ldr_feast_value_read(
            values[LDR_FEAST_FEATURES + i], &room->columns[i], err);
        if (rc != LARDER_OK) {
            larder_context(err, "stored value of '%s:%s'", shape->view,
                shape->features.fields[i].name);
            return rc;
        }
    }
    return rc;
}

larder_status
ldr_feast_row_read(const ldr_feast_row *shape, larder_bytes key,
    const larder_bytes *values, larder_batch *room, ldr_buffer *out,
    larder_error *err)
{
    const larder_column *few[64], **columns = few;
    size_t n = shape->features.n_fields;
    ldr_feast_mark mark = {.created = LDR_NO_CREATED};
    ldr_arena arena = {0};
    larder_time event;
    larder_status rc;

    if (!ldr_feast_time_read(values[LDR_FEAST_TIME], &event))
        return larder_fail(err, LARDER_CORRUPT,
            "stored event time of '%s' is no google.protobuf.Timestamp of the "
            "years 0001 to 9999",
            shape->view);
    if (n > sizeof few / sizeof *few)
        columns = ldr_arena_array(&arena, n, sizeof *columns);
    if (columns == NULL)
        return no_memory(err);
    LARDER_TRY(read_features(shape, values, room, err));
    for (size_t i = 0; i < n; i++)
        columns[i] = &room->columns[i];
    (void)ldr_feast_mark_read(
        values[LDR_FEAST_MARK], values[LDR_FEAST_TIME], &mark);
    LARDER_TRY(ldr_row_encode(
        &shape->layout, key, event, mark.created, columns, 0, out, err));
out:
    ldr_arena_free(&arena);
    return rc;
}
