/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.c - Larder's own side of every figure, one subcommand each.
 *
 *     bench define FOLDER            a repository to measure in
 *     bench csv N                    the events, to standard output
 *     bench spine N S                the spine, to standard output
 *     bench ingest FOLDER CSV THREADS
 *     bench join FOLDER N S THREADS  seconds and sums of one join
 *     bench stats FOLDER THREADS     seconds and means of all columns
 *     bench materialize FOLDER THREADS VIEW...
 *     bench get FOLDER N ENTITIES    nanoseconds a read
 *
 * Each prints one JSON line. It sees larder.h only, as any program does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"
#include "bench/data.h"

/* One view of all 11 columns, and four of ten for the online figures. */
static const char entities_yaml[] =
    "entities:\n  - {name: entity, join_key: entity, type: int64}\n"
    "sources:\n"
    "  - name: events\n"
    "    timestamp_field: ts\n"
    "    key: [entity]\n"
    "    schema:\n"
    "      - {name: entity, type: int64}\n";

static void
column_list(FILE *file, const char *indent)
{
    for (unsigned k = 0; k < DATA_DOUBLES; k++)
        fprintf(file, "%s- {name: f%u, type: float64}\n", indent, k);
    fprintf(file, "%s- {name: i0, type: int64}\n", indent);
    fprintf(file, "%s- {name: i1, type: int64}\n", indent);
    fprintf(file, "%s- {name: s, type: string}\n", indent);
}

static void
online_view(FILE *file, unsigned v)
{
    static const char *const names[] = {
        "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "i0", "i1"};

    fprintf(file,
        "  - name: v%u\n    entities: [entity]\n    source: events\n"
        "    ttl: 365d\n    features:\n",
        v);
    for (unsigned i = 0; i < 10; i++)
        fprintf(file, "      - {name: %s_%u, type: %s, from: %s}\n", names[i],
            v, i < 8 ? "float64" : "int64", names[i]);
}

static int
define(const char *folder)
{
    FILE *file = create(folder, "features.yaml");

    define_store(folder);
    fputs(entities_yaml, file);
    column_list(file, "      ");
    fputs("feature_views:\n  - name: all\n    entities: [entity]\n"
          "    source: events\n    ttl: 7d\n    features:\n",
        file);
    column_list(file, "      ");
    for (unsigned v = 0; v < 4; v++)
        online_view(file, v);
    fputs("feature_services:\n  - {name: four, features: [v0, v1, v2, v3]}\n",
        file);
    return fclose(file) != 0;
}

static int
csv(uint64_t n)
{
    puts("entity,ts,f0,f1,f2,f3,f4,f5,f6,f7,i0,i1,s");
    for (uint64_t i = 0; i < n; i++) {
        data_event e;

        data_event_of(i, n, &e);
        printf("%" PRId64 ",", e.entity);
        print_moment(stdout, e.ts);
        for (unsigned k = 0; k < 4; k++)
            printf(",%.17g", e.f[k]);
        printf(",%.2f,%.2f,%.1f,%.1f,%" PRId64 ",%" PRId64 ",%s\n", e.f[4],
            e.f[5], e.f[6], e.f[7], e.i0, e.i1, e.s);
    }
    return fflush(stdout) != 0;
}

static int
spine(uint64_t n, uint64_t rows)
{
    puts("entity,event_timestamp");
    for (uint64_t i = 0; i < rows; i++) {
        int64_t entity, t;

        data_spine_of(i, n, &entity, &t);
        printf("%" PRId64 ",", entity);
        print_moment(stdout, t);
        putchar('\n');
    }
    return fflush(stdout) != 0;
}

/* ------------------------------------------------------------- allocations */

/* Every allocation of the process is counted on its way to glibc's own. */
static uint64_t n_allocations;

#ifdef __GLIBC__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

void *
malloc(size_t size)
{
    n_allocations++;
    return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    n_allocations++;
    return __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
    n_allocations++;
    return __libc_realloc(old, size);
}
#endif

/* ------------------------------------------------------------- the library */

static int
ingest(const char *folder, const char *path, unsigned threads)
{
    larder_call call = {.n_threads = threads};
    larder_store *store = open_store(folder, &call);
    larder_source_shape shape = {0};
    larder_text_options options = {.name = path, .format = LARDER_CSV};
    larder_ingested done = {0};
    larder_stream rows = {0};
    larder_error err = {0};
    FILE *file = fopen(path, "r");
    int64_t begun = microseconds();

    if (file == NULL)
        fail(path, NULL);
    if (larder_source_columns(store, &call, "events", &shape, &err) !=
        LARDER_OK)
        fail("ingest", &err);
    options.schema = shape.schema;
    options.required = shape.required;
    options.n_required = shape.n_required;
    options.naive_offset_minutes = shape.naive_offset_minutes;
    if (larder_text_read(file, &options, &call, &rows, &err) != LARDER_OK ||
        larder_ingest(store, &call, "events", &rows, &done, &err) != LARDER_OK)
        fail("ingest", &err);
    larder_stream_close(&rows);
    larder_close(store);
    fclose(file);
    printf("{\"what\": \"ingest\", \"by\": \"larder\", \"seconds\": %.4f, "
           "\"rows\": %" PRIu64 ", \"peak_mib\": %.0f}\n",
        (double)(microseconds() - begun) / 1e6, done.added, peak_mebibytes());
    return 0;
}

static const larder_field spine_fields[] = {
    {"entity", LARDER_INT64}, {"event_timestamp", LARDER_TIMESTAMP}};
static const larder_schema spine_schema = {spine_fields, 2};

static void
spine_stream(uint64_t n, uint64_t rows, larder_stream *out)
{
    larder_batch batch = {0};
    larder_error err = {0};

    if (larder_batch_init(&batch, &spine_schema, &err) != LARDER_OK)
        fail("spine", &err);
    for (uint64_t i = 0; i < rows; i++) {
        int64_t entity, t;

        data_spine_of(i, n, &entity, &t);
        append(&batch.columns[0], (larder_value){.as.integer = entity});
        append(&batch.columns[1], (larder_value){.as.integer = t});
    }
    batch.n_rows = rows;
    if (larder_stream_of(&batch, out, &err) != LARDER_OK)
        fail("spine", &err);
}

typedef struct sums {
    uint64_t rows, matched;
    int64_t i1;
    double f6;
} sums;

static void
add_batch(sums *s, const larder_batch *batch)
{
    const larder_column *i1 = &batch->columns[2 + 9];
    const double *reals = batch->columns[2 + 6].values;
    const int64_t *integers = i1->values;

    s->rows += batch->n_rows;
    for (size_t i = 0; i < batch->n_rows; i++) {
        s->i1 += integers[i]; /* a null's value is zero */
        s->f6 += reals[i];
    }
    s->matched += batch->n_rows - i1->n_nulls;
}

static int
join(const char *folder, uint64_t n, uint64_t rows, unsigned threads)
{
    static const char *const refs[] = {"all"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 1}};
    larder_call call = {.n_threads = threads};
    larder_store *store = open_store(folder, &call);
    larder_stream in = {0}, out = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    sums s = {0};
    int64_t begun;

    spine_stream(n, rows, &in);
    begun = microseconds();
    if (larder_join(store, &call, &options, &in, &out, &err) != LARDER_OK)
        fail("join", &err);
    for (;;) {
        if (larder_stream_next(&out, &batch, &err) != LARDER_OK)
            fail("join", &err);
        if (batch.n_rows == 0)
            break;
        add_batch(&s, &batch);
        larder_batch_release(&batch);
    }
    larder_stream_close(&out);
    printf("{\"what\": \"join\", \"by\": \"larder\", \"spine\": %" PRIu64
           ", \"threads\": %u, \"seconds\": %.4f, \"matched\": %" PRIu64
           ", \"sum_i1\": %" PRId64 ", \"sum_f6\": %.1f, \"peak_mib\": %.0f}\n",
        s.rows, threads, (double)(microseconds() - begun) / 1e6, s.matched,
        s.i1, s.f6, peak_mebibytes());
    larder_close(store);
    return 0;
}

static int
materialize(const char *folder, unsigned threads, char **views, size_t n_views)
{
    larder_materialize_options options = {
        .views = (const char *const *)views, .n_views = n_views, .full = true};
    larder_call call = {.n_threads = threads};
    larder_store *store = open_store(folder, &call);
    larder_run_report report = {0};
    larder_error err = {0};
    int64_t begun = microseconds();

    if (larder_materialize(store, &call, &options, &report, &err) != LARDER_OK)
        fail("materialize", &err);
    printf("{\"what\": \"materialize\", \"by\": \"larder\", \"threads\": %u, "
           "\"seconds\": %.4f, \"rows\": %" PRIu64 ", \"peak_mib\": %.0f}\n",
        threads, (double)(microseconds() - begun) / 1e6,
        report.views[0].written, peak_mebibytes());
    larder_run_report_release(&report);
    larder_close(store);
    return 0;
}

#define READS 200000u

static void
choose_keys(reading *r, uint64_t n, uint64_t first, uint64_t entities)
{
    larder_batch_clear(&r->keys);
    for (uint64_t i = 0; i < entities; i++) {
        int64_t key, t;

        data_spine_of(first + i, n, &key, &t);
        append(&r->keys.columns[0], (larder_value){.as.integer = key});
    }
    r->keys.n_rows = entities;
}

static int
get(const char *folder, uint64_t n, uint64_t entities)
{
    static const larder_features four = {.service = "four"};
    reading r = {0};
    larder_store *store = open_store(folder, &r.call);
    uint64_t reads = READS / entities, allocations;
    int64_t *times = malloc((size_t)reads * sizeof *times);

    if (times == NULL)
        fail("get", NULL);
    reading_open(&r, store, &four);
    choose_keys(&r, n, 0, entities);
    reading_once(&r); /* makes the answer's room */
    r.n_found = 0;
    allocations = n_allocations;
    for (uint64_t i = 0; i < reads; i++) {
        choose_keys(&r, n, i * entities, entities);
        times[i] = reading_once(&r);
    }
    allocations = n_allocations - allocations;
    printf("{\"what\": \"get\", \"by\": \"larder\", \"entities\": %" PRIu64
           ", \"p50_ns\": %" PRId64 ", \"p99_ns\": %" PRId64
           ", \"rows\": %" PRIu64 ", \"allocations\": %" PRIu64 "}\n",
        entities, percentile(times, reads, 50), percentile(times, reads, 99),
        r.n_found / 10, allocations);
    free(times);
    reading_close(&r);
    larder_close(store);
    return 0;
}

static int
stats(const char *folder, unsigned threads)
{
    larder_stats_options options = {.view = "all"};
    larder_call call = {.n_threads = threads};
    larder_store *store = open_store(folder, &call);
    larder_stats all = {0};
    larder_error err = {0};
    int64_t begun = microseconds();

    if (larder_stats_of_view(store, &call, &options, &all, &err) != LARDER_OK)
        fail("stats", &err);
    printf("{\"what\": \"stats\", \"by\": \"larder\", \"seconds\": %.4f, "
           "\"rows\": %" PRIu64 ", \"mean_f6\": %.17g, \"stddev_f6\": %.17g, "
           "\"peak_mib\": %.0f}\n",
        (double)(microseconds() - begun) / 1e6, all.rows, all.columns[6].mean,
        all.columns[6].stddev, peak_mebibytes());
    larder_stats_release(&all);
    larder_close(store);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "define") == 0 && argc == 3)
        return define(argv[2]);
    if (strcmp(what, "ingest") == 0 && argc == 5)
        return ingest(argv[2], argv[3], (unsigned)count(argv[4]));
    if (strcmp(what, "csv") == 0 && argc == 3)
        return csv(count(argv[2]));
    if (strcmp(what, "spine") == 0 && argc == 4)
        return spine(count(argv[2]), count(argv[3]));
    if (strcmp(what, "join") == 0 && argc == 6)
        return join(
            argv[2], count(argv[3]), count(argv[4]), (unsigned)count(argv[5]));
    if (strcmp(what, "stats") == 0 && argc == 4)
        return stats(argv[2], (unsigned)count(argv[3]));
    if (strcmp(what, "materialize") == 0 && argc > 4)
        return materialize(
            argv[2], (unsigned)count(argv[3]), argv + 4, (size_t)argc - 4);
    if (strcmp(what, "get") == 0 && argc == 5)
        return get(argv[2], count(argv[3]), count(argv[4]));
    fprintf(stderr, "bench: see the head of bench.c for its subcommands\n");
    return 2;
}
