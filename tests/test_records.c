/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_records.c - leases and records through the core's own calls, which add
 * the store's name to what it says; and an online store's scan the same way.
 */
#include <check.h>
#include <string.h>

#include "online.h"
#include "storage/backend.h"
#include "storage/online.h"
#include "storage/records.h"
#include "tests/support.h"

static const ldr_backends none = {NULL, NULL, NULL};
static larder_call call = {.now = 1000000};
static ldr_records *records;
static ldr_online *store;

static void
begin(void)
{
    const larder_registry_ops *ops = NULL;
    const larder_online_ops *online_ops = NULL;

    call.now = 1000000;
    ck_assert_int_eq(
        ldr_backend_registry(&none, "memory", &ops, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_records_open(ops, NULL, true, &call, &records, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_backend_online(&none, "memory", &online_ops, NULL), LARDER_OK);
    ck_assert_int_eq(
        ldr_online_open(online_ops, NULL, true, &call, &store, NULL),
        LARDER_OK);
}

static void
end(void)
{
    ldr_records_close(records);
    ldr_online_close(store);
}

START_TEST(a_store_knows_its_type)
{
    ck_assert_str_eq(ldr_records_type(records), "memory");
    ck_assert_str_eq(ldr_online_type(store), "memory");
}
END_TEST

START_TEST(a_lease_is_one_holder_s_until_it_ends)
{
    larder_lease mine = {.name = "job", .holder = "anna", .ttl_us = 5000000};
    larder_lease other = {.name = "job", .holder = "bert", .ttl_us = 5000000};
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_records_lease(records, &call, "p", &mine, &err), LARDER_OK);
    ck_assert_int_eq(
        ldr_records_lease(records, &call, "p", &other, &err), LARDER_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "registry 'memory': "));
    ck_assert_ptr_nonnull(strstr(err.message, "anna"));
    call.now += 6000000;
    ck_assert_int_eq(
        ldr_records_lease(records, &call, "p", &other, &err), LARDER_OK);
    ck_assert_uint_gt(other.fence, mine.fence);
    call.now += 6000000;
    ck_assert_int_eq(
        ldr_records_lease(records, &call, "p", &mine, &err), LARDER_CONFLICT);
}
END_TEST

typedef struct heard {
    larder_record_sink sink;
    char ids[64]; /* "b a " */
} heard;

static larder_status
hear(larder_record_sink *self, const larder_record *record, larder_error *err)
{
    heard *h = (heard *)self;
    size_t used = strlen(h->ids);

    (void)err;
    snprintf(h->ids + used, sizeof h->ids - used, "%s ", record->id);
    return LARDER_OK;
}

START_TEST(records_are_listed_newest_first)
{
    heard h = {.sink = {hear}};
    larder_error err = {0};
    larder_record
        first = {.kind = "run", .id = "a", .name = "v", .at = 1, .text = "{}"},
        second = {.kind = "run", .id = "b", .name = "w", .at = 2, .text = "{}"};

    ck_assert_int_eq(
        ldr_records_record(records, &call, "p", &first, &err), LARDER_OK);
    ck_assert_int_eq(
        ldr_records_record(records, &call, "p", &second, &err), LARDER_OK);
    ck_assert_int_eq(
        ldr_records_list(records, &call, "p", "run", NULL, 10, &h.sink, &err),
        LARDER_OK);
    ck_assert_str_eq(h.ids, "b a ");
    h.ids[0] = '\0';
    ck_assert_int_eq(
        ldr_records_list(records, &call, "p", "run", "v", 10, &h.sink, &err),
        LARDER_OK);
    ck_assert_str_eq(h.ids, "a ");
}
END_TEST

typedef struct counted {
    larder_each each;
    size_t n_rows;
} counted;

static larder_status
count_row(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    counted *c = (counted *)self;

    (void)key, (void)table, (void)row;
    c->n_rows++;
    return c->n_rows < 3 ? LARDER_OK
                         : larder_fail(err, LARDER_LIMIT, "that is enough");
}

START_TEST(a_scan_s_failure_is_named)
{
    counted c = {.each = {count_row}};
    larder_error err = {0};
    bool more = false;

    for (uint64_t t = 0; t < 3; t++) {
        online_row row = online_make(1, 0, "x");
        larder_put put = online_newest("k", t, &row);
        larder_outcome outcome;

        ck_assert_int_eq(
            ldr_online_put(store, &call, &put, 1, &outcome, &err), LARDER_OK);
    }
    ck_assert_int_eq(
        ldr_online_scan(store, &call, NULL, NULL, 2, &c.each, &more, &err),
        LARDER_OK);
    ck_assert_uint_eq(c.n_rows, 2);
    ck_assert(more);
    ck_assert_int_eq(
        ldr_online_scan(store, &call, NULL, NULL, 10, &c.each, &more, &err),
        LARDER_LIMIT);
    ck_assert_str_eq(err.message, "online store 'memory': that is enough");
}
END_TEST

static larder_status
refuse_to_open(void *self, const larder_options *options, bool create,
    const larder_call *the_call, larder_error *err)
{
    (void)self, (void)options, (void)create, (void)the_call;
    return larder_fail(err, LARDER_UNAVAILABLE, "nobody answers");
}

START_TEST(an_online_store_that_does_not_open_is_named)
{
    larder_online_ops away = *larder_online_backends()[0];
    ldr_online *none_such = NULL;
    larder_error err = {0};

    away.open = refuse_to_open;
    away.type = "away";
    ck_assert_int_eq(
        ldr_online_open(&away, NULL, true, &call, &none_such, &err),
        LARDER_UNAVAILABLE);
    ck_assert_str_eq(err.message, "online store 'away': nobody answers");
    ck_assert_ptr_null(none_such);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("records");
    TCase *tests = tcase_create("calls of the core");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_store_knows_its_type);
    tcase_add_test(tests, a_lease_is_one_holder_s_until_it_ends);
    tcase_add_test(tests, records_are_listed_newest_first);
    tcase_add_test(tests, a_scan_s_failure_is_named);
    tcase_add_test(tests, an_online_store_that_does_not_open_is_named);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
