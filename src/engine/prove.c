/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove.c - is what is online what history says, byte for byte?
 *
 * The ledger is read before anything else. One pass over the online store, and
 * one over each view's history, choose the entities; what becomes of them is
 * judged some at a time (verdict.c).
 */
#include "engine/prove.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "engine/differ.h"
#include "engine/verdict.h"

#define MEMORY_DEFAULT ((size_t)512 << 20)
#define SCAN_ROWS 4096u  /* in one step */
#define SHARE_KEYS 1024u /* compared at a time, unless their rows are long */
#define DERIVED_KEYS 256u

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a proof");
}

static size_t
memory_of(const larder_call *call)
{
    return call->memory_bytes == 0 ? MEMORY_DEFAULT : call->memory_bytes;
}

/* One view. */
typedef struct proof {
    const ldr_proving *p;
    const ldr_view *view;
    larder_proved_view *report;
    larder_difference *difference;
    ldr_arena arena;
    ldr_position position;
    ldr_recomputing plan;
    larder_table_id table;
    ldr_sample sample;
    bool judged; /* materialized, as it is now defined */
} proof;

/* ------------------------------------------------------------- the entities */

typedef struct proofs {
    proof *all;
    size_t n;
    proof **by_table; /* those that are judged */
    size_t n_judged;
} proofs;

static int
compare_tables(const void *a, const void *b)
{
    const proof *const *x = a, *const *y = b;

    return memcmp(&(*x)->table, &(*y)->table, sizeof(larder_table_id));
}

static larder_status
check_memory(const larder_call *call, size_t n_bytes, larder_error *err)
{
    if (n_bytes <= memory_of(call) / 4)
        return LARDER_OK;
    larder_fail(err, LARDER_LIMIT,
        "the keys of a sample take more than a quarter of %zu bytes "
        "(memory_bytes)",
        memory_of(call));
    larder_hint(err, "take a smaller sample, or allow more memory");
    return LARDER_LIMIT;
}

typedef struct scanning {
    larder_each each;
    proofs *proofs;
    bool begun;
    ldr_key last;
    larder_table_id last_table;
} scanning;

static larder_status
take_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    scanning *s = (scanning *)self;
    proof wanted = {.table = table}, *wants = &wanted;
    proof **found = bsearch(&wants, s->proofs->by_table, s->proofs->n_judged,
        sizeof wants, compare_tables);

    (void)row;
    s->begun = true;
    s->last_table = table;
    s->last.size = key.size;
    memcpy(s->last.bytes, key.data, key.size);
    return found == NULL ? LARDER_OK
                         : ldr_sample_offer(&(*found)->sample, key, err);
}

static size_t
count_bytes(const proofs *all)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += all->all[i].sample.n_bytes;
    return n;
}

/* One pass over the store serves every view. */
static larder_status
sample_online(const ldr_proving *p, proofs *all, larder_error *err)
{
    scanning s = {.each = {take_row}, .proofs = all};
    larder_progress progress = {.what = "reading the online store"};
    bool more = all->n_judged > 0;
    larder_status rc = LARDER_OK;

    while (more) {
        ldr_key after_key = s.last;
        larder_table_id after_table = s.last_table;
        larder_bytes after = {after_key.bytes, after_key.size};

        LARDER_TRY(larder_call_check(p->call, err));
        LARDER_TRY(ldr_online_scan(p->online, p->call, s.begun ? &after : NULL,
            s.begun ? &after_table : NULL, SCAN_ROWS, &s.each, &more, err));
        LARDER_TRY(check_memory(p->call, count_bytes(all), err));
        progress.done += SCAN_ROWS;
        if (p->call->progress != NULL)
            p->call->progress(p->call->context, &progress);
    }
out:
    return rc;
}

static larder_status
offer_history(
    const proof *f, larder_stream *rows, ldr_sample *sample, larder_error *err)
{
    larder_batch batch = {0};
    ldr_key last = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_call_check(f->p->call, err));
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++) {
            bool usable = false;
            ldr_key key;

            LARDER_TRY(
                ldr_recompute_key(&f->plan, &batch, row, &key, &usable, err));
            if (!usable || (key.size == last.size &&
                               memcmp(key.bytes, last.bytes, key.size) == 0))
                continue;
            LARDER_TRY(ldr_sample_offer(
                sample, (larder_bytes){key.bytes, key.size}, err));
            last = key;
        }
        larder_batch_release(&batch);
        LARDER_TRY(check_memory(f->p->call, sample->n_bytes, err));
    }
out:
    larder_batch_release(&batch);
    return rc;
}

/* Entities that should be online: of those who are, mostly the same are chosen,
 * since it is by their keys. */
static larder_status
sample_history(proof *f, larder_error *err)
{
    const ldr_proving *p = f->p;
    larder_scan scan = {.table = &f->plan.table,
        .key = f->plan.scan_keys,
        .n_key = f->plan.keys.n_fields,
        .from = LARDER_TIME_MIN,
        .to = f->position.until,
        .order = LARDER_ORDER_NEWEST_FIRST};
    ldr_sample sample = {.limit = f->sample.limit};
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(ldr_offline_begin(p->offline, p->call, 1, err));
    rc = ldr_offline_latest(p->offline, 0, p->call, &scan, &rows, err);
    if (rc == LARDER_OK)
        rc = offer_history(f, &rows, &sample, err);
    larder_stream_close(&rows);
    ldr_offline_end(p->offline);
    LARDER_TRY(rc);
    LARDER_TRY(ldr_sample_join(&f->sample, &sample, err));
    ldr_sample_sort(&f->sample);
out:
    ldr_sample_release(&sample);
    return rc;
}

/* ------------------------------------------------------------------ a view */

static void
give_reason(proof *f)
{
    larder_proved_view *report = f->report;

    if (report->compared > 0 || report->missing > 0)
        return;
    if (report->unsettled > 0)
        report->reason = "rows arrived since it was materialized";
    else if (!f->view->allow_empty)
        report->reason = "no row is online, and none should be";
}

static larder_status
prove_view(proof *f, larder_error *err)
{
    const larder_call *call = f->p->call;
    larder_progress progress = {.what = f->view->about.name};
    ldr_judging judging = {.offline = f->p->offline,
        .online = f->p->online,
        .call = call,
        .plan = &f->plan,
        .table = f->table,
        .position = &f->position,
        .report = f->report,
        .difference = f->difference};
    size_t limit =
        ldr_recomputing_is_derived(&f->plan) ? DERIVED_KEYS : SHARE_KEYS;
    size_t most = limit;
    larder_status rc;

    LARDER_TRY(sample_history(f, err));
    progress.total = f->sample.n_keys;
    for (size_t first = 0, n; first < f->sample.n_keys; first += n) {
        most = most < limit ? most : limit;
        most =
            most < f->sample.n_keys - first ? most : f->sample.n_keys - first;
        n = most;
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(ldr_judge(&judging, f->sample.keys + first, &n, err));
        most = n == 0 ? most / 2 : 2 * most;
        progress.done = first + n;
        if (call->progress != NULL)
            call->progress(call->context, &progress);
    }
    give_reason(f);
out:
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s'", f->view->about.name);
    return rc;
}

/* --------------------------------------------------------------- the whole */

/* Is there anything to compare, and in which table? */
static larder_status
prepare(proof *f, larder_error *err)
{
    char hash[33];
    larder_status rc;

    f->report->until = f->position.until;
    if (!f->view->online) {
        f->report->reason = "it says 'online: false'";
        return LARDER_OK;
    }
    if (f->position.read.hash[0] == '\0') {
        f->report->reason = "not materialized yet";
        return LARDER_OK;
    }
    LARDER_TRY(ldr_view_hash(f->view, hash, err));
    if (strcmp(f->position.read.hash, hash) != 0) {
        f->report->reason = "not materialized as it is now defined";
        return LARDER_OK;
    }
    LARDER_TRY(ldr_recomputing_make(f->view, &f->arena, &f->plan, err));
    f->plan.layout.whole_seconds = ldr_online_whole_seconds(f->p->online);
    LARDER_TRY(ldr_build_table(f->p->online, f->p->project, f->view,
        &f->position.read, &f->table, err));
    f->sample.limit = f->p->sample;
    f->judged = true;
out:
    return rc;
}

static larder_status
prepare_all(const ldr_proving *p, proofs *all, larder_error *err)
{
    const char **names = calloc(all->n + 1, sizeof *names);
    ldr_position *positions = calloc(all->n + 1, sizeof *positions);
    larder_status rc = LARDER_OK;

    if (names == NULL || positions == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < all->n; i++)
        names[i] = all->all[i].view->about.name;
    LARDER_TRY(ldr_positions_read(
        p->online, p->call, p->project, names, all->n, positions, err));
    for (size_t i = 0; i < all->n; i++) {
        all->all[i].position = positions[i];
        LARDER_TRY(prepare(&all->all[i], err));
        if (all->all[i].judged)
            all->by_table[all->n_judged++] = &all->all[i];
    }
    qsort(all->by_table, all->n_judged, sizeof *all->by_table, compare_tables);
out:
    free(names);
    free(positions);
    return rc;
}

static larder_status
begin_report(larder_proved *report, const ldr_view *const *views,
    size_t n_views, larder_error *err)
{
    report->views = calloc(n_views + 1, sizeof *report->views);
    if (report->views == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n_views; i++) {
        larder_proved_view *view = &report->views[i];

        view->view = strdup(views[i]->about.name); /* outlives the snapshot */
        view->until = LARDER_TIME_MIN;
        if (view->view == NULL)
            return no_memory(err);
        report->n_views++;
    }
    return LARDER_OK;
}

larder_status
ldr_prove(const ldr_proving *proving, const ldr_view *const *views,
    size_t n_views, larder_proved *report, larder_error *err)
{
    proofs all = {.n = n_views};
    larder_status rc = LARDER_OK;

    all.all = calloc(n_views + 1, sizeof *all.all);
    all.by_table = calloc(n_views + 1, sizeof *all.by_table);
    if (all.all == NULL || all.by_table == NULL) {
        all.n = 0;
        rc = no_memory(err);
        goto out;
    }
    LARDER_TRY(begin_report(report, views, n_views, err));
    for (size_t i = 0; i < n_views; i++)
        all.all[i] = (proof){.p = proving,
            .view = views[i],
            .report = &report->views[i],
            .difference = &report->difference};
    LARDER_TRY(prepare_all(proving, &all, err));
    LARDER_TRY(sample_online(proving, &all, err));
    for (size_t i = 0; i < n_views; i++)
        if (all.all[i].judged)
            LARDER_TRY(prove_view(&all.all[i], err));
out:
    for (size_t i = 0; i < all.n; i++) {
        ldr_sample_release(&all.all[i].sample);
        ldr_arena_free(&all.all[i].arena);
    }
    free(all.all);
    free(all.by_table);
    return rc;
}
