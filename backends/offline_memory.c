/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline_memory.c - an offline store in memory: the reference.
 *
 * The shortest correct one, and the one to copy for another. A table is a list
 * of chunks, one for each append, never changed once they are there; a snapshot
 * is a copy of the lists. Rows keep no order, all parts but the first are
 * empty, and there is no as-of join: the core sorts and joins. Nothing outlives
 * the store: it opens empty and takes no options.
 */
#include "larder_backend.h"

#include "builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 8192u

/* The rows of one append. */
struct chunk {
    unsigned n_users; /* the table, and the snapshot */
    int64_t arrival;
    larder_field *fields;
    larder_schema schema;
    larder_batch rows;
};

struct table {
    char *name;
    larder_field *fields; /* as created and widened */
    size_t n_fields;
    char *cluster; /* key, event and created, one after the other */
    struct chunk **chunks;
    size_t n_chunks;
};

struct tables {
    struct table *all;
    size_t n;
};

struct memory {
    struct tables now, snapshot;
    bool begun;
    int64_t arrival; /* of the last append to any table */
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

/* --------------------------------------------------------- fields, chunks */

static void
free_fields(larder_field *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++)
        free((void *)(uintptr_t)fields[i].name);
    free(fields);
}

/* Room for `more` beside a copy of the fields; NULL: no memory. */
static larder_field *
copy_fields(const larder_field *fields, size_t n_fields, size_t more)
{
    larder_field *copy = calloc(n_fields + more + 1, sizeof *copy);

    for (size_t i = 0; copy != NULL && i < n_fields; i++) {
        copy[i] = (larder_field){strdup(fields[i].name), fields[i].type};
        if (copy[i].name == NULL) {
            free_fields(copy, i);
            return NULL;
        }
    }
    return copy;
}

static const larder_field *
find_field(const larder_field *fields, size_t n_fields, const char *name)
{
    for (size_t i = 0; i < n_fields; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

/* The chunk's column of that name; NULL: it is older than the column. */
static const larder_column *
find_column(const struct chunk *chunk, const char *name)
{
    const larder_field *field =
        find_field(chunk->fields, chunk->schema.n_fields, name);

    return field == NULL ? NULL : &chunk->rows.columns[field - chunk->fields];
}

static void
drop_chunk(struct chunk *chunk)
{
    if (chunk == NULL || --chunk->n_users != 0)
        return;
    larder_batch_release(&chunk->rows);
    free_fields(chunk->fields, chunk->schema.n_fields);
    free(chunk);
}

static larder_status
new_chunk(const larder_schema *schema, struct chunk **out, larder_error *err)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    larder_status rc = LARDER_NOMEM;

    if (chunk != NULL) {
        chunk->n_users = 1;
        chunk->fields = copy_fields(schema->fields, schema->n_fields, 0);
    }
    if (chunk == NULL || chunk->fields == NULL) {
        free(chunk);
        return no_memory(err);
    }
    chunk->schema = (larder_schema){chunk->fields, schema->n_fields};
    rc = larder_batch_init(&chunk->rows, &chunk->schema, err);
    if (rc == LARDER_OK)
        *out = chunk;
    else
        drop_chunk(chunk);
    return rc;
}

/* ------------------------------------------------------------------ tables */

static void
free_table(struct table *table)
{
    for (size_t i = 0; i < table->n_chunks; i++)
        drop_chunk(table->chunks[i]);
    free(table->chunks);
    free_fields(table->fields, table->n_fields);
    free(table->cluster);
    free(table->name);
    *table = (struct table){0};
}

static void
free_tables(struct tables *tables)
{
    for (size_t i = 0; i < tables->n; i++)
        free_table(&tables->all[i]);
    free(tables->all);
    *tables = (struct tables){0};
}

static struct table *
find_table(const struct tables *tables, const char *name)
{
    for (size_t i = 0; name != NULL && i < tables->n; i++)
        if (strcmp(tables->all[i].name, name) == 0)
            return &tables->all[i];
    return NULL;
}

/* The same rows: chunks are shared. */
static bool
copy_table(const struct table *from, struct table *to)
{
    to->name = strdup(from->name);
    to->chunks = calloc(from->n_chunks + 1, sizeof(struct chunk *));
    if (to->name == NULL || to->chunks == NULL)
        return false;
    for (size_t i = 0; i < from->n_chunks; i++) {
        from->chunks[i]->n_users++;
        to->chunks[to->n_chunks++] = from->chunks[i];
    }
    return true;
}

static char *
say_cluster(const larder_table *table)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < table->n_key; i++)
        fprintf(out, "%s, ", table->key[i]);
    fprintf(out, "%s, %s", table->event,
        table->created == NULL ? "-" : table->created);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ------------------------------------------------------------ open, close */

static larder_status
memory_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    static const char *const known[] = {"type"};

    (void)self;
    (void)create;
    (void)call;
    return larder_options_only(options, known, 1, err);
}

static void
memory_end(void *self)
{
    struct memory *memory = self;

    free_tables(&memory->snapshot);
    memory->begun = false;
}

static void
memory_close(void *self)
{
    struct memory *memory = self;

    memory_end(self);
    free_tables(&memory->now);
}

static larder_status
memory_begin(
    void *self, const larder_call *call, unsigned n_readers, larder_error *err)
{
    struct memory *memory = self;
    struct tables *copy = &memory->snapshot;

    (void)call;
    (void)n_readers;
    if (memory->begun)
        return larder_fail(err, LARDER_BUSY, "a snapshot is open already");
    copy->all = calloc(memory->now.n + 1, sizeof *copy->all);
    for (size_t i = 0; copy->all != NULL && i < memory->now.n; i++) {
        copy->n++;
        if (!copy_table(&memory->now.all[i], &copy->all[i])) {
            free_tables(copy);
            break;
        }
    }
    if (copy->all == NULL)
        return no_memory(err);
    memory->begun = true;
    return LARDER_OK;
}

/* ---------------------------------------------- describe, create, remove */

static larder_status
refuse_query(larder_error *err)
{
    return larder_fail(err, LARDER_UNSUPPORTED,
        "a query needs a store that has SQL; name a table instead");
}

/* The greatest event time of the chunks. */
static larder_time
newest_event(const struct table *table, const char *event)
{
    larder_time newest = LARDER_TIME_MIN;

    for (size_t i = 0; i < table->n_chunks; i++) {
        const larder_column *column = find_column(table->chunks[i], event);

        for (size_t row = 0; column != NULL && row < column->n_rows; row++) {
            larder_value value = larder_column_value(column, row);

            if (!value.null && value.as.integer > newest)
                newest = value.as.integer;
        }
    }
    return newest;
}

static larder_status
memory_describe(void *self, const larder_call *call, const larder_table *wanted,
    larder_described *out, larder_error *err)
{
    struct memory *memory = self;
    const struct table *table = find_table(&memory->now, wanted->name);
    larder_described described = {.newest_event = LARDER_TIME_MIN};
    larder_status rc = LARDER_OK;

    (void)call;
    if (wanted->query != NULL)
        return refuse_query(err);
    described.exists = table != NULL;
    for (size_t i = 0; table != NULL && i < table->n_fields; i++)
        LARDER_TRY(larder_described_add(
            &described, table->fields[i].name, table->fields[i].type, err));
    for (size_t i = 0; table != NULL && i < table->n_chunks; i++) {
        described.n_rows += table->chunks[i]->rows.n_rows;
        described.arrival = table->chunks[i]->arrival;
    }
    if (table != NULL && wanted->event != NULL)
        described.newest_event = newest_event(table, wanted->event);
    *out = described;
    described = (larder_described){0};
out:
    larder_described_release(&described);
    return rc;
}

static larder_status
add_table(struct memory *memory, const larder_table *wanted, larder_error *err)
{
    const larder_schema *schema = wanted->schema;
    struct table *grown =
        realloc(memory->now.all, (memory->now.n + 1) * sizeof *memory->now.all);
    struct table *table;

    if (grown == NULL)
        return no_memory(err);
    memory->now.all = grown;
    table = &grown[memory->now.n];
    *table = (struct table){.name = strdup(wanted->name),
        .fields = copy_fields(schema->fields, schema->n_fields, 0),
        .cluster = say_cluster(wanted)};
    table->n_fields = table->fields == NULL ? 0 : schema->n_fields;
    if (table->name == NULL || table->fields == NULL ||
        table->cluster == NULL) {
        free_table(table);
        return no_memory(err);
    }
    memory->now.n++;
    return LARDER_OK;
}

static larder_status
check_fields(
    const struct table *table, const larder_table *wanted, larder_error *err)
{
    for (size_t i = 0; i < wanted->schema->n_fields; i++) {
        const larder_field *field = &wanted->schema->fields[i];
        const larder_field *found =
            find_field(table->fields, table->n_fields, field->name);

        if (found != NULL && found->type != field->type)
            return larder_fail(err, LARDER_INVALID,
                "table '%s', column '%s' holds %s; it cannot become %s",
                wanted->name, field->name, larder_type_name(found->type),
                larder_type_name(field->type));
    }
    return LARDER_OK;
}

static larder_status
widen_table(struct table *table, const larder_table *wanted, larder_error *err)
{
    const larder_schema *schema = wanted->schema;
    char *cluster = say_cluster(wanted);
    size_t n = table->n_fields;
    larder_field *fields;
    larder_status rc;

    if (cluster == NULL)
        return no_memory(err);
    rc = check_fields(table, wanted, err);
    if (rc == LARDER_OK && strcmp(cluster, table->cluster) != 0)
        rc = larder_fail(err, LARDER_INVALID,
            "table '%s' is ordered by (%s): key, time and created columns of "
            "a table with rows cannot change",
            wanted->name, table->cluster);
    free(cluster);
    if (rc != LARDER_OK)
        return rc;
    fields = copy_fields(table->fields, n, schema->n_fields);
    for (size_t i = 0; fields != NULL && i < schema->n_fields; i++) {
        const larder_field *field = &schema->fields[i];

        if (find_field(fields, n, field->name) != NULL)
            continue;
        fields[n] = (larder_field){strdup(field->name), field->type};
        if (fields[n++].name == NULL) {
            free_fields(fields, n);
            fields = NULL;
        }
    }
    if (fields == NULL)
        return no_memory(err);
    free_fields(table->fields, table->n_fields);
    table->fields = fields;
    table->n_fields = n;
    return LARDER_OK;
}

static larder_status
memory_create(void *self, const larder_call *call, const larder_table *wanted,
    const char *const *const *indexes, const size_t *n_index_columns,
    size_t n_indexes, larder_error *err)
{
    struct memory *memory = self;
    struct table *table = find_table(&memory->now, wanted->name);

    (void)call;
    (void)indexes;
    (void)n_index_columns;
    (void)n_indexes;
    return table == NULL ? add_table(memory, wanted, err)
                         : widen_table(table, wanted, err);
}

static larder_status
memory_remove(void *self, const larder_call *call, const larder_table *wanted,
    larder_error *err)
{
    struct memory *memory = self;
    struct table *table = find_table(&memory->now, wanted->name);

    (void)call;
    (void)err;
    if (table == NULL)
        return LARDER_OK;
    free_table(table);
    *table = memory->now.all[--memory->now.n];
    return LARDER_OK;
}

/* ------------------------------------------------------------------ append */

/* A set of digests: open addressing, at most half full; 0 is no digest. */
struct digests {
    uint64_t *slots;
    size_t n, room;
};

/* Where it is, or would be. */
static size_t
find_slot(const struct digests *set, uint64_t digest)
{
    size_t at = (size_t)digest & (set->room - 1);

    while (set->slots[at] != 0 && set->slots[at] != digest)
        at = (at + 1) & (set->room - 1);
    return at;
}

static bool
grow_set(struct digests *set)
{
    struct digests grown = {
        .n = set->n, .room = set->room == 0 ? 1024 : set->room * 2};

    grown.slots = calloc(grown.room, sizeof *grown.slots);
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i] != 0)
            grown.slots[find_slot(&grown, set->slots[i])] = set->slots[i];
    free(set->slots);
    *set = grown;
    return true;
}

/* *fresh: it was not in the set. False: no memory. */
static bool
add_digest(struct digests *set, uint64_t digest, bool *fresh)
{
    size_t at;

    if (set->n >= set->room / 2 && !grow_set(set))
        return false;
    digest += digest == 0;
    at = find_slot(set, digest);
    *fresh = set->slots[at] == 0;
    set->slots[at] = digest;
    set->n += *fresh;
    return true;
}

static larder_status
add_row(struct chunk *chunk, const larder_batch *batch, size_t row,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < chunk->schema.n_fields && rc == LARDER_OK; i++) {
        larder_value value = larder_column_value(&batch->columns[i], row);

        rc = larder_column_append(&chunk->rows.columns[i], &value, err);
    }
    chunk->rows.n_rows++;
    return rc;
}

/* All digests of a table. */
static larder_status
collect_digests(
    const struct table *table, struct digests *set, larder_error *err)
{
    bool fresh;

    for (size_t i = 0; i < table->n_chunks; i++) {
        const larder_batch *rows = &table->chunks[i]->rows;

        for (size_t row = 0; row < rows->n_rows; row++)
            if (!add_digest(set, larder_row_digest(rows, row), &fresh))
                return no_memory(err);
    }
    return LARDER_OK;
}

static larder_status
collect_rows(struct chunk *chunk, struct digests *set, const larder_call *call,
    larder_stream *rows, uint64_t *n_read, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;
    bool fresh = false;

    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        *n_read += batch.n_rows;
        for (size_t row = 0; row < batch.n_rows; row++) {
            if (!add_digest(set, larder_row_digest(&batch, row), &fresh)) {
                rc = no_memory(err);
                goto out;
            }
            if (fresh)
                LARDER_TRY(add_row(chunk, &batch, row, err));
        }
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
memory_append(void *self, const larder_call *call, const larder_table *wanted,
    larder_stream *rows, larder_appended *out, larder_error *err)
{
    struct memory *memory = self;
    struct table *table = find_table(&memory->now, wanted->name);
    struct digests set = {0};
    struct chunk *chunk = NULL, **grown;
    uint64_t n_read = 0, n_added;
    larder_status rc = LARDER_OK;

    if (table == NULL)
        return larder_fail(err, LARDER_NOT_FOUND,
            "history has no table '%s' yet", wanted->name);
    LARDER_TRY(new_chunk(wanted->schema, &chunk, err));
    LARDER_TRY(collect_digests(table, &set, err));
    LARDER_TRY(collect_rows(chunk, &set, call, rows, &n_read, err));
    n_added = chunk->rows.n_rows;
    *out = (larder_appended){.added = n_added, .duplicate = n_read - n_added};
    if (n_added == 0)
        goto out;
    grown =
        realloc(table->chunks, (table->n_chunks + 1) * sizeof(struct chunk *));
    if (grown == NULL) {
        *out = (larder_appended){0};
        rc = no_memory(err);
        goto out;
    }
    table->chunks = grown;
    chunk->arrival = out->arrival = ++memory->arrival;
    grown[table->n_chunks++] = chunk;
    chunk = NULL;
out:
    free(set.slots);
    drop_chunk(chunk);
    return rc;
}

/* -------------------------------------------------------------------- scan */

struct scan {
    const larder_call *call;
    const struct table *table; /* of the snapshot; NULL: this part is empty */
    larder_field *fields;      /* of the stream */
    larder_schema schema;
    char **columns; /* their names in the table; NULL: null */
    size_t event;   /* the place of "event" */
    larder_scan wanted;
    size_t chunk, row; /* where to go on */
};

static void
scan_close(larder_stream *self)
{
    struct scan *scan = self->state;

    for (size_t i = 0; i < scan->schema.n_fields; i++)
        free(scan->columns[i]);
    free(scan->columns);
    free_fields(scan->fields, scan->schema.n_fields);
    free(scan);
    *self = (larder_stream){0};
}

/* The time in a column that may not be there. */
static bool
time_at(const larder_column *column, size_t row, larder_time *out)
{
    larder_value value = {.null = true};

    if (column != NULL)
        value = larder_column_value(column, row);
    if (!value.null)
        *out = value.as.integer;
    return !value.null;
}

static bool
is_wanted(const struct scan *scan, const struct chunk *chunk, size_t row)
{
    const larder_scan *wanted = &scan->wanted;
    larder_time event;

    if (!time_at(find_column(chunk, scan->columns[scan->event]), row, &event) ||
        event < wanted->from || event > wanted->to)
        return false;
    return !wanted->arrived || chunk->arrival > wanted->after ||
           event > wanted->seen_until;
}

static larder_status
take_row(const struct scan *scan, const struct chunk *chunk,
    larder_batch *batch, size_t row, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < scan->schema.n_fields && rc == LARDER_OK; i++) {
        const larder_column *column =
            scan->columns[i] == NULL ? NULL
                                     : find_column(chunk, scan->columns[i]);
        larder_value value = {.type = scan->fields[i].type, .null = true};

        if (column != NULL)
            value = larder_column_value(column, row);
        rc = larder_column_append(&batch->columns[i], &value, err);
    }
    batch->n_rows++;
    return rc;
}

static larder_status
scan_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    struct scan *scan = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_call_check(scan->call, err));
    LARDER_TRY(larder_batch_init(&batch, &scan->schema, err));
    while (scan->table != NULL && scan->chunk < scan->table->n_chunks &&
           batch.n_rows < BATCH_ROWS) {
        const struct chunk *chunk = scan->table->chunks[scan->chunk];

        if (scan->row == chunk->rows.n_rows) {
            scan->chunk++;
            scan->row = 0;
            continue;
        }
        if (is_wanted(scan, chunk, scan->row))
            LARDER_TRY(take_row(scan, chunk, &batch, scan->row, err));
        scan->row++;
    }
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

/* Name the next column of the stream, and the table's that it comes from. */
static bool
add_column(
    struct scan *scan, const char *name, const char *column, larder_type type)
{
    size_t at = scan->schema.n_fields++;

    scan->fields[at] = (larder_field){strdup(name), type};
    scan->columns[at] = column == NULL ? NULL : strdup(column);
    return scan->fields[at].name != NULL &&
           (column == NULL || scan->columns[at] != NULL);
}

static bool
add_columns(struct scan *scan, const larder_scan *wanted)
{
    const larder_table *table = wanted->table;
    bool ok = true;

    for (size_t i = 0; i < wanted->n_key; i++) {
        const larder_field *field = find_field(
            table->schema->fields, table->schema->n_fields, wanted->key[i]);

        ok = ok && field != NULL &&
             add_column(scan, field->name, field->name, field->type);
    }
    scan->event = scan->schema.n_fields;
    ok = ok && add_column(scan, "event", table->event, LARDER_TIMESTAMP) &&
         add_column(scan, "created", table->created, LARDER_TIMESTAMP);
    for (size_t i = 0; i < wanted->n_columns; i++)
        ok = ok && add_column(scan, wanted->columns[i].name,
                       wanted->columns[i].name, wanted->columns[i].type);
    return ok;
}

static larder_status
memory_scan(void *self, unsigned reader, const larder_call *call,
    const larder_scan *wanted, larder_stream *out, larder_order *kept,
    larder_error *err)
{
    struct memory *memory = self;
    const struct table *table =
        find_table(&memory->snapshot, wanted->table->name);
    size_t n = wanted->n_key + wanted->n_columns + 2;
    struct scan *scan;
    larder_stream stream = {.next = scan_next, .close = scan_close};

    (void)reader;
    if (wanted->table->query != NULL)
        return refuse_query(err);
    if (table == NULL)
        return larder_fail(err, LARDER_NOT_FOUND,
            "there is no table '%s' in history", wanted->table->name);
    scan = calloc(1, sizeof *scan);
    if (scan == NULL)
        return no_memory(err);
    stream.state = scan;
    scan->call = call;
    scan->table = wanted->part == 0 ? table : NULL;
    scan->wanted = *wanted;
    scan->fields = calloc(n, sizeof *scan->fields);
    scan->columns = calloc(n, sizeof *scan->columns);
    scan->schema.fields = scan->fields;
    if (scan->fields == NULL || scan->columns == NULL ||
        !add_columns(scan, wanted)) {
        scan_close(&stream);
        return no_memory(err);
    }
    stream.schema = &scan->schema;
    *out = stream;
    *kept = LARDER_ORDER_ANY;
    return LARDER_OK;
}

const larder_offline_ops ldr_offline_memory_ops = {.abi = LARDER_BACKEND_ABI,
    .type = "memory",
    .state_bytes = sizeof(struct memory),
    .open = memory_open,
    .close = memory_close,
    .begin = memory_begin,
    .end = memory_end,
    .describe = memory_describe,
    .create = memory_create,
    .remove = memory_remove,
    .append = memory_append,
    .scan = memory_scan};
