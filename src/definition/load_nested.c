/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_nested.c - readers of what lies inside an object: columns, features,
 * inputs, the entries of a service.
 */
#include "definition/load_parts.h"

#include "base/name.h"

#include <string.h>

/* A service's entry before it is one item, or one per feature. */
struct item {
    ldr_service_item part;
    const char *const *features;
    size_t n_features;
};

#include "definition/load_keys.h"

#define NONE 0
#define ALSO(type, field) offsetof(type, field)
#define KEY(level, key, reader, type, field, also, required, takes, help)      \
    {#key, reader, offsetof(type, field), also, required, takes, help},

static const ldr_key column_keys[] = {COLUMN_KEYS(KEY)};
static const ldr_key freshness_keys[] = {FRESHNESS_KEYS(KEY)};
static const ldr_key feature_keys[] = {FEATURE_KEYS(KEY)};
static const ldr_key derived_keys[] = {DERIVED_KEYS(KEY)};
static const ldr_key item_keys[] = {ITEM_KEYS(KEY)};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

void
ldr_read_schema(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    ldr_source *source = object;
    larder_field *fields;
    size_t n_fields = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    fields = ldr_read_array(reading, value->n_items, sizeof *fields);
    if (fields == NULL)
        return;
    for (size_t i = 0; i < value->n_items; i++) {
        larder_field *field = &fields[n_fields];

        *field = (larder_field){0};
        (void)ldr_read_mapping(reading, "column", column_keys,
            LENGTH(column_keys), &value->items[i], field);
        n_fields += field->name != NULL;
    }
    source->schema.fields = fields;
    source->schema.n_fields = n_fields;
}

void
ldr_read_freshness(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    (void)key;
    (void)ldr_read_mapping(reading, "freshness", freshness_keys,
        LENGTH(freshness_keys), value, object);
}

void
ldr_read_features(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    ldr_view *view = object;
    ldr_feature *features;
    size_t n_features = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    features = ldr_read_array(reading, value->n_items, sizeof *features);
    if (features == NULL)
        return;
    for (size_t i = 0; i < value->n_items && !reading->nomem; i++) {
        const ldr_yaml *mapping = &value->items[i];
        ldr_feature *feature = &features[n_features];

        *feature = (ldr_feature){.nullable = true, .yaml = mapping};
        (void)ldr_read_mapping(reading, "feature", feature_keys,
            LENGTH(feature_keys), mapping, feature);
        if (feature->name == NULL)
            continue;
        feature->place = ldr_yaml_find(mapping, "name")->place;
        if (feature->from == NULL)
            feature->from = feature->name;
        n_features++;
    }
    view->features = features;
    view->n_features = n_features;
}

void
ldr_read_inputs(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    ldr_on_demand *view = object;
    ldr_input *inputs;
    size_t n_inputs = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    inputs = ldr_read_array(reading, value->n_items, sizeof *inputs);
    if (inputs == NULL)
        return;
    for (size_t i = 0; i < value->n_items; i++) {
        const ldr_yaml *item = &value->items[i];
        const char *name = ldr_read_legal(reading, key, item);

        if (name != NULL)
            inputs[n_inputs++] =
                (ldr_input){.name = name, .place = item->place};
    }
    view->inputs = inputs;
    view->n_inputs = n_inputs;
}

void
ldr_read_derived(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    ldr_on_demand *view = object;
    ldr_derived *features;
    size_t n_features = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    features = ldr_read_array(reading, value->n_items, sizeof *features);
    if (features == NULL)
        return;
    for (size_t i = 0; i < value->n_items && !reading->nomem; i++) {
        const ldr_yaml *mapping = &value->items[i];
        ldr_derived *derived = &features[n_features];

        *derived =
            (ldr_derived){.feature = {.nullable = true, .yaml = mapping}};
        (void)ldr_read_mapping(reading, "on-demand feature", derived_keys,
            LENGTH(derived_keys), mapping, derived);
        if (derived->feature.name == NULL)
            continue;
        derived->feature.place = ldr_yaml_find(mapping, "name")->place;
        derived->feature.from = derived->feature.name;
        n_features++;
    }
    view->features = features;
    view->n_features = n_features;
}

/* "view" or "view:feature". */
static bool
read_reference(ldr_reading *reading, const ldr_yaml *value, struct item *out)
{
    static const ldr_key key = {
        .name = "features", .takes = "VIEW, VIEW:FEATURE or {view: VIEW}"};
    const char *text = ldr_read_scalar(reading, &key, value);
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    const char **feature;

    if (text == NULL)
        return false;
    if (colon == NULL) {
        out->part.view_name = ldr_read_legal(reading, &key, value);
        return out->part.view_name != NULL;
    }
    out->part.view_name =
        ldr_arena_copy_n(reading->arena, text, (size_t)(colon - text));
    feature = ldr_read_array(reading, 1, sizeof *feature);
    if (out->part.view_name == NULL || feature == NULL) {
        reading->nomem = true;
        return false;
    }
    *feature = colon + 1;
    out->features = feature;
    out->n_features = 1;
    if (ldr_name_legal(out->part.view_name) && ldr_name_legal(*feature))
        return true;
    ldr_fault(reading->faults, &value->place,
        "write VIEW or \"VIEW:FEATURE\", each a name",
        "'%s' is not a reference to a feature", text);
    return false;
}

/* One entry of a service, which may name several features. */
static bool
read_item(ldr_reading *reading, const ldr_yaml *value, struct item *out)
{
    const ldr_yaml *features = ldr_yaml_find(value, "features");

    *out = (struct item){.part = {.place = value->place, .yaml = value}};
    if (value->kind != LDR_YAML_MAPPING)
        return read_reference(reading, value, out);
    (void)ldr_read_mapping(
        reading, "service entry", item_keys, LENGTH(item_keys), value, out);
    if (features != NULL && features->kind == LDR_YAML_SEQUENCE &&
        features->n_items == 0)
        ldr_fault(reading->faults, &features->place,
            "leave the key out for all of them", "'features' is empty");
    return out->part.view_name != NULL;
}

/* Entries come first, so that the items they make are counted. */
void
ldr_read_items(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    ldr_service *service = object;
    size_t n_entries = 0, n_items = 0;
    ldr_service_item *items;
    struct item *entries;

    if (!ldr_read_is_list(reading, key, value))
        return;
    entries = ldr_read_array(reading, value->n_items, sizeof *entries);
    for (size_t i = 0; i < value->n_items && !reading->nomem; i++)
        if (read_item(reading, &value->items[i], &entries[n_entries])) {
            size_t n_features = entries[n_entries++].n_features;

            n_items += n_features == 0 ? 1 : n_features;
        }
    items = ldr_read_array(reading, n_items, sizeof *items);
    if (reading->nomem)
        return;
    service->items = items;
    service->n_items = n_items;
    for (size_t i = 0; i < n_entries; i++) {
        *items = entries[i].part;
        if (entries[i].n_features == 0)
            items++;
        for (size_t j = 0; j < entries[i].n_features; j++) {
            *items = entries[i].part;
            items++->feature_name = entries[i].features[j];
        }
    }
}
