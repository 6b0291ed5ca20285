/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - numbers from and to text, whatever the locale.
 *
 * Reading takes the whole text or fails, and says which kind of failure: not a
 * number, or out of range. Doubles are read exactly (round to nearest, ties to
 * even) and written in the shortest digits that read back the same.
 */
#ifndef LDR_NUMBER_H
#define LDR_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ldr_number {
    LDR_NUMBER_OK,
    LDR_NUMBER_NONE, /* not a number of that kind */
    LDR_NUMBER_RANGE /* too great for the type */
} ldr_number;

/* [+-]digits. */
ldr_number ldr_int64_parse(const char *text, size_t size, int64_t *out);
/* Decimal or exponent form, NaN, inf, -inf, infinity (any case). A finite text
 * that overflows ("1e400") is RANGE; one that underflows is the nearest. */
ldr_number ldr_double_parse(const char *text, size_t size, double *out);
/* As a float, rounded once from the text. */
ldr_number ldr_float_parse(const char *text, size_t size, float *out);

#define LDR_NUMBER_ROOM 32 /* the longest text below and its NUL */

/* Lengths without the NUL. "NaN", "inf", "-inf"; integral doubles as "3.0",
 * others as "0.1", "1e+300" (as Python's repr). */
size_t ldr_int64_print(int64_t value, char text[LDR_NUMBER_ROOM]);
size_t ldr_double_print(double value, char text[LDR_NUMBER_ROOM]);
size_t ldr_float_print(float value, char text[LDR_NUMBER_ROOM]);

#endif
