/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding.c - what was found when a store was looked at, in words.
 *
 * Declared in larder_backend.h, for backends to tell with.
 */
#include <stdarg.h>
#include <stdio.h>

#include "larder_backend.h"

const char *
larder_verdict_name(larder_verdict verdict)
{
    switch (verdict) {
    case LARDER_FINE:
        return "ok";
    case LARDER_DOUBTFUL:
        return "warn";
    case LARDER_WRONG:
        return "fail";
    case LARDER_UNKNOWN:
        break;
    }
    return "unknown";
}

larder_status
larder_finding_tell(larder_finding_sink *sink, const char *checked,
    larder_verdict verdict, const char *advice, larder_error *err,
    const char *format, ...)
{
    char words[512];
    larder_finding finding = {.checked = checked,
        .verdict = verdict,
        .words = words,
        .advice = advice};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return sink->found(sink, &finding, err);
}
