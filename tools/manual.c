/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual.c - the manual page, of the table of operations.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"

/* roff takes a '-' for a hyphen, and a '.' or ''' at a line's start for a
 * request. */
static void
words_n(FILE *file, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\')
            fputs("\\e", file);
        else if (text[i] == '-')
            fputs("\\-", file);
        else if (i == 0 && (text[i] == '.' || text[i] == '\''))
            fprintf(file, "\\&%c", text[i]);
        else
            fputc(text[i], file);
    }
}

static void
words(FILE *file, const char *text)
{
    words_n(file, text, strlen(text));
}

static void
line(FILE *file, const char *text)
{
    words(file, text);
    fputc('\n', file);
}

static void
paragraphs(FILE *file, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");

        if (size == 0) {
            fputs(".PP\n", file);
        } else {
            if (text[0] == ' ')
                fputs(".nf\n", file);
            words_n(file, text, size);
            fputs(text[0] == ' ' ? "\n.fi\n" : "\n", file);
        }
        text += size;
        text += *text == '\n';
    }
}

static void
params(FILE *file, const struct param *param)
{
    for (; param->name != NULL; param++) {
        if (param->hidden)
            continue;
        fputs(".TP\n", file);
        if (param->positional) {
            fprintf(file, "\\fI%s\\fR", param->value);
        } else {
            if (param->letter != '\0')
                fprintf(file, "\\fB\\-%c\\fR, ", param->letter);
            fputs("\\fB\\-\\-", file);
            words(file, param->name);
            fputs("\\fR", file);
            if (param->value != NULL)
                fprintf(file, " \\fI%s\\fR", param->value);
        }
        fputc('\n', file);
        line(file, param->help);
    }
}

static void
operation_page(FILE *file, const struct operation *operation)
{
    char *text = NULL;
    size_t size = 0;
    FILE *synopsis = open_memstream(&text, &size);

    fprintf(file, ".SS ");
    line(file, operation->name);
    if (synopsis != NULL) {
        help_synopsis(synopsis, operation);
        fclose(synopsis);
        line(file, text);
        free(text);
    }
    fputs(".PP\n", file);
    words(file, operation->help);
    fputs(".\n", file);
    if (operation->long_help != NULL) {
        fputs(".PP\n", file);
        paragraphs(file, operation->long_help);
    }
    params(file, operation->params);
    for (const char *const *alias = operation->aliases;
         alias != NULL && *alias != NULL; alias++) {
        fputs(".PP\nAlso: ", file);
        line(file, *alias);
    }
}

static void
head(FILE *file)
{
    fprintf(file,
        ".\\\" SPDX-License-Identifier: Apache-2.0\n"
        ".\\\" Printed by 'larder help --man'; change the operations in "
        "tools/.\n"
        ".TH LARDER 1 \"2026-11-22\" \"Larder %s\" \"User Commands\"\n"
        ".SH NAME\n"
        "larder \\- a feature store in one library and one command\n"
        ".SH SYNOPSIS\n"
        ".B larder\n"
        "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
        ".SH DESCRIPTION\n"
        "Larder keeps features for machine learning: definitions in YAML, "
        "history in an offline store, the newest values in an online store.\n"
        "It joins history point in time into training sets, brings the newest "
        "rows online, and reads them by key.\n"
        "Results go to standard output, everything else to standard error.\n"
        ".SH OPTIONS\n"
        "They stand before or after the command.\n",
        larder_version());
    params(file, global_params);
}

static void
tail(FILE *file)
{
    static const char *const variables[][2] = {
        {"LARDER_CONFIG", "the configuration, as --config names it"},
        {"LARDER_ENV", "the environment, as --env names it"},
        {"LARDER_NOW",
            "the moment that counts as now, such as 2024-03-01T12:00:00Z: for "
            "runs that give the same again"},
        {"LARDER_EXAMPLES", "the folder where init --example looks"},
        {"NO_COLOR", "when set, nothing is coloured"},
        {"TMPDIR", "where data is spilled; /tmp unless set"}};

    fputs(".SH EXIT STATUS\n", file);
    for (const struct outcome_text *o = outcome_texts; o->text != NULL; o++) {
        fprintf(file, ".TP\n.B %d\n", o->code);
        line(file, o->text);
    }
    fputs(".SH ENVIRONMENT\n", file);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        fprintf(file, ".TP\n.B %s\n", variables[i][0]);
        line(file, variables[i][1]);
    }
    fputs(".SH FILES\n.TP\n.B feature_store.yaml\n"
          "The configuration; its folder is the repository.\n"
          ".SH SEE ALSO\n.BR liblarder (3)\n",
        file);
}

void
help_manual(FILE *file)
{
    head(file);
    fputs(".SH COMMANDS\n", file);
    for (size_t i = 0; operations[i] != NULL; i++)
        if (!operations[i]->hidden)
            operation_page(file, operations[i]);
    fputs(".SH OTHER SPELLINGS\nFeast's commands are understood too.\n", file);
    for (size_t i = 0; operations[i] != NULL; i++)
        if (operations[i]->hidden) {
            fputs(".TP\n.B ", file);
            line(file, operations[i]->name);
            line(file, operations[i]->help);
        }
    tail(file);
}
