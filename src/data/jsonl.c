/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl.c - JSON lines to and from streams.
 *
 * Declared in json.h. One object a line; lines of nothing but white space are
 * passed over. A member that is null or absent is a missing value.
 */
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "data/batch.h"
#include "data/format.h"
#include "data/json.h"
#include "data/schema.h"
#include "data/sink.h"
#include "data/text.h"

typedef struct jsonl_reader {
    ldr_reader reader; /* first */
    bool verbatim;     /* values are tokens as written */
    /* The column that the nth member of the last record was, as the next record
     * will likely have it. */
    size_t *order;
    size_t n_order;
    ldr_buffer name, scratch;
} jsonl_reader;

static larder_status
out_of_memory(const jsonl_reader *jsonl, larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory to read %s",
        jsonl->reader.options.name);
}

/* ------------------------------------------------------------------ faults */

static void
blame_json(jsonl_reader *jsonl, const ldr_json *json)
{
    larder_fail(&jsonl->reader.fault, LARDER_INVALID, "%s", json->message);
    ldr_reader_place(&jsonl->reader, json->at);
}

static void
blame_token(jsonl_reader *jsonl, const ldr_json *json, const void *token)
{
    ldr_reader_place(&jsonl->reader,
        (size_t)((const char *)token - (const char *)json->text.data));
}

/* The fault's words are there; it is a member's. */
static void
blame_column(jsonl_reader *jsonl, size_t column)
{
    ldr_reader *reader = &jsonl->reader;

    reader->fault_column = reader->schema.fields[column].name;
    larder_context(&reader->fault, "column '%s'", reader->fault_column);
}

static void
blame_unknown(jsonl_reader *jsonl, larder_bytes name)
{
    ldr_reader *reader = &jsonl->reader;
    larder_error *fault = &reader->fault;
    const larder_schema *schema = &reader->schema;
    const char **names = calloc(schema->n_fields + 1, sizeof *names);
    char clip[LDR_CLIP_ROOM];
    const char *near = NULL;

    ldr_text_clip(name, clip);
    larder_fail(fault, LARDER_INVALID, "%s '%s'",
        jsonl->verbatim ? "the first record has no member" : "unknown member",
        clip);
    if (names != NULL) {
        for (size_t i = 0; i < schema->n_fields; i++)
            names[i] = schema->fields[i].name;
        near = ldr_name_nearest(clip, names, schema->n_fields);
        free(names);
    }
    if (near != NULL)
        larder_hint(fault, "did you mean '%s'?", near);
    else if (!jsonl->verbatim)
        larder_hint(fault, "remove it, or ask to ignore it (--ignore-extra)");
}

/* ----------------------------------------------------------------- members */

/* The name a token spells; in place where nothing is escaped. */
static larder_status
read_name(jsonl_reader *jsonl, const ldr_json *json, larder_bytes *name,
    larder_error *err)
{
    const char *token = json->token.data;
    size_t size = 0;
    larder_status rc;

    if (memchr(token, '\\', json->token.size) == NULL) {
        *name = (larder_bytes){token + 1, json->token.size - 2};
        return LARDER_OK;
    }
    jsonl->name.size = 0;
    rc = ldr_buffer_reserve(&jsonl->name, json->token.size, err);
    if (rc != LARDER_OK)
        return rc;
    ldr_json_unquote(json->token, (char *)jsonl->name.data, &size);
    *name = (larder_bytes){jsonl->name.data, size};
    return LARDER_OK;
}

static bool
is_named(const larder_field *field, larder_bytes name)
{
    return strncmp(field->name, name.data, name.size) == 0 &&
           field->name[name.size] == '\0';
}

/* The column of the nth member, or LDR_NO_FIELD. */
static size_t
find_column(jsonl_reader *jsonl, size_t nth, larder_bytes name)
{
    const larder_schema *schema = &jsonl->reader.schema;
    size_t guess = nth < jsonl->n_order ? jsonl->order[nth] : 0;

    if (guess < schema->n_fields && is_named(&schema->fields[guess], name))
        return guess;
    for (size_t i = 0; i < schema->n_fields; i++)
        if (is_named(&schema->fields[i], name)) {
            if (nth < jsonl->n_order)
                jsonl->order[nth] = i;
            return i;
        }
    return LDR_NO_FIELD;
}

/* Append the member's value to its column. A failure is in the fault. */
static larder_status
append_value(jsonl_reader *jsonl, ldr_json *json, ldr_json_kind kind,
    larder_column *column)
{
    ldr_reader *reader = &jsonl->reader;
    larder_error *fault = &reader->fault;
    const char *begin = json->token.data;
    larder_bytes token;
    size_t size;
    larder_status rc;

    if (!jsonl->verbatim)
        rc = ldr_json_value(json, kind, column,
            reader->options.naive_offset_minutes, &jsonl->scratch, fault);
    else if (kind == LDR_JSON_NULL)
        rc = larder_column_append_null(column, fault);
    else if (ldr_json_skip(json, kind, &token))
        rc = larder_column_append_text(column, token, fault);
    else
        rc = larder_fail(fault, LARDER_INVALID, "%s", json->message);
    size = (size_t)((const char *)json->text.data + json->at - begin);
    if (rc == LARDER_OK && size > reader->options.max_field_bytes)
        rc = larder_fail(fault, LARDER_LIMIT,
            "a value of %zu bytes is over max_field_bytes (%zu)", size,
            reader->options.max_field_bytes);
    return rc;
}

/* The value of a member that is a column, whose name was just read. */
static void
read_value(jsonl_reader *jsonl, ldr_json *json, size_t at, larder_batch *batch)
{
    ldr_reader *reader = &jsonl->reader;
    larder_column *column = &batch->columns[at];
    const void *name = json->token.data, *value;
    ldr_json_kind kind = ldr_json_next(json);

    if (kind == LDR_JSON_ERROR) {
        blame_json(jsonl, json);
        return;
    }
    if (column->n_rows != batch->n_rows) {
        larder_fail(&reader->fault, LARDER_INVALID, "the record has it twice");
        blame_column(jsonl, at);
        blame_token(jsonl, json, name);
        return;
    }
    value = json->token.data;
    if (append_value(jsonl, json, kind, column) == LARDER_OK)
        return;
    blame_column(jsonl, at);
    if (json->message != NULL)
        ldr_reader_place(reader, json->at);
    else if (reader->fault.status == LARDER_LIMIT)
        blame_token(jsonl, json, value);
    else /* of a list this is the item */
        blame_token(jsonl, json, json->token.data);
}

/* One member, whose name was just read. */
static larder_status
read_member(jsonl_reader *jsonl, ldr_json *json, size_t nth,
    larder_batch *batch, larder_error *err)
{
    larder_bytes name, ignored;
    size_t at;
    larder_status rc = read_name(jsonl, json, &name, err);

    if (rc != LARDER_OK)
        return rc;
    at = find_column(jsonl, nth, name);
    if (at != LDR_NO_FIELD) {
        read_value(jsonl, json, at, batch);
    } else if (!jsonl->reader.options.ignore_extra) {
        blame_unknown(jsonl, name);
        blame_token(jsonl, json, json->token.data);
    } else if (!ldr_json_skip(json, ldr_json_next(json), &ignored)) {
        blame_json(jsonl, json);
    }
    return LARDER_OK;
}

static larder_status
read_object(jsonl_reader *jsonl, larder_bytes text, larder_batch *batch,
    larder_error *err)
{
    ldr_reader *reader = &jsonl->reader;
    ldr_json json;
    ldr_json_kind kind;
    larder_status rc = LARDER_OK;

    ldr_json_start(&json, text);
    kind = ldr_json_next(&json);
    if (kind != LDR_JSON_OBJECT && kind != LDR_JSON_ERROR) {
        larder_fail(&reader->fault, LARDER_INVALID,
            "the record is not an object: {\"name\": value, ...}");
        blame_token(jsonl, &json, json.token.data);
        return LARDER_OK;
    }
    for (size_t nth = 0; kind != LDR_JSON_END; nth++) {
        if (kind == LDR_JSON_NAME)
            LARDER_TRY(read_member(jsonl, &json, nth, batch, err));
        if (reader->fault.status != LARDER_OK)
            break;
        kind = ldr_json_next(&json);
        if (kind == LDR_JSON_ERROR) {
            blame_json(jsonl, &json);
            break;
        }
    }
out:
    return rc;
}

/* ----------------------------------------------------------------- records */

static bool
is_blank(larder_bytes text)
{
    const char *bytes = text.data;

    for (size_t i = 0; i < text.size; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' &&
            bytes[i] != '\n')
            return false;
    return true;
}

/* The next line that is not blank; *size 0: there is none. */
static larder_status
next_line(ldr_reader *reader, size_t *size, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (;;) {
        *size = 0;
        LARDER_TRY(ldr_reader_line(reader, size, err));
        if (*size == 0 || !is_blank(ldr_reader_text(reader, *size)))
            break;
        ldr_reader_drop(reader, *size);
    }
out:
    return rc;
}

static larder_status
read_record(
    ldr_reader *reader, larder_batch *batch, size_t *size, larder_error *err)
{
    jsonl_reader *jsonl = (jsonl_reader *)reader;
    larder_status rc = LARDER_OK;

    LARDER_TRY(next_line(reader, size, err));
    if (*size == 0)
        goto out;
    LARDER_TRY(read_object(jsonl, ldr_reader_text(reader, *size), batch, err));
    if (reader->fault.status == LARDER_NOMEM) {
        *err = reader->fault;
        return LARDER_NOMEM;
    }
    for (size_t i = 0; i < reader->schema.n_fields; i++)
        if (batch->columns[i].n_rows == batch->n_rows)
            LARDER_TRY(larder_column_append_null(&batch->columns[i], err));
out:
    return rc;
}

/* ------------------------------------------------------------ first record */

/* Make room for one more name and put it there. */
static larder_status
add_column(jsonl_reader *jsonl, larder_field **fields, size_t n,
    larder_bytes name, larder_error *err)
{
    larder_field *grown = *fields;

    if ((n & (n - 1)) == 0)
        grown = realloc(grown, (n == 0 ? 1 : 2 * n) * sizeof *grown);
    if (grown == NULL)
        return out_of_memory(jsonl, err);
    *fields = grown;
    grown[n].name =
        ldr_arena_copy_n(&jsonl->reader.arena, name.data, name.size);
    grown[n].type = LARDER_STRING;
    return grown[n].name == NULL ? out_of_memory(jsonl, err) : LARDER_OK;
}

/* The members of an object as columns of text. What is wrong with it is in the
 * fault, as when its values are read. */
static larder_status
take_members(jsonl_reader *jsonl, larder_bytes text, larder_field **fields,
    size_t *n_fields, larder_error *err)
{
    ldr_json json;
    ldr_json_kind kind;
    larder_bytes name, value;
    larder_status rc = LARDER_OK;

    ldr_json_start(&json, text);
    if (ldr_json_next(&json) != LDR_JSON_OBJECT)
        goto out;
    while ((kind = ldr_json_next(&json)) == LDR_JSON_NAME) {
        LARDER_TRY(read_name(jsonl, &json, &name, err));
        if (*n_fields == LDR_COLUMNS_MAX) {
            rc = larder_fail(err, LARDER_LIMIT,
                "the first record has more than %u members (max_columns)",
                LDR_COLUMNS_MAX);
            goto out;
        }
        LARDER_TRY(add_column(jsonl, fields, *n_fields, name, err));
        ++*n_fields;
        kind = ldr_json_next(&json);
        if (!ldr_json_skip(&json, kind, &value))
            break;
    }
out:
    return rc;
}

/* Set the schema from a record, and read it on trial: false when it has a
 * fault, which is then told. */
static larder_status
try_first(jsonl_reader *jsonl, size_t size, bool *good, larder_error *err)
{
    ldr_reader *reader = &jsonl->reader;
    larder_bytes text = ldr_reader_text(reader, size);
    larder_field *fields = NULL, *kept;
    larder_batch trial = {0};
    size_t n = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(take_members(jsonl, text, &fields, &n, err));
    kept = ldr_arena_array(&reader->arena, n == 0 ? 1 : n, sizeof *kept);
    if (kept == NULL) {
        rc = out_of_memory(jsonl, err);
        goto out;
    }
    if (n != 0)
        memcpy(kept, fields, n * sizeof *kept);
    reader->schema = (larder_schema){kept, n};
    LARDER_TRY(larder_batch_init(&trial, &reader->schema, err));
    LARDER_TRY(read_object(jsonl, text, &trial, err));
    *good = reader->fault.status == LARDER_OK;
    if (!*good)
        rc = ldr_reader_reject(reader, size, err);
out:
    larder_batch_release(&trial);
    free(fields);
    return rc;
}

static larder_status
read_first(jsonl_reader *jsonl, larder_error *err)
{
    ldr_reader *reader = &jsonl->reader;
    bool good = false;
    size_t size;
    larder_status rc = LARDER_OK;

    while (!good) {
        LARDER_TRY(next_line(reader, &size, err));
        if (size == 0) {
            rc = larder_fail(err, LARDER_INVALID,
                "there is no record, whose members would be the columns");
            snprintf(err->file, sizeof err->file, "%s", reader->options.name);
            goto out;
        }
        LARDER_TRY(try_first(jsonl, size, &good, err));
        if (!good)
            ldr_reader_drop(reader, size);
    }
out:
    return rc;
}

/* -------------------------------------------------------------------- open */

static void
release(ldr_reader *reader)
{
    jsonl_reader *jsonl = (jsonl_reader *)reader;

    ldr_buffer_free(&jsonl->name);
    ldr_buffer_free(&jsonl->scratch);
}

larder_status
ldr_jsonl_read(FILE *file, const larder_text_options *options,
    const larder_call *call, larder_stream *out, larder_error *err)
{
    jsonl_reader *jsonl = calloc(1, sizeof *jsonl);
    larder_error failure = {0};
    size_t n;
    larder_status rc = LARDER_OK;

    if (jsonl == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory to read JSON");
    jsonl->verbatim = options->schema == NULL;
    jsonl->reader.record = read_record;
    jsonl->reader.release = release;
    LARDER_TRY(ldr_reader_init(&jsonl->reader, file, options, call, &failure));
    if (jsonl->verbatim)
        LARDER_TRY(read_first(jsonl, &failure));
    n = jsonl->reader.schema.n_fields;
    jsonl->order =
        ldr_arena_array(&jsonl->reader.arena, n + 1, sizeof *jsonl->order);
    if (jsonl->order == NULL) {
        rc = out_of_memory(jsonl, &failure);
        goto out;
    }
    jsonl->n_order = n;
    ldr_reader_start(&jsonl->reader, out);
    return LARDER_OK;
out:
    ldr_reader_free(&jsonl->reader);
    if (err != NULL)
        *err = failure;
    return rc;
}

/* ------------------------------------------------------------------- write */

larder_status
ldr_jsonl_write(FILE *file, const larder_batch *batch, size_t n_verbatim,
    larder_format from, larder_error *err)
{
    char room[LDR_SINK_ROOM];
    ldr_sink sink = {.file = file, .text = room, .room = sizeof room};
    const larder_schema *schema = batch->schema;
    size_t n_tokens = from == LARDER_JSONL ? n_verbatim : 0;

    for (size_t row = 0; row < batch->n_rows; row++) {
        for (size_t i = 0; i < schema->n_fields; i++) {
            const larder_column *column = &batch->columns[i];
            larder_value value = larder_column_value(column, row);
            const char *name = schema->fields[i].name;

            ldr_sink_byte(&sink, i == 0 ? '{' : ',');
            ldr_sink_json_string(&sink, (larder_bytes){name, strlen(name)});
            ldr_sink_byte(&sink, ':');
            if (i < n_tokens && column->type == LARDER_STRING && !value.null)
                ldr_sink_put(&sink, value.as.text.data, value.as.text.size);
            else
                ldr_sink_value(&sink, &value, LARDER_JSONL);
        }
        if (schema->n_fields == 0)
            ldr_sink_byte(&sink, '{');
        ldr_sink_put(&sink, "}\n", 2);
    }
    return ldr_sink_flush(&sink, err);
}
