/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonout.h - JSON written straight from rows; documents are jansson's.
 *
 * NaN and infinities have no JSON number: they are null.
 */
#ifndef JSONOUT_H
#define JSONOUT_H

#include <jansson.h>
#include <stdio.h>

#include "larder.h"

/* A whole document and a line end. */
void jsonout_document(FILE *file, const json_t *document);
/* The same on one line. */
void jsonout_line(FILE *file, const json_t *document);
/* One member's value inside a document that is written by hand, indented as
 * below its name. */
void jsonout_member(FILE *file, const json_t *value);
void jsonout_string(FILE *file, larder_bytes text);
void jsonout_value(FILE *file, const larder_value *value);
/* {"name": value, ...} of a row; the columns named in `lists` (NULL, or
 * NULL-terminated) hold "a, b" and become arrays; the first `n_tokens` hold
 * JSON as it was read. */
void jsonout_row(FILE *file, const larder_batch *batch, size_t row,
    const char *const *lists, size_t n_tokens);

#endif
