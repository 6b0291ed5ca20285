/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_join.c - point-in-time joins, and Feast's spelling of them.
 */
#include <stdlib.h>
#include <string.h>

#include "join.h"
#include "joined.h"
#include "print.h"

static larder_status
range_end(struct run *run, const char *name, int32_t offset, larder_time *out,
    larder_error *err)
{
    const char *text = argument_text(&run->arguments, name);
    larder_status rc =
        larder_time_parse((larder_bytes){text, strlen(text)}, offset, out, err);

    if (rc != LARDER_OK) {
        larder_context(err, "--%s", name);
        run->usage = true;
    }
    return rc;
}

larder_status
join_options(struct run *run, larder_join_options *out, larder_error *err)
{
    larder_status rc;

    *out = (larder_join_options){
        .timestamp = argument_text(&run->arguments, "timestamp"),
        .as_known = argument_flag(&run->arguments, "as-known")};
    rc = run_offset(run, &out->naive_offset_minutes, err);
    return rc;
}

static larder_status
take_range(struct joining *j, const char *from, const char *to, bool has_spine,
    larder_error *err)
{
    struct run *run = j->run;
    bool has_from = argument_text(&run->arguments, from) != NULL;
    bool has_to = argument_text(&run->arguments, to) != NULL;
    int32_t offset = j->options.naive_offset_minutes;
    larder_status rc = LARDER_OK;

    if (has_spine) {
        if (has_from || has_to)
            rc = run_usage(run, err,
                "a spine says its own times: give a spine, or --%s and --%s",
                from, to);
        return rc;
    }
    if (!has_from || !has_to)
        return run_usage(run, err,
            "which rows? Give a spine, or --%s and --%s for all history in "
            "that range",
            from, to);
    j->options.range = true;
    LARDER_TRY(range_end(run, from, offset, &j->options.from, err));
    LARDER_TRY(range_end(run, to, offset, &j->options.to, err));
    if (j->options.from > j->options.to)
        rc = run_usage(run, err, "the range ends before it begins");
out:
    return rc;
}

/* The spine is open, unless a range stands for it. */
static larder_status
join(struct joining *j, const char *output, larder_error *err)
{
    larder_format unused;
    larder_store *store;
    larder_status rc;

    if (!j->options.range) {
        j->n_verbatim = j->spine.schema->n_fields;
        j->options.spine_format = j->input.format;
    } else {
        j->options.spine_format = LARDER_CSV;
    }
    if (output != NULL)
        LARDER_TRY(joined_format(j, output, &unused, err));
    LARDER_TRY(run_store(j->run, &store, err));
    LARDER_TRY(larder_join(store, &j->run->call, &j->options,
        j->options.range ? NULL : &j->spine, &j->rows, err));
    rc = output == NULL ? joined_to_stdout(j, err)
                        : joined_to_file(j, output, err);
out:
    return rc;
}

static void
end(struct joining *j)
{
    larder_stream_close(&j->rows);
    larder_stream_close(&j->spine);
    input_close(&j->input);
}

/* ------------------------------------------------------ told, and not done */

/* One view: its plan, why, and the statement. */
static void
print_approach(const larder_batch *batch, size_t row)
{
    larder_bytes cells[4];

    for (size_t i = 0; i < 4; i++)
        cells[i] = larder_column_value(&batch->columns[i], row).as.text;
    printf("%.*s: %.*s\n", (int)cells[0].size, (const char *)cells[0].data,
        (int)cells[1].size, (const char *)cells[1].data);
    for (size_t i = 2; i < 4; i++)
        if (!larder_column_value(&batch->columns[i], row).null)
            printf("  %.*s\n", (int)cells[i].size, (const char *)cells[i].data);
}

/* Statements are too long for the cells of a table. */
static larder_status
print_approaches(struct run *run, larder_stream *rows, larder_error *err)
{
    static const struct listing listing = {.name = "views"};
    larder_batch batch = {0};
    larder_status rc;

    if (run->output != OUTPUT_TABLE)
        return print_stream(run, &listing, rows, NULL, err);
    for (;;) {
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++)
            print_approach(&batch, row);
        larder_batch_release(&batch);
    }
    rc = print_flush(run, err);
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
explain_join(struct joining *j, larder_error *err)
{
    larder_store *store;
    larder_status rc;

    LARDER_TRY(run_store(j->run, &store, err));
    LARDER_TRY(larder_join_approach(store, &j->run->call, &j->options,
        j->options.range ? NULL : &j->spine, &j->rows, err));
    rc = print_approaches(j->run, &j->rows, err);
out:
    return rc;
}

/* The spine is the name of a table, and is not opened. */
static larder_status
print_sql(struct joining *j, const char *dialect, larder_error *err)
{
    struct run *run = j->run;
    larder_sql_options options = {.features = j->options.features,
        .dialect = dialect,
        .spine = argument_text(&run->arguments, "spine"),
        .timestamp = j->options.timestamp,
        .as_known = j->options.as_known};
    larder_store *store;
    char *sql = NULL;
    larder_status rc;

    if (argument_text(&run->arguments, "from") != NULL ||
        argument_text(&run->arguments, "to") != NULL ||
        argument_text(&run->arguments, "out") != NULL)
        return run_usage(run, err,
            "--sql prints a statement about a table: it takes no --from, --to "
            "or -O");
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_join_sql(store, &run->call, &options, &sql, err));
    if (run->output == OUTPUT_TABLE || run->output == OUTPUT_CSV) {
        fputs(sql, stdout);
        rc = print_flush(run, err);
    } else {
        rc = print_document(
            run, json_pack("{s:s, s:s}", "dialect", dialect, "sql", sql), err);
    }
out:
    free(sql);
    return rc;
}

static larder_status
run_join(struct run *run, larder_error *err)
{
    const char *spine = argument_text(&run->arguments, "spine");
    const char *dialect = argument_text(&run->arguments, "sql");
    struct joining j = {.run = run};
    larder_status rc;

    LARDER_TRY(join_options(run, &j.options, err));
    LARDER_TRY(run_features(run, &j.options.features, err));
    if (dialect != NULL) {
        rc = print_sql(&j, dialect, err);
        goto out;
    }
    LARDER_TRY(take_range(&j, "from", "to", spine != NULL, err));
    if (spine != NULL)
        LARDER_TRY(input_spine(run, spine, &j.input, &j.spine, err));
    if (argument_flag(&run->arguments, "explain"))
        rc = explain_join(&j, err);
    else
        rc = join(&j, argument_text(&run->arguments, "out"), err);
out:
    end(&j);
    return rc;
}

static const char *const dialects[] = {"postgres", "duckdb", NULL};

#define PARAM_OUT                                                              \
    {                                                                          \
        .name = "out", .letter = 'O', .type = PARAM_FILE, .value = "FILE",     \
        .help = "write FILE.csv or FILE.jsonl, with its manifest beside it"    \
    }

const struct operation op_join = {.name = "join",
    .group = GROUP_HISTORY,
    .help = "a point-in-time training set",
    .long_help =
        "Gives each row of SPINE the features as they were at its time: the "
        "newest row of history not after it, and not older than the view's "
        "ttl. Rows and their order stay as they are, and so does the text of "
        "their values. SPINE is CSV with a header, or JSON lines; '-' is "
        "standard input. Instead of a spine, --from and --to take every "
        "history row in that range of the first view asked for, and the other "
        "views as of each; their keys must be among its own.\n"
        "\n"
        "With --as-known a row counts from its created time on; one without a "
        "created time is never known.\n"
        "\n"
        "With -O the rows go to a file, written whole or not at all, and "
        "FILE.manifest.json says what they were made of; a report is printed. "
        "Without it the rows themselves are printed, in the spine's format "
        "unless -o says another.\n"
        "\n"
        "--explain joins nothing and prints for each view the plan the store "
        "would follow, why, and its statement. --sql prints one statement that "
        "does the same join of plain features in PostgreSQL or DuckDB, for "
        "rows of the table SPINE (spine unless given; for DuckDB a file's name "
        "too); what it cannot do as Larder does stands above it.",
    .params = (const struct param[]){{.name = "spine",
                                         .type = PARAM_FILE,
                                         .positional = true,
                                         .value = "SPINE",
                                         .help = "rows with keys and a time"},
        PARAM_FEATURES, PARAM_SERVICE, PARAM_OUT,
        {.name = "as-known",
            .type = PARAM_FLAG,
            .help = "only rows that were created by the spine's time"},
        {.name = "timestamp",
            .type = PARAM_TEXT,
            .value = "COL",
            .help = "the spine's column of times; event_timestamp unless "
                    "given"},
        PARAM_TIMEZONE, PARAM_FULL_NAMES,
        {.name = "from",
            .type = PARAM_TEXT,
            .value = "TIME",
            .help = "without a spine: history from here"},
        {.name = "to",
            .type = PARAM_TEXT,
            .value = "TIME",
            .help = "to here; both are included"},
        {.name = "explain",
            .type = PARAM_FLAG,
            .help = "join nothing: say how it would be done"},
        {.name = "sql",
            .type = PARAM_CHOICE,
            .value = "DIALECT",
            .choices = dialects,
            .help = "join nothing: print a statement for postgres or duckdb"},
        PARAM_FORMAT("SPINE"), {0}},
    .run = run_join};

/* ------------------------------------------ Feast's get-historical-features */

/* A JSON array of records as JSON lines, in memory. */
static larder_status
lines_of_records(
    struct run *run, const char *text, struct input *out, larder_error *err)
{
    json_error_t fault;
    json_t *records = json_loads(text, 0, &fault), *record;
    size_t i;
    char *lines = NULL;
    size_t size = 0;
    FILE *file;

    if (!json_is_array(records)) {
        json_decref(records);
        return run_usage(run, err,
            "--dataframe is no JSON array of records%s%s",
            records == NULL ? ": " : "", records == NULL ? fault.text : "");
    }
    file = open_memstream(&lines, &size);
    json_array_foreach(records, i, record)
    {
        if (file == NULL)
            break;
        json_dumpf(record, file, JSON_COMPACT | JSON_ENCODE_ANY);
        fputc('\n', file);
    }
    json_decref(records);
    if (file == NULL || fclose(file) != 0)
        return larder_fail(err, LARDER_NOMEM, "no memory for a spine");
    out->name = "--dataframe";
    out->format = LARDER_JSONL;
    out->file = fmemopen(NULL, size + 1, "w+");
    if (out->file != NULL) {
        fwrite(lines, 1, size, out->file);
        rewind(out->file);
    }
    free(lines);
    return out->file == NULL
               ? larder_fail(err, LARDER_NOMEM, "no memory for a spine")
               : LARDER_OK;
}

static larder_status
open_records(struct joining *j, const char *records, larder_error *err)
{
    larder_text_options options = {
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    larder_status rc;

    LARDER_TRY(lines_of_records(j->run, records, &j->input, err));
    options.name = j->input.name;
    options.format = j->input.format;
    LARDER_TRY(larder_text_read(
        j->input.file, &options, &j->run->call, &j->spine, err));
out:
    return rc;
}

static larder_status
run_historical(struct run *run, larder_error *err)
{
    const char *records = argument_text(&run->arguments, "dataframe");
    struct joining j = {.run = run};
    larder_status rc;

    LARDER_TRY(join_options(run, &j.options, err));
    if (argument_text(&run->arguments, "timezone") == NULL)
        j.options.naive_offset_minutes = 0; /* as Feast reads them */
    LARDER_TRY(run_features(run, &j.options.features, err));
    LARDER_TRY(take_range(&j, "start-date", "end-date", records != NULL, err));
    if (records != NULL)
        LARDER_TRY(open_records(&j, records, err));
    rc = join(&j, argument_text(&run->arguments, "out"), err);
out:
    end(&j);
    return rc;
}

const struct operation op_get_historical_features = {
    .name = "get-historical-features",
    .group = GROUP_HISTORY,
    .hidden = true,
    .help = "get-historical-features -f REFS -d RECORDS: join; times without "
            "an offset are UTC",
    .params = (const struct param[]){PARAM_FEATURES,
        {.name = "dataframe",
            .letter = 'd',
            .type = PARAM_TEXT,
            .value = "RECORDS",
            .help = "the spine, a JSON array of objects"},
        {.name = "start-date",
            .letter = 's',
            .type = PARAM_TEXT,
            .value = "TIME",
            .help = "without a spine: history from here"},
        {.name = "end-date",
            .letter = 'e',
            .type = PARAM_TEXT,
            .value = "TIME",
            .help = "to here; both are included"},
        {.name = "service",
            .type = PARAM_TEXT,
            .value = "NAME",
            .help = "the feature service to give"},
        PARAM_OUT, PARAM_TIMEZONE, PARAM_FULL_NAMES, {0}},
    .run = run_historical};
