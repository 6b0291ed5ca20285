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
    ldr_on_demand *on_demands;
    ldr_service *services;
    ldr_arena *arena;
    ldr_faults *faults;
    size_t n_compared; /* unknown names that were compared with known ones */
    bool nomem;
} ldr_check;

/* Of a schema, a view, a key; more is a fault. */
#define LDR_COLUMNS_MAX 1000u
#define LDR_WORD_ROOM 128

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

/* Why an expression does not parse: where, and what stands there ("" where that
 * is long), for who can say more of it than `error`. */
typedef struct ldr_check_wrong {
    ldr_place place;
    char word[LDR_WORD_ROOM];
    larder_error error;
} ldr_check_wrong;
/* Parse the expression that is the text of a scalar. False without memory too,
 * which marks the check. */
bool ldr_check_parse(ldr_check *check, const ldr_yaml *scalar,
    const larder_schema *columns, ldr_expression **out, ldr_check_wrong *wrong);
/* May expressions name a column of this type? Not of lists, nor bytes. */
bool ldr_check_is_nameable(larder_type type);

/* What a feature says of its values fits its type. */
void ldr_check_rules(ldr_check *check, const ldr_feature *feature);
/* Windowed features of a view whose source is known. */
void ldr_check_windows(ldr_check *check, ldr_view *view);

void ldr_check_sources(ldr_check *check);
/* Clustering keys that were not written, when views know their join keys. */
void ldr_check_source_keys(ldr_check *check);
void ldr_check_views(ldr_check *check);
void ldr_check_on_demands(ldr_check *check);
/* When the inputs of on-demand views are known. */
void ldr_check_circles(ldr_check *check);
void ldr_check_services(ldr_check *check);

#endif
