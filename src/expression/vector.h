/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vector.h - some rows of one value each, as functions take and give them.
 *
 * int64 and timestamp are `integers`, float64 is `reals`, bool is `truths` of 0
 * or 1, string is `texts`. Reals are finite: NaN and infinities have become
 * null. A null row's value means nothing, but is valid to look at (a text of
 * no bytes).
 */
#ifndef LDR_EXPRESSION_VECTOR_H
#define LDR_EXPRESSION_VECTOR_H

#include <string.h>

#include "larder.h"

/* Rows worked on at a time: what an expression needs for so many stays in the
 * nearest cache. */
#define LDR_VECTOR_ROWS 1024u

/* What is in a row: 0, a value; or bits. So the state of what is computed from
 * two rows is the one or the other. */
#define LDR_ROW_NULL 1u
#define LDR_ROW_MADE_NULL 3u /* by a fault, such as a division by zero */

/* Values to read; a column's own, or some slot's. */
typedef struct ldr_vector {
    union {
        const void *values;
        const int64_t *integers;
        const double *reals;
        const uint8_t *truths;
        const larder_bytes *texts;
    };
    const uint8_t *state; /* a byte a row; NULL: each has a value */
} ldr_vector;

/* Values to write. */
typedef struct ldr_slot {
    union {
        void *values;
        int64_t *integers;
        double *reals;
        uint8_t *truths;
        larder_bytes *texts;
    };
    uint8_t *state; /* room; it means something when */
    bool has_nulls;
} ldr_slot;

/* Memory for texts that functions make, forgotten after each step. */
typedef struct ldr_texts ldr_texts;
/* NULL: too long for a value, or there is no room for it now; the row is a
 * fault, and the texts remember which. */
char *ldr_texts_take(ldr_texts *texts, size_t size);

/* Compute n rows. Of a row that is null by an argument's nulls `out` knows
 * already; what is wrong with the others is said with ldr_slot_fault(). */
typedef void ldr_run(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts);

/* Row i of n has no value, by its own fault. */
static inline void
ldr_slot_fault(ldr_slot *out, size_t n, size_t i)
{
    if (!out->has_nulls)
        memset(out->state, 0, n);
    out->has_nulls = true;
    if (out->state[i] == 0)
        out->state[i] = LDR_ROW_MADE_NULL;
}

/* The first bit is set for NaN and infinities, and for nothing else: several
 * are looked at in one by putting these together. */
static inline uint64_t
ldr_real_beyond(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return (bits & UINT64_C(0x7ff0000000000000)) + UINT64_C(0x0010000000000000);
}

#define LDR_REAL_BEYOND (UINT64_C(1) << 63)

#endif
