/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_statistics.c - statistics of columns against a slow and obvious oracle
 * that keeps every value, whatever the order, the batches and the parts.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "engine/statistics.h"
#include "tests/rows.h"
#include "tests/shop.h"
#include "tests/support.h"

#define MOST_ROWS 20000u

/* ---------------------------------------------------------- as one text */

static void
tell_value(FILE *file, const char *name, larder_value value)
{
    char text[4096];
    size_t size;

    if (value.null)
        return;
    size = larder_value_print(&value, text, sizeof text);
    ck_assert_uint_lt(size, sizeof text);
    fprintf(file, " %s=%.*s", name, (int)size, text);
}

static void
tell_column(FILE *file, const larder_statistic *c)
{
    fprintf(file, "%s %s n=%llu null=%llu expired=%llu", c->name,
        larder_type_name(c->type), (unsigned long long)c->count,
        (unsigned long long)c->nulls, (unsigned long long)c->expired);
    fprintf(file, " nan=%llu inf=%llu,%llu", (unsigned long long)c->nan,
        (unsigned long long)c->above, (unsigned long long)c->below);
    if (c->has_mean)
        fprintf(file, " mean=%a stddev=%a", c->mean, c->stddev);
    tell_value(file, "min", c->min);
    tell_value(file, "p50", c->p50);
    tell_value(file, "p95", c->p95);
    tell_value(file, "p99", c->p99);
    tell_value(file, "max", c->max);
    fprintf(file, " off=%g", c->quantile_error);
    if (c->has_distinct)
        fprintf(file, " distinct=%llu off=%g", (unsigned long long)c->distinct,
            c->distinct_error);
    for (size_t i = 0; i < c->n_top; i++) {
        tell_value(file, "top", c->top[i].value);
        fprintf(file, "*%llu", (unsigned long long)c->top[i].count);
    }
    for (size_t i = 0; i < c->n_bins; i++) {
        tell_value(file, "from", c->bins[i].from);
        tell_value(file, "to", c->bins[i].to);
        fprintf(file, "*%llu", (unsigned long long)c->bins[i].count);
    }
    if (c->has_lengths)
        fprintf(file, " length=%llu..%llu,%a",
            (unsigned long long)c->min_length,
            (unsigned long long)c->max_length, c->mean_length);
    fputc('\n', file);
}

/* Every bit of a report; yours. */
static char *
tell(const larder_stats *stats)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s rows=%llu %lld..%lld\n",
        stats->view == NULL ? "-" : stats->view,
        (unsigned long long)stats->rows, (long long)stats->oldest,
        (long long)stats->newest);
    for (size_t i = 0; i < stats->n_columns; i++)
        tell_column(file, &stats->columns[i]);
    fclose(file);
    return text;
}

static larder_stats
report_of(const ldr_statistics *statistics)
{
    larder_stats stats = {0};

    ck_assert_int_eq(
        ldr_statistics_report(statistics, &stats, NULL), LARDER_OK);
    return stats;
}

/* ------------------------------------------------------------- by parts */

/* Rows [begin, end) in batches of random size. */
static void
add_rows(ldr_statistics *to, const larder_batch *rows, size_t begin, size_t end,
    uint64_t *random)
{
    while (begin < end) {
        size_t n = 1 + support_below(random, 700);
        larder_batch some = {0};

        n = n < end - begin ? n : end - begin;
        ck_assert_int_eq(
            larder_batch_init(&some, rows->schema, NULL), LARDER_OK);
        ck_assert_int_eq(
            ldr_batch_copy(&some, rows, begin, n, NULL), LARDER_OK);
        ck_assert_int_eq(
            ldr_statistics_add(to, some.columns, n, NULL), LARDER_OK);
        larder_batch_release(&some);
        begin += n;
    }
}

/* The rows cut in parts, which are joined in another order than they lie. */
static char *
tell_by_parts(const larder_batch *rows, size_t n_parts, uint64_t *random)
{
    const larder_schema *schema = rows->schema;
    ldr_statistics all = {0};
    larder_stats stats;
    size_t first = support_below(random, n_parts);
    char *text;

    ck_assert_int_eq(
        ldr_statistics_init(&all, schema->fields, schema->n_fields, NULL),
        LARDER_OK);
    for (size_t i = 0; i < n_parts; i++) {
        size_t part = (first + i) % n_parts;
        ldr_statistics own = {0};

        ck_assert_int_eq(
            ldr_statistics_init(&own, schema->fields, schema->n_fields, NULL),
            LARDER_OK);
        add_rows(&own, rows, rows->n_rows * part / n_parts,
            rows->n_rows * (part + 1) / n_parts, random);
        ck_assert_int_eq(ldr_statistics_join(&all, &own, NULL), LARDER_OK);
        ldr_statistics_release(&own);
    }
    stats = report_of(&all);
    text = tell(&stats);
    larder_stats_release(&stats);
    ldr_statistics_release(&all);
    return text;
}

/* ------------------------------------------------------------- the oracle */

static int
compare_values(const void *a, const void *b)
{
    return ldr_value_order(a, b);
}

static double
number_of(larder_value value)
{
    bool real = ldr_statistic_is_real(value.type);

    return real ? value.as.real : (double)value.as.integer;
}

/* All values of a column, and the finite ones, ascending. */
typedef struct kept {
    larder_value *all, *finite;
    size_t n, n_finite, n_distinct, n_nan, n_above, n_below;
} kept;

static kept
keep(const larder_column *column)
{
    kept k = {.all = malloc((column->n_rows + 1) * sizeof *k.all),
        .finite = malloc((column->n_rows + 1) * sizeof *k.finite)};

    ck_assert(k.all != NULL && k.finite != NULL);
    for (size_t row = 0; row < column->n_rows; row++) {
        larder_value value = larder_column_value(column, row);

        if (value.null)
            continue;
        if (ldr_statistic_is_real(value.type)) {
            value.as.real += 0.0; /* no -0.0 */
            k.n_nan += isnan(value.as.real) != 0;
            k.n_above += isinf(value.as.real) && value.as.real > 0;
            k.n_below += isinf(value.as.real) && value.as.real < 0;
        }
        k.all[k.n++] = value;
    }
    qsort(k.all, k.n, sizeof *k.all, compare_values);
    for (size_t i = 0; i < k.n; i++) {
        bool real = ldr_statistic_is_real(k.all[i].type);

        k.n_distinct += i == 0 || compare_values(&k.all[i - 1], &k.all[i]) != 0;
        if (!real || isfinite(k.all[i].as.real))
            k.finite[k.n_finite++] = k.all[i];
    }
    return k;
}

static void
check_quantile(
    const larder_statistic *c, const kept *k, larder_value told, size_t percent)
{
    size_t rank = (k->n_finite * percent + 99) / 100;
    double right = number_of(k->finite[rank - 1]), near = number_of(told);
    double off = fabs(near - right), allowed = 0;

    if (c->type == LARDER_TIMESTAMP)
        allowed = c->quantile_error * (number_of(c->max) - number_of(c->min));
    else
        allowed = c->quantile_error * fmax(fabs(right), 0x1p-1022);
    if (c->quantile_error > 0 && ldr_statistic_is_integer(c->type))
        allowed += 0.5;
    if (c->quantile_error > 0 && c->type == LARDER_FLOAT32)
        allowed += fabs(right) * 0x1p-23 + 0x1p-149;
    if (!(off <= allowed))
        ck_abort_msg("%s %s p%zu: %.17g is told, %.17g is right, off by %g",
            c->name, larder_type_name(c->type), percent, near, right, off);
}

static void
check_places(const larder_statistic *c, const kept *k)
{
    uint64_t in_bins = 0;

    ck_assert(c->min.null == (k->n_finite == 0));
    if (k->n_finite == 0)
        return;
    ck_assert_int_eq(ldr_value_order(&c->min, &k->finite[0]), 0);
    ck_assert_int_eq(ldr_value_order(&c->max, &k->finite[k->n_finite - 1]), 0);
    ck_assert((c->quantile_error == 0) == (k->n_distinct <= 4096));
    check_quantile(c, k, c->p50, 50);
    check_quantile(c, k, c->p95, 95);
    check_quantile(c, k, c->p99, 99);
    for (size_t b = 0; b < c->n_bins; b++) {
        uint64_t inside = 0;
        bool last = b + 1 == c->n_bins;

        in_bins += c->bins[b].count;
        for (size_t i = 0; c->quantile_error == 0 && i < k->n_finite; i++)
            inside +=
                ldr_value_order(&k->finite[i], &c->bins[b].from) >= 0 &&
                (last || ldr_value_order(&k->finite[i], &c->bins[b].to) < 0);
        if (c->quantile_error == 0)
            ck_assert_uint_eq(c->bins[b].count, inside);
    }
    ck_assert_uint_eq(in_bins, k->n_finite);
}

static void
check_mean(const larder_statistic *c, const kept *k)
{
    ldr_moments moments = {0};

    ck_assert(c->has_mean == (k->n_finite > 0 && c->type != LARDER_TIMESTAMP));
    if (!c->has_mean)
        return;
    for (size_t i = 0; i < k->n_finite; i++)
        if (ldr_statistic_is_real(c->type))
            ldr_moments_add(&moments, k->finite[i].as.real);
        else
            ldr_moments_add_integer(&moments, k->finite[i].as.integer);
    ck_assert(c->mean == ldr_sum_mean(&moments.sum, k->n_finite));
    ck_assert(c->stddev == ldr_moments_stddev(&moments) ||
              isnan(ldr_moments_stddev(&moments)));
}

/* Each top value is as frequent as is told, and no other is more so. */
static void
check_top(const larder_statistic *c, const kept *k)
{
    size_t most_left = 0, in_top = 0;

    for (size_t i = 0, n; i < k->n; i += n) {
        bool top = false;

        for (n = 1;
             i + n < k->n && compare_values(&k->all[i], &k->all[i + n]) == 0;)
            n++;
        for (size_t t = 0; t < c->n_top; t++)
            if (ldr_value_order(&c->top[t].value, &k->all[i]) == 0) {
                ck_assert_uint_eq(c->top[t].count, n);
                top = true;
            }
        in_top += top;
        if (!top && n > most_left)
            most_left = n;
    }
    ck_assert_uint_eq(in_top, c->n_top);
    ck_assert(c->n_top == 10 || c->n_top == k->n_distinct);
    if (c->n_top > 0)
        ck_assert_uint_ge(c->top[c->n_top - 1].count, most_left);
}

static void
check_column(const larder_statistic *c, const larder_column *column)
{
    kept k = keep(column);
    bool text = c->type == LARDER_STRING || c->type == LARDER_BYTES;

    ck_assert_uint_eq(c->count, k.n);
    ck_assert_uint_eq(c->nulls, column->n_rows - k.n);
    ck_assert_uint_eq(c->nan, k.n_nan);
    ck_assert_uint_eq(c->above, k.n_above);
    ck_assert_uint_eq(c->below, k.n_below);
    ck_assert(c->has_distinct == (c->type < LARDER_LIST));
    if (c->has_distinct && c->distinct_error == 0)
        ck_assert_uint_eq(c->distinct, k.n_distinct);
    else if (c->has_distinct) /* five times the standard error */
        ck_assert(fabs((double)c->distinct - (double)k.n_distinct) <=
                  5 * c->distinct_error * (double)k.n_distinct);
    if (c->type < LARDER_LIST && !text && c->type != LARDER_BOOL) {
        check_places(c, &k);
        check_mean(c, &k);
    }
    if (text && k.n > 0) {
        ck_assert_int_eq(ldr_value_order(&c->min, &k.all[0]), 0);
        ck_assert_int_eq(ldr_value_order(&c->max, &k.all[k.n - 1]), 0);
    }
    if (c->distinct_error == 0 && c->type < LARDER_LIST &&
        !ldr_statistic_is_real(c->type) && c->type != LARDER_TIMESTAMP)
        check_top(c, &k);
    else
        ck_assert_uint_eq(c->n_top, 0);
    free(k.all);
    free(k.finite);
}

static void
check_rows(const larder_batch *rows, uint64_t *random)
{
    char *once = tell_by_parts(rows, 1, random), *parts;
    ldr_statistics all = {0};
    larder_stats stats;

    for (size_t n = 2; n < 6; n++) {
        parts = tell_by_parts(rows, n, random);
        ck_assert_str_eq(once, parts);
        free(parts);
    }
    ck_assert_int_eq(ldr_statistics_init(&all, rows->schema->fields,
                         rows->schema->n_fields, NULL),
        LARDER_OK);
    add_rows(&all, rows, 0, rows->n_rows, random);
    stats = report_of(&all);
    ck_assert_uint_eq(stats.rows, rows->n_rows);
    for (size_t i = 0; i < stats.n_columns; i++)
        check_column(&stats.columns[i], &rows->columns[i]);
    larder_stats_release(&stats);
    ldr_statistics_release(&all);
    free(once);
}

/* ------------------------------------------------------------------- tests */

START_TEST(columns_of_every_type_with_every_odd_value_are_as_the_oracle_says)
{
    uint64_t random = 1;

    for (size_t round = 0; round < 30; round++) {
        larder_batch rows = {0};

        ck_assert_int_eq(
            larder_batch_init(&rows, rows_every_type(), NULL), LARDER_OK);
        rows_fill(&rows, support_below(&random, 60 * round + 1), &random);
        check_rows(&rows, &random);
        larder_batch_release(&rows);
    }
}
END_TEST

static const larder_field many_fields[] = {{"r", LARDER_FLOAT64},
    {"f", LARDER_FLOAT32}, {"i", LARDER_INT64}, {"n", LARDER_INT32},
    {"t", LARDER_TIMESTAMP}, {"s", LARDER_STRING}, {"y", LARDER_BYTES}};
static const larder_schema many = {many_fields, 7};

static double
any_real(uint64_t *random)
{
    uint64_t bits = support_random(random);
    double value;

    switch (support_below(random, 8)) {
    case 0:
        memcpy(&value, &bits, sizeof value); /* of any size, NaN, subnormal */
        return value;
    case 1:
        return (double)INFINITY;
    case 2:
        return -0.0;
    default:
        return ((double)(bits >> 11) / 0x1p53 - 0.3) * 1000;
    }
}

static larder_value
any_value(larder_type type, size_t n_different, uint64_t *random, char *room)
{
    larder_value value = {.type = type, .null = support_below(random, 10) == 0};
    uint64_t which = support_below(random, n_different);

    value.as.integer = (int64_t)(which * UINT64_C(0x9E3779B97F4A7C15));
    if (type == LARDER_INT32)
        value.as.integer = (int32_t)value.as.integer;
    if (type == LARDER_TIMESTAMP)
        value.as.integer %= LARDER_TIME_MAX / 100;
    if (ldr_statistic_is_real(type))
        value.as.real = any_real(&which);
    if (type == LARDER_FLOAT32)
        value.as.real = (double)(float)value.as.real;
    if (type == LARDER_STRING || type == LARDER_BYTES)
        value.as.text =
            (larder_bytes){room, (size_t)snprintf(room, 64, "\xC3\xA9 %llu",
                                     (unsigned long long)which)};
    return value;
}

START_TEST(few_values_and_many_are_told_alike_at_each_side_of_the_bound)
{
    static const size_t different[] = {1, 2, 19, 4000, 4600, 9000, 1000000};
    uint64_t random = 2;

    for (size_t d = 0; d < sizeof different / sizeof *different; d++) {
        larder_batch rows = {0};

        ck_assert_int_eq(larder_batch_init(&rows, &many, NULL), LARDER_OK);
        for (size_t row = 0; row < MOST_ROWS; row++)
            for (size_t c = 0; c < many.n_fields; c++) {
                char room[64];
                larder_value value =
                    any_value(many_fields[c].type, different[d], &random, room);

                if (larder_column_append(&rows.columns[c], &value, NULL) !=
                    LARDER_OK)
                    ck_abort_msg("no memory");
            }
        ldr_batch_finish(&rows);
        check_rows(&rows, &random);
        larder_batch_release(&rows);
    }
}
END_TEST

static larder_statistic
of_integers(
    const int64_t *values, size_t n, larder_type type, larder_stats *stats)
{
    larder_field field = {"v", type};
    larder_column column = {0};
    ldr_statistics statistics = {0};

    ck_assert_int_eq(ldr_column_init(&column, type, NULL), LARDER_OK);
    for (size_t i = 0; i < n; i++)
        if (larder_column_append_integer(&column, values[i], NULL) != LARDER_OK)
            ck_abort_msg("no memory");
    ck_assert_int_eq(
        ldr_statistics_init(&statistics, &field, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_statistics_add(&statistics, &column, n, NULL), LARDER_OK);
    *stats = report_of(&statistics);
    ldr_statistics_release(&statistics);
    ldr_column_release(&column);
    return stats->columns[0];
}

START_TEST(exactly_4096_values_are_exact_and_one_more_is_estimated)
{
    static int64_t values[8194];
    larder_stats stats;
    larder_statistic c;

    for (size_t i = 0; i < 8194; i++)
        values[i] = (int64_t)(i % 4097) * 1000;
    c = of_integers(values, 4096, LARDER_INT64, &stats);
    ck_assert_uint_eq(c.distinct, 4096);
    ck_assert(c.distinct_error == 0 && c.quantile_error == 0);
    ck_assert_int_eq(c.p50.as.integer, 2047000);
    ck_assert_uint_eq(c.n_top, 10);
    larder_stats_release(&stats);
    c = of_integers(values, 8194, LARDER_INT64, &stats);
    ck_assert(c.distinct_error > 0 && c.quantile_error > 0);
    ck_assert_uint_eq(c.n_top, 0);
    ck_assert(llabs((long long)c.distinct - 4097) < 170);
    ck_assert(llabs((long long)c.p50.as.integer - 2048000) < 8001);
    larder_stats_release(&stats);
}
END_TEST

START_TEST(the_ends_of_int64_have_their_bins_and_quantiles)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MAX, 0, INT64_MAX};
    larder_stats stats;
    larder_statistic c = of_integers(ends, 4, LARDER_INT64, &stats);
    uint64_t n = 0;

    ck_assert(c.min.as.integer == INT64_MIN && c.max.as.integer == INT64_MAX);
    ck_assert_int_eq(c.p50.as.integer, 0);
    ck_assert_int_eq(c.p99.as.integer, INT64_MAX);
    ck_assert_uint_eq(c.n_bins, 20);
    for (size_t i = 0; i < c.n_bins; i++)
        n += c.bins[i].count;
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(c.bins[0].count, 1);
    ck_assert_uint_eq(c.bins[10].count, 1);
    ck_assert_uint_eq(c.bins[19].count, 2);
    larder_stats_release(&stats);
}
END_TEST

START_TEST(lengths_are_characters_bytes_and_items)
{
    static const larder_field fields[] = {
        {"s", LARDER_STRING}, {"y", LARDER_BYTES}, {"l", LARDER_INT64_LIST}};
    static const larder_schema schema = {fields, 3};
    larder_batch rows = {0};
    ldr_statistics statistics = {0};
    larder_stats stats;

    ck_assert_int_eq(larder_batch_init(&rows, &schema, NULL), LARDER_OK);
    for (size_t c = 0; c < 2; c++) {
        ck_assert_int_eq(larder_column_append_text(&rows.columns[c],
                             (larder_bytes){"\xC3\xA9t\xC3\xA9", 5}, NULL),
            LARDER_OK);
        ck_assert_int_eq(larder_column_append_text(
                             &rows.columns[c], (larder_bytes){"", 0}, NULL),
            LARDER_OK);
    }
    ck_assert_int_eq(larder_value_parse(&rows.columns[2],
                         (larder_bytes){"[1,2,3]", 7}, 0, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        larder_column_append_null(&rows.columns[2], NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_statistics_init(&statistics, fields, 3, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_statistics_add(&statistics, rows.columns, 2, NULL), LARDER_OK);
    stats = report_of(&statistics);
    ck_assert_uint_eq(stats.columns[0].max_length, 3);
    ck_assert_uint_eq(stats.columns[0].min_length, 0);
    ck_assert(stats.columns[0].mean_length == 1.5);
    ck_assert_uint_eq(stats.columns[1].max_length, 5);
    ck_assert(stats.columns[2].mean_length == 3);
    ck_assert_uint_eq(stats.columns[2].nulls, 1);
    ck_assert(!stats.columns[2].has_distinct);
    larder_stats_release(&stats);
    ldr_statistics_release(&statistics);
    larder_batch_release(&rows);
}
END_TEST

/* ---------------------------------------------------------- whole journeys */

static const char features[] =
    "entities:\n  - {name: e, join_key: id, type: int64}\n"
    "  - {name: c, join_key: city, type: string}\n"
    "sources:\n  - name: h\n    timestamp_field: ts\n    key: [id]\n"
    "    schema:\n      - {name: id, type: int64}\n"
    "      - {name: city, type: string}\n      - {name: x, type: float64}\n"
    "feature_views:\n"
    "  - {name: p, entities: [e], source: h, ttl: 2d, features: [\n"
    "     {name: amount, type: float64, from: x},\n"
    "     {name: city, type: string}]}\n"
    "  - {name: w, entities: [c, e], source: h, features: [\n"
    "     {name: s7, type: float64, aggregate: sum, column: x, window: 7d},\n"
    "     {name: m7, type: float64, aggregate: mean, column: x, window: 7d},\n"
    "     {name: n7, type: int64, aggregate: count, window: 7d}]}\n"
    "  - {name: off, entities: [e], source: h, online: false, features: [\n"
    "     {name: x, type: float64}]}\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop s;

static void
open_shop(int pair, const char *csv)
{
    larder_ingested done = {0};

    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    s.call.now = shop_time("2024-06-01T00:00:00Z");
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s", s.err.message);
    if (csv != NULL)
        ck_assert_msg(
            shop_ingest(&s, "h", csv, &done) == LARDER_OK, "%s", s.err.message);
    larder_ingested_release(&done);
}

/* The report as text, or "error: ..."; yours. */
static char *
stats_of(const larder_stats_options *options)
{
    larder_stats stats = {0};
    larder_error err = {0};
    char *text;

    if (larder_stats_of_view(s.store, &s.call, options, &stats, &err) !=
        LARDER_OK) {
        text = malloc(sizeof err.message + 8);
        ck_assert_ptr_nonnull(text);
        snprintf(text, sizeof err.message + 8, "error: %s", err.message);
        return text;
    }
    text = tell(&stats);
    larder_stats_release(&stats);
    return text;
}

static void
expect_stats(const larder_stats_options *options, const char *wanted)
{
    char *text = stats_of(options);

    ck_assert_str_eq(text, wanted);
    free(text);
}

static const char few_rows[] = "id,city,x,ts\n"
                               "1,rome,0,2024-05-30T12:00:00Z\n"
                               "1,rome,40,2024-05-31T12:00:00Z\n"
                               "2,oslo,,2024-05-31T00:00:00Z\n"
                               "3,oslo,NaN,2024-05-01T00:00:00Z\n";

START_TEST(history_is_told_under_the_names_of_features)
{
    open_shop(_i, few_rows);
    expect_stats(&(larder_stats_options){.view = "p"},
        "p rows=4 1714521600000000..1717156800000000\n"
        "amount float64 n=3 null=1 expired=0 nan=1 inf=0,0 "
        "mean=0x1.4p+4 stddev=0x1.4p+4 min=0.0 p50=0.0 p95=40.0 "
        "p99=40.0 max=40.0 off=0 distinct=3 off=0 from=0.0 to=2.0*1"
        " from=2.0 to=4.0*0 from=4.0 to=6.0*0 from=6.0 to=8.0*0 "
        "from=8.0 to=10.0*0 from=10.0 to=12.0*0 from=12.0 to=14.0*0"
        " from=14.0 to=16.0*0 from=16.0 to=18.0*0 from=18.0 "
        "to=20.0*0 from=20.0 to=22.0*0 from=22.0 to=24.0*0 "
        "from=24.0 to=26.0*0 from=26.0 to=28.0*0 from=28.0 "
        "to=30.0*0 from=30.0 to=32.0*0 from=32.0 to=34.0*0 "
        "from=34.0 to=36.0*0 from=36.0 to=38.0*0 from=38.0 "
        "to=40.0*1\n"
        "city string n=4 null=0 expired=0 nan=0 inf=0,0 min=oslo max=rome "
        "off=0 distinct=2 off=0 top=oslo*2 top=rome*2 "
        "length=4..4,0x1p+2\n");
    expect_stats(&(larder_stats_options){.view = "w",
                     .range = true,
                     .from = shop_time("2024-05-31T00:00:00Z"),
                     .to = shop_time("2024-05-31T12:00:00Z")},
        "w rows=2 1717113600000000..1717156800000000\n"
        "x float64 n=1 null=1 expired=0 nan=0 inf=0,0 mean=0x1.4p+5 "
        "stddev=0x0p+0 min=40.0 p50=40.0 p95=40.0 p99=40.0 max=40.0 off=0 "
        "distinct=1 off=0 from=40.0 to=40.0*1\n");
    shop_close(&s);
}
END_TEST

START_TEST(online_is_what_a_read_of_every_entity_gives_now)
{
    open_shop(_i, few_rows);
    expect_stats(&(larder_stats_options){.view = "p", .online = true},
        "error: feature view 'p' is not materialized yet");
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    /* Entity 3 is past its ttl; 2 has no amount. */
    expect_stats(&(larder_stats_options){.view = "p", .online = true},
        "p rows=3 1714521600000000..1717156800000000\n"
        "amount float64 n=1 null=2 expired=1 nan=0 inf=0,0 mean=0x1.4p+5 "
        "stddev=0x0p+0 min=40.0 p50=40.0 p95=40.0 p99=40.0 max=40.0 off=0 "
        "distinct=1 off=0 from=40.0 to=40.0*1\n"
        "city string n=2 null=1 expired=1 nan=0 inf=0,0 min=oslo max=rome "
        "off=0 distinct=2 off=0 top=oslo*1 top=rome*1 length=4..4,0x1p+2\n");
    expect_stats(&(larder_stats_options){.view = "off", .online = true},
        "error: feature view 'off' says 'online: false'");
    shop_close(&s);
}
END_TEST

START_TEST(windows_online_are_as_they_are_at_the_moment_of_the_call)
{
    char *text;

    open_shop(_i, few_rows);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    text = stats_of(&(larder_stats_options){.view = "w", .online = true});
    ck_assert_ptr_nonnull(strstr(text, "\ns7 float64 n=1 null=2"));
    ck_assert_ptr_nonnull(strstr(text, "mean=0x1.4p+5 "));
    free(text);
    s.call.now += 8 * SHOP_DAY;
    text = stats_of(&(larder_stats_options){.view = "w", .online = true});
    ck_assert_ptr_nonnull(strstr(text, "\ns7 float64 n=0 null=3"));
    free(text);
    shop_close(&s);
}
END_TEST

START_TEST(no_row_is_a_report_of_none_and_a_wrong_name_is_an_error)
{
    char *text;

    open_shop(_i, NULL);
    text = stats_of(&(larder_stats_options){.view = "off"});
    ck_assert_str_eq(text,
        "off rows=0 -62135596800000000..-62135596800000000\n"
        "x float64 n=0 null=0 expired=0 nan=0 inf=0,0 off=0 distinct=0 "
        "off=0\n");
    free(text);
    text = stats_of(&(larder_stats_options){.view = "of"});
    ck_assert_ptr_nonnull(strstr(text, "error: "));
    ck_assert_ptr_nonnull(strstr(text, "'of'"));
    free(text);
    expect_stats(
        &(larder_stats_options){.view = "p", .range = true, .from = 1, .to = 0},
        "error: the range ends before it begins");
    expect_stats(
        &(larder_stats_options){.view = "p", .online = true, .range = true},
        "error: online there is one row of each key: give no range with it");
    shop_close(&s);
}
END_TEST

START_TEST(threads_never_change_a_byte)
{
    uint64_t random = 5;
    char *csv = NULL, *one;
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);

    ck_assert_ptr_nonnull(file);
    fputs("id,city,x,ts\n", file);
    for (size_t i = 0; i < 9000; i++)
        fprintf(file, "%zu,c%zu,%.17g,2024-05-%02zuT00:00:00.%06zuZ\n",
            support_below(&random, 3000), support_below(&random, 30),
            (double)support_below(&random, 1u << 30) / 3,
            1 + support_below(&random, 30), i);
    fclose(file);
    open_shop(_i, csv);
    one = stats_of(&(larder_stats_options){.view = "p"});
    ck_assert_ptr_nonnull(strstr(one, "rows=9000 "));
    for (unsigned n = 2; n < 7; n++) {
        s.call.n_threads = n;
        expect_stats(&(larder_stats_options){.view = "p"}, one);
    }
    free(one);
    free(csv);
    shop_close(&s);
}
END_TEST

START_TEST(a_call_that_is_cancelled_stops)
{
    volatile int stop = 1;
    char *text;

    open_shop(_i, few_rows);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    s.call.cancel = &stop;
    for (int online = 0; online < 2; online++) {
        larder_stats_options options = {.view = "p", .online = online == 1};
        larder_stats stats = {0};

        ck_assert_int_eq(
            larder_stats_of_view(s.store, &s.call, &options, &stats, NULL),
            LARDER_INTERRUPTED);
        ck_assert_ptr_null(stats.memory);
    }
    s.call.cancel = NULL;
    text = stats_of(&(larder_stats_options){.view = "p", .online = true});
    ck_assert_ptr_nonnull(strstr(text, "rows=3"));
    free(text);
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("statistics");
    TCase *tests = tcase_create("statistics");

    tcase_add_test(tests,
        columns_of_every_type_with_every_odd_value_are_as_the_oracle_says);
    tcase_add_test(
        tests, few_values_and_many_are_told_alike_at_each_side_of_the_bound);
    tcase_add_test(
        tests, exactly_4096_values_are_exact_and_one_more_is_estimated);
    tcase_add_test(tests, the_ends_of_int64_have_their_bins_and_quantiles);
    tcase_add_test(tests, lengths_are_characters_bytes_and_items);
    tcase_add_loop_test(
        tests, history_is_told_under_the_names_of_features, 0, 2);
    tcase_add_loop_test(
        tests, online_is_what_a_read_of_every_entity_gives_now, 0, 2);
    tcase_add_loop_test(
        tests, windows_online_are_as_they_are_at_the_moment_of_the_call, 0, 2);
    tcase_add_loop_test(
        tests, no_row_is_a_report_of_none_and_a_wrong_name_is_an_error, 0, 2);
    tcase_add_loop_test(tests, threads_never_change_a_byte, 0, 2);
    tcase_add_loop_test(tests, a_call_that_is_cancelled_stops, 0, 2);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
