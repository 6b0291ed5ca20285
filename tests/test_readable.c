/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_readable.c - what is declared can be read, or is a fault.
 */
#include <check.h>
#include <string.h>

#include "engine/readable.h"
#include "tests/snapshots.h"
#include "tests/support.h"

static const char repository[] =
    "entities:\n"
    "  - {name: customer, join_key: customer_id, type: int64}\n"
    "sources:\n"
    "  - {name: h, timestamp_field: ts,\n"
    "     schema: [{name: customer_id, type: int64}, {name: a, type: int64}]}\n"
    "  - {name: ask, kind: request, schema: [{name: x, type: int64}]}\n"
    "  - {name: beg, kind: request, schema: [{name: x, type: string},\n"
    "     {name: y, type: string}]}\n"
    "feature_views:\n"
    "  - {name: spend, entities: [customer], source: h,\n"
    "     features: [{name: a, type: int64}]}\n"
    "on_demand_feature_views:\n"
    "  - {name: more, inputs: [spend, ask],\n"
    "     features: [{name: m, type: int64, expr: \"a + x\"}]}\n"
    "  - {name: said, inputs: [beg],\n"
    "     features: [{name: n, type: int64, expr: \"length(y)\"}]}\n"
    "feature_services:\n"
    "  - {name: twice, features: [spend, {view: spend, as: other}]}\n"
    "  - name: both\n"
    "    features: [more, said, {view: spend, as: to,\n"
    "      join_key_map: {customer_id: to_id}}]\n";

/* The repository with one thing changed comes to these words ("" is none). */
static void
expect(const char *from, const char *to, const char *words)
{
    ldr_snapshot *snapshot = from == NULL ? snapshots_of(repository)
                                          : snapshots_but(repository, from, to);
    ldr_faults faults = {0};
    larder_error err = {0};
    larder_status rc = ldr_readable(snapshot, &faults, &err);

    if (words[0] == '\0') {
        ck_assert_msg(rc == LARDER_OK, "%s", err.message);
    } else {
        ck_assert_int_eq(rc, LARDER_INVALID);
        ck_assert_uint_eq(faults.n_errors, 1);
        ck_assert_str_eq(err.message, words);
        ck_assert_uint_ne(err.line, 0);
    }
    ldr_snapshot_drop(snapshot);
}

START_TEST(what_reads_well_is_no_fault)
{
    expect(NULL, NULL, "");
}
END_TEST

START_TEST(a_service_asks_for_a_request_column_in_one_type)
{
    expect("length(y)", "length(x)",
        "feature service 'both' cannot be read: request column 'x' is int64 "
        "for one on-demand view and string for another");
}
END_TEST

START_TEST(a_mapped_join_key_is_no_request_column)
{
    expect("to_id", "x",
        "feature service 'both' cannot be read: 'x' is a request column and a "
        "join key");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("readable");
    TCase *tcase = tcase_create("readable");

    tcase_add_test(tcase, what_reads_well_is_no_fault);
    tcase_add_test(tcase, a_service_asks_for_a_request_column_in_one_type);
    tcase_add_test(tcase, a_mapped_join_key_is_no_request_column);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
