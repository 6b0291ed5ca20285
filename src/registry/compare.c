/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - two versions of one canonical object to words (see compare.h).
 *
 * Items of a list are matched by their name: "+ roi" is new, "- roi" gone,
 * "roi type float32 -> float64" changed. A list of numbers is told whole.
 */
#include "registry/compare.h"

#include "base/words.h"
#include "data/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Items of a list that is told as a whole; the rest is counted. */
#define ITEMS_TOLD 4u
/* What of a long text stands before the first difference. */
#define LEAD 12u

/* Words on their way out. */
typedef struct writer {
    FILE *file;
    const char *gap;   /* between two of them */
    const char *colon; /* between a label and what is said of it */
    bool begun;
} writer;

/* What is spoken of: "ttl", "freshness.max", "score type". */
typedef struct label {
    const struct label *up; /* NULL: nothing stands before */
    const char *mark;       /* between the two */
    const char *text;
} label;

static void
say_label(writer *out, const label *what)
{
    if (what->up != NULL) { /* as deep as YAML may be */
        say_label(out, what->up);
        fputs(what->mark, out->file);
    }
    fputs(what->text, out->file);
}

static void
begin(writer *out, const label *what)
{
    if (out->begun)
        fputs(out->gap, out->file);
    out->begun = true;
    say_label(out, what);
    fprintf(out->file, "%s ", out->colon);
}

const char *
ldr_compare_name(const ldr_yaml *item)
{
    const ldr_yaml *name;

    if (item->kind == LDR_YAML_SCALAR)
        return item->text;
    name = ldr_yaml_find(item, "name");
    return name != NULL && name->kind == LDR_YAML_SCALAR ? name->text : NULL;
}

size_t
ldr_compare_find(const ldr_yaml *list, const char *name, size_t near)
{
    for (size_t i = 0; i < list->n_items; i++) {
        size_t at = (near + i) % list->n_items;
        const char *other = ldr_compare_name(&list->items[at]);

        if (other != NULL && strcmp(other, name) == 0)
            return at;
    }
    return list->n_items;
}

static bool
same(const ldr_yaml *a, const ldr_yaml *b)
{
    if (a->kind != b->kind || a->n_items != b->n_items)
        return false;
    if (a->kind == LDR_YAML_SCALAR)
        return strcmp(a->text, b->text) == 0;
    for (size_t i = 0; i < a->n_items; i++) {
        if (a->kind == LDR_YAML_MAPPING &&
            strcmp(a->keys[i].text, b->keys[i].text) != 0)
            return false;
        if (!same(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

/* Items are equal as a whole where they have no name to match them by. */
static size_t
find_same(const ldr_yaml *list, const ldr_yaml *item, size_t near)
{
    const char *name = ldr_compare_name(item);

    if (name != NULL)
        return ldr_compare_find(list, name, near);
    for (size_t i = 0; i < list->n_items; i++) {
        size_t at = (near + i) % list->n_items;

        if (same(&list->items[at], item))
            return at;
    }
    return list->n_items;
}

/* ------------------------------------------------------------ to words */

/* A text from `skip` on, short, in quotes where its ends would not show. */
static void
say_text(writer *out, const char *text, size_t skip)
{
    char clip[LDR_CLIP_ROOM], line[LDR_CLIP_ROOM];
    const char *quote =
        strpbrk(text, " \t\n;,'") != NULL || *text == '\0' ? "'" : "";
    larder_bytes rest = {text + skip, strlen(text) - skip};

    ldr_words_line(line, sizeof line, ldr_text_clip(rest, clip));
    fprintf(out->file, "%s%s%s%s", quote, skip > 0 ? "..." : "", line, quote);
}

static void say(writer *out, const ldr_yaml *value, size_t limit);

static void
say_items(writer *out, const ldr_yaml *value, size_t limit)
{
    size_t n = value->n_items < limit ? value->n_items : limit;

    for (size_t i = 0; i < n; i++) {
        const char *name = ldr_compare_name(&value->items[i]);

        if (i > 0)
            fputs(", ", out->file);
        if (value->kind == LDR_YAML_MAPPING) {
            fprintf(out->file, "%s: ", value->keys[i].text);
            say(out, &value->items[i], limit);
        } else if (name != NULL) {
            say_text(out, name, 0);
        } else {
            say(out, &value->items[i], limit);
        }
    }
    if (n < value->n_items)
        fprintf(out->file, ", and %zu more", value->n_items - n);
}

/* A value; NULL: there is none. Named things in a list show as their names. */
static void
say(writer *out, const ldr_yaml *value, size_t limit)
{
    if (value == NULL) {
        fputs("unset", out->file);
    } else if (value->kind == LDR_YAML_SCALAR) {
        say_text(out, value->text, 0);
    } else {
        bool mapping = value->kind == LDR_YAML_MAPPING;

        fputc(mapping ? '{' : '[', out->file);
        say_items(out, value, limit);
        fputc(mapping ? '}' : ']', out->file);
    }
}

/* How much two long texts have in common and need not say. */
static size_t
common_lead(const ldr_yaml *from, const ldr_yaml *to)
{
    size_t n = 0;

    if (from == NULL || to == NULL || from->kind != LDR_YAML_SCALAR ||
        to->kind != LDR_YAML_SCALAR)
        return 0;
    if (strlen(from->text) < LDR_CLIP_ROOM - 4 &&
        strlen(to->text) < LDR_CLIP_ROOM - 4)
        return 0;
    while (from->text[n] != '\0' && from->text[n] == to->text[n])
        n++;
    return n <= 2 * LEAD ? 0 : ldr_words_cut(from->text, n, n - LEAD);
}

static void
say_change(
    writer *out, const label *what, const ldr_yaml *from, const ldr_yaml *to)
{
    size_t lead = common_lead(from, to);

    begin(out, what);
    if (lead > 0)
        say_text(out, from->text, lead);
    else
        say(out, from, ITEMS_TOLD);
    fputs(" -> ", out->file);
    if (lead > 0)
        say_text(out, to->text, lead);
    else
        say(out, to, ITEMS_TOLD);
}

/* ------------------------------------------------------------- compare */

static void compare(
    writer *out, const label *what, const ldr_yaml *from, const ldr_yaml *to);

/* All keys in the order of `to`, then those gone. That it is `renamed` was told
 * already. */
static void
compare_mapping(writer *out, const label *up, const char *mark,
    const ldr_yaml *from, const ldr_yaml *to, bool renamed)
{
    for (size_t i = 0; i < to->n_items; i++) {
        const char *key = to->keys[i].text;

        if (renamed &&
            (strcmp(key, "name") == 0 || strcmp(key, "renamed_from") == 0))
            continue;
        compare(out, &(label){up, mark, key}, ldr_yaml_find(from, key),
            &to->items[i]);
    }
    for (size_t i = 0; i < from->n_items; i++) {
        const char *key = from->keys[i].text;

        if (ldr_yaml_find(to, key) == NULL)
            compare(out, &(label){up, mark, key}, &from->items[i], NULL);
    }
}

/* What this item, which is new in the list, was called there; or NULL. */
static const char *
old_name(const ldr_yaml *item, const ldr_yaml *from, const ldr_yaml *to)
{
    const ldr_yaml *old = ldr_yaml_find(item, "renamed_from");
    const char *name = ldr_compare_name(item);

    if (old == NULL || old->kind != LDR_YAML_SCALAR || name == NULL ||
        ldr_compare_find(from, name, 0) < from->n_items ||
        ldr_compare_find(from, old->text, 0) == from->n_items ||
        ldr_compare_find(to, old->text, 0) < to->n_items)
        return NULL;
    return old->text;
}

/* Did an item that is gone only get another name? */
static bool
is_renamed(const char *name, const ldr_yaml *from, const ldr_yaml *to)
{
    for (size_t i = 0; name != NULL && i < to->n_items; i++) {
        const ldr_yaml *item = &to->items[i], *old = NULL;

        if (item->kind == LDR_YAML_MAPPING)
            old = ldr_yaml_find(item, "renamed_from");
        if (old != NULL && old->kind == LDR_YAML_SCALAR &&
            strcmp(old->text, name) == 0 && old_name(item, from, to) != NULL)
            return true;
    }
    return false;
}

/* An item as it is told when it comes or goes. */
static void
say_item(writer *out, const char *sign, const ldr_yaml *item)
{
    const char *name = ldr_compare_name(item);

    begin(out, &(label){.text = sign});
    if (name != NULL)
        say_text(out, name, 0);
    else
        say(out, item, ITEMS_TOLD);
}

/* One item of the new list beside its like in the old one, if it has one. */
static void
compare_item(writer *out, const ldr_yaml *item, const ldr_yaml *from,
    const ldr_yaml *to, size_t at)
{
    const char *old = NULL;
    const label name = {.text = ldr_compare_name(item)};

    if (item->kind != LDR_YAML_MAPPING) {
        if (at == from->n_items)
            say_item(out, "+", item);
        return;
    }
    if (at == from->n_items) {
        old = old_name(item, from, to);
        if (old == NULL) {
            say_item(out, "+", item);
            return;
        }
        begin(out, &name);
        fprintf(out->file, "renamed from %s", old);
        at = ldr_compare_find(from, old, 0);
    }
    if (name.text != NULL && from->items[at].kind == LDR_YAML_MAPPING)
        compare_mapping(out, &name, " ", &from->items[at], item, old != NULL);
}

/* Items that are gone. */
static void
compare_gone(writer *out, const ldr_yaml *from, const ldr_yaml *to)
{
    for (size_t i = 0, near = 0; i < from->n_items; i++) {
        const ldr_yaml *item = &from->items[i];
        size_t at = find_same(to, item, near);

        if (at < to->n_items) {
            near = at + 1;
        } else if (!is_renamed(ldr_compare_name(item), from, to)) {
            say_item(out, "-", item);
        }
    }
}

static void
compare_list(
    writer *out, const label *what, const ldr_yaml *from, const ldr_yaml *to)
{
    writer inner = {.file = out->file, .gap = ", ", .colon = ""};
    bool moved = false;
    size_t last = 0;

    begin(out, what);
    for (size_t i = 0, near = 0; i < to->n_items; i++) {
        size_t at = find_same(from, &to->items[i], near);

        if (at < from->n_items) {
            moved = moved || at < last;
            last = at;
            near = at + 1;
        }
        compare_item(&inner, &to->items[i], from, to, at);
    }
    compare_gone(&inner, from, to);
    if (moved) {
        begin(&inner, &(label){.text = "order now"});
        say(&inner, to, ITEMS_TOLD);
    }
    if (!inner.begun) { /* as many times the same */
        say(out, from, ITEMS_TOLD);
        fputs(" -> ", out->file);
        say(out, to, ITEMS_TOLD);
    }
}

/* Numbers are not told one by one: [0, 100] is a range. */
static bool
is_numbers(const ldr_yaml *list)
{
    for (size_t i = 0; i < list->n_items; i++)
        if (list->items[i].kind != LDR_YAML_SCALAR ||
            strspn(list->items[i].text, "+-.0123456789eEinfINF") !=
                strlen(list->items[i].text))
            return false;
    return true;
}

static void
compare(
    writer *out, const label *what, const ldr_yaml *from, const ldr_yaml *to)
{
    if (from != NULL && to != NULL && same(from, to))
        return;
    if (from == NULL || to == NULL || from->kind != to->kind ||
        from->kind == LDR_YAML_SCALAR ||
        (from->kind == LDR_YAML_SEQUENCE && is_numbers(from) &&
            is_numbers(to))) {
        say_change(out, what, from, to);
    } else if (from->kind == LDR_YAML_SEQUENCE) {
        compare_list(out, what, from, to);
    } else {
        compare_mapping(out, what, ".", from, to, false);
    }
}

/* ----------------------------------------------------------------- rooms */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to compare definitions");
}

/* End the words: copied to the arena; NULL where nothing was said. */
static larder_status
finish(writer *out, char **text, ldr_arena *arena, const char **words,
    larder_error *err)
{
    bool failed = ferror(out->file) != 0;
    const char *copy = NULL;

    failed = fclose(out->file) != 0 || failed || *text == NULL;
    if (!failed && out->begun) {
        copy = ldr_arena_copy(arena, *text);
        failed = copy == NULL;
    }
    free(*text);
    if (failed)
        return no_memory(err);
    *words = copy;
    return LARDER_OK;
}

larder_status
ldr_compare(const ldr_yaml *from, const ldr_yaml *to, ldr_arena *arena,
    const char **words, larder_error *err)
{
    char *text = NULL;
    size_t size = 0;
    writer out = {
        .file = open_memstream(&text, &size), .gap = "; ", .colon = ":"};

    if (out.file == NULL)
        return no_memory(err);
    compare_mapping(&out, NULL, "", from, to, false);
    return finish(&out, &text, arena, words, err);
}

larder_status
ldr_describe(const ldr_yaml *object, ldr_arena *arena, const char **words,
    larder_error *err)
{
    char *text = NULL;
    size_t size = 0;
    writer out = {
        .file = open_memstream(&text, &size), .gap = "; ", .colon = ":"};

    if (out.file == NULL)
        return no_memory(err);
    for (size_t i = 0; i < object->n_items; i++) {
        const char *key = object->keys[i].text;

        if (strcmp(key, "name") == 0 || strcmp(key, "description") == 0 ||
            strcmp(key, "owner") == 0 || strcmp(key, "tags") == 0)
            continue;
        begin(&out, &(label){.text = key});
        say(&out, &object->items[i], ITEMS_TOLD);
    }
    return finish(&out, &text, arena, words, err);
}
