/* SPDX-License-Identifier: Apache-2.0 */
/*
 * servers.c - real servers for a test program.
 *
 * A keeper, a process beside this one, holds the reading end of a pipe whose
 * writing end is this program's. When the program is gone, by whatever death,
 * the pipe ends, and the keeper stops what was started. At an orderly end the
 * program waits for it.
 */
#include "tests/servers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#define N_SERVERS_MAX 8

struct server {
    const char *kind;
    char folder[256];
    char *url;
};

static struct server servers[N_SERVERS_MAX];
static int n_servers;

/* Of the keeper; the program that started it. */
static pid_t keeper, program;
static int keeper_pipe = -1;

bool
servers_skipped(void)
{
    const char *text = getenv("LARDER_SKIP_SERVERS");

    return text != NULL && strcmp(text, "1") == 0;
}

void
servers_skip(const char *test)
{
    size_t n = strlen(test); /* Check's macro adds _fn to the name */

    if (n > 3 && strcmp(test + n - 3, "_fn") == 0)
        n -= 3;
    fprintf(stderr, "servers: skipped %.*s\n", (int)n, test);
}

static const struct server *
find_server(const char *kind)
{
    for (int i = 0; i < n_servers; i++)
        if (strcmp(servers[i].kind, kind) == 0)
            return &servers[i];
    return NULL;
}

/* ----------------------------------------------------------------- scripts */

/* In a child: become `bash tests/servers/KIND.sh COMMAND FOLDER [MORE]`. */
static void
become_script(
    const struct server *server, const char *command, const char *more)
{
    const char *source = getenv("srcdir");
    char path[1024];

    snprintf(path, sizeof path, "%s/tests/servers/%s.sh",
        source == NULL ? "." : source, server->kind);
    execlp("bash", "bash", path, command, server->folder, more, (char *)NULL);
    perror("bash");
    _exit(127);
}

/* Its exit status is 0. With `answer`, what it prints. */
static bool
run_script(const struct server *server, const char *command, const char *more,
    char **answer)
{
    FILE *output = answer == NULL ? NULL : tmpfile();
    int status = 0;
    pid_t child;

    if (answer != NULL && output == NULL)
        return false;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY);

        dup2(null, STDIN_FILENO);
        dup2(output == NULL ? STDERR_FILENO : fileno(output), STDOUT_FILENO);
        become_script(server, command, more);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (answer != NULL) {
        size_t size = (size_t)lseek(fileno(output), 0, SEEK_END);

        *answer = calloc(size + 1, 1);
        rewind(output);
        if (*answer == NULL || fread(*answer, 1, size, output) != size)
            return false;
        fclose(output);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ------------------------------------------------------------------ keeper */

/* In the keeper: wait for the program's end, then stop and remove. */
static void
keep(const struct server *server, int pipe_end)
{
    char byte;

    (void)setsid();
    while (read(pipe_end, &byte, 1) > 0)
        continue;
    (void)run_script(server, "stop", NULL, NULL);
    execlp("rm", "rm", "-rf", server->folder, (char *)NULL);
    _exit(127);
}

/* At the program's end; in its forked tests there is nothing to do. */
static void
let_go(void)
{
    if (getpid() != program)
        return;
    (void)close(keeper_pipe);
    for (int i = 0; i < n_servers; i++)
        free(servers[i].url);
    while (wait(NULL) > 0)
        continue;
}

/* One keeper a server; all wait for the end of one pipe. */
static bool
start_keeper(const struct server *server)
{
    static int reading = -1;

    if (keeper_pipe < 0) {
        int ends[2];

        if (pipe(ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0)
            return false;
        reading = ends[0];
        keeper_pipe = ends[1];
        program = getpid();
        if (atexit(let_go) != 0)
            return false;
    }
    fflush(NULL);
    keeper = fork();
    if (keeper == 0) {
        (void)close(keeper_pipe);
        keep(server, reading);
    }
    return keeper > 0;
}

/* ---------------------------------------------------------------- starting */

/* A folder with a short path (sockets have no room for a long one) that every
 * user may walk through. */
static bool
make_folder(struct server *server)
{
    const char *parent = getenv("LARDER_SERVERS");

    if (parent == NULL || parent[0] == '\0')
        parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0')
        parent = "/tmp";
    snprintf(server->folder, sizeof server->folder, "%s/larder-%s.XXXXXX",
        parent, server->kind);
    return mkdtemp(server->folder) != NULL && chmod(server->folder, 0711) == 0;
}

const char *
servers_start(const char *kind)
{
    struct server *server = &servers[n_servers];
    const struct server *started = find_server(kind);

    if (servers_skipped())
        return NULL;
    if (started != NULL)
        return started->url;
    *server = (struct server){.kind = kind};
    if (n_servers == N_SERVERS_MAX || !make_folder(server) ||
        !start_keeper(server) || !run_script(server, "start", NULL, NULL)) {
        fprintf(stderr, "no server of the kind '%s'\n", kind);
        exit(EXIT_FAILURE);
    }
    n_servers++;
    server->url = servers_word(kind, "url");
    return server->url;
}

const char *
servers_folder(const char *kind)
{
    const struct server *server = find_server(kind);

    return server == NULL ? NULL : server->folder;
}

char *
servers_word(const char *kind, const char *name)
{
    const char *folder = servers_folder(kind);
    char path[512], line[4096];
    FILE *file;

    if (folder == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return strdup(line);
}

void
servers_do(const char *kind, const char *command, const char *more)
{
    const struct server *server = find_server(kind);

    ck_assert_ptr_nonnull(server);
    ck_assert_msg(run_script(server, command, more, NULL), "%s.sh %s failed",
        kind, command);
}

char *
servers_ask(const char *kind, const char *command, const char *more)
{
    const struct server *server = find_server(kind);
    char *answer = NULL;

    ck_assert_ptr_nonnull(server);
    ck_assert_msg(run_script(server, command, more, &answer), "%s.sh %s failed",
        kind, command);
    return answer;
}
