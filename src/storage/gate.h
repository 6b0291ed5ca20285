/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - what every call to a store passes: the lock where the store needs
 * one, the fault a test has planted, and the store's name added to errors.
 */
#ifndef LDR_GATE_H
#define LDR_GATE_H

#include <pthread.h>

#include "larder.h"

typedef struct ldr_gate {
    pthread_mutex_t lock;
    bool locks;       /* the store is not `concurrent` */
    const char *what; /* "offline store" */
    const char *type; /* "sqlite" */
    unsigned nth;     /* calls until the planted fault; 0: none */
    larder_status fault;
    uint64_t n_losses; /* by __atomic builtins only */
} ldr_gate;

/* False: no mutex to be had. */
bool ldr_gate_init(
    ldr_gate *gate, const char *what, const char *type, bool concurrent);
void ldr_gate_release(ldr_gate *gate);

/* Each enter is followed by one leave, which gives back rc with the store's
 * name in front of the words. */
larder_status ldr_gate_enter(ldr_gate *gate, larder_error *err);
larder_status ldr_gate_leave(
    ldr_gate *gate, larder_status rc, larder_error *err);

/* For what needs no lock: the planted fault alone; no leave follows. */
larder_status ldr_gate_pass(ldr_gate *gate, larder_error *err);
/* For what cannot fail: the lock alone; then leave, with what this gives. */
larder_status ldr_gate_lock(ldr_gate *gate);

/* How many calls found the store UNAVAILABLE. What was known of the store
 * before may be of another one since: it may have come back empty. Where the
 * store needs the lock it is counted under it, so no call passes between loss
 * and count. */
uint64_t ldr_gate_losses(const ldr_gate *gate);

/* Fail the nth enter or pass from now; 0: never. */
void ldr_gate_fault(ldr_gate *gate, unsigned nth, larder_status status);

#endif
