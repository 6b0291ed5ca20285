/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_ls.c - the objects of the registry, by kind; and Feast's spellings of
 * looking at one kind.
 */
#include <string.h>

#include "look.h"

/* The first spelling is the one in JSON. */
static const struct {
    larder_kind kind;
    const char *names[5];
} kinds[] = {{LARDER_ENTITIES, {"entities", "entity"}},
    {LARDER_SOURCES, {"sources", "source", "data-sources", "data_sources"}},
    {LARDER_VIEWS, {"views", "view", "feature-views", "feature_views"}},
    {LARDER_SERVICES,
        {"services", "service", "feature-services", "feature_services"}},
    {LARDER_JOBS, {"jobs", "job"}},
    {LARDER_ON_DEMAND_VIEWS,
        {"on-demand-views", "on-demand-view", "on-demand-feature-views",
            "on_demand_feature_views"}},
    {LARDER_ALL, {"all"}}};

static const char *const kind_choices[] = {"entities", "sources", "views",
    "services", "jobs", "on-demand-views", "all", NULL};
static const char *const kind_spellings[] = {"entity", "source", "view",
    "service", "job", "data-sources", "data_sources", "feature-views",
    "feature_views", "feature-services", "feature_services", "on-demand-view",
    "on-demand-feature-views", "on_demand_feature_views", NULL};

/* Text of many names, which JSON gives as an array. */
static const char *const lists[] = {"keys", "features", NULL};

static size_t
kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (const char *const *at = kinds[i].names; *at != NULL; at++)
            if (strcmp(*at, name) == 0)
                return i;
    return sizeof kinds / sizeof *kinds - 1;
}

larder_status
look_list(struct run *run, const char *kind, larder_error *err)
{
    const struct argument *generation =
        argument_of(&run->arguments, "generation");
    size_t i = kind_of(kind);
    struct listing listing = {
        .name = kinds[i].kind == LARDER_ALL ? "objects" : kinds[i].names[0],
        .hide_empty = true,
        .lists = lists};
    larder_store *store;
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_list(store, &run->call, kinds[i].kind,
        generation == NULL ? 0 : generation->number, &rows, err));
    rc = print_stream(run, &listing, &rows, NULL, err);
out:
    return rc;
}

static larder_status
run_ls(struct run *run, larder_error *err)
{
    const char *kind = argument_text(&run->arguments, "kind");

    return look_list(run, kind == NULL ? "all" : kind, err);
}

const struct operation op_ls = {.name = "ls",
    .group = GROUP_LOOK,
    .help = "list what is defined",
    .params =
        (const struct param[]){
            {.name = "kind",
                .type = PARAM_CHOICE,
                .positional = true,
                .choices = kind_choices,
                .spellings = kind_spellings,
                .value = "KIND",
                .help = "entities, sources, views, services, jobs or "
                        "on-demand-views; all of them unless given"},
            PARAM_GENERATION, {0}},
    .run = run_ls};

static larder_status
run_search(struct run *run, larder_error *err)
{
    static const struct listing listing = {
        .name = "objects", .hide_empty = true, .lists = lists};
    const struct argument *words = argument_of(&run->arguments, "text");
    const char *text = "";
    larder_store *store;
    larder_stream rows = {0};
    larder_status rc;

    for (size_t i = 0; i < words->n && text != NULL; i++)
        text = ldr_arena_printf(
            &run->arena, "%s%s%s", text, i == 0 ? "" : " ", words->texts[i]);
    if (text == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a text");
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_search(store, &run->call, text, &rows, err));
    rc = print_stream(run, &listing, &rows, NULL, err);
out:
    return rc;
}

const struct operation op_search = {.name = "search",
    .group = GROUP_LOOK,
    .help = "find what is defined by its words",
    .long_help = "Lists the objects whose name, description, owner, tags or "
                 "features hold every word, best match first.",
    .params = (const struct param[]){{.name = "text",
                                         .type = PARAM_WORDS,
                                         .positional = true,
                                         .required = true,
                                         .several = true,
                                         .value = "TEXT",
                                         .help = "words to look for"},
        {0}},
    .run = run_search};

static larder_status
run_lineage(struct run *run, larder_error *err)
{
    static const struct listing listing = {.name = "lineage"};
    larder_store *store;
    larder_stream rows = {0};
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_lineage(
        store, &run->call, argument_text(&run->arguments, "name"), &rows, err));
    rc = print_stream(run, &listing, &rows, NULL, err);
out:
    return rc;
}

const struct operation op_lineage = {.name = "lineage",
    .group = GROUP_LOOK,
    .help = "what depends on what",
    .params =
        (const struct param[]){
            {.name = "name",
                .type = PARAM_TEXT,
                .positional = true,
                .value = "NAME",
                .help =
                    "an object: what it depends on, and what depends on it; "
                    "everything unless given"},
            {0}},
    .run = run_lineage};

/* -------------------------------------------------------- Feast's spellings */

static const char *const feast_actions[] = {"list", "describe", NULL};

static larder_status
run_feast(struct run *run, larder_error *err)
{
    const char *name = argument_text(&run->arguments, "name");

    if (strcmp(argument_text(&run->arguments, "action"), "list") == 0)
        return name == NULL ? look_list(run, run->operation->name, err)
                            : run_usage(run, err, "'list' takes no name");
    if (name == NULL)
        return run_usage(run, err, "describe which? Give its name");
    return look_show(run, name, kinds[kind_of(run->operation->name)].kind, err);
}

static const struct param feast_params[] = {{.name = "action",
                                                .type = PARAM_CHOICE,
                                                .positional = true,
                                                .required = true,
                                                .choices = feast_actions,
                                                .value = "ACTION",
                                                .help = "list or describe"},
    {.name = "name",
        .type = PARAM_TEXT,
        .positional = true,
        .value = "NAME",
        .help = "of the object to describe"},
    PARAM_GENERATION, {0}};

const struct operation op_entities = {.name = "entities",
    .group = GROUP_LOOK,
    .hidden = true,
    .help = "entities list: ls entities; entities describe NAME: show NAME",
    .params = feast_params,
    .run = run_feast};

const struct operation op_feature_views = {.name = "feature-views",
    .group = GROUP_LOOK,
    .hidden = true,
    .help = "feature-views list: ls views; feature-views describe NAME: show "
            "NAME",
    .params = feast_params,
    .run = run_feast};

const struct operation op_feature_services = {.name = "feature-services",
    .group = GROUP_LOOK,
    .hidden = true,
    .help = "feature-services list: ls services; feature-services describe "
            "NAME: show NAME",
    .params = feast_params,
    .run = run_feast};

const struct operation op_data_sources = {.name = "data-sources",
    .group = GROUP_LOOK,
    .hidden = true,
    .help = "data-sources list: ls sources; data-sources describe NAME: show "
            "NAME",
    .params = feast_params,
    .run = run_feast};
