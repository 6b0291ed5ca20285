/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distinct.c - which values there are, and how many of each, or about how many
 * different ones.
 *
 * The number of many is Ertl's estimate from HyperLogLog registers ("New
 * cardinality estimation algorithms for HyperLogLog sketches", 2017, section
 * 4): good for all numbers, with no table of corrections.
 */
#include "engine/distinct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_ROOM 64u
#define RANKS                                                                  \
    (64u - LDR_DISTINCT_BITS) /* a register's value is less, or 1 more */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to count values");
}

void
ldr_distinct_release(ldr_distinct *distinct)
{
    free(distinct->values);
    ldr_buffer_free(&distinct->texts);
    free(distinct->registers);
    *distinct = (ldr_distinct){0};
}

larder_bytes
ldr_distinct_text(const ldr_distinct *distinct, const ldr_distinct_value *value)
{
    if (value->size == 0)
        return (larder_bytes){"", 0};
    return (larder_bytes){distinct->texts.data + value->bits, value->size};
}

/* ---------------------------------------------------------------- of many */

static inline void
note_hash(ldr_distinct *distinct, uint64_t hash)
{
    size_t at = hash >> (64 - LDR_DISTINCT_BITS);
    uint64_t rest = hash << LDR_DISTINCT_BITS | UINT64_C(1)
                                                    << (LDR_DISTINCT_BITS - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

    if (distinct->registers[at] < rank)
        distinct->registers[at] = rank;
}

/* There are too many to keep them one by one. */
static larder_status
become_many(ldr_distinct *distinct, larder_error *err)
{
    distinct->registers = calloc(LDR_DISTINCT_REGISTERS, 1);
    if (distinct->registers == NULL)
        return no_memory(err);
    for (size_t i = 0; i < distinct->room; i++)
        if (distinct->values[i].count > 0)
            note_hash(distinct, distinct->values[i].hash);
    free(distinct->values);
    distinct->values = NULL;
    distinct->n = distinct->room = 0;
    ldr_buffer_free(&distinct->texts);
    return LARDER_OK;
}

/* x + sum of x^(2^k) * 2^(k-1), k from 1. */
static double
sigma(double x)
{
    double sum = x, before = -1, weight = 1;

    if (x == 1.0)
        return (double)INFINITY;
    while (sum > before) {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    }
    return sum;
}

/* (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k, k from 1) / 3. */
static double
tau(double x)
{
    double sum = 1 - x, before = 2, weight = 1;

    if (x == 0.0 || x == 1.0)
        return 0;
    while (sum < before) {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= (1 - x) * (1 - x) * weight;
    }
    return sum / 3;
}

static uint64_t
estimate(const uint8_t *registers)
{
    const double m = LDR_DISTINCT_REGISTERS;
    uint64_t counts[RANKS + 2] = {0};
    double sum;

    for (size_t i = 0; i < LDR_DISTINCT_REGISTERS; i++)
        counts[registers[i]]++;
    sum = m * tau(1 - (double)counts[RANKS + 1] / m);
    for (size_t k = RANKS; k > 0; k--)
        sum = (sum + (double)counts[k]) / 2;
    sum += m * sigma((double)counts[0] / m);
    return (uint64_t)llround(m * m / (2 * log(2) * sum));
}

uint64_t
ldr_distinct_count(const ldr_distinct *distinct)
{
    return ldr_distinct_is_exact(distinct) ? distinct->n
                                           : estimate(distinct->registers);
}

/* ----------------------------------------------------------------- of few */

static bool
is_same(const ldr_distinct *distinct, const ldr_distinct_value *value,
    uint64_t hash, uint64_t bits, const larder_bytes *text)
{
    if (value->hash != hash)
        return false;
    if (text == NULL)
        return value->bits == bits;
    return value->size == text->size &&
           memcmp(ldr_distinct_text(distinct, value).data, text->data,
               text->size) == 0;
}

/* Where it is, or would be. The step is another part of the hash, so texts
 * that were chosen to meet do not meet again. */
static ldr_distinct_value *
find(const ldr_distinct *distinct, uint64_t hash, uint64_t bits,
    const larder_bytes *text)
{
    size_t mask = distinct->room - 1, step = (size_t)(hash >> 32) | 1;
    size_t at = (size_t)hash & mask;

    while (distinct->values[at].count > 0 &&
           !is_same(distinct, &distinct->values[at], hash, bits, text))
        at = (at + step) & mask;
    return &distinct->values[at];
}

static larder_status
grow(ldr_distinct *distinct, larder_error *err)
{
    ldr_distinct larger = {
        .room = distinct->room == 0 ? FIRST_ROOM : 2 * distinct->room};

    larger.values = calloc(larger.room, sizeof *larger.values);
    if (larger.values == NULL)
        return no_memory(err);
    for (size_t i = 0; i < distinct->room; i++) {
        const ldr_distinct_value *value = &distinct->values[i];
        size_t step = (size_t)(value->hash >> 32) | 1;
        size_t at = (size_t)value->hash & (larger.room - 1);

        if (value->count == 0)
            continue;
        while (larger.values[at].count > 0)
            at = (at + step) & (larger.room - 1);
        larger.values[at] = *value;
    }
    free(distinct->values);
    distinct->values = larger.values;
    distinct->room = larger.room;
    return LARDER_OK;
}

static larder_status
keep_text(
    ldr_distinct *distinct, larder_bytes text, uint64_t *at, larder_error *err)
{
    larder_status rc;

    *at = distinct->texts.size;
    LARDER_TRY(ldr_buffer_reserve(&distinct->texts, text.size, err));
    if (text.size > 0)
        memcpy(
            distinct->texts.data + distinct->texts.size, text.data, text.size);
    distinct->texts.size += text.size;
out:
    return rc;
}

static larder_status
add(ldr_distinct *distinct, uint64_t hash, uint64_t bits,
    const larder_bytes *text, uint64_t count, bool *fresh, larder_error *err)
{
    ldr_distinct_value *value;
    larder_status rc = LARDER_OK;

    if (distinct->registers != NULL)
        goto many;
    if (2 * distinct->n >= distinct->room)
        LARDER_TRY(grow(distinct, err));
    value = find(distinct, hash, bits, text);
    *fresh = value->count == 0;
    if (*fresh && (distinct->n == LDR_DISTINCT_MAX ||
                      (text != NULL && text->size > LDR_DISTINCT_BYTES -
                                                        distinct->texts.size)))
        goto many;
    if (*fresh && text != NULL)
        LARDER_TRY(keep_text(distinct, *text, &bits, err));
    if (*fresh)
        *value = (ldr_distinct_value){
            .hash = hash, .bits = bits, .size = text == NULL ? 0 : text->size};
    distinct->n += *fresh;
    value->count += count;
    goto out;
many:
    *fresh = true;
    if (distinct->registers == NULL)
        LARDER_TRY(become_many(distinct, err));
    note_hash(distinct, hash);
out:
    return rc;
}

larder_status
ldr_distinct_add_bits(
    ldr_distinct *distinct, uint64_t bits, uint64_t count, larder_error *err)
{
    uint64_t hash = XXH3_64bits(&bits, sizeof bits);
    bool fresh;

    if (distinct->registers != NULL) {
        note_hash(distinct, hash);
        return LARDER_OK;
    }
    return add(distinct, hash, bits, NULL, count, &fresh, err);
}

larder_status
ldr_distinct_add_text(ldr_distinct *distinct, larder_bytes text, uint64_t count,
    bool *fresh, larder_error *err)
{
    uint64_t hash = XXH3_64bits(text.data, text.size);

    distinct->is_text = true;
    return add(distinct, hash, 0, &text, count, fresh, err);
}

larder_status
ldr_distinct_join(
    ldr_distinct *distinct, const ldr_distinct *from, larder_error *err)
{
    larder_status rc = LARDER_OK;

    distinct->is_text = distinct->is_text || from->is_text;
    if (from->registers != NULL && distinct->registers == NULL)
        LARDER_TRY(become_many(distinct, err));
    for (size_t i = 0; i < from->room; i++) {
        const ldr_distinct_value *value = &from->values[i];
        larder_bytes text = ldr_distinct_text(from, value);
        bool fresh;

        if (value->count > 0)
            LARDER_TRY(add(distinct, value->hash, value->bits,
                from->is_text ? &text : NULL, value->count, &fresh, err));
    }
    for (size_t i = 0; from->registers != NULL && i < LDR_DISTINCT_REGISTERS;
         i++)
        if (distinct->registers[i] < from->registers[i])
            distinct->registers[i] = from->registers[i];
out:
    return rc;
}
