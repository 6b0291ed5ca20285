/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_csv.c - CSV text to and from batches, and what is wrong with it in
 * words.
 */
#include <stdlib.h>
#include <string.h>

#include "data/text.h"
#include "larder_backend.h"
#include "tests/support.h"

static const larder_field order_fields[] = {
    {"id", LARDER_INT64},
    {"delay", LARDER_FLOAT64},
    {"at", LARDER_TIMESTAMP},
    {"name", LARDER_STRING},
};
static const larder_schema orders = {order_fields, 4};

static FILE *
file_of(const char *text, size_t size)
{
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    rewind(file);
    return file;
}

/* All of a stream as CSV, or where its first failure lies and what it is. */
static void
print_stream(larder_stream *stream, FILE *to)
{
    bool first = true;
    larder_error err = {0};
    larder_batch batch = {0};
    larder_status rc;

    while ((rc = larder_stream_next(stream, &batch, &err)) == LARDER_OK &&
           batch.n_rows != 0) {
        rc = larder_text_write(
            to, LARDER_CSV, &batch, 0, LARDER_CSV, first, &err);
        ck_assert_int_eq(rc, LARDER_OK);
        larder_batch_release(&batch);
        first = false;
    }
    larder_batch_release(&batch);
    if (rc != LARDER_OK)
        fprintf(to, "%s %s:%u:%u: %s", larder_status_name(rc), err.file,
            err.line, err.column, err.message);
    if (err.hint[0] != '\0')
        fprintf(to, " [%s]", err.hint);
}

/* Yours to free(). */
static char *
read_all(const larder_text_options *options, const char *text, size_t size)
{
    larder_call call = support_call(0);
    larder_error err = {0};
    larder_stream stream = {0};
    char *printed = NULL;
    size_t n_printed = 0;
    FILE *file = file_of(text, size);
    FILE *to = open_memstream(&printed, &n_printed);
    larder_status rc = larder_text_read(file, options, &call, &stream, &err);

    if (rc == LARDER_OK)
        print_stream(&stream, to);
    else
        fprintf(to, "%s %s:%u:%u: %s", larder_status_name(rc), err.file,
            err.line, err.column, err.message);
    if (rc != LARDER_OK && err.hint[0] != '\0')
        fprintf(to, " [%s]", err.hint);
    larder_stream_close(&stream);
    fclose(to);
    fclose(file);
    return printed;
}

static larder_text_options
options_of(const larder_schema *schema)
{
    return (larder_text_options){
        .name = "orders.csv",
        .format = LARDER_CSV,
        .schema = schema,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED,
    };
}

static void
check(const larder_text_options *options, const char *text, const char *wanted)
{
    char *printed = read_all(options, text, strlen(text));

    ck_assert_str_eq(printed, wanted);
    free(printed);
}

/* ------------------------------------------------------------ what is read */

#define HEAD "id,delay,at,name\n"

static const struct {
    const char *text, *wanted;
} typed_cases[] = {
    {HEAD "1,0.5,2024-03-01T12:00:00Z,ann\n",
        HEAD "1,0.5,2024-03-01T12:00:00Z,ann\n"},
    /* by name, in whatever order; the last line end may lack */
    {"name,at,id,delay\nann,2024-03-01T13:00:00+01:00,1,5e-1",
        HEAD "1,0.5,2024-03-01T12:00:00Z,ann\n"},
    /* missing, and empty */
    {HEAD ",,,\n2,,,\"\"\n", HEAD ",,,\n2,,,\"\"\n"},
    /* CR LF, a byte order mark, empty lines */
    {"\xEF\xBB\xBFid,delay,at,name\r\n\r\n1,NaN,,a b\r\n\r\n2,-inf,, x \r\n",
        HEAD "1,NaN,,a b\n2,-inf,, x \n"},
    /* quotes: a comma, a quote, line ends, numbers */
    {HEAD "\"1\",\"2\",,\"a,\"\"b\"\"\nc\r\nd\"\n",
        HEAD "1,2.0,,\"a,\"\"b\"\"\nc\r\nd\"\n"},
    {HEAD "1,,,\"x\"", HEAD "1,,,x\n"},
    {HEAD, ""},
    {"id,delay,at,name", ""},
    {HEAD "9223372036854775807,1e308,0001-01-01T00:00:00Z,\xC3\xA9\n",
        HEAD "9223372036854775807,1e+308,0001-01-01T00:00:00Z,\xC3\xA9\n"},
};

START_TEST(typed_columns_are_read_by_name)
{
    larder_text_options options = options_of(&orders);

    check(&options, typed_cases[_i].text, typed_cases[_i].wanted);
}
END_TEST

/* ------------------------------------------------------- what is refused */

static const struct {
    const char *text, *wanted;
} refused_cases[] = {
    {"", "INVALID orders.csv:0:0: the file is empty [begin it with a line that "
         "names the columns]"},
    {"id,delay,name,name,at\n", "INVALID orders.csv:1:0: the header has column "
                                "'name' twice: as number 3 and 4"},
    {"id,dely,nam\n", "INVALID orders.csv:1:0: the header lacks columns "
                      "'delay' (it has 'dely'), 'at', 'name' (it has 'nam')"},
    {"id,delay,at,name,color,size\n",
        "INVALID orders.csv:1:0: the header has unknown columns 'color', "
        "'size' [remove it, or ask to ignore it (--ignore-extra)]"},
    {"id,\"delay\"x,at,name\n",
        "INVALID orders.csv:1:11: field 2: text after the closing quote [put "
        "the value in quotes, and write each quote in it twice]"},
    {"id,delay,at,n\xFF\n", "INVALID orders.csv:1:13: the header: invalid "
                            "UTF-8, or a NUL, at byte 2 of the name"},
    {HEAD "1,12x,,a\n",
        "INVALID orders.csv:2:3: column 'delay': '12x' is not a float64"},
    {HEAD "1,1,,a\n3.0,1,,a\n",
        "INVALID orders.csv:3:1: column 'id': '3.0' is not an int64"},
    {HEAD "9223372036854775808,,,\n",
        "INVALID orders.csv:2:1: column 'id': '9223372036854775808' is outside "
        "the range of int64"},
    {HEAD "1,1e400,,\n", "INVALID orders.csv:2:3: column 'delay': '1e400' is "
                         "outside the range of float64"},
    {HEAD "1,,1700000000,\n",
        "INVALID orders.csv:2:4: column 'at': '1700000000' is a number, not a "
        "time [write ISO 8601, such as 2024-03-01T12:00:00Z]"},
    {HEAD "\"\",,,\n",
        "INVALID orders.csv:2:1: column 'id': '' is not an int64"},
    {HEAD "1,,,ab\xC3(\n", "INVALID orders.csv:2:5: column 'name': invalid "
                           "UTF-8 at byte 3 of the value"},
    /* characters are counted, not bytes; and the place is the field's */
    {HEAD "1,,,\xC3\xA9\n\"1\",\"x,\xC3\xA9\n\",,\n",
        "INVALID orders.csv:3:5: column 'delay': 'x,\xC3\xA9 ' is not a "
        "float64"},
    {HEAD "\"1\n\n\",z,,\n",
        "INVALID orders.csv:2:1: column 'id': '1  ' is not an int64"},
    {HEAD "1,2,3\n",
        "INVALID orders.csv:2:0: the record has 3 fields where the header has "
        "4"},
    {HEAD "1,x,3,4,5\n",
        "INVALID orders.csv:2:0: the record has 5 fields where the header has "
        "4"},
    {HEAD "1,,,a\"b\n",
        "INVALID orders.csv:2:6: column 'name': a quote inside a value that is "
        "not in quotes [put the value in quotes, and write each quote in it "
        "twice]"},
    {HEAD "1,,,\"a\"b\n",
        "INVALID orders.csv:2:8: column 'name': text after the closing quote "
        "[put the value in quotes, and write each quote in it twice]"},
    {HEAD "1,,,\"a\n2,,,b\n",
        "INVALID orders.csv:2:5: column 'name': the quote that opens the value "
        "is never closed"},
    {HEAD "1,,\r2,b\n",
        "INVALID orders.csv:2:4: a carriage return that no line feed follows "
        "[end lines with LF or CR LF, or quote the value]"},
    {HEAD "1,,,\"a\"\r2,,,b\n",
        "INVALID orders.csv:2:8: a carriage return that no line feed follows "
        "[end lines with LF or CR LF, or quote the value]"},
    {"\xFF\xFEi\n", "INVALID :0:0: orders.csv: the text is UTF-16, not UTF-8 "
                    "[save it as UTF-8]"},
};

START_TEST(a_fault_names_file_line_column_and_value)
{
    larder_text_options options = options_of(&orders);

    check(&options, refused_cases[_i].text, refused_cases[_i].wanted);
}
END_TEST

START_TEST(a_nul_is_refused_where_it_stands)
{
    static const char text[] = HEAD "1,,,a\0b\n", header[] = "i\0d\n";
    larder_text_options options = options_of(&orders);
    char *printed = read_all(&options, text, sizeof text - 1);

    ck_assert_str_eq(printed, "INVALID orders.csv:2:5: column 'name': a NUL at "
                              "byte 2 of the value");
    free(printed);
    options.schema = NULL;
    printed = read_all(&options, header, sizeof header - 1);
    ck_assert_str_eq(printed, "INVALID orders.csv:1:1: the header: invalid "
                              "UTF-8, or a NUL, at byte 2 of the name");
    free(printed);
}
END_TEST

START_TEST(a_naive_time_is_refused_or_read_as_the_offset_says)
{
    larder_text_options options = options_of(&orders);

    check(&options, HEAD "1,,2024-03-01T12:00,a\n",
        "INVALID orders.csv:2:4: column 'at': time '2024-03-01T12:00' has no "
        "zone: write 'Z' or an offset, or declare timezone");
    check(&options, HEAD "1,,2026-02-30T12:00Z,a\n",
        "INVALID orders.csv:2:4: column 'at': time '2026-02-30T12:00Z': there "
        "is no 30 February");
    options.naive_offset_minutes = 60;
    check(&options, HEAD "1,,2024-03-01T12:00,a\n",
        HEAD "1,,2024-03-01T11:00:00Z,a\n");
}
END_TEST

START_TEST(extra_columns_are_ignored_when_asked)
{
    larder_text_options options = options_of(&orders);

    options.ignore_extra = true;
    check(&options, "x,id,delay,y,at,name,\n?\xFF,1,,,,a,\n", HEAD "1,,,a\n");
}
END_TEST

START_TEST(a_field_over_the_limit_is_refused_by_the_name_of_the_limit)
{
    larder_text_options options = options_of(&orders);

    options.max_field_bytes = 8;
    check(&options, HEAD "1,,,12345678\n", HEAD "1,,,12345678\n");
    check(&options, HEAD "1,,,123456789\n",
        "LIMIT orders.csv:2:5: column 'name': a value of 9 bytes is over "
        "max_field_bytes (8)");
    check(&options, HEAD "1,,,\"123456\n\n9\n",
        "LIMIT orders.csv:2:5: column 'name': a value is over max_field_bytes "
        "(8) [is its closing quote missing?]");
    options.schema = NULL;
    options.max_field_bytes = 1;
    check(&options,
        "a\n0123456789012345678901234567890123456789012345678901234567890123\n",
        "LIMIT orders.csv:2:0: the record is over 64 bytes: 64 times "
        "max_field_bytes");
}
END_TEST

START_TEST(a_field_of_ten_megabytes_is_refused)
{
    size_t size = 10 * 1024 * 1024;
    char *text = malloc(size + 64), *printed;
    larder_text_options options = options_of(&orders);

    ck_assert_ptr_nonnull(text);
    strcpy(text, HEAD "1,,,");
    memset(text + strlen(text), 'x', size);
    strcpy(text + strlen(HEAD) + 4 + size, "\n");
    printed = read_all(&options, text, strlen(HEAD) + 5 + size);
    ck_assert_str_eq(printed,
        "LIMIT orders.csv:2:5: column 'name': a value of 10485760 bytes is "
        "over max_field_bytes (1048576)");
    free(printed);
    free(text);
}
END_TEST

/* ---------------------------------------------------------------- verbatim */

static const char *const verbatim_cases[] = {
    "a,b\n1,007\n 1 ,+3.10\n,\"\"\n\"x,y\",\"\"\"\"\n\"\n\",\"\r\n\"\n",
    "a\n1\n\n\"\"\n\n2\n", /* one column: an empty line is a missing value */
    "a,\n1,2\n",           /* a column without a name */
    "event_timestamp,\"k,\"\"\"\n2024-02-30,x\n",
};

START_TEST(without_a_schema_values_keep_their_spelling)
{
    larder_text_options options = options_of(NULL);

    check(&options, verbatim_cases[_i], verbatim_cases[_i]);
}
END_TEST

/* A table of random text, spelt as Larder spells it. */
static void
random_table(uint64_t *seed, char **text, size_t *size)
{
    static const char *const fields[] = {"", "\"\"", "1", "-0.50", " ", "a b",
        "\"a,b\"", "\"\"\"\"", "\"\n\"", "\"\r\n\"", "\"x\ry\"", "\xC3\xA9",
        "\"\xE2\x82\xAC\"\"\"", "2024-03-01", "\xF0\x9F\x98\x80",
        "0123456789012345678901234567890123456789"};
    size_t n_columns = 1 + support_below(seed, 4);
    size_t n_rows = support_below(seed, 40);
    FILE *to = open_memstream(text, size);

    for (size_t i = 0; i < n_columns; i++)
        fprintf(to, "c%zu%c", i, i + 1 == n_columns ? '\n' : ',');
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < n_columns; i++)
            fprintf(to, "%s%c", fields[support_below(seed, 16)],
                i + 1 == n_columns ? '\n' : ',');
    fclose(to);
}

START_TEST(random_tables_come_back_byte_for_byte)
{
    larder_text_options options = options_of(NULL);
    uint64_t seed = 7;

    for (int round = 0; round < 500; round++) {
        size_t size;
        char *text = NULL, *printed;

        random_table(&seed, &text, &size);
        printed = read_all(&options, text, size);
        if (strchr(text, '\n') + 1 == text + size)
            ck_assert_str_eq(printed, ""); /* no rows, so no header either */
        else
            ck_assert_str_eq(printed, text);
        free(printed);
        free(text);
    }
}
END_TEST

START_TEST(many_rows_come_in_batches_of_one_schema)
{
    char *text = NULL;
    size_t size, n_rows = 0, n_batches = 0;
    FILE *file = open_memstream(&text, &size);
    larder_text_options options = options_of(&orders);
    larder_call call = support_call(0);
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_error err = {0};

    fputs(HEAD, file);
    for (int i = 0; i < 20000; i++) /* more than one chunk of the file */
        fprintf(file, "%d,%d.25,2024-03-01T12:00:00Z,%s\n", i, i,
            i % 3 == 0 ? "\"quoted, as it must be\"" : "plain");
    fclose(file);
    file = file_of(text, size);
    ck_assert_int_eq(
        larder_text_read(file, &options, &call, &stream, &err), LARDER_OK);
    for (;;) {
        ck_assert_int_eq(larder_stream_next(&stream, &batch, &err), LARDER_OK);
        if (batch.n_rows == 0)
            break;
        for (size_t i = 0; i < batch.n_rows; i++, n_rows++) {
            larder_value id = larder_column_value(&batch.columns[0], i);
            larder_value name = larder_column_value(&batch.columns[3], i);

            ck_assert_int_eq(id.as.integer, (int64_t)n_rows);
            ck_assert_uint_eq(name.as.text.size, n_rows % 3 == 0 ? 21 : 5);
        }
        n_batches++;
        larder_batch_release(&batch);
    }
    larder_batch_release(&batch);
    ck_assert_uint_eq(n_rows, 20000);
    ck_assert_uint_gt(n_batches, 1);
    larder_stream_close(&stream);
    fclose(file);
    free(text);
}
END_TEST

/* ----------------------------------------------------------------- rejects */

static larder_status
note_reject(void *context, const larder_reject *reject, larder_error *err)
{
    (void)err;
    fprintf(context, "%s:%u [%s] %s | %.*s | %.*s\n", reject->file,
        (unsigned)reject->line, reject->column == NULL ? "" : reject->column,
        reject->message, (int)reject->record.size,
        (const char *)reject->record.data, (int)reject->header.size,
        (const char *)reject->header.data);
    return LARDER_OK;
}

START_TEST(rejected_records_are_told_and_reading_goes_on)
{
    static const char text[] = HEAD "1,,,a\n"
                                    "x,,,b\r\n"
                                    "2,,,\"c\n"
                                    "3,,,d\n"
                                    "4,y,,\"e\nf\"\n"
                                    "5,,\n"
                                    "6,,,g\"\n"
                                    "7,,,\"h";
    larder_text_options options = options_of(&orders);
    char *told = NULL, *printed;
    size_t n_told;
    FILE *to = open_memstream(&told, &n_told);

    options.reject = note_reject;
    options.context = to;
    printed = read_all(&options, text, strlen(text));
    fclose(to);
    ck_assert_str_eq(printed, HEAD "1,,,a\n3,,,d\n");
    ck_assert_str_eq(told,
        "orders.csv:3 [id] column 'id': 'x' is not an int64 | x,,,b | "
        "id,delay,at,name\n"
        "orders.csv:4 [name] column 'name': text after the closing quote | "
        "2,,,\"c | id,delay,at,name\n"
        "orders.csv:6 [delay] column 'delay': 'y' is not a float64 | "
        "4,y,,\"e\nf\" | id,delay,at,name\n"
        "orders.csv:8 [] the record has 3 fields where the header has 4 | "
        "5,, | id,delay,at,name\n"
        "orders.csv:9 [name] column 'name': a quote inside a value that is not "
        "in quotes | 6,,,g\" | id,delay,at,name\n"
        "orders.csv:10 [name] column 'name': the quote that opens the value is "
        "never closed | 7,,,\"h | id,delay,at,name\n");
    free(printed);
    free(told);
}
END_TEST

START_TEST(a_quote_never_closed_costs_one_line_of_a_large_file)
{
    char *text = NULL, *told = NULL, *printed;
    size_t size, n_told, n_lines = 0;
    FILE *file = open_memstream(&text, &size);
    FILE *to = open_memstream(&told, &n_told);
    larder_text_options options = options_of(&orders);

    fputs(HEAD "0,,,\"open\n", file);
    for (int i = 0; i < 60000; i++) /* more than a field may hold */
        fprintf(file, "%d,0.5,2024-03-01T12:00:00Z,a\n", i);
    fclose(file);
    options.reject = note_reject;
    options.context = to;
    printed = read_all(&options, text, size);
    fclose(to);
    for (const char *at = printed; (at = strchr(at, '\n')) != NULL; at++)
        n_lines++;
    ck_assert_uint_eq(n_lines, 60001);
    ck_assert_str_eq(told,
        "orders.csv:2 [name] column 'name': a value is over max_field_bytes "
        "(1048576) | 0,,,\"open | id,delay,at,name\n");
    free(printed);
    free(told);
    free(text);
}
END_TEST

static larder_status
refuse_reject(void *context, const larder_reject *reject, larder_error *err)
{
    (void)context;
    (void)reject;
    return larder_fail(err, LARDER_LIMIT, "too many rejects");
}

START_TEST(a_reject_that_is_not_taken_ends_the_stream)
{
    larder_text_options options = options_of(&orders);

    options.reject = refuse_reject;
    check(&options, HEAD "x,,,\n", "LIMIT :0:0: too many rejects");
}
END_TEST

START_TEST(a_failure_is_told_again)
{
    larder_text_options options = options_of(&orders);
    larder_call call = support_call(0);
    FILE *file = file_of(HEAD "x,,,\n1,,,\n", strlen(HEAD) + 10);
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_error first = {0}, second = {0};

    ck_assert_int_eq(
        larder_text_read(file, &options, &call, &stream, &first), LARDER_OK);
    ck_assert_int_eq(
        larder_stream_next(&stream, &batch, &first), LARDER_INVALID);
    ck_assert_int_eq(
        larder_stream_next(&stream, &batch, &second), LARDER_INVALID);
    ck_assert_str_eq(second.message, first.message);
    ck_assert_ptr_null(batch.columns); /* untouched */
    larder_stream_close(&stream);
    fclose(file);
}
END_TEST

/* ------------------------------------------------------------------ the call
 */

static void
note_progress(void *context, const larder_progress *progress)
{
    ck_assert_str_eq(progress->what, "reading orders.csv");
    ck_assert_uint_eq(progress->total, strlen(HEAD));
    *(uint64_t *)context = progress->done;
}

START_TEST(progress_is_told_and_a_wish_to_stop_heard)
{
    larder_text_options options = options_of(&orders);
    volatile int cancel = 1;
    uint64_t done = 0;
    larder_call call = {.progress = note_progress, .context = &done};
    FILE *file = file_of(HEAD, strlen(HEAD));
    larder_stream stream = {0};

    ck_assert_int_eq(
        larder_text_read(file, &options, &call, &stream, NULL), LARDER_OK);
    ck_assert_uint_eq(done, strlen(HEAD));
    larder_stream_close(&stream);
    call.cancel = &cancel;
    rewind(file);
    ck_assert_int_eq(larder_text_read(file, &options, &call, &stream, NULL),
        LARDER_INTERRUPTED);
    ck_assert_ptr_null(stream.state);
    fclose(file);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_gives_the_reason)
{
    larder_text_options options = options_of(&orders);
    larder_call call = support_call(0);
    FILE *file = fopen("/", "rb");
    larder_stream stream = {0};
    larder_error err = {0};

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(
        larder_text_read(file, &options, &call, &stream, &err), LARDER_IO);
    ck_assert_str_eq(err.message, "orders.csv: cannot read: Is a directory");
    fclose(file);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    FILE *file = fopen("/dev/full", "wb");
    larder_batch batch = {0};
    larder_error err = {0};

    ck_assert_ptr_nonnull(file);
    setvbuf(file, NULL, _IONBF, 0);
    ck_assert_int_eq(larder_batch_init(&batch, &orders, NULL), LARDER_OK);
    ck_assert_int_eq(
        larder_text_write(file, LARDER_CSV, &batch, 0, LARDER_CSV, true, &err),
        LARDER_IO);
    ck_assert_str_eq(err.message, "cannot write: No space left on device");
    larder_batch_release(&batch);
    fclose(file);
}
END_TEST

START_TEST(an_unknown_format_is_refused)
{
    larder_text_options options = options_of(NULL);
    larder_call call = support_call(0);
    larder_stream stream = {0};
    larder_batch batch = {0};
    larder_error err = {0};

    options.format = (larder_format)7;
    ck_assert_int_eq(larder_text_read(stdin, &options, &call, &stream, &err),
        LARDER_INVALID);
    ck_assert_str_eq(
        err.message, "7 is not a format of text: CSV or JSON lines");
    ck_assert_int_eq(larder_text_write(stdout, (larder_format)7, &batch, 0,
                         LARDER_CSV, true, &err),
        LARDER_INVALID);
}
END_TEST

static Suite *
csv_suite(void)
{
    Suite *suite = suite_create("csv");
    TCase *tests = tcase_create("csv");

    tcase_add_loop_test(tests, typed_columns_are_read_by_name, 0,
        (int)(sizeof typed_cases / sizeof *typed_cases));
    tcase_add_loop_test(tests, a_fault_names_file_line_column_and_value, 0,
        (int)(sizeof refused_cases / sizeof *refused_cases));
    tcase_add_test(tests, a_nul_is_refused_where_it_stands);
    tcase_add_test(tests, a_naive_time_is_refused_or_read_as_the_offset_says);
    tcase_add_test(tests, extra_columns_are_ignored_when_asked);
    tcase_add_test(
        tests, a_field_over_the_limit_is_refused_by_the_name_of_the_limit);
    tcase_add_test(tests, a_field_of_ten_megabytes_is_refused);
    tcase_add_loop_test(tests, without_a_schema_values_keep_their_spelling, 0,
        (int)(sizeof verbatim_cases / sizeof *verbatim_cases));
    tcase_add_test(tests, random_tables_come_back_byte_for_byte);
    tcase_add_test(tests, many_rows_come_in_batches_of_one_schema);
    tcase_add_test(tests, rejected_records_are_told_and_reading_goes_on);
    tcase_add_test(tests, a_quote_never_closed_costs_one_line_of_a_large_file);
    tcase_add_test(tests, a_reject_that_is_not_taken_ends_the_stream);
    tcase_add_test(tests, a_failure_is_told_again);
    tcase_add_test(tests, progress_is_told_and_a_wish_to_stop_heard);
    tcase_add_test(tests, a_file_that_cannot_be_read_gives_the_reason);
    tcase_add_test(tests, a_full_disk_is_told);
    tcase_add_test(tests, an_unknown_format_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}

int
main(void)
{
    return support_run(csv_suite());
}
