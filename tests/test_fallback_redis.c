/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fallback_redis.c - a real Redis that hangs, dies and comes back empty,
 * with LMDB behind it: one process that goes on reading through all of it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "servers.h"
#include "shop.h"
#include "support.h"

static const char features[] =
    "entities:\n"
    "  - {name: customer, join_key: id, type: int64}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts,\n"
    "     schema: [{name: id, type: int64}, {name: a, type: int64}]}\n"
    "feature_views:\n"
    "  - {name: v, entities: [customer], source: h,\n"
    "     features: [{name: a, type: int64}]}\n"
    "  - {name: w, entities: [customer], source: h,\n"
    "     features: [{name: b, type: int64, from: a}]}\n";

static const char *url;
static shop s;
static larder_reader *reader;
static larder_answer answer;
static larder_batch keys;

static int64_t
read_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
materialize(larder_status wanted)
{
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == wanted, "%s", s.err.message);
}

static void
add_row(const char *row)
{
    char csv[128];

    snprintf(csv, sizeof csv, "id,a,ts\n%s\n", row);
    ck_assert_msg(
        shop_ingest(&s, "h", csv, NULL) == LARDER_OK, "%s", s.err.message);
}

/* Both stores have 10 for customer 1; a reader is open. */
static void
set_up(void)
{
    static const char *const refs[] = {"v:a", "w:b"};
    const larder_features wanted = {.refs = refs, .n_refs = 2};
    char yaml[512];

    if (url == NULL)
        return;
    shop_open(&s, "memory", "memory");
    s.call.monotonic = read_clock;
    snprintf(yaml, sizeof yaml,
        "project: shop\n"
        "registry: {type: memory}\n"
        "offline_store: {type: memory}\n"
        "online_store:\n"
        "  type: redis\n"
        "  connection_string: \"%s\"\n"
        "  fallback: {type: lmdb, path: second}\n",
        url);
    support_write(s.folder, "feature_store.yaml", yaml);
    shop_reopen(&s);
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s", s.err.message);
    add_row("1,10,2024-05-31T00:00:00Z");
    materialize(LARDER_OK);
    ck_assert_msg(larder_reader_open(
                      s.store, &s.call, &wanted, &reader, &s.err) == LARDER_OK,
        "%s", s.err.message);
    ck_assert_int_eq(
        larder_batch_init(&keys, larder_reader_keys(reader), NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append(&keys.columns[0],
            &(larder_value){.type = LARDER_INT64, .as.integer = 1}, NULL),
        LARDER_OK);
    keys.n_rows = 1;
}

static void
tear_down(void)
{
    larder_status rc;

    if (url == NULL)
        return;
    larder_batch_release(&keys);
    larder_answer_release(&answer);
    larder_reader_close(reader);
    rc = larder_teardown(s.store, &s.call, &s.err);
    ck_assert_msg(rc == LARDER_OK || rc == LARDER_NOT_FOUND, "%s",
        s.err.message); /* one that came back empty has nothing left */
    shop_close(&s);
}

/* What comes is whole, and of one store: never nothing. */
static int64_t
read_value(void)
{
    larder_value a, b;

    ck_assert_msg(
        larder_reader_get(reader, &s.call, &keys, &answer, &s.err) == LARDER_OK,
        "%s", s.err.message);
    a = larder_column_value(&answer.values.columns[0], 0);
    b = larder_column_value(&answer.values.columns[1], 0);
    if (a.null || b.null || a.as.integer != b.as.integer)
        ck_abort_msg("%s: half an answer", answer.store);
    return a.as.integer;
}

/* The circuit is probed by and by. */
static void
wait_for(const char *store)
{
    int64_t end = read_clock() + 10 * 1000000;

    do
        (void)read_value();
    while (strcmp(answer.store, store) != 0 && read_clock() < end);
    ck_assert_str_eq(answer.store, store);
}

START_TEST(a_server_that_hangs_costs_little_and_comes_back)
{
    int64_t begun, n_slow = 0;

    SERVERS_NEEDED(url);
    ck_assert_int_eq(read_value(), 10);
    ck_assert_str_eq(answer.store, "redis");
    servers_do("redis", "pause", NULL);
    begun = read_clock();
    for (int i = 0; i < 5000; i++) {
        ck_assert_int_eq(read_value(), 10);
        ck_assert_str_eq(answer.store, "lmdb");
        n_slow += strstr(answer.reason, "times in a row") == NULL;
    }
    /* Five, and a probe each 250 ms. */
    ck_assert_int_ge(n_slow, 5);
    ck_assert_int_le(n_slow, 6 + (read_clock() - begun) / 250000);
    servers_do("redis", "resume", NULL);
    wait_for("redis");
    ck_assert_int_eq(read_value(), 10);
}
END_TEST

START_TEST(a_server_that_is_killed_and_comes_back_empty_is_not_believed)
{
    SERVERS_NEEDED(url);
    servers_do("redis", "kill", NULL);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(read_value(), 10);
    ck_assert(answer.fallback);
    add_row("1,11,2024-05-31T01:00:00Z");
    materialize(LARDER_UNAVAILABLE); /* the fallback has it all the same */
    ck_assert_int_eq(read_value(), 10 + (answer.fallback ? 1 : 0));
    servers_do("redis", "begin", NULL); /* empty */
    for (int64_t end = read_clock() + 600000; read_clock() < end;)
        (void)read_value();
    ck_assert_int_eq(read_value(), 11);
    ck_assert_str_eq(answer.store, "lmdb");
}
END_TEST

START_TEST(a_server_that_was_away_catches_up)
{
    SERVERS_NEEDED(url);
    servers_do("redis", "pause", NULL);
    add_row("1,12,2024-05-31T02:00:00Z");
    s.call.deadline = read_clock() + 300000;
    materialize(LARDER_DEADLINE);
    s.call.deadline = 0;
    servers_do("redis", "resume", NULL);
    materialize(LARDER_OK);
    wait_for("redis");
    for (int64_t end = read_clock() + 1200000; read_clock() < end;)
        (void)read_value(); /* the ledger's word holds for a second */
    ck_assert_int_eq(read_value(), 12);
    ck_assert_str_eq(answer.store, "redis");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fallback on Redis");
    TCase *tests = tcase_create("a real server");

    url = servers_start("redis");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_server_that_hangs_costs_little_and_comes_back);
    tcase_add_test(tests, a_server_that_was_away_catches_up);
    tcase_add_test(
        tests, a_server_that_is_killed_and_comes_back_empty_is_not_believed);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
