/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - the server: what all its threads share, and what each has alone.
 *
 * http.c receives requests and sends answers; route.c says which handler a
 * request is for; handlers answer from the store. A handler runs on the thread
 * that received the request where it answers from local files in microseconds,
 * else on one of the workers (pool.c), while the receiving thread goes on.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <stdatomic.h>

#include "run.h"
#include "serve/readers.h"
#include "serve/request.h"

/* What a request, and a server, may take; each names itself when it is met. */
struct serve_limits {
    size_t body_bytes;      /* of a read */
    size_t push_body_bytes; /* of a write */
    size_t entities;        /* rows of one read */
    size_t features;        /* columns of one read */
    size_t cells;           /* entities x features */
    size_t header_bytes, headers, line_bytes;
    unsigned connections, connections_per_address;
    unsigned waiting; /* requests that wait for a worker */
    unsigned workers;
    int64_t header_us, body_us, write_us, idle_us; /* of a connection */
    int64_t read_us, push_us;                      /* of a request */
};
extern const struct serve_limits serve_default_limits;

struct audit;
struct attempts;
struct metrics;
struct pool;
struct tls;
struct runs;
struct shapes;
struct tokens;

struct serve {
    struct run *run;
    larder_store *store;
    larder_names names; /* of its stores */
    struct serve_limits limits;
    unsigned n_daemons;
    bool local;      /* online reads are answered where they are received */
    bool open_reads; /* loopback only: reads need no token */
    bool feast_metrics;
    const char *const *hosts;    /* that a request may name; NULL-terminated */
    _Atomic uint64_t generation; /* being served */
    _Atomic int64_t followed; /* when the registry last answered; monotonic */
    atomic_bool surveying;    /* statistics are being made: one at a time */
    atomic_bool draining;
    volatile int cancel; /* of all calls: draining has lasted too long */
    atomic_uint_least64_t n_requests; /* for their ids */
    struct tokens *tokens;            /* NULL: no file of them was given */
    struct attempts *attempts;
    struct tls *tls; /* NULL: plain HTTP */
    struct metrics *metrics;
    struct audit *audit;
    struct pool *pool;
    struct shapes *shapes;
    struct runs *runs;
};

/* A thread that answers requests: what it uses again for each. */
struct worker {
    struct serve *serve;
    struct request *request; /* being answered */
    larder_call call;
    struct readers readers;
    unsigned shard; /* of the metrics: its own */
};

void worker_open(struct worker *worker, struct serve *serve, unsigned shard);
void worker_close(struct worker *worker);
/* Answer a request, whatever comes: its status and text are set. */
void worker_answer(struct worker *worker, struct request *request);

/* All calls end, if they last. */
void serve_cancel(struct serve *serve);
/* The newest generation, if the registry answers; else the one before. */
larder_status serve_follow(struct serve *serve, larder_error *err);

#endif
