/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse_value.c - what stands between operators: literals, columns, calls, case
 * and whole expressions in parentheses.
 */
#include "expression/parse.h"

#include <string.h>

#include "base/name.h"
#include "base/number.h"
#include "larder_backend.h"

/* ---------------------------------------------------------------- literals */

/* The inside of quotes, doubled ones made one, with a NUL. */
static larder_status
unquote(ldr_parser *p, const ldr_token *token, larder_bytes *out)
{
    size_t n = 0;
    char *copy = ldr_arena_alloc(p->reading->arena, token->end - token->begin);

    if (copy == NULL)
        return ldr_reading_nomem(p->reading);
    for (size_t at = token->begin + 1; at + 1 < token->end; at++) {
        char c = *ldr_parser_text(p, at);

        copy[n++] = c;
        if (c == *ldr_parser_text(p, token->begin))
            at++;
    }
    copy[n] = '\0';
    *out = (larder_bytes){copy, n};
    return LARDER_OK;
}

static larder_status
read_integer(ldr_parser *p, const ldr_token *token, bool negative, int64_t *out)
{
    const char *digits = ldr_parser_text(p, token->begin);
    size_t size = token->end - token->begin;
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(digits[i] - '0');

        if (value > ((uint64_t)INT64_MAX + negative - digit) / 10) {
            larder_status rc = ldr_reading_fail(p->reading, LARDER_INVALID,
                token->begin, token->end, "the number is beyond int64");

            larder_hint(p->reading->err,
                "with a decimal point it is a "
                "float64: %.*s.0",
                size > 40 ? 40 : (int)size, digits);
            return rc;
        }
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return LARDER_OK;
}

static larder_status
read_real(ldr_parser *p, const ldr_token *token, double *out)
{
    if (ldr_double_parse(ldr_parser_text(p, token->begin),
            token->end - token->begin, out) == LDR_NUMBER_OK)
        return LARDER_OK;
    return ldr_reading_fail(p->reading, LARDER_INVALID, token->begin,
        token->end, "the number is beyond float64");
}

larder_status
ldr_parse_integer(ldr_parser *p, size_t begin, bool negative, ldr_node **out)
{
    ldr_token token = p->token;
    larder_status rc = ldr_node_new(
        p->reading, LDR_NODE_LITERAL, begin, token.end, NULL, 0, out);

    if (rc != LARDER_OK)
        return rc;
    (*out)->type = LARDER_INT64;
    ldr_parser_advance(p);
    return read_integer(p, &token, negative, &(*out)->value.integer);
}

/* The literal that the next token is, no integer. */
static larder_status
parse_literal(ldr_parser *p, ldr_node **out)
{
    ldr_token token = p->token;
    ldr_node *node = NULL;
    larder_status rc = ldr_node_new(
        p->reading, LDR_NODE_LITERAL, token.begin, token.end, NULL, 0, &node);

    if (rc != LARDER_OK)
        return rc;
    if (token.kind == LDR_TOKEN_REAL) {
        node->type = LARDER_FLOAT64;
        rc = read_real(p, &token, &node->value.real);
    } else if (token.kind == LDR_TOKEN_TEXT) {
        node->type = LARDER_STRING;
        rc = unquote(p, &token, &node->value.text);
    } else if (token.kind == LDR_TOKEN_NULL) {
        node->state = LDR_ROW_NULL;
    } else {
        node->type = LARDER_BOOL;
        node->value.truth = token.kind == LDR_TOKEN_TRUE;
    }
    ldr_parser_advance(p);
    *out = node;
    return rc;
}

/* ------------------------------------------------------- words with ( and ) */

/* "x as int64)" after "cast(". */
static larder_status
parse_cast(ldr_parser *p, const ldr_token *name, ldr_node **out)
{
    ldr_node *arg = NULL;
    ldr_token type;
    larder_status rc = ldr_parse_any(p, &arg);

    if (rc != LARDER_OK)
        return rc;
    if (p->token.kind != LDR_TOKEN_NAME || p->token.end - p->token.begin != 2 ||
        (*ldr_parser_text(p, p->token.begin) | 0x20) != 'a' ||
        (*ldr_parser_text(p, p->token.begin + 1) | 0x20) != 's')
        return ldr_parser_unexpected(p, "'as' and a type");
    ldr_parser_advance(p);
    type = p->token;
    rc = ldr_parser_expect(p, LDR_TOKEN_NAME, "a type, such as int64,");
    if (rc == LARDER_OK)
        rc = ldr_parser_expect(p, LDR_TOKEN_CLOSE, "')'");
    if (rc == LARDER_OK)
        rc = ldr_node_new(
            p->reading, LDR_NODE_CAST, name->begin, p->end, &arg, 1, out);
    if (rc != LARDER_OK)
        return rc;
    (*out)->name_begin = type.begin;
    (*out)->name_end = type.end;
    return LARDER_OK;
}

/* After "name(". Whether there is such a function is for check.c to say. */
static larder_status
parse_call(ldr_parser *p, const ldr_token *name, ldr_node **out)
{
    static const struct form {
        char name[9];
        ldr_node_kind kind;
    } forms[] = {{"coalesce", LDR_NODE_COALESCE}, {"nullif", LDR_NODE_NULLIF}};
    const char *word = ldr_parser_text(p, name->begin);
    size_t size = name->end - name->begin;
    ldr_node_kind kind = LDR_NODE_CALL;
    ldr_node_list list = {0};
    char small[16] = "";
    larder_status rc = LARDER_OK;

    if (size < sizeof small)
        memcpy(small, word, size);
    if (ldr_name_equal(small, "cast"))
        return parse_cast(p, name, out);
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++)
        if (ldr_name_equal(small, forms[f].name))
            kind = forms[f].kind;
    if (!ldr_parser_accept(p, LDR_TOKEN_CLOSE))
        rc = ldr_parse_list(p, &list);
    if (rc == LARDER_OK)
        rc = ldr_node_new(
            p->reading, kind, name->begin, p->end, list.items, list.n, out);
    if (rc != LARDER_OK)
        return rc;
    (*out)->name_begin = name->begin;
    (*out)->name_end = name->end;
    (*out)->function = ldr_function_find(word, size, false);
    return LARDER_OK;
}

/* A column, or a call. */
static larder_status
parse_name(ldr_parser *p, ldr_node **out)
{
    ldr_token name = p->token;
    larder_status rc;

    ldr_parser_advance(p);
    if (name.kind == LDR_TOKEN_NAME && ldr_parser_accept(p, LDR_TOKEN_OPEN))
        return parse_call(p, &name, out);
    rc = ldr_node_new(
        p->reading, LDR_NODE_COLUMN, name.begin, name.end, NULL, 0, out);
    if (rc != LARDER_OK)
        return rc;
    if (name.kind == LDR_TOKEN_QUOTED)
        return unquote(p, &name, &(*out)->value.text);
    (*out)->value.text.size = name.end - name.begin;
    (*out)->value.text.data = ldr_arena_copy_n(p->reading->arena,
        ldr_parser_text(p, name.begin), name.end - name.begin);
    return (*out)->value.text.data == NULL ? ldr_reading_nomem(p->reading)
                                           : LARDER_OK;
}

/* A literal that is not written. */
static larder_status
push_literal(
    ldr_parser *p, ldr_node_list *list, const ldr_token *at, larder_type type)
{
    ldr_node *node = NULL;
    larder_status rc = ldr_node_new(
        p->reading, LDR_NODE_LITERAL, at->begin, at->end, NULL, 0, &node);

    if (rc != LARDER_OK)
        return rc;
    node->type = type;
    if (type == 0)
        node->state = LDR_ROW_NULL;
    else
        node->value.truth = true;
    return ldr_parser_push(p, list, node);
}

/* "when c then r ... [else r] end"; "case" is the next token. */
static larder_status
parse_case(ldr_parser *p, ldr_node **out)
{
    ldr_token start = p->token;
    ldr_node_kind kind = LDR_NODE_CASE;
    ldr_node_list list = {0};
    ldr_node *value = NULL;
    larder_status rc = LARDER_OK;

    ldr_parser_advance(p);
    if (p->token.kind != LDR_TOKEN_WHEN) {
        kind = LDR_NODE_CASE_OF;
        LARDER_TRY(ldr_parse_any(p, &value));
    }
    if (p->token.kind != LDR_TOKEN_WHEN)
        return ldr_parser_unexpected(p, "'when'");
    while (ldr_parser_accept(p, LDR_TOKEN_WHEN)) {
        LARDER_TRY(ldr_parse_into(p, &list));
        LARDER_TRY(ldr_parser_expect(p, LDR_TOKEN_THEN, "'then'"));
        LARDER_TRY(ldr_parse_into(p, &list));
    }
    if (value != NULL)
        LARDER_TRY(ldr_parser_push(p, &list, value));
    else
        LARDER_TRY(push_literal(p, &list, &start, LARDER_BOOL));
    if (ldr_parser_accept(p, LDR_TOKEN_ELSE))
        LARDER_TRY(ldr_parse_into(p, &list));
    else
        LARDER_TRY(push_literal(p, &list, &start, 0));
    LARDER_TRY(
        ldr_parser_expect(p, LDR_TOKEN_END_CASE, "'when', 'else' or 'end'"));
    LARDER_TRY(ldr_node_new(
        p->reading, kind, start.begin, p->end, list.items, list.n, out));
    (*out)->name_end = start.end;
out:
    return rc;
}

larder_status
ldr_parse_value(ldr_parser *p, ldr_node **out)
{
    larder_status rc;

    switch ((unsigned)p->token.kind) {
    case LDR_TOKEN_INTEGER:
        return ldr_parse_integer(p, p->token.begin, false, out);
    case LDR_TOKEN_REAL:
    case LDR_TOKEN_TEXT:
    case LDR_TOKEN_NULL:
    case LDR_TOKEN_TRUE:
    case LDR_TOKEN_FALSE:
        return parse_literal(p, out);
    case LDR_TOKEN_NAME:
    case LDR_TOKEN_QUOTED:
        return parse_name(p, out);
    case LDR_TOKEN_CASE:
        return parse_case(p, out);
    case LDR_TOKEN_OPEN:
        ldr_parser_advance(p);
        rc = ldr_parse_any(p, out);
        return rc == LARDER_OK ? ldr_parser_expect(p, LDR_TOKEN_CLOSE, "')'")
                               : rc;
    }
    return ldr_parser_unexpected(p, "a value");
}
