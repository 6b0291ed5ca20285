/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.c - SQL text, on open_memstream().
 */
#include "sql.h"

#include <stdarg.h>
#include <stdlib.h>

larder_status
sql_start(sql_text *sql, larder_error *err)
{
    *sql = (sql_text){0};
    sql->file = open_memstream(&sql->text, &sql->size);
    return sql->file != NULL ? LARDER_OK
                             : larder_fail(err, LARDER_NOMEM, "out of memory");
}

void
sql_add(sql_text *sql, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(sql->file, format, arguments);
    va_end(arguments);
}

void
sql_name(sql_text *sql, const char *name)
{
    (void)fputc('"', sql->file);
    for (; *name != '\0'; name++) {
        if (*name == '"')
            (void)fputc('"', sql->file);
        (void)fputc(*name, sql->file);
    }
    (void)fputc('"', sql->file);
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
    int failed = ferror(sql->file);

    failed |= fclose(sql->file);
    sql->file = NULL;
    return failed == 0 ? LARDER_OK
                       : larder_fail(err, LARDER_NOMEM, "out of memory");
}

void
sql_release(sql_text *sql)
{
    if (sql->file != NULL)
        (void)fclose(sql->file);
    free(sql->text);
    *sql = (sql_text){0};
}
