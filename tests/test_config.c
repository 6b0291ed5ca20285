/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config.c - feature_store.yaml: stores, options, variables.
 */
#include "definition/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"
#include "tests/told.h"

#define SECRET "hunter2"

static ldr_arena arena;
static told words;
static larder_call call;
static larder_error error;
static ldr_config config;
static char *folder;
static char path[4096];

static void
set_up(void)
{
    arena = (ldr_arena){0};
    words = (told){.size = 0};
    call = told_call(&words);
    error = (larder_error){0};
    config = (ldr_config){0};
    folder = support_folder();
    snprintf(path, sizeof path, "%s/feature_store.yaml", folder);
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
    support_remove(folder);
    free(folder);
}

static const char *
variable(void *context, const char *name)
{
    ck_assert_ptr_eq(context, &config);
    if (strcmp(name, "URL") == 0)
        return "redis://:" SECRET "@host/0";
    if (strcmp(name, "EMPTY") == 0)
        return "";
    if (strcmp(name, "NEST") == 0)
        return "${URL}";
    return NULL;
}

static larder_status
load(const char *text)
{
    support_write(folder, "feature_store.yaml", text);
    return ldr_config_load(
        path, variable, &config, &call, &arena, &config, &error);
}

static void
loads(const char *text)
{
    ck_assert_msg(load(text) == LARDER_OK, "%s", words.text);
    ck_assert_str_eq(words.text, "");
}

/* The text is refused, and this is told, places without the folder. */
static void
refused(const char *text, const char *expected)
{
    char found[sizeof words.text];
    size_t used = 0, n_path = strlen(path), n_folder = strlen(folder);

    ck_assert_int_eq(load(text), LARDER_INVALID);
    for (const char *at = words.text; *at != '\0'; at++) {
        if (strncmp(at, path, n_path) == 0)
            at += n_path;
        else if (strncmp(at, folder, n_folder) == 0)
            at += n_folder;
        found[used++] = *at;
    }
    found[used] = '\0';
    ck_assert_str_eq(found, expected);
    ck_assert_int_eq(error.status, LARDER_INVALID);
    ck_assert_ptr_null(strstr(words.text, SECRET));
}

/* An option of a store; a path without the folder before it. */
static const char *
option(const ldr_store_config *store, const char *name)
{
    const char *value = larder_options_find(&store->options, name);
    size_t n_folder = strlen(folder);

    if (value != NULL && strncmp(value, folder, n_folder) == 0)
        return value + n_folder;
    return value;
}

/* ----------------------------------------------------------------- sections */

START_TEST(what_is_not_written_is_on_files_beside_the_configuration)
{
    loads("project: e2i\n");
    ck_assert_str_eq(config.project, "e2i");
    ck_assert_str_eq(config.path, path);
    ck_assert_str_eq(config.folder, folder);
    ck_assert_str_eq(config.registry.type, "sqlite");
    ck_assert_str_eq(option(&config.registry, "path"), "/data/registry.db");
    ck_assert_str_eq(config.offline.type, "sqlite");
    ck_assert_str_eq(option(&config.offline, "path"), "/data/offline.db");
    ck_assert_str_eq(config.online.type, "lmdb");
    ck_assert_str_eq(option(&config.online, "path"), "/data/online");
    ck_assert(!config.has_default_ttl);
}
END_TEST

START_TEST(sections_keep_their_options_for_the_backend)
{
    loads("project: p\n"
          "registry: {type: sqlite, path: /abs/r.db}\n"
          "offline_store: {type: postgres, host: h, port: 5432, database: d, "
          "user: u, password: \"${EMPTY}\", sslmode: prefer, db_schema: "
          "public}\n"
          "online_store: {type: redis, connection_string: \"${URL}\", "
          "redis_type: redis, key_ttl_seconds: 60}\n"
          "provider: local\n"
          "entity_key_serialization_version: 3\n"
          "defaults: {ttl: 24h}\n");
    ck_assert_str_eq(option(&config.registry, "path"), "/abs/r.db");
    ck_assert_str_eq(config.offline.type, "postgres");
    ck_assert_uint_eq(config.offline.options.n_options, 7);
    ck_assert_str_eq(option(&config.offline, "port"), "5432");
    ck_assert_str_eq(option(&config.offline, "password"), "");
    ck_assert_ptr_null(option(&config.offline, "type"));
    ck_assert_str_eq(config.offline.options.section, "offline_store");
    ck_assert_str_eq(
        option(&config.online, "connection_string"), "redis://:hunter2@host/0");
    ck_assert(config.online.options.options[0].secret);
    ck_assert(!config.online.options.options[1].secret);
    ck_assert(config.has_default_ttl);
    ck_assert_int_eq(config.default_ttl_us, INT64_C(86400000000));
}
END_TEST

START_TEST(feasts_version_of_keys_goes_to_stores_laid_out_as_feasts)
{
    static const char name[] = "entity_key_serialization_version";

    loads("project: p\n"
          "entity_key_serialization_version: 2\n"
          "online_store: {type: redis, layout: feast}\n");
    ck_assert(ldr_config_is_feast(&config));
    ck_assert_str_eq(option(&config.online, name), "2");
    loads("project: p\n"
          "entity_key_serialization_version: 2\n"
          "online_store: {type: redis, layout: feast, "
          "entity_key_serialization_version: 3}\n");
    ck_assert_str_eq(option(&config.online, name), "3");
    loads("project: p\n"
          "entity_key_serialization_version: 2\n"
          "online_store: {type: redis, fallback: {type: redis, layout: "
          "feast}}\n");
    ck_assert(ldr_config_is_feast(&config));
    ck_assert_ptr_null(option(&config.online, name));
    ck_assert_str_eq(option(&config.fallback, name), "2");
    loads("project: p\n"
          "entity_key_serialization_version: 2\n"
          "online_store: {type: redis, layout: packed}\n");
    ck_assert(!ldr_config_is_feast(&config));
    ck_assert_ptr_null(option(&config.online, name));
}
END_TEST

START_TEST(files_of_an_option_count_from_the_configurations_folder)
{
    loads("project: p\n"
          "offline_store: {type: postgres, host: h, sslrootcert_path: "
          "certs/ca.pem, sslkey_path: /abs/key.pem, path_of: x}\n");
    ck_assert_str_eq(
        option(&config.offline, "sslrootcert_path"), "/certs/ca.pem");
    ck_assert_str_eq(option(&config.offline, "sslkey_path"), "/abs/key.pem");
    ck_assert_str_eq(option(&config.offline, "path_of"), "x");
}
END_TEST

START_TEST(feasts_registries_are_turned_into_ours)
{
    loads("project: p\nregistry: data/r.db\n");
    ck_assert_str_eq(config.registry.type, "sqlite");
    ck_assert_str_eq(option(&config.registry, "path"), "/data/r.db");
    loads("project: p\nregistry: {path: r.db}\n");
    ck_assert_str_eq(config.registry.type, "sqlite");
    loads("project: p\nregistry: {registry_type: file, path: r.db}\n");
    ck_assert_str_eq(config.registry.type, "sqlite");
    ck_assert_str_eq(option(&config.registry, "path"), "/r.db");
    loads("project: p\nregistry: {registry_type: sql, path: "
          "\"sqlite:///sub/r.db\"}\n");
    ck_assert_str_eq(config.registry.type, "sqlite");
    ck_assert_str_eq(option(&config.registry, "path"), "/sub/r.db");
    loads("project: p\nregistry: {registry_type: sql, path: "
          "\"sqlite:////abs/r.db\"}\n");
    ck_assert_str_eq(option(&config.registry, "path"), "/abs/r.db");
    loads("project: p\nregistry: {registry_type: sql, path: "
          "\"postgresql+psycopg://u:x@h:5432/db\"}\n");
    ck_assert_str_eq(config.registry.type, "postgres");
    ck_assert_str_eq(option(&config.registry, "connection_string"),
        "postgresql://u:x@h:5432/db");
    ck_assert_ptr_null(option(&config.registry, "path"));
    loads("project: p\nregistry: {type: postgres, connection_string: "
          "\"${URL}\"}\n");
    ck_assert_str_eq(config.registry.type, "postgres");
}
END_TEST

START_TEST(an_address_that_is_none_is_refused)
{
    refused("project: p\nregistry: {registry_type: sql, path: r.db}\n",
        ":2:38: error: a registry of type sql has an address as its 'path'\n"
        "    hint: sqlite:///FILE or postgresql://USER@HOST/NAME\n");
    words = (told){.size = 0};
    refused("project: p\nregistry: {registry_type: sql}\n",
        ":2:11: error: a registry of type sql has an address as its 'path'\n"
        "    hint: sqlite:///FILE or postgresql://USER@HOST/NAME\n");
    words = (told){.size = 0};
    refused("project: p\nregistry: {registry_type: sql, path: \"${NONE}\"}\n",
        ":2:38: error: variable 'NONE' is not set\n"
        "    hint: set it, or write ${NONE:-default}\n");
}
END_TEST

START_TEST(paths_count_from_the_folder_of_the_file)
{
    support_write(folder, "x.yaml", "project: p\n");
    ck_assert_int_eq(ldr_config_load("nowhere.yaml", NULL, NULL, &call, &arena,
                         &config, &error),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(error.message, "there is no file 'nowhere.yaml'");
    loads("project: p\nonline_store: {type: lmdb, path: ../o}\n");
    ck_assert_str_eq(option(&config.online, "path"), "/../o");
}
END_TEST

START_TEST(an_online_store_may_name_a_fallback)
{
    loads("project: p\nonline_store: {type: redis, connection_string: x}\n");
    ck_assert_ptr_null(config.fallback.type);
    ck_assert_int_eq(config.read_timeout_us, 20000);
    loads("project: p\n"
          "online_store:\n"
          "  type: redis\n"
          "  connection_string: \"${URL}\"\n"
          "  read_timeout: 5ms\n"
          "  max_fallback_age: 2h\n"
          "  fallback: {type: lmdb, path: data/o, max_size: 1GiB}\n");
    ck_assert_str_eq(config.online.type, "redis");
    ck_assert_uint_eq(config.online.options.n_options, 2);
    ck_assert_str_eq(option(&config.online, "key_prefix"), "larder:p:");
    ck_assert_str_eq(config.fallback.type, "lmdb");
    ck_assert_uint_eq(config.fallback.options.n_options, 2);
    ck_assert_str_eq(option(&config.fallback, "path"), "/data/o");
    ck_assert_str_eq(option(&config.fallback, "max_size"), "1GiB");
    ck_assert_int_eq(config.read_timeout_us, 5000);
    ck_assert(config.has_max_fallback_age);
    ck_assert_int_eq(config.max_fallback_age_us, INT64_C(7200000000));
    /* Without a fallback read_timeout may be a backend's own. */
    loads("project: p\nonline_store: {type: redis, read_timeout: 5ms}\n");
    ck_assert_str_eq(option(&config.online, "read_timeout"), "5ms");
}
END_TEST

START_TEST(a_fallback_that_is_none_is_refused)
{
    static const struct {
        const char *written, *told;
    } faults[] = {
        {"{type: lmdb, path: a, fallback: lmdb}",
            ":2:47: error: the fallback of online_store is a mapping with a "
            "'type'\n    hint: write {type: ..., path: ...}\n"},
        {"{type: lmdb, path: a, fallback: {path: b}}",
            ":2:47: error: the fallback of online_store is a mapping with a "
            "'type'\n    hint: write {type: ..., path: ...}\n"},
        {"{type: lmdb, path: a, fallback: {type: lmdb, path: ./b, fallback: "
         "{type: memory}}}",
            ":2:81: error: a fallback has no fallback of its own\n"
            "    hint: name one fallback, beside the first store's type\n"},
        {"{type: lmdb, path: a, fallback: {type: lmdb, path: a}}",
            ":2:66: error: the fallback of online_store is the same store\n"
            "    hint: name another store\n"},
        {"{type: lmdb, path: a, max_fallback_age: 1h}",
            ":2:55: error: 'max_fallback_age' without a fallback\n"
            "    hint: leave it out, or write 'fallback: {type: ...}' beside "
            "it\n"},
        {"{type: lmdb, path: a, fallback: {type: memory}, read_timeout: 20}",
            ":2:77: error: 'read_timeout': duration '20' is not numbers with "
            "units out of w, d, h, m, s, ms, us, in that order\n"
            "    hint: write it like 90s, 12h, 7d or 1h30m\n"},
    };
    char text[256];

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        words = (told){.size = 0};
        snprintf(text, sizeof text, "project: p\nonline_store: %s\n",
            faults[i].written);
        refused(text, faults[i].told);
    }
}
END_TEST

START_TEST(every_fault_is_told_at_its_place)
{
    refused("projct: p\n"
            "regstry: x\n"
            "registry: [a]\n"
            "offline_store: {path: x}\n"
            "online_store:\n"
            "  type: redis\n"
            "  second: {type: lmdb}\n"
            "  size: \n"
            "defaults: {tll: 1h, ttl: soon}\n",
        ":1:1: error: unknown key 'projct' in the configuration\n"
        "    hint: did you mean 'project'?\n"
        ":2:1: error: unknown key 'regstry' in the configuration\n"
        "    hint: did you mean 'registry'?\n"
        ":3:11: error: registry is a mapping with a 'type'\n"
        "    hint: write {type: ..., path: ...}\n"
        ":4:16: error: offline_store is a mapping with a 'type'\n"
        "    hint: write {type: ..., path: ...}\n"
        ":7:3: error: unknown key 'second' in online_store\n"
        "    hint: an option has one value\n"
        ":8:8: error: 'size' takes one value, not nothing\n"
        "    hint: leave the key out, or write a value\n"
        ":9:12: error: unknown key 'tll' in defaults\n"
        "    hint: did you mean 'ttl'?\n"
        ":9:26: error: 'ttl': duration 'soon' is not numbers with units out "
        "of w, d, h, m, s, ms, us, in that order\n"
        "    hint: write it like 90s, 12h, 7d or 1h30m\n");
    ck_assert_str_eq(
        error.message, "unknown key 'projct' in the configuration");
    ck_assert_uint_eq(error.line, 1);
}
END_TEST

START_TEST(a_project_has_a_legal_name)
{
    refused("project: \"a b\"\n",
        ":1:10: error: 'a b' is not a legal name of a project\n"
        "    hint: letters, digits and '_', at most 48, a digit not first\n");
    words = (told){.size = 0};
    refused("registry: x\n", ":1:1: error: the configuration has no 'project'\n"
                             "    hint: 'project' takes a name\n");
    words = (told){.size = 0};
    refused("# nothing\n", ":0:0: error: the configuration is empty\n"
                           "    hint: write at least 'project: NAME'\n");
}
END_TEST

/* ---------------------------------------------------------------- variables */

START_TEST(variables_are_expanded_once_in_any_scalar)
{
    support_write(folder, "secret", "from a file\n");
    loads("project: \"${NONE:-fallback}\"\n"
          "online_store:\n"
          "  type: ${NONE:-redis}\n"
          "  a: x${URL}y\n"
          "  b: ${EMPTY}\n"
          "  c: ${EMPTY:-default}\n"
          "  d: \"${file:secret}\"\n"
          "  e: $${URL} $$ $X\n"
          "  f: \"${NEST}\"\n"
          "  g: \"${NONE:-}\"\n");
    ck_assert_str_eq(config.project, "fallback");
    ck_assert_str_eq(config.online.type, "redis");
    ck_assert_str_eq(option(&config.online, "a"), "xredis://:hunter2@host/0y");
    ck_assert_str_eq(option(&config.online, "b"), "");
    ck_assert_str_eq(option(&config.online, "c"), "default");
    ck_assert_str_eq(option(&config.online, "d"), "from a file");
    ck_assert_str_eq(option(&config.online, "e"), "${URL} $$ $X");
    ck_assert_str_eq(option(&config.online, "f"), "${URL}");
    ck_assert_str_eq(option(&config.online, "g"), "");
}
END_TEST

START_TEST(a_variable_that_fails_is_named)
{
    refused("project: p\n"
            "online_store:\n"
            "  type: redis\n"
            "  a: ${NONE}\n"
            "  b: \"${NONE:?set it to the address}\"\n"
            "  c: ${1x}\n"
            "  d: ${A\n"
            "  e: ${A:-${B}}\n"
            "  f: ${file:nowhere}\n"
            "  g: ${EMPTY:?}\n"
            "  h: ${A:+x}\n",
        ":4:6: error: variable 'NONE' is not set\n"
        "    hint: set it, or write ${NONE:-default}\n"
        ":5:6: error: variable 'NONE' is not set\n"
        "    hint: set it to the address\n"
        ":6:6: error: '${1x}' is no variable\n"
        "    hint: ${NAME}, ${NAME:-default}, ${NAME:?why} or ${file:PATH}; "
        "$${ for the signs themselves\n"
        ":7:6: error: '${' without an end\n"
        "    hint: close it with '}'\n"
        ":8:6: error: '${A:-${B}' is no variable\n"
        "    hint: ${NAME}, ${NAME:-default}, ${NAME:?why} or ${file:PATH}; "
        "$${ for the signs themselves\n"
        ":9:6: error: ${file:nowhere}: there is no file '/nowhere'\n"
        ":10:6: error: variable 'EMPTY' is not set\n"
        "    hint: set it, or write ${EMPTY:-default}\n"
        ":11:6: error: '${A:+x}' is no variable\n"
        "    hint: ${NAME}, ${NAME:-default}, ${NAME:?why} or ${file:PATH}; "
        "$${ for the signs themselves\n");
}
END_TEST

START_TEST(a_secrets_file_is_bounded)
{
    char *big = malloc(70000);

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', 70000);
    big[69999] = '\0';
    support_write(folder, "big", big);
    free(big);
    ck_assert_int_eq(
        load("project: p\nregistry: \"${file:big}\"\n"), LARDER_INVALID);
    ck_assert_ptr_nonnull(
        strstr(words.text, "has 69999 bytes; at most 65536 are read"));
}
END_TEST

START_TEST(no_fault_shows_what_a_variable_holds)
{
    refused("project: ${URL}\ndefaults: {ttl: \"${URL}\"}\n",
        ":1:10: error: '${URL}' is not a legal name of a project\n"
        "    hint: letters, digits and '_', at most 48, a digit not first\n"
        ":2:17: error: 'ttl' takes a duration, not what '${URL}' holds\n");
}
END_TEST

START_TEST(lines_that_may_hold_a_secret_are_not_shown)
{
    load("project: p\nonline_store: {type: x, pasword: a, b: [c]}\n");
    ck_assert_str_eq(words.line, "online_store: {type: x, pasword: a, b: [c]}");
    load("project: p\nonline_store: {type: x, PASSWORD: a, b: [c]}\n");
    ck_assert_str_eq(words.line, "");
    load("project: p\nonline_store: {type: x, url: redis://a, b: [c]}\n");
    ck_assert_str_eq(words.line, "");
}
END_TEST

/* ------------------------------------------------------------------ options */

START_TEST(sizes_are_read_with_their_units)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0}, {"4096", 4096}, {"12B", 12}, {"1kB", 1000},
        {"1KiB", 1024}, {"64MiB", 67108864}, {"2 gb", 2000000000},
        {"1G", 1073741824}, {"16TiB", UINT64_C(17592186044416)}};
    static const char *const bad[] = {"", "MiB", "-1", "1.5GiB", "1PB",
        "99999999999999999999", "9223372036854775807KiB"};
    ldr_option one = {
        .name = "size", .place = {.file = "f.yaml", .line = 3, .column = 4}};
    larder_options options = {
        .options = &one, .n_options = 1, .section = "online_store"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t bytes = 7;

        one.value = good[i].text;
        ck_assert_int_eq(
            larder_options_bytes(&options, "size", &bytes, &error), LARDER_OK);
        ck_assert_uint_eq(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t bytes = 7;

        one.value = bad[i];
        ck_assert_int_eq(larder_options_bytes(&options, "size", &bytes, &error),
            LARDER_INVALID);
        ck_assert_uint_eq(bytes, 7);
    }
    ck_assert_str_eq(error.message,
        "option 'size' of online_store takes a size such as 64MiB, not "
        "'9223372036854775807KiB'");
    ck_assert_str_eq(error.file, "f.yaml");
    ck_assert_uint_eq(error.line, 3);
}
END_TEST

START_TEST(an_absent_option_leaves_the_default)
{
    larder_options none = {.section = "online_store"};
    uint64_t bytes = 7;
    bool truth = true;

    ck_assert_int_eq(
        larder_options_bytes(&none, "size", &bytes, &error), LARDER_OK);
    ck_assert_int_eq(
        larder_options_bool(&none, "tls", &truth, &error), LARDER_OK);
    ck_assert_uint_eq(bytes, 7);
    ck_assert(truth);
    ck_assert_ptr_null(larder_options_find(&none, "path"));
    ck_assert_int_eq(larder_options_only(&none, NULL, 0, &error), LARDER_OK);
}
END_TEST

START_TEST(a_wrong_option_shows_the_variable_and_not_its_value)
{
    bool truth;

    loads("project: p\n"
          "online_store: {type: x, tls: \"${URL}\", password: wrong, a: "
          "true, b: FALSE, c: yes}\n");
    ck_assert_int_eq(
        larder_options_bool(&config.online.options, "tls", &truth, &error),
        LARDER_INVALID);
    ck_assert_str_eq(error.message,
        "option 'tls' of online_store takes true or false, not '${URL}'");
    ck_assert_int_eq(
        larder_options_bool(&config.online.options, "password", &truth, &error),
        LARDER_INVALID);
    ck_assert_str_eq(error.message,
        "option 'password' of online_store takes true or false, not '***'");
    ck_assert_int_eq(
        larder_options_bool(&config.online.options, "a", &truth, &error),
        LARDER_OK);
    ck_assert(truth);
    ck_assert_int_eq(
        larder_options_bool(&config.online.options, "b", &truth, &error),
        LARDER_OK);
    ck_assert(!truth);
    ck_assert_int_eq(
        larder_options_bool(&config.online.options, "c", &truth, &error),
        LARDER_INVALID);
}
END_TEST

START_TEST(an_unknown_option_has_its_place_and_the_nearest_name)
{
    static const char *const known[] = {"path", "max_size"};
    static const char *const other[] = {"url"};

    loads("project: p\nonline_store: {type: x, path: o, max_sise: 1}\n");
    ck_assert_int_eq(
        larder_options_only(&config.online.options, known, 2, &error),
        LARDER_INVALID);
    ck_assert_str_eq(error.message, "unknown key 'max_sise' in online_store");
    ck_assert_str_eq(error.hint, "did you mean 'max_size'?");
    ck_assert_str_eq(error.file, path);
    ck_assert_uint_eq(error.line, 2);
    ck_assert_uint_gt(error.column, 30);
    ck_assert_int_eq(
        larder_options_only(&config.online.options, other, 1, &error),
        LARDER_INVALID);
    ck_assert_str_eq(error.hint, "its options are url");
    ck_assert_int_eq(larder_options_only(&config.online.options, NULL, 0, NULL),
        LARDER_INVALID);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("config");
    TCase *sections = tcase_create("sections"),
          *variables = tcase_create("variables"),
          *options = tcase_create("options");

    tcase_add_checked_fixture(sections, set_up, tear_down);
    tcase_add_test(
        sections, what_is_not_written_is_on_files_beside_the_configuration);
    tcase_add_test(sections, sections_keep_their_options_for_the_backend);
    tcase_add_test(
        sections, feasts_version_of_keys_goes_to_stores_laid_out_as_feasts);
    tcase_add_test(
        sections, files_of_an_option_count_from_the_configurations_folder);
    tcase_add_test(sections, feasts_registries_are_turned_into_ours);
    tcase_add_test(sections, an_address_that_is_none_is_refused);
    tcase_add_test(sections, paths_count_from_the_folder_of_the_file);
    tcase_add_test(sections, an_online_store_may_name_a_fallback);
    tcase_add_test(sections, a_fallback_that_is_none_is_refused);
    tcase_add_test(sections, every_fault_is_told_at_its_place);
    tcase_add_test(sections, a_project_has_a_legal_name);
    suite_add_tcase(suite, sections);
    tcase_add_checked_fixture(variables, set_up, tear_down);
    tcase_add_test(variables, variables_are_expanded_once_in_any_scalar);
    tcase_add_test(variables, a_variable_that_fails_is_named);
    tcase_add_test(variables, a_secrets_file_is_bounded);
    tcase_add_test(variables, no_fault_shows_what_a_variable_holds);
    tcase_add_test(variables, lines_that_may_hold_a_secret_are_not_shown);
    suite_add_tcase(suite, variables);
    tcase_add_checked_fixture(options, set_up, tear_down);
    tcase_add_test(options, sizes_are_read_with_their_units);
    tcase_add_test(options, an_absent_option_leaves_the_default);
    tcase_add_test(
        options, a_wrong_option_shows_the_variable_and_not_its_value);
    tcase_add_test(
        options, an_unknown_option_has_its_place_and_the_nearest_name);
    suite_add_tcase(suite, options);
    return support_run(suite);
}
