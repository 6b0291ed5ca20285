/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fallback.c - what an operation says of the second online store.
 */
#include "fallback.h"

#include "base/time.h"
#include "speak.h"

void
fallback_tell(const larder_fallback *fallback, json_t *facts)
{
    const larder_error *failure = &fallback->failure;
    json_t *error = json_null();

    if (fallback->store == NULL)
        return;
    if (failure->status != LARDER_OK)
        error = json_pack("{s:s, s:s}", "code",
            larder_status_name(failure->status), "message", failure->message);
    (void)json_object_set_new(facts, "fallback",
        json_pack("{s:s, s:o}", "store", fallback->store, "error", error));
}

void
fallback_warn(
    struct run *run, const larder_fallback *fallback, const char *then)
{
    if (fallback->store != NULL && fallback->failure.status != LARDER_OK)
        speak_warning(run, "%s; %s", fallback->failure.message, then);
}

/* A moment that has not come makes nothing older. */
static int64_t
age_of(const struct run *run, const larder_answer *answer)
{
    return answer->until >= run->call.now ? 0 : run->call.now - answer->until;
}

void
fallback_answered(struct run *run, const larder_answer *answer)
{
    int64_t age = age_of(run, answer) / LDR_SECOND * LDR_SECOND;
    char until[33], old[40] = "0s";

    larder_time_print(answer->until, until);
    if (age > 0)
        ldr_duration_print(age, old);
    speak_warning(run,
        "the fallback '%s' answered, materialized up to %s (%s ago): %s",
        answer->store, until, old, answer->reason);
}

json_t *
fallback_json(const struct run *run, const larder_answer *answer)
{
    char until[33];

    if (!answer->fallback)
        return json_pack(
            "{s:s, s:s}", "answered", "primary", "type", answer->store);
    larder_time_print(answer->until, until);
    return json_pack("{s:s, s:s, s:s, s:f}", "answered", "fallback", "type",
        answer->store, "until", until, "age_seconds",
        (double)age_of(run, answer) / 1e6);
}
