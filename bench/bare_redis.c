/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_redis.c - a Redis server without Larder, over a Unix socket.
 *
 *     bare_redis get SOCKET CANARY READS
 *                                   round trips with the bytes of a get: HMGET
 *                                   of a whole hash and GET of the canary, one
 *                                   write, then reads until it is all there
 *     bare_redis dump SOCKET        every row as HSET, for redis-cli --pipe
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define N_KEYS 4096u /* of those there are, some */

static void
die(const char *what)
{
    fprintf(stderr, "bare_redis: %s\n", what);
    exit(1);
}

static redisContext *
reach(const char *path)
{
    redisContext *context = redisConnectUnix(path);

    if (context == NULL || context->err != 0)
        die("cannot connect");
    return context;
}

static redisReply *
ask(redisContext *context, int n_words, const char **words, const size_t *sizes)
{
    redisReply *reply = redisCommandArgv(context, n_words, words, sizes);

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        die("no answer");
    return reply;
}

/* Call `visit` with each hash, fields and values in turn. */
static void
each_hash(redisContext *context, size_t most,
    void (*visit)(void *to, const redisReply *key, const redisReply *fields),
    void *to)
{
    char cursor[32] = "0";
    size_t n = 0;

    do {
        const char *scan[] = {"SCAN", cursor, "COUNT", "1000"};
        redisReply *reply = ask(context, 4, scan, NULL);
        const redisReply *keys = reply->element[1];

        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        for (size_t i = 0; i < keys->elements && n < most; i++) {
            const redisReply *key = keys->element[i];
            const char *all[] = {"HGETALL", key->str};
            const size_t sizes[] = {7, key->len};
            redisReply *fields = redisCommandArgv(context, 2, all, sizes);

            if (fields == NULL)
                die("no answer");
            if (fields->type == REDIS_REPLY_ARRAY && fields->elements > 0) {
                visit(to, key, fields);
                n++;
            }
            freeReplyObject(fields);
        }
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0 && n < most);
}

/* -------------------------------------------------------------------- dump */

static void
print_word(const redisReply *word)
{
    printf("$%zu\r\n", word->len);
    fwrite(word->str, 1, word->len, stdout);
    fputs("\r\n", stdout);
}

/* A row a command, as whoever writes view by view must. */
static void
print_hash(void *to, const redisReply *key, const redisReply *fields)
{
    (void)to;
    for (size_t i = 0; i < fields->elements; i += 2) {
        fputs("*4\r\n$4\r\nHSET\r\n", stdout);
        print_word(key);
        print_word(fields->element[i]);
        print_word(fields->element[i + 1]);
    }
}

/* --------------------------------------------------------------------- get */

typedef struct request {
    char *bytes;
    size_t size, answer;
} request;

typedef struct requests {
    request list[N_KEYS];
    size_t n;
    const char *canary;
} requests;

static void
add_request(void *to, const redisReply *key, const redisReply *fields)
{
    requests *r = to;
    request *one = &r->list[r->n];
    FILE *file = open_memstream(&one->bytes, &one->size);

    if (file == NULL || fields->elements != 8) /* four views */
        return;
    fprintf(file, "*2\r\n$3\r\nGET\r\n$%zu\r\n%s\r\n", strlen(r->canary),
        r->canary);
    fprintf(file, "*6\r\n$5\r\nHMGET\r\n$%zu\r\n", key->len);
    fwrite(key->str, 1, key->len, file);
    fputs("\r\n", file);
    one->answer = 5 + 41 + 2 + 4; /* $41, "larder 1 " and 32 digits; *4 */
    for (size_t i = 0; i < 8; i += 2) {
        fprintf(file, "$%zu\r\n", fields->element[i]->len);
        fwrite(fields->element[i]->str, 1, fields->element[i]->len, file);
        fputs("\r\n", file);
        one->answer +=
            (size_t)snprintf(NULL, 0, "$%zu\r\n", fields->element[i + 1]->len) +
            fields->element[i + 1]->len + 2;
    }
    fclose(file);
    r->n++;
}

static int64_t
nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
go(int socket, const request *one)
{
    static char room[65536];
    size_t got = 0;

    if (write(socket, one->bytes, one->size) != (ssize_t)one->size)
        die("cannot send");
    while (got < one->answer) {
        ssize_t n = read(socket, room, sizeof room);

        if (n <= 0)
            die("cannot receive");
        got += (size_t)n;
    }
    if (got != one->answer)
        die("the answer has another size");
}

static int
get(const char *path, const char *canary, size_t n_reads)
{
    static requests r;
    redisContext *context = reach(path);
    int64_t *times = malloc((n_reads + 1) * sizeof *times);
    uint64_t seed = 1;

    r.canary = canary;
    each_hash(context, N_KEYS, add_request, &r);
    if (times == NULL || r.n == 0)
        die("no hash has four fields");
    for (size_t i = 0; i < n_reads; i++) {
        int64_t from;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        from = nanoseconds();
        go(context->fd, &r.list[(seed >> 33) % r.n]);
        times[i] = nanoseconds() - from;
    }
    qsort(times, n_reads, sizeof *times, compare);
    printf("{\"what\": \"get\", \"by\": \"redis\", \"p50_ns\": %" PRId64
           ", \"p99_ns\": %" PRId64 "}\n",
        times[n_reads / 2], times[n_reads / 100 * 99]);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "get") == 0)
        return get(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "dump") == 0) {
        each_hash(reach(argv[2]), SIZE_MAX, print_hash, NULL);
        return 0;
    }
    die("use: bare_redis get SOCKET CANARY READS | dump SOCKET");
    return 2;
}
