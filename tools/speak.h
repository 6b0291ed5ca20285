/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speak.h - all that goes to standard error: faults with their line and a
 * caret, notes, and one line of progress. Under -o json faults are collected
 * and told with the error.
 */
#ifndef SPEAK_H
#define SPEAK_H

#include "run.h"

/* The callbacks of larder_call and of the log; `context` is the run. */
void speak_diagnostic(void *context, const larder_diagnostic *diagnostic);
void speak_progress(void *context, const larder_progress *progress);
void speak_log(void *context, const char *event, const char *fields);

/* A remark; silent under -q. */
void speak_note(struct run *run, const char *format, ...) LARDER_PRINTF(2, 3);
/* Something is wrong though the run goes on. */
void speak_warning(struct run *run, const char *format, ...)
    LARDER_PRINTF(2, 3);
/* What ended the run. */
void speak_error(struct run *run, const larder_error *error);
/* Take the line of progress away, before anything else is printed. */
void speak_clear(struct run *run);

#endif
