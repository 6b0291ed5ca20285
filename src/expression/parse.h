/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - what parse.c and parse_value.c share.
 */
#ifndef LDR_EXPRESSION_PARSE_H
#define LDR_EXPRESSION_PARSE_H

#include "expression/lex.h"
#include "expression/tree.h"

typedef struct ldr_parser {
    ldr_reading *reading;
    ldr_token token; /* the next one */
    size_t end;      /* of the one before it */
    unsigned depth;
} ldr_parser;

/* Nodes that become one node's arguments. */
typedef struct ldr_node_list {
    ldr_node **items;
    size_t n, room;
} ldr_node_list;

/* The text from a byte on; not closed by a NUL. */
const char *ldr_parser_text(const ldr_parser *p, size_t at);
void ldr_parser_advance(ldr_parser *p);
/* Go on if the next token is such; false: it is not. */
bool ldr_parser_accept(ldr_parser *p, ldr_token_kind kind);
/* The same, else INVALID: `wanted` is expected. */
larder_status ldr_parser_expect(
    ldr_parser *p, ldr_token_kind kind, const char *wanted);
larder_status ldr_parser_unexpected(ldr_parser *p, const char *wanted);
larder_status ldr_parser_push(
    ldr_parser *p, ldr_node_list *list, ldr_node *node);

/* A whole expression, as between parentheses; and onto a list. */
larder_status ldr_parse_any(ldr_parser *p, ldr_node **out);
larder_status ldr_parse_into(ldr_parser *p, ldr_node_list *list);
/* Expressions with commas between, and ")". */
larder_status ldr_parse_list(ldr_parser *p, ldr_node_list *list);

/* parse_value.c: what has no operator but within parentheses. */
larder_status ldr_parse_value(ldr_parser *p, ldr_node **out);
/* The integer that the next token is, from byte `begin` on with its minus. */
larder_status ldr_parse_integer(
    ldr_parser *p, size_t begin, bool negative, ldr_node **out);

#endif
