/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_keys.c - what every offline store promises of reads by key: on
 * each built-in store, whether it seeks keys or gives all rows to the core.
 *
 * Random keys, times, parts and arrival marks, against a search through all
 * rows. How the SQLite store seeks is test_sqlite.c's.
 */
#include "offline.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "definition/config.h"
#include "rows.h"
#include "storage/offline.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

/* ------------------------------------------------------------------ tables */

static const larder_field fields[] = {{"a", LARDER_INT64}, {"b", LARDER_STRING},
    {"c", LARDER_BYTES}, {"d", LARDER_BOOL}, {"e", LARDER_TIMESTAMP},
    {"f", LARDER_INT32}, {"ts", LARDER_TIMESTAMP}, {"cr", LARDER_TIMESTAMP},
    {"v", LARDER_FLOAT64}};
static const larder_schema schema = {fields, N_OF(fields)};

/* A table, and the key that it is read by. */
static const struct way {
    const char *name;
    const char *const *key;
    size_t n_key;
    const char *const *by;
    size_t n_by;
    bool created, index;
} ways[] = {
    {"one", (const char *const[]){"a"}, 1, (const char *const[]){"a"}, 1, true,
        false},
    {"text", (const char *const[]){"b"}, 1, (const char *const[]){"b"}, 1,
        false, false},
    {"two", (const char *const[]){"b", "f"}, 2, (const char *const[]){"b", "f"},
        2, true, false},
    {"turned", (const char *const[]){"b", "f"}, 2,
        (const char *const[]){"f", "b"}, 2, true, false},
    {"part", (const char *const[]){"b", "a"}, 2, (const char *const[]){"b"}, 1,
        true, false},
    {"indexed", (const char *const[]){"a"}, 1, (const char *const[]){"b", "c"},
        2, true, true},
    {"loose", (const char *const[]){"a"}, 1, (const char *const[]){"c"}, 1,
        true, false},
    {"odd", (const char *const[]){"d", "c", "e"}, 3,
        (const char *const[]){"d", "c", "e"}, 3, true, false},
    {"world", NULL, 0, NULL, 0, true, false},
};

static larder_table
table_of(const struct way *way)
{
    return (larder_table){.name = way->name,
        .owned = true,
        .schema = &schema,
        .key = way->key,
        .n_key = way->n_key,
        .event = "ts",
        .created = way->created ? "cr" : NULL,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
}

/* ----------------------------------------------------------------- fixture */

static larder_call call;
static char *folder;
static ldr_offline *store;

static void
open_store(int i)
{
    const char *type = offline_type((size_t)i);
    offline_place place;
    larder_error err = {0};
    larder_status rc;

    folder = support_folder();
    call = support_call(1000);
    offline_place_of(&place, type, folder);
    rc = ldr_offline_open(place.ops, &place.section, true, &call, &store, &err);
    ck_assert_msg(rc == LARDER_OK, "open %s: %s", type, err.message);
}

static void
teardown(void)
{
    ldr_offline_close(store);
    store = NULL;
    if (folder != NULL)
        support_remove(folder);
    free(folder);
}

static void
create(const larder_table *table, const struct way *way)
{
    larder_error err = {0};
    larder_status rc = ldr_offline_create(
        store, &call, table, &way->by, &way->n_by, way->index ? 1 : 0, &err);

    ck_assert_msg(rc == LARDER_OK, "create: %s", err.message);
}

/* Few values, and texts that others begin with: many rows are tied. */
static void
append_value(larder_column *column, uint64_t *state)
{
    static const char *const texts[] = {"", "a", "aa", "ab", "b", "\xc3\xa9"};
    const char *text = texts[support_below(state, N_OF(texts))];
    int64_t number = (int64_t)support_below(state, 10) - 4;
    larder_value value = {.type = column->type};

    switch ((int)column->type) {
    case LARDER_BOOL:
        value.as.boolean = support_below(state, 2) == 1;
        break;
    case LARDER_STRING:
    case LARDER_BYTES:
        value.as.text = (larder_bytes){text, strlen(text)};
        break;
    case LARDER_FLOAT64:
        value.as.real = (double)number / 2;
        break;
    default:
        value.as.integer = number;
        break;
    }
    ck_assert_int_eq(larder_column_append(column, &value, NULL), LARDER_OK);
}

static bool
is_one_of(const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* One append; what is no key of the table and no event time is null at times.
 */
static void
append_random(const larder_table *table, size_t n_rows, uint64_t *state)
{
    larder_batch batch = {0};
    larder_stream rows = {0};
    larder_appended appended = {0};
    larder_error err = {0};
    larder_status rc;

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < schema.n_fields; i++)
            if (strcmp(fields[i].name, "ts") != 0 &&
                !is_one_of(fields[i].name, table->key, table->n_key) &&
                support_below(state, 5) == 0)
                ck_assert_int_eq(
                    larder_column_append_null(&batch.columns[i], NULL),
                    LARDER_OK);
            else
                append_value(&batch.columns[i], state);
    batch.n_rows = n_rows;
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    rc = ldr_offline_append(store, &call, table, &rows, &appended, &err);
    ck_assert_msg(rc == LARDER_OK, "append: %s", err.message);
}

/* ------------------------------------------------------------------- reads */

/* All rows of a stream in one batch, with the schema's names left out. */
typedef struct rows_found {
    larder_field fields[16];
    larder_schema schema;
    larder_batch rows;
} rows_found;

static void
begin_rows(rows_found *found, const larder_schema *as)
{
    ck_assert_uint_le(as->n_fields, N_OF(found->fields));
    for (size_t i = 0; i < as->n_fields; i++)
        found->fields[i] = (larder_field){"c", as->fields[i].type};
    found->schema = (larder_schema){found->fields, as->n_fields};
    ck_assert_int_eq(
        larder_batch_init(&found->rows, &found->schema, NULL), LARDER_OK);
}

static void
add_rows(rows_found *found, larder_stream *rows)
{
    larder_batch batch = {0};
    larder_error err = {0};

    if (found->schema.fields == NULL)
        begin_rows(found, rows->schema);
    for (;;) {
        larder_status rc = larder_stream_next(rows, &batch, &err);

        ck_assert_msg(rc == LARDER_OK, "next: %s", err.message);
        if (batch.n_rows == 0)
            break;
        ck_assert_int_eq(
            ldr_batch_copy(&found->rows, &batch, 0, batch.n_rows, NULL),
            LARDER_OK);
        larder_batch_release(&batch);
    }
    larder_stream_close(rows);
}

/* The scan's rows, part by part. */
static void
scan(const larder_scan *wanted, unsigned n_parts, rows_found *found)
{
    larder_scan part = *wanted;
    larder_error err = {0};

    ck_assert_int_eq(ldr_offline_begin(store, &call, n_parts, NULL), LARDER_OK);
    part.n_parts = n_parts;
    for (part.part = 0; part.part < n_parts; part.part++) {
        larder_stream rows = {0};
        larder_status rc =
            ldr_offline_scan(store, part.part, &call, &part, &rows, &err);

        ck_assert_msg(rc == LARDER_OK, "scan: %s", err.message);
        add_rows(found, &rows);
    }
    ldr_offline_end(store);
}

static void
latest(const larder_scan *wanted, rows_found *found)
{
    larder_stream rows = {0};
    larder_error err = {0};
    larder_status rc;

    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    rc = ldr_offline_latest(store, 0, &call, wanted, &rows, &err);
    ck_assert_msg(rc == LARDER_OK, "latest: %s", err.message);
    add_rows(found, &rows);
    ldr_offline_end(store);
}

/* ------------------------------------------------------------ slow and sure */

static larder_time
event_of(const larder_scan *scan, const larder_batch *rows, size_t row)
{
    return ldr_column_integer(&rows->columns[scan->n_key], row);
}

/* Which of the scan's keys it has; n_rows: none. */
static size_t
key_of(const larder_scan *scan, const larder_batch *rows, size_t row)
{
    size_t key;

    for (key = 0; key < scan->keys->n_rows; key++) {
        bool same = true;

        for (size_t i = 0; i < scan->n_key; i++) {
            larder_value x = larder_column_value(&rows->columns[i], row);
            larder_value y = larder_column_value(&scan->keys->columns[i], key);

            same = same && ldr_value_same(&x, &y);
        }
        if (same)
            break;
    }
    return key;
}

/* Of the rows without regard to keys, those the scan wants. */
static bool
is_wanted(const larder_scan *scan, const larder_batch *all, size_t row)
{
    size_t key = key_of(scan, all, row);
    larder_time event = event_of(scan, all, row);

    if (key == scan->keys->n_rows ||
        (scan->keys_to != NULL && event > scan->keys_to[key]))
        return false;
    if (scan->keys_from == NULL || event >= scan->keys_from[key])
        return true;
    if (!scan->one_before)
        return false;
    for (size_t other = 0; other < all->n_rows; other++) {
        larder_time at = event_of(scan, all, other);

        if (key_of(scan, all, other) == key && at > event &&
            at < scan->keys_from[key] &&
            (scan->keys_to == NULL || at <= scan->keys_to[key]))
            return false;
    }
    return true;
}

/* Is it the newest of its key, or tied with that? */
static bool
is_newest(const larder_scan *scan, const larder_batch *all, size_t row)
{
    size_t key = key_of(scan, all, row), n = scan->n_key;

    for (size_t other = 0; other < all->n_rows; other++) {
        int order = 0;

        for (size_t i = n; order == 0 && i < n + 2; i++) {
            larder_value x = larder_column_value(&all->columns[i], other);
            larder_value y = larder_column_value(&all->columns[i], row);

            order = ldr_value_order(&x, &y);
        }
        if (order > 0 && key_of(scan, all, other) == key)
            return false;
    }
    return true;
}

/* The same rows, however often each? */
static void
compare_rows(const larder_scan *scan, const larder_batch *all,
    const larder_batch *found, bool newest)
{
    bool *taken = calloc(all->n_rows + 1, sizeof *taken);
    size_t n_wanted = 0;

    ck_assert_ptr_nonnull(taken);
    for (size_t row = 0; row < all->n_rows; row++) {
        bool wanted =
            is_wanted(scan, all, row) && (!newest || is_newest(scan, all, row));

        taken[row] = !wanted;
        n_wanted += wanted;
    }
    ck_assert_uint_eq(found->n_rows, n_wanted);
    for (size_t row = 0; row < found->n_rows; row++) {
        size_t at = 0;

        while (
            at < all->n_rows && (taken[at] || !rows_same(all, at, found, row)))
            at++;
        ck_assert_uint_lt(at, all->n_rows);
        taken[at] = true;
    }
    free(taken);
}

static void
check_order(const larder_scan *scan, const larder_batch *found)
{
    for (size_t row = 1; row < found->n_rows; row++)
        for (size_t i = 0; i < scan->n_key + 2; i++) {
            larder_value x = larder_column_value(&found->columns[i], row - 1);
            larder_value y = larder_column_value(&found->columns[i], row);
            int order = ldr_value_order(&x, &y);

            if (order == 0)
                continue;
            ck_assert_int_eq(order, i < scan->n_key ? -1 : 1);
            break;
        }
}

/* ------------------------------------------------------------------- tests */

/* Up to n_keys of them, each once, in no order. */
static larder_batch
random_keys(const larder_schema *keys, size_t n_keys, uint64_t *state)
{
    larder_batch batch = {0}, drawn = {0};
    larder_scan scan = {.keys = &batch, .n_key = keys->n_fields};

    ck_assert_int_eq(larder_batch_init(&batch, keys, NULL), LARDER_OK);
    ck_assert_int_eq(larder_batch_init(&drawn, keys, NULL), LARDER_OK);
    for (size_t row = 0; row < n_keys; row++)
        for (size_t i = 0; i < keys->n_fields; i++)
            append_value(&drawn.columns[i], state);
    drawn.n_rows = n_keys;
    for (size_t row = 0; row < n_keys; row++)
        if (key_of(&scan, &drawn, row) == batch.n_rows)
            ck_assert_int_eq(
                ldr_batch_copy(&batch, &drawn, row, 1, NULL), LARDER_OK);
    larder_batch_release(&drawn);
    return batch;
}

static larder_schema
keys_of(const struct way *way, larder_field key_fields[3])
{
    for (size_t i = 0; i < way->n_by; i++)
        for (size_t k = 0; k < schema.n_fields; k++)
            if (strcmp(fields[k].name, way->by[i]) == 0)
                key_fields[i] = fields[k];
    return (larder_schema){key_fields, way->n_by};
}

/* Choices of a scan, each bit one. */
static void
choose(larder_scan *scan, int64_t before, uint64_t *state)
{
    uint64_t bits = support_below(state, 64);

    scan->from = (bits & 1) != 0 ? -3 : LARDER_TIME_MIN;
    scan->to = (bits & 2) != 0 ? 3 : LARDER_TIME_MAX;
    scan->arrived = (bits & 12) == 0;
    scan->after = before;
    scan->seen_until = (bits & 16) != 0 ? 3 : 100;
    scan->order =
        (bits & 32) != 0 ? LARDER_ORDER_NEWEST_FIRST : LARDER_ORDER_ANY;
}

static void
draw_times(larder_time *times, size_t n_times, uint64_t *state)
{
    for (size_t i = 0; i < n_times; i++)
        times[i] = support_below(state, 10) == 0 ? LARDER_TIME_MIN
                   : support_below(state, 10) == 0
                       ? LARDER_TIME_MAX
                       : (larder_time)support_below(state, 14) - 6;
}

static void
compare_scan(larder_scan *wanted, uint64_t *state)
{
    larder_time from[64], to[64];
    larder_scan bare = *wanted;
    rows_found all = {0}, found = {0};
    uint64_t bits = support_below(state, 8);

    draw_times(from, N_OF(from), state);
    draw_times(to, N_OF(to), state);
    ck_assert_uint_le(wanted->keys->n_rows, N_OF(from));
    bare.keys = NULL;
    scan(&bare, 1, &all);
    wanted->keys_from = (bits & 3) != 0 ? from : NULL;
    wanted->one_before = (bits & 3) > 1;
    wanted->keys_to = (bits & 4) != 0 ? to : NULL;
    scan(wanted, 1 + (unsigned)support_below(state, 3), &found);
    compare_rows(wanted, &all.rows, &found.rows, false);
    if (wanted->order == LARDER_ORDER_NEWEST_FIRST)
        check_order(wanted, &found.rows);
    larder_batch_release(&found.rows);
    found = (rows_found){0};
    wanted->keys_from = wanted->keys_to = NULL;
    wanted->one_before = false;
    latest(wanted, &found);
    compare_rows(wanted, &all.rows, &found.rows, true);
    check_order(wanted, &found.rows);
    larder_batch_release(&found.rows);
    larder_batch_release(&all.rows);
}

START_TEST(rows_of_keys_are_those_that_a_search_finds)
{
    const struct way *way = &ways[_i % (int)N_OF(ways)];
    larder_table table = table_of(way);
    uint64_t state = 23 + (uint64_t)_i;
    larder_field key_fields[3];
    larder_schema key_schema = keys_of(way, key_fields);
    larder_described before = {0};

    open_store(_i / (int)N_OF(ways));
    create(&table, way);
    append_random(&table, 250, &state);
    ck_assert_int_eq(
        ldr_offline_describe(store, &call, &table, &before, NULL), LARDER_OK);
    append_random(&table, 50, &state);
    for (int turn = 0; turn < 24; turn++) {
        larder_batch keys =
            random_keys(&key_schema, support_below(&state, 12), &state);
        larder_scan wanted = {.table = &table,
            .key = way->by,
            .n_key = way->n_by,
            .columns = fields + 7,
            .n_columns = 2,
            .keys = &keys};

        choose(&wanted, before.arrival, &state);
        compare_scan(&wanted, &state);
        larder_batch_release(&keys);
    }
    larder_described_release(&before);
}
END_TEST

/* The words of a scan, in order. */
static void
expect(const larder_scan *wanted, const char *words)
{
    larder_stream rows = {0};
    larder_error err = {0};
    larder_status rc;

    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    rc = ldr_offline_scan(store, 0, &call, wanted, &rows, &err);
    ck_assert_msg(rc == LARDER_OK, "scan: %s", err.message);
    offline_expect(offline_words(&rows, false), words);
    ldr_offline_end(store);
}

START_TEST(one_row_before_a_range_comes_with_its_ties_and_no_more)
{
    static const larder_field few[] = {{"k", LARDER_INT64},
        {"ts", LARDER_TIMESTAMP}, {"cr", LARDER_TIMESTAMP},
        {"v", LARDER_INT64}};
    static const larder_schema few_schema = {few, 4}, key_schema = {few, 1};
    static const char *const key[] = {"k"};
    const larder_table table = {.name = "few",
        .owned = true,
        .schema = &few_schema,
        .key = key,
        .n_key = 1,
        .event = "ts",
        .created = "cr"};
    /* Within the range; at its edge; before it alone; after it; not there. */
    const larder_time from[] = {20, 20, 20, 20, 20};
    const larder_time to[] = {30, 30, 30, 30, 30};
    larder_batch keys = offline_batch(&key_schema, "1;2;3;4;5");
    larder_stream rows = offline_stream(&few_schema,
        "1,10,,1;1,19,,2;1,19,5,3;1,19,5,4;1,20,,5;1,30,,6;1,31,,7;"
        "2,20,,1;2,19,,2;3,7,,1;3,6,,2;4,31,,1;6,20,,1");
    larder_appended appended = {0};
    larder_scan wanted = {.table = &table,
        .key = key,
        .n_key = 1,
        .columns = few + 3,
        .n_columns = 1,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .keys = &keys,
        .keys_from = from,
        .keys_to = to,
        .one_before = true,
        .order = LARDER_ORDER_NEWEST_FIRST};

    open_store(_i);
    ck_assert_int_eq(
        ldr_offline_create(store, &call, &table, NULL, NULL, 0, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_append(store, &call, &table, &rows, &appended, NULL),
        LARDER_OK);
    wanted.n_columns = 0; /* rows tied in all that is seen have no order */
    expect(&wanted, "1,30,;1,20,;1,19,5;1,19,5;1,19,;2,20,;2,19,;3,7,");
    wanted.one_before = false;
    expect(&wanted, "1,30,;1,20,;2,20,");
    wanted.one_before = true;
    wanted.keys_to = NULL;
    expect(&wanted,
        "1,31,;1,30,;1,20,;1,19,5;1,19,5;1,19,;2,20,;2,19,;3,7,;4,31,");
    wanted.from = 20; /* holds for all rows, the one before too */
    expect(&wanted, "1,31,;1,30,;1,20,;2,20,;4,31,");
    larder_batch_release(&keys);
}
END_TEST

START_TEST(a_scan_of_no_keys_gives_no_rows)
{
    static const larder_schema key_schema = {fields, 1};
    larder_table table = table_of(&ways[0]);
    larder_batch keys = offline_batch(&key_schema, "");
    uint64_t state = 5;
    larder_scan wanted = {.table = &table,
        .key = table.key,
        .n_key = 1,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .keys = &keys};

    open_store(_i);
    create(&table, &ways[0]);
    append_random(&table, 10, &state);
    expect(&wanted, "");
    larder_batch_release(&keys);
}
END_TEST

int
main(void)
{
    int n = (int)offline_n_types();
    Suite *suite = suite_create("conformance_keys");
    TCase *tests = tcase_create("keys");

    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_loop_test(tests, rows_of_keys_are_those_that_a_search_finds, 0,
        n * (int)N_OF(ways));
    offline_skip(
        tests, rows_of_keys_are_those_that_a_search_finds, (int)N_OF(ways));
    offline_add(
        tests, one_row_before_a_range_comes_with_its_ties_and_no_more, n);
    offline_add(tests, a_scan_of_no_keys_gives_no_rows, n);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
