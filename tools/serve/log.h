/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - lines of the server's log, on standard error: each whole, in one
 * write, at most 8 KiB, without control characters.
 */
#ifndef SERVE_LOG_H
#define SERVE_LOG_H

#include "serve/serve.h"

/* What happened to the server itself; silent under -q. */
void log_note(const struct serve *serve, const char *format, ...)
    LARDER_PRINTF(2, 3);
/* A request that was answered with an error; all of them under -v. */
void log_request(const struct serve *serve, const struct request *request,
    const char *method, const char *path);

#endif
