/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.h - what tests share: temporary folders, files of text, a call with
 * a fixed moment, and the end of every main().
 *
 * Each of these fails the test at once (or, outside one, the program) rather
 * than return an error: a test that cannot be set up proves nothing.
 *
 * Check writes a line for every assertion that holds: loops of 10,000 rounds
 * and more ask `if (...) ck_abort_msg(...)` instead.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <check.h>

#include "larder.h"

/* A new, empty folder below $TMPDIR or /tmp. The path is yours to free(). */
char *support_folder(void);
/* Remove the folder with all that is in it; the path stays yours. */
void support_remove(const char *folder);

/* Write folder/name, whose parents are made as needed ("features/v.yaml"). */
void support_write(const char *folder, const char *name, const char *text);
/* A whole file, closed by a NUL, yours to free(). */
char *support_read(const char *path);

/* A call that asks for nothing but its moment. */
larder_call support_call(larder_time now);

/* Deterministic numbers for random data: the next one of *state, which may
 * begin at anything (splitmix64); and one in [0, n). */
uint64_t support_random(uint64_t *state);
size_t support_below(uint64_t *state, size_t n);

/* Run it as the environment asks (CK_VERBOSITY, CK_TAP_LOG_FILE_NAME,
 * CK_XML_LOG_FILE_NAME, CK_FORK); the exit status of main(). */
int support_run(Suite *suite);

#endif
