/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.c - value types, and named lists of them.
 *
 * Types are known here by name, width and kind; values of them are in batch.c.
 */
#include "data/schema.h"

#include <string.h>

#include "larder_backend.h"

typedef struct named_type {
    larder_type type;
    const char *name;
} named_type;

static const named_type named_types[] = {
    {LARDER_BOOL, "bool"},
    {LARDER_INT32, "int32"},
    {LARDER_INT64, "int64"},
    {LARDER_FLOAT32, "float32"},
    {LARDER_FLOAT64, "float64"},
    {LARDER_STRING, "string"},
    {LARDER_BYTES, "bytes"},
    {LARDER_TIMESTAMP, "timestamp"},
    {LARDER_BOOL_LIST, "list<bool>"},
    {LARDER_INT32_LIST, "list<int32>"},
    {LARDER_INT64_LIST, "list<int64>"},
    {LARDER_FLOAT32_LIST, "list<float32>"},
    {LARDER_FLOAT64_LIST, "list<float64>"},
    {LARDER_STRING_LIST, "list<string>"},
    {LARDER_BYTES_LIST, "list<bytes>"},
    {LARDER_TIMESTAMP_LIST, "list<timestamp>"},
};

enum { N_NAMED_TYPES = sizeof named_types / sizeof named_types[0] };

const char *
larder_type_name(larder_type type)
{
    for (size_t i = 0; i < N_NAMED_TYPES; i++)
        if (named_types[i].type == type)
            return named_types[i].name;
    return "no type";
}

larder_type
larder_type_find(const char *name)
{
    for (size_t i = 0; i < N_NAMED_TYPES; i++)
        if (strcmp(named_types[i].name, name) == 0)
            return named_types[i].type;
    return (larder_type)0;
}

bool
ldr_type_is_list(larder_type type)
{
    return type > LARDER_LIST && type <= LARDER_TIMESTAMP_LIST;
}

larder_type
ldr_type_item(larder_type type)
{
    return ldr_type_is_list(type)
               ? (larder_type)((unsigned)type & ~(unsigned)LARDER_LIST)
               : type;
}

bool
ldr_type_is_key(larder_type type)
{
    return type == LARDER_BOOL || type == LARDER_INT32 ||
           type == LARDER_INT64 || type == LARDER_TIMESTAMP ||
           ldr_type_is_text(type);
}

bool
ldr_type_is_text(larder_type type)
{
    return type == LARDER_STRING || type == LARDER_BYTES;
}

size_t
ldr_type_width(larder_type type)
{
    switch (type) {
    case LARDER_INT32:
    case LARDER_FLOAT32:
        return 4;
    case LARDER_INT64:
    case LARDER_FLOAT64:
    case LARDER_TIMESTAMP:
        return 8;
    case LARDER_BOOL:
    case LARDER_STRING:
    case LARDER_BYTES:
    case LARDER_LIST:
    case LARDER_BOOL_LIST:
    case LARDER_INT32_LIST:
    case LARDER_INT64_LIST:
    case LARDER_FLOAT32_LIST:
    case LARDER_FLOAT64_LIST:
    case LARDER_STRING_LIST:
    case LARDER_BYTES_LIST:
    case LARDER_TIMESTAMP_LIST:
        return 0;
    }
    return 0;
}

size_t
ldr_schema_find(const larder_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return i;
    return LDR_NO_FIELD;
}

bool
ldr_schema_equal(const larder_schema *a, const larder_schema *b)
{
    if (a->n_fields != b->n_fields)
        return false;
    for (size_t i = 0; i < a->n_fields; i++)
        if (a->fields[i].type != b->fields[i].type ||
            strcmp(a->fields[i].name, b->fields[i].name) != 0)
            return false;
    return true;
}

larder_status
ldr_schema_copy(const larder_schema *from, ldr_arena *arena, larder_schema *to,
    larder_error *err)
{
    larder_field *fields =
        ldr_arena_array(arena, from->n_fields, sizeof *fields);

    if (fields == NULL)
        return larder_fail(err, LARDER_NOMEM,
            "out of memory for a schema of %zu columns", from->n_fields);
    for (size_t i = 0; i < from->n_fields; i++) {
        fields[i].type = from->fields[i].type;
        fields[i].name = ldr_arena_copy(arena, from->fields[i].name);
        if (fields[i].name == NULL)
            return larder_fail(err, LARDER_NOMEM,
                "out of memory for a column's name of %zu bytes",
                strlen(from->fields[i].name));
    }
    to->fields = fields;
    to->n_fields = from->n_fields;
    return LARDER_OK;
}
