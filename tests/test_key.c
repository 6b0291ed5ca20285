/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_key.c - entity keys as bytes: typed, length-safe, sorting as values do.
 */
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/key.h"
#include "data/schema.h"
#include "rows.h"
#include "support.h"

#define N_ROWS 400u

/* Two columns of each type a key part may have. */
static const larder_field key_fields[] = {
    {"a", LARDER_STRING},
    {"b", LARDER_INT64},
    {"c", LARDER_BYTES},
    {"d", LARDER_BOOL},
    {"e", LARDER_TIMESTAMP},
    {"f", LARDER_INT32},
    {"g", LARDER_BYTES},
    {"h", LARDER_STRING},
};
static const larder_schema key_schema = {key_fields, 8};

static larder_value
string(const char *text)
{
    return (larder_value){
        .type = LARDER_STRING, .as.text = {text, strlen(text)}};
}

static ldr_key
key_of(const larder_value *parts, size_t n_parts)
{
    ldr_key key = {0};

    for (size_t i = 0; i < n_parts; i++)
        ck_assert_int_eq(ldr_key_add(&key, &parts[i], NULL), LARDER_OK);
    return key;
}

static int
key_order(const ldr_key *a, const ldr_key *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, size);

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a->size > b->size) - (a->size < b->size);
}

/* The order of two rows by some columns, one value after the other. */
static int
row_order(
    const larder_column *const *columns, size_t n_columns, size_t x, size_t y)
{
    for (size_t i = 0; i < n_columns; i++) {
        larder_value a = larder_column_value(columns[i], x);
        larder_value b = larder_column_value(columns[i], y);
        int order = ldr_value_order(&a, &b);

        if (order != 0)
            return order;
    }
    return 0;
}

/* Some rows, and a random choice of one to three of their columns. */
static size_t
random_keys(larder_batch *batch, const larder_column **columns, uint64_t seed)
{
    size_t n_columns = 1 + support_below(&seed, 3);

    ck_assert_int_eq(larder_batch_init(batch, &key_schema, NULL), LARDER_OK);
    rows_fill(batch, N_ROWS, &seed);
    for (size_t i = 0; i < n_columns; i++)
        columns[i] = &batch->columns[support_below(&seed, 8)];
    return n_columns;
}

/* Encode each row without a null; give their numbers. */
static size_t
encode_all(const larder_column *const *columns, size_t n_columns,
    ldr_key keys[N_ROWS], size_t rows[N_ROWS])
{
    size_t n_keys = 0;

    for (size_t row = 0; row < N_ROWS; row++) {
        bool null = false, expected = false;

        keys[n_keys] = (ldr_key){0};
        ck_assert_int_eq(
            ldr_key_encode(&keys[n_keys], columns, n_columns, row, &null, NULL),
            LARDER_OK);
        for (size_t i = 0; i < n_columns; i++)
            expected |= ldr_column_is_null(columns[i], row);
        ck_assert_int_eq(null, expected);
        if (null)
            ck_assert_uint_eq(keys[n_keys].size, 0);
        else
            rows[n_keys++] = row;
    }
    return n_keys;
}

START_TEST(keys_sort_as_their_values_do_and_none_begins_another)
{
    static ldr_key keys[N_ROWS];
    const larder_column *columns[3];
    larder_batch batch = {0};
    size_t rows[N_ROWS], n_wrong = 0;
    size_t n_columns = random_keys(&batch, columns, (uint64_t)_i);
    size_t n_keys = encode_all(columns, n_columns, keys, rows);

    for (size_t i = 0; i < n_keys; i++)
        for (size_t j = 0; j < n_keys; j++) {
            int order = row_order(columns, n_columns, rows[i], rows[j]);

            n_wrong += key_order(&keys[i], &keys[j]) != order;
            if (order != 0 && keys[i].size <= keys[j].size)
                n_wrong +=
                    memcmp(keys[i].bytes, keys[j].bytes, keys[i].size) == 0;
        }
    ck_assert_uint_eq(n_wrong, 0);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(a_decoded_key_is_the_key_encoded)
{
    static ldr_key keys[N_ROWS];
    const larder_column *columns[3];
    larder_column parts[3], *outs[3];
    larder_batch batch = {0};
    size_t rows[N_ROWS];
    size_t n_columns = random_keys(&batch, columns, (uint64_t)_i);
    size_t n_keys = encode_all(columns, n_columns, keys, rows);

    for (size_t i = 0; i < n_columns; i++) {
        ck_assert_int_eq(
            ldr_column_init(&parts[i], columns[i]->type, NULL), LARDER_OK);
        outs[i] = &parts[i];
    }
    for (size_t k = 0; k < n_keys; k++) {
        larder_bytes key = {keys[k].bytes, keys[k].size};

        ck_assert_int_eq(ldr_key_decode(key, outs, n_columns, NULL), LARDER_OK);
        for (size_t i = 0; i < n_columns; i++) {
            larder_value a = larder_column_value(columns[i], rows[k]);
            larder_value b = larder_column_value(outs[i], k);

            ck_assert(ldr_value_same(&a, &b));
        }
    }
    for (size_t i = 0; i < n_columns; i++)
        ldr_column_release(outs[i]);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(parts_are_not_glued_together)
{
    const larder_value one[] = {string("1"), string("23")};
    const larder_value two[] = {string("12"), string("3")};
    const larder_value word[] = {string("123")};
    const larder_value number[] = {{.type = LARDER_INT64, .as.integer = 1}};
    const larder_value small[] = {{.type = LARDER_INT32, .as.integer = 1}};
    ldr_key a = key_of(one, 2), b = key_of(two, 2), c = key_of(word, 1);
    ldr_key d = key_of(number, 1), e = key_of(small, 1);

    ck_assert_int_ne(key_order(&a, &b), 0);
    ck_assert_int_ne(key_order(&a, &c), 0);
    ck_assert_int_ne(key_order(&d, &e), 0);
}
END_TEST

START_TEST(the_bytes_of_a_key_are_these)
{
    static const unsigned char expected[] = {0x01, 0x02, 0x03, 0x04,
        LARDER_BYTES, 'a', 0x00, 0xff, 0x00, 0x00, LARDER_INT32, 0x7f, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, LARDER_BOOL, 0x01};
    const larder_value parts[] = {{.type = LARDER_BYTES, .as.text = {"a\0", 2}},
        {.type = LARDER_INT32, .as.integer = -2},
        {.type = LARDER_BOOL, .as.boolean = true}};
    ldr_key key = {0};

    ldr_key_start(&key, 0x01020304);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(ldr_key_add(&key, &parts[i], NULL), LARDER_OK);
    ck_assert_uint_eq(key.size, sizeof expected);
    ck_assert_mem_eq(key.bytes, expected, sizeof expected);
}
END_TEST

START_TEST(a_key_without_parts_is_one_zero_byte)
{
    ldr_key key = {0};
    bool null = true;

    ck_assert_int_eq(ldr_key_encode(&key, NULL, 0, 0, &null, NULL), LARDER_OK);
    ck_assert(!null);
    ck_assert_uint_eq(key.size, 1);
    ck_assert_int_eq(key.bytes[0], 0);
    ck_assert_int_eq(
        ldr_key_decode((larder_bytes){key.bytes, key.size}, NULL, 0, NULL),
        LARDER_OK);
    ck_assert_int_eq(
        ldr_key_decode((larder_bytes){"\1", 1}, NULL, 0, NULL), LARDER_CORRUPT);
}
END_TEST

START_TEST(a_key_too_long_names_the_limit_and_is_as_before)
{
    char text[LARDER_KEY_MAX];
    larder_value part = {.type = LARDER_BYTES, .as.text = {text, 0}};
    ldr_key key = {0};
    larder_error err = {0};

    memset(text, 'x', sizeof text);
    part.as.text.size = LARDER_KEY_MAX - 3; /* type and end take three */
    ck_assert_int_eq(ldr_key_add(&key, &part, &err), LARDER_OK);
    ck_assert_uint_eq(key.size, LARDER_KEY_MAX);
    key.size = 0;
    part.as.text.size++;
    ck_assert_int_eq(ldr_key_add(&key, &part, &err), LARDER_LIMIT);
    ck_assert_str_eq(
        err.message, "an entity key is longer than LARDER_KEY_MAX, 480 bytes");
    ck_assert_uint_eq(key.size, 0);
    text[0] = '\0';
    part.as.text.size = LARDER_KEY_MAX - 3;
    ck_assert_int_eq(ldr_key_add(&key, &part, &err), LARDER_LIMIT);
    ck_assert_uint_eq(key.size, 0);
}
END_TEST

START_TEST(a_full_key_takes_no_part_of_any_type)
{
    const larder_type types[] = {LARDER_BOOL, LARDER_INT32, LARDER_INT64,
        LARDER_STRING, LARDER_BYTES, LARDER_TIMESTAMP};

    for (size_t i = 0; i < 6; i++)
        for (size_t left = 0; left < 9; left++) {
            larder_value part = {.type = types[i]};
            ldr_key key = {.size = LARDER_KEY_MAX - left};
            size_t needed = i == 0 ? 2 : i == 3 || i == 4 ? 3 : 9;
            larder_status rc = ldr_key_add(&key, &part, NULL);

            ck_assert_int_eq(rc, left < needed ? LARDER_LIMIT : LARDER_OK);
        }
}
END_TEST

START_TEST(nulls_and_reals_are_no_part_of_a_key)
{
    const larder_value null = {.type = LARDER_STRING, .null = true};
    const larder_value real = {.type = LARDER_FLOAT64, .as.real = 1};
    ldr_key key = {0};
    larder_error err = {0};

    ck_assert_int_eq(ldr_key_add(&key, &null, &err), LARDER_INVALID);
    ck_assert_int_eq(ldr_key_add(&key, &real, &err), LARDER_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "float64"));
    ck_assert_uint_eq(key.size, 0);
}
END_TEST

/* Decode these bytes as string and int32. */
static larder_status
decode(const unsigned char *bytes, size_t size)
{
    larder_column text = {.type = LARDER_STRING},
                  number = {.type = LARDER_INT32};
    larder_column *columns[] = {&text, &number};
    unsigned char *copy = malloc(size == 0 ? 1 : size);
    larder_status rc;

    ck_assert_ptr_nonnull(copy); /* so that reading past it is seen */
    if (size != 0)
        memcpy(copy, bytes, size);
    rc = ldr_key_decode((larder_bytes){copy, size}, columns, 2, NULL);
    ck_assert_uint_eq(text.n_rows, rc == LARDER_OK);
    ck_assert_uint_eq(number.n_rows, rc == LARDER_OK);
    ldr_column_release(&text);
    ldr_column_release(&number);
    free(copy);
    return rc;
}

START_TEST(damaged_keys_are_corrupt_and_add_no_row)
{
    const larder_value parts[] = {
        string("hcp"), {.type = LARDER_INT32, .as.integer = 7}};
    ldr_key key = key_of(parts, 2), odd;

    ck_assert_int_eq(decode(key.bytes, key.size), LARDER_OK);
    for (size_t size = 0; size < key.size; size++)
        ck_assert_int_eq(decode(key.bytes, size), LARDER_CORRUPT);
    odd = key;
    odd.bytes[odd.size++] = 0;
    ck_assert_int_eq(decode(odd.bytes, odd.size), LARDER_CORRUPT);
    odd = key;
    odd.bytes[0] = LARDER_BYTES; /* another type */
    ck_assert_int_eq(decode(odd.bytes, odd.size), LARDER_CORRUPT);
    odd = key;
    odd.bytes[5] = 0x01; /* neither text nor its end */
    ck_assert_int_eq(decode(odd.bytes, odd.size), LARDER_CORRUPT);
    odd = key;
    odd.bytes[7] = 0x00; /* beyond int32 */
    ck_assert_int_eq(decode(odd.bytes, odd.size), LARDER_CORRUPT);
}
END_TEST

START_TEST(an_entity_set_is_known_by_names_and_types_alone)
{
    const larder_field one[] = {{"hcp", LARDER_STRING}, {"b", LARDER_INT64}};
    const larder_field two[] = {{"b", LARDER_INT64}, {"hcp", LARDER_STRING}};
    const larder_field retyped[] = {
        {"b", LARDER_INT32}, {"hcp", LARDER_STRING}};
    const larder_field renamed[] = {
        {"bh", LARDER_INT64}, {"cp", LARDER_STRING}};
    uint32_t id = ldr_entity_set_id(one, 2);

    ck_assert_uint_eq(id, 4270728572u); /* stored: it may never change */
    ck_assert_uint_eq(ldr_entity_set_id(two, 2), id);
    ck_assert_uint_ne(ldr_entity_set_id(retyped, 2), id);
    ck_assert_uint_ne(ldr_entity_set_id(renamed, 2), id);
    ck_assert_uint_ne(ldr_entity_set_id(one, 1), id);
    ck_assert_uint_ne(ldr_entity_set_id(one, 0), id);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("key");
    TCase *tcase = tcase_create("key");

    tcase_add_loop_test(
        tcase, keys_sort_as_their_values_do_and_none_begins_another, 0, 12);
    tcase_add_loop_test(tcase, a_decoded_key_is_the_key_encoded, 0, 12);
    tcase_add_test(tcase, parts_are_not_glued_together);
    tcase_add_test(tcase, the_bytes_of_a_key_are_these);
    tcase_add_test(tcase, a_key_without_parts_is_one_zero_byte);
    tcase_add_test(tcase, a_key_too_long_names_the_limit_and_is_as_before);
    tcase_add_test(tcase, a_full_key_takes_no_part_of_any_type);
    tcase_add_test(tcase, nulls_and_reals_are_no_part_of_a_key);
    tcase_add_test(tcase, damaged_keys_are_corrupt_and_add_no_row);
    tcase_add_test(tcase, an_entity_set_is_known_by_names_and_types_alone);
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
