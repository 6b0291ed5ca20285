/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - what reading CSV and reading JSON lines have in common: a file in
 * pieces, records that cannot be read, batches of the others.
 *
 * A format embeds ldr_reader first, fills in `record`, and knows nothing of
 * files, limits, progress or rejects.
 */
#ifndef LDR_FORMAT_H
#define LDR_FORMAT_H

#include "base/arena.h"
#include "larder.h"
#include "larder_backend.h"

/* A record is at most so many times max_field_bytes. */
#define LDR_RECORD_FIELDS 64u
/* Columns of a file. */
#define LDR_COLUMNS_MAX 4096u

/* The bytes of a file that were read and are not done with: data[begin, end).
 */
typedef struct ldr_lines {
    FILE *file;
    unsigned char *data;
    size_t begin, end, room;
    size_t limit;     /* of one record */
    uint64_t line;    /* of the file, at `begin`; from 1 */
    uint64_t n_bytes; /* read from the file */
    uint64_t n_total; /* 0: unknown */
    bool ended;
} ldr_lines;

typedef struct ldr_reader ldr_reader;
struct ldr_reader {
    larder_text_options options; /* name and schema are copies of ours */
    larder_schema schema;        /* of the stream */
    size_t *required;            /* columns of it that are never null */
    ldr_arena arena;
    ldr_lines lines;
    const larder_call *call;
    const char *doing; /* "reading FILE" */
    larder_bytes header;
    /* What is wrong with the record being read; status OK: nothing. */
    larder_error fault;
    const char *fault_column;
    larder_error failure; /* of the stream: it is told again */
    /* Append one record, whole or with a fault, and say how many bytes it had;
     * 0 at the end. Only what ends the stream is returned as a failure. */
    larder_status (*record)(ldr_reader *reader, larder_batch *batch,
        size_t *size, larder_error *err);
    void (*release)(ldr_reader *reader); /* NULL: nothing of its own */
};

/* Take the options and the file; the reader is zeroed memory. NOMEM. */
larder_status ldr_reader_init(ldr_reader *reader, FILE *file,
    const larder_text_options *options, const larder_call *call,
    larder_error *err);
/* Make it a stream, which owns it: `reader` was malloc'ed. */
void ldr_reader_start(ldr_reader *reader, larder_stream *out);
void ldr_reader_free(ldr_reader *reader);

/* One more line of the record at `begin`: *size grows from what the record has
 * so far to the line's end included, and stays at the end of the file. LIMIT,
 * IO, and what the call says. */
larder_status ldr_reader_line(
    ldr_reader *reader, size_t *size, larder_error *err);
/* Go on behind so many bytes, which end with a line or the file. */
void ldr_reader_drop(ldr_reader *reader, size_t size);
/* So many bytes at `begin`, without the line end they close with. */
larder_bytes ldr_reader_text(const ldr_reader *reader, size_t size);

/* The place of the fault: so many bytes into the record. */
void ldr_reader_place(ldr_reader *reader, size_t at);
/* Tell the fault of a record of so many bytes: to options.reject, or as the
 * failure of the stream. */
larder_status ldr_reader_reject(
    ldr_reader *reader, size_t size, larder_error *err);

#endif
