/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand.c - variables in a text of the configuration.
 */
#include "definition/expand.h"

#include "definition/emit.h"
#include "definition/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX 65536u
#define NAME_ROOM 256

const char *
ldr_path_join(ldr_arena *arena, const char *folder, const char *path)
{
    size_t size = strlen(folder);

    if (path[0] == '/' || strcmp(folder, ".") == 0)
        return ldr_arena_copy(arena, path);
    return ldr_arena_printf(arena, "%s%s%s", folder,
        size > 0 && folder[size - 1] == '/' ? "" : "/", path);
}

/* What a file holds, without the line end at its end. */
static char *
read_secret(ldr_expansion *expansion, const ldr_yaml *scalar, const char *path)
{
    const char *whole =
        ldr_path_join(expansion->arena, expansion->folder, path);
    larder_error error = {0};
    char *text = NULL, *kept = NULL;
    size_t size = 0;
    larder_status rc = LARDER_NOMEM;

    if (whole != NULL)
        rc = ldr_file_read(whole, FILE_BYTES_MAX, &text, &size, &error);
    if (rc == LARDER_NOMEM) {
        expansion->nomem = true;
        return NULL;
    }
    if (rc == LARDER_OK && memchr(text, '\0', size) != NULL)
        ldr_fault(expansion->faults, &scalar->place, NULL,
            "the file of ${file:%s} holds a NUL byte", path);
    else if (rc != LARDER_OK)
        ldr_fault(expansion->faults, &scalar->place, NULL, "${file:%s}: %s",
            path, error.message);
    else {
        if (size > 0 && text[size - 1] == '\n')
            size--;
        if (size > 0 && text[size - 1] == '\r')
            size--;
        kept = ldr_arena_copy_n(expansion->arena, text, size);
        expansion->nomem |= kept == NULL;
    }
    free(text);
    return kept;
}

static bool
is_variable_name(const char *name)
{
    for (size_t i = 0; name[i] != '\0'; i++) {
        char c = name[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name[0] != '\0';
}

/* A variable's value, its default, or NULL and a fault. `after` is what follows
 * the name: "", ":-default" or ":?why". */
static const char *
look_up(ldr_expansion *expansion, const ldr_yaml *scalar, const char *name,
    const char *after)
{
    const char *value = NULL;
    char hint[NAME_ROOM + 80];

    if (expansion->variable != NULL)
        value = expansion->variable(expansion->context, name);
    if (value != NULL && (value[0] != '\0' || after[0] == '\0')) {
        value = ldr_arena_copy(expansion->arena, value);
        expansion->nomem |= value == NULL;
        return value;
    }
    if (strncmp(after, ":-", 2) == 0)
        return after + 2;
    if (after[0] != '\0' && after[2] != '\0') {
        ldr_fault(expansion->faults, &scalar->place, after + 2,
            "variable '%s' is not set", name);
        return NULL;
    }
    snprintf(hint, sizeof hint, "set it, or write ${%s:-default}", name);
    ldr_fault(expansion->faults, &scalar->place, hint,
        "variable '%s' is not set", name);
    return NULL;
}

/* The value of what stands between ${ and }. */
static const char *
expand_one(ldr_expansion *expansion, const ldr_yaml *scalar, const char *inner)
{
    size_t size = strcspn(inner, ":");
    const char *after = inner + size;
    char name[NAME_ROOM] = "";

    if (strncmp(inner, "file:", 5) == 0 && inner[5] != '\0')
        return read_secret(expansion, scalar, inner + 5);
    if (size < sizeof name)
        snprintf(name, sizeof name, "%.*s", (int)size, inner);
    if (is_variable_name(name) && strstr(inner, "${") == NULL &&
        (after[0] == '\0' || after[1] == '-' || after[1] == '?'))
        return look_up(expansion, scalar, name, after);
    ldr_fault(expansion->faults, &scalar->place,
        "${NAME}, ${NAME:-default}, ${NAME:?why} or ${file:PATH}; $${ for the "
        "signs themselves",
        "'${%.*s}' is no variable", NAME_ROOM, inner);
    return NULL;
}

/* Write the expanded text; false after a fault. */
static bool
expand_into(ldr_expansion *expansion, const ldr_yaml *scalar, ldr_emit *out)
{
    const char *at = scalar->text;

    for (;;) {
        const char *open = strstr(at, "${"), *close, *value;
        char *inner;

        if (open == NULL) {
            ldr_emit_string(out, at);
            return true;
        }
        if (open > at && open[-1] == '$') { /* $${: the signs themselves */
            ldr_emit_bytes(out, at, (size_t)(open - at) - 1);
            ldr_emit_string(out, "${");
            at = open + 2;
            continue;
        }
        ldr_emit_bytes(out, at, (size_t)(open - at));
        close = strchr(open, '}');
        if (close == NULL) {
            ldr_fault(expansion->faults, &scalar->place, "close it with '}'",
                "'${' without an end");
            return false;
        }
        inner = ldr_arena_copy_n(
            expansion->arena, open + 2, (size_t)(close - open) - 2);
        if (inner == NULL) {
            expansion->nomem = true;
            return false;
        }
        value = expand_one(expansion, scalar, inner);
        if (value == NULL)
            return false;
        ldr_emit_string(out, value);
        at = close + 1;
    }
}

const char *
ldr_expand(ldr_expansion *expansion, const ldr_yaml *scalar)
{
    ldr_emit out = {0};
    const char *kept = NULL;
    char *text = NULL;
    size_t size = 0;
    bool good;

    if (strstr(scalar->text, "${") == NULL)
        return scalar->text;
    good = expand_into(expansion, scalar, &out);
    if (ldr_emit_finish(&out, &text, &size) && good)
        kept = ldr_arena_copy_n(expansion->arena, text, size);
    if (good && kept == NULL)
        expansion->nomem = true;
    free(text);
    return kept;
}
