/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hashed.c - `layout: feast`: rows go in packed and come out packed, and
 * lie in between as Feast has them.
 *
 * Each test runs on a store in memory and, where it is built in, on Redis: a
 * server alone, and a cluster.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocations.h"
#include "backends/builtin.h"
#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/row.h"
#include "definition/config.h"
#include "hashes.h"
#include "servers.h"
#include "storage/online.h"
#include "support.h"

static const larder_field driver_keys[] = {{"driver_id", LARDER_INT64}};
static const larder_field columns[] = {
    {"conv_rate", LARDER_FLOAT32}, {"trips", LARDER_INT64}};

/* The stores that tests run on, by _i. */
static const larder_online_ops *kinds[3] = {&hashes_ops};
static int n_kinds = 1;
enum { CLUSTER = 2 };

static const char *urls[3]; /* of the servers; NULL: there are to be none */
static char project[32];

#define NEEDS_SERVER                                                           \
    do {                                                                       \
        if (_i > 0)                                                            \
            SERVERS_NEEDED(urls[_i]);                                          \
    } while (0)

/* Each test has keys of its own in the server. */
static void
name_project(void)
{
    static unsigned n; /* where tests are not processes */

    snprintf(project, sizeof project, "demo%ld_%u", (long)getpid(), n++);
}

static larder_options
options_of(
    ldr_option list[5], int kind, const char *layout, const char *version)
{
    size_t n = 0;

    list[n++] = (ldr_option){.name = "layout", .value = layout};
    if (version != NULL)
        list[n++] = (ldr_option){
            .name = "entity_key_serialization_version", .value = version};
    if (kind > 0) {
        list[n++] =
            (ldr_option){.name = "connection_string", .value = urls[kind]};
        list[n++] = (ldr_option){.name = "key_prefix", .value = project};
        list[n++] = (ldr_option){.name = "redis_type",
            .value = kind == CLUSTER ? "redis_cluster" : "redis"};
    }
    return (larder_options){
        .options = list, .n_options = n, .section = "online_store"};
}

static ldr_online *
open_store(int kind)
{
    ldr_option list[5];
    larder_options options = options_of(list, kind, "feast", NULL);
    larder_call call = support_call(0);
    larder_error err = {0};
    ldr_online *store = NULL;

    if (ldr_online_open(kinds[kind], &options, true, &call, &store, &err) !=
        LARDER_OK)
        ck_abort_msg("%s", err.message);
    return store;
}

static larder_table_id
table_id(unsigned number)
{
    return (larder_table_id){{0, 0, 0, 0, 0, 0, 9, (unsigned char)number}};
}

/* A view of build `number`, whose table is table_id(number). */
static ldr_online_table
view_of(const char *name, unsigned number)
{
    return (ldr_online_table){.id = table_id(number),
        .build = number,
        .project = project,
        .name = name,
        .keys = driver_keys,
        .n_keys = 1,
        .columns = columns,
        .n_columns = 2};
}

static void
describe(ldr_online *store, const ldr_online_table *table)
{
    larder_error err = {0};

    if (ldr_online_describe(store, table, &err) != LARDER_OK)
        ck_abort_msg("%s", err.message);
}

static ldr_key
key_of(int64_t driver)
{
    larder_value part = {.type = LARDER_INT64, .as.integer = driver};
    ldr_key key;

    ldr_key_start(&key, ldr_entity_set_id(driver_keys, 1));
    ck_assert_int_eq(ldr_key_add(&key, &part, NULL), LARDER_OK);
    return key;
}

/* A packed row, in `out`; trips null where it is less than 0. */
static larder_bytes
row_of(const ldr_key *key, larder_time event, larder_time created, double rate,
    int64_t trips, ldr_buffer *out)
{
    const larder_type types[] = {LARDER_FLOAT32, LARDER_INT64};
    const larder_schema schema = {columns, 2};
    const larder_column *values[2];
    ldr_arena arena = {0};
    ldr_row_layout layout;
    larder_batch batch;
    size_t begin = out->size;

    ck_assert_int_eq(ldr_row_layout_init(&layout, types, 2, &arena, NULL), 0);
    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), 0);
    ck_assert_int_eq(
        larder_column_append_real(&batch.columns[0], rate, NULL), 0);
    ck_assert_int_eq(
        trips < 0
            ? larder_column_append_null(&batch.columns[1], NULL)
            : larder_column_append_integer(&batch.columns[1], trips, NULL),
        0);
    values[0] = &batch.columns[0];
    values[1] = &batch.columns[1];
    ck_assert_int_eq(
        ldr_row_encode(&layout, (larder_bytes){key->bytes, key->size}, event,
            created, values, 0, out, NULL),
        LARDER_OK);
    larder_batch_release(&batch);
    ldr_arena_free(&arena);
    return (larder_bytes){out->data + begin, out->size - begin};
}

static larder_outcome
put(ldr_online *store, unsigned table, int64_t driver, larder_time event,
    larder_time created, double rate, int64_t trips)
{
    larder_call call = support_call(0);
    larder_outcome outcome = LARDER_MISMATCH;
    larder_error err = {0};
    ldr_key key = key_of(driver);
    ldr_buffer buffer = {0};
    larder_put one = {.key = {key.bytes, key.size},
        .table = table_id(table),
        .rule = LARDER_PUT_NEWEST,
        .row = row_of(&key, event, created, rate, trips, &buffer)};

    if (ldr_online_put(store, &call, &one, 1, &outcome, &err) != LARDER_OK)
        ck_abort_msg("%s", err.message);
    ldr_buffer_free(&buffer);
    return outcome;
}

/* What a read gave. */
typedef struct got {
    larder_found found;
    ldr_buffer row;
    size_t n_rows;
} got;

static larder_status
keep(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    got *g = (got *)self;

    (void)want, (void)table;
    g->n_rows++;
    g->row.size = 0;
    ck_assert_int_eq(ldr_buffer_reserve(&g->row, row.size, err), 0);
    memcpy(g->row.data, row.data, row.size);
    g->row.size = row.size;
    return LARDER_OK;
}

static larder_status
get(ldr_online *store, unsigned table, int64_t driver, got *g,
    larder_error *err)
{
    larder_call call = support_call(0);
    larder_table_id id = table_id(table);
    ldr_key key = key_of(driver);
    larder_want want = {{key.bytes, key.size}, &id, 1};

    *g = (got){.found = {keep}};
    return ldr_online_get(store, &call, &want, 1, &g->found, err);
}

/* Is this row stored, and no other? */
static bool
has(ldr_online *store, unsigned table, int64_t driver, larder_time event,
    larder_time created, double rate, int64_t trips)
{
    ldr_key key = key_of(driver);
    ldr_buffer buffer = {0};
    larder_bytes row = row_of(&key, event, created, rate, trips, &buffer);
    larder_error err = {0};
    bool same;
    got g;

    if (get(store, table, driver, &g, &err) != LARDER_OK)
        ck_abort_msg("%s", err.message);
    same = g.n_rows == 1 && g.row.size == row.size &&
           memcmp(g.row.data, row.data, row.size) == 0;
    ldr_buffer_free(&g.row);
    ldr_buffer_free(&buffer);
    return same;
}

static bool
has_none(ldr_online *store, unsigned table, int64_t driver)
{
    larder_error err = {0};
    got g;

    if (get(store, table, driver, &g, &err) != LARDER_OK)
        ck_abort_msg("%s", err.message);
    ldr_buffer_free(&g.row);
    return g.n_rows == 0;
}

START_TEST(a_row_comes_back_as_it_was_put)
{
    ldr_online *store;
    ldr_online_table table = view_of("stats", 1);

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &table);
    ck_assert(has_none(store, 1, 1001));
    ck_assert_int_eq(put(store, 1, 1001, 1234567, 7, 0.5, 42), LARDER_WRITTEN);
    ck_assert(has(store, 1, 1001, 1234567, 7, 0.5, 42));
    ck_assert(has_none(store, 1, 1002));
    ck_assert_int_eq(
        put(store, 1, 1002, 0, LDR_NO_CREATED, 0.25, -1), LARDER_WRITTEN);
    ck_assert(has(store, 1, 1002, 0, LDR_NO_CREATED, 0.25, -1));
    ldr_online_close(store);
}
END_TEST

START_TEST(the_newest_row_stands)
{
    ldr_online *store;
    ldr_online_table table = view_of("stats", 1);

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &table);
    ck_assert_int_eq(put(store, 1, 1, 1000, 7, 0.5, 42), LARDER_WRITTEN);
    ck_assert_int_eq(put(store, 1, 1, 1000, 7, 0.5, 42), LARDER_UNCHANGED);
    ck_assert_int_eq(put(store, 1, 1, 999, 9, 0.5, 43), LARDER_OLDER);
    ck_assert_int_eq(put(store, 1, 1, 1000, 6, 0.5, 43), LARDER_OLDER);
    ck_assert_int_eq(
        put(store, 1, 1, 1000, LDR_NO_CREATED, 0.5, 43), LARDER_OLDER);
    ck_assert(has(store, 1, 1, 1000, 7, 0.5, 42));
    ck_assert_int_eq(put(store, 1, 1, 1000, 8, 0.25, 1), LARDER_WRITTEN);
    ck_assert_int_eq(put(store, 1, 1, 1001, 1, 0.25, 2), LARDER_WRITTEN);
    ck_assert_int_eq(put(store, 1, 1, -5, 1, 0.25, 2), LARDER_OLDER);
    ck_assert(has(store, 1, 1, 1001, 1, 0.25, 2));
    ldr_online_close(store);
}
END_TEST

/* As packed rows compare, whatever the fields' bytes. */
START_TEST(of_rows_of_one_time_the_greater_stands)
{
    static const int64_t trips[] = {5, 300, -1, 7, 1 << 20};
    ldr_online *store;
    ldr_online_table table = view_of("stats", 1);
    ldr_key key = key_of(1);

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &table);
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 0; b < 5; b++) {
            int64_t time = (int64_t)(a * 5 + b);
            ldr_buffer buffer = {0};
            larder_bytes first, second;
            int order;

            (void)row_of(&key, time, 7, 0.5, trips[a], &buffer);
            first.size = buffer.size;
            second = row_of(&key, time, 7, 0.5, trips[b], &buffer);
            first.data = buffer.data;
            order = larder_row_compare(second, first);
            ck_assert_int_eq(
                put(store, 1, 1, time, 7, 0.5, trips[a]), LARDER_WRITTEN);
            ck_assert_int_eq(put(store, 1, 1, time, 7, 0.5, trips[b]),
                order > 0    ? LARDER_WRITTEN
                : order == 0 ? LARDER_UNCHANGED
                             : LARDER_OLDER);
            ck_assert(has(store, 1, 1, time, 7, 0.5, trips[order > 0 ? b : a]));
            ldr_buffer_free(&buffer);
        }
    ldr_online_close(store);
}
END_TEST

/* One random row to a store. */
static larder_outcome
put_random(ldr_online *store, uint64_t seed)
{
    static const larder_time times[] = {-1, 0, 1, 999999, 1000000, 1000001};
    static const larder_time created[] = {LDR_NO_CREATED, -7, 0, 7};
    int64_t driver = (int64_t)support_below(&seed, 5) - 2;
    larder_time event = times[support_below(&seed, 6)];
    larder_time made = created[support_below(&seed, 4)];
    double rate = (double)support_below(&seed, 3) / 4;

    return put(store, 1, driver, event, made, rate,
        (int64_t)support_below(&seed, 300) - 1);
}

typedef struct digest {
    larder_each each;
    uint64_t sum;
    size_t n;
} digest;

static uint64_t
mix(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001B3);
    return sum;
}

static larder_status
add_digest(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    digest *d = (digest *)self;

    (void)err;
    d->n++;
    d->sum = mix(d->sum, key.data, key.size);
    d->sum = mix(d->sum, &table, sizeof table);
    d->sum = mix(d->sum, row.data, row.size);
    return LARDER_OK;
}

static digest
digest_of(ldr_online *store)
{
    larder_call call = support_call(0);
    digest d = {.each = {add_digest}, .sum = 1};
    bool more = true;

    ck_assert_int_eq(
        ldr_online_scan(store, &call, NULL, NULL, 1000, &d.each, &more, NULL),
        LARDER_OK);
    ck_assert(!more);
    return d;
}

/* A store of packed rows is the model. */
START_TEST(many_puts_come_to_what_they_come_to_packed)
{
    const larder_options none = {.section = "online_store"};
    ldr_online_table table = view_of("stats", 1);
    larder_call call = support_call(0);
    ldr_online *store, *model = NULL;
    digest one, two;
    uint64_t state = 11;

    NEEDS_SERVER;
    store = open_store(_i);
    ck_assert_int_eq(ldr_online_open(&ldr_online_memory_ops, &none, true, &call,
                         &model, NULL),
        LARDER_OK);
    describe(store, &table);
    for (int i = 0; i < 2000; i++) {
        uint64_t seed = support_random(&state);
        larder_outcome want = put_random(model, seed);
        larder_outcome outcome = put_random(store, seed);

        if (outcome != want)
            ck_abort_msg("put %d came to %d, not %d", i, outcome, want);
    }
    one = digest_of(store);
    two = digest_of(model);
    ck_assert_uint_eq(one.n, two.n);
    ck_assert_uint_eq(one.sum, two.sum);
    ldr_online_close(model);
    ldr_online_close(store);
}
END_TEST

START_TEST(views_of_an_entity_share_its_hash)
{
    ldr_online *store;
    ldr_online_table stats = view_of("stats", 1), other = view_of("other", 2);
    larder_call call = support_call(0);
    larder_table_id ids[] = {table_id(1), table_id(2)};
    ldr_key key = key_of(5);
    larder_want want = {{key.bytes, key.size}, ids, 2};
    got g = {.found = {keep}};

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &stats);
    describe(store, &other);
    ck_assert_int_eq(put(store, 1, 5, 1000, 7, 0.5, 42), LARDER_WRITTEN);
    ck_assert_int_eq(put(store, 2, 5, 10, 7, 0.75, 1), LARDER_WRITTEN);
    ck_assert(has(store, 1, 5, 1000, 7, 0.5, 42));
    ck_assert(has(store, 2, 5, 10, 7, 0.75, 1));
    ck_assert_int_eq(
        ldr_online_get(store, &call, &want, 1, &g.found, NULL), LARDER_OK);
    ck_assert_uint_eq(g.n_rows, 2);
    ldr_buffer_free(&g.row);
    ldr_online_close(store);
}
END_TEST

/* A change of meaning, or --full: whatever the times. */
START_TEST(a_row_of_a_later_build_takes_the_place_of_an_earlier)
{
    ldr_online *store;
    ldr_online_table first = view_of("stats", 1), second = view_of("stats", 2);

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &first);
    ck_assert_int_eq(put(store, 1, 1, 1000, 7, 0.5, 42), LARDER_WRITTEN);
    ck_assert_int_eq(put(store, 1, 2, 1000, 7, 0.5, 42), LARDER_WRITTEN);
    describe(store, &second);
    ck_assert(has_none(store, 2, 1));
    ck_assert_int_eq(put(store, 2, 1, 500, 7, 0.25, 1), LARDER_WRITTEN);
    ck_assert(has(store, 2, 1, 500, 7, 0.25, 1));
    /* The old build's reader is served meanwhile, of what is there. */
    ck_assert(has(store, 1, 1, 500, 7, 0.25, 1));
    ck_assert(has(store, 1, 2, 1000, 7, 0.5, 42));
    ck_assert_int_eq(put(store, 1, 1, 2000, 7, 0.5, 43), LARDER_OLDER);
    ck_assert(has(store, 2, 1, 500, 7, 0.25, 1));
    ldr_online_close(store);
}
END_TEST

START_TEST(a_swept_build_leaves_the_rows_of_the_next)
{
    ldr_online *store;
    ldr_online_table first = view_of("stats", 1), second = view_of("stats", 2);
    unsigned char cursor[LARDER_KEY_MAX];
    larder_call call = support_call(0);
    size_t n_cursor = 0;
    uint64_t removed = 0, all = 0;

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &first);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(put(store, 1, i, 1000, 7, 0.5, i), LARDER_WRITTEN);
    describe(store, &second);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(put(store, 2, i, 1000, 7, 0.5, i), LARDER_WRITTEN);
    do {
        ck_assert_int_eq(ldr_online_sweep(store, &call, table_id(1), 3, cursor,
                             &n_cursor, &removed, NULL),
            LARDER_OK);
        all += removed;
    } while (n_cursor > 0);
    ck_assert_uint_ge(all, 8); /* the list moved under the cursor */
    for (int i = 0; i < 5; i++)
        ck_assert(has(store, 2, i, 1000, 7, 0.5, i));
    ldr_online_close(store);
}
END_TEST

START_TEST(a_feature_of_another_name_is_not_made_null)
{
    static const larder_field renamed[] = {
        {"conv_rate", LARDER_FLOAT32}, {"rides", LARDER_INT64}};
    ldr_online *store;
    ldr_online_table table = view_of("stats", 1);
    larder_error err = {0};
    got g;

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &table);
    ck_assert_int_eq(put(store, 1, 1, 1000, 7, 0.5, 42), LARDER_WRITTEN);
    table.columns = renamed;
    describe(store, &table);
    ck_assert_int_eq(get(store, 1, 1, &g, &err), LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "'stats:rides'"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--full -V stats"));
    ldr_buffer_free(&g.row);
    ldr_online_close(store);
}
END_TEST

START_TEST(a_row_of_another_type_that_is_on_its_way_is_told)
{
    static const larder_field retyped[] = {
        {"conv_rate", LARDER_STRING}, {"trips", LARDER_INT64}};
    ldr_online *store;
    ldr_online_table old = view_of("stats", 1), new = view_of("stats", 2);
    larder_error err = {0};
    got g;

    NEEDS_SERVER;
    store = open_store(_i);
    old.columns = retyped;
    describe(store, &old);
    describe(store, &new);
    ck_assert_int_eq(put(store, 2, 1, 1000, 7, 0.5, 42), LARDER_WRITTEN);
    ck_assert_int_eq(get(store, 1, 1, &g, &err), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "'stats' is being written over"));
    ldr_buffer_free(&g.row);
    ldr_online_close(store);
}
END_TEST

/* ----------------------------------------------------------------- in order */

typedef struct scanned {
    larder_each each;
    ldr_key keys[2000];
    larder_table_id tables[2000];
    size_t n;
} scanned;

static larder_status
take(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    scanned *s = (scanned *)self;

    (void)row, (void)err;
    ck_assert_uint_lt(s->n, 2000);
    s->keys[s->n].size = key.size;
    memcpy(s->keys[s->n].bytes, key.data, key.size);
    s->tables[s->n++] = table;
    return LARDER_OK;
}

START_TEST(a_scan_gives_every_row_once_in_order)
{
    static scanned s;
    ldr_online *store;
    ldr_online_table stats = view_of("stats", 1), other = view_of("other", 2);
    larder_call call = support_call(0);
    larder_put packed = {.key = {"\0\0\0\0a", 5}, .table = table_id(200)};
    ldr_key any = key_of(1);
    ldr_buffer buffer = {0};
    larder_outcome outcome;
    bool more = true;

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &stats);
    describe(store, &other);
    for (int i = 0; i < 100; i++) {
        int driver = i * 37 % 100;

        (void)put(store, 1, driver, 1000, 7, 0.5, i);
        if (driver % 3 == 0)
            (void)put(store, 2, driver, 1000, 7, 0.5, i);
    }
    packed.row = row_of(&any, 1, 1, 0.5, 1, &buffer);
    ck_assert_int_eq(
        ldr_online_put(store, &call, &packed, 1, &outcome, NULL), LARDER_OK);
    s = (scanned){.each = {take}};
    while (more) {
        size_t before = s.n;
        larder_bytes after = {0};
        larder_table_id table = {{0}};

        if (s.n > 0) {
            after = (larder_bytes){s.keys[s.n - 1].bytes, s.keys[s.n - 1].size};
            table = s.tables[s.n - 1];
        }
        ck_assert_int_eq(ldr_online_scan(store, &call, s.n == 0 ? NULL : &after,
                             s.n == 0 ? NULL : &table, 7, &s.each, &more, NULL),
            LARDER_OK);
        ck_assert_uint_le(s.n - before, 7);
    }
    ck_assert_uint_eq(s.n, 100 + 34 + 1);
    for (size_t i = 1; i < s.n; i++) {
        int order = memcmp(s.keys[i - 1].bytes, s.keys[i].bytes,
            s.keys[i - 1].size < s.keys[i].size ? s.keys[i - 1].size
                                                : s.keys[i].size);

        if (order == 0)
            order =
                memcmp(&s.tables[i - 1], &s.tables[i], sizeof(larder_table_id));
        ck_assert_int_lt(order, 0);
    }
    ldr_buffer_free(&buffer);
    ldr_online_close(store);
}
END_TEST

START_TEST(destroy_takes_the_hashes_too)
{
    ldr_online *store;
    ldr_online_table stats = view_of("stats", 1);
    larder_call call = support_call(0);

    NEEDS_SERVER;
    store = open_store(_i);
    describe(store, &stats);
    for (int i = 0; i < 10; i++)
        (void)put(store, 1, i, 1000, 7, 0.5, i);
    ck_assert_int_eq(ldr_online_destroy(store, &call, NULL), LARDER_OK);
    ldr_online_close(store);
}
END_TEST

/* ------------------------------------------------------------------- memory */

static larder_status
forget(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    (void)self, (void)want, (void)table, (void)row, (void)err;
    return LARDER_OK;
}

static larder_status
forget_each(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    (void)self, (void)key, (void)table, (void)row, (void)err;
    return LARDER_OK;
}

/* A little of everything; asserts nothing, since that takes memory too. */
static larder_status
do_all(
    ldr_online *store, const larder_put *puts, size_t n_puts, larder_error *err)
{
    ldr_online_table first = view_of("stats", 1), second = view_of("stats", 2);
    larder_call call = support_call(0);
    larder_want want = {puts[0].key, &puts[0].table, 1};
    larder_found found = {forget};
    larder_each each = {forget_each};
    larder_outcome outcomes[8];
    unsigned char cursor[LARDER_KEY_MAX];
    size_t n_cursor = 0;
    uint64_t removed;
    bool more;
    larder_status rc;

    LARDER_TRY(ldr_online_describe(store, &first, err));
    LARDER_TRY(ldr_online_describe(store, &second, err));
    LARDER_TRY(ldr_online_put(store, &call, puts, n_puts, outcomes, err));
    LARDER_TRY(ldr_online_get(store, &call, &want, 1, &found, err));
    LARDER_TRY(ldr_online_scan(store, &call, NULL, NULL, 9, &each, &more, err));
    LARDER_TRY(ldr_online_sweep(
        store, &call, table_id(1), 99, cursor, &n_cursor, &removed, err));
    LARDER_TRY(ldr_online_destroy(store, &call, err));
out:
    return rc;
}

START_TEST(refused_memory_is_told_and_harms_nothing)
{
    ldr_key one = key_of(1), two = key_of(2);
    ldr_buffer rows[3] = {{0}};
    larder_put puts[] = {
        {.key = {one.bytes, one.size},
            .table = table_id(1),
            .row = row_of(&one, 5, 5, 0.5, 1, &rows[0])},
        {.key = {one.bytes, one.size}, /* a tie */
            .table = table_id(1),
            .row = row_of(&one, 5, 5, 0.5, 2, &rows[1])},
        {.key = {two.bytes, two.size},
            .table = table_id(2),
            .row = row_of(&two, 5, 5, 0.5, 2, &rows[2])},
        {.key = {"\0\0\0\0a", 5},
            .table = table_id(200),
            .row = row_of(&two, 5, 5, 0.5, 2, &rows[2])},
    };
    bool refused = true;
    size_t n_refused = 0;

    puts[2].row.data = rows[2].data;
    for (size_t nth = 1; refused; nth++) {
        larder_error err = {0};
        ldr_online *store = open_store(0);
        larder_status rc;

        allocations_refuse(nth, false);
        rc = do_all(store, puts, 4, &err);
        refused = allocations_grant();
        if (rc != LARDER_OK && (rc != LARDER_NOMEM || !refused))
            ck_abort_msg("%zu: %s", nth, err.message);
        n_refused += rc == LARDER_NOMEM;
        if (do_all(store, puts, 4, &err) != LARDER_OK)
            ck_abort_msg("after %zu: %s", nth, err.message);
        ldr_online_close(store);
    }
    ck_assert_uint_gt(n_refused, 20);
    for (size_t i = 0; i < 3; i++)
        ldr_buffer_free(&rows[i]);
}
END_TEST

/* ----------------------------------------------------------------- refusals */

START_TEST(a_layout_there_is_not_is_refused_by_name)
{
    ldr_option list[5];
    larder_options options = options_of(list, 0, "fest", NULL);
    larder_call call = support_call(0);
    larder_error err = {0};
    ldr_online *store = NULL;

    ck_assert_int_eq(
        ldr_online_open(&hashes_ops, &options, true, &call, &store, &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "packed or feast, not 'fest'"));
    options = options_of(list, 0, "feast", "4");
    ck_assert_int_eq(
        ldr_online_open(&hashes_ops, &options, true, &call, &store, &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "2 or 3, not '4'"));
}
END_TEST

START_TEST(a_store_without_hashes_is_refused)
{
    larder_online_ops ops = hashes_ops;
    ldr_option list[5];
    larder_options options = options_of(list, 0, "feast", "2");
    larder_call call = support_call(0);
    larder_error err = {0};
    ldr_online *store = NULL;

    ops.get_hashes = NULL;
    ck_assert_int_eq(ldr_online_open(&ops, &options, true, &call, &store, &err),
        LARDER_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "has no hashes"));
}
END_TEST

START_TEST(windowed_features_are_refused)
{
    ldr_online *store;
    ldr_online_table table = view_of("stats", 1);
    larder_error err = {0};

    NEEDS_SERVER;
    store = open_store(_i);
    table.derived = true;
    ck_assert_int_eq(
        ldr_online_describe(store, &table, &err), LARDER_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "'stats'"));
    ldr_online_close(store);
}
END_TEST

/* Where it is built in. */
static void
add_redis(void)
{
    const larder_online_ops *const *ops = larder_online_backends();

    while (*ops != NULL && strcmp((*ops)->type, "redis") != 0)
        ops++;
    if (*ops == NULL)
        return;
    kinds[n_kinds++] = *ops;
    kinds[n_kinds++] = *ops;
    urls[1] = servers_start("redis");
    urls[CLUSTER] = servers_start("cluster");
}

int
main(void)
{
    Suite *suite = suite_create("hashed");
    TCase *tests = tcase_create("hashed");

    add_redis();
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, name_project, NULL);
    tcase_add_loop_test(tests, a_row_comes_back_as_it_was_put, 0, n_kinds);
    tcase_add_loop_test(tests, the_newest_row_stands, 0, n_kinds);
    tcase_add_loop_test(
        tests, of_rows_of_one_time_the_greater_stands, 0, n_kinds);
    tcase_add_loop_test(
        tests, many_puts_come_to_what_they_come_to_packed, 0, n_kinds);
    tcase_add_loop_test(tests, views_of_an_entity_share_its_hash, 0, n_kinds);
    tcase_add_loop_test(tests,
        a_row_of_a_later_build_takes_the_place_of_an_earlier, 0, n_kinds);
    tcase_add_loop_test(
        tests, a_swept_build_leaves_the_rows_of_the_next, 0, n_kinds);
    tcase_add_loop_test(
        tests, a_feature_of_another_name_is_not_made_null, 0, n_kinds);
    tcase_add_loop_test(
        tests, a_row_of_another_type_that_is_on_its_way_is_told, 0, n_kinds);
    tcase_add_loop_test(
        tests, a_scan_gives_every_row_once_in_order, 0, n_kinds);
    tcase_add_loop_test(tests, destroy_takes_the_hashes_too, 0, n_kinds);
    tcase_add_test(tests, refused_memory_is_told_and_harms_nothing);
    tcase_add_test(tests, a_layout_there_is_not_is_refused_by_name);
    tcase_add_test(tests, a_store_without_hashes_is_refused);
    tcase_add_loop_test(tests, windowed_features_are_refused, 0, n_kinds);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
