/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_typed.c - what a case names and gives, held against the definitions:
 * rows of their sources' types, keys and requests of what the features read,
 * expected values of the features' types.
 */
#include <string.h>

#include "base/name.h"
#include "base/number.h"
#include "cases.h"
#include "cases_value.h"

/* A case on its way. */
struct typing {
    struct cases *cases;
    struct test_case *one;
    larder_store *store;
    const larder_call *call;
    larder_error *err;
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a case");
}

/* What the library says of a name is a fault at it; other failures stay. */
static larder_status
as_fault(struct typing *t, const struct node *at, larder_status rc,
    const larder_error *why)
{
    return cases_as_fault(&t->cases->faults, at, rc, why, t->err);
}

static size_t
find_field(const larder_schema *schema, const char *name)
{
    size_t i = 0;

    while (i < schema->n_fields && strcmp(schema->fields[i].name, name) != 0)
        i++;
    return i;
}

/* ---------------------------------------------------------------------- rows
 */

static void
require(struct typing *t, const struct node *row, const char *source,
    const larder_source_shape *shape)
{
    for (size_t i = 0; i < shape->n_required; i++) {
        const struct node *value = node_find(row, shape->required[i]);

        if (value == NULL || node_is_null(value))
            yaml_fault(&t->cases->faults, value == NULL ? row : value, NULL,
                "a row of source '%s' has no '%s'", source, shape->required[i]);
    }
}

/* What contracts refuse, ingest would. */
static larder_status
judge(struct typing *t, const struct node *row, const larder_batch *rows,
    const larder_source_shape *shape)
{
    const struct node *at;
    const char *column = NULL;
    larder_error why = {0};
    larder_status rc;

    if (shape->check == NULL)
        return LARDER_OK;
    rc = shape->check->judge(shape->check, rows, rows->n_rows, &column, &why);
    if (rc == LARDER_OK)
        return LARDER_OK;
    at = column == NULL ? NULL : node_find(row, column);
    if (column != NULL)
        larder_context(&why, "column '%s'", column);
    return as_fault(t, at == NULL ? row : at, rc, &why);
}

static larder_status
add_row(struct typing *t, const struct node *row, const char *source,
    const larder_source_shape *shape, larder_batch *rows)
{
    size_t n_errors = t->cases->faults.n_errors;
    char what[160], words[160];
    larder_status rc = LARDER_OK;

    if (row->kind != NODE_MAPPING) {
        yaml_fault(&t->cases->faults, row, NULL,
            "a row is a mapping of columns and values, not %s",
            node_kind_name(row));
        return LARDER_OK;
    }
    snprintf(words, sizeof words, "column of source '%s'", source);
    for (size_t i = 0; i < row->n_items; i++)
        if (find_field(shape->schema, row->keys[i].text) ==
            shape->schema->n_fields)
            cases_unknown(
                &t->cases->faults, &row->keys[i], words, shape->schema);
    require(t, row, source, shape);
    for (size_t i = 0; i < shape->schema->n_fields; i++) {
        const char *name = shape->schema->fields[i].name;

        snprintf(what, sizeof what, "column '%s'", name);
        LARDER_TRY(cases_value(&t->cases->faults, node_find(row, name),
            &rows->columns[i], shape->naive_offset_minutes, what, t->err));
    }
    if (t->cases->faults.n_errors == n_errors)
        LARDER_TRY(judge(t, row, rows, shape));
    rows->n_rows++;
out:
    return rc;
}

/* A source that rows can be ingested into. */
static larder_status
find_source(struct typing *t, const struct node *key,
    larder_source_shape *shape, bool *found)
{
    larder_ingested ingested = {0};
    larder_stream none = {0};
    larder_batch batch = {0};
    larder_error why = {0};
    larder_status rc;

    LARDER_TRY(
        larder_source_columns(t->store, t->call, key->text, shape, &why));
    LARDER_TRY(larder_batch_init(&batch, shape->schema, &why));
    LARDER_TRY(larder_stream_of(&batch, &none, &why));
    LARDER_TRY(
        larder_ingest(t->store, t->call, key->text, &none, &ingested, &why));
out:
    larder_ingested_release(&ingested);
    larder_stream_close(&none);
    larder_batch_release(&batch);
    *found = rc == LARDER_OK;
    return rc == LARDER_OK ? rc : as_fault(t, key, rc, &why);
}

static larder_status
type_source(struct typing *t, const struct node *key, const struct node *list)
{
    struct test_case *one = t->one;
    struct given_rows *given;
    larder_source_shape shape = {0};
    bool found = false;
    larder_status rc;

    LARDER_TRY(find_source(t, key, &shape, &found));
    if (!found || node_is_null(list))
        goto out;
    if (list->kind != NODE_LIST) {
        yaml_fault(&t->cases->faults, list, NULL,
            "source '%s' takes a list of rows, not %s", key->text,
            node_kind_name(list));
        goto out;
    }
    given = &one->rows[one->n_rows++];
    given->source = key->text;
    LARDER_TRY(larder_batch_init(&given->rows, shape.schema, t->err));
    for (size_t i = 0; i < list->n_items; i++)
        LARDER_TRY(
            add_row(t, &list->items[i], key->text, &shape, &given->rows));
out:
    return rc;
}

static larder_status
type_given(struct typing *t)
{
    const struct node *given = t->one->given;
    larder_status rc = LARDER_OK;

    if (given == NULL)
        return LARDER_OK;
    t->one->rows = ldr_arena_array(
        t->cases->arena, given->n_items + 1, sizeof *t->one->rows);
    if (t->one->rows == NULL)
        return no_memory(t->err);
    for (size_t i = 0; i < given->n_items; i++)
        LARDER_TRY(type_source(t, &given->keys[i], &given->items[i]));
out:
    return rc;
}

/* ----------------------------------------------------------- what is expected
 */

/* The shape of one feature; a ref that is none is a fault at it. */
static larder_status
find_feature(struct typing *t, const struct node *key,
    larder_features_shape *shape, bool *found)
{
    const char *ref = key->text;
    larder_features one = {.refs = &ref, .n_refs = 1, .full_names = true};
    larder_error why = {0};
    larder_status rc;

    *found = false;
    if (strchr(ref, ':') == NULL) {
        yaml_fault(&t->cases->faults, key, "write view:feature",
            "'%s' names no feature", ref);
        return LARDER_OK;
    }
    rc = larder_features_columns(t->store, t->call, &one, shape, &why);
    if (rc != LARDER_OK)
        return as_fault(t, key, rc, &why);
    *found = true;
    return LARDER_OK;
}

/* Where the rows of the feature are: those that cases cannot give are told, and
 * whether it can be read online. */
static void
look_at_views(struct typing *t, const struct node *key,
    const larder_features_shape *shape, struct expected *e)
{
    e->online = true;
    for (size_t i = 0; i < shape->n_views; i++) {
        const larder_read_view *view = &shape->views[i];

        if (!view->owned)
            yaml_fault(&t->cases->faults, key,
                "give the source a 'schema:' and Larder owns its table",
                "feature view '%s' reads source '%s', a table of yours: a case "
                "can give it no rows",
                view->view, view->source);
        if (!view->online && t->one->online_alone)
            yaml_fault(&t->cases->faults, key, NULL,
                "feature view '%s' says 'online: false': only join reads it",
                view->view);
        e->online = e->online && view->online;
    }
}

static larder_status
read_tolerance(struct typing *t, const struct node *node, struct expected *e)
{
    double tolerance = -1;

    if (node_is_null(node))
        return LARDER_OK;
    if (!cases_is_number(e->type)) {
        yaml_fault(&t->cases->faults, node, NULL,
            "'%s' is a %s: only numbers have a tolerance", e->ref,
            larder_type_name(e->type));
        return LARDER_OK;
    }
    if (node->kind != NODE_SCALAR || node->quoted ||
        ldr_double_parse(node->text, strlen(node->text), &tolerance) !=
            LDR_NUMBER_OK ||
        !(tolerance >= 0)) {
        yaml_fault(&t->cases->faults, node, NULL,
            "'tolerance' takes a number from 0, not %s",
            node->kind == NODE_SCALAR ? node->text : node_kind_name(node));
        return LARDER_OK;
    }
    e->has_tolerance = true;
    e->tolerance = tolerance;
    return LARDER_OK;
}

static larder_schema *
schema_of(ldr_arena *arena, const struct expected *e)
{
    larder_schema *schema = ldr_arena_alloc(arena, sizeof *schema);
    larder_field *field = ldr_arena_alloc(arena, sizeof *field);

    if (schema == NULL || field == NULL)
        return NULL;
    *field = (larder_field){e->ref, e->type};
    *schema = (larder_schema){field, 1};
    return schema;
}

/* `5`, or `{value: 5, tolerance: 1e-9}`. */
static larder_status
type_value(struct typing *t, const struct node *node, struct expected *e)
{
    static const larder_field fields[] = {
        {"value", LARDER_STRING}, {"tolerance", LARDER_FLOAT64}};
    static const larder_schema keys = {fields, 2};
    const struct node *value = node, *tolerance = NULL;
    larder_schema *schema;
    char what[160];
    larder_status rc = LARDER_OK;

    if (node->kind == NODE_MAPPING) {
        for (size_t i = 0; i < node->n_items; i++)
            if (find_field(&keys, node->keys[i].text) == keys.n_fields)
                cases_unknown(&t->cases->faults, &node->keys[i],
                    "key of an expected value", &keys);
        value = node_find(node, "value");
        tolerance = node_find(node, "tolerance");
        if (value == NULL) {
            yaml_fault(&t->cases->faults, node,
                "write {value: ..., tolerance: ...}",
                "what '%s' is expected to be has no 'value'", e->ref);
            return LARDER_OK;
        }
    }
    snprintf(what, sizeof what, "'%s'", e->ref);
    schema = schema_of(t->cases->arena, e);
    if (schema == NULL)
        return no_memory(t->err);
    LARDER_TRY(larder_batch_init(&e->value, schema, t->err));
    LARDER_TRY(cases_value(&t->cases->faults, value, &e->value.columns[0],
        LARDER_NAIVE_REFUSED, what, t->err));
    e->value.n_rows = 1;
    if (tolerance != NULL)
        LARDER_TRY(read_tolerance(t, tolerance, e));
out:
    return rc;
}

static void
type_status(struct typing *t, const struct node *node, struct expected *e)
{
    static const char *const names[] = {
        "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"};
    const char *near;
    char hint[160] = "PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE";

    if (!t->one->online || !e->online) {
        yaml_fault(&t->cases->faults, node, NULL,
            "a status is one of the online path, where '%s' is not read",
            e->ref);
        return;
    }
    for (size_t i = 0; node->kind == NODE_SCALAR && i < 4; i++)
        if (strcmp(node->text, names[i]) == 0) {
            e->has_status = true;
            e->status = (larder_presence)i;
            return;
        }
    near = node->kind == NODE_SCALAR ? ldr_name_nearest(node->text, names, 4)
                                     : NULL;
    if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    yaml_fault(&t->cases->faults, node, hint, "'%s' is no status of a value",
        node->kind == NODE_SCALAR ? node->text : node_kind_name(node));
}

/* One feature of `expect` or `status`, behind the others. */
static larder_status
add_expected(struct typing *t, const struct node *key, struct expected **out)
{
    struct test_case *one = t->one;
    struct expected *e = &one->expected[one->n_expected];
    larder_features_shape shape = {0};
    bool found = false;
    larder_status rc;

    *out = NULL;
    LARDER_TRY(find_feature(t, key, &shape, &found));
    if (!found)
        goto out;
    *e = (struct expected){
        .ref = key->text, .type = shape.features->fields[0].type};
    look_at_views(t, key, &shape, e);
    one->n_expected++;
    *out = e;
out:
    return rc;
}

static struct expected *
find_expected(const struct test_case *one, const char *ref)
{
    for (size_t i = 0; i < one->n_expected; i++)
        if (strcmp(one->expected[i].ref, ref) == 0)
            return &one->expected[i];
    return NULL;
}

static larder_status
type_expected(struct typing *t)
{
    struct test_case *one = t->one;
    const struct node *expect = one->expect, *status = one->status;
    size_t n = expect->n_items + (status == NULL ? 0 : status->n_items);
    struct expected *e;
    larder_status rc = LARDER_OK;

    one->expected =
        ldr_arena_array(t->cases->arena, n + 1, sizeof *one->expected);
    if (one->expected == NULL)
        return no_memory(t->err);
    for (size_t i = 0; i < expect->n_items; i++) {
        if (find_expected(one, expect->keys[i].text) != NULL)
            continue; /* written twice: told */
        LARDER_TRY(add_expected(t, &expect->keys[i], &e));
        if (e != NULL)
            LARDER_TRY(type_value(t, &expect->items[i], e));
    }
    for (size_t i = 0; status != NULL && i < status->n_items; i++) {
        e = find_expected(one, status->keys[i].text);
        if (e == NULL)
            LARDER_TRY(add_expected(t, &status->keys[i], &e));
        if (e != NULL)
            type_status(t, &status->items[i], e);
    }
out:
    return rc;
}

/* Features that are read online come first. */
static larder_status
list_refs(struct typing *t)
{
    struct test_case *one = t->one;
    size_t n = 0;

    one->refs = ldr_arena_array(
        t->cases->arena, one->n_expected + 1, sizeof *one->refs);
    if (one->refs == NULL)
        return no_memory(t->err);
    for (size_t i = 0; i < one->n_expected; i++) {
        struct expected e = one->expected[i];

        if (!e.online)
            continue;
        memmove(&one->expected[n + 1], &one->expected[n],
            (i - n) * sizeof *one->expected);
        one->expected[n++] = e;
    }
    one->n_online = n;
    for (size_t i = 0; i < one->n_expected; i++)
        one->refs[i] = one->expected[i].ref;
    return LARDER_OK;
}

/* ------------------------------------------------------------------ questions
 */

/* Each of the schema's columns, from a mapping that may be missing. */
static larder_status
type_part(struct typing *t, const struct node *mapping, const char *name,
    const larder_schema *schema, size_t first)
{
    bool keys = strcmp(name, "keys") == 0;
    const char *what =
        keys ? "key of these features" : "request column of these features";
    larder_status rc = LARDER_OK;

    for (size_t i = 0; mapping != NULL && i < mapping->n_items; i++)
        if (find_field(schema, mapping->keys[i].text) == schema->n_fields)
            cases_unknown(&t->cases->faults, &mapping->keys[i], what, schema);
    for (size_t i = 0; i < schema->n_fields; i++) {
        const larder_field *field = &schema->fields[i];
        const struct node *value =
            mapping == NULL ? NULL : node_find(mapping, field->name);
        char words[160];

        if (value == NULL || (keys && node_is_null(value)))
            yaml_fault(&t->cases->faults,
                value != NULL     ? value
                : mapping != NULL ? mapping
                                  : t->one->node,
                keys ? NULL : "write null where it has no value",
                "'%s' has no '%s' (%s)", name, field->name,
                larder_type_name(field->type));
        snprintf(words, sizeof words, "'%s'", field->name);
        LARDER_TRY(cases_value(&t->cases->faults, value,
            &t->one->question.columns[first + i], LARDER_NAIVE_REFUSED, words,
            t->err));
    }
out:
    return rc;
}

static larder_status
list_views(struct typing *t, const larder_features_shape *shape)
{
    struct test_case *one = t->one;

    one->views = ldr_arena_array(
        t->cases->arena, shape->n_views + 1, sizeof *one->views);
    if (one->views == NULL)
        return no_memory(t->err);
    for (size_t i = 0; i < shape->n_views; i++)
        if (shape->views[i].online)
            one->views[one->n_views++] = shape->views[i].view;
    return LARDER_OK;
}

static larder_status
type_question(struct typing *t)
{
    struct test_case *one = t->one;
    larder_features all = {
        .refs = one->refs, .n_refs = one->n_expected, .full_names = true};
    larder_features_shape shape = {0};
    larder_error why = {0};
    larder_field *fields;
    size_t n;
    larder_status rc =
        larder_features_columns(t->store, t->call, &all, &shape, &why);

    if (rc != LARDER_OK)
        return as_fault(t, one->expect, rc, &why);
    n = shape.keys->n_fields;
    fields = ldr_arena_array(
        t->cases->arena, n + shape.requests->n_fields + 1, sizeof *fields);
    if (fields == NULL)
        return no_memory(t->err);
    for (size_t i = 0; i < n + shape.requests->n_fields; i++)
        fields[i] =
            i < n ? shape.keys->fields[i] : shape.requests->fields[i - n];
    one->question_schema =
        (larder_schema){fields, n + shape.requests->n_fields};
    LARDER_TRY(
        larder_batch_init(&one->question, &one->question_schema, t->err));
    LARDER_TRY(type_part(t, one->keys, "keys", shape.keys, 0));
    LARDER_TRY(type_part(t, one->request, "request", shape.requests, n));
    one->question.n_rows = 1;
    LARDER_TRY(list_views(t, &shape));
out:
    return rc;
}

/* ------------------------------------------------------------------ the whole
 */

larder_status
cases_type(struct cases *cases, struct test_case *one, larder_store *store,
    const larder_call *call, larder_error *err)
{
    struct typing t = {
        .cases = cases, .one = one, .store = store, .call = call, .err = err};
    larder_status rc;

    LARDER_TRY(type_given(&t));
    if (one->expect == NULL)
        goto out;
    LARDER_TRY(type_expected(&t));
    LARDER_TRY(list_refs(&t));
    if (one->n_expected > 0)
        LARDER_TRY(type_question(&t));
out:
    return rc;
}

void
cases_release(struct cases *cases)
{
    for (size_t i = 0; i < cases->n; i++) {
        struct test_case *one = &cases->all[i];

        for (size_t s = 0; s < one->n_rows; s++)
            larder_batch_release(&one->rows[s].rows);
        for (size_t e = 0; e < one->n_expected; e++)
            larder_batch_release(&one->expected[e].value);
        larder_batch_release(&one->question);
    }
    cases->n = 0;
}
