/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketch.c - about where many numbers lie, in bounded memory.
 *
 * The bits of a real, made to sort as the reals do (ldr_real_rank), begin with
 * sign and exponent: they name a page. The seven bits that follow name a cell
 * of it. Shifting a negative number right keeps its sign with every compiler
 * that has __int128.
 */
#include "engine/sketch.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"

#define PAGE_SHIFT 52u
#define CELL_SHIFT 45u
#define SIGN (UINT64_C(1) << 63)

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to count numbers");
}

/* ------------------------------------------------------------------- reals */

void
ldr_sketch_release(ldr_sketch *sketch)
{
    for (size_t i = 0; sketch->pages != NULL && i < LDR_SKETCH_PAGES; i++)
        free(sketch->pages[i]);
    free(sketch->pages);
    *sketch = (ldr_sketch){0};
}

static larder_status
need_page(ldr_sketch *sketch, size_t page, larder_error *err)
{
    if (sketch->pages == NULL)
        sketch->pages = calloc(LDR_SKETCH_PAGES, sizeof *sketch->pages);
    if (sketch->pages == NULL)
        return no_memory(err);
    if (sketch->pages[page] == NULL)
        sketch->pages[page] = calloc(LDR_SKETCH_PAGE, sizeof(uint64_t));
    return sketch->pages[page] == NULL ? no_memory(err) : LARDER_OK;
}

larder_status
ldr_sketch_add(
    ldr_sketch *sketch, double value, uint64_t count, larder_error *err)
{
    uint64_t rank = ldr_real_rank(value + 0.0); /* -0.0 becomes 0.0 */
    size_t page = (size_t)(rank >> PAGE_SHIFT);
    size_t cell = (size_t)(rank >> CELL_SHIFT) % LDR_SKETCH_PAGE;

    if (sketch->pages == NULL || sketch->pages[page] == NULL) {
        larder_status rc = need_page(sketch, page, err);

        if (rc != LARDER_OK)
            return rc;
    }
    sketch->pages[page][cell] += count;
    return LARDER_OK;
}

larder_status
ldr_sketch_join(ldr_sketch *sketch, const ldr_sketch *from, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t p = 0; from->pages != NULL && p < LDR_SKETCH_PAGES; p++) {
        if (from->pages[p] == NULL)
            continue;
        LARDER_TRY(need_page(sketch, p, err));
        for (size_t c = 0; c < LDR_SKETCH_PAGE; c++)
            sketch->pages[p][c] += from->pages[p][c];
    }
out:
    return rc;
}

static double
real_of_rank(uint64_t rank)
{
    uint64_t bits = (rank & SIGN) != 0 ? rank ^ SIGN : ~rank;
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Both ends of a cell are finite, and of one sign. */
static double
middle_of(size_t page, size_t cell)
{
    uint64_t low = (uint64_t)page << PAGE_SHIFT | (uint64_t)cell << CELL_SHIFT;
    double first = real_of_rank(low);
    double last = real_of_rank(low | ((UINT64_C(1) << CELL_SHIFT) - 1));

    return first + (last - first) / 2;
}

size_t
ldr_sketch_cells(const ldr_sketch *sketch, ldr_cell *out)
{
    size_t n = 0;

    for (size_t p = 0; sketch->pages != NULL && p < LDR_SKETCH_PAGES; p++)
        for (size_t c = 0; sketch->pages[p] != NULL && c < LDR_SKETCH_PAGE;
             c++) {
            if (sketch->pages[p][c] == 0)
                continue;
            if (out != NULL)
                out[n] = (ldr_cell){
                    .real = middle_of(p, c), .count = sketch->pages[p][c]};
            n++;
        }
    return n;
}

/* ------------------------------------------------------------------- times */

void
ldr_steps_release(ldr_steps *steps)
{
    free(steps->counts);
    *steps = (ldr_steps){0};
}

static uint64_t *
count_at(uint64_t *counts, int64_t cell)
{
    return &counts[(uint64_t)cell % LDR_STEPS];
}

/* Cells twice as long, as often as it takes to reach `shift`. */
static larder_status
lengthen(ldr_steps *steps, unsigned shift, larder_error *err)
{
    unsigned by = shift - steps->shift;
    uint64_t *counts;

    if (by == 0)
        return LARDER_OK;
    counts = calloc(LDR_STEPS, sizeof *counts);
    if (counts == NULL)
        return no_memory(err);
    for (int64_t cell = steps->least >> steps->shift,
                 end = steps->greatest >> steps->shift;
         cell <= end; cell++)
        *count_at(counts, cell >> by) += *count_at(steps->counts, cell);
    free(steps->counts);
    steps->counts = counts;
    steps->shift = shift;
    return LARDER_OK;
}

/* Make room for a range: the least length with which its cells are not more
 * than there are. */
static larder_status
reach(ldr_steps *steps, int64_t least, int64_t greatest, unsigned shift,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (steps->counts == NULL) {
        steps->counts = calloc(LDR_STEPS, sizeof *steps->counts);
        if (steps->counts == NULL)
            return no_memory(err);
        steps->least = steps->greatest = least;
    }
    if (least > steps->least)
        least = steps->least;
    if (greatest < steps->greatest)
        greatest = steps->greatest;
    if (shift < steps->shift)
        shift = steps->shift;
    while (
        (uint64_t)(greatest >> shift) - (uint64_t)(least >> shift) >= LDR_STEPS)
        shift++;
    LARDER_TRY(lengthen(steps, shift, err));
    steps->least = least;
    steps->greatest = greatest;
out:
    return rc;
}

larder_status
ldr_steps_add(
    ldr_steps *steps, int64_t value, uint64_t count, larder_error *err)
{
    if (steps->counts == NULL || value < steps->least ||
        value > steps->greatest) {
        larder_status rc = reach(steps, value, value, 0, err);

        if (rc != LARDER_OK)
            return rc;
    }
    *count_at(steps->counts, value >> steps->shift) += count;
    return LARDER_OK;
}

larder_status
ldr_steps_join(ldr_steps *steps, const ldr_steps *from, larder_error *err)
{
    larder_status rc = LARDER_OK;
    int64_t end;

    if (from->counts == NULL)
        goto out;
    LARDER_TRY(reach(steps, from->least, from->greatest, from->shift, err));
    end = from->greatest >> from->shift;
    for (int64_t cell = from->least >> from->shift; cell <= end; cell++)
        *count_at(steps->counts, cell >> (steps->shift - from->shift)) +=
            *count_at(from->counts, cell);
out:
    return rc;
}

size_t
ldr_steps_cells(const ldr_steps *steps, ldr_cell *out)
{
    size_t n = 0;
    int64_t end = steps->greatest >> steps->shift;

    if (steps->counts == NULL)
        return 0;
    for (int64_t cell = steps->least >> steps->shift; cell <= end; cell++) {
        uint64_t count = *count_at(steps->counts, cell);
        int64_t first = (int64_t)((uint64_t)cell << steps->shift);
        int64_t middle = first + ((INT64_C(1) << steps->shift) - 1) / 2;

        if (count == 0)
            continue;
        if (out != NULL)
            out[n] = (ldr_cell){.integer = middle, .count = count};
        n++;
    }
    return n;
}
