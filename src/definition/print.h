/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h - definitions to canonical YAML: the registry's own format.
 *
 * Objects by kind, then name; keys in the order of the loader's table; defaults
 * left out; durations and times canonical. Loading the text gives the same
 * definitions and printing those the same text, byte for byte.
 */
#ifndef LDR_PRINT_H
#define LDR_PRINT_H

#include "definition/definition.h"

/* malloc'ed text. NOMEM. */
larder_status ldr_print_all(
    const ldr_definitions *all, char **text, size_t *size, larder_error *err);
/* One object, as it stands in the whole, under its section's line: a definition
 * file of its own. `object` is an ldr_entity, ... */
larder_status ldr_print_object(larder_kind kind, const void *object,
    char **text, size_t *size, larder_error *err);

#endif
