/* The last training of a search: on every row that is not sealed, judged on the sealed ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/core/data/plans.h"

enum { SEED = 61, ROWS = 120 };

static const struct prepare_spec how = {.scaling = SCALING_QUANTILE, .missing_indicator = true};

static struct fold_data *refit(const struct table *t, const struct split *s)
{
    struct fold_data *d = NULL;
    struct error e = {0};

    if (prepare_fold(t, s, 0, SPLIT_REFIT, &how, NULL, &d, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return d;
}

static bool is_sealed(const struct split *s, size_t row)
{
    return split_repeat(s, 0)[row] == SPLIT_SEALED;
}

/* Every row of the plan is in one part, once. */
static void check_rows(const struct split *s, const struct fold_data *d)
{
    bool seen[ROWS] = {false};

    assert_int_equal(d->n_train + d->n_validation, s->n_rows);
    assert_int_equal(d->n_validation, s->n_sealed);
    for (size_t i = 0; i < s->n_rows; i++) {
        assert_false(seen[d->row[i]]);
        seen[d->row[i]] = true;
        assert_int_equal(is_sealed(s, d->row[i]), i >= d->n_train);
    }
}

/* Kinds that need no column of their own, and those that the tables of plans.h have one for. */
static const enum split_kind kinds[] = {
    SPLIT_KFOLD,       SPLIT_STRATIFIED_KFOLD,    SPLIT_GROUP_KFOLD,   SPLIT_STRATIFIED_GROUP_KFOLD,
    SPLIT_TIME_SERIES, SPLIT_LEAVE_ONE_GROUP_OUT, SPLIT_SHUFFLE_SPLIT, SPLIT_LEAVE_ONE_OUT,
    SPLIT_HOLDOUT,
};

static void all_rows_that_are_not_sealed_train_whatever_the_kind(void **state)
{
    struct recipe recipe = {.rows = ROWS, .groups = 12, .times = 40};
    struct rng r;

    (void)state;
    rng_init(&r, SEED, 0, 0, RNG_TEST, 0);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        CLEANUP(tables_end) struct table *t = plans_table(&r, &recipe);
        struct split_spec spec = plans_spec(&r, kinds[k]);
        CLEANUP(plans_end) struct split *s = NULL;
        CLEANUP(plans_fold_end) struct fold_data *d = NULL;

        spec.sealed_fraction = 0.25;
        s = plans_split(t, &spec);
        d = refit(t, s);
        check_rows(s, d);
        assert_int_equal(d->ordered, kinds[k] == SPLIT_TIME_SERIES);
        for (size_t i = 1; d->ordered && i < d->n_train; i++)
            assert_true(d->unit[i] >= d->unit[i - 1]);
    }
}

static void what_stands_in_sealed_rows_does_not_reach_the_training_part(void **state)
{
    struct recipe recipe = {.rows = ROWS, .groups = 12, .regression = true};
    struct rng r;

    (void)state;
    rng_init(&r, SEED, 0, 1, RNG_TEST, 0);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        CLEANUP(tables_end) struct table *t = plans_table(&r, &recipe);
        struct split_spec spec = plans_spec(&r, kinds[k]);
        CLEANUP(plans_end) struct split *s = NULL;
        CLEANUP(plans_fold_end) struct fold_data *before = NULL;
        CLEANUP(plans_fold_end) struct fold_data *after = NULL;

        spec.sealed_fraction = 0.25;
        s = plans_split(t, &spec);
        before = refit(t, s);
        for (size_t i = 0; i < ROWS; i++)
            if (is_sealed(s, i)) {
                t->columns[0].values[i] = 1000 * rng_normal(&r);
                t->columns[t->targets[0]].values[i] = 1000 * rng_normal(&r);
            }
        after = refit(t, s);
        assert_int_equal(before->n_train, after->n_train);
        assert_memory_equal(before->x, after->x,
                            before->n_train * before->stride * sizeof *before->x);
        assert_memory_equal(before->y, after->y, before->n_train * sizeof *before->y);
        assert_memory_not_equal(before->target + before->n_train, after->target + after->n_train,
                                before->n_validation * sizeof *before->target);
    }
}

static void a_plan_without_sealed_rows_has_nothing_to_judge(void **state)
{
    struct recipe recipe = {.rows = ROWS, .groups = 12};
    struct split_spec spec = {.kind = SPLIT_KFOLD, .n_folds = 3, .n_repeats = 1};
    CLEANUP(tables_end) struct table *t = NULL;
    CLEANUP(plans_end) struct split *s = NULL;
    struct fold_data *d = NULL;
    struct error e = {0};
    struct rng r;

    (void)state;
    rng_init(&r, SEED, 0, 2, RNG_TEST, 0);
    t = plans_table(&r, &recipe);
    s = plans_split(t, &spec);
    assert_int_equal(prepare_fold(t, s, 0, SPLIT_REFIT, &how, NULL, &d, &e), ERR_INVALID);
    assert_null(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_that_are_not_sealed_train_whatever_the_kind),
        cmocka_unit_test(what_stands_in_sealed_rows_does_not_reach_the_training_part),
        cmocka_unit_test(a_plan_without_sealed_rows_has_nothing_to_judge),
    };

    print_message("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
