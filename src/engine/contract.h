/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract.h - what features promise of their values (range, nullable, values),
 * judged a batch at a time.
 *
 * A contract is never changed once made, so threads share it; each counts
 * breaches of its own, and ldr_breaches_add() brings them together: whatever
 * their number, the sums and the first row are the same. Only plain features
 * are judged: a windowed one promises nothing of single rows.
 */
#ifndef LDR_CONTRACT_H
#define LDR_CONTRACT_H

#include "data/text.h"
#include "definition/definition.h"
#include "larder.h"

/* Where a batch has what a contract speaks of. */
typedef struct ldr_contract_places {
    const char *const *key_names; /* these and their columns: to name a row */
    const size_t *keys;
    size_t n_keys;
    size_t event;
    const size_t *features; /* of each of the view; LDR_NO_FIELD: not judged */
} ldr_contract_places;

typedef struct ldr_contract {
    larder_row_check check;           /* first: asks only what is refused */
    const struct ldr_clause *clauses; /* each a rule of a feature */
    size_t n_clauses;                 /* 0: there is nothing to judge */
    size_t n_refusing;                /* of them */
    ldr_contract_places places;
} ldr_contract;

/* Of one view, over batches of those places. Everything is copied into the
 * arena. NOMEM. */
larder_status ldr_contract_of_view(const ldr_view *view,
    const ldr_contract_places *places, ldr_arena *arena, ldr_contract *out,
    larder_error *err);
/* Of all views that read an owned source, over batches of its schema. A push
 * source has the contract of its batch source. NOMEM. */
larder_status ldr_contract_of_source(const ldr_definitions *all,
    const ldr_source *source, ldr_arena *arena, ldr_contract *out,
    larder_error *err);

#define LDR_BREACH_ROOM 256

/* Which row it is: "driver_id=7 at 2024-05-01T00:00:00Z". */
void ldr_contract_place(const ldr_contract *contract, const larder_batch *batch,
    size_t row, char out[LDR_BREACH_ROOM]);

/* How often a clause was broken, and where first. */
typedef struct ldr_breach {
    uint64_t count;
    uint64_t row;                /* the first, by the caller's numbers */
    char where[LDR_BREACH_ROOM]; /* "driver_id=7 at 2024-..." */
    char value[LDR_CLIP_ROOM];   /* "140" */
} ldr_breach;

typedef struct ldr_breaches {
    ldr_breach *each; /* of each clause */
} ldr_breaches;

/* None yet. Release may be called on {0} and twice. NOMEM. */
larder_status ldr_breaches_init(
    ldr_breaches *breaches, const ldr_contract *contract, larder_error *err);
void ldr_breaches_release(ldr_breaches *breaches);

/* Count the rows [begin, end) of a batch. `number` is what the caller calls the
 * batch's row 0: numbers order rows, and the least is told as the first. */
void ldr_contract_judge(const ldr_contract *contract, const larder_batch *batch,
    size_t begin, size_t end, uint64_t number, ldr_breaches *breaches);
/* Add what another thread counted. */
void ldr_breaches_add(
    const ldr_contract *contract, ldr_breaches *to, const ldr_breaches *from);

/* INVALID when a clause that refuses was broken: its first row and value in
 * words. `row` (or NULL) is that row's number. */
larder_status ldr_contract_refuse(const ldr_contract *contract,
    const ldr_breaches *breaches, uint64_t *row, larder_error *err);
/* A warning for each clause that was broken, to call->diagnostic. */
void ldr_contract_warn(const ldr_contract *contract,
    const ldr_breaches *breaches, const larder_call *call);
/* The same as a list; one free() is all it needs. *n 0 and NULL: nothing was
 * broken. NOMEM. */
larder_status ldr_contract_report(const ldr_contract *contract,
    const ldr_breaches *breaches, larder_violation **violations, size_t *n,
    larder_error *err);

#endif
