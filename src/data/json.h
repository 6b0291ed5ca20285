/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON to columns, and JSON lines to and from streams.
 *
 * A value of a line is at most max_field_bytes; without a schema the members of
 * the first record are the columns, later ones may lack some but add none.
 */
#ifndef LDR_JSON_H
#define LDR_JSON_H

#include "base/json.h"
#include "data/row.h"
#include "larder.h"

/* Append the value that ldr_json_next() just began with `kind` to a column:
 * numbers, and integral reals for integers; "NaN", "inf", "-inf"; ISO text for
 * times, base64 for bytes; arrays for lists; null. Strings are decoded in
 * `scratch`. INVALID; then nothing is appended. */
larder_status ldr_json_value(ldr_json *json, ldr_json_kind kind,
    larder_column *column, int32_t naive_offset_minutes, ldr_buffer *scratch,
    larder_error *err);

larder_status ldr_jsonl_read(FILE *file, const larder_text_options *options,
    const larder_call *call, larder_stream *out, larder_error *err);
larder_status ldr_jsonl_write(FILE *file, const larder_batch *batch,
    size_t n_verbatim, larder_format from, larder_error *err);

#endif
