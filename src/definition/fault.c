/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.c - faults of a file, told with their place and line (see yaml.h).
 *
 * A hundred errors and a hundred warnings are told; one more says that there
 * are others. All are counted.
 */
#include "base/words.h"
#include "definition/yaml.h"
#include "larder_backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FAULTS_TOLD 100u
#define LINE_ROOM 1024

/* The length of the line break at `text`: what the parser counts as one. */
static size_t
break_length(const char *text)
{
    if (text[0] == '\r' && text[1] == '\n')
        return 2;
    if (text[0] == '\n' || text[0] == '\r')
        return 1;
    if (strncmp(text, "\xC2\x85", 2) == 0)
        return 2;
    if (strncmp(text, "\xE2\x80\xA8", 3) == 0 ||
        strncmp(text, "\xE2\x80\xA9", 3) == 0)
        return 3;
    return 0;
}

/* Line `line` of a text, from 1; NULL when there is none. */
static const char *
find_line(const char *text, unsigned line)
{
    const char *at = text;

    if (at == NULL || line == 0)
        return NULL;
    for (unsigned n = 1; n < line; at += break_length(at)) {
        while (*at != '\0' && break_length(at) == 0)
            at++;
        if (*at == '\0')
            return NULL;
        n++;
    }
    return at;
}

static size_t
line_length(const char *line)
{
    size_t size = 0;

    while (line[size] != '\0' && break_length(line + size) == 0)
        size++;
    return size;
}

/* The line of a place, without its end; NULL when the text is not kept or the
 * line is too long to show up to its column. */
static const char *
cut_line(const ldr_place *place, char line[LINE_ROOM])
{
    const char *at = find_line(place->text, place->line);
    size_t size, cut;

    if (at == NULL)
        return NULL;
    size = line_length(at);
    cut = ldr_words_cut(at, size, LINE_ROOM - 1);
    if (cut < size && place->column > cut / 4)
        return NULL;
    memcpy(line, at, cut);
    line[cut] = '\0';
    return line;
}

/* Words as one line; `error` keeps them, whole or shortened. */
static LARDER_PRINTF(2, 0) void say(
    larder_error *error, const char *format, va_list arguments)
{
    char words[1024];

    if (vsnprintf(words, sizeof words, format, arguments) < 0)
        snprintf(words, sizeof words, "%s", format);
    (void)larder_fail(error, LARDER_INVALID, "%s", words);
}

/* Hand one to the callback, if there is one. */
static void
tell(const ldr_faults *faults, bool warning, const ldr_place *place,
    const char *message, const char *hint)
{
    const larder_call *call = faults->call;
    char line[LINE_ROOM], words[LINE_ROOM];
    larder_diagnostic diagnostic = {.warning = warning, .message = message};

    if (call == NULL || call->diagnostic == NULL)
        return;
    if (place != NULL) {
        diagnostic.file = place->file;
        diagnostic.line = place->line;
        diagnostic.column = place->column;
        diagnostic.text = cut_line(place, line);
    }
    if (hint != NULL) {
        ldr_words_line(words, sizeof words, hint);
        diagnostic.hint = words;
    }
    call->diagnostic(call->context, &diagnostic);
}

/* One of n: told, or the word that there are more, or silence. */
static void
tell_nth(const ldr_faults *faults, size_t nth, bool warning,
    const ldr_place *place, const char *message, const char *hint)
{
    if (nth <= FAULTS_TOLD)
        tell(faults, warning, place, message, hint);
    else if (nth == FAULTS_TOLD + 1)
        tell(faults, warning, NULL,
            warning ? "more warnings not shown" : "more faults not shown",
            NULL);
}

void
ldr_fault(ldr_faults *faults, const ldr_place *place, const char *hint,
    const char *format, ...)
{
    larder_error error;
    va_list arguments;

    va_start(arguments, format);
    say(&error, format, arguments);
    va_end(arguments);
    faults->n_errors++;
    if (faults->n_errors == 1) {
        faults->first = error;
        if (hint != NULL)
            larder_hint(&faults->first, "%s", hint);
        if (place != NULL) {
            snprintf(faults->first.file, sizeof faults->first.file, "%s",
                place->file != NULL ? place->file : "");
            faults->first.line = place->line;
            faults->first.column = place->column;
        }
    }
    tell_nth(faults, faults->n_errors, false, place, error.message, hint);
}

void
ldr_warning(ldr_faults *faults, const ldr_place *place, const char *hint,
    const char *format, ...)
{
    larder_error error;
    va_list arguments;

    va_start(arguments, format);
    say(&error, format, arguments);
    va_end(arguments);
    faults->n_warnings++;
    tell_nth(faults, faults->n_warnings, true, place, error.message, hint);
}

/* ----------------------------------------------------------- inside scalars */

static bool
begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0u) != 0x80u;
}

static unsigned
count_characters(const char *text, size_t size)
{
    unsigned n = 0;

    for (size_t i = 0; i < size; i++)
        n += begins_character(text[i]);
    return n;
}

/* The bytes of an escape in double quotes, and of what it stands for. */
static size_t
escape_length(const char *escape, size_t *stands_for)
{
    static const char kinds[] = "xuU";
    const char *kind = strchr(kinds, escape[1]);
    size_t n_digits;
    unsigned long code = 0;

    *stands_for = 1;
    if (escape[1] == '\0')
        return 1;
    if (strchr("N_", escape[1]) != NULL)
        *stands_for = 2;
    if (strchr("LP", escape[1]) != NULL)
        *stands_for = 3;
    if (kind == NULL)
        return 2;
    n_digits = (size_t)2 << (kind - kinds);
    for (size_t i = 0; i < n_digits && escape[2 + i] != '\0'; i++) {
        const char *digits = "0123456789abcdef", *digit;
        char c = escape[2 + i];

        c = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
        digit = strchr(digits, c);
        if (digit == NULL)
            return 2 + i;
        code = code << 4 | (unsigned long)(digit - digits);
    }
    *stands_for = (size_t)1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF);
    return 2 + n_digits;
}

/* Characters from the quote to byte `at` of the text in quotes; 0: it is not
 * on this line. */
static unsigned
inside_quotes(const char *source, size_t at)
{
    const char *end = source + line_length(source);
    const char *from = source + 1;
    char quote = *source;

    for (size_t done = 0; done < at;) {
        size_t step = 1, stands_for = 1;

        if (from >= end)
            return 0;
        if (quote == '"' && *from == '\\')
            step = escape_length(from, &stands_for);
        else if (quote == '\'' && *from == '\'')
            step = 2;
        from += step;
        done += stands_for;
    }
    if (from > end)
        return 0;
    return count_characters(source, (size_t)(from - source));
}

/* In a literal block, whose lines are those of the text behind blanks. */
static ldr_place
inside_block(const ldr_yaml *scalar, size_t at)
{
    ldr_place place = scalar->place;
    const char *text = scalar->text, *line;
    size_t size, here;

    place.line++;
    for (size_t i = 0; i < at; i++)
        if (scalar->text[i] == '\n') {
            place.line++;
            text = scalar->text + i + 1;
        }
    line = find_line(place.text, place.line);
    size = strcspn(text, "\n");
    here = (size_t)(scalar->text + at - text);
    if (line == NULL || here > size || line_length(line) < size)
        return scalar->place;
    place.column = 1 + count_characters(line, line_length(line) - size) +
                   count_characters(text, here);
    return place;
}

ldr_place
ldr_yaml_inside(const ldr_yaml *scalar, size_t at)
{
    ldr_place place = scalar->place;
    const char *source = find_line(place.text, place.line);

    if (source == NULL || scalar->kind != LDR_YAML_SCALAR ||
        at > strlen(scalar->text))
        return place;
    for (unsigned n = 1; *source != '\0'; source++)
        if (begins_character(*source) && n++ == place.column)
            break;
    if (*source == '|')
        return inside_block(scalar, at);
    if (*source == '"' || *source == '\'')
        place.column += inside_quotes(source, at);
    else if (strncmp(source, scalar->text, at) == 0)
        place.column += count_characters(source, at);
    return place;
}
