/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - `df` of a request, an object with an array for each column, to
 * typed rows.
 */
#ifndef SERVE_FRAME_H
#define SERVE_FRAME_H

#include "larder.h"
#include "serve/out.h"

#define REJECTS_TOLD 100u

/* What is wrong with rows: each is told, up to a number of them. */
struct rejects {
    size_t n;
    struct out details; /* as FastAPI lists faults, without the brackets */
};

/* What a frame's columns are. */
struct frame_shape {
    const larder_source_shape *columns; /* the last that is required is a time
                                         * the others are keys */
    /* Rows of a view: "event_timestamp" and "created" name its times too, and
     * the latter may be left out. */
    bool view;
};

/* A fault that is none of a cell: of "df", or of a column. */
void rejects_add(
    struct rejects *rejects, const char *column, size_t row, const char *words);
void rejects_release(struct rejects *rejects);

/* The rows of `df`, the JSON of an object. Yours: larder_batch_release().
 * INVALID: what is wrong with them, listed in `rejects` too where it is of
 * single cells. */
larder_status frame_read(larder_bytes df, const struct frame_shape *shape,
    struct rejects *rejects, larder_batch *out, larder_error *err);

#endif
