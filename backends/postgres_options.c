/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_options.c - from a store's options to what libpq connects by.
 *
 * What is not written is libpq's own default, but for what must not depend on
 * the machine: UTF-8, no GSSAPI (whose library fails badly), and TLS with a
 * verified certificate to every host but this one.
 */
#include "postgres.h"
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options that are one word of libpq's each. */
static const struct word {
    const char *option, *keyword;
} words[] = {
    {"host", "host"},
    {"port", "port"},
    {"database", "dbname"},
    {"user", "user"},
    {"password", "password"},
    {"sslmode", "sslmode"},
    {"sslcert_path", "sslcert"},
    {"sslkey_path", "sslkey"},
    {"sslrootcert_path", "sslrootcert"},
};
#define N_WORDS (sizeof words / sizeof *words)
#define N_MORE_MAX 16u

/* ------------------------------------------------------------------- info */

/* The value of a keyword that is there and not empty, or NULL. */
static const char *
find_word(const PQconninfoOption *info, const char *keyword)
{
    for (; info != NULL && info->keyword != NULL; info++)
        if (strcmp(info->keyword, keyword) == 0)
            return info->val != NULL && info->val[0] != '\0' ? info->val : NULL;
    return NULL;
}

/* Add keyword='value', as PQconnectStart() reads it. */
static void
add_word(sql_text *info, const char *keyword, const char *value)
{
    sql_add(info, "%s%s='", info->size == 0 ? "" : " ", keyword);
    for (; *value != '\0'; value++)
        sql_add(info, *value == '\'' || *value == '\\' ? "\\%c" : "%c", *value);
    sql_add(info, "'");
}

/* Is it in every host of the list that the bytes stay on this machine? */
static bool
is_local(const char *hosts)
{
    for (const char *at = hosts;;) {
        size_t n = strcspn(at, ",");
        bool local = n == 0 || at[0] == '/' || at[0] == '@' ||
                     strncmp(at, "127.", 4) == 0 ||
                     (n == 9 && memcmp(at, "localhost", 9) == 0) ||
                     (n == 3 && memcmp(at, "::1", 3) == 0);

        if (!local)
            return false;
        if (at[n] == '\0')
            return true;
        at += n + 1;
    }
}

/* What PGHOST or the library says where the options say nothing. Yours to
 * free(), or NULL. */
static char *
default_host(void)
{
    PQconninfoOption *defaults = PQconndefaults();
    const char *host = find_word(defaults, "host");
    char *copy = host == NULL ? NULL : strdup(host);

    PQconninfoFree(defaults);
    return copy;
}

/* TLS that is written, or ours; NULL: libpq's own. */
static larder_status
judge_tls(const PQconninfoOption *info, const char *host, const char **mode,
    larder_error *err)
{
    static const char *const enough[] = {"require", "verify-ca", "verify-full"};
    const char *address = find_word(info, "hostaddr");
    const char *written = find_word(info, "sslmode");

    *mode = written;
    if (is_local(address != NULL ? address : host != NULL ? host : ""))
        return LARDER_OK;
    if (written == NULL)
        *mode = "verify-full";
    for (size_t i = 0; i < sizeof enough / sizeof *enough; i++)
        if (strcmp(*mode, enough[i]) == 0)
            return LARDER_OK;
    (void)larder_fail(err, LARDER_INVALID,
        "sslmode '%s' would send rows and passwords to %s in the open", written,
        address != NULL ? address : host);
    larder_hint(err, "write sslmode verify-full, or at least require");
    return LARDER_INVALID;
}

/* "db.example.com:5432, database e2i" */
static char *
describe_server(const PQconninfoOption *info, const char *host)
{
    const char *port = find_word(info, "port");
    const char *name = find_word(info, "dbname");
    const char *address = find_word(info, "hostaddr");
    sql_text text = {0};

    if (host == NULL)
        host = address != NULL ? address : "local socket";
    sql_add(&text, "%s", host);
    if (port != NULL || (host[0] != '/' && strcmp(host, "local socket") != 0))
        sql_add(&text, ":%s", port == NULL ? "5432" : port);
    if (name != NULL)
        sql_add(&text, ", database %s", name);
    if (sql_finish(&text, NULL) != LARDER_OK)
        sql_release(&text);
    return text.text;
}

/* All that libpq is told. */
static larder_status
write_info(const PQconninfoOption *info, const char *host,
    postgres_options *out, larder_error *err)
{
    static const char *const set_here[] = {
        "host", "sslmode", "gssencmode", "client_encoding"};
    const char *mode = NULL;
    sql_text text = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(judge_tls(info, host, &mode, err));
    for (const PQconninfoOption *at = info; at->keyword != NULL; at++) {
        bool ours = at->val == NULL || at->val[0] == '\0';

        for (size_t i = 0; i < sizeof set_here / sizeof *set_here; i++)
            ours = ours || strcmp(at->keyword, set_here[i]) == 0;
        if (!ours)
            add_word(&text, at->keyword, at->val);
    }
    if (host != NULL)
        add_word(&text, "host", host);
    if (mode != NULL)
        add_word(&text, "sslmode", mode);
    add_word(&text, "gssencmode", "disable");
    add_word(&text, "client_encoding", "UTF8");
    if (find_word(info, "options") == NULL)
        add_word(&text, "options", ""); /* not PGOPTIONS: poolers refuse it */
    if (find_word(info, "fallback_application_name") == NULL)
        add_word(&text, "fallback_application_name", "larder");
    if (find_word(info, "keepalives_idle") == NULL)
        sql_add(&text, " keepalives_idle=30 keepalives_interval=10"
                       " keepalives_count=3");
    LARDER_TRY(sql_finish(&text, err));
    out->info = text.text;
    text = (sql_text){0};
out:
    sql_release(&text);
    return rc;
}

/* ------------------------------------------------------------------ options */

/* SQLAlchemy's "postgresql+psycopg://..." as libpq has it, into `text`. */
static larder_status
plain_address(const char *whole, sql_text *text, larder_error *err)
{
    const char *colon = strstr(whole, "://");

    if (strncmp(whole, "postgres", 8) == 0 && colon != NULL &&
        memchr(whole, '+', (size_t)(colon - whole)) != NULL)
        sql_add(text, "postgresql%s", colon);
    else
        sql_add(text, "%s", whole);
    return sql_finish(text, err);
}

/* The address as the options have it: one text, or word by word. */
static larder_status
read_address(const larder_options *options, sql_text *text, larder_error *err)
{
    const char *whole = larder_options_find(options, "connection_string");
    const char *first = NULL;

    for (size_t i = 0; i < N_WORDS; i++) {
        const char *value = larder_options_find(options, words[i].option);

        if (value == NULL)
            continue;
        if (whole != NULL)
            return larder_fail(err, LARDER_INVALID,
                "'%s' beside 'connection_string': write it in there",
                words[i].option);
        if (first == NULL)
            first = words[i].option;
        add_word(text, words[i].keyword, value);
    }
    if (whole == NULL && first == NULL) {
        (void)larder_fail(err, LARDER_INVALID,
            "option 'connection_string' is missing: where is the database?");
        larder_hint(err, "write postgresql://USER@HOST/DATABASE, or host, user"
                         " and database");
        return LARDER_INVALID;
    }
    return whole == NULL ? sql_finish(text, err)
                         : plain_address(whole, text, err);
}

/* connect_timeout, of the options or else the address: whole seconds. */
static larder_status
read_timeout(const larder_options *options, const PQconninfoOption *info,
    postgres_options *out, larder_error *err)
{
    const char *text = larder_options_find(options, "connect_timeout");
    unsigned seconds = 0;

    if (text == NULL)
        text = find_word(info, "connect_timeout");
    if (text == NULL)
        text = "10";
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        seconds =
            seconds > 3600 ? seconds : seconds * 10 + (unsigned)(*at - '0');
    if (text[strspn(text, "0123456789")] != '\0' || seconds == 0 ||
        seconds > 3600)
        return larder_fail(err, LARDER_INVALID,
            "option 'connect_timeout' takes seconds from 1 to 3600, not '%s'",
            text);
    out->connect_seconds = seconds;
    return LARDER_OK;
}

/* Parse a text of libpq's; its words of failure may hold the password. */
static larder_status
parse(const char *text, PQconninfoOption **out, larder_error *err)
{
    char *message = NULL;

    *out = PQconninfoParse(text, &message);
    if (*out == NULL && message == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    PQfreemem(message);
    if (*out != NULL)
        return LARDER_OK;
    (void)larder_fail(err, LARDER_INVALID,
        "option 'connection_string' is no address of a PostgreSQL database");
    larder_hint(err, "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with"
                     " characters such as @ / : %% as %%40 %%2F %%3A %%25");
    return LARDER_INVALID;
}

static larder_status
check_names(
    const larder_options *options, const char *const *more, larder_error *err)
{
    const char *known[N_WORDS + 3 + N_MORE_MAX];
    size_t n = 0;

    known[n++] = "connection_string";
    known[n++] = "connect_timeout";
    known[n++] = "db_schema";
    for (size_t i = 0; i < N_WORDS; i++)
        known[n++] = words[i].option;
    for (; more != NULL && *more != NULL && n < sizeof known / sizeof *known;
         more++)
        known[n++] = *more;
    return larder_options_only(options, known, n, err);
}

/* A name that needs no escapes in any statement. */
static bool
is_schema(const char *name)
{
    size_t n = 0;

    for (; name[n] != '\0'; n++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789_-",
                name[n]) == NULL)
            return false;
    return n > 0 && n <= 63 && strncmp(name, "pg_", 3) != 0;
}

static larder_status
read_schema(
    const larder_options *options, postgres_options *out, larder_error *err)
{
    const char *schema = larder_options_find(options, "db_schema");

    out->has_schema = schema != NULL;
    if (schema == NULL)
        schema = "larder";
    if (!is_schema(schema))
        return larder_fail(err, LARDER_INVALID,
            "option 'db_schema' takes a name of letters, digits, '_' and '-',"
            " at most 63, that does not begin with pg_");
    out->schema = strdup(schema);
    return out->schema == NULL ? larder_fail(err, LARDER_NOMEM, "out of memory")
                               : LARDER_OK;
}

larder_status
postgres_options_read(const larder_options *options, const char *const *more,
    postgres_options *out, larder_error *err)
{
    postgres_options read = {0};
    PQconninfoOption *info = NULL;
    sql_text text = {0};
    char *host = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(check_names(options, more, err));
    LARDER_TRY(read_address(options, &text, err));
    LARDER_TRY(parse(text.text, &info, err));
    LARDER_TRY(read_timeout(options, info, &read, err));
    LARDER_TRY(read_schema(options, &read, err));
    if (find_word(info, "host") != NULL)
        host = strdup(find_word(info, "host"));
    else if (find_word(info, "hostaddr") == NULL)
        host = default_host();
    LARDER_TRY(write_info(info, host, &read, err));
    read.server = describe_server(info, host);
    if (read.server == NULL)
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
out:
    if (rc == LARDER_OK)
        *out = read;
    else
        postgres_options_free(&read);
    PQconninfoFree(info);
    sql_release(&text);
    free(host);
    return rc;
}

void
postgres_options_free(postgres_options *options)
{
    free(options->info);
    free(options->server);
    free(options->schema);
    *options = (postgres_options){0};
}
