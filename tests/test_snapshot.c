/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_snapshot.c - one version of all definitions, from a folder and from the
 * registry.
 */
#include "data/text.h"
#include "definition/load.h"
#include "registry/snapshot.h"
#include "snapshots.h"
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char repository[] =
    "entities:\n"
    "  - {name: hcp, join_key: hcp_id, type: string}\n"
    "sources:\n"
    "  - name: activity\n"
    "    timestamp_field: at\n"
    "    schema: [{name: hcp_id, type: string}, {name: trx, type: int64}]\n"
    "feature_views:\n"
    "  - {name: prescribing, entities: [hcp], source: activity, ttl: 168h,\n"
    "     features: [{name: trx, type: int64}]}\n"
    "feature_services:\n"
    "  - {name: model_v1, features: [prescribing]}\n";

/* Store a text as the first generation, with its hash unless another. */
static void
store(ldr_records *records, const char *text, const char *hash)
{
    larder_call call = support_call(7);
    larder_generation generation = {
        .number = 1, .applied = 7, .n_text = strlen(text)};

    generation.text = strdup(text);
    ck_assert_ptr_nonnull(generation.text);
    ldr_hash_hex((larder_bytes){text, strlen(text)}, generation.hash);
    if (hash != NULL)
        strcpy(generation.hash, hash);
    ck_assert_int_eq(
        ldr_records_append(records, &call, "test", 0, &generation, NULL),
        LARDER_OK);
    free(generation.text);
}

START_TEST(a_folder_gives_definitions_with_their_places_and_canonical_text)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    const ldr_view *view;
    char hash[33];

    ck_assert_uint_eq(snapshot->generation, 0);
    ck_assert_int_eq(
        ldr_snapshot_view(snapshot, "PRESCRIBING", &view, NULL), LARDER_OK);
    ck_assert_str_eq(view->about.name, "prescribing");
    ck_assert_str_eq(view->source->about.name, "activity");
    ck_assert_uint_eq(view->about.place.line, 8);
    ck_assert_ptr_nonnull(strstr(view->about.place.file, "all.yaml"));
    ck_assert_ptr_nonnull(strstr(snapshot->text, "ttl: 7d"));
    ck_assert_uint_eq(strlen(snapshot->text), snapshot->n_text);
    ldr_hash_hex((larder_bytes){snapshot->text, snapshot->n_text}, hash);
    ck_assert_str_eq(snapshot->hash, hash);
    ldr_snapshot_drop(snapshot);
}
END_TEST

static void
count(void *context, const larder_diagnostic *diagnostic)
{
    size_t *n = context;

    *n += !diagnostic->warning;
}

START_TEST(a_faulty_folder_tells_every_fault_and_returns_the_first)
{
    size_t n_told = 0;
    larder_call call = {.diagnostic = count, .context = &n_told};
    char *folder = support_folder();
    ldr_snapshot *snapshot = NULL;
    ldr_faults faults = {0};
    larder_error err = {0};

    support_write(folder, "a.yaml", "entities:\n  - {name: x, type: int46}\n");
    support_write(folder, "b.yaml",
        "feature_services:\n  - {name: s, features: [nowhere]}\n");
    ck_assert_int_eq(
        ldr_snapshot_of_folder(folder, 0, &call, &faults, &snapshot, &err),
        LARDER_INVALID);
    ck_assert_ptr_null(snapshot);
    ck_assert_uint_ge(n_told, 2);
    ck_assert_uint_eq(faults.n_errors, n_told);
    ck_assert_ptr_nonnull(strstr(err.message, "int46"));
    ck_assert_ptr_nonnull(strstr(err.file, "a.yaml"));
    ck_assert_uint_eq(err.line, 2);
    support_remove(folder);
    ck_assert_int_eq(
        ldr_snapshot_of_folder(folder, 0, &call, NULL, &snapshot, &err),
        LARDER_NOT_FOUND);
    free(folder);
}
END_TEST

START_TEST(a_view_without_a_ttl_takes_the_one_of_the_configuration)
{
    larder_call call = support_call(0);
    char *folder = support_folder();
    ldr_snapshot *snapshot = NULL;
    larder_error err = {0};

    support_write(folder, "a.yaml",
        "entities:\n  - {name: e, join_key: k, type: int64}\n"
        "sources:\n  - {name: h, table: t, timestamp_field: ts}\n"
        "feature_views:\n"
        "  - {name: own, entities: [e], source: h, ttl: 2h, features: [{name: "
        "a, type: int64}]}\n"
        "  - {name: bare, entities: [e], source: h, features: [{name: a, type: "
        "int64}]}\n");
    ck_assert_int_eq(ldr_snapshot_of_folder(folder, INT64_C(3600000000), &call,
                         NULL, &snapshot, &err),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_find_view(&snapshot->all, "bare")->ttl_us, INT64_C(3600000000));
    ck_assert_int_eq(
        ldr_find_view(&snapshot->all, "own")->ttl_us, INT64_C(7200000000));
    ck_assert_ptr_nonnull(strstr(snapshot->text, "ttl: 1h"));
    ldr_snapshot_drop(snapshot);
    support_remove(folder);
    free(folder);
}
END_TEST

START_TEST(what_was_stored_comes_back_the_same)
{
    larder_call call = support_call(0);
    ldr_records *records = snapshots_records();
    ldr_snapshot *wanted = snapshots_of(repository), *stored = NULL;
    const ldr_service *service;

    store(records, wanted->text, NULL);
    for (uint64_t number = 0; number < 2; number++) {
        ck_assert_int_eq(ldr_snapshot_of_registry(
                             records, &call, "test", number, &stored, NULL),
            LARDER_OK);
        ck_assert_uint_eq(stored->generation, 1);
        ck_assert_str_eq(stored->text, wanted->text);
        ck_assert_str_eq(stored->hash, wanted->hash);
        ck_assert_int_eq(
            ldr_snapshot_service(stored, "model_v1", &service, NULL),
            LARDER_OK);
        ck_assert_str_eq(service->items[0].view->about.name, "prescribing");
        ck_assert_str_eq(service->about.place.file, "generation 1");
        ldr_snapshot_drop(stored);
    }
    ldr_snapshot_drop(wanted);
    ldr_records_close(records);
}
END_TEST

START_TEST(a_generation_that_is_not_there_is_named)
{
    larder_call call = support_call(0);
    ldr_records *records = snapshots_records();
    ldr_snapshot *snapshot = NULL;
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_snapshot_of_registry(records, &call, "test", 5, &snapshot, &err),
        LARDER_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "5"));
    ck_assert_ptr_null(snapshot);
    ldr_records_close(records);
}
END_TEST

START_TEST(nothing_applied_is_an_empty_snapshot)
{
    larder_call call = support_call(0);
    ldr_records *stores[] = {snapshots_records(), NULL};
    const ldr_view *view;

    for (size_t i = 0; i < 2; i++) {
        ldr_snapshot *snapshot = NULL;
        larder_error err = {0};

        ck_assert_int_eq(ldr_snapshot_of_registry(
                             stores[i], &call, "test", 0, &snapshot, &err),
            LARDER_OK);
        ck_assert_uint_eq(snapshot->generation, 0);
        ck_assert_str_eq(snapshot->text, "");
        ck_assert_uint_eq(ldr_snapshot_count(snapshot, LARDER_ALL), 0);
        ck_assert_int_eq(
            ldr_snapshot_view(snapshot, "v", &view, &err), LARDER_NOT_FOUND);
        ck_assert_str_eq(
            err.hint, "nothing is applied yet: run 'larder apply'");
        ldr_snapshot_drop(snapshot);
    }
    ldr_records_close(stores[0]);
}
END_TEST

START_TEST(damaged_text_is_found_by_its_hash)
{
    larder_call call = support_call(0);
    ldr_records *records = snapshots_records();
    ldr_snapshot *snapshot = NULL;
    larder_error err = {0};

    store(records, repository, "00000000000000000000000000000000");
    ck_assert_int_eq(
        ldr_snapshot_of_registry(records, &call, "test", 0, &snapshot, &err),
        LARDER_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "generation 1"));
    ck_assert_ptr_null(snapshot);
    ldr_records_close(records);
}
END_TEST

START_TEST(stored_text_that_does_not_load_is_corrupt_not_a_users_fault)
{
    size_t n_told = 0;
    larder_call call = {.diagnostic = count, .context = &n_told};
    ldr_records *records = snapshots_records();
    ldr_snapshot *snapshot = NULL;
    larder_error err = {0};

    store(records, "entities:\n  - {name: x, wings: 2}\n", NULL);
    ck_assert_int_eq(
        ldr_snapshot_of_registry(records, &call, "test", 0, &snapshot, &err),
        LARDER_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "generation 1"));
    ck_assert_ptr_nonnull(strstr(err.message, "wings"));
    ck_assert_uint_eq(n_told, 0);
    ldr_records_close(records);
}
END_TEST

START_TEST(a_name_that_is_not_there_gets_the_nearest_of_its_kind)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    const ldr_source *source = NULL;
    const ldr_service *service = NULL;
    const ldr_view *view = NULL;
    larder_error err = {0};

    ck_assert_int_eq(ldr_snapshot_view(snapshot, "prescribng", &view, &err),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(err.message, "there is no feature view 'prescribng'");
    ck_assert_str_eq(err.hint, "did you mean 'prescribing'?");
    ck_assert_int_eq(ldr_snapshot_source(snapshot, "activties", &source, &err),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(err.hint, "did you mean 'activity'?");
    ck_assert_int_eq(ldr_snapshot_service(snapshot, "zzz", &service, &err),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(err.message, "there is no feature service 'zzz'");
    ck_assert_str_eq(err.hint, "");
    ck_assert_ptr_null(source);
    ck_assert_ptr_null(service);
    ck_assert_ptr_null(view);
    ldr_snapshot_drop(snapshot);
}
END_TEST

START_TEST(any_object_is_found_by_name_whatever_the_case)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    larder_kind kind = LARDER_ALL;

    ck_assert_ptr_null(ldr_snapshot_find(snapshot, "nobody", &kind));
    ck_assert_int_eq(kind, LARDER_ALL);
    ck_assert_ptr_nonnull(ldr_snapshot_find(snapshot, "Model_V1", &kind));
    ck_assert_int_eq(kind, LARDER_SERVICES);
    ck_assert_ptr_nonnull(ldr_snapshot_find(snapshot, "activity", &kind));
    ck_assert_int_eq(kind, LARDER_SOURCES);
    ck_assert_uint_eq(ldr_snapshot_count(snapshot, LARDER_ALL), 4);
    ck_assert_str_eq(
        ldr_snapshot_at(snapshot, LARDER_ALL, 3)->name, "model_v1");
    ldr_snapshot_drop(snapshot);
}
END_TEST

#define HOLDS 20000

static void *
hold_and_drop(void *context)
{
    ldr_snapshot *snapshot = context;

    for (size_t i = 0; i < HOLDS; i++) {
        ldr_snapshot *held = ldr_snapshot_hold(snapshot);

        if (held->all.n_views != 1)
            return NULL;
        ldr_snapshot_drop(held);
    }
    ldr_snapshot_drop(snapshot);
    return context;
}

START_TEST(threads_share_a_snapshot_and_the_last_one_clears_it)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hold_and_drop,
                             ldr_snapshot_hold(snapshot)),
            0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;

        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, snapshot);
    }
    ck_assert_uint_eq(snapshot->n_holders, 1);
    ldr_snapshot_drop(snapshot);
    ldr_snapshot_drop(NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");

    tcase_add_test(
        tcase, a_folder_gives_definitions_with_their_places_and_canonical_text);
    tcase_add_test(
        tcase, a_faulty_folder_tells_every_fault_and_returns_the_first);
    tcase_add_test(
        tcase, a_view_without_a_ttl_takes_the_one_of_the_configuration);
    tcase_add_test(tcase, what_was_stored_comes_back_the_same);
    tcase_add_test(tcase, a_generation_that_is_not_there_is_named);
    tcase_add_test(tcase, nothing_applied_is_an_empty_snapshot);
    tcase_add_test(tcase, damaged_text_is_found_by_its_hash);
    tcase_add_test(
        tcase, stored_text_that_does_not_load_is_corrupt_not_a_users_fault);
    tcase_add_test(
        tcase, a_name_that_is_not_there_gets_the_nearest_of_its_kind);
    tcase_add_test(tcase, any_object_is_found_by_name_whatever_the_case);
    tcase_add_test(tcase, threads_share_a_snapshot_and_the_last_one_clears_it);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
