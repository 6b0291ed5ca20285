/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - what systemd is told, as sd_notify(3) has it: a datagram.
 */
#include "serve/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"

void
notify_send(const char *name, const char *words)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t size = name == NULL ? 0 : strlen(name);
    socklen_t length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    int fd;

    if (size < 2 || size >= sizeof un.sun_path ||
        (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(un.sun_path, name, size);
    if (name[0] == '@') /* of Linux's abstract names */
        un.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return;
    (void)sendto(fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT,
        (const struct sockaddr *)&un, length);
    close(fd);
}

int64_t
notify_interval(const char *watchdog_usec)
{
    int64_t us = 0;

    if (watchdog_usec == NULL ||
        ldr_int64_parse(watchdog_usec, strlen(watchdog_usec), &us) !=
            LDR_NUMBER_OK ||
        us < 2)
        return 0;
    return us / 2;
}
