/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c - an online read, prepared once: views in groups of one key, slots
 * and their defaults, and room for what is computed.
 */
#include "engine/reader.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/key.h"
#include "data/schema.h"

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the read");
}

/* ------------------------------------------------------------------- groups */

static bool
in_group(
    const ldr_reader_group *g, const ldr_plan_view *pv, uint32_t entity_set)
{
    if (g->entity_set != entity_set || g->n_keys != pv->view->n_keys)
        return false;
    for (size_t k = 0; k < g->n_keys; k++)
        if (strcmp(g->names[k], pv->key_columns[k]) != 0)
            return false;
    return true;
}

static larder_status
join_group(larder_reader *r, size_t view, larder_error *err)
{
    const ldr_plan_view *pv = &r->plan.views[view];
    uint32_t entity_set = ldr_entity_set_id(pv->view->keys, pv->view->n_keys);
    size_t n = r->plan.n_views;
    ldr_reader_group *g = NULL;

    for (size_t i = 0; i < r->n_groups && g == NULL; i++)
        if (in_group(&r->groups[i], pv, entity_set))
            g = &r->groups[i];
    if (g == NULL) {
        g = &r->groups[r->n_groups++];
        *g = (ldr_reader_group){.entity_set = entity_set,
            .n_keys = pv->view->n_keys,
            .names = pv->key_columns};
        g->views = ldr_arena_array(&r->arena, n + 1, sizeof *g->views);
        g->tables = ldr_arena_array(&r->arena, n + 1, sizeof *g->tables);
        if (g->views == NULL || g->tables == NULL)
            return no_memory(err);
        for (size_t k = 0; k < g->n_keys; k++)
            g->columns[k] = ldr_schema_find(&r->plan.keys, g->names[k]);
    }
    r->views[view].rows_of = view;
    for (size_t i = 0; i < g->n_views; i++)
        if (r->plan.views[g->views[i]].view == pv->view)
            r->views[view].rows_of = g->views[i];
    if (r->views[view].rows_of == view)
        g->views[g->n_views++] = view;
    return LARDER_OK;
}

static larder_status
prepare_views(larder_reader *r, larder_error *err)
{
    size_t n = r->plan.n_views;
    larder_status rc = LARDER_OK;

    r->views = ldr_arena_array(&r->arena, n + 1, sizeof *r->views);
    r->groups = ldr_arena_array(&r->arena, n + 1, sizeof *r->groups);
    if (r->views == NULL || r->groups == NULL)
        return no_memory(err);
    for (size_t v = 0; v < n; v++) {
        if (!r->plan.views[v].view->online) {
            rc = larder_fail(err, LARDER_INVALID,
                "feature view '%s' says 'online: false': join reads it, get "
                "can not",
                r->plan.views[v].view->about.name);
            goto out;
        }
        r->views[v].plan = &r->plan.views[v];
        LARDER_TRY(join_group(r, v, err));
    }
out:
    return rc;
}

/* -------------------------------------------------------------------- slots */

static const ldr_feature *
feature_of(const larder_reader *r, const ldr_plan_feature *asked)
{
    if (asked->view == LDR_PLAN_DERIVED)
        return &r->plan.derived[asked->feature].feature->feature;
    return &r->plan.views[asked->view].view->features[asked->feature];
}

static larder_status
read_default(
    ldr_reader_slot *slot, const ldr_feature *feature, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_column_init(&slot->fallback, feature->type, err));
    LARDER_TRY(larder_value_parse(&slot->fallback,
        (larder_bytes){feature->default_text, strlen(feature->default_text)}, 0,
        err));
    slot->has_default = true;
    if (slot->view == LDR_PLAN_DERIVED)
        LARDER_TRY(ldr_column_init(&slot->bare, feature->type, err));
out:
    return rc;
}

static larder_status
prepare_slots(larder_reader *r, larder_error *err)
{
    size_t n = r->plan.n_all, n_hidden = n - r->plan.n_features;
    larder_field *hidden =
        ldr_arena_array(&r->arena, n_hidden + 1, sizeof *hidden);
    larder_status rc = LARDER_OK;

    r->slots = ldr_arena_array(&r->arena, n + 1, sizeof *r->slots);
    if (hidden == NULL || r->slots == NULL)
        return no_memory(err);
    for (size_t f = 0; f < n; f++) {
        const ldr_plan_feature *asked = &r->plan.features[f];
        const ldr_feature *feature = feature_of(r, asked);

        r->slots[f].view = asked->view;
        r->slots[f].column = LDR_NO_COLUMN;
        if (f >= r->plan.n_features)
            hidden[f - r->plan.n_features] =
                (larder_field){asked->name, asked->type};
        else if (feature->default_text != NULL && !asked->bare)
            LARDER_TRY(read_default(&r->slots[f], feature, err));
    }
    r->hidden_schema = (larder_schema){hidden, n_hidden};
    LARDER_TRY(larder_batch_init(&r->hidden, &r->hidden_schema, err));
out:
    return rc;
}

/* ---------------------------------------------------------------- computing */

/* Which views answer for an on-demand feature, itself or through others. */
static void
mark_views(larder_reader *r, size_t derived)
{
    const ldr_plan_derived *d = &r->plan.derived[derived];
    size_t n_views = r->plan.n_views;
    bool *reads = &r->computing.reads_view[derived * n_views];

    for (size_t i = 0; i < d->view->columns.n_fields; i++) {
        const ldr_plan_input *input = &d->inputs[i];
        const ldr_plan_feature *feature;

        if (input->kind == LDR_INPUT_EVENT)
            reads[input->at] = true;
        if (input->kind != LDR_INPUT_FEATURE)
            continue;
        feature = &r->plan.features[input->at];
        if (feature->view != LDR_PLAN_DERIVED) {
            reads[feature->view] = true;
            continue;
        }
        for (size_t v = 0; v < n_views; v++)
            if (r->computing.reads_view[feature->feature * n_views + v])
                reads[v] = true;
    }
}

static larder_status
prepare_computing(larder_reader *r, larder_error *err)
{
    ldr_reader_inputs *c = &r->computing;
    const ldr_plan *plan = &r->plan;
    size_t n_views = plan->n_views;
    larder_status rc = LARDER_OK;

    if (plan->n_derived == 0)
        return LARDER_OK;
    c->features = ldr_arena_array(&r->arena, plan->n_all + 1, sizeof(void *));
    c->requests =
        ldr_arena_array(&r->arena, plan->requests.n_fields + 1, sizeof(void *));
    c->events = ldr_arena_array(&r->arena, n_views + 1, sizeof(void *));
    c->event_times =
        ldr_arena_array(&r->arena, n_views + 1, sizeof *c->event_times);
    c->reads_view =
        ldr_arena_array(&r->arena, plan->n_derived * n_views + 1, sizeof(bool));
    if (c->features == NULL || c->requests == NULL || c->events == NULL ||
        c->event_times == NULL || c->reads_view == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_column_init(&c->as_of, LARDER_TIMESTAMP, err));
    for (size_t v = 0; v < n_views; v++) {
        if (!ldr_ondemand_reads_event(plan, v))
            continue;
        LARDER_TRY(ldr_column_init(&c->event_times[v], LARDER_TIMESTAMP, err));
        c->events[v] = &c->event_times[v];
    }
    for (size_t d = 0; d < plan->n_derived; d++)
        mark_views(r, d);
out:
    return rc;
}

static void
release_computing(larder_reader *r)
{
    ldr_reader_inputs *c = &r->computing;

    ldr_column_release(&c->as_of);
    for (size_t v = 0; c->event_times != NULL && v < r->plan.n_views; v++)
        ldr_column_release(&c->event_times[v]);
    ldr_ondemand_room_release(&c->room);
}

/* -------------------------------------------------------------- open, close */

static larder_status
prepare(larder_reader *r, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(prepare_views(r, err));
    LARDER_TRY(prepare_slots(r, err));
    LARDER_TRY(prepare_computing(r, err));
    LARDER_TRY(ldr_reader_watch(r, err));
out:
    return rc;
}

/* Prepared as far as that goes without a store. */
static larder_status
make(ldr_records *records, const char *project, ldr_plan *plan, bool at_time,
    larder_reader **out, larder_error *err)
{
    larder_reader *r = calloc(1, sizeof *r);
    larder_status rc;

    if (r == NULL) {
        ldr_plan_release(plan);
        return no_memory(err);
    }
    r->plan = *plan;
    *plan = (ldr_plan){0};
    r->records = records;
    r->project = project;
    r->at_time = at_time;
    r->outputs = &r->plan.outputs;
    rc = prepare(r, err);
    if (rc != LARDER_OK) {
        larder_reader_close(r);
        return rc;
    }
    *out = r;
    return LARDER_OK;
}

larder_status
ldr_reader_open(ldr_online *online, ldr_records *records, const char *project,
    ldr_plan *plan, bool at_time, const larder_call *call, larder_reader **out,
    larder_error *err)
{
    larder_reader *r = NULL;
    larder_status rc = make(records, project, plan, at_time, &r, err);

    if (rc != LARDER_OK)
        return rc;
    r->online = online;
    rc = ldr_reader_freshen(
        r, call, call->monotonic == NULL ? 0 : call->monotonic(), err);
    if (rc != LARDER_OK) {
        larder_reader_close(r);
        return rc;
    }
    *out = r;
    return LARDER_OK;
}

larder_status
ldr_reader_open_two(const ldr_reader_stores *stores, ldr_records *records,
    const char *project, ldr_plan plans[2], bool at_time,
    const larder_call *call, larder_reader **out, larder_error *err)
{
    larder_reader *r = NULL;
    larder_status rc;

    LARDER_TRY(make(records, project, &plans[0], at_time, &r, err));
    LARDER_TRY(make(records, project, &plans[1], at_time, &r->second, err));
    r->two = stores->two;
    r->second->outputs = r->outputs;
    r->second->has_max_age = stores->has_max_age;
    r->second->max_age_us = stores->max_age_us;
    LARDER_TRY(ldr_reader_get_of_two(r, call, NULL, NULL, err));
    *out = r;
    r = NULL;
out:
    larder_reader_close(r);
    return rc;
}

void
larder_reader_close(larder_reader *r)
{
    if (r == NULL)
        return;
    larder_reader_close(r->second);
    ldr_reader_forget_builds(r);
    for (size_t f = 0; r->slots != NULL && f < r->plan.n_all; f++) {
        ldr_column_release(&r->slots[f].fallback);
        ldr_column_release(&r->slots[f].bare);
    }
    release_computing(r);
    larder_batch_release(&r->hidden);
    free(r->wants);
    free(r->key_at);
    free(r->found);
    ldr_buffer_free(&r->keys);
    ldr_buffer_free(&r->rows);
    ldr_plan_release(&r->plan);
    ldr_arena_free(&r->arena);
    free(r);
}

const larder_schema *
larder_reader_keys(const larder_reader *reader)
{
    return &reader->plan.keys;
}

const larder_schema *
larder_reader_requests(const larder_reader *reader)
{
    return &reader->plan.requests;
}

const larder_schema *
larder_reader_features(const larder_reader *reader)
{
    return &reader->plan.outputs;
}

uint64_t
larder_reader_generation(const larder_reader *reader)
{
    return reader->plan.snapshot->generation;
}
