/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.c - CSV text to streams, on libcsv.
 *
 * A line without a quote is its fields and the commas between them, and is cut
 * here; a record with a quote goes to libcsv, line by line, so that it is known
 * where the record begins and ends. Blanks stay. Lines end with LF or CR LF. An
 * empty line is passed over, but where there is one column it is a record with
 * a missing value. After a record that libcsv refuses, the line after its first
 * is read next: a quote that is never closed costs one line.
 */
#include "data/csv.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/format.h"
#include "data/header.h"
#include "data/schema.h"
#include "data/text.h"

typedef struct csv_reader {
    ldr_reader reader; /* first */
    struct csv_parser parser;
    const char **names; /* of the file's columns */
    size_t *targets;    /* their places in a batch; LDR_NO_FIELD: ignored */
    size_t n_columns;
    /* Positions in the file before which there is none. */
    uint64_t next_quote, next_return;
    /* The record being read. */
    larder_batch *batch; /* NULL: it is the header */
    size_t n_fields;
    size_t fault_field; /* LDR_NO_FIELD: the fault is not one field's */
    bool ended;         /* libcsv has met its end */
    bool torn;          /* ... and then more, in the same line */
} csv_reader;

/* ------------------------------------------------------------------ faults */

static larder_status
out_of_memory(const csv_reader *csv, larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory to read %s",
        csv->reader.options.name);
}

/* The fault's words are there; it is a field's. */
static void
blame_field(csv_reader *csv, size_t field)
{
    ldr_reader *reader = &csv->reader;

    csv->fault_field = field;
    if (field < csv->n_columns) {
        reader->fault_column = csv->names[field];
        larder_context(&reader->fault, "column '%s'", csv->names[field]);
    } else {
        larder_context(&reader->fault, "field %zu", field + 1);
    }
}

/* Where a field begins, in a record in which quotes match as far as there. */
static size_t
find_field(larder_bytes record, size_t field)
{
    const char *text = record.data;
    bool quoted = false;
    size_t i = 0;

    for (; i < record.size && field > 0; i++) {
        if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == ',' && !quoted)
            field--;
    }
    return i;
}

/* ------------------------------------------------------------------ fields */

/* A name of the header. */
static void
add_name(csv_reader *csv, larder_bytes text)
{
    ldr_reader *reader = &csv->reader;
    const char **names = csv->names;
    size_t n = csv->n_columns, at;

    if (reader->fault.status != LARDER_OK)
        return;
    if (n == LDR_COLUMNS_MAX) {
        larder_fail(&reader->fault, LARDER_LIMIT,
            "the header has more than %u columns (max_columns)",
            LDR_COLUMNS_MAX);
        return;
    }
    if (!ldr_utf8_valid(text, &at)) {
        larder_fail(&reader->fault, LARDER_INVALID,
            "the header: invalid UTF-8, or a NUL, at byte %zu of the name",
            at + 1);
        csv->fault_field = n;
        return;
    }
    if ((n & (n - 1)) == 0)
        names = realloc(csv->names, (n == 0 ? 1 : 2 * n) * sizeof *names);
    if (names != NULL) {
        csv->names = names;
        names[n] = ldr_arena_copy_n(&reader->arena, text.data, text.size);
    }
    if (names == NULL || names[n] == NULL)
        out_of_memory(csv, &reader->fault);
    else
        csv->n_columns = n + 1;
}

/* A field of a record; text NULL: the value is missing. */
static inline void
add_field(csv_reader *csv, const char *text, size_t size)
{
    ldr_reader *reader = &csv->reader;
    size_t field = csv->n_fields++;
    larder_column *column;
    larder_status rc;

    if (csv->batch == NULL) {
        add_name(csv, (larder_bytes){text == NULL ? "" : text, size});
        return;
    }
    if (field >= csv->n_columns || reader->fault.status != LARDER_OK ||
        csv->targets[field] == LDR_NO_FIELD)
        return;
    column = &csv->batch->columns[csv->targets[field]];
    if (text == NULL)
        rc = larder_column_append_null(column, &reader->fault);
    else if (size > reader->options.max_field_bytes)
        rc = larder_fail(&reader->fault, LARDER_LIMIT,
            "a value of %zu bytes is over max_field_bytes (%zu)", size,
            reader->options.max_field_bytes);
    else
        rc = larder_value_parse(column, (larder_bytes){text, size},
            reader->options.naive_offset_minutes, &reader->fault);
    if (rc != LARDER_OK)
        blame_field(csv, field);
}

static void
split_plain(csv_reader *csv, larder_bytes text)
{
    const char *at = text.data, *end = at + text.size;

    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));

        if (comma == NULL)
            comma = end;
        add_field(csv, comma == at ? NULL : at, (size_t)(comma - at));
        if (comma == end)
            return;
        at = comma + 1;
    }
}

/* ------------------------------------------------------------------ libcsv */

static int
no_blank(unsigned char c)
{
    (void)c;
    return 0;
}

static void
on_field(void *text, size_t size, void *context)
{
    csv_reader *csv = context;

    if (csv->ended)
        csv->torn = true;
    else
        add_field(csv, text, size);
}

static void
on_record(int end, void *context)
{
    csv_reader *csv = context;

    (void)end;
    csv->ended = true;
}

static void
start_parser(csv_reader *csv)
{
    csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL);
    csv_set_space_func(&csv->parser, no_blank);
    csv_set_blk_size(&csv->parser, 4096);
}

static void
blame_return(csv_reader *csv, size_t at)
{
    larder_error *fault = &csv->reader.fault;

    larder_fail(
        fault, LARDER_INVALID, "a carriage return that no line feed follows");
    larder_hint(fault, "end lines with LF or CR LF, or quote the value");
    ldr_reader_place(&csv->reader, at);
}

/* libcsv stopped at a byte of the record. */
static void
blame_quote(csv_reader *csv, size_t at)
{
    ldr_reader *reader = &csv->reader;
    larder_error *fault = &reader->fault;
    bool quoted = csv->parser.quoted != 0;

    if (csv_error(&csv->parser) != CSV_EPARSE) {
        out_of_memory(csv, fault);
        return;
    }
    larder_fail(fault, LARDER_INVALID, "%s",
        quoted ? "text after the closing quote"
               : "a quote inside a value that is not in quotes");
    larder_hint(
        fault, "put the value in quotes, and write each quote in it twice");
    blame_field(csv, csv->n_fields);
    ldr_reader_place(reader, at);
}

static void
blame_open_quote(csv_reader *csv, size_t size)
{
    ldr_reader *reader = &csv->reader;

    larder_fail(&reader->fault, LARDER_INVALID,
        "the quote that opens the value is never closed");
    blame_field(csv, csv->n_fields);
    ldr_reader_place(
        reader, find_field(ldr_reader_text(reader, size), csv->n_fields));
}

/* Feed the record's lines until one ends it. */
static larder_status
feed_lines(csv_reader *csv, size_t *size, larder_error *err)
{
    ldr_reader *reader = &csv->reader;
    size_t fed = 0;
    larder_status rc = LARDER_OK;

    while (!csv->ended) {
        const unsigned char *data = reader->lines.data + reader->lines.begin;
        size_t n = *size - fed, done;

        if (n == 0) { /* the file has ended */
            if (csv_fini(&csv->parser, on_field, on_record, csv) != 0)
                blame_open_quote(csv, *size);
            break;
        }
        done = csv_parse(&csv->parser, data + fed, n, on_field, on_record, csv);
        if (done != n) {
            blame_quote(csv, fed + done);
            break;
        }
        if (csv->parser.entry_pos > reader->options.max_field_bytes) {
            larder_fail(&reader->fault, LARDER_LIMIT,
                "a value is over max_field_bytes (%zu)",
                reader->options.max_field_bytes);
            larder_hint(&reader->fault, "is its closing quote missing?");
            blame_field(csv, csv->n_fields);
            ldr_reader_place(reader,
                find_field(ldr_reader_text(reader, *size), csv->n_fields));
            break;
        }
        fed = *size;
        if (!csv->ended)
            LARDER_TRY(ldr_reader_line(reader, size, err));
    }
out:
    return rc;
}

static larder_status
read_quoted(csv_reader *csv, size_t *size, larder_error *err)
{
    ldr_reader *reader = &csv->reader;
    size_t first = *size;
    larder_status rc = LARDER_OK;

    csv->ended = csv->torn = false;
    LARDER_TRY(feed_lines(csv, size, err));
    if (csv->torn && reader->fault.status == LARDER_OK) {
        larder_bytes text = ldr_reader_text(reader, *size);
        const char *at = memchr(text.data, '\r', text.size);

        blame_return(
            csv, at == NULL ? 0 : (size_t)(at - (const char *)text.data));
    }
    if (!csv->ended || csv->torn) {
        csv_free(&csv->parser);
        start_parser(csv);
        *size = first;
    }
out:
    return rc;
}

/* ----------------------------------------------------------------- records */

/* Is the byte in the next `size` bytes? *next remembers how far was looked. */
static bool
has_byte(const csv_reader *csv, uint64_t *next, int byte, size_t size)
{
    const ldr_lines *lines = &csv->reader.lines;
    uint64_t begin = lines->n_bytes - (lines->end - lines->begin);
    const unsigned char *data = lines->data + lines->begin, *found;

    if (*next >= begin + size)
        return false;
    if (*next < begin)
        *next = begin;
    found =
        memchr(data + (*next - begin), byte, (size_t)(lines->n_bytes - *next));
    *next = found == NULL ? lines->n_bytes : begin + (uint64_t)(found - data);
    return *next < begin + size;
}

/* Read one record into its fields; *size 0: there is none. */
static larder_status
read_fields(csv_reader *csv, size_t *size, larder_error *err)
{
    ldr_reader *reader = &csv->reader;
    larder_bytes text;
    const char *found = NULL;
    larder_status rc = LARDER_OK;

    csv->n_fields = 0;
    csv->fault_field = LDR_NO_FIELD;
    for (;;) {
        *size = 0;
        LARDER_TRY(ldr_reader_line(reader, size, err));
        if (*size == 0)
            goto out;
        text = ldr_reader_text(reader, *size);
        if (text.size != 0 || csv->n_columns == 1)
            break;
        ldr_reader_drop(reader, *size);
    }
    if (has_byte(csv, &csv->next_quote, '"', *size))
        return read_quoted(csv, size, err);
    if (has_byte(csv, &csv->next_return, '\r', text.size))
        found = memchr(text.data, '\r', text.size);
    if (found == NULL)
        split_plain(csv, text);
    else
        blame_return(csv, (size_t)(found - (const char *)text.data));
out:
    return rc;
}

static larder_status
read_record(
    ldr_reader *reader, larder_batch *batch, size_t *size, larder_error *err)
{
    csv_reader *csv = (csv_reader *)reader;
    larder_error *fault = &reader->fault;
    larder_status rc;

    csv->batch = batch;
    rc = read_fields(csv, size, err);
    if (rc != LARDER_OK || *size == 0)
        return rc;
    if (fault->status == LARDER_NOMEM) {
        *err = *fault;
        return LARDER_NOMEM;
    }
    if (csv->n_fields != csv->n_columns && fault->line == 0) {
        larder_fail(fault, LARDER_INVALID,
            "the record has %zu fields where the header has %zu", csv->n_fields,
            csv->n_columns);
        reader->fault_column = NULL;
        csv->fault_field = LDR_NO_FIELD;
        fault->line = (unsigned)reader->lines.line;
    }
    if (fault->status != LARDER_OK && fault->line == 0)
        ldr_reader_place(reader,
            find_field(ldr_reader_text(reader, *size), csv->fault_field));
    return LARDER_OK;
}

/* ------------------------------------------------------------------ header */

/* Without a schema the header is one, of text. */
static larder_status
take_names(csv_reader *csv, larder_error *err)
{
    ldr_reader *reader = &csv->reader;
    larder_field *fields =
        ldr_arena_array(&reader->arena, csv->n_columns, sizeof *fields);

    if (fields == NULL)
        return out_of_memory(csv, err);
    for (size_t i = 0; i < csv->n_columns; i++)
        fields[i] = (larder_field){csv->names[i], LARDER_STRING};
    reader->schema = (larder_schema){fields, csv->n_columns};
    return LARDER_OK;
}

static larder_status
match_names(csv_reader *csv, larder_error *err)
{
    ldr_reader *reader = &csv->reader;
    larder_status rc = LARDER_OK;

    csv->targets =
        ldr_arena_array(&reader->arena, csv->n_columns, sizeof *csv->targets);
    if (csv->targets == NULL)
        return out_of_memory(csv, err);
    if (reader->options.schema == NULL)
        LARDER_TRY(take_names(csv, err));
    LARDER_TRY(ldr_header_match(csv->names, csv->n_columns, &reader->schema,
        reader->options.ignore_extra, csv->targets, err));
out:
    return rc;
}

static larder_status
read_header(csv_reader *csv, larder_error *err)
{
    ldr_reader *reader = &csv->reader;
    larder_error *fault = &reader->fault;
    larder_bytes text;
    char *copy;
    size_t size = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(read_fields(csv, &size, err));
    if (size == 0) {
        larder_fail(fault, LARDER_INVALID, "the file is empty");
        larder_hint(fault, "begin it with a line that names the columns");
    } else if (fault->status != LARDER_OK && fault->line == 0) {
        ldr_reader_place(reader,
            find_field(ldr_reader_text(reader, size), csv->fault_field));
    } else if (fault->status == LARDER_OK &&
               match_names(csv, fault) != LARDER_OK) {
        fault->line = (unsigned)reader->lines.line;
    }
    if (fault->status != LARDER_OK) {
        snprintf(fault->file, sizeof fault->file, "%s", reader->options.name);
        *err = *fault;
        return fault->status;
    }
    text = ldr_reader_text(reader, size);
    copy = ldr_arena_copy_n(&reader->arena, text.data, text.size);
    if (copy == NULL)
        return out_of_memory(csv, err);
    reader->header = (larder_bytes){copy, text.size};
    ldr_reader_drop(reader, size);
out:
    return rc;
}

/* -------------------------------------------------------------------- open */

static void
release(ldr_reader *reader)
{
    csv_reader *csv = (csv_reader *)reader;

    csv_free(&csv->parser);
    free(csv->names);
}

larder_status
ldr_csv_read(FILE *file, const larder_text_options *options,
    const larder_call *call, larder_stream *out, larder_error *err)
{
    csv_reader *csv = calloc(1, sizeof *csv);
    larder_error failure = {0};
    larder_status rc = LARDER_OK;

    if (csv == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory to read CSV");
    start_parser(csv);
    csv->reader.record = read_record;
    csv->reader.release = release;
    LARDER_TRY(ldr_reader_init(&csv->reader, file, options, call, &failure));
    LARDER_TRY(read_header(csv, &failure));
    ldr_reader_start(&csv->reader, out);
    return LARDER_OK;
out:
    ldr_reader_free(&csv->reader);
    if (err != NULL)
        *err = failure;
    return rc;
}
