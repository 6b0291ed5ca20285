/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_transport.h - bytes to a server and back: TCP, a Unix socket, or TLS.
 *
 * Every wait ends by the call: its deadline, its cancel.
 */
#ifndef BACKENDS_REDIS_TRANSPORT_H
#define BACKENDS_REDIS_TRANSPORT_H

#include "redis.h"

typedef struct redis_transport {
    void *curl; /* keeps the socket; NULL: closed */
    int socket;
    bool tls;
    const char *name; /* of the server, for messages; borrowed */
} redis_transport;

/* UNAVAILABLE: *refused says that trying again would not help. */
larder_status redis_transport_open(redis_transport *transport,
    const redis_options *options, const redis_address *address,
    const char *name, const larder_call *call, bool *refused,
    larder_error *err);
void redis_transport_close(redis_transport *transport); /* {0} allowed */

/* Has the server closed it, or said something nobody asked for? */
bool redis_transport_ended(const redis_transport *transport);

/* All of the bytes. */
larder_status redis_transport_send(redis_transport *transport,
    const larder_call *call, const void *bytes, size_t size, larder_error *err);
/* What has come, at least one byte. */
larder_status redis_transport_receive(redis_transport *transport,
    const larder_call *call, void *room, size_t size, size_t *received,
    larder_error *err);

#endif
