/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - an online read, prepared once: which tables, which slots, and the
 * memory that every read uses again.
 *
 * Made and kept true by reader.c and builds.c; lookup.c reads with it, and
 * computed.c computes what no row holds as it is.
 */
#ifndef LDR_READER_H
#define LDR_READER_H

#include "engine/derive.h"
#include "engine/ondemand.h"
#include "engine/plan.h"
#include "engine/runs.h"
#include "larder.h"
#include "storage/fallback.h"
#include "storage/online.h"
#include "storage/records.h"

/* `plan` is taken over (cleared), also on failure. The stores outlive the
 * reader; `records` is asked for the definition an old build was made with. */
larder_status ldr_reader_open(ldr_online *online, ldr_records *records,
    const char *project, ldr_plan *plan, bool at_time, const larder_call *call,
    larder_reader **out, larder_error *err);

/* The same of two stores. Each has a plan of its own, alike; the fallback's are
 * prepared with it, and its store is opened when the primary fails. */
typedef struct ldr_reader_stores {
    ldr_fallback *two;
    bool has_max_age; /* of what the fallback answers with: */
    int64_t max_age_us;
} ldr_reader_stores;
larder_status ldr_reader_open_two(const ldr_reader_stores *stores,
    ldr_records *records, const char *project, ldr_plan plans[2], bool at_time,
    const larder_call *call, larder_reader **out, larder_error *err);

/* Views keyed by the same columns: one entity's rows of all of them come in one
 * range of the store. */
typedef struct ldr_reader_group {
    uint32_t entity_set;
    size_t n_keys;
    const char *const *names; /* of its key columns, in join key order */
    size_t columns[LDR_VIEW_KEYS_MAX]; /* where they are among plan->keys */
    size_t *views;                     /* its views, by table id */
    larder_table_id *tables;           /* the same order */
    size_t n_views;
} ldr_reader_group;

/* Windowed features of a view that are asked for, and the events they are
 * computed from as its rows hold them. */
typedef struct ldr_reader_windows {
    ldr_window *windows;
    size_t *features; /* which of plan->features each is */
    size_t n_windows;
    ldr_windows *run;
    larder_column **out;  /* where their values go */
    bool *reads;          /* which columns of the events they need */
    larder_column *lists; /* as rows hold them */
    larder_batch events;  /* the lists' items, lent */
} ldr_reader_windows;

typedef struct ldr_reader_view {
    const ldr_plan_view *plan;
    ldr_snapshot *made_by;  /* NULL: the plan's own */
    const ldr_view *stored; /* the view as its build was written */
    ldr_deriving deriving;  /* of `stored`, where it has windows */
    ldr_row_layout layout;
    ldr_build build;
    /* Whose rows answer: its own, or those of the same view under another name
     * with the same keys. */
    size_t rows_of;
    ldr_reader_windows windows;
} ldr_reader_view;

/* One of plan->features. */
typedef struct ldr_reader_slot {
    size_t view;   /* LDR_PLAN_DERIVED: on demand */
    size_t column; /* in the stored row; LDR_NO_COLUMN: computed */
    bool has_default;
    larder_column fallback; /* one row: the default */
    larder_column bare;     /* on demand with a default: values without it */
} ldr_reader_slot;

/* What on-demand features read beside other features. */
typedef struct ldr_reader_inputs {
    const larder_column **features, **requests, **events; /* see ldr_inputs */
    larder_column as_of;
    larder_column *event_times; /* per plan->views */
    bool *reads_view; /* [derived * n_views + view], through others too */
    ldr_ondemand_room room;
} ldr_reader_inputs;

struct ldr_found_row {
    size_t at, size;   /* in rows; size 0: not found */
    larder_time event; /* LARDER_NO_TIME where not found */
};

struct larder_reader {
    ldr_online *online;
    ldr_records *records;
    const char *project;
    ldr_plan plan;
    const larder_schema *outputs; /* of the answer: the opened reader's */
    /* Of two stores this reads the first, `second` the other (two.c). */
    ldr_fallback *two; /* NULL: there is one */
    larder_reader *second;
    larder_error reason; /* why the second was asked */
    bool has_max_age;
    int64_t max_age_us;
    larder_time until; /* the least of the views' */
    ldr_arena arena;
    bool at_time;
    ldr_reader_view *views;
    ldr_reader_group *groups;
    size_t n_groups;
    ldr_reader_slot *slots; /* of all of plan->features */
    int64_t positions_read; /* on the call's monotonic clock */
    bool positions_known;
    uint64_t losses; /* of the store, when positions were read */
    ldr_watch watch;
    const char **names; /* of the views, each once */
    size_t n_names;
    /* Used again by every read. */
    larder_want *wants;
    size_t room_wants;
    ldr_buffer keys, rows;
    size_t *key_at;              /* per want; one more for the end */
    struct ldr_found_row *found; /* per key row and view */
    size_t room_found;
    larder_schema hidden_schema;
    larder_batch hidden; /* features that only expressions ask for */
    size_t room_hidden;
    ldr_reader_inputs computing;
};

/* Follow the ledger to the builds that are to be read now; looks at it once a
 * second. `now` is what the call's clock says, 0 without one. NOT_FOUND (not
 * materialized yet: named), and the store's own. */
larder_status ldr_reader_freshen(larder_reader *reader, const larder_call *call,
    int64_t now, larder_error *err);

/* Of lookup.c: by this reader's own store. */
larder_status ldr_reader_get(larder_reader *reader, const larder_call *call,
    int64_t now, const larder_batch *keys, larder_answer *answer,
    larder_error *err);

/* Of two.c: by one of two, and which. NULL keys: get ready alone. */
larder_status ldr_reader_get_of_two(larder_reader *reader,
    const larder_call *call, const larder_batch *keys, larder_answer *answer,
    larder_error *err);

/* Of builds.c. */
larder_status ldr_reader_watch(larder_reader *reader, larder_error *err);
void ldr_reader_forget_builds(larder_reader *reader);

/* The row of a read's key, of a view; empty where there is none. */
static inline larder_bytes
ldr_reader_row(const larder_reader *r, const struct ldr_found_row *found)
{
    if (found->size == 0)
        return (larder_bytes){0};
    return (larder_bytes){r->rows.data + found->at, found->size};
}

static inline const struct ldr_found_row *
ldr_reader_found(const larder_reader *r, size_t row, size_t view)
{
    return &r->found[row * r->plan.n_views + r->views[view].rows_of];
}

/* Where values of a feature of the plan go. */
static inline larder_column *
ldr_reader_target(larder_reader *r, larder_answer *answer, size_t feature)
{
    return feature < r->plan.n_features
               ? &answer->values.columns[feature]
               : &r->hidden.columns[feature - r->plan.n_features];
}

#endif
