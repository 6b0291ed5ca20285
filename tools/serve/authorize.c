/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorize.c - who may ask what: writes need a token with their scope, and so
 * do reads that come from elsewhere.
 */
#include "serve/authorize.h"

#include "serve/route.h"

static void
refuse(struct request *request, unsigned status, const char *code,
    const char *words, const char *hint)
{
    struct fault fault = {.status = status, .code = code};
    larder_error err = {0};

    larder_fail(&err, LARDER_INVALID, "%s", words);
    larder_hint(&err, "%s", hint);
    request_fail(request, &fault, &err);
}

bool
authorize_request(
    struct serve *serve, struct request *request, const char *authorization)
{
    enum scope scope = request->route->scope;

    if (scope == SCOPE_NONE || (scope == SCOPE_READ && serve->open_reads))
        return true;
    (void)authorization;
    refuse(request, 401, "UNAUTHENTICATED", "a token is needed",
        "send 'Authorization: Bearer TOKEN'; 'larder token new' makes one");
    return false;
}

bool
authorize_view(const struct request *request, const char *view)
{
    (void)request;
    (void)view;
    return true;
}
