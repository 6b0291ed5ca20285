/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_options.c - how to reach the store, from the words of the
 * configuration.
 *
 *     redis://[user[:password]@]host[:port][,host[:port]...][/database]
 *     rediss://...                     the same with TLS
 *     unix://[user[:password]@]/path[?db=N]
 *     host:port[,host:port...][,ssl=true][,username=..][,password=..][,db=N]
 *
 * A connection string is a secret: no message shows any of it but the name of a
 * word that is not understood.
 */
#include <stdlib.h>
#include <string.h>

#include "redis.h"
#include "redis_functions.h"

#define DEFAULT_PORT 6379u
#define DEFAULT_SENTINEL_PORT 26379u
#define DEFAULT_MASTER "mymaster" /* Feast's and Redis' own */
#define DEFAULT_PREFIX "larder:"
#define MAX_ADDRESSES 64u
#define MAX_HOST 250u

/* A piece of a text. */
typedef struct piece {
    const char *at;
    size_t size;
} piece;

/* ----------------------------------------------------------------- pieces */

/* What is before the first `c`, which is passed; all if there is none. */
static piece
cut(piece *rest, char c)
{
    const char *found = rest->size > 0 ? memchr(rest->at, c, rest->size) : NULL;
    piece first = {
        rest->at, found == NULL ? rest->size : (size_t)(found - rest->at)};
    size_t passed = first.size + (found != NULL);

    rest->at += passed;
    rest->size -= passed;
    return first;
}

static bool
begins(piece *text, const char *word)
{
    size_t size = strlen(word);

    if (text->size < size || memcmp(text->at, word, size) != 0)
        return false;
    text->at += size;
    text->size -= size;
    return true;
}

static bool
is(piece text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.at, word, text.size) == 0;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A copy, in which %41 is A if `decode`. INVALID names what it is of. */
static larder_status
copy(piece text, bool decode, const char *what, char **out, larder_error *err)
{
    char *made = malloc(text.size + 1);
    size_t n = 0;

    if (made == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];

        if (decode && c == '%') {
            int high = i + 2 < text.size ? hex(text.at[i + 1]) : -1;
            int low = high < 0 ? -1 : hex(text.at[i + 2]);

            if (low < 0 || (high == 0 && low == 0)) {
                free(made);
                return larder_fail(err, LARDER_INVALID,
                    "connection_string: in its %s a %% is not followed by two "
                    "hexadecimal digits; write %%25 for a %% itself",
                    what);
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        made[n++] = c;
    }
    made[n] = '\0';
    free(*out);
    *out = made;
    return LARDER_OK;
}

static bool
read_number(piece text, unsigned most, unsigned *out)
{
    unsigned number = 0;

    if (text.size == 0 || text.size > 9)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        number = number * 10 + (unsigned)(text.at[i] - '0');
    }
    *out = number;
    return number <= most;
}

/* -------------------------------------------------------------- addresses */

static larder_status
add_address(redis_options *out, redis_address address, larder_error *err)
{
    redis_address *grown = NULL;

    if (out->n_addresses < MAX_ADDRESSES)
        grown = realloc(
            out->addresses, (out->n_addresses + 1) * sizeof *out->addresses);
    if (grown == NULL) {
        free(address.host);
        free(address.socket);
        return out->n_addresses < MAX_ADDRESSES
                   ? larder_fail(err, LARDER_NOMEM, "out of memory")
                   : larder_fail(err, LARDER_INVALID,
                         "connection_string: more than %u hosts",
                         MAX_ADDRESSES);
    }
    out->addresses = grown;
    out->addresses[out->n_addresses++] = address;
    return LARDER_OK;
}

static larder_status
add_socket(redis_options *out, piece path, bool decode, larder_error *err)
{
    redis_address address = {0};
    larder_status rc;

    if (path.size == 0 || path.at[0] != '/')
        return larder_fail(err, LARDER_INVALID,
            "connection_string: a Unix socket is an absolute path, "
            "unix:///run/redis/redis.sock");
    rc = copy(path, decode, "path", &address.socket, err);
    return rc == LARDER_OK ? add_address(out, address, err) : rc;
}

/* "host", "host:6379", "[::1]:6379". */
static larder_status
add_host(redis_options *out, piece text, larder_error *err)
{
    redis_address address = {0};
    piece host, port = text;
    larder_status rc;

    if (begins(&port, "[")) {
        host = cut(&port, ']');
        if (port.size > 0 && !begins(&port, ":"))
            host.size = 0;
    } else {
        host = cut(&port, ':');
    }
    address.port =
        out->kind == REDIS_SENTINEL ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT;
    if (host.size == 0 || host.size > MAX_HOST ||
        strcspn(host.at, "/@%# \t") < host.size ||
        (port.size > 0 && !read_number(port, 65535, &address.port)) ||
        address.port == 0)
        return larder_fail(err, LARDER_INVALID,
            "connection_string: it has no host, or no port from 1 to 65535 "
            "where one belongs; write host:6379, [::1]:6379 or "
            "redis://USER:PASSWORD@host:6379/0, with %%40 for an @ and %%2F "
            "for a / in a password");
    rc = copy(host, false, "host", &address.host, err);
    return rc == LARDER_OK ? add_address(out, address, err) : rc;
}

/* ------------------------------------------------------------------- URLs */

static larder_status
set_database(redis_options *out, piece text, larder_error *err)
{
    if (!read_number(text, 1000000, &out->database))
        return larder_fail(err, LARDER_INVALID,
            "connection_string: the database is a number: redis://host:6379/0, "
            "or db=0");
    return LARDER_OK;
}

/* "user:password@", of which either may be missing, if it is there. A password
 * may have a raw @: the last one counts. */
static larder_status
read_user(redis_options *out, piece *rest, larder_error *err)
{
    size_t end = rest->size;
    piece both, user;
    larder_status rc = LARDER_OK;

    while (end > 0 && rest->at[end - 1] != '@')
        end--;
    if (end == 0)
        return LARDER_OK;
    both = (piece){rest->at, end - 1};
    rest->at += end;
    rest->size -= end;
    user = cut(&both, ':');
    if (user.size > 0)
        LARDER_TRY(copy(user, true, "user name", &out->username, err));
    if (both.size > 0)
        LARDER_TRY(copy(both, true, "password", &out->password, err));
out:
    return rc;
}

/* "?db=2" is all there is. */
static larder_status
read_query(redis_options *out, piece query, larder_error *err)
{
    larder_status rc = LARDER_OK;

    while (rc == LARDER_OK && query.size > 0) {
        piece value = cut(&query, '&'), name = cut(&value, '=');

        if (is(name, "db"))
            rc = set_database(out, value, err);
        else
            rc = larder_fail(err, LARDER_INVALID,
                "connection_string: after its ? only db=N is understood; other "
                "options stand beside connection_string");
    }
    return rc;
}

static larder_status
read_url(redis_options *out, piece rest, larder_error *err)
{
    piece query, hosts;
    larder_status rc = LARDER_OK;

    LARDER_TRY(read_user(out, &rest, err));
    hosts = cut(&rest, '?');
    query = rest;
    rest = hosts;
    hosts = cut(&rest, '/');
    if (rest.size > 0)
        LARDER_TRY(set_database(out, rest, err));
    do {
        LARDER_TRY(add_host(out, cut(&hosts, ','), err));
    } while (hosts.size > 0);
    LARDER_TRY(read_query(out, query, err));
out:
    return rc;
}

static larder_status
read_unix(redis_options *out, piece rest, larder_error *err)
{
    larder_status rc = LARDER_OK;
    piece path;

    LARDER_TRY(read_user(out, &rest, err));
    path = cut(&rest, '?');
    LARDER_TRY(add_socket(out, path, true, err));
    LARDER_TRY(read_query(out, rest, err));
out:
    return rc;
}

/* ------------------------------------------------------ Feast's comma string
 */

static larder_status
set_word(redis_options *out, piece name, piece value, larder_error *err)
{
    bool yes = is(value, "true") || is(value, "True") || is(value, "1");
    bool no = is(value, "false") || is(value, "False") || is(value, "0");

    if (is(name, "password"))
        return copy(value, false, "password", &out->password, err);
    if (is(name, "username"))
        return copy(value, false, "user name", &out->username, err);
    if (is(name, "db"))
        return set_database(out, value, err);
    if (is(name, "ssl_ca_certs"))
        return copy(value, false, "path", &out->ca, err);
    if (is(name, "ssl_certfile"))
        return copy(value, false, "path", &out->certificate, err);
    if (is(name, "ssl_keyfile"))
        return copy(value, false, "path", &out->key, err);
    if (is(name, "ssl") && (yes || no)) {
        out->tls = yes;
        return LARDER_OK;
    }
    if (is(name, "ssl"))
        return larder_fail(
            err, LARDER_INVALID, "connection_string: ssl is true or false");
    if (is(name, "ssl_cert_reqs") && is(value, "required"))
        return LARDER_OK;
    if (is(name, "ssl_cert_reqs") || is(name, "ssl_check_hostname"))
        return larder_fail(err, LARDER_INVALID,
            "connection_string: certificates are always checked; leave %.*s "
            "out, and name the authority in ca",
            (int)name.size, name.at);
    return larder_fail(err, LARDER_INVALID,
        "connection_string: a word before a '=' is not one of ssl, username, "
        "password, db, ssl_ca_certs, ssl_certfile, ssl_keyfile; a password "
        "with a comma in it stands in redis://:PASSWORD@host:6379 (%%2C) or in "
        "the option password");
}

static larder_status
read_words(redis_options *out, piece rest, larder_error *err)
{
    larder_status rc = LARDER_OK;

    while (rc == LARDER_OK && rest.size > 0) {
        piece value = cut(&rest, ','), name;

        if (value.size > 0 && value.at[0] == '/') {
            rc = add_socket(out, value, false, err);
        } else if (memchr(value.at, '=', value.size) == NULL) {
            rc = add_host(out, value, err);
        } else {
            name = cut(&value, '=');
            rc = set_word(out, name, value, err);
        }
    }
    return rc;
}

static larder_status
read_connection(
    const larder_options *options, redis_options *out, larder_error *err)
{
    const char *text = larder_options_find(options, "connection_string");
    larder_status rc;
    piece rest;

    if (text == NULL || text[0] == '\0')
        return larder_fail(err, LARDER_INVALID,
            "the online store of type redis needs a connection_string, such "
            "as redis://localhost:6379");
    rest = (piece){text, strlen(text)};
    out->tls = begins(&rest, "rediss://");
    if (out->tls || begins(&rest, "redis://"))
        rc = read_url(out, rest, err);
    else if (begins(&rest, "unix://"))
        rc = read_unix(out, rest, err);
    else if (strstr(text, "://") != NULL && strchr(text, '=') == NULL)
        rc = larder_fail(err, LARDER_INVALID,
            "connection_string: it begins with redis://, rediss:// or "
            "unix://, or is host:port");
    else
        rc = read_words(out, rest, err);
    if (rc == LARDER_OK && out->n_addresses == 0)
        rc = larder_fail(err, LARDER_INVALID,
            "connection_string: it names no host: host:6379");
    return rc;
}

/* ---------------------------------------------------------- other options */

static larder_status
read_text(const larder_options *options, const char *name, char **out,
    larder_error *err)
{
    const char *text = larder_options_find(options, name);

    if (text == NULL || text[0] == '\0')
        return LARDER_OK;
    return copy((piece){text, strlen(text)}, false, name, out, err);
}

static larder_status
read_kind(const larder_options *options, redis_kind *out, larder_error *err)
{
    static const char *const names[] = {
        "redis", "redis_cluster", "redis_sentinel"};
    const char *text = larder_options_find(options, "redis_type");

    for (size_t i = 0; text != NULL && i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (redis_kind)i;
            return LARDER_OK;
        }
    }
    if (text == NULL)
        return LARDER_OK;
    return larder_fail(err, LARDER_INVALID,
        "redis_type is redis, redis_cluster or redis_sentinel");
}

static larder_status
read_ttl(const larder_options *options, uint64_t *out, larder_error *err)
{
    const char *text = larder_options_find(options, "key_ttl_seconds");
    unsigned seconds = 0;

    if (text == NULL || text[0] == '\0')
        return LARDER_OK;
    if (!read_number((piece){text, strlen(text)}, 999999999, &seconds))
        return larder_fail(err, LARDER_INVALID,
            "key_ttl_seconds is a whole number of seconds; 0: keys stay");
    *out = seconds;
    return LARDER_OK;
}

/* What does not go together. */
static larder_status
check(const redis_options *out, larder_error *err)
{
    if (out->kind == REDIS_SINGLE && out->n_addresses > 1)
        return larder_fail(err, LARDER_INVALID,
            "connection_string names %zu hosts; of several, redis_type says "
            "what they are: redis_cluster or redis_sentinel",
            out->n_addresses);
    if (out->kind == REDIS_CLUSTER && out->database != 0)
        return larder_fail(err, LARDER_INVALID,
            "connection_string: a Redis Cluster has database 0 only");
    if (out->kind == REDIS_CLUSTER && strchr(out->prefix, '{') != NULL)
        return larder_fail(err, LARDER_INVALID,
            "key_prefix has a '{': every key would be in one slot of the "
            "cluster");
    for (size_t i = 0; i < out->n_addresses; i++)
        if (out->addresses[i].socket != NULL &&
            (out->tls || out->kind != REDIS_SINGLE))
            return larder_fail(err, LARDER_INVALID,
                "connection_string: a Unix socket is a single server without "
                "TLS");
    if (!out->tls && (out->ca != NULL || out->certificate != NULL))
        return larder_fail(err, LARDER_INVALID,
            "ca and certificate are for TLS; say rediss://, or ssl=true");
    if ((out->certificate != NULL) != (out->key != NULL))
        return larder_fail(err, LARDER_INVALID,
            "certificate and key go together; one of them is missing");
    if (out->username != NULL && out->password == NULL)
        return larder_fail(
            err, LARDER_INVALID, "there is a user name, but no password");
    if (strlen(out->prefix) > 64)
        return larder_fail(
            err, LARDER_INVALID, "key_prefix is longer than 64 bytes");
    return LARDER_OK;
}

larder_status
redis_options_read(
    const larder_options *options, redis_options *out, larder_error *err)
{
    redis_options made = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(read_kind(options, &made.kind, err));
    LARDER_TRY(copy((piece){DEFAULT_MASTER, sizeof DEFAULT_MASTER - 1}, false,
        "name", &made.master, err));
    LARDER_TRY(copy((piece){DEFAULT_PREFIX, sizeof DEFAULT_PREFIX - 1}, false,
        "prefix", &made.prefix, err));
    LARDER_TRY(read_connection(options, &made, err));
    LARDER_TRY(read_text(options, "username", &made.username, err));
    LARDER_TRY(read_text(options, "password", &made.password, err));
    LARDER_TRY(
        read_text(options, "sentinel_username", &made.sentinel_username, err));
    LARDER_TRY(
        read_text(options, "sentinel_password", &made.sentinel_password, err));
    LARDER_TRY(read_text(options, "sentinel_master", &made.master, err));
    LARDER_TRY(read_text(options, "key_prefix", &made.prefix, err));
    LARDER_TRY(read_text(options, "ca", &made.ca, err));
    LARDER_TRY(read_text(options, "certificate", &made.certificate, err));
    LARDER_TRY(read_text(options, "key", &made.key, err));
    LARDER_TRY(read_ttl(options, &made.key_ttl_seconds, err));
    LARDER_TRY(larder_options_bool(
        options, "allow_eviction", &made.allow_eviction, err));
    LARDER_TRY(check(&made, err));
    made.functions = redis_functions_new();
    if (made.functions == NULL)
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    *out = made;
    made = (redis_options){0};
out:
    redis_options_free(&made);
    return rc;
}

void
redis_options_free(redis_options *options)
{
    for (size_t i = 0; i < options->n_addresses; i++) {
        free(options->addresses[i].host);
        free(options->addresses[i].socket);
    }
    free(options->addresses);
    free(options->username);
    free(options->password);
    free(options->sentinel_username);
    free(options->sentinel_password);
    free(options->master);
    free(options->ca);
    free(options->certificate);
    free(options->key);
    free(options->prefix);
    redis_functions_free(options->functions);
    *options = (redis_options){0};
}
