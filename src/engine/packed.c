/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packed.c - rows of eight-byte values, the values of a row side by side.
 */
#include "engine/packed.h"

#include <assert.h>
#include <stdlib.h>

#include "data/batch.h"
#include "data/column.h"

/* Columns that one word has bits for. */
#define COLUMNS_MAX 64u
/* Rows gathered at a time. */
#define SOME_ROWS 512u
/* Rows that are called up before they are looked at. */
#define AHEAD 8u
/* Words that come from memory together. */
#define LINE_WORDS 8u

static bool
is_word(larder_type type)
{
    return type == LARDER_FLOAT64 || type == LARDER_INT64 ||
           type == LARDER_TIMESTAMP;
}

bool
ldr_packed_fits(const larder_schema *schema)
{
    for (size_t c = 0; c < schema->n_fields; c++)
        if (!is_word(schema->fields[c].type))
            return false;
    return schema->n_fields <= COLUMNS_MAX;
}

larder_status
ldr_packed_start(
    ldr_packed *packed, size_t n_columns, size_t room_rows, larder_error *err)
{
    size_t width = (1 + n_columns) * sizeof(uint64_t);

    *packed = (ldr_packed){.n_columns = n_columns, .room_rows = room_rows};
    if (room_rows < SIZE_MAX / width)
        packed->words = malloc(room_rows * width + 1);
    return packed->words != NULL
               ? LARDER_OK
               : larder_fail(err, LARDER_NOMEM,
                     "no memory for %zu rows of answers", room_rows);
}

void
ldr_packed_release(ldr_packed *packed)
{
    free(packed->words);
    *packed = (ldr_packed){0};
}

/* The words of a row by index. */
static inline const uint64_t *
words_of(const ldr_packed *const *parts, size_t row)
{
    static const uint64_t none[1 + COLUMNS_MAX] = {0};
    const ldr_packed *part;

    if (row == SIZE_MAX)
        return none;
    part = parts[row >> LDR_PART_SHIFT];
    row &= ((size_t)1 << LDR_PART_SHIFT) - 1;
    return part->words + row * (1 + part->n_columns);
}

/* Append the bits `column` of so many words. */
static void
append_bits(
    larder_column *to, const uint64_t *there, size_t column, size_t n_rows)
{
    size_t n_set = 0;

    for (size_t i = 0, n; i < n_rows; i += n) {
        size_t at = to->n_rows + i;
        unsigned bits = 0;

        n = at % 8 == 0 && n_rows - i >= 8 ? 8 : 1;
        for (size_t k = 0; k < n; k++) {
            unsigned bit = (unsigned)(there[i + k] >> column) & 1;

            bits |= bit << k;
            n_set += bit;
        }
        if (n == 8)
            to->valid[at / 8] = (uint8_t)bits;
        else
            ldr_bit_set(to->valid, at, bits != 0);
    }
    to->n_nulls += n_rows - n_set;
    to->n_rows += n_rows;
}

/* Answers lie in another order than they are asked for: each comes from memory,
 * and is there sooner if it is called for some rows ahead. */
static inline void
call_up(const uint64_t *words, size_t n_columns)
{
    for (size_t i = 0; i <= n_columns; i += LINE_WORDS)
        __builtin_prefetch(words + i);
}

/* At most SOME_ROWS. */
static void
gather_some(const ldr_packed *const *parts, const size_t *columns,
    size_t n_columns, const size_t *rows, size_t n_rows,
    larder_column *const *out)
{
    uint64_t *values[COLUMNS_MAX], there[SOME_ROWS];

    for (size_t c = 0; c < n_columns; c++)
        values[c] = (uint64_t *)out[c]->values + out[c]->n_rows;
    for (size_t i = 0; i < n_rows; i++) {
        const uint64_t *words = words_of(parts, rows[i]);

        if (i + AHEAD < n_rows)
            call_up(words_of(parts, rows[i + AHEAD]), n_columns);
        there[i] = words[0];
        for (size_t c = 0; c < n_columns; c++)
            values[c][i] = words[1 + columns[c]];
    }
    for (size_t c = 0; c < n_columns; c++)
        append_bits(out[c], there, columns[c], n_rows);
}

larder_status
ldr_packed_gather(const ldr_packed *const *parts, const size_t *columns,
    size_t n_columns, const size_t *rows, size_t n_rows,
    larder_column *const *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    assert(n_columns <= COLUMNS_MAX);
    for (size_t c = 0; c < n_columns; c++) {
        assert(is_word(out[c]->type));
        LARDER_TRY(larder_column_reserve(out[c], n_rows, 0, err));
    }
    for (size_t done = 0, n; done < n_rows; done += n) {
        n = n_rows - done < SOME_ROWS ? n_rows - done : SOME_ROWS;
        gather_some(parts, columns, n_columns, rows + done, n, out);
    }
out:
    return rc;
}
