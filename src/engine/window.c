/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.c - aggregates over sliding windows.
 *
 * Features are taken together where they share work: those of one column and
 * filter look at one series, of one offset at one edge of it, of one window at
 * one track (see track.h).
 *
 *   count          the ends' distance
 *   sum, mean      the difference of two running sums; where exponents are too
 *                  far apart for those, an exact sum that adds and takes away
 *   stddev         exact moments that add and take away
 *   min, max       an edge's stack of events that no newer one beats; its first
 *                  event inside a track is that track's answer
 *   first, last    the event at an end
 *   count_distinct an event counts where the track holds no earlier equal
 */
#include "engine/window.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/column.h"
#include "engine/track.h"

/* What a window's answers come from. */
typedef struct origin {
    const ldr_window *window;
    const ldr_series *series;
    const ldr_edge *edge;
    ldr_track *track;
} origin;

struct ldr_windows {
    origin *origins; /* each window's */
    size_t n_windows;
    ldr_series *series;
    size_t n_series;
    ldr_edge *edges;
    size_t n_edges;
    ldr_track *tracks;
    size_t n_tracks;
};

int64_t
ldr_windows_span(const ldr_window *windows, size_t n_windows)
{
    int64_t longest = 0;

    for (size_t i = 0; i < n_windows; i++) {
        int64_t offset = windows[i].offset_us, span = INT64_MAX;

        if (windows[i].window_us < INT64_MAX - offset)
            span = windows[i].window_us + offset;
        longest = span > longest ? span : longest;
    }
    return longest;
}

/* ------------------------------------------------------------ preparation */

static unsigned
needs_of(ldr_aggregate aggregate)
{
    switch (aggregate) {
    case LDR_AGGREGATE_NONE:
    case LDR_AGGREGATE_COUNT:
    case LDR_AGGREGATE_FIRST:
    case LDR_AGGREGATE_LAST:
        return 0;
    case LDR_AGGREGATE_SUM:
    case LDR_AGGREGATE_MEAN:
        return LDR_NEED_VALUES | LDR_NEED_SUMS;
    case LDR_AGGREGATE_STDDEV:
        return LDR_NEED_VALUES;
    case LDR_AGGREGATE_MIN:
    case LDR_AGGREGATE_MAX:
        return LDR_NEED_VALUES | LDR_NEED_ORDER;
    case LDR_AGGREGATE_COUNT_DISTINCT:
        return LDR_NEED_VALUES | LDR_NEED_DISTINCT;
    }
    return 0;
}

static size_t
series_for(ldr_windows *all, const ldr_window *window)
{
    ldr_series *series = all->series;
    size_t i = 0;

    while (i < all->n_series && (series[i].column != window->column ||
                                    series[i].filter != window->filter))
        i++;
    if (i == all->n_series) {
        series[i].column = window->column;
        series[i].filter = window->filter;
        all->n_series++;
    }
    series[i].needs |= needs_of(window->aggregate);
    return i;
}

static size_t
edge_for(ldr_windows *all, const ldr_window *window)
{
    size_t series = series_for(all, window), i = 0;
    ldr_edge *edges = all->edges;

    while (i < all->n_edges && (edges[i].series != series ||
                                   edges[i].offset_us != window->offset_us))
        i++;
    if (i == all->n_edges) {
        edges[i].series = series;
        edges[i].offset_us = window->offset_us;
        all->n_edges++;
    }
    if (window->aggregate == LDR_AGGREGATE_MIN)
        edges[i].least.wanted = true;
    if (window->aggregate == LDR_AGGREGATE_MAX)
        edges[i].greatest.wanted = true;
    return i;
}

static ldr_track *
track_for(ldr_windows *all, const ldr_window *window)
{
    size_t at = edge_for(all, window), i = 0;
    ldr_track *tracks = all->tracks;

    while (i < all->n_tracks &&
           (tracks[i].edge != at || tracks[i].window_us != window->window_us))
        i++;
    if (i == all->n_tracks) {
        tracks[i].edge = at;
        tracks[i].window_us = window->window_us;
        all->n_tracks++;
    }
    return &tracks[i];
}

static origin
origin_of(const ldr_windows *all, const ldr_window *window, ldr_track *track)
{
    const ldr_edge *edge = &all->edges[track->edge];

    return (origin){window, &all->series[edge->series], edge, track};
}

/* Give a track what an aggregate adds to. */
static bool
equip(ldr_track *to, ldr_aggregate aggregate)
{
    bool sums =
        aggregate == LDR_AGGREGATE_SUM || aggregate == LDR_AGGREGATE_MEAN;

    if (aggregate == LDR_AGGREGATE_COUNT_DISTINCT)
        to->count_distinct = true;
    if (sums && to->sum == NULL) {
        to->sum = calloc(1, sizeof *to->sum);
        return to->sum != NULL;
    }
    if (aggregate == LDR_AGGREGATE_STDDEV && to->moments == NULL) {
        to->moments = calloc(1, sizeof *to->moments);
        return to->moments != NULL;
    }
    return true;
}

larder_status
ldr_windows_new(const ldr_window *windows, size_t n_windows, ldr_windows **out,
    larder_error *err)
{
    ldr_windows *made = calloc(1, sizeof *made);
    size_t room = n_windows == 0 ? 1 : n_windows;
    bool whole = made != NULL;

    if (whole) {
        made->n_windows = n_windows;
        made->origins = calloc(room, sizeof *made->origins);
        made->series = calloc(room, sizeof *made->series);
        made->edges = calloc(room, sizeof *made->edges);
        made->tracks = calloc(room, sizeof *made->tracks);
        whole = made->origins != NULL && made->series != NULL &&
                made->edges != NULL && made->tracks != NULL;
    }
    for (size_t i = 0; whole && i < n_windows; i++) {
        ldr_track *of = track_for(made, &windows[i]);

        assert(windows[i].aggregate != LDR_AGGREGATE_NONE);
        assert(windows[i].window_us > 0 && windows[i].offset_us >= 0);
        made->origins[i] = origin_of(made, &windows[i], of);
        whole = equip(of, windows[i].aggregate);
    }
    if (!whole) {
        ldr_windows_free(made);
        return larder_fail(
            err, LARDER_NOMEM, "no memory for %zu windows", n_windows);
    }
    *out = made;
    return LARDER_OK;
}

void
ldr_windows_free(ldr_windows *windows)
{
    if (windows == NULL)
        return;
    for (size_t i = 0; i < windows->n_series; i++)
        ldr_series_release(&windows->series[i]);
    for (size_t i = 0; i < windows->n_edges; i++) {
        ldr_edge_release(&windows->edges[i]);
    }
    for (size_t i = 0; i < windows->n_tracks; i++) {
        ldr_track_release(&windows->tracks[i]);
    }
    free(windows->origins);
    free(windows->series);
    free(windows->edges);
    free(windows->tracks);
    free(windows);
}

/* ---------------------------------------------------------------- answers */

/* To a column, or to a row of words (see packed.h), of which all values are
 * there so far. */
typedef struct answer {
    const ldr_window *window;
    const ldr_series *series;
    const ldr_edge *edge;
    ldr_track *track;
    larder_time t;
    larder_column *out;
    uint64_t *words; /* NULL: to the column */
    size_t place;    /* in the row of words */
} answer;

/* Most answers are eight bytes, for which there is room. */
static inline larder_status
append_integer(const answer *to, int64_t value, larder_error *err)
{
    if (to->words != NULL) {
        ldr_packed_set(to->words, to->place, (uint64_t)value);
        return LARDER_OK;
    }
    if (to->out->type == LARDER_INT64 &&
        ldr_column_push(to->out, (uint64_t)value))
        return LARDER_OK;
    return larder_column_append_integer(to->out, value, err);
}

static inline larder_status
append_real(const answer *to, double value, larder_error *err)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    if (to->words != NULL) {
        ldr_packed_set(to->words, to->place, bits);
        return LARDER_OK;
    }
    if (to->out->type == LARDER_FLOAT64 && ldr_column_push(to->out, bits))
        return LARDER_OK;
    return larder_column_append_real(to->out, value, err);
}

static inline larder_status
append_null(const answer *to, larder_error *err)
{
    larder_column *out = to->out;

    if (to->words != NULL) {
        ldr_packed_set_null(to->words, to->place);
        return LARDER_OK;
    }
    if ((out->type == LARDER_FLOAT64 || out->type == LARDER_INT64) &&
        ldr_column_push_null(out))
        return LARDER_OK;
    return larder_column_append_null(out, err);
}

static larder_status
append_integer_sum(
    const answer *to, const ldr_integer_sum *sum, larder_error *err)
{
    const char *type = larder_type_name(to->window->type);
    bool narrow = to->window->type == LARDER_INT32;
    int64_t value;
    char text[33];

    if (ldr_integer_sum_value(sum, &value) &&
        (!narrow || (value >= INT32_MIN && value <= INT32_MAX)))
        return append_integer(to, value, err);
    larder_time_print(to->t, text);
    larder_fail(err, LARDER_INVALID,
        "feature '%s': the sum of its window at %s does not fit %s",
        to->window->name, text, type);
    larder_hint(err, "declare it float64%s", narrow ? " or int64" : "");
    return LARDER_INVALID;
}

static bool
is_real(larder_type type)
{
    return type == LARDER_FLOAT64 || type == LARDER_FLOAT32;
}

/* The sum of the reals inside, once a moment. */
static inline double
rounded_sum(const ldr_series *series, ldr_track *track)
{
    ldr_integer_sum sum;

    if (track->is_rounded)
        return track->rounded;
    if (series->sums == NULL) {
        track->rounded = ldr_sum_value(track->sum);
    } else {
        sum = ldr_running_between(series->sums, track->begin, track->end);
        track->rounded = ldr_running_value(&sum, series->scale);
    }
    track->is_rounded = true;
    return track->rounded;
}

static larder_status
append_sum(const answer *to, larder_error *err)
{
    const ldr_series *series = to->series;
    ldr_integer_sum sum;

    if (series->reals != NULL)
        return append_real(to, rounded_sum(series, to->track), err);
    sum = ldr_running_between(series->sums, to->track->begin, to->track->end);
    if (is_real(to->window->type))
        return append_real(to, ldr_integer_sum_real(&sum), err);
    return append_integer_sum(to, &sum, err);
}

/* Of a sum beyond the greatest double the quotient may be none. */
static double
mean_beyond(const ldr_series *series, const ldr_track *track, uint64_t n)
{
    ldr_integer_sum sum;

    if (series->sums == NULL)
        return ldr_sum_mean(track->sum, n);
    sum = ldr_running_between(series->sums, track->begin, track->end);
    return ldr_running_mean(&sum, series->scale, n);
}

static larder_status
append_mean(const answer *to, larder_error *err)
{
    const ldr_series *series = to->series;
    size_t n = to->track->end - to->track->begin;
    ldr_integer_sum sum;
    double mean;

    if (series->reals == NULL) {
        sum =
            ldr_running_between(series->sums, to->track->begin, to->track->end);
        mean = ldr_integer_sum_real(&sum) / (double)n;
    } else {
        mean = rounded_sum(series, to->track) / (double)n;
        if (isinf(mean))
            mean = mean_beyond(series, to->track, n);
    }
    return append_real(to, mean, err);
}

/* The value of an event. */
static larder_status
append_value(const answer *to, size_t place, larder_error *err)
{
    const larder_column *from = to->series->values;
    size_t row = ldr_series_row(to->series, place);

    assert(from->type == to->window->type);
    switch (from->type) {
    case LARDER_INT64:
    case LARDER_TIMESTAMP:
        return append_integer(to, ((const int64_t *)from->values)[row], err);
    case LARDER_FLOAT64:
        return append_real(to, ((const double *)from->values)[row], err);
    case LARDER_STRING:
    case LARDER_BYTES:
        return larder_column_append_text(
            to->out, ldr_column_text(from, row), err);
    case LARDER_BOOL:
    case LARDER_INT32:
    case LARDER_FLOAT32:
    case LARDER_LIST:
    case LARDER_BOOL_LIST:
    case LARDER_INT32_LIST:
    case LARDER_INT64_LIST:
    case LARDER_FLOAT32_LIST:
    case LARDER_FLOAT64_LIST:
    case LARDER_STRING_LIST:
    case LARDER_BYTES_LIST:
    case LARDER_TIMESTAMP_LIST:
        break;
    }
    return ldr_column_copy(to->out, from, row, 1, err);
}

static larder_status
append_extreme(const answer *to, size_t place, larder_error *err)
{
    const double *reals = to->series->reals;
    const int64_t *integers = to->series->integers;

    if (reals != NULL) /* all NaN are one */
        return append_real(
            to, isnan(reals[place]) ? (double)NAN : reals[place], err);
    if (integers != NULL && to->window->type == LARDER_INT64)
        return append_integer(to, integers[place], err);
    return append_value(to, place, err);
}

static larder_status
append_answer(const answer *to, larder_error *err)
{
    const ldr_track *of = to->track;
    ldr_aggregate aggregate = to->window->aggregate;

    if (aggregate == LDR_AGGREGATE_COUNT)
        return append_integer(to, (int64_t)(of->end - of->begin), err);
    if (aggregate == LDR_AGGREGATE_COUNT_DISTINCT)
        return append_integer(to, (int64_t)of->n_distinct, err);
    if (of->begin == of->end)
        return append_null(to, err);
    switch (aggregate) {
    case LDR_AGGREGATE_NONE:
    case LDR_AGGREGATE_COUNT:
    case LDR_AGGREGATE_COUNT_DISTINCT:
        break;
    case LDR_AGGREGATE_SUM:
        return append_sum(to, err);
    case LDR_AGGREGATE_MEAN:
        return append_mean(to, err);
    case LDR_AGGREGATE_STDDEV:
        return append_real(to, ldr_moments_stddev(of->moments), err);
    case LDR_AGGREGATE_MIN:
        return append_extreme(to, ldr_track_least(of, to->edge), err);
    case LDR_AGGREGATE_MAX:
        return append_extreme(to, ldr_track_greatest(of, to->edge), err);
    case LDR_AGGREGATE_FIRST:
        return append_value(to, of->begin, err);
    case LDR_AGGREGATE_LAST:
        return append_value(to, of->end - 1, err);
    }
    return append_null(to, err); /* not an aggregate */
}

/* Where answers go: a column each, or rows of words. */
typedef struct sink {
    larder_column *const *columns;
    ldr_packed *packed; /* NULL: to the columns */
} sink;

static larder_status
append_answers(
    ldr_windows *windows, larder_time t, const sink *out, larder_error *err)
{
    larder_status rc = LARDER_OK;
    answer to = {.t = t};

    if (out->packed != NULL)
        to.words = ldr_packed_next(out->packed);
    for (size_t i = 0; rc == LARDER_OK && i < windows->n_windows; i++) {
        const origin *from = &windows->origins[i];

        to.window = from->window;
        to.series = from->series;
        to.edge = from->edge;
        to.track = from->track;
        to.out = out->columns == NULL ? NULL : out->columns[i];
        to.place = i;
        rc = append_answer(&to, err);
    }
    return rc;
}

static larder_status
append_nulls(const ldr_windows *windows, const sink *out, larder_error *err)
{
    larder_status rc = LARDER_OK;
    answer to = {0};

    if (out->packed != NULL)
        to.words = ldr_packed_next(out->packed);
    for (size_t i = 0; rc == LARDER_OK && i < windows->n_windows; i++) {
        to.out = out->columns == NULL ? NULL : out->columns[i];
        to.place = i;
        rc = append_null(&to, err);
    }
    return rc;
}

/* -------------------------------------------------------------- the moments */

static larder_status
begin_key(ldr_windows *windows, const ldr_events *events, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < windows->n_series; i++)
        LARDER_TRY(ldr_series_load(&windows->series[i], events, err));
    for (size_t i = 0; i < windows->n_edges; i++) {
        ldr_edge *edge = &windows->edges[i];

        LARDER_TRY(ldr_edge_begin(edge, &windows->series[edge->series], err));
    }
    for (size_t i = 0; i < windows->n_tracks; i++)
        ldr_track_begin(&windows->tracks[i]);
out:
    return rc;
}

static void
move_to(ldr_windows *windows, larder_time t)
{
    for (size_t i = 0; i < windows->n_edges; i++) {
        ldr_edge *moved = &windows->edges[i];

        ldr_edge_move(moved, &windows->series[moved->series], t);
    }
    for (size_t i = 0; i < windows->n_tracks; i++) {
        ldr_track *moved = &windows->tracks[i];
        const ldr_edge *by = &windows->edges[moved->edge];

        ldr_track_move(moved, by, &windows->series[by->series], t);
    }
}

static larder_status
run(ldr_windows *windows, const ldr_events *events, const larder_time *times,
    size_t n_times, const sink *out, larder_error *err)
{
    larder_time first = LARDER_TIME_MAX;
    larder_status rc = LARDER_OK;
    size_t i = 0;

    if (events->begin < events->end) {
        const larder_column *column = &events->batch->columns[events->event];

        first = ldr_column_integer(column, events->begin);
        LARDER_TRY(begin_key(windows, events, err));
    }
    for (; i < n_times && (first > times[i] || events->begin == events->end);
         i++)
        LARDER_TRY(append_nulls(windows, out, err));
    for (; i < n_times; i++) {
        assert(i == 0 || times[i - 1] <= times[i]);
        move_to(windows, times[i]);
        LARDER_TRY(append_answers(windows, times[i], out, err));
    }
out:
    return rc;
}

larder_status
ldr_windows_run(ldr_windows *windows, const ldr_events *events,
    const larder_time *times, size_t n_times, larder_column *const *out,
    larder_error *err)
{
    const sink to = {.columns = out};

    return run(windows, events, times, n_times, &to, err);
}

larder_status
ldr_windows_run_packed(ldr_windows *windows, const ldr_events *events,
    const larder_time *times, size_t n_times, ldr_packed *out,
    larder_error *err)
{
    const sink to = {.packed = out};

    assert(out->n_columns == windows->n_windows);
    return run(windows, events, times, n_times, &to, err);
}
