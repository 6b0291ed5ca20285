/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speak.c - faults, notes and progress on standard error.
 */
#include "speak.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "base/words.h"
#include "jsonout.h"

#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"
#define ERASE "\r\033[K"
#define LINE_MAX_SHOWN 500

static const char *
paint(const struct run *run, const char *color)
{
    return run->color ? color : "";
}

void
speak_clear(struct run *run)
{
    if (run->served)
        return;
    if (!run->progress_shown)
        return;
    run->progress_shown = false;
    fputs(ERASE, stderr);
    fflush(stderr);
}

/* Below the working directory a path is shown from there. */
static const char *
shorten(const char *path)
{
    char here[1024];
    size_t n;

    if (path[0] != '/' || getcwd(here, sizeof here) == NULL)
        return path;
    n = strlen(here);
    if (n > 1 && strncmp(path, here, n) == 0 && path[n] == '/')
        return path + n + 1;
    return path;
}

/* Under the line, a caret below its column, which counts characters. */
static void
show_line(const struct run *run, const char *text, unsigned column)
{
    size_t size = strlen(text), at = 0;

    if (size > LINE_MAX_SHOWN)
        return;
    fprintf(stderr, "    ");
    for (size_t i = 0; i < size; i++)
        fputc((unsigned char)text[i] < ' ' && text[i] != '\t' ? '?' : text[i],
            stderr);
    fputc('\n', stderr);
    if (column == 0)
        return;
    fprintf(stderr, "    ");
    for (unsigned c = 1; c < column && at < size; c++) {
        size_t step = ldr_words_character(text + at, size - at);

        fputc(text[at] == '\t' ? '\t' : ' ', stderr);
        at += step == 0 ? 1 : step;
    }
    fprintf(stderr, "%s^%s\n", paint(run, BOLD), paint(run, PLAIN));
}

static void
show_fault(struct run *run, const larder_diagnostic *d)
{
    if (d->file != NULL && d->file[0] != '\0') {
        fprintf(stderr, "%s%s", paint(run, BOLD), shorten(d->file));
        if (d->line != 0)
            fprintf(stderr, ":%u", d->line);
        if (d->line != 0 && d->column != 0)
            fprintf(stderr, ":%u", d->column);
        fprintf(stderr, ":%s ", paint(run, PLAIN));
    }
    fprintf(stderr, "%s%s:%s %s\n", paint(run, d->warning ? YELLOW : RED),
        d->warning ? "warning" : "error", paint(run, PLAIN), d->message);
    if (d->text != NULL && d->line != 0)
        show_line(run, d->text, d->column);
    if (d->hint != NULL && d->hint[0] != '\0')
        fprintf(stderr, "  hint: %s\n", d->hint);
}

static void
remember(struct run *run, const larder_diagnostic *d)
{
    struct told *told = &run->told;
    larder_error *first = &told->first;

    if (d->warning) {
        told->n_warnings++;
    } else if (told->n_errors++ == 0) {
        snprintf(first->message, sizeof first->message, "%s", d->message);
        snprintf(first->file, sizeof first->file, "%s",
            d->file == NULL ? "" : d->file);
        first->line = d->line;
        first->column = d->column;
    }
}

static void
add_place(json_t *fault, unsigned line, unsigned column)
{
    if (line != 0)
        json_object_set_new(fault, "line", json_integer(line));
    if (column != 0)
        json_object_set_new(fault, "column", json_integer(column));
}

void
speak_diagnostic(void *context, const larder_diagnostic *d)
{
    struct run *run = context;
    json_t *fault;

    remember(run, d);
    if (d->warning && run->quiet)
        return;
    if (run->output != OUTPUT_JSON) {
        speak_clear(run);
        show_fault(run, d);
        return;
    }
    fault = json_pack("{s:s, s:s, s:s*, s:s*}", "severity",
        d->warning ? "warning" : "error", "message", d->message, "file",
        d->file == NULL ? NULL : shorten(d->file), "hint", d->hint);
    add_place(fault, d->line, d->column);
    json_array_append_new(run_faults(run), fault);
}

/* "1,234,567" */
static void
print_grouped(uint64_t number, char out[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *at = out;

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
}

void
speak_progress(void *context, const larder_progress *progress)
{
    struct run *run = context;
    int64_t moment = run->call.monotonic();
    char done[32];

    /* What is over in half a second needs no line; ten a second are enough. */
    if (moment - run->started < LDR_SECOND / 2 ||
        moment - run->progress_at < LDR_SECOND / 10)
        return;
    run->progress_at = moment;
    run->progress_shown = true;
    print_grouped(progress->done, done);
    fprintf(stderr, ERASE "%s  %s", progress->what, done);
    if (progress->total != 0)
        fprintf(stderr, "  %u%%",
            (unsigned)(100.0 * (double)progress->done /
                       (double)progress->total));
    fflush(stderr);
}

void
speak_log(void *context, const char *event, const char *fields)
{
    speak_clear(context);
    fprintf(stderr, "%s %s\n", event, fields);
}

static LARDER_PRINTF(3, 0) void say(
    struct run *run, const char *before, const char *format, va_list arguments)
{
    speak_clear(run);
    fflush(stdout);
    fputs(before, stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void
speak_note(struct run *run, const char *format, ...)
{
    va_list arguments;

    if (run->served)
        return;
    if (run->quiet)
        return;
    va_start(arguments, format);
    say(run, "", format, arguments);
    va_end(arguments);
}

void
speak_warning(struct run *run, const char *format, ...)
{
    char before[32];
    va_list arguments;

    if (run->served)
        return;
    if (run->quiet)
        return;
    snprintf(before, sizeof before, "%swarning:%s ", paint(run, YELLOW),
        paint(run, PLAIN));
    va_start(arguments, format);
    say(run, before, format, arguments);
    va_end(arguments);
}

/* {"error": {...}}, with the faults told before it. */
static void
error_as_json(struct run *run, const larder_error *error)
{
    json_t *inner = json_pack("{s:s, s:s}", "code",
        run->usage ? "USAGE" : larder_status_name(error->status), "message",
        error->message);
    json_t *outer = json_object();

    if (error->file[0] != '\0')
        json_object_set_new(inner, "file", json_string(shorten(error->file)));
    add_place(inner, error->line, error->column);
    if (error->hint[0] != '\0')
        json_object_set_new(inner, "hint", json_string(error->hint));
    if (run->told.faults != NULL)
        json_object_set(inner, "faults", run->told.faults);
    json_object_set_new(outer, "error", inner);
    jsonout_document(stderr, outer);
    json_decref(outer);
}

/* The line of a file that an error speaks of, as far as it can be read. */
static const char *
read_line(const larder_error *error, char *line, size_t room)
{
    struct stat facts;
    FILE *file;
    unsigned at = 1;
    size_t size = 0;
    int c = EOF;

    if (error->line == 0 || error->file[0] == '\0' ||
        strcmp(error->file, "-") == 0)
        return NULL;
    /* A pipe was read once and would be waited for. */
    if (stat(error->file, &facts) != 0 || !S_ISREG(facts.st_mode))
        return NULL;
    file = fopen(error->file, "r");
    if (file == NULL)
        return NULL;
    while (at < error->line && (c = fgetc(file)) != EOF)
        at += c == '\n';
    while (at == error->line && size + 1 < room && (c = fgetc(file)) != EOF &&
           c != '\n' && c != '\0')
        line[size++] = (char)c;
    fclose(file);
    if (size > 0 && line[size - 1] == '\r')
        size--;
    line[size] = '\0';
    return size > 0 && size + 1 < room ? line : NULL;
}

/* Whether this error was told already, as the first of the faults. */
static bool
was_told(const struct run *run, const larder_error *error)
{
    const larder_error *first = &run->told.first;

    return run->told.n_errors > 0 && error->line == first->line &&
           error->column == first->column &&
           strcmp(error->file, first->file) == 0 &&
           strstr(error->message, first->message) != NULL;
}

void
speak_error(struct run *run, const larder_error *error)
{
    char line[LINE_MAX_SHOWN + 1];
    larder_diagnostic d = {.file = error->file,
        .line = error->line,
        .column = error->column,
        .message = error->message,
        .hint = error->hint};

    if (run->served)
        return;
    speak_clear(run);
    fflush(stdout); /* what was printed before comes first */
    if (run->output == OUTPUT_JSON) {
        error_as_json(run, error);
        return;
    }
    if (was_told(run, error)) {
        fprintf(stderr, "%zu error%s", run->told.n_errors,
            run->told.n_errors == 1 ? "" : "s");
        if (run->told.n_warnings > 0)
            fprintf(stderr, ", %zu warning%s", run->told.n_warnings,
                run->told.n_warnings == 1 ? "" : "s");
        fputc('\n', stderr);
        return;
    }
    d.text = read_line(error, line, sizeof line);
    show_fault(run, &d);
    if (run->usage)
        fprintf(stderr, "  'larder help%s%s' tells more\n",
            run->operation == NULL ? "" : " ",
            run->operation == NULL ? "" : run->operation->name);
}
