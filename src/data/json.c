/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - a bounded pull reader of JSON, and what its tokens stand for.
 *
 * Knows one text that lies in memory; files of lines are in jsonl.c.
 */
#include "data/json.h"

#include <string.h>

#include "base/number.h"
#include "base/words.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/text.h"

/* What may come next. */
enum {
    BEFORE_VALUE,
    AFTER_OPEN, /* a first member or item, or the end */
    BEFORE_NAME,
    AFTER_VALUE,
    FAILED
};

void
ldr_json_start(ldr_json *json, larder_bytes text)
{
    *json = (ldr_json){.text = text};
}

static ldr_json_kind
fail(ldr_json *json, const char *message)
{
    json->message = message;
    json->state = FAILED;
    return LDR_JSON_ERROR;
}

/* The next byte after white space; -1 at the end. */
static int
peek(ldr_json *json)
{
    const unsigned char *text = json->text.data;

    while (json->at < json->text.size) {
        unsigned char c = text[json->at];

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c;
        json->at++;
    }
    return -1;
}

/* ----------------------------------------------------------------- strings */

static int
hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The number of a \uXXXX that begins at text; -1: it is none. */
static int32_t
unicode_escape(const unsigned char *text, size_t size)
{
    int32_t unit = 0;

    if (size < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The character an escape stands for, and the escape's length. NULL, or what
 * is wrong with it. */
static const char *
read_escape(
    const unsigned char *text, size_t size, uint32_t *character, size_t *length)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = size < 2 ? NULL : memchr(letters, text[1], 8);
    int32_t unit = unicode_escape(text, size), low;

    *length = 2;
    if (letter != NULL) {
        *character = (unsigned char)meanings[letter - letters];
        return NULL;
    }
    if (unit < 0)
        return "there is no such escape in JSON";
    if (unit == 0)
        return "a string holds a NUL (\\u0000)";
    *length = 6;
    *character = (uint32_t)unit;
    if (unit < 0xD800 || unit > 0xDFFF)
        return NULL;
    low = unicode_escape(text + 6, size - 6);
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
        return "a string holds half of a surrogate pair";
    *length = 12;
    *character =
        0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
    return NULL;
}

static size_t
put_character(char *out, uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = n; i > 1; i--, c >>= 6)
        out[i - 1] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(first[n] | c);
    return n;
}

/* Read the string that begins at `text`; *length counts its quotes, or up to
 * the fault. `out`, if given, gets what it says. NULL, or why not. */
static const char *
read_string(const unsigned char *text, size_t size, char *out, size_t *n_out,
    size_t *length)
{
    const char *fault = NULL;
    size_t i = 1, n = 0;

    while (fault == NULL && i < size && text[i] != '"') {
        size_t step = 1;
        uint32_t c = 0;

        if (text[i] < 0x20)
            fault = "a string holds a bare control character";
        else if (text[i] == '\\')
            fault = read_escape(text + i, size - i, &c, &step);
        else if (text[i] >= 0x80)
            step = ldr_words_character(text + i, size - i);
        if (step == 0)
            fault = "a string is not valid UTF-8";
        if (fault != NULL)
            break;
        if (out != NULL && text[i] == '\\') {
            n += put_character(out + n, c);
        } else if (out != NULL) {
            memcpy(out + n, text + i, step);
            n += step;
        }
        i += step;
    }
    if (fault == NULL && i >= size)
        fault = "a string is not closed";
    *length = fault == NULL ? i + 1 : i;
    *n_out = n;
    return fault;
}

const char *
ldr_json_unquote(larder_bytes token, char *out, size_t *size)
{
    const unsigned char *text = token.data;
    size_t length, n;
    const char *fault;

    if (token.size < 2 || text[0] != '"')
        return "it is not a string";
    fault = read_string(text, token.size, out, &n, &length);
    if (fault == NULL && length != token.size)
        return "it is more than a string";
    if (fault == NULL)
        *size = n;
    return fault;
}

/* ------------------------------------------------------------------ tokens */

static ldr_json_kind
take(ldr_json *json, size_t size, ldr_json_kind kind, unsigned char state)
{
    const char *text = json->text.data;

    json->token = (larder_bytes){text + json->at, size};
    json->at += size;
    json->state = state;
    return kind;
}

static ldr_json_kind
take_string(ldr_json *json, ldr_json_kind kind)
{
    const unsigned char *text = json->text.data;
    size_t length, unused;
    const char *fault = read_string(
        text + json->at, json->text.size - json->at, NULL, &unused, &length);

    if (fault != NULL) {
        json->at += length;
        return fail(json, fault);
    }
    return take(json, length, kind, AFTER_VALUE);
}

static bool
is_digit(const char *text, const char *end)
{
    return text < end && *text >= '0' && *text <= '9';
}

static ldr_json_kind
take_number(ldr_json *json)
{
    const char *begin = (const char *)json->text.data + json->at, *at = begin;
    const char *end = (const char *)json->text.data + json->text.size;

    at += *at == '-';
    if (!is_digit(at, end))
        return fail(json, "a number lacks its digits");
    if (*at++ != '0')
        while (is_digit(at, end))
            at++;
    else if (is_digit(at, end))
        return fail(json, "a number begins with 0");
    if (at < end && *at == '.') {
        at++;
        if (!is_digit(at, end))
            return fail(json, "a number ends with its point");
        while (is_digit(at, end))
            at++;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        if (!is_digit(at, end))
            return fail(json, "an exponent lacks its digits");
        while (is_digit(at, end))
            at++;
    }
    return take(json, (size_t)(at - begin), LDR_JSON_NUMBER, AFTER_VALUE);
}

static ldr_json_kind
take_word(ldr_json *json, const char *word, ldr_json_kind kind)
{
    const char *text = json->text.data;
    size_t size = strlen(word);

    if (json->text.size - json->at < size ||
        memcmp(text + json->at, word, size) != 0)
        return fail(json, "a value is none of JSON");
    return take(json, size, kind, AFTER_VALUE);
}

static ldr_json_kind
open_nested(ldr_json *json, bool array)
{
    if (json->depth == LDR_JSON_DEPTH)
        return fail(json, "the nesting is deeper than 32");
    json->in_array[json->depth++] = array;
    return take(json, 1, array ? LDR_JSON_ARRAY : LDR_JSON_OBJECT, AFTER_OPEN);
}

static ldr_json_kind
take_value(ldr_json *json, int c)
{
    switch (c) {
    case -1:
        return fail(json, "a value is missing");
    case '{':
        return open_nested(json, false);
    case '[':
        return open_nested(json, true);
    case '"':
        return take_string(json, LDR_JSON_STRING);
    case 't':
        return take_word(json, "true", LDR_JSON_TRUE);
    case 'f':
        return take_word(json, "false", LDR_JSON_FALSE);
    case 'n':
        return take_word(json, "null", LDR_JSON_NULL);
    default:
        break;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return take_number(json);
    return fail(json, "a value is none of JSON");
}

static ldr_json_kind
take_name(ldr_json *json, int c)
{
    if (c != '"')
        return fail(json, "the name of a member is missing");
    if (take_string(json, LDR_JSON_NAME) == LDR_JSON_ERROR)
        return LDR_JSON_ERROR;
    if (peek(json) != ':')
        return fail(json, "a ':' is missing after the name of a member");
    json->at++;
    json->state = BEFORE_VALUE;
    return LDR_JSON_NAME;
}

ldr_json_kind
ldr_json_next(ldr_json *json)
{
    int c = json->state == FAILED ? -1 : peek(json);
    bool array = json->depth != 0 && json->in_array[json->depth - 1];

    if (json->state == FAILED)
        return LDR_JSON_ERROR;
    if (json->state == AFTER_VALUE && json->depth == 0)
        return c == -1 ? LDR_JSON_END : fail(json, "text follows the value");
    if (json->state == AFTER_VALUE || json->state == AFTER_OPEN) {
        if (c == (array ? ']' : '}')) {
            json->depth--;
            return take(json, 1,
                array ? LDR_JSON_ARRAY_END : LDR_JSON_OBJECT_END, AFTER_VALUE);
        }
        if (json->state == AFTER_VALUE && c != ',')
            return fail(json,
                array ? "a ',' or ']' is missing" : "a ',' or '}' is missing");
        if (json->state == AFTER_VALUE) {
            json->at++;
            c = peek(json);
        }
        json->state = array ? BEFORE_VALUE : BEFORE_NAME;
    }
    return json->state == BEFORE_NAME ? take_name(json, c)
                                      : take_value(json, c);
}

bool
ldr_json_skip(ldr_json *json, ldr_json_kind kind, larder_bytes *value)
{
    const char *begin = json->token.data;
    unsigned depth = json->depth - 1;

    if (kind == LDR_JSON_OBJECT || kind == LDR_JSON_ARRAY)
        while (json->depth != depth)
            if (ldr_json_next(json) == LDR_JSON_ERROR)
                return false;
    if (kind == LDR_JSON_ERROR)
        return false;
    *value = (larder_bytes){
        begin, (size_t)((const char *)json->text.data + json->at - begin)};
    return true;
}

/* ------------------------------------------------------------------ values */

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
