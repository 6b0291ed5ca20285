/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - a type for each node of a tree, or why it can have none.
 *
 * Children first. Columns are found, functions chosen (check_call.c), an
 * int64 beside a float64 made one; what is always null becomes the literal
 * null. A fault is told where it is, with what would be right.
 */
#include "expression/check.h"

#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "base/time.h"
#include "data/schema.h"
#include "expression/suggest.h"
#include "larder_backend.h"

static larder_status check(ldr_reading *reading, ldr_node **at);

/* ----------------------------------------------------------------- columns */

/* What a column's values are computed as; 0: they cannot be. */
static larder_type
computed_type(larder_type type)
{
    switch ((unsigned)type) {
    case LARDER_INT32:
        return LARDER_INT64;
    case LARDER_FLOAT32:
        return LARDER_FLOAT64;
    case LARDER_BOOL:
    case LARDER_INT64:
    case LARDER_FLOAT64:
    case LARDER_STRING:
    case LARDER_TIMESTAMP:
        return type;
    }
    return 0;
}

/* Columns equal to the name but for case: how many, and the first. */
static size_t
count_alike(const ldr_reading *reading, const char *name, size_t *first)
{
    size_t n = 0;

    for (size_t c = reading->columns->n_fields; c-- > 0;)
        if (ldr_name_equal(reading->columns->fields[c].name, name)) {
            *first = c;
            n++;
        }
    return n;
}

static larder_status
check_column(ldr_reading *reading, ldr_node *node)
{
    const char *name = node->value.text.data;
    size_t n_alike = 1, found = ldr_schema_find(reading->columns, name);
    const larder_field *field;
    larder_status rc;

    if (found == LDR_NO_FIELD)
        n_alike = count_alike(reading, name, &found);
    if (n_alike == 0)
        return ldr_suggest_column(reading, node);
    if (n_alike > 1) {
        rc = ldr_reading_fail(reading, LARDER_INVALID, node->begin, node->end,
            "'%s' is the name of %zu columns but for the case of letters", name,
            n_alike);
        larder_hint(reading->err, "one of them is \"%s\"",
            reading->columns->fields[found].name);
        return rc;
    }
    field = &reading->columns->fields[found];
    node->column = found;
    reading->named[found] = true;
    node->type = computed_type(field->type);
    if (node->type != 0)
        return LARDER_OK;
    rc = ldr_reading_fail(reading, LARDER_INVALID, node->begin, node->end,
        "column '%s' is %s, which no expression can use", field->name,
        larder_type_name(field->type));
    larder_hint(reading->err,
        "columns of bool, int32, int64, float32, float64, "
        "string and timestamp can be used");
    return rc;
}

/* ---------------------------------------------------------------- one type */

/* The literal null, where a node is never anything else. */
void
ldr_node_make_null(ldr_node *node)
{
    node->kind = LDR_NODE_LITERAL;
    node->type = 0;
    node->state = LDR_ROW_NULL;
    node->n_args = 0;
    node->height = 1;
    node->value.text = (larder_bytes){"", 0};
}

/* Of the type its neighbours have; the literal null has any. */
static void
type_null(ldr_node *node, larder_type type)
{
    node->type = type;
    if (type == LARDER_STRING)
        node->value.text = (larder_bytes){"", 0};
    else
        node->value.integer = 0;
}

/* May a value of one type stand where another is wanted? */
bool
ldr_type_is_taken_as(larder_type type, larder_type wanted)
{
    return type == wanted || type == 0 ||
           (type == LARDER_INT64 && wanted == LARDER_FLOAT64);
}

/* Make *at, which ldr_type_is_taken_as() such, of that type. */
larder_status
ldr_node_convert(ldr_reading *reading, ldr_node **at, larder_type type)
{
    ldr_node *node = *at;
    larder_status rc;

    if (node->type == type)
        return LARDER_OK;
    if (node->type == 0) {
        type_null(node, type);
        return LARDER_OK;
    }
    rc = ldr_node_new(
        reading, LDR_NODE_CAST, node->begin, node->end, at, 1, &node);
    if (rc != LARDER_OK)
        return rc;
    node->type = type;
    node->run = ldr_cast_find((*at)->type, type);
    *at = node;
    return LARDER_OK;
}

/* The type that both are taken as; false: there is none. */
static bool
common_type(larder_type a, larder_type b, larder_type *out)
{
    if (ldr_type_is_taken_as(a, b))
        *out = b;
    else if (ldr_type_is_taken_as(b, a))
        *out = a;
    else
        return false;
    return true;
}

/* Arguments first, first + step ... of a node made one type; 0: all are null.
 */
static larder_status
unify(ldr_reading *reading, ldr_node *node, size_t first, size_t step,
    const char *what, larder_type *out)
{
    larder_type type = 0;
    larder_status rc = LARDER_OK;

    for (size_t a = first; a < node->n_args; a += step) {
        ldr_node *arg = node->args[a];

        if (common_type(type, arg->type, &type))
            continue;
        rc = ldr_reading_fail(reading, LARDER_INVALID, arg->begin, arg->end,
            "%s is %s beside %s", what, larder_type_name(arg->type),
            larder_type_name(type));
        ldr_suggest_cast(reading, arg, type);
        return rc;
    }
    for (size_t a = first; a < node->n_args && rc == LARDER_OK; a += step)
        if (type != 0)
            rc = ldr_node_convert(reading, &node->args[a], type);
    *out = type;
    return rc;
}

/* ------------------------------------------------------------------- casts */

/* What compares two of a type. */
static ldr_run *
comparison(const char *name, larder_type type)
{
    const ldr_function *f = ldr_function_find(name, strlen(name), true);

    while (f != NULL && f->args[0] != type)
        f = ldr_function_next(f);
    return f == NULL ? NULL : f->run;
}

/* A text that stands there is read at once. */
static larder_status
check_literal(ldr_reading *reading, const ldr_node *node, const ldr_node *arg,
    larder_type type)
{
    larder_bytes text = arg->value.text;
    int64_t value = 0;
    uint8_t state = 0;
    ldr_vector from = {.texts = &text};
    ldr_slot to = {.values = &value, .state = &state};
    ldr_moment moment;
    const char *why;

    if (arg->kind != LDR_NODE_LITERAL || arg->type != LARDER_STRING ||
        arg->state != 0)
        return LARDER_OK;
    node->run(&from, 1, &to, NULL);
    if (!to.has_nulls)
        return LARDER_OK;
    if (type != LARDER_TIMESTAMP)
        return ldr_reading_fail(reading, LARDER_INVALID, arg->begin, arg->end,
            "the text cannot be read as %s", larder_type_name(type));
    why = ldr_moment_parse(text, &moment);
    ldr_reading_fail(reading, LARDER_INVALID, arg->begin, arg->end,
        "the text is no timestamp: %s", why == NULL ? "it has no zone" : why);
    larder_hint(reading->err, "a moment is written '2024-03-01T12:00:00Z'");
    return LARDER_INVALID;
}

static larder_status
check_cast(ldr_reading *reading, ldr_node **at)
{
    ldr_node *node = *at, *arg = node->args[0];
    larder_type target = 0;
    larder_status rc = ldr_suggest_type(reading, node, &target);

    if (rc != LARDER_OK)
        return rc;
    node->type = computed_type(target);
    if (node->type == 0)
        return ldr_reading_fail(reading, LARDER_INVALID, node->name_begin,
            node->name_end, "no expression can compute %s",
            larder_type_name(target));
    if (arg->kind == LDR_NODE_LITERAL && arg->state != 0) {
        type_null(arg, node->type);
        *at = arg;
        return LARDER_OK;
    }
    if (arg->type == target) {
        *at = arg;
        return LARDER_OK;
    }
    node->run = ldr_cast_find(arg->type, target);
    if (node->run != NULL)
        return check_literal(reading, node, arg, target);
    rc = ldr_reading_fail(reading, LARDER_INVALID, arg->begin, arg->end,
        "%s cannot be cast to %s", larder_type_name(arg->type),
        larder_type_name(target));
    ldr_suggest_cast(reading, arg, node->type);
    return rc;
}

/* ------------------------------------------------------------------- forms */

/* Arguments first, first + step ... are true, false or null. */
static larder_status
check_truths(
    ldr_reading *reading, ldr_node *node, size_t step, const char *what)
{
    larder_status rc = LARDER_OK;

    for (size_t a = 0; a < node->n_args && rc == LARDER_OK; a += step) {
        ldr_node *arg = node->args[a];

        if (ldr_type_is_taken_as(arg->type, LARDER_BOOL)) {
            rc = ldr_node_convert(reading, &node->args[a], LARDER_BOOL);
            continue;
        }
        rc = ldr_reading_fail(reading, LARDER_INVALID, arg->begin, arg->end,
            "%s is %s, not bool", what, larder_type_name(arg->type));
        ldr_suggest_cast(reading, arg, LARDER_BOOL);
    }
    return rc;
}

static larder_status
check_among(ldr_reading *reading, ldr_node *node)
{
    bool in = node->kind == LDR_NODE_IN;
    larder_type type = 0;
    larder_status rc = unify(reading, node, 0, 1,
        in ? "a value of 'in'" : "a bound of 'between'", &type);

    if (rc != LARDER_OK)
        return rc;
    if (type == 0) {
        ldr_node_make_null(node);
        return LARDER_OK;
    }
    node->run = comparison(in ? "=" : ">=", type);
    node->run_also = comparison("<=", type);
    node->type = LARDER_BOOL;
    return LARDER_OK;
}

static larder_status
check_case(ldr_reading *reading, ldr_node *node)
{
    larder_type compared = 0;
    larder_status rc;

    if (node->kind == LDR_NODE_CASE) {
        rc = check_truths(reading, node, 2, "a condition of 'case'");
    } else {
        rc =
            unify(reading, node, 0, 2, "a compared value of 'case'", &compared);
        for (size_t a = 0; compared == 0 && a < node->n_args; a += 2)
            if (rc == LARDER_OK)
                rc = ldr_node_convert(reading, &node->args[a], LARDER_INT64);
        node->run = comparison("=", compared == 0 ? LARDER_INT64 : compared);
    }
    if (rc == LARDER_OK)
        rc = unify(reading, node, 1, 2, "a result of 'case'", &node->type);
    if (rc == LARDER_OK && node->type == 0)
        ldr_node_make_null(node);
    return rc;
}

static larder_status
check_choice(ldr_reading *reading, ldr_node *node)
{
    bool coalesce = node->kind == LDR_NODE_COALESCE;
    larder_status rc;

    if (coalesce ? node->n_args < 2 : node->n_args != 2)
        return ldr_reading_fail(reading, LARDER_INVALID, node->name_begin,
            node->name_end, "'%s' takes 2 %sarguments, not %zu",
            coalesce ? "coalesce" : "nullif", coalesce ? "or more " : "",
            node->n_args);
    rc = unify(reading, node, 0, 1,
        coalesce ? "an argument of 'coalesce'" : "an argument of 'nullif'",
        &node->type);
    if (rc != LARDER_OK)
        return rc;
    if (node->type == 0)
        ldr_node_make_null(node);
    else if (!coalesce)
        node->run = comparison("=", node->type);
    return LARDER_OK;
}

static larder_status
check(ldr_reading *reading, ldr_node **at)
{
    ldr_node *node = *at;
    larder_status rc = LARDER_OK;

    for (size_t a = 0; a < node->n_args && rc == LARDER_OK; a++)
        rc = check(reading, &node->args[a]);
    if (rc != LARDER_OK)
        return rc;
    switch (node->kind) {
    case LDR_NODE_LITERAL:
        return LARDER_OK;
    case LDR_NODE_COLUMN:
        return check_column(reading, node);
    case LDR_NODE_CALL:
    case LDR_NODE_FOLD:
        return ldr_node_check_call(reading, node);
    case LDR_NODE_CAST:
        return check_cast(reading, at);
    case LDR_NODE_AND:
    case LDR_NODE_OR:
        node->type = LARDER_BOOL;
        return check_truths(reading, node, 1,
            node->kind == LDR_NODE_AND ? "a side of 'and'" : "a side of 'or'");
    case LDR_NODE_IS_NULL:
        node->type = LARDER_BOOL;
        if (node->args[0]->type == 0)
            type_null(node->args[0], LARDER_INT64);
        return LARDER_OK;
    case LDR_NODE_IN:
    case LDR_NODE_BETWEEN:
        return check_among(reading, node);
    case LDR_NODE_CASE:
    case LDR_NODE_CASE_OF:
        return check_case(reading, node);
    case LDR_NODE_COALESCE:
    case LDR_NODE_NULLIF:
        break;
    }
    return check_choice(reading, node);
}

larder_status
ldr_tree_check(ldr_reading *reading, ldr_node **root)
{
    return check(reading, root);
}
