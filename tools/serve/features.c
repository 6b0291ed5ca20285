/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features.c - POST /get-online-features: the newest features of entities.
 *
 * The body is read twice: once for what is asked and where the entities are,
 * then, when their types are known, once more for the entities. The answer is
 * by column: join keys as they came, in the order of the request, then the
 * features in the order asked.
 */
#include <string.h>

#include "serve/authorize.h"
#include "serve/route.h"
#include "serve/value.h"

#define NAME_ROOM 512
#define ECHOES_MAX 64u
#define EPOCH "\"1970-01-01T00:00:00Z\""

/* A column that is answered as it came, since it is a join key. */
struct echo {
    const char *name;
    size_t column;      /* of what the read takes; or ... */
    larder_bytes items; /* ... no column of the read: its JSON */
};

struct question {
    struct worker *worker;
    struct request *request;
    struct wanted wanted;
    larder_bytes entities;
    bool iso;
    struct prepared *prepared;
    struct echo echoes[ECHOES_MAX];
    size_t n_echoes;
    bool any;       /* a column was seen, and ... */
    size_t n_rows;  /* ... each has so many values */
    char first[64]; /* the name of the first column, for messages */
};

/* The last event time that was written: features of a row share one. */
struct memo {
    larder_time time;
    size_t size; /* 0: none yet */
    char text[36];
};

/* --------------------------------------------------------------- the body */

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
        json->message);
    request_fail_body(request, NULL, err);
    return LARDER_INVALID;
}

static larder_status
fail_member(struct request *request, const char *member, larder_error *err,
    const char *what)
{
    larder_fail(err, LARDER_INVALID, "'%s' %s", member, what);
    request_fail_body(request, member, err);
    return LARDER_INVALID;
}

/* What one member of the body says. */
static larder_status
take_member(
    struct question *q, larder_bytes name, ldr_json *json, larder_error *err)
{
    ldr_json_kind kind = ldr_json_next(json);
    larder_bytes value;
    bool truth = kind == LDR_JSON_TRUE;

#define IS(text)                                                               \
    (name.size == sizeof text - 1 && memcmp(name.data, text, name.size) == 0)
    if (!ldr_json_skip(json, kind, &value))
        return fail_json(q->request, json, err);
    if (IS("features")) {
        if (kind != LDR_JSON_ARRAY && kind != LDR_JSON_NULL)
            return fail_member(q->request, "features", err,
                "is an array of texts such as \"view:feature\"");
        if (kind == LDR_JSON_ARRAY)
            q->wanted.features = value;
    } else if (IS("feature_service")) {
        if (kind != LDR_JSON_STRING && kind != LDR_JSON_NULL)
            return fail_member(
                q->request, "feature_service", err, "is the name of a service");
        if (kind == LDR_JSON_STRING)
            q->wanted.service = value;
    } else if (IS("entities")) {
        if (kind != LDR_JSON_OBJECT)
            return fail_member(q->request, "entities", err,
                "is an object of arrays, one for each join key");
        q->entities = value;
    } else if (IS("full_feature_names")) {
        if (kind != LDR_JSON_TRUE && kind != LDR_JSON_FALSE)
            return fail_member(
                q->request, "full_feature_names", err, "is true or false");
        q->wanted.full_names = truth;
    } else if (IS("timestamps")) {
        if (kind != LDR_JSON_STRING || value.size != 5 ||
            memcmp(value.data, "\"iso\"", 5) != 0)
            return fail_member(q->request, "timestamps", err,
                "is \"iso\", or is left out: whole seconds");
        q->iso = true;
    }
#undef IS
    return LARDER_OK;
}

static larder_status
read_body(struct question *q, larder_error *err)
{
    struct request *request = q->request;
    char room[NAME_ROOM];
    larder_bytes name;
    ldr_json json;
    ldr_json_kind kind;
    larder_status rc = LARDER_OK;

    ldr_json_start(
        &json, (larder_bytes){request->body.text, request->body.size});
    kind = ldr_json_next(&json);
    if (kind == LDR_JSON_ERROR)
        return fail_json(request, &json, err);
    if (kind != LDR_JSON_OBJECT) {
        larder_fail(err, LARDER_INVALID, "the body is an object of JSON");
        request_fail_body(request, NULL, err);
        return LARDER_INVALID;
    }
    while ((kind = ldr_json_next(&json)) == LDR_JSON_NAME) {
        if (!value_text(json.token, room, sizeof room, &name))
            name = (larder_bytes){"", 0};
        LARDER_TRY(take_member(q, name, &json, err));
    }
    if (kind == LDR_JSON_ERROR || ldr_json_next(&json) != LDR_JSON_END)
        return fail_json(request, &json, err);
    if (q->entities.data == NULL)
        return fail_member(request, "entities", err,
            "is missing: an object with an array for each join key");
    if (q->wanted.service.size > 0)
        q->wanted.features = (larder_bytes){0}; /* the service wins */
out:
    return rc;
}

/* --------------------------------------------------------------- entities */

/* Every column has as many values as the first. */
static larder_status
check_rows(struct question *q, larder_bytes name, size_t n, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (!q->any) {
        q->any = true;
        q->n_rows = n;
        memcpy(q->first, name.data,
            name.size < sizeof q->first ? name.size : sizeof q->first - 1);
        return LARDER_OK;
    }
    if (n != q->n_rows)
        rc = larder_fail(err, LARDER_INVALID,
            "entities: '%.*s' has %zu values and '%s' %zu: all rows must have "
            "the same columns",
            (int)(name.size < 64 ? name.size : 64), (const char *)name.data, n,
            q->first, q->n_rows);
    return rc;
}

static larder_status
too_many(const struct question *q, larder_error *err)
{
    larder_fail(err, LARDER_LIMIT,
        "entities: more rows than max_entities (%zu)",
        q->worker->serve->limits.entities);
    larder_hint(err, "ask in several requests");
    return LARDER_LIMIT;
}

/* The values of a column of the read. */
static larder_status
take_values(struct question *q, ldr_json *json, size_t column, size_t *n,
    larder_error *err)
{
    struct prepared *p = q->prepared;
    larder_column *to = &p->rows.columns[column];
    ldr_json_kind kind;
    larder_status rc;

    while ((kind = ldr_json_next(json)) != LDR_JSON_ARRAY_END) {
        if (*n == q->worker->serve->limits.entities)
            return too_many(q, err);
        rc = value_take(json, kind, column < p->n_keys, to, err);
        if (rc != LARDER_OK) {
            larder_context(err, "entities: '%s', row %zu",
                p->taken.fields[column].name, *n + 1);
            return rc;
        }
        (*n)++;
    }
    return LARDER_OK;
}

/* Those of another column: counted. */
static larder_status
count_values(struct question *q, ldr_json *json, size_t *n, larder_error *err)
{
    ldr_json_kind kind;
    larder_bytes value;

    while ((kind = ldr_json_next(json)) != LDR_JSON_ARRAY_END) {
        if (*n == q->worker->serve->limits.entities)
            return too_many(q, err);
        if (!ldr_json_skip(json, kind, &value))
            return larder_fail(err, LARDER_INVALID, "%s", json->message);
        (*n)++;
    }
    return LARDER_OK;
}

static size_t
find_column(const struct prepared *p, const char *name, size_t size)
{
    size_t c = 0;

    while (c < p->taken.n_fields &&
           (strncmp(p->taken.fields[c].name, name, size) != 0 ||
               p->taken.fields[c].name[size] != '\0'))
        c++;
    return c;
}

/* Which column of the read a column of the request is, by its own name or that
 * of the entity; n_fields: none. *key: the join key it is, or NULL. */
static larder_status
find_meaning(struct question *q, larder_bytes name, size_t *column,
    const char **key, larder_error *err)
{
    const struct prepared *p = q->prepared;
    larder_status rc;

    *key = NULL;
    *column = find_column(p, name.data, name.size);
    if (*column < p->n_keys)
        *key = p->taken.fields[*column].name;
    if (*column < p->taken.n_fields)
        return LARDER_OK;
    rc = readers_key(q->worker, name, key, err);
    if (rc == LARDER_OK && *key != NULL)
        *column = find_column(p, *key, strlen(*key));
    return rc;
}

static larder_status
take_column(
    struct question *q, larder_bytes name, ldr_json *json, larder_error *err)
{
    struct prepared *p = q->prepared;
    const char *begin, *key;
    size_t column, n = 0;
    larder_status rc;

    if (ldr_json_next(json) != LDR_JSON_ARRAY)
        return larder_fail(err, LARDER_INVALID,
            "entities: '%.*s' is an array of values",
            (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
    begin = json->token.data;
    LARDER_TRY(find_meaning(q, name, &column, &key, err));
    if (column < p->taken.n_fields && p->rows.columns[column].n_rows > 0)
        return larder_fail(err, LARDER_INVALID, "entities: '%s' is given twice",
            p->taken.fields[column].name);
    if (column < p->taken.n_fields)
        LARDER_TRY(take_values(q, json, column, &n, err));
    else
        LARDER_TRY(count_values(q, json, &n, err));
    LARDER_TRY(check_rows(q, name, n, err));
    if (key == NULL && name.size == 10 &&
        memcmp(name.data, "__dummy_id", 10) == 0)
        key = "__dummy_id"; /* Feast's key of a view without entities */
    if (key == NULL)
        return LARDER_OK;
    if (q->n_echoes == ECHOES_MAX)
        return larder_fail(
            err, LARDER_LIMIT, "entities: more than %u join keys", ECHOES_MAX);
    q->echoes[q->n_echoes++] = (struct echo){.name = key,
        .column = column,
        .items = {
            begin, (size_t)((const char *)json->text.data + json->at - begin)}};
out:
    return rc;
}

/* Every key of the read was given; requests too. */
static larder_status
check_columns(struct question *q, larder_error *err)
{
    const struct prepared *p = q->prepared;

    if (!q->any || q->n_rows == 0) {
        larder_fail(err, LARDER_INVALID, "entities: there is no row");
        larder_hint(err, "give an array of values for each join key");
        return LARDER_INVALID;
    }
    for (size_t c = 0; c < p->taken.n_fields; c++) {
        const char *name = p->taken.fields[c].name;

        if (p->rows.columns[c].n_rows == q->n_rows)
            continue;
        if (c < p->n_keys)
            return larder_fail(err, LARDER_INVALID,
                "entities: the join key '%s' is missing", name);
        larder_fail(err, LARDER_NOT_FOUND,
            "entities: the request column '%s' is missing", name);
        request_fail_feast(
            q->request, 404, "RequestDataNotFoundInEntityRowsException", err);
        return LARDER_NOT_FOUND;
    }
    return LARDER_OK;
}

static larder_status
read_entities(struct question *q, larder_error *err)
{
    char room[NAME_ROOM];
    larder_bytes name;
    ldr_json json;
    larder_status rc = LARDER_OK;

    ldr_json_start(&json, q->entities);
    (void)ldr_json_next(&json);
    while (ldr_json_next(&json) == LDR_JSON_NAME) {
        if (!value_text(json.token, room, sizeof room, &name))
            return larder_fail(err, LARDER_INVALID,
                "entities: a column's name is longer than %u bytes", NAME_ROOM);
        LARDER_TRY(take_column(q, name, &json, err));
    }
    LARDER_TRY(check_columns(q, err));
    q->prepared->rows.n_rows = q->n_rows;
out:
    return rc;
}

/* --------------------------------------------------------------- the answer */

static void
write_names(const struct question *q, struct out *out)
{
    const struct prepared *p = q->prepared;
    const larder_schema *features = p->reader == NULL
                                        ? &(larder_schema){0}
                                        : larder_reader_features(p->reader);

    out_text(out, "{\"metadata\":{\"feature_names\":[");
    for (size_t i = 0; i < q->n_echoes; i++) {
        out_text(out, i == 0 ? "" : ",");
        out_name(out, q->echoes[i].name);
    }
    for (size_t f = 0; f < features->n_fields; f++) {
        out_text(out, f + q->n_echoes == 0 ? "" : ",");
        out_name(out, features->fields[f].name);
    }
    out_text(out, "]");
    if (p->answer.store != NULL && p->reader != NULL) {
        out_format(out, ",\"store\":{\"answered\":\"%s\",\"type\":\"%s\"",
            p->answer.fallback ? "fallback" : "primary", p->answer.store);
        if (p->answer.fallback) {
            out_text(out, ",\"until\":");
            out_time(out, p->answer.until);
        }
        out_text(out, "}");
    }
    out_text(out, "},\"results\":[");
}

static void
repeat(struct out *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out_bytes(out, ",", i > 0);
        out_text(out, text);
    }
}

static void
write_echo(const struct question *q, const struct echo *echo, struct out *out)
{
    const struct prepared *p = q->prepared;

    out_text(out, "{\"values\":");
    if (echo->column < p->taken.n_fields) {
        out_text(out, "[");
        for (size_t i = 0; i < q->n_rows; i++) {
            larder_value value =
                larder_column_value(&p->rows.columns[echo->column], i);

            out_bytes(out, ",", i > 0);
            out_value(out, &value, q->iso);
        }
        out_text(out, "]");
    } else {
        out_bytes(out, echo->items.data, echo->items.size);
    }
    out_text(out, ",\"statuses\":[");
    repeat(out, "\"PRESENT\"", q->n_rows);
    out_text(out, "],\"event_timestamps\":[");
    repeat(out, EPOCH, q->n_rows);
    out_text(out, "]}");
}

static void
write_status(uint8_t presence, struct out *out)
{
    if (presence == LARDER_PRESENT) {
        out_text(out, "\"PRESENT\"");
        return;
    }
    out_text(out, "\"");
    out_text(out, larder_presence_name((larder_presence)presence));
    out_text(out, "\"");
}

static void
write_time(struct memo *memo, larder_time time, struct out *out)
{
    if (time == LARDER_TIME_MIN) {
        out_text(out, EPOCH);
        return;
    }
    if (memo->size == 0 || memo->time != time) {
        memo->time = time;
        memo->text[0] = '"';
        memo->size = larder_time_print(time, memo->text + 1) + 2;
        memo->text[memo->size - 1] = '"';
    }
    out_bytes(out, memo->text, memo->size);
}

static void
write_feature(const struct question *q, size_t feature, struct memo *memo,
    struct out *out)
{
    const larder_answer *answer = &q->prepared->answer;
    const uint8_t *presence = &answer->presence[feature * q->n_rows];
    const larder_time *times = &answer->event_times[feature * q->n_rows];

    out_text(out, "{\"values\":[");
    for (size_t i = 0; i < q->n_rows; i++) {
        larder_value value =
            larder_column_value(&answer->values.columns[feature], i);

        out_bytes(out, ",", i > 0);
        out_value(out, &value, q->iso);
    }
    out_text(out, "],\"statuses\":[");
    for (size_t i = 0; i < q->n_rows; i++) {
        out_bytes(out, ",", i > 0);
        write_status(presence[i], out);
    }
    out_text(out, "],\"event_timestamps\":[");
    for (size_t i = 0; i < q->n_rows; i++) {
        out_bytes(out, ",", i > 0);
        write_time(memo, times[i], out);
    }
    out_text(out, "]}");
}

static void
write_answer(const struct question *q, struct out *out)
{
    const struct prepared *p = q->prepared;
    struct memo memo = {.size = 0};
    size_t n =
        p->reader == NULL ? 0 : larder_reader_features(p->reader)->n_fields;

    write_names(q, out);
    for (size_t i = 0; i < q->n_echoes; i++) {
        out_bytes(out, ",", i > 0);
        write_echo(q, &q->echoes[i], out);
    }
    for (size_t f = 0; f < n; f++) {
        out_bytes(out, ",", f + q->n_echoes > 0);
        write_feature(q, f, &memo, out);
    }
    out_text(out, "]}");
}

static larder_status
read_features(struct question *q, larder_error *err)
{
    struct prepared *p = q->prepared;
    size_t limit = q->worker->serve->limits.cells, n;
    larder_status rc;

    if (p->reader == NULL)
        return LARDER_OK;
    n = larder_reader_features(p->reader)->n_fields;
    if (n > 0 && q->n_rows > limit / n)
        return larder_fail(err, LARDER_LIMIT,
            "%zu entities of %zu features are more than max_cells (%zu)",
            q->n_rows, n, limit);
    q->request->n_features = n;
    rc = larder_reader_get(
        p->reader, &q->worker->call, &p->rows, &p->answer, err);
    for (size_t i = 0; rc == LARDER_OK && i < n * q->n_rows; i++)
        q->request->n_presences[p->answer.presence[i] & 3]++;
    return rc;
}

/* Each view that the features come from must be one the token is for. */
static bool
may_read(const struct question *q)
{
    const char *view = q->prepared->views;

    for (; view != NULL && view[0] != '\0'; view += strlen(view) + 1)
        if (!authorize_view(q->request, view))
            return false;
    return true;
}

/* No view, or no service, of that name is what Feast has classes for. */
static larder_status
prepare(struct question *q, larder_error *err)
{
    larder_status rc = readers_find(q->worker, &q->wanted, &q->prepared, err);

    if (rc == LARDER_NOT_FOUND)
        request_fail_feast(q->request, 404,
            q->wanted.service.size > 0 ? "FeatureServiceNotFoundException"
                                       : "FeatureViewNotFoundException",
            err);
    if (rc == LARDER_OK && !may_read(q))
        rc = LARDER_INVALID; /* it is answered */
    return rc;
}

larder_status
answer_features(
    struct worker *worker, struct request *request, larder_error *err)
{
    struct question q = {.worker = worker, .request = request};
    larder_status rc;

    LARDER_TRY(read_body(&q, err));
    LARDER_TRY(prepare(&q, err));
    if (q.prepared->reader != NULL)
        larder_batch_clear(&q.prepared->rows);
    LARDER_TRY(read_entities(&q, err));
    request->n_entities = q.n_rows;
    LARDER_TRY(read_features(&q, err));
    write_answer(&q, &request->answer);
    request->status = 200;
out:
    return rc;
}
