/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.c - moments and durations from and to text.
 *
 * The calendar is the Gregorian one, also before it was in use; a day has
 * 86400 seconds. What a file may hold by the million (larder_time_parse) is
 * read without a division, a table or a call where it can be.
 */
#include "base/time.h"

#include "base/words.h"
#include "larder_backend.h"

#include <stdio.h>
#include <string.h>

#define MINUTE (60 * LDR_SECOND)
#define HOUR (60 * MINUTE)
#define OFFSET_MAX (14 * 60)
#define DURATION_MAX (LARDER_TIME_MAX - LARDER_TIME_MIN + 1)

/* ----------------------------------------------------------------- dates */

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_in(int year, int month)
{
    static const unsigned char days[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01. A year is counted from March, so that the leap day is
 * its last; months then have 153 days in every five. */
static int
days_since_1970(int year, int month, int day)
{
    int month_from_march = month > 2 ? month - 3 : month + 9;

    year -= month <= 2;
    return 365 * year + year / 4 - year / 100 + year / 400 +
           (153 * month_from_march + 2) / 5 + day - 1 - 719468;
}

bool
ldr_time_civil(int year, int month, int day, larder_time *out)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month))
        return false;
    *out = days_since_1970(year, month, day) * LDR_DAY;
    return true;
}

/* --------------------------------------------------------------- reading */

/* Two digits as a number; over 99: they are not digits. */
static unsigned
two_digits(const char *at)
{
    unsigned tens = (unsigned)(unsigned char)at[0] - '0';
    unsigned ones = (unsigned)(unsigned char)at[1] - '0';

    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* Why there is no such day of a month; all are in their ranges 1..12, 1..31. */
static const char *
missing_day(int month, int day)
{
    static const char *const thirty_first[13] = {
        [2] = "there is no 31 February",
        [4] = "there is no 31 April",
        [6] = "there is no 31 June",
        [9] = "there is no 31 September",
        [11] = "there is no 31 November"};

    if (day == 29)
        return "there is no 29 February in that year";
    return day == 30 ? "there is no 30 February" : thirty_first[month];
}

/* YYYY-MM-DD, of which all ten characters are there. */
static const char *
read_date(const char *at, larder_time *out)
{
    unsigned century = two_digits(at), rest = two_digits(at + 2);
    unsigned month = two_digits(at + 5), day = two_digits(at + 8);
    int year = (int)(century * 100 + rest);

    if (century > 99 || rest > 99 || month > 99 || day > 99 || at[4] != '-' ||
        at[7] != '-')
        return "it does not begin with a date like 2024-03-01";
    if (year == 0)
        return "the year is not 0001 to 9999";
    if (month < 1 || month > 12)
        return "the month is not 01 to 12";
    if (day < 1 || day > 31)
        return "the day is not 01 to 31";
    if (day > 28 && (int)day > days_in(year, (int)month))
        return missing_day((int)month, (int)day);
    *out = days_since_1970(year, (int)month, (int)day) * LDR_DAY;
    return NULL;
}

/* The digits after a '.', as microseconds; finer ones are dropped. */
static const char *
read_fraction(const char *at, const char *end, int64_t *us)
{
    int64_t unit = LDR_SECOND;

    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        unit /= 10;
        *us += unit * (*at - '0');
    }
    return at;
}

/* A time of day, and where it ends. */
typedef struct clock_time {
    int64_t us;
    bool leap_second; /* `us` is its beginning, or within it */
    const char *end;
} clock_time;

/* HH:MM[:SS[.fraction]] */
static const char *
read_clock(const char *at, const char *end, clock_time *out)
{
    static const char *const form =
        "its clock time is not like 12:00, 12:00:00 or 12:00:00.5";
    unsigned hour, minute, second = 0;
    int64_t fraction = 0;

    if (end - at < 5 || at[2] != ':')
        return form;
    hour = two_digits(at);
    minute = two_digits(at + 3);
    at += 5;
    if (at < end && *at == ':') {
        if (end - at < 3)
            return form;
        second = two_digits(at + 1);
        at += 3;
        if (at < end && *at == '.') {
            const char *digits = at + 1;

            at = read_fraction(digits, end, &fraction);
            if (at == digits)
                return form;
        }
    }
    if (hour > 99 || minute > 99 || second > 99)
        return form;
    if (hour > 23)
        return "the hour is not 00 to 23";
    if (minute > 59)
        return "the minute is not 00 to 59";
    if (second > 60)
        return "the second is not 00 to 59";
    out->us = (int64_t)((hour * 60 + minute) * 60 + second) * LDR_SECOND;
    out->us += fraction;
    out->leap_second = second == 60;
    out->end = at;
    return NULL;
}

/* Z, +HH:MM, +HHMM or +HH, up to the end, in minutes east of UTC. */
static const char *
read_zone(const char *at, const char *end, int32_t *minutes)
{
    static const char *const form =
        "its zone is not 'Z' or an offset like +05:30";
    unsigned hour, minute = 0;

    if (end - at == 1 && (*at == 'Z' || *at == 'z')) {
        *minutes = 0;
        return NULL;
    }
    if (end - at < 3 || (*at != '+' && *at != '-'))
        return form;
    hour = two_digits(at + 1);
    if (end - at == 6 && at[3] == ':')
        minute = two_digits(at + 4);
    else if (end - at == 5)
        minute = two_digits(at + 3);
    else if (end - at != 3)
        return form;
    if (hour > 99 || minute > 99)
        return form;
    if (minute > 59)
        return "the minutes of its offset are not 00 to 59";
    if (hour * 60 + minute > OFFSET_MAX)
        return "its offset is beyond 14:00";
    *minutes = (int32_t)(hour * 60 + minute);
    if (*at == '-')
        *minutes = -*minutes;
    return NULL;
}

static bool
in_range(larder_time time)
{
    return time >= LARDER_TIME_MIN && time <= LARDER_TIME_MAX;
}

static const char *const out_of_range =
    "it lies outside of the years 0001 to 9999";

/* What follows the date: a clock time, then perhaps a zone. */
static const char *
read_rest(const char *at, const char *end, ldr_moment *out)
{
    clock_time clock;
    int32_t minutes = 0;
    const char *why;

    if (*at != 'T' && *at != ' ' && *at != 't')
        return "its date is not followed by 'T' and a clock time";
    why = read_clock(at + 1, end, &clock);
    if (why == NULL && clock.end < end) {
        why = read_zone(clock.end, end, &minutes);
        out->zoned = true;
    }
    if (why != NULL)
        return why;
    out->time += clock.us - minutes * MINUTE;
    if (clock.leap_second && (out->time - clock.us % LDR_SECOND) % LDR_DAY != 0)
        return "there is a second 60 at the end of a UTC day only";
    return in_range(out->time) ? NULL : out_of_range;
}

const char *
ldr_moment_parse(larder_bytes text, ldr_moment *out)
{
    const char *at = text.data;
    ldr_moment moment = {.date_only = text.size == 10};
    const char *why;

    if (text.size == 0)
        return "it is empty";
    if (text.size < 10)
        return "it does not begin with a date like 2024-03-01";
    why = read_date(at, &moment.time);
    if (why == NULL && text.size > 10)
        why = read_rest(at + 10, at + text.size, &moment);
    if (why == NULL)
        *out = moment;
    return why;
}

/* The words of a refusal; a long text is shown by its head. */
static larder_status
refuse_time(
    larder_bytes text, const char *colon, const char *why, larder_error *err)
{
    const char *data = text.size > 0 ? text.data : "";
    size_t n_shown = ldr_words_cut(data, text.size, 40);

    return larder_fail(err, LARDER_INVALID, "time '%.*s%s'%s %s", (int)n_shown,
        data, n_shown < text.size ? "..." : "", colon, why);
}

larder_status
larder_time_parse(larder_bytes text, int32_t naive_offset_minutes,
    larder_time *out, larder_error *err)
{
    ldr_moment moment;
    const char *why = ldr_moment_parse(text, &moment);

    if (why != NULL)
        return refuse_time(text, ":", why, err);
    if (!moment.zoned) {
        if (naive_offset_minutes == LARDER_NAIVE_REFUSED)
            return refuse_time(text, "",
                "has no zone: write 'Z' or an offset, or declare timezone",
                err);
        moment.time -= naive_offset_minutes * MINUTE;
        if (!in_range(moment.time))
            return refuse_time(text, ":", out_of_range, err);
    }
    *out = moment.time;
    return LARDER_OK;
}

larder_status
ldr_offset_parse(const char *text, int32_t *minutes, larder_error *err)
{
    if (strcmp(text, "UTC") == 0) {
        *minutes = 0;
        return LARDER_OK;
    }
    if (read_zone(text, text + strlen(text), minutes) == NULL)
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID,
        "timezone '%s' is neither UTC nor an offset like +05:30, up to 14:00",
        text);
    larder_hint(err, "a named zone changes its offset over the year: convert "
                     "such times to UTC");
    return LARDER_INVALID;
}

/* --------------------------------------------------------------- writing */

static void
put_two(char *at, unsigned value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* "2024", and "-0001", "+10000" beyond the years that can be read. */
static size_t
put_year(char *at, int year)
{
    unsigned value = (unsigned)(year < 0 ? -year : year);

    if (year < 0 || year > 9999)
        return (size_t)snprintf(at, 12, "%c%04u", year < 0 ? '-' : '+', value);
    put_two(at, value / 100);
    put_two(at + 2, value % 100);
    return 4;
}

/* The inverse of days_since_1970(), for any day; the year's length. */
static size_t
put_date(char *text, int64_t days)
{
    int64_t from_march_0000 = days + 719468;
    int64_t era =
        (from_march_0000 - (from_march_0000 < 0 ? 146096 : 0)) / 146097;
    unsigned day = (unsigned)(from_march_0000 - era * 146097);
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned month;
    size_t n;

    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    n = put_year(text, (int)(era * 400) + (int)year + (month <= 2));
    text[n] = '-';
    put_two(text + n + 1, month);
    text[n + 3] = '-';
    put_two(text + n + 4, day + 1);
    return n + 6;
}

/* Nothing, ".123" or ".123456". */
static size_t
put_fraction(char *text, unsigned us)
{
    if (us == 0)
        return 0;
    text[0] = '.';
    text[1] = (char)('0' + us / 100000);
    put_two(text + 2, us / 1000 % 100);
    if (us % 1000 == 0)
        return 4;
    text[4] = (char)('0' + us / 100 % 10);
    put_two(text + 5, us % 100);
    return 7;
}

size_t
larder_time_print(larder_time time, char text[33])
{
    int64_t days = time / LDR_DAY, rest = time % LDR_DAY;
    unsigned seconds;
    size_t n;

    if (rest < 0) {
        days--;
        rest += LDR_DAY;
    }
    seconds = (unsigned)(rest / LDR_SECOND);
    n = put_date(text, days);
    text[n] = 'T';
    put_two(text + n + 1, seconds / 3600);
    text[n + 3] = ':';
    put_two(text + n + 4, seconds / 60 % 60);
    text[n + 6] = ':';
    put_two(text + n + 7, seconds % 60);
    n += 9;
    n += put_fraction(text + n, (unsigned)(rest % LDR_SECOND));
    memcpy(text + n, "Z", 2);
    return n + 1;
}

/* ------------------------------------------------------------- durations */

static const struct duration_unit {
    char name[4];
    int64_t us;
    bool printed;
} duration_units[] = {
    {"w", 7 * LDR_DAY, false},
    {"d", LDR_DAY, true},
    {"h", HOUR, true},
    {"m", MINUTE, true},
    {"s", LDR_SECOND, true},
    {"ms", 1000, true},
    {"us", 1, true},
};

#define N_UNITS (sizeof duration_units / sizeof duration_units[0])

/* Which unit these letters are; N_UNITS: none. */
static size_t
find_unit(const char *name, size_t size)
{
    size_t i = 0;

    while (i < N_UNITS && (strlen(duration_units[i].name) != size ||
                              memcmp(duration_units[i].name, name, size) != 0))
        i++;
    return i;
}

/* Digits, kept to what any unit may count. */
static const char *
take_count(const char *at, int64_t *count)
{
    *count = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        if (*count <= DURATION_MAX)
            *count = *count * 10 + (*at - '0');
    return at;
}

/* One number and its unit, added; NULL: it is not that, or the unit is not a
 * lesser one than the last (whose place is *unit - 1). */
static const char *
take_part(const char *at, size_t *unit, int64_t *us)
{
    const char *digits = at, *name;
    int64_t count, part;
    size_t found;

    at = name = take_count(at, &count);
    while (*at >= 'a' && *at <= 'z')
        at++;
    found = find_unit(name, (size_t)(at - name));
    if (name == digits || found < *unit || found == N_UNITS)
        return NULL;
    if (__builtin_mul_overflow(count, duration_units[found].us, &part) ||
        __builtin_add_overflow(*us, part, us))
        *us = INT64_MAX;
    *unit = found + 1;
    return at;
}

larder_status
ldr_duration_parse(const char *text, int64_t *us, larder_error *err)
{
    const char *at = text;
    int64_t sum = 0;
    size_t unit = 0;

    do {
        at = take_part(at, &unit, &sum);
    } while (at != NULL && *at != '\0');
    if (at == NULL) {
        larder_fail(err, LARDER_INVALID,
            "duration '%s' is not numbers with units out of w, d, h, m, s, ms, "
            "us, in that order",
            text);
        larder_hint(err, "write it like 90s, 12h, 7d or 1h30m");
        return LARDER_INVALID;
    }
    if (sum == 0)
        return larder_fail(err, LARDER_INVALID,
            "duration '%s' is zero: it must be at least 1us", text);
    if (sum > DURATION_MAX)
        return larder_fail(
            err, LARDER_INVALID, "duration '%s' is more than 9999 years", text);
    *us = sum;
    return LARDER_OK;
}

size_t
ldr_duration_print(int64_t us, char text[40])
{
    uint64_t rest = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    size_t n = 0;

    if (us < 0)
        text[n++] = '-';
    for (size_t i = 0; i < N_UNITS; i++) {
        const struct duration_unit *unit = &duration_units[i];
        uint64_t count = rest / (uint64_t)unit->us;

        if (!unit->printed || count == 0)
            continue;
        n += (size_t)snprintf(
            text + n, 40 - n, "%llu%s", (unsigned long long)count, unit->name);
        rest -= count * (uint64_t)unit->us;
    }
    if (n == 0) {
        memcpy(text, "0s", 3);
        n = 2;
    }
    return n;
}

/* ----------------------------------------------------------- saturation */

/* A moment kept within the years that can be written. */
static larder_time
clamp(int64_t t)
{
    if (t < LARDER_TIME_MIN)
        return LARDER_TIME_MIN;
    return t > LARDER_TIME_MAX ? LARDER_TIME_MAX : t;
}

larder_time
ldr_time_minus(larder_time t, int64_t span_us)
{
    int64_t result;

    if (__builtin_sub_overflow(t, span_us, &result))
        return span_us > 0 ? LARDER_TIME_MIN : LARDER_TIME_MAX;
    return clamp(result);
}

int64_t
ldr_time_back(larder_time t, int64_t span_us)
{
    return t < INT64_MIN + span_us ? INT64_MIN : t - span_us;
}

larder_time
ldr_time_plus(larder_time t, int64_t span_us)
{
    int64_t result;

    if (__builtin_add_overflow(t, span_us, &result))
        return span_us > 0 ? LARDER_TIME_MAX : LARDER_TIME_MIN;
    return clamp(result);
}
