/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c - where the configuration is: as git finds its folder.
 */
#include "place.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

static bool
is_there(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode);
}

static bool
is_folder(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* FOLDER/feature_store[.ENV].yaml; `folder` need not end in a NUL. */
static char *
path_in(ldr_arena *arena, const char *folder, size_t n_folder, const char *env)
{
    char *inside = ldr_arena_copy_n(arena, folder, n_folder);

    if (inside == NULL)
        return NULL;
    return ldr_arena_printf(arena, "%s%sfeature_store%s%s.yaml", inside,
        n_folder > 0 && inside[n_folder - 1] != '/' ? "/" : "",
        env == NULL ? "" : ".", env == NULL ? "" : env);
}

static larder_status
fail_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a path");
}

/* The file named, or the usual one in the folder named. */
static larder_status
find_named(const char *named, const char *env, ldr_arena *arena,
    const char **out, larder_error *err)
{
    const char *slash = strrchr(named, '/');
    char *path;

    if (is_folder(named))
        path = path_in(arena, named, strlen(named), env);
    else if (env != NULL)
        path = path_in(
            arena, named, slash == NULL ? 0 : (size_t)(slash - named) + 1, env);
    else
        path = ldr_arena_copy(arena, named);
    if (path == NULL)
        return fail_memory(err);
    if (!is_there(path))
        return larder_fail(
            err, LARDER_NOT_FOUND, "there is no configuration '%s'", path);
    *out = path;
    return LARDER_OK;
}

/* The folder has a configuration, and not the one of this environment. */
static larder_status
fail_env(const char *env, const char *beside, larder_error *err)
{
    larder_fail(err, LARDER_NOT_FOUND,
        "there is no feature_store.%s.yaml beside '%s'", env, beside);
    larder_hint(err, "environment '%s' has a configuration of its own", env);
    return LARDER_NOT_FOUND;
}

static larder_status
find_above(
    const char *env, ldr_arena *arena, const char **out, larder_error *err)
{
    char here[PATH_MAX];
    size_t size;

    if (getcwd(here, sizeof here) == NULL)
        return larder_fail(
            err, LARDER_IO, "the working directory cannot be read");
    for (size = strlen(here); size > 0;) {
        char *plain = path_in(arena, here, size, NULL);
        char *path = path_in(arena, here, size, env);

        if (plain == NULL || path == NULL)
            return fail_memory(err);
        if (is_there(path)) {
            *out = path;
            return LARDER_OK;
        }
        if (is_there(plain))
            return fail_env(env, plain, err);
        if (size == 1)
            break;
        while (size > 1 && here[size - 1] != '/')
            size--;
        size -= size > 1; /* the slash; the root keeps its own */
    }
    larder_fail(err, LARDER_NOT_FOUND,
        "there is no feature_store%s%s.yaml in '%s' or any folder above",
        env == NULL ? "" : ".", env == NULL ? "" : env, here);
    larder_hint(err, "'larder init DIR' makes a repository; -C DIR and "
                     "--config FILE name one");
    return LARDER_NOT_FOUND;
}

larder_status
place_find(const struct place *place, ldr_arena *arena, const char **out,
    larder_error *err)
{
    if (place->env != NULL && strchr(place->env, '/') != NULL)
        return larder_fail(err, LARDER_INVALID,
            "environment '%s' is no name: feature_store.NAME.yaml is read",
            place->env);
    if (place->config != NULL)
        return find_named(place->config, NULL, arena, out, err);
    if (place->usual_config != NULL)
        return find_named(place->usual_config, place->env, arena, out, err);
    return find_above(place->env, arena, out, err);
}
