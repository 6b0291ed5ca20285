/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recompute.c - the rows online that history makes of given keys.
 *
 * Takes:  keys, and of each the event times that count.
 * Gives:  encoded rows: of a plain view its newest row, of a windowed one what
 *         derive.c makes of its rows.
 * Knows:  history and views; not what is online.
 */
#include "engine/recompute.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"

#define MEMORY_DEFAULT ((size_t)512 << 20)

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to recompute rows");
}

/* ---------------------------------------------------------------- the plan */

static larder_status
list_keys(ldr_recomputing *plan, ldr_arena *arena, larder_error *err)
{
    const ldr_view *view = plan->view;
    larder_field *fields =
        ldr_arena_array(arena, view->n_keys + 1, sizeof *fields);
    size_t *from;
    larder_status rc;

    plan->key_places =
        ldr_arena_array(arena, view->n_keys + 1, sizeof *plan->key_places);
    if (fields == NULL || plan->key_places == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_scan_keys(view, arena, &plan->scan_keys, &from, err));
    for (size_t s = 0; s < view->n_keys; s++) {
        fields[s] = view->keys[from[s]];
        plan->key_places[from[s]] = s;
    }
    plan->keys = (larder_schema){fields, view->n_keys};
out:
    return rc;
}

/* A plain view stores what its features read, in their order. */
static larder_status
list_plain(ldr_recomputing *plan, ldr_arena *arena, larder_error *err)
{
    size_t n = plan->view->n_features;
    larder_type *types = ldr_arena_array(arena, n + 1, sizeof *types);
    larder_field *columns;
    larder_status rc;

    if (types == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_columns(plan->view, arena, &columns, err));
    for (size_t i = 0; i < n; i++)
        types[i] = columns[i].type;
    plan->columns = plan->stored = columns;
    plan->n_columns = plan->n_stored = n;
    LARDER_TRY(ldr_row_layout_init(&plan->layout, types, n, arena, err));
out:
    return rc;
}

static larder_status
list_derived(ldr_recomputing *plan, ldr_arena *arena, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_deriving_make(plan->view, arena, &plan->deriving, err));
    plan->columns = plan->deriving.columns;
    plan->n_columns = plan->deriving.n_columns;
    plan->stored = plan->deriving.stored;
    plan->n_stored = plan->deriving.n_stored;
    plan->layout = plan->deriving.layout;
out:
    return rc;
}

larder_status
ldr_recomputing_make(const ldr_view *view, ldr_arena *arena,
    ldr_recomputing *out, larder_error *err)
{
    larder_status rc;

    *out = (ldr_recomputing){.view = view,
        .entity_set = ldr_entity_set_id(view->keys, view->n_keys)};
    ldr_view_source(view, &out->source_keys, &out->table);
    LARDER_TRY(list_keys(out, arena, err));
    LARDER_TRY(ldr_recomputing_is_derived(out) ? list_derived(out, arena, err)
                                               : list_plain(out, arena, err));
out:
    return rc;
}

larder_status
ldr_recompute_key(const ldr_recomputing *plan, const larder_batch *batch,
    size_t row, ldr_key *key, bool *usable, larder_error *err)
{
    const larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = plan->view->n_keys;
    larder_error why = {0};
    bool null = false;
    larder_status rc;

    for (size_t k = 0; k < n; k++)
        columns[k] = &batch->columns[plan->key_places[k]];
    ldr_key_start(key, plan->entity_set);
    rc = ldr_key_encode(key, columns, n, row, &null, &why);
    *usable = rc == LARDER_OK && !null;
    if (rc != LARDER_OK && rc != LARDER_LIMIT && err != NULL)
        *err = why;
    return rc == LARDER_LIMIT ? LARDER_OK : rc;
}

/* ------------------------------------------------------------------- scans */

static larder_scan
scan_of(const ldr_recompute_job *job)
{
    const ldr_recomputing *plan = job->plan;
    larder_scan scan = {.table = &plan->table,
        .key = plan->scan_keys,
        .n_key = plan->keys.n_fields,
        .columns = plan->columns,
        .n_columns = plan->n_columns,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MIN,
        .order = LARDER_ORDER_NEWEST_FIRST};

    if (plan->keys.n_fields > 0) {
        scan.keys = job->keys;
        scan.keys_from = job->from;
        scan.keys_to = job->to;
        scan.one_before = true;
    }
    for (size_t i = 0; i < job->keys->n_rows; i++)
        if (job->to[i] > scan.to)
            scan.to = job->to[i];
    return scan;
}

static larder_time
event_of(const ldr_recomputing *plan, const larder_batch *batch, size_t row)
{
    return ldr_column_integer(&batch->columns[plan->view->n_keys], row);
}

static larder_time
created_of(const ldr_recomputing *plan, const larder_batch *batch, size_t row)
{
    const larder_column *created = &batch->columns[plan->view->n_keys + 1];

    return ldr_column_is_null(created, row) ? LDR_NO_CREATED
                                            : ldr_column_integer(created, row);
}

static larder_status
add_plain(const ldr_recomputing *plan, const larder_batch *batch, size_t row,
    const ldr_key *key, ldr_chunk *chunk, larder_error *err)
{
    const larder_column *values[LDR_VIEW_FEATURES_MAX];

    for (size_t i = 0; i < plan->n_columns; i++)
        values[i] = &batch->columns[plan->view->n_keys + 2 + i];
    return ldr_chunk_add(chunk, &plan->layout, key, event_of(plan, batch, row),
        created_of(plan, batch, row), values, row, err);
}

/* -------------------------------------------------------------- a key's row */

/* What takes the rows of a scan, newest first. */
typedef struct taking {
    ldr_horizon horizon;
    const ldr_recomputing *plan;
    ldr_deriver *deriver; /* of a windowed view */
    ldr_key key;          /* of the last row */
    bool found;           /* `key` has rows; the first of them was: */
    larder_time event, created;
    ldr_chunk *chunk;
} taking;

/* The scan gives no rows beyond what counts. */
static larder_time
no_horizon(const ldr_horizon *self, const ldr_key *key)
{
    (void)self;
    (void)key;
    return LARDER_TIME_MAX;
}

/* A key's first row, and those tied with it. */
static larder_status
take_plain(taking *t, const larder_batch *batch, size_t row, larder_error *err)
{
    larder_time event = event_of(t->plan, batch, row);
    larder_time created = created_of(t->plan, batch, row);
    ldr_key key;
    bool usable = false, same;
    larder_status rc;

    LARDER_TRY(ldr_recompute_key(t->plan, batch, row, &key, &usable, err));
    if (!usable)
        return LARDER_OK;
    same = t->found && key.size == t->key.size &&
           memcmp(key.bytes, t->key.bytes, key.size) == 0;
    if (same && (event != t->event || created != t->created))
        return LARDER_OK;
    t->key.size = key.size;
    memcpy(t->key.bytes, key.bytes, key.size);
    t->found = true;
    t->event = event;
    t->created = created;
    rc = add_plain(t->plan, batch, row, &key, t->chunk, err);
out:
    return rc;
}

static larder_status
take_batch(taking *t, const larder_batch *batch, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (t->deriver != NULL)
        return batch->n_rows == 0
                   ? LARDER_OK
                   : ldr_deriver_take(t->deriver, batch, t->chunk, err);
    for (size_t row = 0; row < batch->n_rows; row++)
        LARDER_TRY(take_plain(t, batch, row, err));
out:
    return rc;
}

/* ----------------------------------------------------------- what is left out
 */

void
ldr_left_out_release(ldr_left_out *left_out)
{
    free(left_out->digests);
    *left_out = (ldr_left_out){0};
}

static int
by_digest(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static larder_status
reserve(ldr_left_out *left_out, size_t more, const larder_call *call,
    larder_error *err)
{
    size_t memory =
        call->memory_bytes == 0 ? MEMORY_DEFAULT : call->memory_bytes;
    size_t room = left_out->room == 0 ? LDR_BATCH_ROWS : left_out->room;
    uint64_t *digests;

    if (more <= left_out->room - left_out->n)
        return LARDER_OK;
    while (room - left_out->n < more)
        room *= 2;
    if (room > memory / 4 / sizeof *digests) {
        larder_fail(err, LARDER_LIMIT,
            "%zu rows arrived since the last materialize: to leave them out "
            "takes more than a quarter of %zu bytes (memory_bytes)",
            left_out->n + more, memory);
        larder_hint(err, "materialize first, or take a smaller sample");
        return LARDER_LIMIT;
    }
    digests = realloc(left_out->digests, room * sizeof *digests);
    if (digests == NULL)
        return no_memory(err);
    left_out->digests = digests;
    left_out->room = room;
    return LARDER_OK;
}

/* Where a digest first stands; n: nowhere. */
static size_t
find_digest(const ldr_left_out *all, uint64_t digest)
{
    size_t low = 0, high = all->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (all->digests[middle] < digest)
            low = middle + 1;
        else
            high = middle;
    }
    return low < all->n && all->digests[low] == digest ? low : all->n;
}

/* Leaves rows out, each as often as it is to be. */
typedef struct sifting {
    const ldr_left_out *all;
    size_t *n_left; /* how often of the digest that first stands here */
    larder_batch kept;
    uint64_t *digests; /* of a batch */
    size_t *rows, room;
} sifting;

static larder_status
sifting_init(sifting *s, const larder_schema *schema, larder_error *err)
{
    larder_status rc = LARDER_OK;

    s->n_left = calloc(s->all->n + 1, sizeof *s->n_left);
    if (s->n_left == NULL)
        return no_memory(err);
    LARDER_TRY(larder_batch_init(&s->kept, schema, err));
out:
    return rc;
}

static void
sifting_release(sifting *s)
{
    larder_batch_release(&s->kept);
    free(s->n_left);
    free(s->digests);
    free(s->rows);
}

static bool
leave_out(sifting *s, uint64_t digest)
{
    size_t at = find_digest(s->all, digest);
    size_t there = at;

    if (at == s->all->n)
        return false;
    there += s->n_left[at];
    if (there == s->all->n || s->all->digests[there] != digest)
        return false;
    s->n_left[at]++;
    return true;
}

static larder_status
sift(sifting *s, const larder_batch *batch, larder_error *err)
{
    size_t n_kept = 0;
    larder_status rc = LARDER_OK;

    if (batch->n_rows > s->room) {
        free(s->digests);
        free(s->rows);
        s->digests = malloc(batch->n_rows * sizeof *s->digests);
        s->rows = malloc(batch->n_rows * sizeof *s->rows);
        s->room = batch->n_rows;
        if (s->digests == NULL || s->rows == NULL)
            return no_memory(err);
    }
    larder_row_digests(batch, 0, batch->n_rows, s->digests);
    for (size_t row = 0; row < batch->n_rows; row++)
        if (!leave_out(s, s->digests[row]))
            s->rows[n_kept++] = row;
    larder_batch_clear(&s->kept);
    for (size_t c = 0; c < batch->schema->n_fields; c++)
        LARDER_TRY(ldr_column_gather(
            &s->kept.columns[c], &batch->columns[c], s->rows, n_kept, err));
    s->kept.n_rows = n_kept;
out:
    return rc;
}

/* --------------------------------------------------------------- the whole */

static larder_status
take_stream(taking *t, const larder_call *call, const ldr_left_out *less,
    larder_stream *rows, larder_error *err)
{
    larder_batch batch = {0};
    sifting s = {.all = less};
    bool sifts = less != NULL && less->n > 0;
    larder_status rc = LARDER_OK;

    if (sifts)
        LARDER_TRY(sifting_init(&s, rows->schema, err));
    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        if (sifts)
            LARDER_TRY(sift(&s, &batch, err));
        LARDER_TRY(take_batch(t, sifts ? &s.kept : &batch, err));
        larder_batch_release(&batch);
    }
    if (t->deriver != NULL)
        LARDER_TRY(ldr_deriver_end(t->deriver, t->chunk, err));
out:
    sifting_release(&s);
    larder_batch_release(&batch);
    return rc;
}

larder_status
ldr_recompute(const ldr_recompute_job *job, const ldr_left_out *less,
    ldr_chunk *chunk, larder_error *err)
{
    taking t = {.horizon = {no_horizon}, .plan = job->plan, .chunk = chunk};
    larder_scan scan = scan_of(job);
    larder_stream rows = {0};
    larder_status rc;

    if (ldr_recomputing_is_derived(job->plan))
        LARDER_TRY(ldr_deriver_new(
            &job->plan->deriving, job->call->now, &t.horizon, &t.deriver, err));
    LARDER_TRY(ldr_offline_scan(job->offline, 0, job->call, &scan, &rows, err));
    LARDER_TRY(take_stream(&t, job->call, less, &rows, err));
out:
    larder_stream_close(&rows);
    ldr_deriver_free(t.deriver);
    return rc;
}

static larder_status
tell_late(const ldr_recompute_job *job, const larder_batch *batch,
    ldr_late *late, ldr_chunk *one, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < batch->n_rows; row++) {
        larder_bytes bytes = {0};
        bool usable = false;
        ldr_key key;

        LARDER_TRY(
            ldr_recompute_key(job->plan, batch, row, &key, &usable, err));
        if (!usable)
            continue;
        if (!ldr_recomputing_is_derived(job->plan)) {
            ldr_chunk_clear(one);
            LARDER_TRY(add_plain(job->plan, batch, row, &key, one, err));
            bytes = (larder_bytes){one->rows.data, one->rows.size};
        }
        LARDER_TRY(late->row(late, &key, bytes, err));
    }
out:
    return rc;
}

larder_status
ldr_recompute_late(const ldr_recompute_job *job, int64_t arrival,
    larder_time seen_until, ldr_late *late, ldr_left_out *out,
    larder_error *err)
{
    larder_scan scan = scan_of(job);
    larder_stream rows = {0};
    larder_batch batch = {0};
    ldr_chunk one = {0};
    larder_status rc;

    scan.arrived = true;
    scan.after = arrival;
    scan.seen_until = seen_until;
    LARDER_TRY(ldr_offline_scan(job->offline, 0, job->call, &scan, &rows, err));
    for (;;) {
        LARDER_TRY(larder_call_check(job->call, err));
        LARDER_TRY(larder_stream_next(&rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(tell_late(job, &batch, late, &one, err));
        LARDER_TRY(reserve(out, batch.n_rows, job->call, err));
        larder_row_digests(&batch, 0, batch.n_rows, out->digests + out->n);
        out->n += batch.n_rows;
        larder_batch_release(&batch);
    }
    if (out->n > 0)
        qsort(out->digests, out->n, sizeof *out->digests, by_digest);
out:
    ldr_chunk_release(&one);
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    return rc;
}
