/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed.c - a view's windowed features for one chunk of a spine.
 *
 * Each thread has a range of keys. It asks history for the rows of them that
 * their windows reach, and one row before those, which says whether the key was
 * there at all; then walks rows and spine together, one key at a time.
 *
 * Takes:  the spine in the order of history, cut by shares.c.
 * Gives:  one row of answers per spine row whose key has history.
 * Knows:  stores by their scan; what a window means is window.c's.
 * Memory: the events of one key, a batch of history, the answers.
 */
#include "engine/windowed.h"

#include <stdlib.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/stream.h"
#include "engine/shares.h"

/* Keys between two looks at the caller's wish to stop. */
#define CHECK_EVERY 256u

/* Spine rows whose answers' numbers are called up before they are written: they
 * lie anywhere in the chunk. */
#define AHEAD 16u

/* The work of one part. */
typedef struct meeting {
    const ldr_answering *answering;
    const ldr_event_plan *plan;
    unsigned part;
    size_t n_keys;         /* columns of a key */
    larder_batch spine;    /* keys and moments, in order */
    const size_t *rows;    /* of the chunk, for each row of the spine */
    size_t *answers;       /* of the chunk */
    size_t *firsts;        /* spine row of each key's first moment; the end */
    size_t n_distinct;     /* keys */
    larder_schema schema;  /* of keys */
    larder_batch keys;     /* each key once */
    larder_time *earliest; /* event times that matter to each key ... */
    larder_time *latest;   /* ... both included */
    larder_time *from;     /* where its scan begins */
    larder_stream stream;
    ldr_cursor history;
    ldr_gathering *gathering;
    ldr_windows *windows;
    /* The rows of the key at hand: where all lie in one batch of history they
     * are not gathered, and can be looked at until the key is answered. */
    bool reached; /* a row before all windows is among them */
    size_t lent, n_lent;
    /* As known: how many more rows than at the moment before are events that
     * are not known yet; and the moments that are answered together. */
    int64_t *waiting;
    larder_time *times;
    size_t *asked;           /* chunk rows of these moments */
    larder_batch made;       /* what is not packed: one column per window */
    larder_column **columns; /* these */
    ldr_asof_result *result;
} meeting;

static larder_status
no_memory(const meeting *m, larder_error *err)
{
    return larder_fail(
        err, LARDER_NOMEM, "no memory for %zu spine rows", m->spine.n_rows);
}

/* ----------------------------------------------------------- the spine's keys
 */

/* The row from which on a column differs from what it has at `row`. */
static size_t
end_of_run(const larder_column *column, size_t row, size_t end)
{
    size_t i = row + 1;

    if (column->n_nulls == 0 &&
        (column->type == LARDER_INT64 || column->type == LARDER_TIMESTAMP)) {
        const int64_t *values = column->values;

        while (i < end && values[i] == values[row])
            i++;
    } else {
        larder_value first = larder_column_value(column, row), value;

        for (; i < end; i++) {
            value = larder_column_value(column, i);
            if (!ldr_value_same(&first, &value))
                break;
        }
    }
    return i;
}

static size_t
end_of_key(const larder_batch *batch, size_t n_keys, size_t row)
{
    size_t end = batch->n_rows;

    for (size_t k = 0; k < n_keys; k++)
        end = end_of_run(&batch->columns[k], row, end);
    return end;
}

static const larder_time *
moments_of(const meeting *m)
{
    return m->spine.columns[m->n_keys].values;
}

/* Where each key begins, and which events matter to it. Of rows that may not be
 * known yet none says alone that the key is there, so all are asked for. */
static larder_status
list_keys(meeting *m, larder_error *err)
{
    size_t n = m->spine.n_rows, first = 0;
    const larder_time *moments = moments_of(m);
    bool as_known = m->answering->options->as_known;

    m->firsts = malloc((n + 1) * sizeof *m->firsts);
    m->earliest = malloc(n * sizeof *m->earliest);
    m->latest = malloc(n * sizeof *m->latest);
    m->from = malloc(n * sizeof *m->from);
    if (m->firsts == NULL || m->earliest == NULL || m->latest == NULL ||
        m->from == NULL)
        return no_memory(m, err);
    while (first < n) {
        size_t end = end_of_key(&m->spine, m->n_keys, first);
        size_t k = m->n_distinct++;

        m->firsts[k] = first;
        m->earliest[k] = ldr_time_minus(moments[first], m->plan->span_us);
        m->latest[k] = moments[end - 1];
        m->from[k] = as_known ? LARDER_TIME_MIN : m->earliest[k];
        first = end;
    }
    m->firsts[m->n_distinct] = n;
    return LARDER_OK;
}

static larder_status
list_waiting(meeting *m, larder_error *err)
{
    size_t n = m->spine.n_rows;

    if (!m->answering->options->as_known)
        return LARDER_OK;
    m->waiting = calloc(n, sizeof *m->waiting);
    m->times = malloc(n * sizeof *m->times);
    m->asked = malloc(n * sizeof *m->asked);
    return m->waiting == NULL || m->times == NULL || m->asked == NULL
               ? no_memory(m, err)
               : LARDER_OK;
}

static larder_status
gather_keys(meeting *m, larder_error *err)
{
    larder_status rc;

    m->schema = (larder_schema){m->spine.schema->fields, m->n_keys};
    LARDER_TRY(larder_batch_init(&m->keys, &m->schema, err));
    for (size_t k = 0; k < m->n_keys; k++)
        LARDER_TRY(ldr_column_gather(&m->keys.columns[k], &m->spine.columns[k],
            m->firsts, m->n_distinct, err));
    m->keys.n_rows = m->n_distinct;
out:
    return rc;
}

/* ------------------------------------------------------------------ history */

static larder_status
open_history(meeting *m, larder_error *err)
{
    const ldr_answering *a = m->answering;
    larder_scan scan = {.table = &a->table,
        .key = a->view->scan_keys,
        .n_key = m->n_keys,
        .columns = m->plan->scanned,
        .n_columns = m->plan->n_scanned,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MIN,
        .order = LARDER_ORDER_NEWEST_FIRST};
    larder_status rc;

    for (size_t k = 0; k < m->n_distinct; k++)
        if (m->latest[k] > scan.to)
            scan.to = m->latest[k];
    if (m->n_keys > 0) { /* the one key of an entityless view has no columns */
        scan.keys = &m->keys;
        scan.keys_from = m->from;
        scan.keys_to = m->latest;
        scan.one_before = true;
    }
    LARDER_TRY(
        ldr_offline_scan(a->offline, m->part, a->call, &scan, &m->stream, err));
    LARDER_TRY(ldr_cursor_start(&m->history, &m->stream, err));
out:
    return rc;
}

/* Two values of a key's column: <0, 0, >0; null is least. */
static int
order_of_parts(
    const larder_column *a, size_t row_a, const larder_column *b, size_t row_b)
{
    if (a->type == LARDER_INT64 && a->n_nulls == 0) {
        int64_t x = ((const int64_t *)a->values)[row_a];
        int64_t y = ((const int64_t *)b->values)[row_b];

        return (x > y) - (x < y);
    } else {
        larder_value x = larder_column_value(a, row_a);
        larder_value y = larder_column_value(b, row_b);

        return ldr_value_order(&x, &y);
    }
}

/* The current row of history and a key. */
static int
history_order(const meeting *m, size_t key)
{
    int order = 0;

    for (size_t k = 0; k < m->n_keys && order == 0; k++)
        order = order_of_parts(&m->history.batch.columns[k], m->history.row,
            &m->keys.columns[k], key);
    return order;
}

/* On to row `row` of the batch, or into the next one. */
static larder_status
go_on(meeting *m, size_t row, larder_error *err)
{
    m->history.row = row - 1;
    return ldr_cursor_next(&m->history, err);
}

static const larder_time *
history_times(const meeting *m, size_t which)
{
    return m->history.batch.columns[m->n_keys + which].values;
}

/* The first row of [row, end), newest first, that is before t. */
static size_t
first_before(const larder_time *events, size_t row, size_t end, larder_time t)
{
    while (row < end) {
        size_t middle = row + (end - row) / 2;

        if (events[middle] < t)
            end = middle;
        else
            row = middle + 1;
    }
    return row;
}

/* Of rows [row, end) of the batch, of one key, those that matter: of those
 * before all its windows one is enough. */
static void
find_run(meeting *m, size_t key, size_t *row, size_t *end)
{
    const larder_time *events = history_times(m, 0);
    size_t inside;

    *row = first_before(events, *row, *end, m->latest[key] + 1);
    inside = first_before(events, *row, *end, m->earliest[key]);
    if (inside < *end && !m->reached) {
        m->reached = true;
        inside++;
    }
    *end = inside;
}

static larder_status
add_run(meeting *m, size_t key, size_t row, size_t end, larder_error *err)
{
    find_run(m, key, &row, &end);
    if (end == row)
        return LARDER_OK;
    return ldr_gathering_add_rows(
        m->gathering, &m->history.batch, m->n_keys, row, end - row, err);
}

/* The first moment of a key that is not before t, as a spine row. */
static size_t
first_moment(const meeting *m, size_t key, larder_time t)
{
    const larder_time *moments = moments_of(m);
    size_t low = m->firsts[key], high = m->firsts[key + 1];

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (moments[middle] >= t)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* From its event on until it is known a row waits. */
static void
note_waiting(meeting *m, size_t key, larder_time event, larder_time created)
{
    size_t end = m->firsts[key + 1];
    size_t from = first_moment(m, key, event);
    size_t to = first_moment(m, key, created);

    if (from >= to)
        return;
    m->waiting[from]++;
    if (to < end)
        m->waiting[to]--;
}

/* The same where rows count only once they are known. */
static larder_status
add_known(meeting *m, size_t key, size_t row, size_t end, larder_error *err)
{
    const larder_column *created = &m->history.batch.columns[m->n_keys + 1];
    const larder_time *events = history_times(m, 0);
    const larder_time *times = created->values;
    larder_time first = moments_of(m)[m->firsts[key]];
    larder_status rc = LARDER_OK;

    row = first_before(events, row, end, m->latest[key] + 1);
    for (; row < end && !m->reached; row++) {
        if (ldr_column_is_null(created, row) || times[row] > m->latest[key])
            continue;
        LARDER_TRY(ldr_gathering_add(
            m->gathering, &m->history.batch, m->n_keys, row, err));
        note_waiting(m, key, events[row], times[row]);
        m->reached = events[row] < m->earliest[key] && times[row] <= first;
    }
out:
    return rc;
}

/* Past the keys before this one. *found: history stands at its first row. */
static larder_status
find_key(meeting *m, size_t key, bool *found, larder_error *err)
{
    larder_status rc = LARDER_OK;
    int order = -1;

    while (!m->history.ended) {
        order = history_order(m, key);
        if (order >= 0)
            break;
        LARDER_TRY(go_on(
            m, end_of_key(&m->history.batch, m->n_keys, m->history.row), err));
    }
    *found = order == 0 && !m->history.ended;
out:
    return rc;
}

/* Some rows of a key, to the end of the batch at most. */
static larder_status
gather_run(meeting *m, size_t key, larder_error *err)
{
    bool as_known = m->answering->options->as_known;
    const larder_batch *batch = &m->history.batch;
    size_t row = m->history.row, end = end_of_key(batch, m->n_keys, row);
    larder_status rc;

    LARDER_TRY(as_known ? add_known(m, key, row, end, err)
                        : add_run(m, key, row, end, err));
    if (end == batch->n_rows)
        LARDER_TRY(larder_call_check(m->answering->call, err));
    LARDER_TRY(go_on(m, end, err));
out:
    return rc;
}

/* All rows of a key; history stands at or before it, and is left after it. */
static larder_status
gather_rows(meeting *m, size_t key, larder_error *err)
{
    const larder_batch *batch = &m->history.batch;
    larder_status rc = LARDER_OK;
    bool found = false;
    size_t end;

    m->reached = false;
    m->n_lent = 0;
    ldr_gathering_start(m->gathering);
    LARDER_TRY(find_key(m, key, &found, err));
    if (!found)
        return LARDER_OK;
    end = end_of_key(batch, m->n_keys, m->history.row);
    if (end < batch->n_rows && !m->answering->options->as_known) {
        size_t after = end;

        m->lent = m->history.row;
        find_run(m, key, &m->lent, &end);
        m->n_lent = end - m->lent;
        return go_on(m, after, err);
    }
    while (found) {
        LARDER_TRY(gather_run(m, key, err));
        found = !m->history.ended && history_order(m, key) == 0;
    }
out:
    return rc;
}

/* ------------------------------------------------------------------ answers */

/* Rows of answers are about to be made, the next one is `row`: those at or
 * after the first event are some. */
static void
number_answers(meeting *m, const ldr_events *events, const larder_time *moments,
    const size_t *asked, size_t n, size_t row)
{
    const larder_time *times = events->batch->columns[events->event].values;

    for (size_t i = 0; i < n; i++, row++)
        if (events->begin < events->end && times[events->begin] <= moments[i])
            m->answers[asked[i]] = ldr_answer_row(m->part, row);
}

/* Some moments of one key, ascending, of the rows that were known by then. */
static larder_status
answer_moments(meeting *m, larder_time known_by, const larder_time *moments,
    const size_t *asked, size_t n, larder_error *err)
{
    ldr_packed *packed = &m->result->packed;
    ldr_events events;
    larder_status rc = LARDER_OK;

    if (n == 0)
        return LARDER_OK;
    if (m->n_lent != 0)
        LARDER_TRY(ldr_gathering_take(m->gathering, &m->history.batch,
            m->n_keys, m->lent, m->n_lent, &events, err));
    else
        LARDER_TRY(ldr_gathering_finish(m->gathering, known_by, &events, err));
    if (packed->words != NULL) {
        number_answers(m, &events, moments, asked, n, packed->n_rows);
        return ldr_windows_run_packed(
            m->windows, &events, moments, n, packed, err);
    }
    number_answers(m, &events, moments, asked, n, m->made.n_rows);
    m->made.n_rows += n;
    LARDER_TRY(
        ldr_windows_run(m->windows, &events, moments, n, m->columns, err));
out:
    return rc;
}

/* Moments from [first, end) on at which rows wait, of equal knowledge: more is
 * known as moments go on, so as much known is the same known. */
static larder_status
answer_waiting(
    meeting *m, size_t first, size_t end, size_t *next, larder_error *err)
{
    const larder_time *moments = moments_of(m);
    size_t n = ldr_gathering_known(m->gathering, moments[first]);
    size_t i = first + 1;

    while (i < end && m->waiting[i] > 0 &&
           (moments[i] == moments[first] ||
               ldr_gathering_known(m->gathering, moments[i]) == n))
        i++;
    *next = i;
    return answer_moments(
        m, moments[first], moments + first, m->rows + first, i - first, err);
}

/* Where no event waits to be known, all that is gathered may be looked at: what
 * is not known yet has not happened. The other moments look at less. */
static larder_status
answer_as_known(meeting *m, size_t first, size_t end, larder_error *err)
{
    size_t n = 0, next;
    larder_status rc;

    for (size_t i = first; i < end; i++) {
        if (i > first)
            m->waiting[i] += m->waiting[i - 1];
        if (m->waiting[i] > 0)
            continue;
        m->times[n] = moments_of(m)[i];
        m->asked[n++] = m->rows[i];
    }
    LARDER_TRY(answer_moments(m, LARDER_TIME_MAX, m->times, m->asked, n, err));
    for (size_t i = first; i < end; i = next) {
        next = i + 1;
        if (m->waiting[i] == 0)
            continue;
        LARDER_TRY(larder_call_check(m->answering->call, err));
        LARDER_TRY(answer_waiting(m, i, end, &next, err));
    }
out:
    return rc;
}

static larder_status
answer_keys(meeting *m, larder_error *err)
{
    bool as_known = m->answering->options->as_known;
    larder_status rc = LARDER_OK;

    for (size_t key = 0; key < m->n_distinct; key++) {
        size_t first = m->firsts[key], end = m->firsts[key + 1];

        if (key % CHECK_EVERY == 0)
            LARDER_TRY(larder_call_check(m->answering->call, err));
        for (size_t i = first; i < end && i + AHEAD < m->spine.n_rows; i++)
            __builtin_prefetch(&m->answers[m->rows[i + AHEAD]], 1);
        LARDER_TRY(gather_rows(m, key, err));
        if (m->n_lent == 0 && ldr_gathering_count(m->gathering) == 0)
            continue;
        if (as_known)
            LARDER_TRY(answer_as_known(m, first, end, err));
        else
            LARDER_TRY(answer_moments(m, LARDER_TIME_MAX, moments_of(m) + first,
                m->rows + first, end - first, err));
    }
out:
    return rc;
}

/* ------------------------------------------------------------------- a part */

/* Answers of words are made packed. */
static larder_status
start_rows(meeting *m, const larder_schema *schema, larder_error *err)
{
    size_t n = m->spine.n_rows;
    larder_status rc;

    LARDER_TRY(larder_batch_init(&m->made, schema, err));
    if (ldr_packed_fits(schema))
        return ldr_packed_start(&m->result->packed, schema->n_fields, n, err);
    for (size_t i = 0; i < schema->n_fields; i++) {
        m->columns[i] = &m->made.columns[i];
        LARDER_TRY(larder_column_reserve(m->columns[i], n, 0, err));
    }
out:
    return rc;
}

static larder_status
start_result(meeting *m, larder_error *err)
{
    const ldr_event_plan *plan = m->plan;
    ldr_asof_result *result = m->result;
    larder_schema *schema = ldr_arena_alloc(&result->arena, sizeof *schema);
    larder_field *fields =
        ldr_arena_array(&result->arena, plan->n_windows, sizeof *fields);
    larder_status rc;

    m->columns = calloc(plan->n_windows + 1, sizeof *m->columns);
    if (schema == NULL || fields == NULL || m->columns == NULL)
        return no_memory(m, err);
    for (size_t w = 0; w < plan->n_windows; w++)
        fields[w] =
            (larder_field){plan->windows[w].name, plan->windows[w].type};
    *schema = (larder_schema){fields, plan->n_windows};
    LARDER_TRY(start_rows(m, schema, err));
    LARDER_TRY(ldr_gathering_new(plan, &m->gathering, err));
    LARDER_TRY(
        ldr_windows_new(plan->windows, plan->n_windows, &m->windows, err));
out:
    return rc;
}

/* Rows that are not packed are the result. */
static void
finish_result(meeting *m)
{
    if (m->result->packed.words != NULL)
        return;
    m->result->rows = m->made;
    m->made = (larder_batch){0};
}

static void
release_meeting(meeting *m)
{
    ldr_cursor_release(&m->history);
    larder_stream_close(&m->stream);
    ldr_gathering_free(m->gathering);
    ldr_windows_free(m->windows);
    larder_batch_release(&m->made);
    larder_batch_release(&m->keys);
    larder_batch_release(&m->spine);
    free(m->firsts);
    free(m->earliest);
    free(m->latest);
    free(m->from);
    free(m->waiting);
    free(m->times);
    free(m->asked);
    free(m->columns);
}

typedef struct share {
    const ldr_answering *answering;
    const ldr_event_plan *plan;
    const ldr_shares *shares;
    ldr_answers *answers;
} share;

static larder_status
answer_part(void *context, unsigned part, larder_error *err)
{
    share *s = context;
    size_t n;
    meeting m = {.answering = s->answering,
        .plan = s->plan,
        .part = part,
        .n_keys = s->shares->n_keys,
        .rows = ldr_shares_rows(s->shares, part, &n),
        .answers = s->answers->rows,
        .result = &s->answers->parts[part]};
    larder_status rc = LARDER_OK;

    if (n == 0)
        return LARDER_OK;
    LARDER_TRY(ldr_shares_spine(s->shares, part, &m.spine, err));
    LARDER_TRY(list_keys(&m, err));
    LARDER_TRY(list_waiting(&m, err));
    LARDER_TRY(gather_keys(&m, err));
    LARDER_TRY(start_result(&m, err));
    LARDER_TRY(open_history(&m, err));
    LARDER_TRY(answer_keys(&m, err));
    finish_result(&m);
out:
    release_meeting(&m);
    return rc;
}

larder_status
ldr_windowed_find(const ldr_answering *answering, const ldr_event_plan *plan,
    const ldr_spine_chunk *chunk, ldr_answers *out, larder_error *err)
{
    unsigned n_parts = ldr_answering_width(answering);
    ldr_answers answers = {0};
    ldr_shares shares = {0};
    share s = {answering, plan, &shares, &answers};
    larder_status rc;

    LARDER_TRY(ldr_answers_start(&answers, n_parts, chunk->rows.n_rows, err));
    LARDER_TRY(
        ldr_shares_make(&shares, answering, chunk, n_parts, answers.rows, err));
    LARDER_TRY(ldr_parallel_run(n_parts, answer_part, &s, err));
    *out = answers;
    answers = (ldr_answers){0};
out:
    ldr_shares_release(&shares);
    ldr_answers_release(&answers);
    return rc;
}
