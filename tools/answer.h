/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what get prints: answers of the online store in each form.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "print.h"

/* Answers as they come, chunk by chunk. */
struct answers {
    struct run *run;
    const larder_schema *keys, *features;
    bool one;                /* one entity: a feature a row */
    bool answered, fallback; /* by the second of two stores */
    struct printer printer;
    larder_field *fields; /* of what is printed */
    larder_schema schema;
    /* JSON goes by column: it needs all chunks. */
    struct answer_chunk {
        larder_batch keys;
        larder_answer answer;
    } * chunks;
    size_t n_chunks, room;
};

larder_status answers_open(struct answers *answers, struct run *run,
    const larder_reader *reader, bool one, larder_error *err);
/* Takes both over, also on failure. */
larder_status answers_add(struct answers *answers, larder_batch *keys,
    larder_answer *answer, larder_error *err);
/* Also after a failure; then no more is printed. */
larder_status answers_close(
    struct answers *answers, larder_status rc, larder_error *err);

#endif
