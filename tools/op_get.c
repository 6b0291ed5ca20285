/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_get.c - online reads: keys from the command line, or from a file.
 */
#include "answer.h"
#include "fallback.h"
#include "question.h"

/* ----------------------------------------------------------------- the read */

/* All keys are answered by one store; which, where it is not the first. */
static larder_status
check_store(struct run *run, struct answers *answers,
    const larder_answer *answer, larder_error *err)
{
    if (answers->answered && answers->fallback != answer->fallback) {
        larder_fail(err, LARDER_UNAVAILABLE,
            "the online store and its fallback changed places while the keys "
            "were read: no answer is of both");
        larder_hint(err, "read again");
        return LARDER_UNAVAILABLE;
    }
    if (!answers->answered && answer->fallback)
        fallback_answered(run, answer);
    answers->answered = true;
    answers->fallback = answer->fallback;
    return LARDER_OK;
}

static larder_status
answer_all(struct run *run, larder_reader *reader, struct question *question,
    struct answers *answers, larder_error *err)
{
    larder_batch batch = {0};
    larder_answer answer = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(question_next(question, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(larder_reader_get(reader, &run->call, &batch, &answer, err));
        LARDER_TRY(check_store(run, answers, &answer, err));
        LARDER_TRY(answers_add(answers, &batch, &answer, err));
    }
out:
    larder_answer_release(&answer);
    larder_batch_release(&batch);
    return rc;
}

static larder_status
read_keys(struct run *run, larder_reader *reader, larder_error *err)
{
    struct question question = {0};
    struct answers answers = {0};
    larder_status rc;

    LARDER_TRY(question_open(run, reader, &question, err));
    LARDER_TRY(answers_open(&answers, run, reader, question.one, err));
    rc = answer_all(run, reader, &question, &answers, err);
    rc = answers_close(&answers, rc, err);
out:
    question_close(&question);
    return rc;
}

static larder_status
run_get(struct run *run, larder_error *err)
{
    const struct argument *at = argument_of(&run->arguments, "at");
    larder_features features = {0};
    larder_reader *reader = NULL;
    larder_store *store;
    larder_status rc;

    LARDER_TRY(question_check(run, err));
    LARDER_TRY(run_features(run, &features, err));
    if (at->n > 0) {
        run->call.now = at->time;
        features.at_time = true;
    }
    LARDER_TRY(run_store(run, &store, err));
    LARDER_TRY(larder_reader_open(store, &run->call, &features, &reader, err));
    rc = read_keys(run, reader, err);
out:
    larder_reader_close(reader);
    return rc;
}

static const char *const aliases[] = {"get-online-features", NULL};

const struct operation op_get = {.name = "get",
    .aliases = aliases,
    .group = GROUP_ONLINE,
    .help = "read features of entities from the online store",
    .long_help =
        "Each feature comes with its status: PRESENT, NULL_VALUE, NOT_FOUND "
        "or OUTSIDE_MAX_AGE (older than the view's ttl; the value is null), "
        "and the time of the event it comes from. Several KEY=VALUE make one "
        "entity; a key given again begins another one. --keys reads many from "
        "a CSV or JSON lines file with a column for each key. A feature's "
        "default stands beside NULL_VALUE and NOT_FOUND; join gives null "
        "there.\n"
        "\n"
        "On-demand features may ask for values of the request: --request gives "
        "one for all entities, a column of the file one for each.\n"
        "\n"
        "--at judges age, and windows, as of another moment than now. The "
        "online store keeps the newest row alone: a moment before it is an "
        "error, and join "
        "answers that.\n"
        "\n"
        "Where the online store has a fallback and fails, that one answers, "
        "all "
        "of it: a warning says so, and up to when it was materialized. Under "
        "-o json it is in the metadata, as 'store'. When neither answers the "
        "exit code is 5.",
    .params =
        (const struct param[]){
            {.name = "key",
                .type = PARAM_WORDS,
                .positional = true,
                .several = true,
                .value = "KEY=VALUE",
                .help = "a join key of the entity and its value"},
            PARAM_FEATURES, PARAM_SERVICE,
            {.name = "keys",
                .type = PARAM_FILE,
                .value = "FILE",
                .help = "read keys from FILE, or '-' for standard input"},
            {.name = "request",
                .type = PARAM_WORDS,
                .value = "NAME=VALUE",
                .help = "a value that on-demand features ask for"},
            {.name = "entities",
                .letter = 'e',
                .type = PARAM_WORDS,
                .hidden = true,
                .value = "KEY=VALUE",
                .help = "as KEY=VALUE, in Feast's spelling"},
            {.name = "at",
                .type = PARAM_TIME,
                .value = "TIME",
                .help = "as of TIME, such as 2024-03-01T12:00:00Z"},
            PARAM_FULL_NAMES, PARAM_FORMAT("the keys"), {0}},
    .run = run_get};
