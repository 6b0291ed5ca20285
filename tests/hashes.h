/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashes.h - an online store with hashes, in memory: the methods of the memory
 * store, and those that `layout: feast` needs, slow and obvious.
 */
#ifndef HASHES_H
#define HASHES_H

#include "larder_backend.h"

extern const larder_online_ops hashes_ops; /* type: hashes */

#endif
