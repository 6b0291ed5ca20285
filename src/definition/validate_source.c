/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_source.c - where history is, and whether its columns fit together.
 *
 * Only sources with a schema can be judged: what a table or query of the user's
 * holds is known when apply proves it.
 */
#include "base/name.h"
#include "data/schema.h"
#include "definition/check.h"

#include <stdio.h>
#include <string.h>

/* Words for the end of a message: "source 'x'". */
struct words {
    char text[80];
};

static struct words
name_source(const ldr_source *source)
{
    struct words words;

    snprintf(words.text, sizeof words.text, "source '%s'", source->about.name);
    return words;
}

static const struct {
    const char *words; /* "push source" */
    const char *remedy;
} kinds[] = {[LDR_SOURCE_BATCH] = {"batch source",
                 "with `kind: push` it extends another source"},
    [LDR_SOURCE_PUSH] = {"push source",
        "leave it out: its rows go to the history of its batch source"},
    [LDR_SOURCE_REQUEST] = {
        "request source", "leave it out: its values come with the question"}};

/* Keys that only other kinds of source have. */
static void
check_kind(ldr_check *check, const ldr_source *source)
{
    static const char *const of_history[] = {"table", "query",
        "timestamp_field", "created_timestamp_column", "timestamp_unit",
        "timezone", "date_is", "key", "replace_on", "arrival_slack",
        "expected_interval", "max_skew"};
    const ldr_yaml *yaml = source->about.yaml;

    for (size_t i = 0; i < yaml->n_items; i++) {
        const char *key = yaml->keys[i].text;
        bool other =
            source->kind != LDR_SOURCE_PUSH && strcmp(key, "batch_source") == 0;

        if (source->kind == LDR_SOURCE_PUSH)
            other = strcmp(key, "schema") == 0;
        for (size_t k = 0; k < sizeof of_history / sizeof *of_history; k++)
            if (source->kind != LDR_SOURCE_BATCH)
                other = other || strcmp(key, of_history[k]) == 0;
        if (other)
            ldr_fault(check->faults, &yaml->keys[i].place,
                kinds[source->kind].remedy, "%s '%s' cannot have '%s'",
                kinds[source->kind].words, source->about.name, key);
    }
}

/* Rows for the history of another source. */
static void
check_push(ldr_check *check, ldr_source *source)
{
    const ldr_definitions *all = check->all;
    const ldr_about *about = &source->about;
    const ldr_place *place =
        ldr_check_key(about->yaml, "batch_source", &about->place);
    const char *name = source->batch_source_name;
    const ldr_source *batch;

    if (ldr_yaml_find(about->yaml, "batch_source") == NULL)
        ldr_fault(check->faults, &about->place,
            "'batch_source' takes the name of a source",
            "push source '%s' has no 'batch_source'", about->name);
    if (name == NULL)
        return;
    batch = ldr_find_source(all, name);
    if (batch == NULL) {
        ldr_check_unknown(check, place, "source", name,
            name_source(source).text,
            ldr_check_names(
                check, all->sources, all->n_sources, sizeof *all->sources),
            all->n_sources);
        return;
    }
    source->batch_source_name = batch->about.name;
    if (batch->kind != LDR_SOURCE_BATCH)
        ldr_fault(check->faults, place,
            "name a source whose history Larder keeps",
            "'%s', which push source '%s' extends, is a %s", batch->about.name,
            about->name, kinds[batch->kind].words);
    else if (!batch->owned)
        ldr_fault(check->faults, place,
            "give it a `schema:`, and Larder keeps its history in a table of "
            "its own",
            "source '%s', which push source '%s' extends, is a table of yours: "
            "Larder does not write there",
            batch->about.name, about->name);
    else
        source->batch_source = batch;
}

/* A table or a query of the user's. */
static void
check_foreign(ldr_check *check, const ldr_source *source)
{
    const ldr_about *about = &source->about;

    if (source->table == NULL && source->query == NULL &&
        ldr_yaml_find(about->yaml, "table") == NULL &&
        ldr_yaml_find(about->yaml, "query") == NULL)
        ldr_fault(check->faults, &about->place,
            "a table or query is read where it is; with a schema Larder makes "
            "the table",
            "source '%s' has no 'table', 'query' or 'schema'", about->name);
    if (source->table != NULL && source->query != NULL)
        ldr_fault(check->faults,
            ldr_check_key(about->yaml, "query", &about->place),
            "write one of the two", "source '%s' has both 'table' and 'query'",
            about->name);
    if (source->query != NULL && source->query[0] == '\0')
        ldr_fault(check->faults,
            ldr_check_key(about->yaml, "query", &about->place),
            "SELECT ... FROM ...", "the query of source '%s' is empty",
            about->name);
    if (source->key_written)
        ldr_fault(check->faults,
            ldr_check_key(about->yaml, "key", &about->place), "leave it out",
            "source '%s' has a 'key' and no 'schema': a table of yours keeps "
            "its own order",
            about->name);
}

static bool
check_column_names(ldr_check *check, const ldr_source *source)
{
    const larder_schema *schema = &source->schema;
    const ldr_yaml *list = ldr_yaml_find(source->about.yaml, "schema");

    if (schema->n_fields > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults, &list->place, NULL,
            "source '%s' has %zu columns; at most %u are kept",
            source->about.name, schema->n_fields, LDR_COLUMNS_MAX);
        return false;
    }
    for (size_t i = 0; i < schema->n_fields; i++) {
        const ldr_place *place = &source->about.place;

        if (i < list->n_items)
            place = ldr_check_key(&list->items[i], "name", place);
        for (size_t j = 0; j < i; j++)
            if (ldr_name_equal(schema->fields[j].name, schema->fields[i].name))
                ldr_fault(check->faults, place, NULL,
                    "column '%s' is listed twice in source '%s'",
                    schema->fields[i].name, source->about.name);
    }
    return true;
}

static void
check_empty(ldr_check *check, const ldr_source *source)
{
    const ldr_yaml *schema = ldr_yaml_find(source->about.yaml, "schema");

    if (schema->kind == LDR_YAML_SEQUENCE && schema->n_items == 0)
        ldr_fault(check->faults, &schema->place,
            "list its columns: [{name: id, type: string}]",
            "the schema of source '%s' is empty", source->about.name);
}

/* Expressions call a moment so, and a column of that name would not be heard:
 * as_of, VIEW__event_timestamp. */
static bool
is_moment(const ldr_check *check, const char *name)
{
    static const char ending[] = "__event_timestamp";
    size_t size = strlen(name), n = sizeof ending - 1;
    char view[64]; /* a longer name is no view's */

    if (ldr_name_equal(name, "as_of"))
        return true;
    if (size <= n || size - n >= sizeof view ||
        !ldr_name_equal(name + size - n, ending))
        return false;
    memcpy(view, name, size - n);
    view[size - n] = '\0';
    return ldr_find_view(check->all, view) != NULL;
}

static void
check_moment(ldr_check *check, const ldr_source *source, const char *column,
    const ldr_place *place)
{
    if (is_moment(check, column))
        ldr_fault(check->faults, place, "rename the column",
            "column '%s' of request source '%s' has the name by which "
            "expressions know a moment",
            column, source->about.name);
}

/* Values that come with the question. */
static void
check_request(ldr_check *check, const ldr_source *source)
{
    const ldr_about *about = &source->about;
    const ldr_yaml *list = ldr_yaml_find(about->yaml, "schema");

    if (list == NULL) {
        ldr_fault(check->faults, &about->place,
            "'schema' takes a list of columns",
            "request source '%s' has no 'schema'", about->name);
        return;
    }
    check_empty(check, source);
    if (!check_column_names(check, source))
        return;
    for (size_t i = 0; i < source->schema.n_fields; i++) {
        const larder_field *field = &source->schema.fields[i];
        const ldr_place *place = &about->place, *named = place;

        for (size_t k = 0; k < list->n_items; k++) {
            const ldr_yaml *name = ldr_yaml_find(&list->items[k], "name");

            if (name == NULL || name->text != field->name)
                continue;
            named = &name->place;
            place = ldr_check_key(&list->items[k], "type", named);
        }
        check_moment(check, source, field->name, named);
        if (!ldr_check_is_nameable(field->type))
            ldr_fault(check->faults, place,
                "bool, int32, int64, float32, float64, string or timestamp",
                "column '%s' of request source '%s' is %s, which no expression "
                "can name",
                field->name, about->name, larder_type_name(field->type));
    }
}

/* A time column of an owned table: listed as a timestamp, or added as one. */
static void
check_time(ldr_check *check, const ldr_source *source, const char *key,
    const char *column)
{
    const ldr_about *about = &source->about;
    const ldr_place *place = ldr_check_key(about->yaml, key, &about->place);
    size_t at;

    if (column == NULL)
        return;
    at = ldr_schema_find(&source->schema, column);
    if (!ldr_name_legal(column))
        ldr_fault(check->faults, place,
            "letters, digits and '_', at most 48, a digit not first",
            "'%s' is not a legal name of a column", column);
    else if (at == LDR_NO_FIELD)
        ldr_check_unknown(check, place, "column", column,
            name_source(source).text, ldr_check_columns(check, &source->schema),
            source->schema.n_fields);
    else if (source->schema.fields[at].type != LARDER_TIMESTAMP &&
             source->schema.fields[at].type != 0)
        ldr_fault(check->faults, place, "type: timestamp",
            "'%s' is column '%s' of type %s", key, column,
            larder_type_name(source->schema.fields[at].type));
}

/* Columns that are listed in `key` or `replace_on`: there, and once. */
static void
check_listed(ldr_check *check, const ldr_source *source, const char *key,
    const char *const *columns, size_t n_columns)
{
    const ldr_about *about = &source->about;

    if (n_columns > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults, ldr_check_key(about->yaml, key, &about->place),
            NULL, "'%s' lists %zu columns; at most %u are read", key, n_columns,
            LDR_COLUMNS_MAX);
        return;
    }
    for (size_t i = 0; i < n_columns; i++) {
        const ldr_place *place =
            ldr_check_item(about->yaml, key, columns[i], &about->place);

        for (size_t j = 0; j < i; j++)
            if (strcmp(columns[j], columns[i]) == 0) {
                ldr_fault(check->faults, place, NULL,
                    "column '%s' is listed twice in '%s'", columns[i], key);
                return;
            }
        if (source->owned &&
            ldr_schema_find(&source->schema, columns[i]) == LDR_NO_FIELD)
            ldr_check_unknown(check, place, "column", columns[i],
                name_source(source).text,
                ldr_check_columns(check, &source->schema),
                source->schema.n_fields);
    }
}

static bool
is_time_column(const ldr_source *source, const char *column)
{
    return (source->timestamp_field != NULL &&
               strcmp(column, source->timestamp_field) == 0) ||
           (source->created != NULL && strcmp(column, source->created) == 0);
}

/* The key that was written: no times, and types that can be keys. */
static void
check_written_key(ldr_check *check, const ldr_source *source)
{
    const ldr_about *about = &source->about;

    for (size_t i = 0; i < source->n_key; i++) {
        const char *column = source->key[i];
        const ldr_place *place =
            ldr_check_item(about->yaml, "key", column, &about->place);
        size_t at = ldr_schema_find(&source->schema, column);

        if (is_time_column(source, column))
            ldr_fault(check->faults, place,
                "leave it out: rows of a key are kept in order of time anyway",
                "the key of source '%s' names the time column '%s'",
                about->name, column);
        else if (at != LDR_NO_FIELD && source->schema.fields[at].type != 0 &&
                 !ldr_type_is_key(source->schema.fields[at].type))
            ldr_fault(check->faults, place,
                "bool, int32, int64, string, bytes or timestamp",
                "column '%s' of type %s can be no part of a key", column,
                larder_type_name(source->schema.fields[at].type));
    }
}

/* A table of ours. */
static void
check_owned(ldr_check *check, ldr_source *source)
{
    const ldr_about *about = &source->about;

    if (source->query != NULL)
        ldr_fault(check->faults,
            ldr_check_key(about->yaml, "query", &about->place),
            "leave out one of the two",
            "source '%s' has a schema, so its table is Larder's own: it can "
            "have no query",
            about->name);
    if (source->table != NULL && !ldr_name_equal(source->table, about->name))
        ldr_fault(check->faults,
            ldr_check_key(about->yaml, "table", &about->place),
            "leave 'table' out, or 'schema' if the table is yours",
            "source '%s' has a schema, so its table is Larder's own: it is not "
            "'%s'",
            about->name, source->table);
    source->table = about->name;
    if (source->unit != LARDER_UNIT_US)
        ldr_fault(check->faults,
            ldr_check_key(about->yaml, "timestamp_unit", &about->place),
            "leave it out",
            "source '%s' has a schema: its times are timestamps", about->name);
    check_empty(check, source);
    if (!check_column_names(check, source))
        return;
    check_time(check, source, "timestamp_field", source->timestamp_field);
    check_time(check, source, "created_timestamp_column", source->created);
    check_listed(check, source, "key", source->key, source->n_key);
    check_written_key(check, source);
}

void
ldr_check_sources(ldr_check *check)
{
    for (size_t i = 0; i < check->all->n_sources; i++) {
        ldr_source *source = &check->sources[i];
        const ldr_about *about = &source->about;

        check_kind(check, source);
        if (source->kind == LDR_SOURCE_PUSH)
            check_push(check, source);
        if (source->kind == LDR_SOURCE_REQUEST)
            check_request(check, source);
        if (source->kind != LDR_SOURCE_BATCH)
            continue;
        if (source->owned)
            check_owned(check, source);
        else
            check_foreign(check, source);
        check_listed(check, source, "replace_on", source->replace_on,
            source->n_replace_on);
        if (source->timestamp_field != NULL && source->created != NULL &&
            strcmp(source->timestamp_field, source->created) == 0)
            ldr_fault(check->faults,
                ldr_check_key(
                    about->yaml, "created_timestamp_column", &about->place),
                "leave it out where there is no such column",
                "the event time and the created time of source '%s' are one "
                "column",
                about->name);
    }
}

/* Mark the columns of its source that are join keys of a view. */
static void
mark_join_keys(const ldr_check *check, const ldr_view *view, bool **marks)
{
    const ldr_source *source = view->source;
    bool *mark;

    if (source == NULL)
        return;
    mark = marks[source - check->sources];
    if (mark == NULL)
        return;
    mark[source->schema.n_fields] = true; /* a view reads it */
    for (size_t i = 0; i < view->n_keys; i++) {
        size_t at = ldr_schema_find(&source->schema, view->keys[i].name);

        if (at != LDR_NO_FIELD)
            mark[at] = true;
    }
}

/* The key of a source: its marked columns, in schema order. */
static void
set_key(ldr_check *check, ldr_source *source, const bool *marks)
{
    const larder_schema *schema = &source->schema;
    const char **key = ldr_check_array(check, schema->n_fields, sizeof *key);

    if (key == NULL)
        return;
    source->key = key;
    for (size_t i = 0; i < schema->n_fields; i++)
        if (marks[i])
            key[source->n_key++] = schema->fields[i].name;
    if (!marks[schema->n_fields] && !check->all->incomplete)
        ldr_fault(check->faults, &source->about.place,
            "write 'key: [..]', the columns that say whose row it is",
            "source '%s' is read by no feature view, so its key is unknown",
            source->about.name);
}

void
ldr_check_source_keys(ldr_check *check)
{
    size_t n_sources = check->all->n_sources;
    bool **marks = ldr_check_array(check, n_sources, sizeof *marks);

    for (size_t i = 0; i < n_sources && !check->nomem; i++) {
        const ldr_source *source = &check->sources[i];

        if (source->owned && !source->key_written)
            marks[i] = ldr_check_array(
                check, source->schema.n_fields + 1, sizeof(bool));
    }
    for (size_t i = 0; i < check->all->n_views && !check->nomem; i++)
        mark_join_keys(check, &check->views[i], marks);
    for (size_t i = 0; i < n_sources && !check->nomem; i++)
        if (marks[i] != NULL)
            set_key(check, &check->sources[i], marks[i]);
}
