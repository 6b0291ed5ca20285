/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_value.c - one value of a file of cases into a column of a type, as the
 * library reads text of that type.
 */
#include "cases_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "jsonout.h"

larder_status
cases_as_fault(struct yaml_faults *faults, const struct node *at,
    larder_status rc, const larder_error *why, larder_error *err)
{
    if (rc != LARDER_INVALID && rc != LARDER_NOT_FOUND) {
        if (err != NULL)
            *err = *why;
        return rc;
    }
    yaml_fault(faults, at, why->hint, "%s", why->message);
    return LARDER_OK;
}

void
cases_unknown(struct yaml_faults *faults, const struct node *key,
    const char *what, const larder_schema *schema)
{
    const char *names[64] = {NULL}, *near;
    size_t n = schema->n_fields < 64 ? schema->n_fields : 64, used;
    char hint[160];

    for (size_t i = 0; i < n; i++)
        names[i] = schema->fields[i].name;
    near = ldr_name_nearest(key->text, names, n);
    if (near != NULL) {
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    } else {
        used = (size_t)snprintf(
            hint, sizeof hint, n == 0 ? "there are none" : "there are");
        for (size_t i = 0; i < n && used < sizeof hint; i++)
            used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s",
                i == 0 ? "" : ",", names[i]);
    }
    yaml_fault(faults, key, hint, "'%s' is no %s", key->text, what);
}

static bool
is_list(larder_type type)
{
    return type > LARDER_LIST;
}

static larder_type
item_of(larder_type type)
{
    return (larder_type)((unsigned)type & ~(unsigned)LARDER_LIST);
}

bool
cases_is_number(larder_type type)
{
    return type == LARDER_INT32 || type == LARDER_INT64 ||
           type == LARDER_FLOAT32 || type == LARDER_FLOAT64;
}

/* YAML's own words for what has no digits, in ours. */
static const char *
spell_real(const struct node *node)
{
    static const char *const words[][2] = {{".nan", "NaN"}, {".NaN", "NaN"},
        {".inf", "inf"}, {"+.inf", "inf"}, {"-.inf", "-inf"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(node->text, words[i][0]) == 0)
            return words[i][1];
    return node->text;
}

/* The text that the library reads a scalar from; NULL is a fault. */
static const char *
spell(struct yaml_faults *faults, const struct node *node, larder_type type,
    const char *what)
{
    if (node->kind != NODE_SCALAR) {
        yaml_fault(faults, node, NULL, "%s takes %s, not %s", what,
            larder_type_name(type), node_kind_name(node));
        return NULL;
    }
    if (node->quoted && (cases_is_number(type) || type == LARDER_BOOL)) {
        yaml_fault(faults, node, "leave out the quotes",
            "%s takes %s, not the text '%s'", what, larder_type_name(type),
            node->text);
        return NULL;
    }
    return type == LARDER_FLOAT32 || type == LARDER_FLOAT64 ? spell_real(node)
                                                            : node->text;
}

/* One item of a list, as JSON. */
static bool
write_item(struct yaml_faults *faults, const struct node *item,
    larder_type type, const char *what, FILE *to)
{
    const char *text;

    if (node_is_null(item)) {
        fputs("null", to);
        return true;
    }
    text = spell(faults, item, type, what);
    if (text == NULL)
        return false;
    if (type == LARDER_BOOL ||
        (cases_is_number(type) && strpbrk(text, "0123456789")))
        fputs(text, to);
    else
        jsonout_string(to, (larder_bytes){text, strlen(text)});
    return true;
}

/* A list as the JSON array that the library reads; NULL: a fault was told, or
 * there is no memory. */
static char *
spell_list(struct yaml_faults *faults, const struct node *node,
    larder_type type, const char *what)
{
    char *text = NULL;
    size_t size;
    FILE *to;
    bool written = true;

    if (node->kind != NODE_LIST) {
        yaml_fault(faults, node, NULL, "%s takes a %s, not %s", what,
            larder_type_name(type), node_kind_name(node));
        return NULL;
    }
    to = open_memstream(&text, &size);
    if (to == NULL)
        return NULL;
    fputc('[', to);
    for (size_t i = 0; i < node->n_items && written; i++) {
        fputs(i == 0 ? "" : ", ", to);
        written = write_item(faults, &node->items[i], item_of(type), what, to);
    }
    fputc(']', to);
    if (fclose(to) != 0 || !written) {
        free(text);
        return NULL;
    }
    return text;
}

static larder_status
append_null(larder_column *column, larder_error *err)
{
    larder_value null = {.type = column->type, .null = true};

    return larder_column_append(column, &null, err);
}

larder_status
cases_value(struct yaml_faults *faults, const struct node *node,
    larder_column *column, int32_t offset, const char *what, larder_error *err)
{
    size_t n_errors = faults->n_errors, n_rows = column->n_rows;
    larder_error why = {0};
    const char *text;
    char *list = NULL;
    larder_status rc = LARDER_OK;

    if (node == NULL || node_is_null(node))
        return append_null(column, err);
    if (is_list(column->type))
        text = list = spell_list(faults, node, column->type, what);
    else
        text = spell(faults, node, column->type, what);
    if (text != NULL)
        rc = larder_value_parse(
            column, (larder_bytes){text, strlen(text)}, offset, &why);
    else if (faults->n_errors == n_errors)
        rc = larder_fail(&why, LARDER_NOMEM, "no memory for a value");
    free(list);
    if (rc != LARDER_OK) {
        larder_context(&why, "%s", what);
        LARDER_TRY(cases_as_fault(faults, node, rc, &why, err));
    }
    if (column->n_rows == n_rows)
        LARDER_TRY(append_null(column, err));
out:
    return rc;
}
