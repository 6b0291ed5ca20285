/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_examine.h - is a Redis in order, for what Larder does there?
 */
#ifndef BACKENDS_REDIS_EXAMINE_H
#define BACKENDS_REDIS_EXAMINE_H

#include "online_redis.h"

/* The ops' `examine`: each server that holds keys is looked at. */
larder_status redis_examine(void *self, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

#endif
