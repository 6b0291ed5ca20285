/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron.c - a cron line: five fields, parsed; and how far apart its moments lie.
 */
#include "base/cron.h"

#include <string.h>

#include "base/name.h"
#include "base/time.h"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

/* A field: its range, and names that stand for numbers from `low` on. */
typedef struct cron_field {
    const char *what;
    unsigned low, high;
    const char *names; /* three letters each; NULL: none */
} cron_field;

static const cron_field cron_fields[LDR_CRON_FIELDS] = {
    [MINUTE] = {"minute", 0, 59, NULL},
    [HOUR] = {"hour", 0, 23, NULL},
    [DAY] = {"day of month", 1, 31, NULL},
    [MONTH] = {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    [WEEKDAY] = {"day of week", 0, 7, "sunmontuewedthufrisat"},
};

/* ----------------------------------------------------------------- parsing */

/* A number or a name at *at, which moves behind it. */
static bool
take_number(const cron_field *field, const char **at, unsigned *out)
{
    char word[4] = "";
    unsigned number = 0;
    size_t n = 0;

    while (n < 3 && (*at)[n] >= '0' && (*at)[n] <= '9')
        number = number * 10 + (unsigned)((*at)[n++] - '0');
    if (n > 0) {
        *at += n;
        *out = number;
        return number >= field->low && number <= field->high;
    }
    memcpy(word, *at, strnlen(*at, 3));
    for (size_t i = 0; field->names != NULL && field->names[3 * i] != '\0';
         i++) {
        char name[4] = {field->names[3 * i], field->names[3 * i + 1],
            field->names[3 * i + 2], '\0'};

        if (ldr_name_equal(name, word)) {
            *at += 3;
            *out = field->low + (unsigned)i;
            return true;
        }
    }
    return false;
}

/* "/2" at *at; 1 where there is none, 0 where it is no number. */
static unsigned
take_step(const char **at)
{
    unsigned step = 0;

    if (**at != '/')
        return 1;
    (*at)++;
    for (size_t n = 0; n < 3 && **at >= '0' && **at <= '9'; n++)
        step = step * 10 + (unsigned)(*(*at)++ - '0');
    return step;
}

static void
set_range(uint64_t *bits, unsigned low, unsigned high, unsigned step)
{
    for (unsigned i = low; i <= high; i += step)
        *bits |= UINT64_C(1) << i;
}

static bool
parse_field(
    const cron_field *field, const char *text, size_t size, uint64_t *bits)
{
    const char *at = text, *end = text + size;

    for (;;) {
        unsigned low = field->low, high = field->high, step;

        if (*at == '*')
            at++;
        else if (!take_number(field, &at, &low))
            return false;
        else if (*at == '-') {
            at++;
            if (!take_number(field, &at, &high) || low > high)
                return false;
        } else if (*at != '/')
            high = low;
        step = take_step(&at);
        if (step == 0)
            return false;
        set_range(bits, low, high, step);
        if (at >= end)
            return at == end;
        if (*at++ != ',')
            return false;
    }
}

/* The next field of a line; its length, 0 at the end. */
static size_t
next_field(const char **at)
{
    *at += strspn(*at, " ");
    return strcspn(*at, " ");
}

bool
ldr_cron_parse(const char *line, ldr_cron *out, ldr_cron_fault *fault)
{
    const char *at = line;

    *out = (ldr_cron){0};
    *fault = (ldr_cron_fault){0};
    for (size_t size; (size = next_field(&at)) > 0; at += size)
        fault->n_fields++;
    if (fault->n_fields != LDR_CRON_FIELDS)
        return false;
    at = line;
    for (size_t i = 0; i < LDR_CRON_FIELDS; i++) {
        const cron_field *field = &cron_fields[i];
        size_t size = next_field(&at);
        bool any = *at == '*';

        if (!parse_field(field, at, size, &out->fields[i])) {
            fault->what = field->what;
            fault->low = field->low;
            fault->high = field->high;
            fault->text = at;
            fault->size = size;
            return false;
        }
        out->any_day = i == DAY ? any : out->any_day;
        out->any_weekday = i == WEEKDAY ? any : out->any_weekday;
        at += size;
    }
    if (out->fields[WEEKDAY] >> 7 & 1)
        out->fields[WEEKDAY] |= 1;
    return true;
}

/* ---------------------------------------------------------------- distances */

static bool
has(const ldr_cron *cron, int field, unsigned number)
{
    return (cron->fields[field] >> number & 1) != 0;
}

static bool
has_date(const ldr_cron *cron, unsigned month, unsigned day, unsigned weekday)
{
    bool by_day = has(cron, DAY, day), by_weekday = has(cron, WEEKDAY, weekday);

    return has(cron, MONTH, month) &&
           (cron->any_day || cron->any_weekday ? by_day && by_weekday
                                               : by_day || by_weekday);
}

/* Of a day that has any moments: its first and last minute, and the longest
 * time between two of them. */
typedef struct minutes {
    int64_t first, last, gap;
} minutes;

static minutes
minutes_of(const ldr_cron *cron)
{
    minutes m = {.first = -1};

    for (unsigned i = 0; i < 24 * 60; i++) {
        if (!has(cron, HOUR, i / 60) || !has(cron, MINUTE, i % 60))
            continue;
        if (m.first < 0)
            m.first = i;
        else if (i - m.last > m.gap)
            m.gap = i - m.last;
        m.last = i;
    }
    return m;
}

/* The calendar comes round after 400 years, which are whole weeks. */
#define CYCLE_YEARS 400
#define CYCLE_DAYS 146097

typedef struct days {
    int64_t first, last, gap; /* -1: no day yet */
} days;

static void
add_day(days *d, int64_t day)
{
    if (d->first < 0)
        d->first = day;
    else if (day - d->last > d->gap)
        d->gap = day - d->last;
    d->last = day;
}

static days
days_of(const ldr_cron *cron)
{
    days d = {.first = -1};
    larder_time begin = 0;

    ldr_time_civil(2000, 1, 1, &begin); /* a Saturday */
    for (int month = 0; month < CYCLE_YEARS * 12; month++) {
        larder_time at;

        for (int day = 1;
             ldr_time_civil(2000 + month / 12, month % 12 + 1, day, &at);
             day++) {
            int64_t n = (at - begin) / LDR_DAY;

            if (has_date(cron, (unsigned)(month % 12 + 1), (unsigned)day,
                    (unsigned)((n + 6) % 7)))
                add_day(&d, n);
        }
    }
    if (d.first >= 0 && d.first + CYCLE_DAYS - d.last > d.gap)
        d.gap = d.first + CYCLE_DAYS - d.last;
    return d;
}

int64_t
ldr_cron_longest_gap(const ldr_cron *cron)
{
    minutes m = minutes_of(cron);
    days d = days_of(cron);
    int64_t between = d.gap * 24 * 60 - m.last + m.first;

    if (m.first < 0 || d.first < 0)
        return 0;
    return (between > m.gap ? between : m.gap) * 60 * LDR_SECOND;
}
