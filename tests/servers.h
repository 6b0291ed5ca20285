/* SPDX-License-Identifier: Apache-2.0 */
/*
 * servers.h - real servers for a test program, from tests/servers/KIND.sh.
 *
 * One server a program, a schema or a prefix a test. Servers start in main(),
 * before srunner_run_all(), since each test is a process of its own.
 */
#ifndef SERVERS_H
#define SERVERS_H

#include <stdbool.h>

/* LARDER_SKIP_SERVERS=1 was set (./check --skip-servers). */
bool servers_skipped(void);

/*
 * Start a server of this kind, "postgres", for the whole program; its address,
 * as connection_string takes it. NULL when servers are skipped. It is stopped,
 * and its folder removed, when the program ends, however it ends. A program
 * that is not installed ends this one, with the name of its package.
 */
const char *servers_start(const char *kind);

/* Where the server of this kind has its files: url, pids, log. NULL as above.
 */
const char *servers_folder(const char *kind);
/* The first line of a file there, such as "url_tls", yours to free(). */
char *servers_word(const char *kind, const char *name);

/* Run `KIND.sh COMMAND FOLDER [MORE]`; a failure fails the test. `servers_ask`
 * gives what it prints, yours to free(). */
void servers_do(const char *kind, const char *command, const char *more);
char *servers_ask(const char *kind, const char *command, const char *more);

/* What a test says before it returns, when it needs a server and servers are
 * skipped: it counts as skipped. Use SERVERS_NEEDED(url). */
void servers_skip(const char *test);
#define SERVERS_NEEDED(url)                                                    \
    do {                                                                       \
        if ((url) == NULL) {                                                   \
            servers_skip(__func__);                                            \
            return;                                                            \
        }                                                                      \
    } while (0)

#endif
