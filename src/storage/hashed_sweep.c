/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashed_sweep.c - rows that are fields of hashes go: those of a table that
 * another took the place of, or all of them (see hashed.h).
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hashed.h"

#define STEP_KEYS 1024u /* looked at in one step of the store */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for Feast's layout");
}

/* Keys of one step of a walk, as the store has them. */
typedef struct keys {
    larder_each_key each;
    const ldr_hashed_table *table;
    ldr_buffer bytes;
    size_t *ends;
    size_t n, room;
} keys;

static larder_status
keep_key(larder_each_key *self, larder_bytes feast, larder_error *err)
{
    keys *k = (keys *)self;
    ldr_key key;
    larder_status rc = LARDER_OK;

    if (!ldr_feast_key_read(&k->table->keys, feast, &key))
        return LARDER_OK;
    if (k->n == k->room) {
        size_t room = k->room < 64 ? 64 : 2 * k->room;
        size_t *ends = realloc(k->ends, room * sizeof *ends);

        if (ends == NULL)
            return no_memory(err);
        k->ends = ends;
        k->room = room;
    }
    LARDER_TRY(ldr_buffer_reserve(&k->bytes, feast.size, err));
    memcpy(k->bytes.data + k->bytes.size, feast.data, feast.size);
    k->bytes.size += feast.size;
    k->ends[k->n++] = k->bytes.size;
out:
    return rc;
}

static larder_bytes
kept_key(const keys *k, size_t i)
{
    size_t begin = i == 0 ? 0 : k->ends[i - 1];

    return (larder_bytes){k->bytes.data + begin, k->ends[i] - begin};
}

static void
keys_free(keys *k)
{
    free(k->ends);
    ldr_buffer_free(&k->bytes);
}

/* Rows of a table among those of some keys, to be removed as they are. */
typedef struct sweeping {
    larder_hash_found found;
    const ldr_hashed_table *table;
    const keys *keys;
    larder_hash_put *puts;
    size_t n_puts;
    ldr_arena arena;
} sweeping;

static larder_status
choose_row(larder_hash_found *self, size_t want, const larder_bytes *values,
    larder_error *err)
{
    sweeping *s = (sweeping *)self;
    size_t n = s->table->row.n_names;
    larder_bytes *kept;
    ldr_feast_mark mark;

    if (!ldr_feast_mark_read(
            values[LDR_FEAST_MARK], values[LDR_FEAST_TIME], &mark) ||
        memcmp(&mark.table, &s->table->id, sizeof mark.table) != 0)
        return LARDER_OK;
    kept = ldr_arena_array(&s->arena, n, sizeof *kept);
    for (size_t i = 0; kept != NULL && i < n; i++) {
        if (values[i].data == NULL)
            continue;
        kept[i].data =
            ldr_arena_copy_n(&s->arena, values[i].data, values[i].size);
        kept[i].size = values[i].size;
        if (kept[i].data == NULL)
            kept = NULL;
    }
    if (kept == NULL)
        return no_memory(err);
    s->puts[s->n_puts++] = (larder_hash_put){.key = kept_key(s->keys, want),
        .rule = LARDER_PUT_IF_MATCH,
        .names = s->table->row.names,
        .n_names = n,
        .expected = kept};
    return LARDER_OK;
}

/* Rows of these keys go, unless they have just been put anew. */
static larder_status
remove_rows(ldr_hashed *store, const larder_call *call,
    const ldr_hashed_table *table, const keys *k, uint64_t *removed,
    larder_error *err)
{
    larder_hash_want *wants = calloc(k->n + 1, sizeof *wants);
    larder_outcome *outcomes = calloc(k->n + 1, sizeof *outcomes);
    sweeping s = {.found = {choose_row}, .table = table, .keys = k};
    larder_status rc = LARDER_OK;

    s.puts = calloc(k->n + 1, sizeof *s.puts);
    if (wants == NULL || outcomes == NULL || s.puts == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < k->n; i++)
        wants[i] = (larder_hash_want){
            kept_key(k, i), table->row.names, table->row.n_names};
    if (k->n > 0)
        LARDER_TRY(store->ops->get_hashes(
            store->self, call, wants, k->n, &s.found, err));
    if (s.n_puts > 0)
        LARDER_TRY(store->ops->put_hashes(
            store->self, call, s.puts, s.n_puts, outcomes, err));
    for (size_t i = 0; i < s.n_puts; i++)
        *removed += outcomes[i] == LARDER_WRITTEN;
out:
    free(wants);
    free(outcomes);
    free(s.puts);
    ldr_arena_free(&s.arena);
    return rc;
}

larder_status
ldr_hashed_sweep(ldr_hashed *store, const larder_call *call,
    larder_table_id table, size_t max_keys, unsigned char *cursor,
    size_t *n_cursor, uint64_t *removed, larder_error *err)
{
    ldr_hashed_table *hashed = ldr_hashed_find(store, table);
    keys k = {{keep_key}, hashed, {0}, NULL, 0, 0};
    larder_status rc;

    if (hashed == NULL)
        return store->ops->sweep(
            store->self, call, table, max_keys, cursor, n_cursor, removed, err);
    *removed = 0;
    LARDER_TRY(store->ops->scan_hashes(store->self, call, hashed->keys.head,
        max_keys, cursor, n_cursor, &k.each, err));
    LARDER_TRY(remove_rows(store, call, hashed, &k, removed, err));
out:
    keys_free(&k);
    return rc;
}

static larder_status
remove_hashes(ldr_hashed *store, const larder_call *call, const keys *k,
    larder_error *err)
{
    larder_hash_put *puts = calloc(k->n + 1, sizeof *puts);
    larder_outcome *outcomes = calloc(k->n + 1, sizeof *outcomes);
    larder_status rc = LARDER_OK;

    if (puts == NULL || outcomes == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < k->n; i++)
        puts[i] =
            (larder_hash_put){.key = kept_key(k, i), .rule = LARDER_PUT_REMOVE};
    if (k->n > 0)
        rc = store->ops->put_hashes(
            store->self, call, puts, k->n, outcomes, err);
out:
    free(puts);
    free(outcomes);
    return rc;
}

static larder_status
destroy_hashes(ldr_hashed *store, const larder_call *call,
    const ldr_hashed_table *table, larder_error *err)
{
    unsigned char cursor[LARDER_KEY_MAX];
    size_t n_cursor = 0;
    keys k = {{keep_key}, table, {0}, NULL, 0, 0};
    larder_status rc = LARDER_OK;

    do {
        k.n = 0;
        k.bytes.size = 0;
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(store->ops->scan_hashes(store->self, call, table->keys.head,
            STEP_KEYS, cursor, &n_cursor, &k.each, err));
        LARDER_TRY(remove_hashes(store, call, &k, err));
    } while (n_cursor > 0);
out:
    keys_free(&k);
    return rc;
}

larder_status
ldr_hashed_destroy(
    ldr_hashed *store, const larder_call *call, larder_error *err)
{
    ldr_hashed_table **tables = NULL;
    size_t n_tables = 0;
    larder_status rc;

    LARDER_TRY(ldr_hashed_tables(store, &tables, &n_tables, err));
    for (size_t i = 0; i < n_tables; i++)
        if (!ldr_hashed_is_repeated(tables, i))
            LARDER_TRY(destroy_hashes(store, call, tables[i], err));
    LARDER_TRY(store->ops->destroy(store->self, call, err));
out:
    free(tables);
    return rc;
}
