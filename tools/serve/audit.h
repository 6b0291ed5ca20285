/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - who wrote what, and when: a line of JSON for each request that may
 * write, and for each new generation.
 */
#ifndef SERVE_AUDIT_H
#define SERVE_AUDIT_H

#include "serve/serve.h"

/* Lines are appended to the file, made for its owner alone. IO. */
larder_status audit_open(
    const char *path, struct audit **out, larder_error *err);
/* The file of that name, which may be another by now. On failure lines go on
 * into the one before. IO. */
larder_status audit_reopen(struct audit *audit, larder_error *err);
/* Is this a request that the audit is of? */
bool audit_concerns(const struct request *request);
/* Before it acts: can a line be written? Else it is answered, 503, and must not
 * act. True without an audit. */
bool audit_begin(struct serve *serve, struct request *request);
/* After it acted. A line that is lost turns the answer into a 503 that says the
 * writing was done, and audit_begin() refuses until the loss is written. */
void audit_end(struct serve *serve, struct request *request);
void audit_generation(struct serve *serve, uint64_t from, uint64_t to);
void audit_close(struct audit *audit);

#endif
