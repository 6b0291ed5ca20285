/* SPDX-License-Identifier: Apache-2.0 */
/*
 * violations.h - rules of features that rows broke: added up over files or
 * views, told under -o json and as a table of their own for people.
 */
#ifndef VIOLATIONS_H
#define VIOLATIONS_H

#include "run.h"

struct violations {
    json_t *list; /* NULL: none */
};

/* Counts of one rule are added up; what came first stays the first. NOMEM. */
larder_status violations_add(struct violations *all,
    const larder_violation *some, size_t n, larder_error *err);
/* Put them into the facts of a document; nothing where there are none. */
void violations_tell(const struct violations *all, json_t *facts);
/* A table, where the output is one and there are any. */
larder_status violations_print(
    const struct violations *all, struct run *run, larder_error *err);
void violations_release(struct violations *all);

#endif
