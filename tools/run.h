/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - one run of one operation: its arguments, its call, its store.
 *
 * The store is opened when an operation first asks for it, so help and faults
 * of the command line need no configuration. Clock, environment, processors
 * and signals are read here and nowhere else.
 */
#ifndef RUN_H
#define RUN_H

#include <jansson.h>
#include <stdio.h>

#include "arguments.h"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV };

/* The faults that were told while the library ran. */
struct told {
    size_t n_errors, n_warnings;
    json_t *faults;     /* under -o json, else NULL */
    larder_error first; /* the first error told */
};

struct run {
    const struct operation *operation;
    const char *spelling; /* of the command, as typed */
    ldr_arena arena;
    struct arguments arguments;
    enum output output;
    bool output_given; /* -o was */
    bool quiet, verbose, color;
    FILE *out;   /* where results go: standard output */
    bool served; /* for a request: standard error is the server's */
    int64_t started; /* monotonic */
    larder_call call;
    bool fixed_now;      /* LARDER_NOW was set */
    larder_store *store; /* run_store() */
    struct told told;
    bool progress_shown; /* a line of it stands on standard error */
    int64_t progress_at;
    bool usage; /* the failure is one of the command line */
    bool stdout_failed;
    enum outcome outcome; /* of a run that did not fail */
};

/* Take what the global options say. Faults are of the command line. */
larder_status run_begin(struct run *run, larder_error *err);
void run_end(struct run *run);
/* Whether faults are coloured, as far as the command line is known. */
void run_set_color(struct run *run);

/* What opens the store of the configuration. */
larder_status run_configuration(
    struct run *run, larder_open_options *out, larder_error *err);
/* That store, opened once. */
larder_status run_store(struct run *run, larder_store **out, larder_error *err);
/* The store of another environment: "local" is feature_store.yaml, any other
 * NAME feature_store.NAME.yaml. Yours: larder_close(). */
larder_status run_environment(
    struct run *run, const char *name, larder_store **out, larder_error *err);
/* The present; or the moment that LARDER_NOW says. */
larder_time run_clock(const struct run *run);
/* An environment variable that says something, or NULL. */
const char *run_variable(const char *name);
/* Seconds since the run began, on the monotonic clock. */
double run_seconds(const struct run *run);
/* The faults told so far, under -o json; borrowed. */
json_t *run_faults(struct run *run);
/* A fault of the command line: INVALID, exit 2. */
larder_status run_usage(struct run *run, larder_error *err, const char *format,
    ...) LARDER_PRINTF(3, 4);
/* Refs, service and naming of -f, -s and --full-feature-names. */
larder_status run_features(
    struct run *run, larder_features *out, larder_error *err);
/* --timezone, or refused. */
larder_status run_offset(struct run *run, int32_t *minutes, larder_error *err);

/* The parameters that more than one operation has. */
#define PARAM_FEATURES                                                         \
    {                                                                          \
        .name = "features", .letter = 'f', .type = PARAM_LIST,                 \
        .value = "REFS",                                                       \
        .help = "features to give: view:feature, or a whole view"              \
    }
#define PARAM_SERVICE                                                          \
    {                                                                          \
        .name = "service", .letter = 's', .type = PARAM_TEXT, .value = "NAME", \
        .help = "the feature service to give"                                  \
    }
#define PARAM_FULL_NAMES                                                       \
    {                                                                          \
        .name = "full-feature-names", .type = PARAM_FLAG,                      \
        .help = "name features view__feature"                                  \
    }
#define PARAM_TIMEZONE                                                         \
    {                                                                          \
        .name = "timezone", .type = PARAM_TEXT, .value = "OFFSET",             \
        .help = "of times without one: UTC, +05:30; else they are refused"     \
    }
#define PARAM_FORMAT(of)                                                       \
    {                                                                          \
        .name = "format", .type = PARAM_CHOICE, .value = "FORMAT",             \
        .choices = input_formats,                                              \
        .help = "of " of ": csv or jsonl; else by its name or first byte"      \
    }
extern const char *const input_formats[];

#endif
