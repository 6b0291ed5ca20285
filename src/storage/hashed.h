/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashed.h - an online store's calls where rows are fields of hashes that Feast
 * reads too (`layout: feast`).
 *
 * Rows come and go packed, as everywhere. Of the tables that were described the
 * fields are known, and their rows lie in hashes; those of any other table, as
 * the ledger's, are packed in the store too. A key's hash holds one row a view,
 * whichever table it was put into: a row in a table of a later build takes the
 * place of one of an earlier, which reads see no more.
 */
#ifndef LDR_HASHED_H
#define LDR_HASHED_H

#include <pthread.h>

#include "data/feast_key.h"
#include "data/feast_row.h"
#include "larder.h"
#include "larder_backend.h"
#include "storage/online.h"

typedef struct ldr_hashed ldr_hashed;

/* What `layout` and `entity_key_serialization_version` say: *out stays NULL
 * unless it is feast. INVALID (the options), UNSUPPORTED (the store has no
 * hashes), NOMEM. `self` is the store's. */
larder_status ldr_hashed_open(const larder_online_ops *ops, void *self,
    const larder_options *options, ldr_hashed **out, larder_error *err);
void ldr_hashed_close(ldr_hashed *store); /* NULL allowed */

larder_status ldr_hashed_describe(
    ldr_hashed *store, const ldr_online_table *table, larder_error *err);

/* As those of online.h, and for as many threads at once as the store allows. */
larder_status ldr_hashed_get(ldr_hashed *store, const larder_call *call,
    const larder_want *wants, size_t n_wants, larder_found *found,
    larder_error *err);
larder_status ldr_hashed_put(ldr_hashed *store, const larder_call *call,
    const larder_put *rows, size_t n_rows, larder_outcome *outcomes,
    larder_error *err);
larder_status ldr_hashed_scan(ldr_hashed *store, const larder_call *call,
    const larder_bytes *after_key, const larder_table_id *after_table,
    size_t limit, larder_each *each, bool *more, larder_error *err);
larder_status ldr_hashed_sweep(ldr_hashed *store, const larder_call *call,
    larder_table_id table, size_t max_keys, unsigned char *cursor,
    size_t *n_cursor, uint64_t *removed, larder_error *err);
/* The hashes of all tables described, then the rest. */
larder_status ldr_hashed_destroy(
    ldr_hashed *store, const larder_call *call, larder_error *err);

/* ---------------------------------------------- between hashed's own files */

/* Memory a read or a put uses, lent out one by one. */
typedef struct ldr_hashed_room {
    larder_batch values;
    ldr_buffer bytes;
    struct ldr_hashed_room *next;
} ldr_hashed_room;

typedef struct ldr_hashed_table {
    larder_table_id id;
    uint64_t build;
    ldr_feast_keys keys;
    ldr_feast_row row;
    ldr_arena arena;
    ldr_hashed_room *rooms;         /* of the store's lock */
    struct ldr_hashed_table *older; /* all that ever were described */
} ldr_hashed_table;

/* Keys in order, from some key on: what a scan goes through. */
typedef struct ldr_hashed_window {
    bool known, last; /* all keys from `from` on are in it */
    ldr_key from;
    ldr_buffer bytes;
    struct ldr_hashed_key {
        size_t at, size;
    } * keys;
    size_t n_keys, room;
} ldr_hashed_window;

struct ldr_hashed {
    const larder_online_ops *ops;
    void *self;
    unsigned version;          /* of Feast's keys */
    pthread_mutex_t lock;      /* over what follows */
    ldr_hashed_table **tables; /* by id */
    size_t n_tables, room_tables;
    ldr_hashed_table *newest; /* of all, also of those no longer in `tables` */
    pthread_mutex_t scan_lock;
    ldr_hashed_window window;
};

/* NULL: it was not described, so it is packed. */
ldr_hashed_table *ldr_hashed_find(ldr_hashed *store, larder_table_id id);
/* Those there are, as a list of its own: others may be described. free() it. */
larder_status ldr_hashed_tables(ldr_hashed *store, ldr_hashed_table ***out,
    size_t *n_out, larder_error *err);
/* Are rows of both found by the same keys? */
bool ldr_hashed_same_keys(const ldr_hashed_table *a, const ldr_hashed_table *b);
/* Does an earlier table of a list have the same keys? */
bool ldr_hashed_is_repeated(ldr_hashed_table *const *tables, size_t at);
larder_status ldr_hashed_lend(ldr_hashed *store, ldr_hashed_table *table,
    ldr_hashed_room **out, larder_error *err);
void ldr_hashed_give_back(
    ldr_hashed *store, ldr_hashed_table *table, ldr_hashed_room *room);
/* The row that a table's fields hold, packed behind room->bytes; *found false:
 * there is none, or one of an earlier build. */
larder_status ldr_hashed_unpack(const ldr_hashed_table *table, larder_bytes key,
    const larder_bytes *values, ldr_hashed_room *room, bool *found,
    larder_error *err);

#endif
