/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_push.c - rows now: into history, online, or both; all of them or none.
 */
#include <string.h>

#include "fallback.h"
#include "input.h"
#include "print.h"
#include "speak.h"
#include "violations.h"

#define REJECTS_TOLD 100u

/* Records that cannot be read: all are looked for, so that all are told. */
struct rejects {
    struct run *run;
    uint64_t n;
};

static larder_status
tell(void *context, const larder_reject *reject, larder_error *err)
{
    struct rejects *rejects = context;
    larder_diagnostic fault = {.file = reject->file,
        .line = (unsigned)reject->line,
        .message = reject->message};

    (void)err;
    if (rejects->n++ < REJECTS_TOLD)
        speak_diagnostic(rejects->run, &fault);
    return LARDER_OK;
}

static larder_push_to
where_to(const struct run *run)
{
    const char *to = argument_text(&run->arguments, "to");

    if (to != NULL && strcmp(to, "offline") == 0)
        return LARDER_PUSH_OFFLINE;
    if (to != NULL && strcmp(to, "online") == 0)
        return LARDER_PUSH_ONLINE;
    return LARDER_PUSH_BOTH;
}

/* All rows, so that nothing is pushed of a file whose end cannot be read. */
static larder_status
read_rows(struct run *run, const char *path, const larder_source_shape *shape,
    larder_stream *out, larder_error *err)
{
    struct rejects rejects = {.run = run};
    larder_text_options options = {.schema = shape->schema,
        .required = shape->required,
        .n_required = shape->n_required,
        .check = where_to(run) == LARDER_PUSH_OFFLINE ? shape->push_offline
                                                      : shape->push_online,
        .ignore_extra = argument_flag(&run->arguments, "ignore-extra"),
        .naive_offset_minutes = shape->naive_offset_minutes,
        .reject = tell,
        .context = &rejects};
    struct input input = {0};
    larder_stream rows = {0};
    larder_batch all = {0}, batch = {0};
    larder_status rc;

    LARDER_TRY(input_open(run, path, &input, err));
    options.name = input.name;
    options.format = input.format;
    LARDER_TRY(larder_text_read(input.file, &options, &run->call, &rows, err));
    LARDER_TRY(larder_batch_init(&all, shape->schema, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(&rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        for (size_t c = 0; c < shape->schema->n_fields; c++)
            for (size_t i = 0; i < batch.n_rows; i++) {
                larder_value value = larder_column_value(&batch.columns[c], i);

                LARDER_TRY(larder_column_append(&all.columns[c], &value, err));
            }
        all.n_rows += batch.n_rows;
        larder_batch_release(&batch);
    }
    if (rejects.n > 0) {
        rc = larder_fail(err, LARDER_INVALID,
            "%llu record%s of '%s' cannot be read: nothing was pushed",
            (unsigned long long)rejects.n, rejects.n == 1 ? "" : "s",
            input.name);
        goto out;
    }
    LARDER_TRY(larder_stream_of(&all, out, err));
out:
    larder_batch_release(&batch);
    larder_batch_release(&all);
    larder_stream_close(&rows);
    input_close(&input);
    return rc;
}

static larder_status
print_report(struct run *run, const char *source, const larder_pushed *pushed,
    const struct violations *violations, larder_error *err)
{
    static const larder_field fields[] = {{"view", LARDER_STRING},
        {"written", LARDER_INT64}, {"unchanged", LARDER_INT64},
        {"older", LARDER_INT64}, {"over_limit", LARDER_INT64},
        {"waiting", LARDER_BOOL}};
    static const struct listing listing = {.name = "views"};
    struct sheet sheet = {0};
    json_t *facts = json_pack("{s:s, s:I, s:I, s:I, s:i, s:f}", "source",
        source, "read", (json_int_t)pushed->read, "added",
        (json_int_t)pushed->added, "duplicate", (json_int_t)pushed->duplicate,
        "rejected", 0, "seconds", run_seconds(run));
    larder_status rc;

    violations_tell(violations, facts);
    fallback_tell(&pushed->fallback, facts);
    fallback_warn(
        run, &pushed->fallback, "the next materialize brings it what it lacks");
    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < pushed->n_views; i++) {
        const larder_pushed_view *view = &pushed->views[i];

        sheet_text(&sheet, view->view);
        sheet_number(&sheet, view->written);
        sheet_number(&sheet, view->unchanged);
        sheet_number(&sheet, view->older);
        sheet_number(&sheet, view->over_limit);
        sheet_cell(&sheet,
            (larder_value){.type = LARDER_BOOL, .as.boolean = view->waiting});
        if (view->waiting)
            speak_warning(run,
                "feature view '%s' waits for the next materialize", view->view);
        if (view->over_limit > 0)
            run->outcome = OUTCOME_CHECK_FAILED;
    }
    if (violations->list != NULL)
        run->outcome = OUTCOME_CHECK_FAILED;
    LARDER_TRY(sheet_print(&sheet, run, &listing, facts, err));
    LARDER_TRY(violations_print(violations, run, err));
    print_words(run, "%llu row%s pushed to %s, %llu of them new in history",
        (unsigned long long)pushed->read, pushed->read == 1 ? "" : "s", source,
        (unsigned long long)pushed->added);
out:
    return rc;
}

static larder_status
run_push(struct run *run, larder_error *err)
{
    const char *source = argument_text(&run->arguments, "source");
    const char *path = argument_text(&run->arguments, "file");
    larder_source_shape shape = {0};
    larder_pushed pushed = {0};
    struct violations violations = {0};
    larder_stream rows = {0};
    larder_store *store;
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_source_columns(store, &run->call, source, &shape, err));
    LARDER_TRY(read_rows(run, path == NULL ? "-" : path, &shape, &rows, err));
    LARDER_TRY(larder_push(
        store, &run->call, source, where_to(run), &rows, &pushed, err));
    LARDER_TRY(violations_add(
        &violations, pushed.violations, pushed.n_violations, err));
    LARDER_TRY(print_report(run, source, &pushed, &violations, err));
out:
    violations_release(&violations);
    larder_pushed_release(&pushed);
    larder_stream_close(&rows);
    return rc;
}

static const char *const destinations[] = {"offline", "online", "both", NULL};

const struct operation op_push = {.name = "push",
    .group = GROUP_HISTORY,
    .help = "rows now, into history and online",
    .long_help =
        "SOURCE is of kind push. To both, which is what happens without --to, "
        "the rows go into the history of its batch source first, whole or not "
        "at all, and then into the online rows of the views that read it; what "
        "a failure leaves out there, the next materialize brings. The same "
        "rows twice change nothing.\n"
        "\n"
        "One bad row and nothing is pushed; all bad rows are told, up to 100. "
        "Rows that break what a feature promises of its values with "
        "'on_violation: warn' are pushed and told, and the exit code is 3.\n"
        "\n"
        "A fallback of the online store gets the rows too. Where it cannot, a "
        "push to both is done all the same and says so: the next materialize "
        "brings it the rows. Of a push to online alone nothing would, so that "
        "is an error; push them again.",
    .params = (const struct param[]){{.name = "source",
                                         .type = PARAM_TEXT,
                                         .positional = true,
                                         .required = true,
                                         .value = "SOURCE",
                                         .help = "a source of 'kind: push'"},
        {.name = "file",
            .type = PARAM_FILE,
            .positional = true,
            .value = "FILE",
            .help = "the rows; '-', or nothing, is standard input"},
        {.name = "to",
            .type = PARAM_CHOICE,
            .value = "WHERE",
            .choices = destinations,
            .help = "offline, online or both (unless given)"},
        {.name = "ignore-extra",
            .type = PARAM_FLAG,
            .help = "columns that the source does not have are left out"},
        PARAM_FORMAT("FILE"), {0}},
    .run = run_push};
