/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_window.c - windows again, slow and obvious: random data must agree.
 *
 * For each moment and feature the oracle looks at every event, keeps those that
 * count and aggregates the list. Its sums are long integers, added and
 * multiplied as at school. Times crowd around the edges of windows, so that
 * events lie a microsecond inside, outside, and at them; values are plain,
 * special and extreme by turns. Every answer must have the same bits.
 */
#include "data/batch.h"
#include "engine/window.h"
#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 2600u
#define KEYS 4u /* that one ldr_windows serves */
#define EVENTS_MAX 160u
#define MOMENTS_MAX 40u
#define WINDOWS_MAX 14u

__extension__ typedef __int128 wide;

enum {
    AT, /* the event time */
    I64,
    I32,
    F64,
    F32,
    TEXT,
    BYTES,
    BOOL,
    TIME,
    KEEP, /* filters */
    PICK,
    COLUMNS
};

static const larder_field fields[COLUMNS] = {{"at", LARDER_TIMESTAMP},
    {"i64", LARDER_INT64}, {"i32", LARDER_INT32}, {"f64", LARDER_FLOAT64},
    {"f32", LARDER_FLOAT32}, {"text", LARDER_STRING}, {"bytes", LARDER_BYTES},
    {"bool", LARDER_BOOL}, {"time", LARDER_TIMESTAMP}, {"keep", LARDER_BOOL},
    {"pick", LARDER_BOOL}};
static const larder_schema schema = {fields, COLUMNS};

typedef struct world {
    uint64_t random;
    ldr_window windows[WINDOWS_MAX];
    size_t n_windows;
    larder_batch batch;
    ldr_events events;
    larder_time times[MOMENTS_MAX];
    size_t n_times;
    larder_column answers[WINDOWS_MAX];
    uint64_t n_cases, n_refused, n_special;
} world;

static size_t
below(world *w, size_t n)
{
    return support_below(&w->random, n);
}

static void
must(larder_status rc, const larder_error *err)
{
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s", larder_status_name(rc), err->message);
}

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

/* ---------------------------------------------------------- long integers */

#define DIGITS 144u /* of 32 bits; the highest bit is the sign */

typedef struct integer {
    uint32_t digits[DIGITS];
} integer;

static void
add(integer *to, const integer *value)
{
    uint64_t over = 0;

    for (size_t i = 0; i < DIGITS; i++) {
        over += (uint64_t)to->digits[i] + value->digits[i];
        to->digits[i] = (uint32_t)over;
        over >>= 32;
    }
}

static void
negate(integer *value)
{
    uint64_t over = 1;

    for (size_t i = 0; i < DIGITS; i++) {
        over += (uint32_t)~value->digits[i];
        value->digits[i] = (uint32_t)over;
        over >>= 32;
    }
}

static bool
is_negative(const integer *value)
{
    return value->digits[DIGITS - 1] >> 31 != 0;
}

/* Of two that are not negative. */
static integer
multiply(const integer *a, const integer *b)
{
    integer product = {{0}};
    size_t n_b = DIGITS;

    while (n_b > 0 && b->digits[n_b - 1] == 0)
        n_b--;
    for (size_t i = 0; i < DIGITS; i++) {
        uint64_t over = 0;

        if (a->digits[i] == 0)
            continue;
        for (size_t j = 0; i + j < DIGITS && (j < n_b || over != 0); j++) {
            over +=
                (uint64_t)a->digits[i] * b->digits[j] + product.digits[i + j];
            product.digits[i + j] = (uint32_t)over;
            over >>= 32;
        }
    }
    return product;
}

static bool
bit(const integer *value, int at)
{
    return (value->digits[at / 32] >> (at % 32) & 1) != 0;
}

/* value = *mantissa * 2^exponent to the nearest 53 bits, ties to even. */
static double
nearest(const integer *value, int *exponent)
{
    int top = (int)DIGITS * 32 - 1;
    uint64_t mantissa = 0;
    bool more = false;

    while (top >= 0 && !bit(value, top))
        top--;
    *exponent = top < 53 ? 0 : top - 52;
    for (int at = top; at >= *exponent; at--)
        mantissa = mantissa << 1 | bit(value, at);
    for (int at = 0; at < *exponent - 1 && !more; at++)
        more = bit(value, at);
    if (*exponent > 0 && bit(value, *exponent - 1) &&
        (more || (mantissa & 1) != 0))
        mantissa++;
    return (double)mantissa;
}

/* A finite double in units of 2^-1074, or an integer in units of 1. */
static integer
integer_of(const larder_value *value)
{
    integer out = {{0}};
    uint64_t size, high;
    unsigned shift = 0;
    bool negative;

    if (value->type == LARDER_FLOAT64 || value->type == LARDER_FLOAT32) {
        uint64_t bits = bits_of(value->as.real);
        unsigned exponent = bits >> 52 & 0x7ff;

        negative = bits >> 63 != 0;
        size = bits & (UINT64_MAX >> 12);
        if (exponent != 0) {
            size |= UINT64_C(1) << 52;
            shift = exponent - 1;
        }
    } else {
        negative = value->as.integer < 0;
        size = negative ? -(uint64_t)value->as.integer
                        : (uint64_t)value->as.integer;
    }
    high = shift % 32 == 0 ? 0 : size >> (64 - shift % 32);
    size <<= shift % 32;
    out.digits[shift / 32] = (uint32_t)size;
    out.digits[shift / 32 + 1] = (uint32_t)(size >> 32);
    out.digits[shift / 32 + 2] = (uint32_t)high;
    if (negative)
        negate(&out);
    return out;
}

/* ---------------------------------------------------------------- the data */

static double
random_real(world *w, size_t style)
{
    static const double specials[] = {0.0, -0.0, (double)INFINITY,
        -(double)INFINITY, (double)NAN, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN,
        -1e-310, 1.0};
    uint64_t bits;

    switch (style) {
    case 0:
        return (double)below(w, 7) - 3;
    case 1: /* as prices */
        return ((double)below(w, 100000) - 20000) / 100;
    case 2: /* near one another, all bits in use */
        bits = support_random(&w->random);
        return double_of((bits & (UINT64_MAX >> 12 | UINT64_C(1) << 63)) |
                         (uint64_t)(1020 + below(w, 6)) << 52);
    case 3: /* anywhere */
        do
            bits = support_random(&w->random);
        while ((bits >> 52 & 0x7ff) == 0x7ff);
        return double_of(bits);
    default:                   /* few specials, or many */
        if (below(w, 20) == 0) /* a NaN of its own */
            return double_of(UINT64_C(0xfff8000000000001) + below(w, 3));
        return below(w, style == 4 ? 12 : 2) == 0 ? specials[below(w, 10)]
                                                  : (double)below(w, 3);
    }
}

static int64_t
random_integer(world *w, size_t style)
{
    if (style >= 5 && below(w, 3) == 0)
        return below(w, 2) == 0 ? INT64_MAX - (int64_t)below(w, 3)
                                : INT64_MIN + (int64_t)below(w, 3);
    if (style == 4)
        return (int64_t)support_random(&w->random) / 64;
    return (int64_t)below(w, style < 2 ? 5 : 100000) - 2;
}

static larder_value
random_value(world *w, size_t column, size_t style)
{
    static const char *const texts[] = {"", "a", "b", "ab", "abcdefgh",
        "abcdefghi", "abcdefghj", "\xc3\xa9", "abcdefg"};
    larder_value value = {.type = fields[column].type};
    const char *text = texts[below(w, 9)];

    switch (column) {
    case F64:
        value.as.real = random_real(w, style);
        break;
    case F32:
        value.as.real = (double)(float)random_real(w, style == 3 ? 2 : style);
        break;
    case I32:
        value.as.integer = below(w, 9) != 0 ? (int64_t)below(w, 9) - 4
                           : below(w, 2)    ? INT32_MAX
                                            : INT32_MIN;
        break;
    case TEXT:
        value.as.text = (larder_bytes){text, strlen(text)};
        break;
    case BYTES:
        value.as.text = below(w, 3) == 0
                            ? (larder_bytes){"a\0\0", 3}
                            : (larder_bytes){"a\0", 1 + below(w, 2)};
        break;
    case BOOL:
    case KEEP:
    case PICK:
        value.as.boolean = below(w, 2) == 0;
        break;
    case TIME:
        value.as.integer =
            below(w, 4) == 0 ? LARDER_TIME_MAX : (int64_t)below(w, 4) - 2;
        break;
    default:
        value.as.integer = random_integer(w, style);
    }
    return value;
}

static int
time_order(const void *a, const void *b)
{
    larder_time x = *(const larder_time *)a, y = *(const larder_time *)b;

    return (x > y) - (x < y);
}

static larder_time
within(larder_time t)
{
    return t < LARDER_TIME_MIN   ? LARDER_TIME_MIN
           : t > LARDER_TIME_MAX ? LARDER_TIME_MAX
                                 : t;
}

static const int64_t spans[] = {1, 2, 10, 86400000000, 604800000000};

static larder_time
random_time(world *w, larder_time base)
{
    larder_time t = base + (int64_t)below(w, 4) * spans[below(w, 5)];

    switch (below(w, 60)) {
    case 0:
        return LARDER_TIME_MIN + (int64_t)below(w, 2);
    case 1:
        return LARDER_TIME_MAX - (int64_t)below(w, 2);
    default:
        return within(t + (int64_t)below(w, 3) - 1);
    }
}

static void
random_times(world *w, larder_time base, larder_time *times, size_t n)
{
    for (size_t i = 0; i < n; i++)
        times[i] = random_time(w, base);
    qsort(times, n, sizeof *times, time_order);
}

/* A key's events among those of others, and moments. */
static void
random_key(world *w)
{
    static const larder_time bases[] = {
        0, 1704067200000000, LARDER_TIME_MIN + 3, LARDER_TIME_MAX - 20};
    static const size_t most[] = {0, 3, 12, 40, EVENTS_MAX - 8};
    size_t n = below(w, most[below(w, 5)] + 1), before = below(w, 5);
    size_t nulls[COLUMNS], style = below(w, 7);
    larder_time base = bases[below(w, 4)], times[EVENTS_MAX];
    larder_error err = {0};

    random_times(w, base, times, n);
    larder_batch_clear(&w->batch);
    for (size_t c = 1; c < COLUMNS; c++)
        nulls[c] = below(w, 3) == 0 ? 1 + below(w, 4) : 0;
    for (size_t i = 0; i < before + n + 2; i++)
        for (size_t c = 0; c < COLUMNS; c++) {
            bool inside = i >= before && i < before + n;
            larder_value value = {.type = LARDER_TIMESTAMP};

            value.as.integer = inside ? times[i - before] : base;
            if (c != AT)
                value = random_value(w, c, style);
            value.null = c != AT && nulls[c] != 0 && below(w, nulls[c]) == 0;
            must(
                larder_column_append(&w->batch.columns[c], &value, &err), &err);
        }
    ldr_batch_finish(&w->batch);
    w->events = (ldr_events){&w->batch, before, before + n, AT};
    w->n_times = 1 + below(w, below(w, 4) == 0 ? MOMENTS_MAX : 8);
    random_times(w, base, w->times, w->n_times);
}

/* Which columns an aggregate may have, and the answer's type. */
static void
random_column(world *w, ldr_window *window)
{
    static const size_t numbers[] = {I64, I32, F64, F64, F32};
    ldr_aggregate a = window->aggregate;
    bool number = a == LDR_AGGREGATE_SUM || a == LDR_AGGREGATE_MEAN ||
                  a == LDR_AGGREGATE_STDDEV;
    bool real;

    window->column = number ? numbers[below(w, 5)] : 1 + below(w, COLUMNS - 1);
    if (a == LDR_AGGREGATE_COUNT && below(w, 2) == 0)
        window->column = LDR_NO_COLUMN;
    real = window->column == F64 || window->column == F32;
    if (a == LDR_AGGREGATE_COUNT || a == LDR_AGGREGATE_COUNT_DISTINCT)
        window->type = below(w, 3) == 0 ? LARDER_INT32 : LARDER_INT64;
    else if (!number)
        window->type = fields[window->column].type;
    else if (a == LDR_AGGREGATE_SUM && !real && below(w, 3) != 0)
        window->type = below(w, 4) == 0 ? LARDER_INT32 : LARDER_INT64;
    else
        window->type = below(w, 4) == 0 ? LARDER_FLOAT32 : LARDER_FLOAT64;
}

static void
random_windows(world *w)
{
    static const char *const names[WINDOWS_MAX] = {"f0", "f1", "f2", "f3", "f4",
        "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13"};
    size_t n_spans = 1 + below(w, 3);

    w->n_windows = 1 + below(w, WINDOWS_MAX);
    for (size_t i = 0; i < w->n_windows; i++) {
        ldr_window *window = &w->windows[i];

        *window = (ldr_window){.filter = LDR_NO_COLUMN, .name = names[i]};
        window->aggregate = (ldr_aggregate)(LDR_AGGREGATE_COUNT + below(w, 9));
        random_column(w, window);
        window->window_us =
            spans[below(w, 5)] * (int64_t)(1 + below(w, n_spans));
        if (below(w, 40) == 0)
            window->window_us = INT64_MAX - (int64_t)below(w, 2);
        if (below(w, 3) == 0)
            window->offset_us = spans[below(w, 5)];
        if (below(w, 80) == 0)
            window->offset_us = INT64_MAX;
        if (below(w, 3) == 0)
            window->filter = below(w, 2) == 0 ? KEEP : PICK;
    }
}

/* -------------------------------------------------------------- the oracle */

typedef struct list {
    larder_value values[EVENTS_MAX];
    size_t n;
} list;

static bool
is_inside(const ldr_window *window, larder_time at, larder_time t)
{
    wide last = (wide)t - window->offset_us;

    return at <= last && at > last - window->window_us;
}

static list
values_inside(const world *w, const ldr_window *window, larder_time t)
{
    const larder_column *columns = w->batch.columns;
    list out = {.n = 0};

    for (size_t row = w->events.begin; row < w->events.end; row++) {
        larder_value at = larder_column_value(&columns[AT], row);
        larder_value value = at, keep = {.as.boolean = true};

        if (window->column != LDR_NO_COLUMN)
            value = larder_column_value(&columns[window->column], row);
        if (window->filter != LDR_NO_COLUMN)
            keep = larder_column_value(&columns[window->filter], row);
        if (!value.null && !keep.null && keep.as.boolean &&
            is_inside(window, at.as.integer, t))
            out.values[out.n++] = value;
    }
    return out;
}

static bool
is_real(larder_type type)
{
    return type == LARDER_FLOAT64 || type == LARDER_FLOAT32;
}

/* What infinities and NaN make of a sum; false: there are none. */
static bool
special_sum(const list *of, double *out)
{
    bool up = false, down = false, nan = false;

    for (size_t i = 0; i < of->n && is_real(of->values[0].type); i++) {
        nan = nan || isnan(of->values[i].as.real);
        up = up || (isinf(of->values[i].as.real) && of->values[i].as.real > 0);
        down =
            down || (isinf(of->values[i].as.real) && of->values[i].as.real < 0);
    }
    *out = nan || (up && down) ? (double)NAN
           : up                ? (double)INFINITY
                               : -(double)INFINITY;
    return nan || up || down;
}

static integer
sum_of(const list *of)
{
    integer sum = {{0}};

    for (size_t i = 0; i < of->n; i++) {
        integer value = integer_of(&of->values[i]);

        add(&sum, &value);
    }
    return sum;
}

static double
rounded_sum(const list *of, uint64_t by)
{
    integer sum = sum_of(of);
    int exponent, unit = is_real(of->values[0].type) ? -1074 : 0;
    bool negative = is_negative(&sum);
    double value;

    if (special_sum(of, &value))
        return value;
    if (negative)
        negate(&sum);
    value = nearest(&sum, &exponent);
    if (exponent + unit > 900) /* past DBL_MAX, maybe, before it is divided */
        value = ldexp(ldexp(value, exponent + unit - 200) / (double)by, 200);
    else
        value = ldexp(value, exponent + unit) / (double)by;
    return negative ? -value : value;
}

static double
deviation(const list *of)
{
    integer sum = {{0}}, squares = {{0}}, n = {{(uint32_t)of->n}};
    int unit = is_real(of->values[0].type) ? -2148 : 0, exponent;
    double value;

    if (special_sum(of, &value))
        return (double)NAN;
    for (size_t i = 0; i < of->n; i++) {
        integer number = integer_of(&of->values[i]), square;

        add(&sum, &number);
        if (is_negative(&number))
            negate(&number);
        square = multiply(&number, &number);
        add(&squares, &square);
    }
    if (is_negative(&sum))
        negate(&sum);
    squares = multiply(&n, &squares);
    sum = multiply(&sum, &sum);
    negate(&sum);
    add(&squares, &sum);
    value = nearest(&squares, &exponent);
    exponent += unit;
    if (exponent % 2 != 0) {
        value *= 2;
        exponent--;
    }
    value /= (double)of->n * (double)of->n;
    return ldexp(sqrt(value), exponent / 2);
}

/* Is a before b? */
static bool
is_less(const larder_value *a, const larder_value *b)
{
    size_t i = 0;

    if (is_real(a->type))
        return a->as.real < b->as.real ||
               (a->as.real == b->as.real && signbit(a->as.real) != 0 &&
                   signbit(b->as.real) == 0);
    if (a->type == LARDER_BOOL)
        return !a->as.boolean && b->as.boolean;
    if (a->type != LARDER_STRING && a->type != LARDER_BYTES)
        return a->as.integer < b->as.integer;
    for (; i < a->as.text.size && i < b->as.text.size; i++) {
        unsigned char x = ((const unsigned char *)a->as.text.data)[i];
        unsigned char y = ((const unsigned char *)b->as.text.data)[i];

        if (x != y)
            return x < y;
    }
    return a->as.text.size < b->as.text.size;
}

static larder_value
extreme(const list *of, bool greatest)
{
    larder_value best = of->values[0];

    for (size_t i = 0; i < of->n; i++) {
        const larder_value *value = &of->values[i];

        if (is_real(value->type) && isnan(value->as.real)) {
            best.as.real = (double)NAN;
            return best;
        }
        if (greatest ? is_less(&best, value) : is_less(value, &best))
            best = *value;
    }
    return best;
}

static bool
is_equal(const larder_value *a, const larder_value *b)
{
    if (is_real(a->type))
        return a->as.real == b->as.real ||
               (isnan(a->as.real) && isnan(b->as.real));
    return !is_less(a, b) && !is_less(b, a);
}

static size_t
n_distinct(const list *of)
{
    size_t n = 0;

    for (size_t i = 0; i < of->n; i++) {
        size_t j = 0;

        while (j < i && !is_equal(&of->values[j], &of->values[i]))
            j++;
        n += j == i;
    }
    return n;
}

/* An integer sum; false: it does not fit the type. */
static bool
integer_sum(const list *of, larder_type type, larder_value *out)
{
    wide sum = 0;

    for (size_t i = 0; i < of->n; i++)
        sum += of->values[i].as.integer;
    out->as.integer = (int64_t)sum;
    return type == LARDER_INT32 ? sum >= INT32_MIN && sum <= INT32_MAX
                                : sum >= INT64_MIN && sum <= INT64_MAX;
}

/* False: there is no answer, since an integer sum does not fit. */
static bool
answer(
    const world *w, const ldr_window *window, larder_time t, larder_value *out)
{
    list of = values_inside(w, window, t);
    bool exists = false;

    *out = (larder_value){.type = window->type};
    for (size_t row = w->events.begin; row < w->events.end; row++)
        exists = exists || ldr_column_integer(&w->batch.columns[AT], row) <= t;
    out->null = !exists;
    out->as.integer = (int64_t)of.n;
    if (out->null || window->aggregate == LDR_AGGREGATE_COUNT)
        return true;
    out->as.integer = (int64_t)n_distinct(&of);
    if (window->aggregate == LDR_AGGREGATE_COUNT_DISTINCT)
        return true;
    out->null = of.n == 0;
    if (out->null)
        return true;
    if (window->aggregate == LDR_AGGREGATE_SUM && !is_real(window->type))
        return integer_sum(&of, window->type, out);
    if (window->aggregate == LDR_AGGREGATE_SUM)
        out->as.real = rounded_sum(&of, 1);
    else if (window->aggregate == LDR_AGGREGATE_MEAN)
        out->as.real = rounded_sum(&of, of.n);
    else if (window->aggregate == LDR_AGGREGATE_STDDEV)
        out->as.real = deviation(&of);
    else if (window->aggregate == LDR_AGGREGATE_FIRST)
        *out = of.values[0];
    else if (window->aggregate == LDR_AGGREGATE_LAST)
        *out = of.values[of.n - 1];
    else
        *out = extreme(&of, window->aggregate == LDR_AGGREGATE_MAX);
    if (window->type == LARDER_FLOAT32)
        out->as.real = (double)(float)out->as.real;
    return true;
}

/* ------------------------------------------------------------ the comparison
 */

static bool
has_same_bits(const larder_value *a, const larder_value *b)
{
    if (a->null || b->null)
        return a->null == b->null;
    if (a->type == LARDER_STRING || a->type == LARDER_BYTES)
        return a->as.text.size == b->as.text.size &&
               memcmp(a->as.text.data, b->as.text.data, a->as.text.size) == 0;
    if (is_real(a->type))
        return bits_of(a->as.real) == bits_of(b->as.real);
    return a->type == LARDER_BOOL ? a->as.boolean == b->as.boolean
                                  : a->as.integer == b->as.integer;
}

static void
compare(world *w, size_t window, size_t moment)
{
    static const char *const names[] = {"none", "count", "sum", "mean", "min",
        "max", "stddev", "first", "last", "count_distinct"};
    const ldr_window *of = &w->windows[window];
    larder_value found = larder_column_value(&w->answers[window], moment);
    larder_value expected;
    char x[64] = "", y[64] = "";

    answer(w, of, w->times[moment], &expected);
    w->n_cases++;
    if (is_real(of->type) && !expected.null && !isfinite(expected.as.real))
        w->n_special++;
    if (has_same_bits(&found, &expected))
        return;
    larder_value_print(&found, x, sizeof x - 1);
    larder_value_print(&expected, y, sizeof y - 1);
    ck_abort_msg("%s of %s, window %lld, offset %lld, at %lld: %s%s, "
                 "expected %s%s",
        names[of->aggregate],
        of->column == LDR_NO_COLUMN ? "-" : fields[of->column].name,
        (long long)of->window_us, (long long)of->offset_us,
        (long long)w->times[moment], found.null ? "null" : "", x,
        expected.null ? "null" : "", y);
}

/* Is there an answer that does not fit? The first one is named. */
static const ldr_window *
find_refused(const world *w)
{
    for (size_t i = 0; i < w->n_times; i++)
        for (size_t j = 0; j < w->n_windows; j++) {
            larder_value value;

            if (w->windows[j].aggregate == LDR_AGGREGATE_SUM &&
                !is_real(w->windows[j].type) &&
                !answer(w, &w->windows[j], w->times[i], &value))
                return &w->windows[j];
        }
    return NULL;
}

static void
try_key(world *w, ldr_windows *windows)
{
    const ldr_window *refused = find_refused(w);
    larder_column *out[WINDOWS_MAX];
    larder_error err = {0};
    larder_status rc;

    for (size_t i = 0; i < w->n_windows; i++) {
        must(ldr_column_init(&w->answers[i], w->windows[i].type, &err), &err);
        out[i] = &w->answers[i];
    }
    rc = ldr_windows_run(windows, &w->events, w->times, w->n_times, out, &err);
    if (refused != NULL) {
        char start[64];

        snprintf(start, sizeof start, "feature '%s': ", refused->name);
        if (rc != LARDER_INVALID || strstr(err.message, start) == NULL)
            ck_abort_msg("%s does not fit: %s", refused->name, err.message);
        w->n_refused++;
    } else {
        must(rc, &err);
        for (size_t i = 0; i < w->n_windows; i++)
            for (size_t j = 0; j < w->n_times; j++)
                compare(w, i, j);
    }
    for (size_t i = 0; i < w->n_windows; i++)
        ldr_column_release(&w->answers[i]);
}

START_TEST(windows_are_what_looking_at_every_event_gives)
{
    static world w;
    uint64_t rounds = ROUNDS * (getenv("LARDER_SOAK") == NULL ? 1 : 50);
    larder_error err = {0};

    must(larder_batch_init(&w.batch, &schema, &err), &err);
    for (uint64_t round = 0; round < rounds; round++) {
        ldr_windows *windows = NULL;

        w.random = round * 7919 + 1;
        random_windows(&w);
        must(ldr_windows_new(w.windows, w.n_windows, &windows, &err), &err);
        for (unsigned key = 0; key < KEYS; key++) {
            random_key(&w);
            try_key(&w, windows);
        }
        ldr_windows_free(windows);
    }
    larder_batch_release(&w.batch);
    printf("%llu answers agree, %llu of them NaN or infinite; %llu keys were "
           "refused\n",
        (unsigned long long)w.n_cases, (unsigned long long)w.n_special,
        (unsigned long long)w.n_refused);
    ck_assert_uint_ge(w.n_cases, 100000);
    ck_assert_uint_gt(w.n_special, 1000);
    ck_assert_uint_gt(w.n_refused, 50);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("oracle_window");
    TCase *tcase = tcase_create("windows");

    tcase_set_timeout(tcase, 3600);
    tcase_add_test(tcase, windows_are_what_looking_at_every_event_gives);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
