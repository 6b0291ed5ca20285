/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what a fuzz target gives: the function libFuzzer calls, and the name
 * of its folder in tests/fuzz/corpus.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Read hostile bytes; abort() when what must hold does not. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char fuzz_corpus[];

#endif
