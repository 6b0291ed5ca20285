/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h - cases that definitions are tested with: found, read, typed, run.
 *
 * Files named *.test.yaml lie beside the definitions. cases_find.c finds them,
 * cases.c reads their form, cases_typed.c holds what they name against the
 * definitions, cases_run.c asks a fresh store and compares. docs/testing.md is
 * what a user knows of it.
 */
#ifndef CASES_H
#define CASES_H

#include "yamlin.h"

/* A file of cases: where it is, and how results name it. */
struct case_file {
    const char *path;
    const char *shown; /* from the repository's folder, where it is below */
};

struct case_files {
    struct case_file *all; /* by `shown`; each once */
    size_t n, room;
};

/* Rows of history of one source. */
struct given_rows {
    const char *source;
    larder_batch rows;
};

/* What one feature is to be. */
struct expected {
    const char *ref; /* view:feature */
    larder_type type;
    bool online;        /* its views are online */
    larder_batch value; /* one row; none: only its status is judged */
    bool has_tolerance;
    double tolerance;
    bool has_status;
    larder_presence status;
};

struct test_case {
    const char *file; /* as results name it */
    const struct node *node;
    const char *name;
    larder_time at;
    bool offline, online; /* the paths to take */
    bool online_alone;    /* `paths: [online]` */
    /* As written; NULL: not. Mappings all. */
    const struct node *given, *keys, *request, *expect, *status;
    /* By cases_typed.c. */
    struct given_rows *rows;
    size_t n_rows;
    struct expected *expected;
    const char **refs; /* of `expected`; those online first */
    size_t n_expected, n_online;
    larder_schema question_schema;
    larder_batch question; /* one row: keys, then what is requested */
    const char **views;    /* that are online, to materialize */
    size_t n_views;
};

struct cases {
    ldr_arena *arena;
    struct yaml_faults faults;
    struct test_case *all;
    size_t n, room;
};

/* The files below `folder`, or those that the paths (files and folders) name.
 * NOT_FOUND (a path), LIMIT, IO, NOMEM. */
larder_status cases_find(const char *folder, const char *const *paths,
    size_t n_paths, ldr_arena *arena, struct case_files *out,
    larder_error *err);

/* The cases of a file, added. Faults are counted. LIMIT, IO, NOMEM. */
larder_status cases_read(
    struct cases *cases, const struct case_file *file, larder_error *err);

/* What a case names and gives, by the definitions applied in a store, whose
 * memory it then uses. Faults are counted. Other failures: the store's. */
larder_status cases_type(struct cases *cases, struct test_case *one,
    larder_store *store, const larder_call *call, larder_error *err);
void cases_release(struct cases *cases);

/* A value as it is shown; `asked` says that there is one to show. */
struct shown {
    bool asked, null;
    const char *text;
};

struct case_difference {
    const struct expected *of;
    struct shown expected, offline, online;
    const char *status; /* as it is; NULL: not judged, or right */
};

struct case_result {
    bool passed;
    larder_error error; /* why a path gave nothing; status OK: both did */
    struct case_difference *differences;
    size_t n_differences;
};

/* Run one: rows in, join and get. What fails is told in the result; the call
 * fails where it was interrupted or has no memory. `options` open an empty
 * store in memory. */
larder_status cases_run(struct test_case *one,
    const larder_open_options *options, const larder_call *call,
    ldr_arena *arena, struct case_result *out, larder_error *err);

/* Apply the definitions to an empty store; what they are warned of is told
 * where the call tells. */
larder_status cases_store(const larder_open_options *options,
    const larder_call *call, larder_store **out, larder_error *err);

#endif
