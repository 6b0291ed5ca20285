/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - what check.c and check_call.c share.
 */
#ifndef LDR_EXPRESSION_CHECK_H
#define LDR_EXPRESSION_CHECK_H

#include "expression/tree.h"

/* May a value of one type stand where another is wanted? The literal null may,
 * and an int64 for a float64. */
bool ldr_type_is_taken_as(larder_type type, larder_type wanted);
/* Make *at, which is taken as such, of that type. LIMIT, NOMEM. */
larder_status ldr_node_convert(
    ldr_reading *reading, ldr_node **at, larder_type type);
/* The literal null, where a node is never anything else. */
void ldr_node_make_null(ldr_node *node);

/* The type of a call whose arguments have theirs. INVALID, LIMIT, NOMEM. */
larder_status ldr_node_check_call(ldr_reading *reading, ldr_node *node);

#endif
