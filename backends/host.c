/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - what the name of a store's host leads to, and what its clock says.
 */
#include "host.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND INT64_C(1000000)
#define SKEW_NOTED (10 * SECOND)
#define SKEW_WRONG (300 * SECOND) /* what push takes for the future */

static larder_status
tell_families(const char *host, bool four, bool six, larder_finding_sink *sink,
    larder_error *err)
{
    if (four || !six)
        return larder_finding_tell(sink, "address", LARDER_FINE, NULL, err,
            "'%s' has %s addresses", host,
            four && six ? "IPv4 and IPv6" : "IPv4");
    return larder_finding_tell(sink, "address", LARDER_DOUBTFUL,
        "where IPv6 does not reach, take the name of its pooler, or give the "
        "host an IPv4 address",
        err, "'%s' has IPv6 addresses only", host);
}

larder_status
host_examine(const char *host, larder_finding_sink *sink, larder_error *err)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL, *ignored = NULL;
    bool four = false, six = false;
    int code;

    if (host == NULL || host[0] == '\0' || host[0] == '/' || host[0] == '@')
        return LARDER_OK;
    hints.ai_flags = AI_NUMERICHOST;
    if (getaddrinfo(host, NULL, &hints, &ignored) == 0) {
        freeaddrinfo(ignored);
        return LARDER_OK;
    }
    hints.ai_flags = 0;
    code = getaddrinfo(host, NULL, &hints, &found);
    if (code != 0)
        return larder_finding_tell(sink, "address", LARDER_WRONG,
            "is the name spelt right, and does this machine ask the right name "
            "servers?",
            err, "'%s' has no address: %s", host, gai_strerror(code));
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        four = four || a->ai_family == AF_INET;
        six = six || a->ai_family == AF_INET6;
    }
    freeaddrinfo(found);
    return tell_families(host, four, six, sink, err);
}

larder_status
host_examine_clock(larder_time theirs, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    int64_t skew = theirs - call->now;
    int64_t size = skew < 0 ? -skew : skew;
    bool noted = size > SKEW_NOTED;

    return larder_finding_tell(sink, "clock",
        size > SKEW_WRONG ? LARDER_WRONG
        : noted           ? LARDER_DOUBTFUL
                          : LARDER_FINE,
        noted ? "set both clocks by the network" : NULL, err,
        "its clock is %lld.%lld s %s ours", (long long)(size / SECOND),
        (long long)(size % SECOND / (SECOND / 10)),
        skew < 0 ? "behind" : "before");
}
