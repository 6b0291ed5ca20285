/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.h - folders of examples: where they are, and copies of them.
 */
#ifndef COPY_H
#define COPY_H

#include "base/arena.h"
#include "larder.h"

/* The folder of an example: in LARDER_EXAMPLES, where Larder was installed, or
 * in the source tree that the running program was built in. NOT_FOUND. */
larder_status copy_find_example(
    ldr_arena *arena, const char *name, const char **out, larder_error *err);
/* Make a folder and those above it; one that is there is fine. */
larder_status copy_make_folder(const char *folder, larder_error *err);
/* Files and folders below; what a run of Larder left there is not copied. */
larder_status copy_folder(const char *from, const char *to, larder_error *err);

#endif
