/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - a bounded pull reader of JSON. Knows one text that lies in memory.
 */
#include "base/json.h"

#include <string.h>

#include "base/words.h"

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
