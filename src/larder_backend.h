/* SPDX-License-Identifier: Apache-2.0 */
/*
 * larder_backend.h - all that a backend fills in and may use.
 *
 * A backend stores tables, keys, rows and times. It never meets a feature view,
 * an entity or a ttl. It includes this header and its driver's, nothing else
 * (SQL stores also backends/sql.h). Copy backends/online_memory.c, run the
 * conformance suite, and hand the table of methods to larder_open().
 *
 * Who calls: only the wrappers in src/storage. `self` is `state_bytes` of zeroed
 * memory. Unless `concurrent`, calls on one `self` never overlap. A method calls
 * nothing of the core but the services declared here and the callbacks it was
 * given. Each method gets the larder_call: where it can wait or loop it asks
 * larder_call_check() and passes the deadline on to its driver. On failure a
 * method has changed nothing, unless it says otherwise, and its outputs are
 * untouched.
 */
#ifndef LARDER_BACKEND_H
#define LARDER_BACKEND_H

#include "larder.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LARDER_BACKEND_ABI 1u

/* ---------------------------------------------------------------- services */

/* INTERRUPTED or DEADLINE when the caller no longer waits; else OK. Cheap. */
LARDER_CHECKED larder_status larder_call_check(
    const larder_call *call, larder_error *err);

/* An option of the store's section in feature_store.yaml, already expanded.
 * NULL when it is not there. `get_*` leave *out alone then. */
typedef struct larder_options larder_options;
LARDER_API const char *larder_options_find(
    const larder_options *options, const char *name);
/* Bytes: "64MiB", "1GB", a bare number. INVALID names option and value. */
LARDER_CHECKED larder_status larder_options_bytes(const larder_options *options,
    const char *name, uint64_t *out, larder_error *err);
LARDER_CHECKED larder_status larder_options_bool(const larder_options *options,
    const char *name, bool *out, larder_error *err);
/* INVALID, with the nearest name, when an option is not in `known`. */
LARDER_CHECKED larder_status larder_options_only(const larder_options *options,
    const char *const *known, size_t n_known, larder_error *err);

/* Fast appends for one type; a null is larder_column_append's. `reserve` makes
 * the next n_rows (and text bytes) free of failure. */
LARDER_CHECKED larder_status larder_column_reserve(larder_column *column,
    size_t n_rows, size_t n_bytes, larder_error *err);
LARDER_CHECKED larder_status larder_column_append_integer(
    larder_column *column, int64_t value, larder_error *err);
LARDER_CHECKED larder_status larder_column_append_real(
    larder_column *column, double value, larder_error *err);
LARDER_CHECKED larder_status larder_column_append_text(
    larder_column *column, larder_bytes text, larder_error *err);
LARDER_CHECKED larder_status larder_column_append_null(
    larder_column *column, larder_error *err);

/* A 64-bit digest of the non-null values of a row, by column name, whatever
 * their order; so a column added later changes no digest. */
LARDER_API uint64_t larder_row_digest(const larder_batch *batch, size_t row);
/* The same of n_rows rows from `row` on, faster than one by one. */
LARDER_API void larder_row_digests(
    const larder_batch *batch, size_t row, size_t n_rows, uint64_t *digests);

/* Is told what a store finds when it is examined; store and type are the
 * core's to say. Everything is lent for the call. */
typedef struct larder_finding_sink larder_finding_sink;
struct larder_finding_sink {
    larder_status (*found)(larder_finding_sink *self,
        const larder_finding *finding, larder_error *err);
};
/* One finding; `advice` says what to change, NULL: nothing. NOMEM. */
LARDER_CHECKED larder_status larder_finding_tell(larder_finding_sink *sink,
    const char *checked, larder_verdict verdict, const char *advice,
    larder_error *err, const char *format, ...) LARDER_PRINTF(6, 7);

/* ----------------------------------------------------------- online stores */

/* An online row's first 16 bytes are its version (event time, then created, in
 * memcmp's order), the next 8 its checksum, the rest its payload. */
#define LARDER_ROW_VERSION_BYTES 16u
#define LARDER_ROW_HEAD_BYTES 24u
/* <0, 0, >0: version, then payload; the checksum has no say. */
LARDER_API int larder_row_compare(larder_bytes a, larder_bytes b);

/* A key has 1 to this many bytes on every store, and none begins with another
 * whole one (the core's encoding sees to that); a table is 8 bytes. */
#define LARDER_KEY_MAX 480u
#define LARDER_TABLE_BYTES 8u

typedef struct larder_table_id {
    unsigned char bytes[LARDER_TABLE_BYTES];
} larder_table_id;

/* One entity and the tables wanted of it, ascending. */
typedef struct larder_want {
    larder_bytes key;
    const larder_table_id *tables;
    size_t n_tables;
} larder_want;

typedef struct larder_found larder_found;
struct larder_found { /* embed it first in yours; calls nothing of the store */
    larder_status (*row)(larder_found *self, size_t want, size_t table,
        larder_bytes row, larder_error *err);
};

typedef enum larder_put_rule {
    LARDER_PUT_NEWEST,   /* stands if greater than what is stored */
    LARDER_PUT_IF_MATCH, /* stands if the stored checksum is `expected` */
    LARDER_PUT_REMOVE    /* the row goes away */
} larder_put_rule;

typedef struct larder_put {
    larder_bytes key;
    larder_table_id table;
    larder_put_rule rule;
    uint64_t expected; /* IF_MATCH; 0: nothing is stored */
    larder_bytes row;
} larder_put;

typedef enum larder_outcome {
    LARDER_WRITTEN,
    LARDER_UNCHANGED, /* equal bytes, or nothing to remove */
    LARDER_OLDER,     /* NEWEST: the stored row is greater */
    LARDER_MISMATCH   /* IF_MATCH: the stored checksum is another */
} larder_outcome;

/* What a scan hands out: a row with its key and table; as larder_found. */
typedef struct larder_each larder_each;
struct larder_each {
    larder_status (*row)(larder_each *self, larder_bytes key,
        larder_table_id table, larder_bytes row, larder_error *err);
};

/*
 * Rows as fields of hashes that other programs read too (`layout: feast`). Rows
 * of one entity share a hash; the core says what the fields of each are called.
 * names[0] holds its event time, a serialized google.protobuf.Timestamp;
 * names[1] its mark: build (8 bytes) and created (8 bytes), both in memcmp's
 * order, table (8 bytes), then the bytes of names[0] that it was written with.
 * Where names[0] holds others by now, the row has no mark: build as that of any
 * other row, created the lowest, eight 00. Keys are whole; nothing is added.
 */
typedef struct larder_hash_want {
    larder_bytes key;
    const larder_bytes *names;
    size_t n_names;
} larder_hash_want;

typedef struct larder_hash_found larder_hash_found;
struct larder_hash_found { /* as larder_found */
    /* values[i] is what names[i] holds; data NULL: there is no such field. */
    larder_status (*values)(larder_hash_found *self, size_t want,
        const larder_bytes *values, larder_error *err);
};

typedef struct larder_hash_put {
    larder_bytes key;
    /* NEWEST: stands if nothing is stored; if its build is the greater; if,
     * builds being equal or unknown, its event time, then created, is the
     * later. All three equal: UNCHANGED if all values are, else MISMATCH.
     * IF_MATCH: stands if all fields hold what is expected (data NULL: are not
     * there). REMOVE: the fields go. */
    larder_put_rule rule;
    const larder_bytes *names;
    const larder_bytes *values;   /* IF_MATCH: NULL, and the fields go */
    const larder_bytes *expected; /* IF_MATCH */
    size_t n_names; /* REMOVE: 0, and the whole hash goes */
} larder_hash_put;

typedef struct larder_each_key larder_each_key;
struct larder_each_key { /* calls nothing of the store */
    larder_status (*key)(
        larder_each_key *self, larder_bytes key, larder_error *err);
};

typedef struct larder_online_ops {
    unsigned abi;       /* LARDER_BACKEND_ABI */
    const char *type;   /* as in feature_store.yaml: "lmdb" */
    size_t state_bytes;
    bool concurrent;    /* get may run while anything else does */
    /* `path`-like options are already absolute. Creates nothing unless
     * `create`. INVALID (an option), NOT_FOUND (nothing there), UNAVAILABLE,
     * BUSY, CORRUPT, IO, NOMEM; then close is not called. */
    larder_status (*open)(void *self, const larder_options *options,
        bool create, const larder_call *call, larder_error *err);
    void (*close)(void *self);
    /* Hand `found` each row there is of these wants, once, in any order, lent
     * for that call; one snapshot, one round trip. CORRUPT, UNAVAILABLE. */
    larder_status (*get)(void *self, const larder_call *call,
        const larder_want *wants, size_t n_wants, larder_found *found,
        larder_error *err);
    /* All rows or none where the store can, rows in the given order; outcomes[i]
     * tells what row i came to. The same key and table may come twice: the
     * second sees the first. LIMIT (full), UNAVAILABLE, IO, NOMEM. */
    larder_status (*put)(void *self, const larder_call *call,
        const larder_put *rows, size_t n_rows, larder_outcome *outcomes,
        larder_error *err);
    /* Rows after `after` (key and table; NULL: from the first) in ascending
     * order of key, then table; at most `limit` rows. *more says whether the
     * limit, and not the end, stopped it. */
    larder_status (*scan)(void *self, const larder_call *call,
        const larder_bytes *after_key, const larder_table_id *after_table,
        size_t limit, larder_each *each, bool *more, larder_error *err);
    /* Drop rows of one table, at most `max_keys` keys looked at; `cursor` holds
     * LARDER_KEY_MAX bytes of where to go on and its length in *n_cursor (0:
     * begin; 0 afterwards: done). *removed counts those of this step. */
    larder_status (*sweep)(void *self, const larder_call *call,
        larder_table_id table, size_t max_keys, unsigned char *cursor,
        size_t *n_cursor, uint64_t *removed, larder_error *err);
    /* Remove everything, the store's files included where it has its own;
     * hashes stay. */
    larder_status (*destroy)(
        void *self, const larder_call *call, larder_error *err);
    /* Optional, all three or none; NULL: the store has no hashes. As get. */
    larder_status (*get_hashes)(void *self, const larder_call *call,
        const larder_hash_want *wants, size_t n_wants, larder_hash_found *found,
        larder_error *err);
    /* As put. A hash from which the last "_ts:" field goes, goes whole. */
    larder_status (*put_hashes)(void *self, const larder_call *call,
        const larder_hash_put *puts, size_t n_puts, larder_outcome *outcomes,
        larder_error *err);
    /* Keys that begin with `head`, be they hashes or not, in any order, each at
     * least once; at most about `max_keys` are looked at. `cursor` as of
     * sweep. */
    larder_status (*scan_hashes)(void *self, const larder_call *call,
        larder_bytes head, size_t max_keys, unsigned char *cursor,
        size_t *n_cursor, larder_each_key *each, larder_error *err);
    /* Optional; NULL: that it opens is all that can be told. Look at the store
     * and tell `sink` of each thing: the version, rights, room, what had better
     * be changed. Changes nothing. UNAVAILABLE; another failure says that the
     * rest could not be looked at. */
    larder_status (*examine)(void *self, const larder_call *call,
        larder_finding_sink *sink, larder_error *err);
} larder_online_ops;

/* ---------------------------------------------------------- offline stores */

typedef enum larder_time_unit {
    LARDER_UNIT_US = 0,
    LARDER_UNIT_S,
    LARDER_UNIT_MS,
    LARDER_UNIT_NS
} larder_time_unit;

/*
 * A table of history as definitions declare it. Owned tables hold exactly
 * `schema` (and what the store needs); of user tables and queries the columns
 * named here are read and others ignored.
 */
typedef struct larder_table {
    const char *name;    /* owned: the source's name; else the user's table */
    const char *query;   /* NULL, or a SELECT that stands for the table */
    bool owned;
    const larder_schema *schema;
    const char *const *key; /* owned: clustering order; columns of schema */
    size_t n_key;
    const char *event;   /* column of the event time */
    const char *created; /* NULL: none */
    larder_time_unit unit;        /* of integer times in user tables */
    int32_t naive_offset_minutes; /* of text times without an offset */
    bool date_is_end_of_day;      /* a bare date means its last microsecond */
} larder_table;

typedef enum larder_order {
    LARDER_ORDER_ANY,
    /* by key, then event time descending, then created descending, nulls last:
     * the first row at or before a moment is the one wanted */
    LARDER_ORDER_NEWEST_FIRST
} larder_order;

/*
 * Which rows and columns a read gives. The stream's columns are: the key columns
 * in the order asked, "event" (timestamp), "created" (timestamp, null where
 * there is none), then the value columns. Rows with a null event time are left
 * out; rows with a null key part come with the nulls.
 */
typedef struct larder_scan {
    const larder_table *table;
    const char *const *key;
    size_t n_key;
    const larder_field *columns; /* name and the type wanted */
    size_t n_columns;
    larder_time from, to;        /* of event time, both included */
    /* Arrival: rows with arrival > after, or event > seen_until (events that
     * were in the future when the mark was taken); off unless `arrived`. */
    bool arrived;
    int64_t after;
    larder_time seen_until;
    /* NULL, or only rows of these keys are wanted: a batch of the key columns,
     * without nulls, each key once, in any order. A store seeks where it can,
     * and may then divide these keys into parts rather than the table. */
    const larder_batch *keys;
    /* Beside `keys`: NULL, or a time for each of them. Of key k only rows with
     * keys_from[k] <= event <= keys_to[k] are wanted, of those within from, to
     * and arrival. */
    const larder_time *keys_from, *keys_to;
    /* Beside keys_from: also the newest of the rows that only keys_from[k]
     * leaves out, with all that have the same event time. */
    bool one_before;
    /* All of these outlive the stream. A store may leave any of them alone and
     * give more rows than they want (latest: of other keys); the core leaves
     * those out. */
    /* Part `part` of `n_parts` by ranges of key (n_parts 0 or 1: all). Parts are
     * disjoint, together everything, and ascending in key order; rows with a
     * null key part are in part 0. */
    unsigned part, n_parts;
    larder_order order;
} larder_scan;

/* What a store says of a table. */
typedef struct larder_described {
    bool exists;
    larder_schema schema; /* columns found; freed by larder_described_release */
    uint64_t n_rows;      /* an estimate for user tables */
    int64_t arrival;      /* newest arrival mark; owned tables, else 0 */
    larder_time newest_event; /* LARDER_TIME_MIN: no row, or unknown */
    bool seekable;        /* asof_join needs no pass over everything */
    /* Not seekable, and still asof_join is worth asking, by one thread: for few
     * rows it passes over everything where that lies. */
    bool passes;
} larder_described;
LARDER_API void larder_described_release(larder_described *described);
/* Add a column while describing. A `type` of 0 means the store cannot tell. */
LARDER_CHECKED larder_status larder_described_add(larder_described *described,
    const char *name, larder_type type, larder_error *err);

typedef struct larder_appended {
    uint64_t added, duplicate;
    int64_t arrival; /* the mark these rows got; 0 when none was added */
} larder_appended;

/* One part of a spine for asof_join: sorted by key, then time. */
typedef struct larder_asof {
    larder_scan scan;            /* table, key and columns; the rest is unused */
    const larder_batch *spine;   /* the key columns, then one timestamp column */
    bool has_ttl;
    int64_t ttl_us;
    bool as_known;               /* also created <= t (null created: never) */
    /* A hint: of rows with event < t - values_us only the times are looked at.
     * Their values may be given as nulls, and those tied left out. */
    bool has_values_us;
    int64_t values_us;
} larder_asof;

/* How a store goes about an as-of join; the texts are malloc'ed. */
typedef struct larder_approach {
    char *plan;   /* "seek", "merge": a word or two */
    char *reason; /* NULL, or why this plan and no other */
    char *sql;    /* NULL, or the statement it runs */
} larder_approach;

typedef struct larder_offline_ops {
    unsigned abi;
    const char *type; /* "sqlite" */
    size_t state_bytes;
    bool concurrent;
    larder_status (*open)(void *self, const larder_options *options,
        bool create, const larder_call *call, larder_error *err);
    void (*close)(void *self);
    /* n_readers of one snapshot, numbered from 0; each serves one thread, all
     * may run at once, and beside the methods that name no reader. Reads below
     * name the reader. One snapshot at a time (BUSY). `end` also after a
     * failure of a read; its streams are closed by then. */
    larder_status (*begin)(void *self, const larder_call *call,
        unsigned n_readers, larder_error *err);
    void (*end)(void *self);
    /* What is there now, also while a snapshot is open: whoever wants a mark
     * for a snapshot describes before it begins. A query is prepared, not
     * run. INVALID (a query that does not prepare, or would write), ... */
    larder_status (*describe)(void *self, const larder_call *call,
        const larder_table *table, larder_described *out, larder_error *err);
    /* Make or widen an owned table: columns only grow; a column of another
     * type is INVALID. `indexes` are key sets that views read it by. */
    larder_status (*create)(void *self, const larder_call *call,
        const larder_table *table, const char *const *const *indexes,
        const size_t *n_index_columns, size_t n_indexes, larder_error *err);
    /* Drop an owned table with its rows; nothing there is OK. BUSY: somebody
     * reads it, and the store cannot drop it under a reader. */
    larder_status (*remove)(void *self, const larder_call *call,
        const larder_table *table, larder_error *err);
    /* Rows whole or not at all; equal rows once. The stream has the columns of
     * table->schema, typed; key parts and event times are not null; any order. */
    larder_status (*append)(void *self, const larder_call *call,
        const larder_table *table, larder_stream *rows, larder_appended *out,
        larder_error *err);
    /* `*kept` says which order the stream keeps (it may keep none). */
    larder_status (*scan)(void *self, unsigned reader, const larder_call *call,
        const larder_scan *scan, larder_stream *out, larder_order *kept,
        larder_error *err);
    /* Optional; NULL, or UNSUPPORTED for a table it would have to read whole:
     * the engine merges a scan. For each spine row the greatest
     * (event, created) with event <= t and, given a ttl, event >= t - ttl, and
     * every row tied on it. Columns: "spine" (int64, the row in the batch,
     * ascending), event, created, values. The spine outlives the stream. */
    larder_status (*asof_join)(void *self, unsigned reader,
        const larder_call *call, const larder_asof *asof, larder_stream *out,
        larder_error *err);
    /* Optional; NULL or UNSUPPORTED: the core takes the first of a scan. Per key
     * the greatest (event, created) of the scan's rows, with ties; keeps
     * NEWEST_FIRST. Unused: keys_from, keys_to, one_before. */
    larder_status (*latest)(void *self, unsigned reader,
        const larder_call *call, const larder_scan *scan, larder_stream *out,
        larder_error *err);
    /* Optional. A read-only statement of the user's. INVALID if it would write. */
    larder_status (*query)(void *self, const larder_call *call, const char *sql,
        larder_stream *out, larder_error *err);
    /* Optional; NULL: from a scan. Per column: count, nulls, min, max, sum must
     * equal the engine's own: columns name, count, nulls, min, max (text). */
    larder_status (*statistics)(void *self, const larder_call *call,
        const larder_scan *scan, larder_stream *out, larder_error *err);
    /* Optional; NULL: nothing is told but whether asof_join is there. How
     * asof_join would go about this, within a snapshot as it; nothing of the
     * table's rows need be read. Of the spine its schema and n_rows alone are
     * there. OK, also where asof_join would be UNSUPPORTED. */
    larder_status (*approach)(void *self, unsigned reader,
        const larder_call *call, const larder_asof *asof, larder_approach *out,
        larder_error *err);
    /* Optional; NULL: no index is proposed. The statement that makes an index
     * by which asof_join of this table and its key would seek; malloc'ed. NULL
     * where none would help (a query, a type that no index serves). */
    larder_status (*propose)(void *self, const larder_call *call,
        const larder_table *table, char **out, larder_error *err);
    /* Optional; NULL: that it opens is all that can be told. Look at the store
     * and tell `sink` of each thing: the version, rights, room, what had better
     * be changed. Changes nothing. UNAVAILABLE; another failure says that the
     * rest could not be looked at. */
    larder_status (*examine)(void *self, const larder_call *call,
        larder_finding_sink *sink, larder_error *err);
} larder_offline_ops;

/* ------------------------------------------------------------ SQL dialects */

/* A point-in-time join in words that SQL has, to be run somewhere else: of
 * plain features, without windows and expressions. */
typedef struct larder_sql_view {
    const char *label; /* the view, for remarks */
    larder_table table;
    const char *const *key;       /* columns of history ... */
    const char *const *spine_key; /* ... and of the spine, one for each */
    size_t n_key;
    bool has_ttl;
    int64_t ttl_us;
} larder_sql_view;

typedef struct larder_sql_feature {
    const char *name;   /* in the output */
    const char *column; /* of history */
    size_t view;
} larder_sql_feature;

typedef struct larder_sql_join {
    const char *spine;     /* a table, "schema.table", or a file's name */
    const char *timestamp; /* the spine's column of times */
    bool as_known;
    const larder_sql_view *views;
    size_t n_views;
    const larder_sql_feature *features; /* in the order asked */
    size_t n_features;
} larder_sql_join;

/* One way to write SQL. Needs no driver and reaches no database. */
typedef struct larder_dialect {
    unsigned abi;
    const char *name; /* "duckdb"; a store's type where it is that store's */
    /* One statement, with remarks on what it cannot do as Larder does;
     * malloc'ed. `options` are the offline store's where its type is this name,
     * else NULL. INVALID (what it has no words for, named), NOMEM. */
    larder_status (*join)(const larder_options *options,
        const larder_sql_join *join, char **out, larder_error *err);
} larder_dialect;

/* -------------------------------------------------------------- registries */

typedef struct larder_generation {
    uint64_t number;     /* from 1; 0: nothing was ever applied */
    larder_time applied; /* call->now of the apply */
    char hash[33];       /* of the text, hex */
    char *text;          /* canonical definitions; malloc'ed, yours to free() */
    size_t n_text;
} larder_generation;

/* One fact worth keeping: a run, a check, statistics, an audit line. */
typedef struct larder_record {
    const char *kind; /* "run", "freshness", "statistics", "audit" */
    const char *id;   /* unique in its kind; a second record replaces it */
    const char *name; /* of the view or job it is about */
    larder_time at;
    const char *text; /* JSON object */
} larder_record;

typedef struct larder_record_sink larder_record_sink;
struct larder_record_sink { /* lent for the call */
    larder_status (*record)(larder_record_sink *self,
        const larder_record *record, larder_error *err);
};

typedef struct larder_lease {
    const char *name;
    const char *holder;
    int64_t ttl_us;  /* 0: give it back */
    uint64_t fence;  /* [out] grows with each new holder; [in] when renewing */
} larder_lease;

typedef struct larder_registry_ops {
    unsigned abi;
    const char *type;
    size_t state_bytes;
    bool concurrent;
    larder_status (*open)(void *self, const larder_options *options,
        bool create, const larder_call *call, larder_error *err);
    void (*close)(void *self);
    /* Generation `number` (0: the newest) of a project. With nothing applied
     * the newest is number 0 without text. NOT_FOUND (that number). */
    larder_status (*load)(void *self, const larder_call *call,
        const char *project, uint64_t number, larder_generation *out,
        larder_error *err);
    /* The number of the newest generation alone; cheap. */
    larder_status (*newest)(void *self, const larder_call *call,
        const char *project, uint64_t *number, larder_error *err);
    /* Only after generation `after` (0: as the first): CONFLICT otherwise. */
    larder_status (*append)(void *self, const larder_call *call,
        const char *project, uint64_t after, larder_generation *generation,
        larder_error *err);
    /* Take, renew (same holder and fence) or give back. BUSY while another
     * holder's has not expired by the store's clock, or by call->now where it
     * has none; the message names the holder. CONFLICT: to be renewed, but it
     * expired and changed hands. Giving back what is lost is OK. */
    larder_status (*lease)(void *self, const larder_call *call,
        const char *project, larder_lease *lease, larder_error *err);
    larder_status (*record)(void *self, const larder_call *call,
        const char *project, const larder_record *record, larder_error *err);
    /* Newest first, of one kind, optionally one name; at most `limit`. */
    larder_status (*list)(void *self, const larder_call *call,
        const char *project, const char *kind, const char *name, size_t limit,
        larder_record_sink *sink, larder_error *err);
    /* Forget the project. */
    larder_status (*destroy)(void *self, const larder_call *call,
        const char *project, larder_error *err);
    /* Optional; NULL: that it opens is all that can be told. Look at the store
     * and tell `sink` of each thing: the version, rights, room, what had better
     * be changed. Changes nothing. UNAVAILABLE; another failure says that the
     * rest could not be looked at. */
    larder_status (*examine)(void *self, const larder_call *call,
        larder_finding_sink *sink, larder_error *err);
} larder_registry_ops;

/* ---------------------------------------------------------------- built-in */

/* What this library was built with; NULL-terminated. */
LARDER_API const larder_offline_ops *const *larder_offline_backends(void);
LARDER_API const larder_online_ops *const *larder_online_backends(void);
LARDER_API const larder_registry_ops *const *larder_registry_backends(void);
LARDER_API const larder_dialect *const *larder_dialects(void);

#ifdef __cplusplus
}
#endif
#endif
