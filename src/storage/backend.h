/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - find a backend by its type; refuse an incomplete one.
 *
 * Looks in the program's own lists first, then in the built-in ones. An unknown
 * type is INVALID and names the nearest and all there are.
 */
#ifndef LDR_BACKEND_H
#define LDR_BACKEND_H

#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_backends {
    const larder_offline_ops *const *offline; /* may be NULL */
    const larder_online_ops *const *online;
    const larder_registry_ops *const *registry;
} ldr_backends;

larder_status ldr_backend_offline(const ldr_backends *own, const char *type,
    const larder_offline_ops **out, larder_error *err);
larder_status ldr_backend_online(const ldr_backends *own, const char *type,
    const larder_online_ops **out, larder_error *err);
larder_status ldr_backend_registry(const ldr_backends *own, const char *type,
    const larder_registry_ops **out, larder_error *err);
/* A way to write SQL, of those built in. */
larder_status ldr_backend_dialect(
    const char *name, const larder_dialect **out, larder_error *err);

#endif
