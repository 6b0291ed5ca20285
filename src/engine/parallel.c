/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parallel.c - ranges of work to threads; the only room of the core that starts
 * any.
 */
#include "engine/parallel.h"

#include <assert.h>
#include <pthread.h>

typedef struct task {
    larder_status (*work)(void *context, unsigned i, larder_error *err);
    void *context;
    unsigned number;
    pthread_t thread;
    bool started;
    larder_status status;
    larder_error error;
} task;

unsigned
ldr_parallel_width(const larder_call *call)
{
    if (call->n_threads == 0)
        return 1;
    return call->n_threads > LDR_THREADS_MAX ? LDR_THREADS_MAX
                                             : call->n_threads;
}

static void *
run(void *argument)
{
    task *t = argument;

    t->status = t->work(t->context, t->number, &t->error);
    return NULL;
}

larder_status
ldr_parallel_run(unsigned n,
    larder_status (*work)(void *context, unsigned i, larder_error *err),
    void *context, larder_error *err)
{
    task tasks[LDR_THREADS_MAX];

    assert(n >= 1 && n <= LDR_THREADS_MAX);
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = (task){.work = work, .context = context, .number = i};
        if (i + 1 < n)
            tasks[i].started =
                pthread_create(&tasks[i].thread, NULL, run, &tasks[i]) == 0;
    }
    /* What no thread took is done here: fewer threads, the same result. */
    for (unsigned i = n; i-- > 0;)
        if (!tasks[i].started)
            run(&tasks[i]);
    for (unsigned i = 0; i < n; i++)
        if (tasks[i].started)
            pthread_join(tasks[i].thread, NULL);
    for (unsigned i = 0; i < n; i++) {
        if (tasks[i].status == LARDER_OK)
            continue;
        if (err != NULL)
            *err = tasks[i].error;
        return tasks[i].status;
    }
    return LARDER_OK;
}
