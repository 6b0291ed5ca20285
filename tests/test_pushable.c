/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pushable.c - a push of rows some of which are bad: each is told by its
 * place and reason, and nothing is pushed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shop.h"
#include "tests/support.h"

static const char definitions[] =
    "entities:\n  - {name: e, join_key: id, type: string}\n"
    "sources:\n  - name: h\n    timestamp_field: ts\n    schema:\n"
    "      - {name: id, type: string}\n      - {name: x, type: int64}\n"
    "  - {name: hp, kind: push, batch_source: h}\n"
    "feature_views:\n  - {name: v, entities: [e], source: h, features: [\n"
    "      {name: x, type: int64, range: [0, 5], on_violation: refuse}]}\n";

static shop s;
static char *told; /* every diagnostic, a line each */
static size_t told_size;
static FILE *telling;

static void
note(void *context, const larder_diagnostic *diagnostic)
{
    (void)context;
    fprintf(telling, "%s\n", diagnostic->message);
}

static void
set_up(void)
{
    telling = open_memstream(&told, &told_size);
    shop_open(&s, "memory", "memory");
    s.call.now = shop_time("2024-06-01T00:00:00Z");
    s.call.diagnostic = note;
    ck_assert_msg(shop_apply(&s, definitions) == LARDER_OK, "%s (%s)",
        s.err.message, s.err.hint);
}

static void
tear_down(void)
{
    shop_close(&s);
    fclose(telling);
    free(told);
}

/* Rows as a program has them: read with no more than their types. */
static larder_status
push(larder_push_to to, const char *csv)
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
    LARDER_TRY(larder_source_columns(s.store, &s.call, "hp", &shape, &s.err));
    options.schema = shape.schema;
    options.naive_offset_minutes = LARDER_NAIVE_REFUSED;
    LARDER_TRY(larder_text_read(file, &options, &s.call, &rows, &s.err));
    rc = larder_push(s.store, &s.call, "hp", to, &rows, &pushed, &s.err);
out:
    larder_pushed_release(&pushed);
    larder_stream_close(&rows);
    fclose(file);
    fflush(telling);
    return rc;
}

START_TEST(each_bad_row_is_told_with_its_reason)
{
    ck_assert_int_eq(push(LARDER_PUSH_BOTH, "id,x,ts\n"
                                            "a,6,2024-05-01T00:00:00Z\n"
                                            "b,1,2024-05-01T00:00:00Z\n"
                                            "c,7,2024-05-02T00:00:00Z\n"
                                            ",1,2024-05-01T00:00:00Z\n"
                                            "d,1,\n"
                                            "e,1,2024-06-02T00:00:00Z\n"),
        LARDER_INVALID);
    ck_assert_str_eq(told,
        "row 1: id=a at 2024-05-01T00:00:00Z, column 'x': 6 is outside the "
        "range [0, 5] of feature 'v:x'\n"
        "row 3: id=c at 2024-05-02T00:00:00Z, column 'x': 7 is outside the "
        "range [0, 5] of feature 'v:x'\n"
        "row 4: id=null at 2024-05-01T00:00:00Z, column 'id': a value is "
        "missing that every row needs, a part of its key\n"
        "row 5: id=d at null, column 'ts': a value is missing that every row "
        "needs\n"
        "row 6: id=e at 2024-06-02T00:00:00Z, column 'ts': "
        "2024-06-02T00:00:00Z is more than 5m (max_skew) after now, "
        "2024-06-01T00:00:00Z\n");
    ck_assert_str_eq(s.err.message,
        "5 of 6 rows cannot be pushed, so none was: row 1: id=a at "
        "2024-05-01T00:00:00Z, column 'x': 6 is outside the range [0, 5] "
        "of feature 'v:x'");
}
END_TEST

START_TEST(a_hundred_bad_rows_are_told)
{
    char *csv = NULL;
    size_t size = 0, n = 0;
    FILE *file = open_memstream(&csv, &size);

    fprintf(file, "id,x,ts\n");
    for (unsigned i = 0; i < 150; i++)
        fprintf(file, "k%u,6,2024-05-01T00:00:00Z\n", i);
    fclose(file);
    ck_assert_int_eq(push(LARDER_PUSH_OFFLINE, csv), LARDER_INVALID);
    for (const char *at = told; (at = strchr(at, '\n')) != NULL; at++)
        n++;
    ck_assert_uint_eq(n, 100);
    ck_assert_ptr_nonnull(strstr(s.err.message, "150 of 150 rows"));
    free(csv);
}
END_TEST

START_TEST(a_reader_may_ask_the_same)
{
    larder_source_shape of_push, of_history;

    ck_assert_int_eq(
        larder_source_columns(s.store, &s.call, "hp", &of_push, &s.err),
        LARDER_OK);
    ck_assert_int_eq(
        larder_source_columns(s.store, &s.call, "h", &of_history, &s.err),
        LARDER_OK);
    ck_assert_ptr_ne(of_push.push_online, of_push.check);
    ck_assert_ptr_ne(of_push.push_offline, of_push.check);
    ck_assert_ptr_eq(of_history.push_online, of_history.check);
    ck_assert_ptr_eq(of_history.push_offline, of_history.check);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("pushable");
    TCase *all = tcase_create("rows of a push");

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, each_bad_row_is_told_with_its_reason);
    tcase_add_test(all, a_hundred_bad_rows_are_told);
    tcase_add_test(all, a_reader_may_ask_the_same);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
