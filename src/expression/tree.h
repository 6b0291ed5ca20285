/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - an expression as a tree, from the parser to the evaluator.
 *
 * parse*.c make it from text, check*.c give each node its type and turn what
 * users mean into what is computed, evaluate.c walks it.
 */
#ifndef LDR_EXPRESSION_TREE_H
#define LDR_EXPRESSION_TREE_H

#include "expression/expression.h"
#include "expression/functions.h"

typedef enum ldr_node_kind {
    LDR_NODE_LITERAL,
    LDR_NODE_COLUMN,
    LDR_NODE_CALL, /* of `function`, null where an argument is */
    LDR_NODE_FOLD, /* f(f(a, b), c) ... */
    LDR_NODE_CAST, /* to the type of its name; once checked, a call */
    LDR_NODE_AND,  /* of two or more */
    LDR_NODE_OR,
    LDR_NODE_IS_NULL,
    LDR_NODE_IN,       /* the value, then the list */
    LDR_NODE_BETWEEN,  /* the value, least, greatest */
    LDR_NODE_CASE,     /* condition, result ..., true, else */
    LDR_NODE_CASE_OF,  /* compared, result ..., the value, else */
    LDR_NODE_COALESCE, /* of one or more */
    LDR_NODE_NULLIF
} ldr_node_kind;

typedef struct ldr_node ldr_node;
struct ldr_node {
    ldr_node_kind kind;
    /* bool, int64, float64, string or timestamp; 0: always null, and then it
     * is a literal. */
    larder_type type;
    size_t begin, end;           /* in the text */
    size_t name_begin, name_end; /* its operator, or its function's name */
    unsigned height;             /* of the tree below it, itself included */
    unsigned n_slots;            /* that its evaluation takes */
    size_t n_args;
    ldr_node **args;
    const ldr_function *function; /* before the check: the first of its name */
    ldr_run *run;                 /* of a call; what compares, of a form */
    ldr_run *run_also;            /* between: what compares with the greatest */
    size_t column;
    uint8_t state; /* of a literal */
    union {
        bool truth;
        int64_t integer;
        double real;
        larder_bytes text; /* of a column before the check: its name */
    } value;
};

struct ldr_expression {
    const ldr_node *root;
    size_t *columns;
    size_t n_columns;
};

/* What a text is read with, and where its fault is told. */
typedef struct ldr_reading {
    larder_bytes text;
    const larder_schema *columns;
    ldr_arena *arena;
    ldr_expression_fault *fault;
    larder_error *err;
    size_t n_nodes;
    bool *named; /* which of the columns the text names */
} ldr_reading;

/* INVALID (or another), at bytes [begin, end) of the text. */
larder_status ldr_reading_fail(ldr_reading *reading, larder_status status,
    size_t begin, size_t end, const char *format, ...) LARDER_PRINTF(5, 6);
larder_status ldr_reading_nomem(ldr_reading *reading);
/* A node over these arguments (copied), spanning them. LIMIT, NOMEM. */
larder_status ldr_node_new(ldr_reading *reading, ldr_node_kind kind,
    size_t begin, size_t end, ldr_node *const *args, size_t n_args,
    ldr_node **out);

/* parse.c: the tree as written. INVALID, LIMIT, NOMEM. */
larder_status ldr_tree_parse(ldr_reading *reading, ldr_node **out);
/* check.c: types; the tree may be another afterwards. INVALID, LIMIT, NOMEM. */
larder_status ldr_tree_check(ldr_reading *reading, ldr_node **root);

#endif
