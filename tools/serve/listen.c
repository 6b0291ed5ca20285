/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - sockets that take connections: of TCP, one for each thread on one
 * port; or one Unix socket that all share.
 */
#include "serve/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511
#define UNIX_PREFIX "unix:"
#define HOST_ROOM 256

/* Linux has it; POSIX does not name it. */
#ifndef SO_REUSEPORT
#define SO_REUSEPORT 15
#endif

struct where {
    struct sockaddr_storage address;
    socklen_t size;
    char host[HOST_ROOM];
};

static const char *
unix_path(const char *address)
{
    size_t n = sizeof UNIX_PREFIX - 1;

    return strncmp(address, UNIX_PREFIX, n) == 0 ? address + n : NULL;
}

static larder_status
bad_address(const char *address, larder_error *err)
{
    larder_fail(err, LARDER_INVALID, "'%.200s' is no address", address);
    larder_hint(err,
        "write ADDRESS:PORT, such as 127.0.0.1:6566 or [::1]:6566, "
        "or unix:PATH");
    return LARDER_INVALID;
}

/* The resolver takes 99999 for another port. */
static bool
is_port(const char *text)
{
    size_t size = strlen(text);
    unsigned port = 0;

    for (size_t i = 0; i < size && i < 6; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return size > 0 && size < 6 && port <= 65535;
}

static larder_status
resolve(const char *text, struct where *out, larder_error *err)
{
    const char *colon = strrchr(text, ':'), *begin = text, *end = colon;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc;

    if (colon == NULL || !is_port(colon + 1) ||
        (size_t)(colon - text) >= sizeof out->host)
        return bad_address(text, err);
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
        begin++;
        end--;
    }
    memcpy(out->host, begin, (size_t)(end - begin));
    out->host[end - begin] = '\0';
    rc = out->host[0] == '\0'
             ? EAI_NONAME
             : getaddrinfo(out->host, colon + 1, &hints, &found);
    if (rc != 0)
        return bad_address(text, err);
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return LARDER_OK;
}

static bool
is_loopback(const struct where *where)
{
    const struct sockaddr *any = (const struct sockaddr *)&where->address;

    if (any->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, &where->address, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    if (any->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, &where->address, sizeof in6);
        return memcmp(&in6.sin6_addr, &in6addr_loopback, 16) == 0;
    }
    return false;
}

larder_status
listen_is_local(const char *address, bool *out, larder_error *err)
{
    const char *path = unix_path(address);
    struct where where = {0};
    larder_status rc;

    if (path != NULL && path[0] == '\0')
        return bad_address(address, err);
    rc = path != NULL ? LARDER_OK : resolve(address, &where, err);
    if (rc == LARDER_OK)
        *out = path != NULL || is_loopback(&where);
    return rc;
}

/* ---------------------------------------------------------------------- tcp */

static larder_status
cannot(const char *address, larder_error *err)
{
    if (errno == EADDRINUSE) {
        larder_fail(
            err, LARDER_IO, "%.200s is taken: somebody listens there", address);
        larder_hint(err, "stop that program, or --listen elsewhere (port 0: "
                         "any free one)");
        return LARDER_IO;
    }
    return larder_fail(err, LARDER_IO, "cannot listen on %.200s: %s", address,
        strerror(errno));
}

/* -1: errno says why. */
static int
bind_one(const struct where *where, bool shared)
{
    int fd = socket(where->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1, problem;

    if (fd == -1)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        (!shared ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0) &&
        bind(fd, (const struct sockaddr *)&where->address, where->size) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static void
close_all(int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
}

/* A socket that shares its port would share it with strangers too: one that
 * does not share finds out whether there are any. */
static larder_status
open_tcp(const char *address, struct where *where, unsigned n, int *fds,
    larder_error *err)
{
    int probe = bind_one(where, false);

    if (probe == -1)
        return cannot(address, err);
    close(probe);
    for (unsigned i = 0; i < n; i++) {
        socklen_t size = sizeof where->address;

        fds[i] = bind_one(where, true);
        if (fds[i] == -1) {
            close_all(fds, i);
            return cannot(address, err);
        }
        if (i == 0) /* port 0 became one */
            getsockname(fds[0], (struct sockaddr *)&where->address, &size);
    }
    return LARDER_OK;
}

static unsigned
port_of(const struct where *where)
{
    struct sockaddr_in in;

    memcpy(&in, &where->address, sizeof in); /* in6 has it there too */
    return ntohs(in.sin_port);
}

/* --------------------------------------------------------------------- unix */

/* A socket that nobody listens on any more is in the way. */
static bool
remove_stale(const struct sockaddr_un *un)
{
    struct stat about;
    int fd, rc;

    if (lstat(un->sun_path, &about) != 0)
        return errno == ENOENT;
    errno = EADDRINUSE;
    if (!S_ISSOCK(about.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    rc = connect(fd, (const struct sockaddr *)un, sizeof *un);
    close(fd);
    if (rc == 0) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(un->sun_path) == 0;
}

static larder_status
open_unix(const char *path, unsigned n, int *fds, larder_error *err)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    mode_t mask;
    int rc;

    if (strlen(path) == 0 || strlen(path) >= sizeof un.sun_path)
        return larder_fail(err, LARDER_INVALID,
            "unix:%.120s: a path has 1 to %zu bytes", path,
            sizeof un.sun_path - 1);
    memcpy(un.sun_path, path, strlen(path) + 1);
    if (!remove_stale(&un))
        return cannot(path, err);
    fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fds[0] == -1)
        return cannot(path, err);
    mask = umask(0117); /* 0660 */
    rc = bind(fds[0], (const struct sockaddr *)&un, sizeof un);
    umask(mask);
    if (rc != 0 || listen(fds[0], BACKLOG) != 0) {
        larder_status status = cannot(path, err);

        close(fds[0]);
        return status;
    }
    for (unsigned i = 1; i < n; i++) {
        fds[i] = dup(fds[0]);
        if (fds[i] == -1) {
            close_all(fds, i);
            return cannot(path, err);
        }
    }
    return LARDER_OK;
}

larder_status
listen_open(const char *address, bool tls, unsigned n, int *fds,
    char url[LISTEN_URL_ROOM], larder_error *err)
{
    const char *path = unix_path(address);
    struct where where = {0};
    larder_status rc;

    if (path != NULL) {
        rc = open_unix(path, n, fds, err);
        snprintf(url, LISTEN_URL_ROOM, "unix:%s", path);
        return rc;
    }
    LARDER_TRY(resolve(address, &where, err));
    LARDER_TRY(open_tcp(address, &where, n, fds, err));
    snprintf(url, LISTEN_URL_ROOM, "%s://%s%.120s%s:%u", tls ? "https" : "http",
        strchr(where.host, ':') != NULL ? "[" : "", where.host,
        strchr(where.host, ':') != NULL ? "]" : "", port_of(&where));
out:
    return rc;
}
