/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_redis.c - what may go wrong between Larder and a Redis server, done to a
 * real one: each is a failure by its name, and afterwards the same works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/redis.h"
#include "definition/config.h"
#include "tests/online.h"
#include "tests/servers.h"

static const char *url; /* NULL: servers are skipped */
static char prefix[64];
static larder_error err;
static online_items items;

static void
begin(void)
{
    snprintf(prefix, sizeof prefix, "t%ld:", (long)getpid());
    err = (larder_error){0};
    items = (online_items){0};
}

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

static void
cli(const char *words)
{
    servers_do("redis", "cli", words);
}

/* What the server says, without the end of its line; kept until the next. */
static const char *
answer(const char *words)
{
    static char text[256];
    char *said = servers_ask("redis", "cli", words);

    snprintf(text, sizeof text, "%s", said);
    text[strcspn(text, "\n")] = '\0';
    free(said);
    return text;
}

/* ----------------------------------------------------------------- opening */

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static online
open_store(void)
{
    return online_must_open(
        "redis", WORDS("connection_string", url, "key_prefix", prefix), true);
}

/* It cannot be opened; what the message or the hint says. */
static void
is_refused(const char *const *words, larder_status status, const char *says)
{
    online store;
    int64_t from = monotonic();
    larder_status rc;

    err = (larder_error){0};
    rc = online_open(&store, "redis", words, true, &err);
    ck_assert_msg(rc == status, "%s: %d: %s", says, (int)rc, err.message);
    ck_assert_msg(
        strstr(err.message, says) != NULL || strstr(err.hint, says) != NULL,
        "'%s' is not in: %s (%s)", says, err.message, err.hint);
    ck_assert_msg(monotonic() - from < 5000000, "%s: too late", says);
}

/* An address of the server, with other words; yours to free(). */
static char *
address_of(const char *file)
{
    return servers_word("redis", file);
}

static const char *
file_of(const char *name)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", servers_folder("redis"), name);
    return path;
}

/* ---------------------------------------------------------------- one row */

static larder_status
put_text(online *store, const char *key, uint64_t event, const char *text,
    larder_call call)
{
    online_row row = online_make(event, 1, text);
    larder_put put = online_newest(key, 1, &row);
    larder_outcome outcome;

    err = (larder_error){0};
    return store->ops->put(store->self, &call, &put, 1, &outcome, &err);
}

typedef struct finding {
    larder_found found;
    char text[64];
} finding;

static larder_status
keep_text(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *no_err)
{
    finding *to = (finding *)self;

    (void)want, (void)table, (void)no_err;
    snprintf(to->text, sizeof to->text, "%.*s",
        (int)(row.size - LARDER_ROW_HEAD_BYTES),
        (const char *)row.data + LARDER_ROW_HEAD_BYTES);
    return LARDER_OK;
}

static larder_status
get_text(online *store, const char *key, char text[64], larder_call call)
{
    finding to = {.found = {keep_text}};
    larder_table_id table = online_table(1);
    larder_want want = {online_key(key), &table, 1};
    larder_status rc;

    err = (larder_error){0};
    rc = store->ops->get(store->self, &call, &want, 1, &to.found, &err);
    memcpy(text, to.text, 64);
    return rc;
}

static void
holds(online *store, const char *key, const char *expected)
{
    char text[64];
    larder_status rc = get_text(store, key, text, call_within(5000));

    ck_assert_msg(rc == LARDER_OK, "%s", err.message);
    ck_assert_str_eq(text, expected);
}

static void
must_put(online *store, const char *key, uint64_t event, const char *text)
{
    larder_status rc = put_text(store, key, event, text, call_within(5000));

    ck_assert_msg(rc == LARDER_OK, "%s", err.message);
}

static bool
said(const char *words)
{
    return strstr(err.message, words) != NULL ||
           strstr(err.hint, words) != NULL;
}

/* ------------------------------------------------------- killed and stopped */

START_TEST(a_killed_server_is_unavailable_and_an_empty_one_is_not_believed)
{
    SERVERS_NEEDED(url);
    online store = open_store(), other;
    char text[64];

    must_put(&store, "k", 1, "one");
    servers_do("redis", "kill", NULL);
    ck_assert_int_eq(
        get_text(&store, "k", text, call_within(700)), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "redis.sock"));
    ck_assert_int_eq(
        put_text(&store, "k", 2, "two", call_within(700)), LARDER_UNAVAILABLE);
    servers_do("redis", "begin", NULL);
    ck_assert_int_eq(
        get_text(&store, "k", text, call_within(5000)), LARDER_UNAVAILABLE);
    ck_assert(said("was emptied"));
    ck_assert(said("larder apply"));
    ck_assert_int_eq(
        put_text(&store, "k", 2, "two", call_within(5000)), LARDER_UNAVAILABLE);
    ck_assert_int_eq(
        online_open(&other, "redis",
            WORDS("connection_string", url, "key_prefix", prefix), false, &err),
        LARDER_NOT_FOUND);
    other = open_store();
    must_put(&other, "k", 3, "three");
    /* said once, then the new one is believed */
    ck_assert_int_eq(
        get_text(&store, "k", text, call_within(5000)), LARDER_UNAVAILABLE);
    ck_assert(said("made anew"));
    holds(&store, "k", "three");
    must_put(&store, "k", 4, "four");
    holds(&other, "k", "four");
    online_close(&other);
    online_close(&store);
}
END_TEST

START_TEST(a_stopped_server_costs_the_deadline_and_no_more)
{
    SERVERS_NEEDED(url);
    online store = open_store();
    char text[64];
    int64_t from;
    larder_status rc;

    must_put(&store, "k", 1, "one");
    servers_do("redis", "pause", NULL);
    for (int turn = 0; turn < 2; turn++) { /* an old connection, then a new */
        from = monotonic();
        rc = get_text(&store, "k", text, call_within(200));
        ck_assert(rc == LARDER_DEADLINE || rc == LARDER_UNAVAILABLE);
        ck_assert_int_lt(monotonic() - from, 2000000);
    }
    rc = put_text(&store, "k", 2, "two", call_within(200));
    ck_assert(rc == LARDER_DEADLINE || rc == LARDER_UNAVAILABLE);
    servers_do("redis", "resume", NULL);
    must_put(&store, "k", 3, "three");
    holds(&store, "k", "three");
    online_close(&store);
}
END_TEST

START_TEST(a_connection_that_was_closed_meanwhile_is_opened_again)
{
    SERVERS_NEEDED(url);
    online store = open_store();

    for (uint64_t turn = 1; turn < 4; turn++) {
        must_put(&store, "k", turn, "x");
        cli("client kill type normal skipme yes");
        holds(&store, "k", "x");
        cli("client kill type normal skipme yes");
    }
    online_close(&store);
}
END_TEST

/* ------------------------------------------------- what the server will not */

START_TEST(a_full_server_is_a_limit_and_nothing_is_half_written)
{
    SERVERS_NEEDED(url);
    online store = open_store();

    must_put(&store, "k", 1, "one");
    cli("config set maxmemory 1");
    ck_assert_int_eq(
        put_text(&store, "k", 2, "two", call_within(5000)), LARDER_LIMIT);
    ck_assert(said("maxmemory"));
    holds(&store, "k", "one");
    cli("config set maxmemory 0");
    must_put(&store, "k", 2, "two");
    holds(&store, "k", "two");
    online_close(&store);
}
END_TEST

START_TEST(a_read_only_replica_reads_and_names_the_remedy)
{
    SERVERS_NEEDED(url);
    online store = open_store(), copy;
    char *address;

    must_put(&store, "k", 1, "one");
    servers_do("redis", "replica", NULL);
    address = address_of("url_replica");
    copy = online_must_open("redis",
        WORDS("connection_string", address, "key_prefix", prefix), false);
    holds(&copy, "k", "one");
    ck_assert_int_eq(
        put_text(&copy, "k", 2, "two", call_within(5000)), LARDER_UNAVAILABLE);
    ck_assert(said("READONLY"));
    ck_assert(said("primary"));
    online_close(&copy);
    online_close(&store);
    free(address);
}
END_TEST

START_TEST(an_evicting_server_is_refused_unless_allowed)
{
    SERVERS_NEEDED(url);
    online store;

    cli("config set maxmemory-policy allkeys-lru");
    is_refused(WORDS("connection_string", url, "key_prefix", prefix),
        LARDER_UNAVAILABLE, "maxmemory-policy is allkeys-lru");
    ck_assert(said("allow_eviction: true"));
    store = online_must_open("redis",
        WORDS("connection_string", url, "key_prefix", prefix, "allow_eviction",
            "true"),
        true);
    must_put(&store, "k", 1, "one");
    online_close(&store);
    cli("config set maxmemory-policy noeviction");
}
END_TEST

START_TEST(keys_without_their_canary_are_not_taken_for_a_store)
{
    SERVERS_NEEDED(url);
    online store = open_store();
    char words[128], text[64];

    must_put(&store, "k", 1, "one");
    snprintf(words, sizeof words, "del %scanary", prefix);
    cli(words); /* as an eviction would */
    ck_assert_int_eq(
        get_text(&store, "k", text, call_within(5000)), LARDER_UNAVAILABLE);
    ck_assert_int_eq(get_text(&store, "absent", text, call_within(5000)),
        LARDER_UNAVAILABLE);
    is_refused(WORDS("connection_string", url, "key_prefix", prefix),
        LARDER_UNAVAILABLE, "lost some of the store");
    ck_assert(said("larder materialize"));
    snprintf(words, sizeof words, "del %sk", prefix);
    cli(words);
    online_close(&store);
    store = open_store();
    holds(&store, "k", "");
    online_close(&store);
}
END_TEST

START_TEST(a_key_of_another_program_is_told)
{
    SERVERS_NEEDED(url);
    online store = open_store();
    char words[128], text[64];

    snprintf(words, sizeof words, "set %sk theirs", prefix);
    cli(words);
    ck_assert_int_eq(
        get_text(&store, "k", text, call_within(5000)), LARDER_CORRUPT);
    ck_assert(said("key_prefix"));
    ck_assert_int_eq(
        put_text(&store, "k", 1, "one", call_within(5000)), LARDER_CORRUPT);
    online_close(&store);
}
END_TEST

/* ------------------------------------------------------- password and rights
 */

START_TEST(a_wrong_password_is_told_without_it)
{
    SERVERS_NEEDED(url);
    char *right = address_of("url_user"), wrong[256];
    const char *at = strchr(right, '@');

    snprintf(wrong, sizeof wrong, "redis://larder:hunter2%s", at);
    is_refused(WORDS("connection_string", wrong), LARDER_UNAVAILABLE,
        "user name or password is wrong");
    ck_assert(!said("hunter2") && !said("larder:"));
    snprintf(wrong, sizeof wrong, "redis://:hunter2%s", at);
    is_refused(WORDS("connection_string", wrong), LARDER_UNAVAILABLE,
        "it has no password");
    cli("acl setuser default resetpass >sesame");
    is_refused(WORDS("connection_string", url), LARDER_UNAVAILABLE,
        "a password is required");
    servers_do("redis", "cli",
        "--no-auth-warning -a sesame acl setuser default nopass");
    free(right);
}
END_TEST

START_TEST(a_right_that_is_missing_is_named)
{
    SERVERS_NEEDED(url);
    char *address = address_of("url_user");
    online store = online_must_open("redis",
        WORDS("connection_string", address, "key_prefix", prefix), true);
    char text[64];

    must_put(&store, "k", 1, "one");
    cli("acl setuser larder -hget -hmget");
    ck_assert_int_eq(
        get_text(&store, "k", text, call_within(5000)), LARDER_UNAVAILABLE);
    ck_assert(said("NOPERM"));
    cli("acl setuser larder +hget +hmget");
    holds(&store, "k", "one");
    online_close(&store);
    free(address);
}
END_TEST

/* ------------------------------------------------------------------- TLS */

START_TEST(certificates_and_host_names_are_checked)
{
    SERVERS_NEEDED(url);
    char *tls = address_of("url_tls"), *tcp = address_of("url_tcp");
    char other[256];
    online store;

    is_refused(
        WORDS("connection_string", tls), LARDER_UNAVAILABLE, "certificate");
    is_refused(WORDS("connection_string", tls, "ca", file_of("other-ca.crt")),
        LARDER_UNAVAILABLE, "certificate");
    snprintf(other, sizeof other, "rediss://127.0.0.1%s", strrchr(tls, ':'));
    is_refused(WORDS("connection_string", other, "ca", file_of("ca.crt")),
        LARDER_UNAVAILABLE, "127.0.0.1");
    is_refused(WORDS("connection_string", tls, "ca", file_of("nothing")),
        LARDER_UNAVAILABLE, "PEM");
    cli("config set tls-auth-clients yes");
    is_refused(WORDS("connection_string", tls, "ca", file_of("ca.crt")),
        LARDER_UNAVAILABLE, "localhost");
    store = online_must_open("redis",
        WORDS("connection_string", tls, "key_prefix", prefix, "ca",
            file_of("ca.crt"), "certificate", file_of("client.crt"), "key",
            file_of("client.key")),
        true);
    must_put(&store, "k", 1, "one");
    holds(&store, "k", "one");
    online_close(&store);
    cli("config set tls-auth-clients optional");
    free(tls);
    free(tcp);
}
END_TEST

START_TEST(tls_where_there_is_none_and_none_where_there_is)
{
    SERVERS_NEEDED(url);
    char *tls = address_of("url_tls"), *tcp = address_of("url_tcp");
    char wrong[256];
    ldr_option option = {.name = "connection_string", .value = wrong};
    larder_options section;
    redis_options options = {0};
    larder_call call = call_within(1500);
    redis_link *link = NULL;
    bool refused = false;
    larder_status rc;

    snprintf(wrong, sizeof wrong, "redis://localhost%s", strrchr(tls, ':'));
    is_refused(
        WORDS("connection_string", wrong), LARDER_UNAVAILABLE, "rediss://");
    /* A server in clear may also wait for the end of what it takes for a line.
     */
    snprintf(wrong, sizeof wrong, "rediss://localhost%s", strrchr(tcp, ':'));
    section = (larder_options){.options = &option, .n_options = 1};
    ck_assert_int_eq(redis_options_read(&section, &options, &err), LARDER_OK);
    rc = redis_link_open(
        &options, options.addresses, &call, &refused, &link, &err);
    ck_assert(rc == LARDER_UNAVAILABLE || rc == LARDER_DEADLINE);
    ck_assert_msg(said("redis:// rather than rediss://"), "%s (%s)",
        err.message, err.hint);
    redis_options_free(&options);
    free(tls);
    free(tcp);
}
END_TEST

/* --------------------------------------------------- inside the server */

START_TEST(rows_are_compared_as_bytes_in_any_locale)
{
    SERVERS_NEEDED(url);
    online store = open_store();

    /* This server would say that 'a' < 'B'; bytes say it is greater. */
    ck_assert_str_eq(
        answer("eval return('a'<'B'and'locale'or'bytes') 0"), "locale");
    must_put(&store, "k", 1, "B");
    must_put(&store, "k", 1, "a");
    holds(&store, "k", "a");
    must_put(&store, "k", 1, "B");
    holds(&store, "k", "a");
    must_put(&store, "k", 1, "\xC3\xA4"); /* an umlaut, after a in bytes */
    must_put(&store, "k", 1, "b");
    holds(&store, "k", "\xC3\xA4");
    online_close(&store);
}
END_TEST

START_TEST(functions_that_went_away_are_loaded_again)
{
    SERVERS_NEEDED(url);
    online store = open_store();

    must_put(&store, "k", 1, "one");
    cli("function flush");
    must_put(&store, "k", 2, "two");
    holds(&store, "k", "two");
    online_close(&store);
}
END_TEST

START_TEST(who_may_not_load_functions_uses_scripts)
{
    SERVERS_NEEDED(url);
    char *tcp = address_of("url_tcp"), address[256];
    online store;

    cli("acl setuser scripts on >pw ~* +@all -function -fcall");
    snprintf(address, sizeof address, "redis://scripts:pw@%s", tcp + 8);
    store = online_must_open("redis",
        WORDS("connection_string", address, "key_prefix", prefix), true);
    must_put(&store, "k", 2, "two");
    must_put(&store, "k", 1, "one");
    cli("script flush");
    must_put(&store, "k", 3, "three");
    holds(&store, "k", "three");
    online_close(&store);
    free(tcp);
}
END_TEST

START_TEST(rows_expire_but_not_the_stores_own)
{
    SERVERS_NEEDED(url);
    online store = online_must_open("redis",
        WORDS("connection_string", url, "key_prefix", prefix, "key_ttl_seconds",
            "100"),
        true);
    larder_call call = call_within(5000);
    online_row row = online_make(1, 1, "x");
    larder_put own = online_newest("", 1, &row);
    larder_outcome outcome;
    char words[160];
    long seconds;

    own.key = (larder_bytes){"\0\0\0\0own", 7};
    must_put(&store, "k", 1, "one");
    ck_assert_int_eq(
        store.ops->put(store.self, &call, &own, 1, &outcome, &err), LARDER_OK);
    snprintf(words, sizeof words, "ttl %sk", prefix);
    seconds = strtol(answer(words), NULL, 10);
    ck_assert_int_ge(seconds, 90);
    ck_assert_int_le(seconds, 100);
    snprintf(words, sizeof words, "ttl %scanary", prefix);
    ck_assert_str_eq(answer(words), "-1");
    snprintf(words, sizeof words,
        "eval return(redis.call('ttl','%s\\0\\0\\0\\0own')) 0", prefix);
    ck_assert_str_eq(answer(words), "-1");
    online_close(&store);
}
END_TEST

/* ------------------------------------------------------- many at the same time
 */

#define N_WRITERS 4u
#define N_PUTS 150u

/* In a child: rows in any order. */
static void
write_rows(uint64_t seed)
{
    online store = open_store();

    for (unsigned i = 0; i < N_PUTS; i++) {
        char key[8], text[24];
        uint64_t event = 1 + support_below(&seed, 1000);

        snprintf(key, sizeof key, "k%d", (int)support_below(&seed, 3));
        snprintf(text, sizeof text, "%d", (int)event);
        must_put(&store, key, event, text);
    }
    online_close(&store);
    _exit(0);
}

START_TEST(of_many_writers_the_newest_row_stands)
{
    SERVERS_NEEDED(url);
    online store = open_store();
    uint64_t newest[3] = {0};

    for (uint64_t w = 1; w <= N_WRITERS; w++) {
        uint64_t seed = w;

        if (fork() == 0)
            write_rows(w);
        for (unsigned i = 0; i < N_PUTS; i++) { /* the same numbers again */
            uint64_t event = 1 + support_below(&seed, 1000);
            size_t key = support_below(&seed, 3);

            if (event > newest[key])
                newest[key] = event;
        }
    }
    for (uint64_t w = 0; w < N_WRITERS; w++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    for (int k = 0; k < 3; k++) {
        char key[8], text[24];

        snprintf(key, sizeof key, "k%d", k);
        snprintf(text, sizeof text, "%d", (int)newest[k]);
        holds(&store, key, text);
    }
    online_close(&store);
}
END_TEST

/* Many rows of many entities, and the store's own among them. */
START_TEST(a_put_of_many_portions_has_each_outcome_in_its_place)
{
    SERVERS_NEEDED(url);
    enum { N = 3000 };
    online store = open_store();
    static char keys[N][16];
    static online_row rows[N];
    static larder_put puts[N];
    static larder_outcome outcomes[N];
    larder_call call = call_within(20000);

    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < N; i++) {
            snprintf(keys[i], sizeof keys[i], "k%d", (int)(i * 7919 % 1000));
            rows[i] = online_make(turn == 1 && i % 3 == 1 ? 4 : 5, 1,
                turn == 1 && i % 3 == 0 ? "then" : "first");
            puts[i] = online_newest(keys[i], 1 + i / 1000, &rows[i]);
            if (i % 1000 == 500)
                puts[i].key = (larder_bytes){"\0\0\0\0own", 7};
        }
        ck_assert_int_eq(
            store.ops->put(store.self, &call, puts, N, outcomes, &err),
            LARDER_OK);
        for (size_t i = 0; i < N; i++)
            ck_assert_int_eq(outcomes[i], turn == 0 || i % 3 == 0
                                              ? LARDER_WRITTEN
                                          : i % 3 == 1 ? LARDER_OLDER
                                                       : LARDER_UNCHANGED);
    }
    online_dump(&store, 700, &items);
    ck_assert_uint_eq(items.n_items, 999 * 3 + 3);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

/* -------------------------------------------------------------------- main */

int
main(void)
{
    Suite *suite = suite_create("redis");
    TCase *tests = tcase_create("against a server");

    url = servers_start("redis");
    tcase_add_checked_fixture(tests, begin, NULL);
    tcase_set_timeout(tests, 30);
#define ADD(name) tcase_add_test(tests, name)
    ADD(a_killed_server_is_unavailable_and_an_empty_one_is_not_believed);
    ADD(a_stopped_server_costs_the_deadline_and_no_more);
    ADD(a_connection_that_was_closed_meanwhile_is_opened_again);
    ADD(a_full_server_is_a_limit_and_nothing_is_half_written);
    ADD(a_read_only_replica_reads_and_names_the_remedy);
    ADD(an_evicting_server_is_refused_unless_allowed);
    ADD(keys_without_their_canary_are_not_taken_for_a_store);
    ADD(a_key_of_another_program_is_told);
    ADD(a_wrong_password_is_told_without_it);
    ADD(a_right_that_is_missing_is_named);
    ADD(certificates_and_host_names_are_checked);
    ADD(tls_where_there_is_none_and_none_where_there_is);
    ADD(rows_are_compared_as_bytes_in_any_locale);
    ADD(functions_that_went_away_are_loaded_again);
    ADD(who_may_not_load_functions_uses_scripts);
    ADD(rows_expire_but_not_the_stores_own);
    ADD(of_many_writers_the_newest_row_stands);
    ADD(a_put_of_many_portions_has_each_outcome_in_its_place);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
