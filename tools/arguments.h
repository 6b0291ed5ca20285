/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments.h - the typed values of an operation's parameters.
 *
 * A door adds texts one by one, arguments_check() says what is missing, and
 * the operation asks by name: a name that is no parameter is a mistake in the
 * program. All texts live in the run's arena.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "base/arena.h"
#include "operation.h"

struct argument {
    const struct param *param;
    size_t n; /* how many were given */
    const char **texts;
    uint64_t number; /* NUMBER, SIZE */
    larder_time time;
};

struct arguments {
    ldr_arena *arena;
    struct argument *all; /* the operation's, then the global ones */
    size_t n_all;
    size_t n_positional; /* taken so far */
};

/* INVALID below is a fault of the command line. */
larder_status arguments_init(struct arguments *arguments, ldr_arena *arena,
    const struct operation *operation, larder_error *err);
/* One more value of a parameter (NULL: a flag). */
larder_status arguments_add(struct arguments *arguments,
    const struct param *param, const char *text, larder_error *err);
/* The next word that is no option. */
larder_status arguments_add_word(
    struct arguments *arguments, const char *text, larder_error *err);
larder_status arguments_check(
    const struct arguments *arguments, larder_error *err);

const struct argument *argument_of(
    const struct arguments *arguments, const char *name);
bool argument_flag(const struct arguments *arguments, const char *name);
/* NULL when it was not given; the last one when it was given again. */
const char *argument_text(const struct arguments *arguments, const char *name);

#endif
