/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_window.c - windowed features: what they aggregate, over which time,
 * of which events.
 *
 * The column's type is the schema's where the source declares one. A table of
 * yours declares none, so there the view's own features say it: one that reads
 * the column as it is, or one whose aggregate has the column's type.
 */
#include "base/name.h"
#include "base/time.h"
#include "data/schema.h"
#include "definition/check.h"
#include "larder_backend.h"

#include <stdio.h>
#include <string.h>

#define HINT_ROOM 160

static const ldr_place *
place_of(const ldr_feature *feature, const char *key)
{
    return ldr_check_key(feature->yaml, key, &feature->place);
}

static bool
has(const ldr_feature *feature, const char *key)
{
    return ldr_yaml_find(feature->yaml, key) != NULL;
}

/* -------------------------------------------------------------------- keys */

/* Keys that only windowed features have. */
static void
check_plain(ldr_check *check, const ldr_feature *feature)
{
    static const char *const keys[] = {"column", "window", "offset", "where"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (has(feature, keys[i])) {
            ldr_fault(check->faults, place_of(feature, keys[i]),
                strcmp(keys[i], "column") == 0
                    ? "write 'from', or say the aggregate"
                    : "say which: count, sum, mean, min, max, stddev, first, "
                      "last or count_distinct",
                "feature '%s' has '%s' and no 'aggregate'", feature->name,
                keys[i]);
            return;
        }
}

/* Contracts are judged row by row: no row has a window's value. */
static void
check_promises(ldr_check *check, const ldr_feature *feature)
{
    static const char *const keys[] = {
        "range", "nullable", "values", "on_violation"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (has(feature, keys[i]))
            ldr_fault(check->faults, place_of(feature, keys[i]),
                "leave it out, or promise it of a feature that is the column",
                "windowed feature '%s' has '%s', which is of single rows",
                feature->name, keys[i]);
}

/* Keys that go together. False: what is aggregated is not known. */
static bool
check_keys(ldr_check *check, const ldr_feature *feature)
{
    check_promises(check, feature);
    if (has(feature, "from"))
        ldr_fault(check->faults, place_of(feature, "from"), "write 'column'",
            "feature '%s' has both 'from' and 'aggregate'", feature->name);
    if (!has(feature, "window"))
        ldr_fault(check->faults, place_of(feature, "aggregate"),
            "'window' takes a duration, such as 30d",
            "windowed feature '%s' has no 'window'", feature->name);
    if (feature->aggregate == LDR_AGGREGATE_NONE)
        return false;
    if (has(feature, "column"))
        return feature->column != NULL;
    if (feature->aggregate == LDR_AGGREGATE_COUNT)
        return true;
    if (!has(feature, "from"))
        ldr_fault(check->faults, place_of(feature, "aggregate"),
            "'column' takes a column of the source",
            "windowed feature '%s' has no 'column': what is the %s of?",
            feature->name, ldr_aggregate_name(feature->aggregate));
    return false;
}

/* ----------------------------------------------------------------- columns */

/* The type that a feature says a column of its name has; 0: it does not. */
static larder_type
type_said(const ldr_feature *feature)
{
    switch (feature->aggregate) {
    case LDR_AGGREGATE_NONE:
    case LDR_AGGREGATE_MIN:
    case LDR_AGGREGATE_MAX:
    case LDR_AGGREGATE_FIRST:
    case LDR_AGGREGATE_LAST:
        return feature->type;
    case LDR_AGGREGATE_SUM:
        if (feature->type == LARDER_INT32 || feature->type == LARDER_INT64)
            return LARDER_INT64;
        return feature->type == 0 ? 0 : LARDER_FLOAT64;
    case LDR_AGGREGATE_MEAN:
    case LDR_AGGREGATE_STDDEV:
        return LARDER_FLOAT64;
    case LDR_AGGREGATE_COUNT:
    case LDR_AGGREGATE_COUNT_DISTINCT:
        break;
    }
    return 0;
}

/* How much that is worth: a value as it is, a sum of integers, a real. */
static unsigned
worth_of(const ldr_feature *feature)
{
    if (type_said(feature) == 0)
        return 0;
    if (feature->aggregate == LDR_AGGREGATE_NONE)
        return 4;
    if (feature->aggregate == LDR_AGGREGATE_MEAN ||
        feature->aggregate == LDR_AGGREGATE_STDDEV)
        return 1;
    if (feature->aggregate == LDR_AGGREGATE_SUM)
        return type_said(feature) == LARDER_INT64 ? 2 : 1;
    return 3;
}

/* The column of a feature, as it was written; NULL: none. */
static const char *
column_of(const ldr_feature *feature)
{
    return has(feature, "aggregate") ? feature->column : feature->from;
}

/* The type of a column of a table of yours, as the view's features say it. */
static larder_type
find_said(const ldr_view *view, const char *column)
{
    unsigned best = 0;
    larder_type type = 0;

    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];

        if (column_of(feature) == NULL ||
            strcmp(column_of(feature), column) != 0 ||
            worth_of(feature) <= best)
            continue;
        best = worth_of(feature);
        type = type_said(feature);
    }
    return type;
}

/* Fill in the type of the feature's column; false: it is not known. */
static bool
resolve_column(ldr_check *check, const ldr_view *view, ldr_feature *feature)
{
    const ldr_source *source = view->source;
    const ldr_place *place = place_of(feature, "column");
    size_t at = ldr_schema_find(&source->schema, feature->column);
    char words[HINT_ROOM];

    if (source->owned && at == LDR_NO_FIELD) {
        snprintf(words, sizeof words, "source '%s'", source->about.name);
        ldr_check_unknown(check, place, "column", feature->column, words,
            ldr_check_columns(check, &source->schema), source->schema.n_fields);
        return false;
    }
    feature->column_type = source->owned ? source->schema.fields[at].type
                                         : find_said(view, feature->column);
    if (feature->column_type != 0 || source->owned || feature->type == 0)
        return feature->column_type != 0;
    snprintf(words, sizeof words,
        "add a feature that has it: {name: %.48s, type: ...}", feature->column);
    ldr_fault(check->faults, place, words,
        "feature '%s': the type of column '%s' is not known, for source '%s' "
        "has no schema",
        feature->name, feature->column, source->about.name);
    return false;
}

/* ------------------------------------------------------------------- types */

static bool
is_integer(larder_type type)
{
    return type == LARDER_INT32 || type == LARDER_INT64;
}

static bool
is_real(larder_type type)
{
    return type == LARDER_FLOAT32 || type == LARDER_FLOAT64;
}

/* Is there such an aggregate of the column? */
static bool
check_column_type(ldr_check *check, const ldr_feature *feature)
{
    larder_type type = feature->column_type;
    const char *aggregate = ldr_aggregate_name(feature->aggregate);
    bool sums = feature->aggregate == LDR_AGGREGATE_SUM ||
                feature->aggregate == LDR_AGGREGATE_MEAN ||
                feature->aggregate == LDR_AGGREGATE_STDDEV;
    char hint[HINT_ROOM] = "count, count_distinct, min, max, first and last "
                           "are of any column but lists";

    if (ldr_type_is_list(type)) {
        ldr_fault(check->faults, place_of(feature, "column"),
            "read it as it is with 'from', or keep a column of its length",
            "windowed feature '%s': column '%s' is %s, and no window holds "
            "lists",
            feature->name, feature->column, larder_type_name(type));
        return false;
    }
    if (!sums || is_integer(type) || is_real(type))
        return true;
    if (type == LARDER_BOOL)
        snprintf(hint, sizeof hint,
            "`aggregate: count` with `where: %.48s` counts those that are true",
            feature->column);
    ldr_fault(check->faults, place_of(feature, "aggregate"), hint,
        "feature '%s': column '%s' is %s, and only numbers have a %s",
        feature->name, feature->column, larder_type_name(type), aggregate);
    return false;
}

/* The types that the aggregate of a column may have, the first of them the one
 * that loses nothing. */
static size_t
list_types(const ldr_feature *feature, larder_type types[3])
{
    size_t n = 0;

    switch (feature->aggregate) {
    case LDR_AGGREGATE_COUNT:
    case LDR_AGGREGATE_COUNT_DISTINCT:
        types[n++] = LARDER_INT64;
        types[n++] = LARDER_INT32;
        break;
    case LDR_AGGREGATE_SUM:
        if (is_integer(feature->column_type)) {
            types[n++] = LARDER_INT64;
            types[n++] = LARDER_INT32;
            types[n++] = LARDER_FLOAT64;
            break;
        }
        types[n++] = LARDER_FLOAT64;
        types[n++] = LARDER_FLOAT32;
        break;
    case LDR_AGGREGATE_MEAN:
    case LDR_AGGREGATE_STDDEV:
        types[n++] = LARDER_FLOAT64;
        types[n++] = LARDER_FLOAT32;
        break;
    case LDR_AGGREGATE_NONE:
    case LDR_AGGREGATE_MIN:
    case LDR_AGGREGATE_MAX:
    case LDR_AGGREGATE_FIRST:
    case LDR_AGGREGATE_LAST:
        types[n++] = feature->column_type;
        break;
    }
    return n;
}

static void
check_type(ldr_check *check, const ldr_feature *feature)
{
    larder_type types[3] = {0};
    size_t n = list_types(feature, types), used;
    char hint[HINT_ROOM];

    for (size_t i = 0; i < n; i++)
        if (feature->type == types[i] || feature->type == 0)
            return;
    used = (size_t)snprintf(
        hint, sizeof hint, "write type: %s", larder_type_name(types[0]));
    for (size_t i = 1; i < n; i++)
        used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s",
            i + 1 < n ? "," : " or", larder_type_name(types[i]));
    if (feature->column == NULL)
        ldr_fault(check->faults, place_of(feature, "type"), hint,
            "feature '%s' is %s, which no count is", feature->name,
            larder_type_name(feature->type));
    else
        ldr_fault(check->faults, place_of(feature, "type"), hint,
            "feature '%s' is %s, which the %s of column '%s' of type %s is not",
            feature->name, larder_type_name(feature->type),
            ldr_aggregate_name(feature->aggregate), feature->column,
            larder_type_name(feature->column_type));
}

static void
check_windowed(ldr_check *check, const ldr_view *view, ldr_feature *feature)
{
    if (!check_keys(check, feature) || view->source == NULL)
        return;
    if (feature->column == NULL) {
        feature->from = view->source->timestamp_field;
        check_type(check, feature);
        return;
    }
    feature->from = feature->column;
    if (resolve_column(check, view, feature) &&
        check_column_type(check, feature))
        check_type(check, feature);
}

/* ----------------------------------------------------------------- filters */

static void
add_column(larder_field *fields, size_t *n, const char *name, larder_type type)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return;
    if (ldr_check_is_nameable(type) && type != 0)
        fields[(*n)++] = (larder_field){.name = name, .type = type};
}

/* What `where` may name. */
static void
list_columns(ldr_check *check, ldr_view *view)
{
    const larder_schema *schema = &view->source->schema;
    bool owned = view->source->owned;
    size_t room = owned ? schema->n_fields : view->n_features, n = 0;
    larder_field *fields = ldr_check_array(check, room, sizeof *fields);

    if (fields == NULL)
        return;
    for (size_t i = 0; i < room; i++) {
        const ldr_feature *feature = owned ? NULL : &view->features[i];

        if (owned)
            add_column(
                fields, &n, schema->fields[i].name, schema->fields[i].type);
        else if (column_of(feature) != NULL)
            add_column(fields, &n, column_of(feature),
                find_said(view, column_of(feature)));
    }
    view->filter_columns = (larder_schema){fields, n};
}

/* Say more of a word that is no column: a type that no expression takes, or a
 * table of yours of whose columns only some are known. */
static bool
explain(ldr_check *check, const ldr_view *view, const ldr_feature *feature,
    const ldr_check_wrong *wrong)
{
    const larder_schema *schema = &view->source->schema;
    size_t at = ldr_schema_find(schema, wrong->word);
    char hint[HINT_ROOM];

    if (wrong->word[0] == '\0' ||
        ldr_schema_find(&view->filter_columns, wrong->word) != LDR_NO_FIELD)
        return false;
    if (at != LDR_NO_FIELD) {
        ldr_fault(check->faults, &wrong->place,
            "expressions are of bool, int32, int64, float32, float64, string "
            "and timestamp",
            "'where' of feature '%s': column '%s' is %s, which no expression "
            "can name",
            feature->name, wrong->word,
            larder_type_name(schema->fields[at].type));
        return true;
    }
    if (view->source->owned || !ldr_name_legal(wrong->word) ||
        strstr(wrong->error.message, "unknown column") == NULL ||
        strstr(wrong->error.hint, "did you mean") != NULL)
        return false;
    snprintf(hint, sizeof hint,
        "add a feature that has it: {name: %.48s, type: ...}", wrong->word);
    ldr_fault(check->faults, &wrong->place, hint, "'where' of feature '%s': %s",
        feature->name, wrong->error.message);
    return true;
}

static void
check_where(ldr_check *check, const ldr_view *view, ldr_feature *feature)
{
    const ldr_yaml *where = ldr_yaml_find(feature->yaml, "where");
    ldr_check_wrong wrong;
    larder_type type;

    if (feature->where == NULL || where == NULL)
        return;
    if (!ldr_check_parse(
            check, where, &view->filter_columns, &feature->filter, &wrong)) {
        if (!check->nomem && !explain(check, view, feature, &wrong))
            ldr_fault(check->faults, &wrong.place,
                wrong.error.hint[0] != '\0' ? wrong.error.hint : NULL,
                "'where' of feature '%s': %s", feature->name,
                wrong.error.message);
        return;
    }
    type = ldr_expression_type(feature->filter);
    if (type != LARDER_BOOL)
        ldr_fault(check->faults, &where->place,
            "compare it with something: \"amount > 0\"",
            "'where' of feature '%s' is %s, neither true nor false",
            feature->name, type == 0 ? "null" : larder_type_name(type));
}

/* -------------------------------------------------------------------- views */

/* How long a key's events are kept for its windows. */
static int64_t
longest(const ldr_view *view)
{
    int64_t most = 0;

    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];
        int64_t us = feature->window_us;

        if (feature->aggregate == LDR_AGGREGATE_NONE)
            continue;
        us = us > INT64_MAX - feature->offset_us ? INT64_MAX
                                                 : us + feature->offset_us;
        most = us > most ? us : most;
    }
    return most;
}

void
ldr_check_windows(ldr_check *check, ldr_view *view)
{
    ldr_feature *features =
        ldr_check_array(check, view->n_features, sizeof *features);
    bool any = false;

    if (features == NULL)
        return;
    if (view->n_features > 0)
        memcpy(features, view->features, view->n_features * sizeof *features);
    view->features = features;
    for (size_t i = 0; i < view->n_features && !check->nomem; i++)
        if (has(&features[i], "aggregate")) {
            any = true;
            check_windowed(check, view, &features[i]);
        } else {
            check_plain(check, &features[i]);
        }
    if (!any || check->nomem)
        return;
    view->window_us = longest(view);
    if (view->source == NULL)
        return;
    list_columns(check, view);
    for (size_t i = 0; i < view->n_features && !check->nomem; i++)
        if (has(&features[i], "aggregate"))
            check_where(check, view, &features[i]);
}
