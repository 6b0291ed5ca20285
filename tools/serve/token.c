/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.c - the tokens that a server knows.
 *
 * A set of them is never changed once it is read: a request that holds one of
 * an old set keeps that set alive until it is answered.
 */
#include "serve/token.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_BYTES 32u
#define FILE_MAX (1u << 20)

struct token {
    struct token_set *set;
    char id[TOKEN_ID_ROOM];
    unsigned scopes; /* a bit each */
    unsigned char hash[HASH_BYTES];
    const char *views; /* a comma list of patterns; NULL: all views */
};

struct token_set {
    atomic_uint n_holders;
    char *text; /* of the file, cut up */
    size_t n_tokens;
    struct token tokens[];
};

struct tokens {
    char *path;
    pthread_mutex_t lock; /* over `set`, the pointer */
    struct token_set *set;
};

/* -------------------------------------------------------------------- lines */

const char *
scope_name(enum scope scope)
{
    static const char *const names[] = {
        "none", "read", "push", "materialize", "apply", "admin"};

    return names[scope];
}

static bool
is_name(const char *text, const char *more, size_t limit)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') ||
                (text[i] >= 'A' && text[i] <= 'Z') ||
                (text[i] >= '0' && text[i] <= '9') ||
                strchr(more, text[i]) != NULL))
            return false;
    return n > 0 && n <= limit;
}

static larder_status
parse_scopes(const char *list, unsigned *out, larder_error *err)
{
    const char *begin = list;

    *out = 0;
    for (;;) {
        size_t size = strcspn(begin, ",");
        unsigned found = 0;

        for (int s = SCOPE_READ; s <= SCOPE_ADMIN; s++)
            if (strlen(scope_name((enum scope)s)) == size &&
                memcmp(scope_name((enum scope)s), begin, size) == 0)
                found = 1u << s;
        if (found == 0) {
            larder_fail(err, LARDER_INVALID, "'%.*s' is no scope",
                (int)(size < 64 ? size : 64), begin);
            larder_hint(err, "scopes are read, push, materialize, apply and "
                             "admin, with commas between them");
            return LARDER_INVALID;
        }
        *out |= found;
        if (begin[size] == '\0')
            return LARDER_OK;
        begin += size + 1;
    }
}

static bool
parse_hash(const char *text, unsigned char hash[HASH_BYTES])
{
    size_t size = HASH_BYTES;
    gnutls_datum_t hex = {.data = (unsigned char *)(uintptr_t)text,
        .size = (unsigned)strlen(text)};

    return strlen(text) == 2 * (size_t)HASH_BYTES &&
           gnutls_hex_decode(&hex, hash, &size) == 0 && size == HASH_BYTES;
}

/* Up to the next colon, which ends it; *rest is NULL after the last. */
static char *
take_part(char **rest)
{
    char *part = *rest, *colon;

    if (part == NULL)
        return NULL;
    colon = strchr(part, ':');
    *rest = colon == NULL ? NULL : colon + 1;
    if (colon != NULL)
        *colon = '\0';
    return part;
}

static larder_status
check_words(const char *id, const char *views, larder_error *err)
{
    if (!is_name(id, "_-.@", TOKEN_ID_ROOM - 1))
        return larder_fail(err, LARDER_INVALID,
            "'%.64s' is no id: up to %d letters, digits, '_', '-', '.' and "
            "'@'",
            id, TOKEN_ID_ROOM - 1);
    if (views != NULL && !is_name(views, "_-*,", TOKEN_LINE_ROOM / 2))
        return larder_fail(err, LARDER_INVALID,
            "'%.64s' are no patterns of feature views, such as hcp_*,visits",
            views);
    return LARDER_OK;
}

static larder_status
parse_line(char *line, struct token *token, larder_error *err)
{
    char *rest = line;
    const char *id = take_part(&rest), *scopes = take_part(&rest),
               *hash = take_part(&rest), *views = take_part(&rest);
    larder_status rc;

    if (hash == NULL || rest != NULL) {
        larder_fail(err, LARDER_INVALID, "this is no token's line");
        larder_hint(err, "write ID:SCOPES:SHA256, or ID:SCOPES:SHA256:VIEWS; "
                         "'larder token new' does");
        return LARDER_INVALID;
    }
    LARDER_TRY(check_words(id, views, err));
    LARDER_TRY(parse_scopes(scopes, &token->scopes, err));
    if (!parse_hash(hash, token->hash))
        return larder_fail(err, LARDER_INVALID,
            "the hash of '%s' is not 64 hexadecimal digits", id);
    snprintf(token->id, sizeof token->id, "%s", id);
    token->views = views;
out:
    return rc;
}

/* ------------------------------------------------------------------ the file
 */

/* Who else may write or read it could let himself in, or try hashes. */
static larder_status
check_file(const char *path, int fd, struct stat *about, larder_error *err)
{
    if (fstat(fd, about) != 0)
        return larder_fail(err, LARDER_IO, "%.200s cannot be looked at: %s",
            path, strerror(errno));
    if (!S_ISREG(about->st_mode))
        return larder_fail(
            err, LARDER_INVALID, "%.200s is not a plain file", path);
    if (about->st_uid != geteuid()) {
        larder_fail(err, LARDER_INVALID,
            "%.200s belongs to user %lu, not to %lu, who runs this", path,
            (unsigned long)about->st_uid, (unsigned long)geteuid());
        larder_hint(err, "chown it");
        return LARDER_INVALID;
    }
    if ((about->st_mode & 077) != 0) {
        larder_fail(err, LARDER_INVALID,
            "%.200s has mode %04o: others may read or write it", path,
            (unsigned)about->st_mode & 07777);
        larder_hint(err, "chmod 600 %.150s", path);
        return LARDER_INVALID;
    }
    if (about->st_size > (off_t)FILE_MAX)
        return larder_fail(err, LARDER_INVALID,
            "%.200s is longer than %u bytes", path, FILE_MAX);
    return LARDER_OK;
}

static larder_status
fail_open(const char *path, larder_error *err)
{
    if (errno == ELOOP)
        return larder_fail(err, LARDER_INVALID,
            "%.200s is a symbolic link: name the file itself", path);
    larder_fail(
        err, LARDER_IO, "%.200s cannot be opened: %s", path, strerror(errno));
    if (errno == ENOENT)
        larder_hint(err, "'larder token new --tokens %.100s' makes it", path);
    return LARDER_IO;
}

static larder_status
read_file(const char *path, char **out, larder_error *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    char *text = NULL;
    size_t size = 0;
    ssize_t n = 0;
    larder_status rc = LARDER_OK;

    if (fd == -1)
        return fail_open(path, err);
    LARDER_TRY(check_file(path, fd, &about, err));
    text = malloc(FILE_MAX + 1u);
    if (text == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory for %.200s", path);
        goto out;
    }
    while (size < FILE_MAX && (n = read(fd, text + size, FILE_MAX - size)) > 0)
        size += (size_t)n;
    text[size] = '\0';
    if (n < 0)
        rc = larder_fail(
            err, LARDER_IO, "%.200s cannot be read: %s", path, strerror(errno));
    else if (strlen(text) != size)
        rc = larder_fail(
            err, LARDER_INVALID, "%.200s: there is a zero byte in it", path);
out:
    close(fd);
    if (rc == LARDER_OK)
        *out = text;
    else
        free(text);
    return rc;
}

static void
release_set(struct token_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->n_holders, 1) != 1)
        return;
    free(set->text);
    free(set);
}

static larder_status
check_new(const struct token_set *set, larder_error *err)
{
    const struct token *last = &set->tokens[set->n_tokens];

    for (size_t i = 0; i < set->n_tokens; i++)
        if (strcmp(set->tokens[i].id, last->id) == 0)
            return larder_fail(
                err, LARDER_INVALID, "'%s' is there already", last->id);
    return LARDER_OK;
}

static larder_status
parse_set(const char *path, struct token_set *set, larder_error *err)
{
    char *next = set->text;
    larder_status rc;

    for (unsigned line = 1; next != NULL; line++) {
        char *begin = next, *end = strchr(begin, '\n');

        next = end == NULL ? NULL : end + 1;
        if (end != NULL)
            *end = '\0';
        begin[strcspn(begin, "\r")] = '\0';
        if (begin[0] == '\0' || begin[0] == '#')
            continue;
        if (set->n_tokens == TOKENS_MAX)
            return larder_fail(err, LARDER_INVALID,
                "%.200s:%u: there are more than %u tokens", path, line,
                TOKENS_MAX);
        rc = parse_line(begin, &set->tokens[set->n_tokens], err);
        if (rc == LARDER_OK)
            rc = check_new(set, err);
        if (rc != LARDER_OK) {
            larder_context(err, "%.200s:%u", path, line);
            return rc;
        }
        set->tokens[set->n_tokens++].set = set;
    }
    return LARDER_OK;
}

static larder_status
load_set(const char *path, struct token_set **out, larder_error *err)
{
    struct token_set *set =
        calloc(1, sizeof *set + TOKENS_MAX * sizeof set->tokens[0]);
    larder_status rc;

    if (set == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for tokens");
    atomic_init(&set->n_holders, 1);
    LARDER_TRY(read_file(path, &set->text, err));
    LARDER_TRY(parse_set(path, set, err));
out:
    if (rc == LARDER_OK)
        *out = set;
    else
        release_set(set);
    return rc;
}

/* ------------------------------------------------------------------- the set
 */

larder_status
tokens_open(const char *path, struct tokens **out, larder_error *err)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    larder_status rc = LARDER_OK;

    if (tokens != NULL)
        tokens->path = strdup(path);
    if (tokens == NULL || tokens->path == NULL) {
        free(tokens);
        return larder_fail(err, LARDER_NOMEM, "no memory for tokens");
    }
    pthread_mutex_init(&tokens->lock, NULL);
    rc = load_set(path, &tokens->set, err);
    if (rc == LARDER_OK)
        *out = tokens;
    else
        tokens_close(tokens);
    return rc;
}

larder_status
tokens_reload(struct tokens *tokens, larder_error *err)
{
    struct token_set *set = NULL, *old;
    larder_status rc = load_set(tokens->path, &set, err);

    if (rc != LARDER_OK)
        return rc;
    pthread_mutex_lock(&tokens->lock);
    old = tokens->set;
    tokens->set = set;
    pthread_mutex_unlock(&tokens->lock);
    release_set(old);
    return LARDER_OK;
}

static struct token_set *
hold_set(struct tokens *tokens)
{
    struct token_set *set;

    pthread_mutex_lock(&tokens->lock);
    set = tokens->set;
    atomic_fetch_add(&set->n_holders, 1);
    pthread_mutex_unlock(&tokens->lock);
    return set;
}

size_t
tokens_count(struct tokens *tokens)
{
    struct token_set *set = hold_set(tokens);
    size_t n = set->n_tokens;

    release_set(set);
    return n;
}

/* Every byte is looked at, wherever the first difference is. */
static bool
same_hash(const unsigned char *a, const unsigned char *b)
{
    unsigned difference = 0;

    for (size_t i = 0; i < HASH_BYTES; i++)
        difference |= (unsigned)(a[i] ^ b[i]);
    return difference == 0;
}

const struct token *
tokens_take(struct tokens *tokens, larder_bytes text)
{
    unsigned char hash[HASH_BYTES];
    const struct token *found = NULL;
    struct token_set *set;

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text.data, text.size, hash) != 0)
        return NULL;
    set = hold_set(tokens);
    for (size_t i = 0; i < set->n_tokens; i++)
        if (same_hash(hash, set->tokens[i].hash))
            found = &set->tokens[i];
    if (found == NULL)
        release_set(set);
    return found;
}

void
token_release(const struct token *token)
{
    if (token != NULL)
        release_set(token->set);
}

void
tokens_close(struct tokens *tokens)
{
    if (tokens == NULL)
        return;
    release_set(tokens->set);
    pthread_mutex_destroy(&tokens->lock);
    free(tokens->path);
    free(tokens);
}

/* ----------------------------------------------------------------- one token
 */

const char *
token_id(const struct token *token)
{
    return token->id;
}

bool
token_may(const struct token *token, enum scope scope)
{
    return (token->scopes >> scope & 1u) != 0;
}

/* '*' stands for any text. What follows the last one is tried further on, so a
 * long name takes no more than size x pattern steps. */
static bool
matches(const char *pattern, size_t n_pattern, const char *text, size_t size)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

    while (t < size) {
        if (p < n_pattern && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < n_pattern && pattern[p] == text[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < n_pattern && pattern[p] == '*')
        p++;
    return p == n_pattern;
}

bool
token_covers(const struct token *token, larder_bytes view)
{
    const char *begin = token->views;

    while (begin != NULL) {
        size_t size = strcspn(begin, ",");

        if (matches(begin, size, view.data, view.size))
            return true;
        begin = begin[size] == '\0' ? NULL : begin + size + 1;
    }
    return token->views == NULL;
}

/* ------------------------------------------------------------------- new ones
 */

static void
print_hex(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

larder_status
token_make(const char *id, const char *scopes, const char *views,
    char text[TOKEN_TEXT_ROOM], char line[TOKEN_LINE_ROOM], larder_error *err)
{
    unsigned char secret[32], hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    unsigned parsed;
    larder_status rc;

    LARDER_TRY(check_words(id, views, err));
    LARDER_TRY(parse_scopes(scopes, &parsed, err));
    if (strlen(scopes) > TOKEN_LINE_ROOM / 4)
        return larder_fail(err, LARDER_INVALID, "scopes are named once each");
    if (gnutls_rnd(GNUTLS_RND_KEY, secret, sizeof secret) != 0)
        return larder_fail(err, LARDER_IO, "the system has no random bytes");
    print_hex(secret, sizeof secret, hex);
    gnutls_memset(secret, 0, sizeof secret);
    snprintf(text, TOKEN_TEXT_ROOM, "larder_%s", hex);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash) != 0)
        return larder_fail(err, LARDER_IO, "SHA-256 is not to be had");
    print_hex(hash, sizeof hash, hex);
    snprintf(line, TOKEN_LINE_ROOM, "%s:%s:%s%s%s", id, scopes, hex,
        views == NULL ? "" : ":", views == NULL ? "" : views);
out:
    return rc;
}

static larder_status
check_absent(const char *path, const char *id, larder_error *err)
{
    struct token_set *set = NULL;
    larder_status rc = load_set(path, &set, err);

    for (size_t i = 0; rc == LARDER_OK && i < set->n_tokens; i++)
        if (strcmp(set->tokens[i].id, id) == 0) {
            rc = larder_fail(
                err, LARDER_INVALID, "%.200s: '%s' is there already", path, id);
            larder_hint(err, "choose another --id, or take its line out");
        }
    if (rc == LARDER_OK && set->n_tokens == TOKENS_MAX)
        rc = larder_fail(err, LARDER_INVALID, "%.200s has %u tokens already",
            path, TOKENS_MAX);
    release_set(set);
    return rc;
}

larder_status
token_append(
    const char *path, const char *id, const char *line, larder_error *err)
{
    int fd = open(path,
        O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
        0600);
    char text[TOKEN_LINE_ROOM + 2], last = '\n';
    struct stat about;
    int size;
    larder_status rc = LARDER_OK;

    if (fd == -1)
        return fail_open(path, err);
    LARDER_TRY(check_file(path, fd, &about, err));
    LARDER_TRY(check_absent(path, id, err));
    if (about.st_size > 0)
        (void)!pread(fd, &last, 1, about.st_size - 1);
    size =
        snprintf(text, sizeof text, "%s%s\n", last == '\n' ? "" : "\n", line);
    if (write(fd, text, (size_t)size) != size || fsync(fd) != 0)
        rc = larder_fail(err, LARDER_IO, "%.200s cannot be written: %s", path,
            strerror(errno));
out:
    close(fd);
    return rc;
}
