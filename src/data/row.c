/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.c - an online row as bytes: version, checksum, nulls, slots, text.
 *
 * One value has one spelling: text lies in the order of its slots without gaps,
 * a null's slot is zero, NaN is one NaN. Equal values are therefore equal
 * bytes, in every store, and a check can refuse all else before anything is
 * read.
 */
#include "data/row.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/bytes.h"
#include "data/column.h"
#include "data/schema.h"

#define CREATED_AT 8u
#define CHECKSUM_AT LARDER_ROW_VERSION_BYTES
#define PAYLOAD_AT LARDER_ROW_HEAD_BYTES
#define NAN_32 UINT32_C(0x7fc00000)
#define NAN_64 UINT64_C(0x7ff8000000000000)

/* ------------------------------------------------------------------ layout */

static size_t
bitmap_bytes(size_t n_values)
{
    return n_values / 8 + (n_values % 8 != 0);
}

static size_t
slot_bytes(larder_type type)
{
    size_t width = ldr_type_width(type);

    if (type == LARDER_BOOL)
        return 1;
    return width == 0 ? 8 : width;
}

static bool
is_present(const unsigned char *bitmap, size_t at)
{
    return ((unsigned)bitmap[at / 8] >> at % 8 & 1u) != 0;
}

larder_status
ldr_row_layout_init(ldr_row_layout *layout, const larder_type *types,
    size_t n_types, ldr_arena *arena, larder_error *err)
{
    larder_type *own_types = ldr_arena_array(arena, n_types, sizeof *own_types);
    uint32_t *slots = ldr_arena_array(arena, n_types, sizeof *slots);
    size_t at = bitmap_bytes(n_types);

    if (own_types == NULL || slots == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for the layout of %zu columns", n_types);
    for (size_t i = 0; i < n_types; i++) {
        if (at > LDR_ROW_MAX - PAYLOAD_AT - 8)
            return larder_fail(err, LARDER_LIMIT,
                "%zu columns do not fit a row of LDR_ROW_MAX, %u bytes",
                n_types, LDR_ROW_MAX);
        own_types[i] = types[i];
        slots[i] = (uint32_t)at;
        at += slot_bytes(types[i]);
    }
    *layout = (ldr_row_layout){.n_columns = n_types,
        .types = own_types,
        .slots = slots,
        .fixed_bytes = at};
    return LARDER_OK;
}

/* ---------------------------------------------------------------- encoding */

/* A row being written at the end of a buffer; places count from its start. */
typedef struct writing {
    ldr_buffer *out;
    size_t begin; /* of the row in the buffer */
    size_t text;  /* of the text area in the row */
    bool whole_seconds;
} writing;

static unsigned char *
place(const writing *row, size_t at)
{
    return row->out->data + row->begin + at;
}

/* Lengthen the row by zeros; *at is where they begin. */
static larder_status
extend(writing *row, size_t size, size_t *at, larder_error *err)
{
    size_t used = row->out->size - row->begin;
    larder_status rc;

    if (size > LDR_ROW_MAX - used)
        return larder_fail(err, LARDER_LIMIT,
            "the values of one row take more than LDR_ROW_MAX, %u bytes",
            LDR_ROW_MAX);
    rc = ldr_buffer_reserve(row->out, size, err);
    if (rc != LARDER_OK)
        return rc;
    memset(place(row, used), 0, size);
    row->out->size += size;
    *at = used;
    return LARDER_OK;
}

static void
put_real(unsigned char *slot, const larder_column *column, size_t row)
{
    if (column->type == LARDER_FLOAT32) {
        float value = ((const float *)column->values)[row];
        uint32_t bits = NAN_32;

        if (value == value)
            memcpy(&bits, &value, sizeof bits);
        ldr_put_le32(slot, bits);
    } else {
        double value = ((const double *)column->values)[row];
        uint64_t bits = NAN_64;

        if (value == value)
            memcpy(&bits, &value, sizeof bits);
        ldr_put_le64(slot, bits);
    }
}

static void
put_pointer(const writing *row, size_t slot, size_t at, size_t length)
{
    ldr_put_le32(place(row, slot), (uint32_t)(at - row->text));
    ldr_put_le32(place(row, slot) + 4, (uint32_t)length);
}

static larder_status
put_text(writing *row, size_t slot, larder_bytes text, larder_error *err)
{
    size_t at = 0;
    larder_status rc = extend(row, text.size, &at, err);

    if (rc != LARDER_OK)
        return rc;
    if (text.size != 0)
        memcpy(place(row, at), text.data, text.size);
    put_pointer(row, slot, at, text.size);
    return LARDER_OK;
}

/* A value that is not null, and not a list, into its slot. */
static larder_status
put_value(writing *row, size_t slot, const larder_column *column, size_t at,
    larder_error *err)
{
    if (ldr_type_is_text(column->type))
        return put_text(row, slot, ldr_column_text(column, at), err);
    if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64)
        put_real(place(row, slot), column, at);
    else if (column->type == LARDER_BOOL)
        *place(row, slot) = (unsigned char)ldr_column_integer(column, at);
    else if (column->type == LARDER_INT32)
        ldr_put_le32(
            place(row, slot), (uint32_t)ldr_column_integer(column, at));
    else if (column->type == LARDER_TIMESTAMP && row->whole_seconds)
        ldr_put_le64(place(row, slot),
            (uint64_t)(ldr_time_seconds(ldr_column_integer(column, at)) *
                       LDR_SECOND));
    else
        ldr_put_le64(
            place(row, slot), (uint64_t)ldr_column_integer(column, at));
    return LARDER_OK;
}

/* Value `i` of those a bitmap speaks of, a row's or a list's, is there. */
static void
mark_present(const writing *row, size_t bitmap, size_t i)
{
    unsigned char *byte = place(row, bitmap + i / 8);

    *byte = (unsigned char)(*byte | 1u << i % 8);
}

static larder_status
put_list(writing *row, size_t slot, const larder_column *items, size_t begin,
    size_t n_items, larder_error *err)
{
    size_t width = slot_bytes(items->type), bitmap = 0;
    size_t slots = bitmap_bytes(n_items);
    larder_status rc;

    rc = extend(row, slots + n_items * width, &bitmap, err);
    for (size_t i = 0; i < n_items && rc == LARDER_OK; i++) {
        if (ldr_column_is_null(items, begin + i))
            continue;
        mark_present(row, bitmap, i);
        rc = put_value(row, bitmap + slots + i * width, items, begin + i, err);
    }
    if (rc == LARDER_OK)
        put_pointer(row, slot, bitmap, n_items);
    return rc;
}

static larder_status
put_column(writing *row, size_t slot, const larder_column *column, size_t at,
    larder_error *err)
{
    size_t begin;

    if (!ldr_type_is_list(column->type))
        return put_value(row, slot, column, at, err);
    begin = (size_t)column->offsets[at];
    return put_list(row, slot, column->items, begin,
        (size_t)column->offsets[at + 1] - begin, err);
}

/* XXH3-64 of key, version, payload, one after the other. */
static uint64_t
checksum(larder_bytes key, const unsigned char *row, size_t size)
{
    unsigned char small[4096];
    size_t n_payload = size - PAYLOAD_AT;
    XXH3_state_t state;

    if (key.size < sizeof small - LARDER_ROW_VERSION_BYTES &&
        n_payload <= sizeof small - LARDER_ROW_VERSION_BYTES - key.size) {
        unsigned char *end = small;

        if (key.size != 0)
            memcpy(end, key.data, key.size);
        end += key.size;
        memcpy(end, row, LARDER_ROW_VERSION_BYTES);
        end += LARDER_ROW_VERSION_BYTES;
        memcpy(end, row + PAYLOAD_AT, n_payload);
        end += n_payload;
        return XXH3_64bits(small, (size_t)(end - small));
    }
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, key.data, key.size);
    XXH3_64bits_update(&state, row, LARDER_ROW_VERSION_BYTES);
    XXH3_64bits_update(&state, row + PAYLOAD_AT, n_payload);
    return XXH3_64bits_digest(&state);
}

larder_status
ldr_row_encode(const ldr_row_layout *layout, larder_bytes key,
    larder_time event, larder_time created, const larder_column *const *columns,
    size_t row, ldr_buffer *out, larder_error *err)
{
    writing made = {.out = out,
        .begin = out->size,
        .text = PAYLOAD_AT + layout->fixed_bytes,
        .whole_seconds = layout->whole_seconds};
    size_t head;
    larder_status rc = extend(&made, made.text, &head, err);

    for (size_t i = 0; i < layout->n_columns && rc == LARDER_OK; i++) {
        if (ldr_column_is_null(columns[i], row))
            continue;
        mark_present(&made, PAYLOAD_AT, i);
        rc = put_column(
            &made, PAYLOAD_AT + layout->slots[i], columns[i], row, err);
    }
    if (rc != LARDER_OK) {
        out->size = made.begin;
        return rc;
    }
    ldr_put_ordered(place(&made, 0), event);
    if (created != LDR_NO_CREATED)
        ldr_put_ordered(place(&made, CREATED_AT), created);
    ldr_put_le64(place(&made, CHECKSUM_AT),
        checksum(key, place(&made, 0), out->size - made.begin));
    return LARDER_OK;
}

/* ---------------------------------------------------------------- checking */

/* A payload being walked; `next` is where the next text must begin. */
typedef struct text_walk {
    const unsigned char *text;
    size_t n_text;
    size_t next;
} text_walk;

static bool
is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Bits past the last value are zero. */
static bool
bitmap_ends(const unsigned char *bitmap, size_t n_values)
{
    return n_values % 8 == 0 || bitmap[n_values / 8] >> n_values % 8 == 0;
}

/* The slot's text, or list, begins where the one before it ended. */
static bool
follows(text_walk *walk, const unsigned char *slot, size_t size)
{
    if (ldr_get_le32(slot) != walk->next || size > walk->n_text - walk->next)
        return false;
    walk->next += size;
    return true;
}

/* Any number, or that one NaN. */
static bool
is_one_nan_32(uint32_t bits)
{
    return (bits & UINT32_C(0x7fffffff)) <= UINT32_C(0x7f800000) ||
           bits == NAN_32;
}

static bool
is_one_nan_64(uint64_t bits)
{
    return (bits & (UINT64_MAX >> 1)) <= UINT64_C(0x7ff0000000000000) ||
           bits == NAN_64;
}

static bool
value_fits(text_walk *walk, larder_type type, const unsigned char *slot)
{
    if (type == LARDER_FLOAT64)
        return is_one_nan_64(ldr_get_le64(slot));
    if (type == LARDER_INT64 || type == LARDER_INT32 ||
        type == LARDER_TIMESTAMP)
        return true;
    if (type == LARDER_BOOL)
        return *slot <= 1;
    if (type == LARDER_FLOAT32)
        return is_one_nan_32(ldr_get_le32(slot));
    return follows(walk, slot, ldr_get_le32(slot + 4));
}

/* Are all n bits set? */
static bool
is_full(const unsigned char *bitmap, size_t n)
{
    for (size_t i = 0; i < n / 8; i++)
        if (bitmap[i] != 0xff)
            return false;
    return n % 8 == 0 || bitmap[n / 8] == (1u << n % 8) - 1;
}

/* Of a type whose slots are as a column's values, where machine words are
 * little endian? */
static bool
are_numbers(larder_type type)
{
    return type == LARDER_INT64 || type == LARDER_TIMESTAMP ||
           type == LARDER_INT32 || type == LARDER_FLOAT64 ||
           type == LARDER_FLOAT32;
}

/* NaN are rare: is there any? */
static bool
has_nan_64(const unsigned char *slots, size_t n)
{
    uint64_t greatest = 0; /* without its sign */

    for (size_t i = 0; i < n; i++) {
        uint64_t size = ldr_get_le64(slots + 8 * i) << 1;

        greatest = size > greatest ? size : greatest;
    }
    return greatest > UINT64_C(0x7ff0000000000000) << 1;
}

/* Do they, all there, fit their slots? */
static bool
numbers_fit(larder_type type, const unsigned char *slots, size_t n)
{
    bool fit = true;

    if (type == LARDER_FLOAT64 && has_nan_64(slots, n))
        for (size_t i = 0; i < n; i++)
            fit &= is_one_nan_64(ldr_get_le64(slots + 8 * i));
    if (type == LARDER_FLOAT32)
        for (size_t i = 0; i < n; i++)
            fit &= is_one_nan_32(ldr_get_le32(slots + 4 * i));
    return fit;
}

static bool
list_fits(text_walk *walk, larder_type type, const unsigned char *slot)
{
    size_t n_items = ldr_get_le32(slot + 4), width = slot_bytes(type);
    const unsigned char *bitmap, *slots;

    if (n_items > walk->n_text ||
        !follows(walk, slot, bitmap_bytes(n_items) + n_items * width))
        return false;
    bitmap = walk->text + ldr_get_le32(slot);
    slots = bitmap + bitmap_bytes(n_items);
    if (!bitmap_ends(bitmap, n_items))
        return false;
    if (are_numbers(type) && is_full(bitmap, n_items))
        return numbers_fit(type, slots, n_items);
    for (size_t i = 0; i < n_items; i++)
        if (is_present(bitmap, i) ? !value_fits(walk, type, slots + i * width)
                                  : !is_zero(slots + i * width, width))
            return false;
    return true;
}

static bool
column_fits(
    text_walk *walk, larder_type type, bool present, const unsigned char *slot)
{
    if (!present)
        return is_zero(slot, slot_bytes(type));
    if (ldr_type_is_list(type))
        return list_fits(walk, ldr_type_item(type), slot);
    return value_fits(walk, type, slot);
}

static bool
payload_fits(
    const ldr_row_layout *layout, const unsigned char *payload, size_t size)
{
    text_walk walk = {.text = payload + layout->fixed_bytes,
        .n_text = size - layout->fixed_bytes};

    if (!bitmap_ends(payload, layout->n_columns))
        return false;
    for (size_t i = 0; i < layout->n_columns; i++)
        if (!column_fits(&walk, layout->types[i], is_present(payload, i),
                payload + layout->slots[i]))
            return false;
    return walk.next == walk.n_text;
}

larder_status
ldr_row_check(const ldr_row_layout *layout, larder_bytes key, larder_bytes row,
    larder_error *err)
{
    if (row.size < PAYLOAD_AT + layout->fixed_bytes || row.size > LDR_ROW_MAX)
        return larder_fail(err, LARDER_CORRUPT,
            "stored row is damaged: it has %zu bytes where %zu to %u are "
            "right",
            row.size, PAYLOAD_AT + layout->fixed_bytes, LDR_ROW_MAX);
    if (checksum(key, row.data, row.size) != ldr_row_checksum(row))
        return larder_fail(err, LARDER_CORRUPT,
            "stored row is damaged: its checksum is not that of its bytes");
    if (!payload_fits(layout, (const unsigned char *)row.data + PAYLOAD_AT,
            row.size - PAYLOAD_AT))
        return larder_fail(err, LARDER_CORRUPT,
            "stored row is not laid out as its table's rows are");
    return LARDER_OK;
}

/* ----------------------------------------------------------------- reading */

larder_time
ldr_row_event(larder_bytes row)
{
    return ldr_get_ordered(row.data);
}

larder_time
ldr_row_created(larder_bytes row)
{
    const unsigned char *created = (const unsigned char *)row.data + CREATED_AT;

    return is_zero(created, 8) ? LDR_NO_CREATED : ldr_get_ordered(created);
}

uint64_t
ldr_row_checksum(larder_bytes row)
{
    return ldr_get_le64((const unsigned char *)row.data + CHECKSUM_AT);
}

int
larder_row_compare(larder_bytes a, larder_bytes b)
{
    const unsigned char *x = a.data, *y = b.data;
    size_t size = a.size < b.size ? a.size : b.size;
    size_t version =
        size < LARDER_ROW_VERSION_BYTES ? size : LARDER_ROW_VERSION_BYTES;
    int order = version == 0 ? 0 : memcmp(x, y, version);

    if (order == 0 && size > PAYLOAD_AT)
        order = memcmp(x + PAYLOAD_AT, y + PAYLOAD_AT, size - PAYLOAD_AT);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static larder_status
read_real(const unsigned char *slot, larder_column *out, larder_error *err)
{
    if (out->type == LARDER_FLOAT32) {
        uint32_t bits = ldr_get_le32(slot);
        float value;

        memcpy(&value, &bits, sizeof value);
        return larder_column_append_real(out, (double)value, err);
    } else {
        uint64_t bits = ldr_get_le64(slot);
        double value;

        memcpy(&value, &bits, sizeof value);
        return larder_column_append_real(out, value, err);
    }
}

static larder_status
read_value(const unsigned char *text, const unsigned char *slot,
    larder_column *out, larder_error *err)
{
    if (out->type == LARDER_FLOAT64 || out->type == LARDER_FLOAT32)
        return read_real(slot, out, err);
    if (out->type == LARDER_INT64 || out->type == LARDER_TIMESTAMP)
        return larder_column_append_integer(
            out, (int64_t)ldr_get_le64(slot), err);
    if (out->type == LARDER_INT32)
        return larder_column_append_integer(
            out, (int32_t)ldr_get_le32(slot), err);
    if (out->type == LARDER_BOOL)
        return larder_column_append_integer(out, *slot, err);
    return larder_column_append_text(out,
        (larder_bytes){text + ldr_get_le32(slot), ldr_get_le32(slot + 4)}, err);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_WORDS true
#else
#define LITTLE_ENDIAN_WORDS false
#endif

/* Numbers that are all there, and lie as in a column. */
static larder_status
read_numbers(
    const unsigned char *slots, size_t n, larder_column *out, larder_error *err)
{
    larder_column lent = {
        .type = out->type, .n_rows = n, .values = (void *)(uintptr_t)slots};

    return ldr_column_copy(out, &lent, 0, n, err);
}

static larder_status
read_list(const unsigned char *text, const unsigned char *slot,
    larder_column *out, larder_error *err)
{
    const unsigned char *bitmap = text + ldr_get_le32(slot);
    size_t n_items = ldr_get_le32(slot + 4);
    size_t width = slot_bytes(out->items->type);
    const unsigned char *slots = bitmap + bitmap_bytes(n_items);
    bool whole = LITTLE_ENDIAN_WORDS && are_numbers(out->items->type) &&
                 is_full(bitmap, n_items);
    larder_status rc = LARDER_OK;

    if (whole)
        rc = read_numbers(slots, n_items, out->items, err);
    for (size_t i = 0; i < n_items && rc == LARDER_OK && !whole; i++)
        rc = is_present(bitmap, i)
                 ? read_value(text, slots + i * width, out->items, err)
                 : larder_column_append_null(out->items, err);
    if (rc == LARDER_OK)
        rc = ldr_column_close_list(out, err);
    if (rc != LARDER_OK)
        ldr_column_truncate(out, out->n_rows);
    return rc;
}

/* Most values are eight bytes that lie in a column as they lie in a row; false:
 * not this one, or there is no room yet. */
static inline bool
read_word(const unsigned char *slot, larder_column *out)
{
    if ((out->type != LARDER_FLOAT64 && out->type != LARDER_INT64 &&
            out->type != LARDER_TIMESTAMP) ||
        out->n_rows == out->room_rows)
        return false;
    ((uint64_t *)out->values)[out->n_rows] = ldr_get_le64(slot);
    if (out->valid != NULL)
        ldr_bit_set(out->valid, out->n_rows, true);
    out->n_rows++;
    return true;
}

larder_status
ldr_row_read(const ldr_row_layout *layout, larder_bytes row, size_t column,
    larder_column *out, larder_error *err)
{
    const unsigned char *payload = (const unsigned char *)row.data + PAYLOAD_AT;
    const unsigned char *text = payload + layout->fixed_bytes;
    const unsigned char *slot = payload + layout->slots[column];

    if (!is_present(payload, column))
        return larder_column_append_null(out, err);
    if (read_word(slot, out))
        return LARDER_OK;
    if (out->items != NULL)
        return read_list(text, slot, out, err);
    return read_value(text, slot, out, err);
}
