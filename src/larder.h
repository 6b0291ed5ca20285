/* SPDX-License-Identifier: Apache-2.0 */
/*
 * larder.h - all that a program may call.
 *
 * A store is opened from its configuration (feature_store.yaml). Definitions
 * are read from the files beside it, proven against the live stores and applied
 * as a new generation. History is ingested, joined point-in-time, and
 * materialized into the online store, which is read by key.
 *
 * Time is int64 microseconds since 1970-01-01T00:00:00Z, years 0001 to 9999.
 * The library reads no clock, no environment and no locale, and prints nothing:
 * `now` and a monotonic clock arrive in each call, words leave in larder_error
 * and through the callbacks of larder_call.
 *
 * Ownership in one paragraph: `const` pointers are borrowed for the call; what
 * an [out] argument receives is yours and has a release, free or close of its
 * own; `{0}` is a valid, empty, releasable value of every struct here. On
 * failure outputs are untouched.
 *
 * Threads: one larder_store may be shared by many threads. Streams, batches and
 * readers belong to one thread at a time.
 */
#ifndef LARDER_H
#define LARDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__GNUC__)
#define LARDER_API __attribute__((visibility("default")))
#define LARDER_CHECKED LARDER_API __attribute__((warn_unused_result))
#define LARDER_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define LARDER_API
#define LARDER_CHECKED
#define LARDER_PRINTF(f, a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- status */

/* A status sorts failures by what the caller can do next. */
#define LARDER_STATUS_MAP(X)                                                   \
    X(OK, "ok")                                                                \
    X(INVALID, "the request or a definition is wrong: change it")              \
    X(NOT_FOUND, "a named thing does not exist: create it")                    \
    X(CONFLICT, "someone else changed it first: read again, then retry")       \
    X(BUSY, "someone else holds it: wait or try later")                        \
    X(UNAVAILABLE, "a store is unreachable: retry later")                      \
    X(UNSUPPORTED, "this backend cannot do that: choose another")              \
    X(CORRUPT, "stored data is damaged: restore it")                           \
    X(IO, "the operating system refused: see the message")                     \
    X(LIMIT, "a limit was reached: the message names it")                      \
    X(INTERRUPTED, "the caller asked to stop")                                 \
    X(DEADLINE, "the deadline of the call has passed")                         \
    X(NOMEM, "out of memory")

typedef enum larder_status {
#define LARDER_STATUS_ENUM(name, text) LARDER_##name,
    LARDER_STATUS_MAP(LARDER_STATUS_ENUM)
#undef LARDER_STATUS_ENUM
} larder_status;

/* The name of a status ("INVALID") and its one-line meaning. */
LARDER_API const char *larder_status_name(larder_status status);
LARDER_API const char *larder_status_text(larder_status status);

/* The caller's own: passed last, may be NULL. Where the fault lies in a file
 * the place is given (line and column count from 1; 0 means unknown). */
typedef struct larder_error {
    larder_status status;
    char message[512]; /* one line of UTF-8, without a final stop */
    char hint[160];    /* what would be right; may be empty */
    char file[192];    /* may be empty */
    unsigned line;
    unsigned column;
} larder_error;

/* The version of the library, "0.1.0". */
LARDER_API const char *larder_version(void);

/* Fill *err (NULL allowed) and return `status`: for callbacks, and programs
 * that give failures of their own. */
LARDER_API larder_status larder_fail(larder_error *err, larder_status status,
    const char *format, ...) LARDER_PRINTF(3, 4);
/* Put a name the callee did not know before the words: "view 'v': ...". */
LARDER_API void larder_context(larder_error *err, const char *format, ...)
    LARDER_PRINTF(2, 3);
/* What would be right; the first hint stays. */
LARDER_API void larder_hint(larder_error *err, const char *format, ...)
    LARDER_PRINTF(2, 3);

/* The one macro that hides control flow: jump to `out` when rc is not OK. */
#define LARDER_TRY(expression)                                                 \
    do {                                                                       \
        rc = (expression);                                                     \
        if (rc != LARDER_OK)                                                   \
            goto out;                                                          \
    } while (0)

/* ------------------------------------------------------------------ time */

typedef int64_t larder_time; /* microseconds since 1970, UTC */

#define LARDER_TIME_MIN INT64_C(-62135596800000000) /* 0001-01-01T00:00:00 */
#define LARDER_TIME_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999 */
#define LARDER_NO_TIME (LARDER_TIME_MIN - 1) /* no moment; before all of them */

/* ------------------------------------------------------------------ call */

typedef struct larder_bytes {
    const void *data;
    size_t size;
} larder_bytes;

/* One fault or remark; everything is lent for the callback. */
typedef struct larder_diagnostic {
    bool warning;        /* else an error */
    const char *file;    /* NULL where none */
    unsigned line;       /* from 1; 0 unknown */
    unsigned column;     /* from 1, in characters; 0 unknown */
    const char *message;
    const char *hint;    /* NULL where none: what would be right */
    const char *text;    /* NULL, or the whole source line, without its end */
} larder_diagnostic;

typedef struct larder_progress {
    const char *what; /* "reading spine", "materializing hcp_activity" */
    uint64_t done;
    uint64_t total;   /* 0: unknown */
} larder_progress;

/*
 * What every call carries. A stream or reader that a call returns keeps the
 * pointer: the larder_call outlives them. {0} with `now` set is a valid call.
 */
typedef struct larder_call {
    larder_time now;              /* the moment ttl, windows and age are judged */
    int64_t (*monotonic)(void);   /* microseconds; NULL: no deadlines, no rates */
    int64_t deadline;             /* on `monotonic`; 0: none */
    const volatile int *cancel;   /* non-zero: stop with INTERRUPTED; NULL: never */
    size_t memory_bytes;          /* working memory, results apart; 0: 512 MiB */
    unsigned n_threads;           /* 0: one. Never changes a byte of a result */
    const char *temporary;        /* folder for spilled data; NULL: "/tmp" */
    void (*progress)(void *context, const larder_progress *progress);
    void (*diagnostic)(void *context, const larder_diagnostic *diagnostic);
    void *context;                /* handed to both callbacks */
} larder_call;

/* ------------------------------------------------------ types, rows, streams */

/* LARDER_LIST | LARDER_INT64 is a list of int64. Lists do not nest. */
typedef enum larder_type {
    LARDER_BOOL = 1,
    LARDER_INT32,
    LARDER_INT64,
    LARDER_FLOAT32,
    LARDER_FLOAT64,
    LARDER_STRING, /* valid UTF-8 without NUL */
    LARDER_BYTES,
    LARDER_TIMESTAMP, /* larder_time */
    LARDER_LIST = 16,
    LARDER_BOOL_LIST = 17,
    LARDER_INT32_LIST,
    LARDER_INT64_LIST,
    LARDER_FLOAT32_LIST,
    LARDER_FLOAT64_LIST,
    LARDER_STRING_LIST,
    LARDER_BYTES_LIST,
    LARDER_TIMESTAMP_LIST
} larder_type;

/* "int64", "list<int64>"; and back (NOT_FOUND -> 0). */
LARDER_API const char *larder_type_name(larder_type type);
LARDER_API larder_type larder_type_find(const char *name);

typedef struct larder_field {
    const char *name;
    larder_type type;
} larder_field;

typedef struct larder_schema {
    const larder_field *fields;
    size_t n_fields;
} larder_schema;

/*
 * A column in Arrow's buffer layout. Fixed-width types: `values` holds n_rows
 * of them (bool: one bit a row, least significant first). string and bytes:
 * `values` holds the text, `offsets` n_rows + 1 positions in it. Lists:
 * `offsets` counts in `items`. A null row's value is zero, its text empty.
 */
typedef struct larder_column {
    larder_type type;
    size_t n_rows;
    size_t n_nulls;
    uint8_t *valid;   /* one bit a row, 1: there is a value; NULL: all have one */
    void *values;
    int64_t *offsets; /* text and lists, else NULL */
    struct larder_column *items; /* lists, else NULL */
    size_t room_rows;  /* allocated, in rows */
    size_t room_bytes; /* allocated, of text */
} larder_column;

typedef struct larder_batch {
    const larder_schema *schema; /* borrowed; outlives the batch */
    size_t n_rows;
    larder_column *columns;      /* schema->n_fields of them */
} larder_batch;

/* One value, lent by whoever gave it. */
typedef struct larder_value {
    larder_type type;
    bool null;
    union {
        bool boolean;
        int64_t integer; /* int32, int64, timestamp */
        double real;     /* float32 (widened), float64 */
        larder_bytes text;
        struct {
            const struct larder_column *items;
            size_t begin, end;
        } list;
    } as;
} larder_value;

/* An empty batch of a schema. INVALID (a type), NOMEM. */
LARDER_CHECKED larder_status larder_batch_init(larder_batch *batch,
    const larder_schema *schema, larder_error *err);
/* Forget the rows, keep the memory. */
LARDER_API void larder_batch_clear(larder_batch *batch);
LARDER_API void larder_batch_release(larder_batch *batch);

/* The value at a row; text and lists are lent by the column. */
LARDER_API larder_value larder_column_value(
    const larder_column *column, size_t row);
/* Append a value of the column's own type, or any null. A batch is whole when
 * every column has the same n_rows and batch->n_rows says so. LIMIT, NOMEM. */
LARDER_CHECKED larder_status larder_column_append(
    larder_column *column, const larder_value *value, larder_error *err);

/* Rows in motion: pull batches until one has n_rows == 0, then close. The
 * receiver releases each batch; a stream gives no empty batch before its end. */
typedef struct larder_stream larder_stream;
struct larder_stream {
    const larder_schema *schema; /* borrowed until close */
    larder_status (*next)(
        larder_stream *self, larder_batch *out, larder_error *err);
    void (*close)(larder_stream *self); /* sets *self to {0} */
    void *state;
};

LARDER_CHECKED larder_status larder_stream_next(
    larder_stream *stream, larder_batch *out, larder_error *err);
/* May be called on {0} and twice. */
LARDER_API void larder_stream_close(larder_stream *stream);
/* A stream of one batch, which it takes over (and clears) also on failure. */
LARDER_CHECKED larder_status larder_stream_of(
    larder_batch *batch, larder_stream *out, larder_error *err);

/* ------------------------------------------------------------ text formats */

typedef enum larder_format { LARDER_CSV = 1, LARDER_JSONL } larder_format;

/* One record that could not be read, lent for the callback. */
typedef struct larder_reject {
    const char *file;
    uint64_t line;        /* the record's first line, from 1 */
    const char *column;   /* its name; NULL where it is the whole record */
    const char *message;
    larder_bytes record;  /* as read, without its line end */
    larder_bytes header;  /* CSV: the header line; else empty */
} larder_reject;

/* What rows must be beyond their types. Embed it first in a rule of yours. */
typedef struct larder_row_check larder_row_check;
struct larder_row_check {
    /* Judge row `row` of the batch, its last and not counted in n_rows yet. Not
     * OK: `err` says what is wrong with the value of *column (a name that
     * lasts), and the record counts as one that cannot be read. */
    larder_status (*judge)(const larder_row_check *self,
        const larder_batch *batch, size_t row, const char **column,
        larder_error *err);
};

typedef struct larder_text_options {
    const char *name; /* of the file, for messages */
    larder_format format;
    /* NULL: every column is text and values keep their spelling (a spine).
     * Else: these columns, typed, found by name; more columns than these are
     * an error unless `ignore_extra`. */
    const larder_schema *schema;
    const char *const *required; /* with a schema: columns that need a value */
    size_t n_required;
    const larder_row_check *check; /* with a schema, or NULL: none */
    bool ignore_extra;
    /* Minutes east of UTC for times without an offset; INT32_MIN: refuse. */
    int32_t naive_offset_minutes;
    /* Called for a record that cannot be read; OK skips it. NULL: the first
     * one is the error of the stream. */
    larder_status (*reject)(
        void *context, const larder_reject *reject, larder_error *err);
    void *context;
    size_t max_field_bytes; /* 0: 1 MiB */
} larder_text_options;

#define LARDER_NAIVE_REFUSED INT32_MIN

/*
 * Read CSV with a header line, or JSON lines, from a file that stays the
 * caller's. Missing: an unquoted empty CSV field, a JSON null, an absent JSON
 * member. Without a schema a JSON Lines value is its token as written, so
 * that larder_text_write gives it back untouched.
 * INVALID (file, line, column in err), LIMIT, IO, NOMEM.
 */
LARDER_CHECKED larder_status larder_text_read(FILE *file,
    const larder_text_options *options, const larder_call *call,
    larder_stream *out, larder_error *err);

/* Write one batch; `header` first for CSV when `first`. Columns below
 * `n_verbatim` are spine text: CSV values are quoted only where they must be;
 * where `from` is JSONL they are tokens as read. IO. */
LARDER_CHECKED larder_status larder_text_write(FILE *file, larder_format format,
    const larder_batch *batch, size_t n_verbatim, larder_format from,
    bool first, larder_error *err);

/* The text of a value as CSV has it: true, 42, 0.1, NaN, ISO time, text as it
 * is, bytes in base64, lists as JSON arrays. `print` gives the length without
 * a NUL, and writes nothing when `room` is too small. */
LARDER_API size_t larder_value_print(
    const larder_value *value, char *text, size_t room);
/* Read such text into a column of its type. INVALID says why, unnamed. */
LARDER_CHECKED larder_status larder_value_parse(larder_column *column,
    larder_bytes text, int32_t naive_offset_minutes, larder_error *err);

/* Text of a moment, "2024-03-01T12:00:00.500Z": at most 33 bytes with the NUL. */
LARDER_API size_t larder_time_print(larder_time time, char text[33]);
/* ISO 8601 with an offset or Z; a date or naive time only with an offset given
 * (LARDER_NAIVE_REFUSED: refused). INVALID. */
LARDER_CHECKED larder_status larder_time_parse(larder_bytes text,
    int32_t naive_offset_minutes, larder_time *out, larder_error *err);

/* ------------------------------------------------------------------- store */

typedef struct larder_store larder_store;

/* One structured remark of the library: an event and its fields in words. */
typedef void larder_log_sink(void *context, const char *event,
    const char *fields);

struct larder_offline_ops;
struct larder_online_ops;
struct larder_registry_ops;

typedef struct larder_open_options {
    const char *config_path; /* feature_store.yaml; its folder is the repository */
    /* The value of ${NAME}, or NULL when it is not set. NULL: none is. */
    const char *(*variable)(void *context, const char *name);
    void *variable_context;
    larder_log_sink *log;
    void *log_context;
    /* Backends beside the built-in ones; NULL-terminated arrays, or NULL. */
    const struct larder_offline_ops *const *offline_backends;
    const struct larder_online_ops *const *online_backends;
    const struct larder_registry_ops *const *registry_backends;
    /* Empty stores in memory, gone at close, in place of those configured: to
     * try definitions out. What the configuration says of stores is not read;
     * tables that Larder does not own have no rows there. */
    bool in_memory;
} larder_open_options;

/* Read the configuration. Stores are opened when first needed and nothing is
 * ever created here. INVALID, NOT_FOUND, IO, NOMEM. */
LARDER_CHECKED larder_status larder_open(const larder_open_options *options,
    const larder_call *call, larder_store **out, larder_error *err);
LARDER_API void larder_close(larder_store *store);

/* What the configuration names; lent by the store. */
typedef struct larder_names {
    const char *project;
    const char *registry, *offline, *online; /* the types of the stores */
    const char *fallback;                    /* NULL: there is none */
} larder_names;
LARDER_API larder_names larder_store_names(const larder_store *store);

/* Take the newest generation, and let every call that reads the current one
 * have it, without asking the registry, until this is called again. What a
 * server does once a second: a registry that is gone does not stop it. NOT_FOUND
 * (nothing is applied yet), UNAVAILABLE: what was taken before stays. */
LARDER_CHECKED larder_status larder_follow(larder_store *store,
    const larder_call *call, uint64_t *generation, larder_error *err);

/* ----------------------------------------------------- definitions, registry */

typedef struct larder_faults {
    size_t n_errors, n_warnings;
    size_t n_entities, n_sources, n_views, n_on_demand_views, n_services,
        n_jobs;
} larder_faults;

/* Read and check every definition; all faults go to call->diagnostic.
 * INVALID when there is at least one error. Touches no store. */
LARDER_CHECKED larder_status larder_validate(larder_store *store,
    const larder_call *call, larder_faults *out, larder_error *err);

typedef struct larder_applied {
    uint64_t generation; /* now current; unchanged when nothing changed */
    size_t n_changes;
} larder_applied;

/* What apply would do: columns action ("add", "change", "remove", "reshape"),
 * kind, name, fields (text), breaking (bool), services (text: those applied now
 * that read it). Proves sources against the live store, writes nothing. */
LARDER_CHECKED larder_status larder_plan(larder_store *store,
    const larder_call *call, larder_applied *out, larder_stream *changes,
    larder_error *err);

typedef struct larder_apply_options {
    bool allow_breaking;   /* a service may break */
    uint64_t after;        /* 0, or: CONFLICT unless this is the current one */
} larder_apply_options;

/* Prove, reshape the stores, then append the generation. Creates the stores of
 * the configuration. INVALID, CONFLICT (somebody applied meanwhile), ... */
LARDER_CHECKED larder_status larder_apply(larder_store *store,
    const larder_call *call, const larder_apply_options *options,
    larder_applied *out, larder_stream *changes, larder_error *err);
/* The changes from generation `from` to `to` (0: the current one), as plan. */
LARDER_CHECKED larder_status larder_diff(larder_store *store,
    const larder_call *call, uint64_t from, uint64_t to, larder_stream *changes,
    larder_error *err);
/* Apply the definitions of an earlier generation as a new one. */
LARDER_CHECKED larder_status larder_rollback(larder_store *store,
    const larder_call *call, uint64_t generation,
    const larder_apply_options *options, larder_applied *out,
    larder_stream *changes, larder_error *err);
/* Remove the tables Larder owns offline, all online rows, and the registry of
 * this project. User tables are never touched. */
LARDER_CHECKED larder_status larder_teardown(
    larder_store *store, const larder_call *call, larder_error *err);

typedef enum larder_kind {
    LARDER_ENTITIES = 1,
    LARDER_SOURCES,
    LARDER_VIEWS,
    LARDER_SERVICES,
    LARDER_JOBS,
    LARDER_ON_DEMAND_VIEWS,
    LARDER_ALL
} larder_kind;

/* Columns: kind, name, keys, source, features, ttl, online, description,
 * owner, tags; a column that does not concern a kind is null. Sorted by kind,
 * then name. `generation` 0: the current one. */
LARDER_CHECKED larder_status larder_list(larder_store *store,
    const larder_call *call, larder_kind kind, uint64_t generation,
    larder_stream *out, larder_error *err);
/* As list, the objects whose name, description, owner, tags or features hold
 * every word of the text, ignoring ASCII case; best match first. */
LARDER_CHECKED larder_status larder_search(larder_store *store,
    const larder_call *call, const char *text, larder_stream *out,
    larder_error *err);
/* Columns: kind, name, depends_on_kind, depends_on. NULL name: everything;
 * else what it depends on and what depends on it. NOT_FOUND. */
LARDER_CHECKED larder_status larder_lineage(larder_store *store,
    const larder_call *call, const char *name, larder_stream *out,
    larder_error *err);

typedef struct larder_shown {
    uint64_t generation;
    larder_kind kind;
    char hash[33];    /* of the definition's canonical text; hex */
    char *definition; /* canonical YAML */
} larder_shown;

/* NOT_FOUND names the nearest. */
LARDER_CHECKED larder_status larder_show(larder_store *store,
    const larder_call *call, const char *name, uint64_t generation,
    larder_shown *out, larder_error *err);
LARDER_API void larder_shown_release(larder_shown *shown);

/* A read-only query on the offline store. INVALID when it would write. */
LARDER_CHECKED larder_status larder_sql(larder_store *store,
    const larder_call *call, const char *sql, larder_stream *out,
    larder_error *err);

/* ----------------------------------------------------------------- history */

/* One rule of a feature's contract (range, nullable, values) and how often
 * history breaks it; lent by the report it stands in. */
typedef struct larder_violation {
    const char *view;
    const char *feature;
    const char *rule;  /* "nullable", "range", "values" */
    uint64_t count;    /* of rows */
    const char *first; /* the first of them: "driver_id=7 at 2024-...Z: 140" */
} larder_violation;

typedef struct larder_ingested {
    uint64_t read, added, duplicate, rejected;
    /* Rules with 'on_violation: warn' that rows broke which were taken all the
     * same, those stored before included; by view. */
    const larder_violation *violations;
    size_t n_violations;
} larder_ingested;

LARDER_API void larder_ingested_release(larder_ingested *ingested);

/* How to read rows for a source: goes into larder_text_options as it is. Lent
 * by the store until it is closed. */
typedef struct larder_source_shape {
    const larder_schema *schema;
    const char *const *required; /* columns that are never null: keys, time */
    size_t n_required;
    int32_t naive_offset_minutes;
    /* What contracts with 'on_violation: refuse' ask of rows of this schema;
     * NULL: nothing. larder_ingest() asks it too, but knows no lines: who hands
     * it to the reader has them named, or set aside (reject). */
    const larder_row_check *check;
    /* Of a push source, what larder_push() asks as well, as of call->now: no
     * time beyond max_skew; where rows go online too, no key too long for that.
     * Of others: the same as `check`. */
    const larder_row_check *push_offline, *push_online;
} larder_source_shape;

/* INVALID (not a source Larder owns), NOT_FOUND. */
LARDER_CHECKED larder_status larder_source_columns(larder_store *store,
    const larder_call *call, const char *source, larder_source_shape *out,
    larder_error *err);

/* Add rows to a source Larder owns: all of the stream or nothing. Rows equal
 * to stored ones are counted and not added. The stream stays yours to close.
 * Each row is judged by the contracts of the plain features that read the
 * source: what they only warn of is counted in `out` and told to
 * call->diagnostic, what they refuse is INVALID. larder_ingested_release(). */
LARDER_CHECKED larder_status larder_ingest(larder_store *store,
    const larder_call *call, const char *source, larder_stream *rows,
    larder_ingested *out, larder_error *err);

/* -------------------------------------------------------------------- push */

typedef enum larder_push_to {
    LARDER_PUSH_OFFLINE = 1,
    LARDER_PUSH_ONLINE, /* not into views with windows */
    LARDER_PUSH_BOTH    /* history, the journal, first */
} larder_push_to;

typedef struct larder_pushed_view {
    const char *view;
    uint64_t written, unchanged, older, over_limit;
    bool waiting; /* not materialized as it is now defined: the next run of
                   * materialize brings the rows */
} larder_pushed_view;

/* How the fallback fared, where the configuration names one. */
typedef struct larder_fallback {
    const char *store;    /* its type; NULL: there is none. Lent by the store */
    larder_error failure; /* status LARDER_OK: it is as the primary is */
} larder_fallback;

typedef struct larder_pushed {
    uint64_t read, added, duplicate;
    larder_pushed_view *views; /* those that read this history online */
    size_t n_views;
    larder_fallback fallback;
    /* Rules with 'on_violation: warn' that rows broke, which were taken all the
     * same. */
    const larder_violation *violations;
    size_t n_violations;
} larder_pushed;

/* Rows now, for a source of kind push; their columns are those of its batch
 * source (larder_source_columns says which). One bad row and the whole batch is
 * refused: each is told to call->diagnostic, up to 100. The same rows twice
 * change nothing. `rows` stays yours to close. INVALID, NOT_FOUND, LIMIT
 * (max_push_rows), CONFLICT or BUSY (online, others work on the same entities;
 * history has the rows, and materialize brings them).
 * A fallback gets the rows after the primary. Where it fails, that is told in
 * the report: to both, materialize brings it the rows; of a push to online
 * alone nothing would, and its failure is that of the call. */
LARDER_CHECKED larder_status larder_push(larder_store *store,
    const larder_call *call, const char *source, larder_push_to to,
    larder_stream *rows, larder_pushed *report, larder_error *err);
LARDER_API void larder_pushed_release(larder_pushed *report);

/* Rows now, into the online rows of one feature view and nowhere else: history
 * does not learn of them, nor do other views of the same source, and what a
 * later materialize finds newer replaces them. Each row is whole, and yields to
 * a newer one; else all is as larder_push() to online has it. The columns are
 * those that larder_view_columns() says. INVALID also: the view is not online,
 * or has windows; NOT_FOUND also: it is not materialized. */
LARDER_CHECKED larder_status larder_write(larder_store *store,
    const larder_call *call, const char *view, larder_stream *rows,
    larder_pushed *report, larder_error *err);
/* Join keys, features by their names, the event time, and the created time,
 * which may be null; the times as the source names them, or "event_timestamp"
 * and "created" where a feature has that name. Lent by the store until it is
 * closed. INVALID (windows), NOT_FOUND, UNSUPPORTED. */
LARDER_CHECKED larder_status larder_view_columns(larder_store *store,
    const larder_call *call, const char *view, larder_source_shape *out,
    larder_error *err);

/* -------------------------------------------------------------------- join */

typedef struct larder_features {
    const char *const *refs; /* "view:feature" or "view" */
    size_t n_refs;
    const char *service;     /* instead of refs */
    bool full_names;         /* view__feature */
    /* Online reads: call->now is a moment somebody asked for, not the present.
     * A stored row newer than it is then an error, not of age 0. */
    bool at_time;
} larder_features;

/* A feature view that features are read from, themselves or through others. */
typedef struct larder_read_view {
    const char *view;
    const char *source;
    bool owned;  /* the source's table is Larder's */
    bool online; /* else join alone reads it */
} larder_read_view;

/* What a set of features takes and gives, in a join and online alike. Lent by
 * the store until it is closed. */
typedef struct larder_features_shape {
    const larder_schema *keys;     /* by name; typed */
    const larder_schema *requests; /* what on-demand features ask for besides */
    const larder_schema *features; /* as named in the output */
    const larder_read_view *views;
    size_t n_views;
} larder_features_shape;

/* INVALID, NOT_FOUND (names the nearest). */
LARDER_CHECKED larder_status larder_features_columns(larder_store *store,
    const larder_call *call, const larder_features *features,
    larder_features_shape *out, larder_error *err);

typedef struct larder_join_options {
    larder_features features;
    const char *timestamp;   /* the spine's time column; NULL: event_timestamp,
                              * else the only timestamp-typed one */
    int32_t naive_offset_minutes; /* of spine times; LARDER_NAIVE_REFUSED */
    bool as_known;           /* only rows created by the spine's time */
    bool range;              /* without a spine: every history row in ... */
    larder_time from, to;    /* ... both included */
    larder_format spine_format; /* how verbatim spine text is spelt */
} larder_join_options;

typedef struct larder_joined_feature {
    const char *name; /* in the output */
    const char *ref;  /* view:feature */
    uint64_t nulls;         /* rows whose value is null, for whatever reason */
    uint64_t before_first;  /* no history row of the key at or before t */
    uint64_t expired;       /* there was one, but past its ttl */
    uint64_t made_null;     /* on demand: null by a division by zero and the
                             * like (docs/expressions.md) */
} larder_joined_feature;

/* What a finished join can say of itself; lent by the stream until close. */
typedef struct larder_joined {
    uint64_t rows;
    uint64_t null_keys;      /* spine rows with a null key part */
    uint64_t generation;
    size_t n_spine_columns;  /* the first columns of the output */
    const larder_joined_feature *features;
    size_t n_features;
    char spine_digest[33];   /* XXH3-128 over canonical rows, hex */
    char digest[33];
    const char *manifest;    /* JSON text: no clock, path, host, store type */
} larder_joined;

/*
 * The point-in-time join: the spine's rows, in their order, each with the
 * features as they were at its time. `spine` is taken over and may be NULL
 * with `range`. A spine column of type string is read as text of the key's or
 * time's type. INVALID (a ref, a column, a value: named), NOT_FOUND, ...
 */
LARDER_CHECKED larder_status larder_join(larder_store *store,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, larder_stream *out, larder_error *err);
/* How that join would be done, without doing it; of the spine, taken over too,
 * the number of rows counts. Columns: view, plan ("seek"; "pass": over all, in
 * the store; "merge": of all, read in order; "windows"), reason, sql (the
 * store's statement; null where there is none). */
LARDER_CHECKED larder_status larder_join_approach(larder_store *store,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, larder_stream *out, larder_error *err);
/* After the stream's end. INVALID before it. */
LARDER_CHECKED larder_status larder_join_report(
    const larder_stream *joined, const larder_joined **out, larder_error *err);

typedef struct larder_sql_options {
    larder_features features;
    const char *dialect;   /* "postgres", "duckdb" */
    const char *spine;     /* where its rows are: a table, or a file where the
                            * dialect reads files; NULL: spine */
    const char *timestamp; /* its column of times; NULL: event_timestamp */
    bool as_known;
} larder_sql_options;

/* One statement that joins as larder_join() does, to be run by another engine
 * on the same history; what it cannot do is said in its remarks. *out is yours
 * to free(). INVALID (a windowed feature or one on demand: named; a dialect),
 * NOT_FOUND. */
LARDER_CHECKED larder_status larder_join_sql(larder_store *store,
    const larder_call *call, const larder_sql_options *options, char **out,
    larder_error *err);

/* Why a value is what it is. One spine row (from 1) and one "view:feature";
 * `spine` is taken over.
 * Columns: event_timestamp, created_timestamp, value (text), outcome ("winner",
 * "future", "expired", "older", "earlier created", "lesser row",
 * "not yet known"), reason; newest first, at most 100 rows around the winner.
 * Of a windowed feature: its column's value, and "counted", "left out", "null",
 * "corrected", "before the window", "after the window", "future",
 * "not yet known"; a last "more" where there are more than 100.
 * Of an on-demand feature: "result" (at the spine row's time, its expression as
 * the reason), then "input" and "request" for all that the expression names,
 * each with the times of the row that answers for it. */
LARDER_CHECKED larder_status larder_explain(larder_store *store,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, uint64_t row, const char *ref, larder_stream *out,
    larder_error *err);

/* --------------------------------------------------- materialize and online */

typedef struct larder_materialize_options {
    const char *const *views; /* NULL: every online view */
    size_t n_views;
    bool range;               /* from and to are given, both included */
    larder_time from, to;
    bool full;                /* fill a new build, then switch to it */
    bool dry_run;             /* count, write nothing */
    bool allow_empty;         /* reading nothing is fine, of every view */
} larder_materialize_options;

typedef struct larder_materialized {
    const char *view;
    uint64_t read, written, unchanged, older, late, expired, null_key,
        out_of_range;
    bool has_from;           /* else from the beginning */
    larder_time from, until;
    double seconds;          /* 0 without a monotonic clock */
    bool failed_empty;       /* a first, explicit or full run that read nothing */
    /* Of windowed views: entities with more events than max_window_events,
     * which cannot be read. */
    uint64_t over_limit;
    /* Rules of contracts that rows read here broke; with the report. */
    const larder_violation *violations;
    size_t n_violations;
    bool fallback;           /* the view as the fallback has it */
} larder_materialized;

typedef struct larder_run_report {
    larder_materialized *views; /* the primary's, then the fallback's */
    size_t n_views;
    char run_id[33];
    larder_fallback fallback;
} larder_run_report;

/* Bring online views up to call->now. Resumes what a killed run left. BUSY or
 * CONFLICT when another run works on the same view. The report is filled as
 * far as the run came, also on failure.
 * A fallback is brought up to date after the primary, from its own positions,
 * also where the primary failed. The failure told is the primary's, else the
 * fallback's: what the other did stands. */
LARDER_CHECKED larder_status larder_materialize(larder_store *store,
    const larder_call *call, const larder_materialize_options *options,
    larder_run_report *report, larder_error *err);
LARDER_API void larder_run_report_release(larder_run_report *report);

typedef enum larder_presence {
    LARDER_PRESENT = 0,
    LARDER_NULL_VALUE,
    LARDER_NOT_FOUND_KEY,
    LARDER_OUTSIDE_MAX_AGE
} larder_presence;

/* "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE". */
LARDER_API const char *larder_presence_name(larder_presence presence);

/* A read, prepared once; belongs to one thread, holds its generation. */
typedef struct larder_reader larder_reader;

LARDER_CHECKED larder_status larder_reader_open(larder_store *store,
    const larder_call *call, const larder_features *features,
    larder_reader **out, larder_error *err);
LARDER_API void larder_reader_close(larder_reader *reader);
/* The columns `keys` must have (typed), those that on-demand features ask for
 * besides, which come behind them, and those a read gives. Lent. */
LARDER_API const larder_schema *larder_reader_keys(const larder_reader *reader);
LARDER_API const larder_schema *larder_reader_requests(
    const larder_reader *reader);
LARDER_API const larder_schema *larder_reader_features(
    const larder_reader *reader);
LARDER_API uint64_t larder_reader_generation(const larder_reader *reader);

/* One answer to many keys; reuse it and no memory is allocated. */
typedef struct larder_answer {
    larder_batch values;       /* row i answers row i of keys */
    uint8_t *presence;         /* [feature * n_rows + row]: larder_presence */
    larder_time *event_times;  /* the same shape; LARDER_NO_TIME where none */
    size_t room_cells;
    /* Where the configuration names a fallback: all of it is of one store.
     * The words are lent by the reader, `reason` until its next read. */
    const char *store;   /* its type, "redis"; NULL: there is but one */
    bool fallback;       /* the second one answered, because ... */
    const char *reason;  /* ... of this; else NULL */
    larder_time until;   /* up to where it was materialized: the least of the
                          * views that were read */
} larder_answer;

/* Judged at call->now. `keys` has the key columns, then the requests'; those may
 * be null. INVALID (a null or unknown key part: row and column named; a time
 * before the stored row; a sum that does not fit its type), LIMIT (an entity
 * with more events than max_window_events: row and view named), NOT_FOUND (a
 * view not materialized yet: named), CORRUPT, UNAVAILABLE. With a fallback the
 * primary has read_timeout, and half of the call's time; where it fails the
 * fallback answers, if it has a position for each view. UNAVAILABLE, or
 * DEADLINE, then names both. */
LARDER_CHECKED larder_status larder_reader_get(larder_reader *reader,
    const larder_call *call, const larder_batch *keys, larder_answer *answer,
    larder_error *err);
LARDER_API void larder_answer_release(larder_answer *answer);

/* ------------------------------------------------------------------- proof */

typedef struct larder_prove_options {
    larder_features features; /* the views of these; or, without any, ... */
    const char *const *views; /* ... these; NULL: every online view */
    size_t n_views;
    uint64_t sample;          /* entities of each view; 0: 1000 */
} larder_prove_options;

typedef struct larder_proved_view {
    const char *view;
    uint64_t compared;  /* entities: equal and different ones */
    uint64_t equal, different;
    uint64_t missing;   /* in history by the ledger's mark, and not online */
    uint64_t unsettled; /* with rows that arrived since, perhaps online in
                         * part: materialize, and they can be compared */
    larder_time until;  /* as the ledger has it; LARDER_TIME_MIN: never */
    /* NULL, or why nothing was compared: "not materialized yet", ... A proof
     * that proves nothing is none. */
    const char *reason;
    bool fallback; /* the view as the fallback has it */
} larder_proved_view;

/* Where online and history first differ; all of it text. */
typedef struct larder_difference {
    char *view;    /* NULL: they do not */
    char *key;     /* "driver_id=7, day=3" */
    char *feature; /* or what else of the row; NULL: all of it */
    char *online;  /* the value there; NULL: no row of the key is there */
    char *history;
    bool fallback; /* online means the fallback */
} larder_difference;

typedef struct larder_proved {
    larder_proved_view *views; /* the primary's, then the fallback's */
    size_t n_views;
    larder_difference difference; /* by store, view, then key */
    const char *fallback; /* its type; NULL: there is none. Lent by the store */
} larder_proved;

/* Recompute the online rows of a sample of entities from history, as of the
 * ledger's mark, and compare them byte for byte. The sample is the same as long
 * as the entities are. What differs is no failure of the call, but told in the
 * report, which is filled as far as it came, also on failure. Of a fallback the
 * same is asked after the primary. INVALID, NOT_FOUND (a view, feature,
 * service), LIMIT (memory_bytes), CORRUPT. */
LARDER_CHECKED larder_status larder_prove(larder_store *store,
    const larder_call *call, const larder_prove_options *options,
    larder_proved *report, larder_error *err);
LARDER_API void larder_proved_release(larder_proved *report);

/* --------------------------------------------------------------- freshness */

typedef enum larder_freshness_status {
    LARDER_FRESHNESS_UNKNOWN = 0, /* something that must be known is not */
    LARDER_STALE,
    LARDER_FRESH
} larder_freshness_status;

/* "unknown", "stale", "fresh". */
LARDER_API const char *larder_freshness_name(larder_freshness_status status);

typedef struct larder_freshness_options {
    const char *const *views; /* NULL: every online view */
    size_t n_views;
    int64_t max_staleness_us; /* instead of the views' own limits; 0: those */
} larder_freshness_options;

/* One view. Moments are LARDER_TIME_MIN, and ages -1, where nobody has said. */
typedef struct larder_view_freshness {
    const char *view;
    bool fallback; /* as the fallback has it */
    larder_freshness_status status;
    bool warned; /* fresh, and older than the view's `warn` */
    /* What is known, as the ledger has it; ages are at call->now. */
    larder_time newest_event; /* event time of the newest row online */
    larder_time arrived;      /* when a row last came in, by its created time or
                               * else by the run that found it */
    larder_time ran; /* when the last run that left nothing out began */
    int64_t event_age_us, arrival_age_us, run_age_us;
    /* What it is judged by; 0: nothing. */
    int64_t warn_us, max_us; /* of the event age */
    int64_t run_max_us;      /* of the run age, because ... */
    const char *job;         /* ... this job promises a run; NULL: none does */
    char reason[320];        /* why it is not fresh, or warned; else "" */
} larder_view_freshness;

typedef struct larder_freshness_report {
    larder_view_freshness *views; /* the primary's, then the fallback's */
    size_t n_views;
    size_t n_fresh, n_stale, n_unknown;
    const char *fallback; /* its type; NULL: there is none. Lent by the store */
} larder_freshness_report;

/* Is what is online fresh? Event age is judged by the view's `freshness`, or
 * max_staleness_us; then run age by the interval of the job that materializes
 * the view, where there is one. Nothing but the definitions and the ledger is
 * read, and no moment is ever assumed: without a fact that is needed, or with
 * one of the future, a view is unknown. Stale and unknown are no failures of
 * the call. NOT_FOUND (a view; no view is online), CORRUPT, UNAVAILABLE. */
LARDER_CHECKED larder_status larder_freshness(larder_store *store,
    const larder_call *call, const larder_freshness_options *options,
    larder_freshness_report *report, larder_error *err);
LARDER_API void larder_freshness_report_release(
    larder_freshness_report *report);

/* -------------------------------------------------------------- statistics */

/* A value, and how often it is there. */
typedef struct larder_counted {
    larder_value value;
    uint64_t count;
} larder_counted;

/* Values from `from` up to, and without, `to`; the last bin is with it. */
typedef struct larder_bin {
    larder_value from, to;
    uint64_t count;
} larder_bin;

/*
 * What is known of a column. Of numbers, mean, stddev, min, max, quantiles and
 * histogram are of the finite ones. A quantile is the least value that so many
 * of them do not exceed. What does not concern a type is null, or n_ 0.
 */
typedef struct larder_statistic {
    const char *name;
    larder_type type;
    uint64_t count;   /* of values: rows without the nulls */
    uint64_t nulls;
    uint64_t expired; /* online: nulls, since the row is older than its ttl */
    uint64_t nan, above, below; /* NaN, inf, -inf */
    bool has_mean;    /* of numbers: exact sums, rounded once */
    double mean, stddev; /* the population's */
    larder_value min, max; /* text: as its bytes sort */
    larder_value p50, p95, p99;
    /* 0: exact, as while distinct ones are at most 4096. Else a quantile is off
     * by so much at the most: of numbers relatively, of times as a part of the
     * range; and what a bin counts may lie so far outside. */
    double quantile_error;
    bool has_distinct; /* not of lists; NaN is one value, -0.0 is 0.0 */
    uint64_t distinct;
    double distinct_error; /* 0: exact; else the relative standard error */
    /* The most frequent values, then the lesser first: where distinct is exact,
     * of bools, integers, text and bytes. */
    larder_counted *top;
    size_t n_top;
    larder_bin *bins; /* of equal width */
    size_t n_bins;
    bool has_lengths; /* text: characters; bytes; lists: items */
    uint64_t min_length, max_length;
    double mean_length;
} larder_statistic;

typedef struct larder_stats {
    const char *view; /* NULL: of a stream */
    uint64_t rows;
    larder_time oldest, newest; /* events; LARDER_TIME_MIN: none, or a stream's */
    larder_statistic *columns;
    size_t n_columns;
    void *memory; /* of all the values and names */
} larder_stats;

typedef struct larder_stats_options {
    const char *view;
    bool online; /* its rows as a read at call->now gives them; else history */
    bool range;  /* of history: events of from .. to, both included */
    larder_time from, to;
} larder_stats_options;

/* Statistics of a feature view, in one pass within bounded memory. Of history:
 * the columns that its plain features read, under their names, then others that
 * its windowed features aggregate. Online: its features. The order of rows and
 * call->n_threads change nothing. No row at all is a report with rows 0.
 * INVALID, NOT_FOUND (the view; online: not materialized yet), and the stores'
 * own. larder_stats_release(). */
LARDER_CHECKED larder_status larder_stats_of_view(larder_store *store,
    const larder_call *call, const larder_stats_options *options,
    larder_stats *out, larder_error *err);
/* The same of a stream, which stays yours to close. */
LARDER_CHECKED larder_status larder_stats_of_stream(larder_stream *rows,
    const larder_call *call, larder_stats *out, larder_error *err);
LARDER_API void larder_stats_release(larder_stats *stats);

/* --------------------------------------------------------------- promotion */

typedef struct larder_copy_options {
    bool history; /* the rows of sources that Larder owns */
    bool online;  /* online rows, and up to where they are materialized */
    bool dry_run; /* count and compare, write nothing */
    bool allow_breaking; /* as larder_apply_options */
} larder_copy_options;

/* One source or view on its way; all of it is freed with the report. */
typedef struct larder_copied {
    const char *kind; /* "source", "view" */
    const char *name;
    uint64_t read;      /* rows there are to copy */
    uint64_t written;
    uint64_t unchanged; /* there already */
    uint64_t older;     /* not written: the target's row is newer */
    uint64_t held;      /* rows of the target afterwards */
    bool compared;      /* the digests below were made */
    bool equal;
    char digest[33];    /* of the rows as read, whatever their order; hex */
    char digest_to[33]; /* of those the target holds */
    const char *reason; /* NULL, or why nothing was copied, or what differs */
} larder_copied;

typedef struct larder_copy_report {
    uint64_t generation, generation_to;
    size_t n_changes; /* of definitions */
    larder_copied *copies; /* sources, then views, each by name */
    size_t n_copies;
} larder_copy_report;

/*
 * Bring what one store has to another: the newest generation of definitions is
 * applied there (so its stores get their tables), then rows of history, then
 * online rows, and last what says that they are materialized. Rows that the
 * target has already stay; no older row replaces a newer one. So after a
 * failure the same call again ends what was begun. Tables that Larder does not
 * own are not copied, and named. `changes` as larder_apply(); where digests
 * differ is told in the report, which is filled as far as it came, also on
 * failure. INVALID (both are the same stores; breaking changes), NOT_FOUND
 * (nothing applied), CONFLICT (somebody applied or materialized meanwhile),
 * LIMIT, UNAVAILABLE, ...; the message names the side.
 */
LARDER_CHECKED larder_status larder_copy(larder_store *from, larder_store *to,
    const larder_call *call, const larder_copy_options *options,
    larder_copy_report *report, larder_stream *changes, larder_error *err);
LARDER_API void larder_copy_report_release(larder_copy_report *report);

/* -------------------------------------------------------------- examination */

typedef enum larder_verdict {
    LARDER_FINE = 0,
    LARDER_DOUBTFUL, /* it works, and something had better be changed */
    LARDER_WRONG,
    LARDER_UNKNOWN /* it could not be looked at */
} larder_verdict;

/* "ok", "warn", "fail", "unknown". */
LARDER_API const char *larder_verdict_name(larder_verdict verdict);

/* One thing that was looked at. */
typedef struct larder_finding {
    const char *store;   /* "registry", "offline_store", "online_store",
                          * "fallback", "repository" */
    const char *type;    /* of the store; NULL: none */
    const char *checked; /* "reachable", "version", "rights", "tls", ... */
    larder_verdict verdict;
    const char *words;
    const char *advice; /* what to change; NULL: nothing */
} larder_finding;

typedef struct larder_examined {
    larder_finding *findings;
    size_t n_findings;
    size_t n_unreachable; /* stores that do not answer */
} larder_examined;

/* Look at each store of the configuration, and at the repository: is it
 * reachable, of which version, with which rights, and what else can be told of
 * it. A store that cannot be opened is a finding. Changes nothing. INVALID
 * never; INTERRUPTED, NOMEM. Yours: larder_examined_release(). */
LARDER_CHECKED larder_status larder_examine(larder_store *store,
    const larder_call *call, larder_examined *out, larder_error *err);
LARDER_API void larder_examined_release(larder_examined *examined);

#ifdef __cplusplus
}
#endif
#endif
