/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashed_put.c - puts of rows that are fields of hashes (see hashed.h).
 *
 * The store compares times and marks. Of two rows that agree in these the
 * greater is the one whose packed bytes are, as everywhere: that is judged
 * here, and put by comparing and setting.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hashed.h"

#define TRIES 16u /* somebody else may put the same row meanwhile */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for Feast's layout");
}

/* Puts of hashed tables, translated. Keys and values live in the arena. */
typedef struct putting {
    ldr_hashed *store;
    const larder_call *call;
    larder_hash_put *puts;
    ldr_hashed_table **tables;
    ldr_arena arena;
    ldr_buffer key;
    size_t *ends;
    size_t room_ends;
} putting;

/* ------------------------------------------------------------- translation */

static larder_status
copy_key(putting *p, const ldr_hashed_table *table, larder_bytes key,
    larder_bytes *out, larder_error *err)
{
    larder_status rc;

    p->key.size = 0;
    LARDER_TRY(ldr_feast_key_write(&table->keys, key, &p->key, err));
    *out = (larder_bytes){
        ldr_arena_copy_n(&p->arena, p->key.data, p->key.size), p->key.size};
    if (out->data == NULL)
        rc = no_memory(err);
out:
    return rc;
}

static larder_status
copy_values(putting *p, const ldr_hashed_table *table, larder_bytes row,
    larder_bytes **out, larder_error *err)
{
    ldr_feast_mark mark = {.build = table->build, .table = table->id};
    ldr_hashed_table *lender = (ldr_hashed_table *)(uintptr_t)table;
    size_t n = table->row.n_names, begin = 0;
    ldr_hashed_room *room = NULL;
    larder_bytes *values = ldr_arena_array(&p->arena, n, sizeof *values);
    const char *bytes;
    larder_status rc;

    if (values == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_hashed_lend(p->store, lender, &room, err));
    room->bytes.size = 0;
    LARDER_TRY(ldr_feast_row_write(
        &table->row, row, mark, &room->values, &room->bytes, p->ends, err));
    bytes = ldr_arena_copy_n(&p->arena, room->bytes.data, room->bytes.size);
    if (bytes == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < n; begin = p->ends[i++])
        values[i] = (larder_bytes){bytes + begin, p->ends[i] - begin};
    *out = values;
out:
    ldr_hashed_give_back(p->store, lender, room);
    return rc;
}

/* Room for where the values of a row end. */
static larder_status
grow_ends(putting *p, size_t n, larder_error *err)
{
    size_t *ends;

    if (n <= p->room_ends)
        return LARDER_OK;
    ends = realloc(p->ends, n * sizeof *ends);
    if (ends == NULL)
        return no_memory(err);
    p->ends = ends;
    p->room_ends = n;
    return LARDER_OK;
}

static larder_status
translate(putting *p, const larder_put *row, ldr_hashed_table *table,
    larder_hash_put *out, larder_error *err)
{
    larder_bytes *values = NULL;
    larder_status rc;

    if (row->rule == LARDER_PUT_IF_MATCH)
        return larder_fail(err, LARDER_UNSUPPORTED,
            "derived rows cannot be stored in 'layout: feast'");
    *out = (larder_hash_put){.rule = row->rule,
        .names = table->row.names,
        .n_names = table->row.n_names};
    LARDER_TRY(copy_key(p, table, row->key, &out->key, err));
    if (row->rule == LARDER_PUT_REMOVE)
        return LARDER_OK;
    LARDER_TRY(grow_ends(p, table->row.n_names, err));
    LARDER_TRY(copy_values(p, table, row->row, &values, err));
    out->values = values;
out:
    return rc;
}

/* ------------------------------------------------------------------- ties */

/* What is stored in place of a row, and what is to be done about it. */
typedef struct seeing {
    larder_hash_found found;
    putting *p;
    const larder_put *row;
    ldr_hashed_table *table;
    larder_bytes *stored; /* copies */
    larder_outcome outcome;
} seeing;

static larder_status
keep_stored(seeing *s, const larder_bytes *values, larder_error *err)
{
    size_t n = s->table->row.n_names;

    s->stored = ldr_arena_array(&s->p->arena, n, sizeof *s->stored);
    if (s->stored == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (values[i].data == NULL)
            continue;
        s->stored[i].data =
            ldr_arena_copy_n(&s->p->arena, values[i].data, values[i].size);
        s->stored[i].size = values[i].size;
        if (s->stored[i].data == NULL)
            return no_memory(err);
    }
    return LARDER_OK;
}

static larder_outcome
outcome_of(int order)
{
    return order > 0    ? LARDER_WRITTEN
           : order == 0 ? LARDER_UNCHANGED
                        : LARDER_OLDER;
}

/* A row of ours against what is stored: build, then as packed rows compare. */
static larder_status
judge(seeing *s, const larder_bytes *values, larder_error *err)
{
    ldr_hashed_room *room = NULL;
    ldr_feast_mark mark;
    larder_bytes stored;
    larder_status rc = LARDER_OK;

    s->outcome = LARDER_WRITTEN;
    if (values[LDR_FEAST_TIME].data == NULL)
        return LARDER_OK;
    if (ldr_feast_mark_read(
            values[LDR_FEAST_MARK], values[LDR_FEAST_TIME], &mark) &&
        mark.build != s->table->build) {
        if (mark.build > s->table->build)
            s->outcome = LARDER_OLDER;
        return LARDER_OK;
    }
    LARDER_TRY(ldr_hashed_lend(s->p->store, s->table, &room, err));
    room->bytes.size = 0;
    LARDER_TRY(ldr_feast_row_read(
        &s->table->row, s->row->key, values, &room->values, &room->bytes, err));
    stored = (larder_bytes){room->bytes.data, room->bytes.size};
    s->outcome = outcome_of(larder_row_compare(s->row->row, stored));
out:
    ldr_hashed_give_back(s->p->store, s->table, room);
    return rc;
}

static larder_status
see(larder_hash_found *self, size_t want, const larder_bytes *values,
    larder_error *err)
{
    seeing *s = (seeing *)self;
    larder_status rc;

    (void)want;
    LARDER_TRY(judge(s, values, err));
    LARDER_TRY(keep_stored(s, values, err));
out:
    return rc;
}

/* A put that the store could not judge. */
static larder_status
settle(putting *p, const larder_put *row, ldr_hashed_table *table,
    const larder_hash_put *wanted, larder_outcome *out, larder_error *err)
{
    const larder_online_ops *ops = p->store->ops;
    larder_hash_want want = {wanted->key, wanted->names, wanted->n_names};
    larder_hash_put put = *wanted;
    larder_outcome outcome = LARDER_MISMATCH;
    larder_status rc = LARDER_OK;

    put.rule = LARDER_PUT_IF_MATCH;
    for (unsigned i = 0; i < TRIES; i++) {
        seeing s = {.found = {see}, .p = p, .row = row, .table = table};

        LARDER_TRY(
            ops->get_hashes(p->store->self, p->call, &want, 1, &s.found, err));
        *out = s.outcome;
        if (s.outcome != LARDER_WRITTEN)
            goto out;
        put.expected = s.stored;
        LARDER_TRY(
            ops->put_hashes(p->store->self, p->call, &put, 1, &outcome, err));
        if (outcome != LARDER_MISMATCH)
            goto out;
    }
    rc = larder_fail(err, LARDER_BUSY,
        "others put the same row of feature view '%s' over and over",
        table->row.view);
out:
    return rc;
}

/* -------------------------------------------------------------------- puts */

static larder_status
put_hashed(putting *p, const larder_put *rows, size_t n_rows,
    larder_outcome *outcomes, larder_error *err)
{
    const larder_online_ops *ops = p->store->ops;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_rows; i++)
        LARDER_TRY(translate(p, &rows[i], p->tables[i], &p->puts[i], err));
    LARDER_TRY(ops->put_hashes(
        p->store->self, p->call, p->puts, n_rows, outcomes, err));
    for (size_t i = 0; i < n_rows; i++)
        if (outcomes[i] == LARDER_MISMATCH)
            LARDER_TRY(settle(
                p, &rows[i], p->tables[i], &p->puts[i], &outcomes[i], err));
out:
    ldr_arena_free(&p->arena);
    p->arena = (ldr_arena){0};
    return rc;
}

/* The rows from `begin` on that are all hashed, or all packed. */
static size_t
end_of_run(putting *p, const larder_put *rows, size_t begin, size_t n_rows)
{
    size_t end = begin;

    for (; end < n_rows; end++) {
        bool same =
            end > begin && memcmp(&rows[end].table, &rows[end - 1].table,
                               sizeof rows[end].table) == 0;

        p->tables[end - begin] =
            same ? p->tables[end - begin - 1]
                 : ldr_hashed_find(p->store, rows[end].table);
        if ((p->tables[end - begin] == NULL) != (p->tables[0] == NULL))
            break;
    }
    return end;
}

larder_status
ldr_hashed_put(ldr_hashed *store, const larder_call *call,
    const larder_put *rows, size_t n_rows, larder_outcome *outcomes,
    larder_error *err)
{
    putting p = {.store = store, .call = call};
    larder_status rc = LARDER_OK;

    p.puts = calloc(n_rows + 1, sizeof *p.puts);
    p.tables = calloc(n_rows + 1, sizeof *p.tables);
    if (p.puts == NULL || p.tables == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0, end; i < n_rows; i = end) {
        end = end_of_run(&p, rows, i, n_rows);
        if (p.tables[0] == NULL)
            LARDER_TRY(store->ops->put(
                store->self, call, rows + i, end - i, outcomes + i, err));
        else
            LARDER_TRY(put_hashed(&p, rows + i, end - i, outcomes + i, err));
    }
out:
    free(p.puts);
    free(p.tables);
    free(p.ends);
    ldr_buffer_free(&p.key);
    return rc;
}
