/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_materialize.c - history to the online store; the report is the product.
 */
#include "base/time.h"
#include "fallback.h"
#include "print.h"
#include "speak.h"
#include "violations.h"

#define COUNTS                                                                 \
    {"read", LARDER_INT64}, {"written", LARDER_INT64},                         \
        {"unchanged", LARDER_INT64}, {"older", LARDER_INT64},                  \
        {"late", LARDER_INT64}, {"expired", LARDER_INT64},                     \
        {"null_key", LARDER_INT64}, {"out_of_range", LARDER_INT64},            \
        {"over_limit", LARDER_INT64}, {"from", LARDER_TIMESTAMP},              \
    {                                                                          \
        "until", LARDER_TIMESTAMP                                              \
    }

/* `store` where there are two. */
static const larder_field fields[] = {{"view", LARDER_STRING},
    {"store", LARDER_STRING}, COUNTS, {"seconds", LARDER_FLOAT64}};
static const larder_field people_fields[] = {{"view", LARDER_STRING},
    {"store", LARDER_STRING}, COUNTS, {"took", LARDER_STRING}};
static const larder_field fields_of_one[] = {
    {"view", LARDER_STRING}, COUNTS, {"seconds", LARDER_FLOAT64}};
static const larder_field people_fields_of_one[] = {
    {"view", LARDER_STRING}, COUNTS, {"took", LARDER_STRING}};

/* Milliseconds are fine enough. */
static double
rounded(double seconds)
{
    return (double)(int64_t)(seconds * 1000 + 0.5) / 1000;
}

/* A count of nothing is left out of a table, so that the rest is seen. */
static void
count(struct sheet *sheet, struct run *run, uint64_t n)
{
    if (n == 0 && run->output == OUTPUT_TABLE)
        sheet_null(sheet);
    else
        sheet_number(sheet, n);
}

/* For people the second is fine enough. */
static larder_time
shown(const struct run *run, larder_time time)
{
    int64_t finer = (time % LDR_SECOND + LDR_SECOND) % LDR_SECOND;

    return run->output == OUTPUT_TABLE ? ldr_time_minus(time, finer) : time;
}

static void
begin_report(struct sheet *sheet, const struct run *run, bool two)
{
    bool people = run->output == OUTPUT_TABLE;

    if (two)
        sheet_begin(sheet, people ? people_fields : fields,
            sizeof fields / sizeof *fields);
    else
        sheet_begin(sheet, people ? people_fields_of_one : fields_of_one,
            sizeof fields_of_one / sizeof *fields_of_one);
}

static void
add_view(struct sheet *sheet, struct run *run, const larder_materialized *m,
    bool two)
{
    sheet_text(sheet, m->view);
    if (two)
        sheet_text(sheet, m->fallback ? "fallback" : "primary");
    sheet_number(sheet, m->read);
    sheet_number(sheet, m->written);
    count(sheet, run, m->unchanged);
    count(sheet, run, m->older);
    count(sheet, run, m->late);
    count(sheet, run, m->expired);
    count(sheet, run, m->null_key);
    count(sheet, run, m->out_of_range);
    count(sheet, run, m->over_limit);
    if (m->has_from)
        sheet_time(sheet, shown(run, m->from));
    else
        sheet_null(sheet);
    sheet_time(sheet, shown(run, m->until));
    if (run->output == OUTPUT_TABLE)
        sheet_text(sheet, ldr_arena_printf(&run->arena, "%.2f s", m->seconds));
    else
        sheet_real(sheet, rounded(m->seconds));
}

static larder_status
print_report(struct run *run, const larder_run_report *report, bool dry_run,
    larder_error *err)
{
    static const struct listing listing = {.name = "views", .hide_empty = true};
    struct sheet sheet;
    struct violations violations = {0};
    json_t *facts = json_pack("{s:s, s:b, s:f}", "run", report->run_id,
        "dry_run", (int)dry_run, "seconds", run_seconds(run));
    bool two = report->fallback.store != NULL;
    larder_status rc = LARDER_OK;

    begin_report(&sheet, run, two);
    fallback_tell(&report->fallback, facts);
    for (size_t i = 0; i < report->n_views; i++) {
        const larder_materialized *m = &report->views[i];

        add_view(&sheet, run, m, two);
        if (rc == LARDER_OK && !m->fallback) /* the same rows break them */
            rc = violations_add(
                &violations, m->violations, m->n_violations, &sheet.error);
    }
    violations_tell(&violations, facts);
    if (sheet.rc == LARDER_OK)
        sheet.rc = rc;
    rc = sheet_print(&sheet, run, &listing, facts, err);
    if (rc == LARDER_OK)
        rc = violations_print(&violations, run, err);
    violations_release(&violations);
    return rc;
}

static void
judge(struct run *run, const larder_run_report *report)
{
    for (size_t i = 0; i < report->n_views; i++) {
        const larder_materialized *m = &report->views[i];

        if (m->failed_empty || m->over_limit > 0 || m->n_violations > 0)
            run->outcome = OUTCOME_CHECK_FAILED;
        if (m->fallback)
            continue;
        if (m->failed_empty)
            speak_warning(run,
                "view '%s': no row was read; a first, explicit or full run "
                "without one is no success (unless the view says "
                "'allow_empty: true')",
                m->view);
        if (m->over_limit > 0)
            speak_warning(run,
                "view '%s': %llu %s more events in the longest window than "
                "its max_window_events and cannot be read; raise it, apply "
                "and materialize again",
                m->view, (unsigned long long)m->over_limit,
                m->over_limit == 1 ? "entity has" : "entities have");
    }
}

static larder_status
materialize(
    struct run *run, larder_materialize_options *options, larder_error *err)
{
    const struct argument *views = argument_of(&run->arguments, "views");
    larder_run_report report = {0};
    larder_store *store;
    larder_status rc, printed = LARDER_OK;

    options->views = views->texts;
    options->n_views = views->n;
    options->dry_run = argument_flag(&run->arguments, "dry-run");
    LARDER_TRY(run_store(run, &store, err));
    rc = larder_materialize(store, &run->call, options, &report, err);
    if (rc == LARDER_OK)
        printed = print_report(run, &report, options->dry_run, err);
    else if (report.n_views > 1 || report.fallback.store != NULL)
        printed = print_report(run, &report, options->dry_run, NULL);
    rc = rc == LARDER_OK ? printed : rc;
    if (rc == LARDER_OK)
        judge(run, &report);
out:
    larder_run_report_release(&report);
    return rc;
}

static larder_status
run_materialize(struct run *run, larder_error *err)
{
    const struct argument *start = argument_of(&run->arguments, "start");
    const struct argument *end = argument_of(&run->arguments, "end");
    larder_materialize_options options = {
        .full = argument_flag(&run->arguments, "full")};

    if (start->n != end->n)
        return run_usage(run, err,
            "a range has a START and an END; without both, everything new is "
            "materialized");
    if (start->n > 0 && options.full)
        return run_usage(run, err,
            "--full rebuilds from all of history: give no range with it");
    if (start->n > 0) {
        options.range = true;
        options.from = start->time;
        options.to = end->time;
        if (options.from > options.to)
            return run_usage(
                run, err, "the range ends before it begins: START comes first");
    }
    return materialize(run, &options, err);
}

#define PARAM_VIEWS                                                            \
    {                                                                          \
        .name = "views", .letter = 'V', .type = PARAM_LIST, .value = "VIEWS",  \
        .help = "feature views to bring up to date; all that are online "      \
                "unless given"                                                 \
    }
#define PARAM_DRY_RUN                                                          \
    {                                                                          \
        .name = "dry-run", .type = PARAM_FLAG, .help = "count, write nothing"  \
    }

const struct operation op_materialize = {.name = "materialize",
    .group = GROUP_ONLINE,
    .help = "bring the online store up to date with history",
    .long_help =
        "Without START and END it reads what arrived since the last run, and "
        "what was in the future then. START and END, both included, read that "
        "range of event times. --full rebuilds each view beside the one being "
        "served, then switches over.\n"
        "\n"
        "The exit code is 3 when a first, explicit or full run read no row, "
        "when rows break the contract of a feature (range, nullable, values), "
        "and when an entity has more events than its view's max_window_events: "
        "the others go on, but that one cannot be read.\n"
        "\n"
        "A fallback of the online store is brought up to date after it, from "
        "where that one is. Where one of the two fails the other goes on all "
        "the same, and the exit code is 5; the next run catches up.",
    .params =
        (const struct param[]){
            {.name = "start",
                .type = PARAM_TIME,
                .positional = true,
                .naive_is_utc = true,
                .value = "START",
                .help = "ISO 8601; without an offset it is UTC"},
            {.name = "end",
                .type = PARAM_TIME,
                .positional = true,
                .naive_is_utc = true,
                .value = "END",
                .help = "as START"},
            PARAM_VIEWS,
            {.name = "full",
                .type = PARAM_FLAG,
                .help = "rebuild from all of history"},
            PARAM_DRY_RUN, {0}},
    .run = run_materialize};

/* Feast's: everything new up to END. What lies in the future is read when its
 * time comes. */
static larder_status
run_incremental(struct run *run, larder_error *err)
{
    const struct argument *end = argument_of(&run->arguments, "end");
    larder_materialize_options options = {0};

    if (end->time <= run->call.now)
        run->call.now = end->time;
    else
        speak_note(run, "END is in the future: materializing up to now");
    return materialize(run, &options, err);
}

const struct operation op_materialize_incremental = {
    .name = "materialize-incremental",
    .group = GROUP_ONLINE,
    .hidden = true,
    .help = "materialize-incremental END: materialize, as of END",
    .params =
        (const struct param[]){
            {.name = "end",
                .type = PARAM_TIME,
                .positional = true,
                .required = true,
                .naive_is_utc = true,
                .value = "END",
                .help = "ISO 8601; without an offset it is UTC"},
            PARAM_VIEWS, PARAM_DRY_RUN, {0}},
    .run = run_incremental};
