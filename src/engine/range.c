/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.c - the spine of a join that has none: every history row of a range.
 *
 * The first view leads: each of its history rows asks for the others as of its
 * own time. Rows come by key, then time, and are sorted here, since history is
 * read newest first.
 */
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "data/sort.h"
#include "data/stream.h"
#include "engine/historical.h"

typedef struct range {
    ldr_sorted *sorted;
    larder_stream rows;
} range;

static larder_status
range_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    range *r = self->state;

    return larder_stream_next(&r->rows, out, err);
}

static void
range_close(larder_stream *self)
{
    range *r = self->state;

    larder_stream_close(&r->rows);
    ldr_sorted_free(r->sorted);
    free(r);
    *self = (larder_stream){0};
}

/* What comes with a question no row of history has. */
static larder_status
check_requests(const ldr_plan *plan, larder_error *err)
{
    if (plan->requests.n_fields > 0) {
        larder_fail(err, LARDER_INVALID,
            "without a spine no row has the request column '%s', which an "
            "on-demand feature reads",
            plan->requests.fields[0].name);
        larder_hint(err,
            "join a spine that has %s, or leave out the features that read it",
            plan->requests.n_fields > 1 ? "the request columns"
                                        : "that column");
        return LARDER_INVALID;
    }
    if (plan->n_views > 0)
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID,
        "without a spine the first view gives the rows, and no view is read");
    larder_hint(err, "join a spine, or ask for a feature of a view too");
    return LARDER_INVALID;
}

static larder_status
check_keys(const ldr_plan *plan, larder_error *err)
{
    const ldr_plan_view *leader = &plan->views[0];

    for (size_t k = 0; k < plan->keys.n_fields; k++) {
        bool known = false;

        for (size_t i = 0; i < leader->view->n_keys; i++)
            known = known || strcmp(leader->key_columns[i],
                                 plan->keys.fields[k].name) == 0;
        if (!known)
            return larder_fail(err, LARDER_INVALID,
                "without a spine the first view gives the rows, and '%s' has "
                "no key '%s'",
                leader->view->about.name, plan->keys.fields[k].name);
    }
    return LARDER_OK;
}

/* A scan names its columns after history; the spine's are the join's. */
typedef struct renamed {
    larder_stream input;
    ldr_arena arena;
    larder_schema schema;
} renamed;

static larder_status
renamed_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    renamed *r = self->state;
    larder_status rc = larder_stream_next(&r->input, out, err);

    if (rc == LARDER_OK)
        out->schema = &r->schema;
    return rc;
}

static void
renamed_close(larder_stream *self)
{
    renamed *r = self->state;

    larder_stream_close(&r->input);
    ldr_arena_free(&r->arena);
    free(r);
    *self = (larder_stream){0};
}

static larder_status
rename_columns(
    const ldr_plan_view *leader, larder_stream *stream, larder_error *err)
{
    size_t n_keys = leader->view->n_keys;
    renamed *r = calloc(1, sizeof *r);
    larder_field *fields;

    if (r == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the spine");
    fields = ldr_arena_array(&r->arena, n_keys + 1, sizeof *fields);
    if (fields == NULL) {
        free(r);
        return larder_fail(err, LARDER_NOMEM, "no memory for the spine");
    }
    for (size_t s = 0; s < n_keys; s++) {
        size_t k = leader->scan_from[s];

        fields[s] =
            (larder_field){leader->key_columns[k], leader->view->keys[k].type};
    }
    fields[n_keys] = (larder_field){"event_timestamp", LARDER_TIMESTAMP};
    r->schema = (larder_schema){fields, n_keys + 1};
    r->input = *stream;
    *stream = (larder_stream){.schema = &r->schema,
        .next = renamed_next,
        .close = renamed_close,
        .state = r};
    return LARDER_OK;
}

static larder_status
sort_rows(
    larder_stream *rows, const larder_call *call, range *r, larder_error *err)
{
    size_t n = rows->schema->n_fields;
    ldr_sort_column *by = calloc(n, sizeof *by);
    larder_status rc;

    if (by == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the spine");
    for (size_t i = 0; i < n; i++)
        by[i].column = i;
    LARDER_TRY(ldr_sort(rows, by, n, call, &r->sorted, err));
    LARDER_TRY(ldr_sorted_read(r->sorted, &r->rows, err));
out:
    free(by);
    return rc;
}

static larder_status
read_leader(ldr_offline *offline, const ldr_plan_view *leader,
    const larder_call *call, larder_time from, larder_time to, range *r,
    larder_error *err)
{
    size_t n = leader->view->n_keys + 1;
    size_t indexes[LDR_VIEW_KEYS_MAX + 1];
    larder_table table;
    larder_schema keys;
    larder_stream rows = {0}, picked = {0};
    larder_scan scan = {.table = &table,
        .key = leader->scan_keys,
        .n_key = leader->view->n_keys,
        .from = from,
        .to = to};
    larder_status rc;

    for (size_t i = 0; i < n; i++)
        indexes[i] = i;
    ldr_view_source(leader->view, &keys, &table);
    LARDER_TRY(ldr_offline_begin(offline, call, 1, err));
    rc = ldr_offline_scan(offline, 0, call, &scan, &rows, err);
    if (rc == LARDER_OK)
        rc = ldr_stream_select(&rows, indexes, n, &picked, err);
    if (rc == LARDER_OK)
        rc = rename_columns(leader, &picked, err);
    if (rc == LARDER_OK)
        rc = sort_rows(&picked, call, r, err);
    larder_stream_close(&rows);
    larder_stream_close(&picked);
    ldr_offline_end(offline);
out:
    return rc;
}

larder_status
ldr_range_spine(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, larder_time from, larder_time to,
    larder_stream *out, larder_error *err)
{
    range *r = calloc(1, sizeof *r);
    larder_status rc;

    if (r == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the spine");
    LARDER_TRY(check_requests(plan, err));
    LARDER_TRY(check_keys(plan, err));
    LARDER_TRY(read_leader(offline, &plan->views[0], call, from, to, r, err));
    *out = (larder_stream){.schema = r->rows.schema,
        .next = range_next,
        .close = range_close,
        .state = r};
    return LARDER_OK;
out:
    larder_stream_close(&r->rows);
    ldr_sorted_free(r->sorted);
    free(r);
    return rc;
}
