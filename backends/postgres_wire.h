/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_wire.h - waiting for a server, giving up on it, and its words; for
 * the files of postgres.h alone.
 */
#ifndef BACKENDS_POSTGRES_WIRE_H
#define BACKENDS_POSTGRES_WIRE_H

#include "postgres.h"

/* Wait until the socket can do one of the poll() events: at most *left_ms of
 * them, which it counts down (NULL: any time). UNAVAILABLE (*left_ms is 0),
 * DEADLINE, INTERRUPTED. */
larder_status postgres_poll(int socket, short events, const larder_call *call,
    int *left_ms, larder_error *err);
/* Let so much time pass. DEADLINE, INTERRUPTED: it was cut short. */
larder_status postgres_pause(
    int ms, const larder_call *call, larder_error *err);

/* Close the connection, and ask the server to cancel what it is at. */
void postgres_drop(postgres_link *link);
/* The results of what was sent, to their end or to the begin of a COPY: the
 * first failure, else the last. A failure is in words, and *out untouched. */
larder_status postgres_collect(
    postgres_link *link, PGresult **out, larder_error *err);
/* Send one simple query, and collect. */
larder_status postgres_exchange(
    postgres_link *link, const char *sql, PGresult **out, larder_error *err);

/* Words for a connection that was not made; sets link->sqlstate. */
larder_status postgres_fail_connect(
    postgres_link *link, const PGconn *conn, larder_error *err);
/* Words for one that broke; it is closed. */
larder_status postgres_fail_lost(postgres_link *link, larder_error *err);

#endif
