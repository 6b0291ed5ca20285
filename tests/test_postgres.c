/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres.c - what may go wrong between Larder and a PostgreSQL server,
 * done to a real one: each is a failure by its name, and afterwards the same
 * works.
 */
#include "backends/postgres.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "definition/config.h"
#include "tests/servers.h"
#include "tests/support.h"

static const char *url, *pooled; /* NULL: servers are skipped */

static int64_t
monotonic(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static larder_call
call_within(int ms)
{
    return (larder_call){.now = 1,
        .monotonic = monotonic,
        .deadline = monotonic() + (int64_t)ms * 1000};
}

/* ------------------------------------------------------------------ options
 */

/* Read options given as name, value, ..., NULL. */
static larder_status
read_options(const char *const *words, postgres_options *out, larder_error *err)
{
    ldr_option list[8];
    larder_options options = {.options = list, .section = "registry"};

    for (; *words != NULL; words += 2)
        list[options.n_options++] =
            (ldr_option){.name = words[0], .value = words[1]};
    return postgres_options_read(&options, NULL, out, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(an_address_may_be_one_text_or_word_by_word)
{
    postgres_options options = {0};
    larder_error err = {0};

    ck_assert_int_eq(
        read_options(WORDS("connection_string",
                         "postgresql+psycopg://ann:s3cret@db.example.com/e2i"),
            &options, &err),
        LARDER_OK);
    ck_assert_str_eq(options.server, "db.example.com:5432, database e2i");
    ck_assert_str_eq(options.schema, "larder");
    ck_assert(!options.has_schema);
    ck_assert_ptr_nonnull(strstr(options.info, "sslmode='verify-full'"));
    ck_assert_ptr_nonnull(strstr(options.info, "gssencmode='disable'"));
    postgres_options_free(&options);
    ck_assert_int_eq(
        read_options(WORDS("host", "127.0.0.1", "port", "5433", "database",
                         "e2i", "user", "ann", "password", "it's a \\",
                         "db_schema", "features"),
            &options, &err),
        LARDER_OK);
    ck_assert_str_eq(options.server, "127.0.0.1:5433, database e2i");
    ck_assert_str_eq(options.schema, "features");
    ck_assert_ptr_nonnull(strstr(options.info, "password='it\\'s a \\\\'"));
    ck_assert_ptr_null(strstr(options.info, "sslmode"));
    postgres_options_free(&options);
}
END_TEST

START_TEST(a_host_elsewhere_is_never_spoken_to_without_tls)
{
    static const char *const weak[] = {"disable", "allow", "prefer"};
    static const char *const enough[] = {"require", "verify-ca", "verify-full"};
    postgres_options options = {0};
    larder_error err = {0};

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(read_options(WORDS("host", "localhost,db.example.com",
                                          "sslmode", weak[i]),
                             &options, &err),
            LARDER_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, weak[i]));
        ck_assert_ptr_nonnull(strstr(err.hint, "verify-full"));
        ck_assert_ptr_null(options.info); /* untouched */
        ck_assert_int_eq(
            read_options(WORDS("host", "db.example.com", "sslmode", enough[i]),
                &options, &err),
            LARDER_OK);
        postgres_options_free(&options);
        ck_assert_int_eq(
            read_options(WORDS("host", "/run/postgresql", "sslmode", weak[i]),
                &options, &err),
            LARDER_OK);
        postgres_options_free(&options);
    }
    ck_assert_int_eq(
        read_options(WORDS("connection_string",
                         "host=localhost hostaddr=192.0.2.1 sslmode=disable"),
            &options, &err),
        LARDER_INVALID);
}
END_TEST

START_TEST(faulty_options_are_told_and_never_what_may_be_secret)
{
    static const struct faulty {
        const char *words[5];
        const char *says;
    } cases[] = {
        {{"hots", "x", NULL}, "hots"},
        {{"db_schema", "x", NULL}, "connection_string"},
        {{"connection_string", "s3cret", NULL}, "connection_string"},
        {{"connection_string", "postgresql://ann:s3%cret@h/d", NULL},
            "connection_string"},
        {{"connection_string", "host=h", "port", "1", NULL}, "'port'"},
        {{"host", "/x", "connect_timeout", "5s", NULL}, "connect_timeout"},
        {{"host", "/x", "connect_timeout", "0", NULL}, "connect_timeout"},
        {{"host", "/x", "db_schema", "", NULL}, "db_schema"},
        {{"host", "/x", "db_schema", "pg_x", NULL}, "db_schema"},
        {{"host", "/x", "db_schema", "a\"b", NULL}, "db_schema"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        postgres_options options = {0};
        larder_error err = {0};

        ck_assert_int_eq(
            read_options(cases[i].words, &options, &err), LARDER_INVALID);
        ck_assert_msg(
            strstr(err.message, cases[i].says) != NULL, "%s", err.message);
        ck_assert_ptr_null(strstr(err.message, "s3cret"));
        ck_assert_ptr_null(strstr(err.hint, "s3cret"));
    }
}
END_TEST

/* --------------------------------------------------------------- connecting
 */

/* A connection of a test, closed at its end. */
static postgres_options where;
static postgres_link line;

static void
use(const char *address)
{
    larder_error err = {0};
    larder_status rc =
        read_options(WORDS("connection_string", address), &where, &err);

    ck_assert_msg(rc == LARDER_OK, "options: %s", err.message);
    postgres_link_init(&line, &where);
}

static void
use_no_more(void)
{
    postgres_link_close(&line);
    postgres_options_free(&where);
}

static void
must(larder_status rc, const larder_error *err)
{
    ck_assert_msg(rc == LARDER_OK, "%s (%s)", err->message, err->hint);
}

/* One whole transaction works. */
static void
must_work(void)
{
    larder_call call = call_within(20000);
    larder_error err = {0};

    must(postgres_begin(&line, POSTGRES_WRITE, &call, &err), &err);
    must(postgres_run(&line, "SELECT 1", &err), &err);
    must(postgres_commit(&line, &err), &err);
}

/* Beginning fails by this status and these words, within 5 s of patience. */
static larder_error
must_refuse(larder_status status, const char *words)
{
    larder_call call = call_within(300);
    larder_error err = {0};
    int64_t before = monotonic();

    ck_assert_int_eq(postgres_begin(&line, POSTGRES_READ, &call, &err), status);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "Larder+1 secret"));
    ck_assert_ptr_null(strstr(err.message, "Larder%2B1"));
    ck_assert_int_lt(monotonic() - before, 5000000);
    ck_assert_ptr_null(line.conn);
    return err;
}

/* The url with one part of it replaced, yours to free(). */
static char *
replace(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    char *out;

    ck_assert_ptr_nonnull(at);
    out = calloc(strlen(text) + strlen(new) + 1, 1);
    ck_assert_ptr_nonnull(out);
    memcpy(out, text, (size_t)(at - text));
    strcat(out, new);
    strcat(out, at + strlen(old));
    return out;
}

static void
use_other(const char *text, const char *old, const char *new)
{
    char *other = replace(text, old, new);

    use(other);
    free(other);
}

START_TEST(a_wrong_password_is_refused_without_showing_it)
{
    larder_error err;

    SERVERS_NEEDED(url);
    use_other(url, "Larder%2B1%20secret", "wr0ng");
    err = must_refuse(LARDER_UNAVAILABLE, "password authentication failed");
    ck_assert_ptr_nonnull(strstr(err.message, "28P01"));
    ck_assert_ptr_null(strstr(err.message, "wr0ng"));
    ck_assert_ptr_nonnull(strstr(err.hint, "password"));
    use_no_more();
    use_other(url, ":Larder%2B1%20secret", "");
    (void)must_refuse(LARDER_UNAVAILABLE, "no password");
    use_no_more();
    use(url);
    must_work();
    use_no_more();
}
END_TEST

START_TEST(a_database_that_is_not_there_is_named)
{
    SERVERS_NEEDED(url);
    use_other(url, "/larder?", "/pantry?");
    (void)must_refuse(LARDER_UNAVAILABLE, "\"pantry\" does not exist (3D000)");
    use_no_more();
}
END_TEST

START_TEST(where_nobody_listens_the_address_is_told)
{
    larder_error err;

    SERVERS_NEEDED(url);
    use("postgresql://larder@127.0.0.1:1/larder");
    err = must_refuse(LARDER_UNAVAILABLE, "127.0.0.1:1, database larder");
    ck_assert_ptr_nonnull(strstr(err.hint, "running"));
    use_no_more();
    use("postgresql://larder@/larder?host=/nowhere");
    (void)must_refuse(LARDER_UNAVAILABLE, "/nowhere");
    use_no_more();
}
END_TEST

START_TEST(tls_is_verified_and_its_absence_refused)
{
    char *tls, *plain;
    larder_error err;

    SERVERS_NEEDED(url);
    tls = servers_word("postgres", "url_tls");
    plain = servers_word("postgres", "url_plain");
    use(tls);
    must_work();
    ck_assert_int_eq(PQsslInUse(line.conn), 1);
    use_no_more();
    use(plain); /* which the server does not take */
    err = must_refuse(LARDER_UNAVAILABLE, "no encryption (28000)");
    ck_assert_ptr_nonnull(strstr(err.hint, "TLS"));
    use_no_more();
    use_other(tls, "/ca.pem", "/other.pem"); /* an authority that signed none */
    err = must_refuse(LARDER_UNAVAILABLE, "certificate verify failed");
    ck_assert_ptr_nonnull(strstr(err.hint, "sslrootcert"));
    use_no_more();
    use_other(tls, "@localhost", "@127.0.0.1"); /* not in the certificate */
    (void)must_refuse(LARDER_UNAVAILABLE, "127.0.0.1");
    use_no_more();
    use_other(tls, "/ca.pem", "/none.pem");
    err = must_refuse(LARDER_UNAVAILABLE, "root certificate file");
    ck_assert_ptr_nonnull(strstr(err.hint, "sslrootcert"));
    use_no_more();
    free(tls);
    free(plain);
}
END_TEST

START_TEST(where_connections_are_too_many_it_is_said_and_waited)
{
    postgres_options mine;
    postgres_link first;
    larder_error err = {0};

    SERVERS_NEEDED(url);
    servers_do("postgres", "sql", "ALTER ROLE larder CONNECTION LIMIT 1");
    use(url);
    must_work();
    first = line;
    mine = where;
    first.options = &mine;
    use(url);
    err = must_refuse(LARDER_UNAVAILABLE, "(53300)");
    ck_assert_ptr_nonnull(strstr(err.hint, "pooler"));
    postgres_link_close(&first);
    must_work();
    use_no_more();
    postgres_options_free(&mine);
    servers_do("postgres", "sql", "ALTER ROLE larder CONNECTION LIMIT -1");
}
END_TEST

/* ------------------------------------------------------ servers that go away
 */

/* A child that runs a script of the server's; wait for it by must_end(). */
static pid_t
meanwhile(const char *command, const char *more)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        servers_do("postgres", command, more);
        _exit(0);
    }
    return child;
}

static void
must_end(pid_t child)
{
    int status = 1;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

#define TERMINATE                                                              \
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"                   \
    " WHERE usename = 'larder'"

START_TEST(a_connection_lost_between_transactions_is_made_again)
{
    SERVERS_NEEDED(url);
    use(url);
    must_work();
    servers_do("postgres", "sql", TERMINATE);
    must_work();
    servers_do("postgres", "restart", NULL);
    must_work();
    use_no_more();
}
END_TEST

START_TEST(a_connection_lost_in_a_transaction_fails_that_one)
{
    larder_call call = call_within(20000);
    larder_error err = {0};

    SERVERS_NEEDED(url);
    use(url);
    must(postgres_begin(&line, POSTGRES_WRITE, &call, &err), &err);
    servers_do("postgres", "sql", TERMINATE);
    ck_assert_int_eq(postgres_run(&line, "SELECT 1", &err), LARDER_UNAVAILABLE);
    ck_assert_msg(strstr(err.message, "57P01") != NULL, "%s", err.message);
    ck_assert(!line.in_transaction);
    ck_assert_int_eq(/* not on another connection, unseen */
        postgres_run(&line, "SELECT 1", &err), LARDER_UNAVAILABLE);
    must_work();
    use_no_more();
}
END_TEST

START_TEST(behind_a_pooler_a_server_may_be_lost_as_well)
{
    larder_call call = call_within(20000);
    larder_error err = {0};

    SERVERS_NEEDED(pooled);
    use(pooled);
    must_work();
    must(postgres_begin(&line, POSTGRES_WRITE, &call, &err), &err);
    servers_do("pgbouncer", "sql", TERMINATE);
    ck_assert_int_eq(postgres_run(&line, "SELECT 1", &err), LARDER_UNAVAILABLE);
    must_work();
    servers_do("pgbouncer", "sql", TERMINATE);
    must_work();
    servers_do("pgbouncer", "kill", NULL);
    servers_do("pgbouncer", "begin", NULL);
    must_work();
    use_no_more();
    use_other(pooled, "Larder%2B1%20secret", "wr0ng");
    err = must_refuse(LARDER_UNAVAILABLE, "authentication failed");
    ck_assert_ptr_nonnull(strstr(err.hint, "password"));
    use_no_more();
}
END_TEST

START_TEST(a_server_that_was_killed_is_waited_for)
{
    pid_t child;

    SERVERS_NEEDED(url);
    use(url);
    must_work();
    servers_do("postgres", "kill", NULL);
    (void)must_refuse(LARDER_UNAVAILABLE, "database larder");
    child = meanwhile("begin", NULL);
    must_work();
    must_end(child);
    use_no_more();
}
END_TEST

START_TEST(a_server_that_says_nothing_costs_no_more_than_the_deadline)
{
    larder_call call = call_within(300);
    larder_error err = {0};

    SERVERS_NEEDED(url);
    use(url);
    must_work();
    servers_do("postgres", "pause", NULL);
    ck_assert_int_eq(
        postgres_begin(&line, POSTGRES_READ, &call, &err), LARDER_DEADLINE);
    call = call_within(300); /* and on a new connection */
    ck_assert_int_eq(
        postgres_begin(&line, POSTGRES_READ, &call, &err), LARDER_DEADLINE);
    servers_do("postgres", "resume", NULL);
    must_work();
    use_no_more();
}
END_TEST

/* ---------------------------------------------------------- cut short, again
 */

START_TEST(a_deadline_cancels_what_the_server_is_at)
{
    larder_call call;
    larder_error err = {0};
    char *still;

    SERVERS_NEEDED(url);
    use(url);
    must_work();
    call = call_within(300);
    must(postgres_begin(&line, POSTGRES_READ, &call, &err), &err);
    ck_assert_int_eq(
        postgres_run(&line, "SELECT pg_sleep(60)", &err), LARDER_DEADLINE);
    must_work();
    still = servers_ask("postgres", "sql",
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'");
    ck_assert_str_eq(still, "0\n");
    free(still);
    use_no_more();
}
END_TEST

static volatile int stop;

static void
on_alarm(int number)
{
    (void)number;
    stop = 1;
}

START_TEST(a_caller_who_asks_for_it_is_let_go_at_once)
{
    larder_call call = {.now = 1, .cancel = &stop};
    struct sigaction action = {.sa_handler = on_alarm};
    larder_error err = {0};

    SERVERS_NEEDED(url);
    use(url);
    must(postgres_begin(&line, POSTGRES_READ, &call, &err), &err);
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    (void)alarm(1);
    ck_assert_int_eq(
        postgres_run(&line, "SELECT pg_sleep(60)", &err), LARDER_INTERRUPTED);
    must_work();
    use_no_more();
}
END_TEST

START_TEST(the_servers_own_time_limit_is_told)
{
    larder_call call = call_within(20000);
    larder_error err = {0};

    SERVERS_NEEDED(url);
    servers_do(
        "postgres", "sql", "ALTER ROLE larder SET statement_timeout = '200ms'");
    use(url);
    must(postgres_begin(&line, POSTGRES_READ, &call, &err), &err);
    ck_assert_int_eq(
        postgres_run(&line, "SELECT pg_sleep(60)", &err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "statement timeout (57014)"));
    ck_assert_ptr_nonnull(strstr(err.hint, "statement_timeout"));
    servers_do("postgres", "sql", "ALTER ROLE larder RESET statement_timeout");
    must_work();
    use_no_more();
}
END_TEST

/* Fails as the server would, `left` times. */
struct failing {
    const char *code;
    int left, turns;
};

static larder_status
fail_some(void *context, postgres_link *to, larder_error *err)
{
    struct failing *failing = context;
    char sql[128];

    failing->turns++;
    if (failing->left-- <= 0)
        return postgres_run(to, "SELECT 1", err);
    snprintf(sql, sizeof sql,
        "DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '%s'; END $$",
        failing->code);
    return postgres_run(to, sql, err);
}

START_TEST(what_may_succeed_the_next_time_is_tried_again)
{
    static const char *const codes[] = {"40001", "40P01"};

    SERVERS_NEEDED(url);
    use(url);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct failing failing = {.code = codes[i], .left = 2};
        larder_call call = call_within(20000);
        larder_error err = {0};

        must(postgres_write(&line, &call, fail_some, &failing, &err), &err);
        ck_assert_int_eq(failing.turns, 3);
        failing = (struct failing){.code = codes[i], .left = 1000};
        call = call_within(300);
        ck_assert_int_eq(
            postgres_write(&line, &call, fail_some, &failing, &err),
            LARDER_CONFLICT);
        ck_assert_int_gt(failing.turns, 1);
        ck_assert_ptr_nonnull(strstr(err.message, codes[i]));
        must_work();
    }
    use_no_more();
}
END_TEST

START_TEST(each_failure_of_the_server_has_a_status_its_code_and_its_words)
{
    static const struct known {
        const char *code;
        larder_status status;
    } cases[] = {{"08006", LARDER_UNAVAILABLE}, {"22021", LARDER_INVALID},
        {"23505", LARDER_CONFLICT}, {"25006", LARDER_UNAVAILABLE},
        {"42501", LARDER_UNAVAILABLE}, {"42703", LARDER_INVALID},
        {"42P01", LARDER_NOT_FOUND}, {"53100", LARDER_UNAVAILABLE},
        {"53200", LARDER_UNAVAILABLE}, {"54011", LARDER_LIMIT},
        {"55P03", LARDER_BUSY}, {"57P02", LARDER_UNAVAILABLE},
        {"58030", LARDER_IO}, {"XX001", LARDER_CORRUPT},
        {"P0001", LARDER_INVALID}};

    SERVERS_NEEDED(url);
    use(url);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct failing failing = {.code = cases[i].code, .left = 1};
        larder_call call = call_within(20000);
        larder_error err = {0};

        must(postgres_begin(&line, POSTGRES_WRITE, &call, &err), &err);
        ck_assert_int_eq(fail_some(&failing, &line, &err), cases[i].status);
        ck_assert_ptr_nonnull(strstr(err.message, cases[i].code));
        ck_assert_ptr_nonnull(strstr(err.message, "so it is"));
        ck_assert_ptr_nonnull(strstr(err.message, where.server));
        postgres_undo(&line);
    }
    must_work();
    use_no_more();
}
END_TEST

START_TEST(two_snapshots_that_change_one_row_are_a_conflict)
{
    postgres_link other;
    larder_call call = call_within(20000);
    larder_error err = {0};

    SERVERS_NEEDED(url);
    servers_do("postgres", "sql",
        "CREATE TABLE counters AS SELECT 1 AS n;"
        " ALTER TABLE counters OWNER TO larder");
    use(url);
    postgres_link_init(&other, &where);
    must(postgres_begin(&line, POSTGRES_SNAPSHOT, &call, &err), &err);
    must(postgres_run(&line, "SELECT n FROM counters", &err), &err);
    must(postgres_begin(&other, POSTGRES_WRITE, &call, &err), &err);
    must(postgres_run(&other, "UPDATE counters SET n = 2", &err), &err);
    must(postgres_commit(&other, &err), &err);
    ck_assert_int_eq(postgres_run(&line, "UPDATE counters SET n = 3", &err),
        LARDER_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.message, "40001"));
    ck_assert_int_eq(/* COMMIT of what has failed is a ROLLBACK, and told */
        postgres_commit(&line, &err), LARDER_INVALID);
    must_work();
    postgres_link_close(&other);
    use_no_more();
    servers_do("postgres", "sql", "DROP TABLE counters");
}
END_TEST

/* ---------------------------------------------------------------------- COPY
 */

static void
begin_copy(const larder_call *call)
{
    larder_error err = {0};

    must(postgres_begin(&line, POSTGRES_WRITE, call, &err), &err);
    must(postgres_copy_begin(&line, "COPY copied FROM STDIN", &err), &err);
}

START_TEST(copied_rows_are_there_after_commit_and_come_back)
{
    larder_call call = call_within(20000);
    larder_error err = {0};
    uint64_t n_rows = 0;
    char *bytes = NULL;
    size_t n = 0;

    SERVERS_NEEDED(url);
    use(url);
    must(postgres_begin(&line, POSTGRES_WRITE, &call, &err), &err);
    must(postgres_run(&line,
             "CREATE TABLE public.t(a int); DROP TABLE public.t;"
             " CREATE TEMP TABLE copied(a int) ON COMMIT DROP",
             &err),
        &err);
    must(postgres_copy_begin(&line, "COPY copied FROM STDIN", &err), &err);
    for (int i = 0; i < 1000; i++)
        must(postgres_copy_bytes(&line, "1\n22\n", 5, &err), &err);
    must(postgres_copy_end(&line, &n_rows, &err), &err);
    ck_assert_uint_eq(n_rows, 2000);
    must(postgres_copy_out_begin(
             &line, "COPY (SELECT sum(a) FROM copied) TO STDOUT", &err),
        &err);
    must(postgres_copy_out(&line, &bytes, &n, &err), &err);
    ck_assert_uint_eq(n, 6);
    ck_assert_mem_eq(bytes, "23000\n", 6);
    PQfreemem(bytes);
    must(postgres_copy_out(&line, &bytes, &n, &err), &err);
    ck_assert_ptr_null(bytes);
    must(postgres_commit(&line, &err), &err);
    use_no_more();
}
END_TEST

START_TEST(a_copy_that_ends_badly_leaves_no_row)
{
    larder_call call = call_within(30000);
    larder_error err = {0};
    char *left;
    pid_t child;

    SERVERS_NEEDED(url);
    servers_do("postgres", "sql",
        "CREATE TABLE copied(a int); ALTER TABLE copied OWNER TO larder");
    use(url);
    begin_copy(&call); /* a value that is none */
    must(postgres_copy_bytes(&line, "1\nx\n", 4, &err), &err);
    ck_assert_int_eq(postgres_copy_end(&line, NULL, &err), LARDER_INVALID);
    postgres_undo(&line);
    begin_copy(&call); /* given up */
    must(postgres_copy_bytes(&line, "1\n", 2, &err), &err);
    postgres_copy_abandon(&line, "no more");
    postgres_undo(&line);
    ck_assert_ptr_nonnull(line.conn);
    begin_copy(&call); /* sent away */
    must(postgres_copy_bytes(&line, "1\n", 2, &err), &err);
    servers_do("postgres", "sql", TERMINATE);
    ck_assert_int_eq(postgres_copy_end(&line, NULL, &err), LARDER_UNAVAILABLE);
    begin_copy(&call); /* killed */
    must(postgres_copy_bytes(&line, "1\n", 2, &err), &err);
    servers_do("postgres", "kill", NULL);
    ck_assert_int_eq(postgres_copy_end(&line, NULL, &err), LARDER_UNAVAILABLE);
    child = meanwhile("begin", NULL);
    must_work();
    must_end(child);
    left = servers_ask("postgres", "sql", "SELECT count(*) FROM copied");
    ck_assert_str_eq(left, "0\n");
    free(left);
    use_no_more();
    servers_do("postgres", "sql", "DROP TABLE copied");
}
END_TEST

/* ----------------------------------------------------------------- registry
 */

static const larder_registry_ops *
find_registry(void)
{
    const larder_registry_ops *const *ops = larder_registry_backends();

    while (*ops != NULL && strcmp((*ops)->type, "postgres") != 0)
        ops++;
    ck_assert_ptr_nonnull(*ops);
    return *ops;
}

static larder_status
open_registry(const char *address, const char *schema, bool create,
    const larder_call *call, void **self, larder_error *err)
{
    const larder_registry_ops *ops = find_registry();
    ldr_option list[] = {{.name = "connection_string", .value = address},
        {.name = "db_schema", .value = schema}};
    larder_options given = {
        .options = list, .n_options = 2, .section = "registry"};
    larder_status rc;

    *self = calloc(1, ops->state_bytes);
    ck_assert_ptr_nonnull(*self);
    rc = ops->open(*self, &given, create, call, err);
    if (rc != LARDER_OK)
        free(*self);
    return rc;
}

static void
close_registry(void *self)
{
    find_registry()->close(self);
    free(self);
}

static larder_status
append(void *self, const larder_call *call, uint64_t after, larder_error *err)
{
    char text[] = "a: 1\n";
    larder_generation generation = {
        .hash = "0", .text = text, .n_text = sizeof text - 1, .applied = 7};

    return find_registry()->append(self, call, "p", after, &generation, err);
}

START_TEST(nothing_of_the_registry_is_granted_to_others)
{
    larder_call call = call_within(20000);
    larder_error err = {0};
    void *self;
    char *found, *other;

    SERVERS_NEEDED(url);
    servers_do("postgres", "sql",
        "CREATE ROLE anon LOGIN PASSWORD 'x'; ALTER DEFAULT PRIVILEGES"
        " FOR ROLE larder GRANT ALL ON TABLES TO anon");
    must(open_registry(url, "shut", true, &call, &self, &err), &err);
    found = servers_ask("postgres", "sql",
        "SELECT count(*), bool_and(relrowsecurity),"
        " bool_or(has_table_privilege('anon', oid, 'SELECT')) FROM pg_class"
        " WHERE relnamespace = 'shut'::regnamespace AND relkind = 'r'");
    ck_assert_str_eq(found, "5|t|f\n");
    free(found);
    other = replace(url, "larder:Larder%2B1%20secret", "anon:x");
    void *theirs;
    ck_assert_int_eq(open_registry(other, "shut", false, &call, &theirs, &err),
        LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "42501"));
    /* Rights alone do not show an empty registry: policies hide its rows. */
    servers_do("postgres", "sql",
        "GRANT USAGE ON SCHEMA shut TO anon;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA shut TO anon");
    ck_assert_int_eq(open_registry(other, "shut", false, &call, &theirs, &err),
        LARDER_UNAVAILABLE);
    ck_assert_msg(
        strstr(err.message, "row-level security") != NULL, "%s", err.message);
    close_registry(self);
    free(other);
    servers_do("postgres", "sql",
        "DROP SCHEMA shut CASCADE; ALTER DEFAULT PRIVILEGES FOR ROLE larder"
        " REVOKE ALL ON TABLES FROM anon; DROP ROLE anon");
}
END_TEST

START_TEST(a_server_that_takes_no_writes_is_named_and_still_read)
{
    larder_call call = call_within(30000);
    larder_error err = {0};
    uint64_t number = 0;
    void *self;

    SERVERS_NEEDED(url);
    must(open_registry(url, "calm", true, &call, &self, &err), &err);
    must(append(self, &call, 0, &err), &err);
    close_registry(self);
    servers_do("postgres", "sql",
        "ALTER ROLE larder SET default_transaction_read_only = on");
    must(open_registry(url, "calm", false, &call, &self, &err), &err);
    ck_assert_int_eq(append(self, &call, 1, &err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "25006"));
    ck_assert_ptr_nonnull(strstr(err.hint, "standby"));
    must(find_registry()->newest(self, &call, "p", &number, &err), &err);
    ck_assert_uint_eq(number, 1);
    close_registry(self);
    servers_do("postgres", "sql",
        "ALTER ROLE larder RESET default_transaction_read_only");
    must(open_registry(url, "calm", false, &call, &self, &err), &err);
    must(append(self, &call, 1, &err), &err);
    close_registry(self);
}
END_TEST

START_TEST(a_standby_is_read_and_told_from_a_primary)
{
    larder_call call = call_within(60000);
    larder_error err = {0};
    uint64_t number = 0;
    void *self;
    char *address;

    SERVERS_NEEDED(url);
    must(open_registry(url, "copy", true, &call, &self, &err), &err);
    must(append(self, &call, 0, &err), &err);
    close_registry(self);
    servers_do("postgres", "standby", NULL);
    address = servers_word("postgres", "standby/url");
    must(open_registry(address, "copy", false, &call, &self, &err), &err);
    must(find_registry()->newest(self, &call, "p", &number, &err), &err);
    ck_assert_uint_eq(number, 1);
    ck_assert_int_eq(append(self, &call, 1, &err), LARDER_UNAVAILABLE);
    ck_assert_msg(strstr(err.message, "25006") != NULL, "%s", err.message);
    close_registry(self);
    free(address);
}
END_TEST

/* A text that no compression makes much shorter. */
static larder_status
append_long(
    void *self, const larder_call *call, uint64_t after, larder_error *err)
{
    static char text[1 << 20];
    larder_generation generation = {
        .hash = "0", .text = text, .n_text = sizeof text, .applied = 7};
    uint64_t state = 1;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(' ' + support_below(&state, 90));
    return find_registry()->append(self, call, "p", after, &generation, err);
}

START_TEST(a_full_disk_is_told_and_nothing_is_kept)
{
    larder_call call = call_within(30000);
    larder_error err = {0};
    uint64_t number = 0;
    void *self;
    char *has, sql[512];

    SERVERS_NEEDED(url);
    has = servers_word("postgres", "has_small");
    if (strcmp(has, "yes") != 0) { /* only root can make one */
        servers_skip(__func__);
        free(has);
        return;
    }
    free(has);
    snprintf(sql, sizeof sql, "CREATE TABLESPACE small LOCATION '%s/small'",
        servers_folder("postgres"));
    servers_do("postgres", "sql", sql);
    servers_do("postgres", "sql",
        "GRANT CREATE ON TABLESPACE small TO larder;"
        " ALTER ROLE larder SET default_tablespace = small;"
        " CREATE TABLE ballast TABLESPACE small AS"
        " SELECT repeat('x', 1000) FROM generate_series(1, 2500)");
    must(open_registry(url, "full", true, &call, &self, &err), &err);
    must(append(self, &call, 0, &err), &err);
    ck_assert_int_eq(append_long(self, &call, 1, &err), LARDER_UNAVAILABLE);
    ck_assert_msg(strstr(err.message, "53100") != NULL, "%s", err.message);
    ck_assert_ptr_nonnull(strstr(err.hint, "disk"));
    must(find_registry()->newest(self, &call, "p", &number, &err), &err);
    ck_assert_uint_eq(number, 1);
    servers_do("postgres", "sql", "DROP TABLE ballast");
    must(append_long(self, &call, 1, &err), &err);
    close_registry(self);
    servers_do("postgres", "sql",
        "ALTER ROLE larder RESET default_tablespace;"
        " DROP SCHEMA \"full\" CASCADE");
    servers_do("postgres", "sql", "DROP TABLESPACE small");
}
END_TEST

/* In a child: send away whoever waits for a synchronous standby. */
static pid_t
terminate_the_waiting(void)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    for (int turn = 0; child == 0 && turn < 200; turn++) {
        struct timespec pause = {.tv_nsec = 20000000};
        char *done = servers_ask("postgres", "sql",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event = 'SyncRep'");

        if (done[0] == 't')
            _exit(0);
        free(done);
        (void)nanosleep(&pause, NULL);
    }
    if (child == 0)
        _exit(1);
    return child;
}

START_TEST(an_append_whose_commit_went_unanswered_is_found_again)
{
    larder_call call = call_within(30000);
    larder_error err = {0};
    larder_status rc;
    void *self;
    pid_t child;

    SERVERS_NEEDED(url);
    must(open_registry(url, "doubt", true, &call, &self, &err), &err);
    /* A COMMIT now stands, and waits for nobody's word. */
    servers_do(
        "postgres", "sql", "ALTER SYSTEM SET synchronous_standby_names = 'n'");
    servers_do("postgres", "sql", "SELECT pg_reload_conf()");
    child = terminate_the_waiting();
    rc = append(self, &call, 0, &err);
    must_end(child);
    servers_do(
        "postgres", "sql", "ALTER SYSTEM RESET synchronous_standby_names");
    servers_do("postgres", "sql", "SELECT pg_reload_conf()");
    must(rc, &err);
    must(append(self, &call, 1, &err), &err);
    close_registry(self);
}
END_TEST

START_TEST(a_commit_whose_end_is_unknown_says_so)
{
    larder_call call;
    larder_error err = {0};

    SERVERS_NEEDED(url);
    servers_do("postgres", "sql",
        "CREATE TABLE slow(a int); ALTER TABLE slow OWNER TO larder;"
        " CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER sleep AFTER INSERT ON slow"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION sleep()");
    use(url);
    must_work();
    call = call_within(500);
    must(postgres_begin(&line, POSTGRES_WRITE, &call, &err), &err);
    must(postgres_run(&line, "INSERT INTO slow VALUES(1)", &err), &err);
    ck_assert_int_eq(postgres_commit(&line, &err), LARDER_DEADLINE);
    ck_assert(line.doubtful);
    ck_assert_ptr_nonnull(strstr(err.message, "not known"));
    must_work();
    ck_assert(!line.doubtful);
    use_no_more();
    servers_do("postgres", "sql", "DROP TABLE slow; DROP FUNCTION sleep()");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("postgres");
    TCase *tests = tcase_create("connections");

    url = servers_start("postgres");
    pooled = servers_start("pgbouncer");
    tcase_add_test(tests, an_address_may_be_one_text_or_word_by_word);
    tcase_add_test(tests, a_host_elsewhere_is_never_spoken_to_without_tls);
    tcase_add_test(tests, faulty_options_are_told_and_never_what_may_be_secret);
    tcase_add_test(tests, a_wrong_password_is_refused_without_showing_it);
    tcase_add_test(tests, a_database_that_is_not_there_is_named);
    tcase_add_test(tests, where_nobody_listens_the_address_is_told);
    tcase_add_test(tests, tls_is_verified_and_its_absence_refused);
    tcase_add_test(tests, where_connections_are_too_many_it_is_said_and_waited);
    tcase_add_test(tests, a_connection_lost_between_transactions_is_made_again);
    tcase_add_test(tests, a_connection_lost_in_a_transaction_fails_that_one);
    tcase_add_test(tests, behind_a_pooler_a_server_may_be_lost_as_well);
    tcase_add_test(tests, a_server_that_was_killed_is_waited_for);
    tcase_add_test(
        tests, a_server_that_says_nothing_costs_no_more_than_the_deadline);
    tcase_add_test(tests, a_deadline_cancels_what_the_server_is_at);
    tcase_add_test(tests, a_caller_who_asks_for_it_is_let_go_at_once);
    tcase_add_test(tests, the_servers_own_time_limit_is_told);
    tcase_add_test(tests, what_may_succeed_the_next_time_is_tried_again);
    tcase_add_test(
        tests, each_failure_of_the_server_has_a_status_its_code_and_its_words);
    tcase_add_test(tests, two_snapshots_that_change_one_row_are_a_conflict);
    tcase_add_test(tests, copied_rows_are_there_after_commit_and_come_back);
    tcase_add_test(tests, a_copy_that_ends_badly_leaves_no_row);
    tcase_add_test(tests, nothing_of_the_registry_is_granted_to_others);
    tcase_add_test(
        tests, a_server_that_takes_no_writes_is_named_and_still_read);
    tcase_add_test(tests, a_full_disk_is_told_and_nothing_is_kept);
    tcase_add_test(tests, a_standby_is_read_and_told_from_a_primary);
    tcase_add_test(
        tests, an_append_whose_commit_went_unanswered_is_found_again);
    tcase_add_test(tests, a_commit_whose_end_is_unknown_says_so);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
