/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freshness.h - fresh, stale or unknown, from the ledger and the definitions
 * alone.
 *
 * Takes:  facts of one view: what the ledger says, what the view declares, and
 *         what the jobs promise.
 * Gives:  one of three outcomes, and why in words. A fact that is needed and
 *         absent makes it unknown; nothing stands in for it.
 * Knows:  positions and definitions; not history, nor rows online.
 */
#ifndef LDR_FRESHNESS_H
#define LDR_FRESHNESS_H

#include "engine/runs.h"

/* What is known of one view; moments are LARDER_TIME_MIN where nobody said. */
typedef struct ldr_facts {
    const char *view;
    larder_time now;
    bool online;       /* the view says so */
    bool materialized; /* some build of it is read */
    bool changed;      /* that build is of another definition */
    larder_time newest_event, arrived, ran;
    int64_t max_skew_us;     /* that far into the future is now */
    int64_t warn_us, max_us; /* 0: not declared */
    bool asked;              /* max_us is the caller's */
    const char *job;         /* that promises a run; NULL: none does */
    int64_t run_max_us;      /* 0: the job never runs */
} ldr_facts;

/* Fill all of `out` but its names and `fallback`. */
void ldr_freshness_judge(const ldr_facts *facts, larder_view_freshness *out);

/* The job that brings a view up to date most often, and how old its last run
 * may be: the interval, the jitter, and what the run itself may take
 * (`timeout`, or a tenth of the interval). A job with a range or --dry-run
 * brings nothing up to date. NULL: there is none. */
const ldr_job *ldr_freshness_job(
    const ldr_definitions *all, const char *view, int64_t *run_max_us);

typedef struct ldr_judging {
    ldr_online *online;
    const larder_call *call;
    const ldr_definitions *all;
    const char *project;
    int64_t max_us; /* 0: the views' own */
    bool fallback;  /* `online` is the second of two */
} ldr_judging;

/* Append what these views are to the report. NOMEM, and the store's own. */
larder_status ldr_freshness(const ldr_judging *judging,
    const ldr_view *const *views, size_t n_views,
    larder_freshness_report *report, larder_error *err);

#endif
