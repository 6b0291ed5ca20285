/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.c - operations of the command as routes: the answer is what the
 * operation prints under -o json, so neither can say what the other does not.
 *
 * A path or a query fills parameters that the route's table allows, and no
 * other: none of them is a file.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "serve/authorize.h"
#include "serve/route.h"

#define QUERY_MAX 64u

struct look {
    struct request *request;
    const struct route *route;
    struct run run;
    unsigned n_query;
    larder_status rc;
    larder_error *err;
};

/* "max_staleness" is --max-staleness. */
static bool
same_name(const char *asked, const char *name)
{
    for (; *asked != '\0' && *name != '\0'; asked++, name++)
        if (*asked != *name && !(*asked == '_' && *name == '-'))
            return false;
    return *asked == *name;
}

static const struct param *
find_param(const struct route *route, const char *asked)
{
    for (const char *const *name = route->query; *name != NULL; name++)
        for (const struct param *p = route->operation->params; p->name != NULL;
             p++)
            if (strcmp(p->name, *name) == 0 && same_name(asked, p->name))
                return p;
    return NULL;
}

static larder_status
unknown_query(struct look *look, const char *asked)
{
    const char *near = NULL;
    size_t n = 0;

    while (look->route->query[n] != NULL)
        n++;
    near = ldr_name_nearest(asked, look->route->query, n);
    larder_fail(look->err, LARDER_INVALID, "'%.60s' is no parameter of %s",
        asked, look->route->path);
    if (near != NULL)
        larder_hint(look->err, "did you mean '%s'?", near);
    return LARDER_INVALID;
}

static bool
is_flag_set(struct look *look, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0' || strcmp(value, "true") == 0)
        return true;
    if (strcmp(value, "false") != 0)
        look->rc = larder_fail(
            look->err, LARDER_INVALID, "'%s' is true or false", name);
    return false;
}

static enum MHD_Result
take_query(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct look *look = context;
    const struct param *param = find_param(look->route, name);

    (void)kind;
    if (++look->n_query > QUERY_MAX)
        look->rc = larder_fail(look->err, LARDER_LIMIT,
            "more than max_query (%u) parameters", QUERY_MAX);
    else if (param == NULL)
        look->rc = unknown_query(look, name);
    else if (param->type == PARAM_FLAG && !is_flag_set(look, name, value))
        return look->rc == LARDER_OK ? MHD_YES : MHD_NO;
    else
        look->rc = arguments_add(&look->run.arguments, param,
            param->type == PARAM_FLAG ? NULL
            : value == NULL           ? ""
                                      : value,
            look->err);
    return look->rc == LARDER_OK ? MHD_YES : MHD_NO;
}

static larder_status
take_arguments(struct look *look, const char *name)
{
    struct arguments *arguments = &look->run.arguments;
    larder_error *err = look->err;
    larder_status rc;

    LARDER_TRY(arguments_init(
        arguments, &look->run.arena, look->route->operation, err));
    if (look->route->word != NULL)
        LARDER_TRY(arguments_add_word(arguments, look->route->word, err));
    if (name != NULL)
        LARDER_TRY(arguments_add_word(arguments, name, err));
    MHD_get_connection_values(
        look->request->connection, MHD_GET_ARGUMENT_KIND, take_query, look);
    LARDER_TRY(look->rc);
    LARDER_TRY(arguments_check(arguments, err));
out:
    return rc;
}

/* The views that the request names are ones its token is for. */
static bool
may_look(struct look *look, const char *name)
{
    const struct arguments *arguments = &look->run.arguments;
    const struct argument *views;

    if (look->route->of_view && !authorize_view(look->request, name))
        return false;
    if (look->route->operation != &op_freshness)
        return true;
    views = argument_of(arguments, "view");
    for (size_t i = 0; i < views->n; i++)
        if (!authorize_view(look->request, views->texts[i]))
            return false;
    return true;
}

static larder_status
run_operation(struct look *look)
{
    char *text = NULL;
    size_t size = 0;
    larder_status rc;

    look->run.out = open_memstream(&text, &size);
    if (look->run.out == NULL)
        return larder_fail(look->err, LARDER_NOMEM, "no memory to answer");
    rc = look->route->operation->run(&look->run, look->err);
    if (fclose(look->run.out) != 0 && rc == LARDER_OK)
        rc = larder_fail(look->err, LARDER_NOMEM, "no memory to answer");
    if (rc == LARDER_OK)
        out_bytes(&look->request->answer, text, size);
    free(text);
    return rc;
}

/* One survey at a time: it reads all of a view. */
static larder_status
run_alone(struct worker *worker, struct look *look)
{
    larder_status rc;

    if (look->route->operation != &op_stats)
        return run_operation(look);
    if (atomic_exchange(&worker->serve->surveying, true))
        return larder_fail(look->err, LARDER_BUSY,
            "other statistics are being made: one at a time");
    rc = run_operation(look);
    atomic_store(&worker->serve->surveying, false);
    return rc;
}

larder_status
answer_operation(
    struct worker *worker, struct request *request, larder_error *err)
{
    struct look look = {.request = request,
        .route = request->route,
        .err = err,
        .run = {.operation = request->route->operation,
            .spelling = request->route->operation->name,
            .output = OUTPUT_JSON,
            .output_given = true,
            .quiet = true,
            .served = true,
            .started = request->began,
            .call = worker->call,
            .fixed_now = true,
            .store = worker->serve->store}};
    char *name = NULL;
    larder_status rc = LARDER_OK;

    look.run.call.context = &look.run;
    if (request->name.size > 0) {
        name = ldr_arena_copy_n(
            &look.run.arena, request->name.data, request->name.size);
        if (name == NULL)
            rc = larder_fail(err, LARDER_NOMEM, "no memory for a name");
    }
    if (rc == LARDER_OK)
        rc = take_arguments(&look, name);
    if (rc == LARDER_OK && may_look(&look, name))
        rc = run_alone(worker, &look);
    if (rc == LARDER_OK && request->status == 0)
        request->status = 200;
    json_decref(look.run.told.faults);
    ldr_arena_free(&look.run.arena);
    return rc;
}
