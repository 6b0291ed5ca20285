/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online.c - an online store under test.
 */
#include "online.h"

#include <stdlib.h>
#include <string.h>

#include "definition/config.h"

static const larder_online_ops *
find_ops(const char *type)
{
    const larder_online_ops *const *ops = larder_online_backends();

    while (*ops != NULL && strcmp((*ops)->type, type) != 0)
        ops++;
    return *ops;
}

larder_status
online_open(online *store, const char *type, const char *const *options,
    bool create, larder_error *err)
{
    ldr_option list[16];
    larder_options section = {.options = list, .section = "online_store"};
    larder_call call = support_call(0);
    larder_status rc;

    *store = (online){.ops = find_ops(type)};
    ck_assert_msg(store->ops != NULL, "there is no online store '%s'", type);
    for (; options != NULL && options[0] != NULL; options += 2)
        list[section.n_options++] =
            (ldr_option){.name = options[0], .value = options[1]};
    store->self = calloc(1, store->ops->state_bytes);
    ck_assert_ptr_nonnull(store->self);
    rc = store->ops->open(store->self, &section, create, &call, err);
    if (rc != LARDER_OK) {
        free(store->self);
        *store = (online){0};
    }
    return rc;
}

online
online_must_open(const char *type, const char *const *options, bool create)
{
    larder_error err = {0};
    online store;
    larder_status rc = online_open(&store, type, options, create, &err);

    ck_assert_msg(rc == LARDER_OK, "open %s: %s", type, err.message);
    return store;
}

void
online_close(online *store)
{
    if (store->self == NULL)
        return;
    store->ops->close(store->self);
    free(store->self);
    *store = (online){0};
}

/* -------------------------------------------------------------------- rows */

static void
put_number(unsigned char *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        to[i] = (unsigned char)number;
}

static uint64_t
mix(uint64_t digest, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ bytes[i]) * UINT64_C(0x100000001B3);
    return (digest ^ size) * UINT64_C(0x100000001B3);
}

online_row
online_make(uint64_t event, uint64_t created, const char *text)
{
    online_row row = {.size = LARDER_ROW_HEAD_BYTES + strlen(text)};
    uint64_t checksum;

    ck_assert_uint_le(row.size, sizeof row.bytes);
    put_number(row.bytes, event);
    put_number(row.bytes + 8, created);
    memcpy(row.bytes + LARDER_ROW_HEAD_BYTES, text, strlen(text));
    checksum =
        mix(mix(1, row.bytes, LARDER_ROW_VERSION_BYTES), text, strlen(text)) |
        1;
    for (size_t i = 0; i < 8; i++)
        row.bytes[LARDER_ROW_VERSION_BYTES + i] =
            (unsigned char)(checksum >> 8 * i);
    return row;
}

larder_bytes
online_bytes(const online_row *row)
{
    return (larder_bytes){row->bytes, row->size};
}

uint64_t
online_checksum(const online_row *row)
{
    uint64_t checksum = 0;

    for (size_t i = 8; i-- > 0;)
        checksum = checksum << 8 | row->bytes[LARDER_ROW_VERSION_BYTES + i];
    return checksum;
}

larder_bytes
online_key(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

larder_table_id
online_table(uint64_t number)
{
    larder_table_id id;

    put_number(id.bytes, number);
    return id;
}

larder_put
online_newest(const char *key, uint64_t table, const online_row *row)
{
    return (larder_put){.key = online_key(key),
        .table = online_table(table),
        .rule = LARDER_PUT_NEWEST,
        .row = online_bytes(row)};
}

larder_outcome
online_put(online *store, const larder_put *put)
{
    larder_call call = support_call(0);
    larder_error err = {0};
    larder_outcome outcome = LARDER_MISMATCH;
    larder_status rc =
        store->ops->put(store->self, &call, put, 1, &outcome, &err);

    ck_assert_msg(rc == LARDER_OK, "put: %s", err.message);
    return outcome;
}

/* ------------------------------------------------------------------- reads */

void
online_items_free(online_items *items)
{
    for (size_t i = 0; i < items->n_items; i++) {
        free(items->items[i].key);
        free(items->items[i].row);
    }
    free(items->items);
    *items = (online_items){0};
}

static unsigned char *
copy_of(larder_bytes bytes)
{
    unsigned char *copy = malloc(bytes.size + 1);

    ck_assert_ptr_nonnull(copy);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}

static larder_status
add(online_items *items, online_item item, larder_bytes key, larder_bytes row,
    larder_error *err)
{
    if (items->n_items == items->room) {
        items->room = items->room * 2 + 16;
        items->items =
            realloc(items->items, items->room * sizeof *items->items);
        ck_assert_ptr_nonnull(items->items);
    }
    item.n_key = key.size;
    item.key = copy_of(key);
    item.n_row = row.size;
    item.row = copy_of(row);
    items->items[items->n_items++] = item;
    if (items->n_items == items->fail_at)
        return larder_fail(err, LARDER_LIMIT, "enough");
    return LARDER_OK;
}

typedef struct getting {
    larder_found found;
    online_items *items;
} getting;

static larder_status
found_row(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    getting *to = (getting *)self;

    return add(to->items, (online_item){.want = want, .table = table},
        (larder_bytes){0}, row, err);
}

larder_status
online_get(online *store, const larder_want *wants, size_t n_wants,
    online_items *items, larder_error *err)
{
    getting to = {{found_row}, items};
    larder_call call = support_call(0);

    return store->ops->get(store->self, &call, wants, n_wants, &to.found, err);
}

const online_item *
online_find(online *store, const char *key, uint64_t table, online_items *items)
{
    larder_table_id id = online_table(table);
    larder_want want = {online_key(key), &id, 1};
    size_t before = items->n_items;
    larder_error err = {0};

    ck_assert_msg(online_get(store, &want, 1, items, &err) == LARDER_OK,
        "get: %s", err.message);
    ck_assert_uint_le(items->n_items, before + 1);
    return items->n_items == before ? NULL : &items->items[before];
}

bool
online_is(const online_item *item, const online_row *row)
{
    return item != NULL && item->n_row == row->size &&
           memcmp(item->row, row->bytes, row->size) == 0;
}

typedef struct scanning {
    larder_each each;
    online_items *items;
} scanning;

static larder_status
scanned_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    scanning *to = (scanning *)self;

    return add(to->items, (online_item){.id = table}, key, row, err);
}

void
online_dump(online *store, size_t step, online_items *items)
{
    scanning to = {{scanned_row}, items};
    larder_call call = support_call(0);
    larder_error err = {0};
    bool more = true;

    while (more) {
        size_t before = items->n_items;
        online_item *last = before == 0 ? NULL : &items->items[before - 1];
        larder_bytes key = {0};
        larder_table_id table = {{0}};
        bool goes_on = last != NULL;
        larder_status rc;

        if (goes_on) { /* copied: the items may move meanwhile */
            key = (larder_bytes){last->key, last->n_key};
            table = last->id;
        }
        rc = store->ops->scan(store->self, &call, goes_on ? &key : NULL,
            goes_on ? &table : NULL, step, &to.each, &more, &err);
        ck_assert_msg(rc == LARDER_OK, "scan: %s", err.message);
        ck_assert_uint_le(items->n_items - before, step);
        ck_assert(!more || items->n_items - before == step);
    }
}

uint64_t
online_digest(online *store)
{
    online_items items = {0};
    uint64_t digest = 0;

    online_dump(store, 1000, &items);
    for (size_t i = 0; i < items.n_items; i++) {
        const online_item *item = &items.items[i];

        digest = mix(digest, item->key, item->n_key);
        digest = mix(digest, &item->id, sizeof item->id);
        digest = mix(digest, item->row, item->n_row);
    }
    online_items_free(&items);
    return digest;
}
