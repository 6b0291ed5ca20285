/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - YAML text to a tree that remembers its lines.
 *
 * Built on libyaml's parser events. Bounded: 4 MiB a file, depth 32, 200,000
 * nodes; aliases, anchors, tags and duplicate keys are faults with a place.
 * Scalars stay text: what type they are is the reader's business.
 */
#ifndef LDR_YAML_H
#define LDR_YAML_H

#include "base/arena.h"
#include "larder.h"

typedef enum ldr_yaml_kind {
    LDR_YAML_SCALAR,
    LDR_YAML_SEQUENCE,
    LDR_YAML_MAPPING
} ldr_yaml_kind;

/* A place in a file; `file` names it as the user would. */
typedef struct ldr_place {
    const char *file;
    const char *text; /* the file's whole text, NUL-closed; NULL: not kept */
    unsigned line, column; /* from 1 */
} ldr_place;

typedef struct ldr_yaml ldr_yaml;
struct ldr_yaml {
    ldr_yaml_kind kind;
    ldr_place place;
    bool quoted;      /* scalar in quotes, or a block: always text */
    const char *text; /* scalar; UTF-8 without NUL */
    ldr_yaml *items;  /* sequence items, or a mapping's values */
    ldr_yaml *keys;   /* a mapping's keys, all scalars */
    size_t n_items;
};

/* Faults found so far, and where they are told. Goes on after a fault so that
 * one run tells all of them (at most 100). */
typedef struct ldr_faults {
    const larder_call *call; /* its diagnostic is called for each */
    size_t n_errors, n_warnings;
    larder_error first; /* the first error, for who has no callback */
} ldr_faults;

/* The place of byte `at` of a scalar's text, where that stands on the scalar's
 * first line or the scalar is a literal block; else the scalar's own. */
ldr_place ldr_yaml_inside(const ldr_yaml *scalar, size_t at);

/* Tell one fault. `hint` may be NULL; the line's text is cut from the place. */
void ldr_fault(ldr_faults *faults, const ldr_place *place, const char *hint,
    const char *format, ...) LARDER_PRINTF(4, 5);
void ldr_warning(ldr_faults *faults, const ldr_place *place, const char *hint,
    const char *format, ...) LARDER_PRINTF(4, 5);

/* Parse one document. NULL root: the text is empty. Faults go to `faults`;
 * the tree up to the first syntax fault is thrown away (root NULL). NOMEM. */
larder_status ldr_yaml_parse(const char *file, const char *text, size_t size,
    ldr_arena *arena, ldr_faults *faults, const ldr_yaml **root,
    larder_error *err);

/* The value of a key, or NULL. */
const ldr_yaml *ldr_yaml_find(const ldr_yaml *mapping, const char *key);

#endif
