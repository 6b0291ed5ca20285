/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations.h - the memory a test program is given: counted, and refused
 * where the test says so.
 *
 * A program linked with this has malloc() of its own, before the C library's
 * (glibc) or a sanitizer's, so that libraries under test are counted too.
 * All threads count together.
 */
#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/* How many there were since the program began. */
size_t allocations_made(void);

/* Does a sanitizer watch each of them, which takes its time? */
bool allocations_are_slow(void);

/* Refuse the nth from now (1: the next), and with `after` all that follow. */
void allocations_refuse(size_t nth, bool after);
/* Refuse no more; was any refused? */
bool allocations_grant(void);

#endif
