/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.c - bytes that grow by doubling and are used again (see row.h).
 */
#include <stdlib.h>

#include "data/row.h"

void
ldr_buffer_free(ldr_buffer *buffer)
{
    free(buffer->data);
    *buffer = (ldr_buffer){0};
}

larder_status
ldr_buffer_reserve(ldr_buffer *buffer, size_t more, larder_error *err)
{
    size_t room = buffer->room < 256 ? 256 : buffer->room;
    unsigned char *grown = NULL;

    if (more <= buffer->room - buffer->size)
        return LARDER_OK;
    if (more <= SIZE_MAX / 4 - buffer->size) {
        while (room < buffer->size + more)
            room *= 2;
        grown = realloc(buffer->data, room);
    }
    if (grown == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "out of memory for %zu bytes more", more);
    buffer->data = grown;
    buffer->room = room;
    return LARDER_OK;
}
