/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json.c - JSON token by token, and JSON lines to and from batches.
 */
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "larder_backend.h"
#include "tests/support.h"

static larder_bytes
bytes_of(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* ------------------------------------------------------------------ tokens */

/* A letter a token, strings and numbers in brackets; the fault ends it. */
static void
print_tokens(larder_bytes text, char *out, size_t room)
{
    static const char letters[] = "$o)a]:sntfz!";
    ldr_json json;
    ldr_json_kind kind;
    size_t n = 0;

    ldr_json_start(&json, text);
    do {
        kind = ldr_json_next(&json);
        out[n++] = letters[kind];
        if (kind == LDR_JSON_STRING || kind == LDR_JSON_NUMBER ||
            kind == LDR_JSON_NAME)
            n += (size_t)snprintf(out + n, room - n, "<%.*s>",
                (int)json.token.size, (const char *)json.token.data);
    } while (kind != LDR_JSON_END && kind != LDR_JSON_ERROR);
    out[n] = '\0';
    if (kind == LDR_JSON_ERROR) {
        snprintf(out + n, room - n, "%zu %s", json.at, json.message);
        ck_assert_int_eq(ldr_json_next(&json), LDR_JSON_ERROR);
    } else {
        ck_assert_int_eq(ldr_json_next(&json), LDR_JSON_END);
    }
}

static const struct {
    const char *text, *tokens;
} token_cases[] = {
    {" { } ", "o)$"},
    {"[]", "a]$"},
    {"{\"a\":1,\"b\" : [true,false , null,{\"c\":\"d\"}] }",
        "o:<\"a\">n<1>:<\"b\">atfzo:<\"c\">s<\"d\">)])$"},
    {"-0", "n<-0>$"},
    {"[0.5e+10,-12E-1,1e5]", "an<0.5e+10>n<-12E-1>n<1e5>]$"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\xC3\xA9\"",
        "s<\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\xC3\xA9\">$"},
    {"", "!0 a value is missing"},
    {"[", "a!1 a value is missing"},
    {"[1,]", "an<1>!3 a value is none of JSON"},
    {"[1 2]", "an<1>!3 a ',' or ']' is missing"},
    {"[1}", "an<1>!2 a ',' or ']' is missing"},
    {"{\"a\":1", "o:<\"a\">n<1>!6 a ',' or '}' is missing"},
    {"{\"a\":1,}", "o:<\"a\">n<1>!7 the name of a member is missing"},
    {"{a:1}", "o!1 the name of a member is missing"},
    {"{\"a\" 1}", "o!5 a ':' is missing after the name of a member"},
    {"{\"a\":}", "o:<\"a\">!5 a value is none of JSON"},
    {"1 2", "n<1>!2 text follows the value"},
    {"{}x", "o)!2 text follows the value"},
    {"01", "!0 a number begins with 0"},
    {"-", "!0 a number lacks its digits"},
    {"1.", "!0 a number ends with its point"},
    {"1e+", "!0 an exponent lacks its digits"},
    {"+1", "!0 a value is none of JSON"},
    {"NaN", "!0 a value is none of JSON"},
    {"nul", "!0 a value is none of JSON"},
    {"truex", "t!4 text follows the value"},
    {"\"a", "!2 a string is not closed"},
    {"\"a\\", "!2 there is no such escape in JSON"},
    {"\"a\nb\"", "!2 a string holds a bare control character"},
    {"\"\\x\"", "!1 there is no such escape in JSON"},
    {"\"\\u12g4\"", "!1 there is no such escape in JSON"},
    {"\"\\u0000\"", "!1 a string holds a NUL (\\u0000)"},
    {"\"\\ud83d\"", "!1 a string holds half of a surrogate pair"},
    {"\"\\ude00\\ud83d\"", "!1 a string holds half of a surrogate pair"},
    {"\"ab\xED\xA0\x80\"", "!3 a string is not valid UTF-8"},
    {"\"ab\xC3\"", "!3 a string is not valid UTF-8"},
    {"\xEF\xBB\xBF{}", "!0 a value is none of JSON"},
};

START_TEST(tokens_come_one_by_one_until_a_fault)
{
    char tokens[512];

    print_tokens(bytes_of(token_cases[_i].text), tokens, sizeof tokens);
    ck_assert_str_eq(tokens, token_cases[_i].tokens);
}
END_TEST

START_TEST(nesting_is_bounded)
{
    char text[80], tokens[512];

    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    text[64] = '\0';
    print_tokens(bytes_of(text), tokens, sizeof tokens);
    ck_assert_str_eq(tokens, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                             "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]$");
    memset(text, '[', 33);
    print_tokens(bytes_of(text), tokens, sizeof tokens);
    ck_assert_str_eq(tokens, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!32 the nesting "
                             "is deeper than 32");
}
END_TEST

static const struct {
    const char *token, *text, *fault;
} unquote_cases[] = {
    {"\"\"", "", NULL},
    {"\"abc\"", "abc", NULL},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", NULL},
    {"\"\\u0041\\u00E9\\u20ac\\ud83d\\uDE00\"",
        "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", NULL},
    {"42", NULL, "it is not a string"},
    {"\"", NULL, "it is not a string"},
    {"\"a\"b", NULL, "it is more than a string"},
    {"\"a\\\"", NULL, "a string is not closed"},
    {"\"\\u0000\"", NULL, "a string holds a NUL (\\u0000)"},
};

START_TEST(a_string_token_is_decoded)
{
    larder_bytes token = bytes_of(unquote_cases[_i].token);
    char *out = malloc(token.size); /* as much as is promised to be enough */
    size_t size = 42;
    const char *fault = ldr_json_unquote(token, out, &size);

    if (unquote_cases[_i].fault != NULL) {
        ck_assert_str_eq(fault, unquote_cases[_i].fault);
        ck_assert_uint_eq(size, 42);
    } else {
        ck_assert_ptr_null(fault);
        ck_assert_uint_eq(size, strlen(unquote_cases[_i].text));
        ck_assert_mem_eq(out, unquote_cases[_i].text, size);
    }
    free(out);
}
END_TEST

/* -------------------------------------------------------------- JSON lines */

static const larder_field all_fields[] = {
    {"id", LARDER_INT64},
    {"x", LARDER_FLOAT64},
    {"ok", LARDER_BOOL},
    {"at", LARDER_TIMESTAMP},
    {"name", LARDER_STRING},
    {"raw", LARDER_BYTES},
    {"list", LARDER_INT32_LIST},
};
static const larder_schema all = {all_fields, 7};

static larder_text_options
options_of(const larder_schema *schema)
{
    return (larder_text_options){
        .name = "a.jsonl",
        .format = LARDER_JSONL,
        .schema = schema,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
    };
}

static larder_status
copy_text(larder_stream *stream, larder_format format, size_t n_verbatim,
    larder_format from, FILE *to, larder_error *err)
{
    larder_batch batch = {0};
    bool first = true;
    larder_status rc;

    while ((rc = larder_stream_next(stream, &batch, err)) == LARDER_OK &&
           batch.n_rows != 0) {
        ck_assert_int_eq(
            larder_text_write(to, format, &batch, n_verbatim, from, first, err),
            LARDER_OK);
        larder_batch_release(&batch);
        first = false;
    }
    larder_batch_release(&batch);
    return rc;
}

/* Read, then write all as `format`; or tell the failure. Yours to free(). */
static char *
convert(const larder_text_options *options, larder_format format,
    const char *text, size_t size)
{
    larder_call call = support_call(0);
    larder_error err = {0};
    larder_stream stream = {0};
    char *printed = NULL;
    size_t n_printed;
    FILE *file = tmpfile(), *to = open_memstream(&printed, &n_printed);
    larder_status rc;

    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    rewind(file);
    rc = larder_text_read(file, options, &call, &stream, &err);
    if (rc == LARDER_OK)
        rc = copy_text(&stream, format, options->schema == NULL ? 99 : 0,
            options->format, to, &err);
    if (rc != LARDER_OK)
        fprintf(to, "%s %s:%u:%u: %s", larder_status_name(rc), err.file,
            err.line, err.column, err.message);
    if (err.hint[0] != '\0')
        fprintf(to, " [%s]", err.hint);
    larder_stream_close(&stream);
    fclose(to);
    fclose(file);
    return printed;
}

static void
check(const larder_text_options *options, larder_format format,
    const char *text, const char *wanted)
{
    char *printed = convert(options, format, text, strlen(text));

    ck_assert_str_eq(printed, wanted);
    free(printed);
}

#define NULLS(id)                                                              \
    "{\"id\":" id ",\"x\":null,\"ok\":null,\"at\":null,\"name\":null,"         \
    "\"raw\":null,\"list\":null}\n"

static const struct {
    const char *text, *wanted;
} typed_cases[] = {
    {"{\"id\":1,\"x\":0.5,\"ok\":true,\"at\":\"2024-03-01T12:00:00Z\","
     "\"name\":\"\\u00e9\\n\",\"raw\":\"AA==\",\"list\":[1,null,2]}\n",
        "{\"id\":1,\"x\":0.5,\"ok\":true,\"at\":\"2024-03-01T12:00:00Z\","
        "\"name\":\"\xC3\xA9\\n\",\"raw\":\"AA==\",\"list\":[1,null,2]}\n"},
    /* any order, any blanks, lines that say nothing, a mark, CR LF, no end */
    {"\xEF\xBB\xBF\n {\"list\" : [ ] , \"id\" : -3.0e2 } \r\n  \t\r\n{}",
        "{\"id\":-300,\"x\":null,\"ok\":null,\"at\":null,\"name\":null,"
        "\"raw\":null,\"list\":[]}\n" NULLS("null")},
    {"{\"x\":3,\"id\":null}\n{\"x\":\"-inf\"}\n{\"x\":\"NaN\"}\n",
        "{\"id\":null,\"x\":3.0,\"ok\":null,\"at\":null,\"name\":null,"
        "\"raw\":null,\"list\":null}\n"
        "{\"id\":null,\"x\":\"-inf\",\"ok\":null,\"at\":null,\"name\":null,"
        "\"raw\":null,\"list\":null}\n"
        "{\"id\":null,\"x\":\"NaN\",\"ok\":null,\"at\":null,\"name\":null,"
        "\"raw\":null,\"list\":null}\n"},
    {"{\"\\u0069d\":7}", NULLS("7")},
    {"{\"id\":9007199254740991.0}", NULLS("9007199254740991")},
    {"", ""},
    {"\n\n", ""},
};

START_TEST(typed_members_are_read_by_name)
{
    larder_text_options options = options_of(&all);

    check(&options, LARDER_JSONL, typed_cases[_i].text, typed_cases[_i].wanted);
}
END_TEST

static const struct {
    const char *text, *wanted;
} refused_cases[] = {
    {"{\"id\":1}\n{\"id\":\"1\"}\n",
        "INVALID a.jsonl:2:7: column 'id': \"1\" is not an int64"},
    {"{\"id\":1.5}", "INVALID a.jsonl:1:7: column 'id': 1.5 is not an int64"},
    {"{\"id\":9007199254740993.0}",
        "INVALID a.jsonl:1:7: column 'id': 9007199254740993.0 is not an int64"},
    {"{\"id\":9223372036854775808}",
        "INVALID a.jsonl:1:7: column 'id': '9223372036854775808' is outside "
        "the range of int64"},
    {"{\"x\":1e400}", "INVALID a.jsonl:1:6: column 'x': '1e400' is outside the "
                      "range of float64"},
    {"{\"x\":\"nan\"}",
        "INVALID a.jsonl:1:6: column 'x': \"nan\" is not a float64"},
    {"{\"ok\":1}", "INVALID a.jsonl:1:7: column 'ok': 1 is not a bool"},
    {"{\"at\":1700000000}",
        "INVALID a.jsonl:1:7: column 'at': 1700000000 is not a timestamp "
        "[write ISO 8601, such as 2024-03-01T12:00:00Z]"},
    {"{\"at\":\"2026-02-30T00:00:00Z\"}",
        "INVALID a.jsonl:1:7: column 'at': time '2026-02-30T00:00:00Z': there "
        "is no 30 February"},
    {"{\"name\":{\"a\":1}}",
        "INVALID a.jsonl:1:9: column 'name': an object is not a string"},
    {"{\"name\":true}",
        "INVALID a.jsonl:1:9: column 'name': true is not a string"},
    {"{\"raw\":\"A\"}", "INVALID a.jsonl:1:8: column 'raw': 'A' is not base64"},
    {"{\"list\":[1,\"2\"]}",
        "INVALID a.jsonl:1:12: column 'list': \"2\" is not an int32"},
    {"{\"list\":[1,2147483648]}", "INVALID a.jsonl:1:12: column 'list': "
                                  "'2147483648' is outside the range "
                                  "of int32"},
    {"{\"list\":[1,2}",
        "INVALID a.jsonl:1:13: column 'list': a ',' or ']' is missing"},
    {"{\"list\":3}",
        "INVALID a.jsonl:1:9: column 'list': 3 is not a list<int32>"},
    {"{\"name\":\"\xC3\xA9\",\"nme\":1}",
        "INVALID a.jsonl:1:13: unknown member 'nme' [did you mean 'name'?]"},
    {"{\"color\":1}", "INVALID a.jsonl:1:2: unknown member 'color' [remove "
                      "it, or ask to ignore it (--ignore-extra)]"},
    {"{\"id\":1,\"id\":1}",
        "INVALID a.jsonl:1:9: column 'id': the record has it twice"},
    {"[1]", "INVALID a.jsonl:1:1: the record is not an object: {\"name\": "
            "value, ...}"},
    {"{\"id\":1", "INVALID a.jsonl:1:8: a ',' or '}' is missing"},
    {"{\"id\":1} {}", "INVALID a.jsonl:1:10: text follows the value"},
    {"{\"id\":tru}", "INVALID a.jsonl:1:7: a value is none of JSON"},
    {"{\"name\":\"\xFF\"}",
        "INVALID a.jsonl:1:10: a string is not valid UTF-8"},
    {"{\"name\":\"\\u0000\"}",
        "INVALID a.jsonl:1:10: a string holds a NUL (\\u0000)"},
};

START_TEST(a_fault_names_file_line_column_and_value)
{
    larder_text_options options = options_of(&all);

    check(&options, LARDER_JSONL, refused_cases[_i].text,
        refused_cases[_i].wanted);
}
END_TEST

START_TEST(extra_members_are_ignored_when_asked)
{
    larder_text_options options = options_of(&all);

    options.ignore_extra = true;
    check(&options, LARDER_JSONL, "{\"a\":{\"b\":[1]},\"id\":1,\"c\":null}\n",
        NULLS("1"));
    check(&options, LARDER_JSONL, "{\"a\":{\"b\":[1}}\n",
        "INVALID a.jsonl:1:13: a ',' or ']' is missing");
}
END_TEST

START_TEST(a_value_over_the_limit_is_refused_by_the_name_of_the_limit)
{
    larder_text_options options = options_of(&all);

    options.max_field_bytes = 4;
    check(&options, LARDER_JSONL, "{\"id\":1234}", NULLS("1234"));
    check(&options, LARDER_JSONL, "{\"id\":12345}",
        "LIMIT a.jsonl:1:7: column 'id': a value of 5 bytes is over "
        "max_field_bytes (4)");
}
END_TEST

/* ---------------------------------------------------------------- verbatim */

START_TEST(without_a_schema_values_are_tokens_as_written)
{
    larder_text_options options = options_of(NULL);
    static const char text[] =
        "{\"k\":1.50,\"s\":\"\\u00e9\",\"l\":[1, \"a\"],\"n\":null}\n"
        "{\"k\":-0e1,\"s\":\"\",\"l\":{\"a\" : true},\"n\":false}\n";

    check(&options, LARDER_JSONL, text, text);
    check(&options, LARDER_CSV, text,
        "k,s,l,n\n1.50,\xC3\xA9,\"[1, \"\"a\"\"]\",\n"
        "-0e1,\"\",\"{\"\"a\"\" : true}\",false\n");
}
END_TEST

START_TEST(the_first_record_has_the_columns)
{
    larder_text_options options = options_of(NULL);

    check(&options, LARDER_JSONL, "\n{\"a\":1,\"b\":2}\n{\"b\":3}\n",
        "{\"a\":1,\"b\":2}\n{\"a\":null,\"b\":3}\n");
    check(&options, LARDER_JSONL, "{\"a\":1}\n{\"a\":1,\"b\":3}\n",
        "INVALID a.jsonl:2:8: the first record has no member 'b'");
    check(&options, LARDER_JSONL, "{\"a\":1,\"a\":2}\n",
        "INVALID a.jsonl:1:8: column 'a': the record has it twice");
    check(&options, LARDER_JSONL, "{\"a\":[1}\n",
        "INVALID a.jsonl:1:8: column 'a': a ',' or ']' is missing");
    check(&options, LARDER_JSONL, "[]\n",
        "INVALID a.jsonl:1:1: the record is not an object: {\"name\": value, "
        "...}");
    check(&options, LARDER_JSONL, "\n",
        "INVALID a.jsonl:0:0: there is no record, whose members would be the "
        "columns");
    check(&options, LARDER_JSONL, "{}\n{}\n", "{}\n{}\n");
}
END_TEST

START_TEST(csv_text_is_written_as_json_strings)
{
    larder_text_options options = options_of(NULL);

    options.format = LARDER_CSV;
    check(&options, LARDER_JSONL, "k,s\n007,\"a\"\"b\"\n,\"\"\n",
        "{\"k\":\"007\",\"s\":\"a\\\"b\"}\n{\"k\":null,\"s\":\"\"}\n");
}
END_TEST

/* ----------------------------------------------------------------- rejects */

static larder_status
note_reject(void *context, const larder_reject *reject, larder_error *err)
{
    (void)err;
    ck_assert_uint_eq(reject->header.size, 0);
    fprintf(context, "%s:%u [%s] %s | %.*s\n", reject->file,
        (unsigned)reject->line, reject->column == NULL ? "" : reject->column,
        reject->message, (int)reject->record.size,
        (const char *)reject->record.data);
    return LARDER_OK;
}

static void
check_rejects(const larder_schema *schema, const char *text, const char *wanted,
    const char *wanted_told)
{
    larder_text_options options = options_of(schema);
    char *told = NULL;
    size_t n_told;
    FILE *to = open_memstream(&told, &n_told);

    options.reject = note_reject;
    options.context = to;
    check(&options, LARDER_CSV, text, wanted);
    fclose(to);
    ck_assert_str_eq(told, wanted_told);
    free(told);
}

START_TEST(rejected_records_are_told_and_reading_goes_on)
{
    static const larder_field fields[] = {
        {"a", LARDER_INT64}, {"b", LARDER_STRING_LIST}};
    static const larder_schema schema = {fields, 2};

    check_rejects(&schema,
        "{\"a\":1,\"b\":[\"x\"]}\n{\"b\":[\"y\"],\"a\":true}\r\n\n"
        "{\"b\":[\"z\",4]}\n{\"a\":\n{\"a\":2,\"b\":[\"w\"]}\n",
        "a,b\n1,\"[\"\"x\"\"]\"\n2,\"[\"\"w\"\"]\"\n",
        "a.jsonl:2 [a] column 'a': true is not an int64 | "
        "{\"b\":[\"y\"],\"a\":true}\n"
        "a.jsonl:4 [b] column 'b': 4 is not a string | {\"b\":[\"z\",4]}\n"
        "a.jsonl:5 [] a value is missing | {\"a\":\n");
}
END_TEST

START_TEST(a_first_record_may_be_rejected_too)
{
    check_rejects(NULL, "{\"a\":\n7\n{\"a\":1}\n{\"b\":2}\n", "a\n1\n",
        "a.jsonl:1 [] a value is missing | {\"a\":\n"
        "a.jsonl:2 [] the record is not an object: {\"name\": value, ...} | 7\n"
        "a.jsonl:4 [] the first record has no member 'b' | {\"b\":2}\n");
}
END_TEST

static Suite *
json_suite(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");

    tcase_add_loop_test(tests, tokens_come_one_by_one_until_a_fault, 0,
        (int)(sizeof token_cases / sizeof *token_cases));
    tcase_add_test(tests, nesting_is_bounded);
    tcase_add_loop_test(tests, a_string_token_is_decoded, 0,
        (int)(sizeof unquote_cases / sizeof *unquote_cases));
    tcase_add_loop_test(tests, typed_members_are_read_by_name, 0,
        (int)(sizeof typed_cases / sizeof *typed_cases));
    tcase_add_loop_test(tests, a_fault_names_file_line_column_and_value, 0,
        (int)(sizeof refused_cases / sizeof *refused_cases));
    tcase_add_test(tests, extra_members_are_ignored_when_asked);
    tcase_add_test(
        tests, a_value_over_the_limit_is_refused_by_the_name_of_the_limit);
    tcase_add_test(tests, without_a_schema_values_are_tokens_as_written);
    tcase_add_test(tests, the_first_record_has_the_columns);
    tcase_add_test(tests, csv_text_is_written_as_json_strings);
    tcase_add_test(tests, rejected_records_are_told_and_reading_goes_on);
    tcase_add_test(tests, a_first_record_may_be_rejected_too);
    suite_add_tcase(suite, tests);
    return suite;
}

int
main(void)
{
    return support_run(json_suite());
}
