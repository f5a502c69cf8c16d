#include "core/data/scaling.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/fmath.h"
#include "core/base/mem.h"
#include "core/data/prepare.h"
#include "tests/core/data/tables.h"

struct scaling_case {
    const char *name;
    enum scaling_kind kind;
    size_t n_train, n_fresh;
    const double *train, *fresh, *expected;
};

struct table_case {
    enum prepare_impute impute;
    enum scaling_kind scaling;
    const double *expected; /* (rows, columns) */
};

struct rare_case {
    size_t max_categories, width;
    const double *expected; /* (rows, width) */
};

#include "tests/core/data/scaling_cases.inc"

enum { N_CASES = sizeof scaling_cases / sizeof *scaling_cases };

static bool near(double x, double expected, double tolerance)
{
    return fabs(x - expected) <= tolerance * (1 + fabs(expected));
}

/* A fit of a copy, as a fit may reorder. */
static void fit(enum scaling_kind kind, const double *x, size_t n, struct scaling *out)
{
    double copy[2000];
    struct error e = {0};

    assert_true(n <= sizeof copy / sizeof *copy);
    memcpy(copy, x, n * sizeof *copy);
    assert_int_equal(scaling_fit(kind, copy, n, out, &e), ERR_OK);
}

static void every_scaling_is_that_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_CASES; k++) {
        const struct scaling_case *c = &scaling_cases[k];
        CLEANUP(scaling_finish) struct scaling s = {0};

        fit(c->kind, c->train, c->n_train, &s);
        for (size_t i = 0; i < c->n_fresh; i++)
            if (!near(scaling_apply(&s, c->fresh[i]), c->expected[i], 1e-12))
                fail_msg("%s, %s: %.17g becomes %.17g, expected %.17g", c->name,
                         scaling_name(c->kind), c->fresh[i], scaling_apply(&s, c->fresh[i]),
                         c->expected[i]);
    }
}

/* Columns of one length, one of them constant. */
static void columns_are_fitted_as_each_alone(void **state)
{
    enum { ROWS = 37, COLUMNS = 2 * SCALING_ABREAST + 1 };
    double x[COLUMNS * ROWS], copy[COLUMNS * ROWS];
    struct error e = {0};

    (void)state;
    for (size_t i = 0; i < COLUMNS * ROWS; i++)
        x[i] = i / ROWS == 2 ? 0.1 : sin((double)i) * (double)(i / ROWS + 1);
    for (int kind = 0; kind <= SCALING_QUANTILE; kind++) {
        struct scaling together[COLUMNS] = {{0}};
        enum scaling_kind k = (enum scaling_kind)kind;

        memcpy(copy, x, sizeof copy);
        assert_int_equal(scaling_fit_columns(k, copy, ROWS, COLUMNS, together, &e), ERR_OK);
        for (size_t j = 0; j < COLUMNS; j++) {
            CLEANUP(scaling_finish) struct scaling alone = {0};

            fit(k, x + j * ROWS, ROWS, &alone);
            assert_int_equal(together[j].kind, alone.kind);
            for (size_t i = 0; i < COLUMNS * ROWS; i++)
                assert_true(scaling_apply(&together[j], x[i]) == scaling_apply(&alone, x[i]));
            scaling_finish(&together[j]);
        }
    }
}

static void a_constant_column_becomes_zeros(void **state)
{
    static const double x[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};

    (void)state;
    for (int kind = 0; kind <= SCALING_QUANTILE; kind++) {
        for (size_t n = 1; n <= 7; n++) {
            CLEANUP(scaling_finish) struct scaling s = {0};

            fit((enum scaling_kind)kind, x, n, &s);
            if (kind == SCALING_NONE)
                continue;
            assert_true(scaling_apply(&s, 0.1) == 0);
            assert_true(scaling_apply(&s, 0.2) > 0 && scaling_apply(&s, -3) < 0);
        }
    }
}

/* Metres or nanometres; only where there is no interquartile range to divide by it matters. */
static void a_scaling_does_not_see_the_unit(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_CASES; k++) {
        const struct scaling_case *c = &scaling_cases[k];
        CLEANUP(scaling_finish) struct scaling s = {0};
        CLEANUP(scaling_finish) struct scaling small = {0};
        double x[2000];

        if (c->kind == SCALING_NONE ||
            (c->kind == SCALING_ROBUST && strcmp(c->name, "mostly one") == 0))
            continue;
        for (size_t i = 0; i < c->n_train; i++)
            x[i] = c->train[i] * 0x1p-80;
        fit(c->kind, c->train, c->n_train, &s);
        fit(c->kind, x, c->n_train, &small);
        for (size_t i = 0; i < c->n_fresh; i++)
            if (scaling_apply(&s, c->fresh[i]) != scaling_apply(&small, c->fresh[i] * 0x1p-80))
                fail_msg("%s, %s: %.17g becomes %.17g, in the other unit %.17g", c->name,
                         scaling_name(c->kind), c->fresh[i], scaling_apply(&s, c->fresh[i]),
                         scaling_apply(&small, c->fresh[i] * 0x1p-80));
    }
}

static void larger_numbers_never_become_smaller(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_CASES; k++) {
        const struct scaling_case *c = &scaling_cases[k];
        CLEANUP(scaling_finish) struct scaling s = {0};

        fit(c->kind, c->train, c->n_train, &s);
        for (size_t i = 0; i < c->n_fresh; i++)
            for (size_t j = 0; j < c->n_fresh; j++)
                if (c->fresh[i] <= c->fresh[j])
                    assert_true(scaling_apply(&s, c->fresh[i]) <= scaling_apply(&s, c->fresh[j]));
    }
}

static void numbers_beyond_double_do_not_become_finite(void **state)
{
    static const double x[] = {-1.7e308, -1.7e308, 1.7e308, 1.7e308};
    static const enum scaling_kind kinds[] = {SCALING_STANDARD, SCALING_MINMAX, SCALING_ROBUST};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        CLEANUP(scaling_finish) struct scaling s = {0};

        fit(kinds[k], x, 4, &s);
        assert_false(isfinite(scaling_apply(&s, 1)));
    }
}

static void normal_quantiles_are_exact_to_fourteen_digits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof normal_p / sizeof *normal_p; i++) {
        double p = normal_p[i], x = fmath_normal_quantile(p);

        if (fabs(x - normal_x[i]) > 1e-14 * fabs(normal_x[i]))
            fail_msg("p %.17g: %.17g, expected %.17g", p, x, normal_x[i]);
        if (p > 0.01 && p < 0.25) /* 1 - p loses digits of p below */
            assert_true(fabs(fmath_normal_quantile(1 - p) + x) < 1e-14);
    }
    assert_true(fmath_normal_quantile(0.5) == 0);
    assert_true(isinf(fmath_normal_quantile(0)) && fmath_normal_quantile(0) < 0);
    assert_true(isinf(fmath_normal_quantile(1)) && fmath_normal_quantile(1) > 0);
    assert_true(isnan(fmath_normal_quantile(-0.1)) && isnan(fmath_normal_quantile(1.1)));
    assert_true(isnan(fmath_normal_quantile((double)NAN)));
}

static void check_features(const struct fold_data *d, const struct table_case *c)
{
    for (size_t i = 0; i < TABLE_ROWS; i++)
        for (size_t j = 0; j < d->n_features; j++)
            if (!near((double)d->x[i * d->stride + j], c->expected[i * d->n_features + j], 1e-6))
                fail_msg("%s, %s, row %zu, column %zu: %.9g, expected %.9g",
                         prepare_impute_name(c->impute), scaling_name(c->scaling), i, j,
                         (double)d->x[i * d->stride + j], c->expected[i * d->n_features + j]);
}

/* SimpleImputer, MissingIndicator, OneHotEncoder and the scaler, fitted on the training rows. */
static void a_fold_is_what_a_pipeline_of_scikit_learn_makes(void **state)
{
    static const struct table_options o = {.fold = "fold", .target = "y,z"};
    static const struct split_spec folds = {.kind = SPLIT_PREDEFINED, .n_repeats = 1};
    CLEANUP(tables_end) struct table *t = tables_read(table_text, &o);
    struct split *s = NULL;
    struct error e = {0};

    (void)state;
    assert_int_equal(split_create(t, &folds, &s, &e), ERR_OK);
    for (size_t k = 0; k < sizeof table_cases / sizeof *table_cases; k++) {
        struct prepare_spec how = {.scaling = table_cases[k].scaling,
                                   .impute = table_cases[k].impute,
                                   .missing_indicator = true};
        struct fold_data *d = NULL;

        assert_int_equal(prepare_fold(t, s, 0, 1, &how, NULL, &d, &e), ERR_OK);
        assert_int_equal(d->n_train, TABLE_TRAIN);
        assert_int_equal(d->n_features, 7);
        check_features(d, &table_cases[k]);
        for (size_t i = 0; i < TABLE_ROWS * 2; i++)
            assert_true(near((double)d->y[i], scaled_targets[i], 1e-6));
        fold_data_destroy(d);
    }
    split_destroy(s);
}

/* OneHotEncoder(max_categories=…, handle_unknown="infrequent_if_exist"), fitted on the training
 * rows; what of them is rare is `other`, and so is what they do not have. */
static void rare_categories_are_those_of_scikit_learn(void **state)
{
    static const struct table_options o = {.fold = "fold", .target = "y"};
    static const struct split_spec folds = {.kind = SPLIT_PREDEFINED, .n_repeats = 1};
    CLEANUP(tables_end) struct table *t = tables_read(rare_text, &o);
    struct split *s = NULL;
    struct error e = {0};

    (void)state;
    assert_int_equal(split_create(t, &folds, &s, &e), ERR_OK);
    for (size_t k = 0; k < sizeof rare_cases / sizeof *rare_cases; k++) {
        const struct rare_case *c = &rare_cases[k];
        struct prepare_spec how = {.max_categories = c->max_categories};
        struct fold_data *d = NULL;

        assert_int_equal(prepare_fold(t, s, 0, 1, &how, NULL, &d, &e), ERR_OK);
        assert_int_equal(d->n_train, RARE_TRAIN);
        assert_int_equal(d->n_train + d->n_validation, RARE_ROWS);
        assert_int_equal(d->n_features, c->width);
        for (size_t i = 0; i < RARE_ROWS; i++)
            for (size_t j = 0; j < c->width; j++)
                if ((double)d->x[i * d->stride + j] != c->expected[i * c->width + j])
                    fail_msg("at most %zu, row %zu, column %zu: %g, expected %g", c->max_categories,
                             i, j, (double)d->x[i * d->stride + j], c->expected[i * c->width + j]);
        fold_data_destroy(d);
    }
    split_destroy(s);
}

static void scalings_have_names(void **state)
{
    enum scaling_kind kind;

    (void)state;
    for (int k = 0; k <= SCALING_QUANTILE; k++) {
        assert_true(scaling_find(scaling_name((enum scaling_kind)k), &kind));
        assert_int_equal(kind, k);
    }
    assert_true(scaling_find("robust", &kind) && kind == SCALING_ROBUST);
    assert_false(scaling_find("power", &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scaling_is_that_of_scikit_learn),
        cmocka_unit_test(columns_are_fitted_as_each_alone),
        cmocka_unit_test(a_constant_column_becomes_zeros),
        cmocka_unit_test(a_scaling_does_not_see_the_unit),
        cmocka_unit_test(larger_numbers_never_become_smaller),
        cmocka_unit_test(numbers_beyond_double_do_not_become_finite),
        cmocka_unit_test(normal_quantiles_are_exact_to_fourteen_digits),
        cmocka_unit_test(a_fold_is_what_a_pipeline_of_scikit_learn_makes),
        cmocka_unit_test(rare_categories_are_those_of_scikit_learn),
        cmocka_unit_test(scalings_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
