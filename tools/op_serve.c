/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_serve.c - the server, from its first connection to its last.
 *
 * The main thread starts the others and then looks after them: signals, the
 * newest generation once a second, connections that take too long.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "serve/audit.h"
#include "serve/authorize.h"
#include "serve/http.h"
#include "serve/listen.h"
#include "serve/log.h"
#include "serve/metrics.h"
#include "serve/notify.h"
#include "serve/runs.h"
#include "serve/shapes.h"
#include "serve/tls.h"
#include "serve/token.h"

#define DEFAULT_LISTEN "127.0.0.1:6566"
#define TICK_NS 250000000L
#define DRAIN_US (30 * LDR_SECOND)

static const char *const loopback_names[] = {
    "localhost", "127.0.0.1", "[::1]", NULL};

/* -------------------------------------------------------------- beginning */

/* --host and --port are Feast's spelling. */
static larder_status
address_of(struct run *run, const char **out, larder_error *err)
{
    const char *host = argument_text(&run->arguments, "host");
    const struct argument *port = argument_of(&run->arguments, "port");
    const char *listen = argument_text(&run->arguments, "listen");

    *out = listen != NULL ? listen : DEFAULT_LISTEN;
    if (host == NULL && port->n == 0)
        return LARDER_OK;
    if (listen != NULL)
        return run_usage(run, err,
            "--listen says it all: leave out --host and "
            "--port");
    *out = ldr_arena_printf(&run->arena, "%s:%llu",
        host != NULL ? host : "127.0.0.1",
        port->n > 0 ? (unsigned long long)port->number : 6566ull);
    return *out != NULL ? LARDER_OK
                        : larder_fail(err, LARDER_NOMEM, "no memory");
}

/* Names of hosts that requests may be for: those of loopback, and more. */
static larder_status
choose_hosts(struct run *run, struct serve *serve, larder_error *err)
{
    const struct argument *more = argument_of(&run->arguments, "allow-host");
    const char **hosts =
        ldr_arena_array(&run->arena, more->n + 4, sizeof *hosts);
    size_t n = 0;

    if (hosts == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory");
    if (!serve->open_reads && more->n == 0)
        return LARDER_OK; /* every request has a token */
    for (; loopback_names[n] != NULL; n++)
        hosts[n] = loopback_names[n];
    for (size_t i = 0; i < more->n; i++)
        hosts[n++] = more->texts[i];
    serve->hosts = hosts;
    return LARDER_OK;
}

/* Beyond this machine nobody asks without a token. */
static larder_status
choose_tokens(struct run *run, struct serve *serve, const char *address,
    larder_error *err)
{
    const char *path = argument_text(&run->arguments, "tokens");
    larder_status rc = authorize_open(serve, err);

    if (rc != LARDER_OK)
        return rc;
    if (path != NULL) {
        rc = tokens_open(path, &serve->tokens, err);
        if (rc != LARDER_OK)
            larder_context(err, "--tokens");
        return rc;
    }
    if (serve->open_reads)
        return LARDER_OK;
    run->usage = true;
    larder_fail(err, LARDER_INVALID,
        "--listen %.100s is reached from elsewhere, where all need a token",
        address);
    larder_hint(err, "give --tokens FILE; 'larder token new --scope read "
                     "--tokens FILE' makes it");
    return LARDER_INVALID;
}

/* Beyond this machine a token must not be readable on its way. */
static larder_status
choose_tls(struct run *run, struct serve *serve, const char *address,
    larder_error *err)
{
    const char *certificate = argument_text(&run->arguments, "certificate");
    const char *key = argument_text(&run->arguments, "key");

    if (certificate == NULL)
        certificate = argument_text(&run->arguments, "cert");
    if ((certificate == NULL) != (key == NULL))
        return run_usage(
            run, err, "--certificate and --key are given together");
    if (certificate != NULL)
        return tls_open(certificate, key, run_clock(run), &serve->tls, err);
    if (serve->open_reads || argument_flag(&run->arguments, "behind-tls-proxy"))
        return LARDER_OK;
    run->usage = true;
    larder_fail(err, LARDER_INVALID,
        "--listen %.100s is reached from elsewhere, where tokens must not be "
        "readable on their way",
        address);
    larder_hint(err, "give --certificate FILE and --key FILE, or "
                     "--behind-tls-proxy if a proxy speaks TLS for it");
    return LARDER_INVALID;
}

static larder_status
prepare(struct run *run, struct serve *serve, const char *address,
    larder_error *err)
{
    larder_status rc;

    *serve = (struct serve){.run = run,
        .limits = serve_default_limits,
        .feast_metrics = argument_flag(&run->arguments, "feast-metrics"),
        .n_daemons = run->call.n_threads};
    rc = listen_is_local(address, &serve->open_reads, err);
    if (rc != LARDER_OK) {
        larder_context(err, "--listen");
        run->usage = true;
        return rc;
    }
    LARDER_TRY(choose_tokens(run, serve, address, err));
    LARDER_TRY(choose_tls(run, serve, address, err));
    if (argument_text(&run->arguments, "audit") != NULL)
        LARDER_TRY(audit_open(
            argument_text(&run->arguments, "audit"), &serve->audit, err));
    LARDER_TRY(choose_hosts(run, serve, err));
    LARDER_TRY(run_store(run, &serve->store, err));
    serve->names = larder_store_names(serve->store);
    serve->local = strcmp(serve->names.online, "redis") != 0;
    rc = serve_follow(serve, err);
out:
    return rc;
}

/* ------------------------------------------------------------------ running */

/* SIGHUP: the files again. What cannot be read stays as it was. */
static void
reload(struct serve *serve)
{
    larder_error why = {0};

    if (serve->tls != NULL &&
        tls_reload(serve->tls, run_clock(serve->run), &why) != LARDER_OK)
        log_note(serve, "the certificate stays as it was: %s", why.message);
    else if (serve->tls != NULL)
        log_note(serve, "the certificate was read again");
    why = (larder_error){0};
    if (serve->audit != NULL && audit_reopen(serve->audit, &why) != LARDER_OK)
        log_note(serve, "the audit goes on where it was: %s", why.message);
    why = (larder_error){0};
    if (serve->tokens == NULL)
        return;
    if (tokens_reload(serve->tokens, &why) != LARDER_OK)
        log_note(serve, "the tokens stay as they were: %s%s%s", why.message,
            why.hint[0] == '\0' ? "" : "; ", why.hint);
    else
        log_note(serve, "%zu tokens are known", tokens_count(serve->tokens));
}

static void
look_at_registry(struct serve *serve, bool *lost)
{
    uint64_t before = atomic_load(&serve->generation);
    larder_error why = {0};
    larder_status rc = serve_follow(serve, &why);
    uint64_t now = atomic_load(&serve->generation);

    if (rc != LARDER_OK && !*lost)
        log_note(serve,
            "the registry does not answer; generation %llu is served on: %s",
            (unsigned long long)before, why.message);
    else if (rc == LARDER_OK && *lost)
        log_note(serve, "the registry answers again");
    if (now != before) {
        log_note(serve, "generation %llu is served", (unsigned long long)now);
        audit_generation(serve, before, now);
    }
    *lost = rc != LARDER_OK;
}

/* Until a signal ends it; which. */
static int
look_after(struct serve *serve, struct http *http, const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    int64_t looked = serve->run->call.monotonic();
    bool lost = false;
    const char *to = run_variable("NOTIFY_SOCKET");
    int64_t watchdog = notify_interval(run_variable("WATCHDOG_USEC"));
    int64_t told = looked;
    char words[64];

    for (;;) {
        int signal = sigtimedwait(signals, NULL, &tick);

        if (signal == SIGTERM || signal == SIGINT)
            return signal;
        if (signal == SIGHUP) {
            snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%lld",
                (long long)serve->run->call.monotonic());
            notify_send(to, words);
            reload(serve);
            notify_send(to, "READY=1");
        }
        if (watchdog > 0 && serve->run->call.monotonic() - told >= watchdog) {
            told = serve->run->call.monotonic();
            notify_send(to, "WATCHDOG=1");
        }
        http_look(http);
        if (serve->run->call.monotonic() - looked < LDR_SECOND)
            continue;
        looked = serve->run->call.monotonic();
        look_at_registry(serve, &lost);
    }
}

/* What was begun is answered; a second signal, or too long a time, ends it. */
static void
drain(struct serve *serve, struct http *http, const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = TICK_NS / 25};
    int64_t end = serve->run->call.monotonic() + DRAIN_US;

    atomic_store(&serve->draining, true);
    http_drain(http);
    while (http_busy(http) > 0 && serve->run->call.monotonic() < end) {
        int signal = sigtimedwait(signals, NULL, &tick);

        if (signal == SIGTERM || signal == SIGINT)
            break;
        http_look(http);
    }
    if (http_busy(http) > 0)
        log_note(serve, "%u requests were not answered", http_busy(http));
    serve_cancel(serve);
}

static larder_status
run_serve(struct run *run, larder_error *err)
{
    struct serve serve = {0};
    struct http *http = NULL;
    const char *address;
    sigset_t signals;
    larder_status rc;

    LARDER_TRY(address_of(run, &address, err));
    LARDER_TRY(prepare(run, &serve, address, err));
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* of the threads to come too */
    LARDER_TRY(metrics_open(&serve, serve.n_daemons, err));
    LARDER_TRY(shapes_open(&serve.shapes, err));
    LARDER_TRY(runs_open(&serve.runs, err));
    LARDER_TRY(http_open(&serve, address, &http, err));
    printf("%s\n", http_url(http));
    fflush(stdout);
    log_note(&serve, "generation %llu of %s is served on %s",
        (unsigned long long)atomic_load(&serve.generation), serve.names.project,
        http_url(http));
    notify_send(run_variable("NOTIFY_SOCKET"), "READY=1");
    look_after(&serve, http, &signals);
    notify_send(run_variable("NOTIFY_SOCKET"), "STOPPING=1");
    log_note(&serve, "stopping");
    drain(&serve, http, &signals);
out:
    http_close(http);
    serve_cancel(&serve);
    runs_close(serve.runs);
    shapes_close(serve.shapes);
    metrics_close(&serve);
    audit_close(serve.audit);
    tls_close(serve.tls);
    tokens_close(serve.tokens);
    authorize_close(&serve);
    return rc;
}

const struct operation op_serve = {.name = "serve",
    .group = GROUP_ONLINE,
    .help = "answer Feast's HTTP requests from the online store",
    .long_help =
        "Answers Feast clients unchanged (online_store: {type: remote, path: "
        "http://127.0.0.1:6566}), and tells more at /openapi.json.\n"
        "\n"
        "The address is printed on standard output. Reads on loopback are "
        "open; "
        "anywhere else they need a token, and writes always do. SIGTERM stops "
        "it when what was begun is answered.",
    .params = (const struct param[]){{.name = "listen",
                                         .letter = 'l',
                                         .type = PARAM_TEXT,
                                         .value = "ADDRESS",
                                         .help = "address:port, or unix:PATH; "
                                                 "127.0.0.1:6566 unless given"},
        {.name = "allow-host",
            .type = PARAM_LIST,
            .value = "NAMES",
            .help = "hosts that requests may be for, beside loopback's"},
        {.name = "tokens",
            .type = PARAM_FILE,
            .value = "FILE",
            .help = "who may ask what: lines of larder token new"},
        {.name = "certificate",
            .letter = 'c',
            .type = PARAM_FILE,
            .value = "FILE",
            .help = "speak TLS: a certificate and those that signed it, PEM"},
        {.name = "key",
            .letter = 'k',
            .type = PARAM_FILE,
            .value = "FILE",
            .help = "its key, PEM"},
        {.name = "behind-tls-proxy",
            .type = PARAM_FLAG,
            .help = "plain HTTP beyond loopback too: a proxy speaks TLS"},
        {.name = "cert",
            .type = PARAM_FILE,
            .hidden = true,
            .value = "FILE",
            .help = "as in Feast"},
        {.name = "feast-metrics",
            .type = PARAM_FLAG,
            .help = "give metrics by Feast's names too"},
        {.name = "audit",
            .type = PARAM_FILE,
            .value = "FILE",
            .help = "append who wrote what, a line of JSON each"},
        {.name = "host",
            .type = PARAM_TEXT,
            .hidden = true,
            .value = "HOST",
            .help = "as in Feast"},
        {.name = "port",
            .letter = 'p',
            .type = PARAM_NUMBER,
            .hidden = true,
            .value = "PORT",
            .help = "as in Feast"},
        {0}},
    .run = run_serve};
