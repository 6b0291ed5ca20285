/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_select.h - which rows of a table a scan wants, as SQL.
 */
#ifndef BACKENDS_POSTGRES_SELECT_H
#define BACKENDS_POSTGRES_SELECT_H

#include "postgres_part.h"
#include "postgres_rows.h"

/* How the rows that arrived are found. */
typedef enum postgres_arrivals {
    POSTGRES_ARRIVALS_ANY,   /* it does not matter */
    POSTGRES_ARRIVALS_NEW,   /* by number; no event is beyond seen_until */
    POSTGRES_ARRIVALS_EITHER /* by number or by event */
} postgres_arrivals;

typedef struct postgres_select {
    postgres_history *self;
    const larder_call *call;
    const larder_scan *scan;
    postgres_shape shape;
    postgres_part part;
    bool comparable; /* SQL compares keys and times as we do */
    bool none;       /* there is no such row */
    bool sought;     /* the scan's keys are in the statement, as q */
    postgres_arrivals arrivals;
    sql_text sql;
    postgres_bindings bindings;
} postgres_select;

/* Look at the table. Released also after a failure. */
larder_status postgres_select_init(postgres_select *select,
    postgres_history *self, const larder_call *call, const larder_scan *scan,
    larder_error *err);
void postgres_select_release(postgres_select *select);

/* The wanted keys as "unnest(...) AS q(k0, ..., low, high)". */
void postgres_select_keys(postgres_select *select);
/* t."k" = q.k0 AND ... */
void postgres_select_match(postgres_select *select, const char *alias);
/* "TRUE AND ..." of times, arrival and part. */
void postgres_select_filter(postgres_select *select, const char *alias);

/* Hand statement and shape over to a stream. */
larder_status postgres_select_open(
    postgres_select *select, larder_stream *out, larder_error *err);

#endif
