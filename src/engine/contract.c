/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract.c - what features promise of their values, judged a batch at a time.
 */
#include "engine/contract.h"

#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "data/schema.h"
#include "engine/clause.h"

/* ------------------------------------------------------------------ judging */

void
ldr_contract_place(const ldr_contract *contract, const larder_batch *batch,
    size_t row, char out[LDR_BREACH_ROOM])
{
    const ldr_contract_places *places = &contract->places;
    char text[2 * LDR_BREACH_ROOM], value[LDR_CLIP_ROOM];
    size_t size = 0;
    int n;

    for (size_t k = 0; k < places->n_keys && size < sizeof text; k++) {
        ldr_clause_print_value(&batch->columns[places->keys[k]], row, value);
        n = snprintf(text + size, sizeof text - size, "%s%s=%s",
            k == 0 ? "" : ", ", places->key_names[k], value);
        size += n < 0 ? 0 : (size_t)n;
    }
    if (size < sizeof text) {
        ldr_clause_print_value(&batch->columns[places->event], row, value);
        n = snprintf(text + size, sizeof text - size, "%sat %s",
            places->n_keys == 0 ? "" : " ", value);
        size += n < 0 ? 0 : (size_t)n;
    }
    if (size >= sizeof text)
        size = sizeof text - 1;
    if (size >= LDR_BREACH_ROOM)
        size = ldr_words_cut(text, size, LDR_BREACH_ROOM - 1);
    memcpy(out, text, size);
    out[size] = '\0';
}

larder_status
ldr_breaches_init(
    ldr_breaches *breaches, const ldr_contract *contract, larder_error *err)
{
    ldr_breach *each = calloc(contract->n_clauses + 1, sizeof *each);

    if (each == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to judge rows");
    breaches->each = each;
    return LARDER_OK;
}

void
ldr_breaches_release(ldr_breaches *breaches)
{
    free(breaches->each);
    *breaches = (ldr_breaches){0};
}

/* Is this row of the batch before the first that is known? Keep it then. */
static void
keep_first(const ldr_contract *contract, const ldr_clause *clause,
    const larder_batch *batch, size_t begin, uint64_t number,
    ldr_breach *breach)
{
    const larder_column *column = &batch->columns[clause->at];
    size_t row = begin;

    if (breach->count > 0 && breach->row <= number + begin)
        return;
    while (!ldr_clause_is_broken(clause, column, row))
        row++;
    if (breach->count > 0 && breach->row <= number + row)
        return;
    breach->row = number + row;
    ldr_contract_place(contract, batch, row, breach->where);
    ldr_clause_print_value(column, row, breach->value);
}

void
ldr_contract_judge(const ldr_contract *contract, const larder_batch *batch,
    size_t begin, size_t end, uint64_t number, ldr_breaches *breaches)
{
    for (size_t i = 0; i < contract->n_clauses && begin < end; i++) {
        const ldr_clause *clause = &contract->clauses[i];
        ldr_breach *breach = &breaches->each[i];
        size_t n =
            ldr_clause_count(clause, &batch->columns[clause->at], begin, end);

        if (n == 0)
            continue;
        keep_first(contract, clause, batch, begin, number, breach);
        breach->count += n;
    }
}

void
ldr_breaches_add(
    const ldr_contract *contract, ldr_breaches *to, const ldr_breaches *from)
{
    for (size_t i = 0; i < contract->n_clauses; i++) {
        ldr_breach *sum = &to->each[i];
        const ldr_breach *more = &from->each[i];
        uint64_t count = sum->count + more->count;

        if (more->count > 0 && (sum->count == 0 || more->row < sum->row))
            *sum = *more;
        sum->count = count;
    }
}

/* The check that readers ask: of one row, what is refused. */
static larder_status
judge_row(const larder_row_check *self, const larder_batch *batch, size_t row,
    const char **column, larder_error *err)
{
    const ldr_contract *contract = (const ldr_contract *)self;
    char value[LDR_CLIP_ROOM];

    for (size_t i = 0; i < contract->n_clauses; i++) {
        const ldr_clause *clause = &contract->clauses[i];

        if (!clause->refuse ||
            !ldr_clause_is_broken(clause, &batch->columns[clause->at], row))
            continue;
        *column = clause->column;
        ldr_clause_print_value(&batch->columns[clause->at], row, value);
        return ldr_clause_refuse(clause, value, err);
    }
    return LARDER_OK;
}

/* ------------------------------------------------------------------ telling */

larder_status
ldr_contract_refuse(const ldr_contract *contract, const ldr_breaches *breaches,
    uint64_t *row, larder_error *err)
{
    const ldr_breach *first = NULL;
    const ldr_clause *clause = NULL;

    for (size_t i = 0; i < contract->n_clauses; i++) {
        const ldr_breach *breach = &breaches->each[i];

        if (!contract->clauses[i].refuse || breach->count == 0 ||
            (first != NULL && first->row <= breach->row))
            continue;
        first = breach;
        clause = &contract->clauses[i];
    }
    if (first == NULL)
        return LARDER_OK;
    ldr_clause_refuse(clause, first->value, err);
    larder_context(err, "%s, column '%s'", first->where, clause->column);
    if (row != NULL)
        *row = first->row;
    return LARDER_INVALID;
}

static void
warn(
    const ldr_clause *clause, const ldr_breach *breach, const larder_call *call)
{
    bool one = breach->count == 1;
    char message[512], what[LDR_RULE_ROOM];
    larder_diagnostic d = {.warning = true, .message = message};

    snprintf(message, sizeof message,
        "feature '%s:%s': %llu value%s %s; the first: %s: %s", clause->view,
        clause->feature, (unsigned long long)breach->count,
        one ? " is" : "s are", ldr_clause_print_rule(clause, what),
        breach->where, breach->value);
    call->diagnostic(call->context, &d);
}

void
ldr_contract_warn(const ldr_contract *contract, const ldr_breaches *breaches,
    const larder_call *call)
{
    for (size_t i = 0; call->diagnostic != NULL && i < contract->n_clauses; i++)
        if (breaches->each[i].count > 0)
            warn(&contract->clauses[i], &breaches->each[i], call);
}

/* Place, ": ", value. */
#define FIRST_ROOM (LDR_BREACH_ROOM + LDR_CLIP_ROOM + 2)

/* A violation's texts, in the memory behind the list. */
static char *
put_text(char **room, const char *text)
{
    size_t size = strlen(text) + 1;
    char *at = memcpy(*room, text, size);

    *room += size;
    return at;
}

static void
put_violation(const ldr_clause *clause, const ldr_breach *breach,
    larder_violation *out, char **room)
{
    char first[FIRST_ROOM];

    snprintf(first, sizeof first, "%s: %s", breach->where, breach->value);
    *out = (larder_violation){.view = put_text(room, clause->view),
        .feature = put_text(room, clause->feature),
        .rule = ldr_rule_name(clause->rule),
        .count = breach->count,
        .first = put_text(room, first)};
}

larder_status
ldr_contract_report(const ldr_contract *contract, const ldr_breaches *breaches,
    larder_violation **violations, size_t *n, larder_error *err)
{
    larder_violation *list;
    size_t n_list = 0, size = 0;
    char *room;

    for (size_t i = 0; i < contract->n_clauses; i++) {
        if (breaches->each[i].count == 0)
            continue;
        n_list++;
        size += sizeof *list + strlen(contract->clauses[i].view) +
                strlen(contract->clauses[i].feature) + 2 + FIRST_ROOM;
    }
    if (n_list == 0) {
        *violations = NULL;
        *n = 0;
        return LARDER_OK;
    }
    list = malloc(size);
    if (list == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a report");
    room = (char *)(list + n_list);
    *violations = list;
    *n = n_list;
    for (size_t i = 0; i < contract->n_clauses; i++)
        if (breaches->each[i].count > 0)
            put_violation(
                &contract->clauses[i], &breaches->each[i], list++, &room);
    return LARDER_OK;
}

/* ------------------------------------------------------------------- making */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a contract");
}

static larder_status
copy_places(const ldr_contract_places *from, ldr_arena *arena,
    ldr_contract_places *to, larder_error *err)
{
    const char **names =
        ldr_arena_array(arena, from->n_keys + 1, sizeof *names);
    size_t *keys = ldr_arena_array(arena, from->n_keys + 1, sizeof *keys);

    if (names == NULL || keys == NULL)
        return no_memory(err);
    for (size_t k = 0; k < from->n_keys; k++) {
        names[k] = ldr_arena_copy(arena, from->key_names[k]);
        keys[k] = from->keys[k];
        if (names[k] == NULL)
            return no_memory(err);
    }
    *to = (ldr_contract_places){.key_names = names,
        .keys = keys,
        .n_keys = from->n_keys,
        .event = from->event};
    return LARDER_OK;
}

/* Room for so many clauses. */
static larder_status
begin(ldr_contract *contract, size_t n_clauses,
    const ldr_contract_places *places, ldr_arena *arena, ldr_clause **clauses,
    larder_error *err)
{
    *contract = (ldr_contract){.check = {judge_row}};
    *clauses = ldr_arena_array(arena, n_clauses + 1, sizeof **clauses);
    if (*clauses == NULL)
        return no_memory(err);
    contract->clauses = *clauses;
    return copy_places(places, arena, &contract->places, err);
}

static void
finish(ldr_contract *contract, const ldr_clause *end)
{
    contract->n_clauses = (size_t)(end - contract->clauses);
    for (size_t i = 0; i < contract->n_clauses; i++)
        contract->n_refusing += contract->clauses[i].refuse;
}

larder_status
ldr_contract_of_view(const ldr_view *view, const ldr_contract_places *places,
    ldr_arena *arena, ldr_contract *out, larder_error *err)
{
    ldr_contract contract;
    ldr_clause *next;
    size_t n = 0;
    larder_status rc;

    for (size_t i = 0; i < view->n_features; i++)
        n += ldr_clauses_count(&view->features[i]);
    LARDER_TRY(begin(&contract, n, places, arena, &next, err));
    for (size_t i = 0; i < view->n_features; i++)
        if (ldr_clauses_count(&view->features[i]) > 0 &&
            places->features[i] != LDR_NO_FIELD)
            LARDER_TRY(ldr_clauses_of_feature(view, &view->features[i],
                places->features[i], arena, &next, err));
    finish(&contract, next);
    *out = contract;
out:
    return rc;
}

/* The source whose history this is of. */
static const ldr_source *
history_of(const ldr_source *source)
{
    return source->kind == LDR_SOURCE_PUSH && source->batch_source != NULL
               ? source->batch_source
               : source;
}

static larder_status
add_view(const ldr_view *view, const ldr_source *source, ldr_arena *arena,
    ldr_clause **next, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];
        size_t at;

        if (ldr_clauses_count(feature) == 0)
            continue;
        at = ldr_schema_find(&source->schema, feature->from);
        if (at != LDR_NO_FIELD)
            LARDER_TRY(
                ldr_clauses_of_feature(view, feature, at, arena, next, err));
    }
out:
    return rc;
}

larder_status
ldr_contract_of_source(const ldr_definitions *all, const ldr_source *source,
    ldr_arena *arena, ldr_contract *out, larder_error *err)
{
    const ldr_source *history = history_of(source);
    size_t keys[LDR_VIEW_KEYS_MAX];
    ldr_contract_places places = {.key_names = history->key, .keys = keys};
    ldr_contract contract;
    ldr_clause *next;
    size_t n = 0;
    larder_status rc;

    for (; places.n_keys < history->n_key && places.n_keys < LDR_VIEW_KEYS_MAX;
         places.n_keys++)
        keys[places.n_keys] =
            ldr_schema_find(&history->schema, history->key[places.n_keys]);
    places.event = ldr_schema_find(&history->schema, history->timestamp_field);
    for (size_t v = 0; v < all->n_views; v++)
        if (history_of(all->views[v].source) == history)
            for (size_t i = 0; i < all->views[v].n_features; i++)
                n += ldr_clauses_count(&all->views[v].features[i]);
    LARDER_TRY(begin(&contract, n, &places, arena, &next, err));
    for (size_t v = 0; v < all->n_views; v++)
        if (history_of(all->views[v].source) == history)
            LARDER_TRY(add_view(&all->views[v], history, arena, &next, err));
    finish(&contract, next);
    *out = contract;
out:
    return rc;
}
