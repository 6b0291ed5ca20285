/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clause.h - one rule of one feature, asked of a column.
 *
 * contract.c keeps clauses together and counts what breaks them; it alone
 * includes this.
 */
#ifndef LDR_CLAUSE_H
#define LDR_CLAUSE_H

#include "data/text.h"
#include "definition/definition.h"
#include "larder.h"

typedef enum ldr_rule {
    LDR_RULE_NULLABLE,
    LDR_RULE_RANGE,
    LDR_RULE_VALUES
} ldr_rule;

typedef struct ldr_clause {
    const char *view, *feature;
    const char *column; /* its name in history */
    size_t at;          /* ... and its place in the batch */
    ldr_rule rule;
    bool refuse;
    double low, high;          /* RANGE */
    int64_t least, most;       /* the same for integers */
    const uint64_t *codes;     /* VALUES but of text; sorted */
    const larder_bytes *texts; /* VALUES of text; sorted */
    size_t n_values;
    const char *listed; /* VALUES for people: "a, b, c" */
} ldr_clause;

/* How many clauses a feature has: none where it is windowed. */
size_t ldr_clauses_count(const ldr_feature *feature);
/* Write them to *next, which goes on behind the last. All is copied into the
 * arena. NOMEM. */
larder_status ldr_clauses_of_feature(const ldr_view *view,
    const ldr_feature *feature, size_t at, ldr_arena *arena, ldr_clause **next,
    larder_error *err);

bool ldr_clause_is_broken(
    const ldr_clause *clause, const larder_column *column, size_t row);
/* How often, in the rows [begin, end). */
size_t ldr_clause_count(const ldr_clause *clause, const larder_column *column,
    size_t begin, size_t end);

/* A value in a line: "140", "null", long ones in part. */
void ldr_clause_print_value(
    const larder_column *column, size_t row, char out[LDR_CLIP_ROOM]);
/* INVALID: what is wrong with such a value. */
larder_status ldr_clause_refuse(
    const ldr_clause *clause, const char *value, larder_error *err);
/* "outside its range [0, 100]": what values are that break it. */
#define LDR_RULE_ROOM 128
const char *ldr_clause_print_rule(
    const ldr_clause *clause, char out[LDR_RULE_ROOM]);
/* "nullable", "range", "values" */
const char *ldr_rule_name(ldr_rule rule);

#endif
