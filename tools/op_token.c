/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_token.c - new tokens for those who ask the server.
 */
#include <stdio.h>
#include <string.h>

#include "print.h"
#include "run.h"
#include "serve/token.h"

/* "read,push" of --scope read --scope push. */
static const char *
join(struct run *run, const char *name)
{
    const struct argument *argument = argument_of(&run->arguments, name);
    const char *text = NULL;

    for (size_t i = 0; i < argument->n; i++)
        text = i == 0 ? argument->texts[0]
                      : ldr_arena_printf(
                            &run->arena, "%s,%s", text, argument->texts[i]);
    return text;
}

static larder_status
run_token(struct run *run, larder_error *err)
{
    const char *id = argument_text(&run->arguments, "id");
    const char *path = argument_text(&run->arguments, "tokens");
    const char *scopes = join(run, "scope"), *views = join(run, "views");
    char text[TOKEN_TEXT_ROOM], line[TOKEN_LINE_ROOM], made[32];
    larder_status rc;

    if (id == NULL) {
        snprintf(made, sizeof made, "t%lld", (long long)run_clock(run));
        id = made;
    }
    rc = token_make(id, scopes, views, text, line, err);
    run->usage = rc == LARDER_INVALID;
    if (rc == LARDER_OK && path != NULL)
        rc = token_append(path, id, line, err);
    if (rc != LARDER_OK)
        return rc;
    if (run->output == OUTPUT_JSON)
        return print_document(run,
            json_pack("{s:s, s:s, s:s}", "id", id, "token", text, "line", line),
            err);
    print_words(run, "%s",
        path != NULL
            ? "the token, shown this once; a server knows it after SIGHUP"
            : "the token, shown this once, and the line for the file of "
              "--tokens");
    printf("%s\n", text);
    if (path == NULL)
        printf("%s\n", line);
    return print_flush(run, err);
}

static const char *const actions[] = {"new", NULL};

const struct operation op_token = {.name = "token",
    .group = GROUP_ONLINE,
    .help = "make a token for those who ask the server",
    .long_help =
        "A token is 256 random bits, and shown once: the file keeps its hash, "
        "what it may do and, with --views, with which feature views. The "
        "scopes are read, push, materialize, apply and admin; none includes "
        "another.",
    .params = (const struct param[]){{.name = "action",
                                         .type = PARAM_CHOICE,
                                         .positional = true,
                                         .required = true,
                                         .choices = actions,
                                         .value = "ACTION",
                                         .help = "new"},
        {.name = "scope",
            .type = PARAM_LIST,
            .required = true,
            .value = "SCOPES",
            .help = "what it may do: read, push, materialize, apply, admin"},
        {.name = "views",
            .type = PARAM_LIST,
            .value = "PATTERNS",
            .help = "feature views it is for, such as 'hcp_*'; else all"},
        {.name = "id",
            .type = PARAM_TEXT,
            .value = "NAME",
            .help = "its name in logs; else one is made of the time"},
        {.name = "tokens",
            .type = PARAM_FILE,
            .value = "FILE",
            .help = "append its line to this file, made if there is none"},
        {0}},
    .run = run_token};
