/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - what validate*.c share: places, nearest names, words.
 *
 * Objects are looked at in copies that may still be filled in; those of
 * ldr_definitions point at the copies.
 */
#ifndef LDR_CHECK_H
#define LDR_CHECK_H

#include "definition/definition.h"

typedef struct ldr_check {
    ldr_definitions *all;
    ldr_source *sources; /* all->sources, to be filled in; and so on */
    ldr_view *views;
    ldr_service *services;
    ldr_arena *arena;
    ldr_faults *faults;
    size_t n_compared; /* unknown names that were compared with known ones */
    bool nomem;
} ldr_check;

/* Of a schema, a view, a key; more is a fault. */
#define LDR_COLUMNS_MAX 1000u

/* Memory of the arena; NULL marks the check. */
void *ldr_check_array(ldr_check *check, size_t n, size_t size);

/* The place of a key's value, or `otherwise`. */
const ldr_place *ldr_check_key(
    const ldr_yaml *mapping, const char *key, const ldr_place *otherwise);
/* The place of an item of a list, by its text as it was kept, else by an equal
 * name; or of the key, or `otherwise`. */
const ldr_place *ldr_check_item(const ldr_yaml *mapping, const char *key,
    const char *text, const ldr_place *otherwise);

/* "unknown entity 'hpc' in feature view 'v'", with the nearest of `names`. Not
 * told where nothing is near and files are missing that may hold it. */
void ldr_check_unknown(ldr_check *check, const ldr_place *place,
    const char *what, const char *wrong, const char *in,
    const char *const *names, size_t n_names);
/* Known names to compare an unknown one with: room for them, those of objects
 * that begin with ldr_about, of columns. NULL: no memory, or it was done often
 * enough. */
const char **ldr_check_name_room(ldr_check *check, size_t n_names);
const char **ldr_check_names(
    ldr_check *check, const void *objects, size_t n_objects, size_t size);
const char **ldr_check_columns(ldr_check *check, const larder_schema *schema);

void ldr_check_sources(ldr_check *check);
/* Clustering keys that were not written, when views know their join keys. */
void ldr_check_source_keys(ldr_check *check);
void ldr_check_views(ldr_check *check);
void ldr_check_services(ldr_check *check);

#endif
