/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorize.c - who may ask what: writes need a token with their scope, and so
 * do reads that come from elsewhere.
 *
 * A token that is sent counts also where none is needed: one that is unknown is
 * refused, and a known one allows what it says and no more. Who sends unknown
 * ones too often is told to wait. Known ones are not held up by that, since 256
 * random bits are not found by trying, and an address may be that of many.
 */
#include "serve/authorize.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "serve/audit.h"
#include "serve/route.h"
#include "serve/token.h"
#include "serve/watch.h"

#define N_SLOTS 1024u
#define ATTEMPTS_MAX 20u
#define SUBJECTS_MAX 4096u
#define WINDOW_US (60 * LDR_SECOND)

/* Unknown tokens of late, by address. Addresses that share a slot share its
 * count, so the table never grows. */
struct attempts {
    pthread_mutex_t lock;
    struct {
        int64_t since;
        unsigned n;
    } slots[N_SLOTS];
};

larder_status
authorize_open(struct serve *serve, larder_error *err)
{
    serve->attempts = calloc(1, sizeof *serve->attempts);
    if (serve->attempts == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for the server");
    pthread_mutex_init(&serve->attempts->lock, NULL);
    return LARDER_OK;
}

void
authorize_close(struct serve *serve)
{
    if (serve->attempts == NULL)
        return;
    pthread_mutex_destroy(&serve->attempts->lock);
    free(serve->attempts);
    serve->attempts = NULL;
}

static void
refuse(struct request *request, const struct fault *fault, const char *words,
    const char *hint)
{
    larder_error err = {0};

    larder_fail(&err, LARDER_INVALID, "%s", words);
    larder_hint(&err, "%s", hint);
    request_fail(request, fault, &err);
}

/* FNV-1a; of an IPv6 address the half that names its network. */
static size_t
slot_of(const struct request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const struct watched *watched = info == NULL ? NULL : info->socket_context;
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; watched != NULL && i < 8; i++)
        hash = (hash ^ watched->address[i]) * 1099511628211u;
    return hash % N_SLOTS;
}

/* One more of this address: the seconds to wait, or 0. */
static unsigned
count_attempt(struct serve *serve, const struct request *request)
{
    struct attempts *attempts = serve->attempts;
    int64_t now = serve->run->call.monotonic(), over;
    size_t slot = slot_of(request);
    unsigned n;

    pthread_mutex_lock(&attempts->lock);
    if (attempts->slots[slot].n == 0 ||
        now - attempts->slots[slot].since > WINDOW_US) {
        attempts->slots[slot].since = now;
        attempts->slots[slot].n = 0;
    }
    if (attempts->slots[slot].n <= ATTEMPTS_MAX)
        attempts->slots[slot].n++;
    n = attempts->slots[slot].n;
    over = attempts->slots[slot].since + WINDOW_US;
    pthread_mutex_unlock(&attempts->lock);
    return n <= ATTEMPTS_MAX ? 0 : (unsigned)((over - now) / LDR_SECOND) + 1;
}

static void
refuse_unknown(struct serve *serve, struct request *request)
{
    unsigned wait = count_attempt(serve, request);

    if (wait == 0) {
        refuse(request,
            &(struct fault){.status = 401, .code = "UNAUTHENTICATED"},
            "the token is not known",
            "send 'Authorization: Bearer TOKEN' with one that 'larder token "
            "new' made");
        return;
    }
    refuse(request, &(struct fault){.status = 429, .code = "LIMIT"},
        "too many unknown tokens came from your address", "try later");
    request->retry_after = wait;
}

/* The token of "Bearer TOKEN"; empty: it is no such header. */
static larder_bytes
bearer(const char *authorization)
{
    const char *text = authorization;
    size_t size;

    if (strncasecmp(text, "Bearer ", 7) != 0)
        return (larder_bytes){"", 0};
    text += 7;
    text += strspn(text, " ");
    size = strlen(text);
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return (larder_bytes){text, size};
}

bool
authorize_request(
    struct serve *serve, struct request *request, const char *authorization)
{
    enum scope scope = request->route->scope;

    if (authorization == NULL) {
        if (scope == SCOPE_NONE || (scope == SCOPE_READ && serve->open_reads))
            return true;
        refuse(request,
            &(struct fault){.status = 401, .code = "UNAUTHENTICATED"},
            "a token is needed",
            "send 'Authorization: Bearer TOKEN'; 'larder token new' makes one");
        return false;
    }
    if (serve->tokens != NULL)
        request->token = tokens_take(serve->tokens, bearer(authorization));
    if (request->token == NULL) {
        refuse_unknown(serve, request);
        return false;
    }
    request->who = token_id(request->token);
    if (scope == SCOPE_NONE || token_may(request->token, scope))
        return true;
    refuse(request,
        &(struct fault){
            403, "FORBIDDEN", "feast.errors", "FeastPermissionError"},
        "the token has not the scope of this",
        "'larder token new --scope' says what a token may do");
    return false;
}

bool
authorize_view(struct request *request, const char *view)
{
    struct fault fault = {
        403, "FORBIDDEN", "feast.errors", "FeastPermissionError"};
    larder_error err = {0};

    if (audit_concerns(request) && request->subjects.size < SUBJECTS_MAX) {
        out_text(&request->subjects, request->subjects.size == 0 ? "" : ", ");
        out_name(&request->subjects, view);
    }
    if (request->token == NULL ||
        token_covers(request->token, (larder_bytes){view, strlen(view)}))
        return true;
    larder_fail(&err, LARDER_INVALID, "the token is not for '%.100s'", view);
    larder_hint(&err, "'larder token new --views' says which feature views a "
                      "token is for");
    request_fail(request, &fault, &err);
    return false;
}
