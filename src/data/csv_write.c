/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv_write.c - batches to CSV text.
 *
 * Declared in csv.h. Lines end with LF. A missing value is an empty field, an
 * empty text is two quotes; anything else is in quotes only where it must be.
 */
#include "data/csv.h"

#include "data/batch.h"
#include "data/json.h"
#include "data/sink.h"

static void
write_header(ldr_sink *sink, const larder_schema *schema)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        const char *name = schema->fields[i].name;

        if (i != 0)
            ldr_sink_byte(sink, ',');
        if (name[0] != '\0' || schema->n_fields == 1)
            ldr_sink_csv_field(sink, (larder_bytes){name, strlen(name)});
    }
    ldr_sink_byte(sink, '\n');
}

/* A JSON token: of a string what it says, anything else as it is written. */
static larder_status
write_token(
    ldr_sink *sink, larder_bytes token, ldr_buffer *scratch, larder_error *err)
{
    const char *text = token.data;
    larder_status rc;

    if (token.size >= 2 && text[0] == '"') {
        size_t size = 0;

        scratch->size = 0;
        rc = ldr_buffer_reserve(scratch, token.size, err);
        if (rc != LARDER_OK)
            return rc;
        if (ldr_json_unquote(token, (char *)scratch->data, &size) == NULL)
            token = (larder_bytes){scratch->data, size};
    }
    ldr_sink_csv_field(sink, token);
    return LARDER_OK;
}

larder_status
ldr_csv_write(FILE *file, const larder_batch *batch, size_t n_verbatim,
    larder_format from, bool first, larder_error *err)
{
    char room[LDR_SINK_ROOM];
    ldr_sink sink = {.file = file, .text = room, .room = sizeof room};
    ldr_buffer scratch = {0};
    size_t n_tokens = from == LARDER_JSONL ? n_verbatim : 0;
    larder_status rc = LARDER_OK;

    if (first)
        write_header(&sink, batch->schema);
    for (size_t row = 0; row < batch->n_rows; row++) {
        for (size_t i = 0; i < batch->schema->n_fields; i++) {
            const larder_column *column = &batch->columns[i];
            larder_value value = larder_column_value(column, row);

            if (i != 0)
                ldr_sink_byte(&sink, ',');
            if (i < n_tokens && column->type == LARDER_STRING && !value.null)
                LARDER_TRY(write_token(&sink, value.as.text, &scratch, err));
            else
                ldr_sink_value(&sink, &value, LARDER_CSV);
        }
        ldr_sink_byte(&sink, '\n');
    }
    LARDER_TRY(ldr_sink_flush(&sink, err));
out:
    ldr_buffer_free(&scratch);
    return rc;
}
