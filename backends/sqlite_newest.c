/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_newest.c - of rows in order, the first of each key and its ties.
 */
#include "sqlite_newest.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

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
    bool any;    /* a row was kept */
    bool simple; /* of a key that is one integer, and not 0 */
    bool null;   /* of a key with a null part: no key is greater than that */
    bool passed; /* and an older one of its key seen: so are all that follow */
    sqlite_stop stop;
    unsigned n_passed, patience; /* rows of this key, and how many at most */
    const sqlite_bound *high;    /* NULL: there is none */
    int64_t event, created;
    size_t n_key;
    size_t arrival_at, key_at, n_values; /* of the function's arguments */
    sqlite3_value **values;              /* n_key of them */
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
    newest->patience = UINT_MAX;
    newest->n_key = scan->n_key;
    newest->arrival_at = scan->table->created == NULL ? 1 : 2;
    newest->key_at = newest->arrival_at + scan->arrived;
    newest->n_values = newest->key_at + scan->n_key;
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

/* Most keys are integers: a value is asked for its class only where that could
 * be in doubt, as null and all that is no number are 0 too. */
static inline bool
is_same(const key_part *part, sqlite3_value *value)
{
    const void *text;
    size_t size;

    if (part->class == SQLITE_INTEGER)
        return sqlite3_value_int64(value) == part->integer &&
               (part->integer != 0 ||
                   sqlite3_value_type(value) == SQLITE_INTEGER);
    if (sqlite3_value_type(value) != part->class)
        return false;
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

static inline bool
is_same_key(const sqlite_newest *newest, sqlite3_value **key)
{
    if (newest->simple)
        return sqlite3_value_int64(key[0]) == newest->key[0].integer;
    if (!newest->any)
        return false;
    for (size_t i = newest->n_key; i-- > 0;)
        if (!is_same(&newest->key[i], key[i]))
            return false;
    return true;
}

/* A row of the key at hand: is it tied with its newest? */
static bool
is_tied(sqlite_newest *newest, int64_t event, int64_t created)
{
    newest->passed = event != newest->event || created != newest->created;
    newest->n_passed += newest->passed;
    return !newest->passed;
}

/* The first row of a key. False: no memory. */
static bool
take_key(
    sqlite_newest *newest, int64_t event, int64_t created, sqlite3_value **key)
{
    newest->null = false;
    for (size_t i = 0; i < newest->n_key; i++) {
        if (!remember(&newest->key[i], key[i]))
            return false;
        newest->null = newest->null || newest->key[i].class == SQLITE_NULL;
    }
    newest->any = true;
    newest->simple = newest->n_key == 1 && newest->key[0].integer != 0;
    newest->passed = false;
    newest->n_passed = 0;
    newest->event = event;
    newest->created = created;
    return true;
}

larder_status
sqlite_newest_admit(sqlite_newest *newest, const sqlite_shape *shape,
    sqlite3_stmt *statement, bool *out, larder_error *err)
{
    const sqlite_cell *cell = &shape->cells[shape->first];
    int64_t event = sqlite3_column_int64(statement, cell->index);
    int64_t created = NO_CREATED;

    for (size_t i = 0; i < newest->n_key; i++)
        newest->values[i] =
            sqlite3_column_value(statement, shape->cells[i].index);
    if (cell[1].index >= 0)
        created = sqlite3_column_int64(statement, cell[1].index);
    *out = true;
    if (is_same_key(newest, newest->values))
        *out = is_tied(newest, event, created);
    else if (!take_key(newest, event, created, newest->values))
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    return LARDER_OK;
}

/* ------------------------------------------------------------- as function */

static void
stop(sqlite_newest *newest, sqlite3_context *context, sqlite_stop why)
{
    newest->stop = why;
    sqlite3_result_error(context, "the statement is stopped", -1);
}

static inline void
pass_over(sqlite_newest *newest, sqlite3_context *context)
{
    if (newest->n_passed > newest->patience && !newest->null)
        stop(newest, context, newest->n_key == 0 ? STOP_END : STOP_JUMP);
}

static bool
is_in_scan(const sqlite_newest *newest, int64_t event, sqlite3_value **values)
{
    if (event < newest->from || event > newest->to)
        return false;
    return !newest->arrived || event > newest->seen_until ||
           sqlite3_value_int64(values[newest->arrival_at]) > newest->after;
}

/* A row that is not passed over: of a new key, or perhaps tied. */
static void
judge(sqlite_newest *newest, sqlite3_context *context, sqlite3_value **values,
    bool same)
{
    int64_t event = sqlite3_value_int64(values[0]), created = NO_CREATED;

    if (!same && newest->high != NULL &&
        sqlite_bound_reached(newest->high, values[newest->key_at])) {
        stop(newest, context, STOP_END);
        return;
    }
    if (!is_in_scan(newest, event, values))
        return;
    if (newest->arrival_at == 2)
        created = sqlite3_value_int64(values[1]);
    if (same && !is_tied(newest, event, created))
        pass_over(newest, context);
    else if (same || take_key(newest, event, created, values + newest->key_at))
        sqlite3_result_int(context, 1);
    else
        sqlite3_result_error_nomem(context);
}

/* Run for each row of history, most of which are passed over. No answer is no:
 * null is as good as false, and costs less. */
static void
call_admit(sqlite3_context *context, int n_values, sqlite3_value **values)
{
    sqlite_newest *newest = *(sqlite_newest **)sqlite3_user_data(context);
    bool same;

    if (newest == NULL || (size_t)n_values != newest->n_values) {
        sqlite3_result_error(context, "larder_newest() is not for users", -1);
        return;
    }
    same = is_same_key(newest, values + newest->key_at);
    if (!same || !newest->passed) {
        judge(newest, context, values, same);
        return;
    }
    newest->n_passed++;
    pass_over(newest, context);
}

sqlite_stop
sqlite_newest_stopped(sqlite_newest *newest)
{
    sqlite_stop why = newest->stop;

    newest->stop = STOP_NOT;
    return why;
}

void
sqlite_newest_set_end(sqlite_newest *newest, const sqlite_bound *high)
{
    newest->high = high->set ? high : NULL;
}

void
sqlite_newest_set_jumps(sqlite_newest *newest)
{
    newest->patience = PATIENCE;
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
sqlite_newest_register(sqlite3 *db, sqlite_newest **asked)
{
    return sqlite3_create_function_v2(db, "larder_newest", -1, SQLITE_UTF8,
        asked, call_admit, NULL, NULL, NULL);
}
