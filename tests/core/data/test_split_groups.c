/*
 * Kinds of cross-validation that keep groups whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/core/data/plans.h"

static bool warned(const struct split *s, const char *part)
{
    for (size_t i = 0; i < s->n_warnings; i++)
        if (strstr(s->warnings[i], part))
            return true;
    return false;
}

static void check_groups_whole(const struct table *t, const struct split *s)
{
    const int32_t *group = plans_column(t, ROLE_GROUP)->codes;

    for (uint32_t repeat = 0; repeat < s->n_repeats; repeat++) {
        int of_group[PLANS_MAX_ROWS];

        memset(of_group, 0xff, sizeof of_group);
        for (size_t i = 0; i < s->n_rows; i++) {
            int *fold = &of_group[group[i]];

            if (*fold < 0)
                *fold = split_repeat(s, repeat)[i];
            assert_int_equal(*fold, split_repeat(s, repeat)[i]);
        }
    }
}

static void groups_are_whole_in_folds_and_in_the_sealed_part(void **state)
{
    static const enum split_kind kinds[] = {SPLIT_GROUP_KFOLD, SPLIT_STRATIFIED_GROUP_KFOLD,
                                            SPLIT_LEAVE_ONE_GROUP_OUT};
    uint64_t seed = 32;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 60; trial++) {
        struct recipe how = {.rows = 60 + rng_below(&r, 200),
                             .groups = 10 + rng_below(&r, 40),
                             .regression = rng_below(&r, 2),
                             .equal_rows = rng_below(&r, 2)};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &how);
        struct split_spec spec = plans_spec(&r, kinds[trial % 3]);
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

        check_groups_whole(t, s);
    }
}

/* Rows of the largest and of the smallest fold, and of the largest group. */
static void folds_of_groups_differ_by_at_most_the_largest_group(void **state)
{
    uint64_t seed = 33;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 40; trial++) {
        struct recipe how = {.rows = 60 + rng_below(&r, 200), .groups = 8 + rng_below(&r, 40)};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &how);
        struct split_spec spec = {.kind = SPLIT_GROUP_KFOLD,
                                  .n_folds = 2 + rng_below(&r, 6),
                                  .n_repeats = 1,
                                  .shuffle = trial % 2,
                                  .seed = rng_u64(&r)};
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);
        size_t in_fold[10] = {0}, in_group[PLANS_MAX_ROWS] = {0}, largest = 0, least = SIZE_MAX,
               most = 0;

        for (size_t i = 0; i < s->n_rows; i++) {
            size_t *group = &in_group[plans_column(t, ROLE_GROUP)->codes[i]];

            in_fold[s->fold[i]]++;
            largest = ++*group > largest ? *group : largest;
        }
        for (uint32_t f = 1; f <= s->n_folds; f++) {
            least = in_fold[f] < least ? in_fold[f] : least;
            most = in_fold[f] > most ? in_fold[f] : most;
        }
        assert_true(most - least <= largest);
    }
}

/* Sum over classes of the variance, among folds, of their shares of the class. */
static double unevenness(const struct table *t, const struct split *s)
{
    double sum = 0;

    for (size_t k = 0; k < t->n_classes; k++) {
        double rows[10] = {0}, mean = 1.0 / s->n_folds;

        for (size_t i = 0; i < s->n_rows; i++)
            rows[s->fold[i]] += plans_column(t, ROLE_TARGET)->codes[i] == (int32_t)k;
        for (uint32_t f = 1; f <= s->n_folds; f++) {
            double share = rows[f] / (double)t->class_rows[k] - mean;

            sum += share * share;
        }
    }
    return sum;
}

static void stratified_groups_have_more_even_classes(void **state)
{
    uint64_t seed = 34;
    double mixed = 0, plain = 0;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 40; trial++) {
        struct recipe how = {.rows = 150 + rng_below(&r, 100), .groups = 20 + rng_below(&r, 30)};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &how);
        struct split_spec spec = {.kind = SPLIT_GROUP_KFOLD,
                                  .n_folds = 5,
                                  .n_repeats = 1,
                                  .shuffle = true,
                                  .seed = rng_u64(&r)};
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);
        CLEANUP(plans_end) struct split *even = NULL;

        spec.kind = SPLIT_STRATIFIED_GROUP_KFOLD;
        even = plans_split(t, &spec);
        plain += unevenness(t, s);
        mixed += unevenness(t, even);
    }
    assert_true(mixed < 0.5 * plain);
}

static void stratified_groups_of_one_row_are_even_to_within_a_row(void **state)
{
    uint64_t seed = 35;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 30; trial++) {
        size_t n = 50 + rng_below(&r, 150);
        struct recipe how = {.rows = n, .groups = (uint32_t)n};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &how);
        struct split_spec spec = {.kind = SPLIT_STRATIFIED_GROUP_KFOLD,
                                  .n_folds = 2 + rng_below(&r, 6),
                                  .n_repeats = 2,
                                  .shuffle = true,
                                  .seed = rng_u64(&r)};
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

        for (uint32_t repeat = 0; repeat < 2; repeat++) {
            for (uint32_t f = 1; f <= s->n_folds; f++) {
                size_t n_train, n_validation;

                split_count(s, repeat, f, &n_train, &n_validation);
                assert_in_range(n_validation, n / s->n_folds, n / s->n_folds + 1);
            }
            for (size_t k = 0; k < t->n_classes; k++) {
                size_t rows[10] = {0};

                for (size_t i = 0; i < n; i++)
                    rows[split_repeat(s, repeat)[i]] +=
                        plans_column(t, ROLE_TARGET)->codes[i] == (int32_t)k;
                for (uint32_t f = 1; f <= s->n_folds; f++)
                    assert_in_range(rows[f] * s->n_folds + s->n_folds, t->class_rows[k] + 1,
                                    t->class_rows[k] + 2 * s->n_folds - 1);
            }
        }
    }
}

static void groups_that_share_equal_rows_stay_in_one_fold(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("x,g,t,y\n1,a,1,p\n2,a,1,q\n2,b,1,p\n3,b,1,q\n4,c,1,p\n5,c,1,q\n"
                                  "6,d,1,p\n7,d,1,q\n8,e,1,p\n9,e,1,q\n10,f,1,p\n11,f,1,q\n"
                                  "12,g,1,p\n13,g,1,q\n14,h,1,p\n15,h,1,q\n",
                                  &plans_roles);
    struct split_spec spec = {
        .kind = SPLIT_GROUP_KFOLD, .n_folds = 2, .n_repeats = 20, .shuffle = true, .seed = 1};
    CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

    (void)state;
    for (uint32_t repeat = 0; repeat < 20; repeat++)
        assert_int_equal(split_repeat(s, repeat)[0], split_repeat(s, repeat)[3]);
    assert_int_equal(s->n_warnings, 0);
    check_groups_whole(t, s);
}

/* Five groups, five folds: together a and b would leave a fold empty. */
static void groups_come_before_equal_rows_where_both_cannot_be_had(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("x,g,t,y\n1,a,1,p\n2,a,1,q\n2,b,1,p\n3,b,1,q\n4,c,1,p\n5,c,1,q\n"
                                  "6,d,1,p\n7,d,1,q\n8,e,1,p\n9,e,1,q\n",
                                  &plans_roles);
    struct split_spec spec = {
        .kind = SPLIT_GROUP_KFOLD, .n_folds = 5, .n_repeats = 1, .shuffle = true, .seed = 1};
    CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

    (void)state;
    check_groups_whole(t, s);
    plans_check_parts(s);
    assert_true(s->fold[0] != s->fold[2]);
    assert_true(warned(s, "equal rows of different groups are not kept together"));
}

static void leave_one_group_out_has_a_fold_for_each_group_in_order(void **state)
{
    static const uint16_t expected[] = {3, 1, SPLIT_SEALED, 2, 1, 3};
    static const struct table_options o = {.target = "y", .group = "g", .split = "s"};
    CLEANUP(tables_end)
    struct table *t = tables_read("x,g,s,y\n1,10,train,p\n1,2,train,q\n3,1,test,p\n4,9,train,q\n"
                                  "5,2,train,p\n6,10,train,q\n",
                                  &o);
    struct split_spec spec = {.kind = SPLIT_LEAVE_ONE_GROUP_OUT, .n_repeats = 1};
    CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

    (void)state;
    assert_int_equal(s->n_folds, 3);
    assert_memory_equal(s->fold, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_whole_in_folds_and_in_the_sealed_part),
        cmocka_unit_test(folds_of_groups_differ_by_at_most_the_largest_group),
        cmocka_unit_test(stratified_groups_have_more_even_classes),
        cmocka_unit_test(stratified_groups_of_one_row_are_even_to_within_a_row),
        cmocka_unit_test(groups_that_share_equal_rows_stay_in_one_fold),
        cmocka_unit_test(groups_come_before_equal_rows_where_both_cannot_be_had),
        cmocka_unit_test(leave_one_group_out_has_a_fold_for_each_group_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
