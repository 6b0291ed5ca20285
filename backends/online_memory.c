/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online_memory.c - an online store in memory: the reference.
 *
 * The shortest correct one, and the one to copy for another (README.md beside
 * it says how). Rows live in one array sorted by key, then table, each a block
 * of its own. Nothing outlives the store: it opens empty and takes no options.
 *
 * Whole or not at all: put gets all the memory it may need before it changes
 * the first row, and after that nothing can fail.
 */
#include "larder_backend.h"

#include "builtin.h"

#include <stdlib.h>
#include <string.h>

struct row {
    larder_table_id table;
    size_t n_key, n_row;
    unsigned char bytes[]; /* the key, then the row */
};

struct memory {
    struct row **rows; /* ascending */
    size_t n_rows, room;
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

/* ---------------------------------------------------------- the sorted array
 */

static larder_bytes
key_of(const struct row *row)
{
    return (larder_bytes){row->bytes, row->n_key};
}

static larder_bytes
bytes_of(const struct row *row)
{
    return (larder_bytes){row->bytes + row->n_key, row->n_row};
}

/* As memcmp, a shorter key before those it begins; memcmp takes no NULL. */
static int
compare_bytes(larder_bytes a, larder_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n == 0 ? 0 : memcmp(a.data, b.data, n);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Where (key, table) is, or would be; *found says which. */
static size_t
find_row(const struct memory *store, larder_bytes key,
    const larder_table_id *table, bool *found)
{
    size_t low = 0, high = store->n_rows;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct row *row = store->rows[middle];
        int order = compare_bytes(key_of(row), key);

        if (order == 0)
            order = memcmp(&row->table, table, sizeof *table);
        if (order == 0)
            *found = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Take `row` in at a place, in place of what is there when `replace`. */
static void
set_row(struct memory *store, size_t at, struct row *row, bool replace)
{
    if (replace) {
        free(store->rows[at]);
    } else {
        memmove(store->rows + at + 1, store->rows + at,
            (store->n_rows - at) * sizeof *store->rows);
        store->n_rows++;
    }
    store->rows[at] = row;
}

static void
drop_row(struct memory *store, size_t at)
{
    free(store->rows[at]);
    store->n_rows--;
    memmove(store->rows + at, store->rows + at + 1,
        (store->n_rows - at) * sizeof *store->rows);
}

/* --------------------------------------------------------- open and close */

static larder_status
memory_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    (void)self, (void)create, (void)call;
    return larder_options_only(options, NULL, 0, err);
}

static void
memory_close(void *self)
{
    struct memory *store = self;

    for (size_t i = 0; i < store->n_rows; i++)
        free(store->rows[i]);
    free(store->rows);
    *store = (struct memory){0};
}

static larder_status
memory_destroy(void *self, const larder_call *call, larder_error *err)
{
    (void)call, (void)err;
    memory_close(self);
    return LARDER_OK;
}

/* ---------------------------------------------------------------- get, put */

static larder_status
memory_get(void *self, const larder_call *call, const larder_want *wants,
    size_t n_wants, larder_found *found, larder_error *err)
{
    const struct memory *store = self;
    larder_status rc = LARDER_OK;
    bool there;

    for (size_t i = 0; i < n_wants; i++) {
        LARDER_TRY(larder_call_check(call, err));
        for (size_t j = 0; j < wants[i].n_tables; j++) {
            size_t at =
                find_row(store, wants[i].key, wants[i].tables + j, &there);

            if (there)
                LARDER_TRY(
                    found->row(found, i, j, bytes_of(store->rows[at]), err));
        }
    }
out:
    return rc;
}

/* The checksum in a row's head, little endian. */
static uint64_t
checksum_of(larder_bytes row)
{
    const unsigned char *bytes = row.data;
    uint64_t checksum = 0;

    for (unsigned i = LARDER_ROW_HEAD_BYTES; i > LARDER_ROW_VERSION_BYTES; i--)
        checksum = checksum << 8 | bytes[i - 1];
    return checksum;
}

/* What a put comes to, given the row that is stored, or NULL. */
static larder_outcome
judge(const larder_put *put, const struct row *stored)
{
    int order;

    switch (put->rule) {
    case LARDER_PUT_NEWEST:
        if (stored == NULL)
            return LARDER_WRITTEN;
        order = larder_row_compare(put->row, bytes_of(stored));
        return order > 0    ? LARDER_WRITTEN
               : order == 0 ? LARDER_UNCHANGED
                            : LARDER_OLDER;
    case LARDER_PUT_IF_MATCH:
        if (stored == NULL)
            return put->expected == 0 ? LARDER_WRITTEN : LARDER_MISMATCH;
        if (put->expected == 0 ||
            checksum_of(bytes_of(stored)) != put->expected)
            return LARDER_MISMATCH;
        return compare_bytes(put->row, bytes_of(stored)) == 0 ? LARDER_UNCHANGED
                                                              : LARDER_WRITTEN;
    case LARDER_PUT_REMOVE:
        return stored == NULL ? LARDER_UNCHANGED : LARDER_WRITTEN;
    }
    return LARDER_UNCHANGED;
}

/* Room for all rows of a put, and a copy of each it may store. */
static larder_status
prepare(struct memory *store, const larder_put *puts, size_t n_puts,
    struct row **copies, larder_error *err)
{
    if (n_puts > store->room - store->n_rows) {
        size_t room = store->n_rows + n_puts + store->room / 2;
        struct row **rows = room > SIZE_MAX / sizeof *rows
                                ? NULL
                                : realloc(store->rows, room * sizeof *rows);

        if (rows == NULL)
            return no_memory(err);
        store->rows = rows;
        store->room = room;
    }
    for (size_t i = 0; i < n_puts; i++) {
        const larder_put *put = puts + i;
        struct row *copy;

        if (put->rule == LARDER_PUT_REMOVE)
            continue;
        copy = malloc(sizeof *copy + put->key.size + put->row.size);
        if (copy == NULL)
            return no_memory(err);
        copy->table = put->table;
        copy->n_key = put->key.size;
        copy->n_row = put->row.size;
        if (put->key.size > 0)
            memcpy(copy->bytes, put->key.data, put->key.size);
        memcpy(copy->bytes + put->key.size, put->row.data, put->row.size);
        copies[i] = copy;
    }
    return LARDER_OK;
}

static larder_status
memory_put(void *self, const larder_call *call, const larder_put *rows,
    size_t n_rows, larder_outcome *outcomes, larder_error *err)
{
    struct memory *store = self;
    struct row **copies = calloc(n_rows + 1, sizeof *copies);
    larder_status rc = LARDER_OK;
    bool there;

    if (copies == NULL)
        return no_memory(err);
    LARDER_TRY(larder_call_check(call, err));
    LARDER_TRY(prepare(store, rows, n_rows, copies, err));
    for (size_t i = 0; i < n_rows; i++) { /* nothing fails from here on */
        size_t at = find_row(store, rows[i].key, &rows[i].table, &there);

        outcomes[i] = judge(rows + i, there ? store->rows[at] : NULL);
        if (outcomes[i] != LARDER_WRITTEN)
            continue;
        if (rows[i].rule == LARDER_PUT_REMOVE)
            drop_row(store, at);
        else
            set_row(store, at, copies[i], there);
        copies[i] = NULL;
    }
out:
    for (size_t i = 0; i < n_rows; i++)
        free(copies[i]);
    free(copies);
    return rc;
}

/* ------------------------------------------------------------- scan, sweep */

static larder_status
memory_scan(void *self, const larder_call *call, const larder_bytes *after_key,
    const larder_table_id *after_table, size_t limit, larder_each *each,
    bool *more, larder_error *err)
{
    const struct memory *store = self;
    larder_status rc = LARDER_OK;
    bool there = false;
    size_t at = after_key == NULL
                    ? 0
                    : find_row(store, *after_key, after_table, &there);
    size_t end;

    if (there)
        at++;
    end = store->n_rows - at < limit ? store->n_rows : at + limit;
    for (; at < end; at++) {
        const struct row *row = store->rows[at];

        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(
            each->row(each, key_of(row), row->table, bytes_of(row), err));
    }
    *more = end < store->n_rows;
out:
    return rc;
}

static larder_status
memory_sweep(void *self, const larder_call *call, larder_table_id table,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor, uint64_t *removed,
    larder_error *err)
{
    static const larder_table_id first;
    struct memory *store = self;
    larder_bytes key = {cursor, *n_cursor};
    larder_status rc = larder_call_check(call, err);
    bool there;
    size_t at = find_row(store, key, &first, &there), n_dropped = 0;

    if (rc != LARDER_OK)
        return rc;
    for (size_t n_keys = 0; n_keys < max_keys && at < store->n_rows; n_keys++) {
        size_t end = at, hit = SIZE_MAX;

        for (key = key_of(store->rows[at]); end < store->n_rows; end++) {
            if (compare_bytes(key_of(store->rows[end]), key) != 0)
                break;
            if (memcmp(&store->rows[end]->table, &table, sizeof table) == 0)
                hit = end;
        }
        if (hit != SIZE_MAX) {
            drop_row(store, hit);
            n_dropped++;
            end--;
        }
        at = end; /* the next key */
    }
    *n_cursor = 0;
    if (at < store->n_rows) {
        key = key_of(store->rows[at]);
        memcpy(cursor, key.data, key.size);
        *n_cursor = key.size;
    }
    *removed = n_dropped;
    return rc;
}

const larder_online_ops ldr_online_memory_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "memory",
    .state_bytes = sizeof(struct memory),
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .put = memory_put,
    .scan = memory_scan,
    .sweep = memory_sweep,
    .destroy = memory_destroy,
};
