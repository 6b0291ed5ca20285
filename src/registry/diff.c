/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.c - two snapshots to a list of changes (see diff.h).
 *
 * Both canonical texts are read again as trees and their objects compared by
 * name. So a text that could not be read back is found out here, before apply
 * would store it.
 */
#include "registry/diff.h"
#include "base/name.h"
#include "registry/breaking.h"
#include "registry/compare.h"
#include "registry/rows.h"
#include "registry/touched.h"

#include <stdlib.h>
#include <string.h>

/* Where the canonical text keeps the objects of a kind. */
static const char *const sections[] = {[LARDER_ENTITIES] = "entities",
    [LARDER_SOURCES] = "sources",
    [LARDER_VIEWS] = "feature_views",
    [LARDER_SERVICES] = "feature_services",
    [LARDER_JOBS] = "jobs",
    [LARDER_ON_DEMAND_VIEWS] = "on_demand_feature_views"};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a list of changes");
}

/* -------------------------------------------------------------- changes */

/* Room for one more; the words are not copied. */
static larder_status
append(ldr_changes *changes, const ldr_change *change, larder_error *err)
{
    size_t room = changes->room == 0 ? 16 : changes->room;
    ldr_change *grown;

    if (changes->n_changes == changes->room) {
        if (changes->room > 0)
            room = room > SIZE_MAX / 2 / sizeof *grown ? 0 : room * 2;
        grown =
            room == 0 ? NULL : realloc(changes->changes, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        changes->changes = grown;
        changes->room = room;
    }
    changes->changes[changes->n_changes++] = *change;
    return LARDER_OK;
}

larder_status
ldr_changes_add(ldr_changes *changes, ldr_action action, larder_kind kind,
    const char *name, const char *fields, larder_error *err)
{
    ldr_change change = {.action = action,
        .kind = kind,
        .name = ldr_arena_copy(&changes->arena, name)};

    if (fields != NULL)
        change.fields = ldr_arena_copy(&changes->arena, fields);
    if (change.name == NULL || (fields != NULL && change.fields == NULL))
        return no_memory(err);
    return append(changes, &change, err);
}

void
ldr_changes_release(ldr_changes *changes)
{
    ldr_arena_free(&changes->arena);
    free(changes->changes);
    *changes = (ldr_changes){0};
}

static int
change_order(const void *one, const void *other)
{
    const ldr_change *a = one, *b = other;
    int order = (a->kind > b->kind) - (a->kind < b->kind);

    if (order == 0)
        order = ldr_name_order(a->name, b->name);
    if (order == 0)
        order = (a->action > b->action) - (a->action < b->action);
    if (order == 0 && a->fields != NULL && b->fields != NULL)
        order = strcmp(a->fields, b->fields);
    return order;
}

void
ldr_changes_sort(ldr_changes *changes)
{
    if (changes->n_changes > 1)
        qsort(changes->changes, changes->n_changes, sizeof *changes->changes,
            change_order);
}

/* ----------------------------------------------------------------- diff */

/* One text as a tree; NULL: nothing is defined. */
static larder_status
read_tree(const ldr_snapshot *snapshot, ldr_arena *arena, const ldr_yaml **root,
    larder_error *err)
{
    ldr_faults faults = {0};
    larder_status rc;

    *root = NULL;
    rc = ldr_yaml_parse("the canonical definitions", snapshot->text,
        snapshot->n_text, arena, &faults, root, err);
    if (rc == LARDER_OK && faults.n_errors > 0)
        return larder_fail(err, LARDER_LIMIT,
            "the definitions written as one text cannot be read back: %s",
            faults.first.message);
    return rc;
}

/* The objects of a kind; an empty list where there is none. */
static const ldr_yaml *
section_of(const ldr_yaml *root, larder_kind kind)
{
    static const ldr_yaml none = {.kind = LDR_YAML_SEQUENCE};
    const ldr_yaml *list =
        root == NULL ? NULL : ldr_yaml_find(root, sections[kind]);

    return list != NULL && list->kind == LDR_YAML_SEQUENCE ? list : &none;
}

/* The object of this name, whatever the case, or NULL. Both lists are sorted,
 * so `*near` is where it most likely is. */
static const ldr_yaml *
find_object(const ldr_yaml *list, const ldr_yaml *like, size_t *near)
{
    const char *name = ldr_compare_name(like);

    for (size_t i = 0; name != NULL && i < list->n_items; i++) {
        size_t at = (*near + i) % list->n_items;
        const char *other = ldr_compare_name(&list->items[at]);

        if (other == NULL || !ldr_name_equal(other, name))
            continue;
        *near = at + 1;
        return &list->items[at];
    }
    return NULL;
}

/* Objects of `to` that are new or other than they were. */
static larder_status
diff_present(larder_kind kind, const ldr_yaml *from, const ldr_yaml *to,
    ldr_changes *changes, larder_error *err)
{
    larder_status rc = LARDER_OK;
    size_t near = 0;

    for (size_t i = 0; i < to->n_items; i++) {
        const ldr_yaml *now = &to->items[i];
        const ldr_yaml *old = find_object(from, now, &near);
        ldr_change change = {.kind = kind, .action = LDR_CHANGE};

        change.name = ldr_arena_copy(&changes->arena, ldr_compare_name(now));
        if (change.name == NULL)
            return no_memory(err);
        if (old == NULL) {
            change.action = LDR_ADD;
            LARDER_TRY(ldr_describe(now, &changes->arena, &change.fields, err));
        } else {
            LARDER_TRY(
                ldr_compare(old, now, &changes->arena, &change.fields, err));
            if (change.fields == NULL)
                continue;
        }
        LARDER_TRY(append(changes, &change, err));
    }
out:
    return rc;
}

static larder_status
diff_gone(larder_kind kind, const ldr_yaml *from, const ldr_yaml *to,
    ldr_changes *changes, larder_error *err)
{
    larder_status rc = LARDER_OK;
    size_t near = 0;

    for (size_t i = 0; i < from->n_items; i++)
        if (find_object(to, &from->items[i], &near) == NULL)
            LARDER_TRY(ldr_changes_add(changes, LDR_REMOVE, kind,
                ldr_compare_name(&from->items[i]), NULL, err));
out:
    return rc;
}

larder_status
ldr_diff(const ldr_snapshot *from, const ldr_snapshot *to, ldr_changes *out,
    larder_error *err)
{
    ldr_changes changes = {0};
    ldr_arena arena = {0};
    const ldr_yaml *old, *now;
    larder_status rc = LARDER_OK;

    LARDER_TRY(read_tree(from, &arena, &old, err));
    LARDER_TRY(read_tree(to, &arena, &now, err));
    for (larder_kind kind = LARDER_ENTITIES; kind < LARDER_ALL; kind++) {
        const ldr_yaml *a = section_of(old, kind), *b = section_of(now, kind);

        LARDER_TRY(diff_present(kind, a, b, &changes, err));
        LARDER_TRY(diff_gone(kind, a, b, &changes, err));
    }
    LARDER_TRY(ldr_breaking(from, to, &changes, err));
    LARDER_TRY(ldr_touched(from, &changes, err));
    ldr_changes_sort(&changes);
    *out = changes;
    changes = (ldr_changes){0};
out:
    ldr_arena_free(&arena);
    ldr_changes_release(&changes);
    return rc;
}

/* --------------------------------------------------------------- stream */

static const char *
action_name(ldr_action action)
{
    switch (action) {
    case LDR_ADD:
        return "add";
    case LDR_CHANGE:
        return "change";
    case LDR_REMOVE:
        return "remove";
    case LDR_RESHAPE:
        return "reshape";
    }
    return NULL;
}

static larder_status
add_row(larder_batch *batch, const ldr_change *change, larder_error *err)
{
    ldr_arena arena = {0};
    const char *row[] = {action_name(change->action),
        ldr_kind_name(change->kind), change->name, change->fields,
        change->breaking ? "true" : "false", change->services};
    larder_status rc = LARDER_OK;

    if (change->breaks != NULL) {
        row[3] = ldr_arena_printf(&arena, "%s%sbreaks %s",
            change->fields == NULL ? "" : change->fields,
            change->fields == NULL ? "" : "; ", change->breaks);
        if (row[3] == NULL)
            return no_memory(err);
    }
    rc = ldr_rows_add(batch, row, err);
    ldr_arena_free(&arena);
    return rc;
}

larder_status
ldr_changes_stream(
    const ldr_changes *changes, larder_stream *out, larder_error *err)
{
    static const larder_field fields[] = {{"action", LARDER_STRING},
        {"kind", LARDER_STRING}, {"name", LARDER_STRING},
        {"fields", LARDER_STRING}, {"breaking", LARDER_BOOL},
        {"services", LARDER_STRING}};
    static const larder_schema schema = {fields, 6};
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&batch, &schema, err));
    for (size_t i = 0; i < changes->n_changes; i++)
        LARDER_TRY(add_row(&batch, &changes->changes[i], err));
    LARDER_TRY(larder_stream_of(&batch, out, err));
out:
    larder_batch_release(&batch);
    return rc;
}
