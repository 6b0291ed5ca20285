/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.h - what the operations that read a spine share.
 */
#ifndef JOIN_H
#define JOIN_H

#include "run.h"

/* --timestamp, --timezone and --as-known. */
larder_status join_options(
    struct run *run, larder_join_options *out, larder_error *err);

#endif
