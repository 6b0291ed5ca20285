/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statistics.h - what columns hold: counts, moments, quantiles, distinct
 * values.
 *
 * One pass over batches, in memory that does not grow with the rows. Parts that
 * were read apart are joined; neither order nor parts change a byte of what is
 * told in the end. See larder_statistic for what each figure means.
 */
#ifndef LDR_STATISTICS_H
#define LDR_STATISTICS_H

#include "base/sum.h"
#include "engine/distinct.h"
#include "engine/sketch.h"
#include "larder.h"

/* One column. Of integers and times `least` and `greatest` are integers. */
typedef struct ldr_statistic {
    larder_type type;
    uint64_t count, nulls, nan, above, below;
    uint64_t n_finite; /* of numbers and times: those that have a place */
    int64_t least, greatest;
    double least_real, greatest_real;
    ldr_moments moments;
    ldr_distinct distinct;
    ldr_sketch sketch; /* reals and integers, once distinct ones are many */
    ldr_steps steps;   /* times, likewise */
    bool placed;       /* what distinct held is in sketch or steps */
    ldr_buffer least_text, greatest_text;
    uint64_t min_length, max_length;
    ldr_integer_sum lengths;
} ldr_statistic;

/* At most so much memory a column, text apart. */
#define LDR_STATISTIC_BYTES ((size_t)512 << 10)

typedef struct ldr_statistics {
    const larder_field *fields; /* borrowed */
    size_t n_columns;
    ldr_statistic *columns;
    uint64_t n_rows;
} ldr_statistics;

/* Fields outlive the statistics. NOMEM. */
larder_status ldr_statistics_init(ldr_statistics *statistics,
    const larder_field *fields, size_t n_fields, larder_error *err);
void ldr_statistics_release(ldr_statistics *statistics);

/* So many rows, whose values of column i are in columns[i]. NOMEM. */
larder_status ldr_statistics_add(ldr_statistics *statistics,
    const larder_column *columns, size_t n_rows, larder_error *err);
/* All of it, as if read here; of the same fields. NOMEM. */
larder_status ldr_statistics_join(
    ldr_statistics *statistics, const ldr_statistics *from, larder_error *err);

/* Rows and columns of a report (statistics_report.c). NOMEM. */
larder_status ldr_statistics_report(
    const ldr_statistics *statistics, larder_stats *out, larder_error *err);
void ldr_statistics_report_release(larder_stats *stats); /* {0} allowed */

/* Kinds of columns. */
static inline bool
ldr_statistic_is_real(larder_type type)
{
    return type == LARDER_FLOAT32 || type == LARDER_FLOAT64;
}
static inline bool
ldr_statistic_is_integer(larder_type type)
{
    return type == LARDER_INT32 || type == LARDER_INT64;
}

#endif
