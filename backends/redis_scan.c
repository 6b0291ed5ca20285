/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_scan.c - every row in order, an old table swept, everything removed.
 *
 * Redis has its keys in no order, and walking them is one pass over all. A scan
 * keeps the smallest keys of such a pass, as many as there is room for (a
 * window), and serves what follows from there: so a whole scan is one pass for
 * each window, and keys that others make meanwhile are seen from the next pass
 * on.
 */
#include <stdlib.h>
#include <string.h>

#include "online_redis.h"

#define WINDOW_BYTES                                                           \
    (UINT64_C(32) << 20) /* of keys; twice as many for a while */
#define WALK_KEYS 1000u  /* about as many a step */
#define SWEEP_KEYS 200u  /* and of a sweep by few keys */
#define FETCH_KEYS 64u   /* hashes read in one pipeline */

/* ------------------------------------------------------------------ windows */

typedef struct window_key {
    unsigned char *bytes;
    uint32_t size;
} window_key;

struct redis_window {
    const redis_store *store;
    window_key *keys; /* without prefix; sorted, each once, when it is whole */
    size_t n_keys, room;
    uint64_t n_bytes;
    bool cut; /* there are greater keys than the last */
    bool has_after;
    unsigned char after[LARDER_KEY_MAX]; /* the window's keys are not less */
    size_t n_after;
    /* where the last scan ended: who goes on from there goes on here */
    unsigned char last[LARDER_KEY_MAX];
    size_t n_last;
    larder_table_id last_table;
    bool begun;
    uint32_t canaries[512]; /* seen in the pass: a bit each */
};

static larder_bytes
bytes_of(const window_key *key)
{
    return (larder_bytes){key->bytes, key->size};
}

static void
free_window(redis_window *window)
{
    if (window == NULL)
        return;
    for (size_t i = 0; i < window->n_keys; i++)
        free(window->keys[i].bytes);
    free(window->keys);
    free(window);
}

void
redis_store_forget(redis_store *store)
{
    free_window(store->window);
    store->window = NULL;
}

static int
compare_keys(const void *a, const void *b)
{
    return redis_compare(bytes_of(a), bytes_of(b));
}

static void
drop_key(redis_window *window, size_t i)
{
    window->n_bytes -= window->keys[i].size + sizeof *window->keys;
    free(window->keys[i].bytes);
}

/* In order, each once; the greatest go where there is no room. */
static void
tidy(redis_window *window)
{
    size_t n = 0;

    if (window->n_keys > 1)
        qsort(window->keys, window->n_keys, sizeof *window->keys, compare_keys);
    for (size_t i = 0; i < window->n_keys; i++) {
        if (n > 0 && compare_keys(&window->keys[n - 1], &window->keys[i]) == 0)
            drop_key(window, i);
        else
            window->keys[n++] = window->keys[i];
    }
    for (; n > 1 && window->n_bytes > WINDOW_BYTES; window->cut = true)
        drop_key(window, --n);
    window->n_keys = n;
}

static larder_status
add_key(void *context, larder_bytes key, larder_error *err)
{
    redis_window *window = context;
    size_t n_prefix = strlen(window->store->options.prefix);
    larder_bytes rest = {
        (const unsigned char *)key.data + n_prefix, key.size - n_prefix};
    window_key *to;

    if (redis_canary_is(window->store, key)) {
        size_t canary = redis_route_canary_of(window->store->route, key);

        window->canaries[canary / 32] |= UINT32_C(1) << canary % 32;
        return LARDER_OK;
    }
    if (rest.size > LARDER_KEY_MAX ||
        (window->has_after && redis_compare(rest, (larder_bytes){window->after,
                                                      window->n_after}) < 0))
        return LARDER_OK;
    if (window->n_keys == window->room) {
        size_t room = window->room * 2 + 256;
        window_key *keys = realloc(window->keys, room * sizeof *keys);

        if (keys == NULL)
            return larder_fail(err, LARDER_NOMEM, "out of memory");
        window->keys = keys;
        window->room = room;
    }
    to = &window->keys[window->n_keys];
    *to = (window_key){
        .bytes = malloc(rest.size + 1), .size = (uint32_t)rest.size};
    if (to->bytes == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    memcpy(to->bytes, rest.data, rest.size);
    window->n_keys++;
    window->n_bytes += rest.size + sizeof *to;
    if (window->n_bytes > 2 * WINDOW_BYTES)
        tidy(window);
    return LARDER_OK;
}

/* A pass comes by every canary; where one is missing, so may rows be. */
static larder_status
check_canaries(const redis_window *window, larder_error *err)
{
    size_t n = redis_route_n_canaries(window->store->route);

    for (size_t i = 0; i < n; i++)
        if ((window->canaries[i / 32] >> i % 32 & 1) == 0)
            return redis_canary_missing(window->store,
                "was emptied: no row of it can be believed missing", err);
    return LARDER_OK;
}

/* The smallest keys that are not less than `after`. */
static larder_status
look(redis_store *store, const larder_call *call, const larder_bytes *after,
    larder_error *err)
{
    const char *prefix = store->options.prefix;
    redis_window *window = calloc(1, sizeof *window);
    redis_walk walk = {0};
    larder_status rc = LARDER_OK;

    if (window == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    window->store = store;
    if (after != NULL) {
        window->has_after = true;
        window->n_after = after->size < sizeof window->after
                              ? after->size
                              : sizeof window->after;
        if (window->n_after > 0)
            memcpy(window->after, after->data, window->n_after);
    }
    while (!walk.done) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(redis_walk_next(store->route, call, &walk,
            (larder_bytes){prefix, strlen(prefix)}, WALK_KEYS, add_key, window,
            err));
    }
    LARDER_TRY(check_canaries(window, err));
    tidy(window);
    redis_store_forget(store);
    store->window = window;
    return LARDER_OK;
out:
    free_window(window);
    return rc;
}

/* The first key that is not less. */
static size_t
find_key(const redis_window *window, larder_bytes key)
{
    size_t low = 0, high = window->n_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (redis_compare(bytes_of(&window->keys[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --------------------------------------------------------------- fetching */

/* Commands about a run of the window's keys, and what they gave. */
typedef struct fetching {
    unsigned char keys[FETCH_KEYS][LARDER_KEY_MAX + 80];
    larder_bytes words[FETCH_KEYS][3];
    redis_job jobs[FETCH_KEYS];
    size_t n_jobs;
} fetching;

static void
add_job(fetching *f, const redis_store *store, const char *command,
    larder_bytes key, const larder_table_id *table)
{
    size_t n_prefix = strlen(store->options.prefix), i = f->n_jobs++;

    memcpy(f->keys[i], store->options.prefix, n_prefix);
    if (key.size > 0)
        memcpy(f->keys[i] + n_prefix, key.data, key.size);
    f->words[i][0] = (larder_bytes){command, strlen(command)};
    f->words[i][1] = (larder_bytes){f->keys[i], n_prefix + key.size};
    if (table != NULL)
        f->words[i][2] = (larder_bytes){table->bytes, sizeof table->bytes};
    f->jobs[i] = (redis_job){
        .words = f->words[i], .n_words = table == NULL ? 2 : 3, .key = 1};
}

static void
free_replies(fetching *f)
{
    for (size_t i = 0; i < f->n_jobs; i++)
        freeReplyObject(f->jobs[i].reply);
    f->n_jobs = 0;
}

/* Fields and values in turn, as HGETALL gives them, by field. */
static int
compare_fields(const void *a, const void *b)
{
    const redisReply *x = *(redisReply *const *)a;
    const redisReply *y = *(redisReply *const *)b;

    return redis_compare(
        (larder_bytes){x->str, x->len}, (larder_bytes){y->str, y->len});
}

static bool
are_rows(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type != REDIS_REPLY_STRING ||
            (i % 2 == 0 ? reply->element[i]->len != LARDER_TABLE_BYTES
                        : reply->element[i]->len < LARDER_ROW_HEAD_BYTES))
            return false;
    return true;
}

typedef struct scanning {
    redis_store *store;
    redis_window *window;
    const larder_bytes *after_key;
    const larder_table_id *after_table;
    larder_each *each;
    size_t limit, n_rows;
    bool full; /* a row was left out for the limit */
} scanning;

static larder_status
give_row(scanning *s, larder_bytes key, const redisReply *field,
    const redisReply *row, larder_error *err)
{
    redis_window *window = s->window;
    larder_table_id table;

    memcpy(table.bytes, field->str, sizeof table.bytes);
    if (s->after_key != NULL && redis_compare(key, *s->after_key) == 0 &&
        memcmp(&table, s->after_table, sizeof table) <= 0)
        return LARDER_OK;
    s->full = s->n_rows == s->limit;
    if (s->full)
        return LARDER_OK;
    s->n_rows++;
    memcpy(window->last, key.data, key.size);
    window->n_last = key.size;
    window->last_table = table;
    window->begun = true;
    return s->each->row(
        s->each, key, table, (larder_bytes){row->str, row->len}, err);
}

/* The rows of one key, tables ascending. */
static larder_status
give_rows(
    scanning *s, larder_bytes key, const redisReply *reply, larder_error *err)
{
    size_t n = reply->elements / 2;
    const redisReply *(*pairs)[2];
    larder_status rc = LARDER_OK;

    if (!are_rows(reply))
        return larder_fail(err, LARDER_CORRUPT,
            "a key in Redis with key_prefix '%s' holds what is no row: another "
            "program's? name another key_prefix",
            s->store->options.prefix);
    if (n == 0)
        return LARDER_OK;
    pairs = malloc(n * sizeof *pairs);
    if (pairs == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        pairs[i][0] = reply->element[2 * i];
        pairs[i][1] = reply->element[2 * i + 1];
    }
    qsort(pairs, n, sizeof *pairs, compare_fields);
    for (size_t i = 0; i < n && rc == LARDER_OK && !s->full; i++)
        rc = give_row(s, key, pairs[i][0], pairs[i][1], err);
    free(pairs);
    return rc;
}

/* The rows of the window's keys from `at` on, until the limit. */
static larder_status
give_window(scanning *s, const larder_call *call, size_t at, larder_error *err)
{
    const redis_window *window = s->window;
    fetching *f = malloc(sizeof *f);
    larder_status rc = LARDER_OK;

    if (f == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    f->n_jobs = 0;
    while (at < window->n_keys && !s->full) {
        size_t n = window->n_keys - at;

        /* no more than can be wanted, and one for what comes after */
        if (n > s->limit - s->n_rows + 1)
            n = s->limit - s->n_rows + 1;
        if (n > FETCH_KEYS)
            n = FETCH_KEYS;
        for (size_t i = 0; i < n; i++)
            add_job(
                f, s->store, "HGETALL", bytes_of(&window->keys[at + i]), NULL);
        rc = redis_route_run(
            s->store->route, call, f->jobs, f->n_jobs, true, err);
        if (rc != LARDER_OK)
            f->n_jobs = 0;
        for (size_t i = 0; i < n && rc == LARDER_OK && !s->full; i++)
            rc = give_rows(
                s, bytes_of(&window->keys[at + i]), f->jobs[i].reply, err);
        free_replies(f);
        if (rc != LARDER_OK)
            break;
        at += n;
    }
    free(f);
    return rc;
}

/* Is this where the last scan of the window ended? */
static bool
goes_on(const redis_window *window, const larder_bytes *after_key,
    const larder_table_id *after_table)
{
    return window != NULL && window->begun && after_key != NULL &&
           redis_compare(
               *after_key, (larder_bytes){window->last, window->n_last}) == 0 &&
           memcmp(after_table, &window->last_table, sizeof *after_table) == 0;
}

/* Nothing is believed of a server that was emptied. */
static larder_status
ask_canary(redis_store *store, const larder_call *call, larder_error *err)
{
    unsigned char key[REDIS_CANARY_ROOM];
    larder_bytes words[2] = {
        {"GET", 3}, {key, redis_canary_key(store, 0, key)}};
    redis_job job = {.words = words, .n_words = 2, .key = 1};
    larder_status rc = redis_route_run(store->route, call, &job, 1, true, err);

    if (rc == LARDER_OK)
        rc = redis_canary_judge(store, job.reply, err);
    freeReplyObject(job.reply);
    return rc;
}

larder_status
redis_scan(void *self, const larder_call *call, const larder_bytes *after_key,
    const larder_table_id *after_table, size_t limit, larder_each *each,
    bool *more, larder_error *err)
{
    redis_store *store = self;
    scanning s = {.store = store,
        .after_key = after_key,
        .after_table = after_table,
        .each = each,
        .limit = limit};
    unsigned char last[LARDER_KEY_MAX];
    larder_bytes from = {last, 0};
    larder_table_id highest;
    larder_status rc = LARDER_OK;

    memset(&highest, 0xFF, sizeof highest);
    LARDER_TRY(larder_call_check(call, err));
    LARDER_TRY(ask_canary(store, call, err));
    if (!goes_on(store->window, after_key, after_table))
        LARDER_TRY(look(store, call, after_key, err));
    for (;;) {
        const redis_window *window = store->window;

        s.window = store->window;
        LARDER_TRY(give_window(&s, call,
            s.after_key == NULL ? 0 : find_key(window, *s.after_key), err));
        if (s.full || !window->cut)
            break;
        /* The keys greater than this window's last are in another. */
        from.size = window->keys[window->n_keys - 1].size;
        memcpy(last, window->keys[window->n_keys - 1].bytes, from.size);
        s.after_key = &from;
        s.after_table = &highest;
        LARDER_TRY(look(store, call, &from, err));
    }
    *more = s.full;
out:
    if (rc != LARDER_OK)
        redis_store_forget(store);
    return rc;
}

/* ------------------------------------------------------------------- sweep */

/* What a cursor of a sweep holds: where the walk is, and how far among the keys
 * of its next step, which are taken in the order of a digest. */
typedef struct sweep_cursor {
    redis_walk walk;
    uint64_t past;
} sweep_cursor;

_Static_assert(sizeof(sweep_cursor) < LARDER_KEY_MAX, "it goes in a cursor");

typedef struct step_key {
    uint64_t digest; /* greater than 0 */
    window_key key;
} step_key;

typedef struct sweeping {
    redis_store *store;
    step_key *keys;
    size_t n_keys, room;
} sweeping;

static uint64_t
digest_of(larder_bytes key)
{
    const unsigned char *bytes = key.data;
    uint64_t digest = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < key.size; i++)
        digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
    return digest | 1;
}

static larder_status
add_step_key(void *context, larder_bytes key, larder_error *err)
{
    sweeping *s = context;
    size_t n_prefix = strlen(s->store->options.prefix);
    larder_bytes rest = {
        (const unsigned char *)key.data + n_prefix, key.size - n_prefix};
    step_key *to;

    if (rest.size > LARDER_KEY_MAX || redis_canary_is(s->store, key))
        return LARDER_OK;
    if (s->n_keys == s->room) {
        size_t room = s->room * 2 + 64;
        step_key *keys = realloc(s->keys, room * sizeof *keys);

        if (keys == NULL)
            return larder_fail(err, LARDER_NOMEM, "out of memory");
        s->keys = keys;
        s->room = room;
    }
    to = &s->keys[s->n_keys];
    *to = (step_key){.digest = digest_of(rest),
        .key = {.bytes = malloc(rest.size + 1), .size = (uint32_t)rest.size}};
    if (to->key.bytes == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    memcpy(to->key.bytes, rest.data, rest.size);
    s->n_keys++;
    return LARDER_OK;
}

static int
compare_step_keys(const void *a, const void *b)
{
    const step_key *x = a, *y = b;

    return (x->digest > y->digest) - (x->digest < y->digest);
}

/* HDEL of the table, or UNLINK where there is none, of keys[from] to before
 * keys[to]. */
static larder_status
drop_fields(const sweeping *s, const larder_call *call,
    const larder_table_id *table, size_t from, size_t to, uint64_t *removed,
    larder_error *err)
{
    fetching *f = malloc(sizeof *f);
    larder_status rc = LARDER_OK;

    if (f == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    f->n_jobs = 0;
    while (from < to && rc == LARDER_OK) {
        for (; from < to && f->n_jobs < FETCH_KEYS; from++)
            add_job(f, s->store, table != NULL ? "HDEL" : "UNLINK",
                bytes_of(&s->keys[from].key), table);
        rc = redis_route_run(
            s->store->route, call, f->jobs, f->n_jobs, true, err);
        for (size_t i = 0; i < f->n_jobs && rc == LARDER_OK; i++)
            if (f->jobs[i].reply->type == REDIS_REPLY_INTEGER &&
                f->jobs[i].reply->integer > 0)
                *removed += (uint64_t)f->jobs[i].reply->integer;
        if (rc != LARDER_OK)
            f->n_jobs = 0;
        free_replies(f);
    }
    free(f);
    return rc;
}

/* The keys before `to` were swept already, when the same step came by them. But
 * a step goes farther once keys are gone, and may come by others among them. So
 * each is looked at again; *room: how many more rows may go. */
static larder_status
drop_again(const sweeping *s, const larder_call *call,
    const larder_table_id *table, size_t to, size_t max_keys, uint64_t *removed,
    size_t *room, larder_error *err)
{
    uint64_t before = *removed;
    larder_status rc = LARDER_OK;

    *room = max_keys;
    for (size_t from = 0, n; from<to && * room> 0 && rc == LARDER_OK;
         from += n) {
        n = to - from > *room ? *room : to - from;
        rc = drop_fields(s, call, table, from, from + n, removed, err);
        *room = max_keys - (size_t)(*removed - before);
    }
    return rc;
}

/* One step: the next keys of the walk that there are, at most `max_keys` of
 * them. */
static larder_status
step(sweeping *s, const larder_call *call, const larder_table_id *table,
    size_t max_keys, sweep_cursor *cursor, uint64_t *removed, larder_error *err)
{
    const char *prefix = s->store->options.prefix;
    redis_walk next = cursor->walk;
    size_t from = 0, to, room = 0;
    larder_status rc = LARDER_OK;

    while (s->n_keys == 0 && !next.done) {
        LARDER_TRY(larder_call_check(call, err));
        cursor->walk = next;
        LARDER_TRY(redis_walk_next(s->store->route, call, &next,
            (larder_bytes){prefix, strlen(prefix)},
            max_keys < SWEEP_KEYS ? SWEEP_KEYS : WALK_KEYS, add_step_key, s,
            err));
        if (s->n_keys == 0)
            cursor->past = 0; /* it was of another step */
    }
    if (s->n_keys > 1)
        qsort(s->keys, s->n_keys, sizeof *s->keys, compare_step_keys);
    while (from < s->n_keys && s->keys[from].digest <= cursor->past)
        from++;
    LARDER_TRY(drop_again(s, call, table, from, max_keys, removed, &room, err));
    if (room == 0)
        goto out;
    to = s->n_keys - from > room ? from + room : s->n_keys;
    while (to > from && to < s->n_keys &&
           s->keys[to].digest == s->keys[to - 1].digest)
        to++;
    LARDER_TRY(drop_fields(s, call, table, from, to, removed, err));
    if (to < s->n_keys) {
        cursor->past = s->keys[to - 1].digest; /* the same step again */
    } else {
        cursor->past = 0;
        cursor->walk = next;
    }
out:
    for (size_t i = 0; i < s->n_keys; i++)
        free(s->keys[i].key.bytes);
    s->n_keys = 0;
    return rc;
}

larder_status
redis_sweep(void *self, const larder_call *call, larder_table_id table,
    size_t max_keys, unsigned char *cursor, size_t *n_cursor, uint64_t *removed,
    larder_error *err)
{
    redis_store *store = self;
    sweeping s = {.store = store};
    sweep_cursor at = {.past = 0};
    uint64_t n_removed = 0;
    larder_status rc = larder_call_check(call, err);

    if (rc != LARDER_OK)
        return rc;
    if (*n_cursor == sizeof at)
        memcpy(&at, cursor, sizeof at);
    redis_store_forget(store);
    rc = step(
        &s, call, &table, max_keys > 0 ? max_keys : 1, &at, &n_removed, err);
    free(s.keys);
    if (rc != LARDER_OK)
        return rc;
    *n_cursor = at.walk.done ? 0 : sizeof at;
    memcpy(cursor, &at, *n_cursor);
    *removed = n_removed;
    return LARDER_OK;
}

/* The canary first, so that nothing is believed of what is half gone. */
larder_status
redis_destroy(void *self, const larder_call *call, larder_error *err)
{
    redis_store *store = self;
    sweeping s = {.store = store};
    sweep_cursor at = {.past = 0};
    uint64_t n_removed = 0;
    larder_status rc = LARDER_OK;

    redis_store_forget(store);
    LARDER_TRY(redis_canary_remove(store, call, err));
    while (!at.walk.done) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(step(&s, call, NULL, SIZE_MAX / 2, &at, &n_removed, err));
    }
out:
    free(s.keys);
    return rc;
}
