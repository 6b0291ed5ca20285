/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - a point-in-time join as one statement, to be run elsewhere.
 */
#include "engine/statement.h"

#define DEFAULT_SPINE "spine"
#define DEFAULT_TIMESTAMP "event_timestamp"

typedef struct statement {
    const ldr_plan *plan;
    const larder_sql_options *asked;
    ldr_arena arena;
    larder_sql_view *views;
    larder_sql_feature *features;
} statement;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a statement");
}

/* What is computed has one meaning, which is the engine's. */
static larder_status
check_plain(
    const ldr_plan *plan, const ldr_plan_feature *feature, larder_error *err)
{
    const ldr_view *view;

    if (feature->view == LDR_PLAN_DERIVED) {
        larder_fail(err, LARDER_INVALID,
            "feature '%s' is computed on demand, which this SQL cannot",
            feature->ref);
        larder_hint(err, "ask for the features it is made of, or let "
                         "'larder join' compute it");
        return LARDER_INVALID;
    }
    view = plan->views[feature->view].view;
    if (view->features[feature->feature].aggregate == LDR_AGGREGATE_NONE)
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID,
        "feature '%s' is of a window of time, which this SQL cannot",
        feature->ref);
    larder_hint(err, "ask for plain features, as view:feature, or let "
                     "'larder join' compute it");
    return LARDER_INVALID;
}

static larder_status
lay_out_feature(statement *s, size_t f, larder_error *err)
{
    const ldr_plan_feature *feature = &s->plan->features[f];
    const ldr_view *view;
    larder_status rc = check_plain(s->plan, feature, err);

    if (rc != LARDER_OK)
        return rc;
    view = s->plan->views[feature->view].view;
    s->features[f] = (larder_sql_feature){.name = feature->name,
        .column = view->features[feature->feature].from,
        .view = feature->view};
    return LARDER_OK;
}

static larder_status
lay_out_view(statement *s, size_t v, larder_error *err)
{
    const ldr_plan_view *pv = &s->plan->views[v];
    const ldr_view *view = pv->view;
    larder_sql_view *out = &s->views[v];
    const char **key =
        ldr_arena_array(&s->arena, view->n_keys + 1, sizeof *key);

    if (key == NULL)
        return no_memory(err);
    if (s->asked->as_known && view->source->created == NULL) {
        larder_fail(err, LARDER_INVALID,
            "source '%s' of feature view '%s' has no created time to join by",
            view->source->about.name, view->about.name);
        larder_hint(err,
            "declare its created_timestamp_column, or leave --as-known away");
        return LARDER_INVALID;
    }
    for (size_t k = 0; k < view->n_keys; k++)
        key[k] = view->keys[k].name;
    *out = (larder_sql_view){.label = view->about.name,
        .key = key,
        .spine_key = pv->key_columns,
        .n_key = view->n_keys,
        .has_ttl = view->has_ttl,
        .ttl_us = view->ttl_us};
    ldr_source_table(view->source, &out->table);
    return LARDER_OK;
}

static larder_status
lay_out(statement *s, larder_error *err)
{
    const ldr_plan *plan = s->plan;
    larder_status rc = LARDER_OK;

    s->views = ldr_arena_array(&s->arena, plan->n_views + 1, sizeof *s->views);
    s->features =
        ldr_arena_array(&s->arena, plan->n_features + 1, sizeof *s->features);
    if (s->views == NULL || s->features == NULL)
        return no_memory(err);
    for (size_t f = 0; f < plan->n_features && rc == LARDER_OK; f++)
        rc = lay_out_feature(s, f, err);
    for (size_t v = 0; v < plan->n_views && rc == LARDER_OK; v++)
        rc = lay_out_view(s, v, err);
    return rc;
}

larder_status
ldr_statement_print(const ldr_plan *plan, const larder_sql_options *asked,
    const larder_dialect *dialect, const larder_options *options, char **out,
    larder_error *err)
{
    statement s = {.plan = plan, .asked = asked};
    larder_sql_join join = {
        .spine = asked->spine == NULL ? DEFAULT_SPINE : asked->spine,
        .timestamp =
            asked->timestamp == NULL ? DEFAULT_TIMESTAMP : asked->timestamp,
        .as_known = asked->as_known};
    larder_status rc = lay_out(&s, err);

    if (rc == LARDER_OK) {
        join.views = s.views;
        join.n_views = plan->n_views;
        join.features = s.features;
        join.n_features = plan->n_features;
        rc = dialect->join(options, &join, out, err);
    }
    ldr_arena_free(&s.arena);
    return rc;
}
