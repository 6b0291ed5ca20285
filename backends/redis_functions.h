/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_functions.h - the functions that run inside the server: what is known
 * of how to call them there.
 */
#ifndef BACKENDS_REDIS_FUNCTIONS_H
#define BACKENDS_REDIS_FUNCTIONS_H

#include "redis.h"

redis_functions *redis_functions_new(void);
void redis_functions_free(redis_functions *functions); /* NULL allowed */

#endif
