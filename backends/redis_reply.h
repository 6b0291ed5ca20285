/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_reply.h - replies from bytes: hiredis' parser, with bounds of ours.
 *
 * hiredis believes a reply about its size and asks for as much memory before
 * anything of it has come. Here a reply is refused before that.
 */
#ifndef BACKENDS_REDIS_REPLY_H
#define BACKENDS_REDIS_REPLY_H

#include "redis.h"

#define REDIS_MAX_REPLY_BYTES (UINT64_C(256) << 20) /* of one reply */
#define REDIS_MAX_REPLY_ITEMS 2097152u /* arrays, texts and numbers in it */
#define REDIS_MAX_REPLY_DEPTH 4

/* Once opened it stays where it is. */
typedef struct redis_parser {
    redisReader *reader;
    redisReplyObjectFunctions makers;
    size_t n_items;      /* of the reply being read */
    const char *refused; /* why it was, in words */
    bool full;           /* out of memory */
} redis_parser;

larder_status redis_parser_open(redis_parser *parser, larder_error *err);
void redis_parser_close(redis_parser *parser); /* {0} allowed */
/* More bytes; then as many replies as there are in them, NULL when more bytes
 * are needed. UNAVAILABLE (not what Redis says, or over a limit), NOMEM; then
 * nothing more can be read. */
larder_status redis_parser_feed(
    redis_parser *parser, const void *bytes, size_t size, larder_error *err);
larder_status redis_parser_next(
    redis_parser *parser, redisReply **out, larder_error *err);

#endif
