/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_expression.c - hostile expressions: parsed, and evaluated over a few
 * rows if that succeeds. A fault lies in the text; a value is finite, and valid
 * text, and the same whether its row is computed alone or with the others.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/text.h"
#include "expression/expression.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "expression";

#define ROWS 7u

static const larder_field fields[] = {
    {"i", LARDER_INT64},
    {"j", LARDER_INT32},
    {"x", LARDER_FLOAT64},
    {"f", LARDER_FLOAT32},
    {"s", LARDER_STRING},
    {"b", LARDER_BOOL},
    {"t", LARDER_TIMESTAMP},
    {"l", LARDER_INT64_LIST},
};
#define N_FIELDS (sizeof fields / sizeof fields[0])
static const larder_schema schema = {fields, N_FIELDS};

/* A row a line; NULL is null. */
static const char *const values[ROWS][N_FIELDS] = {
    {"0", "0", "0.0", "0.0", "", "false", "1970-01-01T00:00:00Z", "[]"},
    {"1", "-1", "0.5", "-0.1", "abc", "true", "2024-02-29T12:34:56.789Z", "[]"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
    {"9223372036854775807", "2147483647", "1.7976931348623157e308", "inf",
        "h\xc3\xa9 \xe2\x82\xac", "true", "9999-12-31T23:59:59.999999Z", "[1]"},
    {"-9223372036854775808", "-2147483648", "-1.5e-310", "-inf", " a'b ",
        "false", "0001-01-01T00:00:00Z", NULL},
    {"7", "-3", "NaN", "NaN", "true", "false", "1969-12-31T23:59:59Z", NULL},
    {"-2", "10", "-2.5", "3e5", "12.5", NULL, NULL, NULL},
};

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
make_rows(larder_batch *batch)
{
    larder_error err = {0};

    must(larder_batch_init(batch, &schema, &err) == LARDER_OK);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t c = 0; c < N_FIELDS; c++) {
            larder_column *column = &batch->columns[c];
            const char *text = values[row][c];

            must((text == NULL ? larder_column_append_null(column, &err)
                               : larder_value_parse(column,
                                     (larder_bytes){text, strlen(text)},
                                     LARDER_NAIVE_REFUSED, &err)) == LARDER_OK);
        }
    batch->n_rows = ROWS;
}

static void
check_value(const larder_column *column, size_t row)
{
    larder_value value = larder_column_value(column, row);
    size_t at;

    if (value.null)
        return;
    if (column->type == LARDER_FLOAT64)
        must(isfinite(value.as.real));
    if (column->type == LARDER_STRING)
        must(ldr_utf8_valid(value.as.text, &at));
}

static void
check_equal(const larder_column *a, const larder_column *b)
{
    must(a->n_rows == ROWS && b->n_rows == ROWS && a->n_nulls == b->n_nulls);
    for (size_t row = 0; row < ROWS; row++) {
        larder_value x = larder_column_value(a, row);
        larder_value y = larder_column_value(b, row);

        must(x.null == y.null);
        check_value(a, row);
        if (!x.null && a->type == LARDER_STRING)
            must(x.as.text.size == y.as.text.size &&
                 (x.as.text.size == 0 || memcmp(x.as.text.data, y.as.text.data,
                                             x.as.text.size) == 0));
        else if (!x.null && a->type == LARDER_FLOAT64)
            must(memcmp(&x.as.real, &y.as.real, sizeof x.as.real) == 0);
        else if (!x.null && a->type == LARDER_BOOL)
            must(x.as.boolean == y.as.boolean);
        else if (!x.null)
            must(x.as.integer == y.as.integer);
    }
}

static void
evaluate(const ldr_expression *expression)
{
    larder_type type = ldr_expression_type(expression);
    larder_batch batch = {0};
    const larder_column *columns[N_FIELDS];
    larder_column whole = {0}, alone = {0};
    ldr_expression_room *room = NULL;
    uint64_t n_whole = 0, n_alone = 0;
    larder_error err = {0};

    make_rows(&batch);
    for (size_t c = 0; c < N_FIELDS; c++)
        columns[c] = &batch.columns[c];
    type = type == 0 ? LARDER_INT64 : type;
    must(ldr_column_init(&whole, type, &err) == LARDER_OK &&
         ldr_column_init(&alone, type, &err) == LARDER_OK);
    must(ldr_expression_evaluate(expression, columns, 0, ROWS, &room, &whole,
             &n_whole, &err) == LARDER_OK);
    for (size_t row = 0; row < ROWS; row++)
        must(ldr_expression_evaluate(expression, columns, row, row + 1, &room,
                 &alone, &n_alone, &err) == LARDER_OK);
    must(n_whole == n_alone && n_whole <= whole.n_nulls);
    check_equal(&whole, &alone);
    ldr_expression_room_free(room);
    ldr_column_release(&whole);
    ldr_column_release(&alone);
    larder_batch_release(&batch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ldr_arena arena = {0};
    ldr_expression *expression = NULL;
    ldr_expression_fault fault = {SIZE_MAX, SIZE_MAX};
    larder_error err = {0};
    larder_status rc = ldr_expression_parse(
        (larder_bytes){data, size}, &schema, &arena, &expression, &fault, &err);

    if (rc == LARDER_OK) {
        evaluate(expression);
    } else {
        must(rc == LARDER_INVALID || rc == LARDER_LIMIT);
        must(err.message[0] != '\0');
        must(fault.begin <= fault.end && fault.end <= size);
    }
    ldr_arena_free(&arena);
    return 0;
}
