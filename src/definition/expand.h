/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand.h - variables in a text of the configuration.
 *
 * ${NAME} (set, may be empty), ${NAME:-default} and ${NAME:?why} (unset or
 * empty: the default, or a fault), ${file:PATH} (64 KiB at most; one line end
 * at its end is cut; the path counts from `folder`). $${ stands for ${ itself.
 * Nothing that comes in this way is looked at again.
 */
#ifndef LDR_EXPAND_H
#define LDR_EXPAND_H

#include "definition/yaml.h"

typedef struct ldr_expansion {
    const char *(*variable)(void *context, const char *name); /* or NULL */
    void *context;
    const char *folder;
    ldr_arena *arena;
    ldr_faults *faults;
    bool nomem;
} ldr_expansion;

/* The text of a scalar, expanded; the scalar's own where it holds no variable.
 * NULL: a fault, whose words hold names and never values, or no memory. */
const char *ldr_expand(ldr_expansion *expansion, const ldr_yaml *scalar);

/* folder/path, or `path` when it is absolute. NULL: no memory. */
const char *ldr_path_join(
    ldr_arena *arena, const char *folder, const char *path);

#endif
