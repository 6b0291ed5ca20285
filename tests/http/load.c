/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - many clients at once, each answer judged.
 *
 *   load ADDRESS PORT SECONDS CLIENTS FILE
 *
 * Each client keeps a connection and sends the lines of the file in turn, from
 * a line of its own on, until the time is over. A line's parts are apart by
 * tabs:
 *
 *   STATUS  WORDS  METHOD PATH  [HEADER: VALUE]...  [BODY]
 *
 * STATUS and WORDS may be several, apart by '|': one of them must be in the
 * answer. A header has a ": " and no '{' before it.
 *
 * A connection that ends within an answer is a fault; one that ends between
 * answers is made again, and when that is refused, the server is gone and the
 * client is done: so a server may be ended under load.
 *
 * Prints how many answers came, and the first faults. Exit code 1: there were
 * faults, or no answer at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CASES_MAX 64u
#define CLIENTS_MAX 256u
#define PARTS_MAX 16u
#define REQUEST_MAX 65536u
#define ANSWER_MAX (1u << 20)

struct example {
    char *line, *status, *words;
    char *request;
    size_t size;
};

struct load {
    struct sockaddr_in server;
    struct example examples[CASES_MAX];
    size_t n_examples;
    struct timespec end;
};

struct client {
    const struct load *load;
    size_t first;
    int fd;
    char *answer; /* ANSWER_MAX and a zero */
    unsigned long n_answers, n_faults;
    char fault[400]; /* the first */
};

/* ------------------------------------------------------------------ examples
 */

static bool
is_header(const char *part)
{
    size_t n = strcspn(part, ":{[\"");

    return n > 0 && part[n] == ':' && part[n + 1] == ' ';
}

static void
write_request(struct example *example, char **parts, size_t n)
{
    const char *body = "";
    FILE *out = open_memstream(&example->request, &example->size);

    if (out == NULL)
        exit(2);
    fprintf(out, "%s HTTP/1.1\r\nHost: localhost\r\n", parts[2]);
    for (size_t i = 3; i < n; i++)
        if (is_header(parts[i]))
            fprintf(out, "%s\r\n", parts[i]);
        else
            body = parts[i];
    fprintf(out, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (fclose(out) != 0)
        exit(2);
    example->status = parts[0];
    example->words = parts[1];
}

static void
read_examples(struct load *load, const char *name)
{
    FILE *file = fopen(name, "r");
    char *line = NULL, *rest;
    size_t room = 0;

    if (file == NULL) {
        perror(name);
        exit(2);
    }
    while (load->n_examples < CASES_MAX && getline(&line, &room, file) != -1) {
        struct example *example = &load->examples[load->n_examples];
        char *parts[PARTS_MAX];
        size_t n = 0;

        example->line = line;
        for (char *part = strtok_r(line, "\t\n", &rest);
             part != NULL && n < PARTS_MAX;
             part = strtok_r(NULL, "\t\n", &rest))
            parts[n++] = part;
        if (n < 3 || line[0] == '#')
            continue;
        write_request(example, parts, n);
        load->n_examples++;
        line = NULL; /* the example's now */
        room = 0;
    }
    free(line);
    fclose(file);
}

/* ------------------------------------------------------------------- judging
 */

static void
blame(struct client *client, const char *why, const struct example *example)
{
    if (client->n_faults++ > 0)
        return;
    snprintf(client->fault, sizeof client->fault,
        "%s: expected %s '%s', got: %.300s", why, example->status,
        example->words, client->answer);
}

/* Is one of "a|b" in the text? "-" is in every one. */
static bool
has_one(const char *text, const char *of, const char *before)
{
    while (*of != '\0') {
        size_t n = strcspn(of, "|");
        char word[256];

        snprintf(word, sizeof word, "%s%.*s", before, (int)n, of);
        if ((n == 1 && *of == '-') || strstr(text, word) != NULL)
            return true;
        of += n + (of[n] == '|');
    }
    return false;
}

static void
judge(struct client *client, const struct example *example)
{
    client->n_answers++;
    if (!has_one(client->answer, example->status, "HTTP/1.1 "))
        blame(client, "status", example);
    else if (!has_one(client->answer, example->words, ""))
        blame(client, "words", example);
}

/* -------------------------------------------------------------------- asking
 */

static bool
reach(struct client *client)
{
    const struct timeval patience = {.tv_sec = 60};
    const int yes = 1;

    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (client->fd == -1)
        return false;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connect(client->fd, (const struct sockaddr *)&client->load->server,
               sizeof client->load->server) == 0;
}

/* How long the whole answer is; 0: that is not known yet. */
static size_t
whole_size(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    const char *length = answer;

    if (end == NULL)
        return 0;
    while (strncasecmp(length, "Content-Length:", 15) != 0) {
        length = strstr(length, "\r\n") + 2;
        if (length >= end)
            return (size_t)(end - answer) + 4;
    }
    return (size_t)(end - answer) + 4 + strtoul(length + 15, NULL, 10);
}

/* The size of the answer; 0: the connection ended before its first byte. */
static size_t
receive(struct client *client, const struct example *example)
{
    size_t size = 0, whole;

    client->answer[0] = '\0';
    while ((whole = whole_size(client->answer)) == 0 || size < whole) {
        ssize_t n =
            recv(client->fd, client->answer + size, ANSWER_MAX - size, 0);

        if (n <= 0 && size == 0 && (n == 0 || errno == ECONNRESET))
            return 0;
        if (n <= 0) {
            blame(client, "the connection ended within", example);
            return 0;
        }
        size += (size_t)n;
        client->answer[size] = '\0';
    }
    return size;
}

static bool
is_over(const struct load *load)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > load->end.tv_sec ||
           (now.tv_sec == load->end.tv_sec && now.tv_nsec >= load->end.tv_nsec);
}

static void *
run_client(void *context)
{
    struct client *client = context;
    const struct load *load = client->load;
    bool there = reach(client);

    for (size_t i = client->first; there && !is_over(load); i++) {
        const struct example *example = &load->examples[i % load->n_examples];

        if (send(client->fd, example->request, example->size, MSG_NOSIGNAL) ==
                (ssize_t)example->size &&
            receive(client, example) > 0) {
            judge(client, example);
            if (strstr(client->answer, "Connection: close") == NULL)
                continue;
        }
        close(client->fd);
        there = reach(client);
    }
    close(client->fd);
    return NULL;
}

int
main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    static pthread_t threads[CLIENTS_MAX];
    struct load load = {.server.sin_family = AF_INET};
    unsigned long n_answers = 0, n_faults = 0;
    size_t n = argc == 6 ? strtoul(argv[4], NULL, 10) : 0;

    if (n == 0 || n > CLIENTS_MAX ||
        inet_pton(AF_INET, argv[1], &load.server.sin_addr) != 1)
        return 2;
    load.server.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 10));
    read_examples(&load, argv[5]);
    clock_gettime(CLOCK_MONOTONIC, &load.end);
    load.end.tv_sec += strtol(argv[3], NULL, 10);
    for (size_t i = 0; i < n; i++) {
        clients[i] = (struct client){.load = &load, .first = i};
        clients[i].answer = malloc(ANSWER_MAX + 1);
        if (load.n_examples == 0 || clients[i].answer == NULL ||
            pthread_create(&threads[i], NULL, run_client, &clients[i]) != 0)
            return 2;
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        n_answers += clients[i].n_answers;
        n_faults += clients[i].n_faults;
        if (clients[i].n_faults > 0)
            printf("client %zu: %s\n", i, clients[i].fault);
        free(clients[i].answer);
    }
    for (size_t i = 0; i < load.n_examples; i++) {
        free(load.examples[i].request);
        free(load.examples[i].line);
    }
    printf("%lu answers, %lu faults\n", n_answers, n_faults);
    return n_answers == 0 || n_faults > 0;
}
