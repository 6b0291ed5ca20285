/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations.c - the memory a test program is given.
 */
#include "tests/allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Seen by the libraries too. */
#define VISIBLE __attribute__((visibility("default"))) UNWATCHED
/* Called before a sanitizer is ready to watch. */
#ifdef __clang__
#define UNWATCHED __attribute__((disable_sanitizer_instrumentation))
#else
#define UNWATCHED __attribute__((no_sanitize_address, no_sanitize_thread))
#endif

/* Who gives memory in the end. */
#if SANITIZED
#define GIVER(name) __interceptor_##name
#else
#define GIVER(name) __libc_##name
#endif

void *GIVER(malloc)(size_t size);
void *GIVER(calloc)(size_t n, size_t size);
void *GIVER(realloc)(void *old, size_t size);

static atomic_size_t made;
static atomic_size_t left; /* until the refused one; 0: none is */
static atomic_bool all_after, refused;

bool
allocations_are_slow(void)
{
    return SANITIZED;
}

size_t
allocations_made(void)
{
    return atomic_load(&made);
}

void
allocations_refuse(size_t nth, bool after)
{
    atomic_store(&all_after, after);
    atomic_store(&refused, false);
    atomic_store(&left, nth);
}

bool
allocations_grant(void)
{
    atomic_store(&left, 0);
    return atomic_load(&refused);
}

UNWATCHED static bool
is_refused(void)
{
    size_t n = atomic_load(&left);

    atomic_fetch_add(&made, 1);
    do {
        if (n == 0)
            return false;
    } while (!atomic_compare_exchange_weak(
        &left, &n, n == 1 && atomic_load(&all_after) ? 1 : n - 1));
    if (n > 1)
        return false;
    atomic_store(&refused, true);
    errno = ENOMEM;
    return true;
}

VISIBLE void *
malloc(size_t size)
{
    return is_refused() ? NULL : GIVER(malloc)(size);
}

VISIBLE void *
calloc(size_t n, size_t size)
{
    return is_refused() ? NULL : GIVER(calloc)(n, size);
}

VISIBLE void *
realloc(void *old, size_t size)
{
    return is_refused() ? NULL : GIVER(realloc)(old, size);
}

/* The sanitizers' own asks malloc() nothing. */
VISIBLE char *
strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy == NULL ? NULL : memcpy(copy, text, size);
}
