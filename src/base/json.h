/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - a bounded pull reader of JSON.
 *
 * Strict JSON. Depth at most 32; tokens are lent as written.
 */
#ifndef LDR_BASE_JSON_H
#define LDR_BASE_JSON_H

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

#endif
