/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - which of two is less, and which of them to take.
 *
 * Texts compare byte by byte, which is the order of their code points.
 */
#include "expression/functions.h"

static int
text_order(larder_bytes a, larder_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static bool
text_equal(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#define COMPARE(kind, type, name, condition)                                   \
    void ldr_run_##name##_##kind(                                              \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        const type *as = args[0].kind, *bs = args[1].kind;                     \
                                                                               \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            type a = as[i], b = bs[i];                                         \
                                                                               \
            out->truths[i] = condition;                                        \
        }                                                                      \
    }

/* The first of equal ones. */
#define CHOOSE(kind, type, name, other)                                        \
    void ldr_run_##name##_##kind(                                              \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        const type *as = args[0].kind, *bs = args[1].kind;                     \
                                                                               \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            type a = as[i], b = bs[i];                                         \
                                                                               \
            out->kind[i] = (other) ? b : a;                                    \
        }                                                                      \
    }

#define COMPARE_VALUES(kind, type)                                             \
    COMPARE(kind, type, equal, a == b)                                         \
    COMPARE(kind, type, unequal, a != b)                                       \
    COMPARE(kind, type, less, a < b)                                           \
    COMPARE(kind, type, less_equal, a <= b)                                    \
    COMPARE(kind, type, greater, a > b)                                        \
    COMPARE(kind, type, greater_equal, a >= b)                                 \
    CHOOSE(kind, type, least, b < a)                                           \
    CHOOSE(kind, type, greatest, b > a)

COMPARE_VALUES(integers, int64_t)
COMPARE_VALUES(reals, double)
COMPARE_VALUES(truths, uint8_t)

COMPARE(texts, larder_bytes, equal, text_equal(a, b))
COMPARE(texts, larder_bytes, unequal, !text_equal(a, b))
COMPARE(texts, larder_bytes, less, text_order(a, b) < 0)
COMPARE(texts, larder_bytes, less_equal, text_order(a, b) <= 0)
COMPARE(texts, larder_bytes, greater, text_order(a, b) > 0)
COMPARE(texts, larder_bytes, greater_equal, text_order(a, b) >= 0)
CHOOSE(texts, larder_bytes, least, text_order(b, a) < 0)
CHOOSE(texts, larder_bytes, greatest, text_order(b, a) > 0)

void
ldr_run_not(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++)
        out->truths[i] = !args[0].truths[i];
}
