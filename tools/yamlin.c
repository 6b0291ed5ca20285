/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yamlin.c - a YAML file as a tree that remembers its lines: libyaml's events,
 * nested as they come.
 */
#include "yamlin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "base/words.h"

#define BYTES_MAX ((size_t)4 << 20)
#define DEPTH_MAX 16u
#define NODES_MAX 200000u
#define FAULTS_TOLD 100u
#define LINE_ROOM 1024

struct reading {
    ldr_arena *arena;
    struct yaml_faults *faults;
    const struct yaml_file *file;
    yaml_parser_t parser;
    size_t n_nodes;
    bool nomem;
};

/* -------------------------------------------------------------------- faults
 */

/* The line, without its end; NULL when there is none, or it is too long. */
static const char *
cut_line(const struct yaml_file *file, unsigned line, char out[LINE_ROOM])
{
    const char *at = file->text;
    size_t size;

    for (unsigned n = 1; at != NULL && n < line; n++) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL || line == 0)
        return NULL;
    size = strcspn(at, "\r\n");
    if (size >= LINE_ROOM)
        return NULL;
    memcpy(out, at, size);
    out[size] = '\0';
    return out;
}

static void
tell(const struct yaml_faults *faults, const struct node *at,
    const char *message, const char *hint)
{
    char line[LINE_ROOM];
    larder_diagnostic diagnostic = {.message = message, .hint = hint};

    if (faults->call->diagnostic == NULL)
        return;
    if (at != NULL) {
        diagnostic.file = at->file->path;
        diagnostic.line = at->line;
        diagnostic.column = at->column;
        diagnostic.text = cut_line(at->file, at->line, line);
    }
    faults->call->diagnostic(faults->call->context, &diagnostic);
}

void
yaml_fault(struct yaml_faults *faults, const struct node *at, const char *hint,
    const char *format, ...)
{
    char words[1024];
    larder_error error = {0};
    va_list arguments;

    va_start(arguments, format);
    if (vsnprintf(words, sizeof words, format, arguments) < 0)
        snprintf(words, sizeof words, "%s", format);
    va_end(arguments);
    (void)larder_fail(&error, LARDER_INVALID, "%s", words);
    if (hint != NULL && hint[0] != '\0')
        larder_hint(&error, "%s", hint);
    snprintf(error.file, sizeof error.file, "%s", at->file->path);
    error.line = at->line;
    error.column = at->column;
    if (++faults->n_errors == 1)
        faults->first = error;
    if (faults->n_errors <= FAULTS_TOLD)
        tell(faults, at, error.message, error.hint);
    else if (faults->n_errors == FAULTS_TOLD + 1)
        tell(faults, NULL, "more faults not shown", NULL);
}

/* ---------------------------------------------------------------------- tree
 */

static struct node
node_at(const struct reading *r, yaml_mark_t mark, enum node_kind kind)
{
    return (struct node){.file = r->file,
        .kind = kind,
        .line = (unsigned)mark.line + 1,
        .column = (unsigned)mark.column + 1};
}

/* What libyaml could not read. */
static void
tell_syntax(struct reading *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "no YAML";
    struct node at = node_at(r, parser->problem_mark, NODE_SCALAR);

    if (parser->error == YAML_MEMORY_ERROR) {
        r->nomem = true;
        return;
    }
    if (parser->error == YAML_READER_ERROR) { /* it knows only the byte */
        at.line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < r->file->size; i++)
            at.line += r->file->text[i] == '\n';
        at.column = 0;
    }
    yaml_fault(r->faults, &at,
        strstr(problem, "cannot start any token") != NULL
            ? "indent with blanks, not tabs; quote text that begins with one "
              "of @ ` % & * ! |"
            : "look at the indentation, and for brackets and quotes left open",
        "%s", problem);
}

/* One more value; what it may not carry is told. False ends the reading. */
static bool
begin_node(struct reading *r, const struct node *node,
    const unsigned char *anchor, const unsigned char *tag, unsigned depth)
{
    if (anchor != NULL)
        yaml_fault(r->faults, node, "write the value out where it is used",
            "an anchor ('&%s'): anchors and aliases are not read",
            (const char *)anchor);
    if (tag != NULL)
        yaml_fault(r->faults, node, "leave the tag out",
            "a tag ('%s'): what a value is follows from its key",
            (const char *)tag);
    if (depth > DEPTH_MAX)
        yaml_fault(r->faults, node, NULL, "nested deeper than 16 levels");
    else if (++r->n_nodes > NODES_MAX)
        yaml_fault(r->faults, node, "split the file into several",
            "more than 200,000 values in one file");
    else
        return true;
    return false;
}

static bool
read_scalar(struct reading *r, const yaml_event_t *event, struct node *out)
{
    const unsigned char *value = event->data.scalar.value;
    size_t size = event->data.scalar.length;

    if (size > 0 && memchr(value, '\0', size) != NULL)
        yaml_fault(r->faults, out, NULL, "text holds a NUL character");
    out->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    out->text = ldr_arena_copy_n(r->arena, value, size);
    r->nomem = r->nomem || out->text == NULL;
    return out->text != NULL;
}

/* Room for twice as many; what is left behind dies with the arena. */
static bool
grow(struct reading *r, struct node *list, size_t *room)
{
    size_t more = *room == 0 ? 4 : *room * 2, n = list->n_items;
    struct node *items = ldr_arena_array(r->arena, more, sizeof *items);
    struct node *keys = ldr_arena_array(r->arena, more, sizeof *keys);

    if (items == NULL || keys == NULL) {
        r->nomem = true;
        return false;
    }
    if (n > 0) {
        memcpy(items, list->items, n * sizeof *items);
        memcpy(keys, list->keys, n * sizeof *keys);
    }
    list->items = items;
    list->keys = keys;
    *room = more;
    return true;
}

static int
order_keys(const void *a, const void *b)
{
    const struct node *x = *(const struct node *const *)a;
    const struct node *y = *(const struct node *const *)b;
    int order = strcmp(x->text, y->text);

    return order != 0 ? order : (x > y) - (x < y);
}

/* A key written twice is a fault at the second. */
static bool
check_keys(struct reading *r, const struct node *mapping)
{
    const struct node **keys = calloc(mapping->n_items + 1, sizeof *keys);

    if (keys == NULL) {
        r->nomem = true;
        return false;
    }
    for (size_t i = 0; i < mapping->n_items; i++)
        keys[i] = &mapping->keys[i];
    qsort(keys, mapping->n_items, sizeof *keys, order_keys);
    for (size_t i = 1; i < mapping->n_items; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
            yaml_fault(r->faults, keys[i], NULL,
                "key '%s' is written twice, first in line %u", keys[i]->text,
                keys[i - 1]->line);
    free(keys);
    return true;
}

static bool
next_event(struct reading *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return true;
    tell_syntax(r);
    return false;
}

static bool read_node(struct reading *r, const yaml_event_t *event,
    unsigned depth, struct node *out);

/* The values of a list or mapping, up to its end. */
static bool
read_items(struct reading *r, unsigned depth, struct node *out)
{
    yaml_event_type_t end = out->kind == NODE_MAPPING ? YAML_MAPPING_END_EVENT
                                                      : YAML_SEQUENCE_END_EVENT;
    size_t room = 0;
    bool is_key = out->kind == NODE_MAPPING, read = true;

    while (read) {
        struct node one;
        yaml_event_t event;

        if (!next_event(r, &event))
            return false;
        if (event.type == end) {
            yaml_event_delete(&event);
            break;
        }
        read = (out->n_items < room || grow(r, out, &room)) &&
               read_node(r, &event, depth, &one);
        yaml_event_delete(&event);
        if (!read)
            return false;
        if (is_key && one.kind != NODE_SCALAR) {
            yaml_fault(r->faults, &one, "a key is one word before a ':'",
                "%s where a key should be", node_kind_name(&one));
            return false;
        }
        if (is_key)
            out->keys[out->n_items] = one;
        else
            out->items[out->n_items++] = one;
        is_key = out->kind == NODE_MAPPING && !is_key;
    }
    return out->kind != NODE_MAPPING || check_keys(r, out);
}

/* False: a fault was told, or there is no memory. */
static bool
read_node(struct reading *r, const yaml_event_t *event, unsigned depth,
    struct node *out)
{
    *out = node_at(r, event->start_mark, NODE_SCALAR);
    if (event->type == YAML_SCALAR_EVENT)
        return begin_node(r, out, event->data.scalar.anchor,
                   event->data.scalar.tag, depth) &&
               read_scalar(r, event, out);
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        out->kind = NODE_LIST;
        return begin_node(r, out, event->data.sequence_start.anchor,
                   event->data.sequence_start.tag, depth) &&
               read_items(r, depth + 1, out);
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        out->kind = NODE_MAPPING;
        return begin_node(r, out, event->data.mapping_start.anchor,
                   event->data.mapping_start.tag, depth) &&
               read_items(r, depth + 1, out);
    }
    yaml_fault(r->faults, out, "write the value out where it is used",
        "an alias ('*'): anchors and aliases are not read");
    return false;
}

/* The document, and that there is no other. */
static bool
read_document(struct reading *r, struct node *out, bool *found)
{
    bool ended = false, read = true;

    while (read && !ended) {
        yaml_event_t event;

        if (!next_event(r, &event))
            return false;
        ended = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && *found) {
            struct node at = node_at(r, event.start_mark, NODE_SCALAR);

            yaml_fault(r->faults, &at, "put it into a file of its own",
                "a second document begins here; a file holds one");
            read = false;
        } else if (event.type == YAML_SCALAR_EVENT ||
                   event.type == YAML_SEQUENCE_START_EVENT ||
                   event.type == YAML_MAPPING_START_EVENT ||
                   event.type == YAML_ALIAS_EVENT) {
            read = read_node(r, &event, 1, out);
            *found = true;
        }
        yaml_event_delete(&event);
    }
    return read;
}

/* ---------------------------------------------------------------------- file
 */

static larder_status
read_text(FILE *stream, const char *path, ldr_arena *arena,
    struct yaml_file *file, larder_error *err)
{
    char *text = malloc(BYTES_MAX + 1);
    larder_status rc = LARDER_OK;

    if (text == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for '%s'", path);
    file->size = fread(text, 1, BYTES_MAX + 1, stream);
    if (ferror(stream))
        rc = larder_fail(
            err, LARDER_IO, "'%s' cannot be read: %s", path, strerror(errno));
    else if (file->size > BYTES_MAX)
        rc = larder_fail(err, LARDER_LIMIT,
            "'%s' has more than the 4 MiB that are read", path);
    else {
        size_t mark =
            file->size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

        file->size -= mark;
        file->text = ldr_arena_copy_n(arena, text + mark, file->size);
        file->path = ldr_arena_copy(arena, path);
        if (file->text == NULL || file->path == NULL)
            rc = larder_fail(err, LARDER_NOMEM, "no memory for '%s'", path);
    }
    free(text);
    return rc;
}

static larder_status
open_text(const char *path, FILE **out, larder_error *err)
{
    struct stat facts;

    if (stat(path, &facts) != 0)
        return larder_fail(err, errno == ENOENT ? LARDER_NOT_FOUND : LARDER_IO,
            "'%s' cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode)) /* a pipe would keep us waiting */
        return larder_fail(err, LARDER_IO, "'%s' is not a file", path);
    *out = fopen(path, "r");
    return *out != NULL ? LARDER_OK
                        : larder_fail(err, LARDER_IO, "'%s' cannot be read: %s",
                              path, strerror(errno));
}

static bool
parse(struct reading *r, struct node *root, bool *found)
{
    bool read;

    if (!yaml_parser_initialize(&r->parser)) {
        r->nomem = true;
        return false;
    }
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &r->parser, (const unsigned char *)r->file->text, r->file->size);
    read = read_document(r, root, found);
    yaml_parser_delete(&r->parser);
    return read;
}

larder_status
yaml_read(const char *path, ldr_arena *arena, struct yaml_faults *faults,
    struct yaml_file *file, const struct node **root, larder_error *err)
{
    struct reading r = {.arena = arena, .faults = faults, .file = file};
    struct node *tree = ldr_arena_alloc(arena, sizeof *tree);
    FILE *stream = NULL;
    bool found = false, read;
    larder_status rc;

    if (tree == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for '%s'", path);
    LARDER_TRY(open_text(path, &stream, err));
    LARDER_TRY(read_text(stream, path, arena, file, err));
    read = parse(&r, tree, &found);
    if (r.nomem)
        rc = larder_fail(err, LARDER_NOMEM, "no memory for '%s'", path);
    *root = read && found ? tree : NULL;
out:
    if (stream != NULL)
        fclose(stream);
    return rc;
}

/* --------------------------------------------------------------------- nodes
 */

const struct node *
node_find(const struct node *mapping, const char *key)
{
    for (size_t i = 0; i < mapping->n_items; i++)
        if (strcmp(mapping->keys[i].text, key) == 0)
            return &mapping->items[i];
    return NULL;
}

bool
node_is_null(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
               strcmp(node->text, "null") == 0 ||
               strcmp(node->text, "Null") == 0 ||
               strcmp(node->text, "NULL") == 0);
}

const char *
node_kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_SCALAR:
        break;
    case NODE_LIST:
        return "a list";
    case NODE_MAPPING:
        return "a mapping";
    }
    return "a text";
}
