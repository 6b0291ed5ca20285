/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_runs.c - the ledger: positions come back as they were put, also those
 * that were put before they told of freshness.
 */
#include <check.h>
#include <string.h>

#include "backends/builtin.h"
#include "definition/config.h"
#include "engine/runs.h"
#include "tests/support.h"

static const char *const view = "v";

static ldr_online *
open_memory(const larder_call *call)
{
    larder_options none = {.section = "online_store"};
    ldr_online *online = NULL;

    ck_assert_int_eq(ldr_online_open(&ldr_online_memory_ops, &none, true, call,
                         &online, NULL),
        LARDER_OK);
    return online;
}

START_TEST(a_position_comes_back)
{
    const ldr_position put_in = {.read = {"abc", 3},
        .arrival = 5,
        .until = 77,
        .fill = {"def", 4},
        .run = "r",
        .old = {{"x", 1}, {"y", 2}},
        .replaced = {8, 9},
        .n_old = 2,
        .newest_event = 70,
        .arrived = 71,
        .ran = -72};
    larder_call call = support_call(0);
    ldr_online *online = open_memory(&call);
    ldr_buffer room = {0};
    ldr_position position;
    ldr_key key;
    larder_put put;
    larder_outcome outcome;
    uint64_t checksum;

    ck_assert_int_eq(ldr_position_put("p", view, &put_in, 0, &room, &key, &put,
                         &checksum, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_online_put(online, &call, &put, 1, &outcome, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_positions_read(online, &call, "p", &view, 1, &position, NULL),
        LARDER_OK);
    ck_assert_str_eq(position.read.hash, "abc");
    ck_assert_int_eq(position.arrival, 5);
    ck_assert_int_eq(position.until, 77);
    ck_assert_uint_eq(position.fill.number, 4);
    ck_assert_uint_eq(position.n_old, 2);
    ck_assert_str_eq(position.old[1].hash, "y");
    ck_assert_int_eq(position.replaced[1], 9);
    ck_assert_int_eq(position.newest_event, 70);
    ck_assert_int_eq(position.arrived, 71);
    ck_assert_int_eq(position.ran, -72);
    ck_assert_uint_eq(position.checksum, checksum);
    ldr_buffer_free(&room);
    ldr_online_close(online);
}
END_TEST

START_TEST(what_was_never_put_tells_no_moment)
{
    larder_call call = support_call(0);
    ldr_online *online = open_memory(&call);
    ldr_position position;

    ck_assert_int_eq(
        ldr_positions_read(online, &call, "p", &view, 1, &position, NULL),
        LARDER_OK);
    ck_assert_str_eq(position.read.hash, "");
    ck_assert(position.until == LARDER_TIME_MIN);
    ck_assert(position.newest_event == LARDER_TIME_MIN);
    ck_assert(position.arrived == LARDER_TIME_MIN);
    ck_assert(position.ran == LARDER_TIME_MIN);
    ldr_online_close(online);
}
END_TEST

/* A position as it was before it told what freshness is judged by. */
static void
put_before(ldr_online *online, const larder_call *call)
{
    static const larder_type types[] = {LARDER_STRING, LARDER_INT64,
        LARDER_INT64, LARDER_TIMESTAMP, LARDER_STRING, LARDER_INT64,
        LARDER_STRING, LARDER_STRING_LIST, LARDER_INT64_LIST,
        LARDER_TIMESTAMP_LIST};
    larder_field fields[10];
    const larder_column *columns[10];
    larder_schema schema = {fields, 10};
    larder_batch batch = {0};
    ldr_arena arena = {0};
    ldr_row_layout layout;
    ldr_buffer row = {0}, room = {0};
    ldr_position now = {0};
    ldr_key key;
    larder_put put;
    larder_outcome outcome;
    uint64_t checksum;

    for (size_t i = 0; i < 10; i++)
        fields[i] = (larder_field){"c", types[i]};
    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    for (size_t i = 0; i < 10; i++) {
        larder_value value = {.type = types[i], .null = i > 6};

        if (types[i] == LARDER_STRING)
            value.as.text = (larder_bytes){"abc", 3};
        else if (i <= 6)
            value.as.integer = 77;
        columns[i] = &batch.columns[i];
        ck_assert_int_eq(
            larder_column_append(&batch.columns[i], &value, NULL), LARDER_OK);
    }
    ck_assert_int_eq(
        ldr_position_put("p", "v", &now, 0, &room, &key, &put, &checksum, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_row_layout_init(&layout, types, 10, &arena, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_row_encode(&layout, put.key, 0, LDR_NO_CREATED,
                         columns, 0, &row, NULL),
        LARDER_OK);
    put.row = (larder_bytes){row.data, row.size};
    ck_assert_int_eq(
        ldr_online_put(online, call, &put, 1, &outcome, NULL), LARDER_OK);
    ck_assert_int_eq(outcome, LARDER_WRITTEN);
    larder_batch_release(&batch);
    ldr_buffer_free(&row);
    ldr_buffer_free(&room);
    ldr_arena_free(&arena);
}

START_TEST(a_position_of_before_is_read_and_tells_no_facts)
{
    larder_call call = support_call(0);
    ldr_online *online = open_memory(&call);
    ldr_position position;

    put_before(online, &call);
    ck_assert_int_eq(
        ldr_positions_read(online, &call, "p", &view, 1, &position, NULL),
        LARDER_OK);
    ck_assert_str_eq(position.read.hash, "abc");
    ck_assert_int_eq(position.until, 77);
    ck_assert(position.newest_event == LARDER_TIME_MIN);
    ck_assert(position.arrived == LARDER_TIME_MIN);
    ck_assert(position.ran == LARDER_TIME_MIN);
    ldr_online_close(online);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("runs");
    TCase *tests = tcase_create("runs");

    tcase_add_test(tests, a_position_comes_back);
    tcase_add_test(tests, what_was_never_put_tells_no_moment);
    tcase_add_test(tests, a_position_of_before_is_read_and_tells_no_facts);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
