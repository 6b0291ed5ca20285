/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_keys.c - the keys of a scan, sought one after the other, ascending.
 */
#include "sqlite_keys.h"

#include <stdlib.h>
#include <string.h>

typedef struct key_row {
    const larder_batch *batch;
    size_t row;
} key_row;

struct sqlite_keys {
    const larder_batch *batch;
    key_row *sorted; /* NULL: they ascend as they lie */
    size_t next, end;
    larder_time_unit unit; /* of the statement's times */
    larder_time from, to;  /* of all keys */
    const larder_time *keys_from, *keys_to;
    bool one_before, latest;
    /* Of the key at hand: */
    size_t row;
    int64_t low, high; /* of its times, in the statement's unit */
    bool done;
    larder_time own_from;
    bool any;          /* the row that others may be tied with was seen: */
    larder_time event; /* the newest, or the newest before own_from */
    int64_t created;
};

/* -------------------------------------------------------------------- order */

bool
sqlite_keys_fit(const larder_batch *keys)
{
    for (size_t i = 0; i < keys->schema->n_fields; i++)
        switch ((int)keys->schema->fields[i].type) {
        case LARDER_BOOL:
        case LARDER_INT32:
        case LARDER_INT64:
        case LARDER_STRING:
        case LARDER_BYTES:
        case LARDER_TIMESTAMP:
            break;
        default:
            return false;
        }
    return true;
}

static int
compare_text(larder_bytes a, larder_bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int
compare_values(const larder_value *a, const larder_value *b)
{
    switch ((int)a->type) {
    case LARDER_BOOL:
        return a->as.boolean - b->as.boolean;
    case LARDER_STRING:
    case LARDER_BYTES:
        return compare_text(a->as.text, b->as.text);
    default:
        return (a->as.integer > b->as.integer) -
               (a->as.integer < b->as.integer);
    }
}

static int
compare_rows(const void *a, const void *b)
{
    const key_row *x = a, *y = b;
    int order = 0;

    for (size_t i = 0; order == 0 && i < x->batch->schema->n_fields; i++) {
        larder_value p = larder_column_value(&x->batch->columns[i], x->row);
        larder_value q = larder_column_value(&y->batch->columns[i], y->row);

        order = compare_values(&p, &q);
    }
    return order;
}

static bool
ascend(const larder_batch *batch)
{
    const int64_t *integers = batch->columns[0].values;

    if (batch->schema->n_fields == 1 &&
        batch->schema->fields[0].type == LARDER_INT64) {
        size_t row = 1;

        while (row < batch->n_rows && integers[row - 1] <= integers[row])
            row++;
        return row >= batch->n_rows;
    }
    for (size_t row = 1; row < batch->n_rows; row++) {
        key_row a = {batch, row - 1}, b = {batch, row};

        if (compare_rows(&a, &b) > 0)
            return false;
    }
    return true;
}

static bool
sort(sqlite_keys *keys)
{
    const larder_batch *batch = keys->batch;

    if (ascend(batch))
        return true;
    keys->sorted = calloc(batch->n_rows, sizeof *keys->sorted);
    if (keys->sorted == NULL)
        return false;
    for (size_t row = 0; row < batch->n_rows; row++)
        keys->sorted[row] = (key_row){batch, row};
    qsort(keys->sorted, batch->n_rows, sizeof *keys->sorted, compare_rows);
    return true;
}

/* ----------------------------------------------------------------- the keys */

/* Where part `part` of n_parts begins. */
static size_t
begin_of(size_t n_rows, unsigned part, unsigned n_parts)
{
    return n_rows / n_parts * part + n_rows % n_parts * part / n_parts;
}

larder_status
sqlite_keys_new(
    const larder_scan *scan, bool latest, sqlite_keys **out, larder_error *err)
{
    unsigned n_parts = scan->n_parts == 0 ? 1 : scan->n_parts;
    size_t n_rows = scan->keys->n_rows;
    sqlite_keys *keys = calloc(1, sizeof *keys);

    if (keys == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    *keys = (sqlite_keys){.batch = scan->keys,
        .next = begin_of(n_rows, scan->part, n_parts),
        .end = begin_of(n_rows, scan->part + 1, n_parts),
        .unit = scan->table->owned ? LARDER_UNIT_US : scan->table->unit,
        .from = scan->from,
        .to = scan->to,
        .latest = latest,
        .done = true};
    if (!latest) {
        keys->keys_from = scan->keys_from;
        keys->keys_to = scan->keys_to;
        keys->one_before = scan->one_before;
    }
    if (!sort(keys)) {
        free(keys);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    *out = keys;
    return LARDER_OK;
}

void
sqlite_keys_free(sqlite_keys *keys)
{
    if (keys == NULL)
        return;
    free(keys->sorted);
    free(keys);
}

bool
sqlite_keys_next(sqlite_keys *keys)
{
    larder_time from = keys->from, to = keys->to;
    size_t row;

    if (keys->next >= keys->end)
        return false;
    row = keys->sorted == NULL ? keys->next : keys->sorted[keys->next].row;
    keys->next++;
    keys->row = row;
    keys->done = keys->any = false;
    keys->own_from =
        keys->keys_from == NULL ? LARDER_TIME_MIN : keys->keys_from[row];
    if (!keys->one_before && keys->own_from > from)
        from = keys->own_from;
    if (keys->keys_to != NULL && keys->keys_to[row] < to)
        to = keys->keys_to[row];
    keys->low = sqlite_least(keys->unit, from);
    keys->high = sqlite_greatest(keys->unit, to);
    return true;
}

const larder_column *
sqlite_keys_part(const sqlite_keys *keys, size_t part, size_t *row)
{
    *row = keys->row;
    return &keys->batch->columns[part];
}

void
sqlite_keys_times(const sqlite_keys *keys, int64_t *low, int64_t *high)
{
    *low = keys->low;
    *high = keys->high;
}

int
sqlite_keys_bind(sqlite_keys *keys, sqlite3_stmt *statement,
    const sqlite_keys_places *places, bool *more)
{
    int code = SQLITE_OK;

    *more = sqlite_keys_next(keys);
    if (!*more)
        return SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < keys->batch->schema->n_fields;
         i++)
        code = sqlite_bind(statement, places->key + (int)i,
            &keys->batch->columns[i], keys->row);
    (void)sqlite3_bind_int64(statement, places->from, keys->low);
    (void)sqlite3_bind_int64(statement, places->to, keys->high);
    return code;
}

bool
sqlite_keys_judge(const sqlite_keys *keys)
{
    return keys->one_before || keys->latest;
}

int64_t
sqlite_keys_sure_from(const sqlite_keys *keys)
{
    if (!sqlite_keys_judge(keys))
        return INT64_MIN;
    return keys->latest ? INT64_MAX : keys->own_from;
}

bool
sqlite_keys_admit(sqlite_keys *keys, larder_time event, int64_t created)
{
    if (!keys->latest && event >= keys->own_from)
        return true;
    if (!keys->any) {
        keys->any = true;
        keys->event = event;
        keys->created = created;
        return true;
    }
    keys->done =
        event != keys->event || (keys->latest && created != keys->created);
    return !keys->done;
}

bool
sqlite_keys_done(const sqlite_keys *keys)
{
    return keys->done;
}
