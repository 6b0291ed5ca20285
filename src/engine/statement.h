/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.h - a point-in-time join as one statement, to be run elsewhere.
 *
 * Says which tables, keys, columns and ttls a join is made of; how that is
 * written is a dialect's business.
 */
#ifndef LDR_STATEMENT_H
#define LDR_STATEMENT_H

#include "engine/plan.h"

/* `options` go to the dialect; *out is malloc'ed. INVALID names a feature that
 * no SQL has words for (of a window, on demand). */
larder_status ldr_statement_print(const ldr_plan *plan,
    const larder_sql_options *asked, const larder_dialect *dialect,
    const larder_options *options, char **out, larder_error *err);

#endif
