/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_redis_cluster.c - the way to the keys of a Redis Cluster, on a real one
 * of six nodes: slots that move, nodes that die, pause, or come back empty.
 *
 * Each test leaves three primaries with a replica each, though not the same
 * ones. What the store promises anywhere it promises here too:
 * conformance_online.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../backends/redis_slots.h"
#include "online.h"
#include "servers.h"

#define N_NODES 6

static const char *url;
static unsigned ports[N_NODES + 1]; /* from 1, as cluster.sh counts */
static redis_address addresses[N_NODES];
static redis_options options = {
    .kind = REDIS_CLUSTER, .addresses = addresses, .n_addresses = N_NODES};
static char host[] = "127.0.0.1";

static int64_t
read_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A call with this long to go; 0: it says nothing of it. */
static larder_call
call_of(int64_t seconds)
{
    larder_call call = support_call(0);

    call.monotonic = read_clock;
    if (seconds > 0)
        call.deadline = read_clock() + seconds * 1000000;
    return call;
}

static void
know_ports(void)
{
    for (unsigned i = 1; url != NULL && i <= N_NODES; i++) {
        char name[16], *text;

        snprintf(name, sizeof name, "%u/port", i);
        text = servers_word("cluster", name);
        ports[i] = (unsigned)strtoul(text, NULL, 10);
        addresses[i - 1] = (redis_address){.host = host, .port = ports[i]};
        free(text);
    }
}

static void
heal(void)
{
    if (url != NULL)
        servers_do("cluster", "heal", NULL);
}

static redis_route *
open_route(void)
{
    larder_call call = call_of(0);
    larder_error err = {0};
    redis_route *route = NULL;

    ck_assert_msg(redis_route_open(&options, &call, &route, &err) == LARDER_OK,
        "open: %s", err.message);
    return route;
}

/* ---------------------------------------------------------- straight there */

/* One command of words between blanks to one node, not by the route. */
static redisReply *
ask_node(unsigned node, const char *command)
{
    redisContext *context = redisConnect(host, (int)ports[node]);
    redisReply *reply;

    ck_assert_msg(context != NULL && context->err == 0, "node %u", node);
    reply = redisCommand(context, command);
    ck_assert_msg(reply != NULL, "node %u: %s", node, command);
    redisFree(context);
    return reply;
}

static void
tell_node(unsigned node, const char *format, ...)
{
    char command[256];
    redisReply *reply;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    reply = ask_node(node, command);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "node %u: %s: %s", node,
        command, reply->str);
    freeReplyObject(reply);
}

static char *
name_of(unsigned node)
{
    redisReply *reply = ask_node(node, "CLUSTER MYID");
    char *name = strdup(reply->str);

    freeReplyObject(reply);
    return name;
}

/* Which node serves this slot, as the first that answers has it. */
static unsigned
primary_of(unsigned slot)
{
    redisReply *reply = ask_node(1, "CLUSTER SLOTS");
    redis_slots *slots = calloc(1, sizeof *slots);
    unsigned found = 0;

    ck_assert_int_eq(redis_slots_read(reply, host, slots, NULL), LARDER_OK);
    ck_assert_uint_ne(slots->owner[slot], 0);
    for (unsigned i = 1; i <= N_NODES; i++)
        if (ports[i] == slots->nodes[slots->owner[slot] - 1].port)
            found = i;
    redis_slots_release(slots);
    free(slots);
    freeReplyObject(reply);
    ck_assert_uint_ne(found, 0);
    return found;
}

/* Its replica. */
static unsigned
replica_of(unsigned primary)
{
    for (unsigned i = 1; i <= N_NODES; i++) {
        redisReply *reply = ask_node(i, "ROLE");
        bool is_it = reply->elements == 5 &&
                     reply->element[2]->integer == (long long)ports[primary];

        freeReplyObject(reply);
        if (is_it)
            return i;
    }
    ck_abort_msg("node %u has no replica", primary);
    return 0;
}

/* -------------------------------------------------------------- by the route
 */

#define MAX_JOBS 64
typedef struct batch {
    redis_job jobs[MAX_JOBS];
    larder_bytes words[MAX_JOBS][3];
    char texts[MAX_JOBS][3][40];
    size_t n_jobs;
} batch;

static void
add(batch *b, const char *verb, const char *key, const char *value)
{
    const char *words[] = {verb, key, value};
    redis_job *job = &b->jobs[b->n_jobs];

    ck_assert_uint_lt(b->n_jobs, MAX_JOBS);
    *job = (redis_job){.words = b->words[b->n_jobs], .key = 1};
    for (size_t i = 0; i < 3 && words[i] != NULL; i++) {
        char *text = b->texts[b->n_jobs][i];

        snprintf(text, 40, "%s", words[i]);
        b->words[b->n_jobs][i] = (larder_bytes){text, strlen(text)};
        job->n_words++;
    }
    b->n_jobs++;
}

static void
forget(batch *b)
{
    for (size_t i = 0; i < b->n_jobs; i++)
        freeReplyObject(b->jobs[i].reply);
    b->n_jobs = 0;
}

static void
must_run(redis_route *route, batch *b, bool idempotent)
{
    larder_call call = call_of(0);
    larder_error err = {0};

    ck_assert_msg(redis_route_run(route, &call, b->jobs, b->n_jobs, idempotent,
                      &err) == LARDER_OK,
        "run: %s", err.message);
}

static void
check_text(const redisReply *reply, const char *text)
{
    ck_assert_int_eq(reply->type, REDIS_REPLY_STRING);
    ck_assert_str_eq(reply->str, text);
}

static void
set(redis_route *route, const char *key, const char *value)
{
    batch b = {0};

    add(&b, "SET", key, value);
    must_run(route, &b, true);
    forget(&b);
}

static void
check_get(redis_route *route, const char *key, const char *value)
{
    batch b = {0};

    add(&b, "GET", key, NULL);
    must_run(route, &b, true);
    if (value == NULL)
        ck_assert_int_eq(b.jobs[0].reply->type, REDIS_REPLY_NIL);
    else
        check_text(b.jobs[0].reply, value);
    forget(&b);
}

/* ------------------------------------------------------------------- quiet */

START_TEST(slots_of_binary_keys_are_what_the_server_says)
{
    redisContext *context;
    uint64_t seed = 7;
    unsigned char key[200];

    SERVERS_NEEDED(url);
    context = redisConnect(host, (int)ports[1]);
    for (int i = 0; i < 3000; i++) {
        size_t size = support_below(&seed, i < 500 ? 12 : sizeof key);
        redisReply *reply;

        for (size_t j = 0; j < size; j++) {
            size_t what = support_below(&seed, 8);

            key[j] = (unsigned char)(what == 0   ? '{'
                                     : what == 1 ? '}'
                                                 : support_below(&seed, 256));
        }
        reply = redisCommand(context, "CLUSTER KEYSLOT %b", key, size);
        if (reply->integer != redis_slot_of((larder_bytes){key, size}))
            ck_abort_msg("a key of %zu bytes is in slot %lld, not %u", size,
                reply->integer, redis_slot_of((larder_bytes){key, size}));
        freeReplyObject(reply);
    }
    redisFree(context);
}
END_TEST

START_TEST(jobs_go_to_all_nodes_and_answers_come_in_order)
{
    redis_route *route;
    batch b = {0};
    char key[40];

    SERVERS_NEEDED(url);
    route = open_route();
    for (int i = 0; i < MAX_JOBS; i++) {
        snprintf(key, sizeof key, "order:%d", i);
        add(&b, "SET", key, key);
    }
    must_run(route, &b, true);
    forget(&b);
    for (int i = 0; i < MAX_JOBS; i++) {
        snprintf(key, sizeof key, "order:%d", i);
        add(&b, "GET", key, NULL);
    }
    must_run(route, &b, true);
    for (int i = 0; i < MAX_JOBS; i++) {
        snprintf(key, sizeof key, "order:%d", i);
        check_text(b.jobs[i].reply, key);
    }
    forget(&b);
    redis_route_close(route);
}
END_TEST

START_TEST(jobs_about_one_key_keep_their_order)
{
    redis_route *route;
    batch b = {0};

    SERVERS_NEEDED(url);
    route = open_route();
    add(&b, "SET", "one", "a");
    add(&b, "SET", "two", "x");
    add(&b, "APPEND", "one", "b");
    add(&b, "APPEND", "one", "c");
    add(&b, "APPEND", "two", "y");
    add(&b, "GET", "one", NULL);
    add(&b, "GET", "two", NULL);
    must_run(route, &b, false);
    check_text(b.jobs[5].reply, "abc");
    check_text(b.jobs[6].reply, "xy");
    forget(&b);
    redis_route_close(route);
}
END_TEST

START_TEST(an_error_of_a_server_is_told_and_the_route_goes_on)
{
    redis_route *route;
    batch b = {0};
    larder_call call = call_of(0);
    larder_error err = {0};

    SERVERS_NEEDED(url);
    route = open_route();
    add(&b, "SET", "error", "text");
    add(&b, "GET", "other", NULL);
    add(&b, "HGET", "error", "x");
    ck_assert_int_ne(
        redis_route_run(route, &call, b.jobs, b.n_jobs, true, &err), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "WRONGTYPE"));
    for (size_t i = 0; i < b.n_jobs; i++)
        ck_assert_ptr_null(b.jobs[i].reply);
    forget(&b);
    check_get(route, "error", "text");
    redis_route_close(route);
}
END_TEST

START_TEST(each_key_s_canary_is_in_its_slot)
{
    redis_route *route;
    char key[64];

    SERVERS_NEEDED(url);
    route = open_route();
    ck_assert_uint_eq(redis_route_n_canaries(route), REDIS_N_SLOTS);
    for (int i = 0; i < 1000; i++) {
        int size = snprintf(key, sizeof key, "shop:%d", i);
        size_t slot =
            redis_route_canary_of(route, (larder_bytes){key, (size_t)size});
        size_t n_tag = redis_route_canary_tag(route, slot, key + 5);

        ck_assert_uint_eq(redis_slot_of((larder_bytes){key, 5 + n_tag}), slot);
    }
    redis_route_close(route);
}
END_TEST

static larder_status
count_node(
    void *context, redis_link *link, const larder_call *call, larder_error *err)
{
    const larder_bytes word = {"DBSIZE", 6};
    redisReply *reply = NULL;
    larder_status rc = redis_ask(link, call, 1, &word, &reply, err);
    size_t *counts = context;

    if (rc == LARDER_OK) {
        counts[0]++;
        counts[1] += (size_t)reply->integer;
    }
    freeReplyObject(reply);
    return rc;
}

START_TEST(each_primary_is_visited_once)
{
    redis_route *route;
    larder_call call = call_of(0);
    larder_error err = {0};
    size_t counts[2] = {0};

    SERVERS_NEEDED(url);
    route = open_route();
    ck_assert_int_eq(
        redis_route_each(route, &call, count_node, counts, &err), LARDER_OK);
    ck_assert_uint_eq(counts[0], 3);
    ck_assert_uint_gt(counts[1], 0);
    redis_route_close(route);
}
END_TEST

/* ------------------------------------------------------------ moving slots */

/* What a walk found: keys "walk:N", each marked. */
typedef struct found {
    unsigned char seen[3000];
    size_t n_other;
} found;

static larder_status
mark(void *context, larder_bytes key, larder_error *err)
{
    found *f = context;
    char text[40];
    unsigned long number;

    (void)err;
    ck_assert_uint_lt(key.size, sizeof text);
    memcpy(text, key.data, key.size);
    text[key.size] = '\0';
    ck_assert_int_eq(strncmp(text, "walk:", 5), 0);
    number = strtoul(text + 5, NULL, 10);
    if (number < sizeof f->seen)
        f->seen[number] = 1;
    else
        f->n_other++;
    return LARDER_OK;
}

/* A walk from the beginning to the end must find all of them. */
static void
check_walk(redis_route *route, size_t n_keys, size_t count)
{
    const larder_bytes prefix = {"walk:", 5};
    larder_call call = call_of(0);
    larder_error err = {0};
    redis_walk walk = {0};
    found f = {0};

    while (!walk.done)
        ck_assert_msg(redis_walk_next(route, &call, &walk, prefix, count, mark,
                          &f, &err) == LARDER_OK,
            "walk: %s", err.message);
    for (size_t i = 0; i < n_keys; i++)
        if (f.seen[i] == 0)
            ck_abort_msg("the walk missed 'walk:%zu'", i);
    ck_assert_uint_eq(f.n_other, 0);
}

static void
fill_walk(redis_route *route, int n_keys)
{
    for (int i = 0; i < n_keys;) {
        batch b = {0};
        char key[40];

        for (; i < n_keys && b.n_jobs < MAX_JOBS; i++) {
            snprintf(key, sizeof key, "walk:%d", i);
            add(&b, "SET", key, "w");
        }
        must_run(route, &b, true);
        forget(&b);
    }
}

START_TEST(a_walk_finds_every_key)
{
    redis_route *route;

    SERVERS_NEEDED(url);
    route = open_route();
    fill_walk(route, 3000);
    check_walk(route, 3000, 10);
    check_walk(route, 3000, 100);
    check_walk(route, 3000, 100000);
    redis_route_close(route);
}
END_TEST

/* Step by step as CLUSTER SETSLOT has it, so that each state is met. */
START_TEST(a_slot_on_its_way_is_read_and_written_where_its_keys_are)
{
    redis_route *route;
    unsigned slot = redis_slot_of((larder_bytes){"{move}", 6});
    unsigned from, to;
    char *from_name, *to_name;
    batch b = {0};

    SERVERS_NEEDED(url);
    route = open_route();
    set(route, "stays{move}", "1");
    from = primary_of(slot);
    to = primary_of((slot + REDIS_N_SLOTS / 2) % REDIS_N_SLOTS);
    ck_assert_uint_ne(from, to);
    from_name = name_of(from);
    to_name = name_of(to);
    tell_node(to, "CLUSTER SETSLOT %u IMPORTING %s", slot, from_name);
    tell_node(from, "CLUSTER SETSLOT %u MIGRATING %s", slot, to_name);
    check_get(route, "stays{move}", "1"); /* it is still there */
    check_get(route, "none{move}", NULL); /* ASK */
    add(&b, "SET", "new{move}", "2");     /* ASK, thrice */
    add(&b, "APPEND", "new{move}", "3");
    add(&b, "GET", "new{move}", NULL);
    add(&b, "GET", "stays{move}", NULL);
    must_run(route, &b, false);
    check_text(b.jobs[2].reply, "23");
    check_text(b.jobs[3].reply, "1");
    forget(&b);
    tell_node(from, "MIGRATE 127.0.0.1 %u stays{move} 0 5000", ports[to]);
    check_get(route, "stays{move}", "1");
    tell_node(to, "CLUSTER SETSLOT %u NODE %s", slot, to_name);
    tell_node(from, "CLUSTER SETSLOT %u NODE %s", slot, to_name);
    check_get(route, "stays{move}", "1"); /* MOVED */
    check_get(route, "new{move}", "23");
    free(from_name);
    free(to_name);
    redis_route_close(route);
}
END_TEST

/* In a child: many slots change hands while the test goes on. */
static pid_t
move_slots(unsigned from, unsigned to, unsigned n_slots)
{
    char words[60];
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child > 0)
        return child;
    snprintf(words, sizeof words, "%u %u %u", from, to, n_slots);
    servers_do("cluster", "move", words);
    _exit(0);
}

static bool
has_ended(pid_t child)
{
    int status = 0;
    pid_t ended = waitpid(child, &status, WNOHANG);

    ck_assert(ended == 0 || status == 0);
    return ended != 0;
}

START_TEST(while_slots_move_no_value_is_wrong_missing_or_older)
{
    redis_route *route;
    unsigned from, to, turn = 0;
    pid_t child;

    SERVERS_NEEDED(url);
    route = open_route();
    fill_walk(route, 3000);
    from = primary_of(0);
    to = primary_of(REDIS_N_SLOTS / 2);
    child = move_slots(from, to, 600);
    for (bool more = true; more; turn++) {
        batch b = {0};
        char key[40], value[40], last[40];

        more = !has_ended(child);
        snprintf(value, sizeof value, "%u", turn);
        snprintf(last, sizeof last, "%u", turn - 1);
        for (unsigned i = 0; i < 20; i++) {
            snprintf(key, sizeof key, "turn:%u", i);
            add(&b, "GET", key, NULL);
            add(&b, "SET", key, value);
            add(&b, "GET", key, NULL);
        }
        must_run(route, &b, false); /* in their order */
        for (unsigned i = 0; i < 20; i++) {
            if (turn > 0)
                check_text(b.jobs[3 * i].reply, last);
            check_text(b.jobs[3 * i + 2].reply, value);
        }
        forget(&b);
        if (turn % 20 == 0)
            check_walk(route, 3000, 200);
    }
    ck_assert_uint_gt(turn, 20);
    check_walk(route, 3000, 1000);
    redis_route_close(route);
}
END_TEST

/* ---------------------------------------------------------------- failures */

/* Writes and reads go on after the primary of `key` is gone, one way or other;
 * what was written before is there, unless it was not copied yet. */
static void
check_failover(const char *how)
{
    redis_route *route = open_route();
    unsigned slot = redis_slot_of((larder_bytes){"fail", 4});
    unsigned primary = primary_of(slot);
    char node[16];

    set(route, "fail", "before");
    tell_node(primary, "WAIT 1 2000");
    snprintf(node, sizeof node, "%u", primary);
    servers_do("cluster", how, node);
    check_get(route, "fail", "before");
    set(route, "fail", "after");
    check_get(route, "fail", "after");
    redis_route_close(route);
    heal();
    ck_assert_uint_ne(primary_of(slot), primary);
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

START_TEST(what_may_have_been_done_is_not_done_again)
{
    redis_route *route;
    batch b = {0};
    larder_call call = call_of(3);
    larder_error err = {0};
    unsigned primary;
    char node[16];
    int64_t began = read_clock();

    SERVERS_NEEDED(url);
    route = open_route();
    set(route, "once", "a");
    primary = primary_of(redis_slot_of((larder_bytes){"once", 4}));
    snprintf(node, sizeof node, "%u", primary);
    servers_do("cluster", "pause", node);
    add(&b, "APPEND", "once", "b");
    ck_assert_int_ne(
        redis_route_run(route, &call, b.jobs, b.n_jobs, false, &err),
        LARDER_OK);
    ck_assert_int_lt(read_clock() - began, 4000000);
    ck_assert_ptr_nonnull(strstr(err.hint, "may have been done"));
    forget(&b);
    servers_do("cluster", "resume", node);
    heal();
    redis_route_close(route);
}
END_TEST

START_TEST(a_short_deadline_is_kept_and_says_what_is_wrong)
{
    redis_route *route;
    batch b = {0};
    larder_call call;
    larder_error err = {0};
    unsigned primary;
    char node[16];
    int64_t began;

    SERVERS_NEEDED(url);
    route = open_route();
    set(route, "short", "a");
    primary = primary_of(redis_slot_of((larder_bytes){"short", 5}));
    snprintf(node, sizeof node, "%u", primary);
    servers_do("cluster", "pause", node);
    call = call_of(0);
    began = read_clock();
    call.deadline = began + 50000;
    add(&b, "GET", "short", NULL);
    ck_assert_int_eq(
        redis_route_run(route, &call, b.jobs, b.n_jobs, true, &err),
        LARDER_DEADLINE);
    ck_assert_int_lt(read_clock() - began, 500000);
    snprintf(node, sizeof node, "%u", ports[primary]);
    ck_assert_msg(strstr(err.message, node) != NULL, "%s", err.message);
    forget(&b);
    snprintf(node, sizeof node, "%u", primary);
    servers_do("cluster", "resume", node);
    redis_route_close(route);
    heal();
}
END_TEST

START_TEST(it_is_found_through_whichever_node_answers)
{
    redis_route *route;
    redis_address some[2] = {addresses[0], addresses[1]};
    redis_options few = options;
    larder_call call = call_of(0);
    larder_error err = {0};

    SERVERS_NEEDED(url);
    some[0].port = 1; /* nobody is there */
    few.addresses = some;
    few.n_addresses = 2;
    ck_assert_int_eq(redis_route_open(&few, &call, &route, &err), LARDER_OK);
    check_get(route, "nothing", NULL);
    redis_route_close(route);
}
END_TEST

START_TEST(where_nobody_answers_it_says_so_at_once)
{
    redis_route *route;
    redis_address nobody = {.host = host, .port = 1};
    redis_options wrong = options;
    larder_call call = call_of(0);
    larder_error err = {0};
    int64_t began = read_clock();

    wrong.addresses = &nobody;
    wrong.n_addresses = 1;
    ck_assert_int_eq(
        redis_route_open(&wrong, &call, &route, &err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "127.0.0.1:1"));
    ck_assert_int_lt(read_clock() - began, 2000000);
}
END_TEST

START_TEST(a_node_taken_for_a_single_server_is_told)
{
    redis_route *route;
    redis_options single = options;
    larder_call call = call_of(0);
    larder_error err = {0};
    batch b = {0};
    unsigned slot = redis_slot_of((larder_bytes){"lone", 4});
    redis_address other;

    SERVERS_NEEDED(url);
    other = addresses[primary_of((slot + 8192) % REDIS_N_SLOTS) - 1];
    single.kind = REDIS_SINGLE;
    single.addresses = &other;
    single.n_addresses = 1;
    ck_assert_int_eq(redis_route_open(&single, &call, &route, &err), LARDER_OK);
    add(&b, "GET", "lone", NULL);
    ck_assert_int_ne(
        redis_route_run(route, &call, b.jobs, b.n_jobs, true, &err), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(err.hint, "redis_cluster"));
    forget(&b);
    redis_route_close(route);
}
END_TEST

/* Kill the primary of a slot and its replica, and let it come back: empty. */
static void
empty_primary(unsigned slot)
{
    unsigned primary = primary_of(slot);
    char node[16];

    snprintf(node, sizeof node, "%u", replica_of(primary));
    servers_do("cluster", "kill", node);
    snprintf(node, sizeof node, "%u", primary);
    servers_do("cluster", "kill", node);
    servers_do("cluster", "begin", node);
}

START_TEST(slots_that_nobody_serves_are_an_error_by_name)
{
    redis_route *route;
    batch b = {0};
    larder_call call;
    larder_error err = {0};
    unsigned primary;
    char node[16], replica[16];
    int64_t began;

    SERVERS_NEEDED(url);
    route = open_route();
    primary = primary_of(redis_slot_of((larder_bytes){"nobody", 6}));
    snprintf(node, sizeof node, "%u", primary);
    snprintf(replica, sizeof replica, "%u", replica_of(primary));
    servers_do("cluster", "kill", replica);
    servers_do("cluster", "kill", node);
    call = call_of(2);
    began = read_clock();
    add(&b, "GET", "nobody", NULL);
    ck_assert_int_eq(
        redis_route_run(route, &call, b.jobs, b.n_jobs, true, &err),
        LARDER_UNAVAILABLE);
    ck_assert_int_lt(read_clock() - began, 3000000);
    ck_assert_msg(strstr(err.message, "CLUSTERDOWN") != NULL ||
                      strstr(err.message, "connect") != NULL,
        "%s", err.message);
    forget(&b);
    heal();
    check_get(route, "nobody", NULL);
    redis_route_close(route);
}
END_TEST

/* A primary with neither file nor time for a failover comes back empty, and its
 * replica follows it. The canary of its slots is gone with the keys. */
START_TEST(a_primary_that_came_back_empty_lost_its_canaries)
{
    redis_route *route;
    char key[32] = "c:";
    unsigned slot = redis_slot_of((larder_bytes){"lost", 4}), primary;
    unsigned other = (slot + REDIS_N_SLOTS / 2) % REDIS_N_SLOTS;
    size_t size;

    SERVERS_NEEDED(url);
    route = open_route();
    size = 2 + redis_route_canary_tag(route, slot, key + 2);
    key[size] = '\0';
    set(route, key, "here");
    set(route, "lost", "value");
    primary = primary_of(slot);
    empty_primary(slot);
    check_get(route, key, NULL);
    check_get(route, "lost", NULL);
    size = 2 + redis_route_canary_tag(route, other, key + 2);
    key[size] = '\0';
    if (primary_of(other) != primary) {
        set(route, key, "here");
        check_get(route, key, "here");
    }
    redis_route_close(route);
    heal();
}
END_TEST

/* --------------------------------------------------------------- the store */

static const char *words_of_store[] = {"connection_string", NULL, "redis_type",
    "redis_cluster", "key_prefix", NULL, NULL};

static online
open_store(const char *prefix, bool create)
{
    words_of_store[1] = url;
    words_of_store[5] = prefix;
    return online_must_open("redis", words_of_store, create);
}

static void
leave_store(online *store)
{
    larder_call call = support_call(0);
    larder_error err = {0};

    ck_assert_msg(store->ops->destroy(store->self, &call, &err) == LARDER_OK,
        "destroy: %s", err.message);
    online_close(store);
}

#define N_ENTITIES 200u
static char entities[N_ENTITIES][12];

/* The event time of each row is `event`; what came of each is `outcome`. */
static void
put_all(online *store, uint64_t event, larder_outcome outcome)
{
    static online_row rows[N_ENTITIES];
    static larder_put puts[N_ENTITIES];
    larder_outcome outcomes[N_ENTITIES];
    larder_call call = call_of(0);
    larder_error err = {0};
    char text[20];

    snprintf(text, sizeof text, "%llu", (unsigned long long)event);
    for (unsigned i = 0; i < N_ENTITIES; i++) {
        snprintf(entities[i], sizeof entities[i], "e%u!", i);
        rows[i] = online_make(event, 0, text);
        puts[i] = online_newest(entities[i], 1, &rows[i]);
    }
    ck_assert_msg(store->ops->put(store->self, &call, puts, N_ENTITIES,
                      outcomes, &err) == LARDER_OK,
        "put: %s", err.message);
    for (unsigned i = 0; i < N_ENTITIES; i++)
        if (outcomes[i] != outcome)
            ck_abort_msg("row %u of %llu: outcome %d", i,
                (unsigned long long)event, (int)outcomes[i]);
}

/* One get of all of them, each of this event time. */
static void
check_all(online *store, uint64_t event)
{
    static larder_want wants[N_ENTITIES];
    larder_table_id table = online_table(1);
    online_items items = {0};
    larder_error err = {0};
    char text[20];
    online_row row;

    snprintf(text, sizeof text, "%llu", (unsigned long long)event);
    row = online_make(event, 0, text);
    for (unsigned i = 0; i < N_ENTITIES; i++)
        wants[i] = (larder_want){online_key(entities[i]), &table, 1};
    ck_assert_msg(
        online_get(store, wants, N_ENTITIES, &items, &err) == LARDER_OK,
        "get: %s", err.message);
    ck_assert_uint_eq(items.n_items, N_ENTITIES);
    for (size_t i = 0; i < items.n_items; i++)
        if (!online_is(&items.items[i], &row))
            ck_abort_msg(
                "row %zu is not that of %llu", i, (unsigned long long)event);
    online_items_free(&items);
}

START_TEST(rows_are_whole_and_newest_while_slots_move)
{
    online store;
    uint64_t event = 1;
    pid_t child;

    SERVERS_NEEDED(url);
    store = open_store("moving:", true);
    put_all(&store, event, LARDER_WRITTEN);
    child = move_slots(
        primary_of(REDIS_N_SLOTS / 2), primary_of(REDIS_N_SLOTS - 1), 400);
    for (bool more = true; more;) {
        more = !has_ended(child);
        put_all(&store, ++event, LARDER_WRITTEN);
        put_all(&store, event - 1, LARDER_OLDER);
        check_all(&store, event);
    }
    leave_store(&store);
}
END_TEST

START_TEST(rows_outlive_a_failover_and_no_older_one_stands)
{
    online store;
    online_items items = {0};
    char node[16];

    SERVERS_NEEDED(url);
    store = open_store("failing:", true);
    put_all(&store, 5, LARDER_WRITTEN);
    for (unsigned i = 1; i <= N_NODES; i++)
        freeReplyObject(ask_node(i, "WAIT 1 1000"));
    snprintf(node, sizeof node, "%u", primary_of(0));
    servers_do("cluster", "kill", node);
    put_all(&store, 4, LARDER_OLDER);
    check_all(&store, 5);
    put_all(&store, 6, LARDER_WRITTEN);
    check_all(&store, 6);
    heal();
    online_dump(&store, 100, &items);
    ck_assert_uint_eq(items.n_items, N_ENTITIES);
    online_items_free(&items);
    leave_store(&store);
}
END_TEST

START_TEST(a_primary_that_came_back_empty_is_never_not_found)
{
    online store;
    unsigned n_found = 0, n_refused = 0;

    SERVERS_NEEDED(url);
    store = open_store("emptied:", true);
    put_all(&store, 5, LARDER_WRITTEN);
    empty_primary(0);
    for (unsigned i = 0; i < N_ENTITIES; i++) {
        larder_table_id table = online_table(1);
        larder_want want = {online_key(entities[i]), &table, 1};
        online_items items = {0};
        larder_error err = {0};
        larder_status rc = online_get(&store, &want, 1, &items, &err);

        if (rc == LARDER_OK) {
            if (items.n_items != 1)
                ck_abort_msg("'%s' is not found", entities[i]);
            n_found++;
        } else {
            ck_assert_int_eq(rc, LARDER_UNAVAILABLE);
            ck_assert_msg(
                strstr(err.message, "emptied") != NULL, "%s", err.message);
            n_refused++;
        }
        online_items_free(&items);
    }
    ck_assert_uint_gt(n_found, 0);
    ck_assert_uint_gt(n_refused, 0);
    heal();
    leave_store(&store);
    store = open_store("emptied:", true); /* and it can be begun anew */
    put_all(&store, 1, LARDER_WRITTEN);
    check_all(&store, 1);
    leave_store(&store);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("redis cluster");
    TCase *tests = tcase_create("quiet");

    url = servers_start("cluster");
    tcase_set_timeout(tests, 180);
    tcase_add_checked_fixture(tests, know_ports, NULL);
    tcase_add_test(tests, slots_of_binary_keys_are_what_the_server_says);
    tcase_add_test(tests, jobs_go_to_all_nodes_and_answers_come_in_order);
    tcase_add_test(tests, jobs_about_one_key_keep_their_order);
    tcase_add_test(tests, an_error_of_a_server_is_told_and_the_route_goes_on);
    tcase_add_test(tests, each_key_s_canary_is_in_its_slot);
    tcase_add_test(tests, each_primary_is_visited_once);
    tcase_add_test(tests, a_walk_finds_every_key);
    tcase_add_test(tests, it_is_found_through_whichever_node_answers);
    tcase_add_test(tests, where_nobody_answers_it_says_so_at_once);
    tcase_add_test(tests, a_node_taken_for_a_single_server_is_told);
    suite_add_tcase(suite, tests);
    tests = tcase_create("moving");
    tcase_set_timeout(tests, 180);
    tcase_add_checked_fixture(tests, know_ports, NULL);
    tcase_add_test(
        tests, a_slot_on_its_way_is_read_and_written_where_its_keys_are);
    tcase_add_test(tests, while_slots_move_no_value_is_wrong_missing_or_older);
    suite_add_tcase(suite, tests);
    tests = tcase_create("failing");
    tcase_set_timeout(tests, 180);
    tcase_add_checked_fixture(tests, know_ports, NULL);
    tcase_add_test(tests, a_short_deadline_is_kept_and_says_what_is_wrong);
    tcase_add_test(tests, a_killed_primary_is_replaced_within_the_call);
    tcase_add_test(tests, a_primary_that_hangs_is_replaced_within_the_call);
    tcase_add_test(tests, what_may_have_been_done_is_not_done_again);
    tcase_add_test(tests, slots_that_nobody_serves_are_an_error_by_name);
    tcase_add_test(tests, a_primary_that_came_back_empty_lost_its_canaries);
    suite_add_tcase(suite, tests);
    tests = tcase_create("store");
    tcase_set_timeout(tests, 180);
    tcase_add_checked_fixture(tests, know_ports, NULL);
    tcase_add_test(tests, rows_are_whole_and_newest_while_slots_move);
    tcase_add_test(tests, rows_outlive_a_failover_and_no_older_one_stands);
    tcase_add_test(tests, a_primary_that_came_back_empty_is_never_not_found);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
