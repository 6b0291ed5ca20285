/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_feast.c - hostile keys, values, times and marks in Feast's layout: what
 * is read must be written as bytes that read the same.
 */
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/feast_key.h"
#include "data/feast_row.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "feast";

static const larder_field fields[] = {
    {"a", LARDER_BOOL},
    {"b", LARDER_INT32},
    {"c", LARDER_INT64},
    {"d", LARDER_FLOAT32},
    {"e", LARDER_FLOAT64},
    {"f", LARDER_STRING},
    {"g", LARDER_BYTES},
    {"h", LARDER_TIMESTAMP},
    {"i", LARDER_BOOL_LIST},
    {"j", LARDER_INT32_LIST},
    {"k", LARDER_INT64_LIST},
    {"l", LARDER_FLOAT32_LIST},
    {"m", LARDER_FLOAT64_LIST},
    {"n", LARDER_STRING_LIST},
    {"o", LARDER_BYTES_LIST},
    {"p", LARDER_TIMESTAMP_LIST},
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static bool
same(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Read, written, read again and written again. */
static void
read_value(larder_type type, larder_bytes value)
{
    larder_column column, again;
    ldr_buffer first = {0}, second = {0};
    larder_error err = {0};

    if (ldr_column_init(&column, type, NULL) != LARDER_OK ||
        ldr_column_init(&again, type, NULL) != LARDER_OK)
        abort();
    if (ldr_feast_value_read(value, &column, &err) != LARDER_OK) {
        if (column.n_rows != 0 || err.message[0] == '\0')
            abort();
    } else if (ldr_feast_value_write(&column, 0, &first, NULL) == LARDER_OK) {
        if (ldr_feast_value_read((larder_bytes){first.data, first.size}, &again,
                NULL) != LARDER_OK ||
            ldr_feast_value_write(&again, 0, &second, NULL) != LARDER_OK ||
            !same((larder_bytes){first.data, first.size},
                (larder_bytes){second.data, second.size}))
            abort();
    }
    ldr_buffer_free(&first);
    ldr_buffer_free(&second);
    ldr_column_release(&column);
    ldr_column_release(&again);
}

static void
read_time(larder_bytes bytes)
{
    unsigned char written[LDR_FEAST_TIME_BYTES];
    larder_time time, back;
    ldr_feast_mark mark;

    if (ldr_feast_time_read(bytes, &time) &&
        (!ldr_feast_time_read(
             (larder_bytes){written, ldr_feast_time_write(time, written)},
             &back) ||
            back != time))
        abort();
    for (size_t n = 0; n <= bytes.size && n < 32; n++) {
        larder_bytes tail = {
            (const unsigned char *)bytes.data + bytes.size - n, n};

        (void)ldr_feast_mark_read(bytes, tail, &mark);
    }
}

static void
read_key(unsigned version, larder_bytes feast)
{
    static const larder_field parts[] = {
        {"customer_id", LARDER_STRING}, {"driver_id", LARDER_INT64}};
    ldr_arena arena = {0};
    ldr_buffer written = {0};
    ldr_feast_keys keys;
    ldr_key key;

    for (size_t n = 0; n <= 2; n++) {
        if (ldr_feast_keys_init(&keys, version, "demo", parts + 2 - n, n,
                &arena, NULL) != LARDER_OK)
            abort();
        written.size = 0;
        if (ldr_feast_key_read(&keys, feast, &key) &&
            (ldr_feast_key_write(&keys, (larder_bytes){key.bytes, key.size},
                 &written, NULL) != LARDER_OK ||
                !same((larder_bytes){written.data, written.size}, feast)))
            abort();
    }
    ldr_buffer_free(&written);
    ldr_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    larder_bytes bytes = {data, size};

    for (size_t i = 0; i < N_FIELDS; i++)
        read_value(fields[i].type, bytes);
    read_time(bytes);
    read_key(2, bytes);
    read_key(3, bytes);
    return 0;
}
