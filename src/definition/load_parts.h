/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_parts.h - readers of single keys of definitions, for the loader's table.
 */
#ifndef LDR_LOAD_PARTS_H
#define LDR_LOAD_PARTS_H

#include "definition/definition.h"
#include "definition/read.h"

/* The field's type, and what `also` is, stand behind each. */
ldr_key_read ldr_read_source_kind;  /* ldr_source_kind */
ldr_key_read ldr_read_unit;         /* larder_time_unit: s, ms, us, ns */
ldr_key_read ldr_read_date_is;      /* bool: end of day? */
ldr_key_read ldr_read_timezone;     /* const char *, also int32_t minutes */
ldr_key_read ldr_read_source_key;   /* of an ldr_source */
ldr_key_read ldr_read_replace_on;   /* of an ldr_source */
ldr_key_read ldr_read_aggregate;    /* ldr_aggregate */
ldr_key_read ldr_read_offset;       /* int64_t: a duration, or zero */
ldr_key_read ldr_read_range;        /* of an ldr_feature */
ldr_key_read ldr_read_values;       /* const char *const *, also size_t */
ldr_key_read ldr_read_on_violation; /* bool: refuse? */
ldr_key_read ldr_read_max_events;   /* uint32_t */
ldr_key_read ldr_read_retries;      /* uint32_t */
ldr_key_read ldr_read_cron;         /* const char *: five fields */
ldr_key_read ldr_read_alerts;       /* const char *const *, also size_t */

/* Lists and mappings with keys of their own (load_nested.c). */
ldr_key_read ldr_read_schema;    /* of an ldr_source */
ldr_key_read ldr_read_freshness; /* of an ldr_view */
ldr_key_read ldr_read_features;  /* of an ldr_view */
ldr_key_read ldr_read_inputs;    /* of an ldr_on_demand */
ldr_key_read ldr_read_derived;   /* of an ldr_on_demand */
ldr_key_read ldr_read_items;     /* of an ldr_service */

#define LDR_WEBHOOK "webhook: " /* begins such an alert */

#endif
