/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - a question to the person at the terminal.
 */
#ifndef ASK_H
#define ASK_H

#include "run.h"

/* Whether somebody is there to answer. */
bool can_ask(const struct run *run);
/* OK when --yes was given, or the answer is yes. Without a terminal: a fault of
 * the command line. Another answer: INTERRUPTED. */
larder_status ask(struct run *run, const char *question, larder_error *err);

#endif
