/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.h - the names a file gives its columns, matched with those wanted.
 */
#ifndef LDR_HEADER_H
#define LDR_HEADER_H

#include "larder.h"

/* targets[i] is where in the schema the file's column i belongs, LDR_NO_FIELD:
 * nowhere. INVALID names at once all that are missing (with the nearest), or
 * one that is there twice, or all that are unknown unless `ignore_extra`. */
larder_status ldr_header_match(const char *const *names, size_t n_names,
    const larder_schema *schema, bool ignore_extra, size_t *targets,
    larder_error *err);

#endif
