/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_memory.c - a registry in memory: the reference.
 *
 * The shortest correct one, and the one to copy for another. Three lists, each
 * entry a block of its own with its project; nothing outlives the store. Leases
 * expire by call->now. No options.
 */
#include "builtin.h"

#include <stdlib.h>
#include <string.h>

struct generation {
    struct generation *older;
    char *project;
    larder_generation is;
};

struct lease {
    struct lease *next;
    char *project, *name, *holder; /* holder NULL: given back */
    uint64_t fence;
    larder_time expires;
};

struct record {
    struct record *older;
    char *project, *kind, *id, *name, *text; /* name may be NULL */
    larder_time at;
};

struct memory {
    struct generation *generations; /* newest first, as they came */
    struct lease *leases;
    struct record *records; /* newest first by `at`, then as they came */
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

static char *
copy(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

/* ------------------------------------------------------------------ release */

static void
free_generation(struct generation *generation)
{
    if (generation == NULL)
        return;
    free(generation->project);
    free(generation->is.text);
    free(generation);
}

static void
free_lease(struct lease *lease)
{
    if (lease == NULL)
        return;
    free(lease->project);
    free(lease->name);
    free(lease->holder);
    free(lease);
}

static void
free_record(struct record *record)
{
    if (record == NULL)
        return;
    free(record->project);
    free(record->kind);
    free(record->id);
    free(record->name);
    free(record->text);
    free(record);
}

/* Remove what is of a project, or with NULL all there is. */
static void
forget(struct memory *store, const char *project)
{
    struct generation **g = &store->generations;
    struct lease **l = &store->leases;
    struct record **r = &store->records;

    while (*g != NULL) {
        struct generation *at = *g;

        if (project != NULL && strcmp(at->project, project) != 0) {
            g = &at->older;
            continue;
        }
        *g = at->older;
        free_generation(at);
    }
    while (*l != NULL) {
        struct lease *at = *l;

        if (project != NULL && strcmp(at->project, project) != 0) {
            l = &at->next;
            continue;
        }
        *l = at->next;
        free_lease(at);
    }
    while (*r != NULL) {
        struct record *at = *r;

        if (project != NULL && strcmp(at->project, project) != 0) {
            r = &at->older;
            continue;
        }
        *r = at->older;
        free_record(at);
    }
}

/* ---------------------------------------------------------- open and close */

static larder_status
memory_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    (void)self, (void)create, (void)call;
    return larder_options_only(options, NULL, 0, err);
}

static void
memory_close(void *self)
{
    forget(self, NULL);
}

static larder_status
memory_destroy(
    void *self, const larder_call *call, const char *project, larder_error *err)
{
    larder_status rc = larder_call_check(call, err);

    if (rc == LARDER_OK)
        forget(self, project);
    return rc;
}

/* ------------------------------------------------------------- generations */

/* Generation `number` of a project, 0 for the newest; NULL. */
static const struct generation *
find_generation(
    const struct memory *store, const char *project, uint64_t number)
{
    const struct generation *at = store->generations;

    while (at != NULL && (strcmp(at->project, project) != 0 ||
                             (number != 0 && at->is.number != number)))
        at = at->older;
    return at;
}

static larder_status
memory_load(void *self, const larder_call *call, const char *project,
    uint64_t number, larder_generation *out, larder_error *err)
{
    const struct generation *found = find_generation(self, project, number);
    larder_status rc = larder_call_check(call, err);
    char *text;

    if (rc != LARDER_OK)
        return rc;
    if (found == NULL && number != 0)
        return larder_fail(err, LARDER_NOT_FOUND,
            "project '%s' has no generation %llu", project,
            (unsigned long long)number);
    if (found == NULL) {
        *out = (larder_generation){0};
        return LARDER_OK;
    }
    text = malloc(found->is.n_text + 1);
    if (text == NULL)
        return no_memory(err);
    memcpy(text, found->is.text, found->is.n_text + 1);
    *out = found->is;
    out->text = text;
    return LARDER_OK;
}

static larder_status
memory_newest(void *self, const larder_call *call, const char *project,
    uint64_t *number, larder_error *err)
{
    const struct generation *found = find_generation(self, project, 0);
    larder_status rc = larder_call_check(call, err);

    if (rc == LARDER_OK)
        *number = found == NULL ? 0 : found->is.number;
    return rc;
}

static larder_status
memory_append(void *self, const larder_call *call, const char *project,
    uint64_t after, larder_generation *generation, larder_error *err)
{
    struct memory *store = self;
    struct generation *added = NULL;
    uint64_t newest = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(memory_newest(self, call, project, &newest, err));
    if (newest != after)
        return larder_fail(err, LARDER_CONFLICT,
            "project '%s' is at generation %llu, not %llu", project,
            (unsigned long long)newest, (unsigned long long)after);
    added = calloc(1, sizeof *added);
    if (added == NULL)
        return no_memory(err);
    added->is = *generation;
    added->is.number = after + 1;
    added->is.text = malloc(generation->n_text + 1);
    added->project = copy(project);
    if (added->is.text == NULL || added->project == NULL) {
        free_generation(added);
        return no_memory(err);
    }
    memcpy(added->is.text, generation->text, generation->n_text);
    added->is.text[generation->n_text] = '\0';
    added->older = store->generations;
    store->generations = added;
    generation->number = after + 1;
out:
    return rc;
}

/* ------------------------------------------------------------------ leases */

static struct lease *
find_lease(const struct memory *store, const char *project, const char *name)
{
    struct lease *at = store->leases;

    while (at != NULL &&
           (strcmp(at->project, project) != 0 || strcmp(at->name, name) != 0))
        at = at->next;
    return at;
}

/* A lease that nobody has had yet, on the list. */
static struct lease *
add_lease(struct memory *store, const char *project, const char *name)
{
    struct lease *added = calloc(1, sizeof *added);

    if (added == NULL)
        return NULL;
    added->project = copy(project);
    added->name = copy(name);
    if (added->project == NULL || added->name == NULL) {
        free_lease(added);
        return NULL;
    }
    added->next = store->leases;
    store->leases = added;
    return added;
}

static larder_status
memory_lease(void *self, const larder_call *call, const char *project,
    larder_lease *lease, larder_error *err)
{
    struct memory *store = self;
    struct lease *held = find_lease(store, project, lease->name);
    larder_status rc = larder_call_check(call, err);
    bool taken = held != NULL && held->holder != NULL;
    bool ours = taken && held->fence == lease->fence &&
                strcmp(held->holder, lease->holder) == 0;
    char *holder;

    if (rc != LARDER_OK)
        return rc;
    if (lease->ttl_us <= 0) { /* give back what is still ours */
        if (ours) {
            free(held->holder);
            held->holder = NULL;
        }
        return LARDER_OK;
    }
    if (taken && !ours && held->expires > call->now)
        return larder_fail(
            err, LARDER_BUSY, "'%s' is held by %s", lease->name, held->holder);
    if (lease->fence != 0 && !ours)
        return larder_fail(err, LARDER_CONFLICT,
            "%s no longer holds '%s': it expired and changed hands",
            lease->holder, lease->name);
    holder = copy(lease->holder);
    if (holder != NULL && held == NULL)
        held = add_lease(store, project, lease->name);
    if (holder == NULL || held == NULL) {
        free(holder);
        return no_memory(err);
    }
    free(held->holder);
    held->holder = holder;
    held->fence += ours ? 0 : 1;
    held->expires = call->now > LARDER_TIME_MAX - lease->ttl_us
                        ? LARDER_TIME_MAX
                        : call->now + lease->ttl_us;
    lease->fence = held->fence;
    return LARDER_OK;
}

/* ----------------------------------------------------------------- records */

static struct record *
copy_record(const char *project, const larder_record *record)
{
    struct record *added = calloc(1, sizeof *added);

    if (added == NULL)
        return NULL;
    added->project = copy(project);
    added->kind = copy(record->kind);
    added->id = copy(record->id);
    added->name = record->name == NULL ? NULL : copy(record->name);
    added->text = copy(record->text);
    added->at = record->at;
    if (added->project == NULL || added->kind == NULL || added->id == NULL ||
        added->text == NULL || (record->name != NULL && added->name == NULL)) {
        free_record(added);
        return NULL;
    }
    return added;
}

static larder_status
memory_record(void *self, const larder_call *call, const char *project,
    const larder_record *record, larder_error *err)
{
    struct memory *store = self;
    struct record **at = &store->records, *added;
    larder_status rc = larder_call_check(call, err);

    if (rc != LARDER_OK)
        return rc;
    added = copy_record(project, record);
    if (added == NULL)
        return no_memory(err);
    while (*at != NULL) { /* the one it replaces */
        struct record *old = *at;

        if (strcmp(old->project, project) != 0 ||
            strcmp(old->kind, record->kind) != 0 ||
            strcmp(old->id, record->id) != 0) {
            at = &old->older;
            continue;
        }
        *at = old->older;
        free_record(old);
    }
    at = &store->records;
    while (*at != NULL && (*at)->at > added->at)
        at = &(*at)->older;
    added->older = *at;
    *at = added;
    return LARDER_OK;
}

static larder_status
memory_list(void *self, const larder_call *call, const char *project,
    const char *kind, const char *name, size_t limit, larder_record_sink *sink,
    larder_error *err)
{
    const struct memory *store = self;
    larder_status rc = larder_call_check(call, err);
    size_t n_given = 0;

    for (const struct record *at = store->records;
         at != NULL && n_given < limit && rc == LARDER_OK; at = at->older) {
        larder_record record = {.kind = at->kind,
            .id = at->id,
            .name = at->name,
            .at = at->at,
            .text = at->text};

        if (strcmp(at->project, project) != 0 || strcmp(at->kind, kind) != 0 ||
            (name != NULL && (at->name == NULL || strcmp(at->name, name) != 0)))
            continue;
        n_given++;
        rc = sink->record(sink, &record, err);
    }
    return rc;
}

const larder_registry_ops ldr_registry_memory_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "memory",
    .state_bytes = sizeof(struct memory),
    .open = memory_open,
    .close = memory_close,
    .load = memory_load,
    .newest = memory_newest,
    .append = memory_append,
    .lease = memory_lease,
    .record = memory_record,
    .list = memory_list,
    .destroy = memory_destroy,
};
