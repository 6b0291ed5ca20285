/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - what an expression's writer may have meant.
 */
#ifndef LDR_EXPRESSION_SUGGEST_H
#define LDR_EXPRESSION_SUGGEST_H

#include "expression/tree.h"

/* INVALID: there is no such column, or function. */
larder_status ldr_suggest_column(ldr_reading *reading, const ldr_node *node);
larder_status ldr_suggest_function(ldr_reading *reading, const ldr_node *node);
/* The type that a cast's name is; INVALID: there is none of that name. */
larder_status ldr_suggest_type(
    ldr_reading *reading, const ldr_node *node, larder_type *out);
/* A hint: how this part, which has another type, becomes such. */
void ldr_suggest_cast(
    ldr_reading *reading, const ldr_node *arg, larder_type wanted);

#endif
