/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_write.c - rows of one feature view, online alone.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "larder.h"
#include "shop.h"

static const char features[] =
    "entities: [{name: e, join_key: id, type: int64}]\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts, schema: [{name: id, type: int64},\n"
    "     {name: a, type: int32}]}\n"
    "feature_views:\n"
    "  - {name: v, entities: [e], source: h, features: [{name: b, from: a,\n"
    "     type: int64, range: [0, 99], on_violation: refuse}]}\n"
    "  - {name: w, entities: [e], source: h, features: [{name: a,\n"
    "     type: int32}]}\n"
    "  - {name: n, entities: [e], source: h, features: [{name: s, type: "
    "int64,\n"
    "     aggregate: sum, column: a, window: 30d}]}\n";

static shop s;

static void
begin(void)
{
    shop_open(&s, "sqlite", "lmdb");
    s.call.now = shop_time("2024-03-10T00:00:00Z");
    ck_assert_int_eq(shop_apply(&s, features), LARDER_OK);
    ck_assert_int_eq(
        shop_ingest(&s, "h", "id,ts,a\n1,2024-03-01T00:00:00Z,1\n", NULL),
        LARDER_OK);
}

static void
end(void)
{
    shop_close(&s);
}

static void
materialize(void)
{
    ck_assert_int_eq(shop_materialize(&s, NULL, NULL), LARDER_OK);
}

static larder_status
write_rows(const char *view, const char *csv)
{
    larder_source_shape shape;
    larder_text_options options = {.name = "rows", .format = LARDER_CSV};
    larder_stream rows = {0};
    larder_pushed pushed = {0};
    FILE *file = tmpfile();
    larder_status rc;

    ck_assert_ptr_nonnull(file);
    fputs(csv, file);
    rewind(file);
    LARDER_TRY(larder_view_columns(s.store, &s.call, view, &shape, &s.err));
    options.schema = shape.schema;
    options.naive_offset_minutes = LARDER_NAIVE_REFUSED;
    LARDER_TRY(larder_text_read(file, &options, &s.call, &rows, &s.err));
    LARDER_TRY(larder_write(s.store, &s.call, view, &rows, &pushed, &s.err));
out:
    larder_pushed_release(&pushed);
    larder_stream_close(&rows);
    fclose(file);
    return rc;
}

static void
reads(const char *ref, const char *expected)
{
    char *got = shop_get(&s, 1, ref);

    ck_assert_msg(strncmp(got, expected, strlen(expected)) == 0, "%s", got);
    free(got);
}

START_TEST(a_row_is_written_into_one_view_alone)
{
    materialize();
    ck_assert_msg(write_rows("v", "id,b,ts,created\n"
                                  "1,7,2024-03-05T00:00:00Z,\n") == LARDER_OK,
        "%s", s.err.message);
    reads("v:b", "7 PRESENT 2024-03-05");
    reads("w:a", "1 PRESENT 2024-03-01");
    materialize(); /* history does not know of it */
    reads("v:b", "7 PRESENT");
}
END_TEST

START_TEST(an_older_row_yields)
{
    materialize();
    ck_assert_int_eq(
        write_rows("v", "id,b,ts,created\n1,7,2024-02-05T00:00:00Z,\n"),
        LARDER_OK);
    reads("v:b", "1 PRESENT 2024-03-01");
}
END_TEST

START_TEST(one_row_that_breaks_the_contract_refuses_all)
{
    materialize();
    ck_assert_int_eq(
        write_rows("v", "id,b,ts,created\n1,7,2024-03-05T00:00:00Z,\n"
                        "1,700,2024-03-06T00:00:00Z,\n"),
        LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "row 2"));
    reads("v:b", "1 PRESENT");
}
END_TEST

START_TEST(a_view_with_windows_cannot_be_written)
{
    ck_assert_int_eq(write_rows("n", "id\n"), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(s.err.message, "has windows"));
}
END_TEST

START_TEST(a_view_that_is_not_materialized_is_not_found)
{
    ck_assert_int_eq(
        write_rows("v", "id,b,ts,created\n1,7,2024-03-05T00:00:00Z,\n"),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(s.err.hint, "run 'larder materialize -V v'");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("write");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int n;

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, a_row_is_written_into_one_view_alone);
    tcase_add_test(all, an_older_row_yields);
    tcase_add_test(all, one_row_that_breaks_the_contract_refuses_all);
    tcase_add_test(all, a_view_with_windows_cannot_be_written);
    tcase_add_test(all, a_view_that_is_not_materialized_is_not_found);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    n = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
