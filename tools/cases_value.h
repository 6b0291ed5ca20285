/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_value.h - one value of a file of cases into a column of a type.
 */
#ifndef CASES_VALUE_H
#define CASES_VALUE_H

#include "yamlin.h"

bool cases_is_number(larder_type type);

/* One value (NULL: a null) behind the others of a column. What is none of its
 * type is a fault, and a null there; `what` begins its words. */
larder_status cases_value(struct yaml_faults *faults, const struct node *node,
    larder_column *column, int32_t naive_offset_minutes, const char *what,
    larder_error *err);

/* INVALID and NOT_FOUND are faults at a node, and then LARDER_OK; `err` takes
 * other failures. */
larder_status cases_as_fault(struct yaml_faults *faults, const struct node *at,
    larder_status rc, const larder_error *why, larder_error *err);

/* "'trx_cuont' is no column of source 'a'", and the one that was meant, or all.
 */
void cases_unknown(struct yaml_faults *faults, const struct node *key,
    const char *what, const larder_schema *schema);

#endif
