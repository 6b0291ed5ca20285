/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_user_tables.c - history that Larder did not write: tables, views and
 * queries of a SQLite file, joined and materialized where they are.
 */
#include <check.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shop.h"
#include "tests/support.h"

#define ENTITY "entities:\n  - {name: e, join_key: id, type: int64}\n"
#define VIEW                                                                   \
    "feature_views:\n  - {name: v, entities: [e], source: h,\n"                \
    "     features: [{name: a, type: int64}]}\n"

static const char spine[] = "id,event_timestamp\n"
                            "1,2024-05-02T00:00:00Z\n"
                            "1,2024-05-01T23:59:59.999999Z\n"
                            "1,2024-05-03T12:00:00Z\n"
                            "2,2024-05-03T12:00:00Z\n"
                            "3,2024-05-03T12:00:00Z\n";
static const char answer[] = "id,event_timestamp,a\n"
                             "1,2024-05-02T00:00:00Z,11\n"
                             "1,2024-05-01T23:59:59.999999Z,10\n"
                             "1,2024-05-03T12:00:00Z,11\n"
                             "2,2024-05-03T12:00:00Z,20\n"
                             "3,2024-05-03T12:00:00Z,\n";

static shop s;

/* SQL of the owner of the file. */
static void
run_sql(const char *sql)
{
    char path[512], *message = NULL;
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/offline.db", s.folder);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK,
        "%s", message);
    sqlite3_close(db);
}

static void
open_with(const char *sql)
{
    shop_open(&s, "sqlite", "memory");
    run_sql(sql);
}

static void
apply(const char *yaml)
{
    ck_assert_msg(shop_apply(&s, yaml) == LARDER_OK, "%s (%s)", s.err.message,
        s.err.hint);
}

static void
expect(const char *expected)
{
    char *text = shop_join(&s, spine, "v:a", false);

    ck_assert_str_eq(text, expected);
    free(text);
}

static void
refuse(const char *yaml, larder_status expected, const char *words)
{
    s.err = (larder_error){0};
    ck_assert_int_eq(shop_apply(&s, yaml), expected);
    ck_assert_msg(
        strstr(s.err.message, words) != NULL, "found '%s'", s.err.message);
}

/* -------------------------------------------------------------------- times */

typedef struct spelling {
    const char *sql, *source;
} spelling;

/* Two rows of key 1, one of key 2, at 2024-05-01, 2 and 3. */
static const spelling spellings[] = {
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
     "INSERT INTO h VALUES (1, 10, '2024-05-01T00:00:00Z'),"
     "(1, 11, '2024-05-02T02:00:00+02:00'),"
     "(2, 20, '2024-05-03 00:00:00.000Z')",
        "  - {name: h, table: h, timestamp_field: ts}\n"},
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
     "INSERT INTO h VALUES (1, 10, '2024-05-01'),"
     "(1, 11, '2024-05-02 00:00:00'), (2, 20, '2024-05-03T00:00:00')",
        "  - {name: h, table: h, timestamp_field: ts, timezone: UTC}\n"},
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
     "INSERT INTO h VALUES (1, 10, '2024-05-01 05:00:00'),"
     "(1, 11, '2024-05-02 05:00:00'), (2, 20, '2024-05-03 05:00:00')",
        "  - {name: h, table: h, timestamp_field: ts, timezone: \"+05:00\"}\n"},
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts INTEGER);"
     "INSERT INTO h VALUES (1, 10, 1714521600000000),"
     "(1, 11, 1714608000000000), (2, 20, 1714694400000000)",
        "  - {name: h, table: h, timestamp_field: ts}\n"},
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts INTEGER);"
     "INSERT INTO h VALUES (1, 10, 1714521600), (1, 11, 1714608000),"
     "(2, 20, 1714694400)",
        "  - {name: h, table: h, timestamp_field: ts, timestamp_unit: s}\n"},
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts INTEGER);"
     "INSERT INTO h VALUES (1, 10, 1714521600000),"
     "(1, 11, 1714608000000), (2, 20, 1714694400000)",
        "  - {name: h, table: h, timestamp_field: ts, timestamp_unit: ms}\n"},
    {"CREATE TABLE h (id INTEGER, a INTEGER, ts INTEGER);"
     "INSERT INTO h VALUES (1, 10, 1714521600000000000),"
     "(1, 11, 1714608000000000000), (2, 20, 1714694400000000000)",
        "  - {name: h, table: h, timestamp_field: ts, timestamp_unit: ns}\n"},
};

START_TEST(a_table_is_read_however_it_spells_its_times)
{
    char yaml[1024];

    snprintf(
        yaml, sizeof yaml, ENTITY "sources:\n%s" VIEW, spellings[_i].source);
    open_with(spellings[_i].sql);
    apply(yaml);
    expect(answer);
    /* An index on key and time makes seeks possible: the same answer. */
    run_sql("CREATE INDEX by_key ON h (id, ts)");
    expect(answer);
    shop_close(&s);
}
END_TEST

START_TEST(a_query_stands_for_a_table)
{
    open_with("CREATE TABLE raw (who INTEGER, amount INTEGER, at INTEGER,"
              " test INTEGER);"
              "INSERT INTO raw VALUES (1, 5, 1714521600, 0),"
              "(1, 5.5, 1714608000, 0), (1, 99, 1714608001, 1),"
              "(2, 10, 1714694400, 0)");
    apply(ENTITY
        "sources:\n"
        "  - {name: h, timestamp_field: ts, timestamp_unit: s, query: \"SELECT "
        "who AS id, CAST(amount * 2 AS INTEGER) AS a, at AS ts FROM raw WHERE "
        "NOT test\"}\n" VIEW);
    expect(answer);
    shop_close(&s);
}
END_TEST

START_TEST(a_view_of_the_database_is_read_as_a_table_is)
{
    open_with("CREATE TABLE raw (id INTEGER, a INTEGER, ts TEXT);"
              "INSERT INTO raw VALUES (1, 10, '2024-05-01T00:00:00Z'),"
              "(1, 11, '2024-05-02T00:00:00Z'),"
              "(2, 20, '2024-05-03T00:00:00Z');"
              "CREATE VIEW h AS SELECT * FROM raw");
    apply(ENTITY "sources:\n"
                 "  - {name: h, table: h, timestamp_field: ts}\n" VIEW);
    expect(answer);
    shop_close(&s);
}
END_TEST

START_TEST(rows_added_by_their_owner_are_seen_at_once)
{
    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT, cts TEXT);"
              "INSERT INTO h VALUES"
              "(1, 10, '2024-05-01T00:00:00Z', '2024-05-01T00:00:00Z'),"
              "(1, 1, '2024-05-02T00:00:00Z', '2024-05-02T00:00:00Z')");
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts,\n"
                 "     created_timestamp_column: cts}\n" VIEW);
    run_sql("INSERT INTO h VALUES"
            "(1, 11, '2024-05-02T00:00:00Z', '2024-05-02T01:00:00Z'),"
            "(1, 2, '2024-05-02T00:00:00Z', NULL),"
            "(2, 20, '2024-05-03T00:00:00Z', NULL),"
            "(NULL, 7, '2024-05-03T00:00:00Z', NULL)");
    expect(answer);
    shop_close(&s);
}
END_TEST

START_TEST(a_table_of_yours_is_materialized_as_any_other)
{
    char *found;

    open_with(spellings[4].sql);
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts,\n"
                 "     timestamp_unit: s}\n" VIEW);
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
    found = shop_get(&s, 1, "v:a");
    ck_assert_str_eq(found, "11 PRESENT 2024-05-02T00:00:00Z");
    free(found);
    shop_close(&s);
}
END_TEST

static void
materialize_and_expect(const char *expected)
{
    char *found;

    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
    found = shop_get(&s, 1, "v:a");
    ck_assert_str_eq(found, expected);
    free(found);
}

START_TEST(a_run_finds_what_was_written_since_the_last_one)
{
    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT, cts TEXT);"
              "INSERT INTO h VALUES"
              "(1, 10, '2024-05-01T00:00:00Z', '2024-05-01T00:00:00Z'),"
              "(2, 20, '2024-05-30T00:00:00Z', '2024-05-30T00:00:00Z')");
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts,\n"
                 "     created_timestamp_column: cts}\n" VIEW);
    materialize_and_expect("10 PRESENT 2024-05-01T00:00:00Z");
    /* Written now, of long ago; and by a clock that is a little behind. */
    run_sql("INSERT INTO h VALUES"
            "(1, 11, '2024-05-02T00:00:00Z', '2024-05-31T00:00:00Z')");
    s.call.now += SHOP_DAY;
    materialize_and_expect("11 PRESENT 2024-05-02T00:00:00Z");
    run_sql("INSERT INTO h VALUES"
            "(1, 12, '2024-05-03T00:00:00Z', '2024-05-30T23:30:00Z')");
    s.call.now += SHOP_DAY;
    materialize_and_expect("12 PRESENT 2024-05-03T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(without_created_times_a_run_looks_back_as_declared)
{
    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
              "INSERT INTO h VALUES (1, 10, '2024-05-01T00:00:00Z')");
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts}\n"
                 "feature_views:\n  - {name: v, entities: [e], source: h, "
                 "lookback: 7d,\n     features: [{name: a, type: int64}]}\n");
    materialize_and_expect("10 PRESENT 2024-05-01T00:00:00Z");
    run_sql("INSERT INTO h VALUES (1, 11, '2024-05-26T00:00:00Z')");
    s.call.now += SHOP_DAY;
    materialize_and_expect("11 PRESENT 2024-05-26T00:00:00Z");
    run_sql("INSERT INTO h VALUES (1, 12, '2024-06-01T12:00:00Z')");
    s.call.now += SHOP_DAY;
    materialize_and_expect("12 PRESENT 2024-06-01T12:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_bare_date_may_mean_the_end_of_its_day)
{
    const char late[] = "id,event_timestamp\n1,2024-05-01T23:59:59Z\n"
                        "1,2024-05-02T00:00:00Z\n";
    char *text;

    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
              "INSERT INTO h VALUES (1, 10, '2024-05-01')");
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts, "
                 "timezone: UTC, date_is: end_of_day}\n" VIEW);
    text = shop_join(&s, late, "v:a", false);
    ck_assert_str_eq(text, "id,event_timestamp,a\n1,2024-05-01T23:59:59Z,\n"
                           "1,2024-05-02T00:00:00Z,10\n");
    free(text);
    shop_close(&s);
}
END_TEST

START_TEST(a_table_of_yours_is_explained)
{
    larder_join_options options = {.spine_format = LARDER_CSV};
    char *found;

    open_with(spellings[4].sql);
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts,\n"
                 "     timestamp_unit: s}\n" VIEW);
    found = shop_explain(&s, &options, spine, 2, "v:a");
    ck_assert_str_eq(found, "2024-05-02T00:00:00Z - 11 future\n"
                            "2024-05-01T00:00:00Z - 10 winner\n");
    free(found);
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------ what is wrong */

START_TEST(a_table_of_yours_is_never_written)
{
    static const char source[] =
        ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts}\n" VIEW;
    larder_source_shape shape;

    open_with(spellings[0].sql);
    apply(source);
    ck_assert_int_eq(
        larder_source_columns(s.store, &s.call, "h", &shape, &s.err),
        LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "source 'h' reads a table of yours: Larder never writes there");
    ck_assert_str_eq(
        s.err.hint, "give the source a 'schema:' and Larder owns its table");
    ck_assert_int_eq(larder_teardown(s.store, &s.call, &s.err), LARDER_OK);
    run_sql("SELECT a FROM h");
    shop_close(&s);
}
END_TEST

START_TEST(a_table_or_column_that_is_not_there_is_named_by_apply)
{
    open_with("CREATE TABLE h (id INTEGER, aa INTEGER, ts TEXT)");
    refuse(ENTITY "sources:\n  - {name: h, table: nowhere, "
                  "timestamp_field: ts}\n" VIEW,
        LARDER_INVALID, "nowhere");
    refuse(ENTITY
        "sources:\n  - {name: h, table: h, timestamp_field: ts}\n" VIEW,
        LARDER_INVALID, "'a'");
    refuse(ENTITY "sources:\n  - {name: h, timestamp_field: ts, "
                  "query: \"SELECT id, aa AS a FROM h\"}\n" VIEW,
        LARDER_INVALID, "'ts'");
    shop_close(&s);
}
END_TEST

START_TEST(a_query_that_writes_is_refused)
{
    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT)");
    refuse(ENTITY "sources:\n  - {name: h, timestamp_field: ts, "
                  "query: \"DELETE FROM h RETURNING id, a, ts\"}\n" VIEW,
        LARDER_INVALID, "source 'h'");
    shop_close(&s);
}
END_TEST

START_TEST(a_naive_time_in_a_table_is_an_error_that_says_what_to_declare)
{
    const char *ref = "v:a";
    larder_join_options options = {
        .features = {.refs = &ref, .n_refs = 1}, .spine_format = LARDER_CSV};
    shop_joined joined;

    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
              "INSERT INTO h VALUES (1, 10, '2024-05-01 00:00:00')");
    s.err = (larder_error){0};
    if (shop_apply(&s, ENTITY
            "sources:\n  - {name: h, table: h, timestamp_field: ts}\n" VIEW) ==
        LARDER_OK)
        ck_assert_int_eq(
            shop_ask(&s, &options, spine, LARDER_CSV, &joined), LARDER_INVALID);
    ck_assert_msg(strstr(s.err.message, "timezone") != NULL ||
                      strstr(s.err.hint, "timezone") != NULL,
        "%s (%s)", s.err.message, s.err.hint);
    shop_close(&s);
}
END_TEST

START_TEST(a_value_of_another_type_is_told_by_column)
{
    const char *ref = "v:a";
    larder_join_options options = {
        .features = {.refs = &ref, .n_refs = 1}, .spine_format = LARDER_CSV};
    shop_joined joined;

    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
              "INSERT INTO h VALUES (1, 'ten', '2024-05-01T00:00:00Z')");
    apply(
        ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts}\n" VIEW);
    ck_assert_int_eq(
        shop_ask(&s, &options, spine, LARDER_CSV, &joined), LARDER_INVALID);
    ck_assert_msg(strstr(s.err.message, "feature view 'v'") != NULL &&
                      strstr(s.err.message, "'a'") != NULL,
        "%s", s.err.message);
    shop_close(&s);
}
END_TEST

/* ---------------------------------------------------------------- what holds
 */

static void
expect_proof(const char *counts, const char *feature)
{
    larder_proved proved = {0};
    const larder_proved_view *v;
    char found[100];

    ck_assert_msg(larder_prove(s.store, &s.call, &(larder_prove_options){0},
                      &proved, &s.err) == LARDER_OK,
        "%s", s.err.message);
    v = &proved.views[0];
    snprintf(found, sizeof found, "%d equal, %d different, %d unsettled",
        (int)v->equal, (int)v->different, (int)v->unsettled);
    ck_assert_str_eq(found, counts);
    ck_assert_pstr_eq(proved.difference.feature, feature);
    larder_proved_release(&proved);
}

START_TEST(what_is_online_is_proved_by_what_the_owner_wrote)
{
    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT, cts TEXT);"
              "INSERT INTO h VALUES"
              " (1, 10, '2024-05-01T00:00:00Z', '2024-05-01T00:00:00Z'),"
              " (1, 11, '2024-05-02T00:00:00Z', '2024-05-02T00:00:00Z'),"
              " (2, 20, '2024-05-02T00:00:00Z', '2024-05-03T00:00:00Z')");
    apply(ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts,\n"
                 "     created_timestamp_column: cts}\n" VIEW);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    expect_proof("2 equal, 0 different, 0 unsettled", NULL);
    run_sql("INSERT INTO h VALUES"
            " (1, 12, '2024-05-03T00:00:00Z', '2024-05-04T00:00:00Z')");
    expect_proof("2 equal, 0 different, 0 unsettled", NULL);
    run_sql("UPDATE h SET a = 13 WHERE a = 11");
    expect_proof("1 equal, 1 different, 0 unsettled", "event time");
    run_sql("DELETE FROM h WHERE a = 12");
    expect_proof("1 equal, 1 different, 0 unsettled", "a");
    shop_close(&s);
}
END_TEST

START_TEST(without_created_times_a_newer_row_is_not_settled)
{
    open_with("CREATE TABLE h (id INTEGER, a INTEGER, ts TEXT);"
              "INSERT INTO h VALUES (1, 10, '2024-05-01T00:00:00Z'),"
              " (2, 20, '2024-05-02T00:00:00Z')");
    apply(
        ENTITY "sources:\n  - {name: h, table: h, timestamp_field: ts}\n" VIEW);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    expect_proof("2 equal, 0 different, 0 unsettled", NULL);
    run_sql("INSERT INTO h VALUES (1, 12, '2024-05-03T00:00:00Z'),"
            " (3, 30, '2024-05-03T00:00:00Z')");
    expect_proof("1 equal, 0 different, 2 unsettled", NULL);
    run_sql("UPDATE h SET a = 21 WHERE a = 20");
    expect_proof("0 equal, 1 different, 2 unsettled", "a");
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("user tables");
    TCase *read = tcase_create("read where they are");
    TCase *wrong = tcase_create("what is wrong");

    tcase_add_loop_test(read, a_table_is_read_however_it_spells_its_times, 0,
        (int)(sizeof spellings / sizeof *spellings));
    tcase_add_test(read, a_query_stands_for_a_table);
    tcase_add_test(read, a_view_of_the_database_is_read_as_a_table_is);
    tcase_add_test(read, rows_added_by_their_owner_are_seen_at_once);
    tcase_add_test(read, a_table_of_yours_is_materialized_as_any_other);
    tcase_add_test(read, a_run_finds_what_was_written_since_the_last_one);
    tcase_add_test(read, without_created_times_a_run_looks_back_as_declared);
    tcase_add_test(read, a_bare_date_may_mean_the_end_of_its_day);
    tcase_add_test(read, a_table_of_yours_is_explained);
    tcase_add_test(read, what_is_online_is_proved_by_what_the_owner_wrote);
    tcase_add_test(read, without_created_times_a_newer_row_is_not_settled);
    tcase_add_test(wrong, a_table_of_yours_is_never_written);
    tcase_add_test(
        wrong, a_table_or_column_that_is_not_there_is_named_by_apply);
    tcase_add_test(wrong, a_query_that_writes_is_refused);
    tcase_add_test(
        wrong, a_naive_time_in_a_table_is_an_error_that_says_what_to_declare);
    tcase_add_test(wrong, a_value_of_another_type_is_told_by_column);
    suite_add_tcase(suite, read);
    suite_add_tcase(suite, wrong);
    return support_run(suite);
}
