/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - a mapping of known keys into a struct.
 */
#include "definition/read.h"

#include "base/name.h"
#include "base/number.h"
#include "base/time.h"
#include "data/schema.h"
#include "definition/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES_MAX 255
#define TAG_BYTES_MAX 128 /* more would be no key when printed */
#define KEYS_MAX 32       /* of one table */
#define NEAR_KEYS_MAX 100 /* of one mapping are compared with what is meant */
#define RESERVED "_larder"

void *
ldr_read_array(ldr_reading *reading, size_t n, size_t size)
{
    void *memory = ldr_arena_array(reading->arena, n, size);

    if (memory == NULL)
        reading->nomem = true;
    return memory;
}

/* The field of an object: rows of a table say where it is. */
static void *
field(void *object, size_t at)
{
    return (char *)object + at;
}

bool
ldr_yaml_is_null(const ldr_yaml *value)
{
    return value->kind == LDR_YAML_SCALAR && !value->quoted &&
           (value->text[0] == '\0' || strcmp(value->text, "~") == 0 ||
               strcmp(value->text, "null") == 0 ||
               strcmp(value->text, "Null") == 0 ||
               strcmp(value->text, "NULL") == 0);
}

/* "'ttl' takes a duration, not a list". */
static void
refuse_shape(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value)
{
    const char *is = "a text";
    const char *hint = NULL;

    if (value->kind == LDR_YAML_SEQUENCE)
        is = "a list";
    else if (value->kind == LDR_YAML_MAPPING)
        is = "a mapping";
    else if (ldr_yaml_is_null(value)) {
        is = "nothing";
        hint = value->text[0] == '\0'
                   ? "leave the key out, or write a value"
                   : "put the word in quotes if it is meant as text";
    }
    ldr_fault(reading->faults, &value->place, hint, "'%s' takes %s, not %s",
        key->name, key->takes, is);
}

const char *
ldr_read_scalar(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value)
{
    if (value->kind == LDR_YAML_SCALAR && !ldr_yaml_is_null(value))
        return value->text;
    refuse_shape(reading, key, value);
    return NULL;
}

bool
ldr_read_is_list(
    ldr_reading *reading, const ldr_key *key, const ldr_yaml *value)
{
    if (value->kind == LDR_YAML_SEQUENCE)
        return true;
    refuse_shape(reading, key, value);
    return false;
}

/* ------------------------------------------------------------- mappings */

static const ldr_key *
find_key(const ldr_key *keys, size_t n_keys, const char *name)
{
    for (size_t i = 0; i < n_keys; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* The known key nearest to a wrong one, or NULL. */
static const char *
nearest_key(const ldr_key *keys, size_t n_keys, const char *wrong)
{
    const char *names[KEYS_MAX] = {NULL};
    size_t n_names = 0;

    for (size_t i = 0; i < n_keys && n_names < KEYS_MAX; i++)
        names[n_names++] = keys[i].name;
    return ldr_name_nearest(wrong, names, n_names);
}

static void
refuse_key(ldr_reading *reading, const char *what, const ldr_key *keys,
    size_t n_keys, const ldr_yaml *key)
{
    const char *near = NULL;
    char hint[400];
    size_t used;

    if (reading->faults->n_errors < NEAR_KEYS_MAX)
        near = nearest_key(keys, n_keys, key->text);
    if (near != NULL)
        used = (size_t)snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    else
        used = (size_t)snprintf(hint, sizeof hint, "its keys are");
    for (size_t i = 0; near == NULL && i < n_keys && used < sizeof hint; i++)
        used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s",
            i == 0 ? "" : ",", keys[i].name);
    ldr_fault(reading->faults, &key->place, hint, "unknown key '%s' in %s",
        key->text, what);
}

/* Is there an unknown key that probably was meant to be this one? */
static bool
is_misspelt(const ldr_key *keys, size_t n_keys, const char *name,
    const ldr_yaml *mapping)
{
    for (size_t i = 0; i < mapping->n_items && i < NEAR_KEYS_MAX; i++) {
        const char *written = mapping->keys[i].text;
        const char *near;

        if (find_key(keys, n_keys, written) != NULL)
            continue;
        near = nearest_key(keys, n_keys, written);
        if (near != NULL && strcmp(near, name) == 0)
            return true;
    }
    return false;
}

bool
ldr_read_require(ldr_reading *reading, const char *what, const ldr_key *keys,
    size_t n_keys, const char *name, const ldr_yaml *mapping)
{
    const ldr_key *key = find_key(keys, n_keys, name);
    const ldr_yaml *whose = ldr_yaml_find(mapping, "name");
    char hint[120];

    if (mapping->kind != LDR_YAML_MAPPING ||
        ldr_yaml_find(mapping, name) != NULL)
        return true;
    if (is_misspelt(keys, n_keys, name, mapping))
        return false;
    snprintf(hint, sizeof hint, "'%s' takes %s", name, key->takes);
    if (whose != NULL && whose->kind == LDR_YAML_SCALAR)
        ldr_fault(reading->faults, &mapping->place, hint, "%s '%s' has no '%s'",
            what, whose->text, name);
    else
        ldr_fault(reading->faults, &mapping->place, hint, "%s has no '%s'",
            what, name);
    return false;
}

/* Every required key is there, or the fault is told. */
static bool
check_required(ldr_reading *reading, const char *what, const ldr_key *keys,
    size_t n_keys, const ldr_yaml *mapping)
{
    bool whole = true;

    for (size_t i = 0; i < n_keys; i++)
        if (keys[i].required && !ldr_read_require(reading, what, keys, n_keys,
                                    keys[i].name, mapping))
            whole = false;
    return whole;
}

bool
ldr_read_mapping(ldr_reading *reading, const char *what, const ldr_key *keys,
    size_t n_keys, const ldr_yaml *mapping, void *object)
{
    if (mapping->kind != LDR_YAML_MAPPING) {
        ldr_fault(reading->faults, &mapping->place, NULL,
            "%s is a mapping of keys, not %s", what,
            mapping->kind == LDR_YAML_SEQUENCE ? "a list" : "a text");
        return false;
    }
    for (size_t i = 0; i < mapping->n_items && !reading->nomem; i++) {
        const ldr_yaml *name = &mapping->keys[i];
        const ldr_yaml *value = &mapping->items[i];
        const ldr_key *key = find_key(keys, n_keys, name->text);

        if (key == NULL)
            refuse_key(reading, what, keys, n_keys, name);
        else if (ldr_yaml_find(mapping, name->text) == value)
            key->read(reading, key, value, object);
    }
    return check_required(reading, what, keys, n_keys, mapping);
}

/* -------------------------------------------------------------- scalars */

void
ldr_read_text(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char *text = ldr_read_scalar(reading, key, value);

    if (text != NULL)
        *(const char **)field(object, key->at) = text;
}

/* One line that is not empty: the name of a table or column in a store. */
static const char *
read_line(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value)
{
    const char *text = ldr_read_scalar(reading, key, value);
    const char *wrong = NULL;

    if (text == NULL)
        return NULL;
    if (text[0] == '\0')
        wrong = "is empty";
    else if (strlen(text) > WORD_BYTES_MAX)
        wrong = "is longer than 255 bytes";
    for (const char *at = text; *at != '\0' && wrong == NULL; at++)
        if ((unsigned char)*at < 0x20)
            wrong = "holds a control character";
    if (wrong == NULL)
        return text;
    ldr_fault(
        reading->faults, &value->place, NULL, "'%s' %s", key->name, wrong);
    return NULL;
}

void
ldr_read_word(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char *text = read_line(reading, key, value);

    if (text != NULL)
        *(const char **)field(object, key->at) = text;
}

const char *
ldr_read_legal(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value)
{
    const char *text = ldr_read_scalar(reading, key, value);
    char head[sizeof RESERVED] = "";

    if (text == NULL)
        return NULL;
    snprintf(head, sizeof head, "%s", text);
    if (!ldr_name_legal(text))
        ldr_fault(reading->faults, &value->place,
            "letters, digits and '_', at most 48, a digit not first",
            "'%s' is not a legal name", text);
    else if (ldr_name_equal(head, RESERVED))
        ldr_fault(reading->faults, &value->place, "choose another name",
            "name '%s' is reserved: '" RESERVED "' begins the store's own",
            text);
    else
        return text;
    return NULL;
}

void
ldr_read_name(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char *text = ldr_read_legal(reading, key, value);

    if (text != NULL)
        *(const char **)field(object, key->at) = text;
}

void
ldr_read_bool(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    static const char *const words[] = {
        "false", "False", "FALSE", "true", "True", "TRUE"};
    const char *text = ldr_read_scalar(reading, key, value);

    if (text == NULL)
        return;
    for (size_t i = 0; i < sizeof words / sizeof *words && !value->quoted; i++)
        if (strcmp(text, words[i]) == 0) {
            *(bool *)field(object, key->at) = i >= 3;
            return;
        }
    ldr_fault(reading->faults, &value->place,
        value->quoted ? "leave out the quotes"
                      : "write true or false; yes, no, on and off are text",
        "'%s' takes true or false, not '%s'", key->name, text);
}

void
ldr_read_duration(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    const char *text = ldr_read_scalar(reading, key, value);
    larder_error error = {0};
    int64_t us;

    if (text == NULL)
        return;
    if (ldr_duration_parse(text, &us, &error) != LARDER_OK) {
        ldr_fault(reading->faults, &value->place,
            error.hint[0] != '\0' ? error.hint : NULL, "'%s': %s", key->name,
            error.message);
        return;
    }
    *(int64_t *)field(object, key->at) = us;
    if (key->also != 0)
        *(bool *)field(object, key->also) = true;
}

bool
ldr_read_integer(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, int64_t low, int64_t high, int64_t *out)
{
    const char *text = ldr_read_scalar(reading, key, value);
    int64_t number = 0;

    if (text == NULL)
        return false;
    if (ldr_int64_parse(text, strlen(text), &number) != LDR_NUMBER_OK ||
        number < low || number > high) {
        ldr_fault(reading->faults, &value->place, NULL,
            "'%s' takes %s, not '%s'", key->name, key->takes, text);
        return false;
    }
    *out = number;
    return true;
}

/* The types there are, scalars before lists. */
static size_t
list_types(const char *names[2 * LARDER_TIMESTAMP])
{
    size_t n = 0;

    for (int list = 0; list <= LARDER_LIST; list += LARDER_LIST)
        for (int type = LARDER_BOOL; type <= LARDER_TIMESTAMP; type++)
            names[n++] = larder_type_name((larder_type)(list | type));
    return n;
}

void
ldr_read_type(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    const char *text = ldr_read_scalar(reading, key, value);
    const char *names[2 * LARDER_TIMESTAMP];
    const char *near;
    larder_type type;
    char hint[64];

    if (text == NULL)
        return;
    type = larder_type_find(text);
    if (type != 0) {
        *(larder_type *)field(object, key->at) = type;
        return;
    }
    near = ldr_name_nearest(text, names, list_types(names));
    snprintf(hint, sizeof hint, "did you mean '%s'?", near == NULL ? "" : near);
    ldr_fault(reading->faults, &value->place,
        near != NULL ? hint
                     : "bool, int32, int64, float32, float64, string, bytes, "
                       "timestamp, or list<> of one of them",
        "unknown type '%s'", text);
}

/* ---------------------------------------------------------------- lists */

typedef const char *read_item(
    ldr_reading *reading, const ldr_key *key, const ldr_yaml *value);

static void
read_list(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    read_item *read, void *object)
{
    const char **items;
    size_t n_items = 0;

    if (!ldr_read_is_list(reading, key, value))
        return;
    items = ldr_read_array(reading, value->n_items, sizeof *items);
    if (items == NULL)
        return;
    for (size_t i = 0; i < value->n_items; i++) {
        const char *item = read(reading, key, &value->items[i]);

        if (item != NULL)
            items[n_items++] = item;
    }
    *(const char *const **)field(object, key->at) = items;
    *(size_t *)field(object, key->also) = n_items;
}

void
ldr_read_names(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    read_list(reading, key, value, ldr_read_legal, object);
}

void
ldr_read_words(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    read_list(reading, key, value, read_line, object);
}

static int
order_tags(const void *a, const void *b)
{
    const ldr_tag *x = a, *y = b;

    return strcmp(x->name, y->name);
}

void
ldr_read_tags(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    ldr_tag *tags;
    size_t n_tags = 0;

    if (value->kind != LDR_YAML_MAPPING) {
        refuse_shape(reading, key, value);
        return;
    }
    tags = ldr_read_array(reading, value->n_items, sizeof *tags);
    if (tags == NULL)
        return;
    for (size_t i = 0; i < value->n_items; i++) {
        ldr_key tag = {.name = value->keys[i].text, .takes = "a text"};
        const char *text = ldr_read_scalar(reading, &tag, &value->items[i]);

        if (tag.name[0] == '\0' || strlen(tag.name) > TAG_BYTES_MAX)
            ldr_fault(reading->faults, &value->keys[i].place, NULL,
                "a name in '%s' has 1 to 128 bytes", key->name);
        else if (text != NULL)
            tags[n_tags++] = (ldr_tag){.name = tag.name, .value = text};
    }
    if (n_tags > 1)
        qsort(tags, n_tags, sizeof *tags, order_tags);
    *(const ldr_tag **)field(object, key->at) = tags;
    *(size_t *)field(object, key->also) = n_tags;
}
