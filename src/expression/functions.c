/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.c - the table of operators and functions.
 */
#include "expression/functions.h"

#include "base/name.h"

/* Short names for the types, so that a row is a line. */
#define B LARDER_BOOL
#define I LARDER_INT64
#define R LARDER_FLOAT64
#define S LARDER_STRING
#define T LARDER_TIMESTAMP

#define COMPARISON(sign, run)                                                  \
    {sign, B, {I, I}, false, true, ldr_run_##run##_integers},                  \
        {sign, B, {R, R}, false, true, ldr_run_##run##_reals},                 \
        {sign, B, {S, S}, false, true, ldr_run_##run##_texts},                 \
        {sign, B, {T, T}, false, true, ldr_run_##run##_integers},              \
    {                                                                          \
        sign, B, {B, B}, false, true, ldr_run_##run##_truths                   \
    }
#define CHOICE(name, run)                                                      \
    {name, I, {I, I}, true, false, ldr_run_##run##_integers},                  \
        {name, R, {R, R}, true, false, ldr_run_##run##_reals},                 \
        {name, S, {S, S}, true, false, ldr_run_##run##_texts},                 \
    {                                                                          \
        name, T, {T, T}, true, false, ldr_run_##run##_integers                 \
    }

const ldr_function ldr_functions[] = {
    {"+", I, {I, I}, false, true, ldr_run_add_integers},
    {"+", R, {R, R}, false, true, ldr_run_add},
    {"-", I, {I, I}, false, true, ldr_run_subtract_integers},
    {"-", R, {R, R}, false, true, ldr_run_subtract},
    {"*", I, {I, I}, false, true, ldr_run_multiply_integers},
    {"*", R, {R, R}, false, true, ldr_run_multiply},
    {"/", R, {R, R}, false, true, ldr_run_divide},
    {"%", I, {I, I}, false, true, ldr_run_modulo_integers},
    {"%", R, {R, R}, false, true, ldr_run_modulo},
    {"negate", I, {I}, false, true, ldr_run_negate_integers},
    {"negate", R, {R}, false, true, ldr_run_negate},
    {"||", S, {S, S}, false, true, ldr_run_concat},
    {"not", B, {B}, false, true, ldr_run_not},
    COMPARISON("=", equal),
    COMPARISON("<>", unequal),
    COMPARISON("<", less),
    COMPARISON("<=", less_equal),
    COMPARISON(">", greater),
    COMPARISON(">=", greater_equal),

    {"abs", I, {I}, false, false, ldr_run_abs_integers},
    {"abs", R, {R}, false, false, ldr_run_abs},
    {"ceil", I, {I}, false, false, ldr_run_same_integers},
    {"ceil", R, {R}, false, false, ldr_run_ceil},
    {"contains", B, {S, S}, false, false, ldr_run_contains},
    {"day_of_month", I, {T}, false, false, ldr_run_day_of_month},
    {"day_of_week", I, {T}, false, false, ldr_run_day_of_week},
    {"days_between", R, {T, T}, false, false, ldr_run_days_between},
    {"div", I, {I, I}, false, false, ldr_run_divide_integers},
    {"exp", R, {R}, false, false, ldr_run_exp},
    {"floor", I, {I}, false, false, ldr_run_same_integers},
    {"floor", R, {R}, false, false, ldr_run_floor},
    CHOICE("greatest", greatest),
    {"hour", I, {T}, false, false, ldr_run_hour},
    CHOICE("least", least),
    {"length", I, {S}, false, false, ldr_run_length},
    {"ln", R, {R}, false, false, ldr_run_ln},
    {"log10", R, {R}, false, false, ldr_run_log10},
    {"lower", S, {S}, false, false, ldr_run_lower},
    {"month", I, {T}, false, false, ldr_run_month},
    {"pow", R, {R, R}, false, false, ldr_run_pow},
    {"replace", S, {S, S, S}, false, false, ldr_run_replace},
    {"round", I, {I}, false, false, ldr_run_same_integers},
    {"round", R, {R}, false, false, ldr_run_round},
    {"round", I, {I, I}, false, false, ldr_run_same_integers},
    {"round", R, {R, I}, false, false, ldr_run_round_to},
    {"seconds_between", R, {T, T}, false, false, ldr_run_seconds_between},
    {"sign", I, {I}, false, false, ldr_run_sign_integers},
    {"sign", I, {R}, false, false, ldr_run_sign},
    {"sqrt", R, {R}, false, false, ldr_run_sqrt},
    {"starts_with", B, {S, S}, false, false, ldr_run_starts_with},
    {"substr", S, {S, I}, false, false, ldr_run_substr},
    {"substr", S, {S, I, I}, false, false, ldr_run_substr_of},
    {"trim", S, {S}, false, false, ldr_run_trim},
    {"upper", S, {S}, false, false, ldr_run_upper},
    {"year", I, {T}, false, false, ldr_run_year},
};

const size_t ldr_n_functions = sizeof ldr_functions / sizeof ldr_functions[0];

#define NAME_ROOM 32

const ldr_function *
ldr_function_find(const char *name, size_t size, bool is_operator)
{
    char copy[NAME_ROOM] = "";

    if (size >= sizeof copy)
        return NULL;
    memcpy(copy, name, size);
    for (size_t f = 0; f < ldr_n_functions; f++)
        if (ldr_functions[f].is_operator == is_operator &&
            ldr_name_equal(ldr_functions[f].name, copy))
            return &ldr_functions[f];
    return NULL;
}

const ldr_function *
ldr_function_next(const ldr_function *function)
{
    const ldr_function *next = function + 1;

    if (next == ldr_functions + ldr_n_functions ||
        strcmp(next->name, function->name) != 0)
        return NULL;
    return next;
}

size_t
ldr_function_n_args(const ldr_function *function)
{
    size_t n = 0;

    while (n < LDR_FUNCTION_ARGS && function->args[n] != 0)
        n++;
    return n;
}

const char *
ldr_function_shown(const ldr_function *function)
{
    return strcmp(function->name, "negate") == 0 ? "-" : function->name;
}
