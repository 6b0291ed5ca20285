/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_call.c - which row of the table of functions a call is.
 *
 * The first whose types the arguments have, or are taken as. Where there is
 * none, the first argument that no row takes is the fault.
 */
#include <stdio.h>
#include <string.h>

#include "expression/check.h"
#include "expression/suggest.h"

static bool
takes_so_many(const ldr_function *function, size_t n_args)
{
    return ldr_function_n_args(function) == n_args ||
           (function->folds && n_args > 1);
}

/* Does it take the first n arguments as they are? */
static bool
takes_first(const ldr_function *function, const ldr_node *node, size_t n)
{
    for (size_t a = 0; a < n; a++)
        if (!ldr_type_is_taken_as(
                node->args[a]->type, function->args[function->folds ? 0 : a]))
            return false;
    return true;
}

static larder_status
wrong_count(ldr_reading *reading, const ldr_node *node)
{
    const ldr_function *function = node->function, *f = function;
    size_t least = ldr_function_n_args(f), most = least;
    char wanted[32];

    while ((f = ldr_function_next(f)) != NULL) {
        size_t n = ldr_function_n_args(f);

        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    if (function->folds)
        snprintf(wanted, sizeof wanted, "2 or more");
    else if (least == most)
        snprintf(wanted, sizeof wanted, "%zu", least);
    else
        snprintf(wanted, sizeof wanted, "%zu or %zu", least, most);
    return ldr_reading_fail(reading, LARDER_INVALID, node->name_begin,
        node->name_end, "'%s' takes %s argument%s, not %zu", function->name,
        wanted, strcmp(wanted, "1") == 0 ? "" : "s", node->n_args);
}

/* "a number or string": where a float64 is taken an int64 is too. */
static void
print_types(const bool wanted[LARDER_LIST], char *words, size_t room)
{
    static const larder_type order[] = {LARDER_FLOAT64, LARDER_INT64,
        LARDER_STRING, LARDER_TIMESTAMP, LARDER_BOOL};
    size_t used = 0;

    for (size_t t = 0; t < sizeof order / sizeof order[0]; t++) {
        larder_type type = order[t];

        if (!wanted[type] || (type == LARDER_INT64 && wanted[LARDER_FLOAT64]))
            continue;
        used += (size_t)snprintf(words + used, room - used, "%s%s",
            used == 0 ? "" : " or ",
            type == LARDER_FLOAT64 ? "a number" : larder_type_name(type));
    }
}

/* Argument `a` is none of the types that it may be after those before it. */
static larder_status
wrong_type(ldr_reading *reading, const ldr_node *node, size_t a)
{
    const ldr_node *arg = node->args[a];
    const ldr_function *name = node->function;
    bool wanted[LARDER_LIST] = {false};
    larder_type type = 0;
    char types[96] = "", place[48];
    larder_status rc;

    for (const ldr_function *f = name; f != NULL; f = ldr_function_next(f)) {
        if (!takes_so_many(f, node->n_args) || !takes_first(f, node, a))
            continue;
        type = f->args[f->folds ? 0 : a];
        wanted[type] = true;
    }
    print_types(wanted, types, sizeof types);
    if (!name->is_operator)
        snprintf(place, sizeof place, "argument %zu", a + 1);
    else
        snprintf(place, sizeof place, "the %s",
            node->n_args == 1 ? "value"
            : a == 0          ? "left side"
                              : "right side");
    rc = ldr_reading_fail(reading, LARDER_INVALID, arg->begin, arg->end,
        "%s of '%s' is %s, not %s", place, ldr_function_shown(name),
        larder_type_name(arg->type), types);
    if (wanted[LARDER_FLOAT64])
        type = LARDER_FLOAT64;
    ldr_suggest_cast(reading, arg, type);
    return rc;
}

/* Are all arguments always null, so that they have no type to choose by? */
static bool
are_null(const ldr_node *node)
{
    for (size_t a = 0; a < node->n_args; a++)
        if (node->args[a]->type != 0)
            return false;
    return true;
}

larder_status
ldr_node_check_call(ldr_reading *reading, ldr_node *node)
{
    const ldr_function *f = node->function;
    bool counted = false;
    size_t wrong = 0;
    larder_status rc = LARDER_OK;

    if (f == NULL)
        return ldr_suggest_function(reading, node);
    for (; f != NULL; f = ldr_function_next(f)) {
        if (!takes_so_many(f, node->n_args))
            continue;
        counted = true;
        if (takes_first(f, node, node->n_args))
            break;
        while (takes_first(f, node, wrong + 1))
            wrong++;
    }
    if (!counted)
        return wrong_count(reading, node);
    if (f == NULL)
        return wrong_type(reading, node, wrong);
    if (are_null(node)) {
        ldr_node_make_null(node);
        return LARDER_OK;
    }
    for (size_t a = 0; a < node->n_args && rc == LARDER_OK; a++)
        rc = ldr_node_convert(
            reading, &node->args[a], f->args[f->folds ? 0 : a]);
    node->kind = f->folds ? LDR_NODE_FOLD : LDR_NODE_CALL;
    node->run = f->run;
    node->type = f->result;
    return rc;
}
