/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - where the configuration is.
 */
#ifndef PLACE_H
#define PLACE_H

#include "base/arena.h"
#include "larder.h"

/* What was asked for; each may be NULL. */
struct place {
    const char *config;       /* --config */
    const char *env;          /* --env, else LARDER_ENV */
    const char *usual_config; /* LARDER_CONFIG */
};

/* The path of feature_store.yaml, or of feature_store.ENV.yaml: as given, or
 * in the working directory or the nearest folder above that has one. NOT_FOUND
 * says where it was looked for. */
larder_status place_find(const struct place *place, ldr_arena *arena,
    const char **out, larder_error *err);

#endif
