/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - some entities of one view: is what is online of them what history
 * says?
 *
 * The ledger is read first, then a row online, then history. So the row was
 * made of all rows that the ledger's mark tells of, and of none that history
 * does not have by now. In between lie the late ones: those that arrived after
 * the mark, or whose event lay in the future then.
 *
 *   plain view     the row is the newest of those the mark tells of, or a late
 *                  one newer than that. Nothing else is right.
 *   windowed view  the row is made of those the mark tells of and of some late
 *                  ones, the first to arrive. It is compared with that of all
 *                  and that of none of them; some is not settled.
 */
#include "engine/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "engine/differ.h"

#define MEMORY_DEFAULT ((size_t)512 << 20)

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to compare rows");
}

typedef struct entity {
    larder_bytes key;
    size_t at, size; /* of the row online, in `rows`; size 0: there is none */
    bool damaged;
    larder_time from, to; /* of the events that count */
    larder_bytes all;     /* the row of all history; empty: none */
    larder_bytes certain; /* the one without what is late */
    bool late;            /* there is such */
    bool late_is_online;  /* and one of it is the row */
} entity;

typedef struct share {
    const ldr_judging *j;
    bool marked;      /* history tells what arrived */
    entity *entities; /* by key */
    size_t n_entities;
    ldr_buffer rows;
    size_t limit;  /* of bytes in `rows` */
    bool too_long; /* they do not fit */
    ldr_chunk all, certain;
} share;

static larder_bytes
online_of(const share *s, const entity *e)
{
    if (e->size == 0)
        return (larder_bytes){0};
    return (larder_bytes){s->rows.data + e->at, e->size};
}

static bool
same_bytes(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static entity *
find_entity(const share *s, larder_bytes key)
{
    size_t low = 0, high = s->n_entities;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        larder_bytes other = s->entities[middle].key;
        size_t n = key.size < other.size ? key.size : other.size;
        int order = memcmp(key.data, other.data, n);

        if (order == 0)
            order = (key.size > other.size) - (key.size < other.size);
        if (order == 0)
            return &s->entities[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---------------------------------------------------------- what is online */

typedef struct looking {
    larder_found found;
    share *share;
} looking;

static larder_status
copy_row(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    share *s = ((looking *)self)->share;
    entity *e = &s->entities[want];
    larder_status rc;

    (void)table;
    s->too_long = s->n_entities > 1 && s->rows.size + row.size > s->limit;
    if (s->too_long)
        return larder_fail(err, LARDER_LIMIT, "rows too long to compare");
    LARDER_TRY(ldr_buffer_reserve(&s->rows, row.size, err));
    memcpy(s->rows.data + s->rows.size, row.data, row.size);
    e->at = s->rows.size;
    e->size = row.size;
    s->rows.size += row.size;
out:
    return rc;
}

/* Up to which time events count, and how far back they can matter. */
static void
set_times(const share *s, entity *e)
{
    const ldr_judging *j = s->j;
    larder_bytes row = online_of(s, e);
    larder_time event;

    e->from = LARDER_TIME_MIN;
    e->to = j->position->until;
    if (row.size == 0 || e->damaged)
        return;
    event = ldr_row_event(row);
    if (event > e->to)
        e->to = event;
    e->from = ldr_recomputing_is_derived(j->plan)
                  ? ldr_time_minus(event, j->plan->deriving.events.span_us)
                  : event;
}

static larder_status
read_online(share *s, larder_error *err)
{
    const ldr_judging *j = s->j;
    looking l = {.found = {copy_row}, .share = s};
    larder_want *wants = malloc(s->n_entities * sizeof *wants);
    larder_status rc;

    if (wants == NULL)
        return no_memory(err);
    for (size_t i = 0; i < s->n_entities; i++)
        wants[i] = (larder_want){
            .key = s->entities[i].key, .tables = &j->table, .n_tables = 1};
    LARDER_TRY(ldr_online_get(
        j->online, j->call, wants, s->n_entities, &l.found, err));
    for (size_t i = 0; i < s->n_entities; i++) {
        entity *e = &s->entities[i];

        e->damaged = e->size > 0 && ldr_row_check(&j->plan->layout, e->key,
                                        online_of(s, e), NULL) != LARDER_OK;
        set_times(s, e);
    }
out:
    free(wants);
    return rc;
}

/* -------------------------------------------------------- what history says */

/* Some entities as history is asked for them. */
typedef struct asking {
    ldr_recompute_job job;
    larder_batch keys;
    larder_time *from, *to;
} asking;

static void
asking_release(asking *a)
{
    larder_batch_release(&a->keys);
    free(a->from);
    free(a->to);
}

static larder_status
add_key(asking *a, const ldr_judging *j, const entity *e, larder_error *err)
{
    larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = j->plan->view->n_keys;
    size_t head =
        e->key.size < LDR_KEY_HEAD_BYTES ? e->key.size : LDR_KEY_HEAD_BYTES;
    larder_bytes parts = {
        (const unsigned char *)e->key.data + head, e->key.size - head};
    larder_status rc;

    for (size_t k = 0; k < n; k++)
        columns[k] = &a->keys.columns[j->plan->key_places[k]];
    LARDER_TRY(ldr_key_decode(parts, columns, n, err));
    a->from[a->keys.n_rows] = e->from;
    a->to[a->keys.n_rows++] = e->to;
out:
    return rc;
}

/* `which` chooses; NULL: all of them. */
static larder_status
ask(asking *a, const share *s, bool (*which)(const share *s, const entity *e),
    larder_error *err)
{
    const ldr_judging *j = s->j;
    larder_status rc;

    a->from = malloc(s->n_entities * sizeof *a->from);
    a->to = malloc(s->n_entities * sizeof *a->to);
    if (a->from == NULL || a->to == NULL)
        return no_memory(err);
    LARDER_TRY(larder_batch_init(&a->keys, &j->plan->keys, err));
    for (size_t i = 0; i < s->n_entities; i++)
        if (which == NULL || which(s, &s->entities[i]))
            LARDER_TRY(add_key(a, j, &s->entities[i], err));
    a->job = (ldr_recompute_job){.plan = j->plan,
        .offline = j->offline,
        .call = j->call,
        .keys = &a->keys,
        .from = a->from,
        .to = a->to};
out:
    return rc;
}

/* To each entity its row; of tied ones the greatest. */
static void
hand_out(const share *s, const ldr_chunk *chunk)
{
    for (size_t i = 0; i < chunk->n_entries; i++) {
        const struct ldr_chunk_row *made = &chunk->entries[i];
        larder_bytes key = {chunk->keys.data + made->key, made->n_key};
        larder_bytes row = {chunk->rows.data + made->row, made->n_row};
        entity *e = find_entity(s, key);
        larder_bytes *to;

        if (e == NULL) /* an entityless view has but one key */
            continue;
        to = chunk == &s->certain ? &e->certain : &e->all;
        if (to->size == 0 || larder_row_compare(row, *to) > 0)
            *to = row;
    }
}

static bool
is_open(const share *s, const entity *e)
{
    return !e->damaged && !same_bytes(online_of(s, e), e->all);
}

typedef struct late_rows {
    ldr_late late;
    share *share;
} late_rows;

static larder_status
take_late(
    ldr_late *self, const ldr_key *key, larder_bytes row, larder_error *err)
{
    share *s = ((late_rows *)self)->share;
    entity *e = find_entity(s, (larder_bytes){key->bytes, key->size});

    (void)err;
    if (e == NULL)
        return LARDER_OK;
    e->late = true;
    if (row.size > 0 && same_bytes(row, online_of(s, e)))
        e->late_is_online = true;
    return LARDER_OK;
}

/* Those whose row is not that of all history: what of it is late? A derived row
 * of a later event than `until` was made when that had come, and of all that
 * was there then. */
static larder_status
settle(share *s, larder_error *err)
{
    const ldr_judging *j = s->j;
    late_rows late = {.late = {take_late}, .share = s};
    larder_time seen_until = ldr_recomputing_is_derived(j->plan)
                                 ? LARDER_TIME_MAX
                                 : j->position->until;
    ldr_left_out left_out = {0};
    asking a = {0};
    larder_status rc;

    LARDER_TRY(ask(&a, s, is_open, err));
    if (a.keys.n_rows == 0)
        goto out;
    LARDER_TRY(ldr_recompute_late(&a.job,
        s->marked ? j->position->arrival : INT64_MIN,
        s->marked ? seen_until : LARDER_TIME_MIN, &late.late, &left_out, err));
    LARDER_TRY(ldr_recompute(&a.job, &left_out, &s->certain, err));
    hand_out(s, &s->certain);
out:
    ldr_left_out_release(&left_out);
    asking_release(&a);
    return rc;
}

static larder_status
recompute(share *s, larder_error *err)
{
    const ldr_judging *j = s->j;
    asking a = {0};
    larder_status rc;

    LARDER_TRY(ask(&a, s, NULL, err));
    LARDER_TRY(ldr_offline_begin(j->offline, j->call, 1, err));
    rc = ldr_recompute(&a.job, NULL, &s->all, err);
    if (rc == LARDER_OK) {
        hand_out(s, &s->all);
        rc = settle(s, err);
    }
    ldr_offline_end(j->offline);
out:
    asking_release(&a);
    return rc;
}

/* -------------------------------------------------------------- the verdict */

typedef enum verdict { EQUAL, DIFFERENT, MISSING, UNSETTLED, AWAITED } verdict;

static verdict
judge_absent(const share *s, const entity *e)
{
    if (e->certain.size > 0)
        return MISSING;
    return !s->marked && e->all.size > 0 ? UNSETTLED : AWAITED;
}

static verdict
judge(const share *s, const entity *e)
{
    larder_bytes row = online_of(s, e);

    if (row.size == 0)
        return judge_absent(s, e);
    if (e->damaged)
        return DIFFERENT;
    if (same_bytes(row, e->all) || same_bytes(row, e->certain))
        return EQUAL;
    if (ldr_recomputing_is_derived(s->j->plan))
        return e->late && !same_bytes(e->all, e->certain) ? UNSETTLED
                                                          : DIFFERENT;
    if (!e->late_is_online ||
        (e->certain.size > 0 && larder_row_compare(row, e->certain) < 0))
        return DIFFERENT;
    return s->marked ? EQUAL : UNSETTLED;
}

static larder_status
tell_difference(const share *s, const entity *e, larder_error *err)
{
    const ldr_judging *j = s->j;
    larder_difference *out = j->difference;
    larder_status rc;

    if (out->view != NULL)
        return LARDER_OK;
    LARDER_TRY(ldr_differ(j->plan, e->key, online_of(s, e),
        e->all.size > 0 ? e->all : e->certain, out, err));
    out->view = strdup(j->plan->view->about.name);
    if (out->view == NULL) {
        ldr_difference_release(out);
        return no_memory(err);
    }
out:
    return rc;
}

static larder_status
count_verdicts(const share *s, larder_error *err)
{
    larder_proved_view *report = s->j->report;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < s->n_entities; i++) {
        verdict v = judge(s, &s->entities[i]);

        report->equal += v == EQUAL;
        report->different += v == DIFFERENT;
        report->compared += v == EQUAL || v == DIFFERENT;
        report->missing += v == MISSING;
        report->unsettled += v == UNSETTLED;
        if (v == DIFFERENT || v == MISSING)
            LARDER_TRY(tell_difference(s, &s->entities[i], err));
    }
out:
    return rc;
}

larder_status
ldr_judge(const ldr_judging *judging, const ldr_sampled *keys, size_t *n_keys,
    larder_error *err)
{
    size_t memory = judging->call->memory_bytes;
    const larder_table *table = &judging->plan->table;
    share s = {.j = judging,
        .marked = table->owned || table->created != NULL,
        .n_entities = *n_keys,
        .limit = (memory == 0 ? MEMORY_DEFAULT : memory) / 4};
    larder_error why = {0};
    larder_status rc;

    s.entities = calloc(*n_keys + 1, sizeof *s.entities);
    if (s.entities == NULL)
        return no_memory(err);
    for (size_t i = 0; i < *n_keys; i++)
        s.entities[i].key = (larder_bytes){keys[i].bytes, keys[i].size};
    rc = read_online(&s, &why);
    if (s.too_long) {
        *n_keys = 0;
        rc = LARDER_OK;
        goto out;
    }
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    LARDER_TRY(rc);
    LARDER_TRY(recompute(&s, err));
    LARDER_TRY(count_verdicts(&s, err));
out:
    ldr_chunk_release(&s.all);
    ldr_chunk_release(&s.certain);
    ldr_buffer_free(&s.rows);
    free(s.entities);
    return rc;
}
