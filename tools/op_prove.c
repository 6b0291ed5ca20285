/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_prove.c - is what is online what history says? A check: what it could not
 * compare is no success.
 */
#include "print.h"
#include "speak.h"

#define COUNTS                                                                 \
    {"compared", LARDER_INT64}, {"equal", LARDER_INT64},                       \
        {"different", LARDER_INT64}, {"missing", LARDER_INT64},                \
        {"unsettled", LARDER_INT64}, {"until", LARDER_TIMESTAMP},              \
    {                                                                          \
        "reason", LARDER_STRING                                                \
    }

static json_t *
difference_json(const larder_difference *d)
{
    if (d->view == NULL)
        return json_null();
    return json_pack("{s:s, s:s*, s:s, s:s?, s:s?, s:s?}", "view", d->view,
        "store", d->fallback ? "fallback" : NULL, "key", d->key, "feature",
        d->feature, "online", d->online, "history", d->history);
}

/* Exit 3: in words, for whoever looks into it. */
static void
say_difference(struct run *run, const larder_difference *d)
{
    const char *key = d->key[0] == '\0' ? "its only row" : d->key;

    const char *where = d->fallback ? "in the fallback" : "online";

    if (d->feature != NULL)
        speak_warning(run,
            "feature view '%s', %s: %s is %s %s, and %s by history", d->view,
            key, d->feature, d->online, where, d->history);
    else if (d->online == NULL)
        speak_warning(run,
            "feature view '%s', %s: history has %s, and nothing is %s", d->view,
            key, d->history, where);
    else
        speak_warning(run, "feature view '%s', %s: %s is %s; history has %s",
            d->view, key, where, d->online,
            d->history == NULL ? "no row of this key" : d->history);
}

static void
judge_view(struct run *run, const larder_proved_view *v)
{
    if (v->reason != NULL)
        speak_warning(run, "feature view '%s'%s: nothing was compared: %s",
            v->view, v->fallback ? " in the fallback" : "", v->reason);
    if (v->unsettled > 0)
        speak_note(run,
            "feature view '%s': %llu %s rows that arrived since it was "
            "materialized: materialize, then prove again",
            v->view, (unsigned long long)v->unsettled,
            v->unsettled == 1 ? "entity has" : "entities have");
    if (v->different > 0 || v->missing > 0)
        run->outcome = OUTCOME_CHECK_FAILED;
    else if (v->reason != NULL && run->outcome == OUTCOME_DONE)
        run->outcome = OUTCOME_NOT_JUDGED;
}

static void
judge(struct run *run, const larder_proved *report)
{
    for (size_t i = 0; i < report->n_views; i++)
        judge_view(run, &report->views[i]);
    if (report->difference.view != NULL)
        say_difference(run, &report->difference);
}

static larder_status
print_report(struct run *run, const larder_proved *report, larder_error *err)
{
    static const larder_field fields[] = {{"view", LARDER_STRING}, COUNTS};
    static const larder_field fields_of_two[] = {
        {"view", LARDER_STRING}, {"store", LARDER_STRING}, COUNTS};
    bool two = report->fallback != NULL;
    static const struct listing listing = {.name = "views", .hide_empty = true};
    struct sheet sheet;
    json_t *facts = json_pack("{s:o, s:f}", "difference",
        difference_json(&report->difference), "seconds", run_seconds(run));

    sheet_begin(&sheet, two ? fields_of_two : fields,
        sizeof fields / sizeof *fields + (two ? 1 : 0));
    for (size_t i = 0; i < report->n_views; i++) {
        const larder_proved_view *v = &report->views[i];

        sheet_text(&sheet, v->view);
        if (two)
            sheet_text(&sheet, v->fallback ? "fallback" : "primary");
        sheet_number(&sheet, v->compared);
        sheet_number(&sheet, v->equal);
        sheet_number(&sheet, v->different);
        sheet_number(&sheet, v->missing);
        sheet_number(&sheet, v->unsettled);
        if (v->until == LARDER_TIME_MIN)
            sheet_null(&sheet);
        else
            sheet_time(&sheet, v->until);
        sheet_text(&sheet, v->reason);
    }
    return sheet_print(&sheet, run, &listing, facts, err);
}

static larder_status
read_options(struct run *run, larder_prove_options *options, larder_error *err)
{
    const struct argument *views = argument_of(&run->arguments, "views");
    const struct argument *sample = argument_of(&run->arguments, "sample");
    const struct argument *refs = argument_of(&run->arguments, "features");
    const char *service = argument_text(&run->arguments, "service");

    if ((views->n > 0) + (refs->n > 0) + (service != NULL) > 1)
        return run_usage(run, err,
            "which views? -V VIEWS, those of -f REFS or of -s SERVICE: one of "
            "these");
    if (sample->n > 0 && sample->number == 0)
        return run_usage(
            run, err, "--sample 0: a proof compares one entity at least");
    *options = (larder_prove_options){.features = {.refs = refs->texts,
                                          .n_refs = refs->n,
                                          .service = service},
        .views = views->n > 0 ? views->texts : NULL,
        .n_views = views->n,
        .sample = sample->number};
    return LARDER_OK;
}

static larder_status
run_prove(struct run *run, larder_error *err)
{
    larder_prove_options options;
    larder_proved report = {0};
    larder_store *store;
    larder_status rc;

    LARDER_TRY(read_options(run, &options, err));
    LARDER_TRY(run_store(run, &store, err));
    rc = larder_prove(store, &run->call, &options, &report, err);
    if (rc == LARDER_OK)
        rc = print_report(run, &report, err);
    if (rc == LARDER_OK)
        judge(run, &report);
    else if (report.difference.view != NULL)
        say_difference(run, &report.difference);
out:
    larder_proved_release(&report);
    return rc;
}

const struct operation op_prove = {.name = "prove",
    .group = GROUP_ONLINE,
    .help = "prove that what is online is what history says",
    .long_help =
        "Of each view, rows of some entities are made anew from history, as of "
        "the last materialize and what was pushed since, and compared with "
        "those online byte for byte. The same entities are chosen every time. "
        "Without VIEWS, REFS or SERVICE all views that are online are "
        "compared. A fallback of the online store is compared as well. Nothing "
        "is written.\n"
        "\n"
        "The exit code is 3 when a row is different, or missing online; the "
        "first difference is told by view, key and feature, with both values. "
        "It is 4 when of some view nothing could be compared. Entities with "
        "rows that arrived since the last materialize, and are online in part, "
        "count as unsettled: materialize, then prove again.",
    .params = (const struct param[]){PARAM_FEATURES, PARAM_SERVICE,
        {.name = "views",
            .letter = 'V',
            .type = PARAM_LIST,
            .value = "VIEWS",
            .help = "feature views to compare; all that are online unless "
                    "given"},
        {.name = "sample",
            .type = PARAM_NUMBER,
            .value = "N",
            .help = "entities of each view to compare; 1000 unless given"},
        {0}},
    .run = run_prove};
