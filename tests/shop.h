/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shop.h - a small store to try whole journeys on: declared by YAML text,
 * filled from CSV text, read back as text. Any failure ends the test with its
 * words, unless a function says that it gives the status back.
 */
#ifndef SHOP_H
#define SHOP_H

#include "larder.h"

typedef struct shop {
    char *folder;
    larder_store *store;
    larder_call call; /* set call.now to turn the clock */
    larder_error err; /* of the last call that failed */
    /* Before shop_reopen: stores of the test's own, or NULL. */
    const struct larder_offline_ops *const *offline_backends;
    const struct larder_online_ops *const *online_backends;
} shop;

/* A new folder; stores as {type: memory} or, "sqlite" and "lmdb", on disk. */
void shop_open(shop *s, const char *offline, const char *online);
/* The same files, opened again. */
void shop_reopen(shop *s);
void shop_close(shop *s);

/* Write features.yaml and apply it. Gives the status back. */
larder_status shop_apply(shop *s, const char *features_yaml);
/* Rows from CSV text with a header. Gives the status back. */
larder_status shop_ingest(
    shop *s, const char *source, const char *csv, larder_ingested *out);
/* Join a CSV spine with one ref; the output as CSV text, yours. */
char *shop_join(shop *s, const char *spine_csv, const char *ref, bool as_known);
/* A join, whole: its output as text and what it said of itself. */
typedef struct shop_joined {
    char *text; /* with a header line where it is CSV; "" without rows */
    char *manifest;
    char spine_digest[33], digest[33];
    uint64_t rows, null_keys, n_batches;
    uint64_t nulls, before_first, expired; /* of the first feature */
} shop_joined;
/* Join a spine in options->spine_format (NULL: a range), and write the answer
 * in the format `to`. Gives the status back. */
larder_status shop_ask(shop *s, const larder_join_options *options,
    const char *spine, larder_format to, shop_joined *out);
void shop_joined_release(shop_joined *joined);
/* Why a feature of one row of a CSV spine is what it is: a line "event created
 * value outcome" for each candidate, or "error: ...". Yours. */
char *shop_explain(shop *s, const larder_join_options *options,
    const char *spine_csv, uint64_t row, const char *ref);
/* All views, or one; NULL options: defaults. Gives the status back. */
larder_status shop_materialize(
    shop *s, const larder_materialize_options *o, larder_run_report *report);
/* One key of type int64 and one ref: "value STATUS event-time", or "error:
 * ...". Yours. */
char *shop_get(shop *s, int64_t key, const char *ref);

#define SHOP_DAY INT64_C(86400000000)
larder_time shop_time(const char *iso);

#endif
