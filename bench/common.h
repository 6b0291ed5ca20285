/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.h - what Larder's own side of every figure needs.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdio.h>

#include "larder.h"

/* Print what failed, and end. */
void fail(const char *what, const larder_error *err);

int64_t microseconds(void);
double peak_mebibytes(void);
uint64_t count(const char *text);

/* A file to write in a folder. */
FILE *create(const char *folder, const char *name);
/* A folder's feature_store.yaml: SQLite and LMDB in the folder itself. */
void define_store(const char *folder);
void print_moment(FILE *file, int64_t t);

/* At the end of the events' time. */
larder_store *open_store(const char *folder, larder_call *call);
/* The value is of the column's type. */
void append(larder_column *column, larder_value value);

/* How long reads take; for one thread. */
typedef struct reading {
    larder_call call;
    larder_reader *reader;
    larder_batch keys;
    larder_answer answer;
    uint64_t n_found; /* cells with a value */
} reading;

void reading_open(
    reading *r, larder_store *store, const larder_features *features);
/* Nanoseconds of one read of r->keys. */
int64_t reading_once(reading *r);
void reading_close(reading *r);
/* The `percent` of so many times, which are put in order. */
int64_t percentile(int64_t *times, uint64_t n, unsigned percent);

#endif
