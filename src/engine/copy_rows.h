/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_rows.h - online rows of views on their way from one store to another:
 * which they are and where they go is decided by copy_online.c.
 */
#ifndef LDR_COPY_ROWS_H
#define LDR_COPY_ROWS_H

#include "data/row.h"
#include "engine/copy.h"

/* One view. */
typedef struct ldr_copy_part {
    const ldr_view *view;
    larder_copied *report;
    bool moves; /* its rows are copied */
    char hash[33];
    ldr_position from, to; /* as stored; `to` as last written */
    larder_table_id table_from, table_to;
    ldr_build build; /* of the target */
    bool filling;    /* it is not the one being read there */
    bool settled;    /* all of the source's history is online there, and the
                      * target has the same */
    bool replaced;   /* a derived row gave way to another */
    int64_t arrival; /* of the target, when it is settled */
    ldr_tally tally_from, tally_to;
    bool floors; /* the target keeps whole seconds only; for that: */
    ldr_arena arena;
    larder_schema schema;
    ldr_row_layout layout;
    larder_batch values;
    const larder_column **columns;
    ldr_buffer bytes;
} ldr_copy_part;

/* All of them, and what is in hand. */
typedef struct ldr_copy_rows {
    const ldr_copying *c;
    ldr_copy_part *parts;
    size_t n_parts;
    ldr_copy_part *
        *by_table; /* those that move, by the table that is looked for */
    size_t n_moving;
    ldr_buffer bytes;
    struct ldr_copy_entry *entries;
    size_t n_entries, room, n_rows; /* n_rows: a chunk */
    uint64_t n_read;
} ldr_copy_rows;

/* How a view's rows are encoded anew, where the target keeps no more than whole
 * seconds. NOMEM. */
larder_status ldr_copy_part_floors(
    const ldr_copying *copying, ldr_copy_part *part, larder_error *err);
void ldr_copy_part_release(ldr_copy_part *part);

/* Put every row of the source's tables into the target's; a dry run counts what
 * each would come to. BUSY (others write the same rows), CORRUPT. */
larder_status ldr_copy_rows_move(ldr_copy_rows *rows, larder_error *err);
/* Look at what the target holds of them. */
larder_status ldr_copy_rows_look(ldr_copy_rows *rows, larder_error *err);
void ldr_copy_rows_release(ldr_copy_rows *rows);

#endif
