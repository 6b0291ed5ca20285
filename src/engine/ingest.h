/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.h - rows from outside into the history of a source Larder owns.
 *
 * All of the stream or nothing. Rows equal to stored ones are counted and not
 * added. A null key part or event time is refused by row number: readers of
 * text refuse it earlier, by line. So is a value that the contract refuses;
 * what it only warns of is counted, and told when the rows are in.
 */
#ifndef LDR_INGEST_H
#define LDR_INGEST_H

#include "definition/definition.h"
#include "engine/contract.h"
#include "larder.h"
#include "storage/offline.h"

/* `contract` is that of the source (ldr_contract_of_source), or NULL. */
larder_status ldr_ingest(ldr_offline *offline, const ldr_source *source,
    const ldr_contract *contract, const larder_call *call, larder_stream *rows,
    larder_ingested *out, larder_error *err);

#endif
