/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.c - a registry store's calls, contract checked.
 */
#include "storage/records.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/gate.h"

struct ldr_records {
    const larder_registry_ops *ops;
    void *self;
    ldr_gate gate;
};

larder_status
ldr_records_open(const larder_registry_ops *ops, const larder_options *options,
    bool create, const larder_call *call, ldr_records **out, larder_error *err)
{
    ldr_records *store = calloc(1, sizeof *store);
    void *self = calloc(1, ops->state_bytes + 1);
    larder_status rc;

    if (store == NULL || self == NULL ||
        !ldr_gate_init(&store->gate, "registry", ops->type, ops->concurrent)) {
        free(store);
        free(self);
        return larder_fail(err, LARDER_NOMEM, "no memory for a store");
    }
    store->ops = ops;
    store->self = self;
    rc = ops->open(self, options, create, call, err);
    if (rc != LARDER_OK) {
        larder_context(err, "registry '%s'", ops->type);
        ldr_gate_release(&store->gate);
        free(self);
        free(store);
        return rc;
    }
    *out = store;
    return LARDER_OK;
}

void
ldr_records_close(ldr_records *store)
{
    if (store == NULL)
        return;
    store->ops->close(store->self);
    ldr_gate_release(&store->gate);
    free(store->self);
    free(store);
}

const char *
ldr_records_type(const ldr_records *store)
{
    return store->ops->type;
}

larder_status
ldr_records_load(ldr_records *store, const larder_call *call,
    const char *project, uint64_t number, larder_generation *out,
    larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->load(store->self, call, project, number, out, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_newest(ldr_records *store, const larder_call *call,
    const char *project, uint64_t *number, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->newest(store->self, call, project, number, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_append(ldr_records *store, const larder_call *call,
    const char *project, uint64_t after, larder_generation *generation,
    larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    assert(generation->text != NULL);
    if (rc == LARDER_OK)
        rc = store->ops->append(
            store->self, call, project, after, generation, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_lease(ldr_records *store, const larder_call *call,
    const char *project, larder_lease *lease, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->lease(store->self, call, project, lease, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_record(ldr_records *store, const larder_call *call,
    const char *project, const larder_record *record, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->record(store->self, call, project, record, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_list(ldr_records *store, const larder_call *call,
    const char *project, const char *kind, const char *name, size_t limit,
    larder_record_sink *sink, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->list(
            store->self, call, project, kind, name, limit, sink, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_destroy(ldr_records *store, const larder_call *call,
    const char *project, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK)
        rc = store->ops->destroy(store->self, call, project, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

larder_status
ldr_records_examine(ldr_records *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    larder_status rc = ldr_gate_enter(&store->gate, err);

    if (rc == LARDER_OK && store->ops->examine != NULL)
        rc = store->ops->examine(store->self, call, sink, err);
    return ldr_gate_leave(&store->gate, rc, err);
}

void
ldr_records_fault(ldr_records *store, unsigned nth, larder_status status)
{
    ldr_gate_fault(&store->gate, nth, status);
}
