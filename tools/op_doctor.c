/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_doctor.c - is every store of the configuration in order? A check: what
 * could not be looked at is no success.
 */
#include "print.h"
#include "speak.h"

static void
count(const larder_examined *examined, size_t counts[4])
{
    for (size_t i = 0; i < examined->n_findings; i++)
        counts[examined->findings[i].verdict]++;
}

static larder_status
print_findings(
    struct run *run, const larder_examined *examined, larder_error *err)
{
    static const larder_field fields[] = {{"store", LARDER_STRING},
        {"type", LARDER_STRING}, {"checked", LARDER_STRING},
        {"status", LARDER_STRING}, {"words", LARDER_STRING},
        {"advice", LARDER_STRING}};
    static const struct listing listing = {
        .name = "findings", .hide_empty = true};
    size_t counts[4] = {0};
    json_t *facts;
    struct sheet sheet;

    count(examined, counts);
    facts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:f}", "ok",
        (json_int_t)counts[LARDER_FINE], "warn",
        (json_int_t)counts[LARDER_DOUBTFUL], "fail",
        (json_int_t)counts[LARDER_WRONG], "unknown",
        (json_int_t)counts[LARDER_UNKNOWN], "unreachable",
        (json_int_t)examined->n_unreachable, "seconds", run_seconds(run));
    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < examined->n_findings; i++) {
        const larder_finding *f = &examined->findings[i];

        sheet_text(&sheet, f->store);
        sheet_text(&sheet, f->type);
        sheet_text(&sheet, f->checked);
        sheet_text(&sheet, larder_verdict_name(f->verdict));
        sheet_text(&sheet, f->words);
        sheet_text(&sheet, f->advice);
    }
    return sheet_print(&sheet, run, &listing, facts, err);
}

static void
judge(struct run *run, const larder_examined *examined)
{
    size_t counts[4] = {0};

    count(examined, counts);
    if (examined->n_unreachable > 0)
        run->outcome = OUTCOME_UNAVAILABLE;
    else if (counts[LARDER_WRONG] > 0)
        run->outcome = OUTCOME_CHECK_FAILED;
    else if (counts[LARDER_UNKNOWN] > 0)
        run->outcome = OUTCOME_NOT_JUDGED;
}

static larder_status
run_doctor(struct run *run, larder_error *err)
{
    larder_examined examined = {0};
    larder_store *store;
    larder_status rc;

    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_examine(store, &run->call, &examined, err));
    LARDER_TRY(print_findings(run, &examined, err));
    judge(run, &examined);
out:
    larder_examined_release(&examined);
    return rc;
}

const struct operation op_doctor = {.name = "doctor",
    .group = GROUP_LOOK,
    .help = "look whether the stores are in order, and say what to change",
    .long_help =
        "Looks at each store of the configuration: is it reachable, of which "
        "version, with which rights, over TLS, with how much room, and what "
        "else it tells of itself; then at the repository: who may read its "
        "secrets, whether the definitions are valid, and whether they are the "
        "ones applied. Nothing is changed.\n"
        "\n"
        "The exit code is 5 when a store cannot be reached, 3 when something "
        "is wrong, 4 when something could not be looked at. A warning alone is "
        "0: it works, but had better be changed.",
    .params = (const struct param[]){{0}},
    .run = run_doctor};
