/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - a registry store's calls, contract checked. As offline.h.
 */
#ifndef LDR_RECORDS_H
#define LDR_RECORDS_H

#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_records ldr_records;

larder_status ldr_records_open(const larder_registry_ops *ops,
    const larder_options *options, bool create, const larder_call *call,
    ldr_records **out, larder_error *err);
void ldr_records_close(ldr_records *store); /* NULL allowed */
const char *ldr_records_type(const ldr_records *store);

larder_status ldr_records_load(ldr_records *store, const larder_call *call,
    const char *project, uint64_t number, larder_generation *out,
    larder_error *err);
larder_status ldr_records_newest(ldr_records *store, const larder_call *call,
    const char *project, uint64_t *number, larder_error *err);
larder_status ldr_records_append(ldr_records *store, const larder_call *call,
    const char *project, uint64_t after, larder_generation *generation,
    larder_error *err);
larder_status ldr_records_lease(ldr_records *store, const larder_call *call,
    const char *project, larder_lease *lease, larder_error *err);
larder_status ldr_records_record(ldr_records *store, const larder_call *call,
    const char *project, const larder_record *record, larder_error *err);
larder_status ldr_records_list(ldr_records *store, const larder_call *call,
    const char *project, const char *kind, const char *name, size_t limit,
    larder_record_sink *sink, larder_error *err);
larder_status ldr_records_destroy(ldr_records *store, const larder_call *call,
    const char *project, larder_error *err);

/* What the store tells of itself; a store that tells nothing is OK. */
larder_status ldr_records_examine(ldr_records *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

void ldr_records_fault(ldr_records *store, unsigned nth, larder_status status);

#endif
