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

/* --------------------------------------------------------- all at one time */

/* Nobody begins before it is known that all can. */
typedef struct start {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool known, all;
    void (*work)(void *context, unsigned i);
    void *context;
} start;

typedef struct runner {
    start *start;
    unsigned number;
    pthread_t thread;
} runner;

static void *
run_when_all(void *argument)
{
    runner *r = argument;
    start *s = r->start;
    bool all;

    pthread_mutex_lock(&s->lock);
    while (!s->known)
        pthread_cond_wait(&s->changed, &s->lock);
    all = s->all;
    pthread_mutex_unlock(&s->lock);
    if (all)
        s->work(s->context, r->number);
    return NULL;
}

static void
let_go(start *s, bool all)
{
    pthread_mutex_lock(&s->lock);
    s->known = true;
    s->all = all;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool
ldr_parallel_together(
    unsigned n, void (*work)(void *context, unsigned i), void *context)
{
    start s = {.work = work, .context = context};
    runner runners[LDR_THREADS_MAX];
    unsigned n_started = 0;

    assert(n >= 1 && n <= LDR_THREADS_MAX);
    if (pthread_mutex_init(&s.lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&s.changed, NULL) != 0) {
        pthread_mutex_destroy(&s.lock);
        return false;
    }
    for (bool going = true; going && n_started + 1 < n; n_started += going) {
        runner *r = &runners[n_started];

        *r = (runner){.start = &s, .number = n_started};
        going = pthread_create(&r->thread, NULL, run_when_all, r) == 0;
    }
    let_go(&s, n_started + 1 == n);
    if (n_started + 1 == n)
        work(context, n - 1);
    for (unsigned i = 0; i < n_started; i++)
        pthread_join(runners[i].thread, NULL);
    pthread_cond_destroy(&s.changed);
    pthread_mutex_destroy(&s.lock);
    return n_started + 1 == n;
}
