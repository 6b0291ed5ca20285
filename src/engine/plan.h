/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - a service or a list of features to views, columns and slots, once.
 *
 * Everything a join or a read needs to know of names is decided here: which
 * views, under which alias, which spine column feeds each join key, what each
 * output column is called, and in which order on-demand features are computed
 * from which others. Holds its snapshot.
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
    const char *name; /* of the output column; of one not asked for: its ref */
    const char *ref;  /* "view:feature", alias and all */
    larder_type type;
    size_t view;    /* in plan->views; LDR_PLAN_DERIVED: on-demand */
    size_t feature; /* in view->features, or in plan->derived */
    /* An input of an expression: its default, if it has one, is not put where
     * there is no value, since training knows no defaults. */
    bool bare;
} ldr_plan_feature;

#define LDR_PLAN_DERIVED SIZE_MAX

/* Where a column that an expression names comes from. */
typedef struct ldr_plan_input {
    enum {
        LDR_INPUT_NONE,    /* it is not named */
        LDR_INPUT_FEATURE, /* plan->features[at] */
        LDR_INPUT_REQUEST, /* plan->requests.fields[at] */
        LDR_INPUT_EVENT,   /* the event time of plan->views[at] */
        LDR_INPUT_AS_OF
    } kind;
    size_t at;
} ldr_plan_input;

typedef struct ldr_plan_derived {
    const ldr_on_demand *view;
    const ldr_derived *feature;
    const ldr_plan_input *inputs; /* one per view->columns */
    size_t output;                /* its place in plan->features */
} ldr_plan_derived;

typedef struct ldr_plan {
    ldr_arena arena;
    ldr_snapshot *snapshot;
    ldr_plan_view *views;
    size_t n_views;
    /* Those asked for, in the order asked; behind them, up to n_all, those
     * that expressions need besides. */
    ldr_plan_feature *features;
    size_t n_features, n_all;
    ldr_plan_derived *derived; /* each after all it reads */
    size_t n_derived;
    larder_schema keys;     /* every key column, by name; types agree */
    larder_schema requests; /* request columns that are needed, by name */
    larder_schema outputs;  /* the asked features' names and types */
} ldr_plan;

/* INVALID (a bad ref, the same output name twice: the remedy is said, key
 * columns of two types), NOT_FOUND (a view, feature, service: nearest named).
 */
larder_status ldr_plan_make(ldr_snapshot *snapshot,
    const larder_features *features, ldr_plan *out, larder_error *err);
void ldr_plan_release(ldr_plan *plan);

#endif
