/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_freshness.c - is what is online fresh? A check: what it could not judge is
 * no success.
 */
#include "base/time.h"
#include "print.h"
#include "speak.h"

/* ------------------------------------------------------------------- words */

static void
say_view(struct run *run, const larder_view_freshness *v)
{
    const char *where = v->fallback ? " in the fallback" : "";

    if (v->status == LARDER_FRESH && !v->warned)
        return;
    speak_warning(run, "feature view '%s'%s is %s: %s", v->view, where,
        larder_freshness_name(v->status), v->reason);
}

/* One stale view is enough; only if there is none, one that is unknown. */
static void
judge(struct run *run, const larder_freshness_report *report)
{
    for (size_t i = 0; i < report->n_views; i++)
        say_view(run, &report->views[i]);
    if (report->n_stale > 0)
        run->outcome = OUTCOME_CHECK_FAILED;
    else if (report->n_fresh == 0 || report->n_unknown > 0)
        run->outcome = OUTCOME_NOT_JUDGED;
}

static const char *
verdict_of(const larder_freshness_report *report)
{
    if (report->n_stale > 0)
        return "stale";
    return report->n_fresh == 0 || report->n_unknown > 0 ? "unknown" : "fresh";
}

/* -------------------------------------------------------------- the report */

/* For people "26h3m"; for programs seconds. */
static void
put_age(struct sheet *sheet, const struct run *run, int64_t us, bool known)
{
    int64_t unit = us < 3600 * LDR_SECOND ? LDR_SECOND : 60 * LDR_SECOND;
    char text[40];

    if (!known) {
        sheet_null(sheet);
    } else if (run->output == OUTPUT_TABLE) {
        ldr_duration_print(us - us % unit, text);
        sheet_text(sheet, text);
    } else {
        sheet_number(sheet, (uint64_t)(us / LDR_SECOND));
    }
}

static void
put_time(struct sheet *sheet, larder_time time)
{
    if (time == LARDER_TIME_MIN)
        sheet_null(sheet);
    else
        sheet_time(sheet, time);
}

static void
put_view(struct sheet *sheet, const struct run *run, bool two,
    const larder_view_freshness *v)
{
    sheet_text(sheet, v->view);
    if (two)
        sheet_text(sheet, v->fallback ? "fallback" : "primary");
    sheet_text(sheet, larder_freshness_name(v->status));
    put_age(sheet, run, v->event_age_us, v->event_age_us >= 0);
    put_age(sheet, run, v->arrival_age_us, v->arrival_age_us >= 0);
    put_age(sheet, run, v->run_age_us, v->run_age_us >= 0);
    put_age(sheet, run, v->warn_us, v->warn_us > 0);
    put_age(sheet, run, v->max_us, v->max_us > 0);
    put_age(sheet, run, v->run_max_us, v->run_max_us > 0);
    sheet_text(sheet, v->job);
    if (run->output == OUTPUT_TABLE)
        return; /* the ages tell as much; reasons are warnings */
    put_time(sheet, v->newest_event);
    put_time(sheet, v->arrived);
    put_time(sheet, v->ran);
    sheet_text(sheet, v->reason[0] == '\0' ? NULL : v->reason);
}

/* The columns, with "store" where there are two. */
static size_t
choose_fields(const struct run *run, bool two, larder_field *out)
{
    static const larder_field people[] = {{"view", LARDER_STRING},
        {"store", LARDER_STRING}, {"status", LARDER_STRING},
        {"event_age", LARDER_STRING}, {"arrival_age", LARDER_STRING},
        {"run_age", LARDER_STRING}, {"warn", LARDER_STRING},
        {"max", LARDER_STRING}, {"run_max", LARDER_STRING},
        {"job", LARDER_STRING}, {NULL, LARDER_STRING}};
    static const larder_field programs[] = {{"view", LARDER_STRING},
        {"store", LARDER_STRING}, {"status", LARDER_STRING},
        {"event_age_seconds", LARDER_INT64},
        {"arrival_age_seconds", LARDER_INT64},
        {"run_age_seconds", LARDER_INT64}, {"warn_seconds", LARDER_INT64},
        {"max_seconds", LARDER_INT64}, {"run_max_seconds", LARDER_INT64},
        {"job", LARDER_STRING}, {"newest_event", LARDER_TIMESTAMP},
        {"arrived", LARDER_TIMESTAMP}, {"ran", LARDER_TIMESTAMP},
        {"reason", LARDER_STRING}, {NULL, LARDER_STRING}};
    const larder_field *all = run->output == OUTPUT_TABLE ? people : programs;
    size_t n = 0;

    for (size_t i = 0; all[i].name != NULL; i++)
        if (two || i != 1)
            out[n++] = all[i];
    return n;
}

static larder_status
print_report(
    struct run *run, const larder_freshness_report *report, larder_error *err)
{
    static const struct listing listing = {.name = "views", .hide_empty = true};
    bool two = report->fallback != NULL;
    larder_field fields[16];
    struct sheet sheet;

    print_words(run, "%s: %zu fresh, %zu stale, %zu unknown",
        verdict_of(report), report->n_fresh, report->n_stale,
        report->n_unknown);
    sheet_begin(&sheet, fields, choose_fields(run, two, fields));
    for (size_t i = 0; i < report->n_views; i++)
        put_view(&sheet, run, two, &report->views[i]);
    return sheet_print(&sheet, run, &listing,
        json_pack("{s:s, s:I, s:I, s:I}", "status", verdict_of(report), "fresh",
            (json_int_t)report->n_fresh, "stale", (json_int_t)report->n_stale,
            "unknown", (json_int_t)report->n_unknown),
        err);
}

static larder_status
read_options(
    struct run *run, larder_freshness_options *options, larder_error *err)
{
    const struct argument *views = argument_of(&run->arguments, "view");
    const struct argument *also = argument_of(&run->arguments, "views");
    const char *limit = argument_text(&run->arguments, "max-staleness");
    larder_error why = {0};

    if (views->n > 0 && also->n > 0)
        return run_usage(run, err, "which views? VIEW... or -V VIEWS");
    if (views->n == 0)
        views = also;
    *options = (larder_freshness_options){
        .views = views->n > 0 ? views->texts : NULL, .n_views = views->n};
    if (limit != NULL && ldr_duration_parse(limit, &options->max_staleness_us,
                             &why) != LARDER_OK)
        return run_usage(run, err, "--max-staleness: %s", why.message);
    return LARDER_OK;
}

static larder_status
run_freshness(struct run *run, larder_error *err)
{
    larder_freshness_options options;
    larder_freshness_report report = {0};
    larder_store *store;
    larder_status rc;

    LARDER_TRY(read_options(run, &options, err));
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_freshness(store, &run->call, &options, &report, err));
    LARDER_TRY(print_report(run, &report, err));
    judge(run, &report);
out:
    larder_freshness_report_release(&report);
    return rc;
}

const struct operation op_freshness = {.name = "freshness",
    .group = GROUP_ONLINE,
    .help = "tell whether what is online is fresh, stale or unknown",
    .long_help =
        "Of each view three ages are told, from what the ledger has stored: "
        "of the newest event online, of the newest arrival (by its created "
        "time, or else by the run that found it), and of the last materialize "
        "that left nothing out. Event age is judged by the view's 'freshness: "
        "{warn, max}', or by --max-staleness; run age by the interval of the "
        "job that materializes the view, where one is declared. Rows that were "
        "pushed count once they have been materialized.\n"
        "\n"
        "The exit code is 3 when a view is stale. It is 4 when none is, and of "
        "some view it is unknown: never materialized, changed since, not "
        "online, without a limit, or with a moment of the future. Each such "
        "view is told with the reason. What is unknown is never fresh.",
    .params =
        (const struct param[]){
            {.name = "view",
                .type = PARAM_WORDS,
                .positional = true,
                .several = true,
                .value = "VIEW",
                .help = "a feature view; all that are online unless given"},
            {.name = "views",
                .letter = 'V',
                .type = PARAM_LIST,
                .value = "VIEWS",
                .help = "the same, as a comma list"},
            {.name = "max-staleness",
                .type = PARAM_TEXT,
                .value = "AGE",
                .help = "how old the newest event may be, such as 24h, instead "
                        "of what the views declare"},
            {0}},
    .run = run_freshness};
