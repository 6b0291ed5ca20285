/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h - results on standard output: rows as a table, JSON, JSON lines or
 * CSV, through one place.
 *
 * JSON is one document: the rows under the listing's name, then the facts that
 * only the end knows. The other forms are rows alone.
 */
#ifndef PRINT_H
#define PRINT_H

#include "run.h"
#include "table.h"

struct listing {
    const char *name;         /* of the rows in JSON */
    const char *null;         /* in a table; NULL: nothing */
    bool hide_empty;          /* a table leaves out columns without any value */
    const char *const *lists; /* columns of "a, b": arrays in JSON */
    size_t n_tokens;          /* the first columns hold JSON as it was read */
};

struct printer {
    struct run *run;
    const struct listing *listing;
    const larder_schema *schema;
    struct table *table;
    size_t n_rows, n_page;
    char *text; /* for a cell */
    size_t room;
};

/* Open, batches, close. `facts` (NULL: none) is taken over. Close also after a
 * failure; then it prints no more. */
larder_status print_open(struct printer *printer, struct run *run,
    const struct listing *listing, const larder_schema *schema,
    larder_error *err);
larder_status print_batch(
    struct printer *printer, const larder_batch *batch, larder_error *err);
larder_status print_close(struct printer *printer, larder_status rc,
    json_t *facts, larder_error *err);

/* All of a stream, which is closed. */
larder_status print_stream(struct run *run, const struct listing *listing,
    larder_stream *stream, json_t *facts, larder_error *err);
/* A document by itself under -o json; on one line under -o jsonl. */
larder_status print_document(
    struct run *run, json_t *document, larder_error *err);
/* A closing word for people: standard output, tables only, not under -q. */
void print_words(struct run *run, const char *format, ...) LARDER_PRINTF(2, 3);
/* IO when standard output did not take what was written. */
larder_status print_flush(struct run *run, larder_error *err);

/* Rows that an operation makes itself: cells from left to right. The first
 * failure is told by sheet_print(). */
struct sheet {
    larder_schema schema;
    larder_batch batch;
    size_t column;
    larder_status rc;
    larder_error error;
};

void sheet_begin(struct sheet *sheet, const larder_field *fields, size_t n);
void sheet_cell(struct sheet *sheet, larder_value value);
void sheet_text(struct sheet *sheet, const char *text); /* NULL: null */
void sheet_number(struct sheet *sheet, uint64_t number);
void sheet_real(struct sheet *sheet, double number);
void sheet_time(struct sheet *sheet, larder_time time);
void sheet_null(struct sheet *sheet);
/* Print and release; `facts` is taken over. */
larder_status sheet_print(struct sheet *sheet, struct run *run,
    const struct listing *listing, json_t *facts, larder_error *err);

#endif
