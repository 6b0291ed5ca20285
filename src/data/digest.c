/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - a digest of rows that depends on nothing but the rows.
 *
 * Declared in text.h. Each column runs through two hashes, one of its values
 * and one of the positions of its nulls, so that no value is hashed one by one
 * and the size of a batch shows nowhere. A null's value counts as zero, its
 * text as empty; every NaN is one NaN.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/text.h"

#include <assert.h>
#include <stdlib.h>

#include "data/batch.h"
#include "data/bytes.h"
#include "data/json.h"
#include "data/schema.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_HERE true
#else
#define LITTLE_ENDIAN_HERE false
#endif

typedef struct column_digest {
    char *name;
    larder_type type;
    XXH3_state_t *values; /* numbers, or text one after the other */
    XXH3_state_t *sizes;  /* of text and lists */
    XXH3_state_t *nulls;  /* row numbers */
    XXH3_state_t *item_nulls;
    uint64_t n_items;
    ldr_buffer scratch;
} column_digest;

struct ldr_digest {
    column_digest *columns;
    size_t n_columns, n_tokens;
    uint64_t n_rows;
};

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory for a digest");
}

ldr_digest *
ldr_digest_new(void)
{
    return calloc(1, sizeof(ldr_digest));
}

void
ldr_digest_tokens(ldr_digest *digest, size_t n_columns)
{
    assert(digest->columns == NULL);
    digest->n_tokens = n_columns;
}

void
ldr_digest_free(ldr_digest *digest)
{
    if (digest == NULL)
        return;
    for (size_t i = 0; i < digest->n_columns; i++) {
        column_digest *column = &digest->columns[i];

        free(column->name);
        XXH3_freeState(column->values);
        XXH3_freeState(column->sizes);
        XXH3_freeState(column->nulls);
        XXH3_freeState(column->item_nulls);
        ldr_buffer_free(&column->scratch);
    }
    free(digest->columns);
    free(digest);
}

static bool
start_hash(XXH3_state_t **state)
{
    *state = XXH3_createState();
    return *state != NULL && XXH3_128bits_reset(*state) != XXH_ERROR;
}

larder_status
ldr_digest_start(
    ldr_digest *digest, const larder_schema *schema, larder_error *err)
{
    size_t n = schema->n_fields;

    if (digest->columns != NULL) {
        assert(digest->n_columns == n);
        return LARDER_OK;
    }
    digest->columns = calloc(n == 0 ? 1 : n, sizeof *digest->columns);
    if (digest->columns == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++) {
        column_digest *column = &digest->columns[i];

        digest->n_columns = i + 1;
        column->type = schema->fields[i].type;
        column->name = strdup(schema->fields[i].name);
        if (column->name == NULL || !start_hash(&column->values) ||
            !start_hash(&column->sizes) || !start_hash(&column->nulls) ||
            !start_hash(&column->item_nulls))
            return out_of_memory(err);
    }
    return LARDER_OK;
}

/* ----------------------------------------------------------------- columns */

/* Numbers on their way into a hash, little endian on every machine. */
typedef struct words {
    XXH3_state_t *state;
    size_t size;
    unsigned char bytes[2048];
} words;

static void
flush(words *to)
{
    XXH3_128bits_update(to->state, to->bytes, to->size);
    to->size = 0;
}

static inline void
add_word(words *to, uint64_t word)
{
    if (to->size == sizeof to->bytes)
        flush(to);
    ldr_put_le64(to->bytes + to->size, word);
    to->size += 8;
}

static uint64_t
real_bits(double value)
{
    uint64_t bits;

    if (value != value)
        return UINT64_C(0x7FF8000000000000);
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool
has_nan(const double *reals, size_t n)
{
    unsigned found = 0;

    for (size_t i = 0; i < n; i++)
        found |= reals[i] != reals[i];
    return found != 0;
}

/* Numbers that lie as they are hashed already. */
static bool
hash_as_is(const larder_column *column, size_t begin, size_t end, words *to)
{
    const char *bytes = column->values;

    if (!LITTLE_ENDIAN_HERE || ldr_type_width(column->type) != 8 ||
        (column->type == LARDER_FLOAT64 &&
            has_nan((const double *)column->values + begin, end - begin)))
        return false;
    XXH3_128bits_update(to->state, bytes + begin * 8, (end - begin) * 8);
    return true;
}

static void
hash_reals(const larder_column *column, size_t begin, size_t end, words *to)
{
    for (size_t i = begin; i < end; i++)
        add_word(to, real_bits(ldr_column_real(column, i)));
}

static void
hash_integers(const larder_column *column, size_t begin, size_t end, words *to)
{
    for (size_t i = begin; i < end; i++)
        add_word(to, (uint64_t)ldr_column_integer(column, i));
}

/* Values without lists; sizes of text go to `sizes`. */
static void
hash_values(const larder_column *column, size_t begin, size_t end,
    XXH3_state_t *values, XXH3_state_t *sizes)
{
    words to = {.state = values, .size = 0};

    if (ldr_type_is_text(column->type)) {
        const char *text = column->values;
        size_t first = (size_t)column->offsets[begin];

        to.state = sizes;
        for (size_t i = begin; i < end; i++)
            add_word(
                &to, (uint64_t)(column->offsets[i + 1] - column->offsets[i]));
        if ((size_t)column->offsets[end] != first)
            XXH3_128bits_update(
                values, text + first, (size_t)column->offsets[end] - first);
    } else if (hash_as_is(column, begin, end, &to)) {
        return;
    } else if (column->type == LARDER_FLOAT32 ||
               column->type == LARDER_FLOAT64) {
        hash_reals(column, begin, end, &to);
    } else {
        hash_integers(column, begin, end, &to);
    }
    flush(&to);
}

static void
hash_nulls(const larder_column *column, size_t begin, size_t end, uint64_t row,
    XXH3_state_t *state)
{
    words to = {.state = state, .size = 0};

    if (column->n_nulls == 0)
        return;
    for (size_t i = begin, n; i < end; i += n) {
        unsigned nulls; /* of eight rows at once, or of one */

        n = i % 8 == 0 && end - i >= 8 ? 8 : 1;
        nulls = n == 8 ? ~(unsigned)column->valid[i / 8] & 0xff
                       : ldr_column_is_null(column, i);
        for (; nulls != 0; nulls &= nulls - 1)
            add_word(&to, row + (i - begin) + (unsigned)__builtin_ctz(nulls));
    }
    flush(&to);
}

/* Items lie one after the other, from the first row's to the last's. Those of
 * text have sizes too: they follow the sizes of the lists, row by row. */
static void
hash_lists(const larder_column *column, column_digest *digest)
{
    size_t begin = (size_t)column->offsets[0];
    size_t end = (size_t)column->offsets[column->n_rows];
    words to = {.state = digest->sizes, .size = 0};

    for (size_t i = 0; i < column->n_rows; i++) {
        size_t at = (size_t)column->offsets[i];
        size_t after = (size_t)column->offsets[i + 1];

        add_word(&to, after - at);
        for (; ldr_type_is_text(column->items->type) && at < after; at++)
            add_word(&to, ldr_column_text(column->items, at).size);
    }
    flush(&to);
    if (begin == end)
        return;
    hash_nulls(column->items, begin, end, digest->n_items, digest->item_nulls);
    digest->n_items += end - begin;
    if (!ldr_type_is_text(column->items->type)) {
        hash_values(column->items, begin, end, digest->values, NULL);
        return;
    }
    for (size_t i = begin; i < end; i++) {
        larder_bytes text = ldr_column_text(column->items, i);

        XXH3_128bits_update(digest->values, text.data, text.size);
    }
}

/* Tokens as what they stand for: strings decoded, all others as written. */
static larder_status
hash_tokens(const larder_column *column, column_digest *into, larder_error *err)
{
    words to = {.state = into->sizes, .size = 0};

    for (size_t row = 0; row < column->n_rows; row++) {
        larder_bytes text = ldr_column_text(column, row);
        size_t size = text.size;
        const char *bytes = text.data;

        if (size >= 2 && bytes[0] == '"') {
            larder_status rc;

            into->scratch.size = 0;
            rc = ldr_buffer_reserve(&into->scratch, size, err);
            if (rc != LARDER_OK)
                return rc;
            if (ldr_json_unquote(text, (char *)into->scratch.data, &size) ==
                NULL)
                bytes = (const char *)into->scratch.data;
        }
        add_word(&to, size);
        XXH3_128bits_update(into->values, bytes, size);
    }
    flush(&to);
    return LARDER_OK;
}

larder_status
ldr_digest_column(ldr_digest *digest, size_t at, uint64_t row,
    const larder_column *column, larder_error *err)
{
    column_digest *into = &digest->columns[at];

    if (column->n_rows == 0)
        return LARDER_OK;
    hash_nulls(column, 0, column->n_rows, row, into->nulls);
    if (at < digest->n_tokens && column->type == LARDER_STRING)
        return hash_tokens(column, into, err);
    if (ldr_type_is_list(column->type))
        hash_lists(column, into);
    else
        hash_values(column, 0, column->n_rows, into->values, into->sizes);
    return LARDER_OK;
}

void
ldr_digest_rows(ldr_digest *digest, uint64_t n_rows)
{
    digest->n_rows += n_rows;
}

larder_status
ldr_digest_add(ldr_digest *digest, const larder_batch *batch, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (batch->schema != NULL)
        rc = ldr_digest_start(digest, batch->schema, err);
    if (batch->n_rows == 0)
        return rc;
    for (size_t i = 0; rc == LARDER_OK && i < digest->n_columns; i++)
        rc = ldr_digest_column(
            digest, i, digest->n_rows, &batch->columns[i], err);
    if (rc == LARDER_OK)
        ldr_digest_rows(digest, batch->n_rows);
    return rc;
}

/* ------------------------------------------------------------------ result */

static void
print_hash(XXH128_hash_t hash, char hex[33])
{
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t bytes;

    XXH128_canonicalFromHash(&bytes, hash);
    for (size_t i = 0; i < 16; i++) {
        hex[2 * i] = digits[bytes.digest[i] >> 4];
        hex[2 * i + 1] = digits[bytes.digest[i] & 15];
    }
    hex[32] = '\0';
}

static void
add_hash(XXH3_state_t *to, const XXH3_state_t *part)
{
    XXH128_canonical_t bytes;

    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(part));
    XXH3_128bits_update(to, bytes.digest, sizeof bytes.digest);
}

void
ldr_digest_finish(const ldr_digest *digest, char hex[33])
{
    XXH3_state_t whole;
    words to = {.state = &whole, .size = 0};

    XXH3_INITSTATE(&whole);
    XXH3_128bits_reset(&whole);
    for (size_t i = 0; i < digest->n_columns; i++) {
        const column_digest *column = &digest->columns[i];
        const char *type = larder_type_name(column->type);

        XXH3_128bits_update(&whole, column->name, strlen(column->name) + 1);
        XXH3_128bits_update(&whole, type, strlen(type) + 1);
        add_hash(&whole, column->values);
        add_hash(&whole, column->sizes);
        add_hash(&whole, column->nulls);
        add_hash(&whole, column->item_nulls);
    }
    add_word(&to, digest->n_rows);
    flush(&to);
    print_hash(XXH3_128bits_digest(&whole), hex);
}

void
ldr_hash_hex(larder_bytes bytes, char hex[33])
{
    print_hash(XXH3_128bits(bytes.data, bytes.size), hex);
}
