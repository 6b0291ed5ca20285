/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - hostile JSON: token by token, and as lines, both as tokens and
 * as columns. What is written from tokens must read the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "data/text.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "json";

static void
read_tokens(larder_bytes text)
{
    ldr_json json;
    ldr_json_kind kind;
    size_t n_tokens = 0;

    ldr_json_start(&json, text);
    do {
        kind = ldr_json_next(&json);
        if (json.depth > LDR_JSON_DEPTH || n_tokens++ > text.size + 1)
            abort();
        if (kind == LDR_JSON_STRING || kind == LDR_JSON_NAME) {
            char *out = malloc(json.token.size);
            size_t n = 0, at;

            if (out == NULL || ldr_json_unquote(json.token, out, &n) != NULL ||
                !ldr_utf8_valid((larder_bytes){out, n}, &at))
                abort();
            free(out);
        }
    } while (kind != LDR_JSON_END && kind != LDR_JSON_ERROR);
    if (kind == LDR_JSON_ERROR && (json.message == NULL || json.at > text.size))
        abort();
}

static larder_status
take_reject(void *context, const larder_reject *reject, larder_error *err)
{
    (void)context;
    (void)err;
    if (reject->message[0] == '\0' || reject->line == 0)
        abort();
    return LARDER_OK;
}

static larder_status
read_all(FILE *file, const larder_text_options *options, FILE *to, char hex[33])
{
    larder_call call = {.now = 0};
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    ldr_digest *digest = ldr_digest_new();
    larder_status rc = LARDER_OK;

    if (digest == NULL)
        abort();
    if (options->schema == NULL)
        ldr_digest_tokens(digest, SIZE_MAX);
    LARDER_TRY(larder_text_read(file, options, &call, &stream, &err));
    for (;;) {
        larder_batch_release(&batch);
        LARDER_TRY(larder_stream_next(&stream, &batch, &err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(ldr_digest_add(digest, &batch, &err));
        if (to != NULL)
            LARDER_TRY(larder_text_write(
                to, LARDER_JSONL, &batch, SIZE_MAX, LARDER_JSONL, false, &err));
    }
    ldr_digest_finish(digest, hex);
out:
    if (rc != LARDER_OK && err.message[0] == '\0')
        abort();
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
read_as_tokens(FILE *file)
{
    larder_text_options options = {
        .name = "fuzz",
        .format = LARDER_JSONL,
        .reject = take_reject,
    };
    char *text = NULL, first[33], second[33];
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL)
        abort();
    if (read_all(file, &options, to, first) == LARDER_OK) {
        FILE *again;

        fflush(to);
        again = file_of(text, size);
        options.reject = NULL;
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
        {"x", LARDER_FLOAT32},
        {"ok", LARDER_BOOL},
        {"s", LARDER_STRING},
        {"raw", LARDER_BYTES},
        {"list", LARDER_STRING_LIST},
    };
    static const larder_schema schema = {fields, 7};
    larder_text_options options = {
        .name = "fuzz",
        .format = LARDER_JSONL,
        .schema = &schema,
        .reject = take_reject,
        .max_field_bytes = 256,
    };
    FILE *file;
    char hex[33];

    read_tokens((larder_bytes){data, size});
    file = file_of(data, size);
    read_as_tokens(file);
    rewind(file);
    options.ignore_extra = size % 2 == 0;
    (void)read_all(file, &options, NULL, hex);
    fclose(file);
    return 0;
}
