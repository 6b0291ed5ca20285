/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_catalog.c - what is defined: list, search, lineage, show.
 */
#include "data/text.h"
#include "registry/catalog.h"
#include "snapshots.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const char repository[] =
    "entities:\n"
    "  - {name: hcp, join_key: hcp_id, type: string, owner: analytics,\n"
    "     description: Healthcare provider, tags: {tier: one, area: field}}\n"
    "  - {name: brand, join_key: brand_id, type: int64}\n"
    "sources:\n"
    "  - name: activity\n"
    "    timestamp_field: at\n"
    "    schema: [{name: hcp_id, type: string}, {name: trx, type: int64}]\n"
    "  - {name: sales, timestamp_field: at, query: \"SELECT * FROM s\"}\n"
    "  - {name: asked, kind: request, schema: [{name: planned, type: int64}]}\n"
    "  - {name: pushed, kind: push, batch_source: activity}\n"
    "feature_views:\n"
    "  - {name: prescribing, entities: [hcp], source: pushed, ttl: 7d,\n"
    "     features: [{name: trx, type: int64, description: Scripts written}]}\n"
    "  - {name: money, entities: [hcp, brand], source: sales, online: false,\n"
    "     description: Prescribing in money,\n"
    "     features: [{name: sold, type: int64}, {name: paid, type: int64}]}\n"
    "  - {name: totals, entities: [], source: sales,\n"
    "     features: [{name: all_sold, type: int64}]}\n"
    "on_demand_feature_views:\n"
    "  - {name: margin, inputs: [money, asked], description: What is left,\n"
    "     features: [{name: gap, type: int64, expr: planned - paid,\n"
    "       description: Hole}]}\n"
    "  - {name: wide, inputs: [margin], features: [{name: gapped, type: bool,\n"
    "     expr: gap > 0}]}\n"
    "feature_services:\n"
    "  - {name: model_v1, owner: ml, features: [\"money:paid\", prescribing]}\n"
    "  - {name: model_v2, features: [\"wide:gapped\"]}\n"
    "jobs:\n"
    "  - {name: often, run: materialize, every: 6h}\n";

/* The answer as text, whatever was asked. */
static char *
listed(larder_kind kind)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    larder_stream stream = {0};

    ck_assert_int_eq(
        ldr_catalog_list(snapshot, kind, &stream, NULL), LARDER_OK);
    ldr_snapshot_drop(snapshot);
    return snapshots_text(&stream);
}

START_TEST(a_list_says_of_each_kind_what_concerns_it)
{
    char *text = listed(LARDER_ALL);

    ck_assert_str_eq(text,
        "entity | brand | brand_id | - | - | - | - | - | - | -\n"
        "entity | hcp | hcp_id | - | - | - | - | Healthcare provider | "
        "analytics | area=field, tier=one\n"
        "source | activity | hcp_id | activity | hcp_id, trx, at | - | - | - "
        "| - | -\n"
        "source | asked | - | - | planned | - | - | - | - | -\n"
        "source | pushed | - | activity | - | - | - | - | - | -\n"
        "source | sales | - | SELECT * FROM s | - | - | - | - | - | -\n"
        "view | money | brand_id, hcp_id | sales | sold, paid | - | false | "
        "Prescribing in money | - | -\n"
        "view | prescribing | hcp_id | pushed | trx | 7d | true | - | - | "
        "-\n"
        "view | totals |  | sales | all_sold | - | true | - | - | -\n"
        "service | model_v1 | - | - | money:paid, prescribing | - | - | - | "
        "ml | -\n"
        "service | model_v2 | - | - | wide:gapped | - | - | - | - | -\n"
        "job | often | - | - | - | - | - | - | - | -\n"
        "on-demand view | margin | - | money, asked | gap | - | - | What is "
        "left | - | -\n"
        "on-demand view | wide | - | margin | gapped | - | - | - | - | -\n");
    free(text);
}
END_TEST

START_TEST(a_list_of_one_kind_holds_that_kind)
{
    char *text = listed(LARDER_JOBS);

    ck_assert_str_eq(text, "job | often | - | - | - | - | - | - | - | -\n");
    free(text);
}
END_TEST

/* The names a search finds, in order: "a b ". */
static void
assert_found(const char *words, const char *expected)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    larder_stream stream = {0};
    larder_batch batch = {0};
    char names[512] = "";

    ck_assert_int_eq(
        ldr_catalog_search(snapshot, words, &stream, NULL), LARDER_OK);
    ldr_snapshot_drop(snapshot);
    ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
    for (size_t i = 0; i < batch.n_rows; i++) {
        larder_bytes name = larder_column_value(&batch.columns[1], i).as.text;

        strncat(names, name.data, name.size);
        strcat(names, " ");
    }
    ck_assert_str_eq(names, expected);
    larder_batch_release(&batch);
    larder_stream_close(&stream);
}

START_TEST(a_search_finds_names_first_then_features_then_words)
{
    assert_found("PRESCRIBING", "prescribing model_v1 money ");
    assert_found("sold", "money totals ");
    assert_found("scripts", "prescribing ");
    assert_found("gap", "margin model_v2 wide ");
    assert_found("hole", "margin ");
    assert_found("planned", "asked ");
    assert_found("left", "margin ");
    assert_found("analytics", "hcp ");
    assert_found("field", "hcp ");
}
END_TEST

START_TEST(a_search_wants_every_word)
{
    assert_found("money sold", "money ");
    assert_found("  money\tnothing ", "");
    assert_found("zebra", "");
    assert_found("",
        "brand hcp activity asked pushed sales money prescribing totals "
        "model_v1 model_v2 often margin wide ");
}
END_TEST

static char *
lineage_of(const char *name)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    larder_stream stream = {0};

    ck_assert_int_eq(
        ldr_catalog_lineage(snapshot, name, &stream, NULL), LARDER_OK);
    ldr_snapshot_drop(snapshot);
    return snapshots_text(&stream);
}

START_TEST(lineage_says_who_depends_on_what)
{
    char *text = lineage_of(NULL);

    ck_assert_str_eq(text, "source | activity | table | activity\n"
                           "source | pushed | source | activity\n"
                           "source | sales | query | SELECT * FROM s\n"
                           "view | money | entity | hcp\n"
                           "view | money | entity | brand\n"
                           "view | money | source | sales\n"
                           "view | prescribing | entity | hcp\n"
                           "view | prescribing | source | pushed\n"
                           "view | totals | source | sales\n"
                           "service | model_v1 | view | money:paid\n"
                           "service | model_v1 | view | prescribing\n"
                           "service | model_v2 | on-demand view | wide:gapped\n"
                           "on-demand view | margin | view | money\n"
                           "on-demand view | margin | source | asked\n"
                           "on-demand view | wide | on-demand view | margin\n");
    free(text);
}
END_TEST

START_TEST(lineage_of_one_goes_up_and_down_but_not_aside)
{
    char *text = lineage_of("prescribing");

    ck_assert_str_eq(text, "source | activity | table | activity\n"
                           "source | pushed | source | activity\n"
                           "view | prescribing | entity | hcp\n"
                           "view | prescribing | source | pushed\n"
                           "service | model_v1 | view | prescribing\n");
    free(text);
    text = lineage_of("margin");
    ck_assert_str_eq(text, "source | sales | query | SELECT * FROM s\n"
                           "view | money | entity | hcp\n"
                           "view | money | entity | brand\n"
                           "view | money | source | sales\n"
                           "service | model_v2 | on-demand view | wide:gapped\n"
                           "on-demand view | margin | view | money\n"
                           "on-demand view | margin | source | asked\n"
                           "on-demand view | wide | on-demand view | margin\n");
    free(text);
    text = lineage_of("Brand");
    ck_assert_str_eq(text, "view | money | entity | brand\n"
                           "service | model_v1 | view | money:paid\n"
                           "service | model_v2 | on-demand view | wide:gapped\n"
                           "on-demand view | margin | view | money\n"
                           "on-demand view | wide | on-demand view | margin\n");
    free(text);
    text = lineage_of("often");
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

START_TEST(what_is_not_there_has_no_lineage_and_is_not_shown)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    larder_stream stream = {0};
    larder_shown shown = {0};
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_catalog_lineage(snapshot, "mony", &stream, &err), LARDER_NOT_FOUND);
    ck_assert_str_eq(err.hint, "did you mean 'money'?");
    ck_assert(stream.next == NULL);
    ck_assert_int_eq(
        ldr_catalog_show(snapshot, "ofen", &shown, &err), LARDER_NOT_FOUND);
    ck_assert_str_eq(err.message, "there is no definition 'ofen'");
    ck_assert_str_eq(err.hint, "did you mean 'often'?");
    ck_assert_ptr_null(shown.definition);
    ldr_snapshot_drop(snapshot);
}
END_TEST

START_TEST(an_object_is_shown_as_canonical_text_with_its_hash)
{
    ldr_snapshot *snapshot = snapshots_of(repository);
    larder_shown shown = {0};
    char hash[33];

    snapshot->generation = 3;
    ck_assert_int_eq(
        ldr_catalog_show(snapshot, "Prescribing", &shown, NULL), LARDER_OK);
    ck_assert_uint_eq(shown.generation, 3);
    ck_assert_int_eq(shown.kind, LARDER_VIEWS);
    ck_assert_ptr_nonnull(strstr(shown.definition, "name: prescribing"));
    ck_assert_ptr_nonnull(
        strstr(snapshot->text, strchr(shown.definition, '\n') + 1));
    ldr_hash_hex(
        (larder_bytes){shown.definition, strlen(shown.definition)}, hash);
    ck_assert_str_eq(shown.hash, hash);
    free(shown.definition);
    ck_assert_int_eq(
        ldr_catalog_show(snapshot, "Margin", &shown, NULL), LARDER_OK);
    ck_assert_int_eq(shown.kind, LARDER_ON_DEMAND_VIEWS);
    ck_assert_str_eq(shown.definition,
        "on_demand_feature_views:\n"
        "  - name: margin\n"
        "    inputs: [money, asked]\n"
        "    features:\n"
        "      - {name: gap, type: int64, expr: planned - paid, description: "
        "Hole}\n"
        "    description: What is left\n");
    free(shown.definition);
    ldr_snapshot_drop(snapshot);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tcase = tcase_create("catalog");

    tcase_add_test(tcase, a_list_says_of_each_kind_what_concerns_it);
    tcase_add_test(tcase, a_list_of_one_kind_holds_that_kind);
    tcase_add_test(tcase, a_search_finds_names_first_then_features_then_words);
    tcase_add_test(tcase, a_search_wants_every_word);
    tcase_add_test(tcase, lineage_says_who_depends_on_what);
    tcase_add_test(tcase, lineage_of_one_goes_up_and_down_but_not_aside);
    tcase_add_test(tcase, what_is_not_there_has_no_lineage_and_is_not_shown);
    tcase_add_test(tcase, an_object_is_shown_as_canonical_text_with_its_hash);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
