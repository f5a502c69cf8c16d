#include "core/data/split.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/cut.h"

enum { FOLDED = SPLIT_USES_FOLDS | SPLIT_USES_REPEATS | SPLIT_USES_SHUFFLE };

/* clang-format off */
static const struct kind {
    enum err (*cut)(struct cutting *c, struct error *e);
    unsigned uses;
    enum column_role needs;
} kinds[] = {
    [SPLIT_KFOLD] = {cut_kfold, FOLDED, ROLE_FEATURE},
    [SPLIT_STRATIFIED_KFOLD] = {cut_kfold, FOLDED, ROLE_FEATURE},
    [SPLIT_GROUP_KFOLD] = {cut_kfold, FOLDED, ROLE_GROUP},
    [SPLIT_STRATIFIED_GROUP_KFOLD] = {cut_mixed, FOLDED, ROLE_GROUP},
    [SPLIT_TIME_SERIES] = {cut_time, SPLIT_USES_FOLDS | SPLIT_USES_GAP, ROLE_TIME},
    [SPLIT_PREDEFINED] = {cut_predefined, 0, ROLE_FOLD},
    [SPLIT_LEAVE_ONE_GROUP_OUT] = {cut_groups, 0, ROLE_GROUP},
    [SPLIT_SHUFFLE_SPLIT] = {cut_holdout, SPLIT_USES_FOLDS | SPLIT_USES_TEST_FRACTION,
                             ROLE_FEATURE},
    [SPLIT_LEAVE_ONE_OUT] = {cut_rows, 0, ROLE_FEATURE},
    [SPLIT_HOLDOUT] = {cut_holdout,
                       SPLIT_USES_REPEATS | SPLIT_USES_SHUFFLE | SPLIT_USES_TEST_FRACTION,
                       ROLE_FEATURE},
};
/* clang-format on */

static const char *const kind_names[] = {
    [SPLIT_KFOLD] = "kfold",
    [SPLIT_STRATIFIED_KFOLD] = "stratified_kfold",
    [SPLIT_GROUP_KFOLD] = "group_kfold",
    [SPLIT_STRATIFIED_GROUP_KFOLD] = "stratified_group_kfold",
    [SPLIT_TIME_SERIES] = "time_series",
    [SPLIT_PREDEFINED] = "predefined",
    [SPLIT_LEAVE_ONE_GROUP_OUT] = "leave_one_group_out",
    [SPLIT_SHUFFLE_SPLIT] = "shuffle_split",
    [SPLIT_LEAVE_ONE_OUT] = "leave_one_out",
    [SPLIT_HOLDOUT] = "holdout",
    NULL,
};

static const char *const kind_summaries[] = {
    [SPLIT_KFOLD] = "parts of equal size, each validates once",
    [SPLIT_STRATIFIED_KFOLD] =
        "parts with equal shares of each class, or of each range of the target",
    [SPLIT_GROUP_KFOLD] = "parts of whole groups",
    [SPLIT_STRATIFIED_GROUP_KFOLD] =
        "parts of whole groups, with shares of classes as equal as can be",
    [SPLIT_TIME_SERIES] = "each part validates what was trained on all before it in time",
    [SPLIT_PREDEFINED] = "parts by the data's own fold column",
    [SPLIT_LEAVE_ONE_GROUP_OUT] = "each group validates once",
    [SPLIT_SHUFFLE_SPLIT] = "parts of test_fraction of the rows, drawn anew each time",
    [SPLIT_LEAVE_ONE_OUT] = "each row validates once",
    [SPLIT_HOLDOUT] = "one part of test_fraction of the rows",
};

static void cutting_finish(struct cutting *c)
{
    free(c->sealed);
    free(c->equal);
    split_destroy(c->split);
}

/* ---- the spec ---------------------------------------------------------------------------------
 */

static enum err check_repeats(const struct split_spec *spec, struct error *e)
{
    bool repeatable = kinds[spec->kind].uses & SPLIT_USES_REPEATS;

    if (spec->n_repeats >= 1 && spec->n_repeats <= SPLIT_REPEATS_MAX &&
        (spec->n_repeats == 1 || (repeatable && spec->shuffle)))
        return ERR_OK;
    if (spec->n_repeats < 1 || spec->n_repeats > SPLIT_REPEATS_MAX)
        (void)error_set(e, ERR_INVALID, "repeats %u: expected 1 to %d", spec->n_repeats,
                        SPLIT_REPEATS_MAX);
    else if (spec->kind == SPLIT_SHUFFLE_SPLIT)
        (void)error_set(e, ERR_INVALID,
                        "repeats %u: folds is the number of splits of shuffle_split; expected 1",
                        spec->n_repeats);
    else
        (void)error_set(e, ERR_INVALID, "repeats %u: %s folds are the same each time; expected 1",
                        spec->n_repeats, repeatable ? "unshuffled" : kind_names[spec->kind]);
    return error_field(e, "repeats");
}

static enum err check_numbers(const struct split_spec *spec, struct error *e)
{
    unsigned uses = kinds[spec->kind].uses;

    TRY(check_repeats(spec, e));
    if (uses & SPLIT_USES_FOLDS && (spec->n_folds < 2 || spec->n_folds > SPLIT_FOLDS_MAX)) {
        (void)error_set(e, ERR_INVALID, "folds %u: expected 2 to %d", spec->n_folds,
                        SPLIT_FOLDS_MAX);
        return error_field(e, "folds");
    }
    if (uses & SPLIT_USES_TEST_FRACTION && !(spec->test_fraction > 0 && spec->test_fraction < 1)) {
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

static enum err check_column(const struct table *t, enum split_kind kind, struct error *e)
{
    enum column_role needs = kinds[kind].needs;

    if (needs == ROLE_FEATURE || table_role_column(t, needs) != SIZE_MAX)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID, "kind %s: the data set has no %s column", kind_names[kind],
                    table_role_name(needs));
    return error_field(e, "kind");
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void mark_sealed(struct cutting *c)
{
    struct split *s = c->split;

    for (size_t i = 0; i < s->n_rows; i++) {
        s->n_sealed += c->sealed[i];
        for (uint32_t repeat = 0; c->sealed[i] && repeat < s->n_repeats; repeat++)
            s->fold[repeat * s->n_rows + i] = SPLIT_SEALED;
    }
}

static enum err create(struct cutting *c, struct error *e)
{
    bool splits = c->spec->kind == SPLIT_SHUFFLE_SPLIT;
    struct split *s = calloc(1, sizeof *s);

    c->split = s;
    if (!s)
        return error_no_memory(e);
    s->n_rows = c->t->n_rows;
    s->n_repeats = splits ? c->spec->n_folds : c->spec->n_repeats;
    s->fold = calloc(mem_size(s->n_rows, s->n_repeats), sizeof *s->fold);
    return s->fold ? ERR_OK : error_no_memory(e);
}

enum err split_create(const struct table *t, const struct split_spec *spec, struct split **out,
                      struct error *e)
{
    CLEANUP(cutting_finish)
    struct cutting c = {.t = t, .spec = spec, .grouped = kinds[spec->kind].needs == ROLE_GROUP};

    TRY(check_numbers(spec, e));
    TRY(check_column(t, spec->kind, e));
    TRY(create(&c, e));
    TRY(cut_sealed(&c, e));
    TRY(kinds[spec->kind].cut(&c, e));
    TRY(cut_units(&c, e));
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
    free(s->unit);
    free(s->order);
    free(s->train_end);
    free(s);
}

const uint16_t *split_repeat(const struct split *s, uint32_t repeat)
{
    return s->fold + repeat * s->n_rows;
}

enum split_part split_part(const struct split *s, uint32_t repeat, uint32_t fold, size_t row)
{
    uint16_t validates = split_repeat(s, repeat)[row];

    if (fold == SPLIT_REFIT)
        return validates == SPLIT_SEALED ? SPLIT_VALIDATION : SPLIT_TRAIN;
    if (validates == SPLIT_SEALED)
        return SPLIT_UNUSED;
    if (validates == fold)
        return SPLIT_VALIDATION;
    if (s->train_end && s->unit[row] >= s->train_end[fold - 1])
        return SPLIT_UNUSED;
    return SPLIT_TRAIN;
}

void split_count(const struct split *s, uint32_t repeat, uint32_t fold, size_t *n_train,
                 size_t *n_validation)
{
    *n_train = *n_validation = 0;
    for (size_t i = 0; i < s->n_rows; i++) {
        enum split_part part = split_part(s, repeat, fold, i);

        *n_validation += part == SPLIT_VALIDATION;
        *n_train += part == SPLIT_TRAIN;
    }
}

unsigned split_kind_uses(enum split_kind kind)
{
    return kinds[kind].uses;
}

enum column_role split_kind_needs(enum split_kind kind)
{
    return kinds[kind].needs;
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

const char *split_kind_summary(enum split_kind kind)
{
    return kind_summaries[kind];
}
