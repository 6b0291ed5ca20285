/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pushable.h - may this row be pushed?
 *
 * One rule for a reader, which asks it of each record and knows its line, and
 * for push itself, whose rows may come from anywhere. Never changed once made.
 */
#ifndef LDR_PUSHABLE_H
#define LDR_PUSHABLE_H

#include "engine/contract.h"

/* The key of a view that reads the rows online. */
typedef struct ldr_pushable_key {
    const char *view;
    uint32_t entity_set;
    size_t *columns;
    size_t n_columns;
} ldr_pushable_key;

typedef struct ldr_pushable {
    larder_row_check check; /* first */
    ldr_contract contract;  /* of the views that read this history */
    const char **key_names; /* of the source: they and the time are needed */
    size_t *key_columns;
    size_t n_key;
    const char *event_name;
    size_t event;
    larder_time now;
    int64_t max_skew_us;
    ldr_pushable_key *online; /* none where the rows go to history alone */
    size_t n_online;
} ldr_pushable;

/* Of rows of an owned source. Everything is copied into the arena. NOMEM. */
larder_status ldr_pushable_make(const ldr_definitions *all,
    const ldr_source *source, larder_push_to to, larder_time now,
    ldr_arena *arena, ldr_pushable *out, larder_error *err);

/* Of rows of one view for its online rows alone: columns as ldr_view_schema()
 * has them. NOMEM. */
larder_status ldr_pushable_of_view(const ldr_view *view,
    const larder_schema *schema, larder_time now, ldr_arena *arena,
    ldr_pushable *out, larder_error *err);

#endif
