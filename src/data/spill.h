/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spill.h - batches in a temporary file that no name leads to.
 *
 * A block is one batch: its columns' buffers one after the other, in this
 * machine's own order of bytes, under a checksum. Private to one process.
 */
#ifndef LDR_SPILL_H
#define LDR_SPILL_H

#include "data/row.h"
#include "larder.h"

typedef struct ldr_spill {
    int file;           /* -1: none */
    uint64_t n_bytes;   /* written so far */
    const char *folder; /* borrowed */
} ldr_spill;

#define LDR_NO_SPILL ((ldr_spill){.file = -1})

/* A new file in `folder`, NULL: "/tmp"; it ends with the process, however that
 * ends. IO names the folder. */
larder_status ldr_spill_open(
    ldr_spill *spill, const char *folder, larder_error *err);
/* May be called twice, and on LDR_NO_SPILL. */
void ldr_spill_close(ldr_spill *spill);

/* Append one block. `scratch` is for its bytes and used again and again. IO (a
 * full disk says so), LIMIT (a text past 4 GiB), NOMEM. */
larder_status ldr_spill_write(ldr_spill *spill, const larder_batch *batch,
    ldr_buffer *scratch, larder_error *err);
/* Read the block at *at, which moves to the next, into a batch of the same
 * columns, cleared first. Threads may read at once. IO, CORRUPT, NOMEM. */
larder_status ldr_spill_read(const ldr_spill *spill, uint64_t *at,
    larder_batch *out, ldr_buffer *scratch, larder_error *err);

#endif
