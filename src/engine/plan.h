/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - a service or a list of features to views, columns and slots, once.
 *
 * Everything a join or a read needs to know of names is decided here: which
 * views, under which alias, which spine column feeds each join key, and what
 * each output column is called. Holds its snapshot.
 */
#ifndef LDR_PLAN_H
#define LDR_PLAN_H

#include "definition/table.h"
#include "registry/snapshot.h"

typedef struct ldr_plan_view {
    const ldr_view *view;
    const char *alias; /* NULL: none */
    /* For each of view->keys (name order): the column of spine or keys. */
    const char *const *key_columns;
    /* The stored columns: one per feature of the view, by history name. */
    const larder_field *columns;
    const char **scan_keys; /* ldr_view_scan_keys() */
    size_t *scan_from;
    char hash[33];
} ldr_plan_view;

typedef struct ldr_plan_feature {
    const char *name; /* of the output column */
    const char *ref;  /* "view:feature", alias and all */
    size_t view;      /* in plan->views */
    size_t feature;   /* in view->features */
} ldr_plan_feature;

typedef struct ldr_plan {
    ldr_arena arena;
    ldr_snapshot *snapshot;
    ldr_plan_view *views;
    size_t n_views;
    ldr_plan_feature *features; /* in the order asked */
    size_t n_features;
    larder_schema keys;    /* every key column, by name; types agree */
    larder_schema outputs; /* the features' names and types */
} ldr_plan;

/* INVALID (a bad ref, the same output name twice: the remedy is said, key
 * columns of two types), NOT_FOUND (a view, feature, service: nearest named).
 */
larder_status ldr_plan_make(ldr_snapshot *snapshot,
    const larder_features *features, ldr_plan *out, larder_error *err);
void ldr_plan_release(ldr_plan *plan);

#endif
