/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - from an expression's text to a tree, by SQLite's precedence.
 *
 * Loosest first: or; and; not; = <> is in between; < <= > >=; + -; * / %; ||;
 * a minus before a value. Those of one level group from the left.
 */
#include "expression/tree.h"

#include <string.h>

#include "base/name.h"
#include "base/number.h"
#include "expression/lex.h"
#include "larder_backend.h"

typedef struct parser {
    ldr_reading *reading;
    ldr_token token; /* the next one */
    size_t end;      /* of the one before it */
    unsigned depth;
} parser;

/* Nodes that become one node's arguments. */
typedef struct node_list {
    ldr_node **items;
    size_t n, room;
} node_list;

static larder_status parse_any(parser *p, ldr_node **out);
static larder_status parse_infix(parser *p, unsigned level, ldr_node **out);

/* ---------------------------------------------------------------- the text */

static void
advance(parser *p)
{
    p->end = p->token.end;
    p->token = ldr_token_next(p->reading->text, p->token.end);
}

static const char *
text_at(const parser *p, size_t at)
{
    return (const char *)p->reading->text.data + at;
}

/* The next token is not `wanted`. */
static larder_status
unexpected(parser *p, const char *wanted)
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
        text_at(p, token->begin));
    if (token->kind >= LDR_TOKEN_AND)
        larder_hint(p->reading->err,
            "a column of that name is written in double quotes: \"%.*s\"",
            (int)size, text_at(p, token->begin));
    return rc;
}

static bool
accept(parser *p, ldr_token_kind kind)
{
    if (p->token.kind != kind)
        return false;
    advance(p);
    return true;
}

static larder_status
expect(parser *p, ldr_token_kind kind, const char *wanted)
{
    return accept(p, kind) ? LARDER_OK : unexpected(p, wanted);
}

static larder_status
deeper(parser *p)
{
    if (++p->depth <= LDR_EXPRESSION_DEPTH_MAX)
        return LARDER_OK;
    return ldr_reading_fail(p->reading, LARDER_LIMIT, p->token.begin,
        p->token.end, "the expression is more than %u levels deep",
        LDR_EXPRESSION_DEPTH_MAX);
}

/* ------------------------------------------------------------------- nodes */

static larder_status
push(parser *p, node_list *list, ldr_node *node)
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
new_call(parser *p, const char *function, const ldr_token *name, size_t begin,
    ldr_node *const *args, size_t n_args, ldr_node **out)
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

/* A literal that is not written. */
static larder_status
push_literal(parser *p, node_list *list, const ldr_token *at, larder_type type)
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
    return push(p, list, node);
}

static larder_status
parse_into(parser *p, node_list *list)
{
    ldr_node *node = NULL;
    larder_status rc = parse_any(p, &node);

    return rc == LARDER_OK ? push(p, list, node) : rc;
}

/* ---------------------------------------------------------------- literals */

/* The inside of quotes, doubled ones made one, with a NUL. */
static larder_status
unquote(parser *p, const ldr_token *token, larder_bytes *out)
{
    size_t n = 0;
    char *copy = ldr_arena_alloc(p->reading->arena, token->end - token->begin);

    if (copy == NULL)
        return ldr_reading_nomem(p->reading);
    for (size_t at = token->begin + 1; at + 1 < token->end; at++) {
        char c = *text_at(p, at);

        copy[n++] = c;
        if (c == *text_at(p, token->begin))
            at++;
    }
    copy[n] = '\0';
    *out = (larder_bytes){copy, n};
    return LARDER_OK;
}

static larder_status
read_integer(parser *p, const ldr_token *token, bool negative, int64_t *out)
{
    const char *digits = text_at(p, token->begin);
    size_t size = token->end - token->begin;
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(digits[i] - '0');

        if (value > ((uint64_t)INT64_MAX + negative - digit) / 10) {
            larder_status rc = ldr_reading_fail(p->reading, LARDER_INVALID,
                token->begin, token->end, "the number is beyond int64");

            larder_hint(p->reading->err, "with a decimal point it is a "
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
read_real(parser *p, const ldr_token *token, double *out)
{
    if (ldr_double_parse(text_at(p, token->begin), token->end - token->begin,
            out) == LDR_NUMBER_OK)
        return LARDER_OK;
    return ldr_reading_fail(p->reading, LARDER_INVALID, token->begin,
        token->end, "the number is beyond float64");
}

/* The literal that the next token is. */
static larder_status
parse_literal(parser *p, ldr_node **out)
{
    ldr_token token = p->token;
    ldr_node *node = NULL;
    larder_status rc = ldr_node_new(p->reading, LDR_NODE_LITERAL, token.begin,
        token.end, NULL, 0, &node);

    if (rc != LARDER_OK)
        return rc;
    if (token.kind == LDR_TOKEN_INTEGER) {
        node->type = LARDER_INT64;
        rc = read_integer(p, &token, false, &node->value.integer);
    } else if (token.kind == LDR_TOKEN_REAL) {
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
    advance(p);
    *out = node;
    return rc;
}

/* ------------------------------------------------------- words with ( and ) */

/* "x as int64)" after "cast(". */
static larder_status
parse_cast(parser *p, const ldr_token *name, ldr_node **out)
{
    ldr_node *arg = NULL;
    ldr_token type;
    larder_status rc = parse_any(p, &arg);

    if (rc != LARDER_OK)
        return rc;
    if (p->token.kind != LDR_TOKEN_NAME ||
        p->token.end - p->token.begin != 2 ||
        (*text_at(p, p->token.begin) | 0x20) != 'a' ||
        (*text_at(p, p->token.begin + 1) | 0x20) != 's')
        return unexpected(p, "'as' and a type");
    advance(p);
    type = p->token;
    rc = expect(p, LDR_TOKEN_NAME, "a type, such as int64,");
    if (rc == LARDER_OK)
        rc = expect(p, LDR_TOKEN_CLOSE, "')'");
    if (rc == LARDER_OK)
        rc = ldr_node_new(
            p->reading, LDR_NODE_CAST, name->begin, p->end, &arg, 1, out);
    if (rc != LARDER_OK)
        return rc;
    (*out)->name_begin = type.begin;
    (*out)->name_end = type.end;
    return LARDER_OK;
}

static larder_status
parse_list(parser *p, node_list *list)
{
    larder_status rc = LARDER_OK;

    do
        rc = parse_into(p, list);
    while (rc == LARDER_OK && accept(p, LDR_TOKEN_COMMA));
    return rc == LARDER_OK ? expect(p, LDR_TOKEN_CLOSE, "',' or ')'") : rc;
}

/* After "name(". Whether there is such a function is for check.c to say. */
static larder_status
parse_call(parser *p, const ldr_token *name, ldr_node **out)
{
    static const struct form {
        char name[9];
        ldr_node_kind kind;
    } forms[] = {
        {"coalesce", LDR_NODE_COALESCE}, {"nullif", LDR_NODE_NULLIF}};
    const char *word = text_at(p, name->begin);
    size_t size = name->end - name->begin;
    ldr_node_kind kind = LDR_NODE_CALL;
    node_list list = {0};
    char small[16] = "";
    larder_status rc = LARDER_OK;

    if (size < sizeof small)
        memcpy(small, word, size);
    if (ldr_name_equal(small, "cast"))
        return parse_cast(p, name, out);
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++)
        if (ldr_name_equal(small, forms[f].name))
            kind = forms[f].kind;
    if (!accept(p, LDR_TOKEN_CLOSE))
        rc = parse_list(p, &list);
    if (rc == LARDER_OK)
        rc = ldr_node_new(p->reading, kind, name->begin, p->end, list.items,
            list.n, out);
    if (rc != LARDER_OK)
        return rc;
    (*out)->name_begin = name->begin;
    (*out)->name_end = name->end;
    (*out)->function = ldr_function_find(word, size, false);
    return LARDER_OK;
}

/* A column, or a call. */
static larder_status
parse_name(parser *p, ldr_node **out)
{
    ldr_token name = p->token;
    larder_status rc;

    advance(p);
    if (name.kind == LDR_TOKEN_NAME && accept(p, LDR_TOKEN_OPEN))
        return parse_call(p, &name, out);
    rc = ldr_node_new(
        p->reading, LDR_NODE_COLUMN, name.begin, name.end, NULL, 0, out);
    if (rc != LARDER_OK)
        return rc;
    if (name.kind == LDR_TOKEN_QUOTED)
        return unquote(p, &name, &(*out)->value.text);
    (*out)->value.text.size = name.end - name.begin;
    (*out)->value.text.data = ldr_arena_copy_n(
        p->reading->arena, text_at(p, name.begin), name.end - name.begin);
    return (*out)->value.text.data == NULL ? ldr_reading_nomem(p->reading)
                                           : LARDER_OK;
}

/* "when c then r ... [else r] end"; "case" is the next token. */
static larder_status
parse_case(parser *p, ldr_node **out)
{
    ldr_token start = p->token;
    ldr_node_kind kind = LDR_NODE_CASE;
    node_list list = {0};
    ldr_node *value = NULL;
    larder_status rc = LARDER_OK;

    advance(p);
    if (p->token.kind != LDR_TOKEN_WHEN) {
        kind = LDR_NODE_CASE_OF;
        LARDER_TRY(parse_any(p, &value));
    }
    if (p->token.kind != LDR_TOKEN_WHEN)
        return unexpected(p, "'when'");
    while (accept(p, LDR_TOKEN_WHEN)) {
        LARDER_TRY(parse_into(p, &list));
        LARDER_TRY(expect(p, LDR_TOKEN_THEN, "'then'"));
        LARDER_TRY(parse_into(p, &list));
    }
    if (value != NULL)
        LARDER_TRY(push(p, &list, value));
    else
        LARDER_TRY(push_literal(p, &list, &start, LARDER_BOOL));
    if (accept(p, LDR_TOKEN_ELSE))
        LARDER_TRY(parse_into(p, &list));
    else
        LARDER_TRY(push_literal(p, &list, &start, 0));
    LARDER_TRY(expect(p, LDR_TOKEN_END_CASE, "'when', 'else' or 'end'"));
    LARDER_TRY(ldr_node_new(
        p->reading, kind, start.begin, p->end, list.items, list.n, out));
    (*out)->name_end = start.end;
out:
    return rc;
}

/* -------------------------------------------------------- before and between */

static larder_status
parse_value(parser *p, ldr_node **out)
{
    larder_status rc;

    switch ((unsigned)p->token.kind) {
    case LDR_TOKEN_INTEGER:
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
        advance(p);
        rc = parse_any(p, out);
        return rc == LARDER_OK ? expect(p, LDR_TOKEN_CLOSE, "')'") : rc;
    }
    return unexpected(p, "a value");
}

/* "- x"; before an integer it is part of it, so that the least one can be
 * written. */
static larder_status
parse_minus(parser *p, ldr_node **out)
{
    ldr_token minus = p->token;
    ldr_node *arg = NULL;
    larder_status rc;

    if (minus.kind != LDR_TOKEN_MINUS)
        return parse_value(p, out);
    rc = deeper(p);
    if (rc != LARDER_OK)
        return rc;
    advance(p);
    if (p->token.kind == LDR_TOKEN_INTEGER) {
        ldr_token token = p->token;

        rc = ldr_node_new(p->reading, LDR_NODE_LITERAL, minus.begin, token.end,
            NULL, 0, out);
        if (rc == LARDER_OK) {
            (*out)->type = LARDER_INT64;
            rc = read_integer(p, &token, true, &(*out)->value.integer);
        }
        advance(p);
    } else {
        rc = parse_minus(p, &arg);
        if (rc == LARDER_OK)
            rc = new_call(p, "negate", &minus, minus.begin, &arg, 1, out);
    }
    p->depth--;
    return rc;
}

static const struct operator{
    ldr_token_kind kind;
    unsigned level;
    char name[3];
} operators[] = {
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

static const struct operator*
find_operator(ldr_token_kind kind)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (operators[i].kind == kind)
            return &operators[i];
    return NULL;
}

/* "in (...)" and "between a and b", of which the first word is gone. */
static larder_status
parse_among(parser *p, const ldr_token *name, ldr_node *left, ldr_node **out)
{
    bool in = name->kind == LDR_TOKEN_IN;
    node_list list = {0};
    ldr_node *part = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(push(p, &list, left));
    if (in) {
        LARDER_TRY(expect(p, LDR_TOKEN_OPEN, "'('"));
        LARDER_TRY(parse_list(p, &list));
    } else {
        LARDER_TRY(parse_infix(p, 2, &part));
        LARDER_TRY(push(p, &list, part));
        LARDER_TRY(expect(p, LDR_TOKEN_AND, "'and'"));
        LARDER_TRY(parse_infix(p, 2, &part));
        LARDER_TRY(push(p, &list, part));
    }
    LARDER_TRY(ldr_node_new(p->reading,
        in ? LDR_NODE_IN : LDR_NODE_BETWEEN, left->begin, p->end, list.items,
        list.n, out));
    (*out)->name_begin = name->begin;
    (*out)->name_end = name->end;
out:
    return rc;
}

/* What follows `left` at the level of '=', but is no plain operator: "is [not]
 * null", "[not] in", "[not] between". */
static larder_status
parse_suffix(parser *p, ldr_node *left, ldr_node **out)
{
    ldr_token name = p->token, not = p->token;
    bool negative = accept(p, LDR_TOKEN_NOT);
    ldr_node *node = NULL;
    larder_status rc = LARDER_OK;

    name = p->token;
    if (accept(p, LDR_TOKEN_IS)) {
        if (negative)
            return unexpected(p, "'in' or 'between' after 'not'");
        not = p->token;
        negative = accept(p, LDR_TOKEN_NOT);
        LARDER_TRY(expect(p, LDR_TOKEN_NULL, "'null' or 'not null'"));
        LARDER_TRY(ldr_node_new(p->reading, LDR_NODE_IS_NULL, left->begin,
            p->end, &left, 1, &node));
    } else if (accept(p, LDR_TOKEN_IN) || accept(p, LDR_TOKEN_BETWEEN)) {
        LARDER_TRY(parse_among(p, &name, left, &node));
    } else {
        return unexpected(p, "'in' or 'between'");
    }
    *out = node;
    if (negative)
        LARDER_TRY(new_call(p, "not", &not, node->begin, &node, 1, out));
out:
    return rc;
}

/* Operators of this level and those that bind tighter. */
static larder_status
parse_infix(parser *p, unsigned level, ldr_node **out)
{
    ldr_node *sides[2] = {NULL, NULL};
    const struct operator*found;
    larder_status rc = parse_minus(p, &sides[0]);

    while (rc == LARDER_OK) {
        ldr_token name = p->token;

        found = find_operator(name.kind);
        if (found == NULL || found->level < level)
            break;
        if (found->name[0] == '\0') {
            rc = parse_suffix(p, sides[0], &sides[0]);
            continue;
        }
        advance(p);
        rc = parse_infix(p, found->level + 1, &sides[1]);
        if (rc == LARDER_OK)
            rc = new_call(p, found->name, &name, sides[0]->begin, sides, 2,
                &sides[0]);
    }
    *out = sides[0];
    return rc;
}

static larder_status
parse_not(parser *p, ldr_node **out)
{
    ldr_token not = p->token;
    ldr_node *arg = NULL;
    larder_status rc;

    if (!accept(p, LDR_TOKEN_NOT))
        return parse_infix(p, 1, out);
    rc = deeper(p);
    if (rc == LARDER_OK)
        rc = parse_not(p, &arg);
    if (rc == LARDER_OK)
        rc = new_call(p, "not", &not, not.begin, &arg, 1, out);
    p->depth--;
    return rc;
}

/* a and b and c: one node, however many. */
static larder_status
parse_and(parser *p, ldr_node **out)
{
    ldr_token name = p->token;
    node_list list = {0};
    ldr_node *part = NULL;
    larder_status rc = parse_not(p, &part);

    if (rc != LARDER_OK || p->token.kind != LDR_TOKEN_AND) {
        *out = part;
        return rc;
    }
    LARDER_TRY(push(p, &list, part));
    name = p->token;
    while (accept(p, LDR_TOKEN_AND)) {
        LARDER_TRY(parse_not(p, &part));
        LARDER_TRY(push(p, &list, part));
    }
    LARDER_TRY(ldr_node_new(p->reading, LDR_NODE_AND, list.items[0]->begin,
        p->end, list.items, list.n, out));
    (*out)->name_begin = name.begin;
    (*out)->name_end = name.end;
out:
    return rc;
}

/* A whole expression, as between parentheses. */
static larder_status
parse_any(parser *p, ldr_node **out)
{
    ldr_token name;
    node_list list = {0};
    ldr_node *part = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(deeper(p));
    LARDER_TRY(parse_and(p, &part));
    *out = part;
    if (p->token.kind == LDR_TOKEN_OR) {
        LARDER_TRY(push(p, &list, part));
        name = p->token;
        while (accept(p, LDR_TOKEN_OR)) {
            LARDER_TRY(parse_and(p, &part));
            LARDER_TRY(push(p, &list, part));
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
left_over(parser *p)
{
    const char *word = text_at(p, p->token.begin);
    size_t size = p->token.end - p->token.begin;
    larder_status rc = unexpected(p, "an operator or the end");
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
    parser p = {.reading = reading};
    larder_status rc;

    p.token = ldr_token_next(reading->text, 0);
    rc = parse_any(&p, out);
    if (rc == LARDER_OK && p.token.kind != LDR_TOKEN_END)
        rc = left_over(&p);
    return rc;
}
