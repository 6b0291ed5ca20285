/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashes.c - an online store with hashes, in memory.
 *
 * Fields lie in one list in the order they came. What a put comes to is said
 * once more here, in other words than the server's.
 */
#include "hashes.h"

#include <stdlib.h>
#include <string.h>

#include "backends/builtin.h"
#include "data/feast_row.h"

struct field {
    char key[2048], name[128];
    size_t n_key, n_name, size;
    unsigned char *value;
};

struct hashes {
    struct field *fields;
    size_t n, room;
    max_align_t memory[64]; /* the memory store's own state */
};

#define MEMORY(self) (((struct hashes *)(self))->memory)

/* Memory is refused once in tests: not for this store. */
static void *
grab(void *old, size_t size)
{
    void *grown = realloc(old, size + 1);

    if (grown == NULL)
        grown = realloc(old, size + 1);
    if (grown == NULL)
        abort();
    return grown;
}

static bool
same(larder_bytes a, const void *b, size_t size)
{
    return a.size == size && (size == 0 || memcmp(a.data, b, size) == 0);
}

static struct field *
find(struct hashes *h, larder_bytes key, larder_bytes name)
{
    for (size_t i = 0; i < h->n; i++)
        if (same(key, h->fields[i].key, h->fields[i].n_key) &&
            same(name, h->fields[i].name, h->fields[i].n_name))
            return &h->fields[i];
    return NULL;
}

static larder_bytes
value_of(struct hashes *h, larder_bytes key, larder_bytes name)
{
    const struct field *f = find(h, key, name);

    return f == NULL ? (larder_bytes){0} : (larder_bytes){f->value, f->size};
}

static void
drop(struct hashes *h, struct field *f)
{
    free(f->value);
    h->n--;
    memmove(f, f + 1, (size_t)(h->fields + h->n - f) * sizeof *f);
}

static void
set(struct hashes *h, larder_bytes key, larder_bytes name, larder_bytes value)
{
    struct field *f = find(h, key, name);

    if (f == NULL) {
        if (h->n == h->room) {
            h->room = 2 * h->room + 64;
            h->fields = grab(h->fields, h->room * sizeof *h->fields);
        }
        f = &h->fields[h->n++];
        *f = (struct field){.n_key = key.size, .n_name = name.size};
        if (key.size >= sizeof f->key || name.size >= sizeof f->name)
            abort();
        memcpy(f->key, key.data, key.size);
        memcpy(f->name, name.data, name.size);
    }
    f->value = grab(f->value, value.size);
    if (value.size > 0)
        memcpy(f->value, value.data, value.size);
    f->size = value.size;
}

/* -------------------------------------------------------------------- puts */

/* NEWEST: <0, 0, >0; and whether the mark had any say. */
static int
order_of(const larder_hash_put *put, larder_bytes time, larder_bytes mark)
{
    larder_time ours, theirs;
    ldr_feast_mark our_mark, their_mark;
    bool marked = ldr_feast_mark_read(mark, time, &their_mark);

    if (!ldr_feast_mark_read(put->values[1], put->values[0], &our_mark) ||
        !ldr_feast_time_read(put->values[0], &ours) ||
        !ldr_feast_time_read(time, &theirs))
        abort();
    if (marked && our_mark.build != their_mark.build)
        return our_mark.build > their_mark.build ? 1 : -1;
    if (ours != theirs)
        return ours > theirs ? 1 : -1;
    if (!marked)
        their_mark.created = LDR_NO_CREATED;
    return (our_mark.created > their_mark.created) -
           (our_mark.created < their_mark.created);
}

static void
write_fields(struct hashes *h, const larder_hash_put *put)
{
    for (size_t i = 0; i < put->n_names; i++)
        set(h, put->key, put->names[i], put->values[i]);
}

static bool
holds(struct hashes *h, const larder_hash_put *put, const larder_bytes *values)
{
    for (size_t i = 0; i < put->n_names; i++) {
        larder_bytes held = value_of(h, put->key, put->names[i]);

        if ((held.data == NULL) != (values[i].data == NULL) ||
            !same(held, values[i].data, values[i].size))
            return false;
    }
    return true;
}

/* The whole hash goes with the last row of it. */
static larder_outcome
remove_fields(struct hashes *h, const larder_hash_put *put)
{
    larder_outcome outcome = LARDER_UNCHANGED;
    bool rows = false;

    for (size_t i = 0; i < put->n_names; i++) {
        struct field *f = find(h, put->key, put->names[i]);

        if (f == NULL)
            continue;
        drop(h, f);
        outcome = LARDER_WRITTEN;
    }
    for (size_t i = 0; i < h->n; i++)
        rows |= same(put->key, h->fields[i].key, h->fields[i].n_key) &&
                memcmp(h->fields[i].name, "_ts:", 4) == 0;
    for (size_t i = h->n; i-- > 0 && !rows;)
        if (same(put->key, h->fields[i].key, h->fields[i].n_key)) {
            drop(h, &h->fields[i]);
            outcome = LARDER_WRITTEN;
        }
    return outcome;
}

static larder_outcome
put_one(struct hashes *h, const larder_hash_put *put)
{
    larder_bytes time;
    int order;

    if (put->rule == LARDER_PUT_REMOVE)
        return remove_fields(h, put);
    if (put->rule == LARDER_PUT_IF_MATCH) {
        if (!holds(h, put, put->expected))
            return LARDER_MISMATCH;
        if (put->values == NULL)
            return remove_fields(h, put);
        if (holds(h, put, put->values))
            return LARDER_UNCHANGED;
        write_fields(h, put);
        return LARDER_WRITTEN;
    }
    time = value_of(h, put->key, put->names[0]);
    order = time.data == NULL
                ? 1
                : order_of(put, time, value_of(h, put->key, put->names[1]));
    if (order < 0)
        return LARDER_OLDER;
    if (order == 0)
        return holds(h, put, put->values) ? LARDER_UNCHANGED : LARDER_MISMATCH;
    write_fields(h, put);
    return LARDER_WRITTEN;
}

static larder_status
hashes_put_hashes(void *self, const larder_call *call,
    const larder_hash_put *puts, size_t n_puts, larder_outcome *outcomes,
    larder_error *err)
{
    (void)call, (void)err;
    for (size_t i = 0; i < n_puts; i++)
        outcomes[i] = put_one(self, &puts[i]);
    return LARDER_OK;
}

/* ------------------------------------------------------------------- reads */

static larder_status
hashes_get_hashes(void *self, const larder_call *call,
    const larder_hash_want *wants, size_t n_wants, larder_hash_found *found,
    larder_error *err)
{
    struct hashes *h = self;
    larder_status rc = LARDER_OK;

    (void)call;
    for (size_t i = 0; i < n_wants && rc == LARDER_OK; i++) {
        larder_bytes *values = grab(NULL, wants[i].n_names * sizeof *values);

        for (size_t k = 0; k < wants[i].n_names; k++)
            values[k] = value_of(h, wants[i].key, wants[i].names[k]);
        rc = found->values(found, i, values, err);
        free(values);
    }
    return rc;
}

/* The cursor is the place in the list; keys come as often as fields do. */
static larder_status
hashes_scan_hashes(void *self, const larder_call *call, larder_bytes head,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor,
    larder_each_key *each, larder_error *err)
{
    struct hashes *h = self;
    size_t at = 0, end;
    larder_status rc = LARDER_OK;

    (void)call;
    if (*n_cursor == sizeof at)
        memcpy(&at, cursor, sizeof at);
    end = h->n - at < max_keys ? h->n : at + max_keys;
    for (; at < end && rc == LARDER_OK; at++) {
        const struct field *f = &h->fields[at];

        if (f->n_key >= head.size && same(head, f->key, head.size))
            rc = each->key(each, (larder_bytes){f->key, f->n_key}, err);
    }
    *n_cursor = at < h->n ? sizeof at : 0;
    memcpy(cursor, &at, sizeof at);
    return rc;
}

/* ------------------------------------------------------ of the memory store */

static larder_status
hashes_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    (void)options;
    return ldr_online_memory_ops.open(MEMORY(self), NULL, create, call, err);
}

static void
hashes_close(void *self)
{
    struct hashes *h = self;

    for (size_t i = 0; i < h->n; i++)
        free(h->fields[i].value);
    free(h->fields);
    ldr_online_memory_ops.close(h->memory);
}

static larder_status
hashes_get(void *self, const larder_call *call, const larder_want *wants,
    size_t n_wants, larder_found *found, larder_error *err)
{
    return ldr_online_memory_ops.get(
        MEMORY(self), call, wants, n_wants, found, err);
}

static larder_status
hashes_put(void *self, const larder_call *call, const larder_put *rows,
    size_t n_rows, larder_outcome *outcomes, larder_error *err)
{
    return ldr_online_memory_ops.put(
        MEMORY(self), call, rows, n_rows, outcomes, err);
}

static larder_status
hashes_scan(void *self, const larder_call *call, const larder_bytes *after_key,
    const larder_table_id *after_table, size_t limit, larder_each *each,
    bool *more, larder_error *err)
{
    return ldr_online_memory_ops.scan(
        MEMORY(self), call, after_key, after_table, limit, each, more, err);
}

static larder_status
hashes_sweep(void *self, const larder_call *call, larder_table_id table,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor, uint64_t *removed,
    larder_error *err)
{
    return ldr_online_memory_ops.sweep(
        MEMORY(self), call, table, max_keys, cursor, n_cursor, removed, err);
}

static larder_status
hashes_destroy(void *self, const larder_call *call, larder_error *err)
{
    return ldr_online_memory_ops.destroy(MEMORY(self), call, err);
}

const larder_online_ops hashes_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "hashes",
    .state_bytes = sizeof(struct hashes),
    .open = hashes_open,
    .close = hashes_close,
    .get = hashes_get,
    .put = hashes_put,
    .scan = hashes_scan,
    .sweep = hashes_sweep,
    .destroy = hashes_destroy,
    .get_hashes = hashes_get_hashes,
    .put_hashes = hashes_put_hashes,
    .scan_hashes = hashes_scan_hashes,
};
