/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - the daemons that receive requests and send answers: one a core, each
 * an epoll thread, all on one port.
 */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include "serve/serve.h"

struct http;

/* Addresses as listen.h has them. INVALID, IO (a port that is taken: named). */
larder_status http_open(struct serve *serve, const char *address,
    struct http **out, larder_error *err);
/* "http://127.0.0.1:6566", with the port that was found. */
const char *http_url(const struct http *http);
/* End connections that take too long; to be called a few times a second. */
void http_look(struct http *http);
/* Take no new connections; the present ones are answered. */
void http_drain(struct http *http);
/* Requests that are being received or answered. */
unsigned http_busy(const struct http *http);
void http_close(struct http *http);

#endif
