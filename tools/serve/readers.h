/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readers.h - reads that are prepared: one for each set of features that a
 * thread was lately asked for, of the generation being served.
 */
#ifndef SERVE_READERS_H
#define SERVE_READERS_H

#include "larder.h"

struct worker;

/* One set of features, as requests spell it. */
struct wanted {
    larder_bytes features; /* the JSON of its array; empty: none */
    larder_bytes service;  /* the JSON of its name; empty: none */
    bool full_names;
};

struct prepared {
    struct wanted wanted; /* its texts are the entry's own */
    char *text;
    uint64_t generation;
    uint64_t used;         /* the greater, the later */
    larder_reader *reader; /* NULL: of no features at all */
    larder_schema taken;   /* keys, then requests: what a read takes */
    size_t n_keys;
    char *views; /* it reads from, each ended by a zero, then an empty one */
    larder_batch rows; /* of these */
    larder_answer answer;
};

/* A join key of any entity, and the entity's name. */
struct known_key {
    char *entity, *key;
};

#define PREPARED_MAX 64u

struct readers {
    struct prepared *items[PREPARED_MAX]; /* rows of each name their schema */
    size_t n_items;
    uint64_t n_used;
    struct known_key *keys; /* of `generation` */
    size_t n_keys;
    uint64_t generation;
};

/* The read of these features, prepared now or before. Lent until the next call.
 * INVALID (the array is not one of texts), LIMIT, and what larder_reader_open()
 * says. */
larder_status readers_find(struct worker *worker, const struct wanted *wanted,
    struct prepared **out, larder_error *err);
/* The join key that a column of this name stands for: its own, or that of the
 * entity with the name. NULL: none. */
larder_status readers_key(struct worker *worker, larder_bytes name,
    const char **out, larder_error *err);
void readers_release(struct readers *readers);

#endif
