/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_corpus.c - main() of a fuzz target without a fuzzer: each file of its
 * corpus once, then each of these cut short and with bytes changed.
 *
 * With libFuzzer, build the target with -fsanitize=fuzzer and without this.
 * Usage: fuzz_NAME [FOLDER]; else $srcdir/tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define LARGEST ((size_t)1024 * 1024)
#define VARIANTS 200

static uint64_t
next_random(uint64_t *state)
{
    *state =
        *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Bytes that mean something to most formats. */
static const unsigned char spice[] = "\0\t\n\r \"',-.0:[]{}\\u\x7f\x80\xC3\xFF";

/* The text in a block of its very size, so that a step beyond is noticed. */
static void
run_once(const unsigned char *text, size_t size)
{
    unsigned char *copy = malloc(size == 0 ? 1 : size);

    if (copy == NULL)
        abort();
    memcpy(copy, text, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void
run_variants(unsigned char *text, size_t size)
{
    uint64_t seed = size;

    for (int i = 0; i < VARIANTS && size > 0; i++) {
        size_t at = (size_t)(next_random(&seed) % size);
        unsigned char was = text[at];

        if (i % 4 == 0) {
            run_once(text, at);
            continue;
        }
        text[at] = spice[next_random(&seed) % (sizeof spice - 1)];
        run_once(text, size);
        if (i % 4 != 1) /* every fourth change stays */
            text[at] = was;
    }
}

static int
run_file(const char *folder, const char *name)
{
    char path[4096];
    unsigned char *text = malloc(LARGEST);
    FILE *file = NULL;
    size_t size;

    if (text == NULL)
        abort();
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) <
        sizeof path)
        file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(text);
        return 1;
    }
    size = fread(text, 1, LARGEST, file);
    fclose(file);
    run_once(text, size);
    run_variants(text, size);
    free(text);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *source = getenv("srcdir");
    char folder[4096];
    DIR *files;
    struct dirent *entry;
    int n_files = 0, failed = 0;

    if (argc > 1)
        snprintf(folder, sizeof folder, "%s", argv[1]);
    else
        snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s",
            source == NULL ? "." : source, fuzz_corpus);
    files = opendir(folder);
    if (files == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", folder);
        return EXIT_FAILURE;
    }
    while ((entry = readdir(files)) != NULL)
        if (entry->d_name[0] != '.') {
            failed |= run_file(folder, entry->d_name);
            n_files++;
        }
    closedir(files);
    printf("%d files of %s\n", n_files, folder);
    return failed || n_files == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
