/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - from an expression's text to a tree, by SQLite's precedence.
 *
 * Loosest first: or; and; not; = <> is in between; < <= > >=; + -; * / %; ||;
 * a minus before a value. Those of one level group from the left.
 */
#include "expression/parse.h"

#include <string.h>

#include "base/name.h"
#include "larder_backend.h"

static larder_status parse_infix(ldr_parser *p, unsigned level, ldr_node **out);

/* ---------------------------------------------------------------- the text */

void
ldr_parser_advance(ldr_parser *p)
{
    p->end = p->token.end;
    p->token = ldr_token_next(p->reading->text, p->token.end);
}

const char *
ldr_parser_text(const ldr_parser *p, size_t at)
{
    return (const char *)p->reading->text.data + at;
}

/* The next token is not `wanted`. */
larder_status
ldr_parser_unexpected(ldr_parser *p, const char *wanted)
{
    const ldr_token *token = &p->token;
    size_t size = token->end - token->begin;
    larder_status rc;

    if (token->kind == LDR_TOKEN_BAD) {
        rc = ldr_reading_fail(p->reading, LARDER_INVALID, token->begin,
            token->end, "%s", token->why);
        if (token->hint != NULL)
            larder_hint(p->reading->err, "%s", token->hint);
        return rc;
    }
    if (token->kind == LDR_TOKEN_END)
        return ldr_reading_fail(p->reading, LARDER_INVALID, token->begin,
            token->end, "the expression ends where %s is expected", wanted);
    rc = ldr_reading_fail(p->reading, LARDER_INVALID, token->begin, token->end,
        "%s is expected, not '%.*s'", wanted, size > 60 ? 60 : (int)size,
        ldr_parser_text(p, token->begin));
    if (token->kind >= LDR_TOKEN_AND)
        larder_hint(p->reading->err,
            "a column of that name is written in double quotes: \"%.*s\"",
            (int)size, ldr_parser_text(p, token->begin));
    return rc;
}

bool
ldr_parser_accept(ldr_parser *p, ldr_token_kind kind)
{
    if (p->token.kind != kind)
        return false;
    ldr_parser_advance(p);
    return true;
}

larder_status
ldr_parser_expect(ldr_parser *p, ldr_token_kind kind, const char *wanted)
{
    return ldr_parser_accept(p, kind) ? LARDER_OK
                                      : ldr_parser_unexpected(p, wanted);
}

static larder_status
deeper(ldr_parser *p)
{
    if (++p->depth <= LDR_EXPRESSION_DEPTH_MAX)
        return LARDER_OK;
    return ldr_reading_fail(p->reading, LARDER_LIMIT, p->token.begin,
        p->token.end, "the expression is more than %u levels deep",
        LDR_EXPRESSION_DEPTH_MAX);
}

/* ------------------------------------------------------------------- nodes */

larder_status
ldr_parser_push(ldr_parser *p, ldr_node_list *list, ldr_node *node)
{
    if (list->n == list->room) {
        size_t room = list->room == 0 ? 4 : list->room * 2;
        ldr_node **grown =
            ldr_arena_array(p->reading->arena, room, sizeof(ldr_node *));

        if (grown == NULL)
            return ldr_reading_nomem(p->reading);
        if (list->n > 0)
            memcpy(grown, list->items, list->n * sizeof(ldr_node *));
        list->items = grown;
        list->room = room;
    }
    list->items[list->n++] = node;
    return LARDER_OK;
}

/* A call of a function that there is, at the bytes of `name`. */
static larder_status
new_call(ldr_parser *p, const char *function, const ldr_token *name,
    size_t begin, ldr_node *const *args, size_t n_args, ldr_node **out)
{
    larder_status rc = ldr_node_new(
        p->reading, LDR_NODE_CALL, begin, p->end, args, n_args, out);

    if (rc != LARDER_OK)
        return rc;
    (*out)->name_begin = name->begin;
    (*out)->name_end = name->end;
    (*out)->function = ldr_function_find(function, strlen(function), true);
    return LARDER_OK;
}

larder_status
ldr_parse_into(ldr_parser *p, ldr_node_list *list)
{
    ldr_node *node = NULL;
    larder_status rc = ldr_parse_any(p, &node);

    return rc == LARDER_OK ? ldr_parser_push(p, list, node) : rc;
}

larder_status
ldr_parse_list(ldr_parser *p, ldr_node_list *list)
{
    larder_status rc = LARDER_OK;

    do
        rc = ldr_parse_into(p, list);
    while (rc == LARDER_OK && ldr_parser_accept(p, LDR_TOKEN_COMMA));
    return rc == LARDER_OK ? ldr_parser_expect(p, LDR_TOKEN_CLOSE, "',' or ')'")
                           : rc;
}

/* --------------------------------------------------------------- operators */

/* "- x"; before an integer it is part of it, so that the least one can be
 * written. */
static larder_status
parse_minus(ldr_parser *p, ldr_node **out)
{
    ldr_token minus = p->token;
    ldr_node *arg = NULL;
    larder_status rc;

    if (minus.kind != LDR_TOKEN_MINUS)
        return ldr_parse_value(p, out);
    rc = deeper(p);
    if (rc != LARDER_OK)
        return rc;
    ldr_parser_advance(p);
    if (p->token.kind == LDR_TOKEN_INTEGER) {
        rc = ldr_parse_integer(p, minus.begin, true, out);
    } else {
        rc = parse_minus(p, &arg);
        if (rc == LARDER_OK)
            rc = new_call(p, "negate", &minus, minus.begin, &arg, 1, out);
    }
    p->depth--;
    return rc;
}

static const struct infix {
    ldr_token_kind kind;
    unsigned level;
    char name[3];
} infixes[] = {
    {LDR_TOKEN_EQUAL, 1, "="},
    {LDR_TOKEN_UNEQUAL, 1, "<>"},
    {LDR_TOKEN_IS, 1, ""},
    {LDR_TOKEN_IN, 1, ""},
    {LDR_TOKEN_BETWEEN, 1, ""},
    {LDR_TOKEN_NOT, 1, ""},
    {LDR_TOKEN_LESS, 2, "<"},
    {LDR_TOKEN_LESS_EQUAL, 2, "<="},
    {LDR_TOKEN_GREATER, 2, ">"},
    {LDR_TOKEN_GREATER_EQUAL, 2, ">="},
    {LDR_TOKEN_PLUS, 3, "+"},
    {LDR_TOKEN_MINUS, 3, "-"},
    {LDR_TOKEN_STAR, 4, "*"},
    {LDR_TOKEN_SLASH, 4, "/"},
    {LDR_TOKEN_PERCENT, 4, "%"},
    {LDR_TOKEN_CONCAT, 5, "||"},
};

static const struct infix *
find_infix(ldr_token_kind kind)
{
    for (size_t i = 0; i < sizeof infixes / sizeof infixes[0]; i++)
        if (infixes[i].kind == kind)
            return &infixes[i];
    return NULL;
}

/* "in (...)" and "between a and b", of which the first word is gone. */
static larder_status
parse_among(
    ldr_parser *p, const ldr_token *name, ldr_node *left, ldr_node **out)
{
    bool in = name->kind == LDR_TOKEN_IN;
    ldr_node_list list = {0};
    ldr_node *part = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_parser_push(p, &list, left));
    if (in) {
        LARDER_TRY(ldr_parser_expect(p, LDR_TOKEN_OPEN, "'('"));
        LARDER_TRY(ldr_parse_list(p, &list));
    } else {
        LARDER_TRY(parse_infix(p, 2, &part));
        LARDER_TRY(ldr_parser_push(p, &list, part));
        LARDER_TRY(ldr_parser_expect(p, LDR_TOKEN_AND, "'and'"));
        LARDER_TRY(parse_infix(p, 2, &part));
        LARDER_TRY(ldr_parser_push(p, &list, part));
    }
    LARDER_TRY(ldr_node_new(p->reading, in ? LDR_NODE_IN : LDR_NODE_BETWEEN,
        left->begin, p->end, list.items, list.n, out));
    (*out)->name_begin = name->begin;
    (*out)->name_end = name->end;
out:
    return rc;
}

/* What follows `left` at the level of '=', but is no plain operator: "is [not]
 * null", "[not] in", "[not] between". */
static larder_status
parse_suffix(ldr_parser *p, ldr_node *left, ldr_node **out)
{
    ldr_token name = p->token, not = p->token;
    bool negative = ldr_parser_accept(p, LDR_TOKEN_NOT);
    ldr_node *node = NULL;
    larder_status rc = LARDER_OK;

    name = p->token;
    if (ldr_parser_accept(p, LDR_TOKEN_IS)) {
        if (negative)
            return ldr_parser_unexpected(p, "'in' or 'between' after 'not'");
        not = p->token;
        negative = ldr_parser_accept(p, LDR_TOKEN_NOT);
        LARDER_TRY(
            ldr_parser_expect(p, LDR_TOKEN_NULL, "'null' or 'not null'"));
        LARDER_TRY(ldr_node_new(p->reading, LDR_NODE_IS_NULL, left->begin,
            p->end, &left, 1, &node));
    } else if (ldr_parser_accept(p, LDR_TOKEN_IN) ||
               ldr_parser_accept(p, LDR_TOKEN_BETWEEN)) {
        LARDER_TRY(parse_among(p, &name, left, &node));
    } else {
        return ldr_parser_unexpected(p, "'in' or 'between'");
    }
    *out = node;
    if (negative)
        LARDER_TRY(new_call(p, "not", &not, node->begin, &node, 1, out));
out:
    return rc;
}

/* Operators of this level and those that bind tighter. */
static larder_status
parse_infix(ldr_parser *p, unsigned level, ldr_node **out)
{
    ldr_node *sides[2] = {NULL, NULL};
    const struct infix *found;
    larder_status rc = parse_minus(p, &sides[0]);

    while (rc == LARDER_OK) {
        ldr_token name = p->token;

        found = find_infix(name.kind);
        if (found == NULL || found->level < level)
            break;
        if (found->name[0] == '\0') {
            rc = parse_suffix(p, sides[0], &sides[0]);
            continue;
        }
        ldr_parser_advance(p);
        rc = parse_infix(p, found->level + 1, &sides[1]);
        if (rc == LARDER_OK)
            rc = new_call(
                p, found->name, &name, sides[0]->begin, sides, 2, &sides[0]);
    }
    *out = sides[0];
    return rc;
}

static larder_status
parse_not(ldr_parser *p, ldr_node **out)
{
    ldr_token not = p->token;
    ldr_node *arg = NULL;
    larder_status rc;

    if (!ldr_parser_accept(p, LDR_TOKEN_NOT))
        return parse_infix(p, 1, out);
    rc = deeper(p);
    if (rc == LARDER_OK)
        rc = parse_not(p, &arg);
    if (rc == LARDER_OK)
        rc = new_call(p, "not", &not, not .begin, &arg, 1, out);
    p->depth--;
    return rc;
}

/* a and b and c: one node, however many. */
static larder_status
parse_and(ldr_parser *p, ldr_node **out)
{
    ldr_token name = p->token;
    ldr_node_list list = {0};
    ldr_node *part = NULL;
    larder_status rc = parse_not(p, &part);

    if (rc != LARDER_OK || p->token.kind != LDR_TOKEN_AND) {
        *out = part;
        return rc;
    }
    LARDER_TRY(ldr_parser_push(p, &list, part));
    name = p->token;
    while (ldr_parser_accept(p, LDR_TOKEN_AND)) {
        LARDER_TRY(parse_not(p, &part));
        LARDER_TRY(ldr_parser_push(p, &list, part));
    }
    LARDER_TRY(ldr_node_new(p->reading, LDR_NODE_AND, list.items[0]->begin,
        p->end, list.items, list.n, out));
    (*out)->name_begin = name.begin;
    (*out)->name_end = name.end;
out:
    return rc;
}

/* A whole expression, as between parentheses. */
larder_status
ldr_parse_any(ldr_parser *p, ldr_node **out)
{
    ldr_token name;
    ldr_node_list list = {0};
    ldr_node *part = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(deeper(p));
    LARDER_TRY(parse_and(p, &part));
    *out = part;
    if (p->token.kind == LDR_TOKEN_OR) {
        LARDER_TRY(ldr_parser_push(p, &list, part));
        name = p->token;
        while (ldr_parser_accept(p, LDR_TOKEN_OR)) {
            LARDER_TRY(parse_and(p, &part));
            LARDER_TRY(ldr_parser_push(p, &list, part));
        }
        LARDER_TRY(ldr_node_new(p->reading, LDR_NODE_OR, list.items[0]->begin,
            p->end, list.items, list.n, out));
        (*out)->name_begin = name.begin;
        (*out)->name_end = name.end;
    }
    p->depth--;
out:
    return rc;
}

/* What stands behind a whole expression, where it is not the end. */
static larder_status
left_over(ldr_parser *p)
{
    const char *word = ldr_parser_text(p, p->token.begin);
    size_t size = p->token.end - p->token.begin;
    larder_status rc = ldr_parser_unexpected(p, "an operator or the end");
    char small[8] = "";

    if (p->token.kind != LDR_TOKEN_NAME || size >= sizeof small)
        return rc;
    memcpy(small, word, size);
    if (ldr_name_equal(small, "like") || ldr_name_equal(small, "ilike") ||
        ldr_name_equal(small, "glob"))
        larder_hint(p->reading->err,
            "write starts_with(text, part) or contains(text, part)");
    return rc;
}

larder_status
ldr_tree_parse(ldr_reading *reading, ldr_node **out)
{
    ldr_parser p = {.reading = reading};
    larder_status rc;

    p.token = ldr_token_next(reading->text, 0);
    rc = ldr_parse_any(&p, out);
    if (rc == LARDER_OK && p.token.kind != LDR_TOKEN_END)
        rc = left_over(&p);
    return rc;
}
