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

#include "definition/config.h"
#include "larder_backend.h"
#include "support.h"

typedef struct offline {
    const larder_offline_ops *ops;
    void *self;
    bool single;      /* one transaction at a time: a pool of one connection */
    larder_call call; /* of every method, unless a test gives its own */
} offline;

/* The types of all built-in stores, and how many; "pgbouncer" is PostgreSQL
 * behind a pooler. Before any test is run, since it starts their servers.
 * Without servers (--skip-servers) those that need one are left out. */
size_t offline_n_types(void);
const char *offline_type(size_t i);

/* tcase_add_loop_test for each of n stores; without servers the test counts as
 * skipped for those left out. */
void offline_add(TCase *tests, const TTest *test, int n);
/* A test that needs a server: run, or counted as skipped. */
void offline_add_served(TCase *tests, const TTest *test);
/* Count it so often as skipped for each store that is left out. */
void offline_skip(TCase *tests, const TTest *test, int n);

/* Open a store of this type, in a file "history.db" of the folder where it has
 * one; on a server, in a schema of the folder's name. */
larder_status offline_open(offline *store, const char *type, const char *folder,
    bool create, larder_error *err);
offline offline_must_open(const char *type, const char *folder, bool create);
/* What opens it, for those who do it in another way. */
typedef struct offline_place {
    const larder_offline_ops *ops;
    ldr_option list[2];
    larder_options section; /* of that list */
    char path[512];
} offline_place;
void offline_place_of(
    offline_place *place, const char *type, const char *folder);
/* The same with one option of the test's choice. */
larder_status offline_open_with(offline *store, const char *type,
    const char *option, const char *value, larder_error *err);
void offline_close(offline *store); /* closed stores are let be */
/* Does it keep rows in a file? */
bool offline_has_file(const offline *store);
/* Do its rows outlive it? */
bool offline_lasts(const offline *store);
/* The statement as the server's superuser; what it prints is yours to free().
 */
char *offline_ask_postgres(const char *sql);

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
