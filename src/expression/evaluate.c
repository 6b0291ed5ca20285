/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate.c - a checked tree over some rows, into a vector.
 *
 * A node's result lies in the slot it is given, or in a column; what it needs
 * on the way lies in the slots after. Both sides of `and` and all branches of
 * `case` are computed for all rows; a fault counts only where its row's value
 * would have been used.
 */
#include "expression/evaluate.h"

typedef struct work {
    const larder_column *const *columns;
    size_t begin, n;
    ldr_expression_room *room;
} work;

static void evaluate(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out);

/* ---------------------------------------------------------------- slots */

static ldr_slot
slot_at(const work *w, unsigned slot)
{
    size_t n_rows = w->room->n_rows;
    unsigned char *memory =
        w->room->memory + slot * n_rows * (LDR_VALUE_BYTES + 1);

    return (ldr_slot){
        .values = memory, .state = memory + n_rows * LDR_VALUE_BYTES};
}

static ldr_vector
vector_of(const ldr_slot *slot)
{
    return (ldr_vector){
        .values = slot->values, .state = slot->has_nulls ? slot->state : NULL};
}

static void
set_state(ldr_slot *out, size_t n, uint8_t state)
{
    memset(out->state, state, n);
    out->has_nulls = state != 0;
}

/* -------------------------------------------------------------- a function */

static void
evaluate_literal(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_slot to = slot_at(w, slot);
    size_t n = w->n;

    if (node->type == LARDER_STRING)
        for (size_t i = 0; i < n; i++)
            to.texts[i] = node->value.text;
    else if (node->type == LARDER_FLOAT64)
        for (size_t i = 0; i < n; i++)
            to.reals[i] = node->value.real;
    else if (node->type == LARDER_BOOL)
        memset(to.truths, node->value.truth, n);
    else
        for (size_t i = 0; i < n; i++)
            to.integers[i] = node->value.integer;
    if (node->state != 0)
        set_state(&to, n, node->state);
    *out = vector_of(&to);
}

/* Null where an argument is; a fault in one remains a fault. */
static void
join_states(const ldr_vector *args, size_t n_args, size_t n, ldr_slot *out)
{
    out->has_nulls = false;
    for (size_t a = 0; a < n_args; a++) {
        const uint8_t *state = args[a].state;

        if (state == NULL)
            continue;
        if (!out->has_nulls)
            memcpy(out->state, state, n);
        else
            for (size_t i = 0; i < n; i++)
                out->state[i] |= state[i];
        out->has_nulls = true;
    }
}

static void
run(const work *w, ldr_run *function, const ldr_vector *args, size_t n_args,
    ldr_slot *out)
{
    join_states(args, n_args, w->n, out);
    function(args, w->n, out, &w->room->texts);
}

static void
evaluate_call(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_vector args[LDR_FUNCTION_ARGS] = {0};
    ldr_slot to = slot_at(w, slot);

    for (unsigned a = 0; a < node->n_args; a++)
        evaluate(w, node->args[a], slot + 1 + a, &args[a]);
    run(w, node->run, args, node->n_args, &to);
    *out = vector_of(&to);
}

/* So far lies by turns in the slot and the one after, at last in the slot. */
static void
evaluate_fold(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_vector args[2];

    evaluate(w, node->args[0], slot + 1 - node->n_args % 2, &args[0]);
    for (size_t a = 1; a < node->n_args; a++) {
        unsigned last = (unsigned)(node->n_args - 1 - a) % 2;
        ldr_slot to = slot_at(w, slot + last);

        evaluate(w, node->args[a], slot + 2, &args[1]);
        run(w, node->run, args, 2, &to);
        args[0] = vector_of(&to);
    }
    *out = args[0];
}

/* ---------------------------------------------------------- and, or, in */

/* SQL's three values: what decides alone (false for and, true for or) wins over
 * null, null over the other. */
static void
combine(ldr_slot *to, const ldr_vector *with, size_t n, bool deciding)
{
    if (!to->has_nulls && with->state == NULL) {
        for (size_t i = 0; i < n; i++)
            to->truths[i] = deciding ? to->truths[i] | with->truths[i]
                                     : to->truths[i] & with->truths[i];
        return;
    }
    if (!to->has_nulls)
        set_state(to, n, 0);
    to->has_nulls = true;
    for (size_t i = 0; i < n; i++) {
        uint8_t state = with->state == NULL ? 0 : with->state[i];
        bool decided = (to->state[i] == 0 && to->truths[i] == deciding) ||
                       (state == 0 && with->truths[i] == deciding);

        to->state[i] = decided ? 0 : to->state[i] | state;
        to->truths[i] = decided ? deciding : !deciding;
    }
}

static void
evaluate_and_or(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    bool deciding = node->kind == LDR_NODE_OR;
    ldr_slot to = slot_at(w, slot);
    ldr_vector arg;

    memset(to.truths, !deciding, w->n);
    for (size_t a = 0; a < node->n_args; a++) {
        evaluate(w, node->args[a], slot + 1, &arg);
        combine(&to, &arg, w->n, deciding);
    }
    *out = vector_of(&to);
}

/* x = a or x = b ...; x >= a and x <= b. */
static void
evaluate_among(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    bool deciding = node->kind == LDR_NODE_IN;
    ldr_slot to = slot_at(w, slot);
    ldr_vector args[2], one;

    memset(to.truths, !deciding, w->n);
    evaluate(w, node->args[0], slot + 1, &args[0]);
    for (size_t a = 1; a < node->n_args; a++) {
        ldr_slot compared = slot_at(w, slot + 2);

        evaluate(w, node->args[a], slot + 3, &args[1]);
        run(w, !deciding && a == 2 ? node->run_also : node->run, args, 2,
            &compared);
        one = vector_of(&compared);
        combine(&to, &one, w->n, deciding);
    }
    *out = vector_of(&to);
}

static void
evaluate_is_null(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_slot to = slot_at(w, slot);
    ldr_vector arg;

    evaluate(w, node->args[0], slot + 1, &arg);
    memset(to.truths, 0, w->n);
    for (size_t i = 0; arg.state != NULL && i < w->n; i++)
        to.truths[i] = arg.state[i] != 0;
    *out = vector_of(&to);
}

/* ------------------------------------------------------------ one of several
 */

static size_t
width_of(larder_type type)
{
    if (type == LARDER_STRING)
        return sizeof(larder_bytes);
    return type == LARDER_BOOL ? sizeof(uint8_t) : sizeof(int64_t);
}

/* Rows of `from` that `taken` names, values of a type. */
static void
take_rows(const ldr_vector *from, larder_type type, const uint8_t *taken,
    size_t n, ldr_slot *to)
{
    if (type == LARDER_STRING) {
        for (size_t i = 0; i < n; i++)
            to->texts[i] = taken[i] ? from->texts[i] : to->texts[i];
    } else if (type == LARDER_BOOL) {
        for (size_t i = 0; i < n; i++)
            to->truths[i] = taken[i] ? from->truths[i] : to->truths[i];
    } else if (type == LARDER_FLOAT64) {
        for (size_t i = 0; i < n; i++)
            to->reals[i] = taken[i] ? from->reals[i] : to->reals[i];
    } else {
        for (size_t i = 0; i < n; i++)
            to->integers[i] = taken[i] ? from->integers[i] : to->integers[i];
    }
    if (from->state == NULL && !to->has_nulls)
        return;
    if (!to->has_nulls)
        set_state(to, n, 0);
    to->has_nulls = true;
    for (size_t i = 0; i < n; i++)
        if (taken[i])
            to->state[i] = from->state == NULL ? 0 : from->state[i];
}

/* Empty values, so that each row may be looked at. */
static void
clear_rows(ldr_slot *to, larder_type type, size_t n)
{
    if (type == LARDER_STRING)
        for (size_t i = 0; i < n; i++)
            to->texts[i] = (larder_bytes){"", 0};
    else
        memset(to->values, 0, n * width_of(type));
}

/* The rows still open where `condition` is true; they are open no more. */
static void
choose_rows(
    const ldr_vector *condition, size_t n, uint8_t *open, uint8_t *taken)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t state = condition->state == NULL ? 0 : condition->state[i];

        taken[i] = open[i] & (state == 0) & condition->truths[i];
        open[i] ^= taken[i];
    }
}

/* Slots: the result, marks, a case's value, its condition, what is compared or
 * given. */
static void
evaluate_case(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    bool of = node->kind == LDR_NODE_CASE_OF;
    ldr_slot to = slot_at(w, slot), marks = slot_at(w, slot + 1);
    uint8_t *open = marks.truths, *taken = open + w->n;
    size_t n_whens = node->n_args - 2;
    ldr_vector args[2], one;

    memset(open, 1, w->n);
    clear_rows(&to, node->type, w->n);
    if (of)
        evaluate(w, node->args[n_whens], slot + 2, &args[0]);
    for (size_t a = 0; a < n_whens; a += 2) {
        ldr_slot compared = slot_at(w, slot + 3);

        evaluate(w, node->args[a], slot + (of ? 4 : 3), &args[1]);
        one = args[1];
        if (of) {
            run(w, node->run, args, 2, &compared);
            one = vector_of(&compared);
        }
        choose_rows(&one, w->n, open, taken);
        evaluate(w, node->args[a + 1], slot + 3, &one);
        take_rows(&one, node->type, taken, w->n, &to);
    }
    evaluate(w, node->args[n_whens + 1], slot + 3, &one);
    take_rows(&one, node->type, open, w->n, &to);
    *out = vector_of(&to);
}

/* Slots: the result, marks, an argument. */
static void
evaluate_coalesce(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_slot to = slot_at(w, slot), marks = slot_at(w, slot + 1);
    uint8_t *faults = marks.truths, *taken = faults + w->n;
    ldr_vector arg;

    memset(faults, 0, w->n);
    memset(taken, 1, w->n);
    clear_rows(&to, node->type, w->n);
    for (size_t a = 0; a < node->n_args; a++) {
        evaluate(w, node->args[a], slot + 2, &arg);
        take_rows(&arg, node->type, taken, w->n, &to);
        if (!to.has_nulls)
            break;
        for (size_t i = 0; i < w->n; i++) {
            faults[i] |= to.state[i];
            taken[i] = to.state[i] != 0;
        }
    }
    for (size_t i = 0; to.has_nulls && i < w->n; i++)
        if (to.state[i] != 0)
            to.state[i] = faults[i];
    *out = vector_of(&to);
}

/* a, but null where it equals b. */
static void
evaluate_nullif(
    const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_slot to = slot_at(w, slot), compared = slot_at(w, slot + 2);
    ldr_vector args[2];

    evaluate(w, node->args[0], slot + 1, &args[0]);
    evaluate(w, node->args[1], slot + 3, &args[1]);
    run(w, node->run, args, 2, &compared);
    memcpy(to.values, args[0].values, w->n * width_of(node->type));
    join_states(args, 1, w->n, &to);
    for (size_t i = 0; i < w->n; i++) {
        if ((compared.has_nulls && compared.state[i] != 0) ||
            !compared.truths[i])
            continue;
        if (!to.has_nulls)
            set_state(&to, w->n, 0);
        to.has_nulls = true;
        to.state[i] = LDR_ROW_NULL;
    }
    *out = vector_of(&to);
}

/* ---------------------------------------------------------------- the tree */

static void
evaluate(const work *w, const ldr_node *node, unsigned slot, ldr_vector *out)
{
    ldr_slot own = slot_at(w, slot);

    switch (node->kind) {
    case LDR_NODE_LITERAL:
        evaluate_literal(w, node, slot, out);
        return;
    case LDR_NODE_COLUMN:
        ldr_vector_load(w->columns[node->column], w->begin, w->n, &own, out);
        return;
    case LDR_NODE_CALL:
    case LDR_NODE_CAST:
        evaluate_call(w, node, slot, out);
        return;
    case LDR_NODE_FOLD:
        evaluate_fold(w, node, slot, out);
        return;
    case LDR_NODE_AND:
    case LDR_NODE_OR:
        evaluate_and_or(w, node, slot, out);
        return;
    case LDR_NODE_IS_NULL:
        evaluate_is_null(w, node, slot, out);
        return;
    case LDR_NODE_IN:
    case LDR_NODE_BETWEEN:
        evaluate_among(w, node, slot, out);
        return;
    case LDR_NODE_CASE:
    case LDR_NODE_CASE_OF:
        evaluate_case(w, node, slot, out);
        return;
    case LDR_NODE_COALESCE:
        evaluate_coalesce(w, node, slot, out);
        return;
    case LDR_NODE_NULLIF:
        break;
    }
    evaluate_nullif(w, node, slot, out);
}

/* How many slots after its own an argument's lies at most. */
static unsigned
slots_before(const ldr_node *node, size_t arg)
{
    switch (node->kind) {
    case LDR_NODE_LITERAL:
    case LDR_NODE_COLUMN:
        return 0;
    case LDR_NODE_CALL:
    case LDR_NODE_CAST:
        return 1 + (unsigned)arg;
    case LDR_NODE_AND:
    case LDR_NODE_OR:
    case LDR_NODE_IS_NULL:
        return 1;
    case LDR_NODE_FOLD:
    case LDR_NODE_COALESCE:
        return 2;
    case LDR_NODE_IN:
    case LDR_NODE_BETWEEN:
    case LDR_NODE_CASE:
    case LDR_NODE_NULLIF:
        return 3;
    case LDR_NODE_CASE_OF:
        break;
    }
    return 4;
}

void
ldr_node_count_slots(ldr_node *node)
{
    node->n_slots = 1;
    for (size_t a = 0; a < node->n_args; a++) {
        unsigned n;

        ldr_node_count_slots(node->args[a]);
        n = slots_before(node, a) + node->args[a]->n_slots;
        if (n > node->n_slots)
            node->n_slots = n;
    }
}

bool
ldr_node_evaluate(const ldr_node *node, const larder_column *const *columns,
    size_t begin, size_t n, ldr_expression_room *room, ldr_vector *out)
{
    work w = {columns, begin, n, room};

    ldr_texts_forget(&room->texts);
    evaluate(&w, node, 0, out);
    return !room->texts.nomem && !(room->texts.full && n > 1);
}
