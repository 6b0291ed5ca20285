/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track.c - windows that slide over a series.
 */
#include "engine/track.h"

#include <stdlib.h>
#include <string.h>

/* t - span where int64 has it: times end long before. */
static larder_time
earlier(larder_time t, int64_t span_us)
{
    return t < INT64_MIN + span_us ? INT64_MIN : t - span_us;
}

/* ------------------------------------------------------------------ edges */

static larder_status
begin_stack(ldr_track_stack *stack, size_t n, larder_error *err)
{
    stack->n = stack->kept = 0;
    if (!stack->wanted)
        return LARDER_OK;
    return ldr_series_room_for(&stack->room, n, sizeof(size_t), err);
}

larder_status
ldr_edge_begin(ldr_edge *edge, const ldr_series *series, larder_error *err)
{
    larder_status rc = begin_stack(&edge->least, series->n, err);

    edge->end = 0;
    return rc != LARDER_OK ? rc : begin_stack(&edge->greatest, series->n, err);
}

void
ldr_edge_release(ldr_edge *edge)
{
    free(edge->least.room.data);
    free(edge->greatest.room.data);
    *edge = (ldr_edge){0};
}

/* A number that is the less, the better an event is as the least (sign -1) or
 * greatest (1); a NaN, which ranks last, is the best of both. */
static inline uint64_t
merit(const ldr_series *series, size_t place, int sign)
{
    uint64_t rank = series->ranks[place];

    return sign > 0 ? ~rank : rank + (series->reals != NULL);
}

/* <0: event a is better than b, 0: they are equal. */
static inline int
rival(const ldr_series *series, size_t a, size_t b, int sign, bool is_text)
{
    uint64_t merit_a, merit_b;

    if (is_text)
        return -sign * ldr_series_order(series, a, b);
    merit_a = merit(series, a, sign);
    merit_b = merit(series, b, sign);
    return (merit_a > merit_b) - (merit_a < merit_b);
}

/* Put events [begin, end) on the stack: of those, the ones that no newer one
 * equals or beats, which seen from the newest are few. They are gathered at the
 * end of the room, where the stack of so many events cannot reach. */
static inline void
push(ldr_track_stack *stack, const ldr_series *series, size_t begin, size_t end,
    int sign, bool is_text)
{
    size_t *places = stack->room.data;
    size_t best = end - 1, top = end - 1, n;

    places[top] = best;
    for (size_t i = best; i-- > begin;)
        if (rival(series, i, best, sign, is_text) < 0)
            places[--top] = best = i;
    for (n = stack->n; n > 0; n--)
        if (rival(series, places[n - 1], best, sign, is_text) < 0)
            break;
    stack->kept = n;
    memmove(places + n, places + top, (end - top) * sizeof *places);
    stack->n = n + (end - top);
}

static void
move_stack(ldr_track_stack *stack, const ldr_series *series, size_t begin,
    size_t end, int sign)
{
    stack->kept = stack->n;
    if (!stack->wanted || begin == end)
        return;
    if (series->reals != NULL || series->integers != NULL)
        push(stack, series, begin, end, sign, false);
    else
        push(stack, series, begin, end, sign, true);
}

void
ldr_edge_move(ldr_edge *edge, const ldr_series *series, larder_time t)
{
    larder_time last = earlier(t, edge->offset_us);
    size_t begin = edge->end, end = begin;

    while (end < series->n && series->times[end] <= last)
        end++;
    edge->end = end;
    move_stack(&edge->least, series, begin, end, -1);
    move_stack(&edge->greatest, series, begin, end, 1);
}

/* ----------------------------------------------------------------- tracks */

/* As if no event had entered yet, and the next is at `at`. */
static void
empty(ldr_track *track, size_t at)
{
    if (track->sum != NULL)
        ldr_sum_clear(track->sum);
    if (track->moments != NULL)
        ldr_moments_clear(track->moments);
    track->n_distinct = 0;
    track->begin = track->end = at;
}

void
ldr_track_begin(ldr_track *track)
{
    empty(track, 0);
    track->least = track->greatest = 0;
}

void
ldr_track_release(ldr_track *track)
{
    free(track->sum);
    free(track->moments);
    *track = (ldr_track){0};
}

/* The first of the stack that is inside the window, from where it was. */
static size_t
find_inside(const ldr_track_stack *stack, size_t from, size_t begin)
{
    const size_t *places = stack->room.data;

    if (from > stack->kept)
        from = stack->kept;
    while (from < stack->n && places[from] < begin)
        from++;
    return from;
}

static void
slide_sum(ldr_track *track, const ldr_series *series, size_t begin, size_t end)
{
    for (size_t i = track->begin; i < begin; i++)
        ldr_sum_take(track->sum, series->reals[i]);
    for (size_t i = track->end; i < end; i++)
        ldr_sum_add(track->sum, series->reals[i]);
}

static void
slide_moments(
    ldr_track *track, const ldr_series *series, size_t begin, size_t end)
{
    if (series->reals != NULL) {
        for (size_t i = track->begin; i < begin; i++)
            ldr_moments_take(track->moments, series->reals[i]);
        for (size_t i = track->end; i < end; i++)
            ldr_moments_add(track->moments, series->reals[i]);
    } else {
        for (size_t i = track->begin; i < begin; i++)
            ldr_moments_take_integer(track->moments, series->integers[i]);
        for (size_t i = track->end; i < end; i++)
            ldr_moments_add_integer(track->moments, series->integers[i]);
    }
}

/* What enters counts where no equal one is inside, what leaves where none stays
 * behind. */
static void
slide_distinct(
    ldr_track *track, const ldr_series *series, size_t begin, size_t end)
{
    for (size_t i = track->end; i < end; i++)
        track->n_distinct += series->before[i] <= track->begin;
    for (size_t i = track->begin; i < begin; i++)
        track->n_distinct -= series->after[i] >= end;
}

void
ldr_track_move(ldr_track *track, const ldr_edge *edge, const ldr_series *series,
    larder_time t)
{
    larder_time last = earlier(earlier(t, edge->offset_us), track->window_us);
    size_t begin = track->begin, end = edge->end;

    while (begin < end && series->times[begin] <= last)
        begin++;
    /* Where most leave, those that stay are added afresh. */
    if (begin >= track->end || begin - track->begin > track->end - begin)
        empty(track, begin);
    if (track->sum != NULL && series->reals != NULL && series->sums == NULL)
        slide_sum(track, series, begin, end);
    if (track->moments != NULL)
        slide_moments(track, series, begin, end);
    if (track->count_distinct)
        slide_distinct(track, series, begin, end);
    track->begin = begin;
    track->end = end;
    if (edge->least.wanted)
        track->least = find_inside(&edge->least, track->least, begin);
    if (edge->greatest.wanted)
        track->greatest = find_inside(&edge->greatest, track->greatest, begin);
}

size_t
ldr_track_least(const ldr_track *track, const ldr_edge *edge)
{
    return ((const size_t *)edge->least.room.data)[track->least];
}

size_t
ldr_track_greatest(const ldr_track *track, const ldr_edge *edge)
{
    return ((const size_t *)edge->greatest.room.data)[track->greatest];
}
