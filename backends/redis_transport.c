/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_transport.c - bytes to a server and back: TCP, a Unix socket, or TLS.
 *
 * libcurl connects (CONNECT_ONLY): it looks names up within a deadline, tries
 * IPv6 and IPv4 side by side, and checks certificate and host name. Clear bytes
 * then go over its socket directly, TLS through it.
 */
#include "redis_transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SLICE_MS 50     /* between two looks at the cancel flag */
#define CONNECT_MS 3000 /* to connect, handshake and all, at most */

/* ------------------------------------------------------------------ waiting */

static int
slice_of(const larder_call *call)
{
    int slice = call->cancel != NULL ? SLICE_MS : 1000;
    int64_t left;

    if (call->deadline == 0 || call->monotonic == NULL)
        return slice;
    left = (call->deadline - call->monotonic()) / 1000 + 1;
    if (left < 0)
        return 0;
    return left < slice ? (int)left : slice;
}

/* Until the socket is ready, or the caller no longer waits. */
static larder_status
await(const redis_transport *transport, short events, const larder_call *call,
    larder_error *err)
{
    struct pollfd one = {.fd = transport->socket, .events = events};

    for (;;) {
        int n = poll(&one, 1, slice_of(call));
        larder_status rc;

        if (n > 0)
            return LARDER_OK; /* or broken: who reads will see */
        if (n < 0 && errno != EINTR)
            return larder_fail(err, LARDER_IO, "poll failed");
        rc = larder_call_check(call, err);
        if (rc == LARDER_OK)
            continue;
        if (rc == LARDER_DEADLINE)
            (void)larder_fail(err, LARDER_DEADLINE,
                "%s did not answer before the deadline", transport->name);
        return rc;
    }
}

/* -------------------------------------------------------------- connecting */

/* libcurl asks now and then whether to go on. */
static int
look_at_call(
    void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return larder_call_check(context, NULL) != LARDER_OK;
}

/* So long at most, at least a millisecond: 0 would be no limit. */
static long
connect_ms(const larder_call *call)
{
    int64_t left;

    if (call->deadline == 0 || call->monotonic == NULL)
        return CONNECT_MS;
    left = (call->deadline - call->monotonic()) / 1000;
    if (left < 1)
        return 1;
    return left < CONNECT_MS ? (long)left : CONNECT_MS;
}

static bool
set_address(
    CURL *curl, const redis_options *options, const redis_address *address)
{
    char url[512];
    const char *host = address->socket != NULL ? "localhost" : address->host;
    bool v6 = strchr(host, ':') != NULL;
    int n = snprintf(url, sizeof url, "%s://%s%s%s:%u/",
        options->tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
        address->socket != NULL ? 1u : address->port);

    return n > 0 && (size_t)n < sizeof url &&
           curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           (address->socket == NULL ||
               curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
                   address->socket) == CURLE_OK);
}

static bool
set_tls(CURL *curl, const redis_options *options)
{
    if (!options->tls)
        return true;
    return curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION,
               (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           (options->ca == NULL || curl_easy_setopt(curl, CURLOPT_CAINFO,
                                       options->ca) == CURLE_OK) &&
           (options->certificate == NULL ||
               curl_easy_setopt(curl, CURLOPT_SSLCERT, options->certificate) ==
                   CURLE_OK) &&
           (options->key == NULL || curl_easy_setopt(curl, CURLOPT_SSLKEY,
                                        options->key) == CURLE_OK);
}

static bool
set_rest(CURL *curl, const larder_call *call, char *words)
{
    const void *context = call;
    void *lent;

    memcpy(&lent, &context, sizeof lent); /* libcurl hands it back as it is */
    return curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, connect_ms(call)) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_call) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, lent) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words) == CURLE_OK;
}

/* Why there is no connection, and whether that can change by itself. */
static larder_status
fail_connect(const redis_transport *transport, CURLcode code, const char *words,
    const larder_call *call, bool *refused, larder_error *err)
{
    larder_status rc = larder_call_check(call, err);

    if (rc == LARDER_DEADLINE || code == CURLE_OPERATION_TIMEDOUT) {
        rc = rc == LARDER_DEADLINE ? rc : LARDER_UNAVAILABLE;
        (void)larder_fail(err, rc, "%s: no connection in time: %.200s",
            transport->name, words);
        if (transport->tls)
            larder_hint(err, "if it is up, it may not speak TLS there: is it "
                             "redis:// rather than rediss://?");
        return rc;
    }
    if (rc != LARDER_OK)
        return rc;
    *refused = code == CURLE_PEER_FAILED_VERIFICATION ||
               code == CURLE_SSL_CACERT_BADFILE ||
               code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
               (code == CURLE_SSL_CONNECT_ERROR &&
                   strstr(words, "wrong version number") != NULL);
    if (code == CURLE_OUT_OF_MEMORY)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    (void)larder_fail(err, LARDER_UNAVAILABLE, "%s: %.200s", transport->name,
        words[0] != '\0' ? words : curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        larder_hint(err, "the server's certificate must be for this host name "
                         "and be signed by who `ca` names (without `ca`: by "
                         "who the system trusts)");
    else if (code == CURLE_SSL_CACERT_BADFILE)
        larder_hint(err, "`ca` is a file of certificates in PEM form");
    else if (code == CURLE_SSL_CERTPROBLEM)
        larder_hint(err, "`certificate` and `key` are files in PEM form");
    else if (*refused)
        larder_hint(err, "it does not speak TLS there: is it redis:// rather "
                         "than rediss://, or another port?");
    else if (code == CURLE_COULDNT_CONNECT)
        larder_hint(err, "is Redis running there?");
    return LARDER_UNAVAILABLE;
}

larder_status
redis_transport_open(redis_transport *transport, const redis_options *options,
    const redis_address *address, const char *name, const larder_call *call,
    bool *refused, larder_error *err)
{
    char words[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    curl_socket_t socket = CURL_SOCKET_BAD;
    CURLcode code;

    *transport = (redis_transport){.name = name, .tls = options->tls};
    if (curl == NULL || !set_address(curl, options, address) ||
        !set_tls(curl, options) || !set_rest(curl, call, words)) {
        curl_easy_cleanup(curl);
        return larder_fail(
            err, LARDER_UNAVAILABLE, "%s: libcurl cannot connect there", name);
    }
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &socket);
    if (code != CURLE_OK || socket == CURL_SOCKET_BAD) {
        larder_status rc =
            fail_connect(transport, code, words, call, refused, err);

        curl_easy_cleanup(curl);
        return rc;
    }
    /* The words and the call go away; libcurl keeps the rest. */
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, NULL);
    transport->curl = curl;
    transport->socket = socket;
    return LARDER_OK;
}

void
redis_transport_close(redis_transport *transport)
{
    if (transport->curl != NULL)
        curl_easy_cleanup(transport->curl);
    *transport = (redis_transport){0};
}

bool
redis_transport_ended(const redis_transport *transport)
{
    char byte;
    ssize_t n = recv(transport->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    return n == 0 || !transport->tls; /* TLS has words of its own */
}

/* --------------------------------------------------------- send and receive */

static larder_status
fail_lost(const redis_transport *transport, const char *why, larder_error *err)
{
    return larder_fail(err, LARDER_UNAVAILABLE,
        "%s: the connection was lost: "
        "%s",
        transport->name, why);
}

/* What one try gave. */
enum moved { MOVED_SOME, MOVED_NONE, MOVED_FAILED };

static enum moved
send_some(redis_transport *transport, const void *bytes, size_t size, size_t *n,
    const char **why)
{
    if (transport->tls) {
        CURLcode code = curl_easy_send(transport->curl, bytes, size, n);

        *why = curl_easy_strerror(code);
        if (code == CURLE_AGAIN || (code == CURLE_OK && *n == 0))
            return MOVED_NONE;
        return code == CURLE_OK ? MOVED_SOME : MOVED_FAILED;
    } else {
        ssize_t sent =
            send(transport->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        *why = errno == EPIPE || errno == ECONNRESET ? "the server closed it"
                                                     : "it cannot be written";
        if (sent < 0 &&
            (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return MOVED_NONE;
        *n = sent < 0 ? 0 : (size_t)sent;
        return sent < 0 ? MOVED_FAILED : MOVED_SOME;
    }
}

larder_status
redis_transport_send(redis_transport *transport, const larder_call *call,
    const void *bytes, size_t size, larder_error *err)
{
    const unsigned char *at = bytes;
    larder_status rc = larder_call_check(call, err);

    while (rc == LARDER_OK && size > 0) {
        const char *why = "";
        size_t n = 0;

        switch (send_some(transport, at, size, &n, &why)) {
        case MOVED_SOME:
            at += n;
            size -= n;
            break;
        case MOVED_NONE:
            rc = await(transport, POLLOUT, call, err);
            break;
        case MOVED_FAILED:
            return fail_lost(transport, why, err);
        }
    }
    return rc;
}

static enum moved
receive_some(redis_transport *transport, void *room, size_t size, size_t *n,
    const char **why)
{
    if (transport->tls) {
        CURLcode code = curl_easy_recv(transport->curl, room, size, n);

        *why = code == CURLE_OK ? "the server closed it"
                                : curl_easy_strerror(code);
        if (code == CURLE_AGAIN)
            return MOVED_NONE;
        return code == CURLE_OK && *n > 0 ? MOVED_SOME : MOVED_FAILED;
    } else {
        ssize_t got = recv(transport->socket, room, size, MSG_DONTWAIT);

        *why = "the server closed it";
        if (got < 0 &&
            (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return MOVED_NONE;
        *n = got < 0 ? 0 : (size_t)got;
        return got > 0 ? MOVED_SOME : MOVED_FAILED;
    }
}

larder_status
redis_transport_receive(redis_transport *transport, const larder_call *call,
    void *room, size_t size, size_t *received, larder_error *err)
{
    larder_status rc = LARDER_OK;

    /* In clear it is rarely there already: wait first, one call fewer. */
    if (!transport->tls)
        rc = await(transport, POLLIN, call, err);
    while (rc == LARDER_OK) {
        const char *why = "";

        switch (receive_some(transport, room, size, received, &why)) {
        case MOVED_SOME:
            return LARDER_OK;
        case MOVED_NONE:
            rc = await(transport, POLLIN, call, err);
            break;
        case MOVED_FAILED:
            return fail_lost(transport, why, err);
        }
    }
    return rc;
}
