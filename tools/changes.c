/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.c - a list of changes, printed.
 */
#include "changes.h"

json_t *
changes_generation(const larder_applied *applied)
{
    return json_pack("{s:I}", "generation", (json_int_t)applied->generation);
}

/* For people: that a change breaks something stands beside the action. */
static void
add_row(
    struct run *run, struct sheet *sheet, const larder_batch *batch, size_t row)
{
    const larder_column *columns = batch->columns;
    larder_value action = larder_column_value(&columns[0], row);
    larder_value fields = larder_column_value(&columns[3], row);
    larder_value breaking = larder_column_value(&columns[4], row);
    larder_value services = larder_column_value(&columns[5], row);

    if (!breaking.null && breaking.as.boolean)
        sheet_text(sheet,
            ldr_arena_printf(&run->arena, "%.*s (breaking)",
                (int)action.as.text.size, (const char *)action.as.text.data));
    else
        sheet_cell(sheet, action);
    sheet_cell(sheet, larder_column_value(&columns[1], row));
    sheet_cell(sheet, larder_column_value(&columns[2], row));
    if (services.null)
        sheet_cell(sheet, fields);
    else
        sheet_text(
            sheet, ldr_arena_printf(&run->arena, "%.*s%sread by %.*s",
                       fields.null ? 0 : (int)fields.as.text.size,
                       fields.null ? "" : (const char *)fields.as.text.data,
                       fields.null ? "" : "; ", (int)services.as.text.size,
                       (const char *)services.as.text.data));
}

static larder_status
print_table(struct run *run, larder_stream *changes, larder_error *err)
{
    static const larder_field fields[] = {{"action", LARDER_STRING},
        {"kind", LARDER_STRING}, {"name", LARDER_STRING},
        {"fields", LARDER_STRING}};
    static const struct listing listing = {.name = "changes"};
    struct sheet sheet;
    larder_batch batch = {0};
    larder_status rc;

    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (;;) {
        LARDER_TRY(larder_stream_next(changes, &batch, err));
        if (batch.n_rows == 0)
            break;
        for (size_t i = 0; i < batch.n_rows; i++)
            add_row(run, &sheet, &batch, i);
        larder_batch_release(&batch);
    }
    if (sheet.batch.n_rows == 0)
        print_words(run, "no changes");
    else
        rc = sheet_print(&sheet, run, &listing, NULL, err);
out:
    larder_batch_release(&batch);
    larder_batch_release(&sheet.batch);
    larder_stream_close(changes);
    return rc;
}

larder_status
changes_print(
    struct run *run, larder_stream *changes, json_t *facts, larder_error *err)
{
    static const struct listing listing = {.name = "changes"};

    if (run->output != OUTPUT_TABLE)
        return print_stream(run, &listing, changes, facts, err);
    json_decref(facts);
    return print_table(run, changes, err);
}
