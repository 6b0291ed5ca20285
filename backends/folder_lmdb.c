/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder_lmdb.c - the folder of an LMDB store, before LMDB sees it.
 */
#include "folder_lmdb.h"
#include "users_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DATA "data.mdb"

static const char *const our_files[] = {DATA, "lock.mdb", LDR_LMDB_LOCK};

/* ------------------------------------------------------------------- words */

/* "Disk full" often says "I/O error": the disk and the limits know better. */
static int
real_reason(const char *path, int code)
{
    struct statvfs disk;
    struct rlimit limit;
    struct stat data;
    char name[4096];

    if (code != EIO)
        return code;
    if (statvfs(path, &disk) == 0 && disk.f_bavail == 0)
        return ENOSPC;
    if (snprintf(name, sizeof name, "%s/" DATA, path) < (int)sizeof name &&
        stat(name, &data) == 0 && getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY &&
        (rlim_t)data.st_size >= limit.rlim_cur)
        return EFBIG;
    return code;
}

larder_status
ldr_lmdb_folder_fail(
    const char *path, const char *doing, int code, larder_error *err)
{
    char words[128];

    switch (real_reason(path, code)) {
    case ENOMEM:
        return larder_fail(
            err, LARDER_NOMEM, "cannot %s '%s': out of memory", doing, path);
    case ENOSPC:
    case EDQUOT:
        return larder_fail(err, LARDER_IO,
            "cannot %s '%s': no space is left on its disk", doing, path);
    case EFBIG:
        return larder_fail(err, LARDER_IO,
            "cannot %s '%s': this process may not make so large a file "
            "(ulimit -f)",
            doing, path);
    case EACCES:
    case EPERM:
    case EROFS:
        larder_fail(err, LARDER_IO,
            "cannot %s '%s': its files may not be written by this user", doing,
            path);
        larder_hint(err, "reading needs write access too: readers of LMDB "
                         "announce themselves in lock.mdb");
        return LARDER_IO;
    }
    if (strerror_r(code, words, sizeof words) != 0)
        snprintf(words, sizeof words, "error %d", code);
    return larder_fail(
        err, LARDER_IO, "cannot %s '%s': %s", doing, path, words);
}

char *
ldr_lmdb_folder_name(const char *path, const char *ending)
{
    size_t room = strlen(path) + strlen(ending) + 1;
    char *text = malloc(room);

    if (text != NULL)
        snprintf(text, room, "%s%s", path, ending);
    return text;
}

/* ------------------------------------------------------------------ making */

static int
open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 0 when path holds a data file, else why not. */
static int
find_data(const char *path)
{
    struct stat what;
    char *name = ldr_lmdb_folder_name(path, "/" DATA);
    int code = ENOMEM;

    if (name != NULL)
        code = stat(name, &what) == 0 ? 0 : errno;
    free(name);
    return code;
}

/* Unlink what is ours in a folder that has no store. */
static void
clear_folder(int folder)
{
    for (size_t i = 0; i < sizeof our_files / sizeof *our_files; i++)
        (void)unlinkat(folder, our_files[i], 0);
}

static larder_status
make_parents(const char *path, larder_error *err)
{
    char *copy = ldr_lmdb_folder_name(path, "");
    larder_status rc = LARDER_OK;

    if (copy == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    for (char *at = copy + 1; rc == LARDER_OK && *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = ldr_lmdb_folder_fail(copy, "make the folder", errno, err);
        *at = '/';
    }
    free(copy);
    return rc;
}

/* Make the names in the folder that holds `path` last. */
static larder_status
sync_parent(const char *path, larder_error *err)
{
    char *parent = ldr_lmdb_folder_name(path, "");
    char *end;
    int folder, code = 0;

    if (parent == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    end = strrchr(parent, '/');
    if (end != NULL)
        end[end == parent] = '\0';
    folder = open(end != NULL ? parent : ".", O_RDONLY | O_DIRECTORY);
    if (folder < 0 || fsync(folder) != 0)
        code = errno;
    if (folder >= 0)
        close(folder);
    free(parent);
    return code == 0 ? LARDER_OK
                     : ldr_lmdb_folder_fail(path, "write", code, err);
}

/* An environment with our mark in the folder `built`; LMDB's code. */
static int
make_environment(const char *built, size_t size)
{
    MDB_val key = {.mv_size = strlen(LDR_LMDB_MARK)};
    MDB_val value = {.mv_size = strlen(LDR_LMDB_FORMAT)};
    char mark[] = LDR_LMDB_MARK, format[] = LDR_LMDB_FORMAT;
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    int code;

    key.mv_data = mark;
    value.mv_data = format;
    if ((code = mdb_env_create(&env)) != 0)
        return code;
    if ((code = mdb_env_set_mapsize(env, size)) == 0 &&
        (code = mdb_env_open(env, built, MDB_NOLOCK, 0664)) == 0 &&
        (code = mdb_txn_begin(env, NULL, 0, &txn)) == 0) {
        code = mdb_dbi_open(txn, NULL, 0, &dbi);
        if (code == 0)
            code = mdb_put(txn, dbi, &key, &value, 0);
        if (code == 0)
            code = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    mdb_env_close(env);
    return code;
}

/* Fill the locked folder `built` with a whole, synced store. */
static larder_status
fill(const char *built, int folder, size_t size, larder_error *err)
{
    int data, code;

    clear_folder(folder);
    code = make_environment(built, size);
    if (code == MDB_MAP_FULL)
        code = EINVAL;
    if (code != 0)
        return ldr_lmdb_folder_fail(built, "make", code, err);
    data = openat(folder, DATA, O_RDWR | O_CLOEXEC);
    if (data < 0 || ftruncate(data, (off_t)size) != 0 || fsync(data) != 0 ||
        fsync(folder) != 0)
        code = errno;
    if (data >= 0)
        close(data);
    return code == 0 ? LARDER_OK
                     : ldr_lmdb_folder_fail(built, "write", code, err);
}

/* Rename what was built to its place, where at most rests of ours may be. */
static larder_status
put_in_place(const char *built, const char *path, larder_error *err)
{
    int rests = open_folder(path);

    if (rests >= 0) {
        clear_folder(rests);
        close(rests);
    }
    if (rename(built, path) == 0)
        return sync_parent(path, err);
    if (errno == ENOTEMPTY || errno == EEXIST)
        return larder_fail(err, LARDER_INVALID,
            "'%s' is a folder with other files in it; an LMDB store needs one "
            "of its own",
            path);
    if (errno == ENOTDIR)
        return larder_fail(err, LARDER_INVALID,
            "'%s' is a file; an LMDB store is a folder", path);
    return ldr_lmdb_folder_fail(path, "make", errno, err);
}

/* Make and lock the folder to build in; a builder that died left its lock to
 * us, and one that was faster has renamed the folder we wait for. */
static larder_status
lock_building(
    const char *built, const larder_call *call, int *folder, larder_error *err)
{
    struct stat held, there;

    for (;;) {
        if (mkdir(built, 0777) != 0 && errno != EEXIST)
            return ldr_lmdb_folder_fail(built, "make", errno, err);
        *folder = open_folder(built);
        if (*folder < 0 && errno == ENOENT)
            continue;
        if (*folder < 0)
            return ldr_lmdb_folder_fail(built, "open", errno, err);
        while (flock(*folder, LOCK_EX | LOCK_NB) != 0) {
            larder_status rc = ldr_lmdb_pause(call, err);

            if (rc != LARDER_OK)
                return rc;
        }
        if (fstat(*folder, &held) == 0 && lstat(built, &there) == 0 &&
            held.st_dev == there.st_dev && held.st_ino == there.st_ino)
            return LARDER_OK;
        close(*folder);
        *folder = -1;
    }
}

static larder_status
make_folder(
    const char *path, size_t size, const larder_call *call, larder_error *err)
{
    char *built = ldr_lmdb_folder_name(path, ".new");
    larder_status rc = LARDER_OK;
    int folder = -1;

    if (built == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    LARDER_TRY(make_parents(path, err));
    LARDER_TRY(lock_building(built, call, &folder, err));
    if (find_data(path) == 0) { /* somebody was faster */
        (void)rmdir(built);
        goto out;
    }
    rc = fill(built, folder, size, err);
    if (rc == LARDER_OK)
        rc = put_in_place(built, path, err);
    if (rc != LARDER_OK) {
        clear_folder(folder);
        (void)rmdir(built);
    }
out:
    if (folder >= 0)
        close(folder);
    free(built);
    return rc;
}

larder_status
ldr_lmdb_folder_find(const char *path, bool create, uint64_t size,
    const larder_call *call, larder_error *err)
{
    struct stat what;
    int code = find_data(path);

    if (code == 0)
        return LARDER_OK;
    if (code != ENOENT && code != ENOTDIR)
        return ldr_lmdb_folder_fail(path, "open", code, err);
    if (create)
        return make_folder(path, (size_t)size, call, err);
    if (stat(path, &what) == 0 && !S_ISDIR(what.st_mode))
        return larder_fail(err, LARDER_INVALID,
            "'%s' is a file; an LMDB store is a folder", path);
    larder_fail(
        err, LARDER_NOT_FOUND, "there is no online store at '%s'", path);
    larder_hint(err, "`larder apply` creates it");
    return LARDER_NOT_FOUND;
}

/* -------------------------------------------------------------- data file */

/* What LMDB writes at the start of its first two pages (data version 1). */
struct page_head {
    size_t number;
    uint16_t pad, flags;
    uint16_t lower, upper;
};
struct tree {
    uint32_t pad; /* of the first tree: the page size */
    uint16_t flags, depth;
    size_t branches, leaves, overflows, entries, root;
};
struct meta {
    uint32_t magic, version;
    void *address;
    size_t map_size;
    struct tree trees[2];
    size_t last_page, transaction;
};
#define META_FLAG 0x08
#define MAGIC UINT32_C(0xBEEFC0DE)

static larder_status
corrupt(const char *path, const char *why, larder_error *err)
{
    larder_fail(err, LARDER_CORRUPT, "'%s/" DATA "' is damaged: %s", path, why);
    larder_hint(err,
        "restore it, or remove the folder, then `larder apply` and "
        "`larder materialize --full`");
    return LARDER_CORRUPT;
}

/* Why there is no meta page at `offset`, or NULL. */
static const char *
read_meta(int data, size_t offset, struct meta *meta)
{
    unsigned char bytes[sizeof(struct page_head) + sizeof(struct meta)];
    struct page_head head;

    if (pread(data, bytes, sizeof bytes, (off_t)offset) !=
        (ssize_t)sizeof bytes)
        return "it ends inside its first pages";
    memcpy(&head, bytes, sizeof head);
    memcpy(meta, bytes + sizeof head, sizeof *meta);
    if ((head.flags & META_FLAG) == 0 || meta->magic != MAGIC)
        return "it is not an LMDB file";
    if (meta->version != 1)
        return "it is of another version of LMDB";
    if (meta->trees[0].pad < 512 || meta->trees[0].pad > 65536 ||
        (meta->trees[0].pad & (meta->trees[0].pad - 1)) != 0)
        return "its page size makes no sense";
    return NULL;
}

/* Why the open file cannot be mapped, or NULL. */
static const char *
find_damage(int data)
{
    struct meta first, second;
    struct stat what;
    size_t page_size, pages;
    const char *why = read_meta(data, 0, &first);

    if (why != NULL)
        return why;
    page_size = first.trees[0].pad;
    why = read_meta(data, page_size, &second);
    if (why != NULL)
        return why;
    if (second.transaction > first.transaction)
        first = second;
    /* The size after the head: writers only make the file longer. */
    if (fstat(data, &what) != 0)
        return "its size cannot be read";
    pages = (size_t)what.st_size / page_size;
    if (first.trees[0].pad != page_size || first.last_page >= pages)
        return "it was cut short";
    for (int i = 0; i < 2; i++)
        if (first.trees[i].root != SIZE_MAX &&
            first.trees[i].root > first.last_page)
            return "its head names pages it does not have";
    return NULL;
}

larder_status
ldr_lmdb_folder_check(const char *path, int *data, larder_error *err)
{
    char *name = ldr_lmdb_folder_name(path, "/" DATA);
    const char *why;
    int file;

    if (name == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    file = open(name, O_RDWR | O_CLOEXEC);
    free(name);
    if (file < 0)
        return ldr_lmdb_folder_fail(path, "open", errno, err);
    why = find_damage(file);
    if (why != NULL) {
        close(file);
        return corrupt(path, why, err);
    }
    *data = file;
    return LARDER_OK;
}

larder_status
ldr_lmdb_folder_remove(const char *path, larder_error *err)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;

    if (folder < 0)
        return errno == ENOENT
                   ? LARDER_OK
                   : ldr_lmdb_folder_fail(path, "remove", errno, err);
    for (size_t i = 0; i < sizeof our_files / sizeof *our_files; i++)
        if (unlinkat(folder, our_files[i], 0) != 0 && errno != ENOENT)
            code = errno;
    close(folder);
    if (code == 0 && rmdir(path) != 0 && errno != ENOTEMPTY &&
        errno != EEXIST && errno != ENOTDIR)
        code = errno;
    return code == 0 ? sync_parent(path, err)
                     : ldr_lmdb_folder_fail(path, "remove", code, err);
}
