/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - text that grows, and scalars as YAML that reads back the same.
 */
#include "definition/emit.h"

#include "base/name.h"
#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `size` more bytes and a NUL; false once memory has run out. */
static bool
make_room(ldr_emit *out, size_t size)
{
    size_t room = out->room == 0 ? 1024 : out->room;
    char *text;

    if (out->failed || size > SIZE_MAX / 4 - out->size) {
        out->failed = true;
        return false;
    }
    while (room <= out->size + size)
        room *= 2;
    if (room == out->room)
        return true;
    text = realloc(out->text, room);
    if (text == NULL) {
        out->failed = true;
        return false;
    }
    out->text = text;
    out->room = room;
    return true;
}

void
ldr_emit_bytes(ldr_emit *out, const void *bytes, size_t size)
{
    if (!make_room(out, size))
        return;
    if (size > 0)
        memcpy(out->text + out->size, bytes, size);
    out->size += size;
    out->text[out->size] = '\0';
}

void
ldr_emit_string(ldr_emit *out, const char *text)
{
    ldr_emit_bytes(out, text, strlen(text));
}

void
ldr_emit_format(ldr_emit *out, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        out->failed = true;
    if (!make_room(out, size < 0 ? 0 : (size_t)size))
        return;
    va_start(arguments, format);
    vsnprintf(out->text + out->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    out->size += (size_t)size;
}

bool
ldr_emit_finish(ldr_emit *out, char **text, size_t *size)
{
    bool good;

    ldr_emit_bytes(out, "", 0);
    good = !out->failed;
    if (good) {
        *text = out->text;
        *size = out->size;
    } else {
        free(out->text);
    }
    *out = (ldr_emit){0};
    return good;
}

/* ------------------------------------------------------------------ scalars */

/* Words that some reader of YAML takes for a truth, a nothing or a number. */
static bool
is_special(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
        "on", "off", "y", "n", "nan", "inf", "infinity"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ldr_name_equal(text, words[i]))
            return true;
    return false;
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_plain(const char *text)
{
    size_t size = strlen(text);

    if (!is_letter(text[0]) || text[size - 1] == ' ' || is_special(text))
        return false;
    for (size_t i = 0; i < size; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';

        if (!digit && !is_letter(text[i]) &&
            strchr(" -./<>()+=%", text[i]) == NULL)
            return false;
    }
    return true;
}

/* The code point of a character of `size` bytes. */
static uint32_t
code_point(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t code;

    if (size == 1)
        return bytes[0];
    code = bytes[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (bytes[i] & 0x3Fu);
    return code;
}

/* May it stand in a file as it is? What is no character to YAML, and what some
 * take for the end of a line, may not. */
static bool
is_printable(uint32_t code)
{
    return code >= 0x20 && (code < 0x7F || code >= 0xA0) && code != 0x2028 &&
           code != 0x2029 && code != 0xFEFF && code != 0xFFFE && code != 0xFFFF;
}

static void
emit_character(ldr_emit *out, const char *text, size_t size)
{
    uint32_t code = code_point(text, size);

    if (code == '"' || code == '\\')
        ldr_emit_format(out, "\\%c", (char)code);
    else if (code == '\n')
        ldr_emit_string(out, "\\n");
    else if (code == '\t')
        ldr_emit_string(out, "\\t");
    else if (is_printable(code))
        ldr_emit_bytes(out, text, size);
    else if (code < 0x100)
        ldr_emit_format(out, "\\x%02X", (unsigned)code);
    else
        ldr_emit_format(out, "\\u%04X", (unsigned)code);
}

void
ldr_emit_scalar(ldr_emit *out, const char *text)
{
    size_t left = strlen(text);

    if (is_plain(text)) {
        ldr_emit_string(out, text);
        return;
    }
    ldr_emit_string(out, "\"");
    while (left > 0) {
        size_t size = ldr_words_character(text, left);

        if (size == 0)
            size = 1; /* not UTF-8, which the loader refuses */
        emit_character(out, text, size);
        text += size;
        left -= size;
    }
    ldr_emit_string(out, "\"");
}

/* Does a literal block read back as the same text? Its first line tells the
 * indentation; blanks at the end of a line would be seen by nobody. */
static bool
is_literal(const char *text)
{
    size_t size = strlen(text), n_lines = 0;

    if (text[0] == ' ' || text[0] == '\n')
        return false;
    for (size_t i = 0, step; i < size; i += step) {
        step = ldr_words_character(text + i, size - i);
        if (step == 0)
            return false;
        if (text[i] == '\n') {
            n_lines++;
            if (text[i - 1] == ' ')
                return false;
        } else if (!is_printable(code_point(text + i, step))) {
            return false;
        }
    }
    if (n_lines == 0 || text[size - 1] == ' ')
        return false;
    return text[size - 1] != '\n' || text[size - 2] != '\n';
}

void
ldr_emit_block(ldr_emit *out, int indent, const char *text)
{
    size_t size = strlen(text);

    if (!is_literal(text)) {
        ldr_emit_string(out, " ");
        ldr_emit_scalar(out, text);
        ldr_emit_string(out, "\n");
        return;
    }
    ldr_emit_string(out, text[size - 1] == '\n' ? " |\n" : " |-\n");
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");

        if (line > 0)
            ldr_emit_format(out, "%*s%.*s", indent + 2, "", (int)line, text);
        ldr_emit_string(out, "\n");
        text += line + (text[line] == '\n');
    }
}
