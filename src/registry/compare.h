/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.h - two versions of one canonical object to words.
 *
 * Compares trees, not structs: whatever the loader's table of keys lets one
 * write is compared, and no second list of keys has to follow it.
 */
#ifndef LDR_COMPARE_H
#define LDR_COMPARE_H

#include "base/arena.h"
#include "definition/yaml.h"

/* What differs, "ttl: 7d -> 14d; features: + roi"; NULL when nothing does. */
larder_status ldr_compare(const ldr_yaml *from, const ldr_yaml *to,
    ldr_arena *arena, const char **words, larder_error *err);
/* What a new object is, in the same words: not its name, nor words about it. */
larder_status ldr_describe(const ldr_yaml *object, ldr_arena *arena,
    const char **words, larder_error *err);

/* The member of a list that has this name (a scalar: that is it), or n_items.
 * Looks from `near` on first: lists mostly agree. */
size_t ldr_compare_find(const ldr_yaml *list, const char *name, size_t near);
/* The name of a mapping, the text of a scalar, else NULL. */
const char *ldr_compare_name(const ldr_yaml *item);

#endif
