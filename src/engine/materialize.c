/* SPDX-License-Identifier: Apache-2.0 */
/*
 * materialize.c - offline to online, in resumable chunks: which build, which
 * rows, and what the ledger says afterwards. fill.c moves them.
 */
#include "engine/materialize.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/row.h"
#include "data/schema.h"
#include "definition/table.h"
#include "engine/contract.h"
#include "engine/derive.h"
#include "engine/fill.h"
#include "engine/parallel.h"
#include "engine/runs.h"

#define SWEEP_AFTER_US (INT64_C(3600) * LDR_SECOND)
#define SWEEP_KEYS 65536u

/* ------------------------------------------------------------------ a run */

typedef struct run {
    const ldr_materializing *m;
    const ldr_view *view;
    larder_materialized *report;
    ldr_arena arena;
    char hash[33];
    larder_table table;
    larder_schema source_keys; /* the table's, where it declares none */
    const larder_field *columns;
    const char **scan_keys; /* join keys in the order history lies in */
    ldr_deriving deriving;  /* of a view with windows */
    ldr_contract contract;
    ldr_build build; /* what rows are written into */
    bool filling;    /* `build` is not the one being read */
    bool covers;     /* the run may move the position */
    bool first;      /* nothing was ever read online */
    int64_t arrival; /* the snapshot's mark */
    ldr_fill fill;
} run;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to materialize");
}

static bool
is_derived(const run *r)
{
    return r->view->window_us > 0;
}

/* ---------------------------------------------------------------- planning */

static larder_status
lay_out_plain(run *r, larder_error *err)
{
    const ldr_view *view = r->view;
    larder_type *types =
        ldr_arena_array(&r->arena, view->n_features + 1, sizeof *types);
    size_t *places =
        ldr_arena_array(&r->arena, view->n_keys + 1, sizeof *places);
    larder_field *columns;
    size_t *from;
    larder_status rc;

    if (places == NULL || types == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_scan_keys(view, &r->arena, &r->scan_keys, &from, err));
    for (size_t s = 0; s < view->n_keys; s++)
        places[from[s]] = s;
    r->fill.key_places = places;
    LARDER_TRY(ldr_view_columns(view, &r->arena, &columns, err));
    r->columns = columns;
    for (size_t i = 0; i < view->n_features; i++)
        types[i] = columns[i].type;
    LARDER_TRY(ldr_row_layout_init(
        &r->fill.layout, types, view->n_features, &r->arena, err));
    r->fill.layout.whole_seconds = ldr_online_whole_seconds(r->m->online);
out:
    return rc;
}

static larder_status
lay_out_derived(run *r, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_deriving_make(r->view, &r->arena, &r->deriving, err));
    r->fill.deriving = &r->deriving;
    r->fill.key_places = r->deriving.key_places;
    r->scan_keys = r->deriving.scan_keys;
    r->columns = r->deriving.columns;
out:
    return rc;
}

static larder_status
lay_out(run *r, larder_error *err)
{
    const ldr_view *view = r->view;
    larder_status rc;

    LARDER_TRY(is_derived(r) ? lay_out_derived(r, err) : lay_out_plain(r, err));
    LARDER_TRY(ldr_view_hash(view, r->hash, err));
    r->fill.entity_set = ldr_entity_set_id(view->keys, view->n_keys);
    ldr_view_source(view, &r->source_keys, &r->table);
out:
    return rc;
}

static bool
same_hash(const run *r, const ldr_build *build)
{
    return strcmp(build->hash, r->hash) == 0;
}

/* A number no build has: one that waits to be swept would take a new one of its
 * number with it. */
static uint64_t
next_number(const ldr_position *p)
{
    uint64_t greatest =
        p->fill.number > p->read.number ? p->fill.number : p->read.number;

    for (size_t i = 0; i < p->n_old; i++)
        if (p->old[i].number > greatest)
            greatest = p->old[i].number;
    return greatest + 1;
}

/* Which build the rows go into, and whether this run may move the pointer. */
static larder_status
choose_build(run *r, larder_error *err)
{
    const larder_materialize_options *options = r->m->options;
    const ldr_position *p = &r->fill.position;
    bool usable = same_hash(r, &p->read) && !options->full;

    r->first = p->read.hash[0] == '\0';
    r->filling = !usable;
    if (usable)
        r->build = p->read;
    else if (same_hash(r, &p->fill))
        r->build = p->fill; /* a run that did not finish: go on filling it */
    else
        r->build.number = next_number(p);
    memcpy(r->build.hash, r->hash, sizeof r->hash);
    /* A narrower run fills, but what it left out must not vanish from sight. */
    r->covers = r->first || (!options->range && (r->m->call->now >= p->until));
    return ldr_build_table(
        r->m->online, r->m->project, r->view, &r->build, &r->fill.table, err);
}

/* Only what is new; *found tells whether anything says what that is. */
static void
choose_new_rows(run *r, bool *found)
{
    const ldr_position *p = &r->fill.position;
    larder_scan *scan = &r->fill.scan;

    *found = true;
    r->report->has_from = p->until != LARDER_TIME_MIN;
    r->report->from = p->until;
    if (r->table.owned || r->table.created != NULL) {
        scan->arrived = true;
        scan->after = p->arrival;
        scan->seen_until = p->until;
    } else if (r->view->lookback_us > 0) {
        scan->from = ldr_time_minus(p->until, r->view->lookback_us);
    } else {
        *found = false; /* all of it is read again */
    }
}

/* For keys alone no more is read than contracts are judged by. */
static void
choose_columns(run *r)
{
    larder_scan *scan = &r->fill.scan;

    scan->columns = r->columns;
    if (r->fill.how == LDR_FILL_NEWEST) {
        scan->n_columns = r->view->n_features;
    } else if (r->fill.how == LDR_FILL_DERIVED) {
        scan->n_columns = r->deriving.n_columns;
    } else {
        scan->columns += r->deriving.events.n_scanned;
        scan->n_columns = r->deriving.n_plain;
    }
}

static void
choose_rows(run *r)
{
    const larder_materialize_options *options = r->m->options;
    larder_scan *scan = &r->fill.scan;
    bool some = options->range;

    *scan = (larder_scan){.table = &r->table,
        .key = r->scan_keys,
        .n_key = r->view->n_keys,
        .from = options->range ? options->from : LARDER_TIME_MIN,
        .to = options->range ? options->to : r->m->call->now,
        .order = LARDER_ORDER_NEWEST_FIRST};
    r->report->has_from = options->range;
    r->report->from = scan->from;
    if (!options->range && !r->filling)
        choose_new_rows(r, &some);
    r->fill.how = !is_derived(r) ? LDR_FILL_NEWEST
                  : some         ? LDR_FILL_KEYS
                                 : LDR_FILL_DERIVED;
    choose_columns(r);
}

/* A range in the future is cut at now: rows are read when their time comes.
 * Derived rows are of all history so far, whichever entities were chosen, and
 * a clock turned back takes nothing away from them. */
static void
cut_future(run *r)
{
    larder_scan *scan = &r->fill.scan;
    larder_time now = r->m->call->now, until = r->fill.position.until;

    if (scan->to > now)
        scan->to = now;
    r->report->until = scan->to;
    r->fill.until = until > now ? until : now;
    if (r->fill.how == LDR_FILL_DERIVED)
        scan->to = r->fill.until;
}

/* Where in the scan's rows the features are that contracts speak of. */
static larder_status
make_contract(run *r, larder_error *err)
{
    const ldr_view *view = r->view;
    size_t n_keys = view->n_keys, next = n_keys + 2;
    size_t *features =
        ldr_arena_array(&r->arena, view->n_features + 1, sizeof *features);
    size_t *keys = ldr_arena_array(&r->arena, n_keys + 1, sizeof *keys);
    ldr_contract_places places = {.key_names = r->scan_keys,
        .keys = keys,
        .n_keys = n_keys,
        .event = n_keys,
        .features = features};
    larder_status rc;

    if (features == NULL || keys == NULL)
        return no_memory(err);
    for (size_t k = 0; k < n_keys; k++)
        keys[k] = k;
    if (r->fill.how == LDR_FILL_DERIVED)
        next += r->deriving.events.n_scanned;
    for (size_t f = 0; f < view->n_features; f++)
        features[f] = view->features[f].aggregate == LDR_AGGREGATE_NONE
                          ? next++
                          : LDR_NO_FIELD;
    LARDER_TRY(
        ldr_contract_of_view(view, &places, &r->arena, &r->contract, err));
    r->fill.contract = &r->contract;
    LARDER_TRY(ldr_breaches_init(&r->fill.breaches, &r->contract, err));
out:
    return rc;
}

/* --------------------------------------------------------------- the ledger */

static void
remember_old(ldr_position *p, ldr_build old, larder_time now)
{
    if (old.hash[0] == '\0')
        return;
    if (p->n_old == LDR_OLD_BUILDS_MAX) { /* the oldest will never be swept */
        memmove(p->old, p->old + 1, (p->n_old - 1) * sizeof *p->old);
        memmove(
            p->replaced, p->replaced + 1, (p->n_old - 1) * sizeof *p->replaced);
        p->n_old--;
    }
    p->old[p->n_old] = old;
    p->replaced[p->n_old++] = now;
}

static int64_t
new_mark(const run *r)
{
    int64_t mark;

    if (r->table.owned)
        return r->arrival;
    if (r->table.created == NULL || r->fill.newest_created == INT64_MIN)
        return r->filling ? INT64_MIN : r->fill.position.arrival;
    mark = ldr_time_minus(
        r->fill.newest_created, r->view->source->arrival_slack_us);
    return !r->filling && r->fill.position.arrival > mark
               ? r->fill.position.arrival
               : mark;
}

/* Without a created time a row is known to have arrived between two runs, and
 * only where a run reads nothing but new rows, or tells old ones by their
 * bytes. */
static larder_time
newest_arrival(const run *r)
{
    larder_time was = r->fill.position.arrived;

    if (r->table.created != NULL)
        return r->fill.newest_created > was ? r->fill.newest_created : was;
    if (r->filling || r->m->options->range)
        return was;
    if (r->table.owned ? r->report->read == 0 : r->report->written == 0)
        return was;
    return r->m->call->now;
}

/* What freshness is judged by. Rows of a build nobody reads say nothing. */
static void
tell_facts(const run *r, ldr_position *p)
{
    if (!r->covers && r->filling)
        return;
    if (r->filling || r->fill.newest_event > p->newest_event)
        p->newest_event = r->fill.newest_event;
    p->arrived = newest_arrival(r);
    if (r->covers && !r->m->options->range)
        p->ran = r->m->call->now;
}

/* What the ledger says once every row of the run is in. */
static ldr_position
final_position(const run *r)
{
    ldr_position p = r->fill.position;

    tell_facts(r, &p);
    if (!r->covers)
        return p;
    if (r->m->options->range) {
        /* Only a first run comes here: what lies outside is still to be read.
         */
        p.arrival = r->table.owned ? 0 : INT64_MIN;
        p.until = r->report->until;
    } else {
        p.arrival = new_mark(r);
        if (r->report->until > p.until || r->filling)
            p.until = r->report->until;
    }
    if (r->filling) {
        remember_old(&p, p.read, r->m->call->now);
        p.read = r->build;
        p.fill = (ldr_build){0};
    }
    return p;
}

static void
forget_old(ldr_position *p, size_t at)
{
    memmove(p->old + at, p->old + at + 1, (p->n_old - at - 1) * sizeof *p->old);
    memmove(p->replaced + at, p->replaced + at + 1,
        (p->n_old - at - 1) * sizeof *p->replaced);
    p->n_old--;
}

/* Builds nobody reads any more go, some keys a step. */
static larder_status
sweep(run *r, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < r->fill.position.n_old;) {
        const ldr_build *old = &r->fill.position.old[i];
        unsigned char cursor[LARDER_KEY_MAX];
        size_t n_cursor = 0;
        uint64_t removed = 0;
        ldr_position without = r->fill.position;
        larder_table_id table;

        if (r->fill.position.replaced[i] > r->m->call->now - SWEEP_AFTER_US) {
            i++;
            continue;
        }
        LARDER_TRY(ldr_build_table(
            r->m->online, r->m->project, r->view, old, &table, err));
        do {
            LARDER_TRY(ldr_online_sweep(r->m->online, r->m->call, table,
                SWEEP_KEYS, cursor, &n_cursor, &removed, err));
        } while (n_cursor > 0);
        forget_old(&without, i);
        LARDER_TRY(ldr_fill_commit(&r->fill, &without, err));
    }
out:
    return rc;
}

/* ---------------------------------------------------------------- the whole */

/* R6: of a first, explicit or full run something was expected. */
static bool
suspiciously_empty(const run *r)
{
    const larder_materialize_options *options = r->m->options;

    return r->report->read == 0 && !r->view->allow_empty &&
           !options->allow_empty &&
           (r->first || options->range || options->full);
}

static larder_status
open_table(run *r, larder_error *err)
{
    larder_described described = {0};
    larder_status rc;

    LARDER_TRY(ldr_offline_describe(
        r->m->offline, r->m->call, &r->table, &described, err));
    if (!described.exists) {
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "source '%s' has no table in the offline store",
            r->view->source->about.name);
        larder_hint(err, "run 'larder apply', then 'larder ingest'");
    }
    r->arrival = described.arrival;
    r->fill.n_rows = described.n_rows;
out:
    larder_described_release(&described);
    return rc;
}

/* Take the view over: from here on another run's commit fails, or ours. */
static larder_status
announce(run *r, larder_error *err)
{
    ldr_position wanted = r->fill.position;

    if (r->m->options->dry_run)
        return LARDER_OK;
    if (!r->filling || !same_hash(r, &wanted.fill)) {
        /* A run that never finished left it; nobody will. */
        remember_old(&wanted, wanted.fill, r->m->call->now);
        wanted.fill = (ldr_build){0};
    }
    if (r->filling)
        wanted.fill = r->build;
    memcpy(wanted.run, r->m->run, strnlen(r->m->run, 32) + 1);
    return ldr_fill_commit(&r->fill, &wanted, err);
}

/* One snapshot of history, and all that is read in it. */
static larder_status
read_history(run *r, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(
        ldr_offline_begin(r->m->offline, r->m->call, r->fill.n_threads, err));
    rc = ldr_fill_read(&r->fill, err);
    ldr_offline_end(r->m->offline);
out:
    return rc;
}

static larder_status
finish(run *r, larder_error *err)
{
    ldr_position last;
    larder_status rc = LARDER_OK;

    r->report->failed_empty = suspiciously_empty(r);
    if (r->m->options->dry_run || r->report->failed_empty)
        return LARDER_OK;
    if (r->fill.waiting.n_entries > 0 && is_derived(r)) {
        ldr_position same = r->fill.position;

        LARDER_TRY(ldr_fill_commit(&r->fill, &same, err));
    }
    LARDER_TRY(ldr_fill_derive(&r->fill, err));
    last = final_position(r);
    LARDER_TRY(ldr_fill_commit(&r->fill, &last, err));
    LARDER_TRY(sweep(r, err));
out:
    return rc;
}

static larder_status
report_breaches(run *r, larder_error *err)
{
    larder_violation *violations = NULL;
    size_t n = 0;
    larder_status rc = ldr_contract_report(
        &r->contract, &r->fill.breaches, &violations, &n, err);

    if (rc != LARDER_OK)
        return rc;
    r->report->violations = violations;
    r->report->n_violations = n;
    return LARDER_OK;
}

static larder_status
run_view(run *r, larder_error *err)
{
    const char *name = r->view->about.name;
    larder_status rc;

    LARDER_TRY(lay_out(r, err));
    LARDER_TRY(ldr_positions_read(r->m->online, r->m->call, r->m->project,
        &name, 1, &r->fill.position, err));
    /* The mark is of before the snapshot: what arrives in between is read twice
     * rather than never. */
    LARDER_TRY(open_table(r, err));
    LARDER_TRY(choose_build(r, err));
    choose_rows(r);
    cut_future(r);
    LARDER_TRY(make_contract(r, err));
    LARDER_TRY(announce(r, err));
    LARDER_TRY(read_history(r, err));
    ldr_contract_warn(&r->contract, &r->fill.breaches, r->m->call);
    LARDER_TRY(report_breaches(r, err));
    LARDER_TRY(finish(r, err));
out:
    return rc;
}

larder_status
ldr_materialize_view(const ldr_materializing *m, const ldr_view *view,
    larder_materialized *report, larder_error *err)
{
    run r = {.m = m, .view = view, .report = report};
    int64_t (*clock)(void) = m->call->monotonic;
    int64_t started = clock == NULL ? 0 : clock();
    larder_status rc;

    *report = (larder_materialized){
        .view = view->about.name, .fallback = m->fallback};
    LARDER_TRY(ldr_fill_init(&r.fill, err));
    r.fill.m = m;
    r.fill.view = view;
    r.fill.report = report;
    r.fill.n_threads = ldr_parallel_width(m->call);
    rc = run_view(&r, err);
    ldr_fill_release(&r.fill);
    ldr_arena_free(&r.arena);
    if (clock != NULL)
        report->seconds = (double)(clock() - started) / 1e6;
out:
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s'", view->about.name);
    return rc;
}
