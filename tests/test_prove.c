/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_prove.c - the proof that online is what history says: what is equal,
 * what is found when it is not, and what cannot be told yet.
 *
 * Rows are planted behind the back of the library, with checksums that are
 * right, in a store whose methods the test holds on to.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "backends/builtin.h"
#include "engine/sample.h"
#include "larder_backend.h"
#include "tests/shop.h"
#include "tests/support.h"

#define HEAD                                                                   \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "  - {name: c, join_key: city, type: string}\n"                            \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n    schema:\n"                         \
    "      - {name: id, type: int64}\n      - {name: city, type: string}\n"    \
    "      - {name: x, type: float64}\n      - {name: t, type: string}\n"      \
    "  - {name: hp, kind: push, batch_source: h}\n"                            \
    "feature_views:\n"

#define PLAIN                                                                  \
    "  - {name: p, entities: [e], source: h, features: [\n"                    \
    "     {name: x, type: float64}, {name: t, type: string}]}\n"

#define WINDOWED                                                               \
    "  - {name: w, entities: [c, e], source: h, max_window_events: 50,\n"      \
    "     features: [{name: t, type: string},\n"                               \
    "       {name: s7, type: float64, aggregate: sum, column: x,\n"            \
    "        window: 7d},\n"                                                   \
    "       {name: n7, type: int64, aggregate: count, window: 7d,\n"           \
    "        where: \"x > 0\"}]}\n"

#define ALONE                                                                  \
    "  - {name: a, entities: [], source: h, features: [\n"                     \
    "     {name: t, type: string}]}\n"

static const char both[] = HEAD PLAIN WINDOWED;
static const char three[] = HEAD PLAIN WINDOWED ALONE;
static const char plain[] = HEAD PLAIN;
static const char windowed[] = HEAD WINDOWED;

static const char rows[] =
    "id,city,x,t,ts,cts\n"
    "1,rome,0.1,p,2024-05-30T00:00:00Z,2024-05-30T01:00:00Z\n"
    "1,rome,0.7,q,2024-05-31T00:00:00Z,2024-05-31T01:00:00Z\n"
    "1,rome,,r,2024-05-31T00:00:00Z,2024-05-31T01:00:00Z\n"
    "2,rome,2.5,s,2024-05-01T00:00:00Z,\n"
    "3,oslo,0.3,u,2024-05-29T00:00:00Z,\n"
    "3,oslo,0.4,v,2024-05-31T12:00:00Z,\n";

static const char *const pairs[][2] = {
    {"memory", "memory"}, {"sqlite", "lmdb"}};

static shop s;

/* --------------------------------------------------- behind the library's back
 */

static larder_online_ops kept;
static const larder_online_ops *real;
static void *kept_self;

static larder_status
kept_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    kept_self = self;
    return real->open(self, options, create, call, err);
}

static void
open_kept(int pair, const char *features)
{
    static const larder_online_ops *own[] = {&kept, NULL};
    bool disk = pair == 1;
    char yaml[512];

    real = NULL;
    for (size_t i = 0; larder_online_backends()[i] != NULL; i++)
        if (strcmp(larder_online_backends()[i]->type, pairs[pair][1]) == 0)
            real = larder_online_backends()[i];
    ck_assert_ptr_nonnull(real);
    kept = *real;
    kept.type = "kept";
    kept.open = kept_open;
    shop_open(&s, pairs[pair][0], pairs[pair][1]);
    snprintf(yaml, sizeof yaml,
        "project: shop\nregistry: {type: %s}\noffline_store: {type: %s}\n"
        "online_store: {type: kept%s}\n",
        disk ? "sqlite, path: registry.db" : "memory",
        disk ? "sqlite, path: offline.db" : "memory",
        disk ? ", path: online" : "");
    support_write(s.folder, "feature_store.yaml", yaml);
    s.online_backends = own;
    shop_reopen(&s);
    ck_assert_msg(shop_apply(&s, features) == LARDER_OK, "%s (%s)",
        s.err.message, s.err.hint);
}

/* The one row that holds these bytes. */
typedef struct search {
    larder_each each;
    larder_bytes what;
    unsigned n_found;
    unsigned char key[LARDER_KEY_MAX], row[4096];
    size_t n_key, n_row, at;
    larder_table_id table;
} search;

static larder_status
look(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    search *f = (search *)self;
    const unsigned char *bytes = row.data;

    (void)err;
    if (key.size > 4 && memcmp(key.data, "\0\0\0\0", 4) == 0)
        return LARDER_OK; /* a position */
    for (size_t i = LARDER_ROW_HEAD_BYTES; i + f->what.size <= row.size; i++) {
        if (memcmp(bytes + i, f->what.data, f->what.size) != 0)
            continue;
        f->n_found++;
        f->n_key = key.size;
        memcpy(f->key, key.data, key.size);
        ck_assert_uint_le(row.size, sizeof f->row);
        f->n_row = row.size;
        memcpy(f->row, row.data, row.size);
        f->at = i;
        f->table = table;
        break;
    }
    return LARDER_OK;
}

static search
find_row(const void *what, size_t size)
{
    search f = {.each = {look}, .what = {what, size}};
    bool more = false;

    ck_assert_int_eq(
        real->scan(kept_self, &s.call, NULL, NULL, 9999, &f.each, &more, NULL),
        LARDER_OK);
    ck_assert_uint_eq(f.n_found, 1);
    return f;
}

static void
put_row(search *f, larder_put_rule rule)
{
    larder_put put = {.key = {f->key, f->n_key},
        .table = f->table,
        .rule = LARDER_PUT_REMOVE,
        .row = {f->row, f->n_row}};
    larder_outcome outcome;

    ck_assert_int_eq(
        real->put(kept_self, &s.call, &put, 1, &outcome, NULL), LARDER_OK);
    if (rule == LARDER_PUT_REMOVE)
        return;
    put.rule = rule;
    ck_assert_int_eq(
        real->put(kept_self, &s.call, &put, 1, &outcome, NULL), LARDER_OK);
    ck_assert_int_eq(outcome, LARDER_WRITTEN);
}

/* As row.c has it: of key, version and payload, little endian. */
static void
seal(search *f)
{
    unsigned char bytes[sizeof f->key + sizeof f->row];
    size_t n = f->n_key;
    uint64_t sum;

    memcpy(bytes, f->key, n);
    memcpy(bytes + n, f->row, LARDER_ROW_VERSION_BYTES);
    n += LARDER_ROW_VERSION_BYTES;
    memcpy(bytes + n, f->row + LARDER_ROW_HEAD_BYTES,
        f->n_row - LARDER_ROW_HEAD_BYTES);
    n += f->n_row - LARDER_ROW_HEAD_BYTES;
    sum = XXH3_64bits(bytes, n);
    for (unsigned i = 0; i < 8; i++)
        f->row[LARDER_ROW_VERSION_BYTES + i] = (unsigned char)(sum >> 8 * i);
}

static void
little_endian(double value, unsigned char bytes[8])
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
}

/* Another number where this one stands, in the only row that has it. */
static void
plant(double old, double new)
{
    unsigned char bytes[8];
    search f;

    little_endian(old, bytes);
    f = find_row(bytes, sizeof bytes);
    little_endian(new, f.row + f.at);
    seal(&f);
    put_row(&f, LARDER_PUT_IF_MATCH);
}

/* ---------------------------------------------------------------- the steps */

static void
ingest_ok(const char *csv)
{
    ck_assert_msg(
        shop_ingest(&s, "h", csv, NULL) == LARDER_OK, "%s", s.err.message);
}

static void
materialize_ok(void)
{
    ck_assert_msg(
        shop_materialize(&s, NULL, NULL) == LARDER_OK, "%s", s.err.message);
}

static larder_status
push(larder_push_to to, const char *csv)
{
    larder_source_shape shape;
    larder_text_options options = {.name = "pushed", .format = LARDER_CSV};
    larder_stream stream = {0};
    larder_pushed pushed = {0};
    FILE *file = tmpfile();
    larder_status rc;

    ck_assert_ptr_nonnull(file);
    fputs(csv, file);
    rewind(file);
    LARDER_TRY(larder_source_columns(s.store, &s.call, "hp", &shape, &s.err));
    options.schema = shape.schema;
    options.naive_offset_minutes = LARDER_NAIVE_REFUSED;
    LARDER_TRY(larder_text_read(file, &options, &s.call, &stream, &s.err));
    LARDER_TRY(
        larder_push(s.store, &s.call, "hp", to, &stream, &pushed, &s.err));
out:
    larder_pushed_release(&pushed);
    larder_stream_close(&stream);
    fclose(file);
    return rc;
}

static void
push_ok(larder_push_to to, const char *csv)
{
    ck_assert_msg(push(to, csv) == LARDER_OK, "%s", s.err.message);
}

static larder_proved
prove_with(const larder_prove_options *options)
{
    larder_proved proved = {0};

    ck_assert_msg(
        larder_prove(s.store, &s.call, options, &proved, &s.err) == LARDER_OK,
        "%s", s.err.message);
    return proved;
}

static void
refuse(const larder_prove_options *options, larder_status expected)
{
    larder_proved proved = {0};

    ck_assert_int_eq(
        larder_prove(s.store, &s.call, options, &proved, &s.err), expected);
    larder_proved_release(&proved);
}

static larder_proved
prove(void)
{
    return prove_with(&(larder_prove_options){0});
}

/* A view's counts in words, or its reason. */
static void
expect(const larder_proved *proved, const char *view, const char *counts)
{
    char found[200] = "no such view";

    for (size_t i = 0; i < proved->n_views; i++) {
        const larder_proved_view *v = &proved->views[i];

        if (strcmp(v->view, view) != 0)
            continue;
        snprintf(found, sizeof found,
            "%llu equal, %llu different, %llu missing, %llu unsettled%s%s",
            (unsigned long long)v->equal, (unsigned long long)v->different,
            (unsigned long long)v->missing, (unsigned long long)v->unsettled,
            v->reason == NULL ? "" : ": ", v->reason == NULL ? "" : v->reason);
        ck_assert_uint_eq(v->compared, v->equal + v->different);
    }
    ck_assert_str_eq(found, counts);
}

static void
expect_now(const char *view, const char *counts)
{
    larder_proved proved = prove();

    expect(&proved, view, counts);
    larder_proved_release(&proved);
}

static void
expect_difference(const char *view, const char *key, const char *feature,
    const char *online, const char *history)
{
    larder_proved proved = prove();
    const larder_difference *d = &proved.difference;

    ck_assert_pstr_eq(d->view, view);
    ck_assert_pstr_eq(d->key, key);
    ck_assert_pstr_eq(d->feature, feature);
    ck_assert_pstr_eq(d->online, online);
    ck_assert_pstr_eq(d->history, history);
    larder_proved_release(&proved);
}

/* -------------------------------------------------------------------- equal */

START_TEST(what_was_materialized_is_equal)
{
    open_kept(_i, three);
    ingest_ok(rows);
    materialize_ok();
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("w", "3 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("a", "1 equal, 0 different, 0 missing, 0 unsettled");
    expect_difference(NULL, NULL, NULL, NULL, NULL);
    shop_close(&s);
}
END_TEST

START_TEST(what_was_pushed_is_equal_before_the_next_run_and_after_it)
{
    open_kept(_i, both);
    ingest_ok(rows);
    materialize_ok();
    s.call.now += SHOP_DAY;
    push_ok(LARDER_PUSH_BOTH, "id,city,x,t,ts,cts\n"
                              "1,rome,9,new,2024-06-01T12:00:00Z,\n"
                              "3,oslo,8,late,2024-05-30T00:00:00Z,\n"
                              "4,oslo,7,first,2024-06-01T12:00:00Z,\n");
    for (int run = 0; run < 2; run++) {
        expect_now("p", "4 equal, 0 different, 0 missing, 0 unsettled");
        expect_now("w", "4 equal, 0 different, 0 missing, 0 unsettled");
        materialize_ok();
    }
    shop_close(&s);
}
END_TEST

START_TEST(rows_that_wait_for_the_next_run_are_no_difference)
{
    open_kept(_i, both);
    ingest_ok(rows);
    materialize_ok();
    ingest_ok("id,city,x,t,ts,cts\n"
              "1,rome,9,late,2024-05-29T00:00:00Z,\n"
              "3,oslo,9,newer,2024-05-31T13:00:00Z,\n"
              "2,rome,9,future,2024-06-02T00:00:00Z,\n"
              "5,oslo,7,first,2024-05-31T12:00:00Z,\n");
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("w", "3 equal, 0 different, 0 missing, 0 unsettled");
    s.call.now += 2 * SHOP_DAY;
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    materialize_ok();
    expect_now("p", "4 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("w", "4 equal, 0 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

START_TEST(an_entity_over_its_limit_is_equal_too)
{
    open_kept(_i, windowed);
    for (int i = 0; i < 60; i++) {
        char csv[128];

        snprintf(csv, sizeof csv,
            "id,city,x,t,ts,cts\n1,rome,%d,t,2024-05-31T00:00:%02dZ,\n", i, i);
        ingest_ok(csv);
    }
    materialize_ok();
    expect_now("w", "1 equal, 0 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

START_TEST(rows_longer_than_memory_are_compared_some_at_a_time)
{
    char *csv = NULL, text[1500];
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);

    memset(text, 'z', sizeof text);
    text[sizeof text - 1] = '\0';
    fprintf(file, "id,city,x,t,ts,cts\n");
    for (int i = 0; i < 200; i++)
        fprintf(file, "%d,rome,%d,%s,2024-05-31T00:00:00Z,\n", i, i, text);
    fclose(file);
    open_kept(_i, both);
    ingest_ok(csv);
    materialize_ok();
    s.call.memory_bytes = 128 * 1024;
    expect_now("p", "200 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("w", "200 equal, 0 different, 0 missing, 0 unsettled");
    s.call.memory_bytes = 2048;
    refuse(&(larder_prove_options){0}, LARDER_LIMIT);
    ck_assert_ptr_nonnull(strstr(s.err.message, "memory_bytes"));
    free(csv);
    shop_close(&s);
}
END_TEST

/* ---------------------------------------------------------------- different */

START_TEST(one_ulp_in_one_row_is_found_and_both_values_are_told)
{
    open_kept(_i, plain);
    ingest_ok(rows);
    materialize_ok();
    plant(2.5, nextafter(2.5, 3));
    expect_now("p", "2 equal, 1 different, 0 missing, 0 unsettled");
    expect_difference("p", "id=2", "x", "2.5000000000000004", "2.5");
    shop_close(&s);
}
END_TEST

START_TEST(one_ulp_in_one_event_is_found_in_the_feature_it_changes)
{
    open_kept(_i, windowed);
    ingest_ok(rows);
    materialize_ok();
    plant(0.3, nextafter(0.3, 1));
    expect_now("w", "2 equal, 1 different, 0 missing, 0 unsettled");
    expect_difference(
        "w", "city=oslo, id=3", "s7", "0.7000000000000001", "0.7");
    shop_close(&s);
}
END_TEST

START_TEST(an_event_that_changes_no_feature_yet_is_found_too)
{
    open_kept(_i, windowed);
    ingest_ok("id,city,x,t,ts,cts\n"
              "3,oslo,1e-9,u,2024-05-29T00:00:00Z,\n"
              "3,oslo,1e20,v,2024-05-31T12:00:00Z,\n");
    materialize_ok();
    plant(1e-9, nextafter(1e-9, 1));
    expect_difference("w", "city=oslo, id=3", "event 1 of 2: x",
        "1.0000000000000003e-09", "1e-09");
    shop_close(&s);
}
END_TEST

START_TEST(a_row_that_is_gone_is_missed)
{
    search f;

    open_kept(_i, both);
    ingest_ok(rows);
    materialize_ok();
    for (int view = 0; view < 2; view++) {
        unsigned char bytes[8];

        little_endian(view == 0 ? 2.5 : 0.3, bytes);
        f = (search){.each = {look}, .what = {bytes, 8}};
        if (view == 1)
            f = find_row(bytes, 8);
        else /* both views have a row with it: the first goes */
            real->scan(kept_self, &s.call, NULL, NULL, 9999, &f.each,
                &(bool){false}, NULL);
        put_row(&f, LARDER_PUT_REMOVE);
    }
    {
        larder_proved proved = prove();
        uint64_t missing = 0, equal = 0;

        for (size_t i = 0; i < proved.n_views; i++) {
            missing += proved.views[i].missing;
            equal += proved.views[i].equal;
        }
        ck_assert_uint_eq(missing, 2);
        ck_assert_uint_eq(equal, 4);
        ck_assert_ptr_null(proved.difference.feature);
        ck_assert_ptr_null(proved.difference.online);
        ck_assert_ptr_nonnull(strstr(proved.difference.history, "a row of 20"));
        larder_proved_release(&proved);
    }
    shop_close(&s);
}
END_TEST

START_TEST(a_row_that_history_does_not_have_is_found)
{
    open_kept(_i, plain);
    ingest_ok(rows);
    materialize_ok();
    push_ok(LARDER_PUSH_ONLINE,
        "id,city,x,t,ts,cts\n7,rome,1,new,2024-05-31T00:00:00Z,\n");
    expect_now("p", "3 equal, 1 different, 0 missing, 0 unsettled");
    expect_difference("p", "id=7", NULL, "a row of 2024-05-31T00:00:00Z", NULL);
    shop_close(&s);
}
END_TEST

START_TEST(a_damaged_row_is_a_difference)
{
    unsigned char bytes[8];
    search f;

    open_kept(_i, plain);
    ingest_ok(rows);
    materialize_ok();
    little_endian(2.5, bytes);
    f = find_row(bytes, 8);
    f.row[f.at] ^= 1;
    put_row(&f, LARDER_PUT_IF_MATCH);
    expect_now("p", "2 equal, 1 different, 0 missing, 0 unsettled");
    expect_difference("p", "id=2", NULL,
        "stored row is damaged: its checksum is not that of its bytes",
        "a row of 2024-05-01T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(an_older_row_of_history_is_not_good_enough)
{
    search f;

    open_kept(_i, plain);
    ingest_ok("id,city,x,t,ts,cts\n1,rome,0.25,p,2024-05-30T00:00:00Z,\n");
    materialize_ok();
    {
        unsigned char bytes[8];

        little_endian(0.25, bytes);
        f = find_row(bytes, 8);
    }
    ingest_ok("id,city,x,t,ts,cts\n1,rome,0.5,q,2024-05-31T00:00:00Z,\n");
    materialize_ok();
    expect_now("p", "1 equal, 0 different, 0 missing, 0 unsettled");
    put_row(&f, LARDER_PUT_IF_MATCH);
    expect_now("p", "0 equal, 1 different, 0 missing, 0 unsettled");
    expect_difference("p", "id=1", "event time", "2024-05-30T00:00:00Z",
        "2024-05-31T00:00:00Z");
    shop_close(&s);
}
END_TEST

START_TEST(a_lost_row_is_found_among_late_ones)
{
    open_kept(_i, plain);
    ingest_ok(rows);
    materialize_ok();
    ingest_ok("id,city,x,t,ts,cts\n2,rome,9,late,2024-05-02T00:00:00Z,\n");
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    plant(2.5, 2.75);
    expect_now("p", "2 equal, 1 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

START_TEST(the_first_difference_is_that_of_the_least_key)
{
    open_kept(_i, plain);
    ingest_ok(rows);
    materialize_ok();
    plant(2.5, 1.5);
    plant(0.4, 1.25);
    expect_now("p", "1 equal, 2 different, 0 missing, 0 unsettled");
    expect_difference("p", "id=2", "x", "1.5", "2.5");
    shop_close(&s);
}
END_TEST

/* Such as one that was killed. */
START_TEST(a_build_given_up_takes_no_later_one_with_it)
{
    larder_materialize_options full = {.full = true};

    open_kept(_i, both);
    ingest_ok(rows);
    materialize_ok();
    s.call.now -= SHOP_DAY; /* too early to move the pointer */
    ck_assert_int_eq(shop_materialize(&s, &full, NULL), LARDER_OK);
    s.call.now += 2 * SHOP_DAY;
    materialize_ok();
    s.call.now += SHOP_DAY;
    ck_assert_int_eq(shop_materialize(&s, &full, NULL), LARDER_OK);
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("w", "3 equal, 0 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------ not to be told
 */

START_TEST(nothing_materialized_is_nothing_proved)
{
    open_kept(_i, both);
    expect_now("p",
        "0 equal, 0 different, 0 missing, 0 unsettled: not materialized yet");
    ingest_ok(rows);
    expect_now("w",
        "0 equal, 0 different, 0 missing, 0 unsettled: not materialized yet");
    shop_close(&s);
}
END_TEST

START_TEST(a_changed_view_is_not_judged_by_its_old_rows)
{
    open_kept(_i, plain);
    ingest_ok(rows);
    materialize_ok();
    ck_assert_int_eq(
        shop_apply(&s, HEAD "  - {name: p, entities: [e], source: h,\n"
                            "     features: [{name: x, type: float64}]}\n"),
        LARDER_OK);
    expect_now("p",
        "0 equal, 0 different, 0 missing, 0 unsettled: not materialized as it "
        "is now defined");
    materialize_ok();
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

START_TEST(a_window_with_some_of_the_late_rows_is_not_settled)
{
    open_kept(_i, both);
    ingest_ok(rows);
    materialize_ok();
    push_ok(LARDER_PUSH_BOTH,
        "id,city,x,t,ts,cts\n3,oslo,8,pushed,2024-05-30T00:00:00Z,\n");
    ingest_ok("id,city,x,t,ts,cts\n3,oslo,9,waits,2024-05-30T01:00:00Z,\n");
    expect_now("w", "2 equal, 0 different, 0 missing, 1 unsettled");
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    materialize_ok();
    expect_now("w", "3 equal, 0 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

START_TEST(a_range_that_came_first_leaves_the_rest_open)
{
    larder_materialize_options range = {.range = true,
        .from = shop_time("2024-05-31T00:00:00Z"),
        .to = shop_time("2024-05-31T06:00:00Z")};

    open_kept(_i, both);
    ingest_ok(rows);
    ck_assert_int_eq(shop_materialize(&s, &range, NULL), LARDER_OK);
    expect_now("p", "1 equal, 0 different, 0 missing, 0 unsettled");
    expect_now("w", "1 equal, 0 different, 0 missing, 0 unsettled");
    materialize_ok();
    expect_now("p", "3 equal, 0 different, 0 missing, 0 unsettled");
    shop_close(&s);
}
END_TEST

START_TEST(a_call_that_is_cancelled_ends)
{
    volatile int cancel = 1;

    open_kept(_i, both);
    ingest_ok(rows);
    materialize_ok();
    s.call.cancel = &cancel;
    refuse(&(larder_prove_options){0}, LARDER_INTERRUPTED);
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------------------- what is asked
 */

static void
expect_views(const larder_prove_options *options, const char *names)
{
    larder_proved proved = prove_with(options);
    char found[100] = "";

    for (size_t i = 0; i < proved.n_views; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s ",
            proved.views[i].view);
    ck_assert_str_eq(found, names);
    larder_proved_release(&proved);
}

START_TEST(views_are_chosen_by_name_by_feature_or_by_service)
{
    static const char *const refs[] = {"w:s7", "d"}, *const views[] = {"w"},
                             *const none[] = {"x"};

    open_kept(_i, HEAD PLAIN WINDOWED
        "on_demand_feature_views:\n"
        "  - {name: d, inputs: [w], features: [\n"
        "     {name: twice, type: float64, expr: \"s7 * 2\"}]}\n"
        "feature_services:\n  - {name: all, features: [d, p]}\n");
    expect_views(&(larder_prove_options){0}, "p w ");
    expect_views(&(larder_prove_options){.views = views, .n_views = 1}, "w ");
    expect_views(
        &(larder_prove_options){.features.refs = refs, .features.n_refs = 2},
        "w ");
    expect_views(&(larder_prove_options){.features.service = "all"}, "p w ");
    refuse(
        &(larder_prove_options){.views = none, .n_views = 1}, LARDER_NOT_FOUND);
    refuse(
        &(larder_prove_options){
            .views = views, .n_views = 1, .features.service = "all"},
        LARDER_INVALID);
    shop_close(&s);
}
END_TEST

START_TEST(a_sample_is_of_so_many_and_always_the_same)
{
    char *csv = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&csv, &size);
    larder_prove_options options = {.sample = 50};
    larder_proved proved[2];

    fprintf(file, "id,city,x,t,ts,cts\n");
    for (int i = 0; i < 3000; i++)
        fprintf(file, "%d,rome,%d,t,2024-05-31T00:00:00Z,\n", i, i + 1);
    fclose(file);
    open_kept(_i, plain);
    ingest_ok(csv);
    materialize_ok();
    for (double x = 1; x <= 3000; x++) /* near enough of one byte */
        if (fmod(x, 100) == 37)
            plant(x, x + 0.5);
    for (int i = 0; i < 2; i++) {
        proved[i] = prove_with(&options);
        ck_assert_uint_eq(proved[i].views[0].compared, 50);
    }
    ck_assert_uint_eq(
        proved[0].views[0].different, proved[1].views[0].different);
    ck_assert_pstr_eq(proved[0].difference.key, proved[1].difference.key);
    larder_proved_release(&proved[0]);
    larder_proved_release(&proved[1]);
    expect_now("p", "993 equal, 7 different, 0 missing, 0 unsettled");
    free(csv);
    shop_close(&s);
}
END_TEST

/* ------------------------------------------------- whatever happened before */

#define CORRECTED                                                              \
    "entities:\n  - {name: e, join_key: id, type: int64}\n"                    \
    "  - {name: c, join_key: city, type: string}\n"                            \
    "sources:\n  - name: h\n    timestamp_field: ts\n"                         \
    "    created_timestamp_column: cts\n    replace_on: [t]\n    schema:\n"    \
    "      - {name: id, type: int64}\n      - {name: city, type: string}\n"    \
    "      - {name: x, type: float64}\n      - {name: t, type: string}\n"      \
    "  - {name: hp, kind: push, batch_source: h}\n"                            \
    "feature_views:\n"

static char *
random_rows(uint64_t *random)
{
    size_t n = 1 + support_below(random, 4), size = 0;
    char *csv = NULL;
    FILE *file = open_memstream(&csv, &size);

    fprintf(file, "id,city,x,t,ts,cts\n");
    for (size_t i = 0; i < n; i++) {
        char event[33], created[33];
        larder_time ts =
            s.call.now +
            ((larder_time)support_below(random, 40) - 36) * (SHOP_DAY / 4);

        if (ts > s.call.now && support_below(random, 2) == 0)
            ts = s.call.now + 60000000; /* within max_skew */
        larder_time_print(ts, event);
        larder_time_print(
            ts + (larder_time)support_below(random, 3) * 1000, created);
        fprintf(file, "%zu,%s,0.%zu,%s,%s,%s\n", support_below(random, 3),
            support_below(random, 2) == 0 ? "rome" : "oslo",
            support_below(random, 1000),
            support_below(random, 2) == 0 ? "p" : "q", event,
            support_below(random, 4) == 0 ? "" : created);
    }
    fclose(file);
    return csv;
}

static void
one_step(uint64_t *random)
{
    larder_materialize_options options = {
        .full = support_below(random, 4) == 0};
    char *csv = random_rows(random);
    larder_status rc;

    switch (support_below(random, 6)) {
    case 0:
    case 1:
        ingest_ok(csv);
        break;
    case 2:
    case 3: /* refused: of the future, or a view waits */
        rc = push(LARDER_PUSH_BOTH, csv);
        ck_assert(rc == LARDER_OK || rc == LARDER_INVALID);
        break;
    case 4:
        ck_assert_msg(shop_materialize(&s, &options, NULL) == LARDER_OK, "%s",
            s.err.message);
        break;
    default:
        s.call.now += (larder_time)support_below(random, 12) * (SHOP_DAY / 8);
        if (support_below(random, 8) == 0)
            s.call.now -= 2 * SHOP_DAY;
    }
    free(csv);
}

static uint64_t
prove_nothing_wrong(uint64_t seed, int step)
{
    larder_proved proved = prove();
    uint64_t compared = 0;

    for (size_t i = 0; i < proved.n_views; i++) {
        const larder_proved_view *v = &proved.views[i];

        if (v->different + v->missing > 0)
            ck_abort_msg("seed %llu, step %d: %s, %s: %s: %s, %s",
                (unsigned long long)seed, step, v->view, proved.difference.key,
                proved.difference.feature, proved.difference.online,
                proved.difference.history);
        compared += v->compared;
    }
    larder_proved_release(&proved);
    return compared;
}

START_TEST(after_any_steps_nothing_is_different)
{
    int n_seeds = _i == 0 ? 60 : 6;
    uint64_t compared = 0;

    for (int seed = 0; seed < n_seeds; seed++) {
        uint64_t random = (uint64_t)seed;

        open_kept(_i, seed % 2 == 0 ? three : CORRECTED PLAIN WINDOWED ALONE);
        for (int step = 0; step < 40; step++) {
            one_step(&random);
            compared += prove_nothing_wrong((uint64_t)seed, step);
        }
        s.call.now += 20 * SHOP_DAY;
        materialize_ok();
        {
            larder_proved proved = prove();

            for (size_t i = 0; i < proved.n_views; i++)
                ck_assert_uint_eq(proved.views[i].unsettled, 0);
            larder_proved_release(&proved);
        }
        shop_close(&s);
    }
    ck_assert_uint_gt(compared, 40 * (uint64_t)n_seeds);
}
END_TEST

/* ------------------------------------------------------------------ a sample
 */

static int
by_hash(const void *a, const void *b)
{
    uint64_t x = XXH3_64bits(a, 8), y = XXH3_64bits(b, 8);

    return (x > y) - (x < y);
}

static int
by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

START_TEST(a_sample_keeps_the_keys_of_least_hash)
{
    static char keys[5000][8];
    ldr_sample sample = {.limit = 300}, more = {.limit = 500};
    uint64_t random = 5;

    for (size_t i = 0; i < 5000; i++) {
        uint64_t number = support_random(&random);

        memcpy(keys[i], &number, 8);
        ck_assert_int_eq(
            ldr_sample_offer(&sample, (larder_bytes){keys[i], 8}, NULL),
            LARDER_OK);
        ck_assert_int_eq(
            ldr_sample_offer(&more, (larder_bytes){keys[i], 8}, NULL),
            LARDER_OK);
    }
    ck_assert_uint_eq(sample.n_keys, 300);
    ck_assert_int_eq(ldr_sample_join(&sample, &more, NULL), LARDER_OK);
    ldr_sample_sort(&sample);
    ck_assert_uint_eq(sample.n_keys, 500); /* the 300 are among them */
    qsort(keys, 5000, sizeof *keys, by_hash);
    qsort(keys, 500, sizeof *keys, by_bytes);
    for (size_t i = 0; i < 500; i++)
        ck_assert_mem_eq(sample.keys[i].bytes, keys[i], 8);
    ldr_sample_release(&sample);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("prove");
    TCase *each = tcase_create("each pair of stores");
    TCase *sample = tcase_create("a sample");
    const TTest *const tests[] = {what_was_materialized_is_equal,
        what_was_pushed_is_equal_before_the_next_run_and_after_it,
        rows_that_wait_for_the_next_run_are_no_difference,
        an_entity_over_its_limit_is_equal_too,
        rows_longer_than_memory_are_compared_some_at_a_time,
        one_ulp_in_one_row_is_found_and_both_values_are_told,
        one_ulp_in_one_event_is_found_in_the_feature_it_changes,
        an_event_that_changes_no_feature_yet_is_found_too,
        a_row_that_is_gone_is_missed, a_row_that_history_does_not_have_is_found,
        a_damaged_row_is_a_difference,
        an_older_row_of_history_is_not_good_enough,
        a_lost_row_is_found_among_late_ones,
        the_first_difference_is_that_of_the_least_key,
        a_build_given_up_takes_no_later_one_with_it,
        nothing_materialized_is_nothing_proved,
        a_changed_view_is_not_judged_by_its_old_rows,
        a_window_with_some_of_the_late_rows_is_not_settled,
        a_range_that_came_first_leaves_the_rest_open,
        a_call_that_is_cancelled_ends,
        views_are_chosen_by_name_by_feature_or_by_service,
        a_sample_is_of_so_many_and_always_the_same,
        after_any_steps_nothing_is_different};

    tcase_set_timeout(each, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(each, tests[i], 0, 2);
    tcase_add_test(sample, a_sample_keeps_the_keys_of_least_hash);
    suite_add_tcase(suite, each);
    suite_add_tcase(suite, sample);
    return support_run(suite);
}
