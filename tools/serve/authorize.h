/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorize.h - who may ask what.
 */
#ifndef SERVE_AUTHORIZE_H
#define SERVE_AUTHORIZE_H

#include "serve/serve.h"

/* May this request be made at all? Else it is answered. Its route is known, its
 * body is not read yet. */
bool authorize_request(
    struct serve *serve, struct request *request, const char *authorization);
/* May it concern this feature view? Of handlers, when they know the names. */
bool authorize_view(const struct request *request, const char *view);

#endif
