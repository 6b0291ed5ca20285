/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_copy.c - one environment to another: what arrives, what stays, and that
 * a copy which failed anywhere is ended by the same call.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "data/tally.h"
#include "larder_backend.h"
#include "tests/shop.h"
#include "tests/support.h"

#define HEAD                                                                   \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n    schema:\n"                         \
    "      - {name: id, type: int64}\n      - {name: x, type: float64}\n"      \
    "      - {name: t, type: string}\n      - {name: l, type: list<int64>}\n"  \
    "feature_views:\n"

#define PLAIN                                                                  \
    "  - {name: p, entities: [e], source: h, features: [\n"                    \
    "     {name: x, type: float64}, {name: t, type: string}]}\n"
#define CHANGED                                                                \
    "  - {name: p, entities: [e], source: h, features: [\n"                    \
    "     {name: t, type: string}, {name: l, type: list<int64>}]}\n"
#define WINDOWED                                                               \
    "  - {name: w, entities: [e], source: h, features: [\n"                    \
    "     {name: t, type: string},\n"                                          \
    "     {name: s7, type: float64, aggregate: sum, column: x,\n"              \
    "      window: 7d}]}\n"
#define SERVICE "feature_services:\n  - {name: v, features: [\"p:x\"]}\n"

static const char both[] = HEAD PLAIN WINDOWED;

static const char rows[] =
    "id,x,t,l,ts,cts\n"
    "1,0.1,p,\"[1,2]\",2024-05-30T00:00:00Z,2024-05-30T01:00:00Z\n"
    "1,0.7,q,,2024-05-31T00:00:00Z,2024-05-31T01:00:00Z\n"
    "1,,r,\"[]\",2024-05-31T00:00:00Z,2024-05-31T01:00:00Z\n"
    "2,2.5,s,,2024-05-01T00:00:00Z,\n"
    "3,NaN,\"a,b\",\"[7]\",2024-05-29T00:00:00Z,\n"
    "3,0.4,v,,2024-05-31T12:00:00Z,\n";
static const char newer[] = "id,x,t,l,ts,cts\n"
                            "1,9.5,new,,2024-05-31T18:00:00Z,\n"
                            "4,1.5,own,,2024-05-20T00:00:00Z,\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop from, to;
static larder_copy_report report;
static const larder_copy_options all = {.history = true, .online = true};
static const larder_copy_options online_alone = {.online = true};

/* -------------------------------------------------------------- two stores */

static void
must(shop *s, larder_status rc)
{
    if (rc != LARDER_OK)
        ck_abort_msg(
            "%s: %s (%s)", larder_status_name(rc), s->err.message, s->err.hint);
}

/* Test i of a loop: each kind of store to each kind. */
static void
open_both(int i, const char *features)
{
    shop_open(&from, pairs[i % 2][0], pairs[i % 2][1]);
    shop_open(&to, pairs[i / 2][0], pairs[i / 2][1]);
    must(&from, shop_apply(&from, features));
}

static void
fill_source(void)
{
    must(&from, shop_ingest(&from, "h", rows, NULL));
    must(&from, shop_materialize(&from, NULL, NULL));
}

static void
close_both(void)
{
    larder_copy_report_release(&report);
    shop_close(&from);
    shop_close(&to);
}

/* The report is of the last try. */
static larder_status
copy(const larder_copy_options *options)
{
    larder_stream changes = {0};
    larder_status rc;

    larder_copy_report_release(&report);
    rc = larder_copy(
        from.store, to.store, &to.call, options, &report, &changes, &to.err);
    larder_stream_close(&changes);
    return rc;
}

static const larder_copied *
copied(const char *name)
{
    for (size_t i = 0; i < report.n_copies; i++)
        if (strcmp(report.copies[i].name, name) == 0)
            return &report.copies[i];
    ck_abort_msg("nothing is said of '%s'", name);
    return NULL;
}

static void
expect(const char *name, uint64_t read, uint64_t written, uint64_t unchanged,
    uint64_t older, bool equal)
{
    const larder_copied *c = copied(name);

    ck_assert_msg(c->read == read && c->written == written &&
                      c->unchanged == unchanged && c->older == older &&
                      c->equal == equal && c->compared,
        "%s: %llu read, %llu written, %llu unchanged, %llu older, %s (%s)",
        name, (unsigned long long)c->read, (unsigned long long)c->written,
        (unsigned long long)c->unchanged, (unsigned long long)c->older,
        c->equal ? "equal" : "different", c->reason == NULL ? "" : c->reason);
}

static void
expect_same_answers(int64_t last)
{
    static const char *const refs[] = {"p:x", "p:t", "w:t", "w:s7"};

    for (int64_t key = 0; key <= last; key++) {
        for (size_t i = 0; i < 4; i++) {
            char *a = shop_get(&from, key, refs[i]);
            char *b = shop_get(&to, key, refs[i]);

            if (strcmp(a, b) != 0)
                ck_abort_msg(
                    "%s of %d: %s, and copied: %s", refs[i], (int)key, a, b);
            free(a);
            free(b);
        }
    }
}

static void
expect_answer(shop *s, int64_t key, const char *ref, const char *answer)
{
    char *text = shop_get(s, key, ref);

    ck_assert_str_eq(text, answer);
    free(text);
}

/* By the target's own ledger and history. */
static void
expect_proof(void)
{
    larder_prove_options options = {0};
    larder_proved proved = {0};

    must(&to, larder_prove(to.store, &to.call, &options, &proved, &to.err));
    ck_assert_uint_eq(proved.n_views, 2);
    for (size_t i = 0; i < proved.n_views; i++) {
        ck_assert_msg(proved.views[i].equal == proved.views[i].compared &&
                          proved.views[i].equal > 0 &&
                          proved.views[i].missing == 0 &&
                          proved.views[i].unsettled == 0,
            "%s: %s", proved.views[i].view,
            proved.difference.view == NULL ? "not settled"
                                           : proved.difference.online);
    }
    larder_proved_release(&proved);
}

static uint64_t
materialize_target(void)
{
    larder_run_report run = {0};
    uint64_t n = 0;

    must(&to, shop_materialize(&to, NULL, &run));
    for (size_t i = 0; i < run.n_views; i++)
        n += run.views[i].read;
    larder_run_report_release(&run);
    return n;
}

/* -------------------------------------------------------------- what arrives
 */

START_TEST(definitions_history_and_online_rows_arrive)
{
    open_both(_i, both);
    fill_source();
    must(&to, copy(&all));
    ck_assert_uint_eq(report.generation, 1);
    ck_assert_uint_eq(report.generation_to, 1);
    ck_assert_uint_eq(report.n_copies, 3);
    expect("h", 6, 6, 0, 0, true);
    expect("p", 3, 3, 0, 0, true);
    expect("w", 3, 3, 0, 0, true);
    expect_same_answers(4);
    expect_proof();
    ck_assert_uint_eq(materialize_target(), 0); /* all of it is known */
    close_both();
}
END_TEST

START_TEST(copying_again_finds_it_all_there)
{
    open_both(_i, both);
    fill_source();
    must(&to, copy(&all));
    must(&to, copy(&all));
    ck_assert_uint_eq(report.n_changes, 0);
    expect("h", 6, 0, 6, 0, true);
    expect("p", 3, 0, 3, 0, true);
    expect("w", 3, 0, 3, 0, true);
    expect_same_answers(4);
    close_both();
}
END_TEST

START_TEST(what_came_since_follows)
{
    open_both(_i, both);
    fill_source();
    must(&to, copy(&all));
    must(&from, shop_ingest(&from, "h", newer, NULL));
    must(&from, shop_materialize(&from, NULL, NULL));
    must(&to, copy(&all));
    expect("h", 8, 2, 6, 0, true);
    expect("p", 4, 2, 2, 0, true);
    expect("w", 4, 2, 2, 0, true);
    expect_same_answers(5);
    expect_proof();
    close_both();
}
END_TEST

START_TEST(a_dry_run_counts_the_same_and_writes_nothing)
{
    larder_copy_options dry = all;

    dry.dry_run = true;
    open_both(_i, both);
    fill_source();
    must(&to, copy(&dry));
    ck_assert_uint_eq(report.generation_to, 0);
    ck_assert_uint_gt(report.n_changes, 0);
    expect("h", 6, 6, 0, 0, false);
    expect("p", 3, 3, 0, 0, false);
    must(&to, copy(&all));
    must(&from, shop_ingest(&from, "h", newer, NULL));
    must(&from, shop_materialize(&from, NULL, NULL));
    must(&to, copy(&dry));
    must(&to, copy(&dry)); /* nothing was written */
    expect("h", 8, 2, 6, 0, false);
    expect("p", 4, 2, 2, 0, false);
    expect("w", 4, 2, 2, 0, false);
    must(&to, copy(&all));
    expect("h", 8, 2, 6, 0, true);
    expect("p", 4, 2, 2, 0, true);
    expect("w", 4, 2, 2, 0, true);
    must(&to, copy(&dry));
    expect("p", 4, 0, 4, 0, true);
    close_both();
}
END_TEST

START_TEST(definitions_alone_are_copied_alone)
{
    const larder_copy_options none = {0};

    open_both(_i, both);
    fill_source();
    must(&to, copy(&none));
    ck_assert_uint_eq(report.n_copies, 0);
    ck_assert_uint_eq(report.generation_to, 1);
    expect_answer(
        &to, 1, "p:x", "error: feature view 'p' is not materialized yet");
    close_both();
}
END_TEST

/* ---------------------------------------------------------------- what stays
 */

START_TEST(a_newer_row_of_the_target_stays)
{
    open_both(_i, both);
    fill_source();
    must(&to, shop_apply(&to, both));
    must(&to, shop_ingest(&to, "h", newer, NULL));
    must(&to, shop_materialize(&to, NULL, NULL));
    must(&to, copy(&all));
    expect("h", 6, 6, 0, 0, false); /* the target has two of its own */
    ck_assert_str_eq(copied("h")->reason,
        "the target holds 2 rows that are not in what was copied");
    expect("p", 3, 2, 0, 1, false);
    ck_assert_str_eq(
        copied("p")->reason, "1 rows of the target are newer, and stay");
    expect("w", 3, 2, 0, 1, false);
    expect_answer(&to, 1, "p:x", "9.5 PRESENT 2024-05-31T18:00:00Z");
    expect_answer(&to, 4, "p:t", "own PRESENT 2024-05-20T00:00:00Z");
    expect_answer(&to, 2, "p:x", "2.5 PRESENT 2024-05-01T00:00:00Z");
    /* Its history has more than either had online. */
    (void)materialize_target();
    expect_answer(&to, 1, "w:s7", "10.3 PRESENT 2024-05-31T18:00:00Z");
    expect_proof();
    close_both();
}
END_TEST

START_TEST(online_rows_alone_do_not_speak_for_the_targets_history)
{
    open_both(_i, both);
    fill_source();
    must(&to, shop_apply(&to, both));
    must(&to, shop_ingest(&to, "h", newer, NULL)); /* before the copy */
    must(&to, copy(&online_alone));
    expect("p", 3, 3, 0, 0, true);
    expect_same_answers(3);
    ck_assert_uint_gt(materialize_target(), 0); /* so it is read */
    expect_answer(&to, 4, "p:t", "own PRESENT 2024-05-20T00:00:00Z");
    expect_answer(&to, 1, "p:t", "new PRESENT 2024-05-31T18:00:00Z");
    close_both();
}
END_TEST

START_TEST(rows_that_are_not_online_in_the_source_are_read_in_the_target)
{
    open_both(_i, both);
    fill_source();
    must(&from, shop_ingest(&from, "h", newer, NULL)); /* not materialized */
    must(&to, copy(&all));
    expect("h", 8, 8, 0, 0, true);
    expect("p", 3, 3, 0, 0, true);
    expect_same_answers(5);
    ck_assert_uint_gt(materialize_target(), 0);
    must(&from, shop_materialize(&from, NULL, NULL));
    expect_same_answers(5);
    expect_proof();
    close_both();
}
END_TEST

START_TEST(a_build_of_the_target_that_is_read_gets_the_rows)
{
    const larder_materialize_options full = {.full = true};

    open_both(_i, both);
    fill_source();
    must(&to, copy(&all));
    must(&to, shop_materialize(&to, &full, NULL)); /* its second */
    must(&from, shop_ingest(&from, "h", newer, NULL));
    must(&from, shop_materialize(&from, NULL, NULL));
    must(&to, copy(&all));
    expect("p", 4, 2, 2, 0, true);
    expect("w", 4, 2, 2, 0, true);
    expect_same_answers(5);
    expect_proof();
    close_both();
}
END_TEST

START_TEST(rows_of_an_earlier_definition_are_not_copied)
{
    open_both(_i, both);
    must(&to, copy(&online_alone));
    ck_assert_str_eq(
        copied("p")->reason, "it is not materialized in the source");
    ck_assert(!copied("p")->compared);
    fill_source();
    must(&from, shop_apply(&from, HEAD CHANGED WINDOWED));
    must(&to, copy(&online_alone));
    ck_assert_str_eq(copied("p")->reason,
        "its online rows are of an earlier definition: materialize it in the "
        "source first");
    expect("w", 3, 3, 0, 0, true);
    close_both();
}
END_TEST

START_TEST(what_the_target_reads_gives_way_to_all_of_history_only)
{
    open_both(_i, both);
    fill_source();
    must(&to, copy(&all));
    must(&to, shop_ingest(&to, "h", newer, NULL)); /* its own */
    must(&to, shop_materialize(&to, NULL, NULL));
    must(&from, shop_apply(&from, HEAD CHANGED WINDOWED));
    must(&from, shop_materialize(&from, NULL, NULL));
    must(&to, copy(&all));
    ck_assert_str_eq(copied("p")->reason,
        "the target reads rows of an earlier definition until it is "
        "materialized there");
    expect_answer(&to, 4, "p:t", "own PRESENT 2024-05-20T00:00:00Z");
    (void)materialize_target();
    expect_answer(&to, 4, "p:t", "own PRESENT 2024-05-20T00:00:00Z");
    expect_answer(&to, 1, "p:l", "null NULL_VALUE 2024-05-31T18:00:00Z");
    expect_proof();
    close_both();
}
END_TEST

START_TEST(a_new_definition_and_its_rows_arrive_together)
{
    open_both(_i, both);
    fill_source();
    must(&to, copy(&all));
    must(&from, shop_apply(&from, HEAD CHANGED WINDOWED));
    must(&from, shop_materialize(&from, NULL, NULL));
    must(&to, copy(&all));
    ck_assert_uint_eq(report.generation_to, 2);
    expect("p", 3, 3, 0, 0, true);
    expect_answer(&to, 1, "p:l", "[] PRESENT 2024-05-31T00:00:00Z");
    expect_proof();
    close_both();
}
END_TEST

/* ------------------------------------------------------------------ refusals
 */

START_TEST(a_breaking_change_is_refused_by_name)
{
    larder_copy_options allowed = all;

    allowed.allow_breaking = true;
    open_both(_i, HEAD PLAIN SERVICE);
    fill_source();
    must(&to, copy(&all));
    support_write(from.folder, "features.yaml", HEAD WINDOWED);
    {
        const larder_apply_options breaking = {.allow_breaking = true};
        larder_stream changes = {0};

        must(&from, larder_apply(from.store, &from.call, &breaking,
                        &(larder_applied){0}, &changes, &from.err));
        larder_stream_close(&changes);
    }
    ck_assert_int_eq(copy(&all), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(to.err.message, "'v'"));
    ck_assert_ptr_nonnull(strstr(to.err.message, "copying to"));
    must(&from, shop_materialize(&from, NULL, NULL));
    must(&to, copy(&allowed));
    expect("w", 3, 3, 0, 0, true);
    close_both();
}
END_TEST

START_TEST(a_store_is_not_copied_to_itself)
{
    larder_stream changes = {0};

    open_both(_i, both);
    ck_assert_int_eq(larder_copy(from.store, from.store, &from.call, &all,
                         &report, &changes, &from.err),
        LARDER_INVALID);
    ck_assert_str_eq(from.err.message,
        "both sides have the same registry: there is nothing to copy");
    close_both();
}
END_TEST

START_TEST(without_a_generation_there_is_nothing_to_copy)
{
    shop_open(&from, "memory", "memory");
    shop_open(&to, "memory", "memory");
    ck_assert_int_eq(copy(&all), LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(to.err.message, "copying from"));
    ck_assert_ptr_nonnull(strstr(to.err.message, "nothing is applied yet"));
    close_both();
}
END_TEST

/* ------------------------------------------------------------------ failures
 */

/* Stores whose nth call fails, counted over all of them. */
static const larder_offline_ops *real_offline;
static const larder_online_ops *real_online;
static larder_offline_ops weak_offline;
static larder_online_ops weak_online;
static unsigned calls_left; /* 0: none fails */

static larder_status
weaken(larder_error *err)
{
    if (calls_left > 0 && --calls_left == 0)
        return larder_fail(err, LARDER_UNAVAILABLE, "the line is cut");
    return LARDER_OK;
}

static larder_status
weak_describe(void *self, const larder_call *call, const larder_table *table,
    larder_described *out, larder_error *err)
{
    larder_status rc = weaken(err);

    return rc != LARDER_OK
               ? rc
               : real_offline->describe(self, call, table, out, err);
}

static larder_status
weak_begin(void *self, const larder_call *call, unsigned n, larder_error *err)
{
    larder_status rc = weaken(err);

    return rc != LARDER_OK ? rc : real_offline->begin(self, call, n, err);
}

static larder_status
weak_append(void *self, const larder_call *call, const larder_table *table,
    larder_stream *stream, larder_appended *out, larder_error *err)
{
    larder_status rc = weaken(err);

    return rc != LARDER_OK
               ? rc
               : real_offline->append(self, call, table, stream, out, err);
}

static larder_status
weak_get(void *self, const larder_call *call, const larder_want *wants,
    size_t n, larder_found *found, larder_error *err)
{
    larder_status rc = weaken(err);

    return rc != LARDER_OK ? rc
                           : real_online->get(self, call, wants, n, found, err);
}

/* Every second failure is of an answer that got lost: the rows are there. */
static larder_status
weak_put(void *self, const larder_call *call, const larder_put *puts, size_t n,
    larder_outcome *outcomes, larder_error *err)
{
    bool lost = calls_left % 2 == 1;
    larder_status failed = weaken(err), rc = LARDER_OK;

    if (failed == LARDER_OK || lost)
        rc = real_online->put(self, call, puts, n, outcomes, err);
    return failed != LARDER_OK ? failed : rc;
}

static larder_status
weak_scan(void *self, const larder_call *call, const larder_bytes *key,
    const larder_table_id *table, size_t limit, larder_each *each, bool *more,
    larder_error *err)
{
    larder_status rc = weaken(err);

    return rc != LARDER_OK ? rc
                           : real_online->scan(self, call, key, table, limit,
                                 each, more, err);
}

/* Stores of these types, whose calls can be made to fail. */
static void
weaken_target(int kind)
{
    static const larder_offline_ops *offline[] = {&weak_offline, NULL};
    static const larder_online_ops *online[] = {&weak_online, NULL};

    for (size_t i = 0; larder_offline_backends()[i] != NULL; i++)
        if (strcmp(larder_offline_backends()[i]->type, pairs[kind][0]) == 0)
            real_offline = larder_offline_backends()[i];
    for (size_t i = 0; larder_online_backends()[i] != NULL; i++)
        if (strcmp(larder_online_backends()[i]->type, pairs[kind][1]) == 0)
            real_online = larder_online_backends()[i];
    weak_offline = *real_offline;
    weak_offline.describe = weak_describe;
    weak_offline.begin = weak_begin;
    weak_offline.append = weak_append;
    weak_online = *real_online;
    weak_online.get = weak_get;
    weak_online.put = weak_put;
    weak_online.scan = weak_scan;
    calls_left = 0;
    to.offline_backends = offline;
    to.online_backends = online;
    shop_reopen(&to);
}

START_TEST(after_a_failure_of_any_call_the_same_copy_ends)
{
    unsigned nth = 1;
    larder_status rc = LARDER_UNAVAILABLE;

    for (; rc != LARDER_OK && nth < 100; nth++) {
        open_both(_i, both);
        fill_source();
        weaken_target(_i / 2);
        calls_left = nth;
        rc = copy(&all);
        ck_assert_msg(rc == LARDER_OK || rc == LARDER_UNAVAILABLE, "%s: %s",
            larder_status_name(rc), to.err.message);
        if (rc != LARDER_OK)
            ck_assert_ptr_nonnull(strstr(to.err.message, "copying to"));
        calls_left = 0;
        must(&to, copy(&all));
        ck_assert(
            copied("h")->equal && copied("p")->equal && copied("w")->equal);
        expect_same_answers(4);
        expect_proof();
        ck_assert_uint_eq(materialize_target(), 0);
        close_both();
    }
    ck_assert_uint_gt(nth, 10);
}
END_TEST

/* Enough rows for some transactions: each may be the one that fails. */
START_TEST(a_long_history_goes_on_where_it_was_cut)
{
    char *text = NULL;
    size_t size = 0;
    FILE *csv = open_memstream(&text, &size);
    uint64_t before = 0;

    fprintf(csv, "id,x,t,l,ts,cts\n");
    for (int i = 0; i < 150000; i++)
        fprintf(csv, "%d,%d,,,2024-05-%02dT00:00:%02dZ,\n", i % 5000, i,
            1 + i % 28, i % 60);
    fclose(csv);
    shop_open(&from, "memory", "memory");
    must(&from, shop_apply(&from, both));
    must(&from, shop_ingest(&from, "h", text, NULL));
    free(text);
    shop_open(&to, "memory", "memory");
    weaken_target(0);
    for (unsigned nth = 1; nth <= 4; nth++) {
        const larder_copy_options history = {.history = true};
        larder_status rc;

        calls_left = 2 + nth; /* after two times describe */
        rc = copy(&history);
        calls_left = 0;
        ck_assert_int_eq(rc, LARDER_UNAVAILABLE);
        ck_assert_uint_ge(copied("h")->unchanged, before);
        before = copied("h")->unchanged + copied("h")->written;
    }
    ck_assert_uint_gt(before, 65536);
    must(&to, copy(&(larder_copy_options){.history = true}));
    ck_assert(copied("h")->equal);
    ck_assert_uint_eq(copied("h")->read, 150000);
    ck_assert_uint_ge(copied("h")->unchanged, before);
    close_both();
}
END_TEST

START_TEST(a_call_that_is_cancelled_ends)
{
    volatile int cancel = 1;

    open_both(_i, both);
    fill_source();
    to.call.cancel = &cancel;
    ck_assert_int_eq(copy(&all), LARDER_INTERRUPTED);
    cancel = 0;
    must(&to, copy(&all));
    expect_same_answers(4);
    close_both();
}
END_TEST

/* -------------------------------------------------------------------- tally */

static void
add_word(ldr_tally *tally, const char *key, const char *row)
{
    ldr_tally_bytes(tally, (larder_bytes){key, strlen(key)},
        (larder_bytes){row, strlen(row)});
}

START_TEST(a_tally_knows_no_order_and_every_row)
{
    ldr_tally a = {0}, b = {0};
    char hex_a[33], hex_b[33];

    add_word(&a, "k1", "row one");
    add_word(&a, "k2", "row two");
    add_word(&b, "k2", "row two");
    ck_assert(!ldr_tally_equal(&a, &b));
    add_word(&b, "k1", "row one");
    ck_assert(ldr_tally_equal(&a, &b));
    ldr_tally_hex(&a, hex_a);
    ldr_tally_hex(&b, hex_b);
    ck_assert_str_eq(hex_a, hex_b);
    add_word(&a, "k1", "row one");
    add_word(&b, "k2", "row two");
    ck_assert(!ldr_tally_equal(&a, &b));
    a = b = (ldr_tally){0};
    add_word(&a, "k1", "row one");
    add_word(&a, "k2", "row two");
    add_word(&b, "k1", "row two"); /* changed hands */
    add_word(&b, "k2", "row one");
    ck_assert(!ldr_tally_equal(&a, &b));
    ldr_tally_hex(&a, hex_a);
    ldr_tally_hex(&b, hex_b);
    ck_assert_str_ne(hex_a, hex_b);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("copy");
    TCase *each = tcase_create("each pair of stores");
    TCase *once = tcase_create("once");
    const TTest *const tests[] = {definitions_history_and_online_rows_arrive,
        copying_again_finds_it_all_there, what_came_since_follows,
        a_dry_run_counts_the_same_and_writes_nothing,
        definitions_alone_are_copied_alone, a_newer_row_of_the_target_stays,
        online_rows_alone_do_not_speak_for_the_targets_history,
        rows_that_are_not_online_in_the_source_are_read_in_the_target,
        a_build_of_the_target_that_is_read_gets_the_rows,
        rows_of_an_earlier_definition_are_not_copied,
        what_the_target_reads_gives_way_to_all_of_history_only,
        a_new_definition_and_its_rows_arrive_together,
        a_breaking_change_is_refused_by_name, a_store_is_not_copied_to_itself,
        after_a_failure_of_any_call_the_same_copy_ends,
        a_call_that_is_cancelled_ends};

    tcase_set_timeout(each, 60);
    tcase_set_timeout(once, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(each, tests[i], 0, 4);
    tcase_add_test(once, without_a_generation_there_is_nothing_to_copy);
    tcase_add_test(once, a_long_history_goes_on_where_it_was_cut);
    tcase_add_test(once, a_tally_knows_no_order_and_every_row);
    suite_add_tcase(suite, each);
    suite_add_tcase(suite, once);
    return support_run(suite);
}
