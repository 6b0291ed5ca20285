/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - POST /materialize and /materialize-incremental, GET /runs/{id}.
 *
 * A run is answered when it is over; with ?async=true at once, and goes on by
 * itself: /runs/{id} says how it fares, the log why it failed. What a run left
 * undone, the next one does.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/body.h"
#include "serve/log.h"
#include "serve/metrics.h"
#include "serve/route.h"
#include "serve/runs.h"
#include "serve/shapes.h"

#define RUNNING_MAX 2u /* max_runs */
#define KEPT_MAX 32u   /* those that are over, to be asked for */

enum run_state { RUN_NONE, RUN_RUNNING, RUN_DONE, RUN_FAILED };

struct job {
    struct serve *serve;
    enum run_state state;
    bool threaded; /* it has a thread that was not waited for */
    pthread_t thread;
    uint64_t id;
    ldr_arena arena;
    const char **views;
    size_t n_views;
    larder_materialize_options options;
    larder_time now, ended;
    larder_error why; /* FAILED */
};

struct runs {
    pthread_mutex_t lock; /* over states of all jobs */
    uint64_t n_begun;
    struct job jobs[RUNNING_MAX + KEPT_MAX];
};

#define N_JOBS (RUNNING_MAX + KEPT_MAX)

larder_status
runs_open(struct runs **out, larder_error *err)
{
    struct runs *runs = calloc(1, sizeof *runs);

    if (runs == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for runs");
    pthread_mutex_init(&runs->lock, NULL);
    *out = runs;
    return LARDER_OK;
}

static void
forget(struct job *job)
{
    if (job->threaded)
        pthread_join(job->thread, NULL);
    ldr_arena_free(&job->arena);
    *job = (struct job){0};
}

void
runs_close(struct runs *runs)
{
    if (runs == NULL)
        return;
    for (size_t i = 0; i < N_JOBS; i++)
        forget(&runs->jobs[i]);
    pthread_mutex_destroy(&runs->lock);
    free(runs);
}

/* ---------------------------------------------------------- which may begin */

static bool
names_view(const struct job *job, const char *view)
{
    for (size_t i = 0; i < job->n_views; i++)
        if (strcmp(job->views[i], view) == 0)
            return true;
    return false;
}

static bool
share_view(const struct job *one, const struct job *other)
{
    for (size_t i = 0; i < one->n_views; i++)
        if (names_view(other, one->views[i]))
            return true;
    return false;
}

/* Under the lock: a place for one more, that of the oldest which is over. */
static struct job *
find_place(struct runs *runs)
{
    struct job *place = NULL;

    for (size_t i = 0; i < N_JOBS; i++) {
        struct job *job = &runs->jobs[i];

        if (job->state != RUN_RUNNING && (place == NULL || job->id < place->id))
            place = job;
    }
    return place;
}

/* Under the lock. */
static larder_status
check_room(const struct runs *runs, const struct job *wanted, bool force,
    larder_error *err)
{
    unsigned n = 0;

    for (size_t i = 0; i < N_JOBS; i++) {
        const struct job *job = &runs->jobs[i];

        if (job->state != RUN_RUNNING)
            continue;
        n++;
        if (!force && share_view(wanted, job))
            return larder_fail(err, LARDER_CONFLICT,
                "run %016llx works on the same feature views",
                (unsigned long long)job->id);
    }
    if (n >= RUNNING_MAX) {
        larder_fail(err, LARDER_BUSY,
            "%u runs of materialize are going on (max_runs)", n);
        larder_hint(err, "try again when one is over");
        return LARDER_BUSY;
    }
    return LARDER_OK;
}

/* The job becomes one of those running; its memory goes along. */
static larder_status
begin(struct runs *runs, struct job *wanted, bool force, struct job **out,
    larder_error *err)
{
    larder_status rc;

    pthread_mutex_lock(&runs->lock);
    rc = check_room(runs, wanted, force, err);
    if (rc == LARDER_OK) {
        struct job *job = find_place(runs);

        forget(job); /* its thread is over */
        wanted->id = ++runs->n_begun;
        wanted->state = RUN_RUNNING;
        *job = *wanted;
        wanted->arena = (ldr_arena){0};
        *out = job;
    }
    pthread_mutex_unlock(&runs->lock);
    return rc;
}

/* ------------------------------------------------------------------- running
 */

static larder_status
judge_report(const larder_run_report *report, larder_error *err)
{
    for (size_t i = 0; i < report->n_views; i++) {
        if (!report->views[i].failed_empty)
            continue;
        larder_fail(err, LARDER_INVALID,
            "feature view '%s': no row was read; a first, explicit or full run "
            "without one is no success",
            report->views[i].view);
        larder_hint(err, "unless the view says 'allow_empty: true'");
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

/* Do it. The job is over then, and its place may be used again. */
static larder_status
work(struct job *job, const larder_call *like, larder_error *err)
{
    struct serve *serve = job->serve;
    struct runs *runs = serve->runs;
    int64_t began = like->monotonic();
    larder_run_report report = {0};
    larder_call call = *like;
    larder_error why = {0};
    larder_time ended;
    larder_status rc;

    call.now = job->now;
    call.deadline = 0;
    rc = larder_materialize(
        job->serve->store, &call, &job->options, &report, &why);
    if (rc == LARDER_OK)
        rc = judge_report(&report, &why);
    larder_run_report_release(&report);
    ended = run_clock(job->serve->run);
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    pthread_mutex_lock(&runs->lock);
    job->why = why;
    job->ended = ended;
    job->state = rc == LARDER_OK ? RUN_DONE : RUN_FAILED;
    pthread_mutex_unlock(&runs->lock);
    metrics_ran(serve, rc == LARDER_OK, call.monotonic() - began);
    return rc;
}

static void *
run_alone(void *context)
{
    struct job *job = context;
    struct serve *serve = job->serve;
    unsigned long long id = job->id;
    larder_call call = serve->run->call;
    larder_error why = {0};

    call.cancel = &serve->cancel;
    call.progress = NULL;
    call.diagnostic = NULL;
    if (work(job, &call, &why) != LARDER_OK)
        log_note(serve, "run %016llx of materialize failed: %s%s%s%s", id,
            why.message, why.hint[0] == '\0' ? "" : " (", why.hint,
            why.hint[0] == '\0' ? "" : ")");
    return NULL;
}

static void
write_views(struct out *out, const struct job *job)
{
    out_text(out, "\"feature_views\": [");
    for (size_t i = 0; i < job->n_views; i++) {
        out_text(out, i == 0 ? "" : ", ");
        out_name(out, job->views[i]);
    }
    out_text(out, "]");
}

/* Under the lock, so that it is over only when its thread is known. */
static larder_status
begin_alone(struct request *request, struct job *job, larder_error *err)
{
    struct runs *runs = job->serve->runs;
    struct out *out = &request->answer;
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&runs->lock);
    if (pthread_create(&job->thread, NULL, run_alone, job) == 0) {
        job->threaded = true;
        out_format(out, "{\"status\": \"accepted\", \"run_id\": \"%016llx\", ",
            (unsigned long long)job->id);
        write_views(out, job);
        out_text(out, "}");
        request->status = 202;
    } else {
        job->state = RUN_FAILED;
        rc = larder_fail(&job->why, LARDER_BUSY, "a thread cannot be started");
        if (err != NULL)
            *err = job->why;
    }
    pthread_mutex_unlock(&runs->lock);
    return rc;
}

/* Feast's client reads "error" and "feature_views" of a 409. */
static void
refuse(
    struct request *request, const struct out *views, const larder_error *err)
{
    struct out *out = &request->answer;

    request_fail_as(request, LARDER_CONFLICT, err);
    out->size = 0;
    out_text(out, "{\"error\": ");
    out_name(out, err->message);
    out_text(out, ", ");
    out_bytes(out, views->text, views->size);
    out_format(out, ", \"code\": \"%s\", \"request_id\": \"%016llx\"}",
        larder_status_name(err->status), (unsigned long long)request->id);
}

static bool
is_set(const struct request *request, const char *name)
{
    const char *text = request_query(request, name);

    return text != NULL &&
           (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
               strcmp(text, "True") == 0);
}

static larder_status
run_job(struct worker *worker, struct request *request, struct job *wanted,
    larder_error *err)
{
    struct runs *runs = worker->serve->runs;
    struct out views = {0}; /* the job may be forgotten when it is over */
    bool begun = false;
    struct job *job = NULL;
    larder_status rc;

    request->n_views = wanted->n_views;
    wanted->serve = worker->serve;
    write_views(&views, wanted);
    LARDER_TRY(begin(runs, wanted, is_set(request, "force"), &job, err));
    begun = true;
    if (is_set(request, "async")) {
        rc = begin_alone(request, job, err);
        goto out;
    }
    rc = work(job, &worker->call, err);
    if (rc == LARDER_OK) {
        out_text(&request->answer, "null");
        request->status = 200;
    }
out:
    if (rc == LARDER_CONFLICT ||
        (begun && rc == LARDER_BUSY && request->status == 0))
        refuse(request, &views, err);
    request->answer.failed |= views.failed;
    out_release(&views);
    ldr_arena_free(&wanted->arena);
    return rc;
}

/* ------------------------------------------------------------ what is asked */

static larder_status
check_known(struct request *request, const char *const *known, size_t n,
    const char *view, larder_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(known[i], view) == 0)
            return LARDER_OK;
    larder_fail(
        err, LARDER_NOT_FOUND, "there is no online feature view '%s'", view);
    request_fail_feast(request, 404, "FeatureViewNotFoundException", err);
    return LARDER_NOT_FOUND;
}

static larder_status
take_views(struct request *request, const struct member *member,
    struct job *job, larder_error *err)
{
    const char *const *known = job->views;
    size_t n_known = job->n_views, room = member->value.size / 3 + 1, n = 0;
    char text[BODY_NAME_ROOM];
    ldr_json json;
    larder_status rc = LARDER_OK;

    job->views = ldr_arena_array(&job->arena, room, sizeof *job->views);
    if (job->views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for names");
    ldr_json_start(&json, member->value);
    (void)ldr_json_next(&json);
    while (ldr_json_next(&json) == LDR_JSON_STRING) {
        struct member name = {.name = member->name, .value = json.token};

        LARDER_TRY(body_text(request, &name, text, err));
        LARDER_TRY(check_known(request, known, n_known, text, err));
        job->n_views = n;
        if (names_view(job, text))
            continue;
        job->views[n] = ldr_arena_copy(&job->arena, text);
        if (job->views[n++] == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory for names");
    }
    job->n_views = n;
    /* Something else than a text ended it, or there is none. */
    if (json.at < member->value.size || n == 0)
        return body_fail(request, member->name, err,
            "is an array of names of feature views; left out, it is all");
out:
    return rc;
}

/* The views that are named, else all that are online; may this token? */
static larder_status
choose_views(struct worker *worker, struct request *request,
    const struct member *member, struct job *job, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(shapes_views(worker->serve, &worker->call, NULL, &job->arena,
        &job->views, &job->n_views, err));
    if (member->value.size > 0)
        LARDER_TRY(take_views(request, member, job, err));
    LARDER_TRY(shapes_allow(request, job->views, job->n_views, err));
    job->options.views = job->views;
    job->options.n_views = job->n_views;
    if (job->n_views == 0)
        rc =
            larder_fail(err, LARDER_INVALID, "there is no online feature view");
out:
    return rc;
}

enum { VIEWS, VERSION, NAMES, START, END, WHOLE, LAST };

/* Both routes have these. */
static void
begin_members(struct member members[])
{
    members[VIEWS] = (struct member){.name = "feature_views",
        .kinds = BODY_ARRAY,
        .what = "is an array of names of feature views"};
    members[VERSION] = (struct member){
        .name = "version", .what = "is null: a feature view has one version"};
    members[NAMES] = (struct member){.name = "full_feature_names",
        .kinds = BODY_BOOL,
        .what = "is true or false"};
    members[START] = (struct member){.name = "start_ts",
        .kinds = BODY_STRING,
        .what = "is ISO 8601; without an offset it is UTC"};
    members[END] = (struct member){.name = "end_ts",
        .kinds = BODY_STRING,
        .what = "is ISO 8601; without an offset it is UTC"};
    members[WHOLE] = (struct member){.name = "disable_event_timestamp",
        .kinds = BODY_BOOL,
        .what = "is true or false"};
    members[LAST] = (struct member){0};
}

/* From when to when; all of history where event times do not count. */
static larder_status
take_range(struct request *request, const struct member members[],
    struct job *job, larder_error *err)
{
    const struct member *start = &members[START], *end = &members[END];
    larder_bytes whole = members[WHOLE].value;
    larder_materialize_options *options = &job->options;
    larder_status rc = LARDER_OK;

    options->range = true;
    options->from = LARDER_TIME_MIN;
    options->to = job->now;
    if (whole.size == 4) /* true */
        return LARDER_OK;
    if (start->value.size == 0 || end->value.size == 0)
        return body_fail(request,
            start->value.size == 0 ? start->name : end->name, err,
            "is missing: a range has a start_ts and an end_ts, unless "
            "disable_event_timestamp is true");
    LARDER_TRY(body_time(request, start, &options->from, err));
    LARDER_TRY(body_time(request, end, &options->to, err));
    if (options->from > options->to)
        return body_fail(request, start->name, err, "is later than 'end_ts'");
out:
    return rc;
}

larder_status
answer_materialize(
    struct worker *worker, struct request *request, larder_error *err)
{
    struct member members[LAST + 1];
    struct job job = {.now = worker->call.now};
    larder_status rc;

    begin_members(members);
    LARDER_TRY(body_read(request, members, err));
    LARDER_TRY(take_range(request, members, &job, err));
    LARDER_TRY(choose_views(worker, request, &members[VIEWS], &job, err));
    return run_job(worker, request, &job, err);
out:
    ldr_arena_free(&job.arena);
    return rc;
}

/* What lies in the future is read when its time comes. */
larder_status
answer_materialize_incremental(
    struct worker *worker, struct request *request, larder_error *err)
{
    struct member members[LAST + 1];
    struct job job = {.now = worker->call.now};
    larder_time end;
    larder_status rc;

    begin_members(members);
    members[END].required = true;
    LARDER_TRY(body_read(request, members, err));
    LARDER_TRY(body_time(request, &members[END], &end, err));
    if (end < job.now)
        job.now = end;
    LARDER_TRY(choose_views(worker, request, &members[VIEWS], &job, err));
    return run_job(worker, request, &job, err);
out:
    ldr_arena_free(&job.arena);
    return rc;
}

/* ---------------------------------------------------------------- how it is */

static void
write_run(struct out *out, const struct job *job)
{
    static const char *const states[] = {"", "running", "done", "failed"};

    out_format(out, "{\"run_id\": \"%016llx\", \"status\": \"%s\", ",
        (unsigned long long)job->id, states[job->state]);
    write_views(out, job);
    if (job->state != RUN_RUNNING) {
        out_text(out, ", \"ended\": ");
        out_time(out, job->ended);
    }
    if (job->state == RUN_FAILED) {
        out_format(out, ", \"error\": {\"code\": \"%s\", \"message\": ",
            larder_status_name(job->why.status));
        out_name(out, job->why.message);
        out_text(out, ", \"hint\": ");
        out_name(out, job->why.hint);
        out_text(out, "}");
    }
    out_text(out, "}");
}

larder_status
answer_run(struct worker *worker, struct request *request, larder_error *err)
{
    struct runs *runs = worker->serve->runs;
    larder_bytes name = request->name;
    larder_status rc = LARDER_NOT_FOUND;
    char id[17];

    pthread_mutex_lock(&runs->lock);
    for (size_t i = 0; i < N_JOBS && rc != LARDER_OK; i++) {
        const struct job *job = &runs->jobs[i];

        snprintf(id, sizeof id, "%016llx", (unsigned long long)job->id);
        if (job->state == RUN_NONE || name.size != 16 ||
            memcmp(name.data, id, 16) != 0)
            continue;
        rc = shapes_allow(request, job->views, job->n_views, err);
        if (rc != LARDER_OK)
            break;
        write_run(&request->answer, job);
        request->status = 200;
    }
    pthread_mutex_unlock(&runs->lock);
    if (rc == LARDER_NOT_FOUND)
        larder_fail(err, LARDER_NOT_FOUND,
            "there is no run '%.40s'; the last %u are known",
            (const char *)name.data, KEPT_MAX);
    return rc;
}
