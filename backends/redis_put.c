/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_put.c - rows into the server, each decided there.
 *
 * What is stored and what is put are compared inside the server, in a function,
 * so nothing comes between looking and writing. Rows of one entity are one
 * step. Rows go in portions of many entities a call, all portions in one
 * pipeline; on a cluster a portion is one entity. The core's own rows (keys
 * that begin with four bytes of 0) speak of others, so they are sent when those
 * have been answered, and they never expire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "online_redis.h"

/* Of a portion: the server does nothing else meanwhile. */
#define PORTION_ROWS 512u
#define PORTION_BYTES 524288u
#define PORTION_MOST 2000u /* rows of one entity: what Lua's unpack() takes */
/* Of one run: what is in memory on the way. */
#define RUN_PORTIONS 1024u
#define RUN_BYTES 8388608u

/*
 * KEYS[1] is the canary, the others are hashes; without a canary (on a cluster,
 * where a slot on its way to another node takes no command about two keys) all
 * are. ARGV: what the canary holds, or nothing; seconds a hash lives after a
 * write (0: for ever), then for each hash: how many rows (negative: it never
 * expires), and of each row: table, rule (N, R, or M with the expected checksum
 * behind it) and row. Answers a letter a row. Strings are compared byte by
 * byte: Lua's < follows the server's locale.
 */
const redis_function redis_put_function = {"larder_put",
    "local call, byte, sub = redis.call, string.byte, string.sub\n"
    "local function later(a, b)\n"
    "  for i = 1, 16 do\n"
    "    local x, y = byte(a, i), byte(b, i)\n"
    "    if x ~= y then return x > y end\n"
    "  end\n"
    "  local from = 25\n"
    "  while true do\n"
    "    local p, q = sub(a, from, from + 4095), sub(b, from, from + 4095)\n"
    "    if p ~= q then\n"
    "      for i = 1, 4096 do\n"
    "        local x, y = byte(p, i), byte(q, i)\n"
    "        if y == nil then return true end\n"
    "        if x == nil then return false end\n"
    "        if x ~= y then return x > y end\n"
    "      end\n"
    "    end\n"
    "    if #p < 4096 then return nil end\n"
    "    from = from + 4096\n"
    "  end\n"
    "end\n"
    "local function judge(old, new, rule)\n"
    "  local kind = byte(rule, 1)\n"
    "  if kind == 82 then return old and 'W' or 'U' end\n"
    "  if kind == 77 then\n"
    "    if (old and sub(old, 17, 24) or '') ~= sub(rule, 2) then\n"
    "      return 'M'\n"
    "    end\n"
    "    return old == new and 'U' or 'W'\n"
    "  end\n"
    "  if not old then return 'W' end\n"
    "  if old == new then return 'U' end\n"
    "  local is = later(new, old)\n"
    "  return is and 'W' or is == nil and 'U' or 'O'\n"
    "end\n"
    "local first = ARGV[1] == '' and 1 or 2\n"
    "if first == 2 and call('GET', KEYS[1]) ~= ARGV[1] then\n"
    "  return redis.error_reply('LARDER emptied')\n"
    "end\n"
    "local ttl, at, outcomes, n_out = tonumber(ARGV[2]), 3, {}, 0\n"
    "local fresh = true -- the row before was the first of its name\n"
    "for k = first, #KEYS do\n"
    "  local key, n = KEYS[k], tonumber(ARGV[at])\n"
    "  local expires = n > 0 and ttl > 0\n"
    "  if n < 0 then n = -n end\n"
    "  if n == 1 then\n"
    "    local name, new = ARGV[at + 1], ARGV[at + 3]\n"
    "    local rule, is = ARGV[at + 2], 'W'\n"
    "    if not (fresh and rule == 'N' and\n"
    "        call('HSETNX', key, name, new) == 1) then\n"
    "      local old = call('HGET', key, name)\n"
    "      if old and #old < 24 then\n"
    "        return redis.error_reply('LARDER corrupt')\n"
    "      end\n"
    "      fresh = not old\n"
    "      is = judge(old, new, rule)\n"
    "      if is == 'W' and rule == 'R' then\n"
    "        call('HDEL', key, name)\n"
    "      elseif is == 'W' then\n"
    "        call('HSET', key, name, new)\n"
    "      end\n"
    "    end\n"
    "    n_out = n_out + 1\n"
    "    outcomes[n_out] = is\n"
    "    if expires and is == 'W' and rule ~= 'R' then\n"
    "      call('EXPIRE', key, ttl)\n"
    "    end\n"
    "  else\n"
    "    local names, now, dirty = {}, {}, {}\n"
    "    local sets, n_sets, gone, n_gone = {}, 0, {}, 0\n"
    "    for i = 1, n do names[i] = ARGV[at + 3 * i - 2] end\n"
    "    local old = call('HMGET', key, unpack(names))\n"
    "    for i = 1, n do\n"
    "      if old[i] and #old[i] < 24 then\n"
    "        return redis.error_reply('LARDER corrupt')\n"
    "      end\n"
    "      now[names[i]] = old[i]\n"
    "    end\n"
    "    for i = 1, n do\n"
    "      local name = names[i]\n"
    "      local rule, new = ARGV[at + 3 * i - 1], ARGV[at + 3 * i]\n"
    "      local is = judge(now[name], new, rule)\n"
    "      n_out = n_out + 1\n"
    "      outcomes[n_out] = is\n"
    "      if is == 'W' then\n"
    "        now[name] = byte(rule, 1) ~= 82 and new\n"
    "        dirty[name] = true\n"
    "      end\n"
    "    end\n"
    "    for name in pairs(dirty) do\n"
    "      if now[name] then\n"
    "        sets[n_sets + 1], sets[n_sets + 2] = name, now[name]\n"
    "        n_sets = n_sets + 2\n"
    "      else\n"
    "        n_gone = n_gone + 1\n"
    "        gone[n_gone] = name\n"
    "      end\n"
    "    end\n"
    "    if n_gone > 0 then call('HDEL', key, unpack(gone)) end\n"
    "    if n_sets > 0 then\n"
    "      call('HSET', key, unpack(sets))\n"
    "      if expires then call('EXPIRE', key, ttl) end\n"
    "    end\n"
    "  end\n"
    "  at = at + 1 + 3 * n\n"
    "end\n"
    "return table.concat(outcomes)\n"};

/* ----------------------------------------------------------------- in order */

static bool
is_own(larder_bytes key)
{
    return key.size >= 4 && memcmp(key.data, "\0\0\0\0", 4) == 0;
}

static bool
is_same(larder_bytes a, larder_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The core's own last; then by key, then as they were given. */
static int
compare_puts(const void *a, const void *b)
{
    const larder_put *x = *(const larder_put *const *)a;
    const larder_put *y = *(const larder_put *const *)b;
    int order = is_own(x->key) - is_own(y->key);

    if (order == 0)
        order = redis_compare(x->key, y->key);
    return order != 0 ? order : (x > y) - (x < y);
}

static const larder_put **
sort_puts(const larder_put *rows, size_t n_rows)
{
    bool sorted = true;
    const larder_put **order = n_rows > SIZE_MAX / sizeof(larder_put *)
                                   ? NULL
                                   : malloc(n_rows * sizeof(larder_put *));

    for (size_t i = 0; order != NULL && i < n_rows; i++) {
        order[i] = rows + i;
        sorted =
            sorted && (i == 0 || compare_puts(order + i - 1, order + i) < 0);
    }
    if (order != NULL && !sorted)
        qsort(order, n_rows, sizeof(larder_put *), compare_puts);
    return order;
}

/* ----------------------------------------------------------------- portions */

/* The words of one call and the bytes that they need of their own. */
typedef struct portion {
    larder_bytes *words;
    unsigned char *bytes;
    size_t n_words, n_bytes;
    size_t key;           /* the word that is the first row's key */
    size_t first, n_rows; /* of the rows in order */
} portion;

typedef struct putting {
    redis_store *store;
    const larder_put **rows; /* in order */
    size_t n_rows;
    larder_outcome *outcomes; /* as the rows were given */
    const larder_put *given;
    char ttl[24];
} putting;

static void
free_portions(portion *portions, size_t n_portions)
{
    for (size_t i = 0; i < n_portions; i++) {
        free(portions[i].words);
        free(portions[i].bytes);
    }
}

/* How many of the rows from `first` on go together. */
static size_t
measure(const putting *p, size_t first, size_t *n_keys, size_t *n_bytes)
{
    bool alone = p->store->options.kind == REDIS_CLUSTER;
    size_t size = 0, n = 0;

    *n_keys = 0;
    *n_bytes = 0;
    while (first + n < p->n_rows && n < PORTION_ROWS && size < PORTION_BYTES) {
        const larder_put *put = p->rows[first + n];
        bool new = n == 0 || !is_same(put->key, p->rows[first + n - 1]->key);

        if (new &&n > 0 && (alone || (is_own(put->key) && first > 0)))
            break; /* from 0 on all rows before are in this portion */
        *n_keys += new;
        *n_bytes += 16; /* a rule, and of a key its count */
        if (new)
            *n_bytes += put->key.size;
        size += put->row.size + put->key.size;
        n++;
    }
    return n;
}

static void
add_word(portion *to, const void *data, size_t size)
{
    to->words[to->n_words++] = (larder_bytes){data, size};
}

/* A word whose bytes the portion keeps. */
static unsigned char *
keep(portion *to, size_t size)
{
    unsigned char *at = to->bytes + to->n_bytes;

    to->n_bytes += size;
    add_word(to, at, size);
    return at;
}

static void
keep_key(portion *to, const redis_store *store, larder_bytes key)
{
    size_t n_prefix = strlen(store->options.prefix);
    unsigned char *at = keep(to, n_prefix + key.size);

    memcpy(at, store->options.prefix, n_prefix);
    memcpy(at + n_prefix, key.data, key.size);
}

static void
keep_number(portion *to, const char *sign, size_t number)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%s%zu", sign, number);

    memcpy(keep(to, (size_t)n), text, (size_t)n);
}

static void
add_row(portion *to, const larder_put *put)
{
    unsigned char *rule;

    add_word(to, put->table.bytes, sizeof put->table.bytes);
    switch (put->rule) {
    case LARDER_PUT_NEWEST:
        add_word(to, "N", 1);
        break;
    case LARDER_PUT_REMOVE:
        add_word(to, "R", 1);
        add_word(to, "", 0);
        return;
    case LARDER_PUT_IF_MATCH:
        rule = keep(to, put->expected == 0 ? 1 : 9);
        rule[0] = 'M';
        for (size_t i = 0; put->expected != 0 && i < 8; i++)
            rule[1 + i] = (unsigned char)(put->expected >> 8 * i);
        break;
    }
    add_word(to, put->row.data, put->row.size);
}

/* Rows of the same key from `at` on, within the portion. */
static size_t
count_same(const putting *p, const portion *to, size_t at)
{
    size_t end = to->first + to->n_rows, n = 1;

    while (at + n < end && is_same(p->rows[at]->key, p->rows[at + n]->key))
        n++;
    return n;
}

static void
keep_canary(portion *to, const redis_store *store)
{
    unsigned char *at = keep(to, 0);
    size_t size = redis_canary_key(store, 0, at);

    to->n_bytes += size;
    to->words[to->n_words - 1].size = size;
}

static void
add_words(const putting *p, portion *to, size_t n_keys)
{
    const redis_store *store = p->store;
    bool alone = store->options.kind == REDIS_CLUSTER;
    size_t end = to->first + to->n_rows, n = 0;

    redis_function_words(
        store->options.functions, &redis_put_function, to->words);
    to->n_words = 2;
    keep_number(to, "", n_keys + !alone);
    if (!alone)
        keep_canary(to, store);
    to->key = to->n_words;
    for (size_t i = to->first; i < end; i += count_same(p, to, i))
        keep_key(to, store, p->rows[i]->key);
    add_word(to, store->canary, alone ? 0 : strlen(store->canary));
    add_word(to, p->ttl, strlen(p->ttl));
    for (size_t i = to->first; i < end; i += n) {
        n = count_same(p, to, i);
        keep_number(to, is_own(p->rows[i]->key) ? "-" : "", n);
        for (size_t j = i; j < i + n; j++)
            add_row(to, p->rows[j]);
    }
}

static larder_status
make_portion(const putting *p, size_t first, portion *out, larder_error *err)
{
    size_t n_prefix = strlen(p->store->options.prefix), n_keys, n_bytes;
    portion made = {.first = first};

    made.n_rows = measure(p, first, &n_keys, &n_bytes);
    n_bytes += (n_keys + 2) * (n_prefix + 64);
    made.words =
        malloc((8 + 2 * n_keys + 3 * made.n_rows) * sizeof *made.words);
    made.bytes = malloc(n_bytes);
    if (made.words == NULL || made.bytes == NULL) {
        free_portions(&made, 1);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    add_words(p, &made, n_keys);
    *out = made;
    return LARDER_OK;
}

/* --------------------------------------------------------------------- put */

static larder_status
take_outcomes(const putting *p, const portion *of, const redisReply *reply,
    larder_error *err)
{
    static const char letters[] = "WUOM"; /* in the order of larder_outcome */

    if (reply->type != REDIS_REPLY_STRING || reply->len != of->n_rows)
        return redis_senseless(p->store, "to a put", err);
    for (size_t i = 0; i < of->n_rows; i++) {
        const char *found = memchr(letters, reply->str[i], 4);

        if (found == NULL)
            return redis_senseless(p->store, "to a put", err);
        p->outcomes[p->rows[of->first + i] - p->given] =
            (larder_outcome)(found - letters);
    }
    return LARDER_OK;
}

/* Sent again after a connection was lost, an IF_MATCH may have found what it
 * had written itself: then the row is there, bytes and all. */
static larder_status
look_again(const putting *p, const larder_call *call, const portion *of,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = of->first; i < of->first + of->n_rows; i++) {
        const larder_put *put = p->rows[i];
        larder_outcome *outcome = &p->outcomes[put - p->given];
        bool is_there = false;

        if (*outcome != LARDER_MISMATCH)
            continue;
        LARDER_TRY(redis_store_holds(p->store, call, put, &is_there, err));
        if (is_there)
            *outcome = LARDER_WRITTEN;
    }
out:
    return rc;
}

/* What a run sends: on a cluster the canary of each slot, then the portions. */
typedef struct sending {
    redis_job jobs[2 * RUN_PORTIONS];
    larder_bytes words[RUN_PORTIONS][2];
    unsigned char keys[RUN_PORTIONS][REDIS_CANARY_ROOM];
    uint32_t asked[512]; /* canaries: a bit each */
    size_t n_canaries, n_jobs;
} sending;

static void
add_canary(sending *s, const redis_store *store, larder_bytes key)
{
    size_t canary = redis_store_canary_of(store, key), i = s->n_canaries;
    uint32_t bit = UINT32_C(1) << canary % 32;

    if ((s->asked[canary / 32] & bit) != 0)
        return;
    s->asked[canary / 32] |= bit;
    s->words[i][0] = (larder_bytes){"GET", 3};
    s->words[i][1] =
        (larder_bytes){s->keys[i], redis_canary_key(store, canary, s->keys[i])};
    s->jobs[s->n_jobs++] =
        (redis_job){.words = s->words[i], .n_words = 2, .key = 1};
    s->n_canaries++;
}

static larder_status
take_replies(const putting *p, const larder_call *call, const portion *portions,
    size_t n_portions, const sending *s, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < s->n_canaries; i++)
        LARDER_TRY(redis_canary_judge(p->store, s->jobs[i].reply, err));
    for (size_t i = 0; i < n_portions; i++) {
        const redis_job *job = &s->jobs[s->n_canaries + i];

        LARDER_TRY(take_outcomes(p, &portions[i], job->reply, err));
        if (job->again)
            LARDER_TRY(look_again(p, call, &portions[i], err));
    }
out:
    return rc;
}

static larder_status
run_portions(const putting *p, const larder_call *call, const portion *portions,
    size_t n_portions, larder_error *err)
{
    sending *s = calloc(1, sizeof *s);
    larder_status rc;

    if (s == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    if (p->store->options.kind == REDIS_CLUSTER)
        for (size_t i = 0; i < n_portions; i++)
            add_canary(s, p->store, p->rows[portions[i].first]->key);
    for (size_t i = 0; i < n_portions; i++)
        s->jobs[s->n_jobs++] = (redis_job){.words = portions[i].words,
            .n_words = portions[i].n_words,
            .key = portions[i].key};
    rc = redis_route_run(p->store->route, call, s->jobs, s->n_jobs, true, err);
    if (rc == LARDER_OK)
        rc = take_replies(p, call, portions, n_portions, s, err);
    for (size_t i = 0; i < s->n_jobs; i++)
        freeReplyObject(s->jobs[i].reply);
    free(s);
    return rc;
}

/* Rows from *first on, as many as one run takes. */
static larder_status
put_run(
    const putting *p, const larder_call *call, size_t *first, larder_error *err)
{
    portion *portions = calloc(RUN_PORTIONS, sizeof *portions);
    size_t n_portions = 0, n_bytes = 0, at = *first;
    larder_status rc = LARDER_OK;

    if (portions == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    while (at < p->n_rows && n_portions < RUN_PORTIONS && n_bytes < RUN_BYTES) {
        portion *to = &portions[n_portions];

        if (n_portions > 0 && is_own(p->rows[at]->key))
            break; /* when the others are there */
        LARDER_TRY(make_portion(p, at, to, err));
        n_portions++;
        at += to->n_rows;
        for (size_t i = 0; i < to->n_words; i++)
            n_bytes += to->words[i].size;
    }
    LARDER_TRY(run_portions(p, call, portions, n_portions, err));
    *first = at;
out:
    free_portions(portions, n_portions);
    free(portions);
    return rc;
}

larder_status
redis_put(void *self, const larder_call *call, const larder_put *rows,
    size_t n_rows, larder_outcome *outcomes, larder_error *err)
{
    redis_store *store = self;
    putting p = {.store = store, .n_rows = n_rows, .given = rows};
    larder_status rc = LARDER_OK;

    if (n_rows == 0)
        return LARDER_OK;
    LARDER_TRY(larder_call_check(call, err));
    p.rows = sort_puts(rows, n_rows);
    p.outcomes = calloc(n_rows, sizeof *outcomes);
    if (p.rows == NULL || p.outcomes == NULL)
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    (void)snprintf(p.ttl, sizeof p.ttl, "%llu",
        (unsigned long long)store->options.key_ttl_seconds);
    redis_store_forget(store);
    LARDER_TRY(redis_store_ready(store, call, err));
    for (size_t at = 0; at < n_rows;)
        LARDER_TRY(put_run(&p, call, &at, err));
    memcpy(outcomes, p.outcomes, n_rows * sizeof *outcomes);
out:
    free(p.rows);
    free(p.outcomes);
    return rc;
}
