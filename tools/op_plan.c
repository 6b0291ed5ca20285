/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_plan.c - what apply would do. Proves, writes nothing.
 */
#include "changes.h"

static larder_status
run_plan(struct run *run, larder_error *err)
{
    larder_store *store;
    larder_applied applied = {0};
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_plan(store, &run->call, &applied, &changes, err));
    LARDER_TRY(changes_print(run, &changes, changes_generation(&applied), err));
    if (applied.n_changes > 0) {
        print_words(run, "'larder apply' does this");
        if (argument_flag(&run->arguments, "exit-code"))
            run->outcome = OUTCOME_CHANGES;
    }
out:
    return rc;
}

const struct operation op_plan = {.name = "plan",
    .group = GROUP_DEFINITIONS,
    .help = "what apply would do",
    .long_help = "Proves the definitions against the live stores, as apply "
                 "does, and prints the changes. Nothing is written.",
    .params =
        (const struct param[]){
            {.name = "exit-code",
                .type = PARAM_FLAG,
                .help = "exit with 7 when there are changes"},
            {0}},
    .run = run_plan};
