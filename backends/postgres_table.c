/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_table.c - what a database says of one table, view or query.
 *
 * One question to the catalog answers all, since a question may travel far.
 */
#include "postgres_table.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------- types */

static const struct known {
    Oid type, array;
    postgres_family family;
    larder_type told;  /* by describe; 0: cannot tell */
    larder_type owned; /* what an owned column of this type holds */
    const char *declaration;
} known[] = {
    {16, 1000, POSTGRES_BOOL, LARDER_BOOL, LARDER_BOOL, "boolean"},
    {17, 1001, POSTGRES_BYTES, LARDER_BYTES, LARDER_BYTES, "bytea"},
    {19, 1003, POSTGRES_TEXT, LARDER_STRING, 0, NULL},
    {20, 1016, POSTGRES_INTEGER, LARDER_INT64, LARDER_INT64, "bigint"},
    {21, 1005, POSTGRES_INTEGER, LARDER_INT32, 0, NULL},
    {23, 1007, POSTGRES_INTEGER, LARDER_INT32, LARDER_INT32, "integer"},
    {25, 1009, POSTGRES_TEXT, LARDER_STRING, LARDER_STRING,
        "text COLLATE \"C\""},
    {700, 1021, POSTGRES_REAL, LARDER_FLOAT32, LARDER_FLOAT32, "real"},
    {701, 1022, POSTGRES_REAL, LARDER_FLOAT64, LARDER_FLOAT64,
        "double precision"},
    {1043, 1015, POSTGRES_TEXT, LARDER_STRING, 0, NULL},
    {1082, 1182, POSTGRES_DATE, LARDER_TIMESTAMP, 0, NULL},
    {1114, 1115, POSTGRES_NAIVE, LARDER_TIMESTAMP, 0, NULL},
    {1184, 1185, POSTGRES_ZONED, LARDER_TIMESTAMP, LARDER_TIMESTAMP,
        "timestamp with time zone"},
    {1700, 1231, POSTGRES_NUMERIC, 0, 0, NULL},
    /* Read as text: json, xml, bpchar, inet, uuid, jsonb. */
    {114, 199, POSTGRES_OTHER, LARDER_STRING, 0, NULL},
    {142, 143, POSTGRES_OTHER, LARDER_STRING, 0, NULL},
    {869, 1041, POSTGRES_OTHER, LARDER_STRING, 0, NULL},
    {1042, 1014, POSTGRES_OTHER, LARDER_STRING, 0, NULL},
    {2950, 2951, POSTGRES_OTHER, LARDER_STRING, 0, NULL},
    {3802, 3807, POSTGRES_OTHER, 0, 0, NULL},
};
#define N_KNOWN (sizeof known / sizeof known[0])

static const struct known *
find_type(Oid type)
{
    for (size_t i = 0; i < N_KNOWN; i++)
        if (known[i].type == type)
            return &known[i];
    return NULL;
}

/* Every type of ours has one. */
static const struct known *
find_owned(larder_type type)
{
    larder_type item = (larder_type)((unsigned)type & ~(unsigned)LARDER_LIST);
    size_t i = 0;

    while (i + 1 < N_KNOWN && known[i].owned != item)
        i++;
    return &known[i];
}

Oid
postgres_item_of(Oid array)
{
    for (size_t i = 0; i < N_KNOWN; i++)
        if (known[i].array == array && known[i].family != POSTGRES_OTHER)
            return known[i].type;
    return 0;
}

postgres_family
postgres_family_of(Oid type)
{
    const struct known *found = find_type(type);

    if (found != NULL)
        return found->family;
    return postgres_item_of(type) != 0 ? POSTGRES_ARRAY : POSTGRES_OTHER;
}

larder_type
postgres_type_of(Oid type)
{
    const struct known *found = find_type(type);

    if (found != NULL)
        return found->told;
    found = find_type(postgres_item_of(type));
    return found == NULL || found->told == 0
               ? 0
               : (larder_type)((unsigned)found->told | (unsigned)LARDER_LIST);
}

/* The arrays of the types that `declaration` names. */
static const char *const arrays[] = {[LARDER_BOOL] = "boolean[]",
    [LARDER_INT32] = "integer[]",
    [LARDER_INT64] = "bigint[]",
    [LARDER_FLOAT32] = "real[]",
    [LARDER_FLOAT64] = "double precision[]",
    [LARDER_STRING] = "text[] COLLATE \"C\"",
    [LARDER_BYTES] = "bytea[]",
    [LARDER_TIMESTAMP] = "timestamp with time zone[]"};

const char *
postgres_declare(larder_type type)
{
    if (((unsigned)type & (unsigned)LARDER_LIST) != 0)
        return arrays[(unsigned)type & ~(unsigned)LARDER_LIST];
    return find_owned(type)->declaration;
}

Oid
postgres_declared(larder_type type)
{
    const struct known *found = find_owned(type);

    return ((unsigned)type & (unsigned)LARDER_LIST) != 0 ? found->array
                                                         : found->type;
}

Oid
postgres_array_of(larder_type type)
{
    return find_owned(type)->array;
}

Oid
postgres_array_of_type(Oid type)
{
    const struct known *found = find_type(type);

    return found == NULL ? 0 : found->array;
}

/* ------------------------------------------------------------------- names */

static char
lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + ('a' - 'A'))
                                          : letter;
}

bool
postgres_same_name(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

const postgres_column *
postgres_table_find(const postgres_table *table, const char *name)
{
    const postgres_column *near = NULL;

    for (size_t i = 0; i < table->n_columns; i++) {
        const postgres_column *column = &table->columns[i];

        if (strcmp(column->name, name) == 0)
            return column;
        if (near == NULL && postgres_same_name(column->name, name))
            near = column;
    }
    return near;
}

void
postgres_table_release(postgres_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++)
        free(table->columns[i].name);
    for (size_t i = 0; i < table->n_indexed; i++)
        free(table->indexed[i].name);
    free(table->columns);
    free(table->indexed);
    free(table->words);
    free(table->from);
    *table = (postgres_table){0};
}

/* ----------------------------------------------------------------- catalog */

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

static const char catalog[] =
    "WITH t AS MATERIALIZED (SELECT c.oid, n.nspname, c.relname,"
    " c.reltuples, pg_catalog.row_security_active(c.oid) AS hidden"
    " FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relname IN ($2::pg_catalog.name,"
    " pg_catalog.lower($2)::pg_catalog.name)"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND (n.nspname = $1 OR n.nspname = pg_catalog.lower($1)"
    " OR ($3 = 'visible' AND pg_catalog.pg_table_is_visible(c.oid)))"
    " ORDER BY n.nspname <> $1, c.relname <> $2 LIMIT 1)"
    " SELECT 't' AS kind, nspname::text AS a, relname::text AS b,"
    " reltuples::pg_catalog.int8::text AS c, hidden::text AS d,"
    " oid::pg_catalog.int8 AS x, 0::pg_catalog.int8 AS y FROM t"
    " UNION ALL SELECT 'c', a.attname::text,"
    " (CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END)::text,"
    " a.attnotnull::text,"
    " (a.attcollation = 0 OR o.collname IN ('C', 'POSIX'))::text,"
    " a.attnum::pg_catalog.int8, 0"
    " FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid"
    " JOIN pg_catalog.pg_type y ON y.oid = a.atttypid"
    " LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation"
    " WHERE a.attnum > 0 AND NOT a.attisdropped"
    " UNION ALL SELECT 'i', coalesce(a.attname::text, ''),"
    " ((i.indoption::int2[])[k.n - 1] & 1)::text,"
    " ((i.indoption::int2[])[k.n - 1] & 2)::text,"
    " ((i.indcollation::pg_catalog.oid[])[k.n - 1] IN (0, 950, 951))::text,"
    " i.indexrelid::pg_catalog.int8, k.n - 1"
    " FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'"
    " CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[])"
    " WITH ORDINALITY AS k(attnum, n)"
    " LEFT JOIN pg_catalog.pg_attribute a"
    " ON a.attrelid = t.oid AND a.attnum = k.attnum"
    " WHERE i.indisvalid AND i.indpred IS NULL AND k.n <= i.indnkeyatts"
    " ORDER BY 1 DESC, 6, 7";

enum { KIND, A, B, C, D, X, Y };

static bool
is_true(const PGresult *result, int row, int column)
{
    return strcmp(PQgetvalue(result, row, column), "true") == 0;
}

static unsigned long
number_at(const PGresult *result, int row, int column)
{
    return strtoul(PQgetvalue(result, row, column), NULL, 10);
}

static larder_status
take_column(
    postgres_table *table, const PGresult *result, int row, larder_error *err)
{
    postgres_column *column = &table->columns[table->n_columns];

    column->name = strdup(PQgetvalue(result, row, A));
    if (column->name == NULL)
        return out_of_memory(err);
    column->type = (Oid)number_at(result, row, B);
    column->family = postgres_family_of(column->type);
    column->not_null = is_true(result, row, C);
    column->ordered = is_true(result, row, D);
    table->n_columns++;
    return LARDER_OK;
}

/* `last` is the index of the row before; `n` how many there were. */
static larder_status
take_indexed(postgres_table *table, const PGresult *result, int row,
    unsigned *n, larder_error *err)
{
    postgres_indexed *indexed = &table->indexed[table->n_indexed];

    indexed->name = strdup(PQgetvalue(result, row, A));
    if (indexed->name == NULL)
        return out_of_memory(err);
    indexed->place = (unsigned)number_at(result, row, Y);
    *n += indexed->place == 0;
    indexed->index = *n - 1;
    indexed->descending = strcmp(PQgetvalue(result, row, B), "0") != 0;
    indexed->nulls_first = strcmp(PQgetvalue(result, row, C), "0") != 0;
    indexed->ordered = is_true(result, row, D);
    table->n_indexed++;
    return LARDER_OK;
}

static larder_status
take_table(postgres_table *table, const PGresult *result, larder_error *err)
{
    sql_text from = {0};
    long long n_rows = strtoll(PQgetvalue(result, 0, C), NULL, 10);
    larder_status rc = LARDER_OK;

    sql_name(&from, PQgetvalue(result, 0, A));
    sql_add(&from, ".");
    sql_name(&from, PQgetvalue(result, 0, B));
    LARDER_TRY(sql_finish(&from, err));
    table->exists = true;
    table->from = from.text;
    from = (sql_text){0};
    table->n_rows = n_rows < 0 ? -1 : (double)n_rows;
    table->hidden = is_true(result, 0, D);
    table->number = (Oid)number_at(result, 0, X);
out:
    sql_release(&from);
    return rc;
}

static larder_status
take_catalog(postgres_table *table, const PGresult *result, larder_error *err)
{
    int n = PQntuples(result);
    unsigned n_indexes = 0;
    larder_status rc = LARDER_OK;

    if (n == 0)
        return LARDER_OK;
    LARDER_TRY(take_table(table, result, err));
    table->columns = calloc((size_t)n, sizeof *table->columns);
    table->indexed = calloc((size_t)n, sizeof *table->indexed);
    if (table->columns == NULL || table->indexed == NULL)
        return out_of_memory(err);
    for (int row = 1; row < n; row++)
        if (PQgetvalue(result, row, KIND)[0] == 'c')
            LARDER_TRY(take_column(table, result, row, err));
        else
            LARDER_TRY(take_indexed(table, result, row, &n_indexes, err));
    table->owned = postgres_table_find(table, "_digest") != NULL &&
                   postgres_table_find(table, "_arrival") != NULL;
out:
    return rc;
}

/* Where to look: the schema to prefer, and whether the search path counts. */
static larder_status
load_relation(postgres_link *link, const larder_table *wanted,
    postgres_table *table, larder_error *err)
{
    const char *name = wanted->name == NULL ? "" : wanted->name;
    const char *dot = wanted->owned ? NULL : strchr(name, '.');
    const postgres_options *options = link->options;
    const char *schema =
        wanted->owned || options->has_schema ? options->schema : "";
    char *split = NULL;
    postgres_value values[3] = {{.type = 25}, {.type = 25}, {.type = 25}};
    PGresult *result = NULL;
    larder_status rc = LARDER_OK;

    if (dot != NULL) {
        split = strdup(name);
        if (split == NULL)
            return out_of_memory(err);
        split[dot - name] = '\0';
        schema = split;
        name = split + (dot - name) + 1;
    }
    values[0].bytes = schema;
    values[0].size = (int)strlen(schema);
    values[1].bytes = name;
    values[1].size = (int)strlen(name);
    values[2].bytes = wanted->owned || dot != NULL ? "exact" : "visible";
    values[2].size = (int)strlen(values[2].bytes);
    LARDER_TRY(postgres_query(link, catalog, values, 3, false, &result, err));
    LARDER_TRY(take_catalog(table, result, err));
out:
    PQclear(result);
    free(split);
    return rc;
}

/* ------------------------------------------------------------------ queries */

static larder_status
take_fields(postgres_table *table, const PGresult *result, larder_error *err)
{
    int n = PQnfields(result);

    table->columns = calloc((size_t)n + 1, sizeof *table->columns);
    if (table->columns == NULL)
        return out_of_memory(err);
    for (int i = 0; i < n; i++) {
        postgres_column *column = &table->columns[i];

        column->name = strdup(PQfname(result, i));
        if (column->name == NULL)
            return out_of_memory(err);
        column->type = PQftype(result, i);
        column->family = postgres_family_of(column->type);
        column->ordered =
            column->family != POSTGRES_TEXT && column->family != POSTGRES_OTHER;
        table->n_columns++;
    }
    return LARDER_OK;
}

/* The length without what ends a statement. */
static size_t
trimmed(const char *query)
{
    size_t size = strlen(query);

    while (size > 0 && strchr(" \t\r\n;", query[size - 1]) != NULL)
        size--;
    return size;
}

static larder_status
load_query(postgres_link *link, const larder_table *wanted,
    postgres_table *table, larder_error *err)
{
    sql_text from = {0}, sql = {0};
    PGresult *result = NULL;
    larder_status rc = LARDER_OK;

    table->is_query = true;
    table->n_rows = -1;
    sql_add(&from, "(\n%.*s\n)", (int)trimmed(wanted->query), wanted->query);
    LARDER_TRY(sql_finish(&from, err));
    sql_add(&sql, "SELECT * FROM %s AS t LIMIT 0", from.text);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(link, sql.text, NULL, 0, true, &result, err));
    LARDER_TRY(take_fields(table, result, err));
    table->exists = true;
    table->from = from.text;
    from = (sql_text){0};
out:
    PQclear(result);
    sql_release(&sql);
    sql_release(&from);
    return rc;
}

larder_status
postgres_table_load(postgres_link *link, const larder_table *wanted,
    postgres_table *out, larder_error *err)
{
    postgres_table table = {0};
    sql_text words = {0};
    larder_status rc = LARDER_OK;

    if (wanted->query != NULL)
        sql_add(&words, "the query");
    else
        sql_add(&words, "table '%s'", wanted->name);
    LARDER_TRY(sql_finish(&words, err));
    table.words = words.text;
    words = (sql_text){0};
    LARDER_TRY(wanted->query != NULL
                   ? load_query(link, wanted, &table, err)
                   : load_relation(link, wanted, &table, err));
    *out = table;
    table = (postgres_table){0};
out:
    postgres_table_release(&table);
    sql_release(&words);
    return rc;
}

/* ----------------------------------------------------------------- indexes */

static bool
is_one_of(const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++)
        if (postgres_same_name(name, names[i]))
            return true;
    return false;
}

bool
postgres_table_seekable(const postgres_table *table, const char *const *key,
    size_t n_key, const char *event)
{
    bool fits = false;

    for (size_t i = 0; i < table->n_indexed; i++) {
        const postgres_indexed *indexed = &table->indexed[i];

        if (indexed->place == 0)
            fits = true;
        if (indexed->place < n_key)
            fits = fits && is_one_of(indexed->name, key, n_key);
        else if (indexed->place == n_key && fits &&
                 postgres_same_name(indexed->name, event))
            return true;
    }
    return false;
}

bool
postgres_table_leads(const postgres_table *table, const char *column)
{
    for (size_t i = 0; i < table->n_indexed; i++)
        if (table->indexed[i].place == 0 && table->indexed[i].ordered &&
            postgres_same_name(table->indexed[i].name, column))
            return true;
    return false;
}
