/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - batches handed from one thread to another.
 */
#include "engine/channel.h"

#include "data/batch.h"

larder_status
ldr_channel_init(
    ldr_channel *channel, const larder_schema *schema, larder_error *err)
{
    *channel = (ldr_channel){.schema = schema};
    if (pthread_mutex_init(&channel->lock, NULL) != 0)
        return larder_fail(err, LARDER_NOMEM, "no memory for a channel");
    if (pthread_cond_init(&channel->changed, NULL) != 0) {
        pthread_mutex_destroy(&channel->lock);
        return larder_fail(err, LARDER_NOMEM, "no memory for a channel");
    }
    return LARDER_OK;
}

void
ldr_channel_release(ldr_channel *channel)
{
    for (size_t i = 0; i < LDR_CHANNEL_BATCHES; i++)
        larder_batch_release(&channel->batches[i]);
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->lock);
}

/* ------------------------------------------------------------------ giving */

bool
ldr_channel_give(ldr_channel *channel, larder_batch *batch)
{
    bool taken;

    pthread_mutex_lock(&channel->lock);
    while (!channel->deserted && channel->n_batches == LDR_CHANNEL_BATCHES)
        pthread_cond_wait(&channel->changed, &channel->lock);
    taken = !channel->deserted;
    if (taken) {
        size_t at = channel->first + channel->n_batches++;

        /* The giver's own schema may be gone before the batch is taken. */
        batch->schema = channel->schema;
        channel->batches[at % LDR_CHANNEL_BATCHES] = *batch;
        *batch = (larder_batch){0};
        pthread_cond_broadcast(&channel->changed);
    }
    pthread_mutex_unlock(&channel->lock);
    larder_batch_release(batch);
    return taken;
}

void
ldr_channel_end(
    ldr_channel *channel, larder_status status, const larder_error *err)
{
    pthread_mutex_lock(&channel->lock);
    channel->ended = true;
    channel->status = status;
    if (err != NULL)
        channel->error = *err;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

larder_status
ldr_channel_give_all(
    ldr_channel *channel, larder_stream *from, larder_error *err)
{
    for (;;) {
        larder_batch batch = {0};
        larder_status rc = larder_stream_next(from, &batch, err);

        if (rc != LARDER_OK)
            return rc;
        if (batch.n_rows == 0) {
            larder_batch_release(&batch);
            return LARDER_OK;
        }
        if (!ldr_channel_give(channel, &batch))
            return LARDER_OK;
    }
}

/* ------------------------------------------------------------------ taking */

static void
wait_for_batch(ldr_channel *channel)
{
    while (!channel->ended && channel->n_batches == 0)
        pthread_cond_wait(&channel->changed, &channel->lock);
}

void
ldr_channel_wait(ldr_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    wait_for_batch(channel);
    pthread_mutex_unlock(&channel->lock);
}

static larder_status
channel_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    ldr_channel *channel = self->state;
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&channel->lock);
    wait_for_batch(channel);
    if (channel->n_batches > 0) {
        *out = channel->batches[channel->first];
        channel->batches[channel->first] = (larder_batch){0};
        channel->first = (channel->first + 1) % LDR_CHANNEL_BATCHES;
        channel->n_batches--;
        pthread_cond_broadcast(&channel->changed);
    } else if (channel->status != LARDER_OK) {
        rc = channel->status;
        if (err != NULL)
            *err = channel->error;
    } else {
        *out = (larder_batch){.schema = channel->schema};
    }
    pthread_mutex_unlock(&channel->lock);
    return rc;
}

void
ldr_channel_desert(ldr_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->deserted = true;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

static void
channel_close(larder_stream *self)
{
    ldr_channel_desert(self->state);
    *self = (larder_stream){0};
}

void
ldr_channel_stream(ldr_channel *channel, larder_stream *out)
{
    *out = (larder_stream){.schema = channel->schema,
        .next = channel_next,
        .close = channel_close,
        .state = channel};
}
