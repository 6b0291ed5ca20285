/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex.c - the words, numbers, texts and signs that an expression is made of.
 *
 * What SQL spells otherwise, or other languages write here, is refused with
 * the spelling that is right.
 */
#include "expression/lex.h"

#include <string.h>

#include "base/words.h"

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The character at a place, or NUL beyond the end. */
static char
peek(larder_bytes text, size_t at)
{
    return at < text.size ? ((const char *)text.data)[at] : '\0';
}

static ldr_token
bad(size_t begin, size_t end, const char *why, const char *hint)
{
    return (ldr_token){LDR_TOKEN_BAD, begin, end, why, hint};
}

static ldr_token
good(ldr_token_kind kind, size_t begin, size_t end)
{
    return (ldr_token){kind, begin, end, NULL, NULL};
}

/* ------------------------------------------------------------------ words */

static const struct word {
    char name[8];
    ldr_token_kind kind;
} words[] = {
    {"and", LDR_TOKEN_AND},
    {"between", LDR_TOKEN_BETWEEN},
    {"case", LDR_TOKEN_CASE},
    {"else", LDR_TOKEN_ELSE},
    {"end", LDR_TOKEN_END_CASE},
    {"false", LDR_TOKEN_FALSE},
    {"in", LDR_TOKEN_IN},
    {"is", LDR_TOKEN_IS},
    {"not", LDR_TOKEN_NOT},
    {"null", LDR_TOKEN_NULL},
    {"or", LDR_TOKEN_OR},
    {"then", LDR_TOKEN_THEN},
    {"true", LDR_TOKEN_TRUE},
    {"when", LDR_TOKEN_WHEN},
};

/* A letter made small; what is none is spoilt, but no other becomes one. */
static bool
is_word(const struct word *word, const char *at, size_t size)
{
    if (size >= sizeof word->name || word->name[size] != '\0')
        return false;
    for (size_t i = 0; i < size; i++)
        if ((at[i] | 0x20) != word->name[i])
            return false;
    return true;
}

static ldr_token
take_name(larder_bytes text, size_t at)
{
    const char *name = (const char *)text.data + at;
    size_t end = at;

    while (is_letter(peek(text, end)) || is_digit(peek(text, end)))
        end++;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        if (is_word(&words[w], name, end - at))
            return good(words[w].kind, at, end);
    return good(LDR_TOKEN_NAME, at, end);
}

/* ---------------------------------------------------------------- literals */

/* 12, 1.5, .5, 1., 1e10: the beginning is there. */
static ldr_token
take_number(larder_bytes text, size_t at)
{
    ldr_token_kind kind = LDR_TOKEN_INTEGER;
    size_t end = at;

    while (is_digit(peek(text, end)))
        end++;
    if (peek(text, end) == '.') {
        kind = LDR_TOKEN_REAL;
        for (end++; is_digit(peek(text, end));)
            end++;
    }
    if (peek(text, end) == 'e' || peek(text, end) == 'E') {
        size_t sign = peek(text, end + 1) == '-' || peek(text, end + 1) == '+';

        if (is_digit(peek(text, end + 1 + sign))) {
            kind = LDR_TOKEN_REAL;
            for (end += 1 + sign; is_digit(peek(text, end));)
                end++;
        }
    }
    if (is_letter(peek(text, end))) {
        while (is_letter(peek(text, end)) || is_digit(peek(text, end)))
            end++;
        return bad(at, end, "a number runs into letters",
            "write numbers as 42, 0.5 or 1e-3; a column whose name begins "
            "with a digit in \"double quotes\"");
    }
    return good(kind, at, end);
}

/* Up to the closing quote; a doubled one stands for itself. */
static ldr_token
take_quoted(larder_bytes text, size_t at)
{
    char quote = peek(text, at);

    for (size_t end = at + 1; end < text.size; end++) {
        if (peek(text, end) != quote)
            continue;
        if (peek(text, end + 1) != quote)
            return good(
                quote == '"' ? LDR_TOKEN_QUOTED : LDR_TOKEN_TEXT, at, end + 1);
        end++;
    }
    if (quote == '"')
        return bad(at, text.size, "a quoted name has no closing '\"'",
            "write \"name\"; a quote inside is doubled");
    return bad(at, text.size, "a text has no closing quote",
        "write 'text'; a quote inside is doubled: 'it''s'");
}

/* ------------------------------------------------------------------- signs */

/* The longer ones first. */
static const struct sign {
    char text[3];
    ldr_token_kind kind;
    const char *why, *hint; /* of one that is another language's */
} signs[] = {
    {"--", LDR_TOKEN_BAD, "comments cannot stand in an expression",
        "a minus before a minus is written with a space or parentheses"},
    {"/*", LDR_TOKEN_BAD, "comments cannot stand in an expression", NULL},
    {"||", LDR_TOKEN_CONCAT, NULL, NULL},
    {"==", LDR_TOKEN_BAD, "'==' is not an operator", "write '='"},
    {"<>", LDR_TOKEN_UNEQUAL, NULL, NULL},
    {"!=", LDR_TOKEN_UNEQUAL, NULL, NULL},
    {"<=", LDR_TOKEN_LESS_EQUAL, NULL, NULL},
    {">=", LDR_TOKEN_GREATER_EQUAL, NULL, NULL},
    {"&&", LDR_TOKEN_BAD, "'&&' is not an operator", "write 'and'"},
    {"**", LDR_TOKEN_BAD, "'**' is not an operator", "write pow(x, y)"},
    {"::", LDR_TOKEN_BAD, "'::' is not an operator", "write cast(x as type)"},
    {"(", LDR_TOKEN_OPEN, NULL, NULL},
    {")", LDR_TOKEN_CLOSE, NULL, NULL},
    {",", LDR_TOKEN_COMMA, NULL, NULL},
    {"+", LDR_TOKEN_PLUS, NULL, NULL},
    {"-", LDR_TOKEN_MINUS, NULL, NULL},
    {"*", LDR_TOKEN_STAR, NULL, NULL},
    {"/", LDR_TOKEN_SLASH, NULL, NULL},
    {"%", LDR_TOKEN_PERCENT, NULL, NULL},
    {"=", LDR_TOKEN_EQUAL, NULL, NULL},
    {"<", LDR_TOKEN_LESS, NULL, NULL},
    {">", LDR_TOKEN_GREATER, NULL, NULL},
    {"!", LDR_TOKEN_BAD, "'!' is not an operator", "write 'not'"},
    {"^", LDR_TOKEN_BAD, "'^' is not an operator", "write pow(x, y)"},
    {".", LDR_TOKEN_BAD, "a column is named by one word, without a table",
        "write the feature's name alone"},
};

static ldr_token
take_sign(larder_bytes text, size_t at)
{
    size_t size =
        ldr_words_character((const char *)text.data + at, text.size - at);

    for (size_t s = 0; s < sizeof signs / sizeof signs[0]; s++) {
        const struct sign *sign = &signs[s];
        size_t length = strlen(sign->text);

        if (sign->text[0] != peek(text, at) ||
            (length == 2 && sign->text[1] != peek(text, at + 1)))
            continue;
        return (ldr_token){sign->kind, at, at + length, sign->why, sign->hint};
    }
    return bad(at, at + (size == 0 ? 1 : size),
        "this character has no meaning here",
        "text is written in 'single quotes', a column of an unusual name in "
        "\"double quotes\"");
}

ldr_token
ldr_token_next(larder_bytes text, size_t at)
{
    char c;

    while (at < text.size && is_space(peek(text, at)))
        at++;
    if (at >= text.size)
        return good(LDR_TOKEN_END, text.size, text.size);
    c = peek(text, at);
    if (is_letter(c))
        return take_name(text, at);
    if (is_digit(c) || (c == '.' && is_digit(peek(text, at + 1))))
        return take_number(text, at);
    if (c == '\'' || c == '"')
        return take_quoted(text, at);
    return take_sign(text, at);
}
