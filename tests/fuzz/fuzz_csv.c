/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_csv.c - hostile CSV: read as text, as columns, and with records set
 * aside. What is read as text and written must read the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "data/text.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "csv";

static larder_status
take_reject(void *context, const larder_reject *reject, larder_error *err)
{
    (void)err;
    if (reject->message[0] == '\0' || reject->line == 0)
        abort();
    ++*(size_t *)context;
    return LARDER_OK;
}

/* Read all; the digest of it, and what was written to `to` (NULL: nowhere). */
static larder_status
read_all(FILE *file, const larder_text_options *options, FILE *to, char hex[33])
{
    larder_call call = {.now = 0};
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    ldr_digest *digest = ldr_digest_new();
    bool first = true;
    larder_status rc = LARDER_OK;

    if (digest == NULL)
        abort();
    LARDER_TRY(larder_text_read(file, options, &call, &stream, &err));
    batch.schema = stream.schema;
    for (;;) {
        LARDER_TRY(ldr_digest_add(digest, &batch, &err));
        if (to != NULL)
            LARDER_TRY(larder_text_write(
                to, LARDER_CSV, &batch, 0, LARDER_CSV, first, &err));
        first = false;
        larder_batch_release(&batch);
        LARDER_TRY(larder_stream_next(&stream, &batch, &err));
        if (batch.n_rows == 0)
            break;
    }
    ldr_digest_finish(digest, hex);
out:
    if (rc != LARDER_OK && err.message[0] == '\0')
        abort(); /* a failure without words */
    larder_batch_release(&batch);
    larder_stream_close(&stream);
    ldr_digest_free(digest);
    return rc;
}

static FILE *
file_of(const void *data, size_t size)
{
    FILE *file = tmpfile();

    if (file == NULL || fwrite(data, 1, size, file) != size)
        abort();
    rewind(file);
    return file;
}

static void
read_as_text(FILE *file)
{
    larder_text_options options = {.name = "fuzz", .format = LARDER_CSV};
    char *text = NULL, first[33], second[33];
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL)
        abort();
    if (read_all(file, &options, to, first) == LARDER_OK) {
        FILE *again;

        fflush(to);
        again = file_of(text, size);
        if (read_all(again, &options, NULL, second) != LARDER_OK ||
            strcmp(first, second) != 0)
            abort();
        fclose(again);
    }
    fclose(to);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const larder_field fields[] = {
        {"id", LARDER_INT64},
        {"at", LARDER_TIMESTAMP},
        {"x", LARDER_FLOAT64},
        {"list", LARDER_STRING_LIST},
    };
    static const larder_schema schema = {fields, 4};
    size_t n_rejects = 0;
    larder_text_options options = {
        .name = "fuzz",
        .format = LARDER_CSV,
        .schema = &schema,
        .ignore_extra = true,
        .reject = take_reject,
        .context = &n_rejects,
        .max_field_bytes = 256,
    };
    FILE *file = file_of(data, size);
    char hex[33];

    read_as_text(file);
    rewind(file);
    (void)read_all(file, &options, NULL, hex);
    fclose(file);
    return 0;
}
