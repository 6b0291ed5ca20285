/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert.c - values of one type as values of another.
 *
 * What cannot be one is a fault: a text that is no number, a number out of
 * range.
 */
#include "expression/functions.h"

#include <math.h>

#include "base/number.h"
#include "larder_backend.h"

/* `row(x, &to)` says whether x cannot be converted. */
#define CONVERT(name, from_type, from, to_type, to, row)                       \
    static void name(                                                          \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            from_type x = args[0].from[i];                                     \
            to_type y = 0;                                                     \
                                                                               \
            if (row) {                                                         \
                y = 0;                                                         \
                ldr_slot_fault(out, n, i);                                     \
            }                                                                  \
            out->to[i] = y;                                                    \
        }                                                                      \
    }

/* ----------------------------------------------------------- one at a time */

static bool
cannot_narrow(int64_t x, int64_t *y)
{
    *y = x;
    return x < INT32_MIN || x > INT32_MAX;
}

/* Towards zero. Both bounds are doubles; the upper is the first beyond. */
static bool
cannot_truncate(double x, int64_t *y)
{
    double whole = trunc(x);

    if (!(whole >= -0x1p63 && whole < 0x1p63))
        return true;
    *y = (int64_t)whole;
    return false;
}

static bool
cannot_truncate_narrow(double x, int64_t *y)
{
    return cannot_truncate(x, y) || cannot_narrow(*y, y);
}

static bool
cannot_round(double x, double *y)
{
    *y = (double)(float)x;
    return ldr_real_beyond(*y) >= LDR_REAL_BEYOND;
}

static bool
cannot_read_integer(larder_bytes x, int64_t *y)
{
    return ldr_int64_parse(x.data, x.size, y) != LDR_NUMBER_OK;
}

static bool
cannot_read_narrow(larder_bytes x, int64_t *y)
{
    return cannot_read_integer(x, y) || cannot_narrow(*y, y);
}

static bool
cannot_read_real(larder_bytes x, double *y)
{
    return ldr_double_parse(x.data, x.size, y) != LDR_NUMBER_OK ||
           ldr_real_beyond(*y) >= LDR_REAL_BEYOND;
}

static bool
cannot_read_float(larder_bytes x, double *y)
{
    float narrow = 0;

    if (ldr_float_parse(x.data, x.size, &narrow) != LDR_NUMBER_OK)
        return true;
    *y = (double)narrow;
    return ldr_real_beyond(*y) >= LDR_REAL_BEYOND;
}

static bool
cannot_read_truth(larder_bytes x, uint8_t *y)
{
    static const char words[4][6] = {"false", "true", "0", "1"};
    const char *bytes = x.data;

    for (unsigned w = 0; w < 4; w++) {
        size_t i = 0;

        /* Setting the bit 0x20 lowers letters and leaves digits. */
        while (i < x.size && words[w][i] != '\0' && bytes[i] >= '0' &&
               (bytes[i] | 0x20) == words[w][i])
            i++;
        if (i == x.size && words[w][i] == '\0') {
            *y = w & 1;
            return false;
        }
    }
    return true;
}

static bool
cannot_read_time(larder_bytes x, int64_t *y)
{
    return larder_time_parse(x, LARDER_NAIVE_REFUSED, y, NULL) != LARDER_OK;
}

CONVERT(narrow, int64_t, integers, int64_t, integers, cannot_narrow(x, &y))
CONVERT(integer_to_real, int64_t, integers, double, reals, (y = (double)x, 0))
CONVERT(integer_to_float, int64_t, integers, double, reals,
    (y = (double)(float)x, 0))
CONVERT(integer_to_truth, int64_t, integers, uint8_t, truths, (y = x != 0, 0))
CONVERT(truncate, double, reals, int64_t, integers, cannot_truncate(x, &y))
CONVERT(truncate_narrow, double, reals, int64_t, integers,
    cannot_truncate_narrow(x, &y))
CONVERT(real_to_float, double, reals, double, reals, cannot_round(x, &y))
CONVERT(real_to_truth, double, reals, uint8_t, truths, (y = x != 0, 0))
CONVERT(truth_to_integer, uint8_t, truths, int64_t, integers, (y = x, 0))
CONVERT(truth_to_real, uint8_t, truths, double, reals, (y = x, 0))
CONVERT(read_integer, larder_bytes, texts, int64_t, integers,
    cannot_read_integer(x, &y))
CONVERT(read_narrow, larder_bytes, texts, int64_t, integers,
    cannot_read_narrow(x, &y))
CONVERT(read_real, larder_bytes, texts, double, reals, cannot_read_real(x, &y))
CONVERT(
    read_float, larder_bytes, texts, double, reals, cannot_read_float(x, &y))
CONVERT(
    read_truth, larder_bytes, texts, uint8_t, truths, cannot_read_truth(x, &y))
CONVERT(
    read_time, larder_bytes, texts, int64_t, integers, cannot_read_time(x, &y))

/* ---------------------------------------------------------------- to texts */

static void
keep(ldr_slot *out, size_t n, size_t i, const char *text, size_t size,
    ldr_texts *texts)
{
    char *copy = ldr_texts_take(texts, size);

    out->texts[i] = (larder_bytes){"", 0};
    if (copy == NULL) {
        ldr_slot_fault(out, n, i);
        return;
    }
    memcpy(copy, text, size);
    out->texts[i] = (larder_bytes){copy, size};
}

static void
print_integers(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    char text[LDR_NUMBER_ROOM];

    for (size_t i = 0; i < n; i++)
        keep(
            out, n, i, text, ldr_int64_print(args[0].integers[i], text), texts);
}

static void
print_reals(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    char text[LDR_NUMBER_ROOM];

    for (size_t i = 0; i < n; i++)
        keep(out, n, i, text, ldr_double_print(args[0].reals[i], text), texts);
}

static void
print_times(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    char text[33];

    for (size_t i = 0; i < n; i++)
        keep(out, n, i, text, larder_time_print(args[0].integers[i], text),
            texts);
}

static void
print_truths(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++)
        out->texts[i] = args[0].truths[i] ? (larder_bytes){"true", 4}
                                          : (larder_bytes){"false", 5};
}

/* ------------------------------------------------------------------- table */

static const struct cast {
    larder_type from, to;
    ldr_run *run;
} casts[] = {
    {LARDER_BOOL, LARDER_INT32, truth_to_integer},
    {LARDER_BOOL, LARDER_INT64, truth_to_integer},
    {LARDER_BOOL, LARDER_FLOAT32, truth_to_real},
    {LARDER_BOOL, LARDER_FLOAT64, truth_to_real},
    {LARDER_BOOL, LARDER_STRING, print_truths},
    {LARDER_INT64, LARDER_BOOL, integer_to_truth},
    {LARDER_INT64, LARDER_INT32, narrow},
    {LARDER_INT64, LARDER_FLOAT32, integer_to_float},
    {LARDER_INT64, LARDER_FLOAT64, integer_to_real},
    {LARDER_INT64, LARDER_STRING, print_integers},
    {LARDER_FLOAT64, LARDER_BOOL, real_to_truth},
    {LARDER_FLOAT64, LARDER_INT32, truncate_narrow},
    {LARDER_FLOAT64, LARDER_INT64, truncate},
    {LARDER_FLOAT64, LARDER_FLOAT32, real_to_float},
    {LARDER_FLOAT64, LARDER_STRING, print_reals},
    {LARDER_STRING, LARDER_BOOL, read_truth},
    {LARDER_STRING, LARDER_INT32, read_narrow},
    {LARDER_STRING, LARDER_INT64, read_integer},
    {LARDER_STRING, LARDER_FLOAT32, read_float},
    {LARDER_STRING, LARDER_FLOAT64, read_real},
    {LARDER_STRING, LARDER_TIMESTAMP, read_time},
    {LARDER_TIMESTAMP, LARDER_STRING, print_times},
};

ldr_run *
ldr_cast_find(larder_type from, larder_type to)
{
    for (size_t c = 0; c < sizeof casts / sizeof casts[0]; c++)
        if (casts[c].from == from && casts[c].to == to)
            return casts[c].run;
    return NULL;
}
