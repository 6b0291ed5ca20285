/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.c - the memory that an evaluation works in, kept from one to the next.
 *
 * Slots are one piece, for so many rows each. Texts lie in blocks that are
 * filled anew with each step; none is given back before the room is.
 */
#include <stdlib.h>

#include "expression/evaluate.h"
#include "larder_backend.h"

#define BLOCK_BYTES ((size_t)64 << 10)

typedef struct ldr_texts_block {
    struct ldr_texts_block *next;
    size_t used, room;
    char bytes[];
} texts_block;

static texts_block *
add_block(ldr_texts *texts, size_t size)
{
    size_t room = size < BLOCK_BYTES ? BLOCK_BYTES : size;
    texts_block *block = malloc(sizeof *block + room);

    if (block == NULL)
        return NULL;
    *block = (texts_block){.room = room};
    if (texts->last == NULL)
        texts->first = block;
    else
        texts->last->next = block;
    return block;
}

char *
ldr_texts_take(ldr_texts *texts, size_t size)
{
    texts_block *block = texts->last;
    char *bytes;

    if (size > LDR_TEXT_BYTES_MAX)
        return NULL;
    if (size > LDR_TEXTS_BYTES_MAX - texts->n_bytes) {
        texts->full = true;
        return NULL;
    }
    while (block != NULL && block->room - block->used < size) {
        if (block->next == NULL) {
            block = NULL;
            break;
        }
        texts->last = block = block->next;
        block->used = 0;
    }
    if (block == NULL)
        block = add_block(texts, size);
    if (block == NULL) {
        texts->nomem = true;
        return NULL;
    }
    texts->last = block;
    bytes = block->bytes + block->used;
    block->used += size;
    texts->n_bytes += size;
    return bytes;
}

void
ldr_texts_forget(ldr_texts *texts)
{
    texts->last = texts->first;
    if (texts->first != NULL)
        texts->first->used = 0;
    texts->n_bytes = 0;
    texts->full = texts->nomem = false;
}

void
ldr_expression_room_free(ldr_expression_room *room)
{
    if (room == NULL)
        return;
    for (texts_block *block = room->texts.first; block != NULL;) {
        texts_block *next = block->next;

        free(block);
        block = next;
    }
    free(room->memory);
    free(room);
}

larder_status
ldr_room_grow(
    ldr_expression_room *room, size_t n_slots, size_t n_rows, larder_error *err)
{
    /* A state for every row, kept aligned. */
    size_t n_padded = (n_rows + 15) / 16 * 16;
    size_t n_bytes = n_slots * n_padded * (LDR_VALUE_BYTES + 1);

    if (n_bytes > room->n_bytes) {
        free(room->memory);
        room->n_bytes = 0;
        room->memory = malloc(n_bytes);
        if (room->memory == NULL)
            return larder_fail(err, LARDER_NOMEM,
                "out of memory for %zu bytes of an expression's values",
                n_bytes);
        room->n_bytes = n_bytes;
    }
    room->n_rows = n_padded;
    return LARDER_OK;
}
