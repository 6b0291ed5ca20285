/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - values of a request: which JSON may stand for which type.
 */
#include "serve/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time.h"

/* Below 2^53 every integral double is the number that was written. */
#define EXACT 9007199254740992.0
#define SECONDS_MAX (LARDER_TIME_MAX / LDR_SECOND)
#define CLIP 40

static larder_status
is_not(const ldr_json *json, ldr_json_kind kind, const larder_column *column,
    larder_error *err)
{
    const char *name = larder_type_name(column->type);
    const char *article = name[0] == 'i' ? "an" : "a";
    bool whole = json->token.size <= CLIP;

    if (kind == LDR_JSON_ERROR)
        return larder_fail(err, LARDER_INVALID, "%s", json->message);
    if (kind == LDR_JSON_OBJECT || kind == LDR_JSON_ARRAY)
        return larder_fail(err, LARDER_INVALID, "an %s is not %s %s",
            kind == LDR_JSON_OBJECT ? "object" : "array", article, name);
    return larder_fail(err, LARDER_INVALID, "%.*s%s is not %s %s",
        whole ? (int)json->token.size : CLIP, (const char *)json->token.data,
        whole ? "" : "...", article, name);
}

bool
value_text(larder_bytes token, char *room, size_t n_room, larder_bytes *out)
{
    const char *text = token.data;
    size_t size = 0;

    if (token.size < 2 || text[0] != '"')
        return false;
    if (memchr(text, '\\', token.size) == NULL) {
        *out = (larder_bytes){text + 1, token.size - 2};
        return true;
    }
    if (token.size > n_room || ldr_json_unquote(token, room, &size) != NULL)
        return false;
    *out = (larder_bytes){room, size};
    return true;
}

static larder_status
append_parsed(larder_column *column, larder_bytes text, larder_error *err)
{
    return larder_value_parse(column, text, 0, err);
}

static larder_status
append_text(const ldr_json *json, larder_column *column, larder_error *err)
{
    char few[256], *room = few;
    larder_bytes text;
    larder_status rc;

    if (json->token.size > sizeof few &&
        memchr(json->token.data, '\\', json->token.size) != NULL) {
        room = malloc(json->token.size);
        if (room == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory for a value");
    }
    if (value_text(json->token, room,
            room == few ? sizeof few : json->token.size, &text))
        rc = append_parsed(column, text, err);
    else
        rc = is_not(json, LDR_JSON_STRING, column, err);
    if (room != few)
        free(room);
    return rc;
}

/* "1001" for a join key of integers, and no other text for a number. */
static bool
is_numeric(larder_bytes token)
{
    const char *text = token.data;
    size_t i = token.size > 3 && text[1] == '-' ? 2 : 1;

    if (token.size < 3 || text[i] == '"')
        return false;
    for (; i + 1 < token.size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

static larder_status
append_integer(larder_column *column, int64_t integer, larder_error *err)
{
    larder_value value = {.type = column->type, .as.integer = integer};

    return larder_column_append(column, &value, err);
}

static larder_status
append_integral(const ldr_json *json, larder_column *column, larder_error *err)
{
    double real = 0;

    if (ldr_double_parse(json->token.data, json->token.size, &real) !=
            LDR_NUMBER_OK ||
        !(real > -EXACT && real < EXACT) || (double)(int64_t)real != real ||
        (column->type == LARDER_INT32 &&
            (real < INT32_MIN || real > INT32_MAX)))
        return is_not(json, LDR_JSON_NUMBER, column, err);
    return append_integer(column, (int64_t)real, err);
}

static larder_status
append_seconds(const ldr_json *json, larder_column *column, larder_error *err)
{
    int64_t seconds = 0;

    if (ldr_int64_parse(json->token.data, json->token.size, &seconds) !=
            LDR_NUMBER_OK ||
        seconds > SECONDS_MAX || seconds < LARDER_TIME_MIN / LDR_SECOND) {
        is_not(json, LDR_JSON_NUMBER, column, err);
        larder_hint(err, "write whole seconds since 1970, or ISO 8601");
        return LARDER_INVALID;
    }
    return append_integer(column, seconds * LDR_SECOND, err);
}

static larder_status
append_number(const ldr_json *json, larder_column *column, larder_error *err)
{
    const char *text = json->token.data;

    if (column->type == LARDER_TIMESTAMP)
        return append_seconds(json, column, err);
    if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64)
        return append_parsed(column, json->token, err);
    if (column->type != LARDER_INT32 && column->type != LARDER_INT64)
        return is_not(json, LDR_JSON_NUMBER, column, err);
    for (size_t i = 0; i < json->token.size; i++)
        if (text[i] == '.' || (text[i] | 0x20) == 'e')
            return append_integral(json, column, err);
    return append_parsed(column, json->token, err);
}

static larder_status
append_list(ldr_json *json, ldr_json_kind kind, larder_column *column,
    larder_error *err)
{
    larder_bytes list;

    if (kind != LDR_JSON_ARRAY)
        return is_not(json, kind, column, err);
    if (!ldr_json_skip(json, kind, &list))
        return is_not(json, LDR_JSON_ERROR, column, err);
    return append_parsed(column, list, err);
}

larder_status
value_take(ldr_json *json, ldr_json_kind kind, bool is_key,
    larder_column *column, larder_error *err)
{
    larder_value value = {.type = column->type, .null = true};
    bool text = column->type == LARDER_STRING || column->type == LARDER_BYTES ||
                column->type == LARDER_TIMESTAMP;

    if (kind == LDR_JSON_NULL)
        return larder_column_append(column, &value, err);
    if (column->type > LARDER_LIST)
        return append_list(json, kind, column, err);
    if (kind == LDR_JSON_NUMBER)
        return append_number(json, column, err);
    if (kind == LDR_JSON_STRING && text)
        return append_text(json, column, err);
    if (kind == LDR_JSON_STRING && is_key && column->type != LARDER_BOOL &&
        is_numeric(json->token))
        return append_text(json, column, err);
    if (column->type == LARDER_BOOL &&
        (kind == LDR_JSON_TRUE || kind == LDR_JSON_FALSE)) {
        value.null = false;
        value.as.boolean = kind == LDR_JSON_TRUE;
        return larder_column_append(column, &value, err);
    }
    return is_not(json, kind, column, err);
}
