/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.h - an offline store under test: rows written and read as words.
 *
 * "a,1,,2.5;b,2,'',3" is two rows of four cells: an empty cell is null, '' an
 * empty text, / stands for a comma inside a cell. The methods are called as the
 * core's wrappers call them, without the wrappers: what is tested is the store.
 */
#ifndef OFFLINE_H
#define OFFLINE_H

#include "larder_backend.h"
#include "support.h"

typedef struct offline {
    const larder_offline_ops *ops;
    void *self;
    larder_call call; /* of every method, unless a test gives its own */
} offline;

/* The types of all built-in stores, and how many. */
size_t offline_n_types(void);
const char *offline_type(size_t i);

/* Open a store of this type, in a file "history.db" of the folder where it has
 * one. */
larder_status offline_open(offline *store, const char *type, const char *folder,
    bool create, larder_error *err);
offline offline_must_open(const char *type, const char *folder, bool create);
/* The same with one option of the test's choice. */
larder_status offline_open_with(offline *store, const char *type,
    const char *option, const char *value, larder_error *err);
void offline_close(offline *store); /* closed stores are let be */
/* Does it keep rows in a file? */
bool offline_has_file(const offline *store);

/* A batch, and a stream of it (taken over), of rows as words. */
larder_batch offline_batch(const larder_schema *schema, const char *words);
larder_stream offline_stream(const larder_schema *schema, const char *words);
/* All rows of a stream as words, which is then closed; yours to free(). With
 * `sorted` the rows are in the order of their words. */
char *offline_words(larder_stream *stream, bool sorted);

void offline_create(offline *store, const larder_table *table);
larder_appended offline_append(
    offline *store, const larder_table *table, const char *words);
/* begin, scan, end: the rows as words, sorted; yours to free(). */
char *offline_scan(offline *store, const larder_scan *scan);
/* The same in the order asked, which the store must keep. */
char *offline_scan_in_order(offline *store, const larder_scan *scan);
/* The test fails unless the words are these; frees them. */
void offline_expect(char *words, const char *expected);

#endif
