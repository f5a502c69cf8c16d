#define _GNU_SOURCE /* vasprintf */
#include "core/data/cut.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/data/deal.h"

/* What a stream of RNG_SPLIT is for: its index. */
enum { STREAM_FOLDS = 0, STREAM_SEALED = 1 };

/* A further cut of the training rows takes a tenth of them by default. */
enum { FURTHER_PARTS = 10 };

enum err cut_warn(struct split *s, struct error *e, const char *format, ...)
{
    char **warnings = realloc(s->warnings, (s->n_warnings + 1) * sizeof *warnings);
    char *sentence = NULL;
    va_list args;
    int n;

    if (!warnings)
        return error_no_memory(e);
    s->warnings = warnings;
    va_start(args, format);
    n = vasprintf(&sentence, format, args);
    va_end(args);
    if (n < 0)
        return error_no_memory(e);
    warnings[s->n_warnings++] = sentence;
    return ERR_OK;
}

/* ---- units ------------------------------------------------------------------------------------
 */

static enum err find_equal(struct cutting *c, struct error *e)
{
    CLEANUP(mem_free) uint32_t *equal = NULL;

    if (c->equal)
        return ERR_OK;
    equal = calloc(c->t->n_rows + 1, sizeof *equal);
    if (!equal)
        return error_no_memory(e);
    TRY(table_first_equal(c->t, false, equal, e));
    c->equal = equal;
    equal = NULL;
    return ERR_OK;
}

/*
 * Units for parts of `part` rows: groups whole where `grouped`, and equal rows together
 * unless so many are linked that the parts could not be balanced. Then `given_up` is how many; a
 * group that is as large by itself is no reason.
 */
static enum err link_rows(struct cutting *c, bool grouped, bool stratify, double part,
                          struct units *u, size_t *given_up, struct error *e)
{
    size_t parts = (size_t)floor((double)c->n_active / part + 0.5), largest, n;

    *given_up = 0;
    parts = parts < 1 ? 1 : parts;
    TRY(find_equal(c, e));
    TRY(units_make(c->t, c->sealed, c->equal, grouped, stratify, parts, u, e));
    largest = units_largest(u);
    if (largest <= 1 || 2 * (double)largest <= part)
        return ERR_OK;
    n = u->n;
    units_finish(u);
    TRY(units_make(c->t, c->sealed, NULL, grouped, stratify, parts, u, e));
    if (grouped && u->n == n)
        return ERR_OK;
    if (units_largest(u) < largest || n < parts) {
        *given_up = largest;
        return ERR_OK;
    }
    units_finish(u);
    return units_make(c->t, c->sealed, c->equal, grouped, stratify, parts, u, e);
}

static enum err make_units(struct cutting *c, bool stratify, double part, const char *what,
                           struct units *u, struct error *e)
{
    size_t given_up;

    TRY(link_rows(c, c->grouped, stratify, part, u, &given_up, e));
    if (given_up == 0)
        return ERR_OK;
    if (c->grouped)
        return cut_warn(
            c->split, e,
            "groups that share rows with equal features are %zu rows together, too many "
            "for %s (%.0f rows), so equal rows of different groups are not kept "
            "together",
            given_up, what, part);
    return cut_warn(c->split, e,
                    "%zu rows have equal features, more than half of %s (%.0f rows), so equal rows "
                    "are not kept together",
                    given_up, what, part);
}

enum err cut_units(struct cutting *c, struct error *e)
{
    CLEANUP(units_finish) struct units u = {0};
    size_t given_up; /* no warning: what decides the score is not concerned */

    if (c->split->unit)
        return ERR_OK;
    TRY(link_rows(c, true, false, (double)c->n_active / FURTHER_PARTS, &u, &given_up, e));
    c->split->unit = calloc(c->t->n_rows + 1, sizeof *c->split->unit);
    if (!c->split->unit)
        return error_no_memory(e);
    for (size_t k = 0; k < u.n; k++)
        for (uint32_t i = u.start[k]; i < u.start[k + 1]; i++)
            c->split->unit[u.rows[i]] = (uint32_t)k;
    return ERR_OK;
}

/* ---- folds ------------------------------------------------------------------------------------
 */

static enum err too_many_folds(const struct cutting *c, struct error *e)
{
    if (c->spec->n_folds <= c->n_active)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID, "folds %u: the data has only %zu rows to cut", c->spec->n_folds,
                    c->n_active);
    return error_field(e, "folds");
}

/* Rows of each class that are not sealed. */
static void count_active_classes(const struct cutting *c, size_t *rows)
{
    const struct column *target = &c->t->columns[c->t->targets[0]];

    for (size_t i = 0; i < c->t->n_rows; i++)
        if (!c->sealed[i])
            rows[target->codes[i]]++;
}

static enum err check_classes(struct cutting *c, struct error *e)
{
    const struct column *target = &c->t->columns[c->t->targets[0]];
    CLEANUP(mem_free) size_t *rows = calloc(c->t->n_classes + 1, sizeof *rows);
    size_t largest = 0, n_small = 0, smallest = 0;

    if (c->t->task != TASK_CLASSIFICATION)
        return ERR_OK;
    if (!rows)
        return error_no_memory(e);
    count_active_classes(c, rows);
    for (size_t k = 0; k < c->t->n_classes; k++) {
        largest = rows[k] > rows[largest] ? k : largest;
        smallest = rows[k] < rows[smallest] ? k : smallest;
        n_small += rows[k] < c->spec->n_folds;
    }
    if (n_small == c->t->n_classes) {
        (void)error_set(e, ERR_INVALID,
                        "folds %u: every class has fewer rows, the largest, \"%.80s\", has %zu",
                        c->spec->n_folds, target->labels[largest], rows[largest]);
        return error_field(e, "folds");
    }
    if (n_small == 0)
        return ERR_OK;
    return cut_warn(c->split, e,
                    "%zu of %zu classes have fewer rows than there are folds (%u), the smallest is "
                    "\"%s\" with %zu; some folds are without them",
                    n_small, c->t->n_classes, c->spec->n_folds, target->labels[smallest],
                    rows[smallest]);
}

static enum err too_few_groups(const struct cutting *c, const struct units *u, struct error *e)
{
    if (c->spec->n_folds <= u->n)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID, "folds %u: the data has only %zu groups to cut",
                    c->spec->n_folds, u->n);
    return error_field(e, "folds");
}

/* Cuts units into folds, each repeat by a stream of its own. */
static enum err deal(struct cutting *c, struct units *u,
                     enum err (*to_folds)(const struct units *u, uint32_t n_folds, uint16_t *plan,
                                          struct error *e),
                     struct error *e)
{
    for (uint32_t repeat = 0; repeat < c->spec->n_repeats; repeat++) {
        struct rng r;

        rng_init(&r, c->spec->seed, repeat, 0, RNG_SPLIT, STREAM_FOLDS);
        if (c->spec->shuffle)
            units_shuffle(u, &r);
        TRY(to_folds(u, c->spec->n_folds, c->split->fold + repeat * c->t->n_rows, e));
    }
    return ERR_OK;
}

enum err cut_kfold(struct cutting *c, struct error *e)
{
    bool stratify = c->spec->kind == SPLIT_STRATIFIED_KFOLD;
    CLEANUP(units_finish) struct units u = {0};

    c->split->n_folds = c->spec->n_folds;
    TRY(too_many_folds(c, e));
    if (stratify)
        TRY(check_classes(c, e));
    TRY(make_units(c, stratify, (double)c->n_active / c->spec->n_folds, "a fold", &u, e));
    TRY(too_few_groups(c, &u, e));
    return deal(c, &u, deal_folds, e);
}

enum err cut_mixed(struct cutting *c, struct error *e)
{
    CLEANUP(units_finish) struct units u = {0};

    c->split->n_folds = c->spec->n_folds;
    TRY(too_many_folds(c, e));
    TRY(check_classes(c, e));
    TRY(make_units(c, true, (double)c->n_active / c->spec->n_folds, "a fold", &u, e));
    TRY(too_few_groups(c, &u, e));
    return deal(c, &u, deal_mixed, e);
}

/* ---- a part set aside: holdout, shuffle_split and sealed --------------------------------------
 */

enum err cut_empty(const char *field, double fraction, size_t n, struct error *e)
{
    (void)error_set(e, ERR_INVALID, "%s %g: of %zu rows that leaves one part empty", field,
                    fraction, n);
    return error_field(e, field);
}

enum err cut_holdout(struct cutting *c, struct error *e)
{
    double fraction = c->spec->test_fraction;
    bool shuffle = c->spec->shuffle || c->spec->kind == SPLIT_SHUFFLE_SPLIT;
    CLEANUP(units_finish) struct units u = {0};

    c->split->n_folds = 1;
    TRY(make_units(c, shuffle, fraction * (double)c->n_active, "the validation rows", &u, e));
    for (uint32_t repeat = 0; repeat < c->split->n_repeats; repeat++) {
        struct rng r;
        size_t taken;

        rng_init(&r, c->spec->seed, repeat, 0, RNG_SPLIT, STREAM_FOLDS);
        if (shuffle)
            units_shuffle(&u, &r);
        taken =
            deal_fraction(&u, fraction, !shuffle, false, 1, c->split->fold + repeat * c->t->n_rows);
        if (taken == 0 || taken == c->n_active)
            return cut_empty("test_fraction", fraction, c->n_active, e);
    }
    return ERR_OK;
}

/* Groups are few, so strata of them would round each on its own: they are taken without. */
static enum err seal_fraction(struct cutting *c, struct error *e)
{
    double fraction = c->spec->sealed_fraction;
    CLEANUP(units_finish) struct units u = {0};
    CLEANUP(mem_free) uint16_t *plan = calloc(c->t->n_rows + 1, sizeof *plan);
    struct rng r;
    size_t taken;

    if (!plan)
        return error_no_memory(e);
    TRY(make_units(c, !c->grouped, fraction * (double)c->n_active, "the sealed rows", &u, e));
    rng_init(&r, c->spec->seed, 0, 0, RNG_SPLIT, STREAM_SEALED);
    units_shuffle(&u, &r);
    taken = deal_fraction(&u, fraction, false, c->grouped, SPLIT_SEALED, plan);
    if (taken == 0 || taken == c->n_active)
        return cut_empty("sealed", fraction, c->n_active, e);
    for (size_t i = 0; i < c->t->n_rows; i++)
        c->sealed[i] = c->sealed[i] || plan[i] == SPLIT_SEALED;
    c->n_active -= taken;
    return ERR_OK;
}

enum err cut_sealed(struct cutting *c, struct error *e)
{
    size_t split = table_role_column(c->t, ROLE_SPLIT);

    c->sealed = calloc(c->t->n_rows + 1, sizeof *c->sealed);
    if (!c->sealed)
        return error_no_memory(e);
    c->n_active = c->t->n_rows;
    for (size_t i = 0; split != SIZE_MAX && i < c->t->n_rows; i++) {
        const struct column *column = &c->t->columns[split];

        c->sealed[i] = strcmp(column->labels[column->codes[i]], "test") == 0;
        c->n_active -= c->sealed[i];
    }
    if (c->n_active == 0) {
        (void)error_set(e, ERR_INVALID, "split: every row is test; expected some to train on");
        return error_field(e, "sealed");
    }
    if (c->spec->sealed_fraction == 0)
        return ERR_OK;
    return c->spec->kind == SPLIT_TIME_SERIES ? cut_latest(c, e) : seal_fraction(c, e);
}

/* ---- folds that the data names ----------------------------------------------------------------
 */

enum err cut_predefined(struct cutting *c, struct error *e)
{
    const struct column *column = &c->t->columns[table_role_column(c->t, ROLE_FOLD)];
    CLEANUP(mem_free) size_t *rows = NULL;

    if (column->n_labels < 2 || column->n_labels > SPLIT_FOLDS_MAX) {
        (void)error_set(e, ERR_INVALID, "fold \"%.80s\": expected 2 to %d distinct folds, got %zu",
                        column->name, SPLIT_FOLDS_MAX, column->n_labels);
        return error_field(e, "kind");
    }
    c->split->n_folds = (uint32_t)column->n_labels;
    rows = calloc(column->n_labels, sizeof *rows);
    if (!rows)
        return error_no_memory(e);
    for (size_t i = 0; i < c->t->n_rows; i++) {
        c->split->fold[i] = (uint16_t)(column->codes[i] + 1);
        rows[column->codes[i]] += !c->sealed[i];
    }
    for (size_t k = 0; k < column->n_labels; k++) {
        if (rows[k] > 0 && rows[k] < c->n_active)
            continue;
        (void)error_set(e, ERR_INVALID,
                        "fold \"%.80s\": fold \"%.80s\" has %s rows that are not sealed",
                        column->name, column->labels[k], rows[k] ? "all" : "no");
        return error_field(e, "kind");
    }
    return ERR_OK;
}

/* A fold for each label of the group column that rows which are not sealed have. */
enum err cut_groups(struct cutting *c, struct error *e)
{
    const struct column *column = &c->t->columns[table_role_column(c->t, ROLE_GROUP)];
    CLEANUP(mem_free) uint32_t *fold = calloc(column->n_labels + 1, sizeof *fold);
    uint32_t n = 0;

    if (!fold)
        return error_no_memory(e);
    for (size_t i = 0; i < c->t->n_rows; i++)
        if (!c->sealed[i])
            fold[column->codes[i]] = 1;
    for (size_t k = 0; k < column->n_labels; k++)
        fold[k] = fold[k] ? ++n : 0;
    if (n < 2 || n > SPLIT_FOLDS_MAX) {
        (void)error_set(e, ERR_INVALID,
                        "kind leave_one_group_out: expected 2 to %d groups, \"%.80s\" has %u",
                        SPLIT_FOLDS_MAX, column->name, n);
        return error_field(e, "kind");
    }
    c->split->n_folds = n;
    for (size_t i = 0; i < c->t->n_rows; i++)
        c->split->fold[i] = (uint16_t)fold[column->codes[i]];
    return ERR_OK;
}

enum err cut_rows(struct cutting *c, struct error *e)
{
    uint16_t fold = 0;

    if (c->n_active < 2 || c->n_active > SPLIT_FOLDS_MAX) {
        (void)error_set(e, ERR_INVALID,
                        "kind leave_one_out: expected 2 to %d rows, each is a fold; the data has "
                        "%zu",
                        SPLIT_FOLDS_MAX, c->n_active);
        return error_field(e, "kind");
    }
    for (size_t i = 0; i < c->t->n_rows; i++)
        if (!c->sealed[i])
            c->split->fold[i] = ++fold;
    c->split->n_folds = fold;
    return cut_warn(c->split, e,
                    "leave_one_out trains %u networks in each trial, and a metric that needs "
                    "several rows does not exist on a fold of one",
                    fold);
}
