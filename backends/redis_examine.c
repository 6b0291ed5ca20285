/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_examine.c - is a Redis in order, for what Larder does there?
 *
 * What INFO, CONFIG GET and ACL DRYRUN say of each server that holds
 * keys; then some entities, by the sizes of their rows. What a server refuses
 * to tell is unknown.
 */
#include "redis_examine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "host.h"

#define SAMPLE_KEYS 200u
#define SAMPLE_STEPS 50u
#define LEAST_MAJOR 6
/* What hash-max-listpack-value may be set to; beyond, a hash is slower to read
 * than it is worth. */
static const uint64_t sizes[] = {128, 256, 512, 1024};
#define N_SIZES (sizeof sizes / sizeof *sizes)
/* What a table of pointers costs more than a list: measured, Redis 7.0. */
#define HASH_BYTES 90u
#define FIELD_BYTES 32u

typedef struct examining {
    redis_store *store;
    larder_finding_sink *sink;
    uint64_t listpack_value, listpack_entries; /* 0: not told */
    /* of the sample */
    const larder_call *call;
    redisReply *keys[SAMPLE_KEYS]; /* as strings */
    uint64_t n_hashes, n_wide;     /* wide: tables of pointers */
    uint64_t fitting[N_SIZES]; /* of these, with sizes[i] they would not be */
    uint64_t spent;            /* about, of what that costs them */
} examining;

/* One server at hand. */
typedef struct server {
    examining *e;
    redis_link *link;
    const larder_call *call;
    const redisReply *info;
} server;

static larder_bytes
word(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* ----------------------------------------------------------------- questions
 */

/* The value of "name:value\r\n" in what INFO says; "": it does not. */
static void
find_info(const redisReply *info, const char *name, char *out, size_t room)
{
    const char *at = info->type == REDIS_REPLY_STRING ? info->str : "";
    size_t n = strlen(name);

    out[0] = '\0';
    for (; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, n) != 0 || at[n] != ':')
            continue;
        at += n + 1;
        n = strcspn(at, "\r\n");
        if (n >= room)
            n = room - 1;
        memcpy(out, at, n);
        out[n] = '\0';
        return;
    }
}

static uint64_t
number_of(const redisReply *info, const char *name)
{
    char text[32];

    find_info(info, name, text, sizeof text);
    return strtoull(text, NULL, 10);
}

static bool
is_info(const redisReply *info, const char *name, const char *value)
{
    char text[64];

    find_info(info, name, text, sizeof text);
    return strcmp(text, value) == 0;
}

/* A number of the configuration; false: it is not told. */
static larder_status
ask_config(const server *s, const char *name, uint64_t *out, bool *told,
    larder_error *err)
{
    const larder_bytes words[] = {word("CONFIG"), word("GET"), word(name)};
    redisReply *reply = NULL;
    larder_status rc = redis_ask(s->link, s->call, 3, words, &reply, err);

    if (rc != LARDER_OK)
        return rc;
    *told = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
            reply->element[1]->type == REDIS_REPLY_STRING;
    if (*told)
        *out = strtoull(reply->element[1]->str, NULL, 10);
    freeReplyObject(reply);
    return LARDER_OK;
}

/* ------------------------------------------------------------------- findings
 */

static larder_status
tell_version(const server *s, larder_error *err)
{
    char version[32], mode[32], role[32];
    bool old;
    larder_status rc;

    find_info(s->info, "redis_version", version, sizeof version);
    find_info(s->info, "redis_mode", mode, sizeof mode);
    find_info(s->info, "role", role, sizeof role);
    rc = larder_finding_tell(s->e->sink, "reachable", LARDER_FINE, NULL, err,
        "%s, %s", redis_link_name(s->link), mode);
    if (rc != LARDER_OK)
        return rc;
    if (version[0] == '\0')
        return larder_finding_tell(s->e->sink, "version", LARDER_UNKNOWN,
            "let the user call INFO (ACL: +info)", err,
            "%s does not tell its version", redis_link_name(s->link));
    old = strtol(version, NULL, 10) < LEAST_MAJOR;
    rc = larder_finding_tell(s->e->sink, "version",
        old ? LARDER_DOUBTFUL : LARDER_FINE,
        old ? "Redis 6 is the oldest that is tried out" : NULL, err, "Redis %s",
        version);
    if (rc == LARDER_OK && strcmp(role, "master") != 0)
        rc = larder_finding_tell(s->e->sink, "primary", LARDER_WRONG,
            "name the primary, or the sentinels that know it", err,
            "%s is a replica: read-only", redis_link_name(s->link));
    return rc;
}

/* Behind "redis at ": a path, or host and port. */
static bool
is_here(const char *name)
{
    const char *at = strstr(name, " at ");

    at = at == NULL ? name : at + 4;
    return at[0] == '/' || strncmp(at, "127.", 4) == 0 ||
           strncmp(at, "localhost", 9) == 0 || strncmp(at, "[::1]", 5) == 0;
}

static larder_status
tell_tls(const server *s, larder_error *err)
{
    const char *name = redis_link_name(s->link);

    if (s->e->store->options.tls)
        return larder_finding_tell(s->e->sink, "tls", LARDER_FINE, NULL, err,
            "on, and the certificate is verified");
    if (is_here(name))
        return larder_finding_tell(s->e->sink, "tls", LARDER_FINE, NULL, err,
            "none, and none is needed: %s is this machine", name);
    return larder_finding_tell(s->e->sink, "tls", LARDER_DOUBTFUL,
        "write rediss:// (ssl=true)", err,
        "none: rows and password go to %s in the clear", name);
}

static larder_status
tell_eviction(const server *s, larder_error *err)
{
    char policy[32];

    find_info(s->info, "maxmemory_policy", policy, sizeof policy);
    if (policy[0] == '\0')
        return larder_finding_tell(s->e->sink, "eviction", LARDER_UNKNOWN,
            "let the user call INFO (ACL: +info)", err,
            "its maxmemory-policy is not told");
    if (strcmp(policy, "noeviction") == 0)
        return larder_finding_tell(s->e->sink, "eviction", LARDER_FINE, NULL,
            err, "noeviction: no row is dropped");
    return larder_finding_tell(s->e->sink, "eviction", LARDER_DOUBTFUL,
        "set maxmemory-policy noeviction", err,
        "%s: a full server drops rows, and nobody is told", policy);
}

static larder_status
tell_memory(const server *s, larder_error *err)
{
    uint64_t used = number_of(s->info, "used_memory");
    uint64_t most = number_of(s->info, "maxmemory");
    char used_text[32], most_text[32];
    bool full = most > 0 && used > most / 100 * 80;

    disk_print(used, used_text);
    disk_print(most, most_text);
    if (most == 0)
        return larder_finding_tell(s->e->sink, "memory", LARDER_DOUBTFUL,
            "set maxmemory below what the machine has", err,
            "%s are used, and there is no maxmemory", used_text);
    return larder_finding_tell(s->e->sink, "memory",
        used > most / 100 * 95 ? LARDER_WRONG
        : full                 ? LARDER_DOUBTFUL
                               : LARDER_FINE,
        full ? "raise maxmemory, or let old builds be swept" : NULL, err,
        "%s of %s (maxmemory) are used", used_text, most_text);
}

static larder_status
tell_persistence(const server *s, larder_error *err)
{
    if (is_info(s->info, "rdb_last_bgsave_status", "err") ||
        is_info(s->info, "aof_last_write_status", "err"))
        return larder_finding_tell(s->e->sink, "persistence", LARDER_WRONG,
            "look into its log: it may refuse writes soon", err,
            "the last time it saved itself failed");
    if (is_info(s->info, "aof_enabled", "1"))
        return larder_finding_tell(s->e->sink, "persistence", LARDER_FINE, NULL,
            err, "append-only file");
    if (is_info(s->info, "rdb_last_save_time", "0") ||
        is_info(s->info, "aof_enabled", ""))
        return larder_finding_tell(s->e->sink, "persistence", LARDER_UNKNOWN,
            NULL, err, "it is not told");
    return larder_finding_tell(s->e->sink, "persistence", LARDER_DOUBTFUL,
        "set appendonly yes; or, after it lost its rows, `larder materialize "
        "--full`",
        err, "snapshots at most: what came since is lost when it ends");
}

/* Without a right to ask for TIME: INFO has it too. */
static larder_status
tell_clock(const server *s, larder_error *err)
{
    char text[32];

    find_info(s->info, "server_time_usec", text, sizeof text);
    if (text[0] == '\0')
        return larder_finding_tell(s->e->sink, "clock", LARDER_UNKNOWN, NULL,
            err, "it does not tell its time (Redis 6 and later do)");
    return host_examine_clock(
        (larder_time)strtoll(text, NULL, 10), s->call, s->e->sink, err);
}

/* --------------------------------------------------------------------- rights
 */

/* Would the server let `user` call it with a key of the store? */
static larder_status
try_right(const server *s, larder_bytes user, const char *command,
    const char *const *rest, bool *told, bool *may, larder_error *err)
{
    char key[96];
    larder_bytes words[8] = {word("ACL"), word("DRYRUN"), user, word(command)};
    size_t n = 4;
    redisReply *reply = NULL;
    larder_status rc;

    snprintf(key, sizeof key, "%.80sdoctor", s->e->store->options.prefix);
    for (; *rest != NULL && n < 8; rest++)
        words[n++] = word(strcmp(*rest, "KEY") == 0 ? key : *rest);
    rc = redis_ask(s->link, s->call, n, words, &reply, err);
    if (rc != LARDER_OK)
        return rc;
    *told = reply->type != REDIS_REPLY_ERROR;
    *may = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
    freeReplyObject(reply);
    return LARDER_OK;
}

static larder_status
try_rights(const server *s, larder_bytes user, const char **lacks, bool *told,
    larder_error *err)
{
    static const struct {
        const char *command;
        const char *rest[5];
    } tried[] = {
        {"HMGET", {"KEY", "f", NULL}},
        {"GET", {"KEY", NULL}},
        {"SCAN", {"0", NULL}},
        {"HSET", {"KEY", "f", "v", NULL}},
        {"HDEL", {"KEY", "f", NULL}},
        {"DEL", {"KEY", NULL}},
        {"EVALSHA", {"0", "1", "KEY", NULL}},
    };
    larder_status rc = LARDER_OK;

    *lacks = NULL;
    *told = true;
    for (size_t i = 0; i < sizeof tried / sizeof *tried && *told; i++) {
        bool may = false;

        LARDER_TRY(try_right(
            s, user, tried[i].command, tried[i].rest, told, &may, err));
        if (*told && !may) {
            *lacks = tried[i].command;
            return LARDER_OK;
        }
    }
out:
    return rc;
}

static larder_status
tell_rights(const server *s, larder_error *err)
{
    const larder_bytes words[] = {word("ACL"), word("WHOAMI")};
    const char *lacks = NULL;
    bool told = false;
    redisReply *who = NULL;
    larder_status rc = redis_ask(s->link, s->call, 2, words, &who, err);

    if (rc != LARDER_OK)
        return rc;
    if (who->type == REDIS_REPLY_STRING)
        LARDER_TRY(try_rights(
            s, (larder_bytes){who->str, who->len}, &lacks, &told, err));
    if (!told)
        rc = larder_finding_tell(s->e->sink, "rights", LARDER_UNKNOWN,
            "let the user call ACL DRYRUN and ACL WHOAMI (Redis 7)", err,
            "what its user may call is not told");
    else if (lacks != NULL)
        rc = larder_finding_tell(s->e->sink, "rights", LARDER_WRONG,
            "ACL SETUSER: docs/backends.md lists what Larder calls", err,
            "user '%s' may not call %s with keys that begin with '%s'",
            who->str, lacks, s->e->store->options.prefix);
    else
        rc = larder_finding_tell(s->e->sink, "rights", LARDER_FINE, NULL, err,
            "user '%s' may read and write keys that begin with '%s'", who->str,
            s->e->store->options.prefix);
out:
    freeReplyObject(who);
    return rc;
}

/* ----------------------------------------------------------------- one server
 */

static larder_status
tell_server(const server *s, larder_error *err)
{
    bool told = false;
    larder_status rc;

    LARDER_TRY(tell_version(s, err));
    LARDER_TRY(tell_tls(s, err));
    LARDER_TRY(tell_rights(s, err));
    LARDER_TRY(tell_eviction(s, err));
    LARDER_TRY(tell_memory(s, err));
    LARDER_TRY(tell_persistence(s, err));
    LARDER_TRY(tell_clock(s, err));
    LARDER_TRY(ask_config(
        s, "hash-max-listpack-value", &s->e->listpack_value, &told, err));
    LARDER_TRY(ask_config(
        s, "hash-max-listpack-entries", &s->e->listpack_entries, &told, err));
out:
    return rc;
}

static larder_status
visit_server(
    void *context, redis_link *link, const larder_call *call, larder_error *err)
{
    const larder_bytes words[] = {word("INFO")};
    redisReply *info = NULL;
    server s = {.e = context, .link = link, .call = call};
    larder_status rc = redis_ask(link, call, 1, words, &info, err);

    if (rc != LARDER_OK)
        return rc;
    s.info = info;
    rc = tell_server(&s, err);
    freeReplyObject(info);
    return rc;
}

/* --------------------------------------------------------------- sizes of rows
 */

typedef struct sample {
    examining *e;
    larder_bytes words[SAMPLE_KEYS][2];
    unsigned char *bytes;
    size_t n_bytes, room;
    size_t at[SAMPLE_KEYS], size[SAMPLE_KEYS];
    unsigned n_keys;
} sample;

static larder_status
keep_key(void *context, larder_bytes key, larder_error *err)
{
    sample *s = context;
    unsigned char *bytes;

    if (s->n_keys == SAMPLE_KEYS || redis_canary_is(s->e->store, key))
        return LARDER_OK;
    if (key.size > s->room - s->n_bytes) {
        size_t room = (s->room + key.size) * 2;

        bytes = realloc(s->bytes, room);
        if (bytes == NULL)
            return larder_fail(err, LARDER_NOMEM, "out of memory");
        s->bytes = bytes;
        s->room = room;
    }
    memcpy(s->bytes + s->n_bytes, key.data, key.size);
    s->at[s->n_keys] = s->n_bytes;
    s->size[s->n_keys++] = key.size;
    s->n_bytes += key.size;
    return LARDER_OK;
}

/* The rows of an entity: a field's name is a table. */
static void
count_rows(examining *e, const redisReply *reply)
{
    uint64_t widest = 0, n = 0;

    for (size_t i = 1; reply->type == REDIS_REPLY_ARRAY && i < reply->elements;
         i += 2, n++)
        if (reply->element[i]->len > widest)
            widest = reply->element[i]->len;
    if (n == 0)
        return;
    e->n_hashes++;
    if (widest <= e->listpack_value)
        return;
    e->n_wide++;
    e->spent += HASH_BYTES + n * FIELD_BYTES;
    for (size_t i = 0; i < N_SIZES; i++)
        e->fitting[i] += widest <= sizes[i];
}

static larder_status
read_sample(sample *s, larder_error *err)
{
    redis_job jobs[SAMPLE_KEYS];
    larder_status rc;

    for (unsigned i = 0; i < s->n_keys; i++) {
        s->words[i][0] = word("HGETALL");
        s->words[i][1] = (larder_bytes){s->bytes + s->at[i], s->size[i]};
        jobs[i] = (redis_job){
            .words = s->words[i], .n_words = 2, .key = 1, .reads = true};
    }
    if (s->n_keys == 0)
        return LARDER_OK;
    rc = redis_route_run(
        s->e->store->route, s->e->call, jobs, s->n_keys, true, err);
    if (rc != LARDER_OK)
        return rc;
    for (unsigned i = 0; i < s->n_keys; i++) {
        count_rows(s->e, jobs[i].reply);
        freeReplyObject(jobs[i].reply);
    }
    return LARDER_OK;
}

static larder_status
take_sample(examining *e, larder_error *err)
{
    sample *s = calloc(1, sizeof *s);
    redis_walk walk = {0};
    larder_status rc = LARDER_OK;

    if (s == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    s->e = e;
    for (unsigned i = 0;
         i < SAMPLE_STEPS && !walk.done && s->n_keys < SAMPLE_KEYS; i++)
        LARDER_TRY(redis_walk_next(e->store->route, e->call, &walk,
            word(e->store->options.prefix), SAMPLE_KEYS, keep_key, s, err));
    rc = read_sample(s, err);
out:
    free(s->bytes);
    free(s);
    return rc;
}

/* The least size that serves nearly all that any serves; N_SIZES: none would
 * serve many. */
static size_t
better_size(const examining *e)
{
    uint64_t most = e->fitting[N_SIZES - 1];

    for (size_t i = 0; i < N_SIZES && most > e->n_hashes / 20; i++)
        if (sizes[i] > e->listpack_value && e->fitting[i] >= most - most / 10)
            return i;
    return N_SIZES;
}

/* A hash with a longer value is kept as a table of pointers. */
static larder_status
tell_listpack(const examining *e, larder_error *err)
{
    size_t better = better_size(e);
    char advice[96];

    if (e->listpack_value == 0)
        return larder_finding_tell(e->sink, "listpack", LARDER_UNKNOWN,
            "let the user call CONFIG GET (ACL: +config|get)", err,
            "its hash-max-listpack-value is not told");
    if (better == N_SIZES)
        return larder_finding_tell(e->sink, "listpack", LARDER_FINE, NULL, err,
            "hash-max-listpack-value is %llu: %llu entities looked at would "
            "not be smaller with another",
            (unsigned long long)e->listpack_value,
            (unsigned long long)e->n_hashes);
    snprintf(advice, sizeof advice,
        "set hash-max-listpack-value %llu, then `larder materialize --full`",
        (unsigned long long)sizes[better]);
    return larder_finding_tell(e->sink, "listpack", LARDER_DOUBTFUL, advice,
        err,
        "%llu of %llu entities looked at have rows longer than "
        "hash-max-listpack-value, %llu, and take some %llu bytes more each for "
        "it",
        (unsigned long long)e->n_wide, (unsigned long long)e->n_hashes,
        (unsigned long long)e->listpack_value,
        (unsigned long long)(e->spent / e->n_wide / 10 * 10));
}

larder_status
redis_examine(void *self, const larder_call *call, larder_finding_sink *sink,
    larder_error *err)
{
    redis_store *store = self;
    examining e = {.store = store, .sink = sink, .call = call};
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < store->options.n_addresses; i++)
        LARDER_TRY(host_examine(store->options.addresses[i].host, sink, err));
    LARDER_TRY(redis_route_each(store->route, call, visit_server, &e, err));
    LARDER_TRY(take_sample(&e, err));
    rc = tell_listpack(&e, err);
out:
    return rc;
}
