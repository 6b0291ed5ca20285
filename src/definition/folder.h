/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder.h - the definition files of a repository, and their text.
 *
 * Which files those are, load.h says. Bounded: 100,000 entries, 10,000 files,
 * 32 levels, 4 MiB a file.
 */
#ifndef LDR_FOLDER_H
#define LDR_FOLDER_H

#include "definition/yaml.h"

typedef struct ldr_folder {
    const char *const *files; /* paths, as the user would name them; sorted */
    size_t n_files;
} ldr_folder;

/* What cannot be looked into is a fault. NOT_FOUND (no such folder), LIMIT, IO,
 * NOMEM. */
larder_status ldr_folder_list(const char *path, ldr_arena *arena,
    ldr_faults *faults, ldr_folder *out, larder_error *err);

/* A whole file into malloc'ed memory, closed by a NUL; at most `limit` bytes.
 * NOT_FOUND, LIMIT, IO, NOMEM. */
larder_status ldr_file_read(const char *path, size_t limit, char **text,
    size_t *size, larder_error *err);

#endif
