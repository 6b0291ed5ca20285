/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lookup.c - online reads: many keys, several views and key sets at once,
 * features computed when they are asked for, an answer used again, and what is
 * refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "tests/allocations.h"
#include "tests/shop.h"
#include "tests/support.h"

static const char features[] =
    "entities:\n"
    "  - {name: customer, join_key: id, type: int64}\n"
    "  - {name: merchant, join_key: mid, type: string}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts,\n"
    "     schema: [{name: id, type: int64}, {name: mid, type: string},\n"
    "       {name: a, type: int64}, {name: b, type: string},\n"
    "       {name: c, type: list<float64>}]}\n"
    "feature_views:\n"
    "  - {name: spend, entities: [customer], source: h, ttl: 7d,\n"
    "     features: [{name: a, type: int64}, {name: b, type: string}]}\n"
    "  - {name: extra, entities: [customer], source: h,\n"
    "     features: [{name: c, type: list<float64>}]}\n"
    "  - {name: shop, entities: [merchant], source: h,\n"
    "     features: [{name: shop_a, type: int64, from: a}]}\n"
    "  - {name: visit, entities: [customer, merchant], source: h,\n"
    "     features: [{name: visit_b, type: string, from: b}]}\n"
    "  - {name: whole, entities: [], source: h,\n"
    "     features: [{name: n, type: int64, from: a}]}\n"
    "  - {name: past, entities: [customer], source: h, online: false,\n"
    "     features: [{name: p, type: int64, from: a}]}\n"
    "  - {name: acts, entities: [customer], source: h,\n"
    "     features: [{name: b_now, type: string, from: b},\n"
    "       {name: n7, type: int64, aggregate: count, window: 7d},\n"
    "       {name: a7, type: int64, aggregate: sum, column: a, window: 7d},\n"
    "       {name: m7, type: int64, aggregate: count, window: 7d,\n"
    "        where: \"mid = 'm1'\"},\n"
    "       {name: b7, type: string, aggregate: last, column: b,\n"
    "        window: 7d}]}\n"
    "feature_services:\n"
    "  - {name: all, features: [spend, extra, shop, visit, whole]}\n"
    "  - name: twice\n"
    "    features: [\"spend:a\", {view: spend, as: again, features: [a, b]}]\n"
    "  - name: gift\n"
    "    features:\n"
    "      - \"spend:a\"\n"
    "      - {view: spend, as: receiver, features: [b, a],\n"
    "         join_key_map: {id: receiver_id}}\n";

static const char rows[] = "id,mid,a,b,c,ts\n"
                           "1,m1,11,one,\"[1.5, null]\",2024-05-31T00:00:00Z\n"
                           "1,m2,12,\"two, too\",[],2024-05-31T01:00:00Z\n"
                           "2,m1,21,,,2024-05-30T00:00:00Z\n"
                           "3,m2,31,three,,2024-05-01T00:00:00Z\n"
                           "4,m,41,,\"[0.1]\",2024-05-31T02:00:00Z\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop s;

static void
fill(int pair)
{
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s", s.err.message);
    ck_assert_msg(
        shop_ingest(&s, "h", rows, NULL) == LARDER_OK, "%s", s.err.message);
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
}

static larder_reader *
open_reader(const larder_features *wanted)
{
    larder_reader *reader = NULL;

    ck_assert_msg(larder_reader_open(
                      s.store, &s.call, wanted, &reader, &s.err) == LARDER_OK,
        "%s", s.err.message);
    return reader;
}

static larder_reader *
open_refs(const char *const *refs, size_t n_refs)
{
    larder_features wanted = {.refs = refs, .n_refs = n_refs};

    return open_reader(&wanted);
}

/* Keys as text, columns apart by ',' and rows by ';'; "-" is null. */
static larder_batch
keys_of(const larder_schema *schema, const char *text)
{
    larder_batch keys = {0};
    size_t column = 0;

    ck_assert_int_eq(larder_batch_init(&keys, schema, NULL), LARDER_OK);
    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, ",;");
        larder_column *to = &keys.columns[column++ % schema->n_fields];

        if (n == 1 && *at == '-')
            ck_assert_int_eq(larder_column_append_null(to, NULL), LARDER_OK);
        else
            ck_assert_int_eq(larder_value_parse(to, (larder_bytes){at, n},
                                 LARDER_NAIVE_REFUSED, NULL),
                LARDER_OK);
        at += n + (at[n] != '\0');
    }
    ldr_batch_finish(&keys);
    return keys;
}

/* "value STATUS" of each cell, "; " after each row. */
static void
print_answer(const larder_answer *answer, FILE *out)
{
    size_t n_rows = answer->values.n_rows;

    for (size_t row = 0; row < n_rows; row++) {
        for (size_t f = 0; f < answer->values.schema->n_fields; f++) {
            larder_value value =
                larder_column_value(&answer->values.columns[f], row);
            char text[256];
            size_t n = larder_value_print(&value, text, sizeof text);
            larder_presence presence =
                (larder_presence)answer->presence[f * n_rows + row];

            fprintf(out, "%s%.*s %c", f > 0 ? ", " : "",
                value.null ? 1 : (int)n, value.null ? "-" : text,
                "PN0X"[presence]); /* present, null, not found, expired */
        }
        fputs("; ", out);
    }
}

static void
expect(larder_reader *reader, const char *keys_text, const char *expected)
{
    larder_batch keys = keys_of(larder_reader_keys(reader), keys_text);
    larder_answer answer = {0};
    char *found = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&found, &size);

    if (larder_reader_get(reader, &s.call, &keys, &answer, &s.err) == LARDER_OK)
        print_answer(&answer, out);
    else
        fprintf(out, "error: %s", s.err.message);
    fclose(out);
    ck_assert_str_eq(found, expected);
    free(found);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
}

static void
expect_and_close(larder_reader *reader, const char *keys, const char *expected)
{
    expect(reader, keys, expected);
    larder_reader_close(reader);
    shop_close(&s);
}

/* -------------------------------------------------------------------- reads */

START_TEST(row_i_of_the_answer_is_row_i_of_the_keys)
{
    const char *refs[] = {"spend:a", "spend:b"};

    fill(_i);
    expect_and_close(open_refs(refs, 2), "4;9;1;2;1;3",
        "41 P, - N; - 0, - 0; 12 P, two, too P; 21 P, - N; "
        "12 P, two, too P; - X, - X; ");
}
END_TEST

START_TEST(views_of_different_keys_are_read_together)
{
    larder_features wanted = {.service = "all"};
    larder_reader *reader;

    fill(_i);
    reader = open_reader(&wanted);
    ck_assert_uint_eq(larder_reader_keys(reader)->n_fields, 2);
    ck_assert_str_eq(larder_reader_keys(reader)->fields[0].name, "id");
    ck_assert_str_eq(larder_reader_keys(reader)->fields[1].name, "mid");
    ck_assert_str_eq(larder_reader_features(reader)->fields[4].name, "visit_b");
    ck_assert_uint_eq(larder_reader_generation(reader), 1);
    expect_and_close(reader, "1,m1;3,m1;4,m;7,m9",
        "12 P, two, too P, [] P, 11 P, one P, 41 P; "
        "- X, - X, - N, 11 P, - 0, 41 P; "
        "41 P, - N, [0.1] P, 41 P, - N, 41 P; "
        "- 0, - 0, - 0, - 0, - 0, 41 P; ");
}
END_TEST

START_TEST(parts_of_a_key_are_not_glued)
{
    const char *ref = "visit:visit_b";

    fill(_i);
    ck_assert_int_eq(shop_ingest(&s, "h",
                         "id,mid,a,b,c,ts\n1,23,1,x,,2024-05-31T00:00:00Z\n"
                         "12,3,1,y,,2024-05-31T00:00:00Z\n",
                         NULL),
        LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    expect_and_close(
        open_refs(&ref, 1), "1,23;12,3;123,;1,m1", "x P; y P; - 0; one P; ");
}
END_TEST

START_TEST(a_view_without_entities_has_one_row_for_all)
{
    const char *ref = "whole:n";
    larder_reader *reader;
    larder_batch keys = {0};
    larder_answer answer = {0};

    fill(_i);
    reader = open_refs(&ref, 1);
    ck_assert_uint_eq(larder_reader_keys(reader)->n_fields, 0);
    ck_assert_int_eq(
        larder_batch_init(&keys, larder_reader_keys(reader), NULL), LARDER_OK);
    keys.n_rows = 1; /* a question without columns */
    ck_assert_int_eq(
        larder_reader_get(reader, &s.call, &keys, &answer, NULL), LARDER_OK);
    ck_assert_uint_eq(answer.values.n_rows, 1);
    ck_assert_int_eq(
        larder_column_value(&answer.values.columns[0], 0).as.integer, 41);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

START_TEST(an_alias_reads_the_key_its_map_names)
{
    larder_features wanted = {.service = "gift"};
    larder_reader *reader;

    fill(_i);
    reader = open_reader(&wanted);
    ck_assert_str_eq(larder_reader_keys(reader)->fields[1].name, "receiver_id");
    ck_assert_str_eq(
        larder_reader_features(reader)->fields[1].name, "receiver__b");
    expect_and_close(reader, "1,2;2,1;9,4",
        "12 P, - N, 21 P; 21 P, two, too P, 12 P; - 0, - N, 41 P; ");
}
END_TEST

START_TEST(one_view_may_answer_under_two_names)
{
    larder_features wanted = {.service = "twice"};

    fill(_i);
    expect_and_close(
        open_reader(&wanted), "1;9", "12 P, 12 P, two, too P; - 0, - 0, - 0; ");
}
END_TEST

START_TEST(no_keys_give_no_rows)
{
    const char *ref = "spend:a";

    fill(_i);
    expect_and_close(open_refs(&ref, 1), "", "");
}
END_TEST

START_TEST(hundreds_of_keys_are_one_read)
{
    const char *refs[] = {"spend:a", "shop:shop_a"};
    larder_reader *reader;
    larder_batch keys;
    larder_answer answer = {0};
    char *csv = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);

    fprintf(file, "id,mid,a,b,c,ts\n");
    for (int i = 0; i < 700; i++)
        fprintf(
            file, "%d,k%d,%d,,,2024-05-31T12:00:00Z\n", 1000 + i, i % 70, i);
    fclose(file);
    fill(_i);
    ck_assert_int_eq(shop_ingest(&s, "h", csv, NULL), LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    reader = open_refs(refs, 2);
    keys = keys_of(larder_reader_keys(reader), "");
    for (int i = 0; i < 900; i++) {
        char text[16];
        size_t n = (size_t)snprintf(text, sizeof text, "k%d", i % 80);

        ck_assert_int_eq(larder_column_append_integer(
                             &keys.columns[0], 1000 + i * 7 % 900, NULL),
            LARDER_OK);
        ck_assert_int_eq(larder_column_append_text(
                             &keys.columns[1], (larder_bytes){text, n}, NULL),
            LARDER_OK);
    }
    ldr_batch_finish(&keys);
    ck_assert_int_eq(
        larder_reader_get(reader, &s.call, &keys, &answer, &s.err), LARDER_OK);
    for (size_t i = 0; i < 900; i++) {
        bool there = i * 7 % 900 < 700, shop_there = i % 80 < 70;
        larder_value a = larder_column_value(&answer.values.columns[0], i);
        larder_value b = larder_column_value(&answer.values.columns[1], i);

        if (a.null == there || b.null == shop_there ||
            (there && a.as.integer != (int64_t)(i * 7 % 900)) ||
            (shop_there && b.as.integer % 70 != (int64_t)(i % 80)))
            ck_abort_msg("row %zu", i);
    }
    free(csv);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------ no allocation */

static int64_t
a_moment(void)
{
    return 5;
}

START_TEST(an_answer_used_again_needs_no_memory)
{
    larder_features wanted = {.service = "all"};
    larder_reader *reader;
    larder_batch keys, fewer;
    larder_answer answer = {0};
    size_t before, made = 0;

    fill(_i);
    s.call.monotonic = a_moment; /* the ledger's word holds for a second */
    reader = open_reader(&wanted);
    keys = keys_of(larder_reader_keys(reader), "1,m1;3,m1;4,m;7,m9");
    fewer = keys_of(larder_reader_keys(reader), "4,m;1,m2");
    ck_assert_int_eq(
        larder_reader_get(reader, &s.call, &keys, &answer, NULL), LARDER_OK);
    for (int i = 0; i < 10; i++) {
        larder_status rc;

        before = allocations_made();
        rc = larder_reader_get(
            reader, &s.call, i % 2 == 0 ? &fewer : &keys, &answer, NULL);
        made += allocations_made() - before;
        ck_assert_int_eq(rc, LARDER_OK);
    }
    ck_assert_uint_eq(made, 0);
    larder_answer_release(&answer);
    larder_answer_release(&answer); /* may be done twice */
    larder_batch_release(&keys);
    larder_batch_release(&fewer);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

START_TEST(an_answer_may_go_from_reader_to_reader)
{
    const char *first[] = {"spend:a", "spend:b"}, *second[] = {"extra:c"};
    larder_reader *one, *other;
    larder_batch keys;
    larder_answer answer = {0};

    fill(_i);
    one = open_refs(first, 2);
    other = open_refs(second, 1);
    keys = keys_of(larder_reader_keys(one), "1;2;4");
    ck_assert_int_eq(
        larder_reader_get(one, &s.call, &keys, &answer, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_reader_get(other, &s.call, &keys, &answer, NULL), LARDER_OK);
    ck_assert_ptr_eq(answer.values.schema, larder_reader_features(other));
    ck_assert_uint_eq(answer.values.columns[0].n_nulls, 1);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(one);
    larder_reader_close(other);
    shop_close(&s);
}
END_TEST

START_TEST(an_open_reader_sees_what_is_materialized_later)
{
    const char *ref = "spend:a";
    larder_reader *reader;
    larder_materialize_options full = {.full = true};

    fill(_i);
    reader = open_refs(&ref, 1);
    expect(reader, "1", "12 P; ");
    ck_assert_int_eq(
        shop_ingest(
            &s, "h", "id,mid,a,b,c,ts\n1,m1,13,,,2024-05-31T23:00:00Z\n", NULL),
        LARDER_OK);
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
    expect(reader, "1", "13 P; ");
    ck_assert_int_eq(shop_materialize(&s, &full, NULL), LARDER_OK);
    expect_and_close(reader, "1;2", "13 P; 21 P; ");
}
END_TEST

/* ----------------------------------------------------------------- computed */

/* Their sources, and features of views and of requests. */
static const char on_demand[] =
    "  - {name: ask, kind: request,\n"
    "     schema: [{name: part, type: int64}, {name: word, type: string}]}\n"
    "on_demand_feature_views:\n"
    "  - name: share\n"
    "    inputs: [spend, acts, ask]\n"
    "    features:\n"
    "      - {name: ratio, type: float64, expr: \"a / nullif(part, 0)\"}\n"
    "      - {name: said, type: string, expr: \"word || ':' || b\",\n"
    "         default: silence}\n"
    "      - {name: rest, type: int64, expr: \"a7 - a\"}\n"
    "      - {name: age, type: float64,\n"
    "         expr: \"seconds_between(spend__event_timestamp, as_of)\"}\n"
    "  - name: twice_share\n"
    "    inputs: [share]\n"
    "    features:\n"
    "      - {name: twice, type: float64, expr: \"ratio * 2\"}\n"
    "      - {name: loud, type: string, expr: \"upper(said)\"}\n"
    "  - name: asked\n"
    "    inputs: [ask]\n"
    "    features: [{name: more, type: int64, expr: \"part + 1\"}]\n";

static void
fill_on_demand(int pair)
{
    const char *views = strstr(features, "feature_views:");
    size_t n = strlen(features) + strlen(on_demand) + 1;
    size_t n_sources = strcspn(on_demand, "\n") + 1;
    char *yaml = malloc(n);

    n_sources += strcspn(on_demand + n_sources, "\n") + 1;
    ck_assert_ptr_nonnull(yaml);
    snprintf(yaml, n, "%.*s%.*s%s%s", (int)(views - features), features,
        (int)n_sources, on_demand, on_demand + n_sources, views);
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    ck_assert_msg(shop_apply(&s, yaml) == LARDER_OK, "%s", s.err.message);
    free(yaml);
    ck_assert_msg(
        shop_ingest(&s, "h", rows, NULL) == LARDER_OK, "%s", s.err.message);
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
}

/* Keys and requests, which a question has one behind the other. */
static larder_schema
question_of(const larder_reader *reader, larder_field *fields)
{
    const larder_schema *keys = larder_reader_keys(reader);
    const larder_schema *requests = larder_reader_requests(reader);
    size_t n = 0;

    for (size_t i = 0; i < keys->n_fields; i++)
        fields[n++] = keys->fields[i];
    for (size_t i = 0; i < requests->n_fields; i++)
        fields[n++] = requests->fields[i];
    return (larder_schema){fields, n};
}

static void
expect_asked(const char *const *refs, size_t n_refs, const char *question,
    const char *expected)
{
    larder_reader *reader = open_refs(refs, n_refs);
    larder_field fields[8];
    larder_schema schema = question_of(reader, fields);
    larder_batch keys = keys_of(&schema, question);
    larder_answer answer = {0};
    char *found = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&found, &size);

    if (larder_reader_get(reader, &s.call, &keys, &answer, &s.err) == LARDER_OK)
        print_answer(&answer, out);
    else
        fprintf(out, "error: %s", s.err.message);
    fclose(out);
    ck_assert_str_eq(found, expected);
    free(found);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
}

START_TEST(windows_are_read_beside_features_that_rows_hold)
{
    const char *refs[] = {
        "acts:a7", "acts:b_now", "acts:n7", "acts:m7", "acts:b7", "spend:a"};

    fill(_i);
    expect_and_close(open_refs(refs, 6), "1;3;4;9",
        "23 P, two, too P, 2 P, 1 P, two, too P, 12 P; "
        "- N, three P, 0 P, 0 P, - N, - X; "
        "41 P, - N, 1 P, 0 P, - N, 41 P; "
        "- 0, - 0, - 0, - 0, - 0, - 0; ");
}
END_TEST

START_TEST(on_demand_features_are_computed_from_rows_and_requests)
{
    const char *refs[] = {"share:ratio", "share:said", "share:rest"};

    fill_on_demand(_i);
    expect_asked(refs, 3, "1,5,x;1,0,-;3,4,y;9,1,z",
        "2.4 P, x:two, too P, 11 P; - N, silence N, 11 P; "
        "- N, silence N, - N; - N, silence N, - N; ");
    shop_close(&s);
}
END_TEST

START_TEST(an_on_demand_feature_may_ask_for_another_and_for_time)
{
    const char *refs[] = {
        "twice_share:twice", "share:age", "twice_share:loud", "share:said"};

    fill_on_demand(_i);
    /* The default of `said` is for who asks, not for expressions. */
    expect_asked(refs, 4, "1,5,x;3,1,w;4,0,-",
        "4.8 P, 82800.0 P, X:TWO, TOO P, x:two, too P; "
        "- N, - N, - N, silence N; - N, 79200.0 P, - N, silence N; ");
    shop_close(&s);
}
END_TEST

START_TEST(the_time_of_an_on_demand_feature_is_that_of_the_newest_row_it_reads)
{
    const char *refs[] = {"twice_share:twice", "asked:more"};
    larder_reader *reader;
    larder_field fields[8];
    larder_schema schema;
    larder_batch keys;
    larder_answer answer = {0};

    fill_on_demand(_i);
    reader = open_refs(refs, 2);
    ck_assert_uint_eq(larder_reader_requests(reader)->n_fields, 1);
    schema = question_of(reader, fields);
    keys = keys_of(&schema, "1,5");
    ck_assert_int_eq(
        larder_reader_get(reader, &s.call, &keys, &answer, &s.err), LARDER_OK);
    ck_assert_int_eq(answer.event_times[0], shop_time("2024-05-31T01:00:00Z"));
    ck_assert_int_eq(answer.event_times[1], LARDER_NO_TIME);
    ck_assert_int_eq(
        larder_column_value(&answer.values.columns[1], 0).as.integer, 6);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

START_TEST(features_of_requests_alone_need_no_entity)
{
    const char *ref = "asked:more";

    fill_on_demand(_i);
    expect_asked(&ref, 1, "1;-;41", "2 P; - N; 42 P; ");
    shop_close(&s);
}
END_TEST

START_TEST(request_columns_are_checked_by_name)
{
    static const larder_field fields[] = {
        {"id", LARDER_INT64}, {"part", LARDER_STRING}};
    static const larder_schema schemas[] = {{fields, 1}, {fields, 2}};
    const char *ref = "share:ratio";
    larder_reader *reader;
    larder_answer answer = {0};
    const char *const expected[] = {"the keys have 1 columns, not 2",
        "request column 1 is 'part' (string), not 'part' (int64)"};

    fill_on_demand(_i);
    reader = open_refs(&ref, 1);
    for (size_t i = 0; i < 2; i++) {
        larder_batch keys = keys_of(&schemas[i], i == 0 ? "1" : "1,2");

        ck_assert_int_eq(
            larder_reader_get(reader, &s.call, &keys, &answer, &s.err),
            LARDER_INVALID);
        ck_assert_str_eq(s.err.message, expected[i]);
        larder_batch_release(&keys);
    }
    larder_answer_release(&answer);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

START_TEST(computed_features_need_no_memory_when_an_answer_is_used_again)
{
    const char *refs[] = {"share", "twice_share", "acts", "spend"};
    larder_reader *reader;
    larder_field fields[8];
    larder_schema schema;
    larder_batch keys, fewer;
    larder_answer answer = {0};
    size_t made = 0;

    fill_on_demand(_i);
    s.call.monotonic = a_moment;
    reader = open_refs(refs, 4);
    schema = question_of(reader, fields);
    keys = keys_of(&schema, "1,5,x;3,1,y;4,0,-;9,1,z");
    fewer = keys_of(&schema, "4,1,-;1,-,w");
    ck_assert_int_eq(
        larder_reader_get(reader, &s.call, &keys, &answer, &s.err), LARDER_OK);
    for (int i = 0; i < 10; i++) {
        size_t before = allocations_made();
        larder_status rc = larder_reader_get(
            reader, &s.call, i % 2 == 0 ? &fewer : &keys, &answer, NULL);

        made += allocations_made() - before;
        ck_assert_int_eq(rc, LARDER_OK);
    }
    ck_assert_uint_eq(made, 0);
    larder_answer_release(&answer);
    larder_batch_release(&keys);
    larder_batch_release(&fewer);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

/* ---------------------------------------------------------------- at a time */

START_TEST(a_moment_before_the_stored_row_is_an_error)
{
    const char *ref = "spend:a";
    larder_features wanted = {.refs = &ref, .n_refs = 1, .at_time = true};
    larder_reader *reader;

    fill(_i);
    s.call.now = shop_time("2024-05-31T00:30:00Z");
    reader = open_reader(&wanted);
    expect(reader, "2;9", "21 P; - 0; ");
    expect(reader, "2;1",
        "error: key row 2: feature view 'spend' has a row of "
        "2024-05-31T01:00:00Z, after the 2024-05-31T00:30:00Z asked for");
    ck_assert_str_eq(
        s.err.hint, "online keeps the newest row only: use join for the past");
    ck_assert_int_eq(s.err.status, LARDER_INVALID);
    s.call.now = shop_time("2024-05-31T01:00:00Z");
    expect_and_close(reader, "2;1", "21 P; 12 P; ");
}
END_TEST

START_TEST(a_clock_behind_the_row_counts_as_age_zero)
{
    const char *ref = "spend:a";
    larder_reader *reader;

    fill(_i);
    reader = open_refs(&ref, 1);
    s.call.now = shop_time("2020-01-01T00:00:00Z");
    expect_and_close(reader, "1;3", "12 P; 31 P; ");
}
END_TEST

/* ------------------------------------------------------------ what is wrong */

START_TEST(a_null_key_part_is_an_error_by_row_and_name)
{
    const char *ref = "visit:visit_b";

    fill(_i);
    expect_and_close(open_refs(&ref, 1), "1,m1;2,-",
        "error: key row 2 has no 'mid': every part of a key is needed");
}
END_TEST

START_TEST(keys_of_other_columns_are_refused)
{
    static const larder_field other[] = {
        {"id", LARDER_STRING}, {"mid", LARDER_STRING}};
    static const larder_field swapped[] = {
        {"mid", LARDER_STRING}, {"id", LARDER_INT64}};
    static const larder_schema schemas[] = {
        {other, 1}, {swapped, 2}, {other, 2}};
    const char *ref = "visit:visit_b";
    larder_reader *reader;
    larder_answer answer = {0};

    fill(_i);
    reader = open_refs(&ref, 1);
    for (size_t i = 0; i < 3; i++) {
        larder_batch keys = keys_of(&schemas[i], i == 0 ? "1" : "1,2");

        ck_assert_int_eq(
            larder_reader_get(reader, &s.call, &keys, &answer, &s.err),
            LARDER_INVALID);
        larder_batch_release(&keys);
    }
    ck_assert_str_eq(
        s.err.message, "key column 1 is 'id' (string), not 'id' (int64)");
    larder_answer_release(&answer);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

START_TEST(a_view_that_is_not_online_is_refused)
{
    const char *ref = "past:p";
    larder_features wanted = {.refs = &ref, .n_refs = 1};
    larder_reader *reader = NULL;

    fill(_i);
    ck_assert_int_eq(
        larder_reader_open(s.store, &s.call, &wanted, &reader, &s.err),
        LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "feature view 'past' says 'online: false': join reads it, get can not");
    ck_assert_ptr_null(reader);
    larder_reader_close(NULL);
    shop_close(&s);
}
END_TEST

START_TEST(too_many_keys_are_a_limit_that_has_a_name)
{
    const char *ref = "spend:a";
    larder_reader *reader;
    larder_batch keys;
    larder_answer answer = {0};

    fill(_i);
    reader = open_refs(&ref, 1);
    keys = keys_of(larder_reader_keys(reader), "");
    for (int i = 0; i <= 100000; i++)
        if (larder_column_append_integer(&keys.columns[0], i, NULL) !=
            LARDER_OK)
            ck_abort_msg("no memory");
    ldr_batch_finish(&keys);
    ck_assert_int_eq(larder_reader_get(reader, &s.call, &keys, &answer, &s.err),
        LARDER_LIMIT);
    ck_assert_str_eq(s.err.message,
        "100001 keys in one read are more than 100000 (max_keys)");
    larder_batch_release(&keys);
    larder_reader_close(reader);
    shop_close(&s);
}
END_TEST

START_TEST(a_key_longer_than_stores_allow_is_refused)
{
    const char *ref = "shop:shop_a";
    char key[600];

    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    fill(_i);
    expect_and_close(open_refs(&ref, 1), key,
        "error: key row 1: an entity key is longer than LARDER_KEY_MAX, 480 "
        "bytes");
}
END_TEST

START_TEST(a_read_stops_when_asked)
{
    const char *ref = "spend:a";
    larder_reader *reader;
    const volatile int stop = 1;

    fill(_i);
    reader = open_refs(&ref, 1);
    s.call.cancel = &stop;
    expect_and_close(
        reader, "1", "error: stopped because the caller asked for it");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("lookup");
    TCase *each = tcase_create("each pair of stores");
    const TTest *const tests[] = {row_i_of_the_answer_is_row_i_of_the_keys,
        views_of_different_keys_are_read_together, parts_of_a_key_are_not_glued,
        a_view_without_entities_has_one_row_for_all,
        an_alias_reads_the_key_its_map_names,
        one_view_may_answer_under_two_names, no_keys_give_no_rows,
        hundreds_of_keys_are_one_read, an_answer_used_again_needs_no_memory,
        an_answer_may_go_from_reader_to_reader,
        an_open_reader_sees_what_is_materialized_later,
        windows_are_read_beside_features_that_rows_hold,
        on_demand_features_are_computed_from_rows_and_requests,
        an_on_demand_feature_may_ask_for_another_and_for_time,
        the_time_of_an_on_demand_feature_is_that_of_the_newest_row_it_reads,
        features_of_requests_alone_need_no_entity,
        request_columns_are_checked_by_name,
        computed_features_need_no_memory_when_an_answer_is_used_again,
        a_moment_before_the_stored_row_is_an_error,
        a_clock_behind_the_row_counts_as_age_zero,
        a_null_key_part_is_an_error_by_row_and_name,
        keys_of_other_columns_are_refused, a_view_that_is_not_online_is_refused,
        too_many_keys_are_a_limit_that_has_a_name,
        a_key_longer_than_stores_allow_is_refused, a_read_stops_when_asked};

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(each, tests[i], 0, 2);
    suite_add_tcase(suite, each);
    return support_run(suite);
}
