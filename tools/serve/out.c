/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.c - text that grows, and JSON in it.
 *
 * The serving path writes each value of each answer here: room is asked for
 * once a value, and a number is spelt in place.
 */
#include "serve/out.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time.h"
#include "base/words.h"

#define FIRST_ROOM 1024u

bool
out_grow(struct out *out, size_t size)
{
    size_t room = out->room == 0 ? FIRST_ROOM : out->room;
    char *text;

    if (out->failed || size > SIZE_MAX / 4 - out->size) {
        out->failed = true;
        return false;
    }
    while (room - out->size < size)
        room *= 2;
    text = realloc(out->text, room);
    if (text == NULL) {
        out->failed = true;
        return false;
    }
    out->text = text;
    out->room = room;
    return true;
}

/* Room for `size` more bytes. */
static inline bool
reserve(struct out *out, size_t size)
{
    return out->room - out->size >= size || out_grow(out, size);
}

void
out_format(struct out *out, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !reserve(out, (size_t)size + 1)) {
        out->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(out->text + out->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    out->size += (size_t)size;
}

void
out_int(struct out *out, int64_t value)
{
    if (reserve(out, LDR_NUMBER_ROOM))
        out->size += ldr_int64_print(value, out->text + out->size);
}

/* ------------------------------------------------------------------ strings */

static void
escape(struct out *out, unsigned char byte)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = byte == 0 ? NULL : strchr(plain, byte);

    if (at != NULL)
        out_format(out, "\\%c", letters[at - plain]);
    else
        out_format(out, "\\u%04x", (unsigned)byte);
}

/* How many bytes from `at` on stand for themselves. */
static size_t
plain_run(const unsigned char *bytes, size_t at, size_t size)
{
    size_t begin = at;

    while (at < size && bytes[at] >= 0x20 && bytes[at] < 0x80 &&
           bytes[at] != '"' && bytes[at] != '\\')
        at++;
    return at - begin;
}

void
out_string(struct out *out, larder_bytes text)
{
    const unsigned char *bytes = text.data;

    out_bytes(out, "\"", 1);
    for (size_t i = 0; i < text.size;) {
        size_t step = plain_run(bytes, i, text.size);

        out_bytes(out, bytes + i, step);
        i += step;
        if (i == text.size)
            break;
        if (bytes[i] < 0x80) {
            escape(out, bytes[i++]);
            continue;
        }
        step = ldr_words_character(bytes + i, text.size - i);
        if (step == 0)
            out_text(out, "\xEF\xBF\xBD");
        else
            out_bytes(out, bytes + i, step);
        i += step == 0 ? 1 : step;
    }
    out_bytes(out, "\"", 1);
}

void
out_name(struct out *out, const char *text)
{
    out_string(out, (larder_bytes){text, strlen(text)});
}

/* ------------------------------------------------------------------- values */

void
out_time(struct out *out, larder_time time)
{
    if (!reserve(out, 36))
        return;
    out->text[out->size++] = '"';
    out->size += larder_time_print(time, out->text + out->size);
    out->text[out->size++] = '"';
}

static void
out_real(struct out *out, double real)
{
    if (!isfinite(real))
        out_bytes(out, "null", 4);
    else if (reserve(out, LDR_NUMBER_ROOM))
        out->size += ldr_double_print(real, out->text + out->size);
}

static void
out_base64(struct out *out, const larder_value *value)
{
    size_t size = larder_value_print(value, NULL, 0);

    if (!reserve(out, size + 3))
        return;
    out->text[out->size++] = '"';
    larder_value_print(value, out->text + out->size, size + 1);
    out->size += size;
    out->text[out->size++] = '"';
}

static void
out_list(struct out *out, const larder_value *value, bool iso)
{
    out_bytes(out, "[", 1);
    for (size_t i = value->as.list.begin; i < value->as.list.end; i++) {
        larder_value item = larder_column_value(value->as.list.items, i);

        if (i > value->as.list.begin)
            out_bytes(out, ",", 1);
        out_value(out, &item, iso);
    }
    out_bytes(out, "]", 1);
}

void
out_value(struct out *out, const larder_value *value, bool iso)
{
    if (value->null) {
        out_bytes(out, "null", 4);
        return;
    }
    if (value->type > LARDER_LIST) {
        out_list(out, value, iso);
        return;
    }
    switch ((int)value->type) {
    case LARDER_BOOL:
        out_text(out, value->as.boolean ? "true" : "false");
        break;
    case LARDER_INT32:
    case LARDER_INT64:
        out_int(out, value->as.integer);
        break;
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        out_real(out, value->as.real);
        break;
    case LARDER_STRING:
        out_string(out, value->as.text);
        break;
    case LARDER_TIMESTAMP:
        if (iso)
            out_time(out, value->as.integer);
        else
            out_int(out, ldr_time_seconds(value->as.integer));
        break;
    default:
        out_base64(out, value);
        break;
    }
}

void
out_release(struct out *out)
{
    free(out->text);
    *out = (struct out){0};
}
