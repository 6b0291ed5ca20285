/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expression.c - the closed expression language: what others call of it.
 *
 * lex.c, parse*.c, check*.c: text to a typed tree. Here what does not depend on
 * a row is computed once. evaluate.c: the tree over rows, functions.c: what its
 * functions are.
 */
#include "expression/expression.h"

#include <assert.h>
#include <stdlib.h>

#include "data/batch.h"
#include "data/column.h"
#include "data/text.h"
#include "expression/evaluate.h"
#include "expression/tree.h"

/* Longer texts are computed again and again, not kept. */
#define KEPT_BYTES_MAX 4096u

/* ---------------------------------------------------------------- constants */

static bool
is_constant(const ldr_node *node)
{
    for (size_t a = 0; a < node->n_args; a++)
        if (node->args[a]->kind != LDR_NODE_LITERAL)
            return false;
    return node->n_args > 0;
}

/* The one row of a vector as a literal. */
static larder_status
make_literal(ldr_reading *reading, ldr_node *node, const ldr_vector *row)
{
    uint8_t state = row->state == NULL ? 0 : row->state[0];
    larder_bytes text = {"", 0};

    if (node->type == LARDER_STRING) {
        if (state == 0)
            text = row->texts[0];
        if (text.size > KEPT_BYTES_MAX)
            return LARDER_OK;
        node->value.text.data =
            ldr_arena_copy_n(reading->arena, text.data, text.size);
        node->value.text.size = text.size;
        if (node->value.text.data == NULL)
            return ldr_reading_nomem(reading);
    } else if (node->type == LARDER_FLOAT64) {
        node->value.real = state == 0 ? row->reals[0] : 0;
    } else if (node->type == LARDER_BOOL) {
        node->value.truth = state == 0 && row->truths[0] != 0;
    } else {
        node->value.integer = state == 0 ? row->integers[0] : 0;
    }
    node->kind = LDR_NODE_LITERAL;
    node->state = state;
    node->n_args = 0;
    return LARDER_OK;
}

/* Parts that no column decides are computed now; a fault in one stays one. */
static larder_status
fold(ldr_reading *reading, ldr_node *node, ldr_expression_room *room)
{
    ldr_vector row;
    larder_status rc = LARDER_OK;

    for (size_t a = 0; a < node->n_args; a++)
        LARDER_TRY(fold(reading, node->args[a], room));
    if (!is_constant(node))
        goto out;
    ldr_node_count_slots(node);
    LARDER_TRY(ldr_room_grow(room, node->n_slots, 1, reading->err));
    if (!ldr_node_evaluate(node, NULL, 0, 1, room, &row))
        return ldr_reading_nomem(reading);
    rc = make_literal(reading, node, &row);
out:
    return rc;
}

/* ------------------------------------------------------------------ parsing */

static larder_status
check_bytes(ldr_reading *reading)
{
    size_t at = 0;

    if (reading->text.size > LDR_EXPRESSION_BYTES_MAX)
        return ldr_reading_fail(reading, LARDER_LIMIT, LDR_EXPRESSION_BYTES_MAX,
            reading->text.size, "the expression has more than %u bytes",
            LDR_EXPRESSION_BYTES_MAX);
    if (!ldr_utf8_valid(reading->text, &at))
        return ldr_reading_fail(reading, LARDER_INVALID, at, at + 1,
            "the expression is not valid UTF-8 without NUL");
    return LARDER_OK;
}

/* What was named, in order. */
static larder_status
list_columns(ldr_reading *reading, ldr_expression *expression)
{
    size_t n = 0;

    for (size_t c = 0; c < reading->columns->n_fields; c++)
        n += reading->named[c];
    expression->columns =
        ldr_arena_array(reading->arena, n + 1, sizeof(size_t));
    if (expression->columns == NULL)
        return ldr_reading_nomem(reading);
    for (size_t c = 0; c < reading->columns->n_fields; c++)
        if (reading->named[c])
            expression->columns[expression->n_columns++] = c;
    return LARDER_OK;
}

static larder_status
build(ldr_reading *reading, ldr_expression *expression)
{
    ldr_node *root = NULL;
    ldr_expression_room *room = calloc(1, sizeof *room);
    larder_status rc = LARDER_OK;

    if (room == NULL)
        return ldr_reading_nomem(reading);
    LARDER_TRY(check_bytes(reading));
    LARDER_TRY(ldr_tree_parse(reading, &root));
    LARDER_TRY(ldr_tree_check(reading, &root));
    LARDER_TRY(fold(reading, root, room));
    ldr_node_count_slots(root);
    expression->root = root;
    rc = list_columns(reading, expression);
out:
    ldr_expression_room_free(room);
    return rc;
}

larder_status
ldr_expression_parse(larder_bytes text, const larder_schema *columns,
    ldr_arena *arena, ldr_expression **out, ldr_expression_fault *fault,
    larder_error *err)
{
    ldr_reading reading = {
        .text = text,
        .columns = columns,
        .arena = arena,
        .fault = fault,
        .err = err,
    };
    ldr_expression *expression = ldr_arena_alloc(arena, sizeof *expression);
    larder_status rc;

    reading.named = ldr_arena_array(arena, columns->n_fields + 1, sizeof(bool));
    if (expression == NULL || reading.named == NULL)
        return ldr_reading_nomem(&reading);
    rc = build(&reading, expression);
    if (rc == LARDER_OK)
        *out = expression;
    return rc;
}

/* ------------------------------------------------------------------ looking */

larder_type
ldr_expression_type(const ldr_expression *expression)
{
    return expression->root->type;
}

bool
ldr_expression_fits(const ldr_expression *expression, larder_type type)
{
    larder_type own = expression->root->type;

    if (own == 0 || own == type)
        return true;
    if (own == LARDER_INT64)
        return type == LARDER_INT32 || type == LARDER_FLOAT64;
    return own == LARDER_FLOAT64 && type == LARDER_FLOAT32;
}

const size_t *
ldr_expression_columns(const ldr_expression *expression, size_t *n)
{
    *n = expression->n_columns;
    return expression->columns;
}

/* --------------------------------------------------------------- evaluating */

larder_status
ldr_expression_evaluate(const ldr_expression *expression,
    const larder_column *const *columns, size_t begin, size_t end,
    ldr_expression_room **room, larder_column *out, uint64_t *n_made_null,
    larder_error *err)
{
    const ldr_node *root = expression->root;
    size_t step = end - begin, n_before = out->n_rows;
    uint64_t made_null = 0;
    ldr_vector rows;
    larder_status rc = LARDER_OK;

    assert(begin <= end && ldr_expression_fits(expression, out->type));
    if (step > LDR_VECTOR_ROWS)
        step = LDR_VECTOR_ROWS;
    if (*room == NULL)
        *room = calloc(1, sizeof **room);
    if (*room == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "out of memory for an expression's values");
    LARDER_TRY(ldr_room_grow(*room, root->n_slots, step, err));
    LARDER_TRY(ldr_column_grow_rows(out, end - begin, err));
    while (begin < end) {
        size_t n = end - begin < step ? end - begin : step;

        if (ldr_node_evaluate(root, columns, begin, n, *room, &rows)) {
            LARDER_TRY(
                ldr_vector_append(&rows, root->type, n, out, &made_null, err));
            begin += n;
        } else if ((*room)->texts.nomem) {
            LARDER_TRY(larder_fail(err, LARDER_NOMEM,
                "out of memory for the texts of an expression"));
        } else {
            step = n / 2;
        }
    }
    *n_made_null += made_null;
out:
    if (rc != LARDER_OK)
        ldr_column_truncate(out, n_before);
    return rc;
}
