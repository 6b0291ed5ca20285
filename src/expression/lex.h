/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex.h - the words, numbers, texts and signs that an expression is made of.
 */
#ifndef LDR_EXPRESSION_LEX_H
#define LDR_EXPRESSION_LEX_H

#include "larder.h"

typedef enum ldr_token_kind {
    LDR_TOKEN_END,
    LDR_TOKEN_BAD, /* `why` says what is wrong with it */
    LDR_TOKEN_NAME,
    LDR_TOKEN_QUOTED, /* "a name", with its quotes */
    LDR_TOKEN_INTEGER,
    LDR_TOKEN_REAL,
    LDR_TOKEN_TEXT, /* 'a text', with its quotes */
    LDR_TOKEN_OPEN,
    LDR_TOKEN_CLOSE,
    LDR_TOKEN_COMMA,
    LDR_TOKEN_PLUS,
    LDR_TOKEN_MINUS,
    LDR_TOKEN_STAR,
    LDR_TOKEN_SLASH,
    LDR_TOKEN_PERCENT,
    LDR_TOKEN_CONCAT,
    LDR_TOKEN_EQUAL,
    LDR_TOKEN_UNEQUAL,
    LDR_TOKEN_LESS,
    LDR_TOKEN_LESS_EQUAL,
    LDR_TOKEN_GREATER,
    LDR_TOKEN_GREATER_EQUAL,
    /* Words of the language; a column of such a name is written in quotes. */
    LDR_TOKEN_AND,
    LDR_TOKEN_BETWEEN,
    LDR_TOKEN_CASE,
    LDR_TOKEN_ELSE,
    LDR_TOKEN_END_CASE,
    LDR_TOKEN_FALSE,
    LDR_TOKEN_IN,
    LDR_TOKEN_IS,
    LDR_TOKEN_NOT,
    LDR_TOKEN_NULL,
    LDR_TOKEN_OR,
    LDR_TOKEN_THEN,
    LDR_TOKEN_TRUE,
    LDR_TOKEN_WHEN
} ldr_token_kind;

typedef struct ldr_token {
    ldr_token_kind kind;
    size_t begin, end; /* in the text, in bytes */
    const char *why;   /* of a bad one */
    const char *hint;  /* NULL: none */
} ldr_token;

/* The token at or after byte `at` of valid UTF-8. */
ldr_token ldr_token_next(larder_bytes text, size_t at);

#endif
