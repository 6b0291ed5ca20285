/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - tables for people, on libsmartcols: on a terminal they fit its
 * width by folding text between words, or give each value a line where it is
 * too narrow for that; elsewhere a row is a line.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "larder.h"

struct table;

/* NULL when there is no memory. */
struct table *table_new(FILE *file);
void table_free(struct table *table);
/* Columns first; numbers stand to the right. False: no memory. */
bool table_column(struct table *table, const char *name, bool right);
bool table_row(struct table *table);
/* The next cell of the row begun last; copied. */
bool table_cell(struct table *table, const char *text);
/* Print what there is and forget the rows. With `hide_empty`, columns in which
 * every cell is empty are left out. */
bool table_print(struct table *table, bool hide_empty);

#endif
