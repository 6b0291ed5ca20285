/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.c - YAML text to a tree that remembers its lines.
 *
 * libyaml gives events; a stack of open collections makes a tree of them. What
 * libyaml lets pass and we do not (anchors, tags, duplicate keys, keys that are
 * no scalars, a second document, NUL) is refused here. Its cost grows with the
 * square of the nesting, so nesting ends at the first event that is too deep:
 * it reads ahead by no more than a key's 1024 characters.
 */
#include "definition/yaml.h"

#include "data/text.h"
#include "larder_backend.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define YAML_BYTES_MAX ((size_t)4 << 20)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 200000u

/* A collection whose end has not come. */
typedef struct frame {
    ldr_yaml node;
    size_t room;
    bool has_key;
    ldr_yaml key; /* of a mapping: its value comes next */
} frame;

typedef struct builder {
    const char *file;
    const char *text;
    ldr_arena *arena;
    ldr_faults *faults;
    yaml_parser_t parser;
    frame open[YAML_DEPTH_MAX];
    size_t n_open;
    size_t n_nodes;
    ldr_yaml *root;
    bool stopped; /* a fault after which the tree would be wrong */
    bool nomem;
} builder;

static ldr_place
place_of(const builder *b, yaml_mark_t mark)
{
    return (ldr_place){.file = b->file,
        .text = b->text,
        .line = (unsigned)mark.line + 1,
        .column = (unsigned)mark.column + 1};
}

/* The place of a byte of the text. */
static ldr_place
place_at(const builder *b, size_t offset)
{
    ldr_place place = {.file = b->file, .text = b->text, .line = 1};
    size_t begin = 0;

    for (size_t i = 0; i < offset; i++)
        if (b->text[i] == '\n') {
            place.line++;
            begin = i + 1;
        }
    place.column = 1;
    for (size_t i = begin; i < offset; i++)
        place.column += ((unsigned char)b->text[i] & 0xC0u) != 0x80u;
    return place;
}

static void
stop(builder *b, const ldr_place *place, const char *hint, const char *words)
{
    ldr_fault(b->faults, place, hint, "%s", words);
    b->stopped = true;
}

/* What is seen before parsing: size, bytes that are no text, directives (the
 * parser compares each with all others). */
static bool
check_text(builder *b, size_t size)
{
    ldr_place place = {.file = b->file, .line = 1, .column = 1};
    size_t at = 0;

    if (size > YAML_BYTES_MAX) {
        ldr_fault(b->faults, &place, "split it into several files",
            "the file has %zu bytes; at most 4 MiB are read", size);
        return false;
    }
    if (!ldr_utf8_valid((larder_bytes){b->text, size}, &at)) {
        place = place_at(b, at);
        stop(b, &place, "save the file as UTF-8 text",
            b->text[at] == '\0' ? "a NUL byte" : "bytes that are not UTF-8");
        return false;
    }
    for (const char *line = b->text; line != NULL; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (*line == '%') {
            place = place_at(b, (size_t)(line - b->text));
            stop(b, &place, "leave the line out", "a directive ('%')");
            return false;
        }
    }
    return true;
}

/* What libyaml could not read, in its words and a remedy where one is known. */
static void
tell_syntax(builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "no YAML";
    ldr_place place = place_of(b, parser->problem_mark);
    const char *hint = NULL;

    b->stopped = true;
    if (parser->error == YAML_MEMORY_ERROR) {
        b->nomem = true;
        return;
    }
    if (parser->error == YAML_READER_ERROR)
        place = place_at(b, parser->problem_offset);
    if (strstr(problem, "cannot start any token") != NULL)
        hint = "indent with blanks, not tabs; quote text that begins with one "
               "of @ ` % & * ! |";
    else if (strstr(problem, "mapping values are not allowed") != NULL)
        hint = "put text that holds ': ' in quotes";
    else if (strstr(problem, "did not find expected") != NULL)
        hint = "look at the indentation, and for brackets and quotes left open";
    if (parser->context != NULL)
        ldr_fault(b->faults, &place, hint, "%s, %s that begins in line %zu",
            problem, parser->context, parser->context_mark.line + 1);
    else
        ldr_fault(b->faults, &place, hint, "%s", problem);
}

/* Twice the room; the arrays that are left behind die with the arena. */
static bool
grow(builder *b, frame *top)
{
    size_t room = top->room == 0 ? 4 : top->room * 2;
    ldr_yaml *items = ldr_arena_array(b->arena, room, sizeof *items);
    ldr_yaml *keys = NULL;
    size_t n = top->node.n_items;

    if (top->node.kind == LDR_YAML_MAPPING)
        keys = ldr_arena_array(b->arena, room, sizeof *keys);
    if (items == NULL || (keys == NULL && top->node.kind == LDR_YAML_MAPPING)) {
        b->nomem = true;
        return false;
    }
    if (n > 0) {
        memcpy(items, top->node.items, n * sizeof *items);
        if (keys != NULL)
            memcpy(keys, top->node.keys, n * sizeof *keys);
    }
    top->node.items = items;
    top->node.keys = keys;
    top->room = room;
    return true;
}

/* A finished node goes to the collection around it. */
static void
add_node(builder *b, const ldr_yaml *node)
{
    frame *top;

    if (b->n_open == 0) {
        b->root = ldr_arena_alloc(b->arena, sizeof *b->root);
        if (b->root == NULL)
            b->nomem = true;
        else
            *b->root = *node;
        return;
    }
    top = &b->open[b->n_open - 1];
    if (top->node.kind == LDR_YAML_MAPPING && !top->has_key) {
        top->key = *node;
        top->has_key = true;
        return;
    }
    if (top->node.n_items == top->room && !grow(b, top))
        return;
    if (top->node.kind == LDR_YAML_MAPPING)
        top->node.keys[top->node.n_items] = top->key;
    top->node.items[top->node.n_items++] = *node;
    top->has_key = false;
}

static int
order_keys(const void *a, const void *b)
{
    const ldr_yaml *x = *(const ldr_yaml *const *)a;
    const ldr_yaml *y = *(const ldr_yaml *const *)b;
    int order = strcmp(x->text, y->text);

    return order != 0 ? order : (x > y) - (x < y);
}

/* A key written twice is a fault at the second. The first one is found by
 * ldr_yaml_find(); the other stays where it is. */
static void
check_keys(builder *b, const ldr_yaml *mapping)
{
    const ldr_yaml **keys;

    if (mapping->n_items < 2)
        return;
    keys = calloc(mapping->n_items, sizeof *keys);
    if (keys == NULL) {
        b->nomem = true;
        return;
    }
    for (size_t i = 0; i < mapping->n_items; i++)
        keys[i] = &mapping->keys[i];
    qsort(keys, mapping->n_items, sizeof *keys, order_keys);
    for (size_t i = 1; i < mapping->n_items; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
            ldr_fault(b->faults, &keys[i]->place, NULL,
                "key '%s' is written twice, first in line %u", keys[i]->text,
                keys[i - 1]->place.line);
    free(keys);
}

static void
close_collection(builder *b)
{
    ldr_yaml node = b->open[--b->n_open].node;

    if (node.kind == LDR_YAML_MAPPING)
        check_keys(b, &node);
    add_node(b, &node);
}

/* One more scalar or collection; what it may not carry is refused. */
static void
begin_node(builder *b, const ldr_place *place, const unsigned char *anchor,
    const unsigned char *tag)
{
    if (++b->n_nodes > YAML_NODES_MAX)
        stop(b, place, "split the file into several",
            "more than 200,000 values in one file");
    if (anchor != NULL)
        ldr_fault(b->faults, place, "write the value out where it is used",
            "an anchor ('&%s'): anchors and aliases are not read",
            (const char *)anchor);
    if (tag != NULL)
        ldr_fault(b->faults, place, "leave the tag out",
            "a tag ('%s'): what a value is follows from its key",
            (const char *)tag);
}

static bool
awaits_key(const builder *b)
{
    const frame *top = b->n_open > 0 ? &b->open[b->n_open - 1] : NULL;

    return top != NULL && top->node.kind == LDR_YAML_MAPPING && !top->has_key;
}

static void
open_collection(builder *b, const ldr_place *place, ldr_yaml_kind kind)
{
    if (awaits_key(b)) {
        stop(b, place, "a key is one word before a ':'",
            kind == LDR_YAML_MAPPING ? "a mapping where a key should be"
                                     : "a list where a key should be");
        return;
    }
    if (b->n_open == YAML_DEPTH_MAX) {
        stop(b, place, NULL, "nested deeper than 32 levels");
        return;
    }
    b->open[b->n_open++] = (frame){.node = {.kind = kind, .place = *place}};
}

static void
add_scalar(builder *b, const ldr_place *place, const yaml_event_t *event)
{
    ldr_yaml node = {.kind = LDR_YAML_SCALAR, .place = *place};
    const unsigned char *value = event->data.scalar.value;
    size_t size = event->data.scalar.length;

    if (size > 0 && memchr(value, '\0', size) != NULL)
        ldr_fault(b->faults, place, NULL, "text holds a NUL character");
    node.quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node.text = ldr_arena_copy_n(b->arena, value, size);
    if (node.text == NULL)
        b->nomem = true;
    else
        add_node(b, &node);
}

/* One event into the tree. */
static void
take_event(builder *b, const yaml_event_t *event)
{
    ldr_place place = place_of(b, event->start_mark);

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        stop(b, &place, "write the value out where it is used",
            "an alias ('*'): anchors and aliases are not read");
        return;
    case YAML_SCALAR_EVENT:
        begin_node(
            b, &place, event->data.scalar.anchor, event->data.scalar.tag);
        add_scalar(b, &place, event);
        return;
    case YAML_SEQUENCE_START_EVENT:
        begin_node(b, &place, event->data.sequence_start.anchor,
            event->data.sequence_start.tag);
        open_collection(b, &place, LDR_YAML_SEQUENCE);
        return;
    case YAML_MAPPING_START_EVENT:
        begin_node(b, &place, event->data.mapping_start.anchor,
            event->data.mapping_start.tag);
        open_collection(b, &place, LDR_YAML_MAPPING);
        return;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(b);
        return;
    case YAML_DOCUMENT_START_EVENT:
        if (b->root != NULL)
            stop(b, &place, "put it into a file of its own",
                "a second document begins here; a file holds one");
        return;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return;
    }
}

/* Events until the end, a stop, or no memory. */
static void
run(builder *b, const unsigned char *text, size_t size)
{
    bool ended = false;

    if (!yaml_parser_initialize(&b->parser)) {
        b->nomem = true;
        return;
    }
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, text, size);
    while (!ended && !b->stopped && !b->nomem) {
        yaml_event_t event;

        if (!yaml_parser_parse(&b->parser, &event)) {
            tell_syntax(b);
            break;
        }
        take_event(b, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&b->parser);
}

larder_status
ldr_yaml_parse(const char *file, const char *text, size_t size,
    ldr_arena *arena, ldr_faults *faults, const ldr_yaml **root,
    larder_error *err)
{
    builder b = {.file = file, .arena = arena, .faults = faults};
    char *copy;

    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3; /* a byte order mark is no character of the first line */
        size -= 3;
    }
    copy = size > YAML_BYTES_MAX ? ldr_arena_copy(arena, "")
                                 : ldr_arena_copy_n(arena, text, size);
    if (copy == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory in '%s'", file);
    b.text = copy;
    if (check_text(&b, size))
        run(&b, (const unsigned char *)copy, size);
    if (b.nomem)
        return larder_fail(err, LARDER_NOMEM, "out of memory in '%s'", file);
    *root = b.stopped ? NULL : b.root;
    return LARDER_OK;
}

const ldr_yaml *
ldr_yaml_find(const ldr_yaml *mapping, const char *key)
{
    if (mapping == NULL || mapping->kind != LDR_YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->n_items; i++)
        if (strcmp(mapping->keys[i].text, key) == 0)
            return &mapping->items[i];
    return NULL;
}
