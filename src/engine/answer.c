/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - one view's answers to one chunk of a spine.
 */
#include "engine/answer.h"

#include <stdlib.h>

#include "base/time.h"
#include "data/batch.h"
#include "engine/shares.h"

/* Rows gathered at a time, from a list of them on the stack. */
#define GATHER_ROWS 512u

_Static_assert(sizeof(size_t) == 8, "a row and its part share one word");
_Static_assert(LDR_THREADS_MAX < 255, "a part's number is one byte");

/* ------------------------------------------------------------ the threads */

typedef struct share {
    const ldr_answering *answering;
    const ldr_shares *shares;
    ldr_answers *answers;
} share;

static larder_time
latest_moment(const ldr_asof *asof)
{
    const larder_column *t = &asof->spine->columns[asof->n_keys];
    larder_time latest = LARDER_TIME_MIN;

    for (size_t i = 0; i < asof->spine->n_rows; i++)
        if (ldr_column_integer(t, i) > latest)
            latest = ldr_column_integer(t, i);
    return latest;
}

static larder_scan
scan_of(const ldr_answering *a)
{
    return (larder_scan){.table = &a->table,
        .key = a->view->scan_keys,
        .n_key = a->view->view->n_keys,
        .columns = a->view->columns,
        .n_columns = a->view->view->n_features,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .order = LARDER_ORDER_NEWEST_FIRST};
}

/* The store joins by itself; the ttl is judged here, so that expired is told
 * from never. UNSUPPORTED: this table it can not. */
static larder_status
meet_seeking(const share *s, unsigned part, const ldr_asof *asof,
    ldr_asof_result *out, larder_error *err)
{
    const ldr_answering *a = s->answering;
    larder_asof joined = {.scan = scan_of(a),
        .spine = asof->spine,
        .as_known = asof->as_known,
        .has_values_us = asof->has_ttl,
        .values_us = asof->ttl_us};
    larder_stream stream = {0};
    larder_status rc;

    LARDER_TRY(
        ldr_offline_asof(a->offline, part, a->call, &joined, &stream, err));
    LARDER_TRY(ldr_asof_settle(asof, &stream, a->call, out, err));
out:
    larder_stream_close(&stream);
    return rc;
}

static larder_status
meet_merging(const share *s, unsigned part, const ldr_asof *asof,
    ldr_asof_result *out, larder_error *err)
{
    const ldr_answering *a = s->answering;
    larder_scan scan = scan_of(a);
    larder_stream stream = {0};
    larder_status rc;

    scan.to = latest_moment(asof);
    LARDER_TRY(
        ldr_offline_scan(a->offline, part, a->call, &scan, &stream, err));
    LARDER_TRY(ldr_asof_merge(asof, &stream, a->call, out, err));
out:
    larder_stream_close(&stream);
    return rc;
}

static larder_status
meet(const share *s, unsigned part, const ldr_asof *asof, ldr_asof_result *out,
    larder_error *err)
{
    larder_error cannot = {0};
    larder_status rc = LARDER_UNSUPPORTED;

    if (s->answering->seeks || s->answering->passes)
        rc = meet_seeking(s, part, asof, out, &cannot);
    if (rc == LARDER_UNSUPPORTED)
        return meet_merging(s, part, asof, out, err);
    if (rc != LARDER_OK && err != NULL)
        *err = cannot;
    return rc;
}

static larder_status
answer_part(void *context, unsigned part, larder_error *err)
{
    share *s = context;
    const ldr_answering *a = s->answering;
    const ldr_view *view = a->view->view;
    size_t n;
    const size_t *rows = ldr_shares_rows(s->shares, part, &n);
    ldr_asof_result *result = &s->answers->parts[part];
    larder_batch spine = {0};
    ldr_asof asof = {.spine = &spine,
        .n_keys = view->n_keys,
        .has_ttl = view->has_ttl,
        .ttl_us = view->ttl_us,
        .as_known = a->options->as_known,
        .layout = &a->layout};
    larder_status rc = LARDER_OK;

    if (n == 0)
        return LARDER_OK;
    LARDER_TRY(ldr_shares_spine(s->shares, part, &spine, err));
    LARDER_TRY(meet(s, part, &asof, result, err));
    for (size_t i = 0; i < n; i++) {
        size_t match = result->match[i];

        s->answers->rows[rows[i]] =
            match >= LDR_ANSWER_NULL_KEY ? match : ldr_answer_row(part, match);
    }
    free(result->match);
    result->match = NULL;
out:
    larder_batch_release(&spine);
    return rc;
}

larder_status
ldr_answers_start(
    ldr_answers *answers, unsigned n_parts, size_t n_rows, larder_error *err)
{
    ldr_answers started = {.n_parts = n_parts, .n_rows = n_rows};

    started.parts = calloc(n_parts, sizeof *started.parts);
    started.rows = malloc((n_rows + 1) * sizeof *started.rows);
    if (started.parts == NULL || started.rows == NULL) {
        free(started.parts);
        free(started.rows);
        return larder_fail(err, LARDER_NOMEM, "no memory for the answers");
    }
    *answers = started;
    return LARDER_OK;
}

larder_status
ldr_answers_find(const ldr_answering *answering, const ldr_spine_chunk *chunk,
    ldr_answers *out, larder_error *err)
{
    unsigned n_parts = ldr_answering_width(answering);
    ldr_answers answers = {0};
    ldr_shares shares = {0};
    share s = {answering, &shares, &answers};
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

void
ldr_answers_release(ldr_answers *answers)
{
    for (unsigned p = 0; p < answers->n_parts; p++)
        ldr_asof_result_release(&answers->parts[p]);
    free(answers->parts);
    free(answers->rows);
    *answers = (ldr_answers){0};
}

/* ------------------------------------------------------------- the gather */

/* A column of each part's rows to the end of another. */
static larder_status
gather_column(const ldr_answers *answers, bool events, size_t feature,
    const size_t *rows, size_t n, larder_column *out, larder_error *err)
{
    const larder_column *from[LDR_THREADS_MAX];

    for (unsigned p = 0; p < answers->n_parts; p++) {
        const ldr_asof_result *part = &answers->parts[p];
        size_t column = events ? part->event : part->first_value + feature;

        from[p] =
            part->rows.columns == NULL ? NULL : &part->rows.columns[column];
    }
    return ldr_column_gather_parts(out, from, answers->n_parts, rows, n, err);
}

/* Columns, as packed rows have them. False: no part has such rows. */
static bool
find_packed(const ldr_answers *answers, const ldr_packed **from)
{
    bool found = false;

    for (unsigned p = 0; p < answers->n_parts; p++) {
        from[p] = &answers->parts[p].packed;
        found = found || from[p]->words != NULL;
    }
    return found;
}

/* The answering rows of chunk rows, by index. */
static void
find_rows(const ldr_answers *answers, size_t first, size_t n, size_t *rows)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = answers->rows[first + i];

        rows[i] = row >= LDR_ANSWER_NULL_KEY ? SIZE_MAX : row;
    }
}

larder_status
ldr_answers_gather(const ldr_answers *answers, const size_t *features,
    size_t n_features, size_t first, size_t n, larder_column *const *out,
    larder_error *err)
{
    const ldr_packed *packed[LDR_THREADS_MAX];
    bool are_packed = find_packed(answers, packed);
    size_t rows[GATHER_ROWS];
    larder_status rc = LARDER_OK;

    for (size_t done = 0, some; done < n; done += some) {
        some = n - done < GATHER_ROWS ? n - done : GATHER_ROWS;
        find_rows(answers, first + done, some, rows);
        if (are_packed)
            LARDER_TRY(ldr_packed_gather(
                packed, features, n_features, rows, some, out, err));
        for (size_t f = 0; f < n_features && !are_packed; f++)
            LARDER_TRY(gather_column(
                answers, false, features[f], rows, some, out[f], err));
    }
out:
    return rc;
}

larder_status
ldr_answers_gather_events(const ldr_answers *answers, size_t first, size_t n,
    larder_column *out, larder_error *err)
{
    size_t rows[GATHER_ROWS];
    larder_status rc = LARDER_OK;

    for (size_t done = 0, some; done < n; done += some) {
        some = n - done < GATHER_ROWS ? n - done : GATHER_ROWS;
        find_rows(answers, first + done, some, rows);
        LARDER_TRY(gather_column(answers, true, 0, rows, some, out, err));
    }
out:
    return rc;
}
