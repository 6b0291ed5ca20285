/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strings.c - texts cut, joined, searched and respelt.
 *
 * Positions and lengths are of characters (code points of valid UTF-8), from 1.
 * A part of a text is lent by it; only what is new takes memory.
 */
#include "expression/functions.h"

static larder_bytes
part(larder_bytes text, size_t begin, size_t end)
{
    return (larder_bytes){
        begin == end ? "" : (const char *)text.data + begin, end - begin};
}

static bool
begins_character(larder_bytes text, size_t at)
{
    return (((const unsigned char *)text.data)[at] & 0xC0) != 0x80;
}

static int64_t
count_characters(larder_bytes text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.size; i++)
        n += begins_character(text, i);
    return n;
}

/* Where `part` is in a text, from byte `from` on; its size: nowhere. */
static size_t
find(larder_bytes text, larder_bytes wanted, size_t from)
{
    const char *bytes = text.data, *begin = wanted.data;

    if (wanted.size == 0)
        return from;
    while (from < text.size && wanted.size <= text.size - from) {
        const char *at =
            memchr(bytes + from, begin[0], text.size - from - wanted.size + 1);

        if (at == NULL)
            break;
        if (memcmp(at, begin, wanted.size) == 0)
            return (size_t)(at - bytes);
        from = (size_t)(at - bytes) + 1;
    }
    return text.size;
}

void
ldr_run_length(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++)
        out->integers[i] = count_characters(args[0].texts[i]);
}

void
ldr_run_starts_with(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++) {
        larder_bytes text = args[0].texts[i], head = args[1].texts[i];

        out->truths[i] =
            head.size <= text.size &&
            (head.size == 0 || memcmp(text.data, head.data, head.size) == 0);
    }
}

void
ldr_run_contains(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++) {
        larder_bytes text = args[0].texts[i], wanted = args[1].texts[i];

        out->truths[i] = wanted.size == 0 || find(text, wanted, 0) < text.size;
    }
}

/* ------------------------------------------------------------------- parts */

void
ldr_run_trim(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++) {
        larder_bytes text = args[0].texts[i];
        const char *bytes = text.data;
        size_t begin = 0, end = text.size;

        while (begin < end && bytes[begin] == ' ')
            begin++;
        while (begin < end && bytes[end - 1] == ' ')
            end--;
        out->texts[i] = part(text, begin, end);
    }
}

/* The byte at which the character after `skipped` others begins. */
static size_t
skip_characters(larder_bytes text, size_t at, int64_t skipped)
{
    for (; at < text.size && skipped > 0; skipped--)
        for (at++; at < text.size && !begins_character(text, at);)
            at++;
    return at;
}

#define TO_THE_END INT64_MAX

/* Characters [start, start + length) as far as there are such; a negative start
 * counts from the end, and before the first there are places without one. */
static larder_bytes
cut(larder_bytes text, int64_t start, int64_t length)
{
    size_t begin, end;

    if (start < 0)
        start += count_characters(text) + 1;
    if (start < 1) { /* so many places before the first */
        int64_t before = start < -INT64_MAX + 2 ? INT64_MAX : 1 - start;

        if (length != TO_THE_END)
            length = length > before ? length - before : 0;
        start = 1;
    }
    begin = skip_characters(text, 0, start - 1);
    end = skip_characters(text, begin, length);
    return part(text, begin, end);
}

void
ldr_run_substr(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++)
        out->texts[i] = cut(args[0].texts[i], args[1].integers[i], TO_THE_END);
}

void
ldr_run_substr_of(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++) {
        int64_t length = args[2].integers[i];

        out->texts[i] = (larder_bytes){"", 0};
        if (length < 0)
            ldr_slot_fault(out, n, i);
        else
            out->texts[i] = cut(args[0].texts[i], args[1].integers[i], length);
    }
}

/* --------------------------------------------------------------- new texts */

/* Memory for row i's text of `size` bytes; NULL: it has none, or none that is
 * not empty. */
static char *
make(ldr_slot *out, size_t n, size_t i, size_t size, ldr_texts *texts)
{
    char *bytes;

    out->texts[i] = (larder_bytes){"", 0};
    if (size == 0)
        return NULL;
    bytes = ldr_texts_take(texts, size);
    if (bytes == NULL)
        ldr_slot_fault(out, n, i);
    else
        out->texts[i] = (larder_bytes){bytes, size};
    return bytes;
}

void
ldr_run_concat(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    for (size_t i = 0; i < n; i++) {
        larder_bytes a = args[0].texts[i], b = args[1].texts[i];
        char *bytes;

        if (a.size == 0 || b.size == 0) {
            out->texts[i] = a.size == 0 ? b : a;
            continue;
        }
        bytes = make(out, n, i, a.size + b.size, texts);
        if (bytes != NULL) {
            memcpy(bytes, a.data, a.size);
            memcpy(bytes + a.size, b.data, b.size);
        }
    }
}

/* Letters from `first` to `first` + 25 in their other case. */
static void
change_case(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts,
    unsigned first)
{
    for (size_t i = 0; i < n; i++) {
        larder_bytes text = args[0].texts[i];
        const unsigned char *from = text.data;
        char *bytes = make(out, n, i, text.size, texts);

        for (size_t k = 0; bytes != NULL && k < text.size; k++)
            bytes[k] = (char)(from[k] - first < 26u ? from[k] ^ 0x20 : from[k]);
    }
}

void
ldr_run_lower(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    change_case(args, n, out, texts, 'A');
}

void
ldr_run_upper(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    change_case(args, n, out, texts, 'a');
}

/* The size of `text` with each `wanted` made `other`; SIZE_MAX: too great. */
static size_t
replaced_size(
    larder_bytes text, larder_bytes wanted, larder_bytes other, size_t *n_found)
{
    size_t at = find(text, wanted, 0), size;

    for (*n_found = 0; at < text.size; (*n_found)++)
        at = find(text, wanted, at + wanted.size);
    if (__builtin_mul_overflow(*n_found, other.size, &size) ||
        __builtin_add_overflow(size, text.size - *n_found * wanted.size, &size))
        return SIZE_MAX;
    return size;
}

static void
put(char **to, larder_bytes bytes)
{
    if (bytes.size > 0)
        memcpy(*to, bytes.data, bytes.size);
    *to += bytes.size;
}

void
ldr_run_replace(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    for (size_t i = 0; i < n; i++) {
        larder_bytes text = args[0].texts[i], wanted = args[1].texts[i];
        larder_bytes other = args[2].texts[i];
        size_t n_found = 0, size = text.size, at = 0;
        char *to;

        if (wanted.size > 0)
            size = replaced_size(text, wanted, other, &n_found);
        if (n_found == 0) {
            out->texts[i] = text;
            continue;
        }
        to = make(out, n, i, size, texts);
        for (; to != NULL && n_found > 0; n_found--) {
            size_t found = find(text, wanted, at);

            put(&to, part(text, at, found));
            put(&to, other);
            at = found + wanted.size;
        }
        if (to != NULL)
            put(&to, part(text, at, text.size));
    }
}
