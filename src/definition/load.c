/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - a folder of YAML, or one canonical text, to definitions.
 *
 * Each file's objects are added to five sections in the order they are met; at
 * the end each section is sorted by name. Keys come from load_keys.h, which is
 * expanded into one table a level, and into the documentation.
 */
#include "definition/load.h"

#include "base/name.h"
#include "definition/folder.h"
#include "definition/load_parts.h"
#include "definition/read.h"
#include "larder_backend.h"

#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)4 << 20)

/* Objects of one kind, in one array that grows. */
struct section {
    char *objects;
    size_t n_objects, room;
};

#define N_SECTIONS 5

struct loading {
    ldr_reading reading;
    struct section sections[N_SECTIONS];
    bool incomplete;
};

/* A service's entry before it is one item, or one per feature. */
struct item {
    ldr_service_item part;
    const char *const *features;
    size_t n_features;
};

static ldr_key_read read_section, read_schema, read_freshness, read_features,
    read_items;

/* ------------------------------------------------------- tables of keys */

#include "definition/load_keys.h"

#define NONE 0
#define ALSO(type, field) offsetof(type, field)
#define KEY(level, key, reader, type, field, also, required, takes, help)      \
    {#key, reader, offsetof(type, field), also, required, takes, help},

static const ldr_key repository_keys[] = {REPOSITORY_KEYS(KEY)};
static const ldr_key entity_keys[] = {ENTITY_KEYS(KEY)};
static const ldr_key source_keys[] = {SOURCE_KEYS(KEY)};
static const ldr_key column_keys[] = {COLUMN_KEYS(KEY)};
static const ldr_key view_keys[] = {VIEW_KEYS(KEY)};
static const ldr_key freshness_keys[] = {FRESHNESS_KEYS(KEY)};
static const ldr_key feature_keys[] = {FEATURE_KEYS(KEY)};
static const ldr_key service_keys[] = {SERVICE_KEYS(KEY)};
static const ldr_key item_keys[] = {ITEM_KEYS(KEY)};
static const ldr_key job_keys[] = {JOB_KEYS(KEY)};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

const ldr_key_doc *
ldr_key_docs(size_t *n)
{
#define DOC(level, key, reader, type, field, also, required, takes, help)      \
    {#level, #key, takes, help},
    static const ldr_key_doc docs[] = {ALL_KEYS(DOC)};

    *n = LENGTH(docs);
    return docs;
}

/* What an object is before its keys are read. */
static const ldr_entity new_entity = {0};
static const ldr_source new_source = {.arrival_slack_us = LDR_ARRIVAL_SLACK,
    .max_skew_us = LDR_MAX_SKEW,
    .naive_offset_minutes = LARDER_NAIVE_REFUSED};
static const ldr_view new_view = {
    .online = true, .max_window_events = LDR_MAX_WINDOW_EVENTS};
static const ldr_service new_service = {0};
static const ldr_job new_job = {0};

/* ---------------------------------------------------- what follows keys */

static void
finish_entity(ldr_reading *reading, void *object)
{
    ldr_entity *entity = object;

    (void)reading;
    if (entity->join_key.name == NULL)
        entity->join_key.name = entity->about.name;
}

/* Add a time column that the schema does not list. */
static void
add_time_column(ldr_source *source, larder_field *fields, const char *name)
{
    for (size_t i = 0; name != NULL && i < source->schema.n_fields; i++)
        if (ldr_name_equal(fields[i].name, name))
            return;
    if (name != NULL)
        fields[source->schema.n_fields++] =
            (larder_field){.name = name, .type = LARDER_TIMESTAMP};
}

static void
finish_source(ldr_reading *reading, void *object)
{
    ldr_source *source = object;
    size_t n_fields = source->schema.n_fields;
    larder_field *fields;

    source->owned = ldr_yaml_find(source->about.yaml, "schema") != NULL;
    if (!source->owned)
        return;
    fields = ldr_read_array(reading, n_fields + 2, sizeof *fields);
    if (fields == NULL)
        return;
    if (n_fields > 0)
        memcpy(fields, source->schema.fields, n_fields * sizeof *fields);
    source->schema.fields = fields;
    add_time_column(source, fields, source->timestamp_field);
    add_time_column(source, fields, source->created);
}

/* ------------------------------------------------------------- sections */

struct level {
    const char *what;
    const ldr_key *keys;
    size_t n_keys;
    const void *fresh; /* an object without keys */
    size_t size;
    void (*finish)(ldr_reading *reading, void *object); /* or NULL */
};

static const struct level levels[N_SECTIONS] = {
    {"entity", entity_keys, LENGTH(entity_keys), &new_entity, sizeof new_entity,
        finish_entity},
    {"source", source_keys, LENGTH(source_keys), &new_source, sizeof new_source,
        finish_source},
    {"feature view", view_keys, LENGTH(view_keys), &new_view, sizeof new_view,
        NULL},
    {"feature service", service_keys, LENGTH(service_keys), &new_service,
        sizeof new_service, NULL},
    {"job", job_keys, LENGTH(job_keys), &new_job, sizeof new_job, NULL},
};

/* Room for one more object, as it is before its keys. NULL: no memory. */
static void *
next_object(
    ldr_reading *reading, struct section *section, const struct level *level)
{
    if (section->n_objects == section->room) {
        size_t room = section->room == 0 ? 8 : section->room * 2;
        char *objects = ldr_read_array(reading, room, level->size);

        if (objects == NULL)
            return NULL;
        if (section->n_objects > 0)
            memcpy(objects, section->objects, section->n_objects * level->size);
        section->objects = objects;
        section->room = room;
    }
    return memcpy(section->objects + section->n_objects * level->size,
        level->fresh, level->size);
}

/* One mapping of a section. Without a name it is left out. */
static void
read_object(struct loading *loading, struct section *section,
    const struct level *level, const ldr_yaml *mapping)
{
    ldr_reading *reading = &loading->reading;
    ldr_about *about = next_object(reading, section, level);
    const ldr_yaml *name;

    if (about == NULL)
        return;
    about->yaml = mapping;
    (void)ldr_read_mapping(
        reading, level->what, level->keys, level->n_keys, mapping, about);
    name = ldr_yaml_find(mapping, "name");
    if (about->name == NULL || name == NULL) {
        loading->incomplete = true;
        return;
    }
    about->place = name->place;
    if (level->finish != NULL)
        level->finish(reading, about);
    section->n_objects++;
}

static void
read_section(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    struct loading *loading = object;
    size_t at = (key->at - offsetof(struct loading, sections)) /
                sizeof loading->sections[0];

    if (ldr_yaml_is_null(value) || !ldr_read_is_list(reading, key, value))
        return;
    for (size_t i = 0; i < value->n_items && !reading->nomem; i++)
        read_object(
            loading, &loading->sections[at], &levels[at], &value->items[i]);
}

/* -------------------------------------------------------- nested levels */

static void
read_schema(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
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

static void
read_freshness(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    (void)key;
    (void)ldr_read_mapping(reading, "freshness", freshness_keys,
        LENGTH(freshness_keys), value, object);
}

static void
read_features(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
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
static void
read_items(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
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

/* -------------------------------------------------------- files, finish */

/* Objects begin with ldr_about; those of one name stay in the order read. */
static int
order_objects(const void *a, const void *b)
{
    const ldr_about *x = *(const ldr_about *const *)a;
    const ldr_about *y = *(const ldr_about *const *)b;
    int order = ldr_name_order(x->name, y->name);

    return order != 0 ? order : (x > y) - (x < y);
}

/* The objects of a section, sorted by name. */
static void *
sort_section(ldr_reading *reading, const struct section *section, size_t size)
{
    size_t n = section->n_objects;
    const void **order = ldr_read_array(reading, n, sizeof *order);
    char *sorted = ldr_read_array(reading, n, size);

    if (order == NULL || sorted == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        order[i] = section->objects + i * size;
    if (n > 1)
        qsort(order, n, sizeof *order, order_objects);
    for (size_t i = 0; i < n; i++)
        memcpy(sorted + i * size, order[i], size);
    return sorted;
}

/* One file's text. */
static larder_status
load_file(struct loading *loading, const char *name, const char *text,
    size_t size, larder_error *err)
{
    ldr_reading *reading = &loading->reading;
    size_t n_errors = reading->faults->n_errors;
    const ldr_yaml *root = NULL;
    larder_status rc = ldr_yaml_parse(
        name, text, size, reading->arena, reading->faults, &root, err);

    if (rc != LARDER_OK)
        return rc;
    if (root == NULL)
        loading->incomplete |= reading->faults->n_errors > n_errors;
    else if (!ldr_yaml_is_null(root))
        (void)ldr_read_mapping(reading, "a definition file", repository_keys,
            LENGTH(repository_keys), root, loading);
    return LARDER_OK;
}

static larder_status
finish(struct loading *loading, ldr_definitions *out, larder_error *err)
{
    ldr_reading *reading = &loading->reading;
    const struct section *sections = loading->sections;
    ldr_definitions all = {.n_entities = sections[0].n_objects,
        .n_sources = sections[1].n_objects,
        .n_views = sections[2].n_objects,
        .n_services = sections[3].n_objects,
        .n_jobs = sections[4].n_objects,
        .incomplete = loading->incomplete};

    all.entities = sort_section(reading, &sections[0], sizeof *all.entities);
    all.sources = sort_section(reading, &sections[1], sizeof *all.sources);
    all.views = sort_section(reading, &sections[2], sizeof *all.views);
    all.services = sort_section(reading, &sections[3], sizeof *all.services);
    all.jobs = sort_section(reading, &sections[4], sizeof *all.jobs);
    if (reading->nomem)
        return larder_fail(err, LARDER_NOMEM, "out of memory for definitions");
    *out = all;
    return LARDER_OK;
}

larder_status
ldr_load_text(const char *name, const char *text, size_t size, ldr_arena *arena,
    ldr_faults *faults, ldr_definitions *out, larder_error *err)
{
    struct loading loading = {.reading = {.arena = arena, .faults = faults}};
    larder_status rc = load_file(&loading, name, text, size, err);

    return rc == LARDER_OK ? finish(&loading, out, err) : rc;
}

/* A file that cannot be read is a fault like another. */
static larder_status
load_path(struct loading *loading, const char *path, larder_error *err)
{
    ldr_place place = {.file = path};
    larder_error error = {0};
    char *text = NULL;
    size_t size = 0;
    larder_status rc =
        ldr_file_read(path, FILE_BYTES_MAX, &text, &size, &error);

    if (rc == LARDER_NOMEM)
        return larder_fail(err, rc, "%s", error.message);
    if (rc != LARDER_OK) {
        ldr_fault(loading->reading.faults, &place, NULL, "%s", error.message);
        loading->incomplete = true;
        return LARDER_OK;
    }
    rc = load_file(loading, path, text, size, err);
    free(text);
    return rc;
}

larder_status
ldr_load_folder(const char *folder, ldr_arena *arena, ldr_faults *faults,
    ldr_definitions *out, larder_error *err)
{
    struct loading loading = {.reading = {.arena = arena, .faults = faults}};
    size_t n_errors = faults->n_errors, n_objects = 0;
    ldr_folder found = {0};
    larder_status rc = ldr_folder_list(folder, arena, faults, &found, err);

    for (size_t i = 0; i < found.n_files && rc == LARDER_OK; i++)
        rc = load_path(&loading, found.files[i], err);
    if (rc != LARDER_OK)
        return rc;
    for (size_t i = 0; i < N_SECTIONS; i++)
        n_objects += loading.sections[i].n_objects;
    if (n_objects == 0 && faults->n_errors == n_errors) {
        (void)larder_fail(
            err, LARDER_NOT_FOUND, "no definitions in '%s'", folder);
        larder_hint(err, "expected *.yaml with entities, sources, "
                         "feature_views");
        return LARDER_NOT_FOUND;
    }
    return finish(&loading, out, err);
}

/* ---------------------------------------------------------------- defaults */

void
ldr_default_ttl(ldr_definitions *all, int64_t ttl_us)
{
    /* The arena they were loaded into is the caller's to write. */
    ldr_view *views = (ldr_view *)(uintptr_t)all->views;

    for (size_t i = 0; i < all->n_views; i++) {
        if (views[i].has_ttl)
            continue;
        views[i].has_ttl = true;
        views[i].ttl_us = ttl_us;
    }
}
