/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_fail.c - what an error that a server answers means, and its words.
 *
 * An error begins with a word in capitals; one that a function raised has it
 * after what Lua says of the place.
 */
#include <string.h>

#include "redis.h"

typedef struct error_word {
    const char *word;
    redis_error kind;
    larder_status status;
    const char *what; /* instead of the server's text; NULL: that */
    const char *hint;
} error_word;

static const error_word meanings[] = {
    {"MOVED", REDIS_MOVED, LARDER_UNAVAILABLE, NULL, NULL},
    {"ASK", REDIS_ASK, LARDER_UNAVAILABLE, NULL, NULL},
    {"TRYAGAIN", REDIS_AGAIN, LARDER_UNAVAILABLE, NULL, NULL},
    {"CLUSTERDOWN", REDIS_AGAIN, LARDER_UNAVAILABLE, NULL,
        "a part of the cluster has no primary: see CLUSTER INFO"},
    {"LOADING", REDIS_AGAIN, LARDER_UNAVAILABLE, NULL,
        "it reads its data set after a start: try again when it has it"},
    {"BUSY", REDIS_AGAIN, LARDER_UNAVAILABLE, NULL,
        "a script runs there for too long: FUNCTION KILL or SCRIPT KILL end "
        "it"},
    {"READONLY", REDIS_ELSEWHERE, LARDER_UNAVAILABLE, NULL,
        "it is a replica: name the primary in connection_string, or sentinels "
        "with redis_type: redis_sentinel"},
    {"MASTERDOWN", REDIS_ELSEWHERE, LARDER_UNAVAILABLE, NULL,
        "it is a replica without its primary"},
    {"NOREPLICAS", REDIS_AGAIN, LARDER_UNAVAILABLE, NULL,
        "it takes no writes with so few replicas (min-replicas-to-write)"},
    {"NOSCRIPT", REDIS_NO_FUNCTION, LARDER_UNAVAILABLE, NULL, NULL},
    {"ERR Function not found", REDIS_NO_FUNCTION, LARDER_UNAVAILABLE, NULL,
        NULL},
    {"OOM", REDIS_OTHER, LARDER_LIMIT, NULL,
        "the server is at its maxmemory: give it more, or sweep, or set "
        "key_ttl_seconds"},
    {"MISCONF", REDIS_OTHER, LARDER_UNAVAILABLE, NULL,
        "it cannot save its data set and takes no writes: see its log and its "
        "disk"},
    {"NOPERM", REDIS_OTHER, LARDER_UNAVAILABLE, NULL,
        "the user needs: ~PREFIX* +@read +@write +ping +select +info "
        "+scan +fcall +function|load (ACL SETUSER)"},
    {"NOAUTH", REDIS_OTHER, LARDER_UNAVAILABLE, "a password is required",
        "name it in connection_string, or as password"},
    {"WRONGPASS", REDIS_OTHER, LARDER_UNAVAILABLE,
        "user name or password is wrong", "look at connection_string"},
    {"ERR AUTH <password> called without", REDIS_OTHER, LARDER_UNAVAILABLE,
        "it has no password, and one was given",
        "leave the password out, or is it another server?"},
    {"ERR Client sent AUTH, but no", REDIS_OTHER, LARDER_UNAVAILABLE,
        "it has no password, and one was given",
        "leave the password out, or is it another server?"},
    {"ERR invalid password", REDIS_OTHER, LARDER_UNAVAILABLE,
        "the password is wrong", "look at connection_string"},
    {"ERR DB index is out of range", REDIS_OTHER, LARDER_UNAVAILABLE, NULL,
        "the database number in connection_string is too great for it"},
    {"ERR max number of clients", REDIS_AGAIN, LARDER_UNAVAILABLE, NULL,
        "its maxclients is reached"},
    {"DENIED", REDIS_OTHER, LARDER_UNAVAILABLE, NULL,
        "protected mode: it has no password and is reached from elsewhere"},
    {"WRONGTYPE", REDIS_OTHER, LARDER_CORRUPT, NULL,
        "another program's key is among Larder's: name another key_prefix"},
    {"LARDER corrupt", REDIS_OTHER, LARDER_CORRUPT,
        "a stored row is shorter than the head of a row", NULL},
    {"LARDER emptied", REDIS_OTHER, LARDER_UNAVAILABLE,
        "it is not the store that was opened: it was emptied, or made anew",
        "run larder apply, then larder materialize"},
};

#define N_MEANINGS (sizeof meanings / sizeof *meanings)

/* Does it say so, also within what Lua puts before? "ERR Error running script
 * ...: OOM command not allowed". */
static bool
says(const char *text, const char *word)
{
    size_t size = strlen(word);
    const char *at = text;

    if (strncmp(text, word, size) == 0)
        return strchr(word, ' ') != NULL || text[size] == ' ' ||
               text[size] == '\0';
    if (strncmp(text, "ERR ", 4) != 0 && strncmp(text, "LARDER ", 7) != 0)
        return false;
    while ((at = strstr(at + 1, word)) != NULL)
        if ((at[-1] == ' ' || at[-1] == '-') &&
            (at[size] == ' ' || at[size] == '\0' || strchr(word, ' ') != NULL))
            return true;
    return false;
}

static const error_word *
find_meaning(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return NULL;
    for (size_t i = 0; i < N_MEANINGS; i++)
        if (says(reply->str, meanings[i].word))
            return &meanings[i];
    return NULL;
}

redis_error
redis_error_kind(const redisReply *reply)
{
    const error_word *meaning = find_meaning(reply);

    return meaning == NULL ? REDIS_OTHER : meaning->kind;
}

/* The server's text on one line. */
static void
copy_words(char *to, size_t room, const redisReply *reply)
{
    size_t n = reply->len < room - 1 ? reply->len : room - 1;

    for (size_t i = 0; i < n; i++) {
        char c = reply->str[i];

        to[i] = c >= ' ' && c < 127 ? c : '?';
    }
    to[n] = '\0';
}

larder_status
redis_fail(const redis_link *link, const redisReply *reply, larder_error *err)
{
    const error_word *meaning = find_meaning(reply);
    char words[240];
    larder_status rc = LARDER_UNAVAILABLE;

    if (reply->type != REDIS_REPLY_ERROR)
        return larder_fail(err, rc,
            "%s: a reply is of another kind than "
            "Redis gives",
            redis_link_name(link));
    if (meaning != NULL)
        rc = meaning->status;
    copy_words(words, sizeof words, reply);
    (void)larder_fail(err, rc, "%s: %s", redis_link_name(link),
        meaning != NULL && meaning->what != NULL ? meaning->what : words);
    if (meaning != NULL && meaning->hint != NULL)
        larder_hint(err, "%s", meaning->hint);
    return rc;
}
