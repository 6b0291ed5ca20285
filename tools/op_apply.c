/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_apply.c - definitions to the registry: apply, diff, rollback, teardown.
 */
#include "ask.h"
#include "base/number.h"
#include "changes.h"

#include <string.h>

#define PARAM_BREAKING                                                         \
    {                                                                          \
        .name = "allow-breaking", .type = PARAM_FLAG,                          \
        .help = "also when a feature service can no longer answer as before"   \
    }
#define PARAM_YES                                                              \
    {                                                                          \
        .name = "yes", .letter = 'y', .type = PARAM_FLAG, .help = "do not ask" \
    }

static larder_status
show(struct run *run, larder_stream *changes, const larder_applied *applied,
    larder_error *err)
{
    larder_status rc;

    LARDER_TRY(changes_print(run, changes, changes_generation(applied), err));
    if (applied->n_changes > 0)
        print_words(run, "applied as generation %llu",
            (unsigned long long)applied->generation);
out:
    return rc;
}

/* On a terminal: show the plan, then ask. CONFLICT later, should somebody
 * apply while the person thinks. */
static larder_status
confirm(struct run *run, larder_store *store, larder_apply_options *options,
    bool *nothing, larder_error *err)
{
    larder_applied planned = {0};
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(larder_plan(store, &run->call, &planned, &changes, err));
    *nothing = planned.n_changes == 0;
    LARDER_TRY(changes_print(run, &changes, changes_generation(&planned), err));
    if (!*nothing)
        LARDER_TRY(ask(run, "Apply this?", err));
    options->after = planned.generation;
out:
    return rc;
}

static larder_status
run_apply(struct run *run, larder_error *err)
{
    larder_apply_options options = {
        .allow_breaking = argument_flag(&run->arguments, "allow-breaking")};
    bool nothing = false;
    larder_store *store;
    larder_applied applied = {0};
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    if (!argument_flag(&run->arguments, "yes") && can_ask(run)) {
        LARDER_TRY(confirm(run, store, &options, &nothing, err));
        if (nothing)
            goto out;
    }
    LARDER_TRY(
        larder_apply(store, &run->call, &options, &applied, &changes, err));
    rc = show(run, &changes, &applied, err);
out:
    return rc;
}

const struct operation op_apply = {.name = "apply",
    .group = GROUP_DEFINITIONS,
    .help = "bring the definitions into the registry",
    .long_help =
        "Proves the definitions against the live stores, makes or widens the "
        "tables that Larder owns, and appends a new generation to the "
        "registry. Without changes nothing is written. On a terminal it shows "
        "the plan and asks first.",
    .params = (const struct param[]){PARAM_YES, PARAM_BREAKING, {0}},
    .run = run_apply};

/* "current" is 0. */
static larder_status
generation_of(struct run *run, const char *name, bool current_allowed,
    uint64_t *out, larder_error *err)
{
    const char *text = argument_text(&run->arguments, name);
    int64_t number = 0;

    *out = 0;
    if (text == NULL || (current_allowed && strcmp(text, "current") == 0))
        return LARDER_OK;
    if (ldr_int64_parse(text, strlen(text), &number) != LDR_NUMBER_OK ||
        number < 1)
        return run_usage(run, err, "'%s' is no generation: they count from 1%s",
            text, current_allowed ? "; 'current' is the newest" : "");
    *out = (uint64_t)number;
    return LARDER_OK;
}

/* As it was asked for: which number is current, only the registry knows. */
static json_t *
generation_json(uint64_t generation)
{
    return generation == 0 ? json_string("current")
                           : json_integer((json_int_t)generation);
}

static larder_status
run_diff(struct run *run, larder_error *err)
{
    uint64_t from, to;
    larder_store *store;
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(generation_of(run, "from", true, &from, err));
    LARDER_TRY(generation_of(run, "to", true, &to, err));
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_diff(store, &run->call, from, to, &changes, err));
    rc = changes_print(run, &changes,
        json_pack("{s:o, s:o}", "from", generation_json(from), "to",
            generation_json(to)),
        err);
out:
    return rc;
}

const struct operation op_diff = {.name = "diff",
    .group = GROUP_DEFINITIONS,
    .help = "what changed between two generations",
    .params = (const struct param[]){{.name = "from",
                                         .type = PARAM_TEXT,
                                         .positional = true,
                                         .required = true,
                                         .value = "A",
                                         .help = "a generation, or 'current'"},
        {.name = "to",
            .type = PARAM_TEXT,
            .positional = true,
            .value = "B",
            .help = "another; the current one unless given"},
        {0}},
    .run = run_diff};

static larder_status
run_rollback(struct run *run, larder_error *err)
{
    larder_apply_options options = {
        .allow_breaking = argument_flag(&run->arguments, "allow-breaking")};
    uint64_t generation;
    larder_store *store;
    larder_applied applied = {0};
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(generation_of(run, "generation", false, &generation, err));
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_rollback(
        store, &run->call, generation, &options, &applied, &changes, err));
    rc = show(run, &changes, &applied, err);
out:
    return rc;
}

const struct operation op_rollback = {.name = "rollback",
    .group = GROUP_DEFINITIONS,
    .help = "apply an earlier generation again",
    .long_help = "The definitions of generation GEN become a new generation. "
                 "The files of the repository stay as they are.",
    .params =
        (const struct param[]){{.name = "generation",
                                   .type = PARAM_TEXT,
                                   .positional = true,
                                   .required = true,
                                   .value = "GEN",
                                   .help = "the generation to go back to"},
            PARAM_BREAKING, {0}},
    .run = run_rollback};

static larder_status
run_teardown(struct run *run, larder_error *err)
{
    larder_store *store;
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(ask(run,
        "Remove the tables Larder owns, all online rows and the registry of "
        "this project?",
        err));
    LARDER_TRY(larder_teardown(store, &run->call, err));
    if (run->output == OUTPUT_JSON)
        return print_document(run, json_pack("{s:b}", "removed", 1), err);
    print_words(run, "removed");
out:
    return rc;
}

const struct operation op_teardown = {.name = "teardown",
    .group = GROUP_DEFINITIONS,
    .help = "remove what Larder made in the stores",
    .long_help =
        "Removes the tables Larder owns with their rows, all online rows, and "
        "the registry of this project. Tables of yours are never touched. "
        "Asks on a terminal; elsewhere --yes is needed.",
    .params = (const struct param[]){PARAM_YES, {0}},
    .run = run_teardown};
