/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fallback.h - two online stores as one: the primary, then the other; says
 * which answered.
 *
 * Each is a whole store with positions of its own, so what is asked of them
 * differs, and is the engine's affair: a read is a callback that gets one of
 * the two. This room decides which, for how long, and what came of it. All of
 * an answer is of one store: the second is asked from the beginning.
 *
 * A primary that failed LDR_FALLBACK_FAILURES times in a row is left alone (the
 * circuit is open), but for one read each LDR_FALLBACK_PROBE_US, until one
 * succeeds. Time is the call's monotonic clock: without one no read is cut
 * short, and the circuit stays closed.
 */
#ifndef LDR_FALLBACK_H
#define LDR_FALLBACK_H

#include "base/log.h"
#include "storage/online.h"

#define LDR_FALLBACK_FAILURES 5u
#define LDR_FALLBACK_PROBE_US INT64_C(250000)
/* To connect takes longer than to read: who only gets ready has this long. */
#define LDR_FALLBACK_READY_US INT64_C(1000000)

typedef enum ldr_side { LDR_PRIMARY, LDR_FALLBACK } ldr_side;

typedef struct ldr_fallback_store {
    const larder_online_ops *ops;
    const larder_options *options; /* outlive the stores */
} ldr_fallback_store;

typedef struct ldr_fallback ldr_fallback;

/* Opens neither of them yet. A read of the primary may take read_timeout_us,
 * and half of what a call has left. `log` outlives it. NOMEM. */
larder_status ldr_fallback_new(const ldr_fallback_store stores[2],
    int64_t read_timeout_us, const ldr_log *log, ldr_fallback **out,
    larder_error *err);
void ldr_fallback_free(ldr_fallback *fallback); /* closes; NULL allowed */
const char *ldr_fallback_type(const ldr_fallback *fallback, ldr_side side);

/* The store of a side, opened if it is not yet: kept until free. */
larder_status ldr_fallback_open(ldr_fallback *fallback, ldr_side side,
    bool create, const larder_call *call, ldr_online **out, larder_error *err);

/* Is it the store that failed, rather than the request or the caller's
 * patience? A store may have a deadline of its own. */
bool ldr_fallback_is_failure(larder_status status, const larder_call *call);

typedef struct ldr_read ldr_read;
struct ldr_read { /* embed it first in yours */
    /* `now` is what the call's clock says (0 without one): it need not be
     * asked again. */
    larder_status (*read)(ldr_read *self, ldr_side side, ldr_online *store,
        const larder_call *call, int64_t now, larder_error *err);
    int64_t patience_us; /* with the primary; 0: read_timeout_us */
};

/*
 * One read, by the primary or, where that fails inside its time, the other.
 * With OK *answered says whose answer it is and, where it is the fallback's,
 * *reason (never NULL) why. UNAVAILABLE or DEADLINE: both failed, both are
 * named. Any other status is that of the one that was asked last.
 */
larder_status ldr_fallback_read(ldr_fallback *fallback, ldr_read *read,
    const larder_call *call, ldr_side *answered, larder_error *reason,
    larder_error *err);

#endif
