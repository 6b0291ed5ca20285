/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online_lmdb.c - an online store in LMDB: the default.
 *
 * An LMDB key is the row's key, then its 8-byte table, so that all tables of an
 * entity lie together and a read of them is one range of a cursor. Rows are
 * stored as they come. Options: path, max_size, max_readers.
 *
 * Knows keys, tables and rows; how an environment is kept alive is
 * environment_lmdb.c's. Callbacks run inside a snapshot and must not write to
 * the same store: growing the map waits for snapshots to end.
 */
#include "builtin.h"
#include "environment_lmdb.h"
#include "examine_lmdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The map may take this much when the configuration does not say. It is
 * address space; the file has holes until rows fill it. */
#define MAX_SIZE (UINT64_C(64) << 30)
#define MIN_MAX_SIZE (UINT64_C(1) << 20)
#define MAX_READERS 1024u
#define MAX_MAX_READERS 65536u

/* Rows between two questions whether the caller still waits. */
#define CHECK_ROWS 256u

#define ROOM (LARDER_KEY_MAX + LARDER_TABLE_BYTES)

/* ------------------------------------------------------------ keys of LMDB */

/* Key and table in one. */
static MDB_val
join_key(
    unsigned char room[ROOM], larder_bytes key, const larder_table_id *table)
{
    if (key.size > 0)
        memcpy(room, key.data, key.size);
    memcpy(room + key.size, table, sizeof *table);
    return (MDB_val){key.size + sizeof *table, room};
}

/* Part them again; false for what is not a row: the mark. */
static bool
part_key(const MDB_val *joined, larder_bytes *key, larder_table_id *table)
{
    if (joined->mv_size < sizeof *table)
        return false;
    *key = (larder_bytes){joined->mv_data, joined->mv_size - sizeof *table};
    memcpy(table, (unsigned char *)joined->mv_data + key->size, sizeof *table);
    return true;
}

static bool
same_bytes(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static larder_bytes
bytes_of(const MDB_val *value)
{
    return (larder_bytes){value->mv_data, value->mv_size};
}

/* --------------------------------------------------------- open and close */

static larder_status
read_options(const larder_options *options, const char **path,
    uint64_t *max_size, uint64_t *max_readers, larder_error *err)
{
    static const char *const known[] = {"path", "max_size", "max_readers"};
    larder_status rc = LARDER_OK;

    LARDER_TRY(
        larder_options_only(options, known, sizeof known / sizeof *known, err));
    LARDER_TRY(larder_options_bytes(options, "max_size", max_size, err));
    LARDER_TRY(larder_options_bytes(options, "max_readers", max_readers, err));
    *path = larder_options_find(options, "path");
    if (*path == NULL || **path == '\0')
        return larder_fail(err, LARDER_INVALID,
            "the online store of type lmdb needs a path: the folder to keep "
            "its files in");
    if (*max_size < MIN_MAX_SIZE || *max_size > SIZE_MAX / 4)
        return larder_fail(err, LARDER_INVALID,
            "max_size of the online store is %llu bytes; it is at least 1MiB",
            (unsigned long long)*max_size);
    if (*max_readers < 1 || *max_readers > MAX_MAX_READERS)
        return larder_fail(err, LARDER_INVALID,
            "max_readers of the online store is %llu; it is from 1 to %u",
            (unsigned long long)*max_readers, MAX_MAX_READERS);
    *max_size &= ~(UINT64_C(65536) - 1); /* whole pages of any size */
out:
    return rc;
}

static larder_status
lmdb_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    uint64_t max_size = MAX_SIZE, max_readers = MAX_READERS;
    const char *path = NULL;
    larder_status rc =
        read_options(options, &path, &max_size, &max_readers, err);

    if (rc != LARDER_OK)
        return rc;
    return ldr_lmdb_open(
        self, path, max_size, (unsigned)max_readers, create, call, err);
}

static void
lmdb_close(void *self)
{
    ldr_lmdb_close(self);
}

static larder_status
lmdb_destroy(void *self, const larder_call *call, larder_error *err)
{
    return ldr_lmdb_destroy(self, call, err);
}

/* --------------------------------------------------------------------- get */

struct reading {
    const ldr_lmdb *lmdb;
    MDB_cursor *cursor;
    larder_found *found;
    larder_error *err;
};

/* One seek a table, for a key that other keys begin with: its tables do not
 * lie together. */
static larder_status
get_one_by_one(
    struct reading *r, const larder_want *want, size_t i, size_t table)
{
    unsigned char room[ROOM];

    for (; table < want->n_tables; table++) {
        MDB_val key = join_key(room, want->key, want->tables + table), value;
        int code = mdb_cursor_get(r->cursor, &key, &value, MDB_SET_KEY);
        larder_status rc = LARDER_OK;

        if (code == 0)
            rc = r->found->row(r->found, i, table, bytes_of(&value), r->err);
        else if (code != MDB_NOTFOUND)
            rc = ldr_lmdb_fail(r->lmdb, code, "read", r->err);
        if (rc != LARDER_OK)
            return rc;
    }
    return LARDER_OK;
}

/* One range: from the key's first wanted table on, while the key is the same.
 */
static larder_status
get_range(struct reading *r, const larder_want *want, size_t i)
{
    unsigned char room[ROOM];
    size_t table = 0, n_key = want->key.size;
    MDB_val key = join_key(room, want->key, want->tables), value;
    int code = mdb_cursor_get(r->cursor, &key, &value, MDB_SET_RANGE);

    while (code == 0 && key.mv_size >= n_key &&
           memcmp(key.mv_data, room, n_key) == 0) {
        const unsigned char *there = (unsigned char *)key.mv_data + n_key;
        int order = 0;

        if (key.mv_size != n_key + LARDER_TABLE_BYTES)
            return get_one_by_one(r, want, i, table);
        while (table < want->n_tables && (order = memcmp(want->tables + table,
                                              there, LARDER_TABLE_BYTES)) < 0)
            table++;
        if (table < want->n_tables && order == 0) {
            larder_status rc =
                r->found->row(r->found, i, table, bytes_of(&value), r->err);

            if (rc != LARDER_OK)
                return rc;
            table++;
        }
        if (table == want->n_tables)
            return LARDER_OK;
        code = mdb_cursor_get(r->cursor, &key, &value, MDB_NEXT);
    }
    return code == 0 || code == MDB_NOTFOUND
               ? LARDER_OK
               : ldr_lmdb_fail(r->lmdb, code, "read", r->err);
}

static larder_status
lmdb_get(void *self, const larder_call *call, const larder_want *wants,
    size_t n_wants, larder_found *found, larder_error *err)
{
    ldr_lmdb *lmdb = self;
    ldr_lmdb_reader *reader;
    struct reading reading = {.lmdb = lmdb, .found = found, .err = err};
    larder_status rc = ldr_lmdb_begin(lmdb, call, &reader, err);

    if (rc != LARDER_OK)
        return rc;
    reading.cursor = reader->cursor;
    for (size_t i = 0; i < n_wants; i++) {
        if (i % CHECK_ROWS == 0)
            LARDER_TRY(larder_call_check(call, err));
        if (wants[i].n_tables > 0)
            LARDER_TRY(get_range(&reading, wants + i, i));
    }
out:
    ldr_lmdb_end(lmdb, reader);
    return rc;
}

/* --------------------------------------------------------------------- put */

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

/* Put in place of the row the cursor is at. */
static int
replace(MDB_cursor *cursor, MDB_val *key, larder_bytes row)
{
    MDB_val value = {row.size, NULL};

    memcpy(&value.mv_data, &row.data, sizeof row.data); /* sheds the const */
    return mdb_cursor_put(cursor, key, &value, MDB_CURRENT);
}

/* One way down the tree finds the row that is there, or puts the new one. */
static int
insert(MDB_cursor *cursor, MDB_val *key, larder_bytes row, larder_bytes *stored)
{
    MDB_val value = {row.size, NULL};
    int code;

    memcpy(&value.mv_data, &row.data, sizeof row.data);
    code = mdb_cursor_put(cursor, key, &value, MDB_NOOVERWRITE);
    if (code == MDB_KEYEXIST)
        *stored = bytes_of(&value);
    return code == MDB_KEYEXIST && stored->size < LARDER_ROW_HEAD_BYTES
               ? MDB_CORRUPTED
               : code;
}

static int
put_newest(MDB_cursor *cursor, MDB_val *key, const larder_put *put,
    larder_outcome *outcome)
{
    larder_bytes stored;
    int code = insert(cursor, key, put->row, &stored), order;

    *outcome = LARDER_WRITTEN;
    if (code != MDB_KEYEXIST)
        return code;
    order = larder_row_compare(put->row, stored);
    if (order > 0)
        return replace(cursor, key, put->row);
    *outcome = order == 0 ? LARDER_UNCHANGED : LARDER_OLDER;
    return 0;
}

static int
put_if_match(MDB_cursor *cursor, MDB_val *key, const larder_put *put,
    larder_outcome *outcome)
{
    larder_bytes stored;
    MDB_val value;
    int code;

    *outcome = LARDER_WRITTEN;
    if (put->expected == 0) {
        code = insert(cursor, key, put->row, &stored);
        if (code == MDB_KEYEXIST)
            *outcome = LARDER_MISMATCH;
        return code == MDB_KEYEXIST ? 0 : code;
    }
    *outcome = LARDER_MISMATCH;
    code = mdb_cursor_get(cursor, key, &value, MDB_SET);
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    stored = bytes_of(&value);
    if (stored.size < LARDER_ROW_HEAD_BYTES)
        return MDB_CORRUPTED;
    if (checksum_of(stored) != put->expected)
        return 0;
    *outcome = same_bytes(stored, put->row) ? LARDER_UNCHANGED : LARDER_WRITTEN;
    return *outcome == LARDER_WRITTEN ? replace(cursor, key, put->row) : 0;
}

static int
put_remove(MDB_cursor *cursor, MDB_val *key, larder_outcome *outcome)
{
    MDB_val value;
    int code = mdb_cursor_get(cursor, key, &value, MDB_SET);

    *outcome = code == 0 ? LARDER_WRITTEN : LARDER_UNCHANGED;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    return mdb_cursor_del(cursor, 0);
}

static int
put_one(MDB_cursor *cursor, const larder_put *put, larder_outcome *outcome)
{
    unsigned char room[ROOM];
    MDB_val key = join_key(room, put->key, &put->table);

    switch (put->rule) {
    case LARDER_PUT_NEWEST:
        return put_newest(cursor, &key, put, outcome);
    case LARDER_PUT_IF_MATCH:
        return put_if_match(cursor, &key, put, outcome);
    case LARDER_PUT_REMOVE:
        return put_remove(cursor, &key, outcome);
    }
    return EINVAL;
}

struct putting {
    const larder_call *call;
    const larder_put *rows;
    const larder_put **order; /* NULL: as they come */
    size_t n_rows;
    larder_outcome *outcomes;
};

static int
put_all(void *context, MDB_cursor *cursor)
{
    const struct putting *p = context;

    for (size_t i = 0; i < p->n_rows; i++) {
        const larder_put *put = p->order != NULL ? p->order[i] : p->rows + i;
        int code;

        if (i % CHECK_ROWS == 0 &&
            larder_call_check(p->call, NULL) != LARDER_OK)
            return ECANCELED;
        code = put_one(cursor, put, p->outcomes + (put - p->rows));
        if (code != 0)
            return code;
    }
    return 0;
}

/* By key, then table; of the same row, the first given first. */
static int
compare_puts(const void *a, const void *b)
{
    const larder_put *x = *(const larder_put *const *)a;
    const larder_put *y = *(const larder_put *const *)b;
    size_t n = x->key.size < y->key.size ? x->key.size : y->key.size;
    int order = n == 0 ? 0 : memcmp(x->key.data, y->key.data, n);

    if (order == 0)
        order = (x->key.size > y->key.size) - (x->key.size < y->key.size);
    if (order == 0)
        order = memcmp(&x->table, &y->table, sizeof x->table);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Neighbours in the tree are written ten times faster one after the other, so
 * rows that come in no order are put in order; what rows of different keys come
 * to does not depend on it. A few steps back are not worth the sorting. */
static larder_status
sort_puts(const larder_put *rows, size_t n_rows, const larder_put ***order,
    larder_error *err)
{
    const larder_put **sorted;
    size_t n_back = 0;

    for (size_t i = 1; i < n_rows; i++)
        if (compare_puts(&(const larder_put *){rows + i - 1},
                &(const larder_put *){rows + i}) > 0)
            n_back++;
    if (n_back <= n_rows / 16)
        return LARDER_OK;
    sorted = n_rows > SIZE_MAX / sizeof(larder_put *)
                 ? NULL
                 : malloc(n_rows * sizeof(larder_put *));
    if (sorted == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    for (size_t i = 0; i < n_rows; i++)
        sorted[i] = rows + i;
    qsort(sorted, n_rows, sizeof(larder_put *), compare_puts);
    *order = sorted;
    return LARDER_OK;
}

static larder_status
lmdb_put(void *self, const larder_call *call, const larder_put *rows,
    size_t n_rows, larder_outcome *outcomes, larder_error *err)
{
    struct putting putting = {.call = call, .rows = rows, .n_rows = n_rows};
    larder_status rc = LARDER_OK;

    if (n_rows == 0)
        return LARDER_OK;
    putting.outcomes = calloc(n_rows, sizeof *outcomes);
    if (putting.outcomes == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    LARDER_TRY(sort_puts(rows, n_rows, &putting.order, err));
    LARDER_TRY(ldr_lmdb_write(self, call, put_all, &putting, err));
    memcpy(outcomes, putting.outcomes, n_rows * sizeof *outcomes);
out:
    free(putting.order);
    free(putting.outcomes);
    return rc;
}

/* ------------------------------------------------------------- scan, sweep */

/* The first row after a key and table, or of all. */
static int
seek_after(MDB_cursor *cursor, const larder_bytes *key,
    const larder_table_id *table, MDB_val *found, MDB_val *value)
{
    unsigned char room[ROOM];
    MDB_val after;
    int code;

    if (key == NULL)
        return mdb_cursor_get(cursor, found, value, MDB_FIRST);
    after = join_key(room, *key, table);
    *found = after;
    code = mdb_cursor_get(cursor, found, value, MDB_SET_RANGE);
    if (code == 0 && found->mv_size == after.mv_size &&
        memcmp(found->mv_data, room, after.mv_size) == 0)
        code = mdb_cursor_get(cursor, found, value, MDB_NEXT);
    return code;
}

static larder_status
lmdb_scan(void *self, const larder_call *call, const larder_bytes *after_key,
    const larder_table_id *after_table, size_t limit, larder_each *each,
    bool *more, larder_error *err)
{
    ldr_lmdb *lmdb = self;
    ldr_lmdb_reader *reader;
    MDB_val joined, value;
    larder_status rc = ldr_lmdb_begin(lmdb, call, &reader, err);
    size_t n_rows = 0;
    int code;

    if (rc != LARDER_OK)
        return rc;
    code = seek_after(reader->cursor, after_key, after_table, &joined, &value);
    for (; code == 0;
         code = mdb_cursor_get(reader->cursor, &joined, &value, MDB_NEXT)) {
        larder_bytes key;
        larder_table_id table;

        if (!part_key(&joined, &key, &table))
            continue;
        if (n_rows == limit)
            break;
        if (n_rows++ % CHECK_ROWS == 0)
            LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(each->row(each, key, table, bytes_of(&value), err));
    }
    if (code != 0 && code != MDB_NOTFOUND)
        LARDER_TRY(ldr_lmdb_fail(lmdb, code, "read", err));
    *more = code == 0;
out:
    ldr_lmdb_end(lmdb, reader);
    return rc;
}

struct sweeping {
    const larder_call *call;
    larder_table_id table;
    size_t max_keys;
    const unsigned char *begin; /* the key to begin at */
    size_t n_begin;
    unsigned char
        next[LARDER_KEY_MAX]; /* the key looked at, at last the next */
    size_t n_next;
    uint64_t n_removed;
};

/* Walk the rows of max_keys keys; `next` ends as the key after them. */
static int
sweep_keys(void *context, MDB_cursor *cursor)
{
    struct sweeping *s = context;
    unsigned char room[ROOM] = {0};
    MDB_val joined = {s->n_begin, room}, value;
    size_t n_keys = 0, n_rows = 0;
    bool any = false;
    int code;

    s->n_removed = 0;
    s->n_next = 0;
    if (s->n_begin > 0)
        memcpy(room, s->begin, s->n_begin);
    code = s->n_begin == 0
               ? mdb_cursor_get(cursor, &joined, &value, MDB_FIRST)
               : mdb_cursor_get(cursor, &joined, &value, MDB_SET_RANGE);
    for (; code == 0;
         code = mdb_cursor_get(cursor, &joined, &value, MDB_NEXT)) {
        larder_bytes key, last = {s->next, s->n_next};
        larder_table_id table;

        if (!part_key(&joined, &key, &table))
            continue;
        if (key.size > sizeof s->next)
            return MDB_CORRUPTED;
        if (n_rows++ % CHECK_ROWS == 0 &&
            larder_call_check(s->call, NULL) != LARDER_OK)
            return ECANCELED;
        if (!any || !same_bytes(key, last)) {
            any = true;
            memcpy(s->next, key.data, key.size);
            s->n_next = key.size;
            if (n_keys++ == s->max_keys)
                return 0;
        }
        if (memcmp(&table, &s->table, sizeof table) != 0)
            continue;
        code = mdb_cursor_del(cursor, 0);
        if (code != 0)
            return code;
        s->n_removed++;
    }
    s->n_next = 0;
    return code == MDB_NOTFOUND ? 0 : code;
}

static larder_status
lmdb_sweep(void *self, const larder_call *call, larder_table_id table,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor, uint64_t *removed,
    larder_error *err)
{
    struct sweeping sweeping = {.call = call,
        .table = table,
        .max_keys = max_keys,
        .begin = cursor,
        .n_begin = *n_cursor};
    larder_status rc = ldr_lmdb_write(self, call, sweep_keys, &sweeping, err);

    if (rc != LARDER_OK)
        return rc;
    memcpy(cursor, sweeping.next, sweeping.n_next);
    *n_cursor = sweeping.n_next;
    *removed = sweeping.n_removed;
    return LARDER_OK;
}

static larder_status
lmdb_examine(void *self, const larder_call *call, larder_finding_sink *sink,
    larder_error *err)
{
    return ldr_lmdb_examine(self, call, sink, err);
}

const larder_online_ops ldr_online_lmdb_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "lmdb",
    .state_bytes = sizeof(ldr_lmdb),
    .concurrent = true,
    .open = lmdb_open,
    .close = lmdb_close,
    .get = lmdb_get,
    .put = lmdb_put,
    .scan = lmdb_scan,
    .sweep = lmdb_sweep,
    .destroy = lmdb_destroy,
    .examine = lmdb_examine,
};
