/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_yaml.c - hostile definitions: parsed, loaded, validated. What has no
 * fault is printed, and the print reads back as itself.
 */
#include <stdlib.h>
#include <string.h>

#include "definition/load.h"
#include "definition/print.h"
#include "definition/table.h"
#include "definition/validate.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "yaml";

/* A fault has words, and a column where it has a line. */
static void
look(void *context, const larder_diagnostic *diagnostic)
{
    size_t *n_told = context;

    if (diagnostic->message[0] == '\0' || ++*n_told > 202 ||
        (diagnostic->line > 0 && diagnostic->column == 0))
        abort();
}

/* Definitions of a text; false: it has faults. */
static bool
load(const void *text, size_t size, ldr_arena *arena, ldr_definitions *all)
{
    size_t n_told = 0;
    larder_call call = {.diagnostic = look, .context = &n_told};
    ldr_faults faults = {.call = &call};

    if (ldr_load_text("fuzz", text, size, arena, &faults, all, NULL) !=
            LARDER_OK ||
        ldr_validate(all, arena, &faults, NULL) != LARDER_OK)
        abort();
    if (faults.n_errors > 0 && faults.first.message[0] == '\0')
        abort();
    return faults.n_errors == 0;
}

static char *
print(const ldr_definitions *all, size_t *size)
{
    char *text = NULL;

    if (ldr_print_all(all, &text, size, NULL) != LARDER_OK)
        abort();
    return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ldr_arena arena = {0};
    ldr_definitions all = {0};

    if (load(data, size, &arena, &all)) {
        size_t n_first, n_second;
        char *first = print(&all, &n_first), *second, hex[33];

        for (size_t i = 0; i < all.n_views; i++)
            if (ldr_view_hash(&all.views[i], hex, NULL) != LARDER_OK)
                abort();
        all = (ldr_definitions){0};
        if (!load(first, n_first, &arena, &all))
            abort();
        second = print(&all, &n_second);
        if (n_first != n_second || memcmp(first, second, n_first) != 0)
            abort();
        free(first);
        free(second);
    }
    ldr_arena_free(&arena);
    return 0;
}
