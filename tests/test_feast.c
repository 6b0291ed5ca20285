/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_feast.c - keys, fields and values as Feast has them, byte for byte.
 *
 * The bytes expected here were made by Feast itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/feast_key.h"
#include "data/feast_row.h"
#include "data/key.h"
#include "rows.h"
#include "support.h"

static void
to_hex(larder_bytes bytes, char *hex)
{
    const unsigned char *at = bytes.data;

    for (size_t i = 0; i < bytes.size; i++)
        sprintf(hex + 2 * i, "%02x", at[i]);
    hex[2 * bytes.size] = '\0';
}

static larder_bytes
of_hex(const char *hex, unsigned char *room)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned byte;

        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        room[i] = (unsigned char)byte;
    }
    return (larder_bytes){room, n};
}

/* -------------------------------------------------------------------- keys */

typedef struct key_part {
    larder_field field;
    const char *text; /* as JSON has it */
} key_part;

typedef struct key_vector {
    size_t n_parts;
    key_part parts[2];
    const char *project;
    unsigned version;
    const char *hex;
} key_vector;

#define DRIVER                                                                 \
    {                                                                          \
        "driver_id", LARDER_INT64                                              \
    }
#define CUSTOMER                                                               \
    {                                                                          \
        "customer_id", LARDER_STRING                                           \
    }

static const key_vector key_vectors[] = {
    {1, {{DRIVER, "1001"}}, "demo", 3,
        "0100000002000000090000006472697665725f69640400000008000000e903000000"
        "00000064656d6f"},
    {1, {{DRIVER, "1001"}}, "demo", 2,
        "020000006472697665725f69640400000008000000e90300000000000064656d6f"},
    {1, {{{"driver_id", LARDER_INT32}, "1001"}}, "demo", 3,
        "0100000002000000090000006472697665725f69640300000004000000e903000064"
        "656d6f"},
    {1, {{{"driver_id", LARDER_INT32}, "1001"}}, "demo", 2,
        "020000006472697665725f69640300000004000000e903000064656d6f"},
    {1, {{DRIVER, "-7"}}, "demo", 3,
        "0100000002000000090000006472697665725f69640400000008000000f9ffffffff"
        "ffffff64656d6f"},
    {1, {{CUSTOMER, "\"alice\""}}, "demo", 3,
        "01000000020000000b000000637573746f6d65725f69640200000005000000616c69"
        "636564656d6f"},
    {1, {{CUSTOMER, "\"alice\""}}, "demo", 2,
        "02000000637573746f6d65725f69640200000005000000616c69636564656d6f"},
    {1, {{CUSTOMER, "\"\""}}, "demo", 3,
        "01000000020000000b000000637573746f6d65725f69640200000000000000"
        "64656d6f"},
    {1, {{{"ville", LARDER_STRING}, "\"Z\xc3\xbcrich\xe2\x98\x83\""}},
        "caf\xc3\xa9", 3,
        "01000000020000000500000076696c6c65020000000a0000005ac3bc72696368e298"
        "83636166c3a9"},
    {1, {{{"ville", LARDER_STRING}, "\"Z\xc3\xbcrich\xe2\x98\x83\""}},
        "caf\xc3\xa9", 2,
        "0200000076696c6c65020000000a0000005ac3bc72696368e29883636166c3a9"},
    {2, {{CUSTOMER, "\"c9\""}, {DRIVER, "5"}}, "my_project", 3,
        "02000000020000000b000000637573746f6d65725f69640200000009000000647269"
        "7665725f69640200000002000000633904000000080000000500000000000000"
        "6d795f70726f6a656374"},
    {2, {{CUSTOMER, "\"c9\""}, {DRIVER, "5"}}, "my_project", 2,
        "02000000637573746f6d65725f6964020000006472697665725f69640200000002"
        "000000633904000000080000000500000000000000"
        "6d795f70726f6a656374"},
    {1, {{{"ts_key", LARDER_TIMESTAMP}, "\"2023-11-14T22:13:20Z\""}}, "demo", 3,
        "01000000020000000600000074735f6b6579080000000800000000f1536500000000"
        "64656d6f"},
    {1, {{{"raw", LARDER_BYTES}, "\"AP8Q\""}}, "demo", 3,
        "010000000200000003000000726177010000000300000000ff1064656d6f"},
    {0, {{{NULL, LARDER_BOOL}, NULL}}, "demo", 3,
        "01000000020000000a0000005f5f64756d6d795f6964020000000000000064656d6"
        "f"},
};

enum { N_KEY_VECTORS = sizeof key_vectors / sizeof *key_vectors };

static void
parse(larder_column *column, const char *json)
{
    larder_bytes text = {json, strlen(json)};
    larder_error err = {0};
    larder_status rc;

    if (json[0] == '"')
        text = (larder_bytes){json + 1, text.size - 2};
    rc = strcmp(json, "null") == 0
             ? larder_column_append_null(column, &err)
             : larder_value_parse(column, text, LARDER_NAIVE_REFUSED, &err);
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s", json, err.message);
}

/* Our key, and how Feast's look. */
static ldr_feast_keys
keys_of(const key_vector *vector, ldr_key *key, ldr_arena *arena)
{
    larder_field fields[2];
    larder_column columns[2];
    const larder_column *parts[2] = {&columns[0], &columns[1]};
    ldr_feast_keys keys;
    bool null;

    for (size_t i = 0; i < vector->n_parts; i++) {
        fields[i] = vector->parts[i].field;
        ck_assert_int_eq(ldr_column_init(&columns[i], fields[i].type, NULL), 0);
        parse(&columns[i], vector->parts[i].text);
    }
    ck_assert_int_eq(ldr_feast_keys_init(&keys, vector->version,
                         vector->project, fields, vector->n_parts, arena, NULL),
        LARDER_OK);
    ldr_key_start(key, keys.entity_set);
    ck_assert_int_eq(
        ldr_key_encode(key, parts, vector->n_parts, 0, &null, NULL), LARDER_OK);
    for (size_t i = 0; i < vector->n_parts; i++)
        ldr_column_release(&columns[i]);
    return keys;
}

START_TEST(a_key_is_written_as_feast_writes_it)
{
    const key_vector *vector = &key_vectors[_i];
    ldr_arena arena = {0};
    ldr_key key;
    ldr_feast_keys keys = keys_of(vector, &key, &arena);
    ldr_buffer out = {0};
    char hex[512];

    ck_assert_int_eq(ldr_feast_key_write(&keys,
                         (larder_bytes){key.bytes, key.size}, &out, NULL),
        LARDER_OK);
    to_hex((larder_bytes){out.data, out.size}, hex);
    ck_assert_str_eq(hex, vector->hex);
    ldr_buffer_free(&out);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(a_key_of_feast_is_read_back)
{
    const key_vector *vector = &key_vectors[_i];
    unsigned char room[256];
    larder_bytes feast = of_hex(vector->hex, room);
    ldr_arena arena = {0};
    ldr_key key, back;
    ldr_feast_keys keys = keys_of(vector, &key, &arena);

    ck_assert(ldr_feast_key_read(&keys, feast, &back));
    ck_assert_uint_eq(back.size, key.size);
    ck_assert_mem_eq(back.bytes, key.bytes, key.size);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(nothing_but_the_whole_key_is_read)
{
    const key_vector *vector = &key_vectors[_i];
    unsigned char room[256];
    larder_bytes feast = of_hex(vector->hex, room);
    ldr_arena arena = {0};
    ldr_key key, back;
    ldr_feast_keys keys = keys_of(vector, &key, &arena);

    for (size_t size = 0; size < feast.size; size++) {
        larder_bytes cut = {room, size};

        ck_assert(!ldr_feast_key_read(&keys, cut, &back));
    }
    feast.size++; /* of another project, whose name begins with ours */
    room[feast.size - 1] = 'x';
    ck_assert(!ldr_feast_key_read(&keys, feast, &back));
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(a_project_whose_name_ends_with_ours_is_another)
{
    const key_vector *vector = &key_vectors[0];
    unsigned char room[256];
    larder_bytes feast = of_hex(vector->hex, room);
    ldr_arena arena = {0};
    ldr_key key, back;
    ldr_feast_keys keys = keys_of(vector, &key, &arena);

    memcpy(room + feast.size - 4, "my_demo", 7);
    feast.size += 3;
    ck_assert(!ldr_feast_key_read(&keys, feast, &back));
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(what_all_keys_begin_with_is_what_feast_scans_for)
{
    ldr_arena arena = {0};
    ldr_key key;
    ldr_feast_keys keys = keys_of(&key_vectors[10], &key, &arena);
    char hex[256];

    to_hex(keys.head, hex);
    ck_assert_str_eq(hex,
        "02000000020000000b000000637573746f6d65725f696402000000090000006472"
        "697665725f6964");
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(keys_that_feast_has_not_are_refused)
{
    const larder_field fields[] = {{"is_new", LARDER_BOOL}};
    ldr_arena arena = {0};
    ldr_feast_keys keys;
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_feast_keys_init(&keys, 3, "demo", fields, 1, &arena, &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "'is_new'"));
    ck_assert_ptr_nonnull(strstr(err.message, "bool"));
    ck_assert_int_eq(
        ldr_feast_keys_init(&keys, 1, "demo", fields, 0, &arena, &err),
        LARDER_INVALID);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(a_key_between_two_seconds_is_refused)
{
    const key_vector vector = {1,
        {{{"at", LARDER_TIMESTAMP}, "\"2023-11-14T22:13:20.5Z\""}}, "demo", 3,
        ""};
    ldr_arena arena = {0};
    ldr_key key;
    ldr_feast_keys keys = keys_of(&vector, &key, &arena);
    ldr_buffer out = {0};
    larder_error err = {0};

    ck_assert_int_eq(ldr_feast_key_write(&keys,
                         (larder_bytes){key.bytes, key.size}, &out, &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "whole seconds"));
    ck_assert_uint_eq(out.size, 0);
    ldr_buffer_free(&out);
    ldr_arena_free(&arena);
}
END_TEST

/* ------------------------------------------------------------------- names */

START_TEST(murmur3_gives_these)
{
    static const struct {
        const char *text;
        uint32_t hash;
    } known[] = {
        {"", 0},
        {"test", UINT32_C(0xba6bd213)},
        {"hello", UINT32_C(0x248bfa47)},
        {"Hello, world!", UINT32_C(0xc0363e43)},
        {"The quick brown fox jumps over the lazy dog", UINT32_C(0x2e4ff723)},
        {"driver_hourly_stats:conv_rate", UINT32_C(0xdae36061)},
        {"__precomputed__svc:vector", UINT32_C(0x5a5cf8f8)},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ck_assert_uint_eq(
            ldr_murmur3(known[i].text, strlen(known[i].text)), known[i].hash);
}
END_TEST

START_TEST(fields_are_called_as_feast_calls_them)
{
    static const struct {
        const char *view, *feature, *hex;
    } known[] = {
        {"driver_hourly_stats", "conv_rate", "6160e3da"},
        {"driver_hourly_stats", "acc_rate", "fa5e58ad"},
        {"driver_hourly_stats", "avg_daily_trips", "18a5e5a3"},
        {"driver_hourly_stats_v2", "conv_rate", "bfac5cd4"},
        {"m\xc3\xa9t\xc3\xa9o", "temp\xc3\xa9rature", "10b4f0aa"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char name[LDR_FEAST_NAME_BYTES];
        char hex[16];

        ldr_feast_name(known[i].view, known[i].feature, name);
        to_hex((larder_bytes){name, sizeof name}, hex);
        ck_assert_str_eq(hex, known[i].hex);
    }
}
END_TEST

/* ------------------------------------------------------------------ values */

typedef struct value_vector {
    larder_type type;
    const char *json, *hex;
} value_vector;

static const value_vector value_vectors[] = {
    {LARDER_FLOAT64, "0.5", "29000000000000e03f"},
    {LARDER_FLOAT32, "0.5", "350000003f"},
    {LARDER_FLOAT32, "0.1", "35cdcccc3d"},
    {LARDER_INT64, "42", "202a"},
    {LARDER_INT64, "-1", "20ffffffffffffffffff01"},
    {LARDER_INT64, "0", "2000"},
    {LARDER_INT32, "42", "182a"},
    {LARDER_INT32, "-1", "18ffffffffffffffffff01"},
    {LARDER_STRING, "\"abc\"", "1203616263"},
    {LARDER_STRING, "\"\"", "1200"},
    {LARDER_BOOL, "true", "3801"},
    {LARDER_BOOL, "false", "3800"},
    {LARDER_BYTES, "\"AQI=\"", "0a020102"},
    {LARDER_TIMESTAMP, "\"2023-11-14T22:13:20Z\"", "4080e2cfaa06"},
    {LARDER_STRING, "null", ""},
    {LARDER_INT64_LIST, "[1,2,300]", "72060a040102ac02"},
    {LARDER_INT64_LIST, "[]", "7200"},
    {LARDER_FLOAT32_LIST, "[1,2]", "82010a0a080000803f00000040"},
    {LARDER_STRING_LIST, "[\"a\",\"\"]", "62050a01610a00"},
    {LARDER_BOOL_LIST, "[true,false]", "8a01040a020100"},
};

enum { N_VALUE_VECTORS = sizeof value_vectors / sizeof *value_vectors };

START_TEST(a_value_is_written_as_feast_writes_it)
{
    const value_vector *vector = &value_vectors[_i];
    larder_column column;
    ldr_buffer out = {0};
    char hex[256];

    ck_assert_int_eq(ldr_column_init(&column, vector->type, NULL), LARDER_OK);
    parse(&column, vector->json);
    ck_assert_int_eq(ldr_feast_value_write(&column, 0, &out, NULL), LARDER_OK);
    to_hex((larder_bytes){out.data, out.size}, hex);
    ck_assert_str_eq(hex, vector->hex);
    ldr_buffer_free(&out);
    ldr_column_release(&column);
}
END_TEST

/* What some bytes are read as, in JSON; "" is a failure. */
static void
read_as(larder_type type, const char *hex, char *json, larder_error *err)
{
    unsigned char room[256];
    larder_column column;
    larder_status rc;

    ck_assert_int_eq(ldr_column_init(&column, type, NULL), LARDER_OK);
    rc = ldr_feast_value_read(of_hex(hex, room), &column, err);
    json[0] = '\0';
    if (rc == LARDER_OK) {
        larder_value value = larder_column_value(&column, 0);

        ck_assert_uint_eq(column.n_rows, 1);
        json[larder_value_print(&value, json, 255)] = '\0';
        if (value.null)
            strcpy(json, "null");
    } else {
        ck_assert_int_eq(rc, LARDER_CORRUPT);
        ck_assert_uint_eq(column.n_rows, 0);
    }
    ldr_column_release(&column);
}

START_TEST(a_value_of_feast_is_read_back)
{
    const value_vector *vector = &value_vectors[_i];
    unsigned char room[256];
    larder_column expected, column;
    larder_batch one, two;
    const larder_field field = {"x", vector->type};
    const larder_schema schema = {&field, 1};

    ck_assert_int_eq(ldr_column_init(&expected, vector->type, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_column_init(&column, vector->type, NULL), LARDER_OK);
    parse(&expected, vector->json);
    ck_assert_int_eq(
        ldr_feast_value_read(of_hex(vector->hex, room), &column, NULL),
        LARDER_OK);
    one = (larder_batch){&schema, 1, &expected};
    two = (larder_batch){&schema, 1, &column};
    ck_assert(rows_same(&one, 0, &two, 0));
    ldr_column_release(&expected);
    ldr_column_release(&column);
}
END_TEST

START_TEST(what_else_feast_may_have_written_is_understood)
{
    static const struct {
        larder_type type;
        const char *hex, *json;
    } known[] = {
        {LARDER_INT64, "980100", "null"},      /* a null by name */
        {LARDER_INT64, "182a", "42"},          /* written as int32 */
        {LARDER_INT32, "202a", "42"},          /* as int64 */
        {LARDER_FLOAT64, "350000003f", "0.5"}, /* as float */
        {LARDER_FLOAT32, "29000000000000e03f", "0.5"},
        {LARDER_TIMESTAMP, "4080808080808080808001", "null"}, /* NaT */
        {LARDER_INT64, "2001202a", "42"}, /* of two the last */
    };
    char json[256];

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        read_as(known[i].type, known[i].hex, json, NULL);
        ck_assert_str_eq(json, known[i].json);
    }
}
END_TEST

START_TEST(lists_are_read_packed_or_not)
{
    char json[256];

    read_as(LARDER_INT64_LIST, "7206080108020803", json, NULL);
    ck_assert_str_eq(json, "[1,2,3]");
    read_as(LARDER_INT64_LIST, "72080a02010208030804", json, NULL);
    ck_assert_str_eq(json, "[1,2,3,4]");
    read_as(LARDER_FLOAT32_LIST, "82010a0d0000803f0d00000040", json, NULL);
    ck_assert_str_eq(json, "[1.0,2.0]");
}
END_TEST

START_TEST(garbage_is_refused_in_words)
{
    static const struct {
        larder_type type;
        const char *hex, *words;
    } known[] = {
        {LARDER_INT64, "20", "no serialized"},
        {LARDER_INT64, "20ffffffffffffffffffff", "no serialized"},
        {LARDER_INT64, "2100000000000000", "no serialized"},
        {LARDER_INT64, "29000000000000e03f", "Feast's type 5"},
        {LARDER_INT64, "72060a040102ac02", "Feast's type 14"},
        {LARDER_INT64_LIST, "202a", "Feast's type 4"},
        {LARDER_INT64_LIST, "72060a050102ac02", "no serialized"},
        {LARDER_INT64_LIST, "72030a01ff", "no serialized"},
        {LARDER_FLOAT32_LIST, "82010a0a070000803f00000040", "no serialized"},
        {LARDER_STRING, "1202c328", "UTF-8"},
        {LARDER_STRING, "120100", "NUL"},
        {LARDER_INT32, "2080808080808001", "int32"},
        {LARDER_FLOAT32, "299a9999999999b93f", "float32"},
        {LARDER_TIMESTAMP, "4080808080808080800f", "years"},
        {LARDER_STRING, "a2010a0a080a016b1203120176", "Feast's type 20"},
        {LARDER_STRING, "0b", "no serialized"},
    };
    char json[256];

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        larder_error err = {0};

        read_as(known[i].type, known[i].hex, json, &err);
        if (json[0] != '\0' || strstr(err.message, known[i].words) == NULL)
            ck_abort_msg("%s: '%s' %s", known[i].hex, json, err.message);
    }
}
END_TEST

START_TEST(a_null_in_a_list_cannot_be_written)
{
    larder_column column;
    ldr_buffer out = {0};
    larder_error err = {0};

    ck_assert_int_eq(ldr_column_init(&column, LARDER_INT64_LIST, NULL), 0);
    parse(&column, "[1,null]");
    ck_assert_int_eq(
        ldr_feast_value_write(&column, 0, &out, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "null"));
    ck_assert_uint_eq(out.size, 0);
    ldr_buffer_free(&out);
    ldr_column_release(&column);
}
END_TEST

START_TEST(times_as_values_are_floored_to_seconds)
{
    larder_column column;
    ldr_buffer out = {0};
    char json[256], hex[64];

    ck_assert_int_eq(ldr_column_init(&column, LARDER_TIMESTAMP, NULL), 0);
    parse(&column, "\"1969-12-31T23:59:59.5Z\"");
    ck_assert_int_eq(ldr_feast_value_write(&column, 0, &out, NULL), LARDER_OK);
    to_hex((larder_bytes){out.data, out.size}, hex);
    read_as(LARDER_TIMESTAMP, hex, json, NULL);
    ck_assert_ptr_nonnull(strstr(json, "1969-12-31T23:59:59Z"));
    ldr_buffer_free(&out);
    ldr_column_release(&column);
}
END_TEST

/* -------------------------------------------------------------------- times */

START_TEST(event_times_are_protobufs_timestamps)
{
    static const struct {
        larder_time time;
        const char *hex;
    } known[] = {
        {INT64_C(1704067200000000), "088081c8ac06"},
        {INT64_C(1704067200123456), "088081c8ac06108094ef3a"},
        {0, ""},
        {-1000000, "08ffffffffffffffffff01"},
        {-500000, "08ffffffffffffffffff011080cab5ee01"},
        {LARDER_TIME_MIN, NULL},
        {LARDER_TIME_MAX, NULL},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char bytes[LDR_FEAST_TIME_BYTES];
        size_t n = ldr_feast_time_write(known[i].time, bytes);
        larder_time back = 42;
        char hex[64];

        ck_assert_uint_le(n, sizeof bytes);
        to_hex((larder_bytes){bytes, n}, hex);
        if (known[i].hex != NULL)
            ck_assert_str_eq(hex, known[i].hex);
        ck_assert(ldr_feast_time_read((larder_bytes){bytes, n}, &back));
        ck_assert_int_eq(back, known[i].time);
    }
}
END_TEST

START_TEST(a_time_out_of_range_is_none)
{
    static const char *const wrong[] = {
        "088081c8ac0610ffffffffffffffffff01", /* nanos below 0 */
        "1080a8d6b907",                       /* 2,000,000,000 of them */
        "08ffffffffffffffff7f",               /* years away */
        "08",
        "0a00",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        unsigned char room[64];
        larder_time time;

        if (ldr_feast_time_read(of_hex(wrong[i], room), &time))
            ck_abort_msg("%s", wrong[i]);
    }
}
END_TEST

/* --------------------------------------------------------------------- rows */

static const larder_bytes a_key = {"\1\2\3\4a key", 9};
static const ldr_feast_mark a_mark = {7, {{1, 2, 3, 4, 5, 6, 7, 8}}, 0};

typedef struct written {
    ldr_arena arena;
    ldr_feast_row shape;
    larder_batch room;
    ldr_buffer row, out, back;
    size_t ends[64];
    larder_bytes values[64];
} written;

static void
write_row(written *w, const char *view, const larder_batch *batch, size_t row,
    larder_time event, larder_time created)
{
    const larder_column *columns[64];

    ck_assert_int_eq(
        ldr_feast_row_init(&w->shape, view, batch->schema, &w->arena, NULL), 0);
    ck_assert_int_eq(larder_batch_init(&w->room, batch->schema, NULL), 0);
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        columns[i] = &batch->columns[i];
    ck_assert_int_eq(ldr_row_encode(&w->shape.layout, a_key, event, created,
                         columns, row, &w->row, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_feast_row_write(&w->shape, (larder_bytes){w->row.data, w->row.size},
            a_mark, &w->room, &w->out, w->ends, NULL),
        LARDER_OK);
    for (size_t i = 0; i < w->shape.n_names; i++) {
        size_t begin = i == 0 ? 0 : w->ends[i - 1];

        w->values[i] = (larder_bytes){w->out.data + begin, w->ends[i] - begin};
    }
}

static void
free_row(written *w)
{
    larder_batch_release(&w->room);
    ldr_buffer_free(&w->row);
    ldr_buffer_free(&w->out);
    ldr_buffer_free(&w->back);
    ldr_arena_free(&w->arena);
}

START_TEST(a_whole_row_is_written_as_feast_writes_it)
{
    static const char *const names[] = {
        "5f74733a6472697665725f686f75726c795f7374617473",
        "5f6c633a6472697665725f686f75726c795f7374617473", "6160e3da",
        "18a5e5a3"};
    static const char *const values[] = {"088081c8ac06",
        /* build, created (null), table, and the event time again */
        "000000000000000700000000000000000102030405060708088081c8ac06",
        "350000003f", "202a"};
    const larder_field fields[] = {
        {"conv_rate", LARDER_FLOAT32}, {"avg_daily_trips", LARDER_INT64}};
    const larder_schema schema = {fields, 2};
    larder_batch batch;
    written w = {0};
    char hex[256];

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    parse(&batch.columns[0], "0.5");
    parse(&batch.columns[1], "42");
    write_row(&w, "driver_hourly_stats", &batch, 0, INT64_C(1704067200000000),
        LDR_NO_CREATED);
    ck_assert_uint_eq(w.shape.n_names, 4);
    for (size_t i = 0; i < 4; i++) {
        to_hex(w.shape.names[i], hex);
        ck_assert_str_eq(hex, names[i]);
        to_hex(w.values[i], hex);
        ck_assert_str_eq(hex, values[i]);
    }
    free_row(&w);
    larder_batch_release(&batch);
}
END_TEST

/* A batch without what Feast cannot hold: nulls in lists, parts of seconds. */
static void
fill_plain(larder_batch *batch, size_t n, uint64_t *state)
{
    rows_fill(batch, n, state);
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        larder_column *column = &batch->columns[i];
        larder_column *values = column->items != NULL ? column->items : column;
        int64_t *times = values->values;

        if (column->items != NULL) {
            free(values->valid);
            values->valid = NULL;
            values->n_nulls = 0;
        }
        for (size_t k = 0;
             values->type == LARDER_TIMESTAMP && k < values->n_rows; k++)
            times[k] = times[k] % INT64_C(1000000000) * LDR_SECOND;
    }
}

START_TEST(rows_of_every_type_come_back_as_they_were)
{
    uint64_t state = 5;
    larder_batch batch;

    ck_assert_int_eq(
        larder_batch_init(&batch, rows_every_type(), NULL), LARDER_OK);
    fill_plain(&batch, 200, &state);
    for (size_t row = 0; row < 200; row++) {
        larder_time event = (larder_time)row * 1234567 - 99999999;
        larder_error err = {0};
        written w = {0};

        write_row(&w, "v", &batch, row, event,
            row % 3 == 0 ? LDR_NO_CREATED : event + 5);
        if (ldr_feast_row_read(
                &w.shape, a_key, w.values, &w.room, &w.back, &err) != LARDER_OK)
            ck_abort_msg("row %zu: %s", row, err.message);
        ck_assert_uint_eq(w.back.size, w.row.size);
        ck_assert_mem_eq(w.back.data, w.row.data, w.row.size);
        free_row(&w);
    }
    larder_batch_release(&batch);
}
END_TEST

START_TEST(a_mark_of_another_time_is_none)
{
    const larder_field fields[] = {{"x", LARDER_INT64}};
    const larder_schema schema = {fields, 1};
    unsigned char later[LDR_FEAST_TIME_BYTES];
    larder_batch batch;
    ldr_feast_mark mark;
    written w = {0};

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    parse(&batch.columns[0], "1");
    write_row(&w, "v", &batch, 0, 1000, 2000);
    ck_assert(ldr_feast_mark_read(w.values[1], w.values[0], &mark));
    ck_assert_uint_eq(mark.build, 7);
    ck_assert_int_eq(mark.created, 2000);
    ck_assert_mem_eq(&mark.table, &a_mark.table, sizeof mark.table);
    w.values[0] = (larder_bytes){later, ldr_feast_time_write(3000, later)};
    ck_assert(!ldr_feast_mark_read(w.values[1], w.values[0], &mark));
    ck_assert(!ldr_feast_mark_read((larder_bytes){0}, w.values[0], &mark));
    ck_assert_int_eq(
        ldr_feast_row_read(&w.shape, a_key, w.values, &w.room, &w.back, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_row_created((larder_bytes){w.back.data, w.back.size}),
        LDR_NO_CREATED);
    free_row(&w);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(a_spoilt_value_is_named)
{
    const larder_field fields[] = {{"x", LARDER_INT64}};
    const larder_schema schema = {fields, 1};
    larder_batch batch;
    written w = {0};
    larder_error err = {0};

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    parse(&batch.columns[0], "1");
    write_row(&w, "v", &batch, 0, 1000, 2000);
    w.values[2] = (larder_bytes){"\x12\x01"
                                 "a",
        3};
    ck_assert_int_eq(
        ldr_feast_row_read(&w.shape, a_key, w.values, &w.room, &w.back, &err),
        LARDER_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "'v:x'"));
    ck_assert_uint_eq(w.back.size, 0);
    free_row(&w);
    larder_batch_release(&batch);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("feast");
    TCase *tests = tcase_create("feast");

    tcase_add_loop_test(
        tests, a_key_is_written_as_feast_writes_it, 0, N_KEY_VECTORS);
    tcase_add_loop_test(tests, a_key_of_feast_is_read_back, 0, N_KEY_VECTORS);
    tcase_add_loop_test(
        tests, nothing_but_the_whole_key_is_read, 0, N_KEY_VECTORS);
    tcase_add_test(tests, a_project_whose_name_ends_with_ours_is_another);
    tcase_add_test(tests, what_all_keys_begin_with_is_what_feast_scans_for);
    tcase_add_test(tests, keys_that_feast_has_not_are_refused);
    tcase_add_test(tests, a_key_between_two_seconds_is_refused);
    tcase_add_test(tests, murmur3_gives_these);
    tcase_add_test(tests, fields_are_called_as_feast_calls_them);
    tcase_add_loop_test(
        tests, a_value_is_written_as_feast_writes_it, 0, N_VALUE_VECTORS);
    tcase_add_loop_test(
        tests, a_value_of_feast_is_read_back, 0, N_VALUE_VECTORS);
    tcase_add_test(tests, what_else_feast_may_have_written_is_understood);
    tcase_add_test(tests, lists_are_read_packed_or_not);
    tcase_add_test(tests, garbage_is_refused_in_words);
    tcase_add_test(tests, a_null_in_a_list_cannot_be_written);
    tcase_add_test(tests, times_as_values_are_floored_to_seconds);
    tcase_add_test(tests, event_times_are_protobufs_timestamps);
    tcase_add_test(tests, a_time_out_of_range_is_none);
    tcase_add_test(tests, a_whole_row_is_written_as_feast_writes_it);
    tcase_add_test(tests, rows_of_every_type_come_back_as_they_were);
    tcase_add_test(tests, a_mark_of_another_time_is_none);
    tcase_add_test(tests, a_spoilt_value_is_named);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
