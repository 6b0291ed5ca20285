/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows.c - windows of one column, on events of its own: few an entity, or
 * many.
 *
 *     windows csv N PER                   the events, to standard output
 *     windows spine N PER S               the spine, to standard output
 *     windows fill FOLDER N PER           a repository with them
 *     windows join FOLDER N PER S THREADS seconds and sums of one join
 *     windows materialize FOLDER          the two views that are read
 *     windows get FOLDER N PER VIEW       nanoseconds a read of one entity
 *
 * N events of N / PER entities over 90 days. Views: `w` has sum, mean, min, max
 * and count over 7, 30 and 90 days; `few` has sum, mean and max of them; and
 * `plain` has as many features as `few`, each an event's value as it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"
#include "bench/data.h"

#define N_WINDOWS 3u
#define N_AGGREGATES 5u

#define READS 200000u

static const char source_yaml[] =
    "entities:\n  - {name: entity, join_key: entity, type: int64}\n"
    "sources:\n"
    "  - name: events\n    timestamp_field: ts\n    key: [entity]\n"
    "    schema: [{name: entity, type: int64}, {name: v, type: float64}]\n"
    "feature_views:\n";

static const unsigned days[N_WINDOWS] = {7, 30, 90};
static const char *const aggregates[N_AGGREGATES] = {
    "sum", "mean", "min", "max", "count"};

/* ----------------------------------------------------------------- the rows */

typedef struct event {
    int64_t entity, ts;
    double v;
} event;

/* Of the events that everything is measured on: times, and a value of all its
 * digits from 0 to 100; and an entity made of another of their numbers. */
static void
event_of(uint64_t i, uint64_t n, uint64_t per, event *out)
{
    data_event e;

    data_event_of(i, n, &e);
    out->entity = (int64_t)((uint64_t)e.i1 % (n / per));
    out->ts = e.ts;
    out->v = e.f[0] + 50;
}

static void
spine_of(uint64_t i, uint64_t n, uint64_t per, int64_t *entity, int64_t *t)
{
    data_spine_of(i, n, entity, t);
    *entity %= (int64_t)(n / per);
}

static int
csv(uint64_t n, uint64_t per)
{
    puts("entity,v,ts");
    for (uint64_t i = 0; i < n; i++) {
        event e;

        event_of(i, n, per, &e);
        printf("%" PRId64 ",%.17g,", e.entity, e.v);
        print_moment(stdout, e.ts);
        putchar('\n');
    }
    return fflush(stdout) != 0;
}

static int
spine(uint64_t n, uint64_t per, uint64_t rows)
{
    puts("entity,event_timestamp");
    for (uint64_t i = 0; i < rows; i++) {
        int64_t entity, t;

        spine_of(i, n, per, &entity, &t);
        printf("%" PRId64 ",", entity);
        print_moment(stdout, t);
        putchar('\n');
    }
    return fflush(stdout) != 0;
}

/* ---------------------------------------------------------- the repository */

static void
define_windows(FILE *file, const char *view, const char *skip)
{
    fprintf(file,
        "  - name: %s\n    entities: [entity]\n    source: events\n"
        "    features:\n",
        view);
    for (unsigned w = 0; w < N_WINDOWS; w++)
        for (unsigned a = 0; a < N_AGGREGATES; a++)
            if (strstr(skip, aggregates[a]) == NULL)
                fprintf(file,
                    "      - {name: %s_%s%u, type: %s, aggregate: %s, "
                    "column: v, window: %ud}\n",
                    view, aggregates[a], days[w],
                    strcmp(aggregates[a], "count") == 0 ? "int64" : "float64",
                    aggregates[a], days[w]);
}

static void
define(const char *folder)
{
    FILE *file = create(folder, "features.yaml");

    define_store(folder);
    fputs(source_yaml, file);
    define_windows(file, "w", "");
    define_windows(file, "few", "min count");
    fputs("  - name: plain\n    entities: [entity]\n    source: events\n"
          "    features:\n",
        file);
    for (unsigned i = 0; i < N_WINDOWS * (N_AGGREGATES - 2); i++)
        fprintf(file, "      - {name: v%u, type: float64, from: v}\n", i);
    fclose(file);
}

static int
fill(const char *folder, uint64_t n, uint64_t per)
{
    larder_call call = {.n_threads = 2};
    larder_source_shape shape = {0};
    larder_applied applied;
    larder_ingested done = {0};
    larder_stream changes = {0}, rows = {0};
    larder_batch batch = {0};
    larder_store *store;
    larder_error err = {0};

    define(folder);
    store = open_store(folder, &call);
    if (larder_apply(store, &call, NULL, &applied, &changes, &err) != LARDER_OK)
        fail("apply", &err);
    larder_stream_close(&changes);
    if (larder_source_columns(store, &call, "events", &shape, &err) !=
            LARDER_OK ||
        larder_batch_init(&batch, shape.schema, &err) != LARDER_OK)
        fail("fill", &err);
    for (uint64_t i = 0; i < n; i++) {
        event e;

        event_of(i, n, per, &e);
        append(&batch.columns[0], (larder_value){.as.integer = e.entity});
        append(&batch.columns[1], (larder_value){.as.real = e.v});
        append(&batch.columns[2], (larder_value){.as.integer = e.ts});
    }
    batch.n_rows = n;
    if (larder_stream_of(&batch, &rows, &err) != LARDER_OK ||
        larder_ingest(store, &call, "events", &rows, &done, &err) != LARDER_OK)
        fail("fill", &err);
    larder_stream_close(&rows);
    larder_close(store);
    printf("{\"what\": \"fill\", \"rows\": %" PRIu64 "}\n", done.added);
    return 0;
}

/* ------------------------------------------------------------------ the join
 */

static const larder_field spine_fields[] = {
    {"entity", LARDER_INT64}, {"event_timestamp", LARDER_TIMESTAMP}};
static const larder_schema spine_schema = {spine_fields, 2};

static void
spine_stream(uint64_t n, uint64_t per, uint64_t rows, larder_stream *out)
{
    larder_batch batch = {0};
    larder_error err = {0};

    if (larder_batch_init(&batch, &spine_schema, &err) != LARDER_OK)
        fail("spine", &err);
    for (uint64_t i = 0; i < rows; i++) {
        int64_t entity, t;

        spine_of(i, n, per, &entity, &t);
        append(&batch.columns[0], (larder_value){.as.integer = entity});
        append(&batch.columns[1], (larder_value){.as.integer = t});
    }
    batch.n_rows = rows;
    if (larder_stream_of(&batch, out, &err) != LARDER_OK)
        fail("spine", &err);
}

/* Of each feature, over all rows. A row's number weighs it, so that values in
 * another row's place are seen; small ones, so that counts stay whole. */
typedef struct sums {
    uint64_t rows;
    double of[N_WINDOWS][N_AGGREGATES];
} sums;

static double
add_column(const larder_column *column, uint64_t first)
{
    const double *reals = column->values;
    const int64_t *integers = column->values;
    double sum = 0;

    for (size_t i = 0; i < column->n_rows; i++) { /* a null's value is zero */
        double value =
            column->type == LARDER_INT64 ? (double)integers[i] : reals[i];

        sum += value * (double)((first + i) % 7 + 1);
    }
    return sum;
}

static void
add_batch(sums *s, const larder_batch *batch)
{
    const larder_column *column = &batch->columns[2];

    for (unsigned w = 0; w < N_WINDOWS; w++)
        for (unsigned a = 0; a < N_AGGREGATES; a++)
            s->of[w][a] += add_column(column++, s->rows);
    s->rows += batch->n_rows;
}

static void
print_sums(const sums *s)
{
    for (unsigned w = 0; w < N_WINDOWS; w++)
        for (unsigned a = 0; a < N_AGGREGATES; a++)
            printf(", \"%s%u\": %.17g", aggregates[a], days[w], s->of[w][a]);
}

static int
join(const char *folder, uint64_t n, uint64_t per, uint64_t rows,
    unsigned threads)
{
    static const char *const refs[] = {"w"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 1}};
    larder_call call = {.n_threads = threads};
    larder_store *store = open_store(folder, &call);
    larder_stream in = {0}, out = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    sums s = {0};
    int64_t begun, looked, spent;

    spine_stream(n, per, rows, &in);
    begun = microseconds();
    if (larder_join(store, &call, &options, &in, &out, &err) != LARDER_OK)
        fail("join", &err);
    for (;;) {
        if (larder_stream_next(&out, &batch, &err) != LARDER_OK)
            fail("join", &err);
        if (batch.n_rows == 0)
            break;
        looked = microseconds(); /* which the join does not wait for */
        add_batch(&s, &batch);
        begun += microseconds() - looked;
        larder_batch_release(&batch);
    }
    larder_stream_close(&out);
    spent = microseconds() - begun;
    printf("{\"what\": \"windows\", \"by\": \"larder\", \"rows\": %" PRIu64
           ", \"threads\": %u, \"seconds\": %.4f",
        s.rows, threads, (double)spent / 1e6);
    print_sums(&s);
    printf(", \"peak_mib\": %.0f}\n", peak_mebibytes());
    larder_close(store);
    return 0;
}

/* ------------------------------------------------------------------ online */

static int
materialize(const char *folder)
{
    static const char *const views[] = {"few", "plain"};
    larder_materialize_options options = {
        .views = views, .n_views = 2, .full = true};
    larder_call call = {.n_threads = 2};
    larder_store *store = open_store(folder, &call);
    larder_run_report report = {0};
    larder_error err = {0};

    if (larder_materialize(store, &call, &options, &report, &err) != LARDER_OK)
        fail("materialize", &err);
    printf("{\"what\": \"materialize\", \"rows\": %" PRIu64 "}\n",
        report.views[0].written);
    larder_run_report_release(&report);
    larder_close(store);
    return 0;
}

static int
get(const char *folder, uint64_t n, uint64_t per, const char *view)
{
    const char *const refs[] = {view};
    larder_features features = {.refs = refs, .n_refs = 1};
    reading r = {0};
    larder_store *store = open_store(folder, &r.call);
    int64_t *times = malloc(READS * sizeof *times);

    if (times == NULL)
        fail("get", NULL);
    reading_open(&r, store, &features);
    for (uint64_t i = 0; i < READS; i++) {
        int64_t entity, t;

        spine_of(i, n, per, &entity, &t);
        larder_batch_clear(&r.keys);
        append(&r.keys.columns[0], (larder_value){.as.integer = entity});
        r.keys.n_rows = 1;
        times[i] = reading_once(&r);
    }
    printf("{\"what\": \"get\", \"by\": \"%s\", \"p50_ns\": %" PRId64
           ", \"p99_ns\": %" PRId64 ", \"cells\": %" PRIu64 "}\n",
        view, percentile(times, READS, 50), percentile(times, READS, 99),
        r.n_found);
    free(times);
    reading_close(&r);
    larder_close(store);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "csv") == 0 && argc == 4)
        return csv(count(argv[2]), count(argv[3]));
    if (strcmp(what, "spine") == 0 && argc == 5)
        return spine(count(argv[2]), count(argv[3]), count(argv[4]));
    if (strcmp(what, "fill") == 0 && argc == 5)
        return fill(argv[2], count(argv[3]), count(argv[4]));
    if (strcmp(what, "join") == 0 && argc == 7)
        return join(argv[2], count(argv[3]), count(argv[4]), count(argv[5]),
            (unsigned)count(argv[6]));
    if (strcmp(what, "materialize") == 0 && argc == 3)
        return materialize(argv[2]);
    if (strcmp(what, "get") == 0 && argc == 6)
        return get(argv[2], count(argv[3]), count(argv[4]), argv[5]);
    fprintf(stderr, "windows: see the head of windows.c for its subcommands\n");
    return 2;
}
