/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that lives and dies together.
 *
 * Nothing inside is freed by hand; ldr_arena_free() ends all of it. {0} is an
 * empty arena. Not for threads to share while it grows.
 */
#ifndef LDR_ARENA_H
#define LDR_ARENA_H

#include <stddef.h>

struct ldr_arena_block;

typedef struct ldr_arena {
    struct ldr_arena_block *blocks;
    size_t bytes; /* handed out so far */
} ldr_arena;

/* Zeroed and aligned for anything; NULL when there is no memory. */
void *ldr_arena_alloc(ldr_arena *arena, size_t size);
/* An array; NULL also when the product overflows. */
void *ldr_arena_array(ldr_arena *arena, size_t n, size_t size);
/* Copies, closed by a NUL. */
char *ldr_arena_copy(ldr_arena *arena, const char *text);
char *ldr_arena_copy_n(ldr_arena *arena, const void *text, size_t size);
char *ldr_arena_printf(ldr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ldr_arena_free(ldr_arena *arena);

#endif
