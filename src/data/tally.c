/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.c - a digest of rows in any order.
 */
#include "data/tally.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/bytes.h"
#include "data/text.h"
#include "larder_backend.h"

#define ROWS 512u /* digests made at once */

static void
add_hash(ldr_tally *tally, XXH128_hash_t hash)
{
    tally->n_rows++;
    tally->low += hash.low64;
    tally->high += hash.high64;
}

void
ldr_tally_rows(ldr_tally *tally, const larder_batch *rows)
{
    uint64_t digests[ROWS];
    unsigned char bytes[8];

    for (size_t row = 0; row < rows->n_rows; row += ROWS) {
        size_t n = rows->n_rows - row < ROWS ? rows->n_rows - row : ROWS;

        larder_row_digests(rows, row, n, digests);
        for (size_t i = 0; i < n; i++) {
            ldr_put_le64(bytes, digests[i]);
            add_hash(tally, XXH3_128bits(bytes, sizeof bytes));
        }
    }
}

/* The key's hash is the row's seed: what is the key's is never the row's. */
void
ldr_tally_bytes(ldr_tally *tally, larder_bytes key, larder_bytes row)
{
    add_hash(tally, XXH3_128bits_withSeed(
                        row.data, row.size, XXH3_64bits(key.data, key.size)));
}

bool
ldr_tally_equal(const ldr_tally *a, const ldr_tally *b)
{
    return a->n_rows == b->n_rows && a->low == b->low && a->high == b->high;
}

void
ldr_tally_hex(const ldr_tally *tally, char hex[33])
{
    unsigned char bytes[24];

    ldr_put_le64(bytes, tally->n_rows);
    ldr_put_le64(bytes + 8, tally->low);
    ldr_put_le64(bytes + 16, tally->high);
    ldr_hash_hex((larder_bytes){bytes, sizeof bytes}, hex);
}
