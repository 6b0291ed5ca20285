/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sqlite.c - what is the SQLite history's own: users' tables and queries,
 * how its tables look from outside, and files in disorder.
 */
#include "offline.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

static char *folder;
static char path[512];
static offline store;

static void
setup(void)
{
    folder = support_folder();
    snprintf(path, sizeof path, "%s/history.db", folder);
}

static void
teardown(void)
{
    offline_close(&store);
    support_remove(folder);
    free(folder);
}

static void
open_store(void)
{
    store = offline_must_open("sqlite", folder, true);
}

/* Run SQL on the file as any other program would. */
static void
run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    char *words = NULL;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &words) == SQLITE_OK,
        "%s: %s", sql, words == NULL ? "" : words);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* The first column of the first row. */
static void
expect_sql(const char *sql, const char *expected)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK,
        "%s: %s", sql, sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(statement, 0), expected);
    ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static const larder_field fields[] = {{"k", LARDER_INT64},
    {"ts", LARDER_TIMESTAMP}, {"cr", LARDER_TIMESTAMP}, {"v", LARDER_FLOAT64},
    {"s", LARDER_STRING}};
static const larder_schema schema = {fields, N_OF(fields)};
static const char *const key[] = {"k"};

static const larder_table plain = {.name = "plain",
    .owned = true,
    .schema = &schema,
    .key = key,
    .n_key = 1,
    .event = "ts",
    .created = "cr"};

/* A user's table of the same columns. */
static larder_table
users(const char *name)
{
    larder_table table = plain;

    table.name = name;
    table.owned = false;
    table.naive_offset_minutes = LARDER_NAIVE_REFUSED;
    return table;
}

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

/* The message of a scan that must fail, at once or while it is read. */
static larder_error
scan_fails(const larder_scan *scan, larder_status expected)
{
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_order kept;
    larder_error err = {0};
    larder_status rc;

    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    rc = store.ops->scan(store.self, 0, &store.call, scan, &rows, &kept, &err);
    if (rc == LARDER_OK)
        rc = larder_stream_next(&rows, &batch, &err);
    ck_assert_msg(
        rc == expected, "%s: %s", larder_status_name(rc), err.message);
    larder_stream_close(&rows);
    store.ops->end(store.self);
    return err;
}

static void
expect_words(const larder_error *err, const char *words)
{
    ck_assert_msg(strstr(err->message, words) != NULL, "'%s' not in '%s'",
        words, err->message);
}

/* ------------------------------------------------------------ how it looks */

START_TEST(an_owned_table_is_plain_sql)
{
    open_store();
    offline_create(&store, &plain);
    offline_append(&store, &plain, "1,10,20,2.5,text;2,10,,NaN,''");
    offline_append(&store, &plain, "3,10,20,-0.0,");
    expect_sql("SELECT k||','||ts||','||cr||','||v||','||s FROM plain "
               "WHERE k = 1",
        "1,10,20,2.5,text");
    expect_sql("SELECT cr||','||v||','||quote(s) FROM plain WHERE k = 2",
        "-9223372036854775808,NaN,''");
    expect_sql("SELECT 2 * v FROM plain WHERE k = 3", "0.0");
    expect_sql("SELECT count(*) FROM sqlite_schema WHERE name = 'plain'"
               " AND sql LIKE '%WITHOUT ROWID%'",
        "1");
    expect_sql("PRAGMA page_size", "16384");
    expect_sql("PRAGMA journal_mode", "wal");
}
END_TEST

START_TEST(the_write_ahead_log_is_moved_into_the_file)
{
    char words[64], log_path[600];
    struct stat log;

    open_store();
    offline_create(&store, &plain);
    for (int i = 0; i < 5; i++) {
        snprintf(words, sizeof words, "%d,10,20,2.5,text", i);
        offline_append(&store, &plain, words);
    }
    offline_close(&store);
    snprintf(log_path, sizeof log_path, "%s-wal", path);
    ck_assert(stat(log_path, &log) != 0 || log.st_size == 0);
    expect_sql("SELECT count(*) FROM plain", "5");
}
END_TEST

START_TEST(names_that_the_store_keeps_are_refused)
{
    static const larder_field own[] = {{"k", LARDER_INT64},
        {"ts", LARDER_TIMESTAMP}, {"_digest", LARDER_INT64}};
    static const larder_schema own_schema = {own, N_OF(own)};
    larder_table table = plain;
    larder_error err = {0};

    open_store();
    table.name = "_larder_batches";
    ck_assert_int_eq(
        store.ops->create(store.self, &store.call, &table, NULL, NULL, 0, &err),
        LARDER_INVALID);
    expect_words(&err, "_larder_batches");
    table.name = "SQLITE_x";
    ck_assert_int_eq(
        store.ops->create(store.self, &store.call, &table, NULL, NULL, 0, &err),
        LARDER_INVALID);
    table = plain;
    table.schema = &own_schema;
    table.created = NULL;
    ck_assert_int_eq(
        store.ops->create(store.self, &store.call, &table, NULL, NULL, 0, &err),
        LARDER_INVALID);
    expect_words(&err, "'_digest'");
}
END_TEST

START_TEST(a_table_of_the_user_is_neither_taken_nor_removed)
{
    larder_table table = plain;
    larder_described described = {0};
    larder_error err = {0};

    open_store();
    run_sql("CREATE TABLE plain(k, ts, cr, v, s); "
            "INSERT INTO plain VALUES(1, 2, 3, 4, 5)");
    ck_assert_int_eq(
        store.ops->create(store.self, &store.call, &table, NULL, NULL, 0, &err),
        LARDER_INVALID);
    expect_words(&err, "not Larder's");
    ck_assert_int_eq(store.ops->remove(store.self, &store.call, &table, &err),
        LARDER_INVALID);
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, &err),
        LARDER_INVALID);
    expect_sql("SELECT count(*) FROM plain", "1");
}
END_TEST

START_TEST(indexes_are_made_once_and_serve_joins)
{
    static const char *const by_s[] = {"s"};
    static const char *const *const indexes[] = {by_s, key};
    static const size_t n_columns[] = {1, 1};
    static const larder_field spine_fields[] = {
        {"s", LARDER_STRING}, {"t", LARDER_TIMESTAMP}};
    static const larder_schema spine_schema = {spine_fields, 2};
    larder_batch spine = offline_batch(&spine_schema, "a,15;b,30");
    larder_asof asof = {.scan = scan_of(&plain, fields, 1), .spine = &spine};
    larder_stream rows = {0};
    larder_error err = {0};

    asof.scan.key = by_s;
    open_store();
    offline_create(&store, &plain);
    offline_append(&store, &plain, "1,10,,1,a;2,20,,1,a;3,30,,1,b");
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->asof_join(store.self, 0, &store.call, &asof, &rows, &err),
        LARDER_UNSUPPORTED);
    store.ops->end(store.self);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(store.ops->create(store.self, &store.call, &plain,
                             indexes, n_columns, 2, NULL),
            LARDER_OK);
    expect_sql("SELECT count(*) FROM sqlite_schema WHERE type = 'index'"
               " AND sql IS NOT NULL",
        "2"); /* of arrivals, and by s */
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->asof_join(store.self, 0, &store.call, &asof, &rows, &err),
        LARDER_OK);
    offline_expect(offline_words(&rows, true), "0,10,,1;1,30,,3");
    store.ops->end(store.self);
    larder_batch_release(&spine);
}
END_TEST

/* ----------------------------------------------------------- users' tables */

START_TEST(integers_are_times_in_the_unit_that_was_declared)
{
    static const struct {
        larder_time_unit unit;
        const char *ts, *expected;
    } cases[] = {{LARDER_UNIT_US, "(-1), (1500), (NULL)", "1,-1,;1,1500,"},
        {LARDER_UNIT_MS, "(-1), (1500)", "1,-1000,;1,1500000,"},
        {LARDER_UNIT_S, "(-1), (1500), (0.25)",
            "1,-1000000,;1,1500000000,;1,250000,"},
        {LARDER_UNIT_NS, "(-1), (1500), (2000)", "1,-1,;1,1,;1,2,"}};

    open_store();
    for (size_t i = 0; i < N_OF(cases); i++) {
        larder_table table = users("u");
        larder_scan scan = scan_of(&table, NULL, 0);
        char sql[256];

        table.unit = cases[i].unit;
        snprintf(sql, sizeof sql,
            "DROP TABLE IF EXISTS u; CREATE TABLE u(ts, k DEFAULT 1, cr);"
            "INSERT INTO u(ts) VALUES %s",
            cases[i].ts);
        run_sql(sql);
        offline_expect(offline_scan(&store, &scan), cases[i].expected);
    }
}
END_TEST

START_TEST(ranges_of_integer_times_are_exact_in_each_unit)
{
    static const struct {
        larder_time_unit unit;
        const char *expected;
    } cases[] = {{LARDER_UNIT_US, "1,1000,;1,1001,;1,2000,"},
        {LARDER_UNIT_MS, "1,1000,;1,2000,"}, {LARDER_UNIT_S, ""},
        {LARDER_UNIT_NS, "1,1000,;1,1000,;1,1000,"}};
    static const char *const values[] = {
        "(999), (1000), (1001), (2000), (2001)", "(0), (1), (2), (3)",
        "(-1), (0), (1)", "(999999), (1000000), (1000001), (1000999)"};

    open_store();
    for (size_t i = 0; i < N_OF(cases); i++) {
        larder_table table = users("u");
        larder_scan scan = scan_of(&table, NULL, 0);
        char sql[256];

        table.unit = cases[i].unit;
        scan.from = 1000;
        scan.to = 2000;
        snprintf(sql, sizeof sql,
            "DROP TABLE IF EXISTS u; CREATE TABLE u(ts, k DEFAULT 1, cr);"
            "INSERT INTO u(ts) VALUES %s",
            values[i]);
        run_sql(sql);
        offline_expect(offline_scan(&store, &scan), cases[i].expected);
    }
}
END_TEST

START_TEST(text_times_are_read_as_the_source_says)
{
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, NULL, 0);
    larder_error err;

    open_store();
    run_sql("CREATE TABLE u(k, ts TEXT, cr TEXT); INSERT INTO u VALUES"
            "(1, '1970-01-01T00:00:01Z', NULL),"
            "(2, '1970-01-01 01:00:02+01:00', '1970-01-01T00:00:00.5Z')");
    offline_expect(offline_scan(&store, &scan), "1,1000000,;2,2000000,500000");
    scan.to = 1999999;
    offline_expect(offline_scan(&store, &scan), "1,1000000,");
    scan.to = LARDER_TIME_MAX;
    run_sql("INSERT INTO u VALUES(3, '1970-01-02', '1970-01-02')");
    err = scan_fails(&scan, LARDER_INVALID);
    expect_words(&err, "table 'u', column 'ts'");
    expect_words(&err, "'1970-01-02'");
    table.naive_offset_minutes = 60;
    offline_expect(offline_scan(&store, &scan),
        "1,1000000,;2,2000000,500000;3,82800000000,82800000000");
    table.naive_offset_minutes = 0;
    table.date_is_end_of_day = true;
    offline_expect(offline_scan(&store, &scan),
        "1,1000000,;2,2000000,500000;3,172799999999,172799999999");
}
END_TEST

START_TEST(rows_with_null_keys_come_and_with_null_times_do_not)
{
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, NULL, 0);

    open_store();
    run_sql("CREATE TABLE u(k, ts, cr); INSERT INTO u VALUES"
            "(NULL, 1, 2), (1, NULL, 2), (2, 3, NULL)");
    offline_expect(offline_scan(&store, &scan), ",1,2;2,3,");
    scan.n_parts = 3;
    offline_expect(offline_scan(&store, &scan), ",1,2;2,3,");
    scan.part = 2;
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

START_TEST(values_are_read_by_their_meaning)
{
    static const larder_field wanted[] = {{"b", LARDER_BOOL},
        {"i", LARDER_INT32}, {"f", LARDER_FLOAT64}, {"s", LARDER_STRING},
        {"t", LARDER_TIMESTAMP}, {"l", LARDER_INT64_LIST}};
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, wanted, N_OF(wanted));

    open_store();
    run_sql("CREATE TABLE u(k, ts, cr, b, i, f, s, t, l); INSERT INTO u VALUES"
            "('1', 1, NULL, 1, 2.0, 3, 4, '1970-01-01T00:00:00Z', '[1,2]'),"
            "(2.0, 1, NULL, 'true', '7', 'NaN', 0.5, 9, NULL),"
            "(3, 1, NULL, NULL, NULL, NULL, 'h\xc3\xa9', NULL, '[]')");
    offline_expect(offline_scan(&store, &scan),
        "1,1,,true,2,3.0,4,0,[1/2];2,1,,true,7,NaN,0.5,9,;"
        "3,1,,,,,h\xc3\xa9,,[]");
}
END_TEST

START_TEST(what_has_no_such_meaning_is_refused_by_name)
{
    static const struct {
        larder_field field;
        const char *value, *words;
    } cases[] = {{{"c", LARDER_INT32}, "2147483648", "2147483648"},
        {{"c", LARDER_INT64}, "2.5", "2.5"}, {{"c", LARDER_INT64}, "'x'", "x"},
        {{"c", LARDER_INT64}, "x'00'", "blob"}, {{"c", LARDER_BOOL}, "2", "2"},
        {{"c", LARDER_INT64}, "9e18 * 10", "int64"},
        {{"c", LARDER_FLOAT64}, "'1,5'", "1,5"},
        {{"c", LARDER_STRING}, "x'41'", "blob"},
        {{"c", LARDER_STRING}, "CAST(x'ff41' AS TEXT)", "UTF-8"},
        {{"c", LARDER_BYTES}, "1", "bytes"},
        {{"c", LARDER_TIMESTAMP}, "'30 February'", "30 February"},
        {{"c", LARDER_TIMESTAMP}, "9223372036854775807", "timestamp"},
        {{"c", LARDER_INT64_LIST}, "7", "list<int64>"}};
    larder_table table = users("u");

    open_store();
    for (size_t i = 0; i < N_OF(cases); i++) {
        larder_scan scan = scan_of(&table, &cases[i].field, 1);
        larder_error err;
        char sql[256];

        snprintf(sql, sizeof sql,
            "DROP TABLE IF EXISTS u; CREATE TABLE u(k, ts, cr, c);"
            "INSERT INTO u VALUES(1, 1, 1, %s)",
            cases[i].value);
        run_sql(sql);
        err = scan_fails(&scan, LARDER_INVALID);
        expect_words(&err, "table 'u', column 'c'");
        expect_words(&err, cases[i].words);
    }
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    static const larder_field wanted[] = {{"nope", LARDER_INT64}};
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, wanted, 1);
    larder_described described = {0};
    larder_error err;

    open_store();
    err = scan_fails(&scan, LARDER_NOT_FOUND);
    expect_words(&err, "'u'");
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, &err),
        LARDER_OK);
    ck_assert(!described.exists);
    larder_described_release(&described);
    run_sql("CREATE TABLE u(k, ts, cr)");
    err = scan_fails(&scan, LARDER_INVALID);
    expect_words(&err, "table 'u' has no column 'nope'");
}
END_TEST

START_TEST(a_user_s_table_is_described)
{
    static const larder_type types[] = {LARDER_INT64, LARDER_TIMESTAMP,
        LARDER_STRING, LARDER_FLOAT64, LARDER_BYTES, LARDER_BOOL, 0};
    larder_table table = users("u");
    larder_described described = {0};

    open_store();
    run_sql("CREATE TABLE u(k BIGINT, ts DATETIME, cr VARCHAR(20), v DOUBLE,"
            " x BLOB, b BOOL, n NUMERIC); INSERT INTO u(k) VALUES(1), (2)");
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, NULL),
        LARDER_OK);
    ck_assert_uint_eq(described.n_rows, 2);
    ck_assert(!described.seekable);
    ck_assert(described.newest_event == LARDER_TIME_MIN);
    ck_assert_uint_eq(described.schema.n_fields, N_OF(types));
    for (size_t i = 0; i < N_OF(types); i++)
        ck_assert_int_eq(described.schema.fields[i].type, types[i]);
    larder_described_release(&described);
    run_sql("CREATE INDEX i ON u(k, ts)");
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, NULL),
        LARDER_OK);
    ck_assert(!described.seekable); /* by a created time that is text */
    larder_described_release(&described);
    table.created = NULL;
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, NULL),
        LARDER_OK);
    ck_assert(described.seekable);
    larder_described_release(&described);
}
END_TEST

START_TEST(odd_names_are_only_names)
{
    static const larder_field wanted[] = {{"a b", LARDER_INT64}};
    static const char *const odd_key[] = {"k\"; DROP TABLE x; --"};
    static const larder_field odd_fields[] = {
        {"k\"; DROP TABLE x; --", LARDER_INT64}};
    static const larder_schema odd_schema = {odd_fields, 1};
    larder_table table = users("we\"ird");
    larder_scan scan;

    table.schema = &odd_schema;
    table.key = odd_key;
    scan = scan_of(&table, wanted, 1);
    open_store();
    run_sql("CREATE TABLE \"we\"\"ird\"(\"k\"\"; DROP TABLE x; --\", ts, cr,"
            " \"a b\"); INSERT INTO \"we\"\"ird\" VALUES(1, 2, 3, 4)");
    offline_expect(offline_scan(&store, &scan), "1,2,3,4");
}
END_TEST

START_TEST(created_times_tell_what_arrived_in_a_user_s_table)
{
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, NULL, 0);

    open_store();
    run_sql("CREATE TABLE u(k, ts, cr); INSERT INTO u VALUES"
            "(1, 1, 10), (2, 2, 11), (3, 3, NULL), (4, 100, 5)");
    scan.arrived = true;
    scan.after = 10;
    scan.seen_until = 100;
    offline_expect(offline_scan(&store, &scan), "2,2,11;3,3,");
    scan.seen_until = 99;
    offline_expect(offline_scan(&store, &scan), "2,2,11;3,3,;4,100,5");
    table.created = NULL; /* nothing tells: the range alone counts */
    scan.to = 3;
    offline_expect(offline_scan(&store, &scan), "1,1,;2,2,;3,3,");
}
END_TEST

static const larder_field spine_fields[] = {
    {"k", LARDER_INT64}, {"t", LARDER_TIMESTAMP}};
static const larder_schema spine_schema = {spine_fields, 2};

/* What an as-of join of the user's table u gives; NULL: it is not supported. */
static char *
join_users(const larder_table *table, const char *spine_words)
{
    larder_batch spine = offline_batch(&spine_schema, spine_words);
    larder_asof asof = {.scan = scan_of(table, fields + 4, 1),
        .spine = &spine,
        .has_ttl = true,
        .ttl_us = 10000000};
    larder_stream rows = {0};
    larder_error err = {0};
    char *words = NULL;
    larder_status rc;

    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    rc = store.ops->asof_join(store.self, 0, &store.call, &asof, &rows, &err);
    if (rc == LARDER_OK)
        words = offline_words(&rows, true);
    else
        ck_assert_msg(rc == LARDER_UNSUPPORTED, "%s", err.message);
    store.ops->end(store.self);
    larder_batch_release(&spine);
    return words;
}

START_TEST(a_user_s_table_with_an_index_is_joined_by_seeks)
{
    larder_table table = users("u");

    open_store();
    table.unit = LARDER_UNIT_S;
    run_sql("CREATE TABLE u(k INTEGER, ts INTEGER, cr INTEGER, s TEXT);"
            "INSERT INTO u VALUES(1, 10, 1, 'a'), (1, 20, 1, 'b'),"
            "(1, 20, 2, 'c'), (1, 20, 2, 'd'), (2, 10, NULL, 'e'),"
            "(NULL, 10, 1, 'f'), (2, NULL, 1, 'g')");
    ck_assert_ptr_null(join_users(&table, "1,20000000"));
    run_sql("CREATE INDEX i ON u(k, ts)");
    offline_expect(
        join_users(&table, "1,9999999;1,19999999;1,20000000;1,30000000;"
                           "1,30000001;2,20000000;2,20000001"),
        "1,10000000,1000000,a;2,20000000,2000000,c;2,20000000,2000000,d;"
        "3,20000000,2000000,c;3,20000000,2000000,d;5,10000000,,e");
    table.unit = LARDER_UNIT_NS; /* distinct there, equal here */
    ck_assert_ptr_null(join_users(&table, "1,20000000"));
    table.unit = LARDER_UNIT_S;
    run_sql("INSERT INTO u VALUES('x', 10, 1, 'text in place of a number')");
    ck_assert_ptr_null(join_users(&table, "1,20000000"));
}
END_TEST

START_TEST(text_times_and_other_collations_are_not_sought)
{
    static const larder_field text_fields[] = {
        {"k", LARDER_STRING}, {"ts", LARDER_TIMESTAMP}, {"s", LARDER_STRING}};
    static const larder_schema text_schema = {text_fields, 3};
    larder_table table = users("u");

    open_store();
    run_sql("CREATE TABLE u(k INTEGER, ts TEXT, cr INTEGER, s TEXT);"
            "CREATE INDEX i ON u(k, ts);"
            "INSERT INTO u VALUES(1, '1970-01-01T00:00:00Z', 1, 'a')");
    ck_assert_ptr_null(join_users(&table, "1,20000000"));
    run_sql("DROP TABLE u; CREATE TABLE u(k TEXT COLLATE NOCASE, ts INTEGER,"
            " cr INTEGER, s TEXT); CREATE INDEX i ON u(k, ts);"
            "INSERT INTO u VALUES('A', 1, 1, 'a')");
    table.schema = &text_schema;
    ck_assert_ptr_null(join_users(&table, "1,20000000"));
}
END_TEST

/* ----------------------------------------------------------- keys sought */

/* What a scan gives for these keys, in its order, before the core has left
 * anything out. */
static char *
seek_keys(larder_scan *scan, const char *words)
{
    static const larder_schema key_schema = {fields, 1};
    larder_batch keys = offline_batch(&key_schema, words);
    char *found;

    scan->keys = &keys;
    scan->order = LARDER_ORDER_NEWEST_FIRST;
    found = offline_scan_in_order(&store, scan);
    larder_batch_release(&keys);
    return found;
}

START_TEST(keys_of_an_owned_table_are_sought_in_their_order)
{
    static const larder_time from[] = {20, 20}, to[] = {30, 30};
    larder_scan scan = scan_of(&plain, fields + 4, 1);

    open_store();
    offline_create(&store, &plain);
    offline_append(&store, &plain,
        "1,10,,1,a;1,15,,1,b;1,20,,1,c;1,31,,1,d;2,20,,1,e;3,5,,1,f;3,6,1,1,g;"
        "3,6,,1,h;3,30,,1,i");
    offline_expect(seek_keys(&scan, "3;9;1"),
        "1,31,,d;1,20,,c;1,15,,b;1,10,,a;3,30,,i;3,6,1,g;3,6,,h;3,5,,f");
    scan.keys_from = from;
    scan.keys_to = to;
    offline_expect(seek_keys(&scan, "3;1"), "1,20,,c;3,30,,i");
    scan.one_before = true;
    offline_expect(
        seek_keys(&scan, "3;1"), "1,20,,c;1,15,,b;3,30,,i;3,6,1,g;3,6,,h");
    scan.n_parts = 2;
    offline_expect(seek_keys(&scan, "3;1"), "1,20,,c;1,15,,b");
    scan.part = 1;
    offline_expect(seek_keys(&scan, "3;1"), "3,30,,i;3,6,1,g;3,6,,h");
}
END_TEST

START_TEST(a_user_s_table_with_an_index_is_read_by_seeks)
{
    static const larder_time from[] = {20000000, 20000000};
    larder_table table = users("u");
    larder_scan scan;

    open_store();
    table.unit = LARDER_UNIT_S;
    scan = scan_of(&table, fields + 4, 1);
    run_sql("CREATE TABLE u(k INTEGER, ts INTEGER, cr INTEGER, s TEXT);"
            "CREATE INDEX i ON u(k, ts);"
            "INSERT INTO u VALUES(1, 10, 1, 'a'), (1, 19, 1, 'b'),"
            "(1, 19, 2, 'c'), (1, 20, NULL, 'd'), (2, 19, NULL, 'e'),"
            "(3, 12, 1, 'f'), (NULL, 10, 1, 'g'), (3, NULL, 1, 'h')");
    offline_expect(seek_keys(&scan, "3;1"),
        "1,20000000,,d;1,19000000,2000000,c;1,19000000,1000000,b;"
        "1,10000000,1000000,a;3,12000000,1000000,f");
    scan.keys_from = from;
    offline_expect(seek_keys(&scan, "3;1"), "1,20000000,,d");
    scan.one_before = true;
    offline_expect(seek_keys(&scan, "3;1"),
        "1,20000000,,d;1,19000000,2000000,c;1,19000000,1000000,b;"
        "3,12000000,1000000,f");
    scan.arrived = true; /* what has no created time may have just come */
    scan.after = 1500000;
    scan.seen_until = 100000000;
    offline_expect(
        seek_keys(&scan, "3;1"), "1,20000000,,d;1,19000000,2000000,c");
}
END_TEST

START_TEST(what_was_proven_of_one_key_is_not_believed_of_another)
{
    static const char *const by_s[] = {"s"};
    static const larder_field text_fields[] = {
        {"s", LARDER_STRING}, {"t", LARDER_TIMESTAMP}};
    static const larder_schema text_schema = {text_fields, 2};
    larder_table table = users("u");
    larder_batch numbers = offline_batch(&spine_schema, "1,20");
    larder_batch texts = offline_batch(&text_schema, "5,20");
    larder_asof asof = {
        .scan = scan_of(&table, fields + 4, 1), .spine = &numbers};
    larder_stream rows = {0};

    open_store();
    run_sql("CREATE TABLE u(k INTEGER, ts INTEGER, cr INTEGER, s);"
            "CREATE INDEX i ON u(k, ts); CREATE INDEX j ON u(s, ts);"
            "INSERT INTO u VALUES(1, 10, 1, 5)");
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->asof_join(store.self, 0, &store.call, &asof, &rows, NULL),
        LARDER_OK);
    offline_expect(offline_words(&rows, true), "0,10,1,5");
    asof.scan.key = by_s;
    asof.spine = &texts;
    ck_assert_int_eq(
        store.ops->asof_join(store.self, 0, &store.call, &asof, &rows, NULL),
        LARDER_UNSUPPORTED);
    store.ops->end(store.self);
    larder_batch_release(&numbers);
    larder_batch_release(&texts);
}
END_TEST

START_TEST(text_is_sought_as_the_index_compares_it)
{
    static const char *const by_s[] = {"s"};
    static const larder_field text_fields[] = {
        {"s", LARDER_STRING}, {"t", LARDER_TIMESTAMP}};
    static const larder_schema text_schema = {text_fields, 2};
    larder_table table = users("u");
    larder_batch spine = offline_batch(&text_schema, "A,20;a,20");
    larder_asof asof = {.scan = scan_of(&table, NULL, 0), .spine = &spine};
    larder_stream rows = {0};

    open_store();
    run_sql("CREATE TABLE u(k INTEGER, ts INTEGER, cr INTEGER,"
            " s TEXT COLLATE NOCASE);"
            "CREATE INDEX i ON u(s COLLATE BINARY, ts);"
            "INSERT INTO u VALUES(1, 10, 1, 'a'), (1, 9, 1, 'A')");
    asof.scan.key = by_s;
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->asof_join(store.self, 0, &store.call, &asof, &rows, NULL),
        LARDER_OK);
    offline_expect(offline_words(&rows, true), "0,9,1;1,10,1");
    store.ops->end(store.self);
    larder_batch_release(&spine);
}
END_TEST

/* ----------------------------------------------------------------- queries */

START_TEST(a_query_stands_for_a_table)
{
    larder_table table = users(NULL);
    larder_scan scan = scan_of(&table, fields + 3, 1);
    larder_described described = {0};

    open_store();
    run_sql("CREATE TABLE u(key INTEGER, at INTEGER, cr INTEGER, v REAL);"
            "INSERT INTO u VALUES(1, 10, 20, 1.5), (2, 30, 40, 2.5)");
    table.query = "SELECT v, at AS ts, cr, key AS k, 'more' FROM u;"
                  " -- and a remark\n";
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, NULL),
        LARDER_OK);
    ck_assert(described.exists);
    ck_assert_uint_eq(described.schema.n_fields, 5);
    ck_assert_str_eq(described.schema.fields[3].name, "k");
    ck_assert_int_eq(described.schema.fields[3].type, LARDER_INT64);
    ck_assert_int_eq(described.schema.fields[4].type, 0);
    larder_described_release(&described);
    offline_expect(offline_scan(&store, &scan), "1,10,20,1.5;2,30,40,2.5");
    scan.from = 11;
    offline_expect(offline_scan(&store, &scan), "2,30,40,2.5");
}
END_TEST

static const struct {
    const char *sql, *words;
} bad_queries[] = {{"SELECT * FROM nowhere", "nowhere"}, {"SELEC 1", "SELEC"},
    {"SELECT \"nope\" FROM u", "nope"}, {"DELETE FROM u", "reading"},
    {"CREATE TABLE x(y)", "reading"}, {"SELECT 1; SELECT 2", "more than one"},
    {"SELECT ?1", "parameter"}, {"ATTACH 'x.db' AS x", "reading"},
    {"PRAGMA journal_mode=DELETE", "reading"},
    {"PRAGMA application_id=7", "reading"}, {"VACUUM", "reading"},
    {"", "empty"}, {"-- nothing", "empty"}, {"BEGIN", "reading"}};

START_TEST(a_query_that_cannot_stand_for_a_table_is_refused)
{
    larder_table table = users(NULL);
    larder_described described = {0};
    larder_error err = {0};

    open_store();
    run_sql("CREATE TABLE u(k)");
    table.query = bad_queries[_i].sql;
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, &err),
        LARDER_INVALID);
    expect_words(&err, bad_queries[_i].words);
}
END_TEST

START_TEST(a_statement_of_the_user_s_is_refused_if_it_would_write)
{
    larder_stream rows = {0};
    larder_error err = {0};

    open_store();
    run_sql("CREATE TABLE u(k)");
    ck_assert_int_eq(store.ops->query(store.self, &store.call,
                         bad_queries[_i].sql, &rows, &err),
        LARDER_INVALID);
    expect_words(&err, bad_queries[_i].words);
}
END_TEST

START_TEST(a_result_takes_its_types_from_its_rows)
{
    static const larder_type types[] = {LARDER_INT64, LARDER_FLOAT64,
        LARDER_STRING, LARDER_BYTES, LARDER_STRING, LARDER_STRING};
    larder_stream rows = {0};
    larder_error err = {0};
    larder_status rc;

    open_store();
    rc = store.ops->query(store.self, &store.call,
        "SELECT column1 AS i, column2 AS r, column3 AS t, column4 AS b,"
        " column5 AS mixed, column6 AS none FROM (VALUES"
        " (1, 2, 'x', x'41', 1, NULL), (NULL, 0.5, '', x'', 'y', NULL),"
        " (3, NULL, NULL, NULL, NULL, NULL))",
        &rows, &err);
    ck_assert_msg(rc == LARDER_OK, "%s", err.message);
    ck_assert_uint_eq(rows.schema->n_fields, N_OF(types));
    for (size_t i = 0; i < N_OF(types); i++)
        ck_assert_int_eq(rows.schema->fields[i].type, types[i]);
    ck_assert_str_eq(rows.schema->fields[4].name, "mixed");
    offline_expect(
        offline_words(&rows, false), "1,2.0,x,QQ==,1,;,0.5,'','',y,;3,,,,,");
}
END_TEST

START_TEST(a_statement_that_runs_on_stops_when_asked)
{
    int cancel = 1;
    larder_call call = {.now = 1, .cancel = &cancel};
    larder_stream rows = {0};

    open_store();
    ck_assert_int_eq(
        store.ops->query(store.self, &call,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            " SELECT count(*) FROM n",
            &rows, NULL),
        LARDER_INTERRUPTED);
}
END_TEST

/* --------------------------------------------------------- files in disorder
 */

static larder_error
open_fails(larder_status expected)
{
    larder_error err = {0};
    larder_status rc = offline_open(&store, "sqlite", folder, true, &err);

    ck_assert_msg(
        rc == expected, "%s: %s", larder_status_name(rc), err.message);
    return err;
}

START_TEST(a_file_that_is_no_database_is_named)
{
    larder_error err;

    support_write(folder, "history.db",
        "This is a text of a user's, and longer than any header would be; it "
        "stays as it is, whatever Larder is asked to do with it.");
    err = open_fails(LARDER_CORRUPT);
    expect_words(&err, path);
    expect_words(&err, "not a SQLite database");
}
END_TEST

START_TEST(a_truncated_file_is_told_from_a_whole_one)
{
    larder_scan scan = scan_of(&plain, NULL, 0);
    larder_error err = {0};
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_order kept;
    char words[64];
    struct stat file;
    larder_status rc;

    open_store();
    offline_create(&store, &plain);
    for (int i = 0; i < 50; i++) {
        snprintf(words, sizeof words, "%d,10,20,2.5,text", i);
        offline_append(&store, &plain, words);
    }
    offline_close(&store);
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_eq(truncate(path, file.st_size - 16384), 0);
    rc = offline_open(&store, "sqlite", folder, false, &err);
    if (rc == LARDER_OK)
        rc = store.ops->begin(store.self, &store.call, 1, &err);
    if (rc == LARDER_OK)
        rc = store.ops->scan(
            store.self, 0, &store.call, &scan, &rows, &kept, &err);
    if (rc == LARDER_OK)
        rc = larder_stream_next(&rows, &batch, &err);
    ck_assert_msg(
        rc == LARDER_CORRUPT, "%s: %s", larder_status_name(rc), err.message);
    expect_words(&err, path);
    larder_stream_close(&rows);
}
END_TEST

START_TEST(a_file_of_a_later_larder_is_left_alone)
{
    larder_error err;

    open_store();
    offline_close(&store);
    run_sql("UPDATE _larder_meta SET value = 2 WHERE name = 'format'");
    err = open_fails(LARDER_UNSUPPORTED);
    expect_words(&err, "format 2");
}
END_TEST

START_TEST(a_path_that_is_a_folder_or_missing_is_refused)
{
    larder_error err = {0};

    ck_assert_int_eq(mkdir(path, 0777), 0);
    err = open_fails(LARDER_INVALID);
    expect_words(&err, "folder");
    ck_assert_int_eq(
        offline_open_with(&store, "sqlite", "type", "sqlite", &err),
        LARDER_INVALID);
    expect_words(&err, "'path'");
}
END_TEST

START_TEST(an_empty_file_is_no_history_until_it_is_made_one)
{
    larder_error err = {0};

    support_write(folder, "history.db", "");
    ck_assert_int_eq(
        offline_open(&store, "sqlite", folder, false, &err), LARDER_NOT_FOUND);
    open_store();
}
END_TEST

START_TEST(a_user_s_own_file_serves_as_history)
{
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, NULL, 0);

    run_sql("PRAGMA user_version=77; CREATE TABLE u(k, ts, cr);"
            " INSERT INTO u VALUES(1, 2, 3)");
    store = offline_must_open("sqlite", folder, false);
    offline_expect(offline_scan(&store, &scan), "1,2,3");
    offline_close(&store);
    open_store();
    offline_create(&store, &plain);
    offline_append(&store, &plain, "1,10,,1,a");
    offline_expect(offline_scan(&store, &scan), "1,2,3");
    expect_sql("PRAGMA user_version", "77");
    expect_sql("PRAGMA application_id", "0");
}
END_TEST

START_TEST(a_full_disk_is_called_so_and_loses_nothing)
{
    larder_scan scan = scan_of(&plain, NULL, 0);
    int status = 0;
    pid_t child;

    open_store();
    offline_create(&store, &plain);
    offline_append(&store, &plain, "1,10,,1,a");
    offline_close(&store);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
        char *text = calloc(1, 4u << 20);
        larder_batch batch = {0};
        larder_stream rows = {0};
        larder_appended appended;
        larder_error err = {0};
        larder_status rc;

        store = offline_must_open("sqlite", folder, false);
        signal(SIGXFSZ, SIG_IGN);
        if (text == NULL || setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(9);
        snprintf(text, 16, "2,10,,1,");
        memset(text + 8, 'x', (4u << 20) - 9);
        batch = offline_batch(&schema, text);
        if (larder_stream_of(&batch, &rows, NULL) != LARDER_OK)
            _exit(8);
        rc = store.ops->append(
            store.self, &store.call, &plain, &rows, &appended, &err);
        if (rc != LARDER_IO || strstr(err.message, "limit") == NULL)
            fprintf(stderr, "%s\n", err.message);
        _exit(rc == LARDER_IO && strstr(err.message, "limit") != NULL ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(
        WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %d", status);
    store = offline_must_open("sqlite", folder, false);
    offline_expect(offline_scan(&store, &scan), "1,10,");
}
END_TEST

static int64_t
ticking(void)
{
    static _Thread_local int64_t now;

    return now += 1000;
}

START_TEST(another_program_s_transaction_is_waited_for_and_named)
{
    larder_call call = {.now = 1, .monotonic = ticking, .deadline = 20000};
    larder_stream rows = offline_stream(&schema, "1,1,,1,a");
    larder_appended appended;
    larder_error err = {0};
    sqlite3 *db = NULL;

    open_store();
    offline_create(&store, &plain);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(
        store.ops->append(store.self, &call, &plain, &rows, &appended, &err),
        LARDER_BUSY);
    expect_words(&err, "another program");
    larder_stream_close(&rows);
    ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    offline_append(&store, &plain, "1,1,,1,a");
}
END_TEST

/* A program that commits as fast as it can, and knows of no lock of ours. */
static pid_t
start_writing(void)
{
    pid_t parent = getpid(), child = fork();
    sqlite3 *db = NULL;

    ck_assert_int_ge(child, 0);
    if (child != 0)
        return child;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        _exit(1);
    sqlite3_busy_timeout(db, 5000);
    (void)sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    while (getppid() == parent) /* it may be killed before it can kill */
        (void)sqlite3_exec(db, "UPDATE u SET k = k + 1", NULL, NULL, NULL);
    _exit(0);
}

START_TEST(all_readers_see_one_moment)
{
    larder_table table = users("u");
    larder_scan scan = scan_of(&table, NULL, 0);
    pid_t child;

    open_store();
    run_sql("CREATE TABLE u(k, ts, cr); INSERT INTO u VALUES(1, 1, 1)");
    child = start_writing();
    for (int i = 0; i < 200; i++) {
        char *seen[4];

        ck_assert_int_eq(
            store.ops->begin(store.self, &store.call, 4, NULL), LARDER_OK);
        for (unsigned reader = 0; reader < 4; reader++) {
            larder_stream rows = {0};
            larder_order kept;

            ck_assert_int_eq(store.ops->scan(store.self, reader, &store.call,
                                 &scan, &rows, &kept, NULL),
                LARDER_OK);
            seen[reader] = offline_words(&rows, false);
        }
        store.ops->end(store.self);
        for (unsigned reader = 1; reader < 4; reader++)
            offline_expect(seen[reader], seen[0]);
        free(seen[0]);
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sqlite");
    TCase *tests = tcase_create("history");
    int n_bad = (int)N_OF(bad_queries);

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_owned_table_is_plain_sql);
    tcase_add_test(tests, the_write_ahead_log_is_moved_into_the_file);
    tcase_add_test(tests, names_that_the_store_keeps_are_refused);
    tcase_add_test(tests, a_table_of_the_user_is_neither_taken_nor_removed);
    tcase_add_test(tests, indexes_are_made_once_and_serve_joins);
    tcase_add_test(tests, integers_are_times_in_the_unit_that_was_declared);
    tcase_add_test(tests, ranges_of_integer_times_are_exact_in_each_unit);
    tcase_add_test(tests, text_times_are_read_as_the_source_says);
    tcase_add_test(tests, rows_with_null_keys_come_and_with_null_times_do_not);
    tcase_add_test(tests, values_are_read_by_their_meaning);
    tcase_add_test(tests, what_has_no_such_meaning_is_refused_by_name);
    tcase_add_test(tests, what_is_not_there_is_named);
    tcase_add_test(tests, a_user_s_table_is_described);
    tcase_add_test(tests, odd_names_are_only_names);
    tcase_add_test(tests, created_times_tell_what_arrived_in_a_user_s_table);
    tcase_add_test(tests, a_user_s_table_with_an_index_is_joined_by_seeks);
    tcase_add_test(tests, text_times_and_other_collations_are_not_sought);
    tcase_add_test(tests, keys_of_an_owned_table_are_sought_in_their_order);
    tcase_add_test(tests, a_user_s_table_with_an_index_is_read_by_seeks);
    tcase_add_test(
        tests, what_was_proven_of_one_key_is_not_believed_of_another);
    tcase_add_test(tests, text_is_sought_as_the_index_compares_it);
    tcase_add_test(tests, a_query_stands_for_a_table);
    tcase_add_loop_test(
        tests, a_query_that_cannot_stand_for_a_table_is_refused, 0, n_bad);
    tcase_add_loop_test(tests,
        a_statement_of_the_user_s_is_refused_if_it_would_write, 0, n_bad);
    tcase_add_test(tests, a_result_takes_its_types_from_its_rows);
    tcase_add_test(tests, a_statement_that_runs_on_stops_when_asked);
    tcase_add_test(tests, a_file_that_is_no_database_is_named);
    tcase_add_test(tests, a_truncated_file_is_told_from_a_whole_one);
    tcase_add_test(tests, a_file_of_a_later_larder_is_left_alone);
    tcase_add_test(tests, a_path_that_is_a_folder_or_missing_is_refused);
    tcase_add_test(tests, an_empty_file_is_no_history_until_it_is_made_one);
    tcase_add_test(tests, a_user_s_own_file_serves_as_history);
    tcase_add_test(tests, a_full_disk_is_called_so_and_loses_nothing);
    tcase_add_test(
        tests, another_program_s_transaction_is_waited_for_and_named);
    tcase_add_test(tests, all_readers_see_one_moment);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
