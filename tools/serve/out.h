/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.h - text that grows: what a request is answered with, JSON written
 * straight from rows.
 *
 * Whatever cannot be appended for want of memory is left away and remembered:
 * ask `failed` once, at the end. {0} is empty; the memory is used again.
 */
#ifndef SERVE_OUT_H
#define SERVE_OUT_H

#include <string.h>

#include "larder.h"

struct out {
    char *text;
    size_t size, room;
    bool failed; /* no memory: the text is not whole */
};

/* Room for `size` more bytes; false: there is none. */
bool out_grow(struct out *out, size_t size);

static inline void
out_bytes(struct out *out, const void *bytes, size_t size)
{
    if (size == 0 || (out->room - out->size < size && !out_grow(out, size)))
        return;
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
}

static inline void
out_text(struct out *out, const char *text)
{
    out_bytes(out, text, strlen(text));
}

void out_format(struct out *out, const char *format, ...) LARDER_PRINTF(2, 3);
void out_int(struct out *out, int64_t value);
/* A JSON string; bytes that are not UTF-8 become U+FFFD. */
void out_string(struct out *out, larder_bytes text);
void out_name(struct out *out, const char *text);
/* A JSON value, as Feast's server has it: floats widened, integral doubles as
 * 1.0, NaN and infinities null, bytes in base64. Times are whole seconds, or
 * ISO text. */
void out_value(struct out *out, const larder_value *value, bool iso);
/* A quoted moment, with 0, 3 or 6 digits of a second. */
void out_time(struct out *out, larder_time time);
void out_release(struct out *out);

#endif
