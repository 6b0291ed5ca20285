/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shapes.c - what rows that are written look like.
 *
 * The store lends columns until it is closed, so each is asked for once a
 * generation, whatever is written how often. Names that do not exist are not
 * kept.
 */
#include "serve/shapes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "serve/authorize.h"

struct entry {
    struct entry *next;
    uint64_t generation;
    bool view;
    const char *name;
    struct shape shape;
};

struct shapes {
    pthread_mutex_t lock; /* over what follows */
    ldr_arena arena;
    struct entry *first; /* the newest */
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a list of views");
}

larder_status
shapes_open(struct shapes **out, larder_error *err)
{
    struct shapes *shapes = calloc(1, sizeof *shapes);

    if (shapes == NULL)
        return no_memory(err);
    pthread_mutex_init(&shapes->lock, NULL);
    *out = shapes;
    return LARDER_OK;
}

void
shapes_close(struct shapes *shapes)
{
    if (shapes == NULL)
        return;
    pthread_mutex_destroy(&shapes->lock);
    ldr_arena_free(&shapes->arena);
    free(shapes);
}

/* ------------------------------------------------------------ which views */

static larder_value
cell(const larder_batch *batch, const char *column, size_t row)
{
    size_t c = 0;

    while (strcmp(batch->schema->fields[c].name, column) != 0)
        c++; /* larder_list() says which there are */
    return larder_column_value(&batch->columns[c], row);
}

static const char *
copy_cell(
    const larder_batch *batch, const char *column, size_t row, ldr_arena *arena)
{
    larder_value value = cell(batch, column, row);
    size_t size = value.null ? 0 : value.as.text.size;
    char *text = ldr_arena_alloc(arena, size + 1);

    if (text == NULL)
        return NULL;
    if (size > 0)
        memcpy(text, value.as.text.data, size);
    text[size] = '\0';
    return text;
}

/* A source, or a feature view. */
struct object {
    struct object *next;
    const char *name;
    const char *source; /* of a push source: its batch source */
    bool online;
};

static larder_status
add_objects(const larder_batch *batch, ldr_arena *arena, struct object **first,
    larder_error *err)
{
    for (size_t i = 0; i < batch->n_rows; i++) {
        struct object *object = ldr_arena_alloc(arena, sizeof *object);
        larder_value online = cell(batch, "online", i);

        if (object == NULL)
            return no_memory(err);
        *object = (struct object){.next = *first,
            .name = copy_cell(batch, "name", i, arena),
            .source = copy_cell(batch, "source", i, arena),
            .online = !online.null && online.as.boolean};
        if (object->name == NULL || object->source == NULL)
            return no_memory(err);
        *first = object;
    }
    return LARDER_OK;
}

static larder_status
list(struct serve *serve, const larder_call *call, larder_kind kind,
    ldr_arena *arena, struct object **first, larder_error *err)
{
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_list(serve->store, call, kind, 0, &stream, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(&stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(add_objects(&batch, arena, first, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    larder_stream_close(&stream);
    return rc;
}

static const struct object *
find_object(const struct object *first, const char *name)
{
    while (first != NULL && strcmp(first->name, name) != 0)
        first = first->next;
    return first;
}

/* Whose history a source's is: a push source's, that of its batch source. */
static const char *
history_of(const struct object *sources, const char *name)
{
    const struct object *source = find_object(sources, name);

    return source != NULL && find_object(sources, source->source) != NULL
               ? source->source
               : name;
}

larder_status
shapes_views(struct serve *serve, const larder_call *call, const char *source,
    ldr_arena *arena, const char ***views, size_t *n, larder_error *err)
{
    struct object *all = NULL, *sources = NULL;
    const char *history = NULL, **names;
    size_t n_all = 0;
    larder_status rc;

    LARDER_TRY(list(serve, call, LARDER_VIEWS, arena, &all, err));
    if (source != NULL) {
        LARDER_TRY(list(serve, call, LARDER_SOURCES, arena, &sources, err));
        history = history_of(sources, source);
    }
    for (const struct object *view = all; view != NULL; view = view->next)
        n_all++;
    names = ldr_arena_array(arena, n_all + 1, sizeof *names);
    if (names == NULL)
        return no_memory(err);
    *n = 0;
    for (const struct object *view = all; view != NULL; view = view->next)
        if (source == NULL
                ? view->online
                : strcmp(history_of(sources, view->source), history) == 0)
            names[(*n)++] = view->name;
    *views = names;
out:
    return rc;
}

/* ----------------------------------------------------------------- columns */

static larder_status
add_views(struct worker *worker, struct shapes *shapes, struct entry *entry,
    larder_error *err)
{
    struct shape *shape = &entry->shape;
    const char **views = NULL;
    larder_status rc = LARDER_OK;

    if (entry->view) {
        shape->views = &entry->name;
        shape->n_views = 1;
        return LARDER_OK;
    }
    LARDER_TRY(shapes_views(worker->serve, &worker->call, entry->name,
        &shapes->arena, &views, &shape->n_views, err));
    shape->views = views;
out:
    return rc;
}

static larder_status
find_entry(struct worker *worker, struct shapes *shapes, const char *name,
    bool view, struct shape *out, larder_error *err)
{
    uint64_t generation = atomic_load(&worker->serve->generation);
    struct entry *entry = shapes->first;
    larder_source_shape columns = {0};
    larder_status rc;

    while (entry != NULL && entry->generation == generation &&
           (entry->view != view || strcmp(entry->name, name) != 0))
        entry = entry->next;
    if (entry != NULL && entry->generation == generation) {
        *out = entry->shape;
        return LARDER_OK;
    }
    LARDER_TRY(view ? larder_view_columns(worker->serve->store, &worker->call,
                          name, &columns, err)
                    : larder_source_columns(worker->serve->store, &worker->call,
                          name, &columns, err));
    entry = ldr_arena_alloc(&shapes->arena, sizeof *entry);
    if (entry == NULL)
        return no_memory(err);
    *entry = (struct entry){.shape.columns = columns,
        .next = shapes->first,
        .generation = generation,
        .view = view,
        .name = ldr_arena_copy(&shapes->arena, name)};
    if (entry->name == NULL)
        return no_memory(err);
    LARDER_TRY(add_views(worker, shapes, entry, err));
    shapes->first = entry;
    *out = entry->shape;
out:
    return rc;
}

larder_status
shapes_find(struct worker *worker, const char *name, bool view,
    struct shape *out, larder_error *err)
{
    struct shapes *shapes = worker->serve->shapes;
    larder_status rc;

    pthread_mutex_lock(&shapes->lock);
    rc = find_entry(worker, shapes, name, view, out, err);
    pthread_mutex_unlock(&shapes->lock);
    return rc;
}

larder_status
shapes_allow(struct request *request, const char *const *views, size_t n,
    larder_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!authorize_view(request, views[i])) /* it has answered */
            return larder_fail(
                err, LARDER_INVALID, "the token is not for '%s'", views[i]);
    }
    return LARDER_OK;
}
