/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate.h - a checked tree over some rows, into a vector.
 */
#ifndef LDR_EXPRESSION_EVALUATE_H
#define LDR_EXPRESSION_EVALUATE_H

#include "expression/tree.h"

/* A longer text comes out as null. */
#define LDR_TEXT_BYTES_MAX ((size_t)1 << 20)
/* All texts made for one step; where it takes more, fewer rows are worked on at
 * a time, and a single row that needs more has faults. */
#define LDR_TEXTS_BYTES_MAX ((size_t)16 << 20)

/* Of the widest value; a slot has so much for each row, and a state. */
#define LDR_VALUE_BYTES sizeof(larder_bytes)

struct ldr_texts {
    struct ldr_texts_block *first, *last; /* last: the one being filled */
    size_t n_bytes;                       /* since the step began */
    bool full, nomem; /* of these the step's result is worth nothing */
};

struct ldr_expression_room {
    unsigned char *memory; /* slots of `n_rows` */
    size_t n_bytes, n_rows;
    ldr_texts texts;
};

/* room.c: what was taken is free again. */
void ldr_texts_forget(ldr_texts *texts);
/* Room for so many slots of so many rows. NOMEM. */
larder_status ldr_room_grow(ldr_expression_room *room, size_t n_slots,
    size_t n_rows, larder_error *err);
/* Fill in node->n_slots, of the tree's nodes too. */
void ldr_node_count_slots(ldr_node *node);

/* Rows [begin, begin + n), n at most the room's. False: there is not enough
 * memory for all the texts (room->texts says which kind); try fewer rows. */
bool ldr_node_evaluate(const ldr_node *node,
    const larder_column *const *columns, size_t begin, size_t n,
    ldr_expression_room *room, ldr_vector *out);

/* values.c: rows of a column as they are computed with, in `slot` if not in the
 * column itself; and appended as values of `out`'s type, of which `*made_null`
 * grows by those that a fault made null. */
void ldr_vector_load(const larder_column *column, size_t begin, size_t n,
    ldr_slot *slot, ldr_vector *out);
larder_status ldr_vector_append(const ldr_vector *from, larder_type type,
    size_t n, larder_column *out, uint64_t *made_null, larder_error *err);

#endif
