/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.c - numbers from and to text, whatever the locale.
 *
 * This is the spelling of numbers; which binary number a decimal means, and
 * which decimal a binary number is written as, are nearest.c's and shortest.c's
 * to say.
 */
#include "base/number.h"

#include "base/nearest.h"
#include "base/shortest.h"

#include <float.h>
#include <string.h>

/* Exponents beyond this are the same as this: texts are far shorter. */
#define EXPONENT_LIMIT INT64_C(1000000000000)

/* ---------------------------------------------------------------- digits */

static unsigned
digit_of(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

/* Eight characters, the first in the least byte. */
static uint64_t
load_eight(const char *at)
{
    uint64_t eight;

    memcpy(&eight, at, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    return eight;
}

static bool
are_eight_digits(uint64_t eight)
{
    return ((eight & UINT64_C(0xF0F0F0F0F0F0F0F0)) |
               ((eight + UINT64_C(0x0606060606060606)) &
                   UINT64_C(0xF0F0F0F0F0F0F0F0)) >>
                   4) == UINT64_C(0x3333333333333333);
}

/* Pairs, then fours, then all eight are put together side by side. */
static uint64_t
value_of_eight(uint64_t eight)
{
    eight -= UINT64_C(0x3030303030303030);
    eight = eight * 10 + (eight >> 8);
    return ((eight & UINT64_C(0x000000FF000000FF)) *
                   UINT64_C(0x000F424000000064) +
               (eight >> 16 & UINT64_C(0x000000FF000000FF)) *
                   UINT64_C(0x0000271000000001)) >>
           32;
}

/* Add the digits at `at` to *value (which wraps); where they end. */
static const char *
take_digits(const char *at, const char *end, uint64_t *value)
{
    uint64_t sum = *value;
    unsigned digit;

    while (end - at >= 8) {
        uint64_t eight = load_eight(at);

        if (!are_eight_digits(eight))
            break;
        sum = sum * 100000000 + value_of_eight(eight);
        at += 8;
    }
    while (at < end && (digit = digit_of(*at)) < 10) {
        sum = sum * 10 + digit;
        at++;
    }
    *value = sum;
    return at;
}

/* Take the sign off a text. */
static bool
take_sign(const char **text, size_t *size)
{
    bool negative = *size > 0 && **text == '-';

    if (*size > 0 && (**text == '-' || **text == '+')) {
        ++*text;
        --*size;
    }
    return negative;
}

/* -------------------------------------------------------------- integers */

ldr_number
ldr_int64_parse(const char *text, size_t size, int64_t *out)
{
    bool negative = take_sign(&text, &size);
    const char *at, *end;
    uint64_t value = 0;

    if (size == 0)
        return LDR_NUMBER_NONE;
    end = text + size;
    at = take_digits(text, end, &value);
    if (at != end)
        return LDR_NUMBER_NONE;
    if (size >= 20) { /* may have wrapped, unless it begins with zeros */
        while (text < end && *text == '0')
            text++;
        if (end - text >= 20)
            return LDR_NUMBER_RANGE;
    }
    if (value > (uint64_t)INT64_MAX + negative)
        return LDR_NUMBER_RANGE;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return LDR_NUMBER_OK;
}

/* 00 to 99, each after the other. */
static const char two_digits[201] = "00010203040506070809"
                                    "10111213141516171819"
                                    "20212223242526272829"
                                    "30313233343536373839"
                                    "40414243444546474849"
                                    "50515253545556575859"
                                    "60616263646566676869"
                                    "70717273747576777879"
                                    "80818283848586878889"
                                    "90919293949596979899";

/* The digits of a value, ending at `end`; where they begin. */
static char *
put_digits(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, two_digits + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, two_digits + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

size_t
ldr_int64_print(int64_t value, char text[LDR_NUMBER_ROOM])
{
    char digits[20], *end = digits + sizeof digits, *at;
    size_t n_sign = value < 0, n_digits;

    at = put_digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    n_digits = (size_t)(end - at);
    text[0] = '-';
    memcpy(text + n_sign, at, n_digits);
    text[n_sign + n_digits] = '\0';
    return n_sign + n_digits;
}

/* --------------------------------------------------------- reading reals */

/* A real number as it is spelt: digits * 10^exponent. */
typedef struct spelling {
    bool negative;
    uint64_t digits; /* wrapped where there are more than 19 */
    const char *text;
    size_t n_text; /* its digits, perhaps with a '.' among them */
    int64_t exponent;
    bool many; /* more than 19 digits count */
} spelling;

/* [eE][+-]digits up to `end`, added to *exponent; false: it is not that. */
static bool
take_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool negative = false;
    int64_t value = 0;

    if ((*at | 0x20) != 'e')
        return false;
    if (++at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    if (at == end)
        return false;
    for (; at < end; at++) {
        if (digit_of(*at) >= 10)
            return false;
        if (value < EXPONENT_LIMIT)
            value = value * 10 + digit_of(*at);
    }
    *exponent += negative ? -value : value;
    return true;
}

/* How many of the digits say nothing, a '.' among them or not. */
static size_t
zeros_in_front(const char *text, size_t size)
{
    size_t n_zeros = 0;

    for (size_t i = 0; i < size && (text[i] == '0' || text[i] == '.'); i++)
        n_zeros += text[i] == '0';
    return n_zeros;
}

/* Digits with at most one '.', then perhaps an exponent. */
static bool
spell(const char *at, const char *end, spelling *out)
{
    const char *begin = at, *point;
    size_t n_digits;

    out->digits = 0;
    out->exponent = 0;
    at = take_digits(at, end, &out->digits);
    n_digits = (size_t)(at - begin);
    if (at < end && *at == '.') {
        point = ++at;
        at = take_digits(at, end, &out->digits);
        n_digits += (size_t)(at - point);
        out->exponent = point - at;
    }
    if (n_digits == 0)
        return false;
    out->text = begin;
    out->n_text = (size_t)(at - begin);
    out->many =
        n_digits > 19 && n_digits - zeros_in_front(out->text, out->n_text) > 19;
    return at == end || take_exponent(at, end, &out->exponent);
}

/* Whether a text is this word, which is in small letters. */
static bool
is_word(const char *text, size_t size, const char *word)
{
    if (strlen(word) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((text[i] | 0x20) != word[i])
            return false;
    return true;
}

/* The bits, without a sign, of "nan" or an infinity; 0: it is neither. */
static uint64_t
read_word(const ldr_binary *kind, const char *text, size_t size)
{
    if (is_word(text, size, "nan"))
        return kind->infinity | kind->infinity >> 1;
    if (is_word(text, size, "inf") || is_word(text, size, "infinity"))
        return kind->infinity;
    return 0;
}

/* The bits, without a sign, of a spelt number. */
static uint64_t
bits_of(const ldr_binary *kind, const spelling *number)
{
    if (number->many)
        return ldr_nearest_long(
            kind, number->text, number->n_text, number->exponent);
    return ldr_nearest(kind, number->digits, number->exponent);
}

/* Where both are exact in binary, one operation rounds as it should. */
static const double exact_powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22};

static bool
is_exact(const spelling *number)
{
    return FLT_EVAL_METHOD == 0 && !number->many &&
           number->digits <= UINT64_C(1) << DBL_MANT_DIG &&
           number->exponent >= -22 && number->exponent <= 22;
}

ldr_number
ldr_double_parse(const char *text, size_t size, double *out)
{
    spelling number;
    uint64_t bits;
    bool negative = take_sign(&text, &size);

    if (size == 0)
        return LDR_NUMBER_NONE;
    if (!spell(text, text + size, &number)) {
        bits = read_word(&ldr_binary64, text, size);
        if (bits == 0)
            return LDR_NUMBER_NONE;
    } else if (is_exact(&number)) {
        double value = (double)number.digits;

        value = number.exponent < 0 ? value / exact_powers[-number.exponent]
                                    : value * exact_powers[number.exponent];
        *out = negative ? -value : value;
        return LDR_NUMBER_OK;
    } else {
        bits = bits_of(&ldr_binary64, &number);
        if (bits == ldr_binary64.infinity)
            return LDR_NUMBER_RANGE;
    }
    if (negative && bits <= ldr_binary64.infinity) /* one NaN, without a sign */
        bits |= UINT64_C(1) << 63;
    memcpy(out, &bits, sizeof bits);
    return LDR_NUMBER_OK;
}

ldr_number
ldr_float_parse(const char *text, size_t size, float *out)
{
    spelling number;
    uint32_t bits;
    bool negative = take_sign(&text, &size);

    if (size == 0)
        return LDR_NUMBER_NONE;
    if (spell(text, text + size, &number)) {
        bits = (uint32_t)bits_of(&ldr_binary32, &number);
        if (bits == ldr_binary32.infinity)
            return LDR_NUMBER_RANGE;
    } else {
        bits = (uint32_t)read_word(&ldr_binary32, text, size);
        if (bits == 0)
            return LDR_NUMBER_NONE;
    }
    if (negative && bits <= ldr_binary32.infinity)
        bits |= UINT32_C(1) << 31;
    memcpy(out, &bits, sizeof bits);
    return LDR_NUMBER_OK;
}

/* --------------------------------------------------------- writing reals */

/* Where a number is written with an exponent: as Python's repr. */
#define POINT_MIN (-3)
#define POINT_MAX 16

/* "e-07", "e+300"; the length. */
static size_t
put_exponent(char *text, int exponent)
{
    char digits[4], *end = digits + sizeof digits, *at;
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
    size_t n_digits;

    at = put_digits(end, size);
    if (size < 10)
        *--at = '0';
    n_digits = (size_t)(end - at);
    text[0] = 'e';
    text[1] = exponent < 0 ? '-' : '+';
    memcpy(text + 2, at, n_digits);
    return 2 + n_digits;
}

/* 0.digits * 10^point as "1.5", "0.015", "150.0", "1.5e+300". */
static size_t
lay_out(char *text, const char *digits, size_t n_digits, int point)
{
    size_t n, n_whole = point > 0 ? (size_t)point : 0;

    if (point < POINT_MIN || point > POINT_MAX) {
        text[0] = digits[0];
        text[1] = '.';
        memcpy(text + 2, digits + 1, n_digits - 1);
        n = n_digits == 1 ? 1 : n_digits + 1;
        return n + put_exponent(text + n, point - 1);
    }
    if (n_whole == 0) {
        memcpy(text, "0.000", 5);
        n = 2 + (size_t)-point;
        memcpy(text + n, digits, n_digits);
        return n + n_digits;
    }
    if (n_whole < n_digits) {
        memcpy(text, digits, n_whole);
        text[n_whole] = '.';
        memcpy(text + n_whole + 1, digits + n_whole, n_digits - n_whole);
        return n_digits + 1;
    }
    memcpy(text, digits, n_digits);
    memset(text + n_digits, '0', n_whole - n_digits);
    memcpy(text + n_whole, ".0", 2);
    return n_whole + 2;
}

/* The text of a number that is not zero, infinite, or NaN. */
static size_t
put_shortest(char *text, ldr_shortest shortest)
{
    char digits[20], *end = digits + sizeof digits, *at;
    size_t n_digits;
    int point;

    for (; shortest.digits % 10000 == 0; shortest.digits /= 10000)
        shortest.exponent += 4; /* most zeros go faster before they are text */
    at = put_digits(end, shortest.digits);
    point = (int)(end - at) + shortest.exponent;
    while (end[-1] == '0')
        end--;
    n_digits = (size_t)(end - at);
    return lay_out(text, at, n_digits, point);
}

/* Write the number that `bits` is, without its sign. */
static size_t
put_real(const ldr_binary *kind, uint64_t bits, bool negative, char *text)
{
    uint64_t hidden = UINT64_C(1) << kind->fraction_bits;
    uint64_t mantissa = bits & (hidden - 1);
    int field = (int)(bits >> kind->fraction_bits);
    size_t n = 0;

    if (negative && bits <= kind->infinity)
        text[n++] = '-';
    if (bits > kind->infinity) {
        memcpy(text + n, "NaN", 3);
        n += 3;
    } else if (bits == kind->infinity) {
        memcpy(text + n, "inf", 3);
        n += 3;
    } else if (bits == 0) {
        memcpy(text + n, "0.0", 3);
        n += 3;
    } else {
        bool closer = mantissa == 0 && field > 1;
        int exponent = (field > 0 ? field : 1) - kind->bias;

        mantissa |= field > 0 ? hidden : 0;
        n += put_shortest(text + n,
            ldr_shortest_of(mantissa, exponent - kind->fraction_bits, closer));
    }
    text[n] = '\0';
    return n;
}

size_t
ldr_double_print(double value, char text[LDR_NUMBER_ROOM])
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return put_real(
        &ldr_binary64, bits & UINT64_MAX >> 1, bits >> 63 != 0, text);
}

size_t
ldr_float_print(float value, char text[LDR_NUMBER_ROOM])
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return put_real(
        &ldr_binary32, bits & UINT32_MAX >> 1, bits >> 31 != 0, text);
}
