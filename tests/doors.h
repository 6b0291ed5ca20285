/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doors.h - two online stores, "first" and "other": memory stores behind doors
 * that can be shut in the ways in which stores fail. Their clock is a number.
 */
#ifndef DOORS_H
#define DOORS_H

#include <stdatomic.h>

#include "larder_backend.h"

/* How one of them fares. */
typedef struct door {
    atomic_int refuses;  /* a larder_status that each call comes to; OK: none */
    bool hangs;          /* until the call's deadline */
    bool corrupts;       /* rows come with a flipped bit */
    unsigned breaks_off; /* after so many rows of a get; 0: never */
    atomic_uint opens, gets;
    int64_t waited; /* of the last call that hung */
} door;

extern door doors[2];

/* Open, and the clock at a second: for larder_open_options. */
const larder_online_ops *const *doors_backends(void);

/* The clock of calls, and how it is turned. */
int64_t doors_tick(void);
void doors_later(int64_t us);

#endif
