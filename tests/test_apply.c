/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_apply.c - prove, reshape, append: all of it or a reason.
 */
#include "definition/config.h"
#include "registry/apply.h"
#include "snapshots.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const char repository[] =
    "entities:\n"
    "  - {name: hcp, join_key: hcp_id, type: string}\n"
    "  - {name: brand, join_key: brand_id, type: int64}\n"
    "sources:\n"
    "  - name: activity\n"
    "    timestamp_field: at\n"
    "    key: [hcp_id]\n"
    "    schema:\n"
    "      - {name: hcp_id, type: string}\n"
    "      - {name: brand_id, type: int64}\n"
    "      - {name: trx, type: int64}\n"
    "feature_views:\n"
    "  - name: prescribing\n"
    "    entities: [hcp]\n"
    "    source: activity\n"
    "    ttl: 7d\n"
    "    features: [{name: trx, type: int64}]\n"
    "  - name: selling\n"
    "    entities: [brand]\n"
    "    source: activity\n"
    "    features: [{name: sold, type: int64, from: trx}]\n"
    "feature_services:\n"
    "  - {name: model_v1, features: [prescribing]}\n";

/* Stores, and what a test last wanted of them. */
typedef struct bench {
    ldr_records *records;
    ldr_offline *offline;
    ldr_snapshot *wanted;
    larder_apply_options options;
    larder_call call;
    larder_applied applied;
    larder_error err;
    char *changes; /* as text */
    size_t n_errors, n_warnings;
    char told[1024]; /* the last diagnostic: "line: message [hint]" */
} bench;

static void
note(void *context, const larder_diagnostic *diagnostic)
{
    bench *b = context;

    *(diagnostic->warning ? &b->n_warnings : &b->n_errors) += 1;
    snprintf(b->told, sizeof b->told, "%u: %s [%s]", diagnostic->line,
        diagnostic->message, diagnostic->hint == NULL ? "" : diagnostic->hint);
}

static void
set_up(bench *b)
{
    *b = (bench){.records = snapshots_records(),
        .offline = snapshots_offline(),
        .call = {.now = 42, .diagnostic = note, .context = b}};
}

static void
tear_down(bench *b)
{
    free(b->changes);
    ldr_snapshot_drop(b->wanted);
    ldr_records_close(b->records);
    ldr_offline_close(b->offline);
}

/* Want other definitions from now on. */
static void
want(bench *b, const char *from, const char *to)
{
    ldr_snapshot_drop(b->wanted);
    b->wanted = from == NULL ? snapshots_of(repository)
                             : snapshots_but(repository, from, to);
}

static ldr_apply
job_of(const bench *b)
{
    return (ldr_apply){.project = "test",
        .records = b->records,
        .offline = b->offline,
        .wanted = b->wanted,
        .options = &b->options};
}

/* Keep the changes as text. */
static void
keep(bench *b, ldr_changes *changes)
{
    larder_stream stream = {0};

    ck_assert_int_eq(ldr_changes_stream(changes, &stream, NULL), LARDER_OK);
    free(b->changes);
    b->changes = snapshots_columns(&stream, 5);
    ldr_changes_release(changes);
}

static larder_status
run(bench *b)
{
    ldr_apply apply = job_of(b);
    ldr_changes changes = {0};
    larder_status rc;

    b->err = (larder_error){0};
    b->n_errors = b->n_warnings = 0;
    rc = ldr_apply_run(&apply, &b->call, &changes, &b->applied, &b->err);
    if (rc == LARDER_OK)
        keep(b, &changes);
    ck_assert_uint_eq(changes.n_changes, 0);
    return rc;
}

static larder_status
plan(bench *b)
{
    ldr_apply apply = job_of(b);
    ldr_changes changes = {0};
    ldr_snapshot *current = NULL;
    larder_status rc;

    b->err = (larder_error){0};
    b->n_errors = b->n_warnings = 0;
    rc = ldr_apply_plan(&apply, &b->call, &changes, &current, &b->err);
    ck_assert((rc == LARDER_OK) == (current != NULL));
    if (rc == LARDER_OK)
        keep(b, &changes);
    ldr_snapshot_drop(current);
    return rc;
}

static uint64_t
newest(bench *b)
{
    uint64_t number = 99;

    ck_assert_int_eq(
        ldr_records_newest(b->records, &b->call, "test", &number, NULL),
        LARDER_OK);
    return number;
}

/* How many columns the table of `activity` has; 0: there is none. */
static size_t
count_columns(bench *b)
{
    larder_table table = {.name = "activity", .owned = true};
    larder_described described = {0};
    size_t n;

    ck_assert_int_eq(
        ldr_offline_describe(b->offline, &b->call, &table, &described, NULL),
        LARDER_OK);
    n = described.exists ? described.schema.n_fields : 0;
    larder_described_release(&described);
    return n;
}

START_TEST(a_plan_shows_everything_and_writes_nothing)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(plan(&b), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(b.changes, "add | entity | hcp |"));
    ck_assert_ptr_nonnull(strstr(
        b.changes, "reshape | source | activity | create table | false\n"));
    ck_assert_uint_eq(newest(&b), 0);
    ck_assert_uint_eq(count_columns(&b), 0);
    tear_down(&b);
}
END_TEST

START_TEST(a_plan_needs_no_store_yet)
{
    bench b;

    set_up(&b);
    ldr_records_close(b.records);
    ldr_offline_close(b.offline);
    b.records = NULL;
    b.offline = NULL;
    want(&b, NULL, NULL);
    ck_assert_int_eq(plan(&b), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(b.changes, "create table"));
    tear_down(&b);
}
END_TEST

START_TEST(an_apply_makes_the_tables_and_the_generation)
{
    bench b;
    ldr_snapshot *stored = NULL;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(b.applied.generation, 1);
    ck_assert_uint_eq(b.applied.n_changes, 7);
    ck_assert_uint_eq(count_columns(&b), 4);
    ck_assert_int_eq(
        ldr_snapshot_of_registry(b.records, &b.call, "test", 0, &stored, NULL),
        LARDER_OK);
    ck_assert_str_eq(stored->text, b.wanted->text);
    ldr_snapshot_drop(stored);
    tear_down(&b);
}
END_TEST

START_TEST(a_second_apply_changes_nothing)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(b.applied.generation, 1);
    ck_assert_uint_eq(b.applied.n_changes, 0);
    ck_assert_str_eq(b.changes, "");
    ck_assert_uint_eq(newest(&b), 1);
    tear_down(&b);
}
END_TEST

START_TEST(a_change_is_a_new_generation_and_the_old_one_stays)
{
    bench b;
    ldr_snapshot *old = NULL;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    want(&b, "ttl: 7d", "ttl: 14d");
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_str_eq(
        b.changes, "change | view | prescribing | ttl: 7d -> 14d | false\n");
    ck_assert_uint_eq(b.applied.generation, 2);
    ck_assert_int_eq(
        ldr_snapshot_of_registry(b.records, &b.call, "test", 1, &old, NULL),
        LARDER_OK);
    ck_assert_ptr_nonnull(strstr(old->text, "ttl: 7d"));

    /* ... and can be applied again. */
    ldr_snapshot_drop(b.wanted);
    b.wanted = old;
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(b.applied.generation, 3);
    tear_down(&b);
}
END_TEST

START_TEST(a_breaking_change_has_to_be_allowed)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    want(&b, "features: [{name: trx, type: int64}]",
        "features: [{name: scripts, type: int64, from: trx}]");
    ck_assert_int_eq(plan(&b), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(b.changes, "breaks model_v1 | true\n"));
    ck_assert_int_eq(run(&b), LARDER_INVALID);
    ck_assert_str_eq(b.err.message,
        "1 breaking change: view 'prescribing' (breaks model_v1)");
    ck_assert_ptr_nonnull(strstr(b.err.hint, "--allow-breaking"));
    ck_assert_uint_eq(newest(&b), 1);
    b.options.allow_breaking = true;
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(newest(&b), 2);
    tear_down(&b);
}
END_TEST

START_TEST(an_apply_after_another_generation_is_a_conflict)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    want(&b, "ttl: 7d", "ttl: 14d");
    b.options.after = 3;
    ck_assert_int_eq(run(&b), LARDER_CONFLICT);
    ck_assert_str_eq(b.err.message, "project 'test' is at generation 1, not 3");
    ck_assert_uint_eq(newest(&b), 1);
    b.options.after = 1;
    ck_assert_int_eq(run(&b), LARDER_OK);
    tear_down(&b);
}
END_TEST

START_TEST(who_comes_second_is_told_how_far_the_first_one_is)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    want(&b, "ttl: 7d", "ttl: 14d");
    ldr_records_fault(b.records, 2, LARDER_CONFLICT); /* load, then append */
    ck_assert_int_eq(run(&b), LARDER_CONFLICT);
    ck_assert_str_eq(b.err.message,
        "somebody applied meanwhile: project 'test' is at generation 1, this "
        "plan was made for 1");
    ck_assert_ptr_nonnull(strstr(b.err.hint, "plan again"));
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(b.applied.generation, 2);
    tear_down(&b);
}
END_TEST

START_TEST(a_store_that_fails_leaves_the_old_generation)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    for (unsigned nth = 1; nth <= 2; nth++) { /* describe, create */
        ldr_offline_fault(b.offline, nth, LARDER_UNAVAILABLE);
        ck_assert_int_eq(run(&b), LARDER_UNAVAILABLE);
        ck_assert_ptr_nonnull(strstr(b.err.message, "source 'activity'"));
        ck_assert_uint_eq(newest(&b), 0);
        ck_assert_uint_eq(b.applied.generation, 0);
    }
    ck_assert_int_eq(run(&b), LARDER_OK);
    tear_down(&b);
}
END_TEST

START_TEST(a_new_column_widens_the_table)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    want(&b, "{name: trx, type: int64}\n",
        "{name: trx, type: int64}\n"
        "      - {name: roi, type: float64}\n");
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_str_eq(b.changes,
        "change | source | activity | schema: + roi | false\n"
        "reshape | source | activity | add column roi float64 | false\n");
    ck_assert_uint_eq(count_columns(&b), 5);
    want(&b, NULL, NULL); /* a column that is not declared any more stays */
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(count_columns(&b), 5);
    tear_down(&b);
}
END_TEST

START_TEST(a_column_keeps_its_type)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    ldr_snapshot_drop(b.wanted);
    b.wanted =
        snapshots_of("entities: [{name: hcp, join_key: hcp_id, type: string}]\n"
                     "sources:\n"
                     "  - name: activity\n"
                     "    timestamp_field: at\n"
                     "    key: [hcp_id]\n"
                     "    schema: [{name: hcp_id, type: string},\n"
                     "      {name: trx, type: float64}]\n");
    b.options.allow_breaking = true;
    ck_assert_int_eq(run(&b), LARDER_INVALID);
    ck_assert_uint_eq(b.n_errors, 1);
    ck_assert_str_eq(b.told,
        "7: source 'activity': column 'trx' holds int64 in history and cannot "
        "become float64 [keep the type, or give the new column another name]");
    ck_assert_uint_eq(b.err.line, 7);
    ck_assert_uint_eq(newest(&b), 1);
    tear_down(&b);
}
END_TEST

START_TEST(a_table_keeps_what_orders_it)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    want(&b, "    key: [hcp_id]\n", "");
    ck_assert_int_eq(run(&b), LARDER_INVALID);
    ck_assert_str_eq(b.told,
        "5: source 'activity': its table is ordered by [hcp_id] and cannot be "
        "by [hcp_id, brand_id] [write `key: [hcp_id]` in the source]");
    want(&b, "timestamp_field: at", "timestamp_field: moment");
    ck_assert_int_eq(run(&b), LARDER_INVALID);
    ck_assert_ptr_nonnull(
        strstr(b.told, "6: source 'activity': its table is there already; its "
                       "'timestamp_field' is at and cannot become moment"));
    ck_assert_uint_eq(newest(&b), 1);

    /* A table that is not there may have any order. */
    ldr_offline_close(b.offline);
    b.offline = snapshots_offline();
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_uint_eq(newest(&b), 2);
    tear_down(&b);
}
END_TEST

START_TEST(lost_tables_are_made_again_and_the_generation_stays)
{
    bench b;

    set_up(&b);
    want(&b, NULL, NULL);
    ck_assert_int_eq(run(&b), LARDER_OK);
    ldr_offline_close(b.offline);
    b.offline = snapshots_offline();
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_str_eq(
        b.changes, "reshape | source | activity | create table | false\n");
    ck_assert_uint_eq(b.applied.generation, 1);
    ck_assert_uint_eq(b.applied.n_changes, 1);
    ck_assert_uint_eq(newest(&b), 1);
    ck_assert_uint_eq(count_columns(&b), 4);
    tear_down(&b);
}
END_TEST

/* ------------------------------------------------------ tables of the user */

/* A store of the user's: one table, `sales`, which has an index by brand. */
static larder_status
pantry_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    (void)self;
    (void)options;
    (void)create;
    (void)call;
    (void)err;
    return LARDER_OK;
}

static void
pantry_close(void *self)
{
    (void)self;
}

static larder_status
pantry_describe(void *self, const larder_call *call, const larder_table *table,
    larder_described *out, larder_error *err)
{
    static const larder_field columns[] = {{"brand_id", LARDER_INT64},
        {"hcp_id", LARDER_STRING}, {"at", LARDER_STRING},
        {"made", LARDER_INT64}, {"sold", LARDER_INT64},
        {"paid", LARDER_FLOAT64}, {"extra", (larder_type)0}};

    (void)self;
    (void)call;
    if (table->query != NULL && strstr(table->query, "nowhere") != NULL)
        return larder_fail(err, LARDER_INVALID, "no such table: nowhere");
    if (table->query == NULL && strcmp(table->name, "sales") != 0)
        return LARDER_OK;
    out->exists = true;
    out->n_rows = 1000000;
    out->newest_event = LARDER_TIME_MIN;
    out->seekable = table->n_key == 1 && strcmp(table->key[0], "brand_id") == 0;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (larder_described_add(out, columns[i].name, columns[i].type, err) !=
            LARDER_OK)
            return LARDER_NOMEM;
    return LARDER_OK;
}

static larder_status
pantry_propose(void *self, const larder_call *call, const larder_table *table,
    char **out, larder_error *err)
{
    char text[256];

    (void)self, (void)call, (void)err;
    snprintf(text, sizeof text, "CREATE INDEX ON %s (%s, %s)", table->name,
        table->key[0], table->event);
    *out = strdup(text);
    return LARDER_OK;
}

static const larder_offline_ops pantry_ops = {.abi = LARDER_BACKEND_ABI,
    .type = "pantry",
    .state_bytes = 1,
    .concurrent = true,
    .open = pantry_open,
    .close = pantry_close,
    .describe = pantry_describe,
    .propose = pantry_propose};

#define HEAD                                                                   \
    "entities:\n"                                                              \
    "  - {name: hcp, join_key: hcp_id, type: string}\n"                        \
    "  - {name: brand, join_key: brand_id, type: int64}\n"                     \
    "sources:\n"                                                               \
    "  - {name: s, timestamp_field: at, "

/* Plan definitions over the user's tables. */
static larder_status
plan_users(bench *b, const char *yaml)
{
    static const larder_options no_options = {.section = "pantry"};

    set_up(b);
    ldr_offline_close(b->offline);
    ck_assert_int_eq(ldr_offline_open(&pantry_ops, &no_options, true, &b->call,
                         &b->offline, NULL),
        LARDER_OK);
    b->wanted = snapshots_of(yaml);
    return plan(b);
}

START_TEST(a_users_table_that_answers_is_proven_and_not_reshaped)
{
    bench b;

    ck_assert_int_eq(
        plan_users(&b, HEAD "created_timestamp_column: made, table: sales}\n"
                            "feature_views:\n"
                            "  - {name: v, entities: [brand], source: s,\n"
                            "     features: [{name: sold, type: int64},\n"
                            "       {name: x, type: bytes, from: extra}]}\n"),
        LARDER_OK);
    ck_assert_ptr_null(strstr(b.changes, "reshape"));
    ck_assert_uint_eq(b.n_warnings, 0);
    tear_down(&b);
}
END_TEST

START_TEST(a_table_that_is_not_there_is_the_sources_fault)
{
    bench b;

    ck_assert_int_eq(plan_users(&b, HEAD "table: sails}\n"), LARDER_INVALID);
    ck_assert_str_eq(b.told,
        "5: source 's': there is no table 'sails' in the history store [create "
        "it, or write `schema:` and Larder makes one of its own]");
    tear_down(&b);
}
END_TEST

START_TEST(a_query_that_does_not_prepare_is_told_in_the_stores_words)
{
    bench b;

    ck_assert_int_eq(plan_users(&b, HEAD "query: \"SELECT * FROM nowhere\"}\n"),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(b.told, "5: source 's': "));
    ck_assert_ptr_nonnull(strstr(b.told, "no such table: nowhere"));
    tear_down(&b);
}
END_TEST

START_TEST(every_column_a_view_reads_has_to_be_there)
{
    bench b;

    ck_assert_int_eq(
        plan_users(&b, HEAD "created_timestamp_column: nothing, table: sales}\n"
                            "feature_views:\n"
                            "  - {name: v, entities: [brand], source: s,\n"
                            "     features: [{name: solt, type: int64},\n"
                            "       {name: paied, type: float64}]}\n"),
        LARDER_INVALID);
    ck_assert_uint_eq(b.n_errors, 3);
    ck_assert_str_eq(b.told,
        "9: feature 'paied': table 'sales' has no column 'paied' [did you mean "
        "'paid'?]");
    ck_assert_ptr_nonnull(strstr(b.err.message, "no column 'nothing'"));
    ck_assert_str_eq(b.err.hint,
        "its columns are brand_id, hcp_id, at, made, sold, paid, extra");
    tear_down(&b);
}
END_TEST

START_TEST(a_column_has_to_be_readable_as_its_type)
{
    bench b;

    ck_assert_int_eq(
        plan_users(&b, HEAD "table: sales}\n"
                            "feature_views:\n"
                            "  - {name: v, entities: [brand], source: s,\n"
                            "     features: [{name: sold, type: bool},\n"
                            "       {name: at, type: timestamp},\n"
                            "       {name: small, type: float32, from: sold},\n"
                            "       {name: paid, type: int64}]}\n"),
        LARDER_INVALID);
    ck_assert_uint_eq(b.n_errors, 1);
    ck_assert_str_eq(b.told,
        "11: feature 'paid': column 'paid' of table 'sales' is float64, which "
        "cannot be read as int64 [declare it as float64, or read a query with "
        "a CAST]");
    tear_down(&b);
}
END_TEST

START_TEST(what_windows_read_has_to_be_there_and_readable)
{
    bench b;

    ck_assert_int_eq(
        plan_users(&b, HEAD "table: sales}\n"
                            "feature_views:\n"
                            "  - {name: v, entities: [brand], source: s,\n"
                            "     features: [{name: a, type: int64, aggregate: "
                            "count, window: 7d},\n"
                            "       {name: b, type: int64, aggregate: sum, "
                            "window: 7d, column: sold, where: sold > 1},\n"
                            "       {name: c, type: float64, aggregate: mean, "
                            "window: 7d, column: paid}]}\n"),
        LARDER_OK);
    tear_down(&b);
    ck_assert_int_eq(
        plan_users(&b, HEAD "table: sales}\n"
                            "feature_views:\n"
                            "  - {name: v, entities: [brand], source: s,\n"
                            "     features: [{name: a, type: int64, aggregate: "
                            "sum, window: 7d, column: solt},\n"
                            "       {name: b, type: int64, aggregate: sum, "
                            "window: 7d, column: paid}]}\n"),
        LARDER_INVALID);
    ck_assert_uint_eq(b.n_errors, 2);
    ck_assert_str_eq(
        b.err.message, "feature 'a': table 'sales' has no column 'solt'");
    ck_assert_str_eq(b.err.hint, "did you mean 'sold'?");
    ck_assert_uint_eq(b.err.line, 8);
    ck_assert_str_eq(b.told,
        "9: feature 'b': column 'paid' of table 'sales' is float64, which "
        "cannot be read as int64 [declare it as float64, or read a query with "
        "a CAST]");
    tear_down(&b);
}
END_TEST

START_TEST(push_and_request_sources_have_no_tables)
{
    bench b;

    set_up(&b);
    want(&b, "feature_views:\n",
        "  - {name: pushed, kind: push, batch_source: activity}\n"
        "  - {name: asked, kind: request, schema: [{name: n, type: int64}]}\n"
        "on_demand_feature_views:\n"
        "  - {name: sums, inputs: [prescribing, asked], features: [{name: sum, "
        "type: int64, expr: trx + n}]}\n"
        "feature_views:\n");
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_ptr_nonnull(
        strstr(b.changes, "reshape | source | activity | create table"));
    ck_assert_ptr_null(strstr(b.changes, "reshape | source | asked"));
    ck_assert_ptr_null(strstr(b.changes, "reshape | source | pushed"));
    ck_assert_ptr_nonnull(strstr(b.changes,
        "add | on-demand view | sums | inputs: [prescribing, asked]; "
        "features: [sum] | false\n"));
    ck_assert_int_eq(run(&b), LARDER_OK);
    ck_assert_str_eq(b.changes, "");
    tear_down(&b);
}
END_TEST

START_TEST(a_great_table_without_an_index_is_warned_about)
{
    bench b;

    ck_assert_int_eq(
        plan_users(&b, HEAD "table: sales}\n"
                            "feature_views:\n"
                            "  - {name: v, entities: [brand], source: s,\n"
                            "     features: [{name: sold, type: int64}]}\n"
                            "  - {name: w, entities: [hcp], source: s,\n"
                            "     features: [{name: sold, type: int64}]}\n"),
        LARDER_OK);
    ck_assert_uint_eq(b.n_warnings, 1);
    ck_assert_str_eq(b.told,
        "9: feature view 'w': no index of table 'sales' finds its keys, so "
        "each join reads the whole table [CREATE INDEX ON sales (hcp_id, "
        "at)]");
    tear_down(&b);
}
END_TEST

START_TEST(a_users_table_needs_a_store)
{
    bench b;

    set_up(&b);
    ldr_offline_close(b.offline);
    b.offline = NULL;
    b.wanted = snapshots_of(HEAD "table: sales}\n");
    ck_assert_int_eq(plan(&b), LARDER_INVALID);
    ck_assert_ptr_nonnull(
        strstr(b.told, "5: source 's': there is no history store yet"));
    tear_down(&b);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply");
    TCase *tcase = tcase_create("apply");

    tcase_add_test(tcase, a_plan_shows_everything_and_writes_nothing);
    tcase_add_test(tcase, a_plan_needs_no_store_yet);
    tcase_add_test(tcase, an_apply_makes_the_tables_and_the_generation);
    tcase_add_test(tcase, a_second_apply_changes_nothing);
    tcase_add_test(tcase, a_change_is_a_new_generation_and_the_old_one_stays);
    tcase_add_test(tcase, a_breaking_change_has_to_be_allowed);
    tcase_add_test(tcase, an_apply_after_another_generation_is_a_conflict);
    tcase_add_test(tcase, who_comes_second_is_told_how_far_the_first_one_is);
    tcase_add_test(tcase, a_store_that_fails_leaves_the_old_generation);
    tcase_add_test(tcase, a_new_column_widens_the_table);
    tcase_add_test(tcase, a_column_keeps_its_type);
    tcase_add_test(tcase, a_table_keeps_what_orders_it);
    tcase_add_test(tcase, lost_tables_are_made_again_and_the_generation_stays);
    tcase_add_test(
        tcase, a_users_table_that_answers_is_proven_and_not_reshaped);
    tcase_add_test(tcase, a_table_that_is_not_there_is_the_sources_fault);
    tcase_add_test(
        tcase, a_query_that_does_not_prepare_is_told_in_the_stores_words);
    tcase_add_test(tcase, every_column_a_view_reads_has_to_be_there);
    tcase_add_test(tcase, a_column_has_to_be_readable_as_its_type);
    tcase_add_test(tcase, what_windows_read_has_to_be_there_and_readable);
    tcase_add_test(tcase, push_and_request_sources_have_no_tables);
    tcase_add_test(tcase, a_great_table_without_an_index_is_warned_about);
    tcase_add_test(tcase, a_users_table_needs_a_store);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
