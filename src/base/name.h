/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - names: which are legal, which are equal, which one was meant.
 */
#ifndef LDR_NAME_H
#define LDR_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* [A-Za-z_][A-Za-z0-9_]{0,47} */
bool ldr_name_legal(const char *name);
/* Equal but for the case of ASCII letters. */
bool ldr_name_equal(const char *a, const char *b);
int ldr_name_order(const char *a, const char *b); /* the same, as an order */

/* The candidate nearest to `wrong`, or NULL when none is near enough to be
 * worth naming (more than a third of the letters differ). */
const char *ldr_name_nearest(
    const char *wrong, const char *const *candidates, size_t n_candidates);

#endif
