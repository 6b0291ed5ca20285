/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - scalars as YAML that reads back as the same text.
 *
 * What could be taken for something else by any YAML reader (a number, a date,
 * yes) is written in double quotes.
 */
#ifndef LDR_EMIT_H
#define LDR_EMIT_H

#include <stdio.h>

/* Fits anywhere on one line, between brackets too. */
void ldr_emit_text(FILE *out, const char *text);
/* The value of a key in a block indented by `indent`, with the line's end; text
 * of several lines becomes a literal block where it can. */
void ldr_emit_block(FILE *out, int indent, const char *text);

#endif
