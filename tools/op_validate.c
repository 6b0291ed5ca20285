/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_validate.c - are the definitions right? Touches no store.
 */
#include "print.h"
#include "speak.h"

static const struct {
    const char *one, *many;
    bool always; /* said of none too */
} kinds[] = {{"entity", "entities", true}, {"source", "sources", true},
    {"feature view", "feature views", true},
    {"on-demand view", "on-demand views", false}, {"service", "services", true},
    {"job", "jobs", false}};

static void
say_counts(struct run *run, const larder_faults *f)
{
    const size_t counts[] = {f->n_entities, f->n_sources, f->n_views,
        f->n_on_demand_views, f->n_services, f->n_jobs};
    char words[256];
    size_t used = 0;

    words[0] = '\0';
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] > 0 || kinds[i].always)
            used += (size_t)snprintf(words + used, sizeof words - used,
                "%s%zu %s", used == 0 ? "" : ", ", counts[i],
                counts[i] == 1 ? kinds[i].one : kinds[i].many);
    print_words(run, "valid: %s", words);
}

static larder_status
run_validate(struct run *run, larder_error *err)
{
    larder_store *store;
    larder_faults faults = {0};
    larder_status rc, told;

    LARDER_TRY(run_store(run, &store, err));
    rc = larder_validate(store, &run->call, &faults, err);
    if (run->output == OUTPUT_TABLE) {
        LARDER_TRY(rc);
        say_counts(run, &faults);
        return LARDER_OK;
    }
    if (rc != LARDER_OK && rc != LARDER_INVALID)
        return rc;
    told = print_document(run,
        json_pack("{s:b, s:I, s:I, s:O, s:I, s:I, s:I, s:I, s:I, s:I}", "valid",
            (int)(rc == LARDER_OK), "errors", (json_int_t)faults.n_errors,
            "warnings", (json_int_t)faults.n_warnings, "faults",
            run_faults(run), "entities", (json_int_t)faults.n_entities,
            "sources", (json_int_t)faults.n_sources, "views",
            (json_int_t)faults.n_views, "on_demand_views",
            (json_int_t)faults.n_on_demand_views, "services",
            (json_int_t)faults.n_services, "jobs", (json_int_t)faults.n_jobs),
        err);
    rc = rc == LARDER_OK ? told : rc;
out:
    return rc;
}

const struct operation op_validate = {.name = "validate",
    .group = GROUP_DEFINITIONS,
    .help = "check the definitions",
    .long_help =
        "Reads every definition of the repository and tells all faults at "
        "once, each with its file, line and column. No store is touched.",
    .params = (const struct param[]){{0}},
    .run = run_validate};
