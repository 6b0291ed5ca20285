/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - sockets that take connections.
 */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include "larder.h"

#define LISTEN_URL_ROOM 160

/* Open `n` sockets on one address: "127.0.0.1:6566", "[::1]:0" (any free port),
 * "localhost:80", or "unix:PATH". The kernel spreads connections over them. A
 * port that somebody listens on is IO, also where the system would share it.
 * *url says where, with the port that was found. INVALID, IO. */
larder_status listen_open(const char *address, bool tls, unsigned n, int *fds,
    char url[LISTEN_URL_ROOM], larder_error *err);
/* Does only this machine reach the address? INVALID. */
larder_status listen_is_local(
    const char *address, bool *out, larder_error *err);

#endif
