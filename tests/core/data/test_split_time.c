/*
 * Cross-validation forward in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/core/data/plans.h"

/* No row of a training part is as late as one of validation, nor among the `gap` before it. */
static void check_forward(const struct table *t, const struct split *s, size_t gap)
{
    const double *time = plans_column(t, ROLE_TIME)->values;

    for (uint32_t fold = 1; fold <= s->n_folds; fold++) {
        for (size_t i = 0; i < s->n_rows; i++) {
            size_t between = 0;

            if (split_part(s, 0, fold, i) != SPLIT_TRAIN)
                continue;
            for (size_t j = 0; j < s->n_rows; j++) {
                enum split_part part = split_part(s, 0, fold, j);

                if (part == SPLIT_VALIDATION)
                    assert_true(time[i] < time[j]);
                between += part == SPLIT_UNUSED && s->fold[j] < fold && time[j] > time[i];
            }
            assert_true(between >= gap);
        }
    }
}

static void a_time_series_never_trains_on_the_future(void **state)
{
    uint64_t seed = 37;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 40; trial++) {
        struct recipe how = {.rows = 60 + rng_below(&r, 60),
                             .groups = 5,
                             .times = trial % 2 ? 12 + rng_below(&r, 30) : 0,
                             .equal_rows = true};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &how);
        struct split_spec spec = plans_spec(&r, SPLIT_TIME_SERIES);
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);
        const double *time = plans_column(t, ROLE_TIME)->values;

        plans_check_parts(s);
        check_forward(t, s, spec.gap);
        for (size_t i = 0; i < s->n_rows; i++) { /* the last fold validates the latest rows */
            for (size_t j = 0; j < s->n_rows; j++) {
                if (s->fold[i] == s->n_folds && s->fold[j] < s->n_folds)
                    assert_true(time[j] < time[i]);
                if (s->fold[i] == SPLIT_SEALED && s->fold[j] != SPLIT_SEALED)
                    assert_true(time[j] < time[i]);
            }
        }
    }
}

/*
 * sklearn.model_selection.TimeSeriesSplit(3, gap=1) of 11 rows: training on 0-3, 0-5, 0-7,
 * validation on 5-6, 7-8, 9-10. Here the rows come latest first.
 */
static void a_time_series_is_cut_as_scikit_learn_does(void **state)
{
    static const uint16_t expected[] = {3, 3, 2, 2, 1, 1, 0, 0, 0, 0, 0};
    static const size_t train_rows[] = {4, 6, 8};
    CLEANUP(tables_end)
    struct table *t =
        tables_read("x,g,t,y\n1,a,11,p\n2,a,10,q\n3,a,9,p\n4,a,8,q\n5,a,7,p\n6,a,6,q\n"
                    "7,a,5,p\n8,a,4,q\n9,a,3,p\n10,a,2,q\n11,a,1,p\n",
                    &plans_roles);
    struct split_spec spec = {.kind = SPLIT_TIME_SERIES, .n_folds = 3, .n_repeats = 1, .gap = 1};
    CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

    (void)state;
    assert_memory_equal(s->fold, expected, sizeof expected);
    for (uint32_t fold = 1; fold <= 3; fold++) {
        size_t n_train, n_validation;

        split_count(s, 0, fold, &n_train, &n_validation);
        assert_int_equal(n_train, train_rows[fold - 1]);
        assert_int_equal(n_validation, 2);
        for (size_t i = 0; i < 11; i++)
            assert_int_equal(split_part(s, 0, fold, i) == SPLIT_TRAIN, 11 - i <= n_train);
    }
}

static void dates_are_times(void **state)
{
    static const uint16_t expected[] = {2, 0, 1};
    CLEANUP(tables_end)
    struct table *t = tables_read("x,g,t,y\n1,a,2024-03-01,p\n2,a,2023-12-31,q\n3,a,2024-01-15,p\n",
                                  &plans_roles);
    struct split_spec spec = {.kind = SPLIT_TIME_SERIES, .n_folds = 2, .n_repeats = 1};
    CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

    (void)state;
    assert_memory_equal(s->fold, expected, sizeof expected);
}

static void a_fold_of_a_time_series_is_in_order_of_time(void **state)
{
    static const struct prepare_spec how = {.missing_indicator = true};
    struct recipe recipe = {.rows = 90, .groups = 5, .times = 40};
    struct split_spec spec = {
        .kind = SPLIT_TIME_SERIES, .n_folds = 4, .n_repeats = 1, .gap = 3, .sealed_fraction = 0.1};
    CLEANUP(tables_end) struct table *t = NULL;
    CLEANUP(plans_end) struct split *s = NULL;
    CLEANUP(plans_fold_end) struct fold_data *d = NULL;
    struct error e = {0};
    struct rng r;
    const double *time;

    (void)state;
    rng_init(&r, 38, 0, 0, RNG_TEST, 0);
    t = plans_table(&r, &recipe);
    time = plans_column(t, ROLE_TIME)->values;
    s = plans_split(t, &spec);
    assert_int_equal(prepare_fold(t, s, 0, 2, &how, NULL, &d, &e), ERR_OK);
    assert_true(d->ordered);
    for (size_t i = 1; i < d->n_train + d->n_validation; i++) {
        double before = time[d->row[i - 1]], now = time[d->row[i]];

        assert_true(before <= now);
        assert_int_equal(d->unit[i] > d->unit[i - 1], now > before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_series_never_trains_on_the_future),
        cmocka_unit_test(a_time_series_is_cut_as_scikit_learn_does),
        cmocka_unit_test(dates_are_times),
        cmocka_unit_test(a_fold_of_a_time_series_is_in_order_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
