/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online.c - an online store's calls, contract checked.
 */
#include "storage/online.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/gate.h"
#include "storage/hashed.h"

struct ldr_online {
    const larder_online_ops *ops;
    void *self;
    ldr_hashed *hashed; /* NULL: rows are packed */
    ldr_gate gate;
};

larder_status
ldr_online_open(const larder_online_ops *ops, const larder_options *options,
    bool create, const larder_call *call, ldr_online **out, larder_error *err)
{
    ldr_online *store = calloc(1, sizeof *store);
    void *self = calloc(1, ops->state_bytes + 1);
    larder_status rc;

    if (store == NULL || self == NULL ||
        !ldr_gate_init(
            &store->gate, "online store", ops->type, ops->concurrent)) {
        free(store);
        free(self);
        return larder_fail(err, LARDER_NOMEM, "no memory for a store");
    }
    store->ops = ops;
    store->self = self;
    rc = ldr_hashed_open(ops, self, options, &store->hashed, err);
    if (rc == LARDER_OK)
        rc = ops->open(self, options, create, call, err);
    if (rc != LARDER_OK) {
        larder_context(err, "online store '%s'", ops->type);
        ldr_hashed_close(store->hashed);
        ldr_gate_release(&store->gate);
        free(self);
        free(store);
        return rc;
    }
    *out = store;
    return LARDER_OK;
}

void
ldr_online_close(ldr_online *store)
{
    if (store == NULL)
        return;
    store->ops->close(store->self);
    ldr_hashed_close(store->hashed);
    ldr_gate_release(&store->gate);
    free(store->self);
    free(store);
}

const char *
ldr_online_type(const ldr_online *store)
{
    return store->ops->type;
}

larder_status
ldr_online_describe(
    ldr_online *store, const ldr_online_table *table, larder_error *err)
{
    if (store->hashed == NULL)
        return LARDER_OK;
    return ldr_hashed_describe(store->hashed, table, err);
}

bool
ldr_online_whole_seconds(const ldr_online *store)
{
    return store->hashed != NULL;
}

larder_status
ldr_online_get(ldr_online *store, const larder_call *call,
    const larder_want *wants, size_t n_wants, larder_found *found,
    larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->hashed != NULL)
        rc = ldr_hashed_get(store->hashed, call, wants, n_wants, found, err);
    else if (rc == LARDER_OK)
        rc = store->ops->get(store->self, call, wants, n_wants, found, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

uint64_t
ldr_online_losses(const ldr_online *store)
{
    return ldr_gate_losses(&store->gate);
}

/* What a put must hold, whoever makes it. */
static void
check_puts(const larder_put *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        assert(rows[i].key.size > 0 && rows[i].key.size <= LARDER_KEY_MAX);
        assert(rows[i].rule == LARDER_PUT_REMOVE ||
               rows[i].row.size >= LARDER_ROW_HEAD_BYTES);
    }
    (void)rows;
    (void)n_rows;
}

larder_status
ldr_online_put(ldr_online *store, const larder_call *call,
    const larder_put *rows, size_t n_rows, larder_outcome *outcomes,
    larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    check_puts(rows, n_rows);
    if (rc == LARDER_OK && store->hashed != NULL)
        rc = ldr_hashed_put(store->hashed, call, rows, n_rows, outcomes, err);
    else if (rc == LARDER_OK)
        rc = store->ops->put(store->self, call, rows, n_rows, outcomes, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_online_scan(ldr_online *store, const larder_call *call,
    const larder_bytes *after_key, const larder_table_id *after_table,
    size_t limit, larder_each *each, bool *more, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->hashed != NULL)
        rc = ldr_hashed_scan(store->hashed, call, after_key, after_table, limit,
            each, more, err);
    else if (rc == LARDER_OK)
        rc = store->ops->scan(
            store->self, call, after_key, after_table, limit, each, more, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_online_sweep(ldr_online *store, const larder_call *call,
    larder_table_id table, size_t max_keys, unsigned char *cursor,
    size_t *n_cursor, uint64_t *removed, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->hashed != NULL)
        rc = ldr_hashed_sweep(store->hashed, call, table, max_keys, cursor,
            n_cursor, removed, err);
    else if (rc == LARDER_OK)
        rc = store->ops->sweep(
            store->self, call, table, max_keys, cursor, n_cursor, removed, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_online_destroy(
    ldr_online *store, const larder_call *call, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->hashed != NULL)
        rc = ldr_hashed_destroy(store->hashed, call, err);
    else if (rc == LARDER_OK)
        rc = store->ops->destroy(store->self, call, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_online_examine(ldr_online *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->ops->examine != NULL)
        rc = store->ops->examine(store->self, call, sink, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

void
ldr_online_fault(ldr_online *store, unsigned nth, larder_status status)
{
    ldr_gate_fault(&store->gate, nth, status);
}
