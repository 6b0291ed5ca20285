/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readers.c - reads that are prepared, found by the very text of a request: a
 * request that asks for what was asked before costs one comparison.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/serve.h"
#include "serve/value.h"

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a read");
}

/* ------------------------------------------------------------------- wanted */

static bool
same_bytes(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool
same_wanted(const struct wanted *a, const struct wanted *b)
{
    return a->full_names == b->full_names &&
           same_bytes(a->service, b->service) &&
           same_bytes(a->features, b->features);
}

/* A decoded copy of a text of JSON; NULL: it is none, or no memory. */
static char *
copy_text(ldr_arena *arena, larder_bytes token)
{
    char *room = ldr_arena_alloc(arena, token.size + 1);
    size_t size = 0;

    if (room == NULL || ldr_json_unquote(token, room, &size) != NULL)
        return NULL;
    room[size] = '\0';
    return room;
}

/* ["view:feature", ...] to refs; `limit` is the most there may be. */
static larder_status
parse_refs(ldr_arena *arena, larder_bytes text, size_t limit,
    larder_features *out, larder_error *err)
{
    ldr_json json;
    ldr_json_kind kind;
    const char **refs;
    size_t n = 0;

    ldr_json_start(&json, text);
    if (ldr_json_next(&json) != LDR_JSON_ARRAY)
        return larder_fail(err, LARDER_INVALID,
            "'features' is an array of texts such as \"view:feature\"");
    /* A ref takes three bytes at least, and a comma. */
    refs = ldr_arena_array(arena, text.size / 3 + 1, sizeof *refs);
    if (refs == NULL)
        return no_memory(err);
    while ((kind = ldr_json_next(&json)) != LDR_JSON_ARRAY_END) {
        if (kind != LDR_JSON_STRING)
            return larder_fail(err, LARDER_INVALID,
                "'features' is an array of texts such as \"view:feature\"");
        if (n == limit)
            return larder_fail(err, LARDER_LIMIT,
                "'features' names more than max_features (%zu)", limit);
        refs[n] = copy_text(arena, json.token);
        if (refs[n++] == NULL)
            return no_memory(err);
    }
    out->refs = refs;
    out->n_refs = n;
    return LARDER_OK;
}

/* ----------------------------------------------------------------- prepared */

static void
free_prepared(struct prepared *p)
{
    if (p == NULL)
        return;
    larder_answer_release(&p->answer);
    larder_batch_release(&p->rows);
    larder_reader_close(p->reader);
    free(p->text);
    free(p->views);
    free((void *)(uintptr_t)p->taken.fields);
    free(p);
}

/* The columns of a read: its keys, then what it is asked besides. */
static larder_status
take_columns(struct prepared *p, larder_error *err)
{
    const larder_schema *keys = larder_reader_keys(p->reader);
    const larder_schema *requests = larder_reader_requests(p->reader);
    size_t n = keys->n_fields + requests->n_fields;
    larder_field *fields = calloc(n + 1, sizeof *fields);

    if (fields == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        fields[i] = i < keys->n_fields ? keys->fields[i]
                                       : requests->fields[i - keys->n_fields];
    p->taken = (larder_schema){fields, n};
    p->n_keys = keys->n_fields;
    return larder_batch_init(&p->rows, &p->taken, err);
}

/* The names of all feature views that features are read from, themselves or
 * through others. */
static larder_status
take_views(struct worker *worker, struct prepared *p,
    const larder_features *features, larder_error *err)
{
    larder_features_shape shape = {0};
    size_t size = 1, at = 0;
    larder_status rc;

    LARDER_TRY(larder_features_columns(
        worker->serve->store, &worker->call, features, &shape, err));
    for (size_t i = 0; i < shape.n_views; i++)
        size += strlen(shape.views[i].view) + 1;
    p->views = calloc(size, 1);
    if (p->views == NULL)
        return no_memory(err);
    for (size_t i = 0; i < shape.n_views; i++) {
        size_t n = strlen(shape.views[i].view) + 1;

        memcpy(p->views + at, shape.views[i].view, n);
        at += n;
    }
out:
    return rc;
}

static larder_status
open_reader(struct worker *worker, struct prepared *p, larder_error *err)
{
    ldr_arena arena = {0};
    larder_features features = {.full_names = p->wanted.full_names};
    larder_status rc = LARDER_OK;

    if (p->wanted.service.size > 0) {
        features.service = copy_text(&arena, p->wanted.service);
        rc = features.service != NULL ? LARDER_OK : no_memory(err);
    } else if (p->wanted.features.size > 0) {
        rc = parse_refs(&arena, p->wanted.features,
            worker->serve->limits.features, &features, err);
    }
    if (rc == LARDER_OK && (features.service != NULL || features.n_refs > 0)) {
        LARDER_TRY(larder_reader_open(
            worker->serve->store, &worker->call, &features, &p->reader, err));
        LARDER_TRY(take_columns(p, err));
        LARDER_TRY(take_views(worker, p, &features, err));
        p->generation = larder_reader_generation(p->reader);
    }
out:
    ldr_arena_free(&arena);
    return rc;
}

static larder_status
copy_wanted(struct prepared *p, const struct wanted *wanted, larder_error *err)
{
    size_t n_features = wanted->features.size, n_service = wanted->service.size;

    p->text = malloc(n_features + n_service + 1);
    if (p->text == NULL)
        return no_memory(err);
    if (n_features > 0)
        memcpy(p->text, wanted->features.data, n_features);
    if (n_service > 0)
        memcpy(p->text + n_features, wanted->service.data, n_service);
    p->wanted = (struct wanted){.features = {p->text, n_features},
        .service = {p->text + n_features, n_service},
        .full_names = wanted->full_names};
    return LARDER_OK;
}

static larder_status
make_prepared(struct worker *worker, const struct wanted *wanted,
    struct prepared **out, larder_error *err)
{
    struct prepared *p = calloc(1, sizeof *p);
    larder_status rc;

    if (p == NULL)
        return no_memory(err);
    p->generation = atomic_load(&worker->serve->generation);
    LARDER_TRY(copy_wanted(p, wanted, err));
    LARDER_TRY(open_reader(worker, p, err));
    *out = p;
    p = NULL;
out:
    free_prepared(p);
    return rc;
}

static size_t
least_used(const struct readers *readers)
{
    size_t least = 0;

    for (size_t i = 1; i < readers->n_items; i++)
        if (readers->items[i]->used < readers->items[least]->used)
            least = i;
    return least;
}

larder_status
readers_find(struct worker *worker, const struct wanted *wanted,
    struct prepared **out, larder_error *err)
{
    struct readers *readers = &worker->readers;
    uint64_t generation = atomic_load(&worker->serve->generation);
    struct prepared *fresh = NULL;
    size_t at = 0;
    larder_status rc;

    while (at < readers->n_items &&
           !same_wanted(&readers->items[at]->wanted, wanted))
        at++;
    if (at == readers->n_items || readers->items[at]->generation < generation) {
        LARDER_TRY(make_prepared(worker, wanted, &fresh, err));
        if (at == readers->n_items && at < PREPARED_MAX)
            readers->n_items++;
        else if (at == readers->n_items)
            at = least_used(readers);
        free_prepared(readers->items[at]);
        readers->items[at] = fresh;
    }
    readers->items[at]->used = ++readers->n_used;
    *out = readers->items[at];
    rc = LARDER_OK;
out:
    return rc;
}

/* --------------------------------------------------------------------- keys */

static void
forget_keys(struct readers *readers)
{
    for (size_t i = 0; i < readers->n_keys; i++) {
        free(readers->keys[i].entity);
        free(readers->keys[i].key);
    }
    free(readers->keys);
    readers->keys = NULL;
    readers->n_keys = 0;
}

static char *
copy_cell(const larder_batch *batch, const char *column, size_t row)
{
    for (size_t c = 0; c < batch->schema->n_fields; c++)
        if (strcmp(batch->schema->fields[c].name, column) == 0) {
            larder_value value = larder_column_value(&batch->columns[c], row);
            char *text = malloc(value.as.text.size + 1);

            if (text == NULL)
                return NULL;
            memcpy(text, value.as.text.data, value.as.text.size);
            text[value.as.text.size] = '\0';
            return text;
        }
    return NULL;
}

static larder_status
add_keys(struct readers *readers, const larder_batch *batch, larder_error *err)
{
    size_t n = readers->n_keys + batch->n_rows;
    struct known_key *keys = realloc(readers->keys, n * sizeof *keys);

    if (keys == NULL)
        return no_memory(err);
    readers->keys = keys;
    for (size_t i = 0; i < batch->n_rows; i++) {
        struct known_key *key = &keys[readers->n_keys++];

        key->entity = copy_cell(batch, "name", i);
        key->key = copy_cell(batch, "keys", i);
        if (key->entity == NULL || key->key == NULL)
            return no_memory(err);
    }
    return LARDER_OK;
}

static larder_status
load_keys(struct worker *worker, uint64_t generation, larder_error *err)
{
    struct readers *readers = &worker->readers;
    larder_stream entities = {0};
    larder_batch batch = {0};
    larder_status rc;

    forget_keys(readers);
    LARDER_TRY(larder_list(worker->serve->store, &worker->call, LARDER_ENTITIES,
        0, &entities, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(&entities, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(add_keys(readers, &batch, err));
        larder_batch_release(&batch);
    }
    readers->generation = generation;
out:
    larder_batch_release(&batch);
    larder_stream_close(&entities);
    return rc;
}

larder_status
readers_key(struct worker *worker, larder_bytes name, const char **out,
    larder_error *err)
{
    struct readers *readers = &worker->readers;
    uint64_t generation = atomic_load(&worker->serve->generation);

    *out = NULL;
    if (readers->generation != generation) {
        larder_status rc = load_keys(worker, generation, err);

        if (rc != LARDER_OK)
            return rc;
    }
    for (size_t i = 0; i < readers->n_keys && *out == NULL; i++) {
        const struct known_key *key = &readers->keys[i];

        if (same_bytes(name, (larder_bytes){key->key, strlen(key->key)}) ||
            same_bytes(name, (larder_bytes){key->entity, strlen(key->entity)}))
            *out = key->key;
    }
    return LARDER_OK;
}

void
readers_release(struct readers *readers)
{
    for (size_t i = 0; i < readers->n_items; i++)
        free_prepared(readers->items[i]);
    forget_keys(readers);
    *readers = (struct readers){0};
}
