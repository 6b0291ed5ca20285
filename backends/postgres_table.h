/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_table.h - what a database says of one table, view or query: its
 * columns, its indexes, and how to name it after FROM.
 *
 * Names are looked for as they are written, then without regard to the case of
 * ASCII letters. A table of the user's may be "schema.table"; without a schema
 * it is looked for in db_schema, where that is written, then along search_path.
 */
#ifndef BACKENDS_POSTGRES_TABLE_H
#define BACKENDS_POSTGRES_TABLE_H

#include "postgres_history.h"

/* Types of columns, by what can be done with them. */
typedef enum postgres_family {
    POSTGRES_OTHER, /* read as the text it has */
    POSTGRES_BOOL,
    POSTGRES_INTEGER, /* int2, int4, int8 */
    POSTGRES_REAL,    /* float4, float8 */
    POSTGRES_NUMERIC,
    POSTGRES_TEXT, /* text, varchar, name */
    POSTGRES_BYTES,
    POSTGRES_ZONED, /* timestamptz */
    POSTGRES_NAIVE, /* timestamp */
    POSTGRES_DATE,
    POSTGRES_ARRAY /* of one of those above */
} postgres_family;

/* Of types, by their number. POSTGRES_OTHER where we do not know it. */
postgres_family postgres_family_of(Oid type);
/* The type of an array's items, 0: no array we know. */
Oid postgres_item_of(Oid array);
/* The type that larder_described tells; 0: cannot tell. */
larder_type postgres_type_of(Oid type);
/* How a column of an owned table is declared, and its number. */
const char *postgres_declare(larder_type type);
Oid postgres_declared(larder_type type);
/* The number of the array type of such a column (not of lists); and of any type
 * we know. */
Oid postgres_array_of(larder_type type);
Oid postgres_array_of_type(Oid type);

typedef struct postgres_column {
    char *name;
    Oid type; /* a domain's base */
    postgres_family family;
    bool ordered; /* SQL's own order of it is Larder's: no text but "C" */
    bool not_null;
} postgres_column;

/* One column of an index; indexes lie one after the other. */
typedef struct postgres_indexed {
    unsigned index; /* which one, from 0 */
    unsigned place; /* in it, from 0 */
    char *name;     /* "": an expression */
    bool descending, nulls_first;
    bool ordered; /* text by the collation "C", or no text */
} postgres_indexed;

typedef struct postgres_table {
    char *words; /* for messages: "table 'x'", "the query" */
    char *from;  /* stands after FROM, before an alias */
    bool exists;
    bool owned; /* it has our columns */
    bool is_query;
    bool hidden; /* row level security would leave rows out */
    Oid number;
    double n_rows; /* an estimate; -1: none */
    postgres_column *columns;
    size_t n_columns;
    postgres_indexed *indexed; /* whole, valid ones only */
    size_t n_indexed;
} postgres_table;

/* Look a table up in the open transaction of the link; none there is OK. A
 * query is planned and not run. INVALID: it does not prepare. */
larder_status postgres_table_load(postgres_link *link,
    const larder_table *table, postgres_table *out, larder_error *err);
void postgres_table_release(postgres_table *table); /* {0} allowed */
/* NULL: no such column. */
const postgres_column *postgres_table_find(
    const postgres_table *table, const char *name);
/* Is there an index that begins with these columns (in any order) and goes on
 * with the event time? */
bool postgres_table_seekable(const postgres_table *table,
    const char *const *key, size_t n_key, const char *event);
/* Does an index begin with this column? */
bool postgres_table_leads(const postgres_table *table, const char *column);

/* Equal but for the case of ASCII letters. */
bool postgres_same_name(const char *a, const char *b);

#endif
