/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondemand.c - on-demand features of request columns: no history is read.
 *
 *     ondemand define FOLDER            a repository with three expressions
 *     ondemand join FOLDER ROWS THREADS seconds and sums of one join
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/common.h"
#include "bench/data.h"

static int
define(const char *folder)
{
    FILE *file = create(folder, "features.yaml");

    define_store(folder);
    fputs("sources:\n  - name: asked\n    kind: request\n"
          "    schema: [{name: a, type: float64}, {name: b, type: float64}, "
          "{name: c, type: int64}]\n"
          "on_demand_feature_views:\n  - name: computed\n"
          "    inputs: [asked]\n    features:\n",
        file);
    for (unsigned i = 0; i < DATA_EXPRESSIONS; i++)
        fprintf(file, "      - {name: e%u, type: float64, expr: \"%s\"}\n", i,
            data_expressions[i]);
    return fclose(file) != 0;
}

enum { A, B, C, T, FIRST_EXPRESSION };

static const larder_field fields[] = {{"a", LARDER_FLOAT64},
    {"b", LARDER_FLOAT64}, {"c", LARDER_INT64},
    {"event_timestamp", LARDER_TIMESTAMP}};
static const larder_schema schema = {fields, FIRST_EXPRESSION};

static void
rows_stream(uint64_t rows, larder_stream *out)
{
    larder_batch batch = {0};
    larder_error err = {0};

    if (larder_batch_init(&batch, &schema, &err) != LARDER_OK)
        fail("rows", &err);
    for (uint64_t i = 0; i < rows; i++) {
        data_request r;

        data_request_of(i, &r);
        append(&batch.columns[A], (larder_value){.as.real = r.a});
        append(&batch.columns[B], (larder_value){.as.real = r.b});
        append(&batch.columns[C], (larder_value){.as.integer = r.c});
        append(&batch.columns[T], (larder_value){.as.integer = DATA_START});
    }
    batch.n_rows = rows;
    if (larder_stream_of(&batch, out, &err) != LARDER_OK)
        fail("rows", &err);
}

typedef struct sums {
    uint64_t rows, values;
    double of[DATA_EXPRESSIONS];
} sums;

static void
add_batch(sums *s, const larder_batch *batch)
{
    s->rows += batch->n_rows;
    for (unsigned e = 0; e < DATA_EXPRESSIONS; e++) {
        const larder_column *column = &batch->columns[FIRST_EXPRESSION + e];
        const double *reals = column->values;

        for (size_t i = 0; i < batch->n_rows; i++) /* a null's value is zero */
            s->of[e] += reals[i];
        s->values += batch->n_rows - column->n_nulls;
    }
}

static int
join(const char *folder, uint64_t rows, unsigned threads)
{
    static const char *const refs[] = {"computed"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 1}};
    larder_call call = {.n_threads = threads};
    larder_store *store = open_store(folder, &call);
    larder_stream in = {0}, out = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    sums s = {0};
    int64_t begun, looked, spent;

    rows_stream(rows, &in);
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
    printf("{\"what\": \"compute\", \"by\": \"larder\", \"seconds\": %.4f, "
           "\"rows\": %" PRIu64 ", \"values\": %" PRIu64
           ", \"sum0\": %.17g, \"sum1\": %.17g, \"sum2\": %.17g}\n",
        (double)spent / 1e6, s.rows, s.values, s.of[0], s.of[1], s.of[2]);
    larder_close(store);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "define") == 0 && argc == 3)
        return define(argv[2]);
    if (strcmp(what, "join") == 0 && argc == 5)
        return join(argv[2], count(argv[3]), (unsigned)count(argv[4]));
    fprintf(
        stderr, "ondemand: see the head of ondemand.c for its subcommands\n");
    return 2;
}
