/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_offline.c - what every offline store promises: each sentence of
 * larder_offline_ops, on each built-in store.
 *
 * The loops run over the stores; joins and the newest rows are compared with a
 * slow and obvious search. Users' own tables and files in disorder are
 * test_sqlite.c's.
 */
#include "offline.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/batch.h"
#include "rows.h"
#include "servers.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

/* ----------------------------------------------------------------- fixture */

static const larder_field plain_fields[] = {{"k", LARDER_INT64},
    {"ts", LARDER_TIMESTAMP}, {"cr", LARDER_TIMESTAMP}, {"v", LARDER_FLOAT64},
    {"s", LARDER_STRING}};
static const larder_schema plain_schema = {plain_fields, N_OF(plain_fields)};
static const char *const plain_key[] = {"k"};

static const larder_table plain = {.name = "plain",
    .owned = true,
    .schema = &plain_schema,
    .key = plain_key,
    .n_key = 1,
    .event = "ts",
    .created = "cr",
    .naive_offset_minutes = LARDER_NAIVE_REFUSED};

static const larder_field pair_fields[] = {{"a", LARDER_STRING},
    {"b", LARDER_INT32}, {"ts", LARDER_TIMESTAMP}, {"cr", LARDER_TIMESTAMP},
    {"v", LARDER_INT64}};
static const larder_schema pair_schema = {pair_fields, N_OF(pair_fields)};
static const char *const pair_key[] = {"a", "b"};

/* Two key columns. */
static const larder_table pair = {.name = "pair",
    .owned = true,
    .schema = &pair_schema,
    .key = pair_key,
    .n_key = 2,
    .event = "ts",
    .created = "cr",
    .naive_offset_minutes = LARDER_NAIVE_REFUSED};

/* All of a table: its key, event, created, and these columns. */
static larder_scan
scan_of(const larder_table *table, const larder_field *columns, size_t n)
{
    return (larder_scan){.table = table,
        .key = table->key,
        .n_key = table->n_key,
        .columns = columns,
        .n_columns = n,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX};
}

static larder_scan
scan_plain(void)
{
    return scan_of(&plain, plain_fields + 3, 2);
}

static char *folder;
static offline store;

static void
setup(void)
{
    folder = support_folder();
}

static void
teardown(void)
{
    offline_close(&store);
    support_remove(folder);
    free(folder);
}

static void
open_store(int i)
{
    store = offline_must_open(offline_type((size_t)i), folder, true);
}

static void
open_plain(int i)
{
    open_store(i);
    offline_create(&store, &plain);
}

/* The file's own tests; false: this store has none. */
static bool
open_in_file(int i)
{
    open_plain(i);
    return offline_has_file(&store);
}

/* Those of stores that outlive their programs. */
static bool
open_lasting(int i)
{
    open_plain(i);
    return offline_lasts(&store);
}

static larder_described
describe(const larder_table *table)
{
    larder_described described = {0};
    larder_error err = {0};
    larder_status rc =
        store.ops->describe(store.self, &store.call, table, &described, &err);

    ck_assert_msg(rc == LARDER_OK, "describe: %s", err.message);
    return described;
}

/* ------------------------------------------------------------------ append */

START_TEST(rows_come_back_as_they_were_appended)
{
    larder_scan scan = scan_plain();

    open_plain(_i);
    offline_append(&store, &plain, "2,20,21,2.5,two;1,10,,,'';1,11,5,-1,x");
    offline_expect(
        offline_scan(&store, &scan), "1,10,,,'';1,11,5,-1.0,x;2,20,21,2.5,two");
}
END_TEST

START_TEST(times_of_a_row_are_values_too)
{
    larder_scan scan = scan_of(&plain, plain_fields + 1, 2);

    open_plain(_i);
    offline_append(&store, &plain, "2,20,21,2.5,two;1,10,,,''");
    offline_expect(offline_scan(&store, &scan), "1,10,,10,;2,20,21,20,21");
}
END_TEST

START_TEST(equal_rows_are_stored_once)
{
    larder_scan scan = scan_plain();
    larder_appended appended;

    open_plain(_i);
    appended = offline_append(&store, &plain, "1,10,,1,a;1,10,,1,a;1,10,,1,b");
    ck_assert_uint_eq(appended.added, 2);
    ck_assert_uint_eq(appended.duplicate, 1);
    appended = offline_append(&store, &plain, "1,10,,1,b;1,10,1,1,b");
    ck_assert_uint_eq(appended.added, 1);
    ck_assert_uint_eq(appended.duplicate, 1);
    offline_expect(
        offline_scan(&store, &scan), "1,10,,1.0,a;1,10,,1.0,b;1,10,1,1.0,b");
}
END_TEST

START_TEST(an_append_that_adds_nothing_has_no_mark)
{
    larder_appended first, second;
    larder_described described;

    open_plain(_i);
    first = offline_append(&store, &plain, "1,10,,1,a");
    second = offline_append(&store, &plain, "1,10,,1,a");
    ck_assert_int_gt(first.arrival, 0);
    ck_assert_int_eq(second.arrival, 0);
    second = offline_append(&store, &plain, "");
    ck_assert_uint_eq(second.added + second.duplicate, 0);
    described = describe(&plain);
    ck_assert_int_eq(described.arrival, first.arrival);
    larder_described_release(&described);
}
END_TEST

/* A stream of one batch, then a failure. */
typedef struct broken {
    larder_batch batch;
    bool given;
    int *cancel; /* instead of failing, ask to stop */
} broken;

static larder_status
broken_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    broken *state = self->state;

    if (state->given && state->cancel == NULL)
        return larder_fail(err, LARDER_INVALID, "row 3 is broken");
    if (state->given)
        *state->cancel = 1;
    *out = offline_batch(self->schema, state->given ? "9,9,,9,z" : "1,1,,1,a");
    state->given = true;
    return LARDER_OK;
}

START_TEST(an_append_whose_stream_fails_adds_nothing)
{
    broken state = {0};
    larder_stream rows = {
        .schema = &plain_schema, .next = broken_next, .state = &state};
    larder_appended appended = {.added = 42};
    larder_scan scan = scan_plain();
    larder_error err = {0};

    open_plain(_i);
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &plain, &rows,
                         &appended, &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "row 3 is broken"));
    ck_assert_uint_eq(appended.added, 42);
    offline_expect(offline_scan(&store, &scan), "");
    offline_append(&store, &plain, "1,1,,1,a");
    offline_expect(offline_scan(&store, &scan), "1,1,,1.0,a");
}
END_TEST

START_TEST(a_caller_who_stops_an_append_leaves_nothing)
{
    int cancel = 0;
    broken state = {.cancel = &cancel};
    larder_stream rows = {
        .schema = &plain_schema, .next = broken_next, .state = &state};
    larder_appended appended = {0};
    larder_scan scan = scan_plain();
    larder_call call = {.now = 1, .cancel = &cancel};

    open_plain(_i);
    ck_assert_int_eq(
        store.ops->append(store.self, &call, &plain, &rows, &appended, NULL),
        LARDER_INTERRUPTED);
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

START_TEST(many_rows_in_any_order_are_all_there)
{
    larder_batch batch = {0};
    larder_stream rows = {0};
    larder_appended appended = {0};
    larder_described described;
    uint64_t state = 7;

    open_plain(_i);
    ck_assert_int_eq(larder_batch_init(&batch, &plain_schema, NULL), LARDER_OK);
    for (size_t i = 0; i < 100000; i++) {
        int64_t k = (int64_t)support_below(&state, 1u << 20);
        larder_column *c = batch.columns;

        ck_assert(larder_column_append_integer(&c[0], k, NULL) == LARDER_OK &&
                  larder_column_append_integer(&c[1], (int64_t)i, NULL) ==
                      LARDER_OK &&
                  larder_column_append_null(&c[2], NULL) == LARDER_OK &&
                  larder_column_append_real(&c[3], 0.5, NULL) == LARDER_OK &&
                  larder_column_append_null(&c[4], NULL) == LARDER_OK);
    }
    batch.n_rows = 100000;
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &plain, &rows,
                         &appended, NULL),
        LARDER_OK);
    larder_stream_close(&rows);
    ck_assert_uint_eq(appended.added, 100000);
    described = describe(&plain);
    ck_assert_uint_eq(described.n_rows, 100000);
    ck_assert_int_eq(described.newest_event, 99999);
    larder_described_release(&described);
}
END_TEST

/* ------------------------------------------------------------------- types */

#define N_EVERY 18

static larder_schema
every_schema(larder_field fields[N_EVERY])
{
    fields[0] = (larder_field){"k", LARDER_INT64};
    fields[1] = (larder_field){"ts", LARDER_TIMESTAMP};
    for (size_t i = 0; i < 16; i++)
        fields[i + 2] = rows_every_type()->fields[i];
    return (larder_schema){fields, N_EVERY};
}

/* Lists of moments that there are: as text they have their limits. */
static void
append_times(larder_column *column, int64_t k)
{
    static const char *const texts[] = {"[]", "[\"0001-01-01T00:00:00Z\"]",
        "[\"1969-12-31T23:59:59.999999Z\",\"9999-12-31T23:59:59Z\"]"};
    const char *text = texts[k % 3];

    ck_assert_int_eq(
        larder_value_parse(column, (larder_bytes){text, strlen(text)},
            LARDER_NAIVE_REFUSED, NULL),
        LARDER_OK);
}

/* Moments that there are, whatever the column's numbers might be. */
static void
append_time(larder_column *column, uint64_t *state)
{
    static const int64_t odd[] = {
        0, -1, LARDER_TIME_MIN, LARDER_TIME_MAX, 946684799999999};

    ck_assert_int_eq(larder_column_append_integer(
                         column, odd[support_below(state, N_OF(odd))], NULL),
        LARDER_OK);
}

START_TEST(every_value_of_every_type_comes_back)
{
    larder_field fields[N_EVERY];
    larder_schema schema = every_schema(fields);
    larder_table table = {.name = "every",
        .owned = true,
        .schema = &schema,
        .key = plain_key,
        .n_key = 1,
        .event = "ts"};
    larder_scan scan = scan_of(&table, fields + 2, 16);
    larder_batch batch = {0}, keep = {0}, found = {0};
    larder_stream rows = {0};
    larder_appended appended = {0};
    larder_order kept;
    larder_error err = {0};
    uint64_t state = 3;
    size_t n_found = 0;

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    for (int64_t k = 0; k < 500; k++) {
        ck_assert_int_eq(
            larder_column_append_integer(&batch.columns[0], k, NULL),
            LARDER_OK);
        ck_assert_int_eq(
            larder_column_append_integer(&batch.columns[1], k, NULL),
            LARDER_OK);
        for (size_t i = 2; i + 1 < N_EVERY; i++)
            if (fields[i].type == LARDER_TIMESTAMP)
                append_time(&batch.columns[i], &state);
            else
                rows_append(&batch.columns[i], &state);
        append_times(&batch.columns[N_EVERY - 1], k);
    }
    batch.n_rows = 500;
    ck_assert_int_eq(larder_batch_init(&keep, &schema, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_batch_copy(&keep, &batch, 0, 500, NULL), LARDER_OK);
    open_store(_i);
    offline_create(&store, &table);
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &table, &rows,
                         &appended, NULL),
        LARDER_OK);
    larder_stream_close(&rows);
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->scan(store.self, 0, &store.call, &scan, &rows, &kept, NULL),
        LARDER_OK);
    for (;;) {
        larder_status rc = larder_stream_next(&rows, &found, &err);

        ck_assert_msg(rc == LARDER_OK, "next: %s", err.message);
        if (found.n_rows == 0)
            break;
        for (size_t row = 0; row < found.n_rows; row++, n_found++) {
            size_t k = (size_t)ldr_column_integer(&found.columns[0], row);
            larder_value nothing = larder_column_value(&found.columns[2], row);

            ck_assert(nothing.null); /* the table has no created time */
            for (size_t i = 2; i < N_EVERY; i++) {
                larder_value x = larder_column_value(&keep.columns[i], k);
                larder_value y =
                    larder_column_value(&found.columns[i + 1], row);

                ck_assert_msg(ldr_value_same(&x, &y), "row %zu, column %s", k,
                    fields[i].name);
            }
        }
        larder_batch_release(&found);
    }
    ck_assert_uint_eq(n_found, 500);
    larder_stream_close(&rows);
    store.ops->end(store.self);
    larder_batch_release(&keep);
}
END_TEST

START_TEST(describe_gives_back_names_and_types)
{
    larder_field fields[N_EVERY];
    larder_schema schema = every_schema(fields);
    larder_table table = {.name = "every",
        .owned = true,
        .schema = &schema,
        .key = plain_key,
        .n_key = 1,
        .event = "ts"};
    larder_described described;

    open_store(_i);
    described = describe(&table);
    ck_assert(!described.exists);
    ck_assert_uint_eq(described.schema.n_fields, 0);
    larder_described_release(&described);
    offline_create(&store, &table);
    described = describe(&table);
    ck_assert(described.exists);
    ck_assert_uint_eq(described.n_rows, 0);
    ck_assert_int_eq(described.arrival, 0);
    ck_assert(described.newest_event == LARDER_TIME_MIN);
    ck_assert_uint_eq(described.schema.n_fields, N_EVERY);
    for (size_t i = 0; i < N_EVERY; i++) {
        ck_assert_str_eq(described.schema.fields[i].name, fields[i].name);
        ck_assert_int_eq(described.schema.fields[i].type, fields[i].type);
    }
    larder_described_release(&described);
}
END_TEST

/* ----------------------------------------------------------- create, remove */

START_TEST(a_wider_table_reads_null_where_a_row_is_older)
{
    larder_schema narrow = {plain_fields, 4};
    larder_table before = plain;
    larder_scan scan = scan_plain();
    larder_appended appended;

    before.schema = &narrow;
    open_store(_i);
    offline_create(&store, &before);
    offline_append(&store, &before, "1,10,,1");
    offline_create(&store, &plain);
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,");
    /* A new column that is null makes no other row of it. */
    appended = offline_append(&store, &plain, "1,10,,1,;1,10,,1,new");
    ck_assert_uint_eq(appended.duplicate, 1);
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,;1,10,,1.0,new");
    offline_create(&store, &before); /* narrower is fine: nothing is lost */
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,;1,10,,1.0,new");
}
END_TEST

static void
expect_refused(const larder_table *table, const char *word)
{
    larder_error err = {0};

    ck_assert_int_eq(
        store.ops->create(store.self, &store.call, table, NULL, NULL, 0, &err),
        LARDER_INVALID);
    ck_assert_msg(strstr(err.message, word) != NULL, "%s", err.message);
}

START_TEST(a_column_is_not_retyped_and_a_table_not_reordered)
{
    larder_field fields[] = {{"k", LARDER_INT64}, {"ts", LARDER_TIMESTAMP},
        {"cr", LARDER_TIMESTAMP}, {"v", LARDER_INT64}, {"s", LARDER_STRING},
        {"new", LARDER_BOOL}};
    larder_schema schema = {fields, N_OF(fields)};
    static const char *const other[] = {"k", "s"};
    larder_table changed = plain;
    larder_described described;

    open_plain(_i);
    changed.schema = &schema;
    expect_refused(&changed, "'v'");
    changed = plain;
    changed.key = other;
    changed.n_key = 2;
    expect_refused(&changed, "k, ts, cr");
    changed = plain;
    changed.created = NULL;
    expect_refused(&changed, "plain");
    described = describe(&plain);
    ck_assert_uint_eq(described.schema.n_fields, plain_schema.n_fields);
    larder_described_release(&described);
}
END_TEST

START_TEST(a_removed_table_is_gone_and_marks_go_on)
{
    larder_scan scan = scan_plain();
    larder_appended before, after;
    larder_described described;

    open_plain(_i);
    before = offline_append(&store, &plain, "1,10,,1,a");
    for (int i = 0; i < 2; i++) /* nothing there is fine, too */
        ck_assert_int_eq(
            store.ops->remove(store.self, &store.call, &plain, NULL),
            LARDER_OK);
    described = describe(&plain);
    ck_assert(!described.exists);
    larder_described_release(&described);
    offline_create(&store, &plain);
    offline_expect(offline_scan(&store, &scan), "");
    after = offline_append(&store, &plain, "1,10,,1,a");
    ck_assert_uint_eq(after.added, 1);
    ck_assert_int_gt(after.arrival, before.arrival);
}
END_TEST

START_TEST(a_table_that_is_not_there_is_not_found)
{
    larder_scan scan = scan_plain();
    larder_stream rows = offline_stream(&plain_schema, "1,1,,1,a");
    larder_stream out = {0};
    larder_appended appended;
    larder_order kept;
    larder_error err = {0};

    open_store(_i);
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &plain, &rows,
                         &appended, &err),
        LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "'plain'"));
    larder_stream_close(&rows);
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->scan(store.self, 0, &store.call, &scan, &out, &kept, &err),
        LARDER_NOT_FOUND);
    store.ops->end(store.self);
}
END_TEST

/* ------------------------------------------------------------------- scans */

START_TEST(both_ends_of_a_range_are_included)
{
    larder_scan scan = scan_of(&plain, NULL, 0);

    open_plain(_i);
    offline_append(&store, &plain, "1,9,,1,a;1,10,,1,a;1,20,,1,a;1,21,,1,a");
    scan.from = 10;
    scan.to = 20;
    offline_expect(offline_scan(&store, &scan), "1,10,;1,20,");
    scan.from = 21;
    scan.to = 20;
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

START_TEST(what_arrived_since_a_mark_is_found)
{
    larder_scan scan = scan_of(&plain, NULL, 0);
    larder_appended first, second;

    open_plain(_i);
    first = offline_append(&store, &plain, "1,10,,1,a;1,500,,1,a");
    second = offline_append(&store, &plain, "1,5,,1,a;2,20,,1,a");
    ck_assert_int_gt(second.arrival, first.arrival);
    scan.arrived = true;
    scan.seen_until = 500;
    scan.after = 0;
    offline_expect(offline_scan(&store, &scan), "1,10,;1,5,;1,500,;2,20,");
    scan.after = first.arrival;
    offline_expect(offline_scan(&store, &scan), "1,5,;2,20,");
    scan.seen_until = 499; /* 500 was in the future then */
    offline_expect(offline_scan(&store, &scan), "1,5,;1,500,;2,20,");
    scan.to = 19;
    offline_expect(offline_scan(&store, &scan), "1,5,");
    scan.to = LARDER_TIME_MAX;
    scan.after = second.arrival;
    scan.seen_until = 500;
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

/* Many old rows, few new ones: a store may take another way. */
START_TEST(few_new_rows_among_many_are_found_in_order)
{
    larder_scan scan = scan_plain();
    larder_appended before = {0};
    char words[64];

    open_plain(_i);
    for (int i = 0; i < 100; i++) {
        snprintf(words, sizeof words, "%d,1,,1,a;%d,2,,1,a", i, i);
        before = offline_append(&store, &plain, words);
    }
    offline_append(&store, &plain, "7,9,1,1,b;3,4,,1,b;7,9,2,1,b");
    scan.arrived = true;
    scan.after = before.arrival;
    scan.seen_until = 100;
    offline_expect(
        offline_scan(&store, &scan), "3,4,,1.0,b;7,9,1,1.0,b;7,9,2,1.0,b");
    scan.seen_until = 1;
    scan.from = 4;
    offline_expect(
        offline_scan(&store, &scan), "3,4,,1.0,b;7,9,1,1.0,b;7,9,2,1.0,b");
}
END_TEST

/* One row a batch: key 500, then 501, and so on. */
static larder_status
drops_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    int64_t *n_left = self->state;
    char words[32];

    (void)err;
    if (*n_left == 0)
        return LARDER_OK;
    snprintf(words, sizeof words, "%lld,3,,1,c", (long long)(500 + --*n_left));
    *out = offline_batch(self->schema, words);
    return LARDER_OK;
}

START_TEST(what_arrived_in_many_small_batches_is_found)
{
    int64_t n_left = 12;
    larder_stream rows = {
        .schema = &plain_schema, .next = drops_next, .state = &n_left};
    larder_scan scan = scan_of(&plain, NULL, 0);
    larder_appended before = {0}, appended;
    char words[64];

    open_plain(_i);
    for (int i = 0; i < 150; i++) {
        snprintf(words, sizeof words, "%d,1,,1,a;%d,2,,1,a", i, i);
        before = offline_append(&store, &plain, words);
    }
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &plain, &rows,
                         &appended, NULL),
        LARDER_OK);
    ck_assert_uint_eq(appended.added, 12);
    scan.arrived = true;
    scan.after = before.arrival;
    scan.seen_until = 100;
    offline_expect(offline_scan(&store, &scan),
        "500,3,;501,3,;502,3,;503,3,;504,3,;505,3,;506,3,;507,3,;508,3,;"
        "509,3,;510,3,;511,3,");
}
END_TEST

/* Rows of few keys, times and created times, so that many are tied. */
static void
append_random(const larder_table *table, size_t n_rows, uint64_t *state)
{
    larder_batch batch = {0};
    larder_stream rows = {0};
    larder_appended appended = {0};
    larder_error err = {0};
    larder_status rc;

    ck_assert_int_eq(larder_batch_init(&batch, table->schema, NULL), LARDER_OK);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t i = 0; i < table->schema->n_fields; i++) {
            larder_column *column = &batch.columns[i];
            int64_t number = (int64_t)support_below(state, 12) - 4;
            const char *name = table->schema->fields[i].name;
            static const char *const texts[] = {
                "", "a", "aa", "ab", "b", "\xc3\xa9"};
            const char *text = texts[support_below(state, N_OF(texts))];

            if (table->created != NULL && strcmp(name, table->created) == 0 &&
                support_below(state, 4) == 0)
                rc = larder_column_append_null(column, NULL);
            else if (column->type == LARDER_STRING)
                rc = larder_column_append_text(
                    column, (larder_bytes){text, strlen(text)}, NULL);
            else if (column->type == LARDER_FLOAT64)
                rc = larder_column_append_real(column, (double)number, NULL);
            else
                rc = larder_column_append_integer(column, number, NULL);
            ck_assert(rc == LARDER_OK);
        }
    }
    batch.n_rows = n_rows;
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    rc = store.ops->append(
        store.self, &store.call, table, &rows, &appended, &err);
    ck_assert_msg(rc == LARDER_OK, "append: %s", err.message);
    larder_stream_close(&rows);
}

/* All rows of a scan in one batch; `schema` must outlive it. */
static larder_batch
collect(unsigned reader, const larder_scan *scan, larder_schema *schema,
    larder_field fields[16], larder_order *kept)
{
    larder_stream rows = {0};
    larder_batch all = {0}, batch = {0};
    larder_error err = {0};
    larder_status rc = store.ops->scan(
        store.self, reader, &store.call, scan, &rows, kept, &err);

    ck_assert_msg(rc == LARDER_OK, "scan: %s", err.message);
    ck_assert_uint_le(rows.schema->n_fields, 16);
    for (size_t i = 0; i < rows.schema->n_fields; i++)
        fields[i] = (larder_field){"c", rows.schema->fields[i].type};
    *schema = (larder_schema){fields, rows.schema->n_fields};
    ck_assert_int_eq(larder_batch_init(&all, schema, NULL), LARDER_OK);
    for (;;) {
        ck_assert_int_eq(larder_stream_next(&rows, &batch, &err), LARDER_OK);
        if (batch.n_rows == 0)
            break;
        ck_assert_int_eq(
            ldr_batch_copy(&all, &batch, 0, batch.n_rows, NULL), LARDER_OK);
        larder_batch_release(&batch);
    }
    larder_stream_close(&rows);
    return all;
}

/* Key ascending, then event and created descending, nulls last. */
static int
row_order(const larder_batch *batch, size_t n_key, size_t a, size_t b)
{
    for (size_t i = 0; i < n_key + 2; i++) {
        larder_value x = larder_column_value(&batch->columns[i], a);
        larder_value y = larder_column_value(&batch->columns[i], b);
        int order = ldr_value_order(&x, &y);

        if (order != 0)
            return i < n_key ? order : -order;
    }
    return 0;
}

START_TEST(a_store_that_says_newest_first_means_it)
{
    static const larder_table *const tables[] = {&plain, &pair};
    static const char *const turned[] = {"b", "a"};
    uint64_t state = 11;

    open_plain(_i);
    offline_create(&store, &pair);
    for (size_t t = 0; t < 3; t++) {
        const larder_table *table = tables[t > 0];
        larder_scan scan = scan_of(table, NULL, 0);
        larder_field fields[16];
        larder_schema schema;
        larder_order kept = LARDER_ORDER_ANY;
        larder_batch all;

        if (t == 2)
            scan.key = turned; /* not the order the table lies in */
        else
            append_random(table, 3000, &state);
        scan.order = LARDER_ORDER_NEWEST_FIRST;
        ck_assert_int_eq(
            store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
        all = collect(0, &scan, &schema, fields, &kept);
        ck_assert_uint_gt(all.n_rows, 100);
        for (size_t row = 1;
             row < all.n_rows && kept == LARDER_ORDER_NEWEST_FIRST; row++)
            ck_assert_int_le(row_order(&all, scan.n_key, row - 1, row), 0);
        larder_batch_release(&all);
        store.ops->end(store.self);
    }
}
END_TEST

START_TEST(parts_are_disjoint_ascending_and_together_everything)
{
    static const larder_table *const tables[] = {&plain, &pair};
    uint64_t state = 13;

    open_plain(_i);
    offline_create(&store, &pair);
    for (size_t t = 0; t < 2; t++) {
        larder_scan scan = scan_of(tables[t], NULL, 0);

        append_random(tables[t], 2000, &state);
        scan.order = LARDER_ORDER_NEWEST_FIRST;
        for (unsigned n = 1; n <= 5; n++) {
            larder_field fields[16];
            larder_schema schema;
            larder_order kept;
            larder_batch whole, split = {0};

            ck_assert_int_eq(
                store.ops->begin(store.self, &store.call, n, NULL), LARDER_OK);
            scan.n_parts = 0;
            scan.part = 0;
            whole = collect(0, &scan, &schema, fields, &kept);
            ck_assert_int_eq(
                larder_batch_init(&split, &schema, NULL), LARDER_OK);
            scan.n_parts = n;
            for (unsigned i = 0; i < n; i++) {
                larder_batch part;

                scan.part = i;
                part = collect(i, &scan, &schema, fields, &kept);
                ck_assert_int_eq(
                    ldr_batch_copy(&split, &part, 0, part.n_rows, NULL),
                    LARDER_OK);
                larder_batch_release(&part);
            }
            ck_assert_uint_eq(split.n_rows, whole.n_rows);
            for (size_t row = 0; row < whole.n_rows; row++)
                ck_assert(rows_same(&whole, row, &split, row));
            larder_batch_release(&whole);
            larder_batch_release(&split);
            store.ops->end(store.self);
        }
    }
}
END_TEST

START_TEST(rows_without_a_key_are_in_the_first_part)
{
    static const char *const by_s[] = {"s"};
    static const char *const *const indexes[] = {by_s};
    static const size_t n_columns[] = {1};
    larder_scan scan = scan_of(&plain, NULL, 0);

    open_store(_i);
    ck_assert_int_eq(store.ops->create(store.self, &store.call, &plain, indexes,
                         n_columns, 1, NULL),
        LARDER_OK);
    offline_append(
        &store, &plain, "1,10,,1,a;1,20,,1,;2,30,5,1,;2,40,,1,y;3,50,,1,z");
    scan.key = by_s;
    scan.n_parts = 2;
    for (int way = 0; way < 2; way++) {
        char *first, *second, all[256];

        scan.order = way == 0 ? LARDER_ORDER_ANY : LARDER_ORDER_NEWEST_FIRST;
        scan.part = 0;
        first = offline_scan(&store, &scan);
        ck_assert_ptr_nonnull(strstr(first, ",20,;,30,5"));
        scan.part = 1;
        second = offline_scan(&store, &scan);
        snprintf(all, sizeof all, "%s%s%s", first, *second == '\0' ? "" : ";",
            second);
        ck_assert_str_eq(all, ",20,;,30,5;a,10,;y,40,;z,50,");
        free(first);
        free(second);
    }
}
END_TEST

START_TEST(a_table_without_keys_is_one_part)
{
    larder_table table = plain;
    larder_scan scan;

    table.name = "world";
    table.key = NULL;
    table.n_key = 0;
    open_store(_i);
    offline_create(&store, &table);
    offline_append(&store, &table, "1,10,,1,a;2,20,,2,b");
    scan = scan_of(&table, plain_fields, 1);
    offline_expect(offline_scan(&store, &scan), "10,,1;20,,2");
    scan.n_parts = 2;
    offline_expect(offline_scan(&store, &scan), "10,,1;20,,2");
    scan.part = 1;
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

START_TEST(a_scan_stops_when_asked)
{
    int cancel = 0;
    larder_call call = {.now = 1, .cancel = &cancel};
    larder_scan scan = scan_plain();
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_order kept;

    open_plain(_i);
    offline_append(&store, &plain, "1,10,,1,a");
    ck_assert_int_eq(store.ops->begin(store.self, &call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->scan(store.self, 0, &call, &scan, &rows, &kept, NULL),
        LARDER_OK);
    cancel = 1;
    ck_assert_int_eq(
        larder_stream_next(&rows, &batch, NULL), LARDER_INTERRUPTED);
    larder_stream_close(&rows);
    store.ops->end(store.self);
}
END_TEST

/* --------------------------------------------------------------- snapshots */

START_TEST(a_snapshot_does_not_see_what_comes_later)
{
    larder_scan scan = scan_of(&plain, NULL, 0);
    larder_stream rows = {0};
    larder_order kept;
    larder_status rc;

    open_plain(_i);
    if (store.single)
        return;
    offline_append(&store, &plain, "1,10,,1,a");
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 2, NULL), LARDER_OK);
    offline_append(&store, &plain, "1,20,,1,a");
    for (unsigned reader = 0; reader < 2; reader++) {
        ck_assert_int_eq(store.ops->scan(store.self, reader, &store.call, &scan,
                             &rows, &kept, NULL),
            LARDER_OK);
        offline_expect(offline_words(&rows, true), "1,10,");
    }
    rc = store.ops->remove(store.self, &store.call, &plain, NULL);
    ck_assert(rc == LARDER_OK || rc == LARDER_BUSY);
    ck_assert_int_eq(
        store.ops->scan(store.self, 0, &store.call, &scan, &rows, &kept, NULL),
        LARDER_OK);
    offline_expect(offline_words(&rows, true), "1,10,");
    store.ops->end(store.self);
    if (rc == LARDER_BUSY)
        ck_assert_int_eq(
            store.ops->remove(store.self, &store.call, &plain, NULL),
            LARDER_OK);
    offline_create(&store, &plain);
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

START_TEST(one_snapshot_is_open_at_a_time)
{
    open_plain(_i);
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_BUSY);
    store.ops->end(store.self);
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 3, NULL), LARDER_OK);
    store.ops->end(store.self);
}
END_TEST

/* --------------------------------------------- as-of join, newest of a key */

static bool
same_key(const larder_batch *a, size_t row_a, const larder_batch *b,
    size_t row_b, size_t n_key)
{
    for (size_t i = 0; i < n_key; i++) {
        larder_value x = larder_column_value(&a->columns[i], row_a);
        larder_value y = larder_column_value(&b->columns[i], row_b);

        if (x.null || y.null || !ldr_value_same(&x, &y))
            return false;
    }
    return true;
}

/* Is row a of history newer than b? Both have the same key. */
static int
newer(const larder_batch *history, size_t n_key, size_t a, size_t b)
{
    return -row_order(history, n_key, a, b);
}

/* May this row answer at t? */
static bool
answers(const larder_asof *asof, const larder_batch *history, size_t row,
    larder_time t)
{
    size_t event = asof->scan.n_key;
    larder_time at = ldr_column_integer(&history->columns[event], row);
    larder_value created =
        larder_column_value(&history->columns[event + 1], row);

    if (at > t || (asof->has_ttl && at < t - asof->ttl_us))
        return false;
    return !asof->as_known || (!created.null && created.as.integer <= t);
}

/* What the join must give for one spine row: how many rows, and one of them. */
static size_t
search(const larder_asof *asof, const larder_batch *history, size_t spine_row,
    size_t *best)
{
    size_t n_key = asof->scan.n_key, n_tied = 0;
    larder_time t = ldr_column_integer(&asof->spine->columns[n_key], spine_row);

    for (size_t row = 0; row < history->n_rows; row++) {
        int order;

        if (!same_key(history, row, asof->spine, spine_row, n_key) ||
            !answers(asof, history, row, t))
            continue;
        order = n_tied == 0 ? 1 : newer(history, n_key, row, *best);
        if (order > 0) {
            *best = row;
            n_tied = 1;
        } else if (order == 0) {
            n_tied++;
        }
    }
    return n_tied;
}

static void
compare_asof(const larder_asof *asof, const larder_batch *history)
{
    size_t n_key = asof->scan.n_key;
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    size_t *n_found = calloc(asof->spine->n_rows + 1, sizeof *n_found);
    larder_status rc =
        store.ops->asof_join(store.self, 0, &store.call, asof, &rows, &err);
    int64_t last = 0;

    ck_assert_msg(rc == LARDER_OK, "asof: %s", err.message);
    ck_assert_ptr_nonnull(n_found);
    for (;;) {
        ck_assert_int_eq(larder_stream_next(&rows, &batch, &err), LARDER_OK);
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++) {
            int64_t spine = ldr_column_integer(&batch.columns[0], row);
            size_t best = 0;

            ck_assert_int_ge(spine, last);
            last = spine;
            n_found[spine]++;
            ck_assert_uint_gt(search(asof, history, (size_t)spine, &best), 0);
            for (size_t i = 0; i < 2; i++) {
                larder_value x =
                    larder_column_value(&history->columns[n_key + i], best);
                larder_value y =
                    larder_column_value(&batch.columns[1 + i], row);

                ck_assert(ldr_value_same(&x, &y));
            }
        }
        larder_batch_release(&batch);
    }
    larder_stream_close(&rows);
    for (size_t row = 0; row < asof->spine->n_rows; row++) {
        size_t best = 0;

        ck_assert_uint_eq(n_found[row], search(asof, history, row, &best));
    }
    free(n_found);
}

/* Sorted by key, then time; some parts null. */
static larder_batch
random_spine(const larder_table *table, larder_schema *schema,
    larder_field fields[16], uint64_t *state)
{
    larder_batch spine = {0}, sorted = {0};
    size_t rows[300], n = table->n_key + 1;

    for (size_t i = 0; i < table->n_key; i++)
        for (size_t k = 0; k < table->schema->n_fields; k++)
            if (strcmp(table->schema->fields[k].name, table->key[i]) == 0)
                fields[i] = table->schema->fields[k];
    fields[n - 1] = (larder_field){"t", LARDER_TIMESTAMP};
    *schema = (larder_schema){fields, n};
    ck_assert_int_eq(larder_batch_init(&spine, schema, NULL), LARDER_OK);
    ck_assert_int_eq(larder_batch_init(&sorted, schema, NULL), LARDER_OK);
    for (size_t row = 0; row < N_OF(rows); row++) {
        size_t at = row;

        for (size_t i = 0; i < n; i++) {
            larder_column *column = &spine.columns[i];
            static const char *const texts[] = {"", "a", "ab", "b", "c"};
            const char *text = texts[support_below(state, N_OF(texts))];
            larder_status rc;

            if (i + 1 < n && support_below(state, 20) == 0)
                rc = larder_column_append_null(column, NULL);
            else if (column->type == LARDER_STRING)
                rc = larder_column_append_text(
                    column, (larder_bytes){text, strlen(text)}, NULL);
            else
                rc = larder_column_append_integer(
                    column, (int64_t)support_below(state, 16) - 6, NULL);
            ck_assert_int_eq(rc, LARDER_OK);
        }
        spine.n_rows++;
        /* Insertion keeps it short. */
        for (; at > 0; at--) {
            bool less = false;

            for (size_t i = 0; i < n; i++) {
                larder_value x = larder_column_value(&spine.columns[i], row);
                larder_value y =
                    larder_column_value(&spine.columns[i], rows[at - 1]);
                int order = ldr_value_order(&x, &y);

                less = order < 0;
                if (order != 0)
                    break;
            }
            if (!less)
                break;
            rows[at] = rows[at - 1];
        }
        rows[at] = row;
    }
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(ldr_column_gather(&sorted.columns[i],
                             &spine.columns[i], rows, N_OF(rows), NULL),
            LARDER_OK);
    ldr_batch_finish(&sorted);
    larder_batch_release(&spine);
    return sorted;
}

START_TEST(an_asof_join_finds_what_a_search_finds)
{
    static const larder_table *const tables[] = {&plain, &pair};
    uint64_t state = 17;

    open_plain(_i);
    if (store.ops->asof_join == NULL)
        return;
    offline_create(&store, &pair);
    for (size_t t = 0; t < 2; t++) {
        larder_field fields[16], spine_fields[16];
        larder_schema schema, spine_schema;
        larder_asof asof = {.scan = scan_of(tables[t], NULL, 0)};
        larder_order kept;
        larder_batch history, spine;

        append_random(tables[t], 700, &state);
        ck_assert_int_eq(
            store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
        history = collect(0, &asof.scan, &schema, fields, &kept);
        for (int way = 0; way < 8; way++) {
            spine =
                random_spine(tables[t], &spine_schema, spine_fields, &state);
            asof.spine = &spine;
            asof.has_ttl = (way & 1) != 0;
            asof.ttl_us = way / 2;
            asof.as_known = (way & 4) != 0;
            compare_asof(&asof, &history);
            larder_batch_release(&spine);
        }
        larder_batch_release(&history);
        store.ops->end(store.self);
    }
}
END_TEST

START_TEST(an_asof_join_keeps_to_the_microsecond)
{
    static const larder_field spine_fields[] = {
        {"k", LARDER_INT64}, {"t", LARDER_TIMESTAMP}};
    static const larder_schema spine_schema = {spine_fields, 2};
    larder_batch spine =
        offline_batch(&spine_schema, "1,99;1,100;1,110;1,111;2,50");
    larder_asof asof = {
        .scan = scan_plain(), .spine = &spine, .has_ttl = true, .ttl_us = 10};
    larder_stream rows = {0};

    open_plain(_i);
    offline_append(&store, &plain, "1,100,,1,a;1,100,,1,b;2,51,,1,c");
    if (store.ops->asof_join != NULL) {
        ck_assert_int_eq(
            store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
        ck_assert_int_eq(store.ops->asof_join(
                             store.self, 0, &store.call, &asof, &rows, NULL),
            LARDER_OK);
        offline_expect(offline_words(&rows, true),
            "1,100,,1.0,a;1,100,,1.0,b;2,100,,1.0,a;2,100,,1.0,b");
        store.ops->end(store.self);
    }
    larder_batch_release(&spine);
}
END_TEST

START_TEST(an_asof_join_of_a_table_without_created_times_knows_nothing)
{
    static const larder_field spine_fields[] = {
        {"k", LARDER_INT64}, {"t", LARDER_TIMESTAMP}};
    static const larder_schema spine_schema = {spine_fields, 2};
    larder_batch spine = offline_batch(&spine_schema, "1,200");
    larder_table table = plain;
    larder_asof asof = {.spine = &spine};
    larder_stream rows = {0};

    table.created = NULL;
    asof.scan = scan_of(&table, NULL, 0);
    open_store(_i);
    offline_create(&store, &table);
    offline_append(&store, &table, "1,100,3,1,a");
    for (int way = 0; way < 2 && store.ops->asof_join != NULL; way++) {
        asof.as_known = way == 1;
        ck_assert_int_eq(
            store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
        ck_assert_int_eq(store.ops->asof_join(
                             store.self, 0, &store.call, &asof, &rows, NULL),
            LARDER_OK);
        offline_expect(offline_words(&rows, true), way == 0 ? "0,100," : "");
        store.ops->end(store.self);
    }
    larder_batch_release(&spine);
}
END_TEST

/* The rows of a batch in order that are the newest of their key. */
static size_t
count_newest(const larder_batch *all, size_t n_key, bool *is_newest)
{
    size_t n = 0;

    for (size_t row = 0; row < all->n_rows; row++) {
        is_newest[row] = true;
        for (size_t other = 0; other < all->n_rows; other++)
            if (same_key(all, row, all, other, n_key) &&
                newer(all, n_key, other, row) > 0)
                is_newest[row] = false;
        n += is_newest[row];
    }
    return n;
}

static void
compare_latest(const larder_scan *scan)
{
    larder_field fields[16];
    larder_schema schema;
    larder_order kept;
    larder_batch all = collect(0, scan, &schema, fields, &kept), batch = {0};
    bool *is_newest = calloc(all.n_rows + 1, sizeof *is_newest);
    larder_stream rows = {0};
    larder_error err = {0};
    size_t n_found = 0;
    larder_status rc =
        store.ops->latest(store.self, 0, &store.call, scan, &rows, &err);

    ck_assert_msg(rc == LARDER_OK, "latest: %s", err.message);
    ck_assert_ptr_nonnull(is_newest);
    for (;;) {
        ck_assert_int_eq(larder_stream_next(&rows, &batch, &err), LARDER_OK);
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++) {
            size_t at = 0;

            if (row > 0)
                ck_assert_int_le(
                    row_order(&batch, scan->n_key, row - 1, row), 0);
            while (at < all.n_rows && !rows_same(&all, at, &batch, row))
                at++;
            ck_assert_uint_lt(at, all.n_rows);
            n_found++;
        }
        larder_batch_release(&batch);
    }
    larder_stream_close(&rows);
    ck_assert_uint_eq(n_found, count_newest(&all, scan->n_key, is_newest));
    free(is_newest);
    larder_batch_release(&all);
}

START_TEST(the_newest_rows_are_those_that_a_search_finds)
{
    static const larder_table *const tables[] = {&plain, &pair};
    uint64_t state = 19;

    open_plain(_i);
    if (store.ops->latest == NULL)
        return;
    offline_create(&store, &pair);
    for (size_t t = 0; t < 2; t++) {
        static const char *const turned[] = {"b", "a"};
        larder_scan scan = scan_of(tables[t], tables[t]->schema->fields + 4, 1);
        larder_described before;

        append_random(tables[t], 600, &state);
        before = describe(tables[t]);
        append_random(tables[t], 20, &state);
        for (int way = 0; way < 32; way++) {
            scan.arrived = (way & 1) != 0;
            scan.after = before.arrival;
            scan.seen_until = (way & 2) != 0 ? 100 : 5;
            scan.from = (way & 4) != 0 ? 0 : LARDER_TIME_MIN;
            scan.to = (way & 8) != 0 ? 4 : LARDER_TIME_MAX;
            scan.key = t == 1 && (way & 16) != 0 ? turned : tables[t]->key;
            ck_assert_int_eq(
                store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
            compare_latest(&scan);
            store.ops->end(store.self);
        }
        larder_described_release(&before);
    }
}
END_TEST

START_TEST(many_rows_without_a_key_hide_no_others)
{
    static const char *const by_s[] = {"s"};
    static const char *const *const indexes[] = {by_s};
    static const size_t n_columns[] = {1};
    larder_scan scan = scan_of(&plain, NULL, 0);
    larder_stream rows = {0};
    char *words;

    open_store(_i);
    if (store.ops->latest == NULL)
        return;
    ck_assert_int_eq(store.ops->create(store.self, &store.call, &plain, indexes,
                         n_columns, 1, NULL),
        LARDER_OK);
    for (int i = 0; i < 60; i++) {
        char row[64];

        snprintf(row, sizeof row, "1,%d,,1,;1,%d,,1,a", i, i);
        offline_append(&store, &plain, row);
    }
    scan.key = by_s;
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->latest(store.self, 0, &store.call, &scan, &rows, NULL),
        LARDER_OK);
    words = offline_words(&rows, true);
    store.ops->end(store.self);
    ck_assert_ptr_nonnull(strstr(words, "a,59,"));
    free(words);
}
END_TEST

/* ------------------------------------------------------------------- files */

START_TEST(opening_creates_nothing)
{
    larder_error err = {0};

    if (!open_in_file(_i))
        return;
    offline_close(&store);
    support_remove(folder);
    ck_assert_int_eq(
        offline_open(&store, offline_type((size_t)_i), folder, false, &err),
        LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "history.db"));
    ck_assert_ptr_nonnull(strstr(err.hint, "larder apply"));
    ck_assert_int_ne(access(folder, F_OK), 0);
    open_plain(_i); /* makes the folders, too */
}
END_TEST

START_TEST(rows_outlive_the_store)
{
    larder_scan scan = scan_plain();

    if (!open_lasting(_i))
        return;
    offline_append(&store, &plain, "1,10,,1,a");
    offline_close(&store);
    store = offline_must_open(offline_type((size_t)_i), folder, false);
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,a");
    offline_append(&store, &plain, "1,20,,1,a");
    offline_close(&store);
    open_plain(_i);
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,a;1,20,,1.0,a");
}
END_TEST

START_TEST(an_unknown_option_is_refused)
{
    larder_error err = {0};

    open_plain(_i);
    offline_close(&store);
    ck_assert_int_eq(
        offline_open_with(&store, offline_type((size_t)_i), "pathh", "x", &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "pathh"));
}
END_TEST

/* In a child: append n rows of its own one by one, and one that both have. */
static void
append_as(int i, int who, int n)
{
    offline own = offline_must_open(offline_type((size_t)i), folder, false);
    char words[64];

    for (int row = 0; row < n; row++) {
        snprintf(words, sizeof words, "%d,%d,,1,a;7,%d,,1,both", who, row, row);
        offline_append(&own, &plain, words);
    }
    offline_close(&own);
}

START_TEST(two_processes_append_at_once)
{
    larder_described described;
    pid_t children[2];

    if (!open_lasting(_i))
        return;
    offline_close(&store);
    for (int who = 0; who < 2; who++) {
        children[who] = fork();
        ck_assert_int_ge(children[who], 0);
        if (children[who] == 0) {
            append_as(_i, who, 40);
            _exit(0);
        }
    }
    for (int who = 0; who < 2; who++) {
        int status = 0;

        ck_assert_int_eq(waitpid(children[who], &status, 0), children[who]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    store = offline_must_open(offline_type((size_t)_i), folder, false);
    described = describe(&plain);
    ck_assert_uint_eq(described.n_rows, 2 * 40 + 40);
    larder_described_release(&described);
}
END_TEST

/* A stream that gives rows, says so on a pipe, and never ends. */
typedef struct endless {
    int say;
    int wait; /* its end is the parent's */
    int64_t n_batches;
} endless;

static larder_status
endless_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    endless *state = self->state;
    larder_batch batch = {0};

    (void)err;
    if (state->n_batches == 10) {
        char byte;

        if (write(state->say, "x", 1) == 1)
            (void)!read(state->wait, &byte, 1);
        _exit(3);
    }
    ck_assert_int_eq(larder_batch_init(&batch, self->schema, NULL), LARDER_OK);
    for (int64_t i = 0; i < 8192; i++) {
        ck_assert(
            larder_column_append_integer(&batch.columns[0], i, NULL) ==
                LARDER_OK &&
            larder_column_append_integer(
                &batch.columns[1], state->n_batches, NULL) == LARDER_OK &&
            larder_column_append_null(&batch.columns[2], NULL) == LARDER_OK &&
            larder_column_append_null(&batch.columns[3], NULL) == LARDER_OK &&
            larder_column_append_null(&batch.columns[4], NULL) == LARDER_OK);
        batch.n_rows++;
    }
    state->n_batches++;
    *out = batch;
    return LARDER_OK;
}

/* A child that is in the middle of an append; it waits to be killed. */
typedef struct victim {
    pid_t pid;
    int hold; /* closed with this process, however that ends */
} victim;

static victim
start_endless(int i)
{
    int said[2], held[2];
    char byte;
    victim child;

    ck_assert_int_eq(pipe(said), 0);
    ck_assert_int_eq(pipe(held), 0);
    child = (victim){.pid = fork(), .hold = held[1]};
    ck_assert_int_ge(child.pid, 0);
    if (child.pid == 0) {
        offline own = offline_must_open(offline_type((size_t)i), folder, false);
        endless state = {.say = said[1], .wait = held[0]};
        larder_stream rows = {
            .schema = &plain_schema, .next = endless_next, .state = &state};
        larder_appended appended;

        close(held[1]);
        (void)own.ops->append(
            own.self, &own.call, &plain, &rows, &appended, NULL);
        _exit(4);
    }
    close(said[1]);
    close(held[0]);
    ck_assert_int_eq(read(said[0], &byte, 1), 1);
    close(said[0]);
    return child;
}

static void
kill_endless(victim child)
{
    ck_assert_int_eq(kill(child.pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child.pid, NULL, 0), child.pid);
    close(child.hold);
}

START_TEST(an_append_killed_midway_leaves_nothing)
{
    larder_scan scan = scan_plain();
    victim child;

    if (!open_lasting(_i))
        return;
    offline_append(&store, &plain, "1,10,,1,a");
    offline_close(&store);
    child = start_endless(_i);
    /* Whoever reads meanwhile is not in the way, nor sees anything. */
    store = offline_must_open(offline_type((size_t)_i), folder, false);
    if (!store.single)
        offline_expect(offline_scan(&store, &scan), "1,10,,1.0,a");
    kill_endless(child);
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,a");
    offline_append(&store, &plain, "1,20,,1,a");
    offline_expect(offline_scan(&store, &scan), "1,10,,1.0,a;1,20,,1.0,a");
}
END_TEST

static int64_t
ticking(void)
{
    static _Thread_local int64_t now;

    return now += 1000;
}

START_TEST(who_waits_too_long_is_told_for_whom)
{
    larder_stream rows = offline_stream(&plain_schema, "1,1,,1,a");
    larder_call call = {.now = 1, .monotonic = ticking, .deadline = 20000};
    larder_appended appended;
    larder_error err = {0};
    char pid[32];
    victim child;

    if (!open_in_file(_i)) {
        larder_stream_close(&rows);
        return;
    }
    offline_close(&store);
    child = start_endless(_i);
    store = offline_must_open(offline_type((size_t)_i), folder, false);
    ck_assert_int_eq(
        store.ops->append(store.self, &call, &plain, &rows, &appended, &err),
        LARDER_BUSY);
    snprintf(pid, sizeof pid, "process %ld ", (long)child.pid);
    ck_assert_msg(strstr(err.message, pid) != NULL, "%s", err.message);
    kill_endless(child);
    larder_stream_close(&rows);
}
END_TEST

/* After all the others: what the servers were told. */
START_TEST(nothing_of_ours_outlives_its_transaction)
{
    static const char *const kinds[] = {"postgres", "pgbouncer"};

    for (size_t i = 0; i < N_OF(kinds); i++)
        if (servers_folder(kinds[i]) != NULL)
            servers_do(kinds[i], "session", NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("conformance_offline");
    TCase *tests = tcase_create("every store");
    int n = (int)offline_n_types();

    tcase_add_checked_fixture(tests, setup, teardown);
    offline_add(tests, rows_come_back_as_they_were_appended, n);
    offline_add(tests, times_of_a_row_are_values_too, n);
    offline_add(tests, equal_rows_are_stored_once, n);
    offline_add(tests, an_append_that_adds_nothing_has_no_mark, n);
    offline_add(tests, an_append_whose_stream_fails_adds_nothing, n);
    offline_add(tests, a_caller_who_stops_an_append_leaves_nothing, n);
    offline_add(tests, many_rows_in_any_order_are_all_there, n);
    offline_add(tests, every_value_of_every_type_comes_back, n);
    offline_add(tests, describe_gives_back_names_and_types, n);
    offline_add(tests, a_wider_table_reads_null_where_a_row_is_older, n);
    offline_add(tests, a_column_is_not_retyped_and_a_table_not_reordered, n);
    offline_add(tests, a_removed_table_is_gone_and_marks_go_on, n);
    offline_add(tests, a_table_that_is_not_there_is_not_found, n);
    offline_add(tests, both_ends_of_a_range_are_included, n);
    offline_add(tests, what_arrived_since_a_mark_is_found, n);
    offline_add(tests, few_new_rows_among_many_are_found_in_order, n);
    offline_add(tests, what_arrived_in_many_small_batches_is_found, n);
    offline_add(tests, a_store_that_says_newest_first_means_it, n);
    offline_add(tests, parts_are_disjoint_ascending_and_together_everything, n);
    offline_add(tests, rows_without_a_key_are_in_the_first_part, n);
    offline_add(tests, a_table_without_keys_is_one_part, n);
    offline_add(tests, a_scan_stops_when_asked, n);
    offline_add(tests, a_snapshot_does_not_see_what_comes_later, n);
    offline_add(tests, one_snapshot_is_open_at_a_time, n);
    offline_add(tests, an_asof_join_finds_what_a_search_finds, n);
    offline_add(tests, an_asof_join_keeps_to_the_microsecond, n);
    offline_add(
        tests, an_asof_join_of_a_table_without_created_times_knows_nothing, n);
    offline_add(tests, the_newest_rows_are_those_that_a_search_finds, n);
    offline_add(tests, many_rows_without_a_key_hide_no_others, n);
    offline_add(tests, opening_creates_nothing, n);
    offline_add(tests, rows_outlive_the_store, n);
    offline_add(tests, an_unknown_option_is_refused, n);
    offline_add(tests, two_processes_append_at_once, n);
    offline_add(tests, an_append_killed_midway_leaves_nothing, n);
    offline_add(tests, who_waits_too_long_is_told_for_whom, n);
    tcase_add_test(tests, nothing_of_ours_outlives_its_transaction);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
