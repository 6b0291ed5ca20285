/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_text.c - values from and to text, strings, digests.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/sink.h"
#include "data/text.h"
#include "tests/support.h"

static larder_bytes
bytes_of(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* ------------------------------------------------------- from text and back */

static const struct {
    larder_type type;
    const char *text, *plain, *csv, *json;
} value_cases[] = {
    {LARDER_BOOL, "TRUE", "true", "true", "true"},
    {LARDER_BOOL, "False", "false", "false", "false"},
    {LARDER_BOOL, "1", "true", "true", "true"},
    {LARDER_BOOL, "0", "false", "false", "false"},
    {LARDER_INT32, "-2147483648", "-2147483648", "-2147483648", "-2147483648"},
    {LARDER_INT64, "+7", "7", "7", "7"},
    {LARDER_FLOAT32, "0.1", "0.1", "0.1", "0.1"},
    {LARDER_FLOAT64, "1e300", "1e+300", "1e+300", "1e+300"},
    {LARDER_FLOAT64, "nan", "NaN", "NaN", "\"NaN\""},
    {LARDER_FLOAT64, "-Infinity", "-inf", "-inf", "\"-inf\""},
    {LARDER_FLOAT32, "inf", "inf", "inf", "\"inf\""},
    {LARDER_STRING, "", "", "\"\"", "\"\""},
    {LARDER_STRING, "a,\"b\"", "a,\"b\"", "\"a,\"\"b\"\"\"", "\"a,\\\"b\\\"\""},
    {LARDER_STRING, "a\nb", "a\nb", "\"a\nb\"", "\"a\\nb\""},
    {LARDER_STRING, "\x01\x1f\\/\xC3\xA9\x7f\b\f\r\t\v",
        "\x01\x1f\\/\xC3\xA9\x7f\b\f\r\t\v",
        "\"\x01\x1f\\/\xC3\xA9\x7f\b\f\r\t\v\"",
        "\"\\u0001\\u001f\\\\/\xC3\xA9\x7f\\b\\f\\r\\t\\u000b\""},
    {LARDER_BYTES, "", "", "\"\"", "\"\""},
    {LARDER_BYTES, "+/8=", "+/8=", "+/8=", "\"+/8=\""},
    {LARDER_BYTES, "AA==", "AA==", "AA==", "\"AA==\""},
    {LARDER_BYTES, "AAECAw==", "AAECAw==", "AAECAw==", "\"AAECAw==\""},
    {LARDER_TIMESTAMP, "2024-03-01T13:00:00.50+01:00",
        "2024-03-01T12:00:00.500Z", "2024-03-01T12:00:00.500Z",
        "\"2024-03-01T12:00:00.500Z\""},
    {LARDER_INT64_LIST, " [1, 2.0,null ] ", "[1,2,null]", "\"[1,2,null]\"",
        "[1,2,null]"},
    {LARDER_INT32_LIST, "[]", "[]", "\"[]\"", "[]"},
    {LARDER_BOOL_LIST, "[true,false]", "[true,false]", "\"[true,false]\"",
        "[true,false]"},
    {LARDER_FLOAT64_LIST, "[1,\"NaN\",\"-inf\"]", "[1.0,\"NaN\",\"-inf\"]",
        "\"[1.0,\"\"NaN\"\",\"\"-inf\"\"]\"", "[1.0,\"NaN\",\"-inf\"]"},
    {LARDER_STRING_LIST, "[\"\",\"a\\\"\\u00e9\"]", "[\"\",\"a\\\"\xC3\xA9\"]",
        "\"[\"\"\"\",\"\"a\\\"\"\xC3\xA9\"\"]\"", "[\"\",\"a\\\"\xC3\xA9\"]"},
    {LARDER_BYTES_LIST, "[\"AA==\"]", "[\"AA==\"]", "\"[\"\"AA==\"\"]\"",
        "[\"AA==\"]"},
    {LARDER_TIMESTAMP_LIST, "[\"2024-03-01T00:00:00Z\"]",
        "[\"2024-03-01T00:00:00Z\"]", "\"[\"\"2024-03-01T00:00:00Z\"\"]\"",
        "[\"2024-03-01T00:00:00Z\"]"},
};

static void
check_written(
    const larder_value *value, larder_format format, const char *wanted)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    ck_assert_int_eq(ldr_value_write(file, value, format, NULL), LARDER_OK);
    fclose(file);
    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(a_value_is_read_and_spelt_for_each_format)
{
    larder_column column = {0};
    larder_value value;
    char text[64];
    const char *plain = value_cases[_i].plain;

    ck_assert_int_eq(
        ldr_column_init(&column, value_cases[_i].type, NULL), LARDER_OK);
    ck_assert_int_eq(larder_value_parse(&column, bytes_of(value_cases[_i].text),
                         LARDER_NAIVE_REFUSED, NULL),
        LARDER_OK);
    ck_assert_uint_eq(column.n_rows, 1);
    value = larder_column_value(&column, 0);
    ck_assert(!value.null);
    ck_assert_uint_eq(
        larder_value_print(&value, text, sizeof text), strlen(plain));
    ck_assert_str_eq(text, plain);
    check_written(&value, LARDER_CSV, value_cases[_i].csv);
    check_written(&value, LARDER_JSONL, value_cases[_i].json);
    ldr_column_release(&column);
}
END_TEST

static const struct {
    larder_type type;
    const char *text, *message;
} refused_cases[] = {
    {LARDER_BOOL, "yes", "'yes' is not a bool"},
    {LARDER_BOOL, "\x10", "'?' is not a bool"},
    {LARDER_BOOL, "", "'' is not a bool"},
    {LARDER_BOOL, "truer", "'truer' is not a bool"},
    {LARDER_INT32, "2147483648", "'2147483648' is outside the range of int32"},
    {LARDER_INT32, "1.0", "'1.0' is not an int32"},
    {LARDER_INT64, "12x", "'12x' is not an int64"},
    {LARDER_INT64, " 1", "' 1' is not an int64"},
    {LARDER_INT64, "-9223372036854775809",
        "'-9223372036854775809' is outside the range of int64"},
    {LARDER_FLOAT32, "1e39", "'1e39' is outside the range of float32"},
    {LARDER_FLOAT64, "1,5", "'1,5' is not a float64"},
    {LARDER_FLOAT64, "1e400", "'1e400' is outside the range of float64"},
    {LARDER_STRING, "ab\xFF", "invalid UTF-8 at byte 3 of the value"},
    {LARDER_STRING, "12345678\xED\xA0\x80",
        "invalid UTF-8 at byte 9 of the value"},
    {LARDER_BYTES, "AA=", "'AA=' is not base64"},
    {LARDER_BYTES, "AB==", "'AB==' is not base64"},
    {LARDER_BYTES, "A===", "'A===' is not base64"},
    {LARDER_BYTES, "AA==AA==", "'AA==AA==' is not base64"},
    {LARDER_BYTES, "A-_=", "'A-_=' is not base64"},
    {LARDER_TIMESTAMP, "1700000000", "'1700000000' is a number, not a time"},
    {LARDER_TIMESTAMP, "-1", "'-1' is a number, not a time"},
    {LARDER_INT64_LIST, "1", "'1' is not a list<int64>"},
    {LARDER_INT64_LIST, "[1", "a ',' or ']' is missing"},
    {LARDER_INT64_LIST, "[1]x", "'[1]x' is not a list<int64>"},
    {LARDER_INT64_LIST, "[1,\"2\"]", "\"2\" is not an int64"},
    {LARDER_INT64_LIST, "[1,[2]]", "an array is not an int64"},
    {LARDER_INT64,
        "0123456789012345678901234567890123456789012345678901234567890123456x",
        "'012345678901234567890123456789012345678901234567890123456789...' is "
        "not an int64"},
};

START_TEST(text_of_another_type_is_refused_in_words)
{
    larder_column column = {0};
    larder_error err = {0};

    ck_assert_int_eq(
        ldr_column_init(&column, refused_cases[_i].type, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_value_parse(&column, bytes_of(refused_cases[_i].text), 0, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message, refused_cases[_i].message);
    ck_assert_uint_eq(column.n_rows, 0);
    if (column.items != NULL)
        ck_assert_uint_eq(column.items->n_rows, 0);
    ck_assert_int_eq(
        larder_value_parse(&column, bytes_of(refused_cases[_i].text), 0, NULL),
        LARDER_INVALID);
    ldr_column_release(&column);
}
END_TEST

START_TEST(a_nul_is_refused_with_its_position)
{
    larder_column column = {.type = LARDER_STRING};
    larder_error err = {0};

    ck_assert_int_eq(
        larder_value_parse(&column, (larder_bytes){"12345678\0", 9}, 0, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message, "a NUL at byte 9 of the value");
    ldr_column_release(&column);
}
END_TEST

START_TEST(printing_into_too_little_room_gives_the_length_alone)
{
    larder_value value = {
        .type = LARDER_STRING,
        .as.text = bytes_of("0123456789012345678901234567890123456789+"),
    };
    larder_value none = {.type = LARDER_INT64, .null = true};
    char text[64] = "untouched";

    ck_assert_uint_eq(larder_value_print(&value, text, 40), 41);
    ck_assert_str_eq(text, "untouched");
    ck_assert_uint_eq(larder_value_print(&value, text, 41), 41);
    ck_assert_int_eq(text[40], '+');
    ck_assert_uint_eq(larder_value_print(&value, NULL, 0), 41);
    ck_assert_uint_eq(larder_value_print(&none, text, sizeof text), 0);
    ck_assert_str_eq(text, "");
    check_written(&none, LARDER_CSV, "");
    check_written(&none, LARDER_JSONL, "null");
}
END_TEST

/* ----------------------------------------------------------------- strings */

static const struct {
    const char *text;
    size_t bad; /* offset; SIZE_MAX: valid */
} utf8_cases[] = {
    {"", SIZE_MAX},
    {"plain ASCII of more than eight bytes", SIZE_MAX},
    {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", SIZE_MAX},
    {"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\xED\x9F\xBF", SIZE_MAX},
    {"\x80", 0},
    {"1234567\xC0\x80", 7},
    {"12345678\xC1\xBF", 8},
    {"a\xE0\x9F\xBF", 1},
    {"a\xED\xA0\x80", 1}, /* half a surrogate pair */
    {"a\xF0\x8F\xBF\xBF", 1},
    {"a\xF4\x90\x80\x80", 1},
    {"a\xF5\x80\x80\x80", 1},
    {"abc\xE2\x82", 3},
    {"abc\xC3", 3},
};

START_TEST(utf8_is_checked_to_the_byte)
{
    size_t at = 42, bad = utf8_cases[_i].bad;

    ck_assert_int_eq(
        ldr_utf8_valid(bytes_of(utf8_cases[_i].text), &at), bad == SIZE_MAX);
    ck_assert_uint_eq(at, bad == SIZE_MAX ? 42 : bad);
}
END_TEST

START_TEST(a_nul_anywhere_is_no_text)
{
    char text[20];

    for (size_t i = 0; i < sizeof text; i++) {
        size_t at = 42;

        memset(text, 'x', sizeof text);
        text[i] = '\0';
        ck_assert(!ldr_utf8_valid((larder_bytes){text, sizeof text}, &at));
        ck_assert_uint_eq(at, i);
    }
}
END_TEST

START_TEST(a_json_string_is_always_valid)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    ldr_json_string_write(file, bytes_of("a\"\xFF\xE2\x82z"));
    fclose(file);
    ck_assert_str_eq(text, "\"a\\\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
    free(text);
}
END_TEST

START_TEST(what_does_not_fit_the_sink_goes_through_to_the_file)
{
    char *text = NULL, room[8], expected[4096] = "";
    size_t size, n = 0;
    FILE *file = open_memstream(&text, &size);
    ldr_sink sink = {.file = file, .text = room, .room = sizeof room};

    for (size_t i = 0; i < 40; i++) {
        memset(expected + n, 'a' + (int)(i % 26), i);
        ldr_sink_put(&sink, expected + n, i);
        n += i;
        ldr_sink_byte(&sink, '.');
        expected[n++] = '.';
    }
    ck_assert_int_eq(ldr_sink_flush(&sink, NULL), LARDER_OK);
    fclose(file);
    ck_assert_str_eq(text, expected);
    free(text);
}
END_TEST

/* ------------------------------------------------------------------ digests */

static const larder_field mixed_fields[] = {
    {"b", LARDER_BOOL},
    {"i", LARDER_INT32},
    {"n", LARDER_INT64},
    {"f", LARDER_FLOAT32},
    {"r", LARDER_FLOAT64},
    {"s", LARDER_STRING},
    {"t", LARDER_TIMESTAMP},
    {"l", LARDER_STRING_LIST},
    {"m", LARDER_FLOAT64_LIST},
};
#define N_MIXED (sizeof mixed_fields / sizeof *mixed_fields)
static const larder_schema mixed = {mixed_fields, N_MIXED};
static const char *const mixed_rows[][N_MIXED] = {
    {"true", "1", "2", "0.5", "NaN", "abc", "2024-03-01T00:00:00Z",
        "[\"a\",\"bc\"]", "[1,null]"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
    {"false", "-1", "7", "1", "-0.0", "", "1969-01-01T00:00:00Z", "[]", "[]"},
    {"true", "0", "0", "0", "0", "d", "1970-01-01T00:00:00Z", "[\"abc\"]",
        "[\"NaN\"]"},
};
#define N_ROWS (sizeof mixed_rows / sizeof *mixed_rows)

static void
fill(larder_batch *batch, size_t begin, size_t end)
{
    ck_assert_int_eq(larder_batch_init(batch, &mixed, NULL), LARDER_OK);
    for (size_t row = begin; row < end; row++)
        for (size_t i = 0; i < N_MIXED; i++) {
            const char *text = mixed_rows[row][i];
            larder_column *column = &batch->columns[i];

            ck_assert_int_eq(
                text == NULL
                    ? larder_column_append_null(column, NULL)
                    : larder_value_parse(column, bytes_of(text), 0, NULL),
                LARDER_OK);
        }
    ldr_batch_finish(batch);
}

/* The digest of rows in batches of `step`. */
static void
digest_rows(size_t step, char hex[33])
{
    ldr_digest *digest = ldr_digest_new();

    for (size_t begin = 0; begin < N_ROWS; begin += step) {
        larder_batch batch = {0};

        fill(&batch, begin, begin + step < N_ROWS ? begin + step : N_ROWS);
        ck_assert_int_eq(ldr_digest_add(digest, &batch, NULL), LARDER_OK);
        larder_batch_release(&batch);
    }
    ldr_digest_finish(digest, hex);
    ldr_digest_free(digest);
}

START_TEST(a_digest_does_not_know_of_batches)
{
    char whole[33], parts[33];

    digest_rows(N_ROWS, whole);
    for (size_t step = 1; step < N_ROWS; step++) {
        digest_rows(step, parts);
        ck_assert_str_eq(parts, whole);
    }
    /* Manifests hold it: it must not change between versions. */
    ck_assert_str_eq(whole, "b5f5f25d0865f77cac21b6136e63ea3c");
}
END_TEST

static void
digest_text(larder_format format, const char *text, char hex[33])
{
    larder_text_options options = {.name = "t", .format = format};
    larder_call call = support_call(0);
    larder_stream stream = {0};
    larder_batch batch = {0};
    FILE *file = tmpfile();
    ldr_digest *digest = ldr_digest_new();

    fputs(text, file);
    rewind(file);
    if (format == LARDER_JSONL)
        ldr_digest_tokens(digest, 2);
    ck_assert_int_eq(
        larder_text_read(file, &options, &call, &stream, NULL), LARDER_OK);
    batch.schema = stream.schema;
    ck_assert_int_eq(ldr_digest_add(digest, &batch, NULL), LARDER_OK);
    do {
        larder_batch_release(&batch);
        ck_assert_int_eq(larder_stream_next(&stream, &batch, NULL), LARDER_OK);
        ck_assert_int_eq(ldr_digest_add(digest, &batch, NULL), LARDER_OK);
    } while (batch.n_rows != 0);
    larder_batch_release(&batch);
    larder_stream_close(&stream);
    fclose(file);
    ldr_digest_finish(digest, hex);
    ldr_digest_free(digest);
}

START_TEST(csv_and_json_lines_of_one_table_have_one_digest)
{
    char csv[33], json[33];

    digest_text(LARDER_CSV, "a,b\n1,x\n,\"\"\n2.50,\"\"\"\xC3\xA9\n\"\n", csv);
    digest_text(LARDER_JSONL,
        "{\"a\": 1, \"b\":\"x\"}\n{\"a\":null,\"b\":\"\"}\n"
        "{\"b\":\"\\\"\\u00e9\\n\",\"a\":2.50}\n",
        json);
    ck_assert_str_eq(json, csv);
}
END_TEST

START_TEST(tables_that_differ_have_different_digests)
{
    static const char *const tables[] = {"a,b\n", "a,c\n", "a,b\n1,2\n",
        "a,b\n12,\n", "a,b\n12,\"\"\n", "a,b\n,12\n", "a,b\n1,2\n,\n",
        "a,b\n,\n1,2\n", "b,a\n1,2\n", "a,b\n2,1\n", "a,b\n,\n", "a,b\n,\n,\n"};
    char hex[sizeof tables / sizeof *tables][33];

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        digest_text(LARDER_CSV, tables[i], hex[i]);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(hex[i], hex[j]);
    }
}
END_TEST

START_TEST(a_hash_of_bytes_is_xxh3_in_hex)
{
    char hex[33];

    /* XXH3-128 of nothing, as the xxHash project gives it */
    ldr_hash_hex((larder_bytes){"", 0}, hex);
    ck_assert_str_eq(hex, "99aa06d3014798d86001c324468d497f");
}
END_TEST

static Suite *
text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");

    tcase_add_loop_test(tests, a_value_is_read_and_spelt_for_each_format, 0,
        (int)(sizeof value_cases / sizeof *value_cases));
    tcase_add_loop_test(tests, text_of_another_type_is_refused_in_words, 0,
        (int)(sizeof refused_cases / sizeof *refused_cases));
    tcase_add_test(tests, a_nul_is_refused_with_its_position);
    tcase_add_test(tests, printing_into_too_little_room_gives_the_length_alone);
    tcase_add_loop_test(tests, utf8_is_checked_to_the_byte, 0,
        (int)(sizeof utf8_cases / sizeof *utf8_cases));
    tcase_add_test(tests, a_nul_anywhere_is_no_text);
    tcase_add_test(tests, a_json_string_is_always_valid);
    tcase_add_test(tests, what_does_not_fit_the_sink_goes_through_to_the_file);
    tcase_add_test(tests, a_digest_does_not_know_of_batches);
    tcase_add_test(tests, csv_and_json_lines_of_one_table_have_one_digest);
    tcase_add_test(tests, tables_that_differ_have_different_digests);
    tcase_add_test(tests, a_hash_of_bytes_is_xxh3_in_hex);
    suite_add_tcase(suite, tests);
    return suite;
}

int
main(void)
{
    return support_run(text_suite());
}
