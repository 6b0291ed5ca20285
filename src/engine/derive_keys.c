/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derive_keys.c - derived rows of given keys, put with compare-and-set until
 * nobody came between.
 *
 * Some keys at a time: what is stored of them is read first, then a snapshot of
 * history begins, from which they are derived, by threads, a range of the keys
 * each. Those that somebody else has put meanwhile are done once more.
 */
#include "engine/derive.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "engine/parallel.h"

#define ROUNDS_MAX 10u
#define CHUNK_KEYS 16384u /* of one snapshot */
#define THREAD_KEYS 256u  /* worth a thread */
#define FLUSH_ROWS 4096u
#define FLUSH_BYTES ((size_t)16 << 20)

typedef struct entry {
    size_t at, size;    /* of its bytes in `bytes` */
    size_t row;         /* of the keys handed in */
    uint64_t stored;    /* the checksum of what is online; 0: nothing */
    larder_time newest; /* of what is online; LARDER_TIME_MIN: nothing */
    larder_time until;
    bool again; /* somebody came between */
} entry;

typedef struct deriving_keys {
    const ldr_derive_job *job;
    const larder_batch *keys;
    ldr_derive_counts *counts;
    ldr_buffer bytes;
    entry *entries; /* by their bytes */
    size_t n_entries;
    entry **pending; /* of the chunk at hand, by their bytes */
    size_t n_pending;
    unsigned n_threads;
    pthread_mutex_t lock; /* over the counts */
} deriving_keys;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to derive rows");
}

static larder_bytes
key_of(const deriving_keys *d, const entry *e)
{
    return (larder_bytes){d->bytes.data + e->at, e->size};
}

/* -------------------------------------------------------------- the keys */

static larder_status
add_key(deriving_keys *d, size_t row, larder_error *err)
{
    const ldr_deriving *plan = d->job->plan;
    const larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = plan->view->n_keys;
    larder_error why = {0};
    bool null = false;
    ldr_key key;
    larder_status rc;

    for (size_t k = 0; k < n; k++)
        columns[k] = &d->keys->columns[plan->key_places[k]];
    ldr_key_start(&key, plan->entity_set);
    rc = ldr_key_encode(&key, columns, n, row, &null, &why);
    if (null || rc == LARDER_LIMIT)
        return LARDER_OK;
    if (rc != LARDER_OK) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    LARDER_TRY(ldr_buffer_reserve(&d->bytes, key.size, err));
    memcpy(d->bytes.data + d->bytes.size, key.bytes, key.size);
    d->entries[d->n_entries++] =
        (entry){.at = d->bytes.size, .size = key.size, .row = row};
    d->bytes.size += key.size;
out:
    return rc;
}

static int
compare_bytes(larder_bytes a, larder_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, n);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* What qsort() compares: it hands nothing else over. */
typedef struct sorted_key {
    larder_bytes key;
    size_t row;
} sorted_key;

static int
by_bytes(const void *a, const void *b)
{
    const sorted_key *x = a, *y = b;
    int order = compare_bytes(x->key, y->key);

    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* In the order of their bytes, each once. */
static larder_status
sort_keys(deriving_keys *d, larder_error *err)
{
    sorted_key *sorted = malloc((d->n_entries + 1) * sizeof *sorted);
    size_t n = 0;

    if (sorted == NULL)
        return no_memory(err);
    for (size_t i = 0; i < d->n_entries; i++)
        sorted[i] = (sorted_key){key_of(d, &d->entries[i]), d->entries[i].row};
    qsort(sorted, d->n_entries, sizeof *sorted, by_bytes);
    for (size_t i = 0; i < d->n_entries; i++) {
        const unsigned char *at = sorted[i].key.data;

        if (i > 0 && compare_bytes(sorted[i - 1].key, sorted[i].key) == 0)
            continue;
        d->entries[n++] = (entry){.at = (size_t)(at - d->bytes.data),
            .size = sorted[i].key.size,
            .row = sorted[i].row};
    }
    d->n_entries = n;
    free(sorted);
    return LARDER_OK;
}

static larder_status
list_keys(deriving_keys *d, larder_error *err)
{
    larder_status rc = LARDER_OK;

    d->entries = malloc((d->keys->n_rows + 1) * sizeof *d->entries);
    d->pending = malloc((size_t)CHUNK_KEYS * sizeof *d->pending);
    if (d->entries == NULL || d->pending == NULL)
        return no_memory(err);
    for (size_t row = 0; row < d->keys->n_rows; row++)
        LARDER_TRY(add_key(d, row, err));
    LARDER_TRY(sort_keys(d, err));
out:
    return rc;
}

/* ---------------------------------------------------------- what is stored */

typedef struct looking {
    larder_found found;
    deriving_keys *keys;
} looking;

static larder_status
look_at(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    entry *e = ((looking *)self)->keys->pending[want];

    (void)table;
    (void)err;
    e->stored = ldr_row_checksum(row);
    e->newest = ldr_row_event(row);
    if (e->newest > e->until)
        e->until = e->newest;
    return LARDER_OK;
}

static larder_status
read_stored(deriving_keys *d, larder_error *err)
{
    const ldr_derive_job *job = d->job;
    looking l = {.found = {look_at}, .keys = d};
    larder_want *wants = malloc(d->n_pending * sizeof *wants);
    larder_status rc;

    if (wants == NULL)
        return no_memory(err);
    for (size_t i = 0; i < d->n_pending; i++) {
        entry *e = d->pending[i];

        e->stored = 0;
        e->newest = LARDER_TIME_MIN;
        e->until = job->until;
        e->again = false;
        wants[i] = (larder_want){
            .key = key_of(d, e), .tables = &job->table, .n_tables = 1};
    }
    rc = ldr_online_get(
        job->online, job->call, wants, d->n_pending, &l.found, err);
    free(wants);
    return rc;
}

/* ------------------------------------------------------------- one thread */

typedef struct worker {
    ldr_horizon horizon;
    deriving_keys *keys;
    entry **entries; /* its share of those pending */
    size_t n_entries;
    size_t n_put;
    larder_time *from, *to; /* of each of them: what the scan is to give */
    ldr_chunk chunk;
} worker;

static entry *
find_entry(const worker *w, larder_bytes key)
{
    size_t low = 0, high = w->n_entries;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_bytes(key, key_of(w->keys, w->entries[middle]));

        if (order == 0)
            return w->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static larder_time
horizon_of(const ldr_horizon *self, const ldr_key *key)
{
    const worker *w = (const worker *)self;
    const entry *e = find_entry(w, (larder_bytes){key->bytes, key->size});

    return e == NULL ? w->keys->job->until : e->until;
}

static void
count_outcomes(
    worker *w, const larder_put *puts, const larder_outcome *outcomes, size_t n)
{
    ldr_derive_counts *counts = w->keys->counts;
    const ldr_deriving *plan = w->keys->job->plan;

    pthread_mutex_lock(&w->keys->lock);
    for (size_t i = 0; i < n; i++) {
        counts->written += outcomes[i] == LARDER_WRITTEN;
        counts->unchanged += outcomes[i] == LARDER_UNCHANGED;
        if (outcomes[i] == LARDER_MISMATCH)
            find_entry(w, puts[i].key)->again = true;
        else
            counts->over_limit += ldr_deriving_is_marker(plan, puts[i].row);
    }
    pthread_mutex_unlock(&w->keys->lock);
}

static larder_status
taken_over(const deriving_keys *d, larder_error *err)
{
    larder_fail(err, LARDER_CONFLICT,
        "another run took over feature view '%s' meanwhile",
        d->job->plan->view->about.name);
    larder_hint(err, "let it finish, then materialize again");
    return LARDER_CONFLICT;
}

static larder_status
flush(worker *w, larder_error *err)
{
    const ldr_derive_job *job = w->keys->job;
    size_t n = w->chunk.n_entries, n_puts = n + (job->guard != NULL);
    larder_put *puts = malloc((n + 1) * sizeof *puts);
    larder_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
    larder_status rc = LARDER_OK;

    if (puts == NULL || outcomes == NULL) {
        rc = no_memory(err);
        goto out;
    }
    if (n == 0)
        goto out;
    ldr_chunk_puts(&w->chunk, n, job->table, LARDER_PUT_IF_MATCH, puts);
    for (size_t i = 0; i < n; i++)
        puts[i].expected = find_entry(w, puts[i].key)->stored;
    if (job->guard != NULL)
        puts[n] = *job->guard;
    LARDER_TRY(
        ldr_online_put(job->online, job->call, puts, n_puts, outcomes, err));
    count_outcomes(w, puts, outcomes, n);
    if (job->guard != NULL && outcomes[n] == LARDER_MISMATCH)
        rc = taken_over(w->keys, err);
    w->n_put += n;
    ldr_chunk_clear(&w->chunk);
out:
    free(puts);
    free(outcomes);
    return rc;
}

/* Its keys as a scan asks for them. */
static larder_status
own_keys(const worker *w, larder_batch *out, larder_error *err)
{
    const deriving_keys *d = w->keys;
    size_t *rows = malloc((w->n_entries + 1) * sizeof *rows);
    larder_status rc;

    if (rows == NULL)
        return no_memory(err);
    for (size_t i = 0; i < w->n_entries; i++)
        rows[i] = w->entries[i]->row;
    LARDER_TRY(larder_batch_init(out, &d->job->plan->keys, err));
    for (size_t k = 0; k < out->schema->n_fields; k++)
        LARDER_TRY(ldr_column_gather(
            &out->columns[k], &d->keys->columns[k], rows, w->n_entries, err));
    out->n_rows = w->n_entries;
out:
    free(rows);
    return rc;
}

/* Tables of ours only grow: what is online tells how far back to look. */
static larder_status
set_times(worker *w, larder_error *err)
{
    const ldr_deriving *plan = w->keys->job->plan;

    w->from = malloc((w->n_entries + 1) * sizeof *w->from);
    w->to = malloc((w->n_entries + 1) * sizeof *w->to);
    if (w->from == NULL || w->to == NULL)
        return no_memory(err);
    for (size_t i = 0; i < w->n_entries; i++) {
        w->from[i] = plan->table.owned ? ldr_time_minus(w->entries[i]->newest,
                                             plan->events.span_us)
                                       : LARDER_TIME_MIN;
        w->to[i] = w->entries[i]->until;
    }
    return LARDER_OK;
}

static larder_scan
scan_of(const worker *w, const larder_batch *keys)
{
    const ldr_deriving *plan = w->keys->job->plan;
    larder_scan scan = {.table = &plan->table,
        .key = plan->scan_keys,
        .n_key = plan->keys.n_fields,
        .columns = plan->columns,
        .n_columns = plan->n_columns,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MIN,
        .order = LARDER_ORDER_NEWEST_FIRST};

    if (plan->keys.n_fields > 0) {
        scan.keys = keys;
        scan.keys_from = w->from;
        scan.keys_to = w->to;
    }
    for (size_t i = 0; i < w->n_entries; i++)
        if (w->to[i] > scan.to)
            scan.to = w->to[i];
    return scan;
}

static larder_status
derive_stream(
    worker *w, ldr_deriver *deriver, larder_stream *rows, larder_error *err)
{
    const larder_call *call = w->keys->job->call;
    larder_batch batch = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(ldr_deriver_take(deriver, &batch, &w->chunk, err));
        larder_batch_release(&batch);
        if (w->chunk.n_entries >= FLUSH_ROWS ||
            w->chunk.rows.size >= FLUSH_BYTES)
            LARDER_TRY(flush(w, err));
    }
    LARDER_TRY(ldr_deriver_end(deriver, &w->chunk, err));
    LARDER_TRY(flush(w, err));
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
derive_share(void *context, unsigned part, larder_error *err)
{
    deriving_keys *d = context;
    const ldr_derive_job *job = d->job;
    size_t first = d->n_pending * part / d->n_threads;
    size_t end = d->n_pending * (part + 1) / d->n_threads;
    worker w = {.horizon = {horizon_of},
        .keys = d,
        .entries = d->pending + first,
        .n_entries = end - first};
    ldr_deriver *deriver = NULL;
    larder_batch keys = {0};
    larder_stream rows = {0};
    larder_scan scan;
    larder_status rc;

    LARDER_TRY(own_keys(&w, &keys, err));
    LARDER_TRY(set_times(&w, err));
    LARDER_TRY(
        ldr_deriver_new(job->plan, job->call->now, &w.horizon, &deriver, err));
    scan = scan_of(&w, &keys);
    LARDER_TRY(
        ldr_offline_scan(job->offline, part, job->call, &scan, &rows, err));
    LARDER_TRY(derive_stream(&w, deriver, &rows, err));
    pthread_mutex_lock(&d->lock);
    d->counts->absent += w.n_entries - w.n_put;
    pthread_mutex_unlock(&d->lock);
out:
    larder_stream_close(&rows);
    ldr_deriver_free(deriver);
    larder_batch_release(&keys);
    ldr_chunk_release(&w.chunk);
    free(w.from);
    free(w.to);
    return rc;
}

/* --------------------------------------------------------------- the rounds */

/* Checksums first, then the snapshot: see derive.h. */
static larder_status
derive_round(deriving_keys *d, larder_error *err)
{
    const ldr_derive_job *job = d->job;
    size_t useful = 1 + d->n_pending / THREAD_KEYS, n = 0;
    larder_status rc;

    d->n_threads = ldr_parallel_width(job->call);
    if (d->n_threads > useful)
        d->n_threads = (unsigned)useful;
    LARDER_TRY(read_stored(d, err));
    LARDER_TRY(ldr_offline_begin(job->offline, job->call, d->n_threads, err));
    rc = ldr_parallel_run(d->n_threads, derive_share, d, err);
    ldr_offline_end(job->offline);
    for (size_t i = 0; i < d->n_pending; i++)
        if (d->pending[i]->again)
            d->pending[n++] = d->pending[i];
    d->n_pending = n;
out:
    return rc;
}

static larder_status
derive_chunk(deriving_keys *d, size_t first, size_t end, larder_error *err)
{
    larder_status rc = LARDER_OK;

    d->n_pending = 0;
    for (size_t i = first; i < end; i++)
        d->pending[d->n_pending++] = &d->entries[i];
    for (unsigned round = 0; d->n_pending > 0 && round < ROUNDS_MAX; round++)
        LARDER_TRY(derive_round(d, err));
    if (d->n_pending == 0)
        return LARDER_OK;
    rc = larder_fail(err, LARDER_BUSY,
        "others write %zu rows of feature view '%s' again and again: given up "
        "after %u rounds (max_rounds)",
        d->n_pending, d->job->plan->view->about.name, ROUNDS_MAX);
    larder_hint(err, "try again once they are done");
out:
    return rc;
}

larder_status
ldr_derive_keys(const ldr_derive_job *job, const larder_batch *keys,
    ldr_derive_counts *counts, larder_error *err)
{
    deriving_keys d = {.job = job, .keys = keys, .counts = counts};
    larder_status rc;

    *counts = (ldr_derive_counts){0};
    if (pthread_mutex_init(&d.lock, NULL) != 0)
        return no_memory(err);
    LARDER_TRY(list_keys(&d, err));
    for (size_t first = 0, end; first < d.n_entries; first = end) {
        end =
            first + CHUNK_KEYS < d.n_entries ? first + CHUNK_KEYS : d.n_entries;
        LARDER_TRY(derive_chunk(&d, first, end, err));
    }
out:
    pthread_mutex_destroy(&d.lock);
    ldr_buffer_free(&d.bytes);
    free(d.entries);
    free(d.pending);
    return rc;
}
