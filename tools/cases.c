/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.c - the form of a file of cases: which keys there are and what they
 * take. What the words name is not looked at here.
 */
#include "cases.h"

#include <string.h>

#include "base/name.h"

#define CASES_MAX 10000u
#define NAME_BYTES_MAX 200u

/* One key of a case. */
enum { NAME, GIVEN, AT, KEYS, REQUEST, EXPECT, STATUS, PATHS, N_KEYS };
static const struct {
    const char *name;
    enum node_kind kind;
    bool required;
    const char *takes;
} known[N_KEYS] = {{"name", NODE_SCALAR, true, "a text"},
    {"given", NODE_MAPPING, false, "a mapping of sources and their rows"},
    {"at", NODE_SCALAR, true, "a moment, such as 2024-01-10T00:00:00Z"},
    {"keys", NODE_MAPPING, false, "a mapping of join keys and values"},
    {"request", NODE_MAPPING, false, "a mapping of request columns and values"},
    {"expect", NODE_MAPPING, true, "a mapping of view:feature and values"},
    {"status", NODE_MAPPING, false, "a mapping of view:feature and statuses"},
    {"paths", NODE_LIST, false, "a list of offline and online"}};

/* "did you mean 'given'?", or the keys that there are. */
static void
refuse_key(struct cases *cases, const struct node *key, const char *what,
    const char *const *names, size_t n)
{
    const char *near = ldr_name_nearest(key->text, names, n);
    char hint[160] = "";
    size_t used;

    if (near != NULL) {
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    } else {
        used = (size_t)snprintf(hint, sizeof hint, "its keys are");
        for (size_t i = 0; i < n && used < sizeof hint; i++)
            used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s",
                i == 0 ? "" : ",", names[i]);
    }
    yaml_fault(
        &cases->faults, key, hint, "unknown key '%s' in %s", key->text, what);
}

/* ------------------------------------------------------------------- one case
 */

/* Which of the known keys this is; N_KEYS: none. */
static size_t
find_key(struct cases *cases, const struct node *key)
{
    const char *names[N_KEYS];

    for (size_t k = 0; k < N_KEYS; k++) {
        names[k] = known[k].name;
        if (strcmp(names[k], key->text) == 0)
            return k;
    }
    refuse_key(cases, key, "a case", names, N_KEYS);
    return N_KEYS;
}

/* The values of a case by their keys; NULL: not written, or not as it should
 * be. */
static void
find_values(struct cases *cases, const struct node *node,
    const struct node *values[N_KEYS])
{
    for (size_t i = 0; i < node->n_items; i++) {
        const struct node *value = &node->items[i];
        size_t k = find_key(cases, &node->keys[i]);

        if (k == N_KEYS || values[k] != NULL ||
            (node_is_null(value) && !known[k].required))
            continue;
        if (value->kind != known[k].kind || node_is_null(value))
            yaml_fault(&cases->faults, value, NULL, "'%s' takes %s, not %s",
                known[k].name, known[k].takes,
                node_is_null(value) ? "nothing" : node_kind_name(value));
        else
            values[k] = value;
    }
    for (size_t k = 0; k < N_KEYS; k++) {
        char hint[160];

        if (!known[k].required || node_find(node, known[k].name) != NULL)
            continue;
        snprintf(
            hint, sizeof hint, "'%s' takes %s", known[k].name, known[k].takes);
        yaml_fault(
            &cases->faults, node, hint, "a case has no '%s'", known[k].name);
    }
}

/* A line of its own in the results. */
static void
read_name(struct cases *cases, struct test_case *one, size_t first,
    const struct node *value)
{
    if (value == NULL)
        return;
    if (value->text[0] == '\0' || strlen(value->text) > NAME_BYTES_MAX) {
        yaml_fault(&cases->faults, value, NULL,
            "the name of a case has 1 to %u bytes", NAME_BYTES_MAX);
        return;
    }
    for (const char *c = value->text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ') {
            yaml_fault(
                &cases->faults, value, NULL, "the name of a case is one line");
            return;
        }
    one->name = value->text;
    for (size_t i = first; i < cases->n; i++)
        if (cases->all[i].name != NULL &&
            strcmp(cases->all[i].name, one->name) == 0)
            yaml_fault(&cases->faults, value,
                "each case of a file has a name of its own",
                "a second case is named '%s', after that in line %u", one->name,
                cases->all[i].node->line);
}

static void
read_time(struct cases *cases, struct test_case *one, const struct node *value)
{
    larder_error error = {0};

    if (value != NULL &&
        larder_time_parse((larder_bytes){value->text, strlen(value->text)},
            LARDER_NAIVE_REFUSED, &one->at, &error) != LARDER_OK)
        yaml_fault(
            &cases->faults, value, error.hint, "'at': %s", error.message);
}

static void
read_paths(struct cases *cases, struct test_case *one, const struct node *value)
{
    size_t n_errors = cases->faults.n_errors;

    one->offline = one->online = value == NULL;
    for (size_t i = 0; value != NULL && i < value->n_items; i++) {
        const struct node *path = &value->items[i];
        bool is_text = path->kind == NODE_SCALAR;

        if (is_text && strcmp(path->text, "offline") == 0)
            one->offline = true;
        else if (is_text && strcmp(path->text, "online") == 0)
            one->online = true;
        else
            yaml_fault(&cases->faults, path, NULL,
                "'paths' takes offline and online, not %s%s%s",
                is_text ? "'" : "", is_text ? path->text : node_kind_name(path),
                is_text ? "'" : "");
    }
    if (value != NULL && value->n_items == 0)
        yaml_fault(&cases->faults, value,
            "leave it out, or name offline, online or both",
            "'paths' names no path: nothing would be compared");
    if (cases->faults.n_errors > n_errors) /* other faults are others' */
        one->offline = one->online = true;
    one->online_alone = one->online && !one->offline;
}

static larder_status
add_case(struct cases *cases, struct test_case **out, larder_error *err)
{
    if (cases->n == CASES_MAX)
        return larder_fail(err, LARDER_LIMIT, "more than 10,000 cases");
    if (cases->n == cases->room) {
        size_t room = cases->room == 0 ? 16 : cases->room * 2;
        struct test_case *all =
            ldr_arena_array(cases->arena, room, sizeof *all);

        if (all == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory for cases");
        if (cases->n > 0)
            memcpy(all, cases->all, cases->n * sizeof *all);
        cases->all = all;
        cases->room = room;
    }
    *out = &cases->all[cases->n];
    return LARDER_OK;
}

/* `first` is where the cases of this file begin. */
static larder_status
read_case(struct cases *cases, const struct case_file *file, size_t first,
    const struct node *node, larder_error *err)
{
    const struct node *values[N_KEYS] = {NULL};
    struct test_case *one = NULL;
    larder_status rc = add_case(cases, &one, err);

    if (rc != LARDER_OK)
        return rc;
    if (node->kind != NODE_MAPPING) {
        yaml_fault(&cases->faults, node, NULL,
            "a case is a mapping of keys, not %s", node_kind_name(node));
        return LARDER_OK;
    }
    find_values(cases, node, values);
    *one = (struct test_case){.file = file->shown,
        .node = node,
        .given = values[GIVEN],
        .keys = values[KEYS],
        .request = values[REQUEST],
        .expect = values[EXPECT],
        .status = values[STATUS]};
    read_name(cases, one, first, values[NAME]);
    read_time(cases, one, values[AT]);
    read_paths(cases, one, values[PATHS]);
    if (one->expect != NULL && one->expect->n_items == 0)
        yaml_fault(&cases->faults, one->expect, "name a view:feature",
            "'expect' is empty: nothing would be compared");
    cases->n++;
    return LARDER_OK;
}

/* --------------------------------------------------------------------- a file
 */

/* The list of cases; NULL: there is none, and a fault was told. */
static const struct node *
find_list(struct cases *cases, const struct node *root)
{
    static const char *const names[] = {"cases"};
    const struct node *list;

    if (root->kind != NODE_MAPPING) {
        yaml_fault(&cases->faults, root, "write 'cases:' and a list of them",
            "a file of cases is a mapping, not %s", node_kind_name(root));
        return NULL;
    }
    for (size_t i = 0; i < root->n_items; i++)
        if (strcmp(root->keys[i].text, names[0]) != 0)
            refuse_key(cases, &root->keys[i], "a file of cases", names, 1);
    list = node_find(root, names[0]);
    if (list == NULL && root->n_items == 0)
        yaml_fault(&cases->faults, root, "write 'cases:' and a list of them",
            "a file of cases has no 'cases'");
    if (list == NULL || node_is_null(list))
        return NULL;
    if (list->kind == NODE_LIST)
        return list;
    yaml_fault(&cases->faults, list, NULL, "'cases' takes a list, not %s",
        node_kind_name(list));
    return NULL;
}

larder_status
cases_read(struct cases *cases, const struct case_file *file, larder_error *err)
{
    struct yaml_file *text = ldr_arena_alloc(cases->arena, sizeof *text);
    const struct node *root = NULL, *list = NULL;
    size_t first = cases->n;
    larder_status rc;

    if (text == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a file");
    LARDER_TRY(
        yaml_read(file->path, cases->arena, &cases->faults, text, &root, err));
    if (root != NULL && !node_is_null(root))
        list = find_list(cases, root);
    for (size_t i = 0; list != NULL && i < list->n_items; i++)
        LARDER_TRY(read_case(cases, file, first, &list->items[i], err));
out:
    return rc;
}
