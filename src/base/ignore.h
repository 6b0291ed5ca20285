/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore.h - the lines of a .larderignore: does one of them name a path?
 *
 * One pattern a line, as in .gitignore: '*', '?' and '**'; '#' begins a remark.
 * '!' takes nothing back.
 */
#ifndef LDR_IGNORE_H
#define LDR_IGNORE_H

#include <stdbool.h>

/* `path` counts from the folder that the lines (NULL: none) are about; `folder`
 * says that it is one. */
bool ldr_ignored(const char *lines, const char *path, bool folder);

#endif
