/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_redis.c - hostile replies: what a server sends is read within bounds,
 * however it is cut into pieces, and what it says of slots and other nodes is
 * sense or refused.
 */
#include <stdlib.h>
#include <string.h>

#include "../../backends/redis_reply.h"
#include "../../backends/redis_slots.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "redis";

static void
check_slots(const redisReply *reply)
{
    redis_slots *slots = calloc(1, sizeof *slots);
    larder_error err = {0};

    if (slots == NULL)
        return;
    if (redis_slots_read(reply, "h", slots, &err) != LARDER_OK) {
        if (slots->n_nodes != 0 || err.message[0] == '\0')
            abort();
    }
    for (size_t i = 0; i < REDIS_N_SLOTS; i++)
        if (slots->owner[i] > slots->n_nodes)
            abort();
    redis_slots_release(slots);
    free(slots);
}

static void
check_reply(const redisReply *reply)
{
    redis_moved moved;

    check_slots(reply);
    if (redis_moved_read(reply, "h", &moved) &&
        (moved.slot >= REDIS_N_SLOTS || moved.port == 0 || moved.port > 65535 ||
            moved.host.size == 0))
        abort();
    (void)redis_error_kind(reply);
}

/* How many replies there were; the bytes come in pieces of `step`. */
static size_t
read_all(const uint8_t *data, size_t size, size_t step)
{
    redis_parser parser = {0};
    larder_status rc = redis_parser_open(&parser, NULL);
    size_t n_replies = 0;

    while (rc == LARDER_OK && size > 0) {
        size_t n = size < step ? size : step;
        redisReply *reply = NULL;

        rc = redis_parser_feed(&parser, data, n, NULL);
        data += n;
        size -= n;
        while (rc == LARDER_OK) {
            rc = redis_parser_next(&parser, &reply, NULL);
            if (rc != LARDER_OK || reply == NULL)
                break;
            n_replies++;
            check_reply(reply);
            freeReplyObject(reply);
        }
    }
    redis_parser_close(&parser);
    return n_replies;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (read_all(data, size, 1) != read_all(data, size, 4096))
        abort();
    return 0;
}
