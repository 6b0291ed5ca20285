/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.h - CSV text to and from streams, on libcsv.
 *
 * larder_text_read() and larder_text_write() choose between this and json.h.
 */
#ifndef LDR_CSV_H
#define LDR_CSV_H

#include "larder.h"

larder_status ldr_csv_read(FILE *file, const larder_text_options *options,
    const larder_call *call, larder_stream *out, larder_error *err);
larder_status ldr_csv_write(FILE *file, const larder_batch *batch,
    size_t n_verbatim, larder_format from, bool first, larder_error *err);

#endif
