/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - values from and to text, one value at a time.
 *
 * larder_value_print() and larder_value_parse() of larder_backend.h live here;
 * so do the canonical digest of rows and base64.
 */
#ifndef LDR_TEXT_H
#define LDR_TEXT_H

#include "larder.h"
#include "larder_backend.h"

/* Write a value as CSV text or as a JSON token. JSON: NaN and infinities as the
 * strings "NaN", "inf", "-inf"; bytes in base64; times as ISO text. */
larder_status ldr_value_write(FILE *file, const larder_value *value,
    larder_format format, larder_error *err);
/* A JSON string token with its quotes. */
void ldr_json_string_write(FILE *file, larder_bytes text);

/* Valid UTF-8 without NUL? `*at` is the offset of the first bad byte. */
bool ldr_utf8_valid(larder_bytes text, size_t *at);

/* The beginning of a text, fit for a message: at most LDR_CLIP_ROOM - 1 bytes,
 * "..." at the end of what was longer. Returns `out`. */
#define LDR_CLIP_ROOM 64
const char *ldr_text_clip(larder_bytes text, char out[LDR_CLIP_ROOM]);

/*
 * XXH3-128 over rows, fed batch by batch, whatever the size of the batches.
 * Each column is hashed for itself: numbers and times little endian, text with
 * its lengths, the positions of nulls apart; then names, types, these hashes
 * and the number of rows. So CSV and JSON lines of one table agree.
 */
typedef struct ldr_digest ldr_digest;
ldr_digest *ldr_digest_new(void); /* NULL: no memory */
/* The first n columns of every batch hold JSON tokens (a spine of JSON lines):
 * they count as the text they stand for. To be said before the first batch. */
void ldr_digest_tokens(ldr_digest *digest, size_t n_columns);
/* All batches have the same columns. A first one of nothing but its schema lets
 * an empty table have columns too; one of nothing at all changes nothing. */
larder_status ldr_digest_add(
    ldr_digest *digest, const larder_batch *batch, larder_error *err);
/* The same a column at a time, different columns on different threads: the
 * schema first; of each batch every column, with the number of rows before it;
 * then how many rows that were. */
larder_status ldr_digest_start(
    ldr_digest *digest, const larder_schema *schema, larder_error *err);
larder_status ldr_digest_column(ldr_digest *digest, size_t at, uint64_t row,
    const larder_column *column, larder_error *err);
void ldr_digest_rows(ldr_digest *digest, uint64_t n_rows);
void ldr_digest_finish(const ldr_digest *digest, char hex[33]);
void ldr_digest_free(ldr_digest *digest);
/* XXH3-128 of bytes, hex. */
void ldr_hash_hex(larder_bytes bytes, char hex[33]);

#endif
