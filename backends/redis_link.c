/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_link.c - one connection: commands gathered and sent at once, replies in
 * their order.
 *
 * Commands are written as RESP2 into one buffer, so that a pipeline is one
 * write. Whatever fails on a connection ends it: nobody could tell whose reply
 * would be the next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_reply.h"
#include "redis_transport.h"

#define CHUNK 16384u        /* of bytes received */
#define KEPT_BYTES 1048576u /* of the buffer, from one call to the next */

struct redis_link {
    const redis_options *options;
    redis_transport transport;
    redis_parser parser;
    char name[300];
    unsigned char *out; /* what will be sent */
    size_t n_out, room_out;
    size_t n_owed; /* replies */
    bool failed;
    unsigned char in[CHUNK];
};

const char *
redis_link_name(const redis_link *link)
{
    return link->name;
}

const redis_options *
redis_link_options(const redis_link *link)
{
    return link->options;
}

void
redis_link_close(redis_link *link)
{
    if (link == NULL)
        return;
    redis_transport_close(&link->transport);
    redis_parser_close(&link->parser);
    free(link->out);
    free(link);
}

bool
redis_link_alive(const redis_link *link)
{
    if (link->failed)
        return false;
    return link->n_owed > 0 || !redis_transport_ended(&link->transport);
}

/* -------------------------------------------------------------- commands */

/* "*3\r\n" or "$12\r\n". */
static size_t
write_size(unsigned char *to, char kind, size_t size)
{
    char digits[24];
    size_t n_digits = 0, n = 0;

    do {
        digits[n_digits++] = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    to[n++] = (unsigned char)kind;
    while (n_digits > 0)
        to[n++] = (unsigned char)digits[--n_digits];
    to[n++] = '\r';
    to[n++] = '\n';
    return n;
}

#define SIZE_ROOM 26u /* the most write_size() writes, and a line's end */

static larder_status
make_room(redis_link *link, size_t size, larder_error *err)
{
    size_t room = link->room_out;
    unsigned char *out;

    if (size <= room - link->n_out)
        return LARDER_OK;
    if (size > SIZE_MAX / 4 || link->n_out > SIZE_MAX / 4)
        return larder_fail(err, LARDER_LIMIT, "a command is too long");
    while (room - link->n_out < size)
        room = room * 2 + 1024;
    out = realloc(link->out, room);
    if (out == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    link->out = out;
    link->room_out = room;
    return LARDER_OK;
}

larder_status
redis_command(redis_link *link, size_t n_words, const larder_bytes *words,
    larder_error *err)
{
    size_t size = SIZE_ROOM;
    unsigned char *at;
    larder_status rc;

    for (size_t i = 0; i < n_words; i++) {
        if (words[i].size > SIZE_MAX / 4 - size)
            return larder_fail(err, LARDER_LIMIT, "a command is too long");
        size += words[i].size + SIZE_ROOM;
    }
    rc = make_room(link, size, err);
    if (rc != LARDER_OK)
        return rc;
    at = link->out + link->n_out;
    at += write_size(at, '*', n_words);
    for (size_t i = 0; i < n_words; i++) {
        at += write_size(at, '$', words[i].size);
        if (words[i].size > 0)
            memcpy(at, words[i].data, words[i].size);
        at += words[i].size;
        *at++ = '\r';
        *at++ = '\n';
    }
    link->n_out = (size_t)(at - link->out);
    link->n_owed++;
    return LARDER_OK;
}

larder_status
redis_send(redis_link *link, const larder_call *call, larder_error *err)
{
    larder_status rc = redis_transport_send(
        &link->transport, call, link->out, link->n_out, err);

    link->n_out = 0;
    if (link->room_out > KEPT_BYTES) {
        free(link->out);
        link->out = NULL;
        link->room_out = 0;
    }
    link->failed = link->failed || rc != LARDER_OK;
    return rc;
}

/* --------------------------------------------------------------- replies */

/* It is no reply: what is there instead? A TLS alert begins with 21, 3. */
static void
explain(const redis_link *link, larder_error *err)
{
    larder_context(err, "%s", link->name);
    if (link->in[0] == 21 && link->in[1] == 3)
        larder_hint(err, "it speaks TLS there: say rediss:// or ssl=true");
    else
        larder_hint(err, "is it Redis that listens there?");
}

larder_status
redis_reply(redis_link *link, const larder_call *call, redisReply **out,
    larder_error *err)
{
    redisReply *reply = NULL;
    larder_status rc = LARDER_OK;

    if (link->failed || link->n_owed == 0)
        return larder_fail(
            err, LARDER_UNAVAILABLE, "%s: the connection was lost", link->name);
    for (;;) {
        size_t n = 0;

        rc = redis_parser_next(&link->parser, &reply, err);
        if (rc != LARDER_OK)
            explain(link, err);
        if (rc != LARDER_OK || reply != NULL)
            break;
        LARDER_TRY(redis_transport_receive(
            &link->transport, call, link->in, sizeof link->in, &n, err));
        LARDER_TRY(redis_parser_feed(&link->parser, link->in, n, err));
    }
    if (rc == LARDER_OK) {
        link->n_owed--;
        *out = reply;
    }
out:
    link->failed = link->failed || rc != LARDER_OK;
    return rc;
}

larder_status
redis_ask(redis_link *link, const larder_call *call, size_t n_words,
    const larder_bytes *words, redisReply **out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    LARDER_TRY(redis_command(link, n_words, words, err));
    LARDER_TRY(redis_send(link, call, err));
    LARDER_TRY(redis_reply(link, call, out, err));
out:
    return rc;
}

/* --------------------------------------------------------------- entering */

static larder_bytes
word(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* What is said first: who we are, which database, and is anyone there. */
static larder_status
add_greeting(redis_link *link, larder_error *err)
{
    const redis_options *options = link->options;
    larder_bytes auth[3] = {word("AUTH")}, number[2] = {word("SELECT")};
    larder_bytes ping = word("PING");
    char digits[16];
    size_t n_auth = 1;
    larder_status rc = LARDER_OK;

    if (options->password != NULL) {
        if (options->username != NULL)
            auth[n_auth++] = word(options->username);
        auth[n_auth++] = word(options->password);
        LARDER_TRY(redis_command(link, n_auth, auth, err));
    }
    if (options->database != 0) {
        (void)snprintf(digits, sizeof digits, "%u", options->database);
        number[1] = word(digits);
        LARDER_TRY(redis_command(link, 2, number, err));
    }
    LARDER_TRY(redis_command(link, 1, &ping, err));
out:
    return rc;
}

/* A reply to that. An old server repeats the words of a command it does not
 * know, so what AUTH is answered is told by what it means alone. */
static larder_status
judge(redis_link *link, const redisReply *reply, bool is_auth, bool *refused,
    larder_error *err)
{
    bool may_not = reply->type == REDIS_REPLY_ERROR &&
                   strncmp(reply->str, "NOPERM", 6) == 0;
    larder_error said = {0};

    if (reply->type != REDIS_REPLY_ERROR || (may_not && link->n_owed == 0))
        return LARDER_OK; /* who may not say PING may say other things */
    *refused = redis_error_kind(reply) == REDIS_OTHER;
    (void)redis_fail(link, reply, &said);
    if (is_auth && strstr(reply->str, "unknown command") != NULL)
        return larder_fail(
            err, LARDER_UNAVAILABLE, "%s: it does not know AUTH", link->name);
    if (err != NULL)
        *err = said;
    return said.status == LARDER_OK ? LARDER_UNAVAILABLE : said.status;
}

static larder_status
enter(
    redis_link *link, const larder_call *call, bool *refused, larder_error *err)
{
    bool is_auth = link->options->password != NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(add_greeting(link, err));
    LARDER_TRY(redis_send(link, call, err));
    while (link->n_owed > 0) {
        redisReply *reply = NULL;

        rc = redis_reply(link, call, &reply, err);
        if (rc == LARDER_UNAVAILABLE && !link->options->tls)
            larder_hint(err, "it hangs up at the first word: does it speak TLS "
                             "there? Then say rediss:// or ssl=true");
        *refused = rc == LARDER_UNAVAILABLE && link->parser.reader->err != 0;
        if (rc == LARDER_OK)
            rc = judge(link, reply, is_auth, refused, err);
        freeReplyObject(reply);
        is_auth = false;
        if (rc != LARDER_OK)
            goto out;
    }
out:
    return rc;
}

static void
write_name(redis_link *link, const redis_address *address)
{
    const char *host = address->host;

    if (address->socket != NULL)
        (void)snprintf(
            link->name, sizeof link->name, "redis at %.250s", address->socket);
    else
        (void)snprintf(link->name, sizeof link->name,
            strchr(host, ':') != NULL ? "redis at [%.250s]:%u"
                                      : "redis at %.250s:%u",
            host, address->port);
}

larder_status
redis_link_open(const redis_options *options, const redis_address *address,
    const larder_call *call, bool *refused, redis_link **out, larder_error *err)
{
    redis_link *link = calloc(1, sizeof *link);
    larder_status rc = LARDER_OK;

    *refused = false;
    if (link == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    link->options = options;
    write_name(link, address);
    LARDER_TRY(redis_parser_open(&link->parser, err));
    LARDER_TRY(redis_transport_open(
        &link->transport, options, address, link->name, call, refused, err));
    LARDER_TRY(enter(link, call, refused, err));
    *out = link;
    link = NULL;
out:
    redis_link_close(link);
    return rc;
}
