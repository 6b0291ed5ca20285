/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_sum.c - sums and deviations as Python has them: math.fsum, and exact
 * fractions where that gives up.
 *
 * Lists of doubles go to python3 as hexadecimal text, its answers come back
 * through a pipe. Without python3 this is skipped.
 */
#include "base/sum.h"
#include "tests/support.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LISTS 10000u
#define MOST 24u
#define SKIPPED 77

/* A line a list: sum, mean and deviation as 16 hexadecimal digits. */
static const char script[] =
    "import math, struct, sys\n"
    "from fractions import Fraction\n"
    "\n"
    "def digits(x):\n"
    "    return struct.pack('>d', x).hex()\n"
    "\n"
    "def real(f, power=0):  # f * 2^power rounded once, inf past the ends\n"
    "    try:\n"
    "        return float(f * Fraction(2) ** power)\n"
    "    except OverflowError:\n"
    "        return math.copysign(math.inf, f)\n"
    "\n"
    "def deviation(fs):\n"
    "    n = len(fs)\n"
    "    top = n * sum(f * f for f in fs) - sum(fs) ** 2\n"
    "    if top == 0:\n"
    "        return 0.0\n"
    "    bits = top.numerator.bit_length() - top.denominator.bit_length()\n"
    "    half = bits // 2\n"
    "    return math.ldexp(\n"
    "        math.sqrt(real(top, -2 * half) / (n * n)), half)\n"
    "\n"
    "for line in open(sys.argv[1]):\n"
    "    xs = [struct.unpack('>d', bytes.fromhex(w))[0] for w in "
    "line.split()]\n"
    "    fs = [Fraction(x) for x in xs]\n"
    "    exact = sum(fs)\n"
    "    try:\n"
    "        total = math.fsum(xs)\n"
    "    except OverflowError:\n"
    "        total = real(exact)\n"
    "    if math.isinf(total):\n"
    "        try:\n"
    "            mean = math.ldexp(real(exact, -64) / len(xs), 64)\n"
    "        except OverflowError:\n"
    "            mean = total\n"
    "    else:\n"
    "        mean = total / len(xs)\n"
    "    print(digits(total), digits(mean), digits(deviation(fs)))\n";

static bool
has_python(void)
{
    return system("python3 -c 'import math, fractions' >/dev/null 2>&1") == 0;
}

typedef struct list {
    size_t n;
    double values[MOST];
} list;

static double
random_double(uint64_t *random, unsigned spread)
{
    uint64_t bits =
        support_random(random) & (UINT64_MAX >> 12 | UINT64_C(1) << 63);
    unsigned middle = spread < 300 ? 1023 : 1000;
    double value;

    if (support_below(random, 3) == 0)
        bits &= ~(uint64_t)0 << support_below(random, 53);
    if (support_below(random, 30) == 0)
        return support_below(random, 2) == 0 ? 0.0 : -0.0;
    bits |= (uint64_t)(middle + support_below(random, spread) - spread / 2)
            << 52;
    if (spread > 2000)
        bits = (bits & ~(UINT64_C(0x7ff) << 52)) |
               (uint64_t)support_below(random, 2047) << 52;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void
random_list(uint64_t *random, list *out)
{
    static const unsigned spreads[] = {1, 3, 20, 60, 120, 500, 1900, 2046};
    unsigned spread = spreads[support_below(random, 8)];

    out->n = 1 + support_below(random, MOST);
    for (size_t i = 0; i < out->n; i++) {
        out->values[i] = random_double(random, spread);
        if (i > 0 && support_below(random, 5) == 0) /* near to nothing left */
            out->values[i] = -nextafter(
                out->values[support_below(random, i)], (double)INFINITY);
        if (isinf(out->values[i]))
            out->values[i] = 1;
    }
}

static uint64_t
bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits == UINT64_C(1) << 63 ? 0 : bits; /* fsum knows -0.0 */
}

static void
write_lists(const char *path)
{
    FILE *file = fopen(path, "w");
    uint64_t random = 20240301;

    ck_assert_ptr_nonnull(file);
    for (unsigned i = 0; i < LISTS; i++) {
        list numbers;

        random_list(&random, &numbers);
        for (size_t j = 0; j < numbers.n; j++)
            fprintf(file, "%016" PRIx64 "%c", bits_of(numbers.values[j]),
                j + 1 == numbers.n ? '\n' : ' ');
    }
    ck_assert_int_eq(fclose(file), 0);
}

static void
compare(const list *numbers, const uint64_t expected[3], unsigned line)
{
    ldr_sum sum = {0};
    ldr_moments moments = {0};
    double found[3];

    for (size_t i = 0; i < numbers->n; i++) {
        ldr_sum_add(&sum, numbers->values[i]);
        ldr_moments_add(&moments, numbers->values[i]);
    }
    found[0] = ldr_sum_value(&sum);
    found[1] = ldr_sum_mean(&sum, numbers->n);
    found[2] = ldr_moments_stddev(&moments);
    for (size_t i = 0; i < 3; i++)
        if (bits_of(found[i]) != expected[i])
            ck_abort_msg("list %u: %s is %a (%016" PRIx64
                         "), and python3 has %016" PRIx64,
                line,
                i == 0   ? "sum"
                : i == 1 ? "mean"
                         : "stddev",
                found[i], bits_of(found[i]), expected[i]);
}

START_TEST(sums_means_and_deviations_are_those_of_python)
{
    char *folder = support_folder(), command[512], path[256];
    uint64_t random = 20240301, expected[3];
    unsigned line = 0;
    FILE *answers;

    snprintf(path, sizeof path, "%s/lists", folder);
    snprintf(
        command, sizeof command, "python3 '%s/sums.py' '%s'", folder, path);
    support_write(folder, "sums.py", script);
    write_lists(path);
    answers = popen(command, "r");
    ck_assert_ptr_nonnull(answers);
    while (fscanf(answers, "%" SCNx64 " %" SCNx64 " %" SCNx64, &expected[0],
               &expected[1], &expected[2]) == 3) {
        list numbers;

        random_list(&random, &numbers);
        for (size_t i = 0; i < 3; i++)
            if (expected[i] == UINT64_C(1) << 63)
                expected[i] = 0;
        compare(&numbers, expected, line++);
    }
    ck_assert_int_eq(pclose(answers), 0);
    ck_assert_uint_eq(line, LISTS);
    printf("%u lists agree with python3\n", line);
    support_remove(folder);
    free(folder);
}
END_TEST

int
main(void)
{
    Suite *suite;
    TCase *tests;

    if (!has_python()) {
        puts("skipped: python3 is not installed");
        return SKIPPED;
    }
    suite = suite_create("oracle_sum");
    tests = tcase_create("sum");
    tcase_add_test(tests, sums_means_and_deviations_are_those_of_python);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
