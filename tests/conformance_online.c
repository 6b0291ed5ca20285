/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_online.c - what larder_online_ops promises, a test a sentence,
 * on every online store.
 *
 * A store that is built in is tested here. docs/backends.md is the same
 * contract in prose. Tests of one store's own troubles are elsewhere
 * (test_lmdb.c).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "online.h"
#include "servers.h"

/* The stores that were built in, those on a server in each way it is reached;
 * each test runs once for each. */
typedef struct way {
    const char *type, *server; /* of servers.h; NULL: there is none */
    const char *word;          /* the file of its address */
    const char *redis_type;
    bool tls;
} way;

static const way all_ways[] = {
    {"lmdb", NULL, NULL, NULL, false},
    {"memory", NULL, NULL, NULL, false},
    {"redis", "redis", "url", "redis", false},
    {"redis", "redis", "url_user", "redis", false},
    {"redis", "redis", "url_tls", "redis", true},
    {"redis", "cluster", "url", "redis_cluster", false},
    {"redis", "sentinel", "url", "redis_sentinel", false},
};

static way ways[16];
static char *addresses[16]; /* NULL: servers are skipped, or none is needed */
static int n_ways;

static const char *
type_of(int kind)
{
    return ways[kind].type;
}

static bool
is_redis(int kind)
{
    return ways[kind].server != NULL;
}

/* Do its rows outlive close? */
static bool
is_durable(int kind)
{
    return strcmp(type_of(kind), "memory") != 0;
}

/* Opening one makes a canary for each of its slots: fewer rounds there. */
static bool
is_cluster(int kind)
{
    return is_redis(kind) &&
           strcmp(ways[kind].redis_type, "redis_cluster") == 0;
}

static bool
has_files(int kind)
{
    return is_durable(kind) && !is_redis(kind);
}

#define STORE_NEEDED()                                                         \
    do {                                                                       \
        if (is_redis(_i))                                                      \
            SERVERS_NEEDED(addresses[_i]);                                     \
    } while (0)

static char *folder;
static char path[512], prefix[64], authority[512];
static const char *options[16];

static void
begin(void)
{
    folder = support_folder();
    snprintf(path, sizeof path, "%s/data/online", folder);
    snprintf(prefix, sizeof prefix, "t%ld:", (long)getpid());
}

static void
end(void)
{
    support_remove(folder);
    free(folder);
}

/* A store of this test alone. */
static const char *const *
options_of(int kind)
{
    size_t n = 0;

    if (is_redis(kind)) {
        options[n++] = "connection_string";
        options[n++] = addresses[kind];
        options[n++] = "redis_type";
        options[n++] = ways[kind].redis_type;
        options[n++] = "key_prefix";
        options[n++] = prefix;
        if (strcmp(ways[kind].redis_type, "redis_sentinel") == 0) {
            options[n++] = "sentinel_master";
            options[n++] = "larder";
        }
    } else if (is_durable(kind)) {
        options[n++] = "path";
        options[n++] = path;
    }
    if (ways[kind].tls) {
        snprintf(authority, sizeof authority, "%s/ca.crt",
            servers_folder(ways[kind].server));
        options[n++] = "ca";
        options[n++] = authority;
    }
    options[n] = NULL;
    return options;
}

/* With one more. */
static const char *const *
options_and(int kind, const char *name, const char *value)
{
    size_t n = 0;

    while (options_of(kind)[n] != NULL)
        n++;
    options[n++] = name;
    options[n++] = value;
    options[n] = NULL;
    return options;
}

static online
open_kind(int kind)
{
    return online_must_open(type_of(kind), options_of(kind), true);
}

/* Close and open again where rows outlive that. */
static void
reopen(online *store, int kind)
{
    if (!is_durable(kind))
        return;
    online_close(store);
    *store = online_must_open(type_of(kind), options_of(kind), false);
}

/* ------------------------------------------------------------------ opening */

START_TEST(the_table_of_methods_is_complete)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    const larder_online_ops *ops = store.ops;

    ck_assert_uint_eq(ops->abi, LARDER_BACKEND_ABI);
    ck_assert_uint_gt(ops->state_bytes, 0);
    ck_assert(ops->open != NULL && ops->close != NULL && ops->get != NULL);
    ck_assert(ops->put != NULL && ops->scan != NULL && ops->sweep != NULL);
    ck_assert(ops->destroy != NULL);
    online_close(&store);
}
END_TEST

START_TEST(opening_without_create_makes_nothing)
{
    STORE_NEEDED();
    online store;
    larder_error err = {0};
    struct stat what;

    if (!is_durable(_i))
        return;
    for (int turn = 0; turn < 2; turn++) {
        ck_assert_int_eq(
            online_open(&store, type_of(_i), options_of(_i), false, &err),
            LARDER_NOT_FOUND);
        ck_assert_ptr_nonnull(
            strstr(err.message, is_redis(_i) ? prefix : path));
        ck_assert_ptr_nonnull(strstr(err.hint, "larder apply"));
    }
    snprintf(path, sizeof path, "%s/data", folder);
    ck_assert_int_ne(stat(path, &what), 0);
}
END_TEST

START_TEST(an_unknown_option_is_refused_by_name)
{
    STORE_NEEDED();
    online store;
    larder_error err = {0};

    ck_assert_int_eq(online_open(&store, type_of(_i),
                         options_and(_i, "sise", "4"), true, &err),
        LARDER_INVALID);
    if (is_durable(_i))
        ck_assert_ptr_nonnull(strstr(err.message, "sise"));
}
END_TEST

START_TEST(a_store_that_needs_a_place_says_so)
{
    STORE_NEEDED();
    static const char *const no_options[] = {NULL};
    online store;
    larder_error err = {0};

    if (!is_durable(_i))
        return;
    ck_assert_int_eq(online_open(&store, type_of(_i), no_options, true, &err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(
        strstr(err.message, is_redis(_i) ? "connection_string" : "path"));
}
END_TEST

START_TEST(creating_what_is_there_keeps_it)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row row = online_make(1, 1, "kept");
    larder_put put = online_newest("k", 1, &row);
    online_items items = {0};

    if (!is_durable(_i)) {
        online_close(&store);
        return;
    }
    online_put(&store, &put);
    online_close(&store);
    store = open_kind(_i);
    ck_assert(online_is(online_find(&store, "k", 1, &items), &row));
    online_items_free(&items);
    online_close(&store);
}
END_TEST

/* ---------------------------------------------------------------- get, put */

START_TEST(an_empty_store_gives_nothing)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_items items = {0};

    ck_assert_ptr_null(online_find(&store, "k", 1, &items));
    online_dump(&store, 10, &items);
    ck_assert_uint_eq(items.n_items, 0);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(a_row_comes_back_as_it_was_put)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    size_t sizes[] = {LARDER_ROW_HEAD_BYTES, 100, 4096, 70000, 3u << 20};
    unsigned char key[LARDER_KEY_MAX] = {0};
    unsigned char *bytes = calloc(1, 3u << 20);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n_key = i == 0 ? LARDER_KEY_MAX : i * 3;
        larder_table_id table = online_table(UINT64_MAX - i);
        larder_want want = {{key, n_key}, &table, 1};
        larder_put put = {
            .key = {key, n_key}, .table = table, .row = {bytes, sizes[i]}};
        online_items items = {0};

        key[0] = (unsigned char)(i + 1); /* the rest is NULs */
        memset(bytes, (int)(i + 7), sizes[i]);
        ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
        reopen(&store, _i);
        ck_assert_int_eq(online_get(&store, &want, 1, &items, NULL), LARDER_OK);
        ck_assert_uint_eq(items.n_items, 1);
        ck_assert_uint_eq(items.items[0].n_row, sizes[i]);
        ck_assert_mem_eq(items.items[0].row, bytes, sizes[i]);
        online_items_free(&items);
    }
    free(bytes);
    online_close(&store);
}
END_TEST

START_TEST(get_gives_each_wanted_row_once_and_nothing_else)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_table_id tables[] = {online_table(0), online_table(2),
        online_table(3), online_table(4), online_table(UINT64_MAX)};
    larder_want wants[] = {{online_key("b"), tables, 5},
        {online_key("absent"), tables, 5}, {online_key("a"), tables + 1, 1},
        {online_key("c"), tables, 0}, {online_key("d"), tables + 3, 2},
        {online_key("b"), tables + 1, 2}};
    size_t seen[6][5] = {{0}};
    online_items items = {0};
    larder_error err = {0};

    for (char name = 'a'; name <= 'd'; name++) {
        for (uint64_t table = 1; table <= 4; table++) {
            char key[2] = {name, '\0'}, text[8];
            online_row row;
            larder_put put;

            if (table == 3)
                continue;
            snprintf(text, sizeof text, "%c%d", name, (int)table);
            row = online_make(table, 1, text);
            put = online_newest(key, table, &row);
            online_put(&store, &put);
        }
    }
    ck_assert_int_eq(online_get(&store, wants, 6, &items, &err), LARDER_OK);
    for (size_t i = 0; i < items.n_items; i++)
        seen[items.items[i].want][items.items[i].table]++;
    /* b: 2, 4; a: 2; d: 4; b again: 2 */
    ck_assert_uint_eq(items.n_items, 5);
    ck_assert_uint_eq(seen[0][1], 1);
    ck_assert_uint_eq(seen[0][3], 1);
    ck_assert_uint_eq(seen[2][0], 1);
    ck_assert_uint_eq(seen[4][0], 1);
    ck_assert_uint_eq(seen[5][0], 1);
    for (size_t i = 0; i < items.n_items; i++)
        ck_assert_int_eq(items.items[i].row[LARDER_ROW_HEAD_BYTES],
            ((const char *)wants[items.items[i].want].key.data)[0]);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(a_key_that_begins_another_is_another_key)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    const char *keys[] = {"k", "ka", "kabcdefgh", "kabcdefghijklmnopq", "kb"};
    larder_table_id tables[4];
    online_items items = {0};

    for (size_t t = 0; t < 4; t++) /* tables that look like ends of keys */
        memcpy(tables[t].bytes, &"aaaaaaaaabcdefghbbbbbbbbzzzzzzzz"[8 * t], 8);
    for (size_t k = 0; k < 5; k++) {
        for (size_t t = 0; t < 4; t += 2 - k % 2) {
            char text[8];
            online_row row;
            larder_put put;

            snprintf(text, sizeof text, "%d%d", (int)k, (int)t);
            row = online_make(1, 1, text);
            put = (larder_put){.key = online_key(keys[k]),
                .table = tables[t],
                .row = online_bytes(&row)};
            ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
        }
    }
    for (size_t k = 0; k < 5; k++) {
        larder_want want = {online_key(keys[k]), tables, 4};
        size_t before = items.n_items;

        ck_assert_int_eq(online_get(&store, &want, 1, &items, NULL), LARDER_OK);
        ck_assert_uint_eq(items.n_items - before, k % 2 == 0 ? 2 : 4);
        for (size_t i = before; i < items.n_items; i++)
            ck_assert_int_eq(
                items.items[i].row[LARDER_ROW_HEAD_BYTES], (int)('0' + k));
    }
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(nothing_wanted_and_nothing_put_is_no_error)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_call call = support_call(0);
    online_items items = {0};

    ck_assert_int_eq(online_get(&store, NULL, 0, &items, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->put(store.self, &call, NULL, 0, NULL, NULL), LARDER_OK);
    online_close(&store);
}
END_TEST

START_TEST(a_callback_that_fails_ends_the_get_with_its_status)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_table_id tables[] = {online_table(1), online_table(2)};
    larder_want want = {online_key("k"), tables, 2};
    online_row row = online_make(1, 1, "x");
    larder_put puts[] = {
        online_newest("k", 1, &row), online_newest("k", 2, &row)};
    online_items items = {.fail_at = 1};
    larder_error err = {0};

    online_put(&store, &puts[0]);
    online_put(&store, &puts[1]);
    ck_assert_int_eq(online_get(&store, &want, 1, &items, &err), LARDER_LIMIT);
    ck_assert_str_eq(err.message, "enough");
    ck_assert_uint_eq(items.n_items, 1);
    online_items_free(&items);
    /* and the store is none the worse */
    ck_assert_int_eq(online_get(&store, &want, 1, &items, &err), LARDER_OK);
    ck_assert_uint_eq(items.n_items, 2);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

/* ------------------------------------------------------------------ newest */

START_TEST(the_newer_row_stands_whichever_comes_first)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row older = online_make(5, 9, "older");
    online_row newer = online_make(6, 1, "newer");
    larder_put put = online_newest("k", 1, &older);
    online_items items = {0};

    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    put = online_newest("k", 1, &newer);
    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    put = online_newest("k", 1, &older);
    ck_assert_int_eq(online_put(&store, &put), LARDER_OLDER);
    put = online_newest("k", 1, &newer);
    ck_assert_int_eq(online_put(&store, &put), LARDER_UNCHANGED);
    reopen(&store, _i);
    ck_assert(online_is(online_find(&store, "k", 1, &items), &newer));
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(created_time_then_payload_break_ties)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row rows[] = {online_make(5, 0, "z"), online_make(5, 1, "a"),
        online_make(5, 1, "aa"), online_make(5, 1, "b")};
    online_items items = {0};

    for (size_t i = 0; i < 4; i++) {
        larder_put put = online_newest("k", 1, &rows[i]);

        ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
        for (size_t j = 0; j < i; j++) {
            put = online_newest("k", 1, &rows[j]);
            ck_assert_int_eq(online_put(&store, &put), LARDER_OLDER);
        }
    }
    ck_assert(online_is(online_find(&store, "k", 1, &items), &rows[3]));
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(the_checksum_has_no_say)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row row = online_make(5, 5, "same"), other = row;
    larder_put put = online_newest("k", 1, &row);

    other.bytes[LARDER_ROW_VERSION_BYTES] ^= 0xFF;
    online_put(&store, &put);
    put = online_newest("k", 1, &other);
    ck_assert_int_eq(online_put(&store, &put), LARDER_UNCHANGED);
    online_close(&store);
}
END_TEST

START_TEST(the_second_row_of_a_batch_sees_the_first)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row rows[] = {online_make(2, 0, "two"), online_make(1, 0, "one"),
        online_make(3, 0, "three"), online_make(3, 0, "three")};
    larder_put puts[6];
    larder_outcome outcomes[6];
    larder_call call = support_call(0);
    online_items items = {0};

    for (size_t i = 0; i < 4; i++)
        puts[i] = online_newest("k", 1, &rows[i]);
    puts[4] = (larder_put){.key = online_key("k"),
        .table = online_table(1),
        .rule = LARDER_PUT_REMOVE};
    puts[5] = online_newest("k", 1, &rows[1]);
    ck_assert_int_eq(
        store.ops->put(store.self, &call, puts, 6, outcomes, NULL), LARDER_OK);
    ck_assert_int_eq(outcomes[0], LARDER_WRITTEN);
    ck_assert_int_eq(outcomes[1], LARDER_OLDER);
    ck_assert_int_eq(outcomes[2], LARDER_WRITTEN);
    ck_assert_int_eq(outcomes[3], LARDER_UNCHANGED);
    ck_assert_int_eq(outcomes[4], LARDER_WRITTEN);
    ck_assert_int_eq(outcomes[5], LARDER_WRITTEN);
    ck_assert(online_is(online_find(&store, "k", 1, &items), &rows[1]));
    online_items_free(&items);
    online_close(&store);
}
END_TEST

/* Rows of few keys, tables and times, so that they meet. */
#define N_POOL 300u
static void
make_pool(uint64_t *seed, online_row *rows, larder_put *puts, char keys[][4])
{
    for (size_t i = 0; i < N_POOL; i++) {
        char text[4] = {(char)('a' + support_below(seed, 3)), '\0'};

        snprintf(keys[i], 4, "%c%c!", (int)('a' + support_below(seed, 5)),
            (int)('a' + support_below(seed, 5)));
        rows[i] =
            online_make(support_below(seed, 4), support_below(seed, 3), text);
        puts[i] = online_newest(keys[i], support_below(seed, 3), &rows[i]);
    }
}

START_TEST(any_order_batching_and_repetition_give_the_same_bytes)
{
    STORE_NEEDED();
    uint64_t seed = 4, digest = 0;
    static online_row rows[N_POOL];
    static larder_put puts[2 * N_POOL];
    static char keys[N_POOL][4];
    static larder_outcome outcomes[2 * N_POOL];
    larder_call call = support_call(0);

    make_pool(&seed, rows, puts, keys);
    for (int round = 0; round < (is_cluster(_i) ? 4 : 12); round++) {
        online store = open_kind(_i);
        size_t n_puts = N_POOL;

        for (; n_puts < N_POOL + 40u * (unsigned)round && n_puts < 2 * N_POOL;
             n_puts++)
            puts[n_puts] = puts[support_below(&seed, N_POOL)];
        for (size_t i = n_puts; i > 1; i--) { /* shuffled, all of them kept */
            size_t j = support_below(&seed, i);
            larder_put put = puts[i - 1];

            puts[i - 1] = puts[j];
            puts[j] = put;
        }
        for (size_t at = 0; at < n_puts;) {
            size_t n = 1 + support_below(&seed, 50);

            if (n > n_puts - at)
                n = n_puts - at;
            ck_assert_int_eq(
                store.ops->put(store.self, &call, puts + at, n, outcomes, NULL),
                LARDER_OK);
            at += n;
        }
        if (round == 0)
            digest = online_digest(&store);
        ck_assert_uint_eq(online_digest(&store), digest);
        ck_assert_int_eq(
            store.ops->destroy(store.self, &call, NULL), LARDER_OK);
        online_close(&store);
        make_pool(&(uint64_t){4}, rows, puts, keys); /* as at first */
    }
}
END_TEST

/* ----------------------------------------------------------- other rules */

START_TEST(if_match_stands_only_on_the_expected_checksum)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row first = online_make(9, 9, "first");
    online_row second = online_make(1, 1, "second");
    larder_put put = online_newest("k", 1, &first);
    online_items items = {0};

    put.rule = LARDER_PUT_IF_MATCH;
    put.expected = 12345;
    ck_assert_int_eq(online_put(&store, &put), LARDER_MISMATCH);
    ck_assert_ptr_null(online_find(&store, "k", 1, &items));
    put.expected = 0; /* nothing is stored */
    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    ck_assert_int_eq(online_put(&store, &put), LARDER_MISMATCH);
    put.row = online_bytes(&second);
    put.expected = online_checksum(&second);
    ck_assert_int_eq(online_put(&store, &put), LARDER_MISMATCH);
    put.expected = online_checksum(&first); /* an older version may stand */
    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    put.expected = online_checksum(&second);
    ck_assert_int_eq(online_put(&store, &put), LARDER_UNCHANGED);
    ck_assert(online_is(online_find(&store, "k", 1, &items), &second));
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(remove_takes_the_row_and_no_other)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    online_row row = online_make(1, 1, "x");
    larder_put put = online_newest("k", 2, &row), remove;
    online_items items = {0};

    online_put(&store, &put);
    put = online_newest("k", 1, &row);
    online_put(&store, &put);
    put = online_newest("k2", 1, &row);
    online_put(&store, &put);
    remove = (larder_put){.key = online_key("k"),
        .table = online_table(1),
        .rule = LARDER_PUT_REMOVE};
    ck_assert_int_eq(online_put(&store, &remove), LARDER_WRITTEN);
    ck_assert_int_eq(online_put(&store, &remove), LARDER_UNCHANGED);
    reopen(&store, _i);
    ck_assert_ptr_null(online_find(&store, "k", 1, &items));
    ck_assert(online_is(online_find(&store, "k", 2, &items), &row));
    ck_assert(online_is(online_find(&store, "k2", 1, &items), &row));
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(a_row_may_grow_and_shrink)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    static unsigned char bytes[50000];
    size_t sizes[] = {30, 5000, 40, 50000, 24, 2000, 49999, 100};
    larder_table_id table = online_table(1);
    larder_want want = {online_key("k"), &table, 1};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        larder_put put = {
            .key = online_key("k"), .table = table, .row = {bytes, sizes[i]}};
        online_items items = {0};

        memset(bytes, (int)i, sizeof bytes);
        ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
        ck_assert_int_eq(online_get(&store, &want, 1, &items, NULL), LARDER_OK);
        ck_assert_uint_eq(items.items[0].n_row, sizes[i]);
        ck_assert_mem_eq(items.items[0].row, bytes, sizes[i]);
        online_items_free(&items);
    }
    online_close(&store);
}
END_TEST

/* ------------------------------------------------------------- scan, sweep */

/* Keys k00! to k29!, tables 1 to 3, some missing. */
static size_t
fill(online *store)
{
    size_t n_rows = 0;

    for (uint64_t k = 0; k < 30; k++) {
        for (uint64_t t = 1; t <= 3; t++) {
            char key[8];
            online_row row = online_make(k, t, "row");
            larder_put put;

            if ((k + t) % 4 == 0)
                continue;
            snprintf(key, sizeof key, "k%02d!", (int)k);
            put = online_newest(key, t, &row);
            online_put(store, &put);
            n_rows++;
        }
    }
    return n_rows;
}

START_TEST(scan_gives_every_row_in_order_whatever_the_step)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    size_t n_rows = fill(&store), steps[] = {1, 2, 7, n_rows, 1000};

    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        online_items items = {0};

        online_dump(&store, steps[s], &items);
        ck_assert_uint_eq(items.n_items, n_rows);
        for (size_t i = 1; i < n_rows; i++) {
            const online_item *a = &items.items[i - 1], *b = a + 1;
            int order = memcmp(a->key, b->key, 4);

            ck_assert_uint_eq(b->n_key, 4);
            if (order == 0)
                order = memcmp(&a->id, &b->id, sizeof a->id);
            ck_assert_int_lt(order, 0);
        }
        online_items_free(&items);
    }
    online_close(&store);
}
END_TEST

typedef struct counting {
    larder_each each;
    size_t n_rows, stop_at;
    char first[8];
} counting;

static larder_status
count_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    counting *to = (counting *)self;

    (void)table, (void)row;
    if (to->n_rows++ == 0)
        snprintf(to->first, sizeof to->first, "%.*s", (int)key.size,
            (const char *)key.data);
    return to->n_rows == to->stop_at
               ? larder_fail(err, LARDER_CONFLICT, "stop here")
               : LARDER_OK;
}

START_TEST(scan_goes_on_after_a_row_that_is_not_there)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_call call = support_call(0);
    larder_bytes after = online_key("k04!x");
    larder_table_id table = online_table(9);
    counting to = {.each = {count_row}};
    bool more = false;

    fill(&store);
    ck_assert_int_eq(store.ops->scan(store.self, &call, &after, &table, 2,
                         &to.each, &more, NULL),
        LARDER_OK);
    ck_assert_str_eq(to.first, "k05!");
    ck_assert(more);
    after = online_key("zzzz");
    to.n_rows = 0;
    ck_assert_int_eq(store.ops->scan(store.self, &call, &after, &table, 2,
                         &to.each, &more, NULL),
        LARDER_OK);
    ck_assert_uint_eq(to.n_rows, 0);
    ck_assert(!more);
    online_close(&store);
}
END_TEST

START_TEST(a_callback_that_fails_ends_the_scan_with_its_status)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_call call = support_call(0);
    counting to = {.each = {count_row}, .stop_at = 3};
    larder_error err = {0};
    bool more = true;

    fill(&store);
    ck_assert_int_eq(store.ops->scan(store.self, &call, NULL, NULL, 10,
                         &to.each, &more, &err),
        LARDER_CONFLICT);
    ck_assert_uint_eq(to.n_rows, 3);
    ck_assert(more); /* untouched */
    online_close(&store);
}
END_TEST

START_TEST(sweep_drops_one_table_in_steps_and_no_other_row)
{
    STORE_NEEDED();
    size_t steps[] = {1, 4, 30, 1000};

    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        online store = open_kind(_i);
        larder_call call = support_call(0);
        unsigned char cursor[LARDER_KEY_MAX];
        size_t n_rows = fill(&store), n_cursor = 0, n_removed = 0, n_steps = 0;
        online_items items = {0};

        do {
            uint64_t removed = 77;

            ck_assert_int_eq(
                store.ops->sweep(store.self, &call, online_table(2), steps[s],
                    cursor, &n_cursor, &removed, NULL),
                LARDER_OK);
            ck_assert_uint_le(removed, steps[s]);
            n_removed += removed;
            n_steps++;
        } while (n_cursor > 0);
        ck_assert_uint_ge(n_steps, 30 / steps[s]);
        ck_assert_uint_eq(n_removed, 23);
        online_dump(&store, 1000, &items);
        ck_assert_uint_eq(items.n_items, n_rows - n_removed);
        for (size_t i = 0; i < items.n_items; i++)
            ck_assert_int_ne(items.items[i].id.bytes[7], 2);
        online_items_free(&items);
        store.ops->destroy(store.self, &call, NULL);
        online_close(&store);
    }
}
END_TEST

START_TEST(sweep_of_nothing_is_done_at_once)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_call call = support_call(0);
    unsigned char cursor[LARDER_KEY_MAX];
    size_t n_cursor = 0;
    uint64_t removed = 77;

    ck_assert_int_eq(store.ops->sweep(store.self, &call, online_table(2), 10,
                         cursor, &n_cursor, &removed, NULL),
        LARDER_OK);
    ck_assert_uint_eq(n_cursor, 0);
    ck_assert_uint_eq(removed, 0);
    online_close(&store);
}
END_TEST

/* ------------------------------------------------------- whole or not at all
 */

static int64_t
late(void)
{
    return 100;
}

START_TEST(a_call_nobody_waits_for_changes_nothing)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    volatile int stop = 1;
    larder_call cancelled = {.cancel = &stop};
    larder_call too_late = {.monotonic = late, .deadline = 99};
    online_row row = online_make(1, 1, "x");
    larder_put put = online_newest("k", 1, &row);
    larder_table_id table = online_table(1);
    larder_want want = {online_key("k"), &table, 1};
    larder_outcome outcome = (larder_outcome)77;
    counting to = {.each = {count_row}};
    larder_error err = {0};
    online_items items = {0};
    bool more = false;

    ck_assert_int_eq(
        store.ops->put(store.self, &cancelled, &put, 1, &outcome, &err),
        LARDER_INTERRUPTED);
    ck_assert_int_eq(
        store.ops->put(store.self, &too_late, &put, 1, &outcome, &err),
        LARDER_DEADLINE);
    ck_assert_int_eq((int)outcome, 77);
    ck_assert_ptr_null(online_find(&store, "k", 1, &items));
    ck_assert_int_eq(online_put(&store, &put), LARDER_WRITTEN);
    ck_assert_int_eq(
        store.ops->get(store.self, &cancelled, &want, 1, NULL, &err),
        LARDER_INTERRUPTED);
    ck_assert_int_eq(store.ops->scan(store.self, &too_late, NULL, NULL, 5,
                         &to.each, &more, &err),
        LARDER_DEADLINE);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

START_TEST(destroy_leaves_nothing)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    larder_call call = support_call(0);
    online_items items = {0};
    struct stat what;

    fill(&store);
    ck_assert_int_eq(store.ops->destroy(store.self, &call, NULL), LARDER_OK);
    online_close(&store);
    if (has_files(_i))
        ck_assert_int_ne(stat(path, &what), 0);
    store = open_kind(_i);
    online_dump(&store, 100, &items);
    ck_assert_uint_eq(items.n_items, 0);
    online_close(&store);
}
END_TEST

/* -------------------------------------------------------------- random runs */

#define N_KEYS 60u
#define N_TABLES 5u

/* What should be stored, in the plainest form there is. */
typedef struct model {
    char keys[N_KEYS][16];
    online_row rows[N_KEYS][N_TABLES];
    bool there[N_KEYS][N_TABLES];
} model;

static larder_outcome
expect(
    model *m, size_t k, size_t t, const larder_put *put, const online_row *row)
{
    online_row *stored = &m->rows[k][t];
    bool there = m->there[k][t];
    int order;

    switch (put->rule) {
    case LARDER_PUT_REMOVE:
        m->there[k][t] = false;
        return there ? LARDER_WRITTEN : LARDER_UNCHANGED;
    case LARDER_PUT_IF_MATCH:
        if ((there ? online_checksum(stored) : 0) != put->expected)
            return LARDER_MISMATCH;
        order = 1;
        if (there && stored->size == row->size &&
            memcmp(stored->bytes, row->bytes, row->size) == 0)
            order = 0;
        break;
    default:
        order = !there ? 1
                       : larder_row_compare(
                             online_bytes(row), online_bytes(stored));
    }
    if (order <= 0)
        return order == 0 ? LARDER_UNCHANGED : LARDER_OLDER;
    *stored = *row;
    m->there[k][t] = true;
    return LARDER_WRITTEN;
}

static void
random_put(model *m, online *store, uint64_t *seed)
{
    enum { MOST = 40 };
    static online_row rows[MOST];
    static larder_put puts[MOST];
    larder_outcome outcomes[MOST], expected[MOST];
    larder_call call = support_call(0);
    size_t n_puts = 1 + support_below(seed, MOST);

    for (size_t i = 0; i < n_puts; i++) {
        size_t k = support_below(seed, N_KEYS);
        size_t t = support_below(seed, N_TABLES), rule;
        char text[40] = "";

        memset(text, 'a' + (int)support_below(seed, 2),
            support_below(seed, sizeof text - 1));
        rows[i] =
            online_make(support_below(seed, 6), support_below(seed, 3), text);
        puts[i] = online_newest(m->keys[k], t, &rows[i]);
        rule = support_below(seed, 8);
        if (rule == 0)
            puts[i].rule = LARDER_PUT_REMOVE;
        if (rule == 1 || rule == 2)
            puts[i].rule = LARDER_PUT_IF_MATCH;
        puts[i].expected = !m->there[k][t] || support_below(seed, 6) == 0
                               ? 0
                               : online_checksum(&m->rows[k][t]);
        expected[i] = expect(m, k, t, &puts[i], &rows[i]);
    }
    ck_assert_int_eq(
        store->ops->put(store->self, &call, puts, n_puts, outcomes, NULL),
        LARDER_OK);
    for (size_t i = 0; i < n_puts; i++)
        ck_assert_int_eq(outcomes[i], expected[i]);
}

static void
random_get(model *m, online *store, uint64_t *seed)
{
    larder_table_id tables[N_TABLES];
    larder_want wants[20];
    size_t ks[20], n_wants = 1 + support_below(seed, 20), n_expected = 0;
    size_t first = support_below(seed, N_TABLES);
    size_t n = 1 + support_below(seed, N_TABLES - first);
    online_items items = {0};

    for (size_t t = 0; t < n; t++)
        tables[t] = online_table(first + t);
    for (size_t i = 0; i < n_wants; i++) {
        ks[i] = support_below(seed, N_KEYS);
        wants[i] = (larder_want){online_key(m->keys[ks[i]]), tables, n};
        for (size_t t = 0; t < n; t++)
            n_expected += m->there[ks[i]][first + t];
    }
    ck_assert_int_eq(
        online_get(store, wants, n_wants, &items, NULL), LARDER_OK);
    ck_assert_uint_eq(items.n_items, n_expected);
    for (size_t i = 0; i < items.n_items; i++) {
        const online_item *item = &items.items[i];
        size_t k = ks[item->want], t = first + item->table;

        ck_assert(m->there[k][t] && online_is(item, &m->rows[k][t]));
    }
    online_items_free(&items);
}

static void
random_sweep(model *m, online *store, uint64_t *seed)
{
    size_t t = support_below(seed, N_TABLES), n_there = 0, n_cursor = 0;
    size_t step = 1 + support_below(seed, N_KEYS);
    unsigned char cursor[LARDER_KEY_MAX];
    larder_call call = support_call(0);
    uint64_t total = 0, removed;

    for (size_t k = 0; k < N_KEYS; k++) {
        n_there += m->there[k][t];
        m->there[k][t] = false;
    }
    do {
        ck_assert_int_eq(store->ops->sweep(store->self, &call, online_table(t),
                             step, cursor, &n_cursor, &removed, NULL),
            LARDER_OK);
        total += removed;
    } while (n_cursor > 0);
    ck_assert_uint_eq(total, n_there);
}

static void
compare_all(model *m, online *store, size_t step)
{
    online_items items = {0};
    size_t at = 0;

    online_dump(store, step, &items);
    for (size_t k = 0; k < N_KEYS; k++) {
        for (size_t t = 0; t < N_TABLES; t++) {
            const online_item *item = &items.items[at];
            larder_table_id id = online_table(t);

            if (!m->there[k][t])
                continue;
            ck_assert_uint_lt(at++, items.n_items);
            ck_assert_uint_eq(item->n_key, strlen(m->keys[k]));
            ck_assert_mem_eq(item->key, m->keys[k], item->n_key);
            ck_assert_mem_eq(&item->id, &id, sizeof id);
            ck_assert(online_is(item, &m->rows[k][t]));
        }
    }
    ck_assert_uint_eq(at, items.n_items);
    online_items_free(&items);
}

START_TEST(a_random_run_agrees_with_a_plain_table)
{
    STORE_NEEDED();
    online store = open_kind(_i);
    static model m;
    uint64_t seed = 20240229;

    memset(&m, 0, sizeof m);
    for (size_t k = 0; k < N_KEYS; k++) /* ascending; none begins another */
        snprintf(m.keys[k], sizeof m.keys[k], "%02d%.*s!", (int)k, (int)(k % 9),
            "abcdefghi");
    for (int round = 0; round < (is_cluster(_i) ? 300 : 1500); round++) {
        size_t what = support_below(&seed, 40);

        if (what == 0)
            random_sweep(&m, &store, &seed);
        else if (what == 1)
            compare_all(&m, &store, 1 + support_below(&seed, 99));
        else if (what == 2)
            reopen(&store, _i);
        else if (what < 20)
            random_get(&m, &store, &seed);
        else
            random_put(&m, &store, &seed);
    }
    compare_all(&m, &store, 1000);
    online_close(&store);
}
END_TEST

/* ---------------------------------------------------------------------- main
 */

static bool
is_built(const char *type)
{
    const larder_online_ops *const *ops = larder_online_backends();

    while (*ops != NULL && strcmp((*ops)->type, type) != 0)
        ops++;
    return *ops != NULL;
}

static void
start_ways(void)
{
    for (size_t i = 0; i < sizeof all_ways / sizeof *all_ways; i++) {
        const way *one = &all_ways[i];

        if (!is_built(one->type))
            continue;
        if (one->server != NULL && servers_start(one->server) != NULL)
            addresses[n_ways] = servers_word(one->server, one->word);
        ways[n_ways++] = *one;
    }
}

int
main(void)
{
    Suite *suite = suite_create("conformance_online");
    TCase *tests = tcase_create("online stores");
    int failed;

    tcase_add_checked_fixture(tests, begin, end);
    tcase_set_timeout(tests, 60);
    start_ways();
#define ADD(name) tcase_add_loop_test(tests, name, 0, n_ways)
    ADD(the_table_of_methods_is_complete);
    ADD(opening_without_create_makes_nothing);
    ADD(an_unknown_option_is_refused_by_name);
    ADD(a_store_that_needs_a_place_says_so);
    ADD(creating_what_is_there_keeps_it);
    ADD(an_empty_store_gives_nothing);
    ADD(a_row_comes_back_as_it_was_put);
    ADD(get_gives_each_wanted_row_once_and_nothing_else);
    ADD(a_key_that_begins_another_is_another_key);
    ADD(nothing_wanted_and_nothing_put_is_no_error);
    ADD(a_callback_that_fails_ends_the_get_with_its_status);
    ADD(the_newer_row_stands_whichever_comes_first);
    ADD(created_time_then_payload_break_ties);
    ADD(the_checksum_has_no_say);
    ADD(the_second_row_of_a_batch_sees_the_first);
    ADD(any_order_batching_and_repetition_give_the_same_bytes);
    ADD(if_match_stands_only_on_the_expected_checksum);
    ADD(remove_takes_the_row_and_no_other);
    ADD(a_row_may_grow_and_shrink);
    ADD(scan_gives_every_row_in_order_whatever_the_step);
    ADD(scan_goes_on_after_a_row_that_is_not_there);
    ADD(a_callback_that_fails_ends_the_scan_with_its_status);
    ADD(sweep_drops_one_table_in_steps_and_no_other_row);
    ADD(sweep_of_nothing_is_done_at_once);
    ADD(a_call_nobody_waits_for_changes_nothing);
    ADD(destroy_leaves_nothing);
    ADD(a_random_run_agrees_with_a_plain_table);
    suite_add_tcase(suite, tests);
    failed = support_run(suite);
    for (int i = 0; i < n_ways; i++)
        free(addresses[i]);
    return failed;
}
