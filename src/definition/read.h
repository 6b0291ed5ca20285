/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.h - a mapping of known keys into a struct.
 *
 * A table of keys says what each takes and where it goes; everything else in
 * the mapping is a fault with the nearest key. Readers keep going after a fault
 * and leave the field as it was.
 */
#ifndef LDR_READ_H
#define LDR_READ_H

#include "definition/yaml.h"

typedef struct ldr_reading {
    ldr_arena *arena;
    ldr_faults *faults;
    bool nomem; /* what was read since is incomplete */
} ldr_reading;

typedef struct ldr_key ldr_key;

/* Read a value, which is there, into the field of `object`. */
typedef void ldr_key_read(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object);

struct ldr_key {
    const char *name;
    ldr_key_read *read;
    size_t at;   /* offset of the field; what it is, the reader says */
    size_t also; /* offset of its count (size_t) or flag (bool); 0: none */
    bool required;
    const char *takes; /* "a duration", "a list of names" */
    const char *help;
};

/* `what` is "feature view". False: not a mapping, or a required key is absent
 * (each a fault). */
bool ldr_read_mapping(ldr_reading *reading, const char *what,
    const ldr_key *keys, size_t n_keys, const ldr_yaml *mapping, void *object);

/* One key that is required here though the table does not say so; false is the
 * fault that check of the table would tell. */
bool ldr_read_require(ldr_reading *reading, const char *what,
    const ldr_key *keys, size_t n_keys, const char *name,
    const ldr_yaml *mapping);

/* The text of a scalar; NULL (a fault) for lists, mappings, null, nothing. */
const char *ldr_read_scalar(
    ldr_reading *reading, const ldr_key *key, const ldr_yaml *value);
/* A sequence; false is a fault. */
bool ldr_read_is_list(
    ldr_reading *reading, const ldr_key *key, const ldr_yaml *value);
/* Plain `null`, `~` or nothing. */
bool ldr_yaml_is_null(const ldr_yaml *value);
/* An integer from low to high; false is a fault. */
bool ldr_read_integer(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, int64_t low, int64_t high, int64_t *out);
/* A name that may be given to something; NULL is a fault. */
const char *ldr_read_legal(
    ldr_reading *reading, const ldr_key *key, const ldr_yaml *value);
/* Memory of the reading; NULL marks it. */
void *ldr_read_array(ldr_reading *reading, size_t n, size_t size);

/* Readers for tables; the field's type is in the comment. */
ldr_key_read ldr_read_text;     /* const char * */
ldr_key_read ldr_read_word;     /* const char *: one line, not empty */
ldr_key_read ldr_read_name;     /* const char *: legal */
ldr_key_read ldr_read_names;    /* const char *const *, also size_t: legal */
ldr_key_read ldr_read_words;    /* const char *const *, also size_t */
ldr_key_read ldr_read_tags;     /* const ldr_tag *, also size_t */
ldr_key_read ldr_read_bool;     /* bool */
ldr_key_read ldr_read_duration; /* int64_t, also bool */
ldr_key_read ldr_read_type;     /* larder_type */

#endif
