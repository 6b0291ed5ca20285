/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - nodes of an expression, and where in the text a fault is.
 */
#include "expression/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "larder_backend.h"

larder_status
ldr_reading_fail(ldr_reading *reading, larder_status status, size_t begin,
    size_t end, const char *format, ...)
{
    char words[512];
    va_list arguments;

    va_start(arguments, format);
    if (vsnprintf(words, sizeof words, format, arguments) < 0)
        words[0] = '\0';
    va_end(arguments);
    if (reading->fault != NULL)
        *reading->fault = (ldr_expression_fault){begin, end};
    return larder_fail(reading->err, status, "%s", words);
}

larder_status
ldr_reading_nomem(ldr_reading *reading)
{
    return ldr_reading_fail(reading, LARDER_NOMEM, 0, reading->text.size,
        "out of memory for an expression of %zu bytes", reading->text.size);
}

larder_status
ldr_node_new(ldr_reading *reading, ldr_node_kind kind, size_t begin, size_t end,
    ldr_node *const *args, size_t n_args, ldr_node **out)
{
    ldr_node *node;

    if (++reading->n_nodes > LDR_EXPRESSION_NODES_MAX)
        return ldr_reading_fail(reading, LARDER_LIMIT, begin, end,
            "the expression has more than %u parts", LDR_EXPRESSION_NODES_MAX);
    node = ldr_arena_alloc(reading->arena, sizeof *node);
    if (node != NULL && n_args > 0)
        node->args =
            ldr_arena_array(reading->arena, n_args, sizeof(ldr_node *));
    if (node == NULL || (n_args > 0 && node->args == NULL))
        return ldr_reading_nomem(reading);
    node->kind = kind;
    node->begin = node->name_begin = begin;
    node->end = node->name_end = end;
    node->n_args = n_args;
    node->height = 1;
    for (size_t i = 0; i < n_args; i++) {
        node->args[i] = args[i];
        if (args[i]->height >= node->height)
            node->height = args[i]->height + 1;
    }
    if (node->height > LDR_EXPRESSION_DEPTH_MAX)
        return ldr_reading_fail(reading, LARDER_LIMIT, begin, end,
            "the expression is more than %u levels deep",
            LDR_EXPRESSION_DEPTH_MAX);
    *out = node;
    return LARDER_OK;
}
