/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - text made for people to read in one line.
 */
#include "base/words.h"

#include <stdbool.h>
#include <string.h>

/* How long the first byte says its character is; 0: it cannot be a first. */
static size_t
length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first < 0xE0)
        return 2;
    if (first >= 0xE0 && first < 0xF0)
        return 3;
    return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

size_t
ldr_words_character(const void *text, size_t size)
{
    const unsigned char *byte = text;
    size_t length = size == 0 ? 0 : length_of(byte[0]);

    if (length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
    if (length == 3 && ((byte[0] == 0xE0 && byte[1] < 0xA0) ||
                           (byte[0] == 0xED && byte[1] >= 0xA0)))
        return 0; /* too long a spelling; half a pair of UTF-16 */
    if (length == 4 && ((byte[0] == 0xF0 && byte[1] < 0x90) ||
                           (byte[0] == 0xF4 && byte[1] >= 0x90)))
        return 0; /* too long a spelling; beyond U+10FFFF */
    return length;
}

static bool
continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t
ldr_words_cut(const char *text, size_t size, size_t limit)
{
    if (size <= limit)
        return size;
    while (limit > 0 && continues(text[limit]))
        limit--;
    return limit;
}

/* Make `size` bytes at `out`, a copy already, valid words of one line. */
static void
clean(char *out, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = ldr_words_character(out + i, size - i);
        unsigned char c = (unsigned char)out[i];

        if (c == '\n' || c == '\r' || c == '\t')
            out[i] = ' ';
        else if (length == 0 || c < 0x20 || c == 0x7F)
            out[i] = '?';
        i += length == 0 ? 1 : length;
    }
}

size_t
ldr_words_line(char *out, size_t room, const char *text)
{
    size_t size = strlen(text), head, end;

    if (size < room) {
        memcpy(out, text, size + 1);
        clean(out, size);
        return size;
    }
    head = ldr_words_cut(text, size, (room - 4) / 3 * 2);
    end = size - (room - 4 - head);
    while (continues(text[end]))
        end++;
    memcpy(out, text, head);
    memcpy(out + head, "...", 3);
    memcpy(out + head + 3, text + end, size - end + 1);
    size = head + 3 + size - end;
    clean(out, size);
    return size;
}
