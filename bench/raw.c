/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.c - the bare stores, as peers: what the machine gives without Larder.
 *
 *     raw get ONLINE N ENTITIES   a cursor range over the same rows, LMDB
 *     raw size ONLINE             rows there, and bytes of one
 *     raw put FOLDER ROWS BYTES   sorted mdb_put, the same commits
 *     raw insert N DATABASE       the same rows, sorted, into such a table
 *     raw compute ROWS            the same expressions, a row at a time, SQLite
 *
 * Each prints one JSON line.
 */
#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/data.h"

#define READS 200000u
#define COMMIT_ROWS 16384u
#define KEY_BYTES 13u /* entity set, type, int64 */

static void
fail(const char *what, const char *why)
{
    fprintf(stderr, "raw: %s: %s\n", what, why);
    exit(1);
}

static void
lmdb(int rc, const char *what)
{
    if (rc != MDB_SUCCESS)
        fail(what, mdb_strerror(rc));
}

static void
sqlite(sqlite3 *db, int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        fail(what, sqlite3_errmsg(db));
}

static int64_t
nanoseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Big endian with the sign flipped, as the rows' keys are. */
static void
write_key(unsigned char *key, int64_t entity)
{
    uint64_t bits = (uint64_t)entity ^ (UINT64_C(1) << 63);

    for (int i = 7; i >= 0; i--, bits >>= 8)
        key[i] = (unsigned char)bits;
}

/* Entity set and type of the first row that is not the store's own. */
static void
find_prefix(MDB_cursor *cursor, unsigned char prefix[5])
{
    unsigned char one[] = {0, 0, 0, 1};
    MDB_val key = {sizeof one, one}, data;

    lmdb(mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE), "no rows");
    while (key.mv_size != KEY_BYTES + 8)
        lmdb(mdb_cursor_get(cursor, &key, &data, MDB_NEXT), "no rows");
    memcpy(prefix, key.mv_data, 5);
}

/* The rows whose keys begin so; *rows counts them. */
static uint64_t
read_range(MDB_cursor *cursor, unsigned char *wanted, uint64_t *rows)
{
    MDB_val key = {KEY_BYTES, wanted}, data;
    uint64_t sum = 0;
    int rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);

    while (rc == MDB_SUCCESS && key.mv_size >= KEY_BYTES &&
           memcmp(key.mv_data, wanted, KEY_BYTES) == 0) {
        for (size_t i = 0; i < data.mv_size; i += 8)
            sum += *((const unsigned char *)data.mv_data + i);
        ++*rows;
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    }
    return sum;
}

static int
get(const char *path, uint64_t n, uint64_t entities)
{
    uint64_t reads = READS / entities, sum = 0, rows = 0;
    int64_t *times = malloc((size_t)reads * sizeof *times);
    unsigned char wanted[KEY_BYTES];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;

    if (times == NULL)
        fail("get", "no memory");
    lmdb(mdb_env_create(&env), "create");
    lmdb(mdb_env_set_mapsize(env, (size_t)64 << 30), "map size");
    lmdb(mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS, 0600), path);
    lmdb(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    lmdb(mdb_dbi_open(txn, NULL, 0, &dbi), "database");
    lmdb(mdb_cursor_open(txn, dbi, &cursor), "cursor");
    find_prefix(cursor, wanted);
    for (uint64_t r = 0; r < reads; r++) {
        int64_t from = nanoseconds();

        mdb_txn_reset(txn);
        lmdb(mdb_txn_renew(txn), "renew");
        lmdb(mdb_cursor_renew(txn, cursor), "renew");
        for (uint64_t i = 0; i < entities; i++) {
            int64_t entity, t;

            data_spine_of(r * entities + i, n, &entity, &t);
            write_key(wanted + 5, entity);
            sum += read_range(cursor, wanted, &rows);
        }
        times[r] = nanoseconds() - from;
    }
    qsort(times, (size_t)reads, sizeof *times, by_size);
    printf("{\"what\": \"get\", \"by\": \"lmdb\", \"entities\": %" PRIu64
           ", \"p50_ns\": %" PRId64 ", \"p99_ns\": %" PRId64
           ", \"rows\": %" PRIu64 ", \"sum\": %" PRIu64 "}\n",
        entities, times[reads / 2], times[reads * 99 / 100], rows, sum);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    free(times);
    return 0;
}

/* What Larder wrote: how many rows, and what one takes on average. */
static int
size(const char *path)
{
    uint64_t rows = 0, bytes = 0;
    MDB_val key, data;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;

    lmdb(mdb_env_create(&env), "create");
    lmdb(mdb_env_set_mapsize(env, (size_t)64 << 30), "map size");
    lmdb(mdb_env_open(env, path, MDB_RDONLY, 0600), path);
    lmdb(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    lmdb(mdb_dbi_open(txn, NULL, 0, &dbi), "database");
    lmdb(mdb_cursor_open(txn, dbi, &cursor), "cursor");
    while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == MDB_SUCCESS)
        if (key.mv_size == KEY_BYTES + 8) {
            rows++;
            bytes += data.mv_size;
        }
    printf("{\"what\": \"size\", \"rows\": %" PRIu64 ", \"bytes\": %" PRIu64
           "}\n",
        rows, rows == 0 ? 0 : bytes / rows);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return 0;
}

static int
put(const char *path, uint64_t rows, size_t bytes)
{
    unsigned char key[KEY_BYTES + 8] = {0, 0, 0, 1, 3};
    unsigned char *value = calloc(1, bytes);
    MDB_env *env;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    int64_t from;

    if (value == NULL)
        fail("put", "no memory");
    mkdir(path, 0700);
    lmdb(mdb_env_create(&env), "create");
    lmdb(mdb_env_set_mapsize(env, (size_t)64 << 30), "map size");
    lmdb(mdb_env_open(env, path, 0, 0600), path);
    from = nanoseconds();
    for (uint64_t i = 0; i < rows; i++) {
        MDB_val k = {sizeof key, key}, v = {bytes, value};

        if (txn == NULL) {
            lmdb(mdb_txn_begin(env, NULL, 0, &txn), "begin");
            lmdb(mdb_dbi_open(txn, NULL, 0, &dbi), "database");
        }
        write_key(key + 5, (int64_t)i + 1);
        memcpy(value, &i, sizeof i < bytes ? sizeof i : bytes);
        lmdb(mdb_put(txn, dbi, &k, &v, 0), "put");
        if ((i + 1) % COMMIT_ROWS == 0 || i + 1 == rows) {
            lmdb(mdb_txn_commit(txn), "commit");
            txn = NULL;
        }
    }
    printf("{\"what\": \"materialize\", \"by\": \"lmdb\", \"seconds\": %.4f, "
           "\"rows\": %" PRIu64 "}\n",
        (double)(nanoseconds() - from) / 1e9, rows);
    mdb_env_close(env);
    free(value);
    return 0;
}

/* ------------------------------------------------------------------ SQLite */

static int
by_cluster(const void *a, const void *b)
{
    const data_event *x = a, *y = b;

    if (x->entity != y->entity)
        return x->entity < y->entity ? -1 : 1;
    return x->ts > y->ts ? -1 : x->ts < y->ts; /* the newest first */
}

/* All rows, ready and in order before the clock starts. */
static data_event *
sorted_events(uint64_t n)
{
    data_event *events = malloc((size_t)n * sizeof *events);

    if (events == NULL)
        fail("insert", "no memory");
    for (uint64_t i = 0; i < n; i++)
        data_event_of(i, n, &events[i]);
    qsort(events, (size_t)n, sizeof *events, by_cluster);
    return events;
}

static void
run(sqlite3 *db, const char *sql)
{
    sqlite(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static void
insert_row(
    sqlite3 *db, sqlite3_stmt *insert, const data_event *e, uint64_t digest)
{
    int at = 1;

    sqlite3_bind_int64(insert, at++, e->entity);
    for (int k = 0; k < DATA_DOUBLES; k++)
        sqlite3_bind_double(insert, at++, e->f[k]);
    sqlite3_bind_int64(insert, at++, e->i0);
    sqlite3_bind_int64(insert, at++, e->i1);
    sqlite3_bind_text(insert, at++, e->s, (int)e->n_s, SQLITE_STATIC);
    sqlite3_bind_int64(insert, at++, e->ts);
    sqlite3_bind_int64(insert, at++, 2);
    sqlite3_bind_int64(insert, at, (int64_t)digest);
    sqlite(db, sqlite3_step(insert), "insert");
    sqlite3_reset(insert);
}

static int
insert(uint64_t n, const char *path)
{
    data_event *events = sorted_events(n);
    sqlite3_stmt *statement;
    sqlite3 *db;
    int64_t from;

    sqlite(NULL, sqlite3_open(path, &db), path);
    run(db, "PRAGMA page_size=16384");
    run(db, "PRAGMA journal_mode=WAL");
    run(db, "PRAGMA synchronous=FULL");
    run(db, "CREATE TABLE events (entity INTEGER, f0 REAL, f1 REAL, f2 REAL, "
            "f3 REAL, f4 REAL, f5 REAL, f6 REAL, f7 REAL, i0 INTEGER, "
            "i1 INTEGER, s TEXT, ts TIMESTAMP, _arrival INTEGER NOT NULL, "
            "_digest INTEGER NOT NULL, PRIMARY KEY (entity, ts DESC, _digest)) "
            "WITHOUT ROWID");
    run(db, "CREATE INDEX arrived ON events (_arrival) WHERE _arrival & 1");
    run(db, "PRAGMA wal_autocheckpoint=0");
    from = nanoseconds();
    run(db, "BEGIN IMMEDIATE");
    sqlite(db,
        sqlite3_prepare_v2(db,
            "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT DO NOTHING",
            -1, &statement, NULL),
        "prepare");
    for (uint64_t i = 0; i < n; i++)
        insert_row(
            db, statement, &events[i], (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    run(db, "COMMIT");
    run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    printf("{\"what\": \"ingest\", \"by\": \"sqlite\", \"seconds\": %.4f, "
           "\"rows\": %" PRIu64 "}\n",
        (double)(nanoseconds() - from) / 1e9, n);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    free(events);
    return 0;
}

/* Bind, step and read, as whoever has rows at hand does; the values are made
 * before the clock starts. */
static int
compute(uint64_t rows)
{
    data_request *requests = malloc((size_t)rows * sizeof *requests);
    double sums[DATA_EXPRESSIONS] = {0};
    uint64_t values = 0;
    sqlite3_stmt *statement;
    sqlite3 *db;
    int64_t from;
    char sql[512];

    if (requests == NULL)
        fail("compute", "no memory");
    for (uint64_t i = 0; i < rows; i++)
        data_request_of(i, &requests[i]);
    snprintf(sql, sizeof sql,
        "WITH row(a, b, c) AS NOT MATERIALIZED (SELECT ?1, ?2, ?3) "
        "SELECT %s, %s, %s FROM row",
        data_expressions[0], data_expressions[1], data_expressions[2]);
    sqlite(NULL, sqlite3_open(":memory:", &db), "memory");
    sqlite(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL), sql);
    from = nanoseconds();
    for (uint64_t i = 0; i < rows; i++) {
        sqlite3_bind_double(statement, 1, requests[i].a);
        sqlite3_bind_double(statement, 2, requests[i].b);
        sqlite3_bind_int64(statement, 3, requests[i].c);
        sqlite(db, sqlite3_step(statement), "compute");
        for (int e = 0; e < DATA_EXPRESSIONS; e++)
            if (sqlite3_column_type(statement, e) != SQLITE_NULL) {
                sums[e] += sqlite3_column_double(statement, e);
                values++;
            }
        sqlite3_reset(statement);
    }
    printf("{\"what\": \"compute\", \"by\": \"sqlite\", \"seconds\": %.4f, "
           "\"rows\": %" PRIu64 ", \"values\": %" PRIu64
           ", \"sum0\": %.17g, \"sum1\": %.17g, \"sum2\": %.17g}\n",
        (double)(nanoseconds() - from) / 1e9, rows, values, sums[0], sums[1],
        sums[2]);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    free(requests);
    return 0;
}

static uint64_t
count(const char *text)
{
    return strtoull(text, NULL, 10);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "get") == 0 && argc == 5)
        return get(argv[2], count(argv[3]), count(argv[4]));
    if (strcmp(what, "size") == 0 && argc == 3)
        return size(argv[2]);
    if (strcmp(what, "put") == 0 && argc == 5)
        return put(argv[2], count(argv[3]), (size_t)count(argv[4]));
    if (strcmp(what, "insert") == 0 && argc == 4)
        return insert(count(argv[2]), argv[3]);
    if (strcmp(what, "compute") == 0 && argc == 3)
        return compute(count(argv[2]));
    fprintf(stderr, "raw: see the head of raw.c for its subcommands\n");
    return 2;
}
