/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_part.c - ranges of the first key column that make n parts of a
 * table.
 */
#include "postgres_part.h"

#include <stdlib.h>
#include <string.h>

/* Text is divided by as many bytes, after those that all keys share. */
#define DIGITS 8u

void
postgres_part_release(postgres_part *part)
{
    free(part->low.bytes);
    free(part->high.bytes);
    *part = (postgres_part){0};
}

/* The i-th of n - 1 marks that divide [least, greatest] evenly. */
static uint64_t
divide(uint64_t least, uint64_t greatest, unsigned i, unsigned n)
{
    uint64_t span = greatest - least;

    return least + span / n * i + span % n * i / n;
}

static uint64_t
number_of(const char *bytes, size_t size, size_t at, size_t n)
{
    uint64_t number = 0;

    for (size_t i = 0; i < n; i++)
        number =
            number << 8 | (at + i < size ? (unsigned char)bytes[at + i] : 0u);
    return number;
}

/* Text must be UTF-8 without NUL: the mark ends before the first byte that is
 * 0, and from the first one beyond ASCII on it is the greatest ASCII there is.
 * Two marks keep their order that way. */
static size_t
make_text(char *bytes, uint64_t mark)
{
    bool beyond = false;

    for (size_t k = 0; k < DIGITS; k++) {
        unsigned char byte = (unsigned char)(mark >> (8 * (DIGITS - 1 - k)));

        if (byte == 0 && !beyond)
            return k;
        beyond = beyond || byte > 0x7f;
        bytes[k] = beyond ? 0x7f : (char)byte;
    }
    return DIGITS;
}

/* Bytes that both share, up to where a character begins. */
static size_t
shared_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t shared = 0;

    while (shared < a_size && shared < b_size && a[shared] == b[shared])
        shared++;
    while (shared > 0 && shared < a_size &&
           ((unsigned char)a[shared] & 0xc0) == 0x80)
        shared--;
    while (shared > 0 && shared < b_size &&
           ((unsigned char)b[shared] & 0xc0) == 0x80)
        shared--;
    return shared;
}

/* Mark i between the two values of the result's row. */
static larder_status
set_bound(postgres_bound *bound, const PGresult *result, bool text, unsigned i,
    unsigned n, larder_error *err)
{
    const char *a = PQgetvalue(result, 0, 0), *b = PQgetvalue(result, 0, 1);
    size_t a_size = (size_t)PQgetlength(result, 0, 0);
    size_t b_size = (size_t)PQgetlength(result, 0, 1);
    size_t shared = text ? shared_bytes(a, a_size, b, b_size) : 0;

    if (i == 0 || i == n)
        return LARDER_OK;
    bound->bytes = malloc(shared + DIGITS);
    if (bound->bytes == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    bound->set = true;
    if (!text) {
        bound->type = 20;
        bound->size = 8;
        postgres_put64(bound->bytes, divide(number_of(a, a_size, 0, 8),
                                         number_of(b, b_size, 0, 8), i, n));
        return LARDER_OK;
    }
    memcpy(bound->bytes, a, shared);
    bound->type = 25;
    bound->size = shared + make_text(bound->bytes + shared,
                               divide(number_of(a, a_size, shared, DIGITS),
                                   number_of(b, b_size, shared, DIGITS), i, n));
    return LARDER_OK;
}

/* The least and the greatest key: one seek each. */
static larder_status
find_ends(postgres_history *self, const larder_call *call,
    const postgres_shape *shape, bool text, PGresult **out, larder_error *err)
{
    const char *as = text ? "::pg_catalog.text" : "::pg_catalog.int8";
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql, "SELECT min(");
    postgres_shape_name(&shape->keys[0], "t", &sql);
    sql_add(&sql, ")%s, max(", as);
    postgres_shape_name(&shape->keys[0], "t", &sql);
    sql_add(&sql, ")%s FROM %s AS t", as, shape->table.from);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(
        postgres_read(&self->snapshot, call, sql.text, NULL, 0, out, err));
out:
    sql_release(&sql);
    return rc;
}

larder_status
postgres_part_find(postgres_history *self, const larder_call *call,
    const postgres_shape *shape, const larder_scan *scan, postgres_part *out,
    larder_error *err)
{
    const postgres_cell *key = shape->keys;
    postgres_part part = {0};
    PGresult *result = NULL;
    larder_status rc = LARDER_OK;
    bool text = false, can = false;

    if (scan->n_parts <= 1)
        goto out;
    if (shape->n_keys != 0 && key->column != NULL) {
        text =
            key->column->family == POSTGRES_TEXT && key->type == LARDER_STRING;
        can = (text || (key->column->family == POSTGRES_INTEGER &&
                           key->type != LARDER_BOOL &&
                           key->type != LARDER_STRING)) &&
              postgres_table_leads(&shape->table, key->column->name);
    }
    if (can) {
        LARDER_TRY(find_ends(self, call, shape, text, &result, err));
        can = !PQgetisnull(result, 0, 0);
    }
    part.empty = !can && scan->part != 0;
    if (!can)
        goto out;
    LARDER_TRY(
        set_bound(&part.low, result, text, scan->part, scan->n_parts, err));
    LARDER_TRY(set_bound(
        &part.high, result, text, scan->part + 1, scan->n_parts, err));
out:
    PQclear(result);
    if (rc == LARDER_OK)
        *out = part;
    else
        postgres_part_release(&part);
    return rc;
}

/* Nulls come before the first mark there is. */
void
postgres_part_add(const postgres_part *part, const postgres_shape *shape,
    const char *alias, sql_text *sql, postgres_bindings *bindings)
{
    if (part->low.set) {
        sql_add(sql, " AND ");
        postgres_shape_key(shape, 0, alias, sql);
        sql_add(sql, " >= $%d",
            postgres_bind(
                bindings, part->low.type, part->low.bytes, part->low.size));
    }
    if (part->high.set) {
        sql_add(sql, " AND (");
        postgres_shape_key(shape, 0, alias, sql);
        sql_add(sql, " < $%d",
            postgres_bind(
                bindings, part->high.type, part->high.bytes, part->high.size));
        if (!part->low.set && !shape->keys[0].column->not_null) {
            sql_add(sql, " OR ");
            postgres_shape_name(&shape->keys[0], alias, sql);
            sql_add(sql, " IS NULL");
        }
        sql_add(sql, ")");
    }
}
