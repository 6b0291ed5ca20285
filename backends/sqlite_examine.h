/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_examine.h - is a SQLite file in order?
 */
#ifndef BACKENDS_SQLITE_EXAMINE_H
#define BACKENDS_SQLITE_EXAMINE_H

#include "sqlite.h"

/* The ops' `examine`, for any store in a SQLite file. */
larder_status sqlite_examine(sqlite_store *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

#endif
