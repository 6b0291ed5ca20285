/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_offline_postgres.c - history in PostgreSQL where things go wrong: what
 * was half done is not there, and the same call does it afterwards; whose rows
 * are whose; and that no row is missed that commits late.
 *
 * What every store promises is conformance_offline.c's.
 */
#include "offline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "servers.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

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
    .created = "cr",
    .naive_offset_minutes = LARDER_NAIVE_REFUSED};

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

/* The statement with the schema in place of each '@'. */
static void
fill_in(const char *pattern, char out[1024])
{
    size_t size = 0;

    for (; *pattern != '\0' && size + strlen(name) < 1024; pattern++)
        if (*pattern == '@')
            size += (size_t)snprintf(out + size, 1024 - size, "%s", name);
        else
            out[size++] = *pattern;
    out[size] = '\0';
}

/* As superuser. What it prints is compared. */
static void
sql_gives(const char *pattern, const char *expected)
{
    char statement[1024];
    char *answer;

    fill_in(pattern, statement);
    answer = servers_ask("postgres", "sql", statement);
    if (strcmp(answer, expected) != 0)
        ck_abort_msg("%s\nfound '%s'", statement, answer);
    free(answer);
}

static void
sql(const char *pattern)
{
    char statement[1024];

    fill_in(pattern, statement);
    servers_do("postgres", "sql", statement);
}

static larder_scan
scan_plain(void)
{
    return (larder_scan){.table = &plain,
        .key = key,
        .n_key = 1,
        .columns = fields + 3,
        .n_columns = 2,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX};
}

static void
expect(const char *words)
{
    larder_scan scan = scan_plain();

    offline_expect(offline_scan(&store, &scan), words);
}

static int64_t
mark(void)
{
    larder_described described = {0};
    int64_t arrival;

    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &plain, &described, NULL),
        LARDER_OK);
    arrival = described.arrival;
    larder_described_release(&described);
    return arrival;
}

/* ---------------------------------------------------- a stream with a turn */

/* Many rows, and something that happens among them. */
typedef struct eventful {
    int64_t n_batches, at;
    void (*happens)(void);
} eventful;

static larder_status
eventful_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    eventful *state = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    if (state->at == state->n_batches)
        return LARDER_OK;
    if (state->at == state->n_batches / 2)
        state->happens();
    LARDER_TRY(larder_batch_init(&batch, self->schema, err));
    for (int64_t i = 0; i < 4096; i++) {
        larder_column *c = batch.columns;

        LARDER_TRY(larder_column_append_integer(&c[0], i, err));
        LARDER_TRY(larder_column_append_integer(&c[1], state->at, err));
        LARDER_TRY(larder_column_append_null(&c[2], err));
        LARDER_TRY(larder_column_append_real(&c[3], 0.5, err));
        LARDER_TRY(larder_column_append_text(
            &c[4], (larder_bytes){"some text", 9}, err));
        batch.n_rows++;
    }
    state->at++;
    *out = batch;
    return LARDER_OK;
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
append_eventful(int64_t n_batches, void (*happens)(void), larder_error *err)
{
    eventful state = {.n_batches = n_batches, .happens = happens};
    larder_stream rows = {
        .schema = &schema, .next = eventful_next, .state = &state};
    larder_appended appended = {.added = 42};
    larder_status rc = store.ops->append(
        store.self, &store.call, &plain, &rows, &appended, err);

    if (rc != LARDER_OK)
        ck_assert_uint_eq(appended.added, 42);
    else
        ck_assert_uint_eq(appended.added, (uint64_t)n_batches * 4096);
    return rc;
}

static void
nothing(void)
{
}

/* It fails this way, leaves nothing, and goes well the next time. */
static void
fails_once(void (*happens)(void), void (*mend)(void), larder_status expected,
    const char *word)
{
    larder_error err = {0};
    larder_status rc;

    rc = append_eventful(40, happens, &err);
    ck_assert_msg(rc == expected && strstr(err.message, word) != NULL,
        "found %s: %s (%s)", larder_status_name(rc), err.message, err.hint);
    mend();
    expect("1,1,,1.0,before");
    ck_assert_int_eq(append_eventful(40, nothing, &err), LARDER_OK);
    sql_gives("SELECT count(*) FROM \"@\".plain", "163841\n");
}

static void
begin_with_a_row(void)
{
    offline_create(&store, &plain);
    offline_append(&store, &plain, "1,1,,1,before");
}

/* ---------------------------------------------------------------- failures */

static void
terminate(void)
{
    servers_do("postgres", "sql",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'larder'");
}

START_TEST(a_backend_that_is_terminated_leaves_nothing)
{
    begin_with_a_row();
    fails_once(terminate, nothing, LARDER_UNAVAILABLE, "lost");
}
END_TEST

static void
kill_server(void)
{
    servers_do("postgres", "kill", NULL);
}

static void
begin_server(void)
{
    char path[512];

    /* The killed one may not have been buried yet. */
    snprintf(path, sizeof path, "%s/data/postmaster.pid",
        servers_folder("postgres"));
    (void)unlink(path);
    servers_do("postgres", "begin", NULL);
}

START_TEST(a_server_killed_in_mid_copy_has_nothing_of_it)
{
    begin_with_a_row();
    fails_once(kill_server, begin_server, LARDER_UNAVAILABLE, "");
}
END_TEST

static void
dawdle(void)
{
    servers_do("postgres", "sql", "SELECT pg_sleep(0.4)");
}

static void
lift_time_limit(void)
{
    servers_do("postgres", "sql", "ALTER ROLE larder RESET statement_timeout");
    offline_close(&store);
    store = offline_must_open("postgres", folder, true);
}

START_TEST(a_statement_that_takes_too_long_is_told_by_name)
{
    begin_with_a_row();
    servers_do(
        "postgres", "sql", "ALTER ROLE larder SET statement_timeout = '200ms'");
    offline_close(&store);
    store = offline_must_open("postgres", folder, true);
    fails_once(
        dawdle, lift_time_limit, LARDER_UNAVAILABLE, "statement timeout");
}
END_TEST

START_TEST(a_full_disk_is_told_and_leaves_nothing)
{
    char *has = servers_word("postgres", "has_small");
    larder_error err = {0};
    char text[1024];
    larder_status rc;

    if (strcmp(has, "yes") != 0) {
        servers_skip(__func__);
        free(has);
        return;
    }
    free(has);
    begin_with_a_row();
    snprintf(text, sizeof text, "CREATE TABLESPACE small LOCATION '%s/small'",
        servers_folder("postgres"));
    servers_do("postgres", "sql", text);
    sql("ALTER TABLE \"@\".plain SET TABLESPACE small");
    rc = append_eventful(40, nothing, &err);
    sql("ALTER TABLE \"@\".plain SET TABLESPACE pg_default");
    servers_do("postgres", "sql", "DROP TABLESPACE small");
    ck_assert_msg(
        rc == LARDER_UNAVAILABLE && strstr(err.message, "space") != NULL,
        "found %s: %s", larder_status_name(rc), err.message);
    expect("1,1,,1.0,before");
    ck_assert_int_eq(append_eventful(40, nothing, &err), LARDER_OK);
}
END_TEST

START_TEST(a_snapshot_whose_backend_goes_is_begun_again)
{
    larder_scan scan = scan_plain();
    larder_stream rows = {0};
    larder_order kept;
    larder_error err = {0};

    begin_with_a_row();
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 2, NULL), LARDER_OK);
    terminate();
    ck_assert_int_eq(
        store.ops->scan(store.self, 1, &store.call, &scan, &rows, &kept, &err),
        LARDER_UNAVAILABLE);
    store.ops->end(store.self);
    expect("1,1,,1.0,before");
}
END_TEST

START_TEST(a_standby_is_read_and_takes_no_rows)
{
    offline_place place;
    larder_options *section = &place.section;
    larder_scan scan = scan_plain();
    offline standby = {0};
    larder_stream rows = offline_stream(&schema, "2,2,,2,more");
    larder_appended appended;
    larder_error err = {0};
    char *url;

    begin_with_a_row();
    servers_do("postgres", "standby", NULL);
    url = servers_word("postgres", "standby/url");
    offline_place_of(&place, "postgres", folder);
    place.list[0].value = url;
    standby = (offline){.ops = place.ops, .call = support_call(1000)};
    standby.self = calloc(1, standby.ops->state_bytes);
    ck_assert_ptr_nonnull(standby.self);
    ck_assert_int_eq(
        standby.ops->open(standby.self, section, false, &standby.call, NULL),
        LARDER_OK);
    offline_expect(offline_scan(&standby, &scan), "1,1,,1.0,before");
    ck_assert_int_eq(standby.ops->append(standby.self, &standby.call, &plain,
                         &rows, &appended, &err),
        LARDER_UNAVAILABLE);
    ck_assert_msg(
        strstr(err.message, "25006") != NULL, "found '%s'", err.message);
    larder_stream_close(&rows);
    offline_close(&standby);
    free(url);
}
END_TEST

/* ------------------------------------------------------------------ arrival */

static int64_t noted;

/* While one append runs, another one begins, ends, and a mark is taken. */
static void
overtake(void)
{
    offline other = offline_must_open("postgres", folder, false);
    larder_described described = {0};

    offline_append(&other, &plain, "1,7,,1,quick");
    ck_assert_int_eq(
        other.ops->describe(other.self, &other.call, &plain, &described, NULL),
        LARDER_OK);
    noted = described.arrival;
    larder_described_release(&described);
    offline_close(&other);
}

START_TEST(a_row_that_commits_after_a_mark_was_taken_is_not_missed)
{
    larder_scan scan = scan_plain();
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_order kept;
    size_t n_rows = 0;

    begin_with_a_row();
    ck_assert_int_eq(append_eventful(2, overtake, NULL), LARDER_OK);
    scan.arrived = true;
    scan.after = noted;
    scan.seen_until = 1000;
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->scan(store.self, 0, &store.call, &scan, &rows, &kept, NULL),
        LARDER_OK);
    do {
        larder_batch_release(&batch);
        ck_assert_int_eq(larder_stream_next(&rows, &batch, NULL), LARDER_OK);
        n_rows += batch.n_rows;
    } while (batch.n_rows != 0);
    larder_stream_close(&rows);
    store.ops->end(store.self);
    ck_assert_uint_ge(n_rows, 8192);
    ck_assert_int_gt(mark(), noted);
}
END_TEST

/* A dump restored elsewhere: transactions are numbered from the beginning. */
START_TEST(marks_go_on_where_a_restored_database_counts_anew)
{
    larder_scan scan = scan_plain();
    larder_appended appended;
    int64_t before;

    begin_with_a_row();
    sql("UPDATE \"@\".plain SET _arrival = 1000000000000;"
        " UPDATE \"@\"._larder_batches SET arrival = 1000000000000");
    before = mark();
    ck_assert_int_lt(before, 1000000000000);
    appended = offline_append(&store, &plain, "2,2,,2,after");
    ck_assert_int_gt(appended.arrival, 1000000000000);
    ck_assert_int_eq(mark(), appended.arrival);
    scan.arrived = true;
    scan.seen_until = 1000;
    scan.after = 1000000000000;
    offline_expect(offline_scan(&store, &scan), "2,2,,2.0,after");
    scan.after = mark();
    offline_expect(offline_scan(&store, &scan), "");
}
END_TEST

/* ------------------------------------------------------------------- rights */

START_TEST(opening_makes_nothing_in_the_database)
{
    larder_described described = {0};

    ck_assert_int_eq(
        store.ops->describe(store.self, &store.call, &plain, &described, NULL),
        LARDER_OK);
    ck_assert(!described.exists);
    larder_described_release(&described);
    sql_gives("SELECT count(*) FROM pg_namespace WHERE nspname = '@'", "0\n");
}
END_TEST

START_TEST(nobody_else_has_a_right_to_what_is_made)
{
    servers_do("postgres", "sql",
        "ALTER DEFAULT PRIVILEGES FOR ROLE larder GRANT ALL ON TABLES TO "
        "PUBLIC");
    begin_with_a_row();
    servers_do("postgres", "sql",
        "ALTER DEFAULT PRIVILEGES FOR ROLE larder REVOKE ALL ON TABLES FROM "
        "PUBLIC");
    sql_gives("SELECT count(*), bool_and(relrowsecurity) FROM pg_class"
              " WHERE relnamespace = '\"@\"'::regnamespace AND relkind = 'r'",
        "2|t\n");
    sql_gives("SELECT count(*) FROM pg_class c, aclexplode(c.relacl) x"
              " WHERE relnamespace = '\"@\"'::regnamespace"
              " AND x.grantee <> c.relowner",
        "0\n");
}
END_TEST

/* A role that row level security hides all rows from must not read "none". */
START_TEST(hidden_rows_are_an_error_and_not_an_empty_table)
{
    larder_scan scan = scan_plain();
    larder_stream rows = {0};
    larder_order kept;
    larder_error err = {0};
    larder_status rc;

    begin_with_a_row();
    sql("ALTER SCHEMA \"@\" OWNER TO postgres;"
        " GRANT USAGE ON SCHEMA \"@\" TO larder;"
        " ALTER TABLE \"@\".plain OWNER TO postgres;"
        " GRANT SELECT ON \"@\".plain TO larder");
    ck_assert_int_eq(
        store.ops->begin(store.self, &store.call, 1, NULL), LARDER_OK);
    rc = store.ops->scan(store.self, 0, &store.call, &scan, &rows, &kept, &err);
    if (rc == LARDER_OK) {
        larder_batch batch = {0};

        rc = larder_stream_next(&rows, &batch, &err);
        larder_batch_release(&batch);
        larder_stream_close(&rows);
    }
    store.ops->end(store.self);
    ck_assert_int_eq(rc, LARDER_UNAVAILABLE);
    ck_assert_msg(
        strstr(err.message, "row") != NULL, "found '%s'", err.message);
}
END_TEST

/* -------------------------------------------------------------- what is kept
 */

static void
refuse_row(int64_t time, larder_bytes text, const char *word)
{
    larder_batch batch = offline_batch(&schema, "");
    larder_stream rows = {0};
    larder_appended appended;
    larder_error err = {0};
    larder_column *c = batch.columns;

    ck_assert(larder_column_append_integer(&c[0], 1, NULL) == LARDER_OK &&
              larder_column_append_integer(&c[1], time, NULL) == LARDER_OK &&
              larder_column_append_null(&c[2], NULL) == LARDER_OK &&
              larder_column_append_null(&c[3], NULL) == LARDER_OK &&
              larder_column_append_text(&c[4], text, NULL) == LARDER_OK);
    batch.n_rows = 1;
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &plain, &rows,
                         &appended, &err),
        LARDER_INVALID);
    ck_assert_msg(strstr(err.message, word) != NULL, "found '%s'", err.message);
    larder_stream_close(&rows);
    expect("1,1,,1.0,before");
}

START_TEST(what_postgresql_cannot_hold_is_refused_by_name)
{
    begin_with_a_row();
    refuse_row(1, (larder_bytes){"a\0b", 3}, "column 's': a text holds a NUL");
    refuse_row(LARDER_TIME_MAX + 1, (larder_bytes){"a", 1}, "column 'ts'");
}
END_TEST

START_TEST(many_rows_of_two_appends_at_once_are_stored_once)
{
    begin_with_a_row();
    ck_assert_int_eq(append_eventful(3, overtake, NULL), LARDER_OK);
    sql_gives("SELECT count(*), sum(n_rows) FROM \"@\".plain,"
              " (SELECT sum(n_rows) AS n_rows FROM \"@\"._larder_batches) b"
              " GROUP BY b.n_rows HAVING count(*) = b.n_rows",
        "12290|151044100\n");
}
END_TEST

START_TEST(of_many_rows_those_that_are_there_are_not_added)
{
    eventful state = {.n_batches = 8, .happens = nothing};
    larder_stream rows = {
        .schema = &schema, .next = eventful_next, .state = &state};
    larder_appended appended;

    begin_with_a_row();
    ck_assert_int_eq(append_eventful(6, nothing, NULL), LARDER_OK);
    ck_assert_int_eq(store.ops->append(store.self, &store.call, &plain, &rows,
                         &appended, NULL),
        LARDER_OK);
    ck_assert_uint_eq(appended.added, 2 * 4096);
    ck_assert_uint_eq(appended.duplicate, 6 * 4096);
}
END_TEST

/* Many at once into an empty table, some of them twice. */
START_TEST(the_first_rows_of_a_table_are_stored_once_too)
{
    larder_batch batch = {0};
    larder_stream rows = {0};
    larder_appended appended;
    larder_error err = {0};
    larder_status rc;

    offline_create(&store, &plain);
    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    for (int64_t i = 0; i < 30000; i++) {
        larder_column *c = batch.columns;
        double v = i % 3 == 0 ? 0.0 : -0.0; /* these two are not equal */

        if (larder_column_append_integer(&c[0], i / 5, NULL) != LARDER_OK ||
            larder_column_append_integer(&c[1], 7, NULL) != LARDER_OK ||
            larder_column_append_null(&c[2], NULL) != LARDER_OK ||
            larder_column_append_real(&c[3], v, NULL) != LARDER_OK ||
            larder_column_append_null(&c[4], NULL) != LARDER_OK)
            ck_abort_msg("no row");
    }
    batch.n_rows = 30000;
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    rc = store.ops->append(
        store.self, &store.call, &plain, &rows, &appended, &err);
    ck_assert_msg(rc == LARDER_OK, "%s", err.message);
    larder_stream_close(&rows);
    ck_assert_uint_eq(appended.added, 12000);
    ck_assert_uint_eq(appended.duplicate, 18000);
    sql_gives("SELECT count(*), count(*) FILTER (WHERE indisunique)"
              " FROM pg_index WHERE indrelid = '\"@\".plain'::regclass",
        "2|1\n");
    sql_gives("SELECT count(*) FROM \"@\".plain", "12000\n");
}
END_TEST

/* ---------------------------------------------------------------- statements
 */

static larder_status
ask(const char *statement, larder_stream *rows, larder_error *err)
{
    return store.ops->query(store.self, &store.call, statement, rows, err);
}

static void
answers(const char *statement, const char *words)
{
    larder_stream rows = {0};
    larder_error err = {0};
    larder_status rc = ask(statement, &rows, &err);

    ck_assert_msg(rc == LARDER_OK, "%s: %s", statement, err.message);
    offline_expect(offline_words(&rows, false), words);
}

START_TEST(a_statement_gives_its_rows)
{
    answers("SELECT 1 AS a, 'x' AS a, NULL::int; ", "1,x,");
    answers(
        "-- why\nVALUES (1.50, 'NaN'::float8), (NULL, -0.0)", "1.50,NaN;,0.0");
    answers("SELECT i FROM generate_series(3, 1, -1) AS i ORDER BY i DESC",
        "3;2;1");
    answers("SELECT ARRAY[1, 2], true, '2024-01-01'::date,"
            " '2024-01-01 00:00Z'::timestamptz",
        "[1/2],true,2024-01-01,1704067200000000");
    answers("SELECT 1 WHERE false", "");
    answers("SHOW transaction_read_only", "on");
}
END_TEST

START_TEST(a_statement_that_would_write_is_refused)
{
    static const char *const statements[] = {"DROP TABLE x", "SET a.b = 1",
        "WITH x AS (CREATE TABLE y()) SELECT 1", "COMMIT", "",
        "SELECT 1; DROP TABLE x", "SELECT nextval('larder_counter')",
        "WITH x AS (DELETE FROM larder_counted RETURNING 1) SELECT * FROM x",
        "EXPLAIN ANALYZE DELETE FROM larder_counted",
        "SELECT * FROM larder_counted FOR UPDATE", "SELECT $1::int"};

    servers_do("postgres", "sql",
        "CREATE SEQUENCE IF NOT EXISTS larder_counter;"
        " CREATE TABLE IF NOT EXISTS larder_counted();"
        " GRANT ALL ON larder_counter, larder_counted TO larder");
    for (size_t i = 0; i < N_OF(statements); i++) {
        larder_stream rows = {0};
        larder_batch batch = {0};
        larder_error err = {0};
        larder_status rc = ask(statements[i], &rows, &err);

        if (rc == LARDER_OK)
            rc = larder_stream_next(&rows, &batch, &err);
        ck_assert_msg(rc == LARDER_INVALID, "%s: %s, %s", statements[i],
            larder_status_name(rc), err.message);
        larder_batch_release(&batch);
        larder_stream_close(&rows);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("offline_postgres");
    TCase *tests = tcase_create("postgres");

    (void)servers_start("postgres");
    tcase_add_checked_fixture(tests, setup, teardown);
    offline_add_served(tests, a_backend_that_is_terminated_leaves_nothing);
    offline_add_served(tests, a_server_killed_in_mid_copy_has_nothing_of_it);
    offline_add_served(tests, a_statement_that_takes_too_long_is_told_by_name);
    offline_add_served(tests, a_full_disk_is_told_and_leaves_nothing);
    offline_add_served(tests, a_snapshot_whose_backend_goes_is_begun_again);
    offline_add_served(tests, a_standby_is_read_and_takes_no_rows);
    offline_add_served(
        tests, a_row_that_commits_after_a_mark_was_taken_is_not_missed);
    offline_add_served(
        tests, marks_go_on_where_a_restored_database_counts_anew);
    offline_add_served(tests, opening_makes_nothing_in_the_database);
    offline_add_served(tests, nobody_else_has_a_right_to_what_is_made);
    offline_add_served(tests, hidden_rows_are_an_error_and_not_an_empty_table);
    offline_add_served(tests, what_postgresql_cannot_hold_is_refused_by_name);
    offline_add_served(tests, many_rows_of_two_appends_at_once_are_stored_once);
    offline_add_served(tests, of_many_rows_those_that_are_there_are_not_added);
    offline_add_served(tests, the_first_rows_of_a_table_are_stored_once_too);
    offline_add_served(tests, a_statement_gives_its_rows);
    offline_add_served(tests, a_statement_that_would_write_is_refused);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
