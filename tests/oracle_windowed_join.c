/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_windowed_join.c - windows of history again, slow and obvious: random
 * data must agree.
 *
 * Each round makes a view over 0 to 2 keys with random aggregates, windows,
 * offsets and filters, puts random history into it (ties, corrections, nulls,
 * rows that became known late) and asks a random spine, of every store. For
 * each answer the oracle looks at every row of history. Times crowd around a
 * few moments, so that both edges of a window are met to the microsecond.
 *
 * Numbers are whole multiples of 2^-20, so that the oracle sums them as
 * integers: what doubles do beyond that is test_sum's and test_window's.
 */
#include <check.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/bytes.h"
#include "data/schema.h"
#include "definition/config.h"
#include "engine/windowed.h"
#include "tests/support.h"

__extension__ typedef __int128 wide;

#define ROUNDS 100u
#define HISTORY 90u
#define SPINE 150u
#define WINDOWS 8u
#define KEYS_MAX 2u
#define COLUMNS 5u
#define FILTERS 4u
#define NO_CREATED INT64_MIN
#define EVENT_TIME COLUMNS
#define PAYLOAD 256u /* bytes of a row, at most */
#define UNIT ((double)(1 << 20))

/* History's value columns, in the order of its schema. */
enum { I, G, F, H, S };

static const larder_field value_fields[COLUMNS] = {
    {"i", LARDER_INT64},   /* greater than a double can hold, too */
    {"g", LARDER_INT32},   /* few and small */
    {"f", LARDER_FLOAT64}, /* wide apart */
    {"h", LARDER_FLOAT64}, /* close together, for stddev */
    {"s", LARDER_STRING},
};

typedef struct event {
    int64_t key[KEYS_MAX];
    bool null_key; /* spine only: the first part */
    larder_time ts, created;
    bool has[COLUMNS];
    int64_t number[COLUMNS]; /* of F and H: in units */
    char text[8];
} event;

typedef struct world {
    uint64_t random;
    size_t n_keys;
    larder_type types[KEYS_MAX];
    bool has_created, as_known, has_replace_on;
    bool narrow; /* windows see the end only, so what is before them counts */
    size_t n_replace_on, replace_on[2];
    larder_time base;
    int64_t step_us;
    event history[HISTORY];
    size_t n_history;
    event spine[SPINE];
    ldr_feature features[WINDOWS + 1]; /* the last is plain */
    size_t filter_of[WINDOWS];
    /* The columns a row is compared by where times are equal: those of the
     * view in its features' order, EVENT_TIME for none; then what else there
     * is. */
    size_t stored[WINDOWS + 1];
    size_t compared[COLUMNS];
    size_t n_compared;
} world;

static size_t
below(world *w, size_t n)
{
    return support_below(&w->random, n);
}

static void
must(larder_status rc, const larder_error *err)
{
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s", larder_status_name(rc), err->message);
}

/* ---------------------------------------------------------------- filters */

static const char *const filter_texts[FILTERS] = {
    "g > 0",
    "s = 'ab' or g is null",
    "f is not null and h <= 1.5",
    "null or i < 0",
};
static const size_t filter_reads[FILTERS][2] = {{G, G}, {G, S}, {F, H}, {I, I}};

static bool
passes(const event *e, size_t filter)
{
    switch (filter) {
    case 0:
        return e->has[G] && e->number[G] > 0;
    case 1:
        return (e->has[S] && strcmp(e->text, "ab") == 0) || !e->has[G];
    case 2:
        return e->has[F] && e->has[H] && (double)e->number[H] / UNIT <= 1.5;
    case 3:
        return e->has[I] && e->number[I] < 0;
    default:
        return true;
    }
}

/* --------------------------------------------------------------- the data */

static larder_time
random_time(world *w)
{
    static const larder_time far[] = {LARDER_TIME_MIN, LARDER_TIME_MIN + 1,
        LARDER_TIME_MAX, LARDER_TIME_MAX - 1};

    if (below(w, 30) == 0)
        return far[below(w, 4)];
    return w->base + (int64_t)below(w, 9) * w->step_us + (int64_t)below(w, 3) -
           1;
}

static void
random_values(world *w, event *e)
{
    static const char *const texts[] = {"", "a", "ab", "abc", "b", "\xc3\xa9"};
    static const int64_t wide_steps[] = {
        1, 3, INT64_C(1) << 20, INT64_C(1) << 60, (INT64_C(1) << 61) + 1};

    for (size_t c = 0; c < COLUMNS; c++)
        e->has[c] = below(w, 4) != 0;
    e->number[I] = ((int64_t)below(w, 7) - 3) * (INT64_C(1) << (below(w, 54)));
    e->number[G] = (int64_t)below(w, 5) - 2;
    /* Only what a double holds. */
    e->number[F] =
        (int64_t)(double)(((int64_t)below(w, 3) - 1) * wide_steps[below(w, 5)]);
    e->number[H] = (int64_t)below(w, 4000000) - 1000000;
    strcpy(e->text, texts[below(w, 6)]);
}

static void
random_event(world *w, event *e)
{
    *e = (event){.ts = random_time(w), .created = NO_CREATED};
    for (size_t k = 0; k < w->n_keys; k++)
        e->key[k] = (int64_t)below(w, 2);
    if (w->has_created && below(w, 5) != 0)
        e->created =
            below(w, w->narrow ? 1 : 3) == 0
                ? random_time(w)
                : ldr_time_plus(e->ts, (int64_t)below(w, 3) * (w->step_us / 2));
    random_values(w, e);
}

static bool
same_cell(const event *a, const event *b, size_t c)
{
    if (!a->has[c] || !b->has[c])
        return a->has[c] == b->has[c];
    return c == S ? strcmp(a->text, b->text) == 0
                  : a->number[c] == b->number[c];
}

static bool
same_key(const world *w, const event *a, const event *b)
{
    for (size_t k = 0; k < w->n_keys; k++)
        if (a->key[k] != b->key[k])
            return false;
    return !a->null_key && !b->null_key;
}

static bool
same_event(const world *w, const event *a, const event *b)
{
    for (size_t c = 0; c < COLUMNS; c++)
        if (!same_cell(a, b, c))
            return false;
    return same_key(w, a, b) && a->ts == b->ts && a->created == b->created;
}

/* Rows are a set: one that is there already is not added. */
static void
random_history(world *w)
{
    size_t n = w->narrow ? HISTORY / 4 : HISTORY;

    for (size_t i = 0; i < n; i++) {
        event e;
        bool there = false;

        random_event(w, &e);
        if (w->n_history > 0 && below(w, 3) == 0) { /* one like another */
            event other = w->history[below(w, w->n_history)];

            other.created = below(w, 2) == 0 ? e.created : other.created;
            other.has[below(w, COLUMNS)] ^= true;
            other.number[G] = e.number[G];
            e = other;
        }
        for (size_t k = 0; k < w->n_history && !there; k++)
            there = same_event(w, &e, &w->history[k]);
        if (!there)
            w->history[w->n_history++] = e;
    }
}

static void
random_spine(world *w)
{
    for (size_t i = 0; i < SPINE; i++) {
        event *e = &w->spine[i];

        random_event(w, e);
        if (w->narrow)
            e->ts = w->base + (int64_t)(6 + below(w, 4)) * w->step_us;
        e->null_key = w->n_keys > 0 && below(w, 25) == 0;
        if (w->n_keys > 0 && below(w, 20) == 0)
            e->key[0] = w->types[0] == LARDER_BOOL ? 0 : 7; /* nobody's */
        if (!w->narrow &&
            below(w, 3) == 0) /* the edge of some event's window */
            e->ts = ldr_time_plus(w->history[below(w, w->n_history)].ts,
                w->features[below(w, WINDOWS)].window_us +
                    (int64_t)below(w, 3) - 1);
        if (i > 0 && below(w, 10) == 0)
            *e = w->spine[below(w, i)];
    }
}

/* --------------------------------------------------------------- the view */

/* Which column an aggregate may have, and of what type its answer is. */
static void
random_aggregate(world *w, ldr_feature *f)
{
    static const size_t numbers[] = {I, G, F, H};
    size_t c = below(w, COLUMNS);

    f->aggregate = (ldr_aggregate)(1 + below(w, LDR_AGGREGATE_COUNT_DISTINCT));
    f->type = LARDER_INT64;
    if (f->aggregate == LDR_AGGREGATE_SUM || f->aggregate == LDR_AGGREGATE_MEAN)
        c = numbers[below(w, 4)];
    if (f->aggregate == LDR_AGGREGATE_STDDEV)
        c = below(w, 2) == 0 ? (size_t)G : (size_t)H;
    if (f->aggregate == LDR_AGGREGATE_COUNT && below(w, 2) == 0)
        return;
    f->column = value_fields[c].name;
    f->column_type = value_fields[c].type;
    if (f->aggregate == LDR_AGGREGATE_MEAN ||
        f->aggregate == LDR_AGGREGATE_STDDEV ||
        (f->aggregate == LDR_AGGREGATE_SUM && (c == F || c == H)))
        f->type = LARDER_FLOAT64;
    if (f->aggregate == LDR_AGGREGATE_MIN ||
        f->aggregate == LDR_AGGREGATE_MAX ||
        f->aggregate == LDR_AGGREGATE_FIRST ||
        f->aggregate == LDR_AGGREGATE_LAST)
        f->type = f->column_type;
}

static size_t
column_of(const char *name)
{
    size_t c = 0;

    while (c < COLUMNS && strcmp(value_fields[c].name, name) != 0)
        c++;
    return c;
}

static void
compare_by(world *w, size_t column)
{
    for (size_t i = 0; i < w->n_compared; i++)
        if (w->compared[i] == column)
            return;
    w->compared[w->n_compared++] = column;
}

static void
random_features(world *w)
{
    static const char *const names[] = {
        "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7"};

    for (size_t i = 0; i < WINDOWS; i++) {
        ldr_feature *f = &w->features[i];

        f->name = names[i];
        f->from = "";
        random_aggregate(w, f);
        f->window_us = (int64_t)(1 + below(w, w->narrow ? 1 : 5)) * w->step_us;
        if (!w->narrow && below(w, 4) == 0)
            f->offset_us = (int64_t)below(w, 4) * w->step_us;
        if (!w->narrow && below(w, 20) == 0)
            f->window_us = LARDER_TIME_MAX - LARDER_TIME_MIN;
        w->filter_of[i] = below(w, 2 * FILTERS);
        if (w->filter_of[i] < FILTERS)
            f->where = filter_texts[w->filter_of[i]];
        w->stored[i] = EVENT_TIME;
        if (f->column != NULL) {
            w->stored[i] = column_of(f->column);
            compare_by(w, w->stored[i]);
        }
    }
    w->stored[WINDOWS] = I;
    w->features[WINDOWS] =
        (ldr_feature){.name = "i", .from = "i", .type = LARDER_INT64};
    for (size_t i = 0; i < WINDOWS; i++)
        for (size_t k = 0; k < 2 && w->filter_of[i] < FILTERS; k++)
            compare_by(w, filter_reads[w->filter_of[i]][k]);
    for (size_t i = 0; i < w->n_replace_on; i++)
        compare_by(w, w->replace_on[i]);
}

static void
random_world(world *w, uint64_t seed)
{
    static const larder_type types[] = {LARDER_BOOL, LARDER_INT32, LARDER_INT64,
        LARDER_STRING, LARDER_TIMESTAMP};
    static const int64_t steps[] = {1, 7, 1000000, 86400000000};
    static const larder_time bases[] = {
        0, 1704067200000000, -5000000000000000, LARDER_TIME_MIN + 2};

    memset(w, 0, sizeof *w);
    w->random = seed;
    w->n_keys = below(w, KEYS_MAX + 1);
    for (size_t k = 0; k < w->n_keys; k++)
        w->types[k] = types[below(w, 5)];
    w->step_us = steps[below(w, 4)];
    w->base = bases[below(w, 4)];
    w->has_created = below(w, 4) != 0;
    w->as_known = w->has_created && below(w, 2) == 0;
    w->has_replace_on = below(w, 2) == 0;
    w->narrow = below(w, 3) == 0;
    if (w->has_replace_on)
        w->n_replace_on = below(w, 3);
    w->replace_on[0] = G;
    w->replace_on[1] = S;
    random_features(w);
    random_history(w);
    random_spine(w);
}

/* ------------------------------------------------------------- the oracle */

/* The bytes that decide between rows of equal times (docs/formats.md), of so
 * many columns. */
static size_t
payload(const event *e, const size_t *columns, size_t n, unsigned char *out)
{
    size_t slot = (n + 7) / 8, end = slot, n_text = 0;

    memset(out, 0, PAYLOAD);
    for (size_t i = 0; i < n; i++)
        end += columns[i] == G ? 4 : 8;
    for (size_t i = 0; i < n; i++) {
        size_t c = columns[i];
        bool time = c == EVENT_TIME;
        double real = time ? 0 : (double)e->number[c] / UNIT;
        uint64_t bits = (uint64_t)(time ? e->ts : e->number[c]);

        if (c == F || c == H)
            memcpy(&bits, &real, 8);
        if (c == S && e->has[c]) {
            size_t size = strlen(e->text);

            bits = (uint64_t)size << 32 | n_text;
            memcpy(out + end + n_text, e->text, size);
            n_text += size;
        }
        if (time || e->has[c]) {
            out[i / 8] = (unsigned char)(out[i / 8] | 1u << i % 8);
            for (size_t b = 0; b < (c == G ? 4u : 8u); b++)
                out[slot + b] = (unsigned char)(bits >> (8 * b));
        }
        slot += c == G ? 4 : 8;
    }
    return end + n_text;
}

static int
compare_payloads(
    const event *a, const event *b, const size_t *columns, size_t n)
{
    unsigned char x[PAYLOAD], y[PAYLOAD];
    size_t n_x = payload(a, columns, n, x), n_y = payload(b, columns, n, y);
    int order = memcmp(x, y, n_x < n_y ? n_x : n_y);

    return order != 0 ? order : (n_x > n_y) - (n_x < n_y);
}

static int
newer(const world *w, const event *a, const event *b)
{
    int order;

    if (a->ts != b->ts)
        return a->ts < b->ts ? -1 : 1;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    order = compare_payloads(a, b, w->stored, WINDOWS + 1);
    return order != 0 ? order
                      : compare_payloads(a, b, w->compared, w->n_compared);
}

static bool
is_visible(const world *w, const event *e, const event *spine)
{
    if (!same_key(w, e, spine) || e->ts > spine->ts)
        return false;
    return !w->as_known ||
           (e->created != NO_CREATED && e->created <= spine->ts);
}

/* Is there a newer version of row i that may be seen? Of versions that are
 * equal in all that is compared any one stands for the others. */
static bool
is_replaced(const world *w, size_t i, const event *spine)
{
    const event *e = &w->history[i];

    if (!w->has_replace_on)
        return false;
    for (size_t k = 0; k < w->n_history; k++) {
        const event *other = &w->history[k];
        bool same = k != i && is_visible(w, other, spine) && other->ts == e->ts;
        int order = same ? newer(w, other, e) : 0;

        for (size_t r = 0; r < w->n_replace_on; r++)
            same = same && same_cell(other, e, w->replace_on[r]);
        if (same && (order > 0 || (order == 0 && k > i)))
            return true;
    }
    return false;
}

static int
compare_cells(const event *a, const event *b, size_t c)
{
    if (c == S)
        return strcmp(a->text, b->text);
    return (a->number[c] > b->number[c]) - (a->number[c] < b->number[c]);
}

/* What one feature is made of: the events of its window with a value. */
typedef struct chosen {
    const event *events[HISTORY];
    size_t n;
} chosen;

static void
choose(const world *w, size_t feature, const event *spine, chosen *out)
{
    const ldr_feature *f = &w->features[feature];
    wide end = (wide)spine->ts - f->offset_us;

    out->n = 0;
    for (size_t i = 0; i < w->n_history; i++) {
        const event *e = &w->history[i];

        if (is_visible(w, e, spine) && !is_replaced(w, i, spine) &&
            e->ts <= end && e->ts > end - f->window_us &&
            passes(e, w->filter_of[feature]) &&
            (f->column == NULL || e->has[column_of(f->column)]))
            out->events[out->n++] = e;
    }
}

static larder_value
number_of(size_t c, wide number)
{
    if (c == F || c == H)
        return (larder_value){
            .type = LARDER_FLOAT64, .as.real = (double)number / UNIT};
    return (larder_value){.type = LARDER_INT64, .as.integer = (int64_t)number};
}

static larder_value
cell(const event *e, size_t c)
{
    larder_value value = number_of(c, e->number[c]);

    value.type = value_fields[c].type;
    value.null = !e->has[c];
    if (c == S)
        value.as.text = (larder_bytes){e->text, strlen(e->text)};
    return value;
}

static larder_value
sum_of(ldr_aggregate aggregate, const chosen *all, size_t c)
{
    wide sum = 0, squares = 0, n = (wide)all->n, spread;
    double unit = c == F || c == H ? UNIT : 1;
    larder_value value = {.type = LARDER_FLOAT64};

    for (size_t i = 0; i < all->n; i++) {
        sum += all->events[i]->number[c];
        if (c == G || c == H)
            squares +=
                (wide)all->events[i]->number[c] * all->events[i]->number[c];
    }
    if (aggregate == LDR_AGGREGATE_SUM)
        return number_of(c, sum);
    value.as.real = (double)sum / unit / (double)n;
    if (aggregate == LDR_AGGREGATE_MEAN)
        return value;
    spread = n * squares - sum * sum;
    value.as.real = sqrt((double)spread / (unit * unit) / (double)(n * n));
    return value;
}

static larder_value
count_of(ldr_aggregate aggregate, const chosen *all, size_t c)
{
    larder_value value = {.type = LARDER_INT64};

    for (size_t i = 0; i < all->n; i++) {
        bool first = true;

        for (size_t k = 0; k < i && aggregate == LDR_AGGREGATE_COUNT_DISTINCT;
             k++)
            if (compare_cells(all->events[i], all->events[k], c) == 0)
                first = false;
        value.as.integer += first;
    }
    return value;
}

static larder_value
one_of(const world *w, ldr_aggregate aggregate, const chosen *all, size_t c)
{
    const event *best = all->events[0];

    for (size_t i = 1; i < all->n; i++) {
        const event *e = all->events[i];
        int order =
            aggregate == LDR_AGGREGATE_MIN || aggregate == LDR_AGGREGATE_MAX
                ? compare_cells(e, best, c)
                : newer(w, e, best);

        if (aggregate == LDR_AGGREGATE_MIN || aggregate == LDR_AGGREGATE_FIRST
                ? order < 0
                : order > 0)
            best = e;
    }
    return cell(best, c);
}

/* The newest event time that may be seen; LARDER_TIME_MIN - 1: none. */
static larder_time
newest_of(const world *w, const event *spine)
{
    larder_time newest = LARDER_TIME_MIN - 1;

    for (size_t i = 0; i < w->n_history; i++)
        if (is_visible(w, &w->history[i], spine) && w->history[i].ts > newest)
            newest = w->history[i].ts;
    return newest;
}

static larder_value
oracle(const world *w, size_t feature, const event *spine)
{
    const ldr_feature *f = &w->features[feature];
    bool counts = f->aggregate == LDR_AGGREGATE_COUNT ||
                  f->aggregate == LDR_AGGREGATE_COUNT_DISTINCT;
    size_t c = f->column == NULL ? COLUMNS : column_of(f->column);
    chosen all;

    choose(w, feature, spine, &all);
    if (newest_of(w, spine) < LARDER_TIME_MIN || (all.n == 0 && !counts))
        return (larder_value){.type = f->type, .null = true};
    if (counts)
        return count_of(f->aggregate, &all, c);
    if (f->aggregate == LDR_AGGREGATE_SUM ||
        f->aggregate == LDR_AGGREGATE_MEAN ||
        f->aggregate == LDR_AGGREGATE_STDDEV)
        return sum_of(f->aggregate, &all, c);
    return one_of(w, f->aggregate, &all, c);
}

/* --------------------------------------------------------------- the store */

/* How history is read. */
typedef enum kind { MEMORY, OWNED, TABLE, INDEXED, QUERY, KINDS } kind;
static const char *const kind_names[] = {
    "memory", "sqlite", "a table of mine", "one with an index", "a query"};
static const char *const kind_tables[] = {
    "history", "history", "mine", "indexed", "history"};

/* All that a view needs, declared. */
typedef struct declared {
    ldr_arena arena;
    larder_field fields[KEYS_MAX + COLUMNS + 2];
    const char *replace_on[2];
    const char *key[KEYS_MAX];
    ldr_source source;
    ldr_view view;
    ldr_event_plan events;
    ldr_plan plan;
    ldr_plan_view plan_view;
    larder_join_options options;
    ldr_answering answering;
} declared;

static const char *const key_names[KEYS_MAX] = {"k0", "k1"};

static void
declare_source(const world *w, declared *d)
{
    size_t n = 0;

    for (size_t k = 0; k < w->n_keys; k++)
        d->fields[n++] = (larder_field){key_names[k], w->types[k]};
    for (size_t c = 0; c < COLUMNS; c++)
        d->fields[n++] = value_fields[c];
    d->fields[n++] = (larder_field){"ts", LARDER_TIMESTAMP};
    if (w->has_created)
        d->fields[n++] = (larder_field){"cts", LARDER_TIMESTAMP};
    for (size_t i = 0; i < w->n_replace_on; i++)
        d->replace_on[i] = value_fields[w->replace_on[i]].name;
    d->source = (ldr_source){.about = {.name = "history"},
        .table = "history",
        .owned = true,
        .schema = {d->fields, n},
        .timestamp_field = "ts",
        .created = w->has_created ? "cts" : NULL,
        .key = d->key,
        .n_key = w->n_keys,
        .replace_on = d->replace_on,
        .n_replace_on = w->n_replace_on,
        .has_replace_on = w->has_replace_on};
}

static void
declare_view(world *w, declared *d)
{
    larder_error err = {0};

    d->view = (ldr_view){.about = {.name = "view"},
        .keys = d->fields,
        .n_keys = w->n_keys,
        .source = &d->source,
        .source_name = "history",
        .features = w->features,
        .n_features = WINDOWS + 1,
        .filter_columns = d->source.schema};
    for (size_t i = 0; i < WINDOWS; i++) {
        ldr_feature *f = &w->features[i];
        ldr_expression_fault fault;

        f->filter = NULL;
        if (f->where != NULL)
            must(
                ldr_expression_parse((larder_bytes){f->where, strlen(f->where)},
                    &d->view.filter_columns, &d->arena, &f->filter, &fault,
                    &err),
                &err);
    }
    must(ldr_event_plan_make(&d->view, &d->arena, &d->events, &err), &err);
}

/* Keys lie in the opposite of name order now and then. */
static void
declare_plan(world *w, declared *d)
{
    bool turned = below(w, 2) == 0;
    larder_error err = {0};

    for (size_t k = 0; k < w->n_keys; k++)
        d->key[k] = key_names[turned ? w->n_keys - 1 - k : k];
    d->plan.keys = (larder_schema){d->fields, w->n_keys};
    d->plan_view = (ldr_plan_view){.view = &d->view, .key_columns = key_names};
    must(ldr_view_scan_keys(&d->view, &d->arena, &d->plan_view.scan_keys,
             &d->plan_view.scan_from, &err),
        &err);
    d->options = (larder_join_options){.as_known = w->as_known};
}

static larder_value
key_value(const world *w, const event *e, size_t k)
{
    static const char *const texts[] = {"", "a"};
    larder_value value = {.type = w->types[k], .null = k == 0 && e->null_key};

    if (value.type == LARDER_STRING)
        value.as.text = e->key[k] > 1 ? (larder_bytes){"zz", 2}
                                      : (larder_bytes){texts[e->key[k]],
                                            strlen(texts[e->key[k]])};
    else if (value.type == LARDER_BOOL)
        value.as.boolean = e->key[k] != 0;
    else
        value.as.integer = e->key[k] * 1000 - 500;
    return value;
}

static void
append(larder_column *column, larder_value value)
{
    larder_error err = {0};

    value.type = column->type;
    must(larder_column_append(column, &value, &err), &err);
}

static larder_value
moment(larder_time t)
{
    return (larder_value){.null = t == NO_CREATED, .as.integer = t};
}

static void
fill(const world *w, ldr_offline *store, const larder_call *call,
    const larder_table *table)
{
    larder_batch batch = {0};
    larder_stream rows = {0};
    larder_appended appended;
    larder_error err = {0};

    must(larder_batch_init(&batch, table->schema, &err), &err);
    for (size_t i = 0; i < w->n_history; i++) {
        const event *e = &w->history[i];
        size_t n = 0;

        for (size_t k = 0; k < w->n_keys; k++)
            append(&batch.columns[n++], key_value(w, e, k));
        for (size_t c = 0; c < COLUMNS; c++)
            append(&batch.columns[n++], cell(e, c));
        append(&batch.columns[n++], moment(e->ts));
        if (w->has_created)
            append(&batch.columns[n++], moment(e->created));
        batch.n_rows++;
    }
    must(larder_stream_of(&batch, &rows, &err), &err);
    must(ldr_offline_append(store, call, table, &rows, &appended, &err), &err);
    larder_stream_close(&rows);
    ck_assert_uint_eq(appended.added, w->n_history);
}

static ldr_offline *
open_store(kind how, const char *folder, const larder_call *call)
{
    const larder_offline_ops *const *ops = larder_offline_backends();
    ldr_option option = {.name = "path"};
    larder_options section = {.options = &option,
        .n_options = how == MEMORY ? 0 : 1,
        .section = "offline_store"};
    ldr_offline *store = NULL;
    larder_error err = {0};
    char path[512];

    snprintf(path, sizeof path, "%s/history.db", folder);
    option.value = path;
    while (strcmp((*ops)->type, how == MEMORY ? "memory" : "sqlite") != 0)
        ops++;
    must(ldr_offline_open(*ops, &section, true, call, &store, &err), &err);
    return store;
}

/* The same rows in tables of the user's own. */
static void
copy_rows(const world *w, const char *folder)
{
    static const char *const indexes[] = {"ts", "k0, ts", "k0, k1, ts"};
    char path[512], sql[1024];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/history.db", folder);
    snprintf(sql, sizeof sql,
        "CREATE TABLE mine AS SELECT %s%s i, g, f, h, s, ts%s FROM history;"
        "CREATE TABLE indexed AS SELECT * FROM mine;"
        "CREATE INDEX by_key ON indexed(%s)",
        w->n_keys > 0 ? "k0," : "", w->n_keys > 1 ? "k1," : "",
        w->has_created ? ", nullif(cts, -9223372036854775808) AS cts" : "",
        indexes[w->n_keys]);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        ck_abort_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* ---------------------------------------------------------------- the join */

static void
make_chunk(const world *w, ldr_spine_chunk *chunk)
{
    larder_error err = {0};

    *chunk = (ldr_spine_chunk){.n_keys = w->n_keys};
    chunk->rows.n_rows = SPINE;
    chunk->keys = calloc(w->n_keys + 1, sizeof *chunk->keys);
    must(ldr_column_init(&chunk->time, LARDER_TIMESTAMP, &err), &err);
    for (size_t k = 0; k < w->n_keys; k++)
        must(ldr_column_init(&chunk->keys[k], w->types[k], &err), &err);
    for (size_t i = 0; i < SPINE; i++) {
        for (size_t k = 0; k < w->n_keys; k++)
            append(&chunk->keys[k], key_value(w, &w->spine[i], k));
        append(&chunk->time, moment(w->spine[i].ts));
    }
}

static void
describe_value(const larder_value *value, char text[64])
{
    size_t n = value->null ? 0 : larder_value_print(value, text, 63);

    text[n] = '\0';
}

/* To the bit. */
static bool
same_answer(const larder_value *a, const larder_value *b)
{
    bool real = a->type == LARDER_FLOAT64;

    if (a->null || b->null)
        return a->null == b->null;
    return real ? memcmp(&a->as.real, &b->as.real, sizeof a->as.real) == 0
                : ldr_value_same(a, b);
}

static void
check_feature(const world *w, const ldr_answers *answers, size_t feature,
    const larder_value *expected, const char *how)
{
    larder_column column = {0}, *out = &column;
    larder_error err = {0};

    must(ldr_column_init(&column, w->features[feature].type, &err), &err);
    must(ldr_answers_gather(answers, &feature, 1, 0, SPINE, &out, &err), &err);
    for (size_t i = 0; i < SPINE; i++) {
        larder_value value = larder_column_value(&column, i);
        larder_value right = expected[i];
        char got[64], wanted[64];

        right.type = column.type;
        if (same_answer(&value, &right))
            continue;
        describe_value(&value, got);
        describe_value(&right, wanted);
        ck_abort_msg("%s: spine row %zu, %s: '%s', expected '%s'", how, i,
            w->features[feature].name, got, wanted);
    }
    ldr_column_release(&column);
}

static void
check_reasons(const world *w, const ldr_answers *answers, const char *how)
{
    for (size_t i = 0; i < SPINE; i++) {
        bool none = newest_of(w, &w->spine[i]) < LARDER_TIME_MIN;

        if ((answers->rows[i] == LDR_ANSWER_NULL_KEY) != w->spine[i].null_key ||
            (answers->rows[i] == LDR_ASOF_NONE) !=
                (none && !w->spine[i].null_key))
            ck_abort_msg("%s: spine row %zu: reason", how, i);
    }
}

static void
join(const world *w, ldr_answering *answering, const declared *d,
    const larder_value (*expected)[SPINE], const char *how)
{
    ldr_spine_chunk chunk;
    ldr_answers answers = {0};
    larder_error err = {0};

    make_chunk(w, &chunk);
    must(ldr_offline_begin(answering->offline, answering->call,
             ldr_parallel_width(answering->call), &err),
        &err);
    must(
        ldr_windowed_find(answering, &d->events, &chunk, &answers, &err), &err);
    ldr_offline_end(answering->offline);
    for (size_t f = 0; f < WINDOWS; f++)
        check_feature(w, &answers, f, expected[f], how);
    check_reasons(w, &answers, how);
    ldr_answers_release(&answers);
    ldr_spine_chunk_release(&chunk);
}

static void
try_kind(world *w, declared *d, kind how, ldr_offline *store,
    const larder_value (*expected)[SPINE])
{
    larder_call call = support_call(0);
    ldr_answering a = {.offline = store,
        .call = &call,
        .plan = &d->plan,
        .view = &d->plan_view,
        .options = &d->options};
    larder_described described = {0};
    larder_error err = {0};

    d->source.owned = how < TABLE;
    d->source.table = kind_tables[how];
    d->source.query = how == QUERY ? "SELECT * FROM mine ORDER BY g" : NULL;
    ldr_view_source(&d->view, &a.keys, &a.table);
    must(ldr_offline_describe(store, &call, &a.table, &described, &err), &err);
    a.seeks = ldr_offline_has_asof(store) && described.seekable;
    larder_described_release(&described);
    join(w, &a, d, expected, kind_names[how]);
    call.n_threads = 3;
    call.memory_bytes = 1; /* sorting spills */
    join(w, &a, d, expected, kind_names[how]);
}

static void
try_world(world *w)
{
    static larder_value expected[WINDOWS][SPINE];
    static declared d;
    char *folder = support_folder();
    larder_call call = support_call(0);
    ldr_offline *memory = open_store(MEMORY, folder, &call);
    ldr_offline *sqlite = open_store(OWNED, folder, &call);
    larder_table table;
    larder_error err = {0};

    d = (declared){0};
    declare_source(w, &d);
    declare_view(w, &d);
    declare_plan(w, &d);
    ldr_source_table(&d.source, &table);
    must(ldr_offline_create(memory, &call, &table, NULL, NULL, 0, &err), &err);
    must(ldr_offline_create(sqlite, &call, &table, NULL, NULL, 0, &err), &err);
    fill(w, memory, &call, &table);
    fill(w, sqlite, &call, &table);
    copy_rows(w, folder);
    for (size_t f = 0; f < WINDOWS; f++)
        for (size_t i = 0; i < SPINE; i++)
            expected[f][i] = oracle(w, f, &w->spine[i]);
    for (kind how = MEMORY; how < KINDS; how++)
        try_kind(w, &d, how, how == MEMORY ? memory : sqlite,
            (const larder_value(*)[SPINE])expected);
    ldr_offline_close(memory);
    ldr_offline_close(sqlite);
    ldr_arena_free(&d.arena);
    support_remove(folder);
    free(folder);
}

START_TEST(every_store_gives_windows_as_the_oracle_does)
{
    static world w;
    uint64_t rounds = ROUNDS * (getenv("LARDER_SOAK") == NULL ? 1 : 50);

    for (uint64_t round = 0; round < rounds; round++) {
        random_world(&w, round * 7919 + 1);
        try_world(&w);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("oracle_windowed_join");
    TCase *tcase = tcase_create("windows");

    tcase_set_timeout(tcase, 3600);
    tcase_add_test(tcase, every_store_gives_windows_as_the_oracle_does);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
