/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashed_scan.c - walks through rows that are fields of hashes (see hashed.h).
 *
 * Such a store gives its keys in any order. A scan therefore gathers the least
 * keys from some key on, as many as a window holds, and goes through them; the
 * next window is another walk through the store.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hashed.h"

#define WINDOW_KEYS ((size_t)1 << 18)
#define STEP_KEYS 1024u /* looked at in one step of the store */
#define READ_KEYS 256u  /* rows of so many are read at once */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for Feast's layout");
}

static int
compare_bytes(larder_bytes a, larder_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n == 0 ? 0 : memcmp(a.data, b.data, n);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* What all keys of these tables begin with, so that one walk finds them. */
static larder_bytes
common_head(ldr_hashed_table *const *tables, size_t n)
{
    larder_bytes head = tables[0]->keys.head;

    for (size_t i = 1; i < n; i++) {
        larder_bytes other = tables[i]->keys.head;
        size_t same = 0;

        while (
            same < head.size && same < other.size &&
            ((const char *)head.data)[same] == ((const char *)other.data)[same])
            same++;
        head.size = same;
    }
    return head;
}

/* Every key of these tables, once or oftener, and maybe others. */
static larder_status
walk(ldr_hashed *store, const larder_call *call,
    ldr_hashed_table *const *tables, size_t n_tables, larder_each_key *each,
    larder_error *err)
{
    unsigned char cursor[LARDER_KEY_MAX];
    size_t n_cursor = 0;
    larder_status rc = LARDER_OK;

    if (n_tables == 0)
        return LARDER_OK;
    do {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(store->ops->scan_hashes(store->self, call,
            common_head(tables, n_tables), STEP_KEYS, cursor, &n_cursor, each,
            err));
    } while (n_cursor > 0);
out:
    return rc;
}

/* ------------------------------------------------------------------ windows */

static larder_bytes
key_at(const ldr_hashed_window *w, size_t i)
{
    return (larder_bytes){w->bytes.data + w->keys[i].at, w->keys[i].size};
}

/* Keys are sorted by a merge, as qsort() would have to know the window. */
static void
merge_sort(const ldr_hashed_window *w, struct ldr_hashed_key *keys, size_t n,
    struct ldr_hashed_key *room)
{
    size_t half = n / 2, a = 0, b = half;

    if (n < 2)
        return;
    merge_sort(w, keys, half, room);
    merge_sort(w, keys + half, n - half, room);
    memcpy(room, keys, n * sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        bool first = b == n;

        if (a < half && b < n)
            first =
                compare_bytes(
                    (larder_bytes){w->bytes.data + room[a].at, room[a].size},
                    (larder_bytes){w->bytes.data + room[b].at, room[b].size}) <=
                0;
        keys[i] = first ? room[a++] : room[b++];
    }
}

/* In order, each once, at most a window of them; the bytes of the others go. */
static larder_status
tidy(ldr_hashed_window *w, larder_error *err)
{
    struct ldr_hashed_key *room = malloc((w->n_keys + 1) * sizeof *room);
    ldr_buffer bytes = {0};
    size_t n = 0;
    larder_status rc = LARDER_OK;

    if (room == NULL)
        return no_memory(err);
    merge_sort(w, w->keys, w->n_keys, room);
    for (size_t i = 0; i < w->n_keys; i++) {
        larder_bytes key = key_at(w, i);

        if (n > 0 &&
            compare_bytes((larder_bytes){bytes.data + w->keys[n - 1].at,
                              w->keys[n - 1].size},
                key) == 0)
            continue;
        if (n == WINDOW_KEYS) {
            w->last = false;
            break;
        }
        LARDER_TRY(ldr_buffer_reserve(&bytes, key.size, err));
        memcpy(bytes.data + bytes.size, key.data, key.size);
        w->keys[n++] = (struct ldr_hashed_key){bytes.size, key.size};
        bytes.size += key.size;
    }
    w->n_keys = n;
    ldr_buffer_free(&w->bytes);
    w->bytes = bytes;
    bytes = (ldr_buffer){0};
out:
    ldr_buffer_free(&bytes);
    free(room);
    return rc;
}

typedef struct gathering {
    larder_each_key each;
    ldr_hashed_window *window;
    ldr_hashed_table *const *tables;
    size_t n_tables;
} gathering;

static larder_status
add_key(ldr_hashed_window *w, const ldr_key *key, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (w->n_keys == w->room) {
        size_t room = w->room < 1024 ? 1024 : 2 * w->room;
        struct ldr_hashed_key *keys = realloc(w->keys, room * sizeof *keys);

        if (keys == NULL)
            return no_memory(err);
        w->keys = keys;
        w->room = room;
    }
    LARDER_TRY(ldr_buffer_reserve(&w->bytes, key->size, err));
    memcpy(w->bytes.data + w->bytes.size, key->bytes, key->size);
    w->keys[w->n_keys++] = (struct ldr_hashed_key){w->bytes.size, key->size};
    w->bytes.size += key->size;
    if (w->n_keys == 2 * WINDOW_KEYS)
        rc = tidy(w, err);
out:
    return rc;
}

static larder_status
gather(larder_each_key *self, larder_bytes feast, larder_error *err)
{
    gathering *g = (gathering *)self;
    larder_bytes from = {g->window->from.bytes, g->window->from.size};
    ldr_key key;

    for (size_t i = 0; i < g->n_tables; i++) {
        if (ldr_hashed_is_repeated(g->tables, i) ||
            !ldr_feast_key_read(&g->tables[i]->keys, feast, &key))
            continue;
        if (compare_bytes((larder_bytes){key.bytes, key.size}, from) < 0)
            return LARDER_OK;
        return add_key(g->window, &key, err);
    }
    return LARDER_OK; /* an entity of views that were not described */
}

static larder_status
fill_window(ldr_hashed *store, const larder_call *call,
    ldr_hashed_table *const *tables, size_t n_tables, larder_bytes from,
    larder_error *err)
{
    ldr_hashed_window *w = &store->window;
    gathering g = {{gather}, w, tables, n_tables};
    larder_status rc;

    w->known = false;
    w->last = true;
    w->n_keys = 0;
    w->bytes.size = 0;
    w->from.size = from.size;
    if (from.size > 0)
        memcpy(w->from.bytes, from.data, from.size);
    LARDER_TRY(walk(store, call, tables, n_tables, &g.each, err));
    LARDER_TRY(tidy(w, err));
    w->known = true;
out:
    return rc;
}

/* The first key that is not less; n_keys where there is none. */
static size_t
lower_bound(const ldr_hashed_window *w, larder_bytes key)
{
    size_t low = 0, high = w->n_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_bytes(key_at(w, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ------------------------------------------------------------- rows in order
 */

/* Rows that a scan has found; key, table and row lie in `bytes`. */
typedef struct item {
    larder_table_id table;
    size_t at, n_key, n_row;
} item;

typedef struct items {
    item *all;
    size_t n, room;
    ldr_buffer bytes;
} items;

static void
items_free(items *list)
{
    free(list->all);
    ldr_buffer_free(&list->bytes);
}

static larder_status
items_add(items *list, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    larder_status rc;

    if (list->n == list->room) {
        size_t room = list->room < 64 ? 64 : 2 * list->room;
        item *all = realloc(list->all, room * sizeof *all);

        if (all == NULL)
            return no_memory(err);
        list->all = all;
        list->room = room;
    }
    LARDER_TRY(ldr_buffer_reserve(&list->bytes, key.size + row.size, err));
    list->all[list->n++] = (item){table, list->bytes.size, key.size, row.size};
    memcpy(list->bytes.data + list->bytes.size, key.data, key.size);
    memcpy(list->bytes.data + list->bytes.size + key.size, row.data, row.size);
    list->bytes.size += key.size + row.size;
out:
    return rc;
}

static larder_bytes
item_key(const items *list, size_t i)
{
    return (larder_bytes){
        list->bytes.data + list->all[i].at, list->all[i].n_key};
}

static larder_status
hand_out(const items *list, size_t i, larder_each *each, larder_error *err)
{
    larder_bytes key = item_key(list, i);
    larder_bytes row = {
        (const unsigned char *)key.data + key.size, list->all[i].n_row};

    return each->row(each, key, list->all[i].table, row, err);
}

typedef struct collecting {
    larder_each each;
    items *to;
} collecting;

static larder_status
collect(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    return items_add(((collecting *)self)->to, key, table, row, err);
}

/* Some keys of the window and the tables that may hold rows of them. */
typedef struct reading {
    larder_found found;
    larder_want *wants;
    items *to;
} reading;

static larder_status
keep_row(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    reading *r = (reading *)self;

    return items_add(
        r->to, r->wants[want].key, r->wants[want].tables[table], row, err);
}

static uint32_t
entity_set_of(larder_bytes key)
{
    const unsigned char *at = key.data;

    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

/* Of an entity set, each view's table of the latest build: that is whose rows
 * are there. In ascending order. */
static size_t
tables_of(ldr_hashed_table *const *tables, size_t n_tables, uint32_t set,
    larder_table_id *out)
{
    size_t n = 0;

    for (size_t i = 0; i < n_tables; i++) {
        bool latest = tables[i]->keys.entity_set == set;

        for (size_t k = 0; k < n_tables && latest; k++)
            latest = k == i || !ldr_hashed_same_keys(tables[k], tables[i]) ||
                     strcmp(tables[k]->row.view, tables[i]->row.view) != 0 ||
                     tables[k]->build < tables[i]->build ||
                     (tables[k]->build == tables[i]->build && k > i);
        if (latest)
            out[n++] = tables[i]->id;
    }
    return n;
}

/* Rows of the window's keys from place `at` on, until there are `limit`. */
static larder_status
read_rows(ldr_hashed *store, const larder_call *call,
    ldr_hashed_table *const *tables, size_t n_tables, size_t at, size_t limit,
    items *out, larder_error *err)
{
    const ldr_hashed_window *w = &store->window;
    larder_table_id *ids = calloc(n_tables + 1, sizeof *ids);
    larder_want *wants = calloc(READ_KEYS, sizeof *wants);
    reading r = {{keep_row}, wants, out};
    uint32_t set = 0;
    size_t n_ids = 0;
    larder_status rc = LARDER_OK;

    if (ids == NULL || wants == NULL) {
        rc = no_memory(err);
        goto out;
    }
    while (at < w->n_keys && out->n < limit) {
        size_t n = 0;

        for (; n < READ_KEYS && at < w->n_keys; n++, at++) {
            larder_bytes key = key_at(w, at);

            if (n > 0 && entity_set_of(key) != set)
                break;
            if (n == 0 && (n_ids == 0 || entity_set_of(key) != set)) {
                set = entity_set_of(key);
                n_ids = tables_of(tables, n_tables, set, ids);
            }
            wants[n] = (larder_want){key, ids, n_ids};
        }
        LARDER_TRY(ldr_hashed_get(store, call, wants, n, &r.found, err));
    }
out:
    free(ids);
    free(wants);
    return rc;
}

/* In order of key, then table. A get gives them in any order. */
static int
compare_items(const items *list, const item *a, const item *b)
{
    int order =
        compare_bytes((larder_bytes){list->bytes.data + a->at, a->n_key},
            (larder_bytes){list->bytes.data + b->at, b->n_key});

    return order != 0 ? order : memcmp(&a->table, &b->table, sizeof a->table);
}

/* They come almost in order. */
static void
sort_items(items *list)
{
    for (size_t i = 1; i < list->n; i++) {
        item one = list->all[i];
        size_t at = i;

        for (; at > 0 && compare_items(list, &list->all[at - 1], &one) > 0;
             at--)
            list->all[at] = list->all[at - 1];
        list->all[at] = one;
    }
}

/* Does the window hold what comes after a key? */
static bool
covers(const ldr_hashed_window *w, larder_bytes from)
{
    larder_bytes begin = {w->from.bytes, w->from.size};

    return w->known && compare_bytes(from, begin) >= 0 &&
           (w->last || (w->n_keys > 0 &&
                           compare_bytes(from, key_at(w, w->n_keys - 1)) < 0));
}

/* Rows of keys not less than `from`: `limit` of them, or all there are. */
static larder_status
find_rows(ldr_hashed *store, const larder_call *call, larder_bytes from,
    bool anew, size_t limit, items *out, larder_error *err)
{
    ldr_hashed_window *w = &store->window;
    ldr_hashed_table **tables = NULL;
    size_t n_tables = 0, at;
    larder_status rc;

    LARDER_TRY(ldr_hashed_tables(store, &tables, &n_tables, err));
    limit += n_tables + 1; /* some of `from` may have been seen */
    if (anew || !covers(w, from))
        LARDER_TRY(fill_window(store, call, tables, n_tables, from, err));
    at = lower_bound(w, from);
    for (;;) {
        ldr_key last = {0};

        LARDER_TRY(
            read_rows(store, call, tables, n_tables, at, limit, out, err));
        if (w->last || out->n >= limit)
            break;
        last.size = w->keys[w->n_keys - 1].size;
        memcpy(last.bytes, key_at(w, w->n_keys - 1).data, last.size);
        from = (larder_bytes){last.bytes, last.size};
        LARDER_TRY(fill_window(store, call, tables, n_tables, from, err));
        at = lower_bound(w, from);
        if (at < w->n_keys && compare_bytes(key_at(w, at), from) == 0)
            at++;
    }
out:
    free(tables);
    return rc;
}

/* Rows in hashes after a key and a table, in order. */
static larder_status
find_hashed(ldr_hashed *store, const larder_call *call,
    const larder_bytes *after_key, const larder_table_id *after_table,
    size_t limit, items *out, larder_error *err)
{
    larder_bytes from = after_key == NULL ? (larder_bytes){0} : *after_key;
    size_t n = 0;
    larder_status rc;

    LARDER_TRY(
        find_rows(store, call, from, after_key == NULL, limit, out, err));
    sort_items(out);
    for (size_t i = 0; i < out->n; i++)
        if (after_key == NULL || compare_bytes(item_key(out, i), from) > 0 ||
            memcmp(&out->all[i].table, after_table, sizeof *after_table) > 0)
            out->all[n++] = out->all[i];
    out->n = n;
out:
    return rc;
}

larder_status
ldr_hashed_scan(ldr_hashed *store, const larder_call *call,
    const larder_bytes *after_key, const larder_table_id *after_table,
    size_t limit, larder_each *each, bool *more, larder_error *err)
{
    items packed = {0}, hashed = {0};
    collecting to = {{collect}, &packed};
    bool more_packed = false;
    size_t p = 0, h = 0, n = 0;
    larder_status rc;

    pthread_mutex_lock(&store->scan_lock);
    LARDER_TRY(store->ops->scan(store->self, call, after_key, after_table,
        limit, &to.each, &more_packed, err));
    LARDER_TRY(
        find_hashed(store, call, after_key, after_table, limit, &hashed, err));
    for (; n < limit && (p < packed.n || h < hashed.n); n++) {
        bool first = h == hashed.n;

        if (p < packed.n && h < hashed.n)
            first =
                compare_bytes(item_key(&packed, p), item_key(&hashed, h)) < 0;
        if (first)
            LARDER_TRY(hand_out(&packed, p++, each, err));
        else
            LARDER_TRY(hand_out(&hashed, h++, each, err));
    }
    *more = more_packed || p < packed.n || h < hashed.n;
out:
    pthread_mutex_unlock(&store->scan_lock);
    items_free(&packed);
    items_free(&hashed);
    return rc;
}
