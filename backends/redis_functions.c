/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_functions.c - load the functions that run inside the server, and call
 * them.
 *
 * A Redis Function goes to the replicas and so survives a failover; a script
 * does not, and is loaded again when the server does not know it. The name ends
 * in a digest of the text, so versions of Larder do not take each other's.
 */
#include "redis_functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_feast.h"

static const redis_function *const all[] = {
    &redis_put_function, &redis_feast_put};

#define N_FUNCTIONS (sizeof all / sizeof *all)
#define DIGEST_BYTES 40u

struct redis_functions {
    bool scripts; /* the server has no Functions, or they are not for us */
    char names[N_FUNCTIONS][64];
    char digests[N_FUNCTIONS][DIGEST_BYTES + 1]; /* of scripts */
};

static uint64_t
digest_of(const char *text)
{
    uint64_t digest = UINT64_C(14695981039346656037);

    for (; *text != '\0'; text++)
        digest = (digest ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return digest;
}

redis_functions *
redis_functions_new(void)
{
    redis_functions *functions = calloc(1, sizeof *functions);

    for (size_t i = 0; functions != NULL && i < N_FUNCTIONS; i++) {
        (void)snprintf(functions->names[i], sizeof functions->names[i],
            "%.40s_%016llx", all[i]->name,
            (unsigned long long)digest_of(all[i]->text));
        memset(functions->digests[i], '0', DIGEST_BYTES); /* never loaded */
    }
    return functions;
}

void
redis_functions_free(redis_functions *functions)
{
    free(functions);
}

static larder_bytes
word(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

void
redis_function_words(const redis_functions *functions,
    const redis_function *function, larder_bytes words[2])
{
    size_t i = 0;

    while (i + 1 < N_FUNCTIONS && all[i] != function)
        i++;
    words[0] = word(functions->scripts ? "EVALSHA" : "FCALL");
    words[1] =
        word(functions->scripts ? functions->digests[i] : functions->names[i]);
}

/* ------------------------------------------------------------------ loading */

/* The text as a library of one function. */
static char *
make_library(const char *name, const char *text)
{
    static const char form[] = "#!lua name=%s\n"
                               "redis.register_function('%s', "
                               "function(KEYS, ARGV)\n%s\nend)\n";
    size_t room = sizeof form + 2 * strlen(name) + strlen(text) + 1;
    char *library = malloc(room);

    if (library != NULL)
        (void)snprintf(library, room, form, name, name, text);
    return library;
}

static larder_status
load_function(redis_link *link, const larder_call *call, const char *name,
    const char *text, redisReply **reply, larder_error *err)
{
    char *library = make_library(name, text);
    larder_bytes words[] = {word("FUNCTION"), word("LOAD"), word("REPLACE"),
        {library, library == NULL ? 0 : strlen(library)}};
    larder_status rc;

    if (library == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    rc = redis_ask(link, call, 4, words, reply, err);
    free(library);
    return rc;
}

static larder_status
load_script(redis_link *link, const larder_call *call, const char *text,
    char *digest, larder_error *err)
{
    larder_bytes words[] = {word("SCRIPT"), word("LOAD"), word(text)};
    redisReply *reply = NULL;
    larder_status rc = redis_ask(link, call, 3, words, &reply, err);

    if (rc != LARDER_OK)
        return rc;
    if (reply->type != REDIS_REPLY_STRING || reply->len != DIGEST_BYTES)
        rc = redis_fail(link, reply, err);
    else
        memcpy(digest, reply->str, DIGEST_BYTES);
    freeReplyObject(reply);
    return rc;
}

/* Before 7.0 there is no such command; of a user's rights it may be left out.
 */
static bool
has_no_functions(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           (strncmp(reply->str, "NOPERM", 6) == 0 ||
               strstr(reply->str, "unknown command") != NULL);
}

static larder_status
load_one(redis_link *link, const larder_call *call, redis_functions *functions,
    size_t i, larder_error *err)
{
    redisReply *reply = NULL;
    larder_status rc = LARDER_OK;

    if (!functions->scripts) {
        rc = load_function(
            link, call, functions->names[i], all[i]->text, &reply, err);
        if (rc != LARDER_OK)
            return rc;
        functions->scripts = has_no_functions(reply);
        if (reply->type == REDIS_REPLY_ERROR && !functions->scripts)
            rc = redis_fail(link, reply, err);
        freeReplyObject(reply);
    }
    if (functions->scripts)
        rc = load_script(link, call, all[i]->text, functions->digests[i], err);
    return rc;
}

larder_status
redis_functions_load(
    redis_link *link, const larder_call *call, larder_error *err)
{
    redis_functions *functions = redis_link_options(link)->functions;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < N_FUNCTIONS && rc == LARDER_OK; i++)
        rc = load_one(link, call, functions, i, err);
    return rc;
}
