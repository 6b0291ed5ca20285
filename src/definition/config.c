/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - feature_store.yaml: which stores, with which options.
 *
 * Options of a section are kept for the backend, which knows its own; here only
 * shapes are judged. Feast's spellings are turned into ours while reading, so
 * that nobody else meets them.
 */
#include "definition/config.h"

#include "base/name.h"
#include "base/time.h"
#include "definition/expand.h"
#include "definition/folder.h"
#include "definition/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES_MAX ((size_t)4 << 20)
#define OPTIONS_MAX 100u

/* The configuration while it is read. */
struct reader {
    ldr_config config;
    ldr_expansion expansion;
    const larder_call *call; /* the caller's */
    bool in_memory;          /* sections of stores are not read */
    const ldr_yaml *key_version; /* Feast's, as it stands there */
};

/* ------------------------------------------------------------ faults' lines */

/* Does a line hold what may be a secret? Then it is not shown. */
static bool
may_be_secret(const char *line)
{
    static const char *const words[] = {"pass", "pwd", "secret", "token",
        "credential", "connection", "://", "@", "api_key"};

    for (; *line != '\0'; line++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            char head[16];

            snprintf(head, sizeof head, "%.*s", (int)strlen(words[i]), line);
            if (ldr_name_equal(head, words[i]))
                return true;
        }
    return false;
}

/* Hand a fault on, without its line where that may hold a secret. */
static void
pass_on(void *context, const larder_diagnostic *diagnostic)
{
    const struct reader *reader = context;
    larder_diagnostic shown = *diagnostic;

    if (shown.text != NULL && may_be_secret(shown.text))
        shown.text = NULL;
    if (reader->call->diagnostic != NULL)
        reader->call->diagnostic(reader->call->context, &shown);
}

/* ----------------------------------------------------------------- sections */

/* A scalar's text with its variables; NULL is a fault. */
static const char *
expand(struct reader *reader, const ldr_key *key, const ldr_yaml *value)
{
    ldr_reading reading = {
        .arena = reader->expansion.arena, .faults = reader->expansion.faults};

    return ldr_read_scalar(&reading, key, value) == NULL
               ? NULL
               : ldr_expand(&reader->expansion, value);
}

/* Feast's sslrootcert_path and the like are files too, and those of TLS. */
static bool
is_path(const char *name)
{
    size_t n = strlen(name);

    return strcmp(name, "path") == 0 || strcmp(name, "ca") == 0 ||
           strcmp(name, "certificate") == 0 || strcmp(name, "key") == 0 ||
           (n > 5 && strcmp(name + n - 5, "_path") == 0);
}

/* One option of a section. A path counts from the file's folder. */
static void
add_option(struct reader *reader, ldr_store_config *store, const char *name,
    const ldr_yaml *value)
{
    ldr_key key = {.name = name, .takes = "one value"};
    const char *text = expand(reader, &key, value);
    ldr_option *options = NULL;
    size_t n = store->options.n_options;

    if (text == NULL)
        return;
    if (is_path(name))
        text =
            ldr_path_join(reader->expansion.arena, reader->config.folder, text);
    options = ldr_arena_array(reader->expansion.arena, n + 1, sizeof *options);
    if (text == NULL || options == NULL) {
        reader->expansion.nomem = true;
        return;
    }
    if (n > 0)
        memcpy(options, store->options.options, n * sizeof *options);
    options[n] = (ldr_option){.name = name,
        .value = text,
        .written = value->text,
        .secret = may_be_secret(name) || strstr(value->text, "${") != NULL,
        .place = value->place};
    store->options.options = options;
    store->options.n_options = n + 1;
}

static bool read_of_two(struct reader *reader, const ldr_store_config *store,
    const ldr_yaml *section, const char *name, const ldr_yaml *value);

/* A section: `type` and options. NULL type: not written. */
static void
read_options(struct reader *reader, ldr_store_config *store,
    const ldr_yaml *section, const char *type_key)
{
    ldr_faults *faults = reader->expansion.faults;

    if (section->n_items > OPTIONS_MAX) {
        ldr_fault(faults, &section->place, NULL,
            "%s has %zu options; at most %u are read", store->options.section,
            section->n_items, OPTIONS_MAX);
        return;
    }
    for (size_t i = 0; i < section->n_items; i++) {
        const char *name = section->keys[i].text;
        const ldr_yaml *value = &section->items[i];
        ldr_key key = {.name = name, .takes = "the name of a store's type"};

        if (ldr_yaml_find(section, name) != value ||
            read_of_two(reader, store, section, name, value))
            continue;
        if (strcmp(name, "type") == 0 || strcmp(name, type_key) == 0) {
            store->type = expand(reader, &key, value);
            if (value->kind == LDR_YAML_SCALAR &&
                strstr(value->text, "${") != NULL)
                store->type_written = value->text;
        } else if (value->kind != LDR_YAML_SCALAR)
            ldr_fault(faults, &section->keys[i].place,
                "an option has one value", "unknown key '%s' in %s", name,
                store->options.section);
        else
            add_option(reader, store, name, value);
    }
}

/* Something that is not where it should be: {type: sqlite, path: ...}. */
static void
refuse_section(
    struct reader *reader, const ldr_store_config *store, const ldr_yaml *value)
{
    ldr_fault(reader->expansion.faults, &value->place,
        "write {type: ..., path: ...}", "%s is a mapping with a 'type'",
        store->options.section);
}

static void
read_store(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    struct reader *reader = object;
    void *field = (char *)object + key->at;
    ldr_store_config *store = field;
    bool typed;

    (void)reading;
    if (reader->in_memory)
        return;
    store->options =
        (larder_options){.section = key->name, .place = value->place};
    if (value->kind != LDR_YAML_MAPPING) {
        refuse_section(reader, store, value);
        return;
    }
    typed = ldr_yaml_find(value, "type") != NULL;
    read_options(reader, store, value, "type");
    if (!typed)
        refuse_section(reader, store, value);
}

/* ----------------------------------------------------------------- fallback */

/* False is a fault. */
static bool
read_duration(struct reader *reader, const ldr_key *key, const ldr_yaml *value,
    int64_t *out)
{
    ldr_faults *faults = reader->expansion.faults;
    const char *text = expand(reader, key, value);
    larder_error error = {0};

    if (text == NULL)
        return false;
    if (ldr_duration_parse(text, out, &error) == LARDER_OK)
        return true;
    if (text != value->text)
        ldr_fault(faults, &value->place, NULL,
            "'%s' takes a duration, not what '%s' holds", key->name,
            value->text);
    else
        ldr_fault(faults, &value->place,
            error.hint[0] != '\0' ? error.hint : NULL, "'%s': %s", key->name,
            error.message);
    return false;
}

/* The second store, in the section of the first. */
static void
read_fallback(struct reader *reader, const ldr_yaml *value)
{
    ldr_store_config *store = &reader->config.fallback;

    store->options = (larder_options){
        .section = "the fallback of online_store", .place = value->place};
    if (value->kind != LDR_YAML_MAPPING) {
        refuse_section(reader, store, value);
        return;
    }
    read_options(reader, store, value, "type");
    if (ldr_yaml_find(value, "type") == NULL)
        refuse_section(reader, store, value);
}

/* What the backends of online_store and its fallback never see. */
static bool
read_of_two(struct reader *reader, const ldr_store_config *store,
    const ldr_yaml *section, const char *name, const ldr_yaml *value)
{
    ldr_config *config = &reader->config;
    ldr_key key = {.name = name, .takes = "a duration"};
    bool age = strcmp(name, "max_fallback_age") == 0;
    bool two = ldr_yaml_find(section, "fallback") != NULL;

    if (store == &config->fallback && strcmp(name, "fallback") == 0) {
        ldr_fault(reader->expansion.faults, &value->place,
            "name one fallback, beside the first store's type",
            "a fallback has no fallback of its own");
        return true;
    }
    if (store != &config->online)
        return false;
    if (strcmp(name, "fallback") == 0) {
        read_fallback(reader, value);
    } else if (two && strcmp(name, "read_timeout") == 0) {
        (void)read_duration(reader, &key, value, &config->read_timeout_us);
    } else if (two && age) {
        config->has_max_fallback_age =
            read_duration(reader, &key, value, &config->max_fallback_age_us);
    } else if (age) {
        ldr_fault(reader->expansion.faults, &value->place,
            "leave it out, or write 'fallback: {type: ...}' beside it",
            "'max_fallback_age' without a fallback");
    } else {
        return false;
    }
    return true;
}

/* ----------------------------------------------------------------- registry */

static const ldr_option *
find_option(const ldr_store_config *store, const char *name)
{
    for (size_t i = 0; i < store->options.n_options; i++)
        if (strcmp(store->options.options[i].name, name) == 0)
            return &store->options.options[i];
    return NULL;
}

/* Feast's `registry_type: sql`, whose `path` is an address: sqlite:///file or
 * postgresql[+driver]://... */
static void
turn_address(
    struct reader *reader, ldr_store_config *store, const ldr_yaml *path)
{
    static const ldr_key key = {.name = "path", .takes = "an address"};
    const ldr_option *old = find_option(store, "path");
    const char *text = old == NULL ? NULL : expand(reader, &key, path);
    const char *colon = text == NULL ? NULL : strstr(text, "://");
    ldr_arena *arena = reader->expansion.arena;
    ldr_option option;
    ldr_option *options;

    if (old == NULL && path != NULL)
        return; /* told already */
    if (old == NULL || colon == NULL ||
        (strncmp(text, "sqlite", 6) != 0 &&
            strncmp(text, "postgres", 8) != 0)) {
        ldr_fault(reader->expansion.faults,
            path == NULL ? &store->options.place : &path->place,
            "sqlite:///FILE or postgresql://USER@HOST/NAME",
            "a registry of type sql has an address as its 'path'");
        return;
    }
    option = *old;
    if (strncmp(text, "sqlite", 6) == 0) {
        store->type = "sqlite";
        option.value = ldr_path_join(
            arena, reader->config.folder, colon + 3 + (colon[3] == '/'));
    } else {
        store->type = "postgres";
        option.name = "connection_string";
        option.secret = true;
        option.value = ldr_arena_printf(arena, "postgresql%s", colon);
    }
    options = ldr_arena_array(arena, store->options.n_options, sizeof *options);
    if (options == NULL || option.value == NULL) {
        reader->expansion.nomem = true;
        return;
    }
    memcpy(options, store->options.options,
        store->options.n_options * sizeof *options);
    options[old - store->options.options] = option;
    store->options.options = options;
}

/* `registry: FILE`, or a section; with Feast's registry_type file and sql. */
static void
read_registry(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    struct reader *reader = object;
    ldr_store_config *store = &reader->config.registry;

    (void)reading;
    if (reader->in_memory)
        return;
    store->options =
        (larder_options){.section = key->name, .place = value->place};
    if (value->kind == LDR_YAML_SCALAR && !ldr_yaml_is_null(value)) {
        store->type = "sqlite";
        add_option(reader, store, "path", value);
        return;
    }
    if (value->kind != LDR_YAML_MAPPING) {
        refuse_section(reader, store, value);
        return;
    }
    store->type = "file";
    read_options(reader, store, value, "registry_type");
    if (store->type == NULL)
        return;
    if (strcmp(store->type, "file") == 0)
        store->type = "sqlite";
    else if (strcmp(store->type, "sql") == 0)
        turn_address(reader, store, ldr_yaml_find(value, "path"));
}

/* ------------------------------------------------------------- single values
 */

static void
read_project(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    struct reader *reader = object;
    const char *text = expand(reader, key, value);

    if (text == NULL)
        return;
    if (ldr_name_legal(text))
        reader->config.project = text;
    else
        ldr_fault(reading->faults, &value->place,
            "letters, digits and '_', at most 48, a digit not first",
            "'%s' is not a legal name of a project", value->text);
}

static void
read_ignored(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    (void)object;
    (void)ldr_read_scalar(reading, key, value);
}

static void
read_key_version(ldr_reading *reading, const ldr_key *key,
    const ldr_yaml *value, void *object)
{
    struct reader *reader = object;

    if (ldr_read_scalar(reading, key, value) != NULL)
        reader->key_version = value;
}

static void
read_ttl(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    struct reader *reader = object;

    (void)reading;
    reader->config.has_default_ttl =
        read_duration(reader, key, value, &reader->config.default_ttl_us);
}

static void
read_defaults(ldr_reading *reading, const ldr_key *key, const ldr_yaml *value,
    void *object)
{
    static const ldr_key keys[] = {{"ttl", read_ttl, 0, 0, false, "a duration",
        "of feature views that say none"}};

    (void)key;
    (void)ldr_read_mapping(reading, "defaults", keys, 1, value, object);
}

static const ldr_key config_keys[] = {
    {"project", read_project, 0, 0, true, "a name",
        "a name for all that is in these stores"},
    {"registry", read_registry, 0, 0, false, "a store", "definitions"},
    {"offline_store", read_store, offsetof(struct reader, config.offline), 0,
        false, "a store", "history"},
    {"online_store", read_store, offsetof(struct reader, config.online), 0,
        false, "a store", "newest values"},
    {"defaults", read_defaults, 0, 0, false, "a mapping", "of views"},
    {"provider", read_ignored, 0, 0, false, "a word", "Feast's; not used"},
    {"entity_key_serialization_version", read_key_version, 0, 0, false,
        "a number", "Feast's, of stores with 'layout: feast'"},
};

/* ------------------------------------------------------------------- reading
 */

/* A section that was not written. */
static void
set_default(struct reader *reader, ldr_store_config *store, const char *section,
    const char *type, const char *path)
{
    ldr_yaml value = {.kind = LDR_YAML_SCALAR,
        .text = path,
        .place = {.file = reader->config.path}};

    if (store->options.section != NULL)
        return;
    store->type = reader->in_memory ? "memory" : type;
    store->options.section = section;
    store->options.place = value.place;
    if (!reader->in_memory)
        add_option(reader, store, "path", &value);
}

/* One store cannot stand in for itself. */
static void
check_fallback(struct reader *reader)
{
    static const char *const places[] = {"path", "connection_string"};
    const ldr_config *config = &reader->config;

    if (config->fallback.type == NULL || config->online.type == NULL ||
        strcmp(config->fallback.type, config->online.type) != 0)
        return;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const ldr_option *first = find_option(&config->online, places[i]);
        const ldr_option *second = find_option(&config->fallback, places[i]);

        if (first != NULL && second != NULL &&
            strcmp(first->value, second->value) == 0)
            ldr_fault(reader->expansion.faults, &second->place,
                "name another store",
                "the fallback of online_store is the same store");
    }
}

static bool
is_feast(const ldr_store_config *store)
{
    const ldr_option *layout = find_option(store, "layout");

    return layout != NULL && strcmp(layout->value, "feast") == 0;
}

/* Feast says it once for all stores; here it is an option of those that are
 * laid out as its own. */
static void
pass_key_version(struct reader *reader, ldr_store_config *store)
{
    static const char name[] = "entity_key_serialization_version";

    if (reader->key_version != NULL && is_feast(store) &&
        find_option(store, name) == NULL)
        add_option(reader, store, name, reader->key_version);
}

bool
ldr_config_is_feast(const ldr_config *config)
{
    return is_feast(&config->online) || is_feast(&config->fallback);
}

/* Projects that share a server have keys of their own. */
static void
name_keys(struct reader *reader, ldr_store_config *store)
{
    ldr_yaml value = {.kind = LDR_YAML_SCALAR, .place = store->options.place};
    char *text;

    if (store->type == NULL || strcmp(store->type, "redis") != 0 ||
        reader->config.project == NULL ||
        find_option(store, "key_prefix") != NULL)
        return;
    text = ldr_arena_printf(
        reader->expansion.arena, "larder:%s:", reader->config.project);
    if (text == NULL) {
        reader->expansion.nomem = true;
        return;
    }
    value.text = text;
    add_option(reader, store, "key_prefix", &value);
}

static void
read_tree(struct reader *reader, const ldr_yaml *root)
{
    ldr_reading reading = {
        .arena = reader->expansion.arena, .faults = reader->expansion.faults};
    ldr_config *config = &reader->config;

    (void)ldr_read_mapping(&reading, "the configuration", config_keys,
        sizeof config_keys / sizeof *config_keys, root, reader);
    set_default(
        reader, &config->registry, "registry", "sqlite", "data/registry.db");
    set_default(
        reader, &config->offline, "offline_store", "sqlite", "data/offline.db");
    set_default(reader, &config->online, "online_store", "lmdb", "data/online");
    check_fallback(reader);
    pass_key_version(reader, &config->online);
    pass_key_version(reader, &config->fallback);
    name_keys(reader, &config->online);
    name_keys(reader, &config->fallback);
    reader->expansion.nomem |= reading.nomem;
}

/* The folder of a path. */
static const char *
folder_of(ldr_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ldr_arena_copy(arena, ".");
    if (slash == path)
        return ldr_arena_copy(arena, "/");
    return ldr_arena_copy_n(arena, path, (size_t)(slash - path));
}

/* The text into the reader's configuration. */
static larder_status
read_text(
    struct reader *reader, const char *text, size_t size, larder_error *err)
{
    ldr_expansion *expansion = &reader->expansion;
    const ldr_yaml *root = NULL;
    ldr_place place = {.file = reader->config.path};
    larder_status rc = ldr_yaml_parse(reader->config.path, text, size,
        expansion->arena, expansion->faults, &root, err);

    if (rc != LARDER_OK)
        return rc;
    if (root != NULL && !ldr_yaml_is_null(root))
        read_tree(reader, root);
    else if (expansion->faults->n_errors == 0)
        ldr_fault(expansion->faults, &place, "write at least 'project: NAME'",
            "the configuration is empty");
    if (expansion->nomem)
        return larder_fail(
            err, LARDER_NOMEM, "out of memory for '%s'", reader->config.path);
    if (expansion->faults->n_errors == 0)
        return LARDER_OK;
    if (err != NULL)
        *err = expansion->faults->first;
    return LARDER_INVALID;
}

static larder_status
load(const char *path, bool in_memory,
    const char *(*variable)(void *context, const char *name), void *context,
    const larder_call *call, ldr_arena *arena, ldr_config *out,
    larder_error *err)
{
    struct reader reader = {.call = call,
        .in_memory = in_memory,
        .config = {.path = ldr_arena_copy(arena, path),
            .folder = folder_of(arena, path),
            .read_timeout_us = LDR_READ_TIMEOUT_US},
        .expansion = {
            .variable = variable, .context = context, .arena = arena}};
    larder_call telling = {.diagnostic = pass_on, .context = &reader};
    ldr_faults faults = {.call = &telling};
    char *text = NULL;
    size_t size = 0;
    larder_status rc;

    if (reader.config.path == NULL || reader.config.folder == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory for '%s'", path);
    reader.expansion.folder = reader.config.folder;
    reader.expansion.faults = &faults;
    rc = ldr_file_read(path, CONFIG_BYTES_MAX, &text, &size, err);
    if (rc == LARDER_OK)
        rc = read_text(&reader, text, size, err);
    free(text);
    if (rc == LARDER_OK)
        *out = reader.config;
    return rc;
}

larder_status
ldr_config_load(const char *path,
    const char *(*variable)(void *context, const char *name), void *context,
    const larder_call *call, ldr_arena *arena, ldr_config *out,
    larder_error *err)
{
    return load(path, false, variable, context, call, arena, out, err);
}

larder_status
ldr_config_load_in_memory(const char *path,
    const char *(*variable)(void *context, const char *name), void *context,
    const larder_call *call, ldr_arena *arena, ldr_config *out,
    larder_error *err)
{
    return load(path, true, variable, context, call, arena, out, err);
}
