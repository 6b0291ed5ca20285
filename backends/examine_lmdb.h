/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine_lmdb.h - is an LMDB environment in order?
 */
#ifndef LDR_EXAMINE_LMDB_H
#define LDR_EXAMINE_LMDB_H

#include "environment_lmdb.h"

/* The ops' `examine`. */
larder_status ldr_lmdb_examine(ldr_lmdb *lmdb, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

#endif
