/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - connections that take too long are ended: a client that sends a
 * byte a second, or does not read its answer, keeps nothing for ever.
 */
#ifndef SERVE_WATCH_H
#define SERVE_WATCH_H

#include <pthread.h>

#include "serve/serve.h"

enum watch_state {
    WATCH_HEAD,   /* a new connection: its first request begins */
    WATCH_BODY,   /* the head is there, the body comes */
    WATCH_ANSWER, /* it is being answered: calls have deadlines of their own */
    WATCH_WRITE,  /* the answer goes out */
    WATCH_IDLE    /* until the next head is there */
};

/* One connection. */
struct watched {
    int fd;
    unsigned char address[16]; /* of the other side; zero: a Unix socket */
    bool over;                 /* of too many from its address */
    _Atomic int state;
    _Atomic int64_t since; /* monotonic */
    struct watched *next, *previous;
};

/* The connections of one daemon. */
struct watch {
    const struct serve *serve;
    pthread_mutex_t lock; /* over the list */
    struct watched *first;
};

void watch_open(struct watch *watch, const struct serve *serve);
/* NULL: no memory; then it is not watched. */
struct watched *watch_add(
    struct watch *watch, struct MHD_Connection *connection);
void watch_set(
    struct watch *watch, struct watched *watched, enum watch_state state);
void watch_remove(struct watch *watch, struct watched *watched);
/* How many have the address of this one. */
unsigned watch_count(struct watch *watch, const struct watched *watched);
/* End those that are over their time. */
void watch_look(struct watch *watch);
void watch_close(struct watch *watch);

#endif
