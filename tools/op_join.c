/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_join.c - point-in-time joins: to a file with its manifest beside it, or
 * to standard output.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "join.h"
#include "outfile.h"
#include "print.h"
#include "speak.h"

struct joining {
    struct run *run;
    larder_join_options options;
    struct input input; /* of the spine; {0} with a range */
    larder_stream spine;
    larder_stream rows;
    size_t n_verbatim; /* columns of the output that are the spine's text */
};

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

/* ----------------------------------------------------------- what it came to
 */

static json_t *
features_json(const larder_joined *joined)
{
    json_t *all = json_array();

    for (size_t i = 0; i < joined->n_features; i++) {
        const larder_joined_feature *f = &joined->features[i];

        json_array_append_new(
            all, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", f->name, "ref",
                     f->ref, "nulls", (json_int_t)f->nulls, "before_first",
                     (json_int_t)f->before_first, "expired",
                     (json_int_t)f->expired));
    }
    return all;
}

static json_t *
facts_json(struct run *run, const larder_joined *joined, const char *output,
    const char *manifest)
{
    return json_pack("{s:I, s:I, s:I, s:s, s:s, s:s?, s:s?, s:f}", "rows",
        (json_int_t)joined->rows, "null_keys", (json_int_t)joined->null_keys,
        "generation", (json_int_t)joined->generation, "spine_digest",
        joined->spine_digest, "digest", joined->digest, "output", output,
        "manifest", manifest, "seconds", run_seconds(run));
}

static void
say_null_keys(struct run *run, const larder_joined *joined)
{
    if (joined->null_keys > 0)
        speak_note(run,
            "%llu row%s of the spine with a null in the key: null features",
            (unsigned long long)joined->null_keys,
            joined->null_keys == 1 ? "" : "s");
}

static larder_status
print_report(struct run *run, const larder_joined *joined, const char *output,
    const char *manifest, larder_error *err)
{
    static const larder_field fields[] = {{"name", LARDER_STRING},
        {"ref", LARDER_STRING}, {"nulls", LARDER_INT64},
        {"before_first", LARDER_INT64}, {"expired", LARDER_INT64}};
    static const struct listing listing = {.name = "features"};
    struct sheet sheet;
    larder_status rc;

    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < joined->n_features; i++) {
        sheet_text(&sheet, joined->features[i].name);
        sheet_text(&sheet, joined->features[i].ref);
        sheet_number(&sheet, joined->features[i].nulls);
        sheet_number(&sheet, joined->features[i].before_first);
        sheet_number(&sheet, joined->features[i].expired);
    }
    LARDER_TRY(sheet_print(
        &sheet, run, &listing, facts_json(run, joined, output, manifest), err));
    print_words(run, "%llu row%s in %s, generation %llu, %.2f s",
        (unsigned long long)joined->rows, joined->rows == 1 ? "" : "s", output,
        (unsigned long long)joined->generation, run_seconds(run));
out:
    return rc;
}

/* ------------------------------------------------------------------ to a file
 */

static larder_status
format_of_name(
    struct joining *j, const char *path, larder_format *out, larder_error *err)
{
    const char *dot = strrchr(path, '.');
    larder_status rc = LARDER_OK;

    if (strncmp(path, "/dev/", 5) == 0)
        *out = j->options.range ? LARDER_CSV : j->options.spine_format;
    else if (dot != NULL && strcmp(dot, ".csv") == 0)
        *out = LARDER_CSV;
    else if (dot != NULL &&
             (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0))
        *out = LARDER_JSONL;
    else
        rc = run_usage(j->run, err,
            "-O '%s': the name ends in .csv or .jsonl, which says the format",
            path);
    return rc;
}

static larder_status
write_rows(
    struct joining *j, FILE *file, larder_format format, larder_error *err)
{
    larder_batch batch = {0};
    bool first = true;
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_stream_next(&j->rows, &batch, err));
        if (batch.n_rows == 0 && !first)
            break;
        /* A join of no row is a header. */
        if (batch.n_rows == 0 && batch.schema == NULL)
            LARDER_TRY(larder_batch_init(&batch, j->rows.schema, err));
        if (file == stdout)
            speak_clear(j->run);
        LARDER_TRY(larder_text_write(file, format, &batch, j->n_verbatim,
            j->options.spine_format, first, err));
        first = false;
        if (batch.n_rows == 0)
            break;
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

/* The library's manifest, with the digest of the file as one member more. */
static void
write_manifest(FILE *file, const char *manifest, const char *digest)
{
    size_t size = strlen(manifest);

    while (
        size > 0 && (manifest[size - 1] == '\n' || manifest[size - 1] == '}'))
        size--;
    fwrite(manifest, 1, size, file);
    fprintf(file, ",\n  \"file_digest\": \"%s\"\n}\n", digest);
}

/* Both files are on the disk before either takes its name, and a manifest
 * never stands beside rows that it does not speak of. */
static larder_status
commit_both(struct run *run, struct outfile *rows, const char *manifest_path,
    const larder_joined *joined, larder_error *err)
{
    struct outfile manifest = {0};
    char digest[33];
    larder_status rc;

    LARDER_TRY(outfile_sync(rows, err));
    LARDER_TRY(outfile_digest(rows, digest, err));
    LARDER_TRY(outfile_open(manifest_path, &run->arena, &manifest, err));
    write_manifest(manifest.file, joined->manifest, digest);
    LARDER_TRY(outfile_sync(&manifest, err));
    unlink(manifest_path);
    LARDER_TRY(outfile_commit(rows, err));
    LARDER_TRY(outfile_commit(&manifest, err));
out:
    outfile_close(&manifest);
    return rc;
}

static larder_status
join_to_file(struct joining *j, const char *path, larder_error *err)
{
    struct run *run = j->run;
    struct outfile rows = {0};
    const larder_joined *joined;
    const char *manifest = NULL;
    larder_format format;
    larder_status rc;

    LARDER_TRY(format_of_name(j, path, &format, err));
    LARDER_TRY(outfile_open(path, &run->arena, &rows, err));
    LARDER_TRY(write_rows(j, rows.file, format, err));
    LARDER_TRY(larder_join_report(&j->rows, &joined, err));
    if (rows.temporary == NULL) {
        LARDER_TRY(outfile_sync(&rows, err));
    } else {
        manifest = ldr_arena_printf(&run->arena, "%s.manifest.json", path);
        if (manifest == NULL) {
            rc = larder_fail(err, LARDER_NOMEM, "no memory for a path");
            goto out;
        }
        LARDER_TRY(commit_both(run, &rows, manifest, joined, err));
    }
    say_null_keys(run, joined);
    rc = print_report(run, joined, path, manifest, err);
out:
    outfile_close(&rows);
    return rc;
}

/* --------------------------------------------------------- to standard output
 */

/* Rows as a table, or inside one JSON document. */
static larder_status
join_to_printer(struct joining *j, larder_error *err)
{
    struct listing listing = {.name = "data",
        .n_tokens = j->options.spine_format == LARDER_JSONL &&
                            j->run->output == OUTPUT_JSON
                        ? j->n_verbatim
                        : 0};
    struct printer printer = {0};
    larder_batch batch = {0};
    const larder_joined *joined = NULL;
    json_t *facts = NULL;
    larder_status rc;

    LARDER_TRY(print_open(&printer, j->run, &listing, j->rows.schema, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(&j->rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(print_batch(&printer, &batch, err));
        larder_batch_release(&batch);
    }
    LARDER_TRY(larder_join_report(&j->rows, &joined, err));
    facts = facts_json(j->run, joined, NULL, NULL);
    json_object_set_new(facts, "features", features_json(joined));
out:
    larder_batch_release(&batch);
    rc = print_close(&printer, rc, facts, err);
    if (rc == LARDER_OK)
        say_null_keys(j->run, joined);
    return rc;
}

static larder_status
join_to_stdout(struct joining *j, larder_error *err)
{
    struct run *run = j->run;
    larder_format format =
        j->options.range ? LARDER_CSV : j->options.spine_format;
    const larder_joined *joined;
    larder_status rc;

    if (run->output_given && run->output == OUTPUT_CSV)
        format = LARDER_CSV;
    else if (run->output_given && run->output == OUTPUT_JSONL)
        format = LARDER_JSONL;
    else if (run->output_given)
        return join_to_printer(j, err);
    LARDER_TRY(write_rows(j, stdout, format, err));
    LARDER_TRY(larder_join_report(&j->rows, &joined, err));
    say_null_keys(run, joined);
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
        LARDER_TRY(format_of_name(j, output, &unused, err));
    LARDER_TRY(run_store(j->run, &store, err));
    LARDER_TRY(larder_join(store, &j->run->call, &j->options,
        j->options.range ? NULL : &j->spine, &j->rows, err));
    rc = output == NULL ? join_to_stdout(j, err) : join_to_file(j, output, err);
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

static larder_status
run_join(struct run *run, larder_error *err)
{
    const char *spine = argument_text(&run->arguments, "spine");
    struct joining j = {.run = run};
    larder_status rc;

    LARDER_TRY(join_options(run, &j.options, err));
    LARDER_TRY(run_features(run, &j.options.features, err));
    LARDER_TRY(take_range(&j, "from", "to", spine != NULL, err));
    if (spine != NULL)
        LARDER_TRY(input_spine(run, spine, &j.input, &j.spine, err));
    rc = join(&j, argument_text(&run->arguments, "out"), err);
out:
    end(&j);
    return rc;
}

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
        "history row in that range.\n"
        "\n"
        "With -O the rows go to a file, written whole or not at all, and "
        "FILE.manifest.json says what they were made of; a report is printed. "
        "Without it the rows themselves are printed, in the spine's format "
        "unless -o says another.",
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
        PARAM_FORMAT("SPINE"), {0}},
    .run = run_join};

/* ------------------------------------------------- Feast's
 * get-historical-features */

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
