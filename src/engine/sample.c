/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.c - some of many keys: those of the least hash.
 */
#include "engine/sample.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static int
compare_bytes(const ldr_sampled *a, const ldr_sampled *b)
{
    size_t n = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, n);

    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* Which of two is kept rather than the other: <0, 0 (the same key), >0. */
static int
compare(const ldr_sampled *a, const ldr_sampled *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return compare_bytes(a, b);
}

static void
swap(ldr_sampled *a, ldr_sampled *b)
{
    ldr_sampled other = *a;

    *a = *b;
    *b = other;
}

static void
sift_up(ldr_sample *sample, size_t at)
{
    ldr_sampled *keys = sample->keys;

    while (at > 0 && compare(&keys[at], &keys[(at - 1) / 2]) > 0) {
        swap(&keys[at], &keys[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void
sift_down(ldr_sample *sample)
{
    ldr_sampled *keys = sample->keys;

    for (size_t at = 0, next; 2 * at + 1 < sample->n_keys; at = next) {
        next = 2 * at + 1;
        if (next + 1 < sample->n_keys &&
            compare(&keys[next + 1], &keys[next]) > 0)
            next++;
        if (compare(&keys[at], &keys[next]) >= 0)
            break;
        swap(&keys[at], &keys[next]);
    }
}

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a sample of keys");
}

static larder_status
make_room(ldr_sample *sample, size_t more, larder_error *err)
{
    size_t wanted = sample->n_keys + more;
    size_t room = sample->room == 0 ? 64 : sample->room;
    ldr_sampled *keys;

    if (wanted <= sample->room)
        return LARDER_OK;
    while (room < wanted)
        room *= 2;
    if (room > SIZE_MAX / sizeof *keys)
        return no_memory(err);
    keys = realloc(sample->keys, room * sizeof *keys);
    if (keys == NULL)
        return no_memory(err);
    sample->n_bytes += (room - sample->room) * sizeof *keys;
    sample->keys = keys;
    sample->room = room;
    return LARDER_OK;
}

/* The place of the one that is kept least goes to a copy of the key. */
static larder_status
replace_greatest(ldr_sample *sample, const ldr_sampled *key, larder_error *err)
{
    ldr_sampled *greatest = &sample->keys[0];
    unsigned char *bytes = realloc(greatest->bytes, key->size);

    if (bytes == NULL)
        return no_memory(err);
    memcpy(bytes, key->bytes, key->size);
    sample->n_bytes += key->size - greatest->size;
    *greatest = (ldr_sampled){key->hash, bytes, key->size};
    sift_down(sample);
    return LARDER_OK;
}

larder_status
ldr_sample_offer(ldr_sample *sample, larder_bytes key, larder_error *err)
{
    /* Only read through: the copy is what is kept. */
    ldr_sampled offered = {.hash = XXH3_64bits(key.data, key.size),
        .bytes = (unsigned char *)(uintptr_t)key.data,
        .size = key.size};
    ldr_sampled *last;
    larder_status rc;

    if (sample->limit == 0)
        return LARDER_OK;
    if (sample->n_keys == sample->limit &&
        compare(&offered, &sample->keys[0]) >= 0)
        return LARDER_OK;
    if (sample->n_keys == sample->limit)
        return replace_greatest(sample, &offered, err);
    LARDER_TRY(make_room(sample, 1, err));
    last = &sample->keys[sample->n_keys];
    *last = offered;
    last->bytes = malloc(key.size);
    if (last->bytes == NULL)
        return no_memory(err);
    memcpy(last->bytes, key.data, key.size);
    sample->n_bytes += key.size;
    sift_up(sample, sample->n_keys++);
out:
    return rc;
}

larder_status
ldr_sample_join(ldr_sample *sample, ldr_sample *from, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(make_room(sample, from->n_keys, err));
    if (from->n_keys > 0)
        memcpy(sample->keys + sample->n_keys, from->keys,
            from->n_keys * sizeof *from->keys);
    sample->n_keys += from->n_keys;
    sample->n_bytes += from->n_bytes;
    from->n_keys = 0;
    ldr_sample_release(from);
out:
    return rc;
}

static int
by_bytes(const void *a, const void *b)
{
    return compare_bytes(a, b);
}

void
ldr_sample_sort(ldr_sample *sample)
{
    size_t n = 0;

    if (sample->n_keys > 0)
        qsort(sample->keys, sample->n_keys, sizeof *sample->keys, by_bytes);
    for (size_t i = 0; i < sample->n_keys; i++) {
        if (n > 0 && compare_bytes(&sample->keys[n - 1], &sample->keys[i]) == 0)
            free(sample->keys[i].bytes);
        else
            sample->keys[n++] = sample->keys[i];
    }
    sample->n_keys = n;
}

void
ldr_sample_release(ldr_sample *sample)
{
    for (size_t i = 0; i < sample->n_keys; i++)
        free(sample->keys[i].bytes);
    free(sample->keys);
    *sample = (ldr_sample){0};
}
