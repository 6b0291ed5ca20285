/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_ondemand.c - on-demand views: their inputs, what expressions may
 * name, and the expressions.
 *
 * A view is typed by what its inputs declare, so the order among on-demand
 * views does not matter; that none is made of itself is seen to on its own.
 */
#include "base/name.h"
#include "data/schema.h"
#include "definition/check.h"
#include "larder_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_ROOM 320

#define AS_OF "as_of"
#define EVENT_TIME "event_timestamp"

/* ------------------------------------------------------------------- inputs */

/* The names of all that may be an input. */
static const char **
input_names(ldr_check *check, size_t *n)
{
    const ldr_definitions *all = check->all;
    const char **names = ldr_check_name_room(
        check, all->n_views + all->n_on_demands + all->n_sources);

    *n = 0;
    for (size_t i = 0; i < all->n_views && names != NULL; i++)
        names[(*n)++] = all->views[i].about.name;
    for (size_t i = 0; i < all->n_on_demands && names != NULL; i++)
        names[(*n)++] = all->on_demands[i].about.name;
    for (size_t i = 0; i < all->n_sources && names != NULL; i++)
        if (all->sources[i].kind == LDR_SOURCE_REQUEST)
            names[(*n)++] = all->sources[i].about.name;
    return names;
}

/* The objects of a name; false: a fault. */
static bool
find_input(ldr_check *check, const ldr_on_demand *view, ldr_input *input)
{
    const ldr_definitions *all = check->all;
    const ldr_source *source = ldr_find_source(all, input->name);
    bool request = source != NULL && source->kind == LDR_SOURCE_REQUEST;
    const char **names;
    char in[80];
    size_t n;

    input->view = ldr_find_view(all, input->name);
    if (input->view == NULL)
        input->on_demand = ldr_find_on_demand(all, input->name);
    if (input->view != NULL || input->on_demand != NULL) {
        if (request)
            ldr_fault(check->faults, &input->place, "rename one of the two",
                "'%s' is a view and a request source, and on-demand view '%s' "
                "may mean either",
                input->name, view->about.name);
        return !request;
    }
    if (request) {
        input->request = source;
        return true;
    }
    snprintf(in, sizeof in, "on-demand view '%s'", view->about.name);
    if (source != NULL) {
        ldr_fault(check->faults, &input->place,
            "name a feature view that reads it",
            "'%s' is no input of %s: it is a source of history",
            source->about.name, in);
        return false;
    }
    names = input_names(check, &n);
    ldr_check_unknown(check, &input->place, "input", input->name, in, names, n);
    return false;
}

static const char *
name_of(const ldr_input *input)
{
    if (input->view != NULL)
        return input->view->about.name;
    return input->on_demand != NULL ? input->on_demand->about.name
                                    : input->request->about.name;
}

/* Names to objects, in a copy. Those that are none, or repeated, are left out;
 * then false. */
static bool
resolve_inputs(ldr_check *check, ldr_on_demand *view)
{
    const ldr_yaml *list = ldr_yaml_find(view->about.yaml, "inputs");
    ldr_input *inputs;
    size_t n = 0, n_written = view->n_inputs;
    bool good = list != NULL && list->n_items == n_written;

    if (list != NULL && list->kind == LDR_YAML_SEQUENCE && list->n_items == 0)
        ldr_fault(check->faults, &list->place,
            "list what its expressions name: [feature_view, request_source]",
            "on-demand view '%s' has no inputs", view->about.name);
    if (n_written > LDR_INPUTS_MAX) {
        ldr_fault(check->faults, &list->place, "split the view",
            "on-demand view '%s' has %zu inputs; at most %u are read",
            view->about.name, n_written, LDR_INPUTS_MAX);
        n_written = 0;
        good = false;
    }
    inputs = ldr_check_array(check, n_written, sizeof *inputs);
    for (size_t i = 0; i < n_written && inputs != NULL; i++) {
        size_t j = 0;

        inputs[n] = view->inputs[i];
        if (!find_input(check, view, &inputs[n])) {
            good = false;
            continue;
        }
        inputs[n].name = name_of(&inputs[n]);
        while (strcmp(inputs[j].name, inputs[n].name) != 0)
            j++;
        n++;
        if (j + 1 == n)
            continue;
        n--;
        good = false;
        ldr_fault(check->faults, &view->inputs[i].place, "leave it out",
            "on-demand view '%s' names input '%s' twice", view->about.name,
            inputs[j].name);
    }
    view->inputs = inputs;
    view->n_inputs = inputs == NULL ? 0 : n;
    return good && inputs != NULL;
}

/* ------------------------------------------------------------------ columns */

/* A name that an expression might write. */
typedef struct candidate {
    const char *name;
    ldr_input_column from;
    larder_type type;
    enum { FIXED, QUALIFIED, PLAIN } rank; /* lower ones win a name */
} candidate;

typedef struct candidates {
    candidate *items; /* sorted by name */
    size_t n_items;
} candidates;

static int
order_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = ldr_name_order(x->name, y->name);

    if (order == 0)
        order = (x->rank > y->rank) - (x->rank < y->rank);
    if (order == 0)
        order =
            (x->from.input > y->from.input) - (x->from.input < y->from.input);
    return order != 0 ? order
                      : (x->from.feature > y->from.feature) -
                            (x->from.feature < y->from.feature);
}

static size_t
count_features(const ldr_input *input)
{
    if (input->view != NULL)
        return input->view->n_features;
    return input->on_demand != NULL ? input->on_demand->n_features
                                    : input->request->schema.n_fields;
}

/* How many names they have: each is written in two ways, and so is the one that
 * it once had. */
static size_t
count_names(const ldr_input *input)
{
    size_t n = 2 * count_features(input);

    for (size_t i = 0; input->view != NULL && i < input->view->n_features; i++)
        if (input->view->features[i].renamed_from != NULL)
            n += 2;
    return n;
}

static larder_field
feature_of(const ldr_input *input, size_t i)
{
    if (input->request != NULL)
        return input->request->schema.fields[i];
    if (input->view != NULL)
        return (larder_field){.name = input->view->features[i].name,
            .type = input->view->features[i].type};
    return (larder_field){.name = input->on_demand->features[i].feature.name,
        .type = input->on_demand->features[i].feature.type};
}

static void
add(ldr_check *check, candidates *to, const char *input, const char *name,
    candidate what)
{
    what.name = input == NULL
                    ? name
                    : ldr_arena_printf(check->arena, "%s__%s", input, name);
    if (what.name == NULL)
        check->nomem = true;
    else
        to->items[to->n_items++] = what;
}

/* INPUT__NAME, and the name alone. */
static void
add_both(ldr_check *check, candidates *to, const char *input, const char *name,
    candidate what)
{
    what.rank = QUALIFIED;
    add(check, to, input, name, what);
    what.rank = PLAIN;
    add(check, to, NULL, name, what);
}

static void
add_input(ldr_check *check, candidates *to, const ldr_on_demand *view, size_t i)
{
    const ldr_input *input = &view->inputs[i];
    size_t n = count_features(input);
    candidate one = {.from = {i, SIZE_MAX}, .type = LARDER_TIMESTAMP};

    if (input->view != NULL)
        add(check, to, input->name, EVENT_TIME, one);
    for (size_t f = 0; f < n && !check->nomem; f++) {
        larder_field field = feature_of(input, f);
        const char *old =
            input->view != NULL ? input->view->features[f].renamed_from : NULL;

        one.from.feature = f;
        one.type = field.type;
        add_both(check, to, input->name, field.name, one);
        if (old != NULL)
            add_both(check, to, input->name, old, one);
    }
}

/* All that might be meant. False: more than there may be, or no memory. */
static bool
list_candidates(ldr_check *check, const ldr_on_demand *view, candidates *out)
{
    size_t room = 1;

    for (size_t i = 0; i < view->n_inputs; i++)
        room += 1 + count_names(&view->inputs[i]);
    if (room > LDR_INPUT_COLUMNS_MAX) {
        ldr_fault(check->faults,
            ldr_check_key(view->about.yaml, "inputs", &view->about.place),
            "name fewer inputs",
            "the inputs of on-demand view '%s' have more than %u columns by "
            "all their names",
            view->about.name, LDR_INPUT_COLUMNS_MAX);
        return false;
    }
    out->items = ldr_check_array(check, room, sizeof *out->items);
    if (out->items == NULL)
        return false;
    add(check, out, NULL, AS_OF,
        (candidate){.from = {SIZE_MAX, SIZE_MAX}, .type = LARDER_TIMESTAMP});
    for (size_t i = 0; i < view->n_inputs && !check->nomem; i++)
        add_input(check, out, view, i);
    if (out->n_items > 1)
        qsort(out->items, out->n_items, sizeof *out->items, order_candidates);
    return !check->nomem;
}

/* Does the candidate stand first, and alone in its rank, among its name's? */
static bool
is_meant(const candidates *all, size_t i)
{
    const candidate *one = &all->items[i];

    if (i > 0 && ldr_name_equal(one->name, one[-1].name))
        return false;
    return i + 1 == all->n_items || !ldr_name_equal(one->name, one[1].name) ||
           one->rank != one[1].rank;
}

/* What the expressions may name. */
static void
set_columns(ldr_check *check, ldr_on_demand *view, const candidates *all)
{
    larder_field *fields = ldr_check_array(check, all->n_items, sizeof *fields);
    ldr_input_column *from = ldr_check_array(check, all->n_items, sizeof *from);
    size_t n = 0;

    for (size_t i = 0; i < all->n_items && !check->nomem; i++) {
        const candidate *one = &all->items[i];

        if (!is_meant(all, i) || one->type == 0 ||
            !ldr_check_is_nameable(one->type))
            continue;
        fields[n] = (larder_field){.name = one->name, .type = one->type};
        from[n++] = one->from;
    }
    view->columns = (larder_schema){fields, n};
    view->from = from;
}

/* -------------------------------------------------------------- expressions */

static const candidate *
find_candidate(const candidates *all, const char *word)
{
    for (size_t i = 0; i < all->n_items; i++)
        if (ldr_name_equal(all->items[i].name, word))
            return &all->items[i];
    return NULL;
}

static bool
is_own(const ldr_on_demand *view, const char *word)
{
    for (size_t i = 0; i < view->n_features; i++)
        if (ldr_name_equal(view->features[i].feature.name, word))
            return true;
    return false;
}

/* Say more of a word that is no column. False: nothing more is known. */
static bool
explain(ldr_check *check, const ldr_on_demand *view, const candidates *all,
    const ldr_derived *derived, const ldr_check_wrong *wrong)
{
    const char *word = wrong->word;
    const candidate *one = find_candidate(all, word);
    const ldr_input *inputs = view->inputs;
    const char *name = derived->feature.name;
    char hint[WORDS_ROOM];

    if (one == NULL && is_own(view, word)) {
        ldr_fault(check->faults, &wrong->place,
            "compute one of the two in another on-demand view, and name that "
            "among the inputs",
            "'expr' of feature '%s': '%s' is a feature of on-demand view '%s' "
            "itself; expressions name those of inputs",
            name, word, view->about.name);
        return true;
    }
    if (one == NULL || word[0] == '\0')
        return false;
    if (!is_meant(all, (size_t)(one - all->items))) {
        if (one->rank == PLAIN)
            snprintf(hint, sizeof hint, "write %s__%s or %s__%s",
                inputs[one->from.input].name, one->name,
                inputs[one[1].from.input].name, one[1].name);
        else
            snprintf(hint, sizeof hint, "rename one of the two features");
        ldr_fault(check->faults, &wrong->place, hint,
            "'expr' of feature '%s': '%s' may be of '%s' or of '%s'", name,
            word, inputs[one->from.input].name, inputs[one[1].from.input].name);
        return true;
    }
    if (one->type == 0 || ldr_check_is_nameable(one->type))
        return false;
    ldr_fault(check->faults, &wrong->place,
        "expressions are of bool, int32, int64, float32, float64, string and "
        "timestamp",
        "'expr' of feature '%s': '%s' is %s, which no expression can name",
        name, word, larder_type_name(one->type));
    return true;
}

static bool
has_key(const ldr_on_demand *view, const char *name)
{
    for (size_t i = 0; i < view->n_inputs; i++) {
        const ldr_view *from = view->inputs[i].view;

        for (size_t k = 0; from != NULL && k < from->n_keys; k++)
            if (strcmp(from->keys[k].name, name) == 0)
                return true;
    }
    return false;
}

/* A question has one column of a name: a key's, or that of a request. */
static void
check_requests(
    ldr_check *check, const ldr_on_demand *view, const ldr_derived *derived)
{
    size_t n = 0;
    const size_t *columns = ldr_expression_columns(derived->expression, &n);
    const ldr_yaml *expr = ldr_yaml_find(derived->feature.yaml, "expr");

    for (size_t i = 0; i < n; i++) {
        const ldr_input_column *from = &view->from[columns[i]];
        const ldr_source *request =
            from->input == SIZE_MAX ? NULL : view->inputs[from->input].request;
        const char *name =
            request == NULL ? NULL : request->schema.fields[from->feature].name;

        if (name != NULL && has_key(view, name))
            ldr_fault(check->faults, &expr->place,
                "rename the column of the request source",
                "'expr' of feature '%s': request column '%s' of '%s' has the "
                "name of a join key",
                derived->feature.name, name, request->about.name);
    }
}

static void
check_expression(ldr_check *check, const ldr_on_demand *view,
    const candidates *all, ldr_derived *derived)
{
    const ldr_feature *feature = &derived->feature;
    const ldr_yaml *scalar = ldr_yaml_find(feature->yaml, "expr");
    ldr_check_wrong wrong;
    char hint[WORDS_ROOM];
    const char *type;

    if (derived->text == NULL || scalar == NULL)
        return;
    if (!ldr_check_parse(
            check, scalar, &view->columns, &derived->expression, &wrong)) {
        if (!check->nomem && !explain(check, view, all, derived, &wrong))
            ldr_fault(check->faults, &wrong.place,
                wrong.error.hint[0] != '\0' ? wrong.error.hint : NULL,
                "'expr' of feature '%s': %s", feature->name,
                wrong.error.message);
        return;
    }
    check_requests(check, view, derived);
    if (feature->type == 0 ||
        ldr_expression_fits(derived->expression, feature->type))
        return;
    type = larder_type_name(ldr_expression_type(derived->expression));
    snprintf(hint, sizeof hint, "write type: %s, or cast(... as ...)", type);
    ldr_fault(check->faults,
        ldr_check_key(feature->yaml, "type", &feature->place), hint,
        "feature '%s' is %s, but its expression is %s", feature->name,
        larder_type_name(feature->type), type);
}

/* What stands beside the features in an answer: keys and request columns. */
static void
check_beside(
    ldr_check *check, const ldr_on_demand *view, const ldr_feature *feature)
{
    for (size_t i = 0; i < view->n_inputs; i++) {
        const ldr_input *input = &view->inputs[i];
        size_t n = 0;

        if (input->view != NULL)
            n = input->view->n_keys;
        else if (input->request != NULL)
            n = input->request->schema.n_fields;
        for (size_t k = 0; k < n; k++) {
            const char *name = input->view != NULL
                                   ? input->view->keys[k].name
                                   : input->request->schema.fields[k].name;

            if (!ldr_name_equal(name, feature->name))
                continue;
            ldr_fault(check->faults, &feature->place,
                "that is in the answer anyway; give the feature another name",
                "feature '%s' of on-demand view '%s' has the name of a %s of "
                "'%s'",
                feature->name, view->about.name,
                input->view != NULL ? "join key" : "column", input->name);
            return;
        }
    }
}

static void
check_names(ldr_check *check, const ldr_on_demand *view)
{
    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i].feature;
        size_t j = 0;

        while (!ldr_name_equal(view->features[j].feature.name, feature->name))
            j++;
        if (j < i)
            ldr_fault(check->faults, &feature->place, NULL,
                "feature '%s' is defined twice in on-demand view '%s', first "
                "in line %u",
                feature->name, view->about.name,
                view->features[j].feature.place.line);
        check_beside(check, view, feature);
    }
}

/* Features in a copy, which may be filled in. */
static void
check_features(ldr_check *check, ldr_on_demand *view, bool known)
{
    const ldr_yaml *list = ldr_yaml_find(view->about.yaml, "features");
    ldr_derived *features;
    candidates all = {0};

    if (list != NULL && list->kind == LDR_YAML_SEQUENCE && list->n_items == 0)
        ldr_fault(check->faults, &list->place,
            "list them: [{name: ratio, type: float64, expr: \"a / b\"}]",
            "on-demand view '%s' has no features", view->about.name);
    if (view->n_features > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults, &list->place, "split the view",
            "on-demand view '%s' has %zu features; at most %u are read",
            view->about.name, view->n_features, LDR_COLUMNS_MAX);
        return;
    }
    features = ldr_check_array(check, view->n_features, sizeof *features);
    if (features == NULL)
        return;
    if (view->n_features > 0)
        memcpy(features, view->features, view->n_features * sizeof *features);
    view->features = features;
    check_names(check, view);
    for (size_t i = 0; i < view->n_features && !check->nomem; i++)
        ldr_check_rules(check, &features[i].feature);
    if (!known || check->nomem || !list_candidates(check, view, &all))
        return;
    set_columns(check, view, &all);
    for (size_t i = 0; i < view->n_features && !check->nomem; i++)
        check_expression(check, view, &all, &features[i]);
}

void
ldr_check_on_demands(ldr_check *check)
{
    size_t n = check->all->n_on_demands;
    bool *known = ldr_check_array(check, n, sizeof *known);

    for (size_t i = 0; i < n && !check->nomem; i++)
        known[i] = resolve_inputs(check, &check->on_demands[i]);
    if (!check->nomem)
        ldr_check_circles(check);
    for (size_t i = 0; i < n && !check->nomem; i++)
        check_features(check, &check->on_demands[i], known[i]);
}
