/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - files of rows that a command reads.
 */
#include "input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool
ends_with(const char *text, const char *end)
{
    size_t n_text = strlen(text), n_end = strlen(end);

    return n_text > n_end && strcmp(text + n_text - n_end, end) == 0;
}

static larder_format
format_of(struct run *run, const char *path, FILE *file)
{
    const char *asked = argument_text(&run->arguments, "format");
    int first;

    if (asked != NULL)
        return strcmp(asked, "jsonl") == 0 ? LARDER_JSONL : LARDER_CSV;
    if (ends_with(path, ".csv"))
        return LARDER_CSV;
    if (ends_with(path, ".jsonl") || ends_with(path, ".ndjson"))
        return LARDER_JSONL;
    first = getc(file);
    if (first != EOF)
        ungetc(first, file);
    return first == '{' ? LARDER_JSONL : LARDER_CSV;
}

larder_status
input_open(
    struct run *run, const char *path, struct input *out, larder_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "r");

    if (file == NULL)
        return larder_fail(err, errno == ENOENT ? LARDER_NOT_FOUND : LARDER_IO,
            "file '%s' cannot be read: %s", path, strerror(errno));
    *out = (struct input){.file = file,
        .name = is_stdin ? "standard input" : path,
        .format = format_of(run, path, file)};
    return LARDER_OK;
}

bool
input_is(const struct input *input, const char *path)
{
    struct stat read, written;

    return input->file != NULL && fstat(fileno(input->file), &read) == 0 &&
           S_ISREG(read.st_mode) && stat(path, &written) == 0 &&
           read.st_dev == written.st_dev && read.st_ino == written.st_ino;
}

void
input_close(struct input *input)
{
    if (input->file != NULL && input->file != stdin)
        fclose(input->file);
    *input = (struct input){0};
}

larder_status
input_spine(struct run *run, const char *path, struct input *input,
    larder_stream *out, larder_error *err)
{
    larder_text_options options = {
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    larder_status rc;

    LARDER_TRY(input_open(run, path, input, err));
    options.name = input->name;
    options.format = input->format;
    LARDER_TRY(larder_text_read(input->file, &options, &run->call, out, err));
out:
    return rc;
}
