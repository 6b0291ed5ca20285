/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_parts.c - readers of single keys of definitions.
 */
#include "definition/load_parts.h"

#include "base/cron.h"
#include "base/name.h"
#include "base/number.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_EVENTS_LIMIT 1000000
#define RETRIES_LIMIT 100

static void *
field(void *object, size_t at)
{
    return (char *)object + at;
}

/* Which of some words a scalar is; n_words (a fault) when none. */
static size_t
read_choice(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    const char *const *words, size_t n_words)
{
    const char *text = ldr_read_scalar(reading, key, value);

    if (text == NULL)
        return n_words;
    for (size_t i = 0; i < n_words; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    ldr_fault(reading->faults, &value->place, NULL, "'%s' takes %s, not '%s'",
        key->name, key->takes, text);
    return n_words;
}

/* -------------------------------------------------------------- sources */

void
ldr_read_source_kind(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    static const char *const words[] = {[LDR_SOURCE_BATCH] = "batch",
        [LDR_SOURCE_PUSH] = "push",
        [LDR_SOURCE_REQUEST] = "request"};
    size_t choice = read_choice(reading, key, value, words, 3);

    if (choice < 3)
        *(ldr_source_kind *)field(object, key->at) = (ldr_source_kind)choice;
}

void
ldr_read_unit(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    static const char *const words[] = {[LARDER_UNIT_US] = "us",
        [LARDER_UNIT_S] = "s",
        [LARDER_UNIT_MS] = "ms",
        [LARDER_UNIT_NS] = "ns"};
    size_t choice = read_choice(reading, key, value, words, 4);

    if (choice < 4)
        *(larder_time_unit *)field(object, key->at) = (larder_time_unit)choice;
}

void
ldr_read_date_is(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    static const char *const words[] = {"start_of_day", "end_of_day"};
    size_t choice = read_choice(reading, key, value, words, 2);

    if (choice < 2)
        *(bool *)field(object, key->at) = choice == 1;
}

void
ldr_read_timezone(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    const char *text = ldr_read_scalar(reading, key, value);
    larder_error error = {0};
    int32_t minutes;
    int size;

    if (text == NULL)
        return;
    if (ldr_offset_parse(text, &minutes, &error) != LARDER_OK) {
        ldr_fault(reading->faults, &value->place,
            "UTC, or a fixed offset such as \"+05:30\"", "'%s': %s", key->name,
            error.message);
        return;
    }
    size = minutes < 0 ? -minutes : minutes;
    text = minutes == 0 ? "UTC"
                        : ldr_arena_printf(reading->arena, "%c%02d:%02d",
                              minutes < 0 ? '-' : '+', size / 60, size % 60);
    if (text == NULL)
        reading->nomem = true;
    *(const char **)field(object, key->at) = text;
    if (key->also != 0)
        *(int32_t *)field(object, key->also) = minutes;
}

void
ldr_read_source_key(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    ldr_source *source = object;

    source->key_written = true;
    ldr_read_words(reading, key, value, object);
}

void
ldr_read_replace_on(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    ldr_source *source = object;

    source->has_replace_on = true;
    ldr_read_words(reading, key, value, object);
}

/* ------------------------------------------------------------- features */

/* The aggregate that is meant by a word it is called elsewhere; or NULL. */
static const char *
known_elsewhere(const char *text)
{
    static const char *const words[][2] = {{"avg", "mean"}, {"average", "mean"},
        {"std", "stddev"}, {"stddev_pop", "stddev"}, {"stdev", "stddev"},
        {"latest", "last"}, {"earliest", "first"}, {"total", "sum"},
        {"nunique", "count_distinct"}, {"unique", "count_distinct"},
        {"distinct", "count_distinct"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ldr_name_equal(text, words[i][0]))
            return words[i][1];
    return NULL;
}

void
ldr_read_aggregate(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    static const char *const words[] = {
#define WORD(name, word) word,
        LDR_AGGREGATE_MAP(WORD)
#undef WORD
    };
    size_t n_words = sizeof words / sizeof *words;
    const char *text = ldr_read_scalar(reading, key, value);
    const char *near = text == NULL ? NULL : known_elsewhere(text);
    char hint[64];

    if (text == NULL)
        return;
    for (size_t i = 0; i < n_words; i++)
        if (strcmp(text, words[i]) == 0) {
            *(ldr_aggregate *)field(object, key->at) =
                (ldr_aggregate)(LDR_AGGREGATE_NONE + 1 + i);
            return;
        }
    if (near == NULL)
        near = ldr_name_nearest(text, words, n_words);
    snprintf(hint, sizeof hint, "did you mean '%s'?", near == NULL ? "" : near);
    ldr_fault(reading->faults, &value->place, near == NULL ? key->takes : hint,
        "unknown aggregate '%s'", text);
}

void
ldr_read_offset(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char *text = value->kind == LDR_YAML_SCALAR ? value->text : "";
    size_t zeros = strspn(text, "0");

    if (zeros > 0 && strlen(text + zeros) <= 1 &&
        strspn(text + zeros, "smhdw") == strlen(text + zeros))
        *(int64_t *)field(object, key->at) = 0;
    else
        ldr_read_duration(reading, key, value, object);
}

/* One end of a range. */
static bool
read_end(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    double *out)
{
    const char *text = ldr_read_scalar(reading, key, value);

    if (text == NULL)
        return false;
    if (ldr_double_parse(text, strlen(text), out) == LDR_NUMBER_OK &&
        !isnan(*out))
        return true;
    ldr_fault(reading->faults, &value->place, NULL, "'%s' takes %s, not '%s'",
        key->name, key->takes, text);
    return false;
}

void
ldr_read_range(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    ldr_feature *feature = object;
    double low, high;

    if (!ldr_read_is_list(reading, key, value))
        return;
    if (value->n_items != 2) {
        ldr_fault(reading->faults, &value->place, "write [low, high]",
            "'%s' takes %s, not a list of %zu", key->name, key->takes,
            value->n_items);
        return;
    }
    if (!read_end(reading, key, &value->items[0], &low) ||
        !read_end(reading, key, &value->items[1], &high))
        return;
    if (low > high) {
        ldr_fault(reading->faults, &value->place, "write [low, high]",
            "'%s' goes from %s down to %s", key->name, value->items[0].text,
            value->items[1].text);
        return;
    }
    feature->has_range = true;
    feature->range_low = low;
    feature->range_high = high;
}

void
ldr_read_values(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char **items;
    size_t n_items = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    items = ldr_read_array(reading, value->n_items, sizeof *items);
    if (items == NULL)
        return;
    for (size_t i = 0; i < value->n_items; i++) {
        const char *text = ldr_read_scalar(reading, key, &value->items[i]);

        if (text != NULL)
            items[n_items++] = text;
    }
    if (value->n_items == 0)
        ldr_fault(reading->faults, &value->place, "leave the key out",
            "'%s' is empty: no value would be allowed", key->name);
    *(const char *const **)field(object, key->at) = items;
    *(size_t *)field(object, key->also) = n_items;
}

void
ldr_read_on_violation(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    static const char *const words[] = {"warn", "refuse"};
    size_t choice = read_choice(reading, key, value, words, 2);

    if (choice < 2)
        *(bool *)field(object, key->at) = choice == 1;
}

void
ldr_read_max_events(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    int64_t number;

    if (ldr_read_integer(reading, key, value, 1, MAX_EVENTS_LIMIT, &number))
        *(uint32_t *)field(object, key->at) = (uint32_t)number;
}

/* ----------------------------------------------------------------- jobs */

void
ldr_read_retries(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    int64_t number;

    if (ldr_read_integer(reading, key, value, 0, RETRIES_LIMIT, &number))
        *(uint32_t *)field(object, key->at) = (uint32_t)number;
}

void
ldr_read_cron(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char *text = ldr_read_scalar(reading, key, value);
    ldr_cron cron;
    ldr_cron_fault fault;

    if (text == NULL)
        return;
    if (ldr_cron_parse(text, &cron, &fault))
        *(const char **)field(object, key->at) = text;
    else if (fault.what == NULL)
        ldr_fault(reading->faults, &value->place,
            "minute, hour, day of month, month, day of week: \"0 3 * * 1\"",
            "'%s' takes %s, not %zu", key->name, key->takes, fault.n_fields);
    else
        ldr_fault(reading->faults, &value->place,
            "numbers, lists 1,15, ranges 1-5, steps */10, or *",
            "'%s': '%.*s' is no %s, %u to %u", key->name, (int)fault.size,
            fault.text, fault.what, fault.low, fault.high);
}

/* {webhook: URL} */
static const char *
read_webhook(ldr_reading *reading, const ldr_yaml *item)
{
    static const ldr_key keys[] = {
        {"webhook", ldr_read_word, 0, 0, true, "an address", "where to tell"}};
    const char *address = NULL;

    if (!ldr_read_mapping(reading, "alert", keys, 1, item, &address) ||
        address == NULL)
        return NULL;
    address = ldr_arena_printf(reading->arena, LDR_WEBHOOK "%s", address);
    if (address == NULL)
        reading->nomem = true;
    return address;
}

void
ldr_read_alerts(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char **items;
    size_t n_items = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    items = ldr_read_array(reading, value->n_items, sizeof *items);
    if (items == NULL)
        return;
    for (size_t i = 0; i < value->n_items; i++) {
        const ldr_yaml *item = &value->items[i];

        if (item->kind == LDR_YAML_SCALAR && strcmp(item->text, "log") == 0)
            items[n_items] = item->text;
        else if (item->kind == LDR_YAML_MAPPING)
            items[n_items] = read_webhook(reading, item);
        else
            ldr_fault(reading->faults, &item->place,
                "log, or {webhook: \"${URL}\"}", "'%s' takes %s", key->name,
                key->takes);
        if (items[n_items] != NULL)
            n_items++;
    }
    *(const char *const **)field(object, key->at) = items;
    *(size_t *)field(object, key->also) = n_items;
}
