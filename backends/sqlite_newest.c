/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_newest.c - of rows in order, the first of each key and its ties.
 */
#include "sqlite_newest.h"

#include <stdlib.h>
#include <string.h>

#define POINTER_NAME "larder_newest"

/* Rows of a key passed over before it is cheaper to seek the next key. */
#define PATIENCE 24u

/* One part of the key that was seen last. */
typedef struct key_part {
    int class;
    int64_t integer;
    unsigned char *text;
    size_t size, room;
} key_part;

struct sqlite_newest {
    larder_time from, to;
    bool arrived;
    int64_t after;
    larder_time seen_until;
    bool any; /* a row was kept */
    bool jumps, jumped;
    unsigned n_passed; /* rows of this key */
    int64_t event, created;
    size_t n_key;
    sqlite3_value **values; /* n_key of them */
    key_part key[];
};

larder_status
sqlite_newest_new(
    const larder_scan *scan, sqlite_newest **out, larder_error *err)
{
    sqlite_newest *newest =
        calloc(1, sizeof *newest + scan->n_key * sizeof newest->key[0]);

    if (newest == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    newest->from = scan->from;
    newest->to = scan->to;
    newest->arrived = scan->arrived;
    newest->after = scan->after;
    newest->seen_until = scan->seen_until;
    newest->n_key = scan->n_key;
    newest->values = calloc(scan->n_key + 1, sizeof(sqlite3_value *));
    if (newest->values == NULL) {
        free(newest);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    *out = newest;
    return LARDER_OK;
}

void
sqlite_newest_free(sqlite_newest *newest)
{
    if (newest == NULL)
        return;
    for (size_t i = 0; i < newest->n_key; i++)
        free(newest->key[i].text);
    free(newest->values);
    free(newest);
}

static bool
is_same(const key_part *part, sqlite3_value *value)
{
    const void *text;
    size_t size;

    if (sqlite3_value_type(value) != part->class)
        return false;
    if (part->class == SQLITE_INTEGER)
        return sqlite3_value_int64(value) == part->integer;
    text = part->class == SQLITE_BLOB ? sqlite3_value_blob(value)
                                      : sqlite3_value_text(value);
    size = (size_t)sqlite3_value_bytes(value);
    return size == part->size &&
           (size == 0 || memcmp(text, part->text, size) == 0);
}

static bool
remember(key_part *part, sqlite3_value *value)
{
    const void *text;
    size_t size;

    part->class = sqlite3_value_type(value);
    part->integer = 0;
    part->size = 0;
    if (part->class == SQLITE_INTEGER) {
        part->integer = sqlite3_value_int64(value);
        return true;
    }
    text = part->class == SQLITE_BLOB ? sqlite3_value_blob(value)
                                      : sqlite3_value_text(value);
    size = (size_t)sqlite3_value_bytes(value);
    if (size > part->room) {
        unsigned char *grown = realloc(part->text, size * 2);

        if (grown == NULL)
            return false;
        part->text = grown;
        part->room = size * 2;
    }
    if (size != 0) {
        if (text == NULL)
            return false;
        memcpy(part->text, text, size);
    }
    part->size = size;
    return true;
}

static bool
is_same_key(const sqlite_newest *newest, sqlite3_value **key)
{
    if (!newest->any)
        return false;
    for (size_t i = newest->n_key; i-- > 0;)
        if (!is_same(&newest->key[i], key[i]))
            return false;
    return true;
}

/* 1: keep; 0: leave out; -1: no memory. */
static int
admit(
    sqlite_newest *newest, int64_t event, int64_t created, sqlite3_value **key)
{
    if (is_same_key(newest, key)) {
        newest->n_passed++;
        return event == newest->event && created == newest->created;
    }
    newest->n_passed = 0;
    for (size_t i = 0; i < newest->n_key; i++)
        if (!remember(&newest->key[i], key[i]))
            return -1;
    newest->any = true;
    newest->event = event;
    newest->created = created;
    return 1;
}

larder_status
sqlite_newest_admit(sqlite_newest *newest, const sqlite_shape *shape,
    sqlite3_stmt *statement, bool *out, larder_error *err)
{
    const sqlite_cell *event = &shape->cells[shape->first];
    int64_t created = NO_CREATED;
    int answer;

    for (size_t i = 0; i < newest->n_key; i++)
        newest->values[i] =
            sqlite3_column_value(statement, shape->cells[i].index);
    if (event[1].index >= 0)
        created = sqlite3_column_int64(statement, event[1].index);
    answer = admit(newest, sqlite3_column_int64(statement, event->index),
        created, newest->values);
    if (answer < 0)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    *out = answer == 1;
    return LARDER_OK;
}

/* ------------------------------------------------------------- as function */

static void
call_admit(sqlite3_context *context, int n_values, sqlite3_value **values)
{
    sqlite_newest *newest =
        n_values == 0 ? NULL : sqlite3_value_pointer(values[0], POINTER_NAME);
    int64_t event, arrival;
    int answer;

    if (newest == NULL || (size_t)n_values != newest->n_key + 4) {
        sqlite3_result_error(context, "larder_newest() is not for users", -1);
        return;
    }
    event = sqlite3_value_int64(values[1]);
    arrival = sqlite3_value_int64(values[3]);
    if (event < newest->from || event > newest->to ||
        (newest->arrived && arrival <= newest->after &&
            event <= newest->seen_until)) {
        sqlite3_result_int(context, 0);
        return;
    }
    answer = admit(newest, event, sqlite3_value_int64(values[2]), values + 4);
    if (answer < 0)
        sqlite3_result_error_nomem(context);
    else if (answer == 0 && newest->jumps && newest->n_passed > PATIENCE) {
        newest->jumped = true;
        sqlite3_result_error(context, "the next key is sought", -1);
    } else
        sqlite3_result_int(context, answer);
}

void
sqlite_newest_set_jumps(sqlite_newest *newest, bool jumps)
{
    newest->jumps = jumps;
}

bool
sqlite_newest_jumped(sqlite_newest *newest)
{
    bool jumped = newest->jumped;

    newest->jumped = false;
    return jumped;
}

int
sqlite_newest_bind_key(
    const sqlite_newest *newest, sqlite3_stmt *statement, int first)
{
    int code = SQLITE_OK;

    for (size_t i = 0; i < newest->n_key && code == SQLITE_OK; i++) {
        const key_part *part = &newest->key[i];
        const void *text = part->size == 0 ? "" : (const void *)part->text;
        int parameter = first + (int)i;

        if (part->class == SQLITE_INTEGER)
            code = sqlite3_bind_int64(statement, parameter, part->integer);
        else if (part->class == SQLITE_TEXT)
            code = sqlite3_bind_text64(statement, parameter, text, part->size,
                SQLITE_TRANSIENT, SQLITE_UTF8);
        else
            code = sqlite3_bind_blob64(
                statement, parameter, text, part->size, SQLITE_TRANSIENT);
    }
    return code;
}

int
sqlite_newest_register(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "larder_newest", -1, SQLITE_UTF8,
        NULL, call_admit, NULL, NULL, NULL);
}

int
sqlite_newest_bind(
    sqlite_newest *newest, sqlite3_stmt *statement, int parameter)
{
    return sqlite3_bind_pointer(
        statement, parameter, newest, POINTER_NAME, NULL);
}
