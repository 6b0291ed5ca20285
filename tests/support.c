/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.c - what tests share.
 */
#define _XOPEN_SOURCE 700 /* nftw; a superset of what the build asks for */
#include "tests/support.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The two paths as one, yours to free(). */
static char *
join_path(const char *folder, const char *name)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    char *path = malloc(room);

    ck_assert_ptr_nonnull(path);
    snprintf(path, room, "%s/%s", folder, name);
    return path;
}

char *
support_folder(void)
{
    const char *parent = getenv("TMPDIR");
    char *path;

    if (parent == NULL || parent[0] == '\0')
        parent = "/tmp";
    path = join_path(parent, "larder-XXXXXX");
    ck_assert_msg(
        mkdtemp(path) != NULL, "mkdtemp %s: %s", path, strerror(errno));
    return path;
}

static int
remove_one(const char *path, const struct stat *what, int kind, struct FTW *at)
{
    (void)what;
    (void)kind;
    (void)at;
    return remove(path);
}

void
support_remove(const char *folder)
{
    int failed = nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    ck_assert_msg(failed == 0, "remove %s: %s", folder, strerror(errno));
}

/* Make each folder that leads to `path`, from its position `begin` on. */
static void
make_parents(char *path, size_t begin)
{
    for (char *at = path + begin; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        ck_assert_msg(mkdir(path, 0777) == 0 || errno == EEXIST, "mkdir %s: %s",
            path, strerror(errno));
        *at = '/';
    }
}

void
support_write(const char *folder, const char *name, const char *text)
{
    char *path = join_path(folder, name);
    FILE *file;

    make_parents(path, strlen(folder) + 1);
    file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "open %s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    ck_assert_int_eq(fclose(file), 0);
    free(path);
}

char *
support_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t room = 4096, size = 0;
    char *text = malloc(room);

    ck_assert_msg(file != NULL, "open %s: %s", path, strerror(errno));
    ck_assert_ptr_nonnull(text);
    for (;;) {
        size += fread(text + size, 1, room - size - 1, file);
        if (size < room - 1)
            break;
        room *= 2;
        text = realloc(text, room);
        ck_assert_ptr_nonnull(text);
    }
    ck_assert_int_eq(ferror(file), 0);
    ck_assert_int_eq(fclose(file), 0);
    text[size] = '\0';
    return text;
}

larder_call
support_call(larder_time now)
{
    return (larder_call){.now = now};
}

uint64_t
support_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

size_t
support_below(uint64_t *state, size_t n)
{
    if (n == 0)
        ck_abort_msg("nothing is below 0");
    return (size_t)(support_random(state) % n);
}

int
support_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
