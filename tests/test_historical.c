/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_historical.c - whole joins: which rows and columns come out, and what a
 * finished join says of itself. Which history row wins is oracle_asof's.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shop.h"
#include "tests/support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char features[] =
    "entities:\n"
    "  - {name: customer, join_key: id, type: int64}\n"
    "  - {name: merchant, join_key: mid, type: string}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts, created_timestamp_column: cts,\n"
    "     schema: [{name: id, type: int64}, {name: a, type: int64},\n"
    "       {name: b, type: string}]}\n"
    "  - {name: m, timestamp_field: ts,\n"
    "     schema: [{name: mid, type: string}, {name: c, type: float64}]}\n"
    "  - {name: p, timestamp_field: ts,\n"
    "     schema: [{name: id, type: int64}, {name: mid, type: string},\n"
    "       {name: d, type: int64}]}\n"
    "  - {name: w, timestamp_field: ts, schema: [{name: n, type: int64}]}\n"
    "feature_views:\n"
    "  - {name: spend, entities: [customer], source: h, ttl: 7d,\n"
    "     features: [{name: a, type: int64}, {name: b, type: string}]}\n"
    "  - {name: shop, entities: [merchant], source: m,\n"
    "     features: [{name: c, type: float64}]}\n"
    "  - {name: visit, entities: [customer, merchant], source: p,\n"
    "     features: [{name: a, type: int64, from: d}]}\n"
    "  - {name: whole, entities: [], source: w,\n"
    "     features: [{name: n, type: int64}]}\n"
    "feature_services:\n"
    "  - name: gift\n"
    "    features:\n"
    "      - \"spend:a\"\n"
    "      - {view: spend, as: receiver, features: [a],\n"
    "         join_key_map: {id: receiver_id}}\n";

static const char h_rows[] =
    "id,a,b,ts,cts\n"
    "1,10,x,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z\n"
    "1,11,\"y,z\",2024-05-03T00:00:00Z,2024-05-03T01:00:00Z\n"
    "1,12,late,2024-05-03T00:00:00Z,2024-05-09T00:00:00Z\n"
    "2,20,,2024-05-02T00:00:00Z,\n"
    "3,,,2024-05-02T00:00:00Z,\n";
static const char m_rows[] = "mid,c,ts\n"
                             "m1,0.5,2024-05-01T00:00:00Z\n"
                             "m1,1.5,2024-05-04T00:00:00Z\n"
                             "m2,2.5,2024-05-01T00:00:00Z\n";
static const char p_rows[] = "id,mid,d,ts\n"
                             "1,m1,111,2024-05-01T00:00:00Z\n"
                             "1,m2,112,2024-05-02T00:00:00Z\n"
                             "2,m1,121,2024-05-05T00:00:00Z\n";
static const char w_rows[] =
    "n,ts\n7,2024-05-02T00:00:00Z\n8,2024-05-04T00:00:00Z\n";

static const char *const stores[] = {"memory", "sqlite"};

static shop s;

static void
ingest(shop *into, const char *source, const char *csv)
{
    ck_assert_msg(shop_ingest(into, source, csv, NULL) == LARDER_OK, "%s: %s",
        source, into->err.message);
}

static void
fill(shop *new, int store)
{
    shop_open(new, stores[store], "memory");
    ck_assert_msg(
        shop_apply(new, features) == LARDER_OK, "%s", new->err.message);
    ingest(new, "h", h_rows);
    ingest(new, "m", m_rows);
    ingest(new, "p", p_rows);
    ingest(new, "w", w_rows);
}

static larder_join_options
ask_for(const char *const *refs, size_t n_refs)
{
    return (larder_join_options){.features = {.refs = refs, .n_refs = n_refs},
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};
}

static shop_joined
ask(const larder_join_options *options, const char *spine, larder_format to)
{
    shop_joined joined = {0};
    larder_status rc = shop_ask(&s, options, spine, to, &joined);

    ck_assert_msg(
        rc == LARDER_OK, "%s: %s", larder_status_name(rc), s.err.message);
    return joined;
}

static void
expect(
    const larder_join_options *options, const char *spine, const char *expected)
{
    shop_joined joined = ask(options, spine, LARDER_CSV);

    ck_assert_str_eq(joined.text, expected);
    shop_joined_release(&joined);
}

static void
expect_ref(const char *ref, const char *spine, const char *expected)
{
    larder_join_options options = ask_for(&ref, 1);

    expect(&options, spine, expected);
}

static void
refuse(const larder_join_options *options, const char *spine,
    larder_status expected, const char *message, const char *hint)
{
    shop_joined joined;

    s.err = (larder_error){0};
    ck_assert_int_eq(
        shop_ask(&s, options, spine, LARDER_CSV, &joined), expected);
    ck_assert_str_eq(s.err.message, message);
    ck_assert_str_eq(s.err.hint, hint);
}

static void
refuse_ref(
    const char *ref, const char *spine, const char *message, const char *hint)
{
    larder_join_options options = ask_for(&ref, 1);

    refuse(&options, spine, LARDER_INVALID, message, hint);
}

/* --------------------------------------------------------- rows and columns */

START_TEST(rows_out_are_rows_in_in_their_order_twins_too)
{
    fill(&s, _i);
    expect_ref("spend:a",
        "id,event_timestamp,label\n"
        "2,2024-05-02T00:00:00Z,one\n"
        "1,2024-05-01T23:59:59.999999Z,two\n"
        "9,2024-05-04T00:00:00Z,\n"
        "1,2024-05-04T00:00:00Z,three\n"
        "2,2024-05-02T00:00:00Z,one\n"
        "1,2024-04-30T00:00:00Z,\"\"\n",
        "id,event_timestamp,label,a\n"
        "2,2024-05-02T00:00:00Z,one,20\n"
        "1,2024-05-01T23:59:59.999999Z,two,10\n"
        "9,2024-05-04T00:00:00Z,,\n"
        "1,2024-05-04T00:00:00Z,three,12\n"
        "2,2024-05-02T00:00:00Z,one,20\n"
        "1,2024-04-30T00:00:00Z,\"\",\n");
    shop_close(&s);
}
END_TEST

START_TEST(text_of_the_spine_comes_out_as_it_went_in)
{
    fill(&s, _i);
    expect_ref("spend:b",
        "score,event_timestamp,id\n"
        "007.50,2024-05-04T02:00:00+02:00,01\n"
        " 1e3,2024-05-04 00:00:00.000Z,1\n",
        "score,event_timestamp,id,b\n"
        "007.50,2024-05-04T02:00:00+02:00,01,late\n"
        " 1e3,2024-05-04 00:00:00.000Z,1,late\n");
    shop_close(&s);
}
END_TEST

START_TEST(several_views_are_read_in_one_pass)
{
    const char *refs[] = {"visit:a", "shop", "spend:b", "whole:n"};
    larder_join_options options = ask_for(refs, COUNT(refs));

    fill(&s, _i);
    s.call.n_threads = 3; /* which changes no byte */
    expect(&options,
        "mid,id,event_timestamp\n"
        "m1,1,2024-05-03T12:00:00Z\n"
        "m2,1,2024-05-05T00:00:00Z\n"
        "m1,2,2024-05-04T00:00:00Z\n",
        "mid,id,event_timestamp,a,c,b,n\n"
        "m1,1,2024-05-03T12:00:00Z,111,0.5,late,7\n"
        "m2,1,2024-05-05T00:00:00Z,112,2.5,late,8\n"
        "m1,2,2024-05-04T00:00:00Z,,1.5,,8\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_view_without_entities_answers_by_time_alone)
{
    fill(&s, _i);
    expect_ref("whole:n",
        "event_timestamp\n2024-05-03T00:00:00Z\n2024-05-01T00:00:00Z\n"
        "2024-05-04T00:00:00Z\n",
        "event_timestamp,n\n2024-05-03T00:00:00Z,7\n"
        "2024-05-01T00:00:00Z,\n2024-05-04T00:00:00Z,8\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_row_with_a_null_key_part_stays_without_features)
{
    const char *ref = "visit:a";
    larder_join_options options = ask_for(&ref, 1);
    shop_joined joined;

    fill(&s, _i);
    joined = ask(&options,
        "id,mid,event_timestamp\n,m1,2024-05-06T00:00:00Z\n"
        "1,m1,2024-05-06T00:00:00Z\n1,,2024-05-06T00:00:00Z\n"
        "1,m9,2024-05-06T00:00:00Z\n",
        LARDER_CSV);
    ck_assert_str_eq(joined.text,
        "id,mid,event_timestamp,a\n,m1,2024-05-06T00:00:00Z,\n"
        "1,m1,2024-05-06T00:00:00Z,111\n1,,2024-05-06T00:00:00Z,\n"
        "1,m9,2024-05-06T00:00:00Z,\n");
    ck_assert_uint_eq(joined.rows, 4);
    ck_assert_uint_eq(joined.null_keys, 2);
    ck_assert_uint_eq(joined.nulls, 3);
    ck_assert_uint_eq(joined.before_first, 1); /* a null key is none of it */
    ck_assert_uint_eq(joined.expired, 0);
    shop_joined_release(&joined);
    shop_close(&s);
}
END_TEST

START_TEST(nulls_are_counted_by_their_reason)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);
    shop_joined joined;

    fill(&s, _i);
    joined = ask(&options,
        "id,event_timestamp\n"
        "3,2024-05-02T00:00:00Z\n"        /* the value is null */
        "2,2024-05-01T23:59:59.999999Z\n" /* before the first */
        "2,2024-05-09T00:00:00Z\n"        /* exactly the ttl */
        "2,2024-05-09T00:00:00.000001Z\n",
        LARDER_JSONL);
    ck_assert_str_eq(joined.text,
        "{\"id\":\"3\",\"event_timestamp\":\"2024-05-02T00:00:00Z\","
        "\"a\":null}\n"
        "{\"id\":\"2\",\"event_timestamp\":"
        "\"2024-05-01T23:59:59.999999Z\",\"a\":null}\n"
        "{\"id\":\"2\",\"event_timestamp\":\"2024-05-09T00:00:00Z\","
        "\"a\":20}\n"
        "{\"id\":\"2\",\"event_timestamp\":"
        "\"2024-05-09T00:00:00.000001Z\",\"a\":null}\n");
    ck_assert_uint_eq(joined.nulls, 3);
    ck_assert_uint_eq(joined.before_first, 1);
    ck_assert_uint_eq(joined.expired, 1);
    shop_joined_release(&joined);
    shop_close(&s);
}
END_TEST

START_TEST(as_known_sees_what_had_been_written_by_then)
{
    const char *ref = "spend:b";
    larder_join_options options = ask_for(&ref, 1);

    fill(&s, _i);
    options.as_known = true;
    expect(&options,
        "id,event_timestamp\n1,2024-05-03T00:30:00Z\n"
        "1,2024-05-03T01:00:00Z\n1,2024-05-09T00:00:00Z\n"
        "2,2024-05-04T00:00:00Z\n",
        "id,event_timestamp,b\n1,2024-05-03T00:30:00Z,x\n"
        "1,2024-05-03T01:00:00Z,\"y,z\"\n1,2024-05-09T00:00:00Z,late\n"
        "2,2024-05-04T00:00:00Z,\n");
    shop_close(&s);
}
END_TEST

START_TEST(as_known_is_refused_where_nothing_tells_when)
{
    const char *ref = "shop:c";
    larder_join_options options = ask_for(&ref, 1);
    shop_joined joined = {0};

    fill(&s, _i);
    options.as_known = true;
    ck_assert_int_eq(
        shop_ask(&s, &options, "mid,event_timestamp\nm1,2024-05-04T00:00:00Z\n",
            LARDER_CSV, &joined),
        LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "source 'm' of feature view 'shop' has no created time to join by");
    shop_close(&s);
}
END_TEST

/* ---------------------------------------------------------------- services */

START_TEST(an_alias_reads_its_keys_where_its_map_says)
{
    larder_join_options options = {.features = {.service = "gift"},
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
        .spine_format = LARDER_CSV};

    fill(&s, _i);
    expect(&options,
        "id,receiver_id,event_timestamp\n"
        "1,2,2024-05-04T00:00:00Z\n2,1,2024-05-04T00:00:00Z\n"
        "1,,2024-05-04T00:00:00Z\n",
        "id,receiver_id,event_timestamp,a,receiver__a\n"
        "1,2,2024-05-04T00:00:00Z,12,20\n2,1,2024-05-04T00:00:00Z,20,12\n"
        "1,,2024-05-04T00:00:00Z,12,\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_feature_named_like_a_spine_column_needs_its_full_name)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);
    const char spine[] = "id,a,event_timestamp\n1,5,2024-05-04T00:00:00Z\n";

    fill(&s, _i);
    refuse(&options, spine, LARDER_INVALID,
        "feature 'spend:a' would be called 'a', as a spine column is",
        "ask for full names (--full-feature-names), or rename the column");
    options.features.full_names = true;
    expect(&options, spine,
        "id,a,event_timestamp,spend__a\n1,5,2024-05-04T00:00:00Z,12\n");
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------ what is wrong */

START_TEST(a_missing_column_is_named_with_the_nearest)
{
    fill(&s, _i);
    refuse_ref("shop:c", "midd,event_timestamp\nm1,2024-05-04T00:00:00Z\n",
        "the spine has no key column 'mid'", "its nearest column is 'midd'");
    refuse_ref("shop:c", "mid,event_timestmp\nm1,2024-05-04T00:00:00Z\n",
        "the spine has no time column 'event_timestamp'",
        "its nearest column is 'event_timestmp'");
    refuse_ref("shop:c", "mid,when\nm1,2024-05-04T00:00:00Z\n",
        "the spine has no time column 'event_timestamp'",
        "name it with --timestamp COLUMN");
    shop_close(&s);
}
END_TEST

START_TEST(the_time_column_may_have_another_name)
{
    const char *ref = "shop:c";
    larder_join_options options = ask_for(&ref, 1);

    fill(&s, _i);
    options.timestamp = "when";
    expect(&options, "mid,when\nm1,2024-05-03T00:00:00Z\n",
        "mid,when,c\nm1,2024-05-03T00:00:00Z,0.5\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_value_that_cannot_be_read_is_told_by_row_and_column)
{
    fill(&s, _i);
    refuse_ref("spend:a",
        "id,event_timestamp\n1,2024-05-04T00:00:00Z\n"
        "12x,2024-05-04T00:00:00Z\n",
        "spine row 2, column 'id': '12x' is not an int64", "");
    refuse_ref("spend:a", "id,event_timestamp\n1,2024-02-30T00:00:00Z\n",
        "spine row 1, column 'event_timestamp': time "
        "'2024-02-30T00:00:00Z': there is no 30 February",
        "");
    refuse_ref("spend:a", "id,event_timestamp\n1,2024-05-04T00:00:00Z\n2,\n",
        "spine row 2 has no 'event_timestamp': each row needs the moment it "
        "is asked for",
        "");
    shop_close(&s);
}
END_TEST

/* A spine as programs make them: its columns have types. */
static larder_status
join_typed(
    const larder_schema *schema, const larder_value *row, larder_batch *out)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);
    larder_batch batch = {0};
    larder_stream spine = {0}, rows = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&batch, schema, &s.err));
    for (size_t i = 0; i < schema->n_fields; i++)
        LARDER_TRY(larder_column_append(&batch.columns[i], &row[i], &s.err));
    batch.n_rows = 1;
    LARDER_TRY(larder_stream_of(&batch, &spine, &s.err));
    LARDER_TRY(larder_join(s.store, &s.call, &options, &spine, &rows, &s.err));
    LARDER_TRY(larder_stream_next(&rows, out, &s.err));
    out->schema = NULL; /* the stream's, which ends here */
out:
    larder_stream_close(&rows);
    larder_stream_close(&spine);
    larder_batch_release(&batch);
    return rc;
}

START_TEST(a_typed_spine_needs_the_types_of_its_keys_and_time)
{
    static const larder_field good[] = {
        {"when", LARDER_TIMESTAMP}, {"id", LARDER_INT64}};
    static const larder_field narrow[] = {
        {"when", LARDER_TIMESTAMP}, {"id", LARDER_INT32}};
    static const larder_field number[] = {
        {"event_timestamp", LARDER_INT64}, {"id", LARDER_INT64}};
    larder_value row[] = {{.type = LARDER_TIMESTAMP}, {.type = LARDER_INT64}};
    larder_batch out = {0};

    fill(&s, _i);
    row[0].as.integer = shop_time("2024-05-04T00:00:00Z");
    row[1].as.integer = 2;
    ck_assert_msg(join_typed(&(larder_schema){good, 2}, row, &out) == LARDER_OK,
        "%s", s.err.message);
    ck_assert_int_eq(larder_column_value(&out.columns[2], 0).as.integer, 20);
    out.schema = &(larder_schema){.n_fields = 3};
    larder_batch_release(&out);
    row[1].type = LARDER_INT32;
    ck_assert_int_eq(
        join_typed(&(larder_schema){narrow, 2}, row, &out), LARDER_INVALID);
    ck_assert_str_eq(
        s.err.message, "spine column 'id' is int32, the key column is int64");
    row[0].type = row[1].type = LARDER_INT64;
    ck_assert_int_eq(
        join_typed(&(larder_schema){number, 2}, row, &out), LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "spine column 'event_timestamp' is int64: a time is timestamp or ISO "
        "text");
    shop_close(&s);
}
END_TEST

START_TEST(a_time_without_an_offset_needs_to_be_told_one)
{
    const char *ref = "shop:c";
    const char spine[] = "mid,event_timestamp\nm1,2024-05-04T01:00:00\n"
                         "m1,2024-05-04T02:00:00\nm1,2024-05-04\n";
    larder_join_options options = ask_for(&ref, 1);

    fill(&s, _i);
    refuse(&options, spine, LARDER_INVALID,
        "spine row 1, column 'event_timestamp': time '2024-05-04T01:00:00' "
        "has no zone: write 'Z' or an offset, or declare timezone",
        "");
    options.naive_offset_minutes = 120;
    expect(&options, spine,
        "mid,event_timestamp,c\nm1,2024-05-04T01:00:00,0.5\n"
        "m1,2024-05-04T02:00:00,1.5\nm1,2024-05-04,0.5\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_join_takes_a_spine_or_a_range)
{
    const char *ref = "shop:c";
    larder_join_options options = ask_for(&ref, 1);
    const char words[] =
        "a join takes a spine, or --from and --to, and not both";

    fill(&s, _i);
    refuse(&options, NULL, LARDER_INVALID, words, "");
    options.range = true;
    refuse(&options, "mid,event_timestamp\n", LARDER_INVALID, words, "");
    shop_close(&s);
}
END_TEST

START_TEST(a_store_nobody_applied_to_says_so)
{
    const char *ref = "shop:c";
    larder_join_options options = ask_for(&ref, 1);

    shop_open(&s, "memory", "memory");
    refuse(&options, "mid,event_timestamp\n", LARDER_NOT_FOUND,
        "nothing is applied yet in project 'shop'", "run 'larder apply'");
    shop_close(&s);
}
END_TEST

/* ---------------------------------------------------------- without a spine */

START_TEST(without_a_spine_every_history_row_of_the_range_asks)
{
    const char *refs[] = {"visit:a", "shop:c", "whole:n"};
    larder_join_options options = ask_for(refs, COUNT(refs));

    fill(&s, _i);
    options.range = true;
    options.from = shop_time("2024-05-02T00:00:00Z");
    options.to = shop_time("2024-05-05T00:00:00Z"); /* both included */
    expect(&options, NULL,
        "id,mid,event_timestamp,a,c,n\n"
        "1,m2,2024-05-02T00:00:00Z,112,2.5,7\n"
        "2,m1,2024-05-05T00:00:00Z,121,1.5,8\n");
    options.to = options.from;
    expect(&options, NULL,
        "id,mid,event_timestamp,a,c,n\n"
        "1,m2,2024-05-02T00:00:00Z,112,2.5,7\n");
    options.from = options.to = shop_time("2030-01-01T00:00:00Z");
    expect(&options, NULL, "");
    shop_close(&s);
}
END_TEST

START_TEST(a_range_counts_each_history_row_also_of_one_moment)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);

    fill(&s, _i);
    options.range = true;
    options.from = LARDER_TIME_MIN;
    options.to = LARDER_TIME_MAX;
    expect(&options, NULL,
        "id,event_timestamp,a\n1,2024-05-01T00:00:00Z,10\n"
        "1,2024-05-03T00:00:00Z,12\n1,2024-05-03T00:00:00Z,12\n"
        "2,2024-05-02T00:00:00Z,20\n3,2024-05-02T00:00:00Z,\n");
    shop_close(&s);
}
END_TEST

START_TEST(a_range_gives_no_key_that_its_first_view_has_not)
{
    const char *refs[] = {"shop:c", "visit:a"};
    larder_join_options options = ask_for(refs, COUNT(refs));

    fill(&s, _i);
    options.range = true;
    options.to = shop_time("2024-05-05T00:00:00Z");
    refuse(&options, NULL, LARDER_INVALID,
        "without a spine the first view gives the rows, and 'shop' has no "
        "key 'id'",
        "");
    options.from = options.to + 1;
    options.features.refs++;
    options.features.n_refs--;
    refuse(&options, NULL, LARDER_INVALID,
        "the range ends before it begins: --from comes first", "");
    shop_close(&s);
}
END_TEST

START_TEST(a_range_needs_a_spine_for_request_columns)
{
    static const char on_demand[] =
        "on_demand_feature_views:\n"
        "  - {name: o, inputs: [spend, ask], features: [\n"
        "     {name: r, type: float64, expr: a / n},\n"
        "     {name: t, type: timestamp, expr: as_of}]}\n";
    static const char request[] =
        "  - {name: ask, kind: request, schema: [{name: n, type: int64}]}\n"
        "feature_views:\n";
    const char *refs[] = {"spend:a", "o:r"}, *moment = "o:t";
    larder_join_options options = ask_for(refs, COUNT(refs));
    char yaml[sizeof features + sizeof on_demand + sizeof request];
    const char *views = strstr(features, "feature_views:\n");

    fill(&s, _i);
    snprintf(yaml, sizeof yaml, "%.*s%s%s%s", (int)(views - features), features,
        request, views + strlen("feature_views:\n"), on_demand);
    ck_assert_msg(shop_apply(&s, yaml) == LARDER_OK, "%s", s.err.message);
    options.range = true;
    options.to = shop_time("2024-05-05T00:00:00Z");
    refuse(&options, NULL, LARDER_INVALID,
        "without a spine no row has the request column 'n', which an on-demand "
        "feature reads",
        "join a spine that has that column, or leave out the features that "
        "read it");
    options.features.refs = &moment;
    options.features.n_refs = 1;
    refuse(&options, NULL, LARDER_INVALID,
        "without a spine the first view gives the rows, and no view is read",
        "join a spine, or ask for a feature of a view too");
    shop_close(&s);
}
END_TEST

/* ----------------------------------------------- formats, digests, manifest */

START_TEST(tokens_of_a_json_spine_are_not_touched)
{
    const char *refs[] = {"spend:b", "spend:a"};
    larder_join_options options = ask_for(refs, COUNT(refs));
    shop_joined joined;

    fill(&s, _i);
    options.spine_format = LARDER_JSONL;
    joined = ask(&options,
        "{\"id\": 1, \"x\": 1.50e+1, \"event_timestamp\": "
        "\"2024-05-0\\u0034T00:00:00Z\", \"o\": {\"k\": [1, 2]}}\n"
        "{\"id\": \"2\", \"x\": null, \"event_timestamp\": "
        "\"2024-05-04T00:00:00Z\", \"o\": true}\n",
        LARDER_JSONL);
    ck_assert_str_eq(joined.text,
        "{\"id\":1,\"x\":1.50e+1,\"event_timestamp\":"
        "\"2024-05-0\\u0034T00:00:00Z\",\"o\":{\"k\": [1, 2]},"
        "\"b\":\"late\",\"a\":12}\n"
        "{\"id\":\"2\",\"x\":null,\"event_timestamp\":"
        "\"2024-05-04T00:00:00Z\",\"o\":true,\"b\":null,\"a\":20}\n");
    shop_joined_release(&joined);
    shop_close(&s);
}
END_TEST

START_TEST(a_digest_is_the_same_for_csv_and_json_lines)
{
    const char *ref = "spend:b";
    larder_join_options options = ask_for(&ref, 1);
    shop_joined csv, json, other;

    fill(&s, _i);
    csv = ask(&options,
        "id,event_timestamp,label\n1,2024-05-04T00:00:00Z,\"x,\"\"y\"\n"
        "2,2024-05-04T00:00:00Z,\n",
        LARDER_CSV);
    other = ask(&options,
        "id,event_timestamp,label\n1,2024-05-04T00:00:00Z,\"x,\"\"y\"\n"
        "2,2024-05-04T00:00:00Z,\"\"\n",
        LARDER_CSV);
    options.spine_format = LARDER_JSONL;
    json = ask(&options,
        "{\"id\": \"1\", \"event_timestamp\": \"2024-05-04T00:00:00Z\", "
        "\"label\": \"x,\\\"y\"}\n"
        "{\"id\": \"2\", \"event_timestamp\": \"2024-05-04T00:00:00Z\", "
        "\"label\": null}\n",
        LARDER_JSONL);
    ck_assert_str_eq(csv.spine_digest, json.spine_digest);
    ck_assert_str_eq(csv.digest, json.digest);
    ck_assert_str_eq(csv.manifest, json.manifest);
    /* An empty text is no null. */
    ck_assert_str_ne(csv.spine_digest, other.spine_digest);
    ck_assert_str_ne(csv.digest, csv.spine_digest);
    shop_joined_release(&csv);
    shop_joined_release(&json);
    shop_joined_release(&other);
    shop_close(&s);
}
END_TEST

START_TEST(equal_inputs_give_an_equal_manifest_in_another_store)
{
    const char *refs[] = {"spend:a", "whole:n"};
    larder_join_options options = ask_for(refs, COUNT(refs));
    const char spine[] = "id,event_timestamp\n1,2024-05-04T00:00:00Z\n"
                         ",2024-05-04T00:00:00Z\n"
                         "2,2024-05-10T00:00:00Z\n";
    shop_joined first, second;

    fill(&s, 0);
    first = ask(&options, spine, LARDER_CSV);
    shop_close(&s);
    fill(&s, 1);
    s.call.now += SHOP_DAY;
    second = ask(&options, spine, LARDER_CSV);
    ck_assert_str_eq(first.manifest, second.manifest);
    ck_assert_str_eq(first.text, second.text);
    ck_assert_ptr_nonnull(strstr(first.manifest,
        "{\n  \"manifest\": 1,\n  \"generation\": 1,\n  \"as_known\": false,\n"
        "  \"rows\": 3,\n  \"null_keys\": 1,\n  \"views\": [\n"
        "    {\"view\": \"spend\", \"definition\": \""));
    ck_assert_ptr_nonnull(strstr(first.manifest,
        "  \"features\": [\n"
        "    {\"name\": \"a\", \"ref\": \"spend:a\", \"nulls\": 2, "
        "\"before_first\": 0, \"expired\": 1},\n"
        "    {\"name\": \"n\", \"ref\": \"whole:n\", \"nulls\": 0, "
        "\"before_first\": 0, \"expired\": 0}\n  ],\n"
        "  \"sources\": [\n"
        "    {\"source\": \"h\", \"watermark\": \"2024-05-03T00:00:00Z\"},\n"
        "    {\"source\": \"w\", \"watermark\": \"2024-05-04T00:00:00Z\"}\n"
        "  ],\n  \"spine_digest\": \""));
    shop_joined_release(&first);
    shop_joined_release(&second);
    shop_close(&s);
}
END_TEST

START_TEST(a_source_without_rows_has_no_watermark)
{
    const char *ref = "whole:n";
    larder_join_options options = ask_for(&ref, 1);
    shop_joined joined;

    shop_open(&s, stores[_i], "memory");
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    joined =
        ask(&options, "event_timestamp\n2024-05-04T00:00:00Z\n", LARDER_CSV);
    ck_assert_str_eq(joined.text, "event_timestamp,n\n2024-05-04T00:00:00Z,\n");
    ck_assert_ptr_nonnull(
        strstr(joined.manifest, "{\"source\": \"w\", \"watermark\": null}"));
    ck_assert_uint_eq(joined.before_first, 1);
    shop_joined_release(&joined);
    shop_close(&s);
}
END_TEST

START_TEST(a_join_tells_of_itself_after_its_end)
{
    const char *ref = "whole:n";
    larder_join_options options = ask_for(&ref, 1);
    larder_stream rows = {0};
    const larder_joined *report = NULL;

    fill(&s, _i);
    options.range = true;
    options.to = shop_time("2024-05-05T00:00:00Z");
    ck_assert_int_eq(
        larder_join(s.store, &s.call, &options, NULL, &rows, &s.err),
        LARDER_OK);
    ck_assert_int_eq(
        larder_join_report(&rows, &report, &s.err), LARDER_INVALID);
    ck_assert_str_eq(
        s.err.message, "a join can be reported on when its stream has ended");
    ck_assert_ptr_null(report);
    larder_stream_close(&rows); /* before its end */
    larder_stream_close(&rows);
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------ limits, stops */

/* Rows enough for many chunks, in no order. */
static char *
long_spine(size_t n_rows)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    uint64_t random = 7;

    fprintf(file, "id,event_timestamp\n");
    for (size_t i = 0; i < n_rows; i++)
        fprintf(file, "%zu,2024-05-%02zuT00:00:00Z\n",
            support_below(&random, 4), 1 + support_below(&random, 20));
    fclose(file);
    return text;
}

START_TEST(little_memory_makes_many_chunks_and_the_same_digest)
{
    const char *refs[] = {"spend", "whole"};
    larder_join_options options = ask_for(refs, COUNT(refs));
    char *spine = long_spine(30000);
    shop_joined roomy, tight;

    fill(&s, _i);
    roomy = ask(&options, spine, LARDER_CSV);
    s.call.memory_bytes = 1;
    tight = ask(&options, spine, LARDER_CSV);
    ck_assert_uint_gt(tight.n_batches, roomy.n_batches);
    ck_assert_uint_eq(tight.rows, 30000);
    ck_assert_str_eq(tight.digest, roomy.digest);
    ck_assert_str_eq(tight.manifest, roomy.manifest);
    ck_assert(strcmp(tight.text, roomy.text) == 0);
    shop_joined_release(&roomy);
    shop_joined_release(&tight);
    free(spine);
    shop_close(&s);
}
END_TEST

START_TEST(a_caller_who_asks_to_stop_is_heard)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);
    const volatile int stop = 1;

    fill(&s, _i);
    s.call.cancel = &stop;
    refuse(&options, "id,event_timestamp\n1,2024-05-04T00:00:00Z\n",
        LARDER_INTERRUPTED, "stopped because the caller asked for it", "");
    s.call.cancel = NULL;
    expect(&options, "id,event_timestamp\n1,2024-05-04T00:00:00Z\n",
        "id,event_timestamp,a\n1,2024-05-04T00:00:00Z,12\n");
    shop_close(&s);
}
END_TEST

static int64_t
noon(void)
{
    return 12;
}

START_TEST(a_deadline_that_has_passed_ends_the_join)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);

    fill(&s, _i);
    s.call.monotonic = noon;
    s.call.deadline = 12;
    refuse(&options, "id,event_timestamp\n1,2024-05-04T00:00:00Z\n",
        LARDER_DEADLINE, "the deadline of the call has passed", "");
    shop_close(&s);
}
END_TEST

START_TEST(a_second_join_of_one_thread_is_busy_until_the_first_is_closed)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);
    larder_stream first = {0}, second = {0};

    fill(&s, _i);
    options.range = true;
    options.to = s.call.now;
    ck_assert_int_eq(
        larder_join(s.store, &s.call, &options, NULL, &first, &s.err),
        LARDER_OK);
    ck_assert_int_eq(
        larder_join(s.store, &s.call, &options, NULL, &second, &s.err),
        LARDER_BUSY);
    larder_stream_close(&first);
    ck_assert_int_eq(
        larder_join(s.store, &s.call, &options, NULL, &second, &s.err),
        LARDER_OK);
    larder_stream_close(&second);
    shop_close(&s);
}
END_TEST

/* In the middle of a join, from its own progress. */
static volatile int stop_now;

static void
stop_at_once(void *context, const larder_progress *progress)
{
    (void)context;
    if (strcmp(progress->what, "joining") == 0)
        stop_now = 1;
}

START_TEST(a_join_is_stopped_between_two_batches)
{
    const char *ref = "spend:a";
    larder_join_options options = ask_for(&ref, 1);
    char *spine = long_spine(30000);

    fill(&s, _i);
    s.call.cancel = &stop_now;
    s.call.progress = stop_at_once;
    refuse(&options, spine, LARDER_INTERRUPTED,
        "stopped because the caller asked for it", "");
    free(spine);
    shop_close(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("historical");
    TCase *each = tcase_create("each offline store");
    TCase *once = tcase_create("both stores at once");
    const TTest *const tests[] = {rows_out_are_rows_in_in_their_order_twins_too,
        text_of_the_spine_comes_out_as_it_went_in,
        several_views_are_read_in_one_pass,
        a_view_without_entities_answers_by_time_alone,
        a_row_with_a_null_key_part_stays_without_features,
        nulls_are_counted_by_their_reason,
        as_known_sees_what_had_been_written_by_then,
        as_known_is_refused_where_nothing_tells_when,
        an_alias_reads_its_keys_where_its_map_says,
        a_feature_named_like_a_spine_column_needs_its_full_name,
        a_missing_column_is_named_with_the_nearest,
        the_time_column_may_have_another_name,
        a_value_that_cannot_be_read_is_told_by_row_and_column,
        a_typed_spine_needs_the_types_of_its_keys_and_time,
        a_time_without_an_offset_needs_to_be_told_one,
        a_join_takes_a_spine_or_a_range, a_store_nobody_applied_to_says_so,
        without_a_spine_every_history_row_of_the_range_asks,
        a_range_counts_each_history_row_also_of_one_moment,
        a_range_gives_no_key_that_its_first_view_has_not,
        a_range_needs_a_spine_for_request_columns,
        tokens_of_a_json_spine_are_not_touched,
        a_digest_is_the_same_for_csv_and_json_lines,
        a_source_without_rows_has_no_watermark,
        a_join_tells_of_itself_after_its_end,
        little_memory_makes_many_chunks_and_the_same_digest,
        a_caller_who_asks_to_stop_is_heard,
        a_deadline_that_has_passed_ends_the_join,
        a_second_join_of_one_thread_is_busy_until_the_first_is_closed,
        a_join_is_stopped_between_two_batches};

    for (size_t i = 0; i < COUNT(tests); i++)
        tcase_add_loop_test(each, tests[i], 0, 2);
    tcase_add_test(once, equal_inputs_give_an_equal_manifest_in_another_store);
    suite_add_tcase(suite, each);
    suite_add_tcase(suite, once);
    return support_run(suite);
}
