/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shapes.h - what rows that are written look like, and which feature views they
 * concern: found once for each generation, shared by all threads.
 */
#ifndef SERVE_SHAPES_H
#define SERVE_SHAPES_H

#include "base/arena.h"
#include "serve/serve.h"

struct shapes;

struct shape {
    larder_source_shape columns;
    const char *const *views; /* that the rows go to */
    size_t n_views;
};

larder_status shapes_open(struct shapes **out, larder_error *err);
void shapes_close(struct shapes *shapes);
/* Of a push source, or of a view alone. Lent until shapes_close(). What
 * larder_source_columns() and larder_view_columns() say. */
larder_status shapes_find(struct worker *worker, const char *name, bool view,
    struct shape *out, larder_error *err);
/* The names of feature views, in no order: those that read the history of
 * `source`, or NULL: those that are online. They live in the arena. */
larder_status shapes_views(struct serve *serve, const larder_call *call,
    const char *source, ldr_arena *arena, const char ***views, size_t *n,
    larder_error *err);
/* May this request concern all of these views? INVALID: it is answered. */
larder_status shapes_allow(struct request *request, const char *const *views,
    size_t n, larder_error *err);

#endif
