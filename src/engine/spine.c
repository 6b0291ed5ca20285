/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spine.c - the entity rows of a join: which column is what, and chunks of them
 * with typed keys and times beside the untouched originals.
 *
 * A text column is read as a key part or a time only here, so the row that goes
 * out is the row that came in.
 */
#include "engine/spine.h"

#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "data/batch.h"
#include "data/json.h"
#include "data/row.h"
#include "data/schema.h"

#define DEFAULT_TIME_COLUMN "event_timestamp"

static larder_status
missing_column(const larder_schema *schema, const char *what, const char *name,
    larder_error *err)
{
    const char *near = NULL;
    const char **names = malloc((schema->n_fields + 1) * sizeof *names);

    larder_fail(
        err, LARDER_INVALID, "the spine has no %s column '%s'", what, name);
    if (names == NULL)
        return LARDER_INVALID;
    for (size_t i = 0; i < schema->n_fields; i++)
        names[i] = schema->fields[i].name;
    near = ldr_name_nearest(name, names, schema->n_fields);
    if (near != NULL)
        larder_hint(err, "its nearest column is '%s'", near);
    free(names);
    return LARDER_INVALID;
}

static bool
may_be_time(larder_type type)
{
    return type == LARDER_TIMESTAMP || type == LARDER_STRING;
}

static larder_status
find_time(ldr_spine *spine, const char *wanted, larder_error *err)
{
    const larder_schema *schema = spine->input->schema;
    const char *name = wanted != NULL ? wanted : DEFAULT_TIME_COLUMN;
    size_t at = ldr_schema_find(schema, name);
    size_t n_times = 0, last = 0;

    for (size_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].type == LARDER_TIMESTAMP) {
            last = i;
            n_times++;
        }
    }
    if (at == LDR_NO_FIELD && wanted == NULL && n_times == 1)
        at = last;
    if (at == LDR_NO_FIELD) {
        missing_column(schema, "time", name, err);
        larder_hint(err, "name it with --timestamp COLUMN");
        return LARDER_INVALID;
    }
    if (!may_be_time(schema->fields[at].type))
        return larder_fail(err, LARDER_INVALID,
            "spine column '%s' is %s: a time is timestamp or ISO text", name,
            larder_type_name(schema->fields[at].type));
    spine->time_column = at;
    return LARDER_OK;
}

/* The spine's columns that are read as `wanted`. */
static larder_status
find_columns(const ldr_spine *spine, const larder_schema *wanted,
    const char *what, size_t *columns, larder_error *err)
{
    const larder_schema *schema = spine->input->schema;

    for (size_t i = 0; i < wanted->n_fields; i++) {
        const larder_field *field = &wanted->fields[i];
        size_t at = ldr_schema_find(schema, field->name);

        if (at == LDR_NO_FIELD)
            return missing_column(schema, what, field->name, err);
        if (schema->fields[at].type != field->type &&
            schema->fields[at].type != LARDER_STRING)
            return larder_fail(err, LARDER_INVALID,
                "spine column '%s' is %s, the %s column is %s", field->name,
                larder_type_name(schema->fields[at].type), what,
                larder_type_name(field->type));
        columns[i] = at;
    }
    return LARDER_OK;
}

static larder_status
refuse_shared_names(const ldr_spine *spine, larder_error *err)
{
    for (size_t i = 0; i < spine->plan->n_features; i++) {
        const ldr_plan_feature *feature = &spine->plan->features[i];

        if (ldr_schema_find(spine->input->schema, feature->name) ==
            LDR_NO_FIELD)
            continue;
        larder_fail(err, LARDER_INVALID,
            "feature '%s' would be called '%s', as a spine column is",
            feature->ref, feature->name);
        larder_hint(err,
            "ask for full names (--full-feature-names), or rename the column");
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

larder_status
ldr_spine_open(ldr_spine *spine, larder_stream *input, const ldr_plan *plan,
    const larder_join_options *options, larder_error *err)
{
    ldr_spine opened = {.input = input,
        .plan = plan,
        .format = options->spine_format,
        .naive_offset_minutes = options->naive_offset_minutes};
    larder_status rc;

    opened.key_columns =
        calloc(plan->keys.n_fields + 1, sizeof *opened.key_columns);
    opened.request_columns =
        calloc(plan->requests.n_fields + 1, sizeof *opened.request_columns);
    if (opened.key_columns == NULL || opened.request_columns == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory for the spine");
        goto out;
    }
    LARDER_TRY(
        find_columns(&opened, &plan->keys, "key", opened.key_columns, err));
    LARDER_TRY(find_columns(
        &opened, &plan->requests, "request", opened.request_columns, err));
    LARDER_TRY(find_time(&opened, options->timestamp, err));
    LARDER_TRY(refuse_shared_names(&opened, err));
    *spine = opened;
out:
    if (rc != LARDER_OK)
        ldr_spine_release(&opened);
    return rc;
}

void
ldr_spine_release(ldr_spine *spine)
{
    free(spine->key_columns);
    free(spine->request_columns);
    larder_batch_release(&spine->waiting);
    *spine = (ldr_spine){0};
}

/* A JSON token's own text; CSV text is its own. `room` grows as needed. */
static larder_status
plain_text(const ldr_spine *spine, larder_bytes token, ldr_buffer *room,
    larder_bytes *out, larder_error *err)
{
    const char *why;
    larder_status rc = LARDER_OK;

    *out = token;
    if (spine->format != LARDER_JSONL || token.size == 0 ||
        *(const char *)token.data != '"')
        return LARDER_OK;
    room->size = 0;
    LARDER_TRY(ldr_buffer_reserve(room, token.size, err));
    why = ldr_json_unquote(token, (char *)room->data, &room->size);
    if (why != NULL)
        return larder_fail(err, LARDER_INVALID, "%s", why);
    *out = (larder_bytes){room->data, room->size};
out:
    return rc;
}

static void
name_place(
    const ldr_spine *spine, size_t column, uint64_t row, larder_error *err)
{
    larder_context(err, "spine row %llu, column '%s'", (unsigned long long)row,
        spine->input->schema->fields[column].name);
}

/* Spine column `from` as values of `to`'s type. Text that is empty is missing.
 */
static larder_status
convert(const ldr_spine *spine, const larder_batch *rows, size_t column,
    uint64_t first_row, larder_column *to, larder_error *err)
{
    const larder_column *from = &rows->columns[column];
    ldr_buffer room = {0};
    larder_status rc = LARDER_OK;

    if (from->type == to->type && from->type != LARDER_STRING)
        return ldr_column_copy(to, from, 0, rows->n_rows, err);
    LARDER_TRY(larder_column_reserve(to, rows->n_rows, 0, err));
    for (size_t i = 0; i < rows->n_rows; i++) {
        larder_bytes token, text;

        if (ldr_column_is_null(from, i)) {
            LARDER_TRY(larder_column_append_null(to, err));
            continue;
        }
        token = ldr_column_text(from, i);
        rc = plain_text(spine, token, &room, &text, err);
        if (rc == LARDER_OK)
            rc = larder_value_parse(to, text, spine->naive_offset_minutes, err);
        if (rc == LARDER_INVALID)
            name_place(spine, column, first_row + i + 1, err);
        LARDER_TRY(rc);
    }
out:
    ldr_buffer_free(&room);
    return rc;
}

static larder_status
refuse_missing_times(const ldr_spine *spine, const ldr_spine_chunk *chunk,
    uint64_t first_row, larder_error *err)
{
    for (size_t i = 0; chunk->time.n_nulls > 0 && i < chunk->time.n_rows; i++)
        if (ldr_column_is_null(&chunk->time, i))
            return larder_fail(err, LARDER_INVALID,
                "spine row %llu has no '%s': each row needs the moment it is "
                "asked for",
                (unsigned long long)(first_row + i + 1),
                spine->input->schema->fields[spine->time_column].name);
    return LARDER_OK;
}

/* Typed copies of some of the spine's columns. */
static larder_status
type_some(const ldr_spine *spine, const larder_batch *rows, uint64_t first_row,
    const larder_schema *wanted, const size_t *from, larder_column **out,
    size_t *n_out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    *out = calloc(wanted->n_fields + 1, sizeof **out);
    if (*out == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the spine");
    *n_out = wanted->n_fields;
    for (size_t i = 0; i < wanted->n_fields; i++) {
        LARDER_TRY(ldr_column_init(&(*out)[i], wanted->fields[i].type, err));
        LARDER_TRY(convert(spine, rows, from[i], first_row, &(*out)[i], err));
    }
out:
    return rc;
}

static larder_status
type_columns(const ldr_spine *spine, ldr_spine_chunk *chunk, uint64_t first_row,
    larder_error *err)
{
    const ldr_plan *plan = spine->plan;
    larder_status rc;

    LARDER_TRY(type_some(spine, &chunk->rows, first_row, &plan->keys,
        spine->key_columns, &chunk->keys, &chunk->n_keys, err));
    LARDER_TRY(type_some(spine, &chunk->rows, first_row, &plan->requests,
        spine->request_columns, &chunk->requests, &chunk->n_requests, err));
    LARDER_TRY(ldr_column_init(&chunk->time, LARDER_TIMESTAMP, err));
    LARDER_TRY(convert(
        spine, &chunk->rows, spine->time_column, first_row, &chunk->time, err));
    LARDER_TRY(refuse_missing_times(spine, chunk, first_row, err));
out:
    return rc;
}

/* Is a row waiting? Reads one more batch when the last is used up. */
static larder_status
row_waits(ldr_spine *spine, bool *waits, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (spine->taken == spine->waiting.n_rows) {
        larder_batch_release(&spine->waiting);
        spine->taken = 0;
        LARDER_TRY(larder_stream_next(spine->input, &spine->waiting, err));
    }
    *waits = spine->waiting.n_rows > 0;
out:
    return rc;
}

/* The waiting batch becomes the chunk's first rows as it is. */
static void
take_all(ldr_spine *spine, larder_batch *rows)
{
    larder_batch_release(rows);
    *rows = spine->waiting;
    rows->schema = spine->input->schema;
    spine->waiting = (larder_batch){0};
    spine->taken = 0;
}

larder_status
ldr_spine_next(ldr_spine *spine, size_t max_rows, size_t max_bytes,
    ldr_spine_chunk *out, larder_error *err)
{
    ldr_spine_chunk chunk = {0};
    uint64_t first_row = spine->n_rows;
    bool waits = false;
    larder_status rc;

    LARDER_TRY(larder_batch_init(&chunk.rows, spine->input->schema, err));
    while (chunk.rows.n_rows == 0 ||
           (chunk.rows.n_rows < max_rows &&
               ldr_batch_bytes(&chunk.rows) <= max_bytes)) {
        size_t n;

        LARDER_TRY(row_waits(spine, &waits, err));
        if (!waits)
            break;
        n = spine->waiting.n_rows - spine->taken;
        n = n < max_rows - chunk.rows.n_rows ? n : max_rows - chunk.rows.n_rows;
        if (chunk.rows.n_rows == 0 && n == spine->waiting.n_rows) {
            take_all(spine, &chunk.rows);
            continue;
        }
        LARDER_TRY(
            ldr_batch_copy(&chunk.rows, &spine->waiting, spine->taken, n, err));
        spine->taken += n;
    }
    LARDER_TRY(type_columns(spine, &chunk, first_row, err));
    spine->n_rows += chunk.rows.n_rows;
    *out = chunk;
    chunk = (ldr_spine_chunk){0};
out:
    ldr_spine_chunk_release(&chunk);
    return rc;
}

void
ldr_spine_chunk_release(ldr_spine_chunk *chunk)
{
    larder_batch_release(&chunk->rows);
    for (size_t k = 0; k < chunk->n_keys; k++)
        ldr_column_release(&chunk->keys[k]);
    free(chunk->keys);
    for (size_t i = 0; i < chunk->n_requests; i++)
        ldr_column_release(&chunk->requests[i]);
    free(chunk->requests);
    ldr_column_release(&chunk->time);
    *chunk = (ldr_spine_chunk){0};
}
