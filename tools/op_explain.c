/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_explain.c - why a value of a join is what it is.
 */
#include <string.h>

#include "base/number.h"
#include "input.h"
#include "join.h"
#include "print.h"

/* "spine.csv:42" */
static larder_status
split_place(struct run *run, const char *place, const char **path,
    uint64_t *row, larder_error *err)
{
    const char *colon = strrchr(place, ':');
    int64_t number = 0;

    if (colon == NULL || colon == place ||
        ldr_int64_parse(colon + 1, strlen(colon + 1), &number) !=
            LDR_NUMBER_OK ||
        number < 1)
        return run_usage(run, err,
            "'%s' is not SPINE:ROW, such as spine.csv:42; data rows count "
            "from 1",
            place);
    *row = (uint64_t)number;
    *path = ldr_arena_copy_n(&run->arena, place, (size_t)(colon - place));
    return *path == NULL
               ? larder_fail(err, LARDER_NOMEM, "no memory for a path")
               : LARDER_OK;
}

static larder_status
run_explain(struct run *run, larder_error *err)
{
    static const struct listing listing = {.name = "candidates"};
    larder_join_options options;
    struct input input = {0};
    larder_stream spine = {0}, rows = {0};
    larder_store *store;
    const char *path = NULL;
    uint64_t row = 0;
    larder_status rc;

    LARDER_TRY(split_place(
        run, argument_text(&run->arguments, "place"), &path, &row, err));
    LARDER_TRY(join_options(run, &options, err));
    LARDER_TRY(input_spine(run, path, &input, &spine, err));
    options.spine_format = input.format;
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_explain(store, &run->call, &options, &spine, row,
        argument_text(&run->arguments, "ref"), &rows, err));
    rc = print_stream(run, &listing, &rows,
        json_pack("{s:s, s:I, s:s}", "spine", path, "row", (json_int_t)row,
            "ref", argument_text(&run->arguments, "ref")),
        err);
out:
    larder_stream_close(&rows);
    larder_stream_close(&spine);
    input_close(&input);
    return rc;
}

const struct operation op_explain = {.name = "explain",
    .group = GROUP_HISTORY,
    .help = "why a joined value is what it is",
    .long_help = "Shows the history rows that a join could have taken for one "
                 "row of the spine: the winner, and why each other one lost. "
                 "Of a windowed feature: the events it is made of, and why "
                 "others do not count. Of an on-demand feature: its expression "
                 "and result, and the value of all that it names.",
    .params =
        (const struct param[]){
            {.name = "place",
                .type = PARAM_FILE,
                .positional = true,
                .required = true,
                .value = "SPINE:ROW",
                .help = "a spine and its data row, counted from 1"},
            {.name = "ref",
                .type = PARAM_TEXT,
                .positional = true,
                .required = true,
                .value = "REF",
                .help = "the feature, as view:feature"},
            {.name = "as-known",
                .type = PARAM_FLAG,
                .help = "only rows that were created by the spine's time"},
            {.name = "timestamp",
                .type = PARAM_TEXT,
                .value = "COL",
                .help = "the spine's column of times; event_timestamp unless "
                        "given"},
            PARAM_TIMEZONE, PARAM_FORMAT("SPINE"), {0}},
    .run = run_explain};
