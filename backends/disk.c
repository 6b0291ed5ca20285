/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.c - where a store's files lie.
 *
 * The kind of a file system is read from the system's table of mounts, where
 * there is one: the longest mount point above the file counts.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MOUNTS "/proc/self/mounts"
#define KIND_MAX 64u
#define PATH_ROOM 4096u
#define LEAST_ROOM (UINT64_C(64) << 20)

uint64_t
disk_size(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && facts.st_size > 0
               ? (uint64_t)facts.st_size
               : 0;
}

void
disk_print(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    uint64_t tenths = bytes * 10 / 1024;
    unsigned unit = 0;

    if (bytes >= UINT64_MAX / 10)
        tenths = UINT64_MAX / 1024;
    for (; tenths >= 10240 && unit < 3; unit++)
        tenths /= 1024;
    snprintf(text, 32, "%llu.%llu %s", (unsigned long long)(tenths / 10),
        (unsigned long long)(tenths % 10), units[unit]);
}

/* ---------------------------------------------------------------- mount table
 */

/* "\040" in the table is a blank. */
static void
unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0';) {
        bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
                     from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
                     from[3] <= '7';

        if (octal)
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
                           (from[3] - '0'));
        else
            *to++ = *from;
        from += octal ? 4 : 1;
    }
    *to = '\0';
}

/* The next word of a line, cut off from it; NULL: there is none. */
static char *
next_word(char **line)
{
    char *word = *line, *end;

    if (word == NULL)
        return NULL;
    end = strchr(word, ' ');
    if (end != NULL)
        *end = '\0';
    *line = end == NULL ? NULL : end + 1;
    return word;
}

static bool
is_above(const char *mount, const char *path)
{
    size_t n = strlen(mount);

    if (n > 0 && mount[n - 1] == '/')
        n--;
    return strncmp(mount, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The kind of file system that holds a path; "": it cannot be told. NOMEM. */
static larder_status
find_kind(const char *path, char kind[KIND_MAX], larder_error *err)
{
    FILE *file;
    char *line = NULL;
    size_t room = 0, best = 0;
    bool found = false;

    kind[0] = '\0';
    errno = 0;
    file = fopen(MOUNTS, "r");
    while (file != NULL && getline(&line, &room, file) > 0) {
        char *rest = line, *mount, *type;

        (void)next_word(&rest);
        mount = next_word(&rest);
        type = next_word(&rest);
        if (mount == NULL || type == NULL)
            continue;
        unescape(mount);
        if (!is_above(mount, path) || (found && strlen(mount) < best))
            continue;
        best = strlen(mount);
        snprintf(kind, KIND_MAX, "%s", type);
        found = true;
    }
    free(line);
    if (errno == ENOMEM) {
        if (file != NULL)
            fclose(file);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    if (file != NULL)
        fclose(file);
    return LARDER_OK;
}

static bool
is_network(const char *kind)
{
    static const char *const kinds[] = {"nfs", "nfs4", "cifs", "smb3", "smbfs",
        "9p", "afs", "ceph", "lustre", "gpfs", "glusterfs", "fuse.glusterfs",
        "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "ncpfs"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------- findings
 */

/* The folder as the system names it, without links on the way. */
static bool
resolve(const char *folder, char *path, size_t room)
{
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    char link[48];
    ssize_t n;

    if (fd < 0)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, room - 1);
    (void)close(fd);
    if (n <= 0 || (size_t)n >= room - 1)
        return false;
    path[n] = '\0';
    return true;
}

static larder_status
tell_kind(const char *folder, larder_finding_sink *sink, larder_error *err)
{
    char kind[KIND_MAX] = "", path[PATH_ROOM];
    larder_status rc = LARDER_OK;

    if (resolve(folder, path, sizeof path))
        rc = find_kind(path, kind, err);
    if (rc != LARDER_OK)
        return rc;
    if (kind[0] == '\0')
        return larder_finding_tell(sink, "file system", LARDER_UNKNOWN, NULL,
            err, "of which kind it is cannot be told");
    if (is_network(kind))
        return larder_finding_tell(sink, "file system", LARDER_WRONG,
            "keep it on a disk of this machine: locks and mapped files are not "
            "safe across a network",
            err, "'%s' is on a network file system (%s)", folder, kind);
    return larder_finding_tell(
        sink, "file system", LARDER_FINE, NULL, err, "%s, local", kind);
}

static larder_status
tell_room(const char *folder, uint64_t bytes, larder_finding_sink *sink,
    larder_error *err)
{
    struct statvfs facts;
    char free_text[32], held[32];
    uint64_t room;

    if (statvfs(folder, &facts) != 0)
        return larder_finding_tell(sink, "room", LARDER_UNKNOWN, NULL, err,
            "how much the disk has left cannot be told");
    room = (uint64_t)facts.f_bavail * (uint64_t)facts.f_frsize;
    disk_print(room, free_text);
    disk_print(bytes, held);
    return larder_finding_tell(sink, "room",
        room < LEAST_ROOM  ? LARDER_WRONG
        : room < bytes / 4 ? LARDER_DOUBTFUL
                           : LARDER_FINE,
        room < LEAST_ROOM || room < bytes / 4 ? "make room on the disk" : NULL,
        err, "it holds %s; the disk has %s left", held, free_text);
}

static larder_status
tell_rights(const char *folder, const char *file, larder_finding_sink *sink,
    larder_error *err)
{
    const char *lacks = NULL, *of = file;

    if (access(file, R_OK) != 0)
        lacks = "read";
    else if (access(file, W_OK) != 0)
        lacks = "written";
    else if (access(of = folder, R_OK | W_OK | X_OK) != 0)
        lacks = "written into";
    if (lacks == NULL)
        return larder_finding_tell(sink, "rights", LARDER_FINE, NULL, err,
            "its files may be read and written");
    return larder_finding_tell(sink, "rights", LARDER_WRONG,
        "run as its owner, or give this user the right", err,
        "'%s' may not be %s", of, lacks);
}

larder_status
disk_examine(const char *folder, const char *file, uint64_t bytes,
    larder_finding_sink *sink, larder_error *err)
{
    larder_status rc = tell_rights(folder, file, sink, err);

    if (rc == LARDER_OK)
        rc = tell_kind(folder, sink, err);
    if (rc == LARDER_OK)
        rc = tell_room(folder, bytes, sink, err);
    return rc;
}
