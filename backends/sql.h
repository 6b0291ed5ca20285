/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.h - SQL text that stores share: built piece by piece, names quoted.
 *
 * Values never become text: they are bound. {0} is empty and releasable.
 */
#ifndef BACKENDS_SQL_H
#define BACKENDS_SQL_H

#include "larder_backend.h"

typedef struct sql_text {
    char *text; /* closed by a NUL after sql_finish() */
    size_t size, room;
    bool failed; /* there was no memory for all of it */
} sql_text;

/* Add words, formatted. */
void sql_add(sql_text *sql, const char *format, ...) LARDER_PRINTF(2, 3);
/* Add a name in double quotes, those within doubled. */
void sql_name(sql_text *sql, const char *name);
/* Add names, each between `before` and `after`, commas between them. */
void sql_names(sql_text *sql, const char *before, const char *const *names,
    size_t n_names, const char *after);
/* The text is whole now. NOMEM tells that any of the above had no memory. */
larder_status sql_finish(sql_text *sql, larder_error *err);
void sql_release(sql_text *sql);

#endif
