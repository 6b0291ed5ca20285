/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_redis_slots.c - slots of keys, maps of clusters and redirections, from
 * servers that may say anything. Nothing is sent anywhere.
 */
#include <stdlib.h>
#include <string.h>

#include "../backends/redis_slots.h"
#include "support.h"

/* What a server sent, as hiredis reads it. */
static redisReply *
reply_of(const char *wire)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    ck_assert_ptr_nonnull(reply);
    redisReaderFree(reader);
    return reply;
}

static unsigned
slot_of(const char *key)
{
    return redis_slot_of((larder_bytes){key, strlen(key)});
}

/* ------------------------------------------------------------------- slots */

START_TEST(slots_are_those_of_the_specification)
{
    ck_assert_uint_eq(slot_of("123456789"), 0x31C3); /* CRC16 as published */
    ck_assert_uint_eq(slot_of(""), 0);
    ck_assert_uint_eq(slot_of("foo"), 12182);
    ck_assert_uint_eq(slot_of("bar"), 5061);
    ck_assert_uint_eq(slot_of("somekey"), 11058);
    ck_assert_uint_eq(redis_slot_of((larder_bytes){NULL, 0}), 0);
}
END_TEST

START_TEST(a_tag_between_braces_decides_as_redis_has_it)
{
    ck_assert_uint_eq(slot_of("foo{hash_tag}"), slot_of("hash_tag"));
    ck_assert_uint_eq(slot_of("bar{hash_tag}x}y{z}"), slot_of("hash_tag"));
    ck_assert_uint_eq(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    ck_assert_uint_eq(slot_of("foo{bar}{zap}"), slot_of("bar"));
    /* the first '{' decides, even if what it opens is empty or not closed */
    ck_assert_uint_ne(slot_of("foo{}{bar}"), slot_of("bar"));
    ck_assert_uint_ne(slot_of("foo{bar"), slot_of("bar"));
    ck_assert_uint_ne(slot_of("}foo{bar"), slot_of("bar"));
    ck_assert_uint_ne(slot_of("{}"), slot_of(""));
}
END_TEST

START_TEST(each_slot_has_a_tag_of_its_own)
{
    redis_tags *tags = malloc(sizeof *tags);

    ck_assert_ptr_nonnull(tags);
    redis_tags_fill(tags);
    for (unsigned slot = 0; slot < REDIS_N_SLOTS; slot++) {
        char key[40];
        int size = snprintf(
            key, sizeof key, "shop:{%lu}c", (unsigned long)tags->of_slot[slot]);

        if (redis_slot_of((larder_bytes){key, (size_t)size}) != slot)
            ck_abort_msg("'%s' is not in slot %u", key, slot);
    }
    free(tags);
}
END_TEST

/* --------------------------------------------------------------------- map */

/* Read a map; it is freed by the caller, whatever comes. */
static larder_status
read_map(const char *wire, redis_slots *slots, larder_error *err)
{
    redisReply *reply = reply_of(wire);
    larder_status rc = redis_slots_read(reply, "10.0.0.1", slots, err);

    freeReplyObject(reply);
    return rc;
}

static redis_slots map; /* 32 KiB */

START_TEST(a_map_tells_each_slot_s_primary)
{
    larder_error err = {0};

    /* the second node says no host, as one does that was not met yet */
    ck_assert_int_eq(read_map("*3\r\n"
                              "*4\r\n:0\r\n:5\r\n"
                              "*3\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n"
                              "*3\r\n$1\r\nb\r\n:7001\r\n$2\r\nid\r\n"
                              "*3\r\n:6\r\n:6\r\n*2\r\n$0\r\n\r\n:7002\r\n"
                              "*3\r\n:16383\r\n:16383\r\n"
                              "*3\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n",
                         &map, &err),
        LARDER_OK);
    ck_assert_uint_eq(map.n_nodes, 2);
    ck_assert_str_eq(map.nodes[0].host, "a");
    ck_assert_uint_eq(map.nodes[0].port, 7000);
    ck_assert_str_eq(map.nodes[1].host, "10.0.0.1");
    ck_assert_uint_eq(map.nodes[1].port, 7002);
    ck_assert_uint_eq(map.owner[0], 1);
    ck_assert_uint_eq(map.owner[5], 1);
    ck_assert_uint_eq(map.owner[6], 2);
    ck_assert_uint_eq(map.owner[7], 0);
    ck_assert_uint_eq(map.owner[16383], 1);
    redis_slots_release(&map);
}
END_TEST

START_TEST(a_node_without_a_known_host_or_port_serves_nothing)
{
    larder_error err = {0};

    ck_assert_int_eq(
        read_map("*2\r\n*3\r\n:0\r\n:5\r\n*2\r\n$1\r\n?\r\n:7000\r\n"
                 "*3\r\n:6\r\n:7\r\n*2\r\n$1\r\na\r\n:0\r\n",
            &map, &err),
        LARDER_OK);
    ck_assert_uint_eq(map.n_nodes, 0);
    ck_assert_uint_eq(map.owner[0], 0);
    redis_slots_release(&map);
}
END_TEST

#define NODE "*2\r\n$1\r\na\r\n:7000\r\n"
static const char *const senseless[] = {
    ":1\r\n",
    "$-1\r\n",
    "+OK\r\n",
    "*1\r\n:1\r\n",
    "*1\r\n*2\r\n:0\r\n:1\r\n",
    "*1\r\n*3\r\n:-1\r\n:1\r\n" NODE,
    "*1\r\n*3\r\n:0\r\n:16384\r\n" NODE,
    "*1\r\n*3\r\n:5\r\n:4\r\n" NODE,
    "*1\r\n*3\r\n:9223372036854775807\r\n:4\r\n" NODE,
    "*1\r\n*3\r\n$1\r\n0\r\n:4\r\n" NODE,
    "*1\r\n*3\r\n:0\r\n:1\r\n:7000\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:-1\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:7000\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n*0\r\n:7000\r\n",
    "*2\r\n*3\r\n:0\r\n:5\r\n" NODE "*3\r\n:5\r\n:6\r\n" NODE,
};

START_TEST(a_map_that_makes_no_sense_is_refused_and_changes_nothing)
{
    larder_error err = {0};

    ck_assert_int_eq(
        read_map("*1\r\n*3\r\n:0\r\n:1\r\n" NODE, &map, &err), LARDER_OK);
    ck_assert_int_eq(read_map(senseless[_i], &map, &err), LARDER_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "CLUSTER SLOTS"));
    ck_assert_uint_eq(map.n_nodes, 1);
    ck_assert_uint_eq(map.owner[1], 1);
    redis_slots_release(&map);
}
END_TEST

START_TEST(a_host_too_long_or_cut_by_a_nul_is_refused)
{
    char wire[400], host[301];
    larder_error err = {0};
    redisReader *reader = redisReaderCreate();
    static const char nul[] =
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$3\r\na\0b\r\n:7000\r\n";
    void *reply = NULL;

    memset(host, 'a', 300);
    host[300] = '\0';
    snprintf(wire, sizeof wire,
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$300\r\n%s\r\n:7000\r\n", host);
    ck_assert_int_eq(read_map(wire, &map, &err), LARDER_UNAVAILABLE);
    redisReaderFeed(reader, nul, sizeof nul - 1);
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    ck_assert_int_eq(
        redis_slots_read(reply, "h", &map, &err), LARDER_UNAVAILABLE);
    freeReplyObject(reply);
    redisReaderFree(reader);
    redis_slots_release(&map);
}
END_TEST

START_TEST(more_nodes_than_a_cluster_may_have_are_refused)
{
    larder_error err = {0};
    size_t index;

    for (unsigned i = 0; i < REDIS_MAX_NODES; i++) {
        ck_assert_int_eq(
            redis_slots_node(&map, (larder_bytes){"h", 1}, i + 1, &index, &err),
            LARDER_OK);
        ck_assert_uint_eq(index, i);
    }
    ck_assert_int_eq(
        redis_slots_node(&map, (larder_bytes){"h", 1}, 7, &index, &err),
        LARDER_OK);
    ck_assert_uint_eq(index, 6);
    ck_assert_int_eq(
        redis_slots_node(&map, (larder_bytes){"g", 1}, 7, &index, &err),
        LARDER_LIMIT);
    redis_slots_release(&map);
}
END_TEST

/* ------------------------------------------------------------ redirections */

static bool
read_moved(const char *wire, redis_moved *moved)
{
    static char host[64];
    redisReply *reply = reply_of(wire);
    bool is_moved = redis_moved_read(reply, "asked", moved);

    if (is_moved && moved->host.size < sizeof host) {
        memcpy(host, moved->host.data, moved->host.size);
        moved->host.data = host; /* the reply goes */
    }
    freeReplyObject(reply);
    return is_moved;
}

START_TEST(moved_and_ask_say_where_to_go)
{
    redis_moved moved;

    ck_assert(read_moved("-MOVED 3999 127.0.0.1:6381\r\n", &moved));
    ck_assert_uint_eq(moved.slot, 3999);
    ck_assert_uint_eq(moved.port, 6381);
    ck_assert_mem_eq(moved.host.data, "127.0.0.1", moved.host.size);
    ck_assert(read_moved("-ASK 16383 ::1:6381\r\n", &moved));
    ck_assert_uint_eq(moved.host.size, 3);
    ck_assert_mem_eq(moved.host.data, "::1", 3);
    ck_assert(read_moved("-MOVED 1 :6381\r\n", &moved)); /* the same host */
    ck_assert_mem_eq(moved.host.data, "asked", moved.host.size);
}
END_TEST

static const char *const lost[] = {
    "-MOVED\r\n",
    "-MOVED \r\n",
    "-MOVED 3999\r\n",
    "-MOVED 3999 \r\n",
    "-MOVED x a:1\r\n",
    "-MOVED 16384 a:1\r\n",
    "-MOVED 99999999999999999999 a:1\r\n",
    "-MOVED 1 a\r\n",
    "-MOVED 1 a:\r\n",
    "-MOVED 1 a:0\r\n",
    "-MOVED 1 a:65536\r\n",
    "-MOVED 1 a:1x\r\n",
    "-MOVED 1 ?:1\r\n",
    "-MOVED -1 a:1\r\n",
    "+MOVED 1 a:1\r\n",
    "$-1\r\n",
};

START_TEST(a_redirection_to_nowhere_is_none)
{
    redis_moved moved = {.slot = 7};

    ck_assert(!read_moved(lost[_i], &moved));
    ck_assert_uint_eq(moved.slot, 7);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("redis slots");
    TCase *tests = tcase_create("slots");

    tcase_add_test(tests, slots_are_those_of_the_specification);
    tcase_add_test(tests, a_tag_between_braces_decides_as_redis_has_it);
    tcase_add_test(tests, each_slot_has_a_tag_of_its_own);
    suite_add_tcase(suite, tests);
    tests = tcase_create("map");
    tcase_add_test(tests, a_map_tells_each_slot_s_primary);
    tcase_add_test(tests, a_node_without_a_known_host_or_port_serves_nothing);
    tcase_add_loop_test(tests,
        a_map_that_makes_no_sense_is_refused_and_changes_nothing, 0,
        (int)(sizeof senseless / sizeof *senseless));
    tcase_add_test(tests, a_host_too_long_or_cut_by_a_nul_is_refused);
    tcase_add_test(tests, more_nodes_than_a_cluster_may_have_are_refused);
    tcase_add_test(tests, moved_and_ask_say_where_to_go);
    tcase_add_loop_test(tests, a_redirection_to_nowhere_is_none, 0,
        (int)(sizeof lost / sizeof *lost));
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
