/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - batches handed from one thread to another.
 *
 * One gives, one takes; a few batches lie in between, so that neither waits for
 * each. The taker sees a stream. Starts no thread (parallel.c does).
 */
#ifndef LDR_CHANNEL_H
#define LDR_CHANNEL_H

#include <pthread.h>

#include "larder.h"

#define LDR_CHANNEL_BATCHES 4u

typedef struct ldr_channel {
    pthread_mutex_t lock; /* over all of it */
    pthread_cond_t changed;
    const larder_schema *schema;
    larder_batch batches[LDR_CHANNEL_BATCHES];
    size_t first, n_batches;
    bool ended;           /* the giver has no more */
    bool deserted;        /* the taker wants no more */
    larder_status status; /* what the taker is told at the end */
    larder_error error;
} ldr_channel;

/* The schema of all batches; borrowed. NOMEM. */
larder_status ldr_channel_init(
    ldr_channel *channel, const larder_schema *schema, larder_error *err);
/* When neither side uses it any more. */
void ldr_channel_release(ldr_channel *channel);

/* Take the batch over; false: nobody takes any more. */
bool ldr_channel_give(ldr_channel *channel, larder_batch *batch);
/* Give all of a stream, which stays yours to close. OK also when nobody takes
 * any more: why is the taker's to tell. */
larder_status ldr_channel_give_all(
    ldr_channel *channel, larder_stream *from, larder_error *err);
/* No more comes. A status that is not OK fails the taker's next. */
void ldr_channel_end(
    ldr_channel *channel, larder_status status, const larder_error *err);

/* The taker's side. Closing the stream tells the giver. */
void ldr_channel_stream(ldr_channel *channel, larder_stream *out);
/* Wait until there is a batch, or an end. */
void ldr_channel_wait(ldr_channel *channel);
/* What closing the stream does, for a taker that never opened it. */
void ldr_channel_desert(ldr_channel *channel);

#endif
