/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nomem.c - each allocation of each public call is refused once: the call
 * says NOMEM, leaks nothing, and done again it succeeds as if nothing had been.
 *
 * A call may do without what was refused (a nearer name in a hint, a cache of a
 * database): then its result is compared with that of an undisturbed one. What
 * libraries allocate counts too. Leaks are found by a sanitized build.
 */
#include <check.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "tests/allocations.h"
#include "tests/shop.h"
#include "tests/support.h"

#define ENTITIES                                                               \
    "entities:\n"                                                              \
    "  - {name: customer, join_key: id, type: int64, description: Who}\n"      \
    "  - {name: merchant, join_key: mid, type: string, tags: {k: v}}\n"        \
    "sources:\n"                                                               \
    "  - {name: h, timestamp_field: ts, created_timestamp_column: cts,\n"      \
    "     key: [id, mid],\n"                                                   \
    "     schema: [{name: id, type: int64}, {name: mid, type: string},\n"      \
    "       {name: a, type: int64}, {name: b, type: string},\n"                \
    "       {name: c, type: list<float64>}]}\n"

#define REST                                                                   \
    "feature_views:\n"                                                         \
    "  - {name: spend, entities: [customer], source: h, ttl: 7d,\n"            \
    "     features: [{name: a, type: int64, default: 3}, "                     \
    "{name: b, type: string}]}\n"                                              \
    "  - {name: visit, entities: [customer, merchant], source: h,\n"           \
    "     features: [{name: c, type: list<float64>}]}\n"                       \
    "feature_services:\n"                                                      \
    "  - name: gift\n"                                                         \
    "    features:\n"                                                          \
    "      - visit\n"                                                          \
    "      - {view: spend, as: receiver, join_key_map: {id: receiver_id}}\n"   \
    "jobs:\n"                                                                  \
    "  - {name: often, run: materialize, every: 6h}\n"

static const char features[] = ENTITIES REST;
static const char more_features[] = ENTITIES
    "  - {name: h2, timestamp_field: ts, key: [id],\n"
    "     schema: [{name: id, type: int64}, {name: z, type: bool}]}\n" REST
    "  - {name: rare, run: materialize, every: 7d}\n";

static const char rows_csv[] =
    "id,mid,a,b,c,ts,cts\n"
    "1,m1,11,one,\"[1.5, null]\",2024-05-31T00:00:00Z,2024-05-31T00:00:00Z\n"
    "1,m2,12,\"two, too\",[],2024-05-31T01:00:00Z,\n"
    "2,m1,,,,2024-05-30T00:00:00Z,2024-05-31T00:00:00Z\n"
    "2,m1,22,x,,2024-05-30T00:00:00Z,2024-05-31T00:00:00Z\n";
static const char spine_csv[] = "id,mid,receiver_id,event_timestamp,label\n"
                                "1,m1,2,2024-05-31T12:00:00Z,\"x,y\"\n"
                                ",m1,1,2024-05-31T12:00:00Z,\n"
                                "2,m1,1,2024-05-31T12:00:00Z,z\n";
static const char spine_json[] =
    "{\"id\": 1, \"mid\": \"m\\u0031\", \"receiver_id\": 2, "
    "\"event_timestamp\": \"2024-05-31T12:00:00Z\", \"o\": [1, {}]}\n"
    "{\"id\": 2, \"mid\": \"m1\", \"receiver_id\": null, "
    "\"event_timestamp\": \"2024-05-31T12:00:00Z\", \"o\": \"text\"}\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

/* What a step works on; it allocates nothing itself. */
static shop s;
static FILE *input, *output;
static char told[4096];

static void tell(const char *format, ...) LARDER_PRINTF(1, 2);

static void
tell(const char *format, ...)
{
    size_t used = strlen(told);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(told + used, sizeof told - used, format, arguments);
    va_end(arguments);
}

/* The rest of a stream, told. */
static larder_status
tell_stream(larder_stream *stream)
{
    larder_batch batch = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_stream_next(stream, &batch, &s.err));
        if (batch.n_rows == 0)
            break;
        for (size_t i = 0; i < batch.n_rows; i++)
            for (size_t c = 0; c < batch.schema->n_fields; c++) {
                larder_value value = larder_column_value(&batch.columns[c], i);
                char text[256];
                size_t n = larder_value_print(&value, text, sizeof text);

                tell("%.*s|", value.null ? 1 : (int)n, value.null ? "-" : text);
            }
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    larder_stream_close(stream);
    return rc;
}

/* -------------------------------------------------------------------- steps */

static larder_status
open_a_store(void)
{
    char path[256];
    larder_open_options options = {.config_path = path};
    larder_store *store = NULL;
    larder_status rc;

    snprintf(path, sizeof path, "%s/feature_store.yaml", s.folder);
    rc = larder_open(&options, &s.call, &store, &s.err);
    larder_close(store);
    return rc;
}

static larder_status
validate(void)
{
    larder_faults faults;
    larder_status rc = larder_validate(s.store, &s.call, &faults, &s.err);

    tell("%zu %zu", faults.n_errors, faults.n_views);
    return rc;
}

static larder_status
plan(void)
{
    larder_applied applied;
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(larder_plan(s.store, &s.call, &applied, &changes, &s.err));
    tell("%zu:", applied.n_changes);
    rc = tell_stream(&changes);
out:
    return rc;
}

static larder_status
apply(void)
{
    larder_applied applied;
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(
        larder_apply(s.store, &s.call, NULL, &applied, &changes, &s.err));
    tell("generation %d", (int)applied.generation);
out:
    larder_stream_close(&changes);
    return rc;
}

static larder_status
ingest(void)
{
    larder_text_options options = {.name = "rows", .format = LARDER_CSV};
    larder_source_shape shape;
    larder_ingested ingested;
    larder_stream rows = {0};
    larder_status rc;

    rewind(input);
    LARDER_TRY(larder_source_columns(s.store, &s.call, "h", &shape, &s.err));
    options.schema = shape.schema;
    options.required = shape.required;
    options.n_required = shape.n_required;
    LARDER_TRY(larder_text_read(input, &options, &s.call, &rows, &s.err));
    rc = larder_ingest(s.store, &s.call, "h", &rows, &ingested, &s.err);
    if (rc == LARDER_OK)
        tell("%d", (int)(ingested.added + ingested.duplicate));
out:
    larder_stream_close(&rows);
    return rc;
}

/* Joins the input and writes the answer as its format is. */
static larder_status
join_as(larder_format format, const larder_features *wanted)
{
    larder_text_options text = {.name = "spine", .format = format};
    larder_join_options options = {.features = *wanted,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = format};
    larder_stream spine = {0}, rows = {0};
    const larder_joined *report;
    larder_batch batch = {0};
    larder_status rc;

    rewind(input);
    rewind(output);
    LARDER_TRY(larder_text_read(input, &text, &s.call, &spine, &s.err));
    LARDER_TRY(larder_join(s.store, &s.call, &options, &spine, &rows, &s.err));
    for (;;) {
        LARDER_TRY(larder_stream_next(&rows, &batch, &s.err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(
            larder_text_write(output, format, &batch, 4, format, true, &s.err));
        larder_batch_release(&batch);
    }
    LARDER_TRY(larder_join_report(&rows, &report, &s.err));
    tell("%s", report->manifest);
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    larder_stream_close(&spine);
    return rc;
}

static larder_status
join(void)
{
    static const char *const refs[] = {"spend:b", "visit", "spend:a"};

    return join_as(LARDER_CSV, &(larder_features){.refs = refs, .n_refs = 3});
}

static larder_status
join_json(void)
{
    return join_as(LARDER_JSONL, &(larder_features){.service = "gift"});
}

static larder_status
join_range(void)
{
    static const char *const refs[] = {"visit:c", "spend:a"};
    larder_join_options options = {.features = {.refs = refs, .n_refs = 2},
        .range = true,
        .to = s.call.now};
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(larder_join(s.store, &s.call, &options, NULL, &rows, &s.err));
    rc = tell_stream(&rows);
out:
    return rc;
}

static larder_status
explain(void)
{
    larder_text_options text = {.name = "spine", .format = LARDER_CSV};
    larder_join_options options = {.spine_format = LARDER_CSV};
    larder_stream spine = {0}, rows = {0};
    larder_status rc;

    rewind(input);
    LARDER_TRY(larder_text_read(input, &text, &s.call, &spine, &s.err));
    LARDER_TRY(larder_explain(
        s.store, &s.call, &options, &spine, 3, "spend:a", &rows, &s.err));
    rc = tell_stream(&rows);
out:
    larder_stream_close(&spine);
    return rc;
}

static larder_status
approach(void)
{
    larder_text_options text = {.name = "spine", .format = LARDER_CSV};
    larder_join_options options = {.features = {.service = "gift"}};
    larder_stream spine = {0}, rows = {0};
    larder_status rc;

    rewind(input);
    LARDER_TRY(larder_text_read(input, &text, &s.call, &spine, &s.err));
    LARDER_TRY(larder_join_approach(
        s.store, &s.call, &options, &spine, &rows, &s.err));
    rc = tell_stream(&rows);
out:
    larder_stream_close(&spine);
    return rc;
}

static larder_status
join_sql(void)
{
    static const char *const refs[] = {"spend:a"};
    larder_sql_options options = {
        .features = {.refs = refs, .n_refs = 1}, .dialect = "duckdb"};
    char *sql = NULL;
    larder_status rc =
        larder_join_sql(s.store, &s.call, &options, &sql, &s.err);

    if (rc == LARDER_OK)
        tell("%s", sql);
    free(sql);
    return rc;
}

static larder_status
materialize(void)
{
    larder_materialize_options options = {0};
    larder_run_report report = {0};
    larder_status rc =
        larder_materialize(s.store, &s.call, &options, &report, &s.err);

    for (size_t i = 0; rc == LARDER_OK && i < report.n_views; i++)
        tell("%s ", report.views[i].view);
    larder_run_report_release(&report);
    return rc;
}

static larder_status
prove(void)
{
    larder_prove_options options = {0};
    larder_proved proved = {0};
    larder_status rc =
        larder_prove(s.store, &s.call, &options, &proved, &s.err);

    for (size_t i = 0; rc == LARDER_OK && i < proved.n_views; i++)
        tell("%s %d ", proved.views[i].view, (int)proved.views[i].equal);
    larder_proved_release(&proved);
    return rc;
}

static larder_status
tell_stats(bool online)
{
    larder_stats_options options = {.view = "spend", .online = online};
    larder_stats stats = {0};
    larder_status rc =
        larder_stats_of_view(s.store, &s.call, &options, &stats, &s.err);

    for (size_t i = 0; rc == LARDER_OK && i < stats.n_columns; i++)
        tell("%s %d %d ", stats.columns[i].name, (int)stats.columns[i].count,
            (int)stats.columns[i].distinct);
    larder_stats_release(&stats);
    return rc;
}

static larder_status
stats_of_history(void)
{
    return tell_stats(false);
}

static larder_status
stats_online(void)
{
    return tell_stats(true);
}

static larder_status
stats_of_rows(void)
{
    larder_text_options text = {.name = "spine", .format = LARDER_CSV};
    larder_stream rows = {0};
    larder_stats stats = {0};
    larder_status rc;

    rewind(input);
    LARDER_TRY(larder_text_read(input, &text, &s.call, &rows, &s.err));
    LARDER_TRY(larder_stats_of_stream(&rows, &s.call, &stats, &s.err));
    for (size_t i = 0; i < stats.n_columns; i++)
        tell("%s %d ", stats.columns[i].name, (int)stats.columns[i].distinct);
out:
    larder_stats_release(&stats);
    larder_stream_close(&rows);
    return rc;
}

static larder_status
freshness(void)
{
    larder_freshness_options options = {0};
    larder_freshness_report report = {0};
    larder_status rc =
        larder_freshness(s.store, &s.call, &options, &report, &s.err);

    for (size_t i = 0; rc == LARDER_OK && i < report.n_views; i++)
        tell("%s %s ", report.views[i].view,
            larder_freshness_name(report.views[i].status));
    larder_freshness_report_release(&report);
    return rc;
}

/* To stores in memory, which are new each time. */
static larder_status
copy(void)
{
    larder_copy_options options = {.history = true, .online = true};
    larder_copy_report report = {0};
    larder_stream changes = {0};
    larder_store *to = NULL;
    char path[256];
    larder_open_options where = {.config_path = path};
    larder_status rc;

    snprintf(path, sizeof path, "%s/feature_store.to.yaml", s.folder);
    LARDER_TRY(larder_open(&where, &s.call, &to, &s.err));
    LARDER_TRY(larder_copy(
        s.store, to, &s.call, &options, &report, &changes, &s.err));
    for (size_t i = 0; i < report.n_copies; i++)
        tell("%s %d %d ", report.copies[i].name, (int)report.copies[i].written,
            report.copies[i].equal);
out:
    larder_stream_close(&changes);
    larder_copy_report_release(&report);
    larder_close(to);
    return rc;
}

static larder_status
examine(void)
{
    larder_examined examined = {0};
    larder_status rc = larder_examine(s.store, &s.call, &examined, &s.err);

    for (size_t i = 0; rc == LARDER_OK && i < examined.n_findings; i++)
        tell("%s %s ", examined.findings[i].checked,
            larder_verdict_name(examined.findings[i].verdict));
    larder_examined_release(&examined);
    return rc;
}

static larder_status
get(void)
{
    larder_features wanted = {.service = "gift"};
    larder_reader *reader = NULL;
    larder_batch keys = {0};
    larder_answer answer = {0};
    larder_status rc;

    LARDER_TRY(larder_reader_open(s.store, &s.call, &wanted, &reader, &s.err));
    LARDER_TRY(larder_batch_init(&keys, larder_reader_keys(reader), &s.err));
    LARDER_TRY(larder_column_append_integer(&keys.columns[0], 1, &s.err));
    LARDER_TRY(larder_column_append_text(
        &keys.columns[1], (larder_bytes){"m1", 2}, &s.err));
    LARDER_TRY(larder_column_append_integer(&keys.columns[2], 2, &s.err));
    keys.n_rows = 1;
    for (int i = 0; i < 2; i++) /* also with an answer that has been used */
        LARDER_TRY(larder_reader_get(reader, &s.call, &keys, &answer, &s.err));
    for (size_t f = 0; f < 3; f++)
        tell("%d ", answer.presence[f]);
out:
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
    return rc;
}

static larder_status
list(void)
{
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(larder_list(s.store, &s.call, LARDER_ALL, 0, &rows, &s.err));
    rc = tell_stream(&rows);
out:
    return rc;
}

static larder_status
search(void)
{
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(larder_search(s.store, &s.call, "who spend", &rows, &s.err));
    rc = tell_stream(&rows);
out:
    return rc;
}

static larder_status
lineage(void)
{
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(larder_lineage(s.store, &s.call, "spend", &rows, &s.err));
    rc = tell_stream(&rows);
out:
    return rc;
}

static larder_status
show(void)
{
    larder_shown shown = {0};
    larder_status rc =
        larder_show(s.store, &s.call, "visit", 1, &shown, &s.err);

    if (rc == LARDER_OK)
        tell("%s", shown.definition);
    larder_shown_release(&shown);
    return rc;
}

static larder_status
show_what_is_not_there(void)
{
    larder_shown shown = {0};
    larder_status rc =
        larder_show(s.store, &s.call, "vizit", 0, &shown, &s.err);

    return rc == LARDER_NOT_FOUND ? LARDER_OK : rc;
}

static larder_status
diff(void)
{
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(larder_diff(s.store, &s.call, 1, 2, &changes, &s.err));
    rc = tell_stream(&changes);
out:
    return rc;
}

/* To each of the first two generations in turn. */
static uint64_t rolled_to = 2;

static larder_status
roll_back(void)
{
    larder_apply_options options = {.allow_breaking = true};
    larder_applied applied;
    larder_stream changes = {0};
    larder_status rc;

    LARDER_TRY(larder_rollback(
        s.store, &s.call, 3 - rolled_to, &options, &applied, &changes, &s.err));
    rolled_to = 3 - rolled_to;
out:
    larder_stream_close(&changes);
    return rc;
}

static larder_status
teardown(void)
{
    return larder_teardown(s.store, &s.call, &s.err);
}

/* ------------------------------------------------------------------- worlds */

static FILE *
file_of(const char *text)
{
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    return file;
}

static void
must(larder_status rc)
{
    ck_assert_msg(
        rc == LARDER_OK, "%s: %s", larder_status_name(rc), s.err.message);
}

/* How far a world has come before the step. */
typedef enum stage { BARE, APPLIED, CHANGED, FILLED, SERVED } world_stage;

static void
fill_world(world_stage stage)
{
    if (stage >= APPLIED)
        must(shop_apply(&s, features));
    if (stage == CHANGED)
        must(shop_apply(&s, more_features));
    if (stage >= FILLED)
        must(shop_ingest(&s, "h", rows_csv, NULL));
    if (stage >= SERVED)
        must(shop_materialize(&s, NULL, NULL));
}

static void
make_world(int pair, world_stage stage)
{
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    support_write(s.folder, "features.yaml", features);
    support_write(s.folder, "feature_store.to.yaml",
        "project: shop\nregistry: {type: memory}\n"
        "offline_store: {type: memory}\nonline_store: {type: memory}\n");
    fill_world(stage);
}

/* As it was before the step: what is in memory ends with its store. */
static void
renew_world(int pair, world_stage stage)
{
    if (pair == 0) {
        shop_reopen(&s);
        fill_world(stage);
    } else {
        shop_close(&s);
        make_world(pair, stage);
    }
}

typedef struct trial {
    const char *name;
    larder_status (*step)(void);
    world_stage before;
    bool changes; /* the world: each try needs its own */
    const char *input;
} trial;

static const trial trials[] = {
    {"open", open_a_store, BARE, false, ""},
    {"validate", validate, BARE, false, ""},
    {"plan", plan, BARE, false, ""},
    {"apply", apply, BARE, true, ""},
    {"ingest", ingest, APPLIED, true, rows_csv},
    {"join", join, FILLED, false, spine_csv},
    {"join of JSON lines", join_json, FILLED, false, spine_json},
    {"join of a range", join_range, FILLED, false, ""},
    {"explain", explain, FILLED, false, spine_csv},
    {"join approach", approach, FILLED, false, spine_csv},
    {"join sql", join_sql, FILLED, false, ""},
    {"materialize", materialize, FILLED, true, ""},
    {"get", get, SERVED, false, ""},
    {"prove", prove, SERVED, false, ""},
    {"freshness", freshness, SERVED, false, ""},
    {"stats of history", stats_of_history, FILLED, false, ""},
    {"stats online", stats_online, SERVED, false, ""},
    {"stats of rows", stats_of_rows, FILLED, false, spine_csv},
    {"copy", copy, SERVED, false, ""},
    {"examine", examine, SERVED, false, ""},
    {"list", list, APPLIED, false, ""},
    {"search", search, APPLIED, false, ""},
    {"lineage", lineage, APPLIED, false, ""},
    {"show", show, APPLIED, false, ""},
    {"show of nothing", show_what_is_not_there, APPLIED, false, ""},
    {"diff", diff, CHANGED, false, ""},
    {"rollback", roll_back, CHANGED, false, ""},
    {"teardown", teardown, SERVED, true, ""},
};

/* ------------------------------------------------------------------- trials */

static larder_status
run(const trial *t)
{
    told[0] = '\0';
    s.err = (larder_error){0};
    return t->step();
}

/* The step with its nth allocation refused, and once more; false when it has
 * no nth. */
static bool
refuse_nth(const trial *t, size_t n, bool after, const char *expected)
{
    larder_status rc;
    bool refused;

    allocations_refuse(n, after);
    rc = run(t);
    refused = allocations_grant();
    if (rc != LARDER_OK && rc != LARDER_NOMEM)
        ck_abort_msg("%s, allocation %zu: %s: %s", t->name, n,
            larder_status_name(rc), s.err.message);
    if (rc == LARDER_OK && strcmp(told, expected) != 0)
        ck_abort_msg("%s, allocation %zu: told '%s'", t->name, n, told);
    if (rc == LARDER_OK)
        return refused;
    if (s.err.status != LARDER_NOMEM || s.err.message[0] == '\0')
        ck_abort_msg("%s, allocation %zu: no words", t->name, n);
    rc = run(t);
    if (rc != LARDER_OK)
        ck_abort_msg("%s after allocation %zu: %s: %s", t->name, n,
            larder_status_name(rc), s.err.message);
    if (strcmp(told, expected) != 0)
        ck_abort_msg("%s after allocation %zu: told '%s'", t->name, n, told);
    return true;
}

/* All of them in memory and in a soak; else the first ones all, then ever
 * fewer: a try on disk or under a sanitizer takes its time. */
static size_t
next_nth(int pair, bool after, size_t n)
{
    bool all = getenv("LARDER_SOAK") != NULL ||
               (pair == 0 && !after && !allocations_are_slow());

    return all || n < 30 ? n + 1 : n + 1 + n / 6;
}

static void
try_all(int pair, const trial *t, bool after)
{
    char expected[sizeof told];
    bool more = true;

    input = file_of(t->input);
    output = tmpfile();
    make_world(pair, t->before);
    must(run(t));
    memcpy(expected, told, sizeof told);
    for (size_t n = 1; more; n = next_nth(pair, after, n)) {
        if (t->changes)
            renew_world(pair, t->before);
        else if (pair == 1)
            shop_reopen(&s);
        more = refuse_nth(t, n, after, expected);
    }
    shop_close(&s);
    fclose(input);
    fclose(output);
}

START_TEST(a_call_in_memory_says_nomem_and_can_be_done_again)
{
    try_all(0, &trials[_i], false);
}
END_TEST

START_TEST(a_call_on_disk_says_nomem_and_can_be_done_again)
{
    try_all(1, &trials[_i], false);
}
END_TEST

START_TEST(a_call_that_gets_no_memory_any_more_ends_well)
{
    try_all(0, &trials[_i], true);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("nomem");
    TCase *memory = tcase_create("stores in memory");
    TCase *disk = tcase_create("stores on disk");
    int n = (int)(sizeof trials / sizeof *trials);

    tcase_set_timeout(memory, 900);
    tcase_set_timeout(disk, 900);
    tcase_add_loop_test(
        memory, a_call_in_memory_says_nomem_and_can_be_done_again, 0, n);
    tcase_add_loop_test(
        memory, a_call_that_gets_no_memory_any_more_ends_well, 0, n);
    tcase_add_loop_test(
        disk, a_call_on_disk_says_nomem_and_can_be_done_again, 0, n);
    suite_add_tcase(suite, memory);
    suite_add_tcase(suite, disk);
    return support_run(suite);
}
