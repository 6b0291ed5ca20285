/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_test.c - do the definitions give what their cases expect? Cases in, TAP
 * out. The stores of the configuration are not touched.
 */
#include <string.h>

#include "cases.h"
#include "jsonout.h"
#include "print.h"
#include "speak.h"

struct counts {
    size_t passed, failed;
};

/* ------------------------------------------------------------------------ TAP
 */

/* What a description may not hold as it is. */
static void
print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '#' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
}

/* A value as YAML. Text is quoted, so that it is not taken for something else.
 */
static void
print_shown(const char *name, const struct shown *shown, larder_type type)
{
    bool plain = type == LARDER_BOOL || type == LARDER_INT32 ||
                 type == LARDER_INT64 || type == LARDER_FLOAT32 ||
                 type == LARDER_FLOAT64 || type > LARDER_LIST;

    if (!shown->asked)
        return;
    printf("      %s: ", name);
    if (shown->null)
        fputs("null", stdout);
    else if (plain)
        fputs(shown->text, stdout);
    else
        jsonout_string(
            stdout, (larder_bytes){shown->text, strlen(shown->text)});
    putchar('\n');
}

static void
print_difference(const struct case_difference *d)
{
    printf("    - feature: %s\n", d->of->ref);
    print_shown("expected", &d->expected, d->of->type);
    if (d->of->has_tolerance) {
        larder_value value = {
            .type = LARDER_FLOAT64, .as.real = d->of->tolerance};
        char text[40];

        (void)larder_value_print(&value, text, sizeof text);
        printf("      tolerance: %s\n", text);
    }
    print_shown("offline", &d->offline, d->of->type);
    print_shown("online", &d->online, d->of->type);
    if (d->status != NULL)
        printf("      expected_status: %s\n      status: %s\n",
            larder_presence_name(d->of->status), d->status);
}

static void
print_tap(size_t number, const struct test_case *one,
    const struct case_result *result)
{
    printf("%sok %zu - ", result->passed ? "" : "not ", number);
    print_escaped(one->file);
    fputs(": ", stdout);
    print_escaped(one->name);
    putchar('\n');
    if (result->passed)
        return;
    printf("  ---\n  line: %u\n", one->node->line);
    if (result->error.status != LARDER_OK) {
        fputs("  error: ", stdout);
        jsonout_string(stdout, (larder_bytes){result->error.message,
                                   strlen(result->error.message)});
        putchar('\n');
    }
    if (result->n_differences > 0)
        fputs("  differences:\n", stdout);
    for (size_t i = 0; i < result->n_differences; i++)
        print_difference(&result->differences[i]);
    fputs("  ...\n", stdout);
}

/* ----------------------------------------------------------------------- JSON
 */

static void
add_shown(json_t *to, const char *name, const struct shown *shown)
{
    if (shown->asked)
        json_object_set_new(
            to, name, shown->null ? json_null() : json_string(shown->text));
}

static json_t *
difference_json(const struct case_difference *d)
{
    json_t *one = json_pack("{s:s}", "feature", d->of->ref);

    add_shown(one, "expected", &d->expected);
    if (d->of->has_tolerance)
        json_object_set_new(one, "tolerance", json_real(d->of->tolerance));
    add_shown(one, "offline", &d->offline);
    add_shown(one, "online", &d->online);
    if (d->status != NULL) {
        json_object_set_new(one, "expected_status",
            json_string(larder_presence_name(d->of->status)));
        json_object_set_new(one, "status", json_string(d->status));
    }
    return one;
}

static json_t *
case_json(const struct test_case *one, const struct case_result *result)
{
    json_t *differences = json_array();

    for (size_t i = 0; i < result->n_differences; i++)
        json_array_append_new(
            differences, difference_json(&result->differences[i]));
    return json_pack("{s:s, s:I, s:s, s:b, s:s*, s:o}", "file", one->file,
        "line", (json_int_t)one->node->line, "name", one->name, "passed",
        (int)result->passed, "error",
        result->error.status == LARDER_OK ? NULL : result->error.message,
        "differences", differences);
}

/* --------------------------------------------------------------------- report
 */

/* Results as they come, or gathered: `list` under -o json, `sheet` as CSV. */
struct report {
    struct run *run;
    json_t *list;
    struct sheet sheet;
    struct counts counts;
};

static void
begin_report(struct report *report, struct run *run, size_t n)
{
    static const larder_field fields[] = {{"file", LARDER_STRING},
        {"line", LARDER_INT64}, {"name", LARDER_STRING},
        {"passed", LARDER_BOOL}, {"differences", LARDER_INT64},
        {"error", LARDER_STRING}};

    *report = (struct report){.run = run};
    if (run->output == OUTPUT_JSON)
        report->list = json_array();
    if (run->output == OUTPUT_CSV)
        sheet_begin(&report->sheet, fields, sizeof fields / sizeof *fields);
    if (run->output == OUTPUT_TABLE)
        printf(
            "TAP version 14\n1..%zu%s\n", n, n == 0 ? " # SKIP no cases" : "");
}

static void
add_row(struct sheet *sheet, const struct test_case *one,
    const struct case_result *result)
{
    sheet_text(sheet, one->file);
    sheet_number(sheet, one->node->line);
    sheet_text(sheet, one->name);
    sheet_cell(sheet,
        (larder_value){.type = LARDER_BOOL, .as.boolean = result->passed});
    sheet_number(sheet, result->n_differences);
    sheet_text(sheet,
        result->error.status == LARDER_OK ? NULL : result->error.message);
}

static larder_status
add_result(struct report *report, size_t number, const struct test_case *one,
    const struct case_result *result, larder_error *err)
{
    report->counts.passed += result->passed;
    report->counts.failed += !result->passed;
    switch (report->run->output) {
    case OUTPUT_TABLE:
        speak_clear(report->run);
        print_tap(number, one, result);
        break;
    case OUTPUT_JSON:
        json_array_append_new(report->list, case_json(one, result));
        break;
    case OUTPUT_JSONL:
        return print_document(report->run, case_json(one, result), err);
    case OUTPUT_CSV:
        add_row(&report->sheet, one, result);
        break;
    }
    return LARDER_OK;
}

static larder_status
end_report(struct report *report, larder_status rc, larder_error *err)
{
    static const struct listing listing = {.name = "cases"};
    struct run *run = report->run;
    json_t *list = report->list;

    report->list = NULL;
    if (rc != LARDER_OK) {
        if (run->output == OUTPUT_TABLE)
            printf("Bail out! %s\n", err == NULL ? "" : err->message);
        json_decref(list);
        larder_batch_release(&report->sheet.batch);
        return rc;
    }
    if (run->output == OUTPUT_JSON)
        return print_document(run,
            json_pack("{s:o, s:I, s:I}", "cases", list, "passed",
                (json_int_t)report->counts.passed, "failed",
                (json_int_t)report->counts.failed),
            err);
    if (run->output == OUTPUT_CSV)
        return sheet_print(&report->sheet, run, &listing, NULL, err);
    if (run->output == OUTPUT_TABLE && report->counts.failed > 0)
        printf("# %zu of %zu failed\n", report->counts.failed,
            report->counts.passed + report->counts.failed);
    return print_flush(run, err);
}

/* ------------------------------------------------------------------ the whole
 */

static larder_status
read_files(struct run *run, const larder_open_options *options,
    struct cases *cases, larder_error *err)
{
    const struct argument *paths = argument_of(&run->arguments, "path");
    const char *slash = strrchr(options->config_path, '/');
    const char *folder =
        slash == NULL ? "."
                      : ldr_arena_copy_n(&run->arena, options->config_path,
                            (size_t)(slash - options->config_path) + 1);
    struct case_files files;
    larder_status rc;

    if (folder == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a path");
    LARDER_TRY(
        cases_find(folder, paths->texts, paths->n, &run->arena, &files, err));
    for (size_t i = 0; i < files.n; i++)
        LARDER_TRY(cases_read(cases, &files.all[i], err));
out:
    return rc;
}

/* All that is wrong with the cases, before the first of them runs. */
static larder_status
type_cases(struct run *run, const larder_open_options *options,
    struct cases *cases, larder_store **store, larder_error *err)
{
    larder_call call = run->call;
    larder_status rc;

    LARDER_TRY(cases_store(options, &run->call, store, err));
    call.diagnostic = NULL;
    for (size_t i = 0; i < cases->n; i++)
        LARDER_TRY(cases_type(cases, &cases->all[i], *store, &call, err));
    if (cases->faults.n_errors > 0) {
        rc = LARDER_INVALID;
        if (err != NULL)
            *err = cases->faults.first;
    }
out:
    return rc;
}

static larder_status
run_cases(struct run *run, const larder_open_options *options,
    struct cases *cases, struct counts *counts, larder_error *err)
{
    struct report report;
    struct case_result result;
    larder_status rc = LARDER_OK;

    begin_report(&report, run, cases->n);
    for (size_t i = 0; i < cases->n; i++) {
        LARDER_TRY(cases_run(
            &cases->all[i], options, &run->call, &run->arena, &result, err));
        LARDER_TRY(add_result(&report, i + 1, &cases->all[i], &result, err));
    }
out:
    rc = end_report(&report, rc, err);
    *counts = report.counts;
    return rc;
}

static larder_status
run_test(struct run *run, larder_error *err)
{
    struct cases cases = {.arena = &run->arena, .faults = {.call = &run->call}};
    struct counts counts = {0};
    larder_open_options options;
    larder_store *store = NULL;
    larder_status rc;

    LARDER_TRY(run_configuration(run, &options, err));
    options.in_memory = true;
    LARDER_TRY(read_files(run, &options, &cases, err));
    LARDER_TRY(type_cases(run, &options, &cases, &store, err));
    LARDER_TRY(run_cases(run, &options, &cases, &counts, err));
    if (counts.failed > 0)
        run->outcome = OUTCOME_CHECK_FAILED;
    else if (counts.passed == 0) {
        run->outcome = OUTCOME_NOT_JUDGED;
        speak_warning(run, "there is no case: nothing was compared");
    }
out:
    cases_release(&cases);
    larder_close(store);
    return rc;
}

const struct operation op_test = {.name = "test",
    .group = GROUP_DEFINITIONS,
    .help = "run the cases beside the definitions",
    .long_help =
        "Cases are YAML in files named *.test.yaml anywhere below the folder "
        "of the configuration: rows of history, a moment, keys, and the values "
        "that features are expected to have. Each case runs by itself on empty "
        "stores in memory, through a join and through materialize and get; "
        "both "
        "must give what is expected, and the same. The stores of the "
        "configuration are not touched.\n"
        "\n"
        "The result is TAP version 14. The exit code is 3 when a case fails, 4 "
        "when there is no case, and 1 when a file is at fault: then no case "
        "runs, and each fault is told with its line.",
    .params = (const struct param[]){{.name = "path",
                                         .type = PARAM_FILE,
                                         .positional = true,
                                         .several = true,
                                         .value = "PATH",
                                         .help = "a file of cases, or a folder "
                                                 "of such files; all unless "
                                                 "given"},
        {0}},
    .run = run_test};
