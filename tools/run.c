/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - one run: what the world outside gives a call, and the store.
 */
#include "run.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "place.h"
#include "speak.h"

#define THREADS_MAX 256u

const char *const input_formats[] = {"csv", "jsonl", NULL};

/* The one thing that a signal may touch. */
static volatile int cancelled;

static void
on_signal(int signal)
{
    (void)signal;
    cancelled = 1;
}

/* The first signal asks the library to stop, a second ends the process. */
static void
listen_for_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL); /* a file at its limit: an error */
}

/* Whoever starts us may have closed a standard descriptor. A store's file that
 * got its number would be printed into: take each, open the wrong way round,
 * so that using it fails as before. */
static void
hold_descriptors(void)
{
    static const int ways[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            (void)open("/dev/null", ways[fd]);
}

static int64_t
monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * LDR_SECOND + t.tv_nsec / 1000;
}

static larder_time
read_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * LDR_SECOND + t.tv_nsec / 1000;
}

larder_time
run_clock(const struct run *run)
{
    return run->fixed_now ? run->call.now : read_clock();
}

static larder_status
read_now(struct run *run, larder_error *err)
{
    const char *text = getenv("LARDER_NOW");

    if (text != NULL && text[0] != '\0') {
        larder_status rc = larder_time_parse((larder_bytes){text, strlen(text)},
            LARDER_NAIVE_REFUSED, &run->call.now, err);

        if (rc != LARDER_OK)
            larder_context(err, "LARDER_NOW");
        run->fixed_now = rc == LARDER_OK;
        return rc;
    }
    run->call.now = read_clock();
    return LARDER_OK;
}

static const char *
read_variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

const char *
run_variable(const char *name)
{
    const char *text = getenv(name);

    return text == NULL || text[0] == '\0' ? NULL : text;
}

static larder_status
take_threads(struct run *run, larder_error *err)
{
    const struct argument *threads = argument_of(&run->arguments, "threads");
    long online;

    if (threads->n > 0) {
        if (threads->number == 0 || threads->number > THREADS_MAX)
            return larder_fail(
                err, LARDER_INVALID, "--threads is from 1 to %u", THREADS_MAX);
        run->call.n_threads = (unsigned)threads->number;
        return LARDER_OK;
    }
    online = sysconf(_SC_NPROCESSORS_ONLN);
    run->call.n_threads = online < 1                   ? 1
                          : online > (long)THREADS_MAX ? THREADS_MAX
                                                       : (unsigned)online;
    return LARDER_OK;
}

static enum output
output_of(const char *text)
{
    if (text == NULL || strcmp(text, "table") == 0)
        return OUTPUT_TABLE;
    if (strcmp(text, "json") == 0)
        return OUTPUT_JSON;
    return strcmp(text, "jsonl") == 0 ? OUTPUT_JSONL : OUTPUT_CSV;
}

void
run_set_color(struct run *run)
{
    const char *terminal = run_variable("TERM");

    run->color = isatty(STDERR_FILENO) &&
                 !(run->arguments.all != NULL &&
                     argument_flag(&run->arguments, "no-color")) &&
                 run_variable("NO_COLOR") == NULL &&
                 (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

larder_status
run_begin(struct run *run, larder_error *err)
{
    const struct arguments *arguments = &run->arguments;
    larder_status rc;

    hold_descriptors();
    listen_for_signals();
    run->started = monotonic();
    run->out = stdout;
    run->output = output_of(argument_text(arguments, "output"));
    run->output_given = argument_text(arguments, "output") != NULL;
    run->quiet = argument_flag(arguments, "quiet");
    run->verbose = argument_flag(arguments, "verbose");
    run_set_color(run);
    run->call.monotonic = monotonic;
    run->call.cancel = &cancelled;
    run->call.memory_bytes = (size_t)argument_of(arguments, "memory")->number;
    run->call.temporary = run_variable("TMPDIR");
    run->call.context = run;
    run->call.diagnostic = speak_diagnostic;
    if (isatty(STDERR_FILENO) && !run->quiet)
        run->call.progress = speak_progress;
    LARDER_TRY(take_threads(run, err));
    LARDER_TRY(read_now(run, err));
    if (argument_text(arguments, "config") != NULL &&
        argument_text(arguments, "env") != NULL) {
        rc = larder_fail(err, LARDER_INVALID,
            "--config names the file, --env another: give one of them");
    }
out:
    return rc;
}

void
run_end(struct run *run)
{
    larder_close(run->store);
    json_decref(run->told.faults);
    ldr_arena_free(&run->arena);
}

static larder_status
configuration_at(struct run *run, const struct place *place,
    larder_open_options *out, larder_error *err)
{
    larder_open_options options = {.variable = read_variable};
    larder_status rc;

    LARDER_TRY(place_find(place, &run->arena, &options.config_path, err));
    if (run->verbose) {
        speak_note(run, "configuration: %s", options.config_path);
        options.log = speak_log;
        options.log_context = run;
    }
    *out = options;
out:
    return rc;
}

larder_status
run_configuration(struct run *run, larder_open_options *out, larder_error *err)
{
    const char *env = argument_text(&run->arguments, "env");
    struct place place = {.config = argument_text(&run->arguments, "config"),
        .env = env != NULL ? env : run_variable("LARDER_ENV"),
        .usual_config = run_variable("LARDER_CONFIG")};

    return configuration_at(run, &place, out, err);
}

larder_status
run_environment(
    struct run *run, const char *name, larder_store **out, larder_error *err)
{
    const char *config = argument_text(&run->arguments, "config");
    struct place place = {.env = strcmp(name, "local") == 0 ? NULL : name,
        .usual_config =
            config != NULL ? config : run_variable("LARDER_CONFIG")};
    larder_open_options options;
    larder_status rc;

    LARDER_TRY(configuration_at(run, &place, &options, err));
    LARDER_TRY(larder_open(&options, &run->call, out, err));
out:
    return rc;
}

larder_status
run_store(struct run *run, larder_store **out, larder_error *err)
{
    larder_open_options options;
    larder_status rc = LARDER_OK;

    if (run->store == NULL) {
        LARDER_TRY(run_configuration(run, &options, err));
        LARDER_TRY(larder_open(&options, &run->call, &run->store, err));
    }
    *out = run->store;
out:
    return rc;
}

double
run_seconds(const struct run *run)
{
    return (double)(monotonic() - run->started) / (double)LDR_SECOND;
}

json_t *
run_faults(struct run *run)
{
    if (run->told.faults == NULL)
        run->told.faults = json_array();
    return run->told.faults;
}

larder_status
run_usage(struct run *run, larder_error *err, const char *format, ...)
{
    char words[sizeof err->message];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    run->usage = true;
    return larder_fail(err, LARDER_INVALID, "%s", words);
}

larder_status
run_features(struct run *run, larder_features *out, larder_error *err)
{
    const struct argument *refs = argument_of(&run->arguments, "features");
    const char *service = argument_text(&run->arguments, "service");

    if ((refs->n == 0) == (service == NULL))
        return run_usage(run, err, "%s",
            service == NULL
                ? "which features? -f view:feature,... or -s SERVICE"
                : "give features with -f, or a service with -s: not both");
    *out = (larder_features){.refs = refs->texts,
        .n_refs = refs->n,
        .service = service,
        .full_names = argument_flag(&run->arguments, "full-feature-names")};
    return LARDER_OK;
}

larder_status
run_offset(struct run *run, int32_t *minutes, larder_error *err)
{
    const char *text = argument_text(&run->arguments, "timezone");
    larder_status rc = LARDER_OK;

    *minutes = LARDER_NAIVE_REFUSED;
    if (text != NULL)
        rc = ldr_offset_parse(text, minutes, err);
    if (rc != LARDER_OK) {
        larder_context(err, "--timezone");
        run->usage = true;
    }
    return rc;
}
