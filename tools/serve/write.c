/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - POST /push and /write-to-online-store: rows now, all or none.
 *
 * A push is of a source, and goes where its history is read; a write is of one
 * feature view, and goes online alone.
 */
#include <string.h>

#include "serve/body.h"
#include "serve/frame.h"
#include "serve/route.h"
#include "serve/shapes.h"

#define DF_WHAT "is an object with an array for each column"

struct writing {
    struct worker *worker;
    struct request *request;
    const char *name;
    bool view;
    larder_push_to to;
    larder_bytes df;
    struct rejects rejects;
};

/* Bad rows that the library tells of; it says which each is. */
static void
hear(void *context, const larder_diagnostic *fault)
{
    struct writing *w = context;

    if (!fault->warning)
        rejects_add(&w->rejects, NULL, 0, fault->message);
}

/* Its columns and views; may this token write them? */
static larder_status
find_shape(struct writing *w, struct shape *shape, larder_error *err)
{
    larder_status rc = shapes_find(w->worker, w->name, w->view, shape, err);

    if (rc == LARDER_NOT_FOUND && w->view)
        request_fail_feast(
            w->request, 404, "FeatureViewNotFoundException", err);
    else if (rc == LARDER_NOT_FOUND)
        request_fail_feast(w->request, 422, "PushSourceNotFoundException", err);
    if (rc == LARDER_OK)
        rc = shapes_allow(w->request, shape->views, shape->n_views, err);
    return rc;
}

static larder_status
hand_in(struct writing *w, larder_batch *rows, larder_error *err)
{
    larder_call call = w->worker->call;
    larder_store *store = w->worker->serve->store;
    larder_pushed pushed = {0};
    larder_stream stream = {0};
    larder_status rc;

    call.diagnostic = hear;
    call.context = w;
    LARDER_TRY(larder_stream_of(rows, &stream, err));
    rc = w->view
             ? larder_write(store, &call, w->name, &stream, &pushed, err)
             : larder_push(store, &call, w->name, w->to, &stream, &pushed, err);
    w->request->n_views = pushed.n_views;
out:
    larder_pushed_release(&pushed);
    larder_stream_close(&stream);
    return rc;
}

/* Every fault of a row is in the answer. */
static void
tell_rejects(struct writing *w, const larder_error *err)
{
    struct out *details = &w->rejects.details;

    if (w->rejects.n == 0)
        return;
    w->request->answer.failed |= details->failed;
    request_fail_details(
        w->request, (larder_bytes){details->text, details->size}, err);
}

static larder_status
write_rows(struct writing *w, larder_error *err)
{
    struct shape shape;
    struct frame_shape frame = {.columns = &shape.columns, .view = w->view};
    larder_batch rows = {0};
    larder_status rc;

    LARDER_TRY(find_shape(w, &shape, err));
    rc = frame_read(w->df, &frame, &w->rejects, &rows, err);
    if (rc == LARDER_OK) {
        w->request->n_entities = rows.n_rows;
        w->request->n_features = shape.columns.schema->n_fields;
        rc = hand_in(w, &rows, err);
    } else if (rc == LARDER_INVALID && w->rejects.n == 0) {
        request_fail_body(w->request, "df", err);
    }
    if (rc == LARDER_INVALID)
        tell_rejects(w, err);
out:
    larder_batch_release(&rows);
    rejects_release(&w->rejects);
    return rc;
}

static larder_status
where_to(struct writing *w, const struct member *to, larder_error *err)
{
    static const struct {
        const char *name;
        larder_push_to to;
    } known[] = {{"\"online\"", LARDER_PUSH_ONLINE},
        {"\"offline\"", LARDER_PUSH_OFFLINE},
        {"\"online_and_offline\"", LARDER_PUSH_BOTH}};

    w->to = LARDER_PUSH_ONLINE;
    if (to->value.size == 0)
        return LARDER_OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (to->value.size == strlen(known[i].name) &&
            memcmp(to->value.data, known[i].name, to->value.size) == 0) {
            w->to = known[i].to;
            return LARDER_OK;
        }
    return body_fail(w->request, to->name, err, to->what);
}

larder_status
answer_push(struct worker *worker, struct request *request, larder_error *err)
{
    enum { SOURCE, DF, TO, CACHE, TRANSFORM, END };
    struct member members[] = {[SOURCE] = {.name = "push_source_name",
                                   .kinds = BODY_STRING,
                                   .what = "is the name of a push source",
                                   .required = true},
        [DF] = {.name = "df",
            .kinds = BODY_OBJECT,
            .what = DF_WHAT,
            .required = true},
        [TO] = {.name = "to",
            .kinds = BODY_STRING,
            .what = "is \"online\", \"offline\" or \"online_and_offline\""},
        [CACHE] = {.name = "allow_registry_cache",
            .kinds = BODY_BOOL,
            .what = "is true or false"},
        [TRANSFORM] = {.name = "transform_on_write",
            .kinds = BODY_BOOL,
            .what = "is true or false"},
        [END] = {0}};
    struct writing w = {.worker = worker, .request = request};
    char name[BODY_NAME_ROOM];
    larder_status rc;

    LARDER_TRY(body_read(request, members, err));
    LARDER_TRY(body_text(request, &members[SOURCE], name, err));
    LARDER_TRY(where_to(&w, &members[TO], err));
    w.name = name;
    w.df = members[DF].value;
    LARDER_TRY(write_rows(&w, err));
    request->type = ""; /* as Feast since 0.59: no body */
    request->status = 200;
out:
    return rc;
}

larder_status
answer_write(struct worker *worker, struct request *request, larder_error *err)
{
    enum { VIEW, DF, CACHE, TRANSFORM, END };
    struct member members[] = {[VIEW] = {.name = "feature_view_name",
                                   .kinds = BODY_STRING,
                                   .what = "is the name of a feature view",
                                   .required = true},
        [DF] = {.name = "df",
            .kinds = BODY_OBJECT,
            .what = DF_WHAT,
            .required = true},
        [CACHE] = {.name = "allow_registry_cache",
            .kinds = BODY_BOOL,
            .what = "is true or false"},
        [TRANSFORM] = {.name = "transform_on_write",
            .kinds = BODY_BOOL,
            .what = "is true or false"},
        [END] = {0}};
    struct writing w = {.worker = worker, .request = request, .view = true};
    char name[BODY_NAME_ROOM];
    larder_status rc;

    LARDER_TRY(body_read(request, members, err));
    LARDER_TRY(body_text(request, &members[VIEW], name, err));
    w.name = name;
    w.df = members[DF].value;
    LARDER_TRY(write_rows(&w, err));
    out_text(&request->answer, "null");
    request->status = 200;
out:
    return rc;
}
