/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_copy.c - from one environment to another: definitions, history, online
 * rows. What both sides hold afterwards is compared, and the report says it.
 */
#include "changes.h"
#include "print.h"
#include "speak.h"

#include <string.h>

static const char *
environment(const struct run *run, const char *name)
{
    const char *text = argument_text(&run->arguments, name);

    return text == NULL || text[0] == '\0' ? "local" : text;
}

/* ------------------------------------------------------------------- report
 */

static void
add_copy(struct sheet *sheet, const struct run *run, const larder_copied *c)
{
    bool people = run->output == OUTPUT_TABLE;

    sheet_text(sheet, c->kind);
    sheet_text(sheet, c->name);
    sheet_number(sheet, c->read);
    sheet_number(sheet, c->written);
    sheet_number(sheet, c->unchanged);
    if (people && c->older == 0)
        sheet_null(sheet);
    else
        sheet_number(sheet, c->older);
    if (!c->compared)
        sheet_null(sheet);
    else
        sheet_number(sheet, c->held);
    if (!c->compared)
        sheet_null(sheet);
    else
        sheet_text(sheet, c->equal ? "equal" : "different");
    if (!people) {
        sheet_text(sheet, c->compared ? c->digest : NULL);
        sheet_text(sheet, c->compared ? c->digest_to : NULL);
    }
    sheet_text(sheet, c->reason);
}

#define COUNTS                                                                 \
    {"kind", LARDER_STRING}, {"name", LARDER_STRING}, {"read", LARDER_INT64},  \
        {"written", LARDER_INT64}, {"unchanged", LARDER_INT64},                \
        {"older", LARDER_INT64}, {"held", LARDER_INT64},                       \
    {                                                                          \
        "digests", LARDER_STRING                                               \
    }

static larder_status
print_copies(struct run *run, const larder_copy_report *report, json_t *facts,
    larder_error *err)
{
    static const larder_field fields[] = {COUNTS, {"digest", LARDER_STRING},
        {"digest_to", LARDER_STRING}, {"reason", LARDER_STRING}};
    static const larder_field people_fields[] = {
        COUNTS, {"reason", LARDER_STRING}};
    static const struct listing listing = {
        .name = "copies", .hide_empty = true};
    bool people = run->output == OUTPUT_TABLE;
    struct sheet sheet;

    sheet_begin(&sheet, people ? people_fields : fields,
        people ? sizeof people_fields / sizeof *people_fields
               : sizeof fields / sizeof *fields);
    for (size_t i = 0; i < report->n_copies; i++)
        add_copy(&sheet, run, &report->copies[i]);
    return sheet_print(&sheet, run, &listing, facts, err);
}

static json_t *
cell_json(const larder_batch *batch, size_t column, size_t row)
{
    larder_value value = larder_column_value(&batch->columns[column], row);

    if (value.null)
        return json_null();
    if (value.type == LARDER_BOOL)
        return json_boolean(value.as.boolean);
    return json_stringn(value.as.text.data, value.as.text.size);
}

/* The changes of definitions, as plan has them; the stream is read up. */
static larder_status
changes_json(larder_stream *changes, json_t *list, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_stream_next(changes, &batch, err));
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++) {
            json_t *change = json_object();

            for (size_t c = 0; c < batch.schema->n_fields; c++)
                json_object_set_new(change, batch.schema->fields[c].name,
                    cell_json(&batch, c, row));
            json_array_append_new(list, change);
        }
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
print_document_of(struct run *run, const larder_copy_report *report,
    larder_stream *changes, bool dry_run, larder_error *err)
{
    json_t *list = json_array();
    json_t *facts = json_pack("{s:s, s:s, s:I, s:I, s:b, s:f}", "from",
        environment(run, "from"), "to", environment(run, "to"), "generation",
        (json_int_t)report->generation, "generation_to",
        (json_int_t)report->generation_to, "dry_run", (int)dry_run, "seconds",
        run_seconds(run));
    larder_status rc = LARDER_OK;

    json_object_set_new(facts, "changes", list);
    if (changes->next != NULL)
        rc = changes_json(changes, list, err);
    if (rc == LARDER_OK)
        return print_copies(run, report, facts, err);
    json_decref(facts);
    return rc;
}

static larder_status
print_report(struct run *run, const larder_copy_report *report,
    larder_stream *changes, bool dry_run, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (run->output != OUTPUT_TABLE)
        return print_document_of(run, report, changes, dry_run, err);
    if (changes->next != NULL && report->n_changes > 0)
        LARDER_TRY(changes_print(run, changes, NULL, err));
    print_words(run,
        dry_run ? "definitions of generation %llu: %zu changes in '%s'"
                : "definitions of generation %llu: %zu changes made in '%s'",
        (unsigned long long)report->generation, report->n_changes,
        environment(run, "to"));
    if (report->n_copies > 0)
        rc = print_copies(run, report, NULL, err);
out:
    return rc;
}

/* -------------------------------------------------------------------- judge
 */

/* What was asked for and gave nothing at all is no success. */
static void
judge_kind(struct run *run, const larder_copy_report *report, const char *kind,
    const char *what)
{
    uint64_t n_read = 0;

    for (size_t i = 0; i < report->n_copies; i++)
        if (report->copies[i].kind[0] == kind[0])
            n_read += report->copies[i].read;
    if (n_read > 0)
        return;
    run->outcome = OUTCOME_CHECK_FAILED;
    speak_warning(
        run, "there is no %s to copy in '%s'", what, environment(run, "from"));
}

static void
judge(struct run *run, const larder_copy_report *report,
    const larder_copy_options *options)
{
    for (size_t i = 0; i < report->n_copies && !options->dry_run; i++) {
        const larder_copied *c = &report->copies[i];

        if (!c->compared || c->equal)
            continue;
        run->outcome = OUTCOME_CHECK_FAILED;
        speak_warning(run, "%s '%s' is not the same on both sides%s%s", c->kind,
            c->name, c->reason == NULL ? "" : ": ",
            c->reason == NULL ? "" : c->reason);
    }
    if (options->history)
        judge_kind(run, report, "source", "history");
    if (options->online)
        judge_kind(run, report, "view", "online row");
}

/* ---------------------------------------------------------------------- run
 */

static larder_status
copy(struct run *run, larder_store *from, larder_store *to,
    const larder_copy_options *options, larder_error *err)
{
    larder_copy_report report = {0};
    larder_stream changes = {0};
    larder_status rc, printed = LARDER_OK;

    rc = larder_copy(from, to, &run->call, options, &report, &changes, err);
    if (rc == LARDER_OK)
        printed = print_report(run, &report, &changes, options->dry_run, err);
    else if (report.n_copies > 0)
        printed = print_report(run, &report, &changes, options->dry_run, NULL);
    rc = rc == LARDER_OK ? printed : rc;
    if (rc == LARDER_OK)
        judge(run, &report, options);
    larder_stream_close(&changes);
    larder_copy_report_release(&report);
    return rc;
}

static larder_status
run_copy(struct run *run, larder_error *err)
{
    const struct arguments *arguments = &run->arguments;
    larder_copy_options options = {
        .history = argument_flag(arguments, "history"),
        .online = argument_flag(arguments, "online"),
        .dry_run = argument_flag(arguments, "dry-run"),
        .allow_breaking = argument_flag(arguments, "allow-breaking")};
    const char *from_name = environment(run, "from");
    const char *to_name = environment(run, "to");
    larder_store *from = NULL, *to = NULL;
    larder_status rc;

    if (strcmp(from_name, to_name) == 0)
        return run_usage(run, err,
            "--from and --to are both '%s': give two environments", to_name);
    if (argument_text(arguments, "env") != NULL)
        return run_usage(run, err,
            "copy takes its environments from --from and --to: give no --env");
    LARDER_TRY(run_environment(run, from_name, &from, err));
    LARDER_TRY(run_environment(run, to_name, &to, err));
    rc = copy(run, from, to, &options, err);
out:
    larder_close(to);
    larder_close(from);
    return rc;
}

const struct operation op_copy = {.name = "copy",
    .group = GROUP_DEFINITIONS,
    .help = "bring one environment to another: definitions, history, online",
    .long_help =
        "An environment is NAME where feature_store.NAME.yaml is its "
        "configuration; 'local' is feature_store.yaml. The definitions applied "
        "last in the one are applied in the other. With --history the rows of "
        "sources that Larder owns follow; tables of yours are named and left "
        "alone. With --online the rows of every online view follow, and last "
        "what says up to where it is materialized.\n"
        "\n"
        "Rows that are there already are counted and stay; an older row never "
        "replaces a newer one. So a copy that was interrupted is ended by "
        "giving the same command again. At the end the rows of both sides are "
        "compared by digests: the exit code is 3 when one differs, and when "
        "there was nothing to copy of what was asked for.",
    .params =
        (const struct param[]){
            {.name = "from",
                .type = PARAM_TEXT,
                .value = "NAME",
                .help = "the environment to copy from; 'local' unless given"},
            {.name = "to",
                .type = PARAM_TEXT,
                .required = true,
                .value = "NAME",
                .help = "the environment to copy to"},
            {.name = "history",
                .type = PARAM_FLAG,
                .help = "the rows of sources that Larder owns too"},
            {.name = "online",
                .type = PARAM_FLAG,
                .help = "the rows that are online too"},
            {.name = "dry-run",
                .type = PARAM_FLAG,
                .help = "count and compare, write nothing"},
            {.name = "allow-breaking",
                .type = PARAM_FLAG,
                .help = "also when a feature service can no longer answer as "
                        "before"},
            {0}},
    .run = run_copy};
