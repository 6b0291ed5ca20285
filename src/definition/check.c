/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what validate*.c share: places, nearest names, words.
 */
#include "definition/check.h"

#include "base/name.h"
#include "data/schema.h"
#include "larder_backend.h"

#include <stdio.h>
#include <string.h>

#define HINT_ROOM 128
#define COMPARED_MAX 200 /* more than the faults that are told */

void *
ldr_check_array(ldr_check *check, size_t n, size_t size)
{
    void *memory = ldr_arena_array(check->arena, n, size);

    if (memory == NULL)
        check->nomem = true;
    return memory;
}

const ldr_place *
ldr_check_key(
    const ldr_yaml *mapping, const char *key, const ldr_place *otherwise)
{
    const ldr_yaml *value = ldr_yaml_find(mapping, key);

    return value != NULL ? &value->place : otherwise;
}

const ldr_place *
ldr_check_item(const ldr_yaml *mapping, const char *key, const char *text,
    const ldr_place *otherwise)
{
    const ldr_yaml *list = ldr_yaml_find(mapping, key);

    if (list == NULL)
        return otherwise;
    for (size_t i = 0; i < list->n_items; i++)
        if (list->items[i].text == text)
            return &list->items[i].place;
    for (size_t i = 0; i < list->n_items; i++)
        if (list->items[i].kind == LDR_YAML_SCALAR &&
            ldr_name_equal(list->items[i].text, text))
            return &list->items[i].place;
    return &list->place;
}

/* "there is a, b, c", where these are few; else nothing. */
static void
list_known(const char *const *names, size_t n_names, char hint[HINT_ROOM])
{
    size_t used = (size_t)snprintf(hint, HINT_ROOM, "there is");

    for (size_t i = 0; i < n_names && used < HINT_ROOM; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
            continue; /* defined twice, which is told */
        used += (size_t)snprintf(hint + used, HINT_ROOM - used, "%s %s",
            i == 0 ? "" : ",", names[i]);
    }
    if (n_names == 0 || used >= HINT_ROOM)
        hint[0] = '\0';
}

void
ldr_check_unknown(ldr_check *check, const ldr_place *place, const char *what,
    const char *wrong, const char *in, const char *const *names, size_t n_names)
{
    const char *near =
        names == NULL ? NULL : ldr_name_nearest(wrong, names, n_names);
    char hint[HINT_ROOM] = "";

    if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    else if (check->all->incomplete)
        return;
    else if (names != NULL)
        list_known(names, n_names, hint);
    ldr_fault(check->faults, place, hint[0] != '\0' ? hint : NULL,
        "unknown %s '%s' in %s", what, wrong, in);
}

const char **
ldr_check_name_room(ldr_check *check, size_t n_names)
{
    if (check->n_compared >= COMPARED_MAX)
        return NULL;
    check->n_compared++;
    return ldr_check_array(check, n_names, sizeof(const char *));
}

const char **
ldr_check_names(
    ldr_check *check, const void *objects, size_t n_objects, size_t size)
{
    const char **names = ldr_check_name_room(check, n_objects);

    for (size_t i = 0; i < n_objects && names != NULL; i++) {
        const void *object = (const char *)objects + i * size;
        const ldr_about *about = object;

        names[i] = about->name;
    }
    return names;
}

const char **
ldr_check_columns(ldr_check *check, const larder_schema *schema)
{
    const char **names = ldr_check_name_room(check, schema->n_fields);

    for (size_t i = 0; i < schema->n_fields && names != NULL; i++)
        names[i] = schema->fields[i].name;
    return names;
}

bool
ldr_check_is_nameable(larder_type type)
{
    return !ldr_type_is_list(type) && type != LARDER_BYTES;
}

/* What stands between two bytes of a text, without the quotes of a name. */
static void
cut_word(const char *text, const ldr_expression_fault *fault,
    char word[LDR_WORD_ROOM])
{
    size_t begin = fault->begin, end = fault->end;

    word[0] = '\0';
    if (end > strlen(text) || begin >= end)
        return;
    if (end - begin > 2 && text[begin] == '"' && text[end - 1] == '"') {
        begin++;
        end--;
    }
    if (end - begin < LDR_WORD_ROOM)
        snprintf(word, LDR_WORD_ROOM, "%.*s", (int)(end - begin), text + begin);
}

bool
ldr_check_parse(ldr_check *check, const ldr_yaml *scalar,
    const larder_schema *columns, ldr_expression **out, ldr_check_wrong *wrong)
{
    ldr_expression_fault fault = {0};
    larder_status rc;

    *wrong = (ldr_check_wrong){.place = scalar->place};
    rc =
        ldr_expression_parse((larder_bytes){scalar->text, strlen(scalar->text)},
            columns, check->arena, out, &fault, &wrong->error);
    if (rc == LARDER_OK)
        return true;
    if (rc == LARDER_NOMEM)
        check->nomem = true;
    wrong->place = ldr_yaml_inside(scalar, fault.begin);
    cut_word(scalar->text, &fault, wrong->word);
    return false;
}
