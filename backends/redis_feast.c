/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_feast.c - rows as fields of hashes, in Redis.
 *
 * A read is an HMGET a hash, a put a call of redis_feast_put a row, all in one
 * pipeline. Keys are another program's too, so they have no prefix of ours.
 */
#include "redis_feast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "online_redis.h"

#define PUTS_AT_ONCE                                                           \
    4096u /* in one pipeline: what is being sent is bounded                    \
           */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

static larder_bytes
word(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

static void
free_replies(redis_job *jobs, size_t n_jobs)
{
    for (size_t i = 0; jobs != NULL && i < n_jobs; i++)
        if (jobs[i].reply != NULL)
            freeReplyObject(jobs[i].reply);
}

/* ------------------------------------------------------------------- reads */

static larder_status
fail_reply(larder_bytes key, const char *command, larder_error *err)
{
    return larder_fail(err, LARDER_CORRUPT,
        "the reply to %s of a key of %zu bytes makes no sense", command,
        key.size);
}

static larder_status
hand_out(const larder_hash_want *want, size_t at, const redisReply *reply,
    larder_bytes *values, larder_hash_found *found, larder_error *err)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != want->n_names)
        return fail_reply(want->key, "HMGET", err);
    for (size_t i = 0; i < want->n_names; i++) {
        const redisReply *value = reply->element[i];

        if (value->type == REDIS_REPLY_STRING)
            values[i] = (larder_bytes){value->str, value->len};
        else if (value->type == REDIS_REPLY_NIL)
            values[i] = (larder_bytes){0};
        else
            return fail_reply(want->key, "HMGET", err);
    }
    return found->values(found, at, values, err);
}

static size_t
count_names(const larder_hash_want *wants, size_t n_wants, size_t *most)
{
    size_t n = 0;

    *most = 0;
    for (size_t i = 0; i < n_wants; i++) {
        n += wants[i].n_names;
        *most = wants[i].n_names > *most ? wants[i].n_names : *most;
    }
    return n;
}

/* HMGET KEY NAME...; gives where the next words go. */
static larder_bytes *
make_reads(const larder_hash_want *wants, size_t n_wants, larder_bytes *words,
    redis_job *jobs)
{
    for (size_t i = 0; i < n_wants; i++) {
        jobs[i] = (redis_job){.words = words,
            .n_words = 2 + wants[i].n_names,
            .key = 1,
            .reads = true};
        *words++ = word("HMGET");
        *words++ = wants[i].key;
        memcpy(words, wants[i].names, wants[i].n_names * sizeof *words);
        words += wants[i].n_names;
    }
    return words;
}

static int
compare_numbers(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* Those that speak for the keys, each once. */
static size_t
choose_canaries(const redis_store *store, const larder_hash_want *wants,
    size_t n_wants, size_t *canaries)
{
    size_t n = 0;

    if (redis_route_n_canaries(store->route) == 1) {
        canaries[0] = 0;
        return 1;
    }
    for (size_t i = 0; i < n_wants; i++)
        canaries[i] = redis_route_canary_of(store->route, wants[i].key);
    qsort(canaries, n_wants, sizeof *canaries, compare_numbers);
    for (size_t i = 0; i < n_wants; i++)
        if (n == 0 || canaries[n - 1] != canaries[i])
            canaries[n++] = canaries[i];
    return n;
}

/* A pipeline of reads: an HMGET a hash, then a GET a canary. */
typedef struct getting {
    redis_store *store;
    larder_bytes *words, *values;
    redis_job *jobs;
    size_t *canaries, n_canaries;
    unsigned char (*rooms)[REDIS_CANARY_ROOM]; /* of their keys */
} getting;

static larder_status
make_room(getting *g, const larder_hash_want *wants, size_t n_wants,
    larder_error *err)
{
    size_t most, n_names = count_names(wants, n_wants, &most);

    g->canaries = calloc(n_wants + 1, sizeof *g->canaries);
    if (g->canaries == NULL)
        return no_memory(err);
    g->n_canaries = choose_canaries(g->store, wants, n_wants, g->canaries);
    g->words =
        calloc(n_names + 2 * (n_wants + g->n_canaries), sizeof *g->words);
    g->values = calloc(most + 1, sizeof *g->values);
    g->jobs = calloc(n_wants + g->n_canaries, sizeof *g->jobs);
    g->rooms = calloc(g->n_canaries, sizeof *g->rooms);
    return g->words == NULL || g->values == NULL || g->jobs == NULL ||
                   g->rooms == NULL
               ? no_memory(err)
               : LARDER_OK;
}

static void
add_canaries(getting *g, larder_bytes *words, redis_job *jobs)
{
    for (size_t i = 0; i < g->n_canaries; i++, words += 2) {
        size_t size = redis_canary_key(g->store, g->canaries[i], g->rooms[i]);

        words[0] = word("GET");
        words[1] = (larder_bytes){g->rooms[i], size};
        jobs[i] =
            (redis_job){.words = words, .n_words = 2, .key = 1, .reads = true};
    }
}

static void
free_room(getting *g, size_t n_jobs)
{
    free_replies(g->jobs, n_jobs);
    free(g->words);
    free(g->values);
    free(g->jobs);
    free(g->canaries);
    free(g->rooms);
}

larder_status
redis_feast_get_hashes(void *self, const larder_call *call,
    const larder_hash_want *wants, size_t n_wants, larder_hash_found *found,
    larder_error *err)
{
    getting g = {.store = self};
    larder_bytes *rest;
    larder_status rc;

    LARDER_TRY(make_room(&g, wants, n_wants, err));
    rest = make_reads(wants, n_wants, g.words, g.jobs);
    add_canaries(&g, rest, g.jobs + n_wants);
    LARDER_TRY(redis_route_run(
        g.store->route, call, g.jobs, n_wants + g.n_canaries, true, err));
    for (size_t i = 0; i < g.n_canaries; i++)
        LARDER_TRY(redis_canary_judge(g.store, g.jobs[n_wants + i].reply, err));
    for (size_t i = 0; i < n_wants; i++)
        LARDER_TRY(
            hand_out(&wants[i], i, g.jobs[i].reply, g.values, found, err));
out:
    free_room(&g, n_wants + g.n_canaries);
    return rc;
}

/* -------------------------------------------------------------------- puts */

/* Puts on their way: their words, and the bytes of those that had to be made.
 */
typedef struct putting {
    const redis_store *store;
    larder_bytes *words;
    redis_job *jobs;
    size_t n_words;
    char *bytes;
    size_t n_bytes;
} putting;

#define FIXED_WORDS 8u  /* call, name, 1, key, rule, seconds, two numbers */
#define NUMBER_ROOM 24u /* of one in digits */

/* What puts take, of words and of bytes. */
static void
measure(const larder_hash_put *puts, size_t n_puts, size_t *n_words,
    size_t *n_bytes)
{
    *n_words = *n_bytes = 0;
    for (size_t i = 0; i < n_puts; i++) {
        const larder_hash_put *put = &puts[i];

        *n_words += FIXED_WORDS + 3 * put->n_names;
        *n_bytes += 3 * NUMBER_ROOM;
        if (put->rule != LARDER_PUT_IF_MATCH)
            continue;
        for (size_t k = 0; k < put->n_names; k++)
            *n_bytes += 1 + put->expected[k].size;
    }
}

static void
add_number(putting *p, uint64_t number)
{
    char *text = p->bytes + p->n_bytes;
    int n = snprintf(text, NUMBER_ROOM, "%llu", (unsigned long long)number);

    p->words[p->n_words++] = (larder_bytes){text, (size_t)n};
    p->n_bytes += (size_t)n;
}

/* "+" and the value, or "-". */
static void
add_expected(putting *p, larder_bytes value)
{
    char *text = p->bytes + p->n_bytes;

    text[0] = value.data == NULL ? '-' : '+';
    if (value.size > 0)
        memcpy(text + 1, value.data, value.size);
    p->words[p->n_words++] = (larder_bytes){text, 1 + value.size};
    p->n_bytes += 1 + value.size;
}

static void
add_words(putting *p, const larder_bytes *words, size_t n)
{
    if (n > 0)
        memcpy(p->words + p->n_words, words, n * sizeof *words);
    p->n_words += n;
}

static void
add_put(putting *p, const larder_hash_put *put, redis_job *job)
{
    static const char *const rules[] = {[LARDER_PUT_NEWEST] = "n",
        [LARDER_PUT_IF_MATCH] = "m",
        [LARDER_PUT_REMOVE] = "r"};
    size_t begin = p->n_words;
    size_t n_values = put->rule == LARDER_PUT_REMOVE || put->values == NULL
                          ? 0
                          : put->n_names;

    redis_function_words(
        p->store->options.functions, &redis_feast_put, p->words + p->n_words);
    p->n_words += 2;
    p->words[p->n_words++] = word("1");
    p->words[p->n_words++] = put->key;
    p->words[p->n_words++] = word(rules[put->rule]);
    add_number(p, p->store->options.key_ttl_seconds);
    add_number(p, put->n_names);
    add_number(p, n_values);
    add_words(p, put->names, put->n_names);
    add_words(p, put->values, n_values);
    for (size_t i = 0; put->rule == LARDER_PUT_IF_MATCH && i < put->n_names;
         i++)
        add_expected(p, put->expected[i]);
    *job = (redis_job){
        .words = p->words + begin, .n_words = p->n_words - begin, .key = 3};
}

static larder_status
read_outcome(const larder_hash_put *put, const redisReply *reply,
    larder_outcome *out, larder_error *err)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < LARDER_WRITTEN ||
        reply->integer > LARDER_MISMATCH)
        return fail_reply(put->key, "larder_feast_put", err);
    *out = (larder_outcome)reply->integer;
    return LARDER_OK;
}

static larder_status
put_some(redis_store *store, const larder_call *call,
    const larder_hash_put *puts, size_t n_puts, larder_outcome *outcomes,
    larder_error *err)
{
    putting p = {.store = store};
    size_t n_words, n_bytes;
    larder_status rc = LARDER_OK;

    measure(puts, n_puts, &n_words, &n_bytes);
    p.words = calloc(n_words + 1, sizeof *p.words);
    p.bytes = malloc(n_bytes + 1);
    p.jobs = calloc(n_puts + 1, sizeof *p.jobs);
    if (p.words == NULL || p.bytes == NULL || p.jobs == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < n_puts; i++)
        add_put(&p, &puts[i], &p.jobs[i]);
    LARDER_TRY(redis_route_run(store->route, call, p.jobs, n_puts, true, err));
    for (size_t i = 0; i < n_puts; i++)
        LARDER_TRY(read_outcome(&puts[i], p.jobs[i].reply, &outcomes[i], err));
out:
    free_replies(p.jobs, n_puts);
    free(p.words);
    free(p.bytes);
    free(p.jobs);
    return rc;
}

larder_status
redis_feast_put_hashes(void *self, const larder_call *call,
    const larder_hash_put *puts, size_t n_puts, larder_outcome *outcomes,
    larder_error *err)
{
    redis_store *store = self;
    larder_status rc = redis_store_ready(store, call, err);

    for (size_t i = 0, n; i < n_puts && rc == LARDER_OK; i += n) {
        n = n_puts - i < PUTS_AT_ONCE ? n_puts - i : PUTS_AT_ONCE;
        rc = put_some(store, call, puts + i, n, outcomes + i, err);
    }
    return rc;
}

/* -------------------------------------------------------------------- walks */

typedef struct walking {
    larder_each_key *each;
} walking;

static larder_status
visit(void *context, larder_bytes key, larder_error *err)
{
    walking *w = context;

    return w->each->key(w->each, key, err);
}

larder_status
redis_feast_scan_hashes(void *self, const larder_call *call, larder_bytes head,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor,
    larder_each_key *each, larder_error *err)
{
    redis_store *store = self;
    walking w = {each};
    redis_walk walk = {0};
    larder_status rc;

    if (*n_cursor == sizeof walk)
        memcpy(&walk, cursor, sizeof walk);
    LARDER_TRY(redis_walk_next(
        store->route, call, &walk, head, max_keys, visit, &w, err));
    *n_cursor = walk.done ? 0 : sizeof walk;
    memcpy(cursor, &walk, sizeof walk);
out:
    return rc;
}
