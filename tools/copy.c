/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.c - folders of examples: where they are, and copies of them.
 */
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"

#define PATH_ROOM 4096
#define DEPTH_MAX 8

static larder_status
fail(const char *what, const char *path, int code, larder_error *err)
{
    return larder_fail(
        err, LARDER_IO, "'%s' cannot be %s: %s", path, what, strerror(code));
}

static larder_status
too_long(larder_error *err)
{
    return larder_fail(err, LARDER_LIMIT, "a path is over %d bytes", PATH_ROOM);
}

larder_status
copy_make_folder(const char *folder, larder_error *err)
{
    char path[PATH_ROOM];
    size_t size = strlen(folder);
    struct stat facts;

    if (size >= sizeof path)
        return too_long(err);
    memcpy(path, folder, size + 1);
    for (size_t i = 1; i <= size; i++) {
        char kept = path[i];

        if (kept != '/' && kept != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, 0777) != 0 &&
            (errno != EEXIST || stat(path, &facts) != 0 ||
                !S_ISDIR(facts.st_mode)))
            return fail("made", path, errno, err);
        path[i] = kept;
    }
    return LARDER_OK;
}

static larder_status
copy_file(const char *from, const char *to, larder_error *err)
{
    char chunk[16384];
    FILE *in = fopen(from, "r"), *out;
    size_t n;
    bool failed;

    if (in == NULL)
        return fail("read", from, errno, err);
    out = fopen(to, "wx");
    if (out == NULL) {
        int code = errno;

        fclose(in);
        return fail("made", to, code, err);
    }
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        fwrite(chunk, 1, n, out);
    failed = ferror(in) != 0 || ferror(out) != 0;
    fclose(in);
    if (fclose(out) != 0 || failed)
        return fail("written", to, errno == 0 ? EIO : errno, err);
    return LARDER_OK;
}

/* Stores that somebody made while trying the example. */
static bool
is_left_over(const char *name, bool folder)
{
    const char *dot = strstr(name, ".db");

    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           (folder && strcmp(name, "online") == 0) ||
           (!folder && dot != NULL && (dot[3] == '\0' || dot[3] == '-'));
}

static larder_status copy_below(
    const char *from, const char *to, unsigned depth, larder_error *err);

static larder_status
copy_entry(const char *from, const char *to, const char *name, unsigned depth,
    larder_error *err)
{
    char in[PATH_ROOM], out[PATH_ROOM];
    struct stat facts;

    if (snprintf(in, sizeof in, "%s/%s", from, name) >= (int)sizeof in ||
        snprintf(out, sizeof out, "%s/%s", to, name) >= (int)sizeof out)
        return too_long(err);
    if (lstat(in, &facts) != 0)
        return fail("read", in, errno, err);
    if (is_left_over(name, S_ISDIR(facts.st_mode)))
        return LARDER_OK;
    if (S_ISDIR(facts.st_mode))
        return copy_below(in, out, depth + 1, err);
    return S_ISREG(facts.st_mode) ? copy_file(in, out, err) : LARDER_OK;
}

static larder_status
copy_below(const char *from, const char *to, unsigned depth, larder_error *err)
{
    DIR *folder;
    const struct dirent *entry;
    larder_status rc;

    if (depth > DEPTH_MAX)
        return larder_fail(err, LARDER_LIMIT,
            "folder '%s' is more than %d deep", from, DEPTH_MAX);
    rc = copy_make_folder(to, err);
    if (rc != LARDER_OK)
        return rc;
    folder = opendir(from);
    if (folder == NULL)
        return fail("read", from, errno, err);
    while (rc == LARDER_OK && (entry = readdir(folder)) != NULL)
        rc = copy_entry(from, to, entry->d_name, depth, err);
    closedir(folder);
    return rc;
}

larder_status
copy_folder(const char *from, const char *to, larder_error *err)
{
    return copy_below(from, to, 0, err);
}

/* ------------------------------------------------------- where examples are */

static bool
is_example(const char *folder)
{
    char path[PATH_ROOM];
    struct stat facts;

    return snprintf(path, sizeof path, "%s/feature_store.yaml", folder) <
               (int)sizeof path &&
           stat(path, &facts) == 0;
}

/* FOLDER/NAME, if an example is there. */
static const char *
example_in(ldr_arena *arena, const char *folder, const char *name)
{
    char path[PATH_ROOM];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >=
            (int)sizeof path ||
        !is_example(path))
        return NULL;
    return ldr_arena_copy(arena, path);
}

/* A program in a build folder has the source tree around it. */
static const char *
example_around(ldr_arena *arena, const char *name)
{
    static const char *const folders[] = {"examples", "."};
    char here[PATH_ROOM / 2], near[PATH_ROOM];
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    const char *found;

    if (n <= 0)
        return NULL;
    here[n] = '\0';
    for (int up = 0; up < 5; up++) {
        char *slash = strrchr(here, '/');

        if (slash == NULL || slash == here)
            break;
        *slash = '\0';
        /* No folder is taken for a source tree that has no such source. */
        snprintf(near, sizeof near, "%s/src/larder.h", here);
        if (access(near, R_OK) != 0)
            continue;
        for (size_t i = 0; i < 2; i++) {
            snprintf(near, sizeof near, "%s/%s", here, folders[i]);
            found = example_in(arena, near, name);
            if (found != NULL)
                return found;
        }
    }
    return NULL;
}

larder_status
copy_find_example(
    ldr_arena *arena, const char *name, const char **out, larder_error *err)
{
    const char *set = getenv("LARDER_EXAMPLES");
    const char *found = NULL;

    if (!ldr_name_legal(name))
        return larder_fail(
            err, LARDER_INVALID, "'%s' is no name of an example", name);
    if (set != NULL)
        found = example_in(arena, set, name);
    if (found == NULL)
        found = example_in(arena, LARDER_EXAMPLES, name);
    if (found == NULL)
        found = example_around(arena, name);
    if (found == NULL) {
        larder_fail(err, LARDER_NOT_FOUND, "there is no example '%s'", name);
        larder_hint(err,
            "examples are flights and feature_repo; they are "
            "looked for in %s",
            set != NULL ? set : LARDER_EXAMPLES);
        return LARDER_NOT_FOUND;
    }
    *out = found;
    return LARDER_OK;
}
