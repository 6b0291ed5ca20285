/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spill.c - batches in a temporary file that no name leads to.
 *
 *   block   bytes of body, rows, XXH3-64 of body seeded by rows (8 each), body
 *   body    each column
 *   column  one byte: are there nulls; if so their bits; then the values as
 *           they lie, or lengths (4 each) and text, or lengths and the items'
 *           column
 */
#include "data/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/batch.h"
#include "data/column.h"
#include "data/schema.h"

#define NAME "/larder-XXXXXX"

typedef struct block_head {
    uint64_t n_body;
    uint64_t n_rows;
    uint64_t checksum;
} block_head;

/* ---------------------------------------------------------------- the file */

static larder_status
refused(const ldr_spill *spill, const char *what, int error, larder_error *err)
{
    char words[128] = "unknown error";
    larder_status rc;

    (void)strerror_r(error, words, sizeof words);
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        rc = larder_fail(err, LARDER_IO,
            "temporary folder '%s' is full: %s after %llu bytes of rows",
            spill->folder, words, (unsigned long long)spill->n_bytes);
    else
        rc = larder_fail(err, LARDER_IO,
            "temporary folder '%s': cannot %s a file of rows: %s",
            spill->folder, what, words);
    larder_hint(err,
        "give more memory (--memory), so that less is written there, or "
        "another temporary folder");
    return rc;
}

larder_status
ldr_spill_open(ldr_spill *spill, const char *folder, larder_error *err)
{
    ldr_spill made = {.file = -1, .folder = folder == NULL ? "/tmp" : folder};
    size_t n_folder = strlen(made.folder);
    char *path = malloc(n_folder + sizeof NAME);

    if (path == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory for a path");
    memcpy(path, made.folder, n_folder);
    memcpy(path + n_folder, NAME, sizeof NAME);
    made.file = mkstemp(path);
    if (made.file < 0) {
        free(path);
        return refused(&made, "create", errno, err);
    }
    (void)unlink(path);
    (void)fcntl(made.file, F_SETFD, FD_CLOEXEC);
    free(path);
    *spill = made;
    return LARDER_OK;
}

void
ldr_spill_close(ldr_spill *spill)
{
    if (spill->file >= 0)
        (void)close(spill->file);
    *spill = LDR_NO_SPILL;
}

static larder_status
write_all(ldr_spill *spill, const unsigned char *bytes, size_t size,
    larder_error *err)
{
    while (size != 0) {
        ssize_t n = pwrite(spill->file, bytes, size, (off_t)spill->n_bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refused(spill, "write", errno, err);
        bytes += n;
        size -= (size_t)n;
        spill->n_bytes += (uint64_t)n;
    }
    return LARDER_OK;
}

static larder_status
damaged(const ldr_spill *spill, larder_error *err)
{
    return larder_fail(err, LARDER_CORRUPT,
        "temporary folder '%s': rows do not come back as they were written",
        spill->folder);
}

static larder_status
read_all(const ldr_spill *spill, uint64_t at, unsigned char *bytes, size_t size,
    larder_error *err)
{
    while (size != 0) {
        ssize_t n = pread(spill->file, bytes, size, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refused(spill, "read", errno, err);
        if (n == 0)
            return damaged(spill, err);
        bytes += n;
        size -= (size_t)n;
        at += (uint64_t)n;
    }
    return LARDER_OK;
}

/* ----------------------------------------------------------------- writing */

static larder_status
put(ldr_buffer *out, const void *bytes, size_t size, larder_error *err)
{
    larder_status rc = ldr_buffer_reserve(out, size, err);

    if (rc == LARDER_OK && size != 0) {
        memcpy(out->data + out->size, bytes, size);
        out->size += size;
    }
    return rc;
}

static size_t
bits_bytes(size_t n_rows)
{
    return n_rows / 8 + (n_rows % 8 != 0);
}

static size_t
values_bytes(const larder_column *column, size_t n_rows)
{
    return column->type == LARDER_BOOL ? bits_bytes(n_rows)
                                       : n_rows * ldr_type_width(column->type);
}

static larder_status
put_lengths(ldr_buffer *out, const larder_column *column, larder_error *err)
{
    larder_status rc =
        ldr_buffer_reserve(out, column->n_rows * sizeof(uint32_t), err);

    for (size_t i = 0; i < column->n_rows && rc == LARDER_OK; i++) {
        int64_t length = column->offsets[i + 1] - column->offsets[i];
        uint32_t small = (uint32_t)length;

        if (length > UINT32_MAX)
            return larder_fail(err, LARDER_LIMIT,
                "a value of %lld bytes or items is too long to be sorted: at "
                "most 4294967295",
                (long long)length);
        memcpy(out->data + out->size, &small, sizeof small);
        out->size += sizeof small;
    }
    return rc;
}

static larder_status
put_column(ldr_buffer *out, const larder_column *column, larder_error *err)
{
    unsigned char has_nulls = column->n_nulls != 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(put(out, &has_nulls, 1, err));
    if (has_nulls)
        LARDER_TRY(put(out, column->valid, bits_bytes(column->n_rows), err));
    if (!ldr_type_is_text(column->type) && column->items == NULL) {
        rc =
            put(out, column->values, values_bytes(column, column->n_rows), err);
        goto out;
    }
    LARDER_TRY(put_lengths(out, column, err));
    if (column->items != NULL)
        rc = put_column(out, column->items, err);
    else
        rc = put(out, column->values, ldr_column_contents(column), err);
out:
    return rc;
}

larder_status
ldr_spill_write(ldr_spill *spill, const larder_batch *batch,
    ldr_buffer *scratch, larder_error *err)
{
    block_head head = {.n_rows = batch->n_rows};
    larder_status rc = LARDER_OK;

    scratch->size = 0;
    LARDER_TRY(put(scratch, &head, sizeof head, err));
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        LARDER_TRY(put_column(scratch, &batch->columns[i], err));
    head.n_body = scratch->size - sizeof head;
    head.checksum = XXH3_64bits_withSeed(
        scratch->data + sizeof head, (size_t)head.n_body, head.n_rows);
    memcpy(scratch->data, &head, sizeof head);
    rc = write_all(spill, scratch->data, scratch->size, err);
out:
    return rc;
}

/* ----------------------------------------------------------------- reading */

/* What is left of a body. */
typedef struct body {
    const unsigned char *at;
    size_t left;
} body;

/* The next bytes, or NULL where there are not so many. */
static const unsigned char *
take(body *rest, size_t size)
{
    const unsigned char *taken = rest->at;

    if (size > rest->left)
        return NULL;
    rest->at += size;
    rest->left -= size;
    return taken;
}

/* Bits of nulls, if there are any; room for the rows is there. */
static bool
take_valid(body *rest, larder_column *out, size_t n_rows)
{
    const unsigned char *has_nulls = take(rest, 1), *bits;

    out->n_nulls = 0;
    if (has_nulls == NULL)
        return false;
    if (*has_nulls == 0) {
        if (n_rows != 0 && out->valid != NULL)
            memset(out->valid, 0xff, bits_bytes(n_rows));
        return true;
    }
    bits = take(rest, bits_bytes(n_rows));
    if (bits == NULL)
        return false;
    memcpy(out->valid, bits, bits_bytes(n_rows));
    for (size_t i = 0; i < n_rows; i++)
        out->n_nulls += !ldr_bit(out->valid, i);
    return true;
}

/* Lengths back to offsets; the last is how much they cover. */
static bool
take_offsets(body *rest, larder_column *out, size_t n_rows)
{
    const unsigned char *lengths = NULL;

    if (n_rows <= rest->left / sizeof(uint32_t))
        lengths = take(rest, n_rows * sizeof(uint32_t));
    if (lengths == NULL)
        return false;
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t length;

        memcpy(&length, lengths + i * sizeof length, sizeof length);
        out->offsets[i + 1] = out->offsets[i] + (int64_t)length;
    }
    return true;
}

static larder_status take_column(body *rest, larder_column *out, size_t n_rows,
    bool *whole, larder_error *err);

/* What the rows hold; their bits are already there. */
static larder_status
take_values(body *rest, larder_column *out, size_t n_rows, bool *whole,
    larder_error *err)
{
    size_t size = values_bytes(out, n_rows);
    const unsigned char *bytes;
    larder_status rc = LARDER_OK;

    if (n_rows != 0 && out->offsets != NULL) {
        *whole = take_offsets(rest, out, n_rows);
        size = *whole ? (size_t)out->offsets[n_rows] : 0;
    }
    if (*whole && out->items != NULL)
        return take_column(rest, out->items, size, whole, err);
    bytes = take(rest, size);
    *whole = *whole && bytes != NULL;
    if (*whole && ldr_type_is_text(out->type))
        rc = ldr_column_grow_text(out, size, err);
    if (rc == LARDER_OK && *whole && size != 0)
        memcpy(out->values, bytes, size);
    return rc;
}

/* A column back into an empty one; *whole says whether the bytes were there. */
static larder_status
take_column(body *rest, larder_column *out, size_t n_rows, bool *whole,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_column_grow_rows(out, n_rows, err));
    if (rest->left != 0 && *rest->at != 0)
        LARDER_TRY(ldr_column_make_valid(out, err));
    *whole = take_valid(rest, out, n_rows);
    if (*whole)
        LARDER_TRY(take_values(rest, out, n_rows, whole, err));
    out->n_rows = n_rows;
out:
    return rc;
}

static larder_status
take_batch(const ldr_spill *spill, body rest, size_t n_rows, larder_batch *out,
    larder_error *err)
{
    larder_batch_clear(out);
    for (size_t i = 0; i < out->schema->n_fields; i++) {
        bool whole;
        larder_status rc =
            take_column(&rest, &out->columns[i], n_rows, &whole, err);

        if (rc == LARDER_OK && !whole)
            rc = damaged(spill, err);
        if (rc != LARDER_OK) {
            larder_batch_clear(out);
            return rc;
        }
    }
    out->n_rows = n_rows;
    return LARDER_OK;
}

larder_status
ldr_spill_read(const ldr_spill *spill, uint64_t *at, larder_batch *out,
    ldr_buffer *scratch, larder_error *err)
{
    block_head head;
    larder_status rc = LARDER_OK;

    if (spill->n_bytes - *at < sizeof head)
        LARDER_TRY(damaged(spill, err));
    LARDER_TRY(read_all(spill, *at, (unsigned char *)&head, sizeof head, err));
    if (head.n_body > spill->n_bytes - *at - sizeof head)
        LARDER_TRY(damaged(spill, err));
    scratch->size = 0;
    LARDER_TRY(ldr_buffer_reserve(scratch, (size_t)head.n_body, err));
    LARDER_TRY(read_all(
        spill, *at + sizeof head, scratch->data, (size_t)head.n_body, err));
    if (XXH3_64bits_withSeed(scratch->data, (size_t)head.n_body, head.n_rows) !=
        head.checksum)
        LARDER_TRY(damaged(spill, err));
    LARDER_TRY(take_batch(spill, (body){scratch->data, (size_t)head.n_body},
        (size_t)head.n_rows, out, err));
    *at += sizeof head + head.n_body;
out:
    return rc;
}
