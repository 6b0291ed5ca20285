/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expression.h - the closed expression language: parse, type, evaluate.
 *
 * SQL's scalar expressions over the columns of a batch (design 5). An
 * expression is typed when it is parsed, holds no state, cannot loop, and gives
 * the same bits for a row wherever and with whatever other rows it is
 * evaluated.
 */
#ifndef LDR_EXPRESSION_H
#define LDR_EXPRESSION_H

#include "base/arena.h"
#include "larder.h"

/* Limits (R14); the message names the one that was reached. */
#define LDR_EXPRESSION_BYTES_MAX 16384u
#define LDR_EXPRESSION_NODES_MAX 4096u
#define LDR_EXPRESSION_DEPTH_MAX 128u

typedef struct ldr_expression ldr_expression;

/* Where in the text the fault is, in bytes from 0; for a caret. */
typedef struct ldr_expression_fault {
    size_t begin, end;
} ldr_expression_fault;

/* Parse and type against the columns that may be named, in `arena`, which
 * outlives the expression. `columns` too. INVALID (message and hint in err:
 * what is wrong, nearest column or function), LIMIT, NOMEM. */
larder_status ldr_expression_parse(larder_bytes text,
    const larder_schema *columns, ldr_arena *arena, ldr_expression **out,
    ldr_expression_fault *fault, larder_error *err);

/* bool, int64, float64, string or timestamp; 0: it is the literal null. */
larder_type ldr_expression_type(const ldr_expression *expression);
/* May a value of that type be stored as `type` without loss or question? An
 * int64 as int32 (out of range: null, counted) or float64; a float64 as
 * float32 (rounded once); the rest only as itself; null as anything. */
bool ldr_expression_fits(const ldr_expression *expression, larder_type type);
/* Indexes of the columns it names, ascending, each once. */
const size_t *ldr_expression_columns(
    const ldr_expression *expression, size_t *n);

/* Append rows [begin, end) as values of `out`'s type, which fits; columns[i] is
 * column i of the schema (NULL where it is not named). `*n_made_null` grows by
 * the values that division by zero, a domain error, an overflow, NaN or
 * infinity made null. The scratch memory is the caller's to keep from call to
 * call: with it, nothing is allocated once it has grown. NOMEM. */
typedef struct ldr_expression_room ldr_expression_room;
void ldr_expression_room_free(ldr_expression_room *room); /* NULL allowed */
larder_status ldr_expression_evaluate(const ldr_expression *expression,
    const larder_column *const *columns, size_t begin, size_t end,
    ldr_expression_room **room, larder_column *out, uint64_t *n_made_null,
    larder_error *err);

#endif
