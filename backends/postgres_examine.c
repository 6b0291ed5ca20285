/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_examine.c - is a database in order, for what Larder does there?
 *
 * One statement asks the catalog for everything: rights are asked for, never
 * tried out. It needs none but to connect.
 */
#include "postgres_examine.h"
#include "disk.h"
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE 25
#define LEAST_VERSION 130000 /* FETCH FIRST ... WITH TIES */

enum {
    VERSION_NUMBER,
    VERSION,
    USER,
    STANDBY,
    CLOCK,
    FSYNC,
    MOST_CONNECTIONS,
    CONNECTIONS,
    SCHEMA,
    USAGE,
    CREATE_IN,
    CREATE_SCHEMA,
    TEMPORARY,
    TABLES,
    LACKING,
    UNPROTECTED,
    GRANTED,
    BYTES,
    N_ANSWERS
};

static const char question[] =
    "SELECT current_setting('server_version_num'),"
    " current_setting('server_version'), current_user,"
    " pg_is_in_recovery(),"
    " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,"
    " current_setting('fsync'), current_setting('max_connections'),"
    " (SELECT count(*) FROM pg_stat_activity"
    "  WHERE backend_type = 'client backend'),"
    " n.oid IS NOT NULL,"
    " coalesce(has_schema_privilege(n.oid, 'USAGE'), false),"
    " coalesce(has_schema_privilege(n.oid, 'CREATE'), false),"
    " has_database_privilege(current_database(), 'CREATE'),"
    " has_database_privilege(current_database(), 'TEMP'),"
    " t.n, t.lacking, t.unprotected, t.granted,"
    " pg_database_size(current_database())"
    " FROM (SELECT 1) AS one"
    " LEFT JOIN pg_namespace AS n ON n.nspname = $1"
    " CROSS JOIN LATERAL (SELECT count(*) AS n,"
    "  count(*) FILTER (WHERE NOT (has_table_privilege(c.oid, 'SELECT')"
    "   AND has_table_privilege(c.oid, 'INSERT'))) AS lacking,"
    "  count(*) FILTER (WHERE NOT c.relrowsecurity) AS unprotected,"
    "  count(*) FILTER (WHERE EXISTS (SELECT FROM aclexplode(c.relacl) AS a"
    "   WHERE a.grantee <> c.relowner)) AS granted"
    "  FROM pg_class AS c"
    "  WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) AS t";

typedef struct answers {
    const PGresult *result;
    const postgres_link *link;
    larder_finding_sink *sink;
} answers;

static const char *
text_of(const answers *a, int column)
{
    return PQgetvalue(a->result, 0, column);
}

static bool
is_true(const answers *a, int column)
{
    return text_of(a, column)[0] == 't';
}

static long long
number_of(const answers *a, int column)
{
    return strtoll(text_of(a, column), NULL, 10);
}

/* ------------------------------------------------------------------- findings
 */

static larder_status
tell_version(const answers *a, larder_error *err)
{
    bool old = number_of(a, VERSION_NUMBER) < LEAST_VERSION;

    return larder_finding_tell(a->sink, "version",
        old ? LARDER_WRONG : LARDER_FINE,
        old ? "PostgreSQL 13 is the oldest that will do" : NULL, err,
        "PostgreSQL %s", text_of(a, VERSION));
}

static larder_status
tell_tls(const answers *a, larder_error *err)
{
    const char *host = PQhost(a->link->conn);

    if (PQsslInUse(a->link->conn))
        return larder_finding_tell(a->sink, "tls", LARDER_FINE, NULL, err, "%s",
            PQsslAttribute(a->link->conn, "protocol"));
    if (host == NULL || host[0] == '\0' || host[0] == '/')
        return larder_finding_tell(a->sink, "tls", LARDER_FINE, NULL, err,
            "none, and none is needed: a Unix socket");
    return larder_finding_tell(a->sink, "tls", LARDER_FINE, NULL, err,
        "none: '%s' is this machine", host);
}

/* What is lacking, in words, or NULL. */
static const char *
lacking_right(const answers *a)
{
    if (!is_true(a, SCHEMA))
        return is_true(a, CREATE_SCHEMA)
                   ? NULL
                   : "may not create the schema, which is not there";
    if (!is_true(a, USAGE))
        return "may not use the schema";
    if (!is_true(a, CREATE_IN))
        return "may not create tables in the schema";
    if (number_of(a, LACKING) > 0)
        return "may not select from or insert into some tables of the schema";
    return NULL;
}

static larder_status
tell_rights(const answers *a, larder_error *err)
{
    const char *schema = a->link->options->schema;
    const char *lacks = lacking_right(a);

    if (lacks != NULL)
        return larder_finding_tell(a->sink, "rights", LARDER_WRONG,
            "GRANT it, or connect as the owner of the schema", err,
            "role '%s' %s ('%s')", text_of(a, USER), lacks, schema);
    if (!is_true(a, TEMPORARY))
        return larder_finding_tell(a->sink, "rights", LARDER_DOUBTFUL,
            "GRANT TEMPORARY ON DATABASE: joins of many rows are slower "
            "without",
            err, "role '%s' may not make temporary tables", text_of(a, USER));
    return larder_finding_tell(a->sink, "rights", LARDER_FINE, NULL, err,
        "role '%s' may create, select and insert in schema '%s'",
        text_of(a, USER), schema);
}

/* What the tables of Larder's schema let others see. */
static larder_status
tell_exposure(const answers *a, larder_error *err)
{
    long long n = number_of(a, TABLES);
    long long bare = number_of(a, UNPROTECTED), granted = number_of(a, GRANTED);

    if (bare > 0 || granted > 0)
        return larder_finding_tell(a->sink, "exposure", LARDER_DOUBTFUL,
            "ENABLE ROW LEVEL SECURITY on them, and REVOKE what others need "
            "not have",
            err,
            "of %lld tables in schema '%s' %lld have no row security, and "
            "rights on %lld are granted to others",
            n, a->link->options->schema, bare, granted);
    return larder_finding_tell(a->sink, "exposure", LARDER_FINE, NULL, err,
        "%lld tables in schema '%s', row security on, granted to nobody else",
        n, a->link->options->schema);
}

static larder_status
tell_standby(const answers *a, larder_error *err)
{
    if (is_true(a, STANDBY))
        return larder_finding_tell(a->sink, "primary", LARDER_WRONG,
            "connect to the primary", err, "it is a standby: read-only");
    return larder_finding_tell(
        a->sink, "primary", LARDER_FINE, NULL, err, "it takes writes");
}

static larder_status
tell_persistence(const answers *a, larder_error *err)
{
    if (strcmp(text_of(a, FSYNC), "on") != 0)
        return larder_finding_tell(a->sink, "persistence", LARDER_DOUBTFUL,
            "set fsync = on in postgresql.conf", err,
            "fsync is off: what was committed may be lost, or the database");
    return larder_finding_tell(a->sink, "persistence", LARDER_FINE, NULL, err,
        "what is committed is on disk");
}

static larder_status
tell_room(const answers *a, larder_error *err)
{
    long long most = number_of(a, MOST_CONNECTIONS);
    long long used = number_of(a, CONNECTIONS);
    bool full = used > most / 10 * 9;
    char bytes[32];
    larder_status rc;

    disk_print((uint64_t)number_of(a, BYTES), bytes);
    rc = larder_finding_tell(a->sink, "room", LARDER_FINE, NULL, err,
        "the database holds %s", bytes);
    if (rc != LARDER_OK)
        return rc;
    return larder_finding_tell(a->sink, "connections",
        full ? LARDER_DOUBTFUL : LARDER_FINE,
        full ? "raise max_connections, or connect through a pooler" : NULL, err,
        "%lld of %lld are used", used, most);
}

static larder_status
tell_all(const answers *a, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(larder_finding_tell(a->sink, "reachable", LARDER_FINE, NULL, err,
        "%s", a->link->options->server));
    LARDER_TRY(tell_version(a, err));
    LARDER_TRY(tell_tls(a, err));
    LARDER_TRY(tell_rights(a, err));
    LARDER_TRY(tell_exposure(a, err));
    LARDER_TRY(tell_standby(a, err));
    LARDER_TRY(tell_persistence(a, err));
    LARDER_TRY(tell_room(a, err));
    LARDER_TRY(host_examine_clock(
        (larder_time)number_of(a, CLOCK), a->link->call, a->sink, err));
out:
    return rc;
}

/* --------------------------------------------------------------------- asking
 */

/* Each host that is written, before any of them is tried. */
static larder_status
tell_hosts(
    const postgres_link *link, larder_finding_sink *sink, larder_error *err)
{
    PQconninfoOption *info = PQconninfoParse(link->options->info, NULL);
    char *hosts = NULL, *rest = NULL;
    larder_status rc = LARDER_OK;

    for (const PQconninfoOption *i = info; i != NULL && i->keyword != NULL; i++)
        if (strcmp(i->keyword, "host") == 0 && i->val != NULL)
            hosts = i->val;
    for (char *host = hosts == NULL ? NULL : strtok_r(hosts, ",", &rest);
         host != NULL && rc == LARDER_OK; host = strtok_r(NULL, ",", &rest))
        rc = host_examine(host, sink, err);
    PQconninfoFree(info);
    return rc;
}

static larder_status
ask(postgres_link *link, const larder_call *call, PGresult **out,
    larder_error *err)
{
    const char *schema = link->options->schema;
    const postgres_value value = {TEXT_TYPE, schema, (int)strlen(schema)};
    larder_status rc;

    LARDER_TRY(postgres_begin(link, POSTGRES_READ, call, err));
    LARDER_TRY(postgres_query(link, question, &value, 1, false, out, err));
    rc = postgres_commit(link, err);
out:
    postgres_undo(link);
    return rc;
}

larder_status
postgres_examine(postgres_link *link, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    PGresult *result = NULL;
    answers a = {.link = link, .sink = sink};
    larder_status rc;

    LARDER_TRY(tell_hosts(link, sink, err));
    LARDER_TRY(ask(link, call, &result, err));
    if (PQntuples(result) != 1 || PQnfields(result) != N_ANSWERS) {
        rc = larder_fail(err, LARDER_IO, "the catalog answered something else");
        goto out;
    }
    a.result = result;
    rc = tell_all(&a, err);
out:
    PQclear(result);
    return rc;
}
