/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_diff.c - two snapshots to changes in words, and which break a service.
 */
#include "registry/diff.h"
#include "snapshots.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const char repository[] =
    "entities:\n"
    "  - {name: hcp, join_key: hcp_id, type: string, owner: a}\n"
    "  - {name: brand, join_key: brand_id, type: int64}\n"
    "sources:\n"
    "  - name: activity\n"
    "    timestamp_field: at\n"
    "    key: [hcp_id, brand_id]\n"
    "    schema:\n"
    "      - {name: hcp_id, type: string}\n"
    "      - {name: brand_id, type: int64}\n"
    "      - {name: trx, type: int64}\n"
    "      - {name: score, type: float32}\n"
    "      - {name: roi, type: float32}\n"
    "  - {name: sales, timestamp_field: at, table: sales}\n"
    "feature_views:\n"
    "  - name: prescribing\n"
    "    entities: [hcp]\n"
    "    source: activity\n"
    "    ttl: 7d\n"
    "    tags: {domain: commercial}\n"
    "    freshness: {warn: 12h, max: 24h}\n"
    "    features:\n"
    "      - {name: trx, type: int64}\n"
    "      - {name: score, type: float32, range: [0, 100]}\n"
    "  - name: money\n"
    "    entities: [brand]\n"
    "    source: sales\n"
    "    features: [{name: sold, type: int64}, {name: paid, type: float64}]\n"
    "feature_services:\n"
    "  - {name: model_v1, features: [\"prescribing:trx\", money]}\n"
    "  - {name: model_v2, features: [prescribing]}\n"
    "jobs:\n"
    "  - {name: often, run: materialize, every: 6h}\n";

/* The changes from the repository to one that differs, as text. */
static char *
changes_between(ldr_snapshot *from, ldr_snapshot *to)
{
    ldr_changes changes = {0};
    larder_stream stream = {0};
    larder_error err = {0};

    ck_assert_msg(
        ldr_diff(from, to, &changes, &err) == LARDER_OK, "%s", err.message);
    ck_assert_int_eq(ldr_changes_stream(&changes, &stream, NULL), LARDER_OK);
    ldr_changes_release(&changes);
    ldr_snapshot_drop(from);
    ldr_snapshot_drop(to);
    return snapshots_columns(&stream, 5);
}

/* Replacing this text by that makes these changes. */
static void
assert_changes(const char *this, const char *that, const char *expected)
{
    char *text = changes_between(
        snapshots_of(repository), snapshots_but(repository, this, that));

    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(equal_definitions_have_no_changes)
{
    assert_changes("ttl: 7d", "ttl: 168h", "");
    assert_changes("jobs:\n", "# a remark\njobs:\n", "");
}
END_TEST

START_TEST(scalars_show_what_they_were_and_are)
{
    assert_changes("ttl: 7d", "ttl: 14d",
        "change | view | prescribing | ttl: 7d -> 14d | false\n");
    assert_changes("    ttl: 7d\n", "",
        "change | view | prescribing | ttl: 7d -> unset | false\n");
    assert_changes("owner: a", "owner: b",
        "change | entity | hcp | owner: a -> b | false\n");
    assert_changes("every: 6h", "every: 6h, retries: 3",
        "change | job | often | retries: unset -> 3 | false\n");
    assert_changes("owner: a", "owner: \"a; b\"",
        "change | entity | hcp | owner: a -> 'a; b' | false\n");
}
END_TEST

START_TEST(members_of_mappings_are_told_by_their_path)
{
    assert_changes("max: 24h", "max: 2d",
        "change | view | prescribing | freshness.max: 1d -> 2d | false\n");
    assert_changes("domain: commercial", "domain: sales, tier: one",
        "change | view | prescribing | tags.domain: commercial -> sales; "
        "tags.tier: unset -> one | false\n");
}
END_TEST

START_TEST(features_come_go_and_change)
{
    assert_changes("      - {name: score, type: float32, range: [0, 100]}\n",
        "      - {name: roi, type: float32}\n"
        "      - {name: score, type: float32, range: [0, 10]}\n",
        "change | view | prescribing | features: + roi, "
        "score range [0, 100] -> [0, 10] | false\n");
    assert_changes("{name: roi, type: float32}",
        "{name: conversion, type: bool}",
        "change | source | activity | schema: + conversion, - roi | false\n");
}
END_TEST

START_TEST(a_renamed_feature_is_told_as_such)
{
    assert_changes("{name: score, type: float32, range: [0, 100]}",
        "{name: points, type: float32, from: score, range: [0, 100], "
        "renamed_from: score}",
        "change | view | prescribing | features: points renamed from score, "
        "points from unset -> score; breaks model_v2 | true\n");
}
END_TEST

START_TEST(long_texts_show_where_they_differ)
{
    char *text;
    const char *at;
    char *with = NULL, *without = NULL;
    size_t size;
    FILE *file = open_memstream(&with, &size);

    ck_assert_ptr_nonnull(file);
    fprintf(file, "entities: [{name: e, type: bool, description: \"");
    for (size_t i = 0; i < 30; i++)
        fputs("the same words ", file);
    fputs("until here\"}]\n", file);
    ck_assert_int_eq(fclose(file), 0);
    without = strdup(with);
    memcpy(strstr(without, "here"), "then", 4);
    text = changes_between(snapshots_of(with), snapshots_of(without));
    at = strstr(text, " -> ");
    ck_assert_ptr_nonnull(at);
    ck_assert_ptr_nonnull(strstr(at, "until then"));
    ck_assert_uint_lt(strlen(text), 160);
    free(with);
    free(without);
    free(text);
}
END_TEST

START_TEST(objects_are_added_with_a_summary_and_removed)
{
    char *text = changes_between(
        snapshots_of("entities: [{name: hcp, type: string}]\n"),
        snapshots_of("entities: [{name: brand, type: int64, owner: ml}]\n"));

    ck_assert_str_eq(text, "add | entity | brand | type: int64 | false\n"
                           "remove | entity | hcp | - | false\n");
    free(text);
    text = changes_between(
        snapshots_of("entities: [{name: Hcp, join_key: id, type: string}]\n"),
        snapshots_of("entities: [{name: hcp, join_key: id, type: string}]\n"));
    ck_assert_str_eq(
        text, "change | entity | hcp | name: Hcp -> hcp | false\n");
    free(text);
}
END_TEST

START_TEST(order_is_a_change_where_it_means_something)
{
    assert_changes("[\"prescribing:trx\", money]",
        "[money, \"prescribing:trx\"]",
        "change | service | model_v1 | features: order now [money, "
        "prescribing:trx]; breaks model_v1 | true\n");
    assert_changes("key: [hcp_id, brand_id]", "key: [brand_id, hcp_id]",
        "change | source | activity | key: order now [brand_id, hcp_id] | "
        "false\n");
}
END_TEST

START_TEST(a_lost_feature_breaks_the_services_that_ask_for_it)
{
    assert_changes("      - {name: score, type: float32, range: [0, 100]}\n",
        "",
        "change | view | prescribing | features: - score; breaks model_v2 | "
        "true\n");
    assert_changes("{name: sold, type: int64}, {name: paid, type: float64}",
        "{name: paid, type: float64}",
        "change | view | money | features: - sold; breaks model_v1 | true\n");
}
END_TEST

START_TEST(another_type_breaks_and_another_place_of_whole_views_too)
{
    assert_changes("{name: sold, type: int64}", "{name: sold, type: float64}",
        "change | view | money | features: sold type int64 -> float64; "
        "breaks model_v1 | true\n");
    assert_changes("{name: sold, type: int64}, {name: paid, type: float64}",
        "{name: paid, type: float64}, {name: sold, type: int64}",
        "change | view | money | features: order now [paid, sold]; "
        "breaks model_v1 | true\n");
}
END_TEST

START_TEST(more_answers_break_nothing)
{
    assert_changes("{name: sold, type: int64}",
        "{name: returned, type: int64}, {name: sold, type: int64}",
        "change | view | money | features: + returned | false\n");
    assert_changes("[prescribing]", "[money, prescribing]",
        "change | service | model_v2 | features: + money | false\n");
}
END_TEST

START_TEST(another_key_breaks_whoever_asks_by_it)
{
    assert_changes("join_key: brand_id, type: int64",
        "join_key: brand_id, type: string",
        "change | entity | brand | type: int64 -> string; breaks model_v1 | "
        "true\n");
}
END_TEST

START_TEST(a_service_that_goes_or_asks_for_less_breaks)
{
    assert_changes("  - {name: model_v2, features: [prescribing]}\n", "",
        "remove | service | model_v2 | breaks model_v2 | true\n");
    assert_changes("[\"prescribing:trx\", money]", "[money]",
        "change | service | model_v1 | features: - prescribing:trx; breaks "
        "model_v1 | true\n");
    assert_changes("[\"prescribing:trx\", money]",
        "[\"prescribing:trx\", {view: money, as: cash}]",
        "change | service | model_v1 | features: + {view: money, as: cash}, "
        "- money; breaks model_v1 | true\n");
}
END_TEST

/* ------------------------------------------------- windows and on demand */

static const char derived[] =
    "entities: [{name: hcp, join_key: hcp_id, type: string}, {name: brand, "
    "join_key: brand_id, type: string}]\n"
    "sources:\n"
    "  - {name: calls, timestamp_field: at, table: calls}\n"
    "  - {name: asked, kind: request, schema: [{name: planned, type: int64}, "
    "{name: spare, type: int64}]}\n"
    "feature_views:\n"
    "  - {name: v, entities: [hcp], source: calls, features: [{name: made, "
    "type: int64, aggregate: count, window: 30d}, {name: last, type: int64}]}\n"
    "  - {name: w, entities: [brand], source: calls, features: [{name: sold, "
    "type: int64}]}\n"
    "on_demand_feature_views:\n"
    "  - {name: base, inputs: [v, w, asked], features: [{name: open, type: "
    "int64, expr: planned - made}, {name: other, type: int64, expr: last}]}\n"
    "  - {name: top, inputs: [base], features: [{name: late, type: bool, expr: "
    "open > 3}]}\n"
    "feature_services:\n"
    "  - {name: s, features: [top]}\n"
    "  - {name: t, features: [\"base:other\", \"v:last\"]}\n";

static void
assert_derived(const char *this, const char *that, const char *expected)
{
    char *text = changes_between(
        snapshots_of(derived), snapshots_but(derived, this, that));

    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(services_that_read_what_changes_are_named)
{
    static const struct {
        const char *from, *to, *expected;
    } each[] = {
        {"window: 30d", "window: 7d",
            "change | view | v | features: made window 30d -> 7d | false | "
            "s, t\n"},
        {"open > 3", "open > 4",
            "change | on-demand view | top | features: late expr 'open > 3' -> "
            "'open > 4' | false | s\n"},
        {"at, table: calls", "at, table: calls, owner: x",
            "change | source | calls | owner: unset -> x | false | s, t\n"},
    };

    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        ldr_snapshot *from = snapshots_of(derived);
        ldr_snapshot *to = snapshots_but(derived, each[i].from, each[i].to);
        ldr_changes changes = {0};
        larder_stream stream = {0};
        char *text;

        ck_assert_int_eq(ldr_diff(from, to, &changes, NULL), LARDER_OK);
        ck_assert_int_eq(
            ldr_changes_stream(&changes, &stream, NULL), LARDER_OK);
        text = snapshots_text(&stream);
        ck_assert_str_eq(text, each[i].expected);
        free(text);
        ldr_changes_release(&changes);
        ldr_snapshot_drop(from);
        ldr_snapshot_drop(to);
    }
}
END_TEST

START_TEST(how_a_feature_is_computed_may_change)
{
    assert_derived("window: 30d", "window: 7d",
        "change | view | v | features: made window 30d -> 7d | false\n");
    assert_derived("aggregate: count, window",
        "aggregate: sum, column: n, window",
        "change | view | v | features: made aggregate count -> sum, made "
        "column unset -> n | false\n");
    assert_derived("open > 3", "open > 4",
        "change | on-demand view | top | features: late expr 'open > 3' -> "
        "'open > 4' | false\n");
    assert_derived("{name: spare, type: int64}", "{name: spare, type: string}",
        "change | source | asked | schema: spare type int64 -> string | "
        "false\n");
}
END_TEST

START_TEST(an_on_demand_feature_that_goes_or_has_another_type_breaks)
{
    assert_derived(", {name: other, type: int64, expr: last}]",
        ", {name: another, type: int64, expr: last}, {name: other, type: "
        "float64, expr: last}]",
        "change | on-demand view | base | features: + another, other type "
        "int64 -> float64; breaks t | true\n");
    assert_derived("late, type: bool, expr: open > 3",
        "soon, type: bool, expr: open < 3",
        "change | on-demand view | top | features: + soon, - late; breaks s | "
        "true\n");
}
END_TEST

START_TEST(what_a_question_must_bring_breaks_when_it_changes)
{
    assert_derived("{name: planned, type: int64}",
        "{name: planned, type: int32}",
        "change | source | asked | schema: planned type int64 -> int32; breaks "
        "s | true\n");
    assert_derived("planned - made", "planned - made + spare",
        "change | on-demand view | base | features: open expr 'planned - made' "
        "-> 'planned - made + spare'; breaks s | true\n");
    assert_derived("planned - made", "made",
        "change | on-demand view | base | features: open expr 'planned - made' "
        "-> made; breaks s | true\n");
    assert_derived("open > 3", "1 > 3",
        "change | on-demand view | top | features: late expr 'open > 3' -> "
        "'1 > 3'; breaks s | true\n");
    assert_derived("[\"base:other\", \"v:last\"]",
        "[\"base:other\", \"v:last\", \"base:open\"]",
        "change | service | t | features: + base:open; breaks t | true\n");
}
END_TEST

START_TEST(another_key_that_an_on_demand_feature_needs_breaks)
{
    assert_derived("expr: last", "expr: last + sold",
        "change | on-demand view | base | features: other expr last -> 'last + "
        "sold'; breaks t | true\n");
    assert_derived("planned - made", "planned + made",
        "change | on-demand view | base | features: open expr 'planned - made' "
        "-> 'planned + made' | false\n");
    assert_derived("join_key: hcp_id, type: string",
        "join_key: hcp_id, type: int64",
        "change | entity | hcp | type: string -> int64; breaks s, t | true\n");
    assert_derived("[\"base:other\", \"v:last\"]",
        "[\"base:other\", \"v:last\", \"w:sold\"]",
        "change | service | t | features: + w:sold | false\n");
}
END_TEST

START_TEST(a_renamed_feature_that_is_asked_for_by_name_breaks_nothing)
{
    assert_derived("{name: last, type: int64}",
        "{name: newest, from: last, type: int64, renamed_from: last}",
        "change | view | v | features: newest renamed from last, newest from "
        "unset -> last | false\n");
}
END_TEST

START_TEST(changes_come_by_kind_and_then_by_name)
{
    ldr_snapshot *nothing = NULL;
    larder_call call = support_call(0);
    char *text;
    const char *names[] = {"| brand |", "| hcp |", "| activity |", "| sales |",
        "| money |", "| prescribing |", "| model_v1 |", "| model_v2 |",
        "| often |"};
    const char *at;

    ck_assert_int_eq(
        ldr_snapshot_of_registry(NULL, &call, "test", 0, &nothing, NULL),
        LARDER_OK);
    at = text = changes_between(nothing, snapshots_of(repository));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        at = strstr(at, names[i]);
        ck_assert_msg(at != NULL, "%s is out of order in\n%s", names[i], text);
    }
    ck_assert_ptr_nonnull(strstr(text, "add | view | prescribing | entities: "
                                       "[hcp]; source: activity; ttl: 7d"));
    free(text);
}
END_TEST

START_TEST(added_reshapes_sort_among_the_changes)
{
    ldr_changes changes = {0};
    larder_stream stream = {0};
    char *text;

    ck_assert_int_eq(ldr_changes_add(&changes, LDR_RESHAPE, LARDER_SOURCES, "b",
                         "create table", NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_changes_add(&changes, LDR_ADD, LARDER_SOURCES, "b", NULL, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_changes_add(&changes, LDR_ADD, LARDER_ENTITIES, "z", "x", NULL),
        LARDER_OK);
    ldr_changes_sort(&changes);
    ck_assert_int_eq(ldr_changes_stream(&changes, &stream, NULL), LARDER_OK);
    text = snapshots_columns(&stream, 5);
    ck_assert_str_eq(text, "add | entity | z | x | false\n"
                           "add | source | b | - | false\n"
                           "reshape | source | b | create table | false\n");
    free(text);
    ldr_changes_release(&changes);
    ldr_changes_release(&changes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("diff");
    TCase *tcase = tcase_create("diff");

    tcase_add_test(tcase, equal_definitions_have_no_changes);
    tcase_add_test(tcase, scalars_show_what_they_were_and_are);
    tcase_add_test(tcase, members_of_mappings_are_told_by_their_path);
    tcase_add_test(tcase, features_come_go_and_change);
    tcase_add_test(tcase, a_renamed_feature_is_told_as_such);
    tcase_add_test(tcase, long_texts_show_where_they_differ);
    tcase_add_test(tcase, objects_are_added_with_a_summary_and_removed);
    tcase_add_test(tcase, order_is_a_change_where_it_means_something);
    tcase_add_test(tcase, a_lost_feature_breaks_the_services_that_ask_for_it);
    tcase_add_test(
        tcase, another_type_breaks_and_another_place_of_whole_views_too);
    tcase_add_test(tcase, more_answers_break_nothing);
    tcase_add_test(tcase, another_key_breaks_whoever_asks_by_it);
    tcase_add_test(tcase, a_service_that_goes_or_asks_for_less_breaks);
    tcase_add_test(tcase, how_a_feature_is_computed_may_change);
    tcase_add_test(tcase, services_that_read_what_changes_are_named);
    tcase_add_test(
        tcase, an_on_demand_feature_that_goes_or_has_another_type_breaks);
    tcase_add_test(tcase, what_a_question_must_bring_breaks_when_it_changes);
    tcase_add_test(tcase, another_key_that_an_on_demand_feature_needs_breaks);
    tcase_add_test(
        tcase, a_renamed_feature_that_is_asked_for_by_name_breaks_nothing);
    tcase_add_test(tcase, changes_come_by_kind_and_then_by_name);
    tcase_add_test(tcase, added_reshapes_sort_among_the_changes);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
