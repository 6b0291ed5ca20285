/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON lines to and from streams, and a bounded pull reader of JSON.
 *
 * Strict JSON. Depth at most 32; tokens are lent as written. Of JSON lines, a
 * value is at most max_field_bytes; without a schema the members of the first
 * record are the columns, later ones may lack some but add none.
 */
#ifndef LDR_JSON_H
#define LDR_JSON_H

#include "data/row.h"
#include "larder.h"

typedef enum ldr_json_kind {
    LDR_JSON_END, /* of the text */
    LDR_JSON_OBJECT,
    LDR_JSON_OBJECT_END,
    LDR_JSON_ARRAY,
    LDR_JSON_ARRAY_END,
    LDR_JSON_NAME, /* a member's, before its value */
    LDR_JSON_STRING,
    LDR_JSON_NUMBER,
    LDR_JSON_TRUE,
    LDR_JSON_FALSE,
    LDR_JSON_NULL,
    LDR_JSON_ERROR
} ldr_json_kind;

#define LDR_JSON_DEPTH 32u

typedef struct ldr_json {
    larder_bytes text;
    size_t at;          /* where the next token begins, or the fault lies */
    larder_bytes token; /* as written, strings with their quotes */
    unsigned depth;
    unsigned char in_array[LDR_JSON_DEPTH];
    unsigned char state;
    const char *message; /* of an ERROR */
} ldr_json;

void ldr_json_start(ldr_json *json, larder_bytes text);
ldr_json_kind ldr_json_next(ldr_json *json);
/* Decode a string token into `out` (room for token.size); UTF-8, no NUL.
 * NULL, or why not. */
const char *ldr_json_unquote(larder_bytes token, char *out, size_t *size);
/* The whole value that ldr_json_next() just began with `kind`, as written.
 * False: json->message says why not. */
bool ldr_json_skip(ldr_json *json, ldr_json_kind kind, larder_bytes *value);
/* Append that value to a column: numbers, and integral reals for integers;
 * "NaN", "inf", "-inf"; ISO text for times, base64 for bytes; arrays for lists;
 * null. Strings are decoded in `scratch`. INVALID; then nothing is appended. */
larder_status ldr_json_value(ldr_json *json, ldr_json_kind kind,
    larder_column *column, int32_t naive_offset_minutes, ldr_buffer *scratch,
    larder_error *err);

larder_status ldr_jsonl_read(FILE *file, const larder_text_options *options,
    const larder_call *call, larder_stream *out, larder_error *err);
larder_status ldr_jsonl_write(FILE *file, const larder_batch *batch,
    size_t n_verbatim, larder_format from, larder_error *err);

#endif
