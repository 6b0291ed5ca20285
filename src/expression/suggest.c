/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.c - what an expression's writer may have meant.
 */
#include "expression/suggest.h"

#include <string.h>

#include "base/name.h"
#include "larder_backend.h"

/* Parts of the text that are longer are not repeated in a hint. */
#define SHOWN_MAX 40
/* Room for a name that is compared with known ones. */
#define NAME_ROOM 64

static const char *
text_at(const ldr_reading *reading, size_t at)
{
    return (const char *)reading->text.data + at;
}

/* The name in a text, cut where it is too long for any. */
static void
copy_name(
    const ldr_reading *reading, const ldr_node *node, char name[NAME_ROOM])
{
    size_t size = node->name_end - node->name_begin;

    if (size >= NAME_ROOM)
        size = NAME_ROOM - 1;
    memcpy(name, text_at(reading, node->name_begin), size);
    name[size] = '\0';
}

/* ----------------------------------------------------------------- columns */

/* "the columns are a, b, c", as far as there is room. */
static void
list_columns(ldr_reading *reading)
{
    const larder_schema *columns = reading->columns;
    char words[128] = "";
    size_t used = 0;

    for (size_t c = 0; c < columns->n_fields; c++) {
        const char *name = columns->fields[c].name;
        size_t size = strlen(name);

        if (used + size + 8 > sizeof words) {
            memcpy(words + used, ", ...", used == 0 ? 1 : 6);
            break;
        }
        if (used > 0)
            memcpy(words + used, ", ", 2);
        used += used > 0 ? 2 : 0;
        memcpy(words + used, name, size + 1);
        used += size;
    }
    if (words[0] != '\0' && words[0] != ',')
        larder_hint(reading->err, "the columns are %s", words);
}

larder_status
ldr_suggest_column(ldr_reading *reading, const ldr_node *node)
{
    const larder_schema *columns = reading->columns;
    const char *name = node->value.text.data, *near;
    bool quoted = *text_at(reading, node->begin) == '"';
    const char **names =
        ldr_arena_array(reading->arena, columns->n_fields + 1, sizeof *names);
    larder_status rc = ldr_reading_fail(reading, LARDER_INVALID, node->begin,
        node->end, "unknown column '%s'", name);

    if (names == NULL)
        return ldr_reading_nomem(reading);
    for (size_t c = 0; c < columns->n_fields; c++)
        names[c] = columns->fields[c].name;
    near = ldr_name_nearest(name, names, columns->n_fields);
    if (near != NULL)
        larder_hint(reading->err, "did you mean '%s'?", near);
    else if (quoted)
        larder_hint(reading->err, "text is written in single quotes");
    else
        list_columns(reading);
    return rc;
}

/* --------------------------------------------------------------- functions */

/* What other languages call it, or compute where this one does not. */
static const struct other_name {
    const char *name, *hint;
} other_names[] = {
    {"avg", "a mean over rows is a windowed feature: aggregate: mean"},
    {"ceiling", "write ceil(x)"},
    {"char_length", "write length(text)"},
    {"concat", "write a || b"},
    {"count", "a count over rows is a windowed feature: aggregate: count"},
    {"if", "write case when c then a else b end"},
    {"ifnull", "write coalesce(a, b)"},
    {"iif", "write case when c then a else b end"},
    {"instr", "write contains(text, part)"},
    {"log", "write ln(x) or log10(x)"},
    {"max", "write greatest(a, b); over rows it is a windowed feature"},
    {"min", "write least(a, b); over rows it is a windowed feature"},
    {"mod", "write a % b"},
    {"now", "the moment asked is the column as_of"},
    {"power", "write pow(x, y)"},
    {"substring", "write substr(text, start, length)"},
    {"sum", "a sum over rows is a windowed feature: aggregate: sum"},
    {"try_cast", "write cast(x as type): what cannot be cast is null"},
};

/* Forms, which are not in the table of functions. */
static const char *const forms[] = {"cast", "coalesce", "nullif"};
#define N_FORMS (sizeof forms / sizeof forms[0])

larder_status
ldr_suggest_function(ldr_reading *reading, const ldr_node *node)
{
    const char **names = ldr_arena_array(
        reading->arena, ldr_n_functions + N_FORMS, sizeof *names);
    char name[NAME_ROOM];
    const char *near;
    size_t n = 0;
    larder_status rc;

    if (names == NULL)
        return ldr_reading_nomem(reading);
    copy_name(reading, node, name);
    rc = ldr_reading_fail(reading, LARDER_INVALID, node->name_begin,
        node->name_end, "unknown function '%s'", name);
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (ldr_name_equal(name, other_names[i].name))
            larder_hint(reading->err, "%s", other_names[i].hint);
    for (size_t f = 0; f < ldr_n_functions; f++)
        if (!ldr_functions[f].is_operator)
            names[n++] = ldr_functions[f].name;
    for (size_t f = 0; f < N_FORMS; f++)
        names[n++] = forms[f];
    near = ldr_name_nearest(name, names, n);
    if (near != NULL)
        larder_hint(reading->err, "did you mean '%s'?", near);
    return rc;
}

/* ------------------------------------------------------------------- types */

static const larder_type cast_types[] = {LARDER_BOOL, LARDER_INT32,
    LARDER_INT64, LARDER_FLOAT32, LARDER_FLOAT64, LARDER_STRING,
    LARDER_TIMESTAMP};
#define N_CAST_TYPES (sizeof cast_types / sizeof cast_types[0])

larder_status
ldr_suggest_type(ldr_reading *reading, const ldr_node *node, larder_type *out)
{
    const char *names[N_CAST_TYPES], *near;
    char name[NAME_ROOM];
    larder_status rc;

    copy_name(reading, node, name);
    for (size_t t = 0; t < N_CAST_TYPES; t++)
        names[t] = larder_type_name(cast_types[t]);
    for (size_t t = 0; t < N_CAST_TYPES; t++)
        if (ldr_name_equal(name, names[t])) {
            *out = cast_types[t];
            return LARDER_OK;
        }
    rc = ldr_reading_fail(reading, LARDER_INVALID, node->name_begin,
        node->name_end, "nothing can be cast to '%s'", name);
    near = ldr_name_nearest(name, names, N_CAST_TYPES);
    if (near != NULL)
        larder_hint(reading->err, "did you mean '%s'?", near);
    larder_hint(reading->err, "types to cast to are bool, int32, int64, "
                              "float32, float64, string and timestamp");
    return rc;
}

void
ldr_suggest_cast(ldr_reading *reading, const ldr_node *arg, larder_type wanted)
{
    const char *shown = text_at(reading, arg->begin);
    int size = (int)(arg->end - arg->begin);
    bool is_number = arg->type == LARDER_INT64 || arg->type == LARDER_FLOAT64;

    if (size > SHOWN_MAX) {
        shown = "...";
        size = 3;
    }
    if (wanted == LARDER_BOOL)
        larder_hint(reading->err, "write a comparison, such as %.*s %s", size,
            shown, is_number ? "<> 0" : "= 'yes'");
    else if (wanted == LARDER_STRING || arg->type == LARDER_STRING ||
             (arg->type == LARDER_BOOL && wanted != LARDER_TIMESTAMP) ||
             (arg->type == LARDER_FLOAT64 && wanted == LARDER_INT64))
        larder_hint(reading->err, "write cast(%.*s as %s)", size, shown,
            larder_type_name(wanted));
    else if (wanted == LARDER_TIMESTAMP)
        larder_hint(reading->err, "a moment is written "
                                  "cast('2024-03-01T12:00:00Z' as timestamp)");
    else if (arg->type == LARDER_TIMESTAMP)
        larder_hint(reading->err, "numbers of moments are seconds_between(a, "
                                  "b), hour(t), year(t) and the like");
}
