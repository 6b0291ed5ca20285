/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - the table of operations for a terminal and as JSON.
 */
#include "help.h"

#include <string.h>

#define WIDTH 79
#define COMMAND_COLUMN 15
#define OPTION_COLUMN 30

/* Words folded at the width; each line after the first begins at `column`. */
static void
fold(FILE *file, const char *text, size_t at, size_t column)
{
    while (*text != '\0') {
        size_t size = strcspn(text, " ");

        if (at > column && at + 1 + size > WIDTH) {
            fprintf(file, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', file);
            at++;
        }
        fwrite(text, 1, size, file);
        at += size;
        text += size;
        text += strspn(text, " ");
    }
    fputc('\n', file);
}

/* Paragraphs are apart by a blank line; a line that begins with a blank stands
 * as it is. */
static void
paragraphs(FILE *file, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        char line[1200];

        snprintf(line, sizeof line, "%.*s", (int)size, text);
        if (line[0] == ' ')
            fprintf(file, "%s\n", line);
        else
            fold(file, line, 0, 0);
        text += size;
        text += *text == '\n';
    }
}

static void
positional(FILE *file, const struct param *param)
{
    fprintf(file, param->required ? " %s%s" : " [%s%s]", param->value,
        param->several ? "..." : "");
}

void
help_synopsis(FILE *file, const struct operation *operation)
{
    const struct param *param;
    bool has_options = false;

    fprintf(file, "larder %s", operation->name);
    for (param = operation->params; param->name != NULL; param++)
        if (param->positional)
            positional(file, param);
        else
            has_options = has_options || !param->hidden;
    if (has_options)
        fputs(" [OPTIONS]", file);
}

static void
show_param(FILE *file, const struct param *param)
{
    char text[80];
    int n;

    if (param->positional)
        n = snprintf(text, sizeof text, "  %s", param->value);
    else if (param->letter != '\0')
        n = snprintf(text, sizeof text, "  -%c, --%s%s%s", param->letter,
            param->name, param->value == NULL ? "" : " ",
            param->value == NULL ? "" : param->value);
    else
        n = snprintf(text, sizeof text, "      --%s%s%s", param->name,
            param->value == NULL ? "" : " ",
            param->value == NULL ? "" : param->value);
    fputs(text, file);
    if (n + 2 > OPTION_COLUMN)
        fprintf(file, "\n%*s", OPTION_COLUMN, "");
    else
        fprintf(file, "%*s", OPTION_COLUMN - n, "");
    fold(file, param->help, OPTION_COLUMN, OPTION_COLUMN);
}

static void
show_params(FILE *file, const struct param *params, bool positionals)
{
    for (; params->name != NULL; params++)
        if (params->positional == positionals && !params->hidden)
            show_param(file, params);
}

static bool
has(const struct param *params, bool positionals)
{
    for (; params->name != NULL; params++)
        if (params->positional == positionals && !params->hidden)
            return true;
    return false;
}

void
help_overview(FILE *file)
{
    fputs("larder - a feature store in one library and one command\n\n"
          "Usage: larder [OPTIONS] COMMAND [ARGUMENTS]\n",
        file);
    for (enum group group = 0; group < N_GROUPS; group++) {
        fprintf(file, "\n%s\n", group_title(group));
        for (size_t i = 0; operations[i] != NULL; i++)
            if (operations[i]->group == group && !operations[i]->hidden)
                fprintf(file, "  %-*s%s\n", COMMAND_COLUMN - 2,
                    operations[i]->name, operations[i]->help);
    }
    fputs("\nOptions, before or after the command\n", file);
    show_params(file, global_params, false);
    fputs("\n'larder help COMMAND' tells more.\n", file);
}

void
help_operation(FILE *file, const struct operation *operation)
{
    const char *const *alias = operation->aliases;

    fprintf(
        file, "larder %s - %s\n\nUsage: ", operation->name, operation->help);
    help_synopsis(file, operation);
    fputc('\n', file);
    if (operation->long_help != NULL) {
        fputc('\n', file);
        paragraphs(file, operation->long_help);
    }
    if (has(operation->params, true)) {
        fputs("\nArguments\n", file);
        show_params(file, operation->params, true);
    }
    if (has(operation->params, false)) {
        fputs("\nOptions\n", file);
        show_params(file, operation->params, false);
    }
    for (; alias != NULL && *alias != NULL; alias++)
        fprintf(file, "%s%s", alias == operation->aliases ? "\nAlso: " : ", ",
            *alias);
    if (operation->aliases != NULL)
        fputc('\n', file);
    fputs("\n'larder help' lists the options that every command has.\n", file);
}

static const char *
type_name(enum param_type type)
{
    switch (type) {
    case PARAM_FLAG:
        return "flag";
    case PARAM_TEXT:
    case PARAM_CHOICE:
        return "text";
    case PARAM_FILE:
        return "file";
    case PARAM_LIST:
    case PARAM_WORDS:
        return "list";
    case PARAM_NUMBER:
        return "number";
    case PARAM_SIZE:
        return "size";
    case PARAM_TIME:
        break;
    }
    return "time";
}

static json_t *
params_json(const struct param *params)
{
    json_t *all = json_array();

    for (; params->name != NULL; params++) {
        json_t *one;

        if (params->hidden)
            continue;
        one =
            json_pack("{s:s, s:s, s:b, s:b, s:s}", "name", params->name, "type",
                type_name(params->type), "positional", (int)params->positional,
                "required", (int)params->required, "help", params->help);
        if (params->letter != '\0')
            json_object_set_new(
                one, "letter", json_sprintf("%c", params->letter));
        for (const char *const *choice = params->choices;
             choice != NULL && *choice != NULL; choice++) {
            if (choice == params->choices)
                json_object_set_new(one, "choices", json_array());
            json_array_append_new(
                json_object_get(one, "choices"), json_string(*choice));
        }
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *
operation_json(const struct operation *operation)
{
    json_t *aliases = json_array();

    for (const char *const *alias = operation->aliases;
         alias != NULL && *alias != NULL; alias++)
        json_array_append_new(aliases, json_string(*alias));
    return json_pack("{s:s, s:o, s:s, s:s, s:s*, s:o}", "name", operation->name,
        "aliases", aliases, "group", group_title(operation->group), "help",
        operation->help, "description", operation->long_help, "parameters",
        params_json(operation->params));
}

json_t *
help_json(const struct operation *operation)
{
    json_t *commands = json_array(), *codes = json_object();

    for (size_t i = 0; operations[i] != NULL; i++)
        if (operation == NULL ? !operations[i]->hidden
                              : operations[i] == operation)
            json_array_append_new(commands, operation_json(operations[i]));
    for (const struct outcome_text *o = outcome_texts; o->text != NULL; o++) {
        char code[8];

        snprintf(code, sizeof code, "%d", o->code);
        json_object_set_new(codes, code, json_string(o->text));
    }
    return json_pack("{s:o, s:o, s:o}", "commands", commands, "options",
        params_json(global_params), "exit_codes", codes);
}
