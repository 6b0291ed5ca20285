/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.c - what is defined: list, search, show (see catalog.h).
 */
#include "registry/catalog.h"
#include "base/name.h"
#include "base/time.h"
#include "data/text.h"
#include "definition/print.h"
#include "registry/rows.h"

#include <stdlib.h>
#include <string.h>

/* The columns of a list, in their order. */
enum { KIND, NAME, KEYS, SOURCE, FEATURES, TTL, ONLINE, WORDS, OWNER, TAGS };
#define N_COLUMNS 10u

static const larder_field list_fields[N_COLUMNS] = {{"kind", LARDER_STRING},
    {"name", LARDER_STRING}, {"keys", LARDER_STRING}, {"source", LARDER_STRING},
    {"features", LARDER_STRING}, {"ttl", LARDER_STRING},
    {"online", LARDER_BOOL}, {"description", LARDER_STRING},
    {"owner", LARDER_STRING}, {"tags", LARDER_STRING}};
static const larder_schema list_schema = {list_fields, N_COLUMNS};

/* A row on its way: texts of one arena. */
typedef struct listing {
    const char *texts[N_COLUMNS];
    ldr_arena arena;
    bool nomem;
} listing;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(
        err, LARDER_NOMEM, "no memory for a list of definitions");
}

/* ------------------------------------------------------------------ rows */

/* "a, b, c", one by one; the memory is found beforehand, so that a long list
 * takes no longer than it is. */
typedef struct joined {
    char *text;
    size_t size;
} joined;

static void
join(joined *list, const char *before, const char *text)
{
    size_t n = strlen(before), size = strlen(text);

    if (list->size == 0)
        n = 0;
    memcpy(list->text + list->size, before, n);
    memcpy(list->text + list->size + n, text, size);
    list->size += n + size;
}

/* Give a list of `bytes` of text in n pieces a place; NULL: no memory. */
static joined
begin_list(listing *to, size_t n, size_t bytes)
{
    joined list = {0};

    list.text = ldr_arena_alloc(&to->arena, bytes + 2 * n + 1);
    to->nomem = to->nomem || list.text == NULL;
    return list;
}

static const char *
list_fields_of(listing *to, const larder_field *fields, size_t n)
{
    size_t bytes = 0;
    joined list;

    for (size_t i = 0; i < n; i++)
        bytes += strlen(fields[i].name);
    list = begin_list(to, n, bytes);
    for (size_t i = 0; list.text != NULL && i < n; i++)
        join(&list, ", ", fields[i].name);
    return list.text;
}

static const char *
list_names(listing *to, const char *const *names, size_t n)
{
    size_t bytes = 0;
    joined list;

    for (size_t i = 0; i < n; i++)
        bytes += strlen(names[i]);
    list = begin_list(to, n, bytes);
    for (size_t i = 0; list.text != NULL && i < n; i++)
        join(&list, ", ", names[i]);
    return list.text;
}

static const char *
list_features(listing *to, const ldr_view *view)
{
    size_t bytes = 0;
    joined list;

    for (size_t i = 0; i < view->n_features; i++)
        bytes += strlen(view->features[i].name);
    list = begin_list(to, view->n_features, bytes);
    for (size_t i = 0; list.text != NULL && i < view->n_features; i++)
        join(&list, ", ", view->features[i].name);
    return list.text;
}

static const char *
list_derived(listing *to, const ldr_on_demand *view)
{
    size_t bytes = 0;
    joined list;

    for (size_t i = 0; i < view->n_features; i++)
        bytes += strlen(view->features[i].feature.name);
    list = begin_list(to, view->n_features, bytes);
    for (size_t i = 0; list.text != NULL && i < view->n_features; i++)
        join(&list, ", ", view->features[i].feature.name);
    return list.text;
}

static const char *
list_inputs(listing *to, const ldr_on_demand *view)
{
    size_t bytes = 0;
    joined list;

    for (size_t i = 0; i < view->n_inputs; i++)
        bytes += strlen(view->inputs[i].name);
    list = begin_list(to, view->n_inputs, bytes);
    for (size_t i = 0; list.text != NULL && i < view->n_inputs; i++)
        join(&list, ", ", view->inputs[i].name);
    return list.text;
}

static const char *
list_items(listing *to, const ldr_service *service)
{
    const char **refs =
        ldr_arena_array(&to->arena, service->n_items + 1, sizeof *refs);

    for (size_t i = 0; refs != NULL && i < service->n_items; i++) {
        refs[i] = ldr_catalog_ref(&service->items[i], &to->arena);
        if (refs[i] == NULL)
            refs = NULL;
    }
    to->nomem = to->nomem || refs == NULL;
    return refs == NULL ? NULL : list_names(to, refs, service->n_items);
}

/* "domain=commercial, tier=1"; NULL where there are none. */
static const char *
list_tags(listing *to, const ldr_tag *tags, size_t n)
{
    size_t bytes = 0;
    joined list;

    if (n == 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(tags[i].name) + strlen(tags[i].value);
    list = begin_list(to, 2 * n, bytes);
    for (size_t i = 0; list.text != NULL && i < n; i++) {
        join(&list, ", ", tags[i].name);
        join(&list, "=", tags[i].value);
    }
    return list.text;
}

static void
fill_view(listing *to, const ldr_view *view)
{
    char ttl[40];

    to->texts[KEYS] = list_fields_of(to, view->keys, view->n_keys);
    to->texts[SOURCE] = view->source_name;
    to->texts[FEATURES] = list_features(to, view);
    to->texts[ONLINE] = view->online ? "true" : "false";
    if (view->has_ttl) {
        ldr_duration_print(view->ttl_us, ttl);
        to->texts[TTL] = ldr_arena_copy(&to->arena, ttl);
        to->nomem = to->nomem || to->texts[TTL] == NULL;
    }
}

static void
fill_source(listing *to, const ldr_source *source)
{
    if (source->owned)
        to->texts[KEYS] = list_names(to, source->key, source->n_key);
    to->texts[SOURCE] = source->query != NULL ? source->query : source->table;
    if (source->kind == LDR_SOURCE_PUSH)
        to->texts[SOURCE] = source->batch_source_name;
    if (source->owned || source->kind == LDR_SOURCE_REQUEST)
        to->texts[FEATURES] =
            list_fields_of(to, source->schema.fields, source->schema.n_fields);
}

/* What a list says of an object; release the arena also on failure. */
static larder_status
fill(listing *to, larder_kind kind, const ldr_about *about, larder_error *err)
{
    const void *object = about; /* which it begins */

    *to = (listing){.texts = {[KIND] = ldr_kind_name(kind),
                        [NAME] = about->name,
                        [WORDS] = about->description,
                        [OWNER] = about->owner}};
    to->texts[TAGS] = list_tags(to, about->tags, about->n_tags);
    switch (kind) {
    case LARDER_ENTITIES:
        to->texts[KEYS] = ((const ldr_entity *)object)->join_key.name;
        break;
    case LARDER_SOURCES:
        fill_source(to, object);
        break;
    case LARDER_VIEWS:
        fill_view(to, object);
        break;
    case LARDER_SERVICES:
        to->texts[FEATURES] = list_items(to, object);
        break;
    case LARDER_ON_DEMAND_VIEWS:
        to->texts[SOURCE] = list_inputs(to, object);
        to->texts[FEATURES] = list_derived(to, object);
        break;
    case LARDER_JOBS:
    case LARDER_ALL:
        break;
    }
    return to->nomem ? no_memory(err) : LARDER_OK;
}

static larder_status
add_object(larder_batch *batch, larder_kind kind, const ldr_about *about,
    larder_error *err)
{
    listing row;
    larder_status rc = LARDER_OK;

    LARDER_TRY(fill(&row, kind, about, err));
    LARDER_TRY(ldr_rows_add(batch, row.texts, err));
out:
    ldr_arena_free(&row.arena);
    return rc;
}

const char *
ldr_catalog_ref(const ldr_service_item *item, ldr_arena *arena)
{
    if (item->feature_name == NULL)
        return item->view_name;
    return ldr_arena_printf(
        arena, "%s:%s", item->view_name, item->feature_name);
}

/* ------------------------------------------------------------------ list */

larder_status
ldr_catalog_list(const ldr_snapshot *snapshot, larder_kind kind,
    larder_stream *out, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&batch, &list_schema, err));
    for (larder_kind one = LARDER_ENTITIES; one < LARDER_ALL; one++) {
        size_t n = ldr_snapshot_count(snapshot, one);

        for (size_t i = 0; i < n && (kind == one || kind == LARDER_ALL); i++)
            LARDER_TRY(add_object(
                &batch, one, ldr_snapshot_at(snapshot, one, i), err));
    }
    LARDER_TRY(larder_stream_of(&batch, out, err));
out:
    larder_batch_release(&batch);
    return rc;
}

/* ---------------------------------------------------------------- search */

/* What a word is worth where it is found. */
enum {
    IS_NAME = 64,
    BEGINS_NAME = 32,
    IN_NAME = 16,
    IS_FEATURE = 12,
    IN_FEATURE = 8,
    IN_TAGS = 4,
    IN_OWNER = 2,
    IN_WORDS = 1
};

static char
fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_here(const char *text, larder_bytes word)
{
    const char *bytes = word.data;

    for (size_t i = 0; i < word.size; i++)
        if (text[i] == '\0' || fold(text[i]) != fold(bytes[i]))
            return false;
    return true;
}

/* Where the text holds the word; NULL: nowhere. */
static const char *
find_word(const char *text, larder_bytes word)
{
    for (; text != NULL && *text != '\0'; text++)
        if (is_here(text, word))
            return text;
    return NULL;
}

static unsigned
rate_name(const char *name, larder_bytes word)
{
    const char *at = find_word(name, word);

    if (at == NULL)
        return 0;
    if (at > name)
        return IN_NAME;
    return name[word.size] == '\0' ? IS_NAME : BEGINS_NAME;
}

static unsigned
rate_feature(const char *name, const char *description, larder_bytes word)
{
    if (find_word(name, word) != NULL)
        return strlen(name) == word.size ? IS_FEATURE : IN_FEATURE;
    return find_word(description, word) != NULL ? IN_WORDS : 0;
}

static unsigned
greater(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned
rate_view(const ldr_view *view, larder_bytes word)
{
    unsigned best = 0;

    for (size_t i = 0; i < view->n_features; i++)
        best = greater(best, rate_feature(view->features[i].name,
                                 view->features[i].description, word));
    return best;
}

static unsigned
rate_on_demand(const ldr_on_demand *view, larder_bytes word)
{
    unsigned best = 0;

    for (size_t i = 0; i < view->n_features; i++)
        best = greater(best, rate_feature(view->features[i].feature.name,
                                 view->features[i].feature.description, word));
    for (size_t i = 0; i < view->n_inputs; i++)
        best = greater(best, rate_feature(view->inputs[i].name, NULL, word));
    return best;
}

static unsigned
rate_source(const ldr_source *source, larder_bytes word)
{
    unsigned best = 0;

    for (size_t i = 0; i < source->schema.n_fields; i++)
        best = greater(
            best, rate_feature(source->schema.fields[i].name, NULL, word));
    return best;
}

static unsigned
rate_service(const ldr_service *service, larder_bytes word)
{
    unsigned best = 0;

    for (size_t i = 0; i < service->n_items; i++) {
        const ldr_service_item *item = &service->items[i];

        best = greater(best, rate_feature(item->view_name, NULL, word));
        if (item->feature_name != NULL)
            best = greater(best, rate_feature(item->feature_name, NULL, word));
    }
    return best;
}

/* The best of an object's features, columns or refs. */
static unsigned
rate_features(larder_kind kind, const void *object, larder_bytes word)
{
    switch (kind) {
    case LARDER_ENTITIES:
        return rate_feature(
            ((const ldr_entity *)object)->join_key.name, NULL, word);
    case LARDER_SOURCES:
        return rate_source(object, word);
    case LARDER_VIEWS:
        return rate_view(object, word);
    case LARDER_SERVICES:
        return rate_service(object, word);
    case LARDER_ON_DEMAND_VIEWS:
        return rate_on_demand(object, word);
    case LARDER_JOBS:
    case LARDER_ALL:
        break;
    }
    return 0;
}

/* What one word is worth to an object; 0: it is not there. */
static unsigned
rate_word(larder_kind kind, const ldr_about *about, larder_bytes word)
{
    unsigned sum = rate_name(about->name, word);

    sum += rate_features(kind, about, word);
    for (size_t i = 0; i < about->n_tags; i++)
        if (find_word(about->tags[i].name, word) != NULL ||
            find_word(about->tags[i].value, word) != NULL)
            sum += IN_TAGS;
    if (find_word(about->owner, word) != NULL)
        sum += IN_OWNER;
    if (find_word(about->description, word) != NULL)
        sum += IN_WORDS;
    return sum;
}

/* All words together, 0 when one is missing. Without words everything is 1. */
static unsigned
rate(larder_kind kind, const ldr_about *about, const char *text)
{
    static const char white[] = " \t\r\n";
    unsigned sum = 1;

    for (text += strspn(text, white); *text != '\0';
         text += strspn(text, white)) {
        larder_bytes word = {text, strcspn(text, white)};
        unsigned worth = rate_word(kind, about, word);

        if (worth == 0)
            return 0;
        sum += worth;
        text += word.size;
    }
    return sum;
}

typedef struct hit {
    unsigned worth;
    larder_kind kind;
    const ldr_about *about;
} hit;

static int
hit_order(const void *one, const void *other)
{
    const hit *a = one, *b = other;
    int order = (a->worth < b->worth) - (a->worth > b->worth);

    if (order == 0)
        order = (a->kind > b->kind) - (a->kind < b->kind);
    return order != 0 ? order : ldr_name_order(a->about->name, b->about->name);
}

larder_status
ldr_catalog_search(const ldr_snapshot *snapshot, const char *text,
    larder_stream *out, larder_error *err)
{
    larder_batch batch = {0};
    hit *hits =
        calloc(ldr_snapshot_count(snapshot, LARDER_ALL) + 1, sizeof *hits);
    size_t n_hits = 0;
    larder_status rc = LARDER_OK;

    if (hits == NULL)
        return no_memory(err);
    for (larder_kind kind = LARDER_ENTITIES; kind < LARDER_ALL; kind++) {
        size_t n = ldr_snapshot_count(snapshot, kind);

        for (size_t i = 0; i < n; i++) {
            hit one = {
                .kind = kind, .about = ldr_snapshot_at(snapshot, kind, i)};

            one.worth = rate(kind, one.about, text);
            if (one.worth > 0)
                hits[n_hits++] = one;
        }
    }
    qsort(hits, n_hits, sizeof *hits, hit_order);
    LARDER_TRY(larder_batch_init(&batch, &list_schema, err));
    for (size_t i = 0; i < n_hits; i++)
        LARDER_TRY(add_object(&batch, hits[i].kind, hits[i].about, err));
    LARDER_TRY(larder_stream_of(&batch, out, err));
out:
    larder_batch_release(&batch);
    free(hits);
    return rc;
}

/* ------------------------------------------------------------------ show */

larder_status
ldr_catalog_show(const ldr_snapshot *snapshot, const char *name,
    larder_shown *out, larder_error *err)
{
    larder_shown shown = {.generation = snapshot->generation};
    const ldr_about *about = ldr_snapshot_find(snapshot, name, &shown.kind);
    size_t size = 0;
    larder_status rc;

    if (about == NULL)
        return ldr_snapshot_missing(snapshot, LARDER_ALL, name, err);
    rc = ldr_print_object(shown.kind, about, &shown.definition, &size, err);
    if (rc != LARDER_OK)
        return rc;
    ldr_hash_hex((larder_bytes){shown.definition, size}, shown.hash);
    *out = shown;
    return LARDER_OK;
}
