/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations.c - the memory a test program is given.
 */
#include "tests/allocations.h"

#include <errno.h>
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
#define VISIBLE __attribute__((visibility("default")))

/* Who gives memory in the end. */
#if SANITIZED
#define GIVER(name) __interceptor_##name
#else
#define GIVER(name) __libc_##name
#endif

void *GIVER(malloc)(size_t size);
void *GIVER(calloc)(size_t n, size_t size);
void *GIVER(realloc)(void *old, size_t size);

static _Thread_local struct {
    size_t made;
    size_t left; /* until the refused one; 0: none is */
    bool after, refused;
} state;

bool
allocations_are_slow(void)
{
    return SANITIZED;
}

size_t
allocations_made(void)
{
    return state.made;
}

void
allocations_refuse(size_t nth, bool after)
{
    state.left = nth;
    state.after = after;
    state.refused = false;
}

bool
allocations_grant(void)
{
    state.left = 0;
    return state.refused;
}

static bool
is_refused(void)
{
    state.made++;
    if (state.left == 0 || --state.left > 0)
        return false;
    state.refused = true;
    if (state.after)
        state.left = 1;
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
