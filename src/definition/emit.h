/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - text that grows, and scalars as YAML that reads back the same.
 *
 * A text remembers that memory ran out, so that nobody has to ask before the
 * end; open_memstream() does not: glibc loses what did not fit and says
 * nothing.
 */
#ifndef LDR_EMIT_H
#define LDR_EMIT_H

#include "larder.h"

/* {0} is an empty text. */
typedef struct ldr_emit {
    char *text;
    size_t size, room;
    bool failed; /* memory ran out: what came since is lost */
} ldr_emit;

void ldr_emit_bytes(ldr_emit *out, const void *bytes, size_t size);
void ldr_emit_string(ldr_emit *out, const char *text);
void ldr_emit_format(ldr_emit *out, const char *format, ...)
    LARDER_PRINTF(2, 3);
/* Hand the text over, closed by a NUL, yours to free(). False: no memory, and
 * nothing to free. The text is {0} again. */
bool ldr_emit_finish(ldr_emit *out, char **text, size_t *size);

/* A scalar that fits anywhere on one line, between brackets too. What could be
 * taken for something else by any YAML reader (a number, a date, yes) is in
 * double quotes. */
void ldr_emit_scalar(ldr_emit *out, const char *text);
/* The value of a key in a block indented by `indent`, with the line's end; text
 * of several lines becomes a literal block where it can. */
void ldr_emit_block(ldr_emit *out, int indent, const char *text);

#endif
