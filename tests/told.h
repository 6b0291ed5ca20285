/* SPDX-License-Identifier: Apache-2.0 */
/*
 * told.h - what a call tells through its diagnostics, as text to compare.
 */
#ifndef TOLD_H
#define TOLD_H

#include "larder.h"

/* Diagnostics as lines: "file:line:column: error: message", and under it
 * "    hint: ..." where there is one. {0} is empty. */
typedef struct told {
    char text[65536];
    size_t size;
    size_t n_told;
    char line[1024]; /* the source line of the last one; empty: none */
} told;

/* A call that writes into `all`. */
larder_call told_call(told *all);

#endif
