/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - requests in, answers out, on libmicrohttpd.
 *
 * Each daemon has a thread, a listening socket and a worker of its own, so a
 * request that is answered here touches nothing that another thread touches.
 * A request's memory is taken from its daemon's spare ones, and lent to the
 * library until the answer is sent: nothing is copied.
 *
 * The library answers what it cannot read as HTTP by itself. All else is judged
 * here before the body: its lengths, host, size, route, token.
 */
#include "serve/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "serve/authorize.h"
#include "serve/listen.h"
#include "serve/log.h"
#include "serve/metrics.h"
#include "serve/pool.h"
#include "serve/route.h"
#include "serve/tls.h"
#include "serve/token.h"
#include "serve/watch.h"

#define DAEMONS_MAX 64u
#define SPARE_BYTES (256u << 10) /* a spare request keeps no more */
/* Beyond our own limits of lines and headers, so that we meet them first; not
 * more, since the library clears all of it for every request. */
#define HEAD_MEMORY (32u << 10)

struct daemon {
    struct http *http;
    struct MHD_Daemon *mhd;
    struct worker worker;
    struct request *spare;
    struct watch watch;
};

struct http {
    struct serve *serve;
    char url[LISTEN_URL_ROOM];
    struct daemon daemons[DAEMONS_MAX];
    atomic_uint n_daemons; /* started; they look at one another */
    atomic_uint n_busy, n_connections;
};

/* ----------------------------------------------------------------- requests */

static struct request *
begin_request(struct daemon *daemon, struct MHD_Connection *connection)
{
    struct request *request = daemon->spare;
    struct serve *serve = daemon->http->serve;

    if (request != NULL)
        daemon->spare = request->next;
    else
        request = calloc(1, sizeof *request);
    if (request == NULL)
        return NULL;
    *request = (struct request){.connection = connection,
        .body = request->body,
        .answer = request->answer,
        .words = request->words,
        .subjects = request->subjects,
        .id = atomic_fetch_add(&serve->n_requests, 1),
        .began = serve->run->call.monotonic()};
    request->body.size = request->answer.size = request->words.size = 0;
    request->subjects.size = 0;
    request->body.failed = request->answer.failed = false;
    atomic_fetch_add(&daemon->http->n_busy, 1);
    return request;
}

static void
end_request(struct daemon *daemon, struct request *request)
{
    if (request->body.room > SPARE_BYTES)
        out_release(&request->body);
    if (request->answer.room > SPARE_BYTES)
        out_release(&request->answer);
    token_release(request->token);
    request->token = NULL;
    request->next = daemon->spare;
    daemon->spare = request;
    atomic_fetch_sub(&daemon->http->n_busy, 1);
}

/* ------------------------------------------------------------------ judging */

static void refuse(struct request *request, unsigned status, const char *code,
    const char *hint, const char *format, ...) LARDER_PRINTF(5, 6);

static void
refuse(struct request *request, unsigned status, const char *code,
    const char *hint, const char *format, ...)
{
    struct fault fault = {.status = status, .code = code};
    larder_error err = {0};
    char words[sizeof err.message];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    larder_fail(&err, LARDER_INVALID, "%s", words);
    if (hint != NULL)
        larder_hint(&err, "%s", hint);
    request_fail(request, &fault, &err);
}

struct head {
    size_t n, bytes;
    unsigned n_lengths, n_encodings;
    const char *length, *encoding, *host, *authorization;
    unsigned n_authorizations;
};

static enum MHD_Result
take_header(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct head *head = context;

    (void)kind;
    value = value == NULL ? "" : value;
    head->n++;
    head->bytes += strlen(name) + strlen(value) + 4;
    if (strcasecmp(name, "Content-Length") == 0) {
        head->n_lengths++;
        head->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        head->n_encodings++;
        head->encoding = value;
    } else if (strcasecmp(name, "Host") == 0) {
        head->host = value;
    } else if (strcasecmp(name, "Authorization") == 0) {
        head->n_authorizations++;
        head->authorization = value;
    }
    return MHD_YES;
}

/* Two readings of where a body ends are how requests are smuggled. */
static bool
judge_lengths(struct request *request, const struct head *head, size_t limit)
{
    unsigned long long length = 0;

    if (head->n_lengths + head->n_encodings > 1)
        refuse(request, 400, "INVALID", NULL,
            "the request says twice how long it is");
    else if (head->n_encodings == 1 &&
             strcasecmp(head->encoding, "chunked") != 0)
        refuse(request, 501, "UNSUPPORTED", "send it as it is, or chunked",
            "the transfer encoding '%.40s' is not known", head->encoding);
    if (head->n_lengths == 1 && request->status == 0)
        length = strtoull(head->length, NULL, 10);
    if (length > limit)
        refuse(request, 413, "LIMIT", NULL,
            "the body is longer than max_body_bytes (%zu)", limit);
    request->close = request->status != 0;
    return !request->close;
}

/* "localhost:6566" names localhost. */
static bool
names_host(const char *host, const char *allowed)
{
    const char *colon = strrchr(host, ':');
    size_t size = strlen(host);

    if (colon != NULL && strchr(colon, ']') == NULL)
        size = (size_t)(colon - host);
    return strlen(allowed) == size && strncasecmp(host, allowed, size) == 0;
}

/* A page of a browser that made its own name point here must not read. */
static bool
judge_host(const struct serve *serve, struct request *request, const char *host)
{
    if (serve->hosts == NULL || host == NULL)
        return true;
    for (size_t i = 0; serve->hosts[i] != NULL; i++)
        if (names_host(host, serve->hosts[i]))
            return true;
    refuse(request, 421, "INVALID", "--allow-host allows more names",
        "the request is for host '%.80s', which is not served here", host);
    return false;
}

static bool
judge_head(const struct serve *serve, struct request *request,
    const struct head *head, const char *url)
{
    const struct serve_limits *limits = &serve->limits;

    if (strlen(url) > limits->line_bytes)
        refuse(request, 414, "LIMIT", NULL,
            "the path is longer than max_line_bytes (%zu)", limits->line_bytes);
    else if (head->n > limits->headers)
        refuse(request, 431, "LIMIT", NULL,
            "%zu headers are more than max_headers (%zu)", head->n,
            limits->headers);
    else if (head->bytes > limits->header_bytes)
        refuse(request, 431, "LIMIT", NULL,
            "the headers are longer than max_header_bytes (%zu)",
            limits->header_bytes);
    return request->status == 0;
}

static bool
judge_route(struct request *request, const char *method, const char *url)
{
    const char *allowed;

    request->route = route_find(method, url, &request->name, &allowed);
    if (request->route == NULL && allowed != NULL)
        refuse(request, 405, "USAGE", NULL,
            "Method Not Allowed: %.40s is asked with %s", url, allowed);
    else if (request->route == NULL)
        refuse(request, 404, "NOT_FOUND", "/openapi.json lists the paths",
            "Not Found: there is no %.120s", url);
    return request->route != NULL;
}

static size_t
body_limit(const struct serve *serve, const struct request *request)
{
    return request->route != NULL && request->route->big
               ? serve->limits.push_body_bytes
               : serve->limits.body_bytes;
}

static bool
judge_load(struct daemon *daemon, struct request *request,
    const struct watched *watched)
{
    const struct serve_limits *limits = &daemon->http->serve->limits;

    if (atomic_load(&daemon->http->n_connections) > limits->connections)
        refuse(request, 503, "LIMIT", "try again",
            "more connections than max_connections (%u)", limits->connections);
    else if (watched != NULL && watched->over)
        refuse(request, 429, "LIMIT", "use connections again",
            "more connections from your address than "
            "max_connections_per_address (%u)",
            limits->connections_per_address);
    request->close = request->status != 0;
    return !request->close;
}

/* All that is known before the body. */
static void
judge(struct daemon *daemon, struct request *request, const char *method,
    const char *url, const struct watched *watched)
{
    struct serve *serve = daemon->http->serve;
    struct head head = {0};

    MHD_get_connection_values(
        request->connection, MHD_HEADER_KIND, take_header, &head);
    if (!judge_load(daemon, request, watched) ||
        !judge_head(serve, request, &head, url) ||
        !judge_host(serve, request, head.host) ||
        !judge_route(request, method, url) ||
        !judge_lengths(request, &head, body_limit(serve, request)))
        return;
    if (head.n_authorizations > 1) {
        refuse(request, 400, "INVALID", NULL, "two Authorization headers");
        return;
    }
    (void)authorize_request(serve, request, head.authorization);
}

/* ---------------------------------------------------------------- answering */

static struct watched *
watched_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

static void
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static enum MHD_Result
send_answer(struct daemon *daemon, struct request *request, const char *method,
    const char *url)
{
    struct serve *serve = daemon->http->serve;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        request->answer.size, request->answer.text, MHD_RESPMEM_PERSISTENT);
    const char *type =
        request->type == NULL ? "application/json" : request->type;
    enum MHD_Result rc;
    char number[24];

    if (response == NULL)
        return MHD_NO;
    if (type[0] != '\0')
        add_header(response, "Content-Type", type);
    if (request->retry_after > 0) {
        snprintf(number, sizeof number, "%u", request->retry_after);
        add_header(response, "Retry-After", number);
    }
    if (request->status == 401)
        add_header(response, "WWW-Authenticate", "Bearer");
    if (request->close || atomic_load(&serve->draining))
        add_header(response, "Connection", "close");
    watch_set(&daemon->watch, watched_of(request->connection), WATCH_WRITE);
    rc = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    log_request(serve, request, method, url);
    return rc;
}

static void
take_body(struct daemon *daemon, struct request *request, const char *bytes,
    size_t size)
{
    size_t limit = body_limit(daemon->http->serve, request);

    if (request->status != 0)
        return;
    if (size > limit - request->body.size) {
        request->body.size = 0;
        refuse(request, 413, "LIMIT", NULL,
            "the body is longer than max_body_bytes (%zu)", limit);
        return;
    }
    out_bytes(&request->body, bytes, size);
    if (request->body.failed)
        refuse(request, 503, "NOMEM", NULL, "no memory for the body");
}

/* Its thread was told: the answer goes out from there. */
static void
go_on(struct request *request)
{
    MHD_resume_connection(request->connection);
}

static bool
is_answered_here(const struct serve *serve, const struct request *request)
{
    return request->route->place == PLACE_HERE ||
           (request->route->place == PLACE_ONLINE && serve->local);
}

static enum MHD_Result
answer(struct daemon *daemon, struct request *request, const char *method,
    const char *url)
{
    struct serve *serve = daemon->http->serve;

    if (request->status == 0 && is_answered_here(serve, request)) {
        worker_answer(&daemon->worker, request);
    } else if (request->status == 0) {
        MHD_suspend_connection(request->connection);
        if (pool_add(serve->pool, request))
            return MHD_YES;
        if (atomic_load(&serve->draining))
            refuse(
                request, 503, "UNAVAILABLE", "try again", "the server stops");
        else
            refuse(request, 503, "LIMIT", "try again",
                "more requests than max_waiting (%u) wait",
                serve->limits.waiting);
        MHD_resume_connection(request->connection);
        return MHD_YES;
    }
    return send_answer(daemon, request, method, url);
}

/* ------------------------------------------------------ called by the library
 */

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *n_upload, void **slot)
{
    struct daemon *daemon = context;
    struct request *request = *slot;
    struct watched *watched = watched_of(connection);

    (void)version;
    if (request == NULL) {
        request = *slot = begin_request(daemon, connection);
        if (request == NULL)
            return MHD_NO;
        watch_set(&daemon->watch, watched, WATCH_BODY);
        judge(daemon, request, method, url, watched);
        /* Answered now where its end cannot be known or must not come; else at
         * a later call, which is five times as fast, and keeps the connection.
         */
        return request->close ? send_answer(daemon, request, method, url)
                              : MHD_YES;
    }
    if (*n_upload > 0) {
        take_body(daemon, request, upload, *n_upload);
        *n_upload = 0;
        return MHD_YES;
    }
    watch_set(&daemon->watch, watched, WATCH_ANSWER);
    return answer(daemon, request, method, url);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **slot,
    enum MHD_RequestTerminationCode why)
{
    struct daemon *daemon = context;

    (void)why;
    if (*slot != NULL) {
        metrics_count(daemon->http->serve, daemon->worker.shard, *slot);
        end_request(daemon, *slot);
    }
    *slot = NULL;
    watch_set(&daemon->watch, watched_of(connection), WATCH_IDLE);
}

static void
on_connection(void *context, struct MHD_Connection *connection, void **slot,
    enum MHD_ConnectionNotificationCode what)
{
    struct daemon *daemon = context;
    struct http *http = daemon->http;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        watch_remove(&daemon->watch, *slot);
        *slot = NULL;
        atomic_fetch_sub(&http->n_connections, 1);
        return;
    }
    atomic_fetch_add(&http->n_connections, 1);
    *slot = watch_add(&daemon->watch, connection);
    if (*slot != NULL) {
        unsigned n = 0, n_daemons = atomic_load(&http->n_daemons);

        for (unsigned i = 0; i < n_daemons; i++)
            n += watch_count(&http->daemons[i].watch, *slot);
        ((struct watched *)*slot)->over =
            n > http->serve->limits.connections_per_address;
    }
}

/* A NUL would end the path before its end: such a text stays as it is. */
static size_t
on_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strstr(text, "%00") == NULL ? MHD_http_unescape(text) : strlen(text);
}

/* --------------------------------------------------------- opening, closing */

static larder_status
start_daemon(struct http *http, unsigned i, int fd, larder_error *err)
{
    struct daemon *daemon = &http->daemons[i];
    /* One more than we allow is told so; many more are not even taken. */
    unsigned room = http->serve->limits.connections + 64;
    struct MHD_OptionItem options[] = {{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)room, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MEMORY, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)on_escaped, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, daemon},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, daemon},
        {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_TURBO;

    daemon->http = http;
    worker_open(&daemon->worker, http->serve, i);
    watch_open(&daemon->watch, http->serve);
    if (http->serve->tls != NULL) {
        flags |= MHD_USE_TLS;
        options[5] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tls_callback()};
        options[6] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_versions()};
    }
    daemon->mhd = MHD_start_daemon(flags, 0, NULL, NULL, on_request, daemon,
        MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (daemon->mhd != NULL)
        return LARDER_OK;
    worker_close(&daemon->worker);
    watch_close(&daemon->watch);
    close(fd);
    return larder_fail(
        err, LARDER_IO, "%s: the server cannot be started", http->url);
}

larder_status
http_open(struct serve *serve, const char *address, struct http **out,
    larder_error *err)
{
    struct http *http = calloc(1, sizeof *http);
    unsigned n =
        serve->n_daemons < DAEMONS_MAX ? serve->n_daemons : DAEMONS_MAX;
    int fds[DAEMONS_MAX];
    larder_status rc;

    if (http == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the server");
    http->serve = serve;
    rc = listen_open(address, serve->tls != NULL, n, fds, http->url, err);
    if (rc == LARDER_OK)
        rc = pool_open(serve, n, go_on, &serve->pool, err);
    else
        n = 0;
    for (unsigned i = 0; i < n; i++) {
        if (rc == LARDER_OK)
            rc = start_daemon(http, i, fds[i], err);
        else
            close(fds[i]);
        if (rc == LARDER_OK)
            atomic_fetch_add(&http->n_daemons, 1);
    }
    if (rc != LARDER_OK)
        http_close(http);
    else
        *out = http;
    return rc;
}

void
http_look(struct http *http)
{
    for (unsigned i = 0; i < http->n_daemons; i++)
        watch_look(&http->daemons[i].watch);
}

const char *
http_url(const struct http *http)
{
    return http->url;
}

void
http_drain(struct http *http)
{
    for (unsigned i = 0; i < http->n_daemons; i++) {
        MHD_socket fd = MHD_quiesce_daemon(http->daemons[i].mhd);

        if (fd != MHD_INVALID_SOCKET)
            close(fd);
    }
    if (strncmp(http->url, "unix:", 5) == 0)
        unlink(http->url + 5);
}

unsigned
http_busy(const struct http *http)
{
    return atomic_load(&http->n_busy);
}

void
http_close(struct http *http)
{
    if (http == NULL)
        return;
    /* Workers first: what they answer goes on, and none is suspended then. A
     * connection that was kept may still ask: there is a pool to refuse it. */
    pool_stop(http->serve->pool);
    for (unsigned i = 0; i < http->n_daemons; i++) {
        struct daemon *daemon = &http->daemons[i];

        MHD_stop_daemon(daemon->mhd);
        watch_close(&daemon->watch);
        worker_close(&daemon->worker);
        while (daemon->spare != NULL) {
            struct request *request = daemon->spare;

            daemon->spare = request->next;
            out_release(&request->body);
            out_release(&request->answer);
            out_release(&request->words);
            out_release(&request->subjects);
            free(request);
        }
    }
    pool_close(http->serve->pool);
    http->serve->pool = NULL;
    free(http);
}
