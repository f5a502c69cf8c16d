#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/search/forest.h"
#include "core/search/importance.h"

enum { DIMENSIONS = 7, TRIALS = 200, NODES = 255, COLUMNS = 3 };

#define SUCCEED(call) assert_int_equal(call, ERR_OK)

static void assert_near(double x, double want, double tolerance)
{
    if (!(fabs(x - want) <= tolerance * fmax(1.0, fabs(want))))
        fail_msg("%.17g is not %.17g", x, want);
}

/* ---- PED-ANOVA ----------------------------------------------------------------------------- */

static const struct {
    size_t n;
    double x[TRIALS * DIMENSIONS], loss[TRIALS], importance[DIMENSIONS];
} ped_anova_cases[] = {
#define PED_ANOVA
#include "tests/core/search/importance_cases.inc"
#undef PED_ANOVA
};

static const struct value words[] = {{.kind = VALUE_TEXT, .text = "p"},
                                     {.kind = VALUE_TEXT, .text = "q"},
                                     {.kind = VALUE_TEXT, .text = "r"}};

static const struct dimension dimensions[DIMENSIONS] = {
    {.name = "real", .kind = SPACE_RANGE, .min = -2, .max = 3},
    {.name = "log", .kind = SPACE_RANGE, .log = true, .min = 1e-5, .max = 1e-1},
    {.name = "integer", .kind = SPACE_RANGE, .integer = true, .min = 1, .max = 30},
    {.name = "integer_log",
     .kind = SPACE_RANGE,
     .integer = true,
     .log = true,
     .min = 16,
     .max = 5000},
    {.name = "step", .kind = SPACE_RANGE, .min = 0, .max = 2, .step = 0.25},
    {.name = "word", .kind = SPACE_CHOICE, .n_values = 3, .values = words},
    {.name = "child",
     .kind = SPACE_RANGE,
     .min = 0,
     .max = 1,
     .gate = {.kind = GATE_ONE_OF, .parent = 5, .n_values = 2, .values = words + 1}},
};

struct fixture {
    struct arena *a;
    struct space *space;
    struct axes axes;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    SUCCEED(arena_create(1 << 16, &f->a, NULL));
    SUCCEED(space_create(dimensions, DIMENSIONS, &f->space, NULL));
    SUCCEED(axes_create(f->space, f->a, &f->axes, NULL));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    space_destroy(f->space);
    arena_destroy(f->a);
    free(f);
    return 0;
}

static void ped_anova_is_optunas(void **state)
{
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof ped_anova_cases / sizeof *ped_anova_cases; i++) {
        struct importance_trials t = {ped_anova_cases[i].n, ped_anova_cases[i].x,
                                      ped_anova_cases[i].loss};
        double out[DIMENSIONS];

        SUCCEED(importance_ped_anova(&f->axes, &t, out, NULL));
        for (size_t j = 0; j < DIMENSIONS; j++)
            assert_near(out[j], ped_anova_cases[i].importance[j], 1e-9);
    }
}

/* ---- trees --------------------------------------------------------------------------------- */

static const struct {
    size_t n;
    struct forest_node nodes[NODES];
    double total, explained[COLUMNS];
} tree_cases[] = {
#define TREES
#include "tests/core/search/importance_cases.inc"
#undef TREES
};

static void a_trees_explained_variance_is_optunas(void **state)
{
    const size_t categories[COLUMNS] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof tree_cases / sizeof *tree_cases; i++) {
        struct forest_node nodes[NODES];
        struct forest_tree t = {tree_cases[i].n, nodes};
        double total, explained[COLUMNS];

        memcpy(nodes, tree_cases[i].nodes, sizeof nodes);
        SUCCEED(forest_variance(&t, categories, COLUMNS, &total, explained, NULL));
        assert_near(total, tree_cases[i].total, 1e-12);
        for (size_t j = 0; j < COLUMNS; j++)
            assert_near(explained[j], tree_cases[i].explained[j], 1e-12);
    }
}

/* x <= 1/4 gives 4, else 0 for the first of three words and 3 for the others: means over the other
 * column are 4 and 2; 1 and 13/4 twice. */
static void a_small_tree_by_hand(void **state)
{
    const size_t categories[] = {0, 3};
    struct forest_node nodes[] = {
        {0, 0.25, 0, 1, 2, 0},        {FOREST_LEAF, 0, 0, 0, 0, 4}, {1, 0, 0, 3, 4, 0},
        {FOREST_LEAF, 0, 0, 0, 0, 0}, {FOREST_LEAF, 0, 0, 0, 0, 3},
    };
    struct forest_tree t = {5, nodes};
    double total, explained[2];

    (void)state;
    SUCCEED(forest_variance(&t, categories, 2, &total, explained, NULL));
    assert_near(total, 0.25 * 2.25 + 0.25 * 6.25 + 0.5 * 0.25, 1e-14);
    assert_near(explained[0], 0.25 * 2.25 + 0.75 * 0.25, 1e-14);
    assert_near(explained[1], 1.5 * 1.5 / 3 + 0.75 * 0.75 * 2 / 3, 1e-14);
}

/* Every tree of a forest on steps and words, against a sum over all points. */
static void explained_variance_is_that_of_all_points(void **state)
{
    enum { STEPS = 5, WORDS = 4, ROWS = 120 };
    const size_t categories[COLUMNS] = {0, WORDS, WORDS};
    double x[ROWS * COLUMNS], y[ROWS];
    struct forest *f;
    struct rng r;

    (void)state;
    rng_init(&r, 9, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < ROWS; i++) {
        x[3 * i] = (rng_below(&r, STEPS) + 0.5) / STEPS;
        x[3 * i + 1] = rng_below(&r, WORDS);
        x[3 * i + 2] = rng_below(&r, WORDS);
        y[i] = x[3 * i] * (x[3 * i + 1] - 1.5) + (x[3 * i + 2] == 2) + 0.1 * rng_normal(&r);
    }
    SUCCEED(
        forest_grow(&(struct forest_data){ROWS, COLUMNS, categories, x, y}, 10, ROWS, 4, &f, NULL));
    for (size_t k = 0; k < f->n_trees; k++) {
        const size_t n[COLUMNS] = {100 * STEPS, WORDS, WORDS}; /* cuts lie on hundredths or near */
        double total, explained[COLUMNS], mean = 0, squares = 0;
        double *marginal[COLUMNS];

        for (size_t j = 0; j < COLUMNS; j++)
            marginal[j] = calloc(n[j], sizeof **marginal);
        for (size_t a = 0; a < n[0]; a++)
            for (size_t b = 0; b < WORDS; b++)
                for (size_t c = 0; c < WORDS; c++) {
                    double row[] = {((double)a + 0.5) / (double)n[0], (double)b, (double)c};
                    double v = forest_value(&f->trees[k], categories, row);
                    double all = (double)(n[0] * WORDS * WORDS);

                    mean += v / all;
                    squares += v * v / all;
                    marginal[0][a] += v / (WORDS * WORDS);
                    marginal[1][b] += v / (double)(n[0] * WORDS);
                    marginal[2][c] += v / (double)(n[0] * WORDS);
                }
        SUCCEED(forest_variance(&f->trees[k], categories, COLUMNS, &total, explained, NULL));
        assert_near(total, squares - mean * mean, 1e-9);
        for (size_t j = 0; j < COLUMNS; j++) {
            double of_squares = 0;

            for (size_t i = 0; i < n[j]; i++)
                of_squares += (marginal[j][i] - mean) * (marginal[j][i] - mean) / (double)n[j];
            assert_near(explained[j], of_squares, 1e-9);
            free(marginal[j]);
        }
    }
    forest_destroy(f);
}

/* ---- fANOVA -------------------------------------------------------------------------------- */

/* Uniform points; word 0 has no child. */
static void draw(double *x, size_t n, uint32_t seed)
{
    struct rng r;

    rng_init(&r, seed, 0, 0, RNG_TEST, 1);
    for (size_t i = 0; i < n; i++, x += DIMENSIONS) {
        x[0] = -2 + 5 * rng_f64(&r);
        x[1] = pow(10, -5 + 4 * rng_f64(&r));
        x[2] = 1 + rng_below(&r, 30);
        x[3] = floor(exp(log(16) + (log(5000) - log(16)) * rng_f64(&r)));
        x[4] = 0.25 * rng_below(&r, 9);
        x[5] = rng_below(&r, 3);
        x[6] = x[5] > 0 ? rng_f64(&r) : (double)NAN;
    }
}

static void shares_are_those_of_a_known_function(void **state)
{
    const struct fixture *f = *state;
    static double x[1000 * DIMENSIONS], loss[1000];
    struct importance_trials t = {1000, x, loss};
    struct importance_share out[DIMENSIONS];
    double r2;

    draw(x, 1000, 1);
    for (size_t i = 0; i < 1000; i++) {
        double u = (log10(x[i * DIMENSIONS + 1]) + 5) / 4;

        loss[i] = 100 + 3 * u + x[i * DIMENSIONS + 5]; /* variances 9/12 and 2/3 */
    }
    SUCCEED(importance_fanova(&f->axes, &t, out, &r2, NULL));
    assert_true(r2 > 0.95);
    assert_near(out[1].mean, 0.75 / (0.75 + 2.0 / 3), 0.03);
    assert_near(out[5].mean, 2.0 / 3 / (0.75 + 2.0 / 3), 0.03);
    for (size_t j = 0; j < DIMENSIONS; j++) {
        assert_true(out[j].low <= out[j].mean && out[j].mean <= out[j].high);
        if (j != 1 && j != 5)
            assert_true(out[j].mean < 0.01);
    }
}

/* What is not used does not explain that its parent matters. */
static void a_child_counts_where_it_is_used(void **state)
{
    const struct fixture *f = *state;
    static double x[1000 * DIMENSIONS], loss[1000];
    struct importance_trials t = {1000, x, loss};
    struct importance_share out[DIMENSIONS];
    double r2;

    draw(x, 1000, 2);
    for (size_t i = 0; i < 1000; i++) /* the parent alone */
        loss[i] = x[i * DIMENSIONS + 5] > 0 ? 1 : 0;
    SUCCEED(importance_fanova(&f->axes, &t, out, &r2, NULL));
    assert_true(out[5].mean > 0.98 && out[6].mean < 0.01);
    for (size_t i = 0; i < 1000; i++) /* the child alone: 2 v - 1 where it is used, else 0 */
        loss[i] = x[i * DIMENSIONS + 5] > 0 ? 2 * x[i * DIMENSIONS + 6] - 1 : 0;
    SUCCEED(importance_fanova(&f->axes, &t, out, &r2, NULL));
    /* Of its variance, 1/3 in two thirds of the points, 4/27 are by itself: 2/3 of it. */
    assert_true(out[5].mean < 0.05);
    assert_near(out[6].mean, 2.0 / 3, 0.05);
}

static void noise_has_no_r2_and_equal_losses_none_at_all(void **state)
{
    const struct fixture *f = *state;
    static double x[100 * DIMENSIONS], loss[100];
    struct importance_trials t = {100, x, loss};
    struct importance_share out[DIMENSIONS];
    struct rng r;
    double r2, ped[DIMENSIONS];

    draw(x, 100, 3);
    rng_init(&r, 5, 0, 0, RNG_TEST, 2);
    for (size_t i = 0; i < 100; i++)
        loss[i] = rng_normal(&r);
    SUCCEED(importance_fanova(&f->axes, &t, out, &r2, NULL));
    assert_true(r2 < 0.1);
    for (size_t i = 0; i < 100; i++)
        loss[i] = 0.3;
    SUCCEED(importance_fanova(&f->axes, &t, out, &r2, NULL));
    assert_true(isnan(r2));
    SUCCEED(importance_ped_anova(&f->axes, &t, ped, NULL));
    for (size_t j = 0; j < DIMENSIONS; j++)
        assert_true(ped[j] == 0 && out[j].mean == 0);
    t.n = 0;
    SUCCEED(importance_ped_anova(&f->axes, &t, ped, NULL));
    SUCCEED(importance_fanova(&f->axes, &t, out, &r2, NULL));
}

static void the_same_question_has_the_same_answer(void **state)
{
    const struct fixture *f = *state;
    static double x[300 * DIMENSIONS], loss[300];
    struct importance_trials t = {300, x, loss};
    struct importance_share one[DIMENSIONS], two[DIMENSIONS];
    double r2[2];

    draw(x, 300, 4);
    for (size_t i = 0; i < 300; i++)
        loss[i] = fabs(x[i * DIMENSIONS]) + 0.1 * x[i * DIMENSIONS + 2];
    SUCCEED(importance_fanova(&f->axes, &t, one, &r2[0], NULL));
    SUCCEED(importance_fanova(&f->axes, &t, two, &r2[1], NULL));
    assert_memory_equal(one, two, sizeof one);
    assert_true(r2[0] == r2[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ped_anova_is_optunas, set_up, tear_down),
        cmocka_unit_test(a_trees_explained_variance_is_optunas),
        cmocka_unit_test(a_small_tree_by_hand),
        cmocka_unit_test(explained_variance_is_that_of_all_points),
        cmocka_unit_test_setup_teardown(shares_are_those_of_a_known_function, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_counts_where_it_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_has_no_r2_and_equal_losses_none_at_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_question_has_the_same_answer, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
