/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_layout.c - what of a repository does not fit `layout: feast`, and is
 * told before anything is written.
 */
#include "definition/layout.h"
#include "snapshots.h"
#include "support.h"
#include "told.h"

#include <stdlib.h>
#include <string.h>

static const char repository[] =
    "entities:\n"
    "  - {name: driver, join_key: driver_id, type: int64}\n"
    "sources:\n"
    "  - name: trips\n"
    "    timestamp_field: at\n"
    "    schema:\n"
    "      - {name: driver_id, type: int64}\n"
    "      - {name: n, type: int64}\n"
    "      - {name: seen, type: timestamp}\n"
    "feature_views:\n"
    "  - name: v\n"
    "    entities: [driver]\n"
    "    source: trips\n"
    "    features:\n"
    "      - {name: n, type: int64}\n";

static const char feature[] = "- {name: n, type: int64}\n";

static size_t
check(ldr_snapshot *before, ldr_snapshot *wanted, told *all, size_t *n_warnings)
{
    static const ldr_definitions nothing;
    larder_call call = told_call(all);
    ldr_faults faults = {.call = &call};

    ck_assert_int_eq(ldr_layout_check(before == NULL ? &nothing : &before->all,
                         &wanted->all, &faults, NULL),
        LARDER_OK);
    if (before != NULL)
        ldr_snapshot_drop(before);
    ldr_snapshot_drop(wanted);
    if (n_warnings != NULL)
        *n_warnings = faults.n_warnings;
    return faults.n_errors;
}

START_TEST(plain_views_fit)
{
    static told all;
    size_t n_warnings;

    ck_assert_uint_eq(
        check(NULL, snapshots_of(repository), &all, &n_warnings), 0);
    ck_assert_uint_eq(n_warnings, 0);
    ck_assert_uint_eq(check(snapshots_of(repository), snapshots_of(repository),
                          &all, &n_warnings),
        0);
    ck_assert_uint_eq(n_warnings, 0);
}
END_TEST

/* `line` in place of the view's feature. */
static ldr_snapshot *
with(const char *line)
{
    char yaml[4096];
    size_t head = strlen(repository) - strlen(feature);

    snprintf(yaml, sizeof yaml, "%.*s%s\n", (int)head, repository, line);
    return snapshots_of(yaml);
}

START_TEST(a_windowed_feature_is_refused_with_place_and_remedy)
{
    static told all;

    ck_assert_uint_eq(
        check(NULL,
            with("- {name: n_7d, type: int64, aggregate: sum, column: n, "
                 "window: 7d}"),
            &all, NULL),
        1);
    ck_assert_ptr_nonnull(strstr(all.text, ":15:"));
    ck_assert_ptr_nonnull(
        strstr(all.text, "'n_7d' of feature view 'v' is windowed"));
    ck_assert_ptr_nonnull(strstr(all.text, "online: false"));
}
END_TEST

START_TEST(a_view_that_is_not_online_may_have_windows)
{
    static told all;

    ck_assert_uint_eq(
        check(NULL,
            with("- {name: n_7d, type: int64, aggregate: sum, column: n, "
                 "window: 7d}\n"
                 "    online: false"),
            &all, NULL),
        0);
}
END_TEST

START_TEST(a_key_that_feast_has_not_is_refused_with_its_place)
{
    static told all;
    ldr_snapshot *wanted = snapshots_of(
        "entities:\n"
        "  - {name: side, join_key: is_left, type: bool}\n"
        "sources:\n"
        "  - {name: s, timestamp_field: at, schema: [{name: is_left, type: "
        "bool}, {name: n, type: int64}]}\n"
        "feature_views:\n"
        "  - {name: v, entities: [side], source: s, features: [{name: n, type: "
        "int64}]}\n");

    ck_assert_uint_eq(check(NULL, wanted, &all, NULL), 1);
    ck_assert_ptr_nonnull(strstr(all.text, ":2:"));
    ck_assert_ptr_nonnull(strstr(all.text, "'is_left'"));
    ck_assert_ptr_nonnull(strstr(all.text, "type bool"));
}
END_TEST

START_TEST(timestamps_are_told_to_be_floored)
{
    static told all;
    size_t n_warnings;

    ck_assert_uint_eq(
        check(NULL, with("- {name: seen, type: timestamp}"), &all, &n_warnings),
        0);
    ck_assert_uint_eq(n_warnings, 1);
    ck_assert_ptr_nonnull(strstr(all.text, "floored to whole seconds"));
}
END_TEST

START_TEST(two_features_of_one_field_are_refused)
{
    static told all;

    ck_assert_uint_eq(check(NULL,
                          with("- {name: f37660, type: int64, from: n}\n"
                               "      - {name: f43618, type: int64, from: n}"),
                          &all, NULL),
        1);
    ck_assert_ptr_nonnull(strstr(all.text, "'v:f37660'"));
    ck_assert_ptr_nonnull(strstr(all.text, "'v:f43618'"));
    ck_assert_ptr_nonnull(strstr(all.text, "another name"));
}
END_TEST

START_TEST(what_becomes_of_stored_rows_is_told)
{
    static told all;
    size_t n_warnings;

    (void)check(snapshots_of(repository),
        with("- {name: n, type: timestamp, from: seen}"), &all, &n_warnings);
    ck_assert_uint_eq(n_warnings, 2); /* and it is floored */
    ck_assert_ptr_nonnull(strstr(all.text, "writes over"));
    all = (told){0};
    (void)check(snapshots_of(repository),
        with("- {name: rides, type: int64, from: n}"), &all, &n_warnings);
    ck_assert_uint_eq(n_warnings, 1);
    ck_assert_ptr_nonnull(strstr(all.text, "--full -V v"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("layout");
    TCase *tests = tcase_create("layout");

    tcase_add_test(tests, plain_views_fit);
    tcase_add_test(tests, a_windowed_feature_is_refused_with_place_and_remedy);
    tcase_add_test(tests, a_view_that_is_not_online_may_have_windows);
    tcase_add_test(tests, a_key_that_feast_has_not_is_refused_with_its_place);
    tcase_add_test(tests, timestamps_are_told_to_be_floored);
    tcase_add_test(tests, two_features_of_one_field_are_refused);
    tcase_add_test(tests, what_becomes_of_stored_rows_is_told);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
