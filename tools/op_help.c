/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_help.c - help, version and completion: what the command says of itself.
 */
#include "help.h"
#include "print.h"

static larder_status
run_help(struct run *run, larder_error *err)
{
    const char *name = argument_text(&run->arguments, "command");
    const struct operation *operation = NULL;

    if (name != NULL) {
        operation = operation_find(name);
        if (operation == NULL) {
            const char *near = operation_nearest(name);

            run_usage(run, err, "there is no command '%s'", name);
            if (near != NULL)
                larder_hint(err, "did you mean '%s'?", near);
            return LARDER_INVALID;
        }
    }
    if (argument_flag(&run->arguments, "man"))
        help_manual(stdout);
    else if (run->output == OUTPUT_JSON)
        return print_document(run, help_json(operation), err);
    else if (operation != NULL)
        help_operation(stdout, operation);
    else
        help_overview(stdout);
    return LARDER_OK;
}

const struct operation op_help = {.name = "help",
    .group = GROUP_COMMAND,
    .help = "what the commands do",
    .long_help = "Lists the commands, or tells what one of them does. With "
                 "-o json it is the table of commands for programs.",
    .params = (const struct param[]){{.name = "command",
                                         .type = PARAM_TEXT,
                                         .positional = true,
                                         .value = "COMMAND",
                                         .help = "the command to tell of"},
        {.name = "man",
            .type = PARAM_FLAG,
            .hidden = true,
            .help = "the manual page"},
        {0}},
    .run = run_help};

static larder_status
run_version(struct run *run, larder_error *err)
{
    if (run->output == OUTPUT_JSON || run->output == OUTPUT_JSONL)
        return print_document(
            run, json_pack("{s:s}", "version", larder_version()), err);
    printf("larder %s\n", larder_version());
    return print_flush(run, err);
}

const struct operation op_version = {.name = "version",
    .group = GROUP_COMMAND,
    .help = "which version this is",
    .params = (const struct param[]){{0}},
    .run = run_version};

static larder_status
run_completion(struct run *run, larder_error *err)
{
    if (!help_completion(stdout, argument_text(&run->arguments, "shell")))
        return run_usage(run, err, "completion is for bash, zsh and fish");
    return print_flush(run, err);
}

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

const struct operation op_completion = {.name = "completion",
    .group = GROUP_COMMAND,
    .help = "completion for a shell",
    .long_help = "Prints a script for the shell to read. For bash:\n"
                 "\n"
                 "    source <(larder completion bash)\n"
                 "\n"
                 "zsh: larder completion zsh >~/.zfunc/_larder, with ~/.zfunc "
                 "in fpath. fish: larder completion fish "
                 ">~/.config/fish/completions/larder.fish",
    .params = (const struct param[]){{.name = "shell",
                                         .type = PARAM_CHOICE,
                                         .positional = true,
                                         .required = true,
                                         .choices = shells,
                                         .value = "SHELL",
                                         .help = "bash, zsh or fish"},
        {0}},
    .run = run_completion};
