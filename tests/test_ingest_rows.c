/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ingest_rows.c - rows reach history all together or not at all, by one
 * thread or by several, and what may not be stored is told by row.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "larder_backend.h"
#include "tests/shop.h"
#include "tests/support.h"
#include "tests/told.h"

static const char features[] =
    "entities:\n"
    "  - {name: e, join_key: id, type: int64}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts,\n"
    "     schema: [{name: id, type: int64}, {name: a, type: string}]}\n"
    "feature_views:\n"
    "  - {name: v, entities: [e], source: h,\n"
    "     features: [{name: a, type: string}]}\n";

/* Of one thread, and of those that hand rows to each other. */
static const unsigned threads[] = {1, 2};

static shop s;

static void
begin(void)
{
    shop_open(&s, "memory", "memory");
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
}

static void
end(void)
{
    shop_close(&s);
}

/* Rows of text that no reader has looked at for nulls. */
static larder_status
ingest_unread(const char *csv, larder_ingested *out)
{
    larder_source_shape shape;
    larder_text_options options = {.name = "rows.csv",
        .format = LARDER_CSV,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    larder_stream rows = {0};
    larder_status rc = LARDER_OK;
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    fputs(csv, file);
    rewind(file);
    LARDER_TRY(larder_source_columns(s.store, &s.call, "h", &shape, &s.err));
    options.schema = shape.schema;
    LARDER_TRY(larder_text_read(file, &options, &s.call, &rows, &s.err));
    LARDER_TRY(larder_ingest(s.store, &s.call, "h", &rows, out, &s.err));
out:
    larder_stream_close(&rows);
    fclose(file);
    return rc;
}

/* Rows in no order, each of its own key. */
static char *
many_rows(size_t n)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fputs("id,ts,a\n", out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%zu,2024-05-01T00:%02zu:%02zuZ,row %zu\n", i * 7919 % n,
            i % 60, i / 60 % 60, i);
    fclose(out);
    return text;
}

START_TEST(a_null_key_is_told_by_row_and_nothing_is_added)
{
    larder_ingested ingested = {0};

    s.call.n_threads = threads[_i];
    ck_assert_int_eq(ingest_unread("id,ts,a\n1,2024-05-01T00:00:00Z,x\n"
                                   ",2024-05-01T00:00:00Z,y\n",
                         &ingested),
        LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "source 'h', row 2 has no 'id': a row needs every part of its key, and "
        "its time");
    ck_assert_int_eq(
        ingest_unread("id,ts,a\n1,2024-05-01T00:00:00Z,x\n", &ingested),
        LARDER_OK);
    ck_assert_uint_eq(ingested.added, 1);
    ck_assert_uint_eq(ingested.duplicate, 0);
}
END_TEST

START_TEST(a_null_time_is_told_by_row)
{
    larder_ingested ingested = {0};

    s.call.n_threads = threads[_i];
    ck_assert_int_eq(
        ingest_unread("id,ts,a\n1,,x\n", &ingested), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "row 1 has no 'ts'"));
}
END_TEST

START_TEST(a_row_is_counted_over_all_batches)
{
    larder_ingested ingested = {0};
    char *text = many_rows(10000);

    s.call.n_threads = threads[_i];
    text = realloc(text, strlen(text) + 64);
    ck_assert_ptr_nonnull(text);
    memcpy(text + strlen(text), ",2024-05-01T00:00:00Z,last\n", 28);
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "row 10001 has no 'id'"));
    free(text);
}
END_TEST

START_TEST(rows_of_other_columns_are_refused)
{
    static const larder_field other[] = {{"id", LARDER_INT64}};
    static const larder_schema schema = {other, 1};
    larder_batch batch = {0};
    larder_stream rows = {0};
    larder_ingested ingested;

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    ck_assert_int_eq(larder_stream_of(&batch, &rows, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_ingest(s.store, &s.call, "h", &rows, &ingested, &s.err),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "source 'h'"));
    larder_stream_close(&rows);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(any_number_of_threads_stores_the_same_rows)
{
    larder_ingested ingested = {0};
    char *text = many_rows(20000), *first, *second;
    static const char spine[] = "id,event_timestamp\n77,2024-05-02T00:00:00Z\n";

    s.call.n_threads = 1;
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_OK);
    ck_assert_uint_eq(ingested.added, 20000);
    first = shop_join(&s, spine, "v:a", false);
    end();
    begin();
    s.call.n_threads = 2;
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_OK);
    ck_assert_uint_eq(ingested.added, 20000);
    second = shop_join(&s, spine, "v:a", false);
    ck_assert_str_eq(first, second);
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_OK);
    ck_assert_uint_eq(ingested.added, 0);
    ck_assert_uint_eq(ingested.duplicate, 20000);
    free(first);
    free(second);
    free(text);
}
END_TEST

/* ------------------------------------------------------ a store that refuses
 */

/* Takes one batch, then finds its disk full. */
static larder_status
append_to_full(void *self, const larder_call *call, const larder_table *table,
    larder_stream *rows, larder_appended *out, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    (void)self, (void)call, (void)table, (void)out;
    LARDER_TRY(larder_stream_next(rows, &batch, err));
    rc = larder_fail(err, LARDER_IO, "the disk is full");
out:
    larder_batch_release(&batch);
    return rc;
}

START_TEST(what_the_store_says_is_what_the_caller_hears)
{
    const larder_offline_ops *const *at = larder_offline_backends();
    static larder_offline_ops full;
    static const larder_offline_ops *const own[] = {&full, NULL};
    larder_ingested ingested = {0};
    char *text = many_rows(200000);

    while (strcmp((*at)->type, "memory") != 0)
        at++;
    full = **at;
    full.append = append_to_full;
    s.offline_backends = own;
    shop_reopen(&s);
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    s.call.n_threads = threads[_i];
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_IO);
    ck_assert_ptr_nonnull(strstr(s.err.message, "the disk is full"));
    free(text);
}
END_TEST

START_TEST(a_stopped_ingest_adds_nothing)
{
    static volatile int stop = 1;
    larder_ingested ingested = {0};
    char *text = many_rows(5000);

    s.call.n_threads = threads[_i];
    s.call.cancel = &stop;
    stop = 1;
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_INTERRUPTED);
    stop = 0;
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_OK);
    ck_assert_uint_eq(ingested.added, 5000);
    s.call.cancel = NULL;
    free(text);
}
END_TEST

/* ---------------------------------------------------------------- contracts */

/* Two views of one source, each with a promise of its own. */
static const char promising[] =
    "entities:\n"
    "  - {name: e, join_key: id, type: int64}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts,\n"
    "     schema: [{name: id, type: int64}, {name: a, type: string},\n"
    "              {name: n, type: float64}]}\n"
    "feature_views:\n"
    "  - {name: lax, entities: [e], source: h, features: [\n"
    "     {name: level, from: a, type: string, values: [low, high]},\n"
    "     {name: n, type: float64, nullable: false, range: [0, 100]}]}\n"
    "  - {name: strict, entities: [e], source: h, features: [\n"
    "     {name: n, type: float64, range: [-1000, 1000],\n"
    "      on_violation: refuse}]}\n";

static const char broken_rows[] = "id,ts,a,n\n"
                                  "1,2024-05-01T00:00:00Z,low,50\n"
                                  "2,2024-05-01T00:00:00Z,mid,101\n"
                                  "3,2024-05-01T00:00:00Z,high,\n"
                                  "4,2024-05-02T00:00:00Z,,-0.5\n"
                                  "5,2024-05-02T00:00:00Z,LOW,NaN\n";

static void
expect_violation(const larder_ingested *ingested, size_t at, const char *wanted)
{
    const larder_violation *v = &ingested->violations[at];
    char text[512];

    ck_assert_uint_lt(at, ingested->n_violations);
    snprintf(text, sizeof text, "%s:%s %s %llu %s", v->view, v->feature,
        v->rule, (unsigned long long)v->count, v->first);
    ck_assert_str_eq(text, wanted);
}

START_TEST(what_is_warned_of_is_stored_counted_and_told)
{
    static const char good[] = "id,ts,a,n\n"
                               "1,2024-05-01T00:00:00Z,low,50\n"
                               "2,2024-05-01T00:00:00Z,mid,101\n"
                               "3,2024-05-01T00:00:00Z,high,\n"
                               "4,2024-05-02T00:00:00Z,,-0.5\n";
    static told heard;
    larder_ingested ingested = {0};

    ck_assert_int_eq(shop_apply(&s, promising), LARDER_OK);
    heard = (told){0};
    s.call.diagnostic = told_call(&heard).diagnostic;
    s.call.context = &heard;
    s.call.n_threads = threads[_i];
    for (uint64_t round = 0; round < 2; round++) { /* duplicates count too */
        ck_assert_int_eq(ingest_unread(good, &ingested), LARDER_OK);
        ck_assert_uint_eq(ingested.added, round == 0 ? 4 : 0);
        ck_assert_uint_eq(ingested.n_violations, 3);
        expect_violation(&ingested, 0,
            "lax:level values 1 id=2 at 2024-05-01T00:00:00Z: mid");
        expect_violation(&ingested, 1,
            "lax:n nullable 1 id=3 at 2024-05-01T00:00:00Z: null");
        expect_violation(
            &ingested, 2, "lax:n range 2 id=2 at 2024-05-01T00:00:00Z: 101.0");
        larder_ingested_release(&ingested);
        larder_ingested_release(&ingested);
    }
    ck_assert_uint_eq(heard.n_told, 6);
    ck_assert_ptr_nonnull(strstr(heard.text,
        "warning: feature 'lax:n': 2 values are outside its range [0, 100]; "
        "the first: id=2 at 2024-05-01T00:00:00Z: 101.0"));
}
END_TEST

START_TEST(what_is_refused_is_told_by_row_and_nothing_is_added)
{
    static told heard;
    larder_ingested ingested = {.added = 42};
    char *joined;

    ck_assert_int_eq(shop_apply(&s, promising), LARDER_OK);
    heard = (told){0};
    s.call.diagnostic = told_call(&heard).diagnostic;
    s.call.context = &heard;
    s.call.n_threads = threads[_i];
    ck_assert_int_eq(ingest_unread(broken_rows, &ingested), LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "source 'h', row 5: id=5 at 2024-05-02T00:00:00Z, column 'n': NaN is "
        "outside the range [-1000, 1000] of feature 'strict:n'");
    ck_assert_uint_eq(ingested.added, 42);
    ck_assert_uint_eq(heard.n_told, 0); /* the rows are not there */
    joined = shop_join(
        &s, "id,event_timestamp\n1,2024-05-03T00:00:00Z\n", "lax:level", false);
    ck_assert_str_eq(
        joined, "id,event_timestamp,level\n1,2024-05-03T00:00:00Z,\n");
    free(joined);
}
END_TEST

START_TEST(what_is_refused_is_found_in_any_batch)
{
    larder_ingested ingested = {0};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    ck_assert_int_eq(shop_apply(&s, promising), LARDER_OK);
    s.call.n_threads = threads[_i];
    fputs("id,ts,a,n\n", out);
    for (int i = 1; i <= 30000; i++)
        fprintf(out, "%d,2024-05-01T00:00:00Z,%s,%d\n", i,
            i % 3 == 0 ? "no" : "low", i == 29000 ? 1001 : i % 101);
    fclose(out);
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "row 29000: id=29000 at"));
    memcpy(strstr(text, "low,1001"), "low,1000", 8);
    ck_assert_int_eq(ingest_unread(text, &ingested), LARDER_OK);
    ck_assert_uint_eq(ingested.added, 30000);
    ck_assert_uint_eq(ingested.violations[0].count, 10000);
    ck_assert_str_eq(
        ingested.violations[0].first, "id=3 at 2024-05-01T00:00:00Z: no");
    larder_ingested_release(&ingested);
    free(text);
}
END_TEST

static larder_status
note_reject(void *context, const larder_reject *reject, larder_error *err)
{
    char *text = context;

    (void)err;
    sprintf(text + strlen(text), "%llu %s: %s [%.*s]\n",
        (unsigned long long)reject->line, reject->column, reject->message,
        (int)reject->record.size, (const char *)reject->record.data);
    return LARDER_OK;
}

/* Read rows as the shape of their source says, and ingest what is read. */
static larder_status
ingest_checked(
    const char *text, larder_format format, char *rejects, larder_ingested *out)
{
    larder_source_shape shape;
    larder_text_options options = {.name = "rows", .format = format};
    larder_stream rows = {0};
    larder_status rc = LARDER_OK;
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    rewind(file);
    LARDER_TRY(larder_source_columns(s.store, &s.call, "h", &shape, &s.err));
    ck_assert_ptr_nonnull(shape.check);
    options.schema = shape.schema;
    options.required = shape.required;
    options.n_required = shape.n_required;
    options.naive_offset_minutes = shape.naive_offset_minutes;
    options.check = shape.check;
    options.reject = rejects == NULL ? NULL : note_reject;
    options.context = rejects;
    LARDER_TRY(larder_text_read(file, &options, &s.call, &rows, &s.err));
    LARDER_TRY(larder_ingest(s.store, &s.call, "h", &rows, out, &s.err));
out:
    larder_stream_close(&rows);
    fclose(file);
    return rc;
}

START_TEST(a_reader_that_is_told_names_the_line_of_what_is_refused)
{
    larder_ingested ingested = {0};

    ck_assert_int_eq(shop_apply(&s, promising), LARDER_OK);
    ck_assert_int_eq(ingest_checked(broken_rows, LARDER_CSV, NULL, &ingested),
        LARDER_INVALID);
    ck_assert_str_eq(s.err.message,
        "column 'n': NaN is outside the range [-1000, 1000] of feature "
        "'strict:n'");
    ck_assert_str_eq(s.err.file, "rows");
    ck_assert_uint_eq(s.err.line, 6);
}
END_TEST

START_TEST(a_reader_that_rejects_sets_refused_rows_aside)
{
    larder_ingested ingested = {0};
    char rejects[1024] = "";

    ck_assert_int_eq(shop_apply(&s, promising), LARDER_OK);
    ck_assert_int_eq(
        ingest_checked(
            "{\"id\": 1, \"ts\": \"2024-05-01T00:00:00Z\", \"n\": 2e3}\n"
            "{\"id\": 2, \"ts\": \"2024-05-01T00:00:00Z\", \"n\": 1e3}\n",
            LARDER_JSONL, rejects, &ingested),
        LARDER_OK);
    ck_assert_str_eq(rejects,
        "1 n: column 'n': 2000.0 is outside the range [-1000, 1000] of feature "
        "'strict:n' [{\"id\": 1, \"ts\": \"2024-05-01T00:00:00Z\", \"n\": "
        "2e3}]\n");
    ck_assert_uint_eq(ingested.added, 1);
    ck_assert_uint_eq(ingested.n_violations, 1); /* of 'lax', and not of both */
    expect_violation(
        &ingested, 0, "lax:n range 1 id=2 at 2024-05-01T00:00:00Z: 1000.0");
    larder_ingested_release(&ingested);
}
END_TEST

START_TEST(a_source_without_contracts_has_nothing_to_check)
{
    larder_source_shape shape;

    ck_assert_int_eq(
        larder_source_columns(s.store, &s.call, "h", &shape, &s.err),
        LARDER_OK);
    ck_assert_ptr_null(shape.check);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ingest_rows");
    TCase *tests = tcase_create("rows into history"),
          *contracts = tcase_create("contracts");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(
        tests, a_null_key_is_told_by_row_and_nothing_is_added, 0, 2);
    tcase_add_loop_test(tests, a_null_time_is_told_by_row, 0, 2);
    tcase_add_loop_test(tests, a_row_is_counted_over_all_batches, 0, 2);
    tcase_add_test(tests, rows_of_other_columns_are_refused);
    tcase_add_test(tests, any_number_of_threads_stores_the_same_rows);
    tcase_add_loop_test(
        tests, what_the_store_says_is_what_the_caller_hears, 0, 2);
    tcase_add_loop_test(tests, a_stopped_ingest_adds_nothing, 0, 2);
    tcase_add_checked_fixture(contracts, begin, end);
    tcase_add_loop_test(
        contracts, what_is_warned_of_is_stored_counted_and_told, 0, 2);
    tcase_add_loop_test(
        contracts, what_is_refused_is_told_by_row_and_nothing_is_added, 0, 2);
    tcase_add_loop_test(contracts, what_is_refused_is_found_in_any_batch, 0, 2);
    tcase_add_test(
        contracts, a_reader_that_is_told_names_the_line_of_what_is_refused);
    tcase_add_test(contracts, a_reader_that_rejects_sets_refused_rows_aside);
    tcase_add_test(contracts, a_source_without_contracts_has_nothing_to_check);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, contracts);
    return support_run(suite);
}
