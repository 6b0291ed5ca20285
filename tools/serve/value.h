/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - values of a request: JSON to a column of a type.
 *
 * Taken are integers for int and float columns, integral reals for ints,
 * numeric text for join keys alone, true and false, ISO text (naive is UTC, as
 * Feast has it) or whole seconds for times, base64 text for bytes, arrays for
 * lists, and null.
 */
#ifndef SERVE_VALUE_H
#define SERVE_VALUE_H

#include "base/json.h"
#include "larder.h"

/* Append the value whose first token was just read. INVALID: what it is and
 * what it should be, unnamed; then nothing is appended. */
larder_status value_take(ldr_json *json, ldr_json_kind kind, bool is_key,
    larder_column *column, larder_error *err);

/* A member's name or a text, decoded: it lies in the token, or in `room` where
 * it has escapes. False: it does not fit `room`, or is no text. */
bool value_text(
    larder_bytes token, char *room, size_t n_room, larder_bytes *out);

#endif
