/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track.c - windows that slide over a series.
 */
#include "engine/track.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

/* The first event of [from, end) that is after t: near where it was, or far. */
static size_t
first_after(const ldr_series *series, size_t from, size_t end, larder_time t)
{
    const larder_time *times = series->times;
    size_t step = 1, low = from;

    while (low < end && times[low] <= t) { /* all before `low` are */
        from = low + 1;
        low = step < end - from ? from + step : end;
        step *= 2;
    }
    while (from < low) {
        size_t middle = from + (low - from) / 2;

        if (times[middle] <= t)
            from = middle + 1;
        else
            low = middle;
    }
    return from;
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

/* Put events [begin, end) on the stack: of those, the ones that no newer one
 * equals or beats, which seen from the newest are few. They are gathered at the
 * end of the room, where the stack of so many events cannot reach. */
static inline void
push_numbers(ldr_track_stack *stack, const ldr_series *series, size_t begin,
    size_t end, int sign)
{
    size_t *places = stack->room.data;
    size_t top = end - 1, n = stack->n;
    uint64_t best = merit(series, top, sign);

    places[top] = top;
    for (size_t i = top; i-- > begin;) {
        uint64_t other = merit(series, i, sign);

        if (other < best) {
            best = other;
            places[--top] = i;
        }
    }
    while (n > 0 && merit(series, places[n - 1], sign) >= best)
        n--;
    stack->kept = n;
    memmove(places + n, places + top, (end - top) * sizeof *places);
    stack->n = n + (end - top);
}

/* The same of texts. */
static void
push_texts(ldr_track_stack *stack, const ldr_series *series, size_t begin,
    size_t end, int sign)
{
    size_t *places = stack->room.data;
    size_t best = end - 1, top = end - 1, n = stack->n;

    places[top] = best;
    for (size_t i = best; i-- > begin;)
        if (sign * ldr_series_order(series, i, best) > 0)
            places[--top] = best = i;
    while (n > 0 && sign * ldr_series_order(series, places[n - 1], best) <= 0)
        n--;
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
    if (series->reals == NULL && series->integers == NULL)
        push_texts(stack, series, begin, end, sign);
    else if (sign > 0)
        push_numbers(stack, series, begin, end, 1);
    else
        push_numbers(stack, series, begin, end, -1);
}

void
ldr_edge_move(ldr_edge *edge, const ldr_series *series, larder_time t)
{
    larder_time last = ldr_time_back(t, edge->offset_us);
    size_t begin = edge->end;
    size_t end = first_after(series, begin, series->n, last);

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
    track->is_rounded = false;
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
    larder_time last = ldr_time_back(ldr_time_back(t, edge->offset_us), track->window_us);
    size_t end = edge->end;
    size_t begin = first_after(series, track->begin, end, last);

    if (begin != track->begin || end != track->end)
        track->is_rounded = false;
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
