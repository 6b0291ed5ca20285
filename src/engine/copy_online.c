/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_online.c - online rows of views, and what says that they are
 * materialized: which rows go into which table, and what the target's ledger
 * says before and after. copy_rows.c moves them.
 */
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "definition/table.h"
#include "engine/copy_rows.h"

typedef ldr_copy_part part;
typedef ldr_copy_rows moving;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to copy online rows");
}

/* ----------------------------------------------------------------- planning */

static larder_status
read_positions(moving *m, larder_error *err)
{
    const ldr_copying *c = m->c;
    size_t n = m->n_parts;
    const char **names = calloc(n + 1, sizeof *names);
    ldr_position *positions = calloc(n + 1, sizeof *positions);
    larder_status rc = LARDER_OK;

    if (names == NULL || positions == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        names[i] = m->parts[i].view->about.name;
    LARDER_TRY(ldr_copy_of_from(ldr_positions_read(c->from.online, c->call,
                                    c->from.project, names, n, positions, err),
        err));
    for (size_t i = 0; i < n; i++) {
        m->parts[i].from = positions[i];
        m->parts[i].to = (ldr_position){.until = LARDER_TIME_MIN};
    }
    if (c->to.online == NULL)
        goto out;
    LARDER_TRY(ldr_copy_of_to(ldr_positions_read(c->to.online, c->call,
                                  c->to.project, names, n, positions, err),
        err));
    for (size_t i = 0; i < n; i++)
        m->parts[i].to = positions[i];
out:
    free(names);
    free(positions);
    return rc;
}

/* The source's number where the target has no build of it, so that the same
 * table has the same name on both sides; else one that none has. */
static uint64_t
new_number(const ldr_position *to, uint64_t wanted)
{
    uint64_t greatest =
        to->fill.number > to->read.number ? to->fill.number : to->read.number;

    for (size_t i = 0; i < to->n_old; i++)
        if (to->old[i].number > greatest)
            greatest = to->old[i].number;
    return wanted > greatest ? wanted : greatest + 1;
}

static larder_status
choose_tables(const ldr_copying *c, part *p, larder_error *err)
{
    const char *name = p->view->about.name;
    larder_status rc;

    LARDER_TRY(
        ldr_copy_of_from(ldr_build_table(c->from.online, c->from.project,
                             p->view, &p->from.read, &p->table_from, err),
            err));
    p->table_to =
        ldr_view_table(c->to.project, name, p->build.hash, p->build.number);
    if (c->to.online != NULL)
        rc = ldr_copy_of_to(ldr_build_table(c->to.online, c->to.project,
                                p->view, &p->build, &p->table_to, err),
            err);
out:
    return rc;
}

static larder_status
choose_build(const ldr_copying *c, part *p, larder_error *err)
{
    p->filling = strcmp(p->to.read.hash, p->hash) != 0;
    if (!p->filling)
        p->build = p->to.read;
    else if (strcmp(p->to.fill.hash, p->hash) == 0)
        p->build = p->to.fill; /* a run that did not finish: go on */
    else
        p->build.number = new_number(&p->to, p->from.read.number);
    memcpy(p->build.hash, p->hash, sizeof p->hash);
    return choose_tables(c, p, err);
}

/* Times finer than the source keeps cannot be made up. */
static bool
is_too_coarse(const ldr_copying *c, const part *p)
{
    if (!ldr_online_whole_seconds(c->from.online) || c->to.online == NULL ||
        ldr_online_whole_seconds(c->to.online))
        return false;
    for (size_t i = 0; i < p->view->n_features; i++)
        if (ldr_type_item(p->view->features[i].type) == LARDER_TIMESTAMP)
            return true;
    return false;
}

static larder_status
choose(const ldr_copying *c, part *p, larder_error *err)
{
    larder_status rc = ldr_view_hash(p->view, p->hash, err);

    if (rc != LARDER_OK)
        return rc;
    if (p->from.read.hash[0] == '\0')
        return ldr_copy_reason(
            p->report, err, "it is not materialized in the source");
    if (strcmp(p->from.read.hash, p->hash) != 0)
        return ldr_copy_reason(p->report, err,
            "its online rows are of an earlier definition: materialize it in "
            "the source first");
    if (is_too_coarse(c, p))
        return ldr_copy_reason(p->report, err,
            "the source keeps whole seconds of its times: materialize it in "
            "the target");
    p->moves = true;
    rc = choose_build(c, p, err);
    return rc == LARDER_OK ? ldr_copy_part_floors(c, p, err) : rc;
}

/* Is every row of the source's history online there? */
static larder_status
is_all_online(const ldr_copying *c, const part *p, bool *out, larder_error *err)
{
    larder_table table;
    larder_schema keys;
    larder_scan scan = {.table = &table,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .arrived = true,
        .after = p->from.arrival,
        .seen_until = LARDER_TIME_MAX, /* the future is of no account */
        .order = LARDER_ORDER_ANY};
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_status rc;

    ldr_view_source(p->view, &keys, &table);
    scan.key = table.key;
    scan.n_key = table.n_key;
    LARDER_TRY(ldr_offline_begin(c->from.offline, c->call, 1, err));
    rc = ldr_offline_scan(c->from.offline, 0, c->call, &scan, &rows, err);
    if (rc == LARDER_OK)
        rc = larder_stream_next(&rows, &batch, err);
    *out = batch.n_rows == 0;
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    ldr_offline_end(c->from.offline);
out:
    return ldr_copy_of_from(rc, err);
}

static larder_status
settle(const ldr_copying *c, part *p, const ldr_copied_source *sources,
    size_t n_sources, larder_error *err)
{
    for (size_t i = 0; i < n_sources; i++) {
        if (sources[i].source != p->view->source || !sources[i].equal)
            continue;
        p->arrival = sources[i].arrival;
        return is_all_online(c, p, &p->settled, err);
    }
    return LARDER_OK;
}

/* --------------------------------------------------------------- the ledger */

static larder_status
put_position(const ldr_copying *c, part *p, const ldr_position *wanted,
    larder_error *err)
{
    ldr_buffer room = {0};
    ldr_key key = {0};
    larder_put put;
    larder_outcome outcome = LARDER_MISMATCH;
    uint64_t checksum = 0;
    larder_status rc;

    LARDER_TRY(ldr_position_put(c->to.project, p->view->about.name, wanted,
        c->call->now, &room, &key, &put, &checksum, err));
    LARDER_TRY(ldr_online_put(c->to.online, c->call, &put, 1, &outcome, err));
    if (outcome == LARDER_MISMATCH) {
        rc = larder_fail(err, LARDER_CONFLICT,
            "a run took over feature view '%s' meanwhile", p->view->about.name);
        larder_hint(err, "let it finish, then copy again");
        goto out;
    }
    p->to = *wanted;
    p->to.checksum = checksum;
out:
    ldr_buffer_free(&room);
    return rc;
}

static void
remember_old(ldr_position *p, const ldr_build *old, larder_time now)
{
    if (old->hash[0] == '\0')
        return;
    if (p->n_old == LDR_OLD_BUILDS_MAX) { /* the oldest will never be swept */
        memmove(p->old, p->old + 1, (p->n_old - 1) * sizeof *p->old);
        memmove(
            p->replaced, p->replaced + 1, (p->n_old - 1) * sizeof *p->replaced);
        p->n_old--;
    }
    p->old[p->n_old] = *old;
    p->replaced[p->n_old++] = now;
}

/* Take the view over, as a run of materialize does. */
static larder_status
announce(const ldr_copying *c, part *p, larder_error *err)
{
    ldr_position wanted = p->to;

    if (p->filling && strcmp(wanted.fill.hash, p->hash) != 0)
        remember_old(&wanted, &p->to.fill, c->call->now);
    if (p->filling)
        wanted.fill = p->build;
    memcpy(wanted.run, c->run, strnlen(c->run, 32) + 1);
    return put_position(c, p, &wanted, err);
}

/* Rows that the target reads now must not vanish from sight: those of another
 * definition give way only to all that history makes. */
static bool
may_switch(const part *p)
{
    return !p->filling || p->settled || p->to.read.hash[0] == '\0';
}

static larder_status
finish(const ldr_copying *c, part *p, larder_error *err)
{
    ldr_position wanted = p->to;
    bool has_mark = p->view->source->owned || p->view->source->created != NULL;

    if (!may_switch(p))
        return ldr_copy_reason(p->report, err,
            "the target reads rows of an earlier definition until it is "
            "materialized there");
    if (p->filling) {
        remember_old(&wanted, &p->to.read, c->call->now);
        wanted.read = p->build;
        wanted.fill = (ldr_build){0};
    }
    if (p->settled) {
        wanted.arrival = p->arrival;
        wanted.until = p->from.until;
        wanted.newest_event = p->from.newest_event;
        wanted.arrived = p->from.arrived;
        wanted.ran = p->from.ran;
    } else if (p->filling || p->replaced) { /* its history is read once more */
        wanted.arrival = p->view->source->owned ? 0 : INT64_MIN;
        wanted.until = has_mark ? p->from.until : LARDER_TIME_MIN;
        wanted.newest_event = LARDER_TIME_MIN; /* until it is */
        wanted.arrived = LARDER_TIME_MIN;
        wanted.ran = LARDER_TIME_MIN;
    }
    return put_position(c, p, &wanted, err);
}

/* ---------------------------------------------------------------- the whole
 */

static larder_status
judge_part(const ldr_copying *c, part *p, larder_error *err)
{
    larder_copied *report = p->report;
    uint64_t from = p->tally_from.n_rows, to = p->tally_to.n_rows;

    ldr_copy_compare(report, &p->tally_from, &p->tally_to);
    if (report->equal || c->options->dry_run)
        return LARDER_OK;
    if (to < from)
        return ldr_copy_reason(
            report, err, "the target does not hold the rows that were copied");
    if (report->older > 0)
        return ldr_copy_reason(report, err,
            "%llu rows of the target are newer, and stay",
            (unsigned long long)report->older);
    return ldr_copy_reason(report, err,
        "the target holds %llu rows that are not in what was copied",
        (unsigned long long)(to - from));
}

static larder_status
plan(moving *m, const ldr_copied_source *sources, size_t n_sources,
    larder_error *err)
{
    const ldr_copying *c = m->c;
    larder_status rc;

    LARDER_TRY(read_positions(m, err));
    for (size_t i = 0; i < m->n_parts; i++) {
        part *p = &m->parts[i];

        LARDER_TRY(choose(c, p, err));
        if (!p->moves)
            continue;
        m->by_table[m->n_moving++] = p;
        LARDER_TRY(settle(c, p, sources, n_sources, err));
        if (!c->options->dry_run)
            LARDER_TRY(ldr_copy_of_to(announce(c, p, err), err));
    }
out:
    return rc;
}

static larder_status
run_moving(moving *m, const ldr_copied_source *sources, size_t n_sources,
    larder_error *err)
{
    const ldr_copying *c = m->c;
    larder_status rc;

    LARDER_TRY(plan(m, sources, n_sources, err));
    if (m->n_moving == 0)
        goto out;
    LARDER_TRY(ldr_copy_rows_move(m, err));
    LARDER_TRY(ldr_copy_rows_look(m, err));
    for (size_t i = 0; i < m->n_parts; i++) {
        part *p = &m->parts[i];

        if (!p->moves)
            continue;
        LARDER_TRY(judge_part(c, p, err));
        /* Rows that are not there are not spoken of. */
        if (!c->options->dry_run && p->tally_to.n_rows >= p->tally_from.n_rows)
            LARDER_TRY(ldr_copy_of_to(finish(c, p, err), err));
    }
out:
    return rc;
}

larder_status
ldr_copy_views(const ldr_copying *c, const ldr_view *const *views,
    size_t n_views, const ldr_copied_source *sources, size_t n_sources,
    larder_copied *reports, larder_error *err)
{
    moving m = {.c = c, .n_parts = n_views, .n_rows = c->chunk_rows};
    larder_status rc;

    m.parts = calloc(n_views + 1, sizeof *m.parts);
    m.by_table = calloc(n_views + 1, sizeof(part *));
    if (m.parts == NULL || m.by_table == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < n_views; i++)
        m.parts[i] = (part){.view = views[i], .report = &reports[i]};
    rc = run_moving(&m, sources, n_sources, err);
out:
    ldr_copy_rows_release(&m);
    return rc;
}
