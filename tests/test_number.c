/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_number.c - numbers from and to text.
 *
 * The C library, in the C locale, is the oracle for reading; for writing, the
 * fewest digits that it reads back as the same number.
 */
#include "base/number.h"
#include "tests/support.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_RANDOM 200000

static double
double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t
bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float
float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t
float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* -------------------------------------------------------------- integers */

START_TEST(integers_are_read_up_to_both_ends)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"-12", -12},
        {"12345678", 12345678},
        {"123456789", 123456789},
        {"1234567890123456789", INT64_C(1234567890123456789)},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"0000000000000000000000000000042", 42},
        {"-00000000000009223372036854775808", INT64_MIN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 99;

        ck_assert_int_eq(
            ldr_int64_parse(cases[i].text, strlen(cases[i].text), &value),
            LDR_NUMBER_OK);
        ck_assert_int_eq(value, cases[i].value);
    }
}
END_TEST

START_TEST(integers_beyond_the_ends_are_out_of_range)
{
    static const char *const cases[] = {"9223372036854775808",
        "-9223372036854775809", "18446744073709551616", "18446744073709551617",
        "99999999999999999999", "-100000000000000000000000000000000",
        "+09223372036854775808"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 99;

        ck_assert_int_eq(ldr_int64_parse(cases[i], strlen(cases[i]), &value),
            LDR_NUMBER_RANGE);
        ck_assert_int_eq(value, 99);
    }
}
END_TEST

START_TEST(what_is_not_all_digits_is_no_integer)
{
    static const char *const cases[] = {"", "-", "+", "--1", "+-1", " 1", "1 ",
        "1.0", "1e3", "0x10", "12a", "a12", "1_000", "1,000", "12345678a",
        "1234567/", "1234567:", "99999999999999999999x", "\xb2"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 99;

        ck_assert_msg(ldr_int64_parse(cases[i], strlen(cases[i]), &value) ==
                          LDR_NUMBER_NONE,
            "%s", cases[i]);
        ck_assert_int_eq(value, 99);
    }
    ck_assert_int_eq(
        ldr_int64_parse("1\0002", 3, &(int64_t){0}), LDR_NUMBER_NONE);
    ck_assert_int_eq(ldr_int64_parse(NULL, 0, &(int64_t){0}), LDR_NUMBER_NONE);
}
END_TEST

START_TEST(integers_come_back_from_their_text)
{
    uint64_t random = 2;

    for (int i = 0; i < N_RANDOM; i++) {
        uint64_t bits = support_random(&random);
        int64_t value = (int64_t)(bits >> (i % 64)), back;
        char text[LDR_NUMBER_ROOM], expected[LDR_NUMBER_ROOM];
        size_t n;

        if (i % 2 == 1)
            value = -value;
        if (i < 4)
            value = i < 2 ? INT64_MIN + i : INT64_MAX - i + 2;
        n = ldr_int64_print(value, text);
        snprintf(expected, sizeof expected, "%" PRId64, value);
        if (n != strlen(text) || strcmp(text, expected) != 0 ||
            ldr_int64_parse(text, n, &back) != LDR_NUMBER_OK || back != value)
            ck_abort_msg("%s is written %s", expected, text);
    }
}
END_TEST

/* --------------------------------------------------------- reading reals */

/* Read a text, and say when the bits are not those of `expected`. */
static void
expect_double(const char *text, double expected)
{
    double value = 42;
    ldr_number rc = ldr_double_parse(text, strlen(text), &value);

    if (rc != LDR_NUMBER_OK || bits_of(value) != bits_of(expected))
        ck_abort_msg(
            "%.60s: %d, %.17g and not %.17g", text, (int)rc, value, expected);
}

static void
expect_float(const char *text, float expected)
{
    float value = 42;
    ldr_number rc = ldr_float_parse(text, strlen(text), &value);

    if (rc != LDR_NUMBER_OK || float_bits(value) != float_bits(expected))
        ck_abort_msg("%.60s: %d, %.9g and not %.9g", text, (int)rc,
            (double)value, (double)expected);
}

START_TEST(reals_have_these_spellings)
{
    expect_double("0", 0.0);
    expect_double("-0", -0.0);
    expect_double("-0.0e400", -0.0);
    expect_double("1", 1.0);
    expect_double("+1.5", 1.5);
    expect_double(".5", 0.5);
    expect_double("5.", 5.0);
    expect_double("-.25e1", -2.5);
    expect_double("1e3", 1000.0);
    expect_double("1E+3", 1000.0);
    expect_double("1e-3", 0.001);
    expect_double("1e00000000000000000000000003", 1000.0);
    expect_double("0.000000000000000000000000000000000000001", 1e-39);
    expect_double("100000000000000000000000000000000000000000e-41", 1.0);
    expect_double("12345678.12345678", 12345678.12345678);
    expect_double("0e99999999999999999999999", 0.0);
}
END_TEST

START_TEST(infinities_and_nan_have_these_spellings)
{
    static const char *const infinities[] = {
        "inf", "INF", "+Inf", "infinity", "Infinity", "INFINITY"};
    double value;
    float real;

    for (size_t i = 0; i < sizeof infinities / sizeof *infinities; i++)
        expect_double(infinities[i], HUGE_VAL);
    expect_double("-inf", -HUGE_VAL);
    expect_double("-Infinity", -HUGE_VAL);
    expect_float("-inf", -HUGE_VALF);
    ck_assert_int_eq(ldr_double_parse("NaN", 3, &value), LDR_NUMBER_OK);
    ck_assert_uint_eq(bits_of(value), UINT64_C(0x7FF8000000000000));
    ck_assert_int_eq(ldr_double_parse("-nan", 4, &value), LDR_NUMBER_OK);
    ck_assert_uint_eq(bits_of(value), UINT64_C(0x7FF8000000000000));
    ck_assert_int_eq(ldr_float_parse("-nan", 4, &real), LDR_NUMBER_OK);
    ck_assert_uint_eq(float_bits(real), UINT32_C(0x7FC00000));
}
END_TEST

START_TEST(what_is_spelt_otherwise_is_no_real)
{
    static const char *const cases[] = {"", "+", "-", ".", "-.", "e5", ".e5",
        "1e", "1e+", "1e+-1", "1.2.3", "1..2", " 1", "1 ", "1,5", "0x1p3", "1f",
        "1d", "nanx", "na", "nan(1)", "in", "infinit", "infinityx", "i", "--1",
        "1_0", "12345678x", "1e5.0", "1e5x", "12345678901234567890x"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = 42;
        float real = 42;

        ck_assert_msg(ldr_double_parse(cases[i], strlen(cases[i]), &value) ==
                              LDR_NUMBER_NONE &&
                          value == 42,
            "%s", cases[i]);
        ck_assert_msg(ldr_float_parse(cases[i], strlen(cases[i]), &real) ==
                              LDR_NUMBER_NONE &&
                          real == 42,
            "%s", cases[i]);
    }
    ck_assert_int_eq(ldr_double_parse(NULL, 0, &(double){0}), LDR_NUMBER_NONE);
    ck_assert_int_eq(ldr_double_parse("1\0", 2, &(double){0}), LDR_NUMBER_NONE);
}
END_TEST

START_TEST(a_finite_text_that_overflows_is_out_of_range)
{
    static const char *const cases[] = {"1e400", "-1e400", "1e309",
        "1.7976931348623159e308",
        /* the middle between the greatest double and 2^1024 */
        "1797693134862315807937289714053034150799341327100378269361737789"
        "8044496829276475094664901797758720709633028641669288791094655554"
        "7851940402630657488671505820681908902000708383676273854845817711"
        "5317644757302700698555713669596228429148198608349364752927190741"
        "68444365510704342711559699508093042880177904174497792",
        "1e9223372036854775807", "1e99999999999999999999999"};
    double value = 42;
    float real = 42;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(ldr_double_parse(cases[i], strlen(cases[i]), &value) ==
                          LDR_NUMBER_RANGE,
            "%s", cases[i]);
    ck_assert_int_eq(
        ldr_float_parse("3.4028236e38", 12, &real), LDR_NUMBER_RANGE);
    ck_assert_int_eq(ldr_float_parse("-1e39", 5, &real), LDR_NUMBER_RANGE);
    ck_assert_int_eq(ldr_float_parse("1e400", 5, &real), LDR_NUMBER_RANGE);
    ck_assert_double_eq(value, 42);
    ck_assert(real == 42.0f);
    expect_double("1.7976931348623158e308", DBL_MAX);
    expect_float("3.4028235e38", FLT_MAX);
}
END_TEST

START_TEST(a_text_that_underflows_is_the_nearest_number)
{
    expect_double("1e-400", 0.0);
    expect_double("-1e-400", -0.0);
    expect_double("1e-9223372036854775807", 0.0);
    expect_double("2.4703282292062327e-324", 0.0);
    expect_double("2.4703282292062328e-324", double_of(1));
    expect_double("5e-324", double_of(1));
    expect_double("2.2250738585072011e-308", double_of(0xFFFFFFFFFFFFF));
    expect_double("2.2250738585072014e-308", DBL_MIN);
    expect_float("7e-46", 0.0f);
    expect_float("-7.1e-46", -float_of(1));
    expect_float("1.1754942e-38", float_of(0x7FFFFF));
    expect_float("1e-100", 0.0f);
}
END_TEST

START_TEST(a_float_is_rounded_once)
{
    /* A hair above the middle of 1 and its neighbour; as a double, the middle
     * itself, which would fall to even. */
    expect_float("1.000000059604644775390625", 1.0f);
    expect_float("1.0000000596046447753906250000000001", 1.00000012f);
    expect_float("1.00000017881393432617187499", 1.00000012f);
    expect_float("1.00000017881393432617187500", 1.00000024f);
}
END_TEST

START_TEST(any_double_comes_back_from_seventeen_digits)
{
    uint64_t random = 3;

    for (int i = 0; i < N_RANDOM; i++) {
        double value = double_of(support_random(&random));
        char text[64];

        if (!isfinite(value))
            continue;
        if (i % 8 == 0) /* subnormals */
            value = double_of(support_random(&random) >> (12 + i % 52));
        snprintf(text, sizeof text, "%.17g", value);
        expect_double(text, value);
        snprintf(text, sizeof text, "%.25e", value);
        expect_double(text, value);
    }
}
END_TEST

/* A random number's text: mostly short, sometimes long, of any size. */
static void
random_spelling(uint64_t *random, char *text, size_t room)
{
    size_t n_digits = support_below(random, 10) == 0
                          ? 20 + support_below(random, 30)
                          : 1 + support_below(random, 19);
    size_t point = support_below(random, n_digits + 8), n = 0;

    if (support_below(random, 2) == 0)
        text[n++] = '-';
    for (size_t i = 0; i < n_digits; i++) {
        if (i == point)
            text[n++] = '.';
        text[n++] = (char)('0' + support_below(random, 10));
    }
    text[n] = '\0';
    if (support_below(random, 2) == 0)
        snprintf(
            text + n, room - n, "e%d", (int)support_below(random, 700) - 350);
}

START_TEST(random_texts_are_read_as_the_c_library_reads_them)
{
    uint64_t random = 4;

    for (int i = 0; i < N_RANDOM; i++) {
        char text[80];
        double value, expected;
        float real, expected_real;
        ldr_number rc;

        random_spelling(&random, text, sizeof text);
        expected = strtod(text, NULL);
        expected_real = strtof(text, NULL);
        rc = ldr_double_parse(text, strlen(text), &value);
        if (isinf(expected)
                ? rc != LDR_NUMBER_RANGE
                : rc != LDR_NUMBER_OK || bits_of(value) != bits_of(expected))
            ck_abort_msg("%s: %d, %.17g", text, (int)rc, value);
        rc = ldr_float_parse(text, strlen(text), &real);
        if (isinf(expected_real)
                ? rc != LDR_NUMBER_RANGE
                : rc != LDR_NUMBER_OK ||
                      float_bits(real) != float_bits(expected_real))
            ck_abort_msg("%s: %d, %.9g", text, (int)rc, (double)real);
    }
}
END_TEST

/* Digits of the middle between a number and the next, exactly, as
 * d.ddd...dddE and room for one digit more; where the exponent begins. */
static char *
print_middle(char *text, size_t room, double value)
{
    long double low = (long double)value;
    long double high = (long double)double_of(bits_of(value) + 1);

    snprintf(text, room, "%.900Le", low + (high - low) / 2);
    return strchr(text, 'e');
}

START_TEST(ties_fall_to_even_and_one_digit_far_away_decides)
{
    uint64_t random = 5;

    if (LDBL_MANT_DIG <= DBL_MANT_DIG)
        return; /* no type that holds a middle */
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = support_random(&random) >> 1;
        uint64_t even;
        char text[1200], *exponent, tail[16];

        if (i % 4 == 0)
            bits >>= 12 + i % 50; /* subnormals */
        if (bits >= bits_of(DBL_MAX))
            continue;
        even = bits + (bits & 1);
        exponent = print_middle(text, sizeof text, double_of(bits));
        snprintf(tail, sizeof tail, "%s", exponent);
        expect_double(text, double_of(even));
        snprintf(exponent, 20, "1%s", tail);
        expect_double(text, double_of(bits + 1));
        for (exponent--; *exponent == '0'; exponent--)
            *exponent = '9';
        --*exponent; /* one less, where the zeros began */
        expect_double(text, double_of(bits));
    }
}
END_TEST

START_TEST(a_million_digits_are_read)
{
    size_t size = 1000000;
    char *text = malloc(size + 16);
    double value;

    ck_assert_ptr_nonnull(text);
    memset(text, '3', size);
    text[1] = '.';
    ck_assert_int_eq(ldr_double_parse(text, size, &value), LDR_NUMBER_OK);
    ck_assert_double_eq(value, 10.0 / 3);
    memset(text, '0', size);
    text[1] = '.';
    memcpy(text + size, "7e999999", 9);
    expect_double(text, 7.0);
    memset(text, '0', size);
    text[0] = '7';
    memcpy(text + size, "e-999999", 9);
    expect_double(text, 7.0);
    free(text);
}
END_TEST

/* --------------------------------------------------------- writing reals */

static void
expect_text(double value, const char *expected)
{
    char text[LDR_NUMBER_ROOM];
    size_t n = ldr_double_print(value, text);

    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(n, strlen(expected));
}

START_TEST(doubles_are_written_as_these)
{
    expect_text(0.0, "0.0");
    expect_text(-0.0, "-0.0");
    expect_text(1.0, "1.0");
    expect_text(-3.0, "-3.0");
    expect_text(0.1, "0.1");
    expect_text(0.1 + 0.2, "0.30000000000000004");
    expect_text(1.0 / 3, "0.3333333333333333");
    expect_text(100.0, "100.0");
    expect_text(123456.789, "123456.789");
    expect_text(0.0001, "0.0001");
    expect_text(0.00012345, "0.00012345");
    expect_text(0.00001, "1e-05");
    expect_text(1e-7, "1e-07");
    expect_text(1.5e-7, "1.5e-07");
    expect_text(1e15, "1000000000000000.0");
    expect_text(1234567890123456.0, "1234567890123456.0");
    expect_text(9007199254740993.0, "9007199254740992.0");
    expect_text(9999999999999998.0, "9999999999999998.0");
    expect_text(1e16, "1e+16");
    expect_text(12345678901234567890.0, "1.2345678901234567e+19");
    expect_text(1e22, "1e+22");
    expect_text(1e23, "1e+23");
    expect_text(9e99, "9e+99");
    expect_text(1e100, "1e+100");
    expect_text(1e300, "1e+300");
    expect_text(-1e300, "-1e+300");
    expect_text(5e-324, "5e-324");
    expect_text(DBL_MAX, "1.7976931348623157e+308");
    expect_text(-DBL_MIN, "-2.2250738585072014e-308");
    expect_text(9.5367431640625e-07, "9.5367431640625e-07");
    expect_text(HUGE_VAL, "inf");
    expect_text(-HUGE_VAL, "-inf");
    expect_text(double_of(UINT64_C(0x7FF8000000000000)), "NaN");
    expect_text(double_of(UINT64_C(0xFFF8000000000001)), "NaN");
}
END_TEST

START_TEST(floats_are_written_as_these)
{
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {0.0f, "0.0"},
        {-0.0f, "-0.0"},
        {0.1f, "0.1"},
        {3.0f, "3.0"},
        {16777216.0f, "16777216.0"},
        {0.3f, "0.3"},
        {1e10f, "10000000000.0"},
        {1e-7f, "1e-07"},
        {1e20f, "1e+20"},
        {FLT_MAX, "3.4028235e+38"},
        {FLT_MIN, "1.1754944e-38"},
        {-HUGE_VALF, "-inf"},
    };
    char text[LDR_NUMBER_ROOM];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = ldr_float_print(cases[i].value, text);

        ck_assert_str_eq(text, cases[i].text);
        ck_assert_uint_eq(n, strlen(text));
    }
    ldr_float_print(float_of(1), text);
    ck_assert_str_eq(text, "1e-45");
    ldr_float_print(float_of(0xFFC00001), text);
    ck_assert_str_eq(text, "NaN");
}
END_TEST

START_TEST(any_double_comes_back_from_its_text)
{
    uint64_t random = 6;

    for (int i = 0; i < N_RANDOM; i++) {
        double value = double_of(support_random(&random));
        char text[LDR_NUMBER_ROOM];
        size_t n;

        if (!isfinite(value))
            continue;
        n = ldr_double_print(value, text);
        if (n >= LDR_NUMBER_ROOM ||
            bits_of(strtod(text, NULL)) != bits_of(value))
            ck_abort_msg("%.17g is written %s", value, text);
        expect_double(text, value);
    }
}
END_TEST

START_TEST(any_float_comes_back_from_its_text)
{
    for (uint64_t bits = 0; bits < UINT32_C(0xFF800000); bits += 20011) {
        float value = float_of((uint32_t)bits);
        char text[LDR_NUMBER_ROOM];

        if (!isfinite(value))
            continue;
        ldr_float_print(value, text);
        if (float_bits(strtof(text, NULL)) != (uint32_t)bits)
            ck_abort_msg("%.9g is written %s", (double)value, text);
        expect_float(text, value);
    }
}
END_TEST

/* The digits of a text without point, exponent, zeros at either end. */
static void
only_digits(const char *text, char *digits)
{
    size_t n = 0;

    for (; *text != '\0' && *text != 'e'; text++)
        if (*text >= '1' || (*text == '0' && n > 0))
            digits[n++] = *text;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
}

START_TEST(no_fewer_digits_would_do_and_none_are_nearer)
{
    uint64_t random = 7;

    for (int i = 0; i < 20000; i++) {
        double value = double_of(support_random(&random) >> 1);
        char text[LDR_NUMBER_ROOM], digits[LDR_NUMBER_ROOM];
        char fewest[LDR_NUMBER_ROOM], expected[LDR_NUMBER_ROOM];
        int precision = 0;

        if (i % 4 == 0) /* numbers people write */
            value = (double)support_below(&random, 10000000) / 1000;
        if (!isfinite(value) || value == 0)
            continue;
        do
            snprintf(fewest, sizeof fewest, "%.*e", precision++, value);
        while (strtod(fewest, NULL) != value);
        ldr_double_print(value, text);
        only_digits(text, digits);
        only_digits(fewest, expected);
        if (strcmp(digits, expected) != 0)
            ck_abort_msg("%s is written %s", fewest, text);
    }
}
END_TEST

START_TEST(powers_of_two_have_a_nearer_neighbour_below)
{
    /* As the reference implementations of shortest digits have them. */
    expect_text(9007199254740992.0, "9007199254740992.0");
    expect_text(0x1p-44, "5.684341886080802e-14");
    expect_text(0x1p-1022, "2.2250738585072014e-308");
    expect_text(0x1p89, "6.189700196426902e+26");
    for (int exponent = -1074; exponent < 1024; exponent++) {
        char text[LDR_NUMBER_ROOM];

        ldr_double_print(ldexp(1, exponent), text);
        expect_double(text, ldexp(1, exponent));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("number");
    TCase *tests = tcase_create("number");

    tcase_add_test(tests, integers_are_read_up_to_both_ends);
    tcase_add_test(tests, integers_beyond_the_ends_are_out_of_range);
    tcase_add_test(tests, what_is_not_all_digits_is_no_integer);
    tcase_add_test(tests, integers_come_back_from_their_text);
    tcase_add_test(tests, reals_have_these_spellings);
    tcase_add_test(tests, infinities_and_nan_have_these_spellings);
    tcase_add_test(tests, what_is_spelt_otherwise_is_no_real);
    tcase_add_test(tests, a_finite_text_that_overflows_is_out_of_range);
    tcase_add_test(tests, a_text_that_underflows_is_the_nearest_number);
    tcase_add_test(tests, a_float_is_rounded_once);
    tcase_add_test(tests, any_double_comes_back_from_seventeen_digits);
    tcase_add_test(tests, random_texts_are_read_as_the_c_library_reads_them);
    tcase_add_test(tests, ties_fall_to_even_and_one_digit_far_away_decides);
    tcase_add_test(tests, a_million_digits_are_read);
    tcase_add_test(tests, doubles_are_written_as_these);
    tcase_add_test(tests, floats_are_written_as_these);
    tcase_add_test(tests, any_double_comes_back_from_its_text);
    tcase_add_test(tests, any_float_comes_back_from_its_text);
    tcase_add_test(tests, no_fewer_digits_would_do_and_none_are_nearer);
    tcase_add_test(tests, powers_of_two_have_a_nearer_neighbour_below);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
