/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorize.h - who may ask what.
 */
#ifndef SERVE_AUTHORIZE_H
#define SERVE_AUTHORIZE_H

#include "serve/serve.h"

larder_status authorize_open(struct serve *serve, larder_error *err);
void authorize_close(struct serve *serve);
/* May this request be made at all? Else it is answered. Its route is known, its
 * body is not read yet. */
bool authorize_request(
    struct serve *serve, struct request *request, const char *authorization);
/* May it concern this feature view, or source? Else it is answered: of
 * handlers, when they know the names, before they act. */
bool authorize_view(struct request *request, const char *view);

#endif
