/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freshness.c - fresh, stale or unknown, from the ledger and the definitions
 * alone.
 */
#include "engine/freshness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cron.h"
#include "base/name.h"
#include "base/time.h"
#include "definition/table.h"

const char *
larder_freshness_name(larder_freshness_status status)
{
    switch (status) {
    case LARDER_FRESH:
        return "fresh";
    case LARDER_STALE:
        return "stale";
    case LARDER_FRESHNESS_UNKNOWN:
        break;
    }
    return "unknown";
}

/* ---------------------------------------------------------------- judgement */

/* As a person says it: no seconds of a day. */
static void
print_age(int64_t us, char text[40])
{
    int64_t unit = us < 3600 * LDR_SECOND ? LDR_SECOND : 60 * LDR_SECOND;

    ldr_duration_print(us - us % unit, text);
}

/* -1: not known, or of the future. */
static int64_t
age_of(const ldr_facts *facts, larder_time at)
{
    if (at == LARDER_TIME_MIN)
        return -1;
    if (at <= facts->now)
        return facts->now - at;
    return at - facts->now <= facts->max_skew_us ? 0 : -1;
}

static bool
is_future(const ldr_facts *facts, larder_time at)
{
    return at != LARDER_TIME_MIN && age_of(facts, at) < 0;
}

/* What makes the whole ledger of a view no ground to judge by; else NULL. */
static const char *
check_ledger(const ldr_facts *facts, char *reason, size_t room)
{
    bool event = is_future(facts, facts->newest_event);
    char at[33], now[33];

    if (!facts->online)
        snprintf(reason, room,
            "it says 'online: false', so that nothing materializes it");
    else if (!facts->materialized)
        snprintf(reason, room,
            "not materialized yet: run 'larder materialize -V %s'",
            facts->view);
    else if (facts->changed)
        snprintf(reason, room,
            "its definition has changed since it was materialized: run 'larder "
            "materialize -V %s'",
            facts->view);
    else if (event || is_future(facts, facts->ran)) {
        larder_time_print(event ? facts->newest_event : facts->ran, at);
        larder_time_print(facts->now, now);
        snprintf(reason, room,
            "its %s is of %s, and now is %s: one of two clocks is wrong",
            event ? "newest event" : "last run", at, now);
    } else
        return NULL;
    return reason;
}

/* Event age against the limit. */
static larder_freshness_status
judge_event(const ldr_facts *facts, int64_t age_us, char *reason, size_t room)
{
    char age[40], max[40], at[33];

    if (age_us < 0 && facts->ran != LARDER_TIME_MIN) {
        snprintf(reason, room,
            "no row of it has been materialized: there is no newest event");
        return LARDER_FRESHNESS_UNKNOWN;
    }
    if (age_us < 0) {
        snprintf(reason, room,
            "the ledger does not tell its newest event: run 'larder "
            "materialize -V %s'",
            facts->view);
        return LARDER_FRESHNESS_UNKNOWN;
    }
    if (facts->max_us == 0) {
        snprintf(reason, room,
            "no limit is declared: give the view 'freshness: {max: 24h}', or "
            "ask with --max-staleness");
        return LARDER_FRESHNESS_UNKNOWN;
    }
    if (age_us <= facts->max_us)
        return LARDER_FRESH;
    print_age(age_us, age);
    ldr_duration_print(facts->max_us, max);
    larder_time_print(facts->newest_event, at);
    snprintf(reason, room, "its newest event, of %s, is %s old; %s allows %s",
        at, age, facts->asked ? "--max-staleness" : "freshness: max", max);
    return LARDER_STALE;
}

/* Run age against what a job promises. */
static larder_freshness_status
judge_run(const ldr_facts *facts, int64_t age_us, char *reason, size_t room)
{
    char age[40], max[40], at[33];

    if (facts->job == NULL)
        return LARDER_FRESH;
    if (facts->run_max_us == 0) {
        snprintf(reason, room,
            "the cron line of job '%s' names no moment, so that no run is ever "
            "due",
            facts->job);
        return LARDER_FRESHNESS_UNKNOWN;
    }
    if (age_us < 0) {
        snprintf(reason, room,
            "the ledger has no run that left nothing out: run 'larder "
            "materialize -V %s'",
            facts->view);
        return LARDER_FRESHNESS_UNKNOWN;
    }
    if (age_us <= facts->run_max_us)
        return LARDER_FRESH;
    print_age(age_us, age);
    ldr_duration_print(facts->run_max_us, max);
    larder_time_print(facts->ran, at);
    snprintf(reason, room,
        "its last run, of %s, is %s old; job '%s' promises one within %s", at,
        age, facts->job, max);
    return LARDER_STALE;
}

static void
warn(const ldr_facts *facts, larder_view_freshness *out)
{
    char age[40], limit[40];

    if (facts->warn_us == 0 || out->event_age_us <= facts->warn_us)
        return;
    out->warned = true;
    print_age(out->event_age_us, age);
    ldr_duration_print(facts->warn_us, limit);
    snprintf(out->reason, sizeof out->reason,
        "its newest event is %s old; freshness: warn is %s", age, limit);
}

/* What is stale by one fact is so whatever the other would say; what is fresh
 * is so by both. */
void
ldr_freshness_judge(const ldr_facts *facts, larder_view_freshness *out)
{
    char by_run[sizeof out->reason] = "";
    larder_freshness_status event, run;

    out->status = LARDER_FRESHNESS_UNKNOWN;
    out->warned = false;
    out->reason[0] = '\0';
    out->newest_event = facts->newest_event;
    out->arrived = facts->arrived;
    out->ran = facts->ran;
    out->event_age_us = age_of(facts, facts->newest_event);
    out->arrival_age_us = age_of(facts, facts->arrived);
    out->run_age_us = age_of(facts, facts->ran);
    out->warn_us = facts->warn_us;
    out->max_us = facts->max_us;
    out->run_max_us = facts->run_max_us;
    if (check_ledger(facts, out->reason, sizeof out->reason) != NULL)
        return;
    event =
        judge_event(facts, out->event_age_us, out->reason, sizeof out->reason);
    run = judge_run(facts, out->run_age_us, by_run, sizeof by_run);
    if (event != LARDER_STALE && run != LARDER_FRESH &&
        (event == LARDER_FRESH || run == LARDER_STALE)) {
        out->status = run;
        memcpy(out->reason, by_run, sizeof out->reason);
        return;
    }
    out->status = event;
    if (event == LARDER_FRESH)
        warn(facts, out);
}

/* --------------------------------------------------------------------- jobs */

/* The next word of a command, moved past; 0 at the end. */
static larder_bytes
next_word(const char **at)
{
    larder_bytes word;

    *at += strspn(*at, " \t");
    word = (larder_bytes){*at, strcspn(*at, " \t")};
    *at += word.size;
    return word;
}

static bool
is_word(larder_bytes word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

static bool
starts(larder_bytes word, const char *text)
{
    return word.size >= strlen(text) &&
           memcmp(word.data, text, strlen(text)) == 0;
}

static bool
lists_view(larder_bytes list, const char *view)
{
    const char *text = list.data;
    size_t begin = 0;

    while (begin <= list.size) {
        const char *comma = memchr(text + begin, ',', list.size - begin);
        size_t size =
            comma == NULL ? list.size - begin : (size_t)(comma - text) - begin;
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)size, text + begin);
        if (ldr_name_equal(name, view))
            return true;
        begin += size + 1;
    }
    return false;
}

/* The views an option names, in it or as the next word; {0}: it names none. */
static larder_bytes
views_of(larder_bytes word, const char **at)
{
    static const char *const spellings[] = {"--views", "-V"};

    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        size_t n = strlen(spellings[i]);
        const char *rest = (const char *)word.data + n;

        if (is_word(word, spellings[i]))
            return next_word(at);
        if (!starts(word, spellings[i]))
            continue;
        if (*rest == '=')
            return (larder_bytes){rest + 1, word.size - n - 1};
        if (i == 1)
            return (larder_bytes){rest, word.size - n};
    }
    return (larder_bytes){0};
}

/* Does a command bring the view up to date? An option that is not known here is
 * taken not to matter: the view is then judged by the job. */
static bool
brings(const char *command, const char *view)
{
    const char *at = command;
    larder_bytes first = next_word(&at), word;
    bool incremental = is_word(first, "materialize-incremental");
    bool some = false, this_view = false;
    size_t n_plain = 0;

    if (!incremental && !is_word(first, "materialize"))
        return false;
    while ((word = next_word(&at)).size > 0) {
        larder_bytes views = views_of(word, &at);

        if (is_word(word, "--dry-run"))
            return false;
        if (views.size > 0) {
            some = true;
            this_view = this_view || lists_view(views, view);
        }
        n_plain += starts(word, "-") ? 0 : 1;
    }
    return (!some || this_view) && n_plain <= (incremental ? 1 : 0);
}

/* How old the last run of a job may be; 0: it never runs. */
static int64_t
longest_wait(const ldr_job *job)
{
    ldr_cron cron;
    ldr_cron_fault fault;
    int64_t interval = job->every_us;

    if (job->cron != NULL)
        interval = ldr_cron_parse(job->cron, &cron, &fault)
                       ? ldr_cron_longest_gap(&cron)
                       : 0;
    if (interval == 0)
        return 0;
    return interval + job->jitter_us +
           (job->timeout_us > 0 ? job->timeout_us : interval / 10);
}

const ldr_job *
ldr_freshness_job(
    const ldr_definitions *all, const char *view, int64_t *run_max_us)
{
    const ldr_job *best = NULL;

    *run_max_us = 0;
    for (size_t i = 0; i < all->n_jobs; i++) {
        int64_t wait;

        if (!brings(all->jobs[i].run, view))
            continue;
        wait = longest_wait(&all->jobs[i]);
        if (best != NULL &&
            (wait == 0 || (*run_max_us != 0 && wait >= *run_max_us)))
            continue;
        best = &all->jobs[i];
        *run_max_us = wait;
    }
    return best;
}

/* ---------------------------------------------------------------- the facts */

static larder_status
gather(const ldr_judging *j, const ldr_view *view, const ldr_position *position,
    ldr_facts *out, larder_error *err)
{
    const ldr_job *job;
    char hash[33];
    larder_status rc;

    LARDER_TRY(ldr_view_hash(view, hash, err));
    *out = (ldr_facts){.view = view->about.name,
        .now = j->call->now,
        .online = view->online,
        .materialized = position->read.hash[0] != '\0',
        .changed = strcmp(position->read.hash, hash) != 0,
        .newest_event = position->newest_event,
        .arrived = position->arrived,
        .ran = position->ran,
        .max_skew_us = view->source->max_skew_us,
        .warn_us = view->freshness_warn_us,
        .max_us = j->max_us > 0 ? j->max_us : view->freshness_max_us,
        .asked = j->max_us > 0};
    job = ldr_freshness_job(j->all, view->about.name, &out->run_max_us);
    out->job = job == NULL ? NULL : job->about.name;
out:
    return rc;
}

static void
count(larder_freshness_report *report, larder_freshness_status status)
{
    report->n_fresh += status == LARDER_FRESH;
    report->n_stale += status == LARDER_STALE;
    report->n_unknown += status == LARDER_FRESHNESS_UNKNOWN;
}

/* Names are copies: the report outlives the snapshot. */
static larder_status
add_view(const ldr_judging *j, const ldr_facts *facts,
    larder_freshness_report *report, larder_error *err)
{
    larder_view_freshness *out = &report->views[report->n_views++];

    *out = (larder_view_freshness){.view = strdup(facts->view),
        .job = facts->job == NULL ? NULL : strdup(facts->job),
        .fallback = j->fallback};
    if (out->view == NULL || (out->job == NULL && facts->job != NULL))
        return larder_fail(err, LARDER_NOMEM, "no memory to judge freshness");
    ldr_freshness_judge(facts, out);
    count(report, out->status);
    return LARDER_OK;
}

/* Room for so many more. */
static larder_status
grow(larder_freshness_report *report, size_t n, larder_error *err)
{
    larder_view_freshness *views =
        realloc(report->views, (report->n_views + n + 1) * sizeof *views);

    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to judge freshness");
    report->views = views;
    return LARDER_OK;
}

larder_status
ldr_freshness(const ldr_judging *j, const ldr_view *const *views,
    size_t n_views, larder_freshness_report *report, larder_error *err)
{
    const char **names = calloc(n_views + 1, sizeof *names);
    ldr_position *positions = calloc(n_views + 1, sizeof *positions);
    ldr_facts facts;
    larder_status rc;

    if (names == NULL || positions == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory to judge freshness");
        goto out;
    }
    LARDER_TRY(grow(report, n_views, err));
    for (size_t i = 0; i < n_views; i++)
        names[i] = views[i]->about.name;
    LARDER_TRY(ldr_positions_read(
        j->online, j->call, j->project, names, n_views, positions, err));
    for (size_t i = 0; i < n_views; i++) {
        LARDER_TRY(gather(j, views[i], &positions[i], &facts, err));
        LARDER_TRY(add_view(j, &facts, report, err));
    }
out:
    free(names);
    free(positions);
    return rc;
}
