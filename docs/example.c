/* SPDX-License-Identifier: Apache-2.0 */
/*
 * example.c - the whole job through the library, on examples/flights:
 *
 *     cc example.c $(pkg-config --cflags --libs larder) -o example
 *     cd flights && ../example
 */
#include <larder.h>

#include <inttypes.h>

static larder_status
write_rows(
    larder_stream *rows, size_t n_spine, const char *path, larder_error *err)
{
    FILE *file = fopen(path, "w");
    larder_batch batch = {0};
    bool first = true;
    larder_status rc = LARDER_OK;

    if (file == NULL)
        return larder_fail(err, LARDER_IO, "cannot write '%s'", path);
    for (;; first = false) {
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(larder_text_write(
            file, LARDER_CSV, &batch, n_spine, LARDER_CSV, first, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    fclose(file);
    return rc;
}

/* Definitions to the registry, rows of a file to history. */
static larder_status
fill(
    larder_store *store, const larder_call *call, FILE *file, larder_error *err)
{
    larder_text_options text = {.name = "flights.csv", .format = LARDER_CSV};
    larder_source_shape shape;
    larder_applied applied;
    larder_ingested done = {0};
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(larder_apply(store, call, NULL, &applied, &rows, err));
    larder_stream_close(&rows); /* what changed, for those who want to know */
    LARDER_TRY(larder_source_columns(store, call, "flights", &shape, err));
    text.schema = shape.schema;
    text.required = shape.required;
    text.n_required = shape.n_required;
    text.check = shape.check;
    text.naive_offset_minutes = shape.naive_offset_minutes;
    LARDER_TRY(larder_text_read(file, &text, call, &rows, err));
    LARDER_TRY(larder_ingest(store, call, "flights", &rows, &done, err));
    printf("generation %" PRIu64 ", %" PRIu64 " flights\n", applied.generation,
        done.added);
out:
    larder_ingested_release(&done);
    larder_stream_close(&rows);
    return rc;
}

/* Each row of the spine with the features as they were at its time. */
static larder_status
train(
    larder_store *store, const larder_call *call, FILE *file, larder_error *err)
{
    larder_text_options text = {.name = "spine.csv", .format = LARDER_CSV};
    larder_join_options options = {.features.service = "delay_model_v1",
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};
    larder_stream spine = {0}, rows = {0};
    const larder_joined *joined;
    size_t n_spine;
    larder_status rc;

    LARDER_TRY(larder_text_read(file, &text, call, &spine, err));
    n_spine = spine.schema->n_fields; /* the join takes the spine over */
    LARDER_TRY(larder_join(store, call, &options, &spine, &rows, err));
    LARDER_TRY(write_rows(&rows, n_spine, "training.csv", err));
    LARDER_TRY(larder_join_report(&rows, &joined, err));
    printf("training.csv: %" PRIu64 " rows\n", joined->rows);
out:
    larder_stream_close(&rows);
    larder_stream_close(&spine);
    return rc;
}

/* The newest values of one route, online. */
static larder_status
serve(larder_store *store, const larder_call *call, larder_error *err)
{
    larder_features features = {.service = "delay_model_v1"};
    const larder_value route[] = {/* destination and origin: by name */
        {.type = LARDER_STRING, .as.text = {"LAX", 3}},
        {.type = LARDER_STRING, .as.text = {"SFO", 3}}};
    larder_run_report report = {0};
    larder_reader *reader = NULL;
    larder_batch keys = {0};
    larder_answer answer = {0};
    larder_status rc;

    LARDER_TRY(larder_materialize(
        store, call, &(larder_materialize_options){0}, &report, err));
    LARDER_TRY(larder_reader_open(store, call, &features, &reader, err));
    LARDER_TRY(larder_batch_init(&keys, larder_reader_keys(reader), err));
    for (size_t i = 0; i < 2; i++)
        LARDER_TRY(larder_column_append(&keys.columns[i], &route[i], err));
    keys.n_rows = 1;
    LARDER_TRY(larder_reader_get(reader, call, &keys, &answer, err));
    for (size_t i = 0; i < answer.values.schema->n_fields; i++) {
        larder_value value = larder_column_value(&answer.values.columns[i], 0);
        char words[64];
        size_t size = larder_value_print(&value, words, sizeof words);

        printf("%s = %.*s %s\n", answer.values.schema->fields[i].name,
            (int)size, words,
            larder_presence_name((larder_presence)answer.presence[i]));
    }
out:
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
    larder_run_report_release(&report);
    return rc;
}

int
main(void)
{
    larder_open_options options = {.config_path = "feature_store.yaml"};
    larder_call call = {0};
    larder_store *store = NULL;
    larder_error err = {0};
    FILE *flights = fopen("flights.csv", "r"), *spine = fopen("spine.csv", "r");
    larder_status rc = LARDER_NOT_FOUND;

    if (flights == NULL || spine == NULL)
        goto out;
    /* The library reads no clock: these flights are of 2001, and so is now. */
    LARDER_TRY(larder_time_parse(
        (larder_bytes){"2001-04-01", 10}, 0, &call.now, &err));
    LARDER_TRY(larder_open(&options, &call, &store, &err));
    LARDER_TRY(fill(store, &call, flights, &err));
    LARDER_TRY(train(store, &call, spine, &err));
    LARDER_TRY(serve(store, &call, &err));
out:
    if (rc != LARDER_OK)
        fprintf(stderr, "%s: %s\n", larder_status_text(rc), err.message);
    larder_close(store);
    if (flights != NULL)
        fclose(flights);
    if (spine != NULL)
        fclose(spine);
    return rc == LARDER_OK ? 0 : 1;
}
