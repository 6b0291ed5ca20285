/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.c - a list of changes, printed.
 */
#include "changes.h"

larder_status
changes_print(struct run *run, larder_stream *changes,
    const larder_applied *applied, larder_error *err)
{
    static const struct listing listing = {
        .name = "changes", .hide_empty = true};

    if (applied->n_changes == 0 && run->output == OUTPUT_TABLE) {
        larder_stream_close(changes);
        print_words(run, "no changes");
        return LARDER_OK;
    }
    return print_stream(run, &listing, changes,
        json_pack("{s:I}", "generation", (json_int_t)applied->generation),
        err);
}
