/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - value types, and named lists of them.
 *
 * larder_type_name() and larder_type_find() of larder.h live here too.
 */
#ifndef LDR_SCHEMA_H
#define LDR_SCHEMA_H

#include "base/arena.h"
#include "larder.h"

#define LDR_NO_FIELD SIZE_MAX

bool ldr_type_is_list(larder_type type);
/* The element's type of a list; any other type is its own. */
larder_type ldr_type_item(larder_type type);
/* May a key part have it? bool, int32, int64, string, bytes, timestamp. */
bool ldr_type_is_key(larder_type type);
bool ldr_type_is_text(larder_type type); /* string, bytes */
/* Bytes of a fixed-width value in `values`; 0 for bool, text and lists. */
size_t ldr_type_width(larder_type type);

/* The position of a name (case matters), or LDR_NO_FIELD. */
size_t ldr_schema_find(const larder_schema *schema, const char *name);
bool ldr_schema_equal(const larder_schema *a, const larder_schema *b);
/* A deep copy into an arena. NOMEM. */
larder_status ldr_schema_copy(const larder_schema *from, ldr_arena *arena,
    larder_schema *to, larder_error *err);

#endif
