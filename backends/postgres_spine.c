/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_spine.c - rows of a spine as arrays that a statement unnests.
 */
#include "postgres_spine.h"

#include <stdlib.h>
#include <string.h>

/* A bound of times for each spine row, in the column's own type. */
typedef struct bound {
    const postgres_cell *cell;
    bool least; /* at or after t - ttl_us; else at or before t */
    int64_t ttl_us;
} bound;

static size_t
put_bound(
    const postgres_shape *shape, const bound *wanted, larder_time t, char *at)
{
    unsigned char value[8];
    int size;

    if (wanted->least) {
        t = t < LARDER_TIME_MIN + wanted->ttl_us ? LARDER_TIME_MIN
                                                 : t - wanted->ttl_us;
        size = postgres_shape_least(shape, wanted->cell, t, value);
    } else {
        size = postgres_shape_greatest(shape, wanted->cell, t, value);
    }
    postgres_put32(at, (uint32_t)size);
    memcpy(at + 4, value, (size_t)size);
    return 4 + (size_t)size;
}

/* Bind those of n rows as one array; its number is returned. */
static int
bind_bounds(postgres_bindings *bindings, const postgres_shape *shape,
    const bound *wanted, const larder_column *times, size_t row, size_t n)
{
    Oid type = postgres_shape_time_type(wanted->cell);
    size_t size = 20;
    char *bytes = malloc(size + n * 12);
    int number;

    if (bytes == NULL) {
        bindings->failed = true;
        return 0;
    }
    postgres_put32(bytes, 1);     /* dimension */
    postgres_put32(bytes + 4, 1); /* nulls may come */
    postgres_put32(bytes + 8, type);
    postgres_put32(bytes + 12, (uint32_t)n);
    postgres_put32(bytes + 16, 1); /* the first one's number */
    for (size_t i = row; i < row + n; i++) {
        larder_value t = larder_column_value(times, i);

        if (t.null) {
            postgres_put32(bytes + size, UINT32_MAX);
            size += 4;
        } else {
            size += put_bound(shape, wanted, t.as.integer, bytes + size);
        }
    }
    number = postgres_bind(bindings, postgres_array_of_type(type), bytes, size);
    free(bytes);
    return number;
}

/* An array of the spine gets the next number, which it was bound as. */
static void
name_array(postgres_spine *s, const char *name)
{
    const char *comma = s->n_arrays == 0 ? "" : ", ";

    sql_add(&s->arrays, "%spg_catalog.unnest($%d)", comma, ++s->n_arrays);
    sql_add(&s->names, "%s, ", name);
}

void
postgres_spine_key(postgres_spine *s, size_t key)
{
    char name[32];

    (void)snprintf(name, sizeof name, "k%zu", key + 1);
    name_array(s, name);
    if (!s->shown)
        (void)postgres_bind_array(
            &s->bindings, &s->asof->spine->columns[key], s->row, s->n);
}

static void
add_bound(postgres_spine *s, const char *name, const bound *wanted)
{
    size_t t = s->asof->scan.n_key;

    name_array(s, name);
    if (!s->shown)
        (void)bind_bounds(&s->bindings, s->shape, wanted,
            &s->asof->spine->columns[t], s->row, s->n);
}

void
postgres_spine_greatest(
    postgres_spine *s, const postgres_cell *cell, const char *name)
{
    add_bound(s, name, &(bound){.cell = cell});
}

void
postgres_spine_oldest(
    postgres_spine *s, const postgres_cell *cell, const char *name)
{
    add_bound(s, name,
        &(bound){.cell = cell, .least = true, .ttl_us = s->asof->ttl_us});
}

/* Rows of the arrays come in their order, each with its number from 1. */
larder_status
postgres_spine_finish(postgres_spine *s, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(sql_finish(&s->arrays, err));
    LARDER_TRY(sql_finish(&s->names, err));
    sql_add(&s->rows, "ROWS FROM (%s) WITH ORDINALITY AS s(%sn)",
        s->arrays.text, s->names.text);
    rc = sql_finish(&s->rows, err);
out:
    return rc;
}

void
postgres_spine_release(postgres_spine *s)
{
    postgres_bindings_release(&s->bindings);
    sql_release(&s->arrays);
    sql_release(&s->names);
    sql_release(&s->rows);
}
