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

/* The line of a place, without its end; NULL when the text is not kept or the
 * line is too long to show up to its column. */
static const char *
cut_line(const ldr_place *place, char line[LINE_ROOM])
{
    const char *at = place->text;
    size_t size = 0, cut;

    if (at == NULL || place->line == 0)
        return NULL;
    for (unsigned n = 1; n < place->line; at += break_length(at)) {
        while (*at != '\0' && break_length(at) == 0)
            at++;
        if (*at == '\0')
            return NULL;
        n++;
    }
    while (at[size] != '\0' && break_length(at + size) == 0)
        size++;
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
