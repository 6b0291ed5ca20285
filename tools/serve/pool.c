/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - a bounded queue of requests, and the threads that take from it.
 */
#include "serve/pool.h"

#include <pthread.h>
#include <stdlib.h>

struct pool {
    struct serve *serve;
    pool_done *done;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    struct request *first, *last;
    unsigned n_waiting;
    bool closing;
    pthread_t *threads;
    struct worker *workers;
    unsigned n_threads;
};

struct start {
    struct pool *pool;
    struct worker *worker;
};

static struct request *
take(struct pool *pool)
{
    struct request *request;

    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->closing)
        pthread_cond_wait(&pool->changed, &pool->lock);
    request = pool->first;
    if (request != NULL) {
        pool->first = request->next;
        pool->n_waiting--;
        request->next = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    return request;
}

static void *
work(void *context)
{
    struct start start = *(struct start *)context;
    struct request *request;

    free(context);
    while ((request = take(start.pool)) != NULL) {
        worker_answer(start.worker, request);
        start.pool->done(request);
    }
    return NULL;
}

bool
pool_add(struct pool *pool, struct request *request)
{
    bool added;

    request->next = NULL;
    pthread_mutex_lock(&pool->lock);
    added = !pool->closing && pool->n_waiting < pool->serve->limits.waiting;
    if (added) {
        if (pool->first == NULL)
            pool->first = request;
        else
            pool->last->next = request;
        pool->last = request;
        pool->n_waiting++;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return added;
}

static bool
start_thread(struct pool *pool, unsigned first_shard)
{
    unsigned i = pool->n_threads;
    struct start *start = malloc(sizeof *start);

    if (start == NULL)
        return false;
    worker_open(&pool->workers[i], pool->serve, first_shard + i);
    *start = (struct start){pool, &pool->workers[i]};
    if (pthread_create(&pool->threads[i], NULL, work, start) != 0) {
        free(start);
        return false;
    }
    pool->n_threads++;
    return true;
}

larder_status
pool_open(struct serve *serve, unsigned first_shard, pool_done *done,
    struct pool **out, larder_error *err)
{
    struct pool *pool = calloc(1, sizeof *pool);
    unsigned n = serve->limits.workers;

    if (pool == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for workers");
    *pool = (struct pool){.serve = serve, .done = done};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->threads = calloc(n, sizeof *pool->threads);
    pool->workers = calloc(n, sizeof *pool->workers);
    while (pool->threads != NULL && pool->workers != NULL &&
           pool->n_threads < n && start_thread(pool, first_shard))
        continue;
    if (pool->n_threads < n) {
        pool_close(pool);
        return larder_fail(err, LARDER_NOMEM, "cannot start %u threads", n);
    }
    *out = pool;
    return LARDER_OK;
}

void
pool_stop(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_threads; i++) {
        pthread_join(pool->threads[i], NULL);
        worker_close(&pool->workers[i]);
    }
    pool->n_threads = 0;
}

void
pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    pool_stop(pool);
    free(pool->threads);
    free(pool->workers);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
