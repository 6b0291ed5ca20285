/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - answers of the online store, printed.
 *
 * For people one entity is a list of its features, and many are a table where a
 * status stands for a value that is not there. CSV and JSON lines say status
 * and event time beside each value. JSON is what Feast's server answers: join
 * keys first, a column at a time.
 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "fallback.h"
#include "jsonout.h"

#define EPOCH "\"1970-01-01T00:00:00Z\""

static larder_presence
presence_of(const larder_answer *answer, size_t feature, size_t row)
{
    return (
        larder_presence)answer->presence[feature * answer->values.n_rows + row];
}

static larder_time
time_of(const larder_answer *answer, size_t feature, size_t row)
{
    return answer->event_times[feature * answer->values.n_rows + row];
}

/* --------------------------------------------------------------- as columns */

static larder_status
choose_fields(struct answers *answers, larder_error *err)
{
    static const larder_field one[] = {{"feature", LARDER_STRING},
        {"value", LARDER_STRING}, {"status", LARDER_STRING},
        {"event_timestamp", LARDER_TIMESTAMP}};
    const larder_schema *keys = answers->keys, *features = answers->features;
    bool people = answers->run->output == OUTPUT_TABLE;
    struct run *run = answers->run;
    size_t n = 0;

    if (answers->one && people) {
        answers->schema = (larder_schema){one, sizeof one / sizeof *one};
        return LARDER_OK;
    }
    answers->fields = ldr_arena_array(&run->arena,
        keys->n_fields + 3 * features->n_fields + 1, sizeof *answers->fields);
    if (answers->fields == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for an answer");
    for (size_t i = 0; i < keys->n_fields; i++)
        answers->fields[n++] = keys->fields[i];
    for (size_t i = 0; i < features->n_fields; i++) {
        const char *name = features->fields[i].name;

        answers->fields[n++] = (larder_field){
            name, people ? LARDER_STRING : features->fields[i].type};
        if (people)
            continue;
        answers->fields[n++] = (larder_field){
            ldr_arena_printf(&run->arena, "%s__status", name), LARDER_STRING};
        answers->fields[n++] = (larder_field){
            ldr_arena_printf(&run->arena, "%s__event_timestamp", name),
            LARDER_TIMESTAMP};
        if (answers->fields[n - 1].name == NULL ||
            answers->fields[n - 2].name == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory for an answer");
    }
    answers->schema = (larder_schema){answers->fields, n};
    return LARDER_OK;
}

larder_status
answers_open(struct answers *answers, struct run *run,
    const larder_reader *reader, bool one, larder_error *err)
{
    static const struct listing listing = {.name = "results", .null = "-"};
    larder_status rc;

    *answers = (struct answers){.run = run,
        .keys = larder_reader_keys(reader),
        .features = larder_reader_features(reader),
        .one = one};
    if (run->output == OUTPUT_JSON)
        return LARDER_OK;
    LARDER_TRY(choose_fields(answers, err));
    rc = print_open(&answers->printer, run, &listing, &answers->schema, err);
out:
    return rc;
}

/* The text of a value, in the arena of the run; NULL: none. */
static const char *
text_of(struct answers *answers, const larder_value *value)
{
    size_t size = larder_value_print(value, NULL, 0);
    char *text = malloc(size + 1);
    const char *kept = NULL;

    if (text != NULL) {
        larder_value_print(value, text, size + 1);
        kept = ldr_arena_copy_n(&answers->run->arena, text, size);
    }
    free(text);
    return kept;
}

static void
time_cell(struct sheet *sheet, larder_time time)
{
    if (time == LARDER_NO_TIME)
        sheet_null(sheet);
    else
        sheet_time(sheet, time);
}

static void
add_one(
    struct answers *answers, struct sheet *sheet, const larder_answer *answer)
{
    for (size_t f = 0; f < answers->features->n_fields; f++) {
        larder_value value = larder_column_value(&answer->values.columns[f], 0);

        sheet_text(sheet, answers->features->fields[f].name);
        sheet_text(sheet, value.null ? NULL : text_of(answers, &value));
        sheet_text(sheet, larder_presence_name(presence_of(answer, f, 0)));
        time_cell(sheet, time_of(answer, f, 0));
    }
}

static void
add_row(struct answers *answers, struct sheet *sheet, const larder_batch *keys,
    const larder_answer *answer, size_t row)
{
    bool people = answers->run->output == OUTPUT_TABLE;

    for (size_t k = 0; k < answers->keys->n_fields; k++)
        sheet_cell(sheet, larder_column_value(&keys->columns[k], row));
    for (size_t f = 0; f < answers->features->n_fields; f++) {
        larder_value value =
            larder_column_value(&answer->values.columns[f], row);
        larder_presence presence = presence_of(answer, f, row);
        const char *status = larder_presence_name(presence);

        if (people) {
            sheet_text(sheet,
                presence != LARDER_PRESENT ? status : text_of(answers, &value));
            continue;
        }
        sheet_cell(sheet, value);
        sheet_text(sheet, status);
        time_cell(sheet, time_of(answer, f, row));
    }
}

static larder_status
print_chunk(struct answers *answers, const larder_batch *keys,
    const larder_answer *answer, larder_error *err)
{
    struct sheet sheet;
    larder_status rc;

    sheet_begin(&sheet, answers->schema.fields, answers->schema.n_fields);
    if (answers->one && answers->run->output == OUTPUT_TABLE)
        add_one(answers, &sheet, answer);
    else
        for (size_t i = 0; i < keys->n_rows; i++)
            add_row(answers, &sheet, keys, answer, i);
    rc = sheet.rc;
    if (rc != LARDER_OK && err != NULL)
        *err = sheet.error;
    else
        rc = print_batch(&answers->printer, &sheet.batch, err);
    larder_batch_release(&sheet.batch);
    return rc;
}

static larder_status
keep_chunk(struct answers *answers, larder_batch *keys, larder_answer *answer,
    larder_error *err)
{
    if (answers->n_chunks == answers->room) {
        size_t room = answers->room == 0 ? 16 : answers->room * 2;
        struct answer_chunk *chunks =
            realloc(answers->chunks, room * sizeof *chunks);

        if (chunks == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory for answers");
        answers->chunks = chunks;
        answers->room = room;
    }
    answers->chunks[answers->n_chunks++] =
        (struct answer_chunk){.keys = *keys, .answer = *answer};
    *keys = (larder_batch){0};
    *answer = (larder_answer){0};
    return LARDER_OK;
}

larder_status
answers_add(struct answers *answers, larder_batch *keys, larder_answer *answer,
    larder_error *err)
{
    larder_status rc = answers->run->output == OUTPUT_JSON
                           ? keep_chunk(answers, keys, answer, err)
                           : print_chunk(answers, keys, answer, err);

    larder_batch_release(keys);
    larder_answer_release(answer);
    return rc;
}

/* ------------------------------------------------------------------ as JSON */

/* Of two stores, which answered. */
static void
print_store(const struct answers *answers, const larder_answer *answer)
{
    json_t *store;

    if (answer->store == NULL)
        return;
    store = fallback_json(answers->run, answer);
    fputs(", \"store\": ", stdout);
    (void)json_dumpf(store, stdout, 0);
    json_decref(store);
}

static void
print_names(const struct answers *answers)
{
    size_t n_keys = answers->keys->n_fields;

    fputs("{\n  \"metadata\": {\"feature_names\": [", stdout);
    for (size_t i = 0; i < n_keys + answers->features->n_fields; i++) {
        const char *name = i < n_keys
                               ? answers->keys->fields[i].name
                               : answers->features->fields[i - n_keys].name;

        if (i > 0)
            fputs(", ", stdout);
        jsonout_string(stdout, (larder_bytes){name, strlen(name)});
    }
    fputs("]", stdout);
    if (answers->n_chunks > 0)
        print_store(answers, &answers->chunks[0].answer);
    fputs("},\n  \"results\": [", stdout);
}

/* A key is there because it was asked for. */
static void
print_cell(const struct answer_chunk *chunk, size_t column, size_t n_keys,
    size_t row, int part)
{
    bool key = column < n_keys;
    size_t f = column - n_keys;
    larder_value value = larder_column_value(
        key ? &chunk->keys.columns[column] : &chunk->answer.values.columns[f],
        row);
    char text[33];

    if (part == 0) {
        jsonout_value(stdout, &value);
    } else if (part == 1) {
        printf("\"%s\"",
            larder_presence_name(
                key ? LARDER_PRESENT : presence_of(&chunk->answer, f, row)));
    } else if (key || time_of(&chunk->answer, f, row) == LARDER_NO_TIME) {
        fputs(EPOCH, stdout);
    } else {
        larder_time_print(time_of(&chunk->answer, f, row), text);
        printf("\"%s\"", text);
    }
}

static void
print_results(const struct answers *answers)
{
    static const char *const parts[] = {"\"values\": [",
        "],\n     \"statuses\": [", "],\n     \"event_timestamps\": ["};
    size_t n_keys = answers->keys->n_fields;

    for (size_t c = 0; c < n_keys + answers->features->n_fields; c++) {
        fputs(c == 0 ? "\n    {" : ",\n    {", stdout);
        for (int part = 0; part < 3; part++) {
            bool first = true;

            fputs(parts[part], stdout);
            for (size_t i = 0; i < answers->n_chunks; i++)
                for (size_t r = 0; r < answers->chunks[i].keys.n_rows; r++) {
                    if (!first)
                        fputs(", ", stdout);
                    first = false;
                    print_cell(&answers->chunks[i], c, n_keys, r, part);
                }
        }
        fputs("]}", stdout);
    }
    fputs("\n  ]\n}\n", stdout);
}

larder_status
answers_close(struct answers *answers, larder_status rc, larder_error *err)
{
    if (answers->run->output == OUTPUT_JSON) {
        if (rc == LARDER_OK) {
            print_names(answers);
            print_results(answers);
            rc = print_flush(answers->run, err);
        }
    } else {
        rc = print_close(&answers->printer, rc, NULL, err);
    }
    for (size_t i = 0; i < answers->n_chunks; i++) {
        larder_batch_release(&answers->chunks[i].keys);
        larder_answer_release(&answers->chunks[i].answer);
    }
    free(answers->chunks);
    *answers = (struct answers){0};
    return rc;
}
