/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_postgres.c - the registry in a PostgreSQL database, in `db_schema`.
 *
 *   larder_generations  one row a generation; never changed, and removed only
 *                       with its whole project (a trigger sees to it)
 *   larder_records      runs, statistics, audit; a second record of an id
 *                       replaces the first
 *   larder_leases       one row a name; given back, it keeps its fence
 *   larder_meta         the format of these tables
 *
 * Each write is one transaction under a lock of that transaction, of the
 * project or of the lease, so of two who apply at once one wins and the other
 * reads what the winner wrote. A lease expires by the database's clock. When an
 * answer to COMMIT was lost, an append looks for its generation; any other
 * write may simply be made again.
 */
#include "builtin.h"
#include "postgres.h"
#include "postgres_examine.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 1
#define LIST_ROWS 500

/* Of PostgreSQL's types. */
#define INT8_TYPE 20
#define TEXT_TYPE 25

/* Names after FROM, quoted, made once. */
typedef struct registry {
    postgres_options options;
    postgres_link link;
    char *schema; /* "larder" with its quotes */
} registry;

/* @ stands for the schema, with quotes and dot. */
static const char *const tables[] = {
    "CREATE TABLE @larder_generations("
    "project text COLLATE \"C\" NOT NULL, number bigint NOT NULL,"
    " applied bigint NOT NULL, hash text NOT NULL, text text NOT NULL,"
    " PRIMARY KEY(project, number))",
    "CREATE TABLE @larder_forgotten("
    "project text COLLATE \"C\" PRIMARY KEY)",
    "CREATE TABLE @larder_records("
    "sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " project text COLLATE \"C\" NOT NULL, kind text COLLATE \"C\" NOT NULL,"
    " id text COLLATE \"C\" NOT NULL, name text COLLATE \"C\","
    " at bigint NOT NULL, text text NOT NULL, UNIQUE(project, kind, id))",
    "CREATE INDEX larder_records_newest"
    " ON @larder_records(project, kind, at, sequence)",
    "CREATE TABLE @larder_leases("
    "project text COLLATE \"C\" NOT NULL, name text COLLATE \"C\" NOT NULL,"
    " holder text NOT NULL, fence bigint NOT NULL, expires bigint,"
    " PRIMARY KEY(project, name))",
    "CREATE TABLE @larder_meta(name text PRIMARY KEY, value bigint NOT NULL)",
    "INSERT INTO @larder_meta VALUES('format', 1)",
    "CREATE FUNCTION @larder_generations_stay() RETURNS trigger"
    " LANGUAGE plpgsql AS $$ BEGIN"
    " IF TG_OP = 'UPDATE' THEN"
    " RAISE EXCEPTION 'a generation never changes'; END IF;"
    " IF NOT EXISTS (SELECT FROM @larder_forgotten AS f"
    " WHERE f.project = OLD.project) THEN"
    " RAISE EXCEPTION 'a generation is never removed'; END IF;"
    " RETURN OLD; END $$",
    "REVOKE ALL ON FUNCTION @larder_generations_stay() FROM PUBLIC",
    "CREATE TRIGGER larder_generations_stay BEFORE UPDATE OR DELETE"
    " ON @larder_generations FOR EACH ROW"
    " EXECUTE FUNCTION @larder_generations_stay()",
};

static const char *const protected_tables[] = {"larder_generations",
    "larder_forgotten", "larder_records", "larder_leases", "larder_meta"};

/* --------------------------------------------------------------- statements
 */

static postgres_value
text_value(const char *text)
{
    return (postgres_value){
        TEXT_TYPE, text, text == NULL ? 0 : (int)strlen(text)};
}

/* PostgreSQL's form of an integer: eight bytes, the greatest first. */
typedef struct integer {
    unsigned char bytes[8];
} integer;

static integer
pack_integer(int64_t value)
{
    integer packed;

    for (int i = 0; i < 8; i++)
        packed.bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
    return packed;
}

static postgres_value
integer_value(const integer *packed)
{
    return (postgres_value){INT8_TYPE, packed->bytes, 8};
}

/* A cell of a result in binary form; null is 0. */
static int64_t
get_integer(const PGresult *result, int row, int column)
{
    const char *bytes = PQgetvalue(result, row, column);
    uint64_t value = 0;

    for (int i = 0; i < 8 && PQgetlength(result, row, column) == 8; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

/* A statement of ours with the schema's name for each @. */
static larder_status
build(const registry *self, const char *template, sql_text *sql,
    larder_error *err)
{
    for (const char *at = template; *at != '\0';) {
        size_t n = strcspn(at, "@");

        sql_add(sql, "%.*s", (int)n, at);
        at += n;
        if (*at == '@') {
            sql_add(sql, "%s.", self->schema);
            at++;
        }
    }
    return sql_finish(sql, err);
}

/* One statement; its rows in binary form. */
static larder_status
ask(registry *self, const char *template, const postgres_value *values,
    int n_values, PGresult **out, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = build(self, template, &sql, err);

    if (rc == LARDER_OK)
        rc = postgres_query(
            &self->link, sql.text, values, n_values, true, out, err);
    sql_release(&sql);
    return rc;
}

/* Wait until nobody else changes what has this name, until the transaction
 * ends. */
static larder_status
lock(registry *self, const char *project, const char *what, larder_error *err)
{
    postgres_value names[] = {text_value(self->options.schema),
        text_value(project), text_value(what)};

    return postgres_query(&self->link,
        "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended("
        "pg_catalog.concat_ws('/', 'larder', $1, $2, $3), 0))",
        names, 3, true, NULL, err);
}

/* ----------------------------------------------------------- open and close */

/* true when the tables of the schema $1 are there */
#define FIND_TABLES                                                            \
    "SELECT pg_catalog.to_regclass(pg_catalog.quote_ident($1)"                 \
    " || '.larder_leases') IS NOT NULL"

static larder_status
make_tables(void *context, postgres_link *link, larder_error *err)
{
    registry *self = context;
    postgres_value schema = text_value(self->options.schema);
    PGresult *found = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_schema_make(link, err));
    /* Another program may have been first. */
    LARDER_TRY(ask(self, FIND_TABLES, &schema, 1, &found, err));
    if (PQgetvalue(found, 0, 0)[0] != 0)
        goto out;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        LARDER_TRY(ask(self, tables[i], NULL, 0, NULL, err));
    for (size_t i = 0; i < sizeof protected_tables / sizeof *protected_tables;
         i++)
        LARDER_TRY(postgres_protect(link, protected_tables[i], err));
out:
    PQclear(found);
    return rc;
}

/* Are the tables there, in a format we know? */
static larder_status
look(registry *self, const larder_call *call, bool *there, larder_error *err)
{
    postgres_value schema = text_value(self->options.schema);
    PGresult *found = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_begin(&self->link, POSTGRES_READ, call, err));
    LARDER_TRY(ask(self, FIND_TABLES, &schema, 1, &found, err));
    *there = PQgetvalue(found, 0, 0)[0] != 0;
    if (!*there)
        goto out;
    PQclear(found);
    found = NULL;
    LARDER_TRY(
        ask(self, "SELECT max(value) FROM @larder_meta WHERE name = 'format'",
            NULL, 0, &found, err));
    if (get_integer(found, 0, 0) > FORMAT)
        rc = larder_fail(err, LARDER_UNSUPPORTED,
            "%s: schema %s has format %lld of a later Larder; this one knows"
            " up to %d",
            self->options.server, self->schema,
            (long long)get_integer(found, 0, 0), FORMAT);
out:
    PQclear(found);
    postgres_undo(&self->link);
    return rc;
}

static void
registry_close(void *state)
{
    registry *self = state;

    postgres_link_close(&self->link);
    postgres_options_free(&self->options);
    free(self->schema);
    *self = (registry){0};
}

static larder_status
quote_schema(registry *self, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc;

    sql_name(&sql, self->options.schema);
    rc = sql_finish(&sql, err);
    if (rc == LARDER_OK)
        self->schema = sql.text;
    else
        sql_release(&sql);
    return rc;
}

static larder_status
registry_open(void *state, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    registry *self = state;
    larder_status rc = LARDER_OK;
    bool there = false;

    LARDER_TRY(postgres_options_read(options, NULL, &self->options, err));
    postgres_link_init(&self->link, &self->options);
    LARDER_TRY(quote_schema(self, err));
    LARDER_TRY(look(self, call, &there, err));
    if (!there && create)
        LARDER_TRY(postgres_write(&self->link, call, make_tables, self, err));
    if (!there && !create) {
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "there is no registry at %s, schema %s", self->options.server,
            self->options.schema);
        larder_hint(err, "run `larder apply` first");
    }
out:
    if (rc != LARDER_OK)
        registry_close(self);
    return rc;
}

/* -------------------------------------------------------------- generations
 */

static larder_status
read_newest(
    registry *self, const char *project, uint64_t *number, larder_error *err)
{
    postgres_value value = text_value(project);
    PGresult *found = NULL;
    larder_status rc = ask(self,
        "SELECT coalesce(max(number), 0) FROM @larder_generations"
        " WHERE project = $1",
        &value, 1, &found, err);

    if (rc == LARDER_OK)
        *number = (uint64_t)get_integer(found, 0, 0);
    PQclear(found);
    return rc;
}

static larder_status
registry_newest(void *state, const larder_call *call, const char *project,
    uint64_t *number, larder_error *err)
{
    registry *self = state;
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_begin(&self->link, POSTGRES_READ, call, err));
    rc = read_newest(self, project, number, err);
out:
    postgres_undo(&self->link);
    return rc;
}

/* The row of a result: number, applied, hash, text. */
static larder_status
take_generation(
    const PGresult *found, larder_generation *out, larder_error *err)
{
    const char *hash = PQgetvalue(found, 0, 2);
    larder_generation generation = {
        .number = (uint64_t)get_integer(found, 0, 0),
        .applied = get_integer(found, 0, 1),
        .n_text = (size_t)PQgetlength(found, 0, 3)};

    if (strlen(hash) >= sizeof generation.hash)
        return larder_fail(err, LARDER_CORRUPT,
            "generation %llu of the registry has no hash",
            (unsigned long long)generation.number);
    generation.text = malloc(generation.n_text + 1);
    if (generation.text == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    memcpy(generation.text, PQgetvalue(found, 0, 3), generation.n_text + 1);
    memcpy(generation.hash, hash, strlen(hash) + 1);
    *out = generation;
    return LARDER_OK;
}

static larder_status
registry_load(void *state, const larder_call *call, const char *project,
    uint64_t number, larder_generation *out, larder_error *err)
{
    registry *self = state;
    integer wanted =
        pack_integer(number > INT64_MAX ? INT64_MAX : (int64_t)number);
    postgres_value values[] = {text_value(project), integer_value(&wanted)};
    PGresult *found = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_begin(&self->link, POSTGRES_READ, call, err));
    LARDER_TRY(ask(self,
        "SELECT number, applied, hash, text FROM @larder_generations"
        " WHERE project = $1 AND ($2 = 0 OR number = $2)"
        " ORDER BY number DESC LIMIT 1",
        values, 2, &found, err));
    if (PQntuples(found) > 0)
        rc = take_generation(found, out, err);
    else if (number == 0)
        *out = (larder_generation){0};
    else
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "project '%s' has no generation %llu", project,
            (unsigned long long)number);
out:
    PQclear(found);
    postgres_undo(&self->link);
    return rc;
}

/* An append under way. */
struct append {
    registry *self;
    const char *project;
    uint64_t after;
    const larder_generation *generation;
};

static larder_status
append_body(void *context, postgres_link *link, larder_error *err)
{
    const struct append *append = context;
    const larder_generation *generation = append->generation;
    integer number = pack_integer((int64_t)(append->after + 1));
    integer applied = pack_integer(generation->applied);
    postgres_value values[] = {text_value(append->project),
        integer_value(&number), integer_value(&applied),
        text_value(generation->hash),
        {TEXT_TYPE, generation->text, (int)generation->n_text}};
    uint64_t newest = 0;
    larder_status rc = LARDER_OK;

    (void)link;
    LARDER_TRY(lock(append->self, append->project, "generations", err));
    LARDER_TRY(read_newest(append->self, append->project, &newest, err));
    if (newest != append->after)
        LARDER_TRY(larder_fail(err, LARDER_CONFLICT,
            "project '%s' is at generation %llu, not %llu", append->project,
            (unsigned long long)newest, (unsigned long long)append->after));
    rc = ask(append->self,
        "INSERT INTO @larder_generations VALUES($1, $2, $3, $4, $5)", values, 5,
        NULL, err);
out:
    return rc;
}

/* The answer to COMMIT was lost: is it there all the same? */
static bool
was_appended(const struct append *append, const larder_call *call)
{
    const larder_generation *wanted = append->generation;
    larder_generation found = {0};
    larder_status rc = registry_load(
        append->self, call, append->project, append->after + 1, &found, NULL);
    bool equal = rc == LARDER_OK && found.applied == wanted->applied &&
                 strcmp(found.hash, wanted->hash) == 0 &&
                 found.n_text == wanted->n_text &&
                 memcmp(found.text, wanted->text, found.n_text) == 0;

    free(found.text);
    return equal;
}

static larder_status
registry_append(void *state, const larder_call *call, const char *project,
    uint64_t after, larder_generation *generation, larder_error *err)
{
    registry *self = state;
    struct append append = {self, project, after, generation};
    larder_status rc;

    if (generation->n_text > INT32_MAX / 2)
        return larder_fail(err, LARDER_LIMIT,
            "a generation of %zu bytes is more than PostgreSQL holds",
            generation->n_text);
    rc = postgres_write(&self->link, call, append_body, &append, err);
    if (rc != LARDER_OK && self->link.doubtful && was_appended(&append, call))
        rc = LARDER_OK;
    if (rc == LARDER_OK)
        generation->number = after + 1;
    return rc;
}

/* ------------------------------------------------------------------- leases
 */

/* A lease as it is stored, or to be. */
struct lease {
    registry *self;
    const char *project;
    const larder_lease *wanted;
    uint64_t fence; /* that it has now */
};

/* What the database holds of a lease. */
struct held {
    PGresult *row;
    const char *holder;
    bool there, free;
    uint64_t fence;
    bool expired;
};

static larder_status
read_lease(const struct lease *lease, struct held *out, larder_error *err)
{
    postgres_value values[] = {
        text_value(lease->project), text_value(lease->wanted->name)};
    PGresult *row = NULL;
    larder_status rc = ask(lease->self,
        "SELECT holder, fence, expires IS NULL, coalesce(expires <= extract("
        "epoch FROM pg_catalog.clock_timestamp()) * 1000000, true)"
        " FROM @larder_leases WHERE project = $1 AND name = $2",
        values, 2, &row, err);

    if (rc != LARDER_OK)
        return rc;
    *out = (struct held){.row = row, .free = true, .holder = ""};
    if (PQntuples(row) == 0)
        return LARDER_OK;
    out->there = true;
    out->holder = PQgetvalue(row, 0, 0);
    out->fence = (uint64_t)get_integer(row, 0, 1);
    out->free = PQgetvalue(row, 0, 2)[0] != 0;
    out->expired = PQgetvalue(row, 0, 3)[0] != 0;
    return LARDER_OK;
}

/* Until now + ttl of the database's clock; ttl 0: given back. */
static larder_status
write_lease(const struct lease *lease, int64_t ttl_us, larder_error *err)
{
    /* so long that the sum stays a number: 100,000 years */
    const int64_t most = INT64_C(3155760000000000000);
    integer fence = pack_integer((int64_t)lease->fence);
    integer ttl = pack_integer(ttl_us < most ? ttl_us : most);
    postgres_value values[] = {text_value(lease->project),
        text_value(lease->wanted->name), text_value(lease->wanted->holder),
        integer_value(&fence), integer_value(&ttl)};

    return ask(lease->self,
        "INSERT INTO @larder_leases VALUES($1, $2, $3, $4, CASE WHEN $5 > 0"
        " THEN (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)"
        "::bigint + $5 END)"
        " ON CONFLICT (project, name) DO UPDATE SET holder = excluded.holder,"
        " fence = excluded.fence, expires = excluded.expires",
        values, 5, NULL, err);
}

/* May the lease be taken or renewed, and under which fence? */
static larder_status
judge_lease(
    struct lease *lease, const struct held *held, bool ours, larder_error *err)
{
    const larder_lease *wanted = lease->wanted;

    if (!held->free && !ours && !held->expired)
        return larder_fail(
            err, LARDER_BUSY, "'%s' is held by %s", wanted->name, held->holder);
    if (wanted->fence != 0 && !ours)
        return larder_fail(err, LARDER_CONFLICT,
            "%s no longer holds '%s': it expired and changed hands",
            wanted->holder, wanted->name);
    lease->fence = ours ? held->fence : held->fence + 1;
    return LARDER_OK;
}

static larder_status
lease_body(void *context, postgres_link *link, larder_error *err)
{
    struct lease *lease = context;
    const larder_lease *wanted = lease->wanted;
    struct held held = {0};
    larder_status rc = LARDER_OK;
    bool ours;

    (void)link;
    lease->fence = wanted->fence;
    LARDER_TRY(lock(lease->self, lease->project, wanted->name, err));
    LARDER_TRY(read_lease(lease, &held, err));
    ours = !held.free && held.fence == wanted->fence &&
           strcmp(held.holder, wanted->holder) == 0;
    if (wanted->ttl_us > 0)
        LARDER_TRY(judge_lease(lease, &held, ours, err));
    if (wanted->ttl_us > 0 || ours)
        rc = write_lease(lease, wanted->ttl_us, err);
out:
    PQclear(held.row);
    return rc;
}

static larder_status
registry_lease(void *state, const larder_call *call, const char *project,
    larder_lease *wanted, larder_error *err)
{
    registry *self = state;
    struct lease lease = {self, project, wanted, wanted->fence};
    larder_status rc =
        postgres_write(&self->link, call, lease_body, &lease, err);

    if (rc == LARDER_OK)
        wanted->fence = lease.fence;
    return rc;
}

/* ------------------------------------------------------------------ records
 */

struct record {
    registry *self;
    const char *project;
    const larder_record *record;
};

static larder_status
record_body(void *context, postgres_link *link, larder_error *err)
{
    const struct record *record = context;
    const larder_record *it = record->record;
    integer at = pack_integer(it->at);
    postgres_value values[] = {text_value(record->project),
        text_value(it->kind), text_value(it->id), text_value(it->name),
        integer_value(&at), text_value(it->text)};

    (void)link;
    return ask(record->self,
        "INSERT INTO @larder_records(project, kind, id, name, at, text)"
        " VALUES($1, $2, $3, $4, $5, $6) ON CONFLICT (project, kind, id)"
        " DO UPDATE SET sequence = DEFAULT, name = excluded.name,"
        " at = excluded.at, text = excluded.text",
        values, 6, NULL, err);
}

static larder_status
registry_record(void *state, const larder_call *call, const char *project,
    const larder_record *it, larder_error *err)
{
    registry *self = state;
    struct record record = {self, project, it};

    return postgres_write(&self->link, call, record_body, &record, err);
}

static larder_status
tell_records(const PGresult *rows, const char *kind, larder_record_sink *sink,
    const larder_call *call, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (int i = 0; i < PQntuples(rows); i++) {
        larder_record record = {.kind = kind,
            .id = PQgetvalue(rows, i, 0),
            .name = PQgetisnull(rows, i, 1) ? NULL : PQgetvalue(rows, i, 1),
            .at = get_integer(rows, i, 2),
            .text = PQgetvalue(rows, i, 3)};

        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(sink->record(sink, &record, err));
    }
out:
    return rc;
}

static larder_status
registry_list(void *state, const larder_call *call, const char *project,
    const char *kind, const char *name, size_t limit, larder_record_sink *sink,
    larder_error *err)
{
    registry *self = state;
    integer most = pack_integer(limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    postgres_value values[] = {text_value(project), text_value(kind),
        text_value(name), integer_value(&most)};
    PGresult *rows = NULL;
    larder_status rc = LARDER_OK;
    bool more = true;

    LARDER_TRY(postgres_begin(&self->link, POSTGRES_READ, call, err));
    LARDER_TRY(ask(self,
        "DECLARE larder_list NO SCROLL CURSOR FOR"
        " SELECT id, name, at, text FROM @larder_records WHERE project = $1"
        " AND kind = $2 AND ($3 IS NULL OR name = $3)"
        " ORDER BY at DESC, sequence DESC LIMIT $4",
        values, 4, NULL, err));
    while (more) {
        LARDER_TRY(
            ask(self, "FETCH 500 FROM larder_list", NULL, 0, &rows, err));
        LARDER_TRY(tell_records(rows, kind, sink, call, err));
        more = PQntuples(rows) == LIST_ROWS;
        PQclear(rows);
        rows = NULL;
    }
out:
    PQclear(rows);
    postgres_undo(&self->link);
    return rc;
}

/* ------------------------------------------------------------------ destroy
 */

static larder_status
destroy_body(void *context, postgres_link *link, larder_error *err)
{
    static const char *const steps[] = {
        "INSERT INTO @larder_forgotten VALUES($1)",
        "DELETE FROM @larder_generations WHERE project = $1",
        "DELETE FROM @larder_records WHERE project = $1",
        "DELETE FROM @larder_leases WHERE project = $1",
        "DELETE FROM @larder_forgotten WHERE project = $1",
    };
    const struct record *record = context;
    postgres_value project = text_value(record->project);
    larder_status rc = LARDER_OK;

    (void)link;
    LARDER_TRY(lock(record->self, record->project, "generations", err));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        LARDER_TRY(ask(record->self, steps[i], &project, 1, NULL, err));
out:
    return rc;
}

static larder_status
registry_destroy(void *state, const larder_call *call, const char *project,
    larder_error *err)
{
    registry *self = state;
    struct record record = {self, project, NULL};

    return postgres_write(&self->link, call, destroy_body, &record, err);
}

static larder_status
registry_examine(void *state, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    return postgres_examine(&((registry *)state)->link, call, sink, err);
}

const larder_registry_ops ldr_registry_postgres_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "postgres",
    .state_bytes = sizeof(registry),
    .open = registry_open,
    .close = registry_close,
    .load = registry_load,
    .newest = registry_newest,
    .append = registry_append,
    .lease = registry_lease,
    .record = registry_record,
    .list = registry_list,
    .destroy = registry_destroy,
    .examine = registry_examine,
};
