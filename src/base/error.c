/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - a failure's words, the context added on the way up, and whether
 * the caller still waits.
 *
 * Words may carry anything a user's file held, so they are made one line of
 * valid UTF-8 here, once for all. What is too long loses its middle: the head
 * names the thing, the end says what would be right.
 */
#include "larder_backend.h"

#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef LARDER_VERSION
#define LARDER_VERSION "0.1.0"
#endif

/* Words before they are fitted into an error. */
#define WORDS_ROOM 2048

const char *
larder_status_name(larder_status status)
{
    switch (status) {
#define STATUS_NAME(name, text)                                                \
    case LARDER_##name:                                                        \
        return #name;
        LARDER_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return "UNKNOWN";
}

const char *
larder_status_text(larder_status status)
{
    switch (status) {
#define STATUS_TEXT(name, text)                                                \
    case LARDER_##name:                                                        \
        return text;
        LARDER_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

const char *
larder_version(void)
{
    return LARDER_VERSION;
}

/* The words that format and arguments make, never unfinished. */
static LARDER_PRINTF(2, 0) void say(
    char words[WORDS_ROOM], const char *format, va_list arguments)
{
    words[0] = '\0';
    if (vsnprintf(words, WORDS_ROOM, format, arguments) < 0)
        snprintf(words, WORDS_ROOM, "%s", format);
}

larder_status
larder_fail(larder_error *err, larder_status status, const char *format, ...)
{
    char words[WORDS_ROOM]; /* the arguments may point into *err */
    va_list arguments;

    if (err == NULL)
        return status;
    va_start(arguments, format);
    say(words, format, arguments);
    va_end(arguments);
    *err = (larder_error){.status = status};
    ldr_words_line(err->message, sizeof err->message, words);
    return status;
}

void
larder_context(larder_error *err, const char *format, ...)
{
    char words[WORDS_ROOM], name[sizeof err->message / 2];
    va_list arguments;

    if (err == NULL)
        return;
    va_start(arguments, format);
    say(words, format, arguments);
    va_end(arguments);
    ldr_words_line(name, sizeof name, words);
    snprintf(words, sizeof words, "%s: %s", name, err->message);
    ldr_words_line(err->message, sizeof err->message, words);
}

void
larder_hint(larder_error *err, const char *format, ...)
{
    char words[WORDS_ROOM];
    va_list arguments;

    if (err == NULL || err->hint[0] != '\0')
        return;
    va_start(arguments, format);
    say(words, format, arguments);
    va_end(arguments);
    ldr_words_line(err->hint, sizeof err->hint, words);
}

larder_status
larder_call_check(const larder_call *call, larder_error *err)
{
    if (call->cancel != NULL &&
        __atomic_load_n(call->cancel, __ATOMIC_RELAXED) != 0)
        return larder_fail(
            err, LARDER_INTERRUPTED, "stopped because the caller asked for it");
    if (call->deadline != 0 && call->monotonic != NULL &&
        call->monotonic() >= call->deadline)
        return larder_fail(
            err, LARDER_DEADLINE, "the deadline of the call has passed");
    return LARDER_OK;
}
