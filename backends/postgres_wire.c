/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_wire.c - one exchange with a PostgreSQL server: send, wait, collect.
 *
 * Every wait is a poll() of ours that ends by the call. Who gives up asks the
 * server to cancel and closes the connection; the asking itself may hang (a
 * stopped server), so it has a thread of its own and half a second.
 */
#include "postgres_wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_MS 50
#define CANCEL_MS 500

/* ------------------------------------------------------------------ waiting
 */

/* How long the next wait may be before the call is looked at again. */
static int
slice_of(const larder_call *call, const int *left_ms)
{
    int slice = call != NULL && call->cancel != NULL ? SLICE_MS : 1000;
    int64_t left;

    if (left_ms != NULL && *left_ms < slice)
        slice = *left_ms;
    if (call == NULL || call->deadline == 0 || call->monotonic == NULL)
        return slice;
    left = (call->deadline - call->monotonic()) / 1000 + 1;
    if (left < 0)
        return 0;
    return left < slice ? (int)left : slice;
}

larder_status
postgres_poll(int socket, short events, const larder_call *call, int *left_ms,
    larder_error *err)
{
    struct pollfd one = {.fd = socket, .events = events};

    for (;;) {
        larder_status rc =
            call == NULL ? LARDER_OK : larder_call_check(call, err);
        int slice = slice_of(call, left_ms);
        int n;

        if (rc != LARDER_OK)
            return rc;
        n = poll(&one, 1, slice);
        if (n > 0)
            return LARDER_OK; /* or broken: libpq will see */
        if (n < 0 && errno != EINTR)
            return larder_fail(err, LARDER_IO, "poll failed");
        if (n == 0 && left_ms != NULL && (*left_ms -= slice) <= 0) {
            *left_ms = 0;
            return larder_fail(err, LARDER_UNAVAILABLE, "no answer in time");
        }
    }
}

larder_status
postgres_pause(int ms, const larder_call *call, larder_error *err)
{
    larder_error passed = {0};
    larder_status rc = postgres_poll(-1, 0, call, &ms, &passed);

    if (rc == LARDER_UNAVAILABLE)
        return LARDER_OK;
    if (err != NULL)
        *err = passed;
    return rc;
}

/* Wait for the connection's socket. */
static larder_status
await(postgres_link *link, short events, larder_error *err)
{
    int left_ms = link->wait_ms;
    larder_status rc = postgres_poll(PQsocket(link->conn), events, link->call,
        link->wait_ms > 0 ? &left_ms : NULL, err);

    if (rc == LARDER_UNAVAILABLE)
        (void)larder_fail(
            err, rc, "%s: no answer in time", link->options->server);
    if (rc != LARDER_OK)
        postgres_drop(link);
    return rc;
}

/* ---------------------------------------------------------------- giving up
 */

/* What the thread of a cancel owns. */
struct canceller {
    PGcancel *cancel;
    int done; /* closed when the server was asked */
};

static void *
ask_to_cancel(void *context)
{
    struct canceller *canceller = context;
    char words[256];

    (void)PQcancel(canceller->cancel, words, (int)sizeof words);
    PQfreeCancel(canceller->cancel);
    (void)close(canceller->done);
    free(canceller);
    return NULL;
}

/* Start the thread, which takes no signals of the program's. */
static bool
start_canceller(struct canceller *canceller)
{
    sigset_t all, before;
    pthread_t thread;
    int failed;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    failed = pthread_create(&thread, NULL, ask_to_cancel, canceller);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        (void)pthread_detach(thread);
    return failed == 0;
}

static void
cancel(PGconn *conn)
{
    struct canceller *canceller = malloc(sizeof *canceller);
    int ends[2], left_ms = CANCEL_MS;

    if (canceller == NULL || pipe(ends) != 0) {
        free(canceller);
        return;
    }
    *canceller =
        (struct canceller){.cancel = PQgetCancel(conn), .done = ends[1]};
    if (canceller->cancel != NULL && start_canceller(canceller)) {
        (void)postgres_poll(ends[0], POLLIN, NULL, &left_ms, NULL);
    } else {
        PQfreeCancel(canceller->cancel);
        (void)close(ends[1]);
        free(canceller);
    }
    (void)close(ends[0]);
}

void
postgres_drop(postgres_link *link)
{
    if (link->conn != NULL && PQstatus(link->conn) == CONNECTION_OK &&
        PQtransactionStatus(link->conn) == PQTRANS_ACTIVE)
        cancel(link->conn);
    PQfinish(link->conn);
    link->conn = NULL;
    link->in_transaction = false;
}

/* --------------------------------------------------------------- exchanging
 */

/* Send what libpq holds; what comes meanwhile is taken in. */
static larder_status
flush(postgres_link *link, larder_error *err)
{
    larder_status rc = LARDER_OK;
    int left;

    while ((left = PQflush(link->conn)) > 0) {
        LARDER_TRY(await(link, POLLIN | POLLOUT, err));
        if (PQconsumeInput(link->conn) == 0)
            break;
    }
    /* A server that went away may have said why: collecting finds it. */
out:
    return rc;
}

/* The next result; NULL is their end. */
static larder_status
next_result(postgres_link *link, PGresult **out, larder_error *err)
{
    while (PQisBusy(link->conn)) {
        larder_status rc = await(link, POLLIN, err);

        if (rc != LARDER_OK)
            return rc;
        if (PQconsumeInput(link->conn) == 0)
            break;
    }
    *out = PQgetResult(link->conn);
    return LARDER_OK;
}

static bool
is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
           status == PGRES_COPY_BOTH;
}

static bool
is_failure(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
           status != PGRES_EMPTY_QUERY && !is_copy(result);
}

larder_status
postgres_collect(postgres_link *link, PGresult **out, larder_error *err)
{
    PGresult *kept = NULL, *result = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(flush(link, err));
    for (;;) {
        LARDER_TRY(next_result(link, &result, err));
        if (result == NULL)
            break;
        if (kept != NULL && is_failure(kept)) {
            PQclear(result);
            continue;
        }
        PQclear(kept);
        kept = result;
        if (is_copy(kept))
            break;
    }
    if (kept == NULL)
        LARDER_TRY(postgres_fail_lost(link, err));
    if (is_failure(kept))
        LARDER_TRY(postgres_fail(link, kept, err));
    *out = kept;
    kept = NULL;
out:
    PQclear(kept);
    if (link->conn != NULL && PQstatus(link->conn) == CONNECTION_BAD)
        postgres_drop(link);
    return rc;
}

/* Is there a connection to send by? */
static larder_status
check_open(postgres_link *link, larder_error *err)
{
    link->sqlstate[0] = '\0';
    if (link->conn == NULL)
        return larder_fail(err, LARDER_UNAVAILABLE,
            "%s: the connection was lost", link->options->server);
    return link->call == NULL ? LARDER_OK : larder_call_check(link->call, err);
}

larder_status
postgres_exchange(
    postgres_link *link, const char *sql, PGresult **out, larder_error *err)
{
    larder_status rc = check_open(link, err);

    if (rc != LARDER_OK)
        return rc;
    return PQsendQuery(link->conn, sql) == 1 ? postgres_collect(link, out, err)
                                             : postgres_fail_lost(link, err);
}

larder_status
postgres_run(postgres_link *link, const char *sql, larder_error *err)
{
    PGresult *result = NULL;
    larder_status rc = postgres_exchange(link, sql, &result, err);

    PQclear(result);
    return rc;
}

/* Parameters as libpq takes them: one array each. */
struct parameters {
    Oid *types;
    const char **values;
    int *sizes, *formats;
};

static void
free_parameters(struct parameters *parameters)
{
    free(parameters->types);
    free(parameters->values);
    free(parameters->sizes);
    free(parameters->formats);
}

static bool
fill_parameters(
    struct parameters *parameters, const postgres_value *values, int n_values)
{
    size_t n = n_values > 0 ? (size_t)n_values : 1;

    *parameters = (struct parameters){.types = calloc(n, sizeof(Oid)),
        .values = calloc(n, sizeof(char *)),
        .sizes = calloc(n, sizeof(int)),
        .formats = calloc(n, sizeof(int))};
    if (parameters->types == NULL || parameters->values == NULL ||
        parameters->sizes == NULL || parameters->formats == NULL)
        return false;
    for (int i = 0; i < n_values; i++) {
        parameters->types[i] = values[i].type;
        parameters->values[i] = values[i].bytes;
        parameters->sizes[i] = values[i].size;
        parameters->formats[i] = values[i].type != 0;
    }
    return true;
}

larder_status
postgres_query(postgres_link *link, const char *sql,
    const postgres_value *values, int n_values, bool binary, PGresult **out,
    larder_error *err)
{
    struct parameters parameters = {0};
    PGresult *result = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(check_open(link, err));
    if (!fill_parameters(&parameters, values, n_values))
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    if (PQsendQueryParams(link->conn, sql, n_values, parameters.types,
            parameters.values, parameters.sizes, parameters.formats,
            binary) != 1)
        LARDER_TRY(postgres_fail_lost(link, err));
    LARDER_TRY(postgres_collect(link, &result, err));
    if (out != NULL) {
        *out = result;
        result = NULL;
    }
out:
    PQclear(result);
    free_parameters(&parameters);
    return rc;
}

/* -------------------------------------------------------------------- COPY
 */

static larder_status
begin_copy(postgres_link *link, const char *sql, ExecStatusType wanted,
    larder_error *err)
{
    PGresult *result = NULL;
    larder_status rc = postgres_exchange(link, sql, &result, err);

    if (rc == LARDER_OK && PQresultStatus(result) != wanted) {
        rc = larder_fail(err, LARDER_INVALID, "%s: this is no COPY: %s",
            link->options->server, sql);
        postgres_drop(link);
    }
    PQclear(result);
    return rc;
}

larder_status
postgres_copy_begin(postgres_link *link, const char *sql, larder_error *err)
{
    return begin_copy(link, sql, PGRES_COPY_IN, err);
}

/* The server ended a COPY early, or went away: its words. */
static larder_status
fail_copy(postgres_link *link, larder_error *err)
{
    PGresult *result = NULL;
    larder_status rc = postgres_collect(link, &result, err);

    if (rc != LARDER_OK)
        return rc;
    PQclear(result);
    return postgres_fail_lost(link, err);
}

larder_status
postgres_copy_bytes(
    postgres_link *link, const char *bytes, size_t n, larder_error *err)
{
    const size_t piece_max = (size_t)1 << 20;
    larder_status rc = LARDER_OK;

    LARDER_TRY(check_open(link, err));
    while (n > 0) {
        size_t piece = n < piece_max ? n : piece_max;
        int taken = PQputCopyData(link->conn, bytes, (int)piece);

        if (taken < 0 || PQstatus(link->conn) != CONNECTION_OK)
            LARDER_TRY(fail_copy(link, err));
        LARDER_TRY(flush(link, err));
        if (taken == 0)
            continue;
        bytes += piece;
        n -= piece;
    }
out:
    return rc;
}

/* The rows of "COPY 42". */
static uint64_t
count_rows(PGresult *result)
{
    uint64_t n = 0;

    for (const char *at = PQcmdTuples(result); *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

larder_status
postgres_copy_end(postgres_link *link, uint64_t *n_rows, larder_error *err)
{
    PGresult *result = NULL;
    larder_status rc = check_open(link, err);

    if (rc != LARDER_OK)
        return rc;
    if (PQputCopyEnd(link->conn, NULL) < 0)
        return fail_copy(link, err);
    rc = postgres_collect(link, &result, err);
    if (rc == LARDER_OK && n_rows != NULL)
        *n_rows = count_rows(result);
    PQclear(result);
    return rc;
}

void
postgres_copy_abandon(postgres_link *link, const char *why)
{
    PGresult *result = NULL;

    if (link->conn == NULL)
        return;
    if (PQputCopyEnd(link->conn, why) < 0)
        postgres_drop(link);
    else
        (void)postgres_collect(link, &result, NULL);
    PQclear(result);
}

larder_status
postgres_copy_out_begin(postgres_link *link, const char *sql, larder_error *err)
{
    return begin_copy(link, sql, PGRES_COPY_OUT, err);
}

larder_status
postgres_copy_out(
    postgres_link *link, char **bytes, size_t *n, larder_error *err)
{
    PGresult *result = NULL;
    larder_status rc = LARDER_OK;
    int size;

    LARDER_TRY(check_open(link, err));
    while ((size = PQgetCopyData(link->conn, bytes, 1)) == 0) {
        LARDER_TRY(await(link, POLLIN, err));
        if (PQconsumeInput(link->conn) == 0)
            LARDER_TRY(postgres_fail_lost(link, err));
    }
    if (size > 0) {
        *n = (size_t)size;
        goto out;
    }
    *bytes = NULL;
    *n = 0;
    LARDER_TRY(postgres_collect(link, &result, err));
out:
    PQclear(result);
    return rc;
}
