/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - what a server counts, for Prometheus.
 *
 * Each receiving thread counts in a shard of its own; who asks adds them up.
 */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include "serve/serve.h"

larder_status metrics_open(
    struct serve *serve, unsigned n_shards, larder_error *err);
void metrics_close(struct serve *serve);
/* A request that was answered; of the thread that has the shard. */
void metrics_count(
    struct serve *serve, unsigned shard, const struct request *request);
/* A run of materialize that ended. Of any thread. */
void metrics_ran(struct serve *serve, bool done, int64_t us);

#endif
