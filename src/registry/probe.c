/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - do the live sources answer? (see probe.h)
 *
 * Asks the store what each table looks like and compares: nothing is read from
 * a table and nothing is written. What is wrong is a fault at the definition
 * that asks for it; only a store that fails ends the probe.
 */
#include "registry/probe.h"
#include "base/name.h"
#include "data/schema.h"
#include "definition/check.h"
#include "definition/table.h"

#include <stdlib.h>
#include <string.h>

/* From so many rows on, a join that finds no index is worth a warning. */
#define ROWS_WORTH_AN_INDEX 100000u

/* Room for the names of a few columns. */
#define NAMES_ROOM 512

#define CREATE_TABLE "create table"

typedef struct probe {
    ldr_offline *store; /* NULL: there is none yet */
    const larder_call *call;
    const ldr_snapshot *snapshot;
    ldr_faults *faults;
    ldr_changes *changes;
    larder_error *err;
} probe;

/* One source and the table found for it. */
typedef struct found {
    const ldr_source *source;
    larder_table table;
    larder_described described;
} found;

/* "table 'x'", or "the query". */
static const char *
table_in_words(const found *it, char words[NAMES_ROOM])
{
    if (it->source->query != NULL)
        return "the query";
    snprintf(words, NAMES_ROOM, "table '%s'", it->table.name);
    return words;
}

/* ---------------------------------------------------------- owned tables */

static larder_status
reshape(const probe *self, const found *it, const char *what)
{
    return ldr_changes_add(self->changes, LDR_RESHAPE, LARDER_SOURCES,
        it->source->about.name, what, self->err);
}

static larder_status
add_column(const probe *self, const found *it, const larder_field *field)
{
    char words[NAMES_ROOM];

    snprintf(words, sizeof words, "add column %s %s", field->name,
        larder_type_name(field->type));
    return reshape(self, it, words);
}

/* Stores may hold a name in another case. */
static const larder_field *
find_stored(const larder_schema *there, const char *name)
{
    for (size_t i = 0; i < there->n_fields; i++)
        if (ldr_name_equal(there->fields[i].name, name))
            return &there->fields[i];
    return NULL;
}

/* Where the schema names its column i; time columns may not be written there.
 */
static const ldr_place *
place_of_column(const ldr_source *source, size_t i)
{
    const ldr_yaml *list = ldr_yaml_find(source->about.yaml, "schema");

    if (list == NULL || i >= list->n_items)
        return &source->about.place;
    return ldr_check_key(&list->items[i], "type", &source->about.place);
}

/* Columns only grow, and keep their type. */
static larder_status
check_owned(const probe *self, const found *it)
{
    const ldr_source *source = it->source;
    larder_status rc = LARDER_OK;

    if (!it->described.exists)
        return reshape(self, it, CREATE_TABLE);
    for (size_t i = 0; i < source->schema.n_fields; i++) {
        const larder_field *field = &source->schema.fields[i];
        const larder_field *stored =
            find_stored(&it->described.schema, field->name);

        if (stored == NULL)
            LARDER_TRY(add_column(self, it, field));
        else if (stored->type != 0 && stored->type != field->type)
            ldr_fault(self->faults, place_of_column(source, i),
                "keep the type, or give the new column another name",
                "source '%s': column '%s' holds %s in history and cannot "
                "become %s",
                source->about.name, field->name, larder_type_name(stored->type),
                larder_type_name(field->type));
    }
out:
    return rc;
}

/* ----------------------------------------------------------- user tables */

/* Can a stored column be read as the type? 0: the store cannot tell. */
static bool
is_readable(larder_type stored, larder_type wanted)
{
    if (stored == 0 || stored == wanted)
        return true;
    switch (wanted) {
    case LARDER_BOOL:
    case LARDER_INT32:
        return stored == LARDER_INT64 || stored == LARDER_INT32;
    case LARDER_INT64:
        return stored == LARDER_INT32 || stored == LARDER_BOOL;
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        return stored == LARDER_FLOAT32 || stored == LARDER_FLOAT64 ||
               stored == LARDER_INT32 || stored == LARDER_INT64;
    case LARDER_TIMESTAMP: /* ISO text, or a count of the source's unit */
        return stored == LARDER_STRING || stored == LARDER_INT32 ||
               stored == LARDER_INT64;
    case LARDER_STRING:
    case LARDER_BYTES:
        return false;
    case LARDER_LIST:
    case LARDER_BOOL_LIST:
    case LARDER_INT32_LIST:
    case LARDER_INT64_LIST:
    case LARDER_FLOAT32_LIST:
    case LARDER_FLOAT64_LIST:
    case LARDER_STRING_LIST:
    case LARDER_BYTES_LIST:
    case LARDER_TIMESTAMP_LIST:
        return stored == LARDER_STRING; /* JSON text */
    }
    return false;
}

/* What would be right where a column is not there; "" where nobody knows. */
static const char *
right_column(
    const larder_schema *there, const char *wrong, char words[NAMES_ROOM])
{
    const char **names = calloc(there->n_fields + 1, sizeof *names);
    const char *nearest = NULL;
    size_t size = 0;

    words[0] = '\0';
    for (size_t i = 0; names != NULL && i < there->n_fields; i++)
        names[i] = there->fields[i].name;
    if (names != NULL)
        nearest = ldr_name_nearest(wrong, names, there->n_fields);
    free(names);
    if (nearest != NULL) {
        snprintf(words, NAMES_ROOM, "did you mean '%s'?", nearest);
        return words;
    }
    for (size_t i = 0; i < there->n_fields && size < NAMES_ROOM / 4; i++)
        size += (size_t)snprintf(words + size, NAMES_ROOM - size, "%s%.64s",
            i == 0 ? "its columns are " : ", ", there->fields[i].name);
    return words;
}

/* Who asks for a column: the words of a fault begin with it. */
typedef struct asker {
    const char *kind, *name;
    const ldr_place *place;
} asker;

static void
check_column(const probe *self, const found *it, const asker *who,
    const char *name, larder_type type)
{
    const larder_schema *there = &it->described.schema;
    size_t at = ldr_schema_find(there, name);
    char table[NAMES_ROOM], right[NAMES_ROOM];

    if (at == LDR_NO_FIELD) {
        right_column(there, name, right);
        ldr_fault(self->faults, who->place, right[0] == '\0' ? NULL : right,
            "%s '%s': %s has no column '%s'", who->kind, who->name,
            table_in_words(it, table), name);
    } else if (!is_readable(there->fields[at].type, type)) {
        snprintf(right, sizeof right,
            "declare it as %s, or read a query with a CAST",
            larder_type_name(there->fields[at].type));
        ldr_fault(self->faults, who->place, right,
            "%s '%s': column '%s' of %s is %s, which cannot be read as %s",
            who->kind, who->name, name, table_in_words(it, table),
            larder_type_name(there->fields[at].type), larder_type_name(type));
    }
}

static void
check_view(const probe *self, const found *it, const ldr_view *view)
{
    for (size_t i = 0; i < view->n_keys; i++)
        check_column(self, it,
            &(asker){"feature view", view->about.name, &view->about.place},
            view->keys[i].name, view->keys[i].type);
    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];
        bool windowed = feature->aggregate != LDR_AGGREGATE_NONE;

        if (windowed && feature->column == NULL)
            continue; /* counts events, whose time was looked at */
        check_column(self, it,
            &(asker){"feature", feature->name,
                ldr_check_key(feature->yaml, windowed ? "column" : "from",
                    &feature->place)},
            feature->from, windowed ? feature->column_type : feature->type);
    }
}

/* `statement` makes the index. */
static void
warn_index(const probe *self, const found *it, const ldr_view *view,
    const char *statement)
{
    ldr_warning(self->faults, &view->about.place, statement,
        "feature view '%s': no index of table '%s' finds its keys, so each "
        "join reads the whole table",
        view->about.name, it->table.name);
}

/* Has the table an index by the view's keys? Only the store knows. */
static larder_status
look_for_index(const probe *self, const found *it, const ldr_view *view,
    const larder_table *table)
{
    larder_described described = {0};
    char *statement = NULL;
    larder_status rc;

    LARDER_TRY(ldr_offline_describe(
        self->store, self->call, table, &described, self->err));
    if (described.seekable)
        goto out;
    LARDER_TRY(ldr_offline_propose(
        self->store, self->call, table, &statement, self->err));
    if (statement != NULL) /* else none would help */
        warn_index(self, it, view, statement);
out:
    free(statement);
    larder_described_release(&described);
    return rc;
}

static larder_status
check_index(const probe *self, const found *it, const ldr_view *view)
{
    const larder_schema keys = {view->keys, view->n_keys};
    larder_table table = it->table;
    const char **key;
    larder_status rc;

    if (table.query != NULL || it->described.n_rows <= ROWS_WORTH_AN_INDEX ||
        view->n_keys == 0)
        return LARDER_OK;
    key = calloc(view->n_keys, sizeof *key);
    if (key == NULL)
        return larder_fail(
            self->err, LARDER_NOMEM, "no memory to look for an index");
    for (size_t i = 0; i < view->n_keys; i++)
        key[i] = view->keys[i].name;
    table.key = key;
    table.n_key = view->n_keys;
    table.schema = &keys;
    rc = look_for_index(self, it, view, &table);
    free(key);
    return rc;
}

static void
check_times(const probe *self, const found *it)
{
    const ldr_about *about = &it->source->about;
    asker who = {"source", about->name,
        ldr_check_key(about->yaml, "timestamp_field", &about->place)};

    check_column(self, it, &who, it->source->timestamp_field, LARDER_TIMESTAMP);
    if (it->source->created == NULL)
        return;
    who.place =
        ldr_check_key(about->yaml, "created_timestamp_column", &about->place);
    check_column(self, it, &who, it->source->created, LARDER_TIMESTAMP);
}

static larder_status
check_users(const probe *self, const found *it)
{
    const ldr_about *about = &it->source->about;
    const ldr_definitions *all = &self->snapshot->all;
    size_t n_errors = self->faults->n_errors;
    char words[NAMES_ROOM];
    larder_status rc = LARDER_OK;

    if (!it->described.exists) {
        ldr_fault(self->faults,
            ldr_check_key(about->yaml, "table", &about->place),
            "create it, or write `schema:` and Larder makes one of its own",
            "source '%s': there is no %s in the history store", about->name,
            table_in_words(it, words));
        return LARDER_OK;
    }
    check_times(self, it);
    for (size_t i = 0; i < all->n_views; i++)
        if (all->views[i].source == it->source)
            check_view(self, it, &all->views[i]);
    for (size_t i = 0; i < all->n_views; i++)
        if (all->views[i].source == it->source &&
            self->faults->n_errors == n_errors)
            LARDER_TRY(check_index(self, it, &all->views[i]));
out:
    return rc;
}

/* ----------------------------------------------------------------- probe */

/* Ask the store. A table it refuses to look at is the definition's fault. */
static larder_status
describe(const probe *self, found *it, bool *refused)
{
    const ldr_source *source = it->source;
    const ldr_place *place = &source->about.place;
    larder_error why = {0};
    larder_status rc;

    *refused = false;
    place = ldr_check_key(
        source->about.yaml, source->query != NULL ? "query" : "table", place);
    if (self->store == NULL) {
        *refused = !source->owned;
        if (*refused)
            ldr_fault(self->faults, place,
                "create the store with its tables, or write `schema:`",
                "source '%s': there is no history store yet",
                source->about.name);
        return LARDER_OK;
    }
    rc = ldr_offline_describe(
        self->store, self->call, &it->table, &it->described, &why);
    if (rc == LARDER_INVALID || rc == LARDER_NOT_FOUND ||
        rc == LARDER_UNSUPPORTED) {
        ldr_fault(self->faults, place, why.hint[0] == '\0' ? NULL : why.hint,
            "source '%s': %s", source->about.name, why.message);
        *refused = true;
        return LARDER_OK;
    }
    if (rc != LARDER_OK && self->err != NULL)
        *self->err = why;
    if (rc != LARDER_OK)
        larder_context(self->err, "source '%s'", source->about.name);
    return rc;
}

static larder_status
probe_source(const probe *self, const ldr_source *source)
{
    found it = {.source = source};
    bool refused = false;
    larder_status rc = LARDER_OK;

    if (source->kind != LDR_SOURCE_BATCH)
        return LARDER_OK; /* no table of its own */
    ldr_source_table(source, &it.table);
    LARDER_TRY(describe(self, &it, &refused));
    if (!refused)
        rc = source->owned ? check_owned(self, &it) : check_users(self, &it);
out:
    larder_described_release(&it.described);
    return rc;
}

larder_status
ldr_probe(ldr_offline *store, const larder_call *call,
    const ldr_snapshot *snapshot, bool owned_only, ldr_faults *faults,
    ldr_changes *changes, larder_error *err)
{
    const probe self = {.store = store,
        .call = call,
        .snapshot = snapshot,
        .faults = faults,
        .changes = changes,
        .err = err};
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < snapshot->all.n_sources; i++) {
        LARDER_TRY(larder_call_check(call, err));
        if (snapshot->all.sources[i].owned || !owned_only)
            LARDER_TRY(probe_source(&self, &snapshot->all.sources[i]));
    }
out:
    return rc;
}

/* ----------------------------------------------------------------- order */

/* Will the table be made by this apply? */
static bool
is_new(const ldr_changes *changes, const char *name)
{
    for (size_t i = 0; i < changes->n_changes; i++) {
        const ldr_change *change = &changes->changes[i];

        if (change->action == LDR_RESHAPE &&
            strcmp(change->fields, CREATE_TABLE) == 0 &&
            strcmp(change->name, name) == 0)
            return true;
    }
    return false;
}

static bool
same_key(const ldr_source *a, const ldr_source *b)
{
    if (a->n_key != b->n_key)
        return false;
    for (size_t i = 0; i < a->n_key; i++)
        if (strcmp(a->key[i], b->key[i]) != 0)
            return false;
    return true;
}

/* "[a, b]" */
static const char *
key_in_words(const ldr_source *source, char words[NAMES_ROOM])
{
    size_t size = 1;

    strcpy(words, "[");
    for (size_t i = 0; i < source->n_key && size < NAMES_ROOM / 2; i++)
        size += (size_t)snprintf(words + size, NAMES_ROOM - size, "%s%.64s",
            i == 0 ? "" : ", ", source->key[i]);
    snprintf(words + size, NAMES_ROOM - size, "]");
    return words;
}

static void
check_time(const ldr_source *source, const char *key, const char *old,
    const char *now, ldr_faults *faults)
{
    if (old == now || (old != NULL && now != NULL && strcmp(old, now) == 0))
        return;
    ldr_fault(faults,
        ldr_check_key(source->about.yaml, key, &source->about.place),
        "leave it as it was, or make a source of another name",
        "source '%s': its table is there already; its '%s' is %s and cannot "
        "become %s",
        source->about.name, key, old == NULL ? "unset" : old,
        now == NULL ? "unset" : now);
}

static void
check_order(
    const ldr_source *before, const ldr_source *after, ldr_faults *faults)
{
    char old[NAMES_ROOM], now[NAMES_ROOM], hint[NAMES_ROOM + 32];

    if (!same_key(before, after)) {
        snprintf(hint, sizeof hint, "write `key: %s` in the source",
            key_in_words(before, old));
        ldr_fault(faults,
            ldr_check_key(after->about.yaml, "key", &after->about.place), hint,
            "source '%s': its table is ordered by %s and cannot be by %s",
            after->about.name, old, key_in_words(after, now));
    }
    check_time(after, "timestamp_field", before->timestamp_field,
        after->timestamp_field, faults);
    check_time(after, "created_timestamp_column", before->created,
        after->created, faults);
}

void
ldr_probe_order(const ldr_snapshot *current, const ldr_snapshot *snapshot,
    const ldr_changes *changes, ldr_faults *faults)
{
    for (size_t i = 0; i < snapshot->all.n_sources; i++) {
        const ldr_source *after = &snapshot->all.sources[i];
        const ldr_source *before =
            ldr_find_source(&current->all, after->about.name);

        if (before != NULL && before->owned && after->owned &&
            !is_new(changes, after->about.name))
            check_order(before, after, faults);
    }
}
