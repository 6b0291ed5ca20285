/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question.c - what a read of the online store is asked with.
 *
 * KEY=VALUE or --keys FILE say of which entities; --request NAME=VALUE holds
 * for all of them, a column of the file for the entity of its row.
 */
#include "question.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "speak.h"

#define KEY_FORM "KEY=VALUE, such as driver_id=1001"
#define REQUEST_FORM "NAME=VALUE, such as planned_calls=12"

/* ------------------------------------------------------ keys of the command */

struct pair {
    const char *name;
    const char *value;
};

/* `form` says what is right. */
static larder_status
split_pair(struct run *run, const char *word, const char *form,
    struct pair *out, larder_error *err)
{
    const char *equals = strchr(word, '=');

    if (equals == NULL || equals == word)
        return run_usage(run, err, "'%s' is not %s", word, form);
    out->name = ldr_arena_copy_n(&run->arena, word, (size_t)(equals - word));
    out->value = equals + 1;
    return out->name == NULL
               ? larder_fail(err, LARDER_NOMEM, "no memory for a key")
               : LARDER_OK;
}

/* Nothing of that name is asked for: the nearest, or all there are. */
static larder_status
unknown_name(const char *name, const char *kind, const larder_schema *known,
    larder_error *err)
{
    const char *names[64] = {NULL}, *near;
    size_t n = known->n_fields < 64 ? known->n_fields : 64;
    char all[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        names[i] = known->fields[i].name;
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                i == 0 ? "" : ", ", names[i]);
    }
    near = ldr_name_nearest(name, names, n);
    larder_fail(
        err, LARDER_INVALID, "'%s' is no %s of these features", name, kind);
    if (near != NULL)
        larder_hint(err, "did you mean '%s'?", near);
    else if (n > 0)
        larder_hint(err, "the %ss are: %s", kind, all);
    else if (strcmp(kind, "key") == 0)
        larder_hint(err, "they have no entity, and take no key");
    else
        larder_hint(err, "none of them takes a value with the request");
    return LARDER_INVALID;
}

/* One value into its column: text of the column's own type. */
static larder_status
add_pair(larder_batch *to, const char *kind, const struct pair *pair,
    larder_error *err)
{
    const larder_schema *schema = to->schema;
    larder_status rc;

    for (size_t i = 0; i < schema->n_fields; i++) {
        if (strcmp(schema->fields[i].name, pair->name) != 0)
            continue;
        rc = larder_value_parse(&to->columns[i],
            (larder_bytes){pair->value, strlen(pair->value)},
            LARDER_NAIVE_REFUSED, err);
        if (rc != LARDER_OK)
            larder_context(err, "%s '%s' (%s)", kind, pair->name,
                larder_type_name(schema->fields[i].type));
        return rc;
    }
    return unknown_name(pair->name, kind, schema, err);
}

/* Each key as often as the others: the first of each is the first entity. */
static larder_status
check_pairs(struct run *run, larder_batch *keys, larder_error *err)
{
    const larder_schema *schema = keys->schema;

    for (size_t i = 0; i < schema->n_fields; i++) {
        const char *name = schema->fields[i].name;

        if (keys->columns[i].n_rows == 0) {
            larder_fail(err, LARDER_INVALID, "key '%s' is missing", name);
            larder_hint(err, "say %s=VALUE", name);
            return LARDER_INVALID;
        }
        if (keys->columns[i].n_rows != keys->columns[0].n_rows)
            return run_usage(run, err,
                "%zu values for key '%s', and %zu for key '%s'",
                keys->columns[0].n_rows, schema->fields[0].name,
                keys->columns[i].n_rows, name);
    }
    keys->n_rows = schema->n_fields == 0 ? 1 : keys->columns[0].n_rows;
    return LARDER_OK;
}

static larder_status
keys_of_words(struct run *run, const larder_schema *schema, larder_stream *out,
    larder_error *err)
{
    static const char *const sources[] = {"key", "entities"};
    larder_batch keys = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&keys, schema, err));
    for (size_t s = 0; s < 2; s++) {
        const struct argument *words = argument_of(&run->arguments, sources[s]);

        for (size_t i = 0; i < words->n; i++) {
            struct pair pair = {0};

            LARDER_TRY(split_pair(run, words->texts[i], KEY_FORM, &pair, err));
            LARDER_TRY(add_pair(&keys, "key", &pair, err));
        }
    }
    LARDER_TRY(check_pairs(run, &keys, err));
    LARDER_TRY(larder_stream_of(&keys, out, err));
out:
    larder_batch_release(&keys);
    return rc;
}

/* ----------------------------------------------------------- keys of a file */

/* Standard input cannot be read twice: it goes through a temporary file. */
static larder_status
open_twice(
    struct run *run, const char *path, struct input *input, larder_error *err)
{
    char chunk[4096];
    FILE *copy;
    size_t n;
    larder_status rc = input_open(run, path, input, err);

    if (rc != LARDER_OK || fseek(input->file, 0, SEEK_SET) == 0)
        return rc;
    copy = tmpfile();
    if (copy == NULL)
        return larder_fail(
            err, LARDER_IO, "no temporary file: %s", strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, input->file)) > 0)
        fwrite(chunk, 1, n, copy);
    if (ferror(input->file) != 0) {
        larder_fail(err, LARDER_IO, "%s cannot be read: %s", input->name,
            strerror(errno));
        fclose(copy);
        return LARDER_IO;
    }
    if (ferror(copy) != 0 || fflush(copy) != 0) {
        fclose(copy);
        return larder_fail(
            err, LARDER_IO, "a temporary file cannot be written");
    }
    if (input->file != stdin)
        fclose(input->file);
    input->file = copy;
    rewind(copy);
    return LARDER_OK;
}

/* The columns that nothing asks for are named, then left alone. */
static larder_status
tell_ignored(struct run *run, struct input *input,
    const larder_text_options *options, const larder_schema *keys,
    larder_error *err)
{
    larder_text_options every = {.name = options->name,
        .format = options->format,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    larder_stream rows = {0};
    char names[400] = "";
    size_t used = 0;
    larder_status rc;

    LARDER_TRY(larder_text_read(input->file, &every, &run->call, &rows, err));
    for (size_t i = 0; i < rows.schema->n_fields; i++) {
        const char *name = rows.schema->fields[i].name;
        size_t k = 0;

        while (k < keys->n_fields && strcmp(keys->fields[k].name, name) != 0)
            k++;
        if (k == keys->n_fields && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                used == 0 ? "" : ", ", name);
    }
    if (used > 0)
        speak_note(run, "ignored columns of %s: %s", options->name, names);
out:
    larder_stream_close(&rows);
    rewind(input->file);
    return rc;
}

/* Columns of `read`; those that are keys have a value in each row. */
static larder_status
keys_of_file(struct question *q, const char *path, larder_error *err)
{
    struct run *run = q->run;
    size_t n = q->keys->n_fields;
    larder_text_options options = {.schema = &q->read,
        .n_required = n,
        .ignore_extra = true,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    const char **required =
        ldr_arena_array(&run->arena, n + 1, sizeof *required);
    larder_status rc;

    if (required == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for keys");
    if (q->read.n_fields == 0)
        return larder_fail(err, LARDER_INVALID,
            "these features have no entity, and take no key");
    for (size_t i = 0; i < n; i++)
        required[i] = q->keys->fields[i].name;
    LARDER_TRY(open_twice(run, path, &q->input, err));
    options.name = q->input.name;
    options.format = q->input.format;
    options.required = required;
    LARDER_TRY(tell_ignored(run, &q->input, &options, &q->read, err));
    LARDER_TRY(
        larder_text_read(q->input.file, &options, &run->call, &q->rows, err));
out:
    return rc;
}

/* ------------------------------------------------------- values of requests */

static larder_status
read_given(struct question *q, larder_error *err)
{
    const struct argument *words = argument_of(&q->run->arguments, "request");
    larder_status rc;

    LARDER_TRY(larder_batch_init(&q->given, q->requests, err));
    for (size_t i = 0; i < words->n; i++) {
        struct pair pair = {0};

        LARDER_TRY(
            split_pair(q->run, words->texts[i], REQUEST_FORM, &pair, err));
        LARDER_TRY(add_pair(&q->given, "request", &pair, err));
    }
    for (size_t i = 0; i < q->requests->n_fields; i++)
        if (q->given.columns[i].n_rows > 1)
            return run_usage(q->run, err, "request '%s' is given %zu times",
                q->requests->fields[i].name, q->given.columns[i].n_rows);
out:
    return rc;
}

/* What a read takes, and what of it a file has to tell. */
static larder_status
list_columns(struct question *q, larder_error *err)
{
    size_t n_keys = q->keys->n_fields, n_requests = q->requests->n_fields;
    larder_field *all =
        ldr_arena_array(&q->run->arena, n_keys + n_requests + 1, sizeof *all);
    larder_field *read =
        ldr_arena_array(&q->run->arena, n_keys + n_requests + 1, sizeof *read);

    if (all == NULL || read == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for keys");
    for (size_t i = 0; i < n_keys; i++)
        all[i] = read[i] = q->keys->fields[i];
    q->read = (larder_schema){read, n_keys};
    q->all = (larder_schema){all, n_keys + n_requests};
    for (size_t i = 0; i < n_requests; i++) {
        all[n_keys + i] = q->requests->fields[i];
        if (q->given.columns[i].n_rows == 0)
            read[q->read.n_fields++] = q->requests->fields[i];
    }
    return LARDER_OK;
}

/* Without a file each of them is on the command line. */
static larder_status
refuse_missing(const struct question *q, larder_error *err)
{
    for (size_t i = 0; i < q->requests->n_fields; i++) {
        const larder_field *field = &q->requests->fields[i];

        if (q->given.columns[i].n_rows > 0)
            continue;
        larder_fail(err, LARDER_INVALID, "request '%s' (%s) is missing",
            field->name, larder_type_name(field->type));
        larder_hint(err, "say --request %s=VALUE", field->name);
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

/* The same value for each of n rows. */
static larder_status
repeat(const larder_column *one, size_t n, larder_column *to, larder_error *err)
{
    larder_value value = larder_column_value(one, 0);
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < n; row++)
        LARDER_TRY(larder_column_append(to, &value, err));
out:
    return rc;
}

/* ----------------------------------------------------------------- the whole
 */

larder_status
question_check(struct run *run, larder_error *err)
{
    static const char *const words[][2] = {
        {"key", KEY_FORM}, {"request", REQUEST_FORM}};
    larder_status rc = LARDER_OK;

    if (argument_of(&run->arguments, "key")->n > 0 &&
        argument_text(&run->arguments, "keys") != NULL)
        return run_usage(
            run, err, "give KEY=VALUE, or a file with --keys: not both");
    for (size_t w = 0; w < 2; w++) {
        const struct argument *all = argument_of(&run->arguments, words[w][0]);

        for (size_t i = 0; i < all->n; i++) {
            struct pair pair;

            LARDER_TRY(split_pair(run, all->texts[i], words[w][1], &pair, err));
        }
    }
out:
    return rc;
}

larder_status
question_open(struct run *run, const larder_reader *reader,
    struct question *out, larder_error *err)
{
    const char *path = argument_text(&run->arguments, "keys");
    struct question *q = out;
    larder_status rc;

    *q = (struct question){.run = run,
        .keys = larder_reader_keys(reader),
        .requests = larder_reader_requests(reader)};
    LARDER_TRY(read_given(q, err));
    LARDER_TRY(list_columns(q, err));
    if (path != NULL)
        return keys_of_file(q, path, err);
    q->one = argument_of(&run->arguments, "key")->n +
                 argument_of(&run->arguments, "entities")->n <=
             q->keys->n_fields;
    LARDER_TRY(keys_of_words(run, q->keys, &q->rows, err));
    LARDER_TRY(refuse_missing(q, err));
out:
    return rc;
}

larder_status
question_next(struct question *q, larder_batch *out, larder_error *err)
{
    larder_batch rows = {0}, all = {0};
    size_t next = q->keys->n_fields;
    larder_status rc;

    LARDER_TRY(larder_stream_next(&q->rows, &rows, err));
    if (rows.n_rows == 0)
        goto out;
    LARDER_TRY(larder_batch_init(&all, &q->all, err));
    for (size_t i = 0; i < q->all.n_fields; i++) {
        size_t request = i - q->keys->n_fields;
        bool given =
            i >= q->keys->n_fields && q->given.columns[request].n_rows > 0;
        size_t from = i < q->keys->n_fields ? i : next;
        larder_column empty = all.columns[i];

        if (given) {
            LARDER_TRY(repeat(
                &q->given.columns[request], rows.n_rows, &all.columns[i], err));
            continue;
        }
        all.columns[i] = rows.columns[from];
        rows.columns[from] = empty;
        next += i >= q->keys->n_fields;
    }
    all.n_rows = rows.n_rows;
    *out = all;
    all = (larder_batch){0};
out:
    larder_batch_release(&all);
    larder_batch_release(&rows);
    return rc;
}

void
question_close(struct question *q)
{
    larder_stream_close(&q->rows);
    input_close(&q->input);
    larder_batch_release(&q->given);
}
