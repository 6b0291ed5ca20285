/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doors.c - memory stores behind doors.
 */
#include "tests/doors.h"

#include <check.h>
#include <stddef.h>
#include <string.h>

door doors[2];
static const larder_online_ops *memory;
static _Atomic(int64_t) ticks;

int64_t
doors_tick(void)
{
    return atomic_load(&ticks);
}

void
doors_later(int64_t us)
{
    atomic_fetch_add(&ticks, us);
}

/* An instance: its door, then what the memory store keeps. */
typedef union instance {
    door *door;
    max_align_t aligned;
} instance;

static void *
inner(void *self)
{
    return (instance *)self + 1;
}

static larder_status
pass(door *d, const larder_call *call, larder_error *err)
{
    larder_status rc = (larder_status)atomic_load(&d->refuses);
    int64_t now = doors_tick();

    if (d->hangs) {
        if (call->deadline == 0)
            ck_abort_msg("who waits needs a deadline");
        if (call->deadline > now)
            atomic_store(&ticks, call->deadline);
        d->waited = doors_tick() - now;
        return larder_call_check(call, err);
    }
    return rc == LARDER_OK ? rc : larder_fail(err, rc, "the door is shut");
}

static larder_status
open_door(door *d, void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    larder_status rc;

    atomic_fetch_add(&d->opens, 1);
    LARDER_TRY(pass(d, call, err));
    ((instance *)self)->door = d;
    rc = memory->open(inner(self), options, create, call, err);
out:
    return rc;
}

static larder_status
open_first(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    return open_door(&doors[0], self, options, create, call, err);
}

static larder_status
open_other(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    return open_door(&doors[1], self, options, create, call, err);
}

static void
close_door(void *self)
{
    memory->close(inner(self));
}

typedef struct handing {
    larder_found found;
    larder_found *to;
    door *door;
    unsigned n;
} handing;

static larder_status
hand_on(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    handing *h = (handing *)self;
    unsigned char copy[512];

    if (h->door->breaks_off > 0 && ++h->n > h->door->breaks_off)
        return larder_fail(err, LARDER_UNAVAILABLE, "the line is cut");
    if (row.size > sizeof copy)
        ck_abort_msg("a row of %zu bytes", row.size);
    memcpy(copy, row.data, row.size);
    if (h->door->corrupts)
        copy[row.size - 1] ^= 1;
    return h->to->row(h->to, want, table, (larder_bytes){copy, row.size}, err);
}

static larder_status
get(void *self, const larder_call *call, const larder_want *wants,
    size_t n_wants, larder_found *found, larder_error *err)
{
    door *d = ((instance *)self)->door;
    handing h = {.found = {hand_on}, .to = found, .door = d};
    larder_status rc;

    atomic_fetch_add(&d->gets, 1);
    LARDER_TRY(pass(d, call, err));
    rc = memory->get(inner(self), call, wants, n_wants, &h.found, err);
out:
    return rc;
}

static larder_status
put(void *self, const larder_call *call, const larder_put *rows, size_t n_rows,
    larder_outcome *outcomes, larder_error *err)
{
    larder_status rc = pass(((instance *)self)->door, call, err);

    return rc != LARDER_OK
               ? rc
               : memory->put(inner(self), call, rows, n_rows, outcomes, err);
}

static larder_status
scan(void *self, const larder_call *call, const larder_bytes *after_key,
    const larder_table_id *after_table, size_t limit, larder_each *each,
    bool *more, larder_error *err)
{
    larder_status rc = pass(((instance *)self)->door, call, err);

    return rc != LARDER_OK ? rc
                           : memory->scan(inner(self), call, after_key,
                                 after_table, limit, each, more, err);
}

static larder_status
sweep(void *self, const larder_call *call, larder_table_id table,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor, uint64_t *removed,
    larder_error *err)
{
    larder_status rc = pass(((instance *)self)->door, call, err);

    return rc != LARDER_OK ? rc
                           : memory->sweep(inner(self), call, table, max_keys,
                                 cursor, n_cursor, removed, err);
}

static larder_status
destroy(void *self, const larder_call *call, larder_error *err)
{
    larder_status rc = pass(((instance *)self)->door, call, err);

    return rc != LARDER_OK ? rc : memory->destroy(inner(self), call, err);
}

static larder_online_ops first_ops = {.type = "first", .open = open_first};
static larder_online_ops other_ops = {.type = "other", .open = open_other};
static void
make_ops(larder_online_ops *ops)
{
    const larder_online_ops *const *all = larder_online_backends();

    while (strcmp((*all)->type, "memory") != 0)
        all++;
    memory = *all;
    ops->abi = LARDER_BACKEND_ABI;
    ops->state_bytes = sizeof(instance) + memory->state_bytes;
    ops->concurrent = memory->concurrent;
    ops->close = close_door;
    ops->get = get;
    ops->put = put;
    ops->scan = scan;
    ops->sweep = sweep;
    ops->destroy = destroy;
}

const larder_online_ops *const *
doors_backends(void)
{
    static const larder_online_ops *const backends[] = {
        &first_ops, &other_ops, NULL};

    make_ops(&first_ops);
    make_ops(&other_ops);
    memset(doors, 0, sizeof doors);
    atomic_store(&ticks, 1000000);
    return backends;
}
