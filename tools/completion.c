/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion.c - completion for shells, of the table of operations.
 */
#include <string.h>

#include "help.h"

static bool
is_file(const struct param *param)
{
    return param->type == PARAM_FILE;
}

/* "--name -n ": the options of a list. */
static void
option_words(FILE *file, const struct param *param)
{
    for (; param->name != NULL; param++) {
        if (param->positional || param->hidden)
            continue;
        fprintf(file, " --%s", param->name);
        if (param->letter != '\0')
            fprintf(file, " -%c", param->letter);
    }
}

static void
choices(FILE *file, const struct param *param)
{
    for (size_t i = 0; param->choices[i] != NULL; i++)
        fprintf(file, "%s%s", i == 0 ? "" : " ", param->choices[i]);
}

/* Patterns of a case for options whose value is one of a few, or a file. */
static void
bash_values(FILE *file, const struct param *param)
{
    for (; param->name != NULL; param++) {
        if (param->positional || param->hidden ||
            (param->choices == NULL && !is_file(param)))
            continue;
        fprintf(file, "    --%s", param->name);
        if (param->letter != '\0')
            fprintf(file, " | -%c", param->letter);
        fputs(") ", file);
        if (is_file(param)) {
            fputs("COMPREPLY=($(compgen -f -- \"$word\")) ;;\n", file);
        } else {
            fputs("COMPREPLY=($(compgen -W '", file);
            choices(file, param);
            fputs("' -- \"$word\")) ;;\n", file);
        }
    }
}

static void
bash_operation(FILE *file, const struct operation *operation)
{
    const struct param *param = operation->params;

    fprintf(file, "    %s) options='", operation->name);
    option_words(file, param);
    fputs("' words='", file);
    for (; param->name != NULL; param++)
        if (param->positional && param->choices != NULL)
            choices(file, param);
    fputs("' ;;\n", file);
}

static void
bash(FILE *file)
{
    fputs(
        "# completion of larder for bash\n"
        "_larder() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} command= options= words= i\n"
        "    local before=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    COMPREPLY=()\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in\n"
        "        -C | -o | --directory | --env | --config | --output | "
        "--threads | --memory) ((i++)) ;;\n"
        "        -*) ;;\n"
        "        *) command=${COMP_WORDS[i]}; break ;;\n"
        "        esac\n"
        "    done\n"
        "    case $before in\n",
        file);
    bash_values(file, global_params);
    fputs("    esac\n    [ ${#COMPREPLY[@]} -eq 0 ] || return 0\n"
          "    case $command in\n",
        file);
    fputs("    '') words='", file);
    for (size_t i = 0; operations[i] != NULL; i++)
        if (!operations[i]->hidden)
            fprintf(file, " %s", operations[i]->name);
    fputs("' ;;\n", file);
    for (size_t i = 0; operations[i] != NULL; i++)
        if (!operations[i]->hidden)
            bash_operation(file, operations[i]);
    fputs("    esac\n"
          "    case $word in\n"
          "    -*) COMPREPLY=($(compgen -W \"$options",
        file);
    option_words(file, global_params);
    fputs("\" -- \"$word\")) ;;\n"
          "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
          "    esac\n"
          "}\n"
          "complete -o default -F _larder larder\n",
        file);
}

/* Inside single quotes of a shell; [ ] and : mean something to zsh. */
static void
quoted(FILE *file, const char *text, const char *escaped)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", file);
        else if (strchr(escaped, *text) != NULL)
            fprintf(file, "\\%c", *text);
        else
            fputc(*text, file);
    }
}

static void
zsh_spec(FILE *file, const struct param *param, const char *name)
{
    fprintf(file, " \\\n        '%s[", name);
    quoted(file, param->help, "[]:");
    fputc(']', file);
    if (param->value != NULL) {
        fprintf(file, ":%s:", param->value);
        if (is_file(param)) {
            fputs("_files", file);
        } else if (param->choices != NULL) {
            fputc('(', file);
            choices(file, param);
            fputc(')', file);
        }
    }
    fputc('\'', file);
}

static void
zsh_params(FILE *file, const struct param *param)
{
    for (; param->name != NULL; param++) {
        char name[64];

        if (param->hidden)
            continue;
        if (param->positional) {
            fprintf(file, " \\\n        '%s:%s:", param->several ? "*" : "",
                param->value);
            if (param->choices != NULL) {
                fputc('(', file);
                choices(file, param);
                fputc(')', file);
            } else {
                fputs("_files", file);
            }
            fputc('\'', file);
            continue;
        }
        snprintf(name, sizeof name, "--%s%s", param->name,
            param->value == NULL ? "" : "=");
        zsh_spec(file, param, name);
        if (param->letter != '\0') {
            snprintf(name, sizeof name, "-%c", param->letter);
            zsh_spec(file, param, name);
        }
    }
}

static void
zsh(FILE *file)
{
    fputs("#compdef larder\n"
          "# completion of larder for zsh\n"
          "_larder() {\n"
          "    local state\n"
          "    local -a commands\n"
          "    commands=(",
        file);
    for (size_t i = 0; operations[i] != NULL; i++)
        if (!operations[i]->hidden) {
            fprintf(file, "\n        '%s:", operations[i]->name);
            quoted(file, operations[i]->help, ":");
            fputc('\'', file);
        }
    fputs(")\n    _arguments -C", file);
    zsh_params(file, global_params);
    fputs(" \\\n        '1:command:->command' '*::argument:->argument'\n"
          "    case $state in\n"
          "    command) _describe command commands ;;\n"
          "    argument)\n"
          "        case $words[1] in\n",
        file);
    for (size_t i = 0; operations[i] != NULL; i++)
        if (!operations[i]->hidden) {
            fprintf(file, "        %s) _arguments", operations[i]->name);
            zsh_params(file, operations[i]->params);
            fputs(" ;;\n", file);
        }
    fputs("        esac ;;\n"
          "    esac\n"
          "}\n"
          "_larder \"$@\"\n",
        file);
}

static void
fish_params(FILE *file, const struct param *param, const char *command)
{
    for (; param->name != NULL; param++) {
        if (param->hidden || (param->positional && param->choices == NULL))
            continue;
        fputs("complete -c larder", file);
        if (command != NULL)
            fprintf(file, " -n '__fish_seen_subcommand_from %s'", command);
        if (!param->positional)
            fprintf(file, " -l %s", param->name);
        if (!param->positional && param->letter != '\0')
            fprintf(file, " -s %c", param->letter);
        if (param->choices != NULL) {
            fprintf(file, " -f%s -a '", param->positional ? "" : " -r");
            choices(file, param);
            fputc('\'', file);
        } else if (param->type != PARAM_FLAG) {
            fputs(is_file(param) ? " -rF" : " -x", file);
        }
        fputs(" -d '", file);
        quoted(file, param->help, "\\");
        fputs("'\n", file);
    }
}

static void
fish(FILE *file)
{
    fputs("# completion of larder for fish\n", file);
    for (size_t i = 0; operations[i] != NULL; i++) {
        if (operations[i]->hidden)
            continue;
        fprintf(file,
            "complete -c larder -n __fish_use_subcommand -f -a %s -d '",
            operations[i]->name);
        quoted(file, operations[i]->help, "\\");
        fputs("'\n", file);
        fish_params(file, operations[i]->params, operations[i]->name);
    }
    fish_params(file, global_params, NULL);
}

bool
help_completion(FILE *file, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        bash(file);
    else if (strcmp(shell, "zsh") == 0)
        zsh(file);
    else if (strcmp(shell, "fish") == 0)
        fish(file);
    else
        return false;
    return true;
}
