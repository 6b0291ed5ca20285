/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - what the name of a store's host leads to. For stores that are
 * reached over a network.
 */
#ifndef BACKENDS_HOST_H
#define BACKENDS_HOST_H

#include "larder_backend.h"

/* Tell of "address": does the name have addresses, and others than IPv6 ones,
 * which many networks and containers cannot reach? A socket's path and a
 * written address have nothing to tell. NOMEM. */
larder_status host_examine(
    const char *host, larder_finding_sink *sink, larder_error *err);

/* Tell of "clock": how far the store's clock is from call->now. NOMEM. */
larder_status host_examine_clock(larder_time theirs, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

#endif
