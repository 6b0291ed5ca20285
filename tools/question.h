/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question.h - what a read of the online store is asked with: the keys of
 * entities, and values that on-demand features ask for besides, from the
 * command line or from a file.
 */
#ifndef QUESTION_H
#define QUESTION_H

#include "input.h"

struct question {
    struct run *run;
    const larder_schema *keys, *requests;
    larder_schema all;  /* keys, then requests: what a read takes */
    larder_schema read; /* of `rows`: the keys, and requests not given */
    larder_batch given; /* one row of the requests; what is not given: none */
    struct input input;
    larder_stream rows;
    bool one; /* one entity */
};

/* Faults of the command line that need no store. */
larder_status question_check(struct run *run, larder_error *err);
larder_status question_open(struct run *run, const larder_reader *reader,
    struct question *out, larder_error *err);
/* The next rows as a read takes them; n_rows 0: that was all. */
larder_status question_next(
    struct question *question, larder_batch *out, larder_error *err);
/* May be called on {0} and twice. */
void question_close(struct question *question);

#endif
