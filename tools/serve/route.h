/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - the table of routes: which handler, for whom, and what to say of it
 * in /openapi.json.
 */
#ifndef SERVE_ROUTE_H
#define SERVE_ROUTE_H

#include "serve/serve.h"

enum scope {
    SCOPE_NONE,
    SCOPE_READ,
    SCOPE_PUSH,
    SCOPE_MATERIALIZE,
    SCOPE_APPLY,
    SCOPE_ADMIN
};

/* Where a request is answered. */
enum place {
    PLACE_HERE,   /* on the thread that received it */
    PLACE_ONLINE, /* there too, where the online store is local; else by a
                     worker */
    PLACE_WORKER
};

struct route {
    const char *method, *path; /* "/entities/{name}": one name at the end */
    enum scope scope;
    enum place place;
    enum dialect dialect;
    bool big;  /* its body may be that of a write */
    bool slow; /* it has the time of a write */
    /* May fail without having answered: then the status says how. */
    larder_status (*handle)(
        struct worker *worker, struct request *request, larder_error *err);
    /* Of answer_operation: an operation of the command, which answers what it
     * prints under -o json. Its first word is `word` (NULL: none), the next the
     * name in the path; of its parameters those in `query` may be given. */
    const struct operation *operation;
    const char *word;
    const char *const *query;
    bool of_view; /* the name is a feature view's */
    /* For /openapi.json. */
    const char *id, *summary;
    const char *body, *answer; /* names of schemas there; NULL: none */
};

/* The last has no path. */
extern const struct route routes[];

/* The route of a request, and the name in its path. NULL: no such path; or,
 * with *allowed set to "GET, POST", not with this method. */
const struct route *route_find(const char *method, const char *path,
    larder_bytes *name, const char **allowed);

/* The handlers. */
larder_status answer_features(
    struct worker *, struct request *, larder_error *);
larder_status answer_push(struct worker *, struct request *, larder_error *);
larder_status answer_write(struct worker *, struct request *, larder_error *);
larder_status answer_materialize(
    struct worker *, struct request *, larder_error *);
larder_status answer_materialize_incremental(
    struct worker *, struct request *, larder_error *);
larder_status answer_run(struct worker *, struct request *, larder_error *);
larder_status answer_operation(
    struct worker *, struct request *, larder_error *);
larder_status answer_openapi(struct worker *, struct request *, larder_error *);
larder_status answer_docs(struct worker *, struct request *, larder_error *);
larder_status answer_metrics(struct worker *, struct request *, larder_error *);
larder_status answer_health(struct worker *, struct request *, larder_error *);

#endif
