/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outfile.c - a file written whole or not at all.
 */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHUNK 65536

static larder_status
fail(const struct outfile *out, int code, larder_error *err)
{
    return larder_fail(err, LARDER_IO, "file '%s' cannot be written: %s",
        out->path, strerror(code));
}

/* A file that mkstemp made is for its owner alone: give it the usual mode, or
 * that of the file it replaces. */
static void
set_mode(int fd, const struct stat *old)
{
    mode_t mask;

    if (old != NULL) {
        (void)fchmod(fd, old->st_mode & 0777);
        return;
    }
    mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
}

larder_status
outfile_open(
    const char *path, ldr_arena *arena, struct outfile *out, larder_error *err)
{
    struct outfile opened = {.path = ldr_arena_copy(arena, path)};
    struct stat facts;
    bool is_there = stat(path, &facts) == 0;
    int fd;

    if (opened.path == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a path");
    if (is_there && S_ISDIR(facts.st_mode))
        return fail(&opened, EISDIR, err);
    if (is_there && !S_ISREG(facts.st_mode)) {
        opened.file = fopen(path, "w");
        if (opened.file == NULL)
            return fail(&opened, errno, err);
        *out = opened;
        return LARDER_OK;
    }
    opened.temporary = ldr_arena_printf(arena, "%s.XXXXXX", path);
    if (opened.temporary == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a path");
    fd = mkstemp(opened.temporary);
    if (fd < 0)
        return fail(&opened, errno, err);
    set_mode(fd, is_there ? &facts : NULL);
    opened.file = fdopen(fd, "w");
    if (opened.file == NULL) {
        close(fd);
        unlink(opened.temporary);
        return fail(&opened, errno, err);
    }
    *out = opened;
    return LARDER_OK;
}

larder_status
outfile_sync(struct outfile *out, larder_error *err)
{
    errno = 0;
    if (fflush(out->file) != 0 || ferror(out->file) != 0)
        return fail(out, errno == 0 ? EIO : errno, err);
    if (out->temporary != NULL && fsync(fileno(out->file)) != 0)
        return fail(out, errno, err);
    return LARDER_OK;
}

larder_status
outfile_digest(const struct outfile *out, char digest[33], larder_error *err)
{
    XXH3_state_t *state;
    XXH128_hash_t hash;
    char *chunk;
    FILE *file;
    size_t n;
    bool failed;

    digest[0] = '\0';
    if (out->temporary == NULL)
        return LARDER_OK;
    file = fopen(out->temporary, "r");
    if (file == NULL)
        return fail(out, errno, err);
    state = XXH3_createState();
    chunk = malloc(CHUNK);
    failed = state == NULL || chunk == NULL;
    if (!failed) {
        XXH3_128bits_reset(state);
        while ((n = fread(chunk, 1, CHUNK, file)) > 0)
            XXH3_128bits_update(state, chunk, n);
        failed = ferror(file) != 0;
        hash = XXH3_128bits_digest(state);
        snprintf(digest, 33, "%016llx%016llx", (unsigned long long)hash.high64,
            (unsigned long long)hash.low64);
    }
    free(chunk);
    XXH3_freeState(state);
    fclose(file);
    return failed ? fail(out, EIO, err) : LARDER_OK;
}

/* The new name itself is durable once its folder is. */
static void
sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int fd;

    snprintf(folder, sizeof folder, "%.*s",
        slash == NULL ? 1 : (int)(slash - path) + 1,
        slash == NULL ? "." : path);
    fd = open(folder, O_RDONLY);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

larder_status
outfile_commit(struct outfile *out, larder_error *err)
{
    bool closed = fclose(out->file) == 0;

    out->file = NULL;
    if (!closed)
        return fail(out, errno, err);
    if (out->temporary == NULL)
        return LARDER_OK;
    if (rename(out->temporary, out->path) != 0)
        return fail(out, errno, err);
    sync_folder(out->path);
    out->temporary = NULL;
    return LARDER_OK;
}

void
outfile_close(struct outfile *out)
{
    if (out->file != NULL)
        fclose(out->file);
    if (out->temporary != NULL)
        unlink(out->temporary);
    *out = (struct outfile){0};
}
