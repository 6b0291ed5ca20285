/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.c - find a backend by its type; refuse an incomplete one.
 */
#include "storage/backend.h"

#include <string.h>

#include "base/name.h"

#define TYPES_MAX 64u

/* The types on offer, for the message of the one that is not. */
typedef struct offer {
    const char *types[TYPES_MAX];
    size_t n;
} offer;

static void
add_type(offer *all, const char *type)
{
    if (all->n < TYPES_MAX)
        all->types[all->n++] = type;
}

static larder_status
unknown(const char *what, const char *type, const offer *all, larder_error *err)
{
    const char *near = ldr_name_nearest(type, all->types, all->n);
    char list[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < all->n; i++) {
        size_t n = strlen(all->types[i]);

        if (used + n + 3 > sizeof list)
            break;
        if (used > 0) {
            memcpy(list + used, ", ", 3);
            used += 2;
        }
        memcpy(list + used, all->types[i], n + 1);
        used += n;
    }
    (void)larder_fail(err, LARDER_INVALID,
        "%s type '%s' is none of those built in: %s", what, type, list);
    if (near != NULL)
        larder_hint(err, "did you mean '%s'?", near);
    return LARDER_INVALID;
}

static larder_status
incomplete(const char *what, const char *type, larder_error *err)
{
    return larder_fail(err, LARDER_UNSUPPORTED,
        "%s '%s' lacks a method, or was built for another version of Larder",
        what, type);
}

static bool
offline_complete(const larder_offline_ops *ops)
{
    return ops->abi == LARDER_BACKEND_ABI && ops->open != NULL &&
           ops->close != NULL && ops->begin != NULL && ops->end != NULL &&
           ops->describe != NULL && ops->create != NULL &&
           ops->remove != NULL && ops->append != NULL && ops->scan != NULL;
}

static bool
online_complete(const larder_online_ops *ops)
{
    return ops->abi == LARDER_BACKEND_ABI && ops->open != NULL &&
           ops->close != NULL && ops->get != NULL && ops->put != NULL &&
           ops->scan != NULL && ops->sweep != NULL && ops->destroy != NULL;
}

static bool
registry_complete(const larder_registry_ops *ops)
{
    return ops->abi == LARDER_BACKEND_ABI && ops->open != NULL &&
           ops->close != NULL && ops->load != NULL && ops->newest != NULL &&
           ops->append != NULL && ops->lease != NULL && ops->record != NULL &&
           ops->list != NULL && ops->destroy != NULL;
}

/* One search for three kinds of table: their heads are alike, their types not.
 */
#define FIND(own, builtin, complete, what)                                     \
    do {                                                                       \
        offer all = {0};                                                       \
                                                                               \
        for (size_t i = 0; (own) != NULL && (own)[i] != NULL; i++) {           \
            add_type(&all, (own)[i]->type);                                    \
            if (strcmp((own)[i]->type, type) == 0)                             \
                found = (own)[i];                                              \
        }                                                                      \
        for (size_t i = 0; (builtin)[i] != NULL && found == NULL; i++) {       \
            add_type(&all, (builtin)[i]->type);                                \
            if (strcmp((builtin)[i]->type, type) == 0)                         \
                found = (builtin)[i];                                          \
        }                                                                      \
        if (found == NULL)                                                     \
            return unknown((what), type, &all, err);                           \
        if (!complete(found))                                                  \
            return incomplete((what), type, err);                              \
        *out = found;                                                          \
        return LARDER_OK;                                                      \
    } while (0)

larder_status
ldr_backend_offline(const ldr_backends *own, const char *type,
    const larder_offline_ops **out, larder_error *err)
{
    const larder_offline_ops *const *builtin = larder_offline_backends();
    const larder_offline_ops *found = NULL;

    FIND(own->offline, builtin, offline_complete, "offline store");
}

larder_status
ldr_backend_online(const ldr_backends *own, const char *type,
    const larder_online_ops **out, larder_error *err)
{
    const larder_online_ops *const *builtin = larder_online_backends();
    const larder_online_ops *found = NULL;

    FIND(own->online, builtin, online_complete, "online store");
}

larder_status
ldr_backend_registry(const ldr_backends *own, const char *type,
    const larder_registry_ops **out, larder_error *err)
{
    const larder_registry_ops *const *builtin = larder_registry_backends();
    const larder_registry_ops *found = NULL;

    FIND(own->registry, builtin, registry_complete, "registry");
}

larder_status
ldr_backend_dialect(
    const char *name, const larder_dialect **out, larder_error *err)
{
    const larder_dialect *const *builtin = larder_dialects();
    offer all = {0};

    for (size_t i = 0; builtin[i] != NULL; i++) {
        add_type(&all, builtin[i]->name);
        if (strcmp(builtin[i]->name, name) == 0) {
            *out = builtin[i];
            return LARDER_OK;
        }
    }
    return unknown("SQL", name, &all, err);
}
