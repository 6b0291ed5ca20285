/* SPDX-License-Identifier: Apache-2.0 */
/*
 * materialize.c - offline to online, in resumable chunks.
 */
#include "engine/materialize.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/row.h"
#include "data/schema.h"
#include "definition/table.h"
#include "engine/asof.h"
#include "engine/chunk.h"
#include "engine/parallel.h"
#include "engine/runs.h"

#define CHUNK_ROWS 16384u
#define CHUNK_BYTES ((size_t)32 << 20)
/* Rows of history in a part: of ten rows a key, about a chunk. */
#define PART_ROWS (8 * CHUNK_ROWS)
#define MAX_PARTS 4096u
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
    size_t *key_places;     /* of key i (name order) among scan_keys */
    uint32_t entity_set;
    ldr_row_layout layout;
    ldr_build build; /* what rows are written into */
    larder_table_id table_id;
    bool filling; /* `build` is not the one being read */
    bool covers;  /* the run may move the position */
    bool first;   /* nothing was ever read online */
    larder_scan scan;
    int64_t arrival;        /* the snapshot's mark */
    int64_t newest_created; /* of the rows read; user tables' mark */
    uint64_t n_rows;        /* of the table, about */
    unsigned n_threads, n_parts;
    pthread_mutex_t lock; /* over what follows, the report and the puts */
    pthread_cond_t changed;
    unsigned next_part;    /* the first that no thread has taken */
    unsigned turn;         /* the part whose rows go online next */
    bool failed;           /* one thread did: the others end */
    ldr_chunk waiting;     /* rows whose turn has come: less than a commit */
    ldr_position position; /* as stored */
} run;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to materialize");
}

/* ------------------------------------------------------ rows into chunks */

typedef enum verdict { TAKEN, NULL_KEY, OUT_OF_RANGE } verdict;

static larder_status
encode_key(const run *r, const larder_batch *batch, size_t row, ldr_key *key,
    verdict *out, larder_error *err)
{
    const larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = r->view->n_keys;
    larder_error ignored = {0};
    bool null = false;
    larder_status rc;

    for (size_t k = 0; k < n; k++)
        columns[k] = &batch->columns[r->key_places[k]];
    ldr_key_start(key, r->entity_set);
    rc = ldr_key_encode(key, columns, n, row, &null, &ignored);
    *out = null ? NULL_KEY : TAKEN;
    if (rc == LARDER_LIMIT) { /* too long for any store: counted, not lost */
        *out = OUT_OF_RANGE;
        return LARDER_OK;
    }
    if (rc != LARDER_OK && err != NULL)
        *err = ignored;
    return rc;
}

static larder_status
encode_row(const run *r, const larder_batch *batch, size_t row,
    ldr_chunk *chunk, verdict *out, larder_error *err)
{
    size_t n_keys = r->view->n_keys;
    const larder_column *event = &batch->columns[n_keys];
    const larder_column *created = &batch->columns[n_keys + 1];
    const larder_column *values[LDR_VIEW_FEATURES_MAX];
    ldr_key key;
    larder_status rc;

    LARDER_TRY(encode_key(r, batch, row, &key, out, err));
    if (*out != TAKEN)
        return LARDER_OK;
    for (size_t i = 0; i < r->view->n_features; i++)
        values[i] = &batch->columns[n_keys + 2 + i];
    LARDER_TRY(ldr_chunk_add(chunk, &r->layout, &key,
        ldr_column_integer(event, row),
        ldr_column_is_null(created, row) ? LDR_NO_CREATED
                                         : ldr_column_integer(created, row),
        values, row, err));
out:
    return rc;
}

/* ------------------------------------------------------- chunks into puts */

static void
count_outcomes(run *r, const larder_outcome *outcomes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        r->report->written += outcomes[i] == LARDER_WRITTEN;
        r->report->unchanged += outcomes[i] == LARDER_UNCHANGED;
        r->report->older += outcomes[i] == LARDER_OLDER;
    }
}

/* The first n waiting rows and the position, in one transaction. The position
 * comes last: its outcome says whether the run still owns the view. */
static larder_status
commit(run *r, size_t n, const ldr_position *wanted, larder_error *err)
{
    larder_put *puts = malloc((n + 1) * sizeof *puts);
    larder_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
    ldr_buffer bytes = {0};
    ldr_key key = {0};
    uint64_t checksum = 0;
    larder_status rc;

    if (puts == NULL || outcomes == NULL) {
        rc = no_memory(err);
        goto out;
    }
    ldr_chunk_puts(&r->waiting, n, r->table_id, puts);
    LARDER_TRY(ldr_position_put(r->m->project, r->view->about.name, wanted,
        r->m->call->now, &bytes, &key, &puts[n], &checksum, err));
    LARDER_TRY(
        ldr_online_put(r->m->online, r->m->call, puts, n + 1, outcomes, err));
    count_outcomes(r, outcomes, n);
    if (outcomes[n] == LARDER_MISMATCH) {
        rc = larder_fail(err, LARDER_CONFLICT,
            "another run took over feature view '%s' meanwhile",
            r->view->about.name);
        larder_hint(err, "let it finish, then materialize again");
        goto out;
    }
    ldr_chunk_drop(&r->waiting, n);
    r->position = *wanted;
    r->position.checksum = checksum;
out:
    ldr_buffer_free(&bytes);
    free(puts);
    free(outcomes);
    return rc;
}

/* ----------------------------------------------------------------- reading */

typedef struct tally {
    uint64_t read, late, expired, null_key, out_of_range;
    int64_t newest_created;
} tally;

static void
count_row(
    const run *r, const larder_batch *batch, size_t row, verdict v, tally *t)
{
    size_t n_keys = r->view->n_keys;
    larder_time event = ldr_column_integer(&batch->columns[n_keys], row);
    const larder_column *created = &batch->columns[n_keys + 1];

    t->read++;
    t->null_key += v == NULL_KEY;
    t->out_of_range += v == OUT_OF_RANGE;
    t->late += r->scan.arrived && event <= r->scan.seen_until;
    t->expired += r->view->has_ttl &&
                  ldr_ttl_passed(event, r->m->call->now, r->view->ttl_us);
    if (!ldr_column_is_null(created, row) &&
        ldr_column_integer(created, row) > t->newest_created)
        t->newest_created = ldr_column_integer(created, row);
}

static void
add_tally(run *r, tally *t)
{
    r->report->read += t->read;
    r->report->late += t->late;
    r->report->expired += t->expired;
    r->report->null_key += t->null_key;
    r->report->out_of_range += t->out_of_range;
    if (t->newest_created > r->newest_created)
        r->newest_created = t->newest_created;
    *t = (tally){.newest_created = INT64_MIN};
}

static void
tell_progress(const run *r)
{
    const larder_call *call = r->m->call;
    larder_progress progress = {
        .what = r->view->about.name, .done = r->report->read};

    if (call->progress != NULL)
        call->progress(call->context, &progress);
}

/* Rows a thread has gathered join those that wait, and whole commits go out;
 * the rest is for the last. */
static larder_status
hand_over(run *r, ldr_chunk *chunk, tally *t, larder_error *err)
{
    larder_status rc = LARDER_OK;

    add_tally(r, t);
    if (r->m->options->dry_run)
        ldr_chunk_clear(chunk);
    else
        LARDER_TRY(ldr_chunk_move(&r->waiting, chunk, err));
    while (r->waiting.n_entries >= CHUNK_ROWS) {
        ldr_position same = r->position;

        LARDER_TRY(commit(r, CHUNK_ROWS, &same, err));
    }
    tell_progress(r);
out:
    return rc;
}

/* In the middle of a part: early, if it is its turn; late, if memory says so.
 * Out of turn its rows go between others', which costs the store most. */
static larder_status
hand_over_some(
    run *r, unsigned part, ldr_chunk *chunk, tally *t, larder_error *err)
{
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&r->lock);
    if (!r->failed && (r->turn == part || chunk->rows.size >= CHUNK_BYTES))
        rc = hand_over(r, chunk, t, err);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

/* All of a part is read. Parts go online in the order of their keys, as a store
 * takes them fastest. */
static larder_status
hand_over_rest(
    run *r, unsigned part, ldr_chunk *chunk, tally *t, larder_error *err)
{
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&r->lock);
    while (!r->failed && r->turn != part)
        pthread_cond_wait(&r->changed, &r->lock);
    if (!r->failed)
        rc = hand_over(r, chunk, t, err);
    r->turn++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static larder_status
take_batch(run *r, const larder_batch *batch, unsigned part, ldr_chunk *chunk,
    tally *t, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < batch->n_rows; row++) {
        verdict v = TAKEN;

        LARDER_TRY(encode_row(r, batch, row, chunk, &v, err));
        count_row(r, batch, row, v, t);
        if (chunk->rows.size >= CHUNK_BYTES)
            LARDER_TRY(hand_over_some(r, part, chunk, t, err));
    }
    if (chunk->n_entries >= CHUNK_ROWS)
        LARDER_TRY(hand_over_some(r, part, chunk, t, err));
out:
    return rc;
}

static larder_status
read_part(run *r, unsigned reader, unsigned part, ldr_chunk *chunk,
    larder_error *err)
{
    larder_scan scan = r->scan;
    larder_stream stream = {0};
    larder_batch batch = {0};
    tally t = {.newest_created = INT64_MIN};
    larder_status rc;

    scan.part = part;
    scan.n_parts = r->n_parts;
    LARDER_TRY(ldr_offline_latest(
        r->m->offline, reader, r->m->call, &scan, &stream, err));
    for (;;) {
        LARDER_TRY(larder_call_check(r->m->call, err));
        LARDER_TRY(larder_stream_next(&stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(take_batch(r, &batch, part, chunk, &t, err));
        larder_batch_release(&batch);
    }
    LARDER_TRY(hand_over_rest(r, part, chunk, &t, err));
out:
    larder_batch_release(&batch);
    larder_stream_close(&stream);
    return rc;
}

/* The next part nobody reads; n_parts when there is none, or no use in it. */
static unsigned
take_part(run *r)
{
    unsigned part;

    pthread_mutex_lock(&r->lock);
    part = r->failed || r->next_part == r->n_parts ? r->n_parts
                                                   : r->next_part++;
    pthread_mutex_unlock(&r->lock);
    return part;
}

static larder_status
read_parts(void *context, unsigned reader, larder_error *err)
{
    run *r = context;
    ldr_chunk chunk = {0};
    larder_status rc = LARDER_OK;
    unsigned part;

    while (rc == LARDER_OK && (part = take_part(r)) < r->n_parts)
        rc = read_part(r, reader, part, &chunk, err);
    ldr_chunk_release(&chunk);
    if (rc == LARDER_OK)
        return LARDER_OK;
    pthread_mutex_lock(&r->lock);
    r->failed = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

/* ---------------------------------------------------------------- planning */

static larder_status
lay_out(run *r, larder_error *err)
{
    const ldr_view *view = r->view;
    larder_type *types =
        ldr_arena_array(&r->arena, view->n_features + 1, sizeof *types);
    larder_field *columns;
    size_t *from;
    larder_status rc;

    r->key_places =
        ldr_arena_array(&r->arena, view->n_keys + 1, sizeof *r->key_places);
    if (r->key_places == NULL || types == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_scan_keys(view, &r->arena, &r->scan_keys, &from, err));
    for (size_t s = 0; s < view->n_keys; s++)
        r->key_places[from[s]] = s;
    LARDER_TRY(ldr_view_columns(view, &r->arena, &columns, err));
    r->columns = columns;
    for (size_t i = 0; i < view->n_features; i++)
        types[i] = columns[i].type;
    LARDER_TRY(ldr_row_layout_init(
        &r->layout, types, view->n_features, &r->arena, err));
    LARDER_TRY(ldr_view_hash(view, r->hash, err));
    r->entity_set = ldr_entity_set_id(view->keys, view->n_keys);
    ldr_view_source(view, &r->source_keys, &r->table);
out:
    return rc;
}

static bool
same_hash(const run *r, const ldr_build *build)
{
    return strcmp(build->hash, r->hash) == 0;
}

/* Which build the rows go into, and whether this run may move the pointer. */
static void
choose_build(run *r)
{
    const larder_materialize_options *options = r->m->options;
    const ldr_position *p = &r->position;
    bool usable = same_hash(r, &p->read) && !options->full;

    r->first = p->read.hash[0] == '\0';
    r->filling = !usable;
    if (usable)
        r->build = p->read;
    else if (same_hash(r, &p->fill))
        r->build = p->fill; /* a run that did not finish: go on filling it */
    else
        r->build.number =
            1 +
            (p->fill.number > p->read.number ? p->fill.number : p->read.number);
    memcpy(r->build.hash, r->hash, sizeof r->hash);
    r->table_id = ldr_view_table(
        r->m->project, r->view->about.name, r->hash, r->build.number);
    /* A narrower run fills, but what it left out must not vanish from sight. */
    r->covers = r->first || (!options->range && (r->m->call->now >= p->until));
}

static void
choose_rows(run *r)
{
    const larder_materialize_options *options = r->m->options;
    larder_scan *scan = &r->scan;

    *scan = (larder_scan){.table = &r->table,
        .key = r->scan_keys,
        .n_key = r->view->n_keys,
        .columns = r->columns,
        .n_columns = r->view->n_features,
        .from = options->range ? options->from : LARDER_TIME_MIN,
        .to = options->range ? options->to : r->m->call->now,
        .order = LARDER_ORDER_NEWEST_FIRST};
    r->report->has_from = options->range;
    r->report->from = scan->from;
    r->report->until = scan->to;
    if (options->range || r->filling)
        return;
    r->report->has_from = r->position.until != LARDER_TIME_MIN;
    r->report->from = r->position.until;
    if (r->table.owned || r->table.created != NULL) {
        scan->arrived = true;
        scan->after = r->position.arrival;
        scan->seen_until = r->position.until;
    } else if (r->view->lookback_us > 0) {
        scan->from = ldr_time_minus(r->position.until, r->view->lookback_us);
    } /* else nothing tells what is new: all of it is read again */
}

/* A range in the future is cut at now: rows are read when their time comes. */
static void
cut_future(run *r)
{
    if (r->scan.to > r->m->call->now)
        r->scan.to = r->m->call->now;
    r->report->until = r->scan.to;
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
    if (r->table.created == NULL || r->newest_created == INT64_MIN)
        return r->filling ? INT64_MIN : r->position.arrival;
    mark = ldr_time_minus(r->newest_created, r->view->source->arrival_slack_us);
    return !r->filling && r->position.arrival > mark ? r->position.arrival
                                                     : mark;
}

/* What the ledger says once every row of the run is in. */
static ldr_position
final_position(const run *r)
{
    ldr_position p = r->position;

    if (!r->covers)
        return p;
    if (r->m->options->range) {
        /* Only a first run comes here: what lies outside is still to be read.
         */
        p.arrival = r->table.owned ? 0 : INT64_MIN;
        p.until = r->scan.to;
    } else {
        p.arrival = new_mark(r);
        p.until = r->scan.to > p.until || r->filling ? r->scan.to : p.until;
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

    for (size_t i = 0; i < r->position.n_old;) {
        const ldr_build *old = &r->position.old[i];
        unsigned char cursor[LARDER_KEY_MAX];
        size_t n_cursor = 0;
        uint64_t removed = 0;
        ldr_position without = r->position;
        larder_table_id table = ldr_view_table(
            r->m->project, r->view->about.name, old->hash, old->number);

        if (r->position.replaced[i] > r->m->call->now - SWEEP_AFTER_US) {
            i++;
            continue;
        }
        do {
            LARDER_TRY(ldr_online_sweep(r->m->online, r->m->call, table,
                SWEEP_KEYS, cursor, &n_cursor, &removed, err));
        } while (n_cursor > 0);
        forget_old(&without, i);
        LARDER_TRY(commit(r, 0, &without, err));
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
    r->n_rows = described.n_rows;
out:
    larder_described_release(&described);
    return rc;
}

/* Take the view over: from here on another run's commit fails, or ours. */
static larder_status
announce(run *r, larder_error *err)
{
    ldr_position wanted = r->position;

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
    return commit(r, 0, &wanted, err);
}

/* Many parts keep all threads at work to the end, whatever lies in each. */
static unsigned
count_parts(const run *r)
{
    uint64_t n = r->n_rows / PART_ROWS;

    if (!r->table.owned || r->scan.arrived || n < r->n_threads)
        return r->n_threads;
    return n < MAX_PARTS ? (unsigned)n : MAX_PARTS;
}

static larder_status
run_parts(run *r, larder_error *err)
{
    ldr_position last;
    larder_status rc;

    r->n_parts = count_parts(r);
    LARDER_TRY(ldr_parallel_run(r->n_threads, read_parts, r, err));
    r->report->failed_empty = suspiciously_empty(r);
    if (r->m->options->dry_run || r->report->failed_empty)
        goto out;
    last = final_position(r);
    LARDER_TRY(commit(r, r->waiting.n_entries, &last, err));
    LARDER_TRY(sweep(r, err));
out:
    return rc;
}

static larder_status
run_view(run *r, larder_error *err)
{
    const char *name = r->view->about.name;
    bool begun = false;
    larder_status rc;

    LARDER_TRY(lay_out(r, err));
    LARDER_TRY(ldr_positions_read(
        r->m->online, r->m->call, r->m->project, &name, 1, &r->position, err));
    /* The mark is of before the snapshot: what arrives in between is read twice
     * rather than never. */
    LARDER_TRY(open_table(r, err));
    LARDER_TRY(ldr_offline_begin(
        r->m->offline, r->m->call, r->n_threads, err));
    begun = true;
    choose_build(r);
    choose_rows(r);
    cut_future(r);
    LARDER_TRY(announce(r, err));
    LARDER_TRY(run_parts(r, err));
out:
    if (begun)
        ldr_offline_end(r->m->offline);
    return rc;
}

larder_status
ldr_materialize_view(const ldr_materializing *m, const ldr_view *view,
    larder_materialized *report, larder_error *err)
{
    run r = {.m = m,
        .view = view,
        .report = report,
        .newest_created = INT64_MIN,
        .n_threads = ldr_parallel_width(m->call)};
    int64_t (*clock)(void) = m->call->monotonic;
    int64_t started = clock == NULL ? 0 : clock();
    larder_status rc;

    *report = (larder_materialized){.view = view->about.name};
    if (pthread_mutex_init(&r.lock, NULL) != 0)
        return no_memory(err);
    if (pthread_cond_init(&r.changed, NULL) != 0) {
        pthread_mutex_destroy(&r.lock);
        return no_memory(err);
    }
    rc = run_view(&r, err);
    pthread_cond_destroy(&r.changed);
    pthread_mutex_destroy(&r.lock);
    ldr_chunk_release(&r.waiting);
    ldr_arena_free(&r.arena);
    if (clock != NULL)
        report->seconds = (double)(clock() - started) / 1e6;
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s'", view->about.name);
    return rc;
}
