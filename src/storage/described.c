/* SPDX-License-Identifier: Apache-2.0 */
/*
 * described.c - what a store says of a table: column after column.
 *
 * Declared in larder_backend.h, for backends to fill in.
 */
#include "larder_backend.h"

#include <stdlib.h>
#include <string.h>

larder_status
larder_described_add(larder_described *described, const char *name,
    larder_type type, larder_error *err)
{
    larder_schema *schema = &described->schema;
    larder_field *grown =
        malloc((schema->n_fields + 1) * sizeof *schema->fields);
    char *copy = strdup(name);

    if (grown == NULL || copy == NULL) {
        free(grown);
        free(copy);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    if (schema->n_fields != 0)
        memcpy(grown, schema->fields, schema->n_fields * sizeof *grown);
    grown[schema->n_fields] = (larder_field){copy, type};
    free((void *)(uintptr_t)schema->fields);
    schema->fields = grown;
    schema->n_fields++;
    return LARDER_OK;
}

void
larder_described_release(larder_described *described)
{
    const larder_schema *schema = &described->schema;

    for (size_t i = 0; i < schema->n_fields; i++)
        free((void *)(uintptr_t)schema->fields[i].name);
    free((void *)(uintptr_t)schema->fields);
    *described = (larder_described){0};
}
