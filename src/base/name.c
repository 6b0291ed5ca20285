/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.c - names: which are legal, which are equal, which one was meant.
 */
#include "base/name.h"

#include <limits.h>
#include <string.h>

#define NAME_MAX_LETTERS 48
/* Longer texts are nobody's misspelt name; it bounds the work as well. */
#define NEAR_MAX 128

static int
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

bool
ldr_name_legal(const char *name)
{
    size_t size = 0;

    for (; name[size] != '\0'; size++) {
        int c = lower(name[size]);
        bool digit = c >= '0' && c <= '9';

        if (size == NAME_MAX_LETTERS || (digit && size == 0))
            return false;
        if (!digit && c != '_' && (c < 'a' || c > 'z'))
            return false;
    }
    return size > 0;
}

int
ldr_name_order(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) - lower(*b);
}

bool
ldr_name_equal(const char *a, const char *b)
{
    return ldr_name_order(a, b) == 0;
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to add, drop, change or swap with their neighbour to make `a` of `b`,
 * neither longer than NEAR_MAX, case aside. */
static unsigned
distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    unsigned rows[3][NEAR_MAX + 1]; /* of a's last three beginnings */
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= n_b; j++)
        last[j] = before[j] = (unsigned)j;
    for (size_t i = 1; i <= n_a; i++) {
        unsigned *spare = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n_b; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);

            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[n_b];
}

const char *
ldr_name_nearest(
    const char *wrong, const char *const *candidates, size_t n_candidates)
{
    size_t n_wrong = strlen(wrong);
    const char *nearest = NULL;
    unsigned fewest = UINT_MAX;

    if (n_wrong == 0 || n_wrong > NEAR_MAX)
        return NULL;
    for (size_t i = 0; i < n_candidates; i++) {
        size_t n_letters = strlen(candidates[i]);
        unsigned n_wrong_letters;

        if (n_letters > NEAR_MAX)
            continue;
        n_wrong_letters = distance(wrong, n_wrong, candidates[i], n_letters);
        if (n_letters < n_wrong)
            n_letters = n_wrong;
        if (n_wrong_letters < fewest && 3 * n_wrong_letters <= n_letters) {
            fewest = n_wrong_letters;
            nearest = candidates[i];
        }
    }
    return nearest;
}
