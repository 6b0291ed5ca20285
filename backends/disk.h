/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - where a store's files lie: on which file system, with how much room,
 * and whether they may be written. For stores that have files.
 */
#ifndef BACKENDS_DISK_H
#define BACKENDS_DISK_H

#include "larder_backend.h"

/* Tell of "file system", "room" and "rights". `folder` is there; `bytes` is how
 * much the store holds. NOMEM. */
larder_status disk_examine(const char *folder, const char *file, uint64_t bytes,
    larder_finding_sink *sink, larder_error *err);

/* The size of a file; 0: there is none. */
uint64_t disk_size(const char *path);
/* "1.5 GiB", for messages. */
void disk_print(uint64_t bytes, char text[32]);

#endif
