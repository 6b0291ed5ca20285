/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - text made for people to read in one line: UTF-8 whatever came in,
 * cut where a character ends.
 */
#ifndef LDR_WORDS_H
#define LDR_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* The length of the character that begins at `text`, of `size` bytes; 0: these
 * bytes begin no valid UTF-8 character (nor does an empty text). */
size_t ldr_words_character(const void *text, size_t size);

/* The greatest length not over `limit` (and `size`) that ends with a whole
 * character. */
size_t ldr_words_cut(const char *text, size_t size, size_t limit);

/* Copy as one line: white space for line ends and tabs, '?' for other control
 * characters and for bytes that are not UTF-8. Too long a text keeps its head
 * and its end around "...". `room` is at least 16; the length is returned. */
size_t ldr_words_line(char *out, size_t room, const char *text);

#endif
