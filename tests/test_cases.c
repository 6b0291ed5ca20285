/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cases.c - what `larder test` stands on: files of cases are no
 * definitions, a store that is only in memory, what features take and give.
 * The command itself: tests/cli/cases.sh.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ignore.h"
#include "tests/support.h"
#include "tests/told.h"

#define DAY INT64_C(86400000000)

static told words;
static larder_call call;
static larder_error error;
static larder_store *store;
static char *folder;

/* Stores that nobody can reach, and a table that is not there. */
static const char configuration[] =
    "project: t\n"
    "registry: {type: postgres, connection_string: \"${UNSET}\"}\n"
    "offline_store: {type: postgres, path: \"${file:/none}\"}\n"
    "online_store: [no, mapping]\n"
    "defaults: {ttl: 1d}\n";

static const char definitions[] =
    "entities: [{name: driver, join_key: driver_id, type: int64}]\n"
    "sources:\n"
    "  - name: trips\n"
    "    timestamp_field: ts\n"
    "    schema: [{name: driver_id, type: int64}, {name: n, type: int64}]\n"
    "  - {name: theirs, table: old_trips, timestamp_field: ts}\n"
    "  - {name: trips_push, kind: push, batch_source: trips}\n"
    "  - name: asked\n"
    "    kind: request\n"
    "    schema: [{name: calls, type: int32}, {name: word, type: string}]\n"
    "feature_views:\n"
    "  - name: latest\n"
    "    entities: [driver]\n"
    "    source: trips\n"
    "    features: [{name: n, type: int64}]\n"
    "  - name: old\n"
    "    entities: [driver]\n"
    "    source: theirs\n"
    "    online: false\n"
    "    features: [{name: stars, type: int32}]\n"
    "on_demand_feature_views:\n"
    "  - name: derived\n"
    "    inputs: [latest, asked]\n"
    "    features: [{name: per, type: float64, expr: n / calls}]\n";

static larder_status
open_store(bool in_memory)
{
    char path[4096];
    larder_open_options options = {.config_path = path, .in_memory = in_memory};

    snprintf(path, sizeof path, "%s/feature_store.yaml", folder);
    return larder_open(&options, &call, &store, &error);
}

static void
apply(void)
{
    larder_stream changes = {0};
    larder_applied applied = {0};

    ck_assert_msg(larder_apply(store, &call, NULL, &applied, &changes,
                      &error) == LARDER_OK,
        "%s", error.message);
    larder_stream_close(&changes);
    ck_assert_uint_eq(applied.generation, 1);
}

static void
set_up(void)
{
    words = (told){.size = 0};
    call = told_call(&words);
    call.now = 10 * DAY;
    error = (larder_error){0};
    store = NULL;
    folder = support_folder();
    support_write(folder, "feature_store.yaml", configuration);
    support_write(folder, "a.yaml", definitions);
}

static void
tear_down(void)
{
    larder_close(store);
    support_remove(folder);
    free(folder);
}

/* ---------------------------------------------------------------------- files
 */

START_TEST(files_of_cases_are_no_definitions)
{
    larder_faults faults = {0};

    support_write(folder, "a.test.yaml", "cases: nonsense\n");
    support_write(folder, "below/b.test.yml", "[\n");
    support_write(folder, "test.yaml", "entities: []\n");
    ck_assert_int_eq(open_store(true), LARDER_OK);
    ck_assert_int_eq(larder_validate(store, &call, &faults, &error), LARDER_OK);
    ck_assert_str_eq(words.text, "");
    ck_assert_uint_eq(faults.n_views, 2);

    support_write(folder, "latest.yaml", "cases: nonsense\n");
    ck_assert_int_eq(
        larder_validate(store, &call, &faults, &error), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(words.text, "unknown key 'cases'"));
}
END_TEST

START_TEST(patterns_name_paths_as_in_gitignore)
{
    static const char lines[] = "# a remark\n\n/data/\nold*\nfeatures/x.?\n";

    ck_assert(!ldr_ignored(NULL, "data", true));
    ck_assert(ldr_ignored(lines, "data", true));
    ck_assert(!ldr_ignored(lines, "data", false));
    ck_assert(!ldr_ignored(lines, "features/data", true));
    ck_assert(ldr_ignored(lines, "features/older", false));
    ck_assert(ldr_ignored(lines, "features/x.y", false));
    ck_assert(!ldr_ignored(lines, "x.y", false));
    ck_assert(!ldr_ignored(lines, "# a remark", false));
}
END_TEST

/* ------------------------------------------------------------------ in memory
 */

START_TEST(stores_in_memory_need_nothing_of_those_configured)
{
    ck_assert_int_eq(open_store(false), LARDER_INVALID);
    ck_assert_uint_gt(words.n_told, 0);
    words = (told){.size = 0};
    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ck_assert_str_eq(words.text, "");
}
END_TEST

START_TEST(stores_in_memory_are_empty_each_time)
{
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(open_store(true), LARDER_OK);
        apply(); /* generation 1, each time */
        larder_close(store);
        store = NULL;
    }
}
END_TEST

START_TEST(the_rest_of_the_configuration_is_read_all_the_same)
{
    support_write(folder, "feature_store.yaml",
        "project: 9\nregistry: {type: x, path: \"${UNSET}\"}\nfoo: 1\n");
    ck_assert_int_eq(open_store(true), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(words.text, "unknown key 'foo'"));
    ck_assert_ptr_nonnull(strstr(words.text, "not a legal name of a project"));
    ck_assert_ptr_null(strstr(words.text, "UNSET"));
}
END_TEST

/* One row of `trips`, driver 1, at the beginning of a day. */
static void
ingest(int64_t day, int64_t n)
{
    larder_source_shape shape = {0};
    larder_batch rows = {0};
    larder_stream stream = {0};
    larder_ingested done = {0};
    int64_t values[] = {1, n, day * DAY};

    ck_assert_int_eq(
        larder_source_columns(store, &call, "trips", &shape, &error),
        LARDER_OK);
    ck_assert_uint_eq(shape.schema->n_fields, 3);
    ck_assert_int_eq(larder_batch_init(&rows, shape.schema, &error), LARDER_OK);
    for (size_t i = 0; i < 3; i++) {
        larder_value value = {
            .type = shape.schema->fields[i].type, .as.integer = values[i]};

        ck_assert_int_eq(
            larder_column_append(&rows.columns[i], &value, &error), LARDER_OK);
    }
    rows.n_rows = 1;
    ck_assert_int_eq(larder_stream_of(&rows, &stream, &error), LARDER_OK);
    ck_assert_msg(larder_ingest(store, &call, "trips", &stream, &done,
                      &error) == LARDER_OK,
        "%s", error.message);
    larder_stream_close(&stream);
    ck_assert_uint_eq(done.added, 1);
    larder_ingested_release(&done);
}

/* What `get` gives for latest:n of driver 1. */
static larder_presence
get(int64_t *out)
{
    const char *ref = "latest:n";
    larder_features features = {.refs = &ref, .n_refs = 1};
    larder_value key = {.type = LARDER_INT64, .as.integer = 1};
    larder_reader *reader = NULL;
    larder_answer answer = {0};
    larder_batch keys = {0};
    larder_presence presence;

    ck_assert_msg(larder_reader_open(
                      store, &call, &features, &reader, &error) == LARDER_OK,
        "%s", error.message);
    ck_assert_int_eq(
        larder_batch_init(&keys, larder_reader_keys(reader), &error),
        LARDER_OK);
    ck_assert_int_eq(
        larder_column_append(&keys.columns[0], &key, &error), LARDER_OK);
    keys.n_rows = 1;
    ck_assert_int_eq(
        larder_reader_get(reader, &call, &keys, &answer, &error), LARDER_OK);
    presence = (larder_presence)answer.presence[0];
    *out = larder_column_value(&answer.values.columns[0], 0).as.integer;
    larder_batch_release(&keys);
    larder_answer_release(&answer);
    larder_reader_close(reader);
    return presence;
}

static larder_materialized
materialize(bool allow_empty)
{
    static const char *const views[] = {"latest"};
    larder_materialize_options options = {
        .views = views, .n_views = 1, .allow_empty = allow_empty};
    larder_run_report report = {0};
    larder_materialized one;

    ck_assert_msg(larder_materialize(store, &call, &options, &report, &error) ==
                      LARDER_OK,
        "%s", error.message);
    ck_assert_uint_eq(report.n_views, 1);
    one = report.views[0];
    larder_run_report_release(&report);
    return one;
}

START_TEST(a_store_in_memory_does_the_whole_job)
{
    int64_t n = 0;

    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ingest(9, 4);
    ingest(10, 5);
    ingest(11, 6); /* of the future */
    ck_assert_uint_eq(materialize(false).written, 1);
    ck_assert_int_eq(get(&n), LARDER_PRESENT);
    ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(defaults_of_the_configuration_hold_in_memory)
{
    int64_t n = 0;

    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ingest(8, 4); /* the ttl is a day */
    (void)materialize(false);
    ck_assert_int_eq(get(&n), LARDER_OUTSIDE_MAX_AGE);
}
END_TEST

START_TEST(a_run_that_may_be_empty_leaves_a_view_that_can_be_read)
{
    larder_reader *reader = NULL;
    const char *ref = "latest:n";
    larder_features features = {.refs = &ref, .n_refs = 1};
    int64_t n = 0;

    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ck_assert(materialize(false).failed_empty);
    ck_assert_int_eq(
        larder_reader_open(store, &call, &features, &reader, &error),
        LARDER_NOT_FOUND);
    ck_assert(!materialize(true).failed_empty);
    ck_assert_int_eq(get(&n), LARDER_NOT_FOUND_KEY);
}
END_TEST

/* ------------------------------------------------------- what features take
 */

START_TEST(features_tell_what_they_take_and_give)
{
    const char *refs[] = {"derived:per", "old:stars"};
    larder_features features = {.refs = refs, .n_refs = 2, .full_names = true};
    larder_features_shape shape = {0};

    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ck_assert_int_eq(
        larder_features_columns(store, &call, &features, &shape, &error),
        LARDER_OK);
    ck_assert_uint_eq(shape.keys->n_fields, 1);
    ck_assert_str_eq(shape.keys->fields[0].name, "driver_id");
    ck_assert_int_eq(shape.keys->fields[0].type, LARDER_INT64);
    ck_assert_uint_eq(shape.requests->n_fields, 1); /* `word` is not named */
    ck_assert_str_eq(shape.requests->fields[0].name, "calls");
    ck_assert_int_eq(shape.requests->fields[0].type, LARDER_INT32);
    ck_assert_uint_eq(shape.features->n_fields, 2);
    ck_assert_str_eq(shape.features->fields[0].name, "derived__per");
    ck_assert_int_eq(shape.features->fields[0].type, LARDER_FLOAT64);
    ck_assert_uint_eq(shape.n_views, 2);
    for (size_t i = 0; i < 2; i++) {
        const larder_read_view *view = &shape.views[i];
        bool latest = strcmp(view->view, "latest") == 0;

        ck_assert_str_eq(view->view, latest ? "latest" : "old");
        ck_assert_str_eq(view->source, latest ? "trips" : "theirs");
        ck_assert_int_eq(view->owned, latest);
        ck_assert_int_eq(view->online, latest);
    }
}
END_TEST

START_TEST(a_feature_that_is_none_is_told_with_the_nearest)
{
    const char *ref = "latst:n";
    larder_features features = {.refs = &ref, .n_refs = 1};
    larder_features_shape shape = {0};

    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ck_assert_int_eq(
        larder_features_columns(store, &call, &features, &shape, &error),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(error.hint, "did you mean 'latest'?");
    ck_assert_ptr_null(shape.keys); /* untouched */
}
END_TEST

START_TEST(rows_go_only_where_history_is)
{
    larder_stream none = {0};
    larder_ingested done = {0};

    ck_assert_int_eq(open_store(true), LARDER_OK);
    apply();
    ck_assert_int_eq(
        larder_ingest(store, &call, "trips_push", &none, &done, &error),
        LARDER_INVALID);
    ck_assert_str_eq(error.message,
        "source 'trips_push' is of kind push: its history is that of 'trips'");
    error = (larder_error){0};
    ck_assert_int_eq(larder_ingest(store, &call, "asked", &none, &done, &error),
        LARDER_INVALID);
    ck_assert_str_eq(
        error.message, "source 'asked' is of kind request: it has no history");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cases");
    TCase *tcase = tcase_create("cases");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, files_of_cases_are_no_definitions);
    tcase_add_test(tcase, patterns_name_paths_as_in_gitignore);
    tcase_add_test(tcase, stores_in_memory_need_nothing_of_those_configured);
    tcase_add_test(tcase, stores_in_memory_are_empty_each_time);
    tcase_add_test(tcase, the_rest_of_the_configuration_is_read_all_the_same);
    tcase_add_test(tcase, a_store_in_memory_does_the_whole_job);
    tcase_add_test(tcase, defaults_of_the_configuration_hold_in_memory);
    tcase_add_test(
        tcase, a_run_that_may_be_empty_leaves_a_view_that_can_be_read);
    tcase_add_test(tcase, features_tell_what_they_take_and_give);
    tcase_add_test(tcase, a_feature_that_is_none_is_told_with_the_nearest);
    tcase_add_test(tcase, rows_go_only_where_history_is);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
