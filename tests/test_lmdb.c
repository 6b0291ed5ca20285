/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lmdb.c - the troubles of an online store in LMDB: other processes, dead
 * ones, full maps, damaged files, folders that are not its own.
 *
 * What it shares with every online store is in conformance_online.c. Children
 * are forked, open the store themselves and end with _exit().
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../backends/environment_lmdb.h"
#include "online.h"

static char *folder;
static char path[512], data[600];
static const char *options[] = {"path", path, NULL};
static const char *small[] = {"path", path, "max_size", "1MiB", NULL};

static void
begin(void)
{
    folder = support_folder();
    snprintf(path, sizeof path, "%s/online", folder);
    snprintf(data, sizeof data, "%s/data.mdb", path);
}

static void
end(void)
{
    support_remove(folder);
    free(folder);
}

static online
open_store(bool create)
{
    return online_must_open("lmdb", options, create);
}

static larder_status
try_open(bool create, larder_error *err)
{
    online store;
    larder_status rc = online_open(&store, "lmdb", options, create, err);

    if (rc == LARDER_OK)
        online_close(&store);
    return rc;
}

/* Rows `from` to `to` of `size` bytes in one put, keys ascending; the event
 * time of all is `event`. */
static larder_status
put_rows(online *store, const larder_call *call, size_t from, size_t to,
    size_t size, uint64_t event, larder_outcome *outcomes, larder_error *err)
{
    size_t n = to - from;
    larder_put *puts = calloc(n, sizeof *puts);
    unsigned char *rows = calloc(n, size);
    char(*keys)[24] = calloc(n, sizeof *keys);
    larder_outcome *own = calloc(n, sizeof *own);
    larder_status rc;

    if (puts == NULL || rows == NULL || keys == NULL || own == NULL)
        abort();
    for (size_t i = 0; i < n; i++) {
        online_row head = online_make(event, 0, "");

        snprintf(keys[i], sizeof keys[i], "k%07zu!", from + i);
        memcpy(rows + i * size, head.bytes, head.size);
        puts[i] = online_newest(keys[i], 1, &head);
        puts[i].row = (larder_bytes){rows + i * size, size};
    }
    rc = store->ops->put(
        store->self, call, puts, n, outcomes != NULL ? outcomes : own, err);
    free(puts);
    free(rows);
    free(keys);
    free(own);
    return rc;
}

static void
must_put_rows(online *store, size_t from, size_t to, size_t size)
{
    larder_call call = support_call(0);
    larder_error err = {0};
    larder_status rc = put_rows(store, &call, from, to, size, 1, NULL, &err);

    ck_assert_msg(rc == LARDER_OK, "put: %s", err.message);
}

static size_t
count_rows(online *store)
{
    online_items items = {0};
    size_t n_rows;

    online_dump(store, 5000, &items);
    n_rows = items.n_items;
    online_items_free(&items);
    return n_rows;
}

/* ---------------------------------------------------------------- children */

/* In a child: what went wrong, to the parent's standard error. */
#define CHILD_NEEDS(condition)                                                 \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition);     \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

static pid_t
start_child(void (*body)(void))
{
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    return child;
}

static void
child_must_succeed(pid_t child)
{
    int status = 0;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
        "the child ended with %x", (unsigned)status);
}

static void
kill_child(pid_t child)
{
    int status = 0;

    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
}

/* A child says that it is where it should be, and stays there. */
static int signal_pipe[2];

static void
say_and_stay(void)
{
    (void)!write(signal_pipe[1], "x", 1);
    for (;;)
        pause();
}

static void
wait_for_child(void)
{
    char byte;

    ck_assert_int_eq(read(signal_pipe[0], &byte, 1), 1);
}

static pid_t
start_stuck_child(void (*body)(void))
{
    pid_t child;

    ck_assert_int_eq(pipe(signal_pipe), 0);
    child = start_child(body);
    wait_for_child();
    return child;
}

static void
close_pipe(void)
{
    close(signal_pipe[0]);
    close(signal_pipe[1]);
}

/* ----------------------------------------------------------- one a process */

START_TEST(a_second_open_in_one_process_is_refused)
{
    online store = open_store(true), second;
    const char *again[] = {"path", NULL, NULL};
    larder_error err = {0};
    char link[600];

    snprintf(link, sizeof link, "%s/link", folder);
    ck_assert_int_eq(symlink(path, link), 0);
    again[1] = link;
    ck_assert_int_eq(try_open(false, &err), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "already open in this process"));
    ck_assert_int_eq(
        online_open(&second, "lmdb", again, false, &err), LARDER_BUSY);
    online_close(&store);
    ck_assert_int_eq(try_open(false, &err), LARDER_OK);
}
END_TEST

static online inherited;

static void
use_inherited(void)
{
    larder_error err = {0};
    larder_call call = support_call(0);
    online_items items = {0};
    larder_table_id table = online_table(1);
    larder_want want = {online_key("k0000001!"), &table, 1};
    online own;

    CHILD_NEEDS(
        online_get(&inherited, &want, 1, &items, &err) == LARDER_INVALID);
    CHILD_NEEDS(strstr(err.message, "fork") != NULL);
    CHILD_NEEDS(
        put_rows(&inherited, &call, 0, 1, 30, 9, NULL, &err) == LARDER_INVALID);
    CHILD_NEEDS(
        inherited.ops->destroy(inherited.self, &call, &err) == LARDER_INVALID);
    online_close(&inherited);
    CHILD_NEEDS(online_open(&own, "lmdb", options, false, &err) == LARDER_OK);
    CHILD_NEEDS(online_get(&own, &want, 1, &items, &err) == LARDER_OK);
    CHILD_NEEDS(items.n_items == 1);
    online_items_free(&items);
    online_close(&own);
}

START_TEST(a_forked_child_must_open_its_own_and_harms_nothing)
{
    online_items items = {0};

    inherited = open_store(true);
    must_put_rows(&inherited, 0, 10, 30);
    ck_assert_ptr_nonnull(online_find(&inherited, "k0000001!", 1, &items));
    child_must_succeed(start_child(use_inherited));
    ck_assert_ptr_nonnull(online_find(&inherited, "k0000002!", 1, &items));
    must_put_rows(&inherited, 10, 20, 30);
    ck_assert_uint_eq(count_rows(&inherited), 20);
    online_items_free(&items);
    online_close(&inherited);
}
END_TEST

static void
write_ten(void)
{
    larder_call call = support_call(0);
    online store;

    CHILD_NEEDS(online_open(&store, "lmdb", options, false, NULL) == LARDER_OK);
    for (size_t i = 0; i < 10; i++)
        CHILD_NEEDS(put_rows(&store, &call, i * 100, i * 100 + 100, 50, 2, NULL,
                        NULL) == LARDER_OK);
    online_close(&store);
}

START_TEST(what_another_process_writes_is_read_here)
{
    online store = open_store(true);

    must_put_rows(&store, 0, 10, 30);
    ck_assert_uint_eq(count_rows(&store), 10);
    child_must_succeed(start_child(write_ten));
    ck_assert_uint_eq(count_rows(&store), 1000);
    online_close(&store);
}
END_TEST

static void
make_and_write(void)
{
    larder_call call = support_call(0);
    larder_error err = {0};
    online store;
    larder_status rc = online_open(&store, "lmdb", options, true, &err);
    size_t at = (size_t)getpid() * 10;

    if (rc != LARDER_OK)
        fprintf(stderr, "child: %s\n", err.message);
    CHILD_NEEDS(rc == LARDER_OK);
    CHILD_NEEDS(
        put_rows(&store, &call, at, at + 10, 30, 1, NULL, NULL) == LARDER_OK);
    online_close(&store);
}

START_TEST(processes_that_make_it_at_once_share_it)
{
    pid_t children[6];
    online store;
    struct stat what;

    for (size_t i = 0; i < 6; i++)
        children[i] = start_child(make_and_write);
    for (size_t i = 0; i < 6; i++)
        child_must_succeed(children[i]);
    store = open_store(false);
    ck_assert_uint_eq(count_rows(&store), 60);
    online_close(&store);
    snprintf(data, sizeof data, "%s.new", path);
    ck_assert_int_ne(stat(data, &what), 0);
}
END_TEST

/* --------------------------------------------------------------- the killed */

typedef struct staying {
    larder_each each;
} staying;

static larder_status
stay_in_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    (void)self, (void)key, (void)table, (void)row, (void)err;
    say_and_stay();
    return LARDER_OK;
}

static void
hold_snapshot(void)
{
    staying each = {{stay_in_row}};
    larder_call call = support_call(0);
    online store;
    bool more;

    CHILD_NEEDS(online_open(&store, "lmdb", small, false, NULL) == LARDER_OK);
    (void)!store.ops->scan(
        store.self, &call, NULL, NULL, 10, &each.each, &more, NULL);
}

START_TEST(a_killed_reader_does_not_fill_the_map)
{
    online store = online_must_open("lmdb", small, true);
    larder_call call = support_call(0);
    larder_error err = {0};

    must_put_rows(&store, 0, 100, 1000);
    kill_child(start_stuck_child(hold_snapshot));
    close_pipe();
    for (uint64_t event = 2; event < 100; event++) {
        larder_status rc =
            put_rows(&store, &call, 0, 100, 1000, event, NULL, &err);

        ck_assert_msg(rc == LARDER_OK, "put: %s", err.message);
    }
    online_close(&store);
}
END_TEST

START_TEST(a_living_reader_may_fill_it_and_the_message_says_max_size)
{
    online store = online_must_open("lmdb", small, true);
    larder_call call = support_call(0);
    larder_error err = {0};
    larder_status rc = LARDER_OK;
    pid_t child;

    must_put_rows(&store, 0, 100, 1000);
    child = start_stuck_child(hold_snapshot);
    for (uint64_t event = 2; event < 100 && rc == LARDER_OK; event++)
        rc = put_rows(&store, &call, 0, 100, 1000, event, NULL, &err);
    ck_assert_int_eq(rc, LARDER_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "max_size"));
    kill_child(child);
    close_pipe();
    rc = put_rows(&store, &call, 0, 100, 1000, 100, NULL, &err);
    ck_assert_msg(rc == LARDER_OK, "put: %s", err.message);
    online_close(&store);
}
END_TEST

/* A clock that stops in the middle of a put: it is asked every few rows. */
static int n_asked;
static int64_t
stay_at_third(void)
{
    if (++n_asked == 3)
        say_and_stay();
    return 0;
}

static void
stop_in_put(void)
{
    larder_call call = {.monotonic = stay_at_third, .deadline = 1};
    online store;

    CHILD_NEEDS(online_open(&store, "lmdb", options, false, NULL) == LARDER_OK);
    n_asked = 0;
    (void)!put_rows(&store, &call, 0, 5000, 30, 7, NULL, NULL);
}

static int64_t
real_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

START_TEST(a_writer_in_the_way_is_waited_for_until_the_deadline)
{
    online store = open_store(true);
    larder_call call = {.monotonic = real_clock};
    larder_error err = {0};
    online_items items = {0};
    pid_t child;

    must_put_rows(&store, 0, 10, 30);
    child = start_stuck_child(stop_in_put);
    call.deadline = real_clock() + 20000;
    ck_assert_int_eq(
        put_rows(&store, &call, 0, 10, 30, 2, NULL, &err), LARDER_DEADLINE);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    /* readers are not in its way, nor it in theirs */
    ck_assert_ptr_nonnull(online_find(&store, "k0000001!", 1, &items));
    kill_child(child);
    close_pipe();
    must_put_rows(&store, 10, 20, 30);
    ck_assert_uint_eq(count_rows(&store), 20);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

/* Version after version of the same rows; each that is durable is told. */
static void
write_on(void)
{
    larder_call call = support_call(0);
    online store;

    CHILD_NEEDS(online_open(&store, "lmdb", options, true, NULL) == LARDER_OK);
    for (unsigned event = 1;; event++) {
        CHILD_NEEDS(put_rows(&store, &call, 0, 200, 60, event, NULL, NULL) ==
                    LARDER_OK);
        CHILD_NEEDS(write(signal_pipe[1], &event, sizeof event) ==
                    (ssize_t)sizeof event);
    }
}

START_TEST(a_put_that_was_killed_is_whole_or_absent)
{
    uint64_t seed = 77;

    for (int round = 0; round < 15; round++) {
        struct timespec nap = {.tv_nsec = (long)support_below(&seed, 12000000)};
        unsigned told = 0, event;
        online_items items = {0};
        larder_call call = support_call(0);
        online store;
        pid_t child;

        ck_assert_int_eq(pipe(signal_pipe), 0);
        child = start_child(write_on);
        nanosleep(&nap, NULL);
        kill_child(child);
        close(signal_pipe[1]);
        while (read(signal_pipe[0], &event, sizeof event) > 0)
            told = event;
        close(signal_pipe[0]);
        store = open_store(true);
        online_dump(&store, 5000, &items);
        ck_assert_uint_eq(items.n_items, items.n_items == 0 ? 0 : 200);
        if (told > 0)
            ck_assert_uint_gt(items.n_items, 0);
        for (size_t i = 0; i < items.n_items; i++)
            ck_assert_mem_eq(items.items[i].row, items.items[0].row, 60);
        if (items.n_items > 0)
            ck_assert_uint_ge((unsigned)items.items[0].row[7] |
                                  (unsigned)items.items[0].row[6] << 8,
                told);
        online_items_free(&items);
        ck_assert_int_eq(
            store.ops->destroy(store.self, &call, NULL), LARDER_OK);
        online_close(&store);
    }
}
END_TEST

static void
make_only(void)
{
    (void)!try_open(true, NULL);
}

START_TEST(a_killed_maker_leaves_nothing_that_is_in_the_way)
{
    uint64_t seed = 5;

    for (int round = 0; round < 40; round++) {
        struct timespec nap = {.tv_nsec = (long)support_below(&seed, 3000000)};
        larder_call call = support_call(0);
        pid_t child = start_child(make_only);
        larder_error err = {0};
        larder_status rc;
        online store;

        nanosleep(&nap, NULL);
        kill_child(child);
        rc = try_open(false, &err);
        ck_assert_msg(rc == LARDER_OK || rc == LARDER_NOT_FOUND, "round %d: %s",
            round, err.message);
        store = open_store(true);
        must_put_rows(&store, 0, 1, 30);
        store.ops->destroy(store.self, &call, NULL);
        online_close(&store);
    }
}
END_TEST

/* --------------------------------------------------------------- the map */

START_TEST(the_map_grows_until_everything_fits)
{
    online store = open_store(true);
    uint64_t digest;

    for (size_t i = 0; i < 4; i++)
        must_put_rows(&store, i * 2000, i * 2000 + 2000, 3000);
    must_put_rows(&store, 8000, 13000, 3000); /* twice at once */
    ck_assert_uint_eq(count_rows(&store), 13000);
    digest = online_digest(&store);
    online_close(&store);
    store = open_store(false);
    ck_assert_uint_eq(online_digest(&store), digest);
    must_put_rows(&store, 13000, 14000, 3000);
    online_close(&store);
}
END_TEST

static void
write_much(void)
{
    larder_call call = support_call(0);
    online store;

    CHILD_NEEDS(online_open(&store, "lmdb", options, false, NULL) == LARDER_OK);
    CHILD_NEEDS(
        put_rows(&store, &call, 0, 8000, 3000, 2, NULL, NULL) == LARDER_OK);
    online_close(&store);
}

START_TEST(a_map_that_another_process_made_greater_is_followed)
{
    online store = open_store(true), writer;
    online_items items = {0};

    must_put_rows(&store, 0, 10, 30);
    child_must_succeed(start_child(write_much));
    ck_assert_ptr_nonnull(online_find(&store, "k0007999!", 1, &items));
    ck_assert_uint_eq(items.items[0].n_row, 3000);
    online_items_free(&items);
    online_close(&store);

    support_remove(path); /* and by one that writes next */
    writer = open_store(true);
    child_must_succeed(start_child(write_much));
    must_put_rows(&writer, 8000, 8010, 30);
    ck_assert_uint_eq(count_rows(&writer), 8010);
    online_close(&writer);
}
END_TEST

START_TEST(a_full_store_refuses_the_whole_put_and_keeps_the_rest)
{
    online store = online_must_open("lmdb", small, true);
    larder_call call = support_call(0);
    larder_error err = {0};
    larder_outcome outcomes[2000];
    uint64_t digest;

    must_put_rows(&store, 0, 200, 1000);
    digest = online_digest(&store);
    memset(outcomes, 0x55, sizeof outcomes);
    ck_assert_int_eq(
        put_rows(&store, &call, 100, 2100, 1000, 2, outcomes, &err),
        LARDER_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "max_size is 1048576"));
    ck_assert_int_eq((int)outcomes[0], 0x55555555); /* untouched */
    ck_assert_uint_eq(online_digest(&store), digest);
    must_put_rows(&store, 200, 210, 1000);
    online_close(&store);
    store = open_store(false); /* with room */
    must_put_rows(&store, 100, 2100, 1000);
    ck_assert_uint_eq(count_rows(&store), 2100);
    online_close(&store);
}
END_TEST

typedef struct nested {
    larder_found found;
    online *store;
    larder_status rc;
    larder_error err;
} nested;

static larder_status
read_inside(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    nested *to = (nested *)self;
    online_items items = {0};
    larder_table_id id = online_table(1);
    larder_want again = {online_key("k0000000!"), &id, 1};

    (void)want, (void)table, (void)row, (void)err;
    to->rc = online_get(to->store, &again, 1, &items, &to->err);
    online_items_free(&items);
    return LARDER_OK;
}

START_TEST(too_many_readers_are_told_of_max_readers)
{
    const char *few[] = {"path", path, "max_readers", "1", NULL};
    online store = online_must_open("lmdb", few, true);
    larder_call call = support_call(0);
    larder_table_id table = online_table(1);
    larder_want want = {online_key("k0000000!"), &table, 1};
    nested to = {.found = {read_inside}, .store = &store};

    must_put_rows(&store, 0, 1, 30);
    ck_assert_int_eq(
        store.ops->get(store.self, &call, &want, 1, &to.found, NULL),
        LARDER_OK);
    ck_assert_int_eq(to.rc, LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(to.err.hint, "max_readers"));
    online_close(&store);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    const char *const wrong[][3] = {{"max_size", "1000", "max_size"},
        {"max_readers", "0", "max_readers"},
        {"max_readers", "100000", "max_readers"}};

    for (size_t i = 0; i < 3; i++) {
        const char *list[] = {"path", path, wrong[i][0], wrong[i][1], NULL};
        larder_error err = {0};
        online store;

        ck_assert_int_eq(
            online_open(&store, "lmdb", list, true, &err), LARDER_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, wrong[i][2]));
    }
}
END_TEST

/* ------------------------------------------------------------ damaged files */

START_TEST(a_file_cut_short_anywhere_is_corrupt)
{
    online store = open_store(true);
    struct stat what;
    off_t used;

    must_put_rows(&store, 0, 3000, 200);
    online_close(&store);
    ck_assert_int_eq(stat(data, &what), 0);
    used = what.st_blocks * 512 / 4096 * 4096;
    ck_assert_int_gt(used, 500000);
    ck_assert_int_eq(truncate(data, used + 65536), 0); /* only holes gone */
    ck_assert_int_eq(try_open(false, NULL), LARDER_OK);
    for (off_t size = used - 65536; size >= 0; size -= 16384 + 517) {
        larder_error err = {0};

        ck_assert_int_eq(truncate(data, size), 0);
        ck_assert_int_eq(try_open(false, &err), LARDER_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.message, data));
        ck_assert_int_eq(try_open(true, NULL), LARDER_CORRUPT);
    }
    ck_assert_int_eq(truncate(data, 0), 0);
    ck_assert_int_eq(try_open(true, NULL), LARDER_CORRUPT);
}
END_TEST

START_TEST(garbage_is_corrupt)
{
    larder_error err = {0};
    char zeros[20000] = {0};
    FILE *file;

    support_write(
        folder, "online/data.mdb", "this is not an LMDB file, is it?");
    ck_assert_int_eq(try_open(false, &err), LARDER_CORRUPT);
    memset(zeros, 'x', sizeof zeros - 1);
    support_write(folder, "online/data.mdb", zeros);
    ck_assert_int_eq(try_open(false, &err), LARDER_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "not an LMDB file"));
    memset(zeros, 0, sizeof zeros);
    file = fopen(data, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
    fclose(file);
    ck_assert_int_eq(try_open(true, &err), LARDER_CORRUPT);
}
END_TEST

START_TEST(pages_of_noughts_are_corrupt)
{
    static const char noughts[65536];
    larder_error err = {0};
    online store = open_store(true);
    int file;

    must_put_rows(&store, 0, 3000, 200);
    online_close(&store);
    file = open(data, O_RDWR);
    ck_assert_int_ge(file, 0);
    for (off_t at = 8192; at < (8 << 20) - 65536; at += 65536)
        ck_assert_int_eq(
            pwrite(file, noughts, sizeof noughts, at), sizeof noughts);
    close(file);
    ck_assert_int_eq(try_open(false, &err), LARDER_CORRUPT);
}
END_TEST

START_TEST(a_damaged_head_is_corrupt)
{
    /* magic, version, page size, root, last page; both heads */
    static const off_t places[] = {16, 20, 40, 131, 143};
    static char head[8192];
    larder_error err = {0};
    online store = open_store(true);
    int file;

    must_put_rows(&store, 0, 3000, 200);
    online_close(&store);
    file = open(data, O_RDWR);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pread(file, head, sizeof head, 0), sizeof head);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        ck_assert_int_eq(pwrite(file, "\x77", 1, places[i]), 1);
        ck_assert_int_eq(pwrite(file, "\x77", 1, 4096 + places[i]), 1);
        ck_assert_int_eq(try_open(false, &err), LARDER_CORRUPT);
        ck_assert_int_eq(
            pwrite(file, head, sizeof head, 0), (ssize_t)sizeof head);
    }
    close(file);
    ck_assert_int_eq(try_open(false, &err), LARDER_OK);
}
END_TEST

/* ------------------------------------------------------------ other folders */

/* An LMDB environment with one record. */
static void
make_environment(const char *name, const char *value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char key_text[32], value_text[32];
    MDB_val key = {strlen(name), key_text}, text = {strlen(value), value_text};

    snprintf(key_text, sizeof key_text, "%s", name);
    snprintf(value_text, sizeof value_text, "%s", value);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_open(env, path, 0, 0666), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    ck_assert_int_eq(mdb_put(txn, dbi, &key, &text, 0), 0);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

START_TEST(an_environment_of_somebody_else_is_refused)
{
    larder_error err = {0};

    make_environment("their", "record");
    ck_assert_int_eq(try_open(true, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "not one of Larder's"));
}
END_TEST

START_TEST(a_newer_format_is_refused_by_both_numbers)
{
    larder_error err = {0};

    make_environment("\001larder", "2");
    ck_assert_int_eq(try_open(false, &err), LARDER_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "format 2"));
    ck_assert_ptr_nonnull(strstr(err.message, "format 1"));
}
END_TEST

START_TEST(a_place_that_is_taken_is_left_alone)
{
    larder_error err = {0};
    char *text, name[700];

    support_write(folder, "online", "a file");
    ck_assert_int_eq(try_open(false, &err), LARDER_INVALID);
    ck_assert_int_eq(try_open(true, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "is a file"));
    ck_assert_int_eq(unlink(path), 0);
    support_write(folder, "online/notes.txt", "mine");
    ck_assert_int_eq(try_open(false, &err), LARDER_NOT_FOUND);
    ck_assert_int_eq(try_open(true, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "other files"));
    snprintf(name, sizeof name, "%s/notes.txt", path);
    text = support_read(name);
    ck_assert_str_eq(text, "mine");
    free(text);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(try_open(true, &err), LARDER_OK); /* an empty folder */
}
END_TEST

START_TEST(rests_of_a_killed_maker_or_remover_are_cleared)
{
    char built[600];
    larder_error err = {0};
    struct stat what;

    snprintf(built, sizeof built, "%s.new", path);
    support_write(folder, "online.new/data.mdb", "half of it");
    support_write(folder, "online/lock.mdb", "rests");
    support_write(folder, "online/larder.lock", "rests");
    ck_assert_int_eq(try_open(false, &err), LARDER_NOT_FOUND);
    ck_assert_int_eq(try_open(true, &err), LARDER_OK);
    ck_assert_int_ne(stat(built, &what), 0);
}
END_TEST

START_TEST(another_pid_namespace_is_refused)
{
    online store = open_store(true);
    larder_error err = {0};
    char name[700];
    int file;

    online_close(&store);
    snprintf(name, sizeof name, "%s/larder.lock", path);
    file = open(name, O_RDWR);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(flock(file, LOCK_SH), 0); /* as a user elsewhere */
    ck_assert_int_eq(ftruncate(file, 0), 0);
    ck_assert_int_eq(pwrite(file, "4711\n", 5, 0), 5);
    ck_assert_int_eq(try_open(false, &err), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "another container"));
    close(file); /* it is gone: we may come in */
    ck_assert_int_eq(try_open(false, &err), LARDER_OK);
}
END_TEST

START_TEST(what_others_use_is_not_destroyed)
{
    online store = online_must_open("lmdb", small, true);
    larder_call call = support_call(0);
    larder_error err = {0};
    online_items items = {0};
    struct stat what;
    pid_t child;

    must_put_rows(&store, 0, 10, 30);
    child = start_stuck_child(hold_snapshot);
    ck_assert_int_eq(store.ops->destroy(store.self, &call, &err), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "another process"));
    ck_assert_ptr_nonnull(online_find(&store, "k0000001!", 1, &items));
    kill_child(child);
    close_pipe();
    support_write(folder, "online/notes.txt", "mine");
    ck_assert_int_eq(store.ops->destroy(store.self, &call, &err), LARDER_OK);
    ck_assert_int_ne(stat(data, &what), 0);
    ck_assert_int_eq(stat(path, &what), 0); /* not ours alone */
    ck_assert_int_eq(
        put_rows(&store, &call, 0, 1, 30, 1, NULL, &err), LARDER_NOT_FOUND);
    online_items_free(&items);
    online_close(&store);
}
END_TEST

/* ------------------------------------------------------ the operating system
 */

START_TEST(a_file_size_limit_is_named_and_nothing_is_half_written)
{
    struct rlimit before, limit;
    larder_call call = support_call(0);
    larder_error err = {0};
    online store = open_store(true);

    must_put_rows(&store, 0, 10, 30);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 2u << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(
        put_rows(&store, &call, 5, 4000, 1000, 2, NULL, &err), LARDER_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "ulimit -f"));
    must_put_rows(&store, 20, 30, 30); /* what fits still goes */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    online_close(&store);
    store = open_store(false);
    ck_assert_uint_eq(count_rows(&store), 20);
    online_close(&store);
}
END_TEST

START_TEST(a_read_only_folder_is_told)
{
    online store = open_store(true);
    bool root = geteuid() == 0; /* who may write anywhere */
    larder_error err = {0};
    char name[700];

    must_put_rows(&store, 0, 10, 30);
    online_close(&store);
    ck_assert_int_eq(chmod(data, 0444), 0);
    snprintf(name, sizeof name, "%s/larder.lock", path);
    ck_assert_int_eq(chmod(name, 0444), 0);
    ck_assert_int_eq(chmod(path, 0555), 0);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    ck_assert(!root || seteuid(65534) == 0);
    ck_assert_int_eq(try_open(false, &err), LARDER_IO);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_ptr_nonnull(strstr(err.message, "may not be written"));
    ck_assert_ptr_nonnull(strstr(err.hint, "lock.mdb"));
    snprintf(path, sizeof path, "%s/elsewhere", folder);
    ck_assert_int_eq(try_open(true, &err), LARDER_IO);
    snprintf(path, sizeof path, "%s/else/where", folder);
    ck_assert_int_eq(try_open(true, &err), LARDER_IO);
    ck_assert(!root || seteuid(0) == 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/online", folder);
    ck_assert_int_eq(chmod(path, 0755), 0);
}
END_TEST

START_TEST(every_failure_has_a_status_and_words_that_name_the_store)
{
    static const struct {
        int code;
        larder_status status;
        const char *words;
    } cases[] = {{MDB_TXN_FULL, LARDER_LIMIT, "too many rows"},
        {MDB_BAD_VALSIZE, LARDER_LIMIT, "too long"},
        {MDB_READERS_FULL, LARDER_BUSY, "reader slots"},
        {MDB_CORRUPTED, LARDER_CORRUPT, "is damaged"},
        {MDB_PAGE_NOTFOUND, LARDER_CORRUPT, "is damaged"},
        {MDB_PANIC, LARDER_IO, "failed before"},
        {MDB_BAD_DBI, LARDER_IO, "MDB_BAD_DBI"},
        {ENOMEM, LARDER_NOMEM, "out of memory"},
        {ENOSPC, LARDER_IO, "no space is left"},
        {EFBIG, LARDER_IO, "ulimit -f"}, {EIO, LARDER_IO, "nput/output"},
        {EROFS, LARDER_IO, "may not be written"},
        {EMFILE, LARDER_IO, "Too many open files"}};
    ldr_lmdb lmdb = {.path = path};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        larder_error err = {0};

        ck_assert_int_eq(ldr_lmdb_fail(&lmdb, cases[i].code, "write", &err),
            cases[i].status);
        ck_assert_int_eq(err.status, cases[i].status);
        ck_assert_msg(
            strstr(err.message, cases[i].words) != NULL, "%s", err.message);
        ck_assert(cases[i].code == ENOMEM || strstr(err.message, path) != NULL);
    }
}
END_TEST

/* ------------------------------------------------------------ nobody waits */

static int64_t
late_at_third(void)
{
    return ++n_asked >= 3 ? 10 : 0;
}

START_TEST(a_deadline_inside_a_put_or_a_sweep_undoes_it)
{
    online store = open_store(true);
    larder_call call = {.monotonic = late_at_third, .deadline = 5};
    larder_error err = {0};
    unsigned char cursor[LARDER_KEY_MAX];
    size_t n_cursor = 0;
    uint64_t removed = 7;

    n_asked = 0;
    ck_assert_int_eq(
        put_rows(&store, &call, 0, 5000, 30, 1, NULL, &err), LARDER_DEADLINE);
    ck_assert_uint_eq(count_rows(&store), 0);
    must_put_rows(&store, 0, 5000, 30);
    n_asked = 0;
    ck_assert_int_eq(store.ops->sweep(store.self, &call, online_table(1), 9999,
                         cursor, &n_cursor, &removed, &err),
        LARDER_DEADLINE);
    ck_assert_uint_eq(removed, 7);
    ck_assert_uint_eq(count_rows(&store), 5000);
    online_close(&store);
}
END_TEST

static larder_status
write_inside(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    nested *to = (nested *)self;
    larder_call call = {.monotonic = real_clock};

    (void)want, (void)table, (void)row, (void)err;
    call.deadline = real_clock() + 20000;
    to->rc = put_rows(to->store, &call, 0, 8000, 3000, 2, NULL, &to->err);
    return LARDER_OK;
}

START_TEST(a_map_that_may_not_move_is_waited_for_until_the_deadline)
{
    online store = open_store(true);
    larder_call call = support_call(0);
    larder_table_id table = online_table(1);
    larder_want want = {online_key("k0000000!"), &table, 1};
    nested to = {.found = {write_inside}, .store = &store};

    must_put_rows(&store, 0, 1, 30);
    ck_assert_int_eq(
        store.ops->get(store.self, &call, &want, 1, &to.found, NULL),
        LARDER_OK);
    ck_assert_int_eq(to.rc, LARDER_DEADLINE);
    ck_assert_uint_eq(count_rows(&store), 1);
    must_put_rows(&store, 0, 8000, 3000); /* and then it moves */
    online_close(&store);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("lmdb");
    TCase *tests = tcase_create("lmdb");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_second_open_in_one_process_is_refused);
    tcase_add_test(tests, a_forked_child_must_open_its_own_and_harms_nothing);
    tcase_add_test(tests, what_another_process_writes_is_read_here);
    tcase_add_test(tests, processes_that_make_it_at_once_share_it);
    tcase_add_test(tests, a_killed_reader_does_not_fill_the_map);
    tcase_add_test(
        tests, a_living_reader_may_fill_it_and_the_message_says_max_size);
    tcase_add_test(tests, a_writer_in_the_way_is_waited_for_until_the_deadline);
    tcase_add_test(tests, a_put_that_was_killed_is_whole_or_absent);
    tcase_add_test(tests, a_killed_maker_leaves_nothing_that_is_in_the_way);
    tcase_add_test(tests, the_map_grows_until_everything_fits);
    tcase_add_test(tests, a_map_that_another_process_made_greater_is_followed);
    tcase_add_test(
        tests, a_full_store_refuses_the_whole_put_and_keeps_the_rest);
    tcase_add_test(tests, too_many_readers_are_told_of_max_readers);
    tcase_add_test(tests, options_out_of_range_are_refused);
    tcase_add_test(tests, a_file_cut_short_anywhere_is_corrupt);
    tcase_add_test(tests, garbage_is_corrupt);
    tcase_add_test(tests, pages_of_noughts_are_corrupt);
    tcase_add_test(tests, a_damaged_head_is_corrupt);
    tcase_add_test(tests, an_environment_of_somebody_else_is_refused);
    tcase_add_test(tests, a_newer_format_is_refused_by_both_numbers);
    tcase_add_test(tests, a_place_that_is_taken_is_left_alone);
    tcase_add_test(tests, rests_of_a_killed_maker_or_remover_are_cleared);
    tcase_add_test(tests, another_pid_namespace_is_refused);
    tcase_add_test(tests, what_others_use_is_not_destroyed);
    tcase_add_test(
        tests, a_file_size_limit_is_named_and_nothing_is_half_written);
    tcase_add_test(tests, a_read_only_folder_is_told);
    tcase_add_test(
        tests, every_failure_has_a_status_and_words_that_name_the_store);
    tcase_add_test(tests, a_deadline_inside_a_put_or_a_sweep_undoes_it);
    tcase_add_test(
        tests, a_map_that_may_not_move_is_waited_for_until_the_deadline);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
