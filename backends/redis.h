/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis.h - what talks to Redis: addresses and options, one connection with its
 * transport, pipelines of commands, and replies that are bounded.
 *
 * hiredis formats and parses; sockets, deadlines and TLS are ours (a socket, or
 * libcurl with CONNECT_ONLY), because 0.14 knows no TLS and no deadline of a
 * whole call. A connection serves one thread at a time.
 */
#ifndef BACKENDS_REDIS_H
#define BACKENDS_REDIS_H

#include "larder_backend.h"

#include <hiredis/hiredis.h>

/* One address: host and port, or a Unix socket. */
typedef struct redis_address {
    char *host;   /* NULL: a Unix socket */
    char *socket; /* NULL: host and port */
    unsigned port;
} redis_address;

typedef enum redis_kind { /* redis_type */
    REDIS_SINGLE,
    REDIS_CLUSTER,
    REDIS_SENTINEL
} redis_kind;

/* How the functions of redis_functions.c are called on the servers of this
 * store; learnt when they are first loaded. */
typedef struct redis_functions redis_functions;

/* How to reach and enter any server of this store. */
typedef struct redis_options {
    redis_kind kind;
    redis_address *addresses; /* single: one; cluster, sentinel: to begin at */
    size_t n_addresses;
    char *username, *password; /* NULL: none */
    char *sentinel_username, *sentinel_password;
    char *master;      /* sentinel: the service's name */
    unsigned database; /* SELECT, only if not 0 */
    bool tls;
    char *ca, *certificate, *key; /* files; NULL: the system's, none */
    char *prefix;                 /* before each key: `key_prefix` */
    uint64_t key_ttl_seconds;     /* 0: none */
    bool allow_eviction;
    redis_functions *functions;
} redis_options;

/* `connection_string`: redis://, rediss://, unix://, or Feast's comma string
 * "host:6379,ssl=true,password=...,db=0" (several hosts for a cluster and for
 * sentinels), and the other options of online_redis.c. INVALID names the option
 * and shows no secret. */
larder_status redis_options_read(
    const larder_options *options, redis_options *out, larder_error *err);
void redis_options_free(redis_options *options); /* {0} allowed */

/* A connection to one address, entered (AUTH, SELECT). UNAVAILABLE; *refused
 * says that trying again is of no use: wrong password, certificate, rights, no
 * TLS. */
typedef struct redis_link redis_link;
larder_status redis_link_open(const redis_options *options,
    const redis_address *address, const larder_call *call, bool *refused,
    redis_link **out, larder_error *err);
void redis_link_close(redis_link *link); /* NULL allowed */
/* False once anything failed on it, or the server closed it: open another. */
bool redis_link_alive(const redis_link *link);
/* "127.0.0.1:6379", as messages name it. */
const char *redis_link_name(const redis_link *link);
const redis_options *redis_link_options(const redis_link *link);

/* Add one command to what will be sent; nothing is sent yet. */
larder_status redis_command(redis_link *link, size_t n_words,
    const larder_bytes *words, larder_error *err);
/* Send what was added. After it each redis_reply() gives the answer of the next
 * command, in order; an error reply of the server is given as a reply
 * (REDIS_REPLY_ERROR), not as a failure. freeReplyObject() it. */
larder_status redis_send(
    redis_link *link, const larder_call *call, larder_error *err);
larder_status redis_reply(redis_link *link, const larder_call *call,
    redisReply **out, larder_error *err);
/* The three in one, for a single command. */
larder_status redis_ask(redis_link *link, const larder_call *call,
    size_t n_words, const larder_bytes *words, redisReply **out,
    larder_error *err);

/* What an error reply means for who sent the command. */
typedef enum redis_error {
    REDIS_OTHER,      /* a fault of ours, or of rights: stop */
    REDIS_MOVED,      /* follow, and learn the slots anew */
    REDIS_ASK,        /* follow this once, after ASKING */
    REDIS_AGAIN,      /* TRYAGAIN, CLUSTERDOWN, LOADING, BUSY: wait */
    REDIS_ELSEWHERE,  /* READONLY, MASTERDOWN: find the primary again */
    REDIS_NO_FUNCTION /* the function or script has to be loaded again */
} redis_error;
redis_error redis_error_kind(const redisReply *reply);
/* Status and words: OOM LIMIT; NOPERM WRONGPASS NOAUTH READONLY LOADING
 * CLUSTERDOWN MISCONF UNAVAILABLE, each by name; WRONGTYPE CORRUPT; with the
 * server's own text and what would be right. */
larder_status redis_fail(
    const redis_link *link, const redisReply *reply, larder_error *err);

/* A function that runs inside the server: `text` is the body, in Lua, of a
 * function of KEYS and ARGV. A Redis Function, where the server is 7.0 or newer
 * and lets us load it, else a script. */
typedef struct redis_function {
    const char *name;
    const char *text;
} redis_function;
/* Load all of them (FUNCTION LOAD or SCRIPT LOAD) into the server of the link.
 */
larder_status redis_functions_load(
    redis_link *link, const larder_call *call, larder_error *err);
/* The first two words of a command that calls one: FCALL and its name, or
 * EVALSHA and its digest; the number of keys, keys and arguments follow. */
void redis_function_words(const redis_functions *functions,
    const redis_function *function, larder_bytes words[2]);
extern const redis_function redis_put_function; /* redis_put.c */

/* Where the key lives. One route a store; it owns its connections, finds the
 * primary (sentinel), knows the slots (cluster), and follows as told above. */
typedef struct redis_route redis_route;
larder_status redis_route_open(const redis_options *options,
    const larder_call *call, redis_route **out, larder_error *err);
void redis_route_close(redis_route *route); /* NULL allowed */

/* One command about one key (the `key`-th word), and what came of it. */
typedef struct redis_job {
    const larder_bytes *words;
    size_t n_words;
    size_t key;
    /* It only reads. What one server answers of these is of one connection:
     * when that is lost between them, all are asked again. So a row that is not
     * there and its canary that is were told by the same server. */
    bool reads;
    bool again;        /* [out] it was sent a second time, after a loss */
    redisReply *reply; /* [out] never an error reply; freeReplyObject() it */
} redis_job;

/* Answers all jobs: one pipeline to each server concerned, sent to all before
 * the first is read. Jobs about one key keep their order, unless `idempotent`.
 * Follows MOVED, ASK and failovers inside the deadline (without one: 10
 * seconds) and loads the store's functions where a server lacks them.
 * `idempotent`: may be sent again after a connection was lost in the middle. On
 * failure some jobs may have taken effect; replies are freed and NULL. */
larder_status redis_route_run(redis_route *route, const larder_call *call,
    redis_job *jobs, size_t n_jobs, bool idempotent, larder_error *err);

/* Each server that holds keys, for SCAN, INFO and CONFIG GET: `visit` is called
 * with a connection to each primary. */
larder_status redis_route_each(redis_route *route, const larder_call *call,
    larder_status (*visit)(void *context, redis_link *link,
        const larder_call *call, larder_error *err),
    void *context, larder_error *err);

/* The canary: a key whose absence shows that a server lost its keys. A cluster
 * has one for each slot, so that whichever node serves a key has its canary
 * too, also after the slot was moved; another route has one. */
size_t redis_route_n_canaries(const redis_route *route);
/* Which of them speaks for this key. */
size_t redis_route_canary_of(const redis_route *route, larder_bytes key);
/* "{123}", which brings a key into the slot wherever it stands, behind a prefix
 * without '{'. Its size: 0 outside a cluster. */
#define REDIS_TAG_ROOM 16u
size_t redis_route_canary_tag(
    const redis_route *route, size_t canary, char tag[REDIS_TAG_ROOM]);

/* Where a walk over all keys is; {0}: at its beginning. It may be kept as bytes
 * and be taken up again by another process. */
typedef struct redis_walk {
    uint64_t server, cursor;
    uint32_t slot, n_slots;
    bool done;
} redis_walk;

/* Hand `visit` the next keys that begin with `prefix`, about `count`, maybe
 * none. A key that is there all the time comes at least once. */
larder_status redis_walk_next(redis_route *route, const larder_call *call,
    redis_walk *walk, larder_bytes prefix, size_t count,
    larder_status (*visit)(void *context, larder_bytes key, larder_error *err),
    void *context, larder_error *err);

#endif
