/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - do views fit `layout: feast` of an online store?
 */
#include "definition/layout.h"

#include <stdlib.h>
#include <string.h>

#include "data/feast_row.h"
#include "data/key.h"
#include "data/schema.h"
#include "definition/table.h"

#define LEAVE "or leave 'layout: feast' out of online_store"

static const ldr_place *
place_of_key(const ldr_view *view, const char *name)
{
    for (size_t i = 0; i < view->n_entities; i++)
        if (strcmp(view->entities[i]->join_key.name, name) == 0)
            return &view->entities[i]->about.place;
    return &view->about.place;
}

static void
check_keys(const ldr_view *view, ldr_faults *faults)
{
    for (size_t i = 0; i < view->n_keys; i++) {
        const larder_field *key = &view->keys[i];
        const ldr_place *place = place_of_key(view, key->name);

        if (key->type == LARDER_BOOL)
            ldr_fault(faults, place,
                "give it another type, say 'online: false' in the "
                "view, " LEAVE,
                "join key '%s' of feature view '%s' is of type bool: Feast has "
                "no such keys ('layout: feast')",
                key->name, view->about.name);
        if (key->type == LARDER_TIMESTAMP)
            ldr_warning(faults, place, NULL,
                "keys of feature view '%s' have whole seconds online ('layout: "
                "feast'): others than whole ones of '%s' are refused",
                view->about.name, key->name);
    }
}

static void
check_features(const ldr_view *view, ldr_faults *faults)
{
    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];

        if (feature->aggregate != LDR_AGGREGATE_NONE)
            ldr_fault(faults, &feature->place,
                "move it to a view that says 'online: false', " LEAVE,
                "feature '%s' of feature view '%s' is windowed: 'layout: "
                "feast' has no room for its events",
                feature->name, view->about.name);
        else if (ldr_type_item(feature->type) == LARDER_TIMESTAMP)
            ldr_warning(faults, &feature->place, NULL,
                "feature '%s' of feature view '%s' is floored to whole seconds "
                "online ('layout: feast')",
                feature->name, view->about.name);
    }
}

/* ------------------------------------------------------------------- fields */

/* A feature's field in the hash of its entity. */
typedef struct field {
    uint32_t entity_set;
    unsigned char name[LDR_FEAST_NAME_BYTES];
    const ldr_view *view;
    const ldr_feature *feature;
} field;

static int
compare_fields(const void *a, const void *b)
{
    const field *x = a, *y = b;
    int order = memcmp(x->name, y->name, sizeof x->name);

    if (x->entity_set != y->entity_set)
        return x->entity_set < y->entity_set ? -1 : 1;
    return order;
}

static size_t
count_features(const ldr_definitions *all)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n_views; i++)
        n += all->views[i].n_features;
    return n;
}

/* No two features of an entity may have one field. */
static larder_status
check_fields(const ldr_definitions *all, ldr_faults *faults, larder_error *err)
{
    field *fields = calloc(count_features(all) + 1, sizeof *fields);
    size_t n = 0;

    if (fields == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a list of fields");
    for (size_t i = 0; i < all->n_views; i++) {
        const ldr_view *view = &all->views[i];
        uint32_t set = ldr_entity_set_id(view->keys, view->n_keys);

        for (size_t k = 0; k < view->n_features && view->online; k++) {
            field *one = &fields[n++];

            *one = (field){set, {0}, view, &view->features[k]};
            ldr_feast_name(view->about.name, one->feature->name, one->name);
        }
    }
    qsort(fields, n, sizeof *fields, compare_fields);
    for (size_t i = 1; i < n; i++)
        if (compare_fields(&fields[i - 1], &fields[i]) == 0)
            ldr_fault(faults, &fields[i].feature->place,
                "give one of them another name",
                "'%s:%s' and '%s:%s' would be the same field in 'layout: "
                "feast', which calls them by a hash of their names",
                fields[i - 1].view->about.name, fields[i - 1].feature->name,
                fields[i].view->about.name, fields[i].feature->name);
    free(fields);
    return LARDER_OK;
}

/* ------------------------------------------------------------------ changes */

static const char *
new_name(const ldr_view *before, const ldr_view *view)
{
    for (size_t i = 0; i < view->n_features && i < before->n_features; i++)
        if (strcmp(before->features[i].name, view->features[i].name) != 0)
            return view->features[i].name;
    return NULL;
}

static larder_status
tell_changes(const ldr_definitions *all, const ldr_view *view,
    ldr_faults *faults, larder_error *err)
{
    const ldr_view *before = ldr_find_view(all, view->about.name);
    char hash[33], old_hash[33];
    const char *name;
    larder_status rc = LARDER_OK;

    if (before == NULL || !before->online)
        return LARDER_OK;
    LARDER_TRY(ldr_view_hash(before, old_hash, err));
    LARDER_TRY(ldr_view_hash(view, hash, err));
    name = new_name(before, view);
    if (strcmp(hash, old_hash) != 0)
        ldr_warning(faults, &view->about.place,
            "until then reads find some entities as they were and some as "
            "they will be",
            "feature view '%s' changes: in 'layout: feast' its next "
            "materialize writes over the rows that are read meanwhile",
            view->about.name);
    else if (name != NULL)
        ldr_warning(faults, &view->about.place, NULL,
            "feature '%s' of feature view '%s' has a new name: in 'layout: "
            "feast' it is not found until 'larder materialize --full -V %s'",
            name, view->about.name, view->about.name);
out:
    return rc;
}

larder_status
ldr_layout_check(const ldr_definitions *before, const ldr_definitions *wanted,
    ldr_faults *faults, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < wanted->n_views; i++) {
        const ldr_view *view = &wanted->views[i];

        if (!view->online)
            continue;
        check_keys(view, faults);
        check_features(view, faults);
        LARDER_TRY(tell_changes(before, view, faults, err));
    }
    LARDER_TRY(check_fields(wanted, faults, err));
out:
    return rc;
}
