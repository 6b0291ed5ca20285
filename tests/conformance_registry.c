/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_registry.c - what larder_registry_ops promises, a test a
 * sentence, on every registry that is built in.
 *
 * docs/backends.md is the same contract in prose. What concerns one store alone
 * is elsewhere (test_registry_sqlite.c).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "definition/config.h"
#include "larder_backend.h"
#include "servers.h"
#include "support.h"

typedef struct registry {
    const larder_registry_ops *ops;
    void *self;
} registry;

/* A backend, and a server where it needs one. */
static struct kind {
    const larder_registry_ops *ops;
    const char *server; /* NULL: none; else a kind of servers.h */
    const char *url;    /* NULL: servers are skipped */
} kinds[8];
static int n_kinds;

static char *folder;
static char path[512];
static const char *schema; /* of one test: the last part of its folder */

static bool
is_durable(int kind)
{
    return strcmp(kinds[kind].ops->type, "memory") != 0;
}

/* What a message names the place by. */
static const char *
place(int kind)
{
    return kinds[kind].server == NULL ? path : schema;
}

#define NEEDS_SERVER(kind)                                                     \
    do {                                                                       \
        if (kinds[kind].server != NULL)                                        \
            SERVERS_NEEDED(kinds[kind].url);                                   \
    } while (0)

static void
begin(void)
{
    folder = support_folder();
    schema = strrchr(folder, '/') + 1;
    snprintf(path, sizeof path, "%s/data/registry", folder);
}

static void
end(void)
{
    support_remove(folder);
    free(folder);
}

/* Open with the place, where it takes one, and one more option if named. */
static larder_status
try_open(
    registry *store, int kind, bool create, const char *more, larder_error *err)
{
    ldr_option list[3] = {{.name = "path", .value = path}};
    larder_options options = {.options = list, .section = "registry"};
    larder_call call = support_call(0);
    larder_status rc;

    if (kinds[kind].server != NULL) {
        list[0] =
            (ldr_option){.name = "connection_string", .value = kinds[kind].url};
        list[1] = (ldr_option){.name = "db_schema", .value = schema};
        options.n_options = 2;
    } else if (is_durable(kind)) {
        options.n_options = 1;
    }
    if (more != NULL)
        list[options.n_options++] = (ldr_option){.name = more, .value = "1"};
    store->ops = kinds[kind].ops;
    store->self = calloc(1, store->ops->state_bytes);
    ck_assert_ptr_nonnull(store->self);
    rc = store->ops->open(store->self, &options, create, &call, err);
    if (rc != LARDER_OK) {
        free(store->self);
        *store = (registry){0};
    }
    return rc;
}

static registry
open_kind(int kind, bool create)
{
    larder_error err = {0};
    registry store;
    larder_status rc = try_open(&store, kind, create, NULL, &err);

    ck_assert_msg(rc == LARDER_OK, "open: %s", err.message);
    return store;
}

static void
close_store(registry *store)
{
    store->ops->close(store->self);
    free(store->self);
    *store = (registry){0};
}

static void
reopen(registry *store, int kind)
{
    if (!is_durable(kind))
        return;
    close_store(store);
    *store = open_kind(kind, false);
}

static larder_status
append(registry *store, const char *project, uint64_t after, const char *text,
    larder_time now, larder_error *err)
{
    larder_call call = support_call(now);
    larder_generation generation = {.number = 4711,
        .applied = now,
        .hash = "0123456789abcdef0123456789abcdef",
        .n_text = strlen(text)};
    larder_status rc;

    generation.text = strdup(text);
    ck_assert_ptr_nonnull(generation.text);
    rc = store->ops->append(
        store->self, &call, project, after, &generation, err);
    free(generation.text);
    if (rc == LARDER_OK)
        ck_assert_uint_eq(generation.number, after + 1);
    return rc;
}

static void
must_append(
    registry *store, const char *project, uint64_t after, const char *text)
{
    larder_error err = {0};
    larder_status rc =
        append(store, project, after, text, (larder_time)after, &err);

    ck_assert_msg(rc == LARDER_OK, "append: %s", err.message);
}

static uint64_t
newest(registry *store, const char *project)
{
    larder_call call = support_call(0);
    uint64_t number = 77;

    ck_assert_int_eq(
        store->ops->newest(store->self, &call, project, &number, NULL),
        LARDER_OK);
    return number;
}

/* Generation `number` has this text. */
static void
must_load(
    registry *store, const char *project, uint64_t number, const char *text)
{
    larder_call call = support_call(0);
    larder_generation generation = {0};
    larder_error err = {0};
    larder_status rc = store->ops->load(
        store->self, &call, project, number, &generation, &err);

    ck_assert_msg(rc == LARDER_OK, "load: %s", err.message);
    if (number != 0)
        ck_assert_uint_eq(generation.number, number);
    ck_assert_uint_eq(generation.n_text, strlen(text));
    ck_assert_str_eq(generation.text, text);
    ck_assert_str_eq(generation.hash, "0123456789abcdef0123456789abcdef");
    ck_assert_int_eq(generation.applied, (larder_time)generation.number - 1);
    free(generation.text);
}

/* ------------------------------------------------------------------ opening */

START_TEST(the_table_of_methods_is_complete)
{
    const larder_registry_ops *ops = kinds[_i].ops;

    ck_assert_uint_eq(ops->abi, LARDER_BACKEND_ABI);
    ck_assert_uint_gt(ops->state_bytes, 0);
    ck_assert(ops->open != NULL && ops->close != NULL && ops->load != NULL);
    ck_assert(ops->newest != NULL && ops->append != NULL);
    ck_assert(ops->lease != NULL && ops->record != NULL && ops->list != NULL);
    ck_assert(ops->destroy != NULL);
}
END_TEST

START_TEST(opening_without_create_makes_nothing)
{
    NEEDS_SERVER(_i);
    registry store;
    larder_error err = {0};

    if (!is_durable(_i))
        return;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            try_open(&store, _i, false, NULL, &err), LARDER_NOT_FOUND);
        ck_assert_ptr_nonnull(strstr(err.message, place(_i)));
        ck_assert_ptr_nonnull(strstr(err.hint, "larder apply"));
    }
}
END_TEST

START_TEST(an_unknown_option_is_refused_by_name)
{
    NEEDS_SERVER(_i);
    registry store;
    larder_error err = {0};

    ck_assert_int_eq(try_open(&store, _i, true, "sise", &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "sise"));
}
END_TEST

/* ------------------------------------------------------------- generations */

START_TEST(before_the_first_apply_the_newest_is_nought_without_text)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_call call = support_call(0);
    larder_generation generation = {.number = 5, .n_text = 5};

    ck_assert_uint_eq(newest(&store, "p"), 0);
    ck_assert_int_eq(
        store.ops->load(store.self, &call, "p", 0, &generation, NULL),
        LARDER_OK);
    ck_assert_uint_eq(generation.number, 0);
    ck_assert_ptr_null(generation.text);
    ck_assert_uint_eq(generation.n_text, 0);
    close_store(&store);
}
END_TEST

START_TEST(generations_are_numbered_from_one_and_stay_as_they_are)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    const char *texts[] = {"a: 1\n", "", "entities:\n  - na\303\257ve \"'\\\n"};

    for (uint64_t i = 0; i < 3; i++)
        must_append(&store, "p", i, texts[i]);
    reopen(&store, _i);
    ck_assert_uint_eq(newest(&store, "p"), 3);
    for (uint64_t i = 0; i < 3; i++)
        must_load(&store, "p", i + 1, texts[i]);
    must_load(&store, "p", 0, texts[2]);
    close_store(&store);
}
END_TEST

START_TEST(a_generation_that_is_not_there_is_named)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_call call = support_call(0);
    larder_generation generation = {.number = 99};
    larder_error err = {0};

    must_append(&store, "p", 0, "a");
    ck_assert_int_eq(
        store.ops->load(store.self, &call, "p", 42, &generation, &err),
        LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "42"));
    ck_assert_ptr_nonnull(strstr(err.message, "'p'"));
    ck_assert_uint_eq(generation.number, 99); /* untouched */
    ck_assert_int_eq(
        store.ops->load(store.self, &call, "p", UINT64_MAX, &generation, &err),
        LARDER_NOT_FOUND);
    close_store(&store);
}
END_TEST

START_TEST(an_append_after_another_generation_is_a_conflict)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_error err = {0};

    ck_assert_int_eq(append(&store, "p", 1, "x", 0, &err), LARDER_CONFLICT);
    must_append(&store, "p", 0, "first");
    ck_assert_int_eq(append(&store, "p", 0, "x", 0, &err), LARDER_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.message, "generation 1"));
    must_append(&store, "p", 1, "second");
    ck_assert_int_eq(append(&store, "p", 1, "x", 0, &err), LARDER_CONFLICT);
    ck_assert_int_eq(append(&store, "p", 9, "x", 0, &err), LARDER_CONFLICT);
    ck_assert_uint_eq(newest(&store, "p"), 2);
    must_load(&store, "p", 1, "first");
    must_load(&store, "p", 2, "second");
    close_store(&store);
}
END_TEST

START_TEST(a_long_text_comes_back_whole)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    size_t size = 3u << 20;
    char *text = malloc(size + 1);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(' ' + i % 90);
    text[size] = '\0';
    must_append(&store, "p", 0, text);
    reopen(&store, _i);
    must_load(&store, "p", 1, text);
    free(text);
    close_store(&store);
}
END_TEST

START_TEST(projects_know_nothing_of_each_other)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_call call = support_call(0);

    must_append(&store, "p", 0, "of p");
    must_append(&store, "q", 0, "of q");
    must_append(&store, "q", 1, "of q again");
    ck_assert_uint_eq(newest(&store, "p"), 1);
    ck_assert_uint_eq(newest(&store, "q"), 2);
    ck_assert_int_eq(
        store.ops->destroy(store.self, &call, "q", NULL), LARDER_OK);
    ck_assert_uint_eq(newest(&store, "q"), 0);
    must_load(&store, "p", 1, "of p");
    must_append(&store, "q", 0, "anew");
    reopen(&store, _i);
    must_load(&store, "q", 1, "anew");
    close_store(&store);
}
END_TEST

/* ------------------------------------------------------------------- leases */

/* A server has a clock of its own, which no test can set: there a unit of the
 * tests' time is a minute, and what is stored moves instead. */
#define UNIT_US INT64_C(60000000)

static void
move_clock(int kind, larder_time now)
{
    static larder_time before; /* each test is a process */
    int64_t units = now - before;
    char sql[256];

    before = now;
    if (units == 0)
        return;
    if (units > 1000000)
        units = 1000000;
    if (units < -1000000)
        units = -1000000;
    snprintf(sql, sizeof sql,
        "UPDATE \"%s\".larder_leases SET expires = expires - %lld", schema,
        (long long)(units * UNIT_US));
    servers_do(kinds[kind].server, "sql", sql);
}

static larder_status
lease_at(registry *store, int kind, larder_time now, larder_lease *lease,
    larder_error *err)
{
    larder_call call = support_call(now);
    int64_t ttl_us = lease->ttl_us;
    larder_status rc;

    if (kinds[kind].server != NULL) {
        move_clock(kind, now);
        if (ttl_us < INT64_MAX / UNIT_US)
            lease->ttl_us *= UNIT_US;
    }
    rc = store->ops->lease(store->self, &call, "p", lease, err);
    lease->ttl_us = ttl_us;
    return rc;
}

/* In a test: of its kind. */
#define take_lease(store, now, wanted, err)                                    \
    lease_at((store), _i, (now), (wanted), (err))

START_TEST(a_lease_has_one_holder_until_it_expires)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "run v", .holder = "ann", .ttl_us = 100};
    larder_lease bob = {.name = "run v", .holder = "bob", .ttl_us = 100};
    larder_error err = {0};

    ck_assert_int_eq(take_lease(&store, 1000, &ann, &err), LARDER_OK);
    ck_assert_uint_gt(ann.fence, 0);
    ck_assert_int_eq(take_lease(&store, 1099, &bob, &err), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "ann"));
    ck_assert_ptr_nonnull(strstr(err.message, "run v"));
    ck_assert_uint_eq(bob.fence, 0); /* untouched */
    reopen(&store, _i);
    ck_assert_int_eq(take_lease(&store, 1100, &bob, &err), LARDER_OK);
    ck_assert_uint_gt(bob.fence, ann.fence);
    close_store(&store);
}
END_TEST

START_TEST(renewing_keeps_the_fence_and_moves_the_end)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_lease bob = {.name = "n", .holder = "bob", .ttl_us = 100};
    uint64_t fence;

    ck_assert_int_eq(take_lease(&store, 1000, &ann, NULL), LARDER_OK);
    fence = ann.fence;
    ck_assert_int_eq(take_lease(&store, 1050, &ann, NULL), LARDER_OK);
    ck_assert_uint_eq(ann.fence, fence);
    ck_assert_int_eq(take_lease(&store, 1149, &bob, NULL), LARDER_BUSY);
    /* late, but nobody came between */
    ck_assert_int_eq(take_lease(&store, 5000, &ann, NULL), LARDER_OK);
    ck_assert_uint_eq(ann.fence, fence);
    ann.ttl_us = INT64_MAX;
    ck_assert_int_eq(take_lease(&store, 5000, &ann, NULL), LARDER_OK);
    ck_assert_int_eq(
        take_lease(&store, LARDER_TIME_MAX - 1, &bob, NULL), LARDER_BUSY);
    close_store(&store);
}
END_TEST

START_TEST(a_holder_that_lost_its_lease_is_told)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_lease bob = {.name = "n", .holder = "bob", .ttl_us = 100};
    larder_error err = {0};

    ck_assert_int_eq(take_lease(&store, 1000, &ann, NULL), LARDER_OK);
    ck_assert_int_eq(take_lease(&store, 2000, &bob, NULL), LARDER_OK);
    ck_assert_int_eq(take_lease(&store, 2050, &ann, &err), LARDER_BUSY);
    ck_assert_int_eq(take_lease(&store, 3000, &ann, &err), LARDER_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.message, "ann"));
    ann.ttl_us = 0; /* giving back what is lost is no error ... */
    ck_assert_int_eq(take_lease(&store, 2050, &ann, NULL), LARDER_OK);
    ann = (larder_lease){.name = "n", .holder = "ann", .ttl_us = 100};
    ck_assert_int_eq(
        take_lease(&store, 2060, &ann, NULL), LARDER_BUSY); /* nor it */
    close_store(&store);
}
END_TEST

START_TEST(the_same_name_without_the_fence_is_another_holder)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_lease twin = ann;

    ck_assert_int_eq(take_lease(&store, 1000, &ann, NULL), LARDER_OK);
    ck_assert_int_eq(take_lease(&store, 1001, &twin, NULL), LARDER_BUSY);
    close_store(&store);
}
END_TEST

START_TEST(a_lease_given_back_is_free_at_once_and_its_fence_grows)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_lease bob = {.name = "n", .holder = "bob", .ttl_us = 100};

    ck_assert_int_eq(take_lease(&store, 1000, &ann, NULL), LARDER_OK);
    ann.ttl_us = 0;
    ck_assert_int_eq(take_lease(&store, 1001, &ann, NULL), LARDER_OK);
    reopen(&store, _i);
    ck_assert_int_eq(take_lease(&store, 1002, &bob, NULL), LARDER_OK);
    ck_assert_uint_gt(bob.fence, ann.fence);
    close_store(&store);
}
END_TEST

START_TEST(leases_of_other_names_and_projects_are_others)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_lease other = {.name = "m", .holder = "bob", .ttl_us = 100};
    larder_lease same = {.name = "n", .holder = "bob", .ttl_us = 100};
    larder_call call = support_call(1000);

    ck_assert_int_eq(take_lease(&store, 1000, &ann, NULL), LARDER_OK);
    ck_assert_int_eq(take_lease(&store, 1000, &other, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->lease(store.self, &call, "q", &same, NULL), LARDER_OK);
    close_store(&store);
}
END_TEST

/* ------------------------------------------------------------------ records */

static void
must_record(registry *store, const char *kind, const char *id, const char *name,
    larder_time at, const char *text)
{
    larder_call call = support_call(at);
    larder_record record = {
        .kind = kind, .id = id, .name = name, .at = at, .text = text};
    larder_error err = {0};
    larder_status rc =
        store->ops->record(store->self, &call, "p", &record, &err);

    ck_assert_msg(rc == LARDER_OK, "record: %s", err.message);
}

typedef struct listing {
    larder_record_sink sink;
    char text[256]; /* "id name at text;" of each */
    size_t n_records, fail_at;
} listing;

static larder_status
list_one(
    larder_record_sink *self, const larder_record *record, larder_error *err)
{
    listing *to = (listing *)self;
    size_t size = strlen(to->text);

    snprintf(to->text + size, sizeof to->text - size, "%s %s %d %s;",
        record->id, record->name == NULL ? "-" : record->name, (int)record->at,
        record->text);
    to->n_records++;
    return to->n_records == to->fail_at
               ? larder_fail(err, LARDER_LIMIT, "enough")
               : LARDER_OK;
}

static void
must_list(registry *store, const char *kind, const char *name, size_t limit,
    const char *expected)
{
    listing to = {.sink = {list_one}};
    larder_call call = support_call(0);

    ck_assert_int_eq(store->ops->list(store->self, &call, "p", kind, name,
                         limit, &to.sink, NULL),
        LARDER_OK);
    ck_assert_str_eq(to.text, expected);
}

START_TEST(records_are_listed_newest_first)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);

    must_record(&store, "run", "r1", "v", 30, "{\"a\":1}");
    must_record(&store, "run", "r2", "w", 10, "{}");
    must_record(&store, "run", "r3", "v", 20, "{}");
    must_record(&store, "run", "r4", "v", 20, "{}"); /* later of a moment */
    must_record(&store, "audit", "r1", NULL, 99, "{}");
    reopen(&store, _i);
    must_list(&store, "run", NULL, 10,
        "r1 v 30 {\"a\":1};r4 v 20 {};r3 v 20 {};r2 w 10 {};");
    must_list(&store, "run", NULL, 2, "r1 v 30 {\"a\":1};r4 v 20 {};");
    must_list(&store, "run", "v", SIZE_MAX,
        "r1 v 30 {\"a\":1};r4 v 20 {};r3 v 20 {};");
    must_list(&store, "run", "w", 1, "r2 w 10 {};");
    must_list(&store, "run", "nobody", 10, "");
    must_list(&store, "audit", NULL, 10, "r1 - 99 {};");
    must_list(&store, "statistics", NULL, 10, "");
    must_list(&store, "run", NULL, 0, "");
    close_store(&store);
}
END_TEST

START_TEST(a_second_record_of_an_id_replaces_the_first)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);

    must_record(&store, "run", "r1", "v", 10, "{\"state\":\"begun\"}");
    must_record(&store, "run", "r2", "v", 11, "{}");
    must_record(&store, "run", "r1", "v", 12, "{\"state\":\"done\"}");
    must_list(
        &store, "run", NULL, 10, "r1 v 12 {\"state\":\"done\"};r2 v 11 {};");
    close_store(&store);
}
END_TEST

START_TEST(a_sink_that_fails_ends_the_list_with_its_status)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    listing to = {.sink = {list_one}, .fail_at = 1};
    larder_call call = support_call(0);
    larder_error err = {0};

    must_record(&store, "run", "r1", "v", 10, "{}");
    must_record(&store, "run", "r2", "v", 11, "{}");
    ck_assert_int_eq(store.ops->list(store.self, &call, "p", "run", NULL, 10,
                         &to.sink, &err),
        LARDER_LIMIT);
    ck_assert_str_eq(err.message, "enough");
    ck_assert_uint_eq(to.n_records, 1);
    close_store(&store);
}
END_TEST

START_TEST(destroy_forgets_records_and_leases_too)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_lease bob = {.name = "n", .holder = "bob", .ttl_us = 100};
    larder_call call = support_call(0);

    must_record(&store, "run", "r1", "v", 10, "{}");
    ck_assert_int_eq(take_lease(&store, 1000, &ann, NULL), LARDER_OK);
    ck_assert_int_eq(
        store.ops->destroy(store.self, &call, "p", NULL), LARDER_OK);
    must_list(&store, "run", NULL, 10, "");
    ck_assert_int_eq(take_lease(&store, 1001, &bob, NULL), LARDER_OK);
    ck_assert_int_eq(/* of nothing: no error */
        store.ops->destroy(store.self, &call, "nobody", NULL), LARDER_OK);
    close_store(&store);
}
END_TEST

/* -------------------------------------------------------- whole or not at all
 */

START_TEST(a_call_nobody_waits_for_changes_nothing)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    volatile int stop = 1;
    larder_call cancelled = {.cancel = &stop};
    char text[] = "x";
    larder_generation generation = {.text = text, .n_text = 1};
    larder_lease ann = {.name = "n", .holder = "ann", .ttl_us = 100};
    larder_record record = {
        .kind = "run", .id = "r", .name = "v", .text = "{}"};

    must_append(&store, "p", 0, "a");
    ck_assert_int_eq(
        store.ops->append(store.self, &cancelled, "p", 1, &generation, NULL),
        LARDER_INTERRUPTED);
    ck_assert_int_eq(store.ops->lease(store.self, &cancelled, "p", &ann, NULL),
        LARDER_INTERRUPTED);
    ck_assert_int_eq(
        store.ops->record(store.self, &cancelled, "p", &record, NULL),
        LARDER_INTERRUPTED);
    ck_assert_int_eq(store.ops->destroy(store.self, &cancelled, "p", NULL),
        LARDER_INTERRUPTED);
    ck_assert_uint_eq(newest(&store, "p"), 1);
    must_list(&store, "run", NULL, 10, "");
    close_store(&store);
}
END_TEST

#define N_CHILDREN 4
#define N_EACH 12

/* In a child: append N_EACH generations, each after the newest; its exit status
 * is 1 when it saw anything but OK and CONFLICT. */
static void
append_some(int kind, int child)
{
    registry store;
    larder_call call = support_call(0);
    larder_error err = {0};

    if (try_open(&store, kind, false, NULL, &err) != LARDER_OK)
        _exit(1);
    for (int done = 0; done < N_EACH;) {
        char text[32];
        larder_generation generation = {.text = text};
        uint64_t number = 0;
        larder_status rc;

        if (store.ops->newest(store.self, &call, "p", &number, &err) !=
            LARDER_OK)
            _exit(1);
        generation.n_text =
            (size_t)snprintf(text, sizeof text, "%d/%d", child, done);
        rc = store.ops->append(
            store.self, &call, "p", number, &generation, &err);
        if (rc != LARDER_OK && rc != LARDER_CONFLICT)
            fprintf(stderr, "child: %s\n", err.message);
        if (rc != LARDER_OK && rc != LARDER_CONFLICT)
            _exit(1);
        done += rc == LARDER_OK;
    }
    close_store(&store);
    _exit(0);
}

START_TEST(of_processes_that_append_at_once_exactly_one_wins)
{
    NEEDS_SERVER(_i);
    registry store = open_kind(_i, true);
    pid_t children[N_CHILDREN];
    int seen[N_CHILDREN] = {0};

    if (!is_durable(_i)) {
        close_store(&store);
        return;
    }
    close_store(&store);
    fflush(NULL);
    for (int i = 0; i < N_CHILDREN; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0)
            append_some(_i, i);
    }
    for (int i = 0; i < N_CHILDREN; i++) {
        int status = 0;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    store = open_kind(_i, false);
    ck_assert_uint_eq(newest(&store, "p"), N_CHILDREN * N_EACH);
    for (uint64_t number = 1; number <= N_CHILDREN * N_EACH; number++) {
        larder_call call = support_call(0);
        larder_generation generation = {0};
        int child = 0, nth = 0;

        ck_assert_int_eq(
            store.ops->load(store.self, &call, "p", number, &generation, NULL),
            LARDER_OK);
        ck_assert_int_eq(sscanf(generation.text, "%d/%d", &child, &nth), 2);
        ck_assert_int_eq(nth, seen[child]++); /* each told only of its own */
        free(generation.text);
    }
    close_store(&store);
}
END_TEST

/* The last of all: what was sent left nothing behind in its session. */
START_TEST(a_server_keeps_nothing_of_ours_between_transactions)
{
    if (kinds[_i].server == NULL)
        return;
    SERVERS_NEEDED(kinds[_i].url);
    servers_do(kinds[_i].server, "session", NULL);
}
END_TEST

static void
add_kind(const larder_registry_ops *ops, const char *server)
{
    kinds[n_kinds++] = (struct kind){
        ops, server, server == NULL ? NULL : servers_start(server)};
}

/* Each backend; one that needs a server also behind a pooler. */
static void
add_kinds(void)
{
    for (size_t i = 0; larder_registry_backends()[i] != NULL; i++) {
        const larder_registry_ops *ops = larder_registry_backends()[i];
        bool is_postgres = strcmp(ops->type, "postgres") == 0;

        add_kind(ops, is_postgres ? "postgres" : NULL);
        if (is_postgres)
            add_kind(ops, "pgbouncer");
    }
}

int
main(void)
{
    Suite *suite = suite_create("conformance_registry");
    TCase *tests = tcase_create("registries");

    add_kinds();
    tcase_add_checked_fixture(tests, begin, end);
#define ADD(name) tcase_add_loop_test(tests, name, 0, n_kinds)
    ADD(the_table_of_methods_is_complete);
    ADD(opening_without_create_makes_nothing);
    ADD(an_unknown_option_is_refused_by_name);
    ADD(before_the_first_apply_the_newest_is_nought_without_text);
    ADD(generations_are_numbered_from_one_and_stay_as_they_are);
    ADD(a_generation_that_is_not_there_is_named);
    ADD(an_append_after_another_generation_is_a_conflict);
    ADD(a_long_text_comes_back_whole);
    ADD(projects_know_nothing_of_each_other);
    ADD(a_lease_has_one_holder_until_it_expires);
    ADD(renewing_keeps_the_fence_and_moves_the_end);
    ADD(a_holder_that_lost_its_lease_is_told);
    ADD(the_same_name_without_the_fence_is_another_holder);
    ADD(a_lease_given_back_is_free_at_once_and_its_fence_grows);
    ADD(leases_of_other_names_and_projects_are_others);
    ADD(records_are_listed_newest_first);
    ADD(a_second_record_of_an_id_replaces_the_first);
    ADD(a_sink_that_fails_ends_the_list_with_its_status);
    ADD(destroy_forgets_records_and_leases_too);
    ADD(a_call_nobody_waits_for_changes_nothing);
    ADD(of_processes_that_append_at_once_exactly_one_wins);
    ADD(a_server_keeps_nothing_of_ours_between_transactions);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
