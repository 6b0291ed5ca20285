/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h - some of many keys, the same ones every time: those whose bytes
 * have the least XXH3-64. Holds no more than it keeps, however many are
 * offered.
 */
#ifndef LDR_SAMPLE_H
#define LDR_SAMPLE_H

#include "larder.h"

typedef struct ldr_sampled {
    uint64_t hash;
    unsigned char *bytes;
    size_t size;
} ldr_sampled;

typedef struct ldr_sample {
    size_t limit;      /* keys to keep */
    ldr_sampled *keys; /* the greatest hash first, as a heap; then sorted */
    size_t n_keys, room;
    size_t n_bytes; /* of memory, about */
} ldr_sample;

/* Offer one key, and each once: of one that is offered again both may be kept
 * until they are sorted. NOMEM. */
larder_status ldr_sample_offer(
    ldr_sample *sample, larder_bytes key, larder_error *err);
/* All of `from` too, whatever the limit; `from` is empty then. NOMEM. */
larder_status ldr_sample_join(
    ldr_sample *sample, ldr_sample *from, larder_error *err);
/* In the order of their bytes, each once. Nothing is offered afterwards. */
void ldr_sample_sort(ldr_sample *sample);
void ldr_sample_release(ldr_sample *sample);

#endif
