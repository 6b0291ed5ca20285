/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - scalars as YAML that reads back as the same text.
 */
#include "definition/emit.h"

#include "base/name.h"
#include "base/words.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
emit_character(FILE *out, const char *text, size_t size)
{
    uint32_t code = code_point(text, size);

    if (code == '"' || code == '\\')
        fprintf(out, "\\%c", (char)code);
    else if (code == '\n')
        fputs("\\n", out);
    else if (code == '\t')
        fputs("\\t", out);
    else if (is_printable(code))
        fwrite(text, 1, size, out);
    else
        fprintf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)code);
}

void
ldr_emit_text(FILE *out, const char *text)
{
    size_t left = strlen(text);

    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    while (left > 0) {
        size_t size = ldr_words_character(text, left);

        if (size == 0)
            size = 1; /* not UTF-8, which the loader refuses */
        emit_character(out, text, size);
        text += size;
        left -= size;
    }
    fputc('"', out);
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
ldr_emit_block(FILE *out, int indent, const char *text)
{
    size_t size = strlen(text);

    if (!is_literal(text)) {
        fputc(' ', out);
        ldr_emit_text(out, text);
        fputc('\n', out);
        return;
    }
    fputs(text[size - 1] == '\n' ? " |\n" : " |-\n", out);
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");

        if (line > 0)
            fprintf(out, "%*s%.*s", indent + 2, "", (int)line, text);
        fputc('\n', out);
        text += line + (text[line] == '\n');
    }
}
