/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres.h - what every store in PostgreSQL shares: options, a connection, a
 * transaction, and errors in words.
 *
 * Made for transaction poolers: between our transactions a connection holds no
 * state of ours. All is inside explicit transactions; PQsendQueryParams and
 * COPY only; settings by SET LOCAL; never PREPARE, SET, LISTEN, a session lock,
 * or a temp table without ON COMMIT DROP; nothing but what a pooler takes in
 * the startup packet. libpq is used asynchronously, so that each wait ends by
 * the call's deadline or cancel flag (the server is then asked to cancel too).
 *
 * A connection serves one thread at a time. It is made when first needed and
 * made again when it was lost between transactions; one lost inside a
 * transaction fails that transaction.
 */
#ifndef BACKENDS_POSTGRES_H
#define BACKENDS_POSTGRES_H

#include "larder_backend.h"

#include <libpq-fe.h>

/* Where and as whom, read from a store's options: `connection_string` (a URI,
 * also SQLAlchemy's "postgresql+psycopg://...", or "host=... port=..."), or
 * Feast's host port database user password sslmode and the paths sslcert_path
 * sslkey_path sslrootcert_path; `db_schema`, `connect_timeout`. */
typedef struct postgres_options {
    char *info;      /* for PQconnectStart(); holds the password: never shown */
    char *server;    /* "db.example.com:5432, database e2i": for messages */
    char *schema;    /* of what Larder owns: db_schema, default "larder" */
    bool has_schema; /* db_schema was written */
    unsigned connect_seconds; /* the longest wait for one connection */
} postgres_options;

/* Options of the section beside those above are `more`, NULL-terminated.
 * INVALID names the option: unknown, missing, or TLS off (sslmode below
 * "require") to a host that is neither a socket nor loopback. Where sslmode is
 * not written it is verify-full there, and libpq's own default on loopback. */
larder_status postgres_options_read(const larder_options *options,
    const char *const *more, postgres_options *out, larder_error *err);
void postgres_options_free(postgres_options *options); /* {0} allowed */

/* {0} is closed. The fields are for reading. */
typedef struct postgres_link {
    const postgres_options *options;
    PGconn *conn;            /* NULL: not connected */
    const larder_call *call; /* whose patience counts; set by begin, and by
                              * whoever goes on for another */
    bool in_transaction;
    bool doubtful;    /* a COMMIT was sent and its answer never came */
    char sqlstate[6]; /* of the last failure; "": not the server's words */
    int wait_ms;      /* the longest wait beside the call's; 0: any */
} postgres_link;

typedef enum postgres_mode {
    POSTGRES_READ,     /* REPEATABLE READ, READ ONLY */
    POSTGRES_SNAPSHOT, /* REPEATABLE READ; temp tables may be made */
    POSTGRES_WRITE     /* READ COMMITTED */
} postgres_mode;

void postgres_link_init(postgres_link *link, const postgres_options *options);
void postgres_link_close(postgres_link *link); /* {0} allowed */

/* Connect if need be and BEGIN, with what sessions may have changed (a pooler
 * lends the connections of strangers) set for this transaction: search_path,
 * role and time limits as the server has them by default, UTC, ISO dates, and
 * row security off: an error rather than rows left out. A connection lost since
 * its last transaction, a starting or full server (57P03, 53300) and class 08
 * are tried again with pauses until the deadline (without one: 10 seconds, and
 * 3 where nobody listens). UNAVAILABLE (also: wrong password, no rights, TLS
 * refused, each by name), DEADLINE, INTERRUPTED. */
larder_status postgres_begin(postgres_link *link, postgres_mode mode,
    const larder_call *call, larder_error *err);
/* Whether the COMMIT took effect is unknown when the connection is lost during
 * it: UNAVAILABLE, the message says so and link->doubtful is set; callers make
 * their work repeatable. On failure the transaction is over. */
larder_status postgres_commit(postgres_link *link, larder_error *err);
void postgres_undo(postgres_link *link); /* ROLLBACK, if there is one open */

/* Run `body` in a write transaction; again, with pauses, after a serialization
 * failure, a deadlock or a server that went away before COMMIT (class 40, 57P,
 * 08) until the deadline (without one: 10 seconds). */
larder_status postgres_write(postgres_link *link, const larder_call *call,
    larder_status (*body)(
        void *context, postgres_link *link, larder_error *err),
    void *context, larder_error *err);

/* A parameter in PostgreSQL's binary form. */
typedef struct postgres_value {
    Oid type; /* 0: the server decides, and bytes are text, closed by a NUL */
    const void *bytes; /* NULL: null */
    int size;
} postgres_value;

/* One statement; *out (PQclear it; NULL not wanted) holds rows in binary form
 * (`binary`) or as text. A wait that the call ends asks the server to cancel,
 * and closes the connection: DEADLINE, INTERRUPTED. */
larder_status postgres_query(postgres_link *link, const char *sql,
    const postgres_value *values, int n_values, bool binary, PGresult **out,
    larder_error *err);
/* Statements without parameters and rows; several are separated by ';'. */
larder_status postgres_run(
    postgres_link *link, const char *sql, larder_error *err);

/* For tables Larder owns, in an open write transaction: make the schema of the
 * options if it is not there (only one program at a time gets beyond this,
 * until its transaction ends); and give a table of that schema row level
 * security, and take back what default privileges granted on it. */
larder_status postgres_schema_make(postgres_link *link, larder_error *err);
larder_status postgres_protect(
    postgres_link *link, const char *table, larder_error *err);

/* COPY ... FROM STDIN: begin, bytes, then end with the number of rows, or
 * abandon with `why`. */
larder_status postgres_copy_begin(
    postgres_link *link, const char *sql, larder_error *err);
larder_status postgres_copy_bytes(
    postgres_link *link, const char *bytes, size_t n, larder_error *err);
larder_status postgres_copy_end(
    postgres_link *link, uint64_t *n_rows, larder_error *err);
void postgres_copy_abandon(postgres_link *link, const char *why);

/* COPY ... TO STDOUT: each call gives a row's bytes, which PQfreemem() frees;
 * NULL at the end. */
larder_status postgres_copy_out_begin(
    postgres_link *link, const char *sql, larder_error *err);
larder_status postgres_copy_out(
    postgres_link *link, char **bytes, size_t *n, larder_error *err);

/* Words and status for a failure the server answered, by SQLSTATE: classes 08,
 * 28, 53, 57 and 42501 (who lacks which right), 25006 (a standby) UNAVAILABLE;
 * class 40 and 23505 CONFLICT; 55P03 BUSY; class 54 LIMIT; an undefined table
 * or schema NOT_FOUND; class 58 IO; XX001 and XX002 CORRUPT; the rest INVALID.
 * The server's own text and code, and what would be right. */
larder_status postgres_fail(
    postgres_link *link, const PGresult *result, larder_error *err);

#endif
