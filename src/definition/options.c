/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - what a backend may ask of its section of the configuration.
 *
 * Declared in larder_backend.h. A message shows a value as it stands in the
 * file, so that a variable's content stays where it is.
 */
#include "base/name.h"
#include "base/number.h"
#include "definition/config.h"

#include <stdio.h>
#include <string.h>

static const ldr_option *
find(const larder_options *options, const char *name)
{
    for (size_t i = 0; options != NULL && i < options->n_options; i++)
        if (strcmp(options->options[i].name, name) == 0)
            return &options->options[i];
    return NULL;
}

const char *
larder_options_find(const larder_options *options, const char *name)
{
    const ldr_option *option = find(options, name);

    return option == NULL ? NULL : option->value;
}

/* Where the fault is, into an error whose words are there. */
static larder_status
set_place(larder_error *err, const ldr_place *place)
{
    if (err != NULL && place->file != NULL) {
        snprintf(err->file, sizeof err->file, "%s", place->file);
        err->line = place->line;
        err->column = place->column;
    }
    return LARDER_INVALID;
}

/* "option 'max_size' of online_store takes a size, not '12 apples'" */
static larder_status
refuse(const larder_options *options, const ldr_option *option,
    const char *takes, larder_error *err)
{
    const char *shown =
        option->written != NULL ? option->written : option->value;

    if (option->secret && strstr(shown, "${") == NULL)
        shown = "***";
    (void)larder_fail(err, LARDER_INVALID,
        "option '%s' of %s takes %s, not '%s'", option->name, options->section,
        takes, shown);
    return set_place(err, &option->place);
}

/* What a unit multiplies by; 0: no unit. One letter counts as "KiB". */
static uint64_t
unit_bytes(const char *unit)
{
    static const char prefixes[] = "kmgt";
    uint64_t of_two = 1, of_ten = 1;
    char text[4];

    if (unit[0] == '\0' || ldr_name_equal(unit, "B"))
        return 1;
    for (size_t i = 0; prefixes[i] != '\0'; i++) {
        of_two *= 1024;
        of_ten *= 1000;
        snprintf(text, sizeof text, "%c", prefixes[i]);
        if (ldr_name_equal(unit, text))
            return of_two;
        snprintf(text, sizeof text, "%cB", prefixes[i]);
        if (ldr_name_equal(unit, text))
            return of_ten;
        snprintf(text, sizeof text, "%ciB", prefixes[i]);
        if (ldr_name_equal(unit, text))
            return of_two;
    }
    return 0;
}

larder_status
larder_options_bytes(const larder_options *options, const char *name,
    uint64_t *out, larder_error *err)
{
    const ldr_option *option = find(options, name);
    size_t digits;
    uint64_t unit;
    int64_t number = 0;

    if (option == NULL)
        return LARDER_OK;
    digits = strspn(option->value, "0123456789");
    unit = unit_bytes(
        option->value + digits + strspn(option->value + digits, " "));
    if (digits == 0 || unit == 0 ||
        ldr_int64_parse(option->value, digits, &number) != LDR_NUMBER_OK ||
        (uint64_t)number > UINT64_MAX / unit)
        return refuse(options, option, "a size such as 64MiB", err);
    *out = (uint64_t)number * unit;
    return LARDER_OK;
}

larder_status
larder_options_bool(const larder_options *options, const char *name, bool *out,
    larder_error *err)
{
    const ldr_option *option = find(options, name);

    if (option == NULL)
        return LARDER_OK;
    if (ldr_name_equal(option->value, "true"))
        *out = true;
    else if (ldr_name_equal(option->value, "false"))
        *out = false;
    else
        return refuse(options, option, "true or false", err);
    return LARDER_OK;
}

/* The known options in one line: "its options are path, max_size". */
static void
hint_known(const char *const *known, size_t n_known, larder_error *err)
{
    char text[sizeof err->hint] = "its options are";
    size_t used = strlen(text);

    for (size_t i = 0; i < n_known && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %s",
            i == 0 ? "" : ",", known[i]);
    if (n_known > 0)
        larder_hint(err, "%s", text);
    else
        larder_hint(err, "it has no options");
}

larder_status
larder_options_only(const larder_options *options, const char *const *known,
    size_t n_known, larder_error *err)
{
    for (size_t i = 0; options != NULL && i < options->n_options; i++) {
        const ldr_option *option = &options->options[i];
        const char *near;
        bool is_known = false;

        for (size_t j = 0; j < n_known && !is_known; j++)
            is_known = strcmp(known[j], option->name) == 0;
        if (is_known)
            continue;
        (void)larder_fail(err, LARDER_INVALID, "unknown key '%s' in %s",
            option->name, options->section);
        near = ldr_name_nearest(option->name, known, n_known);
        if (near != NULL)
            larder_hint(err, "did you mean '%s'?", near);
        else
            hint_known(known, n_known, err);
        return set_place(err, &option->place);
    }
    return LARDER_OK;
}
