/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - lines of the server's log.
 */
#include "serve/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/words.h"

#define LINE_ROOM 8192

/* "2024-03-01T12:00:00.000000Z words\n" */
static void
write_line(const struct serve *serve, const char *words)
{
    char line[LINE_ROOM], time[33];
    size_t size;
    ssize_t written;

    larder_time_print(run_clock(serve->run), time);
    size = (size_t)snprintf(line, sizeof line, "%s ", time);
    size += ldr_words_line(line + size, sizeof line - size - 1, words);
    line[size++] = '\n';
    written = write(STDERR_FILENO, line, size);
    (void)written; /* there is nobody else to tell */
}

void
log_note(const struct serve *serve, const char *format, ...)
{
    char words[LINE_ROOM];
    va_list arguments;

    if (serve->run->quiet)
        return;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    write_line(serve, words);
}

void
log_request(const struct serve *serve, const struct request *request,
    const char *method, const char *path)
{
    char line[LINE_ROOM];

    if (request->status < 400 && !serve->run->verbose)
        return;
    snprintf(line, sizeof line, "%u %.16s %.256s id=%016llx who=%s %.*s",
        request->status, method, path, (unsigned long long)request->id,
        request->who == NULL ? "-" : request->who, (int)request->words.size,
        request->words.size == 0 ? "" : request->words.text);
    write_line(serve, line);
}
