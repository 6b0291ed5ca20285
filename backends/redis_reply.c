/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_reply.c - replies from bytes: hiredis' parser, with bounds of ours.
 *
 * Memory is that of redisReply, so that freeReplyObject() releases it.
 */
#include "redis_reply.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------- making of replies */

static redis_parser *
parser_of(const redisReadTask *task)
{
    return task->privdata;
}

/* Put it where its parent has a place for it. */
static void
attach(const redisReadTask *task, redisReply *reply)
{
    redisReply *parent;

    if (task->parent == NULL)
        return;
    parent = task->parent->obj;
    parent->element[task->idx] = reply;
}

static redisReply *
make(const redisReadTask *task, int type)
{
    redis_parser *parser = parser_of(task);
    redisReply *reply;

    if (task->parent == NULL)
        parser->n_items = 0;
    if (++parser->n_items > REDIS_MAX_REPLY_ITEMS) {
        parser->refused = "has too many items";
        return NULL;
    }
    reply = calloc(1, sizeof *reply);
    if (reply == NULL)
        parser->full = true;
    else
        reply->type = type;
    return reply;
}

static void *
make_string(const redisReadTask *task, char *text, size_t size)
{
    redisReply *reply = make(task, task->type);

    if (reply == NULL)
        return NULL;
    reply->str = malloc(size + 1);
    if (reply->str == NULL) {
        parser_of(task)->full = true;
        free(reply);
        return NULL;
    }
    memcpy(reply->str, text, size);
    reply->str[size] = '\0';
    reply->len = size;
    attach(task, reply);
    return reply;
}

static int
depth_of(const redisReadTask *task)
{
    int depth = 1;

    while ((task = task->parent) != NULL)
        depth++;
    return depth;
}

static void *
make_array(const redisReadTask *task, int n_elements)
{
    redis_parser *parser = parser_of(task);
    redisReply *reply;
    size_t n = n_elements < 0 ? 0 : (size_t)n_elements;

    if (n_elements < 0 || n > REDIS_MAX_REPLY_ITEMS / 2 ||
        depth_of(task) > REDIS_MAX_REPLY_DEPTH) {
        parser->refused = "has too many items";
        return NULL;
    }
    reply = make(task, REDIS_REPLY_ARRAY);
    if (reply == NULL || n == 0) {
        if (reply != NULL)
            attach(task, reply);
        return reply;
    }
    reply->element = calloc(n, sizeof(redisReply *));
    if (reply->element == NULL) {
        parser->full = true;
        free(reply);
        return NULL;
    }
    reply->elements = n;
    attach(task, reply);
    return reply;
}

static void *
make_integer(const redisReadTask *task, long long number)
{
    redisReply *reply = make(task, REDIS_REPLY_INTEGER);

    if (reply == NULL)
        return NULL;
    reply->integer = number;
    attach(task, reply);
    return reply;
}

static void *
make_nil(const redisReadTask *task)
{
    redisReply *reply = make(task, REDIS_REPLY_NIL);

    if (reply != NULL)
        attach(task, reply);
    return reply;
}

/* ------------------------------------------------------------------ parser */

larder_status
redis_parser_open(redis_parser *parser, larder_error *err)
{
    *parser = (redis_parser){.makers = {.createString = make_string,
                                 .createArray = make_array,
                                 .createInteger = make_integer,
                                 .createNil = make_nil,
                                 .freeObject = freeReplyObject}};
    parser->reader = redisReaderCreateWithFunctions(&parser->makers);
    if (parser->reader == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    parser->reader->privdata = parser;
    return LARDER_OK;
}

void
redis_parser_close(redis_parser *parser)
{
    if (parser->reader != NULL)
        redisReaderFree(parser->reader);
    *parser = (redis_parser){0};
}

larder_status
redis_parser_feed(
    redis_parser *parser, const void *bytes, size_t size, larder_error *err)
{
    redisReader *reader = parser->reader;

    if (reader->len - reader->pos > REDIS_MAX_REPLY_BYTES)
        return larder_fail(err, LARDER_UNAVAILABLE,
            "a reply is longer than %llu MiB",
            (unsigned long long)(REDIS_MAX_REPLY_BYTES >> 20));
    if (redisReaderFeed(reader, bytes, size) != REDIS_OK)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    return LARDER_OK;
}

larder_status
redis_parser_next(redis_parser *parser, redisReply **out, larder_error *err)
{
    void *reply = NULL;

    if (redisReaderGetReply(parser->reader, &reply) == REDIS_OK) {
        *out = reply;
        return LARDER_OK;
    }
    if (parser->full)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    if (parser->refused != NULL)
        return larder_fail(
            err, LARDER_UNAVAILABLE, "a reply %s", parser->refused);
    return larder_fail(err, LARDER_UNAVAILABLE,
        "a reply is not what Redis says: %.100s", parser->reader->errstr);
}
