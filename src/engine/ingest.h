/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.h - rows from outside into the history of a source Larder owns.
 *
 * All of the stream or nothing. Rows equal to stored ones are counted and not
 * added. A null key part or event time is refused by row number: readers of
 * text refuse it earlier, by line.
 */
#ifndef LDR_INGEST_H
#define LDR_INGEST_H

#include "definition/definition.h"
#include "larder.h"
#include "storage/offline.h"

larder_status ldr_ingest(ldr_offline *offline, const ldr_source *source,
    const larder_call *call, larder_stream *rows, larder_ingested *out,
    larder_error *err);

#endif
