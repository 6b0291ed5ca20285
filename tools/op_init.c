/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_init.c - a repository to begin with: a small one of its own, with rows up
 * to now, or a copy of an example.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/time.h"
#include "copy.h"
#include "print.h"

static const char configuration[] =
    "# Where things are kept. Paths are relative to this file.\n"
    "project: shop\n"
    "registry: {type: sqlite, path: data/registry.db}\n"
    "offline_store: {type: sqlite, path: data/offline.db}\n"
    "online_store: {type: lmdb, path: data/online}\n";

static const char definitions[] =
    "# What a model of a shop's customers asks for.\n"
    "entities:\n"
    "  - {name: customer, join_key: customer_id, type: int64}\n"
    "\n"
    "sources:\n"
    "  - name: customer_activity\n"
    "    timestamp_field: event_timestamp\n"
    "    schema: # Larder makes this table and keeps its rows\n"
    "      - {name: customer_id, type: int64}\n"
    "      - {name: orders, type: int64}\n"
    "      - {name: spent, type: float64}\n"
    "      - {name: segment, type: string}\n"
    "\n"
    "feature_views:\n"
    "  - name: customer_latest\n"
    "    description: What a customer did on the latest day there was "
    "anything\n"
    "    entities: [customer]\n"
    "    source: customer_activity\n"
    "    ttl: 7d\n"
    "    features:\n"
    "      - {name: orders, type: int64}\n"
    "      - {name: spent, type: float64, description: In the shop's "
    "currency}\n"
    "      - {name: segment, type: string}\n"
    "\n"
    "feature_services:\n"
    "  - {name: churn_v1, features: [customer_latest]}\n";

static const char readme[] =
    "# A feature repository\n"
    "\n"
    "```\n"
    "larder apply\n"
    "larder ingest customer_activity activity.csv\n"
    "larder join spine.csv -s churn_v1 -O training.csv\n"
    "larder materialize\n"
    "larder get customer_id=3 -s churn_v1\n"
    "```\n"
    "\n"
    "`feature_store.yaml` says where things are kept, `features.yaml` what "
    "the\n"
    "features are, `activity.csv` is history, `spine.csv` what to train on.\n";

static const char ignored[] = "/data/\n";

enum { CUSTOMERS = 5, DAYS = 10 };

/* Ten days up to the day before now. Small numbers that look like none in
 * particular, the same for the same now; some days a customer does nothing. */
static void
write_activity(FILE *file, larder_time now)
{
    static const char *const segments[] = {"new", "regular", "loyal"};

    fputs("customer_id,event_timestamp,orders,spent,segment\n", file);
    for (int day = DAYS; day >= 1; day--)
        for (int c = 1; c <= CUSTOMERS; c++) {
            int mixed = (c * 37 + day * 101 + c * day * 13) % 97;
            char time[33];

            if (mixed % 3 == 0 && day > 1)
                continue;
            larder_time_print(now / LDR_DAY * LDR_DAY - (int64_t)day * LDR_DAY +
                                  (int64_t)(mixed * 600) * LDR_SECOND,
                time);
            fprintf(file, "%d,%s,%d,%d.%02d,%s\n", c, time, mixed % 4,
                mixed % 4 * 17, mixed, segments[(c + (day < 4)) % 3]);
        }
}

static void
write_spine(FILE *file, larder_time now)
{
    fputs("customer_id,event_timestamp,churned\n", file);
    for (int i = 0; i < 2 * CUSTOMERS; i++) {
        char time[33];

        larder_time_print(
            now / LDR_DAY * LDR_DAY - (int64_t)(i % 4) * 2 * LDR_DAY, time);
        fprintf(file, "%d,%s,%d\n", i % CUSTOMERS + 1, time, i % 3 == 0);
    }
}

static larder_status
write_file(struct run *run, const char *folder, const char *name,
    const char *text, void (*write)(FILE *, larder_time), larder_error *err)
{
    const char *path = ldr_arena_printf(&run->arena, "%s/%s", folder, name);
    FILE *file;
    bool failed;

    if (path == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a path");
    file = fopen(path, "wx");
    if (file == NULL)
        return larder_fail(err, LARDER_IO, "file '%s' cannot be made: %s", path,
            strerror(errno));
    if (write != NULL)
        write(file, run->call.now);
    else
        fputs(text, file);
    failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return larder_fail(err, LARDER_IO, "file '%s' cannot be written", path);
    return LARDER_OK;
}

static larder_status
write_starter(struct run *run, const char *folder, larder_error *err)
{
    static const struct {
        const char *name, *text;
        void (*write)(FILE *, larder_time);
    } files[] = {{"feature_store.yaml", configuration, NULL},
        {"features.yaml", definitions, NULL},
        {"activity.csv", NULL, write_activity},
        {"spine.csv", NULL, write_spine}, {"README.md", readme, NULL},
        {".gitignore", ignored, NULL}};
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        LARDER_TRY(write_file(
            run, folder, files[i].name, files[i].text, files[i].write, err));
out:
    return rc;
}

/* A folder that has a configuration stays as it is. */
static larder_status
make_place(struct run *run, const char *folder, larder_error *err)
{
    static const char *const taken[] = {"feature_store.yaml", "features.yaml",
        "activity.csv", "spine.csv", "README.md", ".gitignore"};
    struct stat facts;

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        const char *path =
            ldr_arena_printf(&run->arena, "%s/%s", folder, taken[i]);

        if (path == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory for a path");
        if (stat(path, &facts) == 0) {
            larder_fail(err, LARDER_INVALID, "'%s' is there already", path);
            larder_hint(err, "init makes a repository in a folder of its own");
            return LARDER_INVALID;
        }
    }
    return copy_make_folder(folder, err);
}

static larder_status
run_init(struct run *run, larder_error *err)
{
    const char *folder = argument_text(&run->arguments, "dir");
    const char *example = argument_text(&run->arguments, "example");
    const char *from = NULL;
    larder_status rc;

    if (example != NULL)
        LARDER_TRY(copy_find_example(&run->arena, example, &from, err));
    LARDER_TRY(make_place(run, folder, err));
    if (from != NULL)
        LARDER_TRY(copy_folder(from, folder, err));
    else
        LARDER_TRY(write_starter(run, folder, err));
    if (run->output == OUTPUT_JSON)
        return print_document(run,
            json_pack("{s:s, s:s}", "folder", folder, "example",
                example == NULL ? "starter" : example),
            err);
    print_words(run, "a repository is in '%s'; its README.md goes on from here",
        folder);
out:
    return rc;
}

const struct operation op_init = {.name = "init",
    .group = GROUP_DEFINITIONS,
    .help = "make a repository, with sample data",
    .long_help =
        "Writes a configuration for a laptop (SQLite and LMDB files), "
        "definitions, and rows to try them on. --example copies one that "
        "comes with Larder: flights (real data) or feature_repo.",
    .params = (const struct param[]){{.name = "dir",
                                         .type = PARAM_FILE,
                                         .positional = true,
                                         .required = true,
                                         .value = "DIR",
                                         .help = "the folder to make"},
        {.name = "example",
            .type = PARAM_TEXT,
            .value = "NAME",
            .help = "copy this example: flights, feature_repo"},
        {0}},
    .run = run_init};
