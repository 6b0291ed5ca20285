/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_arena.c - memory that lives and dies together.
 */
#include "base/arena.h"
#include "tests/support.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

START_TEST(an_empty_arena_may_be_freed_and_freed_again)
{
    ldr_arena arena = {0};

    ldr_arena_free(&arena);
    ck_assert_ptr_nonnull(ldr_arena_alloc(&arena, 10));
    ldr_arena_free(&arena);
    ldr_arena_free(&arena);
    ck_assert_ptr_null(arena.blocks);
    ck_assert_uint_eq(arena.bytes, 0);
}
END_TEST

START_TEST(memory_is_zeroed_aligned_and_not_shared)
{
    enum { n_pieces = 3000 };
    static unsigned char *pieces[n_pieces];
    static size_t sizes[n_pieces];
    ldr_arena arena = {0};
    uint64_t random = 1;

    for (size_t i = 0; i < n_pieces; i++) {
        sizes[i] = support_below(&random, i % 100 == 0 ? 100000 : 200);
        pieces[i] = ldr_arena_alloc(&arena, sizes[i]);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++)
            if (pieces[i][j] != 0)
                ck_abort_msg("byte %zu of piece %zu is not zero", j, i);
        memset(pieces[i], (int)(i % 251) + 1, sizes[i]);
    }
    for (size_t i = 0; i < n_pieces; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            if (pieces[i][j] != i % 251 + 1)
                ck_abort_msg("byte %zu of piece %zu was changed", j, i);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(it_counts_the_bytes_it_handed_out)
{
    ldr_arena arena = {0};

    ck_assert_ptr_nonnull(ldr_arena_alloc(&arena, 1000));
    ck_assert_ptr_nonnull(ldr_arena_alloc(&arena, 5000000));
    ck_assert_uint_ge(arena.bytes, 5001000);
    ck_assert_uint_le(arena.bytes, 5001000 + 64);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(pieces_without_bytes_are_still_different_pieces)
{
    ldr_arena arena = {0};
    void *one = ldr_arena_alloc(&arena, 0);
    void *two = ldr_arena_array(&arena, 0, 8);

    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_nonnull(two);
    ck_assert_ptr_ne(one, two);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
    ldr_arena arena = {0};

    ck_assert_ptr_null(ldr_arena_array(&arena, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(ldr_arena_array(&arena, 3, SIZE_MAX / 2));
    ck_assert_ptr_null(ldr_arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(ldr_arena_alloc(&arena, SIZE_MAX - 40));
    ck_assert_ptr_null(ldr_arena_copy_n(&arena, "", SIZE_MAX));
    ck_assert_uint_eq(arena.bytes, 0);
    ck_assert_ptr_nonnull(ldr_arena_array(&arena, 7, 0));
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(copies_are_closed_by_a_nul)
{
    ldr_arena arena = {0};
    char *copy = ldr_arena_copy(&arena, "hcp_activity");

    ck_assert_str_eq(copy, "hcp_activity");
    ck_assert_str_eq(ldr_arena_copy_n(&arena, copy, 3), "hcp");
    ck_assert_str_eq(ldr_arena_copy_n(&arena, NULL, 0), "");
    ck_assert_mem_eq(ldr_arena_copy_n(&arena, "a\0b", 3), "a\0b\0", 4);
    ldr_arena_free(&arena);
}
END_TEST

START_TEST(printing_makes_room_for_all_of_it)
{
    ldr_arena arena = {0};
    char *text = ldr_arena_printf(&arena, "%s:%d", "view", 12);
    char *padded = ldr_arena_printf(&arena, "%9000d|", 1);

    ck_assert_str_eq(text, "view:12");
    ck_assert_uint_eq(strlen(padded), 9001);
    ck_assert_str_eq(padded + 8999, "1|");
    ck_assert_str_eq(ldr_arena_printf(&arena, "%s", ""), "");
    ldr_arena_free(&arena);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");

    tcase_add_test(tests, an_empty_arena_may_be_freed_and_freed_again);
    tcase_add_test(tests, memory_is_zeroed_aligned_and_not_shared);
    tcase_add_test(tests, it_counts_the_bytes_it_handed_out);
    tcase_add_test(tests, pieces_without_bytes_are_still_different_pieces);
    tcase_add_test(tests, sizes_that_overflow_are_refused);
    tcase_add_test(tests, copies_are_closed_by_a_nul);
    tcase_add_test(tests, printing_makes_room_for_all_of_it);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
