/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online.h - an online store under test: opened with options given as words,
 * rows made of small numbers, and what a read gave, kept.
 *
 * The methods are called as the core's wrappers call them, without the
 * wrappers: what is tested is the store.
 */
#ifndef ONLINE_H
#define ONLINE_H

#include "larder_backend.h"
#include "support.h"

typedef struct online {
    const larder_online_ops *ops;
    void *self;
} online;

/* Open a built-in store; `options` are names and values in turn, then NULL. */
larder_status online_open(online *store, const char *type,
    const char *const *options, bool create, larder_error *err);
/* The same; the test fails when it fails. */
online online_must_open(
    const char *type, const char *const *options, bool create);
/* Closed stores are let be. */
void online_close(online *store);

/* A row: its head of 24 bytes, then up to 40 of text. */
typedef struct online_row {
    size_t size;
    unsigned char bytes[64];
} online_row;
online_row online_make(uint64_t event, uint64_t created, const char *text);
larder_bytes online_bytes(const online_row *row);
uint64_t online_checksum(const online_row *row);

larder_bytes online_key(const char *text);
larder_table_id online_table(uint64_t number); /* ascending with it */

larder_put online_newest(
    const char *key, uint64_t table, const online_row *row);
/* Put one row as the store must take it. */
larder_outcome online_put(online *store, const larder_put *put);

/* What is stored, copied: hand it to get or scan. {0} is empty. */
typedef struct online_item {
    size_t want, table; /* as get counts them */
    larder_table_id id; /* as scan names it */
    size_t n_key, n_row;
    unsigned char *key, *row;
} online_item;
typedef struct online_items {
    online_item *items;
    size_t n_items, room;
    size_t fail_at; /* the callback fails at this many; 0: never */
} online_items;
void online_items_free(online_items *items);

larder_status online_get(online *store, const larder_want *wants,
    size_t n_wants, online_items *items, larder_error *err);
/* One row, or NULL; the item is the last of `items`. */
const online_item *online_find(
    online *store, const char *key, uint64_t table, online_items *items);
bool online_is(const online_item *item, const online_row *row);
/* Scan all of it, `step` rows a time. */
void online_dump(online *store, size_t step, online_items *items);
/* A digest of all that is stored. */
uint64_t online_digest(online *store);

#endif
