/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_part.c - ranges of the first key column that make n parts of a table.
 */
#include "sqlite_part.h"

#include "sqlite_table.h"

#include <stdlib.h>
#include <string.h>

/* Text is divided by as many bytes, after those that all keys share. */
#define DIGITS 8u

void
sqlite_part_release(sqlite_part *part)
{
    free(part->low.bytes);
    free(part->high.bytes);
    *part = (sqlite_part){0};
}

int
sqlite_bound_bind(
    const sqlite_bound *bound, sqlite3_stmt *statement, int parameter)
{
    if (bound->is_integer)
        return sqlite3_bind_int64(statement, parameter, bound->integer);
    if (bound->is_text)
        return sqlite3_bind_text64(statement, parameter,
            (const char *)bound->bytes, bound->n_bytes, SQLITE_STATIC,
            SQLITE_UTF8);
    return sqlite3_bind_blob64(
        statement, parameter, bound->bytes, bound->n_bytes, SQLITE_STATIC);
}

bool
sqlite_bound_reached(const sqlite_bound *bound, sqlite3_value *value)
{
    int class = sqlite3_value_type(value);
    int own = bound->is_integer ? SQLITE_INTEGER
              : bound->is_text  ? SQLITE_TEXT
                                : SQLITE_BLOB;
    const void *bytes;
    size_t size, shared;
    int order;

    if (class != own) /* nulls, then numbers, text and blobs */
        return class != SQLITE_NULL && class > own;
    if (bound->is_integer)
        return sqlite3_value_int64(value) >= bound->integer;
    bytes = bound->is_text ? (const void *)sqlite3_value_text(value)
                           : sqlite3_value_blob(value);
    size = (size_t)sqlite3_value_bytes(value);
    shared = size < bound->n_bytes ? size : bound->n_bytes;
    order = shared == 0 ? 0 : memcmp(bytes, bound->bytes, shared);
    return order != 0 ? order > 0 : size >= bound->n_bytes;
}

/* The i-th of n - 1 marks that divide [least, greatest] evenly. */
static uint64_t
divide(uint64_t least, uint64_t greatest, unsigned i, unsigned n)
{
    uint64_t span = greatest - least;

    return least + span / n * i + span % n * i / n;
}

/* Eight bytes from `at` on as one number; those that are not there are 0. */
static uint64_t
digits(const unsigned char *bytes, size_t size, size_t at)
{
    uint64_t number = 0;

    for (size_t i = 0; i < DIGITS; i++)
        number = number << 8 | (at + i < size ? bytes[at + i] : 0u);
    return number;
}

static larder_status
divide_text(sqlite_bound *bound, const larder_bytes *least,
    const larder_bytes *greatest, unsigned i, unsigned n, larder_error *err)
{
    const unsigned char *a = least->data, *b = greatest->data;
    size_t shared = 0;
    uint64_t mark;

    while (shared < least->size && shared < greatest->size &&
           a[shared] == b[shared])
        shared++;
    bound->bytes = malloc(shared + DIGITS);
    if (bound->bytes == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    if (shared != 0)
        memcpy(bound->bytes, a, shared);
    mark = divide(digits(a, least->size, shared),
        digits(b, greatest->size, shared), i, n);
    for (size_t k = DIGITS; k-- > 0; mark >>= 8)
        bound->bytes[shared + k] = (unsigned char)mark;
    bound->n_bytes = shared + DIGITS;
    return LARDER_OK;
}

/* Mark i between the two values of the statement's row. */
static larder_status
set_bound(sqlite_bound *bound, sqlite3_stmt *statement, unsigned i, unsigned n,
    larder_error *err)
{
    int class = sqlite3_column_type(statement, 0);
    larder_bytes ends[2] = {{"", 0}, {"", 0}};

    if (i == 0 || i == n)
        return LARDER_OK;
    bound->set = true;
    bound->is_integer = class == SQLITE_INTEGER;
    bound->is_text = class == SQLITE_TEXT;
    if (bound->is_integer) {
        bound->integer =
            (int64_t)divide((uint64_t)sqlite3_column_int64(statement, 0),
                (uint64_t)sqlite3_column_int64(statement, 1), i, n);
        return LARDER_OK;
    }
    for (int side = 0; side < 2; side++) {
        const void *bytes =
            class == SQLITE_TEXT
                ? (const void *)sqlite3_column_text(statement, side)
                : sqlite3_column_blob(statement, side);

        if (bytes != NULL)
            ends[side] = (larder_bytes){
                bytes, (size_t)sqlite3_column_bytes(statement, side)};
    }
    return divide_text(bound, &ends[0], &ends[1], i, n, err);
}

/* The least and the greatest key: one seek each. */
static larder_status
prepare_ends(sqlite_link *link, const larder_scan *scan, sqlite3_stmt **out,
    larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql, "SELECT (SELECT min(");
    sql_name(&sql, scan->key[0]);
    sql_add(&sql, ") FROM ");
    sql_name(&sql, scan->table->name);
    sql_add(&sql, "), (SELECT max(");
    sql_name(&sql, scan->key[0]);
    sql_add(&sql, ") FROM ");
    sql_name(&sql, scan->table->name);
    sql_add(&sql, ")");
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_prepare(link, sql.text, out, err));
out:
    sql_release(&sql);
    return rc;
}

larder_status
sqlite_part_find(sqlite_link *link, const larder_scan *scan, sqlite_part *out,
    larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite_part part = {0};
    larder_status rc = LARDER_OK;
    bool can = false, row = false;

    if (scan->n_parts <= 1)
        goto out;
    if (scan->table->owned && scan->n_key != 0)
        LARDER_TRY(sqlite_table_leads(
            link, scan->table->name, scan->key[0], &can, err));
    if (can) {
        LARDER_TRY(prepare_ends(link, scan, &statement, err));
        LARDER_TRY(sqlite_step(link, statement, &row, err));
        can = row && sqlite3_column_type(statement, 0) != SQLITE_NULL;
    }
    part.empty = !can && scan->part != 0;
    if (!can)
        goto out;
    LARDER_TRY(set_bound(&part.low, statement, scan->part, scan->n_parts, err));
    LARDER_TRY(
        set_bound(&part.high, statement, scan->part + 1, scan->n_parts, err));
out:
    (void)sqlite3_finalize(statement);
    if (rc == LARDER_OK)
        *out = part;
    else
        sqlite_part_release(&part);
    return rc;
}
