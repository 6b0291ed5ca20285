/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_show.c - one definition as the registry has it; and rows of the offline
 * store by a query.
 */
#include <string.h>

#include "look.h"

larder_status
look_show(
    struct run *run, const char *name, larder_kind kind, larder_error *err)
{
    static const char *const kinds[] = {
        "", "entity", "source", "view", "service", "job", "on-demand view"};
    const struct argument *generation =
        argument_of(&run->arguments, "generation");
    larder_store *store;
    larder_shown shown = {0};
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_show(store, &run->call, name,
        generation == NULL ? 0 : generation->number, &shown, err));
    if (kind != 0 && shown.kind != kind &&
        !(kind == LARDER_VIEWS && shown.kind == LARDER_ON_DEMAND_VIEWS)) {
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "there is no %s '%s': it is %s %s", kinds[kind], name,
            strchr("aeiou", kinds[shown.kind][0]) ? "an" : "a",
            kinds[shown.kind]);
        goto out;
    }
    if (run->output == OUTPUT_JSON || run->output == OUTPUT_JSONL) {
        rc = print_document(run,
            json_pack("{s:s, s:s, s:I, s:s, s:s}", "kind", kinds[shown.kind],
                "name", name, "generation", (json_int_t)shown.generation,
                "hash", shown.hash, "definition", shown.definition),
            err);
        goto out;
    }
    if (!run->quiet)
        printf("# generation %llu, %s\n", (unsigned long long)shown.generation,
            shown.hash);
    fputs(shown.definition, stdout);
    rc = print_flush(run, err);
out:
    larder_shown_release(&shown);
    return rc;
}

static larder_status
run_show(struct run *run, larder_error *err)
{
    return look_show(run, argument_text(&run->arguments, "name"), 0, err);
}

const struct operation op_show = {.name = "show",
    .group = GROUP_LOOK,
    .help = "one definition, as the registry has it",
    .params =
        (const struct param[]){
            {.name = "name",
                .type = PARAM_TEXT,
                .positional = true,
                .required = true,
                .value = "NAME",
                .help = "of an entity, source, view, service or job"},
            PARAM_GENERATION, {0}},
    .run = run_show};

static larder_status
run_sql(struct run *run, larder_error *err)
{
    static const struct listing listing = {.name = "rows", .null = "NULL"};
    larder_store *store;
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_sql(
        store, &run->call, argument_text(&run->arguments, "text"), &rows, err));
    rc = print_stream(run, &listing, &rows, NULL, err);
out:
    return rc;
}

const struct operation op_sql = {.name = "sql",
    .group = GROUP_LOOK,
    .help = "ask the offline store, reading only",
    .long_help = "Runs one statement on the offline store. A statement that "
                 "would write is refused.",
    .params =
        (const struct param[]){
            {.name = "text",
                .type = PARAM_TEXT,
                .positional = true,
                .required = true,
                .value = "SQL",
                .help = "the statement, such as \"SELECT ...\""},
            {0}},
    .run = run_sql};
