/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door_cli.c - one operation from a command line, parsed by popt.
 *
 * Global options stand before or after the command's name. The line is parsed
 * in two steps: up to the name, then the rest with that command's options.
 */
#include "door.h"

#include <poll.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "print.h"
#include "run.h"
#include "speak.h"

struct line {
    struct run *run;
    struct poptOption *options; /* popt's table of `params` */
    const struct param **params;
    size_t n_params;
};

static size_t
count(const struct param *params)
{
    size_t n = 0;

    while (params != NULL && params[n].name != NULL)
        n++;
    return n;
}

static void
add_options(struct line *line, const struct param *params)
{
    for (; params != NULL && params->name != NULL; params++) {
        size_t n = line->n_params;

        if (params->positional)
            continue;
        line->params[n] = params;
        line->options[n] = (struct poptOption){.longName = params->name,
            .shortName = params->letter,
            .argInfo =
                params->type == PARAM_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
            .val = (int)n + 1};
        line->n_params++;
    }
}

/* An operation's own options come first: they may use a letter again. */
static larder_status
line_init(struct line *line, struct run *run, larder_error *err)
{
    const struct param *own =
        run->operation == NULL ? NULL : run->operation->params;
    size_t room = count(own) + count(global_params) + 1;

    *line = (struct line){.run = run};
    line->options = ldr_arena_array(&run->arena, room, sizeof *line->options);
    line->params = ldr_arena_array(&run->arena, room, sizeof *line->params);
    if (line->options == NULL || line->params == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for options");
    add_options(line, own);
    add_options(line, global_params);
    return LARDER_OK;
}

static larder_status
fail_option(struct line *line, poptContext popt, int code, larder_error *err)
{
    const char *bad = poptBadOption(popt, POPT_BADOPTION_NOALIAS);
    const char *near = NULL;
    char name[128];

    /* popt may give the option with its value: "--envv=prod". */
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bad, "="), bad);
    line->run->usage = true;
    switch (code) {
    case POPT_ERROR_BADOPT:
        larder_fail(err, LARDER_INVALID, "there is no option '%s'", name);
        if (strncmp(name, "--", 2) == 0)
            near = param_nearest(line->run->operation, name + 2);
        if (near != NULL)
            larder_hint(err, "did you mean '--%s'?", near);
        return LARDER_INVALID;
    case POPT_ERROR_NOARG:
        return larder_fail(
            err, LARDER_INVALID, "option '%s' needs a value", name);
    case POPT_ERROR_UNWANTEDARG:
        return larder_fail(
            err, LARDER_INVALID, "option '%s' takes no value", name);
    default:
        return larder_fail(
            err, LARDER_INVALID, "option '%s': %s", name, poptStrerror(code));
    }
}

/* Each option found goes to the run's arguments. */
static larder_status
take_options(struct line *line, poptContext popt, larder_error *err)
{
    struct arguments *arguments = &line->run->arguments;
    int code;
    larder_status rc = LARDER_OK;

    while ((code = poptGetNextOpt(popt)) > 0) {
        char *text = poptGetOptArg(popt);

        rc = arguments_add(
            arguments, line->params[code - 1], text == NULL ? "" : text, err);
        free(text);
        if (rc != LARDER_OK) {
            line->run->usage = true;
            return rc;
        }
    }
    return code == -1 ? LARDER_OK : fail_option(line, popt, code, err);
}

/* The words after the options; they live as long as the context. */
static larder_status
take_words(struct line *line, poptContext popt, larder_error *err)
{
    const char **words = poptGetArgs(popt);
    larder_status rc = LARDER_OK;

    for (; words != NULL && *words != NULL; words++) {
        rc = arguments_add_word(&line->run->arguments, *words, err);
        if (rc != LARDER_OK) {
            line->run->usage = true;
            break;
        }
    }
    return rc;
}

static larder_status
find_operation(struct run *run, const char *name, larder_error *err)
{
    const char *near;

    run->operation = operation_find(name);
    if (run->operation != NULL)
        return LARDER_OK;
    near = operation_nearest(name);
    run->usage = true;
    larder_fail(err, LARDER_INVALID, "there is no command '%s'", name);
    if (near != NULL)
        larder_hint(err, "did you mean '%s'?", near);
    return LARDER_INVALID;
}

/* Global options and the name. `*rest` gets how many words the name is from
 * the end, 0 when there is no name. */
static larder_status
parse_head(struct run *run, int argc, char **argv, int *rest, larder_error *err)
{
    struct line line;
    poptContext popt = NULL;
    const char **words;
    larder_status rc;

    *rest = 0;
    LARDER_TRY(arguments_init(&run->arguments, &run->arena, NULL, err));
    LARDER_TRY(line_init(&line, run, err));
    popt = poptGetContext("larder", argc, (const char **)(void *)argv,
        line.options, POPT_CONTEXT_POSIXMEHARDER);
    LARDER_TRY(take_options(&line, popt, err));
    words = poptGetArgs(popt);
    if (words != NULL && words[0] != NULL) {
        while (words[*rest] != NULL)
            ++*rest;
        LARDER_TRY(find_operation(run, words[0], err));
    }
out:
    poptFreeContext(popt);
    return rc;
}

/* The whole line again, without the name, with the operation's options. */
static larder_status
parse_line(struct run *run, int argc, char **argv, int rest, larder_error *err)
{
    const char **words =
        ldr_arena_array(&run->arena, (size_t)argc + 1, sizeof *words);
    struct line line;
    poptContext popt = NULL;
    int n = 0, at = argc - rest;
    larder_status rc;

    if (words == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for arguments");
    for (int i = 0; i < argc; i++)
        if (i != at)
            words[n++] = argv[i];
    run->spelling = argv[at];
    LARDER_TRY(
        arguments_init(&run->arguments, &run->arena, run->operation, err));
    LARDER_TRY(line_init(&line, run, err));
    popt = poptGetContext("larder", n, words, line.options, 0);
    LARDER_TRY(take_options(&line, popt, err));
    LARDER_TRY(take_words(&line, popt, err));
out:
    poptFreeContext(popt);
    return rc;
}

/* As git does: each -C is taken from where the one before led. */
static larder_status
change_folder(struct run *run, larder_error *err)
{
    const struct argument *folders = argument_of(&run->arguments, "directory");

    for (size_t i = 0; i < folders->n; i++)
        if (chdir(folders->texts[i]) != 0) {
            run->usage = true;
            return larder_fail(err, LARDER_NOT_FOUND,
                "-C '%s' is no folder that can be entered", folders->texts[i]);
        }
    return LARDER_OK;
}

static larder_status
run_operation(struct run *run, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(arguments_check(&run->arguments, err));
    LARDER_TRY(run_begin(run, err));
    LARDER_TRY(change_folder(run, err));
    rc = run->operation->run(run, err);
    speak_clear(run);
    if (rc == LARDER_OK)
        rc = print_flush(run, err);
    return rc;
out:
    run->usage = true;
    return rc;
}

/* Standard output's reader went away: no fault worth a word. */
static bool
is_pipe_broken(const struct run *run)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return (run->stdout_failed || ferror(stdout) != 0) &&
           poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* Whether a line asks for JSON, though it may not be parsed to its end. */
static bool
wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool split =
            strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0;

        if (strcmp(argv[i], "-ojson") == 0 ||
            strcmp(argv[i], "--output=json") == 0 ||
            (split && i + 1 < argc && strcmp(argv[i + 1], "json") == 0))
            return true;
    }
    return false;
}

static int
finish(struct run *run, larder_status rc, const larder_error *err)
{
    int code;

    if (rc == LARDER_OK) {
        code = (int)run->outcome;
    } else if (is_pipe_broken(run)) {
        code = OUTCOME_DONE;
    } else if (run->call.cancel != NULL && *run->call.cancel != 0) {
        /* Whatever it was that the signal broke off. */
        larder_error stopped = {
            .status = LARDER_INTERRUPTED, .message = "interrupted"};

        speak_error(run, &stopped);
        code = OUTCOME_INTERRUPTED;
    } else {
        run_set_color(run);
        speak_error(run, err);
        code = run->usage ? OUTCOME_USAGE : (int)outcome_of(rc);
    }
    run_end(run);
    return code;
}

int
door_cli(int argc, char **argv)
{
    struct run run = {0};
    larder_error err = {0};
    int rest;
    larder_status rc;

    run.output = wants_json(argc, argv) ? OUTPUT_JSON : OUTPUT_TABLE;
    LARDER_TRY(parse_head(&run, argc, argv, &rest, &err));
    if (run.operation == NULL && argument_flag(&run.arguments, "version")) {
        run.operation = &op_version;
        rc = op_version.run(&run, &err);
        goto out;
    }
    if (run.operation == NULL) {
        bool asked = argument_flag(&run.arguments, "help");

        help_overview(asked ? stdout : stderr);
        run.outcome = asked ? OUTCOME_DONE : OUTCOME_USAGE;
        if (asked)
            rc = print_flush(&run, &err);
        goto out;
    }
    LARDER_TRY(parse_line(&run, argc, argv, rest, &err));
    if (argument_flag(&run.arguments, "help")) {
        help_operation(stdout, run.operation);
        rc = print_flush(&run, &err);
        goto out;
    }
    rc = run_operation(&run, &err);
out:
    return finish(&run, rc, &err);
}
