/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - what systemd is told: that the server is ready, alive, stopping.
 */
#ifndef SERVE_NOTIFY_H
#define SERVE_NOTIFY_H

#include "larder.h"

/* Send words such as "READY=1" to the socket of NOTIFY_SOCKET; nothing without
 * one (NULL), and nobody is told of a failure: the service goes on. */
void notify_send(const char *socket, const char *words);
/* Half of WATCHDOG_USEC ("30000000"), in microseconds; 0: nobody watches. */
int64_t notify_interval(const char *watchdog_usec);

#endif
