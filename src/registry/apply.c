/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.c - append the new version if nobody else did (see apply.h).
 *
 * Tables come before the generation that names them. Nothing is taken back
 * when the append is refused: columns only grow, and whoever came first has
 * made his own.
 */
#include "registry/apply.h"
#include "definition/layout.h"
#include "definition/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- plan */

/* The reshapes as a list of their own, and whether the sources answer. */
static larder_status
prove(const ldr_apply *apply, const larder_call *call,
    const ldr_snapshot *current, ldr_changes *changes, larder_error *err)
{
    ldr_faults faults = {.call = call};
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_probe(apply->offline, call, apply->wanted, apply->owned_only,
        &faults, changes, err));
    ldr_probe_order(current, apply->wanted, changes, &faults);
    if (apply->feast)
        LARDER_TRY(ldr_layout_check(
            &current->all, &apply->wanted->all, &faults, err));
    if (faults.n_errors > 0) {
        if (err != NULL)
            *err = faults.first;
        rc = LARDER_INVALID;
    }
out:
    return rc;
}

larder_status
ldr_apply_plan(const ldr_apply *apply, const larder_call *call,
    ldr_changes *changes, ldr_snapshot **current, larder_error *err)
{
    ldr_snapshot *before = NULL;
    ldr_changes plan = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_snapshot_of_registry(
        apply->records, call, apply->project, 0, &before, err));
    LARDER_TRY(ldr_diff(before, apply->wanted, &plan, err));
    LARDER_TRY(prove(apply, call, before, &plan, err));
    ldr_changes_sort(&plan);
    *changes = plan;
    plan = (ldr_changes){0};
    *current = before;
    before = NULL;
out:
    ldr_changes_release(&plan);
    ldr_snapshot_drop(before);
    return rc;
}

/* -------------------------------------------------------------- refusals */

static larder_status
check_after(const ldr_apply *apply, uint64_t current, larder_error *err)
{
    if (apply->options == NULL || apply->options->after == 0 ||
        apply->options->after == current)
        return LARDER_OK;
    (void)larder_fail(err, LARDER_CONFLICT,
        "project '%s' is at generation %" PRIu64 ", not %" PRIu64,
        apply->project, current, apply->options->after);
    larder_hint(err, "look at what changed, and plan again");
    return LARDER_CONFLICT;
}

/* Services break only where that was allowed; the error names them all. */
static larder_status
check_breaking(
    const ldr_apply *apply, const ldr_changes *changes, larder_error *err)
{
    ldr_arena arena = {0};
    const char *list = "";
    size_t n = 0;

    if (apply->options != NULL && apply->options->allow_breaking)
        return LARDER_OK;
    for (size_t i = 0; i < changes->n_changes && list != NULL; i++) {
        const ldr_change *change = &changes->changes[i];

        if (!change->breaking)
            continue;
        n++;
        list = ldr_arena_printf(&arena, "%s%s%s '%s' (breaks %s)", list,
            n > 1 ? ", " : "", ldr_kind_name(change->kind), change->name,
            change->breaks == NULL ? change->name : change->breaks);
    }
    if (n > 0) {
        (void)larder_fail(err, LARDER_INVALID, "%zu breaking change%s: %s", n,
            n == 1 ? "" : "s", list == NULL ? "no memory to list them" : list);
        larder_hint(err, "--allow-breaking applies them all the same");
    }
    ldr_arena_free(&arena);
    return n > 0 ? LARDER_INVALID : LARDER_OK;
}

/* --------------------------------------------------------------- reshape */

/* Are the view's keys those the table is ordered by, in any order? */
static bool
is_cluster(const ldr_source *source, const ldr_view *view)
{
    if (source->n_key != view->n_keys)
        return false;
    for (size_t i = 0; i < source->n_key; i++) {
        size_t k = 0;

        while (
            k < view->n_keys && strcmp(view->keys[k].name, source->key[i]) != 0)
            k++;
        if (k == view->n_keys)
            return false;
    }
    return true;
}

static bool
same_keys(const ldr_view *a, const ldr_view *b)
{
    if (a->n_keys != b->n_keys)
        return false;
    for (size_t i = 0; i < a->n_keys; i++) /* both in name order */
        if (strcmp(a->keys[i].name, b->keys[i].name) != 0)
            return false;
    return true;
}

/* Has an earlier view of the same source the same keys? */
static bool
is_repeated(const ldr_definitions *all, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (all->views[i].source == all->views[at].source &&
            same_keys(&all->views[i], &all->views[at]))
            return true;
    return false;
}

/* Key sets that views read an owned table by, beside its own order. */
typedef struct indexes {
    ldr_arena arena;
    const char *const **columns;
    size_t *n_columns;
    size_t n;
} indexes;

static larder_status
find_indexes(const ldr_definitions *all, const ldr_source *source, indexes *out,
    larder_error *err)
{
    ldr_arena *arena = &out->arena;
    const char **names;

    out->columns =
        ldr_arena_array(arena, all->n_views + 1, sizeof *out->columns);
    out->n_columns =
        ldr_arena_array(arena, all->n_views + 1, sizeof *out->n_columns);
    if (out->columns == NULL || out->n_columns == NULL)
        goto nomem;
    for (size_t i = 0; i < all->n_views; i++) {
        const ldr_view *view = &all->views[i];

        if (view->source != source || view->n_keys == 0 ||
            is_cluster(source, view) || is_repeated(all, i))
            continue;
        names = ldr_arena_array(arena, view->n_keys, sizeof *names);
        if (names == NULL)
            goto nomem;
        for (size_t k = 0; k < view->n_keys; k++)
            names[k] = view->keys[k].name;
        out->columns[out->n] = names;
        out->n_columns[out->n++] = view->n_keys;
    }
    return LARDER_OK;
nomem:
    return larder_fail(err, LARDER_NOMEM, "no memory for a list of indexes");
}

static larder_status
reshape_source(const ldr_apply *apply, const larder_call *call,
    const ldr_source *source, larder_error *err)
{
    const ldr_definitions *all = &apply->wanted->all;
    indexes by = {0};
    larder_table table;
    larder_status rc = LARDER_OK;

    ldr_source_table(source, &table);
    LARDER_TRY(find_indexes(all, source, &by, err));
    LARDER_TRY(ldr_offline_create(
        apply->offline, call, &table, by.columns, by.n_columns, by.n, err));
out:
    ldr_arena_free(&by.arena);
    if (rc != LARDER_OK)
        larder_context(err, "source '%s'", source->about.name);
    return rc;
}

/* Make or widen every owned table; those that are right stay as they are. */
static larder_status
reshape(const ldr_apply *apply, const larder_call *call, larder_error *err)
{
    const ldr_definitions *all = &apply->wanted->all;
    larder_status rc = LARDER_OK;

    assert(apply->offline != NULL);
    for (size_t i = 0; i < all->n_sources; i++)
        if (all->sources[i].owned)
            LARDER_TRY(reshape_source(apply, call, &all->sources[i], err));
out:
    return rc;
}

/* ---------------------------------------------------------------- append */

/* Somebody applied between our plan and our append: say how far they are. */
static larder_status
tell_conflict(const ldr_apply *apply, const larder_call *call, uint64_t after,
    larder_error *err)
{
    uint64_t newest = 0;

    if (ldr_records_newest(
            apply->records, call, apply->project, &newest, NULL) != LARDER_OK)
        newest = after + 1;
    (void)larder_fail(err, LARDER_CONFLICT,
        "somebody applied meanwhile: project '%s' is at generation %" PRIu64
        ", this plan was made for %" PRIu64,
        apply->project, newest, after);
    larder_hint(err, "look at what changed, and plan again");
    return LARDER_CONFLICT;
}

static larder_status
append(const ldr_apply *apply, const larder_call *call, uint64_t after,
    uint64_t *number, larder_error *err)
{
    const ldr_snapshot *wanted = apply->wanted;
    larder_generation generation = {
        .number = after + 1, .applied = call->now, .n_text = wanted->n_text};
    larder_status rc;

    generation.text = malloc(wanted->n_text + 1);
    if (generation.text == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a generation");
    memcpy(generation.text, wanted->text, wanted->n_text);
    generation.text[wanted->n_text] = '\0';
    memcpy(generation.hash, wanted->hash, sizeof generation.hash);
    rc = ldr_records_append(
        apply->records, call, apply->project, after, &generation, err);
    free(generation.text);
    if (rc == LARDER_CONFLICT)
        return tell_conflict(apply, call, after, err);
    if (rc == LARDER_OK)
        *number = after + 1;
    return rc;
}

/* Does anything but a table's shape change? */
static bool
is_defined_anew(const ldr_changes *changes)
{
    for (size_t i = 0; i < changes->n_changes; i++)
        if (changes->changes[i].action != LDR_RESHAPE)
            return true;
    return false;
}

larder_status
ldr_apply_run(const ldr_apply *apply, const larder_call *call,
    ldr_changes *changes, larder_applied *out, larder_error *err)
{
    ldr_snapshot *current = NULL;
    ldr_changes plan = {0};
    uint64_t number;
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_apply_plan(apply, call, &plan, &current, err));
    LARDER_TRY(check_after(apply, current->generation, err));
    LARDER_TRY(check_breaking(apply, &plan, err));
    number = current->generation;
    if (plan.n_changes > 0)
        LARDER_TRY(reshape(apply, call, err));
    if (is_defined_anew(&plan))
        LARDER_TRY(append(apply, call, current->generation, &number, err));
    *out = (larder_applied){number, plan.n_changes};
    *changes = plan;
    plan = (ldr_changes){0};
out:
    ldr_changes_release(&plan);
    ldr_snapshot_drop(current);
    return rc;
}
