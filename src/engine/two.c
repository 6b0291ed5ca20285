/* SPDX-License-Identifier: Apache-2.0 */
/*
 * two.c - an online read of two stores: which of them answered, and how old
 * that answer is.
 *
 * Each store has positions, builds and so slots of its own: for each there is a
 * whole reader, and nothing of one is ever seen by the other. They share the
 * schema of what they give, so that a caller's answer is used again whoever
 * fills it.
 */
#include "engine/reader.h"

typedef struct asking {
    ldr_read read;
    larder_reader *reader;
    const larder_batch *keys; /* NULL: get ready alone */
    larder_answer *answer;
} asking;

static larder_status
read_one(ldr_read *self, ldr_side side, ldr_online *store,
    const larder_call *call, int64_t now, larder_error *err)
{
    asking *a = (asking *)self;
    larder_reader *r = side == LDR_PRIMARY ? a->reader : a->reader->second;
    larder_status rc;

    r->online = store;
    if (a->keys == NULL)
        rc = ldr_reader_freshen(r, call, now, err);
    else
        rc = ldr_reader_get(r, call, now, a->keys, a->answer, err);
    /* Who comes back may be another, or of another time: look again. */
    if (rc == LARDER_DEADLINE ||
        (rc != LARDER_CORRUPT && ldr_fallback_is_failure(rc, call)))
        r->positions_known = false;
    return rc;
}

larder_status
ldr_reader_get_of_two(larder_reader *r, const larder_call *call,
    const larder_batch *keys, larder_answer *answer, larder_error *err)
{
    asking a = {
        .read = {read_one}, .reader = r, .keys = keys, .answer = answer};
    ldr_side side = LDR_PRIMARY;
    larder_status rc;

    if (keys == NULL)
        a.read.patience_us = LDR_FALLBACK_READY_US;
    rc = ldr_fallback_read(r->two, &a.read, call, &side, &r->reason, err);
    if (rc != LARDER_OK || answer == NULL)
        return rc;
    answer->store = ldr_fallback_type(r->two, side);
    answer->fallback = side == LDR_FALLBACK;
    answer->reason = answer->fallback ? r->reason.message : NULL;
    answer->until = answer->fallback ? r->second->until : r->until;
    return LARDER_OK;
}
