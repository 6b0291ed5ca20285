/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi.c - the routes described for programs (/openapi.json) and for people
 * (/docs), from the same table that answers requests.
 *
 * A route of an operation has that operation's parameters, in its own words.
 * The bodies of Feast's routes are written out here.
 */
#include <string.h>

#include "serve/route.h"
#include "serve/token.h"

/* Schemas that routes name; each is JSON. */
static const struct schema {
    const char *name, *text;
} schemas[] = {
    {"Columns",
        "{\"type\": \"object\", \"description\": \"Columns of one length: a "
        "value "
        "for each row.\", \"additionalProperties\": {\"type\": \"array\"}}"},
    {"GetOnlineFeatures",
        "{\"type\": \"object\", \"required\": [\"entities\"], \"properties\": {"
        "\"entities\": {\"$ref\": \"#/components/schemas/Columns\"}, "
        "\"features\": {\"type\": [\"array\", \"null\"], \"items\": {\"type\": "
        "\"string\", \"description\": \"view:feature, or a whole view\"}}, "
        "\"feature_service\": {\"type\": [\"string\", \"null\"], "
        "\"description\": \"instead of features\"}, "
        "\"full_feature_names\": {\"type\": \"boolean\", \"default\": false}, "
        "\"timestamps\": {\"const\": \"iso\", \"description\": \"times as "
        "text; "
        "else whole seconds\"}}}"},
    {"OnlineFeatures",
        "{\"type\": \"object\", \"required\": [\"metadata\", \"results\"], "
        "\"properties\": {\"metadata\": {\"type\": \"object\", \"required\": "
        "[\"feature_names\"], \"properties\": {\"feature_names\": {\"type\": "
        "\"array\", \"items\": {\"type\": \"string\"}}}}, "
        "\"results\": {\"type\": \"array\", \"items\": {\"type\": \"object\", "
        "\"required\": [\"values\", \"statuses\", \"event_timestamps\"], "
        "\"properties\": {\"values\": {\"type\": \"array\"}, \"statuses\": "
        "{\"type\": \"array\", \"items\": {\"enum\": [\"PRESENT\", "
        "\"NULL_VALUE\", \"NOT_FOUND\", \"OUTSIDE_MAX_AGE\"]}}, "
        "\"event_timestamps\": {\"type\": \"array\", \"items\": {\"type\": "
        "\"string\"}}}}}}}"},
    {"Push",
        "{\"type\": \"object\", \"required\": [\"push_source_name\", \"df\"], "
        "\"properties\": {\"push_source_name\": {\"type\": \"string\"}, "
        "\"df\": {\"$ref\": \"#/components/schemas/Columns\"}, "
        "\"to\": {\"enum\": [\"online\", \"offline\", \"online_and_offline\"], "
        "\"default\": \"online\"}}}"},
    {"WriteToOnlineStore",
        "{\"type\": \"object\", \"required\": [\"feature_view_name\", \"df\"], "
        "\"properties\": {\"feature_view_name\": {\"type\": \"string\"}, "
        "\"df\": {\"$ref\": \"#/components/schemas/Columns\"}}}"},
    {"Materialize",
        "{\"type\": \"object\", \"properties\": {"
        "\"start_ts\": {\"type\": [\"string\", \"null\"]}, "
        "\"end_ts\": {\"type\": [\"string\", \"null\"]}, "
        "\"feature_views\": {\"type\": [\"array\", \"null\"], \"items\": "
        "{\"type\": \"string\"}}, "
        "\"disable_event_timestamp\": {\"type\": \"boolean\", \"default\": "
        "false}}}"},
    {"MaterializeIncremental",
        "{\"type\": \"object\", \"required\": [\"end_ts\"], \"properties\": {"
        "\"end_ts\": {\"type\": \"string\"}, "
        "\"feature_views\": {\"type\": [\"array\", \"null\"], \"items\": "
        "{\"type\": \"string\"}}}}"},
    {"Error",
        "{\"type\": \"object\", \"required\": [\"error\"], \"properties\": {"
        "\"error\": {\"type\": \"object\", \"required\": [\"code\", "
        "\"message\"], \"properties\": {\"code\": {\"type\": \"string\"}, "
        "\"message\": {\"type\": \"string\"}, \"hint\": {\"type\": "
        "\"string\"}, "
        "\"request_id\": {\"type\": \"string\"}}}}}"},
    {"FeastError",
        "{\"description\": \"As Feast's server has it: a text that holds JSON "
        "with module, class and message; or what is wrong with the body, under "
        "'detail'.\", \"oneOf\": [{\"type\": \"string\"}, {\"type\": "
        "\"object\"}]}"},
    {NULL, NULL}};

/* ------------------------------------------------------------------ /openapi
 */

static const char *
type_of(const struct param *param)
{
    switch (param->type) {
    case PARAM_FLAG:
        return "{\"type\": \"boolean\"}";
    case PARAM_NUMBER:
    case PARAM_SIZE:
        return "{\"type\": \"integer\", \"minimum\": 0}";
    case PARAM_TIME:
        return "{\"type\": \"string\", \"format\": \"date-time\"}";
    case PARAM_TEXT:
    case PARAM_FILE:
    case PARAM_LIST:
    case PARAM_WORDS:
    case PARAM_CHOICE:
        break;
    }
    return "{\"type\": \"string\"}";
}

static void
write_parameter(struct out *out, const char *in, const char *name,
    const char *help, const char *type)
{
    out_format(out, "{\"in\": \"%s\", \"name\": ", in);
    out_name(out, name);
    out_format(out, ", \"required\": %s, \"description\": ",
        strcmp(in, "path") == 0 ? "true" : "false");
    out_name(out, help);
    out_format(out, ", \"schema\": %s}", type);
}

static const struct param *
param_named(const struct operation *operation, const char *name)
{
    const struct param *param = operation->params;

    while (param->name != NULL && strcmp(param->name, name) != 0)
        param++;
    return param;
}

static void
write_parameters(struct out *out, const struct route *route)
{
    const char *brace = strchr(route->path, '{');
    bool first = true;

    if (brace == NULL && route->query == NULL)
        return;
    out_text(out, ", \"parameters\": [");
    if (brace != NULL) {
        char name[32] = "";

        memcpy(name, brace + 1, strcspn(brace + 1, "}"));
        write_parameter(
            out, "path", name, "which one", "{\"type\": \"string\"}");
        first = false;
    }
    for (const char *const *q = route->query; q != NULL && *q != NULL; q++) {
        const struct param *param = param_named(route->operation, *q);

        out_text(out, first ? "" : ", ");
        write_parameter(out, "query", *q, param->help, type_of(param));
        first = false;
    }
    out_text(out, "]");
}

static void
write_body(struct out *out, const struct route *route)
{
    if (route->body != NULL)
        out_format(out,
            ", \"requestBody\": {\"required\": true, \"content\": "
            "{\"application/json\": {\"schema\": {\"$ref\": "
            "\"#/components/schemas/%s\"}}}}",
            route->body);
}

static void
write_answers(struct out *out, const struct route *route)
{
    out_text(out, ", \"responses\": {\"200\": {\"description\": \"done\"");
    if (route->answer != NULL)
        out_format(out,
            ", \"content\": {\"application/json\": {\"schema\": {\"$ref\": "
            "\"#/components/schemas/%s\"}}}",
            route->answer);
    out_text(out, "}");
    if (route->scope == SCOPE_MATERIALIZE && route->body != NULL)
        out_text(out, ", \"202\": {\"description\": \"begun\"}");
    out_format(out,
        ", \"default\": {\"description\": \"an error, by name\", \"content\": "
        "{\"application/json\": {\"schema\": {\"$ref\": "
        "\"#/components/schemas/%s\"}}}}}",
        route->dialect == DIALECT_FEAST ? "FeastError" : "Error");
}

static void
write_route(struct out *out, const struct route *route)
{
    out_format(out, "{\"operationId\": \"%s\", \"summary\": ", route->id);
    out_name(out, route->summary);
    if (route->operation != NULL) {
        out_text(out, ", \"description\": ");
        out_name(out, route->operation->long_help != NULL
                          ? route->operation->long_help
                          : route->operation->help);
    }
    write_parameters(out, route);
    write_body(out, route);
    write_answers(out, route);
    if (route->scope == SCOPE_NONE)
        out_text(out, ", \"security\": []");
    out_text(out, "}");
}

/* One method a path, or two: routes of a path stand together. */
static void
write_paths(struct out *out)
{
    for (const struct route *route = routes; route->path != NULL; route++) {
        bool same = route > routes && strcmp(route[-1].path, route->path) == 0;

        if (!same && route > routes)
            out_text(out, "},\n");
        if (same)
            out_text(out, ", ");
        else {
            out_name(out, route->path);
            out_text(out, ": {");
        }
        out_format(out,
            "\"%s\": ", strcmp(route->method, "POST") == 0 ? "post" : "get");
        write_route(out, route);
    }
    out_text(out, "}");
}

larder_status
answer_openapi(
    struct worker *worker, struct request *request, larder_error *err)
{
    struct out *out = &request->answer;

    (void)worker;
    (void)err;
    out_format(out,
        "{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"Larder\", "
        "\"version\": \"%s\", \"description\": \"Features of a feature store, "
        "in Feast's dialect.\"},\n\"security\": [{}, {\"token\": []}],\n"
        "\"paths\": {\n",
        larder_version());
    write_paths(out);
    out_text(out, "},\n\"components\": {\"securitySchemes\": {\"token\": "
                  "{\"type\": \"http\", \"scheme\": \"bearer\"}},\n"
                  "\"schemas\": {\n");
    for (const struct schema *schema = schemas; schema->name != NULL;
         schema++) {
        out_text(out, schema == schemas ? "" : ",\n");
        out_name(out, schema->name);
        out_text(out, ": ");
        out_text(out, schema->text);
    }
    out_text(out, "}}}\n");
    request->status = 200;
    return LARDER_OK;
}

/* --------------------------------------------------------------------- /docs
 */

larder_status
answer_docs(struct worker *worker, struct request *request, larder_error *err)
{
    struct out *out = &request->answer;

    (void)worker;
    (void)err;
    out_text(out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<title>Larder</title></head>\n<body><h1>Larder</h1>\n<p>Described for "
        "programs in <a href=\"/openapi.json\">/openapi.json</a>.</p>\n"
        "<table>\n<tr><th>Request</th><th>Answer</th><th>Scope</th></tr>\n");
    for (const struct route *route = routes; route->path != NULL; route++)
        out_format(out,
            "<tr><td><code>%s %s</code></td><td>%s</td><td>%s</td>"
            "</tr>\n",
            route->method, route->path, route->summary,
            scope_name(route->scope));
    out_text(out, "</table></body></html>\n");
    request->type = "text/html; charset=utf-8";
    request->status = 200;
    return LARDER_OK;
}
