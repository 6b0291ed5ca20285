/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.c - results on standard output.
 */
#include "print.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "jsonout.h"
#include "speak.h"

#define PAGE_ROWS 1000 /* a table in memory; longer ones come in pages */
#define CELL_ROOM 256
#define CELL_SHOWN 2000 /* bytes of one cell in a table */

larder_status
print_flush(struct run *run, larder_error *err)
{
    errno = 0;
    if (fflush(run->out) == 0 && ferror(run->out) == 0)
        return LARDER_OK;
    run->stdout_failed = true;
    return larder_fail(err, LARDER_IO, "standard output: %s",
        errno == 0 ? "a write failed" : strerror(errno));
}

static larder_status
fail_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to print");
}

static bool
is_number(larder_type type)
{
    return type == LARDER_INT32 || type == LARDER_INT64 ||
           type == LARDER_FLOAT32 || type == LARDER_FLOAT64;
}

static larder_status
open_table(struct printer *printer, larder_error *err)
{
    printer->table = table_new(printer->run->out);
    if (printer->table == NULL)
        return fail_memory(err);
    for (size_t c = 0; c < printer->schema->n_fields; c++)
        if (!table_column(printer->table, printer->schema->fields[c].name,
                is_number(printer->schema->fields[c].type)))
            return fail_memory(err);
    return LARDER_OK;
}

larder_status
print_open(struct printer *printer, struct run *run,
    const struct listing *listing, const larder_schema *schema,
    larder_error *err)
{
    *printer =
        (struct printer){.run = run, .listing = listing, .schema = schema};
    speak_clear(run);
    if (run->output == OUTPUT_TABLE)
        return open_table(printer, err);
    if (run->output == OUTPUT_JSON) {
        fputs("{\n  ", run->out);
        jsonout_string(
            run->out, (larder_bytes){listing->name, strlen(listing->name)});
        fputs(": [", run->out);
    }
    return LARDER_OK;
}

/* The value as a cell shows it, in the printer's own memory; NULL: none. */
static const char *
cell_text(struct printer *printer, const larder_value *value)
{
    size_t size;

    if (value->null)
        return printer->listing->null == NULL ? "" : printer->listing->null;
    size = larder_value_print(value, printer->text, printer->room);
    if (size >= printer->room) {
        size_t room = size + CELL_ROOM;
        char *text = realloc(printer->text, room);

        if (text == NULL)
            return NULL;
        printer->text = text;
        printer->room = room;
        size = larder_value_print(value, text, room);
    }
    if (size > CELL_SHOWN) {
        size = ldr_words_cut(printer->text, size, CELL_SHOWN);
        memcpy(printer->text + size, "...", sizeof "...");
    }
    return printer->text;
}

static larder_status
add_row(struct printer *printer, const larder_batch *batch, size_t row,
    larder_error *err)
{
    if (!table_row(printer->table))
        return fail_memory(err);
    for (size_t c = 0; c < batch->schema->n_fields; c++) {
        larder_value value = larder_column_value(&batch->columns[c], row);
        const char *text = cell_text(printer, &value);

        if (text == NULL || !table_cell(printer->table, text))
            return fail_memory(err);
    }
    return LARDER_OK;
}

static larder_status
end_page(struct printer *printer, larder_error *err)
{
    printer->n_page = 0;
    speak_clear(printer->run);
    if (!table_print(printer->table, printer->listing->hide_empty))
        return print_flush(printer->run, err);
    return LARDER_OK;
}

static larder_status
print_row(struct printer *printer, const larder_batch *batch, size_t row,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (printer->run->output == OUTPUT_JSON) {
        fputs(printer->n_rows == 0 ? "\n    " : ",\n    ", printer->run->out);
        jsonout_row(printer->run->out, batch, row, printer->listing->lists,
            printer->listing->n_tokens);
    } else {
        LARDER_TRY(add_row(printer, batch, row, err));
        if (++printer->n_page == PAGE_ROWS)
            LARDER_TRY(end_page(printer, err));
    }
    printer->n_rows++;
out:
    return rc;
}

larder_status
print_batch(
    struct printer *printer, const larder_batch *batch, larder_error *err)
{
    enum output output = printer->run->output;
    larder_status rc = LARDER_OK;

    if (batch->n_rows == 0)
        return LARDER_OK;
    speak_clear(printer->run);
    if (output == OUTPUT_CSV || output == OUTPUT_JSONL) {
        LARDER_TRY(larder_text_write(printer->run->out,
            output == OUTPUT_CSV ? LARDER_CSV : LARDER_JSONL, batch, 0,
            LARDER_CSV, printer->n_rows == 0, err));
        printer->n_rows += batch->n_rows;
    } else {
        for (size_t i = 0; i < batch->n_rows; i++)
            LARDER_TRY(print_row(printer, batch, i, err));
    }
    if (ferror(printer->run->out) != 0)
        rc = print_flush(printer->run, err);
out:
    return rc;
}

/* CSV of no row is its header. */
static larder_status
print_nothing(struct printer *printer, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&batch, printer->schema, err));
    rc = larder_text_write(
        printer->run->out, LARDER_CSV, &batch, 0, LARDER_CSV, true, err);
out:
    larder_batch_release(&batch);
    return rc;
}

static void
end_document(struct printer *printer, json_t *facts)
{
    const char *name;
    json_t *value;

    fputs(printer->n_rows == 0 ? "]" : "\n  ]", printer->run->out);
    json_object_foreach(facts, name, value)
    {
        fputs(",\n  ", printer->run->out);
        jsonout_string(printer->run->out, (larder_bytes){name, strlen(name)});
        fputs(": ", printer->run->out);
        jsonout_member(printer->run->out, value);
    }
    fputs("\n}\n", printer->run->out);
}

larder_status
print_close(
    struct printer *printer, larder_status rc, json_t *facts, larder_error *err)
{
    if (rc == LARDER_OK && printer->run->output == OUTPUT_JSON)
        end_document(printer, facts);
    if (rc == LARDER_OK && printer->n_page > 0)
        rc = end_page(printer, err);
    if (rc == LARDER_OK && printer->n_rows == 0 &&
        printer->run->output == OUTPUT_CSV)
        rc = print_nothing(printer, err);
    if (rc == LARDER_OK && printer->n_rows == 0)
        print_words(printer->run, "no %s", printer->listing->name);
    if (rc == LARDER_OK)
        rc = print_flush(printer->run, err);
    table_free(printer->table);
    free(printer->text);
    json_decref(facts);
    *printer = (struct printer){0};
    return rc;
}

larder_status
print_stream(struct run *run, const struct listing *listing,
    larder_stream *stream, json_t *facts, larder_error *err)
{
    struct printer printer = {0};
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(print_open(&printer, run, listing, stream->schema, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(print_batch(&printer, &batch, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    rc = print_close(&printer, rc, facts, err);
    larder_stream_close(stream);
    return rc;
}

larder_status
print_document(struct run *run, json_t *document, larder_error *err)
{
    speak_clear(run);
    if (document == NULL)
        return fail_memory(err);
    if (run->output == OUTPUT_JSONL)
        jsonout_line(run->out, document);
    else
        jsonout_document(run->out, document);
    json_decref(document);
    return print_flush(run, err);
}

void
print_words(struct run *run, const char *format, ...)
{
    va_list arguments;

    if (run->quiet || run->output != OUTPUT_TABLE)
        return;
    speak_clear(run);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* ------------------------------------------------------------------- sheets */

void
sheet_begin(struct sheet *sheet, const larder_field *fields, size_t n)
{
    *sheet = (struct sheet){.schema = {.fields = fields, .n_fields = n}};
    sheet->rc = larder_batch_init(&sheet->batch, &sheet->schema, &sheet->error);
}

void
sheet_cell(struct sheet *sheet, larder_value value)
{
    if (sheet->rc != LARDER_OK)
        return;
    value.type = sheet->schema.fields[sheet->column].type;
    sheet->rc = larder_column_append(
        &sheet->batch.columns[sheet->column], &value, &sheet->error);
    if (++sheet->column == sheet->schema.n_fields) {
        sheet->column = 0;
        sheet->batch.n_rows++;
    }
}

void
sheet_text(struct sheet *sheet, const char *text)
{
    larder_value value = {.null = text == NULL};

    if (text != NULL)
        value.as.text = (larder_bytes){text, strlen(text)};
    sheet_cell(sheet, value);
}

void
sheet_number(struct sheet *sheet, uint64_t number)
{
    sheet_cell(sheet, (larder_value){.as.integer = (int64_t)number});
}

void
sheet_real(struct sheet *sheet, double number)
{
    sheet_cell(sheet, (larder_value){.as.real = number});
}

void
sheet_time(struct sheet *sheet, larder_time time)
{
    sheet_cell(sheet, (larder_value){.as.integer = time});
}

void
sheet_null(struct sheet *sheet)
{
    sheet_cell(sheet, (larder_value){.null = true});
}

larder_status
sheet_print(struct sheet *sheet, struct run *run, const struct listing *listing,
    json_t *facts, larder_error *err)
{
    struct printer printer = {0};
    larder_status rc = sheet->rc;

    if (rc != LARDER_OK && err != NULL)
        *err = sheet->error;
    LARDER_TRY(rc);
    LARDER_TRY(print_open(&printer, run, listing, &sheet->schema, err));
    rc = print_batch(&printer, &sheet->batch, err);
    rc = print_close(&printer, rc, facts, err);
    facts = NULL;
out:
    json_decref(facts);
    table_free(printer.table);
    larder_batch_release(&sheet->batch);
    return rc;
}
