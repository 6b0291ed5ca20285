/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - an event and its fields to the sink the program set.
 */
#include "base/log.h"

#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>

void
ldr_log_event(const ldr_log *log, const char *event, const char *format, ...)
{
    char words[2048], fields[1024];
    va_list arguments;

    if (log == NULL || log->sink == NULL)
        return;
    va_start(arguments, format);
    if (vsnprintf(words, sizeof words, format, arguments) < 0)
        words[0] = '\0';
    va_end(arguments);
    ldr_words_line(fields, sizeof fields, words);
    log->sink(log->context, event, fields);
}
