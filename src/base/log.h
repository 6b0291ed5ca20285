/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what no caller asked for but somebody should know: an event and its
 * fields, to the sink the program set.
 */
#ifndef LDR_LOG_H
#define LDR_LOG_H

#include "larder.h"

typedef struct ldr_log {
    larder_log_sink *sink; /* NULL: silence */
    void *context;
} ldr_log;

/* ldr_log_event(log, "materialize.late", "view=%s rows=%zu", ...) */
void ldr_log_event(const ldr_log *log, const char *event, const char *format,
    ...) LARDER_PRINTF(3, 4);

#endif
