/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation.c - the table of operations, and the one table of exit codes.
 */
#include "operation.h"

#include <string.h>

#include "base/name.h"

#define NAMES_MAX 128

const struct operation *const operations[] = {&op_init, &op_validate, &op_test,
    &op_plan, &op_apply, &op_diff, &op_rollback, &op_copy, &op_teardown, &op_ls,
    &op_show, &op_search, &op_lineage, &op_sql, &op_stats, &op_doctor,
    &op_ingest, &op_push, &op_join, &op_explain, &op_materialize, &op_get,
    &op_prove, &op_freshness,
#ifdef HAVE_SERVER
    &op_serve, &op_token,
#endif
    &op_completion, &op_version, &op_help, &op_materialize_incremental,
    &op_get_historical_features, &op_entities, &op_feature_views,
    &op_feature_services, &op_data_sources, NULL};

static const char *const output_choices[] = {
    "table", "json", "jsonl", "csv", NULL};

const struct param global_params[] = {{.name = "directory",
                                          .letter = 'C',
                                          .type = PARAM_FILE,
                                          .value = "DIR",
                                          .help = "work in DIR"},
    {.name = "env",
        .type = PARAM_TEXT,
        .value = "NAME",
        .help = "read feature_store.NAME.yaml instead (or set LARDER_ENV)"},
    {.name = "config",
        .type = PARAM_FILE,
        .value = "FILE",
        .help = "the configuration (or set LARDER_CONFIG); else "
                "feature_store.yaml here or in a folder above"},
    {.name = "output",
        .letter = 'o',
        .type = PARAM_CHOICE,
        .value = "FORMAT",
        .choices = output_choices,
        .help = "how results are printed: table, json, jsonl or csv"},
    {.name = "quiet",
        .letter = 'q',
        .type = PARAM_FLAG,
        .help = "results and errors only"},
    {.name = "verbose",
        .letter = 'v',
        .type = PARAM_FLAG,
        .help = "tell what the library logs"},
    {.name = "threads",
        .type = PARAM_NUMBER,
        .value = "N",
        .help = "threads to use; the number of processors unless given"},
    {.name = "memory",
        .type = PARAM_SIZE,
        .value = "SIZE",
        .help = "working memory, such as 256M; more is spilled to TMPDIR"},
    {.name = "no-color",
        .type = PARAM_FLAG,
        .help = "no colours (or set NO_COLOR)"},
    {.name = "help",
        .letter = 'h',
        .type = PARAM_FLAG,
        .help = "what the command does"},
    {.name = "version", .type = PARAM_FLAG, .hidden = true, .help = "version"},
    {0}};

const struct outcome_text outcome_texts[] = {
    {OUTCOME_DONE, "done; features that were not found included"},
    {OUTCOME_FAILED, "failed; faulty definitions included"},
    {OUTCOME_USAGE, "the command line is wrong"},
    {OUTCOME_CHECK_FAILED,
        "a check failed: rows were rejected, a first or explicit run of "
        "materialize read nothing, a case of test failed, prove or copy found "
        "a difference, or doctor something wrong"},
    {OUTCOME_NOT_JUDGED,
        "a check could not be judged: there was no case to test, prove had "
        "nothing to compare, or doctor could not look at something"},
    {OUTCOME_UNAVAILABLE, "a store cannot be reached: trying again may help"},
    {OUTCOME_BUSY, "busy, or somebody else changed it first"},
    {OUTCOME_CHANGES, "plan --exit-code, and there are changes"},
    {OUTCOME_INTERRUPTED, "interrupted"}, {0, NULL}};

enum outcome
outcome_of(larder_status status)
{
    switch (status) {
    case LARDER_OK:
        return OUTCOME_DONE;
    case LARDER_CONFLICT:
    case LARDER_BUSY:
        return OUTCOME_BUSY;
    case LARDER_UNAVAILABLE:
    case LARDER_DEADLINE:
        return OUTCOME_UNAVAILABLE;
    case LARDER_INTERRUPTED:
        return OUTCOME_INTERRUPTED;
    case LARDER_INVALID:
    case LARDER_NOT_FOUND:
    case LARDER_UNSUPPORTED:
    case LARDER_CORRUPT:
    case LARDER_IO:
    case LARDER_LIMIT:
    case LARDER_NOMEM:
        break;
    }
    return OUTCOME_FAILED;
}

const char *
group_title(enum group group)
{
    switch (group) {
    case GROUP_DEFINITIONS:
        return "Definitions";
    case GROUP_LOOK:
        return "Looking around";
    case GROUP_HISTORY:
        return "History";
    case GROUP_ONLINE:
        return "Online";
    case GROUP_COMMAND:
    case N_GROUPS:
        break;
    }
    return "This command";
}

const struct operation *
operation_find(const char *name)
{
    for (size_t i = 0; operations[i] != NULL; i++) {
        const char *const *alias = operations[i]->aliases;

        if (strcmp(operations[i]->name, name) == 0)
            return operations[i];
        for (; alias != NULL && *alias != NULL; alias++)
            if (strcmp(*alias, name) == 0)
                return operations[i];
    }
    return NULL;
}

const char *
operation_nearest(const char *wrong)
{
    const char *names[NAMES_MAX];
    size_t n = 0;

    for (size_t i = 0; operations[i] != NULL; i++) {
        const char *const *alias = operations[i]->aliases;

        if (n < NAMES_MAX)
            names[n++] = operations[i]->name;
        for (; alias != NULL && *alias != NULL && n < NAMES_MAX; alias++)
            names[n++] = *alias;
    }
    return ldr_name_nearest(wrong, names, n);
}

static size_t
add_names(const struct param *params, const char **names, size_t n)
{
    for (; params->name != NULL; params++)
        if (!params->positional && !params->hidden && n < NAMES_MAX)
            names[n++] = params->name;
    return n;
}

const char *
param_nearest(const struct operation *operation, const char *wrong)
{
    const char *names[NAMES_MAX];
    size_t n = add_names(global_params, names, 0);

    if (operation != NULL)
        n = add_names(operation->params, names, n);
    return ldr_name_nearest(wrong, names, n);
}
