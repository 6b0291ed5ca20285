/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - who wrote what, and when.
 *
 * What cannot be told is not done: a line that was lost, with the disk full,
 * is owed, and no request writes until a line that counts the losses is in the
 * file.
 */
#include "serve/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/log.h"
#include "serve/route.h"

struct audit {
    char *path;
    pthread_mutex_t lock; /* over what follows */
    int fd;
    bool torn; /* the last line is not whole */
    uint64_t n_lost;
};

static int
open_file(const char *path)
{
    return open(path,
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
        0600);
}

static larder_status
fail_file(const char *path, larder_error *err)
{
    return larder_fail(err, LARDER_IO, "%.200s cannot be appended to: %s", path,
        strerror(errno));
}

larder_status
audit_open(const char *path, struct audit **out, larder_error *err)
{
    struct audit *audit = calloc(1, sizeof *audit);

    if (audit != NULL)
        audit->path = strdup(path);
    if (audit == NULL || audit->path == NULL) {
        free(audit);
        return larder_fail(err, LARDER_NOMEM, "no memory for the audit");
    }
    pthread_mutex_init(&audit->lock, NULL);
    audit->fd = open_file(path);
    if (audit->fd == -1) {
        larder_status rc = fail_file(path, err);

        audit_close(audit);
        return rc;
    }
    *out = audit;
    return LARDER_OK;
}

larder_status
audit_reopen(struct audit *audit, larder_error *err)
{
    int fd = open_file(audit->path), old;

    if (fd == -1)
        return fail_file(audit->path, err);
    pthread_mutex_lock(&audit->lock);
    old = audit->fd;
    audit->fd = fd;
    audit->torn = false;
    pthread_mutex_unlock(&audit->lock);
    close(old);
    return LARDER_OK;
}

void
audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    if (audit->fd != -1)
        close(audit->fd);
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit);
}

/* ------------------------------------------------------------------- writing
 */

/* The lock is held. One write a line: readers see whole ones. */
static bool
append(struct audit *audit, struct out *line)
{
    ssize_t written;

    out_text(line, "}\n");
    if (line->failed)
        return false;
    if (audit->torn && write(audit->fd, "\n", 1) != 1)
        return false;
    audit->torn = false;
    written = write(audit->fd, line->text, line->size);
    audit->torn = written > 0 && (size_t)written != line->size;
    return written >= 0 && (size_t)written == line->size;
}

static void
begin_line(const struct serve *serve, struct out *line, const char *event)
{
    char time[33];

    larder_time_print(run_clock(serve->run), time);
    out_text(line, "{\"time\": ");
    out_name(line, time);
    out_text(line, ", \"event\": ");
    out_name(line, event);
}

/* Lines that are owed; the lock is held. */
static bool
settle(const struct serve *serve, struct audit *audit)
{
    struct out line = {0};
    bool done;

    if (audit->n_lost == 0)
        return true;
    begin_line(serve, &line, "lost");
    out_format(&line, ", \"lines\": %llu", (unsigned long long)audit->n_lost);
    done = append(audit, &line);
    if (done)
        audit->n_lost = 0;
    out_release(&line);
    return done;
}

/* False: it is lost, and counted. */
static bool
write_line(struct serve *serve, struct out *line)
{
    struct audit *audit = serve->audit;
    int problem;
    bool done;

    pthread_mutex_lock(&audit->lock);
    errno = ENOMEM;
    done = settle(serve, audit) && append(audit, line);
    problem = errno;
    audit->n_lost += !done;
    pthread_mutex_unlock(&audit->lock);
    if (!done)
        log_note(serve, "%s cannot be appended to: %s", audit->path,
            strerror(problem));
    return done;
}

static void
refuse(struct request *request, const char *words)
{
    struct fault fault = {503, "IO", "builtins", "ConnectionError"};
    larder_error err = {0};

    larder_fail(&err, LARDER_IO, "%s", words);
    larder_hint(&err, "the file of --audit takes no more: its disk may be "
                      "full; the server's log says why");
    request_fail(request, &fault, &err);
}

/* -------------------------------------------------------------------- events
 */

bool
audit_concerns(const struct request *request)
{
    return request->route != NULL && request->route->scope >= SCOPE_PUSH &&
           strcmp(request->route->method, "GET") != 0;
}

bool
audit_begin(struct serve *serve, struct request *request)
{
    bool settled;

    if (serve->audit == NULL || !audit_concerns(request))
        return true;
    pthread_mutex_lock(&serve->audit->lock);
    settled = settle(serve, serve->audit);
    pthread_mutex_unlock(&serve->audit->lock);
    if (!settled)
        refuse(request, "nothing was written, since it cannot be audited");
    return settled;
}

void
audit_end(struct serve *serve, struct request *request)
{
    struct out line = {0};

    if (serve->audit == NULL || !audit_concerns(request))
        return;
    begin_line(serve, &line, "write");
    out_format(&line, ", \"request_id\": \"%016llx\", \"who\": ",
        (unsigned long long)request->id);
    if (request->who == NULL)
        out_text(&line, "null");
    else
        out_name(&line, request->who);
    out_text(&line, ", \"method\": ");
    out_name(&line, request->route->method);
    out_text(&line, ", \"path\": ");
    out_name(&line, request->route->path);
    out_text(&line, ", \"names\": [");
    out_bytes(&line, request->subjects.text, request->subjects.size);
    out_format(&line, "], \"rows\": %llu, \"status\": %u",
        (unsigned long long)request->n_rows, request->status);
    if (!write_line(serve, &line) && request->status < 300)
        refuse(request, "it was written, but could not be audited");
    out_release(&line);
}

void
audit_generation(struct serve *serve, uint64_t from, uint64_t to)
{
    struct out line = {0};

    if (serve->audit == NULL)
        return;
    begin_line(serve, &line, "generation");
    out_format(&line, ", \"from\": %llu, \"to\": %llu",
        (unsigned long long)from, (unsigned long long)to);
    (void)write_line(serve, &line);
    out_release(&line);
}
