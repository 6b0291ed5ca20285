/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres.c - a connection to PostgreSQL and its transactions.
 *
 * Connecting, beginning, ending, and which failures are tried again. What goes
 * over the wire in between is postgres_wire.c's, words of failures are
 * postgres_fail.c's.
 */
#include "postgres_wire.h"

#include <poll.h>
#include <string.h>

/* How long failures are tried again where the call sets no deadline: of a
 * server that is starting, full or restarting; and of one that is not there. */
#define PATIENCE_MS 10000
#define PATIENCE_ABSENT_MS 3000
#define PAUSE_MAX_MS 500
#define UNDO_MS 2000

/* What a stranger on the same connection may have set, for this transaction
 * as the server has it by default, or as we need it. */
#define SETTINGS                                                               \
    ";SET LOCAL search_path TO DEFAULT"                                        \
    ";SET LOCAL role TO DEFAULT"                                               \
    ";SET LOCAL statement_timeout TO DEFAULT"                                  \
    ";SET LOCAL lock_timeout TO DEFAULT"                                       \
    ";SET LOCAL idle_in_transaction_session_timeout TO DEFAULT"                \
    ";SET LOCAL synchronous_commit TO DEFAULT"                                 \
    ";SET LOCAL row_security TO off"                                           \
    ";SET LOCAL timezone TO 'UTC'"                                             \
    ";SET LOCAL datestyle TO 'ISO, MDY'"                                       \
    ";SET LOCAL intervalstyle TO 'postgres'"                                   \
    ";SET LOCAL bytea_output TO 'hex'"                                         \
    ";SET LOCAL extra_float_digits TO 1"                                       \
    ";SET LOCAL standard_conforming_strings TO on"                             \
    ";SET LOCAL transform_null_equals TO off"                                  \
    ";SET LOCAL client_min_messages TO warning"

static const char *const begins[] = {
    [POSTGRES_READ] =
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" SETTINGS,
    [POSTGRES_SNAPSHOT] = "BEGIN ISOLATION LEVEL REPEATABLE READ" SETTINGS,
    [POSTGRES_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED" SETTINGS,
};

void
postgres_link_init(postgres_link *link, const postgres_options *options)
{
    *link = (postgres_link){.options = options};
}

void
postgres_link_close(postgres_link *link)
{
    postgres_undo(link);
    postgres_drop(link);
    *link = (postgres_link){0};
}

/* -------------------------------------------------------------- connecting */

static void
be_quiet(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

/* Follow libpq through the steps of one connection. */
static larder_status
take_steps(postgres_link *link, PGconn *conn, larder_error *err)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    int left_ms = (int)link->options->connect_seconds * 1000;

    while (step != PGRES_POLLING_OK) {
        short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        larder_status rc =
            postgres_poll(PQsocket(conn), events, link->call, &left_ms, err);

        if (rc == LARDER_UNAVAILABLE) {
            (void)larder_fail(err, rc, "%s: no answer within %u s",
                link->options->server, link->options->connect_seconds);
            larder_hint(err, "check host and port, and what is between");
        }
        if (rc != LARDER_OK)
            return rc;
        step = PQconnectPoll(conn);
        if (step == PGRES_POLLING_FAILED)
            return postgres_fail_connect(link, conn, err);
    }
    return LARDER_OK;
}

static larder_status
connect_once(postgres_link *link, larder_error *err)
{
    PGconn *conn = PQconnectStart(link->options->info);
    larder_status rc = LARDER_OK;

    if (conn == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    (void)PQsetNoticeReceiver(conn, be_quiet, NULL);
    /* The only way to a SQLSTATE before the connection stands. */
    (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    if (PQstatus(conn) == CONNECTION_BAD)
        LARDER_TRY(postgres_fail_connect(link, conn, err));
    LARDER_TRY(take_steps(link, conn, err));
    (void)PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(conn, 1) != 0)
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    link->conn = conn;
    conn = NULL;
out:
    PQfinish(conn);
    return rc;
}

/* ------------------------------------------------------------- trying again
 */

/* Will it be the same the next time? Poolers say most things with one code. */
static bool
is_lasting(const char *words)
{
    static const char *const lasting[] = {"SSL", "certificate", "password",
        "authentication failed", "no such", "translate host",
        "no answer within"};

    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        if (strstr(words, lasting[i]) != NULL)
            return true;
    return false;
}

/* How long it is worth to try again after a failure that left no connection or
 * no transaction; 0: it is not. */
static int
patience_of(const postgres_link *link, larder_status rc, const char *words)
{
    const char *code = link->sqlstate;

    if (rc != LARDER_UNAVAILABLE)
        return 0;
    if (strcmp(code, "53300") == 0 || strncmp(code, "57P", 3) == 0)
        return PATIENCE_MS;
    /* A BEGIN that took too long had a stranger's statement_timeout. */
    if (strcmp(code, "57014") == 0)
        return PATIENCE_ABSENT_MS;
    if (code[0] != '\0' && strncmp(code, "08", 2) != 0)
        return 0;
    return is_lasting(words) ? 0 : PATIENCE_ABSENT_MS;
}

/* Pause before turn number `turn`. False: the time is over, *rc and *failure
 * say why; a deadline that ends the pause leaves the failure as it was. */
static bool
wait_for_turn(postgres_link *link, unsigned turn, int *waited_ms,
    int patience_ms, larder_status *rc, larder_error *failure)
{
    const larder_call *call = link->call;
    bool bounded =
        call != NULL && call->deadline != 0 && call->monotonic != NULL;
    int ms = 20 << (turn < 5 ? turn : 5);
    larder_error passed = {0};
    larder_status waited;

    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    if (patience_ms == 0 || (!bounded && *waited_ms >= patience_ms))
        return false;
    *waited_ms += ms;
    waited = postgres_pause(ms, call, &passed);
    if (waited == LARDER_INTERRUPTED) {
        *rc = waited;
        *failure = passed;
    }
    return waited == LARDER_OK;
}

static larder_status
try_begin(postgres_link *link, postgres_mode mode, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (link->conn != NULL &&
        (PQstatus(link->conn) != CONNECTION_OK ||
            PQtransactionStatus(link->conn) != PQTRANS_IDLE))
        postgres_drop(link);
    link->sqlstate[0] = '\0';
    if (link->conn == NULL)
        LARDER_TRY(connect_once(link, err));
    LARDER_TRY(postgres_run(link, begins[mode], err));
    link->in_transaction = true;
out:
    if (rc != LARDER_OK)
        postgres_undo(link);
    return rc;
}

/* A deadline that comes while a failure is tried again tells that failure. */
static larder_status
try_again(postgres_link *link, postgres_mode mode, larder_status before,
    larder_error *failure)
{
    larder_error now = {0};
    larder_status rc =
        link->call == NULL ? LARDER_OK : larder_call_check(link->call, &now);

    if (rc == LARDER_OK)
        rc = try_begin(link, mode, &now);
    if (rc == LARDER_DEADLINE && before == LARDER_UNAVAILABLE)
        return before;
    *failure = now;
    return rc;
}

larder_status
postgres_begin(postgres_link *link, postgres_mode mode, const larder_call *call,
    larder_error *err)
{
    larder_error failure = {0};
    larder_status rc = LARDER_OK;
    int waited_ms = 0, patience_ms;

    link->call = call;
    link->doubtful = false;
    for (unsigned turn = 0;; turn++) {
        rc = try_again(link, mode, rc, &failure);
        if (rc == LARDER_OK)
            return rc;
        link->call = call;
        patience_ms = patience_of(link, rc, failure.message);
        if (!wait_for_turn(link, turn, &waited_ms, patience_ms, &rc, &failure))
            break;
    }
    if (err != NULL)
        *err = failure;
    return rc;
}

/* ------------------------------------------------------------------ ending */

/* After a failed COMMIT: can the server have kept the work all the same? */
static bool
is_doubtful(const postgres_link *link)
{
    return link->sqlstate[0] == '\0' || strncmp(link->sqlstate, "08", 2) == 0 ||
           strncmp(link->sqlstate, "57", 2) == 0;
}

larder_status
postgres_commit(postgres_link *link, larder_error *err)
{
    PGresult *result = NULL;
    bool open = link->conn != NULL && link->in_transaction;
    larder_status rc = LARDER_OK;

    link->doubtful = false;
    if (link->call != NULL)
        LARDER_TRY(larder_call_check(link->call, err));
    rc = postgres_exchange(link, "COMMIT", &result, err);
    if (rc != LARDER_OK && open && is_doubtful(link)) {
        link->doubtful = true;
        larder_context(err, "whether the work was kept is not known");
    }
    LARDER_TRY(rc);
    /* A transaction that failed before answers so, and that is no failure. */
    if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        rc = larder_fail(err, LARDER_INVALID,
            "%s: the transaction had failed, and was rolled back",
            link->options->server);
    link->in_transaction = false;
out:
    PQclear(result);
    postgres_undo(link);
    return rc;
}

void
postgres_undo(postgres_link *link)
{
    PGTransactionStatusType status =
        link->conn == NULL ? PQTRANS_IDLE : PQtransactionStatus(link->conn);
    char code[sizeof link->sqlstate];

    link->in_transaction = false;
    if (status == PQTRANS_IDLE)
        return;
    if (status != PQTRANS_INTRANS && status != PQTRANS_INERROR) {
        postgres_drop(link);
        return;
    }
    memcpy(code, link->sqlstate, sizeof code);
    link->call = NULL; /* also for a caller who waits no longer */
    link->wait_ms = UNDO_MS;
    if (postgres_run(link, "ROLLBACK", NULL) != LARDER_OK)
        postgres_drop(link);
    link->wait_ms = 0;
    memcpy(link->sqlstate, code, sizeof code);
}

/* ----------------------------------------------------------- whole writes */

/* May the whole transaction run again? It was surely not kept. */
static int
patience_of_write(const postgres_link *link, larder_status rc)
{
    const char *code = link->sqlstate;

    if (link->doubtful)
        return 0;
    if (strncmp(code, "40", 2) == 0 || strncmp(code, "57P", 3) == 0 ||
        strncmp(code, "08", 2) == 0)
        return PATIENCE_MS;
    return rc == LARDER_UNAVAILABLE && code[0] == '\0' && link->conn == NULL
               ? PATIENCE_MS
               : 0;
}

static larder_status
write_once(postgres_link *link,
    larder_status (*body)(
        void *context, postgres_link *link, larder_error *err),
    void *context, larder_error *err)
{
    larder_status rc = body(context, link, err);

    if (rc == LARDER_OK)
        return postgres_commit(link, err);
    postgres_undo(link);
    return rc;
}

larder_status
postgres_write(postgres_link *link, const larder_call *call,
    larder_status (*body)(
        void *context, postgres_link *link, larder_error *err),
    void *context, larder_error *err)
{
    larder_error failure = {0};
    larder_status rc;
    int waited_ms = 0, patience_ms;

    for (unsigned turn = 0;; turn++) {
        rc = postgres_begin(link, POSTGRES_WRITE, call, err);
        if (rc != LARDER_OK)
            return rc;
        rc = write_once(link, body, context, &failure);
        if (rc == LARDER_OK)
            return rc;
        patience_ms = patience_of_write(link, rc);
        link->call = call;
        if (!wait_for_turn(link, turn, &waited_ms, patience_ms, &rc, &failure))
            break;
    }
    if (err != NULL)
        *err = failure;
    return rc;
}
