/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_token.c - who is let in, what he may do, and which files say so.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/token.h"
#include "tests/support.h"

/* echo -n secret | sha256sum */
#define SECRET                                                                 \
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
/* echo -n other | sha256sum */
#define OTHER "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

static char *folder;

static void
enter(void)
{
    folder = support_folder();
    ck_assert_int_eq(chdir(folder), 0);
}

static void
leave(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    support_remove(folder);
    free(folder);
}

static void
write_text(const char *text, mode_t mode)
{
    FILE *file = fopen("tokens", "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod("tokens", mode), 0);
}

static struct tokens *
open_text(const char *text)
{
    struct tokens *tokens = NULL;
    larder_error err = {0};

    write_text(text, 0600);
    ck_assert_msg(
        tokens_open("tokens", &tokens, &err) == LARDER_OK, "%s", err.message);
    return tokens;
}

static void
assert_refused(const char *text, mode_t mode, const char *words)
{
    struct tokens *tokens = NULL;
    larder_error err = {0};

    write_text(text, mode);
    ck_assert_int_eq(tokens_open("tokens", &tokens, &err), LARDER_INVALID);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
    ck_assert_ptr_null(tokens);
}

static const struct token *
take(struct tokens *tokens, const char *text)
{
    return tokens_take(tokens, (larder_bytes){text, strlen(text)});
}

static bool
covers(const struct token *token, const char *view)
{
    return token_covers(token, (larder_bytes){view, strlen(view)});
}

START_TEST(a_token_is_known_by_its_hash)
{
    struct tokens *tokens =
        open_text("# who\n\na:read:" SECRET "\nb:push,admin:" OTHER "\n");
    const struct token *b = take(tokens, "other");

    ck_assert_uint_eq(tokens_count(tokens), 2);
    ck_assert_ptr_null(take(tokens, SECRET));
    ck_assert_ptr_null(take(tokens, ""));
    ck_assert_str_eq(token_id(b), "b");
    ck_assert(token_may(b, SCOPE_PUSH) && token_may(b, SCOPE_ADMIN));
    ck_assert(!token_may(b, SCOPE_READ) && !token_may(b, SCOPE_APPLY));
    token_release(b);
    tokens_close(tokens);
}
END_TEST

START_TEST(a_pattern_stands_for_views)
{
    struct tokens *tokens =
        open_text("a:read:" SECRET ":hcp_*,*x*y,one\nb:read:" OTHER);
    const struct token *a = take(tokens, "secret"), *b = take(tokens, "other");

    ck_assert(covers(a, "hcp_") && covers(a, "hcp_visits"));
    ck_assert(covers(a, "xy") && covers(a, "axbxcy") && covers(a, "one"));
    ck_assert(!covers(a, "hcp") && !covers(a, "xyz") && !covers(a, "ones"));
    ck_assert(!covers(a, "") && covers(b, "anything"));
    token_release(a);
    token_release(b);
    tokens_close(tokens);
}
END_TEST

START_TEST(a_token_that_is_held_outlives_its_file)
{
    struct tokens *tokens = open_text("a:read:" SECRET ":v*\n");
    const struct token *a = take(tokens, "secret");
    larder_error err = {0};

    write_text("b:read:" OTHER "\n", 0600);
    ck_assert_int_eq(tokens_reload(tokens, &err), LARDER_OK);
    ck_assert_ptr_null(take(tokens, "secret"));
    ck_assert(covers(a, "view"));
    write_text("b:read\n", 0600);
    ck_assert_int_eq(tokens_reload(tokens, &err), LARDER_INVALID);
    ck_assert_uint_eq(tokens_count(tokens), 1);
    tokens_close(tokens);
    ck_assert_str_eq(token_id(a), "a");
    token_release(a);
}
END_TEST

START_TEST(a_file_that_others_may_use_is_refused)
{
    assert_refused("", 0640, "has mode 0640");
    assert_refused("", 0602, "has mode 0602");
}
END_TEST

START_TEST(a_faulty_line_is_refused_by_number)
{
    assert_refused("a:read\n", 0600, "tokens:1: this is no token's line");
    assert_refused("\na:read:" SECRET ":v:w\n", 0600, "tokens:2: ");
    assert_refused("a b:read:" SECRET, 0600, "'a b' is no id");
    assert_refused(":read:" SECRET, 0600, "'' is no id");
    assert_refused("a:write:" SECRET, 0600, "'write' is no scope");
    assert_refused("a:read,:" SECRET, 0600, "'' is no scope");
    assert_refused("a:none:" SECRET, 0600, "'none' is no scope");
    assert_refused("a:read:abc", 0600, "64 hexadecimal digits");
    assert_refused("a:read:" SECRET ":", 0600, "no patterns");
    assert_refused("a:read:" SECRET ":v?", 0600, "no patterns");
    assert_refused("a:read:" SECRET "\na:read:" OTHER, 0600,
        "tokens:2: 'a' is there already");
}
END_TEST

START_TEST(a_new_token_is_let_in_by_its_line)
{
    char text[TOKEN_TEXT_ROOM], again[TOKEN_TEXT_ROOM], line[TOKEN_LINE_ROOM];
    struct tokens *tokens;
    const struct token *token;
    larder_error err = {0};

    write_text("a:read:" SECRET, 0600); /* without a line end */
    ck_assert_int_eq(
        token_make("n", "push", NULL, again, line, &err), LARDER_OK);
    ck_assert_int_eq(
        token_make("n", "push,read", "v*", text, line, &err), LARDER_OK);
    ck_assert_str_ne(text, again);
    ck_assert_int_eq(token_append("tokens", "n", line, &err), LARDER_OK);
    ck_assert_int_eq(token_append("tokens", "n", line, &err), LARDER_INVALID);
    ck_assert_int_eq(tokens_open("tokens", &tokens, &err), LARDER_OK);
    token = take(tokens, text);
    ck_assert_ptr_nonnull(token);
    ck_assert(token_may(token, SCOPE_READ) && covers(token, "v1"));
    ck_assert_ptr_null(take(tokens, again));
    token_release(token);
    tokens_close(tokens);
}
END_TEST

START_TEST(a_new_token_with_wrong_words_is_refused)
{
    char text[TOKEN_TEXT_ROOM], line[TOKEN_LINE_ROOM];
    larder_error err = {0};

    ck_assert_int_eq(
        token_make("a:b", "read", NULL, text, line, &err), LARDER_INVALID);
    ck_assert_int_eq(
        token_make("a", "all", NULL, text, line, &err), LARDER_INVALID);
    ck_assert_int_eq(
        token_make("a", "read", "v\nw", text, line, &err), LARDER_INVALID);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("token");
    TCase *tests = tcase_create("token");

    tcase_add_checked_fixture(tests, enter, leave);
    tcase_add_test(tests, a_token_is_known_by_its_hash);
    tcase_add_test(tests, a_pattern_stands_for_views);
    tcase_add_test(tests, a_token_that_is_held_outlives_its_file);
    tcase_add_test(tests, a_file_that_others_may_use_is_refused);
    tcase_add_test(tests, a_faulty_line_is_refused_by_number);
    tcase_add_test(tests, a_new_token_is_let_in_by_its_line);
    tcase_add_test(tests, a_new_token_with_wrong_words_is_refused);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
