/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approach.c - how a join would be done: which plan for each view, and why.
 */
#include "engine/approach.h"

#include <string.h>

#include "data/batch.h"
#include "engine/parallel.h"

enum { VIEW, PLAN, REASON, SQL, N_COLUMNS };

static const larder_field fields[N_COLUMNS] = {
    [VIEW] = {"view", LARDER_STRING},
    [PLAN] = {"plan", LARDER_STRING},
    [REASON] = {"reason", LARDER_STRING},
    [SQL] = {"sql", LARDER_STRING},
};

static const larder_schema schema = {fields, N_COLUMNS};

typedef struct approaching {
    ldr_offline *offline;
    const ldr_plan *plan;
    const larder_call *call;
    const larder_join_options *options;
    size_t n_rows; /* of the spine, for each thread */
    larder_batch out;
} approaching;

static larder_status
add_row(approaching *a, const char *const cells[N_COLUMNS], larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < N_COLUMNS; i++) {
        larder_value value = {.type = LARDER_STRING, .null = cells[i] == NULL};

        if (cells[i] != NULL)
            value.as.text = (larder_bytes){cells[i], strlen(cells[i])};
        LARDER_TRY(larder_column_append(&a->out.columns[i], &value, err));
    }
    a->out.n_rows++;
out:
    return rc;
}

/* What asof_join would be asked, but for the spine's rows. */
typedef struct question {
    larder_table table;
    larder_schema keys; /* of a table that declares none */
    larder_field spine_fields[LDR_VIEW_KEYS_MAX + 1];
    larder_schema spine_schema;
    larder_batch spine;
    larder_asof asof;
} question;

static void
ask(const approaching *a, const ldr_plan_view *pv, question *q)
{
    const ldr_view *view = pv->view;
    size_t n = view->n_keys;

    *q = (question){0};
    ldr_view_source(view, &q->keys, &q->table);
    for (size_t k = 0; k < n; k++)
        q->spine_fields[k] =
            (larder_field){pv->scan_keys[k], view->keys[pv->scan_from[k]].type};
    q->spine_fields[n] = (larder_field){"event_timestamp", LARDER_TIMESTAMP};
    q->spine_schema = (larder_schema){q->spine_fields, n + 1};
    q->spine = (larder_batch){.schema = &q->spine_schema, .n_rows = a->n_rows};
    q->asof = (larder_asof){.scan = {.table = &q->table,
                                .key = pv->scan_keys,
                                .n_key = n,
                                .columns = pv->columns,
                                .n_columns = view->n_features,
                                .from = LARDER_TIME_MIN,
                                .to = LARDER_TIME_MAX,
                                .order = LARDER_ORDER_NEWEST_FIRST},
        .spine = &q->spine,
        .as_known = a->options->as_known};
}

/* Are any of the plain features of a view asked for, or any windowed one? */
static bool
is_asked(const ldr_plan *plan, size_t v, bool windowed)
{
    const ldr_view *view = plan->views[v].view;

    for (size_t f = 0; f < plan->n_all; f++) {
        const ldr_plan_feature *feature = &plan->features[f];

        if (feature->view == v && (view->features[feature->feature].aggregate !=
                                      LDR_AGGREGATE_NONE) == windowed)
            return true;
    }
    return false;
}

static larder_status
add_view(approaching *a, size_t v, larder_error *err)
{
    const ldr_plan_view *pv = &a->plan->views[v];
    larder_approach found = {0};
    const char *cells[N_COLUMNS] = {[VIEW] = pv->view->about.name,
        [PLAN] = "merge",
        [REASON] = "the store has no join of its own: the spine meets history "
                   "read in order"};
    larder_status rc;
    question q;

    ask(a, pv, &q);
    rc = ldr_offline_approach(a->offline, 0, a->call, &q.asof, &found, err);
    if (rc == LARDER_OK) {
        cells[PLAN] = found.plan;
        cells[REASON] = found.reason;
        cells[SQL] = found.sql;
    }
    if (rc == LARDER_UNSUPPORTED)
        rc = LARDER_OK;
    if (rc == LARDER_OK &&
        (is_asked(a->plan, v, false) || !is_asked(a->plan, v, true)))
        rc = add_row(a, cells, err);
    if (rc == LARDER_OK && is_asked(a->plan, v, true)) {
        cells[PLAN] = "windows";
        cells[REASON] = "all events in reach of a window are read, and "
                        "aggregated here";
        cells[SQL] = NULL;
        rc = add_row(a, cells, err);
    }
    ldr_approach_release(&found);
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s'", pv->view->about.name);
    return rc;
}

larder_status
ldr_approach(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    uint64_t n_rows, larder_stream *out, larder_error *err)
{
    unsigned width = ldr_parallel_width(call);
    approaching a = {.offline = offline,
        .plan = plan,
        .call = call,
        .options = options,
        .n_rows = (size_t)((n_rows + width - 1) / width)};
    bool begun = false;
    larder_status rc;

    LARDER_TRY(larder_batch_init(&a.out, &schema, err));
    LARDER_TRY(ldr_offline_begin(offline, call, 1, err));
    begun = true;
    for (size_t v = 0; v < plan->n_views; v++)
        LARDER_TRY(add_view(&a, v, err));
    rc = larder_stream_of(&a.out, out, err);
out:
    if (begun)
        ldr_offline_end(offline);
    larder_batch_release(&a.out);
    return rc;
}
