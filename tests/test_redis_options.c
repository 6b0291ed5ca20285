/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_redis_options.c - how a Redis store is named in the configuration, and
 * servers that answer what no Redis does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/redis_reply.h"
#include "definition/config.h"
#include "tests/support.h"

#define SECRET "hunter2"
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static larder_error err;
static redis_options options;

static larder_status
read_words(const char *const *words)
{
    ldr_option list[8];
    larder_options section = {.options = list, .section = "online_store"};

    for (; *words != NULL; words += 2)
        list[section.n_options++] =
            (ldr_option){.name = words[0], .value = words[1]};
    err = (larder_error){0};
    return redis_options_read(&section, &options, &err);
}

static void
reads(const char *const *words)
{
    redis_options_free(&options);
    ck_assert_msg(read_words(words) == LARDER_OK, "%s", err.message);
}

static void
is_at(const char *host, unsigned port)
{
    ck_assert_str_eq(options.addresses[0].host, host);
    ck_assert_uint_eq(options.addresses[0].port, port);
}

static void
done(void)
{
    redis_options_free(&options);
}

/* ------------------------------------------------------------
 * connection_string
 */

START_TEST(a_url_says_host_port_database_user_and_password)
{
    reads(
        WORDS("connection_string", "redis://ann:" SECRET "@db.example:7000/3"));
    is_at("db.example", 7000);
    ck_assert_str_eq(options.username, "ann");
    ck_assert_str_eq(options.password, SECRET);
    ck_assert_uint_eq(options.database, 3);
    ck_assert(!options.tls);
    reads(WORDS("connection_string", "rediss://:p%40ss%2F%3A%25@h"));
    is_at("h", 6379);
    ck_assert_ptr_null(options.username);
    ck_assert_str_eq(options.password, "p@ss/:%");
    ck_assert(options.tls);
    reads(WORDS("connection_string", "redis://[::1]:6380?db=2"));
    is_at("::1", 6380);
    ck_assert_uint_eq(options.database, 2);
    reads(WORDS("connection_string", "redis://:a/b@c?d@h:1"));
    is_at("h", 1);
    ck_assert_str_eq(options.password, "a/b@c?d");
}
END_TEST

START_TEST(a_unix_socket_is_a_path)
{
    reads(WORDS("connection_string", "unix:///run/redis%20a.sock?db=1"));
    ck_assert_str_eq(options.addresses[0].socket, "/run/redis a.sock");
    ck_assert_uint_eq(options.database, 1);
    reads(WORDS("connection_string", "unix://u:p@/r.sock"));
    ck_assert_str_eq(options.username, "u");
    ck_assert_str_eq(options.password, "p");
    reads(WORDS("connection_string", "/r.sock,password=p"));
    ck_assert_str_eq(options.addresses[0].socket, "/r.sock");
}
END_TEST

START_TEST(feasts_comma_string_is_read)
{
    reads(WORDS("connection_string", "localhost:6379", "redis_type", "redis",
        "key_ttl_seconds", "60"));
    is_at("localhost", 6379);
    ck_assert_uint_eq(options.key_ttl_seconds, 60);
    reads(WORDS("connection_string",
        "h:6380,ssl=true,username=u,password=a=b@c,db=4,ssl_ca_certs=/ca"));
    is_at("h", 6380);
    ck_assert(options.tls);
    ck_assert_str_eq(options.username, "u");
    ck_assert_str_eq(options.password, "a=b@c");
    ck_assert_str_eq(options.ca, "/ca");
    ck_assert_uint_eq(options.database, 4);
    reads(WORDS(
        "connection_string", "a:1,b:2,c:3", "redis_type", "redis_cluster"));
    ck_assert_uint_eq(options.n_addresses, 3);
    ck_assert_uint_eq(options.addresses[2].port, 3);
    reads(WORDS("connection_string", "a,b", "redis_type", "redis_sentinel",
        "sentinel_master", "main"));
    ck_assert_uint_eq(options.addresses[1].port, 26379);
    ck_assert_str_eq(options.master, "main");
}
END_TEST

START_TEST(secrets_may_stand_beside_the_address)
{
    reads(WORDS("connection_string", "h", "username", "u", "password", SECRET));
    ck_assert_str_eq(options.password, SECRET);
    ck_assert_str_eq(options.username, "u");
}
END_TEST

START_TEST(what_is_wrong_is_named_and_no_secret_is_shown)
{
    static const struct {
        const char *address, *name, *value, *says;
    } wrong[] = {
        {"", NULL, NULL, "connection_string"},
        {"redis://u:" SECRET "%zz@h", NULL, NULL, "hexadecimal"},
        {"redis://u:" SECRET "@h:99999", NULL, NULL, "port"},
        {"redis://u:" SECRET "@", NULL, NULL, "host"},
        {"redis://u:" SECRET "@h/" SECRET, NULL, NULL, "database"},
        {"redis://h?password=" SECRET, NULL, NULL, "db=N"},
        {"http://u:" SECRET "@h", NULL, NULL, "redis://"},
        {"unix://" SECRET, NULL, NULL, "absolute"},
        {"unix:///s", "redis_type", "redis_cluster", "Unix socket"},
        {"password=" SECRET, NULL, NULL, "host"},
        {"h,pass=" SECRET, NULL, NULL, "password"},
        {"h,password=a," SECRET "=b", NULL, NULL, "comma"},
        {"h,ssl=" SECRET, NULL, NULL, "true or false"},
        {"h,ssl=true,ssl_cert_reqs=none,password=" SECRET, NULL, NULL,
            "always checked"},
        {"h,db=x", NULL, NULL, "number"},
        {"a:1,b:2,password=" SECRET, NULL, NULL, "redis_type"},
        {"a/1", "redis_type", "redis_cluster", "host"},
        {"a,db=1", "redis_type", "redis_cluster", "database 0"},
        {"a", "redis_type", "cluster", "redis_sentinel"},
        {"a", "key_ttl_seconds", "1h", "seconds"},
        {"a", "username", "u", "no password"},
        {"a", "ca", "/ca", "TLS"},
        {"rediss://a", "certificate", "/c", "together"},
        {"a", "allow_eviction", "maybe", "allow_eviction"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        larder_status rc = read_words(WORDS("connection_string",
            wrong[i].address, wrong[i].name, wrong[i].value));

        ck_assert_msg(rc == LARDER_INVALID, "%s is taken", wrong[i].address);
        ck_assert_msg(strstr(err.message, wrong[i].says) != NULL,
            "'%s' is not in: %s", wrong[i].says, err.message);
        ck_assert_ptr_null(strstr(err.message, SECRET));
        ck_assert_ptr_null(strstr(err.hint, SECRET));
    }
}
END_TEST

START_TEST(a_brace_in_the_prefix_of_a_cluster_is_refused)
{
    ck_assert_int_eq(read_words(WORDS("connection_string", "a", "redis_type",
                         "redis_cluster", "key_prefix", "x{y}")),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "one slot"));
}
END_TEST

/* ----------------------------------------------------- servers that are none
 */

static int64_t
monotonic(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static char *folder;
static char socket_path[400];

/* In a child: whoever connects is sent these bytes, and then nothing. */
static pid_t
serve(const void *bytes, size_t size, bool hangs_up)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t child;

    folder = support_folder();
    snprintf(socket_path, sizeof socket_path, "%s/s", folder);
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", socket_path);
    ck_assert_int_eq(
        bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listening, 4), 0);
    child = fork();
    if (child != 0) {
        close(listening);
        return child;
    }
    for (;;) {
        int one = accept(listening, NULL, NULL);
        char said[256];

        if (read(one, said, sizeof said) < 0 ||
            send(one, bytes, size, MSG_NOSIGNAL) < 0)
            _exit(1);
        if (hangs_up)
            close(one);
    }
}

static void
stop(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    support_remove(folder);
    free(folder);
}

/* What a connection to it comes to, within 300 ms. */
static larder_status
greet(const void *bytes, size_t size, bool hangs_up, bool *refused)
{
    pid_t server = serve(bytes, size, hangs_up);
    larder_call call = {
        .now = 1, .monotonic = monotonic, .deadline = monotonic() + 300000};
    redis_link *link = NULL;
    larder_status rc;

    reads(WORDS("connection_string", socket_path));
    err = (larder_error){0};
    rc = redis_link_open(
        &options, &options.addresses[0], &call, refused, &link, &err);
    redis_link_close(link);
    redis_options_free(&options);
    stop(server);
    return rc;
}

START_TEST(a_reply_that_no_redis_gives_is_refused_at_once)
{
    static const struct {
        const char *bytes, *says;
    } replies[] = {
        {"*1000000000\r\n", "too many items"},
        {"*2147483647\r\n", ""},
        {"*99999999999999999999\r\n", ""},
        {"*-7\r\n", ""},
        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", ""},
        {"$-99\r\n", ""},
        {":12x\r\n", ""},
        {"HTTP/1.1 400 Bad Request\r\n", "is it Redis"},
        {"\x15\x03\x03\x00\x02\x02\x0A", "TLS"},
        {"\r\n\r\n", ""},
    };

    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        bool refused = false;
        larder_status rc =
            greet(replies[i].bytes, strlen(replies[i].bytes), false, &refused);

        ck_assert_msg(rc == LARDER_UNAVAILABLE, "%d: %d %s", (int)i, (int)rc,
            err.message);
        ck_assert_msg(refused, "%d: %s", (int)i, err.message);
        ck_assert_msg(strstr(err.message, replies[i].says) != NULL ||
                          strstr(err.hint, replies[i].says) != NULL,
            "'%s' is not in: %s (%s)", replies[i].says, err.message, err.hint);
    }
}
END_TEST

START_TEST(a_reply_that_never_ends_costs_the_deadline)
{
    static const char *const replies[] = {
        "", "+PON", "*3\r\n", "$1000000000000\r\nabc", "$400\r\n"};

    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        bool refused = true;
        larder_status rc =
            greet(replies[i], strlen(replies[i]), false, &refused);

        ck_assert_msg(rc == LARDER_DEADLINE || rc == LARDER_UNAVAILABLE,
            "%d: %d %s", (int)i, (int)rc, err.message);
        refused = true;
        rc = greet(replies[i], strlen(replies[i]), true, &refused);
        ck_assert_int_eq(rc, LARDER_UNAVAILABLE); /* it hung up */
        ck_assert(!refused);
    }
}
END_TEST

START_TEST(a_reply_in_pieces_is_one_reply)
{
    static const char reply[] = "*3\r\n$2\r\nab\r\n$-1\r\n*2\r\n:7\r\n+x\r\n";
    redis_parser parser;
    redisReply *made = NULL;

    ck_assert_int_eq(redis_parser_open(&parser, &err), LARDER_OK);
    for (size_t i = 0; i < sizeof reply - 1; i++) {
        ck_assert_ptr_null(made);
        ck_assert_int_eq(
            redis_parser_feed(&parser, reply + i, 1, &err), LARDER_OK);
        ck_assert_int_eq(redis_parser_next(&parser, &made, &err), LARDER_OK);
    }
    ck_assert_uint_eq(made->elements, 3);
    ck_assert_str_eq(made->element[0]->str, "ab");
    ck_assert_int_eq(made->element[1]->type, REDIS_REPLY_NIL);
    ck_assert_int_eq(made->element[2]->element[0]->integer, 7);
    freeReplyObject(made);
    redis_parser_close(&parser);
}
END_TEST

START_TEST(a_deep_reply_and_one_of_many_small_items_are_refused)
{
    redis_parser parser;
    redisReply *made = NULL;
    larder_status rc = LARDER_OK;

    ck_assert_int_eq(redis_parser_open(&parser, &err), LARDER_OK);
    for (int i = 0; i < 6 && rc == LARDER_OK; i++) {
        ck_assert_int_eq(
            redis_parser_feed(&parser, "*1\r\n", 4, &err), LARDER_OK);
        rc = redis_parser_next(&parser, &made, &err);
    }
    ck_assert_int_eq(rc, LARDER_UNAVAILABLE);
    redis_parser_close(&parser);
    ck_assert_int_eq(redis_parser_open(&parser, &err), LARDER_OK);
    rc = redis_parser_feed(&parser, "*1000000\r\n", 10, &err);
    for (int i = 0; i < 4000 && rc == LARDER_OK; i++) {
        rc = redis_parser_feed(&parser, "*1000\r\n", 7, &err);
        for (int j = 0; j < 1000 && rc == LARDER_OK; j++)
            rc = redis_parser_feed(&parser, "*0\r\n", 4, &err);
        if (rc == LARDER_OK)
            rc = redis_parser_next(&parser, &made, &err);
    }
    ck_assert_int_eq(rc, LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "too many items"));
    redis_parser_close(&parser);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("redis options");
    TCase *tests = tcase_create("words and bytes");

    tcase_add_checked_fixture(tests, NULL, done);
    tcase_set_timeout(tests, 30);
#define ADD(name) tcase_add_test(tests, name)
    ADD(a_url_says_host_port_database_user_and_password);
    ADD(a_unix_socket_is_a_path);
    ADD(feasts_comma_string_is_read);
    ADD(secrets_may_stand_beside_the_address);
    ADD(what_is_wrong_is_named_and_no_secret_is_shown);
    ADD(a_brace_in_the_prefix_of_a_cluster_is_refused);
    ADD(a_reply_that_no_redis_gives_is_refused_at_once);
    ADD(a_reply_that_never_ends_costs_the_deadline);
    ADD(a_reply_in_pieces_is_one_reply);
    ADD(a_deep_reply_and_one_of_many_small_items_are_refused);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
