/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - a feature view seen as a storage table.
 *
 * A content hash is made of parts, each with its length before it, so that no
 * two lists of parts give the same bytes.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "definition/table.h"

#include "data/bytes.h"
#include "data/schema.h"
#include "data/text.h"
#include "definition/emit.h"
#include "larder_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Changes when what a row's bytes are made of is said otherwise, or the row
 * format itself changes: every view is then filled anew. */
#define HASH_VERSION "larder row 1"

void
ldr_source_table(const ldr_source *source, larder_table *out)
{
    *out = (larder_table){.name = source->table,
        .query = source->query,
        .owned = source->owned,
        .schema = &source->schema,
        .key = source->key,
        .n_key = source->n_key,
        .event = source->timestamp_field,
        .created = source->created,
        .unit = source->unit,
        .naive_offset_minutes = source->naive_offset_minutes,
        .date_is_end_of_day = source->date_is_end_of_day};
}

void
ldr_view_source(const ldr_view *view, larder_schema *keys, larder_table *out)
{
    ldr_source_table(view->source, out);
    if (view->source->owned)
        return;
    *keys = (larder_schema){view->keys, view->n_keys};
    out->schema = keys;
}

/* What a feature reads of a row of history. */
static larder_field
column_of(const ldr_feature *feature)
{
    larder_field column = {.name = feature->from, .type = feature->type};

    if (feature->aggregate != LDR_AGGREGATE_NONE)
        column.type =
            feature->column != NULL ? feature->column_type : LARDER_TIMESTAMP;
    return column;
}

larder_status
ldr_view_columns(const ldr_view *view, ldr_arena *arena, larder_field **columns,
    larder_error *err)
{
    larder_field *fields =
        ldr_arena_array(arena, view->n_features, sizeof *fields);

    if (fields == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for the columns of feature view '%s'",
            view->about.name);
    for (size_t i = 0; i < view->n_features; i++)
        fields[i] = column_of(&view->features[i]);
    *columns = fields;
    return LARDER_OK;
}

/* The first of two names that no column has yet. */
static const char *
free_name(const larder_schema *taken, const char *first, const char *second)
{
    if (first != NULL && ldr_schema_find(taken, first) == LDR_NO_FIELD)
        return first;
    return ldr_schema_find(taken, second) == LDR_NO_FIELD ? second : NULL;
}

larder_status
ldr_view_schema(const ldr_view *view, ldr_arena *arena, larder_schema *out,
    larder_error *err)
{
    size_t n = 0;
    larder_field *fields = ldr_arena_array(
        arena, view->n_keys + view->n_features + 2, sizeof *fields);
    larder_schema schema = {.fields = fields};
    const char *names[2];

    if (fields == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for the columns of feature view '%s'",
            view->about.name);
    for (size_t i = 0; i < view->n_keys; i++)
        fields[n++] = view->keys[i];
    for (size_t i = 0; i < view->n_features; i++)
        fields[n++] = (larder_field){
            view->features[i].name, column_of(&view->features[i]).type};
    schema.n_fields = n;
    names[0] =
        free_name(&schema, view->source->timestamp_field, "event_timestamp");
    names[1] = free_name(&schema, view->source->created, "created");
    if (names[0] == NULL)
        return larder_fail(err, LARDER_UNSUPPORTED,
            "feature view '%s' has features of the names '%s' and "
            "'event_timestamp': none is left for the time of a row",
            view->about.name, view->source->timestamp_field);
    fields[schema.n_fields++] = (larder_field){names[0], LARDER_TIMESTAMP};
    if (names[1] != NULL && strcmp(names[0], names[1]) != 0)
        fields[schema.n_fields++] = (larder_field){names[1], LARDER_TIMESTAMP};
    *out = schema;
    return LARDER_OK;
}

static void
add_once(larder_field *columns, size_t *n, const larder_field *column)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(columns[i].name, column->name) == 0)
            return;
    columns[(*n)++] = *column;
}

/* How many columns all features and filters name, each time counted. */
static size_t
count_named(const ldr_view *view)
{
    size_t n_columns = view->n_features, n;

    for (size_t i = 0; i < view->n_features; i++)
        if (view->features[i].filter != NULL) {
            (void)ldr_expression_columns(view->features[i].filter, &n);
            n_columns += n;
        }
    return n_columns;
}

larder_status
ldr_view_events(const ldr_view *view, ldr_arena *arena, larder_field **columns,
    size_t *n_columns, larder_error *err)
{
    larder_field *fields =
        ldr_arena_array(arena, count_named(view), sizeof *fields);
    size_t n = 0;

    if (fields == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for the events of feature view '%s'",
            view->about.name);
    for (size_t i = 0; i < view->n_features; i++) {
        larder_field column = column_of(&view->features[i]);

        if (view->features[i].aggregate != LDR_AGGREGATE_NONE &&
            view->features[i].column != NULL)
            add_once(fields, &n, &column);
    }
    for (size_t i = 0; i < view->n_features; i++) {
        const size_t *named;
        size_t n_named = 0;

        if (view->features[i].filter == NULL)
            continue;
        named = ldr_expression_columns(view->features[i].filter, &n_named);
        for (size_t k = 0; k < n_named; k++)
            add_once(fields, &n, &view->filter_columns.fields[named[k]]);
    }
    *columns = fields;
    *n_columns = n;
    return LARDER_OK;
}

/* A number as eight bytes, least first, whatever the machine. */
static void
put_number(ldr_emit *out, uint64_t number)
{
    unsigned char bytes[8];

    ldr_put_le64(bytes, number);
    ldr_emit_bytes(out, bytes, sizeof bytes);
}

/* A part; an absent one differs from an empty one. */
static void
put_text(ldr_emit *out, const char *text)
{
    put_number(out, text == NULL ? UINT64_MAX : strlen(text));
    if (text != NULL)
        ldr_emit_string(out, text);
}

/* How the source's rows are found and read. */
static void
put_source(ldr_emit *out, const ldr_source *source)
{
    put_number(out, source->owned);
    put_text(out, source->table);
    put_text(out, source->query);
    put_text(out, source->timestamp_field);
    put_text(out, source->created);
    put_number(out, (uint64_t)source->unit);
    put_number(out, (uint64_t)source->naive_offset_minutes);
    put_number(out, source->date_is_end_of_day);
    put_number(out, source->has_replace_on ? source->n_replace_on : UINT64_MAX);
    for (size_t i = 0; i < source->n_replace_on; i++)
        put_text(out, source->replace_on[i]);
}

/* An expression, in which blanks outside of quotes are one. */
static void
put_expression(ldr_emit *out, const char *text)
{
    ldr_emit words = {0};
    char quote = '\0';

    for (; text != NULL && *text != '\0'; text++) {
        bool blank = strchr(" \t\r\n", *text) != NULL && quote == '\0';

        if (blank && (words.size == 0 || words.text[words.size - 1] == ' '))
            continue;
        if (quote == '\0' && (*text == '\'' || *text == '"'))
            quote = *text;
        else if (*text == quote)
            quote = '\0';
        ldr_emit_bytes(&words, blank ? " " : text, 1);
    }
    if (words.size > 0 && words.text[words.size - 1] == ' ')
        words.size--;
    put_number(out, text == NULL ? UINT64_MAX : words.size);
    ldr_emit_bytes(out, words.text, words.size);
    out->failed = out->failed || words.failed;
    free(words.text);
}

/* Stands where a plain feature has the length of its column's name. */
#define WINDOWED (UINT64_MAX - 1)

static void
put_feature(ldr_emit *out, const ldr_feature *feature)
{
    if (feature->aggregate != LDR_AGGREGATE_NONE) {
        put_number(out, WINDOWED);
        put_text(out, ldr_aggregate_name(feature->aggregate));
        put_text(out, feature->column);
        put_number(out, (uint64_t)feature->column_type);
        put_number(out, (uint64_t)feature->window_us);
        put_number(out, (uint64_t)feature->offset_us);
        put_expression(out, feature->where);
    } else {
        put_text(out, feature->from);
    }
    put_number(out, (uint64_t)feature->type);
}

/* What a row holds beside the plain features of a windowed view. */
static larder_status
put_events(ldr_emit *out, const ldr_view *view, larder_error *err)
{
    ldr_arena arena = {0};
    larder_field *columns;
    size_t n = 0;
    larder_status rc = ldr_view_events(view, &arena, &columns, &n, err);

    put_number(out, view->max_window_events);
    for (size_t i = 0; i < n; i++) {
        put_text(out, columns[i].name);
        put_number(out, (uint64_t)columns[i].type);
    }
    ldr_arena_free(&arena);
    return rc;
}

static void
put_view(ldr_emit *out, const ldr_view *view)
{
    put_text(out, HASH_VERSION);
    put_source(out, view->source);
    put_number(out, view->n_keys);
    for (size_t i = 0; i < view->n_keys; i++) {
        put_text(out, view->keys[i].name);
        put_number(out, (uint64_t)view->keys[i].type);
    }
    put_number(out, view->n_features);
    for (size_t i = 0; i < view->n_features; i++)
        put_feature(out, &view->features[i]);
}

larder_status
ldr_view_hash(const ldr_view *view, char hex[33], larder_error *err)
{
    ldr_emit out = {0};
    char *text = NULL;
    size_t size = 0;
    larder_status rc = LARDER_OK;

    put_view(&out, view);
    if (view->window_us > 0)
        rc = put_events(&out, view, err);
    if (!ldr_emit_finish(&out, &text, &size))
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for the hash of feature view '%s'",
            view->about.name);
    if (rc == LARDER_OK)
        ldr_hash_hex((larder_bytes){text, size}, hex);
    free(text);
    return rc;
}

larder_status
ldr_on_demand_hash(const ldr_on_demand *view, char hex[33], larder_error *err)
{
    ldr_emit out = {0};
    char *text = NULL;
    size_t size = 0;

    put_text(&out, HASH_VERSION);
    put_number(&out, view->n_inputs);
    for (size_t i = 0; i < view->n_inputs; i++)
        put_text(&out, view->inputs[i].name);
    put_number(&out, view->n_features);
    for (size_t i = 0; i < view->n_features; i++) {
        put_text(&out, view->features[i].feature.name);
        put_number(&out, (uint64_t)view->features[i].feature.type);
        put_expression(&out, view->features[i].text);
    }
    if (!ldr_emit_finish(&out, &text, &size))
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for the hash of on-demand view '%s'",
            view->about.name);
    ldr_hash_hex((larder_bytes){text, size}, hex);
    free(text);
    return LARDER_OK;
}

static void
hash_text(XXH3_state_t *state, const char *text)
{
    unsigned char bytes[8];

    ldr_put_le64(bytes, strlen(text));
    XXH3_64bits_update(state, bytes, sizeof bytes);
    XXH3_64bits_update(state, text, strlen(text));
}

larder_table_id
ldr_view_table(
    const char *project, const char *view, const char *hash, uint64_t build)
{
    larder_table_id id;
    char number[24];
    XXH3_state_t state;

    snprintf(number, sizeof number, "%llu", (unsigned long long)build);
    XXH3_64bits_reset(&state);
    hash_text(&state, project);
    hash_text(&state, view);
    hash_text(&state, hash);
    hash_text(&state, number);
    ldr_put_be64(id.bytes, XXH3_64bits_digest(&state));
    return id;
}

/* -------------------------------------------------------------- scan order */

static size_t
place_of_key(const ldr_view *view, const char *name)
{
    size_t k = 0;

    while (k < view->n_keys && strcmp(view->keys[k].name, name) != 0)
        k++;
    return k;
}

larder_status
ldr_view_scan_keys(const ldr_view *view, ldr_arena *arena, const char ***names,
    size_t **from, larder_error *err)
{
    const ldr_source *source = view->source;
    bool same = source->n_key == view->n_keys;

    *names = ldr_arena_array(arena, view->n_keys + 1, sizeof **names);
    *from = ldr_arena_array(arena, view->n_keys + 1, sizeof **from);
    if (*names == NULL || *from == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a view's keys");
    for (size_t i = 0; same && i < view->n_keys; i++)
        same = place_of_key(view, source->key[i]) < view->n_keys;
    for (size_t i = 0; i < view->n_keys; i++) {
        (*names)[i] = same ? source->key[i] : view->keys[i].name;
        (*from)[i] = place_of_key(view, (*names)[i]);
    }
    return LARDER_OK;
}
