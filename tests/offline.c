/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.c - an offline store under test.
 */
#include "offline.h"

#include <stdlib.h>
#include <string.h>

#include "tests/servers.h"

/* Stores that need servers, which are of these kinds. */
static const char *const served[] = {"postgres", "pgbouncer"};

static bool
is_served(const char *type)
{
    return strcmp(type, served[0]) == 0 || strcmp(type, served[1]) == 0;
}

/* The i-th type; NULL: there are no more. */
static const char *
type_at(size_t i)
{
    const larder_offline_ops *const *ops = larder_offline_backends();

    for (; *ops != NULL; ops++) {
        bool more = is_served((*ops)->type);

        if (more && servers_skipped())
            continue;
        if (i == 0)
            return (*ops)->type;
        if (more && i == 1)
            return served[1];
        i -= more ? 2 : 1;
    }
    return NULL;
}

size_t
offline_n_types(void)
{
    size_t n = 0;

    for (const char *type = type_at(0); type != NULL; type = type_at(++n))
        if (is_served(type))
            (void)servers_start(type);
    return n;
}

const char *
offline_type(size_t i)
{
    return type_at(i);
}

/* Tests that are counted as skipped: each run says so, by the name at its
 * index. */
#define N_SKIPPED_MAX 256
static TTest skipped[N_SKIPPED_MAX];
static int n_skipped;

static void
say_skipped(int i)
{
    servers_skip(skipped[i].name);
}

static void
skip(TCase *tests, const TTest *test, int n)
{
    for (; servers_skipped() && n > 0 && n_skipped < N_SKIPPED_MAX; n--) {
        skipped[n_skipped] = *test;
        skipped[n_skipped].fn = say_skipped;
        tcase_add_loop_test(
            tests, &skipped[n_skipped], n_skipped, n_skipped + 1);
        n_skipped++;
    }
}

void
offline_skip(TCase *tests, const TTest *test, int n)
{
    const larder_offline_ops *const *ops = larder_offline_backends();

    for (; *ops != NULL; ops++)
        if (is_served((*ops)->type))
            skip(tests, test, n * (int)(sizeof served / sizeof served[0]));
}

void
offline_add(TCase *tests, const TTest *test, int n)
{
    tcase_add_loop_test(tests, test, 0, n);
    offline_skip(tests, test, 1);
}

void
offline_add_served(TCase *tests, const TTest *test)
{
    if (!servers_skipped())
        tcase_add_test(tests, test);
    skip(tests, test, 1);
}

/* -------------------------------------------------------------------- open */

static const larder_offline_ops *
find_ops(const char *type)
{
    const larder_offline_ops *const *ops = larder_offline_backends();

    if (strcmp(type, served[1]) == 0)
        type = served[0];
    while (*ops != NULL && strcmp((*ops)->type, type) != 0)
        ops++;
    return *ops;
}

bool
offline_has_file(const offline *store)
{
    return strcmp(store->ops->type, "sqlite") == 0;
}

bool
offline_lasts(const offline *store)
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
    store->single = strcmp(type, served[1]) == 0;
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

/* The end of the folder's path, which is its own. */
static const char *
last_word(const char *folder)
{
    const char *slash = strrchr(folder, '/');

    return slash == NULL ? folder : slash + 1;
}

void
offline_place_of(offline_place *place, const char *type, const char *folder)
{
    *place = (offline_place){
        .ops = find_ops(type), .section.section = "offline_store"};
    if (is_served(type)) {
        place->list[0] = (ldr_option){
            .name = "connection_string", .value = servers_start(type)};
        place->list[1] =
            (ldr_option){.name = "db_schema", .value = last_word(folder)};
        place->section.n_options = 2;
    } else if (strcmp(type, "memory") != 0) {
        snprintf(place->path, sizeof place->path, "%s/history.db", folder);
        place->list[0] = (ldr_option){.name = "path", .value = place->path};
        place->section.n_options = 1;
    }
    place->section.options = place->list;
}

larder_status
offline_open(offline *store, const char *type, const char *folder, bool create,
    larder_error *err)
{
    offline_place place;

    offline_place_of(&place, type, folder);
    return open_section(store, type, &place.section, create, err);
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
