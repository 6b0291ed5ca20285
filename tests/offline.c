/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.c - an offline store under test.
 */
#include "offline.h"

#include <stdlib.h>
#include <string.h>

#include "definition/config.h"

size_t
offline_n_types(void)
{
    const larder_offline_ops *const *ops = larder_offline_backends();
    size_t n = 0;

    while (ops[n] != NULL)
        n++;
    return n;
}

const char *
offline_type(size_t i)
{
    return larder_offline_backends()[i]->type;
}

/* -------------------------------------------------------------------- open */

static const larder_offline_ops *
find_ops(const char *type)
{
    const larder_offline_ops *const *ops = larder_offline_backends();

    while (*ops != NULL && strcmp((*ops)->type, type) != 0)
        ops++;
    return *ops;
}

bool
offline_has_file(const offline *store)
{
    return strcmp(store->ops->type, "memory") != 0;
}

static larder_status
open_section(offline *store, const char *type, const larder_options *section,
    bool create, larder_error *err)
{
    larder_status rc;

    *store = (offline){.ops = find_ops(type), .call = support_call(1000)};
    ck_assert_msg(store->ops != NULL, "there is no offline store '%s'", type);
    store->self = calloc(1, store->ops->state_bytes);
    ck_assert_ptr_nonnull(store->self);
    rc = store->ops->open(store->self, section, create, &store->call, err);
    if (rc != LARDER_OK) {
        free(store->self);
        *store = (offline){0};
    }
    return rc;
}

larder_status
offline_open_with(offline *store, const char *type, const char *option,
    const char *value, larder_error *err)
{
    ldr_option list = {.name = option, .value = value};
    larder_options section = {
        .options = &list, .n_options = 1, .section = "offline_store"};

    return open_section(store, type, &section, true, err);
}

larder_status
offline_open(offline *store, const char *type, const char *folder, bool create,
    larder_error *err)
{
    ldr_option option = {.name = "path"};
    larder_options section = {.options = &option, .section = "offline_store"};
    char path[512];

    snprintf(path, sizeof path, "%s/history.db", folder);
    option.value = path;
    section.n_options = strcmp(type, "memory") == 0 ? 0 : 1;
    return open_section(store, type, &section, create, err);
}

offline
offline_must_open(const char *type, const char *folder, bool create)
{
    larder_error err = {0};
    offline store;
    larder_status rc = offline_open(&store, type, folder, create, &err);

    ck_assert_msg(rc == LARDER_OK, "open %s: %s", type, err.message);
    return store;
}

void
offline_close(offline *store)
{
    if (store->self == NULL)
        return;
    store->ops->close(store->self);
    free(store->self);
    *store = (offline){0};
}

/* ------------------------------------------------------------------- words */

static void
add_cell(larder_column *column, char *cell, size_t size)
{
    larder_error err = {0};
    larder_status rc;

    for (size_t i = 0; i < size; i++)
        if (cell[i] == '/')
            cell[i] = ',';
    if (size == 0)
        rc = larder_column_append_null(column, &err);
    else if (size == 2 && cell[0] == '\'' && cell[1] == '\'')
        rc = larder_column_append_text(column, (larder_bytes){"", 0}, &err);
    else if (column->type == LARDER_TIMESTAMP &&
             memchr(cell, '-', size) == NULL)
        rc =
            larder_column_append_integer(column, strtoll(cell, NULL, 10), &err);
    else
        rc = larder_value_parse(column, (larder_bytes){cell, size}, 0, &err);
    ck_assert_msg(
        rc == LARDER_OK, "cell '%.*s': %s", (int)size, cell, err.message);
}

larder_batch
offline_batch(const larder_schema *schema, const char *words)
{
    larder_batch batch = {0};
    char *copy = strdup(words), *at = copy;

    ck_assert_ptr_nonnull(copy);
    ck_assert_int_eq(larder_batch_init(&batch, schema, NULL), LARDER_OK);
    while (*at != '\0') {
        for (size_t i = 0; i < schema->n_fields; i++) {
            size_t size = strcspn(at, ",;");

            ck_assert_msg((at[size] == ',') == (i + 1 < schema->n_fields),
                "not %zu cells: %s", schema->n_fields, at);
            add_cell(&batch.columns[i], at, size);
            at += size + (at[size] != '\0');
        }
        batch.n_rows++;
    }
    free(copy);
    return batch;
}

larder_stream
offline_stream(const larder_schema *schema, const char *words)
{
    larder_batch batch = offline_batch(schema, words);
    larder_stream stream = {0};

    ck_assert_int_eq(larder_stream_of(&batch, &stream, NULL), LARDER_OK);
    return stream;
}

/* One row; times as numbers, which are easier on the eye. */
static char *
row_words(const larder_batch *batch, size_t row)
{
    char *words = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&words, &size);

    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        larder_value value = larder_column_value(&batch->columns[i], row);
        char text[256];
        size_t length = 0;

        if (value.type == LARDER_TIMESTAMP)
            value.type = LARDER_INT64;
        if (!value.null)
            length = larder_value_print(&value, text, sizeof text);
        ck_assert_uint_lt(length, sizeof text);
        for (size_t k = 0; k < length; k++)
            if (text[k] == ',')
                text[k] = '/';
        if (!value.null && length == 0)
            length = (size_t)snprintf(text, sizeof text, "''");
        fprintf(file, "%s%.*s", i == 0 ? "" : ",", (int)length, text);
    }
    ck_assert_int_eq(fclose(file), 0);
    return words;
}

static int
compare_words(const void *a, const void *b)
{
    char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* The rows between semicolons; takes them. */
static char *
join_rows(char **rows, size_t n_rows)
{
    char *words = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&words, &size);

    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < n_rows; i++) {
        fprintf(file, "%s%s", i == 0 ? "" : ";", rows[i]);
        free(rows[i]);
    }
    ck_assert_int_eq(fclose(file), 0);
    free(rows);
    return words;
}

char *
offline_words(larder_stream *stream, bool sorted)
{
    larder_batch batch = {0};
    larder_error err = {0};
    char **rows = NULL;
    size_t n_rows = 0;

    for (;;) {
        larder_status rc = larder_stream_next(stream, &batch, &err);

        ck_assert_msg(rc == LARDER_OK, "next: %s", err.message);
        if (batch.n_rows == 0)
            break;
        rows = realloc(rows, (n_rows + batch.n_rows) * sizeof *rows);
        ck_assert_ptr_nonnull(rows);
        for (size_t row = 0; row < batch.n_rows; row++)
            rows[n_rows++] = row_words(&batch, row);
        larder_batch_release(&batch);
    }
    larder_stream_close(stream);
    if (sorted && n_rows != 0)
        qsort(rows, n_rows, sizeof *rows, compare_words);
    return join_rows(rows, n_rows);
}

/* ----------------------------------------------------------------- methods */

void
offline_create(offline *store, const larder_table *table)
{
    larder_error err = {0};
    larder_status rc = store->ops->create(
        store->self, &store->call, table, NULL, NULL, 0, &err);

    ck_assert_msg(rc == LARDER_OK, "create: %s", err.message);
}

larder_appended
offline_append(offline *store, const larder_table *table, const char *words)
{
    larder_stream rows = offline_stream(table->schema, words);
    larder_appended appended = {0};
    larder_error err = {0};
    larder_status rc = store->ops->append(
        store->self, &store->call, table, &rows, &appended, &err);

    larder_stream_close(&rows);
    ck_assert_msg(rc == LARDER_OK, "append: %s", err.message);
    return appended;
}

static char *
scan(offline *store, const larder_scan *wanted, bool in_order)
{
    larder_order kept = LARDER_ORDER_ANY;
    larder_stream rows = {0};
    larder_error err = {0};
    larder_status rc;
    char *words;

    rc = store->ops->begin(store->self, &store->call, 1, &err);
    ck_assert_msg(rc == LARDER_OK, "begin: %s", err.message);
    rc = store->ops->scan(
        store->self, 0, &store->call, wanted, &rows, &kept, &err);
    ck_assert_msg(rc == LARDER_OK, "scan: %s", err.message);
    if (in_order)
        ck_assert_int_eq(kept, wanted->order);
    words = offline_words(&rows, !in_order);
    store->ops->end(store->self);
    return words;
}

char *
offline_scan(offline *store, const larder_scan *wanted)
{
    return scan(store, wanted, false);
}

char *
offline_scan_in_order(offline *store, const larder_scan *wanted)
{
    return scan(store, wanted, true);
}

void
offline_expect(char *words, const char *expected)
{
    ck_assert_str_eq(words, expected);
    free(words);
}
