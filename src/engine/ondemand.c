/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondemand.c - on-demand features of a plan over columns that are there.
 */
#include "engine/ondemand.h"

#include <stdlib.h>

void
ldr_ondemand_room_release(ldr_ondemand_room *room)
{
    ldr_expression_room_free(room->expression);
    free(room->columns);
    *room = (ldr_ondemand_room){0};
}

static const larder_column *
find_input(const ldr_plan_input *input, const ldr_inputs *inputs)
{
    switch (input->kind) {
    case LDR_INPUT_NONE:
        break;
    case LDR_INPUT_FEATURE:
        return inputs->features[input->at];
    case LDR_INPUT_REQUEST:
        return inputs->requests[input->at];
    case LDR_INPUT_EVENT:
        return inputs->events[input->at];
    case LDR_INPUT_AS_OF:
        return inputs->as_of;
    }
    return NULL;
}

larder_status
ldr_ondemand_run(const ldr_plan *plan, size_t which, const ldr_inputs *inputs,
    size_t begin, size_t end, ldr_ondemand_room *room, larder_column *out,
    uint64_t *n_made_null, larder_error *err)
{
    const ldr_plan_derived *derived = &plan->derived[which];
    size_t n = derived->view->columns.n_fields;

    if (n > room->n_columns) {
        const larder_column **grown = realloc(room->columns, n * sizeof *grown);

        if (grown == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory to compute '%s'",
                plan->features[derived->output].ref);
        room->columns = grown;
        room->n_columns = n;
    }
    for (size_t i = 0; i < n; i++)
        room->columns[i] = find_input(&derived->inputs[i], inputs);
    return ldr_expression_evaluate(derived->feature->expression, room->columns,
        begin, end, &room->expression, out, n_made_null, err);
}

bool
ldr_ondemand_reads_event(const ldr_plan *plan, size_t view)
{
    for (size_t d = 0; d < plan->n_derived; d++) {
        const ldr_plan_derived *derived = &plan->derived[d];

        for (size_t i = 0; i < derived->view->columns.n_fields; i++)
            if (derived->inputs[i].kind == LDR_INPUT_EVENT &&
                derived->inputs[i].at == view)
                return true;
    }
    return false;
}
