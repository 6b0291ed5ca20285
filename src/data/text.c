/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - values from and to text, one value at a time.
 *
 * Text is what a CSV field holds. How values are spelt on the way out is in
 * sink.c; what a JSON token may stand for is in json.c.
 */
#include "data/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/words.h"
#include "data/batch.h"
#include "data/json.h"
#include "data/schema.h"
#include "data/sink.h"

/* ------------------------------------------------------------------- UTF-8 */

#define EACH_BYTE(n) (UINT64_C(0x0101010101010101) * (n))

/* Are these eight bytes all ASCII, and none of them NUL? */
static bool
is_plain_word(const unsigned char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return ((word | (word - EACH_BYTE(1))) & EACH_BYTE(0x80)) == 0;
}

bool
ldr_utf8_valid(larder_bytes text, size_t *at)
{
    const unsigned char *bytes = text.data;
    size_t i = 0;

    while (i < text.size) {
        size_t n;

        if (text.size - i >= 8 && is_plain_word(bytes + i)) {
            i += 8;
            continue;
        }
        n = ldr_words_character(bytes + i, text.size - i);
        if (n == 0 || bytes[i] == 0) {
            *at = i;
            return false;
        }
        i += n;
    }
    return true;
}

const char *
ldr_text_clip(larder_bytes text, char out[LDR_CLIP_ROOM])
{
    size_t most = LDR_CLIP_ROOM - 4;
    size_t size =
        text.size == 0 ? 0 : ldr_words_cut(text.data, text.size, most);

    for (size_t i = 0; i < size; i++) {
        out[i] = ((const char *)text.data)[i];
        if (out[i] == '\0')
            out[i] = '?';
    }
    strcpy(out + size, size < text.size ? "..." : "");
    return out;
}

/* ---------------------------------------------------------------- to text */

/* Room for any text but that of strings, bytes and lists. */
#define SCALAR_ROOM 40

size_t
larder_value_print(const larder_value *value, char *text, size_t room)
{
    char scalar[SCALAR_ROOM];
    ldr_sink sink = {.text = scalar, .room = sizeof scalar};

    ldr_sink_plain(&sink, value);
    if (sink.size > room)
        return sink.size;
    if (sink.size <= sizeof scalar) {
        if (sink.size != 0)
            memcpy(text, scalar, sink.size);
    } else {
        sink = (ldr_sink){.text = text, .room = room};
        ldr_sink_plain(&sink, value);
    }
    if (sink.size < room)
        text[sink.size] = '\0';
    return sink.size;
}

larder_status
ldr_value_write(FILE *file, const larder_value *value, larder_format format,
    larder_error *err)
{
    char text[256];
    ldr_sink sink = {.file = file, .text = text, .room = sizeof text};

    ldr_sink_value(&sink, value, format);
    return ldr_sink_flush(&sink, err);
}

void
ldr_json_string_write(FILE *file, larder_bytes text)
{
    char room[256];
    ldr_sink sink = {.file = file, .text = room, .room = sizeof room};

    ldr_sink_json_string(&sink, text);
    (void)ldr_sink_flush(&sink, NULL); /* the file remembers the failure */
}

/* -------------------------------------------------------------- from text */

static larder_status
is_not(larder_bytes text, larder_type type, larder_error *err)
{
    char clip[LDR_CLIP_ROOM];
    const char *name = larder_type_name(type);

    return larder_fail(err, LARDER_INVALID, "'%s' is not %s %s",
        ldr_text_clip(text, clip), name[0] == 'i' ? "an" : "a", name);
}

static larder_status
not_a_number(
    ldr_number why, larder_bytes text, larder_type type, larder_error *err)
{
    char clip[LDR_CLIP_ROOM];

    if (why == LDR_NUMBER_NONE)
        return is_not(text, type, err);
    return larder_fail(err, LARDER_INVALID, "'%s' is outside the range of %s",
        ldr_text_clip(text, clip), larder_type_name(type));
}

static larder_status
parse_bool(larder_column *column, larder_bytes text, larder_error *err)
{
    static const char words[4][6] = {"false", "true", "0", "1"};
    const char *bytes = text.data;

    for (unsigned w = 0; w < 4; w++) {
        size_t i = 0;

        /* Setting the bit 0x20 lowers letters and leaves digits. */
        while (i < text.size && words[w][i] != '\0' && bytes[i] >= '0' &&
               (bytes[i] | 0x20) == words[w][i])
            i++;
        if (i == text.size && words[w][i] == '\0')
            return larder_column_append_integer(column, w & 1, err);
    }
    is_not(text, LARDER_BOOL, err);
    larder_hint(err, "write true or false");
    return LARDER_INVALID;
}

static larder_status
parse_integer(larder_column *column, larder_bytes text, larder_error *err)
{
    int64_t value = 0;
    ldr_number found = ldr_int64_parse(text.data, text.size, &value);

    if (found == LDR_NUMBER_OK && column->type == LARDER_INT32 &&
        (value < INT32_MIN || value > INT32_MAX))
        found = LDR_NUMBER_RANGE;
    if (found != LDR_NUMBER_OK)
        return not_a_number(found, text, column->type, err);
    return larder_column_append_integer(column, value, err);
}

static larder_status
parse_real(larder_column *column, larder_bytes text, larder_error *err)
{
    double value = 0;
    float narrow = 0;
    ldr_number found;

    if (column->type == LARDER_FLOAT64) {
        found = ldr_double_parse(text.data, text.size, &value);
    } else {
        found = ldr_float_parse(text.data, text.size, &narrow);
        value = (double)narrow;
    }
    if (found != LDR_NUMBER_OK)
        return not_a_number(found, text, column->type, err);
    return larder_column_append_real(column, value, err);
}

static larder_status
parse_string(larder_column *column, larder_bytes text, larder_error *err)
{
    size_t at;

    if (!ldr_utf8_valid(text, &at))
        return larder_fail(err, LARDER_INVALID, "%s at byte %zu of the value",
            ((const char *)text.data)[at] == '\0' ? "a NUL" : "invalid UTF-8",
            at + 1);
    return larder_column_append_text(column, text, err);
}

static bool
is_all_digits(larder_bytes text)
{
    const char *bytes = text.data;
    size_t i = text.size > 1 && (bytes[0] == '-' || bytes[0] == '+');

    for (; i < text.size; i++)
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
    return text.size > 0;
}

static larder_status
parse_time(
    larder_column *column, larder_bytes text, int32_t naive, larder_error *err)
{
    char clip[LDR_CLIP_ROOM];
    larder_time time;
    larder_status rc = larder_time_parse(text, naive, &time, err);

    if (rc == LARDER_OK)
        return larder_column_append_integer(column, time, err);
    if (rc == LARDER_INVALID && is_all_digits(text)) {
        larder_fail(err, LARDER_INVALID, "'%s' is a number, not a time",
            ldr_text_clip(text, clip));
        larder_hint(err, "write ISO 8601, such as 2024-03-01T12:00:00Z");
    }
    return rc;
}

/* ------------------------------------------------------------------ base64 */

static int
base64_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits, of which the last `n_pads` are '=', to 3 - n_pads bytes. What
 * no encoder writes (bits that say nothing) is refused. */
static bool
decode_four(const unsigned char *text, size_t n_pads, unsigned char *out)
{
    uint32_t word = 0;

    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - n_pads ? base64_digit(text[i]) : 0;

        if (digit < 0)
            return false;
        word = word << 6 | (uint32_t)digit;
    }
    for (size_t i = 0; i < 3 - n_pads; i++)
        out[i] = (unsigned char)(word >> (16 - 8 * i));
    return (word & ((UINT32_C(1) << 8 * n_pads) - 1)) == 0;
}

static bool
decode_base64(larder_bytes text, unsigned char *out, size_t *size)
{
    const unsigned char *bytes = text.data;
    size_t n_pads = 0, n = 0;

    if (text.size % 4 != 0)
        return false;
    while (n_pads < 2 && n_pads < text.size &&
           bytes[text.size - 1 - n_pads] == '=')
        n_pads++;
    for (size_t i = 0; i < text.size; i += 4, n += 3)
        if (!decode_four(bytes + i, i + 4 == text.size ? n_pads : 0, out + n))
            return false;
    *size = n - n_pads;
    return true;
}

static larder_status
parse_bytes(larder_column *column, larder_bytes text, larder_error *err)
{
    unsigned char *decoded = malloc(text.size / 4 * 3 + 1);
    size_t size = 0;
    char clip[LDR_CLIP_ROOM];
    larder_status rc;

    if (decoded == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for a value of %zu bytes", text.size);
    if (decode_base64(text, decoded, &size))
        rc = larder_column_append_text(
            column, (larder_bytes){decoded, size}, err);
    else
        rc = larder_fail(err, LARDER_INVALID, "'%s' is not base64",
            ldr_text_clip(text, clip));
    free(decoded);
    return rc;
}

/* ------------------------------------------------------------------- lists */

static larder_status
parse_list(
    larder_column *column, larder_bytes text, int32_t naive, larder_error *err)
{
    ldr_json json;
    ldr_buffer scratch = {0};
    ldr_json_kind kind;
    size_t row = column->n_rows;
    larder_status rc = LARDER_OK;

    ldr_json_start(&json, text);
    kind = ldr_json_next(&json);
    if (kind != LDR_JSON_ARRAY) {
        is_not(text, column->type, err);
        larder_hint(err, "write a JSON array, such as [1, 2]");
        return LARDER_INVALID;
    }
    rc = ldr_json_value(&json, kind, column, naive, &scratch, err);
    if (rc == LARDER_OK && ldr_json_next(&json) != LDR_JSON_END) {
        rc = is_not(text, column->type, err);
        ldr_column_truncate(column, row);
    }
    ldr_buffer_free(&scratch);
    return rc;
}

larder_status
larder_value_parse(larder_column *column, larder_bytes text,
    int32_t naive_offset_minutes, larder_error *err)
{
    switch (column->type) {
    case LARDER_BOOL:
        return parse_bool(column, text, err);
    case LARDER_INT32:
    case LARDER_INT64:
        return parse_integer(column, text, err);
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        return parse_real(column, text, err);
    case LARDER_STRING:
        return parse_string(column, text, err);
    case LARDER_BYTES:
        return parse_bytes(column, text, err);
    case LARDER_TIMESTAMP:
        return parse_time(column, text, naive_offset_minutes, err);
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
    return parse_list(column, text, naive_offset_minutes, err);
}
