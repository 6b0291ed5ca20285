/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_ingest.c - files of rows into the history of a source: each file whole or
 * not at all.
 *
 * With --on-error quarantine, records that cannot be read, or that a feature's
 * contract refuses, go to a file beside, as they were, under their header:
 * mended, that file can be ingested too.
 */
#include <string.h>

#include "input.h"
#include "outfile.h"
#include "print.h"
#include "speak.h"
#include "violations.h"

#define REJECTS_USUAL 100u
#define REJECTS_TOLD 10u

/* The records of one file that are set aside. */
struct quarantine {
    struct run *run;
    const char *path;
    struct outfile file; /* opened by the first */
    uint64_t n, max;
};

struct totals {
    uint64_t read, added, duplicate, rejected;
};

static larder_status
too_many(const struct quarantine *q, larder_error *err)
{
    larder_fail(err, LARDER_INVALID,
        "more than %llu record%s cannot be read: nothing of the file was "
        "ingested",
        (unsigned long long)q->max, q->max == 1 ? "" : "s");
    larder_hint(err, "--max-rejects N lets more pass");
    return LARDER_INVALID;
}

static void
tell(struct quarantine *q, const larder_reject *reject)
{
    larder_diagnostic d = {.warning = true,
        .file = reject->file,
        .line = (unsigned)reject->line,
        .message = reject->message};

    if (q->n <= REJECTS_TOLD)
        speak_diagnostic(q->run, &d);
}

static larder_status
set_aside(void *context, const larder_reject *reject, larder_error *err)
{
    struct quarantine *q = context;
    FILE *file;
    larder_status rc = LARDER_OK;

    q->n++;
    tell(q, reject);
    if (q->n > q->max)
        return too_many(q, err);
    if (q->file.file == NULL) {
        LARDER_TRY(outfile_open(q->path, &q->run->arena, &q->file, err));
        if (reject->header.size > 0) {
            fwrite(reject->header.data, 1, reject->header.size, q->file.file);
            fputc('\n', q->file.file);
        }
    }
    file = q->file.file;
    fwrite(reject->record.data, 1, reject->record.size, file);
    fputc('\n', file);
out:
    return rc;
}

/* Where rejects go: --rejects, or beside the file. */
static larder_status
quarantine_path(struct run *run, const char *path, const struct input *input,
    const char **out, larder_error *err)
{
    *out = argument_text(&run->arguments, "rejects");
    if (*out != NULL)
        return LARDER_OK;
    if (strcmp(path, "-") == 0)
        return run_usage(run, err,
            "rows from standard input: --rejects FILE says where those that "
            "cannot be read go");
    *out = ldr_arena_printf(&run->arena, "%s.rejects.%s", path,
        input->format == LARDER_CSV ? "csv" : "jsonl");
    return *out == NULL ? larder_fail(err, LARDER_NOMEM, "no memory for a path")
                        : LARDER_OK;
}

static larder_status
quarantine_init(struct run *run, const char *path, const struct input *input,
    struct quarantine *q, larder_text_options *options, larder_error *err)
{
    const char *on_error = argument_text(&run->arguments, "on-error");
    const struct argument *max = argument_of(&run->arguments, "max-rejects");
    larder_status rc = LARDER_OK;

    *q = (struct quarantine){
        .run = run, .max = max->n > 0 ? max->number : REJECTS_USUAL};
    if (on_error == NULL || strcmp(on_error, "quarantine") != 0)
        return LARDER_OK;
    LARDER_TRY(quarantine_path(run, path, input, &q->path, err));
    if (input_is(input, q->path)) {
        rc = run_usage(run, err,
            "--rejects '%s' is the file that is read: name another", q->path);
        goto out;
    }
    options->reject = set_aside;
    options->context = q;
out:
    return rc;
}

/* The rows are in: keep what was set aside, and say so. */
static larder_status
quarantine_end(struct quarantine *q, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (q->file.file == NULL)
        return LARDER_OK;
    LARDER_TRY(outfile_sync(&q->file, err));
    LARDER_TRY(outfile_commit(&q->file, err));
    if (q->run->output != OUTPUT_JSON)
        speak_warning(q->run, "%llu record%s set aside in '%s'",
            (unsigned long long)q->n, q->n == 1 ? "" : "s", q->path);
out:
    outfile_close(&q->file);
    return rc;
}

static larder_status
ingest_file(struct run *run, larder_store *store, const char *source,
    const larder_source_shape *shape, const char *path, struct totals *out,
    struct violations *violations, larder_error *err)
{
    larder_text_options options = {.schema = shape->schema,
        .required = shape->required,
        .n_required = shape->n_required,
        .check = shape->check,
        .ignore_extra = argument_flag(&run->arguments, "ignore-extra"),
        .naive_offset_minutes = shape->naive_offset_minutes};
    struct input input = {0};
    struct quarantine q = {0};
    larder_stream rows = {0};
    larder_ingested done = {0};
    larder_status rc;

    LARDER_TRY(input_open(run, path, &input, err));
    options.name = input.name;
    options.format = input.format;
    LARDER_TRY(quarantine_init(run, path, &input, &q, &options, err));
    LARDER_TRY(larder_text_read(input.file, &options, &run->call, &rows, err));
    LARDER_TRY(larder_ingest(store, &run->call, source, &rows, &done, err));
    *out = (struct totals){.read = done.read + q.n,
        .added = done.added,
        .duplicate = done.duplicate,
        .rejected = done.rejected + q.n};
    LARDER_TRY(
        violations_add(violations, done.violations, done.n_violations, err));
    rc = quarantine_end(&q, err);
out:
    larder_ingested_release(&done);
    larder_stream_close(&rows);
    outfile_close(&q.file);
    input_close(&input);
    return rc;
}

static void
add_row(struct sheet *sheet, const char *path, const struct totals *one)
{
    sheet_text(sheet, path);
    sheet_number(sheet, one->read);
    sheet_number(sheet, one->added);
    sheet_number(sheet, one->duplicate);
    sheet_number(sheet, one->rejected);
}

static larder_status
print_totals(struct run *run, struct sheet *sheet, const char *source,
    const struct totals *all, const struct violations *violations,
    larder_error *err)
{
    static const struct listing listing = {.name = "files"};
    json_t *facts = json_pack("{s:s, s:I, s:I, s:I, s:I, s:f}", "source",
        source, "read", (json_int_t)all->read, "added", (json_int_t)all->added,
        "duplicate", (json_int_t)all->duplicate, "rejected",
        (json_int_t)all->rejected, "seconds", run_seconds(run));
    larder_status rc;

    violations_tell(violations, facts);
    if (run->told.faults != NULL)
        json_object_set(facts, "faults", run->told.faults);
    LARDER_TRY(sheet_print(sheet, run, &listing, facts, err));
    LARDER_TRY(violations_print(violations, run, err));
    print_words(run, "%llu row%s added to %s in %.2f s",
        (unsigned long long)all->added, all->added == 1 ? "" : "s", source,
        run_seconds(run));
out:
    return rc;
}

static larder_status
run_ingest(struct run *run, larder_error *err)
{
    static const larder_field fields[] = {{"file", LARDER_STRING},
        {"read", LARDER_INT64}, {"added", LARDER_INT64},
        {"duplicate", LARDER_INT64}, {"rejected", LARDER_INT64}};
    const char *source = argument_text(&run->arguments, "source");
    const struct argument *files = argument_of(&run->arguments, "file");
    struct totals all = {0};
    struct violations violations = {0};
    struct sheet sheet = {0};
    larder_source_shape shape = {0};
    larder_store *store;
    larder_status rc, printed = LARDER_OK;

    if (files->n > 1 && argument_text(&run->arguments, "rejects") != NULL)
        return run_usage(run, err,
            "--rejects names one file, and there are %zu to read", files->n);
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_source_columns(store, &run->call, source, &shape, err));
    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < files->n && rc == LARDER_OK; i++) {
        struct totals one = {0};

        rc = ingest_file(run, store, source, &shape, files->texts[i], &one,
            &violations, err);
        if (rc != LARDER_OK)
            break;
        add_row(&sheet, files->texts[i], &one);
        all.read += one.read;
        all.added += one.added;
        all.duplicate += one.duplicate;
        all.rejected += one.rejected;
    }
    /* What went in before a failure is in: say so. */
    if (rc == LARDER_OK || sheet.batch.n_rows > 0)
        printed = print_totals(run, &sheet, source, &all, &violations,
            rc == LARDER_OK ? err : NULL);
    else
        larder_batch_release(&sheet.batch);
    rc = rc == LARDER_OK ? printed : rc;
    if (all.rejected > 0 || violations.list != NULL)
        run->outcome = OUTCOME_CHECK_FAILED;
out:
    violations_release(&violations);
    return rc;
}

static const char *const on_error[] = {"fail", "quarantine", NULL};

const struct operation op_ingest = {.name = "ingest",
    .group = GROUP_HISTORY,
    .help = "add rows of files to the history of a source",
    .long_help =
        "Each FILE is CSV with a header, or JSON lines; '-' is standard input. "
        "A file is added whole or not at all. Rows equal to stored ones are "
        "counted and not added, so the same file twice adds nothing.\n"
        "\n"
        "A record that cannot be read fails its file. With --on-error "
        "quarantine such records are set aside in FILE.rejects.csv (or "
        ".jsonl), the rest is added, and the exit code is 3.\n"
        "\n"
        "Values are judged by what features promise of them (range, nullable, "
        "values). With 'on_violation: refuse' a record that breaks it is as "
        "one "
        "that cannot be read; else it is added, told, and the exit code is 3.",
    .params =
        (const struct param[]){
            {.name = "source",
                .type = PARAM_TEXT,
                .positional = true,
                .required = true,
                .value = "SOURCE",
                .help = "a source with 'schema:', whose table Larder owns"},
            {.name = "file",
                .type = PARAM_FILE,
                .positional = true,
                .required = true,
                .several = true,
                .value = "FILE",
                .help = "rows to add"},
            {.name = "on-error",
                .type = PARAM_CHOICE,
                .value = "WHAT",
                .choices = on_error,
                .help = "fail (unless given), or quarantine what cannot be "
                        "read"},
            {.name = "max-rejects",
                .type = PARAM_NUMBER,
                .value = "N",
                .help = "quarantine at most N records of a file, else fail; "
                        "100 unless given"},
            {.name = "rejects",
                .type = PARAM_FILE,
                .value = "FILE",
                .help = "where quarantined records go"},
            {.name = "ignore-extra",
                .type = PARAM_FLAG,
                .help = "columns that the source does not have are left out"},
            PARAM_FORMAT("FILE"), {0}},
    .run = run_ingest};
