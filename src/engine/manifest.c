/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.c - what a training set is made of, as JSON.
 */
#include "engine/manifest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/sink.h"
#include "definition/emit.h"
#include "definition/table.h"

#define VERSION 1

/* Names, hashes and times: none is long. */
static void
text(ldr_emit *out, const char *value)
{
    char room[512];
    ldr_sink sink = {.text = room, .room = sizeof room};

    ldr_sink_json_string(&sink, (larder_bytes){value, strlen(value)});
    assert(sink.size <= sizeof room);
    ldr_emit_bytes(out, room, sink.size);
}

static void
member(ldr_emit *out, const char *name, const char *value)
{
    text(out, name);
    ldr_emit_string(out, ": ");
    text(out, value);
}

static void
count(ldr_emit *out, const char *name, uint64_t value)
{
    ldr_emit_format(out, "\"%s\": %llu", name, (unsigned long long)value);
}

/* Each on-demand view once, in the order it is first computed. */
static larder_status
on_demand_views(ldr_emit *out, const ldr_plan *plan, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t d = 0; d < plan->n_derived; d++) {
        const ldr_on_demand *view = plan->derived[d].view;
        char hash[33];
        size_t first = 0;

        while (plan->derived[first].view != view)
            first++;
        if (first < d)
            continue;
        LARDER_TRY(ldr_on_demand_hash(view, hash, err));
        ldr_emit_string(
            out, plan->n_views == 0 && d == 0 ? "\n    {" : ",\n    {");
        member(out, "view", view->about.name);
        ldr_emit_string(out, ", ");
        member(out, "definition", hash);
        ldr_emit_string(out, "}");
    }
out:
    return rc;
}

static larder_status
views(ldr_emit *out, const ldr_plan *plan, larder_error *err)
{
    larder_status rc;

    ldr_emit_string(out, "  \"views\": [");
    for (size_t i = 0; i < plan->n_views; i++) {
        const ldr_plan_view *view = &plan->views[i];

        ldr_emit_string(out, i == 0 ? "\n    {" : ",\n    {");
        member(out, "view", view->view->about.name);
        if (view->alias != NULL) {
            ldr_emit_string(out, ", ");
            member(out, "as", view->alias);
        }
        ldr_emit_string(out, ", ");
        member(out, "definition", view->hash);
        ldr_emit_string(out, "}");
    }
    rc = on_demand_views(out, plan, err);
    ldr_emit_string(out, "\n  ],\n");
    return rc;
}

static void
features(ldr_emit *out, const ldr_plan *plan, const larder_joined *joined)
{
    ldr_emit_string(out, "  \"features\": [");
    for (size_t i = 0; i < joined->n_features; i++) {
        const larder_joined_feature *feature = &joined->features[i];

        ldr_emit_string(out, i == 0 ? "\n    {" : ",\n    {");
        member(out, "name", feature->name);
        ldr_emit_string(out, ", ");
        member(out, "ref", feature->ref);
        ldr_emit_string(out, ", ");
        count(out, "nulls", feature->nulls);
        ldr_emit_string(out, ", ");
        count(out, "before_first", feature->before_first);
        ldr_emit_string(out, ", ");
        count(out, "expired", feature->expired);
        if (plan->features[i].view == LDR_PLAN_DERIVED) {
            ldr_emit_string(out, ", ");
            count(out, "made_null", feature->made_null);
        }
        ldr_emit_string(out, "}");
    }
    ldr_emit_string(out, "\n  ],\n");
}

static void
sources(ldr_emit *out, const ldr_watermark *watermarks, size_t n)
{
    ldr_emit_string(out, "  \"sources\": [");
    for (size_t i = 0; i < n; i++) {
        char time[33];

        ldr_emit_string(out, i == 0 ? "\n    {" : ",\n    {");
        member(out, "source", watermarks[i].source);
        ldr_emit_string(out, ", \"watermark\": ");
        if (watermarks[i].newest_event == LARDER_TIME_MIN) {
            ldr_emit_string(out, "null");
        } else {
            larder_time_print(watermarks[i].newest_event, time);
            text(out, time);
        }
        ldr_emit_string(out, "}");
    }
    ldr_emit_string(out, "\n  ],\n");
}

static void
options_of(ldr_emit *out, const larder_join_options *options)
{
    char time[33];

    ldr_emit_format(
        out, "  \"as_known\": %s,\n", options->as_known ? "true" : "false");
    if (!options->range)
        return;
    larder_time_print(options->from, time);
    ldr_emit_string(out, "  ");
    member(out, "from", time);
    larder_time_print(options->to, time);
    ldr_emit_string(out, ",\n  ");
    member(out, "to", time);
    ldr_emit_string(out, ",\n");
}

larder_status
ldr_manifest_print(const ldr_plan *plan, const larder_join_options *options,
    const larder_joined *joined, const ldr_watermark *watermarks,
    size_t n_watermarks, char **manifest, larder_error *err)
{
    ldr_emit written = {0}, *out = &written;
    larder_status rc;
    size_t size;

    ldr_emit_format(out, "{\n  \"manifest\": %d,\n  ", VERSION);
    count(out, "generation", joined->generation);
    ldr_emit_string(out, ",\n");
    options_of(out, options);
    ldr_emit_string(out, "  ");
    count(out, "rows", joined->rows);
    ldr_emit_string(out, ",\n  ");
    count(out, "null_keys", joined->null_keys);
    ldr_emit_string(out, ",\n");
    rc = views(out, plan, err);
    features(out, plan, joined);
    sources(out, watermarks, n_watermarks);
    ldr_emit_string(out, "  ");
    member(out, "spine_digest", joined->spine_digest);
    ldr_emit_string(out, ",\n  ");
    member(out, "digest", joined->digest);
    ldr_emit_string(out, "\n}\n");
    if (!ldr_emit_finish(out, manifest, &size))
        return larder_fail(err, LARDER_NOMEM, "no memory for the manifest");
    if (rc != LARDER_OK) {
        free(*manifest);
        *manifest = NULL;
    }
    return rc;
}
