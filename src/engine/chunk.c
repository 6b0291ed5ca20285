/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk.c - encoded rows on their way online.
 */
#include "engine/chunk.h"

#include <stdlib.h>
#include <string.h>

void
ldr_chunk_release(ldr_chunk *chunk)
{
    ldr_buffer_free(&chunk->keys);
    ldr_buffer_free(&chunk->rows);
    free(chunk->entries);
    *chunk = (ldr_chunk){0};
}

void
ldr_chunk_clear(ldr_chunk *chunk)
{
    chunk->keys.size = 0;
    chunk->rows.size = 0;
    chunk->n_entries = 0;
}

static larder_status
reserve_entries(ldr_chunk *chunk, size_t more, larder_error *err)
{
    size_t room = chunk->room == 0 ? 1024 : chunk->room;
    struct ldr_chunk_row *entries;

    if (more <= chunk->room - chunk->n_entries)
        return LARDER_OK;
    while (room - chunk->n_entries < more)
        room *= 2;
    entries = realloc(chunk->entries, room * sizeof *entries);
    if (entries == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for encoded rows");
    chunk->entries = entries;
    chunk->room = room;
    return LARDER_OK;
}

static void
append(ldr_buffer *to, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(to->data + to->size, bytes, size);
    to->size += size;
}

larder_status
ldr_chunk_add(ldr_chunk *chunk, const ldr_row_layout *layout,
    const ldr_key *key, larder_time event, larder_time created,
    const larder_column *const *columns, size_t row, larder_error *err)
{
    /* The checksum binds the row to its key: see row.h. */
    larder_bytes bound = {key->bytes, key->size};
    struct ldr_chunk_row *entry;
    larder_status rc;

    LARDER_TRY(reserve_entries(chunk, 1, err));
    LARDER_TRY(ldr_buffer_reserve(&chunk->keys, key->size, err));
    entry = &chunk->entries[chunk->n_entries];
    *entry = (struct ldr_chunk_row){
        .key = chunk->keys.size, .n_key = key->size, .row = chunk->rows.size};
    LARDER_TRY(ldr_row_encode(
        layout, bound, event, created, columns, row, &chunk->rows, err));
    append(&chunk->keys, key->bytes, key->size);
    entry->n_row = chunk->rows.size - entry->row;
    chunk->n_entries++;
out:
    return rc;
}

larder_status
ldr_chunk_move(ldr_chunk *to, ldr_chunk *from, larder_error *err)
{
    larder_status rc;

    if (to->n_entries == 0) {
        ldr_chunk emptied = *to;

        *to = *from;
        *from = emptied;
        return LARDER_OK;
    }
    LARDER_TRY(reserve_entries(to, from->n_entries, err));
    LARDER_TRY(ldr_buffer_reserve(&to->keys, from->keys.size, err));
    LARDER_TRY(ldr_buffer_reserve(&to->rows, from->rows.size, err));
    for (size_t i = 0; i < from->n_entries; i++) {
        struct ldr_chunk_row *entry = &to->entries[to->n_entries++];

        *entry = from->entries[i];
        entry->key += to->keys.size;
        entry->row += to->rows.size;
    }
    append(&to->keys, from->keys.data, from->keys.size);
    append(&to->rows, from->rows.data, from->rows.size);
    ldr_chunk_clear(from);
out:
    return rc;
}

static void
drop(ldr_buffer *from, size_t n)
{
    from->size -= n;
    if (from->size > 0)
        memmove(from->data, from->data + n, from->size);
}

void
ldr_chunk_drop(ldr_chunk *chunk, size_t n)
{
    struct ldr_chunk_row first;

    if (n == chunk->n_entries) {
        ldr_chunk_clear(chunk);
        return;
    }
    first = chunk->entries[n];
    drop(&chunk->keys, first.key);
    drop(&chunk->rows, first.row);
    chunk->n_entries -= n;
    for (size_t i = 0; i < chunk->n_entries; i++) {
        chunk->entries[i] = chunk->entries[n + i];
        chunk->entries[i].key -= first.key;
        chunk->entries[i].row -= first.row;
    }
}

static int
by_key(const void *a, const void *b)
{
    const larder_put *x = a, *y = b;
    size_t n = x->key.size < y->key.size ? x->key.size : y->key.size;
    int order = memcmp(x->key.data, y->key.data, n);

    if (order != 0)
        return order;
    return x->key.size < y->key.size ? -1 : x->key.size > y->key.size;
}

void
ldr_chunk_puts(const ldr_chunk *chunk, size_t n, larder_table_id table,
    larder_put_rule rule, larder_put *puts)
{
    bool ordered = true;

    for (size_t i = 0; i < n; i++) {
        const struct ldr_chunk_row *entry = &chunk->entries[i];

        puts[i] =
            (larder_put){.key = {chunk->keys.data + entry->key, entry->n_key},
                .table = table,
                .rule = rule,
                .row = {chunk->rows.data + entry->row, entry->n_row}};
        ordered = ordered && (i == 0 || by_key(&puts[i - 1], &puts[i]) <= 0);
    }
    if (!ordered)
        qsort(puts, n, sizeof *puts, by_key);
}
