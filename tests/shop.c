/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shop.c - a small store to try whole journeys on.
 */
#include "tests/shop.h"

#include <stdlib.h>
#include <string.h>

#include "larder_backend.h"
#include "tests/support.h"

static void
must(const shop *s, larder_status rc)
{
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s (%s:%u:%u) %s", larder_status_name(rc),
            s->err.message, s->err.file, s->err.line, s->err.column,
            s->err.hint);
}

larder_time
shop_time(const char *iso)
{
    larder_time time = 0;

    ck_assert_int_eq(larder_time_parse((larder_bytes){iso, strlen(iso)},
                         LARDER_NAIVE_REFUSED, &time, NULL),
        LARDER_OK);
    return time;
}

void
shop_open(shop *s, const char *offline, const char *online)
{
    char yaml[512];

    *s = (shop){.folder = support_folder(),
        .call = support_call(shop_time("2024-06-01T00:00:00Z"))};
    snprintf(yaml, sizeof yaml,
        "project: shop\nregistry: {type: %s%s}\n"
        "offline_store: {type: %s%s}\nonline_store: {type: %s%s}\n",
        strcmp(offline, "sqlite") == 0 ? "sqlite" : "memory",
        strcmp(offline, "sqlite") == 0 ? ", path: registry.db" : "", offline,
        strcmp(offline, "sqlite") == 0 ? ", path: offline.db" : "", online,
        strcmp(online, "lmdb") == 0 ? ", path: online" : "");
    support_write(s->folder, "feature_store.yaml", yaml);
    shop_reopen(s);
}

void
shop_reopen(shop *s)
{
    char path[512];
    larder_open_options options = {
        .config_path = path,
        .offline_backends = s->offline_backends,
        .online_backends = s->online_backends};

    larder_close(s->store);
    s->store = NULL;
    snprintf(path, sizeof path, "%s/feature_store.yaml", s->folder);
    must(s, larder_open(&options, &s->call, &s->store, &s->err));
}

void
shop_close(shop *s)
{
    larder_close(s->store);
    support_remove(s->folder);
    free(s->folder);
    *s = (shop){0};
}

larder_status
shop_apply(shop *s, const char *features_yaml)
{
    larder_applied applied;
    larder_stream changes = {0};
    larder_status rc;

    support_write(s->folder, "features.yaml", features_yaml);
    rc = larder_apply(s->store, &s->call, NULL, &applied, &changes, &s->err);
    larder_stream_close(&changes);
    return rc;
}

static FILE *
text_file(const char *text)
{
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    rewind(file);
    return file;
}

larder_status
shop_ingest(shop *s, const char *source, const char *csv, larder_ingested *out)
{
    larder_source_shape shape;
    larder_text_options options = {.name = "rows.csv", .format = LARDER_CSV};
    larder_ingested ingested = {0};
    larder_stream rows = {0};
    FILE *file = text_file(csv);
    larder_status rc;

    must(s, larder_source_columns(s->store, &s->call, source, &shape, &s->err));
    options.schema = shape.schema;
    options.required = shape.required;
    options.n_required = shape.n_required;
    options.naive_offset_minutes = shape.naive_offset_minutes;
    rc = larder_text_read(file, &options, &s->call, &rows, &s->err);
    if (rc == LARDER_OK)
        rc = larder_ingest(
            s->store, &s->call, source, &rows, &ingested, &s->err);
    larder_stream_close(&rows);
    fclose(file);
    if (rc == LARDER_OK && out != NULL)
        *out = ingested;
    return rc;
}

/* What a stream still has, as text; its batches are counted. */
static larder_status
write_rows(shop *s, larder_stream *rows, size_t n_spine, larder_format from,
    larder_format to, FILE *file, uint64_t *n_batches)
{
    larder_batch batch = {0};
    larder_status rc;

    for (*n_batches = 0;; ++*n_batches) {
        LARDER_TRY(larder_stream_next(rows, &batch, &s->err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(larder_text_write(
            file, to, &batch, n_spine, from, *n_batches == 0, &s->err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

static void
keep_report(shop *s, const larder_stream *rows, shop_joined *joined)
{
    const larder_joined *report;

    must(s, larder_join_report(rows, &report, &s->err));
    joined->manifest = strdup(report->manifest);
    ck_assert_ptr_nonnull(joined->manifest);
    memcpy(joined->spine_digest, report->spine_digest, 33);
    memcpy(joined->digest, report->digest, 33);
    joined->rows = report->rows;
    joined->null_keys = report->null_keys;
    joined->nulls = report->features[0].nulls;
    joined->before_first = report->features[0].before_first;
    joined->expired = report->features[0].expired;
}

static larder_status
open_spine(shop *s, const char *text, larder_format format, FILE **file,
    larder_stream *out)
{
    larder_text_options options = {.name = "spine", .format = format};

    if (text == NULL)
        return LARDER_OK;
    *file = text_file(text);
    return larder_text_read(*file, &options, &s->call, out, &s->err);
}

larder_status
shop_ask(shop *s, const larder_join_options *options, const char *spine,
    larder_format to, shop_joined *out)
{
    larder_format from = options->spine_format;
    shop_joined joined = {0};
    larder_stream rows = {0}, input = {0};
    FILE *file = NULL, *written = NULL;
    size_t size = 0, n_spine = 0;
    larder_status rc;

    LARDER_TRY(open_spine(s, spine, from, &file, &input));
    if (spine != NULL)
        n_spine = input.schema->n_fields;
    LARDER_TRY(larder_join(s->store, &s->call, options,
        spine == NULL ? NULL : &input, &rows, &s->err));
    ck_assert(input.next == NULL); /* it was taken over */
    written = open_memstream(&joined.text, &size);
    rc = write_rows(s, &rows, n_spine, from, to, written, &joined.n_batches);
    fclose(written);
    if (rc == LARDER_OK)
        keep_report(s, &rows, &joined);
out:
    larder_stream_close(&rows);
    larder_stream_close(&input);
    if (file != NULL)
        fclose(file);
    if (rc == LARDER_OK)
        *out = joined;
    else
        shop_joined_release(&joined);
    return rc;
}

void
shop_joined_release(shop_joined *joined)
{
    free(joined->text);
    free(joined->manifest);
    *joined = (shop_joined){0};
}

char *
shop_join(shop *s, const char *spine_csv, const char *ref, bool as_known)
{
    larder_join_options options = {.features = {.refs = &ref, .n_refs = 1},
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .as_known = as_known,
        .spine_format = LARDER_CSV};
    shop_joined joined;

    must(s, shop_ask(s, &options, spine_csv, LARDER_CSV, &joined));
    free(joined.manifest);
    return joined.text;
}

static void
write_candidate(const larder_batch *rows, size_t row, FILE *out)
{
    for (size_t i = 0; i < 4; i++) {
        larder_value value = larder_column_value(&rows->columns[i], row);
        char text[600];
        size_t n = larder_value_print(&value, text, sizeof text);

        fprintf(out, "%.*s%s", value.null ? 1 : (int)n, value.null ? "-" : text,
            i == 3 ? "\n" : " ");
    }
}

static larder_status
try_explain(shop *s, const larder_join_options *options, const char *spine,
    uint64_t row, const char *ref, FILE *out)
{
    larder_stream input = {0}, rows = {0};
    larder_batch batch = {0};
    FILE *file = NULL;
    larder_status rc;

    LARDER_TRY(open_spine(s, spine, LARDER_CSV, &file, &input));
    LARDER_TRY(larder_explain(
        s->store, &s->call, options, &input, row, ref, &rows, &s->err));
    for (;;) {
        LARDER_TRY(larder_stream_next(&rows, &batch, &s->err));
        if (batch.n_rows == 0)
            break;
        for (size_t i = 0; i < batch.n_rows; i++)
            write_candidate(&batch, i, out);
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    larder_stream_close(&input);
    fclose(file);
    return rc;
}

char *
shop_explain(shop *s, const larder_join_options *options, const char *spine_csv,
    uint64_t row, const char *ref)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    if (try_explain(s, options, spine_csv, row, ref, out) != LARDER_OK)
        fprintf(out, "error: %s", s->err.message);
    fclose(out);
    return result;
}

larder_status
shop_materialize(
    shop *s, const larder_materialize_options *o, larder_run_report *report)
{
    larder_materialize_options defaults = {0};
    larder_run_report own = {0};
    larder_status rc = larder_materialize(s->store, &s->call,
        o == NULL ? &defaults : o, report == NULL ? &own : report, &s->err);

    larder_run_report_release(&own);
    return rc;
}

static larder_status
try_get(shop *s, int64_t key, const char *ref, FILE *out)
{
    larder_features features = {.refs = &ref, .n_refs = 1, .full_names = true};
    larder_value value = {.type = LARDER_INT64, .as.integer = key};
    larder_reader *reader = NULL;
    larder_answer answer = {0};
    larder_batch keys = {0};
    char text[256], time[33] = "-";
    size_t n;
    larder_status rc;

    LARDER_TRY(
        larder_reader_open(s->store, &s->call, &features, &reader, &s->err));
    LARDER_TRY(larder_batch_init(&keys, larder_reader_keys(reader), &s->err));
    for (size_t i = 0; i < keys.schema->n_fields; i++)
        LARDER_TRY(larder_column_append(&keys.columns[i], &value, &s->err));
    keys.n_rows = 1;
    LARDER_TRY(larder_reader_get(reader, &s->call, &keys, &answer, &s->err));
    value = larder_column_value(&answer.values.columns[0], 0);
    n = value.null ? 0 : larder_value_print(&value, text, sizeof text);
    if (answer.event_times[0] != LARDER_NO_TIME)
        larder_time_print(answer.event_times[0], time);
    fprintf(out, "%.*s %s %s", value.null ? 4 : (int)n,
        value.null ? "null" : text,
        larder_presence_name((larder_presence)answer.presence[0]), time);
out:
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
    return rc;
}

char *
shop_get(shop *s, int64_t key, const char *ref)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    if (try_get(s, key, ref, out) != LARDER_OK)
        fprintf(out, "error: %s", s->err.message);
    fclose(out);
    return result;
}
