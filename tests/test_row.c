/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_row.c - online rows as bytes: round trips, damage, order; and the digest
 * of a row of history.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/batch.h"
#include "data/row.h"
#include "data/schema.h"
#include "rows.h"
#include "support.h"

#define N_TYPES 16u
#define HEAD LARDER_ROW_HEAD_BYTES

static const larder_bytes a_key = {"a key", 5};

/* Rows of every type, and their layout. */
typedef struct fixture {
    ldr_arena arena;
    larder_batch batch;
    ldr_row_layout layout;
    const larder_column *columns[N_TYPES];
} fixture;

static void
make_fixture(fixture *made, size_t n_rows, uint64_t seed)
{
    larder_type types[N_TYPES];

    *made = (fixture){0};
    ck_assert_int_eq(
        larder_batch_init(&made->batch, rows_every_type(), NULL), LARDER_OK);
    rows_fill(&made->batch, n_rows, &seed);
    for (size_t i = 0; i < N_TYPES; i++) {
        types[i] = rows_every_type()->fields[i].type;
        made->columns[i] = &made->batch.columns[i];
    }
    ck_assert_int_eq(
        ldr_row_layout_init(&made->layout, types, N_TYPES, &made->arena, NULL),
        LARDER_OK);
}

static void
free_fixture(fixture *made)
{
    larder_batch_release(&made->batch);
    ldr_arena_free(&made->arena);
}

static larder_bytes
encode(const fixture *made, size_t row, larder_time event, ldr_buffer *out)
{
    size_t begin = out->size;

    ck_assert_int_eq(ldr_row_encode(&made->layout, a_key, event, 42,
                         made->columns, row, out, NULL),
        LARDER_OK);
    return (larder_bytes){out->data + begin, out->size - begin};
}

START_TEST(rows_of_every_type_come_back_as_they_were)
{
    fixture made;
    ldr_buffer buffer = {0};
    larder_batch back = {0};

    make_fixture(&made, 200, 1);
    ck_assert_int_eq(
        larder_batch_init(&back, rows_every_type(), NULL), LARDER_OK);
    for (size_t row = 0; row < 200; row++) {
        larder_bytes bytes;

        buffer.size = row % 7; /* rows need no alignment */
        bytes = encode(&made, row, -5 - (larder_time)row, &buffer);
        ck_assert_int_eq(
            ldr_row_check(&made.layout, a_key, bytes, NULL), LARDER_OK);
        ck_assert_int_eq(ldr_row_event(bytes), -5 - (larder_time)row);
        ck_assert_int_eq(ldr_row_created(bytes), 42);
        for (size_t i = 0; i < N_TYPES; i++)
            if (ldr_row_read(&made.layout, bytes, i, &back.columns[i], NULL) !=
                LARDER_OK)
                ck_abort_msg("column %zu of row %zu", i, row);
    }
    ldr_batch_finish(&back);
    for (size_t row = 0; row < 200; row++)
        ck_assert(rows_same(&back, row, &made.batch, row));
    larder_batch_release(&back);
    ldr_buffer_free(&buffer);
    free_fixture(&made);
}
END_TEST

START_TEST(the_bytes_of_a_row_are_these)
{
    static const unsigned char expected[] = {
        /* version: 2 after the epoch; created unknown */
        0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
        /* checksum, see below */
        0, 0, 0, 0, 0, 0, 0, 0,
        /* all of four columns but the second */
        0x0d,
        /* int32 -2; float64 null; "hi"; [null, 300] */
        0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
        2, 0, 0, 0, 2, 0, 0, 0,
        /* text; then the list's bitmap and two slots */
        'h', 'i', 0x02, 0, 0, 0, 0, 0x2c, 0x01, 0, 0};
    const larder_type types[] = {
        LARDER_INT32, LARDER_FLOAT64, LARDER_STRING, LARDER_INT32_LIST};
    larder_column made[4];
    const larder_column *columns[4];
    ldr_row_layout layout;
    ldr_arena arena = {0};
    ldr_buffer row = {0};
    unsigned char hashed[5 + sizeof expected - 8];
    uint64_t sum = 0;

    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(ldr_column_init(&made[i], types[i], NULL), LARDER_OK);
        columns[i] = &made[i];
    }
    ck_assert_int_eq(larder_column_append_integer(&made[0], -2, NULL), 0);
    ck_assert_int_eq(larder_column_append_null(&made[1], NULL), 0);
    ck_assert_int_eq(
        larder_column_append_text(&made[2], (larder_bytes){"hi", 2}, NULL), 0);
    ck_assert_int_eq(larder_column_append_null(made[3].items, NULL), 0);
    ck_assert_int_eq(larder_column_append_integer(made[3].items, 300, NULL), 0);
    ck_assert_int_eq(ldr_column_close_list(&made[3], NULL), 0);
    ck_assert_int_eq(ldr_row_layout_init(&layout, types, 4, &arena, NULL), 0);
    ck_assert_int_eq(ldr_row_encode(&layout, a_key, 2, LDR_NO_CREATED, columns,
                         0, &row, NULL),
        LARDER_OK);
    ck_assert_uint_eq(row.size, sizeof expected);
    ck_assert_mem_eq(row.data, expected, 16);
    ck_assert_mem_eq(row.data + HEAD, expected + HEAD, sizeof expected - HEAD);
    ck_assert_int_eq(
        ldr_row_created((larder_bytes){row.data, row.size}), LDR_NO_CREATED);
    memcpy(hashed, a_key.data, 5);
    memcpy(hashed + 5, expected, 16);
    memcpy(hashed + 21, expected + HEAD, sizeof expected - HEAD);
    for (unsigned i = 0; i < 8; i++)
        sum |= (uint64_t)row.data[16 + i] << 8 * i;
    ck_assert_uint_eq(sum, XXH3_64bits(hashed, sizeof hashed));
    for (size_t i = 0; i < 4; i++)
        ldr_column_release(&made[i]);
    ldr_buffer_free(&row);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(equal_values_are_equal_bytes)
{
    const larder_type types[] = {LARDER_FLOAT64, LARDER_FLOAT32};
    const double nans[] = {(double)NAN, -(double)NAN};
    larder_column made[2];
    const larder_column *columns[] = {&made[0], &made[1]};
    ldr_row_layout layout;
    ldr_arena arena = {0};
    ldr_buffer rows = {0};

    ck_assert_int_eq(ldr_row_layout_init(&layout, types, 2, &arena, NULL), 0);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(ldr_column_init(&made[i], types[i], NULL), LARDER_OK);
        for (size_t j = 0; j < 2; j++)
            ck_assert_int_eq(
                larder_column_append_real(&made[i], nans[j], NULL), LARDER_OK);
    }
    for (size_t row = 0; row < 2; row++)
        ck_assert_int_eq(
            ldr_row_encode(&layout, a_key, 1, 1, columns, row, &rows, NULL),
            LARDER_OK);
    ck_assert_mem_eq(rows.data, rows.data + rows.size / 2, rows.size / 2);
    for (size_t i = 0; i < 2; i++)
        ldr_column_release(&made[i]);
    ldr_buffer_free(&rows);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(each_flipped_bit_of_a_row_or_its_key_is_seen)
{
    fixture made;
    ldr_buffer buffer = {0};
    size_t n_missed = 0;

    make_fixture(&made, 5, 2);
    for (size_t row = 0; row < 5; row++) {
        unsigned char key[] = {'a', ' ', 'k', 'e', 'y'};
        larder_bytes bytes, odd_key = {key, sizeof key};

        buffer.size = 0;
        bytes = encode(&made, row, 7, &buffer);
        for (size_t i = 0; i < bytes.size * 8; i++) {
            buffer.data[i / 8] ^= (unsigned char)(1u << i % 8);
            n_missed += ldr_row_check(&made.layout, a_key, bytes, NULL) !=
                        LARDER_CORRUPT;
            buffer.data[i / 8] ^= (unsigned char)(1u << i % 8);
        }
        for (size_t i = 0; i < sizeof key * 8; i++) {
            key[i / 8] ^= (unsigned char)(1u << i % 8);
            n_missed += ldr_row_check(&made.layout, odd_key, bytes, NULL) !=
                        LARDER_CORRUPT;
            key[i / 8] ^= (unsigned char)(1u << i % 8);
        }
        odd_key.size--;
        n_missed +=
            ldr_row_check(&made.layout, odd_key, bytes, NULL) != LARDER_CORRUPT;
    }
    ck_assert_uint_eq(n_missed, 0);
    ldr_buffer_free(&buffer);
    free_fixture(&made);
}
END_TEST

/* A copy in memory of just its size, so that reading past it is seen; with the
 * checksum that its bytes, as they are, ought to have. */
static unsigned char *
sealed_copy(larder_bytes row)
{
    unsigned char *copy = malloc(row.size == 0 ? 1 : row.size);
    XXH3_state_t *state = XXH3_createState();
    uint64_t sum;

    ck_assert(copy != NULL && state != NULL);
    memcpy(copy, row.data, row.size);
    if (row.size >= HEAD) {
        XXH3_64bits_reset(state);
        XXH3_64bits_update(state, a_key.data, a_key.size);
        XXH3_64bits_update(state, copy, 16);
        XXH3_64bits_update(state, copy + HEAD, row.size - HEAD);
        sum = XXH3_64bits_digest(state);
        for (unsigned i = 0; i < 8; i++)
            copy[16 + i] = (unsigned char)(sum >> 8 * i);
    }
    XXH3_freeState(state);
    return copy;
}

START_TEST(rows_cut_short_are_corrupt_even_with_a_right_checksum)
{
    fixture made;
    ldr_buffer buffer = {0};
    size_t n_missed = 0;

    make_fixture(&made, 3, 3);
    for (size_t row = 0; row < 3; row++) {
        larder_bytes bytes;

        buffer.size = 0;
        bytes = encode(&made, row, 7, &buffer);
        for (size_t size = 0; size < bytes.size; size++) {
            larder_bytes cut = {bytes.data, size};
            unsigned char *copy = sealed_copy(cut);

            cut.data = copy;
            n_missed +=
                ldr_row_check(&made.layout, a_key, cut, NULL) != LARDER_CORRUPT;
            free(copy);
        }
    }
    ck_assert_uint_eq(n_missed, 0);
    ldr_buffer_free(&buffer);
    free_fixture(&made);
}
END_TEST

/* Read a checked row whole and write it again: the same bytes? */
static bool
writes_again(const fixture *made, larder_bytes row)
{
    larder_batch back = {0};
    const larder_column *columns[N_TYPES];
    ldr_buffer again = {0};
    bool same;

    ck_assert_int_eq(
        larder_batch_init(&back, rows_every_type(), NULL), LARDER_OK);
    for (size_t i = 0; i < N_TYPES; i++) {
        columns[i] = &back.columns[i];
        ck_assert_int_eq(
            ldr_row_read(&made->layout, row, i, &back.columns[i], NULL),
            LARDER_OK);
    }
    ck_assert_int_eq(ldr_row_encode(&made->layout, a_key, ldr_row_event(row),
                         ldr_row_created(row), columns, 0, &again, NULL),
        LARDER_OK);
    same =
        again.size == row.size && memcmp(again.data, row.data, row.size) == 0;
    ldr_buffer_free(&again);
    larder_batch_release(&back);
    return same;
}

START_TEST(a_payload_that_passes_is_the_one_way_to_write_its_values)
{
    fixture made;
    ldr_buffer buffer = {0};
    size_t n_passed = 0, n_other = 0;
    uint64_t seed = 4;

    make_fixture(&made, 20, 4);
    for (size_t round = 0; round < 4000; round++) {
        larder_bytes bytes;
        unsigned char *copy;
        size_t n_odd = 1 + support_below(&seed, 3);

        buffer.size = 0;
        bytes = encode(&made, round % 20, 7, &buffer);
        for (size_t i = 0; i < n_odd; i++)
            buffer.data[HEAD + support_below(&seed, bytes.size - HEAD)] ^=
                (unsigned char)(1u << support_below(&seed, 8));
        copy = sealed_copy(bytes);
        bytes.data = copy;
        if (ldr_row_check(&made.layout, a_key, bytes, NULL) == LARDER_OK) {
            n_passed++;
            n_other += !writes_again(&made, bytes);
        }
        free(copy);
    }
    ck_assert_uint_eq(n_other, 0);
    ck_assert_uint_gt(n_passed, 100); /* other numbers and letters do pass */
    ck_assert_uint_lt(n_passed, 3900);
    ldr_buffer_free(&buffer);
    free_fixture(&made);
}
END_TEST

START_TEST(a_row_too_long_names_the_limit_and_leaves_the_buffer)
{
    const larder_type types[] = {LARDER_BYTES, LARDER_BYTES};
    larder_column column;
    const larder_column *columns[] = {&column, &column};
    ldr_row_layout layout;
    ldr_arena arena = {0};
    ldr_buffer buffer = {0};
    larder_error err = {0};
    char *half = calloc(1, LDR_ROW_MAX / 2);

    ck_assert_ptr_nonnull(half);
    ck_assert_int_eq(ldr_row_layout_init(&layout, types, 2, &arena, NULL), 0);
    ck_assert_int_eq(ldr_column_init(&column, LARDER_BYTES, NULL), LARDER_OK);
    ck_assert_int_eq(larder_column_append_text(
                         &column, (larder_bytes){half, LDR_ROW_MAX / 2}, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_buffer_reserve(&buffer, 3, NULL), LARDER_OK);
    buffer.size = 3;
    ck_assert_int_eq(
        ldr_row_encode(&layout, a_key, 1, 1, columns, 0, &buffer, &err),
        LARDER_LIMIT);
    ck_assert_str_eq(err.message,
        "the values of one row take more than LDR_ROW_MAX, 16777216 bytes");
    ck_assert_uint_eq(buffer.size, 3);
    ldr_column_release(&column);
    ldr_buffer_free(&buffer);
    ldr_arena_free(&arena);
    free(half);
}
END_TEST

/* One int64 feature; its row's bytes at the buffer's end. */
static larder_bytes
simple_row(larder_time event, larder_time created, int64_t value,
    larder_bytes key, unsigned char room[64])
{
    const larder_type type = LARDER_INT64;
    larder_column column = {.type = type};
    const larder_column *columns[] = {&column};
    ldr_row_layout layout;
    ldr_arena arena = {0};
    ldr_buffer buffer = {0};
    larder_bytes row = {room, 0};

    ck_assert_int_eq(ldr_row_layout_init(&layout, &type, 1, &arena, NULL), 0);
    ck_assert_int_eq(larder_column_append_integer(&column, value, NULL), 0);
    ck_assert_int_eq(
        ldr_row_encode(&layout, key, event, created, columns, 0, &buffer, NULL),
        LARDER_OK);
    ck_assert_uint_le(buffer.size, 64);
    memcpy(room, buffer.data, buffer.size);
    row.size = buffer.size;
    ldr_column_release(&column);
    ldr_buffer_free(&buffer);
    ldr_arena_free(&arena);
    return row;
}

START_TEST(newer_is_event_then_created_then_bytes)
{
    static const struct {
        larder_time event, created;
        int64_t value;
    } line[] = {
        {LARDER_TIME_MIN, LDR_NO_CREATED, 0},
        {-1, LARDER_TIME_MAX, 255},
        {0, LDR_NO_CREATED, 255},
        {0, LARDER_TIME_MIN, 0},
        {0, -1, 0},
        {0, 0, 0},
        {0, 0, 256}, /* bytes, not numbers: 256 is 00 01 in little endian */
        {0, 0, 1},
        {0, 1, 0},
        {1, LDR_NO_CREATED, 0},
        {LARDER_TIME_MAX, LDR_NO_CREATED, 0},
    };
    size_t n = sizeof line / sizeof line[0];

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            unsigned char room[2][64];
            larder_bytes a = simple_row(line[i].event, line[i].created,
                line[i].value, (larder_bytes){"one", 3}, room[0]);
            larder_bytes b = simple_row(line[j].event, line[j].created,
                line[j].value, (larder_bytes){"two", 3}, room[1]);
            int order = larder_row_compare(a, b);

            ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
        }
}
END_TEST

START_TEST(a_shorter_row_is_less_than_one_it_begins)
{
    unsigned char room[64];
    larder_bytes row = simple_row(1, 1, 1, a_key, room);

    for (size_t size = 0; size < row.size; size++) {
        larder_bytes cut = {room, size};

        ck_assert_int_lt(larder_row_compare(cut, row), 0);
        ck_assert_int_gt(larder_row_compare(row, cut), 0);
    }
    ck_assert_int_eq(larder_row_compare(row, row), 0);
}
END_TEST

START_TEST(a_digest_does_not_know_the_order_of_columns_or_null_ones)
{
    larder_field fields[N_TYPES + 1] = {{"later", LARDER_STRING}};
    larder_schema schema = {fields, N_TYPES + 1};
    larder_batch wider = {0};
    fixture made;
    size_t n_same = 0;

    make_fixture(&made, 100, 6);
    for (size_t i = 0; i < N_TYPES; i++)
        fields[1 + i] = rows_every_type()->fields[N_TYPES - 1 - i];
    ck_assert_int_eq(larder_batch_init(&wider, &schema, NULL), LARDER_OK);
    for (size_t row = 0; row < 100; row++)
        ck_assert_int_eq(
            larder_column_append_null(&wider.columns[0], NULL), LARDER_OK);
    for (size_t i = 0; i < N_TYPES; i++)
        ck_assert_int_eq(ldr_column_copy(&wider.columns[1 + i],
                             made.columns[N_TYPES - 1 - i], 0, 100, NULL),
            LARDER_OK);
    ldr_batch_finish(&wider);
    for (size_t row = 0; row < 100; row++) {
        ck_assert_uint_eq(larder_row_digest(&made.batch, row),
            larder_row_digest(&wider, row));
        n_same += larder_row_digest(&made.batch, row) ==
                  larder_row_digest(&made.batch, (row + 1) % 100);
    }
    ck_assert_uint_eq(n_same, 0);
    larder_batch_release(&wider);
    free_fixture(&made);
}
END_TEST

static uint64_t
digest_of_real(const char *name, double value)
{
    const larder_field field = {name, LARDER_FLOAT64};
    const larder_schema schema = {&field, 1};
    larder_batch batch = {0};
    uint64_t digest;

    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_column_append_real(&batch.columns[0], value, NULL), LARDER_OK);
    ldr_batch_finish(&batch);
    digest = larder_row_digest(&batch, 0);
    larder_batch_release(&batch);
    return digest;
}

START_TEST(a_digest_knows_names_signs_of_zero_and_one_nan)
{
    ck_assert_uint_ne(digest_of_real("a", 1), digest_of_real("b", 1));
    ck_assert_uint_ne(digest_of_real("a", 0.0), digest_of_real("a", -0.0));
    ck_assert_uint_eq(
        digest_of_real("a", (double)NAN), digest_of_real("a", -(double)NAN));
}
END_TEST

START_TEST(a_digest_is_the_one_stored_beside_rows)
{
    ck_assert_uint_eq(
        digest_of_real("trx_count", 1.5), UINT64_C(7514293897527366402));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("row");
    TCase *tcase = tcase_create("row");

    tcase_add_test(tcase, rows_of_every_type_come_back_as_they_were);
    tcase_add_test(tcase, the_bytes_of_a_row_are_these);
    tcase_add_test(tcase, equal_values_are_equal_bytes);
    tcase_add_test(tcase, each_flipped_bit_of_a_row_or_its_key_is_seen);
    tcase_add_test(
        tcase, rows_cut_short_are_corrupt_even_with_a_right_checksum);
    tcase_add_test(
        tcase, a_payload_that_passes_is_the_one_way_to_write_its_values);
    tcase_add_test(tcase, a_row_too_long_names_the_limit_and_leaves_the_buffer);
    tcase_add_test(tcase, newer_is_event_then_created_then_bytes);
    tcase_add_test(tcase, a_shorter_row_is_less_than_one_it_begins);
    tcase_add_test(
        tcase, a_digest_does_not_know_the_order_of_columns_or_null_ones);
    tcase_add_test(tcase, a_digest_knows_names_signs_of_zero_and_one_nan);
    tcase_add_test(tcase, a_digest_is_the_one_stored_beside_rows);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
