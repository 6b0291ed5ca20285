/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_find.c - the files of cases: all below the repository's folder, or
 * those below what is named.
 *
 * What .larderignore names is passed over, as definitions are; so are names
 * that begin with a dot. A file that is named is read whatever it is called.
 */
#define _XOPEN_SOURCE                                                          \
    700 /* realpath; a superset of what the build asks for                     \
         */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ignore.h"
#include "cases.h"

#define ENTRIES_MAX 100000u
#define FILES_MAX 10000u
#define LEVELS_MAX 32u
#define IGNORE_BYTES_MAX 65536u

struct walk {
    const char *root; /* of the repository; absolute */
    const char *ignore;
    ldr_arena *arena;
    struct case_files *files;
    size_t n_entries;
    larder_error *err;
};

struct names {
    const char **all;
    size_t n, room;
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a list of files");
}

static larder_status
unreadable(const char *path, larder_error *err)
{
    return larder_fail(err, errno == ENOENT ? LARDER_NOT_FOUND : LARDER_IO,
        "'%s' cannot be read: %s", path, strerror(errno));
}

/* The path from the repository's folder; NULL: it is not below. */
static const char *
below(const char *root, const char *path)
{
    size_t size = strlen(root);

    if (strcmp(root, "/") == 0)
        return path + 1;
    if (strncmp(path, root, size) != 0 ||
        (path[size] != '/' && path[size] != '\0'))
        return NULL;
    return path[size] == '/' ? path + size + 1 : "";
}

static larder_status
add_file(struct walk *walk, const char *path)
{
    struct case_files *files = walk->files;
    const char *shown = below(walk->root, path);

    if (files->n == FILES_MAX)
        return larder_fail(
            walk->err, LARDER_LIMIT, "more than 10,000 files of cases");
    if (files->n == files->room) {
        size_t room = files->room == 0 ? 16 : files->room * 2;
        struct case_file *all = ldr_arena_array(walk->arena, room, sizeof *all);

        if (all == NULL)
            return no_memory(walk->err);
        if (files->n > 0)
            memcpy(all, files->all, files->n * sizeof *all);
        files->all = all;
        files->room = room;
    }
    files->all[files->n++] =
        (struct case_file){path, shown == NULL ? path : shown};
    return LARDER_OK;
}

static bool
ends_with(const char *name, const char *end)
{
    size_t n_name = strlen(name), n_end = strlen(end);

    return n_name > n_end && strcmp(name + n_name - n_end, end) == 0;
}

static bool
holds_cases(const char *name)
{
    return ends_with(name, ".test.yaml") || ends_with(name, ".test.yml");
}

static bool
is_ignored(const struct walk *walk, const char *path, bool folder)
{
    const char *inside = below(walk->root, path);

    return inside != NULL && ldr_ignored(walk->ignore, inside, folder);
}

static larder_status
add_name(struct walk *walk, struct names *names, const char *name)
{
    if (++walk->n_entries > ENTRIES_MAX)
        return larder_fail(walk->err, LARDER_LIMIT,
            "more than 100,000 files and folders below '%s'", walk->root);
    if (names->n == names->room) {
        size_t room = names->room == 0 ? 16 : names->room * 2;
        const char **all = ldr_arena_array(walk->arena, room, sizeof *all);

        if (all == NULL)
            return no_memory(walk->err);
        if (names->n > 0)
            memcpy(all, names->all, names->n * sizeof *all);
        names->all = all;
        names->room = room;
    }
    names->all[names->n] = ldr_arena_copy(walk->arena, name);
    return names->all[names->n++] == NULL ? no_memory(walk->err) : LARDER_OK;
}

static larder_status
list_names(struct walk *walk, const char *path, struct names *names)
{
    DIR *folder = opendir(path);
    larder_status rc = LARDER_OK;

    if (folder == NULL)
        return unreadable(path, walk->err);
    while (rc == LARDER_OK) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(folder);
        if (entry == NULL && errno != 0)
            rc = unreadable(path, walk->err);
        if (entry == NULL)
            break;
        if (entry->d_name[0] != '.')
            rc = add_name(walk, names, entry->d_name);
    }
    closedir(folder);
    return rc;
}

/* A link to a folder is not followed: what it leads to is met where it is. */
static larder_status
walk_folder(struct walk *walk, const char *path, unsigned level)
{
    struct names names = {0};
    larder_status rc = LARDER_OK;

    if (level > LEVELS_MAX)
        return larder_fail(walk->err, LARDER_LIMIT,
            "folders lie deeper than 32 levels: '%s'", path);
    LARDER_TRY(list_names(walk, path, &names));
    for (size_t i = 0; i < names.n; i++) {
        const char *inner = ldr_arena_printf(walk->arena, "%s%s%s", path,
            ends_with(path, "/") || strcmp(path, "/") == 0 ? "" : "/",
            names.all[i]);
        struct stat facts;

        if (inner == NULL)
            return no_memory(walk->err);
        if (lstat(inner, &facts) != 0)
            continue; /* gone meanwhile */
        if (is_ignored(walk, inner, S_ISDIR(facts.st_mode)))
            continue;
        if (S_ISDIR(facts.st_mode))
            LARDER_TRY(walk_folder(walk, inner, level + 1));
        else if (holds_cases(names.all[i]))
            LARDER_TRY(add_file(walk, inner));
    }
out:
    return rc;
}

/* An absolute path without links. */
static larder_status
resolve(const char *path, ldr_arena *arena, const char **out, larder_error *err)
{
    char *real = realpath(path, NULL);

    if (real == NULL && errno == ENOENT)
        return larder_fail(
            err, LARDER_NOT_FOUND, "there is no file or folder '%s'", path);
    if (real == NULL)
        return unreadable(path, err);
    *out = ldr_arena_copy(arena, real);
    free(real);
    return *out == NULL ? no_memory(err) : LARDER_OK;
}

static larder_status
take_path(struct walk *walk, const char *path)
{
    const char *real = NULL;
    struct stat facts;
    larder_status rc;

    LARDER_TRY(resolve(path, walk->arena, &real, walk->err));
    if (stat(real, &facts) != 0)
        return unreadable(path, walk->err);
    rc = S_ISDIR(facts.st_mode) ? walk_folder(walk, real, 1)
                                : add_file(walk, real);
out:
    return rc;
}

/* Faults of .larderignore are told where definitions are read. */
static larder_status
read_ignore(struct walk *walk)
{
    const char *path =
        ldr_arena_printf(walk->arena, "%s/.larderignore", walk->root);
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    char *text;
    size_t size;

    if (path == NULL)
        return no_memory(walk->err);
    if (file == NULL)
        return LARDER_OK;
    text = ldr_arena_alloc(walk->arena, IGNORE_BYTES_MAX + 1);
    size = text == NULL ? 0 : fread(text, 1, IGNORE_BYTES_MAX, file);
    fclose(file);
    if (text == NULL)
        return no_memory(walk->err);
    text[size] = '\0';
    walk->ignore = text;
    return LARDER_OK;
}

static int
order_files(const void *a, const void *b)
{
    return strcmp(((const struct case_file *)a)->shown,
        ((const struct case_file *)b)->shown);
}

static void
sort_files(struct case_files *files)
{
    size_t n = 0;

    if (files->n < 2)
        return;
    qsort(files->all, files->n, sizeof *files->all, order_files);
    for (size_t i = 0; i < files->n; i++)
        if (n == 0 || strcmp(files->all[n - 1].path, files->all[i].path) != 0)
            files->all[n++] = files->all[i];
    files->n = n;
}

larder_status
cases_find(const char *folder, const char *const *paths, size_t n_paths,
    ldr_arena *arena, struct case_files *out, larder_error *err)
{
    struct walk walk = {.arena = arena, .files = out, .err = err};
    larder_status rc;

    *out = (struct case_files){0};
    LARDER_TRY(resolve(folder, arena, &walk.root, err));
    LARDER_TRY(read_ignore(&walk));
    if (n_paths == 0)
        LARDER_TRY(walk_folder(&walk, walk.root, 1));
    for (size_t i = 0; i < n_paths; i++)
        LARDER_TRY(take_path(&walk, paths[i]));
    sort_files(out);
out:
    return rc;
}
