/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - sends requests of a corpus to a server, well-formed or not, and
 * judges each answer.
 *
 *   ask ADDRESS PORT FILE...
 *
 * A line of a corpus is a case, its parts apart by tabs:
 *
 *   STATUS  WORDS  METHOD PATH  [HEADER: VALUE]...  [BODY]
 *   STATUS  WORDS  RAW          BYTES
 *
 * STATUS is what must come back, or "-": the connection is closed, whatever was
 * said before. WORDS must be in the answer ("-": any). A header has a ": " and
 * no
 * '{' before it; Host and Content-Length are added where they are not given,
 * and a header without a value is left out. In BODY and BYTES \r \n \t \\ and
 * \xHH stand for bytes, and \*N(TEXT) for N times TEXT. "#" begins a comment.
 *
 * Every answer of 400 and above must be a JSON text, but for those that the
 * HTTP library gives by itself (400, 413, 414 and 431 as text/html).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PARTS_MAX 40
#define ANSWER_MAX (4u << 20)

struct text {
    char *bytes;
    size_t size, room;
};

static struct sockaddr_in server;
static unsigned n_failed, n_done;

static void
put(struct text *text, const char *bytes, size_t size)
{
    if (text->room - text->size < size + 1) {
        text->room = (text->room + size + 1) * 2;
        text->bytes = realloc(text->bytes, text->room);
        if (text->bytes == NULL)
            exit(2);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void
put_text(struct text *text, const char *bytes)
{
    put(text, bytes, strlen(bytes));
}

/* ------------------------------------------------------------------ spelling
 */

static void unescape(struct text *out, const char *at, const char *end);

/* \*N(TEXT); where it ends. */
static const char *
repeat(struct text *out, const char *at, const char *end)
{
    char *open;
    unsigned long n = strtoul(at, &open, 10);
    const char *close = open;
    int depth = 0;

    do {
        depth += *close == '(';
        depth -= *close == ')';
        close++;
    } while (depth > 0 && close < end);
    for (unsigned long i = 0; i < n; i++)
        unescape(out, open + 1, close - 1);
    return close;
}

static void
unescape(struct text *out, const char *at, const char *end)
{
    static const char letters[] = "rnt\\", meanings[] = "\r\n\t\\";

    while (at < end) {
        const char *letter =
            at[0] == '\\' && at + 1 < end ? memchr(letters, at[1], 4) : NULL;

        if (letter != NULL) {
            put(out, &meanings[letter - letters], 1);
            at += 2;
        } else if (at[0] == '\\' && at + 3 < end && at[1] == 'x') {
            char hex[3] = {at[2], at[3], '\0'};
            char byte = (char)strtoul(hex, NULL, 16);

            put(out, &byte, 1);
            at += 4;
        } else if (at[0] == '\\' && at + 1 < end && at[1] == '$') {
            put_text(
                out, getenv("ASK_TOKEN") == NULL ? "" : getenv("ASK_TOKEN"));
            at += 2;
        } else if (at[0] == '\\' && at + 1 < end && at[1] == '*') {
            at = repeat(out, at + 2, end);
        } else {
            put(out, at++, 1);
        }
    }
}

/* ------------------------------------------------------------------- a case */

static bool
is_header(const char *part)
{
    size_t n = strcspn(part, ":{[\"");

    return part[n] == ':' && part[n + 1] == ' ' && n > 0;
}

static bool
names(const char *part, const char *header)
{
    size_t n = strlen(header);

    return strncasecmp(part, header, n) == 0 && part[n] == ':';
}

static void
write_request(struct text *out, char **parts, size_t n)
{
    struct text body = {0};
    bool host = false, length = false;
    char line[64];

    if (strcmp(parts[2], "RAW") == 0) {
        unescape(out, parts[3], parts[3] + strlen(parts[3]));
        return;
    }
    unescape(out, parts[2], parts[2] + strlen(parts[2]));
    put_text(out, " HTTP/1.1\r\n");
    for (size_t i = 3; i < n; i++) {
        if (!is_header(parts[i])) {
            unescape(&body, parts[i], parts[i] + strlen(parts[i]));
            continue;
        }
        host = host || names(parts[i], "Host");
        length = length || names(parts[i], "Content-Length") ||
                 names(parts[i], "Transfer-Encoding");
        if (parts[i][strcspn(parts[i], ":") + 2] == '\0')
            continue;
        unescape(out, parts[i], parts[i] + strlen(parts[i]));
        put_text(out, "\r\n");
    }
    if (!host)
        put_text(out, "Host: localhost\r\n");
    if (!length && body.size > 0) {
        snprintf(line, sizeof line, "Content-Length: %zu\r\n", body.size);
        put_text(out, line);
    }
    put_text(out, "\r\n");
    put(out, body.bytes == NULL ? "" : body.bytes, body.size);
    free(body.bytes);
}

static int
connect_server(void)
{
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1 ||
        connect(fd, (const struct sockaddr *)&server, sizeof server) != 0) {
        perror("ask: connect");
        exit(2);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

/* How long the body of an answer is that begins with these bytes; -1: unknown
 * yet, or until the end. */
static long
length_of(const struct text *answer, size_t *head)
{
    char *end = strstr(answer->bytes == NULL ? "" : answer->bytes, "\r\n\r\n");
    const char *at = answer->bytes;

    if (end == NULL)
        return -1;
    *head = (size_t)(end - answer->bytes) + 4;
    for (; at < end; at = strstr(at, "\r\n") + 2)
        if (strncasecmp(at, "Content-Length:", 15) == 0)
            return strtol(at + 15, NULL, 10);
    return -1;
}

/* One answer, or all until the connection is closed; false: too long a wait. */
static bool
receive(int fd, struct text *answer, bool until_closed, bool head_only)
{
    for (;;) {
        char some[16384];
        size_t head = 0;
        long length = length_of(answer, &head);
        ssize_t n;

        if (!until_closed && length >= 0 &&
            answer->size >= head + (head_only ? 0 : (size_t)length))
            return true;
        n = recv(fd, some, sizeof some, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return true;
        if (n < 0 || answer->size > ANSWER_MAX)
            return false;
        put(answer, some, (size_t)n);
    }
}

/* ----------------------------------------------------------------- judgement
 */

static void
blame(const char *file, unsigned line, const char *why, char **parts,
    const struct text *answer)
{
    n_failed++;
    printf("%s:%u: %s: expected %s '%s' of %.200s\n  got: %.600s\n", file, line,
        why, parts[0], parts[1], parts[2],
        answer->bytes == NULL ? "" : answer->bytes);
}

static bool
is_json_or_library(const struct text *answer, int status)
{
    const char *body = strstr(answer->bytes, "\r\n\r\n");

    if (status < 400 || body == NULL || body[4] == '\0')
        return true;
    body += 4;
    if (*body == '{' || *body == '"')
        return true;
    return strstr(body, "<html>") != NULL &&
           (status == 400 || status == 413 || status == 414 || status == 431);
}

static void
judge(const char *file, unsigned line, char **parts, const struct text *answer)
{
    int status = 0;

    if (strcmp(parts[0], "-") == 0)
        return;
    if (answer->bytes == NULL ||
        sscanf(answer->bytes, "HTTP/1.%*d %d", &status) != 1 ||
        status != (int)strtol(parts[0], NULL, 10))
        blame(file, line, "status", parts, answer);
    else if (strcmp(parts[1], "-") != 0 &&
             strstr(answer->bytes, parts[1]) == NULL)
        blame(file, line, "words", parts, answer);
    else if (!is_json_or_library(answer, status))
        blame(file, line, "neither JSON nor the library's", parts, answer);
}

static void
run_case(const char *file, unsigned line, char **parts, size_t n)
{
    struct text request = {0}, answer = {0};
    int fd = connect_server();
    size_t sent = 0;

    write_request(&request, parts, n);
    while (sent < request.size) { /* it may answer and close before the end */
        ssize_t step =
            send(fd, request.bytes + sent, request.size - sent, MSG_NOSIGNAL);

        if (step <= 0)
            break;
        sent += (size_t)step;
    }
    if (!receive(fd, &answer, strcmp(parts[0], "-") == 0,
            strncmp(parts[2], "HEAD", 4) == 0))
        blame(file, line, "no end within 20 s", parts, &answer);
    else
        judge(file, line, parts, &answer);
    n_done++;
    close(fd);
    free(request.bytes);
    free(answer.bytes);
}

static size_t
split(char *line, char **parts)
{
    size_t n = 0;

    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL && n < PARTS_MAX;) {
        char *tab = strchr(at, '\t');

        if (tab != NULL)
            *tab++ = '\0';
        if (*at != '\0')
            parts[n++] = at;
        at = tab;
    }
    return n;
}

static void
run_file(const char *name)
{
    FILE *file = fopen(name, "r");
    char *line = NULL, *parts[PARTS_MAX];
    size_t room = 0;

    if (file == NULL) {
        perror(name);
        exit(2);
    }
    for (unsigned number = 1; getline(&line, &room, file) != -1; number++) {
        size_t n = line[0] == '#' ? 0 : split(line, parts);

        if (n >= 3)
            run_case(name, number, parts, n);
        else if (n > 0) {
            printf("%s:%u: a case has three parts at least\n", name, number);
            n_failed++;
        }
    }
    free(line);
    fclose(file);
}

int
main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: ask ADDRESS PORT FILE...\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        return 2;
    for (int i = 3; i < argc; i++)
        run_file(argv[i]);
    printf("%u cases, %u failed\n", n_done, n_failed);
    return n_failed > 0;
}
