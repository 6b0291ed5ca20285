/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable.c - can all that is declared be read?
 */
#include "engine/readable.h"

#include "engine/plan.h"

/* Plan one thing; what is wrong with it is a fault of the definitions. */
static larder_status
try_plan(ldr_snapshot *snapshot, const larder_features *features,
    const ldr_about *about, const char *kind, ldr_faults *faults,
    larder_error *err)
{
    larder_error why = {0};
    ldr_plan plan = {0};
    larder_status rc = ldr_plan_make(snapshot, features, &plan, &why);

    ldr_plan_release(&plan);
    if (rc == LARDER_INVALID || rc == LARDER_NOT_FOUND || rc == LARDER_LIMIT) {
        ldr_fault(faults, &about->place, why.hint[0] == '\0' ? NULL : why.hint,
            "%s '%s' cannot be read: %s", kind, about->name, why.message);
        return LARDER_OK;
    }
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    return rc;
}

larder_status
ldr_readable(ldr_snapshot *snapshot, ldr_faults *faults, larder_error *err)
{
    const ldr_definitions *all = &snapshot->all;
    size_t before = faults->n_errors;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < all->n_on_demands; i++) {
        const ldr_about *about = &all->on_demands[i].about;
        larder_features features = {
            .refs = &about->name, .n_refs = 1, .full_names = true};

        LARDER_TRY(try_plan(
            snapshot, &features, about, "on-demand view", faults, err));
    }
    for (size_t i = 0; i < all->n_services; i++) {
        const ldr_about *about = &all->services[i].about;
        larder_features features = {.service = about->name, .full_names = true};

        LARDER_TRY(try_plan(
            snapshot, &features, about, "feature service", faults, err));
    }
    if (faults->n_errors > before) {
        if (err != NULL)
            *err = faults->first;
        return LARDER_INVALID;
    }
out:
    return rc;
}
