/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.h - every operator and function that gives null for a null: its
 * name, what it takes, what it gives, and what computes it.
 *
 * A row is one way of taking arguments. Rows of one name lie together, the
 * preferred first; an int64 is also taken as a float64. What looks at nulls
 * itself (and, case, coalesce ...) is a form: see tree.h.
 */
#ifndef LDR_EXPRESSION_FUNCTIONS_H
#define LDR_EXPRESSION_FUNCTIONS_H

#include "expression/vector.h"

#define LDR_FUNCTION_ARGS 3u

typedef struct ldr_function {
    const char *name; /* "+" for operators; of "- x" it is "negate" */
    larder_type result;
    larder_type args[LDR_FUNCTION_ARGS]; /* 0: no more */
    bool folds; /* of two: takes two or more, from left to right */
    bool is_operator;
    ldr_run *run;
} ldr_function;

extern const ldr_function ldr_functions[];
extern const size_t ldr_n_functions;

/* The first row of a name, whatever its case, that is (or not) an operator;
 * NULL: there is none. */
const ldr_function *ldr_function_find(
    const char *name, size_t size, bool is_operator);
/* The row after, if it is of the same name; else NULL. */
const ldr_function *ldr_function_next(const ldr_function *function);
size_t ldr_function_n_args(const ldr_function *function);
/* Its name as users write it. */
const char *ldr_function_shown(const ldr_function *function);

/* convert.c: what makes a value of one type into one of another, int32 and
 * float32 being ranges of int64 and float64; NULL: nothing does, or nothing
 * needs to. */
ldr_run *ldr_cast_find(larder_type from, larder_type to);

/* arithmetic.c */
ldr_run ldr_run_add_integers, ldr_run_subtract_integers,
    ldr_run_multiply_integers, ldr_run_divide_integers, ldr_run_modulo_integers,
    ldr_run_negate_integers, ldr_run_abs_integers, ldr_run_sign_integers,
    ldr_run_same_integers;
ldr_run ldr_run_add, ldr_run_subtract, ldr_run_multiply, ldr_run_divide,
    ldr_run_modulo, ldr_run_negate, ldr_run_abs, ldr_run_sign, ldr_run_floor,
    ldr_run_ceil, ldr_run_round, ldr_run_round_to, ldr_run_sqrt, ldr_run_exp,
    ldr_run_ln, ldr_run_log10, ldr_run_pow;

/* compare.c */
#define LDR_COMPARE_RUNS(kind)                                                 \
    ldr_run ldr_run_equal_##kind, ldr_run_unequal_##kind, ldr_run_less_##kind, \
        ldr_run_less_equal_##kind, ldr_run_greater_##kind,                     \
        ldr_run_greater_equal_##kind, ldr_run_least_##kind,                    \
        ldr_run_greatest_##kind
LDR_COMPARE_RUNS(integers);
LDR_COMPARE_RUNS(reals);
LDR_COMPARE_RUNS(truths);
LDR_COMPARE_RUNS(texts);
ldr_run ldr_run_not;

/* strings.c */
ldr_run ldr_run_concat, ldr_run_length, ldr_run_lower, ldr_run_upper,
    ldr_run_trim, ldr_run_substr, ldr_run_substr_of, ldr_run_replace,
    ldr_run_starts_with, ldr_run_contains;

/* calendar.c */
ldr_run ldr_run_seconds_between, ldr_run_days_between, ldr_run_hour,
    ldr_run_day_of_week, ldr_run_day_of_month, ldr_run_month, ldr_run_year;

#endif
