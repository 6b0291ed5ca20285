/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments.c - texts of a command line to typed values.
 */
#include "arguments.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "base/number.h"

#define WORDS_MAX 100000u

static size_t
count_params(const struct param *params)
{
    size_t n = 0;

    while (params[n].name != NULL)
        n++;
    return n;
}

larder_status
arguments_init(struct arguments *arguments, ldr_arena *arena,
    const struct operation *operation, larder_error *err)
{
    size_t n_own = operation == NULL ? 0 : count_params(operation->params);
    size_t n_all = n_own + count_params(global_params);

    *arguments = (struct arguments){.arena = arena, .n_all = n_all};
    arguments->all = ldr_arena_array(arena, n_all, sizeof *arguments->all);
    if (arguments->all == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for arguments");
    for (size_t i = 0; i < n_all; i++)
        arguments->all[i].param =
            i < n_own ? &operation->params[i] : &global_params[i - n_own];
    return LARDER_OK;
}

/* "--threads", "SPINE". */
static const char *
spelling(const struct param *param, char out[64])
{
    snprintf(out, 64, "%s%s", param->positional ? "" : "--",
        param->positional ? param->value : param->name);
    return out;
}

static larder_status
parse_choice(const struct param *param, const char *text, larder_error *err)
{
    char name[64], all[160] = "";
    size_t n, used = 0;
    const char *near;

    for (n = 0; param->spellings != NULL && param->spellings[n] != NULL; n++)
        if (strcmp(param->spellings[n], text) == 0)
            return LARDER_OK;
    for (n = 0; param->choices[n] != NULL; n++) {
        int more;

        if (strcmp(param->choices[n], text) == 0)
            return LARDER_OK;
        more = snprintf(all + used, sizeof all - used, "%s%s",
            n == 0 ? "" : ", ", param->choices[n]);
        used += (size_t)more < sizeof all - used ? (size_t)more : 0;
    }
    near = ldr_name_nearest(text, param->choices, n);
    larder_fail(err, LARDER_INVALID, "%s '%s' is not one of %s",
        spelling(param, name), text, all);
    if (near != NULL)
        larder_hint(err, "did you mean '%s'?", near);
    return LARDER_INVALID;
}

static larder_status
parse_number(const struct param *param, const char *text, size_t n_text,
    uint64_t unit, uint64_t *out, larder_error *err)
{
    char name[64];
    int64_t number = 0;

    if (ldr_int64_parse(text, n_text, &number) != LDR_NUMBER_OK || number < 0)
        return larder_fail(err, LARDER_INVALID, "%s '%s' is not %s",
            spelling(param, name), text,
            param->type == PARAM_SIZE ? "a size, such as 256M or 1GiB"
                                      : "a whole number");
    if (unit != 0 && (uint64_t)number > SIZE_MAX / unit)
        return larder_fail(err, LARDER_INVALID, "%s '%s' is too large",
            spelling(param, name), text);
    *out = (uint64_t)number * unit;
    return LARDER_OK;
}

static larder_status
parse_size(const struct param *param, const char *text, uint64_t *out,
    larder_error *err)
{
    static const struct {
        const char *suffix;
        uint64_t bytes;
    } units[] = {{"KiB", UINT64_C(1) << 10}, {"MiB", UINT64_C(1) << 20},
        {"GiB", UINT64_C(1) << 30}, {"TiB", UINT64_C(1) << 40}, {"KB", 1000},
        {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000},
        {"K", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20},
        {"G", UINT64_C(1) << 30}, {"T", UINT64_C(1) << 40}, {"B", 1}};
    size_t size = strlen(text);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i].suffix);

        if (size > n && ldr_name_equal(text + size - n, units[i].suffix))
            return parse_number(
                param, text, size - n, units[i].bytes, out, err);
    }
    return parse_number(param, text, size, 1, out, err);
}

static larder_status
parse_time(const struct param *param, const char *text, larder_time *out,
    larder_error *err)
{
    char name[64];
    larder_status rc = larder_time_parse((larder_bytes){text, strlen(text)},
        param->naive_is_utc ? 0 : LARDER_NAIVE_REFUSED, out, err);

    if (rc != LARDER_OK) {
        larder_context(err, "%s", spelling(param, name));
        larder_hint(err, "such as 2024-06-01T12:00:00Z");
    }
    return rc;
}

static larder_status
append(struct arguments *arguments, struct argument *argument, const char *text,
    size_t n_text, larder_error *err)
{
    ldr_arena *arena = arguments->arena;
    char *copy = ldr_arena_copy_n(arena, text, n_text);

    /* Grown at each power of two: what is left behind dies with the arena. */
    if ((argument->n & (argument->n - 1)) == 0) {
        size_t room = argument->n == 0 ? 1 : argument->n * 2;
        const char **texts = ldr_arena_array(arena, room, sizeof *texts);

        if (texts != NULL && argument->n > 0)
            memcpy(texts, argument->texts, argument->n * sizeof *texts);
        argument->texts = texts;
    }
    if (copy == NULL || argument->texts == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for arguments");
    if (argument->n >= WORDS_MAX)
        return larder_fail(err, LARDER_LIMIT,
            "more than %u values of one parameter", WORDS_MAX);
    argument->texts[argument->n++] = copy;
    return LARDER_OK;
}

/* "a, b,c": blanks around an item are not part of it. */
static larder_status
append_list(struct arguments *arguments, struct argument *argument,
    const char *text, larder_error *err)
{
    const char *whole = text;
    char name[64];
    larder_status rc = LARDER_OK;

    for (;;) {
        size_t size = strcspn(text, ","), head = strspn(text, " \t\r\n");
        size_t end = size;

        while (end > head && strchr(" \t\r\n", text[end - 1]) != NULL)
            end--;
        if (head >= end)
            return larder_fail(err, LARDER_INVALID,
                "%s has an empty item: '%s'", spelling(argument->param, name),
                whole);
        LARDER_TRY(append(arguments, argument, text + head, end - head, err));
        if (text[size] == '\0')
            break;
        text += size + 1;
    }
out:
    return rc;
}

static struct argument *
find(const struct arguments *arguments, const struct param *param)
{
    for (size_t i = 0; i < arguments->n_all; i++)
        if (arguments->all[i].param == param)
            return &arguments->all[i];
    return NULL;
}

larder_status
arguments_add(struct arguments *arguments, const struct param *param,
    const char *text, larder_error *err)
{
    struct argument *argument = find(arguments, param);
    larder_status rc = LARDER_OK;

    assert(argument != NULL);
    if (param->type == PARAM_FLAG)
        return append(arguments, argument, "", 0, err);
    if (param->type == PARAM_LIST)
        return append_list(arguments, argument, text, err);
    switch (param->type) {
    case PARAM_CHOICE:
        rc = parse_choice(param, text, err);
        break;
    case PARAM_NUMBER:
        rc = parse_number(param, text, strlen(text), 1, &argument->number, err);
        break;
    case PARAM_SIZE:
        rc = parse_size(param, text, &argument->number, err);
        break;
    case PARAM_TIME:
        rc = parse_time(param, text, &argument->time, err);
        break;
    case PARAM_FLAG:
    case PARAM_LIST:
    case PARAM_TEXT:
    case PARAM_FILE:
    case PARAM_WORDS:
        break;
    }
    LARDER_TRY(rc);
    rc = append(arguments, argument, text, strlen(text), err);
out:
    return rc;
}

larder_status
arguments_add_word(
    struct arguments *arguments, const char *text, larder_error *err)
{
    size_t at = 0;

    for (size_t i = 0; i < arguments->n_all; i++) {
        const struct param *param = arguments->all[i].param;

        if (!param->positional)
            continue;
        if (param->several || at == arguments->n_positional) {
            if (!param->several)
                arguments->n_positional++;
            return arguments_add(arguments, param, text, err);
        }
        at++;
    }
    return larder_fail(
        err, LARDER_INVALID, "'%s' is one argument too many", text);
}

larder_status
arguments_check(const struct arguments *arguments, larder_error *err)
{
    char name[64];

    for (size_t i = 0; i < arguments->n_all; i++) {
        const struct argument *argument = &arguments->all[i];

        if (argument->param->required && argument->n == 0)
            return larder_fail(err, LARDER_INVALID, "%s is missing: %s",
                spelling(argument->param, name), argument->param->help);
    }
    return LARDER_OK;
}

const struct argument *
argument_of(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->n_all; i++)
        if (strcmp(arguments->all[i].param->name, name) == 0)
            return &arguments->all[i];
    return NULL;
}

bool
argument_flag(const struct arguments *arguments, const char *name)
{
    const struct argument *argument = argument_of(arguments, name);

    return argument != NULL && argument->n > 0;
}

const char *
argument_text(const struct arguments *arguments, const char *name)
{
    const struct argument *argument = argument_of(arguments, name);

    return argument == NULL || argument->n == 0
               ? NULL
               : argument->texts[argument->n - 1];
}
