/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_validate.c - names resolve, types agree; every fault has its place.
 *
 * tests/cases/faults holds definition files and, beside each, exactly what is
 * told of it.
 */
#include "definition/validate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "definition/load.h"
#include "tests/support.h"
#include "tests/told.h"

static ldr_arena arena;
static told words;
static larder_call call;
static ldr_faults faults;
static ldr_definitions all;

static void
set_up(void)
{
    arena = (ldr_arena){0};
    words = (told){.size = 0};
    call = told_call(&words);
    faults = (ldr_faults){.call = &call};
    all = (ldr_definitions){0};
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
}

/* Load and validate a text under a name. */
static void
check_text(const char *name, const char *text)
{
    ck_assert_int_eq(
        ldr_load_text(name, text, strlen(text), &arena, &faults, &all, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
}

static void
check_good(const char *text)
{
    check_text("good.yaml", text);
    ck_assert_str_eq(words.text, "");
}

/* ------------------------------------------------------------------- cases */

static char *
case_path(const char *name, const char *end)
{
    const char *top = getenv("srcdir");
    char *path = malloc(4096);

    ck_assert_ptr_nonnull(path);
    snprintf(path, 4096, "%s/tests/cases/faults/%s%s", top != NULL ? top : ".",
        name, end);
    return path;
}

/* One pair of files. With LARDER_ACCEPT set what is told is written down. */
static void
run_case(const char *name)
{
    char *yaml = case_path(name, ".yaml"), *expect = case_path(name, ".expect");
    char *text = support_read(yaml), *expected;
    char shown[300];

    snprintf(shown, sizeof shown, "%s.yaml", name);
    check_text(shown, text);
    if (getenv("LARDER_ACCEPT") != NULL) {
        FILE *file = fopen(expect, "wb");

        ck_assert_ptr_nonnull(file);
        fputs(words.text, file);
        fclose(file);
    }
    expected = support_read(expect);
    ck_assert_msg(strcmp(words.text, expected) == 0,
        "%s.yaml: expected\n%s\ntold\n%s", name, expected, words.text);
    ck_assert_uint_gt(faults.n_errors, 0);
    free(expected);
    free(text);
    free(expect);
    free(yaml);
}

START_TEST(each_case_tells_exactly_its_faults)
{
    char *path = case_path("", "");
    DIR *folder = opendir(path);
    const struct dirent *entry;
    size_t n_cases = 0;

    ck_assert_msg(folder != NULL, "no folder %s", path);
    while ((entry = readdir(folder)) != NULL) {
        char name[256];
        size_t size = strlen(entry->d_name);

        if (size < 6 || strcmp(entry->d_name + size - 5, ".yaml") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)size - 5, entry->d_name);
        tear_down();
        set_up();
        run_case(name);
        n_cases++;
    }
    closedir(folder);
    free(path);
    ck_assert_uint_ge(n_cases, 14);
}
END_TEST

/* ------------------------------------------------------------------- filled */

#define HEAD                                                                   \
    "entities:\n"                                                              \
    "  - {name: hcp, join_key: hcp_id, type: string}\n"                        \
    "  - {name: Brand, type: int64}\n"                                         \
    "sources:\n"                                                               \
    "  - name: activity\n"                                                     \
    "    timestamp_field: ts\n"                                                \
    "    created_timestamp_column: made\n"                                     \
    "    schema: [{name: score, type: float32}, {name: hcp_id, type: "         \
    "string}, {name: Brand, type: int64}]\n"                                   \
    "  - {name: foreign, timestamp_field: at, table: public.t}\n"

START_TEST(references_resolve_whatever_the_case_and_take_the_defined_spelling)
{
    const ldr_view *view;
    const ldr_service *service;

    check_good(
        HEAD "feature_views:\n"
             "  - name: Scores\n"
             "    entities: [HCP, brand]\n"
             "    source: ACTIVITY\n"
             "    features: [{name: Score, type: float64, from: score}]\n"
             "feature_services:\n"
             "  - {name: s, features: [\"scores:SCORE\"]}\n");
    view = ldr_find_view(&all, "scores");
    ck_assert_ptr_nonnull(view);
    ck_assert_ptr_eq(view->source, ldr_find_source(&all, "activity"));
    ck_assert_str_eq(view->source_name, "activity");
    ck_assert_str_eq(view->entity_names[0], "hcp");
    ck_assert_str_eq(view->entity_names[1], "Brand");
    ck_assert_ptr_eq(view->entities[1], ldr_find_entity(&all, "BRAND"));
    service = ldr_find_service(&all, "S");
    ck_assert_ptr_eq(service->items[0].view, view);
    ck_assert_str_eq(service->items[0].view_name, "Scores");
    ck_assert_str_eq(service->items[0].feature_name, "Score");
    ck_assert_ptr_null(ldr_find_view(&all, "score"));
    ck_assert_ptr_null(ldr_find_job(&all, "s"));
}
END_TEST

START_TEST(join_keys_are_in_name_order_and_a_key_follows_the_schema)
{
    const ldr_view *view;
    const ldr_source *source;

    check_good(HEAD "feature_views:\n"
                    "  - {name: a, entities: [hcp, Brand], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n"
                    "  - {name: b, entities: [hcp], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n"
                    "  - {name: c, entities: [Brand], source: foreign,\n"
                    "     features: [{name: x, type: bytes}]}\n");
    view = ldr_find_view(&all, "a");
    ck_assert_uint_eq(view->n_keys, 2);
    ck_assert_str_eq(view->keys[0].name, "Brand");
    ck_assert_int_eq(view->keys[0].type, LARDER_INT64);
    ck_assert_str_eq(view->keys[1].name, "hcp_id");
    source = ldr_find_source(&all, "activity");
    ck_assert_uint_eq(source->n_key, 2);
    ck_assert_str_eq(source->key[0], "hcp_id");
    ck_assert_str_eq(source->key[1], "Brand");
    ck_assert(!source->key_written);
    ck_assert_str_eq(source->table, "activity");
    ck_assert_uint_eq(ldr_find_source(&all, "foreign")->n_key, 0);
}
END_TEST

START_TEST(time_columns_that_are_not_listed_come_last)
{
    const ldr_source *source;

    check_good("sources:\n"
               "  - {name: a, timestamp_field: ts, created_timestamp_column: "
               "made, key: [id], schema: [{name: made, type: timestamp}, "
               "{name: id, type: int64}]}\n");
    source = ldr_find_source(&all, "a");
    ck_assert_uint_eq(source->schema.n_fields, 3);
    ck_assert_str_eq(source->schema.fields[0].name, "made");
    ck_assert_str_eq(source->schema.fields[2].name, "ts");
    ck_assert_int_eq(source->schema.fields[2].type, LARDER_TIMESTAMP);
    ck_assert_str_eq(source->key[0], "id");
    ck_assert(source->key_written);
}
END_TEST

START_TEST(a_view_may_have_no_entities)
{
    const ldr_view *view;

    check_good(HEAD "feature_views:\n"
                    "  - {name: a, entities: [], source: activity,\n"
                    "     features: [{name: score, type: float32}]}\n");
    view = ldr_find_view(&all, "a");
    ck_assert_uint_eq(view->n_keys, 0);
    ck_assert_uint_eq(ldr_find_source(&all, "activity")->n_key, 0);
}
END_TEST

START_TEST(a_service_may_ask_for_a_view_under_two_names)
{
    const ldr_service *service;

    check_good(HEAD
        "feature_views:\n"
        "  - {name: v, entities: [hcp], source: activity,\n"
        "     features: [{name: score, type: float32}, {name: Brand, type: "
        "int64}]}\n"
        "feature_services:\n"
        "  - name: s\n"
        "    features:\n"
        "      - \"v:Brand\"\n"
        "      - {view: v, as: other, join_key_map: {hcp_id: other_id}, "
        "features: [Brand, score]}\n"
        "      - \"v:score\"\n"
        "      - {view: v, as: third}\n");
    service = ldr_find_service(&all, "s");
    ck_assert_uint_eq(service->n_items, 5);
    ck_assert_str_eq(service->items[1].alias, "other");
    ck_assert_str_eq(service->items[1].feature_name, "Brand");
    ck_assert_str_eq(service->items[2].feature_name, "score");
    ck_assert_str_eq(service->items[2].join_key_map[0].value, "other_id");
    ck_assert_str_eq(service->items[3].feature_name, "score");
    ck_assert_ptr_null(service->items[3].alias);
    ck_assert_ptr_null(service->items[4].feature_name);
}
END_TEST

START_TEST(what_a_broken_file_may_hold_is_not_called_unknown)
{
    char text[] = "entities:\n  - {name: hcp, type: string}\n"
                  "feature_views:\n"
                  "  - {name: v, entities: [brand, hpc], source: lost, "
                  "features: [{name: a, type: bool}]}\n";

    ck_assert_int_eq(ldr_load_text("a.yaml", text, strlen(text), &arena,
                         &faults, &all, NULL),
        LARDER_OK);
    all.incomplete = true;
    ck_assert_int_eq(ldr_validate(&all, &arena, &faults, NULL), LARDER_OK);
    ck_assert_str_eq(words.text,
        "a.yaml:4:33: error: unknown entity 'hpc' in feature view 'v'\n"
        "    hint: did you mean 'hcp'?\n");
}
END_TEST

START_TEST(too_many_columns_are_refused_by_name)
{
    static char text[100000];
    size_t used = (size_t)snprintf(text, sizeof text,
        "sources:\n  - {name: a, timestamp_field: ts, key: [], schema: [");

    for (int i = 0; i < 1001; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            "%s{name: c%d, type: int64}", i == 0 ? "" : ", ", i);
    snprintf(text + used, sizeof text - used, "]}\n");
    check_text("a.yaml", text);
    ck_assert_str_eq(words.text,
        "a.yaml:2:53: error: source 'a' has 1002 columns; at most 1000 are "
        "kept\n");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("validate");
    TCase *cases = tcase_create("cases"), *filled = tcase_create("filled");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, each_case_tells_exactly_its_faults);
    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(filled, set_up, tear_down);
    tcase_add_test(filled,
        references_resolve_whatever_the_case_and_take_the_defined_spelling);
    tcase_add_test(
        filled, join_keys_are_in_name_order_and_a_key_follows_the_schema);
    tcase_add_test(filled, time_columns_that_are_not_listed_come_last);
    tcase_add_test(filled, a_view_may_have_no_entities);
    tcase_add_test(filled, a_service_may_ask_for_a_view_under_two_names);
    tcase_add_test(filled, what_a_broken_file_may_hold_is_not_called_unknown);
    tcase_add_test(filled, too_many_columns_are_refused_by_name);
    suite_add_tcase(suite, filled);
    return support_run(suite);
}
