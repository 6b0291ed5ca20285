/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined.h - where the rows of a join go.
 */
#ifndef JOINED_H
#define JOINED_H

#include "input.h"

struct joining {
    struct run *run;
    larder_join_options options;
    struct input input; /* of the spine; {0} with a range */
    larder_stream spine;
    larder_stream rows;
    size_t n_verbatim; /* columns of the output that are the spine's text */
};

/* The format a file's name says. */
larder_status joined_format(
    struct joining *j, const char *path, larder_format *out, larder_error *err);
/* All of j->rows. */
larder_status joined_to_file(
    struct joining *j, const char *path, larder_error *err);
larder_status joined_to_stdout(struct joining *j, larder_error *err);

#endif
