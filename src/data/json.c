/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - what the tokens of JSON stand for, in a column of a type; files of
 * lines are in jsonl.c.
 */
#include "data/json.h"

#include <string.h>

#include "base/number.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/text.h"

static larder_status
is_not(const ldr_json *json, ldr_json_kind kind, larder_type type,
    larder_error *err)
{
    char clip[LDR_CLIP_ROOM];
    const char *name = larder_type_name(type);
    const char *article = name[0] == 'i' ? "an" : "a";

    if (kind == LDR_JSON_ERROR)
        return larder_fail(err, LARDER_INVALID, "%s", json->message);
    if (kind == LDR_JSON_OBJECT || kind == LDR_JSON_ARRAY)
        return larder_fail(err, LARDER_INVALID, "an %s is not %s %s",
            kind == LDR_JSON_OBJECT ? "object" : "array", article, name);
    return larder_fail(err, LARDER_INVALID, "%s is not %s %s",
        ldr_text_clip(json->token, clip), article, name);
}

/* Below 2^53 every integral double is the number that was written. */
#define EXACT 9007199254740992.0

static larder_status
append_integral(const ldr_json *json, larder_column *column, larder_error *err)
{
    double real = 0;
    ldr_number found =
        ldr_double_parse(json->token.data, json->token.size, &real);

    if (found != LDR_NUMBER_OK || !(real > -EXACT && real < EXACT) ||
        (double)(int64_t)real != real)
        return is_not(json, LDR_JSON_NUMBER, column->type, err);
    return larder_column_append_integer(column, (int64_t)real, err);
}

static bool
has_byte_of(larder_bytes text, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memchr(text.data, bytes[i], text.size) != NULL)
            return true;
    return false;
}

/* What a string token says: in place where nothing is escaped. */
static larder_status
decode(const ldr_json *json, ldr_buffer *scratch, larder_bytes *text,
    larder_error *err)
{
    const char *token = json->token.data, *fault;
    size_t size = 0;
    larder_status rc;

    if (memchr(token, '\\', json->token.size) == NULL) {
        *text = (larder_bytes){token + 1, json->token.size - 2};
        return LARDER_OK;
    }
    scratch->size = 0;
    rc = ldr_buffer_reserve(scratch, json->token.size, err);
    if (rc != LARDER_OK)
        return rc;
    fault = ldr_json_unquote(json->token, (char *)scratch->data, &size);
    if (fault != NULL)
        return larder_fail(err, LARDER_INVALID, "%s", fault);
    *text = (larder_bytes){scratch->data, size};
    return LARDER_OK;
}

static bool
is_special_real(larder_bytes token)
{
    static const char *const words[] = {"\"NaN\"", "\"inf\"", "\"-inf\""};

    for (size_t i = 0; i < 3; i++)
        if (token.size == strlen(words[i]) &&
            memcmp(token.data, words[i], token.size) == 0)
            return true;
    return false;
}

/* May a token of this kind stand for a value of this type? */
static bool
kind_fits(const ldr_json *json, ldr_json_kind kind, larder_type type)
{
    if (type == LARDER_BOOL)
        return kind == LDR_JSON_TRUE || kind == LDR_JSON_FALSE;
    if (type == LARDER_INT32 || type == LARDER_INT64)
        return kind == LDR_JSON_NUMBER;
    if (type == LARDER_FLOAT32 || type == LARDER_FLOAT64)
        return kind == LDR_JSON_NUMBER ||
               (kind == LDR_JSON_STRING && is_special_real(json->token));
    return kind == LDR_JSON_STRING;
}

static larder_status
append_scalar(ldr_json *json, ldr_json_kind kind, larder_column *column,
    int32_t naive, ldr_buffer *scratch, larder_error *err)
{
    larder_bytes text = json->token;
    larder_status rc = LARDER_OK;

    if (kind == LDR_JSON_NULL)
        return larder_column_append_null(column, err);
    if (!kind_fits(json, kind, column->type)) {
        is_not(json, kind, column->type, err);
        if (kind == LDR_JSON_NUMBER && column->type == LARDER_TIMESTAMP)
            larder_hint(err, "write ISO 8601, such as 2024-03-01T12:00:00Z");
        return LARDER_INVALID;
    }
    if (kind == LDR_JSON_NUMBER && column->type != LARDER_FLOAT32 &&
        column->type != LARDER_FLOAT64 && has_byte_of(text, ".eE", 3))
        return append_integral(json, column, err);
    if (kind == LDR_JSON_STRING)
        rc = decode(json, scratch, &text, err);
    if (rc == LARDER_OK)
        rc = larder_value_parse(column, text, naive, err);
    return rc;
}

larder_status
ldr_json_value(ldr_json *json, ldr_json_kind kind, larder_column *column,
    int32_t naive_offset_minutes, ldr_buffer *scratch, larder_error *err)
{
    size_t row = column->n_rows;
    larder_status rc = LARDER_OK;

    if (!ldr_type_is_list(column->type) || kind == LDR_JSON_NULL)
        return append_scalar(
            json, kind, column, naive_offset_minutes, scratch, err);
    if (kind != LDR_JSON_ARRAY)
        return is_not(json, kind, column->type, err);
    while (
        rc == LARDER_OK && (kind = ldr_json_next(json)) != LDR_JSON_ARRAY_END)
        rc = append_scalar(
            json, kind, column->items, naive_offset_minutes, scratch, err);
    if (rc == LARDER_OK)
        rc = ldr_column_close_list(column, err);
    if (rc != LARDER_OK)
        ldr_column_truncate(column, row);
    return rc;
}
