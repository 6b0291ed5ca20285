/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - the events that a windowed view looks at: which columns they have,
 * how one key's are made of history, and how a row online holds them.
 *
 * Joins and reads aggregate the same events with the same windows; this room is
 * what makes "the same" so. A view without a windowed feature has none.
 */
#ifndef LDR_EVENTS_H
#define LDR_EVENTS_H

#include "data/row.h"
#include "definition/table.h"
#include "engine/window.h"
#include "larder_backend.h"

/* Made once of a view; lives in an arena. A batch of events has the columns
 * event (timestamp), then values, then one bool column a filter. */
typedef struct ldr_event_plan {
    const ldr_view *view;
    /* What a scan of history asks for: the values, then what filters and
     * replace_on need besides. */
    const larder_field *scanned;
    size_t n_scanned;
    larder_schema schema; /* of a batch of events */
    size_t n_values;      /* columns 1 .. n_values; the rest are filters */
    size_t n_filters;
    ldr_expression **filters;  /* over the view's filter_columns */
    const size_t *filter_from; /* filter column i: which scanned column, or
                                * LDR_NO_COLUMN where no filter names it */
    const size_t *replace_on;  /* among scanned */
    size_t n_replace_on;
    ldr_row_layout layout; /* of the scanned columns: R3's third step ... */
    /* ... after the view's columns in order, by which its plain features are
     * settled too; none where no window and no correction asks which of tied
     * rows is the later. Which scanned column each is, or LDR_NO_COLUMN: the
     * event time. */
    ldr_row_layout tie_layout;
    const size_t *tie_from;
    ldr_window *windows; /* one per windowed feature of the view */
    size_t *features;    /* which feature of the view each is */
    size_t n_windows;
    int64_t span_us; /* the longest window and offset */
} ldr_event_plan;

/* NOMEM. */
larder_status ldr_event_plan_make(const ldr_view *view, ldr_arena *arena,
    ldr_event_plan *out, larder_error *err);

/* One key's events, gathered row by row as a scan gives them, newest first,
 * then finished; used again for the next key. */
typedef struct ldr_gathering ldr_gathering;
larder_status ldr_gathering_new(
    const ldr_event_plan *plan, ldr_gathering **out, larder_error *err);
void ldr_gathering_free(ldr_gathering *gathering); /* NULL allowed */
void ldr_gathering_start(ldr_gathering *gathering);
/* Row `row` of a scan's batch, whose columns from `first` on are event,
 * created, then plan->scanned. NOMEM. */
larder_status ldr_gathering_add(ldr_gathering *gathering,
    const larder_batch *batch, size_t first, size_t row, larder_error *err);
/* The same of n_rows rows from `row` on. */
larder_status ldr_gathering_add_rows(ldr_gathering *gathering,
    const larder_batch *batch, size_t first, size_t row, size_t n_rows,
    larder_error *err);
size_t ldr_gathering_count(const ldr_gathering *gathering);
/* How many of its rows were created by then. */
size_t ldr_gathering_known(
    const ldr_gathering *gathering, larder_time known_by);
/* The events in ascending R3 order, each once after replace_on, with the
 * filters evaluated. `known_by`: only rows created by then (LARDER_TIME_MAX:
 * all); may be asked again with another. Lent until the next start. NOMEM. */
larder_status ldr_gathering_finish(ldr_gathering *gathering,
    larder_time known_by, ldr_events *out, larder_error *err);
/* Which row added each of the events just made is. */
const size_t *ldr_gathering_order(const ldr_gathering *gathering);

/* All of it at once, for all rows of a key that lie one after the other: mostly
 * they need but be turned round. Lent until the next call. */
larder_status ldr_gathering_take(ldr_gathering *gathering,
    const larder_batch *batch, size_t first, size_t row, size_t n_rows,
    ldr_events *out, larder_error *err);

/* -------------------------------------------------------------- as a row */

/* What a windowed view's row online has: its plain features in order, then the
 * columns of a batch of events as lists. More events than max_window_events:
 * all those lists are null, and a read says so. */
larder_status ldr_event_plan_stored(const ldr_event_plan *plan,
    ldr_arena *arena, larder_field **fields, size_t *n_fields,
    larder_error *err);

#endif
