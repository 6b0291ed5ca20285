/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - counters, and their text for Prometheus (0.0.4).
 *
 * A counter has one writer, which is why adding needs no locked instruction; a
 * reader may see one request in one counter and not yet in another. Ages of
 * feature views come from the ledger, at most twice a minute, and are absent
 * where it cannot be asked: an old age is no age.
 */
#include "serve/metrics.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"
#include "serve/route.h"

#define ROUTES_MAX 48u
#define FRESH_FOR (30 * LDR_SECOND)
#define FRESH_WITHIN LDR_SECOND
#define N_PRESENCES 4

typedef _Atomic uint64_t counter;

/* Upper bounds, as Feast's; in microseconds, and in entities. */
static const int64_t latency_bounds[] = {5000, 10000, 25000, 50000, 100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000};
static const int64_t entity_bounds[] = {1, 5, 10, 25, 50, 100, 250, 500, 1000};
enum {
    N_LATENCY = sizeof latency_bounds / sizeof *latency_bounds,
    N_ENTITY = sizeof entity_bounds / sizeof *entity_bounds
};
static const unsigned statuses[] = {200, 202, 400, 401, 403, 404, 405, 409, 413,
    414, 421, 422, 429, 431, 500, 501, 503, 504};
enum { N_STATUSES = sizeof statuses / sizeof *statuses };

struct histogram {
    counter buckets[12]; /* the last: all that is greater */
    counter sum;
};

struct of_route {
    counter by_status[N_STATUSES + 1]; /* the last: any other */
    struct histogram latency;
};

struct shard {
    struct of_route routes[ROUTES_MAX]; /* the last: no route */
    struct histogram entities;
    counter presences[N_PRESENCES];
    counter rows;
    char apart[64]; /* from the next thread's */
};

struct metrics {
    struct shard *shards;
    unsigned n_shards;
    int64_t started;      /* of the process; microseconds since 1970 */
    pthread_mutex_t lock; /* over what follows */
    uint64_t n_done, n_failed, run_us;
    int64_t asked; /* when the ledger was last; monotonic */
    bool known;
    larder_freshness_report report;
};

static void
add(counter *to, uint64_t value)
{
    atomic_store_explicit(to,
        atomic_load_explicit(to, memory_order_relaxed) + value,
        memory_order_relaxed);
}

larder_status
metrics_open(struct serve *serve, unsigned n_shards, larder_error *err)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics != NULL)
        metrics->shards = calloc(n_shards, sizeof *metrics->shards);
    if (metrics == NULL || metrics->shards == NULL) {
        free(metrics);
        return larder_fail(err, LARDER_NOMEM, "no memory for metrics");
    }
    metrics->n_shards = n_shards;
    metrics->started = run_clock(serve->run);
    metrics->asked = INT64_MIN / 2;
    pthread_mutex_init(&metrics->lock, NULL);
    serve->metrics = metrics;
    return LARDER_OK;
}

void
metrics_close(struct serve *serve)
{
    struct metrics *metrics = serve->metrics;

    if (metrics == NULL)
        return;
    larder_freshness_report_release(&metrics->report);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics->shards);
    free(metrics);
    serve->metrics = NULL;
}

/* ----------------------------------------------------------------- counting */

static void
measure(
    struct histogram *histogram, const int64_t *bounds, size_t n, int64_t value)
{
    size_t i = 0;

    while (i < n && value > bounds[i])
        i++;
    add(&histogram->buckets[i], 1);
    add(&histogram->sum, (uint64_t)value);
}

static size_t
route_at(const struct route *route)
{
    size_t at = route == NULL ? ROUTES_MAX - 1 : (size_t)(route - routes);

    return at < ROUTES_MAX - 1 ? at : ROUTES_MAX - 1;
}

void
metrics_count(
    struct serve *serve, unsigned shard, const struct request *request)
{
    struct shard *s = &serve->metrics->shards[shard];
    struct of_route *route = &s->routes[route_at(request->route)];
    int64_t us = serve->run->call.monotonic() - request->began;
    size_t status = 0;

    while (status < N_STATUSES && statuses[status] != request->status)
        status++;
    add(&route->by_status[status], 1);
    measure(&route->latency, latency_bounds, N_LATENCY, us < 0 ? 0 : us);
    if (request->route == NULL || request->status != 200)
        return;
    if (request->route->handle == answer_features) {
        measure(&s->entities, entity_bounds, N_ENTITY,
            (int64_t)request->n_entities);
        for (size_t i = 0; i < N_PRESENCES; i++)
            add(&s->presences[i], request->n_presences[i]);
    } else if (request->route->scope == SCOPE_PUSH) {
        add(&s->rows, request->n_entities);
    }
}

void
metrics_ran(struct serve *serve, bool done, int64_t us)
{
    struct metrics *metrics = serve->metrics;

    pthread_mutex_lock(&metrics->lock);
    *(done ? &metrics->n_done : &metrics->n_failed) += 1;
    metrics->run_us += (uint64_t)us;
    pthread_mutex_unlock(&metrics->lock);
}

/* ------------------------------------------------------------------ telling */

static void
head(struct out *out, const char *name, const char *type, const char *help)
{
    out_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t
sum_of(const struct metrics *metrics, size_t offset)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < metrics->n_shards; i++) {
        const char *shard = (const char *)&metrics->shards[i];

        sum += atomic_load_explicit(
            (const counter *)(const void *)(shard + offset),
            memory_order_relaxed);
    }
    return sum;
}
#define SUM(metrics, member) sum_of(metrics, offsetof(struct shard, member))

static void
tell_requests(struct out *out, const struct metrics *metrics, const char *name)
{
    head(out, name, "counter", "Requests that were answered.");
    for (size_t r = 0; r < ROUTES_MAX; r++) {
        const struct route *route = r == ROUTES_MAX - 1 ? NULL : &routes[r];

        if (route != NULL && route->path == NULL) {
            r = ROUTES_MAX - 2;
            continue;
        }
        for (size_t s = 0; s <= N_STATUSES; s++) {
            uint64_t n = SUM(metrics, routes[r].by_status[s]);

            if (n == 0)
                continue;
            out_format(out, "%s{endpoint=\"%s\",method=\"%s\",status=\"", name,
                route == NULL ? "other" : route->path,
                route == NULL ? "" : route->method);
            if (s < N_STATUSES)
                out_format(out, "%u", statuses[s]);
            else
                out_text(out, "other");
            out_format(out, "\"} %llu\n", (unsigned long long)n);
        }
    }
}

/* The buckets of one histogram; `unit` divides its bounds and its sum. */
static void
tell_buckets(struct out *out, const struct metrics *metrics, const char *name,
    const char *labels, size_t offset, const int64_t *bounds, size_t n,
    double unit)
{
    const char *comma = labels[0] == '\0' ? "" : ",";
    uint64_t below = 0;

    for (size_t i = 0; i <= n; i++) {
        below += sum_of(metrics,
            offset + offsetof(struct histogram, buckets) + i * sizeof(counter));
        out_format(out, "%s_bucket{%s%sle=\"", name, labels, comma);
        if (i < n)
            out_format(out, "%g", (double)bounds[i] / unit);
        else
            out_text(out, "+Inf");
        out_format(out, "\"} %llu\n", (unsigned long long)below);
    }
    out_format(out, "%s_sum{%s} %g\n", name, labels,
        (double)sum_of(metrics, offset + offsetof(struct histogram, sum)) /
            unit);
    out_format(
        out, "%s_count{%s} %llu\n", name, labels, (unsigned long long)below);
}

static void
tell_latencies(struct out *out, const struct metrics *metrics, const char *name)
{
    head(out, name, "histogram", "From the head of a request to its answer.");
    for (size_t r = 0; routes[r].path != NULL && r < ROUTES_MAX - 1; r++) {
        char labels[96];
        uint64_t n = 0;

        for (size_t s = 0; s <= N_STATUSES; s++)
            n += SUM(metrics, routes[r].by_status[s]);
        if (n == 0)
            continue;
        snprintf(labels, sizeof labels, "endpoint=\"%s\"", routes[r].path);
        tell_buckets(out, metrics, name, labels,
            offsetof(struct shard, routes[0].latency) +
                r * sizeof(struct of_route),
            latency_bounds, N_LATENCY, (double)LDR_SECOND);
    }
}

static void
tell_reads(struct out *out, const struct metrics *metrics, const char *entities,
    const char *values)
{
    head(out, entities, "histogram", "Entities of a read.");
    tell_buckets(out, metrics, entities, "", offsetof(struct shard, entities),
        entity_bounds, N_ENTITY, 1);
    head(out, values, "counter", "Values that were read, by their status.");
    for (size_t i = 0; i < N_PRESENCES; i++)
        out_format(out, "%s{status=\"%s\"} %llu\n", values,
            larder_presence_name((larder_presence)i),
            (unsigned long long)SUM(metrics, presences[i]));
}

static void
tell_number(struct out *out, const char *name, const char *type,
    const char *help, double value)
{
    head(out, name, type, help);
    out_format(out, "%s %.17g\n", name, value);
}

static void
tell_writes(struct out *out, struct metrics *metrics)
{
    uint64_t done, failed, us;

    pthread_mutex_lock(&metrics->lock);
    done = metrics->n_done;
    failed = metrics->n_failed;
    us = metrics->run_us;
    pthread_mutex_unlock(&metrics->lock);
    tell_number(out, "larder_pushed_rows_total", "counter",
        "Rows that were pushed or written.", (double)SUM(metrics, rows));
    head(out, "larder_materialize_runs_total", "counter",
        "Runs that were asked for over HTTP.");
    out_format(out,
        "larder_materialize_runs_total{status=\"success\"} %llu\n"
        "larder_materialize_runs_total{status=\"failure\"} %llu\n",
        (unsigned long long)done, (unsigned long long)failed);
    tell_number(out, "larder_materialize_seconds_total", "counter",
        "Time that these runs took.", (double)us / (double)LDR_SECOND);
}

/* ------------------------------------------------------------------ the rest
 */

static double
count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double n = -3; /* ".", "..", and its own */

    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

static double
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long long total = 0, resident = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void
tell_process(struct out *out, const struct metrics *metrics)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    tell_number(out, "process_cpu_seconds_total", "counter",
        "User and system time.",
        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    tell_number(out, "process_resident_memory_bytes", "gauge", "Memory in use.",
        resident_bytes());
    tell_number(out, "process_open_fds", "gauge", "Open descriptors.",
        count_descriptors());
    tell_number(out, "process_start_time_seconds", "gauge",
        "When the server began, since 1970.", (double)metrics->started / 1e6);
}

static void
tell_server(struct out *out, const struct serve *serve)
{
    int64_t now = serve->run->call.monotonic();

    head(out, "larder_build_info", "gauge", "The version.");
    out_format(out, "larder_build_info{version=\"%s\"} 1\n", larder_version());
    tell_number(out, "larder_generation", "gauge",
        "The generation that is served.",
        (double)atomic_load(&serve->generation));
    tell_number(out, "larder_registry_age_seconds", "gauge",
        "Since the registry last answered.",
        (double)(now - atomic_load(&serve->followed)) / (double)LDR_SECOND);
}

/* Under the lock. */
static void
ask_ledger(struct worker *worker, struct metrics *metrics)
{
    larder_freshness_options options = {0};
    larder_freshness_report report = {0};
    larder_call call = worker->call;
    int64_t now = call.monotonic();

    if (now - metrics->asked < FRESH_FOR)
        return;
    metrics->asked = now;
    call.deadline = now + FRESH_WITHIN;
    larder_freshness_report_release(&metrics->report);
    metrics->known = larder_freshness(worker->serve->store, &call, &options,
                         &report, NULL) == LARDER_OK;
    if (metrics->known)
        metrics->report = report;
    else
        larder_freshness_report_release(&report);
}

static void
tell_ages(struct out *out, const larder_freshness_report *report,
    const char *name, const char *help, size_t offset)
{
    head(out, name, "gauge", help);
    for (size_t i = 0; i < report->n_views; i++) {
        const larder_view_freshness *view = &report->views[i];
        int64_t age;

        memcpy(&age, (const char *)view + offset, sizeof age);
        if (age >= 0)
            out_format(out, "%s{feature_view=\"%s\",store=\"%s\"} %.17g\n",
                name, view->view, view->fallback ? "fallback" : "primary",
                (double)age / (double)LDR_SECOND);
    }
}

static void
tell_freshness(struct out *out, struct worker *worker)
{
    struct metrics *metrics = worker->serve->metrics;
    const larder_freshness_report *report = &metrics->report;

    pthread_mutex_lock(&metrics->lock);
    ask_ledger(worker, metrics);
    tell_number(out, "larder_freshness_known", "gauge",
        "1: the ledger told how old the feature views are.",
        metrics->known ? 1 : 0);
    if (metrics->known) {
        tell_ages(out, report, "larder_event_age_seconds",
            "Age of the newest event online, as the ledger had it within half "
            "a minute.",
            offsetof(larder_view_freshness, event_age_us));
        tell_ages(out, report, "larder_run_age_seconds",
            "Since the last run that left nothing out began.",
            offsetof(larder_view_freshness, run_age_us));
        head(out, "larder_feature_view_fresh", "gauge",
            "1 fresh, 0 stale, -1 unknown.");
        for (size_t i = 0; i < report->n_views; i++)
            out_format(out,
                "larder_feature_view_fresh{feature_view=\"%s\",store=\"%s\"} "
                "%d\n",
                report->views[i].view,
                report->views[i].fallback ? "fallback" : "primary",
                report->views[i].status == LARDER_FRESH   ? 1
                : report->views[i].status == LARDER_STALE ? 0
                                                          : -1);
        if (worker->serve->feast_metrics)
            tell_ages(out, report, "feast_feature_freshness_seconds",
                "As Feast names it.",
                offsetof(larder_view_freshness, run_age_us));
    }
    pthread_mutex_unlock(&metrics->lock);
}

larder_status
answer_metrics(
    struct worker *worker, struct request *request, larder_error *err)
{
    const struct serve *serve = worker->serve;
    struct out *out = &request->answer;

    (void)err;
    tell_server(out, serve);
    tell_requests(out, serve->metrics, "larder_requests_total");
    tell_latencies(out, serve->metrics, "larder_request_seconds");
    tell_reads(out, serve->metrics, "larder_read_entities",
        "larder_read_values_total");
    tell_writes(out, serve->metrics);
    if (serve->feast_metrics) {
        tell_requests(
            out, serve->metrics, "feast_feature_server_request_total");
        tell_latencies(out, serve->metrics,
            "feast_feature_server_request_latency_seconds");
        tell_reads(out, serve->metrics, "feast_online_features_entity_count",
            "feast_online_features_status_total");
    }
    tell_freshness(out, worker);
    tell_process(out, serve->metrics);
    request->type = "text/plain; version=0.0.4; charset=utf-8";
    request->status = 200;
    return LARDER_OK;
}
