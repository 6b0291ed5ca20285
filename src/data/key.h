/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - entity keys as bytes: typed, length-safe, sorting as the values do.
 *
 * Each part is a type byte and its value: integers and timestamps 8 bytes big
 * endian with the sign flipped, bool one byte, text with 00 written as 00 FF
 * and closed by 00 00. Parts follow in the order of their join-key names. No
 * key is a prefix of another of the same entity set. A key without parts (an
 * entityless view) is the one byte 00. docs/formats.md freezes this.
 */
#ifndef LDR_KEY_H
#define LDR_KEY_H

#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_key {
    size_t size;
    unsigned char bytes[LARDER_KEY_MAX];
} ldr_key;

/* Append one part. INVALID for a null; LIMIT, named, past LARDER_KEY_MAX. */
larder_status ldr_key_add(
    ldr_key *key, const larder_value *part, larder_error *err);
/* Start a key for an online store: the 4-byte entity-set id, big endian. */
#define LDR_KEY_HEAD_BYTES 4u
void ldr_key_start(ldr_key *key, uint32_t entity_set);
/* Append a key of n columns of one row (to {0}, or what ldr_key_start left);
 * *null tells of a null part: then the key is as before, and the status OK. */
larder_status ldr_key_encode(ldr_key *key, const larder_column *const *columns,
    size_t n_columns, size_t row, bool *null, larder_error *err);
/* Read the parts, what follows the id, back into columns of the right types: a
 * row more in each, or CORRUPT and none. */
larder_status ldr_key_decode(larder_bytes key, larder_column *const *columns,
    size_t n_columns, larder_error *err);
/* Take the next part off what is left of a key: of part->type; text lies in
 * `room`, which holds LARDER_KEY_MAX bytes. False: there is no such part. */
bool ldr_key_take(larder_bytes *rest, unsigned char *room, larder_value *part);
/* XXH3 of names and types, in name order: two views share it if and only if
 * they are keyed alike. */
uint32_t ldr_entity_set_id(const larder_field *parts, size_t n_parts);

#endif
