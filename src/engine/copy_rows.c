/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_rows.c - online rows of views on their way from one store to another.
 *
 * One pass over the source hands out the rows of all views. A plain row stands
 * in the target if it is newer. A derived one is put by compare-and-set: over
 * none, over one of an earlier version, and over another of the same version
 * only where both histories are the same. Another pass tells what the target
 * holds.
 */
#include "engine/copy_rows.h"

#include <stdlib.h>
#include <string.h>

#define SCAN_ROWS 4096u /* in one step */
#define FLUSH_BYTES ((size_t)16 << 20)
#define ROUNDS_MAX 10u

typedef ldr_copy_part part;
typedef ldr_copy_rows moving;

/* A row on its way, in `bytes`. */
typedef struct ldr_copy_entry {
    part *part;
    size_t key, n_key, row, n_row;
    bool found; /* the target has one: */
    uint64_t checksum;
    int version, order; /* of ours, compared with it */
} entry;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to copy online rows");
}

/* ------------------------------------------------------------- whole seconds
 */

larder_status
ldr_copy_part_floors(const ldr_copying *c, part *p, larder_error *err)
{
    size_t n = p->view->n_features;
    larder_field *fields;
    larder_type *types;
    larder_status rc = LARDER_OK;

    p->floors = c->to.online != NULL && p->view->window_us == 0 &&
                ldr_online_whole_seconds(c->to.online) &&
                !ldr_online_whole_seconds(c->from.online);
    if (!p->floors)
        return LARDER_OK;
    fields = ldr_arena_array(&p->arena, n + 1, sizeof *fields);
    types = ldr_arena_array(&p->arena, n + 1, sizeof *types);
    p->columns = ldr_arena_array(&p->arena, n + 1, sizeof *p->columns);
    if (fields == NULL || types == NULL || p->columns == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        types[i] = p->view->features[i].type;
        fields[i] = (larder_field){p->view->features[i].name, types[i]};
    }
    p->schema = (larder_schema){fields, n};
    LARDER_TRY(ldr_row_layout_init(&p->layout, types, n, &p->arena, err));
    p->layout.whole_seconds = true;
    LARDER_TRY(larder_batch_init(&p->values, &p->schema, err));
    for (size_t i = 0; i < n; i++)
        p->columns[i] = &p->values.columns[i];
out:
    return rc;
}

static larder_status
floor_row(part *p, larder_bytes key, larder_bytes *row, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_row_check(&p->layout, key, *row, err));
    larder_batch_clear(&p->values);
    for (size_t i = 0; i < p->schema.n_fields; i++)
        LARDER_TRY(
            ldr_row_read(&p->layout, *row, i, &p->values.columns[i], err));
    p->bytes.size = 0;
    LARDER_TRY(ldr_row_encode(&p->layout, key, ldr_row_event(*row),
        ldr_row_created(*row), p->columns, 0, &p->bytes, err));
    *row = (larder_bytes){p->bytes.data, p->bytes.size};
out:
    return rc;
}

void
ldr_copy_part_release(part *p)
{
    larder_batch_release(&p->values);
    ldr_buffer_free(&p->bytes);
    ldr_arena_free(&p->arena);
}

/* --------------------------------------------------------- what is there now
 */

static larder_bytes
key_of(const moving *m, const entry *e)
{
    return (larder_bytes){m->bytes.data + e->key, e->n_key};
}

static larder_bytes
row_of(const moving *m, const entry *e)
{
    return (larder_bytes){m->bytes.data + e->row, e->n_row};
}

typedef struct looking {
    larder_found found;
    const moving *m;
    entry **entries; /* of want i */
} looking;

static larder_status
look(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    looking *l = (looking *)self;
    entry *e = l->entries[want];
    larder_bytes ours = row_of(l->m, e);

    (void)table;
    if (row.size < LARDER_ROW_HEAD_BYTES)
        return larder_fail(err, LARDER_CORRUPT,
            "a row of feature view '%s' is too short to be one",
            e->part->view->about.name);
    e->found = true;
    e->checksum = ldr_row_checksum(row);
    e->version = memcmp(ours.data, row.data, LARDER_ROW_VERSION_BYTES);
    e->order = larder_row_compare(ours, row);
    return LARDER_OK;
}

/* What the target has of these entries of one view. */
static larder_status
look_up(moving *m, part *p, entry **entries, size_t n, larder_error *err)
{
    const ldr_copying *c = m->c;
    larder_want *wants = calloc(n + 1, sizeof *wants);
    looking l = {.found = {look}, .m = m, .entries = entries};
    larder_status rc = LARDER_OK;

    if (wants == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        entries[i]->found = false;
        wants[i] = (larder_want){.key = key_of(m, entries[i]),
            .tables = &p->table_to,
            .n_tables = 1};
    }
    if (n > 0 && c->to.online != NULL)
        rc = ldr_online_get(c->to.online, c->call, wants, n, &l.found, err);
    free(wants);
    return rc;
}

static bool
is_derived(const part *p)
{
    return p->view->window_us > 0;
}

static larder_status
look_up_all(moving *m, entry **pending, size_t n, larder_error *err)
{
    entry **some = calloc(n + 1, sizeof *some);
    larder_status rc = LARDER_OK;

    if (some == NULL)
        return no_memory(err);
    for (size_t i = 0; i < m->n_parts; i++) {
        part *p = &m->parts[i];
        size_t n_some = 0;

        if (!m->c->options->dry_run && !is_derived(p))
            continue;
        for (size_t e = 0; e < n; e++)
            if (pending[e]->part == p)
                some[n_some++] = pending[e];
        if (n_some > 0)
            LARDER_TRY(look_up(m, p, some, n_some, err));
    }
out:
    free(some);
    return rc;
}

/* ------------------------------------------------------------ rows to puts */

/* What a row that was looked for comes to. */
static larder_outcome
judge(const entry *e)
{
    if (!e->found)
        return LARDER_WRITTEN;
    if (e->order == 0)
        return LARDER_UNCHANGED;
    if (is_derived(e->part) && e->version == 0 && e->part->settled)
        return LARDER_WRITTEN;
    return e->order > 0 ? LARDER_WRITTEN : LARDER_OLDER;
}

static void
count(part *p, larder_outcome outcome)
{
    p->report->written += outcome == LARDER_WRITTEN;
    p->report->unchanged += outcome == LARDER_UNCHANGED;
    p->report->older += outcome == LARDER_OLDER;
}

/* Those that need no put, or that a dry run does not make, are counted. */
static size_t
make_puts(moving *m, entry **pending, size_t n, larder_put *puts)
{
    size_t n_puts = 0;

    for (size_t i = 0; i < n; i++) {
        entry *e = pending[i];
        bool judged = is_derived(e->part) || m->c->options->dry_run;
        larder_outcome outcome = judged ? judge(e) : LARDER_WRITTEN;

        if (outcome != LARDER_WRITTEN || m->c->options->dry_run) {
            count(e->part, outcome);
            continue;
        }
        puts[n_puts] = (larder_put){.key = key_of(m, e),
            .table = e->part->table_to,
            .rule = judged ? LARDER_PUT_IF_MATCH : LARDER_PUT_NEWEST,
            .expected = judged && e->found ? e->checksum : 0,
            .row = row_of(m, e)};
        pending[n_puts++] = e;
    }
    return n_puts;
}

/* Those that somebody else was faster with stay, and are told by *n. */
static larder_status
put_rows(moving *m, entry **pending, size_t *n, larder_put *puts,
    larder_outcome *outcomes, larder_error *err)
{
    const ldr_copying *c = m->c;
    size_t n_again = 0;
    larder_status rc =
        ldr_online_put(c->to.online, c->call, puts, *n, outcomes, err);

    if (rc != LARDER_OK)
        return rc;
    for (size_t i = 0; i < *n; i++) {
        entry *e = pending[i];

        if (outcomes[i] == LARDER_MISMATCH) {
            pending[n_again++] = e;
            continue;
        }
        count(e->part, outcomes[i]);
        e->part->replaced =
            e->part->replaced || (is_derived(e->part) && e->found);
    }
    *n = n_again;
    return LARDER_OK;
}

static larder_status
put_pending(moving *m, entry **pending, size_t n, larder_put *puts,
    larder_outcome *outcomes, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (unsigned round = 0; n > 0; round++) {
        if (round == ROUNDS_MAX)
            return larder_fail(err, LARDER_BUSY,
                "others write the same rows of feature view '%s'",
                pending[0]->part->view->about.name);
        LARDER_TRY(look_up_all(m, pending, n, err));
        n = make_puts(m, pending, n, puts);
        if (n > 0)
            LARDER_TRY(put_rows(m, pending, &n, puts, outcomes, err));
    }
out:
    return rc;
}

static larder_status
flush(moving *m, larder_error *err)
{
    size_t n = m->n_entries;
    entry **pending = calloc(n + 1, sizeof *pending);
    larder_put *puts = calloc(n + 1, sizeof *puts);
    larder_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
    larder_status rc;

    if (pending == NULL || puts == NULL || outcomes == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        pending[i] = &m->entries[i];
    LARDER_TRY(larder_call_check(m->c->call, err));
    LARDER_TRY(
        ldr_copy_of_to(put_pending(m, pending, n, puts, outcomes, err), err));
    m->n_entries = 0;
    m->bytes.size = 0;
out:
    free(pending);
    free(puts);
    free(outcomes);
    return rc;
}

/* ------------------------------------------------------------------ passes */

typedef struct pass {
    larder_each each;
    moving *m;
    unsigned char key[LARDER_KEY_MAX];
    size_t n_key;
    larder_table_id table;
} pass;

static part *
find_part(const moving *m, const larder_table_id *table, bool of_target)
{
    for (size_t low = 0, high = m->n_moving; low < high;) {
        size_t middle = low + (high - low) / 2;
        part *p = m->by_table[middle];
        int order = memcmp(
            of_target ? &p->table_to : &p->table_from, table, sizeof *table);

        if (order == 0)
            return p;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void
remember(pass *p, larder_bytes key, larder_table_id table)
{
    memcpy(p->key, key.data, key.size);
    p->n_key = key.size;
    p->table = table;
}

static larder_status
add_entry(
    moving *m, part *p, larder_bytes key, larder_bytes row, larder_error *err)
{
    size_t room = m->room == 0 ? 1024 : m->room * 2;
    entry *entries = m->entries;
    larder_status rc;

    if (m->n_entries == m->room) {
        entries = realloc(entries, room * sizeof *entries);
        if (entries == NULL)
            return no_memory(err);
        m->entries = entries;
        m->room = room;
    }
    LARDER_TRY(ldr_buffer_reserve(&m->bytes, key.size + row.size, err));
    entries[m->n_entries++] = (entry){.part = p,
        .key = m->bytes.size,
        .n_key = key.size,
        .row = m->bytes.size + key.size,
        .n_row = row.size};
    memcpy(m->bytes.data + m->bytes.size, key.data, key.size);
    memcpy(m->bytes.data + m->bytes.size + key.size, row.data, row.size);
    m->bytes.size += key.size + row.size;
out:
    return rc;
}

/* The target is another store, so that rows may go there from in here. */
static larder_status
take_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    pass *s = (pass *)self;
    moving *m = s->m;
    part *p = find_part(m, &table, false);
    larder_status rc = LARDER_OK;

    remember(s, key, table);
    if (p == NULL) /* of a build that is not read, or the ledger's */
        return LARDER_OK;
    if (row.size < LARDER_ROW_HEAD_BYTES)
        return larder_fail(err, LARDER_CORRUPT,
            "a row of feature view '%s' is too short to be one",
            p->view->about.name);
    if (p->floors)
        LARDER_TRY(floor_row(p, key, &row, err));
    p->report->read++;
    m->n_read++;
    ldr_tally_bytes(&p->tally_from, key, row);
    LARDER_TRY(add_entry(m, p, key, row, err));
    if (m->n_entries >= (m->n_rows == 0 ? SCAN_ROWS : m->n_rows) ||
        m->bytes.size >= FLUSH_BYTES)
        rc = flush(m, err);
out:
    return rc;
}

static larder_status
hold_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    pass *s = (pass *)self;
    part *p = find_part(s->m, &table, true);

    (void)err;
    remember(s, key, table);
    if (p != NULL)
        ldr_tally_bytes(&p->tally_to, key, row);
    return LARDER_OK;
}

static void
tell_progress(const moving *m, const char *what)
{
    const larder_call *call = m->c->call;
    larder_progress progress = {.what = what, .done = m->n_read};

    if (call->progress != NULL)
        call->progress(call->context, &progress);
}

static int
compare_from(const void *a, const void *b)
{
    const part *const *x = a, *const *y = b;

    return memcmp(
        &(*x)->table_from, &(*y)->table_from, sizeof(larder_table_id));
}

static int
compare_to(const void *a, const void *b)
{
    const part *const *x = a, *const *y = b;

    return memcmp(&(*x)->table_to, &(*y)->table_to, sizeof(larder_table_id));
}

/* All rows of one side, some at a time. */
static larder_status
scan(
    moving *m, ldr_online *online, pass *p, const char *what, larder_error *err)
{
    bool more = true;
    larder_status rc = LARDER_OK;

    while (more) {
        larder_bytes after = {p->key, p->n_key};
        unsigned char key[LARDER_KEY_MAX];
        larder_table_id table = p->table;

        memcpy(key, p->key, p->n_key);
        after.data = key;
        LARDER_TRY(ldr_online_scan(online, m->c->call,
            p->n_key == 0 ? NULL : &after, p->n_key == 0 ? NULL : &table,
            SCAN_ROWS, &p->each, &more, err));
        LARDER_TRY(larder_call_check(m->c->call, err));
        tell_progress(m, what);
    }
out:
    return rc;
}

larder_status
ldr_copy_rows_move(moving *m, larder_error *err)
{
    pass p = {.each = {take_row}, .m = m};
    larder_status rc;

    qsort(m->by_table, m->n_moving, sizeof(part *), compare_from);
    LARDER_TRY(ldr_copy_of_from(
        scan(m, m->c->from.online, &p, "copying online rows", err), err));
    rc = flush(m, err);
out:
    return rc;
}

larder_status
ldr_copy_rows_look(moving *m, larder_error *err)
{
    pass p = {.each = {hold_row}, .m = m};

    if (m->c->to.online == NULL)
        return LARDER_OK;
    qsort(m->by_table, m->n_moving, sizeof(part *), compare_to);
    return ldr_copy_of_to(
        scan(m, m->c->to.online, &p, "comparing online rows", err), err);
}

void
ldr_copy_rows_release(moving *m)
{
    for (size_t i = 0; m->parts != NULL && i < m->n_parts; i++)
        ldr_copy_part_release(&m->parts[i]);
    ldr_buffer_free(&m->bytes);
    free(m->entries);
    free(m->parts);
    free(m->by_table);
}
