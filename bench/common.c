/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.c - what Larder's own side of every figure needs.
 */
#include "bench/common.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/data.h"

void
fail(const char *what, const larder_error *err)
{
    fprintf(stderr, "bench: %s: %s\n", what, err == NULL ? "" : err->message);
    exit(1);
}

int64_t
microseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

double
peak_mebibytes(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

uint64_t
count(const char *text)
{
    return strtoull(text, NULL, 10);
}

FILE *
create(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    if (file == NULL)
        fail(path, NULL);
    return file;
}

void
define_store(const char *folder)
{
    FILE *file = create(folder, "feature_store.yaml");

    fputs("project: bench\n"
          "registry: {type: sqlite, path: registry.db}\n"
          "offline_store: {type: sqlite, path: offline.db}\n"
          "online_store: {type: lmdb, path: online}\n",
        file);
    fclose(file);
}

void
print_moment(FILE *file, int64_t t)
{
    char text[33];

    fwrite(text, 1, larder_time_print(t, text), file);
}

larder_store *
open_store(const char *folder, larder_call *call)
{
    static char path[4096];
    larder_open_options options = {.config_path = path};
    larder_store *store = NULL;
    larder_error err = {0};

    snprintf(path, sizeof path, "%s/feature_store.yaml", folder);
    call->now = DATA_START + DATA_SPAN;
    call->monotonic = microseconds;
    if (larder_open(&options, call, &store, &err) != LARDER_OK)
        fail("open", &err);
    return store;
}

void
append(larder_column *column, larder_value value)
{
    larder_error err = {0};

    value.type = column->type;
    if (larder_column_append(column, &value, &err) != LARDER_OK)
        fail("rows", &err);
}

/* ------------------------------------------------------------------- reads */

void
reading_open(reading *r, larder_store *store, const larder_features *features)
{
    larder_error err = {0};

    if (larder_reader_open(store, &r->call, features, &r->reader, &err) !=
            LARDER_OK ||
        larder_batch_init(&r->keys, larder_reader_keys(r->reader), &err) !=
            LARDER_OK)
        fail("get", &err);
}

int64_t
reading_once(reading *r)
{
    size_t cells = r->answer.room_cells;
    struct timespec from, to;
    larder_error err = {0};

    clock_gettime(CLOCK_MONOTONIC, &from);
    if (larder_reader_get(r->reader, &r->call, &r->keys, &r->answer, &err) !=
        LARDER_OK)
        fail("get", &err);
    clock_gettime(CLOCK_MONOTONIC, &to);
    for (size_t i = 0; i < cells; i++)
        r->n_found += r->answer.presence[i] == LARDER_PRESENT;
    return (to.tv_sec - from.tv_sec) * INT64_C(1000000000) +
           (to.tv_nsec - from.tv_nsec);
}

void
reading_close(reading *r)
{
    larder_batch_release(&r->keys);
    larder_answer_release(&r->answer);
    larder_reader_close(r->reader);
}

static int
by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int64_t
percentile(int64_t *times, uint64_t n, unsigned percent)
{
    qsort(times, (size_t)n, sizeof *times, by_size);
    return times[n * percent / 100];
}
