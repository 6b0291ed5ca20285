/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine.c - what is found when stores and repository are looked at.
 */
#include "registry/examine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------- keeping
 */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for what was found");
}

static char *
copy(const char *text, bool *ok)
{
    char *copied = text == NULL ? NULL : strdup(text);

    *ok = *ok && (text == NULL || copied != NULL);
    return copied;
}

static void
release(larder_finding *finding)
{
    free((void *)(uintptr_t)finding->type);
    free((void *)(uintptr_t)finding->checked);
    free((void *)(uintptr_t)finding->words);
    free((void *)(uintptr_t)finding->advice);
}

void
larder_examined_release(larder_examined *examined)
{
    for (size_t i = 0; i < examined->n_findings; i++)
        release(&examined->findings[i]);
    free(examined->findings);
    *examined = (larder_examined){0};
}

static larder_status
keep(
    larder_finding_sink *sink, const larder_finding *finding, larder_error *err)
{
    ldr_examining *e = (ldr_examining *)sink;
    size_t room = e->room == 0 ? 32 : e->room * 2;
    larder_finding *findings = e->out->findings, kept;
    bool ok = true;

    if (e->out->n_findings == e->room) {
        findings = realloc(findings, room * sizeof *findings);
        if (findings == NULL)
            return no_memory(err);
        e->out->findings = findings;
        e->room = room;
    }
    kept = (larder_finding){.store = e->store,
        .type = copy(e->type, &ok),
        .checked = copy(finding->checked, &ok),
        .verdict = finding->verdict,
        .words = copy(finding->words, &ok),
        .advice = copy(finding->advice, &ok)};
    if (!ok) {
        release(&kept);
        return no_memory(err);
    }
    findings[e->out->n_findings++] = kept;
    return LARDER_OK;
}

void
ldr_examine_begin(ldr_examining *e, const char *store, const char *type)
{
    e->sink.found = keep;
    e->store = store;
    e->type = type;
    e->first = e->out->n_findings;
}

/* --------------------------------------------------------------------- stores
 */

static bool
ends_all(larder_status rc)
{
    return rc == LARDER_INTERRUPTED || rc == LARDER_NOMEM;
}

static larder_status
hand_on(larder_status rc, const larder_error *why, larder_error *err)
{
    if (err != NULL)
        *err = *why;
    return rc;
}

/* What a status says of the store, in a word. */
static const char *
checked_of(larder_status rc)
{
    switch (rc) {
    case LARDER_INVALID:
        return "configuration";
    case LARDER_NOT_FOUND:
        return "there";
    case LARDER_UNSUPPORTED:
        return "version";
    case LARDER_CORRUPT:
        return "integrity";
    case LARDER_OK:
    case LARDER_CONFLICT:
    case LARDER_BUSY:
    case LARDER_UNAVAILABLE:
    case LARDER_IO:
    case LARDER_LIMIT:
    case LARDER_INTERRUPTED:
    case LARDER_DEADLINE:
    case LARDER_NOMEM:
        break;
    }
    return "reachable";
}

static larder_status
tell_failure(ldr_examining *e, larder_status rc, const larder_error *why,
    larder_error *err)
{
    e->out->n_unreachable += rc == LARDER_UNAVAILABLE || rc == LARDER_DEADLINE;
    return larder_finding_tell(&e->sink, checked_of(rc),
        rc == LARDER_BUSY ? LARDER_UNKNOWN : LARDER_WRONG,
        why->hint[0] == '\0' ? NULL : why->hint, err, "%s", why->message);
}

larder_status
ldr_examine_opened(ldr_examining *e, larder_status rc, const larder_error *why,
    larder_error *err)
{
    if (ends_all(rc))
        return hand_on(rc, why, err);
    if (rc != LARDER_OK)
        return tell_failure(e, rc, why, err);
    return LARDER_OK; /* a server is reached when it is looked at */
}

static bool
was_told(const ldr_examining *e, const char *checked)
{
    for (size_t i = e->first; i < e->out->n_findings; i++)
        if (strcmp(e->out->findings[i].checked, checked) == 0)
            return true;
    return false;
}

/* Before all else that is told of the store. */
static larder_status
tell_reachable(ldr_examining *e, larder_error *err)
{
    size_t n = e->out->n_findings - e->first;
    larder_finding *first, told;
    larder_status rc = larder_finding_tell(
        &e->sink, "reachable", LARDER_FINE, NULL, err, "it opens");

    if (rc != LARDER_OK)
        return rc;
    first = e->out->findings + e->first;
    told = first[n];
    memmove(first + 1, first, n * sizeof *first);
    *first = told;
    return LARDER_OK;
}

larder_status
ldr_examine_ended(ldr_examining *e, larder_status rc, const larder_error *why,
    larder_error *err)
{
    if (ends_all(rc))
        return hand_on(rc, why, err);
    if (rc == LARDER_OK && was_told(e, "reachable"))
        return LARDER_OK;
    if (rc == LARDER_OK)
        return tell_reachable(e, err);
    if (rc == LARDER_UNAVAILABLE || rc == LARDER_DEADLINE ||
        rc == LARDER_CORRUPT)
        return tell_failure(e, rc, why, err);
    return larder_finding_tell(&e->sink, "examination", LARDER_UNKNOWN,
        why->hint[0] == '\0' ? NULL : why->hint, err,
        "it could not be looked at further: %s", why->message);
}

/* ----------------------------------------------------------------- the folder
 */

/* "//user:password@" with the password written out. */
static bool
holds_password(const char *text)
{
    const char *place = strstr(text, "://"), *at, *colon;

    if (strstr(text, "password=") != NULL)
        return strstr(text, "password=${") == NULL;
    if (place == NULL)
        return false;
    place += 3;
    at = strchr(place, '@');
    colon = strchr(place, ':');
    return at != NULL && colon != NULL && colon + 1 < at &&
           strncmp(colon + 1, "${", 2) != 0;
}

static bool
is_password(const char *name)
{
    static const char *const words[] = {"pass", "secret", "token"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(name, words[i]) != NULL)
            return true;
    return false;
}

/* The first secret that the section holds by itself, or NULL. */
static const char *
literal_secret(const ldr_store_config *section)
{
    for (size_t i = 0; i < section->options.n_options; i++) {
        const ldr_option *option = &section->options.options[i];
        const char *text =
            option->written != NULL ? option->written : option->value;

        if (text == NULL || text[0] == '\0')
            continue;
        if (is_password(option->name) ? strstr(text, "${") == NULL
                                      : holds_password(text))
            return option->name;
    }
    return NULL;
}

larder_status
ldr_examine_config(
    ldr_examining *e, const ldr_config *config, larder_error *err)
{
    const ldr_store_config *sections[] = {
        &config->registry, &config->offline, &config->online};
    const char *secret = NULL, *section = NULL;
    struct stat facts;
    unsigned mode;

    for (size_t i = 0; i < 3 && secret == NULL; i++) {
        secret = literal_secret(sections[i]);
        section = sections[i]->options.section;
    }
    if (secret == NULL)
        return larder_finding_tell(&e->sink, "secrets", LARDER_FINE, NULL, err,
            "the configuration holds none by itself");
    if (stat(config->path, &facts) != 0)
        return larder_finding_tell(&e->sink, "secrets", LARDER_UNKNOWN, NULL,
            err, "who may read '%s' cannot be told", config->path);
    mode = (unsigned)facts.st_mode & 0777u;
    if ((mode & 077u) == 0)
        return larder_finding_tell(&e->sink, "secrets", LARDER_FINE, NULL, err,
            "%s of %s is written out, in a file that only its owner reads",
            secret, section);
    return larder_finding_tell(&e->sink, "secrets", LARDER_WRONG,
        "write ${NAME} or ${file:PATH} instead, or `chmod 600` the file", err,
        "%s of %s is written out in a file that others may read (mode %03o)",
        secret, section, mode);
}

static larder_status
tell_generation(ldr_examining *e, const ldr_snapshot *folder,
    const ldr_snapshot *current, larder_error *err)
{
    ldr_changes changes = {0};
    larder_status rc;

    if (current->generation == 0)
        return larder_finding_tell(&e->sink, "generation", LARDER_WRONG,
            "run `larder apply`", err, "nothing is applied yet");
    LARDER_TRY(ldr_diff(current, folder, &changes, err));
    if (changes.n_changes == 0)
        rc = larder_finding_tell(&e->sink, "generation", LARDER_FINE, NULL, err,
            "generation %llu is what the files say",
            (unsigned long long)current->generation);
    else
        rc = larder_finding_tell(&e->sink, "generation", LARDER_DOUBTFUL,
            "look with `larder plan`, then `larder apply`", err,
            "%zu changes of the files are not in generation %llu",
            changes.n_changes, (unsigned long long)current->generation);
out:
    ldr_changes_release(&changes);
    return rc;
}

larder_status
ldr_examine_definitions(ldr_examining *e, const ldr_snapshot *folder,
    const ldr_faults *faults, const ldr_snapshot *current, larder_error *err)
{
    larder_status rc;

    if (folder == NULL)
        return larder_finding_tell(&e->sink, "definitions", LARDER_WRONG,
            "`larder validate` tells them all", err, "%zu faults: %s",
            faults->n_errors, faults->first.message);
    if (faults->n_warnings > 0)
        rc = larder_finding_tell(&e->sink, "definitions", LARDER_DOUBTFUL,
            "`larder validate` tells them", err, "valid, with %zu warnings",
            faults->n_warnings);
    else
        rc = larder_finding_tell(&e->sink, "definitions", LARDER_FINE, NULL,
            err, "valid: %zu views, %zu services", folder->all.n_views,
            folder->all.n_services);
    if (rc != LARDER_OK)
        return rc;
    if (current == NULL)
        return larder_finding_tell(&e->sink, "generation", LARDER_UNKNOWN, NULL,
            err, "what is applied is not known: the registry was not read");
    return tell_generation(e, folder, current, err);
}
