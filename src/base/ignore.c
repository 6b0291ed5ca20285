/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore.c - the lines of a .larderignore (see ignore.h).
 */
#include "base/ignore.h"

#include <stddef.h>
#include <string.h>

/* Does a pattern match a path? '*' and '?' stop at '/', '**' does not. */
static bool
matches(const char *pattern, size_t size, const char *text)
{
    const char *end = pattern + size;
    const char *star = NULL, *after = NULL, *retry = NULL;

    for (;;) {
        if (pattern < end && *pattern == '*') {
            star = pattern;
            while (pattern < end && *pattern == '*')
                pattern++;
            after = pattern;
            retry = text;
        } else if (*text == '\0' && pattern == end) {
            return true;
        } else if (*text != '\0' && pattern < end &&
                   (*pattern == *text || (*pattern == '?' && *text != '/'))) {
            pattern++;
            text++;
        } else if (star != NULL && *retry != '\0' &&
                   (*retry != '/' || after - star > 1)) {
            pattern = after;
            text = ++retry;
        } else {
            return false;
        }
    }
}

/* One line of the file: names anywhere, or from the folder down when it holds
 * a slash before its end; with a slash at its end folders only. */
static bool
line_ignores(const char *line, size_t size, const char *path, bool folder)
{
    const char *name = strrchr(path, '/');

    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\r'))
        size--;
    if (size == 0 || line[0] == '#')
        return false;
    if (line[size - 1] == '/') {
        if (!folder)
            return false;
        size--;
    }
    if (memchr(line, '/', size) == NULL)
        return matches(line, size, name == NULL ? path : name + 1);
    return line[0] == '/' ? matches(line + 1, size - 1, path)
                          : matches(line, size, path);
}

bool
ldr_ignored(const char *lines, const char *path, bool folder)
{
    const char *line = lines;

    while (line != NULL && *line != '\0') {
        size_t size = strcspn(line, "\n");

        if (line_ignores(line, size, path, folder))
            return true;
        line += size + (line[size] == '\n');
    }
    return false;
}
