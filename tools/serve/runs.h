/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs.h - materialize on request: a few at once, each view in one of them.
 */
#ifndef SERVE_RUNS_H
#define SERVE_RUNS_H

#include "serve/serve.h"

struct runs;

larder_status runs_open(struct runs **out, larder_error *err);
/* Waits for those that go on; serve->cancel ends them soon. */
void runs_close(struct runs *runs);

#endif
