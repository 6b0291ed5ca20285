/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - the members of a request's body, one after the other.
 */
#ifndef SERVE_BODY_H
#define SERVE_BODY_H

#include "base/json.h"
#include "serve/request.h"

#define BODY_NAME_ROOM 512

#define BODY_STRING (1u << LDR_JSON_STRING)
#define BODY_OBJECT (1u << LDR_JSON_OBJECT)
#define BODY_ARRAY (1u << LDR_JSON_ARRAY)
#define BODY_BOOL (1u << LDR_JSON_TRUE | 1u << LDR_JSON_FALSE)
#define BODY_NUMBER (1u << LDR_JSON_NUMBER)

/* A member that a route knows. */
struct member {
    const char *name;
    unsigned kinds;   /* of value; null is as if it were left out */
    const char *what; /* it is: "is the name of a push source" */
    bool required;
    larder_bytes value; /* [out] as written; size 0: left out */
};

/* Fill the values of `members`, the last of which has no name; others of the
 * body are passed over. INVALID; then the request is answered. */
larder_status body_read(
    struct request *request, struct member *members, larder_error *err);
/* The text of a member that is one. INVALID, answered. */
larder_status body_text(struct request *request, const struct member *member,
    char text[BODY_NAME_ROOM], larder_error *err);
/* The same of ISO 8601; a naive time is UTC. */
larder_status body_time(struct request *request, const struct member *member,
    larder_time *out, larder_error *err);
/* Answer that a member is wrong. INVALID. */
larder_status body_fail(struct request *request, const char *member,
    larder_error *err, const char *what);

#endif
