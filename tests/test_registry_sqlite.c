/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_registry_sqlite.c - what concerns the registry in SQLite alone: its
 * tables refuse what must not happen, its file may be damaged or shared.
 *
 * What it has in common with every registry is in conformance_registry.c.
 */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "definition/config.h"
#include "larder_backend.h"
#include "support.h"

static char *folder;
static char path[512];
static const larder_registry_ops *ops;
static void *self;

static void
begin(void)
{
    const larder_registry_ops *const *all = larder_registry_backends();

    while (strcmp((*all)->type, "sqlite") != 0)
        all++;
    ops = *all;
    folder = support_folder();
    snprintf(path, sizeof path, "%s/registry.db", folder);
}

static void
end(void)
{
    support_remove(folder);
    free(folder);
}

static larder_status
open_store(bool create, larder_error *err)
{
    ldr_option list[] = {{.name = "path", .value = path}};
    larder_options options = {
        .options = list, .n_options = 1, .section = "registry"};
    larder_call call = support_call(0);
    larder_status rc;

    self = calloc(1, ops->state_bytes);
    if (self == NULL)
        abort();
    rc = ops->open(self, &options, create, &call, err);
    if (rc != LARDER_OK) {
        free(self);
        self = NULL;
    }
    return rc;
}

static void
close_store(void)
{
    ops->close(self);
    free(self);
    self = NULL;
}

static larder_status
append(uint64_t after, larder_error *err)
{
    char text[] = "entities: []\n";
    larder_generation generation = {
        .hash = "00", .text = text, .n_text = strlen(text)};
    larder_call call = support_call(0);

    return ops->append(self, &call, "p", after, &generation, err);
}

/* What a stranger's statement on the file comes to; NULL: it works. */
static const char *
try_sql(const char *sql)
{
    static char words[200];
    sqlite3 *db;
    char *message = NULL;
    int code;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    code = sqlite3_exec(db, sql, NULL, NULL, &message);
    snprintf(words, sizeof words, "%s", message == NULL ? "" : message);
    sqlite3_free(message);
    sqlite3_close(db);
    return code == SQLITE_OK ? NULL : words;
}

START_TEST(a_generation_can_be_neither_changed_nor_removed)
{
    larder_call call = support_call(0);
    larder_generation generation = {0};

    ck_assert_int_eq(open_store(true, NULL), LARDER_OK);
    ck_assert_int_eq(append(0, NULL), LARDER_OK);
    ck_assert_str_eq(try_sql("UPDATE larder_generations SET text='other'"),
        "a generation never changes");
    ck_assert_str_eq(try_sql("DELETE FROM larder_generations"),
        "a generation is never removed");
    ck_assert_ptr_nonnull(try_sql(
        "INSERT INTO larder_generations VALUES('p', 1, 0, '00', 'other')"));
    ck_assert_int_eq(
        ops->load(self, &call, "p", 1, &generation, NULL), LARDER_OK);
    ck_assert_str_eq(generation.text, "entities: []\n");
    free(generation.text);
    ck_assert_int_eq(ops->destroy(self, &call, "p", NULL), LARDER_OK);
    /* nothing is left forgotten: abs() of this is an error */
    ck_assert_ptr_null(try_sql("SELECT abs(-9223372036854775808)"
                               " FROM larder_forgotten"));
    close_store();
}
END_TEST

START_TEST(a_file_without_our_tables_has_no_registry)
{
    larder_error err = {0};

    ck_assert_ptr_null(try_sql("CREATE TABLE history(a)"));
    ck_assert_int_eq(open_store(false, &err), LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_int_eq(open_store(true, &err), LARDER_OK);
    ck_assert_int_eq(append(0, NULL), LARDER_OK);
    close_store();
    ck_assert_int_eq(open_store(false, &err), LARDER_OK);
    close_store();
    ck_assert_ptr_null(try_sql("SELECT a FROM history"));
}
END_TEST

START_TEST(a_damaged_file_is_corrupt)
{
    larder_error err = {0};
    struct stat what;

    support_write(folder, "registry.db",
        "not a database, but long enough to "
        "be asked whether it might be one....."
        ".......................");
    ck_assert_int_eq(open_store(false, &err), LARDER_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(open_store(true, &err), LARDER_OK);
    ck_assert_int_eq(append(0, NULL), LARDER_OK);
    close_store();
    ck_assert_int_eq(stat(path, &what), 0);
    ck_assert_int_eq(truncate(path, what.st_size / 2), 0);
    if (open_store(false, &err) == LARDER_OK) { /* told at the first look */
        larder_call call = support_call(0);
        larder_generation generation = {0};

        ck_assert_int_eq(
            ops->load(self, &call, "p", 0, &generation, &err), LARDER_CORRUPT);
        close_store();
    } else {
        ck_assert_int_eq(err.status, LARDER_CORRUPT);
    }
}
END_TEST

START_TEST(a_killed_append_is_whole_or_absent)
{
    uint64_t seed = 11;
    int pipes[2];

    for (int round = 0; round < 12; round++) {
        struct timespec nap = {.tv_nsec = (long)support_below(&seed, 9000000)};
        larder_call call = support_call(0);
        uint64_t number = 0, told = 0, newest = 0;
        larder_error err = {0};
        pid_t child;

        ck_assert_int_eq(pipe(pipes), 0);
        fflush(NULL);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            if (open_store(true, NULL) != LARDER_OK)
                _exit(1);
            (void)!ops->newest(self, &call, "p", &number, NULL);
            while (append(number, NULL) == LARDER_OK) {
                number++;
                if (write(pipes[1], &number, sizeof number) < 0)
                    _exit(1);
            }
            _exit(1);
        }
        nanosleep(&nap, NULL);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        close(pipes[1]);
        while (read(pipes[0], &number, sizeof number) > 0)
            told = number;
        close(pipes[0]);
        ck_assert_msg(
            open_store(true, &err) == LARDER_OK, "open: %s", err.message);
        ck_assert_int_eq(
            ops->newest(self, &call, "p", &newest, NULL), LARDER_OK);
        ck_assert_uint_ge(newest, told);
        ck_assert_int_eq(append(newest, NULL), LARDER_OK);
        close_store();
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("registry_sqlite");
    TCase *tests = tcase_create("registry_sqlite");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_generation_can_be_neither_changed_nor_removed);
    tcase_add_test(tests, a_file_without_our_tables_has_no_registry);
    tcase_add_test(tests, a_damaged_file_is_corrupt);
    tcase_add_test(tests, a_killed_append_is_whole_or_absent);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
