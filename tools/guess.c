/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guess.c - which types the columns of a file have, by all their values.
 */
#include "guess.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

/* What a column may yet be. */
enum {
    MAY_BOOL = 1,
    MAY_INTEGER = 2,
    MAY_REAL = 4,
    MAY_TIME = 8,
    MAY_LIST = 16,
    MAY_ALL = 31
};

struct column {
    unsigned may;
    bool any;          /* there is a value */
    unsigned may_item; /* of a list */
};

struct guess {
    larder_format format;
    int32_t naive_offset_minutes;
    struct column *columns;
};

static bool
is_text(larder_bytes text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static bool
begins_with_zero(larder_bytes text)
{
    const char *at = text.data, *end = at + text.size;

    if (at < end && (*at == '-' || *at == '+'))
        at++;
    return end - at > 1 && at[0] == '0' && at[1] >= '0' && at[1] <= '9';
}

/* Of those that it may be, which this text can be. */
static unsigned
plain(const struct guess *g, larder_bytes text, unsigned may)
{
    unsigned can = 0;
    int64_t integer;
    double real;
    larder_time time;

    if ((may & MAY_BOOL) != 0 &&
        (is_text(text, "true") || is_text(text, "false")))
        can |= MAY_BOOL;
    if ((may & MAY_INTEGER) != 0 && !begins_with_zero(text) &&
        ldr_int64_parse(text.data, text.size, &integer) == LDR_NUMBER_OK)
        return MAY_INTEGER | MAY_REAL;
    if ((may & MAY_REAL) != 0 && !begins_with_zero(text) &&
        ldr_double_parse(text.data, text.size, &real) == LDR_NUMBER_OK)
        can |= MAY_REAL;
    if ((may & MAY_TIME) != 0 &&
        larder_time_parse(text, g->naive_offset_minutes, &time, NULL) ==
            LARDER_OK)
        can |= MAY_TIME;
    return can;
}

/* What the first item of a JSON array says of the others. */
static unsigned
item(larder_bytes token, unsigned may)
{
    const char *text = token.data;
    size_t at = 1;

    while (at < token.size && strchr(" \t\r\n", text[at]) != NULL)
        at++;
    if (at == token.size || text[at] == ']' || text[at] == 'n')
        return may;
    if (text[at] == 't' || text[at] == 'f')
        return may & MAY_BOOL;
    return text[at] == '"' ? 0 : may & MAY_REAL;
}

/* A JSON value as written. */
static unsigned
token(const struct guess *g, struct column *c, larder_bytes text)
{
    const char *first = text.data;

    if (first[0] == '[') {
        c->may_item = item(text, c->may_item);
        return MAY_LIST;
    }
    if (first[0] == '"') {
        larder_bytes inside = {first + 1, text.size - 2};

        return plain(g, inside, c->may & MAY_TIME);
    }
    return plain(g, text, c->may & ~(unsigned)MAY_TIME);
}

static void
look(struct guess *g, const larder_batch *batch)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        struct column *c = &g->columns[i];

        for (size_t row = 0; row < batch->n_rows && c->may != 0; row++) {
            larder_value value = larder_column_value(&batch->columns[i], row);

            if (value.null)
                continue;
            c->any = true;
            if (g->format == LARDER_JSONL && value.as.text.size > 0)
                c->may &= token(g, c, value.as.text);
            else
                c->may &= plain(g, value.as.text, c->may & ~(unsigned)MAY_LIST);
        }
    }
}

static larder_type
type_of(unsigned may)
{
    if ((may & MAY_BOOL) != 0)
        return LARDER_BOOL;
    if ((may & MAY_INTEGER) != 0)
        return LARDER_INT64;
    if ((may & MAY_REAL) != 0)
        return LARDER_FLOAT64;
    return (may & MAY_TIME) != 0 ? LARDER_TIMESTAMP : LARDER_STRING;
}

static larder_type
chosen(const struct column *c)
{
    if (!c->any)
        return LARDER_STRING;
    if (c->may == MAY_LIST)
        return (larder_type)(LARDER_LIST |
                             (unsigned)type_of(
                                 c->may_item & ~(unsigned)MAY_INTEGER));
    return type_of(c->may);
}

static larder_status
start(struct run *run, const larder_schema *names, struct guess *g,
    larder_field **fields, larder_error *err)
{
    size_t n = names->n_fields;

    *fields = ldr_arena_array(&run->arena, n + 1, sizeof **fields);
    g->columns = ldr_arena_array(&run->arena, n + 1, sizeof *g->columns);
    if (*fields == NULL || g->columns == NULL)
        goto no_memory;
    for (size_t i = 0; i < n; i++) {
        g->columns[i] = (struct column){.may = MAY_ALL, .may_item = MAY_ALL};
        (*fields)[i].name = ldr_arena_copy(&run->arena, names->fields[i].name);
        if ((*fields)[i].name == NULL)
            goto no_memory;
    }
    return LARDER_OK;
no_memory:
    return larder_fail(err, LARDER_NOMEM, "no memory for columns");
}

larder_status
guess_schema(struct run *run, const struct input *input,
    int32_t naive_offset_minutes, larder_schema *out, larder_error *err)
{
    larder_text_options options = {.name = input->name,
        .format = input->format,
        .naive_offset_minutes = naive_offset_minutes};
    struct guess g = {
        .format = input->format, .naive_offset_minutes = naive_offset_minutes};
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_field *fields = NULL;
    size_t n;
    larder_status rc;

    if (fseek(input->file, 0, SEEK_SET) != 0)
        return larder_fail(err, LARDER_INVALID,
            "%s cannot be read twice, first for its types: %s", input->name,
            strerror(errno));
    LARDER_TRY(larder_text_read(input->file, &options, &run->call, &rows, err));
    LARDER_TRY(start(run, rows.schema, &g, &fields, err));
    n = rows.schema->n_fields;
    for (;;) {
        LARDER_TRY(larder_stream_next(&rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        look(&g, &batch);
        larder_batch_release(&batch);
    }
    for (size_t i = 0; i < n; i++)
        fields[i].type = chosen(&g.columns[i]);
    *out = (larder_schema){fields, n};
    if (fseek(input->file, 0, SEEK_SET) != 0)
        rc = larder_fail(err, LARDER_IO, "%s cannot be read again: %s",
            input->name, strerror(errno));
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    return rc;
}
