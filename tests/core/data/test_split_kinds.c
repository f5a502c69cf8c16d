/*
 * What holds for every kind of cross-validation, and the kinds that leave one out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "tests/core/data/plans.h"

/* ---- what holds for every kind ----------------------------------------------------------------
 */

static const enum split_kind all_kinds[] = {
    SPLIT_KFOLD,       SPLIT_STRATIFIED_KFOLD,    SPLIT_GROUP_KFOLD,   SPLIT_STRATIFIED_GROUP_KFOLD,
    SPLIT_TIME_SERIES, SPLIT_LEAVE_ONE_GROUP_OUT, SPLIT_SHUFFLE_SPLIT, SPLIT_LEAVE_ONE_OUT,
    SPLIT_HOLDOUT};

enum { N_KINDS = sizeof all_kinds / sizeof *all_kinds };

/* Kinds whose folds are a partition give every row that is not sealed a fold. */
static void check_cover(const struct split *s, enum split_kind kind)
{
    bool partial =
        kind == SPLIT_HOLDOUT || kind == SPLIT_SHUFFLE_SPLIT || kind == SPLIT_TIME_SERIES;

    for (size_t i = 0; i < s->n_rows * s->n_repeats; i++) {
        if (s->fold[i] != SPLIT_SEALED)
            assert_in_range(s->fold[i], partial ? 0 : 1, s->n_folds);
        assert_int_equal(s->fold[i] == SPLIT_SEALED, s->fold[i % s->n_rows] == SPLIT_SEALED);
    }
}

static void every_kind_gives_parts_that_are_disjoint_and_cover(void **state)
{
    uint64_t seed = 31;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 12 * N_KINDS; trial++) {
        struct recipe how = {.rows = 80 + rng_below(&r, 120),
                             .groups = 12 + rng_below(&r, 20),
                             .times = rng_below(&r, 2) ? 30 : 0,
                             .regression = rng_below(&r, 2),
                             .equal_rows = rng_below(&r, 2)};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &how);
        struct split_spec spec = plans_spec(&r, all_kinds[trial % N_KINDS]);
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);
        CLEANUP(plans_end) struct split *again = plans_split(t, &spec);

        plans_check_parts(s);
        check_cover(s, spec.kind);
        assert_int_equal(s->n_sealed > 0, spec.sealed_fraction > 0);
        assert_memory_equal(s->fold, again->fold, s->n_rows * s->n_repeats * sizeof *s->fold);
        assert_memory_equal(s->unit, again->unit, s->n_rows * sizeof *s->unit);
    }
}

/* ---- one out, and splits at random ------------------------------------------------------------
 */

static void leave_one_out_has_a_fold_for_each_row(void **state)
{
    static const uint16_t expected[] = {1, 2, SPLIT_SEALED, 3};
    static const struct table_options o = {.target = "y", .split = "s"};
    CLEANUP(tables_end)
    struct table *t = tables_read("x,s,y\n1,train,p\n1,train,q\n2,test,q\n3,train,p\n", &o);
    struct split_spec spec = {.kind = SPLIT_LEAVE_ONE_OUT, .n_repeats = 1};
    CLEANUP(plans_end) struct split *s = plans_split(t, &spec);

    (void)state;
    assert_int_equal(s->n_folds, 3);
    assert_memory_equal(s->fold, expected, sizeof expected);
    assert_string_equal(s->warnings[0],
                        "leave_one_out trains 3 networks in each trial, and a metric that needs "
                        "several rows does not exist on a fold of one");
}

/* So a row may be in several validation parts. */
static void shuffle_split_is_a_holdout_again_and_again(void **state)
{
    struct recipe how = {.rows = 100, .groups = 10, .equal_rows = true};
    struct split_spec spec = {
        .kind = SPLIT_SHUFFLE_SPLIT, .n_folds = 6, .n_repeats = 1, .test_fraction = 0.3, .seed = 4};
    CLEANUP(tables_end) struct table *t = NULL;
    CLEANUP(plans_end) struct split *s = NULL;
    CLEANUP(plans_end) struct split *held_out = NULL;
    struct rng r;

    (void)state;
    rng_init(&r, 39, 0, 0, RNG_TEST, 0);
    t = plans_table(&r, &how);
    s = plans_split(t, &spec);
    assert_int_equal(s->n_folds, 1);
    assert_int_equal(s->n_repeats, 6);
    spec.kind = SPLIT_HOLDOUT;
    spec.n_repeats = 6;
    spec.shuffle = true;
    held_out = plans_split(t, &spec);
    assert_memory_equal(s->fold, held_out->fold, 6 * s->n_rows * sizeof *s->fold);
    for (uint32_t repeat = 0; repeat < 6; repeat++) {
        size_t n_train, n_validation;

        split_count(s, repeat, 1, &n_train, &n_validation);
        assert_int_equal(n_validation, 30);
        assert_int_equal(n_train, 70);
    }
}

/* ---- units of a fold --------------------------------------------------------------------------
 */

/* Rows of a group, or with equal features, share the number that a further cut goes by. */
static void groups_and_equal_rows_share_a_unit(void **state)
{
    static const struct prepare_spec how = {.missing_indicator = true};
    uint64_t seed = 40;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 20; trial++) {
        struct recipe recipe = {.rows = 250, .groups = 100, .equal_rows = true, .loners = true};
        CLEANUP(tables_end) struct table *t = plans_table(&r, &recipe);
        struct split_spec spec = plans_spec(&r, trial % 2 ? SPLIT_KFOLD : SPLIT_GROUP_KFOLD);
        CLEANUP(plans_end) struct split *s = plans_split(t, &spec);
        CLEANUP(plans_fold_end) struct fold_data *d = NULL;
        const int32_t *group = plans_column(t, ROLE_GROUP)->codes;
        uint32_t first[PLANS_MAX_ROWS];
        struct error e = {0};

        assert_int_equal(table_first_equal(t, false, first, &e), ERR_OK);
        assert_int_equal(prepare_fold(t, s, 0, 1, &how, NULL, &d, &e), ERR_OK);
        assert_false(d->ordered);
        for (size_t i = 0; i < d->n_train + d->n_validation; i++) {
            assert_int_equal(d->unit[i], s->unit[d->row[i]]);
            for (size_t j = 0; j < i; j++)
                assert_int_equal(d->unit[i] == d->unit[j], group[d->row[i]] == group[d->row[j]]);
            for (size_t j = 0; j < i; j++)
                if (first[d->row[i]] == first[d->row[j]])
                    assert_int_equal(d->unit[i], d->unit[j]);
        }
    }
}

/* Too many equal rows would leave a further cut without a choice. */
static void a_large_run_of_equal_rows_is_not_one_unit(void **state)
{
    struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;
    struct split_spec spec = {.kind = SPLIT_LEAVE_ONE_OUT, .n_repeats = 1};
    CLEANUP(plans_end) struct split *s = NULL;

    (void)state;
    for (int i = 0; i < 40; i++)
        buf_printf(&text, "%d,%s\n", i < 4 ? 0 : i, i % 2 ? "p" : "q");
    t = tables_read(text.data, NULL);
    s = plans_split(t, &spec);
    for (size_t i = 1; i < 40; i++)
        assert_true(s->unit[i] != s->unit[i - 1]);
    buf_finish(&text);
}

/* ---- what cannot be ---------------------------------------------------------------------------
 */

struct refused {
    struct split_spec spec;
    const char *field, *message;
};

static void check_refused(const struct table *t, const struct refused *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct split *s = NULL;
        struct error e = {0};

        assert_int_equal(split_create(t, &cases[i].spec, &s, &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
        assert_string_equal(e.field, cases[i].field);
        assert_null(s);
    }
}

static void plans_that_cannot_be_are_refused(void **state)
{
    static const struct refused cases[] = {
        {{.kind = SPLIT_GROUP_KFOLD, .n_folds = 3, .n_repeats = 1},
         "folds",
         "folds 3: the data has only 2 groups to cut"},
        {{.kind = SPLIT_TIME_SERIES, .n_folds = 3, .n_repeats = 1},
         "folds",
         "folds 3: the data has 3 different times; expected one more than folds"},
        {{.kind = SPLIT_TIME_SERIES, .n_folds = 2, .n_repeats = 1, .gap = 2},
         "gap",
         "gap 2: fold 1 has 2 rows before its validation part, which leaves none to train on"},
        {{.kind = SPLIT_TIME_SERIES, .n_folds = 2, .n_repeats = 2, .shuffle = true},
         "repeats",
         "repeats 2: time_series folds are the same each time; expected 1"},
        {{.kind = SPLIT_TIME_SERIES, .n_folds = 2, .n_repeats = 1, .sealed_fraction = 0.01},
         "sealed",
         "sealed 0.01: of 6 rows that leaves one part empty"},
        {{.kind = SPLIT_LEAVE_ONE_OUT, .n_repeats = 2, .shuffle = true},
         "repeats",
         "repeats 2: leave_one_out folds are the same each time; expected 1"},
        {{.kind = SPLIT_SHUFFLE_SPLIT, .n_folds = 5, .n_repeats = 2, .test_fraction = 0.5},
         "repeats",
         "repeats 2: folds is the number of splits of shuffle_split; expected 1"},
        {{.kind = SPLIT_SHUFFLE_SPLIT, .n_folds = 0, .n_repeats = 1, .test_fraction = 0.5},
         "folds",
         "folds 0: expected 2 to 10000"},
    };
    CLEANUP(tables_end)
    struct table *t = tables_read("x,g,t,y\n1,a,1,p\n2,b,1,q\n3,a,2,p\n4,b,2,q\n5,a,3,p\n6,b,3,q\n",
                                  &plans_roles);

    (void)state;
    check_refused(t, cases, sizeof cases / sizeof *cases);
}

static void kinds_without_their_column_are_refused(void **state)
{
    static const struct refused cases[] = {
        {{.kind = SPLIT_GROUP_KFOLD, .n_folds = 2, .n_repeats = 1},
         "kind",
         "kind group_kfold: the data set has no group column"},
        {{.kind = SPLIT_LEAVE_ONE_GROUP_OUT, .n_repeats = 1},
         "kind",
         "kind leave_one_group_out: the data set has no group column"},
        {{.kind = SPLIT_TIME_SERIES, .n_folds = 2, .n_repeats = 1},
         "kind",
         "kind time_series: the data set has no time column"},
    };
    static const struct table_options one_group = {.target = "y", .group = "g"};
    static const struct refused alone = {
        {.kind = SPLIT_LEAVE_ONE_GROUP_OUT, .n_repeats = 1},
        "kind",
        "kind leave_one_group_out: expected 2 to 10000 groups, \"g\" has 1"};
    CLEANUP(tables_end) struct table *t = tables_read("x,y\n1,p\n2,q\n3,p\n4,q\n", NULL);
    CLEANUP(tables_end) struct table *one = tables_read("x,g,y\n1,a,p\n2,a,q\n", &one_group);

    (void)state;
    check_refused(t, cases, sizeof cases / sizeof *cases);
    check_refused(one, &alone, 1);
}

static void too_many_rows_to_leave_one_out_are_refused(void **state)
{
    static const struct refused large = {
        {.kind = SPLIT_LEAVE_ONE_OUT, .n_repeats = 1},
        "kind",
        "kind leave_one_out: expected 2 to 10000 rows, each is a fold; the data has 10001"};
    struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;

    (void)state;
    for (int i = 0; i < 10001; i++)
        buf_printf(&text, "%d,%s\n", i, i % 2 ? "p" : "q");
    t = tables_read(text.data, NULL);
    check_refused(t, &large, 1);
    buf_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_gives_parts_that_are_disjoint_and_cover),
        cmocka_unit_test(leave_one_out_has_a_fold_for_each_row),
        cmocka_unit_test(shuffle_split_is_a_holdout_again_and_again),
        cmocka_unit_test(groups_and_equal_rows_share_a_unit),
        cmocka_unit_test(a_large_run_of_equal_rows_is_not_one_unit),
        cmocka_unit_test(plans_that_cannot_be_are_refused),
        cmocka_unit_test(kinds_without_their_column_are_refused),
        cmocka_unit_test(too_many_rows_to_leave_one_out_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
