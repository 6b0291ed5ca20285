/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gathering.c - one key's events, from its rows of history.
 *
 * Takes:  the rows newest first; those tied on event and created time in any
 *         order.
 * Gives:  the events in ascending R3 order, corrections settled, filters
 *         evaluated: the same whatever order the tied rows came in.
 * Knows:  batches and the plan of events.c; not stores, not the moments that
 *         are asked for.
 */
#include "engine/events.h"

#include <assert.h>
#include <stdlib.h>

#include "data/batch.h"
#include "data/column.h"
#include "data/schema.h"

/* Columns of the rows as they are gathered. */
enum { EVENT, CREATED, FIRST_SCANNED };

static larder_status
no_memory(const ldr_view *view, larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM,
        "out of memory for the events of feature view '%s'", view->about.name);
}

/* ----------------------------------------------------------- the gathering */

/* One of several rows tied on event and created time. */
typedef struct tied {
    size_t row;
    size_t begin, middle, end;  /* of its bytes, by the view's columns and by
                                 * all that is read */
    const unsigned char *bytes; /* of all rows */
} tied;

/* One of several rows of one event time. */
typedef struct version {
    const ldr_gathering *gathering;
    size_t row;
    size_t place; /* in R3's order */
} version;

struct ldr_gathering {
    const ldr_event_plan *plan;
    ldr_arena arena;
    larder_schema schema; /* of rows: event, created, scanned */
    larder_batch rows;    /* as they came */
    larder_batch passed;  /* a bool column a filter: of the first n_rows rows */
    larder_schema passed_schema;
    const larder_column **columns; /* what filters read, per filter column */
    const larder_column **scanned; /* what a row is encoded from */
    const larder_column **ties;    /* ... by the view's columns */
    ldr_expression_room *room;
    larder_batch events;
    size_t *order; /* rows, in the order of events */
    size_t n_order, room_order;
    tied *tied;
    size_t room_tied;
    version *versions;
    size_t room_versions;
    ldr_buffer encoded;
};

static larder_status
gathering_init(ldr_gathering *g, larder_error *err)
{
    const ldr_event_plan *plan = g->plan;
    size_t n = plan->n_scanned, n_named = plan->view->filter_columns.n_fields;
    size_t n_ties = plan->tie_layout.n_columns;
    larder_field *fields =
        ldr_arena_array(&g->arena, FIRST_SCANNED + n, sizeof *fields);
    larder_status rc;

    g->columns = ldr_arena_array(&g->arena, n_named + 1, sizeof *g->columns);
    g->scanned = ldr_arena_array(&g->arena, n + 1, sizeof *g->scanned);
    g->ties = ldr_arena_array(&g->arena, n_ties + 1, sizeof *g->ties);
    if (fields == NULL || g->columns == NULL || g->scanned == NULL ||
        g->ties == NULL)
        return no_memory(plan->view, err);
    fields[EVENT] = (larder_field){"event", LARDER_TIMESTAMP};
    fields[CREATED] = (larder_field){"created", LARDER_TIMESTAMP};
    for (size_t i = 0; i < n; i++)
        fields[FIRST_SCANNED + i] = plan->scanned[i];
    g->schema = (larder_schema){fields, FIRST_SCANNED + n};
    g->passed_schema = (larder_schema){
        plan->schema.fields + 1 + plan->n_values, plan->n_filters};
    LARDER_TRY(larder_batch_init(&g->rows, &g->schema, err));
    LARDER_TRY(larder_batch_init(&g->passed, &g->passed_schema, err));
    LARDER_TRY(larder_batch_init(&g->events, &plan->schema, err));
    for (size_t i = 0; i < n; i++)
        g->scanned[i] = &g->rows.columns[FIRST_SCANNED + i];
    for (size_t i = 0; i < n_ties; i++)
        g->ties[i] = plan->tie_from[i] == LDR_NO_COLUMN
                         ? &g->rows.columns[EVENT]
                         : g->scanned[plan->tie_from[i]];
    for (size_t i = 0; i < n_named; i++)
        g->columns[i] = plan->filter_from[i] == LDR_NO_COLUMN
                            ? NULL
                            : g->scanned[plan->filter_from[i]];
out:
    return rc;
}

larder_status
ldr_gathering_new(
    const ldr_event_plan *plan, ldr_gathering **out, larder_error *err)
{
    ldr_gathering *g = calloc(1, sizeof *g);
    larder_status rc;

    if (g == NULL)
        return no_memory(plan->view, err);
    g->plan = plan;
    rc = gathering_init(g, err);
    if (rc != LARDER_OK)
        ldr_gathering_free(g);
    else
        *out = g;
    return rc;
}

void
ldr_gathering_free(ldr_gathering *gathering)
{
    if (gathering == NULL)
        return;
    larder_batch_release(&gathering->rows);
    larder_batch_release(&gathering->passed);
    larder_batch_release(&gathering->events);
    ldr_expression_room_free(gathering->room);
    ldr_buffer_free(&gathering->encoded);
    free(gathering->order);
    free(gathering->tied);
    free(gathering->versions);
    ldr_arena_free(&gathering->arena);
    free(gathering);
}

void
ldr_gathering_start(ldr_gathering *gathering)
{
    larder_batch_clear(&gathering->rows);
    larder_batch_clear(&gathering->passed);
}

larder_status
ldr_gathering_add(ldr_gathering *gathering, const larder_batch *batch,
    size_t first, size_t row, larder_error *err)
{
    return ldr_gathering_add_rows(gathering, batch, first, row, 1, err);
}

larder_status
ldr_gathering_add_rows(ldr_gathering *gathering, const larder_batch *batch,
    size_t first, size_t row, size_t n_rows, larder_error *err)
{
    larder_batch *rows = &gathering->rows;
    larder_status rc = LARDER_OK;

    assert(batch->schema->n_fields >= first + rows->schema->n_fields);
    for (size_t i = 0; i < rows->schema->n_fields; i++)
        LARDER_TRY(ldr_column_copy(
            &rows->columns[i], &batch->columns[first + i], row, n_rows, err));
    rows->n_rows += n_rows;
out:
    return rc;
}

size_t
ldr_gathering_count(const ldr_gathering *gathering)
{
    return gathering->rows.n_rows;
}

static bool
is_known(const ldr_gathering *g, size_t row, larder_time known_by)
{
    const larder_column *created = &g->rows.columns[CREATED];

    return known_by == LARDER_TIME_MAX ||
           (!ldr_column_is_null(created, row) &&
               ((const larder_time *)created->values)[row] <= known_by);
}

size_t
ldr_gathering_known(const ldr_gathering *gathering, larder_time known_by)
{
    size_t n = 0;

    for (size_t row = 0; row < gathering->rows.n_rows; row++)
        n += is_known(gathering, row, known_by);
    return n;
}

/* ---------------------------------------------------------------- the order */

/* An array of at least n items; what it held is lost. */
static void *
roomy(void *array, size_t *room, size_t n, size_t item)
{
    if (n <= *room)
        return array;
    free(array);
    n += n / 2;
    array = n > SIZE_MAX / 2 / item ? NULL : malloc(n * item);
    *room = array == NULL ? 0 : n;
    return array;
}

static larder_time
event_of(const ldr_gathering *g, size_t row)
{
    return ((const larder_time *)g->rows.columns[EVENT].values)[row];
}

static bool
same_created(const ldr_gathering *g, size_t a, size_t b)
{
    const larder_column *created = &g->rows.columns[CREATED];
    bool null_a = ldr_column_is_null(created, a);
    bool null_b = ldr_column_is_null(created, b);
    const larder_time *times = created->values;

    return null_a || null_b ? null_a == null_b : times[a] == times[b];
}

static int
compare_tied(const void *a, const void *b)
{
    const tied *x = a, *y = b;
    int order = larder_row_compare(
        (larder_bytes){x->bytes + x->begin, x->middle - x->begin},
        (larder_bytes){y->bytes + y->begin, y->middle - y->begin});

    if (order != 0)
        return order;
    return larder_row_compare(
        (larder_bytes){x->bytes + x->middle, x->end - x->middle},
        (larder_bytes){y->bytes + y->middle, y->end - y->middle});
}

static larder_status
encode_tied(ldr_gathering *g, tied *one, larder_error *err)
{
    const ldr_event_plan *plan = g->plan;
    larder_status rc;

    one->begin = g->encoded.size;
    if (plan->tie_from != NULL)
        LARDER_TRY(ldr_row_encode(&plan->tie_layout, (larder_bytes){0},
            LARDER_TIME_MIN, LDR_NO_CREATED, g->ties, one->row, &g->encoded,
            err));
    one->middle = g->encoded.size;
    LARDER_TRY(ldr_row_encode(&plan->layout, (larder_bytes){0}, LARDER_TIME_MIN,
        LDR_NO_CREATED, g->scanned, one->row, &g->encoded, err));
    one->end = g->encoded.size;
out:
    return rc;
}

/* R3's third step for rows order[first, end). Rows of equal bytes are equal. */
static larder_status
order_tied(ldr_gathering *g, size_t first, size_t end, larder_error *err)
{
    size_t n = end - first;
    larder_status rc = LARDER_OK;

    g->tied = roomy(g->tied, &g->room_tied, n, sizeof *g->tied);
    if (g->tied == NULL)
        return no_memory(g->plan->view, err);
    g->encoded.size = 0;
    for (size_t i = 0; i < n; i++) {
        g->tied[i] = (tied){.row = g->order[first + i]};
        LARDER_TRY(encode_tied(g, &g->tied[i], err));
    }
    for (size_t i = 0; i < n; i++)
        g->tied[i].bytes = g->encoded.data;
    qsort(g->tied, n, sizeof *g->tied, compare_tied);
    for (size_t i = 0; i < n; i++)
        g->order[first + i] = g->tied[i].row;
out:
    return rc;
}

/* Known rows in ascending order. */
static larder_status
order_rows(ldr_gathering *g, larder_time known_by, larder_error *err)
{
    larder_status rc = LARDER_OK;

    g->n_order = 0;
    g->order =
        roomy(g->order, &g->room_order, g->rows.n_rows + 1, sizeof *g->order);
    if (g->order == NULL)
        return no_memory(g->plan->view, err);
    for (size_t row = g->rows.n_rows; row-- > 0;)
        if (is_known(g, row, known_by))
            g->order[g->n_order++] = row;
    for (size_t first = 0, end; first < g->n_order; first = end) {
        size_t row = g->order[first];

        for (end = first + 1; end < g->n_order; end++)
            if (event_of(g, g->order[end]) != event_of(g, row) ||
                !same_created(g, g->order[end], row))
                break;
        if (end - first > 1)
            LARDER_TRY(order_tied(g, first, end, err));
    }
out:
    return rc;
}

/* ----------------------------------------------------------- the corrections
 */

static int
order_in_replaced(const ldr_gathering *g, size_t a, size_t b)
{
    const ldr_event_plan *plan = g->plan;
    int order = 0;

    for (size_t i = 0; i < plan->n_replace_on && order == 0; i++) {
        const larder_column *column = g->scanned[plan->replace_on[i]];
        larder_value x = larder_column_value(column, a);
        larder_value y = larder_column_value(column, b);

        order = ldr_value_order(&x, &y);
    }
    return order;
}

static int
compare_versions(const void *a, const void *b)
{
    const version *x = a, *y = b;
    int order = order_in_replaced(x->gathering, x->row, y->row);

    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int
compare_places(const void *a, const void *b)
{
    const version *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

/* Of rows order[first, end), all of one event time, the last of each event;
 * they move to `to`. Gives where the next go. */
static larder_status
keep_greatest(
    ldr_gathering *g, size_t first, size_t end, size_t *to, larder_error *err)
{
    size_t n = end - first, n_kept = 0;
    version *versions =
        roomy(g->versions, &g->room_versions, n, sizeof *g->versions);

    g->versions = versions;
    if (versions == NULL)
        return no_memory(g->plan->view, err);
    for (size_t i = 0; i < n; i++)
        versions[i] = (version){g, g->order[first + i], i};
    qsort(versions, n, sizeof *versions, compare_versions);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n ||
            order_in_replaced(g, versions[i].row, versions[i + 1].row) != 0)
            versions[n_kept++] = versions[i];
    qsort(versions, n_kept, sizeof *versions, compare_places);
    for (size_t i = 0; i < n_kept; i++)
        g->order[(*to)++] = versions[i].row;
    return LARDER_OK;
}

static larder_status
settle_versions(ldr_gathering *g, larder_error *err)
{
    size_t to = 0;
    larder_status rc = LARDER_OK;

    if (!g->plan->view->source->has_replace_on)
        return LARDER_OK;
    for (size_t first = 0, end; first < g->n_order; first = end) {
        larder_time event = event_of(g, g->order[first]);

        for (end = first + 1; end < g->n_order; end++)
            if (event_of(g, g->order[end]) != event)
                break;
        if (end - first == 1)
            g->order[to++] = g->order[first];
        else
            LARDER_TRY(keep_greatest(g, first, end, &to, err));
    }
    g->n_order = to;
out:
    return rc;
}

/* ---------------------------------------------------------------- the events
 */

/* Filters depend on a row alone: each is asked once. */
static larder_status
filter_rows(ldr_gathering *g, larder_error *err)
{
    uint64_t n_made_null = 0;
    larder_status rc = LARDER_OK;

    for (size_t f = 0; f < g->plan->n_filters; f++)
        LARDER_TRY(ldr_expression_evaluate(g->plan->filters[f], g->columns,
            g->passed.n_rows, g->rows.n_rows, &g->room, &g->passed.columns[f],
            &n_made_null, err));
    g->passed.n_rows = g->rows.n_rows;
out:
    return rc;
}

larder_status
ldr_gathering_finish(ldr_gathering *gathering, larder_time known_by,
    ldr_events *out, larder_error *err)
{
    ldr_gathering *g = gathering;
    const ldr_event_plan *plan = g->plan;
    larder_column *columns = g->events.columns;
    larder_status rc;

    LARDER_TRY(order_rows(g, known_by, err));
    LARDER_TRY(settle_versions(g, err));
    LARDER_TRY(filter_rows(g, err));
    larder_batch_clear(&g->events);
    LARDER_TRY(ldr_column_gather(
        &columns[0], &g->rows.columns[EVENT], g->order, g->n_order, err));
    for (size_t i = 0; i < plan->n_values; i++)
        LARDER_TRY(ldr_column_gather(
            &columns[1 + i], g->scanned[i], g->order, g->n_order, err));
    for (size_t f = 0; f < plan->n_filters; f++)
        LARDER_TRY(ldr_column_gather(&columns[1 + plan->n_values + f],
            &g->passed.columns[f], g->order, g->n_order, err));
    g->events.n_rows = g->n_order;
    *out = (ldr_events){&g->events, 0, g->n_order, 0};
out:
    return rc;
}

const size_t *
ldr_gathering_order(const ldr_gathering *gathering)
{
    return gathering->order;
}

/* ------------------------------------------------------------------ at once
 */

/* Without filters only rows of one event time are more than turned round. */
static bool
is_plain(const ldr_event_plan *plan, const larder_time *events, size_t n)
{
    bool plain = plan->n_filters == 0;

    for (size_t i = 1; i < n && plain; i++)
        plain = events[i] != events[i - 1];
    return plain;
}

/* Append n rows from `row` on, the last first. */
static larder_status
turn_column(ldr_gathering *g, larder_column *to, const larder_column *from,
    size_t row, size_t n, larder_error *err)
{
    const uint64_t *last = (const uint64_t *)from->values + row + n - 1;
    larder_status rc;
    uint64_t *words;

    if (from->n_nulls != 0 || ldr_type_width(from->type) != 8) {
        for (size_t i = 0; i < n; i++)
            g->order[i] = row + n - 1 - i;
        return ldr_column_gather(to, from, g->order, n, err);
    }
    LARDER_TRY(ldr_column_grow_rows(to, n, err));
    words = (uint64_t *)to->values + to->n_rows;
    for (size_t i = 0; i < n; i++)
        words[i] = *(last - i);
    for (size_t i = 0; to->valid != NULL && i < n; i++)
        ldr_bit_set(to->valid, to->n_rows + i, true);
    to->n_rows += n;
out:
    return rc;
}

larder_status
ldr_gathering_take(ldr_gathering *gathering, const larder_batch *batch,
    size_t first, size_t row, size_t n_rows, ldr_events *out, larder_error *err)
{
    ldr_gathering *g = gathering;
    const larder_column *from = &batch->columns[first];
    const larder_time *events = from[EVENT].values;
    larder_column *to = g->events.columns;
    larder_status rc;

    if (!is_plain(g->plan, events + row, n_rows)) {
        ldr_gathering_start(g);
        LARDER_TRY(ldr_gathering_add_rows(g, batch, first, row, n_rows, err));
        return ldr_gathering_finish(g, LARDER_TIME_MAX, out, err);
    }
    g->order = roomy(g->order, &g->room_order, n_rows + 1, sizeof *g->order);
    if (g->order == NULL)
        return no_memory(g->plan->view, err);
    larder_batch_clear(&g->events);
    LARDER_TRY(turn_column(g, &to[0], &from[EVENT], row, n_rows, err));
    for (size_t i = 0; i < g->plan->n_values; i++)
        LARDER_TRY(turn_column(
            g, &to[1 + i], &from[FIRST_SCANNED + i], row, n_rows, err));
    g->events.n_rows = n_rows;
    *out = (ldr_events){&g->events, 0, n_rows, 0};
out:
    return rc;
}
