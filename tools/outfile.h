/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outfile.h - a file written whole or not at all: under another name beside
 * its place, made durable, then renamed.
 */
#ifndef OUTFILE_H
#define OUTFILE_H

#include <stdio.h>

#include "base/arena.h"
#include "larder.h"

struct outfile {
    FILE *file;
    const char *path;
    char *temporary; /* NULL: no plain file, written where it is */
};

larder_status outfile_open(
    const char *path, ldr_arena *arena, struct outfile *out, larder_error *err);
/* All that was written is on the disk; the name is not taken yet. */
larder_status outfile_sync(struct outfile *out, larder_error *err);
/* The XXH3-128 of what was written, in hex; after sync. Empty where it is no
 * plain file. */
larder_status outfile_digest(
    const struct outfile *out, char digest[33], larder_error *err);
/* Take the name; after sync. */
larder_status outfile_commit(struct outfile *out, larder_error *err);
/* Forget what is not committed. May be called on {0}, and twice. */
void outfile_close(struct outfile *out);

#endif
