/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fallback.c - two online stores as one: the primary, then the other.
 */
#include "storage/fallback.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/time.h"

#define CLOSED INT64_MIN /* the circuit: the primary is asked */

typedef struct store {
    const larder_online_ops *ops;
    const larder_options *options;
    pthread_mutex_t lock; /* held by who opens it */
    _Atomic(ldr_online *) online;
} store;

struct ldr_fallback {
    store stores[2];
    int64_t read_timeout_us;
    const ldr_log *log;
    atomic_uint failures;        /* of the primary, in a row */
    _Atomic(int64_t) next_probe; /* or CLOSED */
};

/* ------------------------------------------------------------- the stores */

static bool
store_init(store *s, const ldr_fallback_store *from)
{
    s->ops = from->ops;
    s->options = from->options;
    atomic_init(&s->online, NULL);
    return pthread_mutex_init(&s->lock, NULL) == 0;
}

larder_status
ldr_fallback_new(const ldr_fallback_store stores[2], int64_t read_timeout_us,
    const ldr_log *log, ldr_fallback **out, larder_error *err)
{
    ldr_fallback *f = calloc(1, sizeof *f);

    if (f == NULL || !store_init(&f->stores[LDR_PRIMARY], &stores[0])) {
        free(f);
        return larder_fail(err, LARDER_NOMEM, "no memory for two stores");
    }
    if (!store_init(&f->stores[LDR_FALLBACK], &stores[1])) {
        pthread_mutex_destroy(&f->stores[LDR_PRIMARY].lock);
        free(f);
        return larder_fail(err, LARDER_NOMEM, "no memory for two stores");
    }
    f->read_timeout_us = read_timeout_us;
    f->log = log;
    atomic_init(&f->failures, 0);
    atomic_init(&f->next_probe, CLOSED);
    *out = f;
    return LARDER_OK;
}

void
ldr_fallback_free(ldr_fallback *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < 2; i++) {
        ldr_online_close(atomic_load(&f->stores[i].online));
        pthread_mutex_destroy(&f->stores[i].lock);
    }
    free(f);
}

const char *
ldr_fallback_type(const ldr_fallback *f, ldr_side side)
{
    return f->stores[side].ops->type;
}

/* Who waited here for another may have no time left. */
static larder_status
open_locked(store *s, bool create, const larder_call *call, ldr_online **out,
    larder_error *err)
{
    ldr_online *opened = atomic_load(&s->online);
    larder_status rc = LARDER_OK;

    if (opened == NULL) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(
            ldr_online_open(s->ops, s->options, create, call, &opened, err));
        atomic_store_explicit(&s->online, opened, memory_order_release);
    }
    *out = opened;
out:
    return rc;
}

larder_status
ldr_fallback_open(ldr_fallback *f, ldr_side side, bool create,
    const larder_call *call, ldr_online **out, larder_error *err)
{
    store *s = &f->stores[side];
    ldr_online *opened = atomic_load_explicit(&s->online, memory_order_acquire);
    larder_status rc;

    if (opened != NULL) {
        *out = opened;
        return LARDER_OK;
    }
    pthread_mutex_lock(&s->lock);
    rc = open_locked(s, create, call, out, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ------------------------------------------------------------ the circuit */

static int64_t
time_of(const larder_call *call)
{
    return call->monotonic == NULL ? 0 : call->monotonic();
}

/* Of all who come when a probe is due, one makes it. */
static bool
may_ask(ldr_fallback *f, bool clock, int64_t now)
{
    int64_t due = atomic_load_explicit(&f->next_probe, memory_order_relaxed);

    return due == CLOSED || !clock ||
           (now >= due && atomic_compare_exchange_strong(&f->next_probe, &due,
                              now + LDR_FALLBACK_PROBE_US));
}

static void
note_success(ldr_fallback *f)
{
    if (atomic_load_explicit(&f->failures, memory_order_relaxed) == 0)
        return;
    atomic_store(&f->failures, 0);
    if (atomic_exchange(&f->next_probe, CLOSED) != CLOSED)
        ldr_log_event(f->log, "online.recovered", "store=%s",
            ldr_fallback_type(f, LDR_PRIMARY));
}

static void
note_failure(
    ldr_fallback *f, const larder_call *call, const larder_error *reason)
{
    const char *type = ldr_fallback_type(f, LDR_PRIMARY);
    unsigned failures = atomic_fetch_add(&f->failures, 1) + 1;
    int64_t due;

    if (failures < LDR_FALLBACK_FAILURES || call->monotonic == NULL)
        return;
    due = call->monotonic() + LDR_FALLBACK_PROBE_US;
    if (atomic_exchange(&f->next_probe, due) == CLOSED)
        ldr_log_event(f->log, "online.failing", "store=%s fallback=%s why=%s",
            type, ldr_fallback_type(f, LDR_FALLBACK), reason->message);
}

/* --------------------------------------------------------------- the read */

bool
ldr_fallback_is_failure(larder_status status, const larder_call *call)
{
    switch (status) {
    case LARDER_UNAVAILABLE:
    case LARDER_BUSY:
    case LARDER_CORRUPT:
    case LARDER_IO:
        return true;
    case LARDER_DEADLINE:
        return larder_call_check(call, NULL) == LARDER_OK;
    case LARDER_OK:
    case LARDER_INVALID:
    case LARDER_NOT_FOUND:
    case LARDER_CONFLICT:
    case LARDER_UNSUPPORTED:
    case LARDER_LIMIT:
    case LARDER_INTERRUPTED:
    case LARDER_NOMEM:
        break;
    }
    return false;
}

/* A store whose files are gone has failed; one that never heard of a view has
 * not. */
static larder_status
ask(ldr_fallback *f, ldr_side side, ldr_read *read, const larder_call *call,
    int64_t now, bool *failed, larder_error *err)
{
    ldr_online *online = NULL;
    larder_status rc = ldr_fallback_open(f, side, false, call, &online, err);

    if (rc != LARDER_OK) {
        *failed = rc == LARDER_NOT_FOUND || ldr_fallback_is_failure(rc, call);
        return rc;
    }
    rc = read->read(read, side, online, call, now, err);
    *failed = ldr_fallback_is_failure(rc, call);
    return rc;
}

/* The call with the primary's part of its time. */
static larder_call
cut_short(const larder_call *call, int64_t now, int64_t span)
{
    larder_call part = *call;

    if (call->monotonic == NULL)
        return part;
    if (call->deadline != 0 && (call->deadline - now) / 2 < span)
        span = (call->deadline - now) / 2;
    part.deadline = now + span;
    return part;
}

/* *failed says whether the other is to be asked; then *reason says why. */
static larder_status
ask_primary(ldr_fallback *f, ldr_read *read, const larder_call *call,
    int64_t now, bool *failed, larder_error *reason)
{
    const char *type = ldr_fallback_type(f, LDR_PRIMARY);
    larder_call part = cut_short(call, now,
        read->patience_us > 0 ? read->patience_us : f->read_timeout_us);
    char span[40];
    larder_status rc;

    reason->message[0] = reason->hint[0] = '\0';
    rc = ask(f, LDR_PRIMARY, read, &part, now, failed, reason);
    if (rc == LARDER_DEADLINE && !*failed) {
        rc = larder_call_check(call, reason);
        if (rc != LARDER_OK)
            return rc; /* it is the caller's time that is over */
        *failed = true;
        ldr_duration_print(part.deadline - now, span);
        rc = larder_fail(reason, LARDER_UNAVAILABLE,
            "online store '%s': no answer within %s", type, span);
    }
    if (rc == LARDER_CORRUPT) /* one row: no sign of what others will meet */
        ldr_log_event(
            f->log, "online.corrupt", "store=%s why=%s", type, reason->message);
    else if (*failed)
        note_failure(f, call, reason);
    else if (rc == LARDER_OK) /* a request that was wrong says nothing */
        note_success(f);
    return rc;
}

static larder_status
both_failed(const larder_error *first, const larder_error *second,
    larder_status status, larder_error *err)
{
    larder_fail(err, status == LARDER_DEADLINE ? status : LARDER_UNAVAILABLE,
        "no online store answers: %.200s; the fallback: %.200s", first->message,
        second->message);
    if (first->hint[0] != '\0' || second->hint[0] != '\0')
        larder_hint(
            err, "%s", first->hint[0] != '\0' ? first->hint : second->hint);
    return status == LARDER_DEADLINE ? status : LARDER_UNAVAILABLE;
}

static larder_status
ask_fallback(ldr_fallback *f, ldr_read *read, const larder_call *call,
    const larder_error *reason, larder_error *err)
{
    larder_error second = {.status = LARDER_OK};
    bool failed = false;
    larder_status rc = larder_call_check(call, &second);

    if (rc == LARDER_OK)
        rc = ask(f, LDR_FALLBACK, read, call, time_of(call), &failed, &second);
    if (rc == LARDER_OK)
        return LARDER_OK;
    /* Without a position for a view it has nothing to say either. */
    if (failed || rc == LARDER_NOT_FOUND || rc == LARDER_DEADLINE)
        return both_failed(
            reason, &second, failed ? LARDER_UNAVAILABLE : rc, err);
    if (err != NULL)
        *err = second;
    return rc;
}

larder_status
ldr_fallback_read(ldr_fallback *f, ldr_read *read, const larder_call *call,
    ldr_side *answered, larder_error *reason, larder_error *err)
{
    int64_t now = time_of(call);
    bool failed = true;
    larder_status rc;

    if (may_ask(f, call->monotonic != NULL, now)) {
        rc = ask_primary(f, read, call, now, &failed, reason);
        if (!failed) {
            *answered = LDR_PRIMARY;
            if (rc != LARDER_OK && err != NULL)
                *err = *reason;
            return rc;
        }
    } else {
        (void)larder_fail(reason, LARDER_UNAVAILABLE,
            "online store '%s' failed %u times in a row, and is tried again "
            "each %lld ms",
            ldr_fallback_type(f, LDR_PRIMARY), LDR_FALLBACK_FAILURES,
            (long long)(LDR_FALLBACK_PROBE_US / 1000));
    }
    *answered = LDR_FALLBACK;
    return ask_fallback(f, read, call, reason, err);
}
