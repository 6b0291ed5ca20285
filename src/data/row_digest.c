/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_digest.c - a row of history as 64 bits: are these two rows the same?
 *
 * Each value that is not null is hashed with its column's name and type; the
 * hashes are added, so the order of columns has no say, nor has a column that
 * is null or not there. Stored beside rows: a change here makes stored rows
 * strangers. Reals are hashed by bits: every NaN is one, -0.0 is not 0.0.
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/batch.h"
#include "data/bytes.h"
#include "data/schema.h"

static uint64_t
hash_number(uint64_t number, uint64_t seed)
{
    unsigned char bytes[8];

    ldr_put_le64(bytes, number);
    return XXH3_64bits_withSeed(bytes, sizeof bytes, seed);
}

/* A value that is neither null nor a list. */
static uint64_t
hash_value(const larder_column *column, size_t row, uint64_t seed)
{
    if (ldr_type_is_text(column->type)) {
        larder_bytes text = ldr_column_text(column, row);

        return XXH3_64bits_withSeed(text.data, text.size, seed);
    }
    if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64)
        return hash_number(ldr_real_rank(ldr_column_real(column, row)), seed);
    return hash_number((uint64_t)ldr_column_integer(column, row), seed);
}

/* Items in their order, each seeded by those before it; then their number. */
static uint64_t
hash_list(const larder_column *column, size_t row, uint64_t seed)
{
    size_t begin = (size_t)column->offsets[row];
    size_t end = (size_t)column->offsets[row + 1];
    uint64_t hash = seed;

    for (size_t i = begin; i < end; i++)
        hash = ldr_column_is_null(column->items, i)
                   ? hash_number(0, ~hash)
                   : hash_value(column->items, i, hash);
    return hash_number(end - begin, hash);
}

static uint64_t
seed_of(const larder_field *field)
{
    return XXH3_64bits_withSeed(
        field->name, strlen(field->name), (uint64_t)field->type);
}

static uint64_t
hash_cell(const larder_column *column, size_t row, uint64_t seed)
{
    if (ldr_column_is_null(column, row))
        return 0;
    return ldr_type_is_list(column->type) ? hash_list(column, row, seed)
                                          : hash_value(column, row, seed);
}

uint64_t
larder_row_digest(const larder_batch *batch, size_t row)
{
    uint64_t digest;

    larder_row_digests(batch, row, 1, &digest);
    return digest;
}

void
larder_row_digests(
    const larder_batch *batch, size_t row, size_t n_rows, uint64_t *digests)
{
    memset(digests, 0, n_rows * sizeof *digests);
    for (size_t c = 0; c < batch->schema->n_fields; c++) {
        uint64_t seed = seed_of(&batch->schema->fields[c]);

        for (size_t i = 0; i < n_rows; i++)
            digests[i] += hash_cell(&batch->columns[c], row + i, seed);
    }
    for (size_t i = 0; i < n_rows; i++)
        digests[i] = hash_number(digests[i], 0);
}
