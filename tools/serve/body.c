/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - the members of a request's body, one after the other.
 */
#include "serve/body.h"

#include <string.h>

#include "serve/value.h"

static larder_status
fail_json(struct request *request, const ldr_json *json, larder_error *err)
{
    const char *text = json->text.data;
    unsigned line = 1, column = 1;

    for (size_t i = 0; i < json->at && i < json->text.size; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    larder_fail(err, LARDER_INVALID,
        "the body is not JSON: line %u, column %u: %s", line, column,
        json->message == NULL ? "more follows it" : json->message);
    request_fail_body(request, NULL, err);
    return LARDER_INVALID;
}

larder_status
body_fail(struct request *request, const char *member, larder_error *err,
    const char *what)
{
    larder_fail(err, LARDER_INVALID, "'%s' %s", member, what);
    request_fail_body(request, member, err);
    return LARDER_INVALID;
}

static larder_status
take_member(struct request *request, struct member *members, larder_bytes name,
    ldr_json *json, larder_error *err)
{
    ldr_json_kind kind = ldr_json_next(json);
    struct member *member = members;
    larder_bytes value;

    if (!ldr_json_skip(json, kind, &value))
        return fail_json(request, json, err);
    while (member->name != NULL &&
           (strlen(member->name) != name.size ||
               memcmp(member->name, name.data, name.size) != 0))
        member++;
    if (member->name == NULL)
        return LARDER_OK;
    if (kind == LDR_JSON_NULL) {
        member->value = (larder_bytes){0};
        return LARDER_OK;
    }
    if ((member->kinds & 1u << kind) == 0)
        return body_fail(request, member->name, err, member->what);
    member->value = value;
    return LARDER_OK;
}

static larder_status
check_required(
    struct request *request, const struct member *members, larder_error *err)
{
    for (; members->name != NULL; members++) {
        if (!members->required || members->value.size > 0)
            continue;
        larder_fail(err, LARDER_INVALID, "'%s' is missing: it %s",
            members->name, members->what);
        request_fail_body(request, members->name, err);
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

larder_status
body_read(struct request *request, struct member *members, larder_error *err)
{
    char room[BODY_NAME_ROOM];
    larder_bytes name;
    ldr_json json;
    ldr_json_kind kind;
    larder_status rc = LARDER_OK;

    ldr_json_start(
        &json, (larder_bytes){request->body.text, request->body.size});
    kind = ldr_json_next(&json);
    if (kind == LDR_JSON_ERROR || kind == LDR_JSON_END)
        return fail_json(request, &json, err);
    if (kind != LDR_JSON_OBJECT) {
        larder_fail(err, LARDER_INVALID, "the body is an object of JSON");
        request_fail_body(request, NULL, err);
        return LARDER_INVALID;
    }
    while ((kind = ldr_json_next(&json)) == LDR_JSON_NAME) {
        if (!value_text(json.token, room, sizeof room, &name))
            name = (larder_bytes){"", 0};
        LARDER_TRY(take_member(request, members, name, &json, err));
    }
    if (kind == LDR_JSON_ERROR || ldr_json_next(&json) != LDR_JSON_END)
        return fail_json(request, &json, err);
    LARDER_TRY(check_required(request, members, err));
out:
    return rc;
}

larder_status
body_text(struct request *request, const struct member *member,
    char text[BODY_NAME_ROOM], larder_error *err)
{
    char room[BODY_NAME_ROOM];
    larder_bytes value;

    if (!value_text(member->value, room, sizeof room, &value) ||
        value.size >= BODY_NAME_ROOM || value.size == 0)
        return body_fail(
            request, member->name, err, "is a text of 1 to 511 bytes");
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return LARDER_OK;
}

larder_status
body_time(struct request *request, const struct member *member,
    larder_time *out, larder_error *err)
{
    char text[BODY_NAME_ROOM];
    larder_status rc;

    LARDER_TRY(body_text(request, member, text, err));
    rc = larder_time_parse((larder_bytes){text, strlen(text)}, 0, out, err);
    if (rc != LARDER_OK) {
        larder_context(err, "'%s'", member->name);
        request_fail_body(request, member->name, err);
    }
out:
    return rc;
}
