/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - tables for people.
 */
#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NARROW 20 /* nothing folds below this */

struct table {
    FILE *file;
    struct libscols_table *cols;
    struct libscols_line *line;
    size_t cell;
};

/* The width of the terminal, or 0. */
static size_t
terminal_width(FILE *file)
{
    struct winsize size;
    int fd = fileno(file);

    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col < NARROW)
        return 80;
    return size.ws_col;
}

struct table *
table_new(FILE *file)
{
    struct table *table = calloc(1, sizeof *table);
    size_t width = terminal_width(file);

    if (table == NULL)
        return NULL;
    /* Text is UTF-8 whatever the locale says. */
    setlocale(LC_CTYPE, "C.UTF-8");
    table->file = file;
    table->cols = scols_new_table();
    if (table->cols == NULL) {
        free(table);
        return NULL;
    }
    scols_table_set_stream(table->cols, file);
    scols_table_set_column_separator(table->cols, "  ");
    scols_table_set_termforce(table->cols,
        width == 0 ? SCOLS_TERMFORCE_NEVER : SCOLS_TERMFORCE_ALWAYS);
    if (width != 0)
        scols_table_set_termwidth(table->cols, width);
    return table;
}

void
table_free(struct table *table)
{
    if (table == NULL)
        return;
    scols_unref_table(table->cols);
    free(table);
}

bool
table_column(struct table *table, const char *name, bool right)
{
    return scols_table_new_column(table->cols, name, 0,
               right ? SCOLS_FL_RIGHT : SCOLS_FL_WRAP) != NULL;
}

bool
table_row(struct table *table)
{
    table->line = scols_table_new_line(table->cols, NULL);
    table->cell = 0;
    return table->line != NULL;
}

bool
table_cell(struct table *table, const char *text)
{
    return scols_line_set_data(table->line, table->cell++, text) == 0;
}

static bool
is_empty(struct table *table, size_t column)
{
    size_t n = scols_table_get_nlines(table->cols);

    for (size_t i = 0; i < n; i++) {
        struct libscols_cell *cell =
            scols_line_get_cell(scols_table_get_line(table->cols, i), column);
        const char *text = cell == NULL ? NULL : scols_cell_get_data(cell);

        if (text != NULL && text[0] != '\0')
            return false;
    }
    return n > 0;
}

/* Without the blanks that fill a last cell. */
static bool
print_trimmed(struct table *table)
{
    char *text = NULL;

    if (scols_print_table_to_string(table->cols, &text) != 0)
        return false;
    for (const char *at = text; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, "\n"), shown = size;

        while (shown > 0 && at[shown - 1] == ' ')
            shown--;
        fwrite(at, 1, shown, table->file);
        fputc('\n', table->file);
        at += size + (at[size] == '\n');
    }
    free(text);
    return true;
}

bool
table_print(struct table *table, bool hide_empty)
{
    size_t n = scols_table_get_ncols(table->cols);
    bool done;

    for (size_t c = 0; hide_empty && c < n; c++) {
        struct libscols_column *column = scols_table_get_column(table->cols, c);
        int flags = scols_column_get_flags(column) & ~SCOLS_FL_HIDDEN;

        scols_column_set_flags(
            column, is_empty(table, c) ? flags | SCOLS_FL_HIDDEN : flags);
    }
    done = print_trimmed(table);
    scols_table_remove_lines(table->cols);
    return done && ferror(table->file) == 0;
}
