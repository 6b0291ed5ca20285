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

#define GAP 2     /* between two columns */
#define ESCAPED 4 /* \xNN: how a control character is shown */

struct table {
    FILE *file;
    size_t width; /* of the terminal, or 0 */
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
    table->width = width;
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
    return scols_table_new_column(
               table->cols, name, 0, right ? SCOLS_FL_RIGHT : 0) != NULL;
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

static const char *
cell_text(struct table *table, size_t row, size_t column)
{
    struct libscols_cell *cell =
        scols_line_get_cell(scols_table_get_line(table->cols, row), column);
    const char *text = cell == NULL ? NULL : scols_cell_get_data(cell);

    return text == NULL ? "" : text;
}

static const char *
column_name(struct table *table, size_t column)
{
    return scols_cell_get_data(
        scols_column_get_header(scols_table_get_column(table->cols, column)));
}

static bool
is_empty(struct table *table, size_t column)
{
    size_t n = scols_table_get_nlines(table->cols);

    for (size_t i = 0; i < n; i++)
        if (cell_text(table, i, column)[0] != '\0')
            return false;
    return n > 0;
}

/* ------------------------------------------------------------ what fits where
 */

/* A column: how wide it is, and its longest word, which is not broken. */
struct measure {
    bool hidden;
    size_t natural, width, floor;
};

static bool
is_control(unsigned char byte)
{
    return byte < ' ' || byte == 0x7F;
}

static size_t
text_width(const char *text, size_t size)
{
    size_t width = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (is_control(byte))
            width += ESCAPED;
        else
            width += (byte & 0xC0) != 0x80;
    }
    return width;
}

static void
measure_text(struct measure *m, const char *text)
{
    size_t width = text_width(text, strlen(text));

    if (width > m->width)
        m->width = width;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        size_t word = text_width(text, size);

        if (word > m->floor)
            m->floor = word;
        text += size + (text[size] == ' ');
    }
}

static void
measure_column(struct table *table, size_t column, struct measure *m)
{
    int flags =
        scols_column_get_flags(scols_table_get_column(table->cols, column));

    m->hidden = (flags & SCOLS_FL_HIDDEN) != 0;
    if (m->hidden)
        return;
    measure_text(m, column_name(table, column));
    for (size_t i = 0; i < scols_table_get_nlines(table->cols); i++)
        measure_text(m, cell_text(table, i, column));
    if (flags & SCOLS_FL_RIGHT)
        m->floor = m->width;
    m->natural = m->width;
}

/* Take from the widest column until all fit. False: words are too long. */
static bool
shrink(const struct table *table, struct measure *all, size_t n)
{
    size_t total = 0;

    for (size_t c = 0; c < n; c++)
        if (!all[c].hidden)
            total += all[c].width + (total > 0 ? GAP : 0);
    for (; total > table->width; total--) {
        struct measure *widest = NULL;

        for (size_t c = 0; c < n; c++)
            if (all[c].width > all[c].floor &&
                (widest == NULL || all[c].width > widest->width))
                widest = &all[c];
        if (widest == NULL)
            return false;
        widest->width--;
    }
    return true;
}

/* The text with a line end where its next word is past the width; yours. */
static char *
fold(const char *text, size_t width)
{
    char *folded = malloc(strlen(text) + 1), *to = folded;
    size_t line = 0;

    if (folded == NULL)
        return NULL;
    for (;;) {
        size_t size = strcspn(text, " "), word = text_width(text, size);

        if (line > 0) {
            bool fits = line + 1 + word <= width;

            *to++ = fits ? ' ' : '\n';
            line = fits ? line + 1 : 0;
        }
        for (size_t i = 0; i < size; i++)
            *to++ = text[i] == '\n' ? ' ' : text[i];
        line += word;
        if (text[size] == '\0')
            break;
        text += size + 1;
    }
    *to = '\0';
    return folded;
}

static bool
fold_column(struct table *table, size_t column, size_t width)
{
    struct libscols_column *made = scols_table_get_column(table->cols, column);
    size_t n = scols_table_get_nlines(table->cols);

    for (size_t i = 0; i < n; i++) {
        char *folded = fold(cell_text(table, i, column), width);

        if (folded == NULL ||
            scols_line_refer_data(
                scols_table_get_line(table->cols, i), column, folded) != 0) {
            free(folded);
            return false;
        }
    }
    return scols_column_set_safechars(made, "\n") == 0 &&
           scols_column_set_wrapfunc(made, scols_wrapnl_chunksize,
               scols_wrapnl_nextchunk, NULL) == 0 &&
           scols_column_set_flags(
               made, scols_column_get_flags(made) | SCOLS_FL_WRAP) == 0;
}

/* What a terminal would obey is shown instead. */
static void
put_escaped(FILE *file, char byte)
{
    if (is_control((unsigned char)byte))
        fprintf(file, "\\x%02x", (unsigned)(unsigned char)byte);
    else
        fputc(byte, file);
}

static bool
print_field(
    struct table *table, const char *name, size_t names, const char *text)
{
    size_t room = table->width > names + GAP + NARROW
                      ? table->width - names - GAP
                      : NARROW;
    char *folded = fold(text, room);

    if (folded == NULL)
        return false;
    fprintf(table->file, "%-*s", (int)(names + GAP), name);
    for (const char *at = folded; *at != '\0'; at++) {
        if (*at == '\n')
            fprintf(table->file, "\n%*s", (int)(names + GAP), "");
        else
            put_escaped(table->file, *at);
    }
    fputc('\n', table->file);
    free(folded);
    return true;
}

/* One row after the other, a line for each of its values. */
static bool
print_records(struct table *table, const struct measure *all, size_t n)
{
    size_t rows = scols_table_get_nlines(table->cols), names = 0;

    for (size_t c = 0; c < n; c++) {
        size_t width = strlen(column_name(table, c));

        if (!all[c].hidden && width > names)
            names = width;
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < n; c++) {
            const char *text = cell_text(table, i, c);

            if (!all[c].hidden && text[0] != '\0' &&
                !print_field(table, column_name(table, c), names, text))
                return false;
        }
        fputc('\n', table->file);
    }
    return true;
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

/* Long text is folded between words; where that is not enough, as records. */
static bool
print_fitting(struct table *table, size_t n)
{
    struct measure *all = calloc(n + 1, sizeof *all);
    bool done = all != NULL, fits = true;

    for (size_t c = 0; done && c < n; c++)
        measure_column(table, c, &all[c]);
    if (done)
        fits = shrink(table, all, n);
    if (done && !fits)
        done = print_records(table, all, n);
    for (size_t c = 0; done && fits && c < n; c++)
        if (all[c].width < all[c].natural)
            done = fold_column(table, c, all[c].width);
    if (done && fits)
        done = print_trimmed(table);
    free(all);
    return done;
}

bool
table_print(struct table *table, bool hide_empty)
{
    size_t n = scols_table_get_ncols(table->cols);
    bool done = true;

    for (size_t c = 0; hide_empty && c < n; c++) {
        struct libscols_column *column = scols_table_get_column(table->cols, c);
        int flags = scols_column_get_flags(column) & ~SCOLS_FL_HIDDEN;

        scols_column_set_flags(
            column, is_empty(table, c) ? flags | SCOLS_FL_HIDDEN : flags);
    }
    if (table->width == 0)
        done = print_trimmed(table);
    else
        done = print_fitting(table, n);
    scols_table_remove_lines(table->cols);
    return done && ferror(table->file) == 0;
}
