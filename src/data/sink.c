/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.c - text on its way out, and how values are spelt there.
 */
#include "data/sink.h"

#include <errno.h>
#include <math.h>

#include "base/number.h"
#include "base/words.h"

void
ldr_sink_spill(ldr_sink *sink, const void *text, size_t size)
{
    if (sink->file == NULL) {
        sink->size += size;
        return;
    }
    if (sink->failure == 0 && sink->size != 0 &&
        fwrite(sink->text, 1, sink->size, sink->file) != sink->size)
        sink->failure = errno == 0 ? EIO : errno;
    sink->size = 0;
    if (size <= sink->room) {
        memcpy(sink->text, text, size);
        sink->size = size;
    } else if (sink->failure == 0 &&
               fwrite(text, 1, size, sink->file) != size) {
        sink->failure = errno == 0 ? EIO : errno;
    }
}

larder_status
ldr_sink_flush(ldr_sink *sink, larder_error *err)
{
    char reason[128];

    if (sink->file == NULL)
        return LARDER_OK;
    ldr_sink_spill(sink, "", 0);
    if (sink->failure == 0)
        return LARDER_OK;
    if (strerror_r(sink->failure, reason, sizeof reason) != 0)
        reason[0] = '\0';
    return larder_fail(err, LARDER_IO, "cannot write: %s", reason);
}

/* ----------------------------------------------------------------- strings */

/* The bytes from `text` on that JSON takes as they are. */
static size_t
plain_run(const unsigned char *text, size_t size)
{
    size_t n = 0;

    while (n < size && text[n] >= 0x20 && text[n] < 0x80 && text[n] != '"' &&
           text[n] != '\\')
        n++;
    return n;
}

/* In JSON inside a CSV field each quote is written twice. */
static const char once[] = "\"", twice[] = "\"\"";

static void
put_quote(ldr_sink *sink, const char *quote)
{
    ldr_sink_put(sink, quote, quote == once ? 1 : 2);
}

static void
put_escape(ldr_sink *sink, unsigned char byte, const char *quote)
{
    static const char digits[] = "0123456789abcdef";
    static const char shorts[] = "btn\0fr"; /* 8 to 13; \v has none */
    char text[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};

    if (byte >= '\b' && byte <= '\r' && shorts[byte - '\b'] != '\0') {
        text[1] = shorts[byte - '\b'];
        ldr_sink_put(sink, text, 2);
    } else if (byte == '"') {
        ldr_sink_byte(sink, '\\');
        put_quote(sink, quote);
    } else if (byte == '\\') {
        ldr_sink_put(sink, "\\\\", 2);
    } else {
        ldr_sink_put(sink, text, 6);
    }
}

static void
put_string(ldr_sink *sink, larder_bytes text, const char *quote)
{
    const unsigned char *at = text.data;
    size_t left = text.size;

    put_quote(sink, quote);
    while (left > 0) {
        size_t n = plain_run(at, left);

        if (n != 0) {
            ldr_sink_put(sink, at, n);
        } else if (at[0] < 0x80) {
            put_escape(sink, at[0], quote);
            n = 1;
        } else if ((n = ldr_words_character(at, left)) != 0) {
            ldr_sink_put(sink, at, n);
        } else {
            ldr_sink_put(sink, "\xEF\xBF\xBD", 3);
            n = 1;
        }
        at += n;
        left -= n;
    }
    put_quote(sink, quote);
}

void
ldr_sink_json_string(ldr_sink *sink, larder_bytes text)
{
    put_string(sink, text, once);
}

/* A byte order mark, were it the first of a file, would be passed over. */
static bool
needs_quotes(const char *text, size_t size)
{
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        return true;
    for (size_t i = 0; i < size; i++)
        if (text[i] == ',' || text[i] == '"' || text[i] == '\n' ||
            text[i] == '\r')
            return true;
    return size == 0;
}

void
ldr_sink_csv_field(ldr_sink *sink, larder_bytes text)
{
    const char *at = text.data, *end = at;

    if (!needs_quotes(at, text.size)) {
        ldr_sink_put(sink, at, text.size);
        return;
    }
    ldr_sink_byte(sink, '"');
    if (text.size != 0)
        end = at + text.size;
    while (at != end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        size_t n = (size_t)((quote == NULL ? end : quote + 1) - at);

        ldr_sink_put(sink, at, n);
        if (quote != NULL)
            ldr_sink_byte(sink, '"');
        at += n;
    }
    ldr_sink_byte(sink, '"');
}

static void
put_base64(ldr_sink *sink, larder_bytes bytes)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes.data;

    for (size_t left = bytes.size; left > 0;) {
        size_t n = left < 3 ? left : 3;
        unsigned word = (unsigned)at[0] << 16;
        char text[4];

        word |= n > 1 ? (unsigned)at[1] << 8 : 0;
        word |= n > 2 ? (unsigned)at[2] : 0;
        text[0] = digits[word >> 18];
        text[1] = digits[word >> 12 & 63];
        text[2] = n > 1 ? digits[word >> 6 & 63] : '=';
        text[3] = n > 2 ? digits[word & 63] : '=';
        ldr_sink_put(sink, text, 4);
        at += n;
        left -= n;
    }
}

/* ------------------------------------------------------------------ values */

/* The text of anything but text and lists; its length. */
static size_t
print_scalar(const larder_value *value, char text[40])
{
    if (value->type == LARDER_BOOL) {
        strcpy(text, value->as.boolean ? "true" : "false");
        return strlen(text);
    }
    if (value->type == LARDER_FLOAT64)
        return ldr_double_print(value->as.real, text);
    if (value->type == LARDER_FLOAT32)
        return ldr_float_print((float)value->as.real, text);
    if (value->type == LARDER_TIMESTAMP)
        return larder_time_print(value->as.integer, text);
    return ldr_int64_print(value->as.integer, text);
}

static bool
is_quoted_in_json(const larder_value *value)
{
    return value->type == LARDER_BYTES || value->type == LARDER_TIMESTAMP ||
           ((value->type == LARDER_FLOAT32 || value->type == LARDER_FLOAT64) &&
               !isfinite(value->as.real));
}

/* The text of a value that is no list, without quotes. */
static void
put_plain(ldr_sink *sink, const larder_value *value)
{
    char text[40];

    if (value->type == LARDER_BYTES)
        put_base64(sink, value->as.text);
    else if (value->type != LARDER_STRING)
        ldr_sink_put(sink, text, print_scalar(value, text));
    else if (value->as.text.size != 0)
        ldr_sink_put(sink, value->as.text.data, value->as.text.size);
}

static void
put_item(ldr_sink *sink, const larder_value *value, const char *quote)
{
    if (value->null) {
        ldr_sink_put(sink, "null", 4);
    } else if (value->type == LARDER_STRING) {
        put_string(sink, value->as.text, quote);
    } else if (is_quoted_in_json(value)) {
        put_quote(sink, quote);
        put_plain(sink, value);
        put_quote(sink, quote);
    } else {
        put_plain(sink, value);
    }
}

static void
put_list(ldr_sink *sink, const larder_value *value, const char *quote)
{
    ldr_sink_byte(sink, '[');
    for (size_t i = value->as.list.begin; i < value->as.list.end; i++) {
        larder_value item = larder_column_value(value->as.list.items, i);

        if (i != value->as.list.begin)
            ldr_sink_byte(sink, ',');
        put_item(sink, &item, quote);
    }
    ldr_sink_byte(sink, ']');
}

static bool
is_list(const larder_value *value)
{
    return !value->null && (value->type & LARDER_LIST) != 0;
}

void
ldr_sink_plain(ldr_sink *sink, const larder_value *value)
{
    if (is_list(value))
        put_list(sink, value, once);
    else if (!value->null)
        put_plain(sink, value);
}

static void
put_csv(ldr_sink *sink, const larder_value *value)
{
    if (is_list(value)) {
        ldr_sink_byte(sink, '"');
        put_list(sink, value, twice);
        ldr_sink_byte(sink, '"');
    } else if (value->type == LARDER_STRING) {
        ldr_sink_csv_field(sink, value->as.text);
    } else if (value->type == LARDER_BYTES && value->as.text.size == 0) {
        ldr_sink_put(sink, twice, 2); /* there, and empty */
    } else {
        put_plain(sink, value);
    }
}

void
ldr_sink_value(ldr_sink *sink, const larder_value *value, larder_format format)
{
    if (format == LARDER_JSONL && is_list(value))
        put_list(sink, value, once);
    else if (format == LARDER_JSONL)
        put_item(sink, value, once);
    else if (!value->null)
        put_csv(sink, value);
}
