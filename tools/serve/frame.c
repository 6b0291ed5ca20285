/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c - `df` of a request to typed rows.
 *
 * Columns come in any order and are found by name. One that is not known is
 * refused rather than passed over: its values would be lost without a word.
 */
#include "serve/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/name.h"
#include "serve/value.h"

#define NAME_ROOM 256u

struct frame {
    const struct frame_shape *shape;
    const larder_schema *schema;
    size_t event, created; /* n_fields: there is none */
    struct rejects *rejects;
    larder_batch *rows;
    bool *given; /* of each column */
    bool any;    /* a column was seen, and ... */
    size_t n_rows;
    char first[NAME_ROOM]; /* ... its name */
};

/* ---------------------------------------------------------------- rejects */

void
rejects_add(
    struct rejects *rejects, const char *column, size_t row, const char *words)
{
    struct out *out = &rejects->details;

    if (rejects->n++ >= REJECTS_TOLD)
        return;
    out_text(out, out->size > 0 ? ", " : "");
    out_text(out, "{\"type\": \"value_error\", \"loc\": [\"body\", \"df\"");
    if (column != NULL) {
        out_text(out, ", ");
        out_name(out, column);
    }
    if (row > 0)
        out_format(out, ", %zu", row - 1);
    out_text(out, "], \"msg\": ");
    out_name(out, words);
    out_text(out, "}");
}

void
rejects_release(struct rejects *rejects)
{
    out_release(&rejects->details);
    *rejects = (struct rejects){0};
}

/* ---------------------------------------------------------------- columns */

static size_t
find(const larder_schema *schema, const char *name)
{
    size_t c = 0;

    while (c < schema->n_fields && strcmp(schema->fields[c].name, name) != 0)
        c++;
    return c;
}

static larder_status
unknown(const struct frame *f, const char *name, larder_error *err)
{
    const char *near = NULL, **names;

    names = malloc((f->schema->n_fields + 1) * sizeof *names);
    if (names == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for names");
    for (size_t c = 0; c < f->schema->n_fields; c++)
        names[c] = f->schema->fields[c].name;
    near = ldr_name_nearest(name, names, f->schema->n_fields);
    larder_fail(err, LARDER_INVALID, "df: unknown column '%s'", name);
    if (near != NULL)
        larder_hint(err, "did you mean '%s'?", near);
    free(names);
    return LARDER_INVALID;
}

/* Which column a name stands for; n_fields: one that is passed over. */
static larder_status
find_column(
    const struct frame *f, const char *name, size_t *column, larder_error *err)
{
    *column = find(f->schema, name);
    if (*column < f->schema->n_fields)
        return LARDER_OK;
    if (f->shape->view && strcmp(name, "event_timestamp") == 0)
        *column = f->event;
    else if (f->shape->view && strcmp(name, "created") == 0)
        *column = f->created;
    else
        return unknown(f, name, err);
    return LARDER_OK;
}

/* A value that does not fit is told, and null in its place: so are others. */
static larder_status
take_value(struct frame *f, ldr_json *json, ldr_json_kind kind, size_t column,
    size_t row, larder_error *err)
{
    const larder_source_shape *columns = f->shape->columns;
    const char *name = f->schema->fields[column].name;
    larder_value null = {.type = f->schema->fields[column].type, .null = true};
    larder_column *to = &f->rows->columns[column];
    ldr_json before = *json;
    larder_error fault = {0};
    larder_bytes ignored;
    char words[512 + 2 * NAME_ROOM];
    bool is_key = false;
    larder_status rc;

    for (size_t i = 0; i + 1 < columns->n_required; i++)
        is_key |= strcmp(columns->required[i], name) == 0;
    rc = value_take(json, kind, is_key, to, &fault);
    if (rc != LARDER_INVALID) {
        if (rc != LARDER_OK && err != NULL)
            *err = fault;
        return rc;
    }
    *json = before;
    if (!ldr_json_skip(json, kind, &ignored))
        return larder_fail(err, LARDER_INVALID, "df: %s", json->message);
    snprintf(words, sizeof words, "df: '%.200s', row %zu: %s", name, row,
        fault.message);
    rejects_add(f->rejects, name, row, words);
    if (f->rejects->n == 1)
        larder_fail(err, LARDER_INVALID, "%s", words);
    return larder_column_append(to, &null, err);
}

static larder_status
take_values(struct frame *f, ldr_json *json, const char *name, size_t column,
    larder_error *err)
{
    ldr_json_kind kind;
    larder_bytes ignored;
    size_t n = 0;
    larder_status rc = LARDER_OK;

    while ((kind = ldr_json_next(json)) != LDR_JSON_ARRAY_END) {
        if (kind == LDR_JSON_ERROR)
            return larder_fail(err, LARDER_INVALID, "df: %s", json->message);
        n++;
        if (column < f->schema->n_fields)
            LARDER_TRY(take_value(f, json, kind, column, n, err));
        else if (!ldr_json_skip(json, kind, &ignored))
            return larder_fail(err, LARDER_INVALID, "df: %s", json->message);
    }
    if (!f->any)
        snprintf(f->first, sizeof f->first, "%s", name);
    else if (n != f->n_rows)
        rc = larder_fail(err, LARDER_INVALID,
            "df: '%s' has %zu values and '%s' %zu: all columns have as many",
            name, n, f->first, f->n_rows);
    f->n_rows = f->any ? f->n_rows : n;
    f->any = true;
out:
    return rc;
}

static larder_status
take_column(struct frame *f, ldr_json *json, larder_error *err)
{
    char name[NAME_ROOM];
    larder_bytes text;
    size_t column;
    larder_status rc;

    if (!value_text(json->token, name, sizeof name, &text) ||
        text.size >= sizeof name)
        return larder_fail(err, LARDER_INVALID,
            "df: a column's name is longer than %u bytes", NAME_ROOM - 1);
    memmove(name, text.data, text.size);
    name[text.size] = '\0';
    LARDER_TRY(find_column(f, name, &column, err));
    if (column < f->schema->n_fields && f->given[column])
        return larder_fail(err, LARDER_INVALID, "df: '%s' is given twice",
            f->schema->fields[column].name);
    f->given[column] = true;
    if (ldr_json_next(json) != LDR_JSON_ARRAY)
        return larder_fail(
            err, LARDER_INVALID, "df: '%s' is an array of values", name);
    LARDER_TRY(take_values(f, json, name, column, err));
out:
    return rc;
}

/* ------------------------------------------------------------------- rows */

static bool
may_lack(const struct frame *f, size_t column)
{
    return f->shape->view && column == f->created;
}

static larder_status
check_columns(struct frame *f, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (!f->any || f->n_rows == 0) {
        larder_fail(err, LARDER_INVALID, "df: there is no row");
        larder_hint(err, "give an array of values for each column");
        return LARDER_INVALID;
    }
    for (size_t c = 0; c < f->schema->n_fields; c++) {
        larder_value null = {.type = f->schema->fields[c].type, .null = true};

        if (f->given[c])
            continue;
        if (!may_lack(f, c))
            return larder_fail(err, LARDER_INVALID,
                "df: the column '%s' is missing", f->schema->fields[c].name);
        for (size_t i = 0; i < f->n_rows; i++)
            LARDER_TRY(larder_column_append(&f->rows->columns[c], &null, err));
    }
out:
    return rc;
}

static larder_status
read_columns(struct frame *f, larder_bytes df, larder_error *err)
{
    ldr_json json;
    larder_status rc = LARDER_OK;

    ldr_json_start(&json, df);
    (void)ldr_json_next(&json);
    while (ldr_json_next(&json) == LDR_JSON_NAME)
        LARDER_TRY(take_column(f, &json, err));
    LARDER_TRY(check_columns(f, err));
    f->rows->n_rows = f->n_rows;
    if (f->rejects->n > 0)
        rc = LARDER_INVALID;
out:
    return rc;
}

larder_status
frame_read(larder_bytes df, const struct frame_shape *shape,
    struct rejects *rejects, larder_batch *out, larder_error *err)
{
    const larder_source_shape *columns = shape->columns;
    larder_batch rows = {0};
    struct frame f = {.shape = shape,
        .schema = columns->schema,
        .rejects = rejects,
        .rows = &rows,
        .given = calloc(columns->schema->n_fields + 1, sizeof *f.given)};
    larder_status rc;

    f.event = find(f.schema, columns->required[columns->n_required - 1]);
    f.created =
        f.event + 1 < f.schema->n_fields ? f.event + 1 : f.schema->n_fields;
    if (f.given == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for columns");
    LARDER_TRY(larder_batch_init(&rows, f.schema, err));
    LARDER_TRY(read_columns(&f, df, err));
    *out = rows;
    rows = (larder_batch){0};
out:
    larder_batch_release(&rows);
    free(f.given);
    return rc;
}
