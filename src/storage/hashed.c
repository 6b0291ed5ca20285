/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashed.c - an online store's calls where rows are fields of hashes: which
 * tables there are, and reads.
 */
#include "storage/hashed.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for Feast's layout");
}

/* -------------------------------------------------------- opening, closing */

static larder_status
read_version(
    const larder_options *options, unsigned *version, larder_error *err)
{
    const char *text =
        larder_options_find(options, "entity_key_serialization_version");

    *version = LDR_FEAST_VERSION;
    if (text == NULL || strcmp(text, "3") == 0)
        return LARDER_OK;
    if (strcmp(text, "2") != 0)
        return larder_fail(err, LARDER_INVALID,
            "option 'entity_key_serialization_version' of online_store is 2 or "
            "3, not '%s'",
            text);
    *version = 2;
    return LARDER_OK;
}

static larder_status
read_options(const larder_online_ops *ops, const larder_options *options,
    bool *feast, unsigned *version, larder_error *err)
{
    const char *layout = larder_options_find(options, "layout");
    larder_status rc = read_version(options, version, err);

    if (rc != LARDER_OK)
        return rc;
    *feast = layout != NULL && strcmp(layout, "feast") == 0;
    if (layout == NULL || strcmp(layout, "packed") == 0)
        return LARDER_OK;
    if (!*feast)
        return larder_fail(err, LARDER_INVALID,
            "option 'layout' of online_store is packed or feast, not '%s'",
            layout);
    if (ops->get_hashes != NULL && ops->put_hashes != NULL &&
        ops->scan_hashes != NULL)
        return LARDER_OK;
    larder_fail(err, LARDER_UNSUPPORTED,
        "online store '%s' has no hashes, which 'layout: feast' needs",
        ops->type);
    larder_hint(err, "store type redis has them");
    return LARDER_UNSUPPORTED;
}

larder_status
ldr_hashed_open(const larder_online_ops *ops, void *self,
    const larder_options *options, ldr_hashed **out, larder_error *err)
{
    ldr_hashed *store;
    bool feast = false;
    unsigned version = LDR_FEAST_VERSION;
    larder_status rc = read_options(ops, options, &feast, &version, err);

    if (rc != LARDER_OK || !feast)
        return rc;
    store = calloc(1, sizeof *store);
    if (store == NULL)
        return no_memory(err);
    *store = (ldr_hashed){.ops = ops, .self = self, .version = version};
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        free(store);
        return no_memory(err);
    }
    if (pthread_mutex_init(&store->scan_lock, NULL) != 0) {
        pthread_mutex_destroy(&store->lock);
        free(store);
        return no_memory(err);
    }
    *out = store;
    return LARDER_OK;
}

static void
free_room(ldr_hashed_room *room)
{
    larder_batch_release(&room->values);
    ldr_buffer_free(&room->bytes);
    free(room);
}

static void
free_table(ldr_hashed_table *table)
{
    while (table->rooms != NULL) {
        ldr_hashed_room *next = table->rooms->next;

        free_room(table->rooms);
        table->rooms = next;
    }
    ldr_arena_free(&table->arena);
    free(table);
}

void
ldr_hashed_close(ldr_hashed *store)
{
    if (store == NULL)
        return;
    while (store->newest != NULL) {
        ldr_hashed_table *older = store->newest->older;

        free_table(store->newest);
        store->newest = older;
    }
    free(store->tables);
    ldr_buffer_free(&store->window.bytes);
    free(store->window.keys);
    pthread_mutex_destroy(&store->scan_lock);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

/* ------------------------------------------------------------------ tables */

/* Where a table is among those described, or would be. Under the lock. */
static size_t
place_of(const ldr_hashed *store, const larder_table_id *id, bool *found)
{
    size_t low = 0, high = store->n_tables;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(&store->tables[middle]->id, id, sizeof *id);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ldr_hashed_table *
ldr_hashed_find(ldr_hashed *store, larder_table_id id)
{
    ldr_hashed_table *table = NULL;
    bool found;
    size_t at;

    pthread_mutex_lock(&store->lock);
    at = place_of(store, &id, &found);
    if (found)
        table = store->tables[at];
    pthread_mutex_unlock(&store->lock);
    return table;
}

static larder_status
check_columns(const ldr_online_table *table, larder_error *err)
{
    if (!table->derived)
        return LARDER_OK;
    larder_fail(err, LARDER_UNSUPPORTED,
        "windowed features cannot be stored in 'layout: feast': feature view "
        "'%s'",
        table->name);
    larder_hint(err, "write 'online: false' in the view, or leave the layout");
    return LARDER_UNSUPPORTED;
}

static larder_status
make_table(const ldr_hashed *store, const ldr_online_table *from,
    ldr_hashed_table **out, larder_error *err)
{
    ldr_hashed_table *table = calloc(1, sizeof *table);
    larder_schema features = {from->columns, from->n_columns};
    larder_status rc;

    if (table == NULL)
        return no_memory(err);
    table->id = from->id;
    table->build = from->build;
    LARDER_TRY(ldr_feast_keys_init(&table->keys, store->version, from->project,
        from->keys, from->n_keys, &table->arena, err));
    LARDER_TRY(ldr_feast_row_init(
        &table->row, from->name, &features, &table->arena, err));
    *out = table;
    return LARDER_OK;
out:
    free_table(table);
    larder_context(err, "feature view '%s'", from->name);
    return rc;
}

/* Names are no part of a table's id: they may have changed. */
static bool
same_names(const ldr_hashed_table *table, const ldr_online_table *from)
{
    larder_schema features = {from->columns, from->n_columns};

    return ldr_schema_equal(&table->row.features, &features);
}

/* Under the lock. */
static larder_status
add_table(ldr_hashed *store, const ldr_online_table *from, larder_error *err)
{
    ldr_hashed_table *table = NULL, **tables = store->tables;
    bool found;
    size_t at = place_of(store, &from->id, &found), room = store->room_tables;
    larder_status rc;

    if (found && same_names(store->tables[at], from))
        return LARDER_OK;
    if (store->n_tables == room) {
        tables = realloc(tables, (2 * room + 16) * sizeof *tables);
        if (tables == NULL)
            return no_memory(err);
        store->tables = tables;
        store->room_tables = 2 * room + 16;
    }
    rc = make_table(store, from, &table, err);
    if (rc != LARDER_OK || table == NULL)
        return rc;
    table->older = store->newest;
    store->newest = table;
    if (!found) {
        memmove(tables + at + 1, tables + at,
            (store->n_tables - at) * sizeof *tables);
        store->n_tables++;
    }
    tables[at] = table; /* the old one serves who is using it */
    return LARDER_OK;
}

larder_status
ldr_hashed_describe(
    ldr_hashed *store, const ldr_online_table *table, larder_error *err)
{
    larder_status rc = check_columns(table, err);

    if (rc != LARDER_OK)
        return rc;
    pthread_mutex_lock(&store->lock);
    rc = add_table(store, table, err);
    pthread_mutex_unlock(&store->lock);
    return rc;
}

larder_status
ldr_hashed_tables(ldr_hashed *store, ldr_hashed_table ***out, size_t *n_out,
    larder_error *err)
{
    ldr_hashed_table **tables;

    pthread_mutex_lock(&store->lock);
    *n_out = store->n_tables;
    tables = calloc(store->n_tables + 1, sizeof *tables);
    if (tables != NULL && store->n_tables > 0)
        memcpy(tables, store->tables, store->n_tables * sizeof *tables);
    pthread_mutex_unlock(&store->lock);
    if (tables == NULL)
        return no_memory(err);
    *out = tables;
    return LARDER_OK;
}

bool
ldr_hashed_same_keys(const ldr_hashed_table *a, const ldr_hashed_table *b)
{
    return a->keys.entity_set == b->keys.entity_set &&
           a->keys.tail.size == b->keys.tail.size &&
           memcmp(a->keys.tail.data, b->keys.tail.data, a->keys.tail.size) == 0;
}

bool
ldr_hashed_is_repeated(ldr_hashed_table *const *tables, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (ldr_hashed_same_keys(tables[i], tables[at]))
            return true;
    return false;
}

larder_status
ldr_hashed_lend(ldr_hashed *store, ldr_hashed_table *table,
    ldr_hashed_room **out, larder_error *err)
{
    ldr_hashed_room *room;
    larder_status rc;

    pthread_mutex_lock(&store->lock);
    room = table->rooms;
    if (room != NULL)
        table->rooms = room->next;
    pthread_mutex_unlock(&store->lock);
    if (room == NULL) {
        room = calloc(1, sizeof *room);
        if (room == NULL)
            return no_memory(err);
        rc = larder_batch_init(&room->values, &table->row.features, err);
        if (rc != LARDER_OK) {
            free_room(room);
            return rc;
        }
    }
    *out = room;
    return LARDER_OK;
}

void
ldr_hashed_give_back(
    ldr_hashed *store, ldr_hashed_table *table, ldr_hashed_room *room)
{
    if (room == NULL)
        return;
    pthread_mutex_lock(&store->lock);
    room->next = table->rooms;
    table->rooms = room;
    pthread_mutex_unlock(&store->lock);
}

/* ------------------------------------------------------------------- reads */

/* A feature that our own row lacks was called otherwise when it was put. */
static larder_status
check_names(const ldr_hashed_table *table, const larder_bytes *values,
    larder_error *err)
{
    for (size_t i = LDR_FEAST_FEATURES; i < table->row.n_names; i++) {
        if (values[i].data != NULL)
            continue;
        larder_fail(err, LARDER_NOT_FOUND,
            "feature '%s:%s' is not in the online store under this name",
            table->row.view,
            table->row.features.fields[i - LDR_FEAST_FEATURES].name);
        larder_hint(
            err, "run 'larder materialize --full -V %s'", table->row.view);
        return LARDER_NOT_FOUND;
    }
    return LARDER_OK;
}

/* A later build, of other features or types, is on its way over this one. */
static larder_status
being_replaced(const ldr_hashed_table *table, larder_error *err)
{
    larder_fail(err, LARDER_BUSY,
        "feature view '%s' is being written over, and this entity has its new "
        "values already",
        table->row.view);
    larder_hint(err, "ask again when 'larder materialize' is done");
    return LARDER_BUSY;
}

larder_status
ldr_hashed_unpack(const ldr_hashed_table *table, larder_bytes key,
    const larder_bytes *values, ldr_hashed_room *room, bool *found,
    larder_error *err)
{
    larder_bytes time = values[LDR_FEAST_TIME];
    ldr_feast_mark mark = {.build = table->build};
    larder_error why = {0};
    larder_status rc = LARDER_OK;
    bool marked = ldr_feast_mark_read(values[LDR_FEAST_MARK], time, &mark);

    *found = false;
    room->bytes.size = 0;
    if (time.data == NULL || mark.build < table->build)
        return LARDER_OK;
    if (marked)
        rc = check_names(table, values, &why);
    if (rc == LARDER_OK)
        rc = ldr_feast_row_read(
            &table->row, key, values, &room->values, &room->bytes, &why);
    *found = rc == LARDER_OK;
    if (mark.build > table->build &&
        (rc == LARDER_NOT_FOUND || rc == LARDER_CORRUPT))
        return being_replaced(table, err);
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    return rc;
}

/* A table of a want. */
typedef struct part {
    size_t want, table;
    ldr_hashed_table *hashed; /* NULL: packed */
    ldr_hashed_room *room;
} part;

/* Wants on their way: for each that asks for hashed tables one hash. */
typedef struct getting {
    larder_hash_found hashes;
    larder_found packed;
    ldr_hashed *store;
    const larder_want *wants;
    larder_found *found;
    part *parts; /* hashed ones first, by want */
    size_t n_hashed, n_parts;
    larder_hash_want *hash_wants;
    size_t *first; /* part of a hash want; one more for the end */
    size_t n_hash_wants;
    larder_bytes *names;
    larder_want *packed_wants;
    ldr_buffer keys;
} getting;

static larder_status
hand_out(larder_hash_found *self, size_t at, const larder_bytes *values,
    larder_error *err)
{
    getting *g = (getting *)self;
    larder_status rc = LARDER_OK;

    for (size_t i = g->first[at]; i < g->first[at + 1]; i++) {
        part *p = &g->parts[i];
        bool found = false;

        LARDER_TRY(ldr_hashed_unpack(
            p->hashed, g->wants[p->want].key, values, p->room, &found, err));
        values += p->hashed->row.n_names;
        if (found)
            LARDER_TRY(g->found->row(g->found, p->want, p->table,
                (larder_bytes){p->room->bytes.data, p->room->bytes.size}, err));
    }
out:
    return rc;
}

static larder_status
hand_on(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    getting *g = (getting *)(void *)((char *)self - offsetof(getting, packed));
    const part *p = &g->parts[g->n_hashed + want];

    (void)table;
    return g->found->row(g->found, p->want, p->table, row, err);
}

static size_t
count_tables(const larder_want *wants, size_t n_wants)
{
    size_t n = 0;

    for (size_t i = 0; i < n_wants; i++)
        n += wants[i].n_tables;
    return n;
}

/* Which tables are hashed? */
static void
part_wants(getting *g, size_t n_wants, bool hashed)
{
    for (size_t i = 0; i < n_wants; i++)
        for (size_t k = 0; k < g->wants[i].n_tables; k++) {
            ldr_hashed_table *table =
                ldr_hashed_find(g->store, g->wants[i].tables[k]);

            if ((table != NULL) == hashed)
                g->parts[g->n_parts++] = (part){i, k, table, NULL};
        }
}

static larder_status
make_key(getting *g, const part *p, larder_error *err)
{
    return ldr_feast_key_write(
        &p->hashed->keys, g->wants[p->want].key, &g->keys, err);
}

/* One hash for the hashed tables of each want, all fields of them. */
static larder_status
make_hash_wants(getting *g, larder_error *err)
{
    larder_bytes *names = g->names;
    size_t *ends = calloc(g->n_hashed + 1, sizeof *ends), begin = 0;
    larder_status rc = LARDER_OK;

    if (ends == NULL)
        return no_memory(err);
    for (size_t i = 0; i < g->n_hashed; i++) {
        part *p = &g->parts[i];
        larder_hash_want *want = &g->hash_wants[g->n_hash_wants];

        LARDER_TRY(ldr_hashed_lend(g->store, p->hashed, &p->room, err));
        if (i > 0 && g->parts[i - 1].want == p->want) {
            want--;
        } else {
            LARDER_TRY(make_key(g, p, err));
            ends[g->n_hash_wants] = g->keys.size;
            g->first[g->n_hash_wants++] = i;
            want->names = names;
        }
        memcpy(names, p->hashed->row.names,
            p->hashed->row.n_names * sizeof *names);
        names += p->hashed->row.n_names;
        want->n_names += p->hashed->row.n_names;
    }
    g->first[g->n_hash_wants] = g->n_hashed;
    for (size_t i = 0; i < g->n_hash_wants; begin = ends[i++])
        g->hash_wants[i].key =
            (larder_bytes){g->keys.data + begin, ends[i] - begin};
out:
    free(ends);
    return rc;
}

static larder_status
prepare(getting *g, size_t n_wants, larder_error *err)
{
    size_t n_tables = count_tables(g->wants, n_wants), n_names = 0;

    g->parts = calloc(n_tables + 1, sizeof *g->parts);
    g->hash_wants = calloc(n_wants + 1, sizeof *g->hash_wants);
    g->first = calloc(n_wants + 1, sizeof *g->first);
    g->packed_wants = calloc(n_tables + 1, sizeof *g->packed_wants);
    if (g->parts == NULL || g->hash_wants == NULL || g->first == NULL ||
        g->packed_wants == NULL)
        return no_memory(err);
    part_wants(g, n_wants, true);
    g->n_hashed = g->n_parts;
    part_wants(g, n_wants, false);
    for (size_t i = 0; i < g->n_hashed; i++)
        n_names += g->parts[i].hashed->row.n_names;
    for (size_t i = g->n_hashed; i < g->n_parts; i++) {
        const larder_want *want = &g->wants[g->parts[i].want];

        g->packed_wants[i - g->n_hashed] =
            (larder_want){want->key, want->tables + g->parts[i].table, 1};
    }
    g->names = calloc(n_names + 1, sizeof *g->names);
    if (g->names == NULL)
        return no_memory(err);
    return make_hash_wants(g, err);
}

larder_status
ldr_hashed_get(ldr_hashed *store, const larder_call *call,
    const larder_want *wants, size_t n_wants, larder_found *found,
    larder_error *err)
{
    getting g = {.hashes = {hand_out},
        .packed = {hand_on},
        .store = store,
        .wants = wants,
        .found = found};
    larder_status rc;

    LARDER_TRY(prepare(&g, n_wants, err));
    if (g.n_parts > g.n_hashed)
        LARDER_TRY(store->ops->get(store->self, call, g.packed_wants,
            g.n_parts - g.n_hashed, &g.packed, err));
    if (g.n_hash_wants > 0)
        LARDER_TRY(store->ops->get_hashes(
            store->self, call, g.hash_wants, g.n_hash_wants, &g.hashes, err));
out:
    for (size_t i = 0; i < g.n_hashed; i++)
        ldr_hashed_give_back(store, g.parts[i].hashed, g.parts[i].room);
    free(g.parts);
    free(g.hash_wants);
    free(g.first);
    free(g.packed_wants);
    free(g.names);
    ldr_buffer_free(&g.keys);
    return rc;
}
