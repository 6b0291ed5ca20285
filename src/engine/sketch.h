/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketch.h - about where many numbers lie, in bounded memory: for quantiles and
 * histograms.
 *
 * Numbers are counted in cells; which cell a number is in depends on nothing
 * but the numbers, so neither order nor parts have a say. Reals have cells of
 * equal ratio: each power of two is cut in 128. Times have cells of equal
 * length, at most LDR_STEPS of them over the whole range.
 */
#ifndef LDR_SKETCH_H
#define LDR_SKETCH_H

#include "larder.h"

/* A cell and how many numbers are in it. */
typedef struct ldr_cell {
    double real;     /* of reals: the middle */
    int64_t integer; /* of times: the middle */
    uint64_t count;
} ldr_cell;

/* ------------------------------------------------------------------- reals */

#define LDR_SKETCH_PAGES 4096u /* powers of two, of either sign */
#define LDR_SKETCH_PAGE 128u
/* The middle of a cell is this near to all in it, relatively; below the least
 * normal number absolutely, times that. */
#define LDR_SKETCH_ERROR (1.0 / 256)

typedef struct ldr_sketch {
    uint64_t **pages; /* those that are needed; NULL: none yet */
} ldr_sketch;

void ldr_sketch_release(ldr_sketch *sketch);
/* A finite number, `count` times; -0.0 is 0.0. NOMEM. */
larder_status ldr_sketch_add(
    ldr_sketch *sketch, double value, uint64_t count, larder_error *err);
larder_status ldr_sketch_join(
    ldr_sketch *sketch, const ldr_sketch *from, larder_error *err);
/* Cells that are not empty, ascending: how many, and (unless NULL) which. */
size_t ldr_sketch_cells(const ldr_sketch *sketch, ldr_cell *out);

/* ------------------------------------------------------------------- times */

#define LDR_STEPS 4096u
/* The middle of a cell is this near to all in it, as a part of the range. */
#define LDR_STEPS_ERROR (1.0 / LDR_STEPS)

typedef struct ldr_steps {
    uint64_t *counts; /* NULL: none yet. Cell c is at c modulo LDR_STEPS */
    unsigned shift;   /* a time's cell is time >> shift */
    int64_t least, greatest;
} ldr_steps;

void ldr_steps_release(ldr_steps *steps);
larder_status ldr_steps_add(
    ldr_steps *steps, int64_t value, uint64_t count, larder_error *err);
larder_status ldr_steps_join(
    ldr_steps *steps, const ldr_steps *from, larder_error *err);
size_t ldr_steps_cells(const ldr_steps *steps, ldr_cell *out);

#endif
