/* SPDX-License-Identifier: Apache-2.0 */
/*
 * differ.c - two rows of one key that should be the same, in words.
 *
 * First their times; then plain features, in order; then windowed ones, at the
 * row's own time; then the events themselves. Real numbers are printed so that
 * the least difference shows.
 */
#include "engine/differ.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/text.h"

/* Longer texts are shown from shortly before they differ. */
#define SHOWN_BYTES 160u
#define SHOWN_BEFORE 40u

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a difference");
}

void
ldr_difference_release(larder_difference *difference)
{
    free(difference->view);
    free(difference->key);
    free(difference->feature);
    free(difference->online);
    free(difference->history);
    *difference = (larder_difference){0};
}

/* ------------------------------------------------------------------- words */

static larder_status
put_text(char **out, const char *text, larder_error *err)
{
    *out = strdup(text);
    return *out == NULL ? no_memory(err) : LARDER_OK;
}

static larder_status
print_value(const larder_value *value, char **out, larder_error *err)
{
    size_t n = larder_value_print(value, NULL, 0);

    if (value->null)
        return put_text(out, "null", err);
    *out = malloc(n + 1);
    if (*out == NULL)
        return no_memory(err);
    n = larder_value_print(value, *out, n + 1);
    (*out)[n] = '\0';
    return LARDER_OK;
}

/* Not in the middle of a character. */
static size_t
begin_of_character(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[at] & 0xC0u) == 0x80u)
        at--;
    return at;
}

static void
cut(char *text, size_t begin)
{
    size_t size = strlen(text), end = begin + SHOWN_BYTES;

    if (end < size)
        text[begin_of_character(text, end)] = '\0';
    if (begin == 0 || begin >= size)
        return;
    begin = begin_of_character(text, begin);
    memmove(text + 3, text + begin, strlen(text + begin) + 1);
    memcpy(text, "...", 3);
}

static void
shorten(char *a, char *b)
{
    size_t same = 0;

    if (strlen(a) <= SHOWN_BYTES && strlen(b) <= SHOWN_BYTES)
        return;
    while (a[same] != '\0' && a[same] == b[same])
        same++;
    same = same > SHOWN_BEFORE ? same - SHOWN_BEFORE : 0;
    cut(a, same < 4 ? 0 : same);
    cut(b, same < 4 ? 0 : same);
}

/* One place of the two rows, where they differ. */
static larder_status
say(larder_difference *out, const char *feature, const larder_value *online,
    const larder_value *history, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(put_text(&out->feature, feature, err));
    LARDER_TRY(print_value(online, &out->online, err));
    LARDER_TRY(print_value(history, &out->history, err));
    shorten(out->online, out->history);
out:
    return rc;
}

static larder_status
say_key(const ldr_recomputing *plan, larder_bytes key, larder_difference *out,
    larder_error *err)
{
    const ldr_view *view = plan->view;
    larder_column parts[LDR_VIEW_KEYS_MAX], *columns[LDR_VIEW_KEYS_MAX];
    larder_bytes bytes = {(const unsigned char *)key.data + LDR_KEY_HEAD_BYTES,
        key.size - LDR_KEY_HEAD_BYTES};
    size_t size = 0, n = 0;
    FILE *words = open_memstream(&out->key, &size);
    larder_status rc = LARDER_OK;

    if (words == NULL)
        return no_memory(err);
    for (; n < view->n_keys; n++) {
        LARDER_TRY(ldr_column_init(&parts[n], view->keys[n].type, err));
        columns[n] = &parts[n];
    }
    LARDER_TRY(ldr_key_decode(bytes, columns, n, err));
    for (size_t k = 0; k < n; k++) {
        larder_value value = larder_column_value(&parts[k], 0);

        fprintf(words, "%s%s=", k == 0 ? "" : ", ", view->keys[k].name);
        LARDER_TRY(ldr_value_write(words, &value, LARDER_CSV, err));
    }
out:
    for (size_t k = 0; k < n; k++)
        ldr_column_release(&parts[k]);
    if (fclose(words) != 0 && rc == LARDER_OK)
        rc = no_memory(err);
    return rc;
}

/* --------------------------------------------------------- a row as a whole */

static larder_status
say_row(larder_bytes row, char **out, larder_error *err)
{
    char time[33], words[64];

    larder_time_print(ldr_row_event(row), time);
    snprintf(words, sizeof words, "a row of %s", time);
    return put_text(out, words, err);
}

static larder_value
time_value(larder_time time)
{
    return (larder_value){.type = LARDER_TIMESTAMP,
        .null = time == LDR_NO_CREATED,
        .as.integer = time};
}

static larder_status
compare_times(larder_bytes online, larder_bytes history, bool *found,
    larder_difference *out, larder_error *err)
{
    larder_value events[2] = {
        time_value(ldr_row_event(online)), time_value(ldr_row_event(history))};
    larder_value created[2] = {time_value(ldr_row_created(online)),
        time_value(ldr_row_created(history))};

    *found = true;
    if (!ldr_value_same(&events[0], &events[1]))
        return say(out, "event time", &events[0], &events[1], err);
    if (!ldr_value_same(&created[0], &created[1]))
        return say(out, "created time", &created[0], &created[1], err);
    *found = false;
    return LARDER_OK;
}

/* ---------------------------------------------------------- column by column
 */

/* Row 0 is online's, row 1 history's. */
typedef struct pair {
    const ldr_recomputing *plan;
    larder_bytes rows[2];
    larder_difference *out;
    bool found;
} pair;

static larder_status
read_column(const pair *p, size_t at, larder_column *column, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_column_init(column, p->plan->layout.types[at], err));
    for (size_t i = 0; i < 2; i++)
        LARDER_TRY(ldr_row_read(&p->plan->layout, p->rows[i], at, column, err));
out:
    return rc;
}

/* Are rows 0 and 1 of it the same bits? If not, that is the difference. */
static larder_status
compare_cells(
    pair *p, const char *name, const larder_column *column, larder_error *err)
{
    larder_value online = larder_column_value(column, 0);
    larder_value history = larder_column_value(column, 1);

    if (ldr_value_same(&online, &history))
        return LARDER_OK;
    p->found = true;
    return say(p->out, name, &online, &history, err);
}

static larder_status
compare_plain(pair *p, larder_error *err)
{
    const ldr_view *view = p->plan->view;
    size_t at = 0;
    larder_status rc = LARDER_OK;

    for (size_t f = 0; f < view->n_features && !p->found; f++) {
        larder_column column = {0};

        if (view->features[f].aggregate != LDR_AGGREGATE_NONE)
            continue;
        rc = read_column(p, at++, &column, err);
        if (rc == LARDER_OK)
            rc = compare_cells(p, view->features[f].name, &column, err);
        ldr_column_release(&column);
        LARDER_TRY(rc);
    }
out:
    return rc;
}

/* ----------------------------------------------------------------- windows */

/* The lists of events of both rows. */
typedef struct both_events {
    size_t n; /* columns */
    larder_column *lists;
    larder_batch batches[2];
    larder_column *items[2]; /* lent by the lists */
} both_events;

static larder_status
read_events(const pair *p, ldr_arena *arena, both_events *e, larder_error *err)
{
    const ldr_deriving *deriving = &p->plan->deriving;
    larder_status rc = LARDER_OK;

    e->lists = ldr_arena_array(
        arena, deriving->events.schema.n_fields, sizeof *e->lists);
    if (e->lists == NULL)
        return no_memory(err);
    for (; e->n < deriving->events.schema.n_fields; e->n++)
        LARDER_TRY(
            read_column(p, deriving->n_plain + e->n, &e->lists[e->n], err));
out:
    return rc;
}

static size_t
count_events(const both_events *e, size_t row)
{
    larder_value times = larder_column_value(&e->lists[0], row);

    return times.null ? 0 : times.as.list.end - times.as.list.begin;
}

/* The windowed features of one of the rows, at its own time; a row each. */
static larder_status
run_windows(const pair *p, const both_events *e, size_t row,
    ldr_windows *windows, larder_column *const *out, ldr_arena *arena,
    larder_error *err)
{
    const ldr_event_plan *plan = &p->plan->deriving.events;
    larder_value times = larder_column_value(&e->lists[0], row);
    larder_column *items = ldr_arena_array(arena, e->n, sizeof *items);
    larder_batch batch = {.schema = &plan->schema, .columns = items};
    ldr_events events = {.batch = &batch,
        .begin = times.as.list.begin,
        .end = times.as.list.end};
    larder_time at = ldr_row_event(p->rows[row]);

    if (items == NULL)
        return no_memory(err);
    for (size_t i = 0; i < e->n; i++)
        items[i] = *e->lists[i].items;
    batch.n_rows = items[0].n_rows;
    return ldr_windows_run(windows, &events, &at, 1, out, err);
}

static larder_status
compare_windows(
    pair *p, const both_events *e, ldr_arena *arena, larder_error *err)
{
    const ldr_event_plan *plan = &p->plan->deriving.events;
    size_t n = plan->n_windows;
    larder_column *values = ldr_arena_array(arena, n + 1, sizeof *values);
    larder_column **out = ldr_arena_array(arena, n + 1, sizeof *out);
    ldr_windows *windows = NULL;
    larder_status rc = LARDER_OK;

    if (values == NULL || out == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        out[i] = &values[i];
        LARDER_TRY(ldr_column_init(&values[i], plan->windows[i].type, err));
    }
    LARDER_TRY(ldr_windows_new(plan->windows, n, &windows, err));
    for (size_t row = 0; row < 2; row++) {
        larder_error why = {0};

        /* A sum that fits no type says nothing of a difference. */
        rc = run_windows(p, e, row, windows, out, arena, &why);
        if (rc == LARDER_INVALID) {
            rc = LARDER_OK;
            goto out;
        }
        if (rc != LARDER_OK && err != NULL)
            *err = why;
        LARDER_TRY(rc);
    }
    for (size_t i = 0; i < n && !p->found; i++)
        LARDER_TRY(compare_cells(p, plan->windows[i].name, &values[i], err));
out:
    for (size_t i = 0; i < n; i++)
        ldr_column_release(&values[i]);
    ldr_windows_free(windows);
    return rc;
}

static larder_status
compare_counts(pair *p, const both_events *e, larder_error *err)
{
    char counts[2][96];
    larder_status rc;

    for (size_t row = 0; row < 2; row++)
        if (larder_column_value(&e->lists[0], row).null)
            snprintf(counts[row], sizeof counts[row],
                "more than %u (max_window_events), or than a row holds",
                p->plan->view->max_window_events);
        else
            snprintf(
                counts[row], sizeof counts[row], "%zu", count_events(e, row));
    if (strcmp(counts[0], counts[1]) == 0)
        return LARDER_OK;
    p->found = true;
    LARDER_TRY(put_text(&p->out->feature, "number of events", err));
    LARDER_TRY(put_text(&p->out->online, counts[0], err));
    LARDER_TRY(put_text(&p->out->history, counts[1], err));
out:
    return rc;
}

/* As many events each: the first cell that differs. */
static larder_status
compare_events(pair *p, const both_events *e, larder_error *err)
{
    const larder_schema *schema = &p->plan->deriving.events.schema;
    size_t n = count_events(e, 0);
    char name[128];

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < e->n; c++) {
            larder_value values[2];

            for (size_t row = 0; row < 2; row++) {
                larder_value list = larder_column_value(&e->lists[c], row);

                values[row] = larder_column_value(
                    list.as.list.items, list.as.list.begin + i);
            }
            if (ldr_value_same(&values[0], &values[1]))
                continue;
            p->found = true;
            snprintf(name, sizeof name, "event %zu of %zu: %s", i + 1, n,
                schema->fields[c].name);
            return say(p->out, name, &values[0], &values[1], err);
        }
    return LARDER_OK;
}

static larder_status
compare_derived(pair *p, larder_error *err)
{
    ldr_arena arena = {0};
    both_events e = {0};
    larder_status rc;

    LARDER_TRY(read_events(p, &arena, &e, err));
    if (e.lists[0].n_nulls == 0)
        LARDER_TRY(compare_windows(p, &e, &arena, err));
    if (!p->found)
        LARDER_TRY(compare_counts(p, &e, err));
    if (!p->found && e.lists[0].n_nulls == 0)
        LARDER_TRY(compare_events(p, &e, err));
out:
    for (size_t i = 0; i < e.n; i++)
        ldr_column_release(&e.lists[i]);
    ldr_arena_free(&arena);
    return rc;
}

/* --------------------------------------------------------------- the whole */

static larder_status
compare_rows(const ldr_recomputing *plan, larder_bytes online,
    larder_bytes history, larder_difference *out, larder_error *err)
{
    pair p = {.plan = plan, .rows = {online, history}, .out = out};
    larder_status rc;

    LARDER_TRY(compare_times(online, history, &p.found, out, err));
    if (!p.found)
        LARDER_TRY(compare_plain(&p, err));
    if (!p.found && ldr_recomputing_is_derived(plan))
        LARDER_TRY(compare_derived(&p, err));
    if (!p.found) {
        LARDER_TRY(put_text(&out->feature, "bytes", err));
        LARDER_TRY(put_text(&out->online, "equal values", err));
        LARDER_TRY(put_text(&out->history, "equal values", err));
    }
out:
    return rc;
}

static larder_status
say_damaged(const larder_error *why, larder_bytes history,
    larder_difference *out, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(put_text(&out->online, why->message, err));
    if (history.size > 0)
        rc = say_row(history, &out->history, err);
out:
    return rc;
}

static larder_status
describe(const ldr_recomputing *plan, larder_bytes key, larder_bytes online,
    larder_bytes history, larder_difference *out, larder_error *err)
{
    larder_error damage = {0};
    larder_status rc;

    LARDER_TRY(say_key(plan, key, out, err));
    if (online.size == 0)
        return say_row(history, &out->history, err);
    rc = ldr_row_check(&plan->layout, key, online, &damage);
    if (rc == LARDER_CORRUPT)
        return say_damaged(&damage, history, out, err);
    if (history.size == 0)
        return say_row(online, &out->online, err);
    LARDER_TRY(compare_rows(plan, online, history, out, err));
out:
    return rc;
}

larder_status
ldr_differ(const ldr_recomputing *plan, larder_bytes key, larder_bytes online,
    larder_bytes history, larder_difference *out, larder_error *err)
{
    larder_difference made = {0};
    larder_status rc = describe(plan, key, online, history, &made, err);

    if (rc != LARDER_OK) {
        ldr_difference_release(&made);
        return rc;
    }
    made.view = out->view;
    *out = made;
    return LARDER_OK;
}
