/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feast_key.h - an entity key as Feast spells it in Redis, and back.
 *
 * All names of join keys, then all values, each typed and with its length,
 * little endian; then the project's name. Version 3 of Feast's serialization,
 * or 2, which has no count and no lengths of names. A view without entities has
 * one join key, __dummy_id, an empty string. docs/formats.md has the bytes.
 */
#ifndef LDR_FEAST_KEY_H
#define LDR_FEAST_KEY_H

#include "base/arena.h"
#include "data/key.h"
#include "data/row.h"
#include "larder.h"

#define LDR_FEAST_VERSION 3u /* what Feast writes where nothing is said */

/* What keys of the same join keys have in common. */
typedef struct ldr_feast_keys {
    uint32_t entity_set; /* as ldr_key_start() has it */
    const larder_type *types;
    size_t n_parts;
    larder_bytes head; /* before the values */
    larder_bytes tail; /* after them: the project */
} ldr_feast_keys;

/* `parts` in name order. INVALID for a type that Feast has no keys of (bool),
 * or another version than 2 and 3; NOMEM. */
larder_status ldr_feast_keys_init(ldr_feast_keys *keys, unsigned version,
    const char *project, const larder_field *parts, size_t n_parts,
    ldr_arena *arena, larder_error *err);

/* Append Feast's key for one of ours, which begins with its entity set. INVALID
 * for a timestamp that is no whole second; CORRUPT, NOMEM. */
larder_status ldr_feast_key_write(const ldr_feast_keys *keys, larder_bytes key,
    ldr_buffer *out, larder_error *err);
/* Our key for one of Feast's; false: it is not one of these, or longer than
 * ours can be. */
bool ldr_feast_key_read(
    const ldr_feast_keys *keys, larder_bytes feast, ldr_key *key);

#endif
