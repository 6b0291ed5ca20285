/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - one request: what came, and what it is answered with.
 *
 * Belongs to one thread at a time: the one that receives it, then perhaps a
 * worker, then the first again. Its memory is used again for later ones.
 */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include "serve/out.h"

struct MHD_Connection;
struct route;
struct token;

struct request {
    struct MHD_Connection *connection;
    const struct route *route; /* NULL: none matched */
    larder_bytes name;         /* what the path names: /entities/NAME */
    uint64_t id;
    int64_t began;   /* monotonic */
    const char *who; /* id of its token; NULL: none was given, nor needed */
    const struct token *token; /* held until the request is answered */
    struct out body;
    bool too_big; /* the body was: it is not kept */
    /* The answer. */
    unsigned status;      /* 0: not answered yet */
    const char *type;     /* NULL: JSON */
    unsigned retry_after; /* seconds; 0: not said */
    bool close;           /* the connection, after the answer */
    struct out answer;
    struct out words; /* of an error, for the log */
    /* For the audit of writes: JSON texts of what it concerns (authorize_view()
     * adds them), and how many rows were written. */
    struct out subjects;
    uint64_t n_rows;
    uint64_t n_presences[4]; /* values read, by larder_presence */
    /* Facts for metrics and log. */
    uint64_t n_entities, n_features, n_views;
    struct request *next; /* in a list of unused ones, or the queue */
};

/* How errors look on a route: as Feast's server and its client have them, or as
 * the command prints them. */
enum dialect { DIALECT_FEAST, DIALECT_LARDER };

/* What the fault was, where a status alone does not say. */
struct fault {
    unsigned status;    /* of HTTP */
    const char *code;   /* "INVALID" */
    const char *module; /* what a Feast client raises; NULL: by status */
    const char *name;
};

/* Answer with an error. */
void request_fail(struct request *request, const struct fault *fault,
    const larder_error *err);
/* The same of a status of the library. */
void request_fail_as(
    struct request *request, larder_status status, const larder_error *err);
/* One of Feast's own exceptions, by its class ("FeatureViewNotFoundException").
 */
void request_fail_feast(struct request *request, unsigned status,
    const char *name, const larder_error *err);
/* What FastAPI says of a body that is not what it should be: where ("entities",
 * or NULL: the whole body) and what. */
void request_fail_body(
    struct request *request, const char *where, const larder_error *err);
/* The same of many faults: `details` as FastAPI lists them, without brackets.
 */
void request_fail_details(
    struct request *request, larder_bytes details, const larder_error *err);
/* An argument behind '?', or NULL. */
const char *request_query(const struct request *request, const char *name);

#endif
