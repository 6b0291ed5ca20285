/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - what every call to a store passes.
 */
#include "storage/gate.h"

#include "larder_backend.h"

bool
ldr_gate_init(
    ldr_gate *gate, const char *what, const char *type, bool concurrent)
{
    *gate = (ldr_gate){.what = what, .type = type, .locks = !concurrent};
    return pthread_mutex_init(&gate->lock, NULL) == 0;
}

void
ldr_gate_release(ldr_gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
}

/* Only tests plant one, and only before threads come. */
static bool
fault_is_due(ldr_gate *gate)
{
    return gate->nth > 0 && --gate->nth == 0;
}

larder_status
ldr_gate_pass(ldr_gate *gate, larder_error *err)
{
    if (fault_is_due(gate))
        return larder_fail(err, gate->fault, "a planted fault");
    return LARDER_OK;
}

larder_status
ldr_gate_lock(ldr_gate *gate)
{
    if (gate->locks)
        pthread_mutex_lock(&gate->lock);
    return LARDER_OK;
}

larder_status
ldr_gate_enter(ldr_gate *gate, larder_error *err)
{
    larder_status rc = ldr_gate_lock(gate);

    return rc == LARDER_OK ? ldr_gate_pass(gate, err) : rc;
}

larder_status
ldr_gate_leave(ldr_gate *gate, larder_status rc, larder_error *err)
{
    if (rc == LARDER_UNAVAILABLE)
        __atomic_fetch_add(&gate->n_losses, 1, __ATOMIC_SEQ_CST);
    if (gate->locks)
        pthread_mutex_unlock(&gate->lock);
    if (rc != LARDER_OK)
        larder_context(err, "%s '%s'", gate->what, gate->type);
    return rc;
}

uint64_t
ldr_gate_losses(const ldr_gate *gate)
{
    return __atomic_load_n(&gate->n_losses, __ATOMIC_SEQ_CST);
}

void
ldr_gate_fault(ldr_gate *gate, unsigned nth, larder_status status)
{
    gate->nth = nth;
    gate->fault = status;
}
