/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.c - definitions to canonical YAML: the registry's own format.
 *
 * An object is a block of keys; what lies inside it is one line each: columns,
 * features, service entries. A difference of two texts is then read by feature.
 */
#include "definition/print.h"

#include "base/number.h"
#include "base/time.h"
#include "data/schema.h"
#include "definition/emit.h"
#include "definition/load_parts.h"
#include "larder_backend.h"

#include <string.h>

/* ------------------------------------------------- keys of an object's block
 */

static void
put_key(ldr_emit *out, const char *key)
{
    ldr_emit_format(out, "    %s:", key);
}

static void
put_text(ldr_emit *out, const char *key, const char *text)
{
    if (text == NULL)
        return;
    put_key(out, key);
    ldr_emit_block(out, 4, text);
}

static void
put_word(ldr_emit *out, const char *key, const char *word)
{
    put_key(out, key);
    ldr_emit_format(out, " %s\n", word);
}

static void
put_duration(ldr_emit *out, const char *key, int64_t us)
{
    char text[40];

    ldr_duration_print(us, text);
    put_word(out, key, text);
}

static void
put_number(ldr_emit *out, const char *key, uint32_t number)
{
    put_key(out, key);
    ldr_emit_format(out, " %lu\n", (unsigned long)number);
}

/* [a, b] */
static void
put_list(ldr_emit *out, const char *const *texts, size_t n_texts)
{
    ldr_emit_string(out, "[");
    for (size_t i = 0; i < n_texts; i++) {
        ldr_emit_string(out, i == 0 ? "" : ", ");
        ldr_emit_scalar(out, texts[i]);
    }
    ldr_emit_string(out, "]");
}

static void
put_list_key(
    ldr_emit *out, const char *key, const char *const *texts, size_t n_texts)
{
    put_key(out, key);
    ldr_emit_string(out, " ");
    put_list(out, texts, n_texts);
    ldr_emit_string(out, "\n");
}

/* {a: b} */
static void
put_tags(ldr_emit *out, const ldr_tag *tags, size_t n_tags)
{
    ldr_emit_string(out, "{");
    for (size_t i = 0; i < n_tags; i++) {
        ldr_emit_string(out, i == 0 ? "" : ", ");
        ldr_emit_scalar(out, tags[i].name);
        ldr_emit_string(out, ": ");
        ldr_emit_scalar(out, tags[i].value);
    }
    ldr_emit_string(out, "}");
}

static void
put_name(ldr_emit *out, const ldr_about *about)
{
    ldr_emit_string(out, "  - name: ");
    ldr_emit_scalar(out, about->name);
    ldr_emit_string(out, "\n");
}

static void
put_about(ldr_emit *out, const ldr_about *about)
{
    put_text(out, "description", about->description);
    put_text(out, "owner", about->owner);
    if (about->n_tags == 0)
        return;
    put_key(out, "tags");
    ldr_emit_string(out, " ");
    put_tags(out, about->tags, about->n_tags);
    ldr_emit_string(out, "\n");
}

/* ------------------------------------------------------ entities and sources
 */

static void
put_entity(ldr_emit *out, const ldr_entity *entity)
{
    put_name(out, &entity->about);
    if (strcmp(entity->join_key.name, entity->about.name) != 0)
        put_text(out, "join_key", entity->join_key.name);
    put_word(out, "type", larder_type_name(entity->join_key.type));
    put_about(out, &entity->about);
}

/* {name: n, type: t */
static void
open_field(ldr_emit *out, const char *name, larder_type type)
{
    ldr_emit_string(out, "      - {name: ");
    ldr_emit_scalar(out, name);
    ldr_emit_format(out, ", type: %s", larder_type_name(type));
}

static void
put_schema(ldr_emit *out, const larder_schema *schema)
{
    put_key(out, "schema");
    ldr_emit_string(out, "\n");
    for (size_t i = 0; i < schema->n_fields; i++) {
        open_field(out, schema->fields[i].name, schema->fields[i].type);
        ldr_emit_string(out, "}\n");
    }
}

static void
put_source_times(ldr_emit *out, const ldr_source *source)
{
    static const char *const units[] = {[LARDER_UNIT_US] = "us",
        [LARDER_UNIT_S] = "s",
        [LARDER_UNIT_MS] = "ms",
        [LARDER_UNIT_NS] = "ns"};

    put_text(out, "timestamp_field", source->timestamp_field);
    put_text(out, "created_timestamp_column", source->created);
    if (source->unit != LARDER_UNIT_US)
        put_word(out, "timestamp_unit", units[source->unit]);
    put_text(out, "timezone", source->timezone);
    if (source->date_is_end_of_day)
        put_word(out, "date_is", "end_of_day");
}

static void
put_source(ldr_emit *out, const ldr_source *source)
{
    put_name(out, &source->about);
    if (source->kind == LDR_SOURCE_PUSH)
        put_word(out, "kind", "push");
    else if (source->kind == LDR_SOURCE_REQUEST)
        put_word(out, "kind", "request");
    put_text(out, "batch_source", source->batch_source_name);
    if (source->owned || source->kind == LDR_SOURCE_REQUEST)
        put_schema(out, &source->schema);
    else {
        put_text(out, "table", source->table);
        put_text(out, "query", source->query);
    }
    put_source_times(out, source);
    if (source->key_written)
        put_list_key(out, "key", source->key, source->n_key);
    if (source->has_replace_on)
        put_list_key(
            out, "replace_on", source->replace_on, source->n_replace_on);
    if (source->arrival_slack_us != LDR_ARRIVAL_SLACK)
        put_duration(out, "arrival_slack", source->arrival_slack_us);
    if (source->expected_interval_us > 0)
        put_duration(out, "expected_interval", source->expected_interval_us);
    if (source->max_skew_us != LDR_MAX_SKEW)
        put_duration(out, "max_skew", source->max_skew_us);
    put_about(out, &source->about);
}

/* -------------------------------------------------------------------- views */

/* A text inside a feature's line: ", unit: EUR". */
static void
put_field_text(ldr_emit *out, const char *key, const char *text)
{
    if (text == NULL)
        return;
    ldr_emit_format(out, ", %s: ", key);
    ldr_emit_scalar(out, text);
}

/* One end of a range, without the ".0" of whole numbers. */
static void
put_real(ldr_emit *out, double value)
{
    char text[LDR_NUMBER_ROOM];
    size_t size = ldr_double_print(value, text);

    if (size > 2 && strcmp(text + size - 2, ".0") == 0)
        text[size - 2] = '\0';
    ldr_emit_string(out, text);
}

/* A feature's value, which for numbers and truths needs no quotes. */
static void
put_value(ldr_emit *out, larder_type type, const char *text)
{
    bool bare = type == LARDER_BOOL || type == LARDER_INT32 ||
                type == LARDER_INT64 || type == LARDER_FLOAT32 ||
                type == LARDER_FLOAT64;

    if (bare)
        ldr_emit_string(out, text);
    else
        ldr_emit_scalar(out, text);
}

static void
put_rules(ldr_emit *out, const ldr_feature *feature)
{
    if (!feature->nullable)
        ldr_emit_string(out, ", nullable: false");
    if (feature->has_range) {
        ldr_emit_string(out, ", range: [");
        put_real(out, feature->range_low);
        ldr_emit_string(out, ", ");
        put_real(out, feature->range_high);
        ldr_emit_string(out, "]");
    }
    for (size_t i = 0; i < feature->n_values; i++) {
        ldr_emit_string(out, i == 0 ? ", values: [" : ", ");
        put_value(out, feature->type, feature->values[i]);
    }
    if (feature->n_values > 0)
        ldr_emit_string(out, "]");
    if (feature->refuse)
        ldr_emit_string(out, ", on_violation: refuse");
    if (feature->default_text != NULL) {
        ldr_emit_string(out, ", default: ");
        put_value(out, feature->type, feature->default_text);
    }
}

static void
put_window(ldr_emit *out, const ldr_feature *feature)
{
    char text[40];

    ldr_emit_format(
        out, ", aggregate: %s", ldr_aggregate_name(feature->aggregate));
    put_field_text(out, "column", feature->column);
    ldr_duration_print(feature->window_us, text);
    ldr_emit_format(out, ", window: %s", text);
    if (feature->offset_us > 0) {
        ldr_duration_print(feature->offset_us, text);
        ldr_emit_format(out, ", offset: %s", text);
    }
    put_field_text(out, "where", feature->where);
}

/* What people are told of it, and the end of its line. */
static void
close_feature(ldr_emit *out, const ldr_feature *feature)
{
    put_field_text(out, "description", feature->description);
    if (feature->n_tags > 0) {
        ldr_emit_string(out, ", tags: ");
        put_tags(out, feature->tags, feature->n_tags);
    }
    ldr_emit_string(out, "}\n");
}

static void
put_feature(ldr_emit *out, const ldr_feature *feature)
{
    open_field(out, feature->name, feature->type);
    if (feature->aggregate != LDR_AGGREGATE_NONE)
        put_window(out, feature);
    else if (strcmp(feature->from, feature->name) != 0)
        put_field_text(out, "from", feature->from);
    put_rules(out, feature);
    put_field_text(out, "unit", feature->unit);
    put_field_text(out, "renamed_from", feature->renamed_from);
    close_feature(out, feature);
}

/* {warn: 12h, max: 24h} */
static void
put_freshness(ldr_emit *out, int64_t warn_us, int64_t max_us)
{
    char text[40];

    put_key(out, "freshness");
    ldr_emit_string(out, " {");
    if (warn_us > 0) {
        ldr_duration_print(warn_us, text);
        ldr_emit_format(out, "warn: %s%s", text, max_us > 0 ? ", " : "");
    }
    if (max_us > 0) {
        ldr_duration_print(max_us, text);
        ldr_emit_format(out, "max: %s", text);
    }
    ldr_emit_string(out, "}\n");
}

static void
put_view(ldr_emit *out, const ldr_view *view)
{
    put_name(out, &view->about);
    put_list_key(out, "entities", view->entity_names, view->n_entities);
    put_text(out, "source", view->source_name);
    if (view->has_ttl)
        put_duration(out, "ttl", view->ttl_us);
    if (!view->online)
        put_word(out, "online", "false");
    if (view->allow_empty)
        put_word(out, "allow_empty", "true");
    if (view->freshness_warn_us > 0 || view->freshness_max_us > 0)
        put_freshness(out, view->freshness_warn_us, view->freshness_max_us);
    if (view->lookback_us > 0)
        put_duration(out, "lookback", view->lookback_us);
    if (view->retain_us > 0)
        put_duration(out, "retain", view->retain_us);
    if (view->max_window_events != LDR_MAX_WINDOW_EVENTS)
        put_number(out, "max_window_events", view->max_window_events);
    put_key(out, "features");
    ldr_emit_string(out, "\n");
    for (size_t i = 0; i < view->n_features; i++)
        put_feature(out, &view->features[i]);
    put_about(out, &view->about);
}

static void
put_on_demand(ldr_emit *out, const ldr_on_demand *view)
{
    put_name(out, &view->about);
    put_key(out, "inputs");
    for (size_t i = 0; i < view->n_inputs; i++) {
        ldr_emit_string(out, i == 0 ? " [" : ", ");
        ldr_emit_scalar(out, view->inputs[i].name);
    }
    ldr_emit_string(out, "]\n");
    put_key(out, "features");
    ldr_emit_string(out, "\n");
    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i].feature;

        open_field(out, feature->name, feature->type);
        put_field_text(out, "expr", view->features[i].text);
        put_rules(out, feature);
        put_field_text(out, "unit", feature->unit);
        close_feature(out, feature);
    }
    put_about(out, &view->about);
}

/* ----------------------------------------------------------------- services */

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Do two items differ in nothing but their feature? */
static bool
same_entry(const ldr_service_item *a, const ldr_service_item *b)
{
    if (strcmp(a->view_name, b->view_name) != 0 ||
        !same_text(a->alias, b->alias) ||
        a->n_join_key_map != b->n_join_key_map || a->feature_name == NULL ||
        b->feature_name == NULL)
        return false;
    for (size_t i = 0; i < a->n_join_key_map; i++)
        if (strcmp(a->join_key_map[i].name, b->join_key_map[i].name) != 0 ||
            strcmp(a->join_key_map[i].value, b->join_key_map[i].value) != 0)
            return false;
    return true;
}

/* "view:feature" or view. */
static void
put_reference(ldr_emit *out, const ldr_service_item *item)
{
    if (item->feature_name == NULL)
        ldr_emit_scalar(out, item->view_name);
    else
        ldr_emit_format(out, "\"%s:%s\"", item->view_name, item->feature_name);
}

/* {view: v, as: a, join_key_map: {k: c}, features: [f, g]}; gives the number
 * of items it took, those that follow with the same view, name and map. */
static size_t
put_entry(ldr_emit *out, const ldr_service_item *items, size_t n_items)
{
    size_t n = 1;

    ldr_emit_string(out, "{view: ");
    ldr_emit_scalar(out, items->view_name);
    put_field_text(out, "as", items->alias);
    if (items->n_join_key_map > 0) {
        ldr_emit_string(out, ", join_key_map: ");
        put_tags(out, items->join_key_map, items->n_join_key_map);
    }
    if (items->feature_name != NULL) {
        ldr_emit_string(out, ", features: [");
        ldr_emit_scalar(out, items->feature_name);
        for (; n < n_items && same_entry(items, &items[n]); n++) {
            ldr_emit_string(out, ", ");
            ldr_emit_scalar(out, items[n].feature_name);
        }
        ldr_emit_string(out, "]");
    }
    ldr_emit_string(out, "}");
    return n;
}

static void
put_service(ldr_emit *out, const ldr_service *service)
{
    size_t i = 0;

    put_name(out, &service->about);
    put_key(out, "features");
    ldr_emit_string(out, "\n");
    while (i < service->n_items) {
        const ldr_service_item *item = &service->items[i];

        ldr_emit_string(out, "      - ");
        if (item->alias == NULL && item->n_join_key_map == 0) {
            put_reference(out, item);
            i++;
        } else {
            i += put_entry(out, item, service->n_items - i);
        }
        ldr_emit_string(out, "\n");
    }
    put_about(out, &service->about);
}

/* --------------------------------------------------------------------- jobs */

static void
put_alerts(ldr_emit *out, const ldr_job *job)
{
    size_t prefix = strlen(LDR_WEBHOOK);

    put_key(out, "alert");
    for (size_t i = 0; i < job->n_alerts; i++) {
        ldr_emit_string(out, i == 0 ? " [" : ", ");
        if (strncmp(job->alerts[i], LDR_WEBHOOK, prefix) == 0) {
            ldr_emit_string(out, "{" LDR_WEBHOOK);
            ldr_emit_scalar(out, job->alerts[i] + prefix);
            ldr_emit_string(out, "}");
        } else {
            ldr_emit_scalar(out, job->alerts[i]);
        }
    }
    ldr_emit_string(out, "]\n");
}

static void
put_job(ldr_emit *out, const ldr_job *job)
{
    put_name(out, &job->about);
    put_text(out, "run", job->run);
    if (job->every_us > 0)
        put_duration(out, "every", job->every_us);
    put_text(out, "cron", job->cron);
    put_text(out, "timezone", job->timezone);
    if (job->timeout_us > 0)
        put_duration(out, "timeout", job->timeout_us);
    if (job->jitter_us > 0)
        put_duration(out, "jitter", job->jitter_us);
    if (job->retries > 0)
        put_number(out, "retries", job->retries);
    if (job->n_alerts > 0)
        put_alerts(out, job);
    put_about(out, &job->about);
}

/* -------------------------------------------------------------------- texts */

static void
put_all(ldr_emit *out, const ldr_definitions *all)
{
    if (all->n_entities > 0)
        ldr_emit_string(out, "entities:\n");
    for (size_t i = 0; i < all->n_entities; i++)
        put_entity(out, &all->entities[i]);
    if (all->n_sources > 0)
        ldr_emit_string(out, "sources:\n");
    for (size_t i = 0; i < all->n_sources; i++)
        put_source(out, &all->sources[i]);
    if (all->n_views > 0)
        ldr_emit_string(out, "feature_views:\n");
    for (size_t i = 0; i < all->n_views; i++)
        put_view(out, &all->views[i]);
    if (all->n_on_demands > 0)
        ldr_emit_string(out, "on_demand_feature_views:\n");
    for (size_t i = 0; i < all->n_on_demands; i++)
        put_on_demand(out, &all->on_demands[i]);
    if (all->n_services > 0)
        ldr_emit_string(out, "feature_services:\n");
    for (size_t i = 0; i < all->n_services; i++)
        put_service(out, &all->services[i]);
    if (all->n_jobs > 0)
        ldr_emit_string(out, "jobs:\n");
    for (size_t i = 0; i < all->n_jobs; i++)
        put_job(out, &all->jobs[i]);
}

larder_status
ldr_print_all(
    const ldr_definitions *all, char **text, size_t *size, larder_error *err)
{
    ldr_emit out = {0};

    put_all(&out, all);
    if (!ldr_emit_finish(&out, text, size))
        return larder_fail(
            err, LARDER_NOMEM, "out of memory for the text of definitions");
    return LARDER_OK;
}

larder_status
ldr_print_object(larder_kind kind, const void *object, char **text,
    size_t *size, larder_error *err)
{
    ldr_definitions one = {0};

    switch (kind) {
    case LARDER_ENTITIES:
        one.entities = object;
        one.n_entities = 1;
        break;
    case LARDER_SOURCES:
        one.sources = object;
        one.n_sources = 1;
        break;
    case LARDER_VIEWS:
        one.views = object;
        one.n_views = 1;
        break;
    case LARDER_SERVICES:
        one.services = object;
        one.n_services = 1;
        break;
    case LARDER_JOBS:
        one.jobs = object;
        one.n_jobs = 1;
        break;
    case LARDER_ON_DEMAND_VIEWS:
        one.on_demands = object;
        one.n_on_demands = 1;
        break;
    case LARDER_ALL:
        break;
    }
    return ldr_print_all(&one, text, size, err);
}
