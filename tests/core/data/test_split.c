#include "core/data/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/rng.h"
#include "tests/core/data/tables.h"

static const struct split_spec five = {
    .kind = SPLIT_STRATIFIED_KFOLD, .n_folds = 5, .n_repeats = 1, .shuffle = true, .seed = 1};

static void split_end(struct split **s)
{
    split_destroy(*s);
    *s = NULL;
}

static struct split *split_of(const struct table *t, const struct split_spec *spec)
{
    struct split *s = NULL;
    struct error e = {0};

    if (split_create(t, spec, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

/* `n` rows with distinct features but for `copies` that repeat an earlier row. */
static struct table *random_table(struct rng *r, size_t n, size_t copies, bool regression)
{
    struct buf text = {0};
    struct table *t;

    buf_puts(&text, "a,b,y\n");
    for (size_t i = 0; i < n; i++) {
        size_t a = i < copies ? n - 1 - rng_below(r, (uint32_t)(n - copies)) : i;

        buf_printf(&text, "%zu,%zu,", a, a * a % 101);
        if (regression)
            buf_printf(&text, "%.6f\n", rng_normal(r));
        else
            buf_printf(&text, "class_%u\n",
                       i < 3 ? (unsigned)i : rng_below(r, 1 + rng_below(r, 4)));
    }
    t = tables_read(text.data, NULL);
    buf_finish(&text);
    return t;
}

static size_t count(const uint16_t *plan, size_t n, uint16_t fold)
{
    size_t rows = 0;

    for (size_t i = 0; i < n; i++)
        rows += plan[i] == fold;
    return rows;
}

static void assert_balanced(const struct table *t, const struct split *s, uint32_t repeat,
                            bool strata)
{
    const uint16_t *plan = split_repeat(s, repeat);
    const struct column *y = &t->columns[t->targets[0]];
    size_t least = SIZE_MAX, most = 0;

    for (uint16_t f = 1; f <= s->n_folds; f++) {
        size_t n = count(plan, t->n_rows, f);

        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_true(most - least <= 1);
    for (size_t k = 0; strata && k < t->n_classes; k++) {
        size_t rows[100] = {0};

        for (size_t i = 0; i < t->n_rows; i++)
            rows[plan[i]] += y->codes[i] == (int32_t)k;
        for (uint32_t f = 2; f <= s->n_folds; f++)
            assert_true(rows[f] + 1 >= rows[1] && rows[f] <= rows[1] + 1);
    }
}

static void folds_cover_every_row_once_and_are_even_to_within_a_row(void **state)
{
    uint64_t seed = 3;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 60; trial++) {
        size_t n = 20 + rng_below(&r, 150);
        CLEANUP(tables_end) struct table *t = random_table(&r, n, 0, trial % 3 == 0);
        struct split_spec spec = five;
        CLEANUP(split_end) struct split *s = NULL;

        spec.kind = trial % 2 ? SPLIT_KFOLD : SPLIT_STRATIFIED_KFOLD;
        spec.n_folds = 2 + rng_below(&r, 8);
        spec.n_repeats = 1 + rng_below(&r, 3);
        spec.shuffle = spec.n_repeats > 1 || trial % 5;
        spec.seed = rng_u64(&r);
        s = split_of(t, &spec);
        for (uint32_t repeat = 0; repeat < spec.n_repeats; repeat++) {
            for (size_t i = 0; i < n; i++)
                assert_in_range(split_repeat(s, repeat)[i], 1, spec.n_folds);
            assert_balanced(t, s, repeat, spec.kind == SPLIT_STRATIFIED_KFOLD);
        }
    }
}

static void rows_with_equal_features_stay_in_one_fold(void **state)
{
    uint64_t seed = 4;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 40; trial++) {
        size_t n = 100 + rng_below(&r, 100);
        CLEANUP(tables_end) struct table *t = random_table(&r, n, n / 5, trial % 3 == 0);
        static const enum split_kind kinds[] = {SPLIT_KFOLD, SPLIT_STRATIFIED_KFOLD, SPLIT_HOLDOUT};
        struct split_spec spec = five;
        CLEANUP(split_end) struct split *s = NULL;
        uint32_t first[200];

        spec.kind = kinds[trial % 3];
        spec.test_fraction = 0.3;
        spec.n_repeats = 2;
        spec.seed = rng_u64(&r);
        spec.sealed_fraction = trial % 2 ? 0.25 : 0;
        s = split_of(t, &spec);
        for (size_t i = 0; i < s->n_warnings; i++)
            assert_null(strstr(s->warnings[i], "equal features"));
        assert_int_equal(table_first_equal(t, false, first, NULL), ERR_OK);
        for (uint32_t repeat = 0; repeat < 2; repeat++)
            for (size_t i = 0; i < n; i++)
                assert_int_equal(split_repeat(s, repeat)[i], split_repeat(s, repeat)[first[i]]);
    }
}

static void too_many_equal_rows_are_spread_with_a_warning(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("a,y\n1,p\n1,q\n1,p\n1,q\n1,p\n1,q\n2,p\n3,q\n4,p\n5,q\n", NULL);
    CLEANUP(split_end) struct split *s = split_of(t, &five);

    (void)state;
    assert_balanced(t, s, 0, true);
    assert_int_equal(s->n_warnings, 1);
    assert_string_equal(s->warnings[0],
                        "6 rows have equal features, more than half of a fold (2 rows), so equal "
                        "rows are not kept together");
}

static void the_seed_alone_decides(void **state)
{
    struct rng r;
    CLEANUP(tables_end) struct table *t = NULL;
    struct split_spec other = five, longer = five;
    CLEANUP(split_end) struct split *a = NULL, *b = NULL, *c = NULL, *d = NULL;
    size_t bytes;

    (void)state;
    rng_init(&r, 5, 0, 0, RNG_TEST, 0);
    t = random_table(&r, 120, 10, false);
    bytes = t->n_rows * sizeof(uint16_t);
    other.seed = 2;
    longer.n_repeats = 3;
    a = split_of(t, &five);
    b = split_of(t, &five);
    c = split_of(t, &other);
    d = split_of(t, &longer);
    assert_memory_equal(a->fold, b->fold, bytes);
    assert_true(memcmp(a->fold, c->fold, bytes) != 0);
    assert_memory_equal(a->fold, d->fold, bytes); /* more repeats do not change the first */
    assert_true(memcmp(split_repeat(d, 0), split_repeat(d, 1), bytes) != 0);
    split_destroy(b);
    split_destroy(c);
    split_destroy(d);
    b = c = d = NULL;
}

/* sklearn.model_selection.KFold(5).split(range(12)): 0 0 0 1 1 1 2 2 3 3 4 4 */
static void without_shuffle_kfold_cuts_the_blocks_of_scikit_learn(void **state)
{
    static const uint16_t expected[] = {1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5};
    CLEANUP(tables_end)
    struct table *t =
        tables_read("1,0\n2,1\n3,0\n4,1\n5,0\n6,1\n7,0\n8,1\n9,0\n10,1\n11,0\n12,1\n", NULL);
    struct split_spec spec = five;
    CLEANUP(split_end) struct split *s = NULL;

    (void)state;
    spec.kind = SPLIT_KFOLD;
    spec.shuffle = false;
    s = split_of(t, &spec);
    assert_memory_equal(s->fold, expected, sizeof expected);
}

static void strata_of_a_regression_are_quantiles_of_its_target(void **state)
{
    struct rng r;
    CLEANUP(tables_end) struct table *t = NULL;
    CLEANUP(split_end) struct split *s = NULL;
    const double *y;

    (void)state;
    rng_init(&r, 6, 0, 0, RNG_TEST, 0);
    t = random_table(&r, 200, 0, true);
    y = t->columns[2].values;
    s = split_of(t, &five);
    for (size_t tenth = 0; tenth < 10; tenth++) {
        size_t rows[6] = {0};

        for (size_t i = 0; i < 200; i++) {
            size_t rank = 0;

            for (size_t k = 0; k < 200; k++)
                rank += y[k] < y[i];
            rows[s->fold[i]] += rank / 20 == tenth;
        }
        for (size_t f = 1; f <= 5; f++)
            assert_int_equal(rows[f], 4);
    }
}

static void holdout_takes_the_fraction_of_each_class(void **state)
{
    struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;
    struct split_spec spec = five;
    CLEANUP(split_end) struct split *s = NULL, *last = NULL;
    size_t rare = 0, n_train, n_validation;

    (void)state;
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "%d,%s\n", i, i % 10 ? "often" : "rare");
    t = tables_read(text.data, NULL);
    spec.kind = SPLIT_HOLDOUT;
    spec.test_fraction = 0.3;
    s = split_of(t, &spec);
    assert_int_equal(s->n_folds, 1);
    split_count(s, 0, 1, &n_train, &n_validation);
    assert_int_equal(n_validation, 30);
    assert_int_equal(n_train, 70);
    for (size_t i = 0; i < 100; i += 10)
        rare += s->fold[i];
    assert_int_equal(rare, 3);
    spec.shuffle = false;
    last = split_of(t, &spec);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(last->fold[i], i >= 70);
    split_destroy(last);
    last = NULL;
    buf_finish(&text);
}

static void predefined_folds_are_the_columns_values_in_order(void **state)
{
    static const uint16_t expected[] = {3, 1, 2, 1, SPLIT_SEALED, 2};
    struct table_options o = {.fold = "f", .split = "s", .target = "y"};
    CLEANUP(tables_end)
    struct table *t = tables_read("a,f,s,y\n1,10,train,0\n1,2,train,1\n2,9,train,0\n3,2,train,1\n"
                                  "4,2,test,0\n5,9,train,1\n",
                                  &o);
    struct split_spec spec = {.kind = SPLIT_PREDEFINED, .n_repeats = 1, .seed = 1};
    CLEANUP(split_end) struct split *s = NULL;

    (void)state;
    s = split_of(t, &spec);
    assert_int_equal(s->n_folds, 3);
    assert_int_equal(s->n_sealed, 1);
    assert_memory_equal(s->fold, expected, sizeof expected);
}

static void sealed_rows_are_in_no_part_of_any_repeat(void **state)
{
    struct rng r;
    CLEANUP(tables_end) struct table *t = NULL;
    struct split_spec spec = five;
    CLEANUP(split_end) struct split *s = NULL;
    size_t n_train, n_validation;

    (void)state;
    rng_init(&r, 8, 0, 0, RNG_TEST, 0);
    t = random_table(&r, 150, 0, false);
    spec.n_repeats = 3;
    spec.sealed_fraction = 0.2;
    s = split_of(t, &spec);
    assert_int_equal(s->n_sealed, 30);
    for (uint32_t repeat = 0; repeat < 3; repeat++) {
        for (size_t i = 0; i < 150; i++)
            assert_int_equal(split_repeat(s, repeat)[i] == SPLIT_SEALED,
                             s->fold[i] == SPLIT_SEALED);
        split_count(s, repeat, 2, &n_train, &n_validation);
        assert_int_equal(n_train, 96);
        assert_int_equal(n_validation, 24);
    }
}

static void a_class_with_fewer_rows_than_folds_is_warned_about(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("1,a\n2,a\n3,a\n4,a\n5,a\n6,a\n7,b\n8,b\n", NULL);
    CLEANUP(split_end) struct split *s = split_of(t, &five);

    (void)state;
    assert_int_equal(s->n_warnings, 1);
    assert_string_equal(s->warnings[0],
                        "1 of 2 classes have fewer rows than there are folds (5), the smallest is "
                        "\"b\" with 2; some folds are without them");
}

static void plans_that_cannot_be_are_refused(void **state)
{
    static const struct refused {
        struct split_spec spec;
        const char *field, *message;
    } cases[] = {
        {{.kind = SPLIT_KFOLD, .n_folds = 9, .n_repeats = 1, .shuffle = true},
         "folds",
         "folds 9: the data has only 8 rows to cut"},
        {{.kind = SPLIT_STRATIFIED_KFOLD, .n_folds = 7, .n_repeats = 1, .shuffle = true},
         "folds",
         "folds 7: every class has fewer rows, the largest, \"a\", has 6"},
        {{.kind = SPLIT_KFOLD, .n_folds = 1, .n_repeats = 1, .shuffle = true},
         "folds",
         "folds 1: expected 2 to 10000"},
        {{.kind = SPLIT_KFOLD, .n_folds = 2, .shuffle = true},
         "repeats",
         "repeats 0: expected 1 to 10000"},
        {{.kind = SPLIT_KFOLD, .n_folds = 2, .n_repeats = 3},
         "repeats",
         "repeats 3: unshuffled folds are the same each time; expected 1"},
        {{.kind = SPLIT_PREDEFINED, .n_repeats = 1, .shuffle = true},
         "kind",
         "kind predefined: the data set has no fold column"},
        {{.kind = SPLIT_HOLDOUT, .n_repeats = 1, .shuffle = true, .test_fraction = 1.5},
         "test_fraction",
         "test_fraction 1.5: expected a number between 0 and 1"},
        {{.kind = SPLIT_HOLDOUT, .n_repeats = 1, .shuffle = true, .test_fraction = 0.01},
         "test_fraction",
         "test_fraction 0.01: of 8 rows that leaves one part empty"},
        {{.kind = SPLIT_KFOLD, .n_folds = 2, .n_repeats = 1, .shuffle = true, .sealed_fraction = 1},
         "sealed",
         "sealed fraction 1: expected a number from 0 to below 1"},
        {{.kind = SPLIT_KFOLD,
          .n_folds = 2,
          .n_repeats = 1,
          .shuffle = true,
          .sealed_fraction = 0.01},
         "sealed",
         "sealed 0.01: of 8 rows that leaves one part empty"},
    };
    CLEANUP(tables_end)
    struct table *t = tables_read("1,a\n2,a\n3,a\n4,a\n5,a\n6,a\n7,b\n8,b\n", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct split *s = NULL;
        struct error e = {0};

        assert_int_equal(split_create(t, &cases[i].spec, &s, &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
        assert_string_equal(e.field, cases[i].field);
        assert_null(s);
    }
}

static void kinds_have_names(void **state)
{
    enum split_kind kind;

    (void)state;
    for (size_t i = 0; split_kind_names()[i]; i++) {
        assert_true(split_kind_find(split_kind_names()[i], &kind));
        assert_int_equal(kind, i);
        assert_string_equal(split_kind_name(kind), split_kind_names()[i]);
    }
    assert_false(split_kind_find("nested_kfold", &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_cover_every_row_once_and_are_even_to_within_a_row),
        cmocka_unit_test(rows_with_equal_features_stay_in_one_fold),
        cmocka_unit_test(too_many_equal_rows_are_spread_with_a_warning),
        cmocka_unit_test(the_seed_alone_decides),
        cmocka_unit_test(without_shuffle_kfold_cuts_the_blocks_of_scikit_learn),
        cmocka_unit_test(strata_of_a_regression_are_quantiles_of_its_target),
        cmocka_unit_test(holdout_takes_the_fraction_of_each_class),
        cmocka_unit_test(predefined_folds_are_the_columns_values_in_order),
        cmocka_unit_test(sealed_rows_are_in_no_part_of_any_repeat),
        cmocka_unit_test(a_class_with_fewer_rows_than_folds_is_warned_about),
        cmocka_unit_test(plans_that_cannot_be_are_refused),
        cmocka_unit_test(kinds_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
