/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.h - the table of operations in words: for a terminal, as JSON, as a
 * manual page, and as completion for shells.
 */
#ifndef HELP_H
#define HELP_H

#include <jansson.h>
#include <stdio.h>

#include "operation.h"

void help_overview(FILE *file);
void help_operation(FILE *file, const struct operation *operation);
/* NULL: all of them. */
json_t *help_json(const struct operation *operation);
/* docs/larder.1 */
void help_manual(FILE *file);
/* False: there is no such shell. */
bool help_completion(FILE *file, const char *shell);

/* "larder join SPINE [OPTIONS]" */
void help_synopsis(FILE *file, const struct operation *operation);

#endif
