/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.c - an offline store's calls, contract checked.
 *
 * Methods pass the gate one after the other, unless the store is `concurrent`;
 * reads belong to a reader, thus to a thread, and pass beside them. Between
 * begin and end the snapshot is one caller's: the next one waits.
 */
#include "storage/offline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/schema.h"
#include "data/sort.h"
#include "storage/gate.h"
#include "storage/keyed.h"
#include "storage/newest.h"

struct ldr_offline {
    const larder_offline_ops *ops;
    void *self;
    ldr_gate gate;
    pthread_mutex_t snapshot; /* guards what is below */
    bool begun;
    pthread_t beginner;
    unsigned n_readers;
};

/* ------------------------------------------------------------ open, close */

static ldr_offline *
new_store(const larder_offline_ops *ops)
{
    ldr_offline *store = calloc(1, sizeof *store);

    if (store == NULL)
        return NULL;
    store->ops = ops;
    store->self = calloc(1, ops->state_bytes + 1);
    if (store->self == NULL || !ldr_gate_init(&store->gate, "offline store",
                                   ops->type, ops->concurrent)) {
        free(store->self);
        free(store);
        return NULL;
    }
    if (pthread_mutex_init(&store->snapshot, NULL) != 0) {
        ldr_gate_release(&store->gate);
        free(store->self);
        free(store);
        return NULL;
    }
    return store;
}

static void
free_store(ldr_offline *store)
{
    pthread_mutex_destroy(&store->snapshot);
    ldr_gate_release(&store->gate);
    free(store->self);
    free(store);
}

larder_status
ldr_offline_open(const larder_offline_ops *ops, const larder_options *options,
    bool create, const larder_call *call, ldr_offline **out, larder_error *err)
{
    ldr_offline *store = new_store(ops);
    larder_status rc;

    if (store == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a store");
    rc = ops->open(store->self, options, create, call, err);
    if (rc == LARDER_OK) {
        *out = store;
        return rc;
    }
    larder_context(err, "offline store '%s'", ops->type);
    free_store(store);
    return rc;
}

void
ldr_offline_close(ldr_offline *store)
{
    if (store == NULL)
        return;
    assert(!store->begun);
    store->ops->close(store->self);
    free_store(store);
}

const char *
ldr_offline_type(const ldr_offline *store)
{
    return store->ops->type;
}

bool
ldr_offline_has_asof(const ldr_offline *store)
{
    return store->ops->asof_join != NULL;
}

/* --------------------------------------------------------------- snapshots */

/* OK: the snapshot is the caller's now. BUSY: it is another thread's, who will
 * give it back; INVALID: it is this thread's own, who would wait for ever. */
static larder_status
take_snapshot(ldr_offline *store, unsigned n_readers)
{
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&store->snapshot);
    if (!store->begun) {
        store->begun = true;
        store->beginner = pthread_self();
        store->n_readers = n_readers;
    } else if (pthread_equal(store->beginner, pthread_self())) {
        rc = LARDER_INVALID;
    } else {
        rc = LARDER_BUSY;
    }
    pthread_mutex_unlock(&store->snapshot);
    return rc;
}

static void
give_snapshot(ldr_offline *store)
{
    pthread_mutex_lock(&store->snapshot);
    store->begun = false;
    pthread_mutex_unlock(&store->snapshot);
}

larder_status
ldr_offline_begin(ldr_offline *store, const larder_call *call,
    unsigned n_readers, larder_error *err)
{
    const struct timespec nap = {.tv_nsec = 500000};
    larder_status rc = LARDER_OK;

    assert(n_readers > 0);
    while ((rc = take_snapshot(store, n_readers)) == LARDER_BUSY) {
        rc = larder_call_check(call, err);
        if (rc != LARDER_OK)
            return rc;
        (void)nanosleep(&nap, NULL);
    }
    if (rc == LARDER_INVALID)
        return larder_fail(err, LARDER_BUSY,
            "this thread still reads history: close that stream first");
    rc = ldr_gate_enter(&store->gate, err);
    if (rc == LARDER_OK)
        rc = store->ops->begin(store->self, call, n_readers, err);
    if (rc != LARDER_OK)
        give_snapshot(store);
    return ldr_gate_leave(&store->gate, rc, err);
}

void
ldr_offline_end(ldr_offline *store)
{
    larder_status rc;

    assert(store->begun);
    rc = ldr_gate_lock(&store->gate);
    store->ops->end(store->self);
    (void)ldr_gate_leave(&store->gate, rc, NULL);
    give_snapshot(store);
}

/* ------------------------------------------------------------------ tables */

larder_status
ldr_offline_describe(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->describe(store->self, call, table, out, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

/* What an owned table must be, whoever made its definition. */
static void
check_owned(const larder_table *table)
{
    assert(table->owned && table->query == NULL && table->name != NULL);
    assert(ldr_schema_find(table->schema, table->event) != LDR_NO_FIELD);
    for (size_t i = 0; i < table->n_key; i++)
        assert(ldr_schema_find(table->schema, table->key[i]) != LDR_NO_FIELD);
    (void)table;
}

larder_status
ldr_offline_create(ldr_offline *store, const larder_call *call,
    const larder_table *table, const char *const *const *indexes,
    const size_t *n_index_columns, size_t n_indexes, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    check_owned(table);
    if (rc == LARDER_OK)
        rc = store->ops->create(
            store->self, call, table, indexes, n_index_columns, n_indexes, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_offline_remove(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->remove(store->self, call, table, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

/* ------------------------------------------------------------------ append */

/* The order an owned table lies in. */
larder_status
ldr_offline_sort(const larder_table *table, larder_stream *rows,
    const larder_call *call, ldr_sorted **out, larder_error *err)
{
    size_t n = table->n_key;
    ldr_sort_column *by = calloc(n + 2, sizeof *by);
    larder_status rc;

    check_owned(table);
    assert(ldr_schema_equal(rows->schema, table->schema));
    if (by == NULL) {
        larder_stream_close(rows);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < table->n_key; i++)
        by[i].column = ldr_schema_find(table->schema, table->key[i]);
    by[n].column = ldr_schema_find(table->schema, table->event);
    by[n++].descending = true;
    if (table->created != NULL) {
        by[n].column = ldr_schema_find(table->schema, table->created);
        by[n++].descending = true;
    }
    rc = ldr_sort(rows, by, n, call, out, err);
    free(by);
    return rc;
}

larder_status
ldr_offline_append_sorted(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    check_owned(table);
    if (rc == LARDER_OK)
        rc = store->ops->append(store->self, call, table, rows, out, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_offline_append(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err)
{
    ldr_sorted *sorted = NULL;
    larder_stream stream = {0};
    larder_status rc;

    LARDER_TRY(ldr_offline_sort(table, rows, call, &sorted, err));
    LARDER_TRY(ldr_sorted_read(sorted, &stream, err));
    LARDER_TRY(
        ldr_offline_append_sorted(store, call, table, &stream, out, err));
out:
    larder_stream_close(&stream);
    ldr_sorted_free(sorted);
    return rc;
}

/* ------------------------------------------------------------------- reads */

/* A stream of the store, with what it stands on. */
typedef struct named {
    const ldr_offline *store;
    larder_stream inner;
    ldr_sorted *sorted; /* NULL: the store kept the order */
} named;

static larder_status
name_error(const ldr_offline *store, larder_status rc, larder_error *err)
{
    if (rc != LARDER_OK)
        larder_context(err, "offline store '%s'", store->ops->type);
    return rc;
}

static larder_status
named_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    named *n = self->state;

    return name_error(n->store, larder_stream_next(&n->inner, out, err), err);
}

static void
named_close(larder_stream *self)
{
    named *n = self->state;

    larder_stream_close(&n->inner);
    ldr_sorted_free(n->sorted);
    free(n);
    *self = (larder_stream){0};
}

/* Owns the stream and what it reads from, also on failure. */
static larder_status
name_stream(const ldr_offline *store, larder_stream *inner, ldr_sorted *sorted,
    larder_stream *out, larder_error *err)
{
    named *n = calloc(1, sizeof *n);

    if (n == NULL) {
        larder_stream_close(inner);
        ldr_sorted_free(sorted);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    n->store = store;
    n->inner = *inner;
    n->sorted = sorted;
    *inner = (larder_stream){0};
    *out = (larder_stream){.schema = n->inner.schema,
        .next = named_next,
        .close = named_close,
        .state = n};
    return LARDER_OK;
}

/* Key, event, created in front: sort by these, newest first. */
static larder_status
sort_scan(larder_stream *rows, size_t n_key, const larder_call *call,
    ldr_sorted **out, larder_error *err)
{
    ldr_sort_column *by = calloc(n_key + 2, sizeof *by);
    larder_status rc;

    if (by == NULL) {
        larder_stream_close(rows);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n_key + 2; i++)
        by[i] = (ldr_sort_column){.column = i, .descending = i >= n_key};
    rc = ldr_sort(rows, by, n_key + 2, call, out, err);
    free(by);
    return rc;
}

static void
check_scan(const ldr_offline *store, unsigned reader, const larder_scan *scan)
{
    assert(store->begun && reader < store->n_readers);
    assert(scan->n_parts == 0 || scan->part < scan->n_parts);
    assert(scan->keys != NULL ||
           (scan->keys_from == NULL && scan->keys_to == NULL));
    assert(!scan->one_before || scan->keys_from != NULL);
    (void)store;
    (void)reader;
    (void)scan;
}

/* What the store gave, in the order asked and without what was not. */
static larder_status
finish_scan(const larder_scan *scan, larder_order kept, const larder_call *call,
    larder_stream *rows, ldr_sorted **sorted, larder_error *err)
{
    bool in_order = kept == LARDER_ORDER_NEWEST_FIRST;
    larder_status rc = LARDER_OK;

    if (scan->keys != NULL)
        LARDER_TRY(ldr_keyed(rows, scan, in_order, rows, err));
    if (scan->order == LARDER_ORDER_ANY || in_order)
        goto out;
    LARDER_TRY(sort_scan(rows, scan->n_key, call, sorted, err));
    LARDER_TRY(ldr_sorted_read(*sorted, rows, err));
    if (scan->one_before)
        LARDER_TRY(ldr_keyed(rows, scan, true, rows, err));
out:
    return rc;
}

larder_status
ldr_offline_scan(ldr_offline *store, unsigned reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err)
{
    larder_order kept = LARDER_ORDER_ANY;
    larder_scan asked = *scan;
    larder_stream rows = {0};
    ldr_sorted *sorted = NULL;
    larder_status rc;

    check_scan(store, reader, scan);
    if (scan->one_before) /* only this order shows which that is */
        asked.order = LARDER_ORDER_NEWEST_FIRST;
    LARDER_TRY(ldr_gate_pass(&store->gate, err));
    LARDER_TRY(
        store->ops->scan(store->self, reader, call, &asked, &rows, &kept, err));
    assert(rows.schema->n_fields == scan->n_key + 2 + scan->n_columns);
    LARDER_TRY(finish_scan(&asked, kept, call, &rows, &sorted, err));
    rc = name_stream(store, &rows, sorted, out, err);
    sorted = NULL;
out:
    larder_stream_close(&rows);
    ldr_sorted_free(sorted);
    return name_error(store, rc, err);
}

larder_status
ldr_offline_asof(ldr_offline *store, unsigned reader, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err)
{
    larder_stream rows = {0};
    larder_status rc;

    assert(store->begun && reader < store->n_readers);
    assert(asof->spine->schema->n_fields == asof->scan.n_key + 1);
    if (store->ops->asof_join == NULL)
        return name_error(store,
            larder_fail(err, LARDER_UNSUPPORTED, "there is no as-of join"),
            err);
    LARDER_TRY(ldr_gate_pass(&store->gate, err));
    LARDER_TRY(
        store->ops->asof_join(store->self, reader, call, asof, &rows, err));
    assert(rows.schema->n_fields == 3 + asof->scan.n_columns);
    rc = name_stream(store, &rows, NULL, out, err);
out:
    return name_error(store, rc, err);
}

larder_status
ldr_offline_approach(ldr_offline *store, unsigned reader,
    const larder_call *call, const larder_asof *asof, larder_approach *out,
    larder_error *err)
{
    larder_status rc;

    assert(store->begun && reader < store->n_readers);
    if (store->ops->asof_join == NULL || store->ops->approach == NULL)
        return LARDER_UNSUPPORTED;
    rc = ldr_gate_pass(&store->gate, err);
    if (rc == LARDER_OK)
        rc = store->ops->approach(store->self, reader, call, asof, out, err);
    return name_error(store, rc, err);
}

void
ldr_approach_release(larder_approach *approach)
{
    free(approach->plan);
    free(approach->reason);
    free(approach->sql);
    *approach = (larder_approach){0};
}

larder_status
ldr_offline_propose(ldr_offline *store, const larder_call *call,
    const larder_table *table, char **out, larder_error *err)
{
    larder_status rc;

    *out = NULL;
    if (store->ops->propose == NULL)
        return LARDER_OK;
    rc = ldr_gate_enter(&store->gate, err);
    if (rc == LARDER_OK)
        rc = store->ops->propose(store->self, call, table, out, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_offline_latest(ldr_offline *store, unsigned reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err)
{
    larder_scan ordered = *scan;
    larder_stream rows = {0};
    larder_status rc = LARDER_UNSUPPORTED;

    check_scan(store, reader, scan);
    assert(scan->keys_from == NULL && scan->keys_to == NULL);
    ordered.order = LARDER_ORDER_NEWEST_FIRST;
    if (store->ops->latest != NULL) {
        LARDER_TRY(ldr_gate_pass(&store->gate, err));
        rc =
            store->ops->latest(store->self, reader, call, &ordered, &rows, err);
    }
    if (rc == LARDER_UNSUPPORTED) {
        rc = ldr_offline_scan(store, reader, call, &ordered, &rows, err);
        return rc == LARDER_OK ? ldr_newest(&rows, scan->n_key, out, err) : rc;
    }
    if (rc == LARDER_OK && scan->keys != NULL)
        LARDER_TRY(ldr_keyed(&rows, &ordered, true, &rows, err));
    if (rc == LARDER_OK)
        rc = name_stream(store, &rows, NULL, out, err);
out:
    return name_error(store, rc, err);
}

larder_status
ldr_offline_query(ldr_offline *store, const larder_call *call, const char *sql,
    larder_stream *out, larder_error *err)
{
    larder_stream rows = {0};
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->ops->query == NULL)
        rc = larder_fail(err, LARDER_UNSUPPORTED, "it has no SQL");
    else if (rc == LARDER_OK)
        rc = store->ops->query(store->self, call, sql, &rows, err);
    rc = ldr_gate_leave(&store->gate, rc, err);
    return rc == LARDER_OK ? name_stream(store, &rows, NULL, out, err) : rc;
}

larder_status
ldr_offline_examine(ldr_offline *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->ops->examine != NULL)
        rc = store->ops->examine(store->self, call, sink, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

void
ldr_offline_fault(ldr_offline *store, unsigned nth, larder_status status)
{
    ldr_gate_fault(&store->gate, nth, status);
}
