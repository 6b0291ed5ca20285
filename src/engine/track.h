/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track.h - windows that slide over a series: what each holds at a moment.
 *
 * An *edge* is the newest event of a series at one offset, a *track* one window
 * behind an edge. As moments ascend, both ends of a track only move forward, so
 * an event enters a track once and leaves it once. For window.c.
 */
#ifndef LDR_TRACK_H
#define LDR_TRACK_H

#include "engine/series.h"

/* Events of an edge that no newer one beats, oldest first: the first of them
 * inside a window is the least (or greatest) of that window. */
typedef struct ldr_track_stack {
    bool wanted;
    ldr_series_room room;
    size_t n;
    size_t kept; /* of those there before the last moment */
} ldr_track_stack;

typedef struct ldr_edge {
    size_t series; /* which one; for the owner */
    int64_t offset_us;
    size_t end; /* past the newest event at or before t - offset */
    ldr_track_stack least, greatest;
} ldr_edge;

typedef struct ldr_track {
    size_t edge; /* which one; for the owner */
    int64_t window_us;
    size_t begin, end;      /* events of the series inside the window */
    size_t least, greatest; /* where in the edge's stacks their windows begin */
    ldr_sum *sum;         /* NULL: not wanted. Used where no running sums are */
    ldr_moments *moments; /* NULL: not wanted */
    bool count_distinct;
    size_t n_distinct;
    bool is_rounded; /* of the reals inside: */
    double rounded;  /* their sum */
} ldr_track;

/* Before the first event of another key. NOMEM. */
larder_status ldr_edge_begin(
    ldr_edge *edge, const ldr_series *series, larder_error *err);
void ldr_track_begin(ldr_track *track);
/* On to a moment: the edge first, then each of its tracks. */
void ldr_edge_move(ldr_edge *edge, const ldr_series *series, larder_time t);
void ldr_track_move(ldr_track *track, const ldr_edge *edge,
    const ldr_series *series, larder_time t);
/* The event that is the answer, where the track holds any. */
size_t ldr_track_least(const ldr_track *track, const ldr_edge *edge);
size_t ldr_track_greatest(const ldr_track *track, const ldr_edge *edge);

void ldr_edge_release(ldr_edge *edge);
void ldr_track_release(ldr_track *track);

#endif
