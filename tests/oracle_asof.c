/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_asof.c - the join again, slow and obvious: random data must agree.
 *
 * Each round declares a view over 0 to 3 keys of random types, puts random
 * history into it and joins a random spine, on every store. The oracle looks at
 * every history row for every spine row and compares the rows' bytes as
 * docs/formats.md has them, written here a second time. Times crowd around a
 * few moments, so that ties and both edges of the ttl come often. PostgreSQL
 * is a real server, with a schema for each round.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "larder.h"
#include "larder_backend.h"
#include "tests/servers.h"
#include "tests/support.h"

#define ROUNDS 110u
#define HISTORY 160u
#define SPINE 1000u
#define KEYS_MAX 3u
#define NO_CREATED INT64_MIN

typedef struct key_part {
    bool null;
    int64_t integer;
    char text[8];
    size_t n_text;
} key_part;

typedef struct event {
    key_part key[KEYS_MAX];
    larder_time ts, created;
    bool has_v, has_s;
    int64_t v;
    char s[4];
} event;

static const char *url; /* of the server; NULL: none */

typedef struct world {
    uint64_t round;
    uint64_t random;
    size_t n_keys;
    larder_type types[KEYS_MAX];
    bool has_ttl, has_created, as_known;
    int64_t ttl_us;
    larder_time base;
    event history[HISTORY];
    event spine[SPINE]; /* key and ts only */
} world;

static size_t
below(world *w, size_t n)
{
    return support_below(&w->random, n);
}

/* --------------------------------------------------------------- the data */

static const larder_type key_types[] = {LARDER_BOOL, LARDER_INT32, LARDER_INT64,
    LARDER_STRING, LARDER_BYTES, LARDER_TIMESTAMP};

static void
random_part(world *w, larder_type type, key_part *part)
{
    static const char *const texts[] = {
        "", "1", "12", "123", "23", "3", "a b", "\xc3\xa9", "x,\"y"};
    static const int64_t numbers[] = {0, 1, -1, 12, INT32_MAX, INT32_MIN};
    const char *text = texts[below(w, 9)];

    *part = (key_part){0};
    part->n_text = strlen(text);
    memcpy(part->text, text, part->n_text);
    if (type == LARDER_BYTES && below(w, 4) == 0) { /* a NUL inside */
        memcpy(part->text, "1\0\0002", 3);
        part->n_text = 3;
    }
    part->integer = numbers[below(w, 6)];
    if (type == LARDER_BOOL)
        part->integer = (int64_t)below(w, 2);
    if (type == LARDER_INT64 && below(w, 5) == 0)
        part->integer = below(w, 2) == 0 ? INT64_MAX : INT64_MIN;
    if (type == LARDER_TIMESTAMP && below(w, 5) == 0)
        part->integer = below(w, 2) == 0 ? LARDER_TIME_MAX : LARDER_TIME_MIN;
}

static larder_time
random_time(world *w)
{
    larder_time t =
        w->base + (int64_t)below(w, 5) * w->ttl_us + (int64_t)below(w, 3) - 1;

    switch (below(w, 40)) {
    case 0:
        return LARDER_TIME_MIN;
    case 1:
        return LARDER_TIME_MAX;
    case 2:
        return -INT64_C(62135596799999999);
    default:
        return t;
    }
}

static void
random_event(world *w, event *e)
{
    for (size_t k = 0; k < w->n_keys; k++)
        random_part(w, w->types[k], &e->key[k]);
    e->ts = random_time(w);
    e->created = w->has_created && below(w, 4) != 0
                     ? e->ts / 2 + w->base / 2 + (int64_t)below(w, 3)
                     : NO_CREATED;
    e->has_v = below(w, 4) != 0;
    e->has_s = below(w, 3) != 0;
    e->v = (int64_t)below(w, 4) - 2;
    e->s[0] = (char)('a' + (char)below(w, 3));
}

static void
random_world(world *w, uint64_t round)
{
    static const int64_t ttls[] = {1, 1000000, 5000000, 86400000000, 7};
    static const larder_time bases[] = {
        0, 1704067200000000, -1, -5000000000000000, 250000000000000000};

    memset(w, 0, sizeof *w);
    w->round = round;
    w->random = round * 7919 + 1;
    w->n_keys = below(w, KEYS_MAX + 1);
    for (size_t k = 0; k < w->n_keys; k++)
        w->types[k] = key_types[below(w, 6)];
    w->ttl_us = ttls[below(w, 5)];
    w->base = bases[below(w, 5)];
    w->has_ttl = below(w, 4) != 0;
    w->has_created = below(w, 3) != 0;
    w->as_known = w->has_created && below(w, 3) == 0;
    for (size_t i = 0; i < HISTORY; i++)
        random_event(w, &w->history[i]);
    for (size_t i = 0; i < SPINE; i++) {
        event *e = &w->spine[i];

        random_event(w, e);
        for (size_t k = 0; k < w->n_keys; k++)
            e->key[k].null = below(w, 25) == 0;
        if (i > 0 && below(w, 10) == 0)
            *e = w->spine[below(w, i)]; /* a duplicate */
    }
}

/* ------------------------------------------------------------- the oracle */

static bool
same_key(const world *w, const event *a, const event *b)
{
    for (size_t k = 0; k < w->n_keys; k++) {
        const key_part *x = &a->key[k], *y = &b->key[k];
        bool text = w->types[k] == LARDER_STRING || w->types[k] == LARDER_BYTES;

        if (x->null || y->null)
            return false;
        if (text && (x->n_text != y->n_text ||
                        memcmp(x->text, y->text, x->n_text) != 0))
            return false;
        if (!text && x->integer != y->integer)
            return false;
    }
    return true;
}

/* The payload of row.h for columns v int64, s string. */
static size_t
payload(const event *e, unsigned char out[24])
{
    uint64_t v = e->has_v ? (uint64_t)e->v : 0;

    memset(out, 0, 24);
    out[0] = (unsigned char)(e->has_v | e->has_s << 1);
    for (size_t i = 0; i < 8; i++)
        out[1 + i] = (unsigned char)(v >> (8 * i));
    if (!e->has_s)
        return 17;
    out[13] = 1; /* at 0 of the text, 1 byte long */
    out[17] = (unsigned char)e->s[0];
    return 18;
}

static int
newer(const event *a, const event *b)
{
    unsigned char x[24], y[24];
    size_t n_x = payload(a, x), n_y = payload(b, y);
    int order;

    if (a->ts != b->ts)
        return a->ts < b->ts ? -1 : 1;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    order = memcmp(x, y, n_x < n_y ? n_x : n_y);
    return order != 0 ? order : (n_x > n_y) - (n_x < n_y);
}

static const event *
oracle(const world *w, const event *spine, bool *expired)
{
    const event *best = NULL;

    for (size_t i = 0; i < HISTORY; i++) {
        const event *e = &w->history[i];

        if (!same_key(w, e, spine) || e->ts > spine->ts)
            continue;
        if (w->as_known && (e->created == NO_CREATED || e->created > spine->ts))
            continue;
        if (best == NULL || newer(e, best) > 0)
            best = e;
    }
    *expired = false;
    if (best != NULL && w->has_ttl) {
        larder_time oldest = spine->ts - LARDER_TIME_MIN < w->ttl_us
                                 ? LARDER_TIME_MIN
                                 : spine->ts - w->ttl_us;

        *expired = best->ts < oldest;
    }
    return *expired ? NULL : best;
}

/* --------------------------------------------------------------- the store */

static void
configure(const world *w, FILE *file, const char *offline)
{
    fprintf(file, "project: oracle\nregistry: {type: memory}\n");
    fprintf(file, "online_store: {type: memory}\n");
    fprintf(file, "offline_store:\n  type: %s\n", offline);
    if (strcmp(offline, "sqlite") == 0)
        fprintf(file, "  path: offline.db\n");
    if (strcmp(offline, "postgres") == 0)
        fprintf(file, "  connection_string: \"%s\"\n  db_schema: round_%llu\n",
            url, (unsigned long long)w->round);
}

static void
declare(const world *w, const char *folder, const char *offline)
{
    char text[4096], ttl[64] = "";
    FILE *file = fmemopen(text, sizeof text, "w");

    configure(w, file, offline);
    fclose(file);
    support_write(folder, "feature_store.yaml", text);
    file = fmemopen(text, sizeof text, "w");
    fprintf(file, "entities:\n");
    for (size_t k = 0; k < w->n_keys; k++)
        fprintf(file, "  - {name: e%zu, join_key: k%zu, type: %s}\n", k, k,
            larder_type_name(w->types[k]));
    if (w->n_keys == 0)
        fprintf(file, "  - {name: unused, join_key: u, type: int64}\n");
    fprintf(file, "sources:\n  - name: h\n    timestamp_field: ts\n");
    if (w->has_created)
        fprintf(file, "    created_timestamp_column: cts\n");
    if (w->n_keys == 0)
        fprintf(file, "    key: []\n");
    fprintf(file, "    schema:\n");
    for (size_t k = 0; k < w->n_keys; k++)
        fprintf(file, "      - {name: k%zu, type: %s}\n", k,
            larder_type_name(w->types[k]));
    fprintf(file,
        "      - {name: v, type: int64}\n      - {name: s, type: string}\n"
        "      - {name: ts, type: timestamp}\n");
    if (w->has_created)
        fprintf(file, "      - {name: cts, type: timestamp}\n");
    fprintf(file, "feature_views:\n  - name: view\n    source: h\n");
    fprintf(file, "    entities: [");
    for (size_t k = 0; k < w->n_keys; k++)
        fprintf(file, "%se%zu", k == 0 ? "" : ", ", k);
    fprintf(file, "]\n");
    if (w->has_ttl) {
        snprintf(ttl, sizeof ttl, "    ttl: %lldus\n", (long long)w->ttl_us);
        fputs(ttl, file);
    }
    fprintf(file, "    features:\n      - {name: v, type: int64}\n"
                  "      - {name: s, type: string}\n");
    fclose(file);
    support_write(folder, "features.yaml", text);
}

static larder_value
part_value(const world *w, const key_part *part, size_t k)
{
    larder_value value = {.type = w->types[k], .null = part->null};

    if (value.type == LARDER_STRING || value.type == LARDER_BYTES)
        value.as.text = (larder_bytes){part->text, part->n_text};
    else if (value.type == LARDER_BOOL)
        value.as.boolean = part->integer != 0;
    else
        value.as.integer = part->integer;
    return value;
}

static void
append(larder_column *column, larder_value value)
{
    larder_error err = {0};

    value.type = column->type;
    if (larder_column_append(column, &value, &err) != LARDER_OK)
        ck_abort_msg("%s", err.message);
}

static larder_value
moment(larder_time t)
{
    return (larder_value){.null = t == NO_CREATED, .as.integer = t};
}

static void
append_event(const world *w, larder_batch *batch, const event *e)
{
    size_t c = 0;

    for (size_t k = 0; k < w->n_keys; k++)
        append(&batch->columns[c++], part_value(w, &e->key[k], k));
    append(&batch->columns[c++],
        (larder_value){.null = !e->has_v, .as.integer = e->v});
    append(&batch->columns[c++],
        (larder_value){.null = !e->has_s, .as.text = {e->s, 1}});
    append(&batch->columns[c++], moment(e->ts));
    if (w->has_created)
        append(&batch->columns[c++], moment(e->created));
    batch->n_rows++;
}

static void
must(larder_status rc, const larder_error *err)
{
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s (%s:%u)", larder_status_name(rc), err->message,
            err->file, err->line);
}

static void
fill(const world *w, larder_store *store, const larder_call *call)
{
    larder_error err = {0};
    larder_applied applied;
    larder_ingested ingested = {0};
    larder_source_shape shape;
    larder_stream changes = {0}, rows = {0};
    larder_batch batch = {0};

    must(larder_apply(store, call, NULL, &applied, &changes, &err), &err);
    larder_stream_close(&changes);
    must(larder_source_columns(store, call, "h", &shape, &err), &err);
    must(larder_batch_init(&batch, shape.schema, &err), &err);
    for (size_t i = 0; i < HISTORY; i++)
        append_event(w, &batch, &w->history[i]);
    must(larder_stream_of(&batch, &rows, &err), &err);
    must(larder_ingest(store, call, "h", &rows, &ingested, &err), &err);
    larder_stream_close(&rows);
    ck_assert_uint_eq(ingested.read, HISTORY);
    ck_assert_uint_eq(ingested.added + ingested.duplicate, HISTORY);
}

static void
spine_stream(const world *w, larder_schema *schema, larder_field fields[4],
    larder_stream *out)
{
    static const char *const names[] = {"k0", "k1", "k2"};
    larder_batch batch = {0};
    larder_error err = {0};

    for (size_t k = 0; k < w->n_keys; k++)
        fields[k] = (larder_field){names[k], w->types[k]};
    fields[w->n_keys] = (larder_field){"event_timestamp", LARDER_TIMESTAMP};
    *schema = (larder_schema){fields, w->n_keys + 1};
    must(larder_batch_init(&batch, schema, &err), &err);
    for (size_t i = 0; i < SPINE; i++) {
        for (size_t k = 0; k < w->n_keys; k++)
            append(&batch.columns[k], part_value(w, &w->spine[i].key[k], k));
        append(&batch.columns[w->n_keys], moment(w->spine[i].ts));
        batch.n_rows++;
    }
    must(larder_stream_of(&batch, out, &err), &err);
}

static void
check_row(const world *w, size_t row, const larder_batch *batch, size_t at,
    const char *offline)
{
    bool expired;
    const event *best = oracle(w, &w->spine[row], &expired);
    larder_value v = larder_column_value(&batch->columns[w->n_keys + 1], at);
    larder_value s = larder_column_value(&batch->columns[w->n_keys + 2], at);
    bool has_v = best != NULL && best->has_v;
    bool has_s = best != NULL && best->has_s;

    if (v.null != !has_v || (has_v && v.as.integer != best->v) ||
        s.null != !has_s ||
        (has_s && *(const char *)s.as.text.data != best->s[0]))
        ck_abort_msg("%s: spine row %zu: v %s%lld, expected %s%lld", offline,
            row, v.null ? "null " : "", (long long)v.as.integer,
            has_v ? "" : "null ", best == NULL ? 0LL : (long long)best->v);
}

static void
check_counts(const world *w, const larder_joined *joined)
{
    uint64_t nulls = 0, expired_rows = 0, before = 0, null_keys = 0;

    for (size_t i = 0; i < SPINE; i++) {
        bool expired, null = false;
        const event *best = oracle(w, &w->spine[i], &expired);

        for (size_t k = 0; k < w->n_keys; k++)
            null = null || w->spine[i].key[k].null;
        null_keys += null;
        nulls += best == NULL || !best->has_v;
        expired_rows += expired;
        before += best == NULL && !expired && !null;
    }
    ck_assert_uint_eq(joined->rows, SPINE);
    ck_assert_uint_eq(joined->null_keys, null_keys);
    ck_assert_uint_eq(joined->features[0].nulls, nulls);
    ck_assert_uint_eq(joined->features[0].expired, expired_rows);
    ck_assert_uint_eq(joined->features[0].before_first, before);
}

/* One join of the whole world; the output's digest for comparison. */
static void
join_world(const world *w, larder_store *store, larder_call *call,
    const char *offline, char digest[33])
{
    static const char *const refs[] = {"view"};
    larder_join_options options = {
        .features = {.refs = refs, .n_refs = 1}, .as_known = w->as_known};
    larder_field fields[4];
    larder_schema schema;
    larder_stream spine = {0}, out = {0};
    larder_batch batch = {0};
    larder_error err = {0};
    const larder_joined *joined;
    size_t row = 0;

    spine_stream(w, &schema, fields, &spine);
    must(larder_join(store, call, &options, &spine, &out, &err), &err);
    for (;;) {
        must(larder_stream_next(&out, &batch, &err), &err);
        if (batch.n_rows == 0)
            break;
        for (size_t i = 0; i < batch.n_rows; i++)
            check_row(w, row++, &batch, i, offline);
        larder_batch_release(&batch);
    }
    ck_assert_uint_eq(row, SPINE);
    must(larder_join_report(&out, &joined, &err), &err);
    check_counts(w, joined);
    memcpy(digest, joined->digest, 33);
    larder_stream_close(&out);
}

static void
try_store(const world *w, const char *offline, char digest[33])
{
    char *folder = support_folder(), path[512], again[33];
    larder_open_options options = {.config_path = path};
    larder_call call = support_call(0);
    larder_store *store = NULL;
    larder_error err = {0};

    declare(w, folder, offline);
    snprintf(path, sizeof path, "%s/feature_store.yaml", folder);
    must(larder_open(&options, &call, &store, &err), &err);
    fill(w, store, &call);
    join_world(w, store, &call, offline, digest);
    call.n_threads = 3;
    call.memory_bytes = 1; /* chunks as small as they get, and spilling */
    join_world(w, store, &call, offline, again);
    ck_assert_str_eq(digest, again);
    larder_close(store);
    support_remove(folder);
    free(folder);
}

static uint64_t
n_rounds(void)
{
    return ROUNDS * (getenv("LARDER_SOAK") == NULL ? 1 : 50);
}

START_TEST(every_store_joins_as_the_oracle_does)
{
    static const char *const stores[] = {"memory", "sqlite"};
    static world w;
    char digests[2][33];

    for (uint64_t round = 0; round < n_rounds(); round++) {
        random_world(&w, round);
        for (size_t i = 0; i < 2; i++)
            try_store(&w, stores[i], digests[i]);
        ck_assert_str_eq(digests[0], digests[1]);
    }
}
END_TEST

START_TEST(postgres_joins_as_the_oracle_and_memory_do)
{
    static world w;
    char digests[2][33];

    SERVERS_NEEDED(url);
    for (uint64_t round = 0; round < n_rounds() / 3; round++) {
        random_world(&w, round);
        try_store(&w, "memory", digests[0]);
        try_store(&w, "postgres", digests[1]);
        ck_assert_str_eq(digests[0], digests[1]);
    }
}
END_TEST

/* Is this store one the library was built with? */
static bool
is_built_in(const char *type)
{
    const larder_offline_ops *const *all = larder_offline_backends();

    while (*all != NULL && strcmp((*all)->type, type) != 0)
        all++;
    return *all != NULL;
}

int
main(void)
{
    Suite *suite = suite_create("oracle_asof");
    TCase *tcase = tcase_create("join");

    tcase_set_timeout(tcase, 3600);
    tcase_add_test(tcase, every_store_joins_as_the_oracle_does);
    if (is_built_in("postgres")) {
        url = servers_start("postgres");
        tcase_add_test(tcase, postgres_joins_as_the_oracle_and_memory_do);
    }
    suite_add_tcase(suite, tcase);
    return support_run(suite);
}
