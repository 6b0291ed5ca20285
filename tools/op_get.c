/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_get.c - online reads: keys from the command line, or from a file.
 */
#include <errno.h>
#include <string.h>

#include "answer.h"
#include "base/name.h"
#include "input.h"
#include "speak.h"

/* ------------------------------------------------------ keys of the command */

struct pair {
    const char *name;
    const char *value;
};

static larder_status
split_pair(
    struct run *run, const char *word, struct pair *out, larder_error *err)
{
    const char *equals = strchr(word, '=');

    if (equals == NULL || equals == word)
        return run_usage(
            run, err, "'%s' is not KEY=VALUE, such as driver_id=1001", word);
    out->name = ldr_arena_copy_n(&run->arena, word, (size_t)(equals - word));
    out->value = equals + 1;
    return out->name == NULL
               ? larder_fail(err, LARDER_NOMEM, "no memory for a key")
               : LARDER_OK;
}

static larder_status
unknown_key(const char *name, const larder_schema *keys, larder_error *err)
{
    const char *names[64], *near;
    size_t n = keys->n_fields < 64 ? keys->n_fields : 64;
    char all[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        names[i] = keys->fields[i].name;
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                i == 0 ? "" : ", ", names[i]);
    }
    near = ldr_name_nearest(name, names, n);
    larder_fail(err, LARDER_INVALID, "'%s' is no key of these features", name);
    if (near != NULL)
        larder_hint(err, "did you mean '%s'?", near);
    else if (n == 0)
        larder_hint(err, "they have no entity, and take no key");
    else
        larder_hint(err, "the keys are: %s", all);
    return LARDER_INVALID;
}

/* One value into its column: text of the key's own type. */
static larder_status
add_pair(larder_batch *keys, const struct pair *pair, larder_error *err)
{
    const larder_schema *schema = keys->schema;
    larder_status rc;

    for (size_t i = 0; i < schema->n_fields; i++) {
        if (strcmp(schema->fields[i].name, pair->name) != 0)
            continue;
        rc = larder_value_parse(&keys->columns[i],
            (larder_bytes){pair->value, strlen(pair->value)},
            LARDER_NAIVE_REFUSED, err);
        if (rc != LARDER_OK)
            larder_context(err, "key '%s' (%s)", pair->name,
                larder_type_name(schema->fields[i].type));
        return rc;
    }
    return unknown_key(pair->name, schema, err);
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

            LARDER_TRY(split_pair(run, words->texts[i], &pair, err));
            LARDER_TRY(add_pair(&keys, &pair, err));
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

/* The columns that are no keys are named, then left alone. */
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

static larder_status
keys_of_file(struct run *run, const char *path, const larder_schema *schema,
    struct input *input, larder_stream *out, larder_error *err)
{
    larder_text_options options = {.schema = schema,
        .n_required = schema->n_fields,
        .ignore_extra = true,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    const char **required =
        ldr_arena_array(&run->arena, schema->n_fields + 1, sizeof *required);
    larder_status rc;

    if (required == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for keys");
    if (schema->n_fields == 0)
        return larder_fail(err, LARDER_INVALID,
            "these features have no entity, and take no key");
    for (size_t i = 0; i < schema->n_fields; i++)
        required[i] = schema->fields[i].name;
    LARDER_TRY(open_twice(run, path, input, err));
    options.name = input->name;
    options.format = input->format;
    options.required = required;
    LARDER_TRY(tell_ignored(run, input, &options, schema, err));
    LARDER_TRY(larder_text_read(input->file, &options, &run->call, out, err));
out:
    return rc;
}

/* ----------------------------------------------------------------- the read */

static larder_status
answer_all(struct run *run, larder_reader *reader, larder_stream *keys,
    struct answers *answers, larder_error *err)
{
    larder_batch batch = {0};
    larder_answer answer = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_stream_next(keys, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(larder_reader_get(reader, &run->call, &batch, &answer, err));
        LARDER_TRY(answers_add(answers, &batch, &answer, err));
    }
out:
    larder_answer_release(&answer);
    larder_batch_release(&batch);
    return rc;
}

static larder_status
read_keys(struct run *run, larder_reader *reader, larder_error *err)
{
    const char *path = argument_text(&run->arguments, "keys");
    const larder_schema *schema = larder_reader_keys(reader);
    struct input input = {0};
    struct answers answers = {0};
    larder_stream keys = {0};
    bool one;
    larder_status rc;

    LARDER_TRY(path == NULL
                   ? keys_of_words(run, schema, &keys, err)
                   : keys_of_file(run, path, schema, &input, &keys, err));
    one = path == NULL && argument_of(&run->arguments, "key")->n +
                                  argument_of(&run->arguments, "entities")->n <=
                              schema->n_fields;
    LARDER_TRY(answers_open(&answers, run, reader, one, err));
    rc = answer_all(run, reader, &keys, &answers, err);
    rc = answers_close(&answers, rc, err);
out:
    larder_stream_close(&keys);
    input_close(&input);
    return rc;
}

/* Faults of the line come before those of the store. */
static larder_status
check_line(struct run *run, larder_error *err)
{
    const struct argument *words = argument_of(&run->arguments, "key");
    larder_status rc = LARDER_OK;

    if (words->n > 0 && argument_text(&run->arguments, "keys") != NULL)
        return run_usage(
            run, err, "give KEY=VALUE, or a file with --keys: not both");
    for (size_t i = 0; i < words->n; i++) {
        struct pair pair;

        LARDER_TRY(split_pair(run, words->texts[i], &pair, err));
    }
out:
    return rc;
}

static larder_status
run_get(struct run *run, larder_error *err)
{
    const struct argument *at = argument_of(&run->arguments, "at");
    larder_features features = {0};
    larder_reader *reader = NULL;
    larder_store *store;
    larder_status rc;

    LARDER_TRY(check_line(run, err));
    LARDER_TRY(run_features(run, &features, err));
    if (at->n > 0) {
        run->call.now = at->time;
        features.at_time = true;
    }
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_reader_open(store, &run->call, &features, &reader, err));
    rc = read_keys(run, reader, err);
out:
    larder_reader_close(reader);
    return rc;
}

static const char *const aliases[] = {"get-online-features", NULL};

const struct operation op_get = {.name = "get",
    .aliases = aliases,
    .group = GROUP_ONLINE,
    .help = "read features of entities from the online store",
    .long_help =
        "Each feature comes with its status: PRESENT, NULL_VALUE, NOT_FOUND "
        "or OUTSIDE_MAX_AGE (older than the view's ttl; the value is null), "
        "and the time of the event it comes from. Several KEY=VALUE make one "
        "entity; a key given again begins another one. --keys reads many from "
        "a CSV or JSON lines file with a column for each key. A feature's "
        "default stands beside NULL_VALUE and NOT_FOUND; join gives null "
        "there.\n"
        "\n"
        "--at judges age as of another moment than now. The online store keeps "
        "the newest row alone: a moment before it is an error, and join "
        "answers that.",
    .params =
        (const struct param[]){
            {.name = "key",
                .type = PARAM_WORDS,
                .positional = true,
                .several = true,
                .value = "KEY=VALUE",
                .help = "a join key of the entity and its value"},
            PARAM_FEATURES, PARAM_SERVICE,
            {.name = "keys",
                .type = PARAM_FILE,
                .value = "FILE",
                .help = "read keys from FILE, or '-' for standard input"},
            {.name = "entities",
                .letter = 'e',
                .type = PARAM_WORDS,
                .hidden = true,
                .value = "KEY=VALUE",
                .help = "as KEY=VALUE, in Feast's spelling"},
            {.name = "at",
                .type = PARAM_TIME,
                .value = "TIME",
                .help = "as of TIME, such as 2024-03-01T12:00:00Z"},
            PARAM_FULL_NAMES, PARAM_FORMAT("the keys"), {0}},
    .run = run_get};
