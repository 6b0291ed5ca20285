/* SPDX-License-Identifier: Apache-2.0 */
/*
 * violations.c - rules of features that rows broke.
 */
#include "violations.h"

#include <string.h>

#include "print.h"

static bool
is_text(const json_t *one, const char *name, const char *text)
{
    const char *value = json_string_value(json_object_get(one, name));

    return value != NULL && strcmp(value, text) == 0;
}

static json_t *
find(const struct violations *all, const larder_violation *v)
{
    json_t *one;
    size_t i;

    json_array_foreach(all->list, i, one)
    {
        if (is_text(one, "view", v->view) &&
            is_text(one, "feature", v->feature) &&
            is_text(one, "rule", v->rule))
            return one;
    }
    return NULL;
}

static json_t *
pack(const larder_violation *v)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:s}", "view", v->view, "feature",
        v->feature, "rule", v->rule, "count", (json_int_t)v->count, "first",
        v->first);
}

larder_status
violations_add(struct violations *all, const larder_violation *some, size_t n,
    larder_error *err)
{
    bool good = true;

    if (n > 0 && all->list == NULL)
        all->list = json_array();
    for (size_t i = 0; i < n && good; i++) {
        json_t *one = find(all, &some[i]);
        json_t *count = json_object_get(one, "count");

        if (one == NULL)
            good = json_array_append_new(all->list, pack(&some[i])) == 0;
        else
            json_integer_set(
                count, json_integer_value(count) + (json_int_t)some[i].count);
    }
    return good ? LARDER_OK
                : larder_fail(err, LARDER_NOMEM, "no memory for a report");
}

void
violations_tell(const struct violations *all, json_t *facts)
{
    if (all->list != NULL)
        json_object_set(facts, "violations", all->list);
}

larder_status
violations_print(
    const struct violations *all, struct run *run, larder_error *err)
{
    static const larder_field fields[] = {{"view", LARDER_STRING},
        {"feature", LARDER_STRING}, {"rule", LARDER_STRING},
        {"count", LARDER_INT64}, {"first", LARDER_STRING}};
    static const struct listing listing = {.name = "violations"};
    struct sheet sheet;
    json_t *one;
    size_t i;

    if (all->list == NULL || run->output != OUTPUT_TABLE)
        return LARDER_OK;
    sheet_begin(&sheet, fields, sizeof fields / sizeof *fields);
    json_array_foreach(all->list, i, one)
    {
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
            const json_t *value = json_object_get(one, fields[f].name);

            if (json_is_integer(value))
                sheet_number(&sheet, (uint64_t)json_integer_value(value));
            else
                sheet_text(&sheet, json_string_value(value));
        }
    }
    return sheet_print(&sheet, run, &listing, NULL, err);
}

void
violations_release(struct violations *all)
{
    json_decref(all->list);
    *all = (struct violations){0};
}
