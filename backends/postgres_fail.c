/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_fail.c - what PostgreSQL says, as a status and words of ours.
 *
 * By SQLSTATE, since texts follow the server's language. Before a connection
 * stands libpq gives only text; there the code is read from the text, and hints
 * alone hang on words. Poolers speak the same protocol.
 */
#include "postgres_wire.h"

#include <stdio.h>
#include <string.h>

/* What a code, or the codes that begin so, comes to. The first that fits. */
static const struct meaning {
    const char *code;
    larder_status status;
    const char *hint;
} meanings[] = {
    {"0A000", LARDER_UNSUPPORTED, NULL},
    {"08", LARDER_UNAVAILABLE, NULL},
    {"22", LARDER_INVALID, NULL},
    {"23505", LARDER_CONFLICT, NULL},
    {"25006", LARDER_UNAVAILABLE,
        "it takes no writes: a standby, or default_transaction_read_only is"
        " on; name the primary server"},
    {"25P03", LARDER_UNAVAILABLE,
        "raise idle_in_transaction_session_timeout of this role"},
    {"28", LARDER_UNAVAILABLE, "check user and password"},
    {"3D000", LARDER_UNAVAILABLE, "create the database, or correct its name"},
    {"3F000", LARDER_NOT_FOUND, NULL},
    {"40", LARDER_CONFLICT, "try again"},
    {"42501", LARDER_UNAVAILABLE,
        "let its owner GRANT this role what it lacks"},
    {"42P01", LARDER_NOT_FOUND, NULL},
    {"53100", LARDER_UNAVAILABLE, "make room on the server's disk"},
    {"53200", LARDER_UNAVAILABLE, "the server has no memory left"},
    {"53300", LARDER_UNAVAILABLE,
        "raise max_connections, or use a pooler such as pgbouncer"},
    {"53", LARDER_UNAVAILABLE, NULL},
    {"54", LARDER_LIMIT, NULL},
    {"55P03", LARDER_BUSY, "another program holds a lock: try later"},
    {"57014", LARDER_UNAVAILABLE,
        "the server's own limit cut it short: raise statement_timeout of this"
        " role"},
    {"57P03", LARDER_UNAVAILABLE, "it is starting or stopping: try later"},
    {"57", LARDER_UNAVAILABLE, "try again"},
    {"58", LARDER_IO, NULL},
    {"XX001", LARDER_CORRUPT, "restore the database from a copy"},
    {"XX002", LARDER_CORRUPT, "REINDEX, or restore the database"},
};

static const struct meaning *
find_meaning(const char *code)
{
    static const struct meaning other = {"", LARDER_INVALID, NULL};

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strncmp(code, meanings[i].code, strlen(meanings[i].code)) == 0)
            return &meanings[i];
    return &other;
}

static void
keep_code(postgres_link *link, const char *code)
{
    (void)snprintf(link->sqlstate, sizeof link->sqlstate, "%.5s",
        code == NULL ? "" : code);
}

/* Our own cancel comes back as 57014: then it is the caller who gave up. */
static larder_status
caller_gave_up(const postgres_link *link, larder_error *err)
{
    return link->call != NULL && strcmp(link->sqlstate, "57014") == 0
               ? larder_call_check(link->call, err)
               : LARDER_OK;
}

larder_status
postgres_fail(postgres_link *link, const PGresult *result, larder_error *err)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const struct meaning *meaning;
    larder_status rc;

    if (code == NULL || text == NULL)
        return postgres_fail_lost(link, err);
    keep_code(link, code);
    rc = caller_gave_up(link, err);
    if (rc != LARDER_OK)
        return rc;
    meaning = find_meaning(code);
    (void)larder_fail(err, meaning->status, "%s: %s (%s)",
        link->options->server, text, link->sqlstate);
    if (hint != NULL && hint[0] != '\0')
        larder_hint(err, "%s", hint);
    else if (meaning->hint != NULL)
        larder_hint(err, "%s", meaning->hint);
    return meaning->status;
}

larder_status
postgres_fail_lost(postgres_link *link, larder_error *err)
{
    const char *text = link->conn == NULL ? "" : PQerrorMessage(link->conn);
    size_t n = strcspn(text, "\n");

    keep_code(link, NULL);
    (void)larder_fail(err, LARDER_UNAVAILABLE,
        n == 0 ? "%s: the connection was lost"
               : "%s: the connection was lost: %.*s",
        link->options->server, (int)n, text);
    larder_hint(err, "try again");
    postgres_drop(link);
    return LARDER_UNAVAILABLE;
}

/* -------------------------------------------------------------- connecting */

/* In a text of libpq's, "FATAL:  28P01: password ..." (the last one): where the
 * words after the code begin. NULL: the server said nothing. */
static const char *
find_code(const char *text, const char **code)
{
    const char *found = NULL;

    for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at += 3) {
        const char *word = at + 3;

        if (strspn(word, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
            word[5] == ':' && word[6] == ' ') {
            *code = word;
            found = word + 7;
        }
    }
    return found;
}

/* The words without "connection to server at ... failed: ". */
static const char *
find_words(const char *text)
{
    const char *found = text;

    for (const char *at = text; (at = strstr(at, "failed: ")) != NULL;) {
        at += strlen("failed: ");
        found = at;
    }
    return found;
}

/* For a failure that is not the server's own. */
static const char *
hint_of(const char *words)
{
    static const struct hint {
        const char *words, *hint;
    } hints[] = {
        {"root certificate file",
            "name the file with the server's authority as sslrootcert"},
        {"certificate", "the server is another one than it should be, or"
                        " sslrootcert names another authority than its own"},
        {"does not match host name", "use the name the certificate is for"},
        {"does not support SSL", "its TLS is off: turn it on there"},
        {"no password supplied", "write the password, as ${NAME}"},
        {"translate host name", "check the name of the host"},
        {"Network is unreachable",
            "the host may have IPv6 addresses only: use its pooler's name"},
    };

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(words, hints[i].words) != NULL)
            return hints[i].hint;
    return "is the server running, and does it listen there?";
}

larder_status
postgres_fail_connect(
    postgres_link *link, const PGconn *conn, larder_error *err)
{
    const char *text = PQerrorMessage(conn);
    const char *code = NULL;
    const char *words = find_code(text, &code);
    const struct meaning *meaning;

    keep_code(link, code);
    if (words == NULL) {
        words = find_words(text);
        (void)larder_fail(err, LARDER_UNAVAILABLE, "%s: %.*s",
            link->options->server, (int)strcspn(words, "\n"), words);
        larder_hint(err, "%s", hint_of(words));
        return LARDER_UNAVAILABLE;
    }
    meaning = find_meaning(link->sqlstate);
    (void)larder_fail(err, LARDER_UNAVAILABLE, "%s: %.*s (%s)",
        link->options->server, (int)strcspn(words, "\n"), words,
        link->sqlstate);
    if (strstr(words, "no encryption") != NULL)
        larder_hint(err, "it may want TLS: write sslmode verify-full");
    else if (strstr(words, "authentication failed") != NULL)
        larder_hint(err, "check user and password"); /* a pooler's */
    else if (meaning->hint != NULL)
        larder_hint(err, "%s", meaning->hint);
    return LARDER_UNAVAILABLE;
}
