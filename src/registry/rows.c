/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c - rows of texts (see rows.h).
 */
#include "registry/rows.h"
#include "larder_backend.h"

#include <string.h>

larder_status
ldr_rows_add(larder_batch *batch, const char *const *texts, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        larder_column *column = &batch->columns[i];
        const char *text = texts[i];

        if (text == NULL)
            LARDER_TRY(larder_column_append_null(column, err));
        else if (column->type == LARDER_BOOL)
            LARDER_TRY(larder_column_append_integer(
                column, strcmp(text, "true") == 0, err));
        else
            LARDER_TRY(larder_column_append_text(
                column, (larder_bytes){text, strlen(text)}, err));
    }
    batch->n_rows++;
out:
    return rc;
}
