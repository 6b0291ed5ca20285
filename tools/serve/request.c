/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - answers that are errors.
 *
 * On Feast's routes a failure is what its client takes apart: a JSON string
 * that holds JSON, naming the exception it raises; faults of the body are what
 * FastAPI says of them. Elsewhere it is the object that the command prints.
 * Every one has a code, words, and what would be right.
 */
#include "serve/request.h"

#include <microhttpd.h>
#include <string.h>

#include "serve/route.h"

#define RETRY_SECONDS 1u

static struct fault
fault_of(larder_status status)
{
    const char *code = larder_status_name(status);

    switch (status) {
    case LARDER_NOT_FOUND:
        return (struct fault){404, code, "builtins", "LookupError"};
    case LARDER_CONFLICT:
        return (struct fault){409, code, "builtins", "RuntimeError"};
    case LARDER_BUSY:
    case LARDER_UNAVAILABLE:
    case LARDER_INTERRUPTED:
    case LARDER_NOMEM:
        return (struct fault){503, code, "builtins", "ConnectionError"};
    case LARDER_DEADLINE:
        return (struct fault){504, code, "builtins", "TimeoutError"};
    case LARDER_LIMIT:
        return (struct fault){413, code, "builtins", "ValueError"};
    case LARDER_CORRUPT:
    case LARDER_IO:
        return (struct fault){500, code, "builtins", "RuntimeError"};
    case LARDER_OK:
    case LARDER_INVALID:
    case LARDER_UNSUPPORTED:
        break;
    }
    return (struct fault){422, code, "builtins", "ValueError"};
}

/* {"message": ..., "hint": ..., "request_id": ...}, without its braces. */
static void
write_words(
    struct out *out, const struct request *request, const larder_error *err)
{
    out_text(out, "\"message\": ");
    out_name(out, err->message);
    if (err->hint[0] != '\0') {
        out_text(out, ", \"hint\": ");
        out_name(out, err->hint);
    }
    if (err->file[0] != '\0') {
        out_text(out, ", \"file\": ");
        out_name(out, err->file);
        out_format(
            out, ", \"line\": %u, \"column\": %u", err->line, err->column);
    }
    out_format(
        out, ", \"request_id\": \"%016llx\"", (unsigned long long)request->id);
}

/* For the log: what went wrong, and what would be right. */
static void
keep_words(struct request *request, const larder_error *err)
{
    request->words.size = 0;
    out_text(&request->words, err->message);
    if (err->hint[0] != '\0')
        out_format(&request->words, " (%s)", err->hint);
}

static void
write_feast(
    struct request *request, const struct fault *fault, const larder_error *err)
{
    struct out inner = {0};

    out_format(&inner,
        "{\"module\": \"%s\", \"class\": \"%s\", \"code\": \"%s\", ",
        fault->module, fault->name, fault->code);
    write_words(&inner, request, err);
    out_text(&inner, "}");
    out_string(&request->answer, (larder_bytes){inner.text, inner.size});
    request->answer.failed |= inner.failed;
    out_release(&inner);
}

static void
write_plain(
    struct request *request, const struct fault *fault, const larder_error *err)
{
    struct out *out = &request->answer;

    out_format(out, "{\"error\": {\"code\": \"%s\", ", fault->code);
    write_words(out, request, err);
    out_text(out, "}, \"detail\": ");
    out_name(out, err->message);
    out_text(out, "}");
}

void
request_fail(
    struct request *request, const struct fault *fault, const larder_error *err)
{
    bool feast = request->route != NULL &&
                 request->route->dialect == DIALECT_FEAST &&
                 fault->module != NULL;

    request->answer.size = 0;
    request->status = fault->status;
    request->type = NULL;
    if (fault->status == 429 || fault->status == 503)
        request->retry_after = RETRY_SECONDS;
    keep_words(request, err);
    (feast ? write_feast : write_plain)(request, fault, err);
}

void
request_fail_as(
    struct request *request, larder_status status, const larder_error *err)
{
    struct fault fault = fault_of(status);

    request_fail(request, &fault, err);
}

void
request_fail_feast(struct request *request, unsigned status, const char *name,
    const larder_error *err)
{
    struct fault fault = {
        status, larder_status_name(err->status), "feast.errors", name};

    request_fail(request, &fault, err);
}

void
request_fail_details(
    struct request *request, larder_bytes details, const larder_error *err)
{
    struct out *out = &request->answer;

    if (request->route == NULL || request->route->dialect != DIALECT_FEAST) {
        request_fail_as(request, LARDER_INVALID, err);
        return;
    }
    keep_words(request, err);
    out->size = 0;
    request->status = 422;
    request->type = NULL;
    out_text(out, "{\"detail\": [");
    out_bytes(out, details.data, details.size);
    out_text(out, "], \"error\": {\"code\": \"INVALID\", ");
    write_words(out, request, err);
    out_text(out, "}}");
}

void
request_fail_body(
    struct request *request, const char *where, const larder_error *err)
{
    struct out detail = {0};

    out_text(&detail, "{\"type\": \"value_error\", \"loc\": [\"body\"");
    if (where != NULL) {
        out_text(&detail, ", ");
        out_name(&detail, where);
    }
    out_text(&detail, "], \"msg\": ");
    out_name(&detail, err->message);
    out_text(&detail, "}");
    request_fail_details(
        request, (larder_bytes){detail.text, detail.size}, err);
    request->answer.failed |= detail.failed;
    out_release(&detail);
}

const char *
request_query(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(
        request->connection, MHD_GET_ARGUMENT_KIND, name);
}
