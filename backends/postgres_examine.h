/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_examine.h - is a database in order, for what Larder does there?
 */
#ifndef BACKENDS_POSTGRES_EXAMINE_H
#define BACKENDS_POSTGRES_EXAMINE_H

#include "postgres.h"

/* The ops' `examine`, for any store in PostgreSQL. */
larder_status postgres_examine(postgres_link *link, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

#endif
