/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plan.c - a request to views, key columns and output names, and what is
 * refused before any row is read.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "tests/snapshots.h"
#include "tests/support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char repository[] =
    "entities:\n"
    "  - {name: customer, join_key: customer_id, type: int64}\n"
    "  - {name: merchant, join_key: merchant_id, type: string}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts, key: [merchant_id, customer_id],\n"
    "     schema: [{name: customer_id, type: int64},\n"
    "       {name: merchant_id, type: string}, {name: a, type: int64},\n"
    "       {name: b, type: int32}, {name: c, type: string}]}\n"
    "feature_views:\n"
    "  - {name: spend, entities: [customer], source: h,\n"
    "     features: [{name: a, type: int64}, {name: b, type: int64}]}\n"
    "  - {name: shop, entities: [merchant], source: h,\n"
    "     features: [{name: c, type: string}, {name: b, type: int32}]}\n"
    "  - {name: visit, entities: [customer, merchant], source: h,\n"
    "     features: [{name: last_a, type: int64, from: a}]}\n"
    "  - {name: whole, entities: [], source: h,\n"
    "     features: [{name: total, type: int64, from: a}]}\n"
    "feature_services:\n"
    "  - {name: plain, features: [shop, \"spend:a\"]}\n"
    "  - name: gift\n"
    "    features:\n"
    "      - \"spend:a\"\n"
    "      - {view: spend, as: receiver, features: [a],\n"
    "         join_key_map: {customer_id: receiver_id}}\n"
    "  - name: mixed\n"
    "    features:\n"
    "      - \"shop:c\"\n"
    "      - {view: spend, as: other, features: [a],\n"
    "         join_key_map: {customer_id: merchant_id}}\n";

static ldr_snapshot *snapshot;
static ldr_plan plan;
static larder_error err;

static void
setup(void)
{
    snapshot = snapshots_of(repository);
    plan = (ldr_plan){0};
    err = (larder_error){0};
}

static void
teardown(void)
{
    ldr_plan_release(&plan);
    ldr_snapshot_drop(snapshot);
}

static larder_status
ask(const char *const *refs, size_t n_refs, bool full_names)
{
    larder_features features = {
        .refs = refs, .n_refs = n_refs, .full_names = full_names};

    return ldr_plan_make(snapshot, &features, &plan, &err);
}

static void
ask_service(const char *name)
{
    larder_features features = {.service = name};

    ck_assert_msg(ldr_plan_make(snapshot, &features, &plan, &err) == LARDER_OK,
        "%s", err.message);
}

/* "name=ref " of each output, in order. */
static void
expect_outputs(const char *expected)
{
    char text[1024] = "";
    size_t size = 0;

    ck_assert_uint_eq(plan.outputs.n_fields, plan.n_features);
    for (size_t i = 0; i < plan.n_features; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s=%s ",
            plan.features[i].name, plan.features[i].ref);
        ck_assert_str_eq(plan.outputs.fields[i].name, plan.features[i].name);
    }
    ck_assert_str_eq(text, expected);
}

/* "name:type " of each key column. */
static void
expect_keys(const char *expected)
{
    char text[1024] = "";
    size_t size = 0;

    for (size_t i = 0; i < plan.keys.n_fields; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s:%s ",
            plan.keys.fields[i].name,
            larder_type_name(plan.keys.fields[i].type));
    ck_assert_str_eq(text, expected);
}

static void
expect_failure(larder_status rc, larder_status expected, const char *message,
    const char *hint)
{
    ck_assert_int_eq(rc, expected);
    ck_assert_str_eq(err.message, message);
    ck_assert_str_eq(err.hint, hint);
    ck_assert_ptr_null(plan.snapshot); /* outputs are untouched */
}

/* ------------------------------------------------------------------- names */

START_TEST(features_come_in_the_order_asked)
{
    const char *refs[] = {"visit:last_a", "spend:b", "spend:a"};

    ck_assert_int_eq(ask(refs, COUNT(refs), false), LARDER_OK);
    expect_outputs("last_a=visit:last_a b=spend:b a=spend:a ");
    ck_assert_uint_eq(plan.n_views, 2); /* each view is read once */
    expect_keys("customer_id:int64 merchant_id:string ");
}
END_TEST

START_TEST(full_names_begin_with_the_view)
{
    const char *refs[] = {"spend:b", "shop:b"};

    ck_assert_int_eq(ask(refs, COUNT(refs), true), LARDER_OK);
    expect_outputs("spend__b=spend:b shop__b=shop:b ");
    ck_assert_int_eq(plan.outputs.fields[0].type, LARDER_INT64);
    ck_assert_int_eq(plan.outputs.fields[1].type, LARDER_INT32);
}
END_TEST

START_TEST(a_view_by_itself_is_all_its_features)
{
    const char *refs[] = {"shop", "spend:a"};

    ck_assert_int_eq(ask(refs, COUNT(refs), false), LARDER_OK);
    expect_outputs("c=shop:c b=shop:b a=spend:a ");
}
END_TEST

START_TEST(a_reference_finds_its_view_whatever_the_case)
{
    const char *refs[] = {"SPEND:a"};

    ck_assert_int_eq(ask(refs, COUNT(refs), true), LARDER_OK);
    expect_outputs("spend__a=spend:a ");
}
END_TEST

START_TEST(a_service_answers_in_its_own_order)
{
    ask_service("plain");
    expect_outputs("c=shop:c b=shop:b a=spend:a ");
}
END_TEST

START_TEST(an_alias_is_read_apart_and_always_in_its_features_names)
{
    ask_service("gift");
    expect_outputs("a=spend:a receiver__a=receiver:a ");
    ck_assert_uint_eq(plan.n_views, 2);
    ck_assert_str_eq(plan.views[0].key_columns[0], "customer_id");
    ck_assert_str_eq(plan.views[1].key_columns[0], "receiver_id");
    ck_assert_str_eq(plan.views[1].alias, "receiver");
    expect_keys("customer_id:int64 receiver_id:int64 ");
}
END_TEST

START_TEST(a_view_without_entities_needs_no_key)
{
    const char *refs[] = {"whole:total"};

    ck_assert_int_eq(ask(refs, COUNT(refs), false), LARDER_OK);
    expect_keys("");
}
END_TEST

START_TEST(history_is_read_in_the_order_it_lies)
{
    const char *refs[] = {"visit", "spend"};

    ck_assert_int_eq(ask(refs, COUNT(refs), true), LARDER_OK);
    ck_assert_str_eq(plan.views[0].scan_keys[0], "merchant_id");
    ck_assert_str_eq(plan.views[0].scan_keys[1], "customer_id");
    ck_assert_uint_eq(plan.views[0].scan_from[0], 1);
    ck_assert_uint_eq(plan.views[0].scan_from[1], 0);
    /* The source is kept by other columns: the view's own order. */
    ck_assert_str_eq(plan.views[1].scan_keys[0], "customer_id");
}
END_TEST

/* ---------------------------------------------------------- what is refused */

START_TEST(two_features_of_one_name_are_refused_with_the_remedy)
{
    const char *refs[] = {"spend:b", "spend:a", "shop:b"};

    expect_failure(ask(refs, COUNT(refs), false), LARDER_INVALID,
        "features 'spend:b' and 'shop:b' would both be called 'b'",
        "ask for full names (--full-feature-names)");
    ck_assert_int_eq(ask(refs, COUNT(refs), true), LARDER_OK);
}
END_TEST

START_TEST(a_feature_is_asked_for_once)
{
    const char *twice[] = {"spend:a", "shop:c", "spend:a"};
    const char *within[] = {"spend:a", "spend"};

    expect_failure(ask(twice, COUNT(twice), true), LARDER_INVALID,
        "feature 'spend:a' is asked for twice", "");
    err = (larder_error){0};
    expect_failure(ask(within, COUNT(within), false), LARDER_INVALID,
        "feature 'spend:a' is asked for twice", "");
}
END_TEST

START_TEST(an_unknown_name_is_refused_with_the_nearest)
{
    const char *view[] = {"spent:a"};
    const char *feature[] = {"visit:lasta"};
    const char *far[] = {"visit:zzzzzzzz"};
    larder_features service = {.service = "plan"};

    expect_failure(ask(view, 1, false), LARDER_NOT_FOUND,
        "there is no feature view 'spent'", "did you mean 'spend'?");
    err = (larder_error){0};
    expect_failure(ask(feature, 1, false), LARDER_NOT_FOUND,
        "feature view 'visit' has no feature 'lasta'",
        "did you mean 'visit:last_a'?");
    err = (larder_error){0};
    expect_failure(ask(far, 1, false), LARDER_NOT_FOUND,
        "feature view 'visit' has no feature 'zzzzzzzz'", "");
    err = (larder_error){0};
    expect_failure(ldr_plan_make(snapshot, &service, &plan, &err),
        LARDER_NOT_FOUND, "there is no feature service 'plan'",
        "did you mean 'plain'?");
}
END_TEST

START_TEST(what_is_no_reference_is_refused_as_it_was_written)
{
    static const char *const refs[] = {"", ":a", "spend:", "spend:a:b"};
    char message[128];

    err = (larder_error){0};
    snprintf(message, sizeof message,
        "'%s' is not a feature reference: write view:feature or view",
        refs[_i]);
    expect_failure(ask(&refs[_i], 1, false), LARDER_INVALID, message, "");
}
END_TEST

START_TEST(features_or_a_service_and_not_both)
{
    const char *refs[] = {"spend:a"};
    larder_features both = {.refs = refs, .n_refs = 1, .service = "plain"};
    const char words[] = "ask for features (-f view:feature) or for a service "
                         "(-s NAME), and not for both";

    expect_failure(ask(NULL, 0, false), LARDER_INVALID, words, "");
    expect_failure(
        ldr_plan_make(snapshot, &both, &plan, &err), LARDER_INVALID, words, "");
}
END_TEST

START_TEST(a_key_column_has_one_type)
{
    larder_features mixed = {.service = "mixed"};

    expect_failure(ldr_plan_make(snapshot, &mixed, &plan, &err), LARDER_INVALID,
        "key column 'merchant_id' is string in one view and int64 in 'spend'",
        "");
}
END_TEST

START_TEST(a_request_has_a_limit_that_has_a_name)
{
    static const char *refs[4097];

    for (size_t i = 0; i < COUNT(refs); i++)
        refs[i] = "spend";
    expect_failure(ask(refs, COUNT(refs), false), LARDER_LIMIT,
        "4097 references are more than 4096 (max_refs)", "");
    expect_failure(ask(refs, COUNT(refs) - 1, false), LARDER_LIMIT,
        "more than 4096 features are asked for at once (max_features)", "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("plan");
    TCase *names = tcase_create("names");
    TCase *refused = tcase_create("what is refused");

    tcase_add_checked_fixture(names, setup, teardown);
    tcase_add_checked_fixture(refused, setup, teardown);
    tcase_add_test(names, features_come_in_the_order_asked);
    tcase_add_test(names, full_names_begin_with_the_view);
    tcase_add_test(names, a_view_by_itself_is_all_its_features);
    tcase_add_test(names, a_reference_finds_its_view_whatever_the_case);
    tcase_add_test(names, a_service_answers_in_its_own_order);
    tcase_add_test(
        names, an_alias_is_read_apart_and_always_in_its_features_names);
    tcase_add_test(names, a_view_without_entities_needs_no_key);
    tcase_add_test(names, history_is_read_in_the_order_it_lies);
    tcase_add_test(
        refused, two_features_of_one_name_are_refused_with_the_remedy);
    tcase_add_test(refused, a_feature_is_asked_for_once);
    tcase_add_test(refused, an_unknown_name_is_refused_with_the_nearest);
    tcase_add_loop_test(
        refused, what_is_no_reference_is_refused_as_it_was_written, 0, 4);
    tcase_add_test(refused, features_or_a_service_and_not_both);
    tcase_add_test(refused, a_key_column_has_one_type);
    tcase_add_test(refused, a_request_has_a_limit_that_has_a_name);
    suite_add_tcase(suite, names);
    suite_add_tcase(suite, refused);
    return support_run(suite);
}
