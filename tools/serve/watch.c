/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - connections that take too long are ended.
 *
 * libmicrohttpd knows how long a connection was silent, which a slow sender is
 * not. Here each has a state and since when; who is over the limit of its state
 * has its socket shut, and the library takes it from there.
 */
#include "serve/watch.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void
watch_open(struct watch *watch, const struct serve *serve)
{
    *watch = (struct watch){.serve = serve};
    pthread_mutex_init(&watch->lock, NULL);
}

static void
take_address(struct watched *watched, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (info == NULL || info->client_addr == NULL)
        return;
    if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, info->client_addr, sizeof in);
        memcpy(watched->address, &in.sin_addr, 4);
    } else if (info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, info->client_addr, sizeof in6);
        memcpy(watched->address, &in6.sin6_addr, 16);
    }
}

struct watched *
watch_add(struct watch *watch, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct watched *watched = calloc(1, sizeof *watched);

    if (watched == NULL || info == NULL) {
        free(watched);
        return NULL;
    }
    watched->fd = info->connect_fd;
    take_address(watched, connection);
    watch_set(watch, watched, WATCH_HEAD);
    pthread_mutex_lock(&watch->lock);
    watched->next = watch->first;
    if (watch->first != NULL)
        watch->first->previous = watched;
    watch->first = watched;
    pthread_mutex_unlock(&watch->lock);
    return watched;
}

void
watch_set(struct watch *watch, struct watched *watched, enum watch_state state)
{
    if (watched == NULL)
        return;
    atomic_store_explicit(&watched->since, watch->serve->run->call.monotonic(),
        memory_order_relaxed);
    atomic_store_explicit(&watched->state, (int)state, memory_order_relaxed);
}

void
watch_remove(struct watch *watch, struct watched *watched)
{
    if (watched == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    if (watched->previous != NULL)
        watched->previous->next = watched->next;
    else
        watch->first = watched->next;
    if (watched->next != NULL)
        watched->next->previous = watched->previous;
    pthread_mutex_unlock(&watch->lock);
    free(watched);
}

unsigned
watch_count(struct watch *watch, const struct watched *watched)
{
    static const unsigned char none[sizeof watched->address];
    unsigned n = 0;

    if (memcmp(watched->address, none, sizeof none) == 0)
        return 0;
    pthread_mutex_lock(&watch->lock);
    for (const struct watched *w = watch->first; w != NULL; w = w->next)
        n += memcmp(w->address, watched->address, sizeof w->address) == 0;
    pthread_mutex_unlock(&watch->lock);
    return n;
}

static int64_t
limit_of(const struct serve_limits *limits, int state)
{
    switch ((enum watch_state)state) {
    case WATCH_HEAD:
        return limits->header_us;
    case WATCH_BODY:
        return limits->body_us;
    case WATCH_ANSWER:
        return 0;
    case WATCH_WRITE:
        return limits->write_us;
    case WATCH_IDLE:
        break;
    }
    return limits->idle_us;
}

void
watch_look(struct watch *watch)
{
    int64_t now = watch->serve->run->call.monotonic();

    pthread_mutex_lock(&watch->lock);
    for (struct watched *w = watch->first; w != NULL; w = w->next) {
        int64_t limit = limit_of(&watch->serve->limits, atomic_load(&w->state));

        if (limit > 0 && now - atomic_load(&w->since) > limit)
            shutdown(w->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&watch->lock);
}

void
watch_close(struct watch *watch)
{
    pthread_mutex_destroy(&watch->lock);
    *watch = (struct watch){0};
}
