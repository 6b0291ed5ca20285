/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_canary.c - the key by which an emptied server is told from one that
 * never had a row.
 *
 * It holds "larder 1 " and a random name, given when the store was made. On a
 * cluster each slot has one, all alike. A server that restarts empty, is
 * flushed or evicts has lost it with the rows, or must be believed to.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "online_redis.h"

#define NAME "canary"
#define FORMAT "larder 1 "
#define ID_BYTES 16u
#define AT_ONCE 1024u /* commands of one run */

size_t
redis_store_canary_of(const redis_store *store, larder_bytes key)
{
    unsigned char room[LARDER_KEY_MAX + 80];
    size_t n_prefix = strlen(store->options.prefix);

    if (store->options.kind != REDIS_CLUSTER || key.size > LARDER_KEY_MAX)
        return 0;
    memcpy(room, store->options.prefix, n_prefix);
    if (key.size > 0)
        memcpy(room + n_prefix, key.data, key.size);
    return redis_route_canary_of(
        store->route, (larder_bytes){room, n_prefix + key.size});
}

size_t
redis_canary_key(const redis_store *store, size_t canary,
    unsigned char room[REDIS_CANARY_ROOM])
{
    size_t n = strlen(store->options.prefix);
    char tag[REDIS_TAG_ROOM];
    size_t n_tag = redis_route_canary_tag(store->route, canary, tag);

    memcpy(room, store->options.prefix, n);
    memcpy(room + n, tag, n_tag);
    memcpy(room + n + n_tag, NAME, sizeof NAME - 1);
    return n + n_tag + sizeof NAME - 1;
}

bool
redis_canary_is(const redis_store *store, larder_bytes key)
{
    unsigned char room[REDIS_CANARY_ROOM];
    size_t canary = redis_route_canary_of(store->route, key);
    size_t size = redis_canary_key(store, canary, room);

    return key.size == size && memcmp(key.data, room, size) == 0;
}

static bool
is_canary(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING &&
           reply->len > sizeof FORMAT - 1 &&
           reply->len < sizeof((redis_store *)NULL)->canary &&
           memcmp(reply->str, FORMAT, sizeof FORMAT - 1) == 0;
}

static void
keep(redis_store *store, const redisReply *reply)
{
    memcpy(store->canary, reply->str, reply->len);
    store->canary[reply->len] = '\0';
}

larder_status
redis_canary_missing(
    const redis_store *store, const char *what, larder_error *err)
{
    (void)larder_fail(err, LARDER_UNAVAILABLE,
        "the Redis store with key_prefix '%s' %s", store->options.prefix, what);
    larder_hint(err, "run larder apply, then larder materialize");
    return LARDER_UNAVAILABLE;
}

larder_status
redis_canary_judge(
    redis_store *store, const redisReply *reply, larder_error *err)
{
    if (reply->type == REDIS_REPLY_STRING &&
        reply->len == strlen(store->canary) &&
        memcmp(reply->str, store->canary, reply->len) == 0)
        return LARDER_OK;
    if (reply->type == REDIS_REPLY_NIL)
        return redis_canary_missing(
            store, "was emptied: no row of it can be believed missing", err);
    if (!is_canary(reply))
        return redis_senseless(store, "in the place of the canary", err);
    /* Told once; from now on the new one is believed. */
    keep(store, reply);
    return redis_canary_missing(store, "was emptied and made anew", err);
}

/* ------------------------------------------------------------------ asking */

/* Words for a command about each canary from `first` on. */
typedef struct asking {
    unsigned char keys[AT_ONCE][REDIS_CANARY_ROOM];
    larder_bytes words[AT_ONCE][4];
    redis_job jobs[AT_ONCE];
} asking;

/* "GET key", "DEL key", or "SET key value NX". */
static larder_status
ask_some(redis_store *store, const larder_call *call, const char *command,
    const char *value, size_t first, size_t n, asking *with, larder_error *err)
{
    for (size_t i = 0; i < n; i++) {
        larder_bytes *words = with->words[i];

        words[0] = (larder_bytes){command, strlen(command)};
        words[1] = (larder_bytes){
            with->keys[i], redis_canary_key(store, first + i, with->keys[i])};
        words[2] = (larder_bytes){value, value == NULL ? 0 : strlen(value)};
        words[3] = (larder_bytes){"NX", 2};
        with->jobs[i] = (redis_job){
            .words = words, .n_words = value == NULL ? 2 : 4, .key = 1};
    }
    return redis_route_run(store->route, call, with->jobs, n, true, err);
}

/* The same about `n` canaries; *n_there counts those that hold the first one's
 * words. */
static larder_status
ask_all(redis_store *store, const larder_call *call, const char *command,
    const char *value, size_t n, size_t *n_there, larder_error *err)
{
    asking *with = malloc(sizeof *with);
    larder_status rc = LARDER_OK;

    if (with == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    *n_there = 0;
    for (size_t at = 0; at < n; at += AT_ONCE) {
        size_t some = n - at < AT_ONCE ? n - at : AT_ONCE;

        LARDER_TRY(ask_some(store, call, command, value, at, some, with, err));
        for (size_t i = 0; i < some; i++) {
            const redisReply *reply = with->jobs[i].reply;

            if (store->canary[0] == '\0' && is_canary(reply))
                keep(store, reply);
            *n_there += reply->type == REDIS_REPLY_STRING &&
                        reply->len == strlen(store->canary) &&
                        memcmp(reply->str, store->canary, reply->len) == 0;
            freeReplyObject(with->jobs[i].reply);
        }
    }
out:
    free(with);
    return rc;
}

/* ------------------------------------------------------------ open, create */

static larder_status
make_value(char out[48], larder_error *err)
{
    unsigned char bytes[ID_BYTES];
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : read(file, bytes, sizeof bytes);
    char *at = out + sizeof FORMAT - 1;

    if (file >= 0)
        (void)close(file);
    if (n != (ssize_t)sizeof bytes)
        return larder_fail(err, LARDER_IO, "/dev/urandom cannot be read");
    memcpy(out, FORMAT, sizeof FORMAT);
    for (size_t i = 0; i < sizeof bytes; i++, at += 2)
        (void)snprintf(at, 3, "%02x", bytes[i]);
    return LARDER_OK;
}

static larder_status
see_key(void *context, larder_bytes key, larder_error *err)
{
    (void)key, (void)err;
    *(bool *)context = true;
    return LARDER_OK;
}

/* There is no canary, or not all: are there other keys? */
static larder_status
refuse_leftovers(redis_store *store, const larder_call *call, larder_error *err)
{
    const char *prefix = store->options.prefix;
    redis_walk walk = {0};
    bool any = false;
    larder_status rc = LARDER_OK;

    while (!any && !walk.done)
        LARDER_TRY(redis_walk_next(store->route, call, &walk,
            (larder_bytes){prefix, strlen(prefix)}, 1000, see_key, &any, err));
    if (!any)
        return LARDER_OK;
    (void)larder_fail(err, LARDER_UNAVAILABLE,
        "Redis has keys that begin with '%s', but lost some of the store, or "
        "they are another program's",
        prefix);
    larder_hint(err,
        "remove them (redis-cli --scan --pattern '%s*' | xargs -d "
        "'\\n' redis-cli unlink), or name another key_prefix; "
        "then run larder apply and larder materialize",
        prefix);
    rc = LARDER_UNAVAILABLE;
out:
    return rc;
}

static larder_status
create_all(redis_store *store, const larder_call *call, larder_error *err)
{
    size_t n = redis_route_n_canaries(store->route), n_there = 0;
    char value[48] = "";
    larder_status rc = LARDER_OK;

    LARDER_TRY(ask_all(store, call, "GET", NULL, n, &n_there, err));
    if (n_there == n)
        return LARDER_OK;
    LARDER_TRY(refuse_leftovers(store, call, err));
    LARDER_TRY(make_value(value, err));
    LARDER_TRY(ask_all(store, call, "SET", value, n, &n_there, err));
    store->canary[0] = '\0'; /* another may have been faster */
    LARDER_TRY(ask_all(store, call, "GET", NULL, n, &n_there, err));
    if (n_there != n)
        LARDER_TRY(larder_fail(err, LARDER_CONFLICT,
            "another program makes the same Redis store just now; try again"));
out:
    return rc;
}

larder_status
redis_canary_open(
    redis_store *store, bool create, const larder_call *call, larder_error *err)
{
    size_t n_there = 0;
    larder_status rc;

    if (create)
        return create_all(store, call, err);
    rc = ask_all(store, call, "GET", NULL, 1, &n_there, err);
    if (rc != LARDER_OK || n_there == 1)
        return rc;
    (void)larder_fail(err, LARDER_NOT_FOUND,
        "Redis has no store with key_prefix '%s': it was never made, or the "
        "server was emptied",
        store->options.prefix);
    larder_hint(err, "run larder apply, then larder materialize");
    return LARDER_NOT_FOUND;
}

larder_status
redis_canary_remove(
    redis_store *store, const larder_call *call, larder_error *err)
{
    size_t n = redis_route_n_canaries(store->route), n_there;

    return ask_all(store, call, "DEL", NULL, n, &n_there, err);
}
