/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - files of rows that a command reads: a path, or '-' for standard
 * input.
 */
#ifndef INPUT_H
#define INPUT_H

#include "run.h"

struct input {
    FILE *file;
    const char *name; /* for messages */
    larder_format format;
};

/* The format is --format's; else by the name's end; else by the first byte: a
 * '{' begins JSON lines. IO, NOT_FOUND. */
larder_status input_open(
    struct run *run, const char *path, struct input *out, larder_error *err);
void input_close(struct input *input);
/* The rows of a spine: all columns text, as they are written. */
larder_status input_spine(struct run *run, const char *path,
    struct input *input, larder_stream *out, larder_error *err);

/* Is `path` the file that is being read? Written, it would be lost. */
bool input_is(const struct input *input, const char *path);

#endif
