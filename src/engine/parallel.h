/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parallel.h - ranges of work to threads; the only room of the core that starts
 * any. How many there are never changes a byte of a result.
 */
#ifndef LDR_PARALLEL_H
#define LDR_PARALLEL_H

#include "larder.h"

#define LDR_THREADS_MAX 64u

/* call->n_threads within 1 and LDR_THREADS_MAX. */
unsigned ldr_parallel_width(const larder_call *call);

/* Run work(context, i, &error_i) for i in [0, n), n <= LDR_THREADS_MAX, each on
 * its own thread (the last on this one), and wait for all. The first failure by
 * number, not by time, is the result. */
larder_status ldr_parallel_run(unsigned n,
    larder_status (*work)(void *context, unsigned i, larder_error *err),
    void *context, larder_error *err);

/* Run work(context, i) for i in [0, n) all at the same time, the last on this
 * thread: for parts that wait for each other. False: there are not threads
 * enough, and none was run. */
bool ldr_parallel_together(
    unsigned n, void (*work)(void *context, unsigned i), void *context);

#endif
