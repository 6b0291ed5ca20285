/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.c - history on its way into one table online.
 *
 * A store takes rows fastest in the order of their keys, so threads read parts
 * of history in any order and hand their rows over in turn. Every commit holds
 * the position too, with IF_MATCH: a run that was taken over finds out by it.
 */
#include "engine/fill.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "engine/asof.h"
#include "engine/parallel.h"

#define CHUNK_ROWS 16384u
#define CHUNK_BYTES ((size_t)32 << 20)
/* Rows of history in a part: of ten rows a key, about a chunk. */
#define PART_ROWS (8 * CHUNK_ROWS)
#define MAX_PARTS 4096u
#define MEMORY_DEFAULT ((size_t)512 << 20)

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to materialize");
}

larder_status
ldr_fill_init(ldr_fill *fill, larder_error *err)
{
    *fill = (ldr_fill){
        .newest_created = INT64_MIN, .newest_event = LARDER_TIME_MIN};
    if (pthread_mutex_init(&fill->lock, NULL) != 0)
        return no_memory(err);
    if (pthread_cond_init(&fill->changed, NULL) != 0) {
        pthread_mutex_destroy(&fill->lock);
        return no_memory(err);
    }
    return LARDER_OK;
}

void
ldr_fill_release(ldr_fill *fill)
{
    pthread_cond_destroy(&fill->changed);
    pthread_mutex_destroy(&fill->lock);
    ldr_chunk_release(&fill->waiting);
    ldr_chunk_release(&fill->going);
    larder_batch_release(&fill->keys);
    ldr_breaches_release(&fill->breaches);
}

/* ------------------------------------------------------------- keys kept */

static larder_status
keep_begin(ldr_fill *fill, larder_error *err)
{
    if (fill->keys.columns != NULL || fill->keys.schema != NULL)
        return LARDER_OK;
    return larder_batch_init(&fill->keys, &fill->deriving->keys, err);
}

/* They are all held until history is read, so that they are bounded. */
static larder_status
check_kept(const ldr_fill *fill, larder_error *err)
{
    size_t memory = fill->m->call->memory_bytes;

    if (memory == 0)
        memory = MEMORY_DEFAULT;
    if (ldr_batch_bytes(&fill->keys) <= memory / 2)
        return LARDER_OK;
    larder_fail(err, LARDER_LIMIT,
        "the keys of %zu entities to derive anew take more than half of "
        "%zu bytes (memory_bytes)",
        fill->keys.n_rows, memory);
    larder_hint(err, "rebuild the view with --full, or allow more memory");
    return LARDER_LIMIT;
}

static larder_status
keep_encoded(ldr_fill *fill, larder_bytes key, larder_error *err)
{
    larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = fill->view->n_keys;
    larder_bytes parts = {(const unsigned char *)key.data + LDR_KEY_HEAD_BYTES,
        key.size - LDR_KEY_HEAD_BYTES};
    larder_status rc;

    LARDER_TRY(keep_begin(fill, err));
    for (size_t k = 0; k < n; k++)
        columns[k] = &fill->keys.columns[fill->key_places[k]];
    LARDER_TRY(ldr_key_decode(parts, columns, n, err));
    fill->keys.n_rows++;
    LARDER_TRY(check_kept(fill, err));
out:
    return rc;
}

/* ------------------------------------------------------- chunks into puts */

/* Derived rows that stood in the way of ours: where they are the same, as after
 * a run that was killed, all is well. */
typedef struct comparing {
    larder_found found;
    const larder_put *const *puts; /* per want */
    bool *same;
} comparing;

static larder_status
compare_row(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    comparing *c = (comparing *)self;

    (void)table;
    (void)err;
    c->same[want] =
        ldr_row_checksum(row) == ldr_row_checksum(c->puts[want]->row);
    return LARDER_OK;
}

static larder_status
settle_others(
    ldr_fill *fill, const larder_put *const *puts, size_t n, larder_error *err)
{
    larder_want *wants = malloc((n + 1) * sizeof *wants);
    bool *same = calloc(n + 1, sizeof *same);
    comparing c = {.found = {compare_row}, .puts = puts, .same = same};
    larder_status rc = LARDER_OK;

    if (wants == NULL || same == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        wants[i] = (larder_want){
            .key = puts[i]->key, .tables = &fill->table, .n_tables = 1};
    if (n > 0)
        LARDER_TRY(ldr_online_get(
            fill->m->online, fill->m->call, wants, n, &c.found, err));
    for (size_t i = 0; i < n; i++) {
        if (!same[i]) {
            LARDER_TRY(keep_encoded(fill, puts[i]->key, err));
            continue;
        }
        fill->report->unchanged++;
        fill->report->over_limit +=
            ldr_deriving_is_marker(fill->deriving, puts[i]->row);
    }
out:
    free(wants);
    free(same);
    return rc;
}

static larder_status
count_outcomes(ldr_fill *fill, const larder_put *puts,
    const larder_outcome *outcomes, size_t n, larder_error *err)
{
    larder_materialized *report = fill->report;
    const larder_put **others = malloc((n + 1) * sizeof *others);
    size_t n_others = 0;
    larder_status rc;

    if (others == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        report->written += outcomes[i] == LARDER_WRITTEN;
        report->unchanged += outcomes[i] == LARDER_UNCHANGED;
        report->older += outcomes[i] == LARDER_OLDER;
        if (outcomes[i] == LARDER_MISMATCH)
            others[n_others++] = &puts[i];
        else if (fill->how == LDR_FILL_DERIVED)
            report->over_limit +=
                ldr_deriving_is_marker(fill->deriving, puts[i].row);
    }
    rc = settle_others(fill, others, n_others, err);
    free(others);
    return rc;
}

/* The first n rows of a chunk and the position. The position comes last: its
 * outcome says whether the run still owns the view. For one thread at a time;
 * only counting wants the lock. */
static larder_status
commit(ldr_fill *fill, ldr_chunk *chunk, size_t n, const ldr_position *wanted,
    larder_error *err)
{
    const ldr_materializing *m = fill->m;
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
    ldr_chunk_puts(chunk, n, fill->table,
        fill->how == LDR_FILL_NEWEST ? LARDER_PUT_NEWEST : LARDER_PUT_IF_MATCH,
        puts);
    LARDER_TRY(ldr_position_put(m->project, fill->view->about.name, wanted,
        m->call->now, &bytes, &key, &puts[n], &checksum, err));
    LARDER_TRY(ldr_online_put(m->online, m->call, puts, n + 1, outcomes, err));
    pthread_mutex_lock(&fill->lock);
    rc = count_outcomes(fill, puts, outcomes, n, err);
    pthread_mutex_unlock(&fill->lock);
    LARDER_TRY(rc);
    if (outcomes[n] == LARDER_MISMATCH) {
        rc = larder_fail(err, LARDER_CONFLICT,
            "another run took over feature view '%s' meanwhile",
            fill->view->about.name);
        larder_hint(err, "let it finish, then materialize again");
        goto out;
    }
    ldr_chunk_drop(chunk, n);
    fill->position = *wanted;
    fill->position.checksum = checksum;
out:
    ldr_buffer_free(&bytes);
    free(puts);
    free(outcomes);
    return rc;
}

larder_status
ldr_fill_commit(ldr_fill *fill, const ldr_position *wanted, larder_error *err)
{
    return commit(fill, &fill->waiting, fill->waiting.n_entries, wanted, err);
}

/* ------------------------------------------------------ rows into chunks */

typedef enum verdict { TAKEN, NULL_KEY, OUT_OF_RANGE } verdict;

static larder_status
encode_key(const ldr_fill *fill, const larder_batch *batch, size_t row,
    ldr_key *key, verdict *out, larder_error *err)
{
    const larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = fill->view->n_keys;
    larder_error ignored = {0};
    bool null = false;
    larder_status rc;

    for (size_t k = 0; k < n; k++)
        columns[k] = &batch->columns[fill->key_places[k]];
    ldr_key_start(key, fill->entity_set);
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
encode_row(const ldr_fill *fill, const larder_batch *batch, size_t row,
    const ldr_key *key, ldr_chunk *chunk, larder_error *err)
{
    size_t n_keys = fill->view->n_keys;
    const larder_column *event = &batch->columns[n_keys];
    const larder_column *created = &batch->columns[n_keys + 1];
    const larder_column *values[LDR_VIEW_FEATURES_MAX];

    for (size_t i = 0; i < fill->layout.n_columns; i++)
        values[i] = &batch->columns[n_keys + 2 + i];
    return ldr_chunk_add(chunk, &fill->layout, key,
        ldr_column_integer(event, row),
        ldr_column_is_null(created, row) ? LDR_NO_CREATED
                                         : ldr_column_integer(created, row),
        values, row, err);
}

/* ------------------------------------------------------- one thread's part */

typedef struct tally {
    uint64_t read, late, expired, null_key, out_of_range;
    int64_t newest_created;
    larder_time newest_event;
} tally;

#define NO_TALLY                                                               \
    (tally)                                                                    \
    {                                                                          \
        .newest_created = INT64_MIN, .newest_event = LARDER_TIME_MIN           \
    }

typedef struct reading {
    ldr_horizon horizon;
    ldr_fill *fill;
    unsigned reader, part;
    ldr_chunk chunk;
    larder_batch keys;
    ldr_deriver *deriver;
    ldr_breaches breaches;
    uint64_t n_judged; /* rows of the part */
    tally tally;
} reading;

static larder_time
horizon_of(const ldr_horizon *self, const ldr_key *key)
{
    (void)key;
    return ((const reading *)self)->fill->until;
}

static void
count_row(const ldr_fill *fill, const larder_batch *batch, size_t row,
    verdict v, tally *t)
{
    size_t n_keys = fill->view->n_keys;
    larder_time event = ldr_column_integer(&batch->columns[n_keys], row);
    const larder_column *created = &batch->columns[n_keys + 1];

    t->read++;
    t->null_key += v == NULL_KEY;
    t->out_of_range += v == OUT_OF_RANGE;
    t->late += fill->scan.arrived && event <= fill->scan.seen_until;
    t->expired += fill->view->has_ttl &&
                  ldr_ttl_passed(event, fill->m->call->now, fill->view->ttl_us);
    if (!ldr_column_is_null(created, row) &&
        ldr_column_integer(created, row) > t->newest_created)
        t->newest_created = ldr_column_integer(created, row);
    if (v == TAKEN && event > t->newest_event)
        t->newest_event = event;
}

static void
count_derived(reading *r)
{
    ldr_derived_tally derived = ldr_deriver_tally(r->deriver);

    r->tally.read += derived.keys;
    r->tally.null_key += derived.null_key;
    r->tally.out_of_range += derived.out_of_range;
    r->tally.expired += derived.expired;
    if (derived.newest_created > r->tally.newest_created)
        r->tally.newest_created = derived.newest_created;
    if (derived.newest_event > r->tally.newest_event)
        r->tally.newest_event = derived.newest_event;
}

static void
add_tally(ldr_fill *fill, tally *t)
{
    fill->report->read += t->read;
    fill->report->late += t->late;
    fill->report->expired += t->expired;
    fill->report->null_key += t->null_key;
    fill->report->out_of_range += t->out_of_range;
    if (t->newest_created > fill->newest_created)
        fill->newest_created = t->newest_created;
    if (t->newest_event > fill->newest_event)
        fill->newest_event = t->newest_event;
    *t = NO_TALLY;
}

static void
tell_progress(const ldr_fill *fill)
{
    const larder_call *call = fill->m->call;
    larder_progress progress = {
        .what = fill->view->about.name, .done = fill->report->read};

    if (call->progress != NULL)
        call->progress(call->context, &progress);
}

static larder_status
keep_keys(ldr_fill *fill, larder_batch *keys, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(keep_begin(fill, err));
    LARDER_TRY(ldr_batch_copy(&fill->keys, keys, 0, keys->n_rows, err));
    larder_batch_clear(keys);
    LARDER_TRY(check_kept(fill, err));
out:
    return rc;
}

/* Rows of a lesser part come first, whichever thread was faster. */
#define PART_SHIFT 48u

static void
judge(reading *r, const larder_batch *batch)
{
    const ldr_contract *contract = r->fill->contract;

    if (contract->n_clauses > 0)
        ldr_contract_judge(contract, batch, 0, batch->n_rows,
            ((uint64_t)r->part << PART_SHIFT) + r->n_judged, &r->breaches);
    r->n_judged += batch->n_rows;
}

static larder_status
add_breaches(reading *r, larder_error *err)
{
    ldr_fill *fill = r->fill;
    const ldr_contract *contract = fill->contract;
    larder_status rc = LARDER_OK;

    if (contract->n_clauses == 0)
        return LARDER_OK;
    ldr_breaches_add(contract, &fill->breaches, &r->breaches);
    ldr_breaches_release(&r->breaches);
    LARDER_TRY(ldr_breaches_init(&r->breaches, contract, err));
    if (contract->n_refusing > 0)
        rc = ldr_contract_refuse(contract, &fill->breaches, NULL, err);
out:
    return rc;
}

/* Are there rows for a commit? */
static bool
is_whole(const ldr_chunk *chunk)
{
    return chunk->n_entries >= CHUNK_ROWS || chunk->rows.size >= CHUNK_BYTES;
}

/* Whole commits of what is going; the rest of it stays. */
static larder_status
commit_going(ldr_fill *fill, larder_error *err)
{
    larder_status rc = LARDER_OK;

    while (is_whole(&fill->going)) {
        size_t n = fill->going.n_entries < CHUNK_ROWS ? fill->going.n_entries
                                                      : CHUNK_ROWS;
        ldr_position same = fill->position;

        LARDER_TRY(commit(fill, &fill->going, n, &same, err));
    }
out:
    return rc;
}

static void
exchange(ldr_chunk *a, ldr_chunk *b)
{
    ldr_chunk kept = *a;

    *a = *b;
    *b = kept;
}

/* Put what waits, while others hand over more. Holds the lock when it begins
 * and when it ends. */
static larder_status
commit_waiting(ldr_fill *fill, larder_error *err)
{
    larder_status rc = LARDER_OK;

    fill->committing = true;
    while (is_whole(&fill->waiting) && !fill->failed) {
        exchange(&fill->waiting, &fill->going);
        pthread_mutex_unlock(&fill->lock);
        rc = commit_going(fill, err);
        pthread_mutex_lock(&fill->lock);
        LARDER_TRY(rc);
        LARDER_TRY(ldr_chunk_move(&fill->going, &fill->waiting, err));
        exchange(&fill->waiting, &fill->going);
        pthread_cond_broadcast(&fill->changed);
    }
    tell_progress(fill);
out:
    fill->committing = false;
    pthread_cond_broadcast(&fill->changed);
    return rc;
}

/* Rows a thread has gathered join those that wait. */
static larder_status
hand_over(reading *r, larder_error *err)
{
    ldr_fill *fill = r->fill;
    larder_status rc = LARDER_OK;

    /* Who puts is slower than who reads: memory is bounded. */
    while (fill->committing && is_whole(&fill->waiting) && !fill->failed)
        pthread_cond_wait(&fill->changed, &fill->lock);
    if (fill->failed)
        return LARDER_OK;
    if (r->deriver != NULL)
        count_derived(r);
    add_tally(fill, &r->tally);
    LARDER_TRY(add_breaches(r, err));
    if (fill->m->options->dry_run) {
        ldr_chunk_clear(&r->chunk);
    } else {
        LARDER_TRY(ldr_chunk_move(&fill->waiting, &r->chunk, err));
        if (fill->how == LDR_FILL_KEYS)
            LARDER_TRY(keep_keys(fill, &r->keys, err));
    }
out:
    return rc;
}

/* Whole commits go out by whoever finds nobody at it; the rest is for the
 * last. */
static larder_status
commit_whole(ldr_fill *fill, larder_error *err)
{
    if (fill->committing || fill->failed)
        return LARDER_OK;
    return commit_waiting(fill, err);
}

/* In the middle of a part: early, if it is its turn; late, if memory says so.
 * Out of turn its rows go between others', which costs the store most. */
static larder_status
hand_over_some(reading *r, larder_error *err)
{
    ldr_fill *fill = r->fill;
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&fill->lock);
    if (fill->failed ||
        (fill->turn != r->part && r->chunk.rows.size < CHUNK_BYTES))
        goto out;
    LARDER_TRY(hand_over(r, err));
    LARDER_TRY(commit_whole(fill, err));
out:
    pthread_mutex_unlock(&fill->lock);
    return rc;
}

/* All of a part is read. Parts go online in the order of their keys. */
static larder_status
hand_over_rest(reading *r, larder_error *err)
{
    ldr_fill *fill = r->fill;
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&fill->lock);
    while (!fill->failed && fill->turn != r->part)
        pthread_cond_wait(&fill->changed, &fill->lock);
    LARDER_TRY(hand_over(r, err));
    fill->turn++;
    pthread_cond_broadcast(&fill->changed);
    LARDER_TRY(commit_whole(fill, err));
out:
    pthread_mutex_unlock(&fill->lock);
    return rc;
}

static larder_status
take_row(reading *r, const larder_batch *batch, size_t row, larder_error *err)
{
    const ldr_fill *fill = r->fill;
    ldr_key key;
    verdict v = TAKEN;
    larder_status rc;

    LARDER_TRY(encode_key(fill, batch, row, &key, &v, err));
    count_row(fill, batch, row, v, &r->tally);
    if (v != TAKEN)
        return LARDER_OK;
    if (fill->how == LDR_FILL_NEWEST)
        return encode_row(fill, batch, row, &key, &r->chunk, err);
    for (size_t k = 0; k < fill->view->n_keys; k++)
        LARDER_TRY(ldr_column_copy(
            &r->keys.columns[k], &batch->columns[k], row, 1, err));
    r->keys.n_rows++;
out:
    return rc;
}

static larder_status
take_batch(reading *r, const larder_batch *batch, larder_error *err)
{
    larder_status rc = LARDER_OK;

    judge(r, batch);
    if (r->fill->how == LDR_FILL_DERIVED) {
        LARDER_TRY(ldr_deriver_take(r->deriver, batch, &r->chunk, err));
    } else {
        for (size_t row = 0; row < batch->n_rows; row++) {
            LARDER_TRY(take_row(r, batch, row, err));
            if (r->chunk.rows.size >= CHUNK_BYTES)
                LARDER_TRY(hand_over_some(r, err));
        }
    }
    if (r->chunk.n_entries >= CHUNK_ROWS || r->chunk.rows.size >= CHUNK_BYTES ||
        r->keys.n_rows >= CHUNK_ROWS)
        LARDER_TRY(hand_over_some(r, err));
out:
    return rc;
}

static larder_status
open_part(reading *r, larder_stream *out, larder_error *err)
{
    ldr_fill *fill = r->fill;
    larder_scan scan = fill->scan;

    scan.part = r->part;
    scan.n_parts = fill->n_parts;
    if (fill->how == LDR_FILL_DERIVED)
        return ldr_offline_scan(
            fill->m->offline, r->reader, fill->m->call, &scan, out, err);
    return ldr_offline_latest(
        fill->m->offline, r->reader, fill->m->call, &scan, out, err);
}

static larder_status
read_part(reading *r, larder_error *err)
{
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_status rc;

    r->n_judged = 0;
    LARDER_TRY(open_part(r, &stream, err));
    for (;;) {
        LARDER_TRY(larder_call_check(r->fill->m->call, err));
        LARDER_TRY(larder_stream_next(&stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(take_batch(r, &batch, err));
        larder_batch_release(&batch);
    }
    if (r->deriver != NULL)
        LARDER_TRY(ldr_deriver_end(r->deriver, &r->chunk, err));
    LARDER_TRY(hand_over_rest(r, err));
out:
    larder_batch_release(&batch);
    larder_stream_close(&stream);
    return rc;
}

/* ------------------------------------------------------------ the threads */

/* The next part nobody reads; n_parts when there is none, or no use in it. */
static unsigned
take_part(ldr_fill *fill)
{
    unsigned part;

    pthread_mutex_lock(&fill->lock);
    part = fill->failed || fill->next_part == fill->n_parts ? fill->n_parts
                                                            : fill->next_part++;
    pthread_mutex_unlock(&fill->lock);
    return part;
}

static larder_status
prepare(reading *r, larder_error *err)
{
    const ldr_fill *fill = r->fill;
    larder_status rc = LARDER_OK;

    if (fill->contract->n_clauses > 0)
        LARDER_TRY(ldr_breaches_init(&r->breaches, fill->contract, err));
    if (fill->how == LDR_FILL_DERIVED)
        rc = ldr_deriver_new(
            fill->deriving, fill->m->call->now, &r->horizon, &r->deriver, err);
    else if (fill->how == LDR_FILL_KEYS)
        rc = larder_batch_init(&r->keys, &fill->deriving->keys, err);
out:
    return rc;
}

static larder_status
read_parts(void *context, unsigned reader, larder_error *err)
{
    ldr_fill *fill = context;
    reading r = {.horizon = {horizon_of},
        .fill = fill,
        .reader = reader,
        .tally = NO_TALLY};
    larder_status rc = prepare(&r, err);

    while (rc == LARDER_OK && (r.part = take_part(fill)) < fill->n_parts)
        rc = read_part(&r, err);
    ldr_chunk_release(&r.chunk);
    larder_batch_release(&r.keys);
    ldr_deriver_free(r.deriver);
    ldr_breaches_release(&r.breaches);
    if (rc == LARDER_OK)
        return LARDER_OK;
    pthread_mutex_lock(&fill->lock);
    fill->failed = true;
    pthread_cond_broadcast(&fill->changed);
    pthread_mutex_unlock(&fill->lock);
    return rc;
}

/* Many parts keep all threads at work to the end, whatever lies in each. */
static unsigned
count_parts(const ldr_fill *fill)
{
    uint64_t n = fill->n_rows / PART_ROWS;

    if (!fill->scan.table->owned || fill->scan.arrived || n < fill->n_threads)
        return fill->n_threads;
    return n < MAX_PARTS ? (unsigned)n : MAX_PARTS;
}

larder_status
ldr_fill_read(ldr_fill *fill, larder_error *err)
{
    fill->n_parts = count_parts(fill);
    fill->next_part = 0;
    fill->turn = 0;
    return ldr_parallel_run(fill->n_threads, read_parts, fill, err);
}

/* -------------------------------------------------------------- keys anew */

larder_status
ldr_fill_derive(ldr_fill *fill, larder_error *err)
{
    const ldr_materializing *m = fill->m;
    ldr_derive_counts counts = {0};
    ldr_buffer bytes = {0};
    ldr_key key = {0};
    uint64_t checksum;
    larder_put guard;
    ldr_derive_job job = {.offline = m->offline,
        .online = m->online,
        .call = m->call,
        .plan = fill->deriving,
        .table = fill->table,
        .until = fill->until,
        .guard = &guard};
    larder_status rc;

    if (fill->keys.n_rows == 0)
        return LARDER_OK;
    LARDER_TRY(ldr_position_put(m->project, fill->view->about.name,
        &fill->position, m->call->now, &bytes, &key, &guard, &checksum, err));
    rc = ldr_derive_keys(&job, &fill->keys, &counts, err);
    fill->report->written += counts.written;
    fill->report->unchanged += counts.unchanged;
    fill->report->over_limit += counts.over_limit;
    larder_batch_clear(&fill->keys);
out:
    ldr_buffer_free(&bytes);
    return rc;
}
