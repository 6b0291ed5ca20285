/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.c - Larder's own side of every figure, one subcommand each.
 *
 *     bench define FOLDER            a repository to measure in
 *     bench csv N                    the events, to standard output
 *     bench spine N S                the spine, to standard output
 *     bench ingest FOLDER CSV THREADS
 *     bench join FOLDER N S THREADS  seconds and sums of one join
 *     bench materialize FOLDER THREADS VIEW...
 *     bench get FOLDER N ENTITIES    nanoseconds a read
 *
 * Each prints one JSON line. It sees larder.h only, as any program does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/data.h"
#include "larder.h"

static const char store_yaml[] =
    "project: bench\n"
    "registry: {type: sqlite, path: registry.db}\n"
    "offline_store: {type: sqlite, path: offline.db}\n"
    "online_store: {type: lmdb, path: online}\n";

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
fail(const char *what, const larder_error *err)
{
    fprintf(stderr, "bench: %s: %s\n", what, err == NULL ? "" : err->message);
    exit(1);
}

static int64_t
microseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static double
peak_mebibytes(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static FILE *
create(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    if (file == NULL)
        fail(path, NULL);
    return file;
}

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
    FILE *file = create(folder, "feature_store.yaml");

    fputs(store_yaml, file);
    fclose(file);
    file = create(folder, "features.yaml");
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

static void
moment(FILE *file, int64_t t)
{
    char text[33];

    fwrite(text, 1, larder_time_print(t, text), file);
}

static int
csv(uint64_t n)
{
    puts("entity,ts,f0,f1,f2,f3,f4,f5,f6,f7,i0,i1,s");
    for (uint64_t i = 0; i < n; i++) {
        data_event e;

        data_event_of(i, n, &e);
        printf("%" PRId64 ",", e.entity);
        moment(stdout, e.ts);
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
        moment(stdout, t);
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

static larder_store *
open_store(const char *folder, larder_call *call)
{
    static char path[4096];
    larder_open_options options = {.config_path = path};
    larder_store *store = NULL;
    larder_error err = {0};

    snprintf(path, sizeof path, "%s/feature_store.yaml", folder);
    call->now = DATA_START + DATA_SPAN;
    call->monotonic = microseconds;
    if (larder_open(&options, call, &store, &err) != LARDER_OK)
        fail("open", &err);
    return store;
}

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
        larder_value entity = {.type = LARDER_INT64};
        larder_value t = {.type = LARDER_TIMESTAMP};

        data_spine_of(i, n, &entity.as.integer, &t.as.integer);
        if (larder_column_append(&batch.columns[0], &entity, &err) !=
                LARDER_OK ||
            larder_column_append(&batch.columns[1], &t, &err) != LARDER_OK)
            fail("spine", &err);
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

static int
by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

#define READS 200000u

typedef struct reading {
    larder_call call;
    larder_reader *reader;
    larder_batch keys;
    larder_answer answer;
    uint64_t n_found; /* cells with a value */
} reading;

static void
choose_keys(reading *r, uint64_t n, uint64_t first, uint64_t entities)
{
    larder_error err = {0};

    larder_batch_clear(&r->keys);
    for (uint64_t i = 0; i < entities; i++) {
        larder_value key = {.type = LARDER_INT64};
        int64_t t;

        data_spine_of(first + i, n, &key.as.integer, &t);
        if (larder_column_append(&r->keys.columns[0], &key, &err) != LARDER_OK)
            fail("get", &err);
    }
    r->keys.n_rows = entities;
}

static int64_t
read_once(reading *r)
{
    size_t cells = r->answer.room_cells;
    struct timespec from, to;
    larder_error err = {0};

    clock_gettime(CLOCK_MONOTONIC, &from);
    if (larder_reader_get(r->reader, &r->call, &r->keys, &r->answer, &err) !=
        LARDER_OK)
        fail("get", &err);
    clock_gettime(CLOCK_MONOTONIC, &to);
    for (size_t i = 0; i < cells; i++)
        r->n_found += r->answer.presence[i] == LARDER_PRESENT;
    return (to.tv_sec - from.tv_sec) * INT64_C(1000000000) +
           (to.tv_nsec - from.tv_nsec);
}

static int
get(const char *folder, uint64_t n, uint64_t entities)
{
    static const larder_features four = {.service = "four"};
    reading r = {0};
    larder_store *store = open_store(folder, &r.call);
    larder_error err = {0};
    uint64_t reads = READS / entities, allocations;
    int64_t *times = malloc((size_t)reads * sizeof *times);

    if (times == NULL ||
        larder_reader_open(store, &r.call, &four, &r.reader, &err) !=
            LARDER_OK ||
        larder_batch_init(&r.keys, larder_reader_keys(r.reader), &err) !=
            LARDER_OK)
        fail("get", &err);
    choose_keys(&r, n, 0, entities);
    read_once(&r); /* makes the answer's room */
    r.n_found = 0;
    allocations = n_allocations;
    for (uint64_t i = 0; i < reads; i++) {
        choose_keys(&r, n, i * entities, entities);
        times[i] = read_once(&r);
    }
    allocations = n_allocations - allocations;
    qsort(times, (size_t)reads, sizeof *times, by_size);
    printf("{\"what\": \"get\", \"by\": \"larder\", \"entities\": %" PRIu64
           ", \"p50_ns\": %" PRId64 ", \"p99_ns\": %" PRId64
           ", \"rows\": %" PRIu64 ", \"allocations\": %" PRIu64 "}\n",
        entities, times[reads / 2], times[reads * 99 / 100], r.n_found / 10,
        allocations);
    free(times);
    larder_batch_release(&r.keys);
    larder_answer_release(&r.answer);
    larder_reader_close(r.reader);
    larder_close(store);
    return 0;
}

static uint64_t
count(const char *text)
{
    return strtoull(text, NULL, 10);
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
    if (strcmp(what, "materialize") == 0 && argc > 4)
        return materialize(
            argv[2], (unsigned)count(argv[3]), argv + 4, (size_t)argc - 4);
    if (strcmp(what, "get") == 0 && argc == 5)
        return get(argv[2], count(argv[3]), count(argv[4]));
    fprintf(stderr, "bench: see the head of bench.c for its subcommands\n");
    return 2;
}
