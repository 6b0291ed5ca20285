/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.c - what is copied, in which order, and what the report says of it.
 */
#include "engine/copy.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ reports */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to copy");
}

larder_status
ldr_copy_reason(
    larder_copied *report, larder_error *err, const char *format, ...)
{
    char words[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    free((void *)(uintptr_t)report->reason);
    report->reason = strdup(words);
    return report->reason == NULL ? no_memory(err) : LARDER_OK;
}

void
ldr_copy_compare(
    larder_copied *report, const ldr_tally *from, const ldr_tally *to)
{
    report->held = to->n_rows;
    report->compared = true;
    report->equal = ldr_tally_equal(from, to);
    ldr_tally_hex(from, report->digest);
    ldr_tally_hex(to, report->digest_to);
}

larder_status
ldr_copy_of_from(larder_status rc, larder_error *err)
{
    if (rc != LARDER_OK)
        larder_context(err, "copying from");
    return rc;
}

larder_status
ldr_copy_of_to(larder_status rc, larder_error *err)
{
    if (rc != LARDER_OK)
        larder_context(err, "copying to");
    return rc;
}

static larder_status
begin_report(larder_copy_report *report, const char *kind, const char *name,
    larder_copied **out, larder_error *err)
{
    larder_copied *copied = &report->copies[report->n_copies];

    *copied = (larder_copied){.kind = kind, .name = strdup(name)};
    if (copied->name == NULL)
        return no_memory(err);
    report->n_copies++;
    *out = copied;
    return LARDER_OK;
}

/* ------------------------------------------------------------- what is asked
 */

static larder_status
copy_history(const ldr_copying *c, larder_copy_report *report,
    ldr_copied_source *sources, size_t *n_sources, larder_error *err)
{
    const ldr_definitions *all = &c->snapshot->all;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < all->n_sources; i++) {
        const ldr_source *source = &all->sources[i];
        larder_copied *copied = NULL;

        if (source->kind != LDR_SOURCE_BATCH)
            continue;
        LARDER_TRY(
            begin_report(report, "source", source->about.name, &copied, err));
        if (source->owned) {
            rc = ldr_copy_source(
                c, source, copied, &sources[(*n_sources)++], err);
            if (rc != LARDER_OK)
                larder_context(err, "source '%s'", source->about.name);
        } else {
            rc = ldr_copy_reason(
                copied, err, "its table is yours: Larder does not copy it");
        }
        LARDER_TRY(rc);
    }
out:
    return rc;
}

static larder_status
copy_online(const ldr_copying *c, larder_copy_report *report,
    const ldr_copied_source *sources, size_t n_sources, larder_error *err)
{
    const ldr_definitions *all = &c->snapshot->all;
    const ldr_view **views = calloc(all->n_views + 1, sizeof *views);
    larder_copied *first = report->copies + report->n_copies, *copied;
    size_t n_views = 0;
    larder_status rc = LARDER_OK;

    if (views == NULL)
        return no_memory(err);
    for (size_t i = 0; i < all->n_views; i++) {
        if (!all->views[i].online)
            continue;
        views[n_views++] = &all->views[i];
        LARDER_TRY(begin_report(
            report, "view", all->views[i].about.name, &copied, err));
    }
    if (n_views > 0)
        rc = ldr_copy_views(c, views, n_views, sources, n_sources, first, err);
out:
    free(views);
    return rc;
}

larder_status
ldr_copy(const ldr_copying *c, larder_copy_report *report, larder_error *err)
{
    const ldr_definitions *all = &c->snapshot->all;
    ldr_copied_source *sources = calloc(all->n_sources + 1, sizeof *sources);
    size_t n_sources = 0;
    larder_status rc = LARDER_OK;

    report->copies =
        calloc(all->n_sources + all->n_views + 1, sizeof *report->copies);
    if (sources == NULL || report->copies == NULL) {
        rc = no_memory(err);
        goto out;
    }
    if (c->options->history)
        LARDER_TRY(copy_history(c, report, sources, &n_sources, err));
    if (c->options->online)
        LARDER_TRY(copy_online(c, report, sources, n_sources, err));
out:
    free(sources);
    return rc;
}
