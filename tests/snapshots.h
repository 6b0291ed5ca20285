/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshots.h - definitions for tests: written as YAML, kept in memory, and
 * answers about them as text. As support.h, these fail the test themselves.
 */
#ifndef SNAPSHOTS_H
#define SNAPSHOTS_H

#include "registry/snapshot.h"
#include "storage/offline.h"
#include "storage/records.h"

/* A repository of one file; to be dropped. */
ldr_snapshot *snapshots_of(const char *yaml);
/* `yaml` with the first `from` replaced, to be dropped. */
ldr_snapshot *snapshots_but(
    const char *yaml, const char *from, const char *to);

/* Stores in memory, to be closed. */
ldr_records *snapshots_records(void);
ldr_offline *snapshots_offline(void);

/* The rows of a stream, "a | b | -\n" each, null as "-"; closes it. To be
 * freed. */
char *snapshots_text(larder_stream *stream);
/* Of its first columns only. */
char *snapshots_columns(larder_stream *stream, size_t n_fields);

#endif
