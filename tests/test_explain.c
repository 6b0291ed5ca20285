/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain.c - each candidate is told with its part, and the winner is the
 * row the join took.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shop.h"
#include "tests/support.h"

static const char features[] =
    "entities:\n"
    "  - {name: e, join_key: id, type: int64}\n"
    "  - {name: f, join_key: part, type: string}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts, created_timestamp_column: cts,\n"
    "     schema: [{name: id, type: int64}, {name: part, type: string},\n"
    "       {name: a, type: int64}, {name: b, type: string}]}\n"
    "feature_views:\n"
    "  - {name: v, entities: [e], source: h, ttl: 7d,\n"
    "     features: [{name: a, type: int64}, {name: b, type: string}]}\n"
    "  - {name: pair, entities: [e, f], source: h,\n"
    "     features: [{name: a, type: int64}]}\n"
    "  - {name: whole, entities: [], source: h,\n"
    "     features: [{name: a, type: int64}]}\n";

static const char rows[] =
    "id,part,a,b,ts,cts\n"
    "1,p,1,old,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z\n"
    "1,q,2,edge,2024-05-03T00:00:00Z,2024-05-03T00:00:00Z\n"
    "1,p,3,first,2024-05-10T00:00:00Z,\n"
    "1,p,4,less,2024-05-10T00:00:00Z,2024-05-10T01:00:00Z\n"
    "1,p,5,more,2024-05-10T00:00:00Z,2024-05-10T01:00:00Z\n"
    "1,p,6,next,2024-05-10T00:00:00.000001Z,2024-05-11T00:00:00Z\n"
    "2,p,,,2024-05-01T00:00:00Z,\n";

static const char *const stores[] = {"memory", "sqlite"};

static shop s;

static void
fill(int store)
{
    shop_open(&s, stores[store], "memory");
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s", s.err.message);
    ck_assert_msg(
        shop_ingest(&s, "h", rows, NULL) == LARDER_OK, "%s", s.err.message);
}

static void
expect(const larder_join_options *options, const char *spine, uint64_t row,
    const char *ref, const char *expected)
{
    larder_join_options defaults = {
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};
    char *found = shop_explain(
        &s, options != NULL ? options : &defaults, spine, row, ref);

    ck_assert_str_eq(found, expected);
    free(found);
}

START_TEST(each_candidate_has_its_part)
{
    fill(_i);
    expect(NULL, "id,event_timestamp\n1,2024-05-10T00:00:00Z\n", 1, "v:b",
        "2024-05-10T00:00:00.000001Z 2024-05-11T00:00:00Z next future\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z more winner\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z less lesser row\n"
        "2024-05-10T00:00:00Z - first earlier created\n"
        "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z edge older\n"
        "2024-05-01T00:00:00Z 2024-05-01T00:00:00Z old expired\n");
    shop_close(&s);
}
END_TEST

START_TEST(the_winner_is_what_the_join_took)
{
    const char spine[] = "id,event_timestamp\n1,2024-05-10T00:00:00Z\n";
    char *joined;

    fill(_i);
    joined = shop_join(&s, spine, "v:b", false);
    ck_assert_str_eq(
        joined, "id,event_timestamp,b\n1,2024-05-10T00:00:00Z,more\n");
    free(joined);
    shop_close(&s);
}
END_TEST

START_TEST(a_row_past_its_ttl_wins_nothing)
{
    fill(_i);
    expect(NULL, "id,event_timestamp\n1,2024-05-03T00:00:00Z\n", 1, "v:a",
        "2024-05-10T00:00:00.000001Z 2024-05-11T00:00:00Z 6 future\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z 5 future\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z 4 future\n"
        "2024-05-10T00:00:00Z - 3 future\n"
        "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z 2 winner\n"
        "2024-05-01T00:00:00Z 2024-05-01T00:00:00Z 1 older\n");
    expect(NULL, "id,event_timestamp\n2,2024-05-08T00:00:00Z\n", 1, "v:a",
        "2024-05-01T00:00:00Z - - winner\n");
    expect(NULL, "id,event_timestamp\n2,2024-05-08T00:00:00.000001Z\n", 1,
        "v:a", "2024-05-01T00:00:00Z - - expired\n");
    shop_close(&s);
}
END_TEST

START_TEST(as_known_passes_over_what_was_written_later)
{
    larder_join_options options = {.as_known = true,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};

    fill(_i);
    expect(&options, "id,event_timestamp\n1,2024-05-10T00:30:00Z\n", 1, "v:a",
        "2024-05-10T00:00:00.000001Z 2024-05-11T00:00:00Z 6 not yet known\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z 5 not yet known\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z 4 not yet known\n"
        "2024-05-10T00:00:00Z - 3 not yet known\n"
        "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z 2 expired\n"
        "2024-05-01T00:00:00Z 2024-05-01T00:00:00Z 1 expired\n");
    shop_close(&s);
}
END_TEST

START_TEST(only_rows_of_the_whole_key_are_candidates)
{
    fill(_i);
    expect(NULL,
        "id,part,event_timestamp\n2,q,2024-05-05T00:00:00Z\n"
        "1,q,2024-05-05T00:00:00Z\n",
        2, "pair:a", "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z 2 winner\n");
    expect(NULL, "id,part,event_timestamp\n2,q,2024-05-05T00:00:00Z\n", 1,
        "pair:a", "");
    shop_close(&s);
}
END_TEST

START_TEST(a_null_key_has_no_candidates)
{
    fill(_i);
    expect(NULL, "id,part,event_timestamp\n1,,2024-05-05T00:00:00Z\n", 1,
        "pair:a", "");
    shop_close(&s);
}
END_TEST

START_TEST(a_view_without_entities_is_explained_too)
{
    fill(_i);
    expect(NULL, "event_timestamp\n2024-05-02T00:00:00Z\n", 1, "whole:a",
        "2024-05-10T00:00:00.000001Z 2024-05-11T00:00:00Z 6 future\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z 5 future\n"
        "2024-05-10T00:00:00Z 2024-05-10T01:00:00Z 4 future\n"
        "2024-05-10T00:00:00Z - 3 future\n"
        "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z 2 future\n"
        "2024-05-01T00:00:00Z 2024-05-01T00:00:00Z 1 winner\n"
        "2024-05-01T00:00:00Z - - earlier created\n");
    shop_close(&s);
}
END_TEST

/* More rows than are told: those nearest to the moment, on both sides. */
START_TEST(a_long_history_is_told_around_the_winner)
{
    char *csv = NULL, *found;
    size_t size = 0, n_lines = 0;
    FILE *file;

    fill(_i);
    file = open_memstream(&csv, &size);
    fprintf(file, "id,part,a,b,ts,cts\n");
    for (int i = 0; i < 300; i++)
        fprintf(
            file, "7,p,%d,x,2024-03-01T00:%02d:%02dZ,\n", i, i / 60, i % 60);
    fclose(file);
    ck_assert_int_eq(shop_ingest(&s, "h", csv, NULL), LARDER_OK);
    free(csv);
    found = shop_explain(&s, &(larder_join_options){.spine_format = LARDER_CSV},
        "id,event_timestamp\n7,2024-03-01T00:03:20Z\n", 1, "v:a");
    for (const char *at = found; *at != '\0'; at++)
        n_lines += *at == '\n';
    ck_assert_uint_le(n_lines, 121);
    ck_assert_uint_ge(n_lines, 100);
    ck_assert_ptr_nonnull(strstr(found, "2024-03-01T00:03:20Z - 200 winner\n"));
    ck_assert_ptr_nonnull(strstr(found, "2024-03-01T00:03:21Z - 201 future\n"));
    ck_assert_ptr_nonnull(strstr(found, "2024-03-01T00:03:19Z - 199 older\n"));
    ck_assert_ptr_null(strstr(found, " 299 "));
    ck_assert_ptr_null(strstr(found, " 0 older"));
    free(found);
    shop_close(&s);
}
END_TEST

static const char windowed[] =
    "entities:\n"
    "  - {name: e, join_key: id, type: int64}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts, created_timestamp_column: cts,\n"
    "     replace_on: [part],\n"
    "     schema: [{name: id, type: int64}, {name: part, type: string},\n"
    "       {name: a, type: int64}]}\n"
    "feature_views:\n"
    "  - name: v\n"
    "    entities: [e]\n"
    "    source: h\n"
    "    features:\n"
    "      - {name: s, type: int64, aggregate: sum, column: a, window: 2d,\n"
    "         where: \"part <> 'z'\"}\n"
    "      - {name: n, type: int64, aggregate: count, window: 2d,\n"
    "         offset: 1d}\n";

static const char events[] =
    "id,part,a,ts,cts\n"
    "1,p,1,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z\n"
    "1,p,2,2024-05-02T00:00:00.000001Z,2024-05-03T00:00:00Z\n"
    "1,p,3,2024-05-02T00:00:00.000001Z,2024-05-05T00:00:00Z\n"
    "1,z,4,2024-05-03T00:00:00Z,2024-05-03T00:00:00Z\n"
    "1,p,,2024-05-04T00:00:00Z,2024-05-04T00:00:00Z\n"
    "1,p,9,2024-05-04T00:00:00.000001Z,2024-05-05T00:00:00Z\n";

START_TEST(a_window_is_explained_by_its_events)
{
    static const char spine[] = "id,event_timestamp\n1,2024-05-04T00:00:00Z\n";
    larder_join_options known = {.naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV,
        .as_known = true};

    shop_open(&s, stores[_i], "memory");
    ck_assert_msg(shop_apply(&s, windowed) == LARDER_OK, "%s", s.err.message);
    ck_assert_msg(
        shop_ingest(&s, "h", events, NULL) == LARDER_OK, "%s", s.err.message);
    expect(NULL, spine, 1, "v:s",
        "2024-05-04T00:00:00.000001Z 2024-05-05T00:00:00Z 9 future\n"
        "2024-05-04T00:00:00Z 2024-05-04T00:00:00Z - null\n"
        "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z 4 left out\n"
        "2024-05-02T00:00:00.000001Z 2024-05-05T00:00:00Z 3 counted\n"
        "2024-05-02T00:00:00.000001Z 2024-05-03T00:00:00Z 2 corrected\n"
        "2024-05-01T00:00:00Z 2024-05-01T00:00:00Z 1 before the window\n");
    expect(&known, spine, 1, "v:n",
        "2024-05-04T00:00:00.000001Z 2024-05-05T00:00:00Z - future\n"
        "2024-05-04T00:00:00Z 2024-05-04T00:00:00Z - after the window\n"
        "2024-05-03T00:00:00Z 2024-05-03T00:00:00Z - counted\n"
        "2024-05-02T00:00:00.000001Z 2024-05-05T00:00:00Z - not yet known\n"
        "2024-05-02T00:00:00.000001Z 2024-05-03T00:00:00Z - counted\n"
        "2024-05-01T00:00:00Z 2024-05-01T00:00:00Z - before the window\n");
    shop_close(&s);
}
END_TEST

START_TEST(rows_of_a_window_that_are_not_told_are_counted)
{
    char many[8192] = "id,part,a,ts,cts\n", *found, *last;

    for (int i = 0; i < 104; i++)
        sprintf(many + strlen(many),
            "1,p,1,2024-05-03T00:%02d:%02dZ,2024-05-03T00:00:00Z\n", i / 60,
            i % 60);
    shop_open(&s, stores[_i], "memory");
    ck_assert_int_eq(shop_apply(&s, windowed), LARDER_OK);
    ck_assert_int_eq(shop_ingest(&s, "h", many, NULL), LARDER_OK);
    found = shop_explain(&s,
        &(larder_join_options){.naive_offset_minutes = LARDER_NAIVE_REFUSED,
            .spine_format = LARDER_CSV},
        "id,event_timestamp\n1,2024-05-04T00:00:00Z\n", 1, "v:s");
    last = strstr(found, "- - - more\n");
    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq(last, "- - - more\n");
    free(found);
    shop_close(&s);
}
END_TEST

START_TEST(what_cannot_be_explained_is_said)
{
    const char spine[] = "id,event_timestamp\n1,2024-05-10T00:00:00Z\n"
                         "2,2024-05-10T00:00:00Z\n";

    fill(_i);
    expect(NULL, spine, 3, "v:a",
        "error: the spine has no row 3: its rows are 1 to 2");
    expect(NULL, spine, 0, "v:a",
        "error: the spine has no row 0: its rows are 1 to 2");
    expect(
        NULL, "id,event_timestamp\n", 1, "v:a", "error: the spine has no rows");
    expect(NULL, spine, 1, "v",
        "error: 'v' is a whole view: explain one feature, as view:feature");
    expect(NULL, spine, 1, "v:c", "error: feature view 'v' has no feature 'c'");
    expect(
        NULL, spine, 1, "pair:a", "error: the spine has no key column 'part'");
    shop_close(&s);
}
END_TEST

START_TEST(the_reason_is_in_words)
{
    larder_join_options options = {.spine_format = LARDER_CSV};
    larder_text_options text = {.name = "spine", .format = LARDER_CSV};
    char csv[] = "id,event_timestamp\n1,2024-05-10T00:00:00Z\n";
    larder_stream spine = {0}, out = {0};
    larder_batch batch = {0};
    larder_value reason;
    FILE *file = fmemopen(csv, sizeof csv - 1, "r");

    fill(0);
    ck_assert_int_eq(
        larder_text_read(file, &text, &s.call, &spine, NULL), LARDER_OK);
    ck_assert_int_eq(larder_explain(s.store, &s.call, &options, &spine, 1,
                         "v:a", &out, &s.err),
        LARDER_OK);
    ck_assert_uint_eq(out.schema->n_fields, 5);
    ck_assert_str_eq(out.schema->fields[4].name, "reason");
    ck_assert_int_eq(larder_stream_next(&out, &batch, NULL), LARDER_OK);
    reason = larder_column_value(&batch.columns[4], 0);
    ck_assert_uint_eq(
        reason.as.text.size, strlen("its event time is after the spine row's"));
    larder_batch_release(&batch);
    larder_stream_close(&out);
    larder_stream_close(&spine);
    fclose(file);
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("explain");
    TCase *each = tcase_create("each offline store");
    const TTest *const tests[] = {each_candidate_has_its_part,
        the_winner_is_what_the_join_took, a_row_past_its_ttl_wins_nothing,
        as_known_passes_over_what_was_written_later,
        only_rows_of_the_whole_key_are_candidates, a_null_key_has_no_candidates,
        a_view_without_entities_is_explained_too,
        a_long_history_is_told_around_the_winner,
        a_window_is_explained_by_its_events,
        rows_of_a_window_that_are_not_told_are_counted,
        what_cannot_be_explained_is_said};

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(each, tests[i], 0, 2);
    tcase_add_test(each, the_reason_is_in_words);
    suite_add_tcase(suite, each);
    return support_run(suite);
}
