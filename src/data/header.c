/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.c - the names a file gives its columns, matched with those wanted.
 */
#include "data/header.h"

#include <stdarg.h>
#include <string.h>

#include "base/name.h"
#include "data/schema.h"
#include "larder_backend.h"

/* Names in a message: as many as fit, then how many more. */
typedef struct name_list {
    char text[360];
    size_t size, n, n_left;
} name_list;

static LARDER_PRINTF(2, 3) void list_name(
    name_list *list, const char *format, ...)
{
    char item[200];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(item, sizeof item, format, arguments);
    va_end(arguments);
    list->n++;
    if (size < 0 || (size_t)size >= sizeof item ||
        list->size + (size_t)size + 3 > sizeof list->text ||
        list->n_left != 0) {
        list->n_left++;
        return;
    }
    if (list->size != 0) {
        memcpy(list->text + list->size, ", ", 2);
        list->size += 2;
    }
    memcpy(list->text + list->size, item, (size_t)size + 1);
    list->size += (size_t)size;
}

static larder_status
fail_list(const name_list *list, const char *what, larder_error *err)
{
    char more[40] = "";

    if (list->n_left != 0)
        snprintf(more, sizeof more, " and %zu more", list->n_left);
    return larder_fail(err, LARDER_INVALID, "the header %s column%s %s%s", what,
        list->n == 1 ? "" : "s", list->text, more);
}

static size_t
find_name(const char *const *names, size_t n_names, const char *name)
{
    for (size_t i = 0; i < n_names; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return LDR_NO_FIELD;
}

static larder_status
refuse_twins(const char *const *names, size_t n_names, larder_error *err)
{
    for (size_t i = 0; i < n_names; i++) {
        size_t first = find_name(names, i, names[i]);

        if (first != LDR_NO_FIELD)
            return larder_fail(err, LARDER_INVALID,
                "the header has column '%s' twice: as number %zu and %zu",
                names[i], first + 1, i + 1);
    }
    return LARDER_OK;
}

static larder_status
refuse_missing(const char *const *names, size_t n_names,
    const larder_schema *schema, larder_error *err)
{
    name_list missing = {0};

    for (size_t i = 0; i < schema->n_fields; i++) {
        const char *name = schema->fields[i].name, *near;

        if (find_name(names, n_names, name) != LDR_NO_FIELD)
            continue;
        near = ldr_name_nearest(name, names, n_names);
        if (near == NULL)
            list_name(&missing, "'%s'", name);
        else
            list_name(&missing, "'%s' (it has '%s')", name, near);
    }
    return missing.n == 0 ? LARDER_OK : fail_list(&missing, "lacks", err);
}

static larder_status
refuse_extra(const char *const *names, size_t n_names, const size_t *targets,
    larder_error *err)
{
    name_list extra = {0};

    for (size_t i = 0; i < n_names; i++)
        if (targets[i] == LDR_NO_FIELD)
            list_name(&extra, "'%s'", names[i]);
    if (extra.n == 0)
        return LARDER_OK;
    fail_list(&extra, "has unknown", err);
    larder_hint(err, "remove it, or ask to ignore it (--ignore-extra)");
    return LARDER_INVALID;
}

larder_status
ldr_header_match(const char *const *names, size_t n_names,
    const larder_schema *schema, bool ignore_extra, size_t *targets,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    LARDER_TRY(refuse_twins(names, n_names, err));
    LARDER_TRY(refuse_missing(names, n_names, schema, err));
    for (size_t i = 0; i < n_names; i++)
        targets[i] = ldr_schema_find(schema, names[i]);
    if (!ignore_extra)
        LARDER_TRY(refuse_extra(names, n_names, targets, err));
out:
    return rc;
}
