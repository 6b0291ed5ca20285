/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder.c - the definition files of a repository, and their text.
 *
 * One walk, names sorted. A symlink is followed as long as every step of it
 * stays below the folder; what was met once (by device and number) is not met
 * again, so links that go round in circles end.
 */
#include "definition/folder.h"

#include "base/ignore.h"
#include "larder_backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 100000u
#define FILES_MAX 10000u
#define LEVELS_MAX 32u
#define LINKS_MAX 40u
#define PATH_ROOM 4096
#define IGNORE_BYTES_MAX 65536u

/* An array in an arena that grows. */
struct grown {
    void *items;
    size_t n, room;
};

struct seen {
    dev_t device;
    ino_t number;
};

struct walk {
    const char *root; /* as the user wrote it; "" for "." */
    int fd;
    ldr_arena *arena;
    ldr_faults *faults;
    char *ignore; /* .larderignore; NULL: none */
    struct grown seen, files;
    size_t n_entries;
    bool nomem;
    larder_error *err;
};

static larder_status
no_memory(struct walk *walk)
{
    return larder_fail(
        walk->err, LARDER_NOMEM, "out of memory for the files of a folder");
}

/* Room for one more item of `size` bytes; NULL: no memory. */
static void *
grow(ldr_arena *arena, struct grown *grown, size_t size)
{
    if (grown->n == grown->room) {
        size_t room = grown->room == 0 ? 16 : grown->room * 2;
        void *items = ldr_arena_array(arena, room, size);

        if (items == NULL)
            return NULL;
        if (grown->n > 0)
            memcpy(items, grown->items, grown->n * size);
        grown->items = items;
        grown->room = room;
    }
    return (char *)grown->items + grown->n++ * size;
}

/* folder/name, or the one of them that is not empty. NULL: no memory. */
static char *
join_path(struct walk *walk, const char *folder, const char *name)
{
    size_t size = strlen(folder);
    bool slash = size > 0 && name[0] != '\0' && folder[size - 1] != '/';

    return ldr_arena_printf(
        walk->arena, "%s%s%s", folder, slash ? "/" : "", name);
}

/* ------------------------------------------------------------ .larderignore */

static larder_status
read_ignore(struct walk *walk)
{
    char *path = join_path(walk, walk->root, ".larderignore");
    ldr_place place = {.file = path};
    larder_error error = {0};
    size_t size;
    larder_status rc;

    if (path == NULL)
        return no_memory(walk);
    rc = ldr_file_read(path, IGNORE_BYTES_MAX, &walk->ignore, &size, &error);
    if (rc == LARDER_NOMEM)
        return no_memory(walk);
    if (rc != LARDER_OK && rc != LARDER_NOT_FOUND)
        ldr_fault(walk->faults, &place, NULL, "%s", error.message);
    for (const char *at = walk->ignore; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (*at == '!')
            ldr_fault(walk->faults, &place, "name what is to be left out",
                "'!' takes nothing back here");
    }
    return LARDER_OK;
}

/* -------------------------------------------------------------------- links */

/* Cut the last step of a path. */
static void
cut_step(char *path)
{
    char *slash = strrchr(path, '/');

    *(slash == NULL ? path : slash) = '\0';
}

/* The path below the folder that links lead to, step by step. False: it leaves
 * the folder, goes round, or leads nowhere. */
static bool
follow(int fd, const char *path, char out[PATH_ROOM])
{
    char rest[PATH_ROOM], link[PATH_ROOM], next[2 * PATH_ROOM];
    unsigned n_links = 0;

    snprintf(rest, sizeof rest, "%s", path);
    out[0] = '\0';
    while (rest[0] != '\0') {
        size_t size = strcspn(rest, "/"), used = strlen(out);
        ssize_t n_link;

        if (size == 2 && memcmp(rest, "..", 2) == 0) {
            if (used == 0)
                return false;
            cut_step(out);
        } else if (size > 0 && !(size == 1 && rest[0] == '.')) {
            if (used + size + 2 > PATH_ROOM)
                return false;
            snprintf(out + used, PATH_ROOM - used, "%s%.*s",
                used == 0 ? "" : "/", (int)size, rest);
        }
        memmove(rest, rest + size + (rest[size] == '/'),
            strlen(rest + size + (rest[size] == '/')) + 1);
        if (out[0] == '\0' || strlen(out) <= used)
            continue;
        n_link = readlinkat(fd, out, link, sizeof link - 1);
        if (n_link < 0 && errno == EINVAL)
            continue; /* no link */
        if (n_link <= 0 || link[0] == '/' || ++n_links > LINKS_MAX)
            return false;
        link[n_link] = '\0';
        cut_step(out);
        snprintf(next, sizeof next, "%s/%s", link, rest);
        if (strlen(next) >= sizeof rest)
            return false;
        memcpy(rest, next, strlen(next) + 1);
    }
    return out[0] != '\0';
}

/* True the first time. */
static bool
is_new(struct walk *walk, const struct stat *what)
{
    const struct seen *seen = walk->seen.items;
    struct seen *now;

    for (size_t i = 0; i < walk->seen.n; i++)
        if (seen[i].device == what->st_dev && seen[i].number == what->st_ino)
            return false;
    now = grow(walk->arena, &walk->seen, sizeof *now);
    if (now == NULL) {
        walk->nomem = true;
        return false;
    }
    *now = (struct seen){what->st_dev, what->st_ino};
    return true;
}

/* --------------------------------------------------------------------- walk */

static bool
ends_with(const char *name, const char *end)
{
    size_t n_name = strlen(name), n_end = strlen(end);

    return n_name > n_end && strcmp(name + n_name - n_end, end) == 0;
}

/* Configurations are none, nor are cases to test definitions with. */
static bool
is_definition(const char *name)
{
    return (ends_with(name, ".yaml") || ends_with(name, ".yml")) &&
           !ends_with(name, ".test.yaml") && !ends_with(name, ".test.yml") &&
           strncmp(name, "feature_store", strlen("feature_store")) != 0;
}

static int
order_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A folder that cannot be read is a fault like another. */
static larder_status
refuse_folder(struct walk *walk, const ldr_place *place, int why)
{
    if (why == ENOMEM || place->file == NULL)
        return no_memory(walk);
    ldr_fault(walk->faults, place, NULL, "cannot look into the folder: %s",
        strerror(why));
    return LARDER_OK;
}

/* The names in a folder that do not begin with a dot, sorted. */
static larder_status
list_names(struct walk *walk, const char *path, struct grown *names)
{
    ldr_place place = {.file = join_path(walk, walk->root, path)};
    int fd = openat(walk->fd, path[0] == '\0' ? "." : path,
        O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    larder_status rc = LARDER_OK;
    const struct dirent *entry;

    if (place.file == NULL || folder == NULL)
        rc = refuse_folder(walk, &place, errno);
    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc == LARDER_OK) {
        char **name;

        errno = 0;
        entry = readdir(folder);
        if (entry == NULL && errno != 0)
            rc = refuse_folder(walk, &place, errno);
        if (entry == NULL)
            break;
        if (entry->d_name[0] == '.')
            continue;
        name = grow(walk->arena, names, sizeof *name);
        if (name != NULL)
            *name = ldr_arena_copy(walk->arena, entry->d_name);
        if (name == NULL || *name == NULL)
            rc = no_memory(walk);
        else if (++walk->n_entries > ENTRIES_MAX)
            rc = larder_fail(walk->err, LARDER_LIMIT,
                "more than 100,000 files and folders below '%s': is it the "
                "folder of the definitions",
                walk->root);
    }
    closedir(folder);
    if (names->n > 1)
        qsort(names->items, names->n, sizeof(char *), order_names);
    return rc;
}

static larder_status
add_file(struct walk *walk, const char *path)
{
    char **file = grow(walk->arena, &walk->files, sizeof *file);

    if (file != NULL)
        *file = join_path(walk, walk->root, path);
    if (file == NULL || *file == NULL)
        return no_memory(walk);
    if (walk->files.n > FILES_MAX)
        return larder_fail(walk->err, LARDER_LIMIT,
            "more than 10,000 definition files below '%s'", walk->root);
    return LARDER_OK;
}

/* What an entry is, after links: false leaves it out. `real` is its path
 * without links. */
static bool
look(struct walk *walk, const char *path, char real[PATH_ROOM],
    struct stat *what)
{
    if (strlen(path) >= PATH_ROOM)
        return false;
    snprintf(real, PATH_ROOM, "%s", path);
    if (fstatat(walk->fd, path, what, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISLNK(what->st_mode))
        return true;
    return follow(walk->fd, path, real) &&
           fstatat(walk->fd, real, what, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What looks like a definition file and is not read is not passed over in
 * silence. */
static larder_status
warn_left_out(struct walk *walk, const char *path, bool is_link)
{
    ldr_place place = {.file = join_path(walk, walk->root, path)};

    if (place.file == NULL)
        return no_memory(walk);
    ldr_warning(walk->faults, &place,
        "put the file itself here, or name it in .larderignore",
        is_link ? "not read: the link leads out of the folder, or nowhere"
                : "not read: it is no plain file");
    return LARDER_OK;
}

/* A folder below the root: `shown` is how it was reached, `real` where it is.
 */
static larder_status
walk_folder(
    struct walk *walk, const char *shown, const char *real, unsigned level)
{
    struct grown names = {0};
    larder_status rc = list_names(walk, real, &names);
    char *const *name = names.items;

    if (level > LEVELS_MAX)
        return larder_fail(walk->err, LARDER_LIMIT,
            "folders lie deeper than 32 levels: '%s/%s'", walk->root, shown);
    for (size_t i = 0; i < names.n && rc == LARDER_OK; i++) {
        char *path = join_path(walk, shown, name[i]);
        char *inner = join_path(walk, real, name[i]);
        char target[PATH_ROOM];
        struct stat what;

        if (path == NULL || inner == NULL)
            return no_memory(walk);
        if (!look(walk, inner, target, &what)) {
            if (is_definition(name[i]) &&
                !ldr_ignored(walk->ignore, path, false))
                rc = warn_left_out(walk, path, true);
            continue;
        }
        if (ldr_ignored(walk->ignore, path, S_ISDIR(what.st_mode)))
            continue;
        if (S_ISDIR(what.st_mode) && is_new(walk, &what)) {
            char *below = ldr_arena_copy(walk->arena, target);

            rc = below == NULL ? no_memory(walk)
                               : walk_folder(walk, path, below, level + 1);
        } else if (S_ISREG(what.st_mode) && is_definition(name[i]) &&
                   is_new(walk, &what)) {
            rc = add_file(walk, path);
        } else if (!S_ISREG(what.st_mode) && !S_ISDIR(what.st_mode) &&
                   is_definition(name[i])) {
            rc = warn_left_out(walk, path, false);
        }
    }
    return rc;
}

larder_status
ldr_folder_list(const char *path, ldr_arena *arena, ldr_faults *faults,
    ldr_folder *out, larder_error *err)
{
    struct walk walk = {.root = strcmp(path, ".") == 0 ? "" : path,
        .arena = arena,
        .faults = faults,
        .err = err};
    larder_status rc;

    walk.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk.fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return larder_fail(
            err, LARDER_NOT_FOUND, "there is no folder '%s'", path);
    if (walk.fd < 0)
        return larder_fail(err, LARDER_IO, "cannot open the folder '%s': %s",
            path, strerror(errno));
    rc = read_ignore(&walk);
    if (rc == LARDER_OK)
        rc = walk_folder(&walk, "", "", 1);
    if (walk.nomem)
        rc = no_memory(&walk);
    close(walk.fd);
    free(walk.ignore);
    if (rc != LARDER_OK)
        return rc;
    if (walk.files.n > 1)
        qsort(walk.files.items, walk.files.n, sizeof(char *), order_names);
    out->files = walk.files.items;
    out->n_files = walk.files.n;
    return LARDER_OK;
}

/* -------------------------------------------------------------------- files */

/* Up to `limit` bytes of an open file. */
static larder_status
read_open(int fd, const char *path, size_t limit, char **text, size_t *size,
    larder_error *err)
{
    struct stat what;
    size_t used = 0;
    char *bytes;

    if (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode))
        return larder_fail(err, LARDER_IO, "'%s' is not a file", path);
    if (what.st_size > (off_t)limit)
        return larder_fail(err, LARDER_LIMIT,
            "'%s' has %lld bytes; at most %zu are read", path,
            (long long)what.st_size, limit);
    bytes = malloc(limit + 1);
    if (bytes == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory for '%s'", path);
    while (used <= limit) {
        ssize_t n = read(fd, bytes + used, limit + 1 - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(bytes);
            return larder_fail(
                err, LARDER_IO, "cannot read '%s': %s", path, strerror(errno));
        }
        if (n == 0)
            break;
        used += (size_t)n;
    }
    if (used > limit) {
        free(bytes);
        return larder_fail(err, LARDER_LIMIT,
            "'%s' grew beyond the %zu bytes that are read", path, limit);
    }
    bytes[used] = '\0';
    *text = bytes;
    *size = used;
    return LARDER_OK;
}

larder_status
ldr_file_read(const char *path, size_t limit, char **text, size_t *size,
    larder_error *err)
{
    /* A pipe by that name must not keep us waiting. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    larder_status rc;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return larder_fail(
            err, LARDER_NOT_FOUND, "there is no file '%s'", path);
    if (fd < 0)
        return larder_fail(
            err, LARDER_IO, "cannot read '%s': %s", path, strerror(errno));
    rc = read_open(fd, path, limit, text, size, err);
    close(fd);
    return rc;
}
