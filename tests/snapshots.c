/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshots.c - definitions for tests (see snapshots.h).
 */
#include "snapshots.h"
#include "../backends/builtin.h"
#include "definition/config.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const larder_options no_options = {.section = "memory"};

ldr_snapshot *
snapshots_of(const char *yaml)
{
    larder_call call = support_call(0);
    char *folder = support_folder();
    ldr_snapshot *snapshot = NULL;
    larder_error err = {0};

    support_write(folder, "all.yaml", yaml);
    ck_assert_msg(ldr_snapshot_of_folder(
                      folder, 0, &call, NULL, &snapshot, &err) == LARDER_OK,
        "%u:%u: %s", err.line, err.column, err.message);
    support_remove(folder);
    free(folder);
    return snapshot;
}

ldr_snapshot *
snapshots_but(const char *yaml, const char *from, const char *to)
{
    const char *at = strstr(yaml, from);
    size_t before, size;
    ldr_snapshot *snapshot;
    char *changed;

    ck_assert_msg(at != NULL, "there is no '%s'", from);
    before = (size_t)(at - yaml);
    size = strlen(yaml) + strlen(to) + 1;
    changed = malloc(size);
    ck_assert_ptr_nonnull(changed);
    snprintf(
        changed, size, "%.*s%s%s", (int)before, yaml, to, at + strlen(from));
    snapshot = snapshots_of(changed);
    free(changed);
    return snapshot;
}

ldr_records *
snapshots_records(void)
{
    larder_call call = support_call(0);
    ldr_records *records = NULL;

    ck_assert_int_eq(ldr_records_open(&ldr_registry_memory_ops, &no_options,
                         true, &call, &records, NULL),
        LARDER_OK);
    return records;
}

ldr_offline *
snapshots_offline(void)
{
    larder_call call = support_call(0);
    ldr_offline *offline = NULL;

    ck_assert_int_eq(ldr_offline_open(&ldr_offline_memory_ops, &no_options,
                         true, &call, &offline, NULL),
        LARDER_OK);
    return offline;
}

/* One value, and what stands after it. */
static void
print_value(FILE *file, const larder_value *value, const char *end)
{
    size_t size = larder_value_print(value, NULL, 0);
    char *text = malloc(size + 1);

    ck_assert_ptr_nonnull(text);
    (void)larder_value_print(value, text, size + 1);
    text[size] = '\0';
    fprintf(file, "%s%s", value->null ? "-" : text, end);
    free(text);
}

char *
snapshots_columns(larder_stream *stream, size_t n_fields)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    larder_batch batch = {0};

    ck_assert_ptr_nonnull(file);
    for (;;) {
        ck_assert_int_eq(larder_stream_next(stream, &batch, NULL), LARDER_OK);
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++)
            for (size_t i = 0; i < n_fields; i++) {
                larder_value value =
                    larder_column_value(&batch.columns[i], row);

                print_value(file, &value, i + 1 < n_fields ? " | " : "\n");
            }
        larder_batch_release(&batch);
    }
    larder_batch_release(&batch);
    larder_stream_close(stream);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

char *
snapshots_text(larder_stream *stream)
{
    return snapshots_columns(stream, stream->schema->n_fields);
}
