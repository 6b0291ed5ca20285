/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_value.c - values into a SQLite file and out of it again.
 *
 * What Larder wrote comes back as it was. What a user wrote may have any
 * storage class in any column: what has one meaning in the wanted type is read,
 * all else is refused by name.
 */
#include "sqlite_history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------- types */

static const struct declared {
    larder_type type;
    const char *text;
} declared_as[] = {
    {LARDER_BOOL, "BOOLEAN"},
    {LARDER_INT32, "INT32"},
    {LARDER_INT64, "INTEGER"},
    {LARDER_FLOAT32, "FLOAT"},
    {LARDER_FLOAT64, "REAL"},
    {LARDER_STRING, "TEXT"},
    {LARDER_BYTES, "BLOB"},
    {LARDER_TIMESTAMP, "TIMESTAMP"},
    {LARDER_BOOL_LIST, "LIST_BOOLEAN"},
    {LARDER_INT32_LIST, "LIST_INT32"},
    {LARDER_INT64_LIST, "LIST_INTEGER"},
    {LARDER_FLOAT32_LIST, "LIST_FLOAT"},
    {LARDER_FLOAT64_LIST, "LIST_REAL"},
    {LARDER_STRING_LIST, "LIST_TEXT"},
    {LARDER_BYTES_LIST, "LIST_BLOB"},
    {LARDER_TIMESTAMP_LIST, "LIST_TIMESTAMP"},
};
#define N_DECLARED (sizeof declared_as / sizeof declared_as[0])

const char *
sqlite_declare(larder_type type)
{
    for (size_t i = 0; i < N_DECLARED; i++)
        if (declared_as[i].type == type)
            return declared_as[i].text;
    return "";
}

/* Does the declaration hold this word, in any case? */
static bool
holds(const char *declaration, const char *word)
{
    int size = (int)strlen(word);

    for (; *declaration != '\0'; declaration++)
        if (sqlite3_strnicmp(declaration, word, size) == 0)
            return true;
    return false;
}

larder_type
sqlite_declared(const char *declaration)
{
    static const struct declared by_word[] = {{LARDER_BOOL, "BOOL"},
        {LARDER_TIMESTAMP, "DATE"}, {LARDER_TIMESTAMP, "TIME"},
        {LARDER_INT64, "INT"}, {LARDER_STRING, "CHAR"}, {LARDER_STRING, "CLOB"},
        {LARDER_STRING, "TEXT"}, {LARDER_BYTES, "BLOB"},
        {LARDER_FLOAT64, "REAL"}, {LARDER_FLOAT64, "FLOA"},
        {LARDER_FLOAT64, "DOUB"}};

    if (declaration == NULL)
        return 0;
    for (size_t i = 0; i < N_DECLARED; i++)
        if (sqlite3_stricmp(declaration, declared_as[i].text) == 0)
            return declared_as[i].type;
    for (size_t i = 0; i < sizeof by_word / sizeof by_word[0]; i++)
        if (holds(declaration, by_word[i].text))
            return by_word[i].type;
    return 0;
}

/* ----------------------------------------------------------------- writing */

static int
bind_real(sqlite3_stmt *statement, int parameter, double value)
{
    if (isnan(value))
        return sqlite3_bind_text(statement, parameter, "NaN", 3, SQLITE_STATIC);
    if (value == 0 && signbit(value))
        return sqlite3_bind_blob(
            statement, parameter, "-0.0", 4, SQLITE_STATIC);
    return sqlite3_bind_double(statement, parameter, value);
}

static int
bind_text(sqlite3_stmt *statement, int parameter, const larder_column *column,
    size_t row)
{
    size_t begin = (size_t)column->offsets[row];
    size_t size = (size_t)column->offsets[row + 1] - begin;
    const char *text = size == 0 ? "" : (const char *)column->values + begin;

    if (column->type == LARDER_STRING)
        return sqlite3_bind_text64(
            statement, parameter, text, size, SQLITE_STATIC, SQLITE_UTF8);
    return sqlite3_bind_blob64(statement, parameter, text, size, SQLITE_STATIC);
}

static int
bind_list(sqlite3_stmt *statement, int parameter, const larder_column *column,
    size_t row)
{
    larder_value value = larder_column_value(column, row);
    size_t size = larder_value_print(&value, NULL, 0);
    char *text = sqlite3_malloc64(size + 1);

    if (text == NULL)
        return SQLITE_NOMEM;
    (void)larder_value_print(&value, text, size + 1);
    return sqlite3_bind_text64(
        statement, parameter, text, size, sqlite3_free, SQLITE_UTF8);
}

int
sqlite_bind(sqlite3_stmt *statement, int parameter, const larder_column *column,
    size_t row)
{
    if (sqlite_null(column, row))
        return sqlite3_bind_null(statement, parameter);
    switch ((int)column->type) {
    case LARDER_BOOL:
        return sqlite3_bind_int(statement, parameter,
            (((const uint8_t *)column->values)[row >> 3] >> (row & 7u)) & 1);
    case LARDER_INT32:
        return sqlite3_bind_int(
            statement, parameter, ((const int32_t *)column->values)[row]);
    case LARDER_INT64:
    case LARDER_TIMESTAMP:
        return sqlite3_bind_int64(
            statement, parameter, ((const int64_t *)column->values)[row]);
    case LARDER_FLOAT32:
        return bind_real(
            statement, parameter, (double)((const float *)column->values)[row]);
    case LARDER_FLOAT64:
        return bind_real(
            statement, parameter, ((const double *)column->values)[row]);
    case LARDER_STRING:
    case LARDER_BYTES:
        return bind_text(statement, parameter, column, row);
    default:
        return bind_list(statement, parameter, column, row);
    }
}

/* ----------------------------------------------------------------- reading */

/* The text or blob at hand; data is NULL when there was no memory for it. */
static larder_bytes
bytes_at(sqlite3_value *value)
{
    larder_bytes bytes = {0};

    if (sqlite3_value_type(value) == SQLITE_BLOB)
        bytes.data = sqlite3_value_blob(value);
    else
        bytes.data = sqlite3_value_text(value);
    bytes.size = (size_t)sqlite3_value_bytes(value);
    if (bytes.size == 0)
        bytes.data = "";
    return bytes;
}

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

/* Say which column of which table does not hold what it should. */
static larder_status
refuse(const sqlite_shape *shape, const sqlite_cell *cell, sqlite3_value *value,
    larder_error *err)
{
    static const char *const classes[] = {
        "", "integer", "real number", "text", "blob", "null"};
    int class = sqlite3_value_type(value);
    const unsigned char *text =
        class == SQLITE_BLOB ? NULL : sqlite3_value_text(value);

    return larder_fail(err, LARDER_INVALID,
        "%s, column '%s': the %s '%.60s' cannot be read as %s", shape->table,
        cell->name, classes[class], text == NULL ? "" : (const char *)text,
        larder_type_name(cell->type));
}

/* ------------------------------------------------------------------- times */

/* An integer of the user's unit, floored. False: out of range. */
static bool
scale_integer(larder_time_unit unit, int64_t value, larder_time *out)
{
    int64_t factor = 1;

    switch (unit) {
    case LARDER_UNIT_US:
        break;
    case LARDER_UNIT_S:
        factor = 1000000;
        break;
    case LARDER_UNIT_MS:
        factor = 1000;
        break;
    case LARDER_UNIT_NS:
        value = value / 1000 - (value % 1000 < 0);
        break;
    }
    if (value < LARDER_TIME_MIN / factor || value > LARDER_TIME_MAX / factor)
        return false;
    *out = value * factor;
    return true;
}

static bool
scale_real(larder_time_unit unit, double value, larder_time *out)
{
    static const double factors[] = {[LARDER_UNIT_US] = 1,
        [LARDER_UNIT_S] = 1e6,
        [LARDER_UNIT_MS] = 1e3,
        [LARDER_UNIT_NS] = 1e-3};
    double us = floor(value * factors[unit]);

    if (!(us >= (double)LARDER_TIME_MIN && us <= 253402300799999000.0))
        return false;
    *out = (larder_time)us;
    return true;
}

/* YYYY-MM-DD alone. */
static bool
is_date(larder_bytes text)
{
    const char *at = text.data;

    return text.size == 10 && at[4] == '-' && at[7] == '-';
}

static larder_status
parse_time(const sqlite_shape *shape, const sqlite_cell *cell,
    larder_bytes text, larder_time *out, larder_error *err)
{
    larder_status rc;

    if (text.data == NULL)
        return out_of_memory(err);
    rc = larder_time_parse(text, shape->naive_offset_minutes, out, err);
    if (rc != LARDER_OK)
        larder_context(err, "%s, column '%s'", shape->table, cell->name);
    else if (cell->role != ROLE_VALUE && shape->date_is_end_of_day &&
             is_date(text))
        *out += INT64_C(86400000000) - 1;
    return rc;
}

static larder_status
time_of(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_time *out, bool *null, larder_error *err)
{
    int class = sqlite3_value_type(value);
    bool fits = false;

    *null = class == SQLITE_NULL;
    if (*null)
        return LARDER_OK;
    if (class == SQLITE_INTEGER && shape->owned) {
        *out = sqlite3_value_int64(value);
        *null = cell->role == ROLE_CREATED && *out == NO_CREATED;
        return LARDER_OK;
    }
    if (class == SQLITE_TEXT)
        return parse_time(shape, cell, bytes_at(value), out, err);
    if (class == SQLITE_INTEGER)
        fits = scale_integer(shape->unit, sqlite3_value_int64(value), out);
    else if (class == SQLITE_FLOAT)
        fits = scale_real(shape->unit, sqlite3_value_double(value), out);
    return fits ? LARDER_OK : refuse(shape, cell, value, err);
}

larder_status
sqlite_read_time(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_stmt *statement, larder_time *out, bool *null, larder_error *err)
{
    *null = cell->index < 0;
    if (*null)
        return LARDER_OK;
    return time_of(shape, cell, sqlite3_column_value(statement, cell->index),
        out, null, err);
}

/* ------------------------------------------------------------------ values */

static larder_status
read_text(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    larder_bytes text = bytes_at(value);
    larder_status rc;

    if (text.data == NULL)
        return out_of_memory(err);
    rc = larder_value_parse(column, text, shape->naive_offset_minutes, err);
    if (rc != LARDER_OK)
        larder_context(err, "%s, column '%s'", shape->table, cell->name);
    return rc;
}

/* A real that is an int64 too: SQLite then gives it as one. */
static bool
is_whole(double real)
{
    return real >= -0x1p63 && real < 0x1p63 && real == floor(real);
}

static larder_status
read_integer(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    int class = sqlite3_value_type(value);
    int64_t integer = sqlite3_value_int64(value);
    larder_status rc;

    if (class == SQLITE_TEXT)
        return read_text(shape, cell, value, column, err);
    if (class == SQLITE_BLOB ||
        (class == SQLITE_FLOAT && !is_whole(sqlite3_value_double(value))))
        return refuse(shape, cell, value, err);
    if (cell->type == LARDER_BOOL && integer != 0 && integer != 1)
        return refuse(shape, cell, value, err);
    rc = larder_column_append_integer(column, integer, err);
    if (rc == LARDER_INVALID)
        return refuse(shape, cell, value, err);
    return rc;
}

static larder_status
read_real(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    int class = sqlite3_value_type(value);

    if (class == SQLITE_TEXT || (class == SQLITE_BLOB && shape->owned))
        return read_text(shape, cell, value, column, err);
    if (class == SQLITE_BLOB)
        return refuse(shape, cell, value, err);
    return larder_column_append_real(column, sqlite3_value_double(value), err);
}

/* Numbers in a column of text are spelt as Larder spells them. */
static larder_status
read_number_as_text(
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    larder_value number = {.type = LARDER_INT64};
    char text[64];

    number.as.integer = sqlite3_value_int64(value);
    if (sqlite3_value_type(value) == SQLITE_FLOAT) {
        number.type = LARDER_FLOAT64;
        number.as.real = sqlite3_value_double(value);
    }
    return larder_column_append_text(column,
        (larder_bytes){text, larder_value_print(&number, text, sizeof text)},
        err);
}

static bool
is_ascii(larder_bytes text)
{
    const unsigned char *at = text.data;

    for (size_t i = 0; i < text.size; i++)
        if (at[i] == 0 || at[i] > 0x7f)
            return false;
    return true;
}

static larder_status
read_string(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    int class = sqlite3_value_type(value);
    larder_bytes text;

    if (class == SQLITE_INTEGER || class == SQLITE_FLOAT)
        return read_number_as_text(value, column, err);
    if (class == SQLITE_BLOB)
        return refuse(shape, cell, value, err);
    text = bytes_at(value);
    if (text.data == NULL)
        return out_of_memory(err);
    if (shape->owned || is_ascii(text))
        return larder_column_append_text(column, text, err);
    return read_text(shape, cell, value, column, err);
}

static larder_status
read_bytes(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    int class = sqlite3_value_type(value);
    larder_bytes bytes;

    if (class != SQLITE_BLOB && class != SQLITE_TEXT)
        return refuse(shape, cell, value, err);
    bytes = bytes_at(value);
    if (bytes.data == NULL)
        return out_of_memory(err);
    return larder_column_append_text(column, bytes, err);
}

static larder_status
read_timestamp(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    larder_time time = 0;
    bool null = false;
    larder_status rc = time_of(shape, cell, value, &time, &null, err);

    if (rc != LARDER_OK)
        return rc;
    return null ? larder_column_append_null(column, err)
                : larder_column_append_integer(column, time, err);
}

/* Whatever is rare, or a user's. */
static larder_status
read_any(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    switch ((int)cell->type) {
    case LARDER_BOOL:
    case LARDER_INT32:
    case LARDER_INT64:
        return read_integer(shape, cell, value, column, err);
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        return read_real(shape, cell, value, column, err);
    case LARDER_STRING:
        return read_string(shape, cell, value, column, err);
    case LARDER_BYTES:
        return read_bytes(shape, cell, value, column, err);
    case LARDER_TIMESTAMP:
        return read_timestamp(shape, cell, value, column, err);
    default:
        if (sqlite3_value_type(value) != SQLITE_TEXT)
            return refuse(shape, cell, value, err);
        return read_text(shape, cell, value, column, err);
    }
}

static larder_status
read_value(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    int class = sqlite3_value_type(value);

    if (class == SQLITE_NULL)
        return larder_column_append_null(column, err);
    if (class == SQLITE_TEXT && cell->type == LARDER_STRING && shape->owned) {
        larder_bytes text = {.data = sqlite3_value_text(value)};

        text.size = (size_t)sqlite3_value_bytes(value);
        if (text.data == NULL)
            return out_of_memory(err);
        return larder_column_append_text(column, text, err);
    }
    return read_any(shape, cell, value, column, err);
}

/* Values that Larder wrote, by one call: what is null, text or a blob there
 * comes as 0, and is looked at again. False: read it in another way. */
static inline bool
push_real(larder_column *column, double real)
{
    return real != 0 && sqlite_push(column, &real);
}

static inline bool
push_integer(const sqlite_cell *cell, larder_column *column, int64_t integer)
{
    if (integer == 0 || (cell->plain == PLAIN_CREATED && integer == NO_CREATED))
        return false;
    return sqlite_push(column, &integer);
}

/* This is run for each cell of each row, so the plain cases come first. */
larder_status
sqlite_read(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_stmt *statement, larder_column *column, larder_error *err)
{
    if (cell->index < 0)
        return larder_column_append_null(column, err);
    if (cell->plain != PLAIN_NOT &&
        (cell->plain == PLAIN_REAL
                ? push_real(
                      column, sqlite3_column_double(statement, cell->index))
                : push_integer(cell, column,
                      sqlite3_column_int64(statement, cell->index))))
        return LARDER_OK;
    return read_value(
        shape, cell, sqlite3_column_value(statement, cell->index), column, err);
}

larder_status
sqlite_read_value(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_value *value, larder_column *column, larder_error *err)
{
    if (cell->plain != PLAIN_NOT &&
        (cell->plain == PLAIN_REAL
                ? push_real(column, sqlite3_value_double(value))
                : push_integer(cell, column, sqlite3_value_int64(value))))
        return LARDER_OK;
    return read_value(shape, cell, value, column, err);
}
