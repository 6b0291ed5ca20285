/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - a question to the person at the terminal.
 */
#include "ask.h"

#include <string.h>
#include <unistd.h>

#include "base/name.h"
#include "speak.h"

bool
can_ask(const struct run *run)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
           run->output == OUTPUT_TABLE;
}

larder_status
ask(struct run *run, const char *question, larder_error *err)
{
    char answer[16] = "";

    if (argument_flag(&run->arguments, "yes"))
        return LARDER_OK;
    if (!can_ask(run))
        return run_usage(run, err,
            "'larder %s' asks before it begins, and nobody is there to answer: "
            "say --yes",
            run->operation->name);
    speak_clear(run);
    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        answer[0] = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
    if (ldr_name_equal(answer, "y") || ldr_name_equal(answer, "yes"))
        return LARDER_OK;
    return larder_fail(err, LARDER_INTERRUPTED, "nothing was changed");
}
