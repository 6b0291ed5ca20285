/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - memory that lives and dies together.
 *
 * A chain of zeroed blocks, the one being filled first. Blocks double up to a
 * limit, so a small arena is one small block; what would not fit in a block of
 * that size gets one of its own, behind the one being filled.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIRST ((size_t)4096)
#define BLOCK_LIMIT ((size_t)1 << 20)

struct ldr_arena_block {
    struct ldr_arena_block *next;
    size_t used;
    size_t room;
    alignas(max_align_t) unsigned char data[];
};

/* A block with this much room; NULL when there is no memory. */
static struct ldr_arena_block *
new_block(size_t room)
{
    struct ldr_arena_block *block;

    if (room > SIZE_MAX - sizeof *block)
        return NULL;
    block = calloc(1, sizeof *block + room);
    if (block != NULL)
        block->room = room;
    return block;
}

/* A block with at least `size` bytes free, linked into the arena. */
static struct ldr_arena_block *
grow(ldr_arena *arena, size_t size)
{
    struct ldr_arena_block *head = arena->blocks, *block;
    size_t room = head == NULL ? BLOCK_FIRST : head->room * 2;
    bool own;

    if (room > BLOCK_LIMIT)
        room = BLOCK_LIMIT;
    own = size > room / 2;
    block = new_block(own ? size : room);
    if (block == NULL)
        return NULL;
    if (own && head != NULL) {
        block->next = head->next;
        head->next = block;
    } else {
        block->next = head;
        arena->blocks = block;
    }
    return block;
}

void *
ldr_arena_alloc(ldr_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct ldr_arena_block *block = arena->blocks;
    void *memory;

    if (size > SIZE_MAX - align)
        return NULL;
    size = size == 0 ? align : (size + align - 1) / align * align;
    if (block == NULL || block->room - block->used < size)
        block = grow(arena, size);
    if (block == NULL)
        return NULL;
    memory = block->data + block->used;
    block->used += size;
    arena->bytes += size;
    return memory;
}

void *
ldr_arena_array(ldr_arena *arena, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        return NULL;
    return ldr_arena_alloc(arena, n * size);
}

char *
ldr_arena_copy(ldr_arena *arena, const char *text)
{
    return ldr_arena_copy_n(arena, text, strlen(text));
}

char *
ldr_arena_copy_n(ldr_arena *arena, const void *text, size_t size)
{
    char *copy = size < SIZE_MAX ? ldr_arena_alloc(arena, size + 1) : NULL;

    if (copy != NULL && size > 0)
        memcpy(copy, text, size);
    return copy;
}

char *
ldr_arena_printf(ldr_arena *arena, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size >= 0)
        text = ldr_arena_alloc(arena, (size_t)size + 1);
    if (text == NULL)
        return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}

void
ldr_arena_free(ldr_arena *arena)
{
    struct ldr_arena_block *block = arena->blocks;

    while (block != NULL) {
        struct ldr_arena_block *next = block->next;

        free(block);
        block = next;
    }
    *arena = (ldr_arena){0};
}
