/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_stats.c - what the columns of a feature view, or of a file, hold.
 */
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "jsonout.h"
#include "print.h"
#include "speak.h"

#define TOP_SHOWN 3u
#define CELL 256u

/* Which rows were read, for the answer. */
struct asked {
    const char *view, *file;
    bool online;
};

/* Text of a value, in the run's arena. NULL: no memory. */
static char *
value_text(struct run *run, const larder_value *value)
{
    size_t size = larder_value_print(value, NULL, 0);
    char *text = ldr_arena_alloc(&run->arena, size + 1);

    if (text != NULL)
        (void)larder_value_print(value, text, size);
    return text;
}

/* -------------------------------------------------------------------- JSON */

/* A cell that holds JSON. */
struct token {
    FILE *file;
    char *text;
    size_t size;
};

static void
no_memory(struct sheet *sheet)
{
    sheet->rc =
        larder_fail(&sheet->error, LARDER_NOMEM, "no memory for statistics");
}

static bool
token_begin(struct sheet *sheet, struct token *token)
{
    *token = (struct token){0};
    token->file = open_memstream(&token->text, &token->size);
    if (token->file == NULL)
        no_memory(sheet);
    return token->file != NULL;
}

static void
token_end(struct sheet *sheet, struct token *token)
{
    if (fclose(token->file) != 0)
        no_memory(sheet);
    else
        sheet_text(sheet, token->text);
    free(token->text);
}

static void
value_token(struct sheet *sheet, const larder_value *value)
{
    struct token token;

    if (value->null || !token_begin(sheet, &token)) {
        sheet_null(sheet);
        return;
    }
    jsonout_value(token.file, value);
    token_end(sheet, &token);
}

static void
real_token(struct sheet *sheet, bool there, double real)
{
    value_token(
        sheet, &(larder_value){
                   .type = LARDER_FLOAT64, .null = !there, .as.real = real});
}

static void
count_token(struct sheet *sheet, bool there, uint64_t count)
{
    value_token(sheet, &(larder_value){.type = LARDER_INT64,
                           .null = !there,
                           .as.integer = (int64_t)count});
}

static void
text_token(struct sheet *sheet, const char *text)
{
    value_token(sheet, &(larder_value){.type = LARDER_STRING,
                           .as.text = {text, strlen(text)}});
}

static void
top_token(struct sheet *sheet, const larder_statistic *s)
{
    struct token token;

    if (s->n_top == 0 || !token_begin(sheet, &token)) {
        sheet_null(sheet);
        return;
    }
    for (size_t i = 0; i < s->n_top; i++) {
        fputs(i == 0 ? "[{\"value\": " : ", {\"value\": ", token.file);
        jsonout_value(token.file, &s->top[i].value);
        fprintf(token.file, ", \"count\": %llu}",
            (unsigned long long)s->top[i].count);
    }
    fputc(']', token.file);
    token_end(sheet, &token);
}

static void
bins_token(struct sheet *sheet, const larder_statistic *s)
{
    struct token token;

    if (s->n_bins == 0 || !token_begin(sheet, &token)) {
        sheet_null(sheet);
        return;
    }
    for (size_t i = 0; i < s->n_bins; i++) {
        fputs(i == 0 ? "[{\"from\": " : ", {\"from\": ", token.file);
        jsonout_value(token.file, &s->bins[i].from);
        fputs(", \"to\": ", token.file);
        jsonout_value(token.file, &s->bins[i].to);
        fprintf(token.file, ", \"count\": %llu}",
            (unsigned long long)s->bins[i].count);
    }
    fputc(']', token.file);
    token_end(sheet, &token);
}

static void
add_tokens(struct sheet *sheet, const larder_statistic *s, bool online)
{
    bool places = !s->p50.null;

    text_token(sheet, s->name);
    text_token(sheet, larder_type_name(s->type));
    count_token(sheet, true, s->count);
    count_token(sheet, true, s->nulls);
    count_token(sheet, online, s->expired);
    count_token(sheet, true, s->nan);
    count_token(sheet, true, s->above);
    count_token(sheet, true, s->below);
    value_token(sheet, &s->min);
    value_token(sheet, &s->max);
    real_token(sheet, s->has_mean, s->mean);
    real_token(sheet, s->has_mean, s->stddev);
    value_token(sheet, &s->p50);
    value_token(sheet, &s->p95);
    value_token(sheet, &s->p99);
    real_token(sheet, places, s->quantile_error);
    count_token(sheet, s->has_distinct, s->distinct);
    real_token(sheet, s->has_distinct, s->distinct_error);
    count_token(sheet, s->has_lengths, s->min_length);
    count_token(sheet, s->has_lengths, s->max_length);
    real_token(sheet, s->has_lengths, s->mean_length);
    top_token(sheet, s);
    bins_token(sheet, s);
}

static json_t *
time_json(larder_time time)
{
    char text[33];

    if (time == LARDER_TIME_MIN)
        return json_null();
    (void)larder_time_print(time, text);
    return json_string(text);
}

static larder_status
print_json(struct run *run, const struct asked *asked,
    const larder_stats *stats, larder_error *err)
{
    static const char *const names[] = {"name", "type", "count", "nulls",
        "expired", "nan", "above", "below", "min", "max", "mean", "stddev",
        "p50", "p95", "p99", "quantile_error", "distinct", "distinct_error",
        "min_length", "max_length", "mean_length", "top", "histogram"};
    enum { N = sizeof names / sizeof *names };
    static const struct listing listing = {.name = "features", .n_tokens = N};
    larder_field fields[N];
    struct sheet sheet;
    json_t *facts = json_pack("{s:s*, s:s*, s:s*, s:I, s:o, s:o, s:f}", "view",
        stats->view, "of",
        asked->file != NULL ? NULL
        : asked->online     ? "online"
                            : "history",
        "file", asked->file, "rows", (json_int_t)stats->rows, "oldest",
        time_json(stats->oldest), "newest", time_json(stats->newest), "seconds",
        run_seconds(run));

    for (size_t i = 0; i < N; i++)
        fields[i] = (larder_field){names[i], LARDER_STRING};
    sheet_begin(&sheet, fields, N);
    for (size_t i = 0; i < stats->n_columns; i++)
        add_tokens(&sheet, &stats->columns[i], asked->online);
    return sheet_print(&sheet, run, &listing, facts, err);
}

/* ------------------------------------------------------------------- tables */

static void
cell_of(struct sheet *sheet, struct run *run, const larder_value *value)
{
    sheet_text(sheet, value->null ? NULL : value_text(run, value));
}

/* A count that concerns few columns: a table does not show 0. */
static void
rare(struct sheet *sheet, struct run *run, uint64_t count)
{
    if (count == 0 && run->output == OUTPUT_TABLE)
        sheet_null(sheet);
    else
        sheet_number(sheet, count);
}

static void
real_cell(struct sheet *sheet, bool there, double value)
{
    if (there)
        sheet_real(sheet, value);
    else
        sheet_null(sheet);
}

/* "oslo: 12, rome: 7" */
static void
top_cell(struct sheet *sheet, struct run *run, const larder_statistic *s)
{
    char text[CELL] = "";
    size_t used = 0;

    for (size_t i = 0; i < s->n_top && i < TOP_SHOWN; i++) {
        const char *value = value_text(run, &s->top[i].value);
        int n = snprintf(text + used, sizeof text - used, "%s%s: %llu",
            i > 0 ? ", " : "", value == NULL ? "" : value,
            (unsigned long long)s->top[i].count);

        if (n < 0 || (size_t)n >= sizeof text - used) {
            text[used] = '\0';
            break; /* long values are in -o json */
        }
        used += (size_t)n;
    }
    sheet_text(sheet, used == 0 ? NULL : text);
}

static void
add_row(struct sheet *sheet, struct run *run, const larder_statistic *s)
{
    sheet_text(sheet, s->name);
    sheet_text(sheet, larder_type_name(s->type));
    sheet_number(sheet, s->count);
    sheet_number(sheet, s->nulls);
    rare(sheet, run, s->expired);
    rare(sheet, run, s->nan);
    rare(sheet, run, s->above);
    rare(sheet, run, s->below);
    cell_of(sheet, run, &s->min);
    cell_of(sheet, run, &s->p50);
    cell_of(sheet, run, &s->p95);
    cell_of(sheet, run, &s->p99);
    cell_of(sheet, run, &s->max);
    real_cell(sheet, s->has_mean, s->mean);
    real_cell(sheet, s->has_mean, s->stddev);
    if (s->has_distinct)
        sheet_number(sheet, s->distinct);
    else
        sheet_null(sheet);
    real_cell(sheet, s->has_lengths, s->mean_length);
    top_cell(sheet, run, s);
}

static larder_status
print_rows(struct run *run, const larder_stats *stats, larder_error *err)
{
    static const larder_field fields[] = {{"name", LARDER_STRING},
        {"type", LARDER_STRING}, {"count", LARDER_INT64},
        {"nulls", LARDER_INT64}, {"expired", LARDER_INT64},
        {"nan", LARDER_INT64}, {"above", LARDER_INT64}, {"below", LARDER_INT64},
        {"min", LARDER_STRING}, {"p50", LARDER_STRING}, {"p95", LARDER_STRING},
        {"p99", LARDER_STRING}, {"max", LARDER_STRING},
        {"mean", LARDER_FLOAT64}, {"stddev", LARDER_FLOAT64},
        {"distinct", LARDER_INT64}, {"mean_length", LARDER_FLOAT64},
        {"top", LARDER_STRING}};
    static const struct listing listing = {
        .name = "features", .hide_empty = true};
    struct sheet sheet;

    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < stats->n_columns; i++)
        add_row(&sheet, run, &stats->columns[i]);
    return sheet_print(&sheet, run, &listing, NULL, err);
}

/* --------------------------------------------------------------------- words
 */

/* What of it is not exact, and what there was not. */
static void
say(struct run *run, const struct asked *asked, const larder_stats *stats)
{
    bool numbers = false, times = false, distinct = false;

    for (size_t i = 0; i < stats->n_columns; i++) {
        const larder_statistic *s = &stats->columns[i];

        distinct = distinct || s->distinct_error > 0;
        if (s->quantile_error > 0 && s->type == LARDER_TIMESTAMP)
            times = true;
        else if (s->quantile_error > 0)
            numbers = true;
    }
    if (stats->rows == 0)
        speak_warning(run, "there is no row: %s %s",
            asked->file != NULL ? asked->file : stats->view,
            asked->file != NULL ? "holds none"
            : asked->online     ? "has none online"
                                : "has none in this range of history");
    if (run->output != OUTPUT_TABLE)
        return;
    if (distinct)
        speak_note(run, "more than 4096 distinct values are estimated, with a "
                        "standard error of 0.8 %%");
    if (numbers)
        speak_note(run, "their quantiles are right to 0.4 %% of the number");
    if (times)
        speak_note(
            run, "quantiles of times are right to 1/4096 of their range");
}

/* ----------------------------------------------------------------- reading */

static larder_status
of_file(struct run *run, const struct asked *asked, larder_stats *out,
    larder_error *err)
{
    larder_text_options options = {0};
    struct input input = {0};
    larder_schema schema;
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(run_offset(run, &options.naive_offset_minutes, err));
    LARDER_TRY(input_open(run, asked->file, &input, err));
    options.name = input.name;
    options.format = input.format;
    LARDER_TRY(
        guess_schema(run, &input, options.naive_offset_minutes, &schema, err));
    options.schema = &schema;
    LARDER_TRY(larder_text_read(input.file, &options, &run->call, &rows, err));
    rc = larder_stats_of_stream(&rows, &run->call, out, err);
out:
    larder_stream_close(&rows);
    input_close(&input);
    return rc;
}

static larder_status
of_view(struct run *run, const struct asked *asked, larder_stats *out,
    larder_error *err)
{
    const struct argument *from = argument_of(&run->arguments, "from");
    const struct argument *to = argument_of(&run->arguments, "to");
    larder_stats_options options = {.view = asked->view,
        .online = asked->online,
        .range = from->n > 0 || to->n > 0,
        .from = from->n > 0 ? from->time : LARDER_TIME_MIN,
        .to = to->n > 0 ? to->time : LARDER_TIME_MAX};
    larder_store *store;
    larder_status rc;

    if (options.online && options.range)
        return run_usage(run, err,
            "--from and --to choose rows of history: --online takes neither");
    if (options.from > options.to)
        return run_usage(run, err, "--to is before --from");
    LARDER_TRY(run_store(run, &store, err));
    rc = larder_stats_of_view(store, &run->call, &options, out, err);
out:
    return rc;
}

static larder_status
check(struct run *run, const struct asked *asked, larder_error *err)
{
    const struct arguments *given = &run->arguments;

    if ((asked->view != NULL) == (asked->file != NULL))
        return run_usage(run, err,
            "statistics of what? A feature view, or --file FILE: one of these");
    if (asked->file == NULL && (argument_text(given, "timezone") != NULL ||
                                   argument_text(given, "format") != NULL))
        return run_usage(
            run, err, "--timezone and --format say how a FILE is read");
    if (asked->file != NULL &&
        (asked->online || argument_of(given, "from")->n > 0 ||
            argument_of(given, "to")->n > 0))
        return run_usage(run, err,
            "--file reads all of a file: it takes no --online, --from or --to");
    return LARDER_OK;
}

static larder_status
run_stats(struct run *run, larder_error *err)
{
    struct asked asked = {.view = argument_text(&run->arguments, "view"),
        .file = argument_text(&run->arguments, "file"),
        .online = argument_flag(&run->arguments, "online")};
    larder_stats stats = {0};
    larder_status rc;

    LARDER_TRY(check(run, &asked, err));
    if (asked.file != NULL)
        LARDER_TRY(of_file(run, &asked, &stats, err));
    else
        LARDER_TRY(of_view(run, &asked, &stats, err));
    if (run->output == OUTPUT_JSON)
        rc = print_json(run, &asked, &stats, err);
    else
        rc = print_rows(run, &stats, err);
    if (rc == LARDER_OK)
        say(run, &asked, &stats);
out:
    larder_stats_release(&stats);
    return rc;
}

const struct operation op_stats = {.name = "stats",
    .group = GROUP_LOOK,
    .help = "what the features of a view, or the columns of a file, hold",
    .long_help =
        "Reads all rows once: the view's history, with --online what a read of "
        "every entity gives now, or a FILE (CSV with a header, or JSON lines), "
        "whose types are those that every value has.\n"
        "\n"
        "Of history it is the columns that are read: of a windowed feature "
        "what "
        "it aggregates. Mean and standard deviation (the population's) are "
        "exact sums of the finite numbers, rounded once; NaN, infinities "
        "(above, below) and nulls are counted apart. A quantile is the least "
        "value that so many do not exceed. With at most 4096 distinct values "
        "all is exact; with more, quantiles of numbers are right to 0.4 % of "
        "the number, those of times to 1/4096 of their range, and the distinct "
        "values are estimated with a standard error of 0.8 %. -o json has the "
        "top values and a histogram besides.\n"
        "\n"
        "Where there is no row that is said, and the exit code is 0: "
        "statistics judge nothing.",
    .params = (const struct param[]){{.name = "view",
                                         .type = PARAM_TEXT,
                                         .positional = true,
                                         .value = "VIEW",
                                         .help = "a feature view"},
        {.name = "online",
            .type = PARAM_FLAG,
            .help = "of the online store, not of history"},
        {.name = "from",
            .type = PARAM_TIME,
            .value = "TIME",
            .help = "only events from here on"},
        {.name = "to",
            .type = PARAM_TIME,
            .value = "TIME",
            .help = "only events up to here, included"},
        {.name = "file",
            .type = PARAM_FILE,
            .value = "FILE",
            .help = "of the rows of a file"},
        PARAM_TIMEZONE, PARAM_FORMAT("FILE"), {0}},
    .run = run_stats};
