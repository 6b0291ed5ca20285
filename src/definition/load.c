/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - a folder of YAML, or one canonical text, to definitions.
 *
 * Each file's objects are added to six sections in the order they are met; at
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

#define N_SECTIONS 6

struct loading {
    ldr_reading reading;
    struct section sections[N_SECTIONS];
    bool incomplete;
};

static ldr_key_read read_section;

/* ------------------------------------------------------- tables of keys */

#include "definition/load_keys.h"

#define NONE 0
#define ALSO(type, field) offsetof(type, field)
#define KEY(level, key, reader, type, field, also, required, takes, help)      \
    {#key, reader, offsetof(type, field), also, required, takes, help},

static const ldr_key repository_keys[] = {REPOSITORY_KEYS(KEY)};
static const ldr_key entity_keys[] = {ENTITY_KEYS(KEY)};
static const ldr_key source_keys[] = {SOURCE_KEYS(KEY)};
static const ldr_key view_keys[] = {VIEW_KEYS(KEY)};
static const ldr_key on_demand_keys[] = {ON_DEMAND_KEYS(KEY)};
static const ldr_key service_keys[] = {SERVICE_KEYS(KEY)};
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
static const ldr_on_demand new_on_demand = {0};
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

    if (source->kind != LDR_SOURCE_BATCH)
        return;
    (void)ldr_read_require(reading, "source", source_keys, LENGTH(source_keys),
        "timestamp_field", source->about.yaml);
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
    {"on-demand view", on_demand_keys, LENGTH(on_demand_keys), &new_on_demand,
        sizeof new_on_demand, NULL},
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
    if (level->finish != NULL)
        level->finish(reading, about);
    name = ldr_yaml_find(mapping, "name");
    if (about->name == NULL || name == NULL) {
        loading->incomplete = true;
        return;
    }
    about->place = name->place;
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
        .n_on_demands = sections[3].n_objects,
        .n_services = sections[4].n_objects,
        .n_jobs = sections[5].n_objects,
        .incomplete = loading->incomplete};

    all.entities = sort_section(reading, &sections[0], sizeof *all.entities);
    all.sources = sort_section(reading, &sections[1], sizeof *all.sources);
    all.views = sort_section(reading, &sections[2], sizeof *all.views);
    all.on_demands =
        sort_section(reading, &sections[3], sizeof *all.on_demands);
    all.services = sort_section(reading, &sections[4], sizeof *all.services);
    all.jobs = sort_section(reading, &sections[5], sizeof *all.jobs);
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
