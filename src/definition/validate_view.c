/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_view.c - a feature view: its entities, its source, its features.
 */
#include "base/name.h"
#include "base/time.h"
#include "data/schema.h"
#include "definition/check.h"
#include "larder_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whose what is: "feature view 'x'". */
struct words {
    char text[80];
};

static struct words
name_thing(const char *what, const char *name)
{
    struct words words;

    snprintf(words.text, sizeof words.text, "%s '%s'", what, name);
    return words;
}

/* ----------------------------------------------------------------- entities */

static const ldr_entity *
find_entity(ldr_check *check, const ldr_view *view, const char *name)
{
    const ldr_definitions *all = check->all;
    const ldr_entity *entity = ldr_find_entity(all, name);

    if (entity == NULL)
        ldr_check_unknown(check,
            ldr_check_item(
                view->about.yaml, "entities", name, &view->about.place),
            "entity", name, name_thing("feature view", view->about.name).text,
            ldr_check_names(
                check, all->entities, all->n_entities, sizeof *all->entities),
            all->n_entities);
    return entity;
}

/* Is the entity, or its join key, there already? */
static bool
is_repeated(ldr_check *check, const ldr_view *view,
    const ldr_entity *const *entities, size_t n_entities,
    const ldr_entity *entity, const char *name)
{
    const ldr_place *place =
        ldr_check_item(view->about.yaml, "entities", name, &view->about.place);

    for (size_t i = 0; i < n_entities; i++) {
        if (entities[i] == entity) {
            ldr_fault(check->faults, place, NULL,
                "feature view '%s' names entity '%s' twice", view->about.name,
                entity->about.name);
            return true;
        }
        if (ldr_name_equal(entities[i]->join_key.name, entity->join_key.name)) {
            ldr_fault(check->faults, place, "give one of them another join_key",
                "entities '%s' and '%s' of feature view '%s' have one join key "
                "'%s'",
                entities[i]->about.name, entity->about.name, view->about.name,
                entity->join_key.name);
            return true;
        }
    }
    return false;
}

static int
order_keys(const void *a, const void *b)
{
    const larder_field *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Names to entities, and the join keys in their order. */
static void
resolve_entities(ldr_check *check, ldr_view *view)
{
    const ldr_entity **entities;
    const char **names;
    larder_field *keys;
    size_t n = 0;

    if (view->n_entities > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults, &view->about.place, NULL,
            "feature view '%s' has %zu entities; at most %u are read",
            view->about.name, view->n_entities, LDR_COLUMNS_MAX);
        view->n_entities = 0;
    }
    entities = ldr_check_array(check, view->n_entities, sizeof *entities);
    names = ldr_check_array(check, view->n_entities, sizeof *names);
    keys = ldr_check_array(check, view->n_entities, sizeof *keys);
    if (check->nomem)
        return;
    for (size_t i = 0; i < view->n_entities; i++) {
        const char *name = view->entity_names[i];
        const ldr_entity *entity = find_entity(check, view, name);

        if (entity == NULL ||
            is_repeated(check, view, entities, n, entity, name))
            continue;
        keys[n] = entity->join_key;
        names[n] = entity->about.name;
        entities[n++] = entity;
    }
    if (n > 1)
        qsort(keys, n, sizeof *keys, order_keys);
    view->entities = entities;
    view->entity_names = names;
    view->n_entities = n;
    view->keys = keys;
    view->n_keys = n;
}

/* ------------------------------------------------------------------- source */

static void
resolve_source(ldr_check *check, ldr_view *view)
{
    const ldr_definitions *all = check->all;
    const char *name = view->source_name;
    const ldr_place *place =
        ldr_check_key(view->about.yaml, "source", &view->about.place);
    const ldr_source *source;

    if (name == NULL)
        return;
    source = ldr_find_source(all, name);
    if (source == NULL) {
        ldr_check_unknown(check, place, "source", name,
            name_thing("feature view", view->about.name).text,
            ldr_check_names(
                check, all->sources, all->n_sources, sizeof *all->sources),
            all->n_sources);
        return;
    }
    view->source_name = source->about.name;
    switch (source->kind) {
    case LDR_SOURCE_BATCH:
        view->source = source;
        break;
    case LDR_SOURCE_PUSH: /* the history it extends; NULL: that was told */
        view->source = source->batch_source;
        break;
    case LDR_SOURCE_REQUEST:
        ldr_fault(check->faults, place, "make it an input of an on-demand view",
            "source '%s' of feature view '%s' is a request source: it has no "
            "history",
            source->about.name, view->about.name);
        break;
    }
}

/* The join keys are columns of an owned source, with the entities' types. */
static void
check_keys(ldr_check *check, const ldr_view *view)
{
    const ldr_source *source = view->source;

    for (size_t i = 0; i < view->n_entities; i++) {
        const ldr_entity *entity = view->entities[i];
        const larder_field *key = &entity->join_key, *column;
        const ldr_place *place = ldr_check_item(view->about.yaml, "entities",
            entity->about.name, &view->about.place);
        size_t at = ldr_schema_find(&source->schema, key->name);

        if (at == LDR_NO_FIELD) {
            ldr_fault(check->faults, place,
                "add it to the schema, or give the entity another join_key",
                "source '%s' of feature view '%s' has no column '%s', the join "
                "key of entity '%s'",
                source->about.name, view->about.name, key->name,
                entity->about.name);
            continue;
        }
        column = &source->schema.fields[at];
        if (column->type != key->type && column->type != 0 && key->type != 0)
            ldr_fault(check->faults, place, "make the two types equal",
                "column '%s' of source '%s' is %s, but the join key of entity "
                "'%s' is %s",
                column->name, source->about.name,
                larder_type_name(column->type), entity->about.name,
                larder_type_name(key->type));
    }
}

/* ----------------------------------------------------------------- features */

/* May a column be read as a type? int32 as int64, float32 as float64. */
static bool
can_read(larder_type column, larder_type as)
{
    return column == as || (column == LARDER_INT32 && as == LARDER_INT64) ||
           (column == LARDER_FLOAT32 && as == LARDER_FLOAT64);
}

static void
check_column(
    ldr_check *check, const ldr_source *source, const ldr_feature *feature)
{
    size_t at = ldr_schema_find(&source->schema, feature->from);
    const larder_field *column;
    char hint[40];

    if (at == LDR_NO_FIELD) {
        ldr_check_unknown(check,
            ldr_check_key(feature->yaml, "from", &feature->place), "column",
            feature->from, name_thing("source", source->about.name).text,
            ldr_check_columns(check, &source->schema), source->schema.n_fields);
        return;
    }
    column = &source->schema.fields[at];
    if (column->type == 0 || feature->type == 0 ||
        can_read(column->type, feature->type))
        return;
    snprintf(
        hint, sizeof hint, "write type: %s", larder_type_name(column->type));
    ldr_fault(check->faults,
        ldr_check_key(feature->yaml, "type", &feature->place), hint,
        "feature '%s' is %s, but column '%s' of source '%s' is %s",
        feature->name, larder_type_name(feature->type), column->name,
        source->about.name, larder_type_name(column->type));
}

/* Why a text is no value of a type; "" when it is one. NOMEM is false. */
static bool
try_value(
    ldr_check *check, larder_type type, const char *text, larder_error *error)
{
    larder_field field = {.name = "value", .type = type};
    larder_schema schema = {.fields = &field, .n_fields = 1};
    larder_batch batch = {0};
    larder_status rc = larder_batch_init(&batch, &schema, error);

    if (rc == LARDER_OK)
        rc = larder_value_parse(&batch.columns[0],
            (larder_bytes){text, strlen(text)}, LARDER_NAIVE_REFUSED, error);
    larder_batch_release(&batch);
    if (rc == LARDER_NOMEM)
        check->nomem = true;
    return rc == LARDER_OK;
}

static void
check_value(ldr_check *check, const ldr_feature *feature, const char *key,
    const char *text)
{
    larder_error error = {0};

    if (!try_value(check, feature->type, text, &error))
        ldr_fault(check->faults,
            strcmp(key, "values") == 0
                ? ldr_check_item(feature->yaml, key, text, &feature->place)
                : ldr_check_key(feature->yaml, key, &feature->place),
            error.hint[0] != '\0' ? error.hint : NULL,
            "'%s' of feature '%s': %s", key, feature->name, error.message);
}

static bool
is_number(larder_type type)
{
    return type == LARDER_INT32 || type == LARDER_INT64 ||
           type == LARDER_FLOAT32 || type == LARDER_FLOAT64;
}

void
ldr_check_rules(ldr_check *check, const ldr_feature *feature)
{
    if (feature->type == 0)
        return;
    if (feature->has_range && !is_number(feature->type))
        ldr_fault(check->faults,
            ldr_check_key(feature->yaml, "range", &feature->place),
            "a range is for int32, int64, float32 and float64",
            "feature '%s' has a range, but is %s", feature->name,
            larder_type_name(feature->type));
    if (feature->n_values > 0 && ldr_type_is_list(feature->type)) {
        ldr_fault(check->faults,
            ldr_check_key(feature->yaml, "values", &feature->place),
            "leave 'values' out", "feature '%s' has 'values', but is a %s",
            feature->name, larder_type_name(feature->type));
        return;
    }
    if (feature->n_values > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults,
            ldr_check_key(feature->yaml, "values", &feature->place), NULL,
            "'values' lists %zu; at most %u are read", feature->n_values,
            LDR_COLUMNS_MAX);
        return;
    }
    for (size_t i = 0; i < feature->n_values; i++)
        check_value(check, feature, "values", feature->values[i]);
    if (feature->default_text != NULL)
        check_value(check, feature, "default", feature->default_text);
}

/* An earlier name belongs to one feature, and no other has it now. */
static void
check_renamed(ldr_check *check, const ldr_view *view, size_t i)
{
    const ldr_feature *feature = &view->features[i];
    const ldr_feature *other;
    const char *old = feature->renamed_from;
    const ldr_place *place =
        ldr_check_key(feature->yaml, "renamed_from", &feature->place);

    if (old == NULL)
        return;
    other = ldr_find_feature(view, old);
    if (other != NULL)
        ldr_fault(check->faults, place,
            other == feature ? "leave it out" : "rename one of the two",
            "feature '%s' is renamed from '%s', which is the name of a feature "
            "of feature view '%s' now",
            feature->name, old, view->about.name);
    for (size_t j = 0; j < i; j++) {
        other = &view->features[j];
        if (other->renamed_from == NULL ||
            !ldr_name_equal(other->renamed_from, old))
            continue;
        ldr_fault(check->faults, place, "an old name can stand for one of them",
            "features '%s' and '%s' of feature view '%s' are both renamed from "
            "'%s'",
            other->name, feature->name, view->about.name, old);
        return;
    }
}

/* Features of one name, and those named as a join key. */
static void
check_feature_names(ldr_check *check, const ldr_view *view)
{
    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];
        const ldr_feature *first = ldr_find_feature(view, feature->name);

        if (first != feature)
            ldr_fault(check->faults, &feature->place, NULL,
                "feature '%s' is defined twice in feature view '%s', first in "
                "line %u",
                feature->name, view->about.name, first->place.line);
        for (size_t j = 0; j < view->n_keys; j++)
            if (ldr_name_equal(view->keys[j].name, feature->name))
                ldr_fault(check->faults, &feature->place,
                    "the key is in the answer anyway; give the feature another "
                    "name and 'from'",
                    "feature '%s' has the name of a join key of feature view "
                    "'%s'",
                    feature->name, view->about.name);
        check_renamed(check, view, i);
    }
}

static void
check_features(ldr_check *check, ldr_view *view)
{
    const ldr_yaml *list = ldr_yaml_find(view->about.yaml, "features");

    if (list != NULL && list->kind == LDR_YAML_SEQUENCE && list->n_items == 0)
        ldr_fault(check->faults, &list->place,
            "list them: [{name: score, type: float64}]",
            "feature view '%s' has no features", view->about.name);
    if (view->n_features > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults, &list->place, "split the view",
            "feature view '%s' has %zu features; at most %u are read",
            view->about.name, view->n_features, LDR_COLUMNS_MAX);
        return;
    }
    check_feature_names(check, view);
    for (size_t i = 0; i < view->n_features && !check->nomem; i++) {
        ldr_check_rules(check, &view->features[i]);
        if (view->source != NULL && view->source->owned &&
            ldr_yaml_find(view->features[i].yaml, "aggregate") == NULL)
            check_column(check, view->source, &view->features[i]);
    }
    ldr_check_windows(check, view);
}

/* --------------------------------------------------------------------- time */

static void
check_ages(ldr_check *check, const ldr_view *view)
{
    const ldr_yaml *yaml = view->about.yaml;
    const ldr_source *source = view->source;
    char ttl[40], other[40];

    if (view->freshness_warn_us > view->freshness_max_us &&
        view->freshness_max_us > 0)
        ldr_fault(check->faults,
            ldr_check_key(yaml, "freshness", &view->about.place),
            "warn comes first: {warn: 12h, max: 24h}",
            "feature view '%s' warns later than it is stale", view->about.name);
    if (!view->has_ttl)
        return;
    ldr_duration_print(view->ttl_us, ttl);
    if (source != NULL && source->expected_interval_us > view->ttl_us) {
        ldr_duration_print(source->expected_interval_us, other);
        ldr_warning(check->faults,
            ldr_check_key(yaml, "ttl", &view->about.place),
            "values will be past their ttl before the next ones come",
            "the ttl %s of feature view '%s' is shorter than the "
            "expected_interval %s of source '%s'",
            ttl, view->about.name, other, source->about.name);
    }
    if (view->retain_us > 0 && view->retain_us < view->ttl_us) {
        ldr_duration_print(view->retain_us, other);
        ldr_warning(check->faults,
            ldr_check_key(yaml, "retain", &view->about.place),
            "history is gone before values are past their ttl",
            "feature view '%s' retains history for %s, less than its ttl %s",
            view->about.name, other, ttl);
    }
}

void
ldr_check_views(ldr_check *check)
{
    for (size_t i = 0; i < check->all->n_views && !check->nomem; i++) {
        ldr_view *view = &check->views[i];

        resolve_entities(check, view);
        resolve_source(check, view);
        if (view->source != NULL && view->source->owned)
            check_keys(check, view);
        check_features(check, view);
        check_ages(check, view);
    }
}
