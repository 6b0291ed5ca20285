/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - a thread that answers requests: each within its time, each with a
 * status and words whatever happens.
 */
#include "serve/serve.h"

#include <string.h>

#include "base/time.h"
#include "serve/audit.h"
#include "serve/route.h"

const struct serve_limits serve_default_limits = {.body_bytes = 1u << 20,
    .push_body_bytes = 8u << 20,
    .entities = 10000,
    .features = 500,
    .cells = 1000000,
    .header_bytes = 16u << 10,
    .headers = 64,
    .line_bytes = 8u << 10,
    .connections = 1024,
    .connections_per_address = 256,
    .waiting = 256,
    .workers = 8,
    .header_us = 5 * LDR_SECOND,
    .body_us = 10 * LDR_SECOND,
    .write_us = 10 * LDR_SECOND,
    .idle_us = 30 * LDR_SECOND,
    .read_us = 2 * LDR_SECOND,
    .push_us = 30 * LDR_SECOND};

void
worker_open(struct worker *worker, struct serve *serve, unsigned shard)
{
    *worker = (struct worker){
        .serve = serve, .call = serve->run->call, .shard = shard};
    worker->call.cancel = &serve->cancel;
    worker->call.progress = NULL;
    worker->call.diagnostic = NULL;
    worker->call.context = worker;
}

void
worker_close(struct worker *worker)
{
    readers_release(&worker->readers);
}

/* The present, and until when the answer is due. */
static void
begin_call(struct worker *worker, const struct request *request)
{
    const struct serve_limits *limits = &worker->serve->limits;

    worker->call.now = run_clock(worker->serve->run);
    worker->call.deadline =
        request->route->scope == SCOPE_MATERIALIZE
            ? 0
            : request->began + (request->route->big || request->route->slow
                                       ? limits->push_us
                                       : limits->read_us);
}

void
worker_answer(struct worker *worker, struct request *request)
{
    larder_error err = {0};
    larder_status rc;

    worker->request = request;
    begin_call(worker, request);
    if (!audit_begin(worker->serve, request)) {
        worker->request = NULL;
        return;
    }
    rc = request->route->handle(worker, request, &err);
    if (rc != LARDER_OK && request->status == 0)
        request_fail_as(request, rc, &err);
    if (request->answer.failed) {
        request->answer.failed = false;
        larder_fail(&err, LARDER_NOMEM, "no memory for the answer");
        request_fail_as(request, LARDER_NOMEM, &err);
    }
    audit_end(worker->serve, request);
    worker->request = NULL;
}

/* As the library reads it, of other threads. */
void
serve_cancel(struct serve *serve)
{
    __atomic_store_n(&serve->cancel, 1, __ATOMIC_RELAXED);
}

larder_status
serve_follow(struct serve *serve, larder_error *err)
{
    larder_call call = serve->run->call;
    uint64_t generation = 0;
    larder_status rc;

    call.now = run_clock(serve->run);
    call.deadline = call.monotonic() + serve->limits.read_us;
    rc = larder_follow(serve->store, &call, &generation, err);
    if (rc == LARDER_OK) {
        atomic_store(&serve->generation, generation);
        atomic_store(&serve->followed, call.monotonic());
    }
    return rc;
}

/* Up as long as it answers from what it has: how long ago the registry last
 * answered is in a header, and in the metrics. */
larder_status
answer_health(struct worker *worker, struct request *request, larder_error *err)
{
    (void)err;
    request->type = "";
    request->status = atomic_load(&worker->serve->draining) ? 503 : 200;
    return LARDER_OK;
}
