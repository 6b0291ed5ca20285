/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_circle.c - no on-demand view is made of itself, nor stands on too
 * many others in a row.
 *
 * Turn by turn those are done whose inputs were done before. Who is left after
 * the last turn goes round, or stands on more than there may be.
 */
#include "definition/check.h"

#include <stdio.h>

#define WORDS_ROOM 320

/* A walk through views whose turn has not come. */
typedef struct walk {
    ldr_check *check;
    bool *done;   /* by view: all it stands on is known */
    size_t *mark; /* the walk that came by; 0: none */
} walk;

static size_t
index_of(const ldr_check *check, const ldr_on_demand *view)
{
    return (size_t)(view - check->on_demands);
}

/* The first input whose turn has not come, or NULL. */
static const ldr_input *
next_waiting(const walk *self, size_t at)
{
    const ldr_on_demand *view = &self->check->on_demands[at];

    for (size_t i = 0; i < view->n_inputs; i++)
        if (view->inputs[i].on_demand != NULL &&
            !self->done[index_of(self->check, view->inputs[i].on_demand)])
            return &view->inputs[i];
    return NULL;
}

/* Give a turn to all whose inputs had theirs; false: to none. */
static bool
take_turns(walk *self, bool *turn)
{
    size_t n = self->check->all->n_on_demands;
    bool any = false;

    for (size_t i = 0; i < n; i++)
        turn[i] = !self->done[i] && next_waiting(self, i) == NULL;
    for (size_t i = 0; i < n; i++) {
        any = any || turn[i];
        self->done[i] = self->done[i] || turn[i];
    }
    return any;
}

/* "a -> b -> a", from a view that is met again. */
static void
tell_circle(const walk *self, size_t at)
{
    ldr_check *check = self->check;
    const ldr_on_demand *views = check->on_demands;
    const ldr_input *first = next_waiting(self, at);
    char words[WORDS_ROOM];
    size_t i = at, used = 0;

    do {
        used += (size_t)snprintf(
            words + used, sizeof words - used, "%s -> ", views[i].about.name);
        i = index_of(check, next_waiting(self, i)->on_demand);
    } while (i != at && used + 64 < sizeof words);
    snprintf(words + used, sizeof words - used, "%s",
        i == at ? views[at].about.name : "...");
    ldr_fault(check->faults, &first->place, "take one of the inputs away",
        "on-demand view '%s' is made of itself: %s", views[at].about.name,
        words);
}

/* Follow inputs from a view until one is met again, or there is no further. */
static void
follow(walk *self, size_t from)
{
    ldr_check *check = self->check;
    size_t at = from, number = from + 1;
    const ldr_input *next;

    while (self->mark[at] == 0) {
        self->mark[at] = number;
        next = next_waiting(self, at);
        if (next == NULL) {
            ldr_fault(check->faults, &check->on_demands[from].about.place,
                "compute some of them in one view",
                "on-demand view '%s' stands on more than %u others in a row",
                check->on_demands[from].about.name, LDR_ON_DEMAND_DEPTH_MAX);
            return;
        }
        at = index_of(check, next->on_demand);
    }
    if (self->mark[at] == number)
        tell_circle(self, at);
}

void
ldr_check_circles(ldr_check *check)
{
    size_t n = check->all->n_on_demands;
    walk self = {.check = check,
        .done = ldr_check_array(check, n, sizeof(bool)),
        .mark = ldr_check_array(check, n, sizeof(size_t))};
    bool *turn = ldr_check_array(check, n, sizeof(bool));

    if (check->nomem)
        return;
    for (unsigned i = 0; i <= LDR_ON_DEMAND_DEPTH_MAX; i++)
        if (!take_turns(&self, turn))
            break;
    for (size_t i = 0; i < n; i++)
        if (!self.done[i])
            follow(&self, i);
}
