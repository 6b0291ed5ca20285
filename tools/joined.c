/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined.c - the rows of a join and the report on them: to a file with its
 * manifest beside it, or to standard output.
 */
#include "joined.h"

#include <string.h>
#include <unistd.h>

#include "outfile.h"
#include "print.h"
#include "speak.h"

/* ---------------------------------------------------------- what it came to */

static json_t *
features_json(const larder_joined *joined)
{
    json_t *all = json_array();

    for (size_t i = 0; i < joined->n_features; i++) {
        const larder_joined_feature *f = &joined->features[i];

        json_array_append_new(all,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", f->name, "ref",
                f->ref, "nulls", (json_int_t)f->nulls, "before_first",
                (json_int_t)f->before_first, "expired", (json_int_t)f->expired,
                "made_null", (json_int_t)f->made_null));
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
        {"before_first", LARDER_INT64}, {"expired", LARDER_INT64},
        {"made_null", LARDER_INT64}};
    static const struct listing listing = {
        .name = "features", .hide_empty = true};
    struct sheet sheet;
    larder_status rc;

    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < joined->n_features; i++) {
        sheet_text(&sheet, joined->features[i].name);
        sheet_text(&sheet, joined->features[i].ref);
        sheet_number(&sheet, joined->features[i].nulls);
        sheet_number(&sheet, joined->features[i].before_first);
        sheet_number(&sheet, joined->features[i].expired);
        if (joined->features[i].made_null == 0 && run->output == OUTPUT_TABLE)
            sheet_null(&sheet);
        else
            sheet_number(&sheet, joined->features[i].made_null);
    }
    LARDER_TRY(sheet_print(
        &sheet, run, &listing, facts_json(run, joined, output, manifest), err));
    print_words(run, "%llu row%s in %s, generation %llu, %.2f s",
        (unsigned long long)joined->rows, joined->rows == 1 ? "" : "s", output,
        (unsigned long long)joined->generation, run_seconds(run));
out:
    return rc;
}

/* ---------------------------------------------------------------- to a file */

larder_status
joined_format(
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

larder_status
joined_to_file(struct joining *j, const char *path, larder_error *err)
{
    struct run *run = j->run;
    struct outfile rows = {0};
    const larder_joined *joined;
    const char *manifest = NULL;
    larder_format format;
    larder_status rc;

    LARDER_TRY(joined_format(j, path, &format, err));
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

/* ------------------------------------------------------- to standard output */

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

larder_status
joined_to_stdout(struct joining *j, larder_error *err)
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
