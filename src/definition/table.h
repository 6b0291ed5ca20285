/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - a feature view seen as a storage table.
 *
 * apply, materialize and lookup must agree on it, so it is said once: which
 * history columns a view reads, and the content hash that names its online
 * table (design 6).
 */
#ifndef LDR_TABLE_H
#define LDR_TABLE_H

#include "definition/definition.h"

/* The source as a backend sees it; borrows from the source. */
void ldr_source_table(const ldr_source *source, larder_table *out);
/* The same as one view reads it: a table of yours declares no schema, so the
 * view's keys are it, put into *keys, which outlives *out. */
void ldr_view_source(
    const ldr_view *view, larder_schema *keys, larder_table *out);

/* The history columns a view's features read, one per feature, in order: of a
 * plain feature its column with the feature's type; of a windowed one its
 * column with the column's type, or the event time (a timestamp) where it
 * counts events. A view without windowed features stores just these. NOMEM. */
larder_status ldr_view_columns(const ldr_view *view, ldr_arena *arena,
    larder_field **columns, larder_error *err);

/* A row of a plain view, as a program hands it in: its keys, its features by
 * their own names, then the event time and the created time, named as in the
 * source; or, where a feature has that name, "event_timestamp" and "created".
 * Without the last where that is taken too. NOMEM, UNSUPPORTED (no name is left
 * for the event time). */
larder_status ldr_view_schema(const ldr_view *view, ldr_arena *arena,
    larder_schema *out, larder_error *err);

/* What a view's windowed features read of history, each column once: those they
 * aggregate, in order of first use, then those that only filters name. None for
 * a view without windowed features. NOMEM. */
larder_status ldr_view_events(const ldr_view *view, ldr_arena *arena,
    larder_field **columns, size_t *n_columns, larder_error *err);

/* The order in which a view's history is read: the clustering order of its
 * source where that has the same columns, else name order. from[i] is the place
 * of names[i] among view->keys. NOMEM. */
larder_status ldr_view_scan_keys(const ldr_view *view, ldr_arena *arena,
    const char ***names, size_t **from, larder_error *err);

/* XXH3-128 hex of all that decides a row's bytes: source table or query, key,
 * time and created columns with types, unit and zone, each feature's column and
 * type in order, the row format's version; of windowed features all that says
 * what they aggregate, the types of the columns they and their filters read,
 * and how many events a row may hold; not names, ttl or words. */
larder_status ldr_view_hash(
    const ldr_view *view, char hex[33], larder_error *err);

/* The same of what an on-demand view computes: the names of its inputs, and
 * each feature's name, type and expression in order. NOMEM. */
larder_status ldr_on_demand_hash(
    const ldr_on_demand *view, char hex[33], larder_error *err);

/* XXH3-64 of project, view name, content hash and build number. */
larder_table_id ldr_view_table(
    const char *project, const char *view, const char *hash, uint64_t build);

#endif
