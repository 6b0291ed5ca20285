/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_storage.c - what stands between the core and its stores: types found,
 * faults planted, names added to errors, and what a store lacks done for it.
 */
#include "offline.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend.h"
#include "storage/newest.h"
#include "storage/offline.h"
#include "storage/online.h"
#include "storage/records.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

static const larder_field fields[] = {{"k", LARDER_INT64},
    {"ts", LARDER_TIMESTAMP}, {"cr", LARDER_TIMESTAMP}, {"s", LARDER_STRING}};
static const larder_schema schema = {fields, N_OF(fields)};
static const char *const key[] = {"k"};

static const larder_table table = {.name = "t",
    .owned = true,
    .schema = &schema,
    .key = key,
    .n_key = 1,
    .event = "ts",
    .created = "cr"};

static larder_scan
scan_all(void)
{
    return (larder_scan){.table = &table,
        .key = key,
        .n_key = 1,
        .columns = fields + 3,
        .n_columns = 1,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .order = LARDER_ORDER_NEWEST_FIRST};
}

static larder_call call = {.now = 1};
static ldr_offline *store;

static void
setup(void)
{
    static const ldr_backends none = {NULL, NULL, NULL};
    const larder_offline_ops *ops = NULL;

    ck_assert_int_eq(
        ldr_backend_offline(&none, "memory", &ops, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_open(ops, NULL, true, &call, &store, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_create(store, &call, &table, NULL, NULL, 0, NULL),
        LARDER_OK);
}

static void
teardown(void)
{
    ldr_offline_close(store);
    store = NULL;
}

static void
append(const char *words)
{
    larder_stream rows = offline_stream(&schema, words);
    larder_appended appended;
    larder_error err = {0};
    larder_status rc =
        ldr_offline_append(store, &call, &table, &rows, &appended, &err);

    ck_assert_msg(rc == LARDER_OK, "append: %s", err.message);
    larder_stream_close(&rows);
}

static void
expect_words(const larder_error *err, const char *words)
{
    ck_assert_msg(strstr(err->message, words) != NULL, "'%s' not in '%s'",
        words, err->message);
}

/* ---------------------------------------------------------------- backends */

START_TEST(an_unknown_type_is_told_from_those_there_are)
{
    static const ldr_backends none = {NULL, NULL, NULL};
    const larder_offline_ops *offline_ops = NULL;
    const larder_online_ops *online_ops = NULL;
    const larder_registry_ops *registry_ops = NULL;
    larder_error err = {0};

    ck_assert_int_eq(ldr_backend_offline(&none, "memori", &offline_ops, &err),
        LARDER_INVALID);
    expect_words(&err, "'memori'");
    expect_words(&err, "memory");
    ck_assert_ptr_nonnull(strstr(err.hint, "memory"));
    ck_assert_ptr_null(offline_ops);
    ck_assert_int_eq(
        ldr_backend_online(&none, "xyz", &online_ops, &err), LARDER_INVALID);
    expect_words(&err, "'xyz'");
    ck_assert_int_eq(ldr_backend_registry(&none, "xyz", &registry_ops, &err),
        LARDER_INVALID);
    expect_words(&err, "'xyz'");
}
END_TEST

START_TEST(a_program_s_own_store_comes_before_the_built_in)
{
    const larder_offline_ops *found = NULL;
    larder_offline_ops own = *larder_offline_backends()[0], lacking = own;
    const larder_offline_ops *const list[] = {&own, &lacking, NULL};
    ldr_backends backends = {.offline = list};
    larder_error err = {0};

    own.type = "memory";
    lacking.type = "lacking";
    lacking.scan = NULL;
    ck_assert_int_eq(
        ldr_backend_offline(&backends, "memory", &found, &err), LARDER_OK);
    ck_assert_ptr_eq(found, &own);
    ck_assert_int_eq(ldr_backend_offline(&backends, "lacking", &found, &err),
        LARDER_UNSUPPORTED);
    expect_words(&err, "'lacking'");
    lacking = own;
    lacking.type = "lacking";
    lacking.abi = LARDER_BACKEND_ABI + 1;
    ck_assert_int_eq(ldr_backend_offline(&backends, "lacking", &found, &err),
        LARDER_UNSUPPORTED);
}
END_TEST

/* ------------------------------------------------------------------ faults */

START_TEST(the_nth_call_fails_as_planted_and_names_the_store)
{
    larder_stream rows = {0};
    larder_scan scan = scan_all();
    larder_described described;
    larder_error err = {0};

    ldr_offline_fault(store, 2, LARDER_UNAVAILABLE);
    ck_assert_int_eq(
        ldr_offline_describe(store, &call, &table, &described, &err),
        LARDER_OK);
    larder_described_release(&described);
    ck_assert_int_eq(
        ldr_offline_begin(store, &call, 1, &err), LARDER_UNAVAILABLE);
    expect_words(&err, "offline store 'memory': ");
    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, &err), LARDER_OK);
    ldr_offline_fault(store, 1, LARDER_IO);
    ck_assert_int_eq(
        ldr_offline_scan(store, 0, &call, &scan, &rows, &err), LARDER_IO);
    expect_words(&err, "offline store 'memory': ");
    ldr_offline_end(store);
}
END_TEST

START_TEST(online_and_registry_faults_are_named_too)
{
    static const ldr_backends none = {NULL, NULL, NULL};
    const larder_online_ops *online_ops = NULL;
    const larder_registry_ops *registry_ops = NULL;
    ldr_online *online = NULL;
    ldr_records *records = NULL;
    larder_error err = {0};
    uint64_t number = 0;

    ck_assert_int_eq(
        ldr_backend_online(&none, "memory", &online_ops, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_online_open(online_ops, NULL, true, &call, &online, NULL),
        LARDER_OK);
    ldr_online_fault(online, 1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(
        ldr_online_destroy(online, &call, &err), LARDER_UNAVAILABLE);
    expect_words(&err, "online store 'memory': ");
    ldr_online_close(online);
    ck_assert_int_eq(
        ldr_backend_registry(&none, "memory", &registry_ops, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_records_open(registry_ops, NULL, true, &call, &records, NULL),
        LARDER_OK);
    ldr_records_fault(records, 1, LARDER_UNAVAILABLE);
    ck_assert_int_eq(ldr_records_newest(records, &call, "p", &number, &err),
        LARDER_UNAVAILABLE);
    expect_words(&err, "registry 'memory': ");
    ldr_records_close(records);
}
END_TEST

/* ---------------------------------------------------------- what stores lack
 */

START_TEST(a_scan_keeps_the_order_that_the_store_does_not)
{
    larder_scan scan = scan_all();
    larder_stream rows = {0};

    append("2,5,,a;1,7,1,b;1,7,,c;1,9,,d;1,7,2,e");
    append("0,1,,f");
    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_scan(store, 0, &call, &scan, &rows, NULL), LARDER_OK);
    offline_expect(offline_words(&rows, false),
        "0,1,,f;1,9,,d;1,7,2,e;1,7,1,b;1,7,,c;2,5,,a");
    ldr_offline_end(store);
}
END_TEST

START_TEST(the_newest_rows_are_found_for_a_store_that_cannot)
{
    larder_scan scan = scan_all();
    larder_stream rows = {0};

    append("2,5,,a;1,7,1,b;1,9,3,c;1,9,3,d;1,9,2,e;3,1,,f;3,1,,g");
    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_latest(store, 0, &call, &scan, &rows, NULL), LARDER_OK);
    offline_expect(
        offline_words(&rows, true), "1,9,3,c;1,9,3,d;2,5,,a;3,1,,f;3,1,,g");
    scan.to = 8;
    ck_assert_int_eq(
        ldr_offline_latest(store, 0, &call, &scan, &rows, NULL), LARDER_OK);
    offline_expect(offline_words(&rows, true), "1,7,1,b;2,5,,a;3,1,,f;3,1,,g");
    ldr_offline_end(store);
}
END_TEST

/* Batches of one row each, and of a stream that has no row. */
typedef struct drops {
    const char *const *words;
    larder_schema schema;
} drops;

static larder_status
drops_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    drops *state = self->state;

    (void)err;
    *out = offline_batch(self->schema, *state->words);
    state->words += **state->words != '\0';
    return LARDER_OK;
}

START_TEST(keys_and_ties_are_followed_from_batch_to_batch)
{
    static const char *const words[] = {"1,9,,a", "1,9,,b", "1,8,,c", "2,8,,d",
        "2,8,,e;2,8,,f;2,7,,g;3,1,,h", "3,1,,i", "3,0,,j", ""};
    drops state = {.words = words, .schema = schema};
    larder_stream input = {
        .schema = &state.schema, .next = drops_next, .state = &state};
    larder_stream rows = {0};

    ck_assert_int_eq(ldr_newest(&input, 1, &rows, NULL), LARDER_OK);
    ck_assert(input.next == NULL);
    offline_expect(offline_words(&rows, false),
        "1,9,,a;1,9,,b;2,8,,d;2,8,,e;2,8,,f;3,1,,h;3,1,,i");
}
END_TEST

START_TEST(what_cannot_be_done_for_a_store_is_unsupported)
{
    static const larder_field spine_fields[] = {
        {"k", LARDER_INT64}, {"t", LARDER_TIMESTAMP}};
    static const larder_schema spine_schema = {spine_fields, 2};
    larder_batch spine = offline_batch(&spine_schema, "1,5");
    larder_asof asof = {.scan = scan_all(), .spine = &spine};
    larder_stream rows = {0};
    larder_error err = {0};

    ck_assert(!ldr_offline_has_asof(store));
    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_offline_asof(store, 0, &call, &asof, &rows, &err),
        LARDER_UNSUPPORTED);
    expect_words(&err, "'memory'");
    ldr_offline_end(store);
    ck_assert_int_eq(ldr_offline_query(store, &call, "SELECT 1", &rows, &err),
        LARDER_UNSUPPORTED);
    larder_batch_release(&spine);
}
END_TEST

/* A store that tells in which order it was given rows. */
static char *given;

static larder_status
spy_append(void *self, const larder_call *own, const larder_table *wanted,
    larder_stream *rows, larder_appended *out, larder_error *err)
{
    (void)self;
    (void)own;
    (void)wanted;
    (void)err;
    given = offline_words(rows, false);
    *out = (larder_appended){0};
    return LARDER_OK;
}

START_TEST(rows_are_sorted_before_they_are_appended)
{
    static const ldr_backends none = {NULL, NULL, NULL};
    const larder_offline_ops *ops = NULL;
    larder_offline_ops spy;
    ldr_offline *spied = NULL;
    larder_stream rows =
        offline_stream(&schema, "2,5,,a;1,7,1,b;1,7,,c;1,9,,d;1,7,2,e");
    larder_appended appended;

    ck_assert_int_eq(
        ldr_backend_offline(&none, "memory", &ops, NULL), LARDER_OK);
    spy = *ops;
    spy.append = spy_append;
    ck_assert_int_eq(
        ldr_offline_open(&spy, NULL, true, &call, &spied, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_offline_append(spied, &call, &table, &rows, &appended, NULL),
        LARDER_OK);
    larder_stream_close(&rows);
    offline_expect(given, "1,9,,d;1,7,2,e;1,7,1,b;1,7,,c;2,5,,a");
    ldr_offline_close(spied);
}
END_TEST

/* --------------------------------------------------------------- snapshots */

static int64_t
ticking(void)
{
    static _Thread_local int64_t now;

    return now += 1000;
}

static void *
begin_hastily(void *context)
{
    larder_call hasty = {.now = 1, .monotonic = ticking, .deadline = 5000};
    larder_status *rc = context;

    *rc = ldr_offline_begin(store, &hasty, 1, NULL);
    return NULL;
}

START_TEST(a_second_snapshot_waits_for_the_first)
{
    larder_status rc = LARDER_OK;
    pthread_t other;

    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(pthread_create(&other, NULL, begin_hastily, &rc), 0);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert_int_eq(rc, LARDER_DEADLINE);
    ldr_offline_end(store);
    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    ldr_offline_end(store);
}
END_TEST

START_TEST(a_thread_never_waits_for_itself)
{
    larder_error err = {0};

    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, NULL), LARDER_OK);
    ck_assert_int_eq(ldr_offline_begin(store, &call, 1, &err), LARDER_BUSY);
    ck_assert_str_eq(err.message,
        "this thread still reads history: close that stream first");
    ldr_offline_end(store);
}
END_TEST

static void *
read_often(void *context)
{
    size_t *n_bad = context;

    for (int i = 0; i < 100; i++) {
        larder_scan scan = scan_all();
        larder_stream rows = {0};
        char *words;

        if (ldr_offline_begin(store, &call, 1, NULL) != LARDER_OK ||
            ldr_offline_scan(store, 0, &call, &scan, &rows, NULL) !=
                LARDER_OK) {
            ++*n_bad;
            break;
        }
        words = offline_words(&rows, false);
        *n_bad += strlen(words) == 0;
        free(words);
        ldr_offline_end(store);
    }
    return NULL;
}

START_TEST(threads_read_while_another_appends)
{
    pthread_t threads[3];
    size_t n_bad[3] = {0};
    char words[32];

    append("0,0,,first");
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_often, &n_bad[i]), 0);
    for (int i = 1; i < 50; i++) {
        snprintf(words, sizeof words, "%d,0,,more", i);
        append(words);
    }
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(n_bad[i], 0);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("storage");
    TCase *tests = tcase_create("wrappers");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_unknown_type_is_told_from_those_there_are);
    tcase_add_test(tests, a_program_s_own_store_comes_before_the_built_in);
    tcase_add_test(tests, the_nth_call_fails_as_planted_and_names_the_store);
    tcase_add_test(tests, online_and_registry_faults_are_named_too);
    tcase_add_test(tests, a_scan_keeps_the_order_that_the_store_does_not);
    tcase_add_test(tests, the_newest_rows_are_found_for_a_store_that_cannot);
    tcase_add_test(tests, keys_and_ties_are_followed_from_batch_to_batch);
    tcase_add_test(tests, what_cannot_be_done_for_a_store_is_unsupported);
    tcase_add_test(tests, rows_are_sorted_before_they_are_appended);
    tcase_add_test(tests, a_second_snapshot_waits_for_the_first);
    tcase_add_test(tests, a_thread_never_waits_for_itself);
    tcase_add_test(tests, threads_read_while_another_appends);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
