/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yamlin.h - a YAML file as a tree that remembers its lines, and faults told
 * with them.
 *
 * The rules are those of definitions: one document, no anchors, aliases or
 * tags, no key twice. Bounded: 4 MiB a file, 16 levels, 200,000 values. Scalars
 * stay text: what type they are is the reader's business.
 */
#ifndef YAMLIN_H
#define YAMLIN_H

#include "base/arena.h"
#include "larder.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct yaml_file {
    const char *path; /* as faults name it */
    const char *text;
    size_t size;
};

struct node {
    const struct yaml_file *file;
    enum node_kind kind;
    unsigned line, column; /* from 1 */
    bool quoted;           /* a scalar in quotes, or a block: always text */
    const char *text;      /* of a scalar */
    struct node *keys;     /* of a mapping: scalars */
    struct node *items;    /* of a list, or a mapping's values */
    size_t n_items;
};

/* Faults found so far; each goes to call->diagnostic, the first 100 of them. */
struct yaml_faults {
    const larder_call *call;
    size_t n_errors;
    larder_error first;
};

void yaml_fault(struct yaml_faults *faults, const struct node *at,
    const char *hint, const char *format, ...) LARDER_PRINTF(4, 5);

/* The tree of a file, in the arena, as long as `file`. NULL: it is empty, or a
 * fault was told. NOT_FOUND, LIMIT, IO, NOMEM. */
larder_status yaml_read(const char *path, ldr_arena *arena,
    struct yaml_faults *faults, struct yaml_file *file,
    const struct node **root, larder_error *err);

/* The value of a key, or NULL. */
const struct node *node_find(const struct node *mapping, const char *key);
/* Empty, ~ or null, without quotes. */
bool node_is_null(const struct node *node);
/* "a text", "a list", "a mapping" */
const char *node_kind_name(const struct node *node);

#endif
