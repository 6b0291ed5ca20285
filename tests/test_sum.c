/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sum.c - exact sums of doubles and integers, and standard deviations.
 *
 * Known answers and what must hold for any numbers; oracle_sum.c asks Python.
 */
#include "base/sum.h"
#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define ROUNDS 3000u
#define MOST 120u

static uint64_t
bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void
expect(double found, double expected)
{
    if (bits_of(found) != bits_of(expected))
        ck_abort_msg("%a, expected %a", found, expected);
}

static ldr_sum
sum_of(const double *values, size_t n)
{
    ldr_sum sum = {0};

    for (size_t i = 0; i < n; i++)
        ldr_sum_add(&sum, values[i]);
    return sum;
}

static double
total(const double *values, size_t n)
{
    ldr_sum sum = sum_of(values, n);

    return ldr_sum_value(&sum);
}

static double
stddev(const double *values, size_t n)
{
    ldr_moments moments = {0};

    for (size_t i = 0; i < n; i++)
        ldr_moments_add(&moments, values[i]);
    return ldr_moments_stddev(&moments);
}

#define TOTAL(...)                                                             \
    total((const double[]){__VA_ARGS__},                                       \
        sizeof((const double[]){__VA_ARGS__}) / sizeof(double))
#define STDDEV(...)                                                            \
    stddev((const double[]){__VA_ARGS__},                                      \
        sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

/* Finite; near one another where `spread` is small. */
static double
random_double(uint64_t *random, unsigned spread)
{
    uint64_t fraction = support_random(random) >> 12;
    uint64_t exponent = 1023 + support_below(random, spread) - spread / 2;
    double value;

    if (support_below(random, 4) == 0)
        fraction &= UINT64_C(0xfff) << 40;
    if (spread > 2040)
        exponent = support_below(random, 2047);
    if (support_below(random, 20) == 0)
        return 0;
    fraction |= exponent << 52 | support_below(random, 2) << 63;
    memcpy(&value, &fraction, sizeof value);
    return value;
}

static const unsigned spreads[] = {1, 8, 40, 64, 200, 2046};

static size_t
random_doubles(uint64_t *random, double *values)
{
    unsigned spread = spreads[support_below(random, 6)];
    size_t n = 1 + support_below(random, MOST);

    for (size_t i = 0; i < n; i++)
        values[i] = i > 0 && support_below(random, 5) == 0
                        ? -values[support_below(random, i)]
                        : random_double(random, spread);
    return n;
}

static void
shuffle(uint64_t *random, double *values, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = support_below(random, i);
        double value = values[i - 1];

        values[i - 1] = values[j];
        values[j] = value;
    }
}

/* --------------------------------------------------------- known answers */

START_TEST(an_empty_sum_and_zeros_of_any_sign_are_zero)
{
    ldr_sum sum = {0};

    expect(ldr_sum_value(&sum), 0.0);
    expect(TOTAL(-0.0, -0.0), 0.0);
    expect(TOTAL(1.5, -1.5), 0.0);
    expect(TOTAL(-1.5, 1.5, -0.0), 0.0);
}
END_TEST

START_TEST(what_a_loop_would_lose_is_kept)
{
    expect(TOTAL(1e100, 1.0, -1e100), 1.0);
    expect(TOTAL(1e308, 1e308, -1e308), 1e308); /* beyond DBL_MAX meanwhile */
    expect(TOTAL(DBL_MAX, DBL_TRUE_MIN, -DBL_MAX), DBL_TRUE_MIN);
    expect(TOTAL(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), 1.0);
    expect(TOTAL(-DBL_MAX, -DBL_MAX, DBL_MAX, DBL_MAX, -3.0), -3.0);
}
END_TEST

START_TEST(halves_fall_to_even_and_one_bit_far_away_decides)
{
    expect(TOTAL(0x1p53, 1.0), 0x1p53);
    expect(TOTAL(0x1p53, 3.0), 0x1.0000000000002p53);
    expect(TOTAL(0x1p53, 1.0, DBL_TRUE_MIN), 0x1.0000000000001p53);
    expect(TOTAL(0x1p53, 1.0, -DBL_TRUE_MIN), 0x1p53);
    expect(TOTAL(-0x1p53, -3.0, DBL_TRUE_MIN), -0x1.0000000000001p53);
    expect(TOTAL(0x1.fffffffffffffp52, 0.5), 0x1p53);
    expect(TOTAL(1.0, 0x1p-53), 1.0);
    expect(TOTAL(1.0, 0x1p-53, 0x1p-53), 0x1.0000000000001p0);
    expect(TOTAL(1.0, 0x1p-53, 0x1p-200), 0x1.0000000000001p0);
}
END_TEST

START_TEST(powers_of_two_add_up_exactly_everywhere)
{
    for (int exponent = -1074; exponent < 1023; exponent++) {
        double power = ldexp(1, exponent);

        expect(TOTAL(power), power);
        expect(TOTAL(-power), -power);
        expect(TOTAL(power, power), 2 * power);
        expect(TOTAL(DBL_MAX, power, -DBL_MAX), power);
    }
}
END_TEST

START_TEST(subnormal_sums_are_exact)
{
    ldr_sum sum = {0};

    for (unsigned i = 0; i < 5000; i++)
        ldr_sum_add(&sum, DBL_TRUE_MIN);
    expect(ldr_sum_value(&sum), 5000 * DBL_TRUE_MIN);
    expect(TOTAL(DBL_MIN, -DBL_TRUE_MIN), DBL_MIN - DBL_TRUE_MIN);
    expect(TOTAL(DBL_MIN - DBL_TRUE_MIN, DBL_TRUE_MIN), DBL_MIN);
    expect(TOTAL(DBL_MIN, DBL_MIN - DBL_TRUE_MIN, DBL_TRUE_MIN), 2 * DBL_MIN);
}
END_TEST

START_TEST(a_sum_past_the_greatest_double_is_infinite)
{
    const double half_ulp = 0x1p970;

    expect(TOTAL(DBL_MAX, DBL_MAX), (double)INFINITY);
    expect(TOTAL(-DBL_MAX, -DBL_MAX), -(double)INFINITY);
    expect(TOTAL(DBL_MAX, half_ulp), (double)INFINITY);
    expect(TOTAL(DBL_MAX, half_ulp, -DBL_TRUE_MIN), DBL_MAX);
    expect(TOTAL(DBL_MAX, half_ulp / 2), DBL_MAX);
}
END_TEST

START_TEST(infinities_and_nan_have_their_rules_and_can_be_taken_away)
{
    const double nan = (double)NAN, inf = (double)INFINITY;
    ldr_sum sum = {0};

    ldr_sum_add(&sum, 2.5);
    ldr_sum_add(&sum, inf);
    expect(ldr_sum_value(&sum), inf);
    expect(ldr_sum_mean(&sum, 2), inf);
    ldr_sum_add(&sum, -inf);
    ck_assert(isnan(ldr_sum_value(&sum)));
    ldr_sum_take(&sum, inf);
    expect(ldr_sum_value(&sum), -inf);
    ldr_sum_add(&sum, nan);
    expect(ldr_sum_value(&sum), nan);
    ldr_sum_add(&sum, -nan);
    ldr_sum_take(&sum, nan);
    expect(ldr_sum_mean(&sum, 3), nan);
    ldr_sum_take(&sum, nan);
    ldr_sum_take(&sum, -inf);
    expect(ldr_sum_value(&sum), 2.5);
}
END_TEST

START_TEST(a_mean_is_finite_where_the_quotient_is)
{
    ldr_sum sum = {0};

    for (unsigned i = 0; i < 7; i++)
        ldr_sum_add(&sum, -DBL_MAX);
    expect(ldr_sum_value(&sum), -(double)INFINITY);
    expect(ldr_sum_mean(&sum, 7), -DBL_MAX);
    expect(ldr_sum_mean(&sum, 14), -DBL_MAX / 2);
    expect(ldr_sum_mean(&sum, 1), -(double)INFINITY);
    sum = sum_of((const double[]){1.0, 1.0, 0.0}, 3);
    expect(ldr_sum_mean(&sum, 3), 2.0 / 3.0);
}
END_TEST

/* ------------------------------------------------------------- properties */

START_TEST(order_and_splits_decide_nothing)
{
    uint64_t random = 1;
    double values[MOST];

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = random_doubles(&random, values);
        size_t half = support_below(&random, n + 1);
        double sum = total(values, n), deviation = stddev(values, n);
        ldr_sum both;

        shuffle(&random, values, n);
        expect(total(values, n), sum);
        expect(stddev(values, n), deviation);
        both = sum_of(values + half, n - half); /* the later ones first */
        for (size_t i = 0; i < half; i++)
            ldr_sum_add(&both, values[i]);
        expect(ldr_sum_value(&both), sum);
    }
}
END_TEST

START_TEST(what_is_taken_away_was_never_there)
{
    uint64_t random = 2;
    double values[MOST], others[MOST];

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = random_doubles(&random, values);
        size_t m = random_doubles(&random, others);
        ldr_sum sum = sum_of(others, m);
        ldr_moments moments = {0};

        for (size_t i = 0; i < m; i++)
            ldr_moments_add(&moments, others[i]);
        for (size_t i = 0; i < n; i++) {
            ldr_sum_add(&sum, values[i]);
            ldr_moments_add(&moments, values[i]);
        }
        shuffle(&random, others, m);
        for (size_t i = 0; i < m; i++) {
            ldr_sum_take(&sum, others[i]);
            ldr_moments_take(&moments, others[i]);
        }
        expect(ldr_sum_value(&sum), total(values, n));
        expect(ldr_sum_mean(&sum, n),
            total(values, n) / (double)n); /* none of these overflow */
        expect(ldr_moments_stddev(&moments), stddev(values, n));
        ldr_sum_clear(&sum);
        ldr_moments_clear(&moments);
        ck_assert_msg(
            memcmp(&sum, &(ldr_sum){0}, sizeof sum) == 0, "not empty");
        ck_assert_msg(memcmp(&moments, &(ldr_moments){0}, sizeof moments) == 0,
            "not empty");
    }
}
END_TEST

/* Enough for carries to be settled many times, on the way up and down. */
static void
go_there_and_back(double value, unsigned n)
{
    ldr_sum sum = {0};
    ldr_moments moments = {0};

    for (unsigned i = 0; i < n; i++) {
        ldr_sum_add(&sum, value);
        ldr_moments_add(&moments, value);
        ldr_moments_add(&moments, -value);
    }
    expect(ldr_sum_mean(&sum, n), value);
    expect(ldr_moments_stddev(&moments), fabs(value));
    for (unsigned i = 0; i < n; i++) {
        ldr_moments_take(&moments, value);
        ldr_sum_take(&sum, value);
    }
    for (unsigned i = 0; i < n; i++)
        ldr_sum_take(&sum, value);
    expect(ldr_sum_mean(&sum, n), -value);
    expect(ldr_moments_stddev(&moments), 0.0);
}

START_TEST(a_hundred_thousand_additions_and_as_many_back)
{
    static const double values[] = {1.0, -1.0, DBL_MAX, -DBL_MAX, DBL_MIN,
        0x1.fffffffffffffp31, -0x1.fffffffffffffp30, 0x1.fffffffffffffp0};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        go_there_and_back(values[i], 1u << 16);
    go_there_and_back(DBL_TRUE_MIN, 1u << 16);
}
END_TEST

START_TEST(running_sums_give_the_bits_that_sums_give)
{
    uint64_t random = 3;
    double values[MOST];
    ldr_integer_sum running[MOST + 1];
    unsigned scale, n_scaled = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = random_doubles(&random, values);
        size_t begin = support_below(&random, n);
        size_t end = begin + 1 + support_below(&random, n - begin);
        ldr_sum sum = sum_of(values + begin, end - begin);
        ldr_integer_sum stretch;

        if (!ldr_running_scale(values, n, &scale))
            continue;
        n_scaled++;
        ldr_running_reals(values, n, scale, running);
        stretch = ldr_running_between(running, begin, end);
        expect(ldr_running_value(&stretch, scale), ldr_sum_value(&sum));
        expect(ldr_running_mean(&stretch, scale, end - begin),
            ldr_sum_mean(&sum, end - begin));
    }
    ck_assert_uint_gt(n_scaled, ROUNDS / 4);
    ck_assert_uint_lt(n_scaled, ROUNDS);
    values[0] = (double)NAN;
    ck_assert(!ldr_running_scale(values, 1, &scale));
    ck_assert(ldr_running_scale(values, 0, &scale));
}
END_TEST

START_TEST(running_sums_are_refused_before_they_overflow)
{
    double values[MOST];
    ldr_integer_sum running[MOST + 1];
    unsigned scale, n_refused = 0;

    for (int exponent = 40; exponent < 130; exponent++)
        for (size_t n = 2; n <= MOST; n++) {
            double sign = n % 3 == 0 ? -1 : 1;

            for (size_t i = 0; i < n; i++)
                values[i] = sign * ldexp(0x1.fffffffffffffp0, exponent);
            values[n / 2] = 0x1p-20;
            if (!ldr_running_scale(values, n, &scale)) {
                n_refused++;
                continue;
            }
            ldr_running_reals(values, n, scale, running);
            expect(ldr_running_value(&running[n], scale), total(values, n));
        }
    ck_assert_uint_gt(n_refused, 25 * MOST);
    ck_assert_uint_lt(n_refused, 35 * MOST);
}
END_TEST

START_TEST(running_sums_reach_both_ends_of_the_doubles)
{
    static const double ends[][2] = {{DBL_MAX, DBL_MAX}, {-DBL_MAX, -0x1p970},
        {DBL_TRUE_MIN, DBL_TRUE_MIN}, {-DBL_MIN, 0.0}, {0.0, -0.0},
        {0x1p73, -0x1p-52}, {0x1p73, -0x1p-51}};
    ldr_integer_sum running[3];
    unsigned scale;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (!ldr_running_scale(ends[i], 2, &scale)) {
            ck_assert(ends[i][0] == 0x1p73);
            continue;
        }
        ldr_running_reals(ends[i], 2, scale, running);
        expect(ldr_running_value(&running[2], scale), total(ends[i], 2));
    }
    ldr_running_scale(ends[0], 2, &scale);
    ldr_running_reals(ends[0], 2, scale, running);
    expect(ldr_running_mean(&running[2], scale, 2), DBL_MAX);
}
END_TEST

/* --------------------------------------------------------------- integers */

START_TEST(integer_sums_pass_beyond_int64_and_come_back)
{
    ldr_integer_sum sum = {0};
    int64_t value = 42;

    for (unsigned i = 0; i < 1000; i++)
        ldr_integer_sum_add(&sum, INT64_MAX);
    ck_assert(!ldr_integer_sum_value(&sum, &value));
    ck_assert_int_eq(value, 42);
    expect(ldr_integer_sum_real(&sum), 1000 * 0x1p63);
    for (unsigned i = 0; i < 999; i++)
        ldr_integer_sum_take(&sum, INT64_MAX);
    ck_assert(ldr_integer_sum_value(&sum, &value));
    ck_assert_int_eq(value, INT64_MAX);
    expect(ldr_integer_sum_real(&sum), 0x1p63);
    ldr_integer_sum_take(&sum, INT64_MAX);
    ldr_integer_sum_add(&sum, INT64_MIN);
    ck_assert(ldr_integer_sum_value(&sum, &value));
    ck_assert_int_eq(value, INT64_MIN);
    ldr_integer_sum_add(&sum, -1);
    ck_assert(!ldr_integer_sum_value(&sum, &value));
}
END_TEST

START_TEST(integer_sums_are_rounded_once_to_even)
{
    static const int64_t halves[][2] = {{INT64_C(1) << 53, 1},
        {INT64_C(1) << 53, 3}, {-(INT64_C(1) << 53), -1}, {7, -7}, {-3, 1}};
    static const double reals[] = {
        0x1p53, 0x1.0000000000002p53, -0x1p53, 0.0, -2.0};
    int64_t values[2] = {INT64_MAX, INT64_MAX};
    ldr_integer_sum running[3], all;

    for (size_t i = 0; i < 5; i++) {
        ldr_integer_sum sum = {0};

        ldr_integer_sum_add(&sum, halves[i][0]);
        ldr_integer_sum_add(&sum, halves[i][1]);
        expect(ldr_integer_sum_real(&sum), reals[i]);
    }
    ldr_running_integers(values, 2, running);
    all = ldr_running_between(running, 0, 2);
    expect(ldr_integer_sum_real(&all), 0x1p64);
}
END_TEST

/* ------------------------------------------------------ standard deviation */

START_TEST(deviations_have_these_values)
{
    expect(STDDEV(5.0), 0.0);
    expect(STDDEV(0.0, -0.0), 0.0);
    expect(STDDEV(2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0), 2.0);
    expect(STDDEV(1.0, 2.0), 0.5);
    expect(STDDEV(1.0, 2.0, 3.0), sqrt(6.0 / 9.0));
    expect(STDDEV(1e16, 1e16 + 2.0), 1.0); /* far from its mean */
    expect(STDDEV(0.1, 0.1, 0.1), 0.0);
    expect(STDDEV(DBL_MAX, -DBL_MAX), DBL_MAX);
    expect(STDDEV(DBL_TRUE_MIN, 3 * DBL_TRUE_MIN), DBL_TRUE_MIN);
    ck_assert(isnan(STDDEV(1.0, (double)INFINITY)));
    ck_assert(isnan(STDDEV((double)NAN)));
}
END_TEST

START_TEST(a_deviation_scales_with_its_numbers)
{
    uint64_t random = 4;
    double values[MOST], scaled[MOST];

    for (unsigned round = 0; round < 500; round++) {
        size_t n = 1 + support_below(&random, MOST);
        int exponent = (int)support_below(&random, 1800) - 900;

        for (size_t i = 0; i < n; i++) {
            values[i] = random_double(&random, 40);
            scaled[i] = ldexp(values[i], exponent);
        }
        expect(stddev(scaled, n), ldexp(stddev(values, n), exponent));
    }
}
END_TEST

START_TEST(deviations_of_integers_are_those_of_equal_doubles)
{
    uint64_t random = 5;

    for (unsigned round = 0; round < 500; round++) {
        ldr_moments integers = {0}, reals = {0};
        int64_t most = INT64_C(1) << support_below(&random, 54);

        for (size_t i = 0, n = 1 + support_below(&random, 50); i < n; i++) {
            int64_t value = (int64_t)support_below(&random, (size_t)most + 1);

            value = support_below(&random, 2) == 0 ? value : -value;
            ldr_moments_add(&reals, (double)value);
            ldr_moments_add_integer(&integers, value);
            ldr_moments_add_integer(&integers, INT64_MIN + most / 3);
            ldr_moments_take_integer(&integers, INT64_MIN + most / 3);
        }
        expect(ldr_moments_stddev(&integers), ldr_moments_stddev(&reals));
    }
}
END_TEST

START_TEST(integers_beyond_2_to_the_53_are_not_rounded_first)
{
    ldr_moments moments = {0};

    ldr_moments_add_integer(&moments, INT64_MAX);
    ldr_moments_add_integer(&moments, INT64_MAX - 2);
    expect(ldr_moments_stddev(&moments), 1.0);
    ldr_moments_clear(&moments);
    ldr_moments_add_integer(&moments, INT64_MAX);
    ldr_moments_add_integer(&moments, INT64_MIN);
    expect(ldr_moments_stddev(&moments), 0x1p63);
    ldr_moments_take_integer(&moments, INT64_MAX);
    expect(ldr_moments_stddev(&moments), 0.0);
}
END_TEST

/* Magnitudes of all kinds, so that limbs overlap in every way. */
static double
any_real(uint64_t *random)
{
    double value = (double)(int64_t)support_random(random) / 3;

    return ldexp(value, (int)support_below(random, 2000) - 1060);
}

START_TEST(joined_moments_are_those_of_all_values_whatever_the_parts)
{
    uint64_t random = 7;

    for (unsigned round = 0; round < 300; round++) {
        ldr_moments parts[3] = {0}, joined = {0}, all = {0};
        size_t n = support_below(&random, 3000);

        for (size_t i = 0; i < n; i++) {
            double value = any_real(&random);
            size_t part = support_below(&random, 3);

            ldr_moments_add(&parts[part], value);
            ldr_moments_add(&all, value);
        }
        for (size_t i = 0; i < 3; i++)
            ldr_moments_join(&joined, &parts[(i + round) % 3]);
        ck_assert_uint_eq(joined.n, n);
        if (n == 0)
            continue;
        expect(ldr_moments_stddev(&joined), ldr_moments_stddev(&all));
        expect(ldr_sum_mean(&joined.sum, n), ldr_sum_mean(&all.sum, n));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sum");
    TCase *tests = tcase_create("sum");

    tcase_add_test(tests, an_empty_sum_and_zeros_of_any_sign_are_zero);
    tcase_add_test(tests, what_a_loop_would_lose_is_kept);
    tcase_add_test(tests, halves_fall_to_even_and_one_bit_far_away_decides);
    tcase_add_test(tests, powers_of_two_add_up_exactly_everywhere);
    tcase_add_test(tests, subnormal_sums_are_exact);
    tcase_add_test(tests, a_sum_past_the_greatest_double_is_infinite);
    tcase_add_test(
        tests, infinities_and_nan_have_their_rules_and_can_be_taken_away);
    tcase_add_test(tests, a_mean_is_finite_where_the_quotient_is);
    tcase_add_test(tests, order_and_splits_decide_nothing);
    tcase_add_test(tests, what_is_taken_away_was_never_there);
    tcase_add_test(tests, a_hundred_thousand_additions_and_as_many_back);
    tcase_add_test(tests, running_sums_give_the_bits_that_sums_give);
    tcase_add_test(tests, running_sums_are_refused_before_they_overflow);
    tcase_add_test(tests, running_sums_reach_both_ends_of_the_doubles);
    tcase_add_test(tests, integer_sums_pass_beyond_int64_and_come_back);
    tcase_add_test(tests, integer_sums_are_rounded_once_to_even);
    tcase_add_test(tests, deviations_have_these_values);
    tcase_add_test(tests, a_deviation_scales_with_its_numbers);
    tcase_add_test(tests, deviations_of_integers_are_those_of_equal_doubles);
    tcase_add_test(tests, integers_beyond_2_to_the_53_are_not_rounded_first);
    tcase_add_test(
        tests, joined_moments_are_those_of_all_values_whatever_the_parts);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
