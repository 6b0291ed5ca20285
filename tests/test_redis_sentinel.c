/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_redis_sentinel.c - the way to a primary that sentinels watch, on a real
 * one with two replicas and three sentinels: failovers while it is written and
 * read.
 *
 * Each test leaves one primary that the sentinels agree on and two replicas.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../backends/redis.h"
#include "online.h"
#include "servers.h"

#define N_SENTINELS 3

static const char *url;
static char host[] = "127.0.0.1", master[] = "larder";
static redis_address addresses[N_SENTINELS];
static redis_options options = {.kind = REDIS_SENTINEL,
    .addresses = addresses,
    .n_addresses = N_SENTINELS,
    .master = master};

static int64_t
read_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static larder_call
call_of_clock(void)
{
    larder_call call = support_call(0);

    call.monotonic = read_clock;
    call.deadline = read_clock() + 40000000; /* a failover, on a busy machine */
    return call;
}

static unsigned
port_of(int node)
{
    char name[24], *text;
    unsigned port;

    snprintf(name, sizeof name, "%d/port", node);
    text = servers_word("sentinel", name);
    port = (unsigned)strtoul(text, NULL, 10);
    free(text);
    return port;
}

static void
know_ports(void)
{
    for (int i = 0; url != NULL && i < N_SENTINELS; i++)
        addresses[i] = (redis_address){.host = host, .port = port_of(4 + i)};
}

static larder_status
try_open(const redis_options *with, redis_route **route, larder_error *err)
{
    larder_call call = call_of_clock();

    return redis_route_open(with, &call, route, err);
}

static redis_route *
open_route(void)
{
    larder_error err = {0};
    redis_route *route = NULL;

    ck_assert_msg(
        try_open(&options, &route, &err) == LARDER_OK, "open: %s", err.message);
    return route;
}

/* Words between blanks; the second is the key. The reply is yours. */
static redisReply *
run(redis_route *route, const char *command)
{
    larder_bytes words[4];
    redis_job job = {.words = words, .key = 1};
    larder_call call = call_of_clock();
    larder_error err = {0};

    for (const char *at = command; *at != '\0';) {
        size_t size = strcspn(at, " ");

        ck_assert_uint_lt(job.n_words, 4);
        words[job.n_words++] = (larder_bytes){at, size};
        at += size + (at[size] == ' ');
    }
    ck_assert_msg(
        redis_route_run(route, &call, &job, 1, true, &err) == LARDER_OK,
        "%s: %s", command, err.message);
    return job.reply;
}

static void
set(redis_route *route, const char *command)
{
    freeReplyObject(run(route, command));
}

static void
check_get(redis_route *route, const char *command, const char *value)
{
    redisReply *reply = run(route, command);

    ck_assert_int_eq(reply->type, REDIS_REPLY_STRING);
    ck_assert_str_eq(reply->str, value);
    freeReplyObject(reply);
}

/* Until both replicas have what the primary has, and follow it again after a
 * failover. WAIT speaks of its own connection's writes alone: it needs one. */
static void
wait_for_copies(void)
{
    char *primary = servers_ask("sentinel", "primary", NULL);
    redisContext *context =
        redisConnect(host, (int)port_of((int)strtol(primary, NULL, 10)));
    long long n_copies = 0;

    ck_assert(context != NULL && context->err == 0);
    for (int tries = 0; n_copies < 2 && tries < 600; tries++) {
        redisReply *reply = redisCommand(context, "SET copied yes");

        ck_assert_ptr_nonnull(reply);
        freeReplyObject(reply);
        reply = redisCommand(context, "WAIT 2 100");
        ck_assert_ptr_nonnull(reply);
        n_copies = reply->integer;
        freeReplyObject(reply);
        if (n_copies < 2)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    ck_assert_int_eq(n_copies, 2);
    redisFree(context);
    free(primary);
}

/* ------------------------------------------------------------------- tests */

START_TEST(the_primary_is_found_and_written)
{
    redis_route *route;

    SERVERS_NEEDED(url);
    route = open_route();
    set(route, "SET found yes");
    check_get(route, "GET found", "yes");
    ck_assert_uint_eq(redis_route_n_canaries(route), 1);
    redis_route_close(route);
}
END_TEST

START_TEST(any_sentinel_that_answers_is_enough)
{
    redis_route *route = NULL;
    redis_address some[] = {addresses[0], addresses[1]};
    redis_options few = options;
    larder_error err = {0};

    SERVERS_NEEDED(url);
    some[0].port = 1; /* nobody is there */
    few.addresses = some;
    few.n_addresses = 2;
    ck_assert_int_eq(try_open(&few, &route, &err), LARDER_OK);
    set(route, "SET any yes");
    redis_route_close(route);
}
END_TEST

START_TEST(where_no_sentinel_answers_it_says_so_at_once)
{
    redis_route *route = NULL;
    redis_address nobody = {.host = host, .port = 1};
    redis_options wrong = options;
    larder_error err = {0};
    int64_t began = read_clock();

    wrong.addresses = &nobody;
    wrong.n_addresses = 1;
    ck_assert_int_eq(try_open(&wrong, &route, &err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "127.0.0.1:1"));
    ck_assert_int_lt(read_clock() - began, 2000000);
}
END_TEST

START_TEST(a_name_that_no_sentinel_knows_is_told)
{
    redis_route *route = NULL;
    redis_options wrong = options;
    char name[] = "lander";
    larder_error err = {0};
    larder_call call = call_of_clock();

    SERVERS_NEEDED(url);
    wrong.master = name;
    call.deadline = read_clock() + 300000;
    ck_assert_int_eq(
        redis_route_open(&wrong, &call, &route, &err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "'lander'"));
    ck_assert_ptr_nonnull(strstr(err.hint, "sentinel_master"));
}
END_TEST

START_TEST(a_server_taken_for_a_sentinel_is_told)
{
    redis_route *route = NULL;
    redis_address server;
    redis_options wrong = options;
    larder_error err = {0};

    SERVERS_NEEDED(url);
    server = (redis_address){.host = host, .port = port_of(1)};
    wrong.addresses = &server;
    wrong.n_addresses = 1;
    ck_assert_int_ne(try_open(&wrong, &route, &err), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "SENTINEL"));
    ck_assert_ptr_nonnull(strstr(err.hint, "sentinels"));
}
END_TEST

static larder_status
count_key(void *context, larder_bytes key, larder_error *err)
{
    unsigned char *seen = context;
    char text[24] = "";

    (void)err;
    ck_assert_uint_lt(key.size, sizeof text);
    memcpy(text, key.data, key.size);
    seen[strtoul(text + 5, NULL, 10)] = 1;
    return LARDER_OK;
}

/* Its cursor is the first server's, and means nothing to the second. */
START_TEST(a_walk_goes_on_after_a_failover_and_misses_nothing)
{
    redis_route *route;
    larder_call call = call_of_clock();
    larder_error err = {0};
    const larder_bytes prefix = {"walk*", 5};
    redis_walk walk = {0};
    unsigned char seen[2000] = {0};
    char *primary;

    SERVERS_NEEDED(url);
    route = open_route();
    set(route, "SET walkx:1 no");
    for (int i = 0; i < 2000; i++) {
        char command[40];

        snprintf(command, sizeof command, "SET walk*%d w", i);
        set(route, command);
    }
    wait_for_copies();
    while (!walk.done && walk.cursor == 0)
        ck_assert_int_eq(redis_walk_next(route, &call, &walk, prefix, 200,
                             count_key, seen, &err),
            LARDER_OK);
    primary = servers_ask("sentinel", "primary", NULL);
    primary[1] = '\0';
    servers_do("sentinel", "kill", primary);
    while (!walk.done)
        ck_assert_msg(redis_walk_next(route, &call, &walk, prefix, 200,
                          count_key, seen, &err) == LARDER_OK,
            "%s", err.message);
    for (size_t i = 0; i < sizeof seen; i++)
        ck_assert_msg(seen[i] == 1, "the walk missed walk*%zu", i);
    redis_route_close(route);
    servers_do("sentinel", "begin", primary);
    servers_do("sentinel", "heal", NULL);
    free(primary);
}
END_TEST

/* Kill or pause the primary in the middle of writing: writing goes on with the
 * one that takes over, and what was copied is there. */
static void
check_failover(const char *how)
{
    redis_route *route = open_route();
    char *primary = servers_ask("sentinel", "primary", NULL), *now;

    primary[1] = '\0';
    set(route, "SET fail before");
    wait_for_copies();
    servers_do("sentinel", how, primary);
    check_get(route, "GET fail", "before");
    for (int i = 0; i < 200; i++)
        set(route, "SET fail after");
    check_get(route, "GET fail", "after");
    now = servers_ask("sentinel", "primary", NULL);
    ck_assert_int_ne(now[0], primary[0]);
    servers_do("sentinel", "heal", NULL);
    check_get(route, "GET fail", "after");
    redis_route_close(route);
    free(primary);
    free(now);
}

START_TEST(a_killed_primary_is_replaced_within_the_call)
{
    SERVERS_NEEDED(url);
    check_failover("kill");
}
END_TEST

START_TEST(a_primary_that_hangs_is_replaced_within_the_call)
{
    SERVERS_NEEDED(url);
    check_failover("pause");
}
END_TEST

/* The port of the primary as this sentinel has it. */
static long
named_primary(redisContext *sentinel)
{
    redisReply *reply =
        redisCommand(sentinel, "SENTINEL get-master-addr-by-name larder");
    long port;

    ck_assert_ptr_nonnull(reply);
    ck_assert_uint_eq(reply->elements, 2);
    port = strtol(reply->element[1]->str, NULL, 10);
    freeReplyObject(reply);
    return port;
}

/* NOGOODSLAVE: the replicas were just seen, and not yet. */
static void
begin_failover(redisContext *sentinel)
{
    for (int i = 0;; i++) {
        struct timespec moment = {.tv_nsec = 50000000};
        redisReply *reply = redisCommand(sentinel, "SENTINEL FAILOVER larder");
        bool is_done = reply->type != REDIS_REPLY_ERROR;

        ck_assert_msg(is_done || i < 200, "%s", reply->str);
        freeReplyObject(reply);
        if (is_done)
            return;
        nanosleep(&moment, NULL);
    }
}

/* It says READONLY from one command to the next: writing goes on until another
 * one is the primary, and some more. */
START_TEST(a_primary_that_becomes_a_replica_is_left)
{
    redis_route *route;
    redisContext *sentinel;
    long before;

    SERVERS_NEEDED(url);
    route = open_route();
    set(route, "SET left before");
    wait_for_copies();
    sentinel = redisConnect(host, (int)addresses[0].port);
    before = named_primary(sentinel);
    begin_failover(sentinel);
    while (named_primary(sentinel) == before)
        set(route, "SET left meanwhile");
    for (int i = 0; i < 3000; i++)
        set(route, "SET left after");
    check_get(route, "GET left", "after");
    redisFree(sentinel);
    redis_route_close(route);
    servers_do("sentinel", "heal", NULL);
}
END_TEST

/* The function that decides inside the server is there after a failover. */
START_TEST(a_store_goes_on_with_the_new_primary)
{
    const char *words[] = {"connection_string", url, "redis_type",
        "redis_sentinel", "sentinel_master", "larder", "key_prefix",
        "store:", NULL};
    online store;
    online_row rows[] = {online_make(5, 0, "first"), online_make(4, 0, "older"),
        online_make(6, 0, "newer")};
    larder_put put = online_newest("k", 1, &rows[0]);
    online_items items = {0};
    larder_call call = call_of_clock();
    larder_error err = {0};
    char *primary;

    SERVERS_NEEDED(url);
    store = online_must_open("redis", words, true);
    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    wait_for_copies();
    primary = servers_ask("sentinel", "primary", NULL);
    primary[1] = '\0';
    servers_do("sentinel", "kill", primary);
    put = online_newest("k", 1, &rows[1]);
    ck_assert_int_eq(online_put(&store, &put), LARDER_OLDER);
    ck_assert(online_is(online_find(&store, "k", 1, &items), &rows[0]));
    put = online_newest("k", 1, &rows[2]);
    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    ck_assert(online_is(online_find(&store, "k", 1, &items), &rows[2]));
    online_items_free(&items);
    servers_do("sentinel", "heal", NULL);
    ck_assert_int_eq(store.ops->destroy(store.self, &call, &err), LARDER_OK);
    online_close(&store);
    free(primary);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("redis sentinel");
    TCase *tests = tcase_create("sentinel");

    url = servers_start("sentinel");
    tcase_set_timeout(tests, 180);
    tcase_add_checked_fixture(tests, know_ports, NULL);
    tcase_add_test(tests, the_primary_is_found_and_written);
    tcase_add_test(tests, any_sentinel_that_answers_is_enough);
    tcase_add_test(tests, where_no_sentinel_answers_it_says_so_at_once);
    tcase_add_test(tests, a_name_that_no_sentinel_knows_is_told);
    tcase_add_test(tests, a_server_taken_for_a_sentinel_is_told);
    tcase_add_test(tests, a_killed_primary_is_replaced_within_the_call);
    tcase_add_test(tests, a_primary_that_hangs_is_replaced_within_the_call);
    tcase_add_test(tests, a_primary_that_becomes_a_replica_is_left);
    tcase_add_test(tests, a_walk_goes_on_after_a_failover_and_misses_nothing);
    tcase_add_test(tests, a_store_goes_on_with_the_new_primary);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
