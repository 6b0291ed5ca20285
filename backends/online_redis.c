/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online_redis.c - an online store in Redis: opening, and reading.
 *
 * A get is one pipeline: HMGET of each entity, and the canary with it. Options:
 * connection_string, redis_type, sentinel_master, username, password,
 * sentinel_username, sentinel_password, key_prefix, key_ttl_seconds, ca,
 * certificate, key, allow_eviction; layout and entity_key_serialization_version
 * are the core's, full_scan_for_deletion and skip_dedup Feast's and of no
 * meaning here.
 */
#include "online_redis.h"

#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "redis_examine.h"
#include "redis_feast.h"

int
redis_compare(larder_bytes a, larder_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n == 0 ? 0 : memcmp(a.data, b.data, n);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

larder_status
redis_senseless(const redis_store *store, const char *which, larder_error *err)
{
    return larder_fail(err, LARDER_UNAVAILABLE,
        "the Redis store with key_prefix '%s' gave a reply %s that makes no "
        "sense",
        store->options.prefix, which);
}

/* --------------------------------------------------------- open and close */

static larder_bytes
word(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* The value of "name:value\r\n" in what INFO says. */
static const char *
find_info(const redisReply *info, const char *name)
{
    const char *at =
        info->type == REDIS_REPLY_STRING ? strstr(info->str, name) : NULL;

    return at == NULL ? NULL : at + strlen(name);
}

/* A server that drops keys when it is full drops rows, and nobody is told. */
static larder_status
check_eviction(
    void *context, redis_link *link, const larder_call *call, larder_error *err)
{
    const larder_bytes words[] = {word("INFO"), word("memory")};
    const char *policy, *name = redis_link_name(link);
    redisReply *reply = NULL;
    larder_status rc = redis_ask(link, call, 2, words, &reply, err);

    (void)context;
    if (rc != LARDER_OK)
        return rc;
    policy = find_info(reply, "maxmemory_policy:");
    if (policy == NULL) {
        rc = larder_fail(err, LARDER_UNAVAILABLE,
            "%s: INFO memory does not say its maxmemory-policy", name);
        larder_hint(err, "let the user call it (ACL: +info), or say "
                         "allow_eviction: true if a full server may drop rows");
    } else if (strncmp(policy, "noeviction", 10) != 0) {
        rc = larder_fail(err, LARDER_UNAVAILABLE,
            "%s: its maxmemory-policy is %.*s: a full server would drop rows",
            name, (int)strcspn(policy, "\r\n"), policy);
        larder_hint(err, "set maxmemory-policy noeviction, or say "
                         "allow_eviction: true");
    }
    freeReplyObject(reply);
    return rc;
}

static void
redis_close(void *self)
{
    redis_store *store = self;

    redis_store_forget(store);
    redis_route_close(store->route);
    redis_options_free(&store->options);
    free(store->words);
    free(store->jobs);
    free(store->bytes);
    *store = (redis_store){0};
}

static larder_status
redis_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    static const char *const known[] = {"connection_string", "redis_type",
        "sentinel_master", "username", "password", "sentinel_username",
        "sentinel_password", "key_prefix", "key_ttl_seconds", "ca",
        "certificate", "key", "allow_eviction", "layout",
        "entity_key_serialization_version", "full_scan_for_deletion",
        "skip_dedup"};
    redis_store *store = self;
    larder_status rc = LARDER_OK;

    LARDER_TRY(
        larder_options_only(options, known, sizeof known / sizeof *known, err));
    LARDER_TRY(redis_options_read(options, &store->options, err));
    LARDER_TRY(redis_route_open(&store->options, call, &store->route, err));
    if (!store->options.allow_eviction)
        LARDER_TRY(
            redis_route_each(store->route, call, check_eviction, NULL, err));
    LARDER_TRY(redis_canary_open(store, create, call, err));
out:
    if (rc != LARDER_OK)
        redis_close(store);
    return rc;
}

static larder_status
load_functions(
    void *context, redis_link *link, const larder_call *call, larder_error *err)
{
    (void)context;
    return redis_functions_load(link, call, err);
}

larder_status
redis_store_ready(
    redis_store *store, const larder_call *call, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (!store->functions_ready)
        rc = redis_route_each(store->route, call, load_functions, NULL, err);
    store->functions_ready = rc == LARDER_OK;
    return rc;
}

/* --------------------------------------------------------------------- get */

/* Room for so many of each, kept for the next get. */
static larder_status
make_room(redis_store *store, size_t n_words, size_t n_jobs, size_t n_bytes,
    larder_error *err)
{
    if (n_words > store->room_words) {
        free(store->words);
        store->words = malloc(n_words * sizeof *store->words);
        store->room_words = store->words == NULL ? 0 : n_words;
    }
    if (n_jobs > store->room_jobs) {
        free(store->jobs);
        store->jobs = malloc(n_jobs * sizeof *store->jobs);
        store->room_jobs = store->jobs == NULL ? 0 : n_jobs;
    }
    if (n_bytes > store->room_bytes) {
        free(store->bytes);
        store->bytes = malloc(n_bytes);
        store->room_bytes = store->bytes == NULL ? 0 : n_bytes;
    }
    if (n_words > store->room_words || n_jobs > store->room_jobs ||
        n_bytes > store->room_bytes)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    return LARDER_OK;
}

typedef struct making {
    redis_store *store;
    size_t n_words, n_jobs, n_bytes;
    uint32_t asked[512]; /* canaries: a bit each */
} making;

static void
add_canary(making *m, larder_bytes key)
{
    redis_store *store = m->store;
    size_t canary = redis_store_canary_of(store, key);
    uint32_t bit = UINT32_C(1) << canary % 32;
    unsigned char *at = store->bytes + m->n_bytes;
    larder_bytes *words = store->words + m->n_words;

    if ((m->asked[canary / 32] & bit) != 0)
        return;
    m->asked[canary / 32] |= bit;
    words[0] = (larder_bytes){"GET", 3};
    words[1] = (larder_bytes){at, redis_canary_key(store, canary, at)};
    m->n_bytes += words[1].size;
    m->n_words += 2;
    store->jobs[m->n_jobs++] =
        (redis_job){.words = words, .n_words = 2, .key = 1, .reads = true};
}

static void
add_want(making *m, const larder_want *want)
{
    redis_store *store = m->store;
    size_t n_prefix = strlen(store->options.prefix);
    unsigned char *at = store->bytes + m->n_bytes;
    larder_bytes *words = store->words + m->n_words;

    memcpy(at, store->options.prefix, n_prefix);
    if (want->key.size > 0)
        memcpy(at + n_prefix, want->key.data, want->key.size);
    words[0] = (larder_bytes){"HMGET", 5};
    words[1] = (larder_bytes){at, n_prefix + want->key.size};
    for (size_t i = 0; i < want->n_tables; i++)
        words[2 + i] =
            (larder_bytes){want->tables[i].bytes, LARDER_TABLE_BYTES};
    m->n_bytes += words[1].size;
    m->n_words += 2 + want->n_tables;
    store->jobs[m->n_jobs++] = (redis_job){
        .words = words, .n_words = 2 + want->n_tables, .key = 1, .reads = true};
}

/* The jobs: first the canaries, then each want that wants something. */
static larder_status
make_jobs(redis_store *store, const larder_want *wants, size_t n_wants,
    making *m, size_t *n_canaries, larder_error *err)
{
    size_t n_prefix = strlen(store->options.prefix), n_words = 0, n_bytes = 0;
    larder_status rc;

    for (size_t i = 0; i < n_wants; i++) {
        n_words += 4 + wants[i].n_tables;
        n_bytes += n_prefix + wants[i].key.size + REDIS_CANARY_ROOM;
    }
    rc = make_room(store, n_words, 2 * n_wants, n_bytes, err);
    if (rc != LARDER_OK)
        return rc;
    *m = (making){.store = store};
    for (size_t i = 0; i < n_wants; i++)
        if (wants[i].n_tables > 0)
            add_canary(m, wants[i].key);
    *n_canaries = m->n_jobs;
    for (size_t i = 0; i < n_wants; i++)
        if (wants[i].n_tables > 0)
            add_want(m, &wants[i]);
    return LARDER_OK;
}

static larder_status
give_rows(const redis_store *store, const redisReply *reply, size_t want,
    size_t n_tables, larder_found *found, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n_tables)
        return redis_senseless(store, "to HMGET", err);
    for (size_t i = 0; i < n_tables && rc == LARDER_OK; i++) {
        const redisReply *row = reply->element[i];

        if (row->type == REDIS_REPLY_NIL)
            continue;
        if (row->type != REDIS_REPLY_STRING)
            return redis_senseless(store, "to HMGET", err);
        if (row->len < LARDER_ROW_HEAD_BYTES)
            return larder_fail(err, LARDER_CORRUPT,
                "a row in Redis has %zu bytes; its head alone has %u", row->len,
                LARDER_ROW_HEAD_BYTES);
        rc =
            found->row(found, want, i, (larder_bytes){row->str, row->len}, err);
    }
    return rc;
}

/* HGET, outside of what a get keeps. */
larder_status
redis_store_holds(redis_store *store, const larder_call *call,
    const larder_put *put, bool *out, larder_error *err)
{
    size_t n_prefix = strlen(store->options.prefix);
    unsigned char key[LARDER_KEY_MAX + 80];
    larder_bytes words[] = {{"HGET", 4}, {key, n_prefix + put->key.size},
        {put->table.bytes, sizeof put->table.bytes}};
    redis_job job = {.words = words, .n_words = 3, .key = 1, .reads = true};
    larder_status rc;

    if (put->key.size > LARDER_KEY_MAX)
        return larder_fail(err, LARDER_INVALID, "a key has more than %u bytes",
            LARDER_KEY_MAX);
    memcpy(key, store->options.prefix, n_prefix);
    memcpy(key + n_prefix, put->key.data, put->key.size);
    rc = redis_route_run(store->route, call, &job, 1, true, err);
    if (rc == LARDER_OK)
        *out = job.reply->type == REDIS_REPLY_STRING &&
               job.reply->len == put->row.size &&
               memcmp(job.reply->str, put->row.data, put->row.size) == 0;
    freeReplyObject(job.reply);
    return rc;
}

static larder_status
redis_get(void *self, const larder_call *call, const larder_want *wants,
    size_t n_wants, larder_found *found, larder_error *err)
{
    redis_store *store = self;
    size_t n_canaries = 0, next;
    making m = {.n_jobs = 0};
    larder_status rc = larder_call_check(call, err);

    if (rc != LARDER_OK || n_wants == 0)
        return rc;
    LARDER_TRY(make_jobs(store, wants, n_wants, &m, &n_canaries, err));
    rc = redis_route_run(store->route, call, store->jobs, m.n_jobs, true, err);
    if (rc != LARDER_OK)
        return rc;
    for (size_t i = 0; i < n_canaries; i++)
        LARDER_TRY(redis_canary_judge(store, store->jobs[i].reply, err));
    next = n_canaries;
    for (size_t i = 0; i < n_wants; i++)
        if (wants[i].n_tables > 0)
            LARDER_TRY(give_rows(store, store->jobs[next++].reply, i,
                wants[i].n_tables, found, err));
out:
    for (size_t i = 0; i < m.n_jobs; i++)
        freeReplyObject(store->jobs[i].reply);
    return rc;
}

const larder_online_ops ldr_online_redis_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "redis",
    .state_bytes = sizeof(redis_store),
    .concurrent = false,
    .open = redis_open,
    .close = redis_close,
    .get = redis_get,
    .put = redis_put,
    .scan = redis_scan,
    .sweep = redis_sweep,
    .destroy = redis_destroy,
    .get_hashes = redis_feast_get_hashes,
    .put_hashes = redis_feast_put_hashes,
    .scan_hashes = redis_feast_scan_hashes,
    .examine = redis_examine,
};
