/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_threads.c - one online store shared by threads: many readers, one
 * writer, the map growing under them.
 *
 * To be run under the thread sanitizer too. Threads count what is wrong; the
 * test looks at the counts when all have ended. Stores that are not
 * `concurrent` are locked by the core and not tried here.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "online.h"

#define N_READERS 4
#define N_KEYS 64u
#define N_TABLES 3u
#define N_ROUNDS 120u
#define ROW_BYTES 6000u /* all rows together need more than the first map */

static online store;
static char *folder;
static char keys[N_KEYS][8];
static larder_table_id tables[N_TABLES];
static atomic_bool done;
static atomic_uint n_wrong, n_gets;

static void
begin(void)
{
    char path[512];
    const char *options[] = {"path", path, NULL};

    folder = support_folder();
    snprintf(path, sizeof path, "%s/online", folder);
    store = online_must_open("lmdb", options, true);
    for (size_t k = 0; k < N_KEYS; k++)
        snprintf(keys[k], sizeof keys[k], "k%03zu!", k);
    for (size_t t = 0; t < N_TABLES; t++)
        tables[t] = online_table(t);
    done = false;
    n_wrong = n_gets = 0;
}

static void
end(void)
{
    online_close(&store);
    support_remove(folder);
    free(folder);
}

static void
expect(bool good)
{
    if (!good)
        atomic_fetch_add(&n_wrong, 1);
}

/* Each key gets rows in all tables, of one event and one filling. */
static void
write_round(unsigned round, size_t from, size_t to)
{
    static unsigned char rows[N_KEYS][ROW_BYTES];
    static larder_put puts[N_KEYS * N_TABLES];
    static larder_outcome outcomes[N_KEYS * N_TABLES];
    larder_call call = support_call(0);
    size_t n_puts = 0;

    for (size_t k = from; k < to; k++) {
        online_row head = online_make(round, 0, "");

        memset(rows[k], (int)(round & 0xFF), ROW_BYTES);
        memcpy(rows[k], head.bytes, head.size);
        for (size_t t = 0; t < N_TABLES; t++) {
            puts[n_puts] = online_newest(keys[k], t, &head);
            puts[n_puts].row = (larder_bytes){
                rows[k], 100 + (size_t)round * (ROW_BYTES - 100) / N_ROUNDS};
            n_puts++;
        }
    }
    expect(store.ops->put(store.self, &call, puts, n_puts, outcomes, NULL) ==
           LARDER_OK);
}

static void *
write_all(void *context)
{
    for (unsigned round = 1; round <= N_ROUNDS; round++)
        write_round(round, round % 3 == 0 ? N_KEYS / 2 : 0, N_KEYS);
    atomic_store(&done, true);
    return context;
}

typedef struct reading {
    larder_found found;
    unsigned events[2][N_TABLES];
    unsigned n_rows;
} reading;

static larder_status
check_row(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    reading *r = (reading *)self;
    const unsigned char *bytes = row.data;

    (void)err;
    r->n_rows++;
    r->events[want][table] = bytes[7];
    for (size_t i = LARDER_ROW_HEAD_BYTES; i < row.size; i++)
        if (bytes[i] != bytes[7]) {
            expect(false);
            break;
        }
    return LARDER_OK;
}

static void *
read_on(void *context)
{
    uint64_t seed = (uint64_t)(uintptr_t)context;
    unsigned seen[N_KEYS] = {0};
    larder_call call = support_call(0);

    while (!atomic_load(&done)) {
        size_t k[2] = {
            support_random(&seed) % N_KEYS, support_random(&seed) % N_KEYS};
        larder_want wants[2] = {{online_key(keys[k[0]]), tables, N_TABLES},
            {online_key(keys[k[1]]), tables, N_TABLES}};
        reading r = {.found = {check_row}};

        expect(store.ops->get(store.self, &call, wants, 2, &r.found, NULL) ==
               LARDER_OK);
        for (size_t i = 0; i < 2; i++) {
            for (size_t t = 1; t < N_TABLES; t++) /* one snapshot */
                expect(r.events[i][t] == r.events[i][0]);
            expect(r.events[i][0] >= seen[k[i]]); /* forward only */
            seen[k[i]] = r.events[i][0];
        }
        atomic_fetch_add(&n_gets, 1);
    }
    return NULL;
}

typedef struct scanning {
    larder_each each;
    unsigned newest, n_rows;
} scanning;

static larder_status
scan_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    scanning *s = (scanning *)self;
    unsigned event = ((const unsigned char *)row.data)[7];

    (void)key, (void)table, (void)err;
    s->n_rows++;
    if (event > s->newest)
        s->newest = event;
    return LARDER_OK;
}

/* Scans, and sweeps of a table that nobody fills. */
static void *
scan_on(void *context)
{
    larder_call call = support_call(0);

    while (!atomic_load(&done)) {
        scanning s = {.each = {scan_row}};
        unsigned char cursor[LARDER_KEY_MAX];
        size_t n_cursor = 0;
        uint64_t removed = 0;
        bool more = false;

        expect(store.ops->scan(store.self, &call, NULL, NULL, 1000, &s.each,
                   &more, NULL) == LARDER_OK);
        expect(s.n_rows % N_TABLES == 0 && !more);
        expect(store.ops->sweep(store.self, &call, online_table(99), 10, cursor,
                   &n_cursor, &removed, NULL) == LARDER_OK);
        expect(removed == 0);
    }
    return context;
}

START_TEST(readers_see_whole_puts_while_a_writer_grows_the_map)
{
    pthread_t readers[N_READERS], writer, scanner;
    larder_call call = support_call(0);
    scanning s = {.each = {scan_row}};
    bool more = true;

    for (uintptr_t i = 0; i < N_READERS; i++)
        ck_assert_int_eq(
            pthread_create(&readers[i], NULL, read_on, (void *)(i + 1)), 0);
    ck_assert_int_eq(pthread_create(&scanner, NULL, scan_on, NULL), 0);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_all, NULL), 0);
    pthread_join(writer, NULL);
    pthread_join(scanner, NULL);
    for (size_t i = 0; i < N_READERS; i++)
        pthread_join(readers[i], NULL);
    ck_assert_uint_eq(n_wrong, 0);
    ck_assert_uint_gt(n_gets, 0);
    ck_assert_int_eq(store.ops->scan(store.self, &call, NULL, NULL, 1000,
                         &s.each, &more, NULL),
        LARDER_OK);
    ck_assert_uint_eq(s.n_rows, N_KEYS * N_TABLES);
    ck_assert_uint_eq(s.newest, N_ROUNDS);
}
END_TEST

static void *
write_own_half(void *context)
{
    size_t half = context == NULL ? 0 : 1;
    larder_call call = support_call(0);

    for (unsigned round = 1; round <= N_ROUNDS; round++) {
        for (size_t k = half * N_KEYS / 2; k < (half + 1) * N_KEYS / 2; k++) {
            online_row row = online_make(round, 0, "x");
            larder_put put = online_newest(keys[k], 0, &row);
            larder_outcome outcome;

            expect(store.ops->put(store.self, &call, &put, 1, &outcome, NULL) ==
                       LARDER_OK &&
                   outcome == LARDER_WRITTEN);
            k += 7;
        }
    }
    return NULL;
}

START_TEST(writers_take_turns)
{
    pthread_t writers[2];
    char second;

    ck_assert_int_eq(
        pthread_create(&writers[0], NULL, write_own_half, NULL), 0);
    ck_assert_int_eq(
        pthread_create(&writers[1], NULL, write_own_half, &second), 0);
    pthread_join(writers[0], NULL);
    pthread_join(writers[1], NULL);
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, readers_see_whole_puts_while_a_writer_grows_the_map);
    tcase_add_test(tests, writers_take_turns);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
