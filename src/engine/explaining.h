/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explaining.h - what explain.c, explain_window.c, explain_derived.c share: the question, the
 * key's history, and rows told in words.
 */
#ifndef LDR_EXPLAINING_H
#define LDR_EXPLAINING_H

#include "data/row.h"
#include "engine/events.h"
#include "engine/explain.h"
#include "engine/plan.h"
#include "larder.h"
#include "storage/offline.h"

/* Rows kept of those read so far, where it is not known how many matter. */
#define LDR_KEPT_ROWS 16384u

typedef struct ldr_explaining {
    ldr_offline *offline;
    const ldr_plan *plan;
    const ldr_plan_view *view;
    const larder_call *call;
    const larder_join_options *options;
    larder_table table;
    larder_schema source_keys; /* the table's, where it declares none */
    ldr_arena arena;
    const ldr_event_plan *events; /* of a windowed feature, else NULL */
    const ldr_window *window;     /* the feature */
    const larder_field *columns;  /* read of history, and which is told ... */
    size_t n_columns, told;       /* ... (LDR_NO_FIELD: none) */
    ldr_row_layout layout;        /* of these columns */
    larder_schema key_schema;
    larder_batch key; /* one row, in scan order */
    bool null_key;
    larder_time t;
    larder_batch out;
} ldr_explaining;

/* Of what is told. */
extern const larder_schema ldr_explaining_schema;

/* INVALID: the spine ends before that row. */
larder_status ldr_explaining_no_row(
    uint64_t wanted, uint64_t n_rows, larder_error *err);
/* A cell as the text it is told by. */
larder_status ldr_explaining_value(larder_column *out,
    const larder_column *from, size_t row, larder_error *err);

/* The key's rows in a range of time, newest first: key, event, created,
 * columns. */
larder_status ldr_explaining_scan(ldr_explaining *e, larder_time from,
    larder_time to, larder_stream *out, larder_error *err);
larder_time ldr_explaining_event(
    const ldr_explaining *e, const larder_batch *rows, size_t row);
/* Was the row known at the spine row's time, or does that not matter? */
bool ldr_explaining_known(
    const ldr_explaining *e, const larder_batch *rows, size_t row);
/* These rows by R3, greatest first; stores settle no ties. To be freed. */
larder_status ldr_explaining_order(const ldr_explaining *e,
    const larder_batch *rows, size_t **out, larder_error *err);
larder_status ldr_explaining_tell(ldr_explaining *e, const larder_batch *rows,
    size_t row, const char *outcome, const char *reason, larder_error *err);

/* How many rows are not told. */
larder_status ldr_explaining_more(
    ldr_explaining *e, size_t n, larder_error *err);

/* explain_window.c: the part of each row up to t in a windowed feature. */
larder_status ldr_explain_window(ldr_explaining *e, larder_error *err);
/* explain_derived.c: an on-demand feature, which is the plan's only one. */
larder_status ldr_explain_derived(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, uint64_t row, larder_stream *out, larder_error *err);

#endif
