/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - what the operations that look at the registry share.
 */
#ifndef LOOK_H
#define LOOK_H

#include "print.h"

#define PARAM_GENERATION                                                       \
    {                                                                          \
        .name = "generation", .letter = 'g', .type = PARAM_NUMBER,             \
        .value = "GEN",                                                        \
        .help = "as generation GEN had it; the current one unless given"       \
    }

larder_status look_list(struct run *run, const char *kind, larder_error *err);
/* `kind` 0: whatever it is; else NOT_FOUND where it is something else. */
larder_status look_show(
    struct run *run, const char *name, larder_kind kind, larder_error *err);

#endif
