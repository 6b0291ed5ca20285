/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_expression.c - random expressions over random rows, computed by SQLite
 * too: each value must have the same bits, or both be null.
 *
 * An expression is made in two spellings, from shapes that say how each writes
 * it. Only what both mean alike is made: integers too small to overflow (SQLite
 * would go on with real numbers), finite reals; docs/expressions.md lists the
 * differences. SQLite computes -x as 0 - x, so the sign of a zero is not
 * compared. With LARDER_SOAK set it goes on for longer.
 */
#include <check.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "expression/expression.h"
#include "tests/support.h"

#define WORLDS 40u
#define EXPRESSIONS 100u /* a world */
#define ROWS 60u
#define DEPTH 5u

static const larder_field fields[] = {
    {"i", LARDER_INT64},
    {"j", LARDER_INT32},
    {"k", LARDER_INT64},
    {"x", LARDER_FLOAT64},
    {"y", LARDER_FLOAT64},
    {"f", LARDER_FLOAT32},
    {"s", LARDER_STRING},
    {"t", LARDER_STRING},
    {"p", LARDER_BOOL},
    {"q", LARDER_BOOL},
    {"m", LARDER_TIMESTAMP},
    {"w", LARDER_TIMESTAMP},
};
#define N_FIELDS (sizeof fields / sizeof fields[0])
static const larder_schema schema = {fields, N_FIELDS};

typedef struct world {
    uint64_t random;
    larder_batch batch;
    const larder_column *columns[N_FIELDS];
    sqlite3 *db;
    ldr_expression_room *room;
    size_t n_compared, n_values;
} world;

static size_t
below(world *w, size_t n)
{
    return support_below(&w->random, n);
}

/* ------------------------------------------------------------------ shapes */

/* Kinds: i, an integer below 1100; I, one below 2 million; L, a large one; R, a
 * real; S, a text; B, true or false; M, a moment (whole seconds). */
typedef struct shape {
    char kind;
    const char *args;   /* kinds; empty: a leaf */
    const char *ours;   /* $1 is the first argument */
    const char *theirs; /* NULL: the same */
} shape;

/* What is there for every kind. */
#define CHOICES(k, K)                                                          \
    {k, K K, "coalesce($1, $2)", NULL},                                        \
        {k, K K K, "coalesce($1, $2, $3)", NULL},                              \
        {k, K K, "nullif($1, $2)", NULL},                                      \
        {k, "B" K K, "case when $1 then $2 else $3 end", NULL},                \
        {k, "B" K "B" K, "case when $1 then $2 when $3 then $4 end", NULL},    \
        {k, "I" K "I" K, "case $1 when $3 then $2 else $4 end", NULL},         \
    {                                                                          \
        k, "SSS" K K, "case $1 when $2 then $4 when $3 then $5 end", NULL      \
    }
#define COMPARISONS(K)                                                         \
    {'B', K K, "($1 = $2)", NULL}, {'B', K K, "($1 <> $2)", NULL},             \
        {'B', K K, "($1 < $2)", NULL}, {'B', K K, "($1 <= $2)", NULL},         \
        {'B', K K, "($1 > $2)", NULL}, {'B', K K, "($1 >= $2)", NULL},         \
        {'B', K, "($1 is null)", NULL}, {'B', K, "($1 is not null)", NULL},    \
        {'B', K K K, "($1 in ($2, $3))", NULL},                                \
        {'B', K K K, "($1 not in ($2, $3))", NULL},                            \
        {'B', K K K, "($1 between $2 and $3)", NULL},                          \
    {                                                                          \
        'B', K K K, "($1 not between $2 and $3)", NULL                         \
    }
#define PART(ours, format)                                                     \
    {                                                                          \
        'i', "M", ours "($1)",                                                 \
            "cast(strftime('" format                                           \
            "', $1 / 1000000, 'unixepoch') as integer)"                        \
    }

static const shape shapes[] = {
    {'i', "", "i", NULL},
    {'i', "", "j", NULL},
    {'i', "", "7", NULL},
    {'i', "", "(-3)", NULL},
    {'i', "", "0", NULL},
    {'i', "I", "($1 % 1009)", NULL},
    {'i', "L", "($1 % 1009)", NULL},
    {'i', "S", "length($1)", NULL},
    {'i', "I", "sign($1)", NULL},
    {'i', "R", "sign($1)", NULL},
    {'i', "B", "cast($1 as int64)", "cast($1 as integer)"},
    {'i', "R", "cast(least(greatest($1, -999), 999.5) as int64)",
        "cast(min(max($1, -999), 999.5) as integer)"},
    PART("hour", "%H"),
    PART("day_of_month", "%d"),
    PART("month", "%m"),
    {'i', "M", "day_of_week($1)",
        "((cast(strftime('%w', $1 / 1000000, 'unixepoch') as integer) + 6) % "
        "7 + 1)"},
    {'i', "M", "(year($1) % 1000)",
        "(cast(strftime('%Y', $1 / 1000000, 'unixepoch') as integer) % 1000)"},
    CHOICES('i', "i"),

    {'I', "", "i", NULL},
    {'I', "", "j", NULL},
    {'I', "", "1000000", NULL},
    {'I', "", "null", "cast(null as integer)"},
    {'I', "i", "$1", NULL},
    {'I', "ii", "($1 + $2)", NULL},
    {'I', "ii", "($1 - $2)", NULL},
    {'I', "ii", "$1 * $2", "($1) * ($2)"},
    {'I', "Ii", "div($1, $2)", "($1 / $2)"},
    {'I', "Ii", "($1 % $2)", NULL},
    {'I', "I", "(-($1))", NULL},
    {'I', "I", "abs($1)", NULL},
    {'I', "II", "least($1, $2)", "min($1, $2)"},
    {'I', "III", "greatest($1, $2, $3)", "max($1, $2, $3)"},
    {'I', "I", "cast(cast($1 as string) as int64)",
        "cast(cast($1 as text) as integer)"},
    {'I', "ii", "floor($1) + ceil($2)", "($1) + ($2)"},
    CHOICES('I', "I"),

    {'L', "", "k", NULL},
    {'L', "", "9007199254740993", NULL},
    {'L', "", "(-9223372036854775807)", NULL},
    {'L', "I", "$1", NULL},
    {'L', "Li", "div($1, $2)", "($1 / $2)"},
    {'L', "L", "abs($1)", NULL},
    {'L', "LL", "least($1, $2)", "min($1, $2)"},
    CHOICES('L', "L"),

    {'R', "", "x", NULL},
    {'R', "", "y", NULL},
    {'R', "", "f", NULL},
    {'R', "", "2.5", NULL},
    {'R', "", "0.1", NULL},
    {'R', "", "1e-3", NULL},
    {'R', "RR", "($1 + $2)", NULL},
    {'R', "RR", "($1 - $2)", NULL},
    {'R', "RR", "($1) * ($2)", NULL},
    {'R', "RR", "($1) / ($2)", NULL},
    {'R', "II", "($1) / ($2)", "(($1) * 1.0 / ($2))"},
    {'R', "IR", "($1 + $2)", NULL},
    {'R', "RI", "($1 - $2)", NULL},
    {'R', "IR", "($1) * $2", NULL},
    {'R', "RI", "($1) / ($2)", "(($1) * 1.0 / ($2))"},
    {'R', "LR", "($1 + $2)", NULL},
    {'R', "R", "(-($1))", NULL},
    {'R', "R", "abs($1)", NULL},
    {'R', "R", "floor($1)", NULL},
    {'R', "R", "ceil($1)", NULL},
    {'R', "R", "round($1)", NULL},
    {'R', "R", "sqrt($1)", NULL},
    {'R', "R", "ln($1)", NULL},
    {'R', "R", "exp(least(greatest($1, -9.5), 9.5))",
        "exp(min(max($1, -9.5), 9.5))"},
    {'R', "R", "pow($1, 2)", NULL},
    {'R', "R", "pow($1, 0.3)", NULL},
    {'R', "i", "pow(1.01, $1)", NULL},
    {'R', "L", "cast($1 as float64)", "cast($1 as real)"},
    {'R', "RR", "least($1, $2)", "min($1, $2)"},
    {'R', "RIR", "greatest($1, $2, $3)", "max($1, cast($2 as real), $3)"},
    {'R', "MM", "seconds_between($1, $2)", "(($2 - $1) / 1000000.0)"},
    {'R', "MM", "days_between($1, $2)", "(($2 - $1) / 86400000000.0)"},
    CHOICES('R', "R"),

    {'S', "", "s", NULL},
    {'S', "", "t", NULL},
    {'S', "", "'a b'", NULL},
    {'S', "", "'it''s'", NULL},
    {'S', "", "''", NULL},
    {'S', "", "' \xc3\xa9\xe2\x82\xac '", NULL},
    {'S', "", "null", "cast(null as text)"},
    {'S', "SS", "($1 || $2)", NULL},
    {'S', "SS", "$1 || lower($2)", NULL},
    {'S', "S", "upper($1)", NULL},
    {'S', "S", "trim($1)", NULL},
    {'S', "Si", "substr($1, $2)", NULL},
    {'S', "Sii", "substr($1, $2, abs($3))", NULL},
    {'S', "S", "replace($1, 'a', 'xyz')", NULL},
    {'S', "SS", "replace($1, $2, '-')", NULL},
    {'S', "L", "cast($1 as string)", "cast($1 as text)"},
    {'S', "SS", "least($1, $2)", "min($1, $2)"},
    {'S', "SS", "greatest($1, $2)", "max($1, $2)"},
    CHOICES('S', "S"),

    {'B', "", "p", NULL},
    {'B', "", "q", NULL},
    {'B', "", "true", NULL},
    {'B', "", "false", NULL},
    {'B', "BB", "($1 and $2)", NULL},
    {'B', "BB", "($1 or $2)", NULL},
    {'B', "BBB", "($1 or $2 and $3)", NULL},
    {'B', "B", "(not $1)", NULL},
    {'B', "BB", "(not $1 and $2)", NULL},
    {'B', "B", "($1 is null)", NULL},
    {'B', "BB", "($1 = $2)", NULL},
    {'B', "BB", "($1 <> $2)", NULL},
    {'B', "SS", "starts_with($1, $2)", "(substr($1, 1, length($2)) = $2)"},
    {'B', "SS", "contains($1, $2)", "(instr($1, $2) > 0)"},
    {'B', "IR", "($1 < $2)", NULL},
    {'B', "RI", "($1 = $2)", NULL},
    {'B', "IIII", "$1 + $2 >= $3 or $4 < $1", "($1 + $2 >= $3 or $4 < $1)"},
    {'B', "L", "cast($1 as bool)", "($1 <> 0)"},
    COMPARISONS("I"),
    COMPARISONS("L"),
    COMPARISONS("R"),
    COMPARISONS("S"),
    COMPARISONS("M"),
    CHOICES('B', "B"),

    {'M', "", "m", NULL},
    {'M', "", "w", NULL},
    {'M', "", "cast('2024-02-29T23:59:59Z' as timestamp)", "1709251199000000"},
    {'M', "MM", "least($1, $2)", "min($1, $2)"},
    {'M', "MM", "greatest($1, $2)", "max($1, $2)"},
    CHOICES('M', "M"),
};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])

#define ARGS_MAX 5u

typedef struct spelling {
    char *ours, *theirs;
} spelling;

/* One of the kind, a leaf at the bottom and sometimes before. */
static const shape *
pick(world *w, char kind, unsigned depth)
{
    bool leaf = depth == 0 || below(w, 10) == 0;
    const shape *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < N_SHAPES; i++)
        if (shapes[i].kind == kind && (shapes[i].args[0] == '\0') == leaf &&
            below(w, ++n) == 0)
            found = &shapes[i];
    return found;
}

/* The form with its arguments in their places, in parentheses. */
static char *
fill(const char *form, char *const args[ARGS_MAX])
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    fputc('(', file);
    for (; *form != '\0'; form++)
        if (*form == '$')
            fputs(args[*++form - '1'], file);
        else
            fputc(*form, file);
    fputc(')', file);
    fclose(file);
    return text;
}

static spelling
make(world *w, char kind, unsigned depth)
{
    const shape *form = pick(w, kind, depth);
    char *ours[ARGS_MAX] = {NULL}, *theirs[ARGS_MAX] = {NULL};
    spelling made;

    for (size_t a = 0; form->args[a] != '\0'; a++) {
        spelling arg = make(w, form->args[a], depth - 1);

        ours[a] = arg.ours;
        theirs[a] = arg.theirs;
    }
    made.ours = fill(form->ours, ours);
    made.theirs =
        fill(form->theirs == NULL ? form->ours : form->theirs, theirs);
    for (size_t a = 0; a < ARGS_MAX; a++) {
        free(ours[a]);
        free(theirs[a]);
    }
    return made;
}

/* -------------------------------------------------------------------- rows */

static larder_value
random_value(world *w, size_t field)
{
    static const char *const texts[] = {"", "a", "abc", " a ", "b", "A b",
        "\xc3\xa9", "na\xc3\xafve", "aaa", "a\xe2\x82\xacz", "10", "it's"};
    static const int64_t large[] = {INT64_MAX, -INT64_MAX, INT64_C(1) << 53,
        (INT64_C(1) << 53) + 1, -4611686018427387904, 0, 1, -1, 1000003};
    larder_value value = {.type = fields[field].type};
    const char *text = texts[below(w, 12)];

    value.null = below(w, 8) == 0;
    switch (fields[field].name[0]) {
    case 'i':
    case 'j':
        value.as.integer = (int64_t)below(w, below(w, 2) == 0 ? 7 : 2001);
        value.as.integer -= below(w, 2) == 0 ? 3 : 1000;
        break;
    case 'k':
        value.as.integer = large[below(w, 9)];
        break;
    case 'x':
        value.as.real = ((double)support_random(&w->random) - 0x1p63) * 0x1p-54;
        break;
    case 'y':
        value.as.real = ((double)below(w, 41) - 20) / 4;
        break;
    case 'f':
        value.as.real =
            (double)(float)(((double)below(w, 2000001) - 1e6) / 999);
        break;
    case 's':
    case 't':
        value.as.text = (larder_bytes){text, strlen(text)};
        break;
    case 'p':
    case 'q':
        value.as.boolean = below(w, 2) == 0;
        break;
    default: /* whole seconds of 1900 to 2100 */
        value.as.integer =
            ((int64_t)below(w, 6311433600) - 2208988800) * 1000000;
        if (below(w, 3) == 0)
            value.as.integer -= value.as.integer % 86400000000;
    }
    return value;
}

static void
bind(sqlite3_stmt *statement, int at, const larder_value *value)
{
    if (value->null)
        sqlite3_bind_null(statement, at);
    else if (value->type == LARDER_STRING)
        sqlite3_bind_text(statement, at, value->as.text.data,
            (int)value->as.text.size, SQLITE_TRANSIENT);
    else if (value->type == LARDER_FLOAT64 || value->type == LARDER_FLOAT32)
        sqlite3_bind_double(statement, at, value->as.real);
    else if (value->type == LARDER_BOOL)
        sqlite3_bind_int(statement, at, value->as.boolean);
    else
        sqlite3_bind_int64(statement, at, value->as.integer);
}

static void
must(world *w, int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        ck_abort_msg("%s: %s", what, sqlite3_errmsg(w->db));
}

/* A table without types, so that values stay as they are bound. */
static void
begin(world *w, uint64_t seed)
{
    sqlite3_stmt *statement = NULL;
    larder_error err = {0};

    *w = (world){.random = seed};
    must(w, sqlite3_open(":memory:", &w->db), "open");
    must(w,
        sqlite3_exec(
            w->db, "create table r(i,j,k,x,y,f,s,t,p,q,m,w)", NULL, NULL, NULL),
        "create");
    must(w,
        sqlite3_prepare_v2(w->db,
            "insert into r values(?,?,?,?,?,?,?,?,?,?,?,?)", -1, &statement,
            NULL),
        "insert");
    ck_assert_int_eq(larder_batch_init(&w->batch, &schema, &err), LARDER_OK);
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t c = 0; c < N_FIELDS; c++) {
            larder_value value = random_value(w, c);

            if (larder_column_append(&w->batch.columns[c], &value, &err) !=
                LARDER_OK)
                ck_abort_msg("%s", err.message);
            bind(statement, (int)c + 1, &value);
        }
        must(w, sqlite3_step(statement), "insert");
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    w->batch.n_rows = ROWS;
    for (size_t c = 0; c < N_FIELDS; c++)
        w->columns[c] = &w->batch.columns[c];
}

static void
end(world *w)
{
    sqlite3_close(w->db);
    larder_batch_release(&w->batch);
    ldr_expression_room_free(w->room);
}

/* -------------------------------------------------------------- comparison */

static void
print_ours(const larder_value *value, char text[512])
{
    size_t size = larder_value_print(value, text, 511);

    text[value->null || size > 511 ? 0 : size] = '\0';
    if (value->null)
        strcpy(text, "null");
}

static bool
same(const larder_value *ours, sqlite3_stmt *theirs)
{
    double real = sqlite3_column_double(theirs, 0);
    int type = sqlite3_column_type(theirs, 0);

    if (type == SQLITE_FLOAT && isinf(real))
        return ours->null; /* as docs/expressions.md says */
    if (ours->null || type == SQLITE_NULL)
        return ours->null && type == SQLITE_NULL;
    switch ((unsigned)ours->type) {
    case LARDER_FLOAT64:
        return memcmp(&real, &ours->as.real, sizeof real) == 0 ||
               (real == 0 && ours->as.real == 0);
    case LARDER_STRING:
        return type == SQLITE_TEXT &&
               (size_t)sqlite3_column_bytes(theirs, 0) == ours->as.text.size &&
               (ours->as.text.size == 0 ||
                   memcmp(sqlite3_column_text(theirs, 0), ours->as.text.data,
                       ours->as.text.size) == 0);
    case LARDER_BOOL:
        return type == SQLITE_INTEGER &&
               sqlite3_column_int64(theirs, 0) == ours->as.boolean;
    }
    return type == SQLITE_INTEGER &&
           sqlite3_column_int64(theirs, 0) == ours->as.integer;
}

static void
compare_rows(world *w, const spelling *made, const larder_column *ours)
{
    char *select =
        sqlite3_mprintf("select %s from r order by rowid", made->theirs);
    sqlite3_stmt *theirs = NULL;

    must(w, sqlite3_prepare_v2(w->db, select, -1, &theirs, NULL), select);
    for (size_t row = 0; row < ROWS; row++) {
        larder_value value = larder_column_value(ours, row);
        char text[512];

        must(w, sqlite3_step(theirs), select);
        if (!same(&value, theirs)) {
            print_ours(&value, text);
            ck_abort_msg("row %zu of %s is %s; SQLite's %s is %s", row,
                made->ours, text, made->theirs,
                (const char *)sqlite3_column_text(theirs, 0));
        }
        w->n_compared++;
        w->n_values += !value.null;
    }
    sqlite3_finalize(theirs);
    sqlite3_free(select);
}

static void
try_expression(world *w)
{
    spelling made =
        make(w, "IRRSBM"[below(w, 6)], 1 + (unsigned)below(w, DEPTH));
    larder_bytes text = {made.ours, strlen(made.ours)};
    ldr_arena arena = {0};
    ldr_expression *expression = NULL;
    larder_column out = {0};
    larder_error err = {0};
    uint64_t n_made_null = 0;
    larder_status rc = LARDER_OK;

    if (text.size > LDR_EXPRESSION_BYTES_MAX)
        goto out;
    LARDER_TRY(
        ldr_expression_parse(text, &schema, &arena, &expression, NULL, &err));
    if (ldr_expression_type(expression) != 0) {
        LARDER_TRY(
            ldr_column_init(&out, ldr_expression_type(expression), &err));
        LARDER_TRY(ldr_expression_evaluate(expression, w->columns, 0, ROWS,
            &w->room, &out, &n_made_null, &err));
        compare_rows(w, &made, &out);
    }
out:
    if (rc != LARDER_OK && rc != LARDER_LIMIT)
        ck_abort_msg("%s: %s", made.ours, err.message);
    ldr_column_release(&out);
    ldr_arena_free(&arena);
    free(made.ours);
    free(made.theirs);
}

START_TEST(random_expressions_have_the_value_that_sqlite_computes)
{
    size_t n_worlds = getenv("LARDER_SOAK") == NULL ? WORLDS : 100 * WORLDS;
    size_t n_compared = 0, n_values = 0;

    for (size_t i = 0; i < n_worlds; i++) {
        world w;

        begin(&w, i);
        for (size_t e = 0; e < EXPRESSIONS; e++)
            try_expression(&w);
        n_compared += w.n_compared;
        n_values += w.n_values;
        end(&w);
    }
    ck_assert_uint_gt(n_compared, 100000);
    ck_assert_uint_gt(n_values, n_compared / 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("oracle_expression");
    TCase *tests = tcase_create("oracle_expression");

    tcase_add_test(
        tests, random_expressions_have_the_value_that_sqlite_computes);
    tcase_set_timeout(tests, 0);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
