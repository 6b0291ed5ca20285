/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs.c - the ledger: up to where each view is materialized, and into which
 * build, kept as reserved rows of the online store.
 */
#include "engine/runs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "definition/table.h"

/* The columns of a position, frozen in docs/formats.md. */
enum {
    READ_HASH,
    READ_NUMBER,
    ARRIVAL,
    UNTIL,
    FILL_HASH,
    FILL_NUMBER,
    RUN,
    OLD_HASHES,
    OLD_NUMBERS,
    OLD_REPLACED,
    NEWEST_EVENT, /* from here on: not in the oldest positions */
    ARRIVED,
    RAN,
    N_COLUMNS
};

#define N_COLUMNS_BEFORE NEWEST_EVENT

static const larder_field fields[N_COLUMNS] = {
    [READ_HASH] = {"read_hash", LARDER_STRING},
    [READ_NUMBER] = {"read_number", LARDER_INT64},
    [ARRIVAL] = {"arrival", LARDER_INT64},
    [UNTIL] = {"until", LARDER_TIMESTAMP},
    [FILL_HASH] = {"fill_hash", LARDER_STRING},
    [FILL_NUMBER] = {"fill_number", LARDER_INT64},
    [RUN] = {"run", LARDER_STRING},
    [OLD_HASHES] = {"old_hashes", LARDER_STRING_LIST},
    [OLD_NUMBERS] = {"old_numbers", LARDER_INT64_LIST},
    [OLD_REPLACED] = {"old_replaced", LARDER_TIMESTAMP_LIST},
    [NEWEST_EVENT] = {"newest_event", LARDER_TIMESTAMP},
    [ARRIVED] = {"arrived", LARDER_TIMESTAMP},
    [RAN] = {"ran", LARDER_TIMESTAMP},
};

static const larder_schema schema = {fields, N_COLUMNS};

static larder_status
layout_init(ldr_row_layout *layout, size_t n_columns, ldr_arena *arena,
    larder_error *err)
{
    larder_type types[N_COLUMNS];

    for (size_t i = 0; i < n_columns; i++)
        types[i] = fields[i].type;
    return ldr_row_layout_init(layout, types, n_columns, arena, err);
}

static larder_status
position_key(ldr_key *key, larder_error *err)
{
    larder_value name = {
        .type = LARDER_STRING, .as.text = {"positions", strlen("positions")}};

    ldr_key_start(key, 0);
    return ldr_key_add(key, &name, err);
}

static larder_table_id
position_table(const char *project, const char *view)
{
    return ldr_view_table(project, view, "position", 0);
}

larder_status
ldr_build_table(ldr_online *online, const char *project, const ldr_view *view,
    const ldr_build *build, larder_table_id *out, larder_error *err)
{
    larder_field *columns = calloc(view->n_features + 1, sizeof *columns);
    ldr_online_table table = {
        .id = ldr_view_table(
            project, view->about.name, build->hash, build->number),
        .build = build->number,
        .project = project,
        .name = view->about.name,
        .keys = view->keys,
        .n_keys = view->n_keys,
        .columns = columns,
        .n_columns = view->n_features,
        .derived = view->window_us > 0,
    };
    larder_status rc;

    if (columns == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a table");
    for (size_t i = 0; i < view->n_features; i++)
        columns[i] =
            (larder_field){view->features[i].name, view->features[i].type};
    rc = ldr_online_describe(online, &table, err);
    free(columns);
    if (rc == LARDER_OK)
        *out = table.id;
    return rc;
}

/* ----------------------------------------------------------------- reading */

typedef struct reading {
    larder_found found;
    larder_bytes key;
    ldr_row_layout layout, before; /* with and without the later columns */
    const size_t *places;          /* of table i in positions */
    ldr_position *positions;
} reading;

static void
copy_text(char to[33], larder_bytes text)
{
    size_t n = text.size < 32 ? text.size : 32;

    if (n > 0)
        memcpy(to, text.data, n);
    to[n] = '\0';
}

static void
read_old(const larder_batch *row, ldr_position *position)
{
    larder_value hashes = larder_column_value(&row->columns[OLD_HASHES], 0);
    larder_value numbers = larder_column_value(&row->columns[OLD_NUMBERS], 0);
    larder_value times = larder_column_value(&row->columns[OLD_REPLACED], 0);
    size_t n = hashes.null ? 0 : hashes.as.list.end - hashes.as.list.begin;

    for (size_t i = 0; i < n && i < LDR_OLD_BUILDS_MAX; i++) {
        copy_text(position->old[i].hash,
            ldr_column_text(hashes.as.list.items, hashes.as.list.begin + i));
        position->old[i].number = (uint64_t)ldr_column_integer(
            numbers.as.list.items, numbers.as.list.begin + i);
        position->replaced[i] =
            ldr_column_integer(times.as.list.items, times.as.list.begin + i);
        position->n_old = i + 1;
    }
}

/* The later columns are never null, and both layouts have a bitmap of two
 * bytes: a row without the bit was written before there were any. */
static const ldr_row_layout *
layout_of(const reading *r, larder_bytes row)
{
    _Static_assert((N_COLUMNS + 7) / 8 == (N_COLUMNS_BEFORE + 7) / 8,
        "the bitmaps are of one size");
    bool before = row.size >= LARDER_ROW_HEAD_BYTES + r->before.fixed_bytes &&
                  !ldr_row_has(row, NEWEST_EVENT);

    return before ? &r->before : &r->layout;
}

static void
read_facts(const larder_batch *row, ldr_position *position)
{
    position->newest_event = ldr_column_integer(&row->columns[NEWEST_EVENT], 0);
    position->arrived = ldr_column_integer(&row->columns[ARRIVED], 0);
    position->ran = ldr_column_integer(&row->columns[RAN], 0);
}

static larder_status
read_row(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    reading *r = (reading *)self;
    ldr_position *position = &r->positions[r->places[table]];
    const ldr_row_layout *layout = layout_of(r, row);
    larder_batch values = {0};
    larder_status rc;

    (void)want;
    LARDER_TRY(ldr_row_check(layout, r->key, row, err));
    LARDER_TRY(larder_batch_init(&values, &schema, err));
    for (size_t i = 0; i < layout->n_columns; i++)
        LARDER_TRY(ldr_row_read(layout, row, i, &values.columns[i], err));
    copy_text(
        position->read.hash, ldr_column_text(&values.columns[READ_HASH], 0));
    copy_text(
        position->fill.hash, ldr_column_text(&values.columns[FILL_HASH], 0));
    copy_text(position->run, ldr_column_text(&values.columns[RUN], 0));
    position->read.number =
        (uint64_t)ldr_column_integer(&values.columns[READ_NUMBER], 0);
    position->fill.number =
        (uint64_t)ldr_column_integer(&values.columns[FILL_NUMBER], 0);
    position->arrival = ldr_column_integer(&values.columns[ARRIVAL], 0);
    position->until = ldr_column_integer(&values.columns[UNTIL], 0);
    read_old(&values, position);
    if (layout == &r->layout)
        read_facts(&values, position);
    position->checksum = ldr_row_checksum(row);
out:
    larder_batch_release(&values);
    if (rc != LARDER_OK)
        larder_context(err, "the ledger");
    return rc;
}

typedef struct sorted_table {
    larder_table_id id;
    size_t place;
} sorted_table;

static int
by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(larder_table_id));
}

/* The views' tables in the order a store is asked for them; *places says whose
 * each is. */
static larder_status
sort_tables(const char *project, const char *const *views, size_t n_views,
    ldr_arena *arena, larder_table_id **tables, size_t **places,
    larder_error *err)
{
    sorted_table *sorted = ldr_arena_array(arena, n_views + 1, sizeof *sorted);

    *tables = ldr_arena_array(arena, n_views + 1, sizeof **tables);
    *places = ldr_arena_array(arena, n_views + 1, sizeof **places);
    if (sorted == NULL || *tables == NULL || *places == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to read the ledger");
    for (size_t i = 0; i < n_views; i++)
        sorted[i] = (sorted_table){position_table(project, views[i]), i};
    qsort(sorted, n_views, sizeof *sorted, by_id);
    for (size_t i = 0; i < n_views; i++) {
        (*tables)[i] = sorted[i].id;
        (*places)[i] = sorted[i].place;
    }
    return LARDER_OK;
}

larder_status
ldr_positions_read(ldr_online *online, const larder_call *call,
    const char *project, const char *const *views, size_t n_views,
    ldr_position *out, larder_error *err)
{
    ldr_arena arena = {0};
    ldr_key key = {0};
    reading r = {.found = {read_row}, .positions = out};
    larder_table_id *tables;
    size_t *places;
    larder_want want = {.n_tables = n_views};
    larder_status rc;

    LARDER_TRY(
        sort_tables(project, views, n_views, &arena, &tables, &places, err));
    LARDER_TRY(layout_init(&r.layout, N_COLUMNS, &arena, err));
    LARDER_TRY(layout_init(&r.before, N_COLUMNS_BEFORE, &arena, err));
    LARDER_TRY(position_key(&key, err));
    for (size_t i = 0; i < n_views; i++)
        out[i] = (ldr_position){.until = LARDER_TIME_MIN,
            .newest_event = LARDER_TIME_MIN,
            .arrived = LARDER_TIME_MIN,
            .ran = LARDER_TIME_MIN};
    r.key = (larder_bytes){key.bytes, key.size};
    r.places = places;
    want.key = r.key;
    want.tables = tables;
    if (n_views > 0)
        rc = ldr_online_get(online, call, &want, 1, &r.found, err);
out:
    ldr_arena_free(&arena);
    return rc;
}

/* ---------------------------------------------------------------- watching */

larder_status
ldr_watch_init(ldr_watch *watch, const char *project, const char *const *views,
    size_t n_views, ldr_arena *arena, larder_error *err)
{
    size_t *places;
    larder_status rc;

    *watch = (ldr_watch){.n_views = n_views};
    watch->checksums =
        ldr_arena_array(arena, n_views + 1, sizeof *watch->checksums);
    if (watch->checksums == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to read the ledger");
    LARDER_TRY(position_key(&watch->key, err));
    LARDER_TRY(sort_tables(
        project, views, n_views, arena, &watch->tables, &places, err));
out:
    return rc;
}

typedef struct looking {
    larder_found found;
    ldr_watch *watch;
    size_t n_found;
    bool moved;
} looking;

static larder_status
look_at(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    looking *l = (looking *)self;
    uint64_t *checksum = &l->watch->checksums[table];

    (void)want;
    (void)err;
    l->moved = l->moved || *checksum != ldr_row_checksum(row);
    l->n_found++;
    *checksum = ldr_row_checksum(row);
    return LARDER_OK;
}

larder_status
ldr_watch_look(ldr_watch *watch, ldr_online *online, const larder_call *call,
    bool *moved, larder_error *err)
{
    looking l = {.found = {look_at}, .watch = watch};
    larder_want want = {.key = {watch->key.bytes, watch->key.size},
        .tables = watch->tables,
        .n_tables = watch->n_views};
    larder_status rc = LARDER_OK;

    if (watch->n_views > 0)
        rc = ldr_online_get(online, call, &want, 1, &l.found, err);
    if (rc != LARDER_OK)
        return rc;
    *moved = l.moved || l.n_found != watch->n_found;
    watch->n_found = l.n_found;
    return LARDER_OK;
}

/* ----------------------------------------------------------------- writing */

static larder_status
append_words(larder_batch *row, const ldr_position *position, larder_error *err)
{
    const char *const words[] = {[READ_HASH] = position->read.hash,
        [FILL_HASH] = position->fill.hash,
        [RUN] = position->run};
    const size_t places[] = {READ_HASH, FILL_HASH, RUN};
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *word = words[places[i]];

        LARDER_TRY(larder_column_append_text(
            &row->columns[places[i]], (larder_bytes){word, strlen(word)}, err));
    }
out:
    return rc;
}

static larder_status
append_old(larder_batch *row, const ldr_position *position, larder_error *err)
{
    larder_column items[3] = {{0}, {0}, {0}};
    const larder_type types[3] = {
        LARDER_STRING, LARDER_INT64, LARDER_TIMESTAMP};
    larder_status rc = LARDER_OK;

    for (size_t c = 0; c < 3; c++)
        LARDER_TRY(ldr_column_init(&items[c], types[c], err));
    for (size_t i = 0; i < position->n_old; i++) {
        const char *hash = position->old[i].hash;

        LARDER_TRY(larder_column_append_text(
            &items[0], (larder_bytes){hash, strlen(hash)}, err));
        LARDER_TRY(larder_column_append_integer(
            &items[1], (int64_t)position->old[i].number, err));
        LARDER_TRY(larder_column_append_integer(
            &items[2], position->replaced[i], err));
    }
    for (size_t c = 0; c < 3; c++) {
        larder_value list = {.type = fields[OLD_HASHES + c].type,
            .as.list = {&items[c], 0, position->n_old}};

        LARDER_TRY(
            larder_column_append(&row->columns[OLD_HASHES + c], &list, err));
    }
out:
    for (size_t c = 0; c < 3; c++)
        ldr_column_release(&items[c]);
    return rc;
}

static larder_status
append_numbers(
    larder_batch *row, const ldr_position *position, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(larder_column_append_integer(
        &row->columns[READ_NUMBER], (int64_t)position->read.number, err));
    LARDER_TRY(larder_column_append_integer(
        &row->columns[FILL_NUMBER], (int64_t)position->fill.number, err));
    LARDER_TRY(larder_column_append_integer(
        &row->columns[ARRIVAL], position->arrival, err));
    LARDER_TRY(larder_column_append_integer(
        &row->columns[UNTIL], position->until, err));
    LARDER_TRY(larder_column_append_integer(
        &row->columns[NEWEST_EVENT], position->newest_event, err));
    LARDER_TRY(larder_column_append_integer(
        &row->columns[ARRIVED], position->arrived, err));
    LARDER_TRY(
        larder_column_append_integer(&row->columns[RAN], position->ran, err));
out:
    return rc;
}

larder_status
ldr_position_put(const char *project, const char *view,
    const ldr_position *position, larder_time now, ldr_buffer *room,
    ldr_key *key, larder_put *out, uint64_t *checksum, larder_error *err)
{
    ldr_arena arena = {0};
    ldr_row_layout layout;
    larder_batch row = {0};
    const larder_column *columns[N_COLUMNS];
    larder_bytes key_bytes, bytes;
    larder_status rc;

    LARDER_TRY(layout_init(&layout, N_COLUMNS, &arena, err));
    LARDER_TRY(larder_batch_init(&row, &schema, err));
    LARDER_TRY(append_words(&row, position, err));
    LARDER_TRY(append_numbers(&row, position, err));
    LARDER_TRY(append_old(&row, position, err));
    LARDER_TRY(position_key(key, err));
    for (size_t i = 0; i < N_COLUMNS; i++)
        columns[i] = &row.columns[i];
    key_bytes = (larder_bytes){key->bytes, key->size};
    room->size = 0;
    LARDER_TRY(ldr_row_encode(
        &layout, key_bytes, now, LDR_NO_CREATED, columns, 0, room, err));
    bytes = (larder_bytes){room->data, room->size};
    *checksum = ldr_row_checksum(bytes);
    *out = (larder_put){.key = key_bytes,
        .table = position_table(project, view),
        .rule = LARDER_PUT_IF_MATCH,
        .expected = position->checksum,
        .row = bytes};
out:
    larder_batch_release(&row);
    ldr_arena_free(&arena);
    return rc;
}
