#define _GNU_SOURCE /* vasprintf */
#include "core/data/split.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/data/units.h"

/* What a stream of RNG_SPLIT is for: its index. */
enum { STREAM_FOLDS = 0, STREAM_SEALED = 1 };

static const char *const kind_names[] = {
    [SPLIT_KFOLD] = "kfold",
    [SPLIT_STRATIFIED_KFOLD] = "stratified_kfold",
    [SPLIT_PREDEFINED] = "predefined",
    [SPLIT_HOLDOUT] = "holdout",
    NULL,
};

struct cutting {
    const struct table *t;
    const struct split_spec *spec;
    struct split *split;
    bool *sealed; /* (n_rows) */
    size_t n_active;
};

static void cutting_finish(struct cutting *c)
{
    free(c->sealed);
    split_destroy(c->split);
}

__attribute__((format(printf, 3, 4))) static enum err warn(struct split *s, struct error *e,
                                                           const char *format, ...)
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

/* ---- the spec against the table ---------------------------------------------------------------
 */

static enum err check_numbers(const struct split_spec *spec, struct error *e)
{
    bool kfold = spec->kind == SPLIT_KFOLD || spec->kind == SPLIT_STRATIFIED_KFOLD;

    if (spec->n_repeats < 1 || spec->n_repeats > SPLIT_REPEATS_MAX) {
        (void)error_set(e, ERR_INVALID, "repeats %u: expected 1 to %d", spec->n_repeats,
                        SPLIT_REPEATS_MAX);
        return error_field(e, "repeats");
    }
    if (spec->n_repeats > 1 && (spec->kind == SPLIT_PREDEFINED || !spec->shuffle)) {
        (void)error_set(e, ERR_INVALID, "repeats %u: %s folds are the same each time; expected 1",
                        spec->n_repeats,
                        spec->kind == SPLIT_PREDEFINED ? "predefined" : "unshuffled");
        return error_field(e, "repeats");
    }
    if (kfold && (spec->n_folds < 2 || spec->n_folds > SPLIT_FOLDS_MAX)) {
        (void)error_set(e, ERR_INVALID, "folds %u: expected 2 to %d", spec->n_folds,
                        SPLIT_FOLDS_MAX);
        return error_field(e, "folds");
    }
    if (spec->kind == SPLIT_HOLDOUT && !(spec->test_fraction > 0 && spec->test_fraction < 1)) {
        (void)error_set(e, ERR_INVALID, "test_fraction %g: expected a number between 0 and 1",
                        spec->test_fraction);
        return error_field(e, "test_fraction");
    }
    if (!(spec->sealed_fraction >= 0 && spec->sealed_fraction < 1)) {
        (void)error_set(e, ERR_INVALID, "sealed fraction %g: expected a number from 0 to below 1",
                        spec->sealed_fraction);
        return error_field(e, "sealed");
    }
    return ERR_OK;
}

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
    return warn(c->split, e,
                "%zu of %zu classes have fewer rows than there are folds (%u), the smallest is "
                "\"%s\" with %zu; some folds are without them",
                n_small, c->t->n_classes, c->spec->n_folds, target->labels[smallest],
                rows[smallest]);
}

/* ---- units ------------------------------------------------------------------------------------
 */

/*
 * Units for parts of `part` rows: equal rows together, unless so many are equal that the parts
 * could not be balanced.
 */
static enum err make_units(struct cutting *c, bool stratify, double part, const char *what,
                           struct units *u, struct error *e)
{
    size_t parts = (size_t)floor((double)c->n_active / part + 0.5), largest;

    parts = parts < 1 ? 1 : parts;
    TRY(units_make(c->t, c->sealed, true, stratify, parts, u, e));
    largest = units_largest(u);
    if (largest <= 1 || 2 * (double)largest <= part)
        return ERR_OK;
    units_finish(u);
    TRY(units_make(c->t, c->sealed, false, stratify, parts, u, e));
    return warn(c->split, e,
                "%zu rows have equal features, more than half of %s (%.0f rows), so equal rows are "
                "not kept together",
                largest, what, part);
}

static void put_unit(const struct units *u, uint32_t unit, uint16_t fold, uint16_t *plan)
{
    for (uint32_t k = u->start[unit]; k < u->start[unit + 1]; k++)
        plan[u->rows[k]] = fold;
}

/* ---- folds ------------------------------------------------------------------------------------
 */

/* How full the folds are: `stratum` holds rows of the stratum at hand. */
struct load {
    uint32_t n_folds;
    uint32_t *total;   /* (n_folds) */
    uint32_t *stratum; /* (n_strata, n_folds) */
    uint32_t *quota;   /* (n_folds) */
};

static void load_finish(struct load *l)
{
    free(l->total);
    free(l->stratum);
    free(l->quota);
}

static enum err load_init(struct load *l, uint32_t n_folds, size_t n_strata, struct error *e)
{
    l->n_folds = n_folds;
    l->total = calloc(n_folds, sizeof *l->total);
    l->stratum = calloc(mem_size(n_folds, n_strata), sizeof *l->stratum);
    l->quota = calloc(n_folds, sizeof *l->quota);
    return l->total && l->stratum && l->quota ? ERR_OK : error_no_memory(e);
}

/* The fold with the fewest rows of the stratum, then the fewest rows, then the lowest number. */
static uint32_t emptiest(const struct load *l, const uint32_t *stratum, bool *even)
{
    uint32_t best = 0;

    *even = true;
    for (uint32_t f = 1; f < l->n_folds; f++) {
        *even = *even && stratum[f] == stratum[0];
        if (stratum[f] < stratum[best] ||
            (stratum[f] == stratum[best] && l->total[f] < l->total[best]))
            best = f;
    }
    return best;
}

static void add_rows(struct load *l, uint32_t *stratum, uint32_t fold, uint32_t n)
{
    stratum[fold] += n;
    l->total[fold] += n;
}

struct sized {
    uint32_t unit, size, place;
};

static int by_size(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;

    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Units of several rows go first, the largest first, each to the emptiest fold. */
static enum err deal_large(const struct units *u, struct load *l, uint16_t *plan, struct error *e)
{
    CLEANUP(mem_free) struct sized *large = calloc(u->n + 1, sizeof *large);
    size_t n = 0;
    bool even;

    if (!large)
        return error_no_memory(e);
    for (size_t k = 0; k < u->n; k++)
        if (units_size(u, u->order[k]) > 1)
            large[n++] =
                (struct sized){u->order[k], (uint32_t)units_size(u, u->order[k]), (uint32_t)k};
    qsort(large, n, sizeof *large, by_size);
    for (size_t k = 0; k < n; k++) {
        uint32_t *stratum = l->stratum + (size_t)u->stratum[large[k].unit] * l->n_folds;
        uint32_t fold = emptiest(l, stratum, &even);

        add_rows(l, stratum, fold, large[k].size);
        put_unit(u, large[k].unit, (uint16_t)(fold + 1), plan);
    }
    return ERR_OK;
}

/* How many of n single rows each fold gets, so that the stratum is even. */
static void find_quotas(struct load *l, uint32_t *stratum, uint32_t n)
{
    memset(l->quota, 0, l->n_folds * sizeof *l->quota);
    while (n > 0) {
        bool even;
        uint32_t fold = emptiest(l, stratum, &even);
        uint32_t each = even ? n / l->n_folds : 0;

        for (uint32_t f = 0; each > 0 && f < l->n_folds; f++) {
            l->quota[f] += each;
            add_rows(l, stratum, f, each);
        }
        n -= each * l->n_folds;
        if (each > 0)
            continue;
        l->quota[fold]++;
        add_rows(l, stratum, fold, 1);
        n--;
    }
}

/* The single rows of a stratum: a block to each fold, as large as its quota. */
static void deal_singles(const struct units *u, size_t s, struct load *l, uint16_t *plan)
{
    uint32_t n = 0, fold = 0;

    for (uint32_t k = u->first[s]; k < u->first[s + 1]; k++)
        n += units_size(u, u->order[k]) == 1;
    find_quotas(l, l->stratum + s * l->n_folds, n);
    for (uint32_t k = u->first[s]; k < u->first[s + 1]; k++) {
        if (units_size(u, u->order[k]) != 1)
            continue;
        while (l->quota[fold] == 0)
            fold++;
        l->quota[fold]--;
        put_unit(u, u->order[k], (uint16_t)(fold + 1), plan);
    }
}

static enum err deal_folds(const struct units *u, uint32_t n_folds, uint16_t *plan, struct error *e)
{
    CLEANUP(load_finish) struct load l = {0};

    TRY(load_init(&l, n_folds, u->n_strata, e));
    TRY(deal_large(u, &l, plan, e));
    for (size_t s = 0; s < u->n_strata; s++)
        deal_singles(u, s, &l, plan);
    return ERR_OK;
}

static enum err cut_kfold(struct cutting *c, struct error *e)
{
    bool stratify = c->spec->kind == SPLIT_STRATIFIED_KFOLD;
    CLEANUP(units_finish) struct units u = {0};

    TRY(too_many_folds(c, e));
    if (stratify)
        TRY(check_classes(c, e));
    TRY(make_units(c, stratify, (double)c->n_active / c->spec->n_folds, "a fold", &u, e));
    for (uint32_t repeat = 0; repeat < c->spec->n_repeats; repeat++) {
        struct rng r;

        rng_init(&r, c->spec->seed, repeat, 0, RNG_SPLIT, STREAM_FOLDS);
        if (c->spec->shuffle)
            units_shuffle(&u, &r);
        TRY(deal_folds(&u, c->spec->n_folds, c->split->fold + repeat * c->t->n_rows, e));
    }
    return ERR_OK;
}

/* ---- a part set aside: holdout and sealed -----------------------------------------------------
 */

/*
 * Marks a fraction of the rows, the same of every stratum to within a row: after each stratum
 * the marked ones are the fraction of all rows so far, rounded.
 */
static size_t take_fraction(const struct units *u, double fraction, bool from_end, uint16_t mark,
                            uint16_t *plan)
{
    size_t taken = 0, seen = 0;

    for (size_t s = 0; s < u->n_strata; s++) {
        size_t n = u->first[s + 1] - u->first[s], wanted;

        for (size_t k = 0; k < n; k++)
            seen += units_size(u, u->order[u->first[s] + k]);
        wanted = (size_t)floor((double)seen * fraction + 0.5);
        for (size_t k = 0; k < n && taken < wanted; k++) {
            uint32_t unit = u->order[u->first[s] + (from_end ? n - 1 - k : k)];

            if (taken + units_size(u, unit) > wanted)
                continue;
            taken += units_size(u, unit);
            put_unit(u, unit, mark, plan);
        }
    }
    return taken;
}

static enum err empty_part(const char *field, double fraction, size_t n, struct error *e)
{
    (void)error_set(e, ERR_INVALID, "%s %g: of %zu rows that leaves one part empty", field,
                    fraction, n);
    return error_field(e, field);
}

static enum err cut_holdout(struct cutting *c, struct error *e)
{
    double fraction = c->spec->test_fraction;
    CLEANUP(units_finish) struct units u = {0};

    TRY(make_units(c, c->spec->shuffle, fraction * (double)c->n_active, "the validation rows", &u,
                   e));
    for (uint32_t repeat = 0; repeat < c->spec->n_repeats; repeat++) {
        struct rng r;
        size_t taken;

        rng_init(&r, c->spec->seed, repeat, 0, RNG_SPLIT, STREAM_FOLDS);
        if (c->spec->shuffle)
            units_shuffle(&u, &r);
        taken = take_fraction(&u, fraction, !c->spec->shuffle, 1,
                              c->split->fold + repeat * c->t->n_rows);
        if (taken == 0 || taken == c->n_active)
            return empty_part("test_fraction", fraction, c->n_active, e);
    }
    return ERR_OK;
}

static enum err seal_fraction(struct cutting *c, struct error *e)
{
    double fraction = c->spec->sealed_fraction;
    CLEANUP(units_finish) struct units u = {0};
    CLEANUP(mem_free) uint16_t *plan = calloc(c->t->n_rows + 1, sizeof *plan);
    struct rng r;
    size_t taken;

    if (!plan)
        return error_no_memory(e);
    TRY(make_units(c, true, fraction * (double)c->n_active, "the sealed rows", &u, e));
    rng_init(&r, c->spec->seed, 0, 0, RNG_SPLIT, STREAM_SEALED);
    units_shuffle(&u, &r);
    taken = take_fraction(&u, fraction, false, SPLIT_SEALED, plan);
    if (taken == 0 || taken == c->n_active)
        return empty_part("sealed", fraction, c->n_active, e);
    for (size_t i = 0; i < c->t->n_rows; i++)
        c->sealed[i] = c->sealed[i] || plan[i] == SPLIT_SEALED;
    c->n_active -= taken;
    return ERR_OK;
}

static enum err seal(struct cutting *c, struct error *e)
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
    return c->spec->sealed_fraction > 0 ? seal_fraction(c, e) : ERR_OK;
}

/* ---- predefined -------------------------------------------------------------------------------
 */

static enum err cut_predefined(struct cutting *c, struct error *e)
{
    size_t at = table_role_column(c->t, ROLE_FOLD);
    const struct column *column;
    CLEANUP(mem_free) size_t *rows = NULL;

    if (at == SIZE_MAX) {
        (void)error_set(e, ERR_INVALID, "kind predefined: the data set has no fold column");
        return error_field(e, "kind");
    }
    column = &c->t->columns[at];
    if (column->n_labels < 2 || column->n_labels > SPLIT_FOLDS_MAX) {
        (void)error_set(e, ERR_INVALID, "fold \"%.80s\": expected 2 to %d distinct folds, got %zu",
                        column->name, SPLIT_FOLDS_MAX, column->n_labels);
        return error_field(e, "kind");
    }
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

/* ---- the whole --------------------------------------------------------------------------------
 */

static uint32_t count_folds(const struct cutting *c)
{
    size_t fold = table_role_column(c->t, ROLE_FOLD);

    switch (c->spec->kind) {
    case SPLIT_KFOLD:
    case SPLIT_STRATIFIED_KFOLD:
        return c->spec->n_folds;
    case SPLIT_PREDEFINED:
        return fold == SIZE_MAX ? 0 : (uint32_t)c->t->columns[fold].n_labels;
    case SPLIT_HOLDOUT:
        break;
    }
    return 1;
}

static enum err cut(struct cutting *c, struct error *e)
{
    switch (c->spec->kind) {
    case SPLIT_KFOLD:
    case SPLIT_STRATIFIED_KFOLD:
        return cut_kfold(c, e);
    case SPLIT_PREDEFINED:
        return cut_predefined(c, e);
    case SPLIT_HOLDOUT:
        break;
    }
    return cut_holdout(c, e);
}

static void mark_sealed(struct cutting *c)
{
    struct split *s = c->split;

    for (size_t i = 0; i < s->n_rows; i++) {
        s->n_sealed += c->sealed[i];
        for (uint32_t repeat = 0; c->sealed[i] && repeat < s->n_repeats; repeat++)
            s->fold[repeat * s->n_rows + i] = SPLIT_SEALED;
    }
}

enum err split_create(const struct table *t, const struct split_spec *spec, struct split **out,
                      struct error *e)
{
    CLEANUP(cutting_finish) struct cutting c = {.t = t, .spec = spec};

    TRY(check_numbers(spec, e));
    c.split = calloc(1, sizeof *c.split);
    if (!c.split)
        return error_no_memory(e);
    c.split->n_rows = t->n_rows;
    c.split->n_folds = count_folds(&c);
    c.split->n_repeats = spec->n_repeats;
    c.split->fold = calloc(mem_size(t->n_rows, spec->n_repeats), sizeof *c.split->fold);
    if (!c.split->fold)
        return error_no_memory(e);
    TRY(seal(&c, e));
    TRY(cut(&c, e));
    mark_sealed(&c);
    *out = c.split;
    c.split = NULL;
    return ERR_OK;
}

void split_destroy(struct split *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_warnings; i++)
        free(s->warnings[i]);
    free(s->warnings);
    free(s->fold);
    free(s);
}

const uint16_t *split_repeat(const struct split *s, uint32_t repeat)
{
    return s->fold + repeat * s->n_rows;
}

void split_count(const struct split *s, uint32_t repeat, uint32_t fold, size_t *n_train,
                 size_t *n_validation)
{
    const uint16_t *plan = split_repeat(s, repeat);

    *n_train = *n_validation = 0;
    for (size_t i = 0; i < s->n_rows; i++) {
        *n_validation += plan[i] == fold;
        *n_train += plan[i] != fold && plan[i] != SPLIT_SEALED;
    }
}

const char *split_kind_name(enum split_kind kind)
{
    return kind_names[kind];
}

bool split_kind_find(const char *name, enum split_kind *out)
{
    for (size_t i = 0; kind_names[i]; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *out = (enum split_kind)i;
            return true;
        }
    }
    return false;
}

const char *const *split_kind_names(void)
{
    return kind_names;
}
