/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - text on its way out, to a file or into memory that may be too small.
 *
 * Values and strings are spelt here for CSV and for JSON, and nowhere else.
 * Nothing is allocated; who writes a file gives the memory to gather text in.
 */
#ifndef LDR_SINK_H
#define LDR_SINK_H

#include <string.h>

#include "larder.h"
#include "larder_backend.h"

/* With a file, `text` gathers what goes there. Without one it is the target,
 * and once it is full `size` alone goes on counting. */
typedef struct ldr_sink {
    FILE *file;
    char *text; /* never NULL */
    size_t size, room;
    int failure; /* the errno of a write that failed; then nothing is written */
} ldr_sink;

/* Bytes a sink to a file does well to have. */
#define LDR_SINK_ROOM 16384

/* What ldr_sink_put() does when `text` is full. */
void ldr_sink_spill(ldr_sink *sink, const void *text, size_t size);

static inline void
ldr_sink_put(ldr_sink *sink, const void *text, size_t size)
{
    if (size <= sink->room && sink->size <= sink->room - size) {
        memcpy(sink->text + sink->size, text, size);
        sink->size += size;
    } else {
        ldr_sink_spill(sink, text, size);
    }
}

static inline void
ldr_sink_byte(ldr_sink *sink, char byte)
{
    if (sink->size < sink->room)
        sink->text[sink->size++] = byte;
    else
        ldr_sink_spill(sink, &byte, 1);
}

/* Hand what is left to the file. IO names the reason of the first failure. */
larder_status ldr_sink_flush(ldr_sink *sink, larder_error *err);

/* The plain text of a value: larder_value_print()'s. A null has none. */
void ldr_sink_plain(ldr_sink *sink, const larder_value *value);
/* A value as a CSV field or a JSON token. JSON: NaN and infinities as the
 * strings "NaN", "inf", "-inf"; bytes in base64; times as ISO text. */
void ldr_sink_value(
    ldr_sink *sink, const larder_value *value, larder_format format);
/* A JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void ldr_sink_json_string(ldr_sink *sink, larder_bytes text);
/* A CSV field that is there: in quotes where it must be, or is empty. */
void ldr_sink_csv_field(ldr_sink *sink, larder_bytes text);

#endif
