/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation.h - what the command can do: one table, with typed parameters.
 *
 * An operation is a const struct in its own op_*.c. The doors read the table:
 * the command line, `help`, the manual page and completion are made of it.
 * Doors own parsing and formatting; operations own neither.
 */
#ifndef OPERATION_H
#define OPERATION_H

#include "larder.h"

struct run;

/* What a parameter holds; arguments.h gives it out. */
enum param_type {
    PARAM_FLAG,
    PARAM_TEXT,
    PARAM_FILE,   /* text, completed as a path */
    PARAM_LIST,   /* one comma list, repeatable */
    PARAM_WORDS,  /* texts, each taken whole; repeatable */
    PARAM_CHOICE, /* one of `choices` */
    PARAM_NUMBER, /* from 0 */
    PARAM_SIZE,   /* bytes: 64MiB, 1G */
    PARAM_TIME    /* ISO 8601 */
};

struct param {
    const char *name; /* of the option, or of the argument */
    char letter;      /* of the option; 0: none */
    enum param_type type;
    bool positional;
    bool required;
    bool several;                 /* a positional that takes what is left */
    bool hidden;                  /* another spelling: parsed, not told */
    bool naive_is_utc;            /* a time without an offset is one */
    const char *value;            /* what help calls the value: "FILE" */
    const char *const *choices;   /* NULL-terminated */
    const char *const *spellings; /* choices too, but not told */
    const char *help;
};

enum group {
    GROUP_DEFINITIONS,
    GROUP_LOOK,
    GROUP_HISTORY,
    GROUP_ONLINE,
    GROUP_COMMAND,
    N_GROUPS
};

struct operation {
    const char *name;
    const char *const *aliases; /* NULL, or NULL-terminated */
    enum group group;
    bool hidden;           /* another spelling of the rest: found, not listed */
    const char *help;      /* one line, without a final stop */
    const char *long_help; /* paragraphs apart by a blank line; or NULL */
    const struct param *params; /* the last has no name */
    larder_status (*run)(struct run *run, larder_error *err);
};

/* The table, in the order of help; its last is NULL. */
extern const struct operation *const operations[];

/* The options every command has, before or after its name. */
extern const struct param global_params[];

const char *group_title(enum group group);
/* By name or alias; NULL when there is none. */
const struct operation *operation_find(const char *name);
/* The name nearest to one that is none, or NULL. */
const char *operation_nearest(const char *wrong);
/* The nearest long option of an operation (NULL: of all), or NULL. */
const char *param_nearest(const struct operation *operation, const char *wrong);

/* How a command ended, where not by a status alone: its exit code. */
enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_FAILED = 1,
    OUTCOME_USAGE = 2,
    OUTCOME_CHECK_FAILED = 3,
    OUTCOME_NOT_JUDGED = 4,
    OUTCOME_UNAVAILABLE = 5,
    OUTCOME_BUSY = 6,
    OUTCOME_CHANGES = 7,
    OUTCOME_INTERRUPTED = 130
};

/* The exit code of a status, and what each code means (NULL after the last). */
enum outcome outcome_of(larder_status status);
struct outcome_text {
    int code;
    const char *text;
};
extern const struct outcome_text outcome_texts[];

extern const struct operation op_apply, op_completion, op_copy,
    op_data_sources, op_diff, op_doctor,
    op_entities, op_explain, op_feature_services, op_feature_views,
    op_freshness, op_get,
    op_get_historical_features, op_help, op_ingest, op_init, op_join,
    op_lineage, op_ls, op_materialize, op_materialize_incremental, op_plan,
    op_prove, op_push, op_rollback, op_search, op_serve, op_show, op_sql,
    op_stats, op_teardown, op_test, op_token, op_validate, op_version;

#endif
