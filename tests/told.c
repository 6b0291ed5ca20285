/* SPDX-License-Identifier: Apache-2.0 */
/*
 * told.c - what a call tells through its diagnostics, as text to compare.
 */
#include "tests/told.h"

#include <stdio.h>

static void
keep(void *context, const larder_diagnostic *diagnostic)
{
    told *all = context;
    size_t room = sizeof all->text - all->size;
    int used = snprintf(all->text + all->size, room, "%s:%u:%u: %s: %s\n",
        diagnostic->file != NULL ? diagnostic->file : "", diagnostic->line,
        diagnostic->column, diagnostic->warning ? "warning" : "error",
        diagnostic->message);

    if (used > 0 && (size_t)used < room)
        all->size += (size_t)used;
    room = sizeof all->text - all->size;
    if (diagnostic->hint != NULL) {
        used = snprintf(
            all->text + all->size, room, "    hint: %s\n", diagnostic->hint);
        if (used > 0 && (size_t)used < room)
            all->size += (size_t)used;
    }
    snprintf(all->line, sizeof all->line, "%s",
        diagnostic->text != NULL ? diagnostic->text : "");
    all->n_told++;
}

larder_call
told_call(told *all)
{
    return (larder_call){.diagnostic = keep, .context = all};
}
