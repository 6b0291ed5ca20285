/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_table.h - what a SQLite file says of one table.
 */
#ifndef BACKENDS_SQLITE_TABLE_H
#define BACKENDS_SQLITE_TABLE_H

#include "sqlite_history.h"

typedef struct sqlite_column {
    char *name;
    larder_type type; /* 0: cannot tell */
    int64_t in_key;   /* place in the primary key, from 1; 0: none */
} sqlite_column;

typedef struct sqlite_table {
    bool exists;
    bool owned; /* it has our columns */
    sqlite_column *columns;
    size_t n_columns;
} sqlite_table;

/* The table or view of that name; none there is OK. */
larder_status sqlite_table_load(
    sqlite_link *link, const char *name, sqlite_table *out, larder_error *err);
void sqlite_table_release(sqlite_table *table);
/* NULL: no such column. */
const sqlite_column *sqlite_table_find(
    const sqlite_table *table, const char *name);

/* Is there an index, or the table's own order, that begins with these columns
 * (in any order) and goes on with the event time? */
larder_status sqlite_table_seekable(sqlite_link *link, const char *table,
    const char *const *key, size_t n_key, const char *event, bool *out,
    larder_error *err);

/* Is it the first column of an index, or of the table's own order? */
larder_status sqlite_table_leads(sqlite_link *link, const char *table,
    const char *column, bool *out, larder_error *err);

#endif
