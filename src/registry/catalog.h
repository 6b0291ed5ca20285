/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.h - what is defined, told to people and programs.
 *
 * The streams of larder_list(), larder_search() and larder_lineage(), and the
 * answer of larder_show(), from one snapshot. They hold copies: it may go.
 */
#ifndef LDR_CATALOG_H
#define LDR_CATALOG_H

#include "registry/snapshot.h"

/* Objects of a kind, or of LARDER_ALL. NOMEM. */
larder_status ldr_catalog_list(const ldr_snapshot *snapshot, larder_kind kind,
    larder_stream *out, larder_error *err);
/* Objects that hold every word of the text, best first; a text without words
 * is in all of them. NOMEM. */
larder_status ldr_catalog_search(const ldr_snapshot *snapshot, const char *text,
    larder_stream *out, larder_error *err);
/* Who depends on what: services on what they ask of views ("view" or
 * "view:feature"), on-demand views on their inputs, views on entities and their
 * source, push sources on their batch source, that on a "table" or a "query".
 * NULL name: everything. NOT_FOUND, NOMEM. */
larder_status ldr_catalog_lineage(const ldr_snapshot *snapshot,
    const char *name, larder_stream *out, larder_error *err);
/* Yours: larder_shown_release(). NOT_FOUND, NOMEM. */
larder_status ldr_catalog_show(const ldr_snapshot *snapshot, const char *name,
    larder_shown *out, larder_error *err);

/* What a service asks for, "view" or "view:feature"; NULL: no memory. */
const char *ldr_catalog_ref(const ldr_service_item *item, ldr_arena *arena);

#endif
