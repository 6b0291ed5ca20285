/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pushable.c - may this row be pushed?
 */
#include "engine/pushable.h"

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/schema.h"

/* ------------------------------------------------------------------ judging */

/* Does the row lack what tells it from others? */
static larder_status
judge_needed(const ldr_pushable *p, const larder_batch *batch, size_t row,
    const char **column, larder_error *err)
{
    for (size_t k = 0; k < p->n_key; k++) {
        if (!ldr_column_is_null(&batch->columns[p->key_columns[k]], row))
            continue;
        *column = p->key_names[k];
        return larder_fail(err, LARDER_INVALID,
            "a value is missing that every row needs, a part of its key");
    }
    if (!ldr_column_is_null(&batch->columns[p->event], row))
        return LARDER_OK;
    *column = p->event_name;
    return larder_fail(
        err, LARDER_INVALID, "a value is missing that every row needs");
}

static larder_status
judge_time(const ldr_pushable *p, const larder_batch *batch, size_t row,
    const char **column, larder_error *err)
{
    larder_time event = ldr_column_integer(&batch->columns[p->event], row);
    char late[33], now[33], skew[40];

    if (event <= ldr_time_plus(p->now, p->max_skew_us))
        return LARDER_OK;
    larder_time_print(event, late);
    larder_time_print(p->now, now);
    ldr_duration_print(p->max_skew_us, skew);
    *column = p->event_name;
    return larder_fail(err, LARDER_INVALID,
        "%s is more than %s (max_skew) after now, %s", late, skew, now);
}

/* A key longer than any online store holds, of a view that is there. */
static larder_status
judge_length(const ldr_pushable *p, const larder_batch *batch, size_t row,
    const char **column, larder_error *err)
{
    for (size_t i = 0; i < p->n_online; i++) {
        const ldr_pushable_key *one = &p->online[i];
        const larder_column *columns[LDR_VIEW_KEYS_MAX];
        bool null = false;
        ldr_key key;

        for (size_t k = 0; k < one->n_columns; k++)
            columns[k] = &batch->columns[one->columns[k]];
        ldr_key_start(&key, one->entity_set);
        if (ldr_key_encode(&key, columns, one->n_columns, row, &null, NULL) !=
            LARDER_LIMIT)
            continue;
        *column = batch->schema->fields[one->columns[0]].name;
        return larder_fail(err, LARDER_INVALID,
            "the key of feature view '%s' is longer than %u bytes "
            "(LARDER_KEY_MAX)",
            one->view, LARDER_KEY_MAX);
    }
    return LARDER_OK;
}

static larder_status
judge_row(const larder_row_check *self, const larder_batch *batch, size_t row,
    const char **column, larder_error *err)
{
    const ldr_pushable *p = (const ldr_pushable *)self;
    const larder_row_check *promised = &p->contract.check;
    larder_status rc;

    LARDER_TRY(judge_needed(p, batch, row, column, err));
    LARDER_TRY(judge_time(p, batch, row, column, err));
    LARDER_TRY(judge_length(p, batch, row, column, err));
    LARDER_TRY(promised->judge(promised, batch, row, column, err));
out:
    return rc;
}

/* ------------------------------------------------------------------- making */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to judge pushed rows");
}

static larder_status
copy_needed(const ldr_source *source, ldr_arena *arena, ldr_pushable *p,
    larder_error *err)
{
    size_t n = source->n_key;

    p->key_names = ldr_arena_array(arena, n + 1, sizeof *p->key_names);
    p->key_columns = ldr_arena_array(arena, n + 1, sizeof *p->key_columns);
    p->event_name = ldr_arena_copy(arena, source->timestamp_field);
    if (p->key_names == NULL || p->key_columns == NULL || p->event_name == NULL)
        return no_memory(err);
    p->event = ldr_schema_find(&source->schema, source->timestamp_field);
    for (; p->n_key < n; p->n_key++) {
        const char *name = source->key[p->n_key];

        p->key_names[p->n_key] = ldr_arena_copy(arena, name);
        p->key_columns[p->n_key] = ldr_schema_find(&source->schema, name);
        if (p->key_names[p->n_key] == NULL)
            return no_memory(err);
    }
    return LARDER_OK;
}

static larder_status
copy_key(const ldr_view *view, const larder_schema *schema, ldr_arena *arena,
    ldr_pushable_key *out, larder_error *err)
{
    *out = (ldr_pushable_key){.view = ldr_arena_copy(arena, view->about.name),
        .entity_set = ldr_entity_set_id(view->keys, view->n_keys),
        .columns =
            ldr_arena_array(arena, view->n_keys + 1, sizeof *out->columns),
        .n_columns = view->n_keys};
    if (out->view == NULL || out->columns == NULL)
        return no_memory(err);
    for (size_t k = 0; k < view->n_keys; k++)
        out->columns[k] = ldr_schema_find(schema, view->keys[k].name);
    return LARDER_OK;
}

static larder_status
copy_keys(const ldr_definitions *all, const ldr_source *source,
    ldr_arena *arena, ldr_pushable *p, larder_error *err)
{
    larder_status rc = LARDER_OK;

    p->online = ldr_arena_array(arena, all->n_views + 1, sizeof *p->online);
    if (p->online == NULL)
        return no_memory(err);
    for (size_t i = 0; i < all->n_views; i++)
        if (all->views[i].source == source && all->views[i].online)
            LARDER_TRY(copy_key(&all->views[i], &source->schema, arena,
                &p->online[p->n_online++], err));
out:
    return rc;
}

larder_status
ldr_pushable_make(const ldr_definitions *all, const ldr_source *source,
    larder_push_to to, larder_time now, ldr_arena *arena, ldr_pushable *out,
    larder_error *err)
{
    ldr_pushable p = {
        .check = {judge_row}, .now = now, .max_skew_us = source->max_skew_us};
    larder_status rc;

    LARDER_TRY(ldr_contract_of_source(all, source, arena, &p.contract, err));
    LARDER_TRY(copy_needed(source, arena, &p, err));
    if (to != LARDER_PUSH_OFFLINE)
        LARDER_TRY(copy_keys(all, source, arena, &p, err));
    *out = p;
out:
    return rc;
}

/* Its columns are the keys, the features, then times. */
static larder_status
contract_of_view(const ldr_view *view, const ldr_pushable *p, ldr_arena *arena,
    ldr_contract *out, larder_error *err)
{
    size_t *features =
        ldr_arena_array(arena, view->n_features + 1, sizeof *features);
    ldr_contract_places places = {.key_names = p->key_names,
        .keys = p->key_columns,
        .n_keys = p->n_key,
        .event = p->event,
        .features = features};

    if (features == NULL)
        return no_memory(err);
    for (size_t i = 0; i < view->n_features; i++)
        features[i] = view->n_keys + i;
    return ldr_contract_of_view(view, &places, arena, out, err);
}

larder_status
ldr_pushable_of_view(const ldr_view *view, const larder_schema *schema,
    larder_time now, ldr_arena *arena, ldr_pushable *out, larder_error *err)
{
    size_t n = view->n_keys, event = n + view->n_features;
    ldr_pushable p = {.check = {judge_row},
        .now = now,
        .max_skew_us = view->source->max_skew_us,
        .event = event,
        .n_key = n};
    larder_status rc;

    p.event_name = ldr_arena_copy(arena, schema->fields[event].name);
    p.key_names = ldr_arena_array(arena, n + 1, sizeof *p.key_names);
    p.key_columns = ldr_arena_array(arena, n + 1, sizeof *p.key_columns);
    p.online = ldr_arena_array(arena, 1, sizeof *p.online);
    if (p.event_name == NULL || p.key_names == NULL || p.key_columns == NULL ||
        p.online == NULL)
        return no_memory(err);
    for (size_t k = 0; k < n; k++) {
        p.key_names[k] = ldr_arena_copy(arena, view->keys[k].name);
        p.key_columns[k] = k;
        if (p.key_names[k] == NULL)
            return no_memory(err);
    }
    LARDER_TRY(copy_key(view, schema, arena, &p.online[p.n_online++], err));
    LARDER_TRY(contract_of_view(view, &p, arena, &p.contract, err));
    *out = p;
out:
    return rc;
}
