/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_load.c - a folder of YAML, or one text, to definitions.
 */
#include "definition/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "definition/folder.h"
#include "tests/support.h"
#include "tests/told.h"

static ldr_arena arena;
static told words;
static larder_call call;
static ldr_faults faults;
static ldr_definitions all;
static larder_error error;
static char *folder;

static void
set_up(void)
{
    arena = (ldr_arena){0};
    words = (told){.size = 0};
    call = told_call(&words);
    faults = (ldr_faults){.call = &call};
    all = (ldr_definitions){0};
    error = (larder_error){0};
    folder = support_folder();
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
    support_remove(folder);
    free(folder);
}

static larder_status
load(void)
{
    return ldr_load_folder(folder, &arena, &faults, &all, &error);
}

static void
load_text(const char *text)
{
    ck_assert_int_eq(ldr_load_text("a.yaml", text, strlen(text), &arena,
                         &faults, &all, &error),
        LARDER_OK);
    ck_assert_str_eq(words.text, "");
}

/* folder/name holds one entity of that name. */
static void
write_entity(const char *name, const char *entity)
{
    char text[200];

    snprintf(
        text, sizeof text, "entities: [{name: %s, type: string}]\n", entity);
    support_write(folder, name, text);
}

/* The entities there are, in their order: "a b c". */
static void
entities_are(const char *expected)
{
    char found[1000] = "";
    size_t used = 0;

    for (size_t i = 0; i < all.n_entities; i++)
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%s",
            i == 0 ? "" : " ", all.entities[i].about.name);
    ck_assert_str_eq(found, expected);
}

/* folder/from is a link to a text. */
static void
make_link(const char *from, const char *to)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, from);
    ck_assert_int_eq(symlink(to, path), 0);
}

/* ------------------------------------------------------------------ folders */

START_TEST(every_yaml_below_the_folder_is_read_and_nothing_else)
{
    write_entity("b.yaml", "b");
    write_entity("a.yml", "a");
    write_entity("deep/er/c.yaml", "c");
    write_entity("feature_store.yaml", "x1");
    write_entity("feature_store.prod.yaml", "x2");
    write_entity(".hidden.yaml", "x3");
    write_entity(".git/d.yaml", "x4");
    write_entity("d.yaml.orig", "x5");
    write_entity("yaml", "x6");
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_str_eq(words.text, "");
    entities_are("a b c");
}
END_TEST

START_TEST(files_are_named_with_the_folder_and_told_in_order)
{
    char expected[1000];

    support_write(folder, "b.yaml", "b: 1\n");
    support_write(folder, "a/z.yaml", "a: 1\n");
    ck_assert_int_eq(load(), LARDER_OK);
    snprintf(expected, sizeof expected,
        "%s/a/z.yaml:1:1: error: unknown key 'a' in a definition file\n"
        "    hint: its keys are entities, sources, feature_views, "
        "on_demand_feature_views, feature_services, jobs\n"
        "%s/b.yaml:1:1: error: unknown key 'b' in a definition file\n"
        "    hint: its keys are entities, sources, feature_views, "
        "on_demand_feature_views, feature_services, jobs\n",
        folder, folder);
    ck_assert_str_eq(words.text, expected);
}
END_TEST

START_TEST(larderignore_leaves_files_and_folders_out)
{
    support_write(folder, ".larderignore",
        "# words\n\n*.gen.yaml\ndrafts/\n/top.yaml\nsub/one?.yaml\r\n"
        "deep/**/z.yaml\nkept/\n");
    write_entity("a.yaml", "a");
    write_entity("x.gen.yaml", "x1");
    write_entity("sub/y.gen.yaml", "x2");
    write_entity("drafts/b.yaml", "x3");
    write_entity("sub/drafts/b.yaml", "x4");
    write_entity("top.yaml", "x5");
    write_entity("sub/top.yaml", "b");
    write_entity("sub/one1.yaml", "x6");
    write_entity("sub/one12.yaml", "c");
    write_entity("sub/sub/one1.yaml", "d");
    write_entity("deep/er/and/z.yaml", "x7");
    write_entity("kept", "x8");
    write_entity("e/kept.yaml", "e");
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_str_eq(words.text, "");
    entities_are("a b c d e");
}
END_TEST

START_TEST(larderignore_takes_nothing_back)
{
    write_entity("a.yaml", "a");
    support_write(folder, ".larderignore", "b.yaml\n!a.yaml\n");
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(words.text, "'!' takes nothing back here"));
}
END_TEST

START_TEST(links_are_followed_inside_the_folder_and_others_told)
{
    char *outside = support_folder(), path[4096];

    support_write(outside, "o.yaml", "entities: [{name: o, type: string}]\n");
    snprintf(path, sizeof path, "%s/o.yaml", outside);
    write_entity("..2026/a.yaml", "a");
    make_link("..data", "..2026");
    make_link("a.yaml", "..data/a.yaml");
    make_link("outside.yaml", path);
    make_link("climb.yaml", "../../../../../../etc/passwd");
    make_link("lost.yaml", "nowhere.yaml");
    make_link("round.yaml", "round.yaml");
    make_link("loop", ".");
    write_entity("sub/b.yaml", "b");
    make_link("again", "sub");
    make_link("sub/up.yaml", "../a.yaml");
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_uint_eq(faults.n_warnings, 4);
    ck_assert_ptr_nonnull(strstr(words.text, "/climb.yaml:"));
    ck_assert_ptr_nonnull(strstr(words.text, "/lost.yaml:"));
    ck_assert_ptr_nonnull(strstr(words.text, "/outside.yaml:"));
    ck_assert_ptr_nonnull(strstr(words.text, "/round.yaml:"));
    entities_are("a b");
    support_remove(outside);
    free(outside);
}
END_TEST

START_TEST(a_wrong_or_empty_folder_is_not_found_in_clear_words)
{
    char expected[1000];

    ck_assert_int_eq(load(), LARDER_NOT_FOUND);
    snprintf(expected, sizeof expected, "no definitions in '%s'", folder);
    ck_assert_str_eq(error.message, expected);
    ck_assert_str_eq(
        error.hint, "expected *.yaml with entities, sources, feature_views");
    support_write(folder, "a.yaml", "# nothing yet\n");
    ck_assert_int_eq(load(), LARDER_NOT_FOUND);
    ck_assert_int_eq(
        ldr_load_folder("/nowhere/at/all", &arena, &faults, &all, &error),
        LARDER_NOT_FOUND);
    ck_assert_str_eq(error.message, "there is no folder '/nowhere/at/all'");
}
END_TEST

START_TEST(what_is_no_file_is_not_waited_for)
{
    char path[4096];

    write_entity("a.yaml", "a");
    snprintf(path, sizeof path, "%s/pipe.yaml", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_ptr_nonnull(strstr(words.text, "not read: it is no plain file"));
    entities_are("a");
}
END_TEST

START_TEST(a_file_too_big_is_a_fault_and_the_others_are_read)
{
    char path[4096];

    write_entity("a.yaml", "a");
    support_write(folder, "b.yaml", "");
    snprintf(path, sizeof path, "%s/b.yaml", folder);
    ck_assert_int_eq(truncate(path, 5000000), 0);
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_uint_eq(faults.n_errors, 1);
    ck_assert_ptr_nonnull(
        strstr(words.text, "has 5000000 bytes; at most 4194304 are read"));
    ck_assert(all.incomplete);
    entities_are("a");
}
END_TEST

START_TEST(folders_too_deep_are_refused_by_name)
{
    char name[200];

    for (int i = 0; i < 40; i++)
        memcpy(name + 2 * i, "d/", 2);
    memcpy(name + 80, "a.yaml", sizeof "a.yaml");
    write_entity(name, "a");
    ck_assert_int_eq(load(), LARDER_LIMIT);
    ck_assert_ptr_nonnull(strstr(error.message, "deeper than 32 levels"));
}
END_TEST

START_TEST(one_broken_file_does_not_hide_the_faults_of_others)
{
    support_write(folder, "a.yaml", "entities: [\n");
    support_write(folder, "b.yaml", "entities: [{nam: b}]\n");
    ck_assert_int_eq(load(), LARDER_OK);
    ck_assert_uint_eq(faults.n_errors, 3);
    ck_assert(all.incomplete);
}
END_TEST

START_TEST(a_file_is_read_whole_or_refused_by_name)
{
    char path[4096], *text = NULL;
    size_t size = 0;

    support_write(folder, "x", "12345");
    snprintf(path, sizeof path, "%s/x", folder);
    ck_assert_int_eq(ldr_file_read(path, 5, &text, &size, &error), LARDER_OK);
    ck_assert_uint_eq(size, 5);
    ck_assert_str_eq(text, "12345");
    free(text);
    ck_assert_int_eq(
        ldr_file_read(path, 4, &text, &size, &error), LARDER_LIMIT);
    ck_assert_int_eq(ldr_file_read(folder, 4, &text, &size, &error), LARDER_IO);
    ck_assert_int_eq(
        ldr_file_read("/nowhere/x", 4, &text, &size, &error), LARDER_NOT_FOUND);
    ck_assert_str_eq(error.message, "there is no file '/nowhere/x'");
}
END_TEST

/* -------------------------------------------------------------------- texts */

START_TEST(an_empty_text_is_an_empty_set_of_definitions)
{
    load_text("");
    load_text("~\n");
    load_text("jobs:\nentities: []\n");
    ck_assert_uint_eq(all.n_entities + all.n_jobs, 0);
    ck_assert(!all.incomplete);
}
END_TEST

START_TEST(keys_that_are_not_written_have_their_defaults)
{
    load_text("entities: [{name: hcp, type: string}]\n"
              "sources: [{name: s, timestamp_field: ts, table: t}]\n"
              "feature_views: [{name: v, entities: [hcp], source: s, "
              "features: [{name: f, type: bool}]}]\n"
              "jobs: [{name: j, run: materialize, every: 6h}]\n");
    ck_assert_str_eq(all.entities[0].join_key.name, "hcp");
    ck_assert_int_eq(all.sources[0].arrival_slack_us, INT64_C(3600000000));
    ck_assert_int_eq(all.sources[0].max_skew_us, INT64_C(300000000));
    ck_assert_int_eq(all.sources[0].naive_offset_minutes, LARDER_NAIVE_REFUSED);
    ck_assert(!all.sources[0].owned);
    ck_assert(!all.sources[0].has_replace_on);
    ck_assert(all.views[0].online);
    ck_assert(!all.views[0].has_ttl);
    ck_assert_uint_eq(all.views[0].max_window_events, 4096);
    ck_assert_str_eq(all.views[0].features[0].from, "f");
    ck_assert(all.views[0].features[0].nullable);
    ck_assert(!all.views[0].features[0].has_range);
    ck_assert_int_eq(all.jobs[0].every_us, INT64_C(21600000000));
    ck_assert_uint_eq(all.jobs[0].retries, 0);
}
END_TEST

START_TEST(every_key_of_a_source_arrives)
{
    const ldr_source *source;

    load_text("sources:\n"
              "  - name: s\n"
              "    query: SELECT 1\n"
              "    timestamp_field: ts\n"
              "    created_timestamp_column: made\n"
              "    timestamp_unit: ms\n"
              "    timezone: \"-05:30\"\n"
              "    date_is: end_of_day\n"
              "    replace_on: []\n"
              "    arrival_slack: 2h\n"
              "    expected_interval: 1d\n"
              "    max_skew: 1m\n"
              "    description: words\n"
              "    owner: me\n"
              "    tags: {b: 1, a: true}\n");
    source = &all.sources[0];
    ck_assert_str_eq(source->query, "SELECT 1");
    ck_assert_str_eq(source->created, "made");
    ck_assert_int_eq(source->unit, LARDER_UNIT_MS);
    ck_assert_str_eq(source->timezone, "-05:30");
    ck_assert_int_eq(source->naive_offset_minutes, -330);
    ck_assert(source->date_is_end_of_day);
    ck_assert(source->has_replace_on);
    ck_assert_uint_eq(source->n_replace_on, 0);
    ck_assert_int_eq(source->arrival_slack_us, INT64_C(7200000000));
    ck_assert_int_eq(source->expected_interval_us, INT64_C(86400000000));
    ck_assert_int_eq(source->max_skew_us, INT64_C(60000000));
    ck_assert_str_eq(source->about.description, "words");
    ck_assert_str_eq(source->about.owner, "me");
    ck_assert_uint_eq(source->about.n_tags, 2);
    ck_assert_str_eq(source->about.tags[0].name, "a");
    ck_assert_str_eq(source->about.tags[0].value, "true");
    ck_assert_uint_eq(source->about.place.line, 2);
    ck_assert_uint_eq(source->about.place.column, 11);
}
END_TEST

START_TEST(every_key_of_a_view_and_feature_arrives)
{
    const ldr_view *view;
    const ldr_feature *feature;

    load_text("feature_views:\n"
              "  - name: v\n"
              "    entities: []\n"
              "    source: s\n"
              "    ttl: 7d\n"
              "    online: False\n"
              "    allow_empty: true\n"
              "    freshness: {warn: 12h, max: 24h}\n"
              "    lookback: 2d\n"
              "    retain: 4w\n"
              "    max_window_events: 10\n"
              "    features:\n"
              "      - {name: f, type: float32, from: c, nullable: false, "
              "range: [-inf, 1e2], values: [1, \"2\"], on_violation: refuse, "
              "default: \"\", unit: EUR, renamed_from: g, description: d, "
              "tags: {a: b}}\n");
    view = &all.views[0];
    ck_assert(view->has_ttl);
    ck_assert_int_eq(view->ttl_us, INT64_C(604800000000));
    ck_assert(!view->online);
    ck_assert(view->allow_empty);
    ck_assert_int_eq(view->freshness_warn_us, INT64_C(43200000000));
    ck_assert_int_eq(view->freshness_max_us, INT64_C(86400000000));
    ck_assert_int_eq(view->lookback_us, INT64_C(172800000000));
    ck_assert_int_eq(view->retain_us, INT64_C(2419200000000));
    ck_assert_uint_eq(view->max_window_events, 10);
    feature = &view->features[0];
    ck_assert_str_eq(feature->from, "c");
    ck_assert(!feature->nullable);
    ck_assert(feature->has_range);
    ck_assert(feature->range_low < -1e300);
    ck_assert(feature->range_high >= 100 && feature->range_high <= 100);
    ck_assert_uint_eq(feature->n_values, 2);
    ck_assert_str_eq(feature->values[1], "2");
    ck_assert(feature->refuse);
    ck_assert_str_eq(feature->default_text, "");
    ck_assert_str_eq(feature->unit, "EUR");
    ck_assert_str_eq(feature->renamed_from, "g");
    ck_assert_str_eq(feature->tags[0].value, "b");
}
END_TEST

START_TEST(alerts_are_kept_as_written)
{
    load_text("jobs:\n"
              "  - {name: j, run: \"materialize --full\", cron: \"*/5 0-12/3 "
              "1,15 jan-MAR Mon\", timezone: \"+02:00\", timeout: 1h, jitter: "
              "5m, retries: 3, alert: [log, {webhook: \"${URL}\"}]}\n");
    ck_assert_str_eq(all.jobs[0].run, "materialize --full");
    ck_assert_str_eq(all.jobs[0].timezone, "+02:00");
    ck_assert_uint_eq(all.jobs[0].n_alerts, 2);
    ck_assert_str_eq(all.jobs[0].alerts[0], "log");
    ck_assert_str_eq(all.jobs[0].alerts[1], "webhook: ${URL}");
    ck_assert_uint_eq(all.jobs[0].retries, 3);
}
END_TEST

START_TEST(objects_are_sorted_by_name_whatever_the_case)
{
    load_text("entities:\n"
              "  - {name: b, type: string}\n"
              "  - {name: C, type: string}\n"
              "  - {name: a, type: string}\n"
              "  - {name: B_, type: string}\n");
    entities_are("a b B_ C");
}
END_TEST

/* ----------------------------------------------------------------- the page */

/* The heading of the page that tells of a level. */
static void
heading(const char *level, char *text, size_t room)
{
    snprintf(text, room, "## `%s`\n", level);
}

START_TEST(the_page_of_definitions_has_every_key_as_the_loader_has_it)
{
    const char *top = getenv("srcdir");
    char path[4096], text[600], *page;
    size_t n_docs = 0, n_rows = 0;
    const ldr_key_doc *docs = ldr_key_docs(&n_docs);
    const char *at, *level = "";

    snprintf(
        path, sizeof path, "%s/docs/definitions.md", top != NULL ? top : ".");
    page = support_read(path);
    at = page;
    ck_assert_uint_gt(n_docs, 50);
    for (size_t i = 0; i < n_docs; i++) {
        if (strcmp(level, docs[i].level) != 0) {
            level = docs[i].level;
            heading(level, text, sizeof text);
            at = strstr(page, text);
            ck_assert_msg(at != NULL, "docs/definitions.md lacks %s", text);
        }
        snprintf(text, sizeof text, "\n| `%s` | %s | %s |\n", docs[i].key,
            docs[i].takes, docs[i].help);
        at = strstr(at, text);
        ck_assert_msg(
            at != NULL, "docs/definitions.md lacks, of %s:%s", level, text);
    }
    for (at = page; (at = strstr(at, "\n| `")) != NULL; at++)
        n_rows++;
    ck_assert_uint_eq(n_rows, n_docs);
    free(page);
}
END_TEST

static void
add_folder_tests(TCase *folders)
{
    tcase_add_test(
        folders, every_yaml_below_the_folder_is_read_and_nothing_else);
    tcase_add_test(folders, files_are_named_with_the_folder_and_told_in_order);
    tcase_add_test(folders, larderignore_leaves_files_and_folders_out);
    tcase_add_test(folders, larderignore_takes_nothing_back);
    tcase_add_test(
        folders, links_are_followed_inside_the_folder_and_others_told);
    tcase_add_test(
        folders, a_wrong_or_empty_folder_is_not_found_in_clear_words);
    tcase_add_test(folders, what_is_no_file_is_not_waited_for);
    tcase_add_test(folders, a_file_too_big_is_a_fault_and_the_others_are_read);
    tcase_add_test(folders, folders_too_deep_are_refused_by_name);
    tcase_add_test(folders, one_broken_file_does_not_hide_the_faults_of_others);
    tcase_add_test(folders, a_file_is_read_whole_or_refused_by_name);
}

int
main(void)
{
    Suite *suite = suite_create("load");
    TCase *folders = tcase_create("folders"), *texts = tcase_create("texts");

    tcase_add_checked_fixture(folders, set_up, tear_down);
    add_folder_tests(folders);
    suite_add_tcase(suite, folders);
    tcase_add_checked_fixture(texts, set_up, tear_down);
    tcase_add_test(texts, an_empty_text_is_an_empty_set_of_definitions);
    tcase_add_test(texts, keys_that_are_not_written_have_their_defaults);
    tcase_add_test(texts, every_key_of_a_source_arrives);
    tcase_add_test(texts, every_key_of_a_view_and_feature_arrives);
    tcase_add_test(texts, alerts_are_kept_as_written);
    tcase_add_test(texts, objects_are_sorted_by_name_whatever_the_case);
    tcase_add_test(
        texts, the_page_of_definitions_has_every_key_as_the_loader_has_it);
    suite_add_tcase(suite, texts);
    return support_run(suite);
}
