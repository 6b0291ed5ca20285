/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distinct.h - which values there are, and how many of each: exactly while they
 * are few, else about how many different ones (HyperLogLog).
 *
 * The set of values alone decides when few become many and what is told then:
 * neither order nor parts have a say. Memory is bounded.
 */
#ifndef LDR_DISTINCT_H
#define LDR_DISTINCT_H

#include "data/row.h"
#include "larder.h"

#define LDR_DISTINCT_MAX 4096u           /* values kept one by one */
#define LDR_DISTINCT_BYTES (1024u << 10) /* and bytes of their text */
#define LDR_DISTINCT_BITS 14u
#define LDR_DISTINCT_REGISTERS (1u << LDR_DISTINCT_BITS)
/* Of the number of many: its standard error, 1.04 / sqrt(2^14). */
#define LDR_DISTINCT_ERROR 0.0082

/* A value and how often it is there. Of text `bits` says where it begins. */
typedef struct ldr_distinct_value {
    uint64_t hash, count; /* count 0: there is none here */
    uint64_t bits;
    uint64_t size;
} ldr_distinct_value;

/* {0} is empty. Numbers are bits, equal where the numbers are; or else texts;
 * never both in one. */
typedef struct ldr_distinct {
    ldr_distinct_value *values; /* a hash table; `room` is a power of two */
    size_t n, room;
    bool is_text;
    ldr_buffer texts;
    uint8_t *registers; /* NULL while values are few */
} ldr_distinct;

void ldr_distinct_release(ldr_distinct *distinct);

/* `count` times a number or text. *fresh: it was not there before; also told of
 * each text once there are many. NOMEM. */
larder_status ldr_distinct_add_bits(
    ldr_distinct *distinct, uint64_t bits, uint64_t count, larder_error *err);
larder_status ldr_distinct_add_text(ldr_distinct *distinct, larder_bytes text,
    uint64_t count, bool *fresh, larder_error *err);
/* All that `from` holds. NOMEM. */
larder_status ldr_distinct_join(
    ldr_distinct *distinct, const ldr_distinct *from, larder_error *err);

static inline bool
ldr_distinct_is_exact(const ldr_distinct *distinct)
{
    return distinct->registers == NULL;
}
uint64_t ldr_distinct_count(const ldr_distinct *distinct);
/* The text of one of the values; lent. */
larder_bytes ldr_distinct_text(
    const ldr_distinct *distinct, const ldr_distinct_value *value);

#endif
