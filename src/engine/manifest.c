/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.c - what a training set is made of, as JSON.
 */
#include "engine/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "data/text.h"

#define VERSION 1

static void
text(FILE *file, const char *value)
{
    ldr_json_string_write(file, (larder_bytes){value, strlen(value)});
}

static void
member(FILE *file, const char *name, const char *value)
{
    text(file, name);
    fputs(": ", file);
    text(file, value);
}

static void
count(FILE *file, const char *name, uint64_t value)
{
    fprintf(file, "\"%s\": %llu", name, (unsigned long long)value);
}

static void
views(FILE *file, const ldr_plan *plan)
{
    fputs("  \"views\": [", file);
    for (size_t i = 0; i < plan->n_views; i++) {
        const ldr_plan_view *view = &plan->views[i];

        fputs(i == 0 ? "\n    {" : ",\n    {", file);
        member(file, "view", view->view->about.name);
        if (view->alias != NULL) {
            fputs(", ", file);
            member(file, "as", view->alias);
        }
        fputs(", ", file);
        member(file, "definition", view->hash);
        fputs("}", file);
    }
    fputs("\n  ],\n", file);
}

static void
features(FILE *file, const larder_joined *joined)
{
    fputs("  \"features\": [", file);
    for (size_t i = 0; i < joined->n_features; i++) {
        const larder_joined_feature *feature = &joined->features[i];

        fputs(i == 0 ? "\n    {" : ",\n    {", file);
        member(file, "name", feature->name);
        fputs(", ", file);
        member(file, "ref", feature->ref);
        fputs(", ", file);
        count(file, "nulls", feature->nulls);
        fputs(", ", file);
        count(file, "before_first", feature->before_first);
        fputs(", ", file);
        count(file, "expired", feature->expired);
        fputs("}", file);
    }
    fputs("\n  ],\n", file);
}

static void
sources(FILE *file, const ldr_watermark *watermarks, size_t n)
{
    fputs("  \"sources\": [", file);
    for (size_t i = 0; i < n; i++) {
        char time[33];

        fputs(i == 0 ? "\n    {" : ",\n    {", file);
        member(file, "source", watermarks[i].source);
        fputs(", \"watermark\": ", file);
        if (watermarks[i].newest_event == LARDER_TIME_MIN) {
            fputs("null", file);
        } else {
            larder_time_print(watermarks[i].newest_event, time);
            text(file, time);
        }
        fputs("}", file);
    }
    fputs("\n  ],\n", file);
}

static void
options_of(FILE *file, const larder_join_options *options)
{
    char time[33];

    fprintf(
        file, "  \"as_known\": %s,\n", options->as_known ? "true" : "false");
    if (!options->range)
        return;
    larder_time_print(options->from, time);
    fputs("  ", file);
    member(file, "from", time);
    larder_time_print(options->to, time);
    fputs(",\n  ", file);
    member(file, "to", time);
    fputs(",\n", file);
}

larder_status
ldr_manifest_print(const ldr_plan *plan, const larder_join_options *options,
    const larder_joined *joined, const ldr_watermark *watermarks,
    size_t n_watermarks, char **out, larder_error *err)
{
    char *written = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&written, &size);
    bool failed;

    if (file == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the manifest");
    fprintf(file, "{\n  \"manifest\": %d,\n  ", VERSION);
    count(file, "generation", joined->generation);
    fputs(",\n", file);
    options_of(file, options);
    fputs("  ", file);
    count(file, "rows", joined->rows);
    fputs(",\n  ", file);
    count(file, "null_keys", joined->null_keys);
    fputs(",\n", file);
    views(file, plan);
    features(file, joined);
    sources(file, watermarks, n_watermarks);
    fputs("  ", file);
    member(file, "spine_digest", joined->spine_digest);
    fputs(",\n  ", file);
    member(file, "digest", joined->digest);
    fputs("\n}\n", file);
    failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        free(written);
        return larder_fail(err, LARDER_NOMEM, "no memory for the manifest");
    }
    *out = written;
    return LARDER_OK;
}
