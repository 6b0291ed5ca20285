/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_tables.c - history that Larder did not write: tables, views and
 * queries of a PostgreSQL database, with the types that people have there.
 */
#include "offline.h"

#include <stdlib.h>
#include <string.h>

#include "servers.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

static char *folder;
static const char *name; /* of the schema */
static offline store;

static void
setup(void)
{
    folder = support_folder();
    name = strrchr(folder, '/') + 1;
    if (!servers_skipped())
        store = offline_must_open("postgres", folder, true);
}

static void
teardown(void)
{
    offline_close(&store);
    support_remove(folder);
    free(folder);
}

/* As the role that Larder is, with a schema for this test alone. */
static void
sql(const char *statements)
{
    size_t room = strlen(statements) + 256;
    char *text = malloc(room);

    ck_assert_ptr_nonnull(text);
    snprintf(text, room,
        "SET ROLE larder; CREATE SCHEMA IF NOT EXISTS \"%s\";"
        " SET search_path = \"%s\"; SET TimeZone = 'Asia/Kolkata'; %s",
        name, name, statements);
    servers_do("postgres", "sql", text);
    free(text);
}

/* One view of a table h: key k, event ts, created cr, value v. */
static larder_field fields[] = {{"k", LARDER_INT64}, {"ts", LARDER_TIMESTAMP},
    {"cr", LARDER_TIMESTAMP}, {"v", LARDER_STRING}};
static const larder_schema schema = {fields, N_OF(fields)};
static const char *const key[] = {"k"};

static larder_table
users_table(larder_type key_type, larder_type type)
{
    fields[0].type = key_type;
    fields[3].type = type;
    return (larder_table){.name = "h",
        .schema = &schema,
        .key = key,
        .n_key = 1,
        .event = "ts",
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
}

static larder_scan
scan_of(const larder_table *table)
{
    return (larder_scan){.table = table,
        .key = key,
        .n_key = 1,
        .columns = fields + 3,
        .n_columns = 1,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .order = LARDER_ORDER_NEWEST_FIRST};
}

static void
gives(const larder_table *table, const char *words)
{
    larder_scan scan = scan_of(table);

    offline_expect(offline_scan(&store, &scan), words);
}

/* The scan, or the reading of it, fails so. */
static void
refused(const larder_table *table, const char *words)
{
    larder_scan scan = scan_of(table);
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_order kept;
    larder_error err = {0};
    larder_status rc;

    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    rc = store.ops->scan(store.self, 0, &store.call, &scan, &rows, &kept, &err);
    if (rc == LARDER_OK)
        rc = larder_stream_next(&rows, &batch, &err);
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    store.ops->end(store.self);
    ck_assert_msg(rc == LARDER_INVALID && strstr(err.message, words) != NULL,
        "%s: found %s: %s", words, larder_status_name(rc), err.message);
}

/* -------------------------------------------------------------------- times */

#define T "1714608000000000" /* 2024-05-02T00:00:00Z */

START_TEST(a_table_is_read_however_it_keeps_its_times)
{
    static const struct {
        const char *type, *value, *expected;
        int32_t offset;
        larder_time_unit unit;
        bool ends;
    } ways[] = {
        {"timestamptz", "'2024-05-02 00:00:00Z'", T, LARDER_NAIVE_REFUSED, 0,
            false},
        {"timestamp", "'2024-05-02 05:30'", T, 330, 0, false},
        {"timestamp", "'2024-05-01 22:00'", T, -120, 0, false},
        {"date", "'2024-05-02'", T, 0, 0, false},
        {"date", "'2024-05-02'", "1714694399999999", 0, 0, true},
        {"integer", "1714608000", T, LARDER_NAIVE_REFUSED, LARDER_UNIT_S,
            false},
        {"bigint", "1714608000000", T, LARDER_NAIVE_REFUSED, LARDER_UNIT_MS,
            false},
        {"bigint", "1714608000000000999", T, LARDER_NAIVE_REFUSED,
            LARDER_UNIT_NS, false},
        {"double precision", "1714608000", T, LARDER_NAIVE_REFUSED,
            LARDER_UNIT_S, false},
        {"numeric", "1714608000.000000", T, LARDER_NAIVE_REFUSED, LARDER_UNIT_S,
            false},
        {"text", "'2024-05-02T00:00:00Z'", T, LARDER_NAIVE_REFUSED, 0, false},
        {"varchar(30)", "'2024-05-02'", "1714694399999999", 0, 0, true},
    };

    for (size_t i = 0; i < N_OF(ways); i++) {
        larder_table table = users_table(LARDER_INT64, LARDER_STRING);
        larder_scan scan = scan_of(&table);
        larder_time at = strtoll(ways[i].expected, NULL, 10);
        char text[512], words[64];

        table.naive_offset_minutes = ways[i].offset;
        table.unit = ways[i].unit;
        table.date_is_end_of_day = ways[i].ends;
        snprintf(text, sizeof text,
            "DROP TABLE IF EXISTS h; CREATE TABLE h(k int, ts %s, v text);"
            " INSERT INTO h VALUES (1, %s, 'x'), (2, NULL, 'y')",
            ways[i].type, ways[i].value);
        sql(text);
        snprintf(words, sizeof words, "1,%s,,x", ways[i].expected);
        gives(&table, words);
        scan.from = scan.to = at; /* both ends are included, to the last */
        offline_expect(offline_scan(&store, &scan), words);
        scan.from = at + 1;
        scan.to = LARDER_TIME_MAX;
        offline_expect(offline_scan(&store, &scan), "");
        scan.from = LARDER_TIME_MIN;
        scan.to = at - 1;
        offline_expect(offline_scan(&store, &scan), "");
    }
}
END_TEST

START_TEST(a_time_that_larder_has_not_is_refused_by_name)
{
    larder_table table = users_table(LARDER_INT64, LARDER_STRING);

    sql("CREATE TABLE h(k int, ts timestamptz, v text);"
        " INSERT INTO h VALUES (1, 'infinity', 'x')");
    refused(&table, "table 'h', column 'ts': the moment 'infinity'");
    sql("UPDATE h SET ts = '10000-01-02'");
    refused(&table, "outside the years 0001 to 9999");
    sql("ALTER TABLE h ALTER ts TYPE timestamp");
    refused(&table, "column 'ts' holds times without a zone");
    sql("ALTER TABLE h ALTER ts TYPE text USING 'noon'");
    refused(&table, "column 'ts'");
    table.event = "when";
    refused(&table, "table 'h' has no column 'when'");
}
END_TEST

/* ------------------------------------------------------------------- values */

START_TEST(values_of_other_types_are_read_where_they_mean_one_thing)
{
    static const struct {
        const char *type, *value;
        larder_type wanted;
        const char *expected;
    } ways[] = {{"smallint", "-7", LARDER_INT64, "-7"},
        {"bigint", "2147483647", LARDER_INT32, "2147483647"},
        {"numeric(12,2)", "12.00", LARDER_INT64, "12"},
        {"numeric", "0.1", LARDER_FLOAT64, "0.1"},
        {"numeric", "12345678901234567890.5", LARDER_STRING,
            "12345678901234567890.5"},
        {"real", "0.1", LARDER_FLOAT32, "0.1"},
        {"double precision", "'-0.0'", LARDER_FLOAT64, "-0.0"},
        {"double precision", "'NaN'", LARDER_FLOAT64, "NaN"},
        {"double precision", "3", LARDER_INT64, "3"},
        {"integer", "1", LARDER_BOOL, "true"},
        {"boolean", "true", LARDER_BOOL, "true"},
        {"boolean", "true", LARDER_STRING, "true"},
        {"varchar(9)", "'h\xc3\xa9'", LARDER_STRING, "h\xc3\xa9"},
        {"char(5)", "'ab'", LARDER_STRING, "ab"},
        {"text", "'42'", LARDER_INT64, "42"},
        {"uuid", "'00000000-0000-0000-0000-00000000000a'", LARDER_STRING,
            "00000000-0000-0000-0000-00000000000a"},
        {"jsonb", "'{\"a\": 1}'", LARDER_STRING, "{\"a\": 1}"},
        {"jsonb", "'[1, 2]'", LARDER_INT64_LIST, "[1/2]"},
        {"mood", "'glad'", LARDER_STRING, "glad"},
        {"positive", "8", LARDER_INT64, "8"},
        {"date", "'2024-05-02'", LARDER_STRING, "2024-05-02"},
        {"integer[]", "'{1,NULL,3}'", LARDER_INT64_LIST, "[1/null/3]"},
        {"numeric[]", "'{0.5}'", LARDER_FLOAT64_LIST, "[0.5]"},
        {"varchar[]", "'{a,b}'", LARDER_STRING_LIST, "[\"a\"/\"b\"]"},
        {"bytea", "'\\x00ff'", LARDER_BYTES, "AP8="}};

    sql("CREATE TYPE mood AS ENUM ('sad', 'glad');"
        " CREATE DOMAIN positive AS int CHECK (value > 0)");
    for (size_t i = 0; i < N_OF(ways); i++) {
        larder_table table = users_table(LARDER_INT64, ways[i].wanted);
        char text[512], words[128];

        snprintf(text, sizeof text,
            "DROP TABLE IF EXISTS h; CREATE TABLE h(k int, ts timestamptz, v "
            "%s); INSERT INTO h VALUES (1, '1970-01-01Z', %s), (2, "
            "'1970-01-01Z', NULL)",
            ways[i].type, ways[i].value);
        sql(text);
        snprintf(words, sizeof words, "1,0,,%s;2,0,,", ways[i].expected);
        gives(&table, words);
    }
}
END_TEST

START_TEST(a_value_of_another_meaning_is_told_by_column)
{
    larder_table table = users_table(LARDER_INT64, LARDER_INT32);

    sql("CREATE TABLE h(k int, ts timestamptz, v bigint);"
        " INSERT INTO h VALUES (1, now(), 2147483648)");
    refused(&table, "table 'h', column 'v': the value '2147483648'");
    sql("ALTER TABLE h ALTER v TYPE float8 USING 1.5");
    refused(&table, "column 'v': the value '1.5'");
    sql("ALTER TABLE h ALTER v TYPE text USING 'many'");
    refused(&table, "column 'v'");
    sql("ALTER TABLE h ALTER v TYPE int[] USING '{1}'");
    refused(&table, "column 'v'");
}
END_TEST

/* --------------------------------------------------------- tables and queries
 */

START_TEST(views_and_queries_are_read_as_tables_are)
{
    larder_table table = users_table(LARDER_STRING, LARDER_INT64);
    larder_described described = {0};
    char query[256];

    sql("CREATE TABLE \"Mixed\"(\"K\" text, ts timestamptz, v int);"
        " INSERT INTO \"Mixed\" VALUES ('b', '1970-01-01Z', 1),"
        " ('B', '1970-01-01Z', 2), ('a', '1970-01-01Z', 3),"
        " (NULL, '1970-01-01Z', 4);"
        " CREATE VIEW h AS SELECT \"K\" AS k, ts, v FROM \"Mixed\"");
    gives(&table, ",0,,4;B,0,,2;a,0,,3;b,0,,1");
    table.name = "Mixed";
    gives(&table, ",0,,4;B,0,,2;a,0,,3;b,0,,1");
    table.name = NULL;
    snprintf(query, sizeof query,
        "SELECT \"K\" AS k, ts, v * 2 AS v FROM \"%s\".\"Mixed\" -- twice\n;",
        name);
    table.query = query;
    gives(&table, ",0,,8;B,0,,4;a,0,,6;b,0,,2");
    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &table, &described, NULL),
        LARDER_OK);
    ck_assert_uint_eq(described.schema.n_fields, 3);
    ck_assert_int_eq(described.schema.fields[1].type, LARDER_TIMESTAMP);
    larder_described_release(&described);
}
END_TEST

START_TEST(a_table_is_found_by_its_schema)
{
    larder_table table = users_table(LARDER_INT64, LARDER_STRING);
    char full[128];

    sql("CREATE TABLE h(k int, ts timestamptz, v text);"
        " INSERT INTO h VALUES (1, '1970-01-01Z', 'x')");
    snprintf(full, sizeof full, "%s.h", name);
    table.name = full;
    gives(&table, "1,0,,x");
}
END_TEST

START_TEST(a_query_that_does_not_stand_for_a_table_is_refused)
{
    static const char *const queries[] = {"SELECT nothing FROM nowhere",
        "DELETE FROM h RETURNING k", "SELECT 1 AS k; DROP TABLE h",
        "WITH x AS (DELETE FROM h RETURNING k) SELECT * FROM x", "SELECT $1"};

    sql("CREATE TABLE h(k int, ts timestamptz, v text)");
    for (size_t i = 0; i < N_OF(queries); i++) {
        larder_table table = users_table(LARDER_INT64, LARDER_STRING);
        larder_described described = {0};
        larder_error err = {0};

        table.query = queries[i];
        if (store.ops->describe(store.self, &store.call, &table, &described,
                &err) != LARDER_INVALID &&
            err.status != LARDER_NOT_FOUND)
            ck_abort_msg("%s: %s", queries[i], err.message);
    }
}
END_TEST

START_TEST(what_was_created_lately_has_arrived)
{
    larder_table table = users_table(LARDER_INT64, LARDER_STRING);
    larder_scan scan = scan_of(&table);

    table.created = "cr";
    sql("CREATE TABLE h(k int, ts timestamptz, cr timestamptz, v text);"
        " INSERT INTO h VALUES (1, '1970-01-01 00:00:01Z',"
        " '1970-01-01 00:00:01Z', 'old'), (2, '1970-01-01 00:00:01Z',"
        " '1970-01-01 00:00:03Z', 'new'), (3, '1970-01-01 00:00:01Z', NULL,"
        " 'any'), (4, '1970-01-01 00:00:09Z', '1970-01-01 00:00:01Z', 'then')");
    scan.arrived = true;
    scan.after = 2000000;
    scan.seen_until = 5000000;
    offline_expect(offline_scan(&store, &scan),
        "2,1000000,3000000,new;3,1000000,,any;4,9000000,1000000,then");
    scan.after = INT64_MIN;
    scan.n_columns = 0;
    offline_expect(offline_scan(&store, &scan),
        "1,1000000,1000000;2,1000000,3000000;3,1000000,;4,9000000,1000000");
}
END_TEST

START_TEST(an_index_makes_a_table_seekable)
{
    larder_table table = users_table(LARDER_INT64, LARDER_STRING);
    larder_described described = {0};

    sql("CREATE TABLE h(k int, ts timestamptz, v text);"
        " CREATE INDEX ON h (ts, k); CREATE INDEX ON h (k, ts) WHERE v = 'x'");
    for (int way = 0; way < 2; way++) {
        ck_assert_int_eq(store.ops->describe(
                             store.self, &store.call, &table, &described, NULL),
            LARDER_OK);
        ck_assert_int_eq(described.seekable, way == 1);
        larder_described_release(&described);
        sql("CREATE INDEX ON h (k, ts)");
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("postgres_tables");
    TCase *tests = tcase_create("postgres");

    (void)servers_start("postgres");
    tcase_add_checked_fixture(tests, setup, teardown);
    offline_add_served(tests, a_table_is_read_however_it_keeps_its_times);
    offline_add_served(tests, a_time_that_larder_has_not_is_refused_by_name);
    offline_add_served(
        tests, values_of_other_types_are_read_where_they_mean_one_thing);
    offline_add_served(tests, a_value_of_another_meaning_is_told_by_column);
    offline_add_served(tests, views_and_queries_are_read_as_tables_are);
    offline_add_served(tests, a_table_is_found_by_its_schema);
    offline_add_served(
        tests, a_query_that_does_not_stand_for_a_table_is_refused);
    offline_add_served(tests, what_was_created_lately_has_arrived);
    offline_add_served(tests, an_index_makes_a_table_seekable);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
