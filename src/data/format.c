/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.c - the door to both text formats, and the file, the limits and the
 * rejects they share.
 */
#include "data/format.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/words.h"
#include "data/batch.h"
#include "data/csv.h"
#include "data/json.h"
#include "data/schema.h"

#define CHUNK_BYTES ((size_t)256 * 1024)
#define FIELD_BYTES ((size_t)1024 * 1024)
/* A batch of long records ends early. */
#define BATCH_BYTES ((size_t)8 * 1024 * 1024)

larder_status
larder_text_read(FILE *file, const larder_text_options *options,
    const larder_call *call, larder_stream *out, larder_error *err)
{
    switch (options->format) {
    case LARDER_CSV:
        return ldr_csv_read(file, options, call, out, err);
    case LARDER_JSONL:
        return ldr_jsonl_read(file, options, call, out, err);
    }
    return larder_fail(err, LARDER_INVALID,
        "%u is not a format of text: CSV or JSON lines",
        (unsigned)options->format);
}

larder_status
larder_text_write(FILE *file, larder_format format, const larder_batch *batch,
    size_t n_verbatim, larder_format from, bool first, larder_error *err)
{
    switch (format) {
    case LARDER_CSV:
        return ldr_csv_write(file, batch, n_verbatim, from, first, err);
    case LARDER_JSONL:
        return ldr_jsonl_write(file, batch, n_verbatim, from, err);
    }
    return larder_fail(err, LARDER_INVALID,
        "%u is not a format of text: CSV or JSON lines", (unsigned)format);
}

/* ------------------------------------------------------------------- lines */

static uint64_t
size_of(FILE *file)
{
    struct stat status;
    int descriptor = fileno(file);

    if (descriptor < 0 || fstat(descriptor, &status) != 0 ||
        !S_ISREG(status.st_mode) || status.st_size < 0)
        return 0;
    return (uint64_t)status.st_size;
}

/* Room for one more chunk behind what is there. */
static larder_status
make_room(ldr_lines *lines, larder_error *err)
{
    size_t used = lines->end - lines->begin, room = lines->room;
    unsigned char *data;

    if (lines->begin != 0 && used != 0)
        memmove(lines->data, lines->data + lines->begin, used);
    lines->begin = 0;
    lines->end = used;
    if (lines->room - used >= CHUNK_BYTES)
        return LARDER_OK;
    room = room * 2 < used + CHUNK_BYTES ? used + CHUNK_BYTES : room * 2;
    data = realloc(lines->data, room);
    if (data == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for a record of over %zu bytes", used);
    lines->data = data;
    lines->room = room;
    return LARDER_OK;
}

static larder_status
cannot_read(ldr_reader *reader, larder_error *err)
{
    char reason[128];

    if (strerror_r(errno, reason, sizeof reason) != 0)
        reason[0] = '\0';
    larder_fail(err, LARDER_IO, "cannot read: %s", reason);
    larder_context(err, "%s", reader->options.name);
    return LARDER_IO;
}

/* A byte order mark says nothing in UTF-8 and is passed over. */
static larder_status
begin_file(ldr_reader *reader, larder_error *err)
{
    ldr_lines *lines = &reader->lines;

    if (lines->end >= 3 && memcmp(lines->data, "\xEF\xBB\xBF", 3) == 0)
        lines->begin = 3;
    if (lines->end < 2 || (memcmp(lines->data, "\xFF\xFE", 2) != 0 &&
                              memcmp(lines->data, "\xFE\xFF", 2) != 0))
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID, "%s: the text is UTF-16, not UTF-8",
        reader->options.name);
    larder_hint(err, "save it as UTF-8");
    return LARDER_INVALID;
}

static larder_status
too_long(ldr_reader *reader, larder_error *err)
{
    const ldr_lines *lines = &reader->lines;

    larder_fail(err, LARDER_LIMIT,
        "the record is over %zu bytes: %u times max_field_bytes", lines->limit,
        LDR_RECORD_FIELDS);
    snprintf(err->file, sizeof err->file, "%s", reader->options.name);
    err->line = (unsigned)lines->line;
    return LARDER_LIMIT;
}

/* Read one more chunk, or find the end. */
static larder_status
fill(ldr_reader *reader, larder_error *err)
{
    ldr_lines *lines = &reader->lines;
    larder_progress progress;
    bool first = lines->n_bytes == 0;
    size_t n;
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_call_check(reader->call, err));
    LARDER_TRY(make_room(lines, err));
    errno = 0;
    n = fread(lines->data + lines->end, 1, CHUNK_BYTES, lines->file);
    if (n < CHUNK_BYTES && ferror(lines->file))
        return cannot_read(reader, err);
    lines->ended = n == 0 || feof(lines->file);
    lines->end += n;
    lines->n_bytes += n;
    progress = (larder_progress){
        .what = reader->doing,
        .done = lines->n_bytes,
        .total = lines->n_total,
    };
    if (reader->call->progress != NULL)
        reader->call->progress(reader->call->context, &progress);
    if (first)
        rc = begin_file(reader, err);
out:
    return rc;
}

larder_status
ldr_reader_line(ldr_reader *reader, size_t *size, larder_error *err)
{
    ldr_lines *lines = &reader->lines;
    size_t seen = *size;

    for (;;) {
        size_t have = lines->end - lines->begin;
        const unsigned char *begin = lines->data, *end = NULL;
        larder_status rc;

        if (have > seen) {
            begin += lines->begin;
            end = memchr(begin + seen, '\n', have - seen);
        }
        if (end != NULL)
            have = (size_t)(end + 1 - begin);
        if (have > lines->limit)
            return too_long(reader, err);
        if (end != NULL || lines->ended) {
            *size = have;
            return LARDER_OK;
        }
        seen = have;
        rc = fill(reader, err);
        if (rc != LARDER_OK)
            return rc;
    }
}

void
ldr_reader_drop(ldr_reader *reader, size_t size)
{
    ldr_lines *lines = &reader->lines;
    const unsigned char *at = lines->data + lines->begin, *end = at + size;

    assert(size <= lines->end - lines->begin);
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines->line++;
        at++;
    }
    lines->begin += size;
}

larder_bytes
ldr_reader_text(const ldr_reader *reader, size_t size)
{
    const unsigned char *data = reader->lines.data + reader->lines.begin;

    if (size > 0 && data[size - 1] == '\n') {
        size--;
        if (size > 0 && data[size - 1] == '\r')
            size--;
    }
    return (larder_bytes){data, size};
}

/* ------------------------------------------------------------------ faults */

void
ldr_reader_place(ldr_reader *reader, size_t at)
{
    const unsigned char *data = reader->lines.data + reader->lines.begin;
    uint64_t line = reader->lines.line;
    unsigned column = 1;

    for (size_t i = 0; i < at; i++) {
        if (data[i] == '\n') {
            line++;
            column = 1;
        } else if ((data[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    reader->fault.line = line > UINT32_MAX ? 0 : (unsigned)line;
    reader->fault.column = column;
}

larder_status
ldr_reader_reject(ldr_reader *reader, size_t size, larder_error *err)
{
    larder_error fault = reader->fault;
    larder_reject reject = {
        .file = reader->options.name,
        .line = reader->lines.line,
        .column = reader->fault_column,
        .message = fault.message,
        .record = ldr_reader_text(reader, size),
        .header = reader->header,
    };

    reader->fault = (larder_error){0};
    reader->fault_column = NULL;
    if (reader->options.reject != NULL)
        return reader->options.reject(reader->options.context, &reject, err);
    snprintf(fault.file, sizeof fault.file, "%s", reader->options.name);
    *err = fault;
    return fault.status;
}

/* ------------------------------------------------------------------ stream */

static larder_status
find_required(ldr_reader *reader, larder_error *err)
{
    const larder_text_options *options = &reader->options;

    reader->required = ldr_arena_array(
        &reader->arena, options->n_required + 1, sizeof *reader->required);
    if (reader->required == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "out of memory to read %s", options->name);
    for (size_t i = 0; i < options->n_required; i++) {
        reader->required[i] =
            ldr_schema_find(&reader->schema, options->required[i]);
        if (reader->required[i] == LDR_NO_FIELD)
            return larder_fail(err, LARDER_INVALID,
                "column '%s' is required, but is not of the schema",
                options->required[i]);
    }
    return LARDER_OK;
}

larder_status
ldr_reader_init(ldr_reader *reader, FILE *file,
    const larder_text_options *options, const larder_call *call,
    larder_error *err)
{
    const char *name = options->name == NULL ? "input" : options->name;
    size_t most = options->max_field_bytes;
    larder_schema *schema;
    larder_status rc = LARDER_OK;

    reader->options = *options;
    reader->options.name = ldr_arena_copy(&reader->arena, name);
    reader->doing = ldr_arena_printf(&reader->arena, "reading %s", name);
    if (reader->options.name == NULL || reader->doing == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory to read %s", name);
    if (options->schema == NULL) {
        reader->options.n_required = 0; /* text as it is lacks nothing */
        reader->options.check = NULL;
    } else {
        schema = ldr_arena_alloc(&reader->arena, sizeof *schema);
        if (schema == NULL)
            return larder_fail(
                err, LARDER_NOMEM, "out of memory to read %s", name);
        rc = ldr_schema_copy(options->schema, &reader->arena, schema, err);
        reader->options.schema = schema;
        reader->schema = *schema;
        LARDER_TRY(rc);
        LARDER_TRY(find_required(reader, err));
    }
    if (most == 0)
        most = FIELD_BYTES;
    if (most > SIZE_MAX / 4 / LDR_RECORD_FIELDS)
        most = SIZE_MAX / 4 / LDR_RECORD_FIELDS;
    reader->options.max_field_bytes = most;
    reader->call = call;
    reader->lines = (ldr_lines){
        .file = file,
        .line = 1,
        .limit = most * LDR_RECORD_FIELDS,
        .n_total = size_of(file),
    };
out:
    return rc;
}

void
ldr_reader_free(ldr_reader *reader)
{
    if (reader->release != NULL)
        reader->release(reader);
    free(reader->lines.data);
    ldr_arena_free(&reader->arena);
    free(reader);
}

/* The record is the batch's next row: has it all that it must have? */
static void
check_required(ldr_reader *reader, const larder_batch *batch)
{
    for (size_t i = 0; i < reader->options.n_required; i++) {
        size_t at = reader->required[i];
        const char *name = reader->schema.fields[at].name;

        if (batch->columns[at].n_nulls == 0
            || !ldr_column_is_null(&batch->columns[at], batch->n_rows))
            continue;
        (void)larder_fail(&reader->fault, LARDER_INVALID,
            "column '%s': a value is missing that every row needs", name);
        ldr_reader_place(reader, 0);
        reader->fault.column = 0; /* what is not there has no place */
        reader->fault_column = name;
        return;
    }
}

/* The record is the batch's next row, of good values: does the row please? */
static void
check_row(ldr_reader *reader, const larder_batch *batch)
{
    const larder_row_check *check = reader->options.check;

    if (check == NULL ||
        check->judge(check, batch, batch->n_rows, &reader->fault_column,
            &reader->fault) == LARDER_OK)
        return;
    larder_context(&reader->fault, "column '%s'", reader->fault_column);
    ldr_reader_place(reader, 0);
    reader->fault.column = 0;
}

static larder_status
read_batch(ldr_reader *reader, larder_batch *batch, larder_error *err)
{
    size_t size = 0, n_bytes = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(batch, &reader->schema, err));
    while (batch->n_rows < LDR_BATCH_ROWS && n_bytes < BATCH_BYTES) {
        LARDER_TRY(reader->record(reader, batch, &size, err));
        if (size == 0)
            break;
        if (reader->fault.status == LARDER_OK)
            check_required(reader, batch);
        if (reader->fault.status == LARDER_OK)
            check_row(reader, batch);
        if (reader->fault.status == LARDER_OK) {
            batch->n_rows++;
        } else {
            for (size_t i = 0; i < reader->schema.n_fields; i++)
                ldr_column_truncate(&batch->columns[i], batch->n_rows);
            LARDER_TRY(ldr_reader_reject(reader, size, err));
        }
        ldr_reader_drop(reader, size);
        n_bytes += size;
    }
out:
    return rc;
}

static larder_status
next(larder_stream *self, larder_batch *out, larder_error *err)
{
    ldr_reader *reader = self->state;
    larder_batch batch = {0};
    larder_status rc = reader->failure.status;

    if (rc == LARDER_OK) {
        rc = read_batch(reader, &batch, &reader->failure);
        reader->failure.status = rc;
    }
    if (rc == LARDER_OK) {
        ldr_batch_finish(&batch);
        *out = batch;
    } else {
        larder_batch_release(&batch);
        if (err != NULL)
            *err = reader->failure;
    }
    return rc;
}

static void
close_stream(larder_stream *self)
{
    ldr_reader_free(self->state);
    *self = (larder_stream){0};
}

void
ldr_reader_start(ldr_reader *reader, larder_stream *out)
{
    *out = (larder_stream){
        .schema = &reader->schema,
        .next = next,
        .close = close_stream,
        .state = reader,
    };
}
