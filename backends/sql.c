/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.c - SQL text, piece by piece.
 */
#include "sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for so many more characters and a NUL. */
static bool
make_room(sql_text *sql, size_t more)
{
    size_t need = sql->size + more + 1;
    char *grown;

    if (sql->failed || need <= sql->room)
        return !sql->failed;
    need = need < 256 ? 256 : need * 2;
    grown = realloc(sql->text, need);
    sql->failed = grown == NULL;
    if (grown != NULL) {
        sql->text = grown;
        sql->room = need;
    }
    return grown != NULL;
}

static void
add_character(sql_text *sql, char character)
{
    if (make_room(sql, 1))
        sql->text[sql->size++] = character;
}

void
sql_add(sql_text *sql, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        sql->failed = true;
    if (size <= 0 || !make_room(sql, (size_t)size))
        return;
    va_start(arguments, format);
    (void)vsnprintf(sql->text + sql->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    sql->size += (size_t)size;
}

void
sql_name(sql_text *sql, const char *name)
{
    add_character(sql, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            add_character(sql, '"');
        add_character(sql, *name);
    }
    add_character(sql, '"');
}

void
sql_names(sql_text *sql, const char *before, const char *const *names,
    size_t n_names, const char *after)
{
    for (size_t i = 0; i < n_names; i++) {
        sql_add(sql, "%s%s", i == 0 ? "" : ", ", before);
        sql_name(sql, names[i]);
        sql_add(sql, "%s", after);
    }
}

larder_status
sql_finish(sql_text *sql, larder_error *err)
{
    if (!make_room(sql, 0))
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    sql->text[sql->size] = '\0';
    return LARDER_OK;
}

void
sql_release(sql_text *sql)
{
    free(sql->text);
    *sql = (sql_text){0};
}
