/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - a folder of YAML, or one canonical text, to definitions.
 *
 * Reads shapes and scalars, and keeps going after a fault. Names are resolved
 * by validate.h. The table of keys in load.c is the one list of what may be
 * written: docs/definitions.md and `did you mean` come from it.
 */
#ifndef LDR_LOAD_H
#define LDR_LOAD_H

#include "definition/definition.h"

/* Every *.yaml (and *.yml) under `folder`, in name order, except
 * feature_store*.yaml, *.test.yaml (cases for `larder test`), names beginning
 * with a dot, and what `.larderignore` there names (one pattern a line, as in
 * .gitignore: *, ?, trailing slash).
 * Symlinks that leave the folder are not followed. NOT_FOUND (no folder, no
 * file), IO, NOMEM; faults are counted, not returned. */
larder_status ldr_load_folder(const char *folder, ldr_arena *arena,
    ldr_faults *faults, ldr_definitions *out, larder_error *err);
larder_status ldr_load_text(const char *name, const char *text, size_t size,
    ldr_arena *arena, ldr_faults *faults, ldr_definitions *out,
    larder_error *err);

/* What `defaults:` of feature_store.yaml says: views without a ttl get this
 * one. Before validate.h. */
void ldr_default_ttl(ldr_definitions *all, int64_t ttl_us);

/* The table of keys, for documentation: one row per key. */
typedef struct ldr_key_doc {
    const char *level; /* "source", "view", ... */
    const char *key;
    const char *takes; /* "duration", "list of names", ... */
    const char *help;
} ldr_key_doc;
const ldr_key_doc *ldr_key_docs(size_t *n);

#endif
