/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonout.c - JSON written straight from rows. Numbers are spelt by base, so
 * they are the shortest that read back the same.
 */
#include "jsonout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/words.h"

#define TEXT_ROOM 512

void
jsonout_document(FILE *file, const json_t *document)
{
    json_dumpf(document, file,
        JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);
    fputc('\n', file);
}

void
jsonout_line(FILE *file, const json_t *document)
{
    json_dumpf(document, file,
        JSON_COMPACT | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);
    fputc('\n', file);
}

void
jsonout_member(FILE *file, const json_t *value)
{
    char *text = json_dumps(
        value, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);

    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        fputc(*at, file);
        if (*at == '\n')
            fputs("  ", file);
    }
    free(text);
}

static void
escape(FILE *file, unsigned char byte)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = byte == 0 ? NULL : strchr(plain, byte);

    if (at != NULL)
        fprintf(file, "\\%c", letters[at - plain]);
    else
        fprintf(file, "\\u%04x", (unsigned)byte);
}

void
jsonout_string(FILE *file, larder_bytes text)
{
    const unsigned char *bytes = text.data;

    fputc('"', file);
    for (size_t i = 0; i < text.size;) {
        size_t step;

        if (bytes[i] < 0x20 || bytes[i] == '"' || bytes[i] == '\\') {
            escape(file, bytes[i++]);
            continue;
        }
        step = ldr_words_character(bytes + i, text.size - i);
        if (step == 0)
            fputs("\xEF\xBF\xBD", file);
        else
            fwrite(bytes + i, 1, step, file);
        i += step == 0 ? 1 : step;
    }
    fputc('"', file);
}

static void
real(FILE *file, const larder_value *value)
{
    char text[LDR_NUMBER_ROOM];

    if (!isfinite(value->as.real)) {
        fputs("null", file);
        return;
    }
    if (value->type == LARDER_FLOAT32)
        ldr_float_print((float)value->as.real, text);
    else
        ldr_double_print(value->as.real, text);
    fputs(text, file);
}

/* What has no JSON of its own: its plain text as a string. */
static void
quoted(FILE *file, const larder_value *value)
{
    char few[TEXT_ROOM], *text = few;
    size_t size = larder_value_print(value, few, sizeof few);

    if (size >= sizeof few) {
        text = malloc(size + 1);
        if (text == NULL) {
            fputs("null", file);
            return;
        }
        larder_value_print(value, text, size + 1);
    }
    jsonout_string(file, (larder_bytes){text, size});
    if (text != few)
        free(text);
}

static void
list(FILE *file, const larder_value *value)
{
    fputc('[', file);
    for (size_t i = value->as.list.begin; i < value->as.list.end; i++) {
        larder_value item = larder_column_value(value->as.list.items, i);

        if (i > value->as.list.begin)
            fputs(", ", file);
        jsonout_value(file, &item);
    }
    fputc(']', file);
}

void
jsonout_value(FILE *file, const larder_value *value)
{
    char text[LDR_NUMBER_ROOM];

    if (value->null) {
        fputs("null", file);
        return;
    }
    if (value->type > LARDER_LIST) {
        list(file, value);
        return;
    }
    switch ((int)value->type) {
    case LARDER_BOOL:
        fputs(value->as.boolean ? "true" : "false", file);
        break;
    case LARDER_INT32:
    case LARDER_INT64:
        ldr_int64_print(value->as.integer, text);
        fputs(text, file);
        break;
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
        real(file, value);
        break;
    case LARDER_STRING:
        jsonout_string(file, value->as.text);
        break;
    default: /* bytes and times */
        quoted(file, value);
        break;
    }
}

static void
split(FILE *file, const larder_value *value)
{
    const char *at = value->as.text.data;
    size_t left = value->null ? 0 : value->as.text.size;

    fputc('[', file);
    while (left > 0) {
        size_t size = 0;

        while (size < left && at[size] != ',')
            size++;
        jsonout_string(file, (larder_bytes){at, size});
        size += size < left && at[size] == ',';
        size += size < left && at[size] == ' ';
        at += size;
        left -= size;
        if (left > 0)
            fputs(", ", file);
    }
    fputc(']', file);
}

void
jsonout_row(FILE *file, const larder_batch *batch, size_t row,
    const char *const *lists, size_t n_tokens)
{
    fputc('{', file);
    for (size_t c = 0; c < batch->schema->n_fields; c++) {
        const char *name = batch->schema->fields[c].name;
        larder_value value = larder_column_value(&batch->columns[c], row);
        const char *const *named = lists;

        if (c > 0)
            fputs(", ", file);
        jsonout_string(file, (larder_bytes){name, strlen(name)});
        fputs(": ", file);
        while (named != NULL && *named != NULL && strcmp(*named, name) != 0)
            named++;
        if (c < n_tokens && !value.null)
            fwrite(value.as.text.data, 1, value.as.text.size, file);
        else if (named != NULL && *named != NULL && !value.null)
            split(file, &value);
        else
            jsonout_value(file, &value);
    }
    fputc('}', file);
}
