/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_slots.c - slots of keys, and the map of a Redis Cluster.
 */
#include "redis_slots.h"

#include <stdlib.h>
#include <string.h>

/* A name of the DNS has at most 253 bytes, an address fewer. */
#define MAX_HOST 253u

/* CRC16-XMODEM: polynomial 0x1021, from 0, unreflected; four bits a step. */
static const uint16_t crc_of_nibble[16] = {0x0000, 0x1021, 0x2042, 0x3063,
    0x4084, 0x50A5, 0x60C6, 0x70E7, 0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C,
    0xD1AD, 0xE1CE, 0xF1EF};

static uint16_t
crc16(const unsigned char *bytes, size_t size)
{
    unsigned crc = 0;

    for (size_t i = 0; i < size; i++) {
        crc = crc << 4 ^ crc_of_nibble[(crc >> 12 ^ bytes[i] >> 4) & 15];
        crc &= 0xFFFF;
        crc = crc << 4 ^ crc_of_nibble[(crc >> 12 ^ bytes[i]) & 15];
        crc &= 0xFFFF;
    }
    return (uint16_t)crc;
}

unsigned
redis_slot_of(larder_bytes key)
{
    const unsigned char *bytes = key.data, *open = NULL, *shut = NULL;
    size_t size = key.size;

    if (size > 0)
        open = memchr(bytes, '{', size);
    if (open != NULL)
        shut = memchr(open + 1, '}', size - (size_t)(open + 1 - bytes));
    if (shut != NULL && shut != open + 1) {
        bytes = open + 1;
        size = (size_t)(shut - bytes);
    }
    return crc16(bytes, size) % REDIS_N_SLOTS;
}

void
redis_slots_release(redis_slots *slots)
{
    for (size_t i = 0; i < slots->n_nodes; i++)
        free(slots->nodes[i].host);
    free(slots->nodes);
    *slots = (redis_slots){0};
}

static bool
is_node(const redis_address *node, larder_bytes host, unsigned port)
{
    return node->port == port && strlen(node->host) == host.size &&
           memcmp(node->host, host.data, host.size) == 0;
}

larder_status
redis_slots_node(redis_slots *slots, larder_bytes host, unsigned port,
    size_t *index, larder_error *err)
{
    char *copy;

    for (size_t i = 0; i < slots->n_nodes; i++)
        if (is_node(&slots->nodes[i], host, port)) {
            *index = i;
            return LARDER_OK;
        }
    if (slots->n_nodes >= REDIS_MAX_NODES)
        return larder_fail(err, LARDER_LIMIT,
            "the Redis Cluster names more than %u nodes", REDIS_MAX_NODES);
    if (slots->n_nodes == slots->room) {
        size_t room = slots->room == 0 ? 8 : 2 * slots->room;
        redis_address *nodes =
            realloc(slots->nodes, room * sizeof *slots->nodes);

        if (nodes == NULL)
            return larder_fail(err, LARDER_NOMEM, "out of memory");
        slots->nodes = nodes;
        slots->room = room;
    }
    copy = malloc(host.size + 1);
    if (copy == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    memcpy(copy, host.data, host.size);
    copy[host.size] = '\0';
    *index = slots->n_nodes;
    slots->nodes[slots->n_nodes++] =
        (redis_address){.host = copy, .port = port};
    return LARDER_OK;
}

/* --------------------------------------------------------- CLUSTER SLOTS */

static bool
is_integer(const redisReply *reply, long long from, long long to)
{
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= from &&
           reply->integer <= to;
}

/* "?" is what a node says that does not know the host. */
static bool
is_unknown(larder_bytes host)
{
    return host.size == 1 && *(const char *)host.data == '?';
}

/* Host and port of a range's primary, the first of its nodes. A null or empty
 * host is that of the node asked. */
static bool
read_node(const redisReply *node, const char *asked, larder_bytes *host,
    unsigned *port)
{
    const redisReply *name;

    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 ||
        !is_integer(node->element[1], 0, 65535))
        return false;
    name = node->element[0];
    *port = (unsigned)node->element[1]->integer;
    *host = (larder_bytes){asked, strlen(asked)};
    if (name->type == REDIS_REPLY_NIL)
        return true;
    if (name->type != REDIS_REPLY_STRING || name->len > MAX_HOST ||
        (name->len > 0 && memchr(name->str, '\0', name->len) != NULL))
        return false;
    if (name->len > 0)
        *host = (larder_bytes){name->str, name->len};
    return true;
}

/* One range: from, to, the primary, its replicas. A node without a known host
 * or port leaves its slots nobody's. */
static larder_status
read_range(const redisReply *range, const char *asked, redis_slots *slots,
    bool *sound, larder_error *err)
{
    larder_bytes host;
    size_t index;
    unsigned port;
    larder_status rc;

    *sound = range->type == REDIS_REPLY_ARRAY && range->elements >= 3 &&
             is_integer(range->element[0], 0, REDIS_N_SLOTS - 1) &&
             is_integer(range->element[1], range->element[0]->integer,
                 REDIS_N_SLOTS - 1) &&
             read_node(range->element[2], asked, &host, &port);
    if (!*sound || port == 0 || is_unknown(host))
        return LARDER_OK;
    rc = redis_slots_node(slots, host, port, &index, err);
    if (rc != LARDER_OK)
        return rc;
    for (long long slot = range->element[0]->integer;
         slot <= range->element[1]->integer; slot++) {
        if (slots->owner[slot] != 0)
            *sound = false; /* two primaries of one slot */
        slots->owner[slot] = (uint16_t)(index + 1);
    }
    return LARDER_OK;
}

larder_status
redis_slots_read(const redisReply *reply, const char *host, redis_slots *out,
    larder_error *err)
{
    redis_slots *slots = calloc(1, sizeof *slots);
    larder_status rc = LARDER_OK;
    bool sound;

    if (slots == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    sound =
        reply->type == REDIS_REPLY_ARRAY && reply->elements <= REDIS_N_SLOTS;
    for (size_t i = 0; sound && i < reply->elements; i++) {
        LARDER_TRY(read_range(reply->element[i], host, slots, &sound, err));
    }
    if (!sound) {
        rc = larder_fail(err, LARDER_UNAVAILABLE,
            "its reply to CLUSTER SLOTS makes no sense: is it a Redis "
            "Cluster?");
        goto out;
    }
    redis_slots_release(out);
    *out = *slots;
    *slots = (redis_slots){0};
out:
    redis_slots_release(slots);
    free(slots);
    return rc;
}

/* --------------------------------------------------------- MOVED and ASK */

/* A number of decimal digits up to `most`, then `end`. */
static bool
read_number(
    const char **at, const char *stop, char end, unsigned most, unsigned *out)
{
    const char *from = *at;
    unsigned number = 0;

    for (; *at < stop && **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (unsigned)(**at - '0');
        if (number > most)
            return false;
    }
    if (*at == from || (end != '\0' && (*at == stop || **at != end)) ||
        (end == '\0' && *at != stop))
        return false;
    *out = number;
    return true;
}

bool
redis_moved_read(const redisReply *reply, const char *host, redis_moved *out)
{
    const char *at, *stop, *colon = NULL;
    redis_moved moved = {0};

    if (reply->type != REDIS_REPLY_ERROR || reply->str == NULL)
        return false;
    at = memchr(reply->str, ' ', reply->len);
    stop = reply->str + reply->len;
    if (at++ == NULL ||
        !read_number(&at, stop, ' ', REDIS_N_SLOTS - 1, &moved.slot))
        return false;
    at++;
    for (const char *c = at; c < stop; c++) /* the last: IPv6 has others */
        if (*c == ':')
            colon = c;
    if (colon == NULL || colon - at > (ptrdiff_t)MAX_HOST)
        return false;
    moved.host = colon == at ? (larder_bytes){host, strlen(host)}
                             : (larder_bytes){at, (size_t)(colon - at)};
    at = colon + 1;
    if (!read_number(&at, stop, '\0', 65535, &moved.port) || moved.port == 0 ||
        is_unknown(moved.host))
        return false;
    *out = moved;
    return true;
}

/* ------------------------------------------------------------------ tags */

void
redis_tags_fill(redis_tags *tags)
{
    unsigned left = REDIS_N_SLOTS;

    memset(tags, 0, sizeof *tags);
    for (uint32_t number = 1; left > 0; number++) {
        char text[10];
        size_t at = sizeof text;
        unsigned slot;

        for (uint32_t rest = number; rest > 0; rest /= 10)
            text[--at] = (char)('0' + rest % 10);
        slot = crc16((const unsigned char *)text + at, sizeof text - at) %
               REDIS_N_SLOTS;
        if (tags->of_slot[slot] != 0)
            continue;
        tags->of_slot[slot] = number;
        left--;
    }
}
